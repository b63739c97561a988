/*-------------------------------------------------------------------------
 *
 * design_pass.c
 *	  Passes over prepared blocks, what solvers keep of rows, shuffling.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

#define BUCKETS		32			/* of a shuffle; rows of one are permuted in memory */
#define POLL_ROWS	1024

uint32_t
ml_design_ndense(const ml_design *design)
{
	return design->ndense;
}

uint32_t
ml_design_nhot(const ml_design *design)
{
	return design->nhot;
}

uint32_t
ml_design_ntext(const ml_design *design)
{
	return design->ntexts == 0 ? 0 : ml_rows_indexed(design->rows)->nfeatures;
}

uint32_t
ml_design_nfeatures(const ml_design *design)
{
	return design->ndense + design->nhot + ml_design_ntext(design);
}

uint32_t
ml_design_ncategories(const ml_design *design)
{
	return design->ncats;
}

uint32_t
ml_design_stride(const ml_design *design)
{
	return design->stride;
}

uint64_t
ml_design_count(const ml_design *design, uint32_t parts)
{
	uint64_t	n = 0;

	for (int part = 0; part < ML_DESIGN_PARTS; part++)
		if (parts >> part & 1)
			n += design->part_rows[part];
	return n;
}

const ml_rows_index *
ml_design_texts(const ml_design *design)
{
	return design->ntexts == 0 ? NULL : ml_rows_indexed(design->rows);
}

bool
ml_design_resident(const ml_design *design)
{
	return !design->spilled;
}

size_t
ml_design_memory(const ml_design *design)
{
	size_t		total = design->resident + design->loaded_capacity +
		(design->raw.capacity + design->made.capacity) * sizeof(ml_stored_block) +
		design->order_capacity * sizeof(uint32_t) + design->nsummaries * sizeof(ml_summary);

	if (design->open != NULL)
		total += design->raw_size;
	if (design->state != NULL)
		total += (size_t) design->lanes * design->stride * sizeof(float);
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		const ml_open_part *open = &design->parts[part];

		total += (open->bytes == NULL ? 0 : design->made_size) + open->ids_capacity * sizeof(uint32_t) +
			open->values_capacity * sizeof(float);
	}
	for (uint32_t i = 0; i < design->ncategories; i++)
		total += ml_levels_memory(&design->levels[i]);
	if (design->rows != NULL)
		total += ml_rows_memory(design->rows);
	return total;
}

/* ---------- what solvers keep ---------- */

static inline size_t
state_size(const ml_design *design)
{
	return (size_t) design->lanes * design->stride * sizeof(float);
}

/* The state of the block handed out last goes back to its file. */
static ml_status
save_state(ml_context *ctx, ml_design *design)
{
	ml_stored_block *stored = design->at_hand;

	design->at_hand = NULL;
	if (stored == NULL || design->lanes == 0 || stored->state != NULL)
		return ML_OK;
	stored->state_spilled = true;
	return ml_design_spill(ctx, design->state, state_size(design), &stored->state_offset);
}

static ml_status
load_state(ml_context *ctx, ml_design *design, ml_stored_block *stored, float **state)
{
	*state = stored->state;
	if (design->lanes == 0 || *state != NULL)
		return ML_OK;
	*state = design->state;
	if (stored->state_spilled)
		return ml_design_unspill(ctx, stored->state_offset, *state, state_size(design));
	memset(*state, 0, state_size(design));
	return ML_OK;
}

void
ml_design_forget_state(ml_context *ctx, ml_design *design)
{
	for (size_t i = 0; i < design->made.n; i++)
	{
		ml_stored_block *stored = &design->made.blocks[i];

		if (stored->state != NULL)
			design->resident -= state_size(design);
		ml_release(ctx, stored->state);
		stored->state = NULL;
		stored->state_spilled = false;
	}
	ml_release(ctx, design->state);
	design->state = NULL;
	design->at_hand = NULL;
	design->lanes = 0;
}

ml_status
ml_design_keep(ml_context *ctx, ml_design *design, uint32_t lanes)
{
	ml_design_forget_state(ctx, design);
	if (lanes == 0)
		return ML_OK;
	design->lanes = lanes;
	ML_TRY(ml_alloc(ctx, state_size(design), (void **) &design->state));
	for (size_t i = 0; i < design->made.n; i++)
	{
		ml_stored_block *stored = &design->made.blocks[i];

		if (design->resident + state_size(design) > design->limit)
			continue;
		ML_TRY(ml_alloc_zero(ctx, state_size(design), (void **) &stored->state));
		design->resident += state_size(design);
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* ---------- passes ---------- */

ml_status
ml_design_begin(ml_context *ctx, ml_design *design, uint32_t parts, ml_rng *rng)
{
	void	   *memory = design->order;

	if (!design->prepared)
		return ml_fail(ctx, ML_INTERNAL, "the design matrix is not prepared");
	ML_TRY(save_state(ctx, design));
	ML_TRY(ml_grow(ctx, &memory, &design->order_capacity, design->made.n, sizeof(uint32_t)));
	design->order = memory;
	design->mask = parts;
	design->norder = 0;
	design->next = 0;
	design->seen = 0;
	for (size_t i = 0; i < design->made.n; i++)
		if (parts >> design->made.blocks[i].part & 1)
			design->order[design->norder++] = (uint32_t) i;
	if (rng != NULL)
		ml_rng_shuffle(rng, design->order, design->norder);
	return ml_poll(ctx);
}

static void
show_block(const ml_design *design, const ml_stored_block *stored, char *bytes, ml_block *block)
{
	ml_made		made = ml_design_made(design, bytes, stored->nentries);

	*block = (ml_block)
	{
		.n = stored->n, .stride = design->stride, .first = design->seen, .part = stored->part,
		.dense = made.dense, .hot = made.hot, .at = made.at, .ids = made.ids, .values = made.values,
		.target = made.target, .label = made.label, .weight = made.weight, .row_weight = made.row_weight
	};
}

ml_status
ml_design_next(ml_context *ctx, ml_design *design, const ml_block **block)
{
	ml_stored_block *stored;
	char	   *bytes;

	*block = NULL;
	ML_TRY(save_state(ctx, design));
	if (design->next == design->norder)
		return ML_OK;
	stored = &design->made.blocks[design->order[design->next]];
	ML_TRY(ml_design_load(ctx, design, stored, &bytes));
	show_block(design, stored, bytes, &design->block);
	ML_TRY(load_state(ctx, design, stored, &design->block.state));
	design->at_hand = stored;
	design->seen += stored->n;
	design->next++;
	*block = &design->block;
	return ML_OK;
}

/* ---------- shuffling ---------- */

static void
free_block(ml_context *ctx, ml_design *design, ml_stored_block *stored)
{
	if (stored->bytes != NULL)
		design->resident -= stored->size;
	ml_release(ctx, stored->bytes);
	stored->bytes = NULL;
	stored->n = 0;
}

/* Deal the rows of a part's blocks into buckets at random. */
static ml_status
scatter(ml_context *ctx, ml_design *design, uint8_t part, ml_rng *rng, ml_block_list *buckets)
{
	for (size_t b = 0; b < design->made.n; b++)
	{
		ml_stored_block *stored = &design->made.blocks[b];
		char	   *bytes;
		ml_made		made;

		if (stored->part != part || stored->n == 0)
			continue;
		ML_TRY(ml_design_load(ctx, design, stored, &bytes));
		made = ml_design_made(design, bytes, stored->nentries);
		for (uint32_t i = 0; i < stored->n; i++)
			ML_TRY(ml_design_put(ctx, design, &made, i, (uint8_t) ml_rng_below(rng, BUCKETS), buckets));
		free_block(ctx, design, stored);
	}
	return ml_design_close_parts(ctx, design, buckets);
}

/* Blocks from .. of a bucket, their bytes in memory, and a permutation of their rows. */
typedef struct bucket
{
	ml_stored_block *blocks[1024];
	char	   *owned[1024];	/* bytes that were read back */
	size_t		nblocks;
	uint32_t   *order;			/* block << 10 | row */
	uint32_t	nrows;
} bucket;

static ml_status
permute_bucket(ml_context *ctx, ml_design *design, bucket *b, uint8_t part, ml_rng *rng, ml_block_list *result)
{
	uint32_t	n = 0;

	ML_TRY(ml_alloc(ctx, ml_size_mul(ML_MAX(b->nrows, 1u), sizeof(uint32_t)), (void **) &b->order));
	for (size_t k = 0; k < b->nblocks; k++)
	{
		if (b->blocks[k]->bytes == NULL)
		{
			ML_TRY(ml_alloc(ctx, b->blocks[k]->size, (void **) &b->owned[k]));
			ML_TRY(ml_design_unspill(ctx, b->blocks[k]->offset, b->owned[k], b->blocks[k]->size));
		}
		for (uint32_t i = 0; i < b->blocks[k]->n; i++)
			b->order[n++] = (uint32_t) k << 10 | i;
	}
	ml_rng_shuffle(rng, b->order, n);
	for (uint32_t r = 0; r < n; r++)
	{
		size_t		k = b->order[r] >> 10;
		char	   *bytes = b->owned[k] != NULL ? b->owned[k] : b->blocks[k]->bytes;
		ml_made		made = ml_design_made(design, bytes, b->blocks[k]->nentries);

		ML_TRY(ml_design_put(ctx, design, &made, b->order[r] & 1023, part, result));
		if (r % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* A bucket, or as much of it as memory allows at a time. */
static ml_status
permute_number(ml_context *ctx, ml_design *design, ml_block_list *buckets, uint8_t number, uint8_t part,
			   ml_rng *rng, ml_block_list *result)
{
	size_t		next = 0;

	while (next < buckets->n)
	{
		bucket		b = {.nblocks = 0};
		size_t		bytes = 0;
		ml_status	status;

		for (; next < buckets->n && b.nblocks < ML_LENGTH(b.blocks); next++)
		{
			ml_stored_block *stored = &buckets->blocks[next];

			if (stored->part != number || stored->n == 0)
				continue;
			if (b.nblocks > 0 && stored->bytes == NULL && bytes + stored->size > design->limit / 4)
				break;
			bytes += stored->bytes == NULL ? stored->size : 0;
			b.blocks[b.nblocks++] = stored;
			b.nrows += stored->n;
		}
		status = b.nblocks == 0 ? ML_OK : permute_bucket(ctx, design, &b, part, rng, result);
		ml_release(ctx, b.order);
		for (size_t k = 0; k < b.nblocks; k++)
		{
			ml_release(ctx, b.owned[k]);
			free_block(ctx, design, b.blocks[k]);
		}
		ML_TRY(status);
	}
	return ML_OK;
}

static ml_status
shuffle_part(ml_context *ctx, ml_design *design, uint8_t part, ml_rng *rng, ml_block_list *result)
{
	ml_block_list buckets = {0};
	ml_status	status = scatter(ctx, design, part, rng, &buckets);

	for (int number = 0; number < BUCKETS && status == ML_OK; number++)
		status = permute_number(ctx, design, &buckets, (uint8_t) number, part, rng, result);
	if (status == ML_OK)
		status = ml_design_close_parts(ctx, design, result);
	ml_design_drop(ctx, design, &buckets);
	return status;
}

ml_status
ml_design_shuffle(ml_context *ctx, ml_design *design, uint64_t seed)
{
	uint64_t	rows[ML_DESIGN_PARTS];
	ml_block_list result = {0};
	ml_status	status = ML_OK;
	ml_rng		rng;

	ml_design_forget_state(ctx, design);
	ml_rng_seed(&rng, seed);
	memcpy(rows, design->part_rows, sizeof(rows));
	for (int part = 0; part < ML_DESIGN_PARTS && status == ML_OK; part++)
		if (rows[part] > 0)
			status = shuffle_part(ctx, design, (uint8_t) part, &rng, &result);
	memcpy(design->part_rows, rows, sizeof(rows));
	/* after a failure the rows that are left are no use to anybody */
	ml_design_drop(ctx, design, &design->made);
	design->made = result;
	design->prepared = status == ML_OK;
	return status;
}
