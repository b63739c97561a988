/*-------------------------------------------------------------------------
 *
 * stored_parts_read.c
 *	  Reading what stored files of tables and of networks have in common,
 *	  trusting nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored.h"
#include "model/stored_parts.h"

#include <math.h>

#define POLL_NUMBERS	((size_t) 1 << 16)
#define SHOWN(text)		(int) ML_MIN((text).size, (size_t) 64), (text).data

ml_status
ml_stored_get(ml_stored_reader *r, const char *key, ml_text *value)
{
	*value = ml_safetensors_metadata(r->from, key);
	if (value->data == NULL)
		return ml_fail(r->ctx, ML_BAD_MODEL, "metadata \"%s\" is missing", key);
	r->nmetadata++;
	return ML_OK;
}

ml_status
ml_stored_get_vector(ml_stored_reader *r, const char *name, ml_dtype dtype, uint64_t n, const ml_tensor **tensor)
{
	r->ntensors++;
	return ml_safetensors_require(r->ctx, r->from, name, dtype, 1, &n, tensor);
}

ml_status
ml_stored_get_matrix(ml_stored_reader *r, const char *name, ml_dtype dtype, uint64_t rows, uint64_t columns,
		   const ml_tensor **tensor)
{
	uint64_t	dims[2] = {rows, columns};

	r->ntensors++;
	return ml_safetensors_require(r->ctx, r->from, name, dtype, 2, dims, tensor);
}

ml_status
ml_stored_out_of_range(ml_stored_reader *r, const ml_tensor *tensor, size_t i)
{
	return ml_fail(r->ctx, ML_BAD_MODEL, "element %zu of \"%.*s\" is out of range", i, SHOWN(tensor->name));
}

ml_status
ml_stored_finite(ml_stored_reader *r, const ml_tensor *tensor)
{
	size_t		n = ml_tensor_elements(tensor);

	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(tensor->dtype == ML_F64 ? ml_double_at(tensor, i) : (double) ml_float_at(tensor, i)))
			return ml_stored_out_of_range(r, tensor, i);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	return ML_OK;
}

ml_status
ml_stored_copy(ml_stored_reader *r, const ml_tensor *tensor, void *result)
{
	size_t		size = ml_tensor_bytes(tensor);
	void	   *bytes;

	ML_TRY(ml_arena_alloc(r->ctx, r->arena, size, &bytes));
	if (size > 0)
		memcpy(bytes, tensor->data, size);
	memcpy(result, &bytes, sizeof(bytes));
	return ML_OK;
}

ml_status
ml_stored_get_task(ml_stored_reader *r, ml_stored_head *head)
{
	ml_text		text;

	ML_TRY(ml_stored_get(r, "format", &text));
	ML_TRY(ml_stored_get(r, "task", &text));
	if (ml_text_equal(text, ML_TEXT("classification")))
		head->task = ML_CLASSIFICATION;
	else if (ml_text_equal(text, ML_TEXT("regression")))
		head->task = ML_REGRESSION;
	else
		return ml_fail(r->ctx, ML_BAD_MODEL, "the task is neither \"classification\" nor \"regression\"");
	ML_TRY(ml_stored_get(r, "algorithm", &head->algorithm));
	if (head->algorithm.size == 0 || head->algorithm.size > 63)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the algorithm's name has %zu bytes", head->algorithm.size);
	return ML_OK;
}

static ml_status
read_scaling(ml_stored_reader *r, ml_stored_head *head)
{
	ml_tabular *tabular = &head->tabular;
	const ml_tensor *tensor;
	ml_scaling *scaling;

	ML_TRY(ml_stored_get_matrix(r, "scaling", ML_F64, tabular->ndense, 5, &tensor));
	ML_TRY(ml_arena_alloc(r->ctx, r->arena, ml_size_mul(tabular->ndense, sizeof(ml_scaling)), (void **) &scaling));
	for (uint32_t i = 0; i < tabular->ndense; i++)
	{
		size_t		at = (size_t) i * 5;

		scaling[i] = (ml_scaling)
		{
			.mean = ml_double_at(tensor, at), .scale = ml_double_at(tensor, at + 1), .fill = ml_double_at(tensor, at + 2),
			.low = ml_double_at(tensor, at + 3), .high = ml_double_at(tensor, at + 4)
		};
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	tabular->scaling = scaling;
	return ML_OK;
}

/* Nothing that becomes a string of the host has a NUL in it. */
static ml_status
check_nuls(ml_stored_reader *r, const ml_stored_head *head)
{
	const ml_tabular *tabular = &head->tabular;
	bool		found = head->levels_size > 0 && memchr(tabular->levels, '\0', head->levels_size) != NULL;

	for (uint32_t i = 0; i < tabular->ncolumns && !found; i++)
		found = tabular->names[i].size == 0 || memchr(tabular->names[i].data, '\0', tabular->names[i].size) != NULL;
	if (tabular->time_zone.size > 0)
		found |= memchr(tabular->time_zone.data, '\0', tabular->time_zone.size) != NULL;
	found |= memchr(head->algorithm.data, '\0', head->algorithm.size) != NULL;
	if (found)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a name is empty, or a name or level has a NUL in it");
	return ML_OK;
}

ml_status
ml_stored_get_tabular(ml_stored_reader *r, ml_stored_head *head)
{
	ml_tabular *tabular = &head->tabular;
	const ml_tensor *tensor;

	ML_TRY(ml_stored_get(r, "table", &head->table_json));
	ML_TRY(ml_tabular_read(r->ctx, r->arena, head->table_json, tabular));
	ML_TRY(read_scaling(r, head));
	ML_TRY(ml_stored_get_vector(r, "level_end", ML_U64, tabular->nlevels, &tensor));
	ML_TRY(ml_stored_copy(r, tensor, &tabular->level_end));
	ML_TRY(ml_stored_get_vector(r, "levels", ML_U8, UINT64_MAX, &tensor));
	tabular->levels = tensor->data;
	head->levels_size = (size_t) tensor->dims[0];
	ML_TRY(check_nuls(r, head));
	return ml_tabular_check(r->ctx, tabular, head->levels_size);
}

static ml_status
read_positive(ml_stored_reader *r, ml_stored_head *head)
{
	ml_text		positive;

	head->positive = head->nlabels - 1;
	if (head->nlabels != 2)
		return ML_OK;
	ML_TRY(ml_stored_get(r, "positive", &positive));
	for (head->positive = 0; head->positive < 2; head->positive++)
		if (ml_text_equal(head->labels[head->positive], positive))
			return ML_OK;
	return ml_fail(r->ctx, ML_BAD_MODEL, "the positive label is none of the two");
}

ml_status
ml_stored_get_labels(ml_stored_reader *r, ml_stored_head *head)
{
	head->nscores = 1;
	if (head->task == ML_REGRESSION)
		return ML_OK;
	ML_TRY(ml_stored_get(r, "labels", &head->labels_json));
	ML_TRY(ml_stored_read_labels(r->ctx, r->arena, head->labels_json, &head->labels, &head->nlabels));
	head->nscores = head->nlabels == 2 ? 1 : head->nlabels;
	return read_positive(r, head);
}

ml_status
ml_stored_check_counts(ml_stored_reader *r)
{
	if (r->from->nmetadata != r->nmetadata)
		return ml_fail(r->ctx, ML_BAD_MODEL, "there are %u metadata entries instead of %u",
					   r->from->nmetadata, r->nmetadata);
	if (r->from->ntensors != r->ntensors)
		return ml_fail(r->ctx, ML_BAD_MODEL, "there are %u tensors instead of %u",
					   r->from->ntensors, r->ntensors);
	return ML_OK;
}

ml_status
ml_stored_describe_head(ml_context *ctx, int format, const ml_stored_head *head, ml_buffer *json)
{
	bool		regression = head->task == ML_REGRESSION;

	ML_TRY(ml_appendf(ctx, json, "{\"format\":%d,\"task\":\"%s\",\"algorithm\":", format,
					  regression ? "regression" : "classification"));
	ML_TRY(ml_json_quote(ctx, json, head->algorithm));
	ML_TRY(ml_appendf(ctx, json, ",\"columns\":["));
	for (uint32_t i = 0; i < head->tabular.ncolumns; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(ctx, json, ",", 1));
		ML_TRY(ml_json_quote(ctx, json, head->tabular.names[i]));
	}
	ML_TRY(ml_append(ctx, json, "]", 1));
	if (!regression)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"labels\":"));
		ML_TRY(ml_append(ctx, json, head->labels_json.data, head->labels_json.size));
	}
	if (head->nlabels == 2)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"positive\":"));
		ML_TRY(ml_json_quote(ctx, json, head->labels[head->positive]));
	}
	return ML_OK;
}
