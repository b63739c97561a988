/*-------------------------------------------------------------------------
 *
 * design_internal.h
 *	  What the files of the design matrix share: design.c (rows as they were
 *	  read), design_prepare.c (features), design_pass.c (passes, shuffling,
 *	  what solvers keep).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_DESIGN_INTERNAL_H
#define ML_DESIGN_INTERNAL_H

#include "base/mem.h"
#include "feature/encoder.h"
#include "learn/design.h"

#define ML_DESIGN_PARTS		32
#define ML_DESIGN_PAD		8	/* doubles between raw columns: rows of 8 kB would share cache sets */
#define ML_DESIGN_MISSING	UINT32_MAX	/* number of a level that is absent */

/* How the values of a column are kept as they were read. */
typedef struct ml_raw_column
{
	ml_form		form;			/* TEXT: a category; texts have none of these */
	bool		date;
	uint32_t	first;			/* of the raw numbers, or of the categories */
	uint32_t	n;				/* numbers; 0 for categories and texts */
	uint32_t	first_summary;	/* of the summaries */
	uint32_t	nsummaries;
} ml_raw_column;

/*
 * Where a block is: in memory, or at an offset of the spill file.  Of prepared
 * blocks the texts' entries follow the fixed part.
 */
typedef struct ml_stored_block
{
	char	   *bytes;			/* NULL: spilled */
	size_t		size;
	uint64_t	offset;
	uint32_t	n;				/* rows */
	uint32_t	nentries;		/* text features of all its rows */
	uint8_t		part;
	float	   *state;			/* what solvers keep; NULL: none or spilled */
	uint64_t	state_offset;
	bool		state_spilled;	/* state lies in the file (else it is 0 yet) */
} ml_stored_block;

typedef struct ml_block_list
{
	ml_stored_block *blocks;
	size_t		n;
	size_t		capacity;
} ml_block_list;

/* A raw block's arrays, found in its bytes. */
typedef struct ml_raw
{
	double	   *numbers;		/* [nnumbers][pitch] */
	double	   *target;			/* [stride], as all below */
	double	   *split;
	uint32_t   *levels;			/* [ncategories][stride] */
	uint32_t   *label;
	float	   *weight;
} ml_raw;

/* A prepared block's arrays. */
typedef struct ml_made
{
	double	   *dense;			/* [ndense][stride] */
	double	   *target;
	double	   *weight;
	double	   *row_weight;
	uint32_t   *hot;			/* [ncategories][stride] */
	uint32_t   *label;
	uint32_t   *at;				/* [stride + 1], with texts only */
	uint32_t   *ids;
	float	   *values;
} ml_made;

/* The block of a part that is being filled. */
typedef struct ml_open_part
{
	char	   *bytes;
	uint32_t	n;
	uint32_t   *ids;
	float	   *values;
	size_t		ids_capacity;
	size_t		values_capacity;
	uint32_t	nentries;
} ml_open_part;

struct ml_design
{
	const ml_kernel *kernel;
	size_t		limit;			/* bytes of blocks before they are spilled */
	size_t		resident;		/* bytes of the blocks in memory */
	bool		spilled;
	const ml_column *columns;
	uint32_t	ncolumns;
	ml_raw_column *raw_columns;
	uint32_t	stride;			/* 0 until the first row */
	uint32_t	nnumbers;		/* raw numbers of a row */
	uint32_t	ncategories;
	uint32_t	ntexts;
	uint32_t	nsummaries;
	size_t		raw_size;		/* bytes of a raw block */
	uint64_t	nrows;

	/* rows as they were read */
	ml_block_list raw;
	char	   *open;			/* the raw block under way */
	uint32_t	open_rows;
	char	   *loaded;			/* a spilled block that was read back */
	size_t		loaded_capacity;
	ml_levels  *levels;			/* [ncategories] */
	const ml_levels **level_list;
	ml_summary *summaries;		/* [nsummaries] */
	uint64_t   *missing;		/* [ncategories] */

	/* texts */
	ml_encoder *encoder;
	ml_rows    *rows;
	ml_text    *texts;			/* [ntexts], of one row */

	/* prepared */
	bool		prepared;
	bool		indexed;		/* the vocabulary is made */
	ml_design_recipe recipe;
	uint32_t	ndense;
	uint32_t	nhot;
	uint32_t	ncats;			/* categories that are left */
	size_t		made_size;		/* bytes of a prepared block's fixed part */
	ml_block_list made;
	uint64_t	part_rows[ML_DESIGN_PARTS];
	ml_open_part parts[ML_DESIGN_PARTS];
	char	   *spare;			/* memory of a raw block, to be used again */

	/* what solvers keep */
	uint32_t	lanes;
	float	   *state;			/* of the spilled block at hand */

	/* the pass under way */
	uint32_t	mask;
	uint32_t   *order;
	size_t		order_capacity;
	size_t		norder;
	size_t		next;
	uint64_t	seen;
	ml_block	block;
	ml_stored_block *at_hand;	/* its state may have changed */
};

/* === design.c === */

extern ml_raw ml_design_raw(const ml_design *design, char *bytes);

/* Bytes of a block in memory; valid until the next is asked for. */
extern ml_status ml_design_load(ml_context *ctx, ml_design *design, const ml_stored_block *stored, char **bytes);

/* Append a block to a list: its bytes are taken over, or spilled and left to the caller (*kept). */
extern ml_status ml_design_store(ml_context *ctx, ml_design *design, ml_block_list *list,
								 const ml_stored_block *block, char *bytes, bool *kept);
extern void ml_design_drop(ml_context *ctx, ml_design *design, ml_block_list *list);

extern ml_status ml_design_spill(ml_context *ctx, const void *bytes, size_t size, uint64_t *offset);
extern ml_status ml_design_unspill(ml_context *ctx, uint64_t offset, void *bytes, size_t size);

/* Close the raw block under way; no row can be added behind it but to the next. */
extern ml_status ml_design_close_raw(ml_context *ctx, ml_design *design);

/* === design_prepare.c === */

extern ml_made ml_design_made(const ml_design *design, char *bytes, uint32_t nentries);
extern size_t ml_design_made_size(const ml_design *design);

/* Append row i of a prepared block to the block of its part, and close it when full. */
extern ml_status ml_design_put(ml_context *ctx, ml_design *design, const ml_made *from, uint32_t i, uint8_t part,
							   ml_block_list *list);
/* Close the blocks of all parts. */
extern ml_status ml_design_close_parts(ml_context *ctx, ml_design *design, ml_block_list *list);

/* === design_pass.c === */

/* Nothing is kept of rows any more. */
extern void ml_design_forget_state(ml_context *ctx, ml_design *design);

#endif							/* ML_DESIGN_INTERNAL_H */
