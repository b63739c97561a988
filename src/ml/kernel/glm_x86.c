/*-------------------------------------------------------------------------
 *
 * glm_x86.c
 *	  The loops of smooth losses for AVX2 and AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/glm.h"

#if defined(__x86_64__)

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		__attribute__((target("avx2,fma")))
#define LANES_N				4
#define LANES_FMA(a, b, c)	((doubles) _mm256_fmadd_pd((__m256d) (a), (__m256d) (b), (__m256d) (c)))
#include "kernel/glm_lanes.h"

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define LANES_N				8
#define LANES_FMA(a, b, c)	((doubles) _mm512_fmadd_pd((__m512d) (a), (__m512d) (b), (__m512d) (c)))
#include "kernel/glm_lanes.h"

const ml_glm_kernel ml_avx2_glm = {
	avx2_columns_dot, avx2_columns_sums, avx2_panel_scale, avx2_levels_add, avx2_logistic, avx2_softmax,
	avx2_squared_hinge
};
const ml_glm_kernel ml_avx512_glm = {
	avx512_columns_dot, avx512_columns_sums, avx512_panel_scale, avx512_levels_add, avx512_logistic,
	avx512_softmax, avx512_squared_hinge
};

#endif
