/*-------------------------------------------------------------------------
 *
 * quasi_newton.c
 *	  Limited-memory quasi-Newton for many unknowns over a design matrix, by
 *	  the core of quasi_template.h over vectors of doubles, begun from the
 *	  inverse Hessian of precondition.h.
 *
 * That one is made anew now and then while the solution comes near: rows which
 * are told apart well no longer curve.
 *
 * Iterations end when the gradient, measured by that inverse, has nothing left
 * to gain that matters, or when rounding lets the objective fall no further.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/newton.h"
#include "learn/precondition.h"

#define QUASI_REAL		double
#define QUASI_HISTORY	10
#include "learn/quasi_template.h"

#define SHARE			0.1		/* of the tolerance that the gradient may leave */
#define RENEWAL			8		/* iteration before which the inverse is made anew; 3 times later again */

typedef struct minimiser
{
	quasi		core;
	ml_glm	   *glm;
	ml_minimum *minimum;
	uint32_t	parts;
	ml_precondition precondition;
} minimiser;

/* What all of it takes, but for the block of precondition.h, and what learners keep besides. */
static size_t
least_memory(const ml_problem *problem, uint32_t nscores)
{
	return ml_size_add(ml_glm_memory(problem, nscores, false), quasi_memory(problem->nfeatures, nscores));
}

static size_t
block_memory(const ml_problem *problem, uint32_t nscores)
{
	size_t		taken = ml_size_add(least_memory(problem, nscores),
									4 * quasi_vector(problem->nfeatures, nscores));

	return taken < problem->memory ? (problem->memory - taken) / 2 : 0;
}

size_t
ml_quasi_newton_memory(const ml_problem *problem, uint32_t nscores)
{
	return ml_size_add(least_memory(problem, nscores),
					   ml_precondition_memory(problem, block_memory(problem, nscores)));
}

static bool
is_excluded(const minimiser *m, size_t feature)
{
	const bool *excluded = m->glm->problem->excluded;

	return excluded != NULL && feature < m->glm->q - 1 && excluded[feature];
}

/* What the L2 penalty takes of a parameter. */
static double
ridge_of(const minimiser *m, size_t i)
{
	return i >= m->core.nweights && !m->minimum->intercept ? 0 : m->minimum->l2;
}

static ml_status
evaluate(ml_context *ctx, void *arg, const double *w, double *g, double *objective)
{
	minimiser  *m = arg;
	const ml_glm *glm = m->glm;

	ML_TRY(ml_glm_pass(ctx, m->glm, w, m->parts, false, false));
	*objective = m->minimum->c * glm->sum;
	for (size_t i = 0; i < m->core.n; i++)
	{
		*objective += ridge_of(m, i) / 2 * w[i] * w[i] +
			(i < m->core.nweights ? m->minimum->l1 * fabs(w[i]) : 0);
		g[i] = is_excluded(m, i / glm->nscores) ? 0 :
			m->minimum->c * glm->gradient[i] + ridge_of(m, i) * w[i];
	}
	return ml_poll(ctx);
}

static ml_status
scale(ml_context *ctx, void *arg, double *a)
{
	return ml_precondition_apply(ctx, &((minimiser *) arg)->precondition, a);
}

/* What a step by the inverse to begin with would gain. */
static ml_status
left_to_gain(ml_context *ctx, minimiser *m, double *gain)
{
	for (size_t i = 0; i < m->core.n; i++)
		m->core.d[i] = quasi_pseudo(&m->core, i);
	return quasi_scaled_square(ctx, &m->core, m->core.d, gain);
}

static ml_status
iterate(ml_context *ctx, minimiser *m)
{
	ml_minimum *minimum = m->minimum;
	ml_linear_report *report = minimum->report;
	double		tolerance = SHARE * minimum->tolerance;
	double		objective;
	bool		converged = false;
	bool		stuck = false;
	int			renewal = RENEWAL;

	ML_TRY(quasi_begin(ctx, &m->core, &objective));
	for (int iteration = 1; iteration <= minimum->max_iterations && !converged; iteration++)
	{
		double		loss;
		double		gain;

		/* without a penalty rows that are told apart would stop curving at all */
		if (iteration == renewal && minimum->floor == 0)
		{
			ML_TRY(ml_precondition_set(ctx, &m->precondition, m->core.w));
			renewal *= 3;
		}
		ML_TRY(quasi_iterate(ctx, &m->core, &objective, &stuck));
		loss = m->glm->weight > 0 ? m->glm->sum / m->glm->weight : 0;
		if (report->nlosses < ML_LOSSES_MAX)
			report->losses[report->nlosses++] = loss;
		report->epochs++;
		ml_linear_progress(ctx, ML_PHASE_FIT, (int64_t) m->glm->rows, iteration, loss);
		ML_TRY(left_to_gain(ctx, m, &gain));
		converged = stuck || gain <= tolerance * tolerance * fabs(objective);
		if (minimum->floor > 0 && loss < minimum->floor)
			break;
	}
	report->converged &= converged;
	return ML_OK;
}

/* Solvers that keep a Hessian have the parameters of a score together. */
static void
transpose(const minimiser *m, double *by_feature, double *by_score, bool back)
{
	for (uint32_t c = 0; c < m->glm->nscores; c++)
		for (uint32_t k = 0; k < m->glm->q; k++)
		{
			double	   *from = by_score + (size_t) c * m->glm->q + k;
			double	   *to = by_feature + (size_t) k * m->glm->nscores + c;

			if (back)
				*from = *to;
			else
				*to = is_excluded(m, k) ? 0 : *from;
		}
}

static ml_status
run(ml_context *ctx, minimiser *m)
{
	ML_TRY(quasi_open(ctx, &m->core, m->glm->q - 1, m->glm->nscores));
	m->core.l1 = m->minimum->l1;
	m->core.evaluate = evaluate;
	m->core.scale = scale;
	m->precondition.glm = m->glm;
	m->precondition.parts = m->parts;
	m->precondition.c = m->minimum->c;
	m->precondition.l2 = m->minimum->l2;
	m->precondition.inverse = m->core.inverse;
	m->precondition.l1 = m->minimum->l1;
	m->precondition.memory = block_memory(m->glm->problem, m->glm->nscores);
	m->precondition.intercept = m->minimum->intercept;
	m->core.arg = m;
	transpose(m, m->core.w, m->minimum->parameters, false);
	ML_TRY(ml_precondition_open(ctx, &m->precondition));
	ML_TRY(ml_precondition_set(ctx, &m->precondition, m->core.w));
	ML_TRY(iterate(ctx, m));
	transpose(m, m->core.w, m->minimum->parameters, true);
	return ml_poll(ctx);
}

ml_status
ml_quasi_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum)
{
	minimiser	m = {.glm = glm, .minimum = minimum, .parts = parts};
	ml_status	status = run(ctx, &m);

	ml_precondition_close(ctx, &m.precondition);
	quasi_close(ctx, &m.core);
	return status;
}
