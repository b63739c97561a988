/*-------------------------------------------------------------------------
 *
 * sort.c
 *	  Heap sort (Williams 1964; bottom-up by Floyd).
 *
 *-------------------------------------------------------------------------
 */
#include "base/sort.h"

#include <string.h>

#define POLL_ITEMS	4096

/* Put the item into the heap of n whose place i is free. */
static void
sift_down(char *items, size_t i, size_t n, size_t width, const char *item,
		  int (*compare) (const void *a, const void *b))
{
	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n &&
			compare(items + child * width, items + (child + 1) * width) < 0)
			child++;
		if (compare(item, items + child * width) >= 0)
			break;
		memcpy(items + i * width, items + child * width, width);
		i = child;
	}
	memcpy(items + i * width, item, width);
}

/* Sort; ctx NULL: nobody is asked whether to go on. */
static ml_status
sort(ml_context *ctx, void *items, size_t n, size_t width, int (*compare) (const void *a, const void *b))
{
	char	   *base = items;
	char		item[ML_SORT_MAX_WIDTH] __attribute__((aligned(16)));

	for (size_t i = n / 2; i-- > 0;)
	{
		memcpy(item, base + i * width, width);
		sift_down(base, i, n, width, item, compare);
		if (ctx != NULL && i % POLL_ITEMS == 0)
			ML_TRY(ml_poll(ctx));
	}
	for (size_t i = n; i-- > 1;)
	{
		memcpy(item, base + i * width, width);
		memcpy(base + i * width, base, width);
		sift_down(base, 0, i, width, item, compare);
		if (ctx != NULL && i % POLL_ITEMS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

void
ml_sort(void *items, size_t n, size_t width, int (*compare) (const void *a, const void *b))
{
	sort(NULL, items, n, width, compare);
}

ml_status
ml_sort_polled(ml_context *ctx, void *items, size_t n, size_t width,
			   int (*compare) (const void *a, const void *b))
{
	return sort(ctx, items, n, width, compare);
}
