/*-------------------------------------------------------------------------
 *
 * least_squares_factor.c
 *	  Cholesky factors in tiles, triangular solves, the diagonal of the
 *	  inverse (least_squares.h).
 *
 * L is kept by panels of 8 rows with the rows innermost: number (i, k) of
 * panel p is at 8 k + i.  That is what kernel->products takes, both as the
 * factor that is looked at from the left and, three panels at a time, as that
 * from above.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "learn/least_squares.h"

#define GROUP			3		/* panels that are eliminated together */
#define REFINEMENTS		5		/* steps at most */
#define POLL_PRODUCTS	((size_t) 1 << 24)

static inline double *
panel_at(const ml_equations *eq, size_t p)
{
	return eq->panels + ml_triangle_row(8 * p);
}

/* A power of two near 1 / sqrt(x); 1 for 0. */
static double
inverse_root(double x)
{
	int			exponent;

	if (!(x > 0))
		return 1;
	frexp(x, &exponent);
	return ldexp(1, -exponent / 2);
}

static ml_status
allocate(ml_context *ctx, ml_arena *arena, size_t n, double **array)
{
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(n, sizeof(double)), &memory));
	*array = memory;
	return ML_OK;
}

ml_status
ml_equations_open(ml_context *ctx, ml_arena *arena, const ml_kernel *kernel,
				  const double *products, const uint32_t *rows, uint32_t n,
				  const double *ridge, ml_equations *equations)
{
	uint32_t	npanels = (uint32_t) ml_npanels(n);

	memset(equations, 0, sizeof(*equations));
	equations->kernel = kernel;
	equations->products = products;
	equations->rows = rows;
	equations->n = n;
	equations->npanels = npanels;
	equations->smallest = 1;
	equations->inflation = 1;
	ML_TRY(allocate(ctx, arena, 8 * (size_t) npanels, &equations->ridge));
	ML_TRY(allocate(ctx, arena, 8 * (size_t) npanels, &equations->inverse_scale));
	for (uint32_t i = 0; i < n; i++)
	{
		double		own = products[ml_triangle_row(rows[i]) + rows[i]];
		double		extra = ridge == NULL ? 0 : ridge[i];
		double		scale = inverse_root(own + extra);

		equations->inverse_scale[i] = scale;
		equations->ridge[i] = extra * scale * scale;
	}
	ML_TRY(allocate(ctx, arena, 8 * (size_t) npanels, &equations->inverse_pivot));
	return allocate(ctx, arena, ml_triangle_size(n), &equations->panels);
}

/* Element (i, k) of A, k <= i. */
static inline double
element(const ml_equations *eq, uint32_t i, uint32_t k)
{
	double		x = eq->products[ml_triangle_row(eq->rows[i]) + eq->rows[k]];

	x = x * eq->inverse_scale[i] * eq->inverse_scale[k];
	return i == k ? x + eq->ridge[i] : x;
}

static ml_status
load(ml_context *ctx, ml_equations *eq)
{
	for (uint32_t i = 0; i < 8 * eq->npanels; i++)
	{
		double	   *to = panel_at(eq, i / 8) + i % 8;

		if (i >= eq->n)
			to[8 * i] = 1;
		else
			for (uint32_t k = 0; k <= i; k++)
				to[8 * k] = element(eq, i, k);
		if (i % 64 == 63)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* The 8 x 8 tile on the diagonal of panel p. */
static void
factor_tile(ml_equations *eq, uint32_t p, double threshold)
{
	double	   *tile = panel_at(eq, p) + 64 * p;

	for (uint32_t k = 0; k < 8; k++)
	{
		uint32_t	at = 8 * p + k;
		double		own = at < eq->n ? element(eq, at, at) : 1;
		double		pivot = tile[8 * k + k];
		double		inverse;

		if (!(pivot > threshold * own) || !(pivot > 0))
		{
			for (uint32_t i = k; i < 8; i++)
				tile[8 * k + i] = 0;
			continue;
		}
		eq->smallest = ML_MIN(eq->smallest, pivot / own);
		inverse = 1 / sqrt(pivot);
		eq->inverse_pivot[at] = inverse;
		for (uint32_t i = k; i < 8; i++)
			tile[8 * k + i] *= inverse;
		for (uint32_t j = k + 1; j < 8; j++)
			for (uint32_t i = j; i < 8; i++)
				tile[8 * j + i] -= tile[8 * k + j] * tile[8 * k + i];
	}
}

/* tile := tile L'^-1 with the tile on the diagonal of panel p. */
static void
divide_tile(const ml_equations *eq, uint32_t p, double *tile)
{
	const double *diagonal = panel_at(eq, p) + 64 * p;

	for (uint32_t k = 0; k < 8; k++)
	{
		double		inverse = eq->inverse_pivot[8 * p + k];

		for (int i = 0; i < 8; i++)
			tile[8 * k + i] *= inverse;
		for (uint32_t j = k + 1; j < 8; j++)
		{
			double		l = diagonal[8 * k + j];

			for (int i = 0; i < 8; i++)
				tile[8 * j + i] -= l * tile[8 * k + i];
		}
	}
}

/*
 * Tiles (panel, to .. to + nb - 1) minus products over columns first ..
 * first + n - 1.
 */
static void
eliminate(const ml_equations *eq, size_t panel, size_t to, size_t nb, size_t first, size_t n)
{
	double		sums[GROUP][64] = {{0}};
	double	   *c[GROUP] = {NULL};
	const double *b[GROUP] = {NULL};
	double	   *from = panel_at(eq, panel);

	for (size_t p = 0; p < nb; p++)
	{
		c[p] = sums[p];
		b[p] = panel_at(eq, to + p) + 8 * first;
	}
	eq->kernel->products(c, 8, from + 8 * first, b, nb, n);
	for (size_t p = 0; p < nb; p++)
	{
		double	   *tile = from + 64 * (to + p);

		for (int i = 0; i < 8; i++)
			for (int j = 0; j < 8; j++)
				tile[8 * j + i] -= sums[p][8 * i + j];
	}
}

ml_status
ml_equations_factor(ml_context *ctx, ml_equations *eq, double threshold)
{
	size_t		work = 0;

	ML_TRY(load(ctx, eq));
	for (uint32_t g = 0; g < eq->npanels; g += GROUP)
	{
		uint32_t	end = ML_MIN(g + GROUP, eq->npanels);

		for (uint32_t i = g; i < eq->npanels && g > 0; i++)
		{
			eliminate(eq, i, g, ML_MIN(i + 1, end) - g, 0, 8 * (size_t) g);
			work += 8 * 24 * 8 * (size_t) g;
			if (work > POLL_PRODUCTS)
			{
				work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
		for (uint32_t p = g; p < end; p++)
		{
			for (uint32_t i = p; i < eq->npanels; i++)
			{
				if (p > g)
					eliminate(eq, i, p, 1, 8 * (size_t) g, 8 * (size_t) (p - g));
				if (i == p)
					factor_tile(eq, p, threshold);
				else
					divide_tile(eq, p, panel_at(eq, i) + 64 * p);
			}
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

void
ml_equations_forward(const ml_equations *eq, double *x)
{
	for (uint32_t p = 0; p < eq->npanels; p++)
	{
		const double *panel = panel_at(eq, p);
		double	   *to = x + 8 * p;

		for (uint32_t k = 0; k < 8 * p; k++)
			for (int i = 0; i < 8; i++)
				to[i] -= panel[8 * k + i] * x[k];
		for (uint32_t k = 0; k < 8; k++)
		{
			to[k] *= eq->inverse_pivot[8 * p + k];
			for (uint32_t i = k + 1; i < 8; i++)
				to[i] -= panel[8 * (8 * p + k) + i] * to[k];
		}
	}
}

void
ml_equations_backward(const ml_equations *eq, double *x)
{
	for (uint32_t p = eq->npanels; p-- > 0;)
	{
		const double *panel = panel_at(eq, p);
		double	   *own = x + 8 * p;

		for (uint32_t k = 8; k-- > 0;)
		{
			double		sum = own[k];

			for (uint32_t i = k + 1; i < 8; i++)
				sum -= panel[8 * (8 * p + k) + i] * own[i];
			own[k] = sum * eq->inverse_pivot[8 * p + k];
		}
		for (uint32_t k = 0; k < 8 * p; k++)
		{
			double		sum = 0;

			for (int i = 0; i < 8; i++)
				sum += panel[8 * k + i] * own[i];
			x[k] -= sum;
		}
	}
}

/* Rows of panel p of up to three panels of unit columns, divided by L. */
static void
invert_rows(const ml_equations *eq, double *const *z, size_t nb, size_t first, size_t p)
{
	double		sums[GROUP][64] = {{0}};
	double	   *c[GROUP] = {NULL};
	const double *b[GROUP] = {NULL};
	const double *panel = panel_at(eq, p);

	for (size_t q = 0; q < nb; q++)
	{
		c[q] = sums[q];
		b[q] = z[q] + 64 * first;
	}
	if (p > first)
		eq->kernel->products(c, 8, panel + 64 * first, b, nb, 8 * (p - first));
	for (size_t q = 0; q < nb; q++)
	{
		double	   *to = z[q] + 64 * p;

		for (int i = 0; i < 8; i++)
			for (int j = 0; j < 8; j++)
				to[8 * i + j] = (p == first + q && i == j) - sums[q][8 * i + j];
		for (uint32_t k = 0; k < 8; k++)
		{
			double		inverse = eq->inverse_pivot[8 * p + k];

			for (int j = 0; j < 8; j++)
				to[8 * k + j] *= inverse;
			for (uint32_t i = k + 1; i < 8; i++)
			{
				double		l = panel[8 * (8 * p + k) + i];

				for (int j = 0; j < 8; j++)
					to[8 * i + j] -= l * to[8 * k + j];
			}
		}
	}
}

/* Row j of L^-1 squared and summed is element (j, j) of the inverse. */
ml_status
ml_equations_inverse(ml_context *ctx, ml_arena *arena, ml_equations *eq, double *diagonal)
{
	size_t		work = 0;
	double	   *z[GROUP];

	for (int q = 0; q < GROUP; q++)
		ML_TRY(allocate(ctx, arena, 64 * (size_t) eq->npanels, &z[q]));
	for (size_t first = 0; first < eq->npanels; first += GROUP)
	{
		size_t		nb = ML_MIN(GROUP, eq->npanels - first);
		double		sums[GROUP][8] = {{0}};

		for (size_t p = first; p < eq->npanels; p++)
		{
			invert_rows(eq, z, nb, first, p);
			for (size_t q = 0; q < nb; q++)
				for (int i = 0; i < 8; i++)
					for (int j = 0; j < 8; j++)
						sums[q][j] += z[q][64 * p + 8 * i + j] * z[q][64 * p + 8 * i + j];
			work += 8 * 24 * 8 * (p - first + 1);
			if (work > POLL_PRODUCTS)
			{
				work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
		for (size_t i = 0; i < 8 * nb && 8 * first + i < eq->n; i++)
		{
			uint32_t	at = (uint32_t) (8 * first + i);
			double		own = eq->inverse_pivot[at] == 0 ? 0 : sums[i / 8][i % 8];

			diagonal[at] = own;
			eq->inflation = ML_MAX(eq->inflation, own * element(eq, at, at));
		}
	}
	return ML_OK;
}

/* (high, low) -= a b, the product and the sum without rounding (Dekker, Knuth). */
static inline void
subtract_product(double *high, double *low, double a, double b)
{
	const double split = 134217729.0;	/* 2^27 + 1 */
	double		product = a * b;
	double		a1 = a * split - (a * split - a);
	double		b1 = b * split - (b * split - b);
	double		a2 = a - a1;
	double		b2 = b - b1;
	double		error = a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2);
	double		sum = *high - product;
	double		back = sum - *high;

	*low += ((*high - (sum - back)) - (product + back)) - error;
	*high = sum;
}

ml_status
ml_equations_residual(ml_context *ctx, const ml_equations *eq, const double *b, const double *x,
					  double *low, double *residual)
{
	for (uint32_t i = 0; i < eq->n; i++)
	{
		residual[i] = b[i];
		low[i] = 0;
	}
	for (uint32_t i = 0; i < eq->n; i++)
	{
		const double *row = eq->products + ml_triangle_row(eq->rows[i]);
		double		scale = eq->inverse_scale[i];
		double		high = residual[i];
		double		rest = low[i];

		for (uint32_t k = 0; k < i; k++)
		{
			double		a = row[eq->rows[k]] * scale * eq->inverse_scale[k];

			subtract_product(&high, &rest, a, x[k]);
			subtract_product(&residual[k], &low[k], a, x[i]);
		}
		subtract_product(&high, &rest, row[eq->rows[i]] * scale * scale, x[i]);
		subtract_product(&high, &rest, eq->ridge[i], x[i]);
		residual[i] = high;
		low[i] = rest;
		if (i % 64 == 63)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t i = 0; i < eq->n; i++)
		residual[i] = eq->inverse_pivot[i] == 0 ? 0 : residual[i] + low[i];
	return ML_OK;
}

static double
largest(const double *x, uint32_t n)
{
	double		result = 0;

	for (uint32_t i = 0; i < n; i++)
		result = ML_MAX(result, fabs(x[i]));
	return result;
}

ml_status
ml_equations_solve(ml_context *ctx, const ml_equations *eq, const double *b, double *x,
				   double *residual, double *scratch)
{
	size_t		size = 8 * (size_t) eq->npanels * sizeof(double);
	double	   *step = scratch;
	double	   *low = scratch + 8 * (size_t) eq->npanels;
	double		before = INFINITY;

	memcpy(x, b, size);
	ml_equations_forward(eq, x);
	ml_equations_backward(eq, x);
	for (int i = 0;; i++)
	{
		double		size_of_step;

		ML_TRY(ml_equations_residual(ctx, eq, b, x, low, residual));
		memcpy(step, residual, size);
		ml_equations_forward(eq, step);
		ml_equations_backward(eq, step);
		size_of_step = largest(step, eq->n);
		/* the last bit, or no way further */
		if (i == REFINEMENTS || size_of_step <= 0x1p-53 * largest(x, eq->n) || !(size_of_step < before / 2))
			break;
		for (uint32_t k = 0; k < eq->n; k++)
			x[k] += step[k];
		before = size_of_step;
	}
	return ML_OK;
}
