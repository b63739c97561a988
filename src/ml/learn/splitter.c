/*-------------------------------------------------------------------------
 *
 * splitter.c
 *	  Parts of rows told one after the other, without an array of them.
 *
 * At random: of the n rows of a label that are still to come, k are to be held
 * out, so the next one is with probability k/n (selection sampling, Knuth 3.4.2
 * algorithm S): exactly the right number, every choice equally likely.  What
 * rounding takes from one label it gives to the next.  Folds are dealt in
 * random order, all of them before any comes again.
 *
 * Groups are counted first and dealt whole, the largest first, each to the
 * fold that has the fewest rows.  When there are so many that their number
 * evens them out, they go where their hash says, and none is remembered.
 *
 *-------------------------------------------------------------------------
 */
#include "base/mem.h"
#include "learn/split.h"

#include <math.h>

#define FOLDS_MAX	31
#define GROUPS_MAX	((uint32_t) 1 << 14)	/* remembered */
#define NSLOTS		(2 * GROUPS_MAX)

typedef struct ml_splitter_label
{
	uint64_t	left;			/* rows still to come */
	uint64_t	held;			/* of them to be held out */
	uint8_t		folds[FOLDS_MAX];	/* the order of this round */
	uint8_t		next;			/* of them */
} label_state;

typedef struct group
{
	uint64_t	bits;			/* of its value */
	uint64_t	rows;			/* 0: a free slot */
	uint32_t	fold;
} group;

typedef struct ml_splitter_groups
{
	uint32_t	n;
	bool		many;			/* more than are remembered */
	group		slots[NSLOTS];
} ml_splitter_groups;

/* How many rows of each label are held out, as ml_split. */
static void
share_out(ml_splitter *splitter)
{
	double		owed = 0;

	for (uint32_t c = 0; c < splitter->nlabels; c++)
	{
		label_state *label = &splitter->labels[c];

		label->left = label->held = 0;
		label->next = 0;
		if (splitter->by != ML_SPLIT_RANDOM || splitter->label_rows[c] == 0)
			continue;
		label->left = splitter->label_rows[c];
		owed += splitter->holdout * (double) label->left;
		label->held = (uint64_t) ML_MIN((double) (label->left - 1), ML_MAX(owed + 0.5, 0.0));
		owed -= (double) label->held;
	}
}

ml_status
ml_splitter_open(ml_context *ctx, ml_splitter *splitter)
{
	splitter->labels = NULL;
	if (splitter->folds < 1 || splitter->folds > FOLDS_MAX)
		return ml_fail(ctx, ML_BAD_OPTION, "there can be 1 to %d folds, not %d", FOLDS_MAX, splitter->folds);
	ML_TRY(ml_alloc(ctx, ml_size_mul(splitter->nlabels, sizeof(label_state)), (void **) &splitter->labels));
	ml_splitter_restart(splitter);
	return ML_OK;
}

void
ml_splitter_close(ml_context *ctx, ml_splitter *splitter)
{
	ml_release(ctx, splitter->labels);
	ml_release(ctx, splitter->groups);
	splitter->labels = NULL;
	splitter->groups = NULL;
}

void
ml_splitter_restart(ml_splitter *splitter)
{
	share_out(splitter);
	splitter->seen_ties = 0;
	ml_rng_seed(&splitter->rng, splitter->seed);
}

/* ---------- groups ---------- */

static uint64_t
bits_of(double value)
{
	uint64_t	bits;

	value = isnan(value) ? NAN : value + 0.0;	/* -0 is 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static uint64_t
hash_group(const ml_splitter *splitter, uint64_t bits)
{
	return ml_hash_join(ml_hash_join(splitter->seed, bits), bits);
}

/* The slot of a group, or the free one where it belongs. */
static group *
find_group(const ml_splitter *splitter, uint64_t bits)
{
	group	   *slots = splitter->groups->slots;
	uint32_t	at = (uint32_t) hash_group(splitter, bits) & (NSLOTS - 1);

	while (slots[at].rows > 0 && slots[at].bits != bits)
		at = (at + 1) & (NSLOTS - 1);
	return &slots[at];
}

ml_status
ml_splitter_count_group(ml_context *ctx, ml_splitter *splitter, double value)
{
	uint64_t	bits = bits_of(value);
	group	   *group;

	if (splitter->groups == NULL)
		ML_TRY(ml_alloc_zero(ctx, sizeof(ml_splitter_groups), (void **) &splitter->groups));
	if (splitter->groups->many)
		return ML_OK;
	group = find_group(splitter, bits);
	if (group->rows++ > 0)
		return ML_OK;
	group->bits = bits;
	splitter->groups->many = ++splitter->groups->n > GROUPS_MAX;
	return ML_OK;
}

/* Is a dealt before b: has it more rows, or as many and the lesser hash? */
static bool
precedes(const ml_splitter *splitter, const group *a, const group *b)
{
	if (a->rows != b->rows)
		return a->rows > b->rows;
	return hash_group(splitter, a->bits) < hash_group(splitter, b->bits);
}

/* The heap's element i sinks to its place; its top is who is dealt last. */
static void
sink(const ml_splitter *splitter, group **heap, uint32_t i, uint32_t n)
{
	group	   *moved = heap[i];

	for (uint32_t child; (child = 2 * i + 1) < n; i = child)
	{
		if (child + 1 < n && precedes(splitter, heap[child], heap[child + 1]))
			child++;
		if (!precedes(splitter, moved, heap[child]))
			break;
		heap[i] = heap[child];
	}
	heap[i] = moved;
}

static ml_status
sort_groups(ml_context *ctx, const ml_splitter *splitter, group **order)
{
	uint32_t	n = 0;

	for (uint32_t i = 0; i < NSLOTS; i++)
		if (splitter->groups->slots[i].rows > 0)
			order[n++] = &splitter->groups->slots[i];
	for (uint32_t i = n / 2; i-- > 0;)
		sink(splitter, order, i, n);
	ML_TRY(ml_poll(ctx));
	for (uint32_t left = n; left-- > 1;)
	{
		group	   *last = order[0];

		order[0] = order[left];
		order[left] = last;
		sink(splitter, order, 0, left);
	}
	return ml_poll(ctx);
}

ml_status
ml_splitter_deal_groups(ml_context *ctx, ml_splitter *splitter)
{
	uint64_t	rows[FOLDS_MAX] = {0};
	uint32_t	n = splitter->groups == NULL ? 0 : splitter->groups->n;
	group	  **order;
	ml_status	status;

	if (n < (uint32_t) splitter->folds)
	{
		ml_fail(ctx, ML_BAD_DATA, "%d folds need at least as many groups, and there are %u", splitter->folds, n);
		return ml_hint(ctx, "Ask for fewer folds, or name another column in option \"groups\".");
	}
	if (splitter->groups->many)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, n * sizeof(group *), (void **) &order));
	status = sort_groups(ctx, splitter, order);
	for (uint32_t i = 0; i < n && status == ML_OK; i++)
	{
		uint32_t	least = 0;

		for (uint32_t fold = 1; fold < (uint32_t) splitter->folds; fold++)
			if (rows[fold] < rows[least])
				least = fold;
		order[i]->fold = least;
		rows[least] += order[i]->rows;
	}
	ml_release(ctx, order);
	return status;
}

static uint8_t
fold_of_group(const ml_splitter *splitter, double value)
{
	uint64_t	bits = bits_of(value);

	if (splitter->groups != NULL && !splitter->groups->many)
		return (uint8_t) (1 + find_group(splitter, bits)->fold);
	return (uint8_t) (1 + hash_group(splitter, bits) % (uint64_t) splitter->folds);
}

/* ---------- telling ---------- */

/* The next fold of a label, 1 .. folds. */
static uint8_t
deal(ml_splitter *splitter, label_state *label)
{
	int			folds = splitter->folds;
	uint8_t		fold;

	if (folds == 1)
		return 1;
	if (label->next == 0)
	{
		for (int i = 0; i < folds; i++)
			label->folds[i] = (uint8_t) (i + 1);
		for (int i = folds; i > 1; i--)
		{
			int			j = (int) ml_rng_below(&splitter->rng, (uint64_t) i);
			uint8_t		swap = label->folds[i - 1];

			label->folds[i - 1] = label->folds[j];
			label->folds[j] = swap;
		}
	}
	fold = label->folds[label->next];
	label->next = (uint8_t) (label->next + 1 == folds ? 0 : label->next + 1);
	return fold;
}

bool
ml_splitter_takes_all(const ml_splitter *splitter, uint32_t parts)
{
	uint32_t	folds = ((UINT32_C(1) << splitter->folds) - 1) << 1;

	return (parts & folds) == folds &&
		(splitter->by == ML_SPLIT_FOLDS || (splitter->by == ML_SPLIT_RANDOM && splitter->holdout == 0));
}

/* Of the rows at the threshold the last ones are. */
static bool
is_late(ml_splitter *splitter, double split)
{
	if (split == splitter->threshold)
		return splitter->seen_ties++ >= splitter->nties - splitter->ties;
	return split > splitter->threshold;
}

uint8_t
ml_splitter_next(ml_splitter *splitter, uint32_t number, double split)
{
	label_state *label = &splitter->labels[number];
	bool		held = false;

	switch (splitter->by)
	{
		case ML_SPLIT_RANDOM:
			if (label->held > 0)
				held = ml_rng_below(&splitter->rng, label->left) < label->held;
			label->held -= held;
			label->left -= label->left > 0;
			break;
		case ML_SPLIT_FLAG:
			held = split != 0 && !isnan(split);
			break;
		case ML_SPLIT_TIME:
			held = is_late(splitter, split);
			break;
		case ML_SPLIT_GROUPS:
			return fold_of_group(splitter, split);
		case ML_SPLIT_FOLDS:
			break;
	}
	return held ? ML_PART_HOLDOUT : deal(splitter, label);
}
