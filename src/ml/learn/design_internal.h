/*-------------------------------------------------------------------------
 *
 * design_internal.h
 *	  What the files of the design matrix share: design.c (rows as they are
 *	  read), design_store.c (blocks in memory and in the file), design_look.c
 *	  (looking at rows as they were read), design_prepare.c (features),
 *	  design_pass.c (passes, what solvers keep), design_shuffle.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_DESIGN_INTERNAL_H
#define ML_DESIGN_INTERNAL_H

#include "base/mem.h"
#include "feature/encoder.h"
#include "learn/design.h"

#define ML_DESIGN_PARTS		32
#define ML_DESIGN_MISSING	UINT32_MAX	/* number of a level that is absent */

/*
 * An odd number of 64 rows, so that the columns of a block, which loops walk
 * side by side, don't begin in the same sets of a cache.
 */
#define ML_DESIGN_STRIDE_MIN	64
#define ML_DESIGN_STRIDE_MAX	960

/* How the values of a column are kept as they were read. */
typedef enum ml_raw_kind
{
	ML_RAW_NUMBER,
	ML_RAW_DATE,				/* one number, summed up by its parts */
	ML_RAW_ITEMS,
	ML_RAW_LEVEL,
	ML_RAW_TEXT					/* not at all: the inner ml_rows has it */
} ml_raw_kind;

typedef struct ml_raw_column
{
	ml_raw_kind kind;
	uint32_t	first;			/* of the numbers, or of the categories */
	uint32_t	n;				/* numbers; of an array 0 until a row has one */
	uint32_t	first_summary;	/* set by ml_design_summarize */
	uint32_t	nsummaries;
} ml_raw_column;

/* Columns side by side that are read in one loop: scalars of one kind, or one other. */
typedef struct ml_raw_run
{
	ml_raw_kind kind;
	uint32_t	column;
	uint32_t	n;
	uint32_t	first;			/* as that of its first column */
} ml_raw_run;

#define ML_BLOCK_HERE		1	/* the block is in memory */
#define ML_STATE_HERE		2	/* what solvers keep of it is */
#define ML_STATE_SPILLED	4	/* it lies in the file (neither: it is 0 yet) */

/* A block and where it is: all that is in memory of one that is spilled. */
typedef struct ml_stored_block
{
	union
	{
		char	   *bytes;
		uint64_t	offset;
	}			at;
	union
	{
		float	   *values;
		uint64_t	offset;
	}			state;
	uint32_t	size;			/* bytes */
	uint16_t	n;				/* rows */
	uint8_t		part;
	uint8_t		flags;
} ml_stored_block;

typedef struct ml_block_list
{
	ml_stored_block *blocks;
	size_t		n;
	size_t		capacity;
	size_t		end;			/* those from here on are spilled */
	size_t		nspilled;
} ml_block_list;

#define ML_NO_HOLE			UINT32_MAX
#define ML_HOLE_CLASSES		256

/* A place in the file that is free again. */
typedef struct ml_hole
{
	uint64_t	offset;
	uint32_t	size;
	uint32_t	next;			/* of its list */
} ml_hole;

/* A raw block's arrays, found in its bytes. */
typedef struct ml_raw
{
	double	   *target;			/* [stride], as all but numbers and levels */
	double	   *split;
	uint32_t   *levels;			/* [ncategories][stride] */
	uint32_t   *label;
	float	   *weight;
	double	   *numbers;		/* [width][stride] */
	uint32_t	width;			/* arrays that no row had yet come behind it */
} ml_raw;

/* A prepared block's arrays. */
typedef struct ml_made
{
	double	   *dense;			/* [ndense][stride] */
	double	   *target;
	double	   *weight;
	double	   *row_weight;
	uint32_t   *hot;			/* [ncats][stride] */
	uint32_t   *label;
	uint32_t   *at;				/* [stride + 2], with texts only; the last as that before */
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
	size_t		capacity;		/* of ids and values */
	uint32_t	nentries;
} ml_open_part;

struct ml_design
{
	const ml_kernel *kernel;
	size_t		limit;			/* bytes of everything before blocks are spilled */
	size_t		held;			/* bytes of blocks, and what there is one of */
	size_t		reserved;		/* bytes that open blocks and pages may need yet */
	const ml_column *columns;
	uint32_t	ncolumns;
	ml_raw_column *raw_columns;
	ml_raw_run *runs;
	uint32_t	nruns;
	size_t		block_bytes;	/* about those of a block */
	uint32_t	stride;			/* 0 until the first row */
	uint32_t	nnumbers;		/* raw numbers of a row */
	uint32_t	ncategories;
	uint32_t	ntexts;
	uint32_t	nunknown;		/* arrays whose length no row has told yet */
	uint32_t	nsummaries;
	uint64_t	nrows;

	/* rows as they were read */
	ml_block_list raw;
	char	   *open;			/* the raw block under way */
	uint32_t	open_rows;
	size_t		open_size;
	ml_raw		open_raw;
	ml_levels  *levels;			/* [ncategories] */
	const ml_levels **level_list;
	ml_summary *summaries;		/* [nsummaries] */
	uint64_t   *missing;		/* [ncategories] */
	double	   *absent;			/* [stride] NaN: what blocks behind whose width a column lies have of it */

	/* blocks */
	char	   *loaded;			/* a spilled block that was read back */
	size_t		loaded_size;
	char	   *spare;			/* memory to be used for the next block */
	size_t		spare_size;
	ml_hole    *holes;			/* in lists by size, and one of entries that are unused */
	size_t		holes_capacity;
	uint32_t	hole_heads[ML_HOLE_CLASSES];
	uint32_t	unused_hole;
	size_t		npieces;		/* of the file, holes included */

	/* texts */
	ml_encoder *encoder;
	ml_rows    *rows;
	ml_text    *texts;			/* [ntexts], of one row */

	/* prepared */
	bool		prepared;
	bool		indexed;		/* the vocabulary is made */
	bool		consumed;		/* raw blocks are given back */
	ml_design_recipe recipe;
	uint32_t	ndense;
	uint32_t	nhot;
	uint32_t	ncats;			/* categories that are left */
	size_t		made_size;		/* bytes of a prepared block without its texts */
	ml_block_list made;
	uint64_t	part_rows[ML_DESIGN_PARTS];
	ml_open_part parts[ML_DESIGN_PARTS];

	/* what solvers keep */
	uint32_t	lanes;
	float	   *state;			/* of the block at hand, if that of its own is spilled */

	/* the pass under way */
	uint32_t   *order;
	size_t		order_capacity;
	size_t		norder;
	size_t		next;
	uint64_t	seen;
	ml_block	block;
	ml_stored_block *at_hand;	/* its state may have changed */
};

/* === design.c === */

extern ml_raw ml_design_raw(const ml_design *design, char *bytes, size_t size);

/* The k-th number of a column in all rows of a block. */
static inline const double *
ml_raw_numbers(const ml_design *design, const ml_raw *raw, const ml_raw_column *column, uint32_t k)
{
	return column->first + k < raw->width ? raw->numbers + (size_t) (column->first + k) * design->stride :
		design->absent;
}

/* No row is under way any more. */
extern ml_status ml_design_close_raw(ml_context *ctx, ml_design *design);

/* === design_store.c === */

/* Memory that begins at a cache line and is counted. */
extern ml_status ml_design_alloc(ml_context *ctx, ml_design *design, size_t size, char **bytes);
extern void ml_design_release(ml_context *ctx, ml_design *design, char *bytes, size_t size);

/* The same of ml_alloc's kind, growing by a quarter. */
extern ml_status ml_design_grow(ml_context *ctx, ml_design *design, void **array, size_t *capacity, size_t need,
								size_t width);

extern ml_status ml_design_spill(ml_context *ctx, ml_design *design, const void *bytes, size_t size,
								 uint64_t *offset);
extern ml_status ml_design_unspill(ml_context *ctx, uint64_t offset, void *bytes, size_t size);
/* A size little above this, of which there are few: what is spilled and freed again is best of one. */
extern size_t ml_design_round(size_t size);

/* What lies there is not needed any more. */
extern void ml_design_unhold(ml_context *ctx, ml_design *design, uint64_t offset, size_t size);

/* Bytes of a block in memory; valid until the next is asked for. */
extern ml_status ml_design_load(ml_context *ctx, ml_design *design, const ml_stored_block *stored, char **bytes);

/* Would so many bytes more be too many? */
extern bool ml_design_fits(const ml_design *design, size_t more);

/* Spill blocks of a list, the last first, until so many bytes more fit or all are. */
extern ml_status ml_design_evict(ml_context *ctx, ml_design *design, ml_block_list *list, size_t more);

/* Spill raw blocks, and prepared ones if so said, until so many bytes more fit or nothing is left to spill. */
extern ml_status ml_design_make_room(ml_context *ctx, ml_design *design, size_t more, bool prepared);

/*
 * Append a block to a list: its memory is taken over if another such would
 * fit; else it is spilled and the memory left to the caller.
 */
extern ml_status ml_design_store(ml_context *ctx, ml_design *design, ml_block_list *list,
								 const ml_stored_block *block, char *bytes, bool *kept);

/* Free one block, or all and the list. */
extern void ml_design_free(ml_context *ctx, ml_design *design, ml_stored_block *stored);
extern void ml_design_drop(ml_context *ctx, ml_design *design, ml_block_list *list);

/* === design_prepare.c === */

extern ml_made ml_design_made(const ml_design *design, char *bytes, uint32_t nentries);

/* The same of a stored block, which tells how many entries it has. */
extern ml_made ml_design_made_of(const ml_design *design, char *bytes);

/* Is there an open block of the part with room for a row of so many text features?  Makes it so. */
extern ml_status ml_design_open_part(ml_context *ctx, ml_design *design, uint8_t part, uint32_t nentries,
									 ml_block_list *list);
/* Close the blocks of all parts; and what their texts were gathered in. */
extern ml_status ml_design_close_parts(ml_context *ctx, ml_design *design, ml_block_list *list);
extern void ml_design_free_entries(ml_context *ctx, ml_design *design);

/* === design_pass.c === */

/* Nothing is kept of rows any more. */
extern void ml_design_forget_state(ml_context *ctx, ml_design *design);

#endif							/* ML_DESIGN_INTERNAL_H */
