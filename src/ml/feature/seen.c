/*-------------------------------------------------------------------------
 *
 * seen.c
 *	  Sizing of the table of distinct keys.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/seen.h"

#define MIN_SLOTS	((size_t) 128)
#define KEEP_SLOTS	((size_t) 1 << 13)	/* what stays allocated between examples */
#define POLL_KEYS	((size_t) 1 << 16)

static void
use_slots(ml_seen *seen, size_t nslots)
{
	seen->nslots = nslots;
	seen->shift = 32 - __builtin_ctzll(nslots);
	memset(seen->slots, 0, nslots * sizeof(uint64_t));
}

/* One large example must not leave its memory to every later one. */
static void
shrink(ml_context *ctx, ml_seen *seen)
{
	if (seen->slots_capacity <= KEEP_SLOTS)
		return;
	ml_seen_free(ctx, seen);
}

ml_status
ml_seen_begin(ml_context *ctx, ml_seen *seen, size_t expected)
{
	size_t		nslots = MIN_SLOTS;

	shrink(ctx, seen);
	seen->n = 0;
	while (nslots < KEEP_SLOTS && nslots / 2 < expected)
		nslots *= 2;
	ML_TRY(ml_grow(ctx, (void **) &seen->slots, &seen->slots_capacity, nslots, sizeof(uint64_t)));
	ML_TRY(ml_grow(ctx, (void **) &seen->keys, &seen->keys_capacity, nslots / 2, sizeof(uint32_t)));
	ML_TRY(ml_grow(ctx, (void **) &seen->counts, &seen->counts_capacity, nslots / 2, sizeof(uint32_t)));
	use_slots(seen, nslots);
	return ML_OK;
}

ml_status
ml_seen_grow(ml_context *ctx, ml_seen *seen, size_t n)
{
	size_t		need = seen->n + n;
	size_t		nslots = ML_MAX(seen->nslots, MIN_SLOTS);

	ML_TRY(ml_grow(ctx, (void **) &seen->keys, &seen->keys_capacity, need, sizeof(uint32_t)));
	ML_TRY(ml_grow(ctx, (void **) &seen->counts, &seen->counts_capacity, need, sizeof(uint32_t)));
	if (need <= seen->nslots / 2)
		return ML_OK;
	while (nslots / 2 < need)
		nslots *= 4;
	ML_TRY(ml_grow(ctx, (void **) &seen->slots, &seen->slots_capacity, nslots, sizeof(uint64_t)));
	use_slots(seen, nslots);
	for (size_t i = 0; i < seen->n; i++)
	{
		size_t		slot = ml_seen_slot(seen, seen->keys[i]);

		while (seen->slots[slot] != 0)
			slot = (slot + 1) & (nslots - 1);
		seen->slots[slot] = (uint64_t) i << 32 | (seen->keys[i] + 1);
		if (i % POLL_KEYS == POLL_KEYS - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

void
ml_seen_free(ml_context *ctx, ml_seen *seen)
{
	ml_release(ctx, seen->slots);
	ml_release(ctx, seen->keys);
	ml_release(ctx, seen->counts);
	memset(seen, 0, sizeof(*seen));
}
