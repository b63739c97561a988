/*-------------------------------------------------------------------------
 *
 * test_train_doubts.c
 *	  Trainings on tables that the caller may not have meant: numbers as
 *	  labels, fits that ended early, models that are of no use.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_training.h"

/* Rows whose labels are n different whole numbers. */
static void
make_counts(table *t, size_t rows, size_t n)
{
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	for (size_t i = 0; i < rows; i++)
	{
		char		label[24];

		add_row(t)->number = mixed_up(i, 0);
		snprintf(label, sizeof(label), "%zu", i % n);
		t->targets[i].text = keep(t, label);
	}
}

static void
test_labels_of_numbers(unit_host *host)
{
	static const struct
	{
		ml_type		type;
		size_t		n;
		const char *refused;	/* words of the message; NULL: learnt */
		const char *hint;
	} cases[] = {
		{ML_TYPE_INTEGER, 100, NULL, ""},
		{ML_TYPE_INTEGER, 101, "has 101 different values", "linear_regression"},
		{ML_TYPE_NUMBER, 150, "has 150 different values", "\"regression\""},
		{ML_TYPE_NUMBER, 10001, "has more than 10000 different values", "linear_regression"},
		{ML_TYPE_TIMESTAMPTZ, 150, "has 150 different values", "extract(epoch"},
		{ML_TYPE_TEXT, 150, NULL, ""},
		{ML_TYPE_ENUM, 150, NULL, ""},
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		setting		s = {"logistic_regression", ML_CLASSIFICATION, "{\"epochs\": 1}", .target_type = cases[i].type};
		table		t;
		result		r;

		open_table(host, &t);
		make_counts(&t, ML_MAX(cases[i].n, (size_t) 600), cases[i].n);
		(void) run(host, &t, &s, &r);
		if (cases[i].refused == NULL)
			unit_ok(r.status == ML_OK, "%zu labels of type %s: %s", cases[i].n, ml_type_name(cases[i].type), host->ctx.error.text);
		else
			unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, cases[i].refused) != NULL &&
					strstr(host->ctx.error.hint, cases[i].hint) != NULL, "%zu numbers as labels: %s", cases[i].n,
					host->ctx.error.text);
		done(host, &r);
		close_table(&t);
	}
}

/* Many labels that memory is too small for. */
static void
test_doubt_of_labels(unit_host *host)
{
	setting		s = {"logistic_regression", ML_CLASSIFICATION, "{}", (size_t) 1 << 20};
	table		t;
	result		r;

	open_table(host, &t);
	make_counts(&t, 4000, 2000);
	(void) run(host, &t, &s, &r);
	unit_ok(r.status == ML_MEMORY_LIMIT && strstr(host->ctx.error.hint, "has 2000 labels") != NULL,
			"labels that memory is too small for: %s %s", host->ctx.error.text, host->ctx.error.hint);
	done(host, &r);
	close_table(&t);
}

static double
large(size_t row, uint32_t column)
{
	return 50000 + 9000 * mixed_up(row, column) - 4000 * mixed_up(row, column + 1);
}

static double
nothing(size_t row, uint32_t column)
{
	return mixed_up(row + 100000, column);
}

/* What is said of models that are of little use, last of all. */
static void
test_doubts(unit_host *host)
{
	static const struct
	{
		setting		s;
		size_t		n;
		filler		target;
		const char *said;		/* NULL: nothing */
	} cases[] = {
		{{"linear_regression", ML_REGRESSION, "{}"}, 600, large, NULL},
		{{"linear_regression", ML_REGRESSION, "{}"}, 200, nothing, "it may have too many features"},
		{{"linear_regression", ML_REGRESSION, "{\"holdout\": 0}"}, 600, nothing, NULL},
		{{"linear_regression", ML_REGRESSION, "{}"}, 60, large, "only 12 rows were held out"},
		{{"linear_regression", ML_REGRESSION, "{}"}, 5, large, "only 1 row was held out"},
		{{"svm", ML_REGRESSION, "{}"}, 600, large, "raise \"c\""},
		{{"gradient_descent", ML_REGRESSION, "{\"optimizer\": \"full_batch\"}"}, 600, large, NULL},
		{{"gradient_descent", ML_REGRESSION, "{\"optimizer\": \"full_batch\", \"epochs\": 10}"}, 600, large, "or \"learning_rate\", or divide"},
		{{"gradient_descent", ML_REGRESSION, "{\"optimizer\": \"full_batch\", \"epochs\": 10, \"holdout\": 0}"}, 600, large,
		"still falling after 10 epochs"},
		{{"gradient_descent", ML_REGRESSION, "{\"epochs\": 50, \"tolerance\": 1e-12}"}, 600, large, "more than \"tolerance\" in each of 50"},
		{{"gradient_descent", ML_REGRESSION, "{\"epochs\": 50}"}, 600, large, NULL},
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		table		t;
		result		r;

		open_table(host, &t);
		make_numbers(&t, cases[i].n, 8, mixed_up, cases[i].target);
		if (unit_ok(run(host, &t, &cases[i].s, &r), "%s %s on %zu rows: %s", cases[i].s.algorithm, cases[i].s.options, cases[i].n,
					host->ctx.error.text))
			unit_ok(cases[i].said == NULL ? host->logs == 0 : strstr(host->log, cases[i].said) != NULL, "  says: %s", host->log);
		done(host, &r);
		close_table(&t);
	}
}

/* Of passes beyond those that a report keeps, the last two are there. */
static void
test_last_losses(unit_host *host)
{
	setting		s = {"gradient_descent", ML_REGRESSION, "{\"optimizer\": \"full_batch\", \"epochs\": 1500, \"holdout\": 0}"};
	table		t;
	result		r;

	open_table(host, &t);
	make_numbers(&t, 100, 2, mixed_up, large);
	if (unit_ok(run(host, &t, &s, &r), "1500 epochs"))
	{
		const ml_json *loss = ml_json_get(r.json, "losses")->first;
		double		before = NAN;

		for (; loss->next != NULL; loss = loss->next)
			before = loss->number;
		unit_is_int(figure(&r, "losses", NULL), ML_LOSSES_MAX, "  losses kept");
		unit_ok(loss->number == figure(&r, "loss", NULL) && before >= loss->number, "  the last is that of the model");
	}
	done(host, &r);
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_labels_of_numbers(&host);
	test_doubt_of_labels(&host);
	test_doubts(&host);
	test_last_losses(&host);
	unit_close(&host, "doubts");
	return unit_done();
}
