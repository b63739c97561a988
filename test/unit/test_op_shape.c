/*-------------------------------------------------------------------------
 *
 * test_op_shape.c
 *	  Ops that move elements, casts, tables of rows; what shape rules refuse.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

#include <math.h>

static unit_host host;

#define CASES 220

static void
pick_input(op_checks *checks, op_case *c, int i, int least, int most)
{
	int64_t		dims[4];
	int			ndims = (int) op_pick(checks, least, most);

	for (int d = 0; d < ndims; d++)
		dims[d] = op_pick(checks, 0, 24) == 0 ? 0 : op_pick(checks, 1, 3) == 1 ? op_dim(checks) : op_pick(checks, 1, 6);
	c->in[i] = op_floats(ndims, dims);
	c->in[i].strided = op_pick(checks, 0, 3) == 0;
}

/* The first dimension becomes that of rows, if the op leaves it alone. */
static void
give_rows(op_checks *checks, op_case *c, bool may)
{
	if (!may || c->in[0].ndims == 0 || op_pick(checks, 0, 1) == 0)
		return;
	c->rows = (int) op_pick(checks, 1, 5);
	c->in[0].role = c->out[0] = OP_ROWS;
}

static void
set_reshape(op_checks *checks, op_case *c)
{
	const op_input *x = &c->in[0];
	int			join = x->ndims < 2 ? 0 : (int) op_pick(checks, 0, x->ndims - 2);

	/* two dimensions become one, and a 1 is put behind it */
	for (int d = 0; d < x->ndims; d++)
	{
		if (x->ndims >= 2 && d == join + 1)
			c->attributes.dims[c->attributes.ndims - 1] *= x->dims[d];
		else
			c->attributes.dims[c->attributes.ndims++] = x->dims[d];
	}
	c->attributes.dims[c->attributes.ndims++] = 1;
	give_rows(checks, c, join > 0);
	if (c->rows > 0)
		c->attributes.dims[0] = ML_SYMBOL(0);	/* the harness' first symbol is that of rows */
}

static void
set_transpose(op_checks *checks, op_case *c)
{
	int			n = c->in[0].ndims;

	for (int d = 0; d < n; d++)
		c->attributes.ints[d] = d;
	for (int d = n - 1; d > 0; d--)
	{
		int			other = (int) op_pick(checks, 0, d);
		int64_t		kept = c->attributes.ints[d];

		c->attributes.ints[d] = c->attributes.ints[other];
		c->attributes.ints[other] = kept;
	}
	give_rows(checks, c, n > 0 && c->attributes.ints[0] == 0);
}

static void
set_slice(op_checks *checks, op_case *c)
{
	int64_t		axis = op_pick(checks, 0, c->in[0].ndims - 1);
	int64_t		dim = c->in[0].dims[axis];

	c->attributes.ints[0] = axis;
	c->attributes.ints[1] = op_pick(checks, -dim - 1, dim + 1);
	c->attributes.ints[2] = op_pick(checks, 0, 3) == 0 ? INT32_MAX : op_pick(checks, -dim - 1, dim + 1);
	c->attributes.ints[3] = op_pick(checks, 1, 3);
	give_rows(checks, c, axis > 0);
}

static void
set_pad(op_checks *checks, op_case *c)
{
	int64_t		axis = op_pick(checks, 0, c->in[0].ndims - 1);

	c->attributes.ints[0] = axis;
	c->attributes.ints[1] = op_pick(checks, 0, 3);
	c->attributes.ints[2] = op_pick(checks, 0, 3);
	c->attributes.ints[3] = op_pick(checks, 1, 3);
	c->attributes.reals[0] = ml_rng_double(&checks->rng);
	if (axis > 0)
		give_rows(checks, c, true);
	else if (op_pick(checks, 0, 1) == 0)
	{
		/* a dimension without a fixed size grows */
		c->rows = (int) op_pick(checks, 1, 4);
		c->in[0].role = OP_ROWS;
		c->attributes.ints[3] = 1;
	}
}

static void
set_unpad(op_checks *checks, op_case *c)
{
	int64_t		axis = op_pick(checks, 0, c->in[0].ndims - 1);

	c->attributes.ints[0] = axis;
	c->attributes.ints[1] = op_pick(checks, 0, c->in[0].dims[axis]);
	c->attributes.ints[2] = op_pick(checks, 0, c->in[0].dims[axis] - c->attributes.ints[1]);
	give_rows(checks, c, axis > 0);
}

static void
set_broadcast_to(op_checks *checks, op_case *c)
{
	int			more = (int) op_pick(checks, 0, 2);

	for (int d = 0; d < more; d++)
		c->attributes.dims[d] = op_pick(checks, 1, 4);
	for (int d = 0; d < c->in[0].ndims; d++)
	{
		c->attributes.dims[more + d] = c->in[0].dims[d];
		if (op_pick(checks, 0, 2) == 0)
			c->in[0].dims[d] = 1;
	}
	c->attributes.ndims = more + c->in[0].ndims;
}

static void
set_concat(op_checks *checks, op_case *c)
{
	int64_t		axis = op_pick(checks, 0, c->in[0].ndims - 1);

	c->attributes.ints[0] = axis;
	give_rows(checks, c, axis > 0);
	c->nin = (int) op_pick(checks, 1, 5);
	for (int i = 1; i < c->nin; i++)
	{
		c->in[i] = c->in[0];
		c->in[i].dims[axis] = op_pick(checks, 0, 4);
		c->in[i].strided = op_pick(checks, 0, 2) == 0;
	}
}

static void
test_moves(void)
{
	static const struct
	{
		const ml_op *op;
		void		(*set) (op_checks *checks, op_case *c);
		int			least;
	}			ops[] = {
		{&ml_op_reshape, set_reshape, 0}, {&ml_op_transpose, set_transpose, 0}, {&ml_op_slice, set_slice, 1},
		{&ml_op_pad, set_pad, 1}, {&ml_op_unpad, set_unpad, 1}, {&ml_op_broadcast_to, set_broadcast_to, 0},
		{&ml_op_concat, set_concat, 1}
	};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i].op->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i].op, .nin = 1};

			pick_input(&checks, &c, 0, ops[i].least, 4);
			ops[i].set(&checks, &c);
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

/* Rows of tables; indices of any dims, or of rows. */
static void
test_tables(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "gather and scatter_add");
	for (int k = 0; k < 2 * CASES; k++)
	{
		op_case		c = {.op = k % 2 == 0 ? &ml_op_gather : &ml_op_scatter_add, .nin = 2};
		op_input	table;
		op_input   *indices = &c.in[1];

		pick_input(&checks, &c, 1, 0, 3);
		indices->dtype = ML_I32;
		pick_input(&checks, &c, 0, 1, 3);
		c.in[0].dims[0] = ML_MAX(c.in[0].dims[0], 1);
		table = c.in[0];
		indices->low = 0;
		indices->high = (double) ML_MAX(table.dims[0] - 1, 0.5);
		if (k % 2 == 0 && indices->ndims > 0 && op_pick(&checks, 0, 1) == 0)
		{
			indices->role = c.out[0] = OP_ROWS;
			c.rows = (int) op_pick(&checks, 1, 5);
		}
		if (k % 2 != 0)
		{
			c.attributes.ndims = table.ndims;
			memcpy(c.attributes.dims, table.dims, sizeof(table.dims));
			c.in[0].ndims = indices->ndims + table.ndims - 1;
			memcpy(c.in[0].dims, indices->dims, sizeof(table.dims));
			for (int d = 1; d < table.ndims; d++)
				c.in[0].dims[indices->ndims + d - 1] = table.dims[d];
		}
		op_check(&checks, &c);
	}
	op_checks_close(&checks, 2 * CASES);
}

static void
test_cast(void)
{
	static const ml_dtype to[] = {ML_I32, ML_BOOL, ML_U8, ML_F64};
	op_checks	checks;

	op_checks_open(&checks, &host, "cast");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_cast, .nin = 1};

		pick_input(&checks, &c, 0, 0, 3);
		c.attributes.ints[0] = to[k % 4];
		c.unread = to[k % 4] == ML_F64 ? 0 : 1;
		c.in[0].fixed = c.unread != 0;
		c.in[0].low = k % 4 == 1 ? -0.4 : -300;
		c.in[0].high = k % 4 == 1 ? 0.4 : 300;
		if (k % 3 == 0)
			c.in[0].dtype = ML_I32;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

/* What casts give, one by one. */
static void
test_cast_values(void)
{
	float		from[] = {1.75f, -1.75f, 1e10f, -1e10f, NAN, 0, 1.00390625f, 1.01171875f};
	int32_t		whole[8];
	uint16_t	half[8];
	uint8_t		byte[8];
	ml_view		in = {.data = from, .dtype = ML_F32, .contiguous = true, .ndims = 1, .dims = {8}, .strides = {1}};
	ml_view		out = in;
	ml_op_run	run = {.ctx = &host.ctx, .kernel = &ml_kernel_ref, .nin = 1, .nout = 1, .in = &in, .out = &out};

	out.data = whole;
	out.dtype = ML_I32;
	unit_is_int(ml_op_cast.kernels->run(&run), ML_OK, "cast to I32");
	unit_ok(whole[0] == 1 && whole[1] == -1 && whole[2] == INT32_MAX && whole[3] == INT32_MIN && whole[4] == 0,
			"towards 0, to the nearest, NaN to 0");
	out.data = byte;
	out.dtype = ML_U8;
	unit_is_int(ml_op_cast.kernels->run(&run), ML_OK, "cast to U8");
	unit_ok(byte[0] == 1 && byte[1] == 0 && byte[2] == 255 && byte[3] == 0, "the same");
	out.data = half;
	out.dtype = ML_BF16;
	unit_is_int(ml_op_cast.kernels->run(&run), ML_OK, "cast to BF16");
	unit_ok(half[0] == 0x3FE0 && half[5] == 0, "what is there exactly");
	unit_ok(half[6] == 0x3F80 && half[7] == 0x3F82, "ties go to the even one");
	unit_ok((half[4] & 0x7F80) == 0x7F80 && (half[4] & 0x7F) != 0, "NaN stays NaN");
}

/* ---- what is refused ---- */

typedef struct refusal
{
	const ml_op *op;
	ml_attributes attributes;
	int			nin;
	ml_shape	in[3];
	const char *part;
} refusal;

static void
test_refusals(void)
{
#define FLOATS(...) {.dtype = ML_F32, .ndims = sizeof((ml_dim[]) {__VA_ARGS__}) / sizeof(ml_dim), .dims = {__VA_ARGS__}}
#define WHOLE(...) {.dtype = ML_I32, .ndims = sizeof((ml_dim[]) {__VA_ARGS__}) / sizeof(ml_dim), .dims = {__VA_ARGS__}}
	static const refusal refusals[] = {
		{&ml_op_add, {{0}}, 2, {FLOATS(2, 3), FLOATS(2)}, "add: shapes [2, 3] and [2] do not fit"},
		{&ml_op_where, {{0}}, 3, {FLOATS(2), FLOATS(2), FLOATS(2)}, "not BOOL"},
		{&ml_op_reshape, {.ndims = 1, .dims = {5}}, 1, {FLOATS(2, 3)}, "[2, 3] has other elements than [5]"},
		{&ml_op_transpose, {.ints = {0, 0}}, 1, {FLOATS(2, 3)}, "transpose"},
		{&ml_op_transpose, {.ints = {1, 2}}, 1, {FLOATS(2, 3)}, "transpose"},
		{&ml_op_slice, {.ints = {2, 0, 1, 1}}, 1, {FLOATS(2, 3)}, "has no dimension 2"},
		{&ml_op_concat, {.ints = {1}}, 2, {FLOATS(2, 3), FLOATS(3, 3)}, "do not fit"},
		{&ml_op_concat, {.ints = {2}}, 2, {FLOATS(2, 3), FLOATS(2, 3)}, "has no dimension 2"},
		{&ml_op_pad, {.ints = {3, 0, 0, 1}}, 1, {FLOATS(2, 3)}, "has no dimension 3"},
		{&ml_op_unpad, {.ints = {0, 2, 1}}, 1, {FLOATS(2, 3)}, "has no 3 elements"},
		{&ml_op_broadcast_to, {.ndims = 1, .dims = {3}}, 1, {FLOATS(2, 3)}, "does not broadcast"},
		{&ml_op_sum_to, {.ndims = 2, .dims = {4, 3}}, 1, {FLOATS(2, 3)}, "do not fit"},
		{&ml_op_sum, {.ints = {4}}, 1, {FLOATS(2, 3)}, "lacks a dimension"},
		{&ml_op_spread, {.ints = {1}, .ndims = 2, .dims = {2, 3}}, 1, {FLOATS(2)}, "no reduction"},
		{&ml_op_gather, {{0}}, 2, {FLOATS(2, 3), FLOATS(2)}, "not I32"},
		{&ml_op_scatter_add, {.ndims = 2, .dims = {9, 4}}, 2, {FLOATS(2, 3), WHOLE(2)}, "are no rows of"},
		{&ml_op_layer_norm, {.reals = {1e-5}}, 2, {FLOATS(2, 3), FLOATS(2)}, "the gain is [2]"},
		{&ml_op_batch_norm, {.reals = {1e-5}}, 2, {FLOATS(2, 3), FLOATS(2)}, "[2], for an input [2, 3]"},
		{&ml_op_softmax_back, {{0}}, 2, {FLOATS(2, 3), FLOATS(2)}, "differ"}
	};

	for (size_t i = 0; i < ML_LENGTH(refusals); i++)
	{
		const refusal *r = &refusals[i];
		ml_shape	out[ML_NODE_OUTPUTS_MAX];
		ml_symbols	symbols = {0};
		const ml_shape *in[3] = {&r->in[0], &r->in[1], &r->in[2]};
		ml_op_shapes s = {&symbols, &r->attributes, r->nin, in, r->op->nout, out};

		unit_fails(&host, r->op->shape(&host.ctx, &s), ML_BAD_OPTION, r->part, "%s is refused", r->op->name);
	}
}

/* Numbers of rows that don't exist are bad input, forward and backward. */
static void
test_bad_indices(void)
{
	float		table[6] = {0};
	float		rows[4] = {0};
	int32_t		indices[2] = {1, 0};
	ml_view		in[2] = {
		{.data = table, .dtype = ML_F32, .contiguous = true, .ndims = 2, .dims = {3, 2}, .strides = {2, 1}},
		{.data = indices, .dtype = ML_I32, .contiguous = true, .ndims = 1, .dims = {2}, .strides = {1}}
	};
	ml_view		out = {.data = rows, .dtype = ML_F32, .contiguous = true, .ndims = 2, .dims = {2, 2}, .strides = {2, 1}};
	uint8_t		touched[3] = {0};
	ml_op_run	run = {.ctx = &host.ctx, .kernel = &ml_kernel_ref, .nin = 2, .nout = 1, .in = in, .out = &out};
	ml_view		swapped = in[0];

	for (int bad = -1; bad < 4; bad += 4)
	{
		indices[1] = bad;
		unit_fails(&host, ml_op_gather.kernels->run(&run), ML_BAD_INPUT, "is not a row of a table of 3", "gather");
	}
	in[0] = out;
	out = swapped;
	run.touched = touched;
	run.add = true;
	for (int bad = -1; bad < 4; bad += 4)
	{
		indices[1] = bad;
		unit_fails(&host, ml_op_scatter_add.kernels->run(&run), ML_BAD_INPUT, "is not a row of a table of 3",
				   "scatter_add");
	}
	unit_ok(touched[0] == 0 && touched[1] == 1 && touched[2] == 0, "the row that was there is marked as touched");
}

static void
test_recorded(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "recorded");
	op_check_recorded(&checks, "ops_shape.safetensors");
	op_checks_close(&checks, 0);
}

int
main(void)
{
	unit_open(&host);
	test_moves();
	test_tables();
	test_cast();
	test_cast_values();
	test_refusals();
	test_bad_indices();
	test_recorded();
	unit_close(&host, "shapes");
	return unit_done();
}
