/*-------------------------------------------------------------------------
 *
 * encoder.h
 *	  One example (its text columns) -> distinct features and their counts.
 *
 * Mutable state of one session or training.  Without a vocabulary the keys are
 * buckets; with one they are dense ids and what it doesn't know is dropped at
 * once.  Keys come in the order of their first occurrence, each once.
 * Memory is bounded by the number of distinct keys, not by the text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ENCODER_H
#define ML_ENCODER_H

#include "feature/recipe.h"
#include "feature/vocabulary.h"
#include "text/words.h"

typedef struct ml_features
{
	size_t		n;
	const uint32_t *keys;		/* buckets, or ids */
	const uint32_t *counts;		/* >= 1 */
} ml_features;

/* What an explanation needs: where a key came from in the caller's texts. */
typedef struct ml_origin
{
	uint32_t	key;
	uint32_t	column;
	size_t		start;			/* bytes in that column's text */
	size_t		size;
	bool		within_word;	/* a character n-gram */
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

/* The same, and every occurrence; *origins is valid until the next call. */
extern ml_status ml_encoder_trace(ml_context *ctx, ml_encoder *encoder,
								  const ml_text *inputs, ml_features *result,
								  const ml_origin **origins, size_t *norigins);

#endif							/* ML_ENCODER_H */
