/*-------------------------------------------------------------------------
 *
 * pieces.h
 *	  Character n-grams within a word, and a cache of what words come to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_PIECES_H
#define ML_PIECES_H

#include "base/hash.h"
#include "base/mem.h"
#include "feature/recipe.h"
#include "text/words.h"

/*
 * ml_hash of bytes (size > 0) that 7 readable ones follow, of any value: the
 * same result without the loop over the last bytes.
 */
static inline uint64_t
ml_hash_padded(const void *bytes, size_t size, uint64_t seed)
{
	const unsigned char *p = bytes;
	size_t		left = size;
	uint64_t	h = seed ^ ML_HASH_K0;

	for (; left > 8; left -= 8, p += 8)
		h = ml_hash_fold(h ^ ml_load64(p), ML_HASH_K1);
	h = ml_hash_fold(h ^ (ml_load64(p) & (~UINT64_C(0) >> (64 - 8 * left))), ML_HASH_K2);
	return ml_hash_fold(h ^ size, ML_HASH_K1);
}

/* Pieces of a word of at most ML_PIECES_WORD bytes, whatever the recipe. */
#define ML_PIECES_WORD	14
#define ML_PIECES_MAX	((ML_PIECES_WORD + 2) * ML_NGRAM_MAX)

/*
 * The buckets (hash >> shift) of all character n-grams of a short ASCII word
 * (range: n from, to); room for ML_PIECES_MAX.  Returns how many, or 0 with
 * *taken = false when the word is not one of those.
 */
extern size_t ml_pieces_short(const ml_word *word, const int *range, uint64_t seed, int shift,
							  uint32_t *buckets, bool *taken);

/* Any word, framed and cut into characters. */
typedef struct ml_framed
{
	char		bytes[ML_WORD_MAX + 2 + ML_WORD_PADDING];
	uint32_t	nchars;
	uint16_t	starts[ML_WORD_MAX + 3];	/* of each character, and the end */
} ml_framed;

extern void ml_pieces_frame(const ml_word *word, ml_framed *framed);

/* The n characters at number i (i + n <= nchars). */
static inline uint64_t
ml_pieces_hash(const ml_framed *framed, uint32_t i, uint32_t n, uint64_t seed)
{
	return ml_hash_padded(framed->bytes + framed->starts[i],
						  framed->starts[i + n] - framed->starts[i], seed);
}

/*
 * Cache: (column, word) -> the known keys of all features that the word has
 * by itself.  It compares the word's bytes, not only its hash, so a hit never
 * changes a result.  Bounded: the oldest entries give way.
 */
typedef struct ml_piece_cache ml_piece_cache;

extern ml_status ml_piece_cache_open(ml_context *ctx, ml_piece_cache **result);

/* hash: the word's, seeded by its column.  NULL: not in the cache. */
extern const uint32_t *ml_piece_cache_find(const ml_piece_cache *cache, uint64_t hash,
										   uint32_t column, const ml_word *word, size_t *n);
extern void ml_piece_cache_store(ml_piece_cache *cache, uint64_t hash, uint32_t column,
								 const ml_word *word, const uint32_t *keys, size_t n);

#endif							/* ML_PIECES_H */
