/*-------------------------------------------------------------------------
 *
 * train_network_report.c
 *	  What the training of a network tells of itself: notices, and its report.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#include <math.h>

static const char *
metric_name(const ml_network_trainer *net)
{
	return net->nclasses > 0 ? "accuracy" : "rmse";
}

void
ml_network_tell_epoch(ml_context *ctx, const ml_network_trainer *net, const ml_epoch *epoch)
{
	char		text[ML_TEXT_MAX];
	size_t		used = ml_print(text, sizeof(text), "epoch %d of %d: loss %.5g, %s %.4g", epoch->epoch,
								net->trainer->options.epochs, epoch->loss, metric_name(net), epoch->metric);

	if (net->nvalidation > 0)
		used += ml_print(text + used, sizeof(text) - used, "; validation: loss %.5g, %s %.4g", epoch->validation_loss,
						 metric_name(net), epoch->validation_metric);
	if (!isnan(epoch->seconds))
		ml_print(text + used, sizeof(text) - used, "; %.3g s", epoch->seconds);
	ml_train_notice(ctx, text);
}

/* A regression that has not come near its targets yet. */
static void
tell_doubt(ml_context *ctx, ml_network_trainer *net)
{
	char		text[ML_TEXT_MAX];
	double		values[ML_METRICS_MAX];
	ml_text		target = net->trainer->target;

	ml_judgement_values(&net->judgement, values);
	for (int i = 0; i < ML_METRICS_MAX; i++)
		if (strcmp(ml_metric_names[i], "r2") == 0 && values[i] < 0)
		{
			ml_print(text, sizeof(text), "the mean of \"%.*s\" would predict the rows held out better than the network does (R2 %.3g): "
					 "give it more \"epochs\", a larger \"learning_rate\", or a target of numbers near 1",
					 (int) ML_MIN(target.size, (size_t) 64), target.data, values[i]);
			ml_train_notice(ctx, text);
		}
}

void
ml_network_tell(ml_context *ctx, ml_network_trainer *net)
{
	char		text[ML_TEXT_MAX];
	const ml_options *options = &net->trainer->options;
	const ml_epoch *last = &net->history[net->nhistory - 1];

	if (net->bad_images > 0)
	{
		ml_print(text, sizeof(text), "%llu rows were skipped because their images can't be read",
				 (unsigned long long) net->bad_images);
		ml_train_notice(ctx, text);
	}
	if (net->nclasses == 0 && net->least == net->most)
	{
		ml_print(text, sizeof(text), "\"%.*s\" is %g in all rows",
				 (int) ML_MIN(net->trainer->target.size, (size_t) 64), net->trainer->target.data, net->most);
		ml_train_notice(ctx, text);
	}
	if (net->best_epoch > 0 && net->best_epoch < last->epoch)
	{
		ml_print(text, sizeof(text), "epoch %d of %d was the best on the validation rows, and its weights are kept",
				 net->best_epoch, last->epoch);
		ml_train_notice(ctx, text);
	}
	if (net->nvalidation == 0 && (net->options->validation > 0 || net->options->validation_source.data != NULL))
		ml_train_notice(ctx, net->options->validation > 0 ? "too few rows for any to validate: the last epoch is kept" :
						"no row validates: the last epoch is kept");
	if (net->nholdout > 0)
		ml_tell_judges(ctx, net->nholdout);
	else if (options->holdout > 0 || options->holdout_by == ML_HOLDOUT_FLAG)
		ml_train_notice(ctx, options->holdout_by == ML_HOLDOUT_FLAG ?
						"no row is marked to be held out: the model has no metrics" :
						"too few rows to hold any out: the model has no metrics");
	if (net->nclasses == 0 && net->nholdout > 0)
		tell_doubt(ctx, net);
}

/* ---------- the report ---------- */

/* "history": [[epoch, step, learning_rate, seconds, loss, metric, validation loss, metric], ...] */
static ml_status
report_history(ml_context *ctx, const ml_network_trainer *net, ml_buffer *json)
{
	size_t		first = net->nhistory > ML_HISTORY_MAX ? net->nhistory - ML_HISTORY_MAX : 0;

	ML_TRY(ml_appendf(ctx, json, ", \"metric\": \"%s\", \"history\": [", metric_name(net)));
	for (size_t i = first; i < net->nhistory; i++)
	{
		const ml_epoch *e = &net->history[i];
		const double numbers[] = {e->learning_rate, e->seconds, e->loss, e->metric, e->validation_loss, e->validation_metric};

		ML_TRY(ml_appendf(ctx, json, "%s[%d, %lld", i == first ? "" : ", ", e->epoch, (long long) e->step));
		for (size_t k = 0; k < ML_LENGTH(numbers); k++)
		{
			char		number[32];

			ml_print_double(number, numbers[k], 9);
			ML_TRY(ml_appendf(ctx, json, ", %s", number));
		}
		ML_TRY(ml_appendf(ctx, json, "]"));
		ML_TRY(ml_poll(ctx));
	}
	return ml_appendf(ctx, json, "]");
}

static ml_status
report_columns(ml_context *ctx, const ml_network_trainer *net, ml_buffer *json)
{
	const ml_tabular *t = &net->feeds.tabular;

	ML_TRY(ml_appendf(ctx, json, ", \"columns\": {"));
	for (uint32_t i = 0; i < t->ncolumns; i++)
	{
		ML_TRY(ml_appendf(ctx, json, "%s", i == 0 ? "" : ", "));
		ML_TRY(ml_json_quote(ctx, json, t->names[i]));
		ML_TRY(ml_appendf(ctx, json, ": \"%s\"", ml_role_name((ml_role) t->columns[i].role)));
	}
	ML_TRY(ml_appendf(ctx, json, "}"));
	if (net->told.size == 0)
		return ML_OK;
	ML_TRY(ml_appendf(ctx, json, ", \"left_out\": "));
	return ml_append(ctx, json, net->told.data, net->told.size);
}

static ml_status
report_judgement(ml_context *ctx, ml_network_trainer *net, ml_buffer *json)
{
	const ml_labels *labels = &net->trainer->labels;
	uint64_t	most = 0;

	if (net->nclasses == 0)
		return ml_report_metrics(ctx, json, &net->judgement);
	for (uint32_t i = 0; i < labels->n; i++)
		most = ML_MAX(most, labels->rows[i]);
	ML_TRY(ml_report_number(ctx, json, "baseline", (double) most / (double) net->trainer->nrows, 6));
	ML_TRY(ml_report_metrics(ctx, json, &net->judgement));
	ML_TRY(ml_report_labels(ctx, json, labels, &net->judgement));
	ML_TRY(ml_report_confusion(ctx, json, &net->judgement));
	return ml_report_curves(ctx, json, &net->judgement, NULL);
}

ml_status
ml_network_report(ml_context *ctx, ml_network_trainer *net, ml_buffer *json)
{
	const ml_trainer *trainer = net->trainer;
	const ml_epoch *last = &net->history[net->nhistory - 1];

	ML_TRY(ml_appendf(ctx, json, "{\"algorithm\": \"network\", \"options\": "));
	ML_TRY(ml_options_write(ctx, &trainer->options, json));
	ML_TRY(ml_appendf(ctx, json, ", \"rows\": %llu, \"skipped\": %llu, \"holdout_rows\": %llu, \"validation_rows\": %llu",
					  (unsigned long long) trainer->nrows, (unsigned long long) trainer->skipped,
					  (unsigned long long) net->nholdout, (unsigned long long) net->nvalidation));
	if (net->bad_images > 0)
		ML_TRY(ml_appendf(ctx, json, ", \"bad_images\": %llu", (unsigned long long) net->bad_images));
	if (net->nclasses > 0)
		ML_TRY(ml_appendf(ctx, json, ", \"classes\": %u", net->nclasses));
	if (net->nclasses == 2)
	{
		ML_TRY(ml_appendf(ctx, json, ", \"positive\": "));
		ML_TRY(ml_json_quote(ctx, json, trainer->labels.names[net->class_label[1]]));
	}
	ML_TRY(ml_appendf(ctx, json, ", \"parameters\": %lld", (long long) ml_network_parameters(&net->network)));
	if (net->feeds.tabular.ntexts > 0)
		ML_TRY(ml_appendf(ctx, json, ", \"vocabulary\": %u", net->feeds.tokens.n));
	ML_TRY(report_columns(ctx, net, json));
	ML_TRY(ml_appendf(ctx, json, ", \"epochs\": %d, \"best_epoch\": %d", last->epoch,
					  net->best_epoch > 0 ? net->best_epoch : last->epoch));
	ML_TRY(ml_report_number(ctx, json, "loss", last->loss, 9));
	ML_TRY(report_history(ctx, net, json));
	ML_TRY(report_judgement(ctx, net, json));
	return ml_appendf(ctx, json, "}");
}
