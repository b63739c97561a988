/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  The distinct keys of one example and how often each came.
 *
 * An open-addressed table with linear probing, sized to the example, that
 * leads to two arrays in order of first occurrence.  A slot is of this example
 * when its upper 16 bits say so, which spares clearing the table for each;
 * below are the key's index and the key, 24 bits each.  At most half of the
 * slots are used, far fewer in short texts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SEEN_H
#define ML_SEEN_H

#include "base/mem.h"

#define ML_SEEN_KEY_BITS	24
#define ML_SEEN_KEY_MASK	((UINT64_C(1) << ML_SEEN_KEY_BITS) - 1)
#define ML_SEEN_INDEX_MASK	(ML_SEEN_KEY_MASK << ML_SEEN_KEY_BITS)
#define ML_SEEN_EXAMPLES	16	/* a slot's bits above index and key */

typedef struct ml_seen
{
	uint64_t   *slots;
	size_t		slots_capacity;
	size_t		nslots;			/* in use; a power of two */
	int			shift;			/* 32 - log2(nslots) */
	uint64_t	example;		/* > 0; what upper bits of a used slot are */
	uint32_t   *keys;
	size_t		keys_capacity;
	uint32_t   *counts;
	size_t		counts_capacity;
	size_t		n;
} ml_seen;

/* Empty it, for an example of about that many distinct keys. */
extern ml_status ml_seen_begin(ml_context *ctx, ml_seen *seen, size_t expected);
extern void ml_seen_free(ml_context *ctx, ml_seen *seen);

/* Make room for n keys more. */
extern ml_status ml_seen_grow(ml_context *ctx, ml_seen *seen, size_t n);

static inline ml_status
ml_seen_reserve(ml_context *ctx, ml_seen *seen, size_t n)
{
	if (ML_LIKELY(seen->n + n <= seen->nslots / 2 &&
				  seen->n + n <= seen->keys_capacity &&
				  seen->n + n <= seen->counts_capacity))
		return ML_OK;
	return ml_seen_grow(ctx, seen, n);
}

static inline size_t
ml_seen_slot(uint32_t key, int shift)
{
	return (key * UINT32_C(0x9E3779B1)) >> shift;
}

/*
 * Count keys (each < 2^ML_SEEN_KEY_BITS), for which room is reserved.  Returns
 * the index of the last one.  Whether a key is new can't be predicted, so
 * nothing branches on it; collisions are rare.
 */
static inline size_t
ml_seen_add(ml_seen *seen, const uint32_t *added, size_t nadded)
{
	/* copies, since the compiler must think that a slot may overlie *seen */
	uint64_t   *slots = seen->slots;
	uint32_t   *keys = seen->keys;
	uint32_t   *counts = seen->counts;
	size_t		mask = seen->nslots - 1;
	int			shift = seen->shift;
	uint64_t	example = seen->example << (64 - ML_SEEN_EXAMPLES);
	uint64_t	n = seen->n;
	uint64_t	index = 0;

	for (size_t i = 0; i < nadded; i++)
	{
		uint32_t	key = added[i];
		size_t		slot = ml_seen_slot(key, shift);
		uint64_t	entry = slots[slot];
		uint64_t	fresh = (entry ^ example) >> (64 - ML_SEEN_EXAMPLES) != 0;

		while (ML_UNLIKELY(!fresh && ((entry ^ key) & ML_SEEN_KEY_MASK) != 0))
		{
			slot = (slot + 1) & mask;
			entry = slots[slot];
			fresh = (entry ^ example) >> (64 - ML_SEEN_EXAMPLES) != 0;
		}
		index = ((entry & ML_SEEN_INDEX_MASK) >> ML_SEEN_KEY_BITS & (fresh - 1)) | (n & -fresh);
		slots[slot] = example | index << ML_SEEN_KEY_BITS | key;
		keys[index] = key;
		counts[index] = (counts[index] & (uint32_t) (fresh - 1)) + 1;
		n += fresh;
	}
	seen->n = n;
	return index;
}

#endif							/* ML_SEEN_H */
