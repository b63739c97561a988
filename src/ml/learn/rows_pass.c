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
gather_items(ml_rows *rows, const ml_rows_block *block, const uint32_t *words, uint32_t *n)
{
	for (uint32_t i = block->first; i < block->first + block->nrows; i++)
	{
		if (rows->parts >> rows->data.part[i] & 1)
			rows->items[(*n)++] = (ml_row) {words, rows->sizes[i], i};
		words += rows->sizes[i];
	}
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
	rows->next = 0;
	rows->consumed = 0;
	ML_TRY(ml_grow(ctx, &order, &rows->order_capacity, rows->nblocks, sizeof(uint32_t)));
	rows->order = order;
	for (size_t i = 0; i < rows->nblocks; i++)
		rows->order[i] = (uint32_t) i;
	if (rng != NULL)
		ml_rng_shuffle(rng, rows->order, rows->nblocks);
	return ML_OK;
}

/* Room for a group: spilled words, as many as any will have, and n rows. */
static ml_status
reserve_group(ml_context *ctx, ml_rows *rows, size_t words, size_t n)
{
	void	   *grown = rows->group;

	if (words > 0)
		ML_TRY(ml_grow(ctx, &grown, &rows->group_capacity, ML_MAX(words, ml_rows_group(rows)),
					   sizeof(uint32_t)));
	rows->group = grown;
	grown = rows->items;
	/* other blocks may hold a few more rows */
	if (n > rows->items_capacity)
		n += n / 4;
	ML_TRY(ml_grow(ctx, &grown, &rows->items_capacity, ML_MIN(n, (size_t) rows->data.nrows),
				   sizeof(ml_row)));
	rows->items = grown;
	return ML_OK;
}

/* The next blocks, as many as make a group, are order[rows->next, result). */
static size_t
group_end(const ml_rows *rows, size_t *spilled, size_t *nrows)
{
	size_t		limit = ml_rows_group(rows);
	size_t		words = 0;
	size_t		end = rows->next;

	*spilled = 0;
	*nrows = 0;
	for (; end < rows->nblocks; end++)
	{
		const ml_rows_block *block = &rows->blocks[rows->order[end]];

		if (words > 0 && words + block->nwords > limit)
			break;
		words += block->nwords;
		*nrows += block->nrows;
		if (block->words == NULL)
			*spilled += block->nwords;
	}
	return end;
}

static ml_status
load_group(ml_context *ctx, ml_rows *rows, uint32_t *n)
{
	size_t		spilled;
	size_t		nrows;
	size_t		end = group_end(rows, &spilled, &nrows);

	ML_TRY(reserve_group(ctx, rows, spilled, nrows));
	spilled = 0;
	for (; rows->next < end; rows->next++)
	{
		const ml_rows_block *block = &rows->blocks[rows->order[rows->next]];
		const uint32_t *words = block->words;

		if (words == NULL)
		{
			ML_TRY(ml_rows_load(ctx, rows, block, spilled));
			words = rows->group + spilled;
			spilled += block->nwords;
		}
		gather_items(rows, block, words, n);
		ML_TRY(ml_poll(ctx));
	}
	return rows->rng == NULL ? ML_OK : shuffle_items(ctx, rows->rng, rows->items, *n);
}

ml_status
ml_rows_next(ml_context *ctx, ml_rows *rows, const ml_row **group, uint32_t *n)
{
	*n = 0;
	ML_TRY(ml_poll(ctx));
	/* a group may hold no row of these parts */
	while (*n == 0 && rows->next < rows->nblocks)
		ML_TRY(load_group(ctx, rows, n));
	*group = rows->items;
	return ML_OK;
}

void
ml_rows_consume(ml_context *ctx, ml_rows *rows)
{
	void	  **arrays[] = {
		(void **) &rows->blocks, (void **) &rows->order, (void **) &rows->items, (void **) &rows->group,
		(void **) &rows->sizes, (void **) &rows->script, (void **) &rows->data.label,
		(void **) &rows->data.weight, (void **) &rows->data.part, (void **) &rows->data.length
	};

	for (; rows->consumed < rows->next; rows->consumed++)
	{
		ml_rows_block *block = &rows->blocks[rows->order[rows->consumed]];

		if (block->words != NULL)
			rows->resident -= block->nwords * sizeof(uint32_t);
		ml_release(ctx, block->words);
		block->words = NULL;
	}
	if (rows->consumed < rows->nblocks)
		return;
	for (size_t i = 0; i < ML_LENGTH(arrays); i++)
	{
		ml_release(ctx, *arrays[i]);
		*arrays[i] = NULL;
	}
	rows->nblocks = rows->blocks_capacity = rows->order_capacity = rows->items_capacity = 0;
	rows->next = rows->consumed = rows->group_capacity = rows->capacity = 0;
	rows->stored = rows->spilled = 0;
	rows->data.nrows = 0;
}

/* Document frequencies in the rows of some parts. */
static ml_status
count_df(ml_context *ctx, ml_rows *rows, uint32_t parts)
{
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;

	memset(rows->index.df, 0, rows->index.nfeatures * sizeof(uint32_t));
	ML_TRY(ml_rows_begin(ctx, rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, rows, &group, &n));
		if (n == 0)
			return ML_OK;
		for (uint32_t i = 0; i < n; i++)
		{
			for (uint32_t k = 0; k < group[i].n; k++)
				rows->index.df[ML_COUNTED_KEY(group[i].words[k])]++;
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
		index->idf_code[i] = code_of(scale, rows->index.df[i]);
		index->idf[i] = rows->index.df[i] < (uint32_t) rows->min_df ? 0 :
			(float) index->idf_levels[index->idf_code[i]] / ML_IDF_ONE;
	}
}

/* Euclidean lengths of all rows. */
static ml_status
set_lengths(ml_context *ctx, ml_rows *rows)
{
	const ml_rows_index *index = &rows->index;
	const ml_row *group;
	float		square[ML_COUNTED_MAX + 1];
	void	   *memory;
	float	   *idf2;
	uint32_t	n;
	size_t		work = 0;
	ml_status	status = ML_OK;

	for (uint32_t i = 0; i <= ML_COUNTED_MAX; i++)
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
