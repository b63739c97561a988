/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  The distinct keys of one example and how often each came.
 *
 * An open-addressed table with linear probing, sized to the example (a short
 * text touches two kilobytes, not the features), that leads to two arrays in
 * order of first occurrence.  A slot holds key + 1 and the key's index, 0 is
 * empty; at most half of the slots are used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SEEN_H
#define ML_SEEN_H

#include "base/mem.h"

typedef struct ml_seen
{
	uint64_t   *slots;
	size_t		slots_capacity;
	size_t		nslots;			/* in use; a power of two */
	int			shift;			/* 32 - log2(nslots) */
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
ml_seen_slot(const ml_seen *seen, uint32_t key)
{
	return (key * UINT32_C(0x9E3779B1)) >> seen->shift;
}

/*
 * Count one key (< UINT32_MAX), for which room is reserved, and return its
 * index.  Whether it is new decides no branch: it is hard to predict.
 */
static inline size_t
ml_seen_add(ml_seen *seen, uint32_t key)
{
	size_t		mask = seen->nslots - 1;
	size_t		slot = ml_seen_slot(seen, key);
	uint64_t	entry = seen->slots[slot];
	size_t		n = seen->n;
	bool		fresh;
	size_t		index;
	uint32_t	count;

	while (ML_UNLIKELY((uint32_t) entry != key + 1 && entry != 0))
	{
		slot = (slot + 1) & mask;
		entry = seen->slots[slot];
	}
	fresh = entry == 0;
	index = fresh ? n : (size_t) (entry >> 32);
	count = seen->counts[index];
	seen->slots[slot] = (uint64_t) index << 32 | (key + 1);
	seen->keys[index] = key;
	seen->counts[index] = (fresh ? 0 : count) + 1;
	seen->n = n + fresh;
	return index;
}

#endif							/* ML_SEEN_H */
