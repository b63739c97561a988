/*-------------------------------------------------------------------------
 *
 * sequence_avx512.c
 *	  Loops of recurrent cells and of attention for AVX-512, in float and double.
 *
 * Without fused multiply-adds, which would change bits.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "kernel/map.h"
#include "kernel/sequence.h"

#if defined(__x86_64__)

#if defined(__clang__)
#define SEQUENCE_TARGET	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#else
#define SEQUENCE_TARGET	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,prefer-vector-width=512")))
#endif

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
