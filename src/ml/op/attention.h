/*-------------------------------------------------------------------------
 *
 * attention.h
 *	  What the forward and the backward pass of attention share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ATTENTION_H
#define ML_ATTENTION_H

#include "kernel/map.h"
#include "op/packed.h"
#include "op/product.h"

/* Inputs and outputs of attention; without K and V, Q has all three side by side. */
enum
{
	ATTEND_Q, ATTEND_Q_OFFSETS, ATTEND_K, ATTEND_V, ATTEND_K_OFFSETS, ATTEND_INPUTS
};
enum
{
	ATTEND_OUT, ATTEND_LOGSUMS, ATTEND_OUTPUTS
};

/* Inputs of attention_grad: those, then ... */
enum
{
	ATTEND_BACK_OUT = ATTEND_INPUTS, ATTEND_BACK_LOGSUMS, ATTEND_BACK_DOUT, ATTEND_BACK_INPUTS
};
/* ... its outputs: of Q (or of all three), K, V */
enum
{
	ATTEND_DQ, ATTEND_DK, ATTEND_DV, ATTEND_BACK_OUTPUTS
};

/* Attributes: ints heads, causal, bf16; reals scale (0: 1 / sqrt(width of a head)). */
#define ATTEND_HEADS	0
#define ATTEND_CAUSAL	1
#define ATTEND_BF16		2
#define ATTEND_SCALE	0

/* Rows of numbers in memory, strides in elements. */
typedef struct ml_grid
{
	char	   *data;
	int64_t		row;
	int64_t		column;
} ml_grid;

typedef struct ml_attention
{
	const ml_op_run *run;
	const ml_map_kernel *map;
	ml_dtype	dtype;
	size_t		heads;
	size_t		d;				/* width of a head of q and k */
	size_t		dv;				/* of v and of the result */
	bool		causal;
	bool		bf16;			/* operands of products are rounded to pairs of bf16 */
	double		scale;
	ml_grid		q;				/* [words, heads x d] */
	ml_grid		k;
	ml_grid		v;
	ml_packed	pq;
	ml_packed	pk;
	size_t		unpolled;
} ml_attention;

static inline void *
ml_grid_at(const ml_attention *a, const ml_grid *grid, size_t row, size_t column)
{
	return grid->data == NULL ? NULL : grid->data + ((int64_t) row * grid->row + (int64_t) column * grid->column) * (int64_t) a->map->width;
}

/* Pairs of n numbers. */
static inline size_t
ml_attention_pairs(size_t n)
{
	return n / 2 + n % 2;
}

/*
 * Elements from a row of scores by n keys to the next one: an odd number of cache
 * lines, as rows a power of two apart would drive each other out of the first cache.
 */
static inline size_t
ml_attention_stride(size_t n)
{
	return ml_size_align(n, 32) + 16;
}

/* Keys that query i of nq sees, of nk: all, or those up to itself, the last query being at the last key. */
static inline size_t
ml_attention_sees(const ml_attention *a, size_t i, size_t nq, size_t nk)
{
	if (!a->causal)
		return nk;
	return i + nk + 1 <= nq ? 0 : ML_MIN(nk, i + nk + 1 - nq);
}

/* Widths and grids from operands 0 to 4 of attention and attention_grad, whose views may lack data. */
extern void ml_attention_open(ml_attention *a, const ml_op_run *run);

/* The offsets of queries and keys. */
extern ml_status ml_attention_rows(ml_attention *a);

/*
 * The rows first .. first + n of a head, [n][width], turned round: panels
 * [n/32][width][32], with bf16 [n/32][pairs of width][32].
 */
extern ml_status ml_attention_turn(ml_attention *a, void *panels, const ml_grid *grid, size_t first, size_t n,
								   size_t column, size_t width);

/* The same rows as they are, in bf16, of a grid whose columns lie side by side: panels [width/32][pairs of n][32]. */
extern ml_status ml_attention_pack(ml_attention *a, void *panels, const ml_grid *grid, size_t first, size_t n,
								   size_t column, size_t width);

/* A grid whose columns lie side by side: this one, or a copy of a head of n rows in "memory". */
extern ml_status ml_attention_straight(ml_attention *a, const ml_grid *grid, size_t first, size_t n, size_t column,
									   size_t width, void *memory, ml_grid *straight);

extern void ml_attention_backward(ml_emitter *e, const ml_op_backward *b);

#endif							/* ML_ATTENTION_H */
