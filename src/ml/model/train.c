/*-------------------------------------------------------------------------
 *
 * train.c
 *	  The trainer: rows in, a stored model and a report out.
 *
 * Texts are encoded as they come and kept as counted features (learn/rows.h),
 * so the source is read once.  Half of the memory is for rows, the other half
 * for what is learnt; rows beyond theirs go to the host's spill file.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train.h"

#include "base/hash.h"
#include "base/sort.h"
#include "model/stored.h"

#include <math.h>

/* below: features seen once count as well */
#define FEW_ROWS		1000
#define SHORT_ROWS		20		/* words, on average */
#define PROGRESS_ROWS	1024

static ml_status
open_trainer(ml_context *ctx, const ml_training *training, ml_trainer *trainer)
{
	ml_recipe  *recipe = &trainer->options.recipe;
	ml_text		unicode = {ml_words_unicode_version(), strlen(ml_words_unicode_version())};
	void	   *memory;

	ML_TRY(ml_options_read(ctx, &trainer->arena, training->algorithm, training->options,
						   &trainer->options));
	ML_TRY(ml_options_settle(ctx, &trainer->options, ML_CLASSIFICATION, ML_SUBJECT_TEXT));
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, ml_size_mul(training->ncolumns, sizeof(ml_text)),
						  &memory));
	recipe->columns = memory;
	recipe->ncolumns = training->ncolumns;
	for (uint32_t i = 0; i < training->ncolumns; i++)
		ML_TRY(ml_arena_copy(ctx, &trainer->arena, training->columns[i].name, &recipe->columns[i]));
	ML_TRY(ml_arena_copy(ctx, &trainer->arena, unicode, &recipe->unicode));
	trainer->nslots = 64;
	ML_TRY(ml_alloc_zero(ctx, trainer->nslots * sizeof(uint32_t), &memory));
	trainer->slots = memory;
	ML_TRY(ml_rows_open(ctx, trainer->memory / 2, recipe, trainer->options.char_weight,
						trainer->kernel, &trainer->rows));
	ML_TRY(ml_encoder_open(ctx, recipe, NULL, trainer->kernel, &trainer->encoder));
	ml_encoder_mark(trainer->encoder, ml_rows_marks(trainer->rows));
	return ML_OK;
}

ml_status
ml_trainer_open(ml_context *ctx, const ml_training *training, ml_trainer **result)
{
	void	   *block;
	ml_status	status;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_trainer), &block));
	*result = block;
	(*result)->kernel = training->kernel;
	(*result)->memory = training->memory;
	status = open_trainer(ctx, training, *result);
	if (status != ML_OK)
	{
		ml_trainer_close(ctx, *result);
		*result = NULL;
	}
	return status;
}

void
ml_trainer_close(ml_context *ctx, ml_trainer *trainer)
{
	if (trainer == NULL)
		return;
	ml_linear_close(ctx, trainer->linear);
	ml_quantizer_close(ctx, trainer->quantizer);
	ml_encoder_close(ctx, trainer->encoder);
	ml_rows_close(ctx, trainer->rows);
	ml_release(ctx, trainer->labels);
	ml_release(ctx, trainer->slots);
	ml_release(ctx, trainer->fold_scores);
	ml_release(ctx, trainer->holdout_scores);
	ml_release(ctx, trainer->confusion);
	ml_release(ctx, trainer->auc);
	ml_arena_free(ctx, &trainer->arena);
	ml_release(ctx, trainer);
}

/* Where a label is, or belongs, in the table. */
static uint32_t
find_slot(const ml_trainer *trainer, ml_text label)
{
	uint32_t	slot = (uint32_t) ml_hash(label.data, label.size, 0) & (trainer->nslots - 1);

	while (trainer->slots[slot] != 0 &&
		   !ml_text_equal(trainer->labels[trainer->slots[slot] - 1], label))
		slot = (slot + 1) & (trainer->nslots - 1);
	return slot;
}

static ml_status
grow_slots(ml_context *ctx, ml_trainer *trainer)
{
	void	   *memory;

	if (trainer->nlabels < trainer->nslots / 2)
		return ML_OK;
	ML_TRY(ml_alloc_zero(ctx, trainer->nslots * 2 * sizeof(uint32_t), &memory));
	ml_release(ctx, trainer->slots);
	trainer->slots = memory;
	trainer->nslots *= 2;
	for (uint32_t i = 0; i < trainer->nlabels; i++)
		trainer->slots[find_slot(trainer, trainer->labels[i])] = i + 1;
	return ML_OK;
}

/* The number of a label, a new one if it wasn't seen before. */
static ml_status
find_label(ml_context *ctx, ml_trainer *trainer, ml_text label, uint32_t *number)
{
	void	   *memory = trainer->labels;
	uint32_t	slot;

	if (label.size > ML_LABEL_MAX)
	{
		ml_fail(ctx, ML_BAD_DATA, "the label of row %llu has %zu bytes, more than %d",
				(unsigned long long) trainer->seen, label.size, ML_LABEL_MAX);
		return ml_hint(ctx, "Is the target the right column?");
	}
	if (ml_utf8_valid(label.data, label.size) != label.size)
		return ml_fail(ctx, ML_BAD_TEXT, "the label of row %llu is not valid UTF-8",
					   (unsigned long long) trainer->seen);
	slot = find_slot(trainer, label);
	if (trainer->slots[slot] != 0)
	{
		*number = trainer->slots[slot] - 1;
		return ML_OK;
	}
	if (trainer->nlabels == ML_CLASSES_MAX)
	{
		ml_fail(ctx, ML_BAD_DATA, "the target has more than %d different labels",
				ML_CLASSES_MAX);
		return ml_hint(ctx, "Is the target the right column?");
	}
	ML_TRY(grow_slots(ctx, trainer));
	slot = find_slot(trainer, label);
	ML_TRY(ml_grow(ctx, &memory, &trainer->labels_capacity, trainer->nlabels + 1,
				   sizeof(ml_text)));
	trainer->labels = memory;
	ML_TRY(ml_arena_copy(ctx, &trainer->arena, label, &trainer->labels[trainer->nlabels]));
	*number = trainer->nlabels++;
	trainer->slots[slot] = *number + 1;
	return ML_OK;
}

static ml_status
add_row(ml_context *ctx, ml_trainer *trainer, const ml_value *inputs, ml_text label,
		float weight)
{
	uint32_t	ncolumns = trainer->options.recipe.ncolumns;
	uint32_t	number = 0;
	uint32_t	present = 0;
	ml_features features;

	ML_TRY(ml_poll(ctx));
	trainer->seen++;
	for (uint32_t i = 0; i < ncolumns; i++)
		present += inputs[i].text.data != NULL;
	if (!(weight >= 0) || isinf(weight))
		return ml_fail(ctx, ML_BAD_DATA,
					   "the weight of row %llu is not a finite number of at least 0",
					   (unsigned long long) trainer->seen);
	if (label.data == NULL || present == 0 || weight == 0)
	{
		trainer->skipped++;
		return ML_OK;
	}
	ML_TRY(find_label(ctx, trainer, label, &number));
	ML_TRY(ml_encoder_run(ctx, trainer->encoder, &inputs->text, &features));
	return ml_rows_add(ctx, trainer->rows, &features, number, weight);
}

ml_status
ml_trainer_add(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch)
{
	uint32_t	ncolumns = trainer->options.recipe.ncolumns;

	for (size_t i = 0; i < batch->n; i++)
	{
		ML_TRY(add_row(ctx, trainer, batch->inputs + i * ncolumns, batch->targets[i].text,
					   batch->weights == NULL ? 1 : batch->weights[i]));
		if (trainer->seen % PROGRESS_ROWS != 0)
			continue;
		ml_linear_progress(ctx, ML_PHASE_READ, (int64_t) trainer->seen, 0, NAN);
		if (ml_rows_memory(trainer->rows) > trainer->memory)
		{
			ml_fail(ctx, ML_MEMORY_LIMIT,
					"%llu rows need more than the %zu MB of memory allowed",
					(unsigned long long) trainer->seen, trainer->memory >> 20);
			return ml_hint(ctx, "Raise maintenance_work_mem: rows go to a temporary file, but each keeps "
						   "about %llu bytes in memory.",
						   (unsigned long long) (ml_rows_memory(trainer->rows) / trainer->seen + 1));
		}
	}
	return ML_OK;
}

typedef struct named_label
{
	ml_text		text;
	uint32_t	number;
} named_label;

static int
compare_labels(const void *a, const void *b)
{
	return ml_text_compare(((const named_label *) a)->text, ((const named_label *) b)->text);
}

/* Put the labels into C order, and the rows' numbers with them. */
static ml_status
sort_labels(ml_context *ctx, ml_trainer *trainer)
{
	ml_rows_data *data = ml_rows_get(trainer->rows);
	named_label *sorted;
	uint32_t   *place;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, trainer->nlabels * sizeof(named_label),
						  &memory));
	sorted = memory;
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, trainer->nlabels * sizeof(uint32_t), &memory));
	place = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, trainer->nlabels * sizeof(uint32_t),
							   &memory));
	trainer->label_rows = memory;
	for (uint32_t i = 0; i < trainer->nlabels; i++)
		sorted[i] = (named_label) {trainer->labels[i], i};
	ml_sort(sorted, trainer->nlabels, sizeof(named_label), compare_labels);
	for (uint32_t i = 0; i < trainer->nlabels; i++)
	{
		trainer->labels[i] = sorted[i].text;
		place[sorted[i].number] = i;
	}
	for (uint32_t i = 0; i < data->nrows; i++)
	{
		data->label[i] = place[data->label[i]];
		trainer->label_rows[data->label[i]]++;
	}
	return ML_OK;
}

/* Refuse what nothing can be learnt from. */
static ml_status
check_rows(ml_context *ctx, const ml_trainer *trainer)
{
	uint32_t	nrows = ml_rows_get(trainer->rows)->nrows;

	if (nrows == 0)
	{
		ml_fail(ctx, ML_BAD_DATA, "there are no rows to learn from");
		if (trainer->skipped > 0)
			ml_detail(ctx, "In each of the %llu rows the label or the text is missing.",
					  (unsigned long long) trainer->skipped);
		return ML_BAD_DATA;
	}
	if (trainer->nlabels < 2)
	{
		ml_fail(ctx, ML_BAD_DATA, "all %u rows have the label \"%.*s\"", nrows,
				(int) ML_MIN(trainer->labels[0].size, (size_t) 64), trainer->labels[0].data);
		return ml_hint(ctx, "A classifier needs rows of at least two labels.");
	}
	return ML_OK;
}

/* Copy the labels' weights into one array, or compute the balanced ones. */
static ml_status
set_class_weights(ml_context *ctx, ml_trainer *trainer)
{
	const ml_options *options = &trainer->options;
	uint32_t	nrows = ml_rows_get(trainer->rows)->nrows;
	void	   *memory;

	if (!options->balanced && options->nclass_weights == 0)
		return ML_OK;
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, trainer->nlabels * sizeof(float), &memory));
	trainer->class_weights = memory;
	for (uint32_t i = 0; i < trainer->nlabels; i++)
		trainer->class_weights[i] = options->balanced ?
			(float) nrows / ((float) trainer->nlabels * (float) trainer->label_rows[i]) : 1;
	for (uint32_t i = 0; i < options->nclass_weights; i++)
	{
		const ml_class_weight *weight = &options->class_weights[i];
		uint32_t	slot = 0;

		while (slot < trainer->nlabels && !ml_text_equal(trainer->labels[slot], weight->label))
			slot++;
		if (slot == trainer->nlabels)
		{
			int			nearest = ml_text_nearest(weight->label, trainer->labels,
												  (int) trainer->nlabels);

			ml_fail(ctx, ML_BAD_OPTION,
					"option \"class_weight\" names the label \"%.*s\", which no row has",
					(int) ML_MIN(weight->label.size, (size_t) 64), weight->label.data);
			if (nearest >= 0)
				ml_hint(ctx, "Perhaps you meant \"%.*s\".",
						(int) ML_MIN(trainer->labels[nearest].size, (size_t) 64),
						trainer->labels[nearest].data);
			return ML_BAD_OPTION;
		}
		trainer->class_weights[slot] = (float) weight->weight;
	}
	return ML_OK;
}

static ml_status
write_stored(ml_context *ctx, ml_trainer *trainer, ml_buffer *stored)
{
	const ml_rows_index *index = ml_rows_indexed(trainer->rows);
	ml_quantized weights;

	ml_linear_progress(ctx, ML_PHASE_STORE, ml_rows_get(trainer->rows)->nrows, 0, NAN);
	ML_TRY(ml_quantizer_finish(ctx, trainer->quantizer, &weights));
	for (uint32_t i = 0; i < trainer->nscores; i++)
	{
		trainer->slope[i] = (float) trainer->calibration.slope;
		trainer->offset[i] = (float) trainer->calibration.offset;
	}
	return ml_stored_write_linear(ctx, &(ml_stored_linear)
								  {
									  .algorithm = trainer->options.algorithm,
									  .recipe = &trainer->options.recipe,
									  .vocabulary = index->vocabulary,
									  .idf_code = index->idf_code,
									  .idf_levels = index->idf_levels,
									  .nlabels = trainer->nlabels,
									  .labels = trainer->labels,
									  .weights = &weights,
									  .bias = trainer->bias,
									  .slope = trainer->slope,
									  .offset = trainer->offset
								  }, stored);
}

ml_status
ml_trainer_finish(ml_context *ctx, ml_trainer *trainer, ml_buffer *stored, ml_buffer *report)
{
	ml_recipe  *recipe = &trainer->options.recipe;

	ml_encoder_close(ctx, trainer->encoder);
	trainer->encoder = NULL;
	ML_TRY(check_rows(ctx, trainer));
	if (recipe->min_df == 0)
	{
		uint64_t	nrows = ml_rows_get(trainer->rows)->nrows;

		recipe->min_df = nrows < FEW_ROWS ||
			ml_rows_words(trainer->rows) < SHORT_ROWS * nrows ? 1 : 2;
	}
	trainer->nscores = trainer->nlabels == 2 ? 1 : trainer->nlabels;
	ML_TRY(sort_labels(ctx, trainer));
	ML_TRY(set_class_weights(ctx, trainer));
	ML_TRY(ml_train_fit(ctx, trainer));
	ML_TRY(ml_train_judge(ctx, trainer));
	ML_TRY(write_stored(ctx, trainer, stored));
	return ml_train_report(ctx, trainer, report);
}
