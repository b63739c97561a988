/*-------------------------------------------------------------------------
 *
 * examples.h
 *	  Training rows as records of bytes: written once while the source is read,
 *	  then visited in passes, in memory as long as they fit and in the host's
 *	  spill file beyond.
 *
 * What a record holds is its owner's business (texts as numbers of words,
 * pixels, numbers as they are); a header says what every row has.  Records lie
 * in blocks of one size.  A shuffled pass draws blocks from all over until they
 * make a group, and shuffles the group's rows; which blocks lie in memory
 * changes nothing of that, so the order depends on the rows and the random
 * numbers alone (and, of rows that are more than a group, on a limit below 32 MB).
 *
 * Of a row nothing stays in memory once its block is spilled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_EXAMPLES_H
#define ML_EXAMPLES_H

#include "base/hash.h"
#include "base/mem.h"

typedef struct ml_example
{
	uint32_t	size;			/* bytes of the record behind this header, a multiple of 8 */
	uint32_t	label;
	double		target;
	double		split;			/* what a splitter looks at (split.h) */
	float		weight;
	uint32_t	flags;			/* of the caller */
} ml_example;

static inline const void *
ml_example_record(const ml_example *example)
{
	return example + 1;
}

typedef struct ml_examples ml_examples;

/*
 * memory: bytes for blocks and all that passes need.  record_max: no record
 * is larger.  ML_MEMORY_LIMIT: not even a few records fit.
 */
extern ml_status ml_examples_open(ml_context *ctx, size_t memory, size_t record_max, ml_examples **result);
extern void ml_examples_close(ml_context *ctx, ml_examples *examples);

/*
 * Room for a record of up to size bytes, ML_ALIGN / 8 aligned; valid until the next call.
 * Then add the row, with example->size of them used.
 */
extern ml_status ml_examples_reserve(ml_context *ctx, ml_examples *examples, size_t size, void **record);
extern ml_status ml_examples_add(ml_context *ctx, ml_examples *examples, const ml_example *example);

extern uint64_t ml_examples_count(const ml_examples *examples, uint32_t parts);
extern size_t ml_examples_memory(const ml_examples *examples);	/* bytes held */
extern uint64_t ml_examples_spilled(const ml_examples *examples);	/* bytes of blocks that are in the file */

/* Look at all rows in the order of their parts and blocks (before ml_examples_split: as added). */
typedef ml_status (*ml_examples_look) (ml_context *ctx, void *arg, const ml_example *example);
extern ml_status ml_examples_each(ml_context *ctx, ml_examples *examples, uint32_t parts,
								  ml_examples_look look, void *arg);

/*
 * Once, after the last row: each row goes to a block of its part (0 .. 31), which
 * is asked for row by row in the order they were added.  Order within a part stays.
 */
typedef uint8_t (*ml_examples_part) (void *arg, const ml_example *example);
extern ml_status ml_examples_split(ml_context *ctx, ml_examples *examples, ml_examples_part part, void *arg);

/* From now on blocks may take no more than that; those that exceed it go to the file. */
extern ml_status ml_examples_shrink(ml_context *ctx, ml_examples *examples, size_t memory);

/*
 * The least that ml_examples_shrink can be asked for, had the rows been opened
 * with so much memory; the same for rows of the same sizes.
 */
extern size_t ml_examples_least(const ml_examples *examples, size_t memory);

/*
 * A pass over the rows of the parts in the mask: begin, then next until *n is
 * 0; rows are valid until the next call.  rng = NULL: in the same order every time.
 */
extern ml_status ml_examples_begin(ml_context *ctx, ml_examples *examples, uint32_t parts, ml_rng *rng);
extern ml_status ml_examples_next(ml_context *ctx, ml_examples *examples, const ml_example *const **rows,
								  size_t *n);

#endif							/* ML_EXAMPLES_H */
