/*-------------------------------------------------------------------------
 *
 * dual_descent.h
 *	  Losses with a corner, by dual coordinate descent: hinge and
 *	  epsilon-insensitive.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_DUAL_DESCENT_H
#define ML_DUAL_DESCENT_H

#include "learn/learner.h"

/*
 * min 1/2 |w|^2 + C sum_i s_i loss_i over the rows of the parts, w having the
 * intercept as its last element: parameters[nfeatures + 1], the result.  own:
 * the class that is y = 1 (one-vs-rest), or -1: class 1, or the targets.
 */
extern ml_status ml_dual_descent(ml_context *ctx, const ml_problem *problem, uint32_t parts, int64_t own,
								 double *parameters, ml_linear_report *report);

#endif							/* ML_DUAL_DESCENT_H */
