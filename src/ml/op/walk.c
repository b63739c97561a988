/*-------------------------------------------------------------------------
 *
 * walk.c
 *	  Going through operands with strides; shape rules that several ops share.
 *
 *-------------------------------------------------------------------------
 */
#include "op/walk.h"
#include "base/print.h"

/* The stride of a view where the shape's dimension i of ndims is walked. */
static int64_t
stride_of(const ml_view *view, int ndims, int i)
{
	int			own = i - (ndims - view->ndims);

	return own < 0 || view->dims[own] == 1 ? 0 : view->strides[own];
}

/* Can dimension "inner" be walked as the continuation of dimension "outer", the last one kept? */
static bool
joins(const ml_walk *walk, const ml_view *const *operands, int ndims, int inner)
{
	int			outer = walk->ndims - 1;
	int64_t		dim = operands[0]->dims[inner];

	for (int o = 0; o < walk->noperands; o++)
		if (walk->strides[o][outer] != stride_of(operands[o], ndims, inner) * dim)
			return false;
	return true;
}

void
ml_walk_start(ml_walk *walk, const ml_op_run *run, int noperands, const ml_view *const *operands)
{
	int			ndims = operands[0]->ndims;

	*walk = (ml_walk) {
		.ctx = run->ctx, .noperands = noperands, .length = 1, .first = true
	};
	for (int i = 0; i < ndims; i++)
	{
		int64_t		dim = operands[0]->dims[i];
		int			at = walk->ndims;

		walk->empty |= dim == 0;
		if (dim == 1)
			continue;
		if (at > 0 && joins(walk, operands, ndims, i))
			walk->dims[--at] *= dim;
		else
			walk->dims[at] = dim;
		for (int o = 0; o < noperands; o++)
			walk->strides[o][at] = stride_of(operands[o], ndims, i);
		walk->ndims = at + 1;
	}
	if (walk->ndims > 0)
		walk->length = walk->dims[--walk->ndims];
	for (int o = 0; o < noperands; o++)
	{
		walk->width[o] = ml_dtypes[operands[o]->dtype].block_bytes;
		walk->base[o] = operands[o]->data;
		walk->step[o] = walk->strides[o][walk->ndims];
	}
}

/* The next index of the outer dimensions; false: there is none. */
static bool
advance(ml_walk *walk)
{
	int			i = walk->ndims - 1;

	for (; i >= 0; i--)
	{
		bool		more = ++walk->index[i] < walk->dims[i];

		for (int o = 0; o < walk->noperands; o++)
			walk->base[o] += walk->strides[o][i] * (int64_t) walk->width[o] *
				(more ? 1 : 1 - walk->dims[i]);
		if (more)
			break;
		walk->index[i] = 0;
	}
	return i >= 0;
}

bool
ml_walk_next(ml_walk *walk)
{
	if (walk->empty)
		return false;
	if (walk->first)
		walk->first = false;
	else
	{
		walk->done += walk->n;
		walk->unpolled += walk->n;
		if (walk->unpolled >= ML_WALK_POLL)
		{
			walk->unpolled = 0;
			walk->status = ml_poll(walk->ctx);
			if (walk->status != ML_OK)
				return false;
		}
		if (walk->done == walk->length)
		{
			if (!advance(walk))
				return false;
			walk->done = 0;
		}
	}
	walk->n = ML_MIN(walk->length - walk->done, ML_WALK_RUN);
	for (int o = 0; o < walk->noperands; o++)
		walk->at[o] = walk->base[o] + walk->done * walk->step[o] * (int64_t) walk->width[o];
	return true;
}

ml_status
ml_shape_same(ml_context *ctx, const ml_op_shapes *s)
{
	(void) ctx;
	s->out[0] = *s->in[0];
	return ML_OK;
}

ml_status
ml_shape_pair(ml_context *ctx, const ml_op_shapes *s)
{
	if (!ml_shape_equal(s->in[0], s->in[1]))
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "shapes %s and %s differ", ml_shape_print(first, s->in[0]),
						  ml_shape_print(second, s->in[1]));
	}
	s->out[0] = *s->in[0];
	return ML_OK;
}

ml_status
ml_shape_broadcast(ml_context *ctx, const char *op, const ml_shape *a, const ml_shape *b,
				   ml_shape *out)
{
	ml_shape	result = {a->dtype, ML_PLAIN, ML_MAX(a->ndims, b->ndims), {0}};

	for (int i = 1; i <= result.ndims; i++)
	{
		ml_dim		x = i <= a->ndims ? a->dims[a->ndims - i] : 1;
		ml_dim		y = i <= b->ndims ? b->dims[b->ndims - i] : 1;

		if (x != y && x != 1 && y != 1)
		{
			char		first[ML_SHAPE_TEXT];
			char		second[ML_SHAPE_TEXT];

			return ML_OP_FAIL(ctx, "%s: shapes %s and %s do not fit", op, ml_shape_print(first, a),
							  ml_shape_print(second, b));
		}
		result.dims[result.ndims - i] = x == 1 ? y : x;
	}
	*out = result;
	return ML_OK;
}

const char *
ml_shape_print(char *text, const ml_shape *shape)
{
	size_t		size = ml_print(text, ML_SHAPE_TEXT, "[");

	for (int i = 0; i < shape->ndims; i++)
	{
		const char *comma = i > 0 ? ", " : "";
		ml_dim		dim = shape->dims[i];

		if (dim >= 0)
			size += ml_print(text + size, ML_SHAPE_TEXT - size, "%s%lld", comma, (long long) dim);
		else
			size += ml_print(text + size, ML_SHAPE_TEXT - size, "%ssymbol %d", comma,
							 (int) ML_SYMBOL_OF(dim));
	}
	ml_print(text + size, ML_SHAPE_TEXT - size, "]");
	return text;
}
