/*-------------------------------------------------------------------------
 *
 * train_text.c
 *	  The trainer of text classifiers: rows in, a stored model and a report
 *	  out.
 *
 * Texts are encoded as they come and kept as counted features (learn/rows.h),
 * so the source is read once.  Half of the memory is for rows, the other half
 * for what is learnt; rows beyond theirs go to the host's spill file.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_text.h"

#include "model/stored.h"

#include <math.h>

/* below: features seen once count as well */
#define FEW_ROWS		1000
#define SHORT_ROWS		20		/* words, on average */
#define CHECK_ROWS		1024

static ml_status
open_text(ml_context *ctx, ml_text_trainer *text)
{
	ml_trainer *trainer = text->trainer;
	ml_recipe  *recipe = &trainer->options.recipe;
	ml_text		unicode = {ml_words_unicode_version(), strlen(ml_words_unicode_version())};
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, ml_size_mul(trainer->ncolumns, sizeof(ml_text)),
						  &memory));
	recipe->columns = memory;
	recipe->ncolumns = trainer->ncolumns;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		recipe->columns[i] = trainer->columns[i].name;
	ML_TRY(ml_arena_copy(ctx, &trainer->arena, unicode, &recipe->unicode));
	ML_TRY(ml_rows_open(ctx, trainer->memory / 2, recipe, trainer->options.char_weight,
						trainer->kernel, &text->rows));
	ML_TRY(ml_encoder_open(ctx, recipe, NULL, trainer->kernel, &text->encoder));
	ml_encoder_mark(text->encoder, ml_rows_marks(text->rows));
	return ML_OK;
}

ml_status
ml_train_text_open(ml_context *ctx, ml_trainer *trainer)
{
	void	   *memory;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_text_trainer), &memory));
	trainer->text = memory;
	trainer->text->trainer = trainer;
	return open_text(ctx, trainer->text);
}

void
ml_train_text_close(ml_context *ctx, ml_text_trainer *text)
{
	if (text == NULL)
		return;
	ml_linear_close(ctx, text->linear);
	ml_quantizer_close(ctx, text->quantizer);
	ml_encoder_close(ctx, text->encoder);
	ml_rows_close(ctx, text->rows);
	ml_release(ctx, text->split);
	ml_release(ctx, text->fold_scores);
	ml_release(ctx, text->holdout_scores);
	ml_judgement_free(ctx, &text->judgement);
	ml_release(ctx, text);
}

static ml_status
keep_split(ml_context *ctx, ml_text_trainer *text, double split)
{
	size_t		n = ml_rows_get(text->rows)->nrows;
	void	   *memory = text->split;

	if (text->trainer->options.holdout_by == ML_HOLDOUT_RANDOM &&
		text->trainer->options.groups.data == NULL)
		return ML_OK;
	ML_TRY(ml_grow(ctx, &memory, &text->split_capacity, n, sizeof(double)));
	text->split = memory;
	text->split[n - 1] = split;
	return ML_OK;
}

/* Bytes of the rows, in memory or as they must be. */
static size_t
rows_memory(const ml_text_trainer *text)
{
	return ml_size_add(ml_rows_memory(text->rows), text->split_capacity * sizeof(double));
}

ml_status
ml_train_text_add(ml_context *ctx, ml_text_trainer *text, const ml_train_row *row)
{
	const ml_trainer *trainer = text->trainer;
	ml_features features;
	uint32_t	nrows;

	ML_TRY(ml_encoder_run(ctx, text->encoder, &row->inputs->text, &features));
	ML_TRY(ml_rows_add(ctx, text->rows, &features, row->label, row->weight));
	ML_TRY(keep_split(ctx, text, row->split));
	nrows = ml_rows_get(text->rows)->nrows;
	if (nrows % CHECK_ROWS != 0 || rows_memory(text) <= trainer->memory)
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"%llu rows need more than the %zu MB of memory allowed",
			(unsigned long long) trainer->seen, trainer->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem: rows go to a temporary file, but each keeps "
						"about %llu bytes in memory.",
				   (unsigned long long) (rows_memory(text) / nrows + 1));
}

/* Put the labels into C order, and the rows' numbers with them. */
static ml_status
sort_labels(ml_context *ctx, ml_text_trainer *text)
{
	ml_rows_data *data = ml_rows_get(text->rows);
	uint32_t   *place;

	ML_TRY(ml_labels_sort(ctx, &text->trainer->labels, &place));
	for (uint32_t i = 0; i < data->nrows; i++)
		data->label[i] = place[data->label[i]];
	return ML_OK;
}

/* The stored layout of texts knows one positive label. */
static ml_status
check_positive(ml_context *ctx, const ml_text_trainer *text)
{
	const ml_trainer *trainer = text->trainer;
	const ml_text *last = &trainer->labels.names[trainer->labels.n - 1];
	uint32_t	number;

	if (trainer->options.positive.data == NULL)
		return ML_OK;
	ML_TRY(ml_labels_named(ctx, &trainer->labels, trainer->options.positive, "positive", &number));
	if (number == trainer->labels.n - 1)
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "the positive label of a text classifier is the last in C order, \"%.*s\"",
			(int) ML_MIN(last->size, (size_t) 64), last->data);
	return ml_hint(ctx, "Leave out the option \"positive\".");
}

static ml_status
write_stored(ml_context *ctx, ml_text_trainer *text, ml_buffer *stored)
{
	const ml_trainer *trainer = text->trainer;
	const ml_rows_index *index = ml_rows_indexed(text->rows);
	ml_quantized weights;

	ml_linear_progress(ctx, ML_PHASE_STORE, ml_rows_get(text->rows)->nrows, 0, NAN);
	ML_TRY(ml_quantizer_finish(ctx, text->quantizer, &weights));
	for (uint32_t i = 0; i < text->nscores; i++)
	{
		text->slope[i] = (float) text->calibration.slope;
		text->offset[i] = (float) text->calibration.offset;
	}
	return ml_stored_write_linear(ctx, &(ml_stored_linear)
								  {
									  .algorithm = trainer->options.algorithm,
									  .recipe = &trainer->options.recipe,
									  .vocabulary = index->vocabulary,
									  .idf_code = index->idf_code,
									  .idf_levels = index->idf_levels,
									  .nlabels = trainer->labels.n,
									  .labels = trainer->labels.names,
									  .weights = &weights,
									  .bias = text->bias,
									  .slope = text->slope,
									  .offset = text->offset
								  }, stored);
}

static ml_status
report_calibration(ml_context *ctx, const ml_calibration *calibration, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, ", \"calibration\": {\"rows\": %u", calibration->rows));
	ML_TRY(ml_report_number(ctx, json, "slope", calibration->slope, 6));
	ML_TRY(ml_report_number(ctx, json, "offset", calibration->offset, 6));
	ML_TRY(ml_report_number(ctx, json, "log_loss", calibration->loss, 6));
	return ml_appendf(ctx, json, "}");
}

static ml_status
write_report(ml_context *ctx, ml_text_trainer *text, ml_buffer *json)
{
	const ml_trainer *trainer = text->trainer;
	uint32_t	nrows = ml_rows_get(text->rows)->nrows;
	uint64_t	most = 0;

	for (uint32_t i = 0; i < trainer->labels.n; i++)
		most = ML_MAX(most, trainer->labels.rows[i]);
	ML_TRY(ml_appendf(ctx, json, "{\"algorithm\": \"%s\", \"options\": ",
					  trainer->options.algorithm.data));
	ML_TRY(ml_options_write(ctx, &trainer->options, json));
	ML_TRY(ml_appendf(ctx, json, ", \"rows\": %u, \"skipped\": %llu, \"holdout_rows\": %u, "
					  "\"classes\": %u, \"vocabulary\": %u", nrows,
					  (unsigned long long) trainer->skipped, text->nholdout,
					  trainer->labels.n, ml_rows_indexed(text->rows)->nfeatures));
	ML_TRY(ml_report_losses(ctx, json, &text->first, text->refit_epochs, text->loss));
	ML_TRY(report_calibration(ctx, &text->calibration, json));
	ML_TRY(ml_report_number(ctx, json, "baseline", (double) most / nrows, 6));
	ML_TRY(ml_report_metrics(ctx, json, &text->judgement));
	ML_TRY(ml_report_labels(ctx, json, &trainer->labels, &text->judgement));
	ML_TRY(ml_report_confusion(ctx, json, &text->judgement));
	ML_TRY(ml_report_curves(ctx, json, &text->judgement, &text->calibration));
	return ml_appendf(ctx, json, "}");
}

/* All rows are there: what is the same for trainings and cross-validations. */
static ml_status
begin(ml_context *ctx, ml_text_trainer *text)
{
	ml_trainer *trainer = text->trainer;
	ml_recipe  *recipe = &trainer->options.recipe;

	ml_encoder_close(ctx, text->encoder);
	text->encoder = NULL;
	if (recipe->min_df == 0)
	{
		uint64_t	nrows = ml_rows_get(text->rows)->nrows;

		recipe->min_df = nrows < FEW_ROWS ||
			ml_rows_words(text->rows) < SHORT_ROWS * nrows ? 1 : 2;
	}
	text->nscores = trainer->labels.n == 2 ? 1 : trainer->labels.n;
	ML_TRY(sort_labels(ctx, text));
	ML_TRY(check_positive(ctx, text));
	return ml_labels_weights(ctx, &trainer->labels, &trainer->options, &text->class_weights);
}

ml_status
ml_train_text_finish(ml_context *ctx, ml_text_trainer *text, ml_buffer *stored, ml_buffer *report)
{
	ML_TRY(begin(ctx, text));
	ML_TRY(ml_train_text_fit(ctx, text));
	ml_tell_judges(ctx, text->nholdout);
	ML_TRY(write_stored(ctx, text, stored));
	return write_report(ctx, text, report);
}

ml_status
ml_train_text_cross(ml_context *ctx, ml_text_trainer *text, int folds, double *values,
					uint64_t *rows)
{
	int			nparts = folds * ml_cross_parts(folds);
	ml_status	status;

	ML_TRY(begin(ctx, text));
	status = ml_train_text_deal(ctx, text, nparts);
	/* groups fewer than parts may still be enough for the folds */
	if (status == ML_BAD_DATA && nparts > folds)
	{
		nparts = folds;
		status = ml_train_text_deal(ctx, text, nparts);
	}
	ML_TRY(status);
	return ml_train_text_cross_fit(ctx, text, folds, nparts, values, rows);
}
