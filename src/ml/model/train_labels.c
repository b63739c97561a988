/*-------------------------------------------------------------------------
 *
 * train_labels.c
 *	  The labels of a training: numbered as they appear, then in C order.
 *
 *-------------------------------------------------------------------------
 */
#include "base/hash.h"
#include "base/sort.h"
#include "model/train.h"

ml_status
ml_labels_open(ml_context *ctx, ml_labels *labels)
{
	void	   *memory;

	memset(labels, 0, sizeof(*labels));
	labels->nslots = 64;
	ML_TRY(ml_alloc_zero(ctx, labels->nslots * sizeof(uint32_t), &memory));
	labels->slots = memory;
	return ML_OK;
}

void
ml_labels_close(ml_context *ctx, ml_labels *labels)
{
	ml_release(ctx, labels->names);
	ml_release(ctx, labels->rows);
	ml_release(ctx, labels->slots);
	ml_arena_free(ctx, &labels->arena);
	memset(labels, 0, sizeof(*labels));
}

/* Where a label is, or belongs, in the table. */
static uint32_t
find_slot(const ml_labels *labels, ml_text label)
{
	uint32_t	slot = (uint32_t) ml_hash(label.data, label.size, 0) & (labels->nslots - 1);

	while (labels->slots[slot] != 0 &&
		   !ml_text_equal(labels->names[labels->slots[slot] - 1], label))
		slot = (slot + 1) & (labels->nslots - 1);
	return slot;
}

static ml_status
grow_slots(ml_context *ctx, ml_labels *labels)
{
	void	   *memory;

	if (labels->n < labels->nslots / 2)
		return ML_OK;
	ML_TRY(ml_alloc_zero(ctx, labels->nslots * 2 * sizeof(uint32_t), &memory));
	ml_release(ctx, labels->slots);
	labels->slots = memory;
	labels->nslots *= 2;
	for (uint32_t i = 0; i < labels->n; i++)
		labels->slots[find_slot(labels, labels->names[i])] = i + 1;
	return ML_OK;
}

static ml_status
check_label(ml_context *ctx, const ml_labels *labels, ml_text label, uint64_t row)
{
	if (label.size > ML_LABEL_MAX)
	{
		ml_fail(ctx, ML_BAD_DATA, "the label of row %llu has %zu bytes, more than %d",
				(unsigned long long) row, label.size, ML_LABEL_MAX);
		return ml_hint(ctx, "Is the target the right column?");
	}
	if (ml_utf8_valid(label.data, label.size) != label.size)
		return ml_fail(ctx, ML_BAD_TEXT, "the label of row %llu is not valid UTF-8",
					   (unsigned long long) row);
	return ML_OK;
}

ml_status
ml_labels_find(ml_context *ctx, ml_labels *labels, ml_text label, uint64_t row, uint32_t *number)
{
	void	   *names = labels->names;
	void	   *rows = labels->rows;
	uint32_t	slot;

	slot = find_slot(labels, label);
	if (labels->slots[slot] != 0)
	{
		*number = labels->slots[slot] - 1;
		return ML_OK;
	}
	ML_TRY(check_label(ctx, labels, label, row));
	if (labels->n == ML_CLASSES_MAX)
	{
		ml_fail(ctx, ML_BAD_DATA, "the target has more than %d different labels",
				ML_CLASSES_MAX);
		return ml_hint(ctx, "Is the target the right column?");
	}
	ML_TRY(grow_slots(ctx, labels));
	slot = find_slot(labels, label);
	ML_TRY(ml_grow(ctx, &names, &labels->names_capacity, labels->n + 1, sizeof(ml_text)));
	labels->names = names;
	ML_TRY(ml_grow(ctx, &rows, &labels->rows_capacity, labels->n + 1, sizeof(uint64_t)));
	labels->rows = rows;
	ML_TRY(ml_arena_copy(ctx, &labels->arena, label, &labels->names[labels->n]));
	labels->rows[labels->n] = 0;
	*number = labels->n++;
	labels->slots[slot] = *number + 1;
	return ML_OK;
}

typedef struct named_label
{
	ml_text		text;
	uint64_t	rows;
	uint32_t	number;
} named_label;

static int
compare_labels(const void *a, const void *b)
{
	return ml_text_compare(((const named_label *) a)->text, ((const named_label *) b)->text);
}

/* The table of the labels as they are numbered now. */
static void
fill_slots(ml_labels *labels)
{
	memset(labels->slots, 0, labels->nslots * sizeof(uint32_t));
	for (uint32_t i = 0; i < labels->n; i++)
		labels->slots[find_slot(labels, labels->names[i])] = i + 1;
}

ml_status
ml_labels_sort(ml_context *ctx, ml_labels *labels, uint32_t **place)
{
	named_label *sorted;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &labels->arena, labels->n * sizeof(named_label), &memory));
	sorted = memory;
	ML_TRY(ml_arena_alloc(ctx, &labels->arena, labels->n * sizeof(uint32_t), &memory));
	*place = memory;
	for (uint32_t i = 0; i < labels->n; i++)
		sorted[i] = (named_label) {labels->names[i], labels->rows[i], i};
	ml_sort(sorted, labels->n, sizeof(named_label), compare_labels);
	for (uint32_t i = 0; i < labels->n; i++)
	{
		labels->names[i] = sorted[i].text;
		labels->rows[i] = sorted[i].rows;
		(*place)[sorted[i].number] = i;
	}
	/* the table finds numbers as seen no more */
	fill_slots(labels);
	return ML_OK;
}

ml_status
ml_labels_drop(ml_context *ctx, ml_labels *labels, uint32_t *place)
{
	uint32_t	n = labels->n;
	uint32_t   *rank;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &labels->arena, n * sizeof(uint32_t), &memory));
	rank = memory;
	labels->n = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		if (labels->rows[i] == 0)
			continue;
		labels->names[labels->n] = labels->names[i];
		labels->rows[labels->n] = labels->rows[i];
		rank[i] = labels->n++;
	}
	for (uint32_t i = 0; i < n; i++)
		place[i] = rank[place[i]];
	fill_slots(labels);
	return ML_OK;
}

#define LABELS_SHOWN	20		/* in a message */

/* 'The labels are "a", "b", ...', as many as there is room for. */
static void
tell_labels(ml_context *ctx, const ml_labels *labels)
{
	ml_list		list = {.before = "The labels are "};
	uint32_t	n = ML_MIN(labels->n, (uint32_t) LABELS_SHOWN);

	for (uint32_t i = 0; i < n; i++)
		ml_list_add(&list, "\"%.*s\"", (int) ML_MIN(labels->names[i].size, (size_t) 64), labels->names[i].data);
	ml_detail(ctx, "%s%s", list.text, list.text[list.used - 1] == '.' ? "" : n < labels->n ? ", ..." : ".");
}

ml_status
ml_labels_named(ml_context *ctx, const ml_labels *labels, ml_text name, const char *option,
				uint32_t *number)
{
	uint32_t	slot = find_slot(labels, name);
	int			nearest;

	if (labels->slots[slot] != 0)
	{
		*number = labels->slots[slot] - 1;
		return ML_OK;
	}
	nearest = ml_text_nearest(name, labels->names, (int) labels->n);
	ml_fail(ctx, ML_BAD_OPTION,
			"option \"%s\" names the label \"%.*s\", which no row has", option,
			(int) ML_MIN(name.size, (size_t) 64), name.data);
	tell_labels(ctx, labels);
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%.*s\".",
				(int) ML_MIN(labels->names[nearest].size, (size_t) 64),
				labels->names[nearest].data);
	return ML_BAD_OPTION;
}

ml_status
ml_labels_weights(ml_context *ctx, ml_labels *labels, const ml_options *options, float **weights)
{
	uint64_t	nrows = 0;
	void	   *memory;

	*weights = NULL;
	if (!options->balanced && options->nclass_weights == 0)
		return ML_OK;
	for (uint32_t i = 0; i < labels->n; i++)
		nrows += labels->rows[i];
	ML_TRY(ml_arena_alloc(ctx, &labels->arena, labels->n * sizeof(float), &memory));
	*weights = memory;
	for (uint32_t i = 0; i < labels->n; i++)
		(*weights)[i] = options->balanced ?
			(float) nrows / ((float) labels->n * (float) labels->rows[i]) : 1;
	for (uint32_t i = 0; i < options->nclass_weights; i++)
	{
		uint32_t	number = 0;

		ML_TRY(ml_labels_named(ctx, labels, options->class_weights[i].label, "class_weight", &number));
		(*weights)[number] = (float) options->class_weights[i].weight;
	}
	return ML_OK;
}
