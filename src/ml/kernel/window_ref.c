/*-------------------------------------------------------------------------
 *
 * window_ref.c
 *	  Loops over windows for any CPU, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/window.h"

#include <string.h>

#define WINDOW_TARGET

#define REAL				float
#define INDEX				int32_t
#define WINDOW_NAME(name)	f32_##name
#define WINDOW_TABLE		ml_ref_window_f32
#include "kernel/window_loops.h"

#define REAL				double
#define INDEX				int64_t
#define WINDOW_NAME(name)	f64_##name
#define WINDOW_TABLE		ml_ref_window_f64
#include "kernel/window_loops.h"
