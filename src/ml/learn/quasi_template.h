/*-------------------------------------------------------------------------
 *
 * quasi_template.h
 *	  The core of limited-memory quasi-Newton methods; included by a file that
 *	  has defined QUASI_REAL, float or double: what vectors are made of, and
 *	  QUASI_HISTORY, how many pairs of them approximate the curvature.
 *
 *	  min of f(w) + l1 |penalised w|_1, f smooth
 *
 * L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) with
 * backtracking, and the Hessian's diagonal to begin with: frequent features
 * curve thousands of times more than rare ones; or a better inverse that the
 * file brings.  With an L1 part OWL-QN (Andrew
 * and Gao, Scalable Training of L1-Regularized Log-Linear Models, ICML 2007):
 * the pseudo-gradient in place of the gradient, and steps that stay in one
 * orthant.  Each iteration is one sequential pass over the rows, which suits
 * rows that lie in a file and needs no memory per row.
 *
 * Vectors hold [features, width] weights and then width biases, which are free
 * of the L1 penalty.  Sums over vectors are in double.
 *
 *-------------------------------------------------------------------------
 */
#include "base/mem.h"

#include <math.h>

#define QUASI_VECTORS	(5 + 2 * QUASI_HISTORY)
#define QUASI_HALVINGS	25
#define QUASI_ARMIJO	1e-4

typedef struct quasi
{
	size_t		n;				/* elements of a vector */
	size_t		nweights;		/* of them penalised: the first */
	uint32_t	width;
	QUASI_REAL	l1;
	QUASI_REAL *memory;			/* all vectors */
	QUASI_REAL *w;				/* the solution */
	QUASI_REAL *g;				/* gradient there, L1 left out */
	QUASI_REAL *d;				/* direction */
	QUASI_REAL *trial;
	QUASI_REAL *trial_g;
	QUASI_REAL *inverse;		/* [n / width], of the Hessian's diagonal, or ... */
	ml_status	(*scale) (ml_context *ctx, void *arg, QUASI_REAL *a);	/* ... a := a better inverse x a */
	QUASI_REAL *s[QUASI_HISTORY];
	QUASI_REAL *y[QUASI_HISTORY];
	double		rho[QUASI_HISTORY]; /* 1 / (s.y) */
	int			pairs;
	int			newest;

	/* objective at w, and its gradient but for the L1 part */
	ml_status	(*evaluate) (ml_context *ctx, void *arg, const QUASI_REAL *w, QUASI_REAL *g,
							 double *objective);
	void	   *arg;
} quasi;

/* Bytes of a vector: a multiple of the cache line. */
static size_t
quasi_vector(size_t nfeatures, uint32_t width)
{
	return ml_size_align(ml_size_mul(ml_size_add(nfeatures, 1), width * sizeof(QUASI_REAL)),
						 ML_ALIGN);
}

/* Bytes that quasi_open takes. */
static size_t
quasi_memory(size_t nfeatures, uint32_t width)
{
	return ml_size_add(ml_size_mul(quasi_vector(nfeatures, width), QUASI_VECTORS),
					   quasi_vector(nfeatures, 1));
}

/* Close in any case. */
static ml_status
quasi_open(ml_context *ctx, quasi *q, size_t nfeatures, uint32_t width)
{
	size_t		size = quasi_vector(nfeatures, width);
	QUASI_REAL *next;
	void	   *memory;

	q->nweights = nfeatures * width;
	q->n = q->nweights + width;
	q->width = width;
	ML_TRY(ml_alloc(ctx, quasi_vector(nfeatures, 1), &memory));
	q->inverse = memory;
	ML_TRY(ml_alloc(ctx, ml_size_mul(size, QUASI_VECTORS), &memory));
	q->memory = next = memory;
	q->w = next;
	q->g = next += size / sizeof(QUASI_REAL);
	q->d = next += size / sizeof(QUASI_REAL);
	q->trial = next += size / sizeof(QUASI_REAL);
	q->trial_g = next += size / sizeof(QUASI_REAL);
	for (int i = 0; i < QUASI_HISTORY; i++)
	{
		q->s[i] = next += size / sizeof(QUASI_REAL);
		q->y[i] = next += size / sizeof(QUASI_REAL);
	}
	return ML_OK;
}

static void
quasi_close(ml_context *ctx, quasi *q)
{
	ml_release(ctx, q->memory);
	ml_release(ctx, q->inverse);
}

/* Where w has been set: gradient and objective there, no history. */
static ml_status
quasi_begin(ml_context *ctx, quasi *q, double *objective)
{
	q->pairs = 0;
	q->newest = 0;
	return q->evaluate(ctx, q->arg, q->w, q->g, objective);
}

static double
quasi_dot(const QUASI_REAL *a, const QUASI_REAL *b, size_t n)
{
	double		sums[4] = {0, 0, 0, 0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			sums[k] += (double) a[i + k] * (double) b[i + k];
	for (; i < n; i++)
		sums[0] += (double) a[i] * (double) b[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* a += scale x b */
static void
quasi_add(QUASI_REAL *a, const QUASI_REAL *b, QUASI_REAL scale, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a[i] += scale * b[i];
}

/* Element i of the (pseudo-)gradient: of those of f's subgradients the nearest to 0. */
static inline QUASI_REAL
quasi_pseudo(const quasi *q, size_t i)
{
	QUASI_REAL	g = q->g[i];
	QUASI_REAL	r = q->l1;

	if (r == 0 || i >= q->nweights)
		return g;
	if (q->w[i] != 0)
		return q->w[i] > 0 ? g + r : g - r;
	return g + r < 0 ? g + r : (g - r > 0 ? g - r : 0);
}

/* a := factor x inverse x a */
static ml_status
quasi_scale(ml_context *ctx, quasi *q, QUASI_REAL factor, QUASI_REAL *a)
{
	if (q->scale != NULL)
		ML_TRY(q->scale(ctx, q->arg, a));
	for (size_t i = 0; i < q->n / q->width; i++)
	{
		QUASI_REAL	inverse = q->scale != NULL ? factor : factor * q->inverse[i];

		for (uint32_t c = 0; c < q->width; c++)
			a[i * q->width + c] *= inverse;
	}
	return ML_OK;
}

/* *result = a . (inverse x a); the trial's gradient is scratch. */
static ml_status
quasi_scaled_square(ml_context *ctx, quasi *q, const QUASI_REAL *a, double *result)
{
	double		sum = 0;

	if (q->scale != NULL)
	{
		memcpy(q->trial_g, a, q->n * sizeof(QUASI_REAL));
		ML_TRY(quasi_scale(ctx, q, 1, q->trial_g));
		*result = quasi_dot(a, q->trial_g, q->n);
		return ML_OK;
	}
	for (size_t i = 0; i < q->n / q->width; i++, a += q->width)
	{
		QUASI_REAL	square = 0;

		for (uint32_t c = 0; c < q->width; c++)
			square += a[c] * a[c];
		sum += (double) square * (double) q->inverse[i];
	}
	*result = sum;
	return ML_OK;
}

/* d = -H x gradient, by the two loops over the history. */
static ml_status
quasi_direction(ml_context *ctx, quasi *q)
{
	double		alpha[QUASI_HISTORY];
	QUASI_REAL	gamma = 1;
	double		square;

	for (size_t i = 0; i < q->n; i++)
		q->d[i] = -quasi_pseudo(q, i);
	for (int k = 0; k < q->pairs; k++)
	{
		int			p = (q->newest - k + QUASI_HISTORY) % QUASI_HISTORY;

		alpha[p] = q->rho[p] * quasi_dot(q->s[p], q->d, q->n);
		quasi_add(q->d, q->y[p], (QUASI_REAL) -alpha[p], q->n);
		ML_TRY(ml_poll(ctx));
	}
	if (q->pairs > 0)
	{
		ML_TRY(quasi_scaled_square(ctx, q, q->y[q->newest], &square));
		gamma = (QUASI_REAL) (1 / (q->rho[q->newest] * square));
	}
	ML_TRY(quasi_scale(ctx, q, gamma, q->d));
	for (int k = q->pairs - 1; k >= 0; k--)
	{
		int			p = (q->newest - k + QUASI_HISTORY) % QUASI_HISTORY;
		double		beta = q->rho[p] * quasi_dot(q->y[p], q->d, q->n);

		quasi_add(q->d, q->s[p], (QUASI_REAL) (alpha[p] - beta), q->n);
		ML_TRY(ml_poll(ctx));
	}
	if (q->l1 > 0)
		for (size_t i = 0; i < q->nweights; i++)
			if (q->d[i] * quasi_pseudo(q, i) >= 0)
				q->d[i] = 0;
	return ml_poll(ctx);
}

/* trial = w + step x d, kept in w's orthant; returns gradient.(trial - w). */
static double
quasi_move(quasi *q, QUASI_REAL step)
{
	double		slope = 0;

	for (size_t i = 0; i < q->n; i++)
	{
		QUASI_REAL	g = quasi_pseudo(q, i);
		QUASI_REAL	next = q->w[i] + step * q->d[i];

		if (q->l1 > 0 && i < q->nweights)
		{
			QUASI_REAL	orthant = q->w[i] != 0 ? q->w[i] : -g;

			if (next * orthant <= 0)
				next = 0;
		}
		q->trial[i] = next;
		slope += (double) g * (double) (next - q->w[i]);
	}
	return slope;
}

/* Accept the trial point; remember how the gradient changed. */
static void
quasi_accept(quasi *q)
{
	int			p = (q->newest + 1) % QUASI_HISTORY;
	QUASI_REAL *s = q->s[p];
	QUASI_REAL *y = q->y[p];
	double		curvature;
	QUASI_REAL *swap;

	for (size_t i = 0; i < q->n; i++)
	{
		s[i] = q->trial[i] - q->w[i];
		y[i] = q->trial_g[i] - q->g[i];
	}
	curvature = quasi_dot(s, y, q->n);
	if (curvature > 1e-10 * quasi_dot(y, y, q->n))
	{
		q->rho[p] = 1 / curvature;
		q->newest = p;
		q->pairs = ML_MIN(q->pairs + 1, QUASI_HISTORY);
	}
	swap = q->w;
	q->w = q->trial;
	q->trial = swap;
	swap = q->g;
	q->g = q->trial_g;
	q->trial_g = swap;
}

/* One step down; *stuck when none was found. */
static ml_status
quasi_iterate(ml_context *ctx, quasi *q, double *objective, bool *stuck)
{
	QUASI_REAL	step = 1;

	ML_TRY(quasi_direction(ctx, q));
	for (int k = 0; k < QUASI_HALVINGS; k++, step *= (QUASI_REAL) 0.5)
	{
		double		slope = quasi_move(q, step);
		double		value;

		if (!(slope < 0))
			break;
		ML_TRY(ml_poll(ctx));
		ML_TRY(q->evaluate(ctx, q->arg, q->trial, q->trial_g, &value));
		if (value <= *objective + QUASI_ARMIJO * slope)
		{
			*objective = value;
			quasi_accept(q);
			*stuck = false;
			return ML_OK;
		}
	}
	/* try once more, straight down the slope */
	*stuck = q->pairs == 0;
	q->pairs = 0;
	return ML_OK;
}
