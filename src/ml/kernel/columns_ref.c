/*-------------------------------------------------------------------------
 *
 * columns_ref.c
 *	  The loops over columns of a table in plain C (kernel.h).
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

#include <math.h>

static double
total(const double *parts)
{
	return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

static void
summarize(ml_column_sums *sums, double shift, const double *values, const double *weights, size_t n)
{
	double		all[8] = {0};
	double		there[8] = {0};
	double		sum[8] = {0};
	double		squares[8] = {0};
	double		fractions[8] = {0};
	double		min[8];
	double		max[8];

	sums->present = 0;
	for (size_t k = 0; k < 8; k++)
	{
		min[k] = sums->min;
		max[k] = sums->max;
	}
	for (size_t i = 0; i < n; i++)
	{
		double		v = values[i];
		double		w = weights[i];
		double		d = v - shift;

		all[i % 8] += w;
		if (v != v)
			continue;
		there[i % 8] += w;
		sum[i % 8] += w * d;
		squares[i % 8] += w * d * d;
		fractions[i % 8] += fabs(v - ((v + ML_COLUMN_WHOLE) - ML_COLUMN_WHOLE));
		min[i % 8] = v < min[i % 8] ? v : min[i % 8];
		max[i % 8] = v > max[i % 8] ? v : max[i % 8];
		sums->present++;
	}
	for (size_t k = 0; k < 8; k++)
	{
		sums->min = min[k] < sums->min ? min[k] : sums->min;
		sums->max = max[k] > sums->max ? max[k] : sums->max;
	}
	sums->weights = total(all);
	sums->n = total(there);
	sums->sum = total(sum);
	sums->squares = total(squares);
	sums->fraction = total(fractions);
}

static bool
scale(double *to, const double *from, size_t n, const ml_column_scale *by)
{
	bool		sound = true;

	for (size_t i = 0; i < n; i++)
	{
		double		value = from[i] < by->low ? by->low : from[i] > by->high ? by->high : from[i];

		to[i] = ((from[i] == from[i] ? value : by->fill) - by->mean) / by->scale;
		sound &= isfinite(to[i]);
	}
	return sound;
}

bool
ml_ref_spread(double *to, size_t stride, const double *rows, size_t width, size_t ncolumns, size_t nrows, double most)
{
	bool		refused = false;

	for (size_t k = 0; k < ncolumns; k++)
		for (size_t r = 0; r < nrows; r++)
		{
			double		value = rows[r * width + k];

			refused |= fabs(value) > most;
			to[k * stride + r] = value;
		}
	return !refused;
}

const ml_column_kernel ml_ref_column = {summarize, scale, ml_ref_spread};
