/*-------------------------------------------------------------------------
 *
 * smo.h
 *	  Vectors of 4, 8 and 16 floats, for the files that include smo_lanes.h or
 *	  machine_lanes.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_SMO_H
#define ML_KERNEL_SMO_H

#include "kernel/ref.h"

#include <math.h>

#define LANES_TYPES(n) \
	typedef float lanes##n __attribute__((vector_size(n * sizeof(float)), aligned(4), may_alias)); \
	typedef int32_t ilanes##n __attribute__((vector_size(n * sizeof(int32_t)), aligned(4), may_alias)); \
	typedef int8_t blanes##n __attribute__((vector_size(n), aligned(1), may_alias)); \
	typedef uint16_t hlanes##n __attribute__((vector_size(n * sizeof(uint16_t)), aligned(2), may_alias)); \
	typedef double dlanes##n __attribute__((vector_size(n * sizeof(double)), aligned(8), may_alias))

LANES_TYPES(4);
LANES_TYPES(8);
LANES_TYPES(16);

#endif							/* ML_KERNEL_SMO_H */
