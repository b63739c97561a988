/*-------------------------------------------------------------------------
 *
 * test_train_limits.c
 *	  The trainer on tables at its limits: bad rows, many columns and levels,
 *	  little memory, interruptions.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_training.h"

static void
run_numbers(unit_host *host, size_t n, uint32_t d, filler fill, filler target, const char *options, result *r)
{
	table		t;

	open_table(host, &t);
	make_numbers(&t, n, d, fill, target);
	(void) run(host, &t, &(setting) {"linear_regression", ML_REGRESSION, options}, r);
	close_table(&t);
}

static void
test_limits(unit_host *host)
{
	result		r;

	run_numbers(host, 50, 3, twice, other, "{}", &r);
	unit_ok(r.status == ML_OK && figure(&r, "dropped", NULL) == 1 && strstr(host->log, "c") != NULL, "duplicate columns: %s", host->log);
	done(host, &r);
	run_numbers(host, 5, 8, mixed_up, other, "{\"holdout\": 0}", &r);
	unit_ok(r.status == ML_OK && figure(&r, "dropped", NULL) == 4, "more columns than rows: %s", host->log);
	done(host, &r);
	run_numbers(host, 50, 3, mixed_up, same, "{}", &r);
	unit_ok(r.status == ML_OK && isnan(figure(&r, "metrics", "r2")) && figure(&r, "metrics", "rmse") < 1e-9 &&
			fabs(r.file.bias[0] - 4.5) < 1e-9 && strstr(host->log, "4.5 in all rows") != NULL, "a constant target: %s", host->log);
	done(host, &r);
	run_numbers(host, 50, 3, same, other, "{}", &r);
	unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "tells the rows apart") != NULL, "constant columns: %s", host->ctx.error.text);
	done(host, &r);
	run_numbers(host, 1, 3, mixed_up, other, "{}", &r);
	unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.detail, "1 row") != NULL, "one row: %s %s", host->ctx.error.text,
			host->ctx.error.detail);
	done(host, &r);
	run_numbers(host, 2, 3, mixed_up, other, "{}", &r);
	unit_ok(r.status == ML_OK, "two rows: %s", host->ctx.error.text);
	done(host, &r);
	run_numbers(host, 20, 3, infinite, other, "{}", &r);
	unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "\"b\"") != NULL, "infinity: %s", host->ctx.error.text);
	done(host, &r);
	run_numbers(host, 20, 3, mixed_up, infinite, "{}", &r);
	unit_ok(r.status == ML_OK, "a finite target: %s", host->ctx.error.text);
	done(host, &r);
	run_numbers(host, 0, 3, mixed_up, other, "{}", &r);
	unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "no rows") != NULL, "no rows: %s", host->ctx.error.text);
	done(host, &r);
	run_numbers(host, 500, 3, mixed_up, copied, "{}", &r);
	unit_ok(r.status == ML_OK && host->warnings == 1 && strstr(host->warning, "told by one feature alone: a") != NULL, "a copy of the target: %s",
			host->warning);
	done(host, &r);
	run_numbers(host, 500, 3, mixed_up, other, "{}", &r);
	unit_ok(r.status == ML_OK && host->warnings == 0, "no leak, no warning");
	done(host, &r);
}

/* Leaks in classification: a number whose ranges are apart, a category of one label each. */
static void
test_leaks(unit_host *host)
{
	table		t;
	result		r;

	open_table(host, &t);
	make_law(&t, 600, 2, false, 1);
	for (size_t i = 0; i < t.n; i++)
		t.inputs[i * t.ncolumns + 4].number = (t.targets[i].text.data[0] == 'y' ? 10 : 3) + (double) (i % 5);
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, &r), "a number that tells the label: %s", host->ctx.error.text);
	unit_ok(host->warnings == 1 && strstr(host->warning, "told by one feature alone: one") != NULL, "  %s", host->warning);
	done(host, &r);
	for (size_t i = 0; i < t.n; i++)
	{
		t.inputs[i * t.ncolumns + 4].number = (double) (i % 5);
		t.inputs[i * t.ncolumns + 3].text = unit_text(t.targets[i].text.data[0] == 'y' ? (i % 2 ? "red" : "blue") : "green");
	}
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, &r), "a category that tells the label: %s", host->ctx.error.text);
	unit_ok(host->warnings == 1 && strstr(host->warning, "told by one feature alone: c") != NULL, "  %s", host->warning);
	done(host, &r);
	close_table(&t);
}

/* 1,600 columns; and 100,000 levels in a bounded memory. */
static void
test_wide(unit_host *host)
{
	enum
	{
		COLUMNS = 1600,
		ROWS = 2000
	};
	ml_column  *columns = calloc(COLUMNS, sizeof(ml_column));
	ml_value   *inputs = calloc((size_t) COLUMNS * ROWS, sizeof(ml_value));
	ml_value   *targets = calloc(ROWS, sizeof(ml_value));
	ml_trainer *trainer;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	ml_status	status;
	size_t		before = host->live_bytes;
	size_t		memory = (size_t) 128 << 20;

	for (int k = 0; k < COLUMNS; k++)
	{
		char	   *name = malloc(16);

		columns[k] = (ml_column) {.name = {name, (size_t) sprintf(name, "x%d", k)}, .type = ML_TYPE_NUMBER};
	}
	for (size_t i = 0; i < ROWS; i++)
	{
		for (uint32_t k = 0; k < COLUMNS; k++)
			inputs[i * COLUMNS + k].number = mixed_up(i, k);
		targets[i].number = other(i, 0);
	}
	host->peak_bytes = before;
	status = ml_trainer_open(&host->ctx, &(ml_training)
							 {
								 .algorithm = ML_TEXT("linear_regression"), .options = ML_TEXT("{}"), .task = ML_REGRESSION,
								 .ncolumns = COLUMNS, .columns = columns, .target = ML_TEXT("y"), .memory = memory,
								 .kernel = ml_kernel_select(ML_LEVEL_AUTO)
							 }, &trainer);
	if (status == ML_OK)
		status = ml_trainer_add(&host->ctx, trainer, &(ml_batch) {.n = ROWS, .inputs = inputs, .targets = targets});
	if (status == ML_OK)
		status = ml_trainer_finish(&host->ctx, trainer, &stored, &report);
	unit_ok(status == ML_OK, "1,600 columns: %s", host->ctx.error.text);
	unit_ok(host->peak_bytes - before < memory + memory / 8, "  in %zu MB", (host->peak_bytes - before) >> 20);
	ml_trainer_close(&host->ctx, trainer);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	for (int k = 0; k < COLUMNS; k++)
		free((void *) columns[k].name.data);
	free(columns);
	free(inputs);
	free(targets);
}

#define NUMBERS_N		3000
#define NUMBERS_COLUMNS	5

/* A training of rows, some of which are skipped, by values or as nothing but numbers; infinite: a row that ends it. */
static ml_status
train_rows(unit_host *host, bool as_numbers, size_t infinite, ml_buffer *stored)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	static double numbers[NUMBERS_N * NUMBERS_COLUMNS];
	static ml_value inputs[NUMBERS_N * NUMBERS_COLUMNS];
	static ml_value targets[NUMBERS_N];
	static float weights[NUMBERS_N];
	ml_column	columns[NUMBERS_COLUMNS];
	ml_trainer *trainer;
	ml_buffer	report = {0};
	ml_status	status;

	for (int k = 0; k < NUMBERS_COLUMNS; k++)
		columns[k] = (ml_column) {.name = unit_text(names[k]), .type = k == 3 ? ML_TYPE_DATE : ML_TYPE_NUMBER};
	for (size_t i = 0; i < NUMBERS_N; i++)
	{
		for (uint32_t k = 0; k < NUMBERS_COLUMNS; k++)
		{
			double		value = k == 3 ? (double) (i * 86400 % 70000000) : mixed_up(i, k);

			numbers[i * NUMBERS_COLUMNS + k] = i % 50 == 49 || (i + k) % 11 == 0 ? NAN :
				i == infinite && k == 2 ? -INFINITY : value;
			inputs[i * NUMBERS_COLUMNS + k].number = numbers[i * NUMBERS_COLUMNS + k];
		}
		targets[i].text = i % 97 == 5 ? (ml_text) {0} : mixed_up(i, 0) > other(i, 1) ? ML_TEXT("more") : ML_TEXT("less");
		weights[i] = (float) (i % 13 == 0 ? 0 : 1 + i % 3);
	}
	status = ml_trainer_open(&host->ctx, &(ml_training)
							 {
								 .algorithm = ML_TEXT("svm"), .options = ML_TEXT("{}"), .task = ML_CLASSIFICATION,
								 .ncolumns = NUMBERS_COLUMNS, .columns = columns, .target = ML_TEXT("y"),
								 .memory = (size_t) 16 << 20, .kernel = ml_kernel_select(ML_LEVEL_AUTO)
							 }, &trainer);
	for (size_t i = 0, n; i < NUMBERS_N && status == ML_OK; i += n)
	{
		n = ML_MIN(NUMBERS_N - i, (size_t) (1 + i % 300));
		status = ml_trainer_add(&host->ctx, trainer, &(ml_batch)
								{
									.n = n, .targets = targets + i, .weights = weights + i,
									.inputs = as_numbers ? NULL : inputs + i * NUMBERS_COLUMNS,
									.numbers = as_numbers ? numbers + i * NUMBERS_COLUMNS : NULL
								});
	}
	if (status == ML_OK)
		status = ml_trainer_finish(&host->ctx, trainer, stored, &report);
	ml_trainer_close(&host->ctx, trainer);
	ml_buffer_free(&host->ctx, &report);
	return status;
}

static void
test_numbers(unit_host *host)
{
	ml_buffer	stored[2] = {{0}};
	char		message[2][ML_TEXT_MAX];

	for (int k = 0; k < 2; k++)
		unit_ok(train_rows(host, k == 1, NUMBERS_N, &stored[k]) == ML_OK, "rows of numbers: %s", host->ctx.error.text);
	unit_ok(stored[0].size > 0 && stored[0].size == stored[1].size &&
			memcmp(stored[0].data, stored[1].data, stored[0].size) == 0, "  the same model, however they are handed over");
	for (int k = 0; k < 2; k++)
	{
		ml_buffer_free(&host->ctx, &stored[k]);
		unit_is_int(train_rows(host, k == 1, 1234, &stored[k]), ML_BAD_DATA, "  one that is infinite");
		snprintf(message[k], sizeof(message[k]), "%s", host->ctx.error.text);
	}
	unit_is_text(unit_text(message[1]), message[0], "  and the same message");
}

static void
test_many_levels(unit_host *host)
{
	size_t		before;
	table		t;
	result		r;

	open_table(host, &t);
	add_column(&t, "who", ML_TYPE_TEXT, ML_ROLE_CATEGORY);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	for (size_t i = 0; i < 300000; i++)
	{
		ml_value   *row = add_row(&t);
		char		name[16];
		size_t		who = i % 100000;

		snprintf(name, sizeof(name), "w%zu", who);
		row[0].text = keep(&t, name);
		row[1].number = mixed_up(i, 1);
		t.targets[i].text = unit_text((who % 3 == 0) != (mixed_up(i, 2) < 1) ? "a" : "b");
	}
	before = host->live_bytes;
	host->peak_bytes = before;
	unit_ok(run(host, &t, &(setting) {"logistic_regression", ML_CLASSIFICATION, "{\"rare\": 1}", (size_t) 200 << 20}, &r),
			"100,000 levels: %s", host->ctx.error.text);
	unit_ok(figure(&r, "terms", NULL) > 90000 && figure(&r, "metrics", "accuracy") > 0.7, "  %g features, accuracy %g",
			figure(&r, "terms", NULL), figure(&r, "metrics", "accuracy"));
	unit_ok(host->peak_bytes - before < (size_t) 200 << 20, "  in %zu MB", (host->peak_bytes - before) >> 20);
	done(host, &r);
	close_table(&t);
}

/* Rows beyond the memory go to a file; the model is the same but for rounding. */
static void
test_spilled(unit_host *host)
{
	table		t;
	result		r[2];

	open_table(host, &t);
	make_law(&t, 60000, 2, false, 1);
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, &r[0]), "60,000 rows in memory: %s", host->ctx.error.text);
	host->spilled = host->ctx.spilled = 0;
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}", (size_t) 4 << 20}, &r[1]), "  in 4 MB: %s", host->ctx.error.text);
	unit_ok(host->spilled > 0, "  %zu kB are spilled", host->spilled >> 10);
	if (r[0].status == ML_OK && r[1].status == ML_OK)
		for (uint32_t j = 0; j < r[0].file.width; j++)
			unit_is_near(weight(&r[0], 0, j), weight(&r[1], 0, j), 1e-4, "  weight %u", j);
	done(host, &r[0]);
	done(host, &r[1]);
	host->spilled = host->ctx.spilled = 0;
	host->spill_fails = true;
	unit_ok(!run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}", (size_t) 4 << 20}, &r[0]) && r[0].status == ML_IO, "a spill that fails: %s",
			host->ctx.error.text);
	host->spill_fails = false;
	done(host, &r[0]);
	close_table(&t);
}

typedef struct scenario_argument
{
	const table *t;
	setting		s;
	int			folds;
} scenario_argument;

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	double		values[5 * ML_METRICS_MAX];
	uint64_t	rows[5];
	ml_status	status = a->folds > 0 ? cross(ctx, a->t, &a->s, a->folds, values, rows) :
		train(ctx, a->t, &a->s, &stored, &report);

	ml_buffer_free(ctx, &stored);
	ml_buffer_free(ctx, &report);
	return status;
}

static void
test_interruptions(unit_host *host)
{
	table		regression;
	table		classes;

	open_table(host, &regression);
	make_law(&regression, 60, 0, true, 1);
	open_table(host, &classes);
	make_law(&classes, 60, 3, false, 1);
	{
		scenario_argument linear = {&regression, {"linear_regression", ML_REGRESSION, "{\"alpha\": 0.1, \"hash_bits\": 10}"}};
		scenario_argument logistic = {&classes, {"auto", ML_CLASSIFICATION, "{\"class_weight\": \"balanced\"}"}};
		scenario_argument svm = {&classes, {"svm", ML_CLASSIFICATION, "{\"epochs\": 3}"}};
		scenario_argument folds = {&classes, {"svm", ML_CLASSIFICATION, "{\"epochs\": 3}"}, 3};

		unit_every_allocation_fails("linear regression", scenario, &linear);
		unit_every_allocation_fails("logistic regression", scenario, &logistic);
		unit_every_allocation_fails("svm", scenario, &svm);
		unit_every_allocation_fails("cross-validation", scenario, &folds);
		unit_every_poll_cancels("linear regression", scenario, &linear);
		unit_every_poll_cancels("logistic regression", scenario, &logistic);
		unit_every_poll_cancels("svm", scenario, &svm);
		unit_every_poll_cancels("cross-validation", scenario, &folds);
	}
	close_table(&regression);
	close_table(&classes);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_limits(&host);
	test_leaks(&host);
	unit_close(&host, "limits");
	unit_open(&host);
	test_numbers(&host);
	test_wide(&host);
	test_many_levels(&host);
	test_spilled(&host);
	unit_close(&host, "large tables");
	unit_open(&host);
	test_interruptions(&host);
	unit_close(&host, "interruptions");
	return unit_done();
}
