/*-------------------------------------------------------------------------
 *
 * linear_regression_wide.c
 *	  Linear regression on any number of features (100,000 levels, words of
 *	  texts), in passes over the rows and a few numbers per feature.
 *
 * With m the means of the features, x~ = x - m, W = sum of s_i:
 *
 *	  no penalty, ridge	  (X~'S X~ + W alpha) w = X~'S y by conjugate gradients, one
 *						  pass an iteration, each unknown in units of its diagonal
 *	  l1_ratio > 0		  FISTA (Beck and Teboulle 2009) with restarts (O'Donoghue
 *						  and Candès 2015), in the metric of D_j = sum s_i |x_ij|
 *						  |x_i|_1 (numbers about their means), an upper bound of
 *						  X~'S X~: so features in few rows take steps as large as
 *						  those in all.  When its signs have settled, conjugate
 *						  gradients go to the optimum among the weights that are
 *						  not 0, or as far on the way as all keep their signs.
 *
 * Conjugate gradients begin at 0 and so end, where several solutions fit
 * equally well, at the one with the smallest norm: the least sum of squares of
 * weight x standard deviation of its feature.  It is said when there is no
 * penalty.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "learn/linear_regression.h"

#define TILE		64			/* rows at a time; blocks' strides are multiples of it */
#define VECTORS		8			/* of nfeatures numbers, that a fit takes */
#define POLL_WORK	((size_t) 1 << 20)
#define SETTLED		4			/* steps without a change of sign, or so many steps in all, */
#define PATIENCE	25			/* before a face is searched, */
#define FACE_STEPS	40			/* with this many steps at most */
#define FACE_TOLERANCE	1e-12	/* of the squared gradient in a face */
#define FLAT		1e-9		/* curvature of a face, relative to D */

size_t
ml_regression_wide_memory(const ml_problem *problem)
{
	return ml_size_mul(problem->nfeatures, VECTORS * sizeof(double));
}

/* ---------- passes ---------- */

/* Sizes of a design, and what was done since the last poll. */
typedef struct shape
{
	uint32_t	ndense;
	uint32_t	ncategories;
	size_t		work;
} shape;

static shape
shape_of(const ml_design *design)
{
	return (shape) {ml_design_ndense(design), ml_design_ncategories(design), 0};
}

static ml_status
poll_tile(ml_context *ctx, shape *s, const ml_block *block, uint32_t first, uint32_t n)
{
	s->work += (size_t) 2 * TILE * (s->ndense + 4 * s->ncategories + 2);
	if (block->at != NULL)
		s->work += 8 * (size_t) (block->at[first + n] - block->at[first]);
	if (s->work < POLL_WORK)
		return ML_OK;
	s->work = 0;
	return ml_poll(ctx);
}

static void
score_tile(const shape *s, const ml_block *block, uint32_t first, uint32_t n,
		   const ml_regression_pass *pass, double *r)
{
	const double *w = pass->w;

	for (int i = 0; i < TILE; i++)
		r[i] = pass->bias;
	for (uint32_t j = 0; j < s->ndense; j++)
	{
		const double *x = block->dense + (size_t) j * block->stride + first;

		for (int i = 0; i < TILE; i++)
			r[i] += w[j] * x[i];
	}
	for (uint32_t k = 0; k < s->ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

		for (uint32_t i = 0; i < n; i++)
			if (hot[i] != ML_NO_TERM)
				r[i] += w[hot[i]];
	}
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				r[i] += w[block->ids[k]] * (double) block->values[k];
}

/* In eight parts, which a compiler may take side by side. */
static double
dot_tile(const double *a, const double *b)
{
	double		sums[8] = {0};

	for (int i = 0; i < TILE; i += 8)
		for (int j = 0; j < 8; j++)
			sums[j] += a[i + j] * b[i + j];
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
		((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* products += sum of r_i x_i; r is 0 behind n. */
static void
add_tile(const shape *s, const ml_block *block, uint32_t first, uint32_t n, const double *r,
		 double *products)
{
	for (uint32_t j = 0; j < s->ndense; j++)
		products[j] += dot_tile(r, block->dense + (size_t) j * block->stride + first);
	for (uint32_t k = 0; k < s->ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

		for (uint32_t i = 0; i < n; i++)
			if (hot[i] != ML_NO_TERM)
				products[hot[i]] += r[i];
	}
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				products[block->ids[k]] += r[i] * (double) block->values[k];
}

ml_status
ml_regression_sum(ml_context *ctx, const ml_problem *problem, uint32_t parts,
				  ml_regression_pass *pass)
{
	shape		s = shape_of(problem->design);
	const ml_block *block;

	pass->sum = 0;
	pass->squares = 0;
	ML_TRY(ml_design_begin(ctx, problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, problem->design, &block));
		if (block == NULL)
			return ML_OK;
		for (uint32_t first = 0; first < block->n; first += TILE)
		{
			uint32_t	n = ML_MIN(block->n - first, (uint32_t) TILE);
			double		r[TILE];

			score_tile(&s, block, first, n, pass, r);
			for (uint32_t i = 0; i < n; i++)
			{
				double		value = pass->residual ? block->target[first + i] - r[i] : r[i];

				r[i] = block->weight[first + i] * value;
				pass->sum += r[i];
				pass->squares += r[i] * value;
			}
			for (uint32_t i = n; i < TILE; i++)
				r[i] = 0;
			add_tile(&s, block, first, n, r, pass->products);
			ML_TRY(poll_tile(ctx, &s, block, first, n));
		}
	}
}

/* ---------- what a fit knows of its rows ---------- */

typedef struct wide
{
	const ml_problem *problem;
	uint32_t	parts;
	uint32_t	n;
	double		weight;			/* W */
	double		origin;			/* the first target */
	double		target;			/* mean of the target */
	double		total;			/* sum s_i (y_i - mean)^2 */
	double	   *means;
	double	   *diagonal;		/* of X~'S X~; for L1: D */
	double	   *b;				/* X~'S y */
	double	   *products;		/* of a pass */
	double	   *vectors[4];		/* of the solver */
	bool		lasso;
} wide;

/*
 * Sums of a tile: means += s_i x_ij, diagonal += s_i x_ij^2.
 */
static void
measure_tile(wide *f, const shape *s, const ml_block *block, uint32_t first, uint32_t n)
{
	const double *weight = block->weight + first;

	if (f->weight == 0)
		f->origin = block->target[first];
	for (uint32_t i = 0; i < n; i++)
	{
		f->weight += weight[i];
		f->target += weight[i] * (block->target[first + i] - f->origin);
	}
	for (uint32_t j = 0; j < s->ndense; j++)
	{
		const double *x = block->dense + (size_t) j * block->stride + first;

		for (uint32_t i = 0; i < n; i++)
		{
			f->means[j] += weight[i] * x[i];
			f->diagonal[j] += weight[i] * x[i] * x[i];
		}
	}
	for (uint32_t k = 0; k < s->ncategories; k++)
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	hot = block->hot[(size_t) k * block->stride + first + i];

			if (hot != ML_NO_TERM)
			{
				f->means[hot] += weight[i];
				f->diagonal[hot] += weight[i];
			}
		}
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
			{
				double		x = (double) block->values[k];

				f->means[block->ids[k]] += weight[i] * x;
				f->diagonal[block->ids[k]] += weight[i] * x * x;
			}
}

/* The other sums: diagonal += s_i |x_ij| |x_i|_1, numbers about their means. */
static void
bound_tile(wide *f, const shape *s, const ml_block *block, uint32_t first, uint32_t n)
{
	double		sizes[TILE] = {0};

	for (uint32_t j = 0; j < s->ndense; j++)
		for (uint32_t i = 0; i < n; i++)
			sizes[i] += fabs(block->dense[(size_t) j * block->stride + first + i] - f->means[j]);
	for (uint32_t k = 0; k < s->ncategories; k++)
		for (uint32_t i = 0; i < n; i++)
			sizes[i] += block->hot[(size_t) k * block->stride + first + i] != ML_NO_TERM;
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				sizes[i] += fabs((double) block->values[k]);
	for (uint32_t i = 0; i < n; i++)
		sizes[i] *= block->weight[first + i];
	for (uint32_t j = 0; j < s->ndense; j++)
		for (uint32_t i = 0; i < n; i++)
			f->diagonal[j] += sizes[i] *
				fabs(block->dense[(size_t) j * block->stride + first + i] - f->means[j]);
	for (uint32_t k = 0; k < s->ncategories; k++)
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	hot = block->hot[(size_t) k * block->stride + first + i];

			if (hot != ML_NO_TERM)
				f->diagonal[hot] += sizes[i];
		}
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				f->diagonal[block->ids[k]] += sizes[i] * fabs((double) block->values[k]);
}

typedef void (*look_at_tile) (wide *f, const shape *s, const ml_block *block, uint32_t first,
							  uint32_t n);

static ml_status
each_tile(ml_context *ctx, wide *f, look_at_tile look)
{
	ml_design  *design = f->problem->design;
	shape		s = shape_of(design);
	const ml_block *block;

	ML_TRY(ml_design_begin(ctx, design, f->parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, design, &block));
		if (block == NULL)
			return ML_OK;
		for (uint32_t first = 0; first < block->n; first += TILE)
		{
			uint32_t	n = ML_MIN(block->n - first, (uint32_t) TILE);

			look(f, &s, block, first, n);
			ML_TRY(poll_tile(ctx, &s, block, first, n));
		}
	}
}

static ml_status
measure(ml_context *ctx, wide *f)
{
	ML_TRY(each_tile(ctx, f, measure_tile));
	if (!(f->weight > 0))
		return ml_fail(ctx, ML_BAD_DATA, "there are no rows to learn from");
	f->target = f->origin + f->target / f->weight;
	for (uint32_t j = 0; j < f->n; j++)
	{
		f->means[j] /= f->weight;
		f->diagonal[j] = f->lasso ? 0 :
			ML_MAX(f->diagonal[j] - f->weight * f->means[j] * f->means[j], 0);
	}
	return f->lasso ? each_tile(ctx, f, bound_tile) : ML_OK;
}

static inline bool
excluded(const wide *f, uint32_t j)
{
	return f->problem->excluded != NULL && f->problem->excluded[j];
}

/*
 * products := X~'S (y - mean - X~ w) if residual, else X~'S X~ w; *squares: of
 * what X~'S is applied to.
 */
static ml_status
apply(ml_context *ctx, wide *f, const double *w, bool residual, double *squares)
{
	ml_regression_pass pass = {.w = w, .residual = residual, .products = f->products};

	pass.bias = residual ? f->target : 0;
	for (uint32_t j = 0; j < f->n; j++)
		pass.bias -= f->means[j] * w[j];
	memset(f->products, 0, f->n * sizeof(double));
	ML_TRY(ml_regression_sum(ctx, f->problem, f->parts, &pass));
	for (uint32_t j = 0; j < f->n; j++)
		f->products[j] = excluded(f, j) ? 0 : f->products[j] - f->means[j] * pass.sum;
	*squares = pass.squares;
	return ML_OK;
}

static ml_status
open_wide(ml_context *ctx, ml_arena *arena, wide *f)
{
	double	  **arrays[VECTORS] = {
		&f->means, &f->diagonal, &f->b, &f->products,
		&f->vectors[0], &f->vectors[1], &f->vectors[2], &f->vectors[3]
	};

	for (int i = 0; i < VECTORS; i++)
	{
		void	   *memory;

		ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(f->n, sizeof(double)), &memory));
		*arrays[i] = memory;
	}
	ML_TRY(measure(ctx, f));
	/* the fourth vector is 0 */
	ML_TRY(apply(ctx, f, f->vectors[3], true, &f->total));
	memcpy(f->b, f->products, f->n * sizeof(double));
	if (isfinite(f->total) && isfinite(f->target))
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "numbers are too large for least squares");
	return ml_hint(ctx, "Divide the target by a constant.");
}

/* ---------- conjugate gradients ---------- */

static double
dot(const double *a, const double *b, uint32_t n)
{
	double		sum = 0;

	for (uint32_t j = 0; j < n; j++)
		sum += a[j] * b[j];
	return sum;
}

/* z = r in the metric: r_j / (A_jj), 0 where a feature does not vary. */
static void
precondition(const wide *f, double ridge, const double *r, double *z)
{
	for (uint32_t j = 0; j < f->n; j++)
	{
		double		own = f->diagonal[j] + ridge;

		z[j] = own > 0 && !excluded(f, j) ? r[j] / own : 0;
	}
}

static ml_status
conjugate_gradients(ml_context *ctx, wide *f, double *w, ml_linear_report *report)
{
	const ml_options *options = f->problem->options;
	double		ridge = f->weight * options->alpha;
	double	   *r = f->vectors[0];
	double	   *z = f->vectors[1];
	double	   *p = f->vectors[2];
	double		size;
	double		first;
	double		unused;

	memset(w, 0, f->n * sizeof(double));
	memcpy(r, f->b, f->n * sizeof(double));
	precondition(f, ridge, r, z);
	memcpy(p, z, f->n * sizeof(double));
	first = size = dot(r, z, f->n);
	report->converged = !(first > 0);
	while (!report->converged && report->epochs < options->epochs)
	{
		double		curvature;
		double		step;
		double		before = size;

		ML_TRY(apply(ctx, f, p, false, &unused));
		for (uint32_t j = 0; j < f->n; j++)
			f->products[j] += ridge * p[j];
		curvature = dot(p, f->products, f->n);
		if (!(curvature > 0))
			break;
		step = size / curvature;
		for (uint32_t j = 0; j < f->n; j++)
		{
			w[j] += step * p[j];
			r[j] -= step * f->products[j];
		}
		precondition(f, ridge, r, z);
		size = dot(r, z, f->n);
		for (uint32_t j = 0; j < f->n; j++)
			p[j] = z[j] + size / before * p[j];
		report->converged = sqrt(size) <= options->tolerance * sqrt(first);
		ml_regression_note(ctx, f->problem, f->parts,
						   ML_MAX(f->total - dot(w, f->b, f->n) - dot(w, r, f->n) -
								  ridge * dot(w, w, f->n), 0) / (2 * f->weight), report);
	}
	return ML_OK;
}

/* ---------- FISTA ---------- */

static inline double
soft(double value, double limit)
{
	return value > limit ? value - limit : value < -limit ? value + limit : 0;
}

/*
 * The duality gap at v, as in least_squares_net.c, from products = X~'S r and
 * squares = r'S r.
 */
static double
gap_of(const wide *f, const double *v, double limit, double ridge, double squares)
{
	double		bound = 0;
	double		norm = 0;
	double		own = 0;
	double		c;

	for (uint32_t j = 0; j < f->n; j++)
	{
		bound = ML_MAX(bound, fabs(f->products[j] - ridge * v[j]));
		norm += fabs(v[j]);
		own += v[j] * v[j];
	}
	c = bound > limit ? limit / bound : 1;
	return 0.5 * squares * (1 + c * c) + limit * norm -
		c * (f->total - dot(v, f->b, f->n)) + 0.5 * ridge * (1 + c * c) * own;
}

/* The terms of a penalised sum of squares, W times those of the objective. */
typedef struct terms
{
	double		limit;			/* of |w|_1 */
	double		ridge;			/* of |w|^2 / 2 */
} terms;

/*
 * w := the step from v; v := beyond it.  Momentum ends where it leads uphill.
 * Returns whether a sign has changed.
 */
static bool
step_fista(const wide *f, terms t, double *w, double *v, double *momentum)
{
	double		next = (1 + sqrt(1 + 4 * *momentum * *momentum)) / 2;
	double	   *last = f->vectors[1];
	double		uphill = 0;
	double		share;
	bool		changed = false;

	memcpy(last, w, f->n * sizeof(double));
	for (uint32_t j = 0; j < f->n; j++)
	{
		double		own = f->diagonal[j];

		w[j] = own > 0 && !excluded(f, j) ?
			soft(own * v[j] + f->products[j], t.limit) / (own + t.ridge) : 0;
		uphill += own * (v[j] - w[j]) * (w[j] - last[j]);
		changed |= (w[j] > 0) != (last[j] > 0) || (w[j] < 0) != (last[j] < 0);
	}
	if (uphill > 0)
		next = 1;
	share = uphill > 0 ? 0 : (*momentum - 1) / next;
	for (uint32_t j = 0; j < f->n; j++)
		v[j] = w[j] + share * (w[j] - last[j]);
	*momentum = next;
	return changed;
}

/* The objective, W times, at w: squares of its residuals are given. */
static double
objective_at(const wide *f, terms t, const double *w, double squares)
{
	double		sum = 0.5 * squares;

	for (uint32_t j = 0; j < f->n; j++)
		sum += t.limit * fabs(w[j]) + 0.5 * t.ridge * w[j] * w[j];
	return sum;
}

/*
 * w := w + d, weights that would change their sign being 0; *safe: the longest
 * part of that way on which none does, where the objective is surely lower.
 */
static void
go_in_face(const wide *f, double *w, const double *d, double *safe)
{
	double		part = 1;

	for (uint32_t j = 0; j < f->n; j++)
		if (w[j] != 0 && w[j] * d[j] < 0)
			part = ML_MIN(part, -w[j] / d[j]);
	for (uint32_t j = 0; j < f->n; j++)
	{
		double		to = w[j] + d[j];

		/* the one that ends at 0 may miss it by a bit */
		safe[j] = (w[j] + part * d[j]) * w[j] > 0 ? w[j] + part * d[j] : 0;
		w[j] = to * w[j] > 0 ? to : 0;
	}
}

/*
 * From w towards the optimum among the weights that are not 0, their signs as
 * they are; *objective: that at w before.
 */
static ml_status
search_face(ml_context *ctx, wide *f, terms t, double *w, double *objective,
			ml_linear_report *report)
{
	double	   *d = f->vectors[0];
	double	   *r = f->vectors[1];
	double	   *p = f->vectors[2];
	double		size = 0;
	double		first;
	double		squares;

	ML_TRY(apply(ctx, f, w, true, &squares));
	ml_regression_note(ctx, f->problem, f->parts, squares / (2 * f->weight), report);
	*objective = objective_at(f, t, w, squares);
	memset(d, 0, f->n * sizeof(double));
	for (uint32_t j = 0; j < f->n; j++)
	{
		r[j] = w[j] == 0 ? 0 : f->products[j] - t.ridge * w[j] - copysign(t.limit, w[j]);
		p[j] = w[j] == 0 ? 0 : r[j] / (f->diagonal[j] + t.ridge);
		size += r[j] * p[j];
	}
	first = size;
	for (int i = 0; i < FACE_STEPS && size > FACE_TOLERANCE * first; i++)
	{
		double		curvature = 0;
		double		length = 0;
		double		step;
		double		before = size;

		ML_TRY(apply(ctx, f, p, false, &squares));
		report->epochs++;
		for (uint32_t j = 0; j < f->n; j++)
		{
			curvature += p[j] * (f->products[j] + t.ridge * p[j]);
			length += (f->diagonal[j] + t.ridge) * p[j] * p[j];
		}
		if (!(curvature > FLAT * length))
			break;
		step = size / curvature;
		size = 0;
		for (uint32_t j = 0; j < f->n; j++)
		{
			d[j] += step * p[j];
			r[j] -= w[j] == 0 ? 0 : step * (f->products[j] + t.ridge * p[j]);
			size += w[j] == 0 ? 0 : r[j] * r[j] / (f->diagonal[j] + t.ridge);
		}
		for (uint32_t j = 0; j < f->n; j++)
			p[j] = w[j] == 0 ? 0 : r[j] / (f->diagonal[j] + t.ridge) + size / before * p[j];
	}
	go_in_face(f, w, d, f->vectors[3]);
	return ML_OK;
}

/*
 * Residuals at v.  "before": the objective before a face was searched, or
 * infinity; where it is higher now, too many weights have become 0 and v and w
 * go to where it is lower.
 */
static ml_status
look_from(ml_context *ctx, wide *f, terms t, double before, double *w, double *v,
		  double *squares)
{
	ML_TRY(apply(ctx, f, v, true, squares));
	if (!(objective_at(f, t, v, *squares) > before))
		return ML_OK;
	memcpy(w, f->vectors[3], f->n * sizeof(double));
	memcpy(v, w, f->n * sizeof(double));
	return apply(ctx, f, v, true, squares);
}

static ml_status
fista(ml_context *ctx, wide *f, double *w, bool warm, ml_linear_report *report)
{
	const ml_options *options = f->problem->options;
	terms		t = {
		.limit = f->weight * options->alpha * options->l1_ratio,
		.ridge = f->weight * options->alpha * (1 - options->l1_ratio)
	};
	double	   *v = f->vectors[0];
	double		momentum = 1;
	double		before = INFINITY;
	int			settled = 0;
	int			steps = 0;

	if (!warm)
		memset(w, 0, f->n * sizeof(double));
	memcpy(v, w, f->n * sizeof(double));
	report->converged = !(f->total > 0);
	while (!report->converged && report->epochs < options->epochs)
	{
		double		squares;

		ML_TRY(look_from(ctx, f, t, before, w, v, &squares));
		before = INFINITY;
		report->converged = gap_of(f, v, t.limit, t.ridge, squares) <= options->tolerance * f->total;
		settled = step_fista(f, t, w, v, &momentum) ? 0 : settled + 1;
		steps++;
		ml_regression_note(ctx, f->problem, f->parts, squares / (2 * f->weight), report);
		if (report->converged || (settled < SETTLED && steps < PATIENCE) ||
			report->epochs + FACE_STEPS > options->epochs)
			continue;
		ML_TRY(search_face(ctx, f, t, w, &before, report));
		memcpy(v, w, f->n * sizeof(double));
		momentum = 1;
		settled = steps = 0;
	}
	return ML_OK;
}

/* ---------- the fit ---------- */

static void
say_minimum_norm(ml_context *ctx, const wide *f)
{
	char		text[ML_TEXT_MAX];

	if (ctx->host->log == NULL)
		return;
	ml_print(text, sizeof(text),
			 "linear regression on %u features without penalty: where several solutions fit equally well, the one of minimum norm is taken",
			 f->n);
	ctx->host->log(ctx->host->user, text);
}

ml_status
ml_regression_wide(ml_context *ctx, const ml_problem *problem, uint32_t parts,
				   ml_solution *solution, ml_linear_report *report)
{
	const ml_options *options = problem->options;
	ml_arena	arena = {0};
	wide		f = {.problem = problem, .parts = parts, .n = problem->nfeatures};
	ml_status	status;

	f.lasso = options->alpha > 0 && options->l1_ratio > 0;
	if (options->alpha == 0 && !solution->fitted)
		say_minimum_norm(ctx, &f);
	status = open_wide(ctx, &arena, &f);
	if (status == ML_OK)
		status = f.lasso ? fista(ctx, &f, solution->weights, solution->fitted, report) :
			conjugate_gradients(ctx, &f, solution->weights, report);
	if (status == ML_OK)
	{
		solution->bias[0] = f.target - dot(f.means, solution->weights, f.n);
		memset(solution->dropped, 0, f.n * sizeof(bool));
		for (uint32_t j = 0; j < f.n; j++)
			solution->std_error[j] = NAN;
		solution->bias_std_error = NAN;
		solution->has_errors = false;
		solution->freedom = 0;
	}
	ml_arena_free(ctx, &arena);
	return status;
}
