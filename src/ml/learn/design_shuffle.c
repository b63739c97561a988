/*-------------------------------------------------------------------------
 *
 * design_shuffle.c
 *	  The rows of each part in random order.
 *
 * The rows of a part are thrown into buckets at random, each of which is then
 * put into random order by itself: so every order is equally likely.  A bucket
 * whose pages are in the file and too many for the memory is thrown into
 * smaller ones first.
 *
 * In a bucket a row lies in one piece, so that throwing and collecting touch
 * few cache lines; in pages, which are blocks like others, in memory or in the
 * file.  Blocks are freed as soon as their rows are thrown.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

#define BUCKETS_MAX		64
#define BUCKET_BYTES	((size_t) 1 << 20)	/* about what a bucket should have while all is in memory */
#define PAGE_BYTES		((size_t) 64 << 10)
#define PAGE_MIN		((size_t) 1 << 10)
#define PAGES			512		/* that the memory should hold at least ... */
#define PAGES_FEW		32		/* ... or, where rows are many, so few: */
#define PAGE_SHARE		1024	/* what is known of pages stays in memory, a part of it */
#define BATCH			64		/* rows transposed together */
#define LEVELS_MAX		8
#define POLL_ROWS		((size_t) 1 << 16)
#define POLL_PAGES		16

/* The pages of a bucket, and the one that is filled. */
typedef struct bucket
{
	ml_block_list pages;
	char	   *open;
	size_t		size;			/* bytes of it */
	size_t		used;
	uint32_t	n;				/* rows in it */
} bucket;

typedef struct shuffle
{
	ml_design  *design;
	ml_rng	   *rng;
	uint8_t		part;
	size_t		row_bytes;		/* of a row without its texts */
	size_t		page_bytes;
	ml_block_list *result;
	/* the buckets under way, those that a bucket was divided into behind it */
	bucket	   *buckets[LEVELS_MAX];
	uint32_t	nbuckets[LEVELS_MAX];
	int			nlevels;
} shuffle;

/* ---------- rows in one piece ---------- */

static inline uint32_t
record_entries(shuffle *s, const char *record)
{
	uint32_t	n = 0;

	if (s->design->ntexts > 0)
		memcpy(&n, record + s->row_bytes - sizeof(double), sizeof(n));
	return n;
}

static inline size_t
record_size(shuffle *s, uint32_t nentries)
{
	return s->row_bytes + nentries * (sizeof(uint32_t) + sizeof(float));
}

/* Rows first .. first + n of a block, column by column, to their places. */
static void
write_records(shuffle *s, const ml_made *from, uint32_t first, uint32_t n, char *const *places)
{
	const ml_design *design = s->design;
	size_t		stride = design->stride;
	size_t		numbers = design->ndense + 3;
	size_t		levels = design->ncats + 1;

	for (size_t j = 0; j < numbers; j++)
	{
		const double *x = from->dense + j * stride + first;

		for (uint32_t i = 0; i < n; i++)
			memcpy(places[i] + j * sizeof(double), &x[i], sizeof(double));
	}
	for (size_t k = 0; k < levels; k++)
	{
		const uint32_t *x = from->hot + k * stride + first;

		for (uint32_t i = 0; i < n; i++)
			memcpy(places[i] + numbers * sizeof(double) + k * sizeof(uint32_t), &x[i], sizeof(uint32_t));
	}
	for (uint32_t i = 0; i < n && from->at != NULL; i++)
	{
		uint32_t	begin = from->at[first + i];
		uint32_t	count = from->at[first + i + 1] - begin;
		char	   *to = places[i] + s->row_bytes;

		memcpy(to - sizeof(double), &count, sizeof(count));
		memcpy(to, from->ids + begin, count * sizeof(uint32_t));
		memcpy(to + count * sizeof(uint32_t), from->values + begin, count * sizeof(float));
	}
}

/* The other way: n rows behind those of an open block, which has room. */
static void
read_records(shuffle *s, char *const *records, uint32_t n, ml_open_part *open)
{
	const ml_design *design = s->design;
	size_t		stride = design->stride;
	size_t		numbers = design->ndense + 3;
	size_t		levels = design->ncats + 1;
	ml_made		to = ml_design_made(design, open->bytes, 0);

	for (size_t j = 0; j < numbers; j++)
	{
		double	   *y = to.dense + j * stride + open->n;

		for (uint32_t i = 0; i < n; i++)
			memcpy(&y[i], records[i] + j * sizeof(double), sizeof(double));
	}
	for (size_t k = 0; k < levels; k++)
	{
		uint32_t   *y = to.hot + k * stride + open->n;

		for (uint32_t i = 0; i < n; i++)
			memcpy(&y[i], records[i] + numbers * sizeof(double) + k * sizeof(uint32_t), sizeof(uint32_t));
	}
	for (uint32_t i = 0; i < n && to.at != NULL; i++)
	{
		uint32_t	count = record_entries(s, records[i]);
		const char *from = records[i] + s->row_bytes;

		to.at[open->n + i] = open->nentries;
		if (count > 0)
		{
			memcpy(open->ids + open->nentries, from, count * sizeof(uint32_t));
			memcpy(open->values + open->nentries, from + count * sizeof(uint32_t), count * sizeof(float));
		}
		open->nentries += count;
	}
	open->n += n;
}

/* ---------- buckets ---------- */

static ml_status
open_buckets(ml_context *ctx, shuffle *s, uint32_t n, bucket **buckets)
{
	ML_TRY(ml_alloc_zero(ctx, n * sizeof(bucket), (void **) buckets));
	s->design->reserved += n * s->page_bytes;
	s->buckets[s->nlevels] = *buckets;
	s->nbuckets[s->nlevels++] = n;
	return ML_OK;
}

/* The last that were opened. */
static void
close_buckets(ml_context *ctx, shuffle *s)
{
	bucket	   *buckets = s->buckets[--s->nlevels];

	for (uint32_t i = 0; i < s->nbuckets[s->nlevels]; i++)
	{
		ml_design_drop(ctx, s->design, &buckets[i].pages);
		ml_design_release(ctx, s->design, buckets[i].open, buckets[i].size);
	}
	ml_release(ctx, buckets);
}

/* Room for so many bytes more: what is needed last goes to the file. */
static ml_status
make_way(ml_context *ctx, shuffle *s, const ml_block_list *but, size_t more)
{
	ML_TRY(ml_design_make_room(ctx, s->design, more, true));
	for (int level = 0; level < s->nlevels; level++)
		for (uint32_t i = s->nbuckets[level]; i-- > 0;)
			if (&s->buckets[level][i].pages != but)
				ML_TRY(ml_design_evict(ctx, s->design, &s->buckets[level][i].pages, more));
	return ml_design_evict(ctx, s->design, s->result, more);
}

static inline bool
has_room(const bucket *b, size_t size)
{
	return b->used + size <= b->size && b->n < UINT16_MAX;
}

static ml_status
close_page(ml_context *ctx, shuffle *s, bucket *b)
{
	ml_stored_block page = {.size = (uint32_t) b->size, .n = (uint16_t) b->n};
	bool		kept;

	if (b->n == 0)
		return ML_OK;
	ML_TRY(ml_design_store(ctx, s->design, &b->pages, &page, b->open, &kept));
	if (kept)
	{
		s->design->reserved += s->page_bytes;
		b->open = NULL;
		b->size = 0;
	}
	b->used = 0;
	b->n = 0;
	return ML_OK;
}

/* A place for a row of so many bytes. */
static ml_status
find_place(ml_context *ctx, shuffle *s, bucket *b, size_t row, char **place)
{
	if (ML_UNLIKELY(!has_room(b, row)))
	{
		size_t		size = ml_design_round(ML_MAX(row, s->page_bytes));

		ML_TRY(close_page(ctx, s, b));
		if (b->size < row)
		{
			if (b->size == 0)
				s->design->reserved -= s->page_bytes;
			ml_design_release(ctx, s->design, b->open, b->size);
			b->size = 0;
			ML_TRY(ml_design_alloc(ctx, s->design, size, &b->open));
			b->size = size;
		}
	}
	*place = b->open + b->used;
	b->used += row;
	b->n++;
	return ML_OK;
}

/* ---------- throwing ---------- */

static ml_status
throw_block(ml_context *ctx, shuffle *s, const ml_made *made, uint32_t n, bucket *buckets, uint32_t nbuckets)
{
	char	   *places[BATCH];
	uint32_t	first = 0;
	uint32_t	waiting = 0;	/* rows from "first" on, whose places are found but not written */

	for (uint32_t i = 0; i < n; i++)
	{
		size_t		size = record_size(s, made->at == NULL ? 0 : made->at[i + 1] - made->at[i]);
		bucket	   *b = &buckets[ml_rng_below(s->rng, nbuckets)];

		if (waiting == BATCH || !has_room(b, size))
		{
			write_records(s, made, first, waiting, places);
			first = i;
			waiting = 0;
		}
		ML_TRY(find_place(ctx, s, b, size, &places[waiting++]));
	}
	write_records(s, made, first, waiting, places);
	return ML_OK;
}

static ml_status
throw_page(ml_context *ctx, shuffle *s, const char *bytes, uint32_t n, bucket *buckets, uint32_t nbuckets)
{
	for (uint32_t i = 0; i < n; i++)
	{
		size_t		size = record_size(s, record_entries(s, bytes));
		char	   *place;

		ML_TRY(find_place(ctx, s, &buckets[ml_rng_below(s->rng, nbuckets)], size, &place));
		memcpy(place, bytes, size);
		bytes += size;
	}
	return ML_OK;
}

/* ---------- collecting ---------- */

/* Where the rows of pages are; pages of the file are read into memory that is theirs from now on. */
static ml_status
gather(ml_context *ctx, shuffle *s, ml_block_list *pages, char **records)
{
	for (size_t p = 0; p < pages->n; p++)
	{
		ml_stored_block *page = &pages->blocks[p];
		char	   *bytes = page->at.bytes;

		if ((page->flags & ML_BLOCK_HERE) == 0)
		{
			uint64_t	offset = page->at.offset;
			ml_status	status;

			ML_TRY(ml_design_alloc(ctx, s->design, page->size, &bytes));
			status = ml_design_unspill(ctx, offset, bytes, page->size);
			if (status != ML_OK)
				ml_design_release(ctx, s->design, bytes, page->size);
			ML_TRY(status);
			ml_design_unhold(ctx, s->design, offset, page->size);
			page->at.bytes = bytes;
			page->flags |= ML_BLOCK_HERE;
		}
		if (p % POLL_PAGES == 0)
			ML_TRY(ml_poll(ctx));
		for (uint32_t i = 0; i < page->n; i++)
		{
			*records++ = bytes;
			bytes += record_size(s, record_entries(s, bytes));
		}
	}
	return ML_OK;
}

static ml_status
shuffle_records(ml_context *ctx, ml_rng *rng, char **records, size_t n)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		j = (size_t) ml_rng_below(rng, i);
		char	   *swap = records[i - 1];

		records[i - 1] = records[j];
		records[j] = swap;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Rows to blocks of the part. */
static ml_status
collect(ml_context *ctx, shuffle *s, char *const *records, size_t n)
{
	ml_open_part *open = &s->design->parts[s->part];

	for (size_t done = 0; done < n;)
	{
		uint32_t	nentries = record_entries(s, records[done]);
		size_t		some = ML_MIN(n - done, (size_t) BATCH);

		ML_TRY(ml_design_open_part(ctx, s->design, s->part, nentries, s->result));
		some = s->design->ntexts > 0 ? 1 : ML_MIN(some, (size_t) (s->design->stride - open->n));
		read_records(s, records + done, (uint32_t) some, open);
		done += some;
	}
	return ML_OK;
}

static ml_status
permute(ml_context *ctx, shuffle *s, ml_block_list *pages, size_t nrows, size_t spilled)
{
	char	  **records;
	ml_status	status;

	/* and two blocks: one that is filled, one that is packed */
	ML_TRY(make_way(ctx, s, pages, ml_size_add(spilled, nrows * sizeof(char *)) + 2 * s->design->made_size));
	ML_TRY(ml_alloc(ctx, ml_size_mul(nrows, sizeof(char *)), (void **) &records));
	s->design->held += nrows * sizeof(char *);
	status = gather(ctx, s, pages, records);
	if (status == ML_OK)
		status = shuffle_records(ctx, s->rng, records, nrows);
	if (status == ML_OK)
		status = collect(ctx, s, records, nrows);
	ml_release(ctx, records);
	s->design->held -= nrows * sizeof(char *);
	ml_design_drop(ctx, s->design, pages);
	return status;
}

/* ---------- a part ---------- */

/* Buckets for so many bytes, each of which is to fit into memory. */
static uint32_t
choose_buckets(shuffle *s, size_t bytes)
{
	size_t		bucket_bytes = ML_MIN(BUCKET_BYTES, ML_MAX(s->design->limit / 8, s->page_bytes));
	size_t		n = bytes / bucket_bytes + 1;
	size_t		most = ML_MAX(s->design->limit / 4 / s->page_bytes, 4);

	return (uint32_t) ML_MIN(n, ML_MIN(most, (size_t) BUCKETS_MAX));
}

static ml_status settle_buckets(ml_context *ctx, shuffle *s, bucket *buckets, uint32_t n);

/* Throw the rows of a bucket into smaller ones. */
static ml_status
divide(ml_context *ctx, shuffle *s, ml_block_list *pages, size_t bytes)
{
	uint32_t	n = ML_MAX(choose_buckets(s, bytes), 2u);
	bucket	   *buckets;
	ml_status	status = ML_OK;

	ML_TRY(open_buckets(ctx, s, n, &buckets));
	status = make_way(ctx, s, pages, 0);
	for (size_t p = 0; p < pages->n && status == ML_OK; p++)
	{
		ml_stored_block *page = &pages->blocks[p];
		char	   *bytes_of_page;

		status = ml_design_load(ctx, s->design, page, &bytes_of_page);
		if (status == ML_OK)
			status = throw_page(ctx, s, bytes_of_page, page->n, buckets, n);
		ml_design_free(ctx, s->design, page);
	}
	ml_design_drop(ctx, s->design, pages);
	if (status == ML_OK)
		status = settle_buckets(ctx, s, buckets, n);
	close_buckets(ctx, s);
	return status;
}

static ml_status
settle(ml_context *ctx, shuffle *s, ml_block_list *pages)
{
	size_t		most = ML_MAX(s->design->limit / 4, 8 * s->page_bytes);
	size_t		bytes = 0;
	size_t		spilled = 0;
	size_t		rows = 0;

	for (size_t p = 0; p < pages->n; p++)
	{
		bytes += pages->blocks[p].size;
		rows += pages->blocks[p].n;
		if ((pages->blocks[p].flags & ML_BLOCK_HERE) == 0)
			spilled += pages->blocks[p].size;
	}
	if (s->nlevels < LEVELS_MAX && pages->n > 1 && spilled > 0 && spilled + rows * sizeof(char *) > most)
		return divide(ctx, s, pages, bytes);
	return permute(ctx, s, pages, rows, spilled);
}

static ml_status
settle_buckets(ml_context *ctx, shuffle *s, bucket *buckets, uint32_t n)
{
	/* all rows are in pages before the first are collected, so that no bucket keeps an open one */
	for (uint32_t i = 0; i < n; i++)
	{
		ML_TRY(close_page(ctx, s, &buckets[i]));
		if (buckets[i].open == NULL)
			s->design->reserved -= s->page_bytes;
		ml_design_release(ctx, s->design, buckets[i].open, buckets[i].size);
		buckets[i].open = NULL;
		buckets[i].size = 0;
	}
	for (uint32_t i = 0; i < n; i++)
		ML_TRY(settle(ctx, s, &buckets[i].pages));
	return ML_OK;
}

/* Throw the blocks of the part into the buckets. */
static ml_status
throw_part(ml_context *ctx, shuffle *s, bucket *buckets, uint32_t n)
{
	ml_design  *design = s->design;

	for (size_t b = 0; b < design->made.n; b++)
	{
		ml_stored_block *stored = &design->made.blocks[b];
		char	   *bytes;
		ml_made		made;

		if (stored->part != s->part || stored->n == 0)
			continue;
		ML_TRY(ml_design_load(ctx, design, stored, &bytes));
		made = ml_design_made_of(design, bytes);
		ML_TRY(throw_block(ctx, s, &made, stored->n, buckets, n));
		ml_design_free(ctx, design, stored);
	}
	return settle_buckets(ctx, s, buckets, n);
}

static ml_status
shuffle_part(ml_context *ctx, shuffle *s)
{
	ml_design  *design = s->design;
	size_t		bytes = 0;
	uint32_t	n;
	bucket	   *buckets;
	ml_status	status;

	for (size_t b = 0; b < design->made.n; b++)
		if (design->made.blocks[b].part == s->part)
			bytes += design->made.blocks[b].size;
	n = choose_buckets(s, bytes);
	ML_TRY(open_buckets(ctx, s, n, &buckets));
	/* and two blocks: one that is read, one that is filled */
	status = ml_design_make_room(ctx, design, 2 * design->made_size, true);
	if (status == ML_OK)
		status = throw_part(ctx, s, buckets, n);
	close_buckets(ctx, s);
	return status == ML_OK ? ml_design_close_parts(ctx, design, s->result) : status;
}

ml_status
ml_design_shuffle(ml_context *ctx, ml_design *design, uint64_t seed)
{
	uint64_t	rows[ML_DESIGN_PARTS];
	ml_block_list result = {0};
	ml_rng		rng;
	size_t		levels = ml_size_align((design->ncats + 1) * sizeof(uint32_t), sizeof(double));
	shuffle		s = {
		.design = design, .rng = &rng, .result = &result,
		.row_bytes = (design->ndense + 3) * sizeof(double) + levels + (design->ntexts > 0 ? sizeof(double) : 0),
		.page_bytes = ML_MAX(ML_MIN(PAGE_BYTES, design->limit / PAGES), PAGE_MIN)
	};
	ml_status	status = ML_OK;

	if (!design->prepared)
		return ml_fail(ctx, ML_INTERNAL, "the design matrix is not prepared");
	/* never so large that 16 MB have fewer buckets than more memory: the order would be another one */
	s.page_bytes = ML_MAX(s.page_bytes, ML_MIN(design->made.n * design->made_size / (design->limit / PAGE_SHARE + 1),
											   ML_MIN(design->limit / PAGES_FEW, PAGE_BYTES)));
	ml_design_forget_state(ctx, design);
	ml_rng_seed(&rng, seed);
	memcpy(rows, design->part_rows, sizeof(rows));
	for (int part = 0; part < ML_DESIGN_PARTS && status == ML_OK; part++)
	{
		s.part = (uint8_t) part;
		if (rows[part] > 0)
			status = shuffle_part(ctx, &s);
	}
	memcpy(design->part_rows, rows, sizeof(rows));
	design->reserved = 0;
	/* after a failure the rows that are left are no use to anybody */
	ml_design_drop(ctx, design, &design->made);
	design->made = result;
	design->prepared = status == ML_OK;
	ml_design_free_entries(ctx, design);
	return status;
}
