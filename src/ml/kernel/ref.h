/*-------------------------------------------------------------------------
 *
 * ref.h
 *	  The reference kernels by name, for the tables of levels that have
 *	  nothing better, and for the ends of their loops.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_REF_H
#define ML_REF_H

#include "kernel/kernel.h"

extern void ml_ref_accumulate_i8(int32_t *sums, const int8_t *row, int32_t weight, size_t n);
extern float ml_ref_gather_dot(const float *w, const uint32_t *ids, const float *values,
							   size_t n);
extern void ml_ref_scatter_add(float *w, const uint32_t *ids, const float *values,
							   float scale, size_t n);
extern void ml_ref_gather_dot16(float *sums, const float *w, const uint32_t *ids,
								const float *values, size_t n);
extern void ml_ref_scatter_add16(float *w, const uint32_t *ids, const float *values,
								 const float *scales, size_t n);
extern void ml_ref_fold_ascii(char *dst, ml_ascii_block *blocks, const char *src, size_t size);

#endif							/* ML_REF_H */
