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
 *-------------------------------------------------------------------------
 */
#include "base/mem.h"
#include "learn/split.h"

#include <math.h>

#define FOLDS_MAX	31

typedef struct ml_splitter_label
{
	uint64_t	left;			/* rows still to come */
	uint64_t	held;			/* of them to be held out */
	uint8_t		folds[FOLDS_MAX];	/* the order of this round */
	uint8_t		next;			/* of them */
} label_state;

/* How many rows of each label are held out, as ml_split. */
static void
share_out(ml_splitter *splitter)
{
	double		owed = 0;

	for (uint32_t c = 0; c < splitter->nlabels; c++)
	{
		label_state *label = &splitter->labels[c];

		label->left = splitter->label_rows[c];
		label->held = 0;
		label->next = 0;
		if (splitter->by != ML_SPLIT_RANDOM || label->left == 0)
			continue;
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
	splitter->labels = NULL;
}

void
ml_splitter_restart(ml_splitter *splitter)
{
	share_out(splitter);
	splitter->seen_ties = 0;
	ml_rng_seed(&splitter->rng, splitter->seed);
}

/* The next fold of a label, 1 .. folds. */
static uint8_t
deal(ml_splitter *splitter, label_state *label)
{
	int			folds = splitter->folds;

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
	label->next = (uint8_t) ((label->next + 1) % folds);
	return label->folds[(label->next + folds - 1) % folds];
}

static uint8_t
fold_of_group(const ml_splitter *splitter, double group)
{
	uint64_t	bits;

	memcpy(&bits, &group, sizeof(bits));
	return (uint8_t) (1 + ml_hash_fold(bits ^ splitter->seed ^ ML_HASH_K0, ML_HASH_K1) %
					  (uint64_t) splitter->folds);
}

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
