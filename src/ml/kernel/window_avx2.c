/*-------------------------------------------------------------------------
 *
 * window_avx2.c
 *	  Loops over windows for AVX2, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/window.h"

#include <string.h>

#if defined(__x86_64__)

#define WINDOW_TARGET		__attribute__((target("avx2")))

#define REAL				float
#define INDEX				int32_t
#define WINDOW_NAME(name)	f32_##name
#define WINDOW_TABLE		ml_avx2_window_f32
#include "kernel/window_loops.h"

#define REAL				double
#define INDEX				int64_t
#define WINDOW_NAME(name)	f64_##name
#define WINDOW_TABLE		ml_avx2_window_f64
#include "kernel/window_loops.h"

#endif
