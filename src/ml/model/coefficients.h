/*-------------------------------------------------------------------------
 *
 * coefficients.h
 *	  The terms of a linear model of a table in the columns' own units, with
 *	  their statistics; for ml_image_coefficients (model.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_COEFFICIENTS_H
#define ML_COEFFICIENTS_H

#include "feature/tabular.h"
#include "model/model.h"

/* A linear model of a table; width = ndense + nhot of its recipe. */
typedef struct ml_linear_terms
{
	const ml_tabular *tabular;
	uint32_t	nscores;
	const ml_text *labels;		/* [nscores] of each score; NULL for one score */
	const double *weights;		/* [nscores][width] */
	const double *bias;			/* [nscores] */
	const uint8_t *dropped;		/* [width], or NULL */
	const double *std_error;	/* [width], or NULL; of one score */
	double		bias_std_error;
	double		freedom;		/* 0: normal */
} ml_linear_terms;

/*
 * "(intercept)", the numbers, the levels of each category, for each score.  A
 * level that a regression left out as the reference has estimate 0 and says so.
 * Everything of the result lives in the arena, but for the labels.
 */
extern ml_status ml_linear_coefficients(ml_context *ctx, ml_arena *arena, const ml_linear_terms *terms,
										const ml_coefficient **coefficients, size_t *n);

#endif							/* ML_COEFFICIENTS_H */
