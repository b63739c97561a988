/*-------------------------------------------------------------------------
 *
 * test_fold.c
 *	  Folded graphs give the very bits of those that they are made of, at every
 *	  level; and what is not folded.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_graph.h"

#include "op/recurrent.h"

#define CASES		250
#define ROWS_MOST	60			/* more than a block */
#define WORDS_MOST	(ROWS_MOST * 12)
#define OUTPUTS_MOST 8

/* An embedding whose rows go into one or two cells, and perhaps into one on top. */
typedef struct net
{
	toy			t;
	int32_t		table;
	int32_t		numbers;
	int32_t		offsets;
	int32_t		states;			/* [rows, units], or ML_NO_VALUE */
	ml_dim		words;
	int64_t		nwords;			/* rows of the table */
	int64_t		columns;
	int64_t		units;
	int			noutputs;
	int32_t		outputs[OUTPUTS_MOST];
	/* a run's */
	int32_t		ends[ROWS_MOST + 1];
	int32_t		ids[WORDS_MOST];
	int64_t		rows;
	double		h0[ROWS_MOST * 64];
} net;

typedef struct choice
{
	ml_dtype	dtype;
	ml_cell		cell;
	bool		relu;
	bool		both;			/* directions */
	bool		above;			/* a second layer */
	bool		bx;
	bool		bh;
	bool		h0;
	int			read;			/* bits of outputs: y, last, cells; 8: what backward needs */
	bool		bf16;
	bool		computed;		/* the table is no parameter */
} choice;

static ml_rng rng;

static int64_t
pick(int64_t least, int64_t most)
{
	return least + (int64_t) ml_rng_below(&rng, (uint64_t) (most - least + 1));
}

static int32_t
parameter(net *n, const char *name, int which, ml_layout layout, int ndims, int64_t rows, int64_t columns)
{
	ml_shape	shape = {n->t.graph->dtype, layout, ndims, {rows, columns}};
	char		text[32];

	if (ndims == 1)
		shape.dims[1] = 0;
	snprintf(text, sizeof(text), "%s%d", name, which);
	return ml_builder_parameter(&n->t.b, unit_text(text), &shape, false);
}

static void
output(net *n, int32_t value)
{
	char		name[16];

	snprintf(name, sizeof(name), "out%d", n->noutputs);
	ml_builder_output(&n->t.b, unit_text(name), value);
	n->outputs[n->noutputs++] = value;
}

/* One cell over x; y. */
static int32_t
add_cell(net *n, const choice *c, int which, bool reverse, int32_t x, int64_t inputs)
{
	static const ml_op *const ops[] = {&ml_op_rnn, &ml_op_gru, &ml_op_lstm};
	const ml_op *op = ops[c->cell];
	int64_t		wide = ml_cell_gates(c->cell) * n->units;
	ml_attributes attributes = {.ints = {reverse}};
	int32_t		in[CELL_INPUTS];
	int32_t		out[ML_NODE_OUTPUTS_MAX];

	if (c->cell == ML_CELL_RNN)
		attributes.ints[CELL_RELU] = c->relu;
	attributes.ints[CELL_BF16(c->cell)] = c->bf16;
	for (int i = 0; i < CELL_INPUTS; i++)
		in[i] = ML_NO_VALUE;
	in[CELL_X] = x;
	in[CELL_OFFSETS] = n->offsets;
	in[CELL_WX] = parameter(n, "wx", which, ML_PANELS, 2, inputs, wide);
	in[CELL_WH] = parameter(n, "wh", which, ML_PANELS, 2, n->units, wide);
	if (c->bx)
		in[CELL_BX] = parameter(n, "bx", which, ML_PLAIN, 1, wide, 0);
	if (c->bh)
		in[CELL_BH] = parameter(n, "bh", which, ML_PLAIN, 1, wide, 0);
	in[CELL_H0] = n->states;
	if (c->cell == ML_CELL_LSTM)
		in[CELL_C0] = n->states;
	n->t.b.e.node(&n->t.b.e, op, &attributes, c->cell == ML_CELL_LSTM ? CELL_INPUTS : CELL_C0, in, op->nout, out);
	for (int i = 0; i < (c->cell == ML_CELL_LSTM ? 3 : 2); i++)
		if ((c->read >> i & 1) != 0)
			output(n, out[i]);
	if ((c->read & 8) != 0)
		output(n, out[op->nout - 1]);
	return out[0];
}

static ml_status
open_net(ml_context *ctx, const choice *c, int64_t nwords, int64_t columns, int64_t units, net *n)
{
	ml_shape	numbers = {ML_I32, ML_PLAIN, 1};
	ml_shape	offsets = {ML_I32, ML_PLAIN, 1};
	ml_shape	states = {c->dtype, ML_PLAIN, 2, {0, units}};
	int32_t		x;
	int32_t		y;

	memset(n, 0, sizeof(*n));
	ML_TRY(toy_open(ctx, c->dtype, &n->t));
	n->nwords = nwords;
	n->columns = columns;
	n->units = units;
	ML_TRY(ml_graph_symbol(ctx, n->t.graph, ML_TEXT("words"), &n->words));
	ML_TRY(ml_symbols_derive(ctx, &n->t.graph->symbols, ML_SYMBOL_PLUS, n->t.rows, 1, 0, 0, 0, &offsets.dims[0]));
	numbers.dims[0] = n->words;
	states.dims[0] = n->t.rows;
	n->numbers = ml_builder_input(&n->t.b, ML_TEXT("numbers"), &numbers);
	n->offsets = ml_builder_input(&n->t.b, ML_TEXT("offsets"), &offsets);
	n->states = c->h0 ? ml_builder_input(&n->t.b, ML_TEXT("states"), &states) : ML_NO_VALUE;
	n->table = parameter(n, "embedding", 0, ML_PLAIN, 2, nwords, columns);
	if (c->computed)
		n->table = ml_emit1(&n->t.b.e, &ml_op_neg, NULL, n->table);
	x = ml_emit2(&n->t.b.e, &ml_op_gather, NULL, n->table, n->numbers);
	y = add_cell(n, c, 0, false, x, columns);
	if (c->both)
		add_cell(n, c, 1, true, x, columns);
	if (c->above)
		add_cell(n, c, 2, false, y, units);
	return toy_finish(&n->t);
}

/* Rows of random lengths and words. */
static void
pick_rows(net *n)
{
	n->rows = pick(0, 3) == 0 ? pick(ROWS_MOST / 2, ROWS_MOST) : pick(0, 6);
	for (int64_t r = 0; r < n->rows; r++)
		n->ends[r + 1] = n->ends[r] + (int32_t) pick(0, 11);
	for (int32_t i = 0; i < n->ends[n->rows]; i++)
		n->ids[i] = (int32_t) pick(0, n->nwords - 1);
	for (size_t i = 0; i < ML_LENGTH(n->h0); i++)
		if (n->t.graph->dtype == ML_F64)
			n->h0[i] = sin((double) i);
		else
			((float *) n->h0)[i] = (float) sin((double) i);
}

/* Run the graph with these parameters; outputs lie one after the other in *results. */
static ml_status
run(net *n, const ml_graph *graph, const ml_kernel *kernel, void *parameters, ml_buffer *results)
{
	ml_context *ctx = n->t.ctx;
	ml_binding	binding = {{0}};
	ml_runner  *runner;
	ml_status	status;

	binding.numbers[ML_SYMBOL_OF(n->t.rows)] = n->rows;
	binding.numbers[ML_SYMBOL_OF(n->words)] = n->ends[n->rows];
	binding.offsets[ML_SYMBOL_OF(n->words)] = n->ends;
	binding.rows[ML_SYMBOL_OF(n->words)] = n->rows;
	ML_TRY(ml_runner_open(ctx, graph, kernel, &runner));
	runner->parameters = parameters;
	status = ml_runner_bind(ctx, runner, &binding, false);
	runner->inputs[n->numbers] = n->ids;
	runner->inputs[n->offsets] = n->ends;
	if (n->states != ML_NO_VALUE)
		runner->inputs[n->states] = n->h0;
	if (status == ML_OK)
		status = ml_runner_run(ctx, runner, false);
	for (int i = 0; i < n->noutputs && status == ML_OK; i++)
	{
		const ml_view *view = ml_runner_view(runner, n->outputs[i]);

		status = ml_append(ctx, results, view->data, ml_view_elements(view) * ml_dtypes[view->dtype].block_bytes);
	}
	ml_runner_close(ctx, runner);
	return status;
}

/* The same at a level, folded with tables of that level, and not. */
static ml_status
run_both(net *n, const ml_graph *folded, const ml_kernel *kernel, ml_buffer *results)
{
	ml_context *ctx = n->t.ctx;
	size_t		width = ml_dtypes[folded->dtype].block_bytes;
	void	   *parameters;
	ml_status	status;

	results[0].size = results[1].size = 0;
	ML_TRY(ml_alloc(ctx, folded->parameters * width, &parameters));
	memcpy(parameters, n->t.parameters, n->t.graph->parameters * width);
	status = ml_graph_fold_tables(ctx, kernel, n->t.graph, folded, parameters);
	if (status == ML_OK)
		status = run(n, n->t.graph, kernel, n->t.parameters, &results[0]);
	if (status == ML_OK)
		status = run(n, folded, kernel, parameters, &results[1]);
	ml_release(ctx, parameters);
	return status;
}

static int
count_ops(const ml_graph *graph, const ml_op *op)
{
	int			n = 0;

	for (int32_t k = 0; k < graph->nnodes; k++)
		n += ml_ops[graph->nodes[k].op] == op;
	return n;
}

static choice
random_choice(int k)
{
	choice		c = {
		.dtype = k % 5 == 4 ? ML_F64 : ML_F32, .cell = (ml_cell) (k % 3), .relu = pick(0, 1), .both = pick(0, 1), .above = pick(0, 1),
		.bx = pick(0, 2) > 0, .bh = pick(0, 2) > 0, .h0 = pick(0, 2) == 0, .read = (int) pick(1, 7)
	};

	if ((c.read & 3) == 0)
		c.read |= 2;
	/* so that there is enough room for outputs */
	c.above = c.above && !c.both;
	return c;
}

static void
test_random(unit_host *host)
{
	int			folds = 0;
	int			differ[ML_LEVEL_COUNT] = {0};
	int			wrong = 0;
	bool		came_through = true;

	for (int k = 0; k < CASES; k++)
	{
		choice		c = random_choice(k);
		int64_t		columns = pick(1, 40);
		int64_t		units = pick(1, ML_MIN(columns * 8 / ml_cell_gates(c.cell), 64));
		ml_buffer	results[2] = {{0}};
		ml_graph   *folded = NULL;
		net			n;

		if (!unit_ok(open_net(&host->ctx, &c, pick(1, 50), columns, units, &n) == ML_OK &&
					 ml_graph_fold(&host->ctx, n.t.graph, &folded) == ML_OK && folded != NULL, "case %d: %s", k, host->ctx.error.text))
			came_through = false;
		pick_rows(&n);
		/* each cell over words has become one of a table, and their rows are gathered no more */
		wrong += folded == NULL || count_ops(folded, &ml_op_gather) != 0 ||
			count_ops(folded, &ml_op_rnn_words) + count_ops(folded, &ml_op_gru_words) + count_ops(folded, &ml_op_lstm_words) != 1 + c.both;
		for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best() && folded != NULL; level++)
		{
			came_through &= run_both(&n, folded, ml_kernel_select(level), results) == ML_OK;
			differ[level] += results[0].size != results[1].size ||
				(results[0].size > 0 && memcmp(results[0].data, results[1].data, results[0].size) != 0);
			folds++;
		}
		ml_release(&host->ctx, results[0].data);
		ml_release(&host->ctx, results[1].data);
		ml_graph_close(&host->ctx, folded);
		toy_close(&n.t);
	}
	unit_ok(came_through && folds >= CASES, "%d random networks are folded and run: %s", CASES, host->ctx.error.text);
	unit_is_int(wrong, 0, "each cell over words has a table");
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		unit_is_int(differ[level], 0, "the very bits at %s", ml_kernel_select(level)->name);
}

/* What is left as it is. */
static void
test_left(unit_host *host)
{
	static const struct
	{
		const char *name;
		choice		c;
		int64_t		nwords;
		int64_t		columns;
		int64_t		units;
		int			cells;		/* that are folded */
	}			cases[] = {
		{"as many columns as eight times those of the embedding", {ML_F32, ML_CELL_LSTM, .read = 2}, 9, 16, 32, 1},
		{"more", {ML_F32, ML_CELL_LSTM, .read = 2}, 9, 16, 33, 0},
		{"32 MB of a table", {ML_F32, ML_CELL_LSTM, .read = 2}, 1 << 17, 8, 16, 1},
		{"more", {ML_F32, ML_CELL_LSTM, .read = 2}, (1 << 17) + 1, 8, 16, 0},
		{"more than that of two tables", {ML_F32, ML_CELL_LSTM, .both = true, .read = 2}, 100000, 8, 16, 1},
		{"what training rounds to bf16", {ML_F32, ML_CELL_GRU, .read = 2, .bf16 = true}, 9, 16, 8, 0},
		{"what backward needs being read", {ML_F32, ML_CELL_GRU, .read = 8}, 9, 16, 8, 0},
		{"an embedding that is computed", {ML_F32, ML_CELL_RNN, .read = 2, .computed = true}, 9, 16, 8, 0}
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		static const ml_op *const ops[] = {&ml_op_rnn_words, &ml_op_gru_words, &ml_op_lstm_words};
		ml_graph   *folded = NULL;
		net			n;

		unit_ok(open_net(&host->ctx, &cases[i].c, cases[i].nwords, cases[i].columns, cases[i].units, &n) == ML_OK &&
				ml_graph_fold(&host->ctx, n.t.graph, &folded) == ML_OK, "%s: %s", cases[i].name, host->ctx.error.text);
		unit_is_int(folded == NULL ? 0 : count_ops(folded, ops[cases[i].c.cell]), cases[i].cells, "  tables");
		ml_graph_close(&host->ctx, folded);
		toy_close(&n.t);
	}
}

/* Words that are no rows of the table, and a stored graph that claims to have one. */
static void
test_bad(unit_host *host)
{
	choice		c = {ML_F32, ML_CELL_LSTM, .bx = true, .read = 2};
	ml_buffer	results[2] = {{0}};
	ml_buffer	json = {0};
	ml_buffer	forged = {0};
	const char *at = "";
	ml_graph   *folded;
	ml_graph   *read = NULL;
	net			n;

	unit_ok(open_net(&host->ctx, &c, 5, 4, 3, &n) == ML_OK && ml_graph_fold(&host->ctx, n.t.graph, &folded) == ML_OK, "a network");
	n.rows = 2;
	n.ends[1] = 3;
	n.ends[2] = 5;
	for (int i = 0; i < 2; i++)
	{
		n.ids[4] = i == 0 ? 5 : -1;
		unit_fails(host, run(&n, n.t.graph, ml_kernel_select(ML_LEVEL_AUTO), n.t.parameters, &results[0]), ML_BAD_INPUT,
				   "is not a row of a table of 5", "no such word");
		unit_fails(host, run_both(&n, folded, ml_kernel_select(ML_LEVEL_AUTO), results), ML_BAD_INPUT, "is not a row of a table of 5", "  folded");
	}
	n.ids[4] = 4;
	n.ends[1] = 6;
	unit_fails(host, run_both(&n, folded, ml_kernel_select(ML_LEVEL_AUTO), results), ML_BAD_INPUT, "", "rows that end before they begin");
	unit_ok(ml_graph_write(&host->ctx, n.t.graph, &json) == ML_OK && ml_append(&host->ctx, &json, "", 1) == ML_OK &&
			(at = strstr(json.data, "\"lstm\"")) != NULL, "a graph as JSON");
	unit_ok(ml_appendf(&host->ctx, &forged, "%.*s\"lstm_words\"%s", (int) (at - json.data), json.data, at + 6) == ML_OK, "  of a folded op");
	unit_fails(host, ml_graph_read(&host->ctx, (ml_text) {forged.data, forged.size}, &read), ML_BAD_MODEL, "never stored", "  is refused");
	ml_release(&host->ctx, forged.data);
	ml_graph_close(&host->ctx, read);
	ml_release(&host->ctx, json.data);
	for (int i = 0; i < 2; i++)
		ml_release(&host->ctx, results[i].data);
	ml_graph_close(&host->ctx, folded);
	toy_close(&n.t);
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	choice		c = {ML_F32, ML_CELL_GRU, .both = true, .bx = true, .bh = true, .read = 3};
	ml_buffer	results[2] = {{0}};
	ml_graph   *folded = NULL;
	net			n;
	ml_status	status = open_net(ctx, &c, 70, 6, 5, &n);

	if (status == ML_OK)
		status = ml_graph_fold(ctx, n.t.graph, &folded);
	ml_rng_seed(&rng, 9);
	if (status == ML_OK)
		pick_rows(&n);
	if (status == ML_OK)
		status = run_both(&n, folded, ml_kernel_select(ML_LEVEL_AUTO), results);
	for (int i = 0; i < 2; i++)
		ml_release(ctx, results[i].data);
	ml_graph_close(ctx, folded);
	toy_close(&n.t);
	return status;
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	ml_rng_seed(&rng, 5);
	test_random(&host);
	test_left(&host);
	test_bad(&host);
	unit_every_allocation_fails("a network folded and run", scenario, NULL);
	unit_every_poll_cancels("a network folded and run", scenario, NULL);
	unit_close(&host, "folded graphs");
	return unit_done();
}
