/*-------------------------------------------------------------------------
 *
 * train_table_leak.c
 *	  Features that give the target away: one of them alone tells it.
 *
 * Such a column was most often filled in after the target was known (a delay's
 * category beside the delay), and a model that uses it is of no use.  The user
 * is warned, by name.  What is looked for, in some of the rows that learn:
 *
 *	  regression, number		|correlation with the target| > 0.9999
 *	  regression, category		the target is the same in all rows of a level
 *	  classification, number	the ranges of its values in the classes are apart
 *	  classification, category	the label is the same in all rows of a level
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

#include <math.h>

#define SAMPLE_ROWS		65536	/* enough to look at */
#define ROWS_PER_LEVEL	10		/* on average; levels of fewer rows tell by chance */
#define CLASSES_MAX		64		/* more can't all be apart by chance or by a leak */
#define NO_CLASS		UINT32_MAX
#define SEVERAL			(UINT32_MAX - 1)

typedef struct range
{
	double		low;
	double		high;
} range;

typedef struct watch
{
	ml_table_trainer *table;
	uint32_t	ndense;
	uint32_t	nhot;
	uint32_t	nclasses;		/* 0: regression */
	uint64_t	n;				/* rows looked at */
	double		shift;			/* regression: the first target */
	double		y;				/* sums, of target - shift */
	double		yy;
	double	   *x;				/* [ndense] sums */
	double	   *xx;
	double	   *xy;
	range	   *ranges;			/* [ndense][nclasses] */
	range	   *levels;			/* regression: [nhot] of the targets of each level */
	uint32_t   *classes;		/* classification: [nhot] the class of its rows, NO_CLASS, SEVERAL */
	uint64_t   *class_rows;		/* [nclasses] */
	uint32_t	ncategories;
	bool	   *done;			/* [ndense + ncategories] it can't tell any more, whatever comes */
	uint32_t	ndone;
} watch;

static const range nothing = {INFINITY, -INFINITY};

static void
widen(range *r, double value)
{
	r->low = ML_MIN(r->low, value);
	r->high = ML_MAX(r->high, value);
}

static ml_status
open_watch(ml_context *ctx, ml_arena *arena, watch *w)
{
	size_t		nranges = ml_size_mul(w->ndense, w->nclasses);
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(w->ndense, 3 * sizeof(double)), &memory));
	w->x = memory;
	w->xx = w->x + w->ndense;
	w->xy = w->xx + w->ndense;
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(nranges, sizeof(range)), &memory));
	w->ranges = memory;
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(w->nhot, sizeof(range)), &memory));
	w->levels = memory;
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(w->nhot, sizeof(uint32_t)), &memory));
	w->classes = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, arena, w->nclasses * sizeof(uint64_t), &memory));
	w->class_rows = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, arena, w->ndense + w->ncategories, &memory));
	w->done = memory;
	for (size_t i = 0; i < nranges; i++)
		w->ranges[i] = nothing;
	for (uint32_t i = 0; i < w->nhot; i++)
	{
		w->levels[i] = nothing;
		w->classes[i] = NO_CLASS;
	}
	return ML_OK;
}

static void
watch_numbers(watch *w, const ml_block *block)
{
	for (uint32_t j = 0; j < w->ndense; j++)
	{
		const double *x = block->dense + (size_t) j * block->stride;
		range	   *ranges = w->ranges + (size_t) j * w->nclasses;

		for (uint32_t i = 0; i < block->n && !w->done[j]; i++)
		{
			double		y = block->target[i] - w->shift;

			if (w->nclasses > 0)
			{
				widen(&ranges[block->label[i]], x[i]);
				continue;
			}
			w->x[j] += x[i];
			w->xx[j] += x[i] * x[i];
			w->xy[j] += x[i] * y;
		}
	}
}

static void
watch_levels(watch *w, const ml_block *block)
{
	for (uint32_t k = 0; k < w->ncategories; k++)
		for (uint32_t i = 0; i < block->n && !w->done[w->ndense + k]; i++)
		{
			uint32_t	hot = block->hot[(size_t) k * block->stride + i];

			if (hot == ML_NO_TERM)
				continue;
			hot -= w->ndense;
			if (w->nclasses == 0)
				widen(&w->levels[hot], block->target[i]);
			else if (w->classes[hot] == NO_CLASS)
				w->classes[hot] = block->label[i];
			else if (w->classes[hot] != block->label[i])
				w->classes[hot] = SEVERAL;
		}
}

/* Do the values of a feature lie in ranges of which two have something in common? */
static bool
overlap(const watch *w, const range *ranges)
{
	for (uint32_t a = 0; a < w->nclasses; a++)
		for (uint32_t b = 0; b < a; b++)
			if (ranges[a].low <= ranges[b].high && ranges[b].low <= ranges[a].high)
				return true;
	return false;
}

/* Do two rows of one of a category's levels differ in the target? */
static bool
differ(const watch *w, const ml_tabular_column *column)
{
	for (uint32_t i = column->first - w->ndense; i < column->first - w->ndense + column->nterms; i++)
		if (w->nclasses == 0 ? w->levels[i].low < w->levels[i].high : w->classes[i] == SEVERAL)
			return true;
	return false;
}

/* What can't tell the target after these rows can't after more of them: most are done with the first block. */
static void
mark_done(watch *w)
{
	const ml_tabular *t = &w->table->tabular;
	uint32_t	category = w->ndense;

	for (uint32_t j = 0; j < w->ndense; j++)
		if (!w->done[j] && overlap(w, w->ranges + (size_t) j * w->nclasses))
		{
			w->done[j] = true;
			w->ndone++;
		}
	for (uint32_t i = 0; i < t->ncolumns; i++)
	{
		if (t->columns[i].role != ML_ROLE_CATEGORY)
			continue;
		if (!w->done[category] && differ(w, &t->columns[i]))
		{
			w->done[category] = true;
			w->ndone++;
		}
		category++;
	}
}

static ml_status
watch_rows(ml_context *ctx, watch *w, uint32_t parts)
{
	const ml_block *block;

	ML_TRY(ml_design_begin(ctx, w->table->design, parts, NULL));
	while (w->n < SAMPLE_ROWS && w->ndone < w->ndense + w->ncategories)
	{
		ML_TRY(ml_design_next(ctx, w->table->design, &block));
		if (block == NULL)
			return ML_OK;
		if (w->n == 0)
			w->shift = block->target[0];
		watch_numbers(w, block);
		watch_levels(w, block);
		for (uint32_t i = 0; i < block->n; i++)
		{
			double		y = block->target[i] - w->shift;

			if (w->nclasses > 0)
				w->class_rows[block->label[i]]++;
			w->y += y;
			w->yy += y * y;
		}
		w->n += block->n;
		mark_done(w);
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Do the values of a feature lie in ranges that are apart, one for each class? */
static bool
are_apart(const watch *w, const range *ranges)
{
	for (uint32_t a = 0; a < w->nclasses; a++)
		if (w->class_rows[a] < ROWS_PER_LEVEL)
			return false;
	return !overlap(w, ranges);
}

static bool
number_tells(const watch *w, uint32_t j)
{
	double		n = (double) w->n;
	double		yy = w->yy - w->y * w->y / n;
	double		xx = w->xx[j] - w->x[j] * w->x[j] / n;
	double		xy = w->xy[j] - w->x[j] * w->y / n;

	if (w->nclasses > 0)
		return are_apart(w, w->ranges + (size_t) j * w->nclasses);
	/* what is left of a constant is noise */
	return xx > 1e-9 * w->xx[j] && yy > 1e-9 * w->yy &&
		xy * xy > ML_LEAK_CORRELATION * ML_LEAK_CORRELATION * xx * yy;
}

/* All rows of each level have the same target, and there are several. */
static bool
category_tells(const watch *w, const ml_tabular_column *column)
{
	uint32_t	seen = 0;
	range		all = nothing;

	for (uint32_t i = column->first - w->ndense; i < column->first - w->ndense + column->nterms; i++)
	{
		const range *r = &w->levels[i];

		if (w->nclasses == 0 ? r->low > r->high : w->classes[i] == NO_CLASS)
			continue;
		if (w->nclasses == 0 ? r->low < r->high : w->classes[i] == SEVERAL)
			return false;
		seen++;
		widen(&all, w->nclasses == 0 ? r->low : w->classes[i]);
	}
	return all.low < all.high && w->n >= (uint64_t) seen * ROWS_PER_LEVEL;
}

void
ml_table_warn_of_leaks(ml_context *ctx, const ml_table_trainer *table, const ml_list *list)
{
	ml_text		target = table->trainer->target;
	char		text[ML_TEXT_MAX];

	ml_print(text, sizeof(text), "\"%.*s\" is told by %s: %.*s; leave out what is not known when it is to be predicted",
			 (int) ML_MIN(target.size, (size_t) 64), target.data,
			 list->n == 1 ? "one feature alone" : "each of these features alone", 320, list->text);
	ml_train_warn(ctx, text);
}

static ml_status
name_leaks(ml_context *ctx, const watch *w)
{
	const ml_tabular *t = &w->table->tabular;
	ml_list		list = {.before = ""};
	ml_buffer	name = {0};
	ml_status	status = ML_OK;

	for (uint32_t j = 0; j < w->ndense && status == ML_OK; j++)
		if (number_tells(w, j))
		{
			name.size = 0;
			status = ml_tabular_term(ctx, t, j, &name);
			if (status == ML_OK)
				ml_list_add(&list, "%.*s", (int) ML_MIN(name.size, (size_t) 64), name.data);
		}
	ml_buffer_free(ctx, &name);
	ML_TRY(status);
	for (uint32_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].role == ML_ROLE_CATEGORY && category_tells(w, &t->columns[i]))
			ml_list_add(&list, "%.*s", (int) ML_MIN(t->names[i].size, (size_t) 64), t->names[i].data);
	if (list.n > 0)
		ml_table_warn_of_leaks(ctx, w->table, &list);
	return ML_OK;
}

ml_status
ml_table_leaks(ml_context *ctx, ml_table_trainer *table, uint32_t learn)
{
	ml_arena	arena = {0};
	watch		w = {
		.table = table,
		.ndense = ml_design_ndense(table->design),
		.nhot = ml_design_nhot(table->design),
		.ncategories = ml_design_ncategories(table->design),
		.nclasses = table->nclasses
	};
	ml_status	status;

	if (w.nclasses > CLASSES_MAX)
		return ML_OK;
	status = open_watch(ctx, &arena, &w);
	if (status == ML_OK)
		status = watch_rows(ctx, &w, learn);
	if (status == ML_OK && w.n >= ML_LEAK_ROWS)
		status = name_leaks(ctx, &w);
	ml_arena_free(ctx, &arena);
	return status;
}
