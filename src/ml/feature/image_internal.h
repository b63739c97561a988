/*-------------------------------------------------------------------------
 *
 * image_internal.h
 *	  Between image.c, the two files that know a library each, and what makes
 *	  pixels of the rows that these decode.
 *
 * A decoder hands its rows, from the top, to a sink, which turns them into the
 * channels wanted, resizes them as they come and puts them where the
 * orientation says.  So of an image there are never more than a few rows in
 * memory (but for what a decoder itself has to keep of an interlaced PNG or a
 * progressive JPEG).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_FEATURE_IMAGE_INTERNAL_H
#define ML_FEATURE_IMAGE_INTERNAL_H

#include "feature/image.h"

typedef enum ml_pixels_kind
{
	ML_PIXELS_RAW,				/* or anything else */
	ML_PIXELS_PNG,
	ML_PIXELS_JPEG
} ml_pixels_kind;

/* What an image's first bytes claim; height and width as stored, not upright. */
typedef struct ml_pixels_head
{
	ml_pixels_kind kind;
	uint32_t	height;
	uint32_t	width;
	uint32_t	channels;		/* 1: grey, 3: anything else */
	int			orientation;	/* 1 .. 8, as EXIF numbers them */
} ml_pixels_head;

/* What a sample of a decoded row is made of, a byte each. */
typedef enum ml_pixels_samples
{
	ML_SAMPLES_GREY,
	ML_SAMPLES_GREY_ALPHA,
	ML_SAMPLES_RGB,
	ML_SAMPLES_RGB_ALPHA,
	ML_SAMPLES_CMYK,
	ML_SAMPLES_CMYK_INVERTED	/* 255 is no ink */
} ml_pixels_samples;

/*
 * The pixels of an axis that one of the result is made of: first x the first,
 * middle x those between, last x the last; all weights add up to the same.
 */
typedef struct ml_pixels_span
{
	uint32_t	from;
	uint32_t	n;				/* of 1 only "first" counts */
	uint32_t	first;
	uint32_t	last;
} ml_pixels_span;

typedef struct ml_pixels_axis
{
	uint32_t	from;			/* pixels of the image */
	uint32_t	to;				/* of the result */
	uint32_t	middle;
	uint32_t	total;			/* of a span's weights */
	ml_pixels_span *spans;		/* [to] */
} ml_pixels_axis;

typedef struct ml_pixels_sink
{
	ml_context *ctx;
	const ml_pixels_head *head;
	size_t		limit;			/* bytes that all of decoding may take */
	size_t		size;			/* bytes that the sink itself takes */
	uint32_t	channels;
	ml_pixels_axis x;
	ml_pixels_axis y;
	uint32_t	row;			/* of the image, that comes next */
	uint32_t	done;			/* rows of the result */
	uint8_t    *samples;		/* [x.from][channels] the row in hand */
	uint32_t   *sums;			/* [x.to][channels] of that row */
	uint32_t   *before;			/* and of the row before it */
	uint64_t   *totals;			/* [x.to][channels] of the result's row in hand */
	uint8_t    *pixels;			/* of the result's pixel at 0, 0 */
	ptrdiff_t down;				/* from there to 1, 0 */
	ptrdiff_t right;			/* and to 0, 1 */
	void	   *memory;
} ml_pixels_sink;

extern ml_status ml_pixels_sink_open(ml_context *ctx, const ml_pixels_head *head, const ml_picture *wanted,
									 size_t limit, uint8_t *pixels, ml_pixels_sink *sink);
extern void ml_pixels_sink_close(ml_pixels_sink *sink);

/* ML_MEMORY_LIMIT unless a decoder may take so many bytes, in all. */
extern ml_status ml_pixels_sink_allow(const ml_pixels_sink *sink, size_t bytes);

/* The next row of head->width samples.  Polls. */
extern ml_status ml_pixels_sink_row(ml_pixels_sink *sink, ml_pixels_samples samples, const uint8_t *row);

/* All rows of an image whose head has been checked.  ML_BAD_INPUT: damaged. */
extern ml_status ml_pixels_read_png(ml_context *ctx, ml_text bytes, const ml_pixels_head *head, ml_pixels_sink *sink);
extern ml_status ml_pixels_read_jpeg(ml_context *ctx, ml_text bytes, const ml_pixels_head *head, ml_pixels_sink *sink);

#endif							/* ML_FEATURE_IMAGE_INTERNAL_H */
