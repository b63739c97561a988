/*-------------------------------------------------------------------------
 *
 * test_series.c
 *	  Series: what is looked at of arrays and what is refused, scalings of the rows
 *	  that learn, lengths, channels, memory that is planned for the longest, what is
 *	  continued, rows in the file.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

#include "feature/series.h"

#include <float.h>

/* ---- one series ---- */

/* Is that wrong with it, at that number, and are so many steps looked at? */
static void
look(unit_host *host, ml_items items, uint32_t channels, uint32_t most, ml_series_fault fault, uint32_t steps, size_t at, const char *name)
{
	ml_series_view view;

	unit_ok(ml_series_look(&host->ctx, items, channels, most, &view) == ML_OK && view.fault == fault && view.steps == steps &&
			(fault == ML_SERIES_SOUND || view.at == at), "%s", name);
}

static void
test_look(unit_host *host)
{
	double		x[6] = {1, 2, 3, 4, 5, 6};

	look(host, (ml_items) {NULL, 0}, 3, 9, ML_SERIES_SOUND, 0, 0, "no series has no steps");
	look(host, (ml_items) {x, 0, 0}, 3, 9, ML_SERIES_SOUND, 0, 0, "nor has an empty one");
	look(host, (ml_items) {x, 6, 0}, 1, 9, ML_SERIES_SOUND, 6, 0, "flat");
	look(host, (ml_items) {x, 6, 1}, 1, 9, ML_SERIES_SOUND, 6, 0, "one channel of its own");
	look(host, (ml_items) {x, 6, 2}, 2, 9, ML_SERIES_SOUND, 3, 0, "two channels");
	look(host, (ml_items) {x, 6, 2}, 2, 2, ML_SERIES_SOUND, 2, 0, "the first steps");
	look(host, (ml_items) {x, 6, 3}, 2, 2, ML_SERIES_CHANNELS, 0, 0, "other channels");
	look(host, (ml_items) {x, 6, 0}, 2, 2, ML_SERIES_CHANNELS, 0, 0, "flat, of two");
	x[4] = NAN;
	look(host, (ml_items) {x, 6, 2}, 2, 3, ML_SERIES_MISSING, 3, 4, "a gap");
	look(host, (ml_items) {x, 6, 2}, 2, 2, ML_SERIES_SOUND, 2, 0, "where nobody looks");
	x[3] = -INFINITY;
	look(host, (ml_items) {x, 6, 2}, 2, 3, ML_SERIES_INFINITE, 3, 3, "infinite");
	unit_ok(ml_series_most(1) == 65536 && ml_series_most(3) == 21845 && ml_series_most(65536) == 1 && ml_series_most(70000) == 1, "steps by channels");
}

static void
test_scale(void)
{
	static const ml_channel channels[] = {{10, 2}, {-1, 0.5}};
	double		x[] = {12, 0, 8, -1, 10, -2};
	float		y[6];
	size_t		at;

	unit_ok(ml_series_scale(x, 6, channels, 2, y, &at) == ML_SERIES_SOUND && y[0] == 1 && y[1] == 2 && y[2] == -1 && y[3] == 0 &&
			y[4] == 0 && y[5] == -2, "each channel by its own scaling");
	x[3] = DBL_MAX;
	unit_ok(ml_series_scale(x, 6, channels, 2, y, &at) == ML_SERIES_RANGE && at == 3, "out of range");
}

/* ---- rows ---- */

#define CHANNELS	2

/* "up" rises, "down" falls, beside noise of another size; 1 to 12 steps. */
static ml_items
make_series(table *t, ml_rng *rng, bool up)
{
	double		numbers[12 * CHANNELS];
	uint32_t	steps = 1 + (uint32_t) ml_rng_below(rng, 12);
	ml_text		kept;

	for (uint32_t k = 0; k < steps; k++)
	{
		numbers[CHANNELS * k] = (up ? k : -(double) k) + 50 + noise(rng) / 2;
		numbers[CHANNELS * k + 1] = 1e6 * noise(rng);
	}
	(void) ml_arena_copy(t->ctx, &t->arena, (ml_text) {(const char *) numbers, CHANNELS * steps * sizeof(double)}, &kept);
	return (ml_items) {(const double *) (const void *) kept.data, CHANNELS * steps, CHANNELS};
}

static void
make_rows(table *t, size_t n)
{
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	add_column(t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	t->validates = calloc(n, 1);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);

		row[0].items = make_series(t, &rng, i % 2);
		t->targets[i].text = i % 2 ? ML_TEXT("up") : ML_TEXT("down");
		t->validates[i] = i % 4 == 0;
		t->split[i] = i % 4 == 1;
	}
}

#define LAYERS "{\"layers\": [{\"type\": \"lstm\", \"units\": 6}, {\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}], \"epochs\": 4, \"batch_size\": 8, "

/* Means and deviations as counted here, of the rows that learn. */
static void
check_scaling(unit_host *host, const table *t, outcome *r)
{
	const ml_tensor *scaling = stored_tensor(host, r, "series_scaling");
	double		sums[CHANNELS][3] = {{0}};

	for (size_t i = 0; i < t->n; i++)
		for (uint32_t k = 0; k < t->inputs[i].items.n && !t->validates[i] && !(t->split[i] > 0); k++)
		{
			double		x = t->inputs[i].items.data[k];

			sums[k % CHANNELS][0]++;
			sums[k % CHANNELS][1] += x;
			sums[k % CHANNELS][2] += x * x;
		}
	for (int c = 0; c < CHANNELS; c++)
	{
		double		mean = sums[c][1] / sums[c][0];
		double		deviation = sqrt(sums[c][2] / sums[c][0] - mean * mean);

		unit_ok(scaling != NULL && fabs(((const double *) scaling->data)[2 * c] - mean) < 1e-9 * fmax(1, fabs(mean)) + 1e-7 * deviation &&
				fabs(((const double *) scaling->data)[2 * c + 1] / deviation - 1) < 1e-9, "  channel %d: %g, %g", c, mean, deviation);
	}
}

static void
test_training(unit_host *host)
{
	static const setting s = {"network", ML_CLASSIFICATION, LAYERS "\"validation\": \"v\", \"holdout\": \"h\", \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.03}}"};
	double	   *numbers;
	table		t;
	outcome		r[2];

	open_table(host, &t);
	make_rows(&t, 240);
	unit_ok(train_network(host, &t, &s, &r[0]), "a training: %s", host->ctx.error.text);
	unit_ok(metric(&r[0], "accuracy") > 0.85, "  it learns: %g", metric(&r[0], "accuracy"));
	check_scaling(host, &t, &r[0]);
	for (size_t i = 0; i < t.n; i++)
	{
		numbers = (double *) (uintptr_t) t.inputs[i].items.data;
		for (uint32_t k = 0; k < t.inputs[i].items.n && t.split[i] > 0; k++)
			numbers[k] *= 1e3;
	}
	unit_ok(train_network(host, &t, &s, &r[1]) && same_model(&r[0], &r[1]), "  rows that are held out change nothing");
	end_network(host, &r[1]);
	/* of a series nobody looks at what is behind its last step */
	for (size_t i = 0; i < t.n; i++)
	{
		numbers = malloc((t.inputs[i].items.n + 40) * sizeof(double));
		memcpy(numbers, t.inputs[i].items.data, t.inputs[i].items.n * sizeof(double));
		for (int k = 0; k < 40; k++)
			numbers[t.inputs[i].items.n + (uint32_t) k] = NAN;
		t.inputs[i].items.data = numbers;
	}
	unit_ok(train_network(host, &t, &s, &r[1]) && same_model(&r[0], &r[1]), "  nor what lies behind");
	for (size_t i = 0; i < t.n; i++)
		free((void *) (uintptr_t) t.inputs[i].items.data);
	end_network(host, &r[0]);
	end_network(host, &r[1]);
	close_table(&t);
}

static void
test_unscaled(unit_host *host)
{
	static const setting s = {"network", ML_CLASSIFICATION, LAYERS "\"standardize\": false}"};
	const ml_tensor *scaling;
	table		t;
	outcome		r;

	open_table(host, &t);
	make_rows(&t, 60);
	unit_ok(train_network(host, &t, &s, &r), "not standardised: %s", host->ctx.error.text);
	scaling = stored_tensor(host, &r, "series_scaling");
	for (int k = 0; scaling != NULL && k < 2 * CHANNELS; k++)
		unit_is_near(((const double *) scaling->data)[k], k % 2, 0, "  number %d", k);
	end_network(host, &r);
	close_table(&t);
}

/* The first rows are empty or absent; one has a single channel of one value. */
static void
test_late(unit_host *host)
{
	static const double same[] = {7, 7, 7, 7};
	table		t;
	outcome		r;

	open_table(host, &t);
	make_rows(&t, 80);
	for (size_t i = 0; i < 7; i++)
		t.inputs[i].items = (ml_items) {i % 2 ? NULL : same, 0};
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"holdout\": 0}"}, &r), "late: %s", host->ctx.error.text);
	unit_is_int(told(&r, "skipped"), 3, "  rows without anything are skipped, empty ones are not");
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.inputs[i].items = (ml_items) {same, 1 + i % 4, 0};
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"holdout\": 0}"}, &r), "lengths alone: %s", host->ctx.error.text);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.inputs[i].items.n = 0;
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"holdout\": 0}"}, &r) && r.status == ML_BAD_DATA,
			"all empty: %s", host->ctx.error.text);
	end_network(host, &r);
	close_table(&t);
}

#define TWO_LAYERS "{\"layers\": [{\"type\": \"gru\", \"units\": 4, \"inputs\": \"pulse\", \"name\": \"p\"}, " \
	"{\"type\": \"conv1d\", \"filters\": 3, \"kernel_size\": 2, \"padding\": \"same\", \"inputs\": \"beat\"}, {\"type\": \"global_max_pooling\", \"name\": \"b\"}, " \
	"{\"type\": \"concatenate\", \"inputs\": [\"p\", \"b\", \"numbers\"]}, {\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}], " \
	"\"epochs\": 2, \"batch_size\": 8, \"holdout\": 0"

/* Columns by their places: none (a series that is never there), pulse, a number, beat; of other channels and lengths. */
static void
make_many(table *t, size_t n, const int places[4])
{
	static const char *const names[] = {"none", "pulse", "a", "beat"};
	ml_rng		rng;

	ml_rng_seed(&rng, 12);
	for (int k = 0; k < 4; k++)
		for (int c = 0; c < 4; c++)
			if (places[c] == k)
				add_column(t, names[c], c == 2 ? ML_TYPE_NUMBER : ML_TYPE_ARRAY, c == 2 ? ML_ROLE_NUMBER : ML_ROLE_SERIES);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);

		row[places[0]].items = (ml_items) {NULL, 0};
		row[places[1]].items = make_series(t, &rng, i % 2);
		row[places[2]].number = noise(&rng);
		row[places[3]].items = make_series(t, &rng, i % 3 == 0);
		row[places[3]].items.width = 0;
		t->targets[i].text = i % 2 ? ML_TEXT("up") : ML_TEXT("down");
	}
}

/* Several, one of which has no steps; what is continued finds them by their names. */
static void
test_several(unit_host *host)
{
	static const int one[4] = {0, 1, 2, 3};
	static const int other[4] = {2, 3, 1, 0};
	const ml_tensor *scaling;
	setting		s = {"network", ML_CLASSIFICATION, TWO_LAYERS "}"};
	table		t[2];
	outcome		r[3];

	for (int i = 0; i < 2; i++)
	{
		open_table(host, &t[i]);
		make_many(&t[i], 90, i == 0 ? one : other);
	}
	unit_ok(train_network(host, &t[0], &s, &r[0]), "several: %s %s", host->ctx.error.text, host->ctx.error.hint);
	unit_ok(strstr(host->log, "left out: none (no values)") != NULL || strstr(r[0].report.data, "\"none\": \"no values\"") != NULL, "  one is left out");
	scaling = stored_tensor(host, &r[0], "series_scaling");
	unit_ok(scaling != NULL && scaling->dims[0] == 3 && ((const double *) scaling->data)[3] > 1e5 && ((const double *) scaling->data)[1] < 10,
			"  of three channels, in order");
	s.options = TWO_LAYERS ", \"continue_from\": 7}";
	s.start = (ml_text) {r[0].stored.data, r[0].stored.size};
	unit_ok(train_network(host, &t[0], &s, &r[1]), "continued: %s %s", host->ctx.error.text, host->ctx.error.detail);
	unit_ok(train_network(host, &t[1], &s, &r[2]), "with its columns in another order: %s %s", host->ctx.error.text, host->ctx.error.detail);
	unit_ok(same_model(&r[1], &r[2]), "  the same bits");
	for (int i = 0; i < 3; i++)
		end_network(host, &r[i]);
	close_table(&t[0]);
	close_table(&t[1]);
}

/* Room that was made for a first row without series is too small for what comes. */
static void
test_room(unit_host *host)
{
	uint32_t	n = 70000;
	double	   *many = calloc(n, sizeof(double));
	table		t;
	outcome		r;

	open_table(host, &t);
	make_rows(&t, 20);
	t.inputs[0].items = (ml_items) {many, 0};
	for (size_t i = 1; i < t.n; i++)
		t.inputs[i].items = (ml_items) {many, n, 10};
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"max_length\": 7000}", (size_t) 64 << 20}, &r) &&
			strstr(host->ctx.error.text, "row 2 in column \"pulse\" has too many numbers") != NULL, "%s %s", host->ctx.error.text, host->ctx.error.hint);
	end_network(host, &r);
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"max_length\": 6000, \"holdout\": 0}", (size_t) 64 << 20}, &r),
			"fewer: %s", host->ctx.error.text);
	unit_ok(strstr(host->log, "series are cut: 19 of \"pulse\" have more than 6000 steps") != NULL, "  %s", host->log);
	end_network(host, &r);
	t.inputs[0].items = (ml_items) {many, n, n};
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, LAYERS "\"max_length\": 1}", (size_t) 64 << 20}, &r) &&
			strstr(host->ctx.error.text, "has 70000 channels, more than 65536") != NULL, "%s", host->ctx.error.text);
	end_network(host, &r);
	close_table(&t);
	free(many);
}

/* ---- the file, and what is continued ---- */

/* As many rows as don't fit into the memory, and as few as do: the same bits. */
static void
test_spill(unit_host *host)
{
	static const char *const options = LAYERS "\"max_length\": 200, \"holdout\": 0, \"shuffle\": false}";
	double	   *numbers = malloc(200 * 4000 * sizeof(double));
	uint64_t	before = host->ctx.spilled;
	ml_rng		rng;
	table		t;
	outcome		r[2];

	ml_rng_seed(&rng, 9);
	open_table(host, &t);
	add_column(&t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	for (size_t i = 0; i < 4000; i++)
	{
		for (size_t k = 0; k < 200; k++)
			numbers[i * 200 + k] = noise(&rng);
		add_row(&t)[0].items = (ml_items) {numbers + i * 200, 20 + i % 181, 0};
		t.targets[i].text = i % 2 ? ML_TEXT("up") : ML_TEXT("down");
	}
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options, (size_t) 200 << 20}, &r[0]), "in memory: %s", host->ctx.error.text);
	unit_ok(host->ctx.spilled == before, "  nothing is in the file");
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options, (size_t) 4 << 20}, &r[1]), "in the file: %s", host->ctx.error.text);
	unit_ok(host->ctx.spilled > before, "  %llu kB of it", (unsigned long long) (host->ctx.spilled - before) >> 10);
	unit_ok(same_model(&r[0], &r[1]), "  the same bits");
	end_network(host, &r[0]);
	end_network(host, &r[1]);
	close_table(&t);
	free(numbers);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_look(&host);
	test_scale();
	test_training(&host);
	test_unscaled(&host);
	test_late(&host);
	test_several(&host);
	test_room(&host);
	unit_close(&host, "trainings");
	unit_open(&host);
	test_spill(&host);
	unit_close(&host, "spilled");
	return unit_done();
}
