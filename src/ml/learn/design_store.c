/*-------------------------------------------------------------------------
 *
 * design_store.c
 *	  Blocks of the design matrix, in memory as long as they fit and in the
 *	  host's spill file beyond; the account of both.
 *
 * Of a spilled block 40 bytes stay in memory.  A place in the file that is
 * free again (a hole) is written anew where the host can do that, so that
 * shuffling and what solvers keep don't make the file grow from pass to pass.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/summary_bins.h"
#include "learn/design_internal.h"

#define OVERHEAD		(2 * ML_ALIGN + 16) /* bytes of an allocation besides its block */
#define HOLES_TRIED		8
#define POLL_BLOCKS		256

/* ---------- memory ---------- */

ml_status
ml_design_alloc(ml_context *ctx, ml_design *design, size_t size, char **bytes)
{
	void	   *memory;
	uintptr_t	begin;

	*bytes = NULL;
	if (size > UINT32_MAX)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "%u rows of the training need %zu MB of memory", design->stride,
					   size >> 20);
	ML_TRY(ml_alloc(ctx, size + 2 * ML_ALIGN, &memory));
	/* where the allocation begins lies before it */
	begin = ((uintptr_t) memory + sizeof(memory) + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1);
	*bytes = (char *) begin;
	memcpy(*bytes - sizeof(memory), &memory, sizeof(memory));
	design->held += size + OVERHEAD;
	return ML_OK;
}

void
ml_design_release(ml_context *ctx, ml_design *design, char *bytes, size_t size)
{
	void	   *memory;

	if (bytes == NULL)
		return;
	memcpy(&memory, bytes - sizeof(memory), sizeof(memory));
	design->held -= size + OVERHEAD;
	ml_release(ctx, memory);
}

ml_status
ml_design_grow(ml_context *ctx, ml_design *design, void **array, size_t *capacity, size_t need, size_t width)
{
	size_t		wanted;

	if (need <= *capacity)
		return ML_OK;
	wanted = ML_MAX(need, ML_MAX(*capacity + *capacity / 4, (size_t) 16));
	ML_TRY(ml_resize(ctx, array, ml_size_mul(wanted, width)));
	design->held += (wanted - *capacity) * width;
	*capacity = wanted;
	return ML_OK;
}

static size_t
summary_memory(const ml_summary *summary)
{
	size_t		bytes = sizeof(ml_summary);

	if (summary->bins != NULL)
		bytes += sizeof(ml_summary_bins) + summary->bins->capacity * (sizeof(ml_summary_bin) + sizeof(double));
	return bytes;
}

size_t
ml_design_memory(const ml_design *design)
{
	size_t		total = design->held;

	for (uint32_t i = 0; design->summaries != NULL && i < design->nsummaries; i++)
		total += summary_memory(&design->summaries[i]);
	for (uint32_t i = 0; i < design->ncategories; i++)
		total += ml_levels_memory(&design->levels[i]);
	if (design->rows != NULL)
		total += ml_rows_memory(design->rows);
	return total;
}

bool
ml_design_fits(const ml_design *design, size_t more)
{
	return ml_size_add(ml_design_memory(design) + design->reserved, more) <= design->limit;
}

/* ---------- the file ---------- */

ml_status
ml_design_unspill(ml_context *ctx, uint64_t offset, void *bytes, size_t size)
{
	if (!ctx->host->spill_read(ctx->host->user, offset, bytes, size))
		return ml_fail(ctx, ML_IO, "could not read the training rows from a temporary file");
	return ml_poll(ctx);
}

/*
 * Holes are kept by size, in eight classes for each power of two, so that one
 * that is filled again is filled well.
 */
static inline int
class_of(size_t size)
{
	int			power = 31 - __builtin_clz((uint32_t) size);

	return power * 8 + (int) (power < 3 ? 0 : size >> (power - 3) & 7);
}

size_t
ml_design_round(size_t size)
{
	size_t		step = size < 16 || size > UINT32_MAX / 2 ? 1 : (size_t) 1 << (28 - __builtin_clz((uint32_t) size));

	return (size + step - 1) / step * step;
}

static void
add_hole(ml_design *design, uint64_t offset, uint32_t size)
{
	uint32_t	entry = design->unused_hole;
	ml_hole    *hole = &design->holes[entry];
	uint32_t   *head = &design->hole_heads[class_of(size)];

	design->unused_hole = hole->next;
	*hole = (ml_hole){offset, size, *head};
	*head = entry;
}

void
ml_design_unhold(ml_context *ctx, ml_design *design, uint64_t offset, size_t size)
{
	if (ctx->host->spill_rewrite != NULL && size > 0 && design->holes != NULL)
		add_hole(design, offset, (uint32_t) size);
}

/* Room for every piece of the file, and one more, to become a hole: that must not fail. */
static ml_status
reserve_hole(ml_context *ctx, ml_design *design)
{
	size_t		before = design->holes_capacity;
	void	   *memory = design->holes;

	if (design->npieces + 1 < before)
		return ML_OK;
	if (before >= UINT32_MAX / 2)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "the training rows are in too many pieces");
	ML_TRY(ml_design_grow(ctx, design, &memory, &design->holes_capacity, before + 1, sizeof(ml_hole)));
	design->holes = memory;
	for (size_t i = design->holes_capacity; i-- > before;)
	{
		design->holes[i].next = design->unused_hole;
		design->unused_hole = (uint32_t) i;
	}
	return ML_OK;
}

/* The first hole of a class that is large enough, as the link to it; NULL: there is none among the first few. */
static uint32_t *
look_for_hole(ml_design *design, int class, size_t size)
{
	uint32_t   *link = &design->hole_heads[class];

	for (int i = 0; i < HOLES_TRIED && *link != ML_NO_HOLE; i++)
	{
		if (design->holes[*link].size >= size)
			return link;
		link = &design->holes[*link].next;
	}
	return NULL;
}

/* Take a hole that fits well, or a piece of one that is large; false: there is none. */
static bool
take_hole(ml_design *design, size_t size, uint64_t *offset)
{
	uint32_t   *link = look_for_hole(design, class_of(size), size);
	uint32_t	entry;
	ml_hole		hole;

	for (int class = class_of(ML_MIN(2 * size, (size_t) UINT32_MAX)); link == NULL && class < ML_HOLE_CLASSES; class ++)
		link = look_for_hole(design, class, 2 * size);
	if (link == NULL)
		return false;
	entry = *link;
	hole = design->holes[entry];
	*offset = hole.offset;
	*link = hole.next;
	design->holes[entry].next = design->unused_hole;
	design->unused_hole = entry;
	if (hole.size >= 2 * size)
	{
		add_hole(design, hole.offset + size, hole.size - (uint32_t) size);
		design->npieces++;
	}
	return true;
}

ml_status
ml_design_spill(ml_context *ctx, ml_design *design, const void *bytes, size_t size, uint64_t *offset)
{
	bool		written;

	if (ctx->host->spill_write == NULL)
		return ml_fail(ctx, ML_MEMORY_LIMIT,
					   "the training rows need more than %zu MB of memory, and there is no file for them",
					   design->limit >> 20);
	if (ctx->host->spill_rewrite != NULL)
		ML_TRY(reserve_hole(ctx, design));
	if (ctx->host->spill_rewrite != NULL && take_hole(design, size, offset))
		written = ctx->host->spill_rewrite(ctx->host->user, *offset, bytes, size);
	else
	{
		*offset = ctx->spilled;
		written = ctx->host->spill_write(ctx->host->user, bytes, size);
		if (written)
			ctx->spilled += size;
		design->npieces++;
	}
	if (!written)
		return ml_fail(ctx, ML_IO, "could not write the training rows to a temporary file");
	return ml_poll(ctx);
}

/* ---------- blocks ---------- */

ml_status
ml_design_load(ml_context *ctx, ml_design *design, const ml_stored_block *stored, char **bytes)
{
	if (stored->flags & ML_BLOCK_HERE)
	{
		*bytes = stored->at.bytes;
		return ml_poll(ctx);
	}
	if (design->loaded_size < stored->size)
	{
		ml_design_release(ctx, design, design->loaded, design->loaded_size);
		design->loaded_size = 0;
		ML_TRY(ml_design_alloc(ctx, design, stored->size, &design->loaded));
		design->loaded_size = stored->size;
	}
	*bytes = design->loaded;
	return ml_design_unspill(ctx, stored->at.offset, *bytes, stored->size);
}

/* Write a block that is in memory to the file. */
static ml_status
evict(ml_context *ctx, ml_design *design, ml_block_list *list, ml_stored_block *stored)
{
	char	   *bytes = stored->at.bytes;
	uint64_t	offset;

	ML_TRY(ml_design_spill(ctx, design, bytes, stored->size, &offset));
	ml_design_release(ctx, design, bytes, stored->size);
	stored->at.offset = offset;
	stored->flags &= (uint8_t) ~ML_BLOCK_HERE;
	list->nspilled++;
	return ML_OK;
}

ml_status
ml_design_evict(ml_context *ctx, ml_design *design, ml_block_list *list, size_t more)
{
	if (ctx->host->spill_write == NULL)
		return ML_OK;
	for (; list->end > 0 && !ml_design_fits(design, more); list->end--)
	{
		ml_stored_block *stored = &list->blocks[list->end - 1];

		if (stored->flags & ML_BLOCK_HERE)
			ML_TRY(evict(ctx, design, list, stored));
		else if (list->end % POLL_BLOCKS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_design_make_room(ml_context *ctx, ml_design *design, size_t more, bool prepared)
{
	ML_TRY(ml_design_evict(ctx, design, &design->raw, more));
	return prepared ? ml_design_evict(ctx, design, &design->made, more) : ML_OK;
}

ml_status
ml_design_store(ml_context *ctx, ml_design *design, ml_block_list *list, const ml_stored_block *block,
				char *bytes, bool *kept)
{
	void	   *memory = list->blocks;
	ml_stored_block stored = *block;
	size_t		more = stored.size;

	*kept = false;
	if (design->loaded_size == 0)
		more += stored.size;
	ML_TRY(ml_poll(ctx));
	ML_TRY(ml_design_grow(ctx, design, &memory, &list->capacity, list->n + 1, sizeof(ml_stored_block)));
	list->blocks = memory;
	/* rows that are read don't displace those that are there, but lists and levels that grow do */
	ML_TRY(ml_design_make_room(ctx, design, list == &design->raw ? 0 : more, false));
	*kept = ml_design_fits(design, more);
	if (*kept)
	{
		stored.at.bytes = bytes;
		stored.flags |= ML_BLOCK_HERE;
		list->end = list->n + 1;
	}
	else
	{
		ML_TRY(ml_design_spill(ctx, design, bytes, stored.size, &stored.at.offset));
		list->nspilled++;
	}
	list->blocks[list->n++] = stored;
	return ML_OK;
}

void
ml_design_free(ml_context *ctx, ml_design *design, ml_stored_block *stored)
{
	if (stored->flags & ML_BLOCK_HERE)
		ml_design_release(ctx, design, stored->at.bytes, stored->size);
	else if (stored->n > 0)
		ml_design_unhold(ctx, design, stored->at.offset, stored->size);
	stored->flags &= (uint8_t) ~ML_BLOCK_HERE;
	stored->n = 0;
}

void
ml_design_drop(ml_context *ctx, ml_design *design, ml_block_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		ml_design_free(ctx, design, &list->blocks[i]);
	ml_release(ctx, list->blocks);
	design->held -= list->capacity * sizeof(ml_stored_block);
	memset(list, 0, sizeof(*list));
}
