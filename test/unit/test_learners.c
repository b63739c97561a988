/*-------------------------------------------------------------------------
 *
 * test_learners.c
 *	  Learners against scikit-learn, statsmodels and the textbook's gradient
 *	  descent (test/data/learners.py made the figures).
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/learner.h"

#include "base/json.h"

#include <math.h>

#define NUMBERS		5
#define LEVELS		4
#define NFEATURES	(NUMBERS + LEVELS)
#define NROWS_MAX	512

static const ml_column columns[NUMBERS + 1] = {
	{.name = {"a", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"b", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"c", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"d", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"e", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"level", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
};

typedef struct table
{
	ml_arena	arena;
	const ml_json *cases;
	uint32_t	nrows;
	double		numbers[NROWS_MAX][NUMBERS];
	uint32_t	level[NROWS_MAX];
	double		weight[NROWS_MAX];
	double		binary[NROWS_MAX];
	double		three[NROWS_MAX];
	double		number[NROWS_MAX];
} table;

static uint32_t
read_numbers(const ml_json *array, double *to)
{
	uint32_t	n = 0;

	for (const ml_json *node = array == NULL ? NULL : array->first; node != NULL; node = node->next)
		to[n++] = node->number;
	return n;
}

static bool
read_table(unit_host *host, table *t, char *text)
{
	const ml_json *root;
	double		levels[NROWS_MAX];
	uint32_t	row = 0;

	if (ml_json_parse(&host->ctx, &t->arena, unit_text(text), ML_BAD_DATA, &root) != ML_OK)
		return false;
	t->cases = ml_json_get(root, "cases");
	t->nrows = read_numbers(ml_json_get(root, "level"), levels);
	(void) read_numbers(ml_json_get(root, "weight"), t->weight);
	(void) read_numbers(ml_json_get(root, "binary"), t->binary);
	(void) read_numbers(ml_json_get(root, "three"), t->three);
	(void) read_numbers(ml_json_get(root, "number"), t->number);
	for (const ml_json *node = ml_json_get(root, "numbers")->first; node != NULL; node = node->next, row++)
	{
		(void) read_numbers(node, t->numbers[row]);
		t->level[row] = (uint32_t) levels[row];
	}
	return row == t->nrows;
}

/* One training: a design of the table, a learner, its solution. */
typedef struct fitted
{
	ml_arena	arena;
	ml_options	options;
	ml_design  *design;
	ml_splitter splitter;
	ml_tabular	tabular;
	ml_problem	problem;
	ml_solution solution;
	ml_linear_report report;
	void	   *state;
	const ml_learner *learner;
	bool		excluded[NFEATURES];
	double		origin[NFEATURES];
} fitted;

static const uint32_t same_classes[] = {0, 1, 2};

static ml_status
build_design(ml_context *ctx, const table *t, const double *target, uint32_t nclasses, bool weighted, size_t memory,
			 fitted *f)
{
	static const char *const names[LEVELS] = {"0", "1", "2", "3"};
	static const ml_tabular_options plain = {.rare = 1};
	static uint64_t label_rows[3];
	ml_design_summary summary;
	uint32_t  **map;

	memset(label_rows, 0, sizeof(label_rows));
	ML_TRY(ml_design_open(ctx, memory, columns, NUMBERS + 1, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &f->design));
	for (uint32_t i = 0; i < t->nrows; i++)
	{
		ml_value	row[NUMBERS + 1];
		ml_side		side = {.target = target[i], .label = nclasses > 0 ? (uint32_t) target[i] : 0,
		.weight = weighted ? (float) t->weight[i] : 1};

		for (int k = 0; k < NUMBERS; k++)
			row[k].number = t->numbers[i][k];
		row[NUMBERS].text = unit_text(names[t->level[i]]);
		label_rows[side.label]++;
		ML_TRY(ml_design_add(ctx, f->design, row, &side));
	}
	f->splitter = (ml_splitter) {.by = ML_SPLIT_FLAG, .folds = 1, .nlabels = 3, .label_rows = label_rows};
	ML_TRY(ml_splitter_open(ctx, &f->splitter));
	ML_TRY(ml_design_summarize(ctx, f->design, &f->splitter, ML_PARTS_ALL, false, &summary));
	ML_TRY(ml_tabular_fit(ctx, &f->arena, columns, NUMBERS + 1, summary.summaries, summary.levels, summary.missing,
						  &plain, &f->tabular, &map));
	return ml_design_prepare(ctx, f->design, &f->splitter, &(ml_design_recipe)
							 {
								 .tabular = &f->tabular, .map = map, .nclasses = nclasses,
								 .classes = nclasses > 0 ? same_classes : NULL, .min_df = 1, .learning = ML_PARTS_ALL
							 });
}

static ml_status
fit_case(ml_context *ctx, const table *t, const ml_json *one, size_t memory, ml_level level, fitted *f)
{
	ml_text		target = ml_json_get(one, "target")->string;
	bool		weighted = ml_json_get(one, "weighted")->boolean;
	uint32_t	nclasses = target.data[0] == 'b' ? 2 : target.data[0] == 't' ? 3 : 0;
	const double *values = nclasses == 2 ? t->binary : nclasses == 3 ? t->three : t->number;
	ml_task		task = nclasses > 0 ? ML_CLASSIFICATION : ML_REGRESSION;
	uint32_t	nscores = nclasses == 3 ? 3 : 1;

	memset(f, 0, sizeof(*f));
	f->learner = ml_learner_find(ml_json_get(one, "learner")->string);
	if (f->learner == NULL)
		return ml_fail(ctx, ML_INTERNAL, "no such learner");
	ML_TRY(ml_options_read(ctx, &f->arena, ml_json_get(one, "learner")->string, ml_json_get(one, "options")->string,
						   &f->options));
	ML_TRY(ml_options_settle(ctx, &f->options, task, ML_SUBJECT_TABLE));
	if (!ml_options_given(&f->options, "tolerance") && f->learner != &ml_gradient_descent)
		f->options.tolerance = 1e-8;
	if (!ml_options_given(&f->options, "epochs"))
		f->options.epochs = 10000;
	ML_TRY(build_design(ctx, t, values, nclasses, weighted, memory, f));
	ML_TRY(ml_solution_open(ctx, &f->solution, nscores, NFEATURES));
	f->excluded[NUMBERS] = f->options.penalty == ML_PENALTY_NONE;
	f->problem = (ml_problem) {.kernel = ml_kernel_select(level), .options = &f->options, .design = f->design,
		.task = task, .nclasses = nclasses, .nscores = nscores, .nfeatures = NFEATURES, .memory = 64 << 20,
	.excluded = f->excluded[NUMBERS] ? f->excluded : NULL, .origin = f->origin};
	ML_TRY(f->learner->open(ctx, &f->problem, &f->state));
	return f->learner->fit(ctx, &f->problem, f->state, ML_PARTS_ALL, &f->solution, &f->report);
}

static void
close_case(ml_context *ctx, fitted *f)
{
	if (f->state != NULL)
		f->learner->close(ctx, f->state);
	ml_solution_close(ctx, &f->solution);
	ml_design_close(ctx, f->design);
	ml_splitter_close(ctx, &f->splitter);
	ml_arena_free(ctx, &f->arena);
}

/* Largest difference, relative to the largest of the expected. */
static double
distance(const double *got, const double *expected, uint32_t n)
{
	double		largest = 0;
	double		scale = 1e-3;

	for (uint32_t i = 0; i < n; i++)
	{
		largest = ML_MAX(largest, fabs(got[i] - expected[i]));
		scale = ML_MAX(scale, fabs(expected[i]));
	}
	return largest / scale;
}

/* Scores of the first rows, by the machine's definition. */
static double
machine_score(const ml_machine *m, uint32_t score, const double *x)
{
	double		sum = 0;

	for (uint32_t v = 0; v < m->nvectors; v++)
	{
		const float *vector = m->vectors + (size_t) v * m->width;
		double		dot = 0;
		double		square = 0;

		for (uint32_t k = 0; k < m->width; k++)
		{
			dot += x[k] * (double) vector[k];
			square += (x[k] - (double) vector[k]) * (x[k] - (double) vector[k]);
		}
		sum += (double) m->coefficients[(size_t) score * m->nvectors + v] *
			(m->kind == ML_MACHINE_RBF ? exp(-m->gamma * square) : pow(m->gamma * dot + m->coef0, m->degree));
	}
	return sum;
}

static void
check_scores(const table *t, const fitted *f, const ml_json *scores, double tolerance, const char *name)
{
	double		worst = 0;
	uint32_t	row = 0;

	for (const ml_json *node = scores->first; node != NULL; node = node->next, row++)
	{
		double		x[NFEATURES] = {0};
		uint32_t	c = 0;

		memcpy(x, t->numbers[row], sizeof(t->numbers[row]));
		x[NUMBERS + t->level[row]] = 1;
		for (const ml_json *score = node->first; score != NULL; score = score->next, c++)
			worst = ML_MAX(worst, fabs(machine_score(&f->solution.machine, c, x) + f->solution.bias[c] - score->number));
	}
	unit_ok(worst < tolerance, "%s: scores (%g)", name, worst);
}

static void
center(double *values, uint32_t n)
{
	double		mean = 0;

	for (uint32_t i = 0; i < n; i++)
		mean += values[i] / n;
	for (uint32_t i = 0; i < n; i++)
		values[i] -= mean;
}

static void
check_case(unit_host *host, const table *t, const ml_json *one, ml_level level)
{
	fitted		f;
	char		name[200];
	double		expected[64];
	double		bias[8];
	double		tolerance = ml_json_get(one, "tolerance")->number;
	uint32_t	n = 0;
	ml_status	status = fit_case(&host->ctx, t, one, 64 << 20, level, &f);

	snprintf(name, sizeof(name), "%.*s %.*s %.*s%s", (int) ml_json_get(one, "learner")->string.size,
			 ml_json_get(one, "learner")->string.data, (int) ml_json_get(one, "target")->string.size,
			 ml_json_get(one, "target")->string.data, (int) ml_json_get(one, "options")->string.size,
			 ml_json_get(one, "options")->string.data, ml_json_get(one, "weighted")->boolean ? " weighted" : "");
	unit_ok(status == ML_OK, "%s: fits (%s)", name, host->ctx.error.text);
	if (status == ML_OK)
	{
		const ml_json *scores = ml_json_get(one, "scores");

		(void) read_numbers(ml_json_get(one, "bias"), bias);
		if (scores->count > 0)
			check_scores(t, &f, scores, tolerance, name);
		else
		{
			double		d;

			for (const ml_json *row = ml_json_get(one, "weights")->first; row != NULL; row = row->next)
				n += read_numbers(row, expected + n);
			/* softmax: only differences between intercepts are determined by the data */
			if (f.learner == &ml_logistic_regression && f.solution.nscores > 1)
			{
				center(f.solution.bias, f.solution.nscores);
				center(bias, f.solution.nscores);
			}
			d = ML_MAX(distance(f.solution.weights, expected, n), distance(f.solution.bias, bias, f.solution.nscores));
			unit_ok(d < tolerance, "%s: weights and intercept (%g, %d epochs)", name, d, f.report.epochs);
		}
		n = read_numbers(ml_json_get(one, "errors"), expected);
		if (n > 0)
		{
			double		d = fabs(f.solution.bias_std_error / expected[0] - 1);

			for (uint32_t k = 0; k < NFEATURES; k++)
				if (k != NUMBERS)
					d = ML_MAX(d, fabs(f.solution.std_error[k] / expected[k + 1] - 1));
			unit_ok(f.solution.has_errors && d < 1e-8, "%s: standard errors (%g)", name, d);
		}
		n = read_numbers(ml_json_get(one, "losses"), expected);
		if (n > 0)
			unit_ok(f.report.nlosses == (int) n && distance(f.report.losses, expected, n) < 1e-9, "%s: losses", name);
		if (f.learner != &ml_gradient_descent)
			unit_ok(f.report.converged, "%s: converged", name);
	}
	close_case(&host->ctx, &f);
}

typedef struct scenario
{
	const table *t;
	const ml_json *one;
	size_t		memory;
} scenario;

static ml_status
run_scenario(ml_context *ctx, void *argument)
{
	const scenario *s = argument;
	fitted		f;
	ml_status	status;

	ctx->spilled = ((unit_host *) ctx->host->user)->spilled;
	status = fit_case(ctx, s->t, s->one, s->memory, ML_LEVEL_AUTO, &f);
	close_case(ctx, &f);
	return status;
}

int
main(void)
{
	unit_host	host;
	size_t		size;
	table	   *t = calloc(1, sizeof(table));
	char	   *text = unit_data("learners.json", &size);
	int			number = 0;

	unit_open(&host);
	unit_ok(text != NULL && read_table(&host, t, text), "test/data/learners.json");
	for (const ml_json *one = t->cases->first; one != NULL; one = one->next, number++)
	{
		scenario	s = {t, one, number % 2 == 0 ? 64 << 20 : 4096};

		check_case(&host, t, one, ML_LEVEL_AUTO);
		check_case(&host, t, one, ML_LEVEL_REF);
		if (number % 3 != 0)
			continue;
		unit_every_allocation_fails("a fit", run_scenario, &s);
		unit_every_poll_cancels("a fit", run_scenario, &s);
	}
	ml_arena_free(&host.ctx, &t->arena);
	unit_close(&host, "learners");
	free(text);
	free(t);
	return unit_done();
}
