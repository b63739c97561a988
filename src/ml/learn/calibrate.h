/*-------------------------------------------------------------------------
 *
 * calibrate.h
 *	  Scores -> probabilities.
 *
 *	  two classes:	P(class 1) = sigmoid(slope x score + offset)
 *	  more:			P = softmax(slope x scores)
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_CALIBRATE_H
#define ML_CALIBRATE_H

#include "kernel/kernel.h"

typedef struct ml_calibration
{
	double		slope;			/* > 0 */
	double		offset;			/* 0 with more than two classes */
	uint32_t	rows;			/* that it was found on */
	double		loss;			/* mean log loss on them */
} ml_calibration;

/*
 * Find the calibration that is likeliest given n rows: scores[n, nscores],
 * labels[n], weights[n].  nscores = 1 for two classes.  Without usable rows
 * the result is slope 1, offset 0.
 */
extern ml_status ml_calibrate(ml_context *ctx, const ml_kernel *kernel, const float *scores,
							  const uint32_t *labels, const float *weights, uint32_t n,
							  uint32_t nscores, ml_calibration *result);

/*
 * Probabilities of one row: [nscores], or [2] for two classes.  Returns the
 * class with the largest.
 */
extern uint32_t ml_calibrated(const ml_calibration *calibration, const float *scores,
							  uint32_t nscores, double *probabilities);

#endif							/* ML_CALIBRATE_H */
