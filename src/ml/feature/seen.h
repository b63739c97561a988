/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  The distinct keys of one example and how often each came.
 *
 * An open-addressed table with linear probing, sized to the example, and an
 * array of counted keys in order of first occurrence.  A slot's lower half is
 * the number of the example (8 bits), which spares clearing the table for each,
 * and the key; its upper half the key's count (8 bits) and index.  At most half
 * of the slots are used, far fewer in short texts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SEEN_H
#define ML_SEEN_H

#include "base/mem.h"

/*
 * A counted key: in the upper 8 bits how often it came, 255 times at most; in
 * the lower 24 the key.
 */
#define ML_COUNTED_KEY_BITS	24
#define ML_COUNTED_KEY_MASK	((UINT32_C(1) << ML_COUNTED_KEY_BITS) - 1)
#define ML_COUNTED_MAX		255
#define ML_COUNTED_KEY(word)	((word) & ML_COUNTED_KEY_MASK)
#define ML_COUNTED_COUNT(word)	((word) >> ML_COUNTED_KEY_BITS)

#define ML_SEEN_EXAMPLES	UINT32_C(256)

typedef struct ml_seen
{
	uint64_t   *slots;
	size_t		slots_capacity;
	size_t		nslots;			/* in use; a power of two */
	int			shift;			/* 32 - log2(nslots) */
	uint32_t	example;		/* > 0; that of used slots */
	uint32_t   *words;			/* counted keys */
	size_t		words_capacity;
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
				  seen->n + n <= seen->words_capacity))
		return ML_OK;
	return ml_seen_grow(ctx, seen, n);
}

static inline size_t
ml_seen_slot(uint32_t key, int shift)
{
	return (key * UINT32_C(0x9E3779B1)) >> shift;
}

/*
 * Count keys (each < 2^ML_COUNTED_KEY_BITS), for which room is reserved.  Returns
 * the index of the last one.  Whether a key is new can't be predicted, so
 * nothing branches on it; collisions are rare.
 */
static inline size_t
ml_seen_add(ml_seen *seen, const uint32_t *added, size_t nadded)
{
	/* copies, since the compiler must think that a slot may overlie *seen */
	uint64_t   *slots = seen->slots;
	uint32_t   *words = seen->words;
	size_t		mask = seen->nslots - 1;
	int			shift = seen->shift;
	uint32_t	example = seen->example << ML_COUNTED_KEY_BITS;
	uint32_t	n = (uint32_t) seen->n;
	uint32_t	index = 0;

	for (size_t i = 0; i < nadded; i++)
	{
		uint32_t	key = added[i];
		size_t		slot = ml_seen_slot(key, shift);
		uint64_t	entry = slots[slot];
		uint32_t	differs = (uint32_t) entry ^ (example | key);
		uint32_t	fresh;
		uint32_t	value;

		/* of this example, and another key */
		while (ML_UNLIKELY(differs - 1 < ML_COUNTED_KEY_MASK))
		{
			slot = (slot + 1) & mask;
			entry = slots[slot];
			differs = (uint32_t) entry ^ (example | key);
		}
		/* a new key is one that has come 0 times */
		fresh = differs != 0;
		value = ((uint32_t) (entry >> 32) & (fresh - 1)) | (n & -fresh);
		n += fresh;
		value += (uint32_t) (ML_COUNTED_COUNT(value) < ML_COUNTED_MAX) << ML_COUNTED_KEY_BITS;
		slots[slot] = (uint64_t) value << 32 | example | key;
		index = ML_COUNTED_KEY(value);
		words[index] = (value & ~ML_COUNTED_KEY_MASK) | key;
	}
	seen->n = n;
	return index;
}

#endif							/* ML_SEEN_H */
