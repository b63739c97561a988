/*-------------------------------------------------------------------------
 *
 * stored_table.c
 *	  Writing the stored layout of a table's model (stored_table.h).
 *
 * Equal models are equal files: what is not there is not written, numbers are
 * written as they are.  Text features that the fit never saw, being too rare
 * in the rows that it learnt from, are left out of the vocabulary.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored_table.h"

#include <math.h>

#define METADATA_MAX	8
#define TENSORS_MAX		16
#define POLL_NUMBERS	((size_t) 1 << 16)

typedef struct writer
{
	ml_context *ctx;
	ml_arena	arena;
	const ml_stored_table *model;
	uint32_t	width;			/* ndense + nhot */
	uint32_t	ntext;			/* text features of the file */
	ml_buffer	table;
	ml_buffer	recipe;
	ml_buffer	labels;
	ml_buffer	gaps;
	ml_metadata metadata[METADATA_MAX];
	uint32_t	nmetadata;
	ml_tensor	tensors[TENSORS_MAX];
	uint32_t	ntensors;
} writer;

static void
put_metadata(writer *w, const char *key, ml_text value)
{
	w->metadata[w->nmetadata++] = (ml_metadata) {{key, strlen(key)}, value};
}

static void
put_vector(writer *w, const char *name, ml_dtype dtype, uint64_t n, const void *data)
{
	w->tensors[w->ntensors++] = (ml_tensor) {{name, strlen(name)}, dtype, 1, {n}, data};
}

static void
put_matrix(writer *w, const char *name, ml_dtype dtype, uint64_t rows, uint64_t columns, const void *data)
{
	w->tensors[w->ntensors++] = (ml_tensor) {{name, strlen(name)}, dtype, 2, {rows, columns}, data};
}

static ml_status
not_finite(ml_context *ctx, const char *what)
{
	ml_fail(ctx, ML_BAD_DATA, "the fit did not end in numbers: %s are not finite", what);
	return ml_hint(ctx, "Look for columns with values of very different sizes, or lower the learning rate.");
}

static ml_status
check_finite(writer *w, const double *values, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(values[i]))
			return not_finite(w->ctx, what);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(w->ctx));
	}
	return ML_OK;
}

static ml_status
put_labels(writer *w)
{
	const ml_stored_table *model = w->model;
	void	   *numbers;
	double	   *calibration;

	if (model->task == ML_REGRESSION)
		return ML_OK;
	ML_TRY(ml_append(w->ctx, &w->labels, "[", 1));
	for (uint32_t i = 0; i < model->nlabels; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(w->ctx, &w->labels, ",", 1));
		ML_TRY(ml_json_quote(w->ctx, &w->labels, model->labels[i]));
	}
	ML_TRY(ml_append(w->ctx, &w->labels, "]", 1));
	put_metadata(w, "labels", (ml_text) {w->labels.data, w->labels.size});
	if (model->nlabels == 2)
		put_metadata(w, "positive", model->labels[model->positive]);
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, 2 * sizeof(double), &numbers));
	calibration = numbers;
	calibration[0] = model->slope;
	calibration[1] = model->nlabels == 2 ? model->offset : 0;
	put_vector(w, "calibration", ML_F64, 2, calibration);
	return check_finite(w, calibration, 2, "the calibration's numbers");
}

/* One row of numbers per dense feature. */
static ml_status
put_columns(writer *w)
{
	const ml_tabular *tabular = w->model->tabular;
	size_t		levels_size = tabular->nlevels == 0 ? 0 : (size_t) tabular->level_end[tabular->nlevels - 1];
	void	   *memory;
	double	   *scaling;

	ML_TRY(ml_tabular_write(w->ctx, tabular, &w->table));
	put_metadata(w, "table", (ml_text) {w->table.data, w->table.size});
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, ml_size_mul(tabular->ndense, 5 * sizeof(double)), &memory));
	scaling = memory;
	for (uint32_t i = 0; i < tabular->ndense; i++)
	{
		const ml_scaling *s = &tabular->scaling[i];

		memcpy(scaling + (size_t) i * 5, (double[5]) {s->mean, s->scale, s->fill, s->low, s->high}, 5 * sizeof(double));
	}
	put_matrix(w, "scaling", ML_F64, tabular->ndense, 5, scaling);
	put_vector(w, "level_end", ML_U64, tabular->nlevels, tabular->level_end);
	put_vector(w, "levels", ML_U8, levels_size, tabular->levels);
	put_vector(w, "bias", ML_F64, w->model->solution->nscores, w->model->solution->bias);
	return check_finite(w, w->model->solution->bias, w->model->solution->nscores, "intercepts");
}

/* Features that depend on others, if there are any. */
static ml_status
put_dropped(writer *w)
{
	const bool *dropped = w->model->solution->dropped;
	uint8_t    *bytes;
	bool		any = false;

	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, w->width, (void **) &bytes));
	for (uint32_t j = 0; dropped != NULL && j < w->width; j++)
	{
		bytes[j] = dropped[j];
		any |= dropped[j];
	}
	if (any)
		put_vector(w, "dropped", ML_U8, w->width, bytes);
	return ML_OK;
}

static ml_status
put_errors(writer *w)
{
	const ml_solution *solution = w->model->solution;
	double	   *errors;
	double	   *inference;

	if (!solution->has_errors)
		return ML_OK;
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, ml_size_mul(w->width, sizeof(double)), (void **) &errors));
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, 2 * sizeof(double), (void **) &inference));
	for (uint32_t j = 0; j < w->width; j++)
	{
		double		error = solution->std_error[j];

		/* all that are none have the same bits */
		errors[j] = isfinite(error) && error >= 0 ? error : NAN;
	}
	inference[0] = isfinite(solution->bias_std_error) && solution->bias_std_error >= 0 ?
		solution->bias_std_error : NAN;
	inference[1] = solution->freedom;
	put_vector(w, "std_error", ML_F64, w->width, errors);
	put_vector(w, "inference", ML_F64, 2, inference);
	return check_finite(w, &inference[1], 1, "degrees of freedom");
}

static ml_status
put_weights(writer *w)
{
	const ml_solution *solution = w->model->solution;
	double	   *weights;

	ML_TRY(ml_arena_alloc(w->ctx, &w->arena,
						  ml_size_mul(ml_size_mul(solution->nscores, w->width), sizeof(double)), (void **) &weights));
	for (uint32_t c = 0; c < solution->nscores; c++)
	{
		const double *from = solution->weights + (size_t) c * solution->nfeatures;

		ML_TRY(check_finite(w, from, w->width, "weights"));
		if (w->width > 0)
			memcpy(weights + (size_t) c * w->width, from, w->width * sizeof(double));
	}
	put_matrix(w, "weights", ML_F64, solution->nscores, w->width, weights);
	ML_TRY(put_dropped(w));
	return put_errors(w);
}

/* ---------- texts ---------- */

/* The vocabulary of the features that count, in the arena. */
static ml_status
keep_vocabulary(writer *w, const ml_rows_index *texts, ml_vocabulary **result)
{
	const ml_vocabulary *from = texts->vocabulary;
	size_t		size = ml_vocabulary_size((int) from->hash_bits);
	size_t		nblocks = (size_t) 1 << (from->hash_bits - 6);
	ml_vocabulary *kept;
	uint32_t	id = 0;

	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, size, (void **) &kept));
	memcpy(kept, from, size);
	for (size_t i = 0; i < nblocks; i++)
	{
		for (uint64_t left = from->blocks[i].bits; left != 0; left &= left - 1)
			if (texts->idf[id++] == 0)
				kept->blocks[i].bits &= ~(left & -left);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(w->ctx));
	}
	ml_vocabulary_rank(kept);
	*result = kept;
	return ML_OK;
}

static ml_status
keep_text_weights(writer *w, const ml_rows_index *texts, float *to)
{
	const ml_solution *solution = w->model->solution;

	for (uint32_t c = 0; c < solution->nscores; c++)
	{
		const double *from = solution->weights + (size_t) c * solution->nfeatures + w->width;

		for (uint32_t i = 0; i < texts->nfeatures; i++)
		{
			float		weight = (float) from[i];

			if (!isfinite(weight))
				return not_finite(w->ctx, "weights of texts");
			if (texts->idf[i] != 0)
				*to++ = weight;
			if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
				ML_TRY(ml_poll(w->ctx));
		}
	}
	return ML_OK;
}

static ml_status
put_texts(writer *w)
{
	const ml_rows_index *texts = w->model->texts;
	uint32_t	nscores = w->model->solution->nscores;
	ml_vocabulary *kept;
	uint8_t    *codes;
	float	   *weights;
	uint32_t	n = 0;

	if (w->model->tabular->ntexts == 0)
		return ML_OK;
	ML_TRY(ml_recipe_write(w->ctx, w->model->recipe, &w->recipe));
	put_metadata(w, "recipe", (ml_text) {w->recipe.data, w->recipe.size});
	ML_TRY(keep_vocabulary(w, texts, &kept));
	w->ntext = kept->nfeatures;
	ML_TRY(ml_vocabulary_write(w->ctx, kept, &w->gaps));
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, w->ntext, (void **) &codes));
	for (uint32_t i = 0; i < texts->nfeatures; i++)
		if (texts->idf[i] != 0)
			codes[n++] = texts->idf_code[i];
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena,
						  ml_size_mul(ml_size_mul(nscores, w->ntext), sizeof(float)), (void **) &weights));
	ML_TRY(keep_text_weights(w, texts, weights));
	put_vector(w, "features.gaps", ML_U8, w->gaps.size, w->gaps.data);
	put_vector(w, "features.idf", ML_U8, w->ntext, codes);
	put_vector(w, "idf_levels", ML_U16, ML_IDF_LEVELS, texts->idf_levels);
	put_matrix(w, "text.weights", ML_F32, nscores, w->ntext, weights);
	return ML_OK;
}

/* ---------- kernel machines ---------- */

static ml_status
check_floats(writer *w, const float *values, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(values[i]))
			return not_finite(w->ctx, what);
		if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(w->ctx));
	}
	return ML_OK;
}

static ml_status
put_machine(writer *w)
{
	const ml_solution *solution = w->model->solution;
	const ml_machine *machine = &solution->machine;
	bool		rbf = machine->kind == ML_MACHINE_RBF;
	double	   *numbers;

	put_metadata(w, "kernel", rbf ? ML_TEXT("rbf") : ML_TEXT("polynomial"));
	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, 3 * sizeof(double), (void **) &numbers));
	numbers[0] = machine->gamma;
	numbers[1] = machine->coef0;
	numbers[2] = machine->degree;
	ML_TRY(check_finite(w, numbers, 3, "the kernel's numbers"));
	ML_TRY(check_floats(w, machine->vectors, (size_t) machine->nvectors * machine->width, "support vectors"));
	ML_TRY(check_floats(w, machine->coefficients, (size_t) machine->nvectors * solution->nscores,
						"coefficients of support vectors"));
	put_vector(w, "kernel", ML_F64, rbf ? 1 : 3, numbers);
	put_matrix(w, "vectors", ML_F32, machine->nvectors, machine->width, machine->vectors);
	put_matrix(w, "coefficients", ML_F32, solution->nscores, machine->nvectors, machine->coefficients);
	return ML_OK;
}

static ml_status
write_file(writer *w, ml_buffer *file)
{
	const ml_stored_table *model = w->model;
	bool		linear = model->solution->machine.kind == ML_MACHINE_NONE;

	put_metadata(w, "format", ML_TEXT("2"));
	put_metadata(w, "task", model->task == ML_REGRESSION ? ML_TEXT("regression") : ML_TEXT("classification"));
	put_metadata(w, "algorithm", model->algorithm);
	ML_TRY(put_columns(w));
	ML_TRY(put_labels(w));
	if (linear)
	{
		ML_TRY(put_weights(w));
		ML_TRY(put_texts(w));
	}
	else
		ML_TRY(put_machine(w));
	return ml_safetensors_write(w->ctx, w->metadata, w->nmetadata, w->tensors, w->ntensors, file);
}

ml_status
ml_stored_write_table(ml_context *ctx, const ml_stored_table *model, ml_buffer *file)
{
	writer		w = {
		.ctx = ctx, .model = model,
		.width = model->tabular->ndense + model->tabular->nhot
	};
	ml_status	status = write_file(&w, file);

	ml_arena_free(ctx, &w.arena);
	ml_buffer_free(ctx, &w.table);
	ml_buffer_free(ctx, &w.recipe);
	ml_buffer_free(ctx, &w.labels);
	ml_buffer_free(ctx, &w.gaps);
	return status;
}
