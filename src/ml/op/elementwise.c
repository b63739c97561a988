/*-------------------------------------------------------------------------
 *
 * elementwise.c
 *	  Arithmetic of two operands that broadcast: add, sub, mul, div, minimum,
 *	  maximum, pow.
 *
 * Operands are aligned at their last dimensions; a dimension of 1 is repeated
 * (as NumPy does).  Gradients are summed over what was repeated.  One function
 * runs each op for F32 and F64, since loops of both types have one signature
 * (kernel/map.h); the formula itself stands in kernel/map_loops.h.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* out = a op b, over runs in which both operands have one stride. */
static ml_status
run_binary(const ml_op_run *run, ml_map_binary op)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_walk		walk;

	ml_walk_start(&walk, run, 3, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->in[1]});
	while (ml_walk_next(&walk))
		map->binary[op] (walk.at[0], walk.at[1], walk.step[1], walk.at[2], walk.step[2], walk.n);
	return walk.status;
}

/* Operands of any strides; the result may lie on either. */
#define BINARY_KERNELS(name, map_op) \
static ml_status \
run_##name(const ml_op_run *run) \
{ \
	return run_binary(run, map_op); \
} \
static const ml_op_kernel name##_kernels[] = { \
	{"ff>f", 3, run_##name}, \
	{"dd>d", 3, run_##name}, \
	{0} \
}

#define BINARY_OP(name_, backward_) \
const ml_op ml_op_##name_ = { \
	.name = #name_, \
	.version = 1, \
	.nin_least = 2, \
	.nin_most = 2, \
	.nout = 1, \
	.overwrites = {3}, \
	.shape = shape_##name_, \
	.backward = backward_, \
	.kernels = name_##_kernels \
}

#define BINARY_SHAPE(name) \
static ml_status \
shape_##name(ml_context *ctx, const ml_op_shapes *s) \
{ \
	return ml_shape_broadcast(ctx, #name, s->in[0], s->in[1], &s->out[0]); \
}

/* === add: c = a + b === */

BINARY_SHAPE(add)
BINARY_KERNELS(add, ML_MAP_ADD);

/* da = g, db = g */
static void
backward_add(ml_emitter *e, const ml_op_backward *b)
{
	for (int i = 0; i < 2; i++)
		if (b->wanted[i])
			b->din[i] = ml_emit_sum_to(e, b->dout[0], b->in[i]);
}

BINARY_OP(add, backward_add);

/* === mul: c = a b === */

BINARY_SHAPE(mul)
BINARY_KERNELS(mul, ML_MAP_MULTIPLY);

/* da = g b, db = g a */
static void
backward_mul(ml_emitter *e, const ml_op_backward *b)
{
	for (int i = 0; i < 2; i++)
		if (b->wanted[i])
			b->din[i] = ml_emit_sum_to(e, ml_emit2(e, &ml_op_mul, NULL, b->dout[0], b->in[1 - i]),
									   b->in[i]);
}

BINARY_OP(mul, backward_mul);
