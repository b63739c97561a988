/*-------------------------------------------------------------------------
 *
 * mem.h
 *	  Memory of the engine: overflow-checked sizes, host allocations, arenas.
 *
 * Everything comes from the host (base.h).  An arena is a list of blocks that
 * is freed at once; the scratch of one call lives in one.  Sizes are computed
 * with ml_size_mul and ml_size_add, which saturate at SIZE_MAX, a size that
 * every allocator refuses; so an overflow ends as ML_NO_MEMORY, never as a
 * short buffer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MEM_H
#define ML_MEM_H

#include "base/base.h"

#include <string.h>

/*
 * The engine takes memory from its host only, and has no stdio.  (Hosts that
 * include this header keep theirs: the server defines POSTGRES_H, the unit
 * tests ML_HOST.)  A file that needs a system header which uses these itself
 * (immintrin.h, ICU, libpng, libjpeg) includes it before this one.
 */
#if !defined(POSTGRES_H) && !defined(ML_HOST)
#include <stdlib.h>
/* stdio of a library's header, as macros (clang, _FORTIFY_SOURCE) */
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vsnprintf
#pragma GCC poison malloc calloc realloc free strdup strndup aligned_alloc \
	posix_memalign printf fprintf sprintf snprintf vsnprintf puts fopen
#endif

#define ML_ALIGN 64				/* cache line; alignment of tensors and arenas */

static inline size_t
ml_size_mul(size_t a, size_t b)
{
	size_t		result;

	return __builtin_mul_overflow(a, b, &result) ? SIZE_MAX : result;
}

static inline size_t
ml_size_add(size_t a, size_t b)
{
	size_t		result;

	return __builtin_add_overflow(a, b, &result) ? SIZE_MAX : result;
}

/* Round up to a multiple of align (a power of two); saturates. */
static inline size_t
ml_size_align(size_t size, size_t align)
{
	size_t		sum = ml_size_add(size, align - 1);

	return sum == SIZE_MAX ? SIZE_MAX : sum & ~(align - 1);
}

/*
 * Host allocations.  *result is NULL on failure.  A size of 0 gives a valid
 * pointer.  ml_resize keeps the old block when it fails.  ml_release(NULL) is
 * allowed.  ml_alloc_zero polls while it fills what is large.
 */
extern ml_status ml_alloc(ml_context *ctx, size_t size, void **result);
extern ml_status ml_alloc_zero(ml_context *ctx, size_t size, void **result);
extern ml_status ml_resize(ml_context *ctx, void **pointer, size_t size);
extern void ml_release(ml_context *ctx, void *pointer);

/* memset to 0, and memcpy, of so many bytes that they must be polled in. */
extern ml_status ml_zero(ml_context *ctx, void *to, size_t size);
extern ml_status ml_copy(ml_context *ctx, void *to, const void *from, size_t size);

/*
 * Make *array hold at least "need" elements of "width" bytes, growing by
 * doubling; *capacity is in elements.
 */
extern ml_status ml_grow(ml_context *ctx, void **array, size_t *capacity,
						 size_t need, size_t width);

typedef struct ml_arena_block ml_arena_block;

typedef struct ml_arena
{
	ml_arena_block *blocks;		/* newest first */
	size_t		used;			/* bytes used in the newest block */
	size_t		total;			/* bytes taken from the host */
} ml_arena;

/* A zeroed ml_arena is empty and ready.  Memory is ML_ALIGN aligned. */
extern ml_status ml_arena_alloc(ml_context *ctx, ml_arena *arena, size_t size,
								void **result);
extern ml_status ml_arena_alloc_zero(ml_context *ctx, ml_arena *arena, size_t size,
									 void **result);
/* A NUL-terminated copy. */
extern ml_status ml_arena_copy(ml_context *ctx, ml_arena *arena, ml_text text,
							   ml_text *result);

/* Keep the largest block for the next call; or give everything back. */
extern void ml_arena_reset(ml_context *ctx, ml_arena *arena);
extern void ml_arena_free(ml_context *ctx, ml_arena *arena);

#endif							/* ML_MEM_H */
