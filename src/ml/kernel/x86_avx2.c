/*-------------------------------------------------------------------------
 *
 * x86_avx2.c
 *	  The kernels for AVX2.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

#if defined(__x86_64__)

const ml_kernel ml_kernel_avx2 = {
	.level = ML_LEVEL_AVX2,
	.name = "avx2",
	.accumulate_i8 = ml_ref_accumulate_i8,
	.gather_dot = ml_ref_gather_dot,
	.scatter_add = ml_ref_scatter_add,
	.gather_dot16 = ml_ref_gather_dot16,
	.scatter_add16 = ml_ref_scatter_add16,
	.fold_ascii = ml_ref_fold_ascii,
};

#endif
