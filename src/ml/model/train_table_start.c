/*-------------------------------------------------------------------------
 *
 * train_table_start.c
 *	  Where a fit begins with "warm_start": at the weights of the live version.
 *
 * Features are matched by their names and weights translated through the
 * columns' own units, since means, scales, levels and the order of columns may
 * have changed.  What the live version does not know begins at 0, as do words.
 * A version that can't serve (another task or labels, a text classifier, a
 * kernel machine) is passed over, with a notice: the solution is the same, but
 * for gradient_descent, which goes where it is sent from.
 *
 *-------------------------------------------------------------------------
 */
#include "base/hash.h"
#include "model/train_table.h"

#include <math.h>

/* Names of the new model's features, to be found. */
typedef struct names
{
	ml_arena	arena;
	ml_text    *names;			/* [n] */
	uint32_t	n;
	uint32_t   *slots;			/* 1 + feature, 0 = free */
	size_t		nslots;			/* a power of two */
} names;

static size_t
find_slot(const names *t, ml_text name)
{
	size_t		at = ml_hash(name.data, name.size, 0) & (t->nslots - 1);

	while (t->slots[at] != 0 && !ml_text_equal(t->names[t->slots[at] - 1], name))
		at = (at + 1) & (t->nslots - 1);
	return at;
}

static ml_status
collect_names(ml_context *ctx, const ml_tabular *tabular, names *t)
{
	ml_buffer	name = {0};
	ml_status	status = ML_OK;
	void	   *memory;

	t->n = tabular->ndense + tabular->nhot;
	t->nslots = 64;
	while (t->nslots < 2 * (size_t) t->n)
		t->nslots *= 2;
	ML_TRY(ml_arena_alloc(ctx, &t->arena, ml_size_mul(t->n, sizeof(ml_text)), &memory));
	t->names = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &t->arena, ml_size_mul(t->nslots, sizeof(uint32_t)), &memory));
	t->slots = memory;
	for (uint32_t i = 0; i < t->n && status == ML_OK; i++)
	{
		name.size = 0;
		status = ml_tabular_term(ctx, tabular, i, &name);
		if (status == ML_OK)
			status = ml_arena_copy(ctx, &t->arena, (ml_text) {name.data, name.size}, &t->names[i]);
		if (status == ML_OK)
			t->slots[find_slot(t, t->names[i])] = i + 1;
		if (status == ML_OK && i % 4096 == 0)
			status = ml_poll(ctx);
	}
	ml_buffer_free(ctx, &name);
	return status;
}

/* The score that a coefficient belongs to and its sign; 0: none. */
static int
place_of(const ml_table_trainer *table, const ml_image *live, ml_text label, uint32_t *score)
{
	const ml_labels *labels = &table->trainer->labels;
	ml_text		positive;

	*score = 0;
	if (table->nclasses == 0)
		return 1;
	if (table->nclasses == 2)
	{
		positive = ml_image_label(live, ml_image_positive(live));
		for (uint32_t k = 0; k < 2; k++)
			if (ml_text_equal(labels->names[table->class_label[k]], positive))
				return k == 1 ? 1 : -1;
		return 0;
	}
	for (uint32_t k = 0; k < table->nclasses; k++)
		if (ml_text_equal(labels->names[table->class_label[k]], label))
		{
			*score = k;
			return 1;
		}
	return 0;
}

/* One coefficient, in the columns' own units, into the weights to begin with. */
static void
take(ml_table_trainer *table, const names *t, const ml_coefficient *c, uint32_t score, double sign)
{
	ml_solution *start = &table->start;
	const ml_scaling *scaling = table->tabular.scaling;
	double		value = sign * c->estimate;
	uint32_t	feature;

	if (!isfinite(value))
		return;
	if (ml_text_equal(c->term, ML_TEXT("(intercept)")))
	{
		start->bias[score] += value;
		return;
	}
	feature = t->slots[find_slot(t, c->term)];
	if (feature-- == 0 || (table->excluded != NULL && table->excluded[feature]))
		return;
	if (feature < table->tabular.ndense)
	{
		start->bias[score] += value * scaling[feature].mean;
		value *= scaling[feature].scale;
	}
	start->weights[(size_t) score * start->nfeatures + feature] = value;
}

static ml_status
translate(ml_context *ctx, ml_table_trainer *table, const ml_coefficient *coefficients, size_t n,
		  names *t)
{
	const ml_image *live = table->trainer->live;
	bool		some = false;

	ML_TRY(collect_names(ctx, &table->tabular, t));
	ML_TRY(ml_solution_open(ctx, &table->start, table->nscores, table->solution.nfeatures));
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	score;
		int			sign = place_of(table, live, coefficients[i].label, &score);

		if (sign != 0)
			take(table, t, &coefficients[i], score, sign);
		some |= sign != 0;
		if (i % 4096 == 0)
			ML_TRY(ml_poll(ctx));
	}
	table->start.fitted = some;
	return ML_OK;
}

static ml_status
start_from(ml_context *ctx, ml_table_trainer *table, ml_arena *arena)
{
	const ml_image *live = table->trainer->live;
	const ml_coefficient *coefficients;
	names		t = {0};
	size_t		n;
	ml_status	status;

	if (ml_image_task(live) != table->trainer->task ||
		(table->nclasses > 0 && (ml_image_nlabels(live) == 2) != (table->nclasses == 2)))
		return ML_OK;
	status = ml_image_coefficients(ctx, arena, live, &coefficients, &n);
	if (status == ML_UNSUPPORTED)
		return ML_OK;
	if (status == ML_OK)
		status = translate(ctx, table, coefficients, n, &t);
	ml_arena_free(ctx, &t.arena);
	return status;
}

ml_status
ml_table_start(ml_context *ctx, ml_table_trainer *table)
{
	ml_arena	arena = {0};
	ml_status	status = ML_OK;

	if (table->trainer->live != NULL)
		status = start_from(ctx, table, &arena);
	ml_arena_free(ctx, &arena);
	ML_TRY(status);
	if (!table->start.fitted)
		ml_train_notice(ctx, table->trainer->live == NULL ?
						"warm_start: there is no live version to begin at" :
						"warm_start: the live version has no weights that this model could begin at");
	else if (table->nholdout > 0 && table->learner == &ml_gradient_descent)
		ml_train_notice(ctx, "warm_start: the live version may have learnt from rows that are held out now");
	return ML_OK;
}
