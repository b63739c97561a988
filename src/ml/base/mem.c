/*-------------------------------------------------------------------------
 *
 * mem.c
 *	  Host allocations and arenas.
 *
 *-------------------------------------------------------------------------
 */
#include "base/mem.h"

#define FIRST_BLOCK	((size_t) 8192)
#define PIECE		((size_t) 1 << 20)	/* bytes that are filled or copied between two polls: 0.3 ms of fresh pages, many times that on a busy machine */

struct ml_arena_block
{
	ml_arena_block *next;
	size_t		size;			/* usable bytes at data */
	char	   *data;			/* ML_ALIGN aligned, inside this allocation */
};

ml_status
ml_alloc(ml_context *ctx, size_t size, void **result)
{
	if (size == 0)
		size = 1;
	*result = size > SIZE_MAX / 2 ? NULL : ctx->host->alloc(ctx->host->user, size);
	return *result != NULL ? ML_OK : ml_no_memory(ctx, size);
}

ml_status
ml_alloc_zero(ml_context *ctx, size_t size, void **result)
{
	ml_status	status;

	ML_TRY(ml_alloc(ctx, size, result));
	status = ml_zero(ctx, *result, size);
	if (status == ML_OK)
		return ML_OK;
	ml_release(ctx, *result);
	*result = NULL;
	return status;
}

ml_status
ml_zero(ml_context *ctx, void *to, size_t size)
{
	for (; size > PIECE; size -= PIECE, to = (char *) to + PIECE)
	{
		memset(to, 0, PIECE);
		ML_TRY(ml_poll(ctx));
	}
	memset(to, 0, size);
	return ML_OK;
}

ml_status
ml_copy(ml_context *ctx, void *to, const void *from, size_t size)
{
	for (; size > PIECE; size -= PIECE, to = (char *) to + PIECE, from = (const char *) from + PIECE)
	{
		memcpy(to, from, PIECE);
		ML_TRY(ml_poll(ctx));
	}
	if (size > 0)
		memcpy(to, from, size);
	return ML_OK;
}

ml_status
ml_resize(ml_context *ctx, void **pointer, size_t size)
{
	void	   *moved;

	if (*pointer == NULL)
		return ml_alloc(ctx, size, pointer);
	if (size == 0)
		size = 1;
	moved = size > SIZE_MAX / 2 ? NULL : ctx->host->resize(ctx->host->user, *pointer, size);
	if (moved == NULL)
		return ml_no_memory(ctx, size);
	*pointer = moved;
	return ML_OK;
}

void
ml_release(ml_context *ctx, void *pointer)
{
	if (pointer != NULL)
		ctx->host->release(ctx->host->user, pointer);
}

ml_status
ml_grow(ml_context *ctx, void **array, size_t *capacity, size_t need, size_t width)
{
	size_t		wanted;

	if (need <= *capacity)
		return ML_OK;
	wanted = ML_MAX(need, ml_size_mul(*capacity, 2));
	wanted = ML_MAX(wanted, (size_t) 16);
	ML_TRY(ml_resize(ctx, array, ml_size_mul(wanted, width)));
	*capacity = wanted;
	return ML_OK;
}

static ml_status
arena_add_block(ml_context *ctx, ml_arena *arena, size_t need)
{
	size_t		size = arena->blocks == NULL ? FIRST_BLOCK : ml_size_mul(arena->blocks->size, 2);
	size_t		whole;
	void	   *memory;
	ml_arena_block *block;

	/* doubling bounds the number of blocks, the cap bounds the waste */
	size = ML_MAX(need, ML_MIN(size, (size_t) 1 << 23));
	whole = ml_size_add(size, sizeof(ml_arena_block) + ML_ALIGN);
	ML_TRY(ml_alloc(ctx, whole, &memory));
	block = memory;
	block->next = arena->blocks;
	block->size = size;
	block->data = (char *) (((uintptr_t) (block + 1) + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1));
	arena->blocks = block;
	arena->used = 0;
	arena->total += whole;
	return ML_OK;
}

ml_status
ml_arena_alloc(ml_context *ctx, ml_arena *arena, size_t size, void **result)
{
	size_t		need = ml_size_align(ML_MAX(size, (size_t) 1), ML_ALIGN);

	*result = NULL;
	if (arena->blocks == NULL || need > arena->blocks->size - arena->used)
		ML_TRY(arena_add_block(ctx, arena, need));
	*result = arena->blocks->data + arena->used;
	arena->used += need;
	return ML_OK;
}

ml_status
ml_arena_alloc_zero(ml_context *ctx, ml_arena *arena, size_t size, void **result)
{
	ML_TRY(ml_arena_alloc(ctx, arena, size, result));
	memset(*result, 0, size);
	return ML_OK;
}

ml_status
ml_arena_copy(ml_context *ctx, ml_arena *arena, ml_text text, ml_text *result)
{
	void	   *copy;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_add(text.size, 1), &copy));
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	((char *) copy)[text.size] = '\0';
	result->data = copy;
	result->size = text.size;
	return ML_OK;
}

void
ml_arena_reset(ml_context *ctx, ml_arena *arena)
{
	ml_arena_block *keep = arena->blocks;

	if (keep == NULL)
		return;
	/* the newest is the largest, but for one outsize request before it */
	for (ml_arena_block *block = keep->next; block != NULL;)
	{
		ml_arena_block *next = block->next;

		arena->total -= block->size + sizeof(ml_arena_block) + ML_ALIGN;
		ml_release(ctx, block);
		block = next;
	}
	keep->next = NULL;
	arena->used = 0;
}

void
ml_arena_free(ml_context *ctx, ml_arena *arena)
{
	for (ml_arena_block *block = arena->blocks; block != NULL;)
	{
		ml_arena_block *next = block->next;

		ml_release(ctx, block);
		block = next;
	}
	memset(arena, 0, sizeof(*arena));
}
