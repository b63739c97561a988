/*-------------------------------------------------------------------------
 *
 * glm.h
 *	  What the files of the loops of smooth losses share: their tables, and the
 *	  types of vectors that their template works on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_GLM_H
#define ML_KERNEL_GLM_H

#include "kernel/ref.h"

#define ML_GLM_NO_LEVEL	UINT32_MAX

/* Aligned as their elements: arrays come from anywhere. */
typedef double ml_doubles4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t ml_longs4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double ml_doubles8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t ml_longs8 __attribute__((vector_size(64), aligned(8), may_alias));

#endif							/* ML_KERNEL_GLM_H */
