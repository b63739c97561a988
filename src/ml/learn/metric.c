/*-------------------------------------------------------------------------
 *
 * metric.c
 *	  Confusion-based metrics, ROC AUC and log loss in flat blocks.
 *
 * Both growing blocks have the same form: a header, dense arrays of entries in
 * order of first appearance, and tables of slots, twice as many as entries
 * have room, that find an entry by its 64-bit key (open addressing, linear
 * probing, a slot holds the entry's number + 1).  Capacities are powers of
 * two, and every offset grows with each of them; so a block is enlarged in
 * place by moving its arrays up, last first, and rebuilding the slots.
 *
 * ROC AUC.  A score becomes an unsigned number that keeps its order (the
 * float's bits, with [0.5, 1) spread out so that probabilities near 1 are told
 * apart as well as those near 0).  A state has at most ML_AUC_BINS distinct
 * numbers; one more, and all lose their last bit, again until they fit.  How
 * many bits must go depends on the set of scores alone, hence neither order
 * nor merging matters.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/metric.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/sort.h"

#define CONFUSION_MAGIC UINT32_C(0x314D4641)
#define AUC_MAGIC		UINT32_C(0x31554141)

#define FIRST_CAPACITY	4
#define FIRST_TEXT		64
#define MAX_CAPACITY	(UINT32_C(1) << 30)

typedef struct label
{
	uint64_t	key;			/* hash of the bytes */
	uint32_t	offset;			/* into the text */
	uint32_t	size;
	int64_t		actual;			/* rows that are it */
	int64_t		predicted;		/* rows said to be it */
	int64_t		hits;			/* both */
} label;

typedef struct cell
{
	uint64_t	key;			/* actual << 32 | predicted */
	int64_t		count;
} cell;

struct ml_confusion
{
	uint32_t	magic;
	uint32_t	ncells;
	uint32_t	nlabels;
	uint32_t	cell_capacity;
	uint32_t	label_capacity;
	uint32_t	text_used;
	uint64_t	text_capacity;
	uint64_t	size;			/* of the whole block, as laid out */
	int64_t		total;
	int64_t		hits;
};

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

static int64_t
add_saturated(int64_t a, int64_t b)
{
	int64_t		sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* The power of two that has room for need, starting from what there is. */
static uint64_t
enough(uint64_t capacity, uint64_t need)
{
	while (capacity < need)
		capacity *= 2;
	return capacity;
}

/*
 * Slots.  "entries" are "stride" bytes apart and begin with their key.
 */
static uint32_t
slot_first(uint64_t key, uint32_t mask)
{
	return (uint32_t) (ml_hash_fold(key ^ ML_HASH_K0, ML_HASH_K1) & mask);
}

static void
slots_insert(uint32_t *slots, uint32_t mask, uint64_t key, uint32_t number)
{
	uint32_t	at = slot_first(key, mask);

	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = number + 1;
}

static void
slots_rebuild(uint32_t *slots, uint32_t mask, const void *entries, size_t stride, uint32_t n)
{
	memset(slots, 0, ((size_t) mask + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t	key;

		memcpy(&key, (const char *) entries + i * stride, sizeof(key));
		slots_insert(slots, mask, key, i);
	}
}

/*
 * Confusion: where things are.
 */
static cell *
cells_of(const ml_confusion *c)
{
	return (cell *) ((char *) c + sizeof(ml_confusion));
}

static label *
labels_of(const ml_confusion *c)
{
	return (label *) (cells_of(c) + c->cell_capacity);
}

static uint32_t *
cell_slots_of(const ml_confusion *c)
{
	return (uint32_t *) (labels_of(c) + c->label_capacity);
}

static uint32_t *
label_slots_of(const ml_confusion *c)
{
	return cell_slots_of(c) + 2 * (size_t) c->cell_capacity;
}

static char *
text_of(const ml_confusion *c)
{
	return (char *) (label_slots_of(c) + 2 * (size_t) c->label_capacity);
}

/* Bytes of a block with these capacities; SIZE_MAX when it can't be. */
static size_t
confusion_size(uint64_t cells, uint64_t labels, uint64_t text)
{
	if (cells > MAX_CAPACITY || labels > MAX_CAPACITY || text > UINT32_MAX)
		return SIZE_MAX;
	return sizeof(ml_confusion) +
		(size_t) cells * (sizeof(cell) + 2 * sizeof(uint32_t)) +
		(size_t) labels * (sizeof(label) + 2 * sizeof(uint32_t)) +
		(size_t) text;
}

size_t
ml_confusion_init(void *block, size_t size)
{
	ml_confusion *c = block;
	size_t		need = confusion_size(FIRST_CAPACITY, FIRST_CAPACITY, FIRST_TEXT);

	if (size < need)
		return need;
	memset(block, 0, need);
	c->magic = CONFUSION_MAGIC;
	c->cell_capacity = FIRST_CAPACITY;
	c->label_capacity = FIRST_CAPACITY;
	c->text_capacity = FIRST_TEXT;
	c->size = need;
	return 0;
}

/*
 * Make room for that many cells, labels and bytes of text.
 */
static size_t
confusion_reserve(ml_confusion *c, size_t size, uint64_t cells, uint64_t labels, uint64_t text)
{
	ml_confusion old = *c;
	label	   *old_labels = labels_of(c);
	char	   *old_text = text_of(c);
	size_t		need;

	cells = enough(c->cell_capacity, cells);
	labels = enough(c->label_capacity, labels);
	text = enough(c->text_capacity, text);
	need = confusion_size(cells, labels, text);
	if (need == c->size)
		return 0;
	if (need > size)
		return need;
	c->cell_capacity = (uint32_t) cells;
	c->label_capacity = (uint32_t) labels;
	c->text_capacity = text;
	c->size = need;
	memmove(text_of(c), old_text, old.text_used);
	memmove(labels_of(c), old_labels, old.nlabels * sizeof(label));
	/* unused room holds no stray bytes: equal input, equal block */
	memset(cells_of(c) + c->ncells, 0, (c->cell_capacity - c->ncells) * sizeof(cell));
	memset(labels_of(c) + c->nlabels, 0, (c->label_capacity - c->nlabels) * sizeof(label));
	memset(text_of(c) + c->text_used, 0, c->text_capacity - c->text_used);
	slots_rebuild(cell_slots_of(c), 2 * c->cell_capacity - 1, cells_of(c), sizeof(cell), c->ncells);
	slots_rebuild(label_slots_of(c), 2 * c->label_capacity - 1, labels_of(c), sizeof(label), c->nlabels);
	return 0;
}

/* Number of a label, or nlabels when it is new. */
static uint32_t
find_label(const ml_confusion *c, ml_text name, uint64_t key)
{
	const label *labels = labels_of(c);
	const uint32_t *slots = label_slots_of(c);
	uint32_t	mask = 2 * c->label_capacity - 1;

	for (uint32_t at = slot_first(key, mask); slots[at] != 0; at = (at + 1) & mask)
	{
		const label *l = &labels[slots[at] - 1];

		if (l->key == key && l->size == name.size &&
			(name.size == 0 || memcmp(text_of(c) + l->offset, name.data, name.size) == 0))
			return slots[at] - 1;
	}
	return c->nlabels;
}

static uint32_t
find_cell(const ml_confusion *c, uint64_t key)
{
	const cell *cells = cells_of(c);
	const uint32_t *slots = cell_slots_of(c);
	uint32_t	mask = 2 * c->cell_capacity - 1;

	for (uint32_t at = slot_first(key, mask); slots[at] != 0; at = (at + 1) & mask)
		if (cells[slots[at] - 1].key == key)
			return slots[at] - 1;
	return c->ncells;
}

/* Append a label; there is room. */
static uint32_t
append_label(ml_confusion *c, ml_text name, uint64_t key)
{
	label	   *l = &labels_of(c)[c->nlabels];

	memset(l, 0, sizeof(label));
	l->key = key;
	l->offset = c->text_used;
	l->size = (uint32_t) name.size;
	if (name.size > 0)
		memcpy(text_of(c) + c->text_used, name.data, name.size);
	c->text_used += l->size;
	slots_insert(label_slots_of(c), 2 * c->label_capacity - 1, key, c->nlabels);
	return c->nlabels++;
}

size_t
ml_confusion_add(ml_confusion *c, size_t size, ml_text actual, ml_text predicted, int64_t count)
{
	uint64_t	actual_key = ml_hash(actual.data, actual.size, 0);
	uint64_t	predicted_key = ml_hash(predicted.data, predicted.size, 0);
	uint32_t	a = find_label(c, actual, actual_key);
	uint32_t	p = find_label(c, predicted, predicted_key);
	uint64_t	key = (uint64_t) a << 32 | p;
	uint32_t	number = a < c->nlabels && p < c->nlabels ? find_cell(c, key) : c->ncells;
	label	   *labels;
	cell	   *cells;

	if (number == c->ncells)
	{
		uint64_t	new_labels = (a == c->nlabels) + (p == c->nlabels);
		uint64_t	new_text = 0;
		size_t		need;

		if (a == c->nlabels)
			new_text += actual.size;
		if (p == c->nlabels)
			new_text += predicted.size;
		if (new_text > UINT32_MAX)
			return SIZE_MAX;
		need = confusion_reserve(c, size, (uint64_t) c->ncells + 1, c->nlabels + new_labels,
								 c->text_used + new_text);
		if (need != 0)
			return need;
		if (a == c->nlabels)
			a = append_label(c, actual, actual_key);
		p = find_label(c, predicted, predicted_key);	/* may be the one just added */
		if (p == c->nlabels)
			p = append_label(c, predicted, predicted_key);
		key = (uint64_t) a << 32 | p;
		cells_of(c)[number].key = key;
		cells_of(c)[number].count = 0;
		slots_insert(cell_slots_of(c), 2 * c->cell_capacity - 1, key, number);
		c->ncells++;
	}
	labels = labels_of(c);
	cells = cells_of(c);
	cells[number].count = add_saturated(cells[number].count, count);
	labels[a].actual = add_saturated(labels[a].actual, count);
	labels[p].predicted = add_saturated(labels[p].predicted, count);
	c->total = add_saturated(c->total, count);
	if (a == p)
	{
		labels[a].hits = add_saturated(labels[a].hits, count);
		c->hits = add_saturated(c->hits, count);
	}
	return 0;
}

size_t
ml_confusion_merge(ml_confusion *into, size_t size, const ml_confusion *from)
{
	/* room for the worst case first, so that a merge never stops half-way */
	size_t		need = confusion_reserve(into, size, (uint64_t) into->ncells + from->ncells,
										 (uint64_t) into->nlabels + from->nlabels,
										 (uint64_t) into->text_used + from->text_used);

	if (need != 0)
		return need;
	for (uint32_t i = 0; i < from->ncells; i++)
	{
		uint32_t	actual;
		uint32_t	predicted;
		int64_t		count = ml_confusion_cell(from, i, &actual, &predicted);

		ml_confusion_add(into, size, ml_confusion_label(from, actual),
						 ml_confusion_label(from, predicted), count);
	}
	return 0;
}

ml_status
ml_confusion_tally(ml_context *ctx, ml_confusion **confusion, size_t *size,
				   ml_text actual, ml_text predicted, int64_t count)
{
	size_t		need = *confusion == NULL ? ml_confusion_init(NULL, 0) :
		ml_confusion_add(*confusion, *size, actual, predicted, count);

	while (need != 0)
	{
		bool		first = *confusion == NULL;

		ML_TRY(ml_resize(ctx, (void **) confusion, need));
		*size = need;
		if (first)
			ml_confusion_init(*confusion, *size);
		need = ml_confusion_add(*confusion, *size, actual, predicted, count);
	}
	return ML_OK;
}

bool
ml_confusion_check(const void *block, size_t size)
{
	const ml_confusion *c = block;

	return size >= sizeof(ml_confusion) && c->magic == CONFUSION_MAGIC &&
		c->size <= size &&
		c->size == confusion_size(c->cell_capacity, c->label_capacity, c->text_capacity) &&
		c->ncells <= c->cell_capacity && c->nlabels <= c->label_capacity &&
		c->text_used <= c->text_capacity;
}

int64_t
ml_confusion_total(const ml_confusion *c)
{
	return c->total;
}

uint32_t
ml_confusion_nlabels(const ml_confusion *c)
{
	return c->nlabels;
}

ml_text
ml_confusion_label(const ml_confusion *c, uint32_t i)
{
	const label *l = &labels_of(c)[i];

	return (ml_text) {text_of(c) + l->offset, l->size};
}

uint32_t
ml_confusion_ncells(const ml_confusion *c)
{
	return c->ncells;
}

int64_t
ml_confusion_cell(const ml_confusion *c, uint32_t i, uint32_t *actual, uint32_t *predicted)
{
	const cell *found = &cells_of(c)[i];

	*actual = (uint32_t) (found->key >> 32);
	*predicted = (uint32_t) found->key;
	return found->count;
}

double
ml_confusion_accuracy(const ml_confusion *c)
{
	return c->total == 0 ? NAN : (double) c->hits / (double) c->total;
}

static double
ratio(double part, double whole)
{
	return whole == 0 ? 0 : part / whole;
}

static double
precision_of(const label *l)
{
	return ratio((double) l->hits, (double) l->predicted);
}

static double
recall_of(const label *l)
{
	return ratio((double) l->hits, (double) l->actual);
}

static double
f1_of(const label *l)
{
	return ratio(2.0 * (double) l->hits, (double) l->actual + (double) l->predicted);
}

static double
averaged(const ml_confusion *c, ml_text name, ml_average average, double (*metric) (const label *l))
{
	const label *labels = labels_of(c);
	double		sum = 0;
	double		weights = 0;

	if (name.data != NULL)
	{
		uint32_t	i = find_label(c, name, ml_hash(name.data, name.size, 0));

		return i == c->nlabels ? NAN : metric(&labels[i]);
	}
	for (uint32_t i = 0; i < c->nlabels; i++)
	{
		double		weight = average == ML_MACRO ? 1.0 : (double) labels[i].actual;

		sum += weight * metric(&labels[i]);
		weights += weight;
	}
	return weights == 0 ? NAN : sum / weights;
}

double
ml_confusion_precision(const ml_confusion *c, ml_text name, ml_average average)
{
	return averaged(c, name, average, precision_of);
}

double
ml_confusion_recall(const ml_confusion *c, ml_text name, ml_average average)
{
	return averaged(c, name, average, recall_of);
}

double
ml_confusion_f1(const ml_confusion *c, ml_text name, ml_average average)
{
	return averaged(c, name, average, f1_of);
}

/*
 * ROC AUC.
 */
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
	size_t		need = auc_size(FIRST_CAPACITY);

	if (size < need)
		return need;
	memset(block, 0, need);
	auc->magic = AUC_MAGIC;
	auc->capacity = FIRST_CAPACITY;
	auc->size = need;
	return 0;
}

static size_t
auc_reserve(ml_auc *auc, size_t size, uint64_t bins)
{
	uint64_t	capacity = enough(auc->capacity, ML_MIN(bins, ML_AUC_BINS));
	size_t		need = auc_size(capacity);

	if (capacity == auc->capacity)
		return 0;
	if (need > size)
		return need;
	auc->capacity = (uint32_t) capacity;
	auc->size = need;
	memset(bins_of(auc) + auc->nbins, 0, (auc->capacity - auc->nbins) * sizeof(ml_auc_bin));
	slots_rebuild(bin_slots_of(auc), 2 * auc->capacity - 1, bins_of(auc), sizeof(ml_auc_bin), auc->nbins);
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
	const ml_auc_bin *bins = bins_of(auc);
	const uint32_t *slots = bin_slots_of(auc);
	uint32_t	mask = 2 * auc->capacity - 1;

	for (uint32_t at = slot_first(key, mask); slots[at] != 0; at = (at + 1) & mask)
		if (bins[slots[at] - 1].key == key)
			return slots[at] - 1;
	return auc->nbins;
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
		slots_insert(bin_slots_of(auc), 2 * auc->capacity - 1, bin->key, number);
		auc->nbins++;
		auc->sorted = false;
	}
	else
	{
		found->positives = add_saturated(found->positives, bin->positives);
		found->negatives = add_saturated(found->negatives, bin->negatives);
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
	auc->positives = add_saturated(auc->positives, mine.positives);
	auc->negatives = add_saturated(auc->negatives, mine.negatives);
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

static int
compare_bins(const void *a, const void *b)
{
	uint64_t	x = ((const ml_auc_bin *) a)->key;
	uint64_t	y = ((const ml_auc_bin *) b)->key;

	return (x > y) - (x < y);
}

/* Put the bins in ascending order. */
static void
sort_bins(ml_auc *auc)
{
	ml_auc_bin *bins = bins_of(auc);

	if (auc->sorted)
		return;
	ml_sort(bins, auc->nbins, sizeof(ml_auc_bin), compare_bins);
	slots_rebuild(bin_slots_of(auc), 2 * auc->capacity - 1, bins, sizeof(ml_auc_bin), auc->nbins);
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

/*
 * Log loss, summed as Neumaier does.
 */
static void
add_compensated(ml_log_loss *loss, double value)
{
	double		sum = loss->sum + value;

	if (fabs(loss->sum) >= fabs(value))
		loss->correction += (loss->sum - sum) + value;
	else
		loss->correction += (value - sum) + loss->sum;
	loss->sum = sum;
}

void
ml_log_loss_add(ml_log_loss *loss, double probability_of_actual)
{
	double		p = ML_MIN(ML_MAX(probability_of_actual, 0x1p-52), 1.0);

	add_compensated(loss, -ml_log(p));
	loss->count = add_saturated(loss->count, 1);
}

void
ml_log_loss_merge(ml_log_loss *into, const ml_log_loss *from)
{
	add_compensated(into, from->sum);
	into->correction += from->correction;
	into->count = add_saturated(into->count, from->count);
}

double
ml_log_loss_value(const ml_log_loss *loss)
{
	return loss->count == 0 ? NAN : (loss->sum + loss->correction) / (double) loss->count;
}

const char *const ml_metric_names[ML_METRICS_MAX] = {
	"accuracy", "precision", "recall", "f1",	/* means over labels */
	"precision_weighted", "recall_weighted", "f1_weighted", "log_loss", "roc_auc"
};

int
ml_metrics(const ml_confusion *confusion, const ml_log_loss *loss, ml_auc *auc,
		   ml_metric metrics[ML_METRICS_MAX])
{
	const ml_text all = {NULL, 0};
	const double values[ML_METRICS_MAX] = {
		ml_confusion_accuracy(confusion),
		ml_confusion_precision(confusion, all, ML_MACRO),
		ml_confusion_recall(confusion, all, ML_MACRO),
		ml_confusion_f1(confusion, all, ML_MACRO),
		ml_confusion_precision(confusion, all, ML_WEIGHTED),
		ml_confusion_recall(confusion, all, ML_WEIGHTED),
		ml_confusion_f1(confusion, all, ML_WEIGHTED),
		ml_log_loss_value(loss),
		auc == NULL ? NAN : ml_auc_value(auc)
	};
	int			n = 0;

	for (int i = 0; i < ML_METRICS_MAX; i++)
		if (!isnan(values[i]))
			metrics[n++] = (ml_metric) {ml_metric_names[i], values[i]};
	return n;
}
