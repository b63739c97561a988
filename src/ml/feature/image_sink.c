/*-------------------------------------------------------------------------
 *
 * image_sink.c
 *	  Decoded rows -> pixels: channels, size, orientation.
 *
 * All is integers.  An axis of n pixels that becomes m <= n: each of the n is
 * cut into m parts, each of the m takes n parts that follow each other.  One
 * that grows, n < m: pixel j of the result lies at (j + 1/2) n / m - 1/2, a
 * fraction of 2 m parts between its two neighbours; beyond the edge is the
 * edge.  Weights are those numbers of parts, and only the sum over both axes is
 * divided, rounding half up.  So turning an image and resizing it commute.
 *
 * Shrinking, sums over one axis are < 2^32, over both, too, as there are at
 * most 2^24 pixels of at most 255; growing by 2 x 4096 they are < 2^45.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/image_internal.h"

/* a * b / 255, rounded, for a and b up to 255. */
static inline uint32_t
times(uint32_t a, uint32_t b)
{
	uint32_t	product = a * b + 128;

	return ((product >> 8) + product) >> 8;
}

/* 0.299, 0.587 and 0.114 in 65536ths. */
static inline uint8_t
grey_of(uint32_t red, uint32_t green, uint32_t blue)
{
	return (uint8_t) ((red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16);
}

static inline void
put(uint8_t *to, uint32_t channels, uint32_t red, uint32_t green, uint32_t blue)
{
	if (channels == 1)
		*to = grey_of(red, green, blue);
	else
	{
		to[0] = (uint8_t) red;
		to[1] = (uint8_t) green;
		to[2] = (uint8_t) blue;
	}
}

/* Samples of a row -> n pixels of the channels wanted. */
static void
convert(ml_pixels_samples samples, const uint8_t *s, uint32_t channels, uint32_t n, uint8_t *to)
{
	uint32_t	white;

	for (uint32_t i = 0; i < n; i++, to += channels)
		switch (samples)
		{
			case ML_SAMPLES_GREY:
				memset(to, s[0], channels);
				s += 1;
				break;
			case ML_SAMPLES_GREY_ALPHA:
				memset(to, (int) times(s[0], s[1]) + 255 - s[1], channels);
				s += 2;
				break;
			case ML_SAMPLES_RGB:
				put(to, channels, s[0], s[1], s[2]);
				s += 3;
				break;
			case ML_SAMPLES_RGB_ALPHA:
				white = 255 - (uint32_t) s[3];
				put(to, channels, times(s[0], s[3]) + white, times(s[1], s[3]) + white, times(s[2], s[3]) + white);
				s += 4;
				break;
			case ML_SAMPLES_CMYK:
				white = 255 - (uint32_t) s[3];
				put(to, channels, times(255 - (uint32_t) s[0], white), times(255 - (uint32_t) s[1], white),
					times(255 - (uint32_t) s[2], white));
				s += 4;
				break;
			case ML_SAMPLES_CMYK_INVERTED:
				put(to, channels, times(s[0], s[3]), times(s[1], s[3]), times(s[2], s[3]));
				s += 4;
				break;
		}
}

/* ---------- opening ---------- */

static void
fill_axis(ml_pixels_axis *axis)
{
	uint64_t	from = axis->from;
	uint64_t	to = axis->to;

	for (uint64_t j = 0; j < to; j++)
	{
		ml_pixels_span *span = &axis->spans[j];

		if (to <= from)
		{
			uint64_t	start = j * from;
			uint64_t	end = start + from;
			uint64_t	last = (end - 1) / to;

			span->from = (uint32_t) (start / to);
			span->n = (uint32_t) (last - span->from + 1);
			span->first = (uint32_t) (ML_MIN(end, (span->from + UINT64_C(1)) * to) - start);
			span->last = (uint32_t) (end - last * to);
		}
		else
		{
			/* where it lies, one whole pixel to the right lest it be negative */
			uint64_t	at = (2 * j + 1) * from + to;
			uint64_t	left = at / (2 * to);
			uint32_t	part = (uint32_t) (at % (2 * to));
			bool		edge = left == 0 || left == from;

			span->from = (uint32_t) (left == 0 ? 0 : left - 1);
			span->n = edge ? 1 : 2;
			span->first = edge ? axis->total : axis->total - part;
			span->last = part;
		}
	}
}

/* Where the stored image's first pixel, those below and those beside it go. */
static void
turn(ml_pixels_sink *sink, int orientation, const ml_picture *wanted, uint8_t *pixels)
{
	ptrdiff_t pixel = (ptrdiff_t) wanted->channels;
	ptrdiff_t row = pixel * (ptrdiff_t) wanted->width;
	bool		swapped = orientation >= 5;
	/* the first row is at the bottom (swapped: right); the first column right (bottom) */
	bool		end_down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	bool		end_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;

	sink->down = swapped ? pixel : row;
	sink->right = swapped ? row : pixel;
	sink->pixels = pixels;
	if (end_down)
	{
		sink->pixels += sink->down * ((ptrdiff_t) sink->y.to - 1);
		sink->down = -sink->down;
	}
	if (end_right)
	{
		sink->pixels += sink->right * ((ptrdiff_t) sink->x.to - 1);
		sink->right = -sink->right;
	}
}

static ml_pixels_axis
axis_of(uint32_t from, uint32_t to)
{
	return (ml_pixels_axis)
	{
		.from = from,
		.to = to,
		.middle = to,
		.total = to <= from ? from : 2 * to
	};
}

ml_status
ml_pixels_sink_open(ml_context *ctx, const ml_pixels_head *head, const ml_picture *wanted, size_t limit,
					uint8_t *pixels, ml_pixels_sink *sink)
{
	bool		swapped = head->orientation >= 5;
	size_t		width;
	char	   *memory;

	memset(sink, 0, sizeof(*sink));
	sink->ctx = ctx;
	sink->head = head;
	sink->limit = limit;
	sink->channels = wanted->channels;
	sink->x = axis_of(head->width, swapped ? wanted->height : wanted->width);
	sink->y = axis_of(head->height, swapped ? wanted->width : wanted->height);
	width = (size_t) sink->x.to * sink->channels;
	sink->size = width * (sizeof(uint64_t) + 2 * sizeof(uint32_t)) +
		((size_t) sink->x.to + sink->y.to) * sizeof(ml_pixels_span) + (size_t) sink->x.from * sink->channels;
	ML_TRY(ml_alloc(ctx, sink->size, &sink->memory));
	memory = sink->memory;
	sink->totals = (uint64_t *) (void *) memory;
	sink->sums = (uint32_t *) (sink->totals + width);
	sink->before = sink->sums + width;
	sink->x.spans = (ml_pixels_span *) (void *) (sink->before + width);
	sink->y.spans = sink->x.spans + sink->x.to;
	sink->samples = (uint8_t *) (sink->y.spans + sink->y.to);
	memset(sink->totals, 0, width * sizeof(uint64_t));
	fill_axis(&sink->x);
	fill_axis(&sink->y);
	turn(sink, head->orientation, wanted, pixels);
	return ML_OK;
}

void
ml_pixels_sink_close(ml_pixels_sink *sink)
{
	ml_release(sink->ctx, sink->memory);
	sink->memory = NULL;
}

ml_status
ml_pixels_sink_allow(const ml_pixels_sink *sink, size_t bytes)
{
	const ml_pixels_head *head = sink->head;
	bool		png = head->kind == ML_PIXELS_PNG;
	size_t		need = ml_size_add(sink->size, bytes);

	if (need <= sink->limit)
		return ML_OK;
	ml_fail(sink->ctx, ML_MEMORY_LIMIT, "decoding the %s of %u x %u pixels needs %zu kB of memory, and %zu kB are allowed",
			png ? "PNG" : "JPEG", head->width, head->height, ml_size_add(need, 1023) >> 10, sink->limit >> 10);
	return ml_hint(sink->ctx, "Store it smaller, or %s.", png ? "as a PNG that is not interlaced" : "as a JPEG that is not progressive");
}

/* ---------- rows ---------- */

/* The row in hand, along its own axis. */
static void
sum_row(ml_pixels_sink *sink)
{
	const uint32_t channels = sink->channels;
	const uint32_t middle = sink->x.middle;

	for (uint32_t j = 0; j < sink->x.to; j++)
	{
		const ml_pixels_span *span = &sink->x.spans[j];
		const uint8_t *from = sink->samples + (size_t) span->from * channels;

		for (uint32_t c = 0; c < channels; c++)
		{
			uint32_t	inner = 0;
			uint32_t	sum = span->first * from[c];

			for (uint32_t i = 1; i + 1 < span->n; i++)
				inner += from[i * channels + c];
			sum += inner * middle;
			if (span->n > 1)
				sum += span->last * from[(span->n - 1) * channels + c];
			sink->sums[(size_t) j * channels + c] = sum;
		}
	}
}

/* The result's row in hand is complete. */
static ml_status
end_row(ml_pixels_sink *sink)
{
	const uint64_t whole = (uint64_t) sink->x.total * sink->y.total;
	uint8_t    *to = sink->pixels + sink->down * (ptrdiff_t) sink->done;
	uint64_t   *totals = sink->totals;

	for (uint32_t j = 0; j < sink->x.to; j++, to += sink->right)
		for (uint32_t c = 0; c < sink->channels; c++)
			to[c] = (uint8_t) ((*totals++ + whole / 2) / whole);
	memset(sink->totals, 0, (size_t) sink->x.to * sink->channels * sizeof(uint64_t));
	sink->done++;
	return ml_poll(sink->ctx);
}

static void
add(ml_pixels_sink *sink, const uint32_t *sums, uint64_t weight)
{
	size_t		n = (size_t) sink->x.to * sink->channels;

	for (size_t i = 0; i < n; i++)
		sink->totals[i] += sums[i] * weight;
}

/* All rows of the result that a row ends. */
static ml_status
end_rows(ml_pixels_sink *sink)
{
	const ml_pixels_axis *y = &sink->y;
	uint32_t	row = sink->row;

	while (sink->done < y->to)
	{
		const ml_pixels_span *span = &y->spans[sink->done];
		uint32_t	last = span->from + span->n - 1;

		if (row < span->from)
			break;
		if (y->to > y->from)
		{
			/* growing: two rows are all that is needed, and they are here */
			if (last > row)
				break;
			add(sink, span->from < row ? sink->before : sink->sums, span->first);
			if (span->n > 1)
				add(sink, sink->sums, span->last);
		}
		else
		{
			add(sink, sink->sums, row == span->from ? span->first : row == last ? span->last : y->middle);
			if (last > row)
				break;
		}
		ML_TRY(end_row(sink));
	}
	return ML_OK;
}

ml_status
ml_pixels_sink_row(ml_pixels_sink *sink, ml_pixels_samples samples, const uint8_t *row)
{
	uint32_t   *before = sink->before;

	convert(samples, row, sink->channels, sink->x.from, sink->samples);
	sink->before = sink->sums;
	sink->sums = before;
	sum_row(sink);
	ML_TRY(end_rows(sink));
	sink->row++;
	return ml_poll(sink->ctx);
}
