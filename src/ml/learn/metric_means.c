/*-------------------------------------------------------------------------
 *
 * metric_means.c
 *	  Metrics that are means over rows: log loss, Brier score, errors of a
 *	  regression; and the table of all metrics.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/metric.h"

#include "base/math.h"
#include "learn/slots.h"

/* Summed as Neumaier does. */
static void
add_compensated(ml_mean *mean, double value)
{
	double		sum = mean->sum + value;

	if (fabs(mean->sum) >= fabs(value))
		mean->correction += (mean->sum - sum) + value;
	else
		mean->correction += (value - sum) + mean->sum;
	mean->sum = sum;
}

void
ml_mean_add(ml_mean *mean, double value)
{
	add_compensated(mean, value);
	mean->count = ml_add_saturated(mean->count, 1);
}

void
ml_mean_merge(ml_mean *into, const ml_mean *from)
{
	add_compensated(into, from->sum);
	into->correction += from->correction;
	into->count = ml_add_saturated(into->count, from->count);
}

double
ml_mean_value(const ml_mean *mean)
{
	return mean->count == 0 ? NAN : (mean->sum + mean->correction) / (double) mean->count;
}

void
ml_log_loss_add(ml_log_loss *loss, double probability_of_actual)
{
	ml_mean_add(loss, -ml_log(ML_MIN(ML_MAX(probability_of_actual, 0x1p-52), 1.0)));
}

void
ml_log_loss_merge(ml_log_loss *into, const ml_log_loss *from)
{
	ml_mean_merge(into, from);
}

double
ml_log_loss_value(const ml_log_loss *loss)
{
	return ml_mean_value(loss);
}

double
ml_brier_of(const double *probabilities, uint32_t n, uint32_t actual)
{
	double		sum = 0;

	for (uint32_t c = 0; c < n; c++)
	{
		double		error = probabilities[c] - (c == actual ? 1 : 0);

		sum += error * error;
	}
	return n == 2 ? sum / 2 : sum;
}

void
ml_regression_add(ml_regression *r, double actual, double predicted)
{
	double		error = fabs(actual - predicted);

	if (r->count == 0)
		r->shift = actual;
	r->count = ml_add_saturated(r->count, 1);
	r->sum += actual - r->shift;
	r->squares += (actual - r->shift) * (actual - r->shift);
	ml_mean_add(&r->absolute, error);
	ml_mean_add(&r->square, error * error);
	/* no share of nothing: the mean is NaN from then on */
	ml_mean_add(&r->percentage, actual == 0 ? NAN : error / fabs(actual));
}

void
ml_regression_merge(ml_regression *into, const ml_regression *from)
{
	double		n = (double) from->count;
	double		delta;

	if (from->count == 0)
		return;
	if (into->count == 0)
		into->shift = from->shift;
	delta = from->shift - into->shift;
	into->count = ml_add_saturated(into->count, from->count);
	into->squares += from->squares + 2 * delta * from->sum + n * delta * delta;
	into->sum += from->sum + n * delta;
	ml_mean_merge(&into->absolute, &from->absolute);
	ml_mean_merge(&into->square, &from->square);
	ml_mean_merge(&into->percentage, &from->percentage);
}

double
ml_regression_r2(const ml_regression *r)
{
	double		total = r->squares - r->sum * r->sum / (double) ML_MAX(r->count, 1);

	/* what rounding leaves of a constant is nothing */
	if (!(total > 1e-14 * r->squares) || r->count == 0)
		return NAN;
	return 1 - (r->square.sum + r->square.correction) / total;
}

const char *const ml_metric_names[ML_METRICS_MAX + 1] = {
	"accuracy", "balanced_accuracy", "precision", "recall", "f1",	/* means over labels */
	"precision_weighted", "recall_weighted", "f1_weighted", "mcc", "log_loss", "brier", "roc_auc", "pr_auc",
	"r2", "rmse", "mae", "median_absolute_error", "mape", "mse", NULL
};

#define CLASSIFICATION_METRICS	13

/* Those of values[] that are defined; names from "first" on. */
static int
put_values(const double *values, int first, int n, ml_metric *metrics)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
		if (!isnan(values[i]))
			metrics[count++] = (ml_metric) {ml_metric_names[first + i], values[i]};
	return count;
}

int
ml_metrics(const ml_confusion *confusion, const ml_log_loss *loss, const ml_mean *brier, ml_auc *auc,
		   ml_metric metrics[ML_METRICS_MAX])
{
	const ml_text all = {NULL, 0};
	const double values[CLASSIFICATION_METRICS] = {
		ml_confusion_accuracy(confusion),
		ml_confusion_balanced_accuracy(confusion),
		ml_confusion_precision(confusion, all, ML_MACRO),
		ml_confusion_recall(confusion, all, ML_MACRO),
		ml_confusion_f1(confusion, all, ML_MACRO),
		ml_confusion_precision(confusion, all, ML_WEIGHTED),
		ml_confusion_recall(confusion, all, ML_WEIGHTED),
		ml_confusion_f1(confusion, all, ML_WEIGHTED),
		ml_confusion_mcc(confusion),
		ml_log_loss_value(loss),
		ml_mean_value(brier),
		auc == NULL ? NAN : ml_auc_value(auc),
		auc == NULL ? NAN : ml_auc_pr_value(auc)
	};

	return put_values(values, 0, CLASSIFICATION_METRICS, metrics);
}

int
ml_regression_metrics(const ml_regression *r, ml_auc *absolute, ml_metric metrics[ML_METRICS_MAX])
{
	const double mse = ml_mean_value(&r->square);
	const double values[ML_METRICS_MAX - CLASSIFICATION_METRICS] = {
		ml_regression_r2(r),
		sqrt(mse),
		ml_mean_value(&r->absolute),
		absolute == NULL ? NAN : ml_auc_median(absolute),
		ml_mean_value(&r->percentage),
		mse
	};

	return put_values(values, CLASSIFICATION_METRICS, ML_METRICS_MAX - CLASSIFICATION_METRICS, metrics);
}
