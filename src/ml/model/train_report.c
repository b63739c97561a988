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
ml_judgement_free(ml_context *ctx, ml_judgement *judgement)
{
	ml_release(ctx, judgement->confusion);
	ml_release(ctx, judgement->auc);
	memset(judgement, 0, sizeof(*judgement));
}

ml_status
ml_judge_label(ml_context *ctx, ml_judgement *judgement, uint32_t label, uint32_t best,
			   double probability, bool positive, double score)
{
	const ml_text *names = judgement->labels->names;

	judgement->rows++;
	ml_log_loss_add(&judgement->log_loss, probability);
	ML_TRY(ml_confusion_tally(ctx, &judgement->confusion, &judgement->confusion_size,
							  names[label], names[best], 1));
	if (judgement->labels->n == 2)
		ML_TRY(ml_auc_tally(ctx, &judgement->auc, &judgement->auc_size, positive, score));
	return ML_OK;
}

void
ml_judge_number(ml_judgement *judgement, double target, double prediction)
{
	double		error = target - prediction;

	if (judgement->rows++ == 0)
		judgement->shift = target;
	target -= judgement->shift;
	judgement->sum += target;
	judgement->squares += target * target;
	judgement->errors += fabs(error);
	judgement->square_errors += error * error;
}

int
ml_judgement_metrics(ml_judgement *judgement, ml_metric metrics[ML_METRICS_MAX])
{
	double		n = (double) judgement->rows;
	double		total = judgement->squares - judgement->sum * judgement->sum / n;
	int			count = 0;

	if (judgement->rows == 0)
		return 0;
	if (judgement->labels != NULL)
		return ml_metrics(judgement->confusion, &judgement->log_loss, judgement->auc, metrics);
	metrics[count++] = (ml_metric) {"mse", judgement->square_errors / n};
	metrics[count++] = (ml_metric) {"rmse", sqrt(judgement->square_errors / n)};
	metrics[count++] = (ml_metric) {"mae", judgement->errors / n};
	if (total > 0)
		metrics[count++] = (ml_metric) {"r2", 1 - judgement->square_errors / total};
	return count;
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
