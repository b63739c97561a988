/*-------------------------------------------------------------------------
 *
 * least_squares.h
 *	  Least squares from products about the means: what the block of sums
 *	  (gram.h) and linear_regression.c share.
 *
 * Unknowns are scaled by powers of two near the roots of their own products,
 * which changes no bit of the equations, and the equations are factored as
 * L L' (Cholesky) in the order of the columns, tile by tile.  An unknown whose
 * pivot is nothing but rounding depends on those before it and is dropped.
 * Solutions are refined with residuals in twice the precision, so that they
 * are exact for the products as they are; what the products lost by rounding
 * is theirs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LEAST_SQUARES_H
#define ML_LEAST_SQUARES_H

#include "learn/gram.h"
#include "learn/triangle.h"

/* A = products of some rows of a triangle, plus "ridge" on its diagonal. */
typedef struct ml_equations
{
	const ml_kernel *kernel;
	const double *products;		/* a triangle */
	const uint32_t *rows;		/* [n] which of it, ascending */
	uint32_t	n;
	uint32_t	npanels;
	double	   *ridge;			/* [n], scaled as A is */
	double	   *inverse_scale;	/* [n] A_ij = products x inverse_scale i x j + ridge */
	double	   *panels;			/* L: panel p is [8 (p + 1)][8] at ml_triangle_row(8 p) */
	double	   *inverse_pivot;	/* [8 npanels] 1 / L_ii, 0: dropped */
	double		smallest;		/* of the pivots kept, relative to their diagonal */
	double		inflation;		/* largest A_jj (A^-1)_jj, once the inverse is known; else 1 */
} ml_equations;

/*
 * ridge[n] as it is added to products, or NULL.  Everything is allocated in
 * the arena.  factor: drops where a pivot is at most "threshold" of its own.
 */
extern ml_status ml_equations_open(ml_context *ctx, ml_arena *arena, const ml_kernel *kernel,
								   const double *products, const uint32_t *rows, uint32_t n,
								   const double *ridge, ml_equations *equations);
extern ml_status ml_equations_factor(ml_context *ctx, ml_equations *equations, double threshold);

/* x := L^-1 x; x := L'^-1 x.  x[8 npanels], 0 behind n; scaled unknowns. */
extern void ml_equations_forward(const ml_equations *equations, double *x);
extern void ml_equations_backward(const ml_equations *equations, double *x);

/* residual = b - A x, in twice the precision, rounded; 0 for those dropped. */
extern ml_status ml_equations_residual(ml_context *ctx, const ml_equations *equations,
									   const double *b, const double *x, double *low,
									   double *residual);

/* x := A^-1 b, refined; residual: what is left.  scratch[2][8 npanels]. */
extern ml_status ml_equations_solve(ml_context *ctx, const ml_equations *equations,
									const double *b, double *x, double *residual,
									double *scratch);

/* diagonal[n] of the inverse of the scaled A; 0 for those dropped. */
extern ml_status ml_equations_inverse(ml_context *ctx, ml_arena *arena,
									  ml_equations *equations, double *diagonal);

/*
 * Products of nfeatures and a target, whose row is "target": those of feature
 * j are row j before and row j + 1 behind it.
 */
typedef struct ml_normal
{
	const double *products;
	const double *means;		/* [nfeatures + 1], by rows */
	uint32_t	nfeatures;
	uint32_t	target;
	uint64_t	nrows;
	double		weight;
	const bool *excluded;		/* [nfeatures] weight 0 whatever, or NULL */
} ml_normal;

static inline uint32_t
ml_normal_row(const ml_normal *normal, uint32_t feature)
{
	return feature < normal->target ? feature : feature + 1;
}

/*
 * As ml_gram_solve.  What was factored stays in the arena; equations->n = 0
 * when nothing was (L1).  index[k]: the feature of unknown k.
 */
extern ml_status ml_normal_solve(ml_context *ctx, ml_arena *arena, const ml_kernel *kernel,
								 const ml_normal *normal, const ml_penalty_terms *penalty,
								 const double *origin, ml_least_squares *result,
								 ml_equations *equations, const uint32_t **index);

/*
 * min 1/2 x'Ax - b.x + sum limit_j |x_j| by coordinate descent, and the exact
 * solution once the signs are known.  x: where to begin, in scaled unknowns;
 * equations not yet factored.  total: the target's product with itself.
 */
extern ml_status ml_equations_net(ml_context *ctx, ml_arena *arena, const ml_equations *equations,
								  const double *b, const double *limit, double total,
								  double tolerance, int max_iterations, double *x,
								  double *residual, int *iterations, bool *converged);

#endif							/* ML_LEAST_SQUARES_H */
