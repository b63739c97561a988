/*-------------------------------------------------------------------------
 *
 * packed.c
 *	  Rows of packed sequences.
 *
 *-------------------------------------------------------------------------
 */
#include "op/packed.h"
#include "op/walk.h"

ml_status
ml_packed_rows(ml_context *ctx, const char *op, const ml_op_shapes *s, int i, ml_dim *rows)
{
	const ml_shape *offsets = s->in[i];
	ml_dim		dim;
	char		text[ML_SHAPE_TEXT];

	if (offsets != NULL && offsets->dtype == ML_I32 && offsets->ndims == 1)
	{
		dim = offsets->dims[0];
		if (dim > 0)
		{
			*rows = dim - 1;
			return ML_OK;
		}
		if (dim < 0)
		{
			const ml_symbol *symbol = &s->symbols->symbols[ML_SYMBOL_OF(dim)];

			if (symbol->rule == ML_SYMBOL_PLUS && symbol->a == 1)
			{
				*rows = ML_SYMBOL(symbol->of);
				return ML_OK;
			}
		}
	}
	return ML_OP_FAIL(ctx, "%s: offsets are int32 [rows + 1], not %s", op,
					  offsets == NULL ? "absent" : ml_shape_print(text, offsets));
}

ml_status
ml_packed_open(const ml_op_run *run, const ml_view *offsets, int64_t words, ml_packed *result)
{
	const int32_t *at = offsets->data;
	size_t		rows = (size_t) offsets->dims[0] - 1;
	bool		sound = at[0] == 0 && at[rows] == words;

	for (size_t r = 0; r < rows && sound; r++)
		sound = at[r] <= at[r + 1];
	if (!sound)
		return ml_fail(run->ctx, ML_BAD_INPUT, "offsets of sequences do not rise from 0 to %lld",
					   (long long) words);
	*result = (ml_packed) {at, rows, (size_t) words};
	return ML_OK;
}

/* Counting sort: starts[length] counts up from the number of longer rows. */
size_t
ml_packed_sort(const ml_packed *p, void *memory, const int32_t **order, const int32_t **active)
{
	int32_t    *to = memory;
	int32_t    *starts = to + p->rows;
	size_t		longest = 0;
	int32_t		longer = 0;

	for (size_t r = 0; r < p->rows; r++)
		longest = ML_MAX(longest, ml_packed_length(p, r));
	memset(starts, 0, (longest + 2) * sizeof(int32_t));
	for (size_t r = 0; r < p->rows; r++)
		starts[ml_packed_length(p, r)]++;
	for (size_t length = longest + 1; length-- > 0;)
	{
		int32_t		n = starts[length];

		starts[length] = longer;
		longer += n;
	}
	for (size_t r = 0; r < p->rows; r++)
		to[starts[ml_packed_length(p, r)]++] = (int32_t) r;

	/* starts[length] has become the number of rows of that length and longer */
	*order = to;
	*active = starts + 1;
	return longest;
}

int32_t
ml_emit_words(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin,
			  const int32_t *inputs, int32_t like)
{
	ml_attributes with = attributes != NULL ? *attributes : (ml_attributes) {0};

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	with.ndims = 1;
	with.dims[0] = e->shape(e, like)->dims[0];
	return ml_emit(e, op, &with, nin, inputs);
}
