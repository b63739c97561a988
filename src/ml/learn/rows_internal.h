/*-------------------------------------------------------------------------
 *
 * rows_internal.h
 *	  What rows.c (storing) and rows_pass.c (weighing, passes) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ROWS_INTERNAL_H
#define ML_ROWS_INTERNAL_H

#include "base/mem.h"
#include "learn/rows.h"

typedef struct ml_rows_block
{
	uint32_t	first;			/* number of its first row */
	uint32_t	nrows;
	size_t		nwords;
	uint32_t   *words;			/* NULL: in the spill file */
	uint64_t	offset;			/* there, in bytes */
} ml_rows_block;

/* Bytes kept in memory for every row, spilled or not. */
#define ML_ROWS_PER_ROW	(3 * sizeof(uint32_t) + sizeof(float) + 2 * sizeof(uint8_t))

struct ml_rows
{
	size_t		limit;			/* bytes before blocks are spilled */
	size_t		held;			/* bytes of the bit sets and counts */
	size_t		resident;		/* bytes of the blocks in memory */
	uint64_t	words;			/* added */
	uint64_t	stored;			/* left of them */
	uint64_t	spilled;		/* bytes written to the spill file */
	const ml_recipe *recipe;
	const ml_kernel *kernel;
	ml_arena	arena;			/* the index */

	/* buckets seen in a row, in two; in how many, when min_df > 2 */
	uint64_t   *seen;
	uint64_t   *twice;
	uint16_t   *counts;
	ml_marks	marks;			/* buckets of character and of script n-grams */
	double		piece_weight;

	ml_rows_block *blocks;
	size_t		nblocks;
	size_t		blocks_capacity;
	uint32_t   *open;			/* the block under way */
	size_t		open_capacity;	/* in words */
	size_t		open_used;
	uint32_t	open_first;

	ml_rows_data data;
	uint32_t   *sizes;			/* words of each row */
	uint8_t    *script;			/* 1 for each row with script n-grams */
	size_t		capacity;		/* rows that the arrays hold */

	ml_rows_index index;
	bool		weighed;		/* df no longer counts all rows */
	uint64_t   *piece_ids;		/* marks by id; NULL without */
	uint64_t   *script_ids;
	int			min_df;

	/* the pass under way */
	uint32_t	parts;
	ml_rng	   *rng;
	uint32_t   *order;			/* blocks in the order of this pass */
	size_t		order_capacity;
	size_t		next;			/* the first that is not in a group yet */
	size_t		consumed;		/* the first whose memory was not given back */
	ml_row	   *items;			/* rows of the group */
	size_t		items_capacity;
	uint32_t   *group;			/* words of its spilled blocks */
	size_t		group_capacity; /* in words */
};

/* Words of a group, unless one block has more. */
static inline size_t
ml_rows_group(const ml_rows *rows)
{
	size_t		bytes = rows->spilled == 0 ? ML_ROWS_MEMORY : ML_MIN(rows->limit, ML_ROWS_MEMORY);

	return bytes / 4 / sizeof(uint32_t);
}

/* Read a spilled block into rows->group, "at" words behind its beginning. */
extern ml_status ml_rows_load(ml_context *ctx, ml_rows *rows, const ml_rows_block *block,
							  size_t at);

#endif							/* ML_ROWS_INTERNAL_H */
