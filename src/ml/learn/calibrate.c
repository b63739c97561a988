/*-------------------------------------------------------------------------
 *
 * calibrate.c
 *	  Platt scaling for two classes, a temperature for more.
 *
 * Two classes: Newton's method on the negative log likelihood with Platt's
 * smoothed targets (Lin, Lin and Weng: A Note on Platt's Probabilistic Outputs
 * for Support Vector Machines, 2007, algorithm 1).  More: one slope for all
 * classes, which leaves the order of labels as it is; the likelihood is
 * concave in it, and Newton's method with bisection as its safeguard finds the
 * root of the derivative.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/calibrate.h"

#include "base/math.h"
#include "base/mem.h"

#define ITERATIONS	100
#define SLOPE_MIN	1e-4
#define SLOPE_MAX	1e4
#define POLL_SCORES	65536
#define PIECE		256		/* rows whose losses are found at once; divides POLL_SCORES */

/* Scores of n rows, passed around. */
typedef struct sample
{
	const float *scores;
	const uint32_t *labels;
	const float *weights;
	uint32_t	n;
	uint32_t	nscores;
	const ml_kernel *kernel;
} sample;

/* Losses of rows under a slope and an offset, summed up, and their derivatives. */
typedef struct likelihood
{
	double		loss;			/* negative log likelihood */
	double		g[2];			/* by slope and offset */
	double		h[3];			/* upper triangle */
} likelihood;

/* Rows i .. i + n - 1, at most PIECE, with targets high and low instead of 1 and 0. */
static void
add_likelihood(const sample *s, uint32_t i, uint32_t n, double slope, double offset, double high, double low,
			   likelihood *sum)
{
	double		scores[PIECE] = {0};
	double		targets[PIECE] = {0};
	double		weights[PIECE] = {0};
	double		first[PIECE];
	double		second[PIECE];

	for (uint32_t k = 0; k < n; k++)
	{
		scores[k] = slope * (double) s->scores[i + k] + offset;
		targets[k] = s->labels[i + k] == 1;
		weights[k] = (double) s->weights[i + k];
	}
	sum->loss += s->kernel->glm->logistic(first, second, scores, targets, weights, PIECE);
	for (uint32_t k = 0; k < n; k++)
	{
		double		x = (double) s->scores[i + k];
		double		rest = weights[k] * (targets[k] != 0 ? 1 - high : -low);

		sum->loss += rest * scores[k];
		first[k] += rest;
		sum->g[0] += first[k] * x;
		sum->g[1] += first[k];
		sum->h[0] += second[k] * x * x;
		sum->h[1] += second[k] * x;
		sum->h[2] += second[k];
	}
}

static ml_status
find_likelihood(ml_context *ctx, const sample *s, double slope, double offset, double high, double low,
				likelihood *sum)
{
	/* a ridge keeps the matrix invertible when all scores are equal */
	*sum = (likelihood) {.h = {1e-12, 0, 1e-12}};
	for (uint32_t i = 0; i < s->n; i += PIECE)
	{
		add_likelihood(s, i, ML_MIN(s->n - i, (uint32_t) PIECE), slope, offset, high, low, sum);
		if (i % POLL_SCORES == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
platt(ml_context *ctx, const sample *s, ml_calibration *result)
{
	double		positive = 0;
	double		negative = 0;
	double		high;
	double		low;
	double		slope = 1;
	double		offset = 0;
	likelihood	here;

	for (uint32_t i = 0; i < s->n; i++)
		*(s->labels[i] == 1 ? &positive : &negative) += s->weights[i];
	if (positive <= 0 || negative <= 0)
		return ML_OK;
	high = (positive + 1) / (positive + 2);
	low = 1 / (negative + 2);
	ML_TRY(find_likelihood(ctx, s, slope, offset, high, low, &here));
	for (int i = 0; i < ITERATIONS; i++)
	{
		const double *g = here.g;
		const double *h = here.h;
		double		det = h[0] * h[2] - h[1] * h[1];
		double		step[2] = {-(h[2] * g[0] - h[1] * g[1]) / det, -(h[0] * g[1] - h[1] * g[0]) / det};
		double		size = 1;
		likelihood	next = here;

		if (fabs(g[0]) + fabs(g[1]) < 1e-9 * (positive + negative) || !(det > 0))
			break;
		for (; size > 1e-10; size *= 0.5)
		{
			ML_TRY(find_likelihood(ctx, s, slope + size * step[0], offset + size * step[1], high, low, &next));
			if (next.loss < here.loss + 1e-4 * size * (g[0] * step[0] + g[1] * step[1]))
				break;
		}
		if (size <= 1e-10)
			break;
		slope += size * step[0];
		offset += size * step[1];
		here = next;
	}
	/* scores that point the wrong way on these rows are not to be turned round */
	if (slope >= SLOPE_MIN && slope <= SLOPE_MAX)
	{
		result->slope = slope;
		result->offset = offset;
	}
	return ML_OK;
}

/* Derivatives with respect to the slope of the mean log loss of one row. */
static void
temperature_row(const float *scores, uint32_t nscores, uint32_t label, double slope,
				double *first, double *second)
{
	double		highest = scores[0];
	double		sum = 0;
	double		mean = 0;
	double		square = 0;

	for (uint32_t c = 1; c < nscores; c++)
		highest = ML_MAX(highest, scores[c]);
	for (uint32_t c = 0; c < nscores; c++)
	{
		double		p = ml_exp(slope * (scores[c] - highest));

		sum += p;
		mean += p * scores[c];
		square += p * scores[c] * scores[c];
	}
	mean /= sum;
	*first = mean - scores[label];
	*second = square / sum - mean * mean;
}

static ml_status
temperature(ml_context *ctx, const sample *s, ml_calibration *result)
{
	double		low = SLOPE_MIN;
	double		high = SLOPE_MAX;
	double		slope = 1;

	for (int i = 0; i < ITERATIONS; i++)
	{
		double		g = 0;
		double		h = 0;
		double		next;
		uint32_t	work = 0;

		for (uint32_t k = 0; k < s->n; k++)
		{
			double		first;
			double		second;

			temperature_row(s->scores + (size_t) k * s->nscores, s->nscores, s->labels[k],
							slope, &first, &second);
			g += s->weights[k] * first;
			h += s->weights[k] * second;
			work += s->nscores;
			if (work > POLL_SCORES)
			{
				work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
		/* the loss is convex: the root lies where the derivative falls to 0 */
		if (g > 0)
			high = slope;
		else
			low = slope;
		next = h > 0 ? slope - g / h : 0;
		if (!(next > low && next < high))
			next = sqrt(low * high);
		if (fabs(next - slope) <= 1e-5 * slope)
			break;
		slope = next;
	}
	result->slope = slope;
	return ML_OK;
}

/* Mean log loss under the calibration found. */
static ml_status
measure(ml_context *ctx, const sample *s, ml_calibration *result)
{
	double		total = 0;
	double		loss = 0;
	uint32_t	work = 0;

	for (uint32_t i = 0; i < s->n; i++)
		total += s->weights[i];
	if (s->nscores == 1)
	{
		likelihood	found;

		ML_TRY(find_likelihood(ctx, s, result->slope, result->offset, 1, 0, &found));
		loss = found.loss;
	}
	for (uint32_t i = 0; i < s->n && s->nscores > 1; i++)
	{
		const float *scores = s->scores + (size_t) i * s->nscores;
		double		own = result->slope * scores[s->labels[i]];
		double		sum = 0;

		work += s->nscores;
		if (work > POLL_SCORES)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
		for (uint32_t c = 0; c < s->nscores; c++)
			sum += ml_exp(ML_MIN(result->slope * scores[c] - own, 700.0));
		loss += s->weights[i] * ml_log(sum);
	}
	result->loss = total > 0 ? loss / total : 0;
	return ML_OK;
}

ml_status
ml_calibrate(ml_context *ctx, const ml_kernel *kernel, const float *scores, const uint32_t *labels,
			 const float *weights, uint32_t n, uint32_t nscores, ml_calibration *result)
{
	sample		s = {scores, labels, weights, n, nscores, kernel};

	*result = (ml_calibration)
	{
		.slope = 1,.rows = n
	};
	if (n == 0)
		return ML_OK;
	if (nscores == 1)
		ML_TRY(platt(ctx, &s, result));
	else
		ML_TRY(temperature(ctx, &s, result));
	return measure(ctx, &s, result);
}

uint32_t
ml_calibrated(const ml_calibration *calibration, const float *scores, uint32_t nscores,
			  double *probabilities)
{
	double		highest = scores[0];
	double		sum = 0;
	uint32_t	best = 0;

	if (nscores == 1)
	{
		probabilities[1] = ml_sigmoid(calibration->slope * scores[0] + calibration->offset);
		probabilities[0] = 1 - probabilities[1];
		return probabilities[1] > 0.5;
	}
	for (uint32_t c = 1; c < nscores; c++)
		if (scores[c] > highest)
		{
			highest = scores[c];
			best = c;
		}
	for (uint32_t c = 0; c < nscores; c++)
		sum += probabilities[c] = ml_exp(calibration->slope * (scores[c] - highest));
	for (uint32_t c = 0; c < nscores; c++)
		probabilities[c] /= sum;
	return best;
}
