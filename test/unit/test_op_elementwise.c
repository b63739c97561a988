/*-------------------------------------------------------------------------
 *
 * test_op_elementwise.c
 *	  Arithmetic of operands that broadcast, functions, activations.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

static unit_host host;

#define CASES 220

/* Two shapes that broadcast to one; rows: the first dimension of one or both is that of the rows. */
static void
pick_operands(op_checks *checks, op_case *c, int first)
{
	int			ndims = (int) op_pick(checks, 0, 4);
	bool		rows = ndims > 0 && op_pick(checks, 0, 2) == 0;
	int64_t		dims[4];

	for (int d = 0; d < ndims; d++)
		dims[d] = op_pick(checks, 0, 24) == 0 ? 0 : op_pick(checks, 1, 3) == 1 ? op_dim(checks) : op_pick(checks, 1, 5);
	c->rows = rows ? (int) op_pick(checks, 1, 5) : 0;
	for (int i = first; i < first + 2; i++)
	{
		int			fewer = rows || i == first ? 0 : (int) op_pick(checks, 0, ndims);

		c->in[i] = op_floats(ndims - fewer, dims + fewer);
		for (int d = rows ? 1 : 0; d < c->in[i].ndims; d++)
			if (op_pick(checks, 0, 4) == 0)
				c->in[i].dims[d] = 1;
		c->in[i].role = rows ? OP_ROWS : OP_WHOLE;
		c->in[i].strided = op_pick(checks, 0, 3) == 0;
	}
	c->out[0] = rows ? OP_ROWS : OP_WHOLE;
}

typedef struct binary
{
	const ml_op *op;
	op_draw		draw;
	double		low;			/* of the second operand, if not 0; pow: of both */
	double		high;
} binary;

static void
test_binary(void)
{
	static const binary ops[] = {
		{&ml_op_add}, {&ml_op_sub}, {&ml_op_mul}, {&ml_op_div, OP_UNIFORM, 0.5, 2},
		{&ml_op_minimum, OP_APART}, {&ml_op_maximum, OP_APART}, {&ml_op_pow, OP_UNIFORM, 0.3, 3}
	};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i].op->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i].op, .nin = 2};

			pick_operands(&checks, &c, 0);
			c.in[0].draw = c.in[1].draw = ops[i].draw;
			c.in[1].low = ops[i].low;
			c.in[1].high = ops[i].high;
			if (ops[i].op == &ml_op_pow)
			{
				c.in[0].low = ops[i].low;
				c.in[0].high = ops[i].high;
			}
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_where(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "where");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_where, .nin = 3};

		pick_operands(&checks, &c, 1);
		c.in[0] = c.in[op_pick(&checks, 1, 2)];
		c.in[0].dtype = ML_BOOL;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

static void
test_compare(void)
{
	static const ml_op *const ops[] = {
		&ml_op_equal, &ml_op_not_equal, &ml_op_less, &ml_op_less_equal, &ml_op_greater, &ml_op_greater_equal
	};
	op_checks	checks;

	op_checks_open(&checks, &host, "comparisons");
	for (int k = 0; k < 2 * CASES; k++)
	{
		op_case		c = {.op = ops[k % ML_LENGTH(ops)], .nin = 2};

		pick_operands(&checks, &c, 0);
		for (int i = 0; i < 2; i++)
			if (k % 4 != 0)
			{
				c.in[i].dtype = ML_I32;
				c.in[i].low = -2;
				c.in[i].high = 2;
			}
		op_check(&checks, &c);
	}
	op_checks_close(&checks, 2 * CASES);
}

/* One operand of any shape. */
static void
pick_operand(op_checks *checks, op_case *c, double low, double high, op_draw draw)
{
	pick_operands(checks, c, 0);
	c->in[0].low = low;
	c->in[0].high = high;
	c->in[0].draw = draw;
}

static void
test_unary(void)
{
	static const struct
	{
		const ml_op *op;
		double		low;
		double		high;
		op_draw		draw;
	}			ops[] = {
		{&ml_op_neg}, {&ml_op_abs, 0, 0, OP_APART}, {&ml_op_sign, 0, 0, OP_APART}, {&ml_op_exp, -3, 3},
		{&ml_op_log, 0.1, 5}, {&ml_op_sqrt, 0.1, 5}, {&ml_op_square}, {&ml_op_erf, -4, 4}
	};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i].op->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i].op, .nin = 1};

			pick_operand(&checks, &c, ops[i].low, ops[i].high, ops[i].draw);
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_activation(void)
{
	for (int activation = ML_LINEAR; activation < ML_ACTIVATIONS; activation++)
	{
		op_checks	checks;
		char		name[32];

		snprintf(name, sizeof(name), "activation %d", activation);
		op_checks_open(&checks, &host, name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = &ml_op_activation, .nin = 1};

			pick_operand(&checks, &c, -5, 5, activation <= ML_ELU ? OP_APART : OP_UNIFORM);
			c.attributes.ints[0] = activation;
			c.attributes.reals[0] = 0.1 + 2 * ml_rng_double(&checks.rng);
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_activation_sloped(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "activation_sloped");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_activation_sloped, .nin = 1, .unread = 2};

		pick_operand(&checks, &c, -5, 5, OP_UNIFORM);
		c.out[1] = c.out[0];
		c.attributes.ints[0] = op_pick(&checks, ML_GELU, ML_SILU);
		c.inexact = c.attributes.ints[0] == ML_GELU;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

static void
test_recorded(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "recorded");
	op_check_recorded(&checks, "ops_elementwise.safetensors");
	op_checks_close(&checks, 0);
}

int
main(void)
{
	unit_open(&host);
	test_binary();
	test_where();
	test_compare();
	test_unary();
	test_activation();
	test_activation_sloped();
	test_recorded();
	unit_close(&host, "elementwise");
	return unit_done();
}
