/*-------------------------------------------------------------------------
 *
 * test_network_limits.c
 *	  Trainings of networks at their limits: the memory that is planned is
 *	  enough and not less, and what is measured stays below it; any allocation
 *	  may fail, and any poll may cancel.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

/* a: number; note: text; photo: image of 8 x 8, raw; pulse: series of 3 channels.  y is "yes" or "no". */
typedef struct sources
{
	bool		numbers;
	bool		texts;
	bool		images;
	bool		series;
} sources;

/* 1 to 40 steps. */
static ml_items
make_pulse(table *t, ml_rng *rng, bool good)
{
	double		numbers[120];
	uint32_t	n = 3 * (1 + (uint32_t) ml_rng_below(rng, 40));
	ml_text		kept;

	for (uint32_t i = 0; i < n; i++)
		numbers[i] = i % 3 + (good ? 0.5 : 0) + noise(rng);
	(void) ml_arena_copy(t->ctx, &t->arena, (ml_text) {(const char *) numbers, n * sizeof(double)}, &kept);
	return (ml_items) {(const double *) (const void *) kept.data, n, 3};
}

static void
make_rows(table *t, size_t n, sources of)
{
	ml_rng		rng;

	ml_rng_seed(&rng, 21);
	if (of.numbers)
		add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	if (of.numbers)
		add_column(t, "kind", ML_TYPE_TEXT, ML_ROLE_CATEGORY);
	if (of.texts)
		add_column(t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	if (of.images)
		add_column(t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	if (of.series)
		add_column(t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *value = add_row(t);
		bool		good = ml_rng_below(&rng, 2);
		char		text[256] = "";

		if (of.numbers)
			(value++)->number = good + noise(&rng);
		if (of.numbers)
			(value++)->text = ml_rng_below(&rng, 2) ? ML_TEXT("big") : ML_TEXT("small");
		for (size_t k = 0; k < 4 + i % 9; k++)
			sprintf(text + strlen(text), "w%d ", (int) ml_rng_below(&rng, 50));
		strcat(text, good ? "fine" : "poor");
		if (of.texts)
			(value++)->text = keep(t, text);
		if (of.images)
		{
			ml_text		pixels = {text, 64};

			for (size_t k = 0; k < 64; k++)
				text[k] = (char) (1 + ml_rng_below(&rng, 100) + (good ? 20 : 0));
			text[64] = '\0';
			(void) ml_arena_copy(t->ctx, &t->arena, pixels, &(value++)->text);
		}
		if (of.series)
			value->items = make_pulse(t, &rng, good);
		t->targets[i].text = good ? ML_TEXT("yes") : ML_TEXT("no");
	}
}

/* "needs N kB" */
static size_t
need_of(const unit_host *host)
{
	const char *text = strstr(host->ctx.error.text, "needs ");

	return text == NULL ? 0 : (size_t) strtoull(text + 6, NULL, 10) << 10;
}

/* Refuse with 1 MB; then what is said to be enough is, and a page less is not. */
static void
test_plan(unit_host *host, const char *name, const table *t, const char *options, size_t first)
{
	setting		s = {"network", ML_CLASSIFICATION, options, first};
	size_t		need;
	size_t		before;
	size_t		peak;
	char		set[64];
	outcome		r;

	(void) train_network(host, t, &s, &r);
	need = need_of(host);
	unit_ok(r.status == ML_MEMORY_LIMIT && need > first, "%s: %s", name, host->ctx.error.text);
	unit_ok(strncmp(host->ctx.error.detail, "The largest layers are ", 23) == 0, "  %s", host->ctx.error.detail);
	snprintf(set, sizeof(set), "SET maintenance_work_mem = '%zukB'", need >> 10);
	unit_ok(strstr(host->ctx.error.hint, set) != NULL, "  %s", host->ctx.error.hint);
	end_network(host, &r);
	s.memory = need;
	before = host->peak_bytes = host->live_bytes;
	unit_ok(train_network(host, t, &s, &r), "  it trains with that: %s", host->ctx.error.text);
	peak = host->peak_bytes - before;
	unit_ok((double) peak < 1.05 * (double) need, "  %zu kB are taken of %zu", peak >> 10, need >> 10);
	unit_ok((double) peak > 0.5 * (double) need, "  which is no wild guess");
	end_network(host, &r);
	s.memory = need - 4096;
	unit_ok(!train_network(host, t, &s, &r) && r.status == ML_MEMORY_LIMIT && need_of(host) == need, "  and not with a page less: %s",
			host->ctx.error.text);
	end_network(host, &r);
}

#define DENSE(units) "{\"type\": \"dense\", \"units\": " units ", \"activation\": \"relu\"}"
#define LAST "{\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}"

static void
test_memory(unit_host *host)
{
	size_t		few = (size_t) 2 << 20;
	table		numbers;
	table		texts;
	table		images;
	table		series;

	open_table(host, &numbers);
	make_rows(&numbers, 500, (sources) {.numbers = true});
	open_table(host, &texts);
	make_rows(&texts, 500, (sources) {.texts = true});
	open_table(host, &images);
	make_rows(&images, 500, (sources) {.images = true});
	open_table(host, &series);
	make_rows(&series, 3000, (sources) {.series = true});
	test_plan(host, "adam", &numbers, "{\"layers\": [" DENSE("512") ", " DENSE("1024") ", " DENSE("256") ", " LAST "], \"epochs\": 1}", few);
	unit_ok(strstr(host->ctx.error.detail, "dense_2 (525312 weights), dense_3 (262400 weights), dense_1 (") != NULL, "  %s", host->ctx.error.detail);
	test_plan(host, "adam, validated", &numbers,
			  "{\"layers\": [" DENSE("512") ", " DENSE("1024") ", " LAST "], \"epochs\": 2, \"validation\": 0.2}", few);
	test_plan(host, "sgd", &numbers,
			  "{\"layers\": [" DENSE("512") ", " DENSE("1024") ", " LAST "], \"epochs\": 1, \"optimizer\": \"sgd\"}", few);
	test_plan(host, "momentum", &numbers,
			  "{\"layers\": [" DENSE("512") ", " DENSE("1024") ", " LAST "], \"epochs\": 1, \"optimizer\": \"momentum\"}", few);
	test_plan(host, "gradient descent", &numbers,
			  "{\"layers\": [" DENSE("2048") ", " LAST "], \"epochs\": 2, \"optimizer\": \"gradient_descent\"}", few);
	test_plan(host, "embedding and lstm", &texts,
			  "{\"layers\": [{\"type\": \"embedding\", \"input_dim\": 5000, \"output_dim\": 64}, {\"type\": \"lstm\", \"units\": 128}, " LAST "], "
			  "\"epochs\": 1}", few);
	test_plan(host, "a transformer", &texts,
			  "{\"layers\": [{\"type\": \"embedding\", \"input_dim\": 2000, \"output_dim\": 128}, {\"type\": \"transformer_encoder\", \"heads\": 4, "
			  "\"units\": 512}, {\"type\": \"global_average_pooling\"}, " LAST "], \"epochs\": 1}", few);
	test_plan(host, "convolution", &images,
			  "{\"layers\": [{\"type\": \"conv2d\", \"filters\": 64, \"kernel_size\": 3, \"activation\": \"relu\"}, {\"type\": \"flatten\"}, "
			  DENSE("512") ", " LAST "], \"epochs\": 1, \"images\": {\"photo\": {\"height\": 8, \"width\": 8, \"channels\": 1}}}", few);
	/* most of these rows are in the file */
	test_plan(host, "series and lstm", &series,
			  "{\"layers\": [{\"type\": \"lstm\", \"units\": 160, \"return_sequences\": true}, {\"type\": \"lstm\", \"units\": 64}, " LAST "], "
			  "\"max_length\": 64, \"epochs\": 1, \"validation\": 0.1}", few);
	test_plan(host, "series and convolution", &series,
			  "{\"layers\": [{\"type\": \"conv1d\", \"filters\": 512, \"kernel_size\": 3}, {\"type\": \"global_max_pooling\"}, "
			  DENSE("512") ", " LAST "], \"pad\": 50, \"epochs\": 1, \"batch_size\": 100}", few);
	close_table(&numbers);
	close_table(&texts);
	close_table(&images);
	close_table(&series);
}

/* Targets of a batch count where a loss takes a number for each label, and aren't there where it takes classes. */
static void
test_many_labels(unit_host *host)
{
	static const char *const options =
		"{\"layers\": [" DENSE("8") ", {\"type\": \"dense\", \"units\": null, \"activation\": \"softmax\"}], \"epochs\": 1, "
		"\"batch_size\": 1500, \"holdout\": 0%s}";
	char		text[400];
	table		t;

	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	for (int i = 0; i < 3000; i++)
	{
		char		label[16];

		snprintf(label, sizeof(label), "l%d", i % 1500);
		add_row(&t)[0].number = i % 1500;
		t.targets[i].text = keep(&t, label);
	}
	snprintf(text, sizeof(text), options, "");
	test_plan(host, "many labels", &t, text, (size_t) 1 << 20);
	snprintf(text, sizeof(text), options, ", \"loss\": \"mse\"");
	test_plan(host, "many labels, squared errors", &t, text, (size_t) 1 << 20);
	close_table(&t);
}

/* Conv2D and Dense(1024) on images of 224 x 224: refused, and nothing of that size was asked for. */
static void
test_giant(unit_host *host)
{
	char	   *pixels = malloc(224 * 224 * 3);
	table		t;
	outcome		r;

	open_table(host, &t);
	add_column(&t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	memset(pixels, 7, 224 * 224 * 3);
	for (size_t i = 0; i < 20; i++)
	{
		add_row(&t)[0].text = (ml_text) {pixels, 224 * 224 * 3};
		t.targets[i].text = i % 2 ? ML_TEXT("odd") : ML_TEXT("even");
	}
	host->peak_bytes = host->live_bytes;
	unit_ok(!train_network(host, &t, &(setting)
						   {
							   "network", ML_CLASSIFICATION,
							   "{\"images\": {\"photo\": {\"height\": 224, \"width\": 224, \"channels\": 3}}, \"layers\": ["
							   "{\"type\": \"conv2d\", \"filters\": 64, \"kernel_size\": 3, \"activation\": \"relu\"}, {\"type\": \"flatten\"}, "
							   DENSE("1024") ", {\"type\": \"dense\", \"units\": null, \"activation\": \"softmax\"}]}", (size_t) 256 << 20
						   }, &r) && r.status == ML_MEMORY_LIMIT, "3 G weights: %s", host->ctx.error.text);
	unit_ok(need_of(host) > (size_t) 48 << 30 && strstr(host->ctx.error.detail, "dense_1 (3229877248 weights)") != NULL, "  %s",
			host->ctx.error.detail);
	unit_ok(host->peak_bytes < (size_t) 64 << 20, "  refused in %zu MB", host->peak_bytes >> 20);
	end_network(host, &r);
	close_table(&t);
	free(pixels);
}

/* ---- bad images ---- */

/* Rows 3 and 8, and of the label "rare" the only one, have no pixels; a column whose role the rows decide comes first. */
static void
test_images(unit_host *host)
{
	static const char *const options =
		"{\"images\": {\"photo\": {\"height\": 8, \"width\": 8, \"channels\": 1}}, \"epochs\": 1%s}";
	char		all[256];
	table		t;
	outcome		r;

	open_table(host, &t);
	make_rows(&t, 200, (sources) {true, false, true});
	t.columns[1].role = ML_ROLE_AUTO;
	t.inputs[2 * 3 + 2].text = ML_TEXT("no pixels");
	t.inputs[7 * 3 + 2].text = (ml_text) {NULL, 0};
	snprintf(all, sizeof(all), options, "");
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, all}, &r) && r.status == ML_BAD_INPUT &&
			strstr(host->ctx.error.text, "the image of row 3 in column \"photo\"") != NULL, "a bad image: %s", host->ctx.error.text);
	unit_ok(strstr(host->ctx.error.hint, "on_error") != NULL, "  %s", host->ctx.error.hint);
	end_network(host, &r);
	snprintf(all, sizeof(all), options, ", \"on_error\": \"skip\"");
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, all}, &r), "skipped: %s", host->ctx.error.text);
	unit_ok(told(&r, "bad_images") == 2 && told(&r, "rows") == 198 && told(&r, "skipped") == 2, "  and counted: %g", told(&r, "bad_images"));
	end_network(host, &r);
	t.targets[7].text = ML_TEXT("rare");
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, all}, &r) && told(&r, "classes") == 2,
			"a label that only a skipped row has is none: %s", host->ctx.error.text);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.inputs[i * 3 + 2].text = (ml_text) {NULL, 0};
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, all}, &r) && r.status == ML_BAD_DATA, "all skipped: %s %s",
			host->ctx.error.text, host->ctx.error.detail);
	end_network(host, &r);
	close_table(&t);
}

/* ---- interruptions ---- */

typedef struct scenario_argument
{
	const table *t;
	setting		s;
} scenario_argument;

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	ml_status	status = train(ctx, a->t, &a->s, &stored, &report);

	ml_buffer_free(ctx, &stored);
	ml_buffer_free(ctx, &report);
	return status;
}

static void
test_interruptions(unit_host *host)
{
	static const char *const all =
		"{\"layers\": [{\"type\": \"embedding\", \"input_dim\": 20, \"output_dim\": 4, \"inputs\": \"note\"}, "
		"{\"type\": \"lstm\", \"units\": 3, \"bidirectional\": true, \"name\": \"read\"}, "
		"{\"type\": \"conv2d\", \"filters\": 2, \"kernel_size\": 3, \"activation\": \"relu\", \"inputs\": \"photo\"}, "
		"{\"type\": \"batch_normalization\"}, {\"type\": \"max_pooling2d\"}, {\"type\": \"flatten\", \"name\": \"seen\"}, "
		"{\"type\": \"rnn\", \"units\": 2, \"inputs\": \"pulse\", \"name\": \"felt\"}, "
		"{\"type\": \"concatenate\", \"inputs\": [\"read\", \"seen\", \"felt\", \"numbers\"]}, {\"type\": \"dropout\"}, "
		"{\"type\": \"dense\", \"units\": 2, \"activation\": \"softmax\"}], "
		"\"epochs\": 2, \"batch_size\": 8, \"validation\": 0.2, \"verbose\": true, \"class_weight\": \"balanced\", "
		"\"optimizer\": {\"type\": \"adam\", \"clip_norm\": 1, \"schedule\": {\"type\": \"cosine\"}}, "
		"\"images\": {\"photo\": {\"height\": 8, \"width\": 8, \"channels\": 1}}}";
	table		t;

	open_table(host, &t);
	make_rows(&t, 30, (sources) {true, true, true, true});
	{
		scenario_argument a = {&t, {"network", ML_CLASSIFICATION, all}};
		outcome		r;

		unit_ok(train_network(host, &t, &a.s, &r), "all kinds of columns: %s %s", host->ctx.error.text, host->ctx.error.hint);
		end_network(host, &r);
		unit_every_allocation_fails("a network", scenario, &a);
		unit_every_poll_cancels("a network", scenario, &a);
	}
	close_table(&t);
	open_table(host, &t);
	make_rows(&t, 20, (sources) {.numbers = true});
	{
		scenario_argument refused = {
			&t, {"network", ML_CLASSIFICATION, "{\"layers\": [" DENSE("512") ", " DENSE("1024") ", " LAST "]}", (size_t) 2 << 20}
		};

		unit_is_int(scenario(&host->ctx, &refused), ML_MEMORY_LIMIT, "a refusal");
	}
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_memory(&host);
	test_many_labels(&host);
	test_giant(&host);
	test_images(&host);
	unit_close(&host, "memory");
	unit_open(&host);
	test_interruptions(&host);
	unit_close(&host, "interruptions");
	return unit_done();
}
