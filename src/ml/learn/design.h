/*-------------------------------------------------------------------------
 *
 * design.h
 *	  The design matrix: rows of a table as features and targets, in blocks,
 *	  in memory as long as they fit and in the host's spill file beyond.
 *
 * Nothing of a row stays in memory when its block is spilled: target, weight
 * and what a solver keeps of it go with the block.  Only rows with texts keep
 * 18 bytes each (rows.h) until they are prepared.
 *
 * Life:  open; add rows (numbers raw, levels numbered as they appear, texts
 * hashed); summarize (what the columns are like, over the rows that learn);
 * ml_tabular_fit by the caller; prepare (numbers become features, each row
 * goes to a block of its part); then passes over the blocks of some parts.
 *
 * A block has at most "stride" rows, a multiple of 64 that is the same for all
 * blocks of a design; values of one feature lie together (column-major), so
 * that loops run along the rows.  Rows behind n have weight 0 and values 0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_DESIGN_H
#define ML_DESIGN_H

#include "base/hash.h"
#include "feature/column.h"
#include "feature/recipe.h"
#include "feature/roles.h"
#include "feature/summary.h"
#include "feature/tabular.h"
#include "kernel/kernel.h"
#include "learn/rows.h"
#include "learn/split.h"

typedef struct ml_design ml_design;

/* What comes with a row besides its inputs. */
typedef struct ml_side
{
	double		target;			/* regression: the number */
	uint32_t	label;			/* classification: number of the label as first seen */
	float		weight;			/* > 0 */
	double		split;			/* what the splitter looks at (split.h) */
} ml_side;

/* A block after ml_design_prepare; borrowed until the next call. */
typedef struct ml_block
{
	uint32_t	n;				/* rows */
	uint32_t	stride;
	uint64_t	first;			/* rows of this design before it, for progress */
	uint8_t		part;
	const double *dense;		/* [ndense][stride] */
	const uint32_t *hot;		/* [ncategories][stride]: feature (>= ndense), or ML_NO_TERM */
	const uint32_t *at;			/* [n + 1]: where a row's text features begin; NULL without texts */
	const uint32_t *ids;		/* feature (>= ndense + nhot) */
	const float *values;
	const double *target;		/* [stride]: the number; two classes: 1 or 0; more: the class */
	const uint32_t *label;		/* [stride]: class; with two the positive one is 1 */
	const double *weight;		/* [stride]: of the row times its class's; 0 behind n */
	const double *row_weight;	/* [stride]: of the row alone */
	float	   *state;			/* [lanes][stride], see ml_design_keep; NULL without */
} ml_block;

/*
 * columns: roles decided, none AUTO or IGNORE; borrowed.  recipe: of the text
 * columns (its columns are those with role text, in order), NULL without.
 * memory: bytes that the design may take in all before blocks are spilled;
 * levels and the index of texts stay.  Blocks are of the same rows for any
 * memory from 16 MB on, so that what is learnt is the same to the last bit.
 */
extern ml_status ml_design_open(ml_context *ctx, size_t memory, const ml_column *columns,
								uint32_t ncolumns, const ml_recipe *recipe, double piece_weight,
								const ml_kernel *kernel, ml_design **result);
extern void ml_design_close(ml_context *ctx, ml_design *design);

/* ML_BAD_DATA: infinite numbers, arrays that are empty or of differing length; names column and row. */
extern ml_status ml_design_add(ml_context *ctx, ml_design *design, const ml_value *inputs,
							   const ml_side *side);

/* Rows of columns whose form is NUMBER, all of them: rows[n][ncolumns]. */
extern ml_status ml_design_add_numbers(ml_context *ctx, ml_design *design, const double *rows,
									   const ml_side *sides, size_t n);

extern uint64_t ml_design_nrows(const ml_design *design);

/* Items of an array column, 0 until a row has had one; 1 for other numbers, else 0. */
extern uint32_t ml_design_items(const ml_design *design, uint32_t column);

/* Look at all rows in order, before prepare: for the splitter, and who counts labels anew. */
typedef ml_status (*ml_design_look) (ml_context *ctx, void *arg, const ml_side *sides, size_t n);
extern ml_status ml_design_each(ml_context *ctx, ml_design *design, ml_design_look look, void *arg);

/*
 * For a splitter by TIME: the threshold that holds out its fraction of the rows
 * that have a time.  Exact; four looks at all rows.
 */
extern ml_status ml_design_find_time(ml_context *ctx, ml_design *design, ml_splitter *splitter);

/* For a splitter by GROUPS: which fold each group goes to; before it is opened. */
extern ml_status ml_design_find_groups(ml_context *ctx, ml_design *design, ml_splitter *splitter);

/*
 * Summaries of the dense values and counts of the levels, over the rows whose
 * part is in the mask; valid until the design is closed, quantiles and modes
 * until it is prepared.
 */
typedef struct ml_design_summary
{
	const ml_summary *summaries;	/* as ml_tabular_fit takes them */
	const ml_levels *const *levels;
	const uint64_t *missing;
	uint64_t	nrows;
} ml_design_summary;

extern ml_status ml_design_summarize(ml_context *ctx, ml_design *design, ml_splitter *splitter,
									 uint32_t parts, bool counting, ml_design_summary *summary);

/*
 * Numbers become features by the recipe, each row goes to its part.  map: of
 * ml_tabular_fit.  classes[label]: class of each label (NULL: regression);
 * class_weights[class] or NULL.  Texts: min_df as in rows.h, idf from the rows
 * of the parts "learning".  tabular is borrowed.
 *
 * again: the raw rows are kept, so that prepare may be called once more, with
 * another splitter and recipe (cross-validation: each fold has its own).
 */
typedef struct ml_design_recipe
{
	const ml_tabular *tabular;
	const bool *left_out;		/* [columns of the design] not among those of tabular; NULL: all are */
	bool		again;
	uint32_t   *const *map;		/* of the categories of tabular */
	const uint32_t *classes;
	const float *class_weights;
	uint32_t	nclasses;
	int			min_df;
	uint32_t	learning;		/* mask of parts */
	uint8_t		last_fold;		/* folds behind it are one with it; 0: each is a part of its own */
} ml_design_recipe;

extern ml_status ml_design_prepare(ml_context *ctx, ml_design *design, ml_splitter *splitter,
								   const ml_design_recipe *recipe);

/* After prepare. */
extern uint32_t ml_design_ndense(const ml_design *design);
extern uint32_t ml_design_nhot(const ml_design *design);
extern uint32_t ml_design_ntext(const ml_design *design);
extern uint32_t ml_design_nfeatures(const ml_design *design);	/* sum of the three */
extern uint32_t ml_design_ncategories(const ml_design *design);
extern uint32_t ml_design_stride(const ml_design *design);
extern uint64_t ml_design_count(const ml_design *design, uint32_t parts);	/* rows */
extern const ml_tabular *ml_design_tabular(const ml_design *design);
extern const ml_rows_index *ml_design_texts(const ml_design *design);	/* NULL without */
extern size_t ml_design_memory(const ml_design *design);	/* bytes held */
extern bool ml_design_resident(const ml_design *design);	/* nothing is spilled */

/*
 * Put the rows of each part into a random order, every one equally likely,
 * for solvers that visit rows one by one.  What was kept of rows is forgotten.
 */
extern ml_status ml_design_shuffle(ml_context *ctx, ml_design *design, uint64_t seed);

/*
 * From now on blocks have "lanes" floats per row that solvers may write
 * (block->state), 0 at first; they are kept from pass to pass, spilled with
 * their block.  0 lanes: no more.
 */
extern ml_status ml_design_keep(ml_context *ctx, ml_design *design, uint32_t lanes);

/*
 * A pass: begin, then next until *block is NULL.  rng = NULL: in the same order
 * every time; otherwise blocks come in random order (rows within them as they
 * are).
 */
extern ml_status ml_design_begin(ml_context *ctx, ml_design *design, uint32_t parts, ml_rng *rng);
extern ml_status ml_design_next(ml_context *ctx, ml_design *design, const ml_block **block);

#endif							/* ML_DESIGN_H */
