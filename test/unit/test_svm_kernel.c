/*-------------------------------------------------------------------------
 *
 * test_svm_kernel.c
 *	  Kernel machines that are fitted again: from the solution before and the
 *	  gradient that was kept of it, on the same rows, more or fewer.  All must
 *	  find the optimum that a fit from nothing finds.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_problem.h"

#include "learn/machine.h"

#define ROWS	800
#define LEARNT	ML_PART(1)		/* those not held out */

/* The dual: sum of |coefficient| - 1/2 sum of coefficients' products with the kernel, over all scores. */
static double
dual_value(const ml_solution *solution)
{
	const ml_machine *m = &solution->machine;
	double		value = 0;

	for (uint32_t c = 0; c < solution->nscores; c++)
		for (uint32_t i = 0; i < m->nvectors; i++)
		{
			double		own = m->coefficients[(size_t) c * m->nvectors + i];
			double		sum = 0;

			for (uint32_t j = 0; j < m->nvectors && own != 0; j++)
			{
				double		product = 0;
				double		distance = 0;

				for (uint32_t k = 0; k < m->width; k++)
				{
					double		a = m->vectors[(size_t) i * m->width + k];
					double		b = m->vectors[(size_t) j * m->width + k];

					product += a * b;
					distance += (a - b) * (a - b);
				}
				sum += m->coefficients[(size_t) c * m->nvectors + j] *
					(m->kind == ML_MACHINE_RBF ? exp(-m->gamma * distance) :
					 pow(m->gamma * product + m->coef0, m->degree));
			}
			value += fabs(own) - own * sum / 2;
		}
	return value;
}

/* Largest difference between scores of rows, held out or not. */
static double
scores_differ(unit_host *host, const toy *a, const toy *b)
{
	ml_context *ctx = &host->ctx;
	uint32_t	stride = ml_design_stride(a->design);
	uint32_t	nscores = a->solution.nscores;
	double	   *scores = malloc(2 * (size_t) stride * nscores * sizeof(double));
	double		largest = 0;
	const ml_block *block;

	if (ml_design_begin(ctx, a->design, ML_PARTS_ALL, NULL) != ML_OK)
		largest = INFINITY;
	while (largest < INFINITY)
	{
		double	   *other = scores + (size_t) stride * nscores;

		if (ml_design_next(ctx, a->design, &block) != ML_OK)
			largest = INFINITY;
		else if (block == NULL)
			break;
		else if (ml_solution_scores(ctx, a->problem.kernel, &a->solution, block, CATEGORIES, NUMBERS, scores) != ML_OK ||
				 ml_solution_scores(ctx, b->problem.kernel, &b->solution, block, CATEGORIES, NUMBERS, other) != ML_OK)
			largest = INFINITY;
		for (uint32_t c = 0; c < nscores && largest < INFINITY; c++)
			for (uint32_t i = 0; i < block->n; i++)
				largest = ML_MAX(largest, fabs(scores[(size_t) i * nscores + c] - other[(size_t) i * nscores + c]));
	}
	free(scores);
	return largest;
}

static ml_status
fit_parts(ml_context *ctx, toy *t, uint32_t parts)
{
	return t->algorithm->fit(ctx, &t->problem, t->state, parts, &t->solution, &t->report);
}

/* Fit on rows and then on others, and in another machine on those alone. */
static void
test_refit(unit_host *host, const toy *model, uint32_t before, uint32_t after, const char *name)
{
	ml_context *ctx = &host->ctx;
	toy			again = *model;
	toy			fresh = *model;

	if (open_toy(ctx, &again) == ML_OK && open_toy(ctx, &fresh) == ML_OK &&
		fit_parts(ctx, &again, before) == ML_OK && fit_parts(ctx, &again, after) == ML_OK &&
		fit_parts(ctx, &fresh, after) == ML_OK)
	{
		double		value = dual_value(&fresh.solution);
		double		less = 1 - dual_value(&again.solution) / value;
		double		differ = scores_differ(host, &again, &fresh);

		unit_ok(again.report.converged && fresh.report.converged && fabs(less) < 1e-6 && differ < 2e-3,
				"%s %c, %s: the optimum of a fresh fit (%g of %g, scores differ by %g)", model->options, model->target,
				name, less, value, differ);
		if (before == after)
			unit_ok(again.report.epochs * 100 <= fresh.report.epochs, "... which stood already (%d steps, not %d)",
					again.report.epochs, fresh.report.epochs);
	}
	else
		unit_ok(false, "%s %c, %s: %s", model->options, model->target, name, ctx->error.text);
	close_toy(ctx, &again);
	close_toy(ctx, &fresh);
}

static ml_status
run_refit(ml_context *ctx, void *argument)
{
	toy			t = *(const toy *) argument;
	ml_status	status = open_toy(ctx, &t);

	if (status == ML_OK)
		status = fit_parts(ctx, &t, LEARNT);
	if (status == ML_OK)
		status = fit_parts(ctx, &t, ML_PARTS_ALL);
	close_toy(ctx, &t);
	return status;
}

int
main(void)
{
	static const char *const options[] = {
		"{\"kernel\": \"rbf\", \"gamma\": 0.05, \"tolerance\": 1e-4}",
		"{\"kernel\": \"rbf\", \"c\": 20, \"tolerance\": 1e-4}",
		"{\"kernel\": \"polynomial\", \"gamma\": 0.05, \"coef0\": 1, \"degree\": 2, \"tolerance\": 1e-4}"
	};
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(options); i++)
		for (int many = 0; many < 2; many++)
		{
			toy			t = {.learner = "svm", .options = options[i], .rows = ROWS, .target = many ? 'm' : 'b',
			.weighted = i == 2, .standardize = true, .held = 6};

			test_refit(&host, &t, LEARNT, ML_PARTS_ALL, "more rows");
			test_refit(&host, &t, ML_PARTS_ALL, LEARNT, "fewer rows");
			test_refit(&host, &t, ML_PARTS_ALL, ML_PARTS_ALL, "the same rows");
		}
	for (int i = 0; i < 2; i++)
	{
		toy			t = {.learner = "svm", .options = options[2 * i], .rows = 150, .target = i == 0 ? 'b' : 'm', .held = 6};

		unit_every_allocation_fails(options[2 * i], run_refit, &t);
		unit_every_poll_cancels(options[2 * i], run_refit, &t);
	}
	unit_close(&host, "kernel machines");
	return unit_done();
}
