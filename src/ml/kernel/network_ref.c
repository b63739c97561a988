/*-------------------------------------------------------------------------
 *
 * network_ref.c
 *	  The loops of networks in plain C.
 *
 *-------------------------------------------------------------------------
 */
#include "base/real.h"
#include "kernel/network.h"
#include "kernel/smo.h"

#include <string.h>

static inline lanes4
ref_load_part(const float *x, size_t n)
{
	lanes4		result = {0};

	for (size_t i = 0; i < n; i++)
		result[i] = x[i];
	return result;
}

static inline void
ref_store_part(float *to, lanes4 x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = x[i];
}

static inline lanes4
ref_sqrt(lanes4 x)
{
	return (lanes4) {sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}

static inline lanes4
ref_choose(ilanes4 mask, lanes4 a, lanes4 b)
{
	return (lanes4) ((mask & (ilanes4) a) | (~mask & (ilanes4) b));
}

static void
ref_transpose(float *to, int64_t to_row, const float *from, int64_t from_row, size_t rows, size_t columns)
{
	for (size_t c = 0; c < columns; c++)
		for (size_t r = 0; r < rows; r++)
			to[(int64_t) c * to_row + (int64_t) r] = from[(int64_t) r * from_row + (int64_t) c];
}

#define LANES_NAME(name)	ref_##name
#define LANES_TARGET
#define LANES_N				4
#define LANES_SPLAT(x)		((lanes4) {(x), (x), (x), (x)})
#define LANES_FMA(a, b, c)	((a) * (b) + (c))
#define LANES_PAIRS(a, b, c) LANES_FMA(LOW(a), LOW(b), LANES_FMA(HIGH(a), HIGH(b), c))
#define LANES_SQRT(a)		ref_sqrt(a)
#define LANES_MIN(a, b)		ref_choose((a) < (b), (a), (b))
#define LANES_MAX(a, b)		ref_choose((a) > (b), (a), (b))
#define TILE_HEIGHT			6
#include "kernel/network_lanes.h"

NETWORK_TABLE(ref, ref, ref);
