/*-------------------------------------------------------------------------
 *
 * test_op_recurrent.c
 *	  Recurrent cells: gradients, rows by themselves, PyTorch, faults.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"
#include "recorded.h"

static unit_host host;

#define CASES 200

/* Inputs of a cell, in the order of recurrent.c. */
static void
pick_cell(op_checks *checks, op_case *c, int gates)
{
	int64_t		inputs = op_pick(checks, 1, 5);
	int64_t		units = op_pick(checks, 0, 9) == 0 ? 17 : op_pick(checks, 1, 9);

	c->nin = gates == 4 ? 8 : 7;
	c->in[0] = op_floats(2, (int64_t[]) {0, inputs});
	c->in[0].role = OP_WORDS;
	c->in[1] = (op_input) {.dtype = ML_I32, .role = OP_OFFSETS, .ndims = 1};
	c->in[2] = op_floats(2, (int64_t[]) {inputs, gates * units});
	c->in[3] = op_floats(2, (int64_t[]) {units, gates * units});
	c->in[2].layout = c->in[3].layout = ML_PANELS;
	for (int i = 4; i < 6; i++)
	{
		c->in[i] = op_floats(1, (int64_t[]) {gates * units});
		c->in[i].absent = op_pick(checks, 0, 2) == 0;
	}
	for (int i = 6; i < c->nin; i++)
	{
		c->in[i] = op_floats(2, (int64_t[]) {0, units});
		c->in[i].role = OP_ROWS;
		c->in[i].absent = op_pick(checks, 0, 1) == 0;
	}
	c->out[0] = OP_WORDS;
	c->out[1] = OP_ROWS;
	if (gates == 4)
		c->out[2] = OP_ROWS;
	c->unread = gates == 4 ? 0x18 : gates == 3 ? 0x0c : 0;
	c->inexact = true;			/* products */
	op_pick_rows(checks, c, op_pick(checks, 0, 3) == 0 ? 14 : 5, 6);
}

static void
test_cells(void)
{
	static const struct
	{
		const ml_op *op;
		const char *name;
		int			gates;
		int			relu;
	}			cells[] = {
		{&ml_op_rnn, "rnn, tanh", 1, 0}, {&ml_op_rnn, "rnn, relu", 1, 1}, {&ml_op_gru, "gru", 3}, {&ml_op_lstm, "lstm", 4}
	};

	for (size_t i = 0; i < ML_LENGTH(cells); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, cells[i].name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = cells[i].op};

			pick_cell(&checks, &c, cells[i].gates);
			c.attributes.ints[0] = k % 2;
			c.attributes.ints[1] = cells[i].relu;
			/* no step across the corner */
			c.step = cells[i].relu ? 1e-6 : 0;
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

/* === Sequences that go on === */

#define ROWS		60			/* more than a block */
#define WORDS		(ROWS * 80)
#define INPUTS		5
#define UNITS		33

static float x[WORDS * INPUTS];
static float wx[INPUTS * 160];
static float wh[UNITS * 160];
static float bias[4 * UNITS];
static float y[2][WORDS * UNITS];
static float last[4][ROWS * UNITS];
static float kept[WORDS * 5 * UNITS];

static ml_view
view_of(void *data, ml_dtype dtype, ml_layout layout, int64_t rows, int64_t columns)
{
	ml_view		view = {.data = data, .dtype = dtype, .layout = layout, .ndims = columns > 0 ? 2 : 1, .dims = {rows, columns}};

	ml_view_strides(&view);
	return view;
}

/* One run from states [h, c] to states; keep: what backward needs is wanted. */
static ml_status
run_once(ml_context *ctx, const ml_kernel *kernel, const ml_op *op, int gates, const float *from, int32_t *offsets,
		 float *out, float *const *before, float *const *after, bool keep)
{
	int64_t		words = offsets[ROWS];
	ml_attributes attributes = ml_op_standard(op);
	ml_view		in[] = {
		view_of((void *) from, ML_F32, ML_PLAIN, words, INPUTS), view_of(offsets, ML_I32, ML_PLAIN, ROWS + 1, 0),
		view_of(wx, ML_F32, ML_PANELS, INPUTS, gates * UNITS), view_of(wh, ML_F32, ML_PANELS, UNITS, gates * UNITS),
		view_of(bias, ML_F32, ML_PLAIN, gates * UNITS, 0), view_of(bias, ML_F32, ML_PLAIN, gates * UNITS, 0),
		view_of(before[0], ML_F32, ML_PLAIN, ROWS, UNITS), view_of(before[1], ML_F32, ML_PLAIN, ROWS, UNITS)
	};
	ml_view		outs[5] = {view_of(out, ML_F32, ML_PLAIN, words, UNITS), view_of(after[0], ML_F32, ML_PLAIN, ROWS, UNITS)};
	ml_op_run	run = {
		.ctx = ctx, .kernel = kernel, .attributes = &attributes, .nin = gates == 4 ? 8 : 7, .nout = op->nout,
		.in = in, .out = outs
	};
	void	   *workspace;
	ml_status	status;

	if (gates == 4)
		outs[2] = view_of(after[1], ML_F32, ML_PLAIN, ROWS, UNITS);
	if (gates > 1)
	{
		outs[op->nout - 2] = view_of(keep ? kept : NULL, ML_F32, ML_PLAIN, words, gates * UNITS);
		outs[op->nout - 1] = view_of(keep ? kept + WORDS * 4 * UNITS : NULL, ML_F32, ML_PLAIN, words, UNITS);
	}
	run.workspace = workspace = aligned_alloc(ML_ALIGN, op->kernels[0].workspace(&run));
	status = op->kernels[0].run(&run);
	free(workspace);
	return status;
}

/* All words at once, or the first ones of each row and then the others. */
static ml_status
test_going_on(ml_context *ctx, const ml_kernel *kernel, const ml_op *op, int gates, bool *same)
{
	static float zero[ROWS * UNITS];
	static float part[WORDS * INPUTS];
	static float part_y[WORDS * UNITS];
	int32_t		offsets[ROWS + 1] = {0};
	float	   *states[3][2] = {{zero, zero}, {last[0], last[1]}, {last[2], last[3]}};

	for (int r = 0; r < ROWS; r++)
		offsets[r + 1] = offsets[r] + r * 11 % 81;
	memset(last, 0, sizeof(last));
	ML_TRY(run_once(ctx, kernel, op, gates, x, offsets, y[0], states[0], states[1], true));
	for (int half = 0; half < 2; half++)
	{
		int32_t		some[ROWS + 1] = {0};
		int32_t		begin[ROWS];

		for (int r = 0; r < ROWS; r++)
		{
			int32_t		n = offsets[r + 1] - offsets[r];
			int32_t		first = ML_MIN(n, r % 45);

			begin[r] = offsets[r] + (half ? first : 0);
			some[r + 1] = some[r] + (half ? n - first : first);
			memcpy(part + some[r] * INPUTS, x + begin[r] * INPUTS, (size_t) (some[r + 1] - some[r]) * INPUTS * sizeof(float));
		}
		/* in place; at inference nobody wants what backward needs */
		ML_TRY(run_once(ctx, kernel, op, gates, part, some, part_y, states[half ? 2 : 0], states[2], false));
		for (int r = 0; r < ROWS; r++)
			memcpy(y[1] + begin[r] * UNITS, part_y + some[r] * UNITS, (size_t) (some[r + 1] - some[r]) * UNITS * sizeof(float));
	}
	*same = memcmp(y[0], y[1], (size_t) offsets[ROWS] * UNITS * sizeof(float)) == 0 &&
		memcmp(last[0], last[2], sizeof(last[0])) == 0 && memcmp(last[1], last[3], sizeof(last[0])) == 0;
	return ML_OK;
}

static void
fill(float *numbers, size_t n, ml_rng *rng)
{
	for (size_t i = 0; i < n; i++)
		numbers[i] = (float) (2 * ml_rng_double(rng) - 1);
}

static void
test_states(void)
{
	static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};
	static const ml_op *const ops[] = {&ml_op_rnn, &ml_op_gru, &ml_op_lstm};
	static const int gates[] = {1, 3, 4};
	ml_rng		rng;

	ml_rng_seed(&rng, 3);
	fill(x, ML_LENGTH(x), &rng);
	fill(wx, ML_LENGTH(wx), &rng);
	fill(wh, ML_LENGTH(wh), &rng);
	fill(bias, ML_LENGTH(bias), &rng);
	for (size_t l = 0; l < ML_LENGTH(levels); l++)
		for (size_t i = 0; i < ML_LENGTH(ops); i++)
		{
			const ml_kernel *kernel = ml_kernel_select(levels[l]);
			bool		same = false;

			unit_ok(test_going_on(&host.ctx, kernel, ops[i], gates[i], &same) == ML_OK && same,
					"%s at %s: in two parts as in one, to the bit", ops[i]->name, kernel->name);
		}
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	bool		same;

	return test_going_on(ctx, ml_kernel_select(ML_LEVEL_AUTO), &ml_op_lstm, 4, &same);
}

static void
test_bad_input(void)
{
	int32_t		offsets[ROWS + 1] = {0};
	float	   *states[2] = {last[0], last[1]};

	offsets[3] = 9;
	unit_fails(&host, run_once(&host.ctx, &ml_kernel_ref, &ml_op_lstm, 4, x, offsets, y[0], states, states, false),
			   ML_BAD_INPUT, "do not rise", "offsets that fall");
}

/* Weights of a million numbers are rounded, and many rows without a word handed out, with polls in between. */
static void
test_polls(void)
{
	const int64_t units = 512;
	const int64_t rows = 20000;
	float	   *weights = calloc((size_t) (units * 4 * units), sizeof(float));
	float	   *states = calloc((size_t) (rows * units), sizeof(float));
	int32_t    *offsets = calloc((size_t) rows + 1, sizeof(int32_t));

	for (int bf16 = 0; bf16 < 2; bf16++)
	{
		int64_t		n = bf16 ? 1 : rows;
		ml_attributes attributes = {.ints = {0, bf16}};
		ml_view		in[] = {
			view_of(weights, ML_F32, ML_PLAIN, 0, units), view_of(offsets, ML_I32, ML_PLAIN, n + 1, 0),
			view_of(weights, ML_F32, ML_PANELS, units, 4 * units), view_of(weights, ML_F32, ML_PANELS, units, 4 * units)
		};
		ml_view		out[5] = {{0}, view_of(states, ML_F32, ML_PLAIN, n, units)};
		ml_op_run	run = {
			.ctx = &host.ctx, .kernel = ml_kernel_select(ML_LEVEL_AUTO), .attributes = &attributes, .nin = 4, .nout = 5, .in = in, .out = out
		};
		uint64_t	before = host.polls;

		run.workspace = aligned_alloc(ML_ALIGN, ml_op_lstm.kernels[0].workspace(&run));
		unit_ok(ml_op_lstm.kernels[0].run(&run) == ML_OK, "%s", bf16 ? "weights in bf16" : "rows without words");
		unit_ok(host.polls - before >= (bf16 ? 15 : 100), "  with %d polls", (int) (host.polls - before));
		free(run.workspace);
	}
	free(weights);
	free(states);
	free(offsets);
}

int
main(void)
{
	unit_open(&host);
	test_cells();
	recorded_test(&host, "ops_recurrent.safetensors", false);
	recorded_test(&host, "ops_recurrent.safetensors", true);
	test_states();
	test_bad_input();
	test_polls();
	unit_every_poll_cancels("lstm", scenario, NULL);
	unit_close(&host, "recurrent");
	return unit_done();
}
