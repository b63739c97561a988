/*-------------------------------------------------------------------------
 *
 * linear_regression.c
 *	  The learner linear_regression: least squares with intercept, ridge,
 *	  lasso, elastic net.
 *
 *	  min 1/(2 sum s) sum s_i (y_i - w.x_i - b)^2
 *		  + alpha (l1_ratio |w|_1 + (1 - l1_ratio)/2 |w|^2)
 *
 * Up to a few thousand features (as many as the memory has room for) the
 * products of all pairs are summed up in one pass and the equations solved
 * directly (least_squares.h).  Rows are never made dense: numbers are
 * multiplied with each other in panels of 8 columns, a level adds the row's
 * numbers to its own line of products, and two levels add a weight to theirs.
 * More features, and texts, are left to linear_regression_wide.c.
 *
 * The products have lost digits where columns nearly depend on each other.
 * Then the solution is corrected by passes over the rows: with r the residuals
 * of the rows, (X'SX + ridge) d = X'S r - ridge w gives the step d (corrected
 * seminormal equations, Björck 1987).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "learn/least_squares.h"
#include "learn/linear_regression.h"

#define CHUNK			64		/* rows in panels at a time */
#define CAPACITY		(CHUNK + 8)
#define FEATURES_MAX	4096	/* solved directly, if the memory allows it */
#define CORRECT_BELOW	1e-4	/* smallest pivot that needs no correction, */
#define CORRECT_ABOVE	1e4		/* and largest inflation of a variance */
#define CORRECTIONS		4
#define POLL_WORK		((size_t) 1 << 21)

/* Sums of one fit; rows of the triangle: dense features, the target, the others. */
typedef struct sums
{
	const ml_problem *problem;
	ml_moments	moments;		/* of dense features and target */
	uint32_t	ndense;
	uint32_t	ncategories;
	uint32_t	n;				/* features */
	double	   *shift;			/* that numbers are relative to: the first row's */
	double	   *panels;			/* [npanels][CAPACITY][8] */
	double	   *means;			/* [n + 1] in the end */
	uint64_t	nrows;
	size_t		work;
} sums;

static size_t
direct_memory(uint32_t nfeatures)
{
	/* the products, the factor, scratch of the inverse and a score of vectors */
	return ml_size_add(ml_size_mul(ml_triangle_size((size_t) nfeatures + 1), 2 * sizeof(double)),
					   ml_size_mul((size_t) nfeatures + 8, 50 * sizeof(double)));
}

static bool
is_direct(const ml_problem *problem)
{
	return ml_design_ntext(problem->design) == 0 && problem->nfeatures <= FEATURES_MAX &&
		direct_memory(problem->nfeatures) <= problem->memory;
}

static ml_status
regression_open(ml_context *ctx, const ml_problem *problem, void **state)
{
	size_t		need = ml_regression_wide_memory(problem);

	*state = NULL;
	if (is_direct(problem) || need <= problem->memory)
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"linear regression on %u features needs %zu MB of memory, and %zu MB are allowed",
			problem->nfeatures, (need >> 20) + 1, problem->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem, or make fewer features (options \"rare\", \"min_df\").");
}

static ml_status
numbers(ml_context *ctx, ml_arena *arena, size_t n, double **array)
{
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(n, sizeof(double)), &memory));
	*array = memory;
	return ML_OK;
}

static ml_status
open_sums(ml_context *ctx, ml_arena *arena, const ml_problem *problem, sums *s)
{
	size_t		npanels;

	memset(s, 0, sizeof(*s));
	s->problem = problem;
	s->ndense = ml_design_ndense(problem->design);
	s->ncategories = ml_design_ncategories(problem->design);
	s->n = problem->nfeatures;
	npanels = ml_npanels((size_t) s->ndense + 1);
	s->moments.npanels = npanels;
	ML_TRY(numbers(ctx, arena, ml_triangle_size((size_t) s->n + 1), &s->moments.products));
	ML_TRY(numbers(ctx, arena, 8 * npanels, &s->moments.shift));	/* stays 0 */
	ML_TRY(numbers(ctx, arena, 8 * npanels, &s->moments.mean));
	ML_TRY(numbers(ctx, arena, 8 * npanels, &s->moments.low));
	ML_TRY(numbers(ctx, arena, 8 * npanels, &s->moments.high));
	ML_TRY(numbers(ctx, arena, 8 * npanels, &s->shift));
	ML_TRY(numbers(ctx, arena, ml_size_mul(8 * CAPACITY, npanels), &s->panels));
	return numbers(ctx, arena, (size_t) s->n + 1, &s->means);
}

/* Where the products of a level are. */
static inline uint32_t
row_of(uint32_t feature)
{
	return feature + 1;
}

/* Numbers and target of rows first .. first + CHUNK - 1 as panels. */
static void
pack(sums *s, const ml_block *block, uint32_t first)
{
	const ml_kernel *kernel = s->problem->kernel;
	uint32_t	y = s->ndense;
	double	   *target = s->panels + 8 * CAPACITY * (size_t) (y / 8) + y % 8;

	for (uint32_t p = 0; p < s->moments.npanels; p++)
	{
		uint32_t	left = s->ndense - ML_MIN(s->ndense, 8 * p);
		const double *columns = left == 0 ? NULL :
			block->dense + (size_t) 8 * p * block->stride + first;

		kernel->panel_pack(s->panels + 8 * CAPACITY * (size_t) p, columns, block->stride,
						   ML_MIN(left, 8), s->shift + 8 * p, CHUNK);
	}
	for (uint32_t i = 0; i < CHUNK; i++)
		target[8 * i] = block->target[first + i] - s->shift[y];
}

/* What the levels of n rows add: to the products with numbers, and with each other. */
static void
add_levels(sums *s, const ml_block *block, uint32_t first, uint32_t n)
{
	const ml_kernel *kernel = s->problem->kernel;
	double	   *products = s->moments.products;

	for (uint32_t k = 0; k < s->ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

		for (uint32_t i = 0; i < n; i++)
		{
			double		weight = block->weight[first + i];
			uint32_t	row;
			double	   *own;

			if (hot[i] == ML_NO_TERM)
				continue;
			row = row_of(hot[i]);
			own = products + ml_triangle_row(row);
			kernel->panel_add(own, s->panels + 8 * i, 8 * CAPACITY, s->moments.npanels, weight);
			own[row] += weight;
			for (uint32_t l = 0; l < k; l++)
			{
				uint32_t	other = block->hot[(size_t) l * block->stride + first + i];

				if (other == ML_NO_TERM)
					continue;
				other = row_of(other);
				if (other < row)
					own[other] += weight;
				else
					products[ml_triangle_row(other) + row] += weight;
			}
		}
	}
}

static ml_status
add_block(ml_context *ctx, sums *s, const ml_block *block)
{
	double		factors[CHUNK + 1];

	if (s->nrows == 0)
	{
		for (uint32_t j = 0; j < s->ndense; j++)
			s->shift[j] = block->dense[(size_t) j * block->stride];
		s->shift[s->ndense] = block->target[0];
	}
	for (uint32_t first = 0; first < block->n; first += CHUNK)
	{
		uint32_t	n = ML_MIN(block->n - first, (uint32_t) CHUNK);

		pack(s, block, first);
		add_levels(s, block, first, n);
		ml_moments_add(s->problem->kernel, &s->moments, s->panels, CAPACITY, n,
					   block->weight + first, factors);
		s->work += 8 * CHUNK * s->moments.npanels * (s->moments.npanels + s->ncategories) +
			CHUNK * s->ncategories * s->ncategories;
		if (s->work > POLL_WORK)
		{
			s->work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	s->nrows += block->n;
	return ML_OK;
}

/* Products of the levels so far are about the shift, or none: now about the means. */
static ml_status
center_levels(ml_context *ctx, sums *s)
{
	double	   *products = s->moments.products;
	double		weight = s->moments.weight;
	uint32_t	y = s->ndense;

	for (uint32_t j = 0; j <= y; j++)
		s->means[j] = s->shift[j] + s->moments.mean[j];
	for (uint32_t i = y + 1; i <= s->n; i++)
		s->means[i] = products[ml_triangle_row(i) + i] / weight;
	for (uint32_t i = y + 1; i <= s->n; i++)
	{
		double	   *row = products + ml_triangle_row(i);
		double		own = row[i];

		for (uint32_t j = 0; j <= y; j++)
			row[j] -= own * s->moments.mean[j];
		for (uint32_t j = y + 1; j < i; j++)
			row[j] -= own * s->means[j];
		row[i] = own * (1 - s->means[i]);
		if (i % 256 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
sum_up(ml_context *ctx, sums *s, uint32_t parts)
{
	ml_design  *design = s->problem->design;
	const ml_block *block;

	ML_TRY(ml_design_begin(ctx, design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, design, &block));
		if (block == NULL)
			break;
		ML_TRY(add_block(ctx, s, block));
	}
	if (!(s->moments.weight > 0))
		return ml_fail(ctx, ML_BAD_DATA, "there are no rows to learn from");
	return center_levels(ctx, s);
}

void
ml_regression_note(ml_context *ctx, const ml_problem *problem, uint32_t parts, double loss,
				   ml_linear_report *report)
{
	if (report->nlosses < ML_LOSSES_MAX)
		report->losses[report->nlosses++] = loss;
	report->epochs++;
	ml_linear_progress(ctx, ML_PHASE_FIT, (int64_t) ml_design_count(problem->design, parts),
					   report->epochs, loss);
}

/* Vectors of the correction, [8 npanels] or [n] each. */
typedef struct correction
{
	double	   *products;		/* of the pass */
	double	   *b;
	double	   *step;
	double	   *residual;
	double	   *scratch;
} correction;

/*
 * Residuals of the rows -> a step of the weights; *largest: the largest one, in
 * scaled unknowns.  fit->residual becomes that of the rows.
 */
static ml_status
correct(ml_context *ctx, const sums *s, const ml_equations *eq, const uint32_t *index,
		uint32_t parts, double ridge, correction *c, ml_least_squares *fit, double *largest)
{
	ml_regression_pass pass = {
		.w = fit->weights, .bias = fit->bias, .residual = true, .products = c->products
	};

	memset(c->products, 0, s->n * sizeof(double));
	ML_TRY(ml_regression_sum(ctx, s->problem, parts, &pass));
	fit->residual = ML_MAX(pass.squares - pass.sum * pass.sum / s->moments.weight, 0);
	for (uint32_t k = 0; k < eq->n; k++)
		c->b[k] = (pass.products[index[k]] - s->means[eq->rows[k]] * pass.sum -
				   ridge * fit->weights[index[k]]) * eq->inverse_scale[k];
	ML_TRY(ml_equations_solve(ctx, eq, c->b, c->step, c->residual, c->scratch));
	*largest = 0;
	for (uint32_t k = 0; k < eq->n; k++)
		*largest = ML_MAX(*largest, fabs(c->step[k]));
	fit->bias += pass.sum / s->moments.weight;
	return ML_OK;
}

/* Steps until they are nothing but rounding. */
static ml_status
correct_by_rows(ml_context *ctx, ml_arena *arena, const sums *s, const ml_equations *eq,
				const uint32_t *index, uint32_t parts, ml_least_squares *fit,
				ml_linear_report *report)
{
	const ml_options *options = s->problem->options;
	double		ridge = s->moments.weight * options->alpha * (1 - options->l1_ratio);
	size_t		size = 8 * (size_t) eq->npanels;
	double		before = INFINITY;
	double		largest;
	correction	c;

	ML_TRY(numbers(ctx, arena, s->n, &c.products));
	ML_TRY(numbers(ctx, arena, size, &c.b));
	ML_TRY(numbers(ctx, arena, size, &c.step));
	ML_TRY(numbers(ctx, arena, size, &c.residual));
	ML_TRY(numbers(ctx, arena, 2 * size, &c.scratch));
	for (int i = 0; i < CORRECTIONS; i++)
	{
		ML_TRY(correct(ctx, s, eq, index, parts, ridge, &c, fit, &largest));
		ml_regression_note(ctx, s->problem, parts, fit->residual / (2 * s->moments.weight), report);
		if (!(largest < before / 2) || largest == 0)
			break;
		before = largest;
		for (uint32_t k = 0; k < eq->n; k++)
		{
			double		step = c.step[k] * eq->inverse_scale[k];

			fit->weights[index[k]] += step;
			fit->bias -= step * s->means[eq->rows[k]];
		}
	}
	return ML_OK;
}

static ml_status
fit_direct(ml_context *ctx, ml_arena *arena, const ml_problem *problem, uint32_t parts,
		   ml_solution *solution, ml_linear_report *report)
{
	const ml_options *options = problem->options;
	ml_penalty_terms penalty = {
		.alpha = options->alpha, .l1_ratio = options->l1_ratio,
		.tolerance = options->tolerance, .max_iterations = options->epochs
	};
	ml_least_squares fit = {
		.weights = solution->weights, .dropped = solution->dropped,
		.std_error = solution->std_error
	};
	ml_equations eq;
	const uint32_t *index;
	ml_normal	normal;
	sums		s;
	double		residual;

	ML_TRY(open_sums(ctx, arena, problem, &s));
	ML_TRY(sum_up(ctx, &s, parts));
	normal = (ml_normal) {
		.products = s.moments.products, .means = s.means, .nfeatures = s.n, .target = s.ndense,
		.nrows = s.nrows, .weight = s.moments.weight, .excluded = problem->excluded
	};
	ML_TRY(ml_normal_solve(ctx, arena, problem->kernel, &normal, &penalty, problem->origin, &fit,
						   &eq, &index));
	residual = fit.residual;
	ml_regression_note(ctx, problem, parts, residual / (2 * s.moments.weight), report);
	if (!(options->alpha > 0 && options->l1_ratio > 0) &&
		(eq.smallest < CORRECT_BELOW || eq.inflation > CORRECT_ABOVE))
	{
		ML_TRY(correct_by_rows(ctx, arena, &s, &eq, index, parts, &fit, report));
		/* what was known of the errors was known up to sigma */
		for (uint32_t j = 0; j < s.n && residual > 0; j++)
			fit.std_error[j] *= sqrt(fit.residual / residual);
		if (residual > 0)
			fit.bias_std_error *= sqrt(fit.residual / residual);
	}
	report->converged = fit.converged;
	if (fit.iterations > 0)
		report->epochs = fit.iterations;
	solution->bias[0] = fit.bias;
	solution->bias_std_error = fit.bias_std_error;
	solution->freedom = fit.freedom;
	solution->has_errors = options->alpha == 0 && fit.freedom > 0;
	return ML_OK;
}

static ml_status
regression_fit(ml_context *ctx, const ml_problem *problem, void *state, uint32_t parts,
			   ml_solution *solution, ml_linear_report *report)
{
	ml_linear_report unused;
	ml_arena	arena = {0};
	ml_status	status;

	if (report == NULL)
		report = &unused;
	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	if (is_direct(problem))
		status = fit_direct(ctx, &arena, problem, parts, solution, report);
	else
		status = ml_regression_wide(ctx, problem, parts, solution, report);
	ml_arena_free(ctx, &arena);
	report->best = report->epochs;
	solution->fitted = status == ML_OK;
	return status;
}

static void
regression_close(ml_context *ctx, void *state)
{
}

static bool
never(const ml_options *options)
{
	return false;
}

const ml_learner ml_linear_regression = {
	.name = "linear_regression",
	.tasks = ML_TASK(ML_REGRESSION),
	.is_logistic = never,
	.open = regression_open,
	.fit = regression_fit,
	.close = regression_close,
};
