/*-------------------------------------------------------------------------
 *
 * image.h
 *	  What is inside an image: one block of memory without pointers.
 *
 * The header is followed by sections, each ML_ALIGN aligned and found by its
 * offset from the image's beginning.  A feature's idf and weights lie
 * together, so that one cache line serves it:
 *
 *	  dense (stride > 0):	records[id * stride] = idf code, then nscores int8
 *	  sparse (stride = 0):	at records + record_at[id]: u16 count, idf code,
 *							entries as in stored.h; count DENSE_RECORD = nscores
 *							int8 without score numbers
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_IMAGE_H
#define ML_IMAGE_H

#include "feature/recipe.h"
#include "feature/vocabulary.h"
#include "feature/weight.h"
#include "model/model.h"
#include "model/packed.h"

#define ML_IMAGE_MAGIC		UINT32_C(0x496C6D61)
#define ML_DENSE_RECORD		UINT16_MAX
#define ML_RECORD_HEADER	3	/* bytes before the entries of a sparse record */

/* A string: bytes at strings + offset. */
typedef struct ml_span
{
	uint32_t	offset;
	uint32_t	size;
} ml_span;

struct ml_image
{
	uint32_t	magic;
	uint32_t	layout;			/* ML_PACK_LAYOUT */
	uint64_t	size;
	ml_recipe	recipe;			/* columns and unicode are absent here */
	uint32_t	ncolumns;
	uint32_t	nlabels;
	uint32_t	nscores;
	uint32_t	nfeatures;
	uint32_t	stride;			/* bytes of a dense record, 0 = sparse */
	uint64_t	spans;			/* ml_span: labels, columns, unicode */
	uint64_t	strings;
	uint64_t	idf_levels;		/* uint16_t[ML_IDF_LEVELS] */
	uint64_t	numbers;		/* double: scale, bias, slope, offset, [nscores] each */
	uint64_t	vocabulary;		/* ml_vocabulary */
	uint64_t	record_at;		/* uint32_t[nfeatures], sparse only */
	uint64_t	records;
};

static inline const void *
ml_image_at(const ml_image *image, uint64_t offset)
{
	return (const char *) image + offset;
}

static inline const double *
ml_image_numbers(const ml_image *image, int which)
{
	return (const double *) ml_image_at(image, image->numbers) + (size_t) which * image->nscores;
}

#define ml_image_scale(image)	ml_image_numbers(image, 0)
#define ml_image_bias(image)	ml_image_numbers(image, 1)
#define ml_image_slope(image)	ml_image_numbers(image, 2)
#define ml_image_offset(image)	ml_image_numbers(image, 3)

/* The sparse record of a feature. */
static inline ml_packed
ml_image_record(const ml_image *image, uint32_t id, uint8_t *idf_code)
{
	const uint32_t *at = ml_image_at(image, image->record_at);
	const uint8_t *record = (const uint8_t *) ml_image_at(image, image->records) + at[id];
	uint16_t	count;

	memcpy(&count, record, 2);
	*idf_code = record[2];
	return (ml_packed)
	{
		.count = count == ML_DENSE_RECORD ? image->nscores : count,
		.dense = count == ML_DENSE_RECORD,
		.wide = image->nscores > 256,
		.entries = record + ML_RECORD_HEADER
	};
}

#endif							/* ML_IMAGE_H */
