/*-------------------------------------------------------------------------
 *
 * test_serve_network.c
 *	  What a trained network answers once it is stored: as it did for the rows
 *	  that validated, the same bits row by row and in batches, missing values and
 *	  unknown words; and stored files that are damaged.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

#define ROWS	150

typedef struct serve_case
{
	const char *name;
	ml_task		task;
	int			nlabels;
	const char *options;		/* without the common ones */
} serve_case;

#define ALL(units, last) \
	"\"layers\": [{\"type\": \"embedding\", \"input_dim\": 24, \"output_dim\": 5, \"inputs\": \"note\"}, " \
	"{\"type\": \"lstm\", \"units\": 6, \"name\": \"read\"}, " \
	"{\"type\": \"conv2d\", \"filters\": 3, \"kernel_size\": 3, \"activation\": \"relu\", \"inputs\": \"photo\"}, " \
	"{\"type\": \"batch_normalization\"}, {\"type\": \"max_pooling2d\"}, {\"type\": \"flatten\", \"name\": \"seen\"}, " \
	"{\"type\": \"conv1d\", \"filters\": 4, \"kernel_size\": 2, \"inputs\": \"pulse\"}, " \
	"{\"type\": \"gru\", \"units\": 3, \"bidirectional\": true, \"name\": \"felt\"}, " \
	"{\"type\": \"concatenate\", \"inputs\": [\"read\", \"seen\", \"felt\", \"numbers\"]}, {\"type\": \"dropout\", \"rate\": 0.2}, " \
	"{\"type\": \"dense\", \"units\": " units ", \"activation\": \"" last "\"}]"

static const serve_case cases[] = {
	{"two labels, one output", ML_CLASSIFICATION, 2, ALL("1", "sigmoid")},
	{"two labels, two outputs", ML_CLASSIFICATION, 2, ALL("2", "softmax") ", \"positive\": \"l0\""},
	{"three labels", ML_CLASSIFICATION, 3, ALL("null", "softmax") ", \"class_weight\": \"balanced\""},
	{"probabilities", ML_CLASSIFICATION, 2, ALL("1", "sigmoid") ", \"loss\": \"mse\""},
	{"padded", ML_CLASSIFICATION, 3, ALL("3", "linear") ", \"pad\": 7"},
	{"a number", ML_REGRESSION, 0, ALL("1", "linear") ", \"loss\": \"mse\""},
	{"a preset", ML_CLASSIFICATION, 3, "\"max_length\": 6"},
};

/* A series of two channels, of 0 to 12 steps, or none. */
static ml_items
make_pulse(table *t, ml_rng *rng, size_t i, int y)
{
	double		numbers[24];
	ml_text		kept;
	uint32_t	steps = (uint32_t) (i % 13);

	for (uint32_t k = 0; k < steps; k++)
	{
		numbers[2 * k] = 1000 + y * 10 + noise(rng);
		numbers[2 * k + 1] = sin(k) + noise(rng);
	}
	(void) ml_arena_copy(t->ctx, &t->arena, (ml_text) {(const char *) numbers, 2 * steps * sizeof(double)}, &kept);
	return (ml_items) {i % 31 == 6 ? NULL : (const double *) (const void *) kept.data, i % 31 == 6 ? 0 : 2 * steps, 2};
}

/* a, when, kind, note, photo, pulse; what is missing varies. */
static void
make_rows(table *t, const serve_case *c)
{
	static const char *const kinds[] = {"red", "green", "blue"};
	ml_rng		rng;

	ml_rng_seed(&rng, 77);
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	add_column(t, "when", ML_TYPE_DATE, ML_ROLE_DATE);
	add_column(t, "kind", ML_TYPE_TEXT, ML_ROLE_CATEGORY);
	add_column(t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	add_column(t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	add_column(t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	t->validates = calloc(ROWS, 1);
	for (size_t i = 0; i < ROWS; i++)
	{
		ml_value   *row = add_row(t);
		int			y = (int) ml_rng_below(&rng, (uint64_t) (c->nlabels == 2 ? 2 : 3));
		char		text[200] = "";
		char		label[16];

		row[0].number = i % 17 == 2 ? NAN : y + noise(&rng);
		row[1].number = i % 19 == 3 ? NAN : 4e8 + (double) ml_rng_below(&rng, 1000) * 86400;
		row[2].text = i % 23 == 4 ? (ml_text) {NULL, 0} : unit_text(kinds[ml_rng_below(&rng, 3)]);
		for (size_t k = 0; k < i % 11; k++)
			sprintf(text + strlen(text), "w%d ", (int) ml_rng_below(&rng, 10) + 8 * y);
		row[3].text = i % 29 == 5 ? (ml_text) {NULL, 0} : keep(t, text);
		for (size_t k = 0; k < 108; k++)
			text[k] = (char) (1 + ml_rng_below(&rng, 60) + 30 * (uint64_t) (k / 36 == (size_t) y % 3));
		text[108] = '\0';
		row[4].text = keep(t, text);
		row[5].items = make_pulse(t, &rng, i, y);
		sprintf(label, "l%d", y);
		if (c->task == ML_REGRESSION)
			t->targets[i].number = y * 2 + noise(&rng) / 4;
		else
			t->targets[i].text = keep(t, label);
		t->validates[i] = i % 4 == 0;
	}
}

typedef struct served
{
	ml_image   *image;
	ml_session *session;
	size_t		tables;			/* bytes of what the image has only to be faster */
	uint32_t	width;			/* answers of a row */
	double	   *answers;		/* [rows][width] */
} served;

static bool
open_served(unit_host *host, const outcome *r, const ml_kernel *kernel, bool bare, served *s)
{
	size_t		size;
	size_t		least;

	memset(s, 0, sizeof(*s));
	if (ml_image_plan_sizes(&host->ctx, r->stored.data, r->stored.size, &size, &least) != ML_OK)
		return false;
	s->tables = size - least;
	if (bare)
		size = least;
	s->image = aligned_alloc(ML_ALIGN, size);
	s->answers = calloc(ROWS * 4, sizeof(double));
	if (ml_image_build(&host->ctx, r->stored.data, r->stored.size, s->image, size) != ML_OK ||
		ml_session_open(&host->ctx, s->image, kernel, &s->session) != ML_OK)
		return false;
	s->width = ml_image_task(s->image) == ML_REGRESSION ? 1 : ml_image_nlabels(s->image);
	return true;
}

static void
close_served(unit_host *host, served *s)
{
	ml_session_close(&host->ctx, s->session);
	free(s->image);
	free(s->answers);
}

static ml_status
answer(unit_host *host, served *s, size_t n, const ml_value *inputs, double *answers)
{
	return ml_image_task(s->image) == ML_REGRESSION ? ml_session_regress(&host->ctx, s->session, n, inputs, answers) :
		ml_session_predict(&host->ctx, s->session, n, inputs, NULL, answers);
}

/* Share of validating rows answered rightly, or the root of their mean squared error. */
static double
judge(const table *t, const served *s)
{
	double		sum = 0;
	double		n = 0;

	for (size_t i = 0; i < ROWS; i++)
	{
		const double *a = s->answers + i * s->width;
		uint32_t	best = 0;

		if (!t->validates[i])
			continue;
		n++;
		if (ml_image_task(s->image) == ML_REGRESSION)
		{
			sum += (a[0] - t->targets[i].number) * (a[0] - t->targets[i].number);
			continue;
		}
		for (uint32_t k = 1; k < s->width; k++)
			if (a[k] > a[best])
				best = k;
		sum += best == (uint32_t) ml_image_find_label(s->image, t->targets[i].text);
	}
	return ml_image_task(s->image) == ML_REGRESSION ? sqrt(sum / n) : sum / n;
}

/* Rows whose answers have other bits when they are asked for n at a time, from the last to the first. */
static int
count_others(unit_host *host, const table *t, served *s, size_t n)
{
	double		answers[ROWS * 4];
	int			others = 0;

	for (size_t end = ROWS; end > 0; end -= ML_MIN(n, end))
	{
		size_t		first = end > n ? end - n : 0;

		if (answer(host, s, end - first, t->inputs + first * t->ncolumns, answers) != ML_OK)
			return ROWS;
		others += memcmp(answers, s->answers + first * s->width, (end - first) * s->width * sizeof(double)) != 0;
	}
	return others;
}

/* An image without tables of words answers the same. */
static void
test_bare(unit_host *host, const table *t, const outcome *r, ml_level level, const served *full)
{
	served		s;

	if (full->tables == 0)
		return;
	unit_ok(open_served(host, r, ml_kernel_select(level), true, &s) && answer(host, &s, ROWS, t->inputs, s.answers) == ML_OK &&
			memcmp(s.answers, full->answers, ROWS * s.width * sizeof(double)) == 0, "  and without %zu bytes of tables", full->tables);
	close_served(host, &s);
}

static void
test_served(unit_host *host, const table *t, const outcome *r)
{
	double		before[ROWS * 4];

	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		served		s;

		if (!unit_ok(open_served(host, r, ml_kernel_select(level), false, &s) && answer(host, &s, ROWS, t->inputs, s.answers) == ML_OK,
					 "  served at %s: %s", ml_kernel_select(level)->name, host->ctx.error.text))
			continue;
		unit_is_near(judge(t, &s), history(r, (size_t) told(r, "best_epoch") - 1, VALIDATION_METRIC), 1e-5, "  as it validated");
		unit_ok(count_others(host, t, &s, 1) == 0 && count_others(host, t, &s, 7) == 0 && count_others(host, t, &s, 64) == 0,
				"  the same bits one by one and in batches");
		if (level > ML_LEVEL_REF + 1)
			unit_ok(memcmp(before, s.answers, ROWS * s.width * sizeof(double)) == 0, "  and as at the level before");
		memcpy(before, s.answers, sizeof(before));
		test_bare(host, t, r, level, &s);
		close_served(host, &s);
	}
}

/* Series that are none; no series, and those beyond the steps that are looked at. */
static void
test_series(unit_host *host, const table *t, served *s)
{
	static double numbers[2 * 300];
	ml_value	row[6];
	double		answers[4];
	double		other[4];

	for (size_t i = 0; i < ML_LENGTH(numbers); i++)
		numbers[i] = 1000 + (double) (i % 7);
	memcpy(row, t->inputs, sizeof(row));
	row[5].items = (ml_items) {NULL, 0};
	unit_is_int(answer(host, s, 1, row, answers), ML_OK, "  no series");
	row[5].items = (ml_items) {numbers, 0, 0};
	unit_ok(answer(host, s, 1, row, other) == ML_OK && memcmp(answers, other, s->width * sizeof(double)) == 0, "  is as an empty one");
	row[5].items = (ml_items) {numbers, 4, 0};
	unit_fails(host, answer(host, s, 1, row, answers), ML_BAD_INPUT, "has 1 channel instead of 2", "  flat");
	row[5].items = (ml_items) {numbers, 9, 3};
	unit_fails(host, answer(host, s, 1, row, answers), ML_BAD_INPUT, "has 3 channels instead of 2", "  wider");
	row[5].items = (ml_items) {numbers, 6, 2};
	numbers[5] = NAN;
	unit_fails(host, answer(host, s, 1, row, answers), ML_BAD_INPUT, "\"pulse\" has a null or NaN at step 3", "  with a gap");
	numbers[5] = -INFINITY;
	unit_fails(host, answer(host, s, 1, row, answers), ML_BAD_INPUT, "an infinite number at step 3", "  infinite");
	numbers[5] = 1e300;
	unit_fails(host, answer(host, s, 1, row, answers), ML_BAD_INPUT, "a number at step 3 that is out of range", "  too large");
	numbers[5] = 1000;
	row[5].items = (ml_items) {numbers, ML_LENGTH(numbers), 2};
	unit_is_int(answer(host, s, 1, row, answers), ML_OK, "  long ones grow the batch: %s", host->ctx.error.text);
}

/* Values that training never saw. */
static void
test_strange(unit_host *host, const table *t, const outcome *r)
{
	served		s;
	ml_value	row[6];
	double		answers[4];
	double		other[4];

	if (!open_served(host, r, ml_kernel_select(ML_LEVEL_AUTO), false, &s))
		return;
	memcpy(row, t->inputs, sizeof(row));
	test_series(host, t, &s);
	row[2].text = ML_TEXT("violet");
	row[3].text = ML_TEXT("never heard of");
	unit_is_int(answer(host, &s, 1, row, answers), ML_OK, "  unknown words and levels: %s", host->ctx.error.text);
	row[3].text = ML_TEXT("nor of others");
	unit_ok(answer(host, &s, 1, row, other) == ML_OK && memcmp(answers, other, s.width * sizeof(double)) == 0, "  are all alike");
	row[4].text = (ml_text) {NULL, 0};
	unit_fails(host, answer(host, &s, 1, row, answers), ML_BAD_INPUT, "\"photo\"", "  no image");
	row[4].text = ML_TEXT("neither PNG nor pixels");
	unit_fails(host, answer(host, &s, 1, row, answers), ML_BAD_INPUT, "", "  no pixels");
	row[4].text = t->inputs[4].text;
	row[3].text = (ml_text) {"\xff\xfe", 2};
	unit_ok(answer(host, &s, 1, row, answers) != ML_OK, "  no UTF-8: %s", host->ctx.error.text);
	row[3].text = ML_TEXT("");
	row[0].number = 1e300;
	unit_ok(answer(host, &s, 1, row, answers) == ML_BAD_INPUT || isfinite(answers[0]), "  a number out of range: %s", host->ctx.error.text);
	close_served(host, &s);
}

/* A PNG is what its pixels are, given raw. */
static void
test_png(unit_host *host, const table *t, const outcome *r)
{
	served		s;
	ml_value	row[6];
	ml_arena	arena = {0};
	ml_safetensors images;
	size_t		size;
	char	   *file = unit_data("images.safetensors", &size);
	const ml_tensor *png;
	uint8_t		pixels[6 * 6 * 3];
	double		answers[4];
	double		other[4];

	if (!unit_ok(file != NULL && ml_safetensors_read(&host->ctx, &arena, file, size, &images) == ML_OK, "  images") ||
		!open_served(host, r, ml_kernel_select(ML_LEVEL_AUTO), false, &s))
		return;
	png = ml_safetensors_tensor(&images, "png_rgb.file");
	memcpy(row, t->inputs, sizeof(row));
	row[4].text = (ml_text) {png->data, ml_tensor_bytes(png)};
	unit_ok(ml_pixels_read(&host->ctx, row[4].text, &(ml_picture) {6, 6, 3}, SIZE_MAX, pixels) == ML_OK &&
			answer(host, &s, 1, row, answers) == ML_OK, "  a PNG: %s", host->ctx.error.text);
	row[4].text = (ml_text) {(const char *) pixels, sizeof(pixels)};
	unit_ok(answer(host, &s, 1, row, other) == ML_OK && memcmp(answers, other, s.width * sizeof(double)) == 0,
			"  is what its pixels are");
	close_served(host, &s);
	ml_arena_free(&host->ctx, &arena);
	free(file);
}

static void
test_case(unit_host *host, const serve_case *c)
{
	char		options[2048];
	table		t;
	outcome		r;
	ml_buffer	json = {0};

	open_table(host, &t);
	make_rows(&t, c);
	snprintf(options, sizeof(options), "{%s, \"epochs\": 4, \"validation\": \"v\", \"holdout\": 0, "
			 "\"images\": {\"photo\": {\"height\": 6, \"width\": 6, \"channels\": 3}}}", c->options);
	if (unit_ok(train_network(host, &t, &(setting) {"network", c->task, options}, &r), "%s: %s %s", c->name, host->ctx.error.text,
				host->ctx.error.hint))
	{
		test_served(host, &t, &r);
		test_strange(host, &t, &r);
		test_png(host, &t, &r);
		unit_ok(ml_stored_describe(&host->ctx, r.stored.data, r.stored.size, &json) == ML_OK &&
				strstr(json.data, "\"format\":3") != NULL && strstr(json.data, "\"note\"") != NULL, "  it describes itself");
	}
	ml_buffer_free(&host->ctx, &json);
	end_network(host, &r);
	close_table(&t);
}

/* ---- damaged files ---- */

/* A file of its exact size, so that what is read beyond it is noticed. */
static void
try_file(unit_host *host, const char *bytes, size_t size, const table *t, int counts[3])
{
	char	   *file = malloc(size + 1);
	size_t		image_size;
	ml_status	status;

	memcpy(file, bytes, size);
	status = ml_image_plan(&host->ctx, file, size, &image_size);
	if (status == ML_OK)
	{
		ml_image   *image = aligned_alloc(ML_ALIGN, image_size);
		ml_session *session;
		double		answers[4 * 4];

		status = ml_image_build(&host->ctx, file, size, image, image_size);
		if (status == ML_OK && ml_image_ncolumns(image) == t->ncolumns &&
			ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) == ML_OK)
		{
			ml_status	answered = ml_image_task(image) == ML_REGRESSION ?
				ml_session_regress(&host->ctx, session, 4, t->inputs, answers) :
				ml_session_predict(&host->ctx, session, 4, t->inputs, NULL, answers);

			counts[2] += answered != ML_OK && answered != ML_BAD_INPUT;
			ml_session_close(&host->ctx, session);
		}
		free(image);
	}
	counts[0] += status == ML_OK;
	counts[1] += status != ML_OK && status != ML_BAD_MODEL && status != ML_NEWER_FORMAT;
	free(file);
}

#define FLIPS	12000

static void
test_damaged(unit_host *host)
{
	static const serve_case small = {"small", ML_CLASSIFICATION, 3, NULL};
	table		t;
	outcome		r;
	ml_rng		rng;
	int			counts[3] = {0};
	uint64_t	header;
	char	   *copy;

	open_table(host, &t);
	make_rows(&t, &small);
	if (!unit_ok(train_network(host, &t, &(setting)
							   {
								   "network", ML_CLASSIFICATION, "{" ALL("3", "softmax") ", \"epochs\": 1, \"images\": {\"photo\": "
								   "{\"height\": 6, \"width\": 6, \"channels\": 3}}}"
							   }, &r), "a file to damage: %s", host->ctx.error.text))
		return;
	try_file(host, r.stored.data, r.stored.size, &t, counts);
	unit_is_int(counts[0], 1, "  serves as it is");
	copy = malloc(r.stored.size);
	memcpy(&header, r.stored.data, 8);
	ml_rng_seed(&rng, 31);
	counts[0] = 0;
	for (int i = 0; i < FLIPS; i++)
	{
		/* most of them where the graph and the columns are described */
		size_t		at = (size_t) ml_rng_below(&rng, i % 4 == 0 ? r.stored.size : 8 + header);

		memcpy(copy, r.stored.data, r.stored.size);
		if (i % 3 == 0)
			copy[at] = (char) ml_rng_below(&rng, 256);
		else if (i % 3 == 1)
			copy[at] ^= (char) (1 << ml_rng_below(&rng, 8));
		else if (copy[at] >= '0' && copy[at] <= '9')
			copy[at] = (char) ('0' + ml_rng_below(&rng, 10));
		else
			copy[at] = "09-.,:[]{}\""[ml_rng_below(&rng, 11)];
		try_file(host, copy, r.stored.size, &t, counts);
	}
	unit_ok(counts[1] == 0, "  %d of %d damaged files are refused as such, %d otherwise", FLIPS - counts[0] - counts[1], FLIPS, counts[1]);
	unit_is_int(counts[2], 0, "  the others serve");
	counts[0] = 0;
	for (size_t size = 0; size < r.stored.size; size += 1 + size / 40)
		try_file(host, r.stored.data, size, &t, counts);
	unit_ok(counts[0] == 0 && counts[1] == 0, "  none that is cut serves");
	free(copy);
	end_network(host, &r);
	close_table(&t);
}

/* ---- interruptions ---- */

typedef struct scenario_argument
{
	const table *t;
	const outcome *r;
} scenario_argument;

static ml_status
serve_some(ml_context *ctx, const scenario_argument *a, ml_image *image)
{
	ml_session *session;
	double		answers[20 * 4];
	ml_status	status;

	ML_TRY(ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session));
	status = ml_session_predict(ctx, session, 20, a->t->inputs, NULL, answers);
	ml_session_close(ctx, session);
	return status;
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	ml_image   *image;
	size_t		size;
	ml_status	status;

	ML_TRY(ml_image_plan(ctx, a->r->stored.data, a->r->stored.size, &size));
	image = aligned_alloc(ML_ALIGN, size);
	status = ml_image_build(ctx, a->r->stored.data, a->r->stored.size, image, size);
	if (status == ML_OK)
		status = serve_some(ctx, a, image);
	free(image);
	return status;
}

static void
test_interruptions(unit_host *host)
{
	table		t;
	outcome		r;

	open_table(host, &t);
	make_rows(&t, &cases[2]);
	(void) train_network(host, &t, &(setting)
						 {
							 "network", ML_CLASSIFICATION, "{" ALL("3", "softmax") ", \"epochs\": 1, \"images\": {\"photo\": "
							 "{\"height\": 6, \"width\": 6, \"channels\": 3}}}"
						 }, &r);
	unit_every_allocation_fails("serving a network", scenario, &(scenario_argument) {&t, &r});
	unit_every_poll_cancels("serving a network", scenario, &(scenario_argument) {&t, &r});
	end_network(host, &r);
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
		test_case(&host, &cases[i]);
	unit_close(&host, "served networks");
	unit_open(&host);
	test_damaged(&host);
	test_interruptions(&host);
	unit_close(&host, "damaged networks");
	return unit_done();
}
