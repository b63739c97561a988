/*-------------------------------------------------------------------------
 *
 * feeds.h
 *	  What a network is fed with: from the columns of a row to numbers, word
 *	  numbers, pixels and steps.
 *
 * Columns that are neither text nor image nor series become one feed of numbers,
 * by the recipe of a table (feature/tabular.h), levels written out as zeros and
 * ones; each column of text becomes a feed of word numbers, each column of images
 * one of pixels, each of series one of scaled steps.  Training and serving fill the same batch: training from what
 * it kept of its rows, serving from values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_FEEDS_H
#define ML_FEEDS_H

#include "feature/image.h"
#include "feature/series.h"
#include "feature/tabular.h"
#include "feature/tokens.h"
#include "graph/network.h"

#define ML_FEED_NUMBERS_MAX	65536	/* numbers of a row, levels written out */

typedef struct ml_feeds
{
	ml_tabular	tabular;		/* of all columns */
	ml_tokens	tokens;			/* of all columns of text */
	uint32_t	max_length;		/* words of a text */
	uint32_t	pad;			/* all texts and series have this many; 0: as many as they have */
	const ml_channel *channels;	/* [tabular.nchannels], in order of the columns */
	uint32_t	nnumbers;		/* 0: no feed of numbers */
	int			nfeeds;
	ml_feed		feeds[ML_FEEDS_MAX];
	uint32_t	column[ML_FEEDS_MAX];	/* but of NUMBERS: its number */
	uint32_t	steps[ML_FEEDS_MAX];	/* of SERIES: those that are looked at */
	uint32_t	first_channel[ML_FEEDS_MAX];
} ml_feeds;

/*
 * Fill nnumbers and the feeds from tabular, tokens, max_length, pad, the
 * pictures of columns of images and the most steps of those of series (in their
 * order).  ML_BAD_DATA: too many.
 */
extern ml_status ml_feeds_derive(ml_context *ctx, ml_feeds *feeds, const ml_picture *pictures,
								 const uint32_t *steps);

/* Rows that are put together; all in one block of memory, but for series, which grow where no longest is known. */
typedef struct ml_feed_batch
{
	const ml_feeds *feeds;
	size_t		capacity;		/* rows */
	size_t		n;
	float	   *numbers;		/* [capacity][nnumbers] */
	int32_t    *ids[ML_FEEDS_MAX];	/* TOKENS: [capacity][length], packed */
	float	   *series[ML_FEEDS_MAX];	/* SERIES: [steps][size], packed */
	size_t		series_capacity[ML_FEEDS_MAX];	/* numbers */
	int32_t    *offsets[ML_FEEDS_MAX];	/* TOKENS, SERIES: [capacity + 1] */
	float	   *pixels[ML_FEEDS_MAX];	/* [capacity][height][width][channels] */
	double	   *dense;			/* [ndense] of the row in hand */
	uint32_t   *hot;			/* [ncategories] */
	uint8_t    *bytes;			/* pixels of an image in hand */
	size_t		decoding;		/* bytes that decoding one may take; at first as many as it wants */
	int32_t    *slices[ML_FEEDS_MAX];	/* [capacity + 1] offsets of a slice */
	void	   *memory;
	size_t		size;
} ml_feed_batch;

extern size_t ml_feed_batch_size(const ml_feeds *feeds, size_t capacity);	/* bytes; SIZE_MAX: too many */
extern ml_status ml_feed_batch_open(ml_context *ctx, const ml_feeds *feeds, size_t capacity,
									ml_feed_batch *batch);
extern void ml_feed_batch_close(ml_context *ctx, ml_feed_batch *batch);

static inline void
ml_feed_batch_clear(ml_feed_batch *batch)
{
	batch->n = 0;
}

/* Parts of row batch->n, each feed once; then ml_feed_batch_next. */
extern ml_status ml_feed_numbers(ml_context *ctx, ml_feed_batch *batch, const ml_value *inputs);
/* Words by their numbers in a training, of which map[] has those of the vocabulary. */
extern void ml_feed_mapped(ml_feed_batch *batch, int feed, const uint32_t *words, uint32_t n,
						   const uint32_t *map);
/* Steps of a series that are sound, [steps][size]; ML_BAD_INPUT: a number is out of range. */
extern ml_status ml_feed_series(ml_context *ctx, ml_feed_batch *batch, int feed, const double *numbers, uint32_t steps);
extern ml_status ml_feed_pixels(ml_context *ctx, ml_feed_batch *batch, int feed, const uint8_t *pixels);
extern void ml_feed_batch_next(ml_feed_batch *batch);

/*
 * All of a row's parts from its values; a missing text has no words, a missing
 * series no steps; a missing image, and a series with gaps, are ML_BAD_INPUT.
 * ML_MEMORY_LIMIT: an image takes too much to be decoded.
 */
extern ml_status ml_feed_row(ml_context *ctx, ml_feed_batch *batch, ml_words *reader, const ml_value *inputs);

/* Bind rows first .. first + n - 1 of the batch to a network's inputs; the runner's graph is the network's. */
extern void ml_feed_bind(const ml_feed_batch *batch, const ml_network *network, size_t first, size_t n,
						 ml_binding *binding);
extern void ml_feed_inputs(const ml_feed_batch *batch, const ml_network *network, size_t first,
						   ml_runner *runner);

#endif							/* ML_FEEDS_H */
