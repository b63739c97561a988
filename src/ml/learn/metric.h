/*-------------------------------------------------------------------------
 *
 * metric.h
 *	  How good predictions are: confusion-based metrics, log loss, ROC AUC.
 *
 * Two accumulators, each one flat block of bytes without pointers, so that the
 * server can keep it as an aggregate's state, send it between workers and
 * combine two.  Each takes time linear in its input; memory is bounded by the
 * number of distinct label pairs (confusion) or is constant (auc).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_METRIC_H
#define ML_METRIC_H

#include "base/mem.h"

/*
 * Confusion: an open-addressed table of (actual, predicted) -> weight count,
 * with the labels' bytes stored once.  The block begins with its size and is
 * grown by the caller: a function that finds it too small returns the size it
 * needs (0 = done).
 */
typedef struct ml_confusion ml_confusion;

extern size_t ml_confusion_init(void *block, size_t size);	/* empty; size >= 256 */
extern size_t ml_confusion_add(ml_confusion *confusion, size_t size,
							   ml_text actual, ml_text predicted, int64_t count);
/* into += from; returns the size that "into" must have, 0 = done */
extern size_t ml_confusion_merge(ml_confusion *into, size_t size, const ml_confusion *from);
/* False when the bytes are not a sound state (forged or damaged). */
extern bool ml_confusion_check(const void *block, size_t size);

extern int64_t ml_confusion_total(const ml_confusion *confusion);
extern uint32_t ml_confusion_labels(const ml_confusion *confusion);
extern ml_text ml_confusion_label(const ml_confusion *confusion, uint32_t i);
/* Cells in no particular order; false past the end. */
extern bool ml_confusion_cell(const ml_confusion *confusion, uint32_t i,
							  ml_text *actual, ml_text *predicted, int64_t *count);

/* NaN where undefined (no rows). */
extern double ml_confusion_accuracy(const ml_confusion *confusion);

typedef enum ml_average
{
	ML_MACRO,					/* mean over labels seen in actual or predicted */
	ML_WEIGHTED					/* weighted by actual's counts */
} ml_average;

/*
 * As scikit-learn with zero_division = 0.  With a label: of that label;
 * label.data == NULL: averaged.
 */
extern double ml_confusion_precision(const ml_confusion *confusion, ml_text label, ml_average average);
extern double ml_confusion_recall(const ml_confusion *confusion, ml_text label, ml_average average);
extern double ml_confusion_f1(const ml_confusion *confusion, ml_text label, ml_average average);

/*
 * ROC AUC from two histograms over the scores' order (sign, exponent and
 * leading mantissa bits as bins), exact while no bin holds scores that
 * differ; ml_auc_bound gives the most by which the result can be off.
 */
typedef struct ml_auc ml_auc;

extern size_t ml_auc_size(void);
extern void ml_auc_init(ml_auc *auc);
extern void ml_auc_add(ml_auc *auc, bool actual, double score);	/* NaN: an error of the caller */
extern void ml_auc_merge(ml_auc *into, const ml_auc *from);
extern bool ml_auc_check(const void *block, size_t size);
extern double ml_auc_value(const ml_auc *auc);	/* NaN with one class only */
extern double ml_auc_bound(const ml_auc *auc);

/* Mean of -ln p, p clipped to [1e-15, 1]; sums are compensated. */
typedef struct ml_log_loss
{
	double		sum;
	double		correction;
	int64_t		count;
} ml_log_loss;

extern void ml_log_loss_add(ml_log_loss *loss, double probability_of_actual);
extern void ml_log_loss_merge(ml_log_loss *into, const ml_log_loss *from);
extern double ml_log_loss_value(const ml_log_loss *loss);

#endif							/* ML_METRIC_H */
