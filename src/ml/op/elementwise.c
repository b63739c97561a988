/*-------------------------------------------------------------------------
 *
 * elementwise.c
 *	  Operands that broadcast, element by element: arithmetic, comparisons, where.
 *
 * Operands are aligned at their last dimensions; a dimension of 1 is repeated
 * (as NumPy does).  Gradients are summed over what was repeated.  One function
 * runs each op for F32 and F64, since the loops of both types have one signature
 * (kernel/map.h); they take operands of any strides, and the result may lie on
 * an operand.
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
	{
		map->binary[op] (walk.at[0], walk.at[1], walk.step[1], walk.at[2], walk.step[2], walk.n);
		if (op == ML_MAP_POWER)
			walk.unpolled += 15 * walk.n;	/* one by one in double: 16 times the work */
	}
	return walk.status;
}

/* Shape rule, kernels and row of one op. */
#define BINARY(name_, map_op) \
static ml_status \
shape_##name_(ml_context *ctx, const ml_op_shapes *s) \
{ \
	return ml_shape_broadcast(ctx, #name_, s->in[0], s->in[1], &s->out[0]); \
} \
\
static ml_status \
run_##name_(const ml_op_run *run) \
{ \
	return run_binary(run, map_op); \
} \
\
const ml_op ml_op_##name_ = { \
	.name = #name_, .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .overwrites = {3}, \
	.shape = shape_##name_, .backward = backward_##name_, \
	.kernels = (const ml_op_kernel[]) {{"ff>f", 3, run_##name_}, {"dd>d", 3, run_##name_}, {0}} \
}

/* din[i] = g, as input i was before it was broadcast. */
static void
give(ml_emitter *e, const ml_op_backward *b, int i, int32_t g)
{
	b->din[i] = ml_emit_sum_to(e, g, b->in[i]);
}

/* === add: c = a + b; da = g, db = g === */

static void
backward_add(ml_emitter *e, const ml_op_backward *b)
{
	for (int i = 0; i < 2; i++)
		if (b->wanted[i])
			give(e, b, i, b->dout[0]);
}

BINARY(add, ML_MAP_ADD);

/* === sub: c = a - b; da = g, db = -g === */

static void
backward_sub(ml_emitter *e, const ml_op_backward *b)
{
	if (b->wanted[0])
		give(e, b, 0, b->dout[0]);
	if (b->wanted[1])
		b->din[1] = ml_emit1(e, &ml_op_neg, NULL, ml_emit_sum_to(e, b->dout[0], b->in[1]));
}

BINARY(sub, ML_MAP_SUBTRACT);

/* === mul: c = a b; da = g b, db = g a === */

static void
backward_mul(ml_emitter *e, const ml_op_backward *b)
{
	for (int i = 0; i < 2; i++)
		if (b->wanted[i])
			give(e, b, i, ml_emit2(e, &ml_op_mul, NULL, b->dout[0], b->in[1 - i]));
}

BINARY(mul, ML_MAP_MULTIPLY);

/* === div: c = a / b; da = g / b, db = -(g / b) c === */

static void
backward_div(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		da = ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->in[1]);

	if (b->wanted[0])
		give(e, b, 0, da);
	if (b->wanted[1])
		b->din[1] = ml_emit1(e, &ml_op_neg, NULL,
							 ml_emit_sum_to(e, ml_emit2(e, &ml_op_mul, NULL, da, b->out[0]), b->in[1]));
}

BINARY(div, ML_MAP_DIVIDE);

/* === minimum, maximum: c = the one that is smaller, larger; NaN if one is === */

/* g to the operand that was taken, half of it to each of equal ones (as PyTorch has it). */
static void
backward_extreme(ml_emitter *e, const ml_op_backward *b, const ml_op *taken)
{
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, b->dout[0])->dtype : ML_F32;
	int32_t		zero = e->constant(e, dtype, 0);
	int32_t		half = ml_emit2(e, &ml_op_mul, NULL, b->dout[0], e->constant(e, dtype, 0.5));
	int32_t		equal = ml_emit2(e, &ml_op_equal, NULL, b->in[0], b->in[1]);
	int32_t		tied = ml_emit3(e, &ml_op_where, NULL, equal, half, zero);

	for (int i = 0; i < 2; i++)
		if (b->wanted[i])
			give(e, b, i, ml_emit3(e, &ml_op_where, NULL,
								   ml_emit2(e, taken, NULL, b->in[i], b->in[1 - i]), b->dout[0], tied));
}

static void
backward_minimum(ml_emitter *e, const ml_op_backward *b)
{
	backward_extreme(e, b, &ml_op_less);
}

static void
backward_maximum(ml_emitter *e, const ml_op_backward *b)
{
	backward_extreme(e, b, &ml_op_greater);
}

BINARY(minimum, ML_MAP_MINIMUM);
BINARY(maximum, ML_MAP_MAXIMUM);

/*
 * === pow: c = a^b; of a < 0 only for whole b, else NaN ===
 * da = g b a^(b - 1), 0 where b is 0; db = g c ln a, 0 where c is 0
 */

static void
backward_pow(ml_emitter *e, const ml_op_backward *b)
{
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, b->dout[0])->dtype : ML_F32;
	int32_t		zero = e->constant(e, dtype, 0);
	int32_t		power;

	if (b->wanted[0])
	{
		power = ml_emit2(e, &ml_op_sub, NULL, b->in[1], e->constant(e, dtype, 1));
		power = ml_emit2(e, &ml_op_pow, NULL, b->in[0], power);
		power = ml_emit2(e, &ml_op_mul, NULL, power, b->in[1]);
		power = ml_emit2(e, &ml_op_mul, NULL, power, b->dout[0]);
		give(e, b, 0, ml_emit3(e, &ml_op_where, NULL,
							   ml_emit2(e, &ml_op_equal, NULL, b->in[1], zero), zero, power));
	}
	if (b->wanted[1])
	{
		power = ml_emit2(e, &ml_op_mul, NULL, b->out[0], ml_emit1(e, &ml_op_log, NULL, b->in[0]));
		power = ml_emit2(e, &ml_op_mul, NULL, power, b->dout[0]);
		give(e, b, 1, ml_emit3(e, &ml_op_where, NULL,
							   ml_emit2(e, &ml_op_equal, NULL, b->out[0], zero), zero, power));
	}
}

BINARY(pow, ML_MAP_POWER);

/* === equal, not_equal, less, less_equal, greater, greater_equal: BOOL; no gradient === */

static ml_status
shape_compare(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(ml_shape_broadcast(ctx, "comparison", s->in[0], s->in[1], &s->out[0]));
	s->out[0].dtype = ML_BOOL;
	return ML_OK;
}

static ml_status
run_compare(const ml_op_run *run, ml_map_compare op)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->in[0].dtype);
	ml_walk		walk;

	ml_walk_start(&walk, run, 3, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->in[1]});
	while (ml_walk_next(&walk))
		map->compare[op] ((uint8_t *) walk.at[0], walk.at[1], walk.step[1], walk.at[2], walk.step[2],
						  walk.n);
	return walk.status;
}

/* Whole numbers: less and greater as bits that the op accepts. */
#define ACCEPTS_LESS	1
#define ACCEPTS_EQUAL	2
#define ACCEPTS_GREATER	4

static ml_status
run_compare_whole(const ml_op_run *run, int accepts)
{
	ml_walk		walk;

	ml_walk_start(&walk, run, 3, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->in[1]});
	while (ml_walk_next(&walk))
	{
		const int32_t *a = (const int32_t *) walk.at[1];
		const int32_t *b = (const int32_t *) walk.at[2];

		for (size_t i = 0; i < walk.n; i++, a += walk.step[1], b += walk.step[2])
		{
			int			is = *a < *b ? ACCEPTS_LESS : *a > *b ? ACCEPTS_GREATER : ACCEPTS_EQUAL;

			walk.at[0][i] = (is & accepts) != 0;
		}
	}
	return walk.status;
}

#define COMPARE(name_, map_op, accepts) \
static ml_status \
run_##name_(const ml_op_run *run) \
{ \
	return run_compare(run, map_op); \
} \
\
static ml_status \
run_whole_##name_(const ml_op_run *run) \
{ \
	return run_compare_whole(run, accepts); \
} \
\
const ml_op ml_op_##name_ = { \
	.name = #name_, .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .shape = shape_compare, \
	.kernels = (const ml_op_kernel[]) { \
		{"ff>?", 3, run_##name_}, {"dd>?", 3, run_##name_}, {"ii>?", 3, run_whole_##name_}, {0} \
	} \
}

COMPARE(equal, ML_MAP_EQUAL, ACCEPTS_EQUAL);
COMPARE(not_equal, ML_MAP_NOT_EQUAL, ACCEPTS_LESS | ACCEPTS_GREATER);
COMPARE(less, ML_MAP_LESS, ACCEPTS_LESS);
COMPARE(less_equal, ML_MAP_LESS_EQUAL, ACCEPTS_LESS | ACCEPTS_EQUAL);
COMPARE(greater, ML_MAP_GREATER, ACCEPTS_GREATER);
COMPARE(greater_equal, ML_MAP_GREATER_EQUAL, ACCEPTS_GREATER | ACCEPTS_EQUAL);

/* === where(c, a, b): a where c, else b; da = g where c, db = g where not c === */

static ml_status
shape_where(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	both;

	if (s->in[0]->dtype != ML_BOOL)
		return ML_OP_FAIL(ctx, "where: the condition is %s, not BOOL", ml_dtypes[s->in[0]->dtype].name);
	ML_TRY(ml_shape_broadcast(ctx, "where", s->in[1], s->in[2], &both));
	return ml_shape_broadcast(ctx, "where", &both, s->in[0], &s->out[0]);
}

static ml_status
run_where(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_walk		walk;

	ml_walk_start(&walk, run, 4, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->in[1], &run->in[2]});
	while (ml_walk_next(&walk))
		map->choose(walk.at[0], (const uint8_t *) walk.at[1], walk.step[1], walk.at[2], walk.step[2],
					walk.at[3], walk.step[3], walk.n);
	return walk.status;
}

static void
backward_where(ml_emitter *e, const ml_op_backward *b)
{
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, b->dout[0])->dtype : ML_F32;
	int32_t		zero = e->constant(e, dtype, 0);

	if (b->wanted[1])
		give(e, b, 1, ml_emit3(e, &ml_op_where, NULL, b->in[0], b->dout[0], zero));
	if (b->wanted[2])
		give(e, b, 2, ml_emit3(e, &ml_op_where, NULL, b->in[0], zero, b->dout[0]));
}

const ml_op ml_op_where = {
	.name = "where", .version = 1, .nin_least = 3, .nin_most = 3, .nout = 1, .overwrites = {6},
	.shape = shape_where, .backward = backward_where,
	.kernels = (const ml_op_kernel[]) {{"?ff>f", 7, run_where}, {"?dd>d", 7, run_where}, {0}}
};
