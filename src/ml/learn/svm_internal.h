/*-------------------------------------------------------------------------
 *
 * svm_internal.h
 *	  What the files of the learner svm share: svm.c chooses, svm_linear.c and
 *	  svm_kernel.c fit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SVM_INTERNAL_H
#define ML_SVM_INTERNAL_H

#include "learn/learner.h"

/* As the members of ml_learner; options->svm_kernel is not linear. */
extern ml_status ml_svm_kernel_open(ml_context *ctx, const ml_problem *problem, void **state);
extern ml_status ml_svm_kernel_fit(ml_context *ctx, const ml_problem *problem, void *state,
								   uint32_t parts, ml_solution *solution, ml_linear_report *report);
extern void ml_svm_kernel_close(ml_context *ctx, void *state);

#endif							/* ML_SVM_INTERNAL_H */
