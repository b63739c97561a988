/*-------------------------------------------------------------------------
 *
 * emit.c
 *	  Short forms of adding nodes, for backward rules and layers.
 *
 *-------------------------------------------------------------------------
 */
#include "op/elementwise.h"
#include "op/reduce.h"

int32_t
ml_emit(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin,
		const int32_t *inputs)
{
	int32_t		output = ML_NO_VALUE;

	e->node(e, op, attributes, nin, inputs, 1, &output);
	return output;
}

int32_t
ml_emit1(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a)
{
	return ml_emit(e, op, attributes, 1, &a);
}

int32_t
ml_emit2(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a, int32_t b)
{
	return ml_emit(e, op, attributes, 2, (const int32_t[]) {a, b});
}

int32_t
ml_emit3(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a, int32_t b,
		 int32_t c)
{
	return ml_emit(e, op, attributes, 3, (const int32_t[]) {a, b, c});
}

int32_t
ml_emit_sum_to(ml_emitter *e, int32_t g, int32_t like)
{
	ml_attributes attributes = {0};
	const ml_shape *from;
	const ml_shape *to;

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	from = e->shape(e, g);
	to = e->shape(e, like);
	if (from->ndims == to->ndims &&
		(to->ndims == 0 || memcmp(from->dims, to->dims, to->ndims * sizeof(ml_dim)) == 0))
		return g;
	attributes.ndims = to->ndims;
	memcpy(attributes.dims, to->dims, sizeof(attributes.dims));
	return ml_emit1(e, &ml_op_sum_to, &attributes, g);
}
