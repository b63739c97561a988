/*-------------------------------------------------------------------------
 *
 * gather.c
 *	  Rows of a table by their numbers (embeddings), and adding to such rows.
 *
 * Numbers come from outside, so they are looked at before they are followed.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* The dims of a table's row behind those of its indices. */
static ml_status
rows_shape(ml_context *ctx, const char *op, const ml_shape *table, const ml_shape *indices, ml_shape *out)
{
	char		text[ML_SHAPE_TEXT];

	if (table->ndims < 1 || table->layout != ML_PLAIN)
		return ML_OP_FAIL(ctx, "%s: %s is no table of rows", op, ml_shape_print(text, table));
	if (indices->dtype != ML_I32)
		return ML_OP_FAIL(ctx, "%s: indices are %s, not I32", op, ml_dtypes[indices->dtype].name);
	if (indices->ndims + table->ndims - 1 > ML_MAX_DIMS)
		return ML_OP_FAIL(ctx, "%s: more than %d dimensions", op, ML_MAX_DIMS);
	*out = (ml_shape) {table->dtype, ML_PLAIN, indices->ndims + table->ndims - 1, {0}};
	memcpy(out->dims, indices->dims, indices->ndims * sizeof(ml_dim));
	memcpy(out->dims + indices->ndims, table->dims + 1, (table->ndims - 1) * sizeof(ml_dim));
	return ML_OK;
}

ml_status
ml_gather_check(ml_context *ctx, int32_t index, int64_t rows)
{
	if (index >= 0 && index < rows)
		return ML_OK;
	return ml_fail(ctx, ML_BAD_INPUT, "index %d is not a row of a table of %lld", (int) index, (long long) rows);
}

/* Elements of a table's row. */
static size_t
row_elements(const ml_view *table)
{
	size_t		n = 1;

	for (int i = 1; i < table->ndims; i++)
		n *= (size_t) table->dims[i];
	return n;
}

/* === gather(table [n, ...], indices): y[i] = table[indices[i]]; ML_BAD_INPUT: no such row === */

static ml_status
shape_gather(ml_context *ctx, const ml_op_shapes *s)
{
	return rows_shape(ctx, "gather", s->in[0], s->in[1], &s->out[0]);
}

static ml_status
run_gather(const ml_op_run *run)
{
	const ml_view *table = &run->in[0];
	const int32_t *indices = run->in[1].data;
	size_t		n = ml_view_elements(&run->in[1]);
	size_t		elements = row_elements(table);
	size_t		bytes = elements * ml_dtypes[table->dtype].block_bytes;
	size_t		unpolled = 0;

	for (size_t i = 0; i < n; i++)
	{
		ML_TRY(ml_gather_check(run->ctx, indices[i], table->dims[0]));
		memcpy((char *) run->out[0].data + i * bytes, (const char *) table->data + (size_t) indices[i] * bytes,
			   bytes);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, elements + 1));
	}
	return ML_OK;
}

/* dtable: g scattered to the rows it came from */
static void
backward_gather(ml_emitter *e, const ml_op_backward *b)
{
	ml_attributes attributes = {0};
	const ml_shape *table;

	if (e->status != ML_OK || !b->wanted[0])
		return;
	table = e->shape(e, b->in[0]);
	attributes.ndims = table->ndims;
	memcpy(attributes.dims, table->dims, sizeof(attributes.dims));
	b->din[0] = ml_emit2(e, &ml_op_scatter_add, &attributes, b->dout[0], b->in[1]);
}

const ml_op ml_op_gather = {
	.name = "gather", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1,
	.shape = shape_gather, .backward = backward_gather,
	.kernels = (const ml_op_kernel[]) {
		{"fi>f", 0, run_gather}, {"di>d", 0, run_gather}, {"hi>h", 0, run_gather}, {"ii>i", 0, run_gather}, {0}
	}
};

/*
 * === scatter_add(g, indices; dims): a table of these dims, to whose rows g is added ===
 * Into a sparse gradient, rows that are touched are marked.
 */

static ml_status
shape_scatter_add(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	table = {s->in[0]->dtype, ML_PLAIN, s->attributes->ndims, {0}};
	ml_shape	g;

	memcpy(table.dims, s->attributes->dims, sizeof(table.dims));
	ML_TRY(rows_shape(ctx, "scatter_add", &table, s->in[1], &g));
	if (!ml_shape_equal(&g, s->in[0]))
	{
		char		first[ML_SHAPE_TEXT];
		char		second[ML_SHAPE_TEXT];

		return ML_OP_FAIL(ctx, "scatter_add: %s are no rows of a table %s", ml_shape_print(first, s->in[0]),
						  ml_shape_print(second, &table));
	}
	s->out[0] = table;
	return ML_OK;
}

static ml_status
run_scatter_add(const ml_op_run *run)
{
	const ml_view *table = &run->out[0];
	const ml_map_kernel *map = ml_map_of(run->kernel, table->dtype);
	const int32_t *indices = run->in[1].data;
	size_t		n = ml_view_elements(&run->in[1]);
	size_t		elements = row_elements(table);
	size_t		bytes = elements * map->width;
	size_t		unpolled = 0;

	if (!run->add)
		ML_TRY(ml_zero(run->ctx, table->data, ml_view_elements(table) * map->width));
	for (size_t i = 0; i < n; i++)
	{
		char	   *row;

		ML_TRY(ml_gather_check(run->ctx, indices[i], table->dims[0]));
		row = (char *) table->data + (size_t) indices[i] * bytes;
		map->binary[ML_MAP_ADD] (row, row, 1, (const char *) run->in[0].data + i * bytes, 1, elements);
		if (run->touched != NULL)
			run->touched[indices[i]] = 1;
		ML_TRY(ml_poll_after(run->ctx, &unpolled, elements + 1));
	}
	return ML_OK;
}

/* dg: the rows of the table's gradient */
static void
backward_scatter_add(ml_emitter *e, const ml_op_backward *b)
{
	if (b->wanted[0])
		b->din[0] = ml_emit2(e, &ml_op_gather, NULL, b->dout[0], b->in[1]);
}

const ml_op ml_op_scatter_add = {
	.name = "scatter_add", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1,
	.flags = ML_OP_ADDS | ML_OP_TOUCHES, .shape = shape_scatter_add, .backward = backward_scatter_add,
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_scatter_add}, {"di>d", 0, run_scatter_add}, {0}}
};
