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

ml_status
ml_split(ml_context *ctx, const uint32_t *labels, uint32_t n, uint32_t nclasses,
		 double holdout, uint64_t seed, uint8_t *parts)
{
	ml_rng		rng;
	void	   *memory;
	uint32_t   *order;			/* rows by label */
	uint32_t   *begin;			/* of each label in it */
	uint32_t	next_fold = 0;
	double		owed = 0;

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
	/* begin[c] is now where label c ends */

	ml_rng_seed(&rng, seed);
	for (uint32_t c = 0, at = 0; c < nclasses; at = begin[c++])
	{
		uint32_t	count = begin[c] - at;
		uint32_t	held;

		if (count == 0)
			continue;
		ml_rng_shuffle(&rng, order + at, count);
		owed += holdout * count;
		held = (uint32_t) ML_MIN((double) (count - 1), ML_MAX(owed + 0.5, 0.0));
		owed -= held;
		deal(order + at, count, held, &next_fold, parts);
	}
	ml_release(ctx, memory);
	return ml_poll(ctx);
}
