/*-------------------------------------------------------------------------
 *
 * train_network_rows.c
 *	  A row of a network's training as a record of bytes, and back.
 *
 * Fields follow each other in the order of the columns, each a multiple of 8
 * bytes:
 *	  number, date	a double
 *	  array			the count of its items (0: missing), then doubles
 *	  category		the number of its level as it appeared, or -1
 *	  text			the count of its words, then their numbers as they appeared
 *	  image			pixels, already of the size that the network takes
 *	  series		the count of its numbers, then doubles, step by step
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#include <math.h>

#define ITEMS_UNKNOWN	16384	/* room for an array that the first row lacks */
#define MISSING			UINT32_MAX
#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

uint32_t
ml_network_most_words(const ml_network_trainer *net)
{
	const ml_network_options *options = net->options;

	return (uint32_t) (options->pad > 0 ? options->pad : options->max_length > 0 ? options->max_length : ML_WORDS_LOOKED_AT);
}

/* Bytes that a column takes at most, but of series. */
static size_t
field_size(const ml_network_trainer *net, const ml_column *column, const ml_picture *picture)
{
	switch (column->role)
	{
		case ML_ROLE_TEXT:
			return 8 + ml_size_align(ml_network_most_words(net) * sizeof(uint32_t), 8);
		case ML_ROLE_IMAGE:
			return ml_size_align(ml_picture_bytes(picture), 8);
		default:
			if (column->type != ML_TYPE_ARRAY)
				return 8;
			return 8 + 8 * (size_t) (column->size > 0 ? column->size : ITEMS_UNKNOWN);
	}
}

/* What went wrong with an image, with its row. */
static ml_status
name_image(ml_context *ctx, const ml_network_trainer *net, const ml_column *column, ml_status status)
{
	ml_error	cause = ctx->error;

	if (status != ML_BAD_INPUT && status != ML_MEMORY_LIMIT)
		return status;
	ml_fail(ctx, status, "the image of row %llu in column \"%.*s\" can't be read: %s",
			(unsigned long long) net->trainer->seen, QUOTED(column->name), cause.text);
	if (status == ML_MEMORY_LIMIT)
		return ml_hint(ctx, "Raise maintenance_work_mem, or give {\"memory\": ...}: half of it is for images while rows are read. %s", cause.hint);
	return ml_hint(ctx, "Mend the row or leave it out; {\"on_error\": \"skip\"} leaves out all such rows and counts them.");
}

static size_t
memory_of(const ml_network_trainer *net)
{
	return net->options->memory > 0 ? (size_t) net->options->memory : net->trainer->memory;
}

static uint64_t
count_taken(const ml_network_trainer *net)
{
	uint64_t	n = net->words.n;

	for (uint32_t i = 0; i < net->ncategories; i++)
		n += net->levels[i].n;
	return n;
}

/* Words and levels: what there is of rows besides the rows. */
static size_t
taken_memory(const ml_network_trainer *net)
{
	size_t		taken = ml_size_add(ml_levels_memory(&net->words), net->trainer->arena.total);

	for (uint32_t i = 0; i < net->ncategories; i++)
		taken = ml_size_add(taken, ml_levels_memory(&net->levels[i]));
	return taken;
}

/* While rows are read, the half that is not theirs has nothing in it but these. */
static size_t
decoding_memory(const ml_network_trainer *net)
{
	size_t		half = memory_of(net) / 2;

	return half - ML_MIN(taken_memory(net), half);
}

/* Where these alone are too much, so they would be in the end, with the network: refuse before more rows come. */
static ml_status
check_taken(ml_context *ctx, const ml_network_trainer *net)
{
	size_t		limit = memory_of(net);

	if (taken_memory(net) <= limit)
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT, "different words of texts and values of categories need more than the %zu kB of memory that are allowed: "
			"there are %llu up to row %llu", limit >> 10, (unsigned long long) count_taken(net), (unsigned long long) net->trainer->seen);
	return ml_hint(ctx, "Raise maintenance_work_mem, give {\"memory\": ...}, or leave out columns that are different in each row.");
}

/* ---------- the size of images that no option states ---------- */

/* ... "images": {"photo": {"height": 28, "width": 28, "channels": 1}} */
static ml_status
no_size(ml_context *ctx, const ml_column *column)
{
	ml_fail(ctx, ML_BAD_OPTION, "bytes of column \"%.*s\" have no stated size", QUOTED(column->name));
	return ml_hint(ctx, "Say which size the network takes: {\"images\": {\"%.*s\": {\"height\": 28, \"width\": 28, \"channels\": 1}}}, "
				   "or leave the column out.", QUOTED(column->name));
}

/* That of the first image. */
static ml_status
find_size(ml_context *ctx, ml_network_trainer *net, const ml_column *column, ml_text bytes, uint32_t image)
{
	ml_picture *picture = &net->pictures[image];
	ml_status	status;

	if (picture->height > 0)
		return ML_OK;
	if (bytes.data == NULL)
		return name_image(ctx, net, column, ml_fail(ctx, ML_BAD_INPUT, "there is no image"));
	status = ml_pixels_look(ctx, bytes, picture);
	if (status == ML_UNSUPPORTED)
		return no_size(ctx, column);
	ML_TRY(name_image(ctx, net, column, status));
	net->found[image] = true;
	if (picture->height <= ML_SIDE_MAX && picture->width <= ML_SIDE_MAX)
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "the image of row %llu in column \"%.*s\" is %u wide and %u high, and networks take up to %d",
			(unsigned long long) net->trainer->seen, QUOTED(column->name), picture->width, picture->height, ML_SIDE_MAX);
	return ml_hint(ctx, "Say which size they shall become: {\"images\": {\"%.*s\": {\"height\": 224, \"width\": 224}}}.", QUOTED(column->name));
}

/* Has a later one the size of the first? */
static ml_status
check_size(ml_context *ctx, const ml_network_trainer *net, const ml_column *column, ml_text bytes, uint32_t image)
{
	const ml_picture *first = &net->pictures[image];
	ml_picture	here;

	/* what can't be read is told by reading it; grey becomes colours, but not the other way round */
	if (!net->found[image] || ml_pixels_look(ctx, bytes, &here) != ML_OK ||
		(here.height == first->height && here.width == first->width && here.channels <= first->channels))
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "the image of row %llu in column \"%.*s\" is %u wide and %u high%s, those before it %u and %u%s",
			(unsigned long long) net->trainer->seen, QUOTED(column->name), here.width, here.height,
			here.channels == first->channels ? "" : here.channels == 1 ? ", grey" : ", in colours", first->width, first->height,
			here.channels == first->channels ? "" : first->channels == 1 ? ", grey" : ", in colours");
	return ml_hint(ctx, "Say which size they shall become: {\"images\": {\"%.*s\": {\"height\": %u, \"width\": %u, \"channels\": %u}}}.",
				   QUOTED(column->name), first->height, first->width, ML_MAX(here.channels, first->channels));
}

/* Options as if these sizes had been stated. */
static ml_status
write_sizes(ml_context *ctx, ml_network_trainer *net, ml_buffer *json)
{
	ml_trainer *trainer = net->trainer;
	ml_list		told = {.before = "images are of the size that the first has: "};
	const char *separator = "{";
	uint32_t	image = 0;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		const ml_picture *picture = &net->pictures[image];

		if (column->role != ML_ROLE_IMAGE)
			continue;
		ML_TRY(ml_appendf(ctx, json, "%s", separator));
		ML_TRY(ml_json_quote(ctx, json, column->name));
		ML_TRY(ml_appendf(ctx, json, ": {\"height\": %u, \"width\": %u, \"channels\": %u}", picture->height, picture->width,
						  picture->channels));
		separator = ", ";
		if (net->found[image++])
			ml_list_add(&told, "\"%.*s\" %u wide and %u high, %s", QUOTED(column->name), picture->width, picture->height,
						picture->channels == 1 ? "grey" : "in colours");
	}
	ML_TRY(ml_appendf(ctx, json, "}"));
	ml_train_notice(ctx, told.text);
	return ml_arena_copy(ctx, &trainer->arena, (ml_text) {json->data, json->size}, &trainer->options.network.images);
}

static bool
any_found(const ml_network_trainer *net)
{
	for (uint32_t i = 0; i < net->nimages; i++)
		if (net->found[i])
			return true;
	return false;
}

ml_status
ml_network_sizes_found(ml_context *ctx, ml_network_trainer *net)
{
	ml_buffer	json = {0};
	ml_status	status;

	if (net->sized)
		return ML_OK;
	net->sized = true;
	if (!any_found(net))
		return ML_OK;
	status = write_sizes(ctx, net, &json);
	ml_buffer_free(ctx, &json);
	return status;
}

void
ml_network_sizes_forget(ml_context *ctx, ml_network_trainer *net)
{
	if (net->sized || !any_found(net))
		return;
	for (uint32_t i = 0; i < net->nimages; i++)
		if (net->found[i])
			net->pictures[i] = (ml_picture) {0};
	memset(net->found, 0, net->nimages * sizeof(bool));
	ml_examples_close(ctx, net->examples);
	net->examples = NULL;
	net->begun = false;
}

ml_status
ml_network_begin_rows(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row)
{
	ml_trainer *trainer = net->trainer;
	ml_network_series *series = net->series;
	size_t		size = 0;
	uint32_t	image = 0;
	ml_status	status;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		ml_column  *column = &trainer->columns[i];

		if (column->role == ML_ROLE_SERIES)
		{
			size = ml_size_add(size, ml_network_series_room(net, series++, row->inputs[i].items));
			continue;
		}
		if (column->role == ML_ROLE_IMAGE)
		{
			ML_TRY(find_size(ctx, net, column, row->inputs[i].text, image));
			size = ml_size_add(size, field_size(net, column, &net->pictures[image++]));
			continue;
		}
		if (column->type == ML_TYPE_ARRAY && row->inputs[i].items.data != NULL)
			column->size = (uint32_t) ML_MIN(row->inputs[i].items.n, (size_t) ML_FEED_NUMBERS_MAX + 1);
		size = ml_size_add(size, field_size(net, column, NULL));
	}
	/* half is for rows, the other half for the network */
	status = ml_examples_open(ctx, memory_of(net) / 2, size, &net->examples);
	if (status == ML_MEMORY_LIMIT && net->nseries > 0)
		ml_hint(ctx, "Raise maintenance_work_mem, or look at fewer steps of series by the option \"max_length\".");
	ML_TRY(status);
	net->begun = true;
	return ML_OK;
}

/* ---------- writing ---------- */

static ml_status
too_many_items(ml_context *ctx, const ml_network_trainer *net, const ml_column *column)
{
	ml_fail(ctx, ML_BAD_DATA, "the array of row %llu in column \"%.*s\" has too many items", (unsigned long long) net->trainer->seen,
			QUOTED(column->name));
	return column->size > 0 ? ml_hint(ctx, "A network takes %d numbers at most.", ML_FEED_NUMBERS_MAX) :
		ml_hint(ctx, "Up to %d may follow a first row without any; let a row that has an array come first.", ITEMS_UNKNOWN);
}

static ml_status
put_array(ml_context *ctx, ml_network_trainer *net, ml_column *column, ml_items items, char **to)
{
	uint64_t	n = items.data == NULL ? 0 : items.n;

	if (items.data != NULL && n == 0)
		return ml_fail(ctx, ML_BAD_DATA, "row %llu has an empty array in column \"%.*s\"",
					   (unsigned long long) net->trainer->seen, QUOTED(column->name));
	if (n > (column->size == 0 ? ITEMS_UNKNOWN : ML_FEED_NUMBERS_MAX))
		return too_many_items(ctx, net, column);
	if (n > 0 && column->size == 0)
		column->size = (uint32_t) n;
	if (n > 0 && n != column->size)
	{
		ml_fail(ctx, ML_BAD_DATA, "the array of row %llu in column \"%.*s\" has %llu items, those before it have %u",
					   (unsigned long long) net->trainer->seen, QUOTED(column->name), (unsigned long long) n, column->size);
		return ml_hint(ctx, "Arrays of different lengths are series: {\"columns\": {\"%.*s\": \"series\"}}.", QUOTED(column->name));
	}
	memcpy(*to, &n, 8);
	for (uint64_t i = 0; i < n; i++)
		if (isinf(items.data[i]))
			return ml_fail(ctx, ML_BAD_DATA, "row %llu has an infinite number in column \"%.*s\"",
						   (unsigned long long) net->trainer->seen, QUOTED(column->name));
	if (n > 0)
		memcpy(*to + 8, items.data, (size_t) n * sizeof(double));
	*to += 8 + n * sizeof(double);
	return ML_OK;
}

static ml_status
put_number(ml_context *ctx, const ml_network_trainer *net, const ml_column *column, double number, char **to)
{
	if (isinf(number))
		return ml_fail(ctx, ML_BAD_DATA, "row %llu has an infinite value in column \"%.*s\"",
					   (unsigned long long) net->trainer->seen, QUOTED(column->name));
	memcpy(*to, &number, 8);
	*to += 8;
	return ML_OK;
}

static ml_status
put_level(ml_context *ctx, ml_levels *levels, ml_text value, char **to)
{
	uint32_t	number = MISSING;

	if (value.data != NULL)
		ML_TRY(ml_levels_add(ctx, levels, value, &number));
	memcpy(*to, &(uint64_t) {number}, 8);
	*to += 8;
	return ML_OK;
}

static ml_status
put_text(ml_context *ctx, ml_network_trainer *net, ml_text text, char **to)
{
	uint32_t	n = 0;

	if (text.data != NULL)
		ML_TRY(ml_tokens_collect(ctx, &net->words, net->reader, text, ml_network_most_words(net), (uint32_t *) (void *) (*to + 8), &n));
	net->longest = ML_MAX(net->longest, n);
	memcpy(*to, &(uint64_t) {n}, 8);
	if (n % 2 == 1)
		memset(*to + 8 + n * sizeof(uint32_t), 0, sizeof(uint32_t));
	*to += 8 + ml_size_align(n * sizeof(uint32_t), 8);
	return ML_OK;
}

static ml_status
put_image(ml_context *ctx, ml_network_trainer *net, const ml_column *column, ml_text bytes,
		  const ml_picture *picture, char **to)
{
	size_t		size = ml_picture_bytes(picture);
	ml_status	status;

	if (bytes.data == NULL)
		status = ml_fail(ctx, ML_BAD_INPUT, "there is no image");
	else
		status = ml_pixels_read(ctx, bytes, picture, decoding_memory(net), (uint8_t *) *to);
	ML_TRY(name_image(ctx, net, column, status));
	memset(*to + size, 0, ml_size_align(size, 8) - size);
	*to += ml_size_align(size, 8);
	return ML_OK;
}

static ml_status
put_columns(ml_context *ctx, ml_network_trainer *net, const ml_value *inputs, char **to)
{
	ml_trainer *trainer = net->trainer;
	ml_network_series *series = net->series;
	uint32_t	category = 0;
	uint32_t	image = 0;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		ml_column  *column = &trainer->columns[i];

		if (column->role == ML_ROLE_TEXT)
			ML_TRY(put_text(ctx, net, inputs[i].text, to));
		else if (column->role == ML_ROLE_IMAGE)
		{
			if (inputs[i].text.data != NULL)
				ML_TRY(check_size(ctx, net, column, inputs[i].text, image));
			ML_TRY(put_image(ctx, net, column, inputs[i].text, &net->pictures[image++], to));
		}
		else if (column->role == ML_ROLE_CATEGORY)
			ML_TRY(put_level(ctx, &net->levels[category++], inputs[i].text, to));
		else if (column->role == ML_ROLE_SERIES)
			ML_TRY(ml_network_put_series(ctx, net, series++, inputs[i].items, to));
		else if (column->type == ML_TYPE_ARRAY)
			ML_TRY(put_array(ctx, net, column, inputs[i].items, to));
		else
			ML_TRY(put_number(ctx, net, column, inputs[i].number, to));
	}
	return ML_OK;
}

/* Bytes that the row in hand takes at most. */
static size_t
row_size(const ml_network_trainer *net, const ml_value *inputs)
{
	const ml_trainer *trainer = net->trainer;
	const ml_network_series *series = net->series;
	size_t		size = 0;
	uint32_t	image = 0;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		const ml_picture *picture = column->role == ML_ROLE_IMAGE ? &net->pictures[image++] : NULL;

		if (column->role == ML_ROLE_SERIES)
			size += ml_network_series_size(series++, inputs[i].items);
		else if (column->type == ML_TYPE_ARRAY)
			size += 8 + 8 * ML_MIN(inputs[i].items.data == NULL ? 0 : inputs[i].items.n, (size_t) ML_FEED_NUMBERS_MAX + 1);
		else
			size += field_size(net, column, picture);
	}
	return size;
}

ml_status
ml_network_add_row(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row, bool *skipped)
{
	void	   *record;
	char	   *to;
	ml_status	status;

	*skipped = false;
	ML_TRY(ml_examples_reserve(ctx, net->examples, row_size(net, row->inputs), &record));
	to = record;
	status = put_columns(ctx, net, row->inputs, &to);
	if (status == ML_BAD_INPUT && net->options->on_error == ML_ON_ERROR_SKIP)
	{
		*skipped = true;
		return ML_OK;
	}
	ML_TRY(status);
	ML_TRY(check_taken(ctx, net));
	return ml_examples_add(ctx, net->examples, &(ml_example)
						   {
							   .size = (uint32_t) (to - (char *) record),
							   .label = row->label,
							   .target = row->target,
							   .split = row->split,
							   .weight = row->weight,
							   .flags = row->validates
						   });
}

/* ---------- reading ---------- */

void
ml_network_values(ml_network_trainer *net, const ml_example *example)
{
	const ml_trainer *trainer = net->trainer;
	const char *from = ml_example_record(example);
	uint32_t	category = 0;
	uint32_t	image = 0;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		ml_value   *value = &net->values[i];
		uint64_t	n;

		memcpy(&n, from, 8);
		if (column->role == ML_ROLE_TEXT)
		{
			value->text = (ml_text) {from + 8, (size_t) n};
			from += 8 + ml_size_align((size_t) n * sizeof(uint32_t), 8);
		}
		else if (column->role == ML_ROLE_IMAGE)
		{
			size_t		size = ml_picture_bytes(&net->pictures[image++]);

			value->text = (ml_text) {from, size};
			from += ml_size_align(size, 8);
		}
		else if (column->role == ML_ROLE_CATEGORY)
		{
			value->text = n == MISSING ? (ml_text) {0} : net->levels[category].values[n];
			net->level[category++] = (uint32_t) n;
			from += 8;
		}
		else if (column->type == ML_TYPE_ARRAY)
		{
			value->items = (ml_items) {n == 0 ? NULL : (const double *) (const void *) (from + 8), (uint32_t) n,
				column->role == ML_ROLE_SERIES ? column->size : 0};
			from += 8 + n * sizeof(double);
		}
		else
		{
			memcpy(&value->number, from, 8);
			from += 8;
		}
	}
}

ml_status
ml_network_feed(ml_context *ctx, ml_network_trainer *net, const ml_example *example)
{
	const ml_feeds *feeds = &net->feeds;
	ml_feed_batch *batch = &net->batch;

	ml_network_values(net, example);
	for (uint32_t i = 0; i < net->nkept; i++)
		net->inputs[i] = net->values[net->kept_column[i]];
	ML_TRY(ml_feed_numbers(ctx, batch, net->inputs));
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		const ml_value *input = &net->inputs[feeds->column[i]];

		if (feeds->feeds[i].kind == ML_FEED_IMAGE)
			ML_TRY(ml_feed_pixels(ctx, batch, i, (const uint8_t *) input->text.data));
		else if (feeds->feeds[i].kind == ML_FEED_TOKENS)
			ml_feed_mapped(batch, i, (const uint32_t *) (const void *) input->text.data, (uint32_t) input->text.size, net->word_map);
		else if (feeds->feeds[i].kind == ML_FEED_SERIES)
			ML_TRY(ml_feed_series(ctx, batch, i, input->items.data, input->items.n / (uint32_t) feeds->feeds[i].size));
	}
	ml_feed_batch_next(batch);
	return ML_OK;
}
