/*-------------------------------------------------------------------------
 *
 * test_train_table.c
 *	  The trainer on tables: against scikit-learn on flights
 *	  (test/data/train_table.py made the figures), and on rows that follow a
 *	  known law.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_training.h"

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
	return score == r->file.head.nscores ? largest : INFINITY;
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
	result		r[2] = {{0}};
	bool		opposite = true;

	open_table(host, &t);
	make_law(&t, 1000, 2, false, 1);
	unit_ok(run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{}"}, &r[0]) &&
			run(host, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"positive\": \"no\"}"}, &r[1]), "another positive label");
	unit_ok(r[0].file.head.positive == 1 && r[1].file.head.positive == 0, "  is stored");
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
	unit_ok(strcmp(host->ctx.error.detail, "The labels are \"no\", \"yes\".") == 0, "  what there are: %s", host->ctx.error.detail);
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
			unit_is_near(file.head.tabular.scaling[j].mean, r.file.head.tabular.scaling[j].mean, 1e-9, "  its mean");
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
	unit_ok(strstr(host->ctx.error.hint, "folds") != NULL, "  hint: %s", host->ctx.error.hint);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = 7;
	unit_fails(host, cross(&host->ctx, &t, &(setting) {"auto", ML_CLASSIFICATION, "{\"groups\": \"g\"}"}, 3, values, rows), ML_BAD_DATA,
			   "as many groups", "one group");
	close_table(&t);
}

/*
 * From the weights of the live version.
 */

static const ml_image *
image_of(unit_host *host, const ml_buffer *stored)
{
	size_t		size;
	void	   *image;

	if (ml_image_plan(&host->ctx, stored->data, stored->size, &size) != ML_OK)
		return NULL;
	image = aligned_alloc(ML_ALIGN, (size + ML_ALIGN - 1) / ML_ALIGN * ML_ALIGN);
	if (ml_image_build(&host->ctx, stored->data, stored->size, image, size) == ML_OK)
		return image;
	free(image);
	return NULL;
}

/* Accuracy, or 1 - squared errors / squares about the mean, of an image on all rows. */
static double
served(unit_host *host, const table *t, const ml_image *image)
{
	ml_session *session = NULL;
	double		errors = 0;
	double		sum = 0;
	double		squares = 0;

	if (image == NULL || ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK)
		return NAN;
	for (size_t i = 0; i < t->n; i++)
	{
		const ml_value *row = t->inputs + i * t->ncolumns;
		ml_value	inputs[WIDTH_MAX];
		uint32_t	label = 0;
		double		value = 0;
		ml_status	status;

		/* the image knows the columns that were kept */
		for (uint32_t c = 0; c < ml_image_ncolumns(image); c++)
			for (uint32_t k = 0; k < t->ncolumns; k++)
				if (ml_text_equal(t->columns[k].name, ml_image_column(image, c)))
					inputs[c] = row[k];
		status = ml_image_task(image) == ML_REGRESSION ? ml_session_regress(&host->ctx, session, 1, inputs, &value) :
			ml_session_predict(&host->ctx, session, 1, inputs, &label, NULL);
		if (status != ML_OK)
			errors = NAN;
		if (ml_image_task(image) == ML_REGRESSION)
		{
			errors += pow(value - t->targets[i].number, 2);
			sum += t->targets[i].number;
			squares += pow(t->targets[i].number, 2);
		}
		else
			errors += !ml_text_equal(ml_image_label(image, label), t->targets[i].text);
	}
	squares = ml_image_task(image) == ML_REGRESSION ? squares - sum * sum / (double) t->n : (double) t->n;
	ml_session_close(&host->ctx, session);
	return 1 - errors / squares;
}

/* What a session says is as good as what the report promises. */
static void
test_served(unit_host *host)
{
	static const struct
	{
		setting		s;
		int			labels;
		bool		texts;
	} cases[] = {
		{{"linear_regression", ML_REGRESSION, "{}"}, 0, false},
		{{"linear_regression", ML_REGRESSION, "{\"alpha\": 0.001, \"min_df\": 5, \"winsorize\": 0.01}"}, 0, true},
		{{"svm", ML_REGRESSION, "{\"loss\": \"squared_epsilon_insensitive\"}"}, 0, false},
		{{"logistic_regression", ML_CLASSIFICATION, "{\"c\": 10, \"impute\": \"most_frequent\"}"}, 3, true},
		{{"logistic_regression", ML_CLASSIFICATION, "{\"penalty\": \"none\", \"positive\": \"no\"}"}, 2, false},
		{{"svm", ML_CLASSIFICATION, "{\"kernel\": \"rbf\"}"}, 2, false},
		{{"svm", ML_CLASSIFICATION, "{\"kernel\": \"polynomial\", \"degree\": 2, \"coef0\": 1}"}, 3, false},
		{{"gradient_descent", ML_CLASSIFICATION, "{\"standardize\": false, \"impute\": 3, \"epochs\": 100}"}, 2, false},
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		const ml_image *image = NULL;
		table		t;
		result		r;
		double		promised;

		open_table(host, &t);
		make_law(&t, 1500, cases[i].labels, cases[i].texts, 0.5);
		unit_ok(run(host, &t, &cases[i].s, &r), "%s %s: %s", cases[i].s.algorithm, cases[i].s.options, host->ctx.error.text);
		promised = figure(&r, "metrics", cases[i].labels == 0 ? "r2" : "accuracy");
		if (r.status == ML_OK)
			image = image_of(host, &r.stored);
		unit_ok(promised > 0.75, "  promises %g", promised);
		unit_is_near(served(host, &t, image), promised, 0.06, "  and keeps it");
		free((void *) image);
		done(host, &r);
		close_table(&t);
	}
}

/* The same rows with a and b exchanged, and without the first. */
static void
rearrange(table *t)
{
	ml_column	swap = t->columns[1];

	t->columns[1] = t->columns[2];
	t->columns[2] = swap;
	for (size_t i = 0; i < t->n; i++)
	{
		ml_value   *row = t->inputs + i * t->ncolumns;
		ml_value	a = row[1];

		row[1].number = row[2].number;
		row[2] = a;
	}
	t->inputs += t->ncolumns;
	t->targets++;
	t->split++;
	t->n--;
}

static void
test_warm_start(unit_host *host)
{
	/* steps so short that a fit stays where it began */
	static const char still[] = "{\"holdout\": 0, \"warm_start\": true, \"epochs\": 1, \"learning_rate\": 1e-12}";

	for (int labels = 0; labels <= 3; labels += labels == 0 ? 2 : 1)
	{
		ml_task		task = labels == 0 ? ML_REGRESSION : ML_CLASSIFICATION;
		const char *algorithm = labels == 0 ? "linear_regression" : "logistic_regression";
		table		t;
		result		r[2];
		const ml_image *live;

		open_table(host, &t);
		make_law(&t, 1500, labels, false, 1);
		unit_ok(run(host, &t, &(setting) {algorithm, task, "{\"holdout\": 0}"}, &r[0]), "a live version, %d labels: %s", labels,
				host->ctx.error.text);
		live = image_of(host, &r[0].stored);
		unit_ok(live != NULL, "  has an image: %s", host->ctx.error.text);
		rearrange(&t);
		unit_ok(run(host, &t, &(setting) {"gradient_descent", task, still, 0, live}, &r[1]), "  begun at: %s", host->ctx.error.text);
		unit_is_near(slope(&r[1], "a"), slope(&r[0], "a"), 1e-6, "  a has its weight");
		unit_is_near(slope(&r[1], "b"), slope(&r[0], "b"), 1e-6, "  b has its weight");
		unit_is_near(figure(&r[1], "loss", NULL), figure(&r[0], "loss", NULL), 0.01, "  and its loss");
		done(host, &r[1]);
		if (labels == 2)
		{
			unit_ok(run(host, &t, &(setting) {"logistic_regression", task, "{\"warm_start\": true}", 0, live}, &r[1]), "  a fit: %s",
					host->ctx.error.text);
			unit_ok(figure(&r[1], "epochs", NULL) < figure(&r[0], "epochs", NULL), "  takes %g passes, not %g",
					figure(&r[1], "epochs", NULL), figure(&r[0], "epochs", NULL));
			done(host, &r[1]);
			unit_ok(run(host, &t, &(setting) {"gradient_descent", task,
											  "{\"holdout\": 0, \"warm_start\": true, \"epochs\": 1, \"learning_rate\": 1e-12, "
											  "\"positive\": \"no\"}", 0, live}, &r[1]), "  with the other positive label");
			unit_is_near(slope(&r[1], "a"), -slope(&r[0], "a"), 1e-6, "  the opposite");
			done(host, &r[1]);
		}
		unit_ok(run(host, &t, &(setting) {"gradient_descent", task, still}, &r[1]) && strstr(host->log, "no live version") != NULL,
				"  none: %s", host->log);
		done(host, &r[1]);
		done(host, &r[0]);
		free((void *) live);
		t.inputs -= t.ncolumns;
		t.targets--;
		t.split--;
		close_table(&t);
	}
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
		unit_is_near(slope(&r[0], (const char *[]) {"a", "b", "c"}[k]), slope(&r[1], (const char *[]){"a", "b", "c"}[k]), 1e-9, "  as copies");
	done(host, &r[0]);
	done(host, &r[1]);
	close_table(&t);
	close_table(&twice_over);
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
	test_weights(&host);
	test_waiting(&host);
	test_warm_start(&host);
	test_served(&host);
	unit_close(&host, "tables");
	return unit_done();
}
