/*-------------------------------------------------------------------------
 *
 * least_squares_net.c
 *	  Lasso and elastic net from products: coordinate descent, then the exact
 *	  solution for the signs found (least_squares.h).
 *
 *	  min 1/2 x'Ax - b.x + sum over j of limit_j |x_j|
 *
 * One step solves it for one unknown: x_j = soft(b_j - (A x)_j + A_jj x_j,
 * limit_j) / A_jj; A x is kept up to date (Friedman, Hastie and Tibshirani
 * 2010).  Sweeps over all unknowns alternate with sweeps over those that are
 * not 0.  When two sweeps over all end with the same signs, the equations of
 * the unknowns that are not 0 are solved directly, with b_j - limit_j sign_j
 * on their right; if the signs hold and no other unknown wants to leave 0,
 * that is the solution, exact as a direct one.  Where they do not, the way to
 * it goes down until the first unknown becomes 0, and descent goes on from
 * there (the feature-sign steps of Lee, Battle, Raina and Ng 2007): so far
 * descent alone would creep where columns depend on each other.  Otherwise it
 * ends when the duality gap and the last steps are within the tolerance.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "learn/least_squares.h"

#define INNER_SWEEPS	20		/* over the unknowns that are not 0, for one over all */
#define DIRECT_STEPS	10		/* to solutions with other signs, one after the other */
#define SLACK			1e-9	/* of the limit, when a direct solution is checked */
#define PIVOT_MIN		1e-12

typedef struct descent
{
	const ml_equations *eq;
	const double *b;
	const double *limit;
	double		total;
	double	   *x;
	double	   *product;		/* A x */
	double	   *diagonal;		/* of A */
	int8_t	   *sign;			/* of x after the last sweep over all */
	int8_t	   *tried;			/* signs that were solved directly */
	bool		any_tried;
	size_t		work;
} descent;

/* A_ij without the ridge. */
static inline double
product_of(const ml_equations *eq, uint32_t i, uint32_t j)
{
	return ml_triangle_get(eq->products, eq->rows[i], eq->rows[j]) *
		eq->inverse_scale[i] * eq->inverse_scale[j];
}

/* x_j += step */
static void
move(descent *d, uint32_t j, double step)
{
	const ml_equations *eq = d->eq;
	const double *row = eq->products + ml_triangle_row(eq->rows[j]);
	double		scaled = step * eq->inverse_scale[j];

	d->x[j] += step;
	for (uint32_t k = 0; k < j; k++)
		d->product[k] += row[eq->rows[k]] * eq->inverse_scale[k] * scaled;
	d->product[j] += d->diagonal[j] * step;
	for (uint32_t k = j + 1; k < eq->n; k++)
		d->product[k] += eq->products[ml_triangle_row(eq->rows[k]) + eq->rows[j]] *
			eq->inverse_scale[k] * scaled;
	d->work += eq->n;
}

static double
soft(double value, double limit)
{
	return value > limit ? value - limit : value < -limit ? value + limit : 0;
}

/* Returns the largest step, in units of the target. */
static ml_status
sweep(ml_context *ctx, descent *d, bool all, double *largest)
{
	*largest = 0;
	for (uint32_t j = 0; j < d->eq->n; j++)
	{
		double		own = d->diagonal[j];
		double		step;

		if (!(own > 0) || (!all && d->x[j] == 0))
			continue;
		step = soft(d->b[j] - d->product[j] + own * d->x[j], d->limit[j]) / own - d->x[j];
		if (step != 0)
			move(d, j, step);
		*largest = ML_MAX(*largest, fabs(step) * sqrt(own));
		d->work += 8;
		if (d->work > (size_t) 1 << 20)
		{
			d->work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

/*
 * The gap between the objective and its dual's at the residual, scaled into
 * the dual's bounds (as scikit-learn's).
 */
static double
gap_of(const descent *d)
{
	double		residual = d->total;
	double		target = d->total;	/* target . residual */
	double		norm = 0;		/* limit . |x| */
	double		ridge = 0;
	double		bound = 1;
	double		c;

	for (uint32_t j = 0; j < d->eq->n; j++)
	{
		double		own = d->eq->ridge[j] * d->x[j];

		residual += d->x[j] * (d->product[j] - own - 2 * d->b[j]);
		target -= d->x[j] * d->b[j];
		norm += d->limit[j] * fabs(d->x[j]);
		ridge += own * d->x[j];
		if (d->limit[j] > 0)
			bound = ML_MAX(bound, fabs(d->b[j] - d->product[j]) / d->limit[j]);
	}
	residual = ML_MAX(residual, 0);
	c = 1 / bound;
	return 0.5 * residual * (1 + c * c) + norm - c * target + 0.5 * ridge * (1 + c * c);
}

static inline int8_t
sign_of(double x)
{
	return (int8_t) ((x > 0) - (x < 0));
}

/* True when the signs are those that they were. */
static bool
note_signs(descent *d)
{
	bool		same = true;

	for (uint32_t j = 0; j < d->eq->n; j++)
	{
		int8_t		sign = sign_of(d->x[j]);

		same = same && sign == d->sign[j];
		d->sign[j] = sign;
	}
	return same;
}

/* Does a direct solution have the signs it was solved for? */
static bool
has_signs(const descent *d, const uint32_t *which, const ml_equations *sub, const double *x)
{
	for (uint32_t k = 0; k < sub->n; k++)
		if (sub->inverse_pivot[k] == 0 || sign_of(x[k]) != d->sign[which[k]])
			return false;
	return true;
}

/* product = A x of the unknowns "which", x in units of the whole. */
static ml_status
multiply(ml_context *ctx, const descent *d, const uint32_t *which, uint32_t n, const double *x,
		 double *product)
{
	const ml_equations *eq = d->eq;

	memset(product, 0, eq->n * sizeof(double));
	for (uint32_t k = 0; k < n; k++)
	{
		for (uint32_t j = 0; j < eq->n; j++)
			product[j] += product_of(eq, j, which[k]) * x[k];
		product[which[k]] += eq->ridge[which[k]] * x[k];
		if (k % 64 == 63)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Does the solution of the unknowns "which" obey all conditions?  Then it is taken. */
static ml_status
accept(ml_context *ctx, descent *d, const uint32_t *which, uint32_t n, const double *x,
	   double *product, bool *accepted)
{
	const ml_equations *eq = d->eq;

	*accepted = false;
	ML_TRY(multiply(ctx, d, which, n, x, product));
	for (uint32_t j = 0; j < eq->n; j++)
		if (d->sign[j] == 0 && fabs(d->b[j] - product[j]) > d->limit[j] * (1 + SLACK))
			return ML_OK;
	for (uint32_t k = 0; k < n; k++)
		d->x[which[k]] = x[k];
	memcpy(d->product, product, eq->n * sizeof(double));
	*accepted = true;
	return ML_OK;
}

/* From where x is towards the solution of the unknowns "which", until one of them is 0. */
static ml_status
go_towards(ml_context *ctx, descent *d, const uint32_t *which, uint32_t n, double *x)
{
	double		way = 1;
	uint32_t	first = n;

	for (uint32_t k = 0; k < n; k++)
	{
		double		now = d->x[which[k]];

		if (d->limit[which[k]] > 0 && sign_of(x[k]) != sign_of(now) && now / (now - x[k]) < way)
		{
			way = now / (now - x[k]);
			first = k;
		}
	}
	for (uint32_t k = 0; k < n; k++)
	{
		double	   *to = &d->x[which[k]];

		x[k] = *to = k == first ? 0 : *to + way * (x[k] - *to);
	}
	return multiply(ctx, d, which, n, x, d->product);
}

/* Solve for the signs at hand; *sound: it has them, *exact: that is the solution. */
static ml_status
try_direct(ml_context *ctx, descent *d, ml_arena *arena, bool *sound, bool *exact)
{
	const ml_equations *eq = d->eq;
	ml_equations sub;
	uint32_t   *which;
	uint32_t   *rows;
	double	   *arrays;
	size_t		size;
	uint32_t	n = 0;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, arena, 2 * (size_t) eq->n * sizeof(uint32_t), &memory));
	which = memory;
	rows = which + eq->n;
	for (uint32_t j = 0; j < eq->n; j++)
		if (d->sign[j] != 0)
		{
			which[n] = j;
			rows[n++] = eq->rows[j];
		}
	size = 8 * ml_npanels(ML_MAX(n, 1));
	ML_TRY(ml_arena_alloc_zero(ctx, arena, (6 * size + eq->n) * sizeof(double), &memory));
	arrays = memory;			/* right side, x, residual, scratch (2), ridge, product */
	for (uint32_t k = 0; k < n; k++)
	{
		double		scale = eq->inverse_scale[which[k]];

		arrays[5 * size + k] = eq->ridge[which[k]] / (scale * scale);
	}
	ML_TRY(ml_equations_open(ctx, arena, eq->kernel, eq->products, rows, n, arrays + 5 * size, &sub));
	for (uint32_t k = 0; k < n; k++)
		arrays[k] = (d->b[which[k]] - d->sign[which[k]] * d->limit[which[k]]) *
			(sub.inverse_scale[k] / eq->inverse_scale[which[k]]);
	ML_TRY(ml_equations_factor(ctx, &sub, PIVOT_MIN));
	ML_TRY(ml_equations_solve(ctx, &sub, arrays, arrays + size, arrays + 2 * size, arrays + 3 * size));
	*sound = has_signs(d, which, &sub, arrays + size);
	for (uint32_t k = 0; k < n; k++)
		arrays[size + k] *= sub.inverse_scale[k] / eq->inverse_scale[which[k]];
	*exact = false;
	return *sound ? accept(ctx, d, which, n, arrays + size, arrays + 6 * size, exact) :
		go_towards(ctx, d, which, n, arrays + size);
}

static ml_status
go_direct(ml_context *ctx, descent *d, bool *exact)
{
	bool		sound = false;

	for (int i = 0; i < DIRECT_STEPS && !sound; i++)
	{
		ml_arena	arena = {0};
		ml_status	status = try_direct(ctx, d, &arena, &sound, exact);

		ml_arena_free(ctx, &arena);
		ML_TRY(status);
		(void) note_signs(d);
	}
	return ML_OK;
}

static ml_status
descend(ml_context *ctx, descent *d, double tolerance, int max_iterations, int *iterations,
		bool *converged)
{
	double		unit = sqrt(d->total);
	double		largest;

	*converged = d->eq->n == 0 || d->total <= 0;
	for (*iterations = 0; !*converged && *iterations < max_iterations; ++*iterations)
	{
		ML_TRY(sweep(ctx, d, true, &largest));
		if (note_signs(d) &&
			!(d->any_tried && memcmp(d->sign, d->tried, d->eq->n) == 0))
		{
			ML_TRY(go_direct(ctx, d, converged));
			memcpy(d->tried, d->sign, d->eq->n);
			d->any_tried = true;
		}
		if (!*converged && largest <= tolerance * unit)
			*converged = gap_of(d) <= tolerance * d->total;
		for (int i = 0; i < INNER_SWEEPS && !*converged && largest > tolerance * unit; i++)
			ML_TRY(sweep(ctx, d, false, &largest));
	}
	return ML_OK;
}

ml_status
ml_equations_net(ml_context *ctx, ml_arena *arena, const ml_equations *equations,
				 const double *b, const double *limit, double total, double tolerance,
				 int max_iterations, double *x, double *residual, int *iterations,
				 bool *converged)
{
	uint32_t	n = equations->n;
	descent		d = {.eq = equations, .b = b, .limit = limit, .total = total, .x = x};
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, 2 * (size_t) n * sizeof(double), &memory));
	d.product = memory;
	d.diagonal = d.product + n;
	ML_TRY(ml_arena_alloc_zero(ctx, arena, 2 * (size_t) n, &memory));
	d.sign = memory;
	d.tried = d.sign + n;
	for (uint32_t j = 0; j < n; j++)
		d.diagonal[j] = product_of(equations, j, j) + equations->ridge[j];
	for (uint32_t j = 0; j < n; j++)
		if (x[j] != 0)
		{
			double		start = x[j];

			x[j] = 0;
			move(&d, j, start);
		}
	ML_TRY(descend(ctx, &d, tolerance, max_iterations, iterations, converged));
	for (uint32_t j = 0; j < n; j++)
		residual[j] = b[j] - d.product[j];
	return ML_OK;
}
