/*-------------------------------------------------------------------------
 *
 * newton.c
 *	  Newton's method for few unknowns.
 *
 * A pass gives objective, gradient and Hessian at a point; the step solves the
 * equations (least_squares.h), or with an L1 penalty minimises the quadratic
 * model plus penalty by coordinate descent (proximal Newton: Lee, Sun,
 * Saunders 2014).  A step that does not lower the objective enough is halved.
 * Many rows are approached on a sample first, so that few passes see all of
 * them.
 *
 * What the model says a step gains is the square of the error before it, and
 * the last two gains foretell the error after it: of fresh Hessians the gains
 * go down as gain_k+1 = gain_k (gain_k / gain_k-1)^2, of a kept one as gain_k+1
 * = 4 gain_k (gain_k / gain_k-1), roughly; losses that are parabolas by pieces
 * are trusted less, and rounded corners not at all.  So a pass that only has to confirm
 * the solution does without a Hessian, and the last step needs no pass behind
 * it.  After one step the objective stands for the gain before it: that is enough
 * to do without a Hessian, but not without the pass.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/newton.h"

#include "base/math.h"

#define SAMPLE_ROWS		20000	/* from which on a sample is solved first ... */
#define SAMPLE_SHARE	4		/* ... if it has so many rows for each unknown */
#define SAMPLE_RIDGE	1e-4	/* holds what a sample does not determine */
#define SAMPLE_STEPS	10
#define SAMPLE_ERROR	1e-2
#define SUFFICIENT		1e-4	/* of the decrease that the model predicts */
#define FAST			0.1		/* gains that shrink less foretell nothing */
#define ROUNDING		1e-13
#define PIVOT			1e-11
#define SWEEPS			1000
#define NET_TOLERANCE	1e-10
#define SAMPLE_NET		1e-5
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
	double	   *penalty;		/* [n] l2 of each; 0 for intercepts */
	double	   *ridge;			/* [n] the same, and what a sample needs */
	double	   *limit;			/* [n] l1 of each; 0 for intercepts */
	double	   *point;			/* [n] */
	double	   *gradient;		/* [n] of c x loss + l2 */
	double	   *step;			/* [8 panels] */
	double	   *scratch;		/* [4][8 panels] */
	double	   *before;			/* [glm->n] parameters before the step */
	ml_arena	factored;		/* of the equations */
	ml_equations equations;

	/* the iterations under way */
	uint32_t	parts;
	bool		sample;
	double		scale;			/* of sums: rows by those of the sample */
	double		value;			/* of the objective at "before" */
	double		gain;			/* of the last step, by the model; infinite: none yet */
	double		previous;		/* of the one before */
	double		ahead;			/* foretold of the next; infinite: unknown */
} newton;

bool
ml_newton_fits(const ml_problem *problem, uint32_t nscores)
{
	size_t		n = ml_size_mul(nscores, problem->nfeatures + 1);

	return n <= ML_NEWTON_MAX &&
		ml_size_mul(ml_glm_memory(problem, nscores, true), 3) <= problem->memory;
}

size_t
ml_minimise_memory(const ml_problem *problem, uint32_t nscores)
{
	return ml_newton_fits(problem, nscores) ? ml_glm_memory(problem, nscores, true) :
		ml_quasi_newton_memory(problem, nscores);
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
	ML_TRY(take(w, padded, &w->penalty));
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

		w->penalty[i] = intercept && !m->intercept ? 0 : m->l2;
		w->limit[i] = intercept ? 0 : m->l1;
	}
	return ML_OK;
}

/* Objective at the parameters, after a pass there; its smooth part's gradient. */
static double
objective(newton *w)
{
	const ml_glm *glm = w->glm;
	double		c = w->minimum->c * w->scale;
	double		value = c * glm->sum;
	double		added = w->sample ? SAMPLE_RIDGE * c * glm->weight : 0;

	for (uint32_t i = 0; i < w->n; i++)
	{
		double		x = w->minimum->parameters[w->parameter[i]];

		w->ridge[i] = w->penalty[i] + added;
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
	double		c = w->minimum->c * w->scale;
	size_t		size = ml_triangle_size(ml_glm_rows(w->glm));

	ml_arena_reset(w->ctx, &w->factored);
	if (c != 1)
		for (size_t i = 0; i < size; i++)
			w->glm->hessian[i] *= c;
	ML_TRY(ml_equations_open(w->ctx, &w->factored, w->glm->problem->kernel, w->glm->hessian, w->row, w->n, w->ridge,
							 &w->equations));
	return ml_equations_factor(w->ctx, &w->equations, PIVOT);
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

/*
 * b = A point - gradient, in scaled unknowns; returns b.A^-1 b, the square of
 * what the model could gain without the L1 penalty, from where all are 0.
 */
static ml_status
net_right_side(newton *w, double *b, double *total)
{
	const ml_equations *eq = &w->equations;
	size_t		padded = 8 * ml_npanels(w->n);
	double	   *x = w->scratch;

	for (uint32_t i = 0; i < w->n; i++)
	{
		double		sum = w->ridge[i] * w->point[i];

		for (uint32_t j = 0; j < w->n; j++)
			if (w->point[j] != 0)
				sum += ml_triangle_get(eq->products, eq->rows[i], eq->rows[j]) * w->point[j];
		b[i] = (sum - w->gradient[i]) * eq->inverse_scale[i];
		if (i % 64 == 63)
			ML_TRY(ml_poll(w->ctx));
	}
	ML_TRY(ml_equations_solve(w->ctx, eq, b, x, x + padded, x + 2 * padded));
	*total = 0;
	for (uint32_t i = 0; i < w->n; i++)
		*total += b[i] * x[i];
	return ML_OK;
}

/* min over the step of gradient.step + step' H step / 2 + sum limit |point + step| */
static ml_status
net_step(newton *w)
{
	const ml_equations *eq = &w->equations;
	size_t		padded = 8 * ml_npanels(w->n);
	ml_arena	arena = {0};
	double		total;
	double	   *b;
	void	   *memory;
	int			sweeps;
	bool		converged;
	ml_status	status;

	ML_TRY(ml_arena_alloc_zero(w->ctx, &w->factored, 3 * padded * sizeof(double), &memory));
	b = memory;
	ML_TRY(net_right_side(w, b, &total));
	for (uint32_t i = 0; i < w->n; i++)
	{
		b[padded + i] = w->limit[i] * eq->inverse_scale[i];
		b[2 * padded + i] = w->point[i] / eq->inverse_scale[i];
	}
	status = ml_equations_net(w->ctx, &arena, eq, b, b + padded, total,
							  w->sample ? SAMPLE_NET : NET_TOLERANCE, SWEEPS, b + 2 * padded,
							  w->scratch, &sweeps, &converged);
	ml_arena_free(w->ctx, &arena);
	for (uint32_t i = 0; i < w->n; i++)
		w->step[i] = b[2 * padded + i] * eq->inverse_scale[i] - w->point[i];
	return status;
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

	if (!w->sample)
	{
		if (report->nlosses < ML_LOSSES_MAX)
			report->losses[report->nlosses++] = loss;
		report->epochs++;
	}
	ml_linear_progress(w->ctx, ML_PHASE_FIT, (int64_t) w->glm->rows, iteration, loss);
}

/* A pass at the parameters; the objective there. */
static ml_status
visit(newton *w, bool hessian, double *value)
{
	uint64_t	rows = ml_design_count(w->glm->problem->design, w->parts);

	ML_TRY(ml_glm_pass(w->ctx, w->glm, w->minimum->parameters, w->parts, w->sample, hessian));
	w->scale = w->sample && w->glm->rows > 0 ? (double) rows / (double) w->glm->rows : 1;
	*value = objective(w);
	return ML_OK;
}

/* The objective where all parameters are 0, after a pass; infinite where it is not known. */
static double
value_at_zero(const newton *w)
{
	const ml_glm *glm = w->glm;

	if (glm->loss == ML_LOSS_LOGISTIC)
		return w->minimum->c * w->scale * glm->weight * ml_log(ML_MAX(glm->nscores, 2u));
	return glm->loss == ML_LOSS_SQUARED_HINGE ? w->minimum->c * w->scale * glm->weight : INFINITY;
}

/* The pass just made is the first: begin at 0 if that is better. */
static ml_status
check_start(newton *w, double *value)
{
	if (isfinite(*value) && *value <= (1 + ROUNDING) * value_at_zero(w))
		return ML_OK;
	memset(w->minimum->parameters, 0, w->glm->n * sizeof(double));
	return visit(w, true, value);
}

static bool
has_corner(ml_loss loss)
{
	return loss == ML_LOSS_HINGE || loss == ML_LOSS_EPSILON_INSENSITIVE;
}

/* The next step from here, with the Hessian just summed or the one before; true: it is the last. */
static ml_status
take_step(newton *w, bool fresh, double error, bool *last)
{
	double		ratio;

	if (fresh)
		ML_TRY(factor(w));
	ML_TRY(w->minimum->l1 > 0 ? net_step(w) : solve_step(w));
	w->previous = w->gain;
	w->gain = predicted(w);
	memcpy(w->before, w->minimum->parameters, w->glm->n * sizeof(double));
	*last = !(w->gain > error);
	if (!(w->gain > 0))
		return ML_OK;
	ratio = w->gain / w->previous;
	if (!isfinite(w->previous) || ratio > FAST || has_corner(w->glm->loss))
		w->ahead = INFINITY;
	else
		w->ahead = w->gain * (!fresh ? 4 * ratio :
							  w->glm->loss == ML_LOSS_LOGISTIC ? ratio * ratio : ratio);
	*last |= w->ahead <= error;
	move(w, 1);
	return ML_OK;
}

/* Is a Hessian needed where the step has led? */
static bool
wants_hessian(const newton *w, double error)
{
	double		ratio = w->ahead / w->gain;
	double		ahead = w->ahead;

	/* the first step says how near the solution is, if not as much as two would */
	if (!isfinite(w->previous) && !has_corner(w->glm->loss))
	{
		ratio = w->gain / fabs(w->value);
		ratio *= w->glm->loss == ML_LOSS_LOGISTIC ? ratio : 1;
		ahead = w->gain * ratio;
	}
	/* what a step with the old one would leave */
	return !(4 * ratio * ahead <= error);
}

/*
 * Halve the step just taken until the objective has fallen enough; *now: there.
 * *stuck: it did not, and "before" is the best there is.
 */
static ml_status
backtrack(newton *w, double *now, bool *halved, bool *stuck)
{
	double		length = 1;

	*halved = *stuck = false;
	while (!(*now <= w->value - SUFFICIENT * length * w->gain) &&
		   !(w->gain <= ROUNDING * fabs(w->value)))
	{
		*halved = true;
		length /= 2;
		*stuck = length < SMALLEST_STEP;
		move(w, *stuck ? 0 : length);
		if (*stuck)
			return ML_OK;
		ML_TRY(visit(w, false, now));
		note_loss(w, w->minimum->report->epochs);
	}
	return ML_OK;
}

/* Iterations until the solution stands to tolerance. */
static ml_status
iterate(newton *w, double tolerance, int max_iterations, bool *converged)
{
	bool		fresh = true;
	bool		last = false;
	bool		halved = false;
	bool		stuck = false;
	double		now;

	w->gain = w->previous = w->ahead = w->value = INFINITY;
	*converged = false;
	for (int iteration = 1; iteration <= max_iterations && !last; iteration++)
	{
		ML_TRY(visit(w, fresh, &now));
		if (iteration == 1)
			ML_TRY(check_start(w, &now));
		note_loss(w, iteration);
		if (iteration > 1)
			ML_TRY(backtrack(w, &now, &halved, &stuck));
		if (stuck || (w->minimum->floor > 0 && w->glm->sum < w->minimum->floor * w->glm->weight))
			return ML_OK;
		if (halved)
		{
			/* without a Hessian yet, and what was foretold is void */
			ML_TRY(visit(w, true, &now));
			fresh = true;
			w->gain = INFINITY;
		}
		w->value = now;
		ML_TRY(take_step(w, fresh, tolerance * tolerance * fabs(now), &last));
		fresh = wants_hessian(w, tolerance * tolerance * fabs(now));
	}
	*converged = last;
	if (last)
		return ML_OK;
	/* nobody has seen yet where the last step led */
	ML_TRY(visit(w, false, &now));
	return backtrack(w, &now, &halved, &stuck);
}

static ml_status
run(newton *w)
{
	ml_minimum *m = w->minimum;
	uint64_t	rows = ml_design_count(w->glm->problem->design, w->parts);
	bool		converged;
	double		value;

	ML_TRY(begin(w));
	w->sample = !m->warm && rows >= SAMPLE_ROWS &&
		rows / ML_GLM_SAMPLE >= (uint64_t) SAMPLE_SHARE * w->n;
	if (w->sample)
		ML_TRY(iterate(w, SAMPLE_ERROR, SAMPLE_STEPS, &converged));
	w->sample = false;
	ML_TRY(iterate(w, m->tolerance, m->max_iterations, &converged));
	m->report->converged &= converged;
	return m->final_hessian ? visit(w, true, &value) : ML_OK;
}

ml_status
ml_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum)
{
	newton		w = {.ctx = ctx, .glm = glm, .minimum = minimum, .parts = parts};
	ml_status	status = run(&w);

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
