/*-------------------------------------------------------------------------
 *
 * roles.c
 *	  Is a text column a category?  And the distinct values of one.
 *
 * Both look values up in open-addressed tables with linear probing of which
 * at most half is used.  Bytes of levels are packed into pieces of the arena,
 * since most are a few bytes long and an arena aligns to cache lines.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/roles.h"
#include "base/hash.h"

#define FIRST_SLOTS	((size_t) 64)
#define PIECE_FIRST	((size_t) 512)
#define PIECE_MAX	((size_t) 1 << 16)
#define POLL_LEVELS	((uint32_t) 1 << 14)

/* Is the value among the first of these slots (1 + index of a value)?  If not, it is now. */
static bool
known(uint16_t *slots, size_t nslots, const ml_text *values, size_t stride, size_t i)
{
	ml_text		value = values[i * stride];
	size_t		at = ml_hash(value.data, value.size, 0) & (nslots - 1);

	for (; slots[at] != 0; at = (at + 1) & (nslots - 1))
		if (ml_text_equal(values[(slots[at] - 1) * stride], value))
			return true;
	slots[at] = (uint16_t) (i + 1);
	return false;
}

ml_status
ml_role_decide(ml_context *ctx, const ml_text *values, size_t n, size_t stride, ml_role *role)
{
	size_t		nslots = 2 * ML_ROLE_ROWS;
	size_t		present = 0;
	size_t		distinct = 0;
	bool		shorts = true;
	void	   *slots;

	n = ML_MIN(n, (size_t) UINT16_MAX - 1);
	ML_TRY(ml_alloc_zero(ctx, nslots * sizeof(uint16_t), &slots));
	for (size_t i = 0; shorts && i < n && present < ML_ROLE_ROWS; i++)
	{
		if (values[i * stride].data == NULL)
			continue;
		present++;
		shorts = values[i * stride].size <= ML_ROLE_BYTES;
		if (shorts && !known(slots, nslots, values, stride, i))
			distinct++;
	}
	ml_release(ctx, slots);
	*role = shorts && distinct <= present / 2 ? ML_ROLE_CATEGORY : ML_ROLE_TEXT;
	return ML_OK;
}

/* The slot of a value: its own, or the free one where it belongs. */
static size_t
find_slot(const ml_levels *levels, ml_text value)
{
	size_t		mask = levels->nslots - 1;
	size_t		at = ml_hash(value.data, value.size, 0) & mask;

	while (levels->slots[at] != 0 &&
		   !ml_text_equal(levels->values[levels->slots[at] - 1], value))
		at = (at + 1) & mask;
	return at;
}

static ml_status
grow_slots(ml_context *ctx, ml_levels *levels)
{
	size_t		nslots = ML_MAX(FIRST_SLOTS, 2 * levels->nslots);
	void	   *slots;

	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(nslots, sizeof(uint32_t)), &slots));
	for (uint32_t i = 0; i < levels->n; i++)
	{
		size_t		at = ml_hash(levels->values[i].data, levels->values[i].size, 0) & (nslots - 1);

		/* all are distinct, so that the first free slot is theirs */
		while (((uint32_t *) slots)[at] != 0)
			at = (at + 1) & (nslots - 1);
		((uint32_t *) slots)[at] = i + 1;
		if (i % POLL_LEVELS == POLL_LEVELS - 1 && ml_poll(ctx) != ML_OK)
		{
			ml_release(ctx, slots);
			return ctx->error.status;
		}
	}
	ml_release(ctx, levels->slots);
	levels->slots = slots;
	levels->nslots = nslots;
	return ML_OK;
}

/* Room for one level more in values and counts, which grow together. */
static ml_status
grow_values(ml_context *ctx, ml_levels *levels)
{
	size_t		capacity = levels->capacity;
	size_t		counts = levels->capacity;

	ML_TRY(ml_grow(ctx, (void **) &levels->counts, &counts, (size_t) levels->n + 1, sizeof(uint64_t)));
	ML_TRY(ml_grow(ctx, (void **) &levels->values, &capacity, (size_t) levels->n + 1, sizeof(ml_text)));
	levels->capacity = capacity;
	return ML_OK;
}

static ml_status
keep_bytes(ml_context *ctx, ml_levels *levels, ml_text value, ml_text *kept)
{
	if (value.size > levels->left || levels->room == NULL)
	{
		size_t		piece = ML_MIN(ML_MAX(levels->arena.total, PIECE_FIRST), PIECE_MAX);
		void	   *memory;

		piece = ML_MAX(piece, value.size);
		ML_TRY(ml_arena_alloc(ctx, &levels->arena, piece, &memory));
		levels->room = memory;
		levels->left = piece;
	}
	if (value.size > 0)
		memcpy(levels->room, value.data, value.size);
	*kept = (ml_text){levels->room, value.size};
	levels->room += value.size;
	levels->left -= value.size;
	return ML_OK;
}

ml_status
ml_levels_add(ml_context *ctx, ml_levels *levels, ml_text value, uint32_t *number)
{
	size_t		at;

	if (levels->nslots > 0)
	{
		at = find_slot(levels, value);
		if (ML_LIKELY(levels->slots[at] != 0))
		{
			*number = levels->slots[at] - 1;
			levels->counts[*number]++;
			return ML_OK;
		}
	}
	if (value.size > ML_LEVEL_BYTES)
		return ml_fail(ctx, ML_BAD_DATA, "a category has a value of %zu bytes, more than %d",
					   value.size, ML_LEVEL_BYTES);
	if (levels->n >= ML_LEVELS_MAX)
		return ml_fail(ctx, ML_BAD_DATA, "a category has more than %u different values",
					   ML_LEVELS_MAX);
	if (levels->n >= levels->nslots / 2)
		ML_TRY(grow_slots(ctx, levels));
	if (levels->n >= levels->capacity)
		ML_TRY(grow_values(ctx, levels));
	ML_TRY(keep_bytes(ctx, levels, value, &levels->values[levels->n]));
	at = find_slot(levels, value);
	levels->counts[levels->n] = 1;
	*number = levels->n++;
	levels->slots[at] = levels->n;
	return ML_OK;
}

void
ml_levels_free(ml_context *ctx, ml_levels *levels)
{
	ml_arena_free(ctx, &levels->arena);
	ml_release(ctx, levels->values);
	ml_release(ctx, levels->counts);
	ml_release(ctx, levels->slots);
	memset(levels, 0, sizeof(*levels));
}

size_t
ml_levels_memory(const ml_levels *levels)
{
	return levels->arena.total + levels->capacity * (sizeof(ml_text) + sizeof(uint64_t)) +
		levels->nslots * sizeof(uint32_t);
}
