/*-------------------------------------------------------------------------
 *
 * network_lanes.h
 *	  The loops of networks (network.h) over vectors of floats; included once
 *	  for each level by a file that defines
 *
 *	  LANES_NAME(name)	what the level calls a function
 *	  LANES_TARGET		its target attribute
 *	  LANES_N			floats of a vector: 4, 8 or 16
 *	  LANES_SPLAT(x)	a vector of that float
 *	  LANES_FMA(a, b, c) a * b + c of vectors
 *	  LANES_SQRT(a)		square roots of a vector
 *	  LANES_MIN(a, b), LANES_MAX(a, b)	of vectors; b where one is NaN
 *	  TILE_HEIGHT		rows of a tile of products, a divisor of ML_TILE_ROWS
 *
 * and the functions load_part and store_part: the first n < LANES_N floats of a
 * vector, the others being 0, from and to memory that ends there.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define floats		LANES_PASTE(lanes, LANES_N)
#define ilanes		LANES_PASTE(ilanes, LANES_N)
#define dlanes		LANES_PASTE(dlanes, LANES_N)
#define splat(value) ((floats) LANES_SPLAT((float) (value)))
#define choose(mask, a, b) ((floats) (((mask) & (ilanes) (a)) | (~(mask) & (ilanes) (b))))
#define AT(array, i) (*(const floats *) ((array) + (i)))
#define TO(array, i) (*(floats *) ((array) + (i)))
#define INLINED		LANES_TARGET static inline __attribute__((always_inline))
#define UNROLLED	_Pragma("GCC unroll 16")

#ifndef NETWORK_TABLE
#define NETWORK_TABLE(level) \
const ml_network_kernel ml_##level##_network = { \
	.product = level##_product, \
	.pack = level##_pack, \
	.transpose = level##_transpose, \
	.sum_rows = level##_sum_rows, \
	.softmax = level##_softmax, \
	.softmax_back = level##_softmax_back, \
	.layer_norm = level##_layer_norm, \
	.layer_norm_back = level##_layer_norm_back, \
	.norm2 = level##_norm2, \
	.sgd = level##_sgd, \
	.momentum = level##_momentum, \
	.nesterov = level##_nesterov, \
	.adagrad = level##_adagrad, \
	.rmsprop = level##_rmsprop, \
	.rmsprop_momentum = level##_rmsprop_momentum, \
	.adam = level##_adam \
}
#endif

#include "kernel/network_product_lanes.h"
#include "kernel/network_rows_lanes.h"
#include "kernel/network_steps_lanes.h"

#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
#undef LANES_SPLAT
#undef LANES_FMA
#undef LANES_SQRT
#undef LANES_MIN
#undef LANES_MAX
#undef TILE_HEIGHT
#undef LANES_PASTE_
#undef LANES_PASTE
#undef floats
#undef ilanes
#undef dlanes
#undef splat
#undef choose
#undef AT
#undef TO
#undef INLINED
#undef UNROLLED
