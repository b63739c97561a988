/*-------------------------------------------------------------------------
 *
 * test_train.c
 *	  The trainer end to end: rows in, a model out that an image takes.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/metric.h"
#include "ml.h"

#include <math.h>

typedef struct examples
{
	size_t		n;
	ml_text    *texts;
	ml_text    *labels;
	float	   *weights;		/* or NULL */
} examples;

typedef struct setting
{
	const char *algorithm;
	const char *options;
	size_t		memory;
	ml_level	level;
} setting;

static ml_status
train(ml_context *ctx, const examples *e, const setting *s, ml_buffer *stored, ml_buffer *report)
{
	ml_column	column = {.name = ML_TEXT("text"), .role = ML_ROLE_TEXT};
	ml_trainer *trainer;
	ml_status	status;

	ML_TRY(ml_trainer_open(ctx, &(ml_training)
						   {
							   .algorithm = unit_text(s->algorithm),
							   .options = unit_text(s->options),
							   .ncolumns = 1,
							   .columns = &column,
							   .target = ML_TEXT("label"),
							   .memory = s->memory ? s->memory : 64 << 20,
							   .kernel = ml_kernel_select(s->level)
						   }, &trainer));
	status = ml_trainer_add(ctx, trainer, &(ml_batch)
							{
								.n = e->n,
								.inputs = (const ml_value *) e->texts,
								.targets = (const ml_value *) e->labels,
								.weights = e->weights
							});
	if (status == ML_OK)
		status = ml_trainer_finish(ctx, trainer, stored, report);
	ml_trainer_close(ctx, trainer);
	return status;
}

/* Share of right answers of a stored model; -1 when it can't be used. */
static double
accuracy(ml_context *ctx, const ml_buffer *stored, const examples *e)
{
	ml_session *session = NULL;
	void	   *image;
	size_t		size;
	size_t		right = 0;

	if (ml_image_plan(ctx, stored->data, stored->size, &size) != ML_OK)
		return -1;
	image = aligned_alloc(ML_ALIGN, size);
	if (ml_image_build(ctx, stored->data, stored->size, image, size) != ML_OK ||
		ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK)
		return -1;
	for (size_t i = 0; i < e->n; i++)
	{
		uint32_t	label;

		if (ml_session_predict(ctx, session, 1, (const ml_value *) &e->texts[i], &label, NULL) != ML_OK)
			return -1;
		right += ml_text_equal(ml_image_label(image, label), e->labels[i]);
	}
	ml_session_close(ctx, session);
	free(image);
	return (double) right / (double) e->n;
}

/* A member of a JSON text, by a path of two names at most; NaN when absent. */
static double
figure(unit_host *host, const ml_buffer *json, const char *name, const char *inner)
{
	ml_arena	arena = {0};
	const ml_json *root;
	double		value = NAN;

	if (ml_json_parse(&host->ctx, &arena, (ml_text) {json->data, json->size}, ML_BAD_MODEL,
					  &root) == ML_OK)
	{
		const ml_json *node = ml_json_get(root, name);

		if (node != NULL && inner != NULL)
			node = ml_json_get(node, inner);
		if (node != NULL)
			value = node->kind == ML_JSON_NUMBER ? node->number : node->count;
	}
	ml_arena_free(&host->ctx, &arena);
	return value;
}

/* Sentences of nclasses topics: each has words of its own among common ones. */
static examples
make_examples(size_t n, uint32_t nclasses, uint64_t seed)
{
	examples	e = {n, malloc(n * sizeof(ml_text)), malloc(n * sizeof(ml_text)), NULL};
	ml_rng		rng;

	ml_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	label = (uint32_t) ml_rng_below(&rng, nclasses);
		char	   *text = malloc(400);
		char	   *name = malloc(16);
		int			used = 0;

		for (int k = 0; k < 12; k++)
			used += ml_rng_below(&rng, 3) == 0 ?
				sprintf(text + used, "topic%uword%u ", label, (uint32_t) ml_rng_below(&rng, 6)) :
				sprintf(text + used, "common%u ", (uint32_t) ml_rng_below(&rng, 200));
		e.texts[i] = (ml_text) {text, (size_t) used};
		e.labels[i] = (ml_text) {name, (size_t) sprintf(name, "l%u", label)};
	}
	return e;
}

static void
free_examples(examples *e)
{
	for (size_t i = 0; i < e->n; i++)
	{
		free((void *) e->texts[i].data);
		free((void *) e->labels[i].data);
	}
	free(e->texts);
	free(e->labels);
	free(e->weights);
}

static void
test_end_to_end(unit_host *host, uint32_t nclasses, const setting *s)
{
	examples	e = make_examples(3000, nclasses, 1);
	examples	other = make_examples(500, nclasses, 2);
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	ml_buffer	again = {0};
	ml_buffer	unused = {0};
	ml_arena	arena = {0};
	const ml_json *root;
	double		share;

	unit_ok(train(&host->ctx, &e, s, &stored, &report) == ML_OK, "%s %s, %u labels: %s",
			s->algorithm, s->options, nclasses, host->ctx.error.text);
	unit_ok(ml_json_parse(&host->ctx, &arena, (ml_text) {report.data, report.size}, ML_BAD_MODEL,
						  &root) == ML_OK, "  the report is JSON");
	ml_arena_free(&host->ctx, &arena);
	share = accuracy(&host->ctx, &stored, &other);
	unit_ok(share > 0.9, "  accuracy %.3f on other rows", share);
	unit_is_int(figure(host, &report, "rows", NULL), 3000, "  rows");
	unit_is_int(figure(host, &report, "classes", NULL), nclasses, "  classes");
	if (strstr(s->options, "\"holdout\": 0") == NULL)
	{
		unit_is_near(figure(host, &report, "metrics", "accuracy"), share, 0.04,
					 "  accuracy on rows held out is near");
		unit_is_int(figure(host, &report, "holdout_rows", NULL), 600, "  held out");
		unit_ok(isnan(figure(host, &report, "metrics", "roc_auc")) == (nclasses > 2), "  ROC AUC");
	}
	else
		unit_ok(isnan(figure(host, &report, "metrics", NULL)), "  no metrics without holdout");
	unit_ok(figure(host, &report, "losses", NULL) >= 1 &&
			figure(host, &report, "calibration", "slope") > 0, "  losses and calibration");
	unit_ok(train(&host->ctx, &e, s, &again, &unused) == ML_OK && again.size == stored.size &&
			memcmp(again.data, stored.data, stored.size) == 0, "  same rows, same bytes");
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	ml_buffer_free(&host->ctx, &again);
	ml_buffer_free(&host->ctx, &unused);
	free_examples(&e);
	free_examples(&other);
}

/* Little memory: rows go to a file, the model is as good. */
static void
test_spilled(unit_host *host)
{
	examples	e = make_examples(60000, 3, 4);
	setting		s = {"svm", "{\"word_ngrams\": [1, 1], \"hash_bits\": 12}", 6 << 20};
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	size_t		before = host->live_bytes;
	size_t		enough = 0;
	double		share;

	host->peak_bytes = before;
	unit_ok(train(&host->ctx, &e, &s, &stored, &report) == ML_OK, "60,000 rows in 6 MB: %s",
			host->ctx.error.text);
	unit_ok(host->spilled > 0, "  %zu kB are spilled", host->spilled >> 10);
	unit_ok(host->peak_bytes - before < s.memory + (64 << 10), "  at most %zu kB of memory",
			(host->peak_bytes - before) >> 10);
	share = accuracy(&host->ctx, &stored, &e);
	unit_ok(share > 0.95, "  accuracy %.3f", share);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	host->spilled = host->ctx.spilled = 0;
	unit_fails(host, train(&host->ctx, &e, &(setting) {"svm", "{}", 4 << 20}, &stored, &report),
			   ML_MEMORY_LIMIT, "MB", "too little memory for the weights");
	host->spilled = host->ctx.spilled = 0;
	unit_ok(sscanf(host->ctx.error.hint, "Raise maintenance_work_mem to at least %zu MB", &enough) == 1,
			"  with a hint");
	s = (setting) {"svm", "{}", enough << 20};
	unit_ok(train(&host->ctx, &e, &s, &stored, &report) == ML_OK, "  and the %zu MB that it says are enough",
			enough);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	s = (setting) {"svm", "{\"word_ngrams\": [1, 1], \"hash_bits\": 12}", 6 << 20};
	host->spilled = host->ctx.spilled = 0;
	unit_fails(host, train(&host->ctx, &e, &(setting) {"svm", "{}", 1 << 20}, &stored, &report),
			   ML_MEMORY_LIMIT, "MB", "too little memory for the rows");
	host->spill_fails = true;
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_IO, "temporary file", "a spill that fails");
	host->spill_fails = false;
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	free_examples(&e);
}

static ml_status
train_pairs(unit_host *host, const char *options, const char *const (*pairs)[2], size_t n,
			ml_buffer *stored, ml_buffer *report)
{
	ml_text		texts[16];
	ml_text		labels[16];
	examples	e = {n, texts, labels, NULL};

	for (size_t i = 0; i < n; i++)
	{
		labels[i] = pairs[i][0] == NULL ? (ml_text) {NULL, 0} : unit_text(pairs[i][0]);
		texts[i] = pairs[i][1] == NULL ? (ml_text) {NULL, 0} : unit_text(pairs[i][1]);
	}
	return train(&host->ctx, &e, &(setting) {"auto", options}, stored, report);
}

static void
test_few_rows(unit_host *host)
{
	static const char *const ten[][2] = {
		{"good", "what a lovely day"}, {"bad", "what an awful day"}, {"good", "lovely food"},
		{"bad", "awful food"}, {"good", "I liked it a lot"}, {"bad", "I hated it a lot"},
		{"good", "lovely lovely people"}, {"bad", "awful awful people"}, {NULL, "no label"},
		{"good", NULL}, {"strange", "once only"}, {"good", ""},
	};
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	examples	two = {2, (ml_text[]) {ML_TEXT("lovely"), ML_TEXT("awful day")},
					(ml_text[]) {ML_TEXT("good"), ML_TEXT("bad")}, NULL};

	unit_ok(train_pairs(host, "{}", ten, ML_LENGTH(ten), &stored, &report) == ML_OK,
			"ten rows, one label with one row: %s", host->ctx.error.text);
	unit_is_int(figure(host, &report, "skipped", NULL), 2, "  two skipped");
	unit_is_int(figure(host, &report, "rows", NULL), 10, "  ten learnt");
	unit_ok(accuracy(&host->ctx, &stored, &two) == 1, "  and it learnt");
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	unit_ok(train_pairs(host, "{}", ten, 2, &stored, &report) == ML_OK, "two rows: %s",
			host->ctx.error.text);
	unit_ok(isnan(figure(host, &report, "metrics", NULL)), "  none can be held out");
	unit_ok(host->logs > 0 && strstr(host->log, "too few rows") != NULL, "  and it says so");
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	unit_ok(train_pairs(host, "{\"class_weight\": \"balanced\", \"early_stopping\": true}", ten,
						ML_LENGTH(ten), &stored, &report) == ML_OK, "balanced, stopped early");
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
}

static void
test_bad_data(unit_host *host)
{
	static const char *const one_label[][2] = {{"a", "x"}, {"a", "y"}};
	static const char *const skipped[][2] = {{NULL, "x"}, {"a", NULL}};
	static const char *const empty[][2] = {{"a", ""}, {"b", " \t "}, {"a", "... !!!"}};
	static const char *const ok[][2] = {{"cat", "x y"}, {"dog", "y z"}};
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	char	   *huge = malloc(1000000);
	ml_text		texts[] = {ML_TEXT("x"), ML_TEXT("y")};
	ml_text		labels[] = {ML_TEXT("a"), {huge, 1000000}};
	float		weights[] = {1, -1};
	examples	e = {2, texts, labels, NULL};
	setting		s = {"svm", "{}"};

	memset(huge, 'x', 1000000);
	unit_fails(host, train_pairs(host, "{}", NULL, 0, &stored, &report), ML_BAD_DATA, "no rows",
			   "no rows");
	unit_fails(host, train_pairs(host, "{}", skipped, 2, &stored, &report), ML_BAD_DATA, "no rows",
			   "all rows skipped");
	unit_ok(strstr(host->ctx.error.detail, "2 rows") != NULL, "  and it says why");
	unit_fails(host, train_pairs(host, "{}", one_label, 2, &stored, &report), ML_BAD_DATA,
			   "label \"a\"", "one label");
	unit_fails(host, train_pairs(host, "{\"word_ngrams\": [2, 2]}", empty, 3, &stored, &report),
			   ML_BAD_DATA, "no word occurs", "no words");
	unit_fails(host, train_pairs(host, "{\"class_weight\": {\"cot\": 2}}", ok, 2, &stored, &report),
			   ML_BAD_OPTION, "\"cot\"", "weight of an unknown label");
	unit_ok(strstr(host->ctx.error.hint, "\"cat\"") != NULL, "  with a hint");
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_DATA,
			   "row 2 has 1000000 bytes", "a label of a million characters");
	labels[1] = ML_TEXT("b");
	e.weights = weights;
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_DATA, "weight of row 2",
			   "a negative weight");
	weights[1] = NAN;
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_DATA, "weight of row 2",
			   "a weight that is no number");
	e.weights = NULL;
	labels[1] = ML_TEXT("\xff");
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_TEXT, "label of row 2",
			   "a label that is not UTF-8");
	labels[1] = ML_TEXT("b");
	texts[1] = ML_TEXT("caf\xe9");
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_TEXT, "", "a text that is not");
	free(huge);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
}

static void
test_many_labels(unit_host *host)
{
	examples	e = {10000, malloc(10001 * sizeof(ml_text)), malloc(10001 * sizeof(ml_text)), NULL};
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	setting		s = {"svm", "{\"holdout\": 0, \"epochs\": 1, \"hash_bits\": 16, \"min_df\": 1}",
				 (size_t) 1 << 30};
	double		share;

	for (size_t i = 0; i < 10001; i++)
	{
		char	   *text = malloc(32);
		char	   *name = malloc(32);

		e.texts[i] = (ml_text) {text, (size_t) sprintf(text, "w%zu v%zu", i / 100, i % 100)};
		e.labels[i] = (ml_text) {name, (size_t) sprintf(name, "label %zu", i)};
	}
	e.n = 1000;
	unit_ok(train(&host->ctx, &e, &s, &stored, &report) == ML_OK, "1,000 labels: %s",
			host->ctx.error.text);
	share = accuracy(&host->ctx, &stored, &e);
	unit_ok(share > 0.85, "  accuracy %.3f", share);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	e.n = 10001;
	unit_fails(host, train(&host->ctx, &e, &s, &stored, &report), ML_BAD_DATA,
			   "more than 10000 different labels", "10,001 labels");
	free_examples(&e);
}

/* Rows of weight 0 teach nothing; weights shift what is predicted. */
static void
test_row_weights(unit_host *host)
{
	static const char *const algorithms[] = {"svm", "logistic_regression"};
	examples	e = make_examples(2000, 2, 7);

	e.weights = malloc(e.n * sizeof(float));
	for (int k = 0; k < 2; k++)
	{
		setting		s = {algorithms[k], "{\"holdout\": 0}"};
		ml_buffer	stored = {0};
		ml_buffer	report = {0};

		/* the second half says the opposite, and does not count */
		for (size_t i = 0; i < e.n; i++)
			e.weights[i] = i < e.n / 2 ? 1 : 0;
		for (size_t i = e.n / 2; i < e.n; i++)
			((char *) e.labels[i].data)[1] ^= 1;
		unit_ok(train(&host->ctx, &e, &s, &stored, &report) == ML_OK, "row weights: %s",
				host->ctx.error.text);
		for (size_t i = e.n / 2; i < e.n; i++)
			((char *) e.labels[i].data)[1] ^= 1;
		unit_is_int(figure(host, &report, "skipped", NULL), (int) e.n - (int) e.n / 2, "  half of them skipped");
		unit_ok(accuracy(&host->ctx, &stored, &e) > 0.9, "%s: rows of weight 0 teach nothing",
				algorithms[k]);
		ml_buffer_free(&host->ctx, &stored);
		ml_buffer_free(&host->ctx, &report);
	}
	free_examples(&e);
}

/* Two columns of texts; split: a flag, a time or a group. */
static ml_status
train_split(ml_context *ctx, const examples *e, const setting *s, const double *split, ml_role role, int folds,
			double *values, uint64_t *rows, ml_buffer *stored, ml_buffer *report)
{
	ml_column	columns[2] = {{.name = ML_TEXT("text"), .role = role}, {.name = ML_TEXT("more"), .role = role}};
	ml_value   *inputs = malloc(e->n * 2 * sizeof(ml_value));
	ml_trainer *trainer;
	ml_status	status;

	for (size_t i = 0; i < e->n; i++)
	{
		inputs[2 * i].text = e->texts[i];
		inputs[2 * i + 1].text = i % 3 == 0 ? (ml_text) {NULL, 0} : e->texts[(i * 7) % e->n];
	}
	status = ml_trainer_open(ctx, &(ml_training)
							 {
								 .algorithm = unit_text(s->algorithm),
								 .options = unit_text(s->options),
								 .ncolumns = 2,
								 .columns = columns,
								 .target = ML_TEXT("label"),
								 .memory = 64 << 20,
								 .kernel = ml_kernel_select(ML_LEVEL_AUTO)
							 }, &trainer);
	if (status == ML_OK)
		status = ml_trainer_add(ctx, trainer, &(ml_batch)
								{
									.n = e->n,
									.inputs = inputs,
									.targets = (const ml_value *) e->labels,
									.split = split
								});
	if (status == ML_OK)
		status = folds > 0 ? ml_trainer_cross_validate(ctx, trainer, folds, values, rows) :
			ml_trainer_finish(ctx, trainer, stored, report);
	ml_trainer_close(ctx, trainer);
	free(inputs);
	return status;
}

/* Held out: rows that are marked, or the latest. */
static void
test_holdout(unit_host *host)
{
	examples	e = make_examples(2000, 2, 11);
	double	   *split = malloc(e.n * sizeof(double));
	setting		flag = {"svm", "{\"holdout\": \"h\"}"};
	setting		late = {"svm", "{\"holdout\": {\"column\": \"h\", \"fraction\": 0.1}}"};
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	size_t		wrong = 0;

	/* what is marked says the opposite, so that figures tell whether it learns */
	for (size_t i = 0; i < e.n; i++)
	{
		split[i] = i % 4 == 0;
		if (i % 4 == 0)
			((char *) e.labels[i].data)[1] ^= 1;
	}
	unit_ok(train_split(&host->ctx, &e, &flag, split, ML_ROLE_TEXT, 0, NULL, NULL, &stored, &report) == ML_OK, "held out by a flag: %s",
			host->ctx.error.text);
	unit_is_int(figure(host, &report, "holdout_rows", NULL), 500, "  a quarter");
	unit_ok(figure(host, &report, "metrics", "accuracy") < 0.2, "  of which nothing was learnt: accuracy %g",
			figure(host, &report, "metrics", "accuracy"));
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	/* the latest: -0 and 0 are one time, of which the last rows go */
	for (size_t i = 0; i < e.n; i++)
	{
		split[i] = i % 4 == 0 ? (i < 1000 ? 5 : 0) : i % 2 ? -3.5 : NAN;
		wrong += split[i] == 5;
	}
	unit_ok(train_split(&host->ctx, &e, &late, split, ML_ROLE_TEXT, 0, NULL, NULL, &stored, &report) == ML_OK, "held out by time: %s",
			host->ctx.error.text);
	unit_is_int(figure(host, &report, "holdout_rows", NULL), 150, "  a tenth of the rows that have one");
	unit_ok(figure(host, &report, "metrics", "accuracy") < 0.35, "  all of which are late: accuracy %g, %zu late",
			figure(host, &report, "metrics", "accuracy"), wrong);
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	for (size_t i = 0; i < e.n; i++)
		split[i] = e.labels[i].data[1] == '1';
	unit_fails(host, train_split(&host->ctx, &e, &flag, split, ML_ROLE_TEXT, 0, NULL, NULL, &stored, &report), ML_BAD_DATA,
			   "label \"l1\" are held out", "a label that is held out");
	unit_fails(host, train_split(&host->ctx, &e, &(setting) {"svm", "{\"groups\": \"g\"}"}, split, ML_ROLE_TEXT, 0, NULL, NULL,
								 &stored, &report), ML_BAD_OPTION, "\"groups\"", "groups without folds");
	unit_fails(host, train_split(&host->ctx, &e, &(setting) {"svm", "{\"positive\": \"l0\"}"}, split, ML_ROLE_TEXT, 0, NULL, NULL,
								 &stored, &report), ML_BAD_OPTION, "\"l1\"", "another positive label");
	free(split);
	free_examples(&e);
}

static void
test_cross_validation(unit_host *host)
{
	static const struct
	{
		setting		s;
		uint32_t	labels;
		int			folds;
	} cases[] = {
		{{"svm", "{}"}, 2, 5}, {{"svm", "{}"}, 3, 10}, {{"logistic_regression", "{}"}, 2, 2},
		{{"svm", "{\"early_stopping\": true}"}, 20, 3}, {{"svm", "{\"groups\": \"g\"}"}, 2, 4},
	};
	double		values[10 * ML_METRICS_MAX];
	uint64_t	rows[10];

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		examples	e = make_examples(i % 2 ? 3000 : 900, cases[i].labels, 12 + i);
		double	   *split = calloc(e.n, sizeof(double));
		uint64_t	all = 0;
		double		least = 1;

		for (size_t k = 0; k < e.n; k++)
			split[k] = (double) (k % 50);
		unit_ok(train_split(&host->ctx, &e, &cases[i].s, split, ML_ROLE_TEXT, cases[i].folds, values, rows, NULL, NULL) == ML_OK,
				"%d folds, %u labels, %s: %s", cases[i].folds, cases[i].labels, cases[i].s.options, host->ctx.error.text);
		for (int f = 0; f < cases[i].folds; f++)
		{
			all += rows[f];
			least = fmin(least, values[f * ML_METRICS_MAX]);
		}
		unit_is_int(all, e.n, "  each row judges once");
		unit_ok(least > 0.75, "  accuracy %g at least", least);
		free(split);
		free_examples(&e);
	}
}

/* Texts whose role is to be seen from the rows. */
static void
test_roles(unit_host *host)
{
	examples	e = make_examples(6000, 2, 13);
	setting		s = {"auto", "{}"};
	ml_buffer	stored[2] = {{0}};
	ml_buffer	report = {0};

	unit_ok(train_split(&host->ctx, &e, &s, NULL, ML_ROLE_AUTO, 0, NULL, NULL, &stored[0], &report) == ML_OK, "roles from the rows: %s",
			host->ctx.error.text);
	unit_is_text(unit_text(host->log), "text is text, more is text", "  are said");
	ml_buffer_free(&host->ctx, &report);
	unit_ok(train_split(&host->ctx, &e, &s, NULL, ML_ROLE_TEXT, 0, NULL, NULL, &stored[1], &report) == ML_OK &&
				stored[0].size == stored[1].size && memcmp(stored[0].data, stored[1].data, stored[0].size) == 0,
			"  the model is the same as with roles given");
	ml_buffer_free(&host->ctx, &report);
	ml_buffer_free(&host->ctx, &stored[0]);
	ml_buffer_free(&host->ctx, &stored[1]);
	free_examples(&e);
}

typedef struct scenario_argument
{
	const examples *e;
	setting		s;
	int			folds;
} scenario_argument;

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	double		values[3 * ML_METRICS_MAX];
	uint64_t	rows[3];
	ml_status	status = a->folds > 0 ?
		train_split(ctx, a->e, &a->s, NULL, ML_ROLE_AUTO, a->folds, values, rows, NULL, NULL) :
		train(ctx, a->e, &a->s, &stored, &report);

	ml_buffer_free(ctx, &stored);
	ml_buffer_free(ctx, &report);
	return status;
}

static void
test_interruptions(void)
{
	examples	e = make_examples(60, 3, 9);
	scenario_argument svm = {&e, {"svm", "{\"hash_bits\": 10}"}};
	scenario_argument logistic = {&e, {"logistic_regression", "{\"hash_bits\": 10, \"epochs\": 2}"}};

	scenario_argument folds = {&e, {"svm", "{\"hash_bits\": 10}"}, 3};

	unit_every_allocation_fails("cross-validation", scenario, &folds);
	unit_every_poll_cancels("cross-validation", scenario, &folds);
	unit_every_allocation_fails("svm", scenario, &svm);
	unit_every_allocation_fails("logistic", scenario, &logistic);
	unit_every_poll_cancels("svm", scenario, &svm);
	unit_every_poll_cancels("logistic", scenario, &logistic);
	free_examples(&e);
}

/* First and last column of a TSV file. */
static examples
read_examples(char *bytes, size_t size, int label_column)
{
	examples	e = {0, NULL, NULL, NULL};
	size_t		lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	e.texts = malloc((lines + 1) * sizeof(ml_text));
	e.labels = malloc((lines + 1) * sizeof(ml_text));
	for (char *line = bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
	{
		char	   *label = line;
		char	   *text = end;

		for (int i = 0; i < label_column; i++)
			label = strchr(label, '\t') + 1;
		while (text[-1] != '\t')
			text--;
		e.labels[e.n] = (ml_text) {label, (size_t) (strchr(label, '\t') - label)};
		e.texts[e.n++] = (ml_text) {text, (size_t) (end - text)};
	}
	return e;
}

/* The figures that the README gives, with a margin. */
static void
test_accuracy(unit_host *host, const char *folder, int label_column, const setting *s,
			  double expected, double megabytes)
{
	char		path[256];
	size_t		size[2];
	char	   *bytes[2];

	snprintf(path, sizeof(path), "%s/train.tsv", folder);
	bytes[0] = unit_shared(path, &size[0]);
	snprintf(path, sizeof(path), "%s/test.tsv", folder);
	bytes[1] = unit_shared(path, &size[1]);
	if (bytes[0] == NULL || bytes[1] == NULL)
		unit_skip(folder, UNIT_NO_SHARED);
	else
	{
		examples	e[2] = {read_examples(bytes[0], size[0], label_column),
						 read_examples(bytes[1], size[1], label_column)};
		ml_buffer	stored = {0};
		ml_buffer	report = {0};
		double		share;

		unit_ok(train(&host->ctx, &e[0], s, &stored, &report) == ML_OK, "%s", folder);
		share = accuracy(&host->ctx, &stored, &e[1]);
		unit_ok(share >= expected, "  accuracy %.4f, at least %.4f", share, expected);
		unit_ok((double) stored.size < megabytes * 1e6, "  %.2f MB", (double) stored.size / 1e6);
		ml_buffer_free(&host->ctx, &stored);
		ml_buffer_free(&host->ctx, &report);
		for (int i = 0; i < 2; i++)
		{
			free(e[i].texts);
			free(e[i].labels);
		}
	}
	free(bytes[0]);
	free(bytes[1]);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_end_to_end(&host, 2, &(setting) {"svm", "{}"});
	test_end_to_end(&host, 5, &(setting) {"auto", "{\"holdout\": 0}"});
	test_end_to_end(&host, 20, &(setting) {"svm", "{\"early_stopping\": true}"});
	test_end_to_end(&host, 2, &(setting) {"logistic_regression", "{}"});
	test_end_to_end(&host, 6, &(setting) {"logistic_regression",
										  "{\"l1_ratio\": 0.5, \"c\": 100, \"holdout\": 0}"});
	test_end_to_end(&host, 3, &(setting) {"logistic_regression", "{\"early_stopping\": true}"});
	test_end_to_end(&host, 3, &(setting) {"svm", "{}", 0, ML_LEVEL_REF});
	test_few_rows(&host);
	test_bad_data(&host);
	test_many_labels(&host);
	test_row_weights(&host);
	test_holdout(&host);
	test_cross_validation(&host);
	test_roles(&host);
	unit_close(&host, "training");
	unit_open(&host);
	test_spilled(&host);
	unit_close(&host, "spilled training");
	test_interruptions();
	unit_open(&host);
	test_accuracy(&host, "spam", 0, &(setting) {"svm", "{\"holdout\": 0, \"c\": 10}"}, 0.992, 4);
	test_accuracy(&host, "sentiment_en", 1, &(setting) {"svm", "{\"holdout\": 0}"}, 0.655, 4);
	test_accuracy(&host, "reviews_zh", 0, &(setting) {"svm", "{\"holdout\": 0}"}, 0.84, 4);
	unit_close(&host, "shared data");
	return unit_done();
}
