/*-------------------------------------------------------------------------
 *
 * feeds.c
 *	  From the columns of a row to what a network is fed with, see feeds.h.
 *
 *-------------------------------------------------------------------------
 */
#include "model/feeds.h"

#define PIXELS		((size_t) 1 << 20)	/* between two polls */
#define NUMBERS		ML_TEXT("numbers")	/* what layers call the feed of numbers */

static ml_status
too_many(ml_context *ctx)
{
	ml_fail(ctx, ML_BAD_DATA, "there are more than %d columns of text and images", ML_FEEDS_MAX - 1);
	return ml_hint(ctx, "Join texts in a query, or leave columns out by the option \"columns\".");
}

static ml_status
name_taken(ml_context *ctx)
{
	ml_fail(ctx, ML_BAD_DATA, "column \"numbers\" has the name by which layers call all columns of numbers and categories together");
	return ml_hint(ctx, "Give it another name in a query: SELECT numbers AS ...");
}

ml_status
ml_feeds_derive(ml_context *ctx, ml_feeds *feeds, const ml_picture *pictures)
{
	const ml_tabular *tabular = &feeds->tabular;

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

		if (role != ML_ROLE_TEXT && role != ML_ROLE_IMAGE)
			continue;
		if (feeds->nfeeds == ML_FEEDS_MAX)
			return too_many(ctx);
		if (feeds->nnumbers > 0 && ml_text_equal(tabular->names[i], NUMBERS))
			return name_taken(ctx);
		*feed = (ml_feed)
		{
			.name = tabular->names[i],
			.kind = role == ML_ROLE_TEXT ? ML_FEED_TOKENS : ML_FEED_IMAGE
		};
		if (role == ML_ROLE_TEXT)
		{
			feed->size = (int64_t) feeds->tokens.n + ML_TOKEN_FIRST;
			feed->length = feeds->pad;
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
		{
			batch->ids[i] = piece(memory, &end, ml_size_mul(capacity, feed_length(feeds)), sizeof(int32_t));
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

	return ml_size_add(lay_out(feeds, capacity, NULL, &batch), ML_ALIGN);
}

ml_status
ml_feed_batch_open(ml_context *ctx, const ml_feeds *feeds, size_t capacity, ml_feed_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->feeds = feeds;
	batch->capacity = capacity;
	batch->decoding = SIZE_MAX;
	batch->size = ml_feed_batch_size(feeds, capacity);
	ML_TRY(ml_alloc(ctx, batch->size, &batch->memory));
	lay_out(feeds, capacity, (char *) (((uintptr_t) batch->memory + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1)), batch);
	for (int i = 0; i < feeds->nfeeds; i++)
		if (batch->offsets[i] != NULL)
			batch->offsets[i][0] = 0;
	return ML_OK;
}

void
ml_feed_batch_close(ml_context *ctx, ml_feed_batch *batch)
{
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

ml_status
ml_feed_row(ml_context *ctx, ml_feed_batch *batch, ml_words *reader, const ml_value *inputs)
{
	const ml_feeds *feeds = batch->feeds;

	ML_TRY(ml_feed_numbers(ctx, batch, inputs));
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		const ml_feed *feed = &feeds->feeds[i];
		ml_text		value = inputs[feeds->column[i]].text;
		uint32_t	n = 0;

		if (feed->kind == ML_FEED_TOKENS)
		{
			if (value.data != NULL)
				ML_TRY(ml_tokens_read(ctx, &feeds->tokens, reader, value, (uint32_t) feed_length(feeds),
									  batch->ids[i] + batch->offsets[i][batch->n], NULL, &n));
			end_ids(batch, i, n);
		}
		else if (feed->kind == ML_FEED_IMAGE)
			ML_TRY(read_image(ctx, batch, i, value));
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
			default:
				runner->inputs[values->data] = batch->ids[i] + batch->offsets[i][first];
				runner->inputs[values->offsets] = first > 0 ? batch->slices[i] : batch->offsets[i];
		}
	}
}
