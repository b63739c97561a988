/*-------------------------------------------------------------------------
 *
 * stored.h
 *	  The stored layout of a linear classifier: one safetensors file.
 *
 * Metadata (strings): format "1", task "classification", algorithm, recipe
 * (JSON, recipe.h), labels (JSON array, ascending in C order).
 *
 * Tensors, n features, s scores (1 for two labels, else one per label):
 *	  features.gaps   U8 [bytes]	which buckets are features (vocabulary.h)
 *	  features.idf    U8 [n]		index into idf_levels
 *	  idf_levels      U16 [256]		in units of 1 / ML_IDF_ONE (weight.h)
 *	  weights		  U8 [bytes]	one row per feature, see below
 *	  scale			  F32 [s]		> 0
 *	  bias			  F32 [s]
 *	  slope			  F32 [s]		calibration
 *	  offset		  F32 [s]
 *
 * A weight of the file is the learnt weight times the feature's idf, divided
 * by its score's scale, as an int8.  A row of "weights":
 *	  s <= ML_DENSE_SCORES:	s int8
 *	  else: a count k as LEB128; k = s: s int8, the weights of all scores;
 *		k < s: k pairs of a score (U8, or U16 little-endian when s > 256,
 *		ascending) and an int8.  Scores not named have weight 0.
 * So a model's size follows what was learnt, not features x labels.
 *
 *	  score_c = bias_c + scale_c * sum of tf * weight_c / |row|
 *	  two labels:  P(labels[1]) = sigmoid(slope_0 * score_0 + offset_0)
 *	  more:		   P = softmax(slope_c * score_c + offset_c)
 *
 * where |row| is the Euclidean length of tf * idf over all features of the
 * file (1 without l2_norm): also of those whose weights are all 0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_STORED_H
#define ML_STORED_H

#include "base/print.h"
#include "feature/recipe.h"
#include "feature/vocabulary.h"
#include "feature/weight.h"
#include "format/safetensors.h"
#include "model/quantize.h"

/* recipe->columns and unicode must be filled in.  Everything is borrowed. */
typedef struct ml_stored_linear
{
	ml_text		algorithm;		/* "svm", "logistic_regression" */
	const ml_recipe *recipe;
	const ml_vocabulary *vocabulary;
	const uint8_t *idf_code;	/* [nfeatures] */
	const uint16_t *idf_levels; /* [ML_IDF_LEVELS] */
	uint32_t	nlabels;
	const ml_text *labels;		/* ascending in C order, distinct */
	const ml_quantized *weights;	/* nscores = nlabels == 2 ? 1 : nlabels */
	const float *bias;			/* [nscores] */
	const float *slope;			/* [nscores] */
	const float *offset;		/* [nscores] */
} ml_stored_linear;

/* Appends the file to an empty buffer. */
extern ml_status ml_stored_write_linear(ml_context *ctx, const ml_stored_linear *model,
										ml_buffer *file);

/*
 * A file, checked as far as it can be without unpacking: only gaps and
 * weights are left to those who decode them.  Numbers point into the file's
 * bytes, unaligned and little-endian; the rest lives in the arena.
 */
typedef struct ml_stored
{
	ml_text		algorithm;
	ml_text		recipe_json;
	ml_text		labels_json;
	ml_recipe	recipe;
	uint32_t	nlabels;
	uint32_t	nscores;
	uint32_t	nfeatures;
	ml_text    *labels;
	const uint8_t *gaps;
	size_t		gaps_size;
	const uint8_t *idf_code;
	const uint8_t *weights;
	size_t		weights_size;
	uint16_t   *idf_levels;
	double	   *scale;			/* [nscores], as bias, slope and offset */
	double	   *bias;
	double	   *slope;
	double	   *offset;
} ml_stored;

/* The file and which format it has (model.h).  ML_BAD_MODEL, ML_NEWER_FORMAT. */
extern ml_status ml_stored_open(ml_context *ctx, ml_arena *arena, const void *bytes, size_t size,
								ml_safetensors *file, int *format);

/* Of format 1.  ML_BAD_MODEL. */
extern ml_status ml_stored_read(ml_context *ctx, ml_arena *arena, const ml_safetensors *file,
								ml_stored *stored);

/* A JSON array of labels, checked; in the arena. */
extern ml_status ml_stored_read_labels(ml_context *ctx, ml_arena *arena, ml_text json,
									   ml_text **labels, uint32_t *nlabels);

#endif							/* ML_STORED_H */
