/*-------------------------------------------------------------------------
 *
 * dual_descent.c
 *	  Dual coordinate descent for linear machines over a design matrix.
 *
 * With w = sum_i beta_i x_i the dual of hinge (y = +-1, epsilon = -1: the
 * linear term y beta) and of the epsilon-insensitive loss is
 *	  min over beta: 1/2 |w|^2 - sum_i y_i beta_i + epsilon sum_i |beta_i|,
 *	  |beta_i| <= C s_i, and for hinge y_i beta_i >= 0, epsilon = 0.
 * One row after the other, in random order, beta_i is set to the minimum along
 * it (Hsieh et al. 2008; Ho and Lin 2012).  beta and |x|^2 are kept with the
 * rows, spilled with their blocks.
 *
 * A row that lies at a bound or at 0, and further from leaving it than any row
 * was in the pass before, is left out until the others have converged, or for a
 * while (their section 3.2).  Passes end when no beta would move w.x by more
 * than tolerance.
 *
 * A block's dense features are packed row by row when the block comes: rows are
 * visited in random order, and each needs all of its features.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/dual_descent.h"

#include <math.h>

#define POLL_WORK		((size_t) 1 << 19)
#define WAKE_PASSES		16		/* even where the others do not converge */
#define LANES			8

/* What is kept of a row: lanes of its state. */
enum
{
	BETA,
	SQUARE,						/* |x|^2, negative: the row is left out; 0: not known yet */
	NLANES
};

typedef struct descent
{
	const ml_problem *problem;
	int64_t		own;
	double	   *w;				/* [nfeatures + 1]; of its dense features and intercept ... */
	double	   *dense;			/* [8 npanels] ... the values in use */
	double	   *panels;			/* [npanels][stride][8] of the block */
	uint32_t   *order;			/* [stride] */
	uint32_t	npanels;
	uint32_t	ndense;
	uint32_t	ncategories;
	double		bound;			/* violations beyond it: left out */

	/* of the pass */
	double		largest;		/* violation seen */
	uint64_t	asleep;
	double		sum;			/* of s_i loss_i as seen */
	double		weight;
	size_t		work;
} descent;

static inline const double *
panel_row(const descent *d, const ml_block *block, uint32_t p, uint32_t i)
{
	return d->panels + ((size_t) p * block->stride + i) * LANES;
}

static double
row_score(const descent *d, const ml_block *block, uint32_t i)
{
	double		sums[LANES] = {0};
	double		sum;

	for (uint32_t p = 0; p < d->npanels; p++)
	{
		const double *x = panel_row(d, block, p, i);

		for (int k = 0; k < LANES; k++)
			sums[k] += d->dense[p * LANES + k] * x[k];
	}
	sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
	for (uint32_t k = 0; k < d->ncategories; k++)
	{
		uint32_t	feature = block->hot[(size_t) k * block->stride + i];

		if (feature != ML_NO_TERM)
			sum += d->w[feature];
	}
	if (block->at != NULL)
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			sum += d->w[block->ids[k]] * (double) block->values[k];
	return sum;
}

static void
row_add(descent *d, const ml_block *block, uint32_t i, double change)
{
	for (uint32_t p = 0; p < d->npanels; p++)
	{
		const double *x = panel_row(d, block, p, i);

		for (int k = 0; k < LANES; k++)
			d->dense[p * LANES + k] += change * x[k];
	}
	for (uint32_t k = 0; k < d->ncategories; k++)
	{
		uint32_t	feature = block->hot[(size_t) k * block->stride + i];

		if (feature != ML_NO_TERM)
			d->w[feature] += change;
	}
	if (block->at != NULL)
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			d->w[block->ids[k]] += change * (double) block->values[k];
}

static double
row_square(const descent *d, const ml_block *block, uint32_t i)
{
	double		sum = 0;

	for (uint32_t p = 0; p < d->npanels; p++)
	{
		const double *x = panel_row(d, block, p, i);

		for (int k = 0; k < LANES; k++)
			sum += x[k] * x[k];
	}
	for (uint32_t k = 0; k < d->ncategories; k++)
		sum += block->hot[(size_t) k * block->stride + i] != ML_NO_TERM;
	if (block->at != NULL)
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			sum += (double) block->values[k] * (double) block->values[k];
	return sum;
}

/* Panels of the block's dense features, the intercept behind them. */
static void
pack_block(descent *d, const ml_block *block)
{
	static const double zero[LANES] = {0};
	uint32_t	n = (block->n + LANES - 1) / LANES * LANES;

	for (uint32_t p = 0; p < d->npanels; p++)
	{
		double	   *panel = d->panels + (size_t) p * block->stride * LANES;
		uint32_t	columns = ML_MIN(d->ndense - ML_MIN(LANES * p, d->ndense), (uint32_t) LANES);

		d->problem->kernel->panel_pack(panel, block->dense + (size_t) LANES * p * block->stride,
									   block->stride, columns, zero, n);
		if (d->ndense / LANES == p)
			for (uint32_t r = 0; r < n; r++)
				panel[LANES * r + d->ndense % LANES] = 1;
	}
	d->work += (size_t) n * d->npanels * LANES / 4;
}

/* Along beta: where it stands, slope of the smooth part, bounds. */
typedef struct line
{
	double		beta;
	double		gradient;		/* w.x - y */
	double		curve;			/* |x|^2 */
	double		epsilon;
	double		low;
	double		high;
} line;

/* The lowest point, within bounds. */
static double
lowest(const line *l, double up, double down)
{
	double		next = l->beta;

	if (up < 0)
		next = l->beta - up / l->curve;
	else if (down > 0)
		next = l->beta - down / l->curve;
	/* across 0 the slope is another one */
	if (l->epsilon > 0 && l->beta * next < 0)
	{
		double		there = l->gradient - l->curve * l->beta + (next > 0 ? l->epsilon : -l->epsilon);

		next = (next > 0) == (there < 0) ? -there / l->curve : 0;
	}
	return ML_MAX(l->low, ML_MIN(l->high, next));
}

/* Returns the step; *violation: what it changes w.x; *idle: nobody will miss this row. */
static double
step_along(const line *l, double bound, double *violation, bool *idle)
{
	/* slopes to the right and to the left */
	double		up = l->gradient + (l->beta >= 0 ? l->epsilon : -l->epsilon);
	double		down = l->gradient + (l->beta > 0 ? l->epsilon : -l->epsilon);
	double		next = lowest(l, up, down);

	*violation = fabs(next - l->beta) * l->curve;
	*idle = next == l->beta && (l->beta == l->high || up > bound) &&
		(l->beta == l->low || down < -bound);
	return next - l->beta;
}

static void
visit_row(descent *d, const ml_block *block, uint32_t i)
{
	const ml_options *options = d->problem->options;
	bool		regression = d->problem->task == ML_REGRESSION;
	double		weight = block->weight[i];
	double		limit = options->c * weight;
	double		y = regression ? block->target[i] : block->label[i] == (d->own < 0 ? 1 : d->own) ? 1 : -1;
	float	   *beta = block->state + (size_t) BETA * block->stride + i;
	float	   *square = block->state + (size_t) SQUARE * block->stride + i;
	double		score = row_score(d, block, i);
	line		l = {
		.beta = (double) *beta, .gradient = score - y, .epsilon = regression ? options->epsilon : 0,
		/* as floats, so that beta can be equal to them */
		.low = regression || y < 0 ? -(double) (float) limit : 0,
		.high = regression || y > 0 ? (double) (float) limit : 0
	};
	double		violation;
	double		step;
	bool		idle;
	float		before = *beta;

	if (*square == 0)
		*square = (float) row_square(d, block, i);
	l.curve = (double) *square;
	step = step_along(&l, d->bound, &violation, &idle);
	d->largest = ML_MAX(d->largest, violation);
	d->weight += weight;
	d->sum += weight * ML_MAX(regression ? fabs(score - y) - options->epsilon : 1 - y * score, 0);
	if (idle)
	{
		*square = -*square;
		d->asleep++;
	}
	*beta = (float) ((double) *beta + step);
	/* what beta is as a float is what w has of it */
	step = (double) *beta - (double) before;
	if (step != 0)
		row_add(d, block, i, step);
}

/* The rows of a block that are not left out, in random order. */
static ml_status
visit_block(ml_context *ctx, descent *d, const ml_block *block, ml_rng *rng)
{
	uint32_t   *order = d->order;
	uint32_t	n = 0;

	for (uint32_t i = 0; i < block->n; i++)
		if (block->state[(size_t) SQUARE * block->stride + i] >= 0)
			order[n++] = i;
		else
			d->asleep++;
	if (n == 0)
		return ML_OK;
	if (rng != NULL)
		ml_rng_shuffle(rng, order, n);
	pack_block(d, block);
	for (uint32_t i = 0; i < n; i++)
	{
		visit_row(d, block, order[i]);
		d->work += (d->npanels + 1) * LANES + d->ncategories +
			(block->at == NULL ? 0 : block->at[order[i] + 1] - block->at[order[i]]);
		if (d->work < POLL_WORK)
			continue;
		d->work = 0;
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
run_pass(ml_context *ctx, descent *d, uint32_t parts, ml_rng *rng)
{
	const ml_block *block;

	d->largest = 0;
	d->asleep = 0;
	d->sum = 0;
	d->weight = 0;
	ML_TRY(ml_design_begin(ctx, d->problem->design, parts, rng));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, d->problem->design, &block));
		if (block == NULL)
			return ML_OK;
		ML_TRY(visit_block(ctx, d, block, rng));
	}
}

/* Everybody up. */
static ml_status
wake(ml_context *ctx, descent *d, uint32_t parts)
{
	const ml_block *block;

	d->bound = INFINITY;
	ML_TRY(ml_design_begin(ctx, d->problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, d->problem->design, &block));
		if (block == NULL)
			return ML_OK;
		for (uint32_t i = 0; i < block->n; i++)
			block->state[(size_t) SQUARE * block->stride + i] =
				fabsf(block->state[(size_t) SQUARE * block->stride + i]);
	}
}

static ml_status
run(ml_context *ctx, descent *d, uint32_t parts, ml_linear_report *report)
{
	const ml_options *options = d->problem->options;
	ml_rng		rng;

	ml_rng_seed(&rng, options->seed);
	report->converged = false;
	d->bound = INFINITY;
	for (int epoch = 1; epoch <= options->epochs && !report->converged; epoch++)
	{
		ML_TRY(run_pass(ctx, d, parts, options->shuffle ? &rng : NULL));
		/* rows left out have changed little: the loss is that of the last look at all */
		if (d->asleep == 0 && report->nlosses < ML_LOSSES_MAX)
			report->losses[report->nlosses++] = d->weight > 0 ? d->sum / d->weight : 0;
		report->epochs = epoch;
		ml_linear_progress(ctx, ML_PHASE_FIT, (int64_t) ml_design_count(d->problem->design, parts), epoch,
						   report->nlosses > 0 ? report->losses[report->nlosses - 1] : NAN);
		report->converged = d->largest <= options->tolerance && d->asleep == 0;
		if (d->asleep > 0 && (d->largest <= options->tolerance || epoch % WAKE_PASSES == 0))
			ML_TRY(wake(ctx, d, parts));
		else
			d->bound = d->largest > 0 ? d->largest : INFINITY;
	}
	return ML_OK;
}

static ml_status
open_descent(ml_context *ctx, descent *d)
{
	size_t		row = (size_t) d->npanels * LANES * sizeof(double);
	void	   *memory;

	ML_TRY(ml_alloc_zero(ctx, row, &memory));
	d->dense = memory;
	ML_TRY(ml_alloc(ctx, ml_size_mul(row, ml_design_stride(d->problem->design)), &memory));
	d->panels = memory;
	ML_TRY(ml_alloc(ctx, ml_design_stride(d->problem->design) * sizeof(uint32_t), &memory));
	d->order = memory;
	return ML_OK;
}

ml_status
ml_dual_descent(ml_context *ctx, const ml_problem *problem, uint32_t parts, int64_t own, double *parameters,
				ml_linear_report *report)
{
	const ml_options *options = problem->options;
	descent		d = {.problem = problem, .own = own, .w = parameters,
		.ndense = ml_design_ndense(problem->design),
	.ncategories = ml_design_ncategories(problem->design)};
	ml_status	status;

	d.npanels = d.ndense / LANES + 1;
	if (options->shuffle)
		ML_TRY(ml_design_shuffle(ctx, problem->design, options->seed));
	/* beta begins at 0, and so w */
	memset(parameters, 0, (problem->nfeatures + 1) * sizeof(double));
	ML_TRY(ml_design_keep(ctx, problem->design, NLANES));
	status = open_descent(ctx, &d);
	if (status == ML_OK)
		status = run(ctx, &d, parts, report);
	if (status == ML_OK)
	{
		memcpy(parameters, d.dense, d.ndense * sizeof(double));
		parameters[problem->nfeatures] = d.dense[d.ndense];
	}
	ml_release(ctx, d.dense);
	ml_release(ctx, d.panels);
	ml_release(ctx, d.order);
	ML_TRY(status);
	return ml_design_keep(ctx, problem->design, 0);
}
