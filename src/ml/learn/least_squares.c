/*-------------------------------------------------------------------------
 *
 * least_squares.c
 *	  Least squares, ridge, lasso and elastic net from products about the
 *	  means, with what statistics says of their weights (least_squares.h).
 *
 * The equations are those of the columns as they are; scales that features
 * were divided by come in with the penalty only:
 *
 *	  sum over k of G_jk w_k + ridge scale_j^2 w_j = G_jy,	ridge = W alpha (1 - l1_ratio)
 *	  residual = G_yy - w.G_y - w.r - ridge |scale w|^2,	r = what is left of the equations
 *	  sigma^2 = residual / freedom,		freedom = rows - columns kept - 1
 *	  std_error_j^2 = sigma^2 (G^-1)_jj
 *	  of the intercept at origin o: sigma^2 (1 / W + (mean - o) G^-1 (mean - o))
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "learn/least_squares.h"

#define PIVOT_MIN		1e-11	/* of a column's own variance, see gram.h */
#define CONSTANT_MAX	1e-30	/* variance over squared mean that is rounding */

/* Scratch of a solution; arrays of 8 npanels numbers, unknowns scaled. */
typedef struct solving
{
	const ml_normal *normal;
	const ml_penalty_terms *penalty;
	ml_equations *eq;
	uint32_t   *features;		/* [n] of each unknown */
	uint32_t   *rows;			/* [n] */
	double	   *ridge;			/* [n] as added to the products */
	double	   *b;
	double	   *x;
	double	   *residual;
	double	   *scratch;		/* twice as many */
	double	   *limit;			/* of |x_j| in the penalty, for L1 */
} solving;

static ml_status
numbers(ml_context *ctx, ml_arena *arena, size_t n, double **array)
{
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(n, sizeof(double)), &memory));
	*array = memory;
	return ML_OK;
}

static inline double
scale_of(const solving *s, uint32_t feature)
{
	return s->penalty->scale == NULL ? 1 : s->penalty->scale[feature];
}

/* Squares of values beyond 1e150 are no doubles. */
static ml_status
check_range(ml_context *ctx, const ml_normal *normal)
{
	double		sum = normal->weight;

	for (uint32_t i = 0; i <= normal->nfeatures; i++)
		sum += fabs(normal->means[i]) + normal->products[ml_triangle_row(i) + i];
	if (isfinite(sum))
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "numbers are too large for least squares");
	ml_detail(ctx, "The sum of the squares of a column, or of the target, exceeds 1.8e308.");
	return ml_hint(ctx, "Divide the column by a constant.");
}

/* Is column "row" constant but for rounding? */
static bool
is_constant(const ml_normal *normal, uint32_t row)
{
	double		mean = normal->means[row];

	return normal->products[ml_triangle_row(row) + row] <=
		CONSTANT_MAX * normal->weight * mean * mean;
}

/* Which features are unknowns; those that vary not are none when unpenalised. */
static ml_status
open_unknowns(ml_context *ctx, ml_arena *arena, const ml_kernel *kernel, solving *s)
{
	const ml_normal *normal = s->normal;
	double		ridge = normal->weight * s->penalty->alpha * (1 - s->penalty->l1_ratio);
	void	   *memory;
	size_t		size;
	uint32_t	n = 0;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(normal->nfeatures, 2 * sizeof(uint32_t)), &memory));
	s->features = memory;
	s->rows = s->features + normal->nfeatures;
	ML_TRY(numbers(ctx, arena, normal->nfeatures, &s->ridge));
	for (uint32_t j = 0; j < normal->nfeatures; j++)
	{
		uint32_t	row = ml_normal_row(normal, j);

		if ((normal->excluded != NULL && normal->excluded[j]) || is_constant(normal, row))
			continue;
		s->features[n] = j;
		s->rows[n] = row;
		s->ridge[n] = ridge * scale_of(s, j) * scale_of(s, j);
		n++;
	}
	ML_TRY(ml_equations_open(ctx, arena, kernel, normal->products,
							 s->rows, n, s->ridge, s->eq));
	size = 8 * (size_t) s->eq->npanels;
	ML_TRY(numbers(ctx, arena, size, &s->b));
	ML_TRY(numbers(ctx, arena, size, &s->x));
	ML_TRY(numbers(ctx, arena, size, &s->residual));
	ML_TRY(numbers(ctx, arena, 2 * size, &s->scratch));
	ML_TRY(numbers(ctx, arena, size, &s->limit));
	for (uint32_t k = 0; k < n; k++)
	{
		s->b[k] = ml_triangle_get(normal->products, s->rows[k], normal->target) *
			s->eq->inverse_scale[k];
		s->limit[k] = normal->weight * s->penalty->alpha * s->penalty->l1_ratio *
			fabs(scale_of(s, s->features[k])) * s->eq->inverse_scale[k];
	}
	return ML_OK;
}

/* Standard errors of what was kept. */
static ml_status
fill_errors(ml_context *ctx, ml_arena *arena, const solving *s, const double *origin,
			ml_least_squares *result)
{
	ml_equations *eq = s->eq;
	double		sigma = sqrt(result->residual / result->freedom);
	double		sum = 1 / s->normal->weight;
	double	   *diagonal = s->scratch;

	ML_TRY(ml_equations_inverse(ctx, arena, eq, diagonal));
	for (uint32_t k = 0; k < eq->n; k++)
		if (eq->inverse_pivot[k] != 0)
			result->std_error[s->features[k]] = sigma * sqrt(diagonal[k]) *
				eq->inverse_scale[k] * scale_of(s, s->features[k]);
	memset(s->scratch, 0, 8 * (size_t) eq->npanels * sizeof(double));
	for (uint32_t k = 0; k < eq->n; k++)
	{
		double		at = origin == NULL ? 0 :
			origin[s->features[k]] * scale_of(s, s->features[k]);

		s->scratch[k] = (s->normal->means[s->rows[k]] - at) * eq->inverse_scale[k];
	}
	ml_equations_forward(eq, s->scratch);
	for (uint32_t k = 0; k < eq->n; k++)
		sum += s->scratch[k] * s->scratch[k];
	result->bias_std_error = sigma * sqrt(sum);
	return ML_OK;
}

/* Weights, bias and sums of squares of the solution. */
static void
fill_solution(const solving *s, ml_least_squares *result)
{
	const ml_normal *normal = s->normal;
	const ml_equations *eq = s->eq;
	double		residual = result->total;

	result->bias = normal->means[normal->target];
	for (uint32_t k = 0; k < eq->n; k++)
	{
		uint32_t	feature = s->features[k];
		double		w = s->x[k] * eq->inverse_scale[k];

		result->weights[feature] = w * scale_of(s, feature);
		result->bias -= w * normal->means[s->rows[k]];
		residual -= s->x[k] * (s->b[k] + s->residual[k] + eq->ridge[k] * s->x[k]);
	}
	result->residual = ML_MAX(residual, 0);
}

/* Unpenalised, or ridge. */
static ml_status
solve_direct(ml_context *ctx, ml_arena *arena, const solving *s, const double *origin,
			 ml_least_squares *result)
{
	const ml_equations *eq = s->eq;
	bool		ridge = s->penalty->alpha > 0;
	uint32_t	kept = 0;

	ML_TRY(ml_equations_factor(ctx, s->eq, ridge ? 4 * DBL_EPSILON * eq->n : PIVOT_MIN));
	ML_TRY(ml_equations_solve(ctx, eq, s->b, s->x, s->residual, s->scratch));
	for (uint32_t k = 0; k < eq->n; k++)
	{
		kept += eq->inverse_pivot[k] != 0;
		result->dropped[s->features[k]] = !ridge && eq->inverse_pivot[k] == 0;
	}
	fill_solution(s, result);
	result->freedom = ML_MAX((double) s->normal->nrows - kept - 1, 0);
	if (!ridge && result->std_error != NULL && result->freedom > 0)
		ML_TRY(fill_errors(ctx, arena, s, origin, result));
	return ML_OK;
}

/* Lasso and elastic net; freedom counts the weights that are not 0. */
static ml_status
solve_net(ml_context *ctx, ml_arena *arena, const solving *s, ml_least_squares *result)
{
	uint32_t	kept = 0;

	ML_TRY(ml_equations_net(ctx, arena, s->eq, s->b, s->limit, result->total,
							s->penalty->tolerance, s->penalty->max_iterations, s->x,
							s->residual, &result->iterations, &result->converged));
	for (uint32_t k = 0; k < s->eq->n; k++)
		kept += s->x[k] != 0;
	fill_solution(s, result);
	result->freedom = ML_MAX((double) s->normal->nrows - kept - 1, 0);
	return ML_OK;
}

ml_status
ml_normal_solve(ml_context *ctx, ml_arena *arena, const ml_kernel *kernel,
				const ml_normal *normal, const ml_penalty_terms *penalty, const double *origin,
				ml_least_squares *result, ml_equations *equations, const uint32_t **index)
{
	solving		s = {.normal = normal, .penalty = penalty, .eq = equations};
	bool		unpenalised = penalty->alpha == 0;

	result->total = normal->products[ml_triangle_row(normal->target) + normal->target];
	if (is_constant(normal, normal->target))
		result->total = 0;
	result->iterations = 0;
	result->converged = true;
	result->bias_std_error = NAN;
	for (uint32_t j = 0; j < normal->nfeatures; j++)
	{
		bool		excluded = normal->excluded != NULL && normal->excluded[j];

		result->weights[j] = 0;
		/* until it is found to be an unknown that is kept */
		result->dropped[j] = unpenalised && !excluded;
		if (result->std_error != NULL)
			result->std_error[j] = NAN;
	}
	ML_TRY(check_range(ctx, normal));
	ML_TRY(open_unknowns(ctx, arena, kernel, &s));
	if (index != NULL)
		*index = s.features;
	if (penalty->alpha > 0 && penalty->l1_ratio > 0)
		return solve_net(ctx, arena, &s, result);
	return solve_direct(ctx, arena, &s, origin, result);
}

ml_status
ml_gram_solve(ml_context *ctx, const ml_kernel *kernel, const ml_gram *gram,
			  const ml_penalty_terms *penalty, const double *origin, ml_least_squares *result)
{
	ml_arena	arena = {0};
	ml_equations equations;
	ml_normal	normal = {
		.products = ml_gram_products(gram),
		.nfeatures = ml_gram_width(gram),
		.target = ml_gram_width(gram),
		.nrows = ml_gram_nrows(gram),
		.weight = ml_gram_weight(gram),
	};
	double	   *means;
	ml_status	status = numbers(ctx, &arena, (size_t) normal.nfeatures + 1, &means);

	if (status == ML_OK)
	{
		for (uint32_t i = 0; i <= normal.nfeatures; i++)
			means[i] = ml_gram_mean(gram, i);
		normal.means = means;
		status = ml_normal_solve(ctx, &arena, kernel, &normal, penalty, origin, result,
								 &equations, NULL);
	}
	ml_arena_free(ctx, &arena);
	return status;
}
