/*-------------------------------------------------------------------------
 *
 * known.h
 *	  The distinct features of one example that a model knows.
 *
 * For serving, where keys are dense ids: a bit per feature of the model tells
 * whether an id has come before.  Most come once; those that come again, and
 * how many more times, are counted apart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KNOWN_H
#define ML_KNOWN_H

#include "feature/seen.h"

typedef struct ml_known
{
	uint64_t   *bits;			/* set for ids[0..n) */
	size_t		nwords;
	uint32_t   *ids;
	size_t		capacity;
	size_t		n;
	ml_seen		again;			/* ids, counted from the second time on */
} ml_known;

/* *known is zeroed, or was closed. */
extern ml_status ml_known_open(ml_context *ctx, ml_known *known, uint32_t nfeatures);
extern void ml_known_close(ml_context *ctx, ml_known *known);

/* Empty it for the next example, also after a failure. */
extern ml_status ml_known_begin(ml_context *ctx, ml_known *known);

extern ml_status ml_known_add(ml_context *ctx, ml_known *known, const uint32_t *ids, size_t n);

#endif							/* ML_KNOWN_H */
