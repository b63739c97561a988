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
 * Steps are strides in elements, 0: the same number again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MAP_H
#define ML_MAP_H

#include "base/tensor.h"
#include "kernel/network.h"

#include <math.h>

typedef enum ml_map_binary
{
	ML_MAP_ADD,
	ML_MAP_SUBTRACT,
	ML_MAP_MULTIPLY,
	ML_MAP_DIVIDE,
	ML_MAP_MINIMUM,				/* NaN if one is */
	ML_MAP_MAXIMUM,
	ML_MAP_POWER,				/* a^b; of a negative a only for a whole b */
	ML_MAP_BINARIES
} ml_map_binary;

typedef enum ml_map_unary
{
	ML_MAP_NEGATIVE,
	ML_MAP_ABSOLUTE,
	ML_MAP_SIGN,				/* -1, 0, 1; NaN: 0 */
	ML_MAP_EXP,
	ML_MAP_LOG,
	ML_MAP_SQRT,
	ML_MAP_SQUARE,
	ML_MAP_ERF,
	ML_MAP_UNARIES
} ml_map_unary;

typedef enum ml_map_compare
{
	ML_MAP_EQUAL,
	ML_MAP_NOT_EQUAL,
	ML_MAP_LESS,
	ML_MAP_LESS_EQUAL,
	ML_MAP_GREATER,
	ML_MAP_GREATER_EQUAL,
	ML_MAP_COMPARES
} ml_map_compare;

#define ML_MAP_LANES 16			/* virtual lanes of sums */

struct ml_map_kernel
{
	size_t		width;			/* bytes of a number */

	/* out[i] = a[i * a_step] op b[i * b_step], i < n */
	void		(*binary[ML_MAP_BINARIES]) (void *out, const void *a, int64_t a_step,
											const void *b, int64_t b_step, size_t n);

	/* out[i] = f(a[i]) */
	void		(*unary[ML_MAP_UNARIES]) (void *out, const void *a, size_t n);

	/*
	 * out[i] = f(x[i]), and out[i] = g[i] f'(..): given v[i] = f(x[i]) for those
	 * of ml_activation_of_output, v[i] = x[i] for the others.  alpha: slope of
	 * LEAKY_RELU, limit of ELU.  [ML_LINEAR] is NULL.
	 */
	void		(*activation[ML_ACTIVATIONS]) (void *out, const void *x, size_t n, double alpha);
	void		(*derivative[ML_ACTIVATIONS]) (void *out, const void *g, const void *v, size_t n,
											   double alpha);

	/* out[i] = f(x[i]), slopes[i] = f'(x[i]), where that doesn't follow from f(x[i]); one may lie on x */
	void		(*sloped[ML_ACTIVATIONS]) (void *out, void *slopes, const void *x, size_t n);

	/* out[i] = a[i * a_step] op b[i * b_step] ? 1 : 0 */
	void		(*compare[ML_MAP_COMPARES]) (uint8_t *out, const void *a, int64_t a_step,
											 const void *b, int64_t b_step, size_t n);

	/* out[i] = c[i * c_step] ? a[i * a_step] : b[i * b_step] */
	void		(*choose) (void *out, const uint8_t *c, int64_t c_step, const void *a,
						   int64_t a_step, const void *b, int64_t b_step, size_t n);

	/* *to += the sum of a[i * step], i < n; *to = the largest, least of *to and these */
	void		(*add_sum) (void *to, const void *a, int64_t step, size_t n);
	void		(*raise) (void *to, const void *a, int64_t step, size_t n);
	void		(*lower) (void *to, const void *a, int64_t step, size_t n);

	/* sums */
	double		(*sum) (const void *a, size_t n);
	double		(*dot) (const void *a, const void *b, size_t n);
	double		(*squares) (const void *a, double shift, size_t n); /* of (a[i] - shift)^2 */
	/* out[i] = exp(a[i] - shift), and their sum; out NULL: the sum only */
	double		(*exp_sum) (void *out, const void *a, double shift, size_t n);

	/* out[i] = a[i] * factor + term */
	void		(*scale) (void *out, const void *a, double factor, double term, size_t n);

	/*
	 * Layer norm of a row, z[i] = (x[i] - mean) * root; gain and bias may be NULL
	 * (1 and 0):
	 * out[i] = z[i] * gain[i] + bias[i]
	 * sums = sum of g[i] gain[i], sum of g[i] gain[i] z[i]
	 * out[i] = root * (g[i] gain[i] - first - z[i] second)
	 * to[i] += g[i] z[i]
	 */
	void		(*normalize) (void *out, const void *x, double mean, double root, const void *gain,
							  const void *bias, size_t n);
	void		(*normal_sums) (double sums[2], const void *g, const void *x, double mean, double root,
								const void *gain, size_t n);
	void		(*normal_back) (void *out, const void *g, const void *x, double mean, double root,
								const void *gain, double first, double second, size_t n);
	void		(*add_normal) (void *to, const void *g, const void *x, double mean, double root,
							   size_t n);

	/*
	 * Batch norm, a row of channels:
	 * out[i] = (x[i] - shift[i]) * factor[i] + term[i]; term may be NULL: 0
	 * to[i] += (x[i] - shift[i]) * (x[i] - shift[i]), or * g[i] for a g that is not NULL
	 * out[i] = factor[i] * (g[i] - first[i] - (x[i] - shift[i]) * second[i])
	 */
	void		(*affine) (void *out, const void *x, const void *shift, const void *factor,
						   const void *term, size_t n);
	void		(*add_products) (void *to, const void *x, const void *shift, const void *g, size_t n);
	void		(*affine_back) (void *out, const void *g, const void *x, const void *shift,
								const void *factor, const void *first, const void *second, size_t n);

	/* out[i] = drawn(key, start + i) < threshold ? x[i] * factor : 0; drawn: 32 random bits */
	void		(*drop) (void *out, const void *x, uint64_t key, uint64_t start, uint32_t threshold,
						 double factor, size_t n);
};

/* Is f'(x) a function of f(x)? */
static inline bool
ml_activation_of_output(ml_activation activation)
{
	return activation != ML_GELU && activation != ML_GELU_TANH && activation != ML_SILU;
}

/* The loops for that type: F32 or F64. */
static inline const ml_map_kernel *
ml_map_of(const ml_kernel *kernel, ml_dtype dtype)
{
	return kernel->map[dtype == ML_F64];
}

/* The largest of n > 0 numbers; NaN if one is. */
static inline double
ml_map_largest(const ml_map_kernel *map, const void *a, size_t n)
{
	union
	{
		float		f;
		double		d;
	}			largest;

	if (map->width == sizeof(double))
		largest.d = -INFINITY;
	else
		largest.f = -INFINITY;
	map->raise(&largest, a, 1, n);
	return map->width == sizeof(double) ? largest.d : largest.f;
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
