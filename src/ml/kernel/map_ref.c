/*-------------------------------------------------------------------------
 *
 * map_ref.c
 *	  Loops over numbers in a row for any CPU, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#include "base/real.h"
#include "kernel/map.h"

#include <string.h>

#define MAP_TARGET
#define MAP_BYTES		16

#define REAL			float
#define R(name)			ml_##name##_f32
#define MAP_NAME(name)	f32_##name
#define MAP_TABLE		ml_ref_map_f32
#include "kernel/map_loops.h"

#define REAL			double
#define R(name)			ml_##name##_f64
#define MAP_NAME(name)	f64_##name
#define MAP_TABLE		ml_ref_map_f64
#include "kernel/map_loops.h"
