/*-------------------------------------------------------------------------
 *
 * train.h
 *	  What the files of the trainer share: train.c (rows in), train_fit.c (the
 *	  procedure), train_report.c (what is told of it).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_H
#define ML_TRAIN_H

#include "base/mem.h"
#include "base/print.h"
#include "feature/encoder.h"
#include "learn/calibrate.h"
#include "learn/linear.h"
#include "learn/metric.h"
#include "learn/options.h"
#include "learn/rows.h"
#include "model/model.h"
#include "model/quantize.h"

#define ML_LABEL_MAX	1024	/* bytes of a label */
#define ML_CLASSES_MAX	10000

struct ml_trainer
{
	const ml_kernel *kernel;
	size_t		memory;			/* bytes for everything */
	ml_arena	arena;
	ml_options	options;
	ml_encoder *encoder;
	ml_rows    *rows;
	uint64_t	seen;			/* rows added, skipped ones too */
	uint64_t	skipped;

	/* labels in order of their first appearance; ml_trainer_finish sorts them */
	ml_text    *labels;
	size_t		labels_capacity;
	uint32_t	nlabels;
	uint32_t   *slots;			/* open-addressed table: 1 + label, 0 = free */
	uint32_t	nslots;			/* a power of two */

	/* of ml_trainer_finish */
	uint32_t	nscores;
	uint32_t   *label_rows;		/* rows of each label */
	float	   *class_weights;	/* or NULL */
	ml_linear  *linear;
	ml_quantizer *quantizer;
	float	   *bias;			/* [nscores] */
	float	   *slope;
	float	   *offset;

	/* scores of rows that the fit did not see, and who they are */
	float	   *fold_scores;
	uint32_t   *fold_labels;
	float	   *fold_weights;
	uint32_t	nfold;
	float	   *holdout_scores;
	uint32_t   *holdout_labels;
	uint32_t	nholdout;

	ml_calibration calibration;
	ml_linear_report first;		/* of the first fit, summed over blocks */
	int			refit_epochs;	/* of the final one, most of any block */
	double		loss;			/* mean loss seen in its last pass */
	ml_confusion *confusion;
	size_t		confusion_size;
	ml_auc	   *auc;
	size_t		auc_size;
	ml_log_loss log_loss;
};

/* Fit, calibrate, refit, quantise: from added rows to what is stored. */
extern ml_status ml_train_fit(ml_context *ctx, ml_trainer *trainer);

/* Judge the held-out scores; fills confusion, auc and log_loss. */
extern ml_status ml_train_judge(ml_context *ctx, ml_trainer *trainer);

/* Append the report as JSON. */
extern ml_status ml_train_report(ml_context *ctx, ml_trainer *trainer, ml_buffer *report);

#endif							/* ML_TRAIN_H */
