/*-------------------------------------------------------------------------
 *
 * dropout.c
 *	  Dropout (Srivastava et al. 2014), scaled in training, so that inference
 *	  leaves it out.
 *
 * Whether an element is dropped is a function of the seed of node and step and of the
 * element's number, so the gradient draws again what was drawn before, and no
 * mask is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* === dropout(draw, rate): y = 0 with that probability, else x / (1 - rate); dx = g where it stayed, likewise === */

static const ml_attribute attributes[] = {
	{"draw", false, 0, INT32_MAX, 0},
	{"rate", true, 0, 0.999999, 0.5},
	{NULL}
};

static ml_status
run_dropout(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	double		kept = 1 - run->attributes->reals[0];
	uint32_t	threshold = (uint32_t) ML_MIN(kept * 0x1p32, (double) UINT32_MAX);
	uint64_t	at = 0;
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->out[0], &run->in[0]});
	while (ml_walk_next(&walk))
	{
		if (kept < 1)
			map->drop(walk.at[0], walk.at[1], run->seed, at, threshold, 1 / kept, walk.n);
		else if (walk.at[0] != walk.at[1])
			memcpy(walk.at[0], walk.at[1], walk.n * map->width);
		at += walk.n;
	}
	return walk.status;
}

static void
backward_dropout(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit1(e, &ml_op_dropout, b->attributes, b->dout[0]);
}

const ml_op ml_op_dropout = {
	.name = "dropout", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_DRAWS,
	.overwrites = {1}, .attributes = attributes, .shape = ml_shape_same, .backward = backward_dropout,
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_dropout}, {"d>d", 0, run_dropout}, {0}}
};
