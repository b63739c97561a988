/*-------------------------------------------------------------------------
 *
 * test_svm_linear.c
 *	  Linear support vector machines against scikit-learn (test/data/glm.py),
 *	  their solvers against each other and against the duality gap, and
 *	  trouble.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_problem.h"

#include "learn/newton.h"

/* ---------- recorded solutions ---------- */

static void
test_recorded(unit_host *host, const ml_json *cases, ml_level level, size_t memory)
{
	for (const ml_json *one = cases->first; one != NULL; one = one->next)
	{
		char		options[200];
		toy			t;
		ml_status	status;

		if (!read_case(one, "svm", options, sizeof(options), &t))
			continue;
		t.level = level;
		t.memory = memory;
		status = open_toy(&host->ctx, &t);
		if (status == ML_OK)
			status = fit_toy(&host->ctx, &t);
		if (status == ML_OK)
			unit_ok(toy_distance(&t, one) < ml_json_get(one, "tolerance")->number && t.report.converged,
					"%d rows, %c, %s: %g in %d passes", (int) t.rows, t.target, options, toy_distance(&t, one),
					t.report.epochs);
		else
			unit_ok(false, "%s fits: %s", options, host->ctx.error.text);
		/* the first is that of a sample's solution; a cheaper penalty is worth a little loss */
		unit_ok(t.report.nlosses > 0 && t.report.losses[t.report.nlosses - 1] <= t.report.losses[0] * 1.02,
				"its losses fall (%g to %g)", t.report.losses[0], t.report.losses[t.report.nlosses - 1]);
		close_toy(&host->ctx, &t);
	}
}

/* ---------- solvers against each other ---------- */

static double
row_loss(const ml_options *o, double y, double f)
{
	switch (o->loss)
	{
		case ML_LOSS_HINGE:
			return ML_MAX(0, 1 - y * f);
		case ML_LOSS_SQUARED_HINGE:
			return ML_MAX(0, 1 - y * f) * ML_MAX(0, 1 - y * f);
		case ML_LOSS_EPSILON_INSENSITIVE:
			return ML_MAX(0, fabs(y - f) - o->epsilon);
		default:
			return ML_MAX(0, fabs(y - f) - o->epsilon) * ML_MAX(0, fabs(y - f) - o->epsilon);
	}
}

/* What is minimised, by its definition, of all machines together. */
static double
objective(unit_host *host, const toy *t)
{
	const ml_solution *s = &t->solution;
	const ml_block *block;
	double		value = 0;

	for (size_t i = 0; i < (size_t) s->nscores * s->nfeatures; i++)
		value += s->weights[i] * s->weights[i] / 2;
	for (uint32_t c = 0; c < s->nscores; c++)
		value += s->bias[c] * s->bias[c] / 2;
	if (ml_design_begin(&host->ctx, t->design, ML_PARTS_ALL, NULL) != ML_OK)
		return INFINITY;
	for (;;)
	{
		double	   *scores;

		if (ml_design_next(&host->ctx, t->design, &block) != ML_OK)
			return INFINITY;
		if (block == NULL)
			return value;
		scores = malloc((size_t) block->n * s->nscores * sizeof(double));
		if (ml_solution_scores(&host->ctx, t->problem.kernel, s, block, CATEGORIES, NUMBERS, scores) != ML_OK)
			value = INFINITY;
		for (size_t i = 0; i < (size_t) block->n * s->nscores; i++)
		{
			uint32_t	row = (uint32_t) (i / s->nscores);
			uint32_t	own = s->nscores == 1 ? 1 : (uint32_t) (i % s->nscores);
			double		y = t->target == 'n' ? block->target[row] : block->label[row] == own ? 1 : -1;

			value += t->options_read.c * block->weight[row] * row_loss(&t->options_read, y, scores[i]);
		}
		free(scores);
	}
}

/* So little memory that there is none for a Hessian: dual descent, or quasi-Newton. */
static void
test_solvers(unit_host *host, char target, const char *options, bool texts, double tolerance)
{
	toy			newton = {.learner = "svm", .options = options, .rows = 1200, .target = target, .weighted = true,
	.texts = texts, .standardize = true};
	toy			other = newton;
	bool		fine;

	fine = open_toy(&host->ctx, &newton) == ML_OK && fit_toy(&host->ctx, &newton) == ML_OK;
	other.learner_memory = ml_glm_memory(&newton.problem, 1, true);
	fine = fine && open_toy(&host->ctx, &other) == ML_OK && !ml_newton_fits(&other.problem, 1);
	/* spilled with what the solver keeps */
	fine = fine && fit_toy(&host->ctx, &other) == ML_OK;
	if (fine)
	{
		double		best = objective(host, &newton);
		double		more = objective(host, &other) / best - 1;

		unit_ok(newton.report.converged && other.report.converged && more > -1e-9 && more < tolerance,
				"%c %s%s: both solvers find the optimum (%g, %g after %d and %d passes)", target, options,
				texts ? " texts" : "", more, toys_differ(&other, &newton), newton.report.epochs, other.report.epochs);
		fine = fit_toy(&host->ctx, &newton) == ML_OK;
		unit_ok(fine && newton.report.converged && fabs(objective(host, &newton) / best - 1) < 1e-7,
				"the same from there (%g in %d passes)", objective(host, &newton) / best - 1, newton.report.epochs);
	}
	else
		unit_ok(false, "%s: %s", options, host->ctx.error.text);
	close_toy(&host->ctx, &newton);
	close_toy(&host->ctx, &other);
}

/* ---------- trouble ---------- */

static void
one_class(toy_row *row, uint32_t i)
{
	row->binary = 1;
	row->number = 3;
}

static void
separable(toy_row *row, uint32_t i)
{
	row->binary = row->numbers[2] > 0;
	row->number = row->numbers[2];
}

static void
far_away(toy_row *row, uint32_t i)
{
	row->number = 1e6 + 1000 * row->number;
}

static void
copied(toy_row *row, uint32_t i)
{
	row->numbers[3] = 2 * row->numbers[1];
	row->numbers[4] = 7;
}

static void
test_trouble(unit_host *host, toy t, const char *name)
{
	bool		fine = open_toy(&host->ctx, &t) == ML_OK && fit_toy(&host->ctx, &t) == ML_OK;
	double		value = fine ? objective(host, &t) : INFINITY;

	unit_ok(fine && isfinite(value) && t.report.converged, "%c %s, %s: converged at %g in %d passes", t.target,
			t.options, name, value, t.report.epochs);
	if (fine && t.change == one_class && t.target == 'n' && t.options_read.epsilon < 3)
	{
		/* the intercept alone could have it at 1/2 (3 - epsilon)^2; features share */
		unit_ok(value <= (3 - t.options_read.epsilon) * (3 - t.options_read.epsilon) / 2 + 1e-6,
				"a constant target is cheap (%g)", value);
	}
	close_toy(&host->ctx, &t);
}

static void
test_troubles(unit_host *host)
{
	static const char *const classes[] = {"{}", "{\"loss\": \"hinge\"}"};
	static const char *const numbers[] = {"{}", "{\"loss\": \"squared_epsilon_insensitive\"}"};

	for (int i = 0; i < 4; i++)
	{
		toy			t = {.learner = "svm", .options = i < 2 ? classes[i] : numbers[i - 2], .rows = 800,
			.target = i < 2 ? 'b' : 'n', .standardize = true};

		t.change = one_class;
		test_trouble(host, t, "constant target");
		t.change = separable;
		test_trouble(host, t, "a feature that is the target");
		t.change = copied;
		test_trouble(host, t, "copies and constants");
		t.change = far_away;
		test_trouble(host, t, "targets far from 0");
		t.change = NULL;
		t.rows = 1;
		test_trouble(host, t, "one row");
		t.rows = 20;
		test_trouble(host, t, "fewer rows than columns");
	}
}

static void
test_limits(unit_host *host)
{
	toy			t = {.learner = "svm", .options = "{\"loss\": \"hinge\", \"epochs\": 3, \"tolerance\": 1e-9}",
	.rows = 2000, .target = 'b'};

	unit_ok(open_toy(&host->ctx, &t) == ML_OK && fit_toy(&host->ctx, &t) == ML_OK && !t.report.converged,
			"three passes are not enough, and it says so");
	close_toy(&host->ctx, &t);
	t.options = "{}";
	t.learner_memory = 1000;
	unit_fails(host, open_toy(&host->ctx, &t), ML_MEMORY_LIMIT, "36 features", "memory for the solver");
	close_toy(&host->ctx, &t);
}

int
main(void)
{
	static const char *const classes[] = {"{}", "{\"loss\": \"hinge\", \"c\": 0.1, \"epochs\": 20000}"};
	static const char *const numbers[] = {"{\"c\": 0.1}", "{\"loss\": \"squared_epsilon_insensitive\"}"};
	unit_host	host;
	size_t		size;
	char	   *text = unit_data("glm.json", &size);
	ml_arena	arena = {0};
	const ml_json *root;

	unit_open(&host);
	unit_ok(text != NULL && ml_json_parse(&host.ctx, &arena, unit_text(text), ML_BAD_DATA, &root) == ML_OK,
			"test/data/glm.json");
	test_recorded(&host, ml_json_get(root, "cases"), ML_LEVEL_AUTO, 0);
	test_recorded(&host, ml_json_get(root, "cases"), ML_LEVEL_REF, 100000);
	for (int i = 0; i < 2; i++)
		for (int texts = 0; texts < 2; texts++)
		{
			test_solvers(&host, 'b', classes[i], texts, i == 0 ? 1e-9 : 1e-6);
			/* machines of three labels, none of them at its last digit */
			test_solvers(&host, 'm', classes[i], texts, i == 0 ? 1e-9 : 1e-5);
			test_solvers(&host, 'n', numbers[i], texts, i == 1 ? 1e-9 : 1e-6);
		}
	test_troubles(&host);
	test_limits(&host);
	for (int i = 0; i < 4; i++)
	{
		toy			t = {.learner = "svm", .options = i % 2 ? "{\"loss\": \"hinge\", \"tolerance\": 0.1}" : "{}",
			.rows = 300, .target = 'b', .memory = i == 1 ? 4096 : 0, .learner_memory = i >= 2 ? 60000 : 0};

		unit_every_allocation_fails("a fit", run_toy, &t);
		unit_every_poll_cancels("a fit", run_toy, &t);
	}
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "svm_linear");
	free(text);
	return unit_done();
}
