/*-------------------------------------------------------------------------
 *
 * reshape.c
 *	  Ops that give elements other places: broadcast_to.
 *
 * They are views where strides can say it.
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
