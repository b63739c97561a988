/*-------------------------------------------------------------------------
 *
 * sort.h
 *	  Sorting in place, without memory of its own and without a worst case.
 *
 * The C library's qsort may call malloc, and its order of equal items differs
 * between libraries; this is a heap sort.  Not stable: where the order of
 * equal items matters, compare by something more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SORT_H
#define ML_SORT_H

#include "base/base.h"

#define ML_SORT_MAX_WIDTH 128	/* bytes of an item */

/* Ascending by compare (< 0, 0, > 0 as for qsort); n items of "width" bytes. */
extern void ml_sort(void *items, size_t n, size_t width,
					int (*compare) (const void *a, const void *b));

/* The same of many items: polls, ML_CANCELLED. */
extern ml_status ml_sort_polled(ml_context *ctx, void *items, size_t n, size_t width,
								int (*compare) (const void *a, const void *b));

#endif							/* ML_SORT_H */
