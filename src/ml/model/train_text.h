/*-------------------------------------------------------------------------
 *
 * train_text.h
 *	  The trainer of text classifiers: train_text.c (rows in, model out),
 *	  train_text_split.c (who learns) and train_text_fit.c (the procedure).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_TEXT_H
#define ML_TRAIN_TEXT_H

#include "feature/encoder.h"
#include "learn/calibrate.h"
#include "learn/rows.h"
#include "model/quantize.h"
#include "model/train.h"

struct ml_text_trainer
{
	ml_trainer *trainer;		/* whose rows, options, labels and memory */
	ml_encoder *encoder;
	ml_rows    *rows;
	double	   *split;			/* of each row; NULL: held out at random */
	size_t		split_capacity;

	uint32_t	nscores;
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
	ml_judgement judgement;
};

extern ml_status ml_train_text_open(ml_context *ctx, ml_trainer *trainer);
extern void ml_train_text_close(ml_context *ctx, ml_text_trainer *text);
extern ml_status ml_train_text_add(ml_context *ctx, ml_text_trainer *text, const ml_train_row *row);
extern ml_status ml_train_text_finish(ml_context *ctx, ml_text_trainer *text, ml_buffer *stored,
									  ml_buffer *report);

extern ml_status ml_train_text_cross(ml_context *ctx, ml_text_trainer *text, int folds,
									 double *values, uint64_t *rows);

/* Give each row its part: for a training, or nparts parts of a cross-validation. */
extern ml_status ml_train_text_split(ml_context *ctx, ml_text_trainer *text);
extern ml_status ml_train_text_deal(ml_context *ctx, ml_text_trainer *text, int nparts);

/* Fit, calibrate, judge, refit, quantise: from added rows to what is stored. */
extern ml_status ml_train_text_fit(ml_context *ctx, ml_text_trainer *text);

/* The same for each fold, without refit; part p is of fold (p - 1) mod nfolds + 1. */
extern ml_status ml_train_text_cross_fit(ml_context *ctx, ml_text_trainer *text, int nfolds,
										 int nparts, double *values, uint64_t *rows);

#endif							/* ML_TRAIN_TEXT_H */
