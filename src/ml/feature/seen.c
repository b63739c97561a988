/*-------------------------------------------------------------------------
 *
 * seen.c
 *	  Sizing of the table of distinct keys.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/seen.h"

#define MIN_SLOTS	((size_t) 1 << 11)	/* fits any level 1 cache */
#define KEEP_SLOTS	((size_t) 1 << 13)	/* what stays allocated between examples */
#define POLL_KEYS	((size_t) 1 << 16)

/* Make all slots free: by a new number, or where those are used up by zeros. */
static void
clear(ml_seen *seen)
{
	seen->example++;
	if (seen->example < ML_SEEN_EXAMPLES)
		return;
	memset(seen->slots, 0, seen->slots_capacity * sizeof(uint64_t));
	seen->example = 1;
}

static ml_status
use_slots(ml_context *ctx, ml_seen *seen, size_t nslots)
{
	size_t		before = seen->slots_capacity;

	ML_TRY(ml_grow(ctx, (void **) &seen->slots, &seen->slots_capacity, nslots, sizeof(uint64_t)));
	if (seen->slots_capacity > before)
		memset(seen->slots + before, 0, (seen->slots_capacity - before) * sizeof(uint64_t));
	seen->nslots = nslots;
	seen->shift = 32 - __builtin_ctzll(nslots);
	clear(seen);
	return ML_OK;
}

ml_status
ml_seen_begin(ml_context *ctx, ml_seen *seen, size_t expected)
{
	size_t		nslots = MIN_SLOTS;

	/* one large example must not leave its memory to every later one */
	if (seen->slots_capacity > KEEP_SLOTS)
		ml_seen_free(ctx, seen);
	seen->n = 0;
	while (nslots < KEEP_SLOTS && nslots / 2 < expected)
		nslots *= 2;
	ML_TRY(ml_grow(ctx, (void **) &seen->words, &seen->words_capacity, nslots / 2, sizeof(uint32_t)));
	return use_slots(ctx, seen, nslots);
}

ml_status
ml_seen_grow(ml_context *ctx, ml_seen *seen, size_t n)
{
	size_t		need = seen->n + n;
	size_t		nslots = seen->nslots;

	ML_TRY(ml_grow(ctx, (void **) &seen->words, &seen->words_capacity, need, sizeof(uint32_t)));
	if (need <= nslots / 2)
		return ML_OK;
	while (nslots / 2 < need)
		nslots *= 4;
	ML_TRY(use_slots(ctx, seen, nslots));
	for (uint32_t i = 0; i < seen->n; i++)
	{
		uint32_t	word = seen->words[i];
		size_t		slot = ml_seen_slot(ML_COUNTED_KEY(word), seen->shift);

		while ((uint32_t) seen->slots[slot] >> ML_COUNTED_KEY_BITS == seen->example)
			slot = (slot + 1) & (nslots - 1);
		seen->slots[slot] = (uint64_t) ((word & ~ML_COUNTED_KEY_MASK) | i) << 32 |
			seen->example << ML_COUNTED_KEY_BITS | ML_COUNTED_KEY(word);
		if (i % POLL_KEYS == POLL_KEYS - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

void
ml_seen_free(ml_context *ctx, ml_seen *seen)
{
	ml_release(ctx, seen->slots);
	ml_release(ctx, seen->words);
	memset(seen, 0, sizeof(*seen));
}
