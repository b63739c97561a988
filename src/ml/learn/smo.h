/*-------------------------------------------------------------------------
 *
 * smo.h
 *	  Sequential minimal optimisation: the dual of a kernel machine.
 *
 * Maximises  sum_i y_i beta_i - 1/2 sum_ij beta_i beta_j K(x_i, x_j)
 * subject to sum_i beta_i = 0 and low_i <= beta_i <= high_i, which with
 * y = +-1 and beta_i = y_i alpha_i, 0 <= alpha_i <= C_i, is the dual of a
 * support vector classifier.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SMO_H
#define ML_SMO_H

#include "learn/learner.h"

/* The vectors, and what is kept of each.  Positions are permuted by solving. */
typedef struct ml_smo
{
	const ml_kernel *kernel;
	ml_machine_kind kind;
	float		gamma;
	float		coef0;
	int			degree;
	uint32_t	n;				/* vectors */
	uint32_t	width;
	float	   *panels;			/* [ceil(n / 16)][width][16] */
	uint32_t   *row;			/* [n]: number of the vector at each position */

	/* by position; arrays are padded to whole panels */
	float	   *target;			/* y */
	float	   *low;
	float	   *high;
	float	   *beta;
	float	   *f;				/* y - sum of beta K */
	float	   *upper;			/* 0 where beta may rise, else -infinity */
	float	   *lower;			/* 0 where beta may sink, else infinity */
	float	   *diagonal;		/* K(x, x) */
	float	   *vector;			/* [width], one row of the panels */
	uint32_t   *order;			/* scratch: a permutation */
	float	   *moved;			/* scratch: one array permuted */

	/* rows of K that were used last, over the active positions */
	size_t		cache_size;		/* bytes */
	float	   *cache;
	uint32_t	nslots;
	uint32_t	stride;			/* floats of a slot */
	int32_t    *slot_of;		/* [n]: by position; -1 = none */
	struct ml_smo_slot *slots;
	uint32_t	newest;
	uint32_t	oldest;

	uint32_t	nactive;
	uint32_t	nknown;			/* f of the first so many positions is that of beta when solving begins */
	uint64_t	iterations;
} ml_smo;

/* Bytes that ml_smo_open will take, the cache left out. */
extern size_t ml_smo_memory(size_t n, size_t width);

/* n vectors of "width" numbers; kernel, kind and its parameters are set by the caller. */
extern ml_status ml_smo_open(ml_context *ctx, ml_smo *smo, uint32_t n, uint32_t width, size_t cache_size);
extern void ml_smo_close(ml_context *ctx, ml_smo *smo);

/* Number k of the vector at a position. */
static inline float *
ml_smo_at(const ml_smo *smo, uint32_t position, uint32_t k)
{
	return smo->panels + ((size_t) (position / ML_SMO_LANES) * smo->width + k) * ML_SMO_LANES +
		position % ML_SMO_LANES;
}

/* After the vectors are set or the kernel's parameters changed. */
extern ml_status ml_smo_prepare(ml_context *ctx, ml_smo *smo);

/*
 * Solve from the present beta (within its bounds, summing to 0) until no pair
 * of variables violates optimality by more than tolerance.  bias: of the
 * machine sum_i beta_i K(x_i, x) + bias.
 */
extern ml_status ml_smo_solve(ml_context *ctx, ml_smo *smo, double tolerance, uint64_t max_iterations,
							  double *bias, bool *converged);

#endif							/* ML_SMO_H */
