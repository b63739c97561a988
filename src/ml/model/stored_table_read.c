/*-------------------------------------------------------------------------
 *
 * stored_table_read.c
 *	  Reading the stored layout of a table's model, trusting nothing.
 *
 * A model table can hold any bytes: each number is checked against each other
 * before anything is made of it, and a file has exactly the metadata and
 * tensors that its kind has.
 *
 *-------------------------------------------------------------------------
 */
#include "base/hash.h"
#include "model/packed.h"
#include "model/stored.h"
#include "model/stored_table.h"

#include <math.h>

#define POLL_NUMBERS	((size_t) 1 << 16)
#define DEGREE_MAX		100
#define SHOWN(text)		(int) ML_MIN((text).size, (size_t) 64), (text).data

typedef struct reader
{
	ml_context *ctx;
	ml_arena   *arena;
	const ml_safetensors *from;
	ml_table_file *file;
	uint32_t	nmetadata;		/* those asked for and found */
	uint32_t	ntensors;
} reader;

static double
double_at(const ml_tensor *tensor, size_t i)
{
	double		value;

	memcpy(&value, (const char *) tensor->data + i * sizeof(double), sizeof(double));
	return value;
}

static float
float_at(const ml_tensor *tensor, size_t i)
{
	float		value;

	memcpy(&value, (const char *) tensor->data + i * sizeof(float), sizeof(float));
	return value;
}

static ml_status
get_metadata(reader *r, const char *key, ml_text *value)
{
	*value = ml_safetensors_metadata(r->from, key);
	if (value->data == NULL)
		return ml_fail(r->ctx, ML_BAD_MODEL, "metadata \"%s\" is missing", key);
	r->nmetadata++;
	return ML_OK;
}

static ml_status
get_vector(reader *r, const char *name, ml_dtype dtype, uint64_t n, const ml_tensor **tensor)
{
	r->ntensors++;
	return ml_safetensors_require(r->ctx, r->from, name, dtype, 1, &n, tensor);
}

static ml_status
get_matrix(reader *r, const char *name, ml_dtype dtype, uint64_t rows, uint64_t columns,
		   const ml_tensor **tensor)
{
	uint64_t	dims[2] = {rows, columns};

	r->ntensors++;
	return ml_safetensors_require(r->ctx, r->from, name, dtype, 2, dims, tensor);
}

static ml_status
out_of_range(reader *r, const ml_tensor *tensor, size_t i)
{
	return ml_fail(r->ctx, ML_BAD_MODEL, "element %zu of \"%.*s\" is out of range", i, SHOWN(tensor->name));
}

/* All numbers of a tensor of F64 or F32 are finite. */
static ml_status
check_finite(reader *r, const ml_tensor *tensor)
{
	size_t		n = ml_tensor_elements(tensor);

	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(tensor->dtype == ML_F64 ? double_at(tensor, i) : (double) float_at(tensor, i)))
			return out_of_range(r, tensor, i);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	return ML_OK;
}

/* A copy in the arena, aligned. */
static ml_status
copy_tensor(reader *r, const ml_tensor *tensor, void *result)
{
	size_t		size = ml_tensor_bytes(tensor);
	void	   *bytes;

	ML_TRY(ml_arena_alloc(r->ctx, r->arena, size, &bytes));
	if (size > 0)
		memcpy(bytes, tensor->data, size);
	memcpy(result, &bytes, sizeof(bytes));
	return ML_OK;
}

/* ---------- what the model is, its columns, its labels ---------- */

static ml_status
read_task(reader *r)
{
	ml_text		text;

	ML_TRY(get_metadata(r, "format", &text));
	ML_TRY(get_metadata(r, "task", &text));
	if (ml_text_equal(text, ML_TEXT("classification")))
		r->file->task = ML_CLASSIFICATION;
	else if (ml_text_equal(text, ML_TEXT("regression")))
		r->file->task = ML_REGRESSION;
	else
		return ml_fail(r->ctx, ML_BAD_MODEL, "the task is neither \"classification\" nor \"regression\"");
	ML_TRY(get_metadata(r, "algorithm", &r->file->algorithm));
	if (r->file->algorithm.size == 0 || r->file->algorithm.size > 63)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the algorithm's name has %zu bytes", r->file->algorithm.size);
	return ML_OK;
}

static ml_status
read_scaling(reader *r)
{
	ml_tabular *tabular = &r->file->tabular;
	const ml_tensor *tensor;
	ml_scaling *scaling;

	ML_TRY(get_matrix(r, "scaling", ML_F64, tabular->ndense, 5, &tensor));
	ML_TRY(ml_arena_alloc(r->ctx, r->arena, ml_size_mul(tabular->ndense, sizeof(ml_scaling)), (void **) &scaling));
	for (uint32_t i = 0; i < tabular->ndense; i++)
	{
		size_t		at = (size_t) i * 5;

		scaling[i] = (ml_scaling)
		{
			.mean = double_at(tensor, at), .scale = double_at(tensor, at + 1), .fill = double_at(tensor, at + 2),
			.low = double_at(tensor, at + 3), .high = double_at(tensor, at + 4)
		};
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	tabular->scaling = scaling;
	return ML_OK;
}

/* Nothing that becomes a string of the host has a NUL in it. */
static ml_status
check_nuls(reader *r)
{
	const ml_table_file *file = r->file;
	const ml_tabular *tabular = &file->tabular;
	bool		found = file->levels_size > 0 && memchr(tabular->levels, '\0', file->levels_size) != NULL;

	for (uint32_t i = 0; i < tabular->ncolumns && !found; i++)
		found = tabular->names[i].size == 0 || memchr(tabular->names[i].data, '\0', tabular->names[i].size) != NULL;
	if (tabular->time_zone.size > 0)
		found |= memchr(tabular->time_zone.data, '\0', tabular->time_zone.size) != NULL;
	found |= memchr(file->algorithm.data, '\0', file->algorithm.size) != NULL;
	if (found)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a name is empty, or a name or level has a NUL in it");
	return ML_OK;
}

static ml_status
read_columns(reader *r)
{
	ml_table_file *file = r->file;
	ml_tabular *tabular = &file->tabular;
	const ml_tensor *tensor;

	ML_TRY(get_metadata(r, "table", &file->table_json));
	ML_TRY(ml_tabular_read(r->ctx, r->arena, file->table_json, tabular));
	ML_TRY(read_scaling(r));
	ML_TRY(get_vector(r, "level_end", ML_U64, tabular->nlevels, &tensor));
	ML_TRY(copy_tensor(r, tensor, &tabular->level_end));
	ML_TRY(get_vector(r, "levels", ML_U8, UINT64_MAX, &tensor));
	tabular->levels = tensor->data;
	file->levels_size = (size_t) tensor->dims[0];
	file->width = tabular->ndense + tabular->nhot;
	ML_TRY(check_nuls(r));
	return ml_tabular_check(r->ctx, tabular, file->levels_size);
}

static ml_status
read_positive(reader *r)
{
	ml_table_file *file = r->file;
	ml_text		positive;

	file->positive = file->nlabels - 1;
	if (file->nlabels != 2)
		return ML_OK;
	ML_TRY(get_metadata(r, "positive", &positive));
	for (file->positive = 0; file->positive < 2; file->positive++)
		if (ml_text_equal(file->labels[file->positive], positive))
			return ML_OK;
	return ml_fail(r->ctx, ML_BAD_MODEL, "the positive label is none of the two");
}

static ml_status
read_calibration(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;

	ML_TRY(get_vector(r, "calibration", ML_F64, 2, &tensor));
	ML_TRY(check_finite(r, tensor));
	file->slope = double_at(tensor, 0);
	file->offset = double_at(tensor, 1);
	if (!(file->slope > 0))
		return out_of_range(r, tensor, 0);
	if (file->nlabels > 2 && file->offset != 0)
		return out_of_range(r, tensor, 1);
	return ML_OK;
}

static ml_status
read_labels(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;

	file->nscores = 1;
	file->slope = 1;
	if (file->task == ML_CLASSIFICATION)
	{
		ML_TRY(get_metadata(r, "labels", &file->labels_json));
		ML_TRY(ml_stored_read_labels(r->ctx, r->arena, file->labels_json, &file->labels, &file->nlabels));
		file->nscores = file->nlabels == 2 ? 1 : file->nlabels;
		ML_TRY(read_positive(r));
		ML_TRY(read_calibration(r));
	}
	ML_TRY(get_vector(r, "bias", ML_F64, file->nscores, &tensor));
	ML_TRY(check_finite(r, tensor));
	return copy_tensor(r, tensor, &file->bias);
}

/* ---------- linear models ---------- */

static ml_status
read_dropped(reader *r)
{
	const ml_tensor *tensor;

	if (ml_safetensors_tensor(r->from, "dropped") == NULL)
		return ML_OK;
	ML_TRY(get_vector(r, "dropped", ML_U8, r->file->width, &tensor));
	for (uint32_t j = 0; j < r->file->width; j++)
		if (((const uint8_t *) tensor->data)[j] > 1)
			return out_of_range(r, tensor, j);
	r->file->dropped = tensor;
	return ML_OK;
}

static ml_status
read_errors(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;
	const ml_tensor *inference;

	if (ml_safetensors_tensor(r->from, "std_error") == NULL)
		return ML_OK;
	if (file->nscores > 1)
		return ml_fail(r->ctx, ML_BAD_MODEL, "standard errors of more than one score");
	ML_TRY(get_vector(r, "std_error", ML_F64, file->width, &tensor));
	ML_TRY(get_vector(r, "inference", ML_F64, 2, &inference));
	for (uint32_t j = 0; j < file->width; j++)
	{
		double		error = double_at(tensor, j);

		if (!isnan(error) && !(error >= 0 && isfinite(error)))
			return out_of_range(r, tensor, j);
	}
	file->std_error = tensor;
	file->bias_std_error = double_at(inference, 0);
	file->freedom = double_at(inference, 1);
	if (!isnan(file->bias_std_error) && !(file->bias_std_error >= 0 && isfinite(file->bias_std_error)))
		return out_of_range(r, inference, 0);
	if (!(file->freedom >= 0 && isfinite(file->freedom)))
		return out_of_range(r, inference, 1);
	return ML_OK;
}

static ml_status
read_weights(reader *r)
{
	ML_TRY(get_matrix(r, "weights", ML_F64, r->file->nscores, r->file->width, &r->file->weights));
	ML_TRY(check_finite(r, r->file->weights));
	ML_TRY(read_dropped(r));
	return read_errors(r);
}

/* The recipe's columns are the table's columns of text, in their order. */
static ml_status
read_recipe(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tabular *tabular = &file->tabular;
	uint32_t	text = 0;

	ML_TRY(get_metadata(r, "recipe", &file->recipe_json));
	ML_TRY(ml_recipe_read(r->ctx, r->arena, file->recipe_json, &file->recipe));
	if (file->recipe.ncolumns != tabular->ntexts)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the recipe is of %u columns of text, and there are %u",
					   file->recipe.ncolumns, tabular->ntexts);
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		if (tabular->columns[i].role == ML_ROLE_TEXT &&
			!ml_text_equal(file->recipe.columns[text++], tabular->names[i]))
			return ml_fail(r->ctx, ML_BAD_MODEL, "the recipe's columns are not those of text");
	return ML_OK;
}

static ml_status
read_texts(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *gaps;
	const ml_tensor *codes;
	const ml_tensor *levels;

	if (file->tabular.ntexts == 0)
		return ML_OK;
	ML_TRY(read_recipe(r));
	ML_TRY(get_vector(r, "features.gaps", ML_U8, UINT64_MAX, &gaps));
	ML_TRY(get_vector(r, "features.idf", ML_U8, UINT64_MAX, &codes));
	ML_TRY(get_vector(r, "idf_levels", ML_U16, ML_IDF_LEVELS, &levels));
	if (codes->dims[0] > UINT64_C(1) << file->recipe.hash_bits)
		return ml_fail(r->ctx, ML_BAD_MODEL, "more features than the %d bits of the recipe's hash tell apart",
					   file->recipe.hash_bits);
	file->ntext = (uint32_t) codes->dims[0];
	file->gaps = gaps->data;
	file->gaps_size = (size_t) gaps->dims[0];
	file->idf_code = codes->data;
	ML_TRY(copy_tensor(r, levels, &file->idf_levels));
	for (uint32_t i = 0; i < file->ntext; i++)
	{
		if (file->idf_levels[file->idf_code[i]] == 0)
			return ml_fail(r->ctx, ML_BAD_MODEL, "the idf of feature %u is 0", i);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	ML_TRY(get_matrix(r, "text.weights", ML_F32, file->nscores, file->ntext, &file->text_weights));
	return check_finite(r, file->text_weights);
}

/* ---------- kernel machines ---------- */

static ml_status
read_kernel(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;
	ml_text		name;

	ML_TRY(get_metadata(r, "kernel", &name));
	if (ml_text_equal(name, ML_TEXT("rbf")))
		file->kind = ML_MACHINE_RBF;
	else if (ml_text_equal(name, ML_TEXT("polynomial")))
		file->kind = ML_MACHINE_POLYNOMIAL;
	else
		return ml_fail(r->ctx, ML_BAD_MODEL, "there is no kernel \"%.*s\"", SHOWN(name));
	ML_TRY(get_vector(r, "kernel", ML_F64, file->kind == ML_MACHINE_RBF ? 1 : 3, &tensor));
	file->gamma = double_at(tensor, 0);
	/* machines compute in floats */
	if (!((float) file->gamma > 0 && isfinite((float) file->gamma)))
		return out_of_range(r, tensor, 0);
	if (file->kind == ML_MACHINE_RBF)
		return ML_OK;
	file->coef0 = double_at(tensor, 1);
	if (!isfinite((float) file->coef0))
		return out_of_range(r, tensor, 1);
	if (!(double_at(tensor, 2) >= 1 && double_at(tensor, 2) <= DEGREE_MAX))
		return out_of_range(r, tensor, 2);
	file->degree = (int) double_at(tensor, 2);
	return file->degree == double_at(tensor, 2) ? ML_OK : out_of_range(r, tensor, 2);
}

static ml_status
read_machine(reader *r)
{
	ml_table_file *file = r->file;

	if (file->tabular.ntexts > 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a kernel machine with columns of text");
	ML_TRY(read_kernel(r));
	ML_TRY(get_matrix(r, "vectors", ML_F32, UINT64_MAX, file->width, &file->vectors));
	if (file->vectors->dims[0] > INT32_MAX || file->width == 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a kernel machine of %llu vectors of %u numbers",
					   (unsigned long long) file->vectors->dims[0], file->width);
	file->nvectors = (uint32_t) file->vectors->dims[0];
	ML_TRY(check_finite(r, file->vectors));
	ML_TRY(get_matrix(r, "coefficients", ML_F32, file->nscores, file->nvectors, &file->coefficients));
	return check_finite(r, file->coefficients);
}

/* Nothing but what was asked for. */
static ml_status
check_counts(reader *r)
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
ml_stored_read_table(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_table_file *file)
{
	reader		r = {.ctx = ctx, .arena = arena, .from = from, .file = file};

	memset(file, 0, sizeof(*file));
	ML_TRY(read_task(&r));
	ML_TRY(read_columns(&r));
	ML_TRY(read_labels(&r));
	if (ml_safetensors_metadata(from, "kernel").data != NULL)
		ML_TRY(read_machine(&r));
	else
	{
		ML_TRY(read_weights(&r));
		ML_TRY(read_texts(&r));
	}
	return check_counts(&r);
}

ml_status
ml_stored_describe_table(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_buffer *json)
{
	ml_table_file file;
	bool		regression;

	ML_TRY(ml_stored_read_table(ctx, arena, from, &file));
	regression = file.task == ML_REGRESSION;
	ML_TRY(ml_appendf(ctx, json, "{\"format\":%d,\"task\":\"%s\",\"algorithm\":", ML_FORMAT_TABLE,
					  regression ? "regression" : "classification"));
	ML_TRY(ml_json_quote(ctx, json, file.algorithm));
	ML_TRY(ml_appendf(ctx, json, ",\"columns\":["));
	for (uint32_t i = 0; i < file.tabular.ncolumns; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(ctx, json, ",", 1));
		ML_TRY(ml_json_quote(ctx, json, file.tabular.names[i]));
	}
	ML_TRY(ml_append(ctx, json, "]", 1));
	if (!regression)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"labels\":"));
		ML_TRY(ml_append(ctx, json, file.labels_json.data, file.labels_json.size));
	}
	if (file.nlabels == 2)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"positive\":"));
		ML_TRY(ml_json_quote(ctx, json, file.labels[file.positive]));
	}
	ML_TRY(ml_appendf(ctx, json, ",\"features\":%u", file.width + file.ntext));
	if (file.kind != ML_MACHINE_NONE)
		ML_TRY(ml_appendf(ctx, json, ",\"kernel\":\"%s\",\"support_vectors\":%u",
						  file.kind == ML_MACHINE_RBF ? "rbf" : "polynomial", file.nvectors));
	ML_TRY(ml_appendf(ctx, json, ",\"table\":"));
	ML_TRY(ml_append(ctx, json, file.table_json.data, file.table_json.size));
	if (file.recipe_json.data != NULL)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"unicode\":"));
		ML_TRY(ml_json_quote(ctx, json, file.recipe.unicode));
		ML_TRY(ml_appendf(ctx, json, ",\"recipe\":"));
		ML_TRY(ml_append(ctx, json, file.recipe_json.data, file.recipe_json.size));
	}
	return ml_append(ctx, json, "}", 1);
}
