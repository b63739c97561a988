/*-------------------------------------------------------------------------
 *
 * words.h
 *	  A text as a stream of case-folded words.
 *
 * Words.  Boundaries are those of UAX #29 (word boundaries), with ICU's root
 * rules; folding is NFKC_Casefold of each word.  Where this departs from
 * them, so that a model keeps its meaning from one ICU to the next:
 *	- '@' and ':' (and their wide and small forms) always separate; releases
 *	  of ICU disagree about both;
 *	- ICU's dictionaries, which change with every release, are never asked.
 *	  Scripts written without spaces (Han, Hiragana, Katakana; Thai, Lao,
 *	  Khmer, Myanmar and whatever else Unicode marks as SA for line breaking)
 *	  come as single characters, each with the marks that follow it, of kind
 *	  ML_WORD_CHARACTER; feature/ makes n-grams out of runs of them;
 *	- the apostrophes U+2018 and U+2019 fold to U+0027: phones type them;
 *	- a word that folds to nothing, or has nothing but connectors ('_') in it,
 *	  is dropped; one longer than ML_WORD_MAX bytes is cut at a character.
 * A word that begins with a decimal digit is of kind ML_WORD_NUMBER.
 *
 * Of what is not a word, only ML_WORD_SYMBOLs come, the rest is dropped:
 *	- emoji (a whole sequence is one), flags, and symbols of category So; of a
 *	  run of the same one the first three;
 *	- a run of '!' or of '?', wide ones too, folded to at most three;
 *	- the emoticons that symbols.c knows, folded to one spelling: ":-)))",
 *	  "=)" and ":)" are ":)".
 *
 * Why these.  4-fold cross-validation on sentiment_en's train part (linear
 * SVC on word 1-2 and character 2-4 grams): without marks and emoticons
 * 0.6742, with runs of ! and ? 0.6749, with emoticons 0.6760, with both 0.6774
 * (tweets alone: 0.7165 -> 0.7332); with $ % * " - ( ) ... as well 0.6757.
 * 5-fold on reviews_zh's train part (logistic): ICU's dictionary words 0.8317,
 * word 1-2 grams 0.8421; character 1-2 grams 0.8435, 1-3 grams 0.8452, 1-4
 * grams 0.8417.  So characters it is; they are also twenty times faster.  (Words
 * and characters together: 0.8501.)
 *
 * Speed.  Runs of ASCII, of simple letters of Latin, Greek, Cyrillic, Armenian
 * and Arabic, of Han and kana with their punctuation take a fast path; any
 * other character sends the stretch around it, as far as it can matter, to
 * ICU, which only words_icu.c knows.  Both give the same, word for word.
 * ICU is opened when it is first needed: that costs a process 0.1 ms, and 3 ms
 * when its data is not in memory, which most sessions never pay.
 *
 * A reader is mutable state of one session.  It works through a text in
 * segments of some kilobytes, polls the host between them, and holds memory
 * bounded by the segment, not by the text.  A segment ends before white space
 * or a Han character, where nothing depends on it; if there is neither for 64
 * kB it ends before any character.  Offsets refer to the caller's text, so
 * that an explanation can quote it.
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
	ML_WORD_SYMBOL				/* emoji, emoticons, ! and ? */
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

/* Close releases ICU's objects, too. */
extern ml_status ml_words_open(ml_context *ctx, const ml_kernel *kernel, ml_words **result);
extern void ml_words_close(ml_context *ctx, ml_words *words);

/* Begin a text (UTF-8, borrowed until done).  Never fails. */
extern void ml_words_begin(ml_words *words, ml_text text);

/*
 * Up to capacity (>= 16) words more; fewer at the end of a segment, and *n = 0
 * only at the end of the text.  ML_BAD_TEXT with the byte's position when it is
 * not UTF-8; ML_CANCELLED; ML_UNSUPPORTED where ICU is needed and lacks its
 * data.  After a failure the text is done with: begin another.
 */
extern ml_status ml_words_next(ml_context *ctx, ml_words *words, ml_word *out,
							   size_t capacity, size_t *n);

/* Unicode version in use, as "15.0": recorded in models, compared at use. */
extern const char *ml_words_unicode_version(void);

#endif							/* ML_WORDS_H */
