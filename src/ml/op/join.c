/*-------------------------------------------------------------------------
 *
 * join.c
 *	  Ops that put values beside each other, or take them apart: pad, unpad,
 *	  concat.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* Copy between views of the same dims and element size, of any strides. */
static ml_status
copy_between(const ml_op_run *run, const ml_view *to, const ml_view *from)
{
	size_t		width = ml_dtypes[to->dtype].block_bytes;
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {to, from});
	while (ml_walk_next(&walk))
	{
		int64_t		skip = walk.step[0] * (int64_t) width;
		int64_t		from_skip = walk.step[1] * (int64_t) width;

		if (skip == (int64_t) width && from_skip == skip)
			memcpy(walk.at[0], walk.at[1], walk.n * width);
		else if (width == sizeof(float))
			for (size_t i = 0; i < walk.n; i++)
				memcpy(walk.at[0] + (int64_t) i * skip, walk.at[1] + (int64_t) i * from_skip, sizeof(float));
		else
			for (size_t i = 0; i < walk.n; i++)
				memcpy(walk.at[0] + (int64_t) i * skip, walk.at[1] + (int64_t) i * from_skip, width);
	}
	return walk.status;
}

/* The part of a view that begins at an element of an axis, every "step"th, n of them. */
static ml_view
part_of(const ml_view *view, int64_t axis, int64_t begin, int64_t step, int64_t n)
{
	ml_view		part = *view;

	part.data = (char *) view->data + begin * view->strides[axis] * (int64_t) ml_dtypes[view->dtype].block_bytes;
	part.dims[axis] = n;
	part.strides[axis] = view->strides[axis] * step;
	part.contiguous = false;
	return part;
}

static ml_status
check_axis(ml_context *ctx, const char *op, const ml_shape *x, int64_t axis)
{
	char		text[ML_SHAPE_TEXT];

	if (axis < x->ndims)
		return ML_OK;
	return ML_OP_FAIL(ctx, "%s: %s has no dimension %lld", op, ml_shape_print(text, x), (long long) axis);
}

/*
 * === pad(axis, before, after, step; value): x along an axis between others of that value ===
 * "before" of them before it, "after" behind it, step - 1 between its elements.
 */

#define FAR		2147483647

static const ml_attribute pad_attributes[] = {
	{"axis", false, 0, ML_MAX_DIMS - 1, 0},
	{"before", false, 0, FAR, 0},
	{"after", false, 0, FAR, 0},
	{"step", false, 1, FAR, 1},
	{"value", true, -1e300, 1e300, 0},
	{NULL}
};

static ml_status
shape_pad(ml_context *ctx, const ml_op_shapes *s)
{
	const int64_t *a = s->attributes->ints;
	ml_dim		dim;

	ML_TRY(check_axis(ctx, "pad", s->in[0], a[0]));
	s->out[0] = *s->in[0];
	dim = s->in[0]->dims[a[0]];
	if (dim >= 0)
	{
		s->out[0].dims[a[0]] = a[1] + a[2] + (dim == 0 ? 0 : (dim - 1) * a[3] + 1);
		return ML_OK;
	}
	if (a[3] != 1)
		return ML_OP_FAIL(ctx, "pad: gaps in a dimension of no fixed size");
	return ml_symbols_derive(ctx, s->symbols, ML_SYMBOL_PLUS, dim, a[1] + a[2], 0, 0, 0, &s->out[0].dims[a[0]]);
}

static ml_status
run_pad(const ml_op_run *run)
{
	const int64_t *a = run->attributes->ints;
	const ml_view *x = &run->in[0];
	const ml_view *out = &run->out[0];
	float		narrow = (float) run->attributes->reals[0];
	double		wide = run->attributes->reals[0];
	ml_view		value = {.data = out->dtype == ML_F64 ? (void *) &wide : &narrow, .dtype = out->dtype};
	ml_view		part = part_of(out, a[0], a[1], a[3], x->dims[a[0]]);

	ML_TRY(copy_between(run, out, &value));
	return copy_between(run, &part, x);
}

/* dx: g where x was */
static void
backward_pad(ml_emitter *e, const ml_op_backward *b)
{
	const int64_t *a = b->attributes->ints;
	ml_dim		dim;

	if (e->status != ML_OK)
		return;
	dim = e->shape(e, b->in[0])->dims[a[0]];
	if (dim < 0)
	{
		int32_t		unpadded = b->dout[0];

		e->node(e, &ml_op_unpad, &(ml_attributes) {.ints = {a[0], a[1], a[2]}}, 1, &unpadded, 1, &b->din[0]);
		return;
	}
	b->din[0] = ml_emit1(e, &ml_op_slice, &(ml_attributes) {
		.ints = {a[0], a[1], dim == 0 ? a[1] : a[1] + (dim - 1) * a[3] + 1, a[3]}
	}, b->dout[0]);
}

const ml_op ml_op_pad = {
	.name = "pad", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .attributes = pad_attributes,
	.shape = shape_pad, .backward = backward_pad,
	.kernels = (const ml_op_kernel[]) {{"f>f", 1, run_pad}, {"d>d", 1, run_pad}, {0}}
};

/* === unpad(axis, before, after): x without its first and last elements along an axis; what pad added === */

static const ml_attribute unpad_attributes[] = {
	{"axis", false, 0, ML_MAX_DIMS - 1, 0},
	{"before", false, 0, FAR, 0},
	{"after", false, 0, FAR, 0},
	{NULL}
};

static ml_status
shape_unpad(ml_context *ctx, const ml_op_shapes *s)
{
	const int64_t *a = s->attributes->ints;
	ml_dim		dim;

	ML_TRY(check_axis(ctx, "unpad", s->in[0], a[0]));
	s->out[0] = *s->in[0];
	dim = s->in[0]->dims[a[0]];
	if (dim >= 0 && dim < a[1] + a[2])
		return ML_OP_FAIL(ctx, "unpad: a dimension of %lld has no %lld elements to leave out", (long long) dim,
						  (long long) (a[1] + a[2]));
	if (dim >= 0)
	{
		s->out[0].dims[a[0]] = dim - a[1] - a[2];
		return ML_OK;
	}
	return ml_symbols_derive(ctx, s->symbols, ML_SYMBOL_PLUS, dim, -a[1] - a[2], 0, 0, 0, &s->out[0].dims[a[0]]);
}

static bool
view_unpad(const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset)
{
	memcpy(out->strides, in->strides, sizeof(out->strides));
	*offset = attributes->ints[1] * in->strides[attributes->ints[0]];
	return true;
}

/* dx: g between zeros */
static void
backward_unpad(ml_emitter *e, const ml_op_backward *b)
{
	const int64_t *a = b->attributes->ints;

	b->din[0] = ml_emit1(e, &ml_op_pad, &(ml_attributes) {.ints = {a[0], a[1], a[2], 1}}, b->dout[0]);
}

const ml_op ml_op_unpad = {
	.name = "unpad", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_VIEW,
	.attributes = unpad_attributes, .shape = shape_unpad, .view = view_unpad, .backward = backward_unpad
};

/* === concat(a, b, ...; axis): values one behind the other along an axis of fixed sizes === */

static const ml_attribute axis_attributes[] = {
	{"axis", false, 0, ML_MAX_DIMS - 1, 0},
	{NULL}
};

static ml_status
shape_concat(ml_context *ctx, const ml_op_shapes *s)
{
	int64_t		axis = s->attributes->ints[0];
	int64_t		total = 0;
	char		first[ML_SHAPE_TEXT];
	char		second[ML_SHAPE_TEXT];

	ML_TRY(check_axis(ctx, "concat", s->in[0], axis));
	s->out[0] = *s->in[0];
	for (int i = 0; i < s->nin; i++)
	{
		ml_shape	like;

		if (s->in[i] == NULL)
			return ML_OP_FAIL(ctx, "concat: an input is absent");
		like = *s->in[i];
		if (like.ndims <= axis || like.dims[axis] < 0)
			return ML_OP_FAIL(ctx, "concat: %s has no dimension %lld of a fixed size",
							  ml_shape_print(first, s->in[i]), (long long) axis);
		total += like.dims[axis];
		if (total > FAR)
			return ML_OP_FAIL(ctx, "concat: the result is too large");
		like.dims[axis] = s->in[0]->dims[axis];
		if (!ml_shape_equal(&like, s->in[0]))
			return ML_OP_FAIL(ctx, "concat: %s and %s do not fit", ml_shape_print(first, s->in[0]),
							  ml_shape_print(second, s->in[i]));
	}
	s->out[0].dims[axis] = total;
	return ML_OK;
}

static ml_status
run_concat(const ml_op_run *run)
{
	int64_t		axis = run->attributes->ints[0];
	int64_t		at = 0;

	for (int i = 0; i < run->nin; i++)
	{
		int64_t		n = run->in[i].dims[axis];
		ml_view		part = part_of(&run->out[0], axis, at, 1, n);

		ML_TRY(copy_between(run, &part, &run->in[i]));
		at += n;
	}
	return ML_OK;
}

/* Each input's gradient is the part of g at its place. */
static void
backward_concat(ml_emitter *e, const ml_op_backward *b)
{
	int64_t		axis = b->attributes->ints[0];
	int64_t		at = 0;

	for (int i = 0; i < b->nin && e->status == ML_OK; i++)
	{
		int64_t		n = e->shape(e, b->in[i])->dims[axis];

		if (b->wanted[i])
			b->din[i] = ml_emit1(e, &ml_op_slice, &(ml_attributes) {.ints = {axis, at, at + n, 1}}, b->dout[0]);
		at += n;
	}
}

const ml_op ml_op_concat = {
	.name = "concat", .version = 1, .nin_least = 1, .nin_most = ML_NODE_INPUTS_MAX, .nout = 1,
	.attributes = axis_attributes, .shape = shape_concat, .backward = backward_concat,
	.kernels = (const ml_op_kernel[]) {
		{"f*>f", ~0u, run_concat}, {"d*>d", ~0u, run_concat}, {"i*>i", ~0u, run_concat},
		{"?*>?", ~0u, run_concat}, {0}
	}
};
