/*-------------------------------------------------------------------------
 *
 * known.c
 *	  The distinct features of one example that a model knows.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/known.h"

#define KEEP	((size_t) 1 << 14)	/* ids whose memory stays between examples */
#define BATCH	((size_t) 256)

ml_status
ml_known_open(ml_context *ctx, ml_known *known, uint32_t nfeatures)
{
	void	   *memory;

	known->nwords = (size_t) nfeatures / 64 + 1;
	ML_TRY(ml_alloc_zero(ctx, known->nwords * sizeof(uint64_t), &memory));
	known->bits = memory;
	return ML_OK;
}

void
ml_known_close(ml_context *ctx, ml_known *known)
{
	ml_release(ctx, known->bits);
	ml_release(ctx, known->ids);
	ml_seen_free(ctx, &known->again);
	memset(known, 0, sizeof(*known));
}

ml_status
ml_known_begin(ml_context *ctx, ml_known *known)
{
	if (known->n > known->nwords)
		memset(known->bits, 0, known->nwords * sizeof(uint64_t));
	else
		for (size_t i = 0; i < known->n; i++)
			known->bits[known->ids[i] >> 6] = 0;
	known->n = 0;
	/* one large example must not leave its memory to every later one */
	if (known->capacity > KEEP)
	{
		ml_release(ctx, known->ids);
		known->ids = NULL;
		known->capacity = 0;
	}
	return ml_seen_begin(ctx, &known->again, 0);
}

/* n <= BATCH.  Nothing branches on whether an id is new: see seen.h. */
static ml_status
add_batch(ml_context *ctx, ml_known *known, const uint32_t *added, size_t nadded)
{
	uint64_t   *bits = known->bits;
	uint32_t	again[BATCH];
	size_t		nagain = 0;
	uint32_t   *ids;
	size_t		n = known->n;

	if (n + nadded > known->capacity)
	{
		void	   *memory = known->ids;

		ML_TRY(ml_grow(ctx, &memory, &known->capacity, n + nadded, sizeof(uint32_t)));
		known->ids = memory;
	}
	ids = known->ids;
	for (size_t i = 0; i < nadded; i++)
	{
		uint32_t	id = added[i];
		uint64_t	word = bits[id >> 6];
		unsigned	before = word >> (id & 63) & 1;

		bits[id >> 6] = word | UINT64_C(1) << (id & 63);
		ids[n] = id;
		n += before ^ 1;
		again[nagain] = id;
		nagain += before;
	}
	known->n = n;
	if (nagain == 0)
		return ML_OK;
	ML_TRY(ml_seen_reserve(ctx, &known->again, nagain));
	ml_seen_add(&known->again, again, nagain);
	return ML_OK;
}

ml_status
ml_known_add(ml_context *ctx, ml_known *known, const uint32_t *ids, size_t n)
{
	for (; n > BATCH; ids += BATCH, n -= BATCH)
		ML_TRY(add_batch(ctx, known, ids, BATCH));
	return add_batch(ctx, known, ids, n);
}
