/*-------------------------------------------------------------------------
 *
 * recurrent_words.c
 *	  Recurrent cells over words: rnn_words, gru_words, lstm_words.
 *
 *	  (table [n, gates x units], offsets, numbers I32 [words], wh [units, gates x
 *	  units], -, bh of GRU, h0 [rows, units], c0 of LSTM) ->
 *	  (y [words, units], last [rows, units], last cells of LSTM)
 *
 * Where x are rows of an embedding, what they say, x wx + bx (+ bh), depends on
 * nothing but the word's number, so ml_cell_table computes it once for each.
 * A word's row of that table is where its sums over h begin (recurrent.c), which
 * gives the very bits: an element of a sum is one chain, first over x, then over
 * h.  For inference only: graph/fold.c puts these ops in the place of others.
 *
 * Tables are large, and what isn't in the cache takes its time.  So a product reads
 * its tile's sums from the table, and asks for the next tile's.  What GRU adds up
 * apart is fetched row by row while gates open, and asked for a step before.
 *
 *-------------------------------------------------------------------------
 */
#include "op/recurrent.h"
#include "op/ops.h"
#include "op/walk.h"

#define FETCH_ROWS	4			/* that are opened, then fetched */
#define LINE		64			/* bytes of a line of the cache */

/* === Tables === */

ml_status
ml_cell_table(const ml_op_run *run, ml_cell cell, void *table)
{
	const ml_view *x = &run->in[CELL_X];
	const ml_view *wx = &run->in[CELL_WX];
	size_t		gates = (size_t) wx->dims[1];
	ml_product	product = {
		.c = table, .c_row = (int64_t) gates, .c_panel = ML_PANEL,
		.a = x->data, .a_row = x->dims[1], .a_inner = 1,
		.b = wx->data, .b_panel = x->dims[1] * ML_PANEL, .b_inner = ML_PANEL,
		.bias = run->workspace, .rows = (size_t) x->dims[0], .lanes = gates, .outer = 1, .inner = (size_t) x->dims[1]
	};

	ml_cell_bias(run, cell, run->workspace);
	return ml_product_run(run, x->dtype, &product);
}

/* === Shapes === */

static ml_status
shape_words(ml_context *ctx, const char *op, const ml_op_shapes *s, int gates)
{
	const ml_shape *table = s->in[CELL_TABLE];
	const ml_shape *numbers = s->in[CELL_NUMBERS];
	ml_dim		units = s->in[CELL_WH]->ndims == 2 ? s->in[CELL_WH]->dims[0] : 0;
	ml_shape	states = {table->dtype, ML_PLAIN, 2, {0, units}};
	ml_shape	bias = {table->dtype, ML_PLAIN, 1, {gates * units}};
	char		text[ML_SHAPE_TEXT];

	if (units < 1 || units > INT32_MAX / 8)
		return ML_OP_FAIL(ctx, "%s: %lld units", op, (long long) units);
	if (table->ndims != 2 || table->layout != ML_PLAIN || table->dims[1] != gates * units)
		return ML_OP_FAIL(ctx, "%s: %s is no table of sums of %lld", op, ml_shape_print(text, table),
						  (long long) (gates * units));
	if (numbers->dtype != ML_I32 || numbers->ndims != 1)
		return ML_OP_FAIL(ctx, "%s: %s are no numbers of words", op, ml_shape_print(text, numbers));
	if ((s->nin > CELL_BX && s->in[CELL_BX] != NULL) || (gates != 3 && s->nin > CELL_BH && s->in[CELL_BH] != NULL))
		return ML_OP_FAIL(ctx, "%s: a bias that is in the table", op);
	ML_TRY(ml_packed_rows(ctx, op, s, CELL_OFFSETS, &states.dims[0]));
	ML_TRY(ml_cell_check_weights(ctx, op, "recurrent weights", s->in[CELL_WH], units, gates * units));
	ML_TRY(ml_cell_check_optional(ctx, op, "recurrent bias", s, CELL_BH, &bias));
	ML_TRY(ml_cell_check_optional(ctx, op, "first state", s, CELL_H0, &states));
	ML_TRY(ml_cell_check_optional(ctx, op, "first cells", s, CELL_C0, &states));
	for (int i = CELL_LAST; i < s->nout; i++)
		s->out[i] = states;
	s->out[CELL_Y] = states;
	s->out[CELL_Y].dims[0] = numbers->dims[0];
	return ML_OK;
}

static ml_status
shape_rnn_words(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_words(ctx, "rnn_words", s, 1);
}

static ml_status
shape_gru_words(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_words(ctx, "gru_words", s, 3);
}

static ml_status
shape_lstm_words(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_words(ctx, "lstm_words", s, 4);
}

/* === Forward === */

typedef struct words
{
	ml_passage	s;
	const char *table;
	const int32_t *numbers;
	size_t		bytes;			/* of a row of the table */
	/* operands; NULL: absent, or nobody wants it */
	const void *wh;
	const void *bias;			/* of the product over h, GRU only */
	const void *h0;
	const void *c0;
	void	   *y;
	void	   *last;
	void	   *last_c;
	/* workspace */
	void	   *sort;
	const void **starts;		/* [CELL_BLOCK] rows of the table */
	void	   *sums;			/* [CELL_BLOCK][gates] */
	void	   *hidden;			/* the same, GRU only */
	void	   *h;				/* [CELL_BLOCK][units] */
	void	   *c;				/* the same: cells of LSTM, GRU's part of h in n */
} words;

/* Carve the workspace; memory NULL: only its size. */
static size_t
words_memory(words *w, char *memory)
{
	const ml_passage *s = &w->s;
	const ml_op_run *run = s->run;
	size_t		width = ml_dtypes[s->dtype].block_bytes;
	size_t		used = ml_packed_sort_size(run->in[CELL_OFFSETS].dims[0], run->in[CELL_NUMBERS].dims[0]);
	struct
	{
		void	  **pointer;
		size_t		elements;
	}			parts[] = {
		{(void **) &w->starts, CELL_BLOCK * sizeof(void *) / width},
		{&w->sums, ml_size_mul(CELL_BLOCK, s->gates)},
		{&w->hidden, s->cell == ML_CELL_GRU ? ml_size_mul(CELL_BLOCK, s->gates) : 0},
		{&w->h, ml_size_mul(CELL_BLOCK, s->units)},
		{&w->c, ml_size_mul(CELL_BLOCK, s->units)}
	};

	w->sort = memory;
	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		if (memory != NULL)
			*parts[i].pointer = memory + used;
		used = ml_size_add(used, ml_size_align(ml_size_mul(parts[i].elements, width), ML_ALIGN));
	}
	return used;
}

/* All numbers are rows of the table. */
static ml_status
check_numbers(const words *w)
{
	const ml_op_run *run = w->s.run;
	size_t		unpolled = 0;

	for (size_t i = 0; i < w->s.p.words; i++)
	{
		ML_TRY(ml_gather_check(run->ctx, w->numbers[i], run->in[CELL_TABLE].dims[0]));
		ML_TRY(ml_poll_after(run->ctx, &unpolled, 1));
	}
	return ML_OK;
}

/* The table's row of what row i of the block has at time t. */
static const char *
row_of(const words *w, size_t i, size_t t)
{
	return w->table + (size_t) w->numbers[ml_passage_word(&w->s, i, t)] * w->bytes;
}

/* Sums of rows first .. end - 1 of the block begin with what their words at time t say, if they have one. */
static void
fetch(const words *w, size_t t, size_t first, size_t end)
{
	for (size_t i = first; i < ML_MIN(end, ml_passage_rows(&w->s, t)); i++)
		memcpy((char *) w->sums + i * w->bytes, row_of(w, i, t), w->bytes);
}

/* Ask for the first bytes of what they say. */
static void
ask(const words *w, size_t t, size_t first, size_t end, size_t bytes)
{
	for (size_t i = first; i < ML_MIN(end, ml_passage_rows(&w->s, t)); i++)
	{
		const char *row = row_of(w, i, t);

		for (size_t at = 0; at < bytes; at += LINE)
			__builtin_prefetch(row + at, 0, 2);
	}
}

/* Rows from .. to of the block have had their last word: hand out their states. */
static void
finish(const words *w, size_t from, size_t to)
{
	ml_passage_finish(&w->s, from, to, w->last, w->h);
	ml_passage_finish(&w->s, from, to, w->last_c, w->c);
}

/* rows x h: added to what their words at time t say, of GRU a sum of its own. */
static ml_status
hidden(const words *w, size_t t, size_t rows)
{
	const ml_passage *s = &w->s;
	bool		alone = s->cell == ML_CELL_GRU;
	ml_product	product = {
		.c = alone ? w->hidden : w->sums, .c_row = (int64_t) s->gates, .c_panel = ML_PANEL,
		.a = w->h, .a_row = (int64_t) s->units, .a_inner = 1,
		.b = w->wh, .b_panel = (int64_t) s->units * ML_PANEL, .b_inner = ML_PANEL,
		.bias = w->bias, .starts = alone ? NULL : (const float *const *) w->starts,
		.rows = rows, .lanes = s->gates, .outer = 1, .inner = s->units
	};

	for (size_t i = 0; i < rows && !alone; i++)
		w->starts[i] = row_of(w, i, t);
	return ml_product_run(s->run, s->dtype, &product);
}

/* Rows first .. end - 1 go on by what their sums say. */
static void
open_gates(const words *w, size_t first, size_t end)
{
	const ml_passage *s = &w->s;
	void	   *hidden = s->cell == ML_CELL_GRU ? ml_passage_at(s, w->hidden, first * s->gates) : NULL;
	void	   *c = ml_passage_at(s, w->c, first * s->units);

	ml_cell_step(s, ml_passage_at(s, w->sums, first * s->gates), hidden, ml_passage_at(s, w->h, first * s->units), c, c,
				 end - first);
}

/* One step of the rows that have a word t. */
static ml_status
run_step(words *w, size_t t, size_t rows)
{
	if (w->s.cell == ML_CELL_GRU)
	{
		ML_TRY(hidden(w, t, rows));
		for (size_t i = 0; i < rows; i += FETCH_ROWS)
		{
			size_t		end = ML_MIN(i + FETCH_ROWS, rows);

			open_gates(w, i, end);
			fetch(w, t + 1, i, end);
			ask(w, t + 2, i, end, w->bytes);
		}
		return ML_OK;
	}
	/* nothing is added to a sum by a state of 0 */
	if (t > 0 || w->h0 != NULL)
		ML_TRY(hidden(w, t, rows));
	for (size_t i = 0; i < rows; i += FETCH_ROWS)
	{
		size_t		end = ML_MIN(i + FETCH_ROWS, rows);

		ask(w, t + 1, i, end, ML_MIN(w->bytes, ML_PANEL * w->s.map->width));
		open_gates(w, i, end);
	}
	return ML_OK;
}

static ml_status
run_block(words *w)
{
	ml_passage *s = &w->s;

	ML_TRY(ml_passage_states(s, w->h, w->h0));
	ML_TRY(ml_passage_states(s, w->c, w->c0));
	finish(w, ml_passage_rows(s, 0), s->rows);
	fetch(w, 0, 0, s->rows);
	for (size_t t = 0; t < s->longest; t++)
	{
		size_t		rows = ml_passage_rows(s, t);

		ML_TRY(run_step(w, t, rows));
		if (w->y != NULL)
			ml_passage_scatter(s, t, w->y, w->h, s->units);
		finish(w, ml_passage_rows(s, t + 1), rows);
		ML_TRY(ml_passage_poll(s, rows * s->gates * (s->units + 16)));
	}
	return ML_OK;
}

static ml_status
run_words(const ml_op_run *run, ml_cell cell)
{
	words		w = {0};

	w.s.run = run;
	ML_TRY(ml_passage_open(&w.s, run, cell, run->workspace));
	words_memory(&w, run->workspace);
	w.table = run->in[CELL_TABLE].data;
	w.numbers = run->in[CELL_NUMBERS].data;
	w.bytes = w.s.gates * w.s.map->width;
	w.wh = run->in[CELL_WH].data;
	w.bias = run->nin > CELL_BH ? run->in[CELL_BH].data : NULL;
	w.h0 = run->nin > CELL_H0 ? run->in[CELL_H0].data : NULL;
	w.c0 = run->nin > CELL_C0 ? run->in[CELL_C0].data : NULL;
	w.y = run->out[CELL_Y].data;
	w.last = run->out[CELL_LAST].data;
	w.last_c = cell == ML_CELL_LSTM ? run->out[LSTM_LAST_C].data : NULL;
	ML_TRY(check_numbers(&w));
	while (ml_passage_next(&w.s))
		ML_TRY(run_block(&w));
	return ML_OK;
}

static size_t
workspace_words(const ml_op_run *run, ml_cell cell)
{
	words		w = {0};

	ml_passage_open(&w.s, run, cell, NULL);
	return words_memory(&w, NULL);
}

/* Two for each term of the product. */
static double
flops_words(const ml_op_run *run)
{
	return 2.0 * (double) run->in[CELL_NUMBERS].dims[0] * (double) run->in[CELL_TABLE].dims[1] *
		(double) run->in[CELL_WH].dims[0];
}

/* === The ops === */

#define WORDS_RUNS(name, cell) \
static ml_status \
run_##name(const ml_op_run *run) \
{ \
	return run_words(run, cell); \
} \
static size_t \
workspace_##name(const ml_op_run *run) \
{ \
	return workspace_words(run, cell); \
}

WORDS_RUNS(rnn, ML_CELL_RNN)
WORDS_RUNS(gru, ML_CELL_GRU)
WORDS_RUNS(lstm, ML_CELL_LSTM)

static const ml_attribute words_attributes[] = {{"reverse", false, 0, 1, 0}, {0}};
static const ml_attribute rnn_attributes[] = {{"reverse", false, 0, 1, 0}, {"relu", false, 0, 1, 0}, {0}};

const ml_op ml_op_rnn_words = {
	.name = "rnn_words",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_H0 + 1,
	.nout = 2,
	.flags = ML_OP_SKIPS | ML_OP_FOLDED,
	.attributes = rnn_attributes,
	.shape = shape_rnn_words,
	.kernels = (const ml_op_kernel[]) {
		{"fiip--f~>ff", 0, run_rnn, workspace_rnn},
		{"diiP--d~>dd", 0, run_rnn, workspace_rnn}, {0}},
	.flops = flops_words
};

const ml_op ml_op_gru_words = {
	.name = "gru_words",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_H0 + 1,
	.nout = 2,
	.flags = ML_OP_SKIPS | ML_OP_FOLDED,
	.attributes = words_attributes,
	.shape = shape_gru_words,
	.kernels = (const ml_op_kernel[]) {
		{"fiip-f~f~>ff", 0, run_gru, workspace_gru},
		{"diiP-d~d~>dd", 0, run_gru, workspace_gru}, {0}},
	.flops = flops_words
};

const ml_op ml_op_lstm_words = {
	.name = "lstm_words",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_INPUTS,
	.nout = 3,
	.flags = ML_OP_SKIPS | ML_OP_FOLDED,
	.attributes = words_attributes,
	.shape = shape_lstm_words,
	.kernels = (const ml_op_kernel[]) {
		{"fiip--f~f~>fff", 0, run_lstm, workspace_lstm},
		{"diiP--d~d~>ddd", 0, run_lstm, workspace_lstm}, {0}},
	.flops = flops_words
};
