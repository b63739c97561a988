/*-------------------------------------------------------------------------
 *
 * test_linear_regression.c
 *	  The learner linear_regression: recorded solutions of statsmodels and
 *	  scikit-learn (test/data/linear_regression.py), directly and in passes;
 *	  ill-conditioned and wide tables; few rows; failing allocations, cancels.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/learner.h"

#include <math.h>

#define COLUMNS_MAX	20
#define FEATURES	13

/* A design of numbers and categories as they are, and a solution. */
typedef struct fixture
{
	ml_context *ctx;
	ml_arena	arena;
	ml_design  *design;
	ml_splitter splitter;
	uint64_t	nrows;
	ml_tabular	tabular;
	uint32_t  **map;
	ml_options	options;
	ml_problem	problem;
	bool	   *excluded;
	ml_solution solution;
	ml_linear_report report;
} fixture;

typedef struct table
{
	ml_column	columns[COLUMNS_MAX];
	uint32_t	ncolumns;
	size_t		nrows;
	const ml_value *values;		/* [nrows][ncolumns] */
	const double *target;
	const double *weight;		/* NULL: 1 each */
} table;

static ml_status
add_rows(fixture *f, const table *t)
{
	for (size_t i = 0; i < t->nrows; i++)
	{
		ml_side		side = {
			.target = t->target[i], .weight = t->weight == NULL ? 1 : (float) t->weight[i]
		};

		ML_TRY(ml_design_add(f->ctx, f->design, t->values + i * t->ncolumns, &side));
	}
	return ML_OK;
}

static ml_status
build(fixture *f, const table *t)
{
	static const ml_tabular_options as_they_are = {.indicator = true, .rare = 1};
	ml_design_summary summary;
	ml_design_recipe recipe;

	f->nrows = t->nrows;
	f->splitter = (ml_splitter) {
		.by = ML_SPLIT_RANDOM, .folds = 1, .nlabels = 1, .label_rows = &f->nrows
	};
	ML_TRY(ml_design_open(f->ctx, (size_t) 64 << 20, t->columns, t->ncolumns, NULL, 1,
						  ml_kernel_select(ML_LEVEL_AUTO), &f->design));
	ML_TRY(add_rows(f, t));
	ML_TRY(ml_splitter_open(f->ctx, &f->splitter));
	ML_TRY(ml_design_summarize(f->ctx, f->design, &f->splitter, ML_PARTS_ALL, false, &summary));
	ML_TRY(ml_tabular_fit(f->ctx, &f->arena, t->columns, t->ncolumns, summary.summaries,
						  summary.levels, summary.missing, &as_they_are, &f->tabular, &f->map));
	recipe = (ml_design_recipe) {.tabular = &f->tabular, .map = f->map, .learning = ML_PARTS_ALL};
	return ml_design_prepare(f->ctx, f->design, &f->splitter, &recipe);
}

static ml_status
open_fixture(fixture *f, ml_context *ctx, const table *t)
{
	memset(f, 0, sizeof(*f));
	f->ctx = ctx;
	ML_TRY(build(f, t));
	f->options.tolerance = 1e-7;
	f->options.epochs = 1000;
	f->problem = (ml_problem) {
		.kernel = ml_kernel_select(ML_LEVEL_AUTO), .options = &f->options, .design = f->design,
		.task = ML_REGRESSION, .nscores = 1, .nfeatures = ml_design_nfeatures(f->design),
		.memory = (size_t) 64 << 20
	};
	return ml_solution_open(ctx, &f->solution, 1, f->problem.nfeatures);
}

static void
close_fixture(fixture *f)
{
	ml_solution_close(f->ctx, &f->solution);
	ml_design_close(f->ctx, f->design);
	ml_splitter_close(f->ctx, &f->splitter);
	ml_arena_free(f->ctx, &f->arena);
}

static ml_status
fit(fixture *f)
{
	void	   *state = NULL;
	ml_status	status = ml_linear_regression.open(f->ctx, &f->problem, &state);

	f->solution.fitted = false;
	if (status == ML_OK)
		status = ml_linear_regression.fit(f->ctx, &f->problem, state, ML_PARTS_ALL, &f->solution,
										  &f->report);
	ml_linear_regression.close(f->ctx, state);
	return status;
}

/* Just enough memory for the solver in passes. */
static void
go_wide(fixture *f)
{
	f->problem.memory = 64 * (size_t) f->problem.nfeatures + 64;
}

/* ---- recorded solutions ---- */

static table recorded = {
	.columns = {
		{.name = {"a", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"b", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"c", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"first", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
		{.name = {"second", 6}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	},
	.ncolumns = 5
};

static char *
read_table(char *at)
{
	ml_value   *values;
	double	   *numbers;

	recorded.nrows = (size_t) strtol(at + strlen("rows "), &at, 10);
	values = calloc(recorded.nrows * 5, sizeof(ml_value));
	numbers = malloc(recorded.nrows * 2 * sizeof(double));
	for (size_t i = 0; i < recorded.nrows; i++)
	{
		for (int j = 0; j < 3; j++)
			values[5 * i + j].number = strtod(at, &at);
		values[5 * i + 3].text = (ml_text) {at + 1, 1};
		values[5 * i + 4].text = (ml_text) {at + 3, 1};
		numbers[i] = strtod(at + 4, &at);
		numbers[recorded.nrows + i] = strtod(at, &at);
	}
	recorded.values = values;
	recorded.target = numbers;
	recorded.weight = numbers + recorded.nrows;
	return at;
}

/* Largest error, relative to the largest value; infinite where only one is NaN. */
static double
compare(const double *got, const double *expected, int n)
{
	double		largest = 0;
	double		worst = 0;

	for (int i = 0; i < n; i++)
	{
		if (isnan(got[i]) != isnan(expected[i]))
			return INFINITY;
		if (isnan(got[i]))
			continue;
		largest = ML_MAX(largest, fabs(expected[i]));
		worst = ML_MAX(worst, fabs(got[i] - expected[i]));
	}
	return largest > 0 ? worst / largest : worst;
}

static void
test_recorded(unit_host *host)
{
	size_t		size;
	char	   *text = unit_data("linear_regression.txt", &size);
	char	   *at = read_table(text);
	bool		excluded[FEATURES] = {[3] = true, [9] = true};
	char		name[32];
	int			length;
	fixture		f;

	unit_is_int(open_fixture(&f, &host->ctx, &recorded), ML_OK, "a design of the recorded table");
	unit_is_int(f.problem.nfeatures, FEATURES, "... has the features expected");
	while (sscanf(at, " fit %31s%n", name, &length) == 1)
	{
		double		tolerance;
		double		expected[2 * FEATURES + 2];
		double		error[2];
		bool		wide;

		at += length;
		f.options.alpha = strtod(at, &at);
		f.options.l1_ratio = strtod(at, &at);
		f.problem.excluded = strtod(at, &at) != 0 ? excluded : NULL;
		wide = strtod(at, &at) != 0;
		tolerance = strtod(at, &at);
		expected[0] = strtod(at, &at);
		expected[FEATURES + 1] = strtod(at, &at);
		for (int j = 1; j <= FEATURES; j++)
		{
			expected[j] = strtod(at, &at);
			expected[FEATURES + 1 + j] = strtod(at, &at);
		}
		f.problem.memory = (size_t) 64 << 20;
		if (wide)
			go_wide(&f);
		unit_is_int(fit(&f), ML_OK, "%s: fitted", name);
		unit_ok(f.report.converged, "%s: converged", name);
		error[0] = ML_MAX(compare(f.solution.weights, expected + 1, FEATURES),
						  compare(f.solution.bias, expected, 1));
		unit_ok(error[0] <= tolerance, "%s%s: weights agree to %g (%.1e after %d passes)", name,
				wide ? " in passes" : "", tolerance, error[0], f.report.epochs);
		error[1] = ML_MAX(compare(f.solution.std_error, expected + FEATURES + 2, FEATURES),
						  compare(&f.solution.bias_std_error, expected + FEATURES + 1, 1));
		unit_ok(error[1] <= tolerance, "%s%s: standard errors agree (%.1e)", name,
				wide ? " in passes" : "", error[1]);
		unit_is_int(f.solution.has_errors, f.options.alpha == 0 && !wide, "%s: it says so", name);
		if (strcmp(name, "dropped") == 0)
			unit_ok(f.solution.dropped[8] && f.solution.dropped[12] && !f.solution.dropped[11],
					"dropped: the last level of each category");
	}
	unit_ok(host->logs > 0 && strstr(host->log, "minimum norm") != NULL, "minimum norm is said");
	close_fixture(&f);
	free((void *) recorded.values);
	free((void *) recorded.target);
	free(text);
}

/* ---- ill-conditioned: Wampler's polynomial of degree 5, all weights 1 ---- */

static void
test_wampler(unit_host *host)
{
	static const double noise[21] = {
		759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 1838, -2048,
		2048, -2048, 2523, -2048, 2048, -2048, 759
	};
	static const double std_error[6] = {
		2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350, 5.64566512170752,
		0.112324854679312
	};
	ml_value	values[21 * 5] = {0};
	double		target[21];
	double		worst = 0;
	double		worst_error = 0;
	table		t = {.ncolumns = 5, .nrows = 21, .values = values, .target = target};
	fixture		f;

	for (int j = 0; j < 5; j++)
		t.columns[j] = (ml_column) {.name = {"abcde" + j, 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER};
	for (int i = 0; i < 21; i++)
	{
		double		power = 1;

		target[i] = 1 + noise[i];
		for (int j = 0; j < 5; j++)
		{
			power *= i;
			values[5 * i + j].number = power;
			target[i] += power;
		}
	}
	unit_is_int(open_fixture(&f, &host->ctx, &t), ML_OK, "Wampler3");
	unit_is_int(fit(&f), ML_OK, "... is fitted");
	for (int j = 0; j < 5; j++)
	{
		worst = ML_MAX(worst, fabs(f.solution.weights[j] - 1));
		worst_error = ML_MAX(worst_error, fabs(f.solution.std_error[j] / std_error[j + 1] - 1));
	}
	worst = ML_MAX(worst, fabs(f.solution.bias[0] - 1));
	worst_error = ML_MAX(worst_error, fabs(f.solution.bias_std_error / std_error[0] - 1));
	unit_ok(worst < 1e-9, "... corrected by the rows, to %.1e in %d passes", worst, f.report.epochs);
	unit_ok(worst_error < 1e-9, "... and its standard errors to %.1e", worst_error);
	close_fixture(&f);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_recorded(&host);
	test_wampler(&host);
	unit_close(&host, "linear_regression");
	return unit_done();
}
