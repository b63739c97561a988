/*-------------------------------------------------------------------------
 *
 * metric.h
 *	  How good predictions are: confusion-based metrics, log loss, ROC AUC.
 *
 * The accumulators are flat blocks of bytes without pointers, so that the
 * server can keep one as an aggregate's state, send it between workers and
 * combine two.  Each takes time linear in its input; memory is bounded by the
 * number of distinct labels and label pairs (confusion) or by a constant (auc,
 * log loss).
 *
 * A block grows by the caller's hand: a function that finds "size" too small
 * returns the size it needs and has changed nothing; the caller reallocates,
 * keeping the bytes, and calls again with the new size.  0 means done.  Blocks
 * are 8-byte aligned.  The engine's own callers use ml_confusion_tally and
 * ml_auc_tally, which do that by themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_METRIC_H
#define ML_METRIC_H

#include "base/mem.h"

/*
 * Confusion: labels, each with its bytes stored once, and the cells (actual,
 * predicted) -> count that are not zero.  Counts saturate.
 */
typedef struct ml_confusion ml_confusion;

extern size_t ml_confusion_init(void *block, size_t size);	/* empty */
extern size_t ml_confusion_add(ml_confusion *confusion, size_t size,
							   ml_text actual, ml_text predicted, int64_t count);	/* count > 0 */
/* into += from */
extern size_t ml_confusion_merge(ml_confusion *into, size_t size, const ml_confusion *from);
/* *confusion NULL and *size 0 is an empty one */
extern ml_status ml_confusion_tally(ml_context *ctx, ml_confusion **confusion, size_t *size,
									ml_text actual, ml_text predicted, int64_t count);

/*
 * Is this a block of ours, laid out as it says, with size bytes?  For blocks
 * that were stored; untrusted input is rebuilt by ml_confusion_add instead.
 */
extern bool ml_confusion_check(const void *block, size_t size);

extern int64_t ml_confusion_total(const ml_confusion *confusion);
/* Labels and cells are numbered in order of their first appearance. */
extern uint32_t ml_confusion_nlabels(const ml_confusion *confusion);
extern ml_text ml_confusion_label(const ml_confusion *confusion, uint32_t i);
extern uint32_t ml_confusion_ncells(const ml_confusion *confusion);
extern int64_t ml_confusion_cell(const ml_confusion *confusion, uint32_t i,
								 uint32_t *actual, uint32_t *predicted);

typedef enum ml_average
{
	ML_MACRO,					/* mean over labels seen in actual or predicted */
	ML_WEIGHTED					/* weighted by actual's counts */
} ml_average;

/*
 * As scikit-learn with zero_division = 0.  With a label: of that label, NaN if
 * it was seen in neither; label.data == NULL: averaged.  NaN without rows.
 */
extern double ml_confusion_accuracy(const ml_confusion *confusion);
extern double ml_confusion_precision(const ml_confusion *confusion, ml_text label, ml_average average);
extern double ml_confusion_recall(const ml_confusion *confusion, ml_text label, ml_average average);
extern double ml_confusion_f1(const ml_confusion *confusion, ml_text label, ml_average average);
/* Mean recall of the labels that occur. */
extern double ml_confusion_balanced_accuracy(const ml_confusion *confusion);
/* Matthews' correlation coefficient, of any number of labels (Gorodkin 2004); 0 where undefined. */
extern double ml_confusion_mcc(const ml_confusion *confusion);

/*
 * ROC AUC: ties count one half.  Exact for up to ML_AUC_BINS distinct scores.
 * Beyond that, scores that agree in their leading bits share a bin and count
 * as tied; ml_auc_bound tells by how much the value can be off at most.  The
 * result depends on the scores only, not on their order nor on how they were
 * divided among states that were merged.
 */
#define ML_AUC_BINS 65536		/* the largest state has 2.1 MB */

typedef struct ml_auc ml_auc;

extern size_t ml_auc_init(void *block, size_t size);
/* add one score (not NaN) */
extern size_t ml_auc_add(ml_auc *auc, size_t size, bool actual, double score);
extern size_t ml_auc_merge(ml_auc *into, size_t size, const ml_auc *from);
extern ml_status ml_auc_tally(ml_context *ctx, ml_auc **auc, size_t *size,
							  bool actual, double score);
extern bool ml_auc_check(const void *block, size_t size);

/*
 * Taking a state to pieces, once what waits in it is put in its place, and
 * building one from (untrusted) pieces.  Bins are in ascending order.
 */
extern void ml_auc_flush(ml_auc *auc);

typedef struct ml_auc_bin
{
	uint64_t	key;			/* a score's leading 64 - shift bits, order kept */
	int64_t		positives;
	int64_t		negatives;
} ml_auc_bin;

extern unsigned ml_auc_shift(const ml_auc *auc);	/* 0: exact */
extern uint32_t ml_auc_nbins(const ml_auc *auc);
extern ml_auc_bin ml_auc_get(const ml_auc *auc, uint32_t i);
/* False when the piece is impossible: shift or key out of range, counts. */
extern bool ml_auc_bin_valid(unsigned shift, const ml_auc_bin *bin);
extern size_t ml_auc_add_bin(ml_auc *auc, size_t size, unsigned shift, const ml_auc_bin *bin);

/* NaN with one class only.  These flush first, in place. */
extern double ml_auc_value(ml_auc *auc);
extern double ml_auc_bound(ml_auc *auc);

/*
 * Area below precision over recall, as the sum of (recall_n - recall_n-1)
 * precision_n over falling thresholds (average precision).  NaN without
 * positives.
 */
extern double ml_auc_pr_value(ml_auc *auc);

/*
 * How many are at or above a threshold; thresholds fall.  The first point has
 * an infinite threshold and no row, the last has all.  points[max], max >= 2;
 * of more the curve keeps those that are about equally far apart.  Returns how
 * many.
 */
typedef struct ml_curve_point
{
	double		threshold;
	double		true_positives;
	double		false_positives;
} ml_curve_point;

extern uint32_t ml_auc_curve(ml_auc *auc, ml_curve_point *points, uint32_t max);

/* A point as shares; the precision of no row is 1. */
typedef struct ml_curve_rates
{
	double		false_positive_rate;
	double		true_positive_rate; /* or recall */
	double		precision;
} ml_curve_rates;

extern ml_curve_rates ml_auc_rates(const ml_auc *auc, const ml_curve_point *point);
extern int64_t ml_auc_positives(const ml_auc *auc);
extern int64_t ml_auc_negatives(const ml_auc *auc);

/* The middle score of all rows, the mean of two; within a bin's width where bins were merged. */
extern double ml_auc_median(ml_auc *auc);

/* A mean whose sum is compensated. */
typedef struct ml_mean
{
	double		sum;
	double		correction;
	int64_t		count;
} ml_mean;

extern void ml_mean_add(ml_mean *mean, double value);
extern void ml_mean_merge(ml_mean *into, const ml_mean *from);
extern double ml_mean_value(const ml_mean *mean);	/* NaN without rows */

/* Mean of -ln p, p clipped to [2^-52, 1]. */
typedef ml_mean ml_log_loss;

extern void ml_log_loss_add(ml_log_loss *loss, double probability_of_actual);
extern void ml_log_loss_merge(ml_log_loss *into, const ml_log_loss *from);
extern double ml_log_loss_value(const ml_log_loss *loss);	/* NaN without rows */

/*
 * Brier score (1950): mean of (p - y)^2, y being 1 for rows of the positive
 * label; of several labels the sum over them.
 */
extern double ml_brier_of(const double *probabilities, uint32_t n, uint32_t actual);

/* Errors of a regression; a fixed-size block, merged in any order to rounding. */
typedef struct ml_regression
{
	int64_t		count;
	double		shift;			/* the first actual value */
	double		sum;			/* of actual values about it */
	double		squares;		/* of their squares */
	ml_mean		absolute;		/* |actual - predicted| */
	ml_mean		square;			/* its square */
	ml_mean		percentage;		/* |actual - predicted| / |actual|; undefined where an actual value is 0 */
} ml_regression;

extern void ml_regression_add(ml_regression *regression, double actual, double predicted);
extern void ml_regression_merge(ml_regression *into, const ml_regression *from);
/* 1 - sum of squared errors / sum of squares about the mean; NaN for constant targets. */
extern double ml_regression_r2(const ml_regression *regression);

/*
 * Figures by the names that training reports and evaluation returns, those of
 * classifiers first.  Those that are undefined are left out; auc may be NULL
 * (more than two classes).
 */
#define ML_METRICS_MAX 19

extern const char *const ml_metric_names[ML_METRICS_MAX + 1];	/* NULL at the end */

typedef struct ml_metric
{
	const char *name;
	double		value;
} ml_metric;

/* Returns how many. */
extern int	ml_metrics(const ml_confusion *confusion, const ml_log_loss *loss, const ml_mean *brier,
					   ml_auc *auc, ml_metric metrics[ML_METRICS_MAX]);

/* absolute: an ml_auc of the absolute errors, for their median; NULL: left out. */
extern int	ml_regression_metrics(const ml_regression *regression, ml_auc *absolute,
								  ml_metric metrics[ML_METRICS_MAX]);

#endif							/* ML_METRIC_H */
