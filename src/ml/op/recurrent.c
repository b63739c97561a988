/*-------------------------------------------------------------------------
 *
 * recurrent.c
 *	  Recurrent cells over packed sequences, fused over time: rnn, gru, lstm.
 *
 *	  (x [words, inputs], offsets, wx [inputs, gates x units], wh [units, gates x
 *	  units], bx [gates x units], bh, h0 [rows, units], c0 of LSTM) ->
 *	  (y [words, units], last [rows, units], last cells of LSTM, what backward needs)
 *
 * Weights in panels, biases and states optional.  The formulas are PyTorch's
 * (Elman 1990; Cho et al. 2014, the reset gate applied after the product;
 * Hochreiter and Schmidhuber 1997, Gers et al. 2000):
 *
 *	  rnn	h' = f(x wx + bx + h wh + bh), f = tanh or relu
 *	  gru	r, z = sigmoid(x wx + bx + h wh + bh), n = tanh(x wx + bx + r (h wh + bh)),
 *			h' = (1 - z) n + z h
 *	  lstm	i, f, o = sigmoid(...), g = tanh(x wx + bx + h wh + bh),
 *			c' = f c + i g, h' = o tanh(c')
 *
 * Sums over x are one product for several steps at once, those over h go on
 * where they ended, so how many steps that are changes no bit.  With attribute
 * "reverse" words are read from the last to the first; y stays in their order, and
 * last is the state after the first word.  The last state of an empty row is its
 * first one.  Attribute "bf16" (training, F32): operands of products are rounded to
 * bf16, sums are not.
 *
 * recurrent_back.c has the way back.
 *
 *-------------------------------------------------------------------------
 */
#include "op/recurrent.h"
#include "op/ops.h"
#include "op/walk.h"

#define FORWARD_WORDS	96		/* of one product over x */

/* === Shapes === */

ml_status
ml_cell_check_weights(ml_context *ctx, const char *op, const char *what, const ml_shape *w, ml_dim k, ml_dim n)
{
	char		text[ML_SHAPE_TEXT];

	if (w->layout != ML_PANELS || w->ndims != 2 || w->dims[0] != k || w->dims[1] != n)
		return ML_OP_FAIL(ctx, "%s: %s must be [%lld, %lld] in panels, not %s", op, what, (long long) k,
						  (long long) n, ml_shape_print(text, w));
	return ML_OK;
}

ml_status
ml_cell_check_optional(ml_context *ctx, const char *op, const char *what, const ml_op_shapes *s, int i,
					   const ml_shape *expected)
{
	char		wanted[ML_SHAPE_TEXT];
	char		got[ML_SHAPE_TEXT];

	if (i >= s->nin || s->in[i] == NULL || ml_shape_equal(s->in[i], expected))
		return ML_OK;
	return ML_OP_FAIL(ctx, "%s: %s must be %s, not %s", op, what, ml_shape_print(wanted, expected),
					  ml_shape_print(got, s->in[i]));
}

static ml_status
shape_cell(ml_context *ctx, const char *op, const ml_op_shapes *s, int gates)
{
	const ml_shape *x = s->in[CELL_X];
	ml_dim		units = s->in[CELL_WH]->ndims == 2 ? s->in[CELL_WH]->dims[0] : 0;
	ml_shape	states = {x->dtype, ML_PLAIN, 2, {0, units}};
	ml_shape	words = {x->dtype, ML_PLAIN, 2, {0, units}};
	ml_shape	bias = {x->dtype, ML_PLAIN, 1, {gates * units}};
	char		text[ML_SHAPE_TEXT];

	if (x->ndims != 2 || x->layout != ML_PLAIN || x->dims[1] < 0)
		return ML_OP_FAIL(ctx, "%s: wants [words, channels], not %s", op, ml_shape_print(text, x));
	if (units < 1 || units > INT32_MAX / 8)
		return ML_OP_FAIL(ctx, "%s: %lld units", op, (long long) units);
	ML_TRY(ml_packed_rows(ctx, op, s, CELL_OFFSETS, &states.dims[0]));
	ML_TRY(ml_cell_check_weights(ctx, op, "weights of inputs", s->in[CELL_WX], x->dims[1], gates * units));
	ML_TRY(ml_cell_check_weights(ctx, op, "recurrent weights", s->in[CELL_WH], units, gates * units));
	ML_TRY(ml_cell_check_optional(ctx, op, "bias", s, CELL_BX, &bias));
	ML_TRY(ml_cell_check_optional(ctx, op, "recurrent bias", s, CELL_BH, &bias));
	ML_TRY(ml_cell_check_optional(ctx, op, "first state", s, CELL_H0, &states));
	ML_TRY(ml_cell_check_optional(ctx, op, "first cells", s, CELL_C0, &states));
	words.dims[0] = x->dims[0];
	s->out[CELL_Y] = words;
	s->out[CELL_LAST] = states;
	if (gates == 4)
		s->out[LSTM_LAST_C] = states;
	if (gates > 1)
	{
		s->out[s->nout - 2] = words;
		s->out[s->nout - 2].dims[1] = gates * units;
		s->out[s->nout - 1] = words;
	}
	return ML_OK;
}

static ml_status
shape_rnn(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_cell(ctx, "rnn", s, 1);
}

static ml_status
shape_gru(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_cell(ctx, "gru", s, 3);
}

static ml_status
shape_lstm(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_cell(ctx, "lstm", s, 4);
}

/* === Forward === */

typedef struct forward
{
	ml_passage	s;
	/* operands; NULL: absent, or nobody wants it */
	const void *x;
	const void *wx;
	const void *wh;
	const void *h0;
	const void *c0;
	void	   *y;
	void	   *last;
	void	   *last_c;
	void	   *gates;			/* [words, gates], in the order of the passage */
	void	   *kept;			/* [words, units]: LSTM's cells, GRU's part of h in n */
	/* workspace */
	void	   *sort;
	void	   *bias;			/* [gates] of the product over x */
	const void *bias_h;			/* of that over h, GRU only */
	void	   *words;			/* [FORWARD_WORDS][inputs] */
	void	   *sums;			/* [FORWARD_WORDS][gates] */
	void	   *hidden;			/* [CELL_BLOCK][gates], GRU only */
	void	   *h;				/* [CELL_BLOCK][units] */
	void	   *c;				/* the same: c of LSTM, what is not kept of GRU */
	void	   *pairs;			/* rows in bf16 */
	void	   *wx_pairs;
	void	   *wh_pairs;
	const void *c_before;
} forward;

/* Carve the workspace; memory NULL: only its size. */
static size_t
forward_memory(forward *f, char *memory)
{
	const ml_passage *s = &f->s;
	const ml_op_run *run = s->run;
	size_t		width = ml_dtypes[s->dtype].block_bytes;
	size_t		used = ml_packed_sort_size(run->in[CELL_OFFSETS].dims[0], run->in[CELL_X].dims[0]);
	struct
	{
		void	  **pointer;
		size_t		elements;
	}			parts[] = {
		{&f->bias, s->gates},
		{&f->words, ml_size_mul(FORWARD_WORDS, s->inputs)},
		{&f->sums, ml_size_mul(FORWARD_WORDS, s->gates)},
		{&f->hidden, s->cell == ML_CELL_GRU ? ml_size_mul(CELL_BLOCK, s->gates) : 0},
		{&f->h, ml_size_mul(CELL_BLOCK, s->units)},
		{&f->c, ml_size_mul(CELL_BLOCK, s->units)},
		{&f->pairs, ml_pairs_elements(s, FORWARD_WORDS, ML_MAX(s->inputs, s->units))},
		{&f->wx_pairs, ml_pairs_weights(s, s->inputs, s->gates)},
		{&f->wh_pairs, ml_pairs_weights(s, s->units, s->gates)}
	};

	f->sort = memory;
	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		if (memory != NULL)
			*parts[i].pointer = memory + used;
		used = ml_size_add(used, ml_size_align(ml_size_mul(parts[i].elements, width), ML_ALIGN));
	}
	return used;
}

/* Rows from .. to of the block have had their last word: hand out their states. */
static void
forward_finish(const forward *f, size_t from, size_t to, const void *c)
{
	ml_passage_finish(&f->s, from, to, f->last, f->h);
	ml_passage_finish(&f->s, from, to, f->last_c, c);
}

/* rows x h: added to sums, of GRU a sum of its own. */
static ml_status
forward_hidden(forward *f, void *sums, size_t rows)
{
	const ml_passage *s = &f->s;
	bool		alone = s->cell == ML_CELL_GRU;
	ml_product	product = {
		.c = alone ? f->hidden : sums, .c_row = (int64_t) s->gates, .c_panel = ML_PANEL,
		.a = f->h, .a_row = (int64_t) s->units, .a_inner = 1,
		.b = f->wh, .b_panel = (int64_t) s->units * ML_PANEL, .b_inner = ML_PANEL,
		.bias = alone ? f->bias_h : NULL, .rows = rows, .lanes = s->gates, .outer = 1, .inner = s->units,
		.add = !alone
	};

	return ml_passage_multiply(s, &product, f->pairs);
}

/* One step of the rows that have a word t; sums: what x says.  at: of the first of them in the passage. */
static ml_status
forward_step(forward *f, size_t t, void *sums, size_t at)
{
	ml_passage *s = &f->s;
	size_t		rows = ml_passage_rows(s, t);
	void	   *c = f->kept != NULL ? ml_passage_at(s, f->kept, at * s->units) : f->c;

	/* nothing is added to a sum by a state of 0 */
	if (t > 0 || f->h0 != NULL || s->cell == ML_CELL_GRU)
		ML_TRY(forward_hidden(f, sums, rows));
	ml_cell_step(s, sums, f->hidden, f->h, c, f->c_before, rows);
	f->c_before = c;
	if (f->y != NULL)
		ml_passage_scatter(s, t, f->y, f->h, s->units);
	forward_finish(f, ml_passage_rows(s, t + 1), rows, c);
	return ml_passage_poll(s, rows * s->gates * (s->inputs + s->units + 8));
}

static ml_status
forward_block(forward *f)
{
	ml_passage *s = &f->s;
	size_t		at = s->base;
	size_t		words;

	ML_TRY(ml_passage_states(s, f->h, f->h0));
	ML_TRY(ml_passage_states(s, f->c, f->c0));
	f->c_before = f->c;
	forward_finish(f, ml_passage_rows(s, 0), s->rows, f->c);
	for (size_t t = 0, end; t < s->longest; t = end)
	{
		char	   *sums = f->sums;
		ml_product	product;

		end = t + ml_passage_steps(s, t, false, FORWARD_WORDS, &words);
		if (f->gates != NULL)
			sums = ml_passage_at(s, f->gates, at * s->gates);
		for (size_t u = t, n = 0; u < end; n += ml_passage_rows(s, u++))
			ml_passage_gather(s, u, ml_passage_at(s, f->words, n * s->inputs), f->x, s->inputs);
		product = (ml_product)
		{
			.c = (void *) sums, .c_row = (int64_t) s->gates, .c_panel = ML_PANEL,
			.a = f->words, .a_row = (int64_t) s->inputs, .a_inner = 1,
			.b = f->wx, .b_panel = (int64_t) s->inputs * ML_PANEL, .b_inner = ML_PANEL,
			.bias = f->bias, .rows = words, .lanes = s->gates, .outer = 1, .inner = s->inputs
		};
		ML_TRY(ml_passage_multiply(s, &product, f->pairs));
		for (size_t u = t; u < end; u++)
		{
			size_t		rows = ml_passage_rows(s, u);

			ML_TRY(forward_step(f, u, sums, at));
			sums += rows * s->gates * s->map->width;
			at += rows;
		}
	}
	return ML_OK;
}

static ml_status
run_cell(const ml_op_run *run, ml_cell cell)
{
	forward		f = {0};

	f.s.run = run;
	ML_TRY(ml_passage_open(&f.s, run, cell, run->workspace));
	forward_memory(&f, run->workspace);
	f.x = run->in[CELL_X].data;
	ML_TRY(ml_passage_weights(&f.s, run->in[CELL_WX].data, f.s.inputs, f.s.gates, f.wx_pairs, &f.wx));
	ML_TRY(ml_passage_weights(&f.s, run->in[CELL_WH].data, f.s.units, f.s.gates, f.wh_pairs, &f.wh));
	f.h0 = run->nin > CELL_H0 ? run->in[CELL_H0].data : NULL;
	f.c0 = run->nin > CELL_C0 ? run->in[CELL_C0].data : NULL;
	f.y = run->out[CELL_Y].data;
	f.last = run->out[CELL_LAST].data;
	if (cell == ML_CELL_LSTM)
		f.last_c = run->out[LSTM_LAST_C].data;
	if (cell != ML_CELL_RNN)
	{
		f.gates = run->out[run->nout - 2].data;
		f.kept = run->out[run->nout - 1].data;
	}
	ml_cell_bias(run, cell, f.bias);
	f.bias_h = run->nin > CELL_BH ? run->in[CELL_BH].data : NULL;
	while (ml_passage_next(&f.s))
		ML_TRY(forward_block(&f));
	return ML_OK;
}

static size_t
workspace_cell(const ml_op_run *run, ml_cell cell)
{
	forward		f = {0};

	ml_passage_open(&f.s, run, cell, NULL);
	return forward_memory(&f, NULL);
}

/* Two for each term of the products. */
static double
flops_cell(const ml_op_run *run)
{
	return 2.0 * (double) run->in[CELL_X].dims[0] * (double) run->in[CELL_WX].dims[1] *
		((double) run->in[CELL_X].dims[1] + (double) run->in[CELL_WH].dims[0]);
}

/* === The ops === */

#define CELL_RUNS(name, cell) \
static ml_status \
run_##name(const ml_op_run *run) \
{ \
	return run_cell(run, cell); \
} \
static size_t \
workspace_##name(const ml_op_run *run) \
{ \
	return workspace_cell(run, cell); \
}

CELL_RUNS(rnn, ML_CELL_RNN)
CELL_RUNS(gru, ML_CELL_GRU)
CELL_RUNS(lstm, ML_CELL_LSTM)

static const ml_attribute cell_attributes[] = {{"reverse", false, 0, 1, 0}, {"bf16", false, 0, 1, 0}, {0}};
static const ml_attribute rnn_attributes[] = {
	{"reverse", false, 0, 1, 0}, {"relu", false, 0, 1, 0}, {"bf16", false, 0, 1, 0}, {0}
};

const ml_op ml_op_rnn = {
	.name = "rnn",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_H0 + 1,
	.nout = RNN_OUTPUTS,
	.flags = ML_OP_SKIPS,
	.attributes = rnn_attributes,
	.shape = shape_rnn,
	.backward = ml_rnn_backward,
	.kernels = (const ml_op_kernel[]) {
		{"fippf~f~f~>ff", 0, run_rnn, workspace_rnn},
		{"diPPd~d~d~>dd", 0, run_rnn, workspace_rnn}, {0}},
	.flops = flops_cell
};

const ml_op ml_op_gru = {
	.name = "gru",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_H0 + 1,
	.nout = GRU_OUTPUTS,
	.flags = ML_OP_SKIPS,
	.attributes = cell_attributes,
	.shape = shape_gru,
	.backward = ml_gru_backward,
	.kernels = (const ml_op_kernel[]) {
		{"fippf~f~f~>ffff", 0, run_gru, workspace_gru},
		{"diPPd~d~d~>dddd", 0, run_gru, workspace_gru}, {0}},
	.flops = flops_cell
};

const ml_op ml_op_lstm = {
	.name = "lstm",
	.version = 1,
	.nin_least = 4,
	.nin_most = CELL_INPUTS,
	.nout = LSTM_OUTPUTS,
	.flags = ML_OP_SKIPS,
	.attributes = cell_attributes,
	.shape = shape_lstm,
	.backward = ml_lstm_backward,
	.kernels = (const ml_op_kernel[]) {
		{"fippf~f~f~f~>fffff", 0, run_lstm, workspace_lstm},
		{"diPPd~d~d~d~>ddddd", 0, run_lstm, workspace_lstm}, {0}},
	.flops = flops_cell
};
