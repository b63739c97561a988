/*-------------------------------------------------------------------------
 *
 * roles.h
 *	  Which role a text column plays, from its first rows; and the values that
 *	  a category had, counted while rows are read.
 *
 * A text column is a category if of its first ML_ROLE_ROWS values that are not
 * NULL none is longer than ML_ROLE_BYTES bytes and at most half are distinct;
 * otherwise it is text.  A text column that is the only feature is text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ROLES_H
#define ML_ROLES_H

#include "base/mem.h"
#include "feature/column.h"

#define ML_ROLE_ROWS	4096
#define ML_ROLE_BYTES	64

/*
 * The role of a text column from its first values, each "stride" of ml_text
 * behind the one before; absent ones count not.
 */
extern ml_status ml_role_decide(ml_context *ctx, const ml_text *values, size_t n,
								size_t stride, ml_role *role);

/* The distinct values of a category, numbered in order of first appearance. */
typedef struct ml_levels
{
	ml_arena	arena;			/* the values' bytes */
	char	   *room;			/* what is free of its last piece */
	size_t		left;
	ml_text    *values;
	uint64_t   *counts;
	uint32_t	n;
	size_t		capacity;
	uint32_t   *slots;			/* 1 + number, 0 = free */
	size_t		nslots;
} ml_levels;

#define ML_LEVELS_MAX	(UINT32_C(1) << 24)
#define ML_LEVEL_BYTES	1024	/* longest value of a category */

/*
 * A zeroed ml_levels is empty.  Copies the value if it is new, and counts it.
 * ML_BAD_DATA: too many, too long.
 */
extern ml_status ml_levels_add(ml_context *ctx, ml_levels *levels, ml_text value,
							   uint32_t *number);
extern void ml_levels_free(ml_context *ctx, ml_levels *levels);
extern size_t ml_levels_memory(const ml_levels *levels);

#endif							/* ML_ROLES_H */
