/*-------------------------------------------------------------------------
 *
 * recipe.h
 *	  How raw values become features; stored in the model as JSON.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_RECIPE_H
#define ML_RECIPE_H

#include "base/json.h"

#define ML_NGRAM_MAX		8	/* longest n-gram of each kind */
#define ML_HASH_BITS_MIN	10
#define ML_HASH_BITS_MAX	24	/* what a training row's words hold (learn/rows.h) */
#define ML_COLUMNS_MAX		1600	/* what a table can have */

/*
 * Features of a text column, for each kind a range of n, 0..0 = none:
 *	  word n-grams, word_ngrams[0]..[1] words, numbers and symbols, whatever
 *	  punctuation is between them; a ML_WORD_CHARACTER ends the sequence;
 *	  script n-grams, script_ngrams[0]..[1] ML_WORD_CHARACTERs with nothing
 *	  between them;
 *	  character n-grams within a word or number, char_ngrams[0]..[1] code
 *	  points, the word framed by a space on either side, which counts.
 * Every feature is hashed (with its kind and column) into 2^hash_bits buckets.
 * Those in >= min_df training rows become features with dense ids, in bucket
 * order.  The value of a feature that occurs tf times is
 *	  (sublinear_tf ? 1 + ln tf : tf) * (idf ? 1 + ln((1 + rows) / (1 + df)) : 1)
 * in the fixed point of weight.h, where rows are those of the training, for
 * script n-grams only those that have any; and, with l2_norm, the row is
 * divided by its Euclidean length.
 */
typedef struct ml_recipe
{
	uint32_t	ncolumns;
	ml_text    *columns;		/* names, in the order of the inputs */
	int			word_ngrams[2];
	int			char_ngrams[2];
	int			script_ngrams[2];
	int			hash_bits;
	int			min_df;
	bool		sublinear_tf;
	bool		idf;
	bool		l2_norm;
	ml_text		unicode;		/* version at training */
} ml_recipe;

/* The defaults, chosen by cross-validation (README, "Training and versions"). */
extern void ml_recipe_default(ml_recipe *recipe);

/* Strings of the result live in the arena.  ML_BAD_MODEL. */
extern ml_status ml_recipe_read(ml_context *ctx, ml_arena *arena, ml_text json,
								ml_recipe *recipe);
extern ml_status ml_recipe_write(ml_context *ctx, const ml_recipe *recipe, ml_buffer *json);

#endif							/* ML_RECIPE_H */
