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
	ml_stored_reader parts;
	ml_table_file *file;
} reader;

static ml_status
read_calibration(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;

	ML_TRY(ml_stored_get_vector(&r->parts, "calibration", ML_F64, 2, &tensor));
	ML_TRY(ml_stored_finite(&r->parts, tensor));
	file->slope = ml_double_at(tensor, 0);
	file->offset = ml_double_at(tensor, 1);
	if (!(file->slope > 0))
		return ml_stored_out_of_range(&r->parts, tensor, 0);
	if (file->head.nlabels > 2 && file->offset != 0)
		return ml_stored_out_of_range(&r->parts, tensor, 1);
	return ML_OK;
}

static ml_status
read_labels(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;

	file->slope = 1;
	ML_TRY(ml_stored_get_labels(&r->parts, &file->head));
	if (file->head.task == ML_CLASSIFICATION)
		ML_TRY(read_calibration(r));
	ML_TRY(ml_stored_get_vector(&r->parts, "bias", ML_F64, file->head.nscores, &tensor));
	ML_TRY(ml_stored_finite(&r->parts, tensor));
	return ml_stored_copy(&r->parts, tensor, &file->bias);
}

/* ---------- linear models ---------- */

static ml_status
read_dropped(reader *r)
{
	const ml_tensor *tensor;

	if (ml_safetensors_tensor(r->parts.from, "dropped") == NULL)
		return ML_OK;
	ML_TRY(ml_stored_get_vector(&r->parts, "dropped", ML_U8, r->file->width, &tensor));
	for (uint32_t j = 0; j < r->file->width; j++)
		if (((const uint8_t *) tensor->data)[j] > 1)
			return ml_stored_out_of_range(&r->parts, tensor, j);
	r->file->dropped = tensor;
	return ML_OK;
}

static ml_status
read_errors(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;
	const ml_tensor *inference;

	if (ml_safetensors_tensor(r->parts.from, "std_error") == NULL)
		return ML_OK;
	if (file->head.nscores > 1)
		return ml_fail(r->ctx, ML_BAD_MODEL, "standard errors of more than one score");
	ML_TRY(ml_stored_get_vector(&r->parts, "std_error", ML_F64, file->width, &tensor));
	ML_TRY(ml_stored_get_vector(&r->parts, "inference", ML_F64, 2, &inference));
	for (uint32_t j = 0; j < file->width; j++)
	{
		double		error = ml_double_at(tensor, j);

		if (!isnan(error) && !(error >= 0 && isfinite(error)))
			return ml_stored_out_of_range(&r->parts, tensor, j);
	}
	file->std_error = tensor;
	file->bias_std_error = ml_double_at(inference, 0);
	file->freedom = ml_double_at(inference, 1);
	if (!isnan(file->bias_std_error) && !(file->bias_std_error >= 0 && isfinite(file->bias_std_error)))
		return ml_stored_out_of_range(&r->parts, inference, 0);
	if (!(file->freedom >= 0 && isfinite(file->freedom)))
		return ml_stored_out_of_range(&r->parts, inference, 1);
	return ML_OK;
}

static ml_status
read_weights(reader *r)
{
	ML_TRY(ml_stored_get_matrix(&r->parts, "weights", ML_F64, r->file->head.nscores, r->file->width, &r->file->weights));
	ML_TRY(ml_stored_finite(&r->parts, r->file->weights));
	ML_TRY(read_dropped(r));
	return read_errors(r);
}

/* The recipe's columns are the table's columns of text, in their order. */
static ml_status
read_recipe(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tabular *tabular = &file->head.tabular;
	uint32_t	text = 0;

	ML_TRY(ml_stored_get(&r->parts, "recipe", &file->recipe_json));
	ML_TRY(ml_recipe_read(r->ctx, r->parts.arena, file->recipe_json, &file->recipe));
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

	if (file->head.tabular.ntexts == 0)
		return ML_OK;
	ML_TRY(read_recipe(r));
	ML_TRY(ml_stored_get_vector(&r->parts, "features.gaps", ML_U8, UINT64_MAX, &gaps));
	ML_TRY(ml_stored_get_vector(&r->parts, "features.idf", ML_U8, UINT64_MAX, &codes));
	ML_TRY(ml_stored_get_vector(&r->parts, "idf_levels", ML_U16, ML_IDF_LEVELS, &levels));
	if (codes->dims[0] > UINT64_C(1) << file->recipe.hash_bits)
		return ml_fail(r->ctx, ML_BAD_MODEL, "more features than the %d bits of the recipe's hash tell apart",
					   file->recipe.hash_bits);
	file->ntext = (uint32_t) codes->dims[0];
	file->gaps = gaps->data;
	file->gaps_size = (size_t) gaps->dims[0];
	file->idf_code = codes->data;
	ML_TRY(ml_stored_copy(&r->parts, levels, &file->idf_levels));
	for (uint32_t i = 0; i < file->ntext; i++)
	{
		if (file->idf_levels[file->idf_code[i]] == 0)
			return ml_fail(r->ctx, ML_BAD_MODEL, "the idf of feature %u is 0", i);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(r->ctx));
	}
	ML_TRY(ml_stored_get_matrix(&r->parts, "text.weights", ML_F32, file->head.nscores, file->ntext, &file->text_weights));
	return ml_stored_finite(&r->parts, file->text_weights);
}

/* ---------- kernel machines ---------- */

static ml_status
read_kernel(reader *r)
{
	ml_table_file *file = r->file;
	const ml_tensor *tensor;
	ml_text		name;

	ML_TRY(ml_stored_get(&r->parts, "kernel", &name));
	if (ml_text_equal(name, ML_TEXT("rbf")))
		file->kind = ML_MACHINE_RBF;
	else if (ml_text_equal(name, ML_TEXT("polynomial")))
		file->kind = ML_MACHINE_POLYNOMIAL;
	else
		return ml_fail(r->ctx, ML_BAD_MODEL, "there is no kernel \"%.*s\"", SHOWN(name));
	ML_TRY(ml_stored_get_vector(&r->parts, "kernel", ML_F64, file->kind == ML_MACHINE_RBF ? 1 : 3, &tensor));
	file->gamma = ml_double_at(tensor, 0);
	/* machines compute in floats */
	if (!((float) file->gamma > 0 && isfinite((float) file->gamma)))
		return ml_stored_out_of_range(&r->parts, tensor, 0);
	if (file->kind == ML_MACHINE_RBF)
		return ML_OK;
	file->coef0 = ml_double_at(tensor, 1);
	if (!isfinite((float) file->coef0))
		return ml_stored_out_of_range(&r->parts, tensor, 1);
	if (!(ml_double_at(tensor, 2) >= 1 && ml_double_at(tensor, 2) <= DEGREE_MAX))
		return ml_stored_out_of_range(&r->parts, tensor, 2);
	file->degree = (int) ml_double_at(tensor, 2);
	return file->degree == ml_double_at(tensor, 2) ? ML_OK : ml_stored_out_of_range(&r->parts, tensor, 2);
}

static ml_status
read_machine(reader *r)
{
	ml_table_file *file = r->file;

	if (file->head.tabular.ntexts > 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a kernel machine with columns of text");
	ML_TRY(read_kernel(r));
	ML_TRY(ml_stored_get_matrix(&r->parts, "vectors", ML_F32, UINT64_MAX, file->width, &file->vectors));
	if (file->vectors->dims[0] > INT32_MAX || file->width == 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a kernel machine of %llu vectors of %u numbers",
					   (unsigned long long) file->vectors->dims[0], file->width);
	file->nvectors = (uint32_t) file->vectors->dims[0];
	ML_TRY(ml_stored_finite(&r->parts, file->vectors));
	ML_TRY(ml_stored_get_matrix(&r->parts, "coefficients", ML_F32, file->head.nscores, file->nvectors, &file->coefficients));
	return ml_stored_finite(&r->parts, file->coefficients);
}

ml_status
ml_stored_read_table(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_table_file *file)
{
	reader		r = {.ctx = ctx, .parts = {.ctx = ctx, .arena = arena, .from = from}, .file = file};

	memset(file, 0, sizeof(*file));
	ML_TRY(ml_stored_get_task(&r.parts, &file->head));
	ML_TRY(ml_stored_get_tabular(&r.parts, &file->head));
	file->width = file->head.tabular.ndense + file->head.tabular.nhot;
	ML_TRY(read_labels(&r));
	if (ml_safetensors_metadata(from, "kernel").data != NULL)
		ML_TRY(read_machine(&r));
	else
	{
		ML_TRY(read_weights(&r));
		ML_TRY(read_texts(&r));
	}
	return ml_stored_check_counts(&r.parts);
}

ml_status
ml_stored_describe_table(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_buffer *json)
{
	ml_table_file file;

	ML_TRY(ml_stored_read_table(ctx, arena, from, &file));
	ML_TRY(ml_stored_describe_head(ctx, ML_FORMAT_TABLE, &file.head, json));
	ML_TRY(ml_appendf(ctx, json, ",\"features\":%u", file.width + file.ntext));
	if (file.kind != ML_MACHINE_NONE)
		ML_TRY(ml_appendf(ctx, json, ",\"kernel\":\"%s\",\"support_vectors\":%u",
						  file.kind == ML_MACHINE_RBF ? "rbf" : "polynomial", file.nvectors));
	ML_TRY(ml_appendf(ctx, json, ",\"table\":"));
	ML_TRY(ml_append(ctx, json, file.head.table_json.data, file.head.table_json.size));
	if (file.recipe_json.data != NULL)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"unicode\":"));
		ML_TRY(ml_json_quote(ctx, json, file.recipe.unicode));
		ML_TRY(ml_appendf(ctx, json, ",\"recipe\":"));
		ML_TRY(ml_append(ctx, json, file.recipe_json.data, file.recipe_json.size));
	}
	return ml_append(ctx, json, "}", 1);
}
