/*-------------------------------------------------------------------------
 *
 * summary.c
 *	  What the values of one number column are like.
 *
 * Values are added in pieces of a fixed size and in eight lanes (kernel.h),
 * without a branch in the loop; so the order of the additions is always the
 * same.  A value that is missing, or lies behind the end of the last piece,
 * has difference and weight 0.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/summary.h"
#include "feature/summary_bins.h"

#include <math.h>

#define PIECE			256
#define POLL_VALUES		((size_t) 1 << 14)
#define SEQUENCE_MIN	20

ml_status
ml_summary_open(ml_context *ctx, ml_summary *summary, const ml_kernel *kernel, bool counting)
{
	memset(summary, 0, sizeof(*summary));
	summary->kernel = kernel;
	summary->min = INFINITY;
	summary->max = -INFINITY;
	summary->integers = true;
	return counting ? ml_summary_bins_open(ctx, &summary->bins) : ML_OK;
}

void
ml_summary_close(ml_context *ctx, ml_summary *summary)
{
	ml_summary_bins_close(ctx, summary->bins);
	summary->bins = NULL;
}

static bool
all_whole(const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i] == values[i] && values[i] != floor(values[i]))
			return false;
	return true;
}

/* What tells a sequence, where the weighted sums don't. */
static void
add_plain(ml_summary *summary, const double *values, size_t n)
{
	double		sum = 0;
	double		squares = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		d = values[i] == values[i] ? values[i] - summary->shift : 0;

		sum += d;
		squares += d * d;
	}
	summary->plain_sum += sum;
	summary->plain_squares += squares;
}

static ml_status
add_bins(ml_context *ctx, ml_summary_bins *bins, const double *values, const double *weights,
		 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i] == values[i] && weights[i] > 0)
			ML_TRY(ml_summary_bins_add(ctx, bins, values[i], weights[i]));
	return ML_OK;
}

/* n <= PIECE values, behind which there is room up to a multiple of 8, filled with NaN and weight 0. */
static ml_status
add_piece(ml_context *ctx, ml_summary *summary, const double *values, const double *weights,
		  size_t n)
{
	ml_column_sums sums = {.min = summary->min, .max = summary->max};

	for (size_t i = 0; i < n && summary->nvalues == 0; i++)
		if (values[i] == values[i])
		{
			summary->shift = values[i];
			break;
		}
	summary->kernel->column->summarize(&sums, summary->shift, values, weights, (n + 7) / 8 * 8);
	summary->min = sums.min;
	summary->max = sums.max;
	summary->nvalues += sums.present;
	summary->nmissing += n - sums.present;
	summary->n += sums.n;
	summary->missing += sums.weights - sums.n;
	summary->sum += sums.sum;
	summary->squares += sums.squares;
	if (sums.present > 0 && (isinf(summary->min) || isinf(summary->max)))
		return ml_fail(ctx, ML_BAD_DATA, "a column has an infinite value");
	/* the loop's test knows only numbers below 2^51 */
	if (summary->integers && !(sums.fraction == 0))
		summary->integers = all_whole(values, n);
	if (summary->weighted && summary->integers)
		add_plain(summary, values, n);
	return summary->bins == NULL ? ML_OK : add_bins(ctx, summary->bins, values, weights, n);
}

/* Values whose weight is 0 are left out: they are not there.  Up to a multiple of 8 the rest is filled. */
static size_t
gather(const double *values, const double *weights, size_t n, double *to, double *weights_to)
{
	size_t		kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		to[kept] = values[i];
		weights_to[kept] = weights == NULL ? 1 : weights[i];
		kept += weights_to[kept] > 0;
	}
	for (size_t i = kept; i % 8 != 0; i++)
	{
		to[i] = NAN;
		weights_to[i] = 0;
	}
	return kept;
}

/* The sums that don't count weights go their own way from the first weights on. */
static void
begin_weights(ml_summary *summary)
{
	if (summary->weighted)
		return;
	summary->weighted = true;
	summary->plain_sum = summary->sum;
	summary->plain_squares = summary->squares;
}

ml_status
ml_summary_add(ml_context *ctx, ml_summary *summary, const double *values,
			   const double *weights, size_t n)
{
	double		ones[PIECE];
	double		piece[PIECE];
	double		piece_weights[PIECE];
	size_t		whole = weights == NULL ? n - n % 8 : 0;
	size_t		size;

	for (size_t i = 0; i < PIECE && whole > 0; i++)
		ones[i] = 1;
	if (weights != NULL)
		begin_weights(summary);
	for (size_t i = 0; i < n; i += size)
	{
		size = ML_MIN((i < whole ? whole : n) - i, (size_t) PIECE);
		if (i < whole)
			ML_TRY(add_piece(ctx, summary, values + i, ones, size));
		else
		{
			size_t		kept = gather(values + i, weights == NULL ? NULL : weights + i, size, piece, piece_weights);

			if (kept > 0)
				ML_TRY(add_piece(ctx, summary, piece, piece_weights, kept));
		}
		if (i % POLL_VALUES == POLL_VALUES - PIECE)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

double
ml_summary_mean(const ml_summary *summary)
{
	return summary->n > 0 ? summary->shift + summary->sum / summary->n : NAN;
}

double
ml_summary_deviation(const ml_summary *summary)
{
	double		mean = summary->sum / summary->n;
	double		square = summary->squares / summary->n - mean * mean;

	if (!(summary->n > 0))
		return NAN;
	if (summary->min == summary->max)
		return 0;
	return square <= 0 ? 0 : sqrt(square);	/* NaN when the numbers are too large */
}

void
ml_summary_clipped(const ml_summary *summary, double low, double high, double *mean,
				   double *deviation)
{
	const ml_summary_bins *bins = summary->bins;
	double		weight = 0;
	double		sum = 0;		/* of weight x (v - low) */
	double		squares = 0;

	*mean = *deviation = NAN;
	if (bins == NULL || summary->nvalues == 0)
		return;
	ml_summary_bins_settle(summary->bins);
	for (uint32_t i = 0; i < bins->n; i++)
	{
		const ml_summary_bin *bin = &bins->bins[i];
		double		middle = bin->low + bin->sum / bin->weight;
		double		clipped = middle < low ? low : middle > high ? high : middle;
		double		d = clipped - low;

		weight += bin->weight;
		sum += bin->weight * d;
		squares += bin->weight * d * d;
		/* what lies within is spread about its middle */
		if (clipped == middle)
			squares += bin->squares - bin->sum / bin->weight * bin->sum;
	}
	sum /= weight;
	*mean = low + sum;
	squares = squares / weight - sum * sum;
	*deviation = low < high && squares > 0 ? sqrt(squares) : 0;
}

/* The value at a place, 0 .. nvalues - 1, of the sorted values; "scale" makes weights count so. */
static double
value_at(const ml_summary *summary, double scale, double place)
{
	const ml_summary_bins *bins = summary->bins;
	const ml_summary_bin *bin = bins->bins;
	double		before = 0;
	double		others;
	double		share;

	for (; bin + 1 < bins->bins + bins->n; bin++)
	{
		/* sums of weights that are not whole numbers are not exact */
		if (place < before + bin->weight * scale - 1e-9)
			break;
		before += bin->weight * scale;
	}
	/* one value that has most of the bin is better than a place between its ends */
	if (bin->low == bin->high || bin->votes > 0.5 * bin->weight)
		return bin->value;
	/* its first value is the least one, its last the greatest */
	others = ML_MAX(bin->weight * scale - 1, 1.0);
	share = ML_MIN(ML_MAX((place - before) / others, 0.0), 1.0);
	return bin->low * (1 - share) + bin->high * share;
}

double
ml_summary_quantile(const ml_summary *summary, double q)
{
	double		scale = (double) summary->nvalues / summary->n;
	double		place = q * (double) (summary->nvalues - 1);
	double		floored = floor(place);
	double		value;

	if (summary->bins == NULL || summary->nvalues == 0)
		return NAN;
	if (q <= 0 || q >= 1)
		return q <= 0 ? summary->min : summary->max;
	ml_summary_bins_settle(summary->bins);
	value = value_at(summary, scale, floored);
	if (place > floored)
		value += (value_at(summary, scale, floored + 1) - value) * (place - floored);
	return value;
}

double
ml_summary_mode(const ml_summary *summary)
{
	const ml_summary_bin *best;

	if (summary->bins == NULL || summary->nvalues == 0)
		return NAN;
	ml_summary_bins_settle(summary->bins);
	best = summary->bins->bins;
	for (uint32_t i = 1; i < summary->bins->n; i++)
		if (summary->bins->bins[i].votes > best->votes)
			best = &summary->bins->bins[i];
	return best->value;
}

bool
ml_summary_sequence(const ml_summary *summary)
{
	double		n = (double) summary->nvalues;
	double		from = summary->min - summary->shift;
	double		sum;
	double		squares;
	double		tolerance;

	if (summary->nvalues < SEQUENCE_MIN || summary->nmissing > 0 || !summary->integers ||
		summary->max - summary->min != n - 1)
		return false;
	/* those of from, from + 1, ..., from + n - 1, the differences from the shift */
	sum = n * from + n * (n - 1) / 2;
	squares = n * from * from + from * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6;
	/* sums are exact up to 2^53; beyond, each piece added may round */
	tolerance = n * n * n < 0x1p51 ? 0 : (8 + n / PIECE) * 0x1p-52;
	return fabs((summary->weighted ? summary->plain_sum : summary->sum) - sum) <=
		tolerance * n * n &&
		fabs((summary->weighted ? summary->plain_squares : summary->squares) - squares) <=
		tolerance * n * n * n;
}
