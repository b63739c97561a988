/*-------------------------------------------------------------------------
 *
 * glm_ref.c
 *	  The loops of smooth losses in plain C (kernel.h).
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/glm.h"

#include "base/math.h"

static void
columns_dot(double *sums, const double *columns, size_t stride, size_t ncolumns,
			const double *weights, size_t n)
{
	for (size_t j = 0; j < ncolumns; j++)
		for (size_t r = 0; r < n; r++)
			sums[r] += weights[j] * columns[j * stride + r];
}

/* In eight sums, as the lanes of the other levels. */
static void
columns_sums(double *sums, const double *columns, size_t stride, size_t ncolumns,
			 const double *factors, size_t n)
{
	for (size_t j = 0; j < ncolumns; j++)
	{
		const double *x = columns + j * stride;
		double		parts[8] = {0};

		for (size_t r = 0; r < n; r += 8)
			for (size_t k = 0; k < 8; k++)
				parts[k] += factors[r + k] * x[r + k];
		sums[j] += ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
			((parts[4] + parts[5]) + (parts[6] + parts[7]));
	}
}

static void
panel_scale(double *to, const double *from, const double *factors, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (size_t j = 0; j < 8; j++)
			to[8 * r + j] = from[8 * r + j] * factors[r];
}

static void
levels_add(double *sums, const size_t *offsets, const uint32_t *levels, const double *panels,
		   size_t stride, size_t npanels, const double *factors, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (size_t p = 0; p < npanels && levels[r] != ML_GLM_NO_LEVEL; p++)
			for (size_t j = 0; j < 8; j++)
				sums[offsets[levels[r]] + 8 * p + j] += factors[r] * panels[p * stride + 8 * r + j];
}

/* ln(1 + e), 0 <= e <= 1: small ones keep their digits. */
static double
log_of_one_and(double e)
{
	double		sum = 1 + e;

	return sum == 1 ? e : ml_log(sum) * (e / (sum - 1));
}

static double
logistic(double *slopes, double *curves, const double *scores, const double *targets,
		 const double *weights, size_t n)
{
	double		sum = 0;

	for (size_t r = 0; r < n; r++)
	{
		double		score = scores[r];
		double		e = ml_exp(-fabs(score));
		double		near = 1 / (1 + e);	/* probability of the class that the score is for */
		double		far = e * near;
		bool		positive = targets[r] > 0.5;
		bool		right = (score >= 0) == positive;

		slopes[r] = weights[r] * (positive ? -(right ? far : near) : right ? far : near);
		curves[r] = weights[r] * (far * near);
		sum += weights[r] * (log_of_one_and(e) + (right ? 0 : fabs(score)));
	}
	return sum;
}

static double
softmax(double *slopes, double *scores, size_t stride, size_t nscores, const double *targets,
		const double *weights, size_t n)
{
	double		sum = 0;

	for (size_t r = 0; r < n; r++)
	{
		double		highest = scores[r];
		double		own = 0;
		double		total = 0;

		for (size_t c = 0; c < nscores; c++)
		{
			double		score = scores[c * stride + r];

			highest = score > highest ? score : highest;
			own = targets[r] == (double) c ? score : own;
		}
		for (size_t c = 0; c < nscores; c++)
			total += scores[c * stride + r] = ml_exp(scores[c * stride + r] - highest);
		for (size_t c = 0; c < nscores; c++)
		{
			double		p = scores[c * stride + r] / total;

			scores[c * stride + r] = p;
			slopes[c * stride + r] = weights[r] * (p - (targets[r] == (double) c));
		}
		sum += weights[r] * (ml_log(total) + (highest - own));
	}
	return sum;
}

static double
squared_hinge(double *slopes, double *curves, const double *scores, const double *targets, double own,
			  const double *weights, size_t n)
{
	double		sum = 0;

	for (size_t r = 0; r < n; r++)
	{
		double		y = targets[r] == own ? 1 : -1;
		double		margin = 1 - y * scores[r];
		bool		counts = !(margin <= 0);

		margin = counts ? margin : 0;
		slopes[r] = -2 * y * (weights[r] * margin);
		curves[r] = counts ? 2 * weights[r] : 0;
		sum += weights[r] * margin * margin;
	}
	return sum;
}

const ml_glm_kernel ml_ref_glm = {
	columns_dot, columns_sums, panel_scale, levels_add, logistic, softmax, squared_hinge
};
