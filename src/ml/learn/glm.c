/*-------------------------------------------------------------------------
 *
 * glm.c
 *	  Smooth losses of a linear score: sum, gradient, Hessian in one pass.
 *
 * The Hessian is sum over rows of D x x', D being the second derivatives by the
 * scores.  Dense features (and the intercept) are packed into panels of eight
 * columns and multiplied by tiles; the few features of a row that are levels
 * or words add the row's dense ones to theirs, and are added pair by pair: no
 * one-hot is ever made dense.  For two scores the block of the Hessian is
 * symmetric: its lower half is summed, and copied at the end.
 *
 * A sample is whole tiles, one in ML_GLM_SAMPLE, at places that shift from
 * block to block: rows of a source are often in an order that matters.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/glm.h"

#include <math.h>

#define TILE		64			/* rows whose panels lie in the first-level cache */
#define LANES		8
#define POLL_WORK	((size_t) 1 << 21)
#define SHIFT		5			/* of the sampled tile, from one round to the next */

/* Do rows have features that are words? */
#define HAS_WORDS(block) ((block)->at != NULL)

static uint32_t
sparse_features(const ml_design *design)
{
	return ml_design_nhot(design) + ml_design_ntext(design);
}

size_t
ml_glm_memory(const ml_problem *problem, uint32_t nscores, bool hessian)
{
	size_t		dense = ml_npanels(ml_design_ndense(problem->design) + 1);
	size_t		rows = ml_size_mul(8 * (dense + ml_npanels(sparse_features(problem->design))),
								   nscores);
	size_t		size = ml_size_mul(ml_size_mul(nscores, problem->nfeatures + 1), sizeof(double));

	size = ml_size_add(size, ml_size_mul(ml_size_mul(2 * (size_t) nscores + 2,
													 ml_design_stride(problem->design)),
										 sizeof(double)));
	size = ml_size_add(size, ml_size_mul(ml_size_add(problem->nfeatures, nscores),
										 sizeof(double)));
	if (!hessian)
		return size;
	size = ml_size_add(size, ml_size_mul(ml_triangle_size(rows), sizeof(double)));
	size = ml_size_add(size, ml_size_mul(ml_size_mul(nscores, problem->nfeatures + 1),
										 sizeof(size_t)));
	return ml_size_add(size, (dense + 1) * TILE * 8 * sizeof(double));
}

static ml_status
allocate(ml_context *ctx, ml_glm *glm, bool hessian)
{
	size_t		stride = ml_design_stride(glm->problem->design);
	size_t		scores = ml_size_mul(ml_size_mul(glm->nscores, stride), sizeof(double));
	size_t		weights = ML_MAX(glm->ndense, glm->nscores);
	size_t		panel = (size_t) TILE * 8 * sizeof(double);

	ML_TRY(ml_alloc(ctx, ml_size_mul(glm->n, sizeof(double)), (void **) &glm->gradient));
	ML_TRY(ml_alloc(ctx, scores, (void **) &glm->scores));
	ML_TRY(ml_alloc(ctx, scores, (void **) &glm->slopes));
	ML_TRY(ml_alloc(ctx, stride * sizeof(double), (void **) &glm->curves));
	ML_TRY(ml_alloc(ctx, stride * sizeof(double), (void **) &glm->targets));
	ML_TRY(ml_alloc(ctx, weights * sizeof(double), (void **) &glm->weights));
	if (!hessian)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, ml_size_mul(ml_triangle_size(ml_glm_rows(glm)), sizeof(double)),
					(void **) &glm->hessian));
	ML_TRY(ml_alloc(ctx, ml_size_mul(glm->n, sizeof(size_t)), (void **) &glm->offsets));
	ML_TRY(ml_alloc(ctx, ml_size_mul(glm->dense_panels, panel), (void **) &glm->panels));
	ML_TRY(ml_alloc(ctx, panel, (void **) &glm->scaled));
	ML_TRY(ml_alloc(ctx, TILE * sizeof(double), (void **) &glm->factors));
	for (uint32_t c = 0; c < glm->nscores; c++)
		for (uint32_t k = 0; k < glm->q; k++)
			glm->offsets[(size_t) c * glm->q + k] = ml_triangle_row(ml_glm_row(glm, c, k));
	return ML_OK;
}

ml_status
ml_glm_open(ml_context *ctx, ml_glm *glm, const ml_problem *problem, ml_loss loss,
			uint32_t nscores, int64_t own, bool hessian)
{
	memset(glm, 0, sizeof(*glm));
	glm->problem = problem;
	glm->loss = loss;
	glm->nscores = nscores;
	glm->own = own;
	glm->by_feature = !hessian;
	glm->q = problem->nfeatures + 1;
	glm->n = ml_size_mul(nscores, glm->q);
	glm->ndense = ml_design_ndense(problem->design);
	glm->ncategories = ml_design_ncategories(problem->design);
	glm->dense_panels = (uint32_t) ml_npanels(glm->ndense + 1);
	glm->score_panels = glm->dense_panels +
		(uint32_t) ml_npanels(sparse_features(problem->design));
	return allocate(ctx, glm, hessian);
}

void
ml_glm_close(ml_context *ctx, ml_glm *glm)
{
	ml_release(ctx, glm->gradient);
	ml_release(ctx, glm->hessian);
	ml_release(ctx, glm->offsets);
	ml_release(ctx, glm->scores);
	ml_release(ctx, glm->slopes);
	ml_release(ctx, glm->curves);
	ml_release(ctx, glm->targets);
	ml_release(ctx, glm->weights);
	ml_release(ctx, glm->panels);
	ml_release(ctx, glm->scaled);
	ml_release(ctx, glm->factors);
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

static inline uint32_t
padded(const ml_block *block)
{
	return (block->n + LANES - 1) / LANES * LANES;
}

/* In as many sums as hide how long an addition takes; n is a multiple of LANES, and rows behind a block's weigh 0. */
static double
add_up(const double *x, uint32_t n)
{
	double		sums[LANES] = {0};

	for (uint32_t i = 0; i < n; i += LANES)
		for (uint32_t k = 0; k < LANES; k++)
			sums[k] += x[i + k];
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* ---------- scores ---------- */

static ml_status
score_dense(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block)
{
	const ml_glm_kernel *kernel = glm->problem->kernel->glm;
	uint32_t	n = padded(block);

	for (uint32_t c = 0; c < glm->nscores; c++)
	{
		double	   *scores = glm->scores + (size_t) c * block->stride;
		double		intercept = parameters[ml_glm_parameter(glm, c, glm->q - 1)];
		const double *weights = parameters + (size_t) c * glm->q;

		if (glm->by_feature)
		{
			for (uint32_t j = 0; j < glm->ndense; j++)
				glm->weights[j] = parameters[ml_glm_parameter(glm, c, j)];
			weights = glm->weights;
		}
		for (uint32_t i = 0; i < n; i++)
			scores[i] = intercept;
		kernel->columns_dot(scores, block->dense, block->stride, glm->ndense, weights, n);
		ML_TRY(worked(ctx, glm, (size_t) n * (glm->ndense + 1)));
	}
	return ML_OK;
}

static ml_status
score_levels(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block)
{
	for (uint32_t c = 0; c < glm->nscores; c++)
		for (uint32_t k = 0; k < glm->ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride;
			double	   *scores = glm->scores + (size_t) c * block->stride;

			for (uint32_t i = 0; i < block->n; i++)
				if (hot[i] != ML_NO_TERM)
					scores[i] += parameters[ml_glm_parameter(glm, c, hot[i])];
			ML_TRY(worked(ctx, glm, 2 * (size_t) block->n));
		}
	return ML_OK;
}

/* All scores of a row at a time: a word's weights lie together. */
static ml_status
score_words(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block)
{
	for (uint32_t i = 0; i < block->n; i++)
	{
		double	   *sums = glm->weights;

		memset(sums, 0, glm->nscores * sizeof(double));
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			for (uint32_t c = 0; c < glm->nscores; c++)
				sums[c] += (double) block->values[k] *
					parameters[ml_glm_parameter(glm, c, block->ids[k])];
		for (uint32_t c = 0; c < glm->nscores; c++)
			glm->scores[(size_t) c * block->stride + i] += sums[c];
		ML_TRY(worked(ctx, glm, 2 * (size_t) (block->at[i + 1] - block->at[i] + 1) * glm->nscores));
	}
	return ML_OK;
}

/* ---------- losses ---------- */

static inline uint32_t
own_class(const ml_glm *glm)
{
	return glm->own < 0 ? 1 : (uint32_t) glm->own;
}

/* y = 1 or -1 */
static void
set_targets(ml_glm *glm, const ml_block *block)
{
	uint32_t	own = own_class(glm);
	uint32_t	n = padded(block);

	for (uint32_t i = 0; i < n; i++)
		glm->targets[i] = block->label[i] == own ? 1 : -1;
}

/* max(0, |y - f| - epsilon)^2 */
static void
squared_tube(ml_glm *glm, const ml_block *block)
{
	double		epsilon = glm->problem->options->epsilon;
	double		sum = 0;

	for (uint32_t i = 0; i < padded(block); i++)
	{
		double		error = glm->scores[i] - block->target[i];
		double		beyond = fabs(error) - epsilon;
		double		weight = beyond > 0 ? block->weight[i] : 0;

		sum += weight * (beyond * beyond);
		glm->slopes[i] = 2 * weight * copysign(beyond, error);
		glm->curves[i] = 2 * weight;
	}
	glm->sum += sum;
}

/* *result: value less "soft" towards 0, within bounds; true if it is neither 0 for that nor a bound. */
static inline bool
clip_to(double value, double soft, double low, double high, double *result)
{
	double		size = fabs(value) - soft;
	double		moved = copysign(ML_MAX(size, 0), value);

	*result = ML_MAX(low, ML_MIN(high, moved));
	return size > 0 && moved > low && moved < high;
}

/*
 * Losses with a corner, max over a of a r - e |a| within bounds, rounded by the
 * multiplier a0 of the row's state: less (a - a0)^2 / (2 sharpness).  Hinge: r
 * = 1 - y f, 0 <= a <= s, e = 0; epsilon-insensitive: r = y - f, |a| <= s.
 */
static void
rounded_corner(ml_glm *glm, const ml_block *block)
{
	bool		hinge = glm->loss == ML_LOSS_HINGE;
	double		epsilon = hinge ? 0 : glm->problem->options->epsilon;
	double		sharp = glm->sharpness;

	if (hinge)
		set_targets(glm, block);
	for (uint32_t i = 0; i < padded(block); i++)
	{
		double		y = hinge ? glm->targets[i] : block->target[i];
		double		rest = hinge ? 1 - y * glm->scores[i] : y - glm->scores[i];
		double		high = block->weight[i];
		double		low = hinge ? 0 : -high;
		double		before = (double) block->state[i];
		double		a;
		double		loss = high * ML_MAX((hinge ? rest : fabs(rest)) - epsilon, 0);
		bool		inside;

		if (glm->advance)
		{
			(void) clip_to(before + glm->last_sharpness * rest, glm->last_sharpness * epsilon, low,
						   high, &before);
			block->state[i] = (float) before;
			before = (double) block->state[i];
			glm->slack += loss - (before * rest - epsilon * fabs(before));
		}
		inside = clip_to(before + sharp * rest, sharp * epsilon, low, high, &a);
		glm->corner += loss;
		glm->sum += a * rest - epsilon * fabs(a) - (a - before) * (a - before) / (2 * sharp);
		glm->slopes[i] = hinge ? -y * a : -a;
		glm->curves[i] = inside ? sharp : 0;
	}
}

static void
find_slopes(ml_glm *glm, const ml_block *block)
{
	const ml_glm_kernel *kernel = glm->problem->kernel->glm;

	if (glm->loss == ML_LOSS_SQUARED_HINGE)
		glm->sum += kernel->squared_hinge(glm->slopes, glm->curves, glm->scores, block->target,
										  (double) own_class(glm), block->weight, padded(block));
	else if (glm->loss == ML_LOSS_HINGE || glm->loss == ML_LOSS_EPSILON_INSENSITIVE)
		rounded_corner(glm, block);
	else if (glm->loss != ML_LOSS_LOGISTIC)
		squared_tube(glm, block);
	else if (glm->nscores == 1)
		glm->sum += kernel->logistic(glm->slopes, glm->curves, glm->scores, block->target,
									 block->weight, padded(block));
	else
		glm->sum += kernel->softmax(glm->slopes, glm->scores, block->stride, glm->nscores,
									block->target, block->weight, padded(block));
	glm->weight += add_up(block->weight, padded(block));
	glm->rows += block->n;
}

/* ---------- gradient ---------- */

static ml_status
add_dense(ml_context *ctx, ml_glm *glm, const ml_block *block)
{
	const ml_glm_kernel *kernel = glm->problem->kernel->glm;
	uint32_t	n = padded(block);

	for (uint32_t c = 0; c < glm->nscores; c++)
	{
		const double *slopes = glm->slopes + (size_t) c * block->stride;
		double	   *sums = glm->by_feature ? glm->weights : glm->gradient + (size_t) c * glm->q;

		if (glm->by_feature)
			memset(sums, 0, glm->ndense * sizeof(double));
		kernel->columns_sums(sums, block->dense, block->stride, glm->ndense, slopes, n);
		for (uint32_t j = 0; glm->by_feature && j < glm->ndense; j++)
			glm->gradient[ml_glm_parameter(glm, c, j)] += sums[j];
		glm->gradient[ml_glm_parameter(glm, c, glm->q - 1)] += add_up(slopes, n);
		ML_TRY(worked(ctx, glm, (size_t) n * (glm->ndense + 1)));
	}
	return ML_OK;
}

static ml_status
add_levels(ml_context *ctx, ml_glm *glm, const ml_block *block)
{
	for (uint32_t c = 0; c < glm->nscores; c++)
		for (uint32_t k = 0; k < glm->ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride;
			const double *slopes = glm->slopes + (size_t) c * block->stride;

			for (uint32_t i = 0; i < block->n; i++)
				if (hot[i] != ML_NO_TERM)
					glm->gradient[ml_glm_parameter(glm, c, hot[i])] += slopes[i];
			ML_TRY(worked(ctx, glm, 2 * (size_t) block->n));
		}
	return ML_OK;
}

static ml_status
add_words(ml_context *ctx, ml_glm *glm, const ml_block *block)
{
	for (uint32_t i = 0; i < block->n; i++)
	{
		double	   *slopes = glm->weights;

		for (uint32_t c = 0; c < glm->nscores; c++)
			slopes[c] = glm->slopes[(size_t) c * block->stride + i];
		for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			for (uint32_t c = 0; c < glm->nscores; c++)
				glm->gradient[ml_glm_parameter(glm, c, block->ids[k])] +=
					(double) block->values[k] * slopes[c];
		ML_TRY(worked(ctx, glm, 2 * (size_t) (block->at[i + 1] - block->at[i] + 1) * glm->nscores));
	}
	return ML_OK;
}

/* ---------- Hessian ---------- */

/* What a tile's part for scores a >= b needs. */
typedef struct tile
{
	const ml_block *block;
	uint32_t	first;
	uint32_t	rows;
	uint32_t	n;				/* the same, padded */
	uint32_t	a;
	uint32_t	b;
	double	   *corner;			/* column of b's first unknown, in row 0 of the triangle */
	const size_t *offsets;		/* rows of a's unknowns */
} tile;

/* Panels of the tile's rows, the intercept behind the dense features. */
static void
pack_tile(ml_glm *glm, const tile *t)
{
	static const double zero[8] = {0};

	for (uint32_t p = 0; p < glm->dense_panels; p++)
	{
		double	   *panel = glm->panels + (size_t) p * TILE * 8;
		uint32_t	columns = ML_MIN(glm->ndense - ML_MIN(8 * p, glm->ndense), 8u);

		glm->problem->kernel->panel_pack(panel, t->block->dense +
										 (size_t) 8 * p * t->block->stride + t->first,
										 t->block->stride, columns, zero, t->n);
		if (glm->ndense / 8 == p)
			for (uint32_t r = 0; r < t->n; r++)
				panel[8 * r + glm->ndense % 8] = 1;
	}
}

/* Second derivatives of the loss by scores a and b, times s_i. */
static void
set_factors(ml_glm *glm, const tile *t)
{
	const double *pa = glm->scores + (size_t) t->a * t->block->stride + t->first;
	const double *pb = glm->scores + (size_t) t->b * t->block->stride + t->first;
	const double *weight = t->block->weight + t->first;

	if (glm->nscores == 1)
		memcpy(glm->factors, glm->curves + t->first, t->n * sizeof(double));
	else if (t->a == t->b)
		for (uint32_t i = 0; i < t->n; i++)
			glm->factors[i] = weight[i] * pa[i] * (1 - pa[i]);
	else
		for (uint32_t i = 0; i < t->n; i++)
			glm->factors[i] = -weight[i] * pa[i] * pb[i];
}

static void
multiply_dense(ml_glm *glm, const tile *t)
{
	const ml_kernel *kernel = glm->problem->kernel;

	for (uint32_t p = 0; p < glm->dense_panels; p++)
	{
		size_t		row = 8 * ((size_t) t->a * glm->score_panels + p);
		double	   *at = t->corner + ml_triangle_row(row);

		kernel->glm->panel_scale(glm->scaled, glm->panels + (size_t) p * TILE * 8, glm->factors,
								 t->n);
		for (uint32_t first = 0; first <= p; first += 3)
		{
			double	   *to[3];
			const double *from[3];
			uint32_t	nb = ML_MIN(p + 1 - first, 3u);

			for (uint32_t k = 0; k < nb; k++)
			{
				to[k] = at + 8 * (size_t) (first + k);
				from[k] = glm->panels + (size_t) (first + k) * TILE * 8;
			}
			kernel->products(to, row + 8, glm->scaled, from, nb, t->n);
		}
	}
}

/* Levels with dense features, and with levels of the categories before; not with themselves. */
static void
multiply_levels(ml_glm *glm, const tile *t)
{
	for (uint32_t k = 0; k < glm->ncategories; k++)
	{
		const uint32_t *hot = t->block->hot + (size_t) k * t->block->stride + t->first;

		glm->problem->kernel->glm->levels_add(t->corner, t->offsets, hot, glm->panels, TILE * 8,
											  glm->dense_panels, glm->factors, t->rows);
		for (uint32_t l = 0; l < k; l++)
		{
			const uint32_t *other = t->block->hot + (size_t) l * t->block->stride + t->first;
			double	   *to = t->corner + (size_t) glm->dense_panels * 8;

			for (uint32_t r = 0; r < t->rows; r++)
				if (hot[r] != ML_NO_TERM && other[r] != ML_NO_TERM)
					to[t->offsets[hot[r]] + other[r] - glm->ndense] += glm->factors[r];
		}
	}
}

/* A row's words with its dense features, its levels, and each other. */
static void
multiply_words(ml_glm *glm, const tile *t, uint32_t r)
{
	const ml_block *block = t->block;
	uint32_t	i = t->first + r;
	double	   *to = t->corner + (size_t) glm->dense_panels * 8;

	for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
	{
		double		factor = glm->factors[r] * (double) block->values[k];
		size_t		offset = t->offsets[block->ids[k]];

		glm->problem->kernel->panel_add(t->corner + offset, glm->panels + 8 * (size_t) r, TILE * 8,
										glm->dense_panels, factor);
		for (uint32_t l = 0; l < glm->ncategories; l++)
		{
			uint32_t	hot = block->hot[(size_t) l * block->stride + i];

			if (hot != ML_NO_TERM)
				to[offset + hot - glm->ndense] += factor;
		}
		for (uint32_t l = block->at[i]; l < block->at[i + 1]; l++)
			if (block->ids[l] <= block->ids[k])
				to[offset + block->ids[l] - glm->ndense] += factor * (double) block->values[l];
	}
}

static ml_status
multiply_tile(ml_context *ctx, ml_glm *glm, const tile *t)
{
	set_factors(glm, t);
	multiply_dense(glm, t);
	multiply_levels(glm, t);
	ML_TRY(worked(ctx, glm, (size_t) t->n * (4 * glm->dense_panels * glm->dense_panels +
											 8 * glm->ncategories * (glm->dense_panels +
																	 glm->ncategories))));
	for (uint32_t r = 0; HAS_WORDS(t->block) && r < t->rows; r++)
	{
		size_t		words = t->block->at[t->first + r + 1] - t->block->at[t->first + r];

		multiply_words(glm, t, r);
		ML_TRY(worked(ctx, glm, words * (8 * glm->dense_panels + glm->ncategories + words)));
	}
	return ML_OK;
}

/* Has none of the tile's rows a curvature, as is common with rounded corners? */
static bool
is_flat(const ml_glm *glm, const tile *t)
{
	return glm->nscores == 1 && add_up(glm->curves + t->first, t->n) == 0;
}

static ml_status
add_hessian(ml_context *ctx, ml_glm *glm, const ml_block *block)
{
	tile		t = {.block = block};

	for (t.first = 0; t.first < block->n; t.first += TILE)
	{
		t.rows = ML_MIN(block->n - t.first, (uint32_t) TILE);
		t.n = (t.rows + LANES - 1) / LANES * LANES;
		if (is_flat(glm, &t))
			continue;
		pack_tile(glm, &t);
		for (t.a = 0; t.a < glm->nscores; t.a++)
			for (t.b = 0; t.b <= t.a; t.b++)
			{
				t.corner = glm->hessian + (size_t) t.b * glm->score_panels * 8;
				t.offsets = glm->offsets + (size_t) t.a * glm->q;
				ML_TRY(multiply_tile(ctx, glm, &t));
			}
	}
	return ML_OK;
}

/* Levels with themselves, which is the same as with the intercept; upper halves. */
static ml_status
complete_hessian(ml_context *ctx, ml_glm *glm)
{
	uint32_t	nrows = glm->score_panels * 8;
	uint32_t	first = glm->dense_panels * 8;
	uint32_t	nhot = ml_design_nhot(glm->problem->design);

	for (uint32_t a = 0; a < glm->nscores; a++)
		for (uint32_t b = 0; b <= a; b++)
		{
			double	   *corner = glm->hessian + (size_t) b * nrows;

			for (uint32_t i = first; i < first + nhot; i++)
			{
				double	   *row = corner + ml_triangle_row((size_t) a * nrows + i);

				row[i] = row[glm->ndense];
			}
			for (uint32_t i = 0; a != b && i < nrows; i++)
				for (uint32_t j = 0; j < i; j++)
					corner[ml_triangle_row((size_t) a * nrows + j) + i] =
						corner[ml_triangle_row((size_t) a * nrows + i) + j];
			ML_TRY(worked(ctx, glm, 2 * (size_t) nrows * nrows));
		}
	return ML_OK;
}

/* ---------- passes ---------- */

static ml_status
find_scores(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block)
{
	ML_TRY(score_dense(ctx, glm, parameters, block));
	ML_TRY(score_levels(ctx, glm, parameters, block));
	return HAS_WORDS(block) ? score_words(ctx, glm, parameters, block) : ML_OK;
}

static ml_status
visit_block(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block,
			bool hessian)
{
	ML_TRY(find_scores(ctx, glm, parameters, block));
	find_slopes(glm, block);
	ML_TRY(worked(ctx, glm, 16 * (size_t) block->n * glm->nscores));
	ML_TRY(add_dense(ctx, glm, block));
	ML_TRY(add_levels(ctx, glm, block));
	if (HAS_WORDS(block))
		ML_TRY(add_words(ctx, glm, block));
	return hessian ? add_hessian(ctx, glm, block) : ML_OK;
}

/* The block's rows from "first" on, at most a tile, as a block. */
static ml_block
cut(const ml_block *block, uint32_t first)
{
	ml_block	result = *block;

	result.n = ML_MIN(block->n - first, (uint32_t) TILE);
	result.first += first;
	result.dense += first;
	result.hot = block->hot == NULL ? NULL : block->hot + first;
	result.at = block->at == NULL ? NULL : block->at + first;
	result.target += first;
	result.label += first;
	result.weight += first;
	result.row_weight += first;
	result.state = block->state == NULL ? NULL : block->state + first;
	return result;
}

static ml_status
visit_sample(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block,
			 bool hessian)
{
	for (uint32_t first = 0; first < block->n; first += TILE)
	{
		uint64_t	round = glm->tiles / ML_GLM_SAMPLE;
		bool		taken = glm->tiles % ML_GLM_SAMPLE == round * SHIFT % ML_GLM_SAMPLE;

		glm->tiles++;
		if (taken)
		{
			ml_block	part = cut(block, first);

			ML_TRY(visit_block(ctx, glm, parameters, &part, hessian));
		}
	}
	return ML_OK;
}

ml_status
ml_glm_pass(ml_context *ctx, ml_glm *glm, const double *parameters, uint32_t parts, bool sample,
			bool hessian)
{
	const ml_block *block;

	glm->rows = 0;
	glm->sum = glm->corner = 0;
	if (glm->advance)
		glm->slack = 0;
	glm->weight = 0;
	glm->tiles = 0;
	memset(glm->gradient, 0, glm->n * sizeof(double));
	if (hessian)
		memset(glm->hessian, 0, ml_triangle_size(ml_glm_rows(glm)) * sizeof(double));
	ML_TRY(ml_design_begin(ctx, glm->problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, glm->problem->design, &block));
		if (block == NULL)
			break;
		if (sample)
			ML_TRY(visit_sample(ctx, glm, parameters, block, hessian));
		else
			ML_TRY(visit_block(ctx, glm, parameters, block, hessian));
	}
	glm->advance = false;
	return hessian ? complete_hessian(ctx, glm) : ML_OK;
}

/* ---------- curvature ---------- */

ml_status
ml_glm_curves(ml_context *ctx, ml_glm *glm, const double *parameters, const ml_block *block)
{
	ml_glm		before = *glm;

	ML_TRY(find_scores(ctx, glm, parameters, block));
	find_slopes(glm, block);
	glm->rows = before.rows;
	glm->sum = before.sum;
	glm->weight = before.weight;
	if (glm->nscores == 1)
		return worked(ctx, glm, 16 * (size_t) block->n);
	memset(glm->curves, 0, block->n * sizeof(double));
	for (uint32_t c = 0; c < glm->nscores; c++)
	{
		const double *p = glm->scores + (size_t) c * block->stride;

		for (uint32_t i = 0; i < block->n; i++)
			glm->curves[i] += block->weight[i] * p[i] * (1 - p[i]) / glm->nscores;
		ML_TRY(worked(ctx, glm, 16 * (size_t) block->n));
	}
	return ML_OK;
}
