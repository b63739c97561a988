/*-------------------------------------------------------------------------
 *
 * metric.c
 *	  Confusion-based metrics and log loss in flat blocks (slots.h).
 *
 *-------------------------------------------------------------------------
 */
#include "learn/metric.h"

#include "base/math.h"
#include "learn/slots.h"

#define CONFUSION_MAGIC UINT32_C(0x314D4641)

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
	size_t		need = confusion_size(ML_SLOTS_CAPACITY, ML_SLOTS_CAPACITY, FIRST_TEXT);

	if (size < need)
		return need;
	memset(block, 0, need);
	c->magic = CONFUSION_MAGIC;
	c->cell_capacity = ML_SLOTS_CAPACITY;
	c->label_capacity = ML_SLOTS_CAPACITY;
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

	cells = ml_slots_capacity(c->cell_capacity, cells);
	labels = ml_slots_capacity(c->label_capacity, labels);
	text = ml_slots_capacity(c->text_capacity, text);
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
	ml_slots_rebuild(cell_slots_of(c), 2 * c->cell_capacity - 1, cells_of(c), sizeof(cell), c->ncells);
	ml_slots_rebuild(label_slots_of(c), 2 * c->label_capacity - 1, labels_of(c), sizeof(label), c->nlabels);
	return 0;
}

/* Number of a label, or nlabels when it is new. */
static uint32_t
find_label(const ml_confusion *c, ml_text name, uint64_t key)
{
	const label *labels = labels_of(c);
	const uint32_t *slots = label_slots_of(c);
	uint32_t	mask = 2 * c->label_capacity - 1;

	for (uint32_t at = ml_slots_first(key, mask); slots[at] != 0; at = (at + 1) & mask)
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
	return ml_slots_find(cell_slots_of(c), 2 * c->cell_capacity - 1, cells_of(c), sizeof(cell), key,
						 c->ncells);
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
	ml_slots_insert(label_slots_of(c), 2 * c->label_capacity - 1, key, c->nlabels);
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
		ml_slots_insert(cell_slots_of(c), 2 * c->cell_capacity - 1, key, number);
		c->ncells++;
	}
	labels = labels_of(c);
	cells = cells_of(c);
	cells[number].count = ml_add_saturated(cells[number].count, count);
	labels[a].actual = ml_add_saturated(labels[a].actual, count);
	labels[p].predicted = ml_add_saturated(labels[p].predicted, count);
	c->total = ml_add_saturated(c->total, count);
	if (a == p)
	{
		labels[a].hits = ml_add_saturated(labels[a].hits, count);
		c->hits = ml_add_saturated(c->hits, count);
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

double
ml_confusion_balanced_accuracy(const ml_confusion *c)
{
	const label *labels = labels_of(c);
	double		sum = 0;
	uint32_t	n = 0;

	for (uint32_t i = 0; i < c->nlabels; i++)
		if (labels[i].actual > 0)
		{
			sum += recall_of(&labels[i]);
			n++;
		}
	return n == 0 ? NAN : sum / n;
}

double
ml_confusion_mcc(const ml_confusion *c)
{
	const label *labels = labels_of(c);
	double		total = (double) c->total;
	double		both = 0;		/* sum over labels of actual x predicted */
	double		actual = 0;
	double		predicted = 0;
	double		whole;

	if (c->total == 0)
		return NAN;
	for (uint32_t i = 0; i < c->nlabels; i++)
	{
		both += (double) labels[i].actual * (double) labels[i].predicted;
		actual += (double) labels[i].actual * (double) labels[i].actual;
		predicted += (double) labels[i].predicted * (double) labels[i].predicted;
	}
	whole = sqrt(total * total - actual) * sqrt(total * total - predicted);
	return ratio((double) c->hits * total - both, whole);
}
