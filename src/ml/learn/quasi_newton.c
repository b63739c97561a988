/*-------------------------------------------------------------------------
 *
 * quasi_newton.c
 *	  Limited-memory quasi-Newton for many unknowns: L-BFGS (Nocedal 1980), and
 *	  with an L1 penalty OWL-QN (Andrew and Gao 2007).
 *
 * The direction is - H g, H being updated from the last pairs of steps and
 * gradient changes, begun from the diagonal s.y / y.y.  OWL-QN replaces the
 * gradient by the pseudo-gradient (the slope of loss + penalty in the direction
 * that lowers it), keeps of the direction what agrees with it, and sets
 * coordinates that would cross 0 to 0.  Steps are halved until the objective
 * falls enough (Armijo).
 *
 *-------------------------------------------------------------------------
 */
#include "learn/newton.h"

#include <math.h>

#define PAIRS_MAX	10
#define SUFFICIENT	1e-4
#define HALVINGS	40

typedef struct quasi
{
	ml_context *ctx;
	ml_glm	   *glm;
	ml_minimum *minimum;
	uint32_t	parts;
	size_t		n;
	int			npairs;			/* kept at most */
	int			used;			/* of them */
	int			newest;
	double	   *memory;
	double	   *s[PAIRS_MAX];
	double	   *y[PAIRS_MAX];
	double		rho[PAIRS_MAX];
	double	   *gradient;		/* of the smooth part */
	double	   *old_gradient;
	double	   *pseudo;
	double	   *direction;
	double	   *before;
} quasi;

static bool
is_intercept(const quasi *w, size_t i)
{
	return i % w->glm->q == w->glm->q - 1;
}

static bool
is_excluded(const quasi *w, size_t i)
{
	const bool *excluded = w->glm->problem->excluded;

	return excluded != NULL && !is_intercept(w, i) && excluded[i % w->glm->q];
}

static double
dot(const double *a, const double *b, size_t n)
{
	double		sums[8] = {0};
	double		sum = 0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			sums[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	for (int k = 0; k < 8; k++)
		sum += sums[k];
	return sum;
}

/* A pass at the parameters; the objective there. */
static ml_status
evaluate(quasi *w, double *value)
{
	const ml_minimum *m = w->minimum;

	ML_TRY(ml_glm_pass(w->ctx, w->glm, m->parameters, w->parts, 1, false));
	*value = m->c * w->glm->sum;
	for (size_t i = 0; i < w->n; i++)
	{
		double		x = m->parameters[i];
		double		l2 = is_intercept(w, i) && !m->intercept ? 0 : m->l2;

		*value += l2 / 2 * x * x + (is_intercept(w, i) ? 0 : m->l1 * fabs(x));
		w->gradient[i] = is_excluded(w, i) ? 0 : m->c * w->glm->gradient[i] + l2 * x;
	}
	return ml_poll(w->ctx);
}

/* The slope of the objective, the least of it where |x| has its corner. */
static void
set_pseudo(quasi *w)
{
	for (size_t i = 0; i < w->n; i++)
	{
		double		x = w->minimum->parameters[i];
		double		l1 = is_intercept(w, i) || is_excluded(w, i) ? 0 : w->minimum->l1;
		double		g = w->gradient[i];

		if (x != 0 || l1 == 0)
			w->pseudo[i] = g + (x == 0 ? 0 : copysign(l1, x));
		else
			w->pseudo[i] = g + l1 < 0 ? g + l1 : g - l1 > 0 ? g - l1 : 0;
	}
}

/* direction = - H pseudo, by the two loops. */
static void
set_direction(quasi *w)
{
	double		alpha[PAIRS_MAX];
	double	   *d = w->direction;

	for (size_t i = 0; i < w->n; i++)
		d[i] = -w->pseudo[i];
	for (int k = 0; k < w->used; k++)
	{
		int			p = (w->newest - k + w->npairs) % w->npairs;

		alpha[p] = w->rho[p] * dot(w->s[p], d, w->n);
		for (size_t i = 0; i < w->n; i++)
			d[i] -= alpha[p] * w->y[p][i];
	}
	if (w->used > 0)
	{
		double		scale = 1 / (w->rho[w->newest] * dot(w->y[w->newest], w->y[w->newest], w->n));

		for (size_t i = 0; i < w->n; i++)
			d[i] *= scale;
	}
	for (int k = w->used - 1; k >= 0; k--)
	{
		int			p = (w->newest - k + w->npairs) % w->npairs;
		double		beta = w->rho[p] * dot(w->y[p], d, w->n);

		for (size_t i = 0; i < w->n; i++)
			d[i] += (alpha[p] - beta) * w->s[p][i];
	}
	if (w->minimum->l1 > 0)
		for (size_t i = 0; i < w->n; i++)
			if (d[i] * w->pseudo[i] >= 0)
				d[i] = 0;
}

static void
move(quasi *w, double length)
{
	for (size_t i = 0; i < w->n; i++)
	{
		double		from = w->before[i];
		double		to = from + length * w->direction[i];
		double		orthant = from != 0 ? from : -w->pseudo[i];

		if (w->minimum->l1 > 0 && !is_intercept(w, i) && to * orthant < 0)
			to = 0;
		w->minimum->parameters[i] = to;
	}
}

/* Step along the direction until the objective has fallen enough. */
static ml_status
search_line(quasi *w, double *value, bool *moved)
{
	double		start = *value;
	double		length = w->used > 0 ? 1 : 1 / sqrt(dot(w->pseudo, w->pseudo, w->n));

	memcpy(w->before, w->minimum->parameters, w->n * sizeof(double));
	memcpy(w->old_gradient, w->gradient, w->n * sizeof(double));
	*moved = false;
	for (int i = 0; i < HALVINGS && !*moved; i++, length /= 2)
	{
		double		slope = 0;

		move(w, length);
		for (size_t k = 0; k < w->n; k++)
			slope += w->pseudo[k] * (w->minimum->parameters[k] - w->before[k]);
		ML_TRY(evaluate(w, value));
		*moved = slope < 0 && *value <= start + SUFFICIENT * slope;
	}
	if (!*moved)
	{
		memcpy(w->minimum->parameters, w->before, w->n * sizeof(double));
		*value = start;
	}
	return ML_OK;
}

/* Remember the step just made, if its curvature is sound. */
static void
remember(quasi *w)
{
	int			p = w->used == 0 ? 0 : (w->newest + 1) % w->npairs;
	double		sy;

	for (size_t i = 0; i < w->n; i++)
	{
		w->s[p][i] = w->minimum->parameters[i] - w->before[i];
		w->y[p][i] = w->gradient[i] - w->old_gradient[i];
	}
	sy = dot(w->s[p], w->y[p], w->n);
	if (!(sy > 1e-12 * dot(w->y[p], w->y[p], w->n)))
		return;
	w->rho[p] = 1 / sy;
	w->newest = p;
	w->used = ML_MIN(w->used + 1, w->npairs);
}

static ml_status
iterate(quasi *w)
{
	ml_minimum *m = w->minimum;
	double		value;
	double		first = 0;
	bool		converged = false;

	ML_TRY(evaluate(w, &value));
	for (int iteration = 1; iteration <= m->max_iterations; iteration++)
	{
		double		before = value;
		double		loss = w->glm->weight > 0 ? w->glm->sum / w->glm->weight : 0;
		double		norm;
		bool		moved;

		if (m->report->nlosses < ML_LOSSES_MAX)
			m->report->losses[m->report->nlosses++] = loss;
		m->report->epochs++;
		ml_linear_progress(w->ctx, ML_PHASE_FIT, (int64_t) w->glm->weight, iteration, loss);
		set_pseudo(w);
		norm = sqrt(dot(w->pseudo, w->pseudo, w->n));
		first = ML_MAX(first, norm);
		if (norm <= 1e-2 * m->tolerance * first || norm == 0)
			converged = true;
		if (converged)
			break;
		set_direction(w);
		ML_TRY(search_line(w, &value, &moved));
		if (!moved && w->used == 0)
		{
			/* as low as rounding lets it */
			converged = true;
			break;
		}
		if (!moved)
		{
			w->used = 0;
			ML_TRY(evaluate(w, &value));
			continue;
		}
		remember(w);
		if (before - value <= m->tolerance * m->tolerance * fabs(value) && iteration > 3)
			converged = true;
	}
	m->report->converged &= converged;
	return ML_OK;
}

static ml_status
run(quasi *w)
{
	size_t		each = ml_size_mul(w->n, sizeof(double));
	size_t		room = w->glm->problem->memory / 2 / ML_MAX(each, (size_t) 1);
	double	   *at;

	w->npairs = (int) ML_MAX(ML_MIN((room > 7 ? room - 7 : 0) / 2, (size_t) PAIRS_MAX), (size_t) 1);
	ML_TRY(ml_alloc(w->ctx, ml_size_mul(each, (size_t) (5 + 2 * w->npairs)), (void **) &w->memory));
	at = w->memory;
	w->gradient = at;
	w->old_gradient = at += w->n;
	w->pseudo = at += w->n;
	w->direction = at += w->n;
	w->before = at += w->n;
	for (int p = 0; p < w->npairs; p++)
	{
		w->s[p] = at += w->n;
		w->y[p] = at += w->n;
	}
	return iterate(w);
}

ml_status
ml_quasi_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum)
{
	quasi		w = {.ctx = ctx, .glm = glm, .minimum = minimum, .parts = parts, .n = glm->n};
	ml_status	status = run(&w);

	ml_release(ctx, w.memory);
	return status;
}
