/*-------------------------------------------------------------------------
 *
 * reshape.c
 *	  Ops that say the same elements otherwise: broadcast_to, reshape, transpose,
 *	  slice.
 *
 * All are views: a reshape of what has gaps is copied first.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* === broadcast_to(dims): x repeated along missing dimensions and those of 1 === */

static ml_status
shape_broadcast_to(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	to = {s->in[0]->dtype, ML_PLAIN, s->attributes->ndims, {0}};
	ml_shape	both;

	memcpy(to.dims, s->attributes->dims, sizeof(to.dims));
	ML_TRY(ml_shape_broadcast(ctx, "broadcast_to", &to, s->in[0], &both));
	if (both.ndims != to.ndims || memcmp(both.dims, to.dims, to.ndims * sizeof(ml_dim)) != 0)
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "broadcast_to: %s does not broadcast to %s",
						  ml_shape_print(first, s->in[0]), ml_shape_print(second, &to));
	}
	s->out[0] = to;
	return ML_OK;
}

static bool
view_broadcast_to(const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset)
{
	(void) attributes;
	*offset = 0;
	for (int i = 0; i < out->ndims; i++)
	{
		int			own = i - (out->ndims - in->ndims);

		out->strides[i] = own < 0 || (in->dims[own] == 1 && out->dims[i] != 1) ? 0 :
			in->strides[own];
	}
	return true;
}

/* dx: g summed over the repetitions */
static void
backward_broadcast_to(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_sum_to(e, b->dout[0], b->in[0]);
}

const ml_op ml_op_broadcast_to = {
	.name = "broadcast_to",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 1,
	.flags = ML_OP_VIEW,
	.shape = shape_broadcast_to,
	.view = view_broadcast_to,
	.backward = backward_broadcast_to
};

int32_t
ml_emit_broadcast(ml_emitter *e, int32_t x, int32_t like)
{
	ml_attributes attributes = {0};
	const ml_shape *from;
	const ml_shape *to;

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	from = e->shape(e, x);
	to = e->shape(e, like);
	if (from->ndims == to->ndims &&
		(to->ndims == 0 || memcmp(from->dims, to->dims, to->ndims * sizeof(ml_dim)) == 0))
		return x;
	attributes.ndims = to->ndims;
	memcpy(attributes.dims, to->dims, sizeof(attributes.dims));
	return ml_emit1(e, &ml_op_broadcast_to, &attributes, x);
}

/*
 * === reshape(dims): the same elements in row-major order ===
 * dims have as many elements: numbers multiplied, and the same symbols.
 */

/* Numbers and symbols of a shape: the product of numbers, and how often each free symbol is there. */
typedef struct factors
{
	size_t		number;
	uint8_t		count[ML_SYMBOLS_MAX];
} factors;

static factors
factors_of(const ml_symbols *symbols, int ndims, const ml_dim *dims)
{
	factors		f = {.number = 1};

	for (int i = 0; i < ndims; i++)
	{
		ml_dim		dim = dims[i];

		while (dim < 0 && symbols->symbols[ML_SYMBOL_OF(dim)].rule == ML_SYMBOL_TIMES)
		{
			const ml_symbol *s = &symbols->symbols[ML_SYMBOL_OF(dim)];

			f.number = ml_size_mul(f.number, (size_t) s->a);
			dim = ML_SYMBOL(s->of);
		}
		if (dim < 0)
			f.count[ML_SYMBOL_OF(dim)]++;
		else
			f.number = ml_size_mul(f.number, (size_t) dim);
	}
	return f;
}

static ml_status
shape_reshape(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_attributes *a = s->attributes;
	factors		from = factors_of(s->symbols, s->in[0]->ndims, s->in[0]->dims);
	factors		to = factors_of(s->symbols, a->ndims, a->dims);

	s->out[0] = (ml_shape) {.dtype = s->in[0]->dtype, .layout = ML_PLAIN, .ndims = a->ndims};
	memcpy(s->out[0].dims, a->dims, sizeof(a->dims));
	if (from.number != to.number || from.number == SIZE_MAX ||
		memcmp(from.count, to.count, sizeof(from.count)) != 0)
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "reshape: %s has other elements than %s", ml_shape_print(first, s->in[0]),
						  ml_shape_print(second, &s->out[0]));
	}
	return ML_OK;
}

/*
 * Dimensions of both sides are taken together until their products are equal; in
 * such a group the elements of x must follow each other at one stride.
 */
static bool
view_reshape(const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset)
{
	int64_t		dims[ML_MAX_DIMS];
	int64_t		strides[ML_MAX_DIMS];
	int			n = 0;
	int			to = 0;

	(void) attributes;
	*offset = 0;
	ml_view_strides(out);
	if (in->contiguous)
		return true;
	for (int i = 0; i < in->ndims; i++)
		if (in->dims[i] != 1)
		{
			dims[n] = in->dims[i];
			strides[n++] = in->strides[i];
		}
	for (int from = 0; from < n;)
	{
		int			from_end = from + 1;
		int			to_end = to + 1;
		int64_t		a = dims[from];
		int64_t		b = to < out->ndims ? out->dims[to] : 1;
		int64_t		stride;

		while (a != b)
			if (a < b && from_end < n)
				a *= dims[from_end++];
			else if (to_end < out->ndims)
				b *= out->dims[to_end++];
			else
				return false;
		for (int i = from; i < from_end - 1; i++)
			if (strides[i] != strides[i + 1] * dims[i + 1])
				return false;
		stride = strides[from_end - 1];
		for (int i = to_end - 1; i >= to; i--)
		{
			out->strides[i] = stride;
			stride *= out->dims[i];
		}
		from = from_end;
		to = to_end;
	}
	return true;
}

/* dx: g in the dims of x */
static void
backward_reshape(ml_emitter *e, const ml_op_backward *b)
{
	ml_attributes attributes = {0};
	const ml_shape *x;

	if (e->status != ML_OK)
		return;
	x = e->shape(e, b->in[0]);
	attributes.ndims = x->ndims;
	memcpy(attributes.dims, x->dims, sizeof(attributes.dims));
	b->din[0] = ml_emit1(e, &ml_op_reshape, &attributes, b->dout[0]);
}

const ml_op ml_op_reshape = {
	.name = "reshape", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_VIEW,
	.shape = shape_reshape, .view = view_reshape, .backward = backward_reshape
};

/* === transpose(dim0, dim1, ...): dimension i of the result is dimension dim<i> of x === */

static const ml_attribute transpose_attributes[] = {
	{"dim0", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim1", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim2", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim3", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim4", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim5", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim6", false, 0, ML_MAX_DIMS - 1, 0},
	{"dim7", false, 0, ML_MAX_DIMS - 1, 0},
	{NULL}
};

static ml_status
shape_transpose(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *x = s->in[0];
	unsigned	seen = 0;

	s->out[0] = *x;
	for (int i = 0; i < x->ndims; i++)
	{
		int64_t		from = s->attributes->ints[i];

		if (from >= x->ndims || (seen >> from & 1) != 0)
			return ML_OP_FAIL(ctx, "transpose: dimension %d of the result is no other one of %d", i, x->ndims);
		seen |= 1u << from;
		s->out[0].dims[i] = x->dims[from];
	}
	return ML_OK;
}

static bool
view_transpose(const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset)
{
	*offset = 0;
	for (int i = 0; i < out->ndims; i++)
		out->strides[i] = in->strides[attributes->ints[i]];
	return true;
}

/* dx: g turned back */
static void
backward_transpose(ml_emitter *e, const ml_op_backward *b)
{
	ml_attributes attributes = {0};
	int			ndims = e->status == ML_OK ? e->shape(e, b->in[0])->ndims : 0;

	for (int i = 0; i < ndims; i++)
		attributes.ints[b->attributes->ints[i]] = i;
	b->din[0] = ml_emit1(e, &ml_op_transpose, &attributes, b->dout[0]);
}

const ml_op ml_op_transpose = {
	.name = "transpose", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_VIEW,
	.attributes = transpose_attributes, .shape = shape_transpose, .view = view_transpose,
	.backward = backward_transpose
};

/*
 * === slice(axis, begin, end, step): elements begin, begin + step, ... < end along an axis ===
 * Whose dimension is a number; begin and end below 0 count from it, and are cut to it.
 */

#define FAR		2147483647

static const ml_attribute slice_attributes[] = {
	{"axis", false, 0, ML_MAX_DIMS - 1, 0},
	{"begin", false, -FAR, FAR, 0},
	{"end", false, -FAR, FAR, FAR},
	{"step", false, 1, FAR, 1},
	{NULL}
};

/* First and number of the elements. */
static void
slice_of(const ml_attributes *a, int64_t dim, int64_t *begin, int64_t *n)
{
	int64_t		end = a->ints[2] < 0 ? a->ints[2] + dim : a->ints[2];

	*begin = a->ints[1] < 0 ? a->ints[1] + dim : a->ints[1];
	*begin = ML_MIN(ML_MAX(*begin, 0), dim);
	end = ML_MIN(ML_MAX(end, *begin), dim);
	*n = (end - *begin + a->ints[3] - 1) / a->ints[3];
}

static ml_status
shape_slice(ml_context *ctx, const ml_op_shapes *s)
{
	int64_t		axis = s->attributes->ints[0];
	int64_t		begin;
	char		text[ML_SHAPE_TEXT];

	s->out[0] = *s->in[0];
	if (axis >= s->in[0]->ndims || s->in[0]->dims[axis] < 0)
		return ML_OP_FAIL(ctx, "slice: %s has no dimension %lld of a fixed size", ml_shape_print(text, s->in[0]),
						  (long long) axis);
	slice_of(s->attributes, s->in[0]->dims[axis], &begin, &s->out[0].dims[axis]);
	return ML_OK;
}

static bool
view_slice(const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset)
{
	int64_t		axis = attributes->ints[0];
	int64_t		begin;
	int64_t		n;

	slice_of(attributes, in->dims[axis], &begin, &n);
	memcpy(out->strides, in->strides, sizeof(out->strides));
	out->strides[axis] = in->strides[axis] * attributes->ints[3];
	*offset = begin * in->strides[axis];
	return true;
}

/* dx: g where it was, 0 elsewhere */
static void
backward_slice(ml_emitter *e, const ml_op_backward *b)
{
	int64_t		axis = b->attributes->ints[0];
	int64_t		step = b->attributes->ints[3];
	int64_t		dim;
	int64_t		begin;
	int64_t		n;

	if (e->status != ML_OK)
		return;
	dim = e->shape(e, b->in[0])->dims[axis];
	slice_of(b->attributes, dim, &begin, &n);
	if (n == 0)
		return;
	b->din[0] = ml_emit1(e, &ml_op_pad, &(ml_attributes) {
		.ints = {axis, begin, dim - begin - ((n - 1) * step + 1), step}
	}, b->dout[0]);
}

const ml_op ml_op_slice = {
	.name = "slice", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_VIEW,
	.attributes = slice_attributes, .shape = shape_slice, .view = view_slice, .backward = backward_slice
};
