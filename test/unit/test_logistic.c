/*-------------------------------------------------------------------------
 *
 * test_logistic.c
 *	  Logistic regression: the sums of a pass against finite differences,
 *	  solutions against scikit-learn and statsmodels (test/data/glm.py), the two
 *	  solvers against each other, and data without an optimum.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_problem.h"

#include "learn/newton.h"
#include "learn/precondition.h"

/* ---------- sums of a pass ---------- */

static double
row_of(const ml_glm *glm, uint32_t c, uint32_t k, uint32_t d, uint32_t l)
{
	return ml_triangle_get(glm->hessian, ml_glm_row(glm, c, k), ml_glm_row(glm, d, l));
}

/* Gradient against differences of the sum, Hessian against differences of the gradient. */
static void
check_derivatives(unit_host *host, toy *t, ml_loss loss, uint32_t nscores, const char *name)
{
	ml_context *ctx = &host->ctx;
	ml_glm		glm = {0};
	ml_glm		plain = {0};
	double		wrong[3] = {0};
	double		h = 1e-5;
	ml_rng		rng;
	double	   *w;
	double	   *g;
	bool		fine;

	ml_rng_seed(&rng, 3);
	fine = open_toy(ctx, t) == ML_OK;
	fine = fine && ml_glm_open(ctx, &glm, &t->problem, loss, nscores, -1, true) == ML_OK;
	fine = fine && ml_glm_open(ctx, &plain, &t->problem, loss, nscores, -1, false) == ML_OK;
	unit_ok(fine, "%s: opens", name);
	if (!fine)
		return;
	w = malloc(3 * glm.n * sizeof(double));
	g = w + glm.n;
	for (size_t i = 0; i < glm.n; i++)
		w[i] = ml_rng_double(&rng) - 0.5;
	for (size_t i = 0; i < glm.n; i += 5)
	{
		double		x = w[i];
		double		sums[2];
		double		scale;

		for (int side = 0; side < 2; side++)
		{
			w[i] = side ? x + h : x - h;
			fine &= ml_glm_pass(ctx, &glm, w, ML_PARTS_ALL, false, false) == ML_OK;
			sums[side] = glm.sum;
			memcpy(g + (side ? 0 : glm.n), glm.gradient, glm.n * sizeof(double));
		}
		w[i] = x;
		fine &= ml_glm_pass(ctx, &glm, w, ML_PARTS_ALL, false, true) == ML_OK;
		scale = 1 + fabs(glm.gradient[i]);
		wrong[0] = ML_MAX(wrong[0], fabs((sums[1] - sums[0]) / (2 * h) - glm.gradient[i]) / scale);
		for (size_t j = 0; j < glm.n; j++)
		{
			double		curve = row_of(&glm, (uint32_t) (i / glm.q), (uint32_t) (i % glm.q),
									   (uint32_t) (j / glm.q), (uint32_t) (j % glm.q));

			wrong[1] = ML_MAX(wrong[1], fabs((g[j] - g[glm.n + j]) / (2 * h) - curve) / (1 + fabs(curve)));
		}
	}
	/* the other layout has the same sums */
	for (uint32_t c = 0; c < nscores; c++)
		for (uint32_t k = 0; k < glm.q; k++)
			g[ml_glm_parameter(&plain, c, k)] = w[ml_glm_parameter(&glm, c, k)];
	fine &= ml_glm_pass(ctx, &plain, g, ML_PARTS_ALL, false, false) == ML_OK;
	fine &= fabs(plain.sum - glm.sum) <= 1e-12 * glm.sum;
	for (uint32_t c = 0; c < nscores; c++)
		for (uint32_t k = 0; k < glm.q; k++)
			wrong[2] = ML_MAX(wrong[2], fabs(plain.gradient[ml_glm_parameter(&plain, c, k)] -
											 glm.gradient[ml_glm_parameter(&glm, c, k)]));
	unit_ok(fine && wrong[0] < 1e-5, "%s: gradient (%g)", name, wrong[0]);
	unit_ok(wrong[1] < 1e-4, "%s: Hessian (%g)", name, wrong[1]);
	unit_ok(wrong[2] < 1e-9, "%s: gradient by feature (%g)", name, wrong[2]);
	/* a sample is a sixteenth of the rows */
	fine = ml_glm_pass(ctx, &glm, w, ML_PARTS_ALL, true, true) == ML_OK;
	unit_ok(fine && glm.rows >= t->rows / 32 && glm.rows <= t->rows / 8, "%s: a sample of %d rows",
			name, (int) glm.rows);
	free(w);
	ml_glm_close(ctx, &glm);
	ml_glm_close(ctx, &plain);
	close_toy(ctx, t);
}

static void
test_derivatives(unit_host *host)
{
	toy			one = {.learner = "logistic_regression", .options = "{}", .rows = 1500, .target = 'b',
	.weighted = true, .texts = true};
	toy			many = one;
	toy			svm = one;

	many.target = 'm';
	many.level = ML_LEVEL_REF;
	svm.learner = "svm";
	check_derivatives(host, &one, ML_LOSS_LOGISTIC, 1, "two classes");
	check_derivatives(host, &many, ML_LOSS_LOGISTIC, CLASSES, "four classes");
	many.level = ML_LEVEL_AUTO;
	memset(&many.arena, 0, sizeof(many.arena));
	check_derivatives(host, &many, ML_LOSS_LOGISTIC, CLASSES, "four classes in vectors");
	check_derivatives(host, &svm, ML_LOSS_SQUARED_HINGE, 1, "squared hinge");
}

/*
 * What a solver begins with is the inverse of the Hessian where all unknowns are
 * in the block, and that of its diagonal where there is no memory for one.
 */
static void
test_precondition(unit_host *host, bool texts, size_t memory)
{
	toy			t = {.learner = "logistic_regression", .options = "{}", .rows = 900, .target = 'b',
	.weighted = true, .texts = texts, .standardize = true};
	ml_context *ctx = &host->ctx;
	ml_glm		glm = {0};
	ml_glm		plain = {0};
	double		wrong = 0;
	double		length = 0;
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	if (open_toy(ctx, &t) == ML_OK && ml_glm_open(ctx, &glm, &t.problem, ML_LOSS_LOGISTIC, 1, -1, true) == ML_OK &&
		ml_glm_open(ctx, &plain, &t.problem, ML_LOSS_LOGISTIC, 1, -1, false) == ML_OK)
	{
		double	   *w = malloc(4 * glm.n * sizeof(double));
		double	   *x = w + glm.n;
		double	   *product = w + 2 * glm.n;
		ml_precondition p = {.glm = &plain, .parts = ML_PARTS_ALL, .c = 0.7, .l2 = 1, .inverse = w + 3 * glm.n,
		.memory = memory};
		bool		fine;

		for (size_t i = 0; i < glm.n; i++)
		{
			w[i] = ml_rng_double(&rng) - 0.5;
			x[i] = ml_rng_double(&rng) - 0.5;
		}
		fine = ml_glm_pass(ctx, &glm, w, ML_PARTS_ALL, false, true) == ML_OK &&
			ml_precondition_open(ctx, &p) == ML_OK && ml_precondition_set(ctx, &p, w) == ML_OK;
		for (uint32_t k = 0; k < glm.q; k++)
		{
			product[k] = k == glm.q - 1 ? 0 : x[k];
			for (uint32_t l = 0; l < glm.q; l++)
				if (memory > 0 || k == l)
					product[k] += 0.7 * row_of(&glm, 0, k, 0, l) * x[l];
		}
		fine = fine && ml_precondition_apply(ctx, &p, product) == ML_OK;
		for (size_t i = 0; i < glm.n; i++)
		{
			wrong = ML_MAX(wrong, fabs(product[i] - x[i]));
			length += product[i] * x[i];
		}
		/* beyond the block it is one that leads down, no more */
		unit_ok(fine && p.n == (memory > 0 ? ML_MIN(glm.q, (uint32_t) ML_PRECONDITION_MAX) : 0) && length > 0 &&
				(wrong < (memory > 0 ? 1e-3 : 1e-12) || (p.n > 0 && p.n < glm.q && wrong < 1)),
				"the inverse of %u unknowns, %u of them in a block (%g)", glm.q, p.n, wrong);
		ml_precondition_close(ctx, &p);
		free(w);
	}
	else
		unit_ok(false, "toy for the inverse: %s", ctx->error.text);
	ml_glm_close(ctx, &glm);
	ml_glm_close(ctx, &plain);
	close_toy(ctx, &t);
}

/* ---------- recorded solutions ---------- */

static double
errors_differ(const toy *t, const ml_json *one)
{
	double		expected[FEATURES + 1];
	double		largest = fabs(t->solution.bias_std_error);

	if (read_array(ml_json_get(one, "errors"), expected) == 0)
		return 0;
	largest = fabs(t->solution.bias_std_error / expected[0] - 1);
	for (uint32_t k = 0; k < FEATURES; k++)
		if (expected[k + 1] != 0)
			largest = ML_MAX(largest, fabs(t->solution.std_error[k] / expected[k + 1] - 1));
	return t->solution.has_errors ? largest : INFINITY;
}

static void
test_recorded(unit_host *host, const ml_json *cases, ml_level level, size_t memory)
{
	for (const ml_json *one = cases->first; one != NULL; one = one->next)
	{
		char		options[200];
		toy			t;
		ml_status	status;

		if (!read_case(one, "logistic_regression", options, sizeof(options), &t))
			continue;
		t.level = level;
		t.memory = memory;
		status = open_toy(&host->ctx, &t);
		if (status == ML_OK)
			status = fit_toy(&host->ctx, &t);
		if (status == ML_OK)
		{
			double		distance = toy_distance(&t, one);
			bool		falls = true;

			unit_ok(distance < ml_json_get(one, "tolerance")->number && t.report.converged,
					"%d rows, %c, %s: %g in %d passes", (int) t.rows, t.target, options, distance,
					t.report.epochs);
			unit_ok(errors_differ(&t, one) < 1e-8, "standard errors");
			/* the data term may rise once the penalty is cheaper so; it may not by much */
			for (int i = 1; i < t.report.nlosses; i++)
				falls &= t.report.losses[i] <= t.report.losses[i - 1] * 1.001;
			unit_ok(falls && t.report.nlosses == t.report.epochs, "its losses fall");
		}
		else
			unit_ok(false, "%s fits: %s", options, host->ctx.error.text);
		close_toy(&host->ctx, &t);
	}
}

/* ---------- the two solvers ---------- */

/* What is minimised, at the solution. */
static double
objective(unit_host *host, const toy *t)
{
	const ml_options *o = &t->options_read;
	size_t		n = t->solution.nfeatures;
	double		ratio = o->penalty == ML_PENALTY_L1 ? 1 : o->penalty == ML_PENALTY_L2 ? 0 : o->l1_ratio;
	ml_glm		glm = {0};
	double	   *w = malloc(t->solution.nscores * (n + 1) * sizeof(double));
	double		value = INFINITY;

	if (ml_glm_open(&host->ctx, &glm, &t->problem, ML_LOSS_LOGISTIC, t->solution.nscores, -1, false) == ML_OK)
	{
		for (uint32_t c = 0; c < glm.nscores; c++)
			for (uint32_t k = 0; k <= n; k++)
				w[ml_glm_parameter(&glm, c, k)] = k == n ? t->solution.bias[c] :
					t->solution.weights[c * n + k];
		if (ml_glm_pass(&host->ctx, &glm, w, ML_PARTS_ALL, false, false) == ML_OK)
			value = o->penalty == ML_PENALTY_NONE ? glm.sum : o->c * glm.sum;
		for (size_t i = 0; i < glm.nscores * n && o->penalty != ML_PENALTY_NONE; i++)
			value += (1 - ratio) / 2 * t->solution.weights[i] * t->solution.weights[i] +
				ratio * fabs(t->solution.weights[i]);
	}
	ml_glm_close(&host->ctx, &glm);
	free(w);
	return value;
}

/*
 * So little memory that there is none for a Hessian.  With L1 alone an even number
 * of classes has many solutions.
 */
static void
test_solvers(unit_host *host, char target, const char *options, bool texts)
{
	toy			newton = {.learner = "logistic_regression", .options = options, .rows = 2000, .target = target,
	.weighted = true, .texts = texts, .standardize = true};
	toy			quasi = newton;
	bool		fine;

	fine = open_toy(&host->ctx, &newton) == ML_OK && fit_toy(&host->ctx, &newton) == ML_OK;
	quasi.learner_memory = ml_glm_memory(&newton.problem, newton.problem.nscores, true);
	fine = fine && open_toy(&host->ctx, &quasi) == ML_OK && !ml_newton_fits(&quasi.problem, quasi.problem.nscores) &&
		fit_toy(&host->ctx, &quasi) == ML_OK;
	if (fine)
		unit_ok((strstr(options, "\"l1\"") != NULL || toys_differ(&quasi, &newton) < 1e-4) &&
				fabs(objective(host, &quasi) / objective(host, &newton) - 1) < 1e-9 && quasi.report.converged && newton.report.converged,
				"%c %s%s: both solvers agree (%g, %g after %d and %d passes)", target, options,
				texts ? " texts" : "", toys_differ(&quasi, &newton),
				objective(host, &quasi) / objective(host, &newton) - 1, newton.report.epochs,
				quasi.report.epochs);
	else
		unit_ok(false, "%s: %s", options, host->ctx.error.text);
	/* once more from there */
	fine = fine && fit_toy(&host->ctx, &newton) == ML_OK && fit_toy(&host->ctx, &quasi) == ML_OK;
	unit_ok(fine && newton.report.epochs <= 3 && quasi.report.epochs <= 6 && newton.report.converged &&
			quasi.report.converged, "from the solution few passes confirm it (%d and %d)", newton.report.epochs,
			quasi.report.epochs);
	close_toy(&host->ctx, &newton);
	close_toy(&host->ctx, &quasi);
}

/* ---------- data without an optimum, and other trouble ---------- */

static void
by_number(toy_row *row, uint32_t i)
{
	row->binary = row->numbers[2] > 0;
	row->many = row->numbers[2] > 0 ? 2 : row->binary;
}

static void
by_numbers(toy_row *row, uint32_t i)
{
	row->binary = row->numbers[2] + row->numbers[1] > 0.1;
}

static void
by_level(toy_row *row, uint32_t i)
{
	if (row->levels[1] == 5)
		row->binary = 1;
}

static void
one_class(toy_row *row, uint32_t i)
{
	row->binary = 1;
}

static void
copied(toy_row *row, uint32_t i)
{
	row->numbers[3] = 2 * row->numbers[1];
	row->numbers[4] = 7;
}

static void
few_ones(toy_row *row, uint32_t i)
{
	row->binary = i % 4000 == 7;
}

static bool
all_finite(const toy *t)
{
	bool		finite = true;

	for (size_t i = 0; i < (size_t) t->solution.nscores * t->solution.nfeatures; i++)
		finite &= isfinite(t->solution.weights[i]);
	for (uint32_t c = 0; c < t->solution.nscores; c++)
		finite &= isfinite(t->solution.bias[c]);
	return finite;
}

static void
test_trouble(unit_host *host, toy t, const char *warning, bool converged, const char *name)
{
	int			warnings = host->warnings;
	bool		fine = open_toy(&host->ctx, &t) == ML_OK && fit_toy(&host->ctx, &t) == ML_OK;

	unit_ok(fine && all_finite(&t), "%s: a finite result in %d passes", name, t.report.epochs);
	unit_ok(t.report.converged == converged, "%s: %s", name, converged ? "converged" : "not converged");
	if (warning == NULL)
		unit_is_int(host->warnings, warnings, "%s: no warning", name);
	else
		unit_ok(host->warnings == warnings + 1 && strstr(host->warning, warning) != NULL, "%s: warns: %s", name,
				host->warning);
	close_toy(&host->ctx, &t);
}

static void
test_troubles(unit_host *host)
{
	toy			plain = {.learner = "logistic_regression", .options = "{\"penalty\": \"none\"}", .rows = 2000,
	.target = 'b', .standardize = true};
	toy			t = plain;

	t.change = by_number;
	test_trouble(host, t, "\"c\" separates the classes", false, "a number separates");
	t.options = "{}";
	test_trouble(host, t, NULL, true, "with a penalty it may");
	t.options = plain.options;
	t.target = 'm';
	test_trouble(host, t, "\"c\" separates the classes", false, "a number separates three classes");
	t.target = 'b';
	t.change = by_numbers;
	test_trouble(host, t, "perfectly separated", false, "two numbers separate");
	t.change = by_level;
	test_trouble(host, t, "\"l = 05\" separates the classes", false, "a level separates");
	t.change = copied;
	test_trouble(host, t, NULL, true, "copies and constants");
	t.rows = 30;
	t.change = NULL;
	test_trouble(host, t, "separates the classes", false, "fewer rows than columns");
	t.options = "{}";
	test_trouble(host, t, NULL, true, "the same with a penalty");
	t.rows = 1;
	test_trouble(host, t, NULL, true, "one row");
	t.rows = 500;
	t.change = one_class;
	test_trouble(host, t, NULL, true, "one class");
	t.change = few_ones;
	t.rows = 40000;
	test_trouble(host, t, NULL, true, "ten rows of a class, which a sample lacks");
}

/* Dropped columns have weight 0 and no error. */
static void
test_dropped(unit_host *host)
{
	toy			t = {.learner = "logistic_regression", .options = "{\"penalty\": \"none\"}", .rows = 2000,
	.target = 'b', .standardize = true, .change = copied};

	unit_ok(open_toy(&host->ctx, &t) == ML_OK && fit_toy(&host->ctx, &t) == ML_OK && t.solution.has_errors,
			"rank-deficient: fits");
	unit_ok(t.solution.dropped[3] && t.solution.weights[3] == 0 && isnan(t.solution.std_error[3]),
			"a copy is dropped");
	unit_ok(t.solution.dropped[4] && t.solution.weights[4] == 0, "a constant is dropped");
	unit_ok(!t.solution.dropped[1] && t.solution.std_error[1] > 0, "what it copies is not");
	close_toy(&host->ctx, &t);
}

static void
test_limits(unit_host *host)
{
	toy			t = {.learner = "logistic_regression", .options = "{\"epochs\": 2, \"tolerance\": 1e-12}",
	.rows = 2000, .target = 'b'};

	unit_ok(open_toy(&host->ctx, &t) == ML_OK && fit_toy(&host->ctx, &t) == ML_OK && !t.report.converged,
			"two passes are not enough, and it says so");
	close_toy(&host->ctx, &t);
	t.options = "{}";
	t.learner_memory = 1000;
	unit_fails(host, open_toy(&host->ctx, &t), ML_MEMORY_LIMIT, "36 features", "memory for the solver");
	close_toy(&host->ctx, &t);
}

int
main(void)
{
	static const char *const all[] = {"{}", "{\"penalty\": \"l1\", \"c\": 0.2}",
	"{\"penalty\": \"elastic_net\", \"l1_ratio\": 0.5, \"c\": 0.3}"};
	unit_host	host;
	size_t		size;
	char	   *text = unit_data("glm.json", &size);
	ml_arena	arena = {0};
	const ml_json *root;

	unit_open(&host);
	unit_ok(text != NULL && ml_json_parse(&host.ctx, &arena, unit_text(text), ML_BAD_DATA, &root) == ML_OK,
			"test/data/glm.json");
	test_derivatives(&host);
	for (int i = 0; i < 4; i++)
		test_precondition(&host, i % 2, i < 2 ? (size_t) 1 << 24 : 0);
	test_recorded(&host, ml_json_get(root, "cases"), ML_LEVEL_AUTO, 0);
	test_recorded(&host, ml_json_get(root, "cases"), ML_LEVEL_REF, 100000);
	for (int i = 0; i < 3; i++)
		for (int texts = 0; texts < 2; texts++)
		{
			test_solvers(&host, 'b', all[i], texts);
			test_solvers(&host, 'm', all[i], texts);
		}
	test_solvers(&host, 'b', "{\"penalty\": \"none\"}", false);
	test_troubles(&host);
	test_dropped(&host);
	test_limits(&host);
	for (int i = 0; i < 3; i++)
	{
		toy			t = {.learner = "logistic_regression", .options = all[i], .rows = 300, .target = 'b',
			.texts = i == 0, .memory = i == 1 ? 4096 : 0, .learner_memory = i == 2 ? 60000 : 0};

		unit_every_allocation_fails(all[i], run_toy, &t);
		unit_every_poll_cancels(all[i], run_toy, &t);
	}
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "logistic");
	free(text);
	return unit_done();
}
