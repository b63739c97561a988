/*-------------------------------------------------------------------------
 *
 * glm.h
 *	  Smooth losses of a linear score over a design matrix: their sum, its
 *	  gradient and its Hessian in one pass; for newton.c and quasi_newton.c.
 *
 *	  logistic:	ln(1 + exp(-y f)), or -ln softmax(f)[label]
 *	  squared hinge: max(0, 1 - y f)^2, squared epsilon-insensitive:
 *	  max(0, |y - f| - epsilon)^2; their second derivatives are those of the
 *	  rows that count (generalised Hessian).
 *
 * Parameters are [nscores][nfeatures + 1], the intercept last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_GLM_H
#define ML_GLM_H

#include "learn/learner.h"
#include "learn/triangle.h"

typedef struct ml_glm
{
	const ml_problem *problem;
	ml_loss		loss;
	uint32_t	nscores;		/* of the pass; one-vs-rest: 1 */
	int64_t		own;			/* one-vs-rest: y = 1 for this class; -1: class 1, or the targets */
	uint32_t	q;				/* nfeatures + 1 */
	size_t		n;				/* nscores x q parameters */

	/* results of a pass */
	double		sum;			/* of s_i loss_i */
	double		weight;			/* of s_i */
	double	   *gradient;		/* [n] of the sum */
	double	   *hessian;		/* triangle of ml_glm_rows rows, or NULL */

	/* where unknowns are in the triangle: per score dense, intercept, padding; the others */
	uint32_t	dense_panels;
	uint32_t	score_panels;

	/* scratch */
	double	   *scores;			/* [nscores][stride] */
	double	   *slopes;			/* [nscores][stride], s_i times the loss's derivative */
	double	   *curves;			/* [stride]: s_i times the second, or what it needs */
	double	   *panels;			/* of a tile: as they are, and times curves */
	double	   *scaled;
	double	   *factors;
	uint32_t   *items;			/* of a row: features that are levels or of texts ... */
	double	   *item_values;	/* ... and their values */
	size_t		items_capacity;
	size_t		values_capacity;
	size_t		work;			/* since the last poll */
} ml_glm;

/* hessian: whether passes may ask for it.  Close in any case. */
extern ml_status ml_glm_open(ml_context *ctx, ml_glm *glm, const ml_problem *problem, ml_loss loss,
							 uint32_t nscores, int64_t own, bool hessian);
extern void ml_glm_close(ml_context *ctx, ml_glm *glm);

/* Bytes that it takes. */
extern size_t ml_glm_memory(const ml_problem *problem, uint32_t nscores, bool hessian);

/* Rows of the triangle. */
static inline uint32_t
ml_glm_rows(const ml_glm *glm)
{
	return glm->nscores * glm->score_panels * 8;
}

/* The row of parameter k of a score (k = nfeatures: the intercept). */
static inline uint32_t
ml_glm_row(const ml_glm *glm, uint32_t score, uint32_t k)
{
	uint32_t	ndense = ml_design_ndense(glm->problem->design);
	uint32_t	row = k < ndense ? k : k == glm->q - 1 ? ndense : glm->dense_panels * 8 + k - ndense;

	return score * glm->score_panels * 8 + row;
}

/*
 * A pass at "parameters" over every "every"-th block of the parts: sum, weight,
 * gradient and, if asked for, hessian.
 */
extern ml_status ml_glm_pass(ml_context *ctx, ml_glm *glm, const double *parameters, uint32_t parts,
							 uint32_t every, bool hessian);

#endif							/* ML_GLM_H */
