/*-------------------------------------------------------------------------
 *
 * auc.c
 *	  Scores of two classes in a flat block: areas below curves, medians.
 *
 * A score becomes an unsigned number that keeps its order (the float's bits,
 * with [0.5, 1) spread out so that probabilities near 1 are told apart as well
 * as those near 0).  A state has at most ML_AUC_BINS distinct numbers; one
 * more, and all lose their last bits, as many as it takes for them to fit.  How
 * many must go depends on the set of scores alone, hence neither order nor
 * merging matters.
 *
 * A block has bins in ascending order and room for scores that wait: a row
 * costs an append, and when there is no room left, what waits is sorted and
 * merged.  That takes half the time of a hash table, and the many times that
 * bits go early in a large state cost a pass each instead of a new table.
 *
 * Release 1.0 had a hash table behind bins in no order.  Its blocks may lie in
 * tables, so they are taken over.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/metric.h"

#include "base/math.h"
#include "learn/slots.h"

#define AUC_MAGIC		UINT32_C(0x32554141)
#define AUC_MAGIC_1_0	UINT32_C(0x31554141)
#define AUC_CAPACITY	4
#define WAITING_MAX		16384

struct ml_auc
{
	uint32_t	magic;
	uint32_t	shift;			/* bits that the keys of bins have lost, and of those that wait */
	uint32_t	nbins;
	uint32_t	capacity;		/* of bins, a power of two */
	uint64_t	size;
	int64_t		positives;		/* of all */
	int64_t		negatives;
	uint32_t	nwaiting;		/* nbins + nwaiting <= capacity, unless that is ML_AUC_BINS */
	uint32_t	pad;
};

static ml_auc_bin *
bins_of(const ml_auc *auc)
{
	return (ml_auc_bin *) ((char *) auc + sizeof(ml_auc));
}

static ml_auc_bin *
waiting_of(const ml_auc *auc)
{
	return bins_of(auc) + auc->capacity;
}

/* What follows the bins has room for the rest of the block. */
static uint32_t
waiting_capacity(const ml_auc *auc)
{
	return (uint32_t) ((auc->size - sizeof(ml_auc)) / sizeof(ml_auc_bin) - auc->capacity);
}

static size_t
auc_size(uint64_t capacity)
{
	return sizeof(ml_auc) + (size_t) (capacity + ML_MIN(capacity, WAITING_MAX)) * sizeof(ml_auc_bin);
}

static size_t
auc_size_1_0(uint64_t capacity)
{
	return sizeof(ml_auc) + (size_t) capacity * (sizeof(ml_auc_bin) + 2 * sizeof(uint32_t));
}

size_t
ml_auc_init(void *block, size_t size)
{
	ml_auc	   *auc = block;
	size_t		need = auc_size(AUC_CAPACITY);

	if (size < need)
		return need;
	memset(block, 0, need);
	auc->magic = AUC_MAGIC;
	auc->capacity = AUC_CAPACITY;
	auc->size = need;
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

bool
ml_auc_bin_valid(unsigned shift, const ml_auc_bin *bin)
{
	return shift < 64 && bin->key <= UINT64_MAX >> shift &&
		bin->positives >= 0 && bin->negatives >= 0 &&
		(bin->positives > 0 || bin->negatives > 0);
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
 * In place, by the eight highest bits in which keys differ, then by those below
 * (American flag sort).
 */
static void
sort_bins(ml_auc_bin *bins, uint32_t n)
{
	uint32_t	end[256];
	uint32_t	next[256];
	uint64_t	differ = 0;
	uint32_t	sum = 0;
	int			bit;

	for (uint32_t i = 1; i < n; i++)
		differ |= bins[i].key ^ bins[0].key;
	if (differ == 0)
		return;
	bit = ML_MAX(56 - __builtin_clzll(differ), 0);
	memset(end, 0, sizeof(end));
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
	for (int b = 0; b < 256 && bit > 0; b++)
	{
		uint32_t	first = b == 0 ? 0 : end[b - 1];

		if (end[b] - first > FEW_BINS)
			sort_bins(bins + first, end[b] - first);
		else
			sort_few(bins + first, end[b] - first);
	}
}

/* Bins of equal keys become one, in place; the number that are left. */
static uint32_t
join_equal(ml_auc_bin *bins, uint32_t n)
{
	uint32_t	last = 0;

	if (n == 0)
		return 0;
	for (uint32_t i = 1; i < n; i++)
		if (bins[i].key == bins[last].key)
		{
			bins[last].positives = ml_add_saturated(bins[last].positives, bins[i].positives);
			bins[last].negatives = ml_add_saturated(bins[last].negatives, bins[i].negatives);
		}
		else
			bins[++last] = bins[i];
	return last + 1;
}

/* Take bits off all keys of bins in order. */
static uint32_t
coarsen(ml_auc_bin *bins, uint32_t n, unsigned bits)
{
	for (uint32_t i = 0; i < n; i++)
		bins[i].key >>= bits;
	return join_equal(bins, n);
}

static bool
in_order(const ml_auc_bin *bins, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (bins[i].key < bins[i - 1].key)
			return false;
	return true;
}

/*
 * How many keys two arrays in order have together; pairs[b] is the number of
 * neighbours among them that differ in bit b and in none above.
 */
static uint32_t
count_keys(const ml_auc_bin *a, uint32_t na, const ml_auc_bin *b, uint32_t nb, uint32_t pairs[64])
{
	uint64_t	last = 0;
	uint32_t	n = 0;

	memset(pairs, 0, 64 * sizeof(*pairs));
	for (uint32_t i = 0, j = 0; i < na || j < nb; n++)
	{
		bool		from_a = j == nb || (i < na && a[i].key <= b[j].key);
		uint64_t	key = from_a ? a[i].key : b[j].key;

		j += !from_a || (j < nb && b[j].key == key);
		i += from_a;
		if (n > 0)
			pairs[63 - __builtin_clzll(key ^ last)]++;
		last = key;
	}
	return n;
}

/* As many as the keys must lose so that they fit: neighbours become one with the highest bit in which they differ. */
static unsigned
bits_to_lose(const uint32_t pairs[64])
{
	uint32_t	n = 1;			/* keys that differ in these bits */
	unsigned	bits = 64;

	while (bits > 0 && n + pairs[bits - 1] <= ML_AUC_BINS)
		n += pairs[--bits];
	return bits;
}

/*
 * b into a, both in order and of n keys together; from the end, so that
 * nothing of a is overwritten before it is read.
 */
static void
merge_bins(ml_auc_bin *a, uint32_t na, const ml_auc_bin *b, uint32_t nb, uint32_t n)
{
	while (nb > 0 && n > 0)
	{
		ml_auc_bin *to = &a[--n];

		if (na == 0 || a[na - 1].key < b[nb - 1].key)
			*to = b[--nb];
		else
		{
			*to = a[--na];
			if (to->key == b[nb - 1].key)
			{
				nb--;
				to->positives = ml_add_saturated(to->positives, b[nb].positives);
				to->negatives = ml_add_saturated(to->negatives, b[nb].negatives);
			}
		}
	}
}

/* A block of release 1.0: its bins are in no order, its hash table is room. */
static void
adopt(ml_auc *auc)
{
	if (auc->magic == AUC_MAGIC)
		return;
	sort_bins(bins_of(auc), auc->nbins);
	auc->magic = AUC_MAGIC;
	auc->nwaiting = 0;
	auc->pad = 0;
}

void
ml_auc_flush(ml_auc *auc)
{
	ml_auc_bin *bins = bins_of(auc);
	ml_auc_bin *waiting = waiting_of(auc);
	uint32_t	pairs[64];
	uint32_t	nwaiting;
	uint32_t	n;

	adopt(auc);
	if (auc->nwaiting == 0)
		return;
	if (!in_order(waiting, auc->nwaiting))
		sort_bins(waiting, auc->nwaiting);
	nwaiting = join_equal(waiting, auc->nwaiting);
	n = count_keys(bins, auc->nbins, waiting, nwaiting, pairs);
	if (n > ML_AUC_BINS)
	{
		unsigned	bits = bits_to_lose(pairs);

		auc->shift += bits;
		auc->nbins = coarsen(bins, auc->nbins, bits);
		nwaiting = coarsen(waiting, nwaiting, bits);
		n = count_keys(bins, auc->nbins, waiting, nwaiting, pairs);
	}
	merge_bins(bins, auc->nbins, waiting, nwaiting, n);
	memset(waiting, 0, auc->nwaiting * sizeof(ml_auc_bin));
	auc->nbins = n;
	auc->nwaiting = 0;
}

/* Make room in a flushed block for so many bins. */
static size_t
auc_reserve(ml_auc *auc, size_t size, uint64_t bins)
{
	uint64_t	capacity = ml_slots_capacity(auc->capacity, ML_MIN(bins, ML_AUC_BINS));
	size_t		need = auc_size(capacity);

	if (capacity == auc->capacity)
		return 0;
	if (need > size)
		return need;
	memset((char *) auc + auc->size, 0, need - auc->size);
	auc->capacity = (uint32_t) capacity;
	auc->size = need;
	return 0;
}

/* Add a bin, for which there is room once what waits is merged. */
static void
put_bin(ml_auc *auc, unsigned shift, const ml_auc_bin *bin)
{
	ml_auc_bin *mine;

	if (auc->nwaiting == waiting_capacity(auc))
		ml_auc_flush(auc);
	if (shift > auc->shift)
	{
		ml_auc_flush(auc);
		auc->nbins = coarsen(bins_of(auc), auc->nbins, shift - auc->shift);
		auc->shift = shift;
	}
	mine = &waiting_of(auc)[auc->nwaiting++];
	*mine = *bin;
	mine->key >>= auc->shift - shift;
	auc->positives = ml_add_saturated(auc->positives, bin->positives);
	auc->negatives = ml_add_saturated(auc->negatives, bin->negatives);
}

size_t
ml_auc_add_bin(ml_auc *auc, size_t size, unsigned shift, const ml_auc_bin *bin)
{
	adopt(auc);
	if (auc->capacity < ML_AUC_BINS && auc->nbins + auc->nwaiting == auc->capacity)
	{
		ml_auc_flush(auc);
		/* half of it free, so that this is not for every row */
		if (auc->nbins > auc->capacity / 2)
		{
			size_t		need = auc_reserve(auc, size, (uint64_t) auc->capacity + 1);

			if (need != 0)
				return need;
		}
	}
	put_bin(auc, shift, bin);
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
	uint32_t	nwaiting = from->magic == AUC_MAGIC ? from->nwaiting : 0;
	size_t		need;

	ml_auc_flush(into);
	need = auc_reserve(into, size, (uint64_t) into->nbins + from->nbins + nwaiting);
	if (need != 0)
		return need;
	for (uint32_t i = 0; i < from->nbins; i++)
		put_bin(into, from->shift, &bins_of(from)[i]);
	for (uint32_t i = 0; i < nwaiting; i++)
		put_bin(into, from->shift, &waiting_of(from)[i]);
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

	if (size < sizeof(ml_auc) || auc->size > size || auc->capacity < AUC_CAPACITY || auc->capacity > ML_AUC_BINS ||
		auc->nbins > auc->capacity || auc->shift >= 64)
		return false;
	if (auc->magic == AUC_MAGIC_1_0)
		return auc->size == auc_size_1_0(auc->capacity);
	return auc->magic == AUC_MAGIC &&
		(auc->size == auc_size(auc->capacity) || auc->size == auc_size_1_0(auc->capacity)) &&
		auc->nwaiting <= waiting_capacity(auc) &&
		(auc->capacity == ML_AUC_BINS || auc->nbins + auc->nwaiting <= auc->capacity);
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
	ml_auc_flush(auc);
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
ml_auc_bound(ml_auc *auc)
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
	ml_auc_flush(auc);
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

	ml_auc_flush(auc);
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

	ml_auc_flush(auc);
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
