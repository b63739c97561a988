/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  The encoded training rows: written once while the source is read, read
 *	  in passes, in memory as long as they fit and in the host's spill file
 *	  beyond.
 *
 * A row is a run of counted keys (feature/seen.h), one per distinct feature.
 * While rows are added the keys are buckets.  ml_rows_index decides which
 * buckets are features and rewrites every word in place with a dense id; words
 * that are no feature go, which more than halves the rows of real text.
 *
 * Each row belongs to one part (0..31): bit masks of parts say what a pass
 * sees.  The vocabulary is that of all rows, but ml_rows_weigh takes document
 * frequencies from the parts of its mask only, and a feature too rare there
 * has weight 0, as if it did not exist: so nothing about held-out rows enters
 * a fit, while ids stay the same from fit to fit and one can start from the
 * other's solution.
 *
 * A pass hands out groups of rows.  Rows lie in small blocks; a shuffled pass
 * draws blocks from all over, since a source is often sorted by its label,
 * until they make a group of 32 MB, and shuffles its rows.  Which blocks lie in
 * memory changes nothing of that, so the order depends on the rows and the seed
 * alone; except that rows which are spilled for want of ML_ROWS_MEMORY come in
 * smaller groups.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ROWS_H
#define ML_ROWS_H

#include "base/hash.h"
#include "feature/encoder.h"
#include "feature/recipe.h"
#include "feature/vocabulary.h"
#include "kernel/kernel.h"

/* Bytes from which on the order of a shuffled pass does not depend on them. */
#define ML_ROWS_MEMORY		((size_t) 128 << 20)

#define ML_PARTS_ALL		UINT32_MAX
#define ML_PART(i)			(UINT32_C(1) << (i))

typedef struct ml_rows ml_rows;

typedef struct ml_row
{
	const uint32_t *words;		/* counted keys, each key once */
	uint32_t	n;
	uint32_t	number;			/* index into the arrays of ml_rows_data */
} ml_row;

/* What is known of each row, by its number; stays in memory. */
typedef struct ml_rows_data
{
	uint32_t	nrows;
	uint32_t   *label;
	float	   *weight;
	uint8_t    *part;
	float	   *length;			/* Euclidean length of tf x idf; after ml_rows_weigh */
} ml_rows_data;

/* After ml_rows_index and ml_rows_weigh. */
typedef struct ml_rows_index
{
	ml_vocabulary *vocabulary;
	uint32_t	nfeatures;
	uint32_t   *df;				/* [nfeatures] in the parts weighed last */
	uint8_t    *idf_code;		/* [nfeatures] */
	uint16_t   *idf_levels;		/* [ML_IDF_LEVELS] */
	float	   *idf;			/* [nfeatures]; 0 = too rare in the parts weighed */
	float		tf[ML_COUNTED_MAX + 1]; /* value of a count */
	bool		unit;			/* rows are divided by their length */
} ml_rows_index;

/*
 * memory: bytes that rows (and what is kept per row) may take before they are
 * spilled.  piece_weight: factor on the idf of character n-grams, which are
 * many per word and would drown the words in a row's length.
 */
extern ml_status ml_rows_open(ml_context *ctx, size_t memory, const ml_recipe *recipe,
							  double piece_weight, const ml_kernel *kernel, ml_rows **result);
extern void ml_rows_close(ml_context *ctx, ml_rows *rows);

extern ml_status ml_rows_add(ml_context *ctx, ml_rows *rows, const ml_features *features,
							 uint32_t label, float weight);

/* For ml_encoder_mark, of the encoder whose features are added. */
extern ml_marks *ml_rows_marks(ml_rows *rows);

/* Arrays that the caller may write labels and parts into. */
extern ml_rows_data *ml_rows_get(ml_rows *rows);

/* Features of all rows together, before those too rare go. */
extern uint64_t ml_rows_words(const ml_rows *rows);

/*
 * Bytes held now, with what passes will need; those that would be held if all
 * rows were spilled; those of all rows, in memory or not; and those written to
 * the spill file.
 */
extern size_t ml_rows_memory(const ml_rows *rows);
extern size_t ml_rows_least(const ml_rows *rows);
extern size_t ml_rows_size(const ml_rows *rows);
extern uint64_t ml_rows_spilled(const ml_rows *rows);

/*
 * Once, after the last row: buckets in at least min_df rows become features.
 * ML_BAD_DATA when there is none.
 */
extern ml_status ml_rows_make_index(ml_context *ctx, ml_rows *rows, int min_df);

/*
 * (Re)compute idf, its codes and levels from the rows of the parts in the
 * mask, and the length of every row.
 */
extern ml_status ml_rows_weigh(ml_context *ctx, ml_rows *rows, uint32_t parts);

extern const ml_rows_index *ml_rows_indexed(const ml_rows *rows);

/*
 * A pass over the rows of the parts in the mask: begin, then next until *n is
 * 0.  rng = NULL: in the same order every time.  A group is valid until next
 * is called again.
 */
extern ml_status ml_rows_begin(ml_context *ctx, ml_rows *rows, uint32_t parts, ml_rng *rng);
extern ml_status ml_rows_next(ml_context *ctx, ml_rows *rows, const ml_row **group, uint32_t *n);

/*
 * The last pass, in order, over all parts: give back the memory of rows that
 * were handed out before, the last group included; behind the last one of
 * everything but the index.
 */
extern void ml_rows_consume(ml_context *ctx, ml_rows *rows);

/* Rows of the parts in the mask. */
extern uint32_t ml_rows_count(const ml_rows *rows, uint32_t parts);

/* Factor of a row's values: 1 / length, or 1. */
static inline float
ml_row_scale(const ml_rows_index *index, float length)
{
	return index->unit ? (length > 0 ? 1 / length : 0) : 1;
}

#endif							/* ML_ROWS_H */
