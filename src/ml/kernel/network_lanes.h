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
 *	  LANES_PAIRS(a, b, c) the same with pairs of bf16 in each lane: both products are added
 *	  LANES_SQRT(a)		square roots of a vector
 *	  LANES_MIN(a, b), LANES_MAX(a, b)	of vectors; b where one is NaN
 *	  TILE_HEIGHT		rows of a tile of products, a divisor of ML_TILE_ROWS
 *
 *	  LANES_DOT			only what concerns pairs of bf16
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
#define hlanes		LANES_PASTE(hlanes, LANES_N)
#define blanes		LANES_PASTE(blanes, LANES_N)
#define splat(value) ((floats) LANES_SPLAT((float) (value)))
#define choose(mask, a, b) ((floats) (((mask) & (ilanes) (a)) | (~(mask) & (ilanes) (b))))
#define AT(array, i) (*(const floats *) ((array) + (i)))
#define TO(array, i) (*(floats *) ((array) + (i)))
/* Pairs where the CPU has no instruction for them, or none that is fast: the high number, then the low one. */
#define HIGH(x)		((floats) ((ilanes) (x) & (int32_t) 0xFFFF0000))
#define LOW(x)		((floats) ((ilanes) (x) << 16))
#define INLINED		LANES_TARGET static inline __attribute__((always_inline))
#define UNROLLED	_Pragma("GCC unroll 16")

#ifndef NETWORK_TABLE
/* The table "name": functions of "level", those for pairs of "pairs". */
#define NETWORK_TABLE(name, level, pairs) \
const ml_network_kernel ml_##name##_network = { \
	.product = level##_product, \
	.pack = level##_pack, \
	.product_pairs = pairs##_pairs_product, \
	.pack_pairs = pairs##_pack_pairs, \
	.round_rows = pairs##_round_rows, \
	.turn_pairs = pairs##_turn_pairs, \
	.widen_bf16 = level##_widen_bf16, \
	.widen_q8 = level##_widen_q8, \
	.transpose = level##_transpose, \
	.sum_rows = level##_sum_rows, \
	.attend = level##_attend, \
	.attend_back = level##_attend_back, \
	.dots = level##_dots, \
	.gelu = level##_gelu, \
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

#ifdef LANES_DOT
#include "kernel/network_pairs_lanes.h"

#define PRODUCT_NAME(name)		LANES_NAME(pairs_##name)
#define PRODUCT_TERM(a, b, c)	LANES_PAIRS(a, b, c)
#include "kernel/network_product_lanes.h"
#else
#include "kernel/network_pairs_lanes.h"
#include "kernel/network_rows_lanes.h"
#include "kernel/network_slopes_lanes.h"
#include "kernel/network_steps_lanes.h"

#define PRODUCT_NAME(name)		LANES_NAME(name)
#define PRODUCT_TERM(a, b, c)	LANES_FMA(a, b, c)
#include "kernel/network_product_lanes.h"

#define PRODUCT_NAME(name)		LANES_NAME(pairs_##name)
#define PRODUCT_TERM(a, b, c)	LANES_PAIRS(a, b, c)
#include "kernel/network_product_lanes.h"
#endif

#undef LANES_DOT
#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
#undef LANES_SPLAT
#undef LANES_FMA
#undef LANES_PAIRS
#undef LANES_SQRT
#undef LANES_MIN
#undef LANES_MAX
#undef TILE_HEIGHT
#undef LANES_PASTE_
#undef LANES_PASTE
#undef floats
#undef ilanes
#undef dlanes
#undef hlanes
#undef blanes
#undef splat
#undef choose
#undef AT
#undef TO
#undef HIGH
#undef LOW
#undef INLINED
#undef UNROLLED
