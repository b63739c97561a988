/*-------------------------------------------------------------------------
 *
 * sequence_ref.c
 *	  Loops of recurrent cells and of attention in plain C, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "kernel/map.h"
#include "kernel/sequence.h"

#define SEQUENCE_TARGET

#define REAL				float
#define BITS				uint32_t
#define SEQUENCE_NAME(name)	f32_##name
#define SEQUENCE_TABLE		ml_ref_sequence_f32
#include "kernel/sequence_loops.h"

#define REAL				double
#define BITS				uint64_t
#define SEQUENCE_NAME(name)	f64_##name
#define SEQUENCE_TABLE		ml_ref_sequence_f64
#include "kernel/sequence_loops.h"
