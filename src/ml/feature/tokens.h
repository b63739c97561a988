/*-------------------------------------------------------------------------
 *
 * tokens.h
 *	  Texts as sequences of word numbers, for networks: the vocabulary, how it is
 *	  chosen, and the reader that applies it.
 *
 * Words are those of text/words.h: folded, marks and emoticons included,
 * characters of scripts without spaces one by one.  Number 0 is padding, 1 is a
 * word that the vocabulary lacks, 2 the most frequent word of the rows that
 * learn, and so on; of equally frequent ones the first in C order comes first.
 *
 * The struct is a view: its arrays are borrowed, from the arena of a training or
 * from an image, where they are read-only and shared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TOKENS_H
#define ML_TOKENS_H

#include "feature/roles.h"
#include "text/words.h"

#define ML_TOKEN_PADDING	0
#define ML_TOKEN_UNKNOWN	1
#define ML_TOKEN_FIRST		2	/* the first that is a word */
#define ML_TOKENS_MAX		(UINT32_C(1) << 24)
#define ML_TOKENS_LENGTH	65536	/* most words of a text that are looked at */

typedef struct ml_tokens
{
	uint32_t	n;				/* words; numbers are 0 .. n + 1 */
	uint32_t	nslots;			/* a power of two, at least 2 n */
	const uint64_t *ends;		/* [n]: where each word's bytes end in "bytes" */
	const char *bytes;
	const uint32_t *slots;		/* 1 + word, 0 = free */
} ml_tokens;

/*
 * The "most" - 2 most frequent words that occur at least min_count times.
 * counts[words->n]; map[words->n] gets each word's number.  Arrays of the result
 * but slots are in the arena.  ML_BAD_DATA: there is none.
 */
extern ml_status ml_tokens_choose(ml_context *ctx, ml_arena *arena, const ml_levels *words,
								  const uint64_t *counts, uint32_t most, uint32_t min_count,
								  uint32_t *map, ml_tokens *tokens);

extern uint32_t ml_tokens_nslots(uint32_t n);
/* Fill slots[nslots]: what an image keeps beside the words. */
extern ml_status ml_tokens_hash(ml_context *ctx, const ml_tokens *tokens, uint32_t *slots);

/* Are the words, which have "size" bytes in all, UTF-8 and not empty?  Before ml_tokens_hash, which trusts their ends.  ML_BAD_MODEL. */
extern ml_status ml_tokens_check(ml_context *ctx, const ml_tokens *tokens, size_t size);

/* The word of a number from ML_TOKEN_FIRST on. */
static inline ml_text
ml_tokens_word(const ml_tokens *tokens, uint32_t number)
{
	uint32_t	i = number - ML_TOKEN_FIRST;
	uint64_t	start = i == 0 ? 0 : tokens->ends[i - 1];

	return (ml_text) {tokens->bytes + start, (size_t) (tokens->ends[i] - start)};
}

/* The number of a word, ML_TOKEN_UNKNOWN if it has none. */
extern uint32_t ml_tokens_find(const ml_tokens *tokens, ml_text word);

/*
 * The first "most" words of a text -> ids[*n], and where each stands in it
 * (places may be NULL).  ML_BAD_TEXT.
 */
typedef struct ml_token_place
{
	size_t		start;
	uint32_t	size;
} ml_token_place;

extern ml_status ml_tokens_read(ml_context *ctx, const ml_tokens *tokens, ml_words *reader, ml_text text,
								uint32_t most, int32_t *ids, ml_token_place *places, uint32_t *n);

/* The same while rows are read: words are numbered in order of appearance (levels), new ones added. */
extern ml_status ml_tokens_collect(ml_context *ctx, ml_levels *words, ml_words *reader, ml_text text,
								   uint32_t most, uint32_t *numbers, uint32_t *n);

#endif							/* ML_TOKENS_H */
