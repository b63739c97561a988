/*-------------------------------------------------------------------------
 *
 * map_ref.c
 *	  Loops over numbers in a row for any CPU, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/map.h"

#define MAP_TARGET

#define REAL			float
#define MAP_NAME(name)	f32_##name
#define MAP_TABLE		ml_ref_map_f32
#include "kernel/map_loops.h"

#define REAL			double
#define MAP_NAME(name)	f64_##name
#define MAP_TABLE		ml_ref_map_f64
#include "kernel/map_loops.h"
