/*-------------------------------------------------------------------------
 *
 * sequence_avx2.c
 *	  Loops of recurrent cells for AVX2, in float and double.
 *
 * Without fused multiply-adds, which would change bits.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <string.h>

#include "kernel/map.h"
#include "kernel/sequence.h"
#include "kernel/smo.h"

#if defined(__x86_64__)

#define SEQUENCE_TARGET	__attribute__((target("avx2")))

#define SEQUENCE_VECTORS_NAME(name) vectors_##name
#define LANES_N				8
#define LANES_SPLAT(x)		_mm256_set1_ps(x)
#define LANES_MIN(a, b)		((floats) _mm256_min_ps((__m256) (a), (__m256) (b)))
#define LANES_MAX(a, b)		((floats) _mm256_max_ps((__m256) (a), (__m256) (b)))
#include "kernel/sequence_lanes.h"

#define SEQUENCE_VECTORS
#define REAL				float
#define BITS				uint32_t
#define SEQUENCE_NAME(name)	f32_##name
#define SEQUENCE_TABLE		ml_avx2_sequence_f32
#include "kernel/sequence_loops.h"

#define REAL				double
#define BITS				uint64_t
#define SEQUENCE_NAME(name)	f64_##name
#define SEQUENCE_TABLE		ml_avx2_sequence_f64
#include "kernel/sequence_loops.h"

#endif
