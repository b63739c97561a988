/*-------------------------------------------------------------------------
 *
 * test_train_table.c
 *	  The trainer on tables: against scikit-learn on flights
 *	  (test/data/train_table.py made the figures), and at its limits.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/gram.h"
#include "learn/metric.h"
#include "ml.h"
#include "model/stored.h"
#include "model/stored_table.h"

#include <math.h>

#define WIDTH_MAX	32

/* Rows of a table in memory. */
typedef struct table
{
	uint32_t	ncolumns;
	ml_column	columns[WIDTH_MAX];
	size_t		n;
	size_t		capacity;
	ml_value   *inputs;			/* [n][ncolumns] */
	ml_value   *targets;
	double	   *split;
	float	   *weights;
	bool		weighted;
	ml_arena	arena;
	ml_context *ctx;
} table;

static void
open_table(unit_host *host, table *t)
{
	memset(t, 0, sizeof(*t));
	t->ctx = &host->ctx;
}

static void
add_column(table *t, const char *name, ml_type type, ml_role role)
{
	t->columns[t->ncolumns++] = (ml_column) {.name = unit_text(name), .type = type, .role = role};
}

/* The inputs of one more row. */
static ml_value *
add_row(table *t)
{
	if (t->n == t->capacity)
	{
		t->capacity = t->capacity * 2 + 64;
		t->inputs = realloc(t->inputs, t->capacity * t->ncolumns * sizeof(ml_value));
		t->targets = realloc(t->targets, t->capacity * sizeof(ml_value));
		t->split = realloc(t->split, t->capacity * sizeof(double));
		t->weights = realloc(t->weights, t->capacity * sizeof(float));
	}
	t->split[t->n] = 0;
	t->weights[t->n] = 1;
	return t->inputs + t->n++ * t->ncolumns;
}

static ml_text
keep(table *t, const char *text)
{
	ml_text		kept = {NULL, 0};

	if (ml_arena_copy(t->ctx, &t->arena, unit_text(text), &kept) != ML_OK)
		abort();
	return kept;
}

static void
close_table(table *t)
{
	free(t->inputs);
	free(t->targets);
	free(t->split);
	free(t->weights);
	ml_arena_free(t->ctx, &t->arena);
}

typedef struct setting
{
	const char *algorithm;
	ml_task		task;
	const char *options;
	size_t		memory;
} setting;

static ml_status
open_trainer(ml_context *ctx, const table *t, const setting *s, ml_trainer **trainer)
{
	return ml_trainer_open(ctx, &(ml_training)
						   {
							   .algorithm = unit_text(s->algorithm), .options = unit_text(s->options), .task = s->task,
							   .ncolumns = t->ncolumns, .columns = t->columns, .target = ML_TEXT("y"),
							   .memory = s->memory > 0 ? s->memory : (size_t) 64 << 20,
							   .kernel = ml_kernel_select(ML_LEVEL_AUTO)
						   }, trainer);
}

static ml_status
add_rows(ml_context *ctx, const table *t, ml_trainer *trainer)
{
	return ml_trainer_add(ctx, trainer, &(ml_batch)
						  {
							  .n = t->n, .inputs = t->inputs, .targets = t->targets, .split = t->split,
							  .weights = t->weighted ? t->weights : NULL
						  });
}

static ml_status
train(ml_context *ctx, const table *t, const setting *s, ml_buffer *stored, ml_buffer *report)
{
	ml_trainer *trainer;
	ml_status	status;

	ML_TRY(open_trainer(ctx, t, s, &trainer));
	status = add_rows(ctx, t, trainer);
	if (status == ML_OK)
		status = ml_trainer_finish(ctx, trainer, stored, report);
	ml_trainer_close(ctx, trainer);
	return status;
}

/* What came out, taken to pieces. */
typedef struct result
{
	ml_status	status;
	ml_buffer	stored;
	ml_buffer	report;
	ml_arena	arena;
	const ml_json *json;
	ml_table_file file;
} result;

static ml_status
read_file(unit_host *host, ml_arena *arena, const ml_buffer *stored, ml_table_file *file)
{
	void	   *from;
	int			format;

	/* tensors are found through it as long as the arena is there */
	ML_TRY(ml_arena_alloc(&host->ctx, arena, sizeof(ml_safetensors), &from));
	ML_TRY(ml_stored_open(&host->ctx, arena, stored->data, stored->size, from, &format));
	return ml_stored_read_table(&host->ctx, arena, from, file);
}

static bool
run(unit_host *host, const table *t, const setting *s, result *r)
{
	memset(r, 0, sizeof(*r));
	host->logs = host->warnings = 0;
	host->log[0] = host->warning[0] = '\0';
	r->status = train(&host->ctx, t, s, &r->stored, &r->report);
	if (r->status == ML_OK)
		r->status = ml_json_parse(&host->ctx, &r->arena, (ml_text) {r->report.data, r->report.size}, ML_BAD_MODEL,
								  &r->json);
	if (r->status == ML_OK)
		r->status = read_file(host, &r->arena, &r->stored, &r->file);
	return r->status == ML_OK;
}

static void
done(unit_host *host, result *r)
{
	ml_buffer_free(&host->ctx, &r->stored);
	ml_buffer_free(&host->ctx, &r->report);
	ml_arena_free(&host->ctx, &r->arena);
}

/* A number of the report, by a path of two names at most; NaN when absent. */
static double
figure(const result *r, const char *name, const char *inner)
{
	const ml_json *node = r->json == NULL ? NULL : ml_json_get(r->json, name);

	if (node != NULL && inner != NULL)
		node = ml_json_get(node, inner);
	if (node == NULL)
		return NAN;
	return node->kind == ML_JSON_NUMBER ? node->number : node->count;
}

static double
weight(const result *r, uint32_t score, uint32_t feature)
{
	double		value;

	memcpy(&value, (const char *) r->file.weights->data + ((size_t) score * r->file.width + feature) * sizeof(double),
		   sizeof(value));
	return value;
}

/* The column's weight in its own units. */
static double
slope(const result *r, const char *name)
{
	const ml_tabular *tabular = &r->file.tabular;

	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		if (ml_text_equal(tabular->names[i], unit_text(name)))
			return weight(r, 0, tabular->columns[i].first) / tabular->scaling[tabular->columns[i].first].scale;
	return NAN;
}

/*
 * Flights.
 */

#define FIELDS 12

static const char *const fields[FIELDS] = {
	"time_hour", "carrier", "flight", "tailnum", "origin", "dest", "distance", "sched_dep_time",
	"sched_arr_time", "dep_delay", "air_time", "arr_delay"
};

static int
field_of(const char *name)
{
	for (int i = 0; i < FIELDS; i++)
		if (strcmp(fields[i], name) == 0)
			return i;
	abort();
}

static bool
is_category(int field)
{
	return field == 1 || field == 4 || field == 5;
}

static double
number_of(const char *text)
{
	return text[0] == '\0' ? NAN : strtod(text, NULL);
}

/* The columns of a case, and flights as its rows; every fifth is to be held out. */
static void
read_flights(table *t, char *csv, const ml_json *c, const char *target)
{
	int			places[WIDTH_MAX];
	int			row = 0;

	for (const ml_json *node = ml_json_get(c, "columns")->first; node != NULL; node = node->next)
	{
		char		name[32];

		snprintf(name, sizeof(name), "%.*s", (int) node->string.size, node->string.data);
		places[t->ncolumns] = field_of(name);
		add_column(t, fields[places[t->ncolumns]], is_category(places[t->ncolumns]) ? ML_TYPE_TEXT : ML_TYPE_INTEGER,
				   ML_ROLE_AUTO);
	}
	for (char *line = strchr(csv, '\n') + 1, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, row++)
	{
		char	   *values[FIELDS];
		ml_value   *inputs;

		*end = '\0';
		for (int i = 0; i < FIELDS; i++)
		{
			values[i] = line;
			line += strcspn(line, ",");
			*line++ = '\0';
		}
		inputs = add_row(t);
		for (uint32_t i = 0; i < t->ncolumns; i++)
		{
			const char *text = values[places[i]];

			if (is_category(places[i]))
				inputs[i].text = keep(t, text);
			else
				inputs[i].number = places[i] == field_of("air_time") && row % 7 == 3 ? NAN : number_of(text);
		}
		t->split[t->n - 1] = row % 5 == 4;
		if (strcmp(target, "late") == 0)
			t->targets[t->n - 1].text = values[11][0] == '\0' ? (ml_text) {NULL, 0} :
				keep(t, number_of(values[11]) > 15 ? "true" : "false");
		else if (strcmp(target, "origin") == 0)
			t->targets[t->n - 1].text = values[11][0] == '\0' ? (ml_text) {NULL, 0} : keep(t, values[4]);
		else
			t->targets[t->n - 1].number = number_of(values[11]);
	}
}

static double
largest_difference(const result *r, const ml_json *c)
{
	double		largest = 0;
	uint32_t	score = 0;

	for (const ml_json *row = ml_json_get(c, "weights")->first; row != NULL; row = row->next, score++)
	{
		uint32_t	j = 0;

		if (row->count != r->file.width)
			return INFINITY;
		for (const ml_json *node = row->first; node != NULL; node = node->next, j++)
			largest = fmax(largest, fabs(weight(r, score, j) - node->number) / (1 + fabs(node->number)));
	}
	return score == r->file.nscores ? largest : INFINITY;
}

static void
test_case(unit_host *host, const ml_json *c, const ml_json *all)
{
	bool		regression = ml_text_equal(ml_json_get(c, "task")->string, ML_TEXT("regression"));
	double		tolerance = ml_json_get(c, "tolerance")->number;
	char		algorithm[32];
	char		target[32];
	char		options[256] = "{\"holdout\": \"held\"";
	size_t		size;
	char	   *csv = unit_data("flights.csv", &size);
	table		t;
	result		r;

	snprintf(algorithm, sizeof(algorithm), "%s", ml_json_get(c, "algorithm")->string.data);
	algorithm[ml_json_get(c, "algorithm")->string.size] = '\0';
	snprintf(target, sizeof(target), "%.*s", (int) ml_json_get(c, "target")->string.size, ml_json_get(c, "target")->string.data);
	for (const ml_json *node = ml_json_get(c, "options")->first; node != NULL; node = node->next)
		snprintf(options + strlen(options), sizeof(options) - strlen(options), ", \"%.*s\": %g", (int) node->key.size,
				 node->key.data, node->number);
	strcat(options, "}");
	open_table(host, &t);
	read_flights(&t, csv, c, target);
	unit_ok(run(host, &t, &(setting) {algorithm, regression ? ML_REGRESSION : ML_CLASSIFICATION, options}, &r),
			"%s of %s %s: %s", algorithm, target, options, host->ctx.error.text);
	unit_ok(strstr(host->log, "carrier is a category (1") != NULL, "  %s", host->log);
	unit_is_int(figure(&r, "rows", NULL), ml_json_get(all, "rows")->number, "  rows");
	unit_is_int(figure(&r, "holdout_rows", NULL), ml_json_get(all, "held")->number, "  held out");
	for (const ml_json *node = ml_json_get(c, "metrics")->first; node != NULL; node = node->next)
	{
		char		name[32];

		snprintf(name, sizeof(name), "%.*s", (int) node->key.size, node->key.data);
		unit_is_near(figure(&r, "metrics", name), node->number, tolerance * fmax(1, fabs(node->number)) + 5e-6 * fabs(node->number),
					 "  %s as scikit-learn", name);
	}
	if (r.status == ML_OK)
	{
		double		difference = largest_difference(&r, c);

		unit_ok(difference <= tolerance, "  weights differ by %g at most", difference);
	}
	done(host, &r);
	close_table(&t);
	free(csv);
}

static void
test_flights(unit_host *host)
{
	size_t		size;
	char	   *text = unit_data("train_table.json", &size);
	ml_arena	arena = {0};
	const ml_json *root;

	if (unit_ok(ml_json_parse(&host->ctx, &arena, (ml_text) {text, size}, ML_BAD_DATA, &root) == ML_OK, "figures of scikit-learn"))
		for (const ml_json *c = ml_json_get(root, "cases")->first; c != NULL; c = c->next)
			test_case(host, c, root);
	ml_arena_free(&host->ctx, &arena);
	free(text);
}

/*
 * A law: y = 3 + 2 a - b / 2 + 4 (c is "red") + 6 (b is missing), with noise.
 */

static const char *const colours[] = {"blue", "green", "red"};

static double
noise(ml_rng *rng)
{
	return ml_rng_double(rng) + ml_rng_double(rng) + ml_rng_double(rng) - 1.5;
}

/* id, a, b (some missing), c, one, none; note: text.  labels: of two or three, by y. */
static void
make_law(table *t, size_t n, int nlabels, bool texts, double spread)
{
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	add_column(t, "id", ML_TYPE_INTEGER, ML_ROLE_AUTO);
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(t, "b", ML_TYPE_INTEGER, ML_ROLE_AUTO);
	add_column(t, "c", ML_TYPE_TEXT, ML_ROLE_AUTO);
	add_column(t, "one", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(t, "none", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	if (texts)
		add_column(t, "note", ML_TYPE_TEXT, ML_ROLE_AUTO);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);
		bool		missing = ml_rng_below(&rng, 10) == 0;
		int			colour = (int) ml_rng_below(&rng, 3);
		bool		good = ml_rng_below(&rng, 2);
		double		b = (double) ml_rng_below(&rng, 20);
		double		y;

		row[0].number = 1000 + (double) ((i * 7919) % n);
		row[1].number = noise(&rng);
		row[2].number = missing ? NAN : b;
		row[3].text = unit_text(colours[colour]);
		row[4].number = 1;
		row[5].number = NAN;
		y = 3 + 2 * row[1].number - (missing ? 0 : b) / 2 + (colour == 2 ? 4 : 0) + (missing ? 6 : 0);
		if (texts)
		{
			char		note[64];

			snprintf(note, sizeof(note), "a %s thing number %zu of its kind", good ? "lovely" : "awful", i);
			row[6].text = keep(t, note);
			y += good ? 3 : 0;
		}
		y += spread * noise(&rng);
		if (nlabels == 0)
			t->targets[i].number = y;
		else
			t->targets[i].text = unit_text(nlabels == 2 ? (y > 1 ? "yes" : "no") : y > 3 ? "high" : y > -2 ? "middle" : "low");
		t->split[i] = (double) i;
	}
}

static void
test_regression(unit_host *host)
{
	table		t;
	result		r;

	open_table(host, &t);
	make_law(&t, 3000, 0, false, 0.1);
	unit_ok(run(host, &t, &(setting) {"auto", ML_REGRESSION, "{}"}, &r), "regression: %s", host->ctx.error.text);
	unit_is_near(slope(&r, "a"), 2, 0.02, "  slope of a");
	unit_is_near(slope(&r, "b"), -0.5, 0.01, "  slope of b");
	unit_ok(isnan(slope(&r, "id")) && isnan(slope(&r, "one")) && isnan(slope(&r, "none")), "  left out: id, one, none");
	unit_ok(ml_json_get(ml_json_get(r.json, "left_out"), "id") != NULL &&
			figure(&r, "left_out", NULL) == 3, "  which the report says");
	unit_ok(figure(&r, "metrics", "r2") > 0.999 && figure(&r, "metrics", "rmse") < 0.1, "  R2 %g",
			figure(&r, "metrics", "r2"));
	unit_is_int(figure(&r, "holdout_rows", NULL), 600, "  held out");
	unit_ok(r.file.std_error != NULL && r.file.freedom == 3000 - 6, "  with errors, %g degrees of freedom", r.file.freedom);
	unit_is_text(ml_json_get(r.json, "algorithm")->string, "linear_regression", "  auto is");
	unit_is_int(host->logs, 2, "  roles, and what is left out, are said: %s", host->log);
	done(host, &r);
	t.columns[0].named = true;
	unit_ok(run(host, &t, &(setting) {"linear_regression", ML_REGRESSION, "{\"holdout\": 0, \"alpha\": 0.1}"}, &r),
			"a sequence that was named: %s", host->ctx.error.text);
	unit_ok(fabs(slope(&r, "id")) < 1e-4, "  is learnt from");
	unit_ok(isnan(figure(&r, "metrics", NULL)) && r.file.std_error == NULL, "  no metrics, no errors");
	done(host, &r);
	unit_ok(run(host, &t, &(setting) {"gradient_descent", ML_REGRESSION,
									  "{\"epochs\": 7, \"optimizer\": \"adam\", \"learning_rate\": 0.05}"}, &r),
			"gradient descent: %s", host->ctx.error.text);
	unit_ok(figure(&r, "losses", NULL) == 7 && figure(&r, "epochs", NULL) == 7 && figure(&r, "metrics", "r2") > 0.9,
			"  seven losses, R2 %g", figure(&r, "metrics", "r2"));
	done(host, &r);
	unit_ok(run(host, &t, &(setting) {"svm", ML_REGRESSION, "{\"c\": 10}"}, &r), "svm: %s", host->ctx.error.text);
	unit_ok(figure(&r, "metrics", "r2") > 0.99, "  R2 %g", figure(&r, "metrics", "r2"));
	done(host, &r);
	close_table(&t);
}

static void
test_classification(unit_host *host, int nlabels)
{
	static const setting settings[] = {
		{"auto", ML_CLASSIFICATION, "{}"},
		{"svm", ML_CLASSIFICATION, "{\"class_weight\": \"balanced\"}"},
		{"svm", ML_CLASSIFICATION, "{\"loss\": \"hinge\"}"},
		{"gradient_descent", ML_CLASSIFICATION, "{\"epochs\": 30, \"learning_rate\": 0.1}"},
		{"gradient_descent", ML_CLASSIFICATION, "{\"loss\": \"hinge\", \"optimizer\": \"momentum\"}"},
	};
	table		t;
	result		r;

	open_table(host, &t);
	make_law(&t, 2500, nlabels, false, 1);
	for (size_t i = 0; i < ML_LENGTH(settings); i++)
	{
		bool		calibrated = settings[i].algorithm[0] == 's' || strstr(settings[i].options, "hinge") != NULL;

		unit_ok(run(host, &t, &settings[i], &r), "%d labels, %s %s: %s", nlabels, settings[i].algorithm,
				settings[i].options, host->ctx.error.text);
		unit_ok(figure(&r, "metrics", "accuracy") > (nlabels == 2 ? 0.9 : 0.75) && figure(&r, "metrics", "log_loss") < 0.6,
				"  accuracy %g, log loss %g", figure(&r, "metrics", "accuracy"), figure(&r, "metrics", "log_loss"));
		unit_ok(isnan(figure(&r, "metrics", "roc_auc")) == (nlabels > 2) &&
				isnan(figure(&r, "roc_curve", NULL)) == (nlabels > 2), "  ROC AUC and curve of two labels");
		unit_ok(isnan(figure(&r, "calibration", "slope")) != calibrated && (r.file.slope != 1) == calibrated,
				"  calibrated: %d", calibrated);
		unit_is_int(figure(&r, "labels", NULL), nlabels, "  labels");
		done(host, &r);
	}
	close_table(&t);
}

/* Class 1 of two is the positive label, whatever its place. */
static void
test_positive(unit_host *host)
{
	table		t;
	result		r[2];
	bool		opposite = true;

	open_table(host, &t);
	make_law(&t, 1000, 2, false, 1);
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, &r[0]) &&
			run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"positive\": \"no\"}"}, &r[1]), "another positive label");
	unit_ok(r[0].file.positive == 1 && r[1].file.positive == 0, "  is stored");
	unit_is_text(ml_json_get(r[1].json, "positive")->string, "no", "  and reported");
	for (uint32_t j = 0; j < r[0].file.width; j++)
		opposite = opposite && fabs(weight(&r[0], 0, j) + weight(&r[1], 0, j)) < 1e-3;
	unit_ok(opposite, "  weights are the opposite");
	unit_is_near(figure(&r[0], "metrics", "accuracy"), figure(&r[1], "metrics", "accuracy"), 1e-9, "  accuracy is the same");
	done(host, &r[0]);
	done(host, &r[1]);
	unit_ok(!run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"positive\": \"noo\"}"}, &r[0]) &&
			r[0].status == ML_BAD_OPTION && strstr(host->ctx.error.hint, "\"no\"") != NULL, "an unknown one: %s",
			host->ctx.error.text);
	done(host, &r[0]);
	close_table(&t);
	open_table(host, &t);
	make_law(&t, 1000, 3, false, 1);
	unit_ok(!run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"positive\": \"low\"}"}, &r[0]) &&
			r[0].status == ML_BAD_OPTION, "one of three: %s", host->ctx.error.text);
	done(host, &r[0]);
	close_table(&t);
}

/* Numbers, categories and texts in one feature vector. */
static void
test_mixed(unit_host *host)
{
	table		t;
	result		r;
	double		with;

	open_table(host, &t);
	make_law(&t, 3000, 0, true, 0.1);
	unit_ok(run(host, &t, &(setting) {"linear_regression", ML_REGRESSION, "{\"alpha\": 0.001, \"min_df\": 5}"}, &r), "a mixed table: %s",
			host->ctx.error.text);
	with = figure(&r, "metrics", "r2");
	unit_ok(with > 0.99 && figure(&r, "vocabulary", NULL) >= 2, "  R2 %g, %g words", with, figure(&r, "vocabulary", NULL));
	unit_ok(r.file.ntext == figure(&r, "vocabulary", NULL), "  whose weights are stored");
	done(host, &r);
	t.columns[6].role = ML_ROLE_IGNORE;
	unit_ok(run(host, &t, &(setting) {"linear_regression", ML_REGRESSION, "{}"}, &r), "without the text: %s", host->ctx.error.text);
	unit_ok(figure(&r, "metrics", "r2") < with - 0.02, "  R2 %g", figure(&r, "metrics", "r2"));
	done(host, &r);
	unit_ok(!run(host, &t, &(setting) {"linear_regression", ML_REGRESSION, "{\"min_df\": 5}"}, &r) && r.status == ML_BAD_OPTION,
			"options of texts without texts: %s", host->ctx.error.text);
	done(host, &r);
	close_table(&t);
}

/* Who judges: rows that are marked, or the latest. */
static void
test_holdout(unit_host *host)
{
	static const setting both[] = {{"auto", ML_CLASSIFICATION, "{\"holdout\": \"h\"}"},
	{"svm", ML_CLASSIFICATION, "{\"holdout\": {\"column\": \"h\", \"fraction\": 0.25}}"}};
	table		t;
	result		r;

	open_table(host, &t);
	make_law(&t, 1000, 2, false, 1);
	unit_ok(run(host, &t, &both[1], &r), "held out by time: %s", host->ctx.error.text);
	unit_is_int(figure(&r, "holdout_rows", NULL), 250, "  a quarter");
	done(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = i % 10 == 0;
	unit_ok(run(host, &t, &both[0], &r), "held out by a flag: %s", host->ctx.error.text);
	unit_is_int(figure(&r, "holdout_rows", NULL), 100, "  a tenth");
	done(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = 0;
	unit_ok(run(host, &t, &both[0], &r) && isnan(figure(&r, "metrics", NULL)) && strstr(host->log, "no row is marked") != NULL,
			"none is marked: %s", host->log);
	done(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = 1;
	unit_ok(!run(host, &t, &both[0], &r) && r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "all rows are held out") != NULL,
			"all are marked: %s", host->ctx.error.text);
	done(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = t.targets[i].text.data[0] == 'n';
	unit_ok(!run(host, &t, &both[0], &r) && r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "label \"no\"") != NULL,
			"all of a label are marked: %s", host->ctx.error.text);
	done(host, &r);
	close_table(&t);
}

/*
 * Sums of products instead of rows.
 */
static void
test_gram(unit_host *host)
{
	const ml_kernel *kernel = ml_kernel_select(ML_LEVEL_AUTO);
	setting		s = {"linear_regression", ML_REGRESSION, "{\"holdout\": 0}"};
	table		t;
	result		r;
	ml_trainer *trainer;
	ml_gram    *gram = malloc(ml_gram_size(4));
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	ml_arena	arena = {0};
	ml_table_file file;
	ml_rng		rng;

	ml_gram_init(gram, 4);
	open_table(host, &t);
	add_column(&t, "id", ML_TYPE_INTEGER, ML_ROLE_AUTO);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(&t, "one", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(&t, "b", ML_TYPE_BOOLEAN, ML_ROLE_AUTO);
	ml_rng_seed(&rng, 3);
	for (size_t i = 0; i < 500; i++)
	{
		ml_value   *row = add_row(&t);
		double		x[4] = {(double) ((i * 77) % 500) - 10, 100 + noise(&rng), 7, (double) ml_rng_below(&rng, 2)};

		for (int k = 0; k < 4; k++)
			row[k].number = x[k];
		t.targets[i].number = 5 + 3 * x[1] - 2 * x[3] + noise(&rng);
		ml_gram_add(kernel, gram, x, t.targets[i].number, 1);
	}
	ml_gram_flush(kernel, gram);
	unit_ok(run(host, &t, &s, &r), "from rows: %s", host->ctx.error.text);
	unit_ok(open_trainer(&host->ctx, &t, &s, &trainer) == ML_OK && ml_trainer_takes_gram(trainer), "sums are taken");
	unit_ok(ml_trainer_finish_gram(&host->ctx, trainer, gram, &stored, &report) == ML_OK, "from sums: %s", host->ctx.error.text);
	ml_trainer_close(&host->ctx, trainer);
	unit_ok(read_file(host, &arena, &stored, &file) == ML_OK, "  a model");
	if (unit_ok(file.width == 2 && r.file.width == 2 && file.std_error != NULL, "  of two columns, as from rows"))
	{
		result		g = {.file = file};

		for (uint32_t j = 0; j < 2; j++)
		{
			unit_is_near(weight(&g, 0, j), weight(&r, 0, j), 1e-9, "  weight %u", j);
			unit_is_near(((const double *) file.std_error->data)[j], ((const double *) r.file.std_error->data)[j], 1e-9, "  its error");
			unit_is_near(file.tabular.scaling[j].mean, r.file.tabular.scaling[j].mean, 1e-9, "  its mean");
		}
		unit_is_near(file.bias[0], r.file.bias[0], 1e-9, "  intercept");
		unit_is_near(file.bias_std_error, r.file.bias_std_error, 1e-7, "  its error");
		unit_is_near(file.freedom, r.file.freedom, 0, "  degrees of freedom");
	}
	ml_buffer_free(&host->ctx, &stored);
	ml_buffer_free(&host->ctx, &report);
	ml_arena_free(&host->ctx, &arena);
	done(host, &r);
	for (int i = 0; i < 3; i++)
	{
		static const setting others[] = {{"linear_regression", ML_REGRESSION, "{}"},
		{"gradient_descent", ML_REGRESSION, "{\"holdout\": 0}"}, {"linear_regression", ML_REGRESSION, "{\"holdout\": 0, \"winsorize\": 0.01}"}};

		if (unit_ok(open_trainer(&host->ctx, &t, &others[i], &trainer) == ML_OK, "%s %s", others[i].algorithm, others[i].options))
			unit_ok(!ml_trainer_takes_gram(trainer), "  needs rows");
		ml_trainer_close(&host->ctx, trainer);
	}
	close_table(&t);
	free(gram);
}

/*
 * Cross-validation.
 */
static ml_status
cross(ml_context *ctx, const table *t, const setting *s, int folds, double *values, uint64_t *rows)
{
	ml_trainer *trainer;
	ml_status	status;

	ML_TRY(open_trainer(ctx, t, s, &trainer));
	status = add_rows(ctx, t, trainer);
	if (status == ML_OK)
		status = ml_trainer_cross_validate(ctx, trainer, folds, values, rows);
	ml_trainer_close(ctx, trainer);
	return status;
}

static double
value_of(const double *values, const char *name)
{
	for (int i = 0; ml_metric_names[i] != NULL; i++)
		if (strcmp(ml_metric_names[i], name) == 0)
			return values[i];
	return NAN;
}

static void
test_cross(unit_host *host)
{
	static const struct
	{
		setting		s;
		int			labels;
		int			folds;
		const char *metric;
		double		least;
	} cases[] = {
		{{"auto", ML_REGRESSION, "{}"}, 0, 5, "r2", 0.8},
		{{"auto", ML_CLASSIFICATION, "{}"}, 2, 10, "roc_auc", 0.9},
		{{"svm", ML_CLASSIFICATION, "{}"}, 2, 2, "roc_auc", 0.9},
		{{"svm", ML_CLASSIFICATION, "{}"}, 3, 3, "accuracy", 0.75},
		{{"svm", ML_CLASSIFICATION, "{\"groups\": \"g\"}"}, 2, 7, "accuracy", 0.8},
	};
	double		values[31 * ML_METRICS_MAX];
	uint64_t	rows[31];

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		table		t;
		uint64_t	all = 0;
		double		least = INFINITY;
		double		loss = 0;

		open_table(host, &t);
		make_law(&t, 1200, cases[i].labels, false, 1);
		for (size_t k = 0; k < t.n; k++)
			t.split[k] = (double) (k % 40);
		host->logs = 0;
		unit_ok(cross(&host->ctx, &t, &cases[i].s, cases[i].folds, values, rows) == ML_OK, "%d folds, %s %s: %s", cases[i].folds,
				cases[i].s.algorithm, cases[i].s.options, host->ctx.error.text);
		for (int f = 0; f < cases[i].folds; f++)
		{
			all += rows[f];
			least = fmin(least, value_of(values + f * ML_METRICS_MAX, cases[i].metric));
			loss = fmax(loss, value_of(values + f * ML_METRICS_MAX, "log_loss"));
		}
		unit_is_int(all, t.n, "  each row judges once");
		unit_ok(least > cases[i].least && loss < 0.7, "  %s %g at least, log loss %g at most", cases[i].metric, least, loss);
		unit_ok(host->logs <= 2, "  what columns are is said once: %s", host->log);
		close_table(&t);
	}
}

static void
test_cross_errors(unit_host *host)
{
	double		values[31 * ML_METRICS_MAX];
	uint64_t	rows[31];
	table		t;

	open_table(host, &t);
	make_law(&t, 30, 2, false, 1);
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, 1, values, rows), ML_BAD_OPTION, "1 folds", "one fold");
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, 32, values, rows), ML_BAD_OPTION, "32 folds", "32 folds");
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, 31, values, rows), ML_BAD_DATA, "too few", "more folds than rows");
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"holdout\": 0.1}"}, 3, values, rows), ML_BAD_OPTION,
			   "\"holdout\"", "rows held out besides");
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = 7;
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"groups\": \"g\"}"}, 3, values, rows), ML_BAD_DATA,
			   "as many groups", "one group");
	close_table(&t);
}

/*
 * Input that nothing can be learnt from, or little.
 */

/* n rows of d numbers, as fill says. */
typedef double (*filler) (size_t row, uint32_t column);

static void
make_numbers(table *t, size_t n, uint32_t d, filler fill, filler target)
{
	for (uint32_t k = 0; k < d; k++)
	{
		static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

		add_column(t, names[k], ML_TYPE_NUMBER, ML_ROLE_AUTO);
	}
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);

		for (uint32_t k = 0; k < d; k++)
			row[k].number = fill(i, k);
		t->targets[i].number = target(i, 0);
	}
}

static double
mixed_up(size_t row, uint32_t column)
{
	return (double) (ml_hash_fold(row * 31 + column + 1, ML_HASH_K1) % 1000) / 100;
}

static double
twice(size_t row, uint32_t column)
{
	return column == 2 ? mixed_up(row, 0) : mixed_up(row, column);
}

static double
same(size_t row, uint32_t column)
{
	return 4.5;
}

static double
copied(size_t row, uint32_t column)
{
	return mixed_up(row, 0) * 3 + 1;
}

static double
infinite(size_t row, uint32_t column)
{
	return row == 7 && column == 1 ? INFINITY : mixed_up(row, column);
}

static double
other(size_t row, uint32_t column)
{
	return mixed_up(row, 0) - 2 * mixed_up(row, 1) + mixed_up(row, 77);
}

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
		char	   *name = malloc(8);

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

/* Rows that wait for the roles are the same as those that don't. */
static void
test_waiting(unit_host *host)
{
	table		t;
	result		r[2];

	open_table(host, &t);
	make_law(&t, 9000, 0, false, 1);
	unit_ok(run(host, &t, &(setting) {"auto", ML_REGRESSION, "{}"}, &r[0]), "rows that wait for a role");
	t.columns[3].role = ML_ROLE_CATEGORY;
	unit_ok(run(host, &t, &(setting) {"auto", ML_REGRESSION, "{}"}, &r[1]), "  and that don't");
	unit_ok(r[0].stored.size == r[1].stored.size && memcmp(r[0].stored.data, r[1].stored.data, r[0].stored.size) == 0, "  make the same model");
	unit_is_int(host->logs, 1, "  a role that is given is not said");
	done(host, &r[0]);
	done(host, &r[1]);
	close_table(&t);
}

/* Weights of rows count as copies of rows do; those of weight 0 are skipped. */
static void
test_weights(unit_host *host)
{
	table		t;
	table		twice_over;
	result		r[2];

	open_table(host, &t);
	open_table(host, &twice_over);
	make_numbers(&t, 100, 3, mixed_up, other);
	make_numbers(&twice_over, 0, 3, mixed_up, other);
	t.weighted = true;
	for (size_t i = 0; i < t.n; i++)
	{
		t.weights[i] = (float) (i % 3);
		for (size_t k = 0; k < i % 3; k++)
		{
			memcpy(add_row(&twice_over), t.inputs + i * 3, 3 * sizeof(ml_value));
			twice_over.targets[twice_over.n - 1] = t.targets[i];
		}
	}
	unit_ok(run(host, &t, &(setting) {"auto", ML_REGRESSION, "{\"holdout\": 0}"}, &r[0]) &&
			run(host, &twice_over, &(setting) {"auto", ML_REGRESSION, "{\"holdout\": 0}"}, &r[1]), "weights: %s", host->ctx.error.text);
	unit_is_int(figure(&r[0], "skipped", NULL), 34, "  skipped");
	for (int k = 0; k < 3; k++)
		unit_is_near(slope(&r[0], (const char *[]) {"a", "b", "c"}[k]), slope(&r[1], (const char *[]) {"a", "b", "c"}[k]), 1e-9, "  as copies");
	done(host, &r[0]);
	done(host, &r[1]);
	close_table(&t);
	close_table(&twice_over);
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
	test_flights(&host);
	test_regression(&host);
	test_classification(&host, 2);
	test_classification(&host, 3);
	test_positive(&host);
	test_mixed(&host);
	test_holdout(&host);
	test_gram(&host);
	test_cross(&host);
	test_cross_errors(&host);
	test_limits(&host);
	test_leaks(&host);
	test_weights(&host);
	test_waiting(&host);
	unit_close(&host, "tables");
	unit_open(&host);
	test_wide(&host);
	test_many_levels(&host);
	test_spilled(&host);
	unit_close(&host, "large tables");
	unit_open(&host);
	test_interruptions(&host);
	unit_close(&host, "interruptions");
	return unit_done();
}
