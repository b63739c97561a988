/*-------------------------------------------------------------------------
 *
 * auc.c
 *	  ROC AUC in a flat block (slots.h).
 *
 * A score becomes an unsigned number that keeps its order (the float's bits,
 * with [0.5, 1) spread out so that probabilities near 1 are told apart as well
 * as those near 0).  A state has at most ML_AUC_BINS distinct numbers; one
 * more, and all lose their last bit, again until they fit.  How many bits must
 * go depends on the set of scores alone, hence neither order nor merging
 * matters.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/metric.h"

#include "base/math.h"
#include "learn/slots.h"

#define AUC_MAGIC		UINT32_C(0x31554141)

struct ml_auc
{
	uint32_t	magic;
	uint32_t	shift;			/* bits that the keys have lost */
	uint32_t	nbins;
	uint32_t	capacity;
	uint64_t	size;
	int64_t		positives;
	int64_t		negatives;
	bool		sorted;
	char		pad[7];
};

static ml_auc_bin *
bins_of(const ml_auc *auc)
{
	return (ml_auc_bin *) ((char *) auc + sizeof(ml_auc));
}

static uint32_t *
bin_slots_of(const ml_auc *auc)
{
	return (uint32_t *) (bins_of(auc) + auc->capacity);
}

static size_t
auc_size(uint64_t capacity)
{
	return sizeof(ml_auc) + (size_t) capacity * (sizeof(ml_auc_bin) + 2 * sizeof(uint32_t));
}

size_t
ml_auc_init(void *block, size_t size)
{
	ml_auc	   *auc = block;
	size_t		need = auc_size(ML_SLOTS_CAPACITY);

	if (size < need)
		return need;
	memset(block, 0, need);
	auc->magic = AUC_MAGIC;
	auc->capacity = ML_SLOTS_CAPACITY;
	auc->size = need;
	return 0;
}

static size_t
auc_reserve(ml_auc *auc, size_t size, uint64_t bins)
{
	uint64_t	capacity = ml_slots_capacity(auc->capacity, ML_MIN(bins, ML_AUC_BINS));
	size_t		need = auc_size(capacity);

	if (capacity == auc->capacity)
		return 0;
	if (need > size)
		return need;
	auc->capacity = (uint32_t) capacity;
	auc->size = need;
	memset(bins_of(auc) + auc->nbins, 0, (auc->capacity - auc->nbins) * sizeof(ml_auc_bin));
	ml_slots_rebuild(bin_slots_of(auc), 2 * auc->capacity - 1, bins_of(auc), sizeof(ml_auc_bin), auc->nbins);
	return 0;
}

static uint64_t
double_bits(double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/*
 * Score -> key of the same order.
 *
 * Equal scores get equal keys and different scores different ones, but for
 * positive scores below 2^-919, which lose one bit: their keys make room for
 * the 52 octaves that [0.5, 1) takes when measured by its distance from 1
 * (exact: 1 - x has no rounding there).
 */
#define OCTAVE		(UINT64_C(1) << 52)
#define TINY		(104 * OCTAVE)
#define HALF		(1022 * OCTAVE) /* the bits of 0.5 */

static uint64_t
score_key(double score)
{
	uint64_t	bits = double_bits(score);

	if (score < 0)
		return ~bits;
	if (score == 0)
		bits = 0;				/* -0 */
	if (score < 0.5)
		bits = bits < TINY ? (bits + 1) / 2 : bits - TINY / 2;	/* 0 stays alone */
	else if (score < 1)
		bits = (HALF - TINY / 2) + (HALF - double_bits(1 - score));
	return bits | UINT64_C(1) << 63;
}

static uint32_t
find_bin(const ml_auc *auc, uint64_t key)
{
	return ml_slots_find(bin_slots_of(auc), 2 * auc->capacity - 1, bins_of(auc),
						 sizeof(ml_auc_bin), key, auc->nbins);
}

/* Add to the bin of a key that has lost auc->shift bits; there is room. */
static void
put_bin(ml_auc *auc, const ml_auc_bin *bin)
{
	uint32_t	number = find_bin(auc, bin->key);
	ml_auc_bin *found = &bins_of(auc)[number];

	if (number == auc->nbins)
	{
		*found = *bin;
		ml_slots_insert(bin_slots_of(auc), 2 * auc->capacity - 1, bin->key, number);
		auc->nbins++;
		auc->sorted = false;
	}
	else
	{
		found->positives = ml_add_saturated(found->positives, bin->positives);
		found->negatives = ml_add_saturated(found->negatives, bin->negatives);
	}
}

/* Take bits off all keys. */
static void
coarsen(ml_auc *auc, unsigned bits)
{
	ml_auc_bin *bins = bins_of(auc);
	uint32_t	n = auc->nbins;

	auc->shift += bits;
	auc->nbins = 0;
	memset(bin_slots_of(auc), 0, 2 * (size_t) auc->capacity * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
	{
		ml_auc_bin	bin = bins[i];

		bin.key >>= bits;
		put_bin(auc, &bin);		/* writes at or before i */
	}
	memset(bins + auc->nbins, 0, (n - auc->nbins) * sizeof(ml_auc_bin));
	auc->sorted = false;
}

bool
ml_auc_bin_valid(unsigned shift, const ml_auc_bin *bin)
{
	return shift < 64 && bin->key <= UINT64_MAX >> shift &&
		bin->positives >= 0 && bin->negatives >= 0 &&
		(bin->positives > 0 || bin->negatives > 0);
}

size_t
ml_auc_add_bin(ml_auc *auc, size_t size, unsigned shift, const ml_auc_bin *bin)
{
	ml_auc_bin	mine = *bin;
	size_t		need;

	if (shift > auc->shift)
		coarsen(auc, shift - auc->shift);
	mine.key >>= auc->shift - shift;
	if (auc->nbins == auc->capacity)
	{
		need = auc_reserve(auc, size, (uint64_t) auc->nbins + 1);
		if (need != 0)
			return need;
		while (auc->nbins == ML_AUC_BINS && find_bin(auc, mine.key) == auc->nbins)
		{
			coarsen(auc, 1);
			mine.key >>= 1;
		}
	}
	put_bin(auc, &mine);
	auc->positives = ml_add_saturated(auc->positives, mine.positives);
	auc->negatives = ml_add_saturated(auc->negatives, mine.negatives);
	return 0;
}

size_t
ml_auc_add(ml_auc *auc, size_t size, bool actual, double score)
{
	ml_auc_bin	bin = {score_key(score), actual ? 1 : 0, actual ? 0 : 1};

	return ml_auc_add_bin(auc, size, 0, &bin);
}

size_t
ml_auc_merge(ml_auc *into, size_t size, const ml_auc *from)
{
	size_t		need = auc_reserve(into, size, (uint64_t) into->nbins + from->nbins);

	if (need != 0)
		return need;
	for (uint32_t i = 0; i < from->nbins; i++)
		ml_auc_add_bin(into, size, from->shift, &bins_of(from)[i]);
	return 0;
}

ml_status
ml_auc_tally(ml_context *ctx, ml_auc **auc, size_t *size, bool actual, double score)
{
	size_t		need = *auc == NULL ? ml_auc_init(NULL, 0) : ml_auc_add(*auc, *size, actual, score);

	while (need != 0)
	{
		bool		first = *auc == NULL;

		ML_TRY(ml_resize(ctx, (void **) auc, need));
		*size = need;
		if (first)
			ml_auc_init(*auc, *size);
		need = ml_auc_add(*auc, *size, actual, score);
	}
	return ML_OK;
}

bool
ml_auc_check(const void *block, size_t size)
{
	const ml_auc *auc = block;

	return size >= sizeof(ml_auc) && auc->magic == AUC_MAGIC &&
		auc->size <= size && auc->capacity <= ML_AUC_BINS &&
		auc->size == auc_size(auc->capacity) &&
		auc->nbins <= auc->capacity && auc->shift < 64;
}

unsigned
ml_auc_shift(const ml_auc *auc)
{
	return auc->shift;
}

uint32_t
ml_auc_nbins(const ml_auc *auc)
{
	return auc->nbins;
}

ml_auc_bin
ml_auc_get(const ml_auc *auc, uint32_t i)
{
	return bins_of(auc)[i];
}

#define FEW_BINS	32

static void
sort_few(ml_auc_bin *bins, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
	{
		ml_auc_bin	bin = bins[i];
		uint32_t	j = i;

		for (; j > 0 && bins[j - 1].key > bin.key; j--)
			bins[j] = bins[j - 1];
		bins[j] = bin;
	}
}

/*
 * In place, by the byte of the keys that begins at a bit, then by those below
 * (American flag sort): keys are distinct, so the order is that of any sort.
 */
static void
sort_by_bytes(ml_auc_bin *bins, uint32_t n, int bit)
{
	uint32_t	end[256] = {0};
	uint32_t	next[256];
	uint32_t	sum = 0;

	if (n <= FEW_BINS || bit < 0)
	{
		sort_few(bins, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		end[bins[i].key >> bit & 255]++;
	for (int b = 0; b < 256; b++)
	{
		next[b] = sum;
		sum += end[b];
		end[b] = sum;
	}
	for (int b = 0; b < 256; b++)
		while (next[b] < end[b])
		{
			ml_auc_bin	bin = bins[next[b]];
			int			home = bin.key >> bit & 255;

			bins[next[b]] = bins[next[home]];
			bins[next[home]++] = bin;
		}
	for (int b = 0; b < 256; b++)
	{
		uint32_t	first = b == 0 ? 0 : end[b - 1];

		sort_by_bytes(bins + first, end[b] - first, bit - 8);
	}
}

/* Put the bins in ascending order. */
static void
sort_bins(ml_auc *auc)
{
	ml_auc_bin *bins = bins_of(auc);

	if (auc->sorted)
		return;
	sort_by_bytes(bins, auc->nbins, 56);
	ml_slots_rebuild(bin_slots_of(auc), 2 * auc->capacity - 1, bins, sizeof(ml_auc_bin), auc->nbins);
	auc->sorted = true;
}

/*
 * AUC = sum over positives of (negatives below + half of those tied) /
 * (positives * negatives)
 */
double
ml_auc_value(ml_auc *auc)
{
	const ml_auc_bin *bins = bins_of(auc);
	double		below = 0;
	double		sum = 0;

	if (auc->positives == 0 || auc->negatives == 0)
		return NAN;
	sort_bins(auc);
	for (uint32_t i = 0; i < auc->nbins; i++)
	{
		double		negatives = (double) bins[i].negatives;

		sum += (double) bins[i].positives * (2 * below + negatives);
		below += negatives;
	}
	return sum / 2 / ((double) auc->positives * (double) auc->negatives);
}

/*
 * Pairs within a bin of several scores count one half and could count 0 or 1.
 */
double
ml_auc_bound(const ml_auc *auc)
{
	const ml_auc_bin *bins = bins_of(auc);
	double		sum = 0;

	if (auc->shift == 0 || auc->positives == 0 || auc->negatives == 0)
		return 0;
	for (uint32_t i = 0; i < auc->nbins; i++)
		sum += (double) bins[i].positives * (double) bins[i].negatives;
	return sum / 2 / ((double) auc->positives * (double) auc->negatives);
}

int64_t
ml_auc_positives(const ml_auc *auc)
{
	return auc->positives;
}

int64_t
ml_auc_negatives(const ml_auc *auc)
{
	return auc->negatives;
}

double
ml_auc_pr_value(ml_auc *auc)
{
	const ml_auc_bin *bins = bins_of(auc);
	double		positives = 0;
	double		rows = 0;
	double		sum = 0;

	if (auc->positives == 0)
		return NAN;
	sort_bins(auc);
	for (uint32_t i = auc->nbins; i-- > 0;)
	{
		positives += (double) bins[i].positives;
		rows += (double) bins[i].positives + (double) bins[i].negatives;
		sum += (double) bins[i].positives * (positives / rows);
	}
	return sum / (double) auc->positives;
}

/* The score of a key, the least of those that share it. */
static double
key_score(uint64_t key, unsigned shift)
{
	uint64_t	bits = key << shift;
	double		score;

	if (bits >> 63 == 0)
		bits = ~bits;
	else
	{
		bits &= ~(UINT64_C(1) << 63);
		if (bits < TINY / 2)
			bits *= 2;
		else if (bits < HALF - TINY / 2)
			bits += TINY / 2;
		else if (bits < HALF + OCTAVE)
		{
			bits = HALF - (bits - (HALF - TINY / 2));
			memcpy(&score, &bits, sizeof(score));
			return 1 - score;
		}
	}
	memcpy(&score, &bits, sizeof(score));
	return score;
}

uint32_t
ml_auc_curve(ml_auc *auc, ml_curve_point *points, uint32_t max)
{
	const ml_auc_bin *bins = bins_of(auc);
	double		step = auc->nbins < max ? 0 : 2.0 / (max - 2);
	double		positives = (double) ML_MAX(auc->positives, 1);
	double		negatives = (double) ML_MAX(auc->negatives, 1);
	ml_curve_point now = {INFINITY, 0, 0};
	uint32_t	n = 0;

	sort_bins(auc);
	points[n++] = now;
	for (uint32_t i = auc->nbins; i-- > 0;)
	{
		const ml_curve_point *last = &points[n - 1];

		now.threshold = key_score(bins[i].key, auc->shift);
		now.true_positives += (double) bins[i].positives;
		now.false_positives += (double) bins[i].negatives;
		if (i == 0 || (now.true_positives - last->true_positives) / positives +
			(now.false_positives - last->false_positives) / negatives >= step)
			points[n++] = now;
	}
	return n;
}

ml_curve_rates
ml_auc_rates(const ml_auc *auc, const ml_curve_point *point)
{
	double		rows = point->true_positives + point->false_positives;

	return (ml_curve_rates) {
		point->false_positives / (double) auc->negatives,
		point->true_positives / (double) auc->positives,
		rows > 0 ? point->true_positives / rows : 1
	};
}

double
ml_auc_median(ml_auc *auc)
{
	const ml_auc_bin *bins = bins_of(auc);
	double		rows = (double) auc->positives + (double) auc->negatives;
	double		seen = 0;
	double		lower = NAN;

	sort_bins(auc);
	for (uint32_t i = 0; i < auc->nbins; i++)
	{
		seen += (double) bins[i].positives + (double) bins[i].negatives;
		if (isnan(lower) && 2 * seen >= rows)
			lower = key_score(bins[i].key, auc->shift);
		if (2 * seen > rows)
			return (lower + key_score(bins[i].key, auc->shift)) / 2;
	}
	return lower;
}
