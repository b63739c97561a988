/*-------------------------------------------------------------------------
 *
 * svm.c
 *	  The learner svm: which solver fits what.
 *
 *	  linear:	1/2 |w|^2 + C sum_i s_i loss_i, the intercept being the weight of a
 *				feature that is always 1, penalised like any
 *		squared hinge, squared epsilon-insensitive: newton.c
 *		hinge, epsilon-insensitive: multipliers.c, or where features are many
 *		dual_descent.c
 *	  rbf, polynomial: svm_kernel.c
 *
 * Many classes: one machine for each against the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/dual_descent.h"
#include "learn/multipliers.h"
#include "learn/svm_internal.h"

#include <math.h>

typedef struct svm
{
	void	   *kernel_state;
	double	   *parameters;		/* [nfeatures + 1] of one machine */
} svm;

static bool
svm_is_logistic(const ml_options *options)
{
	return false;
}

static bool
is_smooth(ml_loss loss)
{
	return loss == ML_LOSS_SQUARED_HINGE || loss == ML_LOSS_SQUARED_EPSILON_INSENSITIVE;
}

static void
svm_close(ml_context *ctx, void *state)
{
	svm		   *s = state;

	if (s == NULL)
		return;
	ml_svm_kernel_close(ctx, s->kernel_state);
	ml_release(ctx, s->parameters);
	ml_release(ctx, s);
}

static ml_status
check_memory(ml_context *ctx, const ml_problem *problem)
{
	size_t		need = ml_size_add(ml_minimise_memory(problem, 1),
								   ml_size_mul(problem->nfeatures + 1, 2 * sizeof(double)));

	if (need <= problem->memory)
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT, "a support vector machine on %u features needs %zu MB of memory, and %zu MB are allowed",
			problem->nfeatures, (need >> 20) + 1, problem->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem, or make fewer features (options \"rare\", \"min_df\").");
}

static ml_status
open_machine(ml_context *ctx, const ml_problem *problem, svm *s)
{
	if (problem->options->svm_kernel != ML_SVM_LINEAR)
		return ml_svm_kernel_open(ctx, problem, &s->kernel_state);
	ML_TRY(check_memory(ctx, problem));
	return ml_alloc(ctx, ml_size_mul(problem->nfeatures + 1, sizeof(double)), (void **) &s->parameters);
}

static ml_status
svm_open(ml_context *ctx, const ml_problem *problem, void **state)
{
	svm		   *s;
	ml_status	status;

	*state = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(*s), (void **) &s));
	status = open_machine(ctx, problem, s);
	if (status != ML_OK)
		svm_close(ctx, s);
	else
		*state = s;
	return status;
}

/* One machine, from the solution if there is one; its mean loss is added to those of the others. */
static ml_status
fit_smooth(ml_context *ctx, const ml_problem *problem, svm *s, uint32_t parts, uint32_t score, ml_solution *solution,
		   ml_linear_report *report)
{
	const ml_options *options = problem->options;
	ml_glm		glm = {0};
	ml_minimum	minimum = {
		.c = options->c, .l2 = 1, .intercept = true,
		.tolerance = ML_MAX(ML_MIN(options->tolerance, 1e-5), problem->rough),
		.max_iterations = options->epochs, .parameters = s->parameters, .warm = solution->fitted, .report = report
	};
	ml_status	status = ml_minimise(ctx, &glm, problem, options->loss, 1, problem->nscores == 1 ? -1 : (int64_t) score,
									 parts, &minimum);

	ml_glm_close(ctx, &glm);
	return status;
}

/* Losses of the machines in sum; one that ended earlier goes on at its last. */
static void
add_losses(ml_linear_report *report, const ml_linear_report *one)
{
	int			n = ML_MAX(one->nlosses, report->nlosses);
	double		last = report->nlosses > 0 ? report->losses[report->nlosses - 1] : 0;

	if (one->nlosses == 0)
		return;
	for (int i = 0; i < n; i++)
		report->losses[i] = (i < report->nlosses ? report->losses[i] : last) +
			one->losses[ML_MIN(i, one->nlosses - 1)];
	report->nlosses = n;
}

static ml_status
fit_linear(ml_context *ctx, const ml_problem *problem, svm *s, uint32_t parts, ml_solution *solution,
		   ml_linear_report *report)
{
	for (uint32_t c = 0; c < problem->nscores; c++)
	{
		double	   *weights = solution->weights + (size_t) c * solution->nfeatures;
		ml_linear_report one = {.converged = true};

		memset(s->parameters, 0, (problem->nfeatures + 1) * sizeof(double));
		if (solution->fitted)
		{
			memcpy(s->parameters, weights, solution->nfeatures * sizeof(double));
			s->parameters[solution->nfeatures] = solution->bias[c];
		}
		if (is_smooth(problem->options->loss))
			ML_TRY(fit_smooth(ctx, problem, s, parts, c, solution, &one));
		else if (ml_newton_fits(problem, 1))
			ML_TRY(ml_multipliers(ctx, problem, parts, problem->nscores == 1 ? -1 : (int64_t) c,
								  s->parameters, solution->fitted, &one));
		else
			ML_TRY(ml_dual_descent(ctx, problem, parts, problem->nscores == 1 ? -1 : (int64_t) c, s->parameters, &one));
		memcpy(weights, s->parameters, solution->nfeatures * sizeof(double));
		solution->bias[c] = s->parameters[solution->nfeatures];
		add_losses(report, &one);
		report->epochs = ML_MAX(one.epochs, report->epochs);
		report->converged &= one.converged;
	}
	solution->fitted = true;
	solution->has_errors = false;
	report->best = report->epochs;
	return ML_OK;
}

static ml_status
svm_fit(ml_context *ctx, const ml_problem *problem, void *state, uint32_t parts, ml_solution *solution,
		ml_linear_report *report)
{
	svm		   *s = state;

	if (problem->options->svm_kernel != ML_SVM_LINEAR)
		return ml_svm_kernel_fit(ctx, problem, s->kernel_state, parts, solution, report);
	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	report->converged = true;
	return fit_linear(ctx, problem, s, parts, solution, report);
}

const ml_learner ml_svm = {
	.name = "svm",
	.tasks = ML_TASK(ML_CLASSIFICATION) | ML_TASK(ML_REGRESSION),
	.is_logistic = svm_is_logistic,
	.open = svm_open,
	.fit = svm_fit,
	.close = svm_close
};
