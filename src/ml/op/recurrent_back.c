/*-------------------------------------------------------------------------
 *
 * recurrent_back.c
 *	  Backward through time of recurrent cells: rnn_grad, gru_grad, lstm_grad.
 *
 *	  (x, offsets, wx, wh, h0, c0, y, gates, kept, dy, dlast, dlast_c) ->
 *	  (dx, dwx, dwh, dbx, dbh, dh0, dc0)
 *
 * gates and kept are what the forward pass kept, dy and dlast what comes from
 * above; all from h0 on but y may be absent.  Steps are taken from the last one,
 * in stretches of some 256 words: first the gradients of the sums of all their
 * gates, with those of the states step by step,
 *
 *	  dh[t - 1] = dsums[t] wh'	(and what the cell adds to it)
 *
 * then, while all that is in the cache, the products over the stretch:
 *
 *	  dwx += x' dsums, dwh += h[t - 1]' dsums, dx = dsums wx', biases += dsums
 *
 * Of GRU the sums over h have gradients of their own, for r stands before them.
 *
 *-------------------------------------------------------------------------
 */
#include "op/recurrent.h"
#include "op/ops.h"
#include "op/walk.h"

#define BACK_WORDS		256		/* of a stretch */

static ml_status
shape_back(ml_context *ctx, const ml_op_shapes *s)
{
	static const char *const op = "backward of a cell";
	const ml_shape *x = s->in[BACK_X];
	const ml_shape *wx = s->in[BACK_WX];
	const ml_shape *wh = s->in[BACK_WH];
	ml_dim		units = wh->ndims == 2 ? wh->dims[0] : 0;
	ml_dim		gates = wx->ndims == 2 ? wx->dims[1] : 0;
	ml_shape	states = {x->dtype, ML_PLAIN, 2, {0, units}};
	ml_shape	words = {x->dtype, ML_PLAIN, 2, {x->dims[0], units}};
	ml_shape	sums = {x->dtype, ML_PLAIN, 2, {x->dims[0], gates}};
	ml_shape	bias = {x->dtype, ML_PLAIN, 1, {gates}};

	if (x->ndims != 2 || x->layout != ML_PLAIN || x->dims[1] < 0 || units < 1)
		return ML_OP_FAIL(ctx, "%s: wants [words, channels] and units", op);
	ML_TRY(ml_packed_rows(ctx, op, s, BACK_OFFSETS, &states.dims[0]));
	ML_TRY(ml_cell_check_weights(ctx, op, "weights of inputs", wx, x->dims[1], gates));
	ML_TRY(ml_cell_check_weights(ctx, op, "recurrent weights", wh, units, gates));
	ML_TRY(ml_cell_check_optional(ctx, op, "gates", s, BACK_GATES, &sums));
	for (int i = BACK_H0; i < s->nin; i++)
		if (i != BACK_GATES)
			ML_TRY(ml_cell_check_optional(ctx, op, "a state or gradient", s, i, i <= BACK_C0 || i >= BACK_DLAST ? &states : &words));
	s->out[BACK_DX] = *s->in[BACK_X];
	s->out[BACK_DWX] = *wx;
	s->out[BACK_DWH] = *wh;
	s->out[BACK_DBX] = s->out[BACK_DBH] = bias;
	s->out[BACK_DH0] = s->out[BACK_DC0] = states;
	return ML_OK;
}

typedef struct back
{
	ml_passage	s;
	const void *in[BACK_INPUTS];	/* data; NULL: absent */
	void	   *out[BACK_OUTPUTS];	/* the same; NULL: nobody wants it */
	/* workspace */
	void	   *sort;
	void	   *wx_turned;		/* [gates, inputs] in panels */
	void	   *wh_turned;		/* [gates, units] in panels */
	void	   *x;				/* [BACK_WORDS][inputs]; in the end dx */
	void	   *h;				/* [BACK_WORDS][units]: states before the steps */
	void	   *dsums;			/* [BACK_WORDS][gates] */
	void	   *dhidden;		/* the same; GRU: that of the sums over h */
	void	   *dh;				/* [CELL_BLOCK][units] */
	void	   *dc;				/* the same, LSTM only */
	void	   *c0;
	void	   *pairs;			/* rows in bf16 */
	void	   *wx_pairs;
	void	   *wh_pairs;
	void	   *dsums_pairs;	/* a stretch in panels of pairs of rows */
	void	   *rows_pairs;		/* the same of x or h, in tiles */
	const void *wx;				/* turned, as products want it */
	const void *wh;
} back;

/* Floats that so many rows of k numbers take in tiles of pairs: the last tile is filled up. */
static size_t
tiles_elements(const ml_passage *s, size_t rows, size_t k)
{
	size_t		columns = ml_size_mul((ml_size_add(k, ML_TILE_ROWS - 1)) / ML_TILE_ROWS, ML_TILE_ROWS);

	return s->bf16 ? ml_size_mul(rows / 2 + rows % 2, columns) : 0;
}

static size_t
back_memory(back *b, char *memory)
{
	const ml_passage *s = &b->s;
	const ml_op_run *run = s->run;
	size_t		width = ml_dtypes[s->dtype].block_bytes;
	size_t		used = ml_packed_sort_size(run->in[BACK_OFFSETS].dims[0], run->in[BACK_X].dims[0]);
	size_t		states = s->cell == ML_CELL_LSTM ? ml_size_mul(CELL_BLOCK, s->units) : 0;
	struct
	{
		void	  **pointer;
		size_t		elements;
	}			parts[] = {
		{&b->wx_turned, ml_panels_elements(s->gates, s->inputs)},
		{&b->wh_turned, ml_panels_elements(s->gates, s->units)},
		{&b->x, ml_size_mul(BACK_WORDS, s->inputs)},
		{&b->h, ml_size_mul(BACK_WORDS, s->units)},
		{&b->dsums, ml_size_mul(BACK_WORDS, s->gates)},
		{&b->dhidden, s->cell == ML_CELL_GRU ? ml_size_mul(BACK_WORDS, s->gates) : 0},
		{&b->dh, ml_size_mul(CELL_BLOCK, s->units)},
		{&b->dc, states},
		{&b->c0, states},
		{&b->pairs, ml_pairs_elements(s, BACK_WORDS, s->gates)},
		{&b->wx_pairs, ml_pairs_weights(s, s->gates, s->inputs)},
		{&b->wh_pairs, ml_pairs_weights(s, s->gates, s->units)},
		{&b->dsums_pairs, ml_pairs_weights(s, BACK_WORDS, s->gates)},
		{&b->rows_pairs, tiles_elements(s, BACK_WORDS, ML_MAX(s->inputs, s->units))}
	};

	b->sort = memory;
	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		if (memory != NULL)
			*parts[i].pointer = memory + used;
		used = ml_size_add(used, ml_size_align(ml_size_mul(parts[i].elements, width), ML_ALIGN));
	}
	if (s->cell != ML_CELL_GRU)
		b->dhidden = b->dsums;
	return used;
}

/* The gradients of a step's sums, from dh of its state, and dh of the state before. */
static ml_status
back_step(back *b, size_t t, size_t at, size_t in_stretch)
{
	ml_passage *s = &b->s;
	size_t		rows = ml_passage_rows(s, t);
	void	   *dsums = ml_passage_at(s, b->dsums, in_stretch * s->gates);
	void	   *dhidden = ml_passage_at(s, b->dhidden, in_stretch * s->gates);
	const void *gates = ml_passage_at(s, b->in[BACK_GATES], at * s->gates);
	const void *kept = ml_passage_at(s, b->in[BACK_KEPT], at * s->units);
	ml_product	product = {
		.c = b->dh, .c_row = (int64_t) s->units, .c_panel = ML_PANEL,
		.a = dhidden, .a_row = (int64_t) s->gates, .a_inner = 1,
		.b = b->wh, .b_panel = (int64_t) s->gates * ML_PANEL, .b_inner = ML_PANEL,
		.rows = rows, .lanes = s->units, .outer = 1, .inner = s->gates, .add = s->cell == ML_CELL_GRU
	};

	for (size_t i = 0; i < rows && b->in[BACK_DY] != NULL; i++)
	{
		void	   *dh = ml_passage_at(s, b->dh, i * s->units);

		s->map->binary[ML_MAP_ADD] (dh, dh, 1, ml_passage_at(s, b->in[BACK_DY], ml_passage_word(s, i, t) * s->units),
									1, s->units);
	}
	if (s->cell == ML_CELL_RNN)
	{
		ml_passage_gather(s, t, dsums, b->in[BACK_Y], s->units);
		s->loops->rnn_back[s->run->attributes->ints[CELL_RELU] != 0] (dsums, dsums, b->dh, rows * s->units);
	}
	else if (s->cell == ML_CELL_GRU)
		s->loops->gru_back(dsums, dhidden, b->dh, gates, kept, ml_passage_at(s, b->h, in_stretch * s->units),
						   rows, s->units);
	else
	{
		const void *before = t == 0 ? b->c0 :
			ml_passage_at(s, b->in[BACK_KEPT], (at - ml_passage_rows(s, t - 1)) * s->units);

		s->loops->lstm_back(dsums, b->dc, b->dh, gates, kept, before, rows, s->units);
	}
	ML_TRY(ml_passage_multiply(s, &product, b->pairs));
	return ml_passage_poll(s, rows * s->gates * (2 * s->inputs + 2 * s->units + 8));
}

/* weights += rows' gradients of sums, over all words of a stretch */
static ml_status
back_weights(const back *b, void *dw, const void *rows, size_t k, const void *dsums, size_t words)
{
	const ml_passage *s = &b->s;
	ml_product	product = {
		.c = dw, .c_row = ML_PANEL, .c_panel = (int64_t) k * ML_PANEL,
		.a = rows, .a_row = 1, .a_inner = (int64_t) k,
		.b = dsums, .b_panel = ML_PANEL, .b_inner = (int64_t) s->gates,
		.rows = k, .lanes = s->gates, .outer = 1, .inner = words, .add = true
	};

	if (dw == NULL)
		return ML_OK;
	if (!s->bf16)
		return ml_product_run(s->run, s->dtype, &product);
	product.inner = words / 2 + words % 2;
	s->run->kernel->network->pack_pairs(b->dsums_pairs, ML_PANEL, (int64_t) product.inner * ML_PANEL, dsums,
										(int64_t) s->gates, words, s->gates);
	s->run->kernel->network->pack_pairs(b->rows_pairs, ML_TILE_ROWS, (int64_t) product.inner * ML_TILE_ROWS, rows,
										(int64_t) k, words, k);
	product.a = b->rows_pairs;
	product.a_tile = (int64_t) product.inner * ML_TILE_ROWS;
	product.a_inner = ML_TILE_ROWS;
	product.b = b->dsums_pairs;
	product.b_panel = (int64_t) product.inner * ML_PANEL;
	product.b_inner = ML_PANEL;
	return ml_product_pairs_run(s->run, &product);
}

/* The products over a stretch of steps from t on. */
static ml_status
back_stretch(back *b, size_t t, size_t steps, size_t words)
{
	const ml_passage *s = &b->s;
	ml_product	product = {
		.c = b->x, .c_row = (int64_t) s->inputs, .c_panel = ML_PANEL,
		.a = b->dsums, .a_row = (int64_t) s->gates, .a_inner = 1,
		.b = b->wx, .b_panel = (int64_t) s->gates * ML_PANEL, .b_inner = ML_PANEL,
		.rows = words, .lanes = s->inputs, .outer = 1, .inner = s->gates
	};

	ML_TRY(back_weights(b, b->out[BACK_DWX], b->x, s->inputs, b->dsums, words));
	ML_TRY(back_weights(b, b->out[BACK_DWH], b->h, s->units, b->dhidden, words));
	if (b->out[BACK_DBX] != NULL)
		ml_product_add_rows(s->run, s->dtype, b->out[BACK_DBX], b->dsums, words, s->gates);
	if (b->out[BACK_DBH] != NULL)
		ml_product_add_rows(s->run, s->dtype, b->out[BACK_DBH], b->dhidden, words, s->gates);
	if (b->out[BACK_DX] == NULL)
		return ML_OK;
	ML_TRY(ml_passage_multiply(s, &product, b->pairs));
	for (size_t u = t, n = 0; u < t + steps; n += ml_passage_rows(s, u++))
		ml_passage_scatter(s, u, b->out[BACK_DX], ml_passage_at(s, b->x, n * s->inputs), s->inputs);
	return ML_OK;
}

/* x and the states before, of the steps of a stretch. */
static void
back_gather(const back *b, size_t t, size_t steps)
{
	const ml_passage *s = &b->s;

	for (size_t u = t, n = 0; u < t + steps; n += ml_passage_rows(s, u++))
	{
		void	   *h = ml_passage_at(s, b->h, n * s->units);

		ml_passage_gather(s, u, ml_passage_at(s, b->x, n * s->inputs), b->in[BACK_X], s->inputs);
		for (size_t i = 0; i < ml_passage_rows(s, u); i++)
		{
			const void *from = u > 0 ? b->in[BACK_Y] : b->in[BACK_H0];
			size_t		row = u > 0 ? ml_passage_word(s, i, u - 1) : (size_t) s->order[s->first + i];

			if (from == NULL)
				memset(ml_passage_at(s, h, i * s->units), 0, s->units * s->map->width);
			else
				memcpy(ml_passage_at(s, h, i * s->units), ml_passage_at(s, from, row * s->units),
					   s->units * s->map->width);
		}
	}
}

static void
back_hand_out(const back *b, void *out, const void *states)
{
	const ml_passage *s = &b->s;

	for (size_t i = 0; i < s->rows && out != NULL; i++)
		memcpy(ml_passage_at(s, out, (size_t) s->order[s->first + i] * s->units),
			   ml_passage_at(s, states, i * s->units), s->units * s->map->width);
}

static ml_status
back_block(back *b)
{
	ml_passage *s = &b->s;
	size_t		at = s->base;

	for (size_t i = 0; i < s->rows; i++)
		at += ml_packed_length(&s->p, s->order[s->first + i]);
	ml_passage_states(s, b->dh, b->in[BACK_DLAST]);
	if (s->cell == ML_CELL_LSTM)
	{
		ml_passage_states(s, b->dc, b->in[BACK_DLAST_C]);
		ml_passage_states(s, b->c0, b->in[BACK_C0]);
	}
	for (size_t t = s->longest; t > 0;)
	{
		size_t		words;
		size_t		left;
		size_t		steps = ml_passage_steps(s, t, true, BACK_WORDS, &words);

		back_gather(b, t - steps, steps);
		left = words;
		for (size_t u = t; u > t - steps; u--)
		{
			at -= ml_passage_rows(s, u - 1);
			left -= ml_passage_rows(s, u - 1);
			ML_TRY(back_step(b, u - 1, at, left));
		}
		t -= steps;
		ML_TRY(back_stretch(b, t, steps, words));
	}
	back_hand_out(b, b->out[BACK_DH0], b->dh);
	if (s->cell == ML_CELL_LSTM)
		back_hand_out(b, b->out[BACK_DC0], b->dc);
	return ML_OK;
}

static ml_status
run_back(const ml_op_run *run, ml_cell cell)
{
	back		b = {0};
	ml_passage *s = &b.s;

	b.s.run = run;
	ML_TRY(ml_passage_open(s, run, cell, run->workspace));
	back_memory(&b, run->workspace);
	for (int i = 0; i < run->nin; i++)
		b.in[i] = run->in[i].data;
	for (int i = 0; i < run->nout; i++)
	{
		const ml_view *view = &run->out[i];

		b.out[i] = view->data;
		/* but dx all are sums, or of rows that may have no words */
		if (i != BACK_DX && view->data != NULL)
			ML_TRY(ml_zero(run->ctx, view->data, ml_storage_bytes(view->dtype, view->layout, view->ndims, view->dims)));
	}
	ML_TRY(ml_panels_transpose(run, s->dtype, b.wx_turned, run->in[BACK_WX].data, s->inputs, s->gates));
	ML_TRY(ml_panels_transpose(run, s->dtype, b.wh_turned, run->in[BACK_WH].data, s->units, s->gates));
	ML_TRY(ml_passage_weights(s, b.wx_turned, s->gates, s->inputs, b.wx_pairs, &b.wx));
	ML_TRY(ml_passage_weights(s, b.wh_turned, s->gates, s->units, b.wh_pairs, &b.wh));
	while (ml_passage_next(s))
		ML_TRY(back_block(&b));
	return ML_OK;
}

static size_t
workspace_back(const ml_op_run *run, ml_cell cell)
{
	back		b = {0};

	ml_passage_open(&b.s, run, cell, NULL);
	return back_memory(&b, NULL);
}

/* === Backward rules === */

/* gates, kept: numbers of outputs, or -1 */
static void
backward_cell(ml_emitter *e, const ml_op_backward *b, const ml_op *op, int gates, int kept)
{
	int32_t		in[BACK_INPUTS];
	int32_t		out[BACK_OUTPUTS];
	bool		is_lstm = op == &ml_op_lstm_grad;
	static const int gradients[CELL_INPUTS] = {
		[CELL_X] = BACK_DX, [CELL_OFFSETS] = -1, [CELL_WX] = BACK_DWX, [CELL_WH] = BACK_DWH,
		[CELL_BX] = BACK_DBX, [CELL_BH] = BACK_DBH, [CELL_H0] = BACK_DH0, [CELL_C0] = BACK_DC0
	};

	for (int i = 0; i <= BACK_WH; i++)
		in[i] = b->in[i];
	in[BACK_H0] = b->nin > CELL_H0 ? b->in[CELL_H0] : ML_NO_VALUE;
	in[BACK_C0] = b->nin > CELL_C0 ? b->in[CELL_C0] : ML_NO_VALUE;
	in[BACK_Y] = b->out[CELL_Y];
	in[BACK_GATES] = gates < 0 ? ML_NO_VALUE : b->out[gates];
	in[BACK_KEPT] = kept < 0 ? ML_NO_VALUE : b->out[kept];
	in[BACK_DY] = b->dout[CELL_Y];
	in[BACK_DLAST] = b->dout[CELL_LAST];
	in[BACK_DLAST_C] = is_lstm ? b->dout[LSTM_LAST_C] : ML_NO_VALUE;
	e->node(e, op, b->attributes, BACK_INPUTS, in, BACK_OUTPUTS, out);
	for (int i = 0; i < b->nin && e->status == ML_OK; i++)
		if (gradients[i] >= 0 && b->wanted[i])
			b->din[i] = out[gradients[i]];
}

void
ml_rnn_backward(ml_emitter *e, const ml_op_backward *b)
{
	backward_cell(e, b, &ml_op_rnn_grad, -1, -1);
}

void
ml_gru_backward(ml_emitter *e, const ml_op_backward *b)
{
	backward_cell(e, b, &ml_op_gru_grad, GRU_GATES, GRU_KEPT);
}

void
ml_lstm_backward(ml_emitter *e, const ml_op_backward *b)
{
	backward_cell(e, b, &ml_op_lstm_grad, LSTM_GATES, LSTM_CELLS);
}

/* === The ops === */

/* Twice the forward pass. */
static double
flops_back(const ml_op_run *run)
{
	return 4.0 * (double) run->in[BACK_X].dims[0] * (double) run->in[BACK_WX].dims[1] *
		((double) run->in[BACK_X].dims[1] + (double) run->in[BACK_WH].dims[0]);
}

static const ml_attribute cell_attributes[] = {{"reverse", false, 0, 1, 0}, {"bf16", false, 0, 1, 0}, {0}};
static const ml_attribute rnn_attributes[] = {
	{"reverse", false, 0, 1, 0}, {"relu", false, 0, 1, 0}, {"bf16", false, 0, 1, 0}, {0}
};

#define BACK_OP(name_, cell, attributes_) \
static ml_status \
run_##name_(const ml_op_run *run) \
{ \
	return run_back(run, cell); \
} \
static size_t \
workspace_##name_(const ml_op_run *run) \
{ \
	return workspace_back(run, cell); \
} \
const ml_op ml_op_##name_ = { \
	.name = #name_, \
	.version = 1, \
	.nin_least = BACK_H0, \
	.nin_most = BACK_INPUTS, \
	.nout = BACK_OUTPUTS, \
	.flags = ML_OP_GRADIENT | ML_OP_SKIPS, \
	.attributes = attributes_, \
	.shape = shape_back, \
	.kernels = (const ml_op_kernel[]) { \
		{"fippf~f~ff~f~f~f~f~>fppffff", 0, run_##name_, workspace_##name_}, \
		{"diPPd~d~dd~d~d~d~d~>dPPdddd", 0, run_##name_, workspace_##name_}, {0}}, \
	.flops = flops_back \
};

BACK_OP(rnn_grad, ML_CELL_RNN, rnn_attributes)
BACK_OP(gru_grad, ML_CELL_GRU, cell_attributes)
BACK_OP(lstm_grad, ML_CELL_LSTM, cell_attributes)
