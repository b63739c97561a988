/*-------------------------------------------------------------------------
 *
 * train_report.c
 *	  What a training tells of itself: figures on the rows held out, losses,
 *	  labels, as pieces of one JSON object.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train.h"

#include <math.h>

#define CONFUSION_CELLS_MAX 10000
#define CURVE_POINTS	200		/* of a stored curve */
#define FEW_JUDGES		30		/* rows that are fewer say little of a model */

void
ml_train_notice(ml_context *ctx, const char *text)
{
	if (ctx->host->log != NULL)
		ctx->host->log(ctx->host->user, text);
}

void
ml_train_warn(ml_context *ctx, const char *text)
{
	if (ctx->host->warn != NULL)
		ctx->host->warn(ctx->host->user, text);
}

void
ml_tell_judges(ml_context *ctx, uint64_t rows)
{
	char		text[ML_TEXT_MAX];

	if (rows == 0 || rows >= FEW_JUDGES)
		return;
	ml_print(text, sizeof(text), "only %llu row%s held out: the metrics are rough", (unsigned long long) rows,
			 rows == 1 ? " was" : "s were");
	ml_train_notice(ctx, text);
}

#define LIST_END	8			/* bytes that ", ..." and the end need */

void
ml_list_add(ml_list *list, const char *format,...)
{
	char		item[ML_TEXT_MAX];
	va_list		args;
	size_t		size;

	va_start(args, format);
	size = ml_vprint(item, sizeof(item), format, args);
	va_end(args);
	if (list->n++ == 0)
		list->used = ml_print(list->text, sizeof(list->text), "%s", list->before);
	if (list->used + size + 2 + LIST_END < sizeof(list->text))
		list->used += ml_print(list->text + list->used, sizeof(list->text) - list->used, "%s%s",
							   list->n == 1 ? "" : ", ", item);
	else if (list->text[list->used - 1] != '.')
		list->used += ml_print(list->text + list->used, sizeof(list->text) - list->used, ", ...");
}

void
ml_judgement_free(ml_context *ctx, ml_judgement *judgement)
{
	ml_release(ctx, judgement->confusion);
	ml_release(ctx, judgement->auc);
	memset(judgement, 0, sizeof(*judgement));
}

ml_status
ml_judge_label(ml_context *ctx, ml_judgement *judgement, uint32_t label, uint32_t best,
			   double probability, double brier, bool positive, double score)
{
	const ml_text *names = judgement->labels->names;

	judgement->rows++;
	ml_log_loss_add(&judgement->log_loss, probability);
	ml_mean_add(&judgement->brier, brier);
	ML_TRY(ml_confusion_tally(ctx, &judgement->confusion, &judgement->confusion_size,
							  names[label], names[best], 1));
	if (judgement->labels->n == 2)
		ML_TRY(ml_auc_tally(ctx, &judgement->auc, &judgement->auc_size, positive, score));
	return ML_OK;
}

ml_status
ml_judge_number(ml_context *ctx, ml_judgement *judgement, double target, double prediction)
{
	judgement->rows++;
	ml_regression_add(&judgement->regression, target, prediction);
	return ml_auc_tally(ctx, &judgement->auc, &judgement->auc_size, true, fabs(target - prediction));
}

int
ml_judgement_metrics(ml_judgement *judgement, ml_metric metrics[ML_METRICS_MAX])
{
	if (judgement->rows == 0)
		return 0;
	if (judgement->labels == NULL)
		return ml_regression_metrics(&judgement->regression, judgement->auc, metrics);
	return ml_metrics(judgement->confusion, &judgement->log_loss, &judgement->brier, judgement->auc, metrics);
}

void
ml_judgement_values(ml_judgement *judgement, double values[ML_METRICS_MAX])
{
	ml_metric	metrics[ML_METRICS_MAX];
	int			n = ml_judgement_metrics(judgement, metrics);

	for (int k = 0; k < ML_METRICS_MAX; k++)
	{
		values[k] = NAN;
		for (int i = 0; i < n; i++)
			if (strcmp(ml_metric_names[k], metrics[i].name) == 0)
				values[k] = metrics[i].value;
	}
}

ml_status
ml_report_number(ml_context *ctx, ml_buffer *json, const char *name, double value, int digits)
{
	char		number[32];

	ml_print_double(number, value, digits);
	return ml_appendf(ctx, json, ", \"%s\": %s", name, number);
}

/* "metrics": {...}; absent without rows to judge by. */
ml_status
ml_report_metrics(ml_context *ctx, ml_buffer *json, ml_judgement *judgement)
{
	ml_metric	metrics[ML_METRICS_MAX];
	char		number[32];
	int			n;

	if (judgement->rows == 0)
		return ML_OK;
	n = ml_judgement_metrics(judgement, metrics);
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
ml_status
ml_report_labels(ml_context *ctx, ml_buffer *json, const ml_labels *labels,
				 const ml_judgement *judgement)
{
	ML_TRY(ml_appendf(ctx, json, ", \"labels\": ["));
	for (uint32_t i = 0; i < labels->n; i++)
	{
		ML_TRY(ml_appendf(ctx, json, "%s{\"label\": ", i == 0 ? "" : ", "));
		ML_TRY(ml_json_quote(ctx, json, labels->names[i]));
		ML_TRY(ml_appendf(ctx, json, ", \"rows\": %llu", (unsigned long long) labels->rows[i]));
		if (judgement->rows > 0)
			ML_TRY(ml_report_number(ctx, json, "f1",
									ml_confusion_f1(judgement->confusion, labels->names[i], ML_MACRO), 6));
		ML_TRY(ml_appendf(ctx, json, "}"));
		ML_TRY(ml_poll(ctx));
	}
	return ml_appendf(ctx, json, "]");
}

/*
 * "confusion": [[actual, predicted, rows], ...]; absent where many labels
 * would make it larger than the model.
 */
ml_status
ml_report_confusion(ml_context *ctx, ml_buffer *json, const ml_judgement *judgement)
{
	uint32_t	ncells = judgement->rows == 0 ? 0 : ml_confusion_ncells(judgement->confusion);

	if (ncells == 0 || ncells > CONFUSION_CELLS_MAX)
		return ML_OK;
	ML_TRY(ml_appendf(ctx, json, ", \"confusion\": ["));
	for (uint32_t i = 0; i < ncells; i++)
	{
		uint32_t	actual;
		uint32_t	predicted;
		int64_t		rows = ml_confusion_cell(judgement->confusion, i, &actual, &predicted);

		ML_TRY(ml_appendf(ctx, json, "%s[", i == 0 ? "" : ", "));
		ML_TRY(ml_json_quote(ctx, json, ml_confusion_label(judgement->confusion, actual)));
		ML_TRY(ml_appendf(ctx, json, ", "));
		ML_TRY(ml_json_quote(ctx, json, ml_confusion_label(judgement->confusion, predicted)));
		ML_TRY(ml_appendf(ctx, json, ", %lld]", (long long) rows));
	}
	return ml_appendf(ctx, json, "]");
}

ml_status
ml_report_losses(ml_context *ctx, ml_buffer *json, const ml_linear_report *fit,
				 int refit_epochs, double loss)
{
	char		number[32];

	ML_TRY(ml_appendf(ctx, json, ", \"epochs\": %d, \"converged\": %s, \"losses\": [",
					  fit->epochs, fit->converged ? "true" : "false"));
	for (int i = 0; i < fit->nlosses; i++)
	{
		ml_print_double(number, fit->losses[i], 6);
		ML_TRY(ml_appendf(ctx, json, "%s%s", i == 0 ? "" : ", ", number));
	}
	ML_TRY(ml_appendf(ctx, json, "], \"refit_epochs\": %d", refit_epochs));
	return ml_report_number(ctx, json, "loss", loss, 6);
}

/* One curve; which: ROC, or else precision and recall. */
static ml_status
report_curve(ml_context *ctx, ml_buffer *json, const ml_auc *auc, const ml_curve_point *points, uint32_t n, bool roc)
{
	ML_TRY(ml_appendf(ctx, json, ", \"%s_curve\": [", roc ? "roc" : "pr"));
	for (uint32_t i = 0; i < n; i++)
	{
		ml_curve_rates rates = ml_auc_rates(auc, &points[i]);
		double		x = roc ? rates.false_positive_rate : rates.true_positive_rate;
		double		y = roc ? rates.true_positive_rate : rates.precision;
		char		numbers[3][32];

		ml_print_double(numbers[0], points[i].threshold, 9);
		ml_print_double(numbers[1], x, 6);
		ml_print_double(numbers[2], y, 6);
		ML_TRY(ml_appendf(ctx, json, "%s[%s, %s, %s]", i == 0 ? "" : ", ", numbers[0], numbers[1], numbers[2]));
	}
	return ml_appendf(ctx, json, "]");
}

ml_status
ml_report_curves(ml_context *ctx, ml_buffer *json, ml_judgement *judgement,
				 const ml_calibration *calibration)
{
	ml_curve_point points[CURVE_POINTS];
	uint32_t	n;

	if (judgement->labels == NULL || judgement->auc == NULL || ml_auc_positives(judgement->auc) == 0 ||
		ml_auc_negatives(judgement->auc) == 0)
		return ML_OK;
	n = ml_auc_curve(judgement->auc, points, CURVE_POINTS);
	for (uint32_t i = 1; i < n && calibration != NULL; i++)
	{
		float		score = (float) points[i].threshold;
		double		probabilities[2];

		ml_calibrated(calibration, &score, 1, probabilities);
		points[i].threshold = probabilities[1];
	}
	ML_TRY(report_curve(ctx, json, judgement->auc, points, n, true));
	return report_curve(ctx, json, judgement->auc, points, n, false);
}
