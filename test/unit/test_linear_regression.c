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
	ml_recipe	recipe;
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
	const ml_value *values;		/* [nrows][stride] */
	uint32_t	stride;			/* 0: ncolumns */
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

		ML_TRY(ml_design_add(f->ctx, f->design, t->values + i * (t->stride > 0 ? t->stride : t->ncolumns), &side));
	}
	return ML_OK;
}

static ml_status
build(fixture *f, const table *t)
{
	static const ml_tabular_options as_they_are = {.indicator = true, .rare = 1};
	static ml_text texts[] = {{"text", 4}};
	bool		has_text = t->columns[t->ncolumns - 1].role == ML_ROLE_TEXT;
	ml_design_summary summary;
	ml_design_recipe recipe;

	f->nrows = t->nrows;
	f->splitter = (ml_splitter) {
		.by = ML_SPLIT_RANDOM, .folds = 1, .nlabels = 1, .label_rows = &f->nrows
	};
	ml_recipe_default(&f->recipe);
	f->recipe.hash_bits = 12;
	f->recipe.ncolumns = 1;
	f->recipe.columns = texts;
	ML_TRY(ml_design_open(f->ctx, (size_t) 64 << 20, t->columns, t->ncolumns,
						  has_text ? &f->recipe : NULL, 1,
						  ml_kernel_select(ML_LEVEL_AUTO), &f->design));
	ML_TRY(add_rows(f, t));
	ML_TRY(ml_splitter_open(f->ctx, &f->splitter));
	ML_TRY(ml_design_summarize(f->ctx, f->design, &f->splitter, ML_PARTS_ALL, false, &summary));
	ML_TRY(ml_tabular_fit(f->ctx, &f->arena, t->columns, t->ncolumns, summary.summaries,
						  summary.levels, summary.missing, &as_they_are, &f->tabular, &f->map));
	recipe = (ml_design_recipe) {
		.tabular = &f->tabular, .map = f->map, .min_df = 1, .learning = ML_PARTS_ALL
	};
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

/* ---- conditions of the optimum, whatever the path ---- */

/*
 * Largest violation over all features of: slope of the objective by w_j is 0
 * (|slope| <= alpha l1_ratio where w_j = 0), and that of the intercept;
 * relative to the largest slope at w = 0.
 */
static double
violation(fixture *f)
{
	uint32_t	n = f->problem.nfeatures;
	uint32_t	ncategories = ml_design_ncategories(f->design);
	uint32_t	ndense = ml_design_ndense(f->design);
	double		limit = f->options.alpha * f->options.l1_ratio;
	double		ridge = f->options.alpha - limit;
	double	   *slopes = calloc(2 * (n + 1), sizeof(double));	/* at w, at 0 */
	double	   *scores = malloc(ml_design_stride(f->design) * sizeof(double));
	double		weight = 0;
	double		worst = 0;
	double		largest = 0;
	const ml_block *block;

	if (ml_design_begin(f->ctx, f->design, ML_PARTS_ALL, NULL) != ML_OK)
		return INFINITY;
	while (ml_design_next(f->ctx, f->design, &block) == ML_OK && block != NULL)
	{
		if (ml_solution_scores(f->ctx, f->problem.kernel, &f->solution, block, ncategories, ndense,
							   scores) != ML_OK)
			return INFINITY;
		for (uint32_t i = 0; i < block->n; i++)
		{
			double		r[2] = {
				block->weight[i] * (scores[i] - block->target[i]), block->weight[i] * block->target[i]
			};

			weight += block->weight[i];
			for (int k = 0; k < 2; k++)
			{
				double	   *to = slopes + k * (n + 1);

				to[n] += r[k];
				for (uint32_t j = 0; j < ndense; j++)
					to[j] += r[k] * block->dense[(size_t) j * block->stride + i];
				for (uint32_t c = 0; c < ncategories; c++)
					if (block->hot[(size_t) c * block->stride + i] != ML_NO_TERM)
						to[block->hot[(size_t) c * block->stride + i]] += r[k];
				for (uint32_t c = block->at == NULL ? 0 : block->at[i];
					 block->at != NULL && c < block->at[i + 1]; c++)
					to[block->ids[c]] += r[k] * (double) block->values[c];
			}
		}
	}
	for (uint32_t j = 0; j <= n; j++)
	{
		double		w = j < n ? f->solution.weights[j] : 0;
		double		slope = slopes[j] / weight + (j < n ? ridge * w : 0);

		largest = ML_MAX(largest, fabs(slopes[n + 1 + j] / weight));
		if (j < n && f->problem.excluded != NULL && f->problem.excluded[j])
			worst = ML_MAX(worst, w != 0 ? INFINITY : 0);
		else if (j < n && w == 0)
			worst = ML_MAX(worst, fabs(slope) - limit);
		else
			worst = ML_MAX(worst, fabs(slope + (j < n ? copysign(limit, w) : 0)));
	}
	free(slopes);
	free(scores);
	return worst / largest;
}

#define MIXED_ROWS	1500

typedef struct mixed
{
	table		t;
	ml_value	values[MIXED_ROWS * 4];
	double		target[MIXED_ROWS];
	double		weight[MIXED_ROWS];
	char		texts[MIXED_ROWS][40];
	char		levels[MIXED_ROWS][8];
} mixed;

/* A number, a category of 200 levels, one of 3 that the first one decides, a text. */
static void
fill_mixed(mixed *m)
{
	static const char *const words[] = {"good", "bad", "cheap", "dear", "new"};
	static const ml_column columns[] = {
		{.name = {"number", 6}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"level", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
		{.name = {"group", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
		{.name = {"text", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT},
	};
	ml_rng		rng;

	ml_rng_seed(&rng, 3);
	memset(m, 0, sizeof(*m));
	memcpy(m->t.columns, columns, sizeof(columns));
	m->t.nrows = MIXED_ROWS;
	m->t.stride = 4;
	m->t.values = m->values;
	m->t.target = m->target;
	m->t.weight = m->weight;
	for (int i = 0; i < MIXED_ROWS; i++)
	{
		ml_value   *row = m->values + 4 * i;
		int			level = (int) ml_rng_below(&rng, 200);
		int			word = (int) ml_rng_below(&rng, 5);

		row[0].number = i % 9 == 4 ? NAN : ml_rng_double(&rng) * 10 + 1000;
		snprintf(m->levels[i], sizeof(m->levels[i]), "%c%d", 'a' + level % 3, level);
		row[1].text = unit_text(m->levels[i]);
		row[2].text = (ml_text) {m->levels[i], 1};
		if (i % 50 == 3)
			row[2].text = (ml_text) {NULL, 0};
		snprintf(m->texts[i], sizeof(m->texts[i]), "%s %s", words[word], words[ml_rng_below(&rng, 5)]);
		row[3].text = unit_text(m->texts[i]);
		m->target[i] = 50 + level / 100.0 + word + (i % 9 == 4 ? 3 : row[0].number / 10) + ml_rng_double(&rng);
		m->weight[i] = 1 + i % 3;
	}
}

/* Without the text directly and in passes; with it in passes. */
static void
test_optimum(unit_host *host, mixed *m)
{
	static const double penalties[][2] = {{0, 0}, {0.01, 0}, {0.001, 0.5}, {0.01, 1}};

	for (uint32_t ncolumns = 3; ncolumns <= 4; ncolumns++)
		for (int wide = ncolumns - 3; wide < 2; wide++)
		{
			fixture		f;

			m->t.ncolumns = ncolumns;
			unit_is_int(open_fixture(&f, &host->ctx, &m->t), ML_OK, "%u columns%s", ncolumns,
						wide ? ", in passes" : "");
			unit_ok((ml_design_ntext(f.design) > 0) == (ncolumns == 4), "... with texts, or without");
			if (wide)
				go_wide(&f);
			for (size_t k = 0; k < ML_LENGTH(penalties); k++)
			{
				double		worst;

				f.options.alpha = penalties[k][0];
				f.options.l1_ratio = penalties[k][1];
				unit_is_int(fit(&f), ML_OK, "... alpha %g, l1_ratio %g", penalties[k][0], penalties[k][1]);
				worst = violation(&f);
				unit_ok(f.report.converged && worst < (wide ? 1e-5 : 1e-12),
						"... is the optimum (%.1e, %d passes)", worst, f.report.epochs);
				unit_ok(f.report.nlosses > 0 && f.report.losses[0] > 0, "... and the loss is told");
			}
			close_fixture(&f);
		}
}

/* ---- few rows, no variance ---- */

static void
test_few(unit_host *host)
{
	ml_value	values[6] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 5}, {.number = 0}, {.number = 4}};
	double		target[3] = {4, 9, 2};
	table		t = {.ncolumns = 2, .values = values, .target = target};
	fixture		f;

	t.columns[0] = t.columns[1] = (ml_column) {.name = {"x", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER};
	for (t.nrows = 1; t.nrows <= 3; t.nrows++)
		for (int wide = 0; wide < 2; wide++)
		{
			unit_is_int(open_fixture(&f, &host->ctx, &t), ML_OK, "%zu rows", t.nrows);
			if (wide)
				go_wide(&f);
			unit_is_int(fit(&f), ML_OK, "... are fitted%s", wide ? " in passes" : "");
			unit_ok(violation(&f) < 1e-6, "... exactly");
			if (!wide)
				unit_is_int(f.solution.dropped[0] + f.solution.dropped[1], 3 - (int) t.nrows, "... with %d weights",
							(int) t.nrows - 1);
			unit_ok(!f.solution.has_errors, "... and no errors");
			close_fixture(&f);
		}
	t.nrows = 3;
	target[0] = target[1] = target[2] = 0.1;
	for (int k = 0; k < 4; k++)
	{
		unit_is_int(open_fixture(&f, &host->ctx, &t), ML_OK, "a constant target");
		if (k % 2 == 1)
			go_wide(&f);
		f.options.alpha = f.options.l1_ratio = k / 2;
		unit_is_int(fit(&f), ML_OK, "... is fitted");
		unit_ok(f.solution.weights[0] == 0 && f.solution.weights[1] == 0 && f.solution.bias[0] == 0.1 && f.report.converged,
				"... by the intercept");
		close_fixture(&f);
	}
	target[1] = 1e300;
	unit_is_int(open_fixture(&f, &host->ctx, &t), ML_OK, "a huge target");
	unit_fails(host, fit(&f), ML_BAD_DATA, "too large", "... is refused");
	go_wide(&f);
	unit_fails(host, fit(&f), ML_BAD_DATA, "too large", "... in passes too");
	f.problem.memory = 10;
	unit_fails(host, fit(&f), ML_MEMORY_LIMIT, "allowed", "no memory for anything");
	close_fixture(&f);
}

/* ---- 100,000 levels ---- */

static void
test_levels(void)
{
	enum
	{
		ROWS = 150000, LEVELS = 100000
	};
	ml_value   *values = calloc(ROWS, sizeof(ml_value));
	double	   *target = malloc(ROWS * sizeof(double));
	char(*names)[24] = malloc(ROWS * sizeof(*names));
	table		t = {.ncolumns = 1, .nrows = ROWS, .values = values, .target = target};
	unit_host	host;
	fixture		f;

	unit_open(&host);
	t.columns[0] = (ml_column) {.name = {"level", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY};
	for (int i = 0; i < ROWS; i++)
	{
		int			level = i % LEVELS;

		snprintf(names[i], sizeof(names[i]), "level %d", level);
		values[i].text = unit_text(names[i]);
		target[i] = level % 100 + i % 3;
	}
	unit_is_int(open_fixture(&f, &host.ctx, &t), ML_OK, "%d levels", LEVELS);
	unit_is_int(f.problem.nfeatures, LEVELS, "... are as many features");
	f.options.alpha = 1e-5;
	unit_is_int(fit(&f), ML_OK, "... ridge");
	unit_ok(f.report.converged && violation(&f) < 1e-6, "... to the optimum in %d passes", f.report.epochs);
	f.options.l1_ratio = 1;
	unit_is_int(fit(&f), ML_OK, "... lasso");
	unit_ok(f.report.converged && violation(&f) < 1e-6, "... to the optimum in %d passes", f.report.epochs);
	unit_ok(host.peak_bytes < 200e6, "... in %.0f MB", host.peak_bytes / 1e6);
	close_fixture(&f);
	unit_close(&host, "levels");
	free(values);
	free(target);
	free(names);
}

/* Design and all three solvers. */
static ml_status
scenario(ml_context *ctx, void *argument)
{
	mixed	   *m = argument;
	fixture		f;
	ml_status	status = open_fixture(&f, ctx, &m->t);

	if (status == ML_OK)
		status = fit(&f);
	if (status == ML_OK)
		go_wide(&f);
	if (status == ML_OK)
		status = fit(&f);
	f.options.alpha = 0.1;
	f.options.l1_ratio = 0.5;
	if (status == ML_OK)
		status = fit(&f);
	close_fixture(&f);
	return status;
}

int
main(void)
{
	unit_host	host;
	mixed	   *m = malloc(sizeof(mixed));

	unit_open(&host);
	test_recorded(&host);
	test_wampler(&host);
	fill_mixed(m);
	test_optimum(&host, m);
	test_few(&host);
	test_levels();
	m->t.ncolumns = 3;
	m->t.nrows = 200;
	unit_every_allocation_fails("fitting", scenario, m);
	unit_every_poll_cancels("fitting", scenario, m);
	free(m);
	unit_close(&host, "linear_regression");
	return unit_done();
}
