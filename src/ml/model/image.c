/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Stored bytes -> image.
 *
 * Planning and building read the file in the same way; planning only counts.
 * Neither trusts the other's result: the bytes may differ between the calls.
 *
 *-------------------------------------------------------------------------
 */
#include "model/image.h"

#include "model/stored.h"

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

static uint64_t
section(uint64_t *end, uint64_t size)
{
	uint64_t	start = ml_size_align(*end, ML_ALIGN);

	*end = ml_size_add(start, size);
	return start;
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

/* Check everything; *image gets the header of the image to be. */
static ml_status
plan(ml_context *ctx, const ml_stored *stored, ml_image *image)
{
	const ml_recipe *recipe = &stored->recipe;
	uint64_t	strings = recipe->unicode.size;
	uint64_t	records;
	uint64_t	end = sizeof(ml_image);

	ML_TRY(ml_vocabulary_read(ctx, stored->gaps, stored->gaps_size, recipe->hash_bits,
							  stored->nfeatures, NULL));
	ML_TRY(measure_records(ctx, stored, &records));
	for (uint32_t i = 0; i < stored->nlabels; i++)
		strings += stored->labels[i].size;
	for (uint32_t i = 0; i < recipe->ncolumns; i++)
		strings += recipe->columns[i].size;

	/* the padding between members must have the same bytes in every image */
	memset(image, 0, sizeof(*image));
	image->magic = ML_IMAGE_MAGIC;
	image->layout = ML_PACK_LAYOUT;
	memcpy(&image->recipe, recipe, sizeof(ml_recipe));
	image->recipe.columns = NULL;
	image->recipe.unicode = (ml_text) {NULL, 0};
	image->ncolumns = recipe->ncolumns;
	image->nlabels = stored->nlabels;
	image->nscores = stored->nscores;
	image->nfeatures = stored->nfeatures;
	image->stride = dense_stride(stored->nscores);
	image->spans = section(&end, (stored->nlabels + (uint64_t) recipe->ncolumns + 1) * sizeof(ml_span));
	image->strings = section(&end, strings);
	image->idf_levels = section(&end, ML_IDF_LEVELS * sizeof(uint16_t));
	image->numbers = section(&end, (uint64_t) stored->nscores * 4 * sizeof(double));
	image->vocabulary = section(&end, ml_vocabulary_size(recipe->hash_bits));
	image->record_at = section(&end, image->stride > 0 ? 0 : stored->nfeatures * sizeof(uint32_t));
	image->records = section(&end, records);
	image->size = ml_size_align(end, ML_ALIGN);
	return ML_OK;
}

static ml_status
read_and_plan(ml_context *ctx, ml_arena *arena, const void *bytes, size_t size,
			  ml_stored *stored, ml_image *image)
{
	ml_safetensors file;
	int			format;

	ML_TRY(ml_stored_open(ctx, arena, bytes, size, &file, &format));
	if (format != ML_FORMAT_TEXT)
		return ml_fail(ctx, ML_UNSUPPORTED, "models of tables are not prepared yet");
	ML_TRY(ml_stored_read(ctx, arena, &file, stored));
	return plan(ctx, stored, image);
}

ml_status
ml_image_plan(ml_context *ctx, const void *stored, size_t size, size_t *image_size)
{
	ml_arena	arena = {0};
	ml_stored	content;
	ml_image	header;
	ml_status	status = read_and_plan(ctx, &arena, stored, size, &content, &header);

	ml_arena_free(ctx, &arena);
	if (status == ML_OK)
		*image_size = header.size;
	return status;
}

static void
put_string(ml_image *image, uint32_t i, uint32_t *used, ml_text text)
{
	ml_span    *spans = (ml_span *) ((char *) image + image->spans);
	char	   *strings = (char *) image + image->strings;

	spans[i] = (ml_span) {*used, (uint32_t) text.size};
	if (text.size > 0)
		memcpy(strings + *used, text.data, text.size);
	*used += (uint32_t) text.size;
}

static void
fill_strings(ml_image *image, const ml_stored *stored)
{
	uint32_t	used = 0;
	uint32_t	i = 0;

	for (uint32_t k = 0; k < stored->nlabels; k++)
		put_string(image, i++, &used, stored->labels[k]);
	for (uint32_t k = 0; k < stored->recipe.ncolumns; k++)
		put_string(image, i++, &used, stored->recipe.columns[k]);
	put_string(image, i, &used, stored->recipe.unicode);
}

static ml_status
fill_records(ml_context *ctx, ml_image *image, const ml_stored *stored)
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

static ml_status
fill(ml_context *ctx, const ml_image *header, const ml_stored *stored, ml_image *image)
{
	size_t		bytes = stored->nscores * sizeof(double);
	double	   *numbers = (double *) ((char *) image + header->numbers);

	size_t		behind = header->vocabulary + ml_vocabulary_size(header->recipe.hash_bits);

	/* what no section covers is zero, so that equal models are equal images */
	memset(image, 0, header->vocabulary);
	memset((char *) image + behind, 0, header->size - behind);
	memcpy(image, header, sizeof(*header));
	fill_strings(image, stored);
	memcpy((char *) image + header->idf_levels, stored->idf_levels,
		   ML_IDF_LEVELS * sizeof(uint16_t));
	memcpy(numbers, stored->scale, bytes);
	memcpy(numbers + stored->nscores, stored->bias, bytes);
	memcpy(numbers + 2 * (size_t) stored->nscores, stored->slope, bytes);
	memcpy(numbers + 3 * (size_t) stored->nscores, stored->offset, bytes);
	ML_TRY(ml_vocabulary_read(ctx, stored->gaps, stored->gaps_size, stored->recipe.hash_bits,
							  stored->nfeatures,
							  (ml_vocabulary *) ((char *) image + header->vocabulary)));
	return fill_records(ctx, image, stored);
}

ml_status
ml_image_build(ml_context *ctx, const void *stored, size_t size, void *image, size_t image_size)
{
	ml_arena	arena = {0};
	ml_stored	content;
	ml_image	header;
	ml_status	status = read_and_plan(ctx, &arena, stored, size, &content, &header);

	if (status == ML_OK && header.size != image_size)
		status = ml_fail(ctx, ML_INTERNAL, "an image of %llu bytes was planned with %zu",
						 (unsigned long long) header.size, image_size);
	if (status == ML_OK)
		status = fill(ctx, &header, &content, image);
	ml_arena_free(ctx, &arena);
	return status;
}

static ml_text
string(const ml_image *image, uint32_t i)
{
	const ml_span *spans = ml_image_at(image, image->spans);

	return (ml_text)
	{
		(const char *) ml_image_at(image, image->strings) + spans[i].offset, spans[i].size
	};
}

uint32_t
ml_image_nlabels(const ml_image *image)
{
	return image->nlabels;
}

ml_text
ml_image_label(const ml_image *image, uint32_t i)
{
	return string(image, i);
}

int64_t
ml_image_find_label(const ml_image *image, ml_text label)
{
	uint32_t	low = 0;
	uint32_t	high = image->nlabels;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;
		int			order = ml_text_compare(label, string(image, middle));

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

uint32_t
ml_image_ncolumns(const ml_image *image)
{
	return image->ncolumns;
}

ml_text
ml_image_column(const ml_image *image, uint32_t i)
{
	return string(image, image->nlabels + i);
}

ml_text
ml_image_unicode(const ml_image *image)
{
	return string(image, image->nlabels + image->ncolumns);
}
