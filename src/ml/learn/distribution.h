/*-------------------------------------------------------------------------
 *
 * distribution.h
 *	  The normal and Student's t distribution, for statistics of estimates.
 *
 * freedom: degrees of freedom > 0 of t; 0 stands for the normal distribution,
 * which t becomes with infinitely many.  Relative error below 1e-10, for tiny
 * probabilities, too.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_DISTRIBUTION_H
#define ML_DISTRIBUTION_H

#include "base/base.h"

/* P(|T| >= |t|). */
extern double ml_two_sided(double t, double freedom);

/* The t >= 0 with P(|T| >= t) = alpha, 0 < alpha < 1. */
extern double ml_two_sided_quantile(double alpha, double freedom);

#endif							/* ML_DISTRIBUTION_H */
