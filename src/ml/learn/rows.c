/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Storing the encoded training rows, and passes over them.
 *
 * Rows are appended to a block; a full block is kept, or written to the host's
 * spill file once the memory for rows is used up.  Of each row only its number
 * of words and ml_rows_data's few bytes stay in memory whatever happens.
 *
 * Which buckets occur in two rows is known without counting, from two bit sets
 * (seen, seen twice) that fit the second-level cache.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/rows.h"

#include "base/mem.h"
#include "feature/weight.h"
#include "learn/rows_internal.h"

#define BLOCK_WORDS		((size_t) 1 << 13)
#define POLL_WORDS		((size_t) 1 << 20)

ml_status
ml_rows_open(ml_context *ctx, size_t memory, const ml_recipe *recipe, double piece_weight,
			 const ml_kernel *kernel, ml_rows **result)
{
	void	   *block;
	ml_rows    *rows;
	size_t		set = ((size_t) 1 << recipe->hash_bits) / 8;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_rows), &block));
	rows = *result = block;
	rows->limit = memory;
	rows->recipe = recipe;
	rows->kernel = kernel;
	rows->piece_weight = piece_weight;
	ML_TRY(ml_alloc_zero(ctx, set, &block));
	rows->seen = block;
	ML_TRY(ml_alloc_zero(ctx, set, &block));
	rows->twice = block;
	rows->held = 2 * set;
	if (recipe->char_ngrams[1] > 0)
	{
		ML_TRY(ml_alloc_zero(ctx, set, &block));
		rows->marks.pieces = block;
		rows->held += set;
	}
	if (recipe->script_ngrams[1] > 0)
	{
		ML_TRY(ml_alloc_zero(ctx, set, &block));
		rows->marks.scripts = block;
		rows->held += set;
	}
	if (recipe->min_df > 2)
	{
		ML_TRY(ml_alloc_zero(ctx, set * 8 * sizeof(uint16_t), &block));
		rows->counts = block;
		rows->held += set * 8 * sizeof(uint16_t);
	}
	return ML_OK;
}

void
ml_rows_close(ml_context *ctx, ml_rows *rows)
{
	if (rows == NULL)
		return;
	for (size_t i = 0; i < rows->nblocks; i++)
		ml_release(ctx, rows->blocks[i].words);
	ml_release(ctx, rows->blocks);
	ml_release(ctx, rows->open);
	ml_release(ctx, rows->seen);
	ml_release(ctx, rows->twice);
	ml_release(ctx, rows->counts);
	ml_release(ctx, rows->marks.pieces);
	ml_release(ctx, rows->marks.scripts);
	ml_release(ctx, rows->sizes);
	ml_release(ctx, rows->script);
	ml_release(ctx, rows->data.label);
	ml_release(ctx, rows->data.weight);
	ml_release(ctx, rows->data.part);
	ml_release(ctx, rows->data.length);
	ml_release(ctx, rows->items);
	ml_release(ctx, rows->group);
	ml_release(ctx, rows->order);
	ml_arena_free(ctx, &rows->arena);
	ml_release(ctx, rows);
}

ml_marks *
ml_rows_marks(ml_rows *rows)
{
	return &rows->marks;
}

ml_rows_data *
ml_rows_get(ml_rows *rows)
{
	return &rows->data;
}

uint64_t
ml_rows_words(const ml_rows *rows)
{
	return rows->words;
}

/* About how many rows a group has, if they are alike. */
static size_t
items_needed(const ml_rows *rows)
{
	double		share = rows->stored == 0 ? 1 : (double) ml_rows_group(rows) / (double) rows->stored;

	return (size_t) (ML_MIN(share * 1.25, 1.0) * rows->data.nrows);
}

size_t
ml_rows_memory(const ml_rows *rows)
{
	size_t		group = ml_rows_group(rows) * sizeof(uint32_t);
	size_t		items = ML_MAX(rows->items_capacity, items_needed(rows)) * sizeof(ml_row);

	if (rows->spilled == 0)
		group = 0;
	group = ML_MAX(group, rows->group_capacity * sizeof(uint32_t));
	return rows->held + rows->resident + rows->open_capacity * sizeof(uint32_t) +
		rows->capacity * ML_ROWS_PER_ROW + rows->nblocks * (sizeof(ml_rows_block) + 4) + items +
		group + rows->arena.total;
}

size_t
ml_rows_least(const ml_rows *rows)
{
	size_t		group = rows->spilled > 0 ? 0 : ml_rows_group(rows) * sizeof(uint32_t);

	return ml_rows_memory(rows) - rows->resident + group;
}

size_t
ml_rows_size(const ml_rows *rows)
{
	return rows->stored * sizeof(uint32_t);
}

uint64_t
ml_rows_spilled(const ml_rows *rows)
{
	return rows->spilled;
}

const ml_rows_index *
ml_rows_indexed(const ml_rows *rows)
{
	return &rows->index;
}

uint32_t
ml_rows_count(const ml_rows *rows, uint32_t parts)
{
	uint32_t	n = 0;

	for (uint32_t i = 0; i < rows->data.nrows; i++)
		n += parts >> rows->data.part[i] & 1;
	return n;
}

/* Append to the spill file; *offset is where. */
static ml_status
spill(ml_context *ctx, ml_rows *rows, const uint32_t *words, size_t n, uint64_t *offset)
{
	if (ctx->host->spill_write == NULL)
	{
		ml_fail(ctx, ML_MEMORY_LIMIT,
				"the training rows need more than %zu MB of memory, and there is no file for them",
				rows->limit >> 20);
		return ML_MEMORY_LIMIT;
	}
	*offset = ctx->spilled;
	if (!ctx->host->spill_write(ctx->host->user, words, n * sizeof(uint32_t)))
		return ml_fail(ctx, ML_IO, "could not write the training rows to a temporary file");
	ctx->spilled += n * sizeof(uint32_t);
	rows->spilled += n * sizeof(uint32_t);
	return ML_OK;
}

/* Keep or spill the open block, and begin another. */
static ml_status
close_block(ml_context *ctx, ml_rows *rows)
{
	ml_rows_block *block;
	void	   *grown = rows->blocks;
	size_t		bytes = rows->open_used * sizeof(uint32_t);

	if (rows->data.nrows == rows->open_first)
		return ML_OK;
	ML_TRY(ml_poll(ctx));
	ML_TRY(ml_grow(ctx, &grown, &rows->blocks_capacity, rows->nblocks + 1, sizeof(*block)));
	rows->blocks = grown;
	block = &rows->blocks[rows->nblocks];
	memset(block, 0, sizeof(*block));
	block->first = rows->open_first;
	block->nrows = rows->data.nrows - rows->open_first;
	block->nwords = rows->open_used;
	if (ml_rows_memory(rows) + bytes <= rows->limit)
	{
		void	   *words = rows->open;

		ML_TRY(ml_resize(ctx, &words, bytes));
		block->words = words;
		rows->resident += bytes;
		rows->open = NULL;
		rows->open_capacity = 0;
	}
	else
		ML_TRY(spill(ctx, rows, rows->open, rows->open_used, &block->offset));
	rows->nblocks++;
	rows->open_first = rows->data.nrows;
	rows->open_used = 0;
	return ML_OK;
}

/* Make room for one row more in every array that has an entry per row. */
static ml_status
grow_arrays(ml_context *ctx, ml_rows *rows)
{
	/* not doubled: unused room counts against the limit like rows */
	size_t		capacity = ML_MAX(rows->capacity + rows->capacity / 4, (size_t) 1024);
	void	   *array;

	if (rows->data.nrows < rows->capacity)
		return ML_OK;
	if (capacity > UINT32_MAX)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "more than %u training rows", UINT32_MAX / 2);
#define GROW(field) \
	array = field; \
	ML_TRY(ml_resize(ctx, &array, capacity * sizeof(*field))); \
	field = array
	GROW(rows->sizes);
	GROW(rows->script);
	GROW(rows->data.label);
	GROW(rows->data.weight);
	GROW(rows->data.part);
	GROW(rows->data.length);
#undef GROW
	rows->capacity = capacity;
	return ML_OK;
}

/* Note that each key occurs in one row more. */
static void
see(ml_rows *rows, const ml_features *features)
{
	for (size_t i = 0; i < features->n; i++)
	{
		uint32_t	key = ML_COUNTED_KEY(features->words[i]);
		uint64_t	bit = UINT64_C(1) << (key & 63);

		rows->twice[key >> 6] |= rows->seen[key >> 6] & bit;
		rows->seen[key >> 6] |= bit;
	}
	if (rows->counts != NULL)
		for (size_t i = 0; i < features->n; i++)
		{
			uint16_t   *count = &rows->counts[ML_COUNTED_KEY(features->words[i])];

			*count += *count < UINT16_MAX;
		}
}

ml_status
ml_rows_add(ml_context *ctx, ml_rows *rows, const ml_features *features, uint32_t label,
			float weight)
{
	uint32_t	number = rows->data.nrows;
	size_t		need = features->n;

	if (need > UINT32_MAX)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "a text with more than %u features", UINT32_MAX);
	/* where blocks end must not depend on what has become of the ones before */
	if (rows->open_used + need > BLOCK_WORDS)
		ML_TRY(close_block(ctx, rows));
	if (rows->open_used + need > rows->open_capacity || rows->open == NULL)
	{
		size_t		capacity = ML_MAX(need, BLOCK_WORDS);
		void	   *open = rows->open;

		/* nothing is in it: close_block has just emptied it */
		ML_TRY(ml_resize(ctx, &open, ml_size_mul(capacity, sizeof(uint32_t))));
		rows->open = open;
		rows->open_capacity = capacity;
	}
	ML_TRY(grow_arrays(ctx, rows));

	if (need > 0)
		memcpy(rows->open + rows->open_used, features->words, need * sizeof(uint32_t));
	see(rows, features);
	rows->open_used += need;
	rows->words += need;
	rows->stored += need;
	rows->sizes[number] = (uint32_t) need;
	rows->script[number] = rows->marks.script;
	rows->data.label[number] = label;
	rows->data.weight[number] = weight;
	rows->data.part[number] = 0;
	rows->data.nrows++;
	return ML_OK;
}

/* Set the bits of what is a feature, count them, and build the vocabulary. */
static ml_status
build_vocabulary(ml_context *ctx, ml_rows *rows, int min_df, uint32_t **ranks)
{
	size_t		nblocks = ((size_t) 1 << rows->recipe->hash_bits) / 64;
	uint64_t   *bits = min_df <= 1 ? rows->seen : rows->twice;
	ml_vocabulary *vocabulary;
	void	   *memory;

	if (min_df > 2)
		for (size_t i = 0; i < nblocks * 64; i++)
			if (rows->counts[i] < min_df)
				bits[i >> 6] &= ~(UINT64_C(1) << (i & 63));

	ML_TRY(ml_arena_alloc_zero(ctx, &rows->arena, ml_vocabulary_size(rows->recipe->hash_bits),
							   &memory));
	vocabulary = rows->index.vocabulary = memory;
	vocabulary->hash_bits = (uint32_t) rows->recipe->hash_bits;
	for (size_t i = 0; i < nblocks; i++)
		vocabulary->blocks[i].bits = bits[i];
	ml_vocabulary_rank(vocabulary);
	ML_TRY(ml_alloc(ctx, nblocks * sizeof(uint32_t), &memory));
	*ranks = memory;
	for (size_t i = 0; i < nblocks; i++)
		(*ranks)[i] = vocabulary->blocks[i].rank;
	rows->index.nfeatures = vocabulary->nfeatures;
	rows->min_df = ML_MAX(min_df, 1);
	return ML_OK;
}

/* Marked buckets -> marked ids. */
static ml_status
find_marked(ml_context *ctx, ml_rows *rows, const uint64_t *marks, uint64_t **ids)
{
	const ml_vocabulary *vocabulary = rows->index.vocabulary;
	size_t		nblocks = ((size_t) 1 << rows->recipe->hash_bits) / 64;
	void	   *memory;
	uint32_t	id = 0;

	if (marks == NULL)
		return ML_OK;
	ML_TRY(ml_arena_alloc_zero(ctx, &rows->arena, (vocabulary->nfeatures + 63) / 64 * 8, &memory));
	*ids = memory;
	for (size_t i = 0; i < nblocks; i++)
		for (uint64_t left = vocabulary->blocks[i].bits; left != 0; left &= left - 1, id++)
			if (marks[i] & left & -left)
				(*ids)[id >> 6] |= UINT64_C(1) << (id & 63);
	return ML_OK;
}

/* Buckets -> ids in a block's words, which are in "words". */
static void
map_block(ml_rows *rows, ml_rows_block *block, uint32_t *words, const uint64_t *bits,
		  const uint32_t *ranks)
{
	uint32_t   *in = words;
	uint32_t   *out = words;

	for (uint32_t i = 0; i < block->nrows; i++)
	{
		uint32_t	n = rows->sizes[block->first + i];
		uint32_t	kept = (uint32_t) rows->kernel->row_map(in, n, bits, ranks, rows->index.df);

		memmove(out, in, kept * sizeof(uint32_t));
		rows->sizes[block->first + i] = kept;
		in += n;
		out += kept;
	}
	rows->stored -= block->nwords - (size_t) (out - words);
	block->nwords = (size_t) (out - words);
}

/* Map every block; spilled ones are written anew behind the others. */
static ml_status
map_blocks(ml_context *ctx, ml_rows *rows, const uint64_t *bits, const uint32_t *ranks)
{
	size_t		work = 0;

	for (size_t i = 0; i < rows->nblocks; i++)
	{
		ml_rows_block *block = &rows->blocks[i];
		void	   *words = block->words;

		work += block->nwords;
		if (work > POLL_WORDS)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
		if (block->words == NULL)
		{
			ML_TRY(ml_rows_load(ctx, rows, block, 0));
			map_block(rows, block, rows->group, bits, ranks);
			ML_TRY(spill(ctx, rows, rows->group, block->nwords, &block->offset));
			continue;
		}
		rows->resident -= block->nwords * sizeof(uint32_t);
		map_block(rows, block, block->words, bits, ranks);
		ML_TRY(ml_resize(ctx, &words, block->nwords * sizeof(uint32_t)));
		block->words = words;
		rows->resident += block->nwords * sizeof(uint32_t);
	}
	return ML_OK;
}

ml_status
ml_rows_make_index(ml_context *ctx, ml_rows *rows, int min_df)
{
	uint32_t   *ranks = NULL;
	void	   *memory;
	ml_rows_index *index = &rows->index;
	size_t		n;
	ml_status	status;

	ML_TRY(close_block(ctx, rows));
	ml_release(ctx, rows->open);
	rows->open = NULL;
	rows->open_capacity = 0;
	ML_TRY(build_vocabulary(ctx, rows, min_df, &ranks));
	n = index->nfeatures;
	if (n == 0)
	{
		ml_release(ctx, ranks);
		ml_fail(ctx, ML_BAD_DATA, "no word occurs in %d or more of the %u training rows",
				rows->min_df, rows->data.nrows);
		return ml_hint(ctx, "Give more rows, or the option \"min_df\": 1.");
	}

	status = find_marked(ctx, rows, rows->marks.pieces, &rows->piece_ids);
	if (status == ML_OK)
		status = find_marked(ctx, rows, rows->marks.scripts, &rows->script_ids);
	if (status == ML_OK)
		status = ml_arena_alloc_zero(ctx, &rows->arena, n * sizeof(uint32_t), &memory);
	if (status == ML_OK)
	{
		rows->index.df = memory;
		status = map_blocks(ctx, rows, min_df <= 1 ? rows->seen : rows->twice, ranks);
	}
	ml_release(ctx, ranks);
	ML_TRY(status);

	ml_release(ctx, rows->seen);
	ml_release(ctx, rows->twice);
	ml_release(ctx, rows->counts);
	ml_release(ctx, rows->marks.pieces);
	ml_release(ctx, rows->marks.scripts);
	rows->seen = rows->twice = rows->marks.pieces = rows->marks.scripts = NULL;
	rows->counts = NULL;
	rows->held = 0;

	ML_TRY(ml_arena_alloc(ctx, &rows->arena, n, &memory));
	index->idf_code = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &rows->arena, ML_IDF_LEVELS * sizeof(uint16_t), &memory));
	index->idf_levels = memory;
	ML_TRY(ml_arena_alloc(ctx, &rows->arena, n * sizeof(float), &memory));
	index->idf = memory;
	index->unit = rows->recipe->l2_norm;
	for (uint32_t i = 0; i <= ML_COUNTED_MAX; i++)
		index->tf[i] = i == 0 ? 0 :
			(float) ml_tf_weight(rows->recipe->sublinear_tf, i) / ML_TF_ONE;
	return ML_OK;
}
