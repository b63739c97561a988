/*-------------------------------------------------------------------------
 *
 * linear_logistic.c
 *	  Logistic and softmax regression by limited-memory quasi-Newton.
 *
 *	  f(W, b) = (1 - r)/2 |W|^2 + r |W|_1 + C sum_i s_i loss(W x_i + b)
 *
 * L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) with
 * backtracking, and the Hessian's diagonal at W = 0 to begin with: frequent
 * features curve thousands of times more than rare ones.  With an L1 part OWL-QN (Andrew and Gao, Scalable Training of
 * L1-Regularized Log-Linear Models, ICML 2007): the pseudo-gradient in place of
 * the gradient, and steps that stay in one orthant.  Each iteration is one
 * sequential pass over the rows, which suits rows that lie in a file, needs no
 * memory per row, and reaches the optimum of the objective, whatever the
 * weights; the bias is free of any penalty.
 *
 * Vectors hold [nfeatures, width] weights and then width biases.  Sums over
 * vectors and losses are in double.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/linear.h"

#include "base/mem.h"
#include "base/math.h"

#define HISTORY			6		/* pairs that approximate the curvature */
#define VECTORS			(5 + 2 * HISTORY)
#define HALVINGS		25
#define ARMIJO			1e-4

typedef struct logistic
{
	size_t		n;				/* floats of a vector */
	size_t		nweights;		/* of them penalised: the first */
	float	   *memory;			/* all vectors */
	float	   *w;				/* the solution */
	float	   *g;				/* gradient there, L1 left out */
	float	   *d;				/* direction */
	float	   *trial;
	float	   *trial_g;
	float	   *inverse;		/* [nfeatures + 1], of the Hessian's diagonal */
	float	   *s[HISTORY];
	float	   *y[HISTORY];
	double		rho[HISTORY];	/* 1 / (s.y) */
	int			pairs;
	int			newest;
	double		loss;			/* mean loss of the last evaluation */
	double		total;			/* sum of s_i of it */
	float	   *sums;			/* [width] of a row */
	double	   *bias_sums;		/* [width] */
} logistic;

static size_t
vector_size(const ml_linear *linear, uint32_t width)
{
	/* a multiple of the cache line */
	return ml_size_align(ml_size_mul(ml_size_add(ml_rows_indexed(linear->rows)->nfeatures, 1),
									 width * sizeof(float)), ML_ALIGN);
}

static size_t
logistic_memory(const ml_linear *linear, uint32_t width)
{
	return ml_size_add(ml_size_mul(vector_size(linear, width), VECTORS),
					   vector_size(linear, 1));
}

static ml_status
logistic_open(ml_context *ctx, ml_linear *linear)
{
	size_t		size = vector_size(linear, linear->width);
	void	   *memory;
	logistic   *l;
	float	   *next;

	ML_TRY(ml_alloc_zero(ctx, sizeof(logistic), &memory));
	l = linear->solver = memory;
	l->nweights = (size_t) ml_rows_indexed(linear->rows)->nfeatures * linear->width;
	l->n = l->nweights + linear->width;
	ML_TRY(ml_alloc(ctx, linear->width * sizeof(float), &memory));
	l->sums = memory;
	ML_TRY(ml_alloc(ctx, linear->width * sizeof(double), &memory));
	l->bias_sums = memory;
	ML_TRY(ml_alloc(ctx, vector_size(linear, 1), &memory));
	l->inverse = memory;
	ML_TRY(ml_alloc(ctx, ml_size_mul(size, VECTORS), &memory));
	l->memory = next = memory;
	l->w = next;
	l->g = next += size / sizeof(float);
	l->d = next += size / sizeof(float);
	l->trial = next += size / sizeof(float);
	l->trial_g = next += size / sizeof(float);
	for (int i = 0; i < HISTORY; i++)
	{
		l->s[i] = next += size / sizeof(float);
		l->y[i] = next += size / sizeof(float);
	}
	return ML_OK;
}

static void
logistic_close(ml_context *ctx, ml_linear *linear)
{
	logistic   *l = linear->solver;

	ml_release(ctx, l->memory);
	ml_release(ctx, l->inverse);
	ml_release(ctx, l->sums);
	ml_release(ctx, l->bias_sums);
	ml_release(ctx, l);
}

static void
logistic_restart(ml_linear *linear)
{
	logistic   *l = linear->solver;

	memset(l->w, 0, l->n * sizeof(float));
}

/* u = idf x w, and the bias. */
static void
publish(ml_linear *linear, const float *w)
{
	const logistic *l = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	uint32_t	width = linear->width;

	for (size_t i = 0; i < index->nfeatures; i++)
		for (uint32_t c = 0; c < width; c++)
			linear->u[i * width + c] = index->idf[i] * w[i * width + c];
	memcpy(linear->bias, w + l->nweights, width * sizeof(float));
}

static ml_status
logistic_reweigh(ml_context *ctx, ml_linear *linear)
{
	logistic   *l = linear->solver;

	publish(linear, l->w);
	return ML_OK;
}

static double
dot(const float *a, const float *b, size_t n)
{
	double		sums[4] = {0, 0, 0, 0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			sums[k] += (double) a[i + k] * b[i + k];
	for (; i < n; i++)
		sums[0] += (double) a[i] * b[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* a += scale x b */
static void
add(float *a, const float *b, float scale, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a[i] += scale * b[i];
}

/*
 * -ln P(label) of one row from its scores, which become P(c) - [c = label].
 */
static double
residuals(float *scores, uint32_t nscores, uint32_t label)
{
	double		highest = scores[0];
	double		own;
	double		sum = 0;

	if (nscores == 1)
	{
		double		margin = label == 1 ? scores[0] : -scores[0];

		scores[0] = (float) (ml_sigmoid(scores[0]) - (label == 1));
		return margin > 0 ? ml_log(1 + ml_exp(-margin)) : ml_log(1 + ml_exp(margin)) - margin;
	}
	for (uint32_t c = 1; c < nscores; c++)
		highest = ML_MAX(highest, scores[c]);
	own = scores[label] - highest;
	for (uint32_t c = 0; c < nscores; c++)
	{
		double		e = ml_exp(scores[c] - highest);

		sum += e;
		scores[c] = (float) e;
	}
	for (uint32_t c = 0; c < nscores; c++)
		scores[c] = (float) (scores[c] / sum - (c == label));
	return ml_log(sum) - own;
}

static double
logistic_value(const float *scores, uint32_t n, uint32_t first, uint32_t nscores,
			   uint32_t label)
{
	double		highest = scores[0];
	double		sum = 0;

	if (nscores == 1)
	{
		double		margin = label == 1 ? scores[0] : -scores[0];

		return margin > 0 ? ml_log(1 + ml_exp(-margin)) : ml_log(1 + ml_exp(margin)) - margin;
	}
	for (uint32_t c = 1; c < n; c++)
		highest = ML_MAX(highest, scores[c]);
	for (uint32_t c = 0; c < n; c++)
		sum += ml_exp(scores[c] - highest);
	return ml_log(sum) + highest - scores[label - first];
}

/* Loss of one row; its part of the gradient with respect to u into g. */
static void
add_row(ml_linear *linear, logistic *l, const ml_row *row, float *g)
{
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	const ml_rows_data *data = ml_rows_get(linear->rows);
	float		scale = ml_row_scale(index, data->length[row->number]);
	float		weight = ml_linear_weight(linear, data, row->number);
	float		c = (float) linear->options->c * weight;
	uint32_t	width = linear->width;

	if (weight <= 0)
		return;
	if (width == 1)
		l->sums[0] = linear->kernel->row_dot(linear->u, row->words, row->n, index->tf);
	else
		linear->kernel->row_dot_wide(l->sums, linear->u, width, row->words, row->n, index->tf);
	for (uint32_t k = 0; k < linear->n; k++)
		l->sums[k] = l->sums[k] * scale + linear->bias[k];
	l->loss += weight * residuals(l->sums, linear->nscores, data->label[row->number]);
	l->total += weight;
	for (uint32_t k = 0; k < width; k++)
	{
		float		residual = k < linear->n ? c * l->sums[k] : 0;

		l->bias_sums[k] += residual;
		l->sums[k] = residual * scale;
	}
	if (width == 1)
		linear->kernel->row_add(g, row->words, row->n, index->tf, NULL, l->sums[0]);
	else
		linear->kernel->row_add_wide(g, width, row->words, row->n, index->tf, NULL, l->sums);
}

/* Objective at w, and its gradient but for the L1 part. */
static ml_status
evaluate(ml_context *ctx, ml_linear *linear, const float *w, uint32_t parts, float *g,
		 double *objective)
{
	logistic   *l = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	double		r = linear->options->l1_ratio;
	uint32_t	width = linear->width;
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;
	double		absolute = 0;

	publish(linear, w);
	memset(g, 0, l->n * sizeof(float));
	memset(l->bias_sums, 0, width * sizeof(double));
	l->loss = l->total = 0;
	ML_TRY(ml_rows_begin(ctx, linear->rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, linear->rows, &group, &n));
		if (n == 0)
			break;
		for (uint32_t i = 0; i < n; i++)
		{
			add_row(linear, l, &group[i], g);
			if (ml_linear_due(linear, &work, 2 * group[i].n + 4 * linear->n))
				ML_TRY(ml_poll(ctx));
		}
	}
	for (size_t i = 0; i < index->nfeatures; i++)
		for (uint32_t c = 0; c < width; c++)
			g[i * width + c] = index->idf[i] * g[i * width + c] +
				(float) (1 - r) * w[i * width + c];
	for (uint32_t c = 0; c < width; c++)
		g[l->nweights + c] = (float) l->bias_sums[c];
	if (r > 0)
		for (size_t i = 0; i < l->nweights; i++)
			absolute += fabsf(w[i]);
	*objective = linear->options->c * l->loss + r * absolute +
		(1 - r) / 2 * dot(w, w, l->nweights);
	return ml_poll(ctx);
}

/*
 * The inverse of the Hessian's diagonal at W = 0, where each class has the
 * probability 1 / classes: the same for all classes.
 */
static ml_status
precondition(ml_context *ctx, ml_linear *linear, uint32_t parts)
{
	logistic   *l = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	const ml_rows_data *data = ml_rows_get(linear->rows);
	double		p = 1.0 / linear->nclasses;
	double		bias = 0;
	float		square[ML_COUNTED_MAX + 1];
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;

	for (uint32_t i = 0; i <= ML_COUNTED_MAX; i++)
		square[i] = index->tf[i] * index->tf[i];
	memset(l->inverse, 0, ml_size_mul(index->nfeatures, sizeof(float)));
	ML_TRY(ml_rows_begin(ctx, linear->rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, linear->rows, &group, &n));
		if (n == 0)
			break;
		for (uint32_t i = 0; i < n; i++)
		{
			float		scale = ml_row_scale(index, data->length[group[i].number]);
			double		weight = linear->options->c * p * (1 - p) *
				ml_linear_weight(linear, data, group[i].number);

			bias += weight;
			linear->kernel->row_add(l->inverse, group[i].words, group[i].n, square, index->idf,
									(float) weight * scale * scale);
			if (ml_linear_due(linear, &work, group[i].n))
				ML_TRY(ml_poll(ctx));
		}
	}
	for (size_t i = 0; i < index->nfeatures; i++)
		l->inverse[i] = 1 / (l->inverse[i] + 1);
	l->inverse[index->nfeatures] = (float) (1 / ML_MAX(bias, 1e-10));
	return ML_OK;
}

/* Element i of the (pseudo-)gradient: of those of f's subgradients the nearest to 0. */
static inline float
pseudo(const logistic *l, float r, size_t i)
{
	float		g = l->g[i];

	if (r == 0 || i >= l->nweights)
		return g;
	if (l->w[i] != 0)
		return l->w[i] > 0 ? g + r : g - r;
	return g + r < 0 ? g + r : (g - r > 0 ? g - r : 0);
}

/* a . (inverse x a), the inverse being that of the diagonal. */
static double
scaled_square(const logistic *l, const float *a, uint32_t width)
{
	double		sum = 0;

	for (size_t i = 0; i < l->n / width; i++, a += width)
	{
		float		square = 0;

		for (uint32_t c = 0; c < width; c++)
			square += a[c] * a[c];
		sum += (double) square * l->inverse[i];
	}
	return sum;
}

/* d = -H x gradient, by the two loops over the history. */
static ml_status
direction(ml_context *ctx, logistic *l, float r, uint32_t width)
{
	double		alpha[HISTORY];
	float		gamma = 1;

	for (size_t i = 0; i < l->n; i++)
		l->d[i] = -pseudo(l, r, i);
	for (int k = 0; k < l->pairs; k++)
	{
		int			p = (l->newest - k + HISTORY) % HISTORY;

		alpha[p] = l->rho[p] * dot(l->s[p], l->d, l->n);
		add(l->d, l->y[p], (float) -alpha[p], l->n);
		ML_TRY(ml_poll(ctx));
	}
	if (l->pairs > 0)
		gamma = (float) (1 / (l->rho[l->newest] * scaled_square(l, l->y[l->newest], width)));
	for (size_t i = 0; i < l->n / width; i++)
		for (uint32_t c = 0; c < width; c++)
			l->d[i * width + c] *= gamma * l->inverse[i];
	for (int k = l->pairs - 1; k >= 0; k--)
	{
		int			p = (l->newest - k + HISTORY) % HISTORY;
		double		beta = l->rho[p] * dot(l->y[p], l->d, l->n);

		add(l->d, l->s[p], (float) (alpha[p] - beta), l->n);
		ML_TRY(ml_poll(ctx));
	}
	if (r > 0)
		for (size_t i = 0; i < l->nweights; i++)
			if (l->d[i] * pseudo(l, r, i) >= 0)
				l->d[i] = 0;
	return ml_poll(ctx);
}

/* trial = w + step x d, kept in w's orthant; returns gradient.(trial - w). */
static double
move(logistic *l, float step, float r)
{
	double		slope = 0;

	for (size_t i = 0; i < l->n; i++)
	{
		float		g = pseudo(l, r, i);
		float		next = l->w[i] + step * l->d[i];

		if (r > 0 && i < l->nweights)
		{
			float		orthant = l->w[i] != 0 ? l->w[i] : -g;

			if (next * orthant <= 0)
				next = 0;
		}
		l->trial[i] = next;
		slope += (double) g * (next - l->w[i]);
	}
	return slope;
}

/* Accept the trial point; remember how the gradient changed. */
static void
accept(logistic *l)
{
	int			p = (l->newest + 1) % HISTORY;
	float	   *s = l->s[p];
	float	   *y = l->y[p];
	double		curvature;
	float	   *swap;

	for (size_t i = 0; i < l->n; i++)
	{
		s[i] = l->trial[i] - l->w[i];
		y[i] = l->trial_g[i] - l->g[i];
	}
	curvature = dot(s, y, l->n);
	if (curvature > 1e-10 * dot(y, y, l->n))
	{
		l->rho[p] = 1 / curvature;
		l->newest = p;
		l->pairs = ML_MIN(l->pairs + 1, HISTORY);
	}
	swap = l->w;
	l->w = l->trial;
	l->trial = swap;
	swap = l->g;
	l->g = l->trial_g;
	l->trial_g = swap;
}

/* One step down; *stuck when none was found. */
static ml_status
iterate(ml_context *ctx, ml_linear *linear, uint32_t parts, double *objective, bool *stuck)
{
	logistic   *l = linear->solver;
	float		r = (float) linear->options->l1_ratio;
	float		step = 1;

	ML_TRY(direction(ctx, l, r, linear->width));
	for (int k = 0; k < HALVINGS; k++, step *= 0.5f)
	{
		double		slope = move(l, step, r);
		double		value;

		if (!(slope < 0))
			break;
		ML_TRY(ml_poll(ctx));
		ML_TRY(evaluate(ctx, linear, l->trial, parts, l->trial_g, &value));
		if (value <= *objective + ARMIJO * slope)
		{
			*objective = value;
			accept(l);
			*stuck = false;
			return ML_OK;
		}
	}
	/* try once more, straight down the slope */
	*stuck = l->pairs == 0;
	l->pairs = 0;
	return ML_OK;
}

/* Largest element of the gradient, as a share of the sum of the weights. */
static double
steepness(const ml_linear *linear, const logistic *l)
{
	float		r = (float) linear->options->l1_ratio;
	float		highest = 0;

	for (size_t i = 0; i < l->n; i++)
		highest = ML_MAX(highest, fabsf(pseudo(l, r, i)));
	return highest / ML_MAX(linear->options->c * l->total, 1e-30);
}

static ml_status
logistic_fit(ml_context *ctx, ml_linear *linear, uint32_t parts, uint32_t stop_parts,
			 int epochs, ml_linear_report *report)
{
	logistic   *l = linear->solver;
	double		objective;
	bool		stop = false;

	l->pairs = 0;
	l->newest = 0;
	ML_TRY(precondition(ctx, linear, parts));
	ML_TRY(evaluate(ctx, linear, l->w, parts, l->g, &objective));
	for (int epoch = 1; epoch <= epochs && !stop; epoch++)
	{
		if (steepness(linear, l) <= linear->options->tolerance)
		{
			report->converged = true;
			break;
		}
		ML_TRY(iterate(ctx, linear, parts, &objective, &stop));
		ml_linear_epoch(ctx, linear, epoch, l->total > 0 ? l->loss / l->total : 0, report);
		if (stop_parts != 0)
		{
			bool		early;

			ML_TRY(ml_linear_early(ctx, linear, stop_parts, epoch, report, &early));
			stop |= early;
		}
	}
	publish(linear, l->w);
	return ML_OK;
}

const ml_loss_row ml_logistic = {
	.name = "logistic_regression",
	.lanes = 0,
	.l1 = true,
	.c = 10,
	.tolerance = 1e-4,
	.epochs = 100,
	.memory = logistic_memory,
	.open = logistic_open,
	.close = logistic_close,
	.restart = logistic_restart,
	.reweigh = logistic_reweigh,
	.fit = logistic_fit,
	.value = logistic_value,
};
