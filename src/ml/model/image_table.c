/*-------------------------------------------------------------------------
 *
 * image_table.c
 *	  Images of models of tables.
 *
 *-------------------------------------------------------------------------
 */
#include "model/coefficients.h"
#include "model/image.h"

#include <math.h>

#define POLL_NUMBERS	((size_t) 1 << 16)
#define TEXT_BITS		48		/* of the largest weight of a score; 12 more are its tf */

static void
plan_linear(const ml_table_file *file, ml_table_image *image, uint64_t *end)
{
	uint64_t	nweights = ml_size_mul(file->width, file->head.nscores);

	image->weights = ml_image_section_of(end, nweights, sizeof(double));
	image->dropped = ml_image_section_of(end, file->width, 1);
	image->has_errors = file->std_error != NULL;
	image->std_error = ml_image_section_of(end, image->has_errors ? file->width : 0, sizeof(double));
	image->bias_std_error = file->bias_std_error;
	image->freedom = file->freedom;
	if (file->head.tabular.ntexts == 0)
		return;
	image->head.vocabulary = ml_image_section(end, ml_vocabulary_size(file->recipe.hash_bits));
	image->text_records = ml_image_section_of(end, ml_size_mul(file->ntext, 1 + (size_t) file->head.nscores), sizeof(int64_t));
}

static void
plan_machine(const ml_table_file *file, ml_table_image *image, uint64_t *end)
{
	image->machine = (ml_panels)
	{
		.kind = file->kind, .gamma = (float) file->gamma, .coef0 = (float) file->coef0, .degree = file->degree,
		.nvectors = file->nvectors, .npanels = ml_panels_of(file->nvectors), .width = file->width,
		.nscores = file->head.nscores
	};
	image->panels = ml_image_section_of(end, ml_panels_vectors(file->nvectors, file->width), sizeof(float));
	image->coefficients = ml_image_section_of(end, ml_panels_coefficients(file->nvectors, file->head.nscores), sizeof(float));
}

ml_status
ml_image_plan_table(ml_context *ctx, const ml_table_file *file, ml_table_image *image)
{
	const ml_tabular *tabular = &file->head.tabular;
	ml_image_names names = ml_image_names_of(&file->head, file->recipe.unicode);
	ml_image   *head = &image->head;
	uint64_t	end = sizeof(ml_table_image);

	if (tabular->ntexts > 0)
		ML_TRY(ml_vocabulary_read(ctx, file->gaps, file->gaps_size, file->recipe.hash_bits, file->ntext, NULL));
	/* the padding between members must have the same bytes in every image */
	memset(image, 0, sizeof(*image));
	memcpy(&head->recipe, &file->recipe, sizeof(ml_recipe));
	head->recipe.columns = NULL;
	head->recipe.unicode = (ml_text) {NULL, 0};
	head->task = file->head.task;
	head->nscores = file->head.nscores;
	head->positive = file->head.positive;
	head->ntexts = tabular->ntexts;
	head->nfeatures = file->ntext;
	memcpy(&image->tabular, tabular, sizeof(ml_tabular));
	image->tabular.names = NULL;
	image->tabular.time_zone = (ml_text) {NULL, 0};
	image->tabular.columns = NULL;
	image->tabular.scaling = NULL;
	image->tabular.level_end = NULL;
	image->tabular.levels = NULL;
	image->tabular.slots = NULL;
	image->width = file->width;
	ml_image_plan_head(head, ML_FORMAT_TABLE, &names, &end);
	image->columns = ml_image_section_of(&end, tabular->ncolumns, sizeof(ml_tabular_column));
	image->scaling = ml_image_section_of(&end, tabular->ndense, sizeof(ml_scaling));
	image->level_end = ml_image_section_of(&end, tabular->nlevels, sizeof(uint64_t));
	image->levels = ml_image_section_of(&end, file->head.levels_size, 1);
	image->slots = ml_image_section_of(&end, tabular->nslots, sizeof(uint32_t));
	if (file->kind == ML_MACHINE_NONE)
		plan_linear(file, image, &end);
	else
		plan_machine(file, image, &end);
	head->size = ml_size_align(end, ML_ALIGN);
	return head->size == SIZE_MAX ? ml_no_memory(ctx, SIZE_MAX) : ML_OK;
}

static void *
place(ml_table_image *image, uint64_t offset)
{
	return (char *) image + offset;
}

static void
copy(ml_table_image *image, uint64_t offset, const void *from, size_t n, size_t width)
{
	if (n > 0)
		memcpy(place(image, offset), from, n * width);
}

static ml_status
fill_weights(ml_context *ctx, const ml_table_file *file, ml_table_image *image)
{
	double	   *weights = place(image, image->weights);

	for (uint32_t c = 0; c < file->head.nscores; c++)
		for (uint32_t j = 0; j < file->width; j++)
		{
			weights[(size_t) j * file->head.nscores + c] = ml_double_at(file->weights, (size_t) c * file->width + j);
			if (j % POLL_NUMBERS == POLL_NUMBERS - 1)
				ML_TRY(ml_poll(ctx));
		}
	if (file->dropped != NULL)
		copy(image, image->dropped, file->dropped->data, file->width, 1);
	if (file->std_error != NULL)
		copy(image, image->std_error, file->std_error->data, file->width, sizeof(double));
	return ML_OK;
}

/* Weight x idf of one score's features, as integers in units of a power of two, which is returned in *unit. */
static ml_status
fill_text_score(ml_context *ctx, const ml_table_file *file, uint32_t c, int64_t *records, double *unit)
{
	size_t		stride = 1 + (size_t) file->head.nscores;
	double		largest = 0;
	int			exponent = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		for (uint32_t i = 0; i < file->ntext; i++)
		{
			double		idf = (double) file->idf_levels[file->idf_code[i]] / ML_IDF_ONE;
			double		weight = ml_float_at(file->text_weights, (size_t) c * file->ntext + i) * idf;

			if (pass == 0)
				largest = ML_MAX(largest, fabs(weight));
			else
				records[i * stride + 1 + c] = (int64_t) rint(ldexp(weight, TEXT_BITS - exponent));
			if (i % POLL_NUMBERS == POLL_NUMBERS - 1)
				ML_TRY(ml_poll(ctx));
		}
		/* largest < 2^exponent */
		if (pass == 0)
			frexp(largest, &exponent);
	}
	*unit = ldexp(1, exponent - TEXT_BITS);
	return ML_OK;
}

static ml_status
fill_texts(ml_context *ctx, const ml_table_file *file, ml_table_image *image)
{
	size_t		stride = 1 + (size_t) file->head.nscores;
	int64_t    *records = place(image, image->text_records);
	double	   *units = place(image, image->head.numbers);

	ML_TRY(ml_vocabulary_read(ctx, file->gaps, file->gaps_size, file->recipe.hash_bits, file->ntext,
							  place(image, image->head.vocabulary)));
	for (uint32_t i = 0; i < file->ntext; i++)
		records[i * stride] = file->idf_levels[file->idf_code[i]];
	for (uint32_t c = 0; c < file->head.nscores; c++)
		ML_TRY(fill_text_score(ctx, file, c, records, &units[c]));
	return ML_OK;
}

static void
fill_numbers(const ml_table_file *file, ml_table_image *image)
{
	uint32_t	n = file->head.nscores;
	double	   *numbers = place(image, image->head.numbers);

	for (uint32_t c = 0; c < n; c++)
	{
		numbers[c] = 1;
		numbers[n + c] = file->bias[c];
		numbers[2 * (size_t) n + c] = file->slope;
		numbers[3 * (size_t) n + c] = file->offset;
	}
}

ml_status
ml_image_fill_table(ml_context *ctx, const ml_table_file *file, const ml_table_image *header,
					ml_table_image *image)
{
	const ml_tabular *tabular = &file->head.tabular;
	ml_image_names names = ml_image_names_of(&file->head, file->recipe.unicode);

	ML_TRY(ml_image_fill_head(ctx, &image->head, &header->head, sizeof(*header), &names));
	fill_numbers(file, image);
	copy(image, image->columns, tabular->columns, tabular->ncolumns, sizeof(ml_tabular_column));
	copy(image, image->scaling, tabular->scaling, tabular->ndense, sizeof(ml_scaling));
	copy(image, image->level_end, tabular->level_end, tabular->nlevels, sizeof(uint64_t));
	copy(image, image->levels, tabular->levels, file->head.levels_size, 1);
	ML_TRY(ml_tabular_hash(ctx, tabular, place(image, image->slots)));
	if (file->kind != ML_MACHINE_NONE)
		return ml_panels_fill(ctx, file->vectors->data, file->coefficients->data, file->nvectors, file->width,
							  file->head.nscores, place(image, image->panels), place(image, image->coefficients));
	ML_TRY(fill_weights(ctx, file, image));
	return tabular->ntexts == 0 ? ML_OK : fill_texts(ctx, file, image);
}

/* ---------- views ---------- */

void
ml_image_tabular(const ml_table_image *image, ml_text *names, ml_tabular *tabular)
{
	const ml_image *head = &image->head;

	for (uint32_t i = 0; i < head->ncolumns; i++)
		names[i] = ml_image_column(head, i);
	*tabular = image->tabular;
	tabular->names = names;
	tabular->time_zone = ml_image_time_zone(head);
	tabular->columns = ml_image_at(head, image->columns);
	tabular->scaling = ml_image_at(head, image->scaling);
	tabular->level_end = ml_image_at(head, image->level_end);
	tabular->levels = ml_image_at(head, image->levels);
	tabular->slots = ml_image_at(head, image->slots);
}

ml_panels
ml_image_machine(const ml_table_image *image)
{
	ml_panels	panels = image->machine;

	panels.vectors = ml_image_at(&image->head, image->panels);
	panels.coefficients = ml_image_at(&image->head, image->coefficients);
	return panels;
}

/* ---------- coefficients ---------- */

/* weights[nscores][width], as terms are listed. */
static ml_status
transpose(ml_context *ctx, ml_arena *arena, const ml_table_image *image, double **result)
{
	const double *from = ml_image_at(&image->head, image->weights);
	size_t		n = image->head.nscores;
	double	   *to;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(ml_size_mul(image->width, n), sizeof(double)), (void **) &to));
	for (size_t c = 0; c < n; c++)
		for (size_t j = 0; j < image->width; j++)
		{
			to[c * image->width + j] = from[j * n + c];
			if (j % POLL_NUMBERS == POLL_NUMBERS - 1)
				ML_TRY(ml_poll(ctx));
		}
	*result = to;
	return ML_OK;
}

ml_status
ml_image_coefficients(ml_context *ctx, ml_arena *arena, const ml_image *head,
					  const ml_coefficient **coefficients, size_t *n)
{
	const ml_table_image *image = (const ml_table_image *) head;
	ml_linear_terms terms = {.nscores = head->nscores, .bias = ml_image_bias(head)};
	ml_tabular	tabular;
	ml_text    *names;
	ml_text    *labels;
	double	   *weights;

	if (head->format == ML_FORMAT_NETWORK)
		return ml_fail(ctx, ML_UNSUPPORTED, "a network has weights of layers, and no coefficients of columns");
	if (head->format != ML_FORMAT_TABLE)
		return ml_fail(ctx, ML_UNSUPPORTED, "a classifier of texts has n-grams of words, and no coefficients of columns");
	if (image->machine.kind != ML_MACHINE_NONE)
		return ml_fail(ctx, ML_UNSUPPORTED, "a kernel machine has support vectors, and no coefficients of columns");
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(head->ncolumns, sizeof(ml_text)), (void **) &names));
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(head->nlabels, sizeof(ml_text)), (void **) &labels));
	ML_TRY(transpose(ctx, arena, image, &weights));
	for (uint32_t c = 0; c < head->nlabels; c++)
		labels[c] = ml_image_label(head, c);
	ml_image_tabular(image, names, &tabular);
	terms.tabular = &tabular;
	terms.labels = head->nscores > 1 ? labels : NULL;
	terms.weights = weights;
	terms.dropped = ml_image_at(head, image->dropped);
	if (image->has_errors)
	{
		terms.std_error = ml_image_at(head, image->std_error);
		terms.bias_std_error = image->bias_std_error;
		terms.freedom = image->freedom;
	}
	return ml_linear_coefficients(ctx, arena, &terms, coefficients, n);
}
