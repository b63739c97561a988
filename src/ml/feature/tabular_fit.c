/*-------------------------------------------------------------------------
 *
 * tabular_fit.c
 *	  From summaries of the columns to a model's scalings and levels.
 *
 * The features are counted first, column by column, then numbered
 * (ml_tabular_layout), then filled in: scalings of the numbers, named levels
 * of the categories.  Levels are sorted by merging runs, since a category may
 * have millions of them: n log n in any case, and a poll between the runs.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/summary.h"
#include "feature/tabular_internal.h"
#include "base/sort.h"

#define RUN				((size_t) 1 << 12)	/* levels sorted without a poll */
#define POLL_LEVELS		((size_t) 1 << 14)

static const ml_scaling indicator_scaling = {0, 1, 0, -INFINITY, INFINITY};

/* A level while they are sorted. */
typedef struct entry
{
	uint64_t	prefix;			/* its first 8 bytes, in the order of a number */
	ml_text		value;
	uint32_t	number;			/* in ml_levels */
	bool		rare;
} entry;

typedef struct fitter
{
	ml_context *ctx;
	ml_arena   *arena;
	const ml_column *inputs;
	const ml_tabular_options *options;
	ml_tabular *tabular;
	ml_tabular_column *columns;
	ml_text    *names;
	ml_scaling *scaling;
	uint64_t   *level_end;
	char	   *levels;
	size_t		levels_size;	/* bytes so far */
	uint32_t	nlevels;		/* so far */
} fitter;

static uint64_t
prefix_of(ml_text value)
{
	uint64_t	prefix = 0;

	for (size_t i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < value.size ? (unsigned char) value.data[i] : 0);
	return prefix;
}

static int
compare_entries(const void *a, const void *b)
{
	const entry *x = a;
	const entry *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return ml_text_compare(x->value, y->value);
}

/* Two sorted runs of "from", [at, middle) and [middle, end), to the same places of "to". */
static ml_status
merge_runs(ml_context *ctx, const entry *from, entry *to, size_t at, size_t middle, size_t end)
{
	size_t		left = at;
	size_t		right = middle;

	for (size_t i = at; i < end; i++)
	{
		if (right == end || (left < middle && compare_entries(&from[left], &from[right]) < 0))
			to[i] = from[left++];
		else
			to[i] = from[right++];
		if (i % POLL_LEVELS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Sort n entries; *entries and *other, of the same size, may change places. */
static ml_status
sort_entries(ml_context *ctx, entry **entries, entry **other, size_t n)
{
	for (size_t at = 0; at < n; at += RUN)
	{
		ml_sort(*entries + at, ML_MIN(RUN, n - at), sizeof(entry), compare_entries);
		ML_TRY(ml_poll(ctx));
	}
	for (size_t run = RUN; run < n; run *= 2)
	{
		entry	   *swap = *entries;

		for (size_t at = 0; at < n; at += 2 * run)
			ML_TRY(merge_runs(ctx, *entries, *other, at, ML_MIN(at + run, n), ML_MIN(at + 2 * run, n)));
		*entries = *other;
		*other = swap;
	}
	return ML_OK;
}

/* A poll now and then in loops over levels. */
static inline ml_status
poll_at(const fitter *f, size_t k)
{
	return k % POLL_LEVELS == POLL_LEVELS - 1 ? ml_poll(f->ctx) : ML_OK;
}

/* Is a level with that count joined with others? */
static bool
is_rare(const fitter *f, uint64_t count)
{
	return f->options->rare > 1 && count < (uint64_t) f->options->rare;
}

/* Dense values that the column has. */
static uint32_t
width_of(const ml_column *column)
{
	if (column->role == ML_ROLE_DATE)
		return (uint32_t) ml_date_nparts(column->type);
	return column->type == ML_TYPE_ARRAY ? column->size : 1;
}

static ml_status
no_value(ml_context *ctx, const ml_column *column)
{
	ml_fail(ctx, ML_BAD_DATA, "column \"%.*s\" has no value in any row", ML_QUOTED(column->name));
	return ml_hint(ctx, "Leave it out, by the option \"columns\": {\"%.*s\": \"ignore\"}.",
				   ML_QUOTED(column->name));
}

static ml_status
count_dense(fitter *f, uint32_t i, const ml_summary *summaries)
{
	ml_tabular_column *column = &f->columns[i];

	column->nterms = width_of(&f->inputs[i]);
	if (column->nterms == 0)
		return no_value(f->ctx, &f->inputs[i]);
	for (uint32_t k = 0; k < column->nterms; k++)
		if (f->options->indicator && summaries[k].nmissing > 0)
			column->indicator = 0;
	return ML_OK;
}

/* What becomes of a category's levels; names come later. */
static ml_status
count_hot(fitter *f, uint32_t i, const ml_levels *levels, uint64_t missing)
{
	ml_tabular_column *column = &f->columns[i];
	uint32_t	rare = 0;

	for (uint32_t k = 0; k < levels->n; k++)
	{
		ML_TRY(poll_at(f, k));
		if (levels->counts[k] == 0)
			continue;
		if (is_rare(f, levels->counts[k]))
			rare++;
		else
			column->nlevels++;
	}
	if (rare + column->nlevels == 0)
		return no_value(f->ctx, &f->inputs[i]);
	if (rare > 0)
		column->other = 0;
	if (rare > 0 && f->options->unseen == ML_UNSEEN_ERROR)
		column->njoined = rare;
	if (missing > 0 && f->options->impute != ML_IMPUTE_MOST_FREQUENT)
		column->missing = 0;
	/* the first named level, or else the level "other", which then is the first feature */
	if (f->options->reference)
		column->reference = 0;
	return ML_OK;
}

static ml_status
count_columns(fitter *f, uint32_t ncolumns, const ml_summary *summaries,
			  const ml_levels *const *levels, const uint64_t *missing)
{
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		const ml_column *input = &f->inputs[i];
		ml_tabular_column *column = &f->columns[i];

		*column = (ml_tabular_column)
		{
			.type = input->type, .role = input->role, .indicator = ML_NO_TERM,
			.other = ML_NO_TERM, .missing = ML_NO_TERM, .most_frequent = ML_NO_TERM,
			.reference = ML_NO_TERM
		};
		ML_TRY(ml_arena_copy(f->ctx, f->arena, input->name, &f->names[i]));
		if (input->role == ML_ROLE_CATEGORY)
			ML_TRY(count_hot(f, i, *levels++, *missing++));
		else if (ml_role_is_tabular(input->role))
		{
			ML_TRY(count_dense(f, i, summaries));
			summaries += column->nterms;
		}
		else if (input->role == ML_ROLE_SERIES)
			column->nterms = input->size;
	}
	if (!ml_tabular_layout(f->tabular, f->columns, ncolumns))
	{
		ml_fail(f->ctx, ML_BAD_DATA, "the columns have more than %u features", ML_TERMS_MAX);
		return ml_hint(f->ctx, "Leave out columns, or join more levels by the option \"rare\".");
	}
	return ML_OK;
}

/* Mean and deviation when "missing" values of weight are "fill" besides those of the summary. */
static void
impute(const ml_summary *summary, double fill, double *mean, double *deviation)
{
	double		all = summary->n + summary->missing;
	double		share = summary->missing / all;
	double		whole = *mean + share * (fill - *mean);
	double		square = *deviation * *deviation + (*mean - whole) * (*mean - whole);

	if (summary->missing <= 0)
		return;
	square = (1 - share) * square + share * (fill - whole) * (fill - whole);
	*mean = whole;
	*deviation = sqrt(square);
}

/* A column, or item of an array, with nothing but missing values, all of which are a constant. */
static ml_status
fit_nothing(fitter *f, const ml_column *column, uint32_t item, ml_impute how, ml_scaling *scaling)
{
	if (how != ML_IMPUTE_CONSTANT && column->type == ML_TYPE_ARRAY)
	{
		ml_fail(f->ctx, ML_BAD_DATA, "item %u of the arrays in column \"%.*s\" has no value in any row", item + 1,
				ML_QUOTED(column->name));
		return ml_hint(f->ctx, "Fill it, by the option \"impute\": 0, or leave it out of the arrays.");
	}
	if (how != ML_IMPUTE_CONSTANT)
		return no_value(f->ctx, column);
	scaling->mean = f->options->standardize ? scaling->fill : 0;
	return ML_OK;
}

static ml_status
fit_scaling(fitter *f, const ml_column *column, uint32_t item, const ml_summary *summary, ml_scaling *scaling)
{
	bool		date = column->role == ML_ROLE_DATE;
	ml_impute	how = date ? ML_IMPUTE_MEAN : column->has_fill ? ML_IMPUTE_CONSTANT : f->options->impute;
	double		mean = ml_summary_mean(summary);
	double		deviation = ml_summary_deviation(summary);

	*scaling = indicator_scaling;
	scaling->fill = column->has_fill ? column->fill : f->options->constant;
	if (!(summary->n > 0))
		return fit_nothing(f, column, item, how, scaling);
	if (f->options->winsorize > 0 && !date)
	{
		scaling->low = ml_summary_quantile(summary, f->options->winsorize);
		scaling->high = ml_summary_quantile(summary, 1 - f->options->winsorize);
		ml_summary_clipped(summary, scaling->low, scaling->high, &mean, &deviation);
	}
	if (how == ML_IMPUTE_MEAN)
		scaling->fill = mean;
	else if (how == ML_IMPUTE_MOST_FREQUENT)
		scaling->fill = ML_MIN(ML_MAX(ml_summary_mode(summary), scaling->low), scaling->high);
	if (!f->options->standardize)
		return ML_OK;
	/* squares of tiny differences vanish */
	if (deviation == 0 && ML_MAX(summary->min, scaling->low) < ML_MIN(summary->max, scaling->high))
		deviation = ML_MIN(summary->max, scaling->high) - ML_MAX(summary->min, scaling->low);
	impute(summary, scaling->fill, &mean, &deviation);
	scaling->mean = mean;
	scaling->scale = deviation > 0 ? deviation : 1;
	if (isfinite(mean) && isfinite(deviation))
		return ML_OK;
	ml_fail(f->ctx, ML_BAD_DATA, "the numbers of column \"%.*s\" are too large to be standardised",
			ML_QUOTED(column->name));
	ml_detail(f->ctx, "They reach from %g to %g.", summary->min, summary->max);
	return ml_hint(f->ctx, "Divide them by a constant, or leave the column out.");
}

static ml_status
fit_dense(fitter *f, uint32_t i, const ml_summary *summaries)
{
	const ml_tabular_column *column = &f->columns[i];

	for (uint32_t k = 0; k < column->nterms; k++)
		ML_TRY(fit_scaling(f, &f->inputs[i], k, &summaries[k], &f->scaling[column->first + k]));
	if (column->indicator != ML_NO_TERM)
		f->scaling[column->indicator] = indicator_scaling;
	return ML_OK;
}

/* The levels that training rows have, sorted: entries[n]. */
static ml_status
sorted_levels(fitter *f, const ml_levels *levels, entry *entries, entry *scratch, size_t *n,
			  const entry **result)
{
	*n = 0;
	for (uint32_t k = 0; k < levels->n; k++)
	{
		ML_TRY(poll_at(f, k));
		if (levels->counts[k] > 0)
			entries[(*n)++] = (entry)
			{
				prefix_of(levels->values[k]), levels->values[k], k, is_rare(f, levels->counts[k])
			};
	}
	ML_TRY(sort_entries(f->ctx, &entries, &scratch, *n));
	*result = entries;
	return ML_OK;
}

static void
keep_level(fitter *f, ml_text value)
{
	if (value.size > 0)
		memcpy(f->levels + f->levels_size, value.data, value.size);
	f->levels_size += value.size;
	f->level_end[f->nlevels++] = f->levels_size;
}

/* Names of levels, and the feature of each number. */
static ml_status
name_levels(fitter *f, ml_tabular_column *column, const ml_levels *levels, const entry *entries,
			size_t n, uint32_t *map)
{
	uint32_t	next = column->first;
	const entry *frequent = NULL;

	for (size_t k = 0; k < n; k++)
	{
		const entry *e = &entries[k];

		ML_TRY(poll_at(f, k));
		map[e->number] = e->rare ? column->other : next++;
		if (!e->rare)
			keep_level(f, e->value);
		if (frequent == NULL || levels->counts[e->number] > levels->counts[frequent->number])
			frequent = e;
	}
	for (size_t k = 0; column->njoined > 0 && k < n; k++)
	{
		ML_TRY(poll_at(f, k));
		if (entries[k].rare)
			keep_level(f, entries[k].value);
	}
	if (f->options->impute == ML_IMPUTE_MOST_FREQUENT)
		column->most_frequent = map[frequent->number];
	return ML_OK;
}

static ml_status
fit_hot(fitter *f, uint32_t i, const ml_levels *levels, uint32_t *map)
{
	size_t		size = ml_size_mul(levels->n, sizeof(entry));
	void	   *entries = NULL;
	void	   *scratch = NULL;
	const entry *sorted;
	size_t		n;
	ml_status	status;

	for (uint32_t k = 0; k < levels->n; k++)
	{
		/* levels that don't learn; those that do get theirs with their names */
		map[k] = f->options->unseen == ML_UNSEEN_OTHER ? f->columns[i].other : ML_NO_TERM;
		ML_TRY(poll_at(f, k));
	}
	status = ml_alloc(f->ctx, size, &entries);
	if (status == ML_OK)
		status = ml_alloc(f->ctx, size, &scratch);
	if (status == ML_OK)
		status = sorted_levels(f, levels, entries, scratch, &n, &sorted);
	if (status == ML_OK)
		status = name_levels(f, &f->columns[i], levels, sorted, n, map);
	ml_release(f->ctx, entries);
	ml_release(f->ctx, scratch);
	return status;
}

/* Bytes of the levels that are kept. */
static ml_status
measure_levels(const fitter *f, uint32_t ncategories, const ml_levels *const *levels, size_t *size)
{
	*size = 0;
	for (uint32_t i = 0; i < ncategories; i++)
		for (uint32_t k = 0; k < levels[i]->n; k++)
		{
			ML_TRY(poll_at(f, k));
			if (levels[i]->counts[k] > 0 &&
				(f->options->unseen == ML_UNSEEN_ERROR || !is_rare(f, levels[i]->counts[k])))
				*size = ml_size_add(*size, levels[i]->values[k].size);
		}
	return ML_OK;
}

static ml_status
take(fitter *f, size_t n, size_t width, void **array)
{
	return ml_arena_alloc(f->ctx, f->arena, ml_size_mul(n, width), array);
}

/* The arrays whose sizes are known once the features are numbered. */
static ml_status
take_arrays(fitter *f, const ml_levels *const *levels, uint32_t ***map)
{
	const ml_tabular *t = f->tabular;
	size_t		size;

	ML_TRY(measure_levels(f, t->ncategories, levels, &size));
	ML_TRY(take(f, t->ndense, sizeof(ml_scaling), (void **) &f->scaling));
	ML_TRY(take(f, t->nlevels, sizeof(uint64_t), (void **) &f->level_end));
	ML_TRY(take(f, size, 1, (void **) &f->levels));
	ML_TRY(take(f, t->ncategories, sizeof(uint32_t *), (void **) map));
	for (uint32_t i = 0; i < t->ncategories; i++)
		ML_TRY(take(f, levels[i]->n, sizeof(uint32_t), (void **) &(*map)[i]));
	return ML_OK;
}

static ml_status
fit_columns(fitter *f, uint32_t ncolumns, const ml_summary *summaries,
			const ml_levels *const *levels, uint32_t **map)
{
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		if (f->inputs[i].role == ML_ROLE_CATEGORY)
			ML_TRY(fit_hot(f, i, *levels++, *map++));
		else if (ml_role_is_tabular(f->inputs[i].role))
		{
			ML_TRY(fit_dense(f, i, summaries));
			summaries += f->columns[i].nterms;
		}
	}
	return ML_OK;
}

ml_status
ml_tabular_fit(ml_context *ctx, ml_arena *arena, const ml_column *columns, uint32_t ncolumns,
			   const ml_summary *summaries, const ml_levels *const *levels,
			   const uint64_t *missing, const ml_tabular_options *options, ml_tabular *tabular,
			   uint32_t ***map)
{
	fitter		f = {.ctx = ctx, .arena = arena, .inputs = columns, .options = options, .tabular = tabular};
	uint32_t   *slots;

	memset(tabular, 0, sizeof(*tabular));
	ML_TRY(take(&f, ncolumns, sizeof(ml_tabular_column), (void **) &f.columns));
	ML_TRY(take(&f, ncolumns, sizeof(ml_text), (void **) &f.names));
	ML_TRY(count_columns(&f, ncolumns, summaries, levels, missing));
	ML_TRY(take_arrays(&f, levels, map));
	ML_TRY(fit_columns(&f, ncolumns, summaries, levels, *map));
	tabular->unseen = options->unseen;
	tabular->standardize = options->standardize;
	tabular->names = f.names;
	tabular->scaling = f.scaling;
	tabular->level_end = f.level_end;
	tabular->levels = f.levels;
	ML_TRY(ml_arena_copy(ctx, arena, options->time_zone, &tabular->time_zone));
	ML_TRY(take(&f, tabular->nslots, sizeof(uint32_t), (void **) &slots));
	tabular->slots = slots;
	return ml_tabular_hash(ctx, tabular, slots);
}
