/*-------------------------------------------------------------------------
 *
 * words.h
 *	  A text as a stream of case-folded words.
 *
 * Boundaries are those of UAX #29 (word boundaries), folding is NFKC_Casefold
 * of each word; both from ICU, which only words_icu.c knows.  Runs of ASCII
 * and of simple Latin letters take a fast path with the same result, word for
 * word.  Scripts written without spaces (Han, Hiragana, Katakana, Thai, Lao,
 * Khmer, Myanmar) come as single characters (ML_WORD_CHARACTER), out of which
 * feature/ makes character n-grams; emoji and other symbols that carry
 * meaning come as ML_WORD_SYMBOL; punctuation and spaces don't come at all.
 *
 * A reader is mutable state of one session.  It works through a text in
 * segments of bounded size, polls the host between them, and holds memory
 * bounded by the segment, not by the text.  Offsets refer to the caller's
 * text, so that an explanation can quote it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_WORDS_H
#define ML_WORDS_H

#include "base/base.h"
#include "kernel/kernel.h"

typedef enum ml_word_kind
{
	ML_WORD_ALPHABETIC,			/* a word as readers know it */
	ML_WORD_NUMBER,				/* begins with a digit */
	ML_WORD_CHARACTER,			/* one character of a script without spaces */
	ML_WORD_SYMBOL				/* emoji, symbols */
} ml_word_kind;

typedef struct ml_word
{
	/* folded bytes; ML_WORD_PADDING readable bytes follow (of any value) and
	 * precede; valid until the next call */
	const char *folded;
	uint32_t	size;			/* bytes of folded; > 0 */
	uint32_t	raw_size;		/* bytes in the caller's text */
	size_t		start;			/* offset in the caller's text */
	ml_word_kind kind;
	bool		adjacent;		/* nothing between the word before and this one */
} ml_word;

#define ML_WORD_PADDING 16
#define ML_WORD_MAX 1024		/* longer words are cut there, at a character */

typedef struct ml_words ml_words;

/* ML_UNSUPPORTED where ICU lacks its data.  Close releases ICU's objects. */
extern ml_status ml_words_open(ml_context *ctx, const ml_kernel *kernel, ml_words **result);
extern void ml_words_close(ml_context *ctx, ml_words *words);

/* Begin a text (UTF-8, borrowed until done).  Never fails. */
extern void ml_words_begin(ml_words *words, ml_text text);

/*
 * Up to capacity (>= 16) words more; *n = 0 at the end of the text.
 * ML_BAD_TEXT with the byte's position when it is not UTF-8, ML_CANCELLED.
 */
extern ml_status ml_words_next(ml_context *ctx, ml_words *words, ml_word *out,
							   size_t capacity, size_t *n);

/* Unicode version in use, as "15.0": recorded in models, compared at use. */
extern const char *ml_words_unicode_version(void);

#endif							/* ML_WORDS_H */
