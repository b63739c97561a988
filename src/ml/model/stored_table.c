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
#include "model/stored_parts.h"
#include "model/stored_table.h"

#include <math.h>

#define TENSORS_MAX		16
#define POLL_NUMBERS	((size_t) 1 << 16)

typedef struct writer
{
	ml_context *ctx;
	ml_stored_writer parts;
	const ml_stored_table *model;
	uint32_t	width;			/* ndense + nhot */
	uint32_t	ntext;			/* text features of the file */
	ml_buffer	recipe;
	ml_buffer	gaps;
} writer;

/* Labels and how their scores become probabilities; the intercepts. */
static ml_status
put_scores(writer *w)
{
	const ml_stored_table *model = w->model;
	const ml_solution *solution = model->solution;
	double	   *calibration;

	if (model->task == ML_CLASSIFICATION)
	{
		ML_TRY(ml_stored_put_labels(&w->parts, model->nlabels, model->labels, model->positive));
		ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, 2 * sizeof(double), (void **) &calibration));
		calibration[0] = model->slope;
		calibration[1] = model->nlabels == 2 ? model->offset : 0;
	}
	ml_stored_put_vector(&w->parts, "bias", ML_F64, solution->nscores, solution->bias);
	ML_TRY(ml_stored_check_doubles(w->ctx, solution->bias, solution->nscores, "intercepts"));
	if (model->task == ML_REGRESSION)
		return ML_OK;
	ml_stored_put_vector(&w->parts, "calibration", ML_F64, 2, calibration);
	return ml_stored_check_doubles(w->ctx, calibration, 2, "the calibration's numbers");
}

/* Features that depend on others, if there are any. */
static ml_status
put_dropped(writer *w)
{
	const bool *dropped = w->model->solution->dropped;
	uint8_t    *bytes;
	bool		any = false;

	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, w->width, (void **) &bytes));
	for (uint32_t j = 0; dropped != NULL && j < w->width; j++)
	{
		bytes[j] = dropped[j];
		any |= dropped[j];
	}
	if (any)
		ml_stored_put_vector(&w->parts, "dropped", ML_U8, w->width, bytes);
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
	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, ml_size_mul(w->width, sizeof(double)), (void **) &errors));
	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, 2 * sizeof(double), (void **) &inference));
	for (uint32_t j = 0; j < w->width; j++)
	{
		double		error = solution->std_error[j];

		/* all that are none have the same bits */
		errors[j] = isfinite(error) && error >= 0 ? error : NAN;
	}
	inference[0] = isfinite(solution->bias_std_error) && solution->bias_std_error >= 0 ?
		solution->bias_std_error : NAN;
	inference[1] = solution->freedom;
	ml_stored_put_vector(&w->parts, "std_error", ML_F64, w->width, errors);
	ml_stored_put_vector(&w->parts, "inference", ML_F64, 2, inference);
	return ml_stored_check_doubles(w->ctx, &inference[1], 1, "degrees of freedom");
}

static ml_status
put_weights(writer *w)
{
	const ml_solution *solution = w->model->solution;
	double	   *weights;

	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena,
						  ml_size_mul(ml_size_mul(solution->nscores, w->width), sizeof(double)), (void **) &weights));
	for (uint32_t c = 0; c < solution->nscores; c++)
	{
		const double *from = solution->weights + (size_t) c * solution->nfeatures;

		ML_TRY(ml_stored_check_doubles(w->ctx, from, w->width, "weights"));
		if (w->width > 0)
			memcpy(weights + (size_t) c * w->width, from, w->width * sizeof(double));
	}
	ml_stored_put_matrix(&w->parts, "weights", ML_F64, solution->nscores, w->width, weights);
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

	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, size, (void **) &kept));
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
				return ml_stored_not_finite(w->ctx, "weights of texts");
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
	ml_stored_put(&w->parts, "recipe", (ml_text) {w->recipe.data, w->recipe.size});
	ML_TRY(keep_vocabulary(w, texts, &kept));
	w->ntext = kept->nfeatures;
	ML_TRY(ml_vocabulary_write(w->ctx, kept, &w->gaps));
	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, w->ntext, (void **) &codes));
	for (uint32_t i = 0; i < texts->nfeatures; i++)
		if (texts->idf[i] != 0)
			codes[n++] = texts->idf_code[i];
	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena,
						  ml_size_mul(ml_size_mul(nscores, w->ntext), sizeof(float)), (void **) &weights));
	ML_TRY(keep_text_weights(w, texts, weights));
	ml_stored_put_vector(&w->parts, "features.gaps", ML_U8, w->gaps.size, w->gaps.data);
	ml_stored_put_vector(&w->parts, "features.idf", ML_U8, w->ntext, codes);
	ml_stored_put_vector(&w->parts, "idf_levels", ML_U16, ML_IDF_LEVELS, texts->idf_levels);
	ml_stored_put_matrix(&w->parts, "text.weights", ML_F32, nscores, w->ntext, weights);
	return ML_OK;
}

/* ---------- kernel machines ---------- */

static ml_status
put_machine(writer *w)
{
	const ml_solution *solution = w->model->solution;
	const ml_machine *machine = &solution->machine;
	bool		rbf = machine->kind == ML_MACHINE_RBF;
	double	   *numbers;

	ml_stored_put(&w->parts, "kernel", rbf ? ML_TEXT("rbf") : ML_TEXT("polynomial"));
	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, 3 * sizeof(double), (void **) &numbers));
	numbers[0] = machine->gamma;
	numbers[1] = machine->coef0;
	numbers[2] = machine->degree;
	ML_TRY(ml_stored_check_doubles(w->ctx, numbers, 3, "the kernel's numbers"));
	ML_TRY(ml_stored_check_floats(w->ctx, machine->vectors, (size_t) machine->nvectors * machine->width, "support vectors"));
	ML_TRY(ml_stored_check_floats(w->ctx, machine->coefficients, (size_t) machine->nvectors * solution->nscores,
						"coefficients of support vectors"));
	ml_stored_put_vector(&w->parts, "kernel", ML_F64, rbf ? 1 : 3, numbers);
	ml_stored_put_matrix(&w->parts, "vectors", ML_F32, machine->nvectors, machine->width, machine->vectors);
	ml_stored_put_matrix(&w->parts, "coefficients", ML_F32, solution->nscores, machine->nvectors, machine->coefficients);
	return ML_OK;
}

static ml_status
write_file(writer *w, ml_buffer *file)
{
	const ml_stored_table *model = w->model;
	bool		linear = model->solution->machine.kind == ML_MACHINE_NONE;

	ML_TRY(ml_stored_put_task(&w->parts, "2", model->task, model->algorithm));
	ML_TRY(ml_stored_put_tabular(&w->parts, model->tabular));
	ML_TRY(put_scores(w));
	if (linear)
	{
		ML_TRY(put_weights(w));
		ML_TRY(put_texts(w));
	}
	else
		ML_TRY(put_machine(w));
	return ml_stored_write(&w->parts, file);
}

ml_status
ml_stored_write_table(ml_context *ctx, const ml_stored_table *model, ml_buffer *file)
{
	writer		w = {
		.ctx = ctx, .model = model,
		.width = model->tabular->ndense + model->tabular->nhot
	};
	ml_status	status = ml_stored_writer_open(ctx, TENSORS_MAX, &w.parts);

	if (status == ML_OK)
		status = write_file(&w, file);
	ml_stored_writer_close(&w.parts);
	ml_buffer_free(ctx, &w.recipe);
	ml_buffer_free(ctx, &w.gaps);
	return status;
}
