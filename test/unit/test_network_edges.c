/*-------------------------------------------------------------------------
 *
 * test_network_edges.c
 *	  Trainings and answers of networks at the edge of what they take: batches
 *	  and vocabularies that are too large, arrays of other lengths, scores that
 *	  are no numbers or as certain as floats can be.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

#include "model/feeds.h"
#include "model/network_scores.h"
#include "op/ops.h"

/* A probability that is no number is not a small one. */
static void
test_scores(void)
{
	double		logits[3];

	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[1]) {NAN}, 1, 1, logits), "a probability that is NaN");
	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[2]) {NAN, 0.5f}, 2, 1, logits), "  one of two");
	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[3]) {0.5f, 0.5f, NAN}, 3, 3, logits), "  one of three");
	unit_ok(ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[1]) {1}, 1, 1, logits) && logits[0] > 69, "  but 1 and 0 are some");
}

/* ---- explanations ---- */

/* A row far out: the probability is 1 in floats, its logit is not infinite. */
static void
test_certain(unit_host *host)
{
	static const char *const last[] = {"\"units\": 1, \"activation\": \"sigmoid\"", "\"units\": 2, \"activation\": \"softmax\""};
	static const char *const tails[] = {"", ", {\"type\": \"activation\", \"activation\": \"sigmoid\"}"};
	table		t;

	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	for (size_t i = 0; i < 60; i++)
	{
		add_row(&t)[0].number = i % 2 ? 1 + i % 5 : -1.0 - i % 7;
		t.targets[i].text = i % 2 ? ML_TEXT("yes") : ML_TEXT("no");
	}
	for (int i = 0; i < 3; i++)
	{
		ml_value	far = {.number = 1e4};
		char		options[400];
		outcome		r;
		ml_image   *image;
		ml_session *session;
		const ml_contribution *parts;
		size_t		n;
		size_t		size;
		uint32_t	label;
		double		p[2];
		double		sum = 0;
		double		most = 0;

		snprintf(options, sizeof(options), "{\"layers\": [{\"type\": \"dense\", %s}%s], \"loss\": \"mse\", \"epochs\": 20, \"holdout\": 0}",
				 i < 2 ? last[i] : "\"units\": 1", i < 2 ? tails[0] : tails[1]);
		if (!unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options}, &r) &&
					 ml_image_plan(&host->ctx, r.stored.data, r.stored.size, &size) == ML_OK, "%s: %s", options, host->ctx.error.text))
			continue;
		image = aligned_alloc(ML_ALIGN, size);
		unit_ok(ml_image_build(&host->ctx, r.stored.data, r.stored.size, image, size) == ML_OK &&
				ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) == ML_OK &&
				ml_session_predict(&host->ctx, session, 1, &far, NULL, p) == ML_OK && ML_MAX(p[0], p[1]) > 0.999999,
				"  is certain of a row far out");
		unit_ok(ml_session_explain(&host->ctx, session, &far, -1, &label, &parts, &n) == ML_OK, "  and explains it: %s", host->ctx.error.text);
		for (size_t k = 0; k < n; k++)
		{
			sum += parts[k].contribution;
			most = ML_MAX(most, parts[k].contribution);
		}
		unit_ok(most > 0.9 * sum && sum > 100, "  by what is far out: %g of %g", most, sum);
		ml_session_close(&host->ctx, session);
		free(image);
		end_network(host, &r);
	}
	close_table(&t);
}

/* ---- memory ---- */

/* Texts of words that no other has: refused before all are there. */
static void
test_words(unit_host *host)
{
	size_t		limit = (size_t) 4 << 20;
	size_t		before;
	table		t;
	outcome		r;

	open_table(host, &t);
	add_column(&t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	for (int i = 0; i < 40000; i++)
	{
		char		text[128];

		snprintf(text, sizeof(text), "a%d b%d c%d d%d e%d f%d", i, i, i, i, i, i);
		add_row(&t)[0].text = keep(&t, text);
		t.targets[i].text = i % 2 ? ML_TEXT("odd") : ML_TEXT("even");
	}
	before = host->peak_bytes = host->live_bytes;
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{\"epochs\": 1}", limit}, &r) &&
			r.status == ML_MEMORY_LIMIT, "words for ever: %s", host->ctx.error.text);
	unit_ok(host->peak_bytes - before < 2 * limit, "  refused in %zu kB", (host->peak_bytes - before) >> 10);
	unit_ok(strstr(host->ctx.error.hint, "maintenance_work_mem") != NULL, "  %s", host->ctx.error.hint);
	end_network(host, &r);
	close_table(&t);
}

/* More words in a batch than there are numbers for them. */
static void
test_batch(unit_host *host)
{
	static const char *const options =
		"{\"layers\": [{\"type\": \"embedding\", \"output_dim\": 2}, {\"type\": \"global_average_pooling\"}, "
		"{\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}], \"batch_size\": 40000, \"holdout\": 0, \"memory\": \"1TB\", %s}";
	char		text[400];
	table		t;
	outcome		r;

	open_table(host, &t);
	add_column(&t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	for (size_t i = 0; i < 40000; i++)
	{
		add_row(&t)[0].text = i % 2 ? ML_TEXT("one") : ML_TEXT("two");
		t.targets[i].text = i % 2 ? ML_TEXT("odd") : ML_TEXT("even");
	}
	snprintf(text, sizeof(text), options, "\"pad\": 65536");
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, text}, &r) && r.status == ML_BAD_OPTION &&
			strstr(host->ctx.error.text, "40000 texts of 65536 words") != NULL && strstr(host->ctx.error.hint, "batch_size") != NULL,
			"a batch of too many words: %s", host->ctx.error.text);
	end_network(host, &r);
	close_table(&t);
}

/* ---- arrays ---- */

static void
test_arrays(unit_host *host)
{
	static double items[70000];
	static const struct
	{
		size_t		first;		/* 0: missing */
		size_t		second;
		const char *part;		/* of the message */
	}			cases[] = {
		{20000, 5, "of row 2 in column \"a\" has 5 items, those before it have 20000"},
		{5, 20000, "of row 2 in column \"a\" has 20000 items, those before it have 5"},
		{70000, 70000, "of row 1 in column \"a\" has too many items"},
		{0, 20000, "of row 2 in column \"a\" has too many items"},
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		table		t;
		outcome		r;

		open_table(host, &t);
		add_column(&t, "a", ML_TYPE_ARRAY, ML_ROLE_NUMBER);
		add_column(&t, "b", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
		for (size_t k = 0; k < 2; k++)
		{
			size_t		n = k == 0 ? cases[i].first : cases[i].second;
			ml_value   *row = add_row(&t);

			row[0].items = (ml_items) {n == 0 ? NULL : items, n};
			row[1].number = (double) k;
			t.targets[k].text = k == 0 ? ML_TEXT("yes") : ML_TEXT("no");
		}
		unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{\"epochs\": 1}"}, &r) && r.status == ML_BAD_DATA &&
				strstr(host->ctx.error.text, cases[i].part) != NULL, "%zu and %zu items: %s", cases[i].first, cases[i].second,
				host->ctx.error.text);
		end_network(host, &r);
		close_table(&t);
	}
}

/* ---- polls ---- */

static ml_view
matrix(ml_dtype dtype, int64_t rows, int64_t columns, void *data)
{
	ml_view		view = {.data = data, .dtype = dtype, .ndims = columns > 0 ? 2 : 1, .dims = {rows, columns}};

	ml_view_strides(&view);
	return view;
}

/* One row, or one image, of some million numbers can be cancelled in the middle. */
static void
test_polls(unit_host *host)
{
	const int64_t words = 30000;
	const int64_t channels = 500;
	int32_t		offsets[2] = {0, (int32_t) words};
	float	   *x = calloc((size_t) (words * channels), sizeof(float));
	float	   *y = calloc((size_t) channels, sizeof(float));
	int32_t    *which = calloc((size_t) channels, sizeof(int32_t));
	ml_view		in[2] = {matrix(ML_F32, words, channels, x), matrix(ML_I32, 2, 0, offsets)};
	ml_view		out[2] = {matrix(ML_F32, 1, channels, y), matrix(ML_I32, 1, channels, which)};
	ml_op_run	run = {
		.ctx = &host->ctx, .kernel = ml_kernel_select(ML_LEVEL_AUTO), .attributes = &(ml_attributes) {{0}}, .nin = 2, .nout = 2,
		.in = in, .out = out
	};
	ml_feeds	feeds = {.nfeeds = 1, .feeds = {{.kind = ML_FEED_IMAGE, .height = 2048, .width = 2048, .channels = 3}}};
	ml_feed_batch batch;
	uint64_t	before = host->polls;

	x[12345 * channels + 7] = 1;
	x[23456 * channels + 7] = 1;
	unit_ok(ml_op_segment_max.kernels[0].run(&run) == ML_OK && y[7] == 1 && which[7] == 12345 && which[8] == 0, "the largest of many words");
	unit_ok(host->polls - before >= 20, "  with %d polls", (int) (host->polls - before));
	unit_ok(ml_feed_batch_open(&host->ctx, &feeds, 1, &batch) == ML_OK, "a large image");
	before = host->polls;
	unit_ok(ml_feed_pixels(&host->ctx, &batch, 0, (const uint8_t *) x) == ML_OK, "  is fed");
	unit_ok(host->polls - before >= 10, "  with %d polls", (int) (host->polls - before));
	ml_feed_batch_close(&host->ctx, &batch);
	free(x);
	free(y);
	free(which);
}

int
main(void)
{
	unit_host	host;

	test_scores();
	unit_open(&host);
	test_certain(&host);
	test_words(&host);
	test_batch(&host);
	test_arrays(&host);
	test_polls(&host);
	unit_close(&host, "networks at the edge");
	return unit_done();
}
