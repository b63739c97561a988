/*-------------------------------------------------------------------------
 *
 * linear_logistic.c
 *	  Logistic and softmax regression by limited-memory quasi-Newton.
 *
 *	  f(W, b) = (1 - r)/2 |W|^2 + r |W|_1 + C sum_i s_i loss(W x_i + b)
 *
 * By the quasi-Newton core of quasi_template.h over vectors of floats, begun
 * from the Hessian's diagonal at W = 0.  Each iteration is one sequential pass
 * over the rows; it reaches the optimum of the objective, whatever the weights;
 * the bias is free of any penalty.
 *
 * Vectors hold [nfeatures, width] weights and then width biases.  Sums over
 * vectors and losses are in double.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/linear.h"

#include "base/math.h"

#define QUASI_REAL		float
#define QUASI_HISTORY	6
#include "learn/quasi_template.h"

typedef struct logistic
{
	quasi		core;
	uint32_t	parts;			/* of the fit under way */
	double		loss;			/* mean loss of the last evaluation */
	double		total;			/* sum of s_i of it */
	float	   *sums;			/* [width] of a row */
	double	   *bias_sums;		/* [width] */
} logistic;

static size_t
logistic_memory(const ml_linear *linear, uint32_t width)
{
	return quasi_memory(ml_rows_indexed(linear->rows)->nfeatures, width);
}

static ml_status evaluate(ml_context *ctx, void *arg, const float *w, float *g,
						  double *objective);

static ml_status
logistic_open(ml_context *ctx, ml_linear *linear)
{
	void	   *memory;
	logistic   *l;

	ML_TRY(ml_alloc_zero(ctx, sizeof(logistic), &memory));
	l = linear->solver = memory;
	ML_TRY(ml_alloc(ctx, linear->width * sizeof(float), &memory));
	l->sums = memory;
	ML_TRY(ml_alloc(ctx, linear->width * sizeof(double), &memory));
	l->bias_sums = memory;
	l->core.evaluate = evaluate;
	l->core.arg = linear;
	l->core.l1 = (float) linear->options->l1_ratio;
	return quasi_open(ctx, &l->core, ml_rows_indexed(linear->rows)->nfeatures, linear->width);
}

static void
logistic_close(ml_context *ctx, ml_linear *linear)
{
	logistic   *l = linear->solver;

	quasi_close(ctx, &l->core);
	ml_release(ctx, l->sums);
	ml_release(ctx, l->bias_sums);
	ml_release(ctx, l);
}

static void
logistic_restart(ml_linear *linear)
{
	logistic   *l = linear->solver;

	memset(l->core.w, 0, l->core.n * sizeof(float));
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
	memcpy(linear->bias, w + l->core.nweights, width * sizeof(float));
}

static ml_status
logistic_reweigh(ml_context *ctx, ml_linear *linear)
{
	logistic   *l = linear->solver;

	publish(linear, l->core.w);
	return ML_OK;
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
evaluate(ml_context *ctx, void *arg, const float *w, float *g, double *objective)
{
	ml_linear  *linear = arg;
	logistic   *l = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	double		r = linear->options->l1_ratio;
	uint32_t	width = linear->width;
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;
	double		absolute = 0;

	publish(linear, w);
	memset(g, 0, l->core.n * sizeof(float));
	memset(l->bias_sums, 0, width * sizeof(double));
	l->loss = l->total = 0;
	ML_TRY(ml_rows_begin(ctx, linear->rows, l->parts, NULL));
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
		g[l->core.nweights + c] = (float) l->bias_sums[c];
	if (r > 0)
		for (size_t i = 0; i < l->core.nweights; i++)
			absolute += fabsf(w[i]);
	*objective = linear->options->c * l->loss + r * absolute +
		(1 - r) / 2 * quasi_dot(w, w, l->core.nweights);
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
	memset(l->core.inverse, 0, ml_size_mul(index->nfeatures, sizeof(float)));
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
			linear->kernel->row_add(l->core.inverse, group[i].words, group[i].n, square, index->idf,
									(float) weight * scale * scale);
			if (ml_linear_due(linear, &work, group[i].n))
				ML_TRY(ml_poll(ctx));
		}
	}
	for (size_t i = 0; i < index->nfeatures; i++)
		l->core.inverse[i] = 1 / (l->core.inverse[i] + 1);
	l->core.inverse[index->nfeatures] = (float) (1 / ML_MAX(bias, 1e-10));
	return ML_OK;
}

/* Largest element of the gradient, as a share of the sum of the weights. */
static double
steepness(const ml_linear *linear, const logistic *l)
{
	float		highest = 0;

	for (size_t i = 0; i < l->core.n; i++)
		highest = ML_MAX(highest, fabsf(quasi_pseudo(&l->core, i)));
	return highest / ML_MAX(linear->options->c * l->total, 1e-30);
}

static ml_status
logistic_fit(ml_context *ctx, ml_linear *linear, uint32_t parts, uint32_t stop_parts,
			 int epochs, ml_linear_report *report)
{
	logistic   *l = linear->solver;
	double		objective;
	bool		stop = false;

	l->parts = parts;
	ML_TRY(precondition(ctx, linear, parts));
	ML_TRY(quasi_begin(ctx, &l->core, &objective));
	for (int epoch = 1; epoch <= epochs && !stop; epoch++)
	{
		if (steepness(linear, l) <= linear->options->tolerance)
		{
			report->converged = true;
			break;
		}
		ML_TRY(quasi_iterate(ctx, &l->core, &objective, &stop));
		ml_linear_epoch(ctx, linear, epoch, l->total > 0 ? l->loss / l->total : 0, report);
		if (stop_parts != 0)
		{
			bool		early;

			ML_TRY(ml_linear_early(ctx, linear, stop_parts, epoch, report, &early));
			stop |= early;
		}
	}
	publish(linear, l->core.w);
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
