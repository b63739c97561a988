/*-------------------------------------------------------------------------
 *
 * map_avx2.c
 *	  Loops over numbers in a row for AVX2, in float and double.
 *
 * Without fused multiply-adds, which would change bits.
 *
 *-------------------------------------------------------------------------
 */
#include "base/real.h"
#include "kernel/map.h"

#include <string.h>

#if defined(__x86_64__)

#define MAP_TARGET		__attribute__((target("avx2")))
#define MAP_BYTES		32

#define REAL			float
#define R(name)			ml_##name##_f32
#define MAP_NAME(name)	f32_##name
#define MAP_TABLE		ml_avx2_map_f32
#include "kernel/map_loops.h"

#define REAL			double
#define R(name)			ml_##name##_f64
#define MAP_NAME(name)	f64_##name
#define MAP_TABLE		ml_avx2_map_f64
#include "kernel/map_loops.h"

#endif
