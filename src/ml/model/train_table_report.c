/*-------------------------------------------------------------------------
 *
 * train_table_report.c
 *	  What the training of a table tells of itself: notices, and its report.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

#include <math.h>

#define DROPPED_MAX		1000	/* names in the report */
#define FALLING			0.01	/* share of the loss by which an epoch lowers it */
#define NOTHING			1e-6	/* share of the first loss that is worth no more epochs */

/* Is the feature's weight 0 because it depends on others? */
static bool
is_dropped(const ml_table_trainer *table, uint32_t feature)
{
	return table->solution.dropped != NULL && table->solution.dropped[feature] &&
		(table->excluded == NULL || !table->excluded[feature]);
}

typedef ml_status (*term_sink) (ml_context *ctx, ml_text name, void *arg);

/* The names of the features dropped, but for words; returns how many there are in all. */
static ml_status
each_dropped(ml_context *ctx, const ml_table_trainer *table, term_sink sink, void *arg, uint32_t *n)
{
	uint32_t	nterms = table->tabular.ndense + table->tabular.nhot;
	ml_buffer	name = {0};
	ml_status	status = ML_OK;

	*n = 0;
	for (uint32_t j = 0; j < table->solution.nfeatures && status == ML_OK; j++)
	{
		if (!is_dropped(table, j))
			continue;
		if ((*n)++ >= DROPPED_MAX || j >= nterms)
			continue;
		name.size = 0;
		status = ml_tabular_term(ctx, &table->tabular, j, &name);
		if (status == ML_OK)
			status = sink(ctx, (ml_text) {name.data, name.size}, arg);
	}
	ml_buffer_free(ctx, &name);
	return status;
}

static ml_status
list_term(ml_context *ctx, ml_text name, void *arg)
{
	ml_list_add(arg, "%.*s", (int) ML_MIN(name.size, (size_t) 64), name.data);
	return ML_OK;
}

static ml_status
quote_term(ml_context *ctx, ml_text name, void *arg)
{
	ml_buffer  *json = arg;

	if (json->data[json->size - 1] != '[')
		ML_TRY(ml_appendf(ctx, json, ", "));
	return ml_json_quote(ctx, json, name);
}

/* Did the last epoch change the loss as only one far from its least value does? */
static bool
is_falling(const ml_linear_report *fit)
{
	int			n = fit->nlosses;

	return n > 1 && fit->losses[n - 2] - fit->losses[n - 1] > FALLING * fit->losses[n - 2] &&
		fit->losses[n - 1] > NOTHING * fit->losses[0];
}

/* A fit that ended before its solution was found. */
static void
tell_fit(ml_context *ctx, const ml_table_trainer *table)
{
	const ml_linear_report *fit = &table->refit;
	char		text[ML_TEXT_MAX];

	if (fit->converged)
		return;
	if (table->learner != &ml_gradient_descent)
		ml_print(text, sizeof(text), "the fit has not converged in %d epochs: raise \"epochs\" or \"tolerance\"",
				 fit->epochs);
	else if (is_falling(fit))
		ml_print(text, sizeof(text),
				 "the loss was still falling after %d epochs (%g to %g in the last): raise \"epochs\" or \"learning_rate\"",
				 fit->epochs, fit->losses[fit->nlosses - 2], fit->losses[fit->nlosses - 1]);
	else if (table->trainer->options.tolerance > 0)
		ml_print(text, sizeof(text),
				 "the loss changed by more than \"tolerance\" in each of %d epochs: raise \"epochs\" or \"tolerance\"",
				 fit->epochs);
	else
		return;
	ml_train_notice(ctx, text);
}

/* A regression that is of no use, and what most often is the matter. */
static void
tell_worse(ml_context *ctx, const ml_table_trainer *table)
{
	const ml_trainer *trainer = table->trainer;
	double		r2 = ml_regression_r2(&table->judgement.regression);
	const char *hint = "it may have too many features for its rows, against which an \"alpha\" above 0 helps";
	char		text[ML_TEXT_MAX];

	if (trainer->task != ML_REGRESSION || table->judgement.rows == 0 || !(r2 < 0))
		return;
	if (table->learner == &ml_svm)
		hint = "divide the target by a constant, so that it is about 1, or raise \"c\"";
	else if (table->learner == &ml_gradient_descent)
		hint = "raise \"epochs\" or \"learning_rate\", or divide the target by a constant, so that it is about 1";
	ml_print(text, sizeof(text), "on the rows held out the mean of \"%.*s\" is closer than what the model predicts (r2 %.3g): %s",
			 (int) ML_MIN(trainer->target.size, (size_t) 64), trainer->target.data, r2, hint);
	ml_train_notice(ctx, text);
}

ml_status
ml_table_tell(ml_context *ctx, ml_table_trainer *table)
{
	const ml_trainer *trainer = table->trainer;
	ml_list		list = {.before = "linear combinations of other features, which get no weight: "};
	char		text[ML_TEXT_MAX];
	uint32_t	n;

	if (trainer->task == ML_REGRESSION && table->least == table->most)
	{
		ml_print(text, sizeof(text), "\"%.*s\" is %g in all rows, and so is what the model predicts",
				 (int) ML_MIN(trainer->target.size, (size_t) 64), trainer->target.data, table->most);
		ml_train_notice(ctx, text);
		return ML_OK;
	}
	ML_TRY(each_dropped(ctx, table, list_term, &list, &n));
	if (list.n > 0)
		ml_train_notice(ctx, list.text);
	tell_fit(ctx, table);
	ml_tell_judges(ctx, table->nholdout);
	tell_worse(ctx, table);
	return ML_OK;
}

/* "columns": {name: what it is} */
static ml_status
report_columns(ml_context *ctx, const ml_table_trainer *table, ml_buffer *json)
{
	const ml_tabular *t = &table->tabular;

	ML_TRY(ml_appendf(ctx, json, ", \"columns\": {"));
	for (uint32_t i = 0; i < t->ncolumns; i++)
	{
		const ml_tabular_column *column = &t->columns[i];

		if (i > 0)
			ML_TRY(ml_appendf(ctx, json, ", "));
		ML_TRY(ml_json_quote(ctx, json, t->names[i]));
		ML_TRY(ml_appendf(ctx, json, ": \"%s", ml_role_name((ml_role) column->role)));
		if (column->role == ML_ROLE_CATEGORY)
			ML_TRY(ml_appendf(ctx, json, ", %u values%s", column->nlevels,
							  column->other != ML_NO_TERM ? " and others" : ""));
		else if (column->type == ML_TYPE_ARRAY)
			ML_TRY(ml_appendf(ctx, json, "s, %u", column->nterms));
		ML_TRY(ml_appendf(ctx, json, "\""));
	}
	ML_TRY(ml_appendf(ctx, json, "}"));
	if (table->told.size == 0)
		return ML_OK;
	/* as long as there are columns: more than a format takes */
	ML_TRY(ml_appendf(ctx, json, ", \"left_out\": "));
	return ml_append(ctx, json, table->told.data, table->told.size);
}

static ml_status
report_dropped(ml_context *ctx, const ml_table_trainer *table, ml_buffer *json)
{
	size_t		size = json->size;
	uint32_t	n;

	ML_TRY(ml_appendf(ctx, json, ", \"dropped\": ["));
	ML_TRY(each_dropped(ctx, table, quote_term, json, &n));
	if (n == 0)
	{
		json->size = size;
		return ML_OK;
	}
	return ml_appendf(ctx, json, "]");
}

static ml_status
report_calibration(ml_context *ctx, const ml_table_trainer *table, ml_buffer *json)
{
	if (!ml_table_calibrates(table))
		return ML_OK;
	ML_TRY(ml_appendf(ctx, json, ", \"calibration\": {\"rows\": %u", table->calibration.rows));
	ML_TRY(ml_report_number(ctx, json, "slope", table->calibration.slope, 6));
	ML_TRY(ml_report_number(ctx, json, "offset", table->calibration.offset, 6));
	ML_TRY(ml_report_number(ctx, json, "log_loss", table->calibration.loss, 6));
	return ml_appendf(ctx, json, "}");
}

/* What is particular to classification. */
static ml_status
report_classes(ml_context *ctx, ml_table_trainer *table, uint64_t nrows, ml_buffer *json)
{
	const ml_labels *labels = &table->trainer->labels;
	uint64_t	most = 0;

	if (table->nclasses == 0)
		return ml_report_metrics(ctx, json, &table->judgement);
	for (uint32_t i = 0; i < labels->n; i++)
		most = ML_MAX(most, labels->rows[i]);
	ML_TRY(ml_report_number(ctx, json, "baseline", (double) most / (double) nrows, 6));
	ML_TRY(ml_report_metrics(ctx, json, &table->judgement));
	ML_TRY(ml_report_labels(ctx, json, labels, &table->judgement));
	ML_TRY(ml_report_confusion(ctx, json, &table->judgement));
	return ml_report_curves(ctx, json, &table->judgement, NULL);
}

ml_status
ml_table_report(ml_context *ctx, ml_table_trainer *table, uint64_t nrows, ml_buffer *json)
{
	const ml_trainer *trainer = table->trainer;
	const ml_linear_report *refit = &table->refit;
	uint32_t	nterms = table->tabular.ndense + table->tabular.nhot;

	ML_TRY(ml_appendf(ctx, json, "{\"algorithm\": \"%s\", \"options\": ",
					  trainer->options.algorithm.data));
	ML_TRY(ml_options_write(ctx, &trainer->options, json));
	ML_TRY(ml_appendf(ctx, json, ", \"rows\": %llu, \"skipped\": %llu, \"holdout_rows\": %llu",
					  (unsigned long long) nrows, (unsigned long long) trainer->skipped,
					  (unsigned long long) table->nholdout));
	if (table->nclasses > 0)
		ML_TRY(ml_appendf(ctx, json, ", \"classes\": %u", table->nclasses));
	if (table->nclasses == 2)
	{
		ML_TRY(ml_appendf(ctx, json, ", \"positive\": "));
		ML_TRY(ml_json_quote(ctx, json, trainer->labels.names[table->class_label[1]]));
	}
	ML_TRY(ml_appendf(ctx, json, ", \"terms\": %u", nterms));
	if (table->recipe.ncolumns > 0)
		ML_TRY(ml_appendf(ctx, json, ", \"vocabulary\": %u", table->solution.nfeatures - nterms));
	if (table->solution.machine.kind != ML_MACHINE_NONE)
		ML_TRY(ml_appendf(ctx, json, ", \"vectors\": %u", table->solution.machine.nvectors));
	ML_TRY(report_columns(ctx, table, json));
	ML_TRY(report_dropped(ctx, table, json));
	ML_TRY(ml_report_losses(ctx, json, &table->first, refit->epochs,
							refit->nlosses > 0 ? refit->losses[refit->nlosses - 1] : NAN));
	ML_TRY(report_calibration(ctx, table, json));
	ML_TRY(report_classes(ctx, table, nrows, json));
	return ml_appendf(ctx, json, "}");
}
