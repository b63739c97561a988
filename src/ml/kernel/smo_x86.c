/*-------------------------------------------------------------------------
 *
 * smo_x86.c
 *	  The loops of sequential minimal optimisation for AVX2 and AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/smo.h"

#if defined(__x86_64__)

#define AVX2	__attribute__((target("avx2,fma")))
#define AVX512	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		AVX2
#define LANES_N				8
#define LANES_FMA(a, b, c)	((lanes) _mm256_fmadd_ps((__m256) (a), (__m256) (b), (__m256) (c)))
#include "kernel/smo_lanes.h"

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		AVX512
#define LANES_N				16
#define LANES_FMA(a, b, c)	((lanes) _mm512_fmadd_ps((__m512) (a), (__m512) (b), (__m512) (c)))
#include "kernel/smo_lanes.h"

const ml_smo_kernel ml_avx2_smo = {avx2_rbf_row, avx2_polynomial_row, avx2_smo_update, avx2_smo_choose};
const ml_smo_kernel ml_avx512_smo = {avx512_rbf_row, avx512_polynomial_row, avx512_smo_update,
avx512_smo_choose};

#endif
