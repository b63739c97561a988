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
 *	  hinge: max(0, 1 - y f), epsilon-insensitive: max(0, |y - f| - epsilon),
 *	  rounded off at their corners as multipliers.c needs it.
 *
 * Parameters are [nscores][nfeatures + 1], the intercept last; or, by feature,
 * [nfeatures + 1][nscores], so that a word's weights lie together.
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
	bool		by_feature;		/* layout of parameters and gradient; not with a Hessian */
	uint32_t	q;				/* nfeatures + 1 */
	size_t		n;				/* nscores x q parameters */
	uint32_t	ndense;
	uint32_t	ncategories;

	/* of losses with a corner */
	double		sharpness;
	double		last_sharpness;
	bool		advance;		/* the next pass takes new multipliers first */

	/* results of a pass */
	uint64_t	rows;
	double		sum;			/* of s_i loss_i */
	double		corner;			/* of s_i loss_i, not rounded */
	double		slack;			/* ... less what new multipliers make of the rows, >= 0 */
	double		weight;			/* of s_i */
	double	   *gradient;		/* [n] of the sum */
	double	   *hessian;		/* triangle of ml_glm_rows rows, or NULL */

	/* where unknowns are in the triangle: per score dense, intercept, padding; the others */
	uint32_t	dense_panels;
	uint32_t	score_panels;
	size_t	   *offsets;		/* [nscores][q] of their rows */

	/* scratch */
	double	   *scores;			/* [nscores][stride] */
	double	   *slopes;			/* [nscores][stride], s_i times the loss's derivative */
	double	   *curves;			/* [stride]: s_i times the second */
	double	   *targets;		/* [stride] */
	double	   *weights;		/* [ndense] of a score, or [nscores] of a row */
	double	   *panels;			/* of a tile */
	double	   *scaled;			/* one of them, times factors */
	double	   *factors;
	uint64_t	tiles;			/* seen in the pass, for sampling */
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
	uint32_t	row = k < glm->ndense ? k :
		k == glm->q - 1 ? glm->ndense : glm->dense_panels * 8 + k - glm->ndense;

	return score * glm->score_panels * 8 + row;
}

/* The parameter k of a score. */
static inline size_t
ml_glm_parameter(const ml_glm *glm, uint32_t score, uint32_t k)
{
	return glm->by_feature ? (size_t) k * glm->nscores + score : (size_t) score * glm->q + k;
}

/*
 * A pass at "parameters" over the rows of the parts, or a sample of one in
 * ML_GLM_SAMPLE of them: rows, sum, weight, gradient and, if asked for, hessian.
 */
#define ML_GLM_SAMPLE	16

extern ml_status ml_glm_pass(ml_context *ctx, ml_glm *glm, const double *parameters,
							 uint32_t parts, bool sample, bool hessian);

/*
 * glm->curves of the block's rows: second derivatives of the loss by the score
 * at "parameters", times s_i; of many scores their mean.
 */
extern ml_status ml_glm_curves(ml_context *ctx, ml_glm *glm, const double *parameters,
							   const ml_block *block);

#endif							/* ML_GLM_H */
