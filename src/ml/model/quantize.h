/*-------------------------------------------------------------------------
 *
 * quantize.h
 *	  Learnt weights -> the 8-bit rows that a file stores.
 *
 * Each score has its own scale, the one that loses least: weights larger than
 * 127 times it saturate.  Where rows are sparse (more than ML_DENSE_SCORES
 * scores), weights smaller than "prune" times the largest of their score are
 * left out.  The features stay: each counts in a row's length, and costs three
 * bytes.
 *
 * Weights come as the learner keeps them: u[i * width + c] = weight x idf of
 * feature i for the c-th of n scores.  It fits a block of scores at a time, so
 * a quantiser takes block after block, holds each in about a byte per weight
 * that is left, and puts the rows together at the end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_QUANTIZE_H
#define ML_QUANTIZE_H

#include "base/mem.h"

#define ML_DENSE_SCORES	4

typedef struct ml_quantized
{
	uint32_t	nfeatures;
	uint32_t	nscores;
	float	   *scale;			/* [nscores] */
	uint8_t    *rows;			/* as "weights" in stored.h */
	size_t		size;			/* bytes of rows */
} ml_quantized;

/*
 * Round u to what a file would store of it, in place; scale[n] gets the scale
 * of each score.  nscores is that of the whole model.  df: how often each
 * feature occurs, which is how much its error counts (NULL: once).
 */
extern ml_status ml_quantize_round(ml_context *ctx, float *u, const uint32_t *df,
								   uint32_t nfeatures, uint32_t width, uint32_t n,
								   uint32_t nscores, double prune, float *scale);

typedef struct ml_quantizer ml_quantizer;

/* df is borrowed.  *result is NULL or to be closed. */
extern ml_status ml_quantizer_open(ml_context *ctx, const uint32_t *df, uint32_t nfeatures,
								   uint32_t nscores, double prune, ml_quantizer **result);
extern void ml_quantizer_close(ml_context *ctx, ml_quantizer *quantizer);

/* The next n scores; u is rounded in place. */
extern ml_status ml_quantizer_add(ml_context *ctx, ml_quantizer *quantizer, float *u,
								  uint32_t width, uint32_t n);

/* After all scores.  The result lives as long as the quantiser. */
extern ml_status ml_quantizer_finish(ml_context *ctx, ml_quantizer *quantizer,
									 ml_quantized *result);

#endif							/* ML_QUANTIZE_H */
