/*-------------------------------------------------------------------------
 *
 * feeds.c
 *	  From the columns of a row to what a network is fed with, see feeds.h.
 *
 *-------------------------------------------------------------------------
 */
#include "model/feeds.h"

#define PIXELS		((size_t) 1 << 20)	/* between two polls */
#define STEPS		((size_t) 1 << 16)
#define FEWEST		((size_t) 16)	/* numbers that series have room for at least */
#define NUMBERS		ML_TEXT("numbers")	/* what layers call the feed of numbers */

static ml_status
too_many(ml_context *ctx)
{
	ml_fail(ctx, ML_BAD_DATA, "there are more than %d columns of texts, images and series", ML_FEEDS_MAX - 1);
	return ml_hint(ctx, "Join texts in a query, or leave columns out by the option \"columns\".");
}

static ml_status
name_taken(ml_context *ctx)
{
	ml_fail(ctx, ML_BAD_DATA, "column \"numbers\" has the name by which layers call all columns of numbers and categories together");
	return ml_hint(ctx, "Give it another name in a query: SELECT numbers AS ...");
}

ml_status
ml_feeds_derive(ml_context *ctx, ml_feeds *feeds, const ml_picture *pictures, const uint32_t *steps)
{
	static const ml_feed_kind kinds[ML_ROLE_COUNT] = {
		[ML_ROLE_TEXT] = ML_FEED_TOKENS,
		[ML_ROLE_IMAGE] = ML_FEED_IMAGE,
		[ML_ROLE_SERIES] = ML_FEED_SERIES,
	};
	const ml_tabular *tabular = &feeds->tabular;
	uint32_t	channel = 0;

	feeds->nfeeds = 0;
	feeds->nnumbers = tabular->ndense + tabular->nhot;
	if (feeds->nnumbers > ML_FEED_NUMBERS_MAX)
	{
		ml_fail(ctx, ML_BAD_DATA, "the columns make %u numbers a row, and a network takes %d at most",
				feeds->nnumbers, ML_FEED_NUMBERS_MAX);
		return ml_hint(ctx, "Join more values of categories by the option \"rare\", or leave columns out.");
	}
	if (feeds->nnumbers > 0)
		feeds->feeds[feeds->nfeeds++] = (ml_feed)
		{
			.name = NUMBERS,
			.kind = ML_FEED_NUMBERS,
			.size = feeds->nnumbers
		};
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		ml_role		role = (ml_role) tabular->columns[i].role;
		ml_feed    *feed = &feeds->feeds[feeds->nfeeds];

		if (ml_role_is_tabular(role))
			continue;
		if (feeds->nfeeds == ML_FEEDS_MAX)
			return too_many(ctx);
		if (feeds->nnumbers > 0 && ml_text_equal(tabular->names[i], NUMBERS))
			return name_taken(ctx);
		*feed = (ml_feed)
		{
			.name = tabular->names[i],
			.kind = kinds[role]
		};
		if (role == ML_ROLE_TEXT)
		{
			feed->size = (int64_t) feeds->tokens.n + ML_TOKEN_FIRST;
			feed->length = feeds->pad;
		}
		else if (role == ML_ROLE_SERIES)
		{
			feed->size = tabular->columns[i].nterms;
			feed->length = feeds->pad;
			feeds->steps[feeds->nfeeds] = *steps++;
			feeds->first_channel[feeds->nfeeds] = channel;
			channel += tabular->columns[i].nterms;
		}
		else
		{
			feed->height = pictures->height;
			feed->width = pictures->width;
			feed->channels = pictures->channels;
			pictures++;
		}
		feeds->column[feeds->nfeeds++] = i;
	}
	return ML_OK;
}

/* ---------- the batch ---------- */

static size_t
feed_length(const ml_feeds *feeds)
{
	return feeds->pad > 0 ? feeds->pad : feeds->max_length;
}

static size_t
feed_pixels(const ml_feed *feed)
{
	return (size_t) (feed->height * feed->width * feed->channels);
}

/* Numbers of the series of so many rows, as far as it is known how long they are. */
static size_t
feed_steps(const ml_feed *feed, size_t capacity)
{
	return ML_MAX(ml_size_mul(ml_size_mul(capacity, (size_t) feed->longest), (size_t) feed->size), FEWEST);
}

/* The next piece of a block that begins at memory; NULL: only its size is asked for. */
static void *
piece(char *memory, size_t *end, size_t n, size_t width)
{
	size_t		start = ml_size_align(*end, ML_ALIGN);

	*end = ml_size_add(start, ml_size_mul(n, width));
	return memory == NULL ? NULL : memory + start;
}

static size_t
lay_out(const ml_feeds *feeds, size_t capacity, char *memory, ml_feed_batch *batch)
{
	size_t		end = 0;
	size_t		most = 0;

	batch->numbers = piece(memory, &end, ml_size_mul(capacity, feeds->nnumbers), sizeof(float));
	batch->dense = piece(memory, &end, feeds->tabular.ndense, sizeof(double));
	batch->hot = piece(memory, &end, feeds->tabular.ncategories, sizeof(uint32_t));
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		const ml_feed *feed = &feeds->feeds[i];

		if (feed->kind == ML_FEED_TOKENS)
			batch->ids[i] = piece(memory, &end, ml_size_mul(capacity, feed_length(feeds)), sizeof(int32_t));
		if (feed->kind == ML_FEED_TOKENS || feed->kind == ML_FEED_SERIES)
		{
			batch->offsets[i] = piece(memory, &end, capacity + 1, sizeof(int32_t));
			batch->slices[i] = piece(memory, &end, capacity + 1, sizeof(int32_t));
		}
		else if (feed->kind == ML_FEED_IMAGE)
		{
			batch->pixels[i] = piece(memory, &end, ml_size_mul(capacity, feed_pixels(feed)), sizeof(float));
			most = ML_MAX(most, feed_pixels(feed));
		}
	}
	batch->bytes = piece(memory, &end, most, 1);
	return end;
}

size_t
ml_feed_batch_size(const ml_feeds *feeds, size_t capacity)
{
	ml_feed_batch batch;
	size_t		size = ml_size_add(lay_out(feeds, capacity, NULL, &batch), ML_ALIGN);

	for (int i = 0; i < feeds->nfeeds; i++)
		if (feeds->feeds[i].kind == ML_FEED_SERIES)
			size = ml_size_add(size, ml_size_mul(feed_steps(&feeds->feeds[i], capacity), sizeof(float)));
	return size;
}

ml_status
ml_feed_batch_open(ml_context *ctx, const ml_feeds *feeds, size_t capacity, ml_feed_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->feeds = feeds;
	batch->capacity = capacity;
	batch->decoding = SIZE_MAX;
	batch->size = ml_feed_batch_size(feeds, capacity);
	ML_TRY(ml_alloc(ctx, ml_size_add(lay_out(feeds, capacity, NULL, batch), ML_ALIGN), &batch->memory));
	lay_out(feeds, capacity, (char *) (((uintptr_t) batch->memory + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1)), batch);
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		size_t		n = feeds->feeds[i].kind == ML_FEED_SERIES ? feed_steps(&feeds->feeds[i], capacity) : 0;

		if (batch->offsets[i] != NULL)
			batch->offsets[i][0] = 0;
		if (n > 0)
			ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(float)), (void **) &batch->series[i]));
		batch->series_capacity[i] = n;
	}
	return ML_OK;
}

void
ml_feed_batch_close(ml_context *ctx, ml_feed_batch *batch)
{
	for (int i = 0; i < ML_FEEDS_MAX; i++)
	{
		ml_release(ctx, batch->series[i]);
		batch->series[i] = NULL;
	}
	ml_release(ctx, batch->memory);
	batch->memory = NULL;
}

/* ---------- rows ---------- */

ml_status
ml_feed_numbers(ml_context *ctx, ml_feed_batch *batch, const ml_value *inputs)
{
	const ml_tabular *tabular = &batch->feeds->tabular;
	float	   *to = batch->numbers + batch->n * batch->feeds->nnumbers;

	if (batch->feeds->nnumbers == 0)
		return ML_OK;
	ML_TRY(ml_tabular_encode(ctx, tabular, inputs, batch->dense, batch->hot));
	for (uint32_t i = 0; i < tabular->ndense; i++)
		to[i] = (float) batch->dense[i];
	memset(to + tabular->ndense, 0, tabular->nhot * sizeof(float));
	for (uint32_t i = 0; i < tabular->ncategories; i++)
		if (batch->hot[i] != ML_NO_TERM)
			to[batch->hot[i]] = 1;
	return ML_OK;
}

/* The words in ids, of which n are there, become as many as all texts have. */
static void
end_ids(ml_feed_batch *batch, int feed, uint32_t n)
{
	int32_t    *offsets = batch->offsets[feed];
	uint32_t	pad = batch->feeds->pad;
	int32_t    *to = batch->ids[feed] + offsets[batch->n];

	for (; n < pad; n++)
		to[n] = ML_TOKEN_PADDING;
	offsets[batch->n + 1] = offsets[batch->n] + (int32_t) n;
}

void
ml_feed_mapped(ml_feed_batch *batch, int feed, const uint32_t *words, uint32_t n, const uint32_t *map)
{
	int32_t    *to = batch->ids[feed] + batch->offsets[feed][batch->n];

	n = (uint32_t) ML_MIN((size_t) n, feed_length(batch->feeds));
	for (uint32_t i = 0; i < n; i++)
		to[i] = (int32_t) map[words[i]];
	end_ids(batch, feed, n);
}

/* Room for so many steps more. */
static ml_status
reserve_steps(ml_context *ctx, ml_feed_batch *batch, int feed, size_t steps)
{
	size_t		need = ml_size_mul((size_t) batch->offsets[feed][batch->n] + steps, (size_t) batch->feeds->feeds[feed].size);
	void	   *memory = batch->series[feed];

	if (need <= batch->series_capacity[feed])
		return ML_OK;
	ML_TRY(ml_grow(ctx, &memory, &batch->series_capacity[feed], need, sizeof(float)));
	batch->series[feed] = memory;
	return ML_OK;
}

ml_status
ml_feed_series(ml_context *ctx, ml_feed_batch *batch, int feed, const double *numbers, uint32_t steps)
{
	const ml_feeds *feeds = batch->feeds;
	const ml_channel *channels = feeds->channels + feeds->first_channel[feed];
	size_t		nchannels = (size_t) feeds->feeds[feed].size;
	int32_t    *offsets = batch->offsets[feed];
	size_t		length = ML_MAX(steps, feeds->pad);
	size_t		at_once = ML_MAX(STEPS / nchannels, (size_t) 1);
	float	   *to;

	ML_TRY(reserve_steps(ctx, batch, feed, length));
	to = batch->series[feed] + (size_t) offsets[batch->n] * nchannels;
	for (size_t first = 0; first < steps; first += at_once)
	{
		size_t		n = ML_MIN(at_once, steps - first) * nchannels;
		size_t		at;

		if (ml_series_scale(numbers + first * nchannels, n, channels, (uint32_t) nchannels, to + first * nchannels, &at) != ML_SERIES_SOUND)
			return ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has a number at step %zu that is out of range",
						   (int) ML_MIN(feeds->feeds[feed].name.size, (size_t) 64), feeds->feeds[feed].name.data, first + at / nchannels + 1);
		ML_TRY(ml_poll(ctx));
	}
	/* what is not there is as the mean */
	memset(to + steps * nchannels, 0, (length - steps) * nchannels * sizeof(float));
	offsets[batch->n + 1] = offsets[batch->n] + (int32_t) length;
	return ML_OK;
}

ml_status
ml_feed_pixels(ml_context *ctx, ml_feed_batch *batch, int feed, const uint8_t *pixels)
{
	size_t		n = feed_pixels(&batch->feeds->feeds[feed]);
	float	   *to = batch->pixels[feed] + batch->n * n;

	for (size_t first = 0; first < n; first += PIXELS)
	{
		for (size_t i = first; i < ML_MIN(first + PIXELS, n); i++)
			to[i] = (float) pixels[i] * (1.0f / 255);
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

void
ml_feed_batch_next(ml_feed_batch *batch)
{
	batch->n++;
}

static ml_status
read_image(ml_context *ctx, ml_feed_batch *batch, int feed, ml_text bytes)
{
	const ml_feed *wanted = &batch->feeds->feeds[feed];
	ml_picture	picture = {(uint32_t) wanted->height, (uint32_t) wanted->width, (uint32_t) wanted->channels};
	ml_status	status;

	if (bytes.data == NULL)
		return ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has no image",
					   (int) ML_MIN(wanted->name.size, (size_t) 64), wanted->name.data);
	status = ml_pixels_read(ctx, bytes, &picture, batch->decoding, batch->bytes);
	if (status == ML_MEMORY_LIMIT)
	{
		ml_error	cause = ctx->error;

		ml_hint(ctx, "Raise aiaas.private_memory. %s", cause.hint);
	}
	ML_TRY(status);
	return ml_feed_pixels(ctx, batch, feed, batch->bytes);
}

static ml_status
read_series(ml_context *ctx, ml_feed_batch *batch, int feed, ml_items items)
{
	const ml_feed *wanted = &batch->feeds->feeds[feed];
	char		who[128];
	ml_series_view view;

	ML_TRY(ml_series_look(ctx, items, (uint32_t) wanted->size, batch->feeds->steps[feed], &view));
	if (view.fault == ML_SERIES_SOUND)
		return ml_feed_series(ctx, batch, feed, items.data, view.steps);
	ml_print(who, sizeof(who), "column \"%.*s\"", (int) ML_MIN(wanted->name.size, (size_t) 64), wanted->name.data);
	return ml_series_refuse(ctx, ML_BAD_INPUT, &view, who, items, (uint32_t) wanted->size);
}

ml_status
ml_feed_row(ml_context *ctx, ml_feed_batch *batch, ml_words *reader, const ml_value *inputs)
{
	const ml_feeds *feeds = batch->feeds;

	ML_TRY(ml_feed_numbers(ctx, batch, inputs));
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		const ml_feed *feed = &feeds->feeds[i];
		const ml_value *input = &inputs[feeds->column[i]];
		uint32_t	n = 0;

		if (feed->kind == ML_FEED_TOKENS)
		{
			if (input->text.data != NULL)
				ML_TRY(ml_tokens_read(ctx, &feeds->tokens, reader, input->text, (uint32_t) feed_length(feeds),
									  batch->ids[i] + batch->offsets[i][batch->n], NULL, &n));
			end_ids(batch, i, n);
		}
		else if (feed->kind == ML_FEED_IMAGE)
			ML_TRY(read_image(ctx, batch, i, input->text));
		else if (feed->kind == ML_FEED_SERIES)
			ML_TRY(read_series(ctx, batch, i, input->items));
	}
	ml_feed_batch_next(batch);
	return ML_OK;
}

/* ---------- binding ---------- */

void
ml_feed_bind(const ml_feed_batch *batch, const ml_network *network, size_t first, size_t n, ml_binding *binding)
{
	memset(binding, 0, sizeof(*binding));
	binding->numbers[ML_SYMBOL_OF(network->rows)] = (int64_t) n;
	for (int i = 0; i < network->nfeeds; i++)
	{
		const ml_feed_values *values = &network->feeds[i];
		const int32_t *offsets = batch->offsets[i];
		int32_t		symbol;

		if (offsets == NULL || values->words >= 0)
			continue;
		symbol = ML_SYMBOL_OF(values->words);
		/* a slice's offsets begin with 0, too */
		for (size_t row = 0; first > 0 && row <= n; row++)
			batch->slices[i][row] = offsets[first + row] - offsets[first];
		binding->offsets[symbol] = first > 0 ? batch->slices[i] : offsets;
		binding->rows[symbol] = (int64_t) n;
		binding->numbers[symbol] = offsets[first + n] - offsets[first];
	}
}

void
ml_feed_inputs(const ml_feed_batch *batch, const ml_network *network, size_t first, ml_runner *runner)
{
	const ml_feeds *feeds = batch->feeds;

	for (int i = 0; i < network->nfeeds; i++)
	{
		const ml_feed_values *values = &network->feeds[i];
		const ml_feed *feed = &feeds->feeds[i];

		switch (feed->kind)
		{
			case ML_FEED_NUMBERS:
				runner->inputs[values->data] = batch->numbers + first * feeds->nnumbers;
				break;
			case ML_FEED_IMAGE:
				runner->inputs[values->data] = batch->pixels[i] + first * feed_pixels(feed);
				break;
			case ML_FEED_SERIES:
				runner->inputs[values->data] = batch->series[i] + (size_t) batch->offsets[i][first] * (size_t) feed->size;
				runner->inputs[values->offsets] = first > 0 ? batch->slices[i] : batch->offsets[i];
				break;
			default:
				runner->inputs[values->data] = batch->ids[i] + batch->offsets[i][first];
				runner->inputs[values->offsets] = first > 0 ? batch->slices[i] : batch->offsets[i];
		}
	}
}
