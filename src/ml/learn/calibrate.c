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

/* Scores of n rows, passed around. */
typedef struct sample
{
	const float *scores;
	const uint32_t *labels;
	const float *weights;
	uint32_t	n;
	uint32_t	nscores;
} sample;

/* ln(1 + e^x) */
static double
softplus(double x)
{
	return x > 0 ? x + ml_log(1 + ml_exp(-x)) : ml_log(1 + ml_exp(x));
}

/* Negative log likelihood of slope and offset, with targets high and low. */
static ml_status
platt_loss(ml_context *ctx, const sample *s, double slope, double offset, double high,
		   double low, double *loss)
{
	*loss = 0;
	for (uint32_t i = 0; i < s->n; i++)
	{
		double		z = slope * s->scores[i] + offset;
		double		target = s->labels[i] == 1 ? high : low;

		*loss += s->weights[i] * (softplus(z) - target * z);
		if (i % POLL_SCORES == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* First and second derivatives: g[2], and the upper triangle h[3]. */
static ml_status
platt_derivatives(ml_context *ctx, const sample *s, double slope, double offset, double high,
				  double low, double *g, double *h)
{
	g[0] = g[1] = 0;
	/* a ridge keeps the matrix invertible when all scores are equal */
	h[0] = h[2] = 1e-12;
	h[1] = 0;
	for (uint32_t i = 0; i < s->n; i++)
	{
		double		x = s->scores[i];
		double		p = ml_sigmoid(slope * x + offset);
		double		target = s->labels[i] == 1 ? high : low;
		double		first = s->weights[i] * (p - target);
		double		second = s->weights[i] * p * (1 - p);

		g[0] += first * x;
		g[1] += first;
		h[0] += second * x * x;
		h[1] += second * x;
		h[2] += second;
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
	double		loss;

	for (uint32_t i = 0; i < s->n; i++)
		*(s->labels[i] == 1 ? &positive : &negative) += s->weights[i];
	if (positive <= 0 || negative <= 0)
		return ML_OK;
	high = (positive + 1) / (positive + 2);
	low = 1 / (negative + 2);
	ML_TRY(platt_loss(ctx, s, slope, offset, high, low, &loss));
	for (int i = 0; i < ITERATIONS; i++)
	{
		double		g[2];
		double		h[3];
		double		det;
		double		step[2];
		double		size = 1;
		double		next = loss;

		ML_TRY(platt_derivatives(ctx, s, slope, offset, high, low, g, h));
		det = h[0] * h[2] - h[1] * h[1];
		if (fabs(g[0]) + fabs(g[1]) < 1e-9 * (positive + negative) || !(det > 0))
			break;
		step[0] = -(h[2] * g[0] - h[1] * g[1]) / det;
		step[1] = -(h[0] * g[1] - h[1] * g[0]) / det;
		for (; size > 1e-10; size *= 0.5)
		{
			ML_TRY(platt_loss(ctx, s, slope + size * step[0], offset + size * step[1], high, low,
							  &next));
			if (next < loss + 1e-4 * size * (g[0] * step[0] + g[1] * step[1]))
				break;
		}
		if (size <= 1e-10)
			break;
		slope += size * step[0];
		offset += size * step[1];
		loss = next;
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
	{
		const float *scores = s->scores + (size_t) i * s->nscores;
		double		own = result->slope * scores[0] + result->offset;
		double		sum = 0;

		total += s->weights[i];
		work += s->nscores;
		if (work > POLL_SCORES)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
		if (s->nscores == 1)
		{
			loss += s->weights[i] * softplus(s->labels[i] == 1 ? -own : own);
			continue;
		}
		own = result->slope * scores[s->labels[i]];
		for (uint32_t c = 0; c < s->nscores; c++)
			sum += ml_exp(ML_MIN(result->slope * scores[c] - own, 700.0));
		loss += s->weights[i] * ml_log(sum);
	}
	result->loss = total > 0 ? loss / total : 0;
	return ML_OK;
}

ml_status
ml_calibrate(ml_context *ctx, const float *scores, const uint32_t *labels,
			 const float *weights, uint32_t n, uint32_t nscores, ml_calibration *result)
{
	sample		s = {scores, labels, weights, n, nscores};

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
