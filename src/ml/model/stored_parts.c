/*-------------------------------------------------------------------------
 *
 * stored_parts.c
 *	  Writing what stored files of tables and of networks have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored_parts.h"

#include <math.h>

#define POLL_NUMBERS	((size_t) 1 << 16)

ml_status
ml_stored_writer_open(ml_context *ctx, uint32_t tensors_max, ml_stored_writer *w)
{
	void	   *memory;

	memset(w, 0, sizeof(*w));
	w->ctx = ctx;
	w->tensors_max = tensors_max;
	ML_TRY(ml_arena_alloc(ctx, &w->arena, ml_size_mul(tensors_max, sizeof(ml_tensor)), &memory));
	w->tensors = memory;
	return ML_OK;
}

void
ml_stored_writer_close(ml_stored_writer *w)
{
	ml_arena_free(w->ctx, &w->arena);
	ml_buffer_free(w->ctx, &w->table);
	ml_buffer_free(w->ctx, &w->labels);
}

void
ml_stored_put(ml_stored_writer *w, const char *key, ml_text value)
{
	w->metadata[w->nmetadata++] = (ml_metadata) {{key, strlen(key)}, value};
}

void
ml_stored_put_tensor(ml_stored_writer *w, ml_text name, ml_dtype dtype, int ndims, const uint64_t *dims,
					 const void *data)
{
	ml_tensor  *tensor = &w->tensors[w->ntensors++];

	*tensor = (ml_tensor) {.name = name, .dtype = dtype, .ndims = ndims, .data = data};
	memcpy(tensor->dims, dims, (size_t) ndims * sizeof(uint64_t));
}

ml_status
ml_stored_not_finite(ml_context *ctx, const char *what)
{
	ml_fail(ctx, ML_BAD_DATA, "the fit did not end in numbers: %s are not finite", what);
	return ml_hint(ctx, "Look for columns with values of very different sizes, or lower the learning rate.");
}

ml_status
ml_stored_check_doubles(ml_context *ctx, const double *values, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(values[i]))
			return ml_stored_not_finite(ctx, what);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_stored_check_floats(ml_context *ctx, const float *values, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(values[i]))
			return ml_stored_not_finite(ctx, what);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_stored_put_task(ml_stored_writer *w, const char *format, ml_task task, ml_text algorithm)
{
	ml_stored_put(w, "format", (ml_text) {format, strlen(format)});
	ml_stored_put(w, "task", task == ML_REGRESSION ? ML_TEXT("regression") : ML_TEXT("classification"));
	ml_stored_put(w, "algorithm", algorithm);
	return ML_OK;
}

ml_status
ml_stored_put_labels(ml_stored_writer *w, uint32_t nlabels, const ml_text *labels, uint32_t positive)
{
	ML_TRY(ml_append(w->ctx, &w->labels, "[", 1));
	for (uint32_t i = 0; i < nlabels; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(w->ctx, &w->labels, ",", 1));
		ML_TRY(ml_json_quote(w->ctx, &w->labels, labels[i]));
	}
	ML_TRY(ml_append(w->ctx, &w->labels, "]", 1));
	ml_stored_put(w, "labels", (ml_text) {w->labels.data, w->labels.size});
	if (nlabels == 2)
		ml_stored_put(w, "positive", labels[positive]);
	return ML_OK;
}

/* One row of numbers per dense feature. */
ml_status
ml_stored_put_tabular(ml_stored_writer *w, const ml_tabular *tabular)
{
	size_t		levels_size = tabular->nlevels == 0 ? 0 : (size_t) tabular->level_end[tabular->nlevels - 1];
	void	   *memory;
	double	   *scaling;

	ML_TRY(ml_tabular_write(w->ctx, tabular, &w->table));
	ml_stored_put(w, "table", (ml_text) {w->table.data, w->table.size});
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, ml_size_mul(tabular->ndense, 5 * sizeof(double)), &memory));
	scaling = memory;
	for (uint32_t i = 0; i < tabular->ndense; i++)
	{
		const ml_scaling *s = &tabular->scaling[i];

		memcpy(scaling + (size_t) i * 5, (double[5]) {s->mean, s->scale, s->fill, s->low, s->high}, 5 * sizeof(double));
	}
	ml_stored_put_matrix(w, "scaling", ML_F64, tabular->ndense, 5, scaling);
	ml_stored_put_vector(w, "level_end", ML_U64, tabular->nlevels, tabular->level_end);
	ml_stored_put_vector(w, "levels", ML_U8, levels_size, tabular->levels);
	return ML_OK;
}

ml_status
ml_stored_write(ml_stored_writer *w, ml_buffer *file)
{
	return ml_safetensors_write(w->ctx, w->metadata, w->nmetadata, w->tensors, w->ntensors, file);
}
