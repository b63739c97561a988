/*-------------------------------------------------------------------------
 *
 * columns_x86.c
 *	  The loops over columns of a table for AVX2 and AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/glm.h"

#if defined(__x86_64__)

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		__attribute__((target("avx2")))
#define LANES_N				4
#include "kernel/columns_lanes.h"

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#define LANES_N				8
#include "kernel/columns_lanes.h"

const ml_column_kernel ml_avx2_column = {avx2_summarize, avx2_scale};
const ml_column_kernel ml_avx512_column = {avx512_summarize, avx512_scale};

#endif
