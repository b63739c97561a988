/*-------------------------------------------------------------------------
 *
 * split.c
 *	  Stratified, seeded splits.
 *
 * The rows of each label are shuffled; the first of them are held out.  What
 * rounding takes from one label it gives to the next, and dealing into folds
 * goes on where it stopped at the label before: so the shares are right in
 * total even if every label has one row.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/split.h"

#include "base/hash.h"
#include "base/mem.h"

#define POLL_ROWS	((uint32_t) 1 << 18)

/* Fisher-Yates, as ml_rng_shuffle, with polls. */
static ml_status
shuffle(ml_context *ctx, ml_rng *rng, uint32_t *rows, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--)
	{
		uint32_t	j = (uint32_t) ml_rng_below(rng, i);
		uint32_t	swap = rows[i - 1];

		rows[i - 1] = rows[j];
		rows[j] = swap;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Deal the rows of one label. */
static void
deal(const uint32_t *rows, uint32_t n, uint32_t held, uint32_t *next_fold, uint8_t *parts)
{
	for (uint32_t i = 0; i < n; i++)
	{
		if (i < held)
			parts[rows[i]] = ML_PART_HOLDOUT;
		else
			parts[rows[i]] = (uint8_t) (1 + (*next_fold)++ % ML_FOLDS);
	}
}

/* order: the rows by label; begin[c]: where label c ends. */
static ml_status
deal_all(ml_context *ctx, uint32_t *order, const uint32_t *begin, uint32_t nclasses,
		 double holdout, uint64_t seed, uint8_t *parts)
{
	ml_rng		rng;
	uint32_t	next_fold = 0;
	double		owed = 0;

	ml_rng_seed(&rng, seed);
	for (uint32_t c = 0, at = 0; c < nclasses; at = begin[c++])
	{
		uint32_t	count = begin[c] - at;
		uint32_t	held;

		if (count == 0)
			continue;
		ML_TRY(shuffle(ctx, &rng, order + at, count));
		owed += holdout * count;
		held = (uint32_t) ML_MIN((double) (count - 1), ML_MAX(owed + 0.5, 0.0));
		owed -= held;
		deal(order + at, count, held, &next_fold, parts);
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_split(ml_context *ctx, const uint32_t *labels, uint32_t n, uint32_t nclasses,
		 double holdout, uint64_t seed, uint8_t *parts)
{
	void	   *memory;
	uint32_t   *order;			/* rows by label */
	uint32_t   *begin;			/* of each label in it */
	ml_status	status;

	ML_TRY(ml_alloc_zero(ctx, ml_size_mul((size_t) n + nclasses + 1, sizeof(uint32_t)),
						 &memory));
	order = memory;
	begin = order + n;
	for (uint32_t i = 0; i < n; i++)
		begin[labels[i] + 1]++;
	for (uint32_t c = 0; c < nclasses; c++)
		begin[c + 1] += begin[c];
	for (uint32_t i = 0; i < n; i++)
		order[begin[labels[i]]++] = i;
	status = deal_all(ctx, order, begin, nclasses, holdout, seed, parts);
	ml_release(ctx, memory);
	return status;
}
