/*-------------------------------------------------------------------------
 *
 * multipliers.h
 *	  Losses with a corner, hinge and epsilon-insensitive, where the unknowns
 *	  are few: by the method of multipliers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MULTIPLIERS_H
#define ML_MULTIPLIERS_H

#include "learn/newton.h"

/*
 * min 1/2 |w|^2 + C sum_i s_i loss_i over the rows of the parts, w having the
 * intercept as its last element: parameters[nfeatures + 1], where to begin
 * (warm: near the solution) and the result.  own: the class that is y = 1
 * (one-vs-rest), or -1: class 1, or the targets.  ml_newton_fits.
 */
extern ml_status ml_multipliers(ml_context *ctx, const ml_problem *problem, uint32_t parts,
								int64_t own, double *parameters, bool warm,
								ml_linear_report *report);

#endif							/* ML_MULTIPLIERS_H */
