/*-------------------------------------------------------------------------
 *
 * reduce.c
 *	  Sums over dimensions: sum_to.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* === sum_to(dims): the sum of x over what broadcast from dims to its shape === */

static ml_status
shape_sum_to(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	to = {s->in[0]->dtype, ML_PLAIN, s->attributes->ndims, {0}};
	ml_shape	both;

	memcpy(to.dims, s->attributes->dims, sizeof(to.dims));
	ML_TRY(ml_shape_broadcast(ctx, "sum_to", s->in[0], &to, &both));
	if (both.ndims != s->in[0]->ndims ||
		memcmp(both.dims, s->in[0]->dims, both.ndims * sizeof(ml_dim)) != 0)
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "sum_to: %s does not broadcast to %s", ml_shape_print(first, &to),
						  ml_shape_print(second, s->in[0]));
	}
	s->out[0] = to;
	return ML_OK;
}

/* Runs lie within a sum (its stride is 0) or beside each other. */
static ml_status
run_sum_to(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_walk		walk;

	if (!run->add)
		memset(run->out[0].data, 0, ml_view_elements(&run->out[0]) * map->width);
	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->in[0], &run->out[0]});
	while (ml_walk_next(&walk))
		if (walk.step[1] == 0)
			map->add_sum(walk.at[1], walk.at[0], walk.step[0], walk.n);
		else
			map->binary[ML_MAP_ADD] (walk.at[1], walk.at[1], walk.step[1], walk.at[0],
									 walk.step[0], walk.n);
	return walk.status;
}

/* dx: g repeated */
static void
backward_sum_to(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_broadcast(e, b->dout[0], b->in[0]);
}

const ml_op ml_op_sum_to = {
	.name = "sum_to",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 1,
	.flags = ML_OP_ADDS,
	.shape = shape_sum_to,
	.backward = backward_sum_to,
	.kernels = (const ml_op_kernel[]) {{"f>f", 1, run_sum_to}, {"d>d", 1, run_sum_to}, {0}}
};
