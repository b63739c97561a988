/*-------------------------------------------------------------------------
 *
 * packed.h
 *	  What ops over packed sequences share: the rows behind offsets.
 *
 * A packed value is [words, ...]; its rows' words are those from offsets[row] to
 * offsets[row + 1].  Offsets come from outside, so every kernel looks at them
 * before it follows them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_PACKED_H
#define ML_PACKED_H

#include "op/ops.h"

typedef struct ml_packed
{
	const int32_t *offsets;		/* [rows + 1] */
	size_t		rows;
	size_t		words;
} ml_packed;

static inline size_t
ml_packed_length(const ml_packed *p, size_t row)
{
	return (size_t) (p->offsets[row + 1] - p->offsets[row]);
}

/* Shape rules: the dimension of rows, of which input "i" has the offsets. */
extern ml_status ml_packed_rows(ml_context *ctx, const char *op, const ml_op_shapes *s, int i,
								ml_dim *rows);

/* The words behind an offsets' input of a run.  ML_BAD_INPUT: offsets that are none. */
extern ml_status ml_packed_open(const ml_op_run *run, const ml_view *offsets, int64_t words,
								ml_packed *result);

/*
 * Rows by falling length, equal ones in their order: order[rows].  Of these the
 * first active[t] have a word t; t < the result, the longest length.  memory:
 * ml_packed_sort_size bytes, which both lie in.
 */
extern size_t ml_packed_sort(const ml_packed *p, void *memory, const int32_t **order,
							 const int32_t **active);

static inline size_t
ml_packed_sort_size(int64_t rows, int64_t words)
{
	return ml_size_align(ml_size_mul(ml_size_add(ml_size_add((size_t) rows, (size_t) words), 2),
									 sizeof(int32_t)), ML_ALIGN);
}

/* Emit with the dimension of the words of a value [words, ...] as attribute "dims". */
extern int32_t ml_emit_words(ml_emitter *e, const ml_op *op, const ml_attributes *attributes,
							 int nin, const int32_t *inputs, int32_t like);

/* Elements of one word. */
static inline size_t
ml_packed_channels(const ml_view *x)
{
	size_t		n = 1;

	for (int i = 1; i < x->ndims; i++)
		n *= (size_t) x->dims[i];
	return n;
}

#endif							/* ML_PACKED_H */
