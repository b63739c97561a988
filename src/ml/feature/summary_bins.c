/*-------------------------------------------------------------------------
 *
 * summary_bins.c
 *	  Values counted in bins.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/summary_bins.h"
#include "base/hash.h"
#include "base/sort.h"

#define FIRST_BINS	64
#define SIGN		(UINT64_C(1) << 63)
#define ROOM		(ML_SUMMARY_BINS / 4)	/* free after coarsening */

static uint64_t
key_of(double value)
{
	uint64_t	bits;

	value += 0.0;				/* -0 is 0 */
	memcpy(&bits, &value, 8);
	return bits & SIGN ? ~bits : bits | SIGN;
}

static double
value_of(uint64_t key)
{
	double		value;

	key = key & SIGN ? key & ~SIGN : ~key;
	memcpy(&value, &key, 8);
	return value;
}

/* Keys of infinities and NaNs lie beyond those of numbers. */
double
ml_summary_bin_low(const ml_summary_bins *bins, const ml_summary_bin *bin)
{
	uint64_t	key = bin->key << bins->shift;

	return value_of(ML_MAX(key, ~(UINT64_C(0x7FEFFFFFFFFFFFFF) | SIGN)));
}

double
ml_summary_bin_high(const ml_summary_bins *bins, const ml_summary_bin *bin)
{
	uint64_t	key = bin->key << bins->shift | ((UINT64_C(1) << bins->shift) - 1);

	return value_of(ML_MIN(key, UINT64_C(0x7FEFFFFFFFFFFFFF) | SIGN));
}

static size_t
first_slot(const ml_summary_bins *bins, uint64_t key)
{
	return ml_hash_fold(key ^ ML_HASH_K0, ML_HASH_K1) & (bins->nslots - 1);
}

static void
fill_slots(ml_summary_bins *bins)
{
	memset(bins->slots, 0, bins->nslots * sizeof(uint32_t));
	for (uint32_t i = 0; i < bins->n; i++)
	{
		size_t		at = first_slot(bins, bins->bins[i].key);

		while (bins->slots[at] != 0)
			at = (at + 1) & (bins->nslots - 1);
		bins->slots[at] = i + 1;
	}
}

static ml_status
use_slots(ml_context *ctx, ml_summary_bins *bins, size_t nslots)
{
	void	   *slots;

	ML_TRY(ml_alloc(ctx, nslots * sizeof(uint32_t), &slots));
	ml_release(ctx, bins->slots);
	bins->slots = slots;
	bins->nslots = nslots;
	fill_slots(bins);
	return ML_OK;
}

ml_status
ml_summary_bins_open(ml_context *ctx, ml_summary_bins **result)
{
	ml_summary_bins *bins;
	void	   *memory;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_summary_bins), &memory));
	bins = memory;
	if (ml_grow(ctx, (void **) &bins->bins, &bins->capacity, FIRST_BINS, sizeof(ml_summary_bin)) != ML_OK ||
		use_slots(ctx, bins, 2 * FIRST_BINS) != ML_OK)
	{
		ml_summary_bins_close(ctx, bins);
		return ctx->error.status;
	}
	*result = bins;
	return ML_OK;
}

void
ml_summary_bins_close(ml_context *ctx, ml_summary_bins *bins)
{
	if (bins == NULL)
		return;
	ml_release(ctx, bins->bins);
	ml_release(ctx, bins->slots);
	ml_release(ctx, bins);
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t	x = ((const ml_summary_bin *) a)->key;
	uint64_t	y = ((const ml_summary_bin *) b)->key;

	return (x > y) - (x < y);
}

void
ml_summary_bins_sort(ml_summary_bins *bins)
{
	if (bins->sorted)
		return;
	ml_sort(bins->bins, bins->n, sizeof(ml_summary_bin), compare_keys);
	fill_slots(bins);
	bins->sorted = true;
}

/* Moments of a bin about an edge that lies "by" further down. */
static void
move_edge(ml_summary_bin *bin, double by)
{
	bin->squares += by * (2 * bin->sum + by * bin->weight);
	bin->sum += by * bin->weight;
}

static void
merge(ml_summary_bin *into, const ml_summary_bin *from)
{
	into->weight += from->weight;
	into->sum += from->sum;
	into->squares += from->squares;
	if (into->value == from->value)
		into->votes += from->votes;
	else if (into->votes >= from->votes)
		into->votes -= from->votes;
	else
	{
		into->value = from->value;
		into->votes = from->votes - into->votes;
	}
}

/* Drop low bits until a quarter of the bins is free. */
static void
coarsen(ml_summary_bins *bins)
{
	ml_summary_bins_sort(bins);
	while (bins->n > ML_SUMMARY_BINS - ROOM)
	{
		ml_summary_bins before = *bins;
		uint32_t	n = 0;

		bins->shift++;
		for (uint32_t i = 0; i < before.n; i++)
		{
			ml_summary_bin bin = bins->bins[i];
			double		edge = ml_summary_bin_low(&before, &bin);

			bin.key >>= 1;
			move_edge(&bin, edge - ml_summary_bin_low(bins, &bin));
			if (n > 0 && bins->bins[n - 1].key == bin.key)
				merge(&bins->bins[n - 1], &bin);
			else
				bins->bins[n++] = bin;
		}
		bins->n = n;
	}
	fill_slots(bins);
}

/* Where the bin of a key is or belongs. */
static size_t
find_slot(const ml_summary_bins *bins, uint64_t key)
{
	size_t		at = first_slot(bins, key);

	while (bins->slots[at] != 0 && bins->bins[bins->slots[at] - 1].key != key)
		at = (at + 1) & (bins->nslots - 1);
	return at;
}

ml_status
ml_summary_bins_add(ml_context *ctx, ml_summary_bins *bins, double value, double weight)
{
	uint64_t	key = key_of(value);
	size_t		at = find_slot(bins, key >> bins->shift);
	ml_summary_bin added = {.weight = weight, .value = value + 0.0, .votes = weight};
	ml_summary_bin *bin;

	if (bins->slots[at] == 0)
	{
		if (bins->n >= ML_SUMMARY_BINS)
			coarsen(bins);
		else if (bins->n >= bins->capacity)
			ML_TRY(ml_grow(ctx, (void **) &bins->bins, &bins->capacity, (size_t) bins->n + 1,
						   sizeof(ml_summary_bin)));
		if (2 * ((size_t) bins->n + 1) > bins->nslots)
			ML_TRY(use_slots(ctx, bins, 2 * bins->nslots));
		at = find_slot(bins, key >> bins->shift);
	}
	added.key = key >> bins->shift;
	if (bins->shift > 0)
		move_edge(&added, value - ml_summary_bin_low(bins, &added));
	if (bins->slots[at] != 0)
	{
		bin = &bins->bins[bins->slots[at] - 1];
		merge(bin, &added);
		return ML_OK;
	}
	bins->bins[bins->n++] = added;
	bins->slots[at] = bins->n;
	bins->sorted = false;
	return ML_OK;
}
