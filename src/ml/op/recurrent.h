/*-------------------------------------------------------------------------
 *
 * recurrent.h
 *	  What the forward and the backward pass of recurrent cells share.
 *
 * Rows of differing lengths run together without padding: they are sorted by
 * falling length, so that those which have a word t are the first ones, and cut
 * into blocks of some 48 that go through all their words before the next block
 * begins.  Values of a block are kept in order of time: [t][row of the block],
 * without gaps.  A row's result depends on nothing but itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_RECURRENT_H
#define ML_RECURRENT_H

#include "kernel/map.h"
#include "kernel/sequence.h"
#include "op/packed.h"
#include "op/product.h"

typedef enum ml_cell
{
	ML_CELL_RNN,
	ML_CELL_GRU,
	ML_CELL_LSTM
} ml_cell;

/* Inputs of the forward ops; what is behind WH is optional. */
enum
{
	CELL_X, CELL_OFFSETS, CELL_WX, CELL_WH, CELL_BX, CELL_BH, CELL_H0, CELL_C0, CELL_INPUTS
};

/* Of ops over words (recurrent_words.c): a table in the place of x, and which of its rows each word is. */
#define CELL_TABLE		CELL_X
#define CELL_NUMBERS	CELL_WX

/* Outputs of the forward ops: y, then last; LSTM: the last cells; GRU and LSTM: what backward needs. */
enum
{
	CELL_Y, CELL_LAST, GRU_GATES = 2, GRU_KEPT, GRU_OUTPUTS, LSTM_LAST_C = 2, LSTM_GATES, LSTM_CELLS,
	LSTM_OUTPUTS, RNN_OUTPUTS = 2
};

/* ML_OP_FAIL unless weights are a matrix [k, n] in panels; unless input i is absent or of that shape. */
extern ml_status ml_cell_check_weights(ml_context *ctx, const char *op, const char *what, const ml_shape *w,
									   ml_dim k, ml_dim n);
extern ml_status ml_cell_check_optional(ml_context *ctx, const char *op, const char *what, const ml_op_shapes *s,
										int i, const ml_shape *expected);

/* Inputs and outputs of the backward ops. */
enum
{
	BACK_X, BACK_OFFSETS, BACK_WX, BACK_WH, BACK_H0, BACK_C0, BACK_Y, BACK_GATES, BACK_KEPT, BACK_DY,
	BACK_DLAST, BACK_DLAST_C, BACK_INPUTS
};
enum
{
	BACK_DX, BACK_DWX, BACK_DWH, BACK_DBX, BACK_DBH, BACK_DH0, BACK_DC0, BACK_OUTPUTS
};

/* Attributes: ints[0] reverse, of rnn then relu, and bf16 last. */
#define CELL_REVERSE	0
#define CELL_RELU		1
#define CELL_BF16(cell)	((cell) == ML_CELL_RNN ? 2 : 1)

#define CELL_BLOCK		48		/* rows of a block, at most */

/* A pass over the words, and where it is. */
typedef struct ml_passage
{
	const ml_op_run *run;
	const ml_map_kernel *map;
	const ml_sequence_kernel *loops;
	ml_dtype	dtype;
	ml_cell		cell;
	bool		reverse;
	bool		bf16;			/* operands of products are rounded to pairs of bf16 */
	size_t		inputs;			/* channels of x */
	size_t		units;
	size_t		gates;			/* columns of weights: 1, 3 or 4 times units */
	ml_packed	p;
	const int32_t *order;
	const int32_t *active;
	size_t		first;			/* the block: order[first] .. */
	size_t		rows;
	size_t		longest;		/* of its rows */
	size_t		base;			/* words of the blocks before it */
	size_t		unpolled;
} ml_passage;

/* Element i of an array of the passage's type; NULL of NULL. */
static inline void *
ml_passage_at(const ml_passage *s, const void *array, size_t i)
{
	return array == NULL ? NULL : (char *) array + i * s->map->width;
}

/* Rows of the block that have a word t. */
static inline size_t
ml_passage_rows(const ml_passage *s, size_t t)
{
	return t >= s->longest ? 0 : ML_MIN((size_t) s->active[t] - s->first, s->rows);
}

/* Which word it is that row i of the block has at time t. */
static inline size_t
ml_passage_word(const ml_passage *s, size_t i, size_t t)
{
	int32_t		row = s->order[s->first + i];

	return s->reverse ? (size_t) s->p.offsets[row + 1] - 1 - t : (size_t) s->p.offsets[row] + t;
}

/* Columns of weights, in units. */
static inline int
ml_cell_gates(ml_cell cell)
{
	return cell == ML_CELL_RNN ? 1 : cell == ML_CELL_GRU ? 3 : 4;
}

/* Sizes from views; offsets are opened and sorted into "memory" (ml_packed_sort_size) if there is one. */
extern ml_status ml_passage_open(ml_passage *s, const ml_op_run *run, ml_cell cell, void *memory);

/* The first or the next block of rows; false: no more. */
extern bool ml_passage_next(ml_passage *s);

/*
 * How many steps from t on (forward) or before t (backward) have at most
 * "limit" words together, but at least one step; *words: how many.
 */
extern size_t ml_passage_steps(const ml_passage *s, size_t t, bool backward, size_t limit, size_t *words);

/* to[i][n] = from[word of row i at time t][n], for all rows that have it; and the other way. */
extern void ml_passage_gather(const ml_passage *s, size_t t, void *to, const void *from, size_t n);
extern void ml_passage_scatter(const ml_passage *s, size_t t, void *to, const void *from, size_t n);

/* to[i][units] = states[row i of the block], 0 if there are none. */
extern ml_status ml_passage_states(ml_passage *s, void *to, const void *states);

/* Rows from .. to of the block have had their last word: last[row][units] = theirs of states; NULL: nobody wants it. */
extern void ml_passage_finish(const ml_passage *s, size_t from, size_t to, void *last, const void *states);

/* bias[gates x units] of the sum over x: both, but GRU's bh, whose part of n is multiplied. */
extern void ml_cell_bias(const ml_op_run *run, ml_cell cell, void *bias);

/*
 * One step of so many rows by their sums [rows][gates x units], which become gates: h
 * [rows][units] and cells (c_before may be c), or, of GRU, its part of h in n.
 */
extern void ml_cell_step(const ml_passage *s, void *sums, const void *hidden, void *h, void *c, const void *c_before,
						 size_t rows);

/*
 * Run a product of plain rows and weights that ml_passage_weights gave.  pairs:
 * memory for the rows in bf16 (ml_pairs_elements).
 */
extern ml_status ml_passage_multiply(const ml_passage *s, const ml_product *product, void *pairs);

/* A [k, n] matrix in panels for it: itself, or in pairs of bf16 in "memory". */
extern ml_status ml_passage_weights(ml_passage *s, const void *weights, size_t k, size_t n, void *memory,
									const void **prepared);

/* Floats that rows of k numbers take in pairs; panels of a [k, n] matrix. */
static inline size_t
ml_pairs_elements(const ml_passage *s, size_t rows, size_t k)
{
	return s->bf16 ? ml_size_mul(rows, k / 2 + k % 2) : 0;
}

static inline size_t
ml_pairs_weights(const ml_passage *s, size_t k, size_t n)
{
	return ml_pairs_elements(s, ml_size_align(n, ML_PANEL), k);
}

extern ml_status ml_passage_poll(ml_passage *s, size_t terms);

/*
 * recurrent_words.c: table[n][gates x units] = x wx + the biases that go into the
 * sum over x.  Inputs of the run are X [n, inputs], WX, BX and BH; workspace: [gates x units].
 */
extern ml_status ml_cell_table(const ml_op_run *run, ml_cell cell, void *table);

/* recurrent_back.c */
extern void ml_rnn_backward(ml_emitter *e, const ml_op_backward *b);
extern void ml_gru_backward(ml_emitter *e, const ml_op_backward *b);
extern void ml_lstm_backward(ml_emitter *e, const ml_op_backward *b);

#endif							/* ML_RECURRENT_H */
