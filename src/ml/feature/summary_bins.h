/*-------------------------------------------------------------------------
 *
 * summary_bins.h
 *	  Values counted in bins: the part of a summary that knows quantiles.
 *
 * A bin is an interval and has all values within it that ever came; intervals
 * don't overlap.  At first each distinct value is one.  When there are more
 * than ML_SUMMARY_BINS, neighbours are joined that together have at most a
 * certain share of all the weight; so the bins follow the values, wherever
 * these lie and however far out a few of them, and a frequent value stays
 * alone.  How many values lie below a bin is exact.
 *
 * A value that is in no bin waits with others, since a place for it has to be
 * made in the sorted array.  A bin keeps its weight, moments about its lower
 * end, and by votes (Boyer and Moore 1981) the value that has most of it, if
 * one has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SUMMARY_BINS_H
#define ML_SUMMARY_BINS_H

#include "base/mem.h"
#include "feature/summary.h"

#define ML_SUMMARY_WAITING	256

typedef struct ml_summary_bin
{
	double		low;			/* its least value */
	double		high;			/* its greatest */
	double		weight;
	double		sum;			/* of weight x (v - low) */
	double		squares;		/* of weight x (v - low)^2 */
	double		value;			/* a value of the bin */
	double		votes;			/* weight for it less weight against it */
} ml_summary_bin;

typedef struct ml_summary_value
{
	double		value;
	double		weight;
} ml_summary_value;

typedef struct ml_summary_bins
{
	ml_summary_bin *bins;		/* in order */
	double	   *lows;			/* their lower ends, to search in */
	uint32_t	n;
	uint32_t	capacity;		/* at least n + nwaiting */
	uint32_t	nwaiting;
	ml_summary_value waiting[ML_SUMMARY_WAITING];	/* in no bin, in any order */
	double		weight;			/* of all */
} ml_summary_bins;

extern ml_status ml_summary_bins_open(ml_context *ctx, ml_summary_bins **result);
extern void ml_summary_bins_close(ml_context *ctx, ml_summary_bins *bins);
extern ml_status ml_summary_bins_add(ml_context *ctx, ml_summary_bins *bins, double value,
									 double weight);

/* Nothing waits any more; before bins are looked at. */
extern void ml_summary_bins_settle(ml_summary_bins *bins);

#endif							/* ML_SUMMARY_BINS_H */
