/*-------------------------------------------------------------------------
 *
 * precondition.h
 *	  An inverse of the Hessian to begin with, for quasi_newton.c: that of a
 *	  block of the unknowns which curve most, and of the diagonal beyond.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_PRECONDITION_H
#define ML_PRECONDITION_H

#include "learn/glm.h"
#include "learn/least_squares.h"

#define ML_PRECONDITION_MAX	256 /* unknowns of a score in the block */

typedef struct ml_precondition
{
	ml_glm	   *glm;
	uint32_t	parts;
	double		c;				/* what is minimised: c x glm's sum ... */
	double		l2;				/* ... + l2 / 2 |w|^2 */
	double		l1;				/* > 0: no block */
	bool		intercept;		/* the intercept is penalised, too */
	size_t		memory;			/* bytes that the block may take */

	double	   *inverse;		/* [q] of the diagonal; the caller's */
	double		least;			/* that counts as a second derivative */
	uint32_t	n;				/* unknowns in the block; 0: diagonal alone */
	uint32_t	limit;			/* the most that memory allows */
	uint32_t   *features;		/* [n] ascending */
	uint32_t   *places;			/* [q] where a feature is in the block, or ML_NO_TERM */
	double	   *products;		/* their triangle */
	double	   *vector;			/* [8 npanels] */
	uint32_t   *members;		/* of a row: where in the block ... */
	double	   *values;			/* ... and its value */
	uint64_t	row;
	uint64_t	every;			/* rows of which one is in products */
	ml_arena	arena;			/* of the equations, and of what stays */
	ml_arena	factored;
	ml_equations equations;
	size_t		work;
} ml_precondition;

/* Bytes that it takes where "memory" are allowed. */
extern size_t ml_precondition_memory(const ml_problem *problem, size_t memory);

/* Where all up to "memory" has been set.  Close in any case. */
extern ml_status ml_precondition_open(ml_context *ctx, ml_precondition *p);
extern void ml_precondition_close(ml_context *ctx, ml_precondition *p);

/* Anew, by the curvature at these parameters [q][nscores]: a pass over the rows, the first time two. */
extern ml_status ml_precondition_set(ml_context *ctx, ml_precondition *p, const double *parameters);

/* a[q][nscores] := inverse x a */
extern ml_status ml_precondition_apply(ml_context *ctx, ml_precondition *p, double *a);

#endif							/* ML_PRECONDITION_H */
