/*-------------------------------------------------------------------------
 *
 * encoder.h
 *	  One example (its text columns) -> distinct features and their counts.
 *
 * Mutable state of one session or training.  Without a vocabulary the keys are
 * buckets; with one they are dense ids and what it doesn't know is dropped at
 * once.  Each key comes once, in no particular order.  Memory is bounded by
 * the number of distinct keys, not by the text.
 *
 * A feature's hash is a chain: ml_hash of the first part (a word, a script
 * character, or the bytes of a piece of a word), then ml_hash_join with the
 * ml_hash of each further part; all seeded by ml_hash_join(kind, column), kind
 * 1 being words, 2 script characters, 3 pieces.  Its bucket is the hash's top
 * hash_bits bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ENCODER_H
#define ML_ENCODER_H

#include "feature/recipe.h"
#include "feature/seen.h"
#include "feature/vocabulary.h"
#include "text/words.h"

typedef struct ml_features
{
	size_t		n;
	const uint32_t *words;		/* counted buckets or ids (seen.h) */
} ml_features;

/* The same of a model's features, for serving: most of them occur once. */
typedef struct ml_occurrences
{
	size_t		n;
	const uint32_t *ids;		/* distinct */
	size_t		nagain;
	const uint32_t *again;		/* those that occur again, counted from the second time on */
} ml_occurrences;

/*
 * What a feature of one example is called.  Words of an n-gram are joined by a
 * space, script characters by nothing; a piece of a word has a hyphen where
 * the word goes on: "un-", "-ing", "-ord-".  A feature has several origins
 * when different n-grams share its bucket.
 */
typedef struct ml_origin
{
	uint32_t	feature;		/* index into ml_features */
	uint32_t	column;
	ml_text		text;
} ml_origin;

typedef struct ml_encoder ml_encoder;

/* recipe, vocabulary (may be NULL) and kernel must outlive the encoder. */
extern ml_status ml_encoder_open(ml_context *ctx, const ml_recipe *recipe,
								 const ml_vocabulary *vocabulary,
								 const ml_kernel *kernel, ml_encoder **result);
extern void ml_encoder_close(ml_context *ctx, ml_encoder *encoder);

/*
 * inputs: one text per column of the recipe; an absent one counts as empty.
 * The result is valid until the next call.  ML_BAD_TEXT, ML_CANCELLED.
 */
extern ml_status ml_encoder_run(ml_context *ctx, ml_encoder *encoder,
								const ml_text *inputs, ml_features *result);

/* The same, faster; with a vocabulary only. */
extern ml_status ml_encoder_find(ml_context *ctx, ml_encoder *encoder,
								 const ml_text *inputs, ml_occurrences *result);

/*
 * As ml_encoder_run, slower, and the features' origins, each distinct one once, in
 * order of first occurrence; *origins is valid until the next call.
 */
extern ml_status ml_encoder_trace(ml_context *ctx, ml_encoder *encoder,
								  const ml_text *inputs, ml_features *result,
								  const ml_origin **origins, size_t *norigins);

/*
 * For training: which buckets features of a kind fall into (2^hash_bits bits;
 * NULL: not wanted), and whether the example encoded last has script features.
 */
typedef struct ml_marks
{
	uint64_t   *pieces;			/* character n-grams of words */
	uint64_t   *scripts;		/* n-grams of script characters */
	bool		script;
} ml_marks;

/* Keep marks from now on; they must outlive the encoder. */
extern void ml_encoder_mark(ml_encoder *encoder, ml_marks *marks);

/* The encoder's reader of words, for who needs words alone between two calls. */
extern ml_words *ml_encoder_words(ml_encoder *encoder);

#endif							/* ML_ENCODER_H */
