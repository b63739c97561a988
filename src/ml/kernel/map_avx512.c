/*-------------------------------------------------------------------------
 *
 * map_avx512.c
 *	  Loops over numbers in a row for AVX-512, in float and double.
 *
 * Without fused multiply-adds, which would change bits.
 *
 *-------------------------------------------------------------------------
 */
#include "base/real.h"
#include "kernel/map.h"

#include <string.h>

#if defined(__x86_64__)

#if defined(__clang__)
#define MAP_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#else
#define MAP_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,prefer-vector-width=512")))
#endif
#define MAP_BYTES		64

#define REAL			float
#define R(name)			ml_##name##_f32
#define MAP_NAME(name)	f32_##name
#define MAP_TABLE		ml_avx512_map_f32
#include "kernel/map_loops.h"

#define REAL			double
#define R(name)			ml_##name##_f64
#define MAP_NAME(name)	f64_##name
#define MAP_TABLE		ml_avx512_map_f64
#include "kernel/map_loops.h"

#endif
