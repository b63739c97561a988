/*-------------------------------------------------------------------------
 *
 * separation.h
 *	  Features that tell a class from the others by themselves: without a penalty
 *	  their weights have no finite optimum.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SEPARATION_H
#define ML_SEPARATION_H

#include "learn/learner.h"

/*
 * A pass over the rows of the parts: the first numeric feature whose values in
 * one class are all on one side of those in the others, or level that one class
 * does not have; excluded ones too.  *feature = ML_NO_TERM: there is none.
 * Words are not looked at.
 */
extern ml_status ml_separation_find(ml_context *ctx, const ml_problem *problem, uint32_t parts,
									uint32_t *feature);

#endif							/* ML_SEPARATION_H */
