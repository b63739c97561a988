/*-------------------------------------------------------------------------
 *
 * x86_avx512.c
 *	  The kernels for AVX512.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

#if defined(__x86_64__)

const ml_kernel ml_kernel_avx512 = {
	.level = ML_LEVEL_AVX512,
	.name = "avx512",
	.accumulate_i8 = ml_ref_accumulate_i8,
	.row_dot = ml_ref_row_dot,
	.row_dot_wide = ml_avx512_row_dot_wide,
	.row_add = ml_ref_row_add,
	.row_add_wide = ml_avx512_row_add_wide,
	.row_map = ml_avx2_row_map,
	.fold_ascii = ml_ref_fold_ascii,
};

#endif
