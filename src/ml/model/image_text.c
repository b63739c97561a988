/*-------------------------------------------------------------------------
 *
 * image_text.c
 *	  Images of text classifiers.
 *
 *-------------------------------------------------------------------------
 */
#include "model/image.h"

#define POLL_ROWS	4096

/* Bytes of a dense record: idf code and weights, padded to a power of two. */
static uint32_t
dense_stride(uint32_t nscores)
{
	uint32_t	stride = 2;

	if (nscores > ML_DENSE_SCORES)
		return 0;
	while (stride < 1 + nscores)
		stride *= 2;
	return stride;
}

/* Check all rows of weights; *bytes: what their records take. */
static ml_status
measure_records(ml_context *ctx, const ml_stored *stored, uint64_t *bytes)
{
	ml_packed_reader reader = {stored->weights, stored->weights_size, stored->nscores};
	uint32_t	stride = dense_stride(stored->nscores);

	*bytes = 0;
	for (uint32_t i = 0; i < stored->nfeatures; i++)
	{
		ml_packed	row;

		if (!ml_packed_read(&reader, &row))
			return ml_fail(ctx, ML_BAD_MODEL, "the weights of feature %u are not sound", i);
		*bytes += stride > 0 ? stride : ML_RECORD_HEADER + row.size;
		if (i % POLL_ROWS == POLL_ROWS - 1)
			ML_TRY(ml_poll(ctx));
	}
	if (reader.left > 0)
		return ml_fail(ctx, ML_BAD_MODEL, "%zu bytes follow the last weight", reader.left);
	/* record_at has 32 bits */
	if (*bytes > UINT32_MAX)
		return ml_fail(ctx, ML_UNSUPPORTED, "the weights take more than 4 GB");
	return ML_OK;
}

static ml_image_names
names_of(const ml_stored *stored)
{
	return (ml_image_names)
	{
		.nlabels = stored->nlabels, .labels = stored->labels,
		.ncolumns = stored->recipe.ncolumns, .columns = stored->recipe.columns,
		.strings = {
			[ML_STRING_ALGORITHM] = stored->algorithm,
			[ML_STRING_UNICODE] = stored->recipe.unicode
		}
	};
}

ml_status
ml_image_plan_text(ml_context *ctx, const ml_stored *stored, ml_text_image *image)
{
	const ml_recipe *recipe = &stored->recipe;
	ml_image_names names = names_of(stored);
	ml_image   *head = &image->head;
	uint64_t	records;
	uint64_t	end = sizeof(ml_text_image);

	ML_TRY(ml_vocabulary_read(ctx, stored->gaps, stored->gaps_size, recipe->hash_bits,
							  stored->nfeatures, NULL));
	ML_TRY(measure_records(ctx, stored, &records));
	/* the padding between members must have the same bytes in every image */
	memset(image, 0, sizeof(*image));
	memcpy(&head->recipe, recipe, sizeof(ml_recipe));
	head->recipe.columns = NULL;
	head->recipe.unicode = (ml_text) {NULL, 0};
	head->task = ML_CLASSIFICATION;
	head->nscores = stored->nscores;
	head->positive = stored->nlabels - 1;
	head->ntexts = recipe->ncolumns;
	head->nfeatures = stored->nfeatures;
	ml_image_plan_head(head, ML_FORMAT_TEXT, &names, &end);
	image->stride = dense_stride(stored->nscores);
	image->idf_levels = ml_image_section(&end, ML_IDF_LEVELS * sizeof(uint16_t));
	head->vocabulary = ml_image_section(&end, ml_vocabulary_size(recipe->hash_bits));
	image->record_at = ml_image_section(&end, image->stride > 0 ? 0 : stored->nfeatures * sizeof(uint32_t));
	image->records = ml_image_section(&end, records);
	head->size = ml_size_align(end, ML_ALIGN);
	return ML_OK;
}

static ml_status
fill_records(ml_context *ctx, ml_text_image *image, const ml_stored *stored)
{
	ml_packed_reader reader = {stored->weights, stored->weights_size, stored->nscores};
	uint32_t   *record_at = (uint32_t *) ((char *) image + image->record_at);
	uint8_t    *records = (uint8_t *) image + image->records;
	uint8_t    *record = records;

	for (uint32_t i = 0; i < stored->nfeatures; i++)
	{
		ml_packed	row;

		if (!ml_packed_read(&reader, &row))
			return ml_fail(ctx, ML_BAD_MODEL, "the weights of feature %u are not sound", i);
		if (image->stride > 0)
		{
			memset(record, 0, image->stride);
			record[0] = stored->idf_code[i];
			memcpy(record + 1, row.entries, row.size);
			record += image->stride;
		}
		else
		{
			uint16_t	count = row.dense ? ML_DENSE_RECORD : (uint16_t) row.count;

			record_at[i] = (uint32_t) (record - records);
			memcpy(record, &count, 2);
			record[2] = stored->idf_code[i];
			memcpy(record + ML_RECORD_HEADER, row.entries, row.size);
			record += ML_RECORD_HEADER + row.size;
		}
		if (i % POLL_ROWS == POLL_ROWS - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_image_fill_text(ml_context *ctx, const ml_stored *stored, const ml_text_image *header,
				   ml_text_image *image)
{
	ml_image_names names = names_of(stored);
	ml_image   *head = &image->head;
	const double *const from[ML_IMAGE_NUMBERS] = {stored->scale, stored->bias, stored->slope, stored->offset};
	double	   *numbers;

	ML_TRY(ml_image_fill_head(ctx, head, &header->head, sizeof(*header), &names));
	numbers = (double *) ((char *) image + head->numbers);
	for (int i = 0; i < ML_IMAGE_NUMBERS; i++)
		memcpy(numbers + (size_t) i * stored->nscores, from[i], stored->nscores * sizeof(double));
	memcpy((char *) image + image->idf_levels, stored->idf_levels, ML_IDF_LEVELS * sizeof(uint16_t));
	ML_TRY(ml_vocabulary_read(ctx, stored->gaps, stored->gaps_size, stored->recipe.hash_bits,
							  stored->nfeatures,
							  (ml_vocabulary *) ((char *) image + head->vocabulary)));
	return fill_records(ctx, image, stored);
}
