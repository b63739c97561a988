/*-------------------------------------------------------------------------
 *
 * map.h
 *	  Loops over numbers in a row: arithmetic, functions, sums.  What the ops of
 *	  networks do apart from products.
 *
 * One text (map_loops.h), for float and double, compiled for each CPU level, so
 * that the compiler's own vectorisation has what the level offers.  All of it is
 * [exact]: no fused multiply-adds, and sums go over 16 virtual lanes folded in a
 * fixed tree, so the bits are those of ref on every CPU.
 *
 * Arrays are void *, of the table's type; so one function of an op serves both
 * types.  Results may lie exactly where an operand lies, or not overlap at all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MAP_H
#define ML_MAP_H

#include "base/tensor.h"
#include "kernel/kernel.h"

typedef enum ml_map_binary
{
	ML_MAP_ADD,
	ML_MAP_SUBTRACT,
	ML_MAP_MULTIPLY,
	ML_MAP_DIVIDE,
	ML_MAP_MINIMUM,				/* NaN if one is */
	ML_MAP_MAXIMUM,
	ML_MAP_POWER,
	ML_MAP_BINARIES
} ml_map_binary;

#define ML_MAP_LANES 16			/* virtual lanes of sums */

struct ml_map_kernel
{
	size_t		width;			/* bytes of a number */

	/* out[i] = a[i * a_step] op b[i * b_step], i < n */
	void		(*binary[ML_MAP_BINARIES]) (void *out, const void *a, ptrdiff_t a_step,
											const void *b, ptrdiff_t b_step, size_t n);

	/* *to += the sum of a[i * step], i < n */
	void		(*add_sum) (void *to, const void *a, ptrdiff_t step, size_t n);
};

/* The loops for that type: F32 or F64. */
static inline const ml_map_kernel *
ml_map_of(const ml_kernel *kernel, ml_dtype dtype)
{
	return kernel->map[dtype == ML_F64];
}

extern const ml_map_kernel ml_ref_map_f32;
extern const ml_map_kernel ml_ref_map_f64;
#if defined(__x86_64__)
extern const ml_map_kernel ml_avx2_map_f32;
extern const ml_map_kernel ml_avx2_map_f64;
extern const ml_map_kernel ml_avx512_map_f32;
extern const ml_map_kernel ml_avx512_map_f64;
#endif

#endif							/* ML_MAP_H */
