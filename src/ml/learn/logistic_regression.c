/*-------------------------------------------------------------------------
 *
 * logistic_regression.c
 *	  The learner logistic_regression: two classes or more, penalties none, L2,
 *	  L1 and both.
 *
 *	  min (1 - r)/2 |W|^2 + r |W|_1 + C sum_i s_i loss_i,	r = l1_ratio
 *	  loss: ln(1 + exp(-y f)) for two classes, else -ln softmax(f)[label]
 *
 * Without a penalty C is of no account, and for two classes the Hessian at the
 * solution gives standard errors.  The intercept is not penalised.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/newton.h"
#include "learn/separation.h"

#include <math.h>

#define SEPARATED		1e-8	/* mean loss below which the classes are apart */
#define MANY_EPOCHS		12		/* Newton's method needs fewer where there is an optimum */
#define PIVOT			1e-11

typedef struct logistic
{
	double	   *parameters;		/* [nscores][nfeatures + 1] */
	bool		warned;
} logistic;

static bool
logistic_is_logistic(const ml_options *options)
{
	return true;
}

static ml_status
logistic_open(ml_context *ctx, const ml_problem *problem, void **state)
{
	size_t		n = ml_size_mul(problem->nscores, problem->nfeatures + 1);
	size_t		need = ml_size_add(ml_minimise_memory(problem, problem->nscores),
								   ml_size_mul(n, 2 * sizeof(double)));
	logistic   *state_of;
	ml_status	status;

	*state = NULL;
	if (need > problem->memory)
	{
		ml_fail(ctx, ML_MEMORY_LIMIT,
				"logistic regression on %u features and %u scores needs %zu MB of memory, and %zu MB are allowed",
				problem->nfeatures, problem->nscores, (need >> 20) + 1, problem->memory >> 20);
		return ml_hint(ctx, "Raise maintenance_work_mem to about %zu MB, or make fewer features (options \"rare\", \"min_df\").",
					   (need >> 20) * 2 + 1);
	}
	ML_TRY(ml_alloc_zero(ctx, sizeof(*state_of), (void **) &state_of));
	status = ml_alloc(ctx, ml_size_mul(n, sizeof(double)), (void **) &state_of->parameters);
	if (status != ML_OK)
		ml_release(ctx, state_of);
	else
		*state = state_of;
	return status;
}

static void
logistic_close(ml_context *ctx, void *state)
{
	logistic   *l = state;

	if (l == NULL)
		return;
	ml_release(ctx, l->parameters);
	ml_release(ctx, l);
}

static void
load_parameters(double *parameters, const ml_solution *solution)
{
	for (uint32_t c = 0; c < solution->nscores; c++)
	{
		double	   *to = parameters + (size_t) c * (solution->nfeatures + 1);

		memset(to, 0, (solution->nfeatures + 1) * sizeof(double));
		if (!solution->fitted)
			continue;
		memcpy(to, solution->weights + (size_t) c * solution->nfeatures, solution->nfeatures * sizeof(double));
		to[solution->nfeatures] = solution->bias[c];
	}
}

static void
store_parameters(const double *parameters, ml_solution *solution)
{
	for (uint32_t c = 0; c < solution->nscores; c++)
	{
		const double *from = parameters + (size_t) c * (solution->nfeatures + 1);

		memcpy(solution->weights + (size_t) c * solution->nfeatures, from, solution->nfeatures * sizeof(double));
		solution->bias[c] = from[solution->nfeatures];
	}
	solution->fitted = true;
}

/* Roots of the diagonal of the inverse Hessian; that of the intercept where the columns are 0. */
static ml_status
find_errors(ml_context *ctx, ml_arena *arena, const ml_glm *glm, const uint32_t *parameter, const uint32_t *row,
			uint32_t n, ml_solution *solution)
{
	const ml_problem *problem = glm->problem;
	ml_equations equations;
	double	   *diagonal;
	double	   *v;
	void	   *memory;
	double		sum = 0;

	ML_TRY(ml_equations_open(ctx, arena, problem->kernel, glm->hessian, row, n, NULL, &equations));
	ML_TRY(ml_equations_factor(ctx, &equations, PIVOT));
	ML_TRY(ml_arena_alloc_zero(ctx, arena, 2 * 8 * ml_npanels(n) * sizeof(double), &memory));
	diagonal = memory;
	v = diagonal + 8 * ml_npanels(n);
	ML_TRY(ml_equations_inverse(ctx, arena, &equations, diagonal));
	for (uint32_t j = 0; j < solution->nfeatures; j++)
	{
		solution->std_error[j] = NAN;
		solution->dropped[j] = false;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		bool		dropped = equations.inverse_pivot[i] == 0;
		uint32_t	j = parameter[i];

		v[i] = (j == glm->q - 1 ? 1 : problem->origin == NULL ? 0 : problem->origin[j]) * equations.inverse_scale[i];
		if (dropped)
			v[i] = 0;
		if (j == glm->q - 1)
			continue;
		solution->dropped[j] = dropped;
		solution->std_error[j] = dropped ? NAN : sqrt(diagonal[i]) * equations.inverse_scale[i];
		if (dropped)
			solution->weights[j] = 0;
	}
	ml_equations_forward(&equations, v);
	for (uint32_t i = 0; i < n; i++)
		sum += v[i] * v[i];
	solution->bias_std_error = sqrt(sum);
	solution->freedom = 0;
	solution->has_errors = true;
	return ML_OK;
}

static ml_status
fit_errors(ml_context *ctx, const ml_glm *glm, ml_solution *solution)
{
	ml_arena	arena = {0};
	void	   *memory;
	ml_status	status = ml_arena_alloc(ctx, &arena, ml_size_mul(glm->n, 2 * sizeof(uint32_t)), &memory);

	if (status == ML_OK)
	{
		uint32_t   *parameter = memory;
		uint32_t   *row = parameter + glm->n;
		uint32_t	n = ml_newton_unknowns(glm, parameter, row);

		status = find_errors(ctx, &arena, glm, parameter, row, n, solution);
	}
	ml_arena_free(ctx, &arena);
	return status;
}

static ml_status
warn_separated(ml_context *ctx, const ml_problem *problem, uint32_t feature)
{
	char		message[ML_TEXT_MAX];
	ml_buffer	name = {0};
	ml_status	status = ML_OK;

	if (ctx->host->warn == NULL)
		return ML_OK;
	if (feature == ML_NO_TERM)
		ml_print(message, sizeof(message), "the classes are perfectly separated: without a penalty "
				 "the estimates have no finite optimum; use {\"penalty\": \"l2\"}");
	else
	{
		status = ml_tabular_term(ctx, ml_design_tabular(problem->design), feature, &name);
		if (status == ML_OK)
			ml_print(message, sizeof(message), "\"%.*s\" separates the classes: without a penalty its "
					 "estimate has no finite optimum; use {\"penalty\": \"l2\"}",
					 (int) ML_MIN(name.size, (size_t) 200), name.data);
		ml_buffer_free(ctx, &name);
	}
	if (status == ML_OK)
		ctx->host->warn(ctx->host->user, message);
	return status;
}

/*
 * Without a penalty nothing holds the weight of a feature that tells classes
 * apart: iterations are many, or the loss goes to 0.
 */
static ml_status
check_separated(ml_context *ctx, const ml_problem *problem, logistic *l, const ml_glm *glm,
				uint32_t parts, ml_linear_report *report)
{
	bool		complete = glm->sum < SEPARATED * glm->weight;
	uint32_t	feature;

	if (!complete && report->converged && report->epochs < MANY_EPOCHS)
		return ML_OK;
	ML_TRY(ml_separation_find(ctx, problem, parts, &feature));
	if (!complete && feature == ML_NO_TERM)
		return ML_OK;
	report->converged = false;
	if (l->warned)
		return ML_OK;
	l->warned = true;
	return warn_separated(ctx, problem, feature);
}

static ml_status
fit(ml_context *ctx, const ml_problem *problem, logistic *l, uint32_t parts, ml_solution *solution,
	ml_linear_report *report, ml_glm *glm)
{
	const ml_options *options = problem->options;
	bool		penalised = options->penalty != ML_PENALTY_NONE;
	bool		errors = !penalised && problem->nscores == 1 && ml_newton_fits(problem, 1);
	double		ratio = options->penalty == ML_PENALTY_L1 ? 1 : options->penalty == ML_PENALTY_L2 ? 0 : options->l1_ratio;
	ml_minimum	minimum = {
		.c = penalised ? options->c : 1,
		.l1 = penalised ? ratio : 0,
		.l2 = penalised ? 1 - ratio : 0,
		.floor = penalised ? 0 : SEPARATED,
		.tolerance = errors ? ML_MIN(options->tolerance, 1e-8) : options->tolerance,
		.max_iterations = options->epochs,
		.final_hessian = errors,
		.parameters = l->parameters,
		.warm = solution->fitted,
		.report = report
	};

	load_parameters(l->parameters, solution);
	solution->has_errors = false;
	ML_TRY(ml_minimise(ctx, glm, problem, ML_LOSS_LOGISTIC, problem->nscores, -1, parts, &minimum));
	store_parameters(l->parameters, solution);
	if (!penalised)
		ML_TRY(check_separated(ctx, problem, l, glm, parts, report));
	report->best = report->epochs;
	return errors ? fit_errors(ctx, glm, solution) : ML_OK;
}

static ml_status
logistic_fit(ml_context *ctx, const ml_problem *problem, void *state, uint32_t parts, ml_solution *solution,
			 ml_linear_report *report)
{
	ml_glm		glm = {0};
	ml_status	status;

	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	report->converged = true;
	status = fit(ctx, problem, state, parts, solution, report, &glm);
	ml_glm_close(ctx, &glm);
	return status;
}

const ml_learner ml_logistic_regression = {
	.name = "logistic_regression",
	.tasks = ML_TASK(ML_CLASSIFICATION),
	.is_logistic = logistic_is_logistic,
	.open = logistic_open,
	.fit = logistic_fit,
	.close = logistic_close
};
