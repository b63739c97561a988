/*-------------------------------------------------------------------------
 *
 * multipliers.c
 *	  Linear machines whose loss has a corner, by the method of multipliers.
 *
 * Each row keeps a multiplier a_i, its share of the solution: w = C sum a_i x_i
 * (of the dual, as in dual_descent.c).  The loss is rounded off where it has
 * its corner, by a parabola through the row's multiplier (glm.c); the smooth
 * problem is solved by Newton's method, its slopes are the next multipliers,
 * and the rounding gets sharper.  So the solutions go to that of the loss as it
 * is, at a rate that grows with the sharpness (Rockafellar 1976; with Newton
 * steps: Li, Sun and Toh 2018).  A few dozen passes reach any accuracy, where
 * dual descent needs thousands when rows are many and features few.
 *
 * At the solution of a round the multipliers are feasible in the dual, and the
 * duality gap is what the losses are more than the multipliers make of their
 * rows.  The objective curves at least as 1/2 |w|^2, so the distance to the
 * solution is at most the root of 2 x gap.  That ends the rounds, one late: the
 * first pass of a round measures the one before.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/multipliers.h"

#include <math.h>

#define SHARPER			2			/* from round to round */
#define SHARPEST		1e6			/* of the first sharpness */
#define FIRST			1e-4		/* of the objective, what the first rounds may leave */
#define INNER			0.002		/* of the gap two rounds ago, what a round may leave */
#define LEAST_TOLERANCE	1e-8
#define ROUNDING		1e-13

typedef struct rounds
{
	ml_glm	   *glm;
	ml_minimum	minimum;
	ml_linear_report inner;		/* of a round */
	ml_linear_report *report;
	double		first_sharpness;
	double		gap;
	double		square;			/* |w|^2 */
	double		value;
} rounds;

/* Of the objective as it is. */
static void
set_value(rounds *r)
{
	r->square = 0;
	for (size_t i = 0; i < r->glm->n; i++)
		r->square += r->minimum.parameters[i] * r->minimum.parameters[i];
	r->value = r->square / 2 + r->minimum.c * r->glm->corner;
}

/* Rounded so that most rows are on the parabola: Newton's method finds its way from anywhere. */
static ml_status
begin(ml_context *ctx, rounds *r, uint32_t parts)
{
	ml_glm	   *glm = r->glm;

	glm->sharpness = 1;
	ML_TRY(ml_glm_pass(ctx, glm, r->minimum.parameters, parts, false, false));
	set_value(r);
	r->report->epochs++;
	r->gap = FIRST / INNER * r->minimum.c * glm->corner;
	glm->sharpness = glm->corner > 0 ? glm->weight / glm->corner : 1;
	r->first_sharpness = glm->sharpness;
	return ML_OK;
}

static ml_status
solve_round(ml_context *ctx, rounds *r, uint32_t parts, double tolerance)
{
	const ml_glm *glm = r->glm;
	double		error = INNER * ML_MAX(r->gap, tolerance * tolerance * r->square);
	bool		measured = glm->advance;
	double		loss;

	r->inner = (ml_linear_report) {.converged = true};
	r->minimum.tolerance = ML_MAX(sqrt(error / (r->value + 1e-300)), LEAST_TOLERANCE);
	ML_TRY(ml_newton(ctx, r->glm, parts, &r->minimum));
	if (measured)
		r->gap = r->minimum.c * ML_MAX(glm->slack, 0);
	set_value(r);
	loss = glm->weight > 0 ? glm->corner / glm->weight : 0;
	if (r->report->nlosses < ML_LOSSES_MAX)
		r->report->losses[r->report->nlosses++] = loss;
	r->report->epochs += r->inner.epochs;
	r->minimum.warm = true;
	return ML_OK;
}

static ml_status
run(ml_context *ctx, rounds *r, uint32_t parts, double tolerance, int max_epochs)
{
	bool		converged = false;

	ML_TRY(begin(ctx, r, parts));
	while (!converged && r->report->epochs < max_epochs)
	{
		r->minimum.max_iterations = max_epochs - r->report->epochs;
		ML_TRY(solve_round(ctx, r, parts, tolerance));
		converged = 2 * r->gap <= tolerance * tolerance * r->square ||
			r->gap <= ROUNDING * r->value;
		r->glm->last_sharpness = r->glm->sharpness;
		r->glm->sharpness = ML_MIN(SHARPER * r->glm->sharpness, SHARPEST * r->first_sharpness);
		r->glm->advance = true;
	}
	r->report->converged &= converged;
	return ML_OK;
}

ml_status
ml_multipliers(ml_context *ctx, const ml_problem *problem, uint32_t parts, int64_t own,
			   double *parameters, bool warm, ml_linear_report *report)
{
	const ml_options *options = problem->options;
	ml_glm		glm = {0};
	rounds		r = {
		.glm = &glm,
		.minimum = {.c = options->c, .l2 = 1, .intercept = true, .parameters = parameters,
		.warm = warm},
		.report = report
	};
	ml_status	status;

	r.minimum.report = &r.inner;
	ML_TRY(ml_design_keep(ctx, problem->design, 1));
	status = ml_glm_open(ctx, &glm, problem, options->loss, 1, own, true);
	if (status == ML_OK)
		status = run(ctx, &r, parts, options->tolerance, options->epochs);
	ml_glm_close(ctx, &glm);
	ML_TRY(status);
	return ml_design_keep(ctx, problem->design, 0);
}
