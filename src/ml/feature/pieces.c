/*-------------------------------------------------------------------------
 *
 * pieces.c
 *	  Character n-grams within a word, and the cache of words.
 *
 * Nearly all words are short and ASCII: framed, they fit into one 128-bit
 * number, whose shifts and masks are the n-grams.  Others are cut into
 * characters first.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/pieces.h"

#define CACHE_BITS		12
#define CACHE_POOL		((size_t) 96 << 10) /* 32-bit words of entries */
#define CACHE_WORD		((size_t) 32)		/* longest word kept */
#define CACHE_KEYS		((size_t) 256)		/* most keys kept */

__extension__ typedef unsigned __int128 framed_word;

/* Where an entry was written, counted in words from the beginning of time. */
typedef struct cache_slot
{
	uint64_t	hash;
	uint64_t	position;		/* 0 = empty */
} cache_slot;

/* An entry of the pool; the keys and the word's bytes follow. */
typedef struct cache_entry
{
	uint32_t	column;
	uint16_t	size;			/* of the word */
	uint16_t	nkeys;
	uint32_t	keys[];
} cache_entry;

/* The pool is a ring: an entry is there until CACHE_POOL words have followed. */
struct ml_piece_cache
{
	uint64_t	head;			/* where the next one goes */
	cache_slot	slots[1 << CACHE_BITS];
	uint32_t	pool[CACHE_POOL];
};

size_t
ml_pieces_short(const ml_word *word, const int *range, uint64_t seed, int shift,
				uint32_t *buckets, bool *taken)
{
	uint64_t	low = ml_load64(word->folded);
	uint64_t	high = ml_load64(word->folded + 8);
	uint32_t	size = word->size + 2;
	uint64_t	start = seed ^ ML_HASH_K0;
	framed_word bytes;
	size_t		count = 0;

	*taken = false;
	if (word->size > ML_PIECES_WORD)
		return 0;
	bytes = (framed_word) high << 64 | low;
	bytes &= ~(framed_word) 0 >> (128 - 8 * word->size);
	if (((uint64_t) bytes | (uint64_t) (bytes >> 64)) & UINT64_C(0x8080808080808080))
		return 0;
	*taken = true;
	bytes = bytes << 8 | ' ' | (framed_word) ' ' << (8 * (size - 1));
	for (uint32_t i = 0; i < size; i++, bytes >>= 8)
	{
		uint32_t	last = ML_MIN((uint32_t) range[1], size - i);

		for (uint32_t n = (uint32_t) range[0]; n <= last; n++)
		{
			/* ml_hash of the n <= 8 bytes */
			uint64_t	piece = (uint64_t) bytes & (~UINT64_C(0) >> (64 - 8 * n));
			uint64_t	hash = ml_hash_fold(start ^ piece, ML_HASH_K2);

			buckets[count++] = (uint32_t) (ml_hash_fold(hash ^ n, ML_HASH_K1) >> shift);
		}
	}
	return count;
}

void
ml_pieces_frame(const ml_word *word, ml_framed *framed)
{
	uint32_t	size = word->size + 2;

	framed->bytes[0] = ' ';
	memcpy(framed->bytes + 1, word->folded, word->size);
	framed->bytes[size - 1] = ' ';
	memset(framed->bytes + size, 0, ML_WORD_PADDING);
	framed->nchars = 0;
	for (uint32_t i = 0; i < size; i++)
		if (((unsigned char) framed->bytes[i] & 0xC0) != 0x80)
			framed->starts[framed->nchars++] = (uint16_t) i;
	framed->starts[framed->nchars] = (uint16_t) size;
}

ml_status
ml_piece_cache_open(ml_context *ctx, ml_piece_cache **result)
{
	void	   *memory;

	ML_TRY(ml_alloc(ctx, sizeof(ml_piece_cache), &memory));
	*result = memory;
	/* position 0 is out of reach from here */
	(*result)->head = CACHE_POOL + 1;
	memset((*result)->slots, 0, sizeof((*result)->slots));
	return ML_OK;
}

const uint32_t *
ml_piece_cache_find(const ml_piece_cache *cache, uint64_t hash, uint32_t column,
					const ml_word *word, size_t *n)
{
	const cache_slot *slot = &cache->slots[hash >> (64 - CACHE_BITS)];
	const cache_entry *entry;

	if (slot->hash != hash || cache->head - slot->position > CACHE_POOL)
		return NULL;
	entry = (const cache_entry *) &cache->pool[slot->position % CACHE_POOL];
	if (entry->size != word->size || entry->column != column ||
		memcmp(&entry->keys[entry->nkeys], word->folded, word->size) != 0)
		return NULL;
	*n = entry->nkeys;
	return entry->keys;
}

void
ml_piece_cache_store(ml_piece_cache *cache, uint64_t hash, uint32_t column,
					 const ml_word *word, const uint32_t *keys, size_t n)
{
	size_t		need = sizeof(cache_entry) / sizeof(uint32_t) + n + (word->size + 3) / 4;
	size_t		at = cache->head % CACHE_POOL;
	cache_entry *entry;

	if (word->size > CACHE_WORD || n > CACHE_KEYS)
		return;
	if (need > CACHE_POOL - at)
	{
		cache->head += CACHE_POOL - at; /* entries lie in one piece */
		at = 0;
	}
	entry = (cache_entry *) &cache->pool[at];
	entry->column = column;
	entry->size = (uint16_t) word->size;
	entry->nkeys = (uint16_t) n;
	memcpy(entry->keys, keys, n * sizeof(uint32_t));
	memcpy(&entry->keys[n], word->folded, word->size);
	cache->slots[hash >> (64 - CACHE_BITS)] = (cache_slot) {hash, cache->head};
	cache->head += need;
}
