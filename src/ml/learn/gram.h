/*-------------------------------------------------------------------------
 *
 * gram.h
 *	  Sums of squares and products of rows, and the least squares that follow
 *	  from them: one pass, constant memory, combinable.
 *
 * A flat block of bytes without pointers, as those of metric.h: an aggregate's
 * state, sent between workers.  Of rows (x[d], y, weight) it keeps, about a
 * shift (the first row): sum of weights, sums, products of all pairs of x and
 * y, extremes of each x, and a few rows that wait to be added together.  The
 * result depends on the order of the rows in the last bits only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_GRAM_H
#define ML_GRAM_H

#include "base/mem.h"
#include "kernel/kernel.h"
#include "learn/learner.h"

#define ML_GRAM_MAX 4096		/* most d */

typedef struct ml_gram ml_gram;

extern size_t ml_gram_size(uint32_t d);	/* bytes of a block */
extern void ml_gram_init(void *block, uint32_t d);
extern uint32_t ml_gram_width(const ml_gram *gram);

/* A row; all values finite.  A row with weight 0 changes nothing. */
extern void ml_gram_add(const ml_kernel *kernel, ml_gram *gram, const double *x, double y,
						double weight);
/* into += from, of the same d. */
extern void ml_gram_merge(const ml_kernel *kernel, ml_gram *into, const ml_gram *from);
/* Rows that wait are added: before sending, merging, solving. */
extern void ml_gram_flush(const ml_kernel *kernel, ml_gram *gram);

/* Is this a sound block of size bytes (finite sums, counts that agree)? */
extern bool ml_gram_check(const void *block, size_t size);

extern uint64_t ml_gram_nrows(const ml_gram *gram);
extern double ml_gram_weight(const ml_gram *gram);
extern double ml_gram_mean(const ml_gram *gram, uint32_t i);	/* i = d: of y */
extern double ml_gram_product(const ml_gram *gram, uint32_t i, uint32_t j);	/* about the means */
extern double ml_gram_min(const ml_gram *gram, uint32_t i);
extern double ml_gram_max(const ml_gram *gram, uint32_t i);

/*
 * The sums of n of the columns (ascending numbers) in a block of their own,
 * of ml_gram_size(n) bytes; "from" is flushed.
 */
extern void ml_gram_keep(const ml_gram *from, const uint32_t *columns, uint32_t n, void *into);

/*
 * Least squares with intercept from the sums: minimises
 *	  1/(2 sum s) sum s (y - w.x - b)^2 + alpha (l1_ratio |w|_1 + (1 - l1_ratio)/2 |w|^2)
 * w.r.t. x standardised by "scale" (x_j / scale_j; NULL: 1 each).  Columns
 * linearly dependent on those before them (pivot below 1e-11 of their own
 * variance) are dropped, unless alpha > 0.  Arrays [d] are of the caller;
 * std_error may be NULL; cov_origin: see ml_problem.
 */
typedef struct ml_least_squares
{
	double	   *weights;
	double		bias;
	bool	   *dropped;
	double	   *std_error;		/* filled when unpenalised, else NaN */
	double		bias_std_error;
	double		freedom;
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
	double		tolerance;
	int			max_iterations;
} ml_penalty_terms;

extern ml_status ml_gram_solve(ml_context *ctx, const ml_kernel *kernel, const ml_gram *gram,
							   const ml_penalty_terms *penalty, const double *origin,
							   ml_least_squares *result);

#endif							/* ML_GRAM_H */
