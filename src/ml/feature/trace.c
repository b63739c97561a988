/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  What the features of one example are called.
 *
 * Memory follows the distinct (feature, name) pairs, not the text: the names
 * of a feature hang in a list that is searched before one is added.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/trace.h"

#define NONE UINT32_MAX

struct ml_trace
{
	ml_arena	arena;			/* the names */
	ml_origin  *origins;
	size_t		norigins;
	size_t		origins_capacity;
	uint32_t   *next;			/* [norigins] next origin of the same feature */
	size_t		next_capacity;
	uint32_t   *first;			/* [nfirst] by feature */
	size_t		nfirst;
	size_t		first_capacity;
	uint32_t	nwords;
	uint32_t	sizes[ML_NGRAM_MAX];	/* ring: word i is at i % ML_NGRAM_MAX */
	char		words[ML_NGRAM_MAX][ML_WORD_MAX];
	char		name[ML_NGRAM_MAX * (ML_WORD_MAX + 1)];
};

ml_status
ml_trace_open(ml_context *ctx, ml_trace **result)
{
	return ml_alloc_zero(ctx, sizeof(ml_trace), (void **) result);
}

void
ml_trace_close(ml_context *ctx, ml_trace *trace)
{
	if (trace == NULL)
		return;
	ml_arena_free(ctx, &trace->arena);
	ml_release(ctx, trace->origins);
	ml_release(ctx, trace->next);
	ml_release(ctx, trace->first);
	ml_release(ctx, trace);
}

void
ml_trace_begin(ml_context *ctx, ml_trace *trace)
{
	ml_arena_reset(ctx, &trace->arena);
	trace->norigins = 0;
	trace->nfirst = 0;
	trace->nwords = 0;
}

void
ml_trace_word(ml_trace *trace, const ml_word *word)
{
	uint32_t	at = trace->nwords++ % ML_NGRAM_MAX;

	trace->sizes[at] = word->size;
	memcpy(trace->words[at], word->folded, word->size);
}

ml_text
ml_trace_join(ml_trace *trace, int n, ml_text separator)
{
	size_t		used = 0;

	for (uint32_t i = trace->nwords - (uint32_t) n; i != trace->nwords; i++)
	{
		uint32_t	at = i % ML_NGRAM_MAX;

		if (used > 0 && separator.size > 0)
		{
			memcpy(trace->name + used, separator.data, separator.size);
			used += separator.size;
		}
		memcpy(trace->name + used, trace->words[at], trace->sizes[at]);
		used += trace->sizes[at];
	}
	return (ml_text) {trace->name, used};
}

ml_text
ml_trace_piece(ml_trace *trace, const ml_framed *framed, uint32_t i, uint32_t n)
{
	uint32_t	first = i == 0 ? 1 : i;
	uint32_t	end = i + n == framed->nchars ? i + n - 1 : i + n;
	size_t		size = framed->starts[end] - framed->starts[first];
	size_t		used = 0;

	if (i > 0)
		trace->name[used++] = '-';
	memcpy(trace->name + used, framed->bytes + framed->starts[first], size);
	used += size;
	if (i + n < framed->nchars)
		trace->name[used++] = '-';
	return (ml_text) {trace->name, used};
}

ml_status
ml_trace_note(ml_context *ctx, ml_trace *trace, size_t feature, uint32_t column,
			  ml_text name)
{
	ml_origin  *origin;
	uint32_t   *link;

	ML_TRY(ml_grow(ctx, (void **) &trace->first, &trace->first_capacity, feature + 1,
				   sizeof(uint32_t)));
	while (trace->nfirst <= feature)
		trace->first[trace->nfirst++] = NONE;
	ML_TRY(ml_grow(ctx, (void **) &trace->origins, &trace->origins_capacity,
				   trace->norigins + 1, sizeof(ml_origin)));
	ML_TRY(ml_grow(ctx, (void **) &trace->next, &trace->next_capacity,
				   trace->norigins + 1, sizeof(uint32_t)));
	for (link = &trace->first[feature]; *link != NONE; link = &trace->next[*link])
	{
		origin = &trace->origins[*link];
		if (origin->column == column && ml_text_equal(origin->text, name))
			return ML_OK;
	}
	origin = &trace->origins[trace->norigins];
	ML_TRY(ml_arena_copy(ctx, &trace->arena, name, &origin->text));
	origin->feature = (uint32_t) feature;
	origin->column = column;
	trace->next[trace->norigins] = NONE;
	*link = (uint32_t) trace->norigins++;
	return ML_OK;
}

const ml_origin *
ml_trace_origins(const ml_trace *trace, size_t *n)
{
	*n = trace->norigins;
	return trace->origins;
}
