/*-------------------------------------------------------------------------
 *
 * split.h
 *	  Which rows learn, which calibrate and which judge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SPLIT_H
#define ML_SPLIT_H

#include "base/base.h"
#include "base/hash.h"

#define ML_FOLDS		10		/* parts 1..10 are folds of the training rows */
#define ML_PART_HOLDOUT	0		/* part 0 judges */

/*
 * Give each row a part, stratified by label and seeded: about n x holdout rows
 * are held out, each label keeping at least one row that learns; the others
 * are dealt into the folds.  Same labels, same order, same seed: same parts.
 */
extern ml_status ml_split(ml_context *ctx, const uint32_t *labels, uint32_t n,
						  uint32_t nclasses, double holdout, uint64_t seed, uint8_t *parts);

/* What decides which rows are held out. */
typedef enum ml_split_by
{
	ML_SPLIT_RANDOM,			/* a fraction, stratified by label */
	ML_SPLIT_FLAG,				/* rows whose split value is not 0 */
	ML_SPLIT_TIME,				/* the fraction with the largest split values */
	ML_SPLIT_FOLDS,				/* cross-validation: folds dealt at random, stratified */
	ML_SPLIT_GROUPS				/* cross-validation: rows of equal split value stay together */
} ml_split_by;

/*
 * The same without an array per row: parts are told one row after the other,
 * in the order of the rows, the same ones after each restart.  Rows that are
 * not held out are dealt into "folds" parts 1..folds (1: all in part 1).  With
 * FOLDS and GROUPS, parts 1..folds are the folds and nothing is in part 0.
 */
typedef struct ml_splitter
{
	ml_split_by by;
	double		holdout;
	uint64_t	seed;
	int			folds;			/* <= 31 */
	uint32_t	nlabels;		/* 1: regression */
	const uint64_t *label_rows; /* [nlabels] rows of each; borrowed */
	double		threshold;		/* TIME: split values above it are held out ... */
	uint64_t	ties;			/* ... and of those equal to it the last so many */
	struct ml_splitter_label *labels;	/* [nlabels], what is left of each */
	struct ml_splitter_groups *groups;	/* GROUPS: where each goes; NULL: by its hash */
	uint64_t	seen_ties;
	uint64_t	nties;
	ml_rng		rng;
} ml_splitter;

/*
 * A splitter that is zero but for what its user sets.  by = TIME: threshold and
 * ties are found first (ml_design_find_time).  by = GROUPS: each row's group is
 * counted first, and then groups are dealt, so that folds are alike in size
 * (ml_design_find_groups); ML_BAD_DATA: fewer groups than folds.  All missing
 * ones (NaN) are one group.
 */
extern ml_status ml_splitter_count_group(ml_context *ctx, ml_splitter *splitter, double group);
extern ml_status ml_splitter_deal_groups(ml_context *ctx, ml_splitter *splitter);
/*
 * For a splitter by TIME: the threshold that holds out its fraction of the rows
 * that have a time.  Exact; source is looked at four times: each calls look
 * with the split values of all rows, some at a time.
 */
typedef ml_status (*ml_split_values) (ml_context *ctx, void *arg, const double *values, size_t n);
typedef ml_status (*ml_split_source) (ml_context *ctx, void *source, ml_split_values look, void *arg);
extern ml_status ml_splitter_find_time(ml_context *ctx, ml_splitter *splitter, ml_split_source each,
									   void *source);
extern ml_status ml_splitter_open(ml_context *ctx, ml_splitter *splitter);
extern void ml_splitter_close(ml_context *ctx, ml_splitter *splitter);
extern void ml_splitter_restart(ml_splitter *splitter);

/* Is every row of one of these parts, whatever it is? */
extern bool ml_splitter_takes_all(const ml_splitter *splitter, uint32_t parts);
extern uint8_t ml_splitter_next(ml_splitter *splitter, uint32_t label, double split);

#endif							/* ML_SPLIT_H */
