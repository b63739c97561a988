/*-------------------------------------------------------------------------
 *
 * summary_bins.c
 *	  Values counted in bins.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/summary_bins.h"
#include "base/sort.h"

#define FIRST_BINS	64
#define MAX_BINS	(ML_SUMMARY_BINS + ML_SUMMARY_WAITING)

/*
 * Neighbours are joined up to 1 / SHARES of the weight; any two that are left
 * have more, so that there are at most 2 SHARES bins then: a quarter is free.
 */
#define SHARES		(ML_SUMMARY_BINS * 3 / 8)

ml_status
ml_summary_bins_open(ml_context *ctx, ml_summary_bins **result)
{
	void	   *memory;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_summary_bins), &memory));
	*result = memory;
	return ML_OK;
}

void
ml_summary_bins_close(ml_context *ctx, ml_summary_bins *bins)
{
	if (bins == NULL)
		return;
	ml_release(ctx, bins->bins);
	ml_release(ctx, bins->lows);
	ml_release(ctx, bins);
}

/* Room for all that wait and one more. */
static ml_status
reserve(ml_context *ctx, ml_summary_bins *bins)
{
	uint32_t	capacity = ML_MIN(ML_MAX(2 * bins->capacity, FIRST_BINS), MAX_BINS);

	if (bins->n + bins->nwaiting < bins->capacity)
		return ML_OK;
	ML_TRY(ml_resize(ctx, (void **) &bins->bins, capacity * sizeof(ml_summary_bin)));
	ML_TRY(ml_resize(ctx, (void **) &bins->lows, capacity * sizeof(double)));
	bins->capacity = capacity;
	return ML_OK;
}

/* The last bin that begins at or before the value, or the first. */
static size_t
find(const ml_summary_bins *bins, double value)
{
	const double *at = bins->lows;

	/* which half it is can't be predicted, so nothing branches on it */
	for (size_t n = bins->n; n > 1;)
	{
		size_t		half = n / 2;

		at += at[half] <= value ? half : 0;
		n -= half;
	}
	return (size_t) (at - bins->lows);
}

/* Add what lies in the interval, or right behind it. */
static void
join(ml_summary_bin *into, const ml_summary_bin *from)
{
	double		d = from->low - into->low;

	into->high = ML_MAX(into->high, from->high);
	into->weight += from->weight;
	into->squares += from->squares + d * (2 * from->sum + d * from->weight);
	into->sum += from->sum + d * from->weight;
	if (into->value == from->value)
		into->votes += from->votes;
	else if (into->votes >= from->votes)
		into->votes -= from->votes;
	else
	{
		into->value = from->value;
		into->votes = from->votes - into->votes;
	}
}

static int
compare_values(const void *a, const void *b)
{
	double		x = ((const ml_summary_value *) a)->value;
	double		y = ((const ml_summary_value *) b)->value;

	return (x > y) - (x < y);
}

/* Sort those that wait, if need be, and join equal ones. */
static void
sort_waiting(ml_summary_bins *bins)
{
	ml_summary_value *waiting = bins->waiting;
	uint32_t	n = 1;
	uint32_t	i = 1;

	while (i < bins->nwaiting && waiting[i - 1].value <= waiting[i].value)
		i++;
	if (i < bins->nwaiting)
		ml_sort(waiting, bins->nwaiting, sizeof(ml_summary_value), compare_values);
	for (i = 1; i < bins->nwaiting; i++)
		if (waiting[i].value == waiting[n - 1].value)
			waiting[n - 1].weight += waiting[i].weight;
		else
			waiting[n++] = waiting[i];
	bins->nwaiting = n;
}

static void
join_neighbours(ml_summary_bins *bins)
{
	double		most = bins->weight / SHARES;
	uint32_t	n = 1;

	for (uint32_t i = 1; i < bins->n; i++)
	{
		ml_summary_bin *last = &bins->bins[n - 1];

		if (last->weight + bins->bins[i].weight <= most)
			join(last, &bins->bins[i]);
		else
			bins->bins[n++] = bins->bins[i];
	}
	bins->n = n;
}

void
ml_summary_bins_settle(ml_summary_bins *bins)
{
	uint32_t	from = bins->n;
	uint32_t	to;

	if (bins->nwaiting == 0)
		return;
	sort_waiting(bins);
	to = bins->n += bins->nwaiting;
	/* from the end, so that what moves up does so in place */
	while (bins->nwaiting > 0)
	{
		ml_summary_value *last = &bins->waiting[bins->nwaiting - 1];

		if (from > 0 && bins->bins[from - 1].low > last->value)
			bins->bins[--to] = bins->bins[--from];
		else
		{
			bins->bins[--to] = (ml_summary_bin)
			{
				.low = last->value, .high = last->value, .weight = last->weight,
				.value = last->value, .votes = last->weight
			};
			bins->nwaiting--;
		}
	}
	if (bins->n > ML_SUMMARY_BINS)
		join_neighbours(bins);
	for (uint32_t i = 0; i < bins->n; i++)
		bins->lows[i] = bins->bins[i].low;
}

ml_status
ml_summary_bins_add(ml_context *ctx, ml_summary_bins *bins, double value, double weight)
{
	value += 0.0;				/* -0 is 0 */
	bins->weight += weight;
	if (bins->n > 0)
	{
		ml_summary_bin *bin = &bins->bins[find(bins, value)];

		if (value >= bin->low && value <= bin->high)
		{
			join(bin, &(ml_summary_bin) {value, value, weight, 0, 0, value, weight});
			return ML_OK;
		}
	}
	ML_TRY(reserve(ctx, bins));
	bins->waiting[bins->nwaiting++] = (ml_summary_value) {value, weight};
	if (bins->nwaiting == ML_SUMMARY_WAITING)
		ml_summary_bins_settle(bins);
	return ML_OK;
}
