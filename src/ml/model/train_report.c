/*-------------------------------------------------------------------------
 *
 * train_report.c
 *	  What a training tells of itself: figures on the rows held out, losses,
 *	  calibration, as one JSON object.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train.h"

#include <math.h>

#define POLL_SCORES	65536
#define CONFUSION_CELLS_MAX 10000

ml_status
ml_train_judge(ml_context *ctx, ml_trainer *trainer)
{
	uint32_t	nlabels = trainer->nlabels;
	double	   *probabilities;
	void	   *memory;
	size_t		work = 0;

	if (trainer->nholdout == 0)
	{
		if (trainer->options.holdout > 0 && ctx->host->log != NULL)
			ctx->host->log(ctx->host->user,
						   "too few rows of each label to hold any out: the model has no metrics");
		return ML_OK;
	}
	ml_linear_progress(ctx, ML_PHASE_EVALUATE, trainer->nholdout, 0, NAN);
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, nlabels * sizeof(double), &memory));
	probabilities = memory;
	for (uint32_t i = 0; i < trainer->nholdout; i++)
	{
		const float *scores = trainer->holdout_scores + (size_t) i * trainer->nscores;
		uint32_t	label = trainer->holdout_labels[i];
		uint32_t	best = ml_calibrated(&trainer->calibration, scores, trainer->nscores,
										 probabilities);

		ml_log_loss_add(&trainer->log_loss, probabilities[label]);
		ML_TRY(ml_confusion_tally(ctx, &trainer->confusion, &trainer->confusion_size,
								  trainer->labels[label], trainer->labels[best], 1));
		if (nlabels == 2)
			ML_TRY(ml_auc_tally(ctx, &trainer->auc, &trainer->auc_size, label == 1,
								scores[0]));
		work += nlabels;
		if (work > POLL_SCORES)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

/* ", "name": value" */
static ml_status
put(ml_context *ctx, ml_buffer *json, const char *name, double value, int digits)
{
	char		number[32];

	ml_print_double(number, value, digits);
	return ml_appendf(ctx, json, ", \"%s\": %s", name, number);
}

/* "metrics": {...}; absent without rows to judge by. */
static ml_status
put_metrics(ml_context *ctx, ml_trainer *trainer, ml_buffer *json)
{
	ml_metric	metrics[ML_METRICS_MAX];
	char		number[32];
	int			n;

	if (trainer->nholdout == 0)
		return ML_OK;
	n = ml_metrics(trainer->confusion, &trainer->log_loss, trainer->auc, metrics);
	ML_TRY(ml_appendf(ctx, json, ", \"metrics\": {"));
	for (int i = 0; i < n; i++)
	{
		ml_print_double(number, metrics[i].value, 6);
		ML_TRY(ml_appendf(ctx, json, "%s\"%s\": %s", i == 0 ? "" : ", ", metrics[i].name,
						  number));
	}
	return ml_appendf(ctx, json, "}");
}

/* "labels": [{"label": ..., "rows": ..., "f1": ...}, ...] */
static ml_status
put_labels(ml_context *ctx, const ml_trainer *trainer, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, ", \"labels\": ["));
	for (uint32_t i = 0; i < trainer->nlabels; i++)
	{
		ML_TRY(ml_appendf(ctx, json, "%s{\"label\": ", i == 0 ? "" : ", "));
		ML_TRY(ml_json_quote(ctx, json, trainer->labels[i]));
		ML_TRY(ml_appendf(ctx, json, ", \"rows\": %u", trainer->label_rows[i]));
		if (trainer->nholdout > 0)
			ML_TRY(put(ctx, json, "f1",
					   ml_confusion_f1(trainer->confusion, trainer->labels[i], ML_MACRO), 6));
		ML_TRY(ml_appendf(ctx, json, "}"));
		ML_TRY(ml_poll(ctx));
	}
	return ml_appendf(ctx, json, "]");
}

/*
 * "confusion": [[actual, predicted, rows], ...]; absent where many labels
 * would make it larger than the model.
 */
static ml_status
put_confusion(ml_context *ctx, const ml_trainer *trainer, ml_buffer *json)
{
	uint32_t	ncells = trainer->nholdout == 0 ? 0 : ml_confusion_ncells(trainer->confusion);

	if (ncells == 0 || ncells > CONFUSION_CELLS_MAX)
		return ML_OK;
	ML_TRY(ml_appendf(ctx, json, ", \"confusion\": ["));
	for (uint32_t i = 0; i < ncells; i++)
	{
		uint32_t	actual;
		uint32_t	predicted;
		int64_t		rows = ml_confusion_cell(trainer->confusion, i, &actual, &predicted);

		ML_TRY(ml_appendf(ctx, json, "%s[", i == 0 ? "" : ", "));
		ML_TRY(ml_json_quote(ctx, json, ml_confusion_label(trainer->confusion, actual)));
		ML_TRY(ml_appendf(ctx, json, ", "));
		ML_TRY(ml_json_quote(ctx, json, ml_confusion_label(trainer->confusion, predicted)));
		ML_TRY(ml_appendf(ctx, json, ", %lld]", (long long) rows));
	}
	return ml_appendf(ctx, json, "]");
}

static ml_status
put_fit(ml_context *ctx, const ml_trainer *trainer, ml_buffer *json)
{
	char		number[32];

	ML_TRY(ml_appendf(ctx, json, ", \"epochs\": %d, \"converged\": %s, \"losses\": [",
					  trainer->first.epochs, trainer->first.converged ? "true" : "false"));
	for (int i = 0; i < trainer->first.nlosses; i++)
	{
		ml_print_double(number, trainer->first.losses[i], 6);
		ML_TRY(ml_appendf(ctx, json, "%s%s", i == 0 ? "" : ", ", number));
	}
	ML_TRY(ml_appendf(ctx, json, "], \"refit_epochs\": %d", trainer->refit_epochs));
	ML_TRY(put(ctx, json, "loss", trainer->loss, 6));
	ML_TRY(ml_appendf(ctx, json, ", \"calibration\": {\"rows\": %u", trainer->calibration.rows));
	ML_TRY(put(ctx, json, "slope", trainer->calibration.slope, 6));
	ML_TRY(put(ctx, json, "offset", trainer->calibration.offset, 6));
	ML_TRY(put(ctx, json, "log_loss", trainer->calibration.loss, 6));
	return ml_appendf(ctx, json, "}");
}

ml_status
ml_train_report(ml_context *ctx, ml_trainer *trainer, ml_buffer *json)
{
	uint32_t	nrows = ml_rows_get(trainer->rows)->nrows;
	uint32_t	most = 0;

	for (uint32_t i = 0; i < trainer->nlabels; i++)
		most = ML_MAX(most, trainer->label_rows[i]);
	ML_TRY(ml_appendf(ctx, json, "{\"algorithm\": \"%s\", \"options\": ",
					  trainer->options.algorithm.data));
	ML_TRY(ml_options_write(ctx, &trainer->options, json));
	ML_TRY(ml_appendf(ctx, json, ", \"rows\": %u, \"skipped\": %llu, \"holdout_rows\": %u, "
					  "\"classes\": %u, \"vocabulary\": %u", nrows,
					  (unsigned long long) trainer->skipped, trainer->nholdout,
					  trainer->nlabels, ml_rows_indexed(trainer->rows)->nfeatures));
	ML_TRY(put_fit(ctx, trainer, json));
	ML_TRY(put(ctx, json, "baseline", (double) most / nrows, 6));
	ML_TRY(put_metrics(ctx, trainer, json));
	ML_TRY(put_labels(ctx, trainer, json));
	ML_TRY(put_confusion(ctx, trainer, json));
	return ml_appendf(ctx, json, "}");
}
