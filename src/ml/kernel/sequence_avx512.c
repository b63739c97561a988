/*-------------------------------------------------------------------------
 *
 * sequence_avx512.c
 *	  Loops of recurrent cells for AVX-512, in float and double.
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

#if defined(__clang__)
#define SEQUENCE_TARGET	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#else
#define SEQUENCE_TARGET	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,prefer-vector-width=512")))
#endif

#define SEQUENCE_VECTORS_NAME(name) vectors_##name
#define LANES_N				16
#define LANES_SPLAT(x)		_mm512_set1_ps(x)
#define LANES_MIN(a, b)		((floats) _mm512_min_ps((__m512) (a), (__m512) (b)))
#define LANES_MAX(a, b)		((floats) _mm512_max_ps((__m512) (a), (__m512) (b)))
#include "kernel/sequence_lanes.h"

#define SEQUENCE_VECTORS
#define REAL				float
#define BITS				uint32_t
#define SEQUENCE_NAME(name)	f32_##name
#define SEQUENCE_TABLE		ml_avx512_sequence_f32
#include "kernel/sequence_loops.h"

#define REAL				double
#define BITS				uint64_t
#define SEQUENCE_NAME(name)	f64_##name
#define SEQUENCE_TABLE		ml_avx512_sequence_f64
#include "kernel/sequence_loops.h"

#endif
