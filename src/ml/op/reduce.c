/*-------------------------------------------------------------------------
 *
 * reduce.c
 *	  Sums, means and extremes over dimensions.
 *
 * A reduction goes through its input with an output whose strides are 0 along
 * what is reduced: runs lie within one result (its step is 0), or add to
 * results that lie side by side.  The order in which a result is added up depends on
 * the reduced dimensions and on those behind them, so not on the batch.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

#include <math.h>

/* === sum_to(dims): the sum of x over what broadcast from dims to its shape === */

static ml_status
shape_sum_to(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	to = {s->in[0]->dtype, ML_PLAIN, s->attributes->ndims, {0}};
	ml_shape	both;

	memcpy(to.dims, s->attributes->dims, sizeof(to.dims));
	ML_TRY(ml_shape_broadcast(ctx, "sum_to", s->in[0], &to, &both));
	if (!ml_shape_same_dims(&both, s->in[0]))
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "sum_to: %s does not broadcast to %s", ml_shape_print(first, &to),
						  ml_shape_print(second, s->in[0]));
	}
	s->out[0] = to;
	return ML_OK;
}

/* *out += the sum of x, whose dims "out" broadcasts to. */
static ml_status
add_up(const ml_op_run *run, const ml_view *out, const ml_view *x)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, out->dtype);
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {x, out});
	while (ml_walk_next(&walk))
		if (walk.step[1] == 0)
			map->add_sum(walk.at[1], walk.at[0], walk.step[0], walk.n);
		else
			map->binary[ML_MAP_ADD] (walk.at[1], walk.at[1], walk.step[1], walk.at[0],
									 walk.step[0], walk.n);
	return walk.status;
}

static ml_status
run_sum_to(const ml_op_run *run)
{
	const ml_view *out = &run->out[0];

	if (!run->add)
		ML_TRY(ml_zero(run->ctx, out->data, ml_view_elements(out) * ml_dtypes[out->dtype].block_bytes));
	return add_up(run, out, &run->in[0]);
}

/* dx: g repeated */
static void
backward_sum_to(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_broadcast(e, b->dout[0], b->in[0]);
}

const ml_op ml_op_sum_to = {
	.name = "sum_to", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_ADDS,
	.shape = shape_sum_to, .backward = backward_sum_to,
	.kernels = (const ml_op_kernel[]) {{"f>f", 1, run_sum_to}, {"d>d", 1, run_sum_to}, {0}}
};

/* === sum, mean, max, min(axes, keepdims) === */

/* axes: bit i, dimension i is reduced; keepdims: to 1 instead of being dropped */
static const ml_attribute attributes[] = {
	{"axes", false, 0, (1 << ML_MAX_DIMS) - 1, 0},
	{"keepdims", false, 0, 1, 0},
	{NULL}
};

static ml_status
shape_reduce(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *x = s->in[0];
	int64_t		axes = s->attributes->ints[0];
	ml_shape   *out = &s->out[0];

	if (axes >> x->ndims != 0)
	{
		char		text[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "reduction: %s lacks a dimension to reduce", ml_shape_print(text, x));
	}
	*out = (ml_shape) {.dtype = x->dtype, .layout = ML_PLAIN};
	for (int i = 0; i < x->ndims; i++)
		if ((axes >> i & 1) == 0)
			out->dims[out->ndims++] = x->dims[i];
		else if (s->attributes->ints[1] != 0)
			out->dims[out->ndims++] = 1;
	return ML_OK;
}

/* The result as it is with keepdims, so that it broadcasts to x. */
static ml_view
kept(const ml_attributes *a, int ndims, const int64_t *dims, const ml_view *result)
{
	ml_view		view = *result;

	view.ndims = ndims;
	for (int i = 0; i < ndims; i++)
		view.dims[i] = (a->ints[0] >> i & 1) != 0 ? 1 : dims[i];
	ml_view_strides(&view);
	return view;
}

/* How many elements go into one result. */
static double
reduced(const ml_attributes *a, int ndims, const int64_t *dims)
{
	double		n = 1;

	for (int i = 0; i < ndims; i++)
		if ((a->ints[0] >> i & 1) != 0)
			n *= (double) dims[i];
	return n;
}

static void
fill(const ml_view *view, double value)
{
	size_t		n = ml_view_elements(view);

	for (size_t i = 0; i < n; i++)
		if (view->dtype == ML_F64)
			((double *) view->data)[i] = value;
		else
			((float *) view->data)[i] = (float) value;
}

/* y = sum of x; of nothing 0 */
static ml_status
run_sum(const ml_op_run *run)
{
	ml_view		out = kept(run->attributes, run->in[0].ndims, run->in[0].dims, &run->out[0]);

	if (!run->add)
		fill(&out, 0);
	return add_up(run, &out, &run->in[0]);
}

/* y = sum of x / n; of nothing NaN */
static ml_status
run_mean(const ml_op_run *run)
{
	ml_view		out = kept(run->attributes, run->in[0].ndims, run->in[0].dims, &run->out[0]);
	double		n = reduced(run->attributes, run->in[0].ndims, run->in[0].dims);
	size_t		results = ml_view_elements(&out);

	fill(&out, 0);
	ML_TRY(add_up(run, &out, &run->in[0]));
	for (size_t i = 0; i < results; i++)
		if (out.dtype == ML_F64)
			((double *) out.data)[i] /= n;
		else
			((float *) out.data)[i] /= (float) n;
	return ML_OK;
}

/* y = the largest or least of x, NaN if one is; of nothing -infinity or infinity */
static ml_status
run_extreme(const ml_op_run *run, bool largest)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_view		out = kept(run->attributes, run->in[0].ndims, run->in[0].dims, &run->out[0]);
	ml_walk		walk;

	fill(&out, largest ? -INFINITY : INFINITY);
	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->in[0], &out});
	while (ml_walk_next(&walk))
		if (walk.step[1] == 0)
			(largest ? map->raise : map->lower) (walk.at[1], walk.at[0], walk.step[0], walk.n);
		else
			map->binary[largest ? ML_MAP_MAXIMUM : ML_MAP_MINIMUM] (walk.at[1], walk.at[1], walk.step[1],
																	 walk.at[0], walk.step[0], walk.n);
	return walk.status;
}

static ml_status
run_max(const ml_op_run *run)
{
	return run_extreme(run, true);
}

static ml_status
run_min(const ml_op_run *run)
{
	return run_extreme(run, false);
}

/* spread(axes, keepdims) of a result to the dims of x, divided by n or not. */
static int32_t
emit_spread(ml_emitter *e, const ml_op_backward *b, int32_t result, bool mean)
{
	ml_attributes given = {.ints = {b->attributes->ints[0], b->attributes->ints[1], mean}};
	const ml_shape *x;

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	x = e->shape(e, b->in[0]);
	given.ndims = x->ndims;
	memcpy(given.dims, x->dims, sizeof(given.dims));
	return ml_emit1(e, &ml_op_spread, &given, result);
}

/* sum: dx = g */
static void
backward_sum(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = emit_spread(e, b, b->dout[0], false);
}

/* mean: dx = g / n */
static void
backward_mean(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = emit_spread(e, b, b->dout[0], true);
}

/* max, min: g in equal shares to the elements that are the result (as PyTorch's amax) */
static void
backward_extreme(ml_emitter *e, const ml_op_backward *b)
{
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, b->dout[0])->dtype : ML_F32;
	ml_attributes as = {.ints = {dtype}};
	int32_t		is = ml_emit2(e, &ml_op_equal, NULL, b->in[0], emit_spread(e, b, b->out[0], false));
	int32_t		count = ml_emit1(e, &ml_op_sum, b->attributes, ml_emit1(e, &ml_op_cast, &as, is));
	int32_t		share = ml_emit2(e, &ml_op_div, NULL, b->dout[0], count);

	b->din[0] = ml_emit3(e, &ml_op_where, NULL, is, emit_spread(e, b, share, false),
						 e->constant(e, dtype, 0));
}

#define REDUCTION(name_, flags_, backward_) \
const ml_op ml_op_##name_ = { \
	.name = #name_, .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = flags_, \
	.attributes = attributes, .shape = shape_reduce, .backward = backward_, \
	.kernels = (const ml_op_kernel[]) {{"f>f", 1, run_##name_}, {"d>d", 1, run_##name_}, {0}} \
}

REDUCTION(sum, ML_OP_ADDS, backward_sum);
REDUCTION(mean, 0, backward_mean);
REDUCTION(max, 0, backward_extreme);
REDUCTION(min, 0, backward_extreme);

/*
 * === spread(axes, keepdims, mean; dims): a result of a reduction repeated over what it came from ===
 * For gradients: none flows through it.
 */

static const ml_attribute spread_attributes[] = {
	{"axes", false, 0, (1 << ML_MAX_DIMS) - 1, 0},
	{"keepdims", false, 0, 1, 0},
	{"mean", false, 0, 1, 0},	/* divide by the number of repetitions */
	{NULL}
};

static ml_status
shape_spread(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	to = {s->in[0]->dtype, ML_PLAIN, s->attributes->ndims, {0}};
	ml_shape	result;

	memcpy(to.dims, s->attributes->dims, sizeof(to.dims));
	ML_TRY(shape_reduce(ctx, &(ml_op_shapes) {s->symbols, s->attributes, 1, (const ml_shape *const[]) {&to}, 1, &result}));
	if (!ml_shape_same_dims(&result, s->in[0]))
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "spread: %s is no reduction of %s", ml_shape_print(first, s->in[0]),
						  ml_shape_print(second, &to));
	}
	s->out[0] = to;
	return ML_OK;
}

/* y = x, or x / n; n is exact in both types, but its reciprocal is not */
static ml_status
run_spread(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	const ml_view *out = &run->out[0];
	ml_view		in = kept(run->attributes, out->ndims, out->dims, &run->in[0]);
	double		n = run->attributes->ints[2] != 0 ? reduced(run->attributes, out->ndims, out->dims) : 1;
	double		wide = n;
	float		narrow = (float) n;
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {out, &in});
	while (ml_walk_next(&walk))
		map->binary[ML_MAP_DIVIDE] (walk.at[0], walk.at[1], walk.step[1],
									out->dtype == ML_F64 ? (const void *) &wide : &narrow, 0, walk.n);
	return walk.status;
}

const ml_op ml_op_spread = {
	.name = "spread", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1,
	.attributes = spread_attributes, .shape = shape_spread,
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_spread}, {"d>d", 0, run_spread}, {0}}
};
