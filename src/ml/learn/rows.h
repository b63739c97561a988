/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  The encoded training rows: written once while the source is read, read
 *	  in passes, in memory as long as they fit and in the host's spill file
 *	  beyond.
 *
 * While writing, a row's keys are buckets.  ml_rows_index counts document
 * frequencies, decides which buckets are features and turns keys into dense
 * ids.  From then on a block is decoded as a CSR matrix.
 *
 * Each row belongs to one part (0..31): bit masks of parts say what a pass
 * sees.  Document frequencies count the parts of a given mask only, so that
 * nothing about held-out rows enters a fit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ROWS_H
#define ML_ROWS_H

#include "feature/encoder.h"
#include "feature/recipe.h"
#include "feature/vocabulary.h"

typedef struct ml_rows ml_rows;

/* Rows of one block; pointers are valid until the next block is asked for. */
typedef struct ml_block
{
	uint32_t	nrows;
	const uint64_t *row;		/* [nrows] number in the source, from 0 */
	const uint32_t *label;		/* [nrows] */
	const float *weight;		/* [nrows] */
	const uint8_t *part;		/* [nrows] */
	const float *scale;			/* [nrows] 1 / Euclidean length (1 without l2_norm) */
	const uint32_t *offsets;	/* [nrows + 1] into ids and values */
	const uint32_t *ids;		/* dense feature ids, ascending within a row */
	const float *values;		/* tf x idf, before the scale */
} ml_block;

extern ml_status ml_rows_open(ml_context *ctx, size_t memory, ml_rows **result);
extern void ml_rows_close(ml_context *ctx, ml_rows *rows);

extern ml_status ml_rows_add(ml_context *ctx, ml_rows *rows, const ml_features *features,
							 uint32_t label, float weight);
extern uint64_t ml_rows_count(const ml_rows *rows);

/* Assign parts: one entry per row, in order of addition. */
extern ml_status ml_rows_assign(ml_context *ctx, ml_rows *rows, const uint8_t *part);

/*
 * (Re)build vocabulary and idf from the rows of the parts in the mask.  The
 * idf of each feature is one of 256 levels (idf_code, idf_levels: stored in
 * the model), so that training and serving use the same numbers.
 */
extern ml_status ml_rows_index(ml_context *ctx, ml_rows *rows, const ml_recipe *recipe,
							   uint32_t parts, ml_arena *arena,
							   ml_vocabulary **vocabulary, uint8_t **idf_code,
							   uint16_t **idf_levels);

/* Blocks 0..n-1; a block is the unit of I/O and of shuffling. */
extern uint32_t ml_rows_blocks(const ml_rows *rows);
extern ml_status ml_rows_block(ml_context *ctx, ml_rows *rows, uint32_t i, ml_block *block);

#endif							/* ML_ROWS_H */
