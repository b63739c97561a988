/*-------------------------------------------------------------------------
 *
 * rows_pass.c
 *	  Passes over stored training rows, and the weights of their features.
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "feature/weight.h"
#include "learn/rows_internal.h"

#define POLL_WORDS		((size_t) 1 << 20)
#define POLL_ITEMS		((uint32_t) 1 << 18)

ml_status
ml_rows_load(ml_context *ctx, ml_rows *rows, const ml_rows_block *block, size_t at)
{
	void	   *group = rows->group;

	ML_TRY(ml_grow(ctx, &group, &rows->group_capacity, at + block->nwords, sizeof(uint32_t)));
	rows->group = group;
	if (block->nwords > 0 &&
		!ctx->host->spill_read(ctx->host->user, block->offset, rows->group + at,
							   block->nwords * sizeof(uint32_t)))
		return ml_fail(ctx, ML_IO, "could not read the training rows from a temporary file");
	return ML_OK;
}

/* Append the rows of a block that are in the parts of this pass; there is room. */
static void
gather_items(const ml_rows *rows, const ml_rows_block *block, const uint32_t *words,
			 ml_row *items, uint32_t *n)
{
	for (uint32_t i = block->first; i < block->first + block->nrows; i++)
	{
		if (rows->parts >> rows->data.part[i] & 1)
			items[(*n)++] = (ml_row) {words, rows->sizes[i], i};
		words += rows->sizes[i];
	}
}

/* Gather the rows in memory anew, for another mask or in order again. */
static ml_status
gather_resident(ml_context *ctx, ml_rows *rows)
{
	void	   *grown = rows->items;
	size_t		need = 0;

	rows->nitems = 0;
	for (size_t i = 0; i < rows->nblocks; i++)
		need += rows->blocks[i].words != NULL ? rows->blocks[i].nrows : 0;
	ML_TRY(ml_grow(ctx, &grown, &rows->items_capacity, need, sizeof(ml_row)));
	rows->items = grown;
	for (size_t i = 0; i < rows->nblocks; i++)
		if (rows->blocks[i].words != NULL)
		{
			gather_items(rows, &rows->blocks[i], rows->blocks[i].words, rows->items,
						 &rows->nitems);
			ML_TRY(ml_poll(ctx));
		}
	rows->items_parts = rows->parts;
	rows->items_shuffled = false;
	return ML_OK;
}

static ml_status
shuffle_items(ml_context *ctx, ml_rng *rng, ml_row *items, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--)
	{
		uint32_t	j = (uint32_t) ml_rng_below(rng, i);
		ml_row		swap = items[i - 1];

		items[i - 1] = items[j];
		items[j] = swap;
		if (i % POLL_ITEMS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_rows_begin(ml_context *ctx, ml_rows *rows, uint32_t parts, ml_rng *rng)
{
	void	   *order = rows->order;

	rows->parts = parts;
	rows->rng = rng;
	rows->items_at = 0;
	rows->next_spilled = 0;
	rows->nspilled = 0;
	rows->words_left = 0;
	ML_TRY(ml_grow(ctx, &order, &rows->order_capacity, rows->nblocks, sizeof(uint32_t)));
	rows->order = order;
	for (size_t i = 0; i < rows->nblocks; i++)
	{
		if (rows->blocks[i].words != NULL)
			continue;
		rows->order[rows->nspilled++] = (uint32_t) i;
		rows->words_left += rows->blocks[i].nwords;
	}

	if (parts != rows->items_parts || (rng == NULL && rows->items_shuffled))
	{
		rows->items_parts = 0;
		ML_TRY(gather_resident(ctx, rows));
	}
	if (rng != NULL)
	{
		ML_TRY(shuffle_items(ctx, rng, rows->items, rows->nitems));
		rows->items_shuffled = true;
		ml_rng_shuffle(rng, rows->order, rows->nspilled);
	}
	return ML_OK;
}

/* Room for "limit" words, or one block if that is larger, and for n rows. */
static ml_status
reserve_group(ml_context *ctx, ml_rows *rows, size_t words, size_t n)
{
	void	   *grown = rows->group;

	ML_TRY(ml_grow(ctx, &grown, &rows->group_capacity, words, sizeof(uint32_t)));
	rows->group = grown;
	grown = rows->group_items;
	/* other blocks may hold a few more rows */
	if (n > rows->group_items_capacity)
		n += n / 4;
	ML_TRY(ml_grow(ctx, &grown, &rows->group_items_capacity, n, sizeof(ml_row)));
	rows->group_items = grown;
	return ML_OK;
}

/*
 * Read the next spilled blocks, as many as an eighth of the memory holds.
 * Shuffled, a group also has a share of the rows in memory: those are the
 * source's first, often of one label.
 */
static ml_status
load_group(ml_context *ctx, ml_rows *rows, uint32_t *n)
{
	size_t		limit = rows->limit / 8 / sizeof(uint32_t);
	size_t		groups = ML_MAX(rows->words_left / ML_MAX(limit, (size_t) 1), (size_t) 1);
	uint32_t	share = rows->rng == NULL ? 0 : rows->nitems - rows->items_at;
	uint32_t	last = rows->next_spilled;
	size_t		words = 0;
	size_t		nrows = 0;

	for (; last < rows->nspilled; last++)
	{
		const ml_rows_block *block = &rows->blocks[rows->order[last]];

		if (words > 0 && words + block->nwords > limit)
			break;
		words += block->nwords;
		nrows += block->nrows;
	}
	if (last < rows->nspilled)
		share = (uint32_t) (share / groups);
	rows->words_left -= words;
	ML_TRY(reserve_group(ctx, rows, ML_MAX(words, limit), nrows + share));

	for (words = 0; rows->next_spilled < last; rows->next_spilled++)
	{
		const ml_rows_block *block = &rows->blocks[rows->order[rows->next_spilled]];

		ML_TRY(ml_rows_load(ctx, rows, block, words));
		gather_items(rows, block, rows->group + words, rows->group_items, n);
		words += block->nwords;
		ML_TRY(ml_poll(ctx));
	}
	if (share > 0)
		memcpy(rows->group_items + *n, rows->items + rows->items_at, share * sizeof(ml_row));
	rows->items_at += share;
	*n += share;
	return rows->rng == NULL ? ML_OK : shuffle_items(ctx, rows->rng, rows->group_items, *n);
}

ml_status
ml_rows_next(ml_context *ctx, ml_rows *rows, const ml_row **group, uint32_t *n)
{
	bool		mix = rows->rng != NULL && rows->nspilled > 0;

	*n = 0;
	*group = NULL;
	ML_TRY(ml_poll(ctx));
	if (!mix && rows->items_at < rows->nitems)
	{
		rows->items_at = rows->nitems;
		*group = rows->items;
		*n = rows->nitems;
	}
	/* a group may hold no row of these parts */
	while (*n == 0 && rows->next_spilled < rows->nspilled)
	{
		ML_TRY(load_group(ctx, rows, n));
		*group = rows->group_items;
	}
	return ML_OK;
}

/* Document frequencies in the rows of some parts. */
static ml_status
count_df(ml_context *ctx, ml_rows *rows, uint32_t parts)
{
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;

	memset(rows->df, 0, rows->index.nfeatures * sizeof(uint32_t));
	ML_TRY(ml_rows_begin(ctx, rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, rows, &group, &n));
		if (n == 0)
			return ML_OK;
		for (uint32_t i = 0; i < n; i++)
		{
			for (uint32_t k = 0; k < group[i].n; k++)
				rows->df[group[i].words[k] & ML_ROW_KEY_MASK]++;
			work += group[i].n;
			if (work > POLL_WORDS)
			{
				work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
	}
}

/*
 * A scale of idf codes, of the features of one kind: one code each for
 * the small document frequencies, which most features have, then geometric
 * steps up to all rows.
 */
typedef struct idf_scale
{
	const uint64_t *ids;		/* features of the kind; NULL: all others */
	int			first;			/* code */
	int			exact;			/* codes of document frequencies 1, 2, ... */
	int			steps;			/* codes after them */
	double		span;			/* ln(rows / exact) */
} idf_scale;

static void
make_scale(ml_rows *rows, uint64_t nrows, int first, int ncodes, double weight,
		   idf_scale *scale)
{
	double		most = (double) ML_MAX(nrows, UINT64_C(1));

	scale->first = first;
	scale->exact = ncodes * 3 / 4;
	scale->steps = ncodes - scale->exact;
	scale->span = ml_log(ML_MAX(most / scale->exact, 1.01));
	for (int i = 0; i < ncodes; i++)
	{
		double		df = i < scale->exact ? i + 1 : scale->exact *
			ml_exp(scale->span * (i - scale->exact + 0.5) / scale->steps);
		uint16_t	level = ml_idf_level(rows->recipe->idf, nrows, (uint64_t) ML_MIN(df, most));

		rows->index.idf_levels[first + i] =
			(uint16_t) ML_MAX(ML_MIN(weight * level + 0.5, (double) UINT16_MAX), 1.0);
	}
}

static uint8_t
code_of(const idf_scale *scale, uint32_t df)
{
	double		step;

	if (df <= (uint32_t) scale->exact)
		return (uint8_t) (scale->first + (int) ML_MAX(df, 1u) - 1);
	step = ml_log((double) df / scale->exact) / scale->span * scale->steps;
	return (uint8_t) (scale->first + scale->exact +
					  (int) ML_MIN(step, (double) (scale->steps - 1)));
}

/*
 * The rows that count for script n-grams are those that have any: else, in a
 * table of several languages, all characters of the smaller one would be
 * rare, and the frequent as good as the telling.
 */
static void
set_idf(ml_rows *rows, uint64_t nrows, uint64_t nscript)
{
	ml_rows_index *index = &rows->index;
	idf_scale	scales[3];
	int			nscales = 1 + (rows->piece_ids != NULL) + (rows->script_ids != NULL && nscript > 0);
	int			ncodes = ML_IDF_LEVELS / nscales;
	int			first = 0;
	idf_scale  *scale = scales;

	if (rows->piece_ids != NULL)
	{
		make_scale(rows, nrows, first, ncodes, rows->piece_weight, scale);
		scale++->ids = rows->piece_ids;
		first += ncodes;
	}
	if (rows->script_ids != NULL && nscript > 0)
	{
		make_scale(rows, nscript, first, ncodes, 1, scale);
		scale++->ids = rows->script_ids;
		first += ncodes;
	}
	make_scale(rows, nrows, first, ncodes, 1, scale);
	scale->ids = NULL;

	for (uint32_t i = 0; i < index->nfeatures; i++)
	{
		for (scale = scales; scale->ids != NULL; scale++)
			if (scale->ids[i >> 6] >> (i & 63) & 1)
				break;
		index->idf_code[i] = code_of(scale, rows->df[i]);
		index->idf[i] = rows->df[i] < (uint32_t) rows->min_df ? 0 :
			(float) index->idf_levels[index->idf_code[i]] / ML_IDF_ONE;
	}
}

/* Euclidean lengths of all rows. */
static ml_status
set_lengths(ml_context *ctx, ml_rows *rows)
{
	const ml_rows_index *index = &rows->index;
	const ml_row *group;
	float		square[ML_ROW_COUNT_MAX + 1];
	void	   *memory;
	float	   *idf2;
	uint32_t	n;
	size_t		work = 0;
	ml_status	status = ML_OK;

	for (uint32_t i = 0; i <= ML_ROW_COUNT_MAX; i++)
		square[i] = index->tf[i] * index->tf[i];
	ML_TRY(ml_alloc(ctx, ml_size_mul(index->nfeatures, sizeof(float)), &memory));
	idf2 = memory;
	for (uint32_t i = 0; i < index->nfeatures; i++)
		idf2[i] = index->idf[i] * index->idf[i];
	status = ml_rows_begin(ctx, rows, ML_PARTS_ALL, NULL);
	while (status == ML_OK)
	{
		status = ml_rows_next(ctx, rows, &group, &n);
		if (status != ML_OK || n == 0)
			break;
		for (uint32_t i = 0; i < n && status == ML_OK; i++)
		{
			rows->data.length[group[i].number] =
				sqrtf(rows->kernel->row_dot(idf2, group[i].words, group[i].n, square));
			work += group[i].n;
			if (work > POLL_WORDS)
			{
				work = 0;
				status = ml_poll(ctx);
			}
		}
	}
	ml_release(ctx, idf2);
	return status;
}

ml_status
ml_rows_weigh(ml_context *ctx, ml_rows *rows, uint32_t parts)
{
	uint64_t	nrows = 0;
	uint64_t	nscript = 0;

	/* the index has just counted all rows */
	if (parts != ML_PARTS_ALL || rows->weighed)
		ML_TRY(count_df(ctx, rows, parts));
	rows->weighed = true;
	for (uint32_t i = 0; i < rows->data.nrows; i++)
	{
		uint32_t	counted = parts >> rows->data.part[i] & 1;

		nrows += counted;
		nscript += counted & rows->script[i];
	}
	set_idf(rows, nrows, nscript);
	return set_lengths(ctx, rows);
}
