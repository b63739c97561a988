/*-------------------------------------------------------------------------
 *
 * slots.h
 *	  How the flat blocks of metric.h find their entries.
 *
 * A block is a header, dense arrays of entries in order of first appearance,
 * and tables of slots, twice as many as entries have room, that find an entry
 * by its 64-bit key (open addressing, linear probing, a slot holds the entry's
 * number + 1).  Capacities are powers of two, and every offset grows with each
 * of them; so a block is enlarged in place by moving its arrays up, last
 * first, and rebuilding the slots.
 *
 * Below, a mask is the number of slots - 1; entries are "stride" bytes apart
 * and begin with their key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SLOTS_H
#define ML_SLOTS_H

#include "base/hash.h"

#define ML_SLOTS_CAPACITY	4

static inline int64_t
ml_add_saturated(int64_t a, int64_t b)
{
	int64_t		sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* The power of two that has room for need, starting from what there is. */
static inline uint64_t
ml_slots_capacity(uint64_t capacity, uint64_t need)
{
	while (capacity < need)
		capacity *= 2;
	return capacity;
}

static inline uint32_t
ml_slots_first(uint64_t key, uint32_t mask)
{
	return (uint32_t) (ml_hash_fold(key ^ ML_HASH_K0, ML_HASH_K1) & mask);
}

static inline uint64_t
ml_slots_key(const void *entries, size_t stride, uint32_t number)
{
	uint64_t	key;

	memcpy(&key, (const char *) entries + number * stride, sizeof(key));
	return key;
}

/* Number of the entry with that key; absent if there is none. */
static inline uint32_t
ml_slots_find(const uint32_t *slots, uint32_t mask, const void *entries, size_t stride,
			  uint64_t key, uint32_t absent)
{
	for (uint32_t at = ml_slots_first(key, mask); slots[at] != 0; at = (at + 1) & mask)
		if (ml_slots_key(entries, stride, slots[at] - 1) == key)
			return slots[at] - 1;
	return absent;
}

/* Entry "number" has that key; there is a free slot. */
static inline void
ml_slots_insert(uint32_t *slots, uint32_t mask, uint64_t key, uint32_t number)
{
	uint32_t	at = ml_slots_first(key, mask);

	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = number + 1;
}

static inline void
ml_slots_rebuild(uint32_t *slots, uint32_t mask, const void *entries, size_t stride, uint32_t n)
{
	memset(slots, 0, ((size_t) mask + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
		ml_slots_insert(slots, mask, ml_slots_key(entries, stride, i), i);
}

#endif							/* ML_SLOTS_H */
