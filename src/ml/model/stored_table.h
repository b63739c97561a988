/*-------------------------------------------------------------------------
 *
 * stored_table.h
 *	  The stored layout of a table's model, format 2: one safetensors file.
 *
 * Metadata (strings): format "2", task "classification" or "regression",
 * algorithm, table (JSON, tabular.h).  Classification: labels (JSON array,
 * ascending in C order); of two: positive, the label that the score speaks
 * for.  With columns of text: recipe (JSON, recipe.h).  Kernel machines:
 * kernel "rbf" or "polynomial".
 *
 * Tensors, in this order; d dense features, h levels as features, w = d + h
 * (tabular.h has their numbers); l levels; s scores (1 for regression and two
 * labels, else one per label, in the order of labels); t text features:
 *	  scaling		  F64 [d, 5]	mean, scale, fill, low, high of each
 *	  level_end		  U64 [l]		where each level's bytes end in levels
 *	  levels		  U8 [bytes]
 *	  bias			  F64 [s]
 *	  calibration	  F64 [2]		classification: slope and offset
 *	linear models:
 *	  weights		  F64 [s, w]	of the scaled features
 *	  dropped		  U8 [w]		1: linearly dependent on features before it, weight 0;
 *									only where there is one
 *	  std_error		  F64 [w]		of the weights, NaN: none; only unpenalised
 *	  inference		  F64 [2]		with it: that of the intercept in the columns' own
 *									units, degrees of freedom (0: normal)
 *	with columns of text:
 *	  features.gaps   U8 [bytes]	which buckets are features (vocabulary.h)
 *	  features.idf    U8 [t]		index into idf_levels
 *	  idf_levels      U16 [256]		in units of 1 / ML_IDF_ONE (weight.h)
 *	  text.weights	  F32 [s, t]
 *	kernel machines, v support vectors:
 *	  kernel		  F64 [1 or 3]	gamma; of a polynomial: gamma, coef0, degree
 *	  vectors		  F32 [v, w]
 *	  coefficients	  F32 [s, v]
 *
 *	  score_c = bias_c + sum_j weight_c,j f_j + sum_k text_c,k tf_k idf_k / |row|
 *	  score_c = bias_c + sum_v coefficient_c,v K(f, v)
 *	  regression:	the score
 *	  two labels:	P(positive) = sigmoid(slope score + offset)
 *	  more:			P = softmax(slope score_c)
 *
 * where |row| is the Euclidean length of tf idf over the text features (1
 * without l2_norm; a row without any has none).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_STORED_TABLE_H
#define ML_STORED_TABLE_H

#include "base/print.h"
#include "feature/tabular.h"
#include "feature/vocabulary.h"
#include "feature/weight.h"
#include "format/safetensors.h"
#include "learn/learner.h"
#include "learn/rows.h"
#include "model/stored_parts.h"

/* Everything is borrowed. */
typedef struct ml_stored_table
{
	ml_task		task;
	ml_text		algorithm;
	const ml_tabular *tabular;
	const ml_recipe *recipe;	/* of the texts, columns and unicode filled in; NULL without */
	const ml_rows_index *texts; /* of ml_design_texts; features with idf 0 are left out */

	/* classification */
	uint32_t	nlabels;
	const ml_text *labels;		/* ascending in C order, distinct */
	uint32_t	positive;		/* two labels: the number of class 1 */
	double		slope;			/* > 0; 1 and 0 without calibration */
	double		offset;			/* 0 with more than two labels */

	/* nfeatures: all, those of texts last; rows of scores in the order of labels */
	const ml_solution *solution;
} ml_stored_table;

/* Appends the file to an empty buffer.  ML_BAD_DATA: a number is not finite. */
extern ml_status ml_stored_write_table(ml_context *ctx, const ml_stored_table *model,
									   ml_buffer *file);

/*
 * A file, checked completely but for gaps, which are left to those who decode
 * them.  Of tensors, data points into the file's bytes, unaligned and
 * little-endian; the rest lives in the arena.
 */
typedef struct ml_table_file
{
	ml_stored_head head;
	ml_text		recipe_json;	/* absent without texts */
	ml_recipe	recipe;
	uint32_t	width;			/* ndense + nhot */
	uint32_t	ntext;
	double	   *bias;			/* [nscores] */
	double		slope;
	double		offset;
	const ml_tensor *weights;	/* NULL for kernel machines */
	const ml_tensor *dropped;	/* or NULL */
	const ml_tensor *std_error; /* or NULL */
	double		bias_std_error;
	double		freedom;
	const uint8_t *gaps;		/* texts */
	size_t		gaps_size;
	const uint8_t *idf_code;	/* [ntext] */
	uint16_t   *idf_levels;
	const ml_tensor *text_weights;
	ml_machine_kind kind;
	double		gamma;
	double		coef0;
	int			degree;
	uint32_t	nvectors;
	const ml_tensor *vectors;
	const ml_tensor *coefficients;
} ml_table_file;

/* From ml_stored_open, of format 2.  ML_BAD_MODEL. */
extern ml_status ml_stored_read_table(ml_context *ctx, ml_arena *arena, const ml_safetensors *from,
									  ml_table_file *file);

/* As ml_stored_describe, of a file of format 2. */
extern ml_status ml_stored_describe_table(ml_context *ctx, ml_arena *arena,
										  const ml_safetensors *from, ml_buffer *json);

#endif							/* ML_STORED_TABLE_H */
