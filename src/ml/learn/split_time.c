/*-------------------------------------------------------------------------
 *
 * split_time.c
 *	  From which time on rows are held out.
 *
 *-------------------------------------------------------------------------
 */
#include "base/mem.h"
#include "learn/split.h"

#include <math.h>

#define DIGIT_BITS		16
#define DIGITS			((size_t) 1 << DIGIT_BITS)

/*
 * The largest split value that at least "wanted" rows reach: numbers are put
 * into an order of integers, whose digits are found one by one, each from a
 * count of the rows that have the digits found so far.
 */
typedef struct time_search
{
	uint64_t	prefix;			/* leading digits found so far */
	int			shift;			/* of the digit that is counted */
	uint64_t   *counts;			/* [DIGITS] */
	uint64_t	n;				/* rows counted */
} time_search;

static uint64_t
order_of(double value)
{
	uint64_t	bits;

	value += 0.0;				/* -0 is 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double
value_of(uint64_t order)
{
	uint64_t	bits = order >> 63 ? order & ~(UINT64_C(1) << 63) : ~order;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static ml_status
count_digits(ml_context *ctx, void *arg, const double *values, size_t n)
{
	time_search *search = arg;

	for (size_t i = 0; i < n; i++)
	{
		uint64_t	key = order_of(values[i]);

		if (isnan(values[i]))
			continue;
		if (search->shift + DIGIT_BITS < 64 && key >> (search->shift + DIGIT_BITS) != search->prefix)
			continue;
		search->counts[(key >> search->shift) & (DIGITS - 1)]++;
		search->n++;
	}
	return ML_OK;
}

static ml_status
search_time(ml_context *ctx, ml_splitter *splitter, ml_split_source each, void *source, time_search *search)
{
	uint64_t	wanted = 0;

	for (search->shift = 64 - DIGIT_BITS; search->shift >= 0; search->shift -= DIGIT_BITS)
	{
		size_t		digit = DIGITS - 1;

		memset(search->counts, 0, DIGITS * sizeof(uint64_t));
		search->n = 0;
		ML_TRY(each(ctx, source, count_digits, search));
		if (search->shift == 64 - DIGIT_BITS)
			wanted = (uint64_t) (splitter->holdout * (double) search->n + 0.5);
		if (wanted == 0)
		{
			/* nobody, not even rows of that time */
			splitter->threshold = INFINITY;
			splitter->nties = UINT64_MAX;
			return ML_OK;
		}
		while (digit > 0 && search->counts[digit] < wanted)
			wanted -= search->counts[digit--];
		search->prefix = search->prefix << DIGIT_BITS | digit;
		splitter->nties = search->counts[digit];
	}
	splitter->threshold = value_of(search->prefix);
	splitter->ties = wanted;
	return ML_OK;
}

ml_status
ml_splitter_find_time(ml_context *ctx, ml_splitter *splitter, ml_split_source each, void *source)
{
	time_search search = {0};
	ml_status	status;

	splitter->ties = splitter->nties = 0;
	ML_TRY(ml_alloc(ctx, DIGITS * sizeof(uint64_t), (void **) &search.counts));
	status = search_time(ctx, splitter, each, source, &search);
	ml_release(ctx, search.counts);
	return status;
}
