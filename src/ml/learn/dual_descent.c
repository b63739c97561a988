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
 * A pass ends when no beta would move w.x by more than tolerance; the gap
 * between primal and dual is not needed.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/dual_descent.h"

#include <math.h>

#define POLL_WORK	((size_t) 1 << 19)

typedef struct descent
{
	const ml_problem *problem;
	int64_t		own;
	double	   *w;				/* [nfeatures + 1] */
	double		largest;		/* violation seen in the pass */

	double		sum;			/* of s_i loss_i as seen */
	double		weight;
	size_t		work;
	uint32_t	ndense;
	uint32_t	ncategories;
} descent;

static double
row_score(const descent *d, const ml_block *block, uint32_t i)
{
	double		sum = d->w[d->problem->nfeatures];

	for (uint32_t j = 0; j < d->ndense; j++)
		sum += d->w[j] * block->dense[(size_t) j * block->stride + i];
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
	d->w[d->problem->nfeatures] += change;
	for (uint32_t j = 0; j < d->ndense; j++)
		d->w[j] += change * block->dense[(size_t) j * block->stride + i];
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
	double		sum = 1;

	for (uint32_t j = 0; j < d->ndense; j++)
	{
		double		x = block->dense[(size_t) j * block->stride + i];

		sum += x * x;
	}
	for (uint32_t k = 0; k < d->ncategories; k++)
		sum += block->hot[(size_t) k * block->stride + i] != ML_NO_TERM;
	if (block->at != NULL)
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			sum += (double) block->values[k] * (double) block->values[k];
	return sum;
}

/* The step along beta_i; gradient: w.x - y, curve: |x|^2. */
static double
best_step(double beta, double gradient, double curve, double epsilon, double low, double high, double *violation)
{
	double		up = gradient + (beta >= 0 ? epsilon : -epsilon);	/* slope to the right */
	double		down = gradient + (beta > 0 ? epsilon : -epsilon);	/* and to the left */
	double		next = beta;

	if (up < 0)
		next = beta - up / curve;
	else if (down > 0)
		next = beta - down / curve;
	/* across 0 the slope is another one */
	if (epsilon > 0 && beta * next < 0)
	{
		double		there = gradient - curve * beta + (next > 0 ? epsilon : -epsilon);

		next = (next > 0) == (there < 0) ? -there / curve : 0;
	}
	next = ML_MAX(low, ML_MIN(high, next));
	*violation = fabs(next - beta) * curve;
	return next - beta;
}

static void
visit_row(descent *d, const ml_block *block, uint32_t i)
{
	const ml_options *options = d->problem->options;
	bool		regression = d->problem->task == ML_REGRESSION;
	double		weight = block->weight[i];
	double		bound = options->c * weight;
	double		y = regression ? block->target[i] : block->label[i] == (d->own < 0 ? 1 : d->own) ? 1 : -1;
	double		epsilon = regression ? options->epsilon : 0;
	float	   *beta = block->state + i;
	float	   *square = block->state + block->stride + i;
	double		score = row_score(d, block, i);
	double		violation;
	double		step;
	float		before = *beta;

	if (*square == 0)
		*square = (float) row_square(d, block, i);
	step = best_step((double) *beta, score - y, (double) *square, epsilon, regression || y < 0 ? -bound : 0,
					 regression || y > 0 ? bound : 0, &violation);
	d->largest = ML_MAX(d->largest, violation);
	d->weight += weight;
	d->sum += weight * ML_MAX(regression ? fabs(score - y) - epsilon : 1 - y * score, 0);
	*beta = (float) ((double) *beta + step);
	/* what beta is as a float is what w has of it */
	step = (double) *beta - (double) before;
	if (step != 0)
		row_add(d, block, i, step);
}

static ml_status
run_pass(ml_context *ctx, descent *d, uint32_t parts, ml_rng *rng)
{
	const ml_block *block;

	d->largest = 0;
	d->sum = 0;
	d->weight = 0;
	ML_TRY(ml_design_begin(ctx, d->problem->design, parts, rng));
	for (;;)
	{
		uint32_t	order[1024];

		ML_TRY(ml_design_next(ctx, d->problem->design, &block));
		if (block == NULL)
			return ML_OK;
		for (uint32_t i = 0; i < block->n; i++)
			order[i] = i;
		if (rng != NULL)
			ml_rng_shuffle(rng, order, block->n);
		for (uint32_t i = 0; i < block->n; i++)
		{
			visit_row(d, block, order[i]);
			d->work += d->ndense + d->ncategories + 8 +
				(block->at == NULL ? 0 : block->at[order[i] + 1] - block->at[order[i]]);
			if (d->work < POLL_WORK)
				continue;
			d->work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
}

ml_status
ml_dual_descent(ml_context *ctx, const ml_problem *problem, uint32_t parts, int64_t own, double *parameters,
				ml_linear_report *report)
{
	const ml_options *options = problem->options;
	descent		d = {.problem = problem, .own = own, .w = parameters,
		.ndense = ml_design_ndense(problem->design),
	.ncategories = ml_design_ncategories(problem->design)};
	ml_rng		rng;

	ml_rng_seed(&rng, options->seed);
	if (options->shuffle)
		ML_TRY(ml_design_shuffle(ctx, problem->design, options->seed));
	/* beta begins at 0, and so w */
	memset(parameters, 0, (problem->nfeatures + 1) * sizeof(double));
	ML_TRY(ml_design_keep(ctx, problem->design, 2));
	report->converged = false;
	for (int epoch = 1; epoch <= options->epochs && !report->converged; epoch++)
	{
		ML_TRY(run_pass(ctx, &d, parts, options->shuffle ? &rng : NULL));
		if (report->nlosses < ML_LOSSES_MAX)
			report->losses[report->nlosses++] = d.weight > 0 ? d.sum / d.weight : 0;
		report->epochs = epoch;
		report->converged = d.largest <= options->tolerance;
		ml_linear_progress(ctx, ML_PHASE_FIT, (int64_t) ml_design_count(problem->design, parts), epoch,
						   d.weight > 0 ? d.sum / d.weight : 0);
	}
	return ml_design_keep(ctx, problem->design, 0);
}
