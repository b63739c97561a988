/*-------------------------------------------------------------------------
 *
 * quantize.h
 *	  Learnt weights -> the 8-bit rows that a file stores.
 *
 * Each score has its own scale, its largest |weight x idf| being 127.  Where
 * rows are sparse (more than ML_DENSE_SCORES scores), weights smaller than
 * "prune" times the largest of their score are left out.  The features stay:
 * each counts in a row's length, and costs three bytes.
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
 * weights: [nfeatures, nscores], for rows of tf x idf of unit length (idf not
 * folded in).  The result lives in the arena.
 */
extern ml_status ml_quantize(ml_context *ctx, ml_arena *arena, const float *weights,
							 uint32_t nfeatures, uint32_t nscores,
							 const uint8_t *idf_code, const uint16_t *idf_levels,
							 double prune, ml_quantized *result);

/* The other way: the weights that the rows stand for, to judge and calibrate. */
extern ml_status ml_dequantize(ml_context *ctx, const ml_quantized *quantized,
							   const uint8_t *idf_code, const uint16_t *idf_levels,
							   float *weights);

#endif							/* ML_QUANTIZE_H */
