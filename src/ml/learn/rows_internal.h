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
	uint32_t   *df;				/* [nfeatures] of the parts weighed last */
	bool		weighed;		/* df no longer counts all rows */
	uint64_t   *piece_ids;		/* marks by id; NULL without */
	uint64_t   *script_ids;
	int			min_df;

	/* the pass under way */
	uint32_t	parts;
	ml_rng	   *rng;
	ml_row	   *items;			/* rows in memory, of the parts in the mask */
	size_t		items_capacity;
	uint32_t	nitems;
	uint32_t	items_parts;	/* the mask that they were gathered for */
	bool		items_shuffled;
	uint32_t	items_at;		/* handed out in this pass */
	ml_row	   *group_items;	/* rows of the group read from the file */
	size_t		group_items_capacity;
	uint32_t   *group;			/* its words */
	size_t		group_capacity; /* in words */
	uint32_t   *order;			/* spilled blocks in the order of this pass */
	size_t		order_capacity;
	uint32_t	nspilled;
	uint32_t	next_spilled;
	size_t		words_left;		/* of the spilled blocks not yet read */
};

/* Read a spilled block into rows->group, "at" words behind its beginning. */
extern ml_status ml_rows_load(ml_context *ctx, ml_rows *rows, const ml_rows_block *block,
							  size_t at);

#endif							/* ML_ROWS_INTERNAL_H */
