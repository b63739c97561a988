/*-------------------------------------------------------------------------
 *
 * words_internal.h
 *	  What the files of text/ share; not for other folders (tests may look).
 *
 * A segment is scanned once (segment.c) into two bit maps over its bytes:
 * "word", the bytes that belong to words and symbols, and "cut", where one of
 * them begins or ends although its neighbour goes on.  Words are then runs of
 * bits (words.c).  Stretches that need ICU are cleared from the maps; their
 * words come in a list (words_icu.c) that is merged by position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_WORDS_INTERNAL_H
#define ML_WORDS_INTERNAL_H

#include "text/words.h"

#define ML_SEGMENT		8192	/* bytes, where the text allows a cut */
#define ML_SEGMENT_MAX	65536
#define ML_SYMBOL_REPEATS 3		/* of one symbol in a row, as many come */

/* ----- symbols.c ----- */

/* Folded spelling of an ASCII symbol. */
typedef struct ml_symbol
{
	char		folded[4];
	uint32_t	size;
} ml_symbol;

/*
 * Bytes of the run of marks or the emoticon that begins at "at" (one of the
 * symbol bytes of ml_ascii_block) and ends before "end"; 0 when there is none.
 * Looks at the bytes around, so that the answer does not depend on segments.
 */
extern size_t ml_symbol_at(ml_text text, size_t at, size_t end, ml_symbol *symbol);

/* ----- letters.c ----- */

#define ML_LETTERS_FIRST	0x80
#define ML_LETTERS_END		0x800
#define ML_LETTER_OTHER		0	/* ask ICU */
#define ML_LETTER_NONE		1	/* separates, is no word, no symbol */

/*
 * For each two-byte character its folded letter, also of two bytes, or one of
 * the above.  Such letters are ALetter in UAX #29, and stay as they are beside
 * any other of them under NFKC.
 */
extern void ml_letters_fill(uint16_t letters[ML_LETTERS_END - ML_LETTERS_FIRST]);

/* ----- words_icu.c ----- */

typedef struct ml_found
{
	size_t		start;			/* in the text */
	uint32_t	raw_size;
	uint32_t	size;
	size_t		folded;			/* offset into ml_found_list.folded */
	ml_word_kind kind;
} ml_found;

typedef struct ml_found_list
{
	ml_found   *items;
	size_t		n;
	size_t		capacity;
	char	   *folded;			/* ML_WORD_PADDING bytes on either side */
	size_t		folded_size;
	size_t		folded_capacity;
} ml_found_list;

typedef struct ml_unicode ml_unicode;

extern ml_status ml_unicode_open(ml_context *ctx, ml_unicode **result);
extern void ml_unicode_close(ml_context *ctx, ml_unicode *unicode);

/* Append the words of text[begin, end), but no ASCII symbols. */
extern ml_status ml_unicode_find(ml_context *ctx, ml_unicode *unicode, ml_text text,
								 size_t begin, size_t end, ml_found_list *list);

/* ----- segment.c ----- */

struct ml_words
{
	const ml_kernel *kernel;
	ml_unicode *unicode;		/* NULL until it is needed */
	bool		unicode_only;	/* no fast path: for tests */
	ml_text		text;

	/* the segment: text[begin, begin + size); offsets below are relative */
	size_t		begin;
	size_t		size;
	size_t		position;		/* words that start before have been handed out */
	size_t		pending_begin;	/* a stretch for ICU that may still grow; */
	size_t		pending_end;	/* empty: it, and all before, is done */
	bool		quotes;			/* U+2018 or U+2019 inside a word */
	ml_found_list found;
	size_t		found_next;		/* the next to hand out */

	size_t		last_end;		/* in the text: end of the word before */
	size_t		unpolled;		/* bytes scanned since the last poll */

	size_t		capacity;		/* of a segment, in bytes, multiple of 64 */
	char	   *buffer;			/* holds the three below */
	char	   *folded;			/* ML_WORD_PADDING bytes on either side */
	ml_ascii_block *blocks;		/* one more than the segment needs, zeroed */
	uint64_t   *cuts;			/* the same */
	uint16_t	letters[ML_LETTERS_END - ML_LETTERS_FIRST];
};

/* Fold text[begin, begin + size) and set word, cut, quotes and found. */
extern ml_status ml_segment_scan(ml_context *ctx, ml_words *words);

/* ----- words.c ----- */

/*
 * Where to cut the word text[start, end) when it is longer than max (>= 4)
 * bytes: after a whole character, and never before ';', so that what a piece
 * is can be told from its first byte.
 */
static inline size_t
ml_word_cut(const char *text, size_t start, size_t end, size_t max)
{
	if (end - start <= max)
		return end;
	end = start + max;
	while (((unsigned char) text[end] & 0xC0) == 0x80 || text[end] == ';')
		end--;
	return end;
}

#endif							/* ML_WORDS_INTERNAL_H */
