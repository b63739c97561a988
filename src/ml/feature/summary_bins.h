/*-------------------------------------------------------------------------
 *
 * summary_bins.h
 *	  Values counted in bins: the part of a summary that knows quantiles.
 *
 * A value's key is the order-preserving image of its bits without the "shift"
 * lowest ones.  shift is 0 while there are at most ML_SUMMARY_BINS distinct
 * values; when a bin too many would be needed, it grows until a quarter is
 * free.  So the bins are those of the distinct values, whatever their order.
 * A bin keeps its weight, moments about its lower edge, and by votes (Boyer
 * and Moore 1981) the value that has most of it, if one has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SUMMARY_BINS_H
#define ML_SUMMARY_BINS_H

#include "base/mem.h"
#include "feature/summary.h"

typedef struct ml_summary_bin
{
	uint64_t	key;
	double		weight;
	double		sum;			/* of weight x (v - edge) */
	double		squares;		/* of weight x (v - edge)^2 */
	double		value;			/* a value of the bin */
	double		votes;			/* weight for it less weight against it */
} ml_summary_bin;

typedef struct ml_summary_bins
{
	ml_summary_bin *bins;
	uint32_t	n;
	size_t		capacity;
	uint32_t   *slots;			/* 1 + bin, 0 = free; a power of two, at least twice the bins */
	size_t		nslots;
	unsigned	shift;
	bool		sorted;			/* bins are in order of their keys */
} ml_summary_bins;

extern ml_status ml_summary_bins_open(ml_context *ctx, ml_summary_bins **result);
extern void ml_summary_bins_close(ml_context *ctx, ml_summary_bins *bins);
extern ml_status ml_summary_bins_add(ml_context *ctx, ml_summary_bins *bins, double value,
									 double weight);
extern void ml_summary_bins_sort(ml_summary_bins *bins);

/* The least and the greatest value that a bin can have. */
extern double ml_summary_bin_low(const ml_summary_bins *bins, const ml_summary_bin *bin);
extern double ml_summary_bin_high(const ml_summary_bins *bins, const ml_summary_bin *bin);

#endif							/* ML_SUMMARY_BINS_H */
