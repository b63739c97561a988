/*-------------------------------------------------------------------------
 *
 * test_linear.c
 *	  Linear classifiers against recorded solutions of scikit-learn
 *	  (test/data/linear.py), and what else is promised of them.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/linear.h"

#include <math.h>

#define MAX_FEATURES	64

/* The recorded rows, in an ml_rows of the given options. */
typedef struct problem
{
	const ml_json *root;
	ml_arena	arena;
	ml_options	options;
	uint32_t	nclasses;
	ml_rows    *rows;
	const ml_kernel *kernel;
} problem;

static double
number(const ml_json *array, int i)
{
	const ml_json *node = array->first;

	while (i-- > 0)
		node = node->next;
	return node->number;
}

static ml_status
add_rows(ml_context *ctx, problem *p, bool weighted)
{
	const ml_json *label = ml_json_get(p->root, "labels")->first;
	const ml_json *weight = ml_json_get(p->root, "weights")->first;

	for (const ml_json *row = ml_json_get(p->root, "rows")->first; row != NULL; row = row->next)
	{
		uint32_t	words[MAX_FEATURES];
		ml_features features = {row->count, words};
		uint32_t	c = (uint32_t) label->number;
		size_t		n = 0;

		for (const ml_json *pair = row->first; pair != NULL; pair = pair->next, n++)
			words[n] = (uint32_t) number(pair, 1) << ML_COUNTED_KEY_BITS | (uint32_t) number(pair, 0);
		ML_TRY(ml_rows_add(ctx, p->rows, &features, p->nclasses == 2 ? c > 0 : c,
						   weighted ? (float) weight->number : 1));
		label = label->next;
		weight = weight->next;
	}
	return ML_OK;
}

static ml_status
open_problem(ml_context *ctx, problem *p, const char *algorithm, ml_text options,
			 uint32_t nclasses, bool weighted)
{
	p->nclasses = nclasses;
	p->rows = NULL;
	if (p->kernel == NULL)
		p->kernel = ml_kernel_select(ML_LEVEL_AUTO);
	ML_TRY(ml_options_read(ctx, &p->arena, unit_text(algorithm), options, &p->options));
	p->options.recipe.hash_bits = 10;
	p->options.recipe.min_df = 1;
	ML_TRY(ml_rows_open(ctx, 1 << 20, &p->options.recipe, 1, p->kernel, &p->rows));
	ML_TRY(add_rows(ctx, p, weighted));
	ML_TRY(ml_rows_make_index(ctx, p->rows, 1));
	return ml_rows_weigh(ctx, p->rows, ML_PARTS_ALL);
}

static void
close_problem(ml_context *ctx, problem *p)
{
	ml_rows_close(ctx, p->rows);
	p->rows = NULL;
}

/* Weight of feature i for score c (of all blocks), w = u / idf. */
static double
fitted(const ml_linear *linear, uint32_t i, uint32_t c)
{
	return linear->u[(size_t) i * linear->width + c] / ml_rows_indexed(linear->rows)->idf[i];
}

/* Largest difference between the solution and the recorded one. */
static double
distance(const ml_linear *linear, const ml_json *one)
{
	const ml_json *coef = ml_json_get(one, "coef")->first;
	const ml_json *intercept = ml_json_get(one, "intercept");
	double		worst = 0;

	for (uint32_t c = 0; c < linear->n; c++, coef = coef->next)
	{
		for (uint32_t i = 0; i < coef->count; i++)
			worst = fmax(worst, fabs(fitted(linear, i, c) - number(coef, (int) i)));
		worst = fmax(worst, fabs(linear->bias[c] - number(intercept, (int) c)));
	}
	return worst;
}

static void
test_recorded(unit_host *host, problem *p, ml_level level)
{
	ml_context *ctx = &host->ctx;

	p->kernel = ml_kernel_select(level);
	for (const ml_json *one = ml_json_get(p->root, "cases")->first; one != NULL; one = one->next)
	{
		ml_text		name = ml_json_get(one, "name")->string;
		ml_linear  *linear = NULL;
		ml_linear_report report = {0};
		char		algorithm[32] = "";
		ml_status	status;

		memcpy(algorithm, ml_json_get(one, "algorithm")->string.data,
			   ml_json_get(one, "algorithm")->string.size);
		status = open_problem(ctx, p, algorithm, ml_json_get(one, "options")->string,
							  (uint32_t) ml_json_get(one, "classes")->number,
							  ml_json_get(one, "weighted")->boolean);
		p->options.tolerance = p->options.loss == ML_LOSS_LOGISTIC ? 1e-7 : 1e-6;
		if (status == ML_OK)
			status = ml_linear_open(ctx, p->kernel, &p->options, p->rows, p->nclasses, NULL, &linear);
		if (status == ML_OK)
			status = ml_linear_fit(ctx, linear, ML_PARTS_ALL, 0, 3000, &report);
		unit_ok(status == ML_OK && distance(linear, one) < 1e-3, "%s: %.*s is solved to 1e-3",
				p->kernel->name, (int) name.size, name.data);
		if (status == ML_OK)
			unit_note("largest difference %.2g in %d passes", distance(linear, one), report.epochs);
		ml_linear_close(ctx, linear);
		close_problem(ctx, p);
	}
	p->kernel = NULL;
}

/* Fits anew; u[0..n) of the first block. */
static void
fit_to(unit_host *host, problem *p, const char *algorithm, const char *options, uint32_t nclasses,
	   const float *class_weights, int epochs, float *u, size_t n, ml_linear_report *report)
{
	ml_context *ctx = &host->ctx;
	ml_linear  *linear = NULL;
	ml_status	status = open_problem(ctx, p, algorithm, unit_text(options), nclasses, false);

	if (status == ML_OK)
		status = ml_linear_open(ctx, p->kernel, &p->options, p->rows, nclasses, class_weights,
								&linear);
	if (status == ML_OK)
		status = ml_linear_fit(ctx, linear, ML_PARTS_ALL, 0, epochs, report);
	if (status == ML_OK)
		memcpy(u, linear->u, n * sizeof(float));
	else
		unit_ok(false, "fit: %s", ctx->error.text);
	ml_linear_close(ctx, linear);
	close_problem(ctx, p);
}

static void
test_determinism(unit_host *host, problem *p)
{
	static const char *const algorithms[] = {"svm", "logistic_regression"};
	float		a[24 * 4];
	float		b[24 * 4];
	ml_linear_report report;

	for (int i = 0; i < 2; i++)
	{
		fit_to(host, p, algorithms[i], "{\"seed\": 5}", 3, NULL, 4, a, ML_LENGTH(a), &report);
		fit_to(host, p, algorithms[i], "{\"seed\": 5}", 3, NULL, 4, b, ML_LENGTH(b), &report);
		unit_ok(memcmp(a, b, sizeof(a)) == 0, "%s: same seed, same bits", algorithms[i]);
	}
	fit_to(host, p, "svm", "{\"seed\": 6}", 3, NULL, 4, a, ML_LENGTH(a), &report);
	unit_ok(memcmp(a, b, sizeof(a)) != 0, "another seed shuffles otherwise");
	fit_to(host, p, "svm", "{\"seed\": 5, \"shuffle\": false}", 3, NULL, 4, a, ML_LENGTH(a), &report);
	fit_to(host, p, "svm", "{\"seed\": 6, \"shuffle\": false}", 3, NULL, 4, b, ML_LENGTH(b), &report);
	unit_ok(memcmp(a, b, sizeof(a)) == 0, "without shuffling the seed does not matter");
}

static void
test_class_weights(unit_host *host, problem *p)
{
	float		heavy[3] = {3, 3, 3};
	float		a[24 * 4];
	float		b[24 * 4];
	double		worst = 0;
	ml_linear_report report;

	fit_to(host, p, "svm", "{\"c\": 3, \"tolerance\": 1e-6}", 3, NULL, 2000, a, ML_LENGTH(a), &report);
	fit_to(host, p, "svm", "{\"c\": 1, \"tolerance\": 1e-6}", 3, heavy, 2000, b, ML_LENGTH(b), &report);
	for (size_t i = 0; i < ML_LENGTH(a); i++)
		worst = fmax(worst, fabsf(a[i] - b[i]));
	unit_ok(worst < 1e-4, "class weights of 3 are C times 3");
}

static void
test_convergence(unit_host *host, problem *p)
{
	float		u[24];
	ml_linear_report report;
	int			zeros = 0;
	bool		falls = true;

	fit_to(host, p, "logistic_regression", "{\"l1_ratio\": 1, \"c\": 1}", 2, NULL, 500, u, 24, &report);
	for (int i = 0; i < 24; i++)
		zeros += u[i] == 0;
	unit_ok(zeros >= 8 && zeros < 24, "L1 leaves %d of 24 weights at 0", zeros);
	unit_ok(report.converged, "L1 converges");
	fit_to(host, p, "logistic_regression", "{}", 2, NULL, 500, u, 24, &report);
	unit_ok(report.converged && report.epochs < 100, "L-BFGS converges (%d passes)", report.epochs);
	for (int i = 1; i < report.nlosses; i++)
		falls &= report.losses[i] < report.losses[0];
	unit_ok(falls, "losses fall");
	fit_to(host, p, "svm", "{\"tolerance\": 0.1}", 2, NULL, 500, u, 24, &report);
	unit_ok(report.converged && report.epochs < 200, "dual coordinate descent converges (%d passes)",
			report.epochs);
}

/* A refit from the solution before reaches the same optimum, sooner. */
static void
test_warm_start(unit_host *host, problem *p)
{
	static const char *const algorithms[] = {"svm", "logistic_regression"};
	ml_context *ctx = &host->ctx;

	for (int k = 0; k < 2; k++)
	{
		ml_linear  *linear = NULL;
		ml_linear_report cold;
		ml_linear_report warm;
		float		u[24 * 4];
		double		worst = 0;
		ml_status	status = open_problem(ctx, p, algorithms[k],
										  unit_text("{\"tolerance\": 1e-6}"), 3, false);
		ml_rows_data *data = ml_rows_get(p->rows);

		for (uint32_t i = 0; i < data->nrows; i++)
			data->part[i] = i % 10 == 0;
		if (status == ML_OK)
			status = ml_linear_open(ctx, p->kernel, &p->options, p->rows, 3, NULL, &linear);
		if (status == ML_OK)
			status = ml_linear_fit(ctx, linear, ML_PARTS_ALL, 0, 3000, &cold);
		if (status == ML_OK)
			memcpy(u, linear->u, sizeof(u));
		ml_linear_restart(linear);
		status = status != ML_OK ? status : ml_rows_weigh(ctx, p->rows, ML_PART(0));
		status = status != ML_OK ? status : ml_linear_fit(ctx, linear, ML_PART(0), 0, 3000, NULL);
		status = status != ML_OK ? status : ml_rows_weigh(ctx, p->rows, ML_PARTS_ALL);
		status = status != ML_OK ? status : ml_linear_reweigh(ctx, linear);
		status = status != ML_OK ? status : ml_linear_fit(ctx, linear, ML_PARTS_ALL, 0, 3000, &warm);
		for (size_t i = 0; status == ML_OK && i < ML_LENGTH(u); i++)
			worst = fmax(worst, fabsf(linear->u[i] - u[i]));
		unit_ok(status == ML_OK && worst < 5e-3, "%s: a refit reaches the same optimum (%.2g)",
				algorithms[k], worst);
		unit_note("in %d passes instead of %d", warm.epochs, cold.epochs);
		ml_linear_close(ctx, linear);
		close_problem(ctx, p);
	}
}

static void
test_early_stopping(unit_host *host, problem *p)
{
	static const char *const algorithms[] = {"svm", "logistic_regression"};
	ml_context *ctx = &host->ctx;

	for (int k = 0; k < 2; k++)
	{
		ml_linear  *linear = NULL;
		ml_linear_report report = {0};
		ml_status	status = open_problem(ctx, p, algorithms[k],
										  unit_text("{\"c\": 1000, \"tolerance\": 1e-9}"), 3, false);
		ml_rows_data *data = ml_rows_get(p->rows);

		for (uint32_t i = 0; i < data->nrows; i++)
			data->part[i] = i % 3 == 0;
		if (status == ML_OK)
			status = ml_linear_open(ctx, p->kernel, &p->options, p->rows, 3, NULL, &linear);
		if (status == ML_OK)
			status = ml_linear_fit(ctx, linear, ML_PART(0), ML_PART(1), 500, &report);
		unit_ok(status == ML_OK && report.epochs < 100 && report.epochs + 2 == report.nlosses,
				"%s: stops two passes after the best, %d", algorithms[k], report.epochs);
		ml_linear_close(ctx, linear);
		close_problem(ctx, p);
	}
}

/* All of it under allocations that fail and polls that cancel. */
typedef struct scenario_argument
{
	const ml_json *root;
	const char *algorithm;
} scenario_argument;

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	problem		p = {.root = a->root};
	ml_linear  *linear = NULL;
	ml_status	status = open_problem(ctx, &p, a->algorithm, ML_TEXT("{}"), 3, true);

	if (status == ML_OK)
		status = ml_linear_open(ctx, p.kernel, &p.options, p.rows, 3, NULL, &linear);
	if (status == ML_OK)
		status = ml_linear_fit(ctx, linear, ML_PARTS_ALL, 0, 3, NULL);
	ml_linear_close(ctx, linear);
	close_problem(ctx, &p);
	ml_arena_free(ctx, &p.arena);
	return status;
}

int
main(void)
{
	unit_host	host;
	problem		p = {0};
	ml_arena	arena = {0};
	size_t		size;
	char	   *json = unit_data("linear.json", &size);

	unit_open(&host);
	if (json == NULL || ml_json_parse(&host.ctx, &arena, (ml_text) {json, size}, ML_BAD_MODEL,
									  &p.root) != ML_OK)
		unit_ok(false, "test/data/linear.json is there");
	else
	{
		test_recorded(&host, &p, ML_LEVEL_REF);
		test_recorded(&host, &p, ML_LEVEL_AVX2);
		test_recorded(&host, &p, ML_LEVEL_AVX512);
		test_determinism(&host, &p);
		test_class_weights(&host, &p);
		test_convergence(&host, &p);
		test_warm_start(&host, &p);
		test_early_stopping(&host, &p);
		unit_every_allocation_fails("svm", scenario, &(scenario_argument) {p.root, "svm"});
		unit_every_allocation_fails("logistic", scenario,
									&(scenario_argument) {p.root, "logistic_regression"});
		unit_every_poll_cancels("svm", scenario, &(scenario_argument) {p.root, "svm"});
		unit_every_poll_cancels("logistic", scenario,
								&(scenario_argument) {p.root, "logistic_regression"});
	}
	ml_arena_free(&host.ctx, &p.arena);
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "linear");
	free(json);
	return unit_done();
}
