/*-------------------------------------------------------------------------
 *
 * gram.h
 *	  Sums of squares and products of rows, and the least squares that follow
 *	  from them: one pass, constant memory, combinable.
 *
 * A flat block of bytes without pointers, as those of metric.h: an aggregate's
 * state, sent between workers.  Of rows (x[d], y, weight) it keeps the sum of
 * weights, the means (relative to the first row), the products of all pairs of
 * x and y about the means, extremes of each, and a few rows that wait to be
 * added together.  Sums are about the means at any time: each batch is
 * centered by itself and its distance from the mean so far is added as one
 * row more (Chan, Golub and LeVeque 1983).  So neither an offset nor an odd
 * first row costs digits, and the result depends on the order of the rows,
 * and on how they were divided among blocks, in the last bits only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_GRAM_H
#define ML_GRAM_H

#include "base/mem.h"
#include "kernel/kernel.h"
#include "learn/learner.h"

#define ML_GRAM_MAX 4096		/* most d */

/* Marks: what its user saw of rows that it did not add. */
#define ML_GRAM_MISSING		1	/* a NULL or NaN */
#define ML_GRAM_INFINITE	2

typedef struct ml_gram ml_gram;

extern size_t ml_gram_size(uint32_t d); /* bytes of a block; a multiple of 8 */
extern void ml_gram_init(void *block, uint32_t d);	/* 8-byte aligned */
extern uint32_t ml_gram_width(const ml_gram *gram);

/* A row; all values finite.  A row with weight 0 changes nothing. */
extern void ml_gram_add(const ml_kernel *kernel, ml_gram *gram, const double *x, double y,
						double weight);
/* into += from, of the same d. */
extern void ml_gram_merge(const ml_kernel *kernel, ml_gram *into, const ml_gram *from);
/* Rows that wait are added: before sending, looking, solving. */
extern void ml_gram_flush(const ml_kernel *kernel, ml_gram *gram);

/* Is size that of the block that it says it is?  Enough for blocks of ours. */
extern bool ml_gram_fits(const void *block, size_t size);
/* Is this a sound block of size bytes (finite sums, counts that agree)? */
extern bool ml_gram_check(const void *block, size_t size);

extern void ml_gram_mark(ml_gram *gram, uint32_t marks);
extern uint32_t ml_gram_marks(const ml_gram *gram);

extern uint64_t ml_gram_nrows(const ml_gram *gram);
/* of a flushed block */
extern double ml_gram_weight(const ml_gram *gram);
extern double ml_gram_mean(const ml_gram *gram, uint32_t i);	/* i = d: of y */
extern double ml_gram_product(const ml_gram *gram, uint32_t i, uint32_t j); /* about the means */
extern double ml_gram_min(const ml_gram *gram, uint32_t i);
extern double ml_gram_max(const ml_gram *gram, uint32_t i);

extern const double *ml_gram_products(const ml_gram *gram); /* all, see triangle.h */

/*
 * The sums of n of the columns (ascending numbers) in a block of their own,
 * of ml_gram_size(n) bytes; "from" is flushed.
 */
extern void ml_gram_keep(const ml_gram *from, const uint32_t *columns, uint32_t n, void *into);

/*
 * A flushed block as numbers and back, for its text and binary forms:
 * [weight, then of each i <= d: shift, mean about it, min, max, and the
 * products (i, 0) .. (i, i)].  ml_gram_number: the k-th, k < ml_gram_nnumbers;
 * ml_gram_set: into a block fresh from init; ml_gram_check then tells whether
 * the whole is sound.
 */
extern uint64_t ml_gram_nnumbers(uint32_t d);
extern double ml_gram_number(const ml_gram *gram, uint64_t k);
extern void ml_gram_set(ml_gram *gram, uint64_t k, double value);
extern void ml_gram_set_nrows(ml_gram *gram, uint64_t nrows);

/*
 * Least squares with intercept from the sums: minimises
 *	  1/(2 sum s) sum s (y - w.f - b)^2 + alpha (l1_ratio |w|_1 + (1 - l1_ratio)/2 |w|^2)
 * over f_j = x_j / scale_j (scale NULL: 1 each): weights and std_error are
 * those of f, and so is origin, the f at which the intercept's standard error
 * is asked for (NULL: 0).  Columns linearly dependent on those before them
 * (pivot below 1e-11 of their own variance) are dropped, unless alpha > 0:
 * weight 0, std_error NaN.  Arrays [d] are the caller's; std_error may be NULL.
 */
typedef struct ml_least_squares
{
	double	   *weights;
	double		bias;
	bool	   *dropped;
	double	   *std_error;		/* filled when unpenalised, else NaN */
	double		bias_std_error;
	double		freedom;		/* rows - columns kept - 1, not below 0 */
	double		residual;		/* weighted sum of squares */
	double		total;			/* the same about the mean of y */
	int			iterations;		/* of coordinate descent, 0 when direct */
	bool		converged;
} ml_least_squares;

typedef struct ml_penalty_terms
{
	double		alpha;
	double		l1_ratio;
	const double *scale;
	double		tolerance;		/* of coordinate descent: duality gap / total, and step */
	int			max_iterations;
} ml_penalty_terms;

/* gram is flushed, with at least one row.  ML_BAD_DATA: sums out of double's range. */
extern ml_status ml_gram_solve(ml_context *ctx, const ml_kernel *kernel, const ml_gram *gram,
							   const ml_penalty_terms *penalty, const double *origin,
							   ml_least_squares *result);

#endif							/* ML_GRAM_H */
