/*-------------------------------------------------------------------------
 *
 * linear_regression.h
 *	  What the files of the learner linear_regression share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LINEAR_REGRESSION_H
#define ML_LINEAR_REGRESSION_H

#include "learn/learner.h"

/*
 * One pass over the rows with weights w: r_i = w.x_i + bias, or the target
 * minus that.
 */
typedef struct ml_regression_pass
{
	const double *w;			/* [nfeatures] */
	double		bias;
	bool		residual;		/* r_i is the target minus the score */

	/* sums over the rows, from 0 on */
	double	   *products;		/* [nfeatures] s_i r_i x_ij */
	double		sum;			/* s_i r_i */
	double		squares;		/* s_i r_i^2 */
} ml_regression_pass;

extern ml_status ml_regression_sum(ml_context *ctx, const ml_problem *problem, uint32_t parts,
								   ml_regression_pass *pass);

/* Bytes that the solvers in passes need. */
extern size_t ml_regression_wide_memory(const ml_problem *problem);

/* Any number of features, by conjugate gradients or FISTA. */
extern ml_status ml_regression_wide(ml_context *ctx, const ml_problem *problem, uint32_t parts,
									ml_solution *solution, ml_linear_report *report);

/* Note a pass in the report and tell the host. */
extern void ml_regression_note(ml_context *ctx, const ml_problem *problem, uint32_t parts,
							   double loss, ml_linear_report *report);

#endif							/* ML_LINEAR_REGRESSION_H */
