/*-------------------------------------------------------------------------
 *
 * tokens.c
 *	  Texts as sequences of word numbers, see tokens.h.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/tokens.h"

#include "base/hash.h"
#include "base/sort.h"

#define WORDS			64		/* taken from the reader at a time */
#define POLL_WORDS		4095

uint32_t
ml_tokens_nslots(uint32_t n)
{
	uint32_t	nslots = 2;

	while (nslots / 2 < n)
		nslots *= 2;
	return nslots;
}

uint32_t
ml_tokens_find(const ml_tokens *tokens, ml_text word)
{
	uint32_t	mask = tokens->nslots - 1;
	uint32_t	at = (uint32_t) ml_hash(word.data, word.size, 0) & mask;

	for (; tokens->slots[at] != 0; at = (at + 1) & mask)
	{
		uint32_t	number = tokens->slots[at] - 1 + ML_TOKEN_FIRST;

		if (ml_text_equal(ml_tokens_word(tokens, number), word))
			return number;
	}
	return ML_TOKEN_UNKNOWN;
}

ml_status
ml_tokens_hash(ml_context *ctx, const ml_tokens *tokens, uint32_t *slots)
{
	uint32_t	mask = tokens->nslots - 1;
	size_t		probes = 0;

	memset(slots, 0, tokens->nslots * sizeof(uint32_t));
	for (uint32_t i = 0; i < tokens->n; i++)
	{
		ml_text		word = ml_tokens_word(tokens, i + ML_TOKEN_FIRST);
		uint32_t	at = (uint32_t) ml_hash(word.data, word.size, 0) & mask;

		do
		{
			if ((++probes & POLL_WORDS) == 0)
				ML_TRY(ml_poll(ctx));
		} while (slots[at] != 0 && (at = (at + 1) & mask, true));
		slots[at] = i + 1;
	}
	return ML_OK;
}

ml_status
ml_tokens_check(ml_context *ctx, const ml_tokens *tokens, size_t size)
{
	uint64_t	start = 0;

	for (uint32_t i = 0; i < tokens->n; i++)
	{
		uint64_t	end = tokens->ends[i];

		if (end <= start || end > size)
			return ml_fail(ctx, ML_BAD_MODEL, "word %u of the vocabulary lies outside of its bytes", i);
		if (ml_utf8_valid(tokens->bytes + start, (size_t) (end - start)) != end - start)
			return ml_fail(ctx, ML_BAD_MODEL, "word %u of the vocabulary is not UTF-8", i);
		start = end;
		if ((i & POLL_WORDS) == POLL_WORDS)
			ML_TRY(ml_poll(ctx));
	}
	if (start != size)
		return ml_fail(ctx, ML_BAD_MODEL, "bytes follow the last word of the vocabulary");
	return ML_OK;
}

/* ---------- choosing ---------- */

typedef struct candidate
{
	ml_text		word;
	uint64_t	count;
	uint32_t	number;			/* as seen */
} candidate;

/* The more frequent first, then in C order. */
static int
compare_candidates(const void *a, const void *b)
{
	const candidate *x = a;
	const candidate *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return ml_text_compare(x->word, y->word);
}

static ml_status
keep_words(ml_context *ctx, ml_arena *arena, const candidate *candidates, uint32_t n, uint32_t *map,
		   ml_tokens *tokens)
{
	size_t		size = 0;
	uint64_t   *ends;
	char	   *bytes;
	void	   *memory;

	for (uint32_t i = 0; i < n; i++)
		size += candidates[i].word.size;
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, sizeof(uint64_t)), &memory));
	ends = memory;
	ML_TRY(ml_arena_alloc(ctx, arena, size, &memory));
	bytes = memory;
	size = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		memcpy(bytes + size, candidates[i].word.data, candidates[i].word.size);
		size += candidates[i].word.size;
		ends[i] = size;
		map[candidates[i].number] = i + ML_TOKEN_FIRST;
	}
	*tokens = (ml_tokens)
	{
		.n = n,
		.nslots = ml_tokens_nslots(n),
		.ends = ends,
		.bytes = bytes
	};
	return ML_OK;
}

ml_status
ml_tokens_choose(ml_context *ctx, ml_arena *arena, const ml_levels *words, const uint64_t *counts,
				 uint32_t most, uint32_t min_count, uint32_t *map, ml_tokens *tokens)
{
	candidate  *candidates;
	uint32_t	n = 0;
	void	   *memory;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, ml_size_mul(words->n + 1, sizeof(candidate)), &memory));
	candidates = memory;
	for (uint32_t i = 0; i < words->n; i++)
	{
		map[i] = ML_TOKEN_UNKNOWN;
		if (counts[i] >= ML_MAX(min_count, 1))
			candidates[n++] = (candidate) {words->values[i], counts[i], i};
	}
	status = ml_sort_polled(ctx, candidates, n, sizeof(candidate), compare_candidates);
	if (status == ML_OK && n == 0)
		status = ml_fail(ctx, ML_BAD_DATA, "the texts have no words to learn from");
	if (status == ML_OK)
		status = keep_words(ctx, arena, candidates, ML_MIN(n, most - ML_TOKEN_FIRST), map, tokens);
	ml_release(ctx, candidates);
	return status;
}

/* ---------- reading ---------- */

ml_status
ml_tokens_read(ml_context *ctx, const ml_tokens *tokens, ml_words *reader, ml_text text, uint32_t most,
			   int32_t *ids, ml_token_place *places, uint32_t *n)
{
	ml_word		words[WORDS];
	size_t		got;

	*n = 0;
	ml_words_begin(reader, text);
	do
	{
		ML_TRY(ml_words_next(ctx, reader, words, WORDS, &got));
		for (size_t i = 0; i < got && *n < most; i++)
		{
			if (places != NULL)
				places[*n] = (ml_token_place) {words[i].start, words[i].raw_size};
			ids[(*n)++] = (int32_t) ml_tokens_find(tokens, (ml_text) {words[i].folded, words[i].size});
		}
	} while (got > 0 && *n < most);
	return ML_OK;
}

ml_status
ml_tokens_collect(ml_context *ctx, ml_levels *levels, ml_words *reader, ml_text text, uint32_t most,
				  uint32_t *numbers, uint32_t *n)
{
	ml_word		words[WORDS];
	size_t		got;

	*n = 0;
	ml_words_begin(reader, text);
	do
	{
		ML_TRY(ml_words_next(ctx, reader, words, WORDS, &got));
		for (size_t i = 0; i < got && *n < most; i++)
			ML_TRY(ml_levels_add(ctx, levels, (ml_text) {words[i].folded, words[i].size}, &numbers[(*n)++]));
	} while (got > 0 && *n < most);
	return ML_OK;
}
