/*-------------------------------------------------------------------------
 *
 * precondition.c
 *	  The inverse Hessian that a quasi-Newton method begins with.
 *
 * Numbers, levels, frequent words and the intercept depend on each other, and
 * what the diagonal alone knows of them makes iterations many.  So the unknowns
 * that curve most, a few hundred, have the inverse of their block of the
 * Hessian (Cholesky), the others that of their own second derivative.
 *
 *	  A_jk = c sum_i curve_i x_ij x_ik + l2 [j = k]
 *
 * curve_i is the loss's second derivative by the score where the solver stands,
 * times s_i; of many scores their mean, one inverse serving all.  (To give each
 * its own makes iterations more: scores depend on each other, and what they
 * have in common is then no longer treated alike.)
 *
 * With an L1 part steps stay in an orthant, which a block of unknowns does not
 * know of: the diagonal alone.
 *
 * Of many rows a part tells how the block's unknowns depend on each other: its
 * products are scaled to the diagonal, which all rows make.  Any positive
 * definite matrix leads to the same optimum.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/precondition.h"

#include <math.h>

#define ROWS_EACH	64			/* per unknown in the block are enough */
#define SHIFT		5			/* of the row taken, from one round to the next */
#define JITTER		1e-6		/* of the diagonal: levels of a column add up to the intercept */
#define POLL_WORK	((size_t) 1 << 20)

static size_t
block_memory(const ml_problem *problem, size_t n)
{
	return n == 0 ? 0 : ml_size_add(ml_size_mul(problem->nfeatures + 1, sizeof(uint32_t)),
									(2 * ml_triangle_size(n) + 8 * n + 64) * sizeof(double));
}

/* Unknowns in the block, as many as there is memory for. */
static uint32_t
block_limit(const ml_problem *problem, size_t memory)
{
	size_t		n = ML_MIN(ML_PRECONDITION_MAX, problem->nfeatures + 1);

	while (n > 0 && block_memory(problem, n) > memory)
		n /= 2;
	return (uint32_t) n;
}

size_t
ml_precondition_memory(const ml_problem *problem, size_t memory)
{
	return block_memory(problem, block_limit(problem, memory));
}

static ml_status
allocate(ml_context *ctx, ml_precondition *p, size_t n, size_t size, void *result)
{
	return ml_arena_alloc(ctx, &p->arena, ml_size_mul(n, size), result);
}

ml_status
ml_precondition_open(ml_context *ctx, ml_precondition *p)
{
	const ml_problem *problem = p->glm->problem;
	size_t		n = p->l1 > 0 ? 0 : block_limit(problem, p->memory);

	p->limit = (uint32_t) n;
	p->n = 0;
	if (n == 0)
		return ML_OK;
	ML_TRY(allocate(ctx, p, n, sizeof(uint32_t), &p->features));
	ML_TRY(allocate(ctx, p, p->glm->q, sizeof(uint32_t), &p->places));
	ML_TRY(allocate(ctx, p, ml_triangle_size(n), sizeof(double), &p->products));
	ML_TRY(allocate(ctx, p, 8 * ml_npanels(n), sizeof(double), &p->vector));
	ML_TRY(allocate(ctx, p, n, sizeof(uint32_t), &p->members));
	return allocate(ctx, p, n, sizeof(double), &p->values);
}

void
ml_precondition_close(ml_context *ctx, ml_precondition *p)
{
	ml_arena_free(ctx, &p->factored);
	ml_arena_free(ctx, &p->arena);
}

static ml_status
worked(ml_context *ctx, ml_precondition *p, size_t work)
{
	p->work += work;
	if (p->work < POLL_WORK)
		return ML_OK;
	p->work = 0;
	return ml_poll(ctx);
}

/* ---------- sums over rows ---------- */

static ml_status
add_squares(ml_context *ctx, ml_precondition *p, const ml_block *block)
{
	const double *curves = p->glm->curves;
	double	   *diagonal = p->inverse;

	for (uint32_t j = 0; j < p->glm->ndense; j++)
	{
		const double *x = block->dense + (size_t) j * block->stride;
		double		sum = 0;

		for (uint32_t i = 0; i < block->n; i++)
			sum += curves[i] * (x[i] * x[i]);
		diagonal[j] += sum;
		ML_TRY(worked(ctx, p, block->n));
	}
	for (uint32_t k = 0; k < p->glm->ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride;

		for (uint32_t i = 0; i < block->n; i++)
			if (hot[i] != ML_NO_TERM)
				diagonal[hot[i]] += curves[i];
	}
	for (uint32_t i = 0; i < block->n; i++)
	{
		diagonal[p->glm->q - 1] += curves[i];
		if (block->at == NULL)
			continue;
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			diagonal[block->ids[k]] += curves[i] *
				((double) block->values[k] * (double) block->values[k]);
		ML_TRY(worked(ctx, p, block->at[i + 1] - block->at[i] + 1));
	}
	return worked(ctx, p, (size_t) block->n * (p->glm->ncategories + 1));
}

static inline void
add_member(ml_precondition *p, uint32_t feature, double value, uint32_t *n)
{
	uint32_t	place = p->places[feature];

	if (place == ML_NO_TERM || value == 0)
		return;
	p->members[*n] = place;
	p->values[(*n)++] = value;
}

/* The row's features that are in the block, ascending but for words. */
static uint32_t
find_members(ml_precondition *p, const ml_block *block, uint32_t i)
{
	uint32_t	n = 0;

	for (uint32_t k = 0; k < p->n && p->features[k] < p->glm->ndense; k++)
		add_member(p, p->features[k], block->dense[(size_t) p->features[k] * block->stride + i], &n);
	for (uint32_t k = 0; k < p->glm->ncategories; k++)
		if (block->hot[(size_t) k * block->stride + i] != ML_NO_TERM)
			add_member(p, block->hot[(size_t) k * block->stride + i], 1, &n);
	for (uint32_t k = block->at == NULL ? 0 : block->at[i]; block->at != NULL && k < block->at[i + 1]; k++)
		add_member(p, block->ids[k], (double) block->values[k], &n);
	add_member(p, p->glm->q - 1, 1, &n);
	return n;
}

/* The n members found, with each other. */
static void
multiply_members(ml_precondition *p, uint32_t n, double curve)
{
	for (uint32_t a = 0; a < n; a++)
	{
		double		factor = curve * p->values[a];
		double	   *to = p->products + ml_triangle_row(p->members[a]);

		for (uint32_t b = 0; b < n; b++)
			if (p->members[b] <= p->members[a])
				to[p->members[b]] += factor * p->values[b];
	}
}

static ml_status
add_products(ml_context *ctx, ml_precondition *p, const ml_block *block)
{
	for (uint32_t i = 0; i < block->n; i++)
	{
		uint64_t	row = p->row++;
		uint32_t	n;

		if (row % p->every != row / p->every * SHIFT % p->every)
			continue;
		n = find_members(p, block, i);
		multiply_members(p, n, p->glm->curves[i]);
		ML_TRY(worked(ctx, p, (size_t) n * n + n));
	}
	return ML_OK;
}

/* The diagonal of all rows, and products of the block if there is one. */
static ml_status
run_pass(ml_context *ctx, ml_precondition *p, const double *parameters)
{
	const ml_block *block;

	memset(p->inverse, 0, p->glm->q * sizeof(double));
	if (p->n > 0)
		memset(p->products, 0, ml_triangle_size(p->n) * sizeof(double));
	p->row = 0;
	ML_TRY(ml_design_begin(ctx, p->glm->problem->design, p->parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, p->glm->problem->design, &block));
		if (block == NULL)
			return ml_poll(ctx);
		ML_TRY(ml_glm_curves(ctx, p->glm, parameters, block));
		ML_TRY(add_squares(ctx, p, block));
		if (p->n > 0)
			ML_TRY(add_products(ctx, p, block));
	}
}

/* ---------- the block ---------- */

static void
sift_down(const ml_precondition *p, uint32_t *heap, uint32_t n, uint32_t i)
{
	for (;;)
	{
		uint32_t	child = 2 * i + 1;
		uint32_t	swap = heap[i];

		if (child >= n)
			return;
		if (child + 1 < n && p->inverse[heap[child + 1]] < p->inverse[heap[child]])
			child++;
		if (p->inverse[heap[i]] <= p->inverse[heap[child]])
			return;
		heap[i] = heap[child];
		heap[child] = swap;
		i = child;
	}
}

/* Those that curve most; of equal ones the first. */
static uint32_t
find_largest(const ml_precondition *p, uint32_t *heap)
{
	const bool *excluded = p->glm->problem->excluded;
	uint32_t	n = 0;

	for (uint32_t j = p->glm->q; j-- > 0;)
	{
		double		curve = p->inverse[j];

		if ((excluded != NULL && j < p->glm->q - 1 && excluded[j]) || !(curve > 0))
			continue;
		if (n < p->limit)
		{
			heap[n++] = j;
			for (uint32_t i = n == p->limit ? n / 2 : 0; i-- > 0;)
				sift_down(p, heap, n, i);
		}
		else if (curve >= p->inverse[heap[0]])
		{
			heap[0] = j;
			sift_down(p, heap, n, 0);
		}
	}
	return n;
}

/* The unknowns of the block. */
static ml_status
choose(ml_context *ctx, ml_precondition *p)
{
	uint32_t	n = find_largest(p, p->features);

	ML_TRY(ml_poll(ctx));
	for (uint32_t j = 0; j < p->glm->q; j++)
		p->places[j] = ML_NO_TERM;
	for (uint32_t i = 0; i < n; i++)
		p->places[p->features[i]] = 0;
	for (uint32_t j = 0; j < p->glm->q; j++)
		if (p->places[j] != ML_NO_TERM)
		{
			p->features[p->n] = j;
			p->places[j] = p->n++;
		}
	p->every = ML_MAX(ml_design_count(p->glm->problem->design, p->parts) / (ROWS_EACH * (uint64_t) ML_MAX(n, 1u)), 1u);
	return ml_poll(ctx);
}

static double
ridge_of(const ml_precondition *p, uint32_t feature)
{
	return feature == p->glm->q - 1 && !p->intercept ? 0 : p->l2;
}

/* Products become the block of the Hessian: as large as the diagonal says, and the penalty. */
static ml_status
scale_products(ml_context *ctx, ml_precondition *p)
{
	double	   *roots = p->vector;

	for (uint32_t a = 0; a < p->n; a++)
	{
		double		own = p->products[ml_triangle_row(a) + a];
		double		all = p->c * p->inverse[p->features[a]];

		roots[a] = own > 0 ? sqrt(all / own) : 0;
	}
	for (uint32_t a = 0; a < p->n; a++)
	{
		double	   *row = p->products + ml_triangle_row(a);
		double		all = p->c * p->inverse[p->features[a]];

		for (uint32_t b = 0; b < a; b++)
			row[b] *= roots[a] * roots[b];
		row[a] = ML_MAX((all + ridge_of(p, p->features[a])) * (1 + JITTER), p->least);
		ML_TRY(worked(ctx, p, a));
	}
	return ML_OK;
}

/* A block that is not positive definite is not used. */
static ml_status
factor(ml_context *ctx, ml_precondition *p)
{
	ml_equations *eq = &p->equations;

	ml_arena_free(ctx, &p->factored);
	/* not needed once they are loaded */
	for (uint32_t i = 0; i < p->n; i++)
		p->members[i] = i;
	ML_TRY(ml_equations_open(ctx, &p->factored, p->glm->problem->kernel, p->products, p->members, p->n, NULL, eq));
	ML_TRY(ml_equations_factor(ctx, eq, 0));
	for (uint32_t i = 0; i < p->n; i++)
		if (!(eq->inverse_pivot[i] > 0) || !isfinite(eq->inverse_pivot[i]))
			eq->n = 0;
	return ML_OK;
}

ml_status
ml_precondition_set(ml_context *ctx, ml_precondition *p, const double *parameters)
{
	ML_TRY(run_pass(ctx, p, parameters));
	if (p->n == 0 && p->limit > 0)
	{
		ML_TRY(choose(ctx, p));
		if (p->n > 0)
			ML_TRY(run_pass(ctx, p, parameters));
	}
	/* where neither penalty nor rows curve, as much as a row would */
	p->least = 1e-6 * p->c * ML_MAX(p->inverse[p->glm->q - 1], 1e-10);
	if (p->n > 0)
	{
		ML_TRY(scale_products(ctx, p));
		ML_TRY(factor(ctx, p));
	}
	for (uint32_t k = 0; k < p->glm->q; k++)
		p->inverse[k] = 1 / ML_MAX(p->c * p->inverse[k] + ridge_of(p, k), p->least);
	return ml_poll(ctx);
}

ml_status
ml_precondition_apply(ml_context *ctx, ml_precondition *p, double *a)
{
	const ml_equations *eq = &p->equations;
	uint32_t	width = p->glm->nscores;
	uint32_t	n = p->n > 0 ? eq->n : 0;

	/* what the diagonal does to all below is undone for the block */
	for (uint32_t c = 0; c < width && n > 0; c++)
	{
		memset(p->vector, 0, 8 * ml_npanels(n) * sizeof(double));
		for (uint32_t i = 0; i < n; i++)
			p->vector[i] = a[(size_t) p->features[i] * width + c] * eq->inverse_scale[i];
		ml_equations_forward(eq, p->vector);
		ml_equations_backward(eq, p->vector);
		for (uint32_t i = 0; i < n; i++)
			a[(size_t) p->features[i] * width + c] =
				p->vector[i] * eq->inverse_scale[i] / p->inverse[p->features[i]];
		ML_TRY(worked(ctx, p, 2 * (size_t) n * n));
	}
	for (uint32_t k = 0; k < p->glm->q; k++)
		for (uint32_t c = 0; c < width; c++)
			a[(size_t) k * width + c] *= p->inverse[k];
	return worked(ctx, p, p->glm->n);
}
