/*-------------------------------------------------------------------------
 *
 * newton.c
 *	  Newton's method for few unknowns.
 *
 * A pass gives objective, gradient and Hessian at a point; the step solves the
 * equations (least_squares.h), or with an L1 penalty minimises the quadratic
 * model plus penalty by coordinate descent (proximal Newton: Lee, Sun,
 * Saunders 2014).  A step that does not lower the objective enough is halved.
 * Many rows are approached on every twelfth block first, so that few passes
 * see all of them; near the solution the Hessian is kept from pass to pass,
 * since the gradient alone decides what is reached.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/newton.h"

#include <math.h>

#define SAMPLE_ROWS		20000	/* from which on a sample is solved first */
#define SAMPLE_EVERY	12
#define SUFFICIENT		1e-4	/* of the decrease that the model predicts */
#define KEEP_HESSIAN	0.02	/* while steps shrink by at least this much */
#define PIVOT			1e-11
#define SWEEPS			1000
#define SMALLEST_STEP	1e-10

typedef struct newton
{
	ml_context *ctx;
	ml_glm	   *glm;
	ml_minimum *minimum;
	ml_arena	arena;
	uint32_t	n;				/* unknowns */
	uint32_t   *parameter;
	uint32_t   *row;
	double	   *ridge;			/* [n] */
	double	   *limit;			/* [n] l1 of each; 0 for intercepts */
	double	   *point;			/* [n] */
	double	   *gradient;		/* [n] of c x loss + l2 */
	double	   *step;			/* [8 panels] */
	double	   *scratch;		/* [4][8 panels] */
	double	   *before;			/* [glm->n] parameters before the step */
	ml_arena	factored;		/* of the equations */
	ml_equations equations;
	uint32_t	every;
} newton;

bool
ml_newton_fits(const ml_problem *problem, uint32_t nscores)
{
	size_t		n = ml_size_mul(nscores, problem->nfeatures + 1);

	return n <= ML_NEWTON_MAX && ml_size_mul(ml_glm_memory(problem, nscores, true), 3) <= problem->memory;
}

uint32_t
ml_newton_unknowns(const ml_glm *glm, uint32_t *parameter, uint32_t *row)
{
	uint32_t	ndense = ml_design_ndense(glm->problem->design);
	const bool *excluded = glm->problem->excluded;
	uint32_t	n = 0;

	for (uint32_t c = 0; c < glm->nscores; c++)
		for (uint32_t k = 0; k < glm->q; k++)
		{
			/* in order of the rows: dense, intercept, the others */
			uint32_t	feature = k < ndense ? k : k == ndense ? glm->q - 1 : k - 1;

			if (feature < glm->q - 1 && excluded != NULL && excluded[feature])
				continue;
			parameter[n] = c * glm->q + feature;
			row[n++] = ml_glm_row(glm, c, feature);
		}
	return n;
}

static ml_status
take(newton *w, size_t n, double **array)
{
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(w->ctx, &w->arena, ml_size_mul(n, sizeof(double)), &memory));
	*array = memory;
	return ML_OK;
}

static ml_status
begin(newton *w)
{
	const ml_glm *glm = w->glm;
	const ml_minimum *m = w->minimum;
	size_t		padded = 8 * ml_npanels(glm->n);
	void	   *memory;

	ML_TRY(ml_arena_alloc(w->ctx, &w->arena, glm->n * 2 * sizeof(uint32_t), &memory));
	w->parameter = memory;
	w->row = w->parameter + glm->n;
	ML_TRY(take(w, padded, &w->ridge));
	ML_TRY(take(w, padded, &w->limit));
	ML_TRY(take(w, padded, &w->point));
	ML_TRY(take(w, padded, &w->gradient));
	ML_TRY(take(w, padded, &w->step));
	ML_TRY(take(w, 4 * padded, &w->scratch));
	ML_TRY(take(w, glm->n, &w->before));
	w->n = ml_newton_unknowns(glm, w->parameter, w->row);
	for (uint32_t i = 0; i < w->n; i++)
	{
		bool		intercept = w->parameter[i] % glm->q == glm->q - 1;

		w->ridge[i] = intercept && !m->intercept ? 0 : m->l2;
		w->limit[i] = intercept ? 0 : m->l1;
	}
	return ML_OK;
}

/* Objective at the parameters, after a pass there; its smooth part's gradient. */
static double
objective(newton *w)
{
	const ml_glm *glm = w->glm;
	double		c = w->minimum->c * w->every;
	double		value = c * glm->sum;

	for (uint32_t i = 0; i < w->n; i++)
	{
		double		x = w->minimum->parameters[w->parameter[i]];

		w->point[i] = x;
		value += w->ridge[i] / 2 * x * x + w->limit[i] * fabs(x);
		w->gradient[i] = c * glm->gradient[w->parameter[i]] + w->ridge[i] * x;
	}
	return value;
}

/* ---------- steps ---------- */

static ml_status
factor(newton *w)
{
	double		c = w->minimum->c * w->every;
	size_t		size = ml_triangle_size(ml_glm_rows(w->glm));

	ml_arena_reset(w->ctx, &w->factored);
	if (c != 1)
		for (size_t i = 0; i < size; i++)
			w->glm->hessian[i] *= c;
	ML_TRY(ml_equations_open(w->ctx, &w->factored, w->glm->problem->kernel, w->glm->hessian, w->row, w->n, w->ridge,
							 &w->equations));
	return w->minimum->l1 > 0 ? ML_OK : ml_equations_factor(w->ctx, &w->equations, PIVOT);
}

/* step = - Hessian^-1 gradient */
static ml_status
solve_step(newton *w)
{
	size_t		padded = 8 * ml_npanels(w->n);
	double	   *b = w->scratch;
	double	   *residual = b + padded;

	memset(b, 0, padded * sizeof(double));
	for (uint32_t i = 0; i < w->n; i++)
		b[i] = -w->gradient[i] * w->equations.inverse_scale[i];
	ML_TRY(ml_equations_solve(w->ctx, &w->equations, b, w->step, residual, residual + padded));
	for (uint32_t i = 0; i < w->n; i++)
		w->step[i] *= w->equations.inverse_scale[i];
	return ML_OK;
}

/* Coordinate j of the model: its slope at point + step is slope[j]; returns the change. */
static double
shrink_coordinate(const newton *w, uint32_t j, double curve, double slope)
{
	double		now = w->point[j] + w->step[j];
	double		lowest = now - slope / curve;	/* without the penalty */
	double		limit = w->limit[j] / curve;
	double		next = lowest > limit ? lowest - limit : lowest < -limit ? lowest + limit : 0;

	return next - now;
}

/* min over the step of gradient.step + step' H step / 2 + sum limit |point + step| */
static ml_status
net_step(newton *w)
{
	const double *h = w->glm->hessian;
	double	   *slope = w->scratch;

	memset(w->step, 0, w->n * sizeof(double));
	memcpy(slope, w->gradient, w->n * sizeof(double));
	for (int sweep = 0; sweep < SWEEPS; sweep++)
	{
		double		largest = 0;

		for (uint32_t j = 0; j < w->n; j++)
		{
			const double *row = h + ml_triangle_row(w->row[j]);
			double		curve = row[w->row[j]] + w->ridge[j];
			double		change;

			if (!(curve > 0))
				continue;
			change = shrink_coordinate(w, j, curve, slope[j]);
			if (change == 0)
				continue;
			w->step[j] += change;
			slope[j] += w->ridge[j] * change;
			for (uint32_t k = 0; k <= j; k++)
				slope[k] += row[w->row[k]] * change;
			for (uint32_t k = j + 1; k < w->n; k++)
				slope[k] += h[ml_triangle_row(w->row[k]) + w->row[j]] * change;
			largest = ML_MAX(largest, curve * change * change);
		}
		ML_TRY(ml_poll(w->ctx));
		if (largest <= 1e-16 * (1 + fabs(w->minimum->c * w->glm->sum)))
			break;
	}
	return ML_OK;
}

/* What the model says the step gains, > 0: the square of its length, or nearly. */
static double
predicted(const newton *w)
{
	double		gain = 0;

	for (uint32_t i = 0; i < w->n; i++)
		gain -= w->gradient[i] * w->step[i] +
			w->limit[i] * (fabs(w->point[i] + w->step[i]) - fabs(w->point[i]));
	return gain;
}

static void
move(newton *w, double length)
{
	for (uint32_t i = 0; i < w->n; i++)
	{
		double		x = w->before[w->parameter[i]] + length * w->step[i];

		/* exactly 0 where the penalty put it */
		w->minimum->parameters[w->parameter[i]] =
			w->limit[i] > 0 && length == 1 && fabs(x) < 1e-14 * fabs(w->step[i]) ? 0 : x;
	}
}

static void
note_loss(newton *w, int iteration)
{
	ml_linear_report *report = w->minimum->report;
	double		loss = w->glm->weight > 0 ? w->glm->sum / w->glm->weight : 0;

	if (w->every == 1 && report->nlosses < ML_LOSSES_MAX)
		report->losses[report->nlosses++] = loss;
	ml_linear_progress(w->ctx, ML_PHASE_FIT, (int64_t) w->glm->weight, iteration, loss);
}

/*
 * Iterations on every "every"-th block until the solution stands to tolerance.
 * near: it is not far from here, so the second step may do with the first
 * Hessian.
 */
static ml_status
iterate(newton *w, uint32_t parts, uint32_t every, bool near, double tolerance, bool *converged)
{
	ml_minimum *m = w->minimum;
	double		gain = INFINITY;
	double		previous = INFINITY;
	double		value = INFINITY;
	double		length = 1;
	bool		have = false;

	w->every = every;
	*converged = false;
	for (int iteration = 1; iteration <= m->max_iterations; iteration++)
	{
		bool		fast = isfinite(previous) ? gain < KEEP_HESSIAN * previous : near;
		bool		fresh = !have || !fast || length < 1;
		double		now;

		ML_TRY(ml_glm_pass(w->ctx, w->glm, m->parameters, parts, every, fresh && length == 1));
		now = objective(w);
		note_loss(w, iteration);
		m->report->epochs += every == 1;
		if (!(now <= value - SUFFICIENT * length * gain) && isfinite(value) && gain > 1e-13 * fabs(value))
		{
			length /= 2;
			if (length < SMALLEST_STEP)
				break;
			move(w, length);
			continue;
		}
		if (fresh && length < 1)
		{
			/* the halved point stands: now its Hessian */
			ML_TRY(ml_glm_pass(w->ctx, w->glm, m->parameters, parts, every, true));
			(void) objective(w);
		}
		value = now;
		length = 1;
		if (fresh)
			ML_TRY(factor(w));
		have = true;
		ML_TRY(m->l1 > 0 ? net_step(w) : solve_step(w));
		previous = gain;
		gain = predicted(w);
		memcpy(w->before, m->parameters, w->glm->n * sizeof(double));
		if (!(gain > 0))
		{
			*converged = true;
			break;
		}
		move(w, 1);
		/* the step just taken was the last that matters */
		if (gain <= tolerance * tolerance * (fabs(value) + 1e-300))
		{
			*converged = true;
			break;
		}
	}
	return ML_OK;
}

static ml_status
run(newton *w, uint32_t parts)
{
	ml_minimum *m = w->minimum;
	bool		sample = !m->warm && ml_design_count(w->glm->problem->design, parts) >= SAMPLE_ROWS;
	bool		converged;

	ML_TRY(begin(w));
	if (sample)
		ML_TRY(iterate(w, parts, SAMPLE_EVERY, false, 1e-2, &converged));
	ML_TRY(iterate(w, parts, 1, sample || m->warm, m->tolerance, &converged));
	m->report->converged &= converged;
	if (m->final_hessian)
		ML_TRY(ml_glm_pass(w->ctx, w->glm, m->parameters, parts, 1, true));
	return ML_OK;
}

ml_status
ml_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum)
{
	newton		w = {.ctx = ctx, .glm = glm, .minimum = minimum};
	ml_status	status = run(&w, parts);

	ml_arena_free(ctx, &w.arena);
	ml_arena_free(ctx, &w.factored);
	return status;
}

ml_status
ml_minimise(ml_context *ctx, ml_glm *glm, const ml_problem *problem, ml_loss loss, uint32_t nscores, int64_t own,
			uint32_t parts, ml_minimum *minimum)
{
	bool		few = ml_newton_fits(problem, nscores);

	ML_TRY(ml_glm_open(ctx, glm, problem, loss, nscores, own, few));
	return few ? ml_newton(ctx, glm, parts, minimum) : ml_quasi_newton(ctx, glm, parts, minimum);
}
