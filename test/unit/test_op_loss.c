/*-------------------------------------------------------------------------
 *
 * test_op_loss.c
 *	  Losses with their gradients, dropout.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

#include "kernel/map.h"

#include <math.h>

static unit_host host;

#define CASES 220

typedef struct loss
{
	const ml_op *op;
	bool		classes;		/* targets may be classes */
	bool		floats;
	op_draw		draw;
	double		low,			/* of float targets */
				high;
} loss;

/* Corners lie between the places of values that are apart: these are odd hundredths, differences even ones. */
static void
pick_attributes(op_checks *checks, op_case *c)
{
	c->attributes = ml_op_standard(c->op);
	if (c->op == &ml_op_huber)
		c->attributes.reals[0] = 0.01 * (double) (2 * op_pick(checks, 0, 100) + 1);
	else if (c->op == &ml_op_hinge || c->op == &ml_op_multi_hinge)
	{
		c->attributes.ints[0] = op_pick(checks, 1, 2);
		c->attributes.reals[0] = 0.01 * (double) (2 * op_pick(checks, 0, 60) + (c->op == &ml_op_multi_hinge));
	}
	else if (c->op == &ml_op_sigmoid_cross_entropy || c->op == &ml_op_softmax_cross_entropy)
		c->attributes.reals[0] = op_pick(checks, 0, 1) == 0 ? 0 : ml_rng_double(&checks->rng);
}

static void
test_losses(void)
{
	static const loss losses[] = {
		{&ml_op_mse, false, true}, {&ml_op_mae, false, true, OP_APART}, {&ml_op_huber, false, true, OP_APART},
		{&ml_op_sigmoid_cross_entropy, true, true, OP_UNIFORM, 0, 1}, {&ml_op_hinge, true, true, OP_APART},
		{&ml_op_multi_hinge, true, false, OP_APART}, {&ml_op_softmax_cross_entropy, true, false}
	};

	for (size_t i = 0; i < ML_LENGTH(losses); i++)
	{
		const loss *l = &losses[i];
		op_checks	checks;

		op_checks_open(&checks, &host, l->op->name);
		for (int n = 0; n < CASES; n++)
		{
			op_case		c = {.op = l->op, .nin = 4, .unread = 2};
			bool		classes = l->classes && (!l->floats || op_pick(&checks, 0, 1) == 0);
			int64_t		k = classes && l->floats ? 1 : op_dim(&checks);
			int64_t		dims[2] = {op_pick(&checks, 0, 6), k};

			c.in[0] = c.in[1] = op_floats(2, dims);
			c.in[0].draw = c.in[1].draw = l->draw;
			c.in[0].strided = op_pick(&checks, 0, 4) == 0;
			c.in[1].low = l->low;
			c.in[1].high = l->high;
			if (classes)
				c.in[1] = (op_input) {
					.dtype = ML_I32, .ndims = 1, .dims = {dims[0]}, .low = 0, .high = l->floats ? 1 : (double) k - 1,
					.draw = OP_UNIFORM
				};
			c.in[2] = op_floats(1, dims);
			c.in[2].low = 0.1;
			c.in[2].high = 3;
			c.in[3] = op_floats(0, NULL);
			c.in[3].low = 0.2;
			c.in[3].high = 2;
			c.in[1].fixed = c.in[2].fixed = c.in[3].fixed = true;
			/* whole numbers of [0, 0] would be drawn of [-1, 1] */
			if (classes && c.in[1].high == 0)
				c.in[1].high = 0.5;
			pick_attributes(&checks, &c);
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_dropout(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "dropout");
	for (int n = 0; n < CASES; n++)
	{
		int64_t		dims[3] = {op_pick(&checks, 0, 6), op_dim(&checks), op_dim(&checks)};
		op_case		c = {.op = &ml_op_dropout, .nin = 1};

		c.in[0] = op_floats((int) op_pick(&checks, 0, 3), dims);
		c.attributes.ints[0] = op_pick(&checks, 1, 9);
		c.attributes.reals[0] = op_pick(&checks, 0, 4) == 0 ? 0 : 0.95 * ml_rng_double(&checks.rng);
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

#define DRAWN 1000000

/* How many stay; pairs next to each other, and with another seed, as often as if independent. */
static void
test_dropout_draws(void)
{
	float	   *x = malloc(DRAWN * sizeof(float));
	float	   *first = malloc(DRAWN * sizeof(float));
	float	   *second = malloc(DRAWN * sizeof(float));
	const ml_map_kernel *map = ml_map_of(&ml_kernel_ref, ML_F32);
	uint32_t	threshold = (uint32_t) (0.7 * 0x1p32);

	for (int i = 0; i < DRAWN; i++)
		x[i] = 1;
	for (uint64_t key = 1; key < 4; key++)
	{
		int			kept = 0;
		int			neighbours = 0;
		int			both = 0;

		map->drop(first, x, key * UINT64_C(0x9E3779B97F4A7C15), 0, threshold, 1 / 0.7, DRAWN);
		/* seeds that differ in a bit */
		map->drop(second, x, (key * UINT64_C(0x9E3779B97F4A7C15)) ^ (UINT64_C(1) << (20 * key - 10)), 0, threshold,
				  1 / 0.7, DRAWN);
		for (int i = 0; i < DRAWN; i++)
		{
			kept += first[i] != 0;
			neighbours += i > 0 && first[i] != 0 && first[i - 1] != 0;
			both += first[i] != 0 && second[i] != 0;
		}
		/* five deviations of the binomials */
		unit_is_near(kept, 0.7 * DRAWN, 5 * sqrt(0.21 * DRAWN), "seven of ten stay");
		unit_is_near(neighbours, 0.49 * DRAWN, 5 * sqrt(0.35 * DRAWN), "independent of the one before");
		unit_is_near(both, 0.49 * DRAWN, 5 * sqrt(0.25 * DRAWN), "and of what another seed gives");
		unit_is_near(first[0] + first[1] + first[2] + first[3] > 0 ? 1 / 0.7 : 0, 1 / 0.7, 1e-6, "and are scaled");
		map->drop(second, x, key * UINT64_C(0x9E3779B97F4A7C15), 1000, threshold, 1 / 0.7, 1000);
		unit_ok(memcmp(second, first + 1000, 1000 * sizeof(float)) == 0, "a stretch by itself is the same");
	}
	free(x);
	free(first);
	free(second);
}

static void
test_recorded(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "recorded");
	op_check_recorded(&checks, "ops_loss.safetensors");
	op_checks_close(&checks, 0);
}

int
main(void)
{
	unit_open(&host);
	test_losses();
	test_dropout();
	test_dropout_draws();
	test_recorded();
	unit_close(&host, "losses");
	return unit_done();
}
