/*-------------------------------------------------------------------------
 *
 * test_op_packed.c
 *	  Ops over packed sequences: rows of words, positions.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

#include "kernel/kernel.h"

#include <math.h>

static unit_host host;

#define CASES 220

/* A packed value and its offsets, as inputs 0 and 1. */
static void
pick_words(op_checks *checks, op_case *c)
{
	int			ndims = (int) op_pick(checks, 1, 3);

	c->in[0] = op_floats(ndims, (int64_t[]) {0, op_dim(checks), op_pick(checks, 1, 3)});
	c->in[0].role = OP_WORDS;
	c->in[1] = (op_input) {.dtype = ML_I32, .role = OP_OFFSETS, .ndims = 1};
	op_pick_rows(checks, c, 6, 9);
}

typedef struct segment
{
	const ml_op *op;
	op_draw		draw;
	op_role		out;
	uint32_t	unread;
} segment;

static void
test_segments(void)
{
	static const segment ops[] = {
		{&ml_op_segment_sum, OP_UNIFORM, OP_ROWS}, {&ml_op_segment_mean, OP_UNIFORM, OP_ROWS},
		{&ml_op_segment_first, OP_UNIFORM, OP_ROWS}, {&ml_op_segment_last, OP_UNIFORM, OP_ROWS},
		{&ml_op_segment_max, OP_APART, OP_ROWS, 2}, {&ml_op_segment_reverse, OP_UNIFORM, OP_WORDS}
	};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i].op->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i].op, .nin = 2, .out = {ops[i].out}, .unread = ops[i].unread};

			pick_words(&checks, &c);
			c.in[0].draw = ops[i].draw;
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

/* Rows -> words: their number is an attribute, so here all dimensions are numbers. */
static void
test_words_of_rows(void)
{
	static const struct
	{
		const ml_op *op;
		const char *name;
		int			option;
	}			ops[] = {
		{&ml_op_segment_spread, "segment_spread", 0}, {&ml_op_segment_spread, "segment_spread, means", 1},
		{&ml_op_segment_place, "segment_place, first", 0}, {&ml_op_segment_place, "segment_place, last", 1}
	};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i].name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i].op, .nin = 2};
			double		offsets[8] = {0};
			int			rows = (int) op_pick(&checks, 1, 6);

			for (int r = 0; r < rows; r++)
				offsets[r + 1] = offsets[r] + (double) op_pick(&checks, 0, 4);
			c.attributes.ints[0] = ops[i].option;
			c.attributes.ndims = 1;
			c.attributes.dims[0] = (ml_dim) offsets[rows];
			c.in[0] = op_floats((int) op_pick(&checks, 1, 3), (int64_t[]) {rows, op_dim(&checks), 3});
			c.in[1] = (op_input) {.dtype = ML_I32, .ndims = 1, .dims = {rows + 1}, .draw = OP_GIVEN, .values = offsets};
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_sinusoidal(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "sinusoidal");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_sinusoidal, .nin = 3, .out = {OP_WORDS}};

		c.attributes = ml_op_standard(c.op);
		if (k % 3 == 0)
			c.attributes.reals[0] = 100;
		pick_words(&checks, &c);
		c.in[0].ndims = 2;
		c.in[2] = (op_input) {.dtype = ML_I32, .role = OP_ROWS, .ndims = 1, .low = 0, .high = 40, .absent = k % 2 == 0};
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

/* Run an op by itself. */
static ml_status
run_alone(const ml_op *op, const ml_attributes *attributes, int nin, const ml_view *in, int nout, const ml_view *out)
{
	const ml_op_kernel *kernel = op->kernels;
	ml_op_run	run = {
		.ctx = &host.ctx, .kernel = ml_kernel_select(ML_LEVEL_AUTO), .attributes = attributes, .nin = nin,
		.nout = nout, .in = in, .out = out
	};
	ml_status	status;
	void	   *workspace = aligned_alloc(ML_ALIGN, ML_ALIGN + (kernel->workspace == NULL ? 0 : ml_size_align(kernel->workspace(&run), ML_ALIGN)));

	run.workspace = workspace;
	status = kernel->run(&run);
	free(workspace);
	return status;
}

static ml_view
view_of(void *data, ml_dtype dtype, int64_t rows, int64_t columns)
{
	ml_view		view = {.data = data, .dtype = dtype, .ndims = columns > 0 ? 2 : 1, .dims = {rows, columns}};

	ml_view_strides(&view);
	return view;
}

static void
test_positions(void)
{
	enum {ROWS = 4, WORDS = 9, CHANNELS = 5};
	int32_t		offsets[] = {0, 3, 3, 8, 9};
	int32_t		starts[] = {0, 7, 100, 2};
	int32_t		expected[2][WORDS] = {{0, 1, 2, 0, 1, 2, 3, 4, 0}, {0, 1, 2, 100, 101, 102, 103, 104, 2}};
	int32_t		got[WORDS];
	float		x[WORDS * CHANNELS] = {0};
	float		y[WORDS * CHANNELS];
	ml_attributes attributes = ml_op_standard(&ml_op_positions);

	attributes.ndims = 1;
	attributes.dims[0] = WORDS;
	for (int with = 0; with < 2; with++)
	{
		ml_view		in[] = {view_of(offsets, ML_I32, ROWS + 1, 0), view_of(with ? starts : NULL, ML_I32, ROWS, 0)};
		ml_view		out = view_of(got, ML_I32, WORDS, 0);
		ml_view		all[] = {view_of(x, ML_F32, WORDS, CHANNELS), in[0], in[1]};
		ml_view		sum = view_of(y, ML_F32, WORDS, CHANNELS);
		ml_attributes base = ml_op_standard(&ml_op_sinusoidal);
		double		worst = 0;

		unit_ok(run_alone(&ml_op_positions, &attributes, 2, in, 1, &out) == ML_OK &&
				memcmp(got, expected[with], sizeof(got)) == 0, "positions %s starts", with ? "with" : "without");
		if (run_alone(&ml_op_sinusoidal, &base, 3, all, 1, &sum) != ML_OK)
			worst = INFINITY;
		for (int w = 0; w < WORDS; w++)
			for (int c = 0; c < CHANNELS; c++)
			{
				double		angle = expected[with][w] / pow(10000, (c - c % 2) / (double) CHANNELS);

				worst = fmax(worst, fabs(y[w * CHANNELS + c] - (c % 2 ? cos(angle) : sin(angle))));
			}
		unit_ok(worst < 1e-6, "sinusoids of positions %s starts", with ? "with" : "without");
	}
}

static void
test_bad_input(void)
{
	int32_t		offsets[] = {0, 3, 2, 5};
	int32_t		starts[] = {0, -1, 0};
	int32_t		got[5];
	float		x[5] = {0};
	float		y[5];
	ml_attributes attributes = {.ndims = 1, .dims = {5}};
	ml_view		in[] = {view_of(x, ML_F32, 5, 0), view_of(offsets, ML_I32, 4, 0)};
	ml_view		positions[] = {view_of(offsets, ML_I32, 4, 0), view_of(starts, ML_I32, 3, 0)};
	ml_view		out = view_of(y, ML_F32, 3, 0);
	ml_view		out_positions = view_of(got, ML_I32, 5, 0);

	unit_fails(&host, run_alone(&ml_op_segment_sum, &attributes, 2, in, 1, &out), ML_BAD_INPUT, "do not rise",
			   "offsets that fall");
	offsets[2] = 4;
	offsets[3] = 6;
	unit_fails(&host, run_alone(&ml_op_segment_mean, &attributes, 2, in, 1, &out), ML_BAD_INPUT, "do not rise",
			   "offsets beyond the words");
	offsets[3] = 5;
	unit_fails(&host, run_alone(&ml_op_positions, &attributes, 2, positions, 1, &out_positions), ML_BAD_INPUT,
			   "position -1", "a start below 0");
}

int
main(void)
{
	unit_open(&host);
	test_segments();
	test_words_of_rows();
	test_sinusoidal();
	test_positions();
	test_bad_input();
	unit_close(&host, "packed");
	return unit_done();
}
