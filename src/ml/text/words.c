/*-------------------------------------------------------------------------
 *
 * words.c
 *	  The reader: segments of a text, and the words of a segment.
 *
 * See words.h for what a word is and segment.c for how they are found.
 *
 *-------------------------------------------------------------------------
 */
#include "text/words_internal.h"
#include "base/mem.h"

/* Where ICU is at its slowest, this many bytes take about a millisecond. */
#define POLL_BYTES 16384

ml_status
ml_words_open(ml_context *ctx, const ml_kernel *kernel, ml_words **result)
{
	ml_words   *words;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_words), (void **) &words));
	words->kernel = kernel;
	ml_letters_fill(words->letters);
	*result = words;
	return ML_OK;
}

void
ml_words_close(ml_context *ctx, ml_words *words)
{
	if (words == NULL)
		return;
	if (words->unicode != NULL)
		ml_unicode_close(ctx, words->unicode);
	ml_release(ctx, words->found.items);
	ml_release(ctx, words->found.folded);
	ml_release(ctx, words->buffer);
	ml_release(ctx, words);
}

void
ml_words_begin(ml_words *words, ml_text text)
{
	words->text = text;
	words->begin = 0;
	words->size = 0;
	words->position = 0;
	words->found.n = 0;
	words->found_next = 0;
	words->last_end = SIZE_MAX;
}

/* ----- segments ----- */

/* Before which bytes a text may be cut: white space, and Han. */
static bool
may_cut(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0xE5 && c <= 0xE9);
}

static size_t
segment_end(ml_text text, size_t begin)
{
	const unsigned char *s = (const unsigned char *) text.data;
	size_t		left = text.size - begin;
	size_t		end;

	if (left <= ML_SEGMENT)
		return text.size;
	for (end = begin + ML_SEGMENT; end > begin; end--)
		if (may_cut(s[end]))
			return end;
	for (end = begin + ML_SEGMENT; end < begin + ML_MIN(left, ML_SEGMENT_MAX); end++)
		if (may_cut(s[end]))
			return end;
	if (end == text.size)
		return end;
	while (end > begin + ML_SEGMENT_MAX - 3 && (s[end] & 0xC0) == 0x80)
		end--;
	return end;
}

/* Buffers for a segment of this size.  What they held is lost. */
static ml_status
reserve(ml_context *ctx, ml_words *words, size_t size)
{
	size_t		nblocks = size / 64 + 2;
	size_t		text_bytes = nblocks * 64 + 2 * ML_ALIGN;
	char	   *buffer;

	if (size <= words->capacity)
		return ML_OK;
	ml_release(ctx, words->buffer);
	words->buffer = NULL;
	words->capacity = 0;
	ML_TRY(ml_alloc(ctx, text_bytes + nblocks * (sizeof(ml_ascii_block) + sizeof(uint64_t)),
					(void **) &buffer));
	words->buffer = buffer;
	words->folded = buffer + ML_ALIGN;
	words->blocks = (ml_ascii_block *) (buffer + text_bytes);
	words->cuts = (uint64_t *) (words->blocks + nblocks);
	words->capacity = size;
	return ML_OK;
}

static ml_status
next_segment(ml_context *ctx, ml_words *words)
{
	size_t		begin = words->begin + words->size;
	size_t		size = segment_end(words->text, begin) - begin;

	words->begin = begin;
	words->size = 0;
	words->position = 0;
	words->unpolled += size;
	if (words->unpolled > POLL_BYTES)
	{
		ML_TRY(ml_poll(ctx));
		words->unpolled = size;
	}
	/* segments come in two sizes: short ones, and up to the longest */
	ML_TRY(reserve(ctx, words, size <= ML_SEGMENT ? ML_SEGMENT : ML_SEGMENT_MAX));
	words->size = size;
	return ml_segment_scan(ctx, words);
}

/* ----- words of a segment ----- */

/* Where words go. */
typedef struct word_output
{
	ml_word    *words;
	size_t		n;
	size_t		capacity;
} word_output;

static inline void
put_word(ml_words *words, word_output *out, ml_word word)
{
	word.adjacent = word.start == words->last_end;
	words->last_end = word.start + word.raw_size;
	out->words[out->n++] = word;
}

/* The words that ICU found and that begin before this offset in the text. */
static void
put_found(ml_words *words, word_output *out, size_t before)
{
	while (words->found_next < words->found.n && out->n < out->capacity)
	{
		const ml_found *found = &words->found.items[words->found_next];

		if (found->start >= before)
			return;
		words->found_next++;
		put_word(words, out, (ml_word)
				 {
					 .folded = words->found.folded + found->folded,
					 .size = found->size,
					 .raw_size = found->raw_size,
					 .start = found->start,
					 .kind = found->kind
				 });
	}
}

/* U+2018 and U+2019 -> U+0027, in place; the new size. */
static uint32_t
straighten_quotes(char *folded, uint32_t size)
{
	uint32_t	to = 0;

	for (uint32_t from = 0; from < size; from++)
	{
		if (size - from >= 3 && (memcmp(folded + from, "\xE2\x80\x98", 3) == 0 ||
								 memcmp(folded + from, "\xE2\x80\x99", 3) == 0))
		{
			folded[to++] = '\'';
			from += 2;
		}
		else
			folded[to++] = folded[from];
	}
	return to;
}

/* Bytes of the symbol at folded, as segment.c has left it. */
static uint32_t
symbol_size(const ml_words *words, size_t start, uint32_t raw_size)
{
	const char *folded = words->folded + start;
	bool		wide = (unsigned char) words->text.data[words->begin + start] >= 0x80;

	if (*folded == '!' || *folded == '?')
		return ML_MIN(wide ? raw_size / 3 : raw_size, ML_SYMBOL_REPEATS);
	return folded[1] == '\'' ? 3 : 2;
}

/* The word folded[start, end); returns where it was cut, or end. */
static inline size_t
put_run(ml_words *words, word_output *out, size_t start, size_t end)
{
	char	   *folded = words->folded + start;
	unsigned	first = (unsigned char) *folded;
	ml_word		word = {
		.folded = folded,
		.size = (uint32_t) (end - start),
		.raw_size = (uint32_t) (end - start),
		.start = words->begin + start,
		.kind = ML_WORD_ALPHABETIC
	};

	if (ML_LIKELY(first - 'a' < 26))
		;
	else if (first - '0' < 10)
		word.kind = ML_WORD_NUMBER;
	else if (first >= 0xE3)		/* letters are of two bytes, or begin with 0xE1 */
		word.kind = ML_WORD_CHARACTER;
	else if (first == '!' || first == '?' || first == ':' || first == ';' || first == '<')
	{
		word.kind = ML_WORD_SYMBOL;
		word.size = symbol_size(words, start, word.raw_size);
	}
	if (ML_UNLIKELY(end - start > ML_WORD_MAX && word.kind != ML_WORD_SYMBOL))
	{
		end = ml_word_cut(words->text.data + words->begin, start, end, ML_WORD_MAX);
		words->cuts[end / 64] |= UINT64_C(1) << (end % 64);
		word.size = (uint32_t) (end - start);
		word.raw_size = word.size;
	}
	if (ML_UNLIKELY(first == '_'))
	{
		size_t		i = start + 1;

		while (i < end && words->folded[i] == '_')
			i++;
		if (i == end)
			return end;
	}
	if (ML_UNLIKELY(words->quotes))
		word.size = straighten_quotes(folded, word.size);
	put_word(words, out, word);
	return end;
}

/* Where the word ends that runs on into block b. */
static size_t
run_end(const ml_words *words, size_t b)
{
	uint64_t	ends;

	for (;; b++)
	{
		uint64_t	word = words->blocks[b].word;

		ends = (word << 1 | words->blocks[b - 1].word >> 63) & (~word | words->cuts[b]);
		if (ends != 0)
			return b * 64 + (size_t) __builtin_ctzll(ends);
	}
}

/*
 * Words from words->position on, until the output is full or the segment ends.
 * Starts and ends of words are bits; the first end after a start is its own.
 */
static void
put_words(ml_words *words, word_output *out)
{
	size_t		nblocks = words->size / 64 + 1; /* a word may end at words->size */
	size_t		b = words->position / 64;

	while (b < nblocks)
	{
		uint64_t	word = words->blocks[b].word;
		uint64_t	on = word << 1 | (b > 0 ? words->blocks[b - 1].word >> 63 : 0);
		uint64_t	starts = word & (~on | words->cuts[b]);
		uint64_t	ends = on & (~word | words->cuts[b]);

		if (words->position > b * 64)
			starts &= ~UINT64_C(0) << (words->position % 64);
		while (starts != 0)
		{
			unsigned	bit = (unsigned) __builtin_ctzll(starts);
			size_t		start = b * 64 + bit;
			size_t		end;

			if (ML_UNLIKELY(words->found_next < words->found.n))
				put_found(words, out, words->begin + start);
			if (out->n == out->capacity)
				return;
			starts &= starts - 1;
			ends &= ~UINT64_C(1) << bit;
			end = ends != 0 ? b * 64 + (size_t) __builtin_ctzll(ends) : run_end(words, b + 1);
			words->position = put_run(words, out, start, end);
		}
		b = ML_MAX(b + 1, words->position / 64);
	}
}

ml_status
ml_words_next(ml_context *ctx, ml_words *words, ml_word *result, size_t capacity, size_t *n)
{
	word_output out = {result, 0, capacity};

	*n = 0;
	while (out.n == 0)
	{
		if (words->position >= words->size && words->found_next == words->found.n)
		{
			if (words->begin + words->size == words->text.size)
				return ML_OK;
			ML_TRY(next_segment(ctx, words));
		}
		put_words(words, &out);
		if (out.n < capacity)
		{
			words->position = words->size;
			put_found(words, &out, SIZE_MAX);
		}
	}
	*n = out.n;
	return ML_OK;
}
