/*-------------------------------------------------------------------------
 *
 * glm.c
 *	  Smooth losses of a linear score: sum, gradient, Hessian in one pass.
 *
 * The Hessian is sum over rows of D x x', D being the second derivatives by the
 * scores.  Dense features (and the intercept) are packed into panels of eight
 * columns and multiplied by tiles; the few features of a row that are levels
 * or words add the row's dense ones to theirs, and are added pair by pair: no
 * one-hot is ever made dense.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/glm.h"

#include <math.h>

#define TILE		128			/* rows whose panels lie in the first-level cache */
#define POLL_WORK	((size_t) 1 << 21)
#define LANES		8

static uint32_t
sparse_features(const ml_design *design)
{
	return ml_design_nhot(design) + ml_design_ntext(design);
}

size_t
ml_glm_memory(const ml_problem *problem, uint32_t nscores, bool hessian)
{
	size_t		dense = ml_npanels(ml_design_ndense(problem->design) + 1);
	size_t		rows = ml_size_mul(8 * (dense + ml_npanels(sparse_features(problem->design))), nscores);
	size_t		size = ml_size_mul(ml_size_mul(nscores, problem->nfeatures + 1), sizeof(double));

	size = ml_size_add(size, ml_size_mul((2 * nscores + 2) * ml_design_stride(problem->design), sizeof(double)));
	if (!hessian)
		return size;
	size = ml_size_add(size, ml_size_mul(ml_size_mul(rows, rows + 8), sizeof(double) / 2));
	return ml_size_add(size, 2 * dense * TILE * 8 * sizeof(double));
}

static ml_status
allocate(ml_context *ctx, ml_glm *glm, bool hessian)
{
	size_t		stride = ml_design_stride(glm->problem->design);
	size_t		scores = ml_size_mul(ml_size_mul(glm->nscores, stride), sizeof(double));
	size_t		panels = (size_t) glm->dense_panels * TILE * 8 * sizeof(double);

	ML_TRY(ml_alloc(ctx, ml_size_mul(glm->n, sizeof(double)), (void **) &glm->gradient));
	ML_TRY(ml_alloc(ctx, scores, (void **) &glm->scores));
	ML_TRY(ml_alloc(ctx, scores, (void **) &glm->slopes));
	ML_TRY(ml_alloc(ctx, stride * sizeof(double), (void **) &glm->curves));
	if (!hessian)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, ml_size_mul(ml_triangle_size(ml_glm_rows(glm)), sizeof(double)), (void **) &glm->hessian));
	ML_TRY(ml_alloc(ctx, panels, (void **) &glm->panels));
	ML_TRY(ml_alloc(ctx, panels, (void **) &glm->scaled));
	return ml_alloc(ctx, TILE * sizeof(double), (void **) &glm->factors);
}

ml_status
ml_glm_open(ml_context *ctx, ml_glm *glm, const ml_problem *problem, ml_loss loss, uint32_t nscores, int64_t own,
			bool hessian)
{
	memset(glm, 0, sizeof(*glm));
	glm->problem = problem;
	glm->loss = loss;
	glm->nscores = nscores;
	glm->own = own;
	glm->q = problem->nfeatures + 1;
	glm->n = (size_t) nscores * glm->q;
	glm->dense_panels = (uint32_t) ml_npanels(ml_design_ndense(problem->design) + 1);
	glm->score_panels = glm->dense_panels + (uint32_t) ml_npanels(sparse_features(problem->design));
	return allocate(ctx, glm, hessian);
}

void
ml_glm_close(ml_context *ctx, ml_glm *glm)
{
	ml_release(ctx, glm->gradient);
	ml_release(ctx, glm->hessian);
	ml_release(ctx, glm->scores);
	ml_release(ctx, glm->slopes);
	ml_release(ctx, glm->curves);
	ml_release(ctx, glm->panels);
	ml_release(ctx, glm->scaled);
	ml_release(ctx, glm->factors);
	ml_release(ctx, glm->items);
	ml_release(ctx, glm->item_values);
	memset(glm, 0, sizeof(*glm));
}

static ml_status
worked(ml_context *ctx, ml_glm *glm, size_t work)
{
	glm->work += work;
	if (glm->work < POLL_WORK)
		return ML_OK;
	glm->work = 0;
	return ml_poll(ctx);
}

/* ---------- scores and gradient ---------- */

static void
score_block(ml_glm *glm, const double *parameters, const ml_block *block)
{
	const ml_design *design = glm->problem->design;
	uint32_t	ndense = ml_design_ndense(design);
	uint32_t	ncategories = ml_design_ncategories(design);
	uint32_t	n = (block->n + LANES - 1) / LANES * LANES;

	for (uint32_t c = 0; c < glm->nscores; c++)
	{
		const double *w = parameters + (size_t) c * glm->q;
		double	   *scores = glm->scores + (size_t) c * block->stride;

		for (uint32_t i = 0; i < n; i++)
			scores[i] = w[glm->q - 1];
		for (uint32_t j = 0; j < ndense; j++)
		{
			const double *x = block->dense + (size_t) j * block->stride;
			double		wj = w[j];

			if (wj != 0)
				for (uint32_t i = 0; i < n; i += LANES)
					for (uint32_t k = 0; k < LANES; k++)
						scores[i + k] += wj * x[i + k];
		}
		for (uint32_t k = 0; k < ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride;

			for (uint32_t i = 0; i < block->n; i++)
				if (hot[i] != ML_NO_TERM)
					scores[i] += w[hot[i]];
		}
		for (uint32_t i = 0; block->at != NULL && i < block->n; i++)
			for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
				scores[i] += w[block->ids[k]] * (double) block->values[k];
	}
}

static void
add_gradient(ml_glm *glm, const ml_block *block)
{
	const ml_design *design = glm->problem->design;
	uint32_t	ndense = ml_design_ndense(design);
	uint32_t	ncategories = ml_design_ncategories(design);
	uint32_t	n = (block->n + LANES - 1) / LANES * LANES;

	for (uint32_t c = 0; c < glm->nscores; c++)
	{
		double	   *g = glm->gradient + (size_t) c * glm->q;
		const double *slopes = glm->slopes + (size_t) c * block->stride;

		for (uint32_t j = 0; j < ndense; j++)
		{
			const double *x = block->dense + (size_t) j * block->stride;
			double		sums[LANES] = {0};

			for (uint32_t i = 0; i < n; i += LANES)
				for (uint32_t k = 0; k < LANES; k++)
					sums[k] += slopes[i + k] * x[i + k];
			for (uint32_t k = 0; k < LANES; k++)
				g[j] += sums[k];
		}
		for (uint32_t i = 0; i < block->n; i++)
			g[glm->q - 1] += slopes[i];
		for (uint32_t k = 0; k < ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride;

			for (uint32_t i = 0; i < block->n; i++)
				if (hot[i] != ML_NO_TERM)
					g[hot[i]] += slopes[i];
		}
		for (uint32_t i = 0; block->at != NULL && i < block->n; i++)
			for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
				g[block->ids[k]] += slopes[i] * (double) block->values[k];
	}
}

/* ---------- losses ---------- */

/* Loss of one score; *slope and *curve: its derivatives. */
static inline double
loss_of(ml_loss loss, double epsilon, double y, double score, double *slope, double *curve)
{
	double		margin = 1 - y * score;
	double		error = score - y;
	double		beyond = fabs(error) - epsilon;

	if (loss == ML_LOSS_LOGISTIC)
	{
		double		e = exp(-fabs(score));
		double		p = 1 / (1 + e);	/* of the sign that the score has */
		bool		right = (score >= 0) == (y > 0);

		*slope = -y * (right ? e * p : p);
		*curve = e * p * p;
		return log1p(e) + (right ? 0 : fabs(score));
	}
	if (loss == ML_LOSS_SQUARED_HINGE)
	{
		*slope = margin > 0 ? -2 * y * margin : 0;
		*curve = margin > 0 ? 2 : 0;
		return margin > 0 ? margin * margin : 0;
	}
	*slope = beyond > 0 ? 2 * copysign(beyond, error) : 0;
	*curve = beyond > 0 ? 2 : 0;
	return beyond > 0 ? beyond * beyond : 0;
}

static double
target_of(const ml_glm *glm, const ml_block *block, uint32_t i)
{
	if (glm->problem->task == ML_REGRESSION)
		return block->target[i];
	return block->label[i] == (glm->own < 0 ? 1 : glm->own) ? 1 : -1;
}

static void
slopes_of_one(ml_glm *glm, const ml_block *block)
{
	double		epsilon = glm->problem->options->epsilon;
	uint32_t	n = (block->n + LANES - 1) / LANES * LANES;

	for (uint32_t i = 0; i < block->n; i++)
	{
		double		weight = block->weight[i];
		double		slope;
		double		curve;

		glm->sum += weight * loss_of(glm->loss, epsilon, target_of(glm, block, i), glm->scores[i], &slope, &curve);
		glm->weight += weight;
		glm->slopes[i] = weight * slope;
		glm->curves[i] = weight * curve;
	}
	for (uint32_t i = block->n; i < n; i++)
		glm->slopes[i] = glm->curves[i] = 0;
}

/* Softmax: scores become probabilities. */
static void
slopes_of_many(ml_glm *glm, const ml_block *block)
{
	uint32_t	stride = block->stride;
	uint32_t	n = (block->n + LANES - 1) / LANES * LANES;

	for (uint32_t i = 0; i < n; i++)
	{
		double	   *z = glm->scores + i;
		double		weight = i < block->n ? block->weight[i] : 0;
		uint32_t	label = i < block->n ? block->label[i] : 0;
		double		own = z[(size_t) label * stride];
		double		largest = own;
		double		sum = 0;

		for (uint32_t c = 0; c < glm->nscores; c++)
			largest = ML_MAX(largest, z[(size_t) c * stride]);
		for (uint32_t c = 0; c < glm->nscores; c++)
		{
			z[(size_t) c * stride] = exp(z[(size_t) c * stride] - largest);
			sum += z[(size_t) c * stride];
		}
		for (uint32_t c = 0; c < glm->nscores; c++)
		{
			z[(size_t) c * stride] /= sum;
			glm->slopes[(size_t) c * stride + i] = weight * (z[(size_t) c * stride] - (c == label));
		}
		if (weight > 0)
			glm->sum += weight * (log(sum) + largest - own);
		glm->weight += weight;
	}
}

/* ---------- Hessian ---------- */

/* Panels of rows first .. first + n - 1, the intercept behind the dense features. */
static void
pack_tile(ml_glm *glm, const ml_block *block, uint32_t first, uint32_t n)
{
	static const double zero[8] = {0};
	uint32_t	ndense = ml_design_ndense(glm->problem->design);

	for (uint32_t p = 0; p < glm->dense_panels; p++)
	{
		double	   *panel = glm->panels + (size_t) p * TILE * 8;
		uint32_t	columns = ML_MIN(ndense - ML_MIN(8 * p, ndense), 8u);

		glm->problem->kernel->panel_pack(panel, block->dense + (size_t) 8 * p * block->stride + first, block->stride,
										 columns, zero, n);
		if (ndense / 8 == p)
			for (uint32_t r = 0; r < n; r++)
				panel[8 * r + ndense % 8] = 1;
	}
}

/* hessian[rows of score a][columns of score b] += sum of factors x x' over the tile. */
static void
multiply_tile(ml_glm *glm, uint32_t a, uint32_t b, const double *factors, uint32_t n)
{
	static const double zero[8] = {0};
	const ml_kernel *kernel = glm->problem->kernel;
	size_t		bytes = (size_t) n * 8 * sizeof(double);

	for (uint32_t p = 0; p < glm->dense_panels; p++)
	{
		double	   *scaled = glm->scaled + (size_t) p * TILE * 8;
		size_t		row = 8 * ((size_t) a * glm->score_panels + p);
		size_t		ld = row + 8;
		uint32_t	last = a == b ? p + 1 : glm->dense_panels;

		memcpy(scaled, glm->panels + (size_t) p * TILE * 8, bytes);
		kernel->panel_center(scaled, zero, zero, factors, n);
		for (uint32_t first = 0; first < last; first += 3)
		{
			double	   *to[3];
			const double *from[3];
			uint32_t	nb = ML_MIN(last - first, 3u);

			for (uint32_t k = 0; k < nb; k++)
			{
				to[k] = glm->hessian + ml_triangle_row(row) + 8 * ((size_t) b * glm->score_panels + first + k);
				from[k] = glm->panels + (size_t) (first + k) * TILE * 8;
			}
			kernel->products(to, ld, scaled, from, nb, n);
		}
	}
}

/* Levels and words of row i. */
static ml_status
list_items(ml_context *ctx, ml_glm *glm, const ml_block *block, uint32_t i, uint32_t *n)
{
	uint32_t	ncategories = ml_design_ncategories(glm->problem->design);
	uint32_t	words = block->at == NULL ? 0 : block->at[i + 1] - block->at[i];
	void	   *memory = glm->items;

	ML_TRY(ml_grow(ctx, &memory, &glm->items_capacity, (size_t) ncategories + words, sizeof(uint32_t)));
	glm->items = memory;
	memory = glm->item_values;
	ML_TRY(ml_grow(ctx, &memory, &glm->values_capacity, (size_t) ncategories + words, sizeof(double)));
	glm->item_values = memory;
	*n = 0;
	for (uint32_t k = 0; k < ncategories; k++)
	{
		uint32_t	feature = block->hot[(size_t) k * block->stride + i];

		if (feature == ML_NO_TERM)
			continue;
		glm->items[*n] = feature;
		glm->item_values[(*n)++] = 1;
	}
	for (uint32_t k = 0; k < words; k++)
	{
		glm->items[*n] = block->ids[block->at[i] + k];
		glm->item_values[(*n)++] = (double) block->values[block->at[i] + k];
	}
	return ML_OK;
}

/* What the n items of row r of the tile add for scores a >= b. */
static void
add_items(ml_glm *glm, uint32_t a, uint32_t b, double factor, uint32_t r, uint32_t n)
{
	uint32_t	ndense = ml_design_ndense(glm->problem->design);
	size_t		column = (size_t) b * glm->score_panels * 8;
	const double *dense = glm->panels + 8 * r;

	for (uint32_t k = 0; k < n; k++)
	{
		double		value = factor * glm->item_values[k];
		double	   *row = glm->hessian + ml_triangle_row(ml_glm_row(glm, a, glm->items[k])) + column;

		glm->problem->kernel->panel_add(row, dense, (size_t) TILE * 8, glm->dense_panels, value);
		for (uint32_t m = 0; m < n; m++)
			if (a != b || glm->items[m] <= glm->items[k])
				row[glm->dense_panels * 8 + glm->items[m] - ndense] += value * glm->item_values[m];
		if (a == b)
			continue;
		/* and of a's dense ones with b's item */
		for (uint32_t j = 0; j <= ndense; j++)
			glm->hessian[ml_triangle_row((size_t) a * glm->score_panels * 8 + j) + column + glm->dense_panels * 8 +
						 glm->items[k] - ndense] += value * dense[(size_t) j / 8 * TILE * 8 + j % 8];
	}
}

/* Second derivatives of the loss by scores a and b, times s_i. */
static void
set_factors(ml_glm *glm, const ml_block *block, uint32_t a, uint32_t b, uint32_t first, uint32_t n)
{
	const double *pa = glm->scores + (size_t) a * block->stride + first;
	const double *pb = glm->scores + (size_t) b * block->stride + first;

	for (uint32_t i = 0; i < n; i++)
		glm->factors[i] = glm->nscores == 1 ? glm->curves[first + i] :
			first + i >= block->n ? 0 :
			block->weight[first + i] * (a == b ? pa[i] * (1 - pa[i]) : -pa[i] * pb[i]);
}

static ml_status
add_hessian(ml_context *ctx, ml_glm *glm, const ml_block *block)
{
	bool		sparse = glm->score_panels > glm->dense_panels;

	for (uint32_t first = 0; first < block->n; first += TILE)
	{
		uint32_t	rows = ML_MIN(block->n - first, (uint32_t) TILE);
		uint32_t	n = (rows + LANES - 1) / LANES * LANES;

		pack_tile(glm, block, first, n);
		for (uint32_t a = 0; a < glm->nscores; a++)
			for (uint32_t b = 0; b <= a; b++)
			{
				set_factors(glm, block, a, b, first, n);
				multiply_tile(glm, a, b, glm->factors, n);
				for (uint32_t r = 0; sparse && r < rows; r++)
				{
					uint32_t	items;

					if (glm->factors[r] == 0)
						continue;
					ML_TRY(list_items(ctx, glm, block, first + r, &items));
					add_items(glm, a, b, glm->factors[r], r, items);
				}
				ML_TRY(worked(ctx, glm, (size_t) n * 8 * glm->dense_panels * glm->dense_panels / 2));
			}
	}
	return ML_OK;
}

ml_status
ml_glm_pass(ml_context *ctx, ml_glm *glm, const double *parameters, uint32_t parts, uint32_t every, bool hessian)
{
	const ml_block *block;
	uint32_t	number = 0;

	glm->sum = 0;
	glm->weight = 0;
	memset(glm->gradient, 0, glm->n * sizeof(double));
	if (hessian)
		memset(glm->hessian, 0, ml_triangle_size(ml_glm_rows(glm)) * sizeof(double));
	ML_TRY(ml_design_begin(ctx, glm->problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, glm->problem->design, &block));
		if (block == NULL)
			return ML_OK;
		if (number++ % every != 0)
			continue;
		score_block(glm, parameters, block);
		if (glm->nscores == 1)
			slopes_of_one(glm, block);
		else
			slopes_of_many(glm, block);
		add_gradient(glm, block);
		if (hessian)
			ML_TRY(add_hessian(ctx, glm, block));
		ML_TRY(worked(ctx, glm, (size_t) block->n * (ml_design_ndense(glm->problem->design) + 16) * glm->nscores));
	}
}
