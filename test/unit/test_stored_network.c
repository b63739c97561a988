/*-------------------------------------------------------------------------
 *
 * test_stored_network.c
 *	  The stored layout of networks (format 3) trusts nothing: graphs, feeds,
 *	  words and tensors that are not what they should be are refused by name.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

/* A model of numbers, a text, an image and a series, in the file "stored". */
static void
make_model(unit_host *host, outcome *r)
{
	static const double pulse[] = {1, 20, 3, 40, 2, 60, 5, 80, 1, 90, 4, 70, 7, 10, 0, 0};
	table		t;
	ml_rng		rng;

	ml_rng_seed(&rng, 3);
	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	add_column(&t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	add_column(&t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	add_column(&t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	for (size_t i = 0; i < 60; i++)
	{
		ml_value   *row = add_row(&t);
		char		text[64];

		snprintf(text, sizeof(text), "one of w%d or w%d", (int) ml_rng_below(&rng, 6), (int) ml_rng_below(&rng, 6));
		row[0].number = noise(&rng);
		row[1].text = keep(&t, text);
		row[2].text = ML_TEXT("0123456789abcdef");
		row[3].items = (ml_items) {pulse + i % 3 * 2, 2 * (1 + (uint32_t) i % 5), 2};
		t.targets[i].text = i % 2 ? ML_TEXT("no") : ML_TEXT("yes");
	}
	unit_ok(train_network(host, &t, &(setting)
						  {
							  "network", ML_CLASSIFICATION,
							  "{\"layers\": [{\"type\": \"embedding\", \"input_dim\": 9, \"output_dim\": 4, \"inputs\": \"note\"}, "
							  "{\"type\": \"gru\", \"units\": 3, \"name\": \"g\"}, {\"type\": \"flatten\", \"inputs\": \"photo\", \"name\": \"f\"}, "
							  "{\"type\": \"rnn\", \"units\": 2, \"inputs\": \"pulse\", \"name\": \"p\"}, "
							  "{\"type\": \"concatenate\", \"inputs\": [\"g\", \"f\", \"p\", \"numbers\"]}, {\"type\": \"batch_normalization\"}, "
							  "{\"type\": \"dense\", \"units\": 2, \"activation\": \"softmax\"}], \"epochs\": 1, "
							  "\"images\": {\"photo\": {\"height\": 4, \"width\": 4, \"channels\": 1}}}"
						  }, r), "a model: %s %s", host->ctx.error.text, host->ctx.error.hint);
	close_table(&t);
}

typedef struct content
{
	ml_arena	arena;
	ml_safetensors file;
	ml_metadata metadata[32];
	ml_tensor	tensors[64];
	uint32_t	nmetadata;
	uint32_t	ntensors;
} content;

static bool
read_content(unit_host *host, const outcome *r, content *c)
{
	memset(c, 0, sizeof(*c));
	if (ml_safetensors_read(&host->ctx, &c->arena, r->stored.data, r->stored.size, &c->file) != ML_OK)
		return false;
	c->nmetadata = c->file.nmetadata;
	c->ntensors = c->file.ntensors;
	memcpy(c->metadata, c->file.metadata, c->nmetadata * sizeof(ml_metadata));
	memcpy(c->tensors, c->file.tensors, c->ntensors * sizeof(ml_tensor));
	return true;
}

/* Write it anew and plan an image of it. */
static ml_status
plan(unit_host *host, const content *c)
{
	ml_buffer	file = {0};
	size_t		size;
	ml_status	status = ml_safetensors_write(&host->ctx, c->metadata, c->nmetadata, c->tensors, c->ntensors, &file);

	if (status == ML_OK)
		status = ml_image_plan(&host->ctx, file.data, file.size, &size);
	ml_buffer_free(&host->ctx, &file);
	return status;
}

/* The metadata "key" with one piece replaced by another; the piece is there. */
static void
refuse(unit_host *host, const outcome *r, const char *key, const char *piece, const char *by, ml_status expected, const char *part)
{
	content		c;
	char		text[16384];

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.nmetadata; i++)
	{
		ml_text		value = c.metadata[i].value;
		const char *at;

		if (!ml_text_equal(c.metadata[i].key, unit_text(key)))
			continue;
		if (value.size >= sizeof(text) / 2)
			abort();
		memcpy(text, value.data, value.size);
		text[value.size] = '\0';
		at = strstr(text, piece);
		if (!unit_ok(at != NULL, "%s has %s", key, piece))
			break;
		memmove(text + (at - text) + strlen(by), at + strlen(piece), strlen(at + strlen(piece)) + 1);
		memcpy(text + (at - text), by, strlen(by));
		c.metadata[i].value = unit_text(text);
		unit_fails(host, plan(host, &c), expected, part, "  instead: %s", by);
	}
	ml_arena_free(&host->ctx, &c.arena);
}

static void
test_graph(unit_host *host, const outcome *r)
{
	refuse(host, r, "graph", "\"version\":1", "\"version\":2", ML_NEWER_FORMAT, "");
	refuse(host, r, "graph", "\"op\":\"gather\",\"version\":1", "\"op\":\"gather\",\"version\":99", ML_NEWER_FORMAT, "");
	refuse(host, r, "graph", "\"op\":\"gather\"", "\"op\":\"gaffer\"", ML_NEWER_FORMAT, "gaffer");
	refuse(host, r, "graph", "\"dtype\":\"F32\"", "\"dtype\":\"F64\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"name\":\"feed.numbers\"", "\"name\":\"feed.digits\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"name\":\"output\"", "\"name\":\"outcome\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"kind\":\"output\"", "\"kind\":\"activation\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"name\":\"g.weight\"", "\"name\":\"g.waste\"", ML_BAD_MODEL, "g.waste");
	refuse(host, r, "graph", "\"name\":\"g.weight\"", "\"name\":\"scaling\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"name\":\"g.weight\"", "\"name\":\"\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"shape\":[9,4]", "\"shape\":[8,4]", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"shape\":[9,4]", "\"shape\":[9,9000000000]", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"shape\":[9,4]", "\"shape\":[-1,4]", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"shape\":[9,4]", "\"shape\":[-99,4]", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"kind\":\"parameter\"", "\"kind\":\"input\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"kind\":\"state\"", "\"kind\":\"input\"", ML_BAD_MODEL, "");
	/* weights narrower or wider than their tensors: in panels, a vector, a table, states */
	refuse(host, r, "graph", "\"dtype\":\"F32\",\"layout\":\"panels\"", "\"dtype\":\"BF16\",\"layout\":\"panels\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"dtype\":\"F32\",\"layout\":\"panels\"", "\"dtype\":\"Q8\",\"layout\":\"panels\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"dtype\":\"F32\",\"shape\":[9,4]", "\"dtype\":\"BF16\",\"shape\":[9,4]", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"dtype\":\"F32\",\"shape\":[9,4]", "\"dtype\":\"Q8\",\"shape\":[9,4]", ML_BAD_MODEL, "too large");
	refuse(host, r, "graph", "\"kind\":\"state\",\"dtype\":\"F32\"", "\"kind\":\"state\",\"dtype\":\"BF16\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"kind\":\"state\",\"dtype\":\"F32\"", "\"kind\":\"state\",\"dtype\":\"U8\"", ML_BAD_MODEL, "");
	/* cycles and dangling names */
	refuse(host, r, "graph", "\"op\":\"gather\",\"version\":1,\"inputs\":[", "\"op\":\"gather\",\"version\":1,\"inputs\":[99", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"op\":\"gather\",\"version\":1,\"inputs\":[", "\"op\":\"gather\",\"version\":1,\"inputs\":[-", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"nodes\":[", "\"nodes\":[[],", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"values\":[", "\"values\":[null,", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "{", "[", ML_BAD_MODEL, "");
}

/* How many times a piece is in a text before "end". */
static int
count_pieces(const char *text, const char *piece, const char *end)
{
	int			n = 0;

	for (const char *at = strstr(text, piece); at != NULL && at < end; at = strstr(at + 1, piece))
		n++;
	return n;
}

/* The graph with one more value like the one that is called "like", and a node that makes it of that one. */
static ml_status
plan_with(unit_host *host, const outcome *r, const char *like, const char *shape, const char *op)
{
	content		c;
	ml_status	status = ML_INTERNAL;

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.nmetadata; i++)
	{
		ml_text		value = c.metadata[i].value;
		char		before[16384];
		char		text[16384];
		char		name[64];
		char	   *nodes;
		int			of;

		if (!ml_text_equal(c.metadata[i].key, ML_TEXT("graph")))
			continue;
		snprintf(before, sizeof(before), "%.*s", (int) value.size, value.data);
		nodes = strstr(before, "],\"nodes\":[");
		snprintf(name, sizeof(name), "\"name\":\"%s\"", like);
		of = count_pieces(before, "{\"kind\"", strstr(before, name)) - 1;
		snprintf(text, sizeof(text), "%.*s,{\"kind\":\"activation\",\"dtype\":\"F32\",\"shape\":%s}%.*s,"
				 "{\"op\":\"%s\",\"version\":1,\"inputs\":[%d],\"outputs\":[%d],\"layer\":0}]}", (int) (nodes - before), before, shape,
				 (int) strlen(nodes) - 2, nodes, op, of, count_pieces(before, "{\"kind\"", nodes));
		c.metadata[i].value = unit_text(text);
		status = plan(host, &c);
	}
	ml_arena_free(&host->ctx, &c.arena);
	return status;
}

/* What draws can't serve. */
static void
test_nodes(unit_host *host, const outcome *r)
{
	unit_is_int(plan_with(host, r, "output", "[-1,2]", "softmax"), ML_OK, "a node more: %s", host->ctx.error.text);
	unit_fails(host, plan_with(host, r, "output", "[-1,3]", "softmax"), ML_BAD_MODEL, "", "of another shape");
	unit_fails(host, plan_with(host, r, "output", "[-1,2]", "dropout"), ML_BAD_MODEL, "", "that draws");
}

/* Write it anew and build its image. */
static ml_status
build(unit_host *host, const content *c)
{
	ml_buffer	file = {0};
	void	   *image = NULL;
	size_t		size = 0;
	ml_status	status = ml_safetensors_write(&host->ctx, c->metadata, c->nmetadata, c->tensors, c->ntensors, &file);

	if (status == ML_OK)
		status = ml_image_plan(&host->ctx, file.data, file.size, &size);
	if (status == ML_OK)
		status = ml_alloc(&host->ctx, size, &image);
	if (status == ML_OK)
		status = ml_image_build(&host->ctx, file.data, file.size, image, size);
	ml_release(&host->ctx, image);
	ml_buffer_free(&host->ctx, &file);
	return status;
}

/* The last product's activation in a node of its own, as another release may store it: fusing adds a value. */
static void
test_fused(unit_host *host, const outcome *r)
{
	content		c;

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.nmetadata; i++)
	{
		ml_text		value = c.metadata[i].value;
		char		before[16384];
		char		text[16384];
		char		piece[32];
		char	   *nodes;
		char	   *at;
		int			output;

		if (!ml_text_equal(c.metadata[i].key, ML_TEXT("graph")))
			continue;
		snprintf(before, sizeof(before), "%.*s", (int) value.size, value.data);
		nodes = strstr(before, "],\"nodes\":[");
		output = count_pieces(before, "{\"kind\"", strstr(before, "\"name\":\"output\"")) - 1;
		snprintf(piece, sizeof(piece), "\"outputs\":[%d]", output);
		at = strstr(nodes, piece);
		snprintf(text, sizeof(text), "%.*s,{\"kind\":\"activation\",\"dtype\":\"F32\",\"shape\":[-1,2]}%.*s\"outputs\":[%d]%.*s,"
				 "{\"op\":\"activation\",\"version\":1,\"inputs\":[%d],\"outputs\":[%d],\"layer\":0}]}", (int) (nodes - before), before,
				 (int) (at - nodes), nodes, count_pieces(before, "{\"kind\"", nodes), (int) strlen(at + strlen(piece)) - 2,
				 at + strlen(piece), count_pieces(before, "{\"kind\"", nodes), output);
		c.metadata[i].value = unit_text(text);
		unit_is_int(build(host, &c), ML_OK, "an activation by itself: %s", host->ctx.error.text);
	}
	ml_arena_free(&host->ctx, &c.arena);
}

static void
test_feeds(unit_host *host, const outcome *r)
{
	refuse(host, r, "feeds", "logits", "numbers", ML_BAD_MODEL, "\"output\"");
	refuse(host, r, "feeds", "logits", "guesses", ML_BAD_MODEL, "\"output\"");
	refuse(host, r, "feeds", "\"output\"", "\"outcome\"", ML_BAD_MODEL, "\"output\"");
	refuse(host, r, "feeds", "\"pad\": 0", "\"pad\": -1", ML_BAD_MODEL, "\"pad\"");
	refuse(host, r, "feeds", "\"pad\": 0", "\"pad\": 1.5", ML_BAD_MODEL, "\"pad\"");
	refuse(host, r, "feeds", "\"max_length\": 256", "\"max_length\": 0", ML_BAD_MODEL, "\"max_length\"");
	refuse(host, r, "feeds", "\"max_length\": 256", "\"max_length\": 1e300", ML_BAD_MODEL, "\"max_length\"");
	refuse(host, r, "feeds", "\"unicode\": \"", "\"unicode\": \"0123456789abcdef", ML_BAD_MODEL, "\"unicode\"");
	refuse(host, r, "feeds", "[[4, 4, 1]]", "[]", ML_BAD_MODEL, "\"images\"");
	refuse(host, r, "feeds", "[[4, 4, 1]]", "[[4, 4, 2]]", ML_BAD_MODEL, "\"images\"");
	refuse(host, r, "feeds", "[[4, 4, 1]]", "[[4, 4, 1], [4, 4, 1]]", ML_BAD_MODEL, "\"images\"");
	refuse(host, r, "feeds", "[[4, 4, 1]]", "[[4, 0, 1]]", ML_BAD_MODEL, "\"images\"");
	refuse(host, r, "feeds", "[[4, 4, 1]]", "[[4, 4096, 3]]", ML_BAD_MODEL, "");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"series\": []", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"series\": [0]", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"series\": [65537]", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"series\": [7, 7]", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"series\": \"7\"", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"series\": [32768]", "\"serial\": [32768]", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "feeds", "\"pad\": 0", "\"pad\": 7", ML_BAD_MODEL, "\"series\"");
	refuse(host, r, "table", "\"channels\":2", "\"channels\":3", ML_BAD_MODEL, "series_scaling");
	refuse(host, r, "table", "\"channels\":2", "\"channels\":0", ML_BAD_MODEL, "\"channels\"");
	refuse(host, r, "table", "\"channels\":2", "\"channels\":4000000000", ML_BAD_MODEL, "\"channels\"");
	refuse(host, r, "table", "\"channels\":2", "\"items\":2", ML_BAD_MODEL, "\"channels\"");
	refuse(host, r, "table", "\"role\":\"series\"", "\"role\":\"number\"", ML_BAD_MODEL, "");
	refuse(host, r, "table", "\"type\":\"array\"", "\"type\":\"number\"", ML_BAD_MODEL, "");
	refuse(host, r, "graph", "\"name\":\"feed.pulse\"", "\"name\":\"feed.pause\"", ML_BAD_MODEL, "\"pulse\"");
	refuse(host, r, "graph", "\"name\":\"offsets.pulse\"", "\"name\":\"offsets.pause\"", ML_BAD_MODEL, "\"pulse\"");
	refuse(host, r, "feeds", "{", "{\"more\": 1, ", ML_BAD_MODEL, "do not belong");
	refuse(host, r, "labels", "\"no\"", "\"maybe\",\"no\"", ML_BAD_MODEL, "");
	refuse(host, r, "format", "3", "4", ML_NEWER_FORMAT, "");
	refuse(host, r, "format", "3", "2", ML_BAD_MODEL, "");
	refuse(host, r, "algorithm", "network", "", ML_BAD_MODEL, "algorithm");
}

/* Metadata that is missing. */
static void
test_metadata(unit_host *host, const outcome *r)
{
	content		c;

	if (!read_content(host, r, &c))
		abort();
	unit_is_int(plan(host, &c), ML_OK, "the file as it is: %s", host->ctx.error.text);
	c.nmetadata--;
	for (uint32_t i = 0; i <= c.nmetadata; i++)
	{
		ml_metadata gone = c.metadata[i];

		c.metadata[i] = c.metadata[c.nmetadata];
		unit_ok(plan(host, &c) == ML_BAD_MODEL || ml_text_equal(gone.key, ML_TEXT("format")), "without %.*s: %s",
				(int) gone.key.size, gone.key.data, host->ctx.error.text);
		c.metadata[i] = gone;
	}
	c.nmetadata++;
	c.metadata[c.nmetadata++] = (ml_metadata) {ML_TEXT("recipe"), ML_TEXT("{}")};
	unit_fails(host, plan(host, &c), ML_BAD_MODEL, "metadata entries", "more metadata");
	ml_arena_free(&host->ctx, &c.arena);
}

static void
refuse_number(unit_host *host, content *c, uint32_t i, double number, const char *what)
{
	ml_tensor	before = c->tensors[i];
	char	   *copy = malloc(ml_tensor_bytes(&before) + 1);
	float		single = (float) number;
	size_t		at = ml_tensor_elements(&before) - 1;

	memcpy(copy, before.data, ml_tensor_bytes(&before));
	c->tensors[i].data = copy;
	if (before.dtype == ML_F32)
		memcpy(copy + at * sizeof(single), &single, sizeof(single));
	else
		memcpy(copy + at * sizeof(number), &number, sizeof(number));
	unit_ok(plan(host, c) == ML_BAD_MODEL, "  %s: %s", what, host->ctx.error.text);
	c->tensors[i] = before;
	free(copy);
}

/* Tensors that are missing, turned, longer, of another type, not finite. */
static void
test_tensors(unit_host *host, const outcome *r)
{
	static char zeros[65536];
	content		c;

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.ntensors; i++)
	{
		ml_tensor	before = c.tensors[i];
		ml_tensor	last = c.tensors[c.ntensors - 1];

		c.tensors[i] = last;
		c.ntensors--;
		unit_ok(plan(host, &c) == ML_BAD_MODEL, "without %.*s: %s", (int) before.name.size, before.name.data, host->ctx.error.text);
		c.ntensors++;
		c.tensors[c.ntensors - 1] = last;
		c.tensors[i] = before;
		c.tensors[i].data = zeros;
		c.tensors[i].dims[0]++;
		unit_ok(plan(host, &c) == ML_BAD_MODEL, "  longer: %s", host->ctx.error.text);
		c.tensors[i] = before;
		c.tensors[i].data = zeros;
		c.tensors[i].dtype = before.dtype == ML_F32 ? ML_F64 : before.dtype == ML_U8 ? ML_I32 : ML_F32;
		unit_ok(plan(host, &c) == ML_BAD_MODEL, "  of another type: %s", host->ctx.error.text);
		c.tensors[i] = before;
		if (before.dtype != ML_F32)
			continue;
		refuse_number(host, &c, i, NAN, "not a number");
		refuse_number(host, &c, i, -INFINITY, "infinite");
	}
	c.tensors[c.ntensors++] = (ml_tensor) {.name = ML_TEXT("more"), .dtype = ML_U8, .ndims = 1, .dims = {1}, .data = zeros};
	unit_fails(host, plan(host, &c), ML_BAD_MODEL, "tensors instead", "a tensor more");
	ml_arena_free(&host->ctx, &c.arena);
}

/* Scalings by which nothing can be divided. */
static void
test_scaling(unit_host *host, const outcome *r)
{
	static const double numbers[] = {0, -1, NAN, INFINITY};
	content		c;
	bool		found = false;

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.ntensors; i++)
		for (size_t k = 0; k < ML_LENGTH(numbers) && ml_text_equal(c.tensors[i].name, ML_TEXT("series_scaling")); k++)
		{
			char		what[32];

			found = true;
			snprintf(what, sizeof(what), "a scale of %g", numbers[k]);
			refuse_number(host, &c, i, numbers[k], what);
		}
	unit_ok(found, "series have scalings");
	ml_arena_free(&host->ctx, &c.arena);
}

/* Words that are no words. */
static void
test_words(unit_host *host, const outcome *r)
{
	static const char words[] = {0, (char) 0xff};
	content		c;

	if (!read_content(host, r, &c))
		abort();
	for (uint32_t i = 0; i < c.ntensors; i++)
	{
		ml_tensor	before = c.tensors[i];
		size_t		n = ml_tensor_bytes(&before);
		char	   *copy = malloc(n + 1);

		memcpy(copy, before.data, n);
		c.tensors[i].data = copy;
		if (ml_text_equal(before.name, ML_TEXT("words")))
			for (size_t k = 0; k < 2; k++)
			{
				copy[0] = words[k];
				unit_ok(plan(host, &c) == ML_BAD_MODEL, "a word with byte %d: %s", words[k], host->ctx.error.text);
			}
		else if (ml_text_equal(before.name, ML_TEXT("word_end")))
		{
			uint64_t	end = 1000;

			memcpy(copy, &end, 8);
			unit_ok(plan(host, &c) == ML_BAD_MODEL, "a word beyond the words: %s", host->ctx.error.text);
			end = 0;
			memcpy(copy, &end, 8);
			unit_ok(plan(host, &c) == ML_BAD_MODEL, "an empty word: %s", host->ctx.error.text);
		}
		c.tensors[i] = before;
		free(copy);
	}
	ml_arena_free(&host->ctx, &c.arena);
}

/* What is written is what was read, byte for byte. */
static void
test_again(unit_host *host, const outcome *r)
{
	content		c;
	ml_buffer	again = {0};

	if (!read_content(host, r, &c))
		abort();
	unit_ok(ml_safetensors_write(&host->ctx, c.metadata, c.nmetadata, c.tensors, c.ntensors, &again) == ML_OK &&
			again.size == r->stored.size && memcmp(again.data, r->stored.data, again.size) == 0, "the same bytes when it is written anew");
	ml_buffer_free(&host->ctx, &again);
	ml_arena_free(&host->ctx, &c.arena);
}

int
main(void)
{
	unit_host	host;
	outcome		r;

	unit_open(&host);
	make_model(&host, &r);
	if (r.status == ML_OK)
	{
		test_again(&host, &r);
		test_graph(&host, &r);
		test_nodes(&host, &r);
		test_fused(&host, &r);
		test_feeds(&host, &r);
		test_metadata(&host, &r);
		test_tensors(&host, &r);
		test_words(&host, &r);
		test_scaling(&host, &r);
	}
	end_network(&host, &r);
	unit_close(&host, "stored networks");
	return unit_done();
}
