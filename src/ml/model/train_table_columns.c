/*-------------------------------------------------------------------------
 *
 * train_table_columns.c
 *	  Which columns of a table are learnt from, how their values become
 *	  features, and what is said of that.
 *
 * What train_look.h finds of no use is left out; sequences unless the user named
 * the column or nothing else is left.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_look.h"
#include "model/train_table.h"

#include <math.h>

#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

/* A walk over columns and their summaries: those of the column's first dense value. */
typedef struct walk
{
	const ml_summary *summaries;
	const ml_levels *const *levels;
	const uint64_t *missing;
} walk;

static walk
walk_begin(const ml_design_summary *summary)
{
	return (walk)
	{
		.summaries = summary->summaries,
		.levels = summary->levels,
		.missing = summary->missing
	};
}

static void
walk_next(walk *w, const ml_column *column)
{
	if (column->role == ML_ROLE_CATEGORY)
	{
		w->levels++;
		w->missing++;
	}
	w->summaries += ml_column_width(column);
}

/*
 * Find the sequences, once.  Those in question are looked at in all rows, since
 * the rows that learn have gaps.
 */
static ml_status
find_sequences(ml_context *ctx, ml_table_trainer *table, ml_design_summary *summary,
			   uint32_t learn, bool counting)
{
	const ml_trainer *trainer = table->trainer;
	walk		w = walk_begin(summary);
	bool		some = false;
	bool		all = summary->nrows == trainer->nrows;
	void	   *memory;

	if (table->counting != NULL)
		return ML_OK;
	ML_TRY(ml_arena_alloc_zero(ctx, &table->trainer->arena, ml_size_mul(trainer->ncolumns, sizeof(ml_reason)),
							   &memory));
	table->counting = memory;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		if (ml_may_count(&trainer->columns[i], w.summaries, trainer->nrows))
		{
			table->counting[i] = ML_REASON_SEQUENCE;
			some = true;
		}
		walk_next(&w, &trainer->columns[i]);
	}
	if (some && !all)
		ML_TRY(ml_design_summarize(ctx, table->design, &table->splitter, ML_PARTS_ALL, false, summary));
	w = walk_begin(summary);
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];

		if (table->counting[i] == ML_REASON_SEQUENCE && !ml_summary_sequence(w.summaries))
			table->counting[i] = ML_REASON_KEPT;
		if (table->counting[i] == ML_REASON_KEPT && column->role == ML_ROLE_NUMBER && column->type == ML_TYPE_INTEGER &&
			ml_is_identifier(column, w.summaries->min, w.summaries->max, w.summaries->nvalues))
			table->counting[i] = ML_REASON_IDENTIFIER;
		walk_next(&w, &trainer->columns[i]);
	}
	return all || !some ? ML_OK :
		ml_design_summarize(ctx, table->design, &table->splitter, learn, counting, summary);
}

/* Say which columns are left out: to the user, and in the report. */
static ml_status
tell_left_out(ml_context *ctx, ml_table_trainer *table, const ml_reason *why)
{
	const ml_trainer *trainer = table->trainer;
	ml_list		list = {.before = "left out: "};

	table->told.size = 0;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		if (why[i] == ML_REASON_KEPT)
			continue;
		ml_list_add(&list, "%.*s (%s)", QUOTED(trainer->columns[i].name), ml_reason_text(why[i]));
		ML_TRY(ml_appendf(ctx, &table->told, "%s", table->told.size == 0 ? "{" : ", "));
		ML_TRY(ml_json_quote(ctx, &table->told, trainer->columns[i].name));
		ML_TRY(ml_appendf(ctx, &table->told, ": \"%s\"", ml_reason_text(why[i])));
	}
	if (list.n == 0)
		return ML_OK;
	ml_train_notice(ctx, list.text);
	return ml_appendf(ctx, &table->told, "}");
}

/* Put the columns that stay, with their summaries, together. */
static ml_status
keep_columns(ml_context *ctx, ml_table_trainer *table, const ml_design_summary *summary,
			 const ml_reason *why, uint32_t nkept, walk *result)
{
	const ml_trainer *trainer = table->trainer;
	walk		w = walk_begin(summary);
	uint32_t	ndense = 0;
	uint32_t	ncategories = 0;
	ml_summary *summaries;
	const ml_levels **levels;
	uint64_t   *missing;
	void	   *memory;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		ndense += ml_column_width(&trainer->columns[i]);
	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(nkept, sizeof(ml_column)), &memory));
	table->kept = memory;
	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(ndense, sizeof(ml_summary)), &memory));
	result->summaries = summaries = memory;
	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(nkept, sizeof(*levels)), &memory));
	result->levels = levels = memory;
	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(nkept, sizeof(uint64_t)), &memory));
	result->missing = missing = memory;
	table->nkept = 0;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		uint32_t	width = ml_column_width(column);

		table->left_out[i] = why[i] != ML_REASON_KEPT;
		if (why[i] == ML_REASON_KEPT)
		{
			table->kept[table->nkept++] = *column;
			if (width > 0)
				memcpy(summaries, w.summaries, width * sizeof(ml_summary));
			summaries += width;
			if (column->role == ML_ROLE_CATEGORY)
			{
				levels[ncategories] = w.levels[0];
				missing[ncategories++] = w.missing[0];
			}
		}
		walk_next(&w, column);
	}
	return ML_OK;
}

static ml_status
nothing_left(ml_context *ctx, const ml_trainer *trainer)
{
	ml_fail(ctx, ML_BAD_DATA, "no column tells the rows apart: each has the same value, or none, in all of them");
	return ml_detail(ctx, "There are %llu rows and %u columns to learn from.",
					 (unsigned long long) trainer->nrows, trainer->ncolumns);
}

static ml_status
choose_columns(ml_context *ctx, ml_table_trainer *table, const ml_design_summary *summary, walk *kept)
{
	const ml_trainer *trainer = table->trainer;
	uint32_t	n = trainer->ncolumns;
	uint32_t	left = 0;
	uint32_t	counted = 0;
	walk		w = walk_begin(summary);
	ml_reason  *why;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &table->fitted, ml_size_mul(n, sizeof(ml_reason)), &memory));
	why = memory;
	for (uint32_t i = 0; i < n; i++)
	{
		const ml_column *column = &trainer->columns[i];

		if (column->role == ML_ROLE_CATEGORY)
			why[i] = ml_look_at_category(w.levels[0], w.missing[0]);
		else if (column->role != ML_ROLE_TEXT)
			why[i] = ml_look_at_numbers(column, &trainer->options.tabular, w.summaries, ml_column_width(column));
		if (why[i] == ML_REASON_KEPT)
			*(table->counting[i] != ML_REASON_KEPT ? &counted : &left) += 1;
		walk_next(&w, column);
	}
	for (uint32_t i = 0; left > 0 && i < n; i++)
		if (why[i] == ML_REASON_KEPT)
			why[i] = table->counting[i];
	if (left == 0)
		left = counted;
	if (left == 0)
		return nothing_left(ctx, trainer);
	if (!table->announced)
		ML_TRY(tell_left_out(ctx, table, why));
	return keep_columns(ctx, table, summary, why, left, kept);
}

/* "carrier is a category (16 values), note is text" */
static void
tell_roles(ml_context *ctx, const ml_table_trainer *table, const ml_design_summary *summary)
{
	const ml_trainer *trainer = table->trainer;
	walk		w = walk_begin(summary);
	ml_list		list = {.before = ""};

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];

		if (trainer->decided[i] && column->role == ML_ROLE_CATEGORY)
			ml_list_add(&list, "%.*s is a category (%u value%s)", QUOTED(column->name), w.levels[0]->n,
						w.levels[0]->n == 1 ? "" : "s");
		else if (trainer->decided[i])
			ml_list_add(&list, "%.*s is text", QUOTED(column->name));
		walk_next(&w, column);
	}
	if (list.n > 0)
		ml_train_notice(ctx, list.text);
}

/* Is it a regression without penalty, whose coefficients have a meaning each? */
static bool
has_references(const ml_table_trainer *table)
{
	return table->trainer->options.penalty == ML_PENALTY_NONE &&
		(table->learner == &ml_linear_regression || table->learner == &ml_logistic_regression);
}

ml_status
ml_table_columns(ml_context *ctx, ml_table_trainer *table, ml_design_summary *summary,
				 uint32_t learn, bool counting)
{
	ml_trainer *trainer = table->trainer;
	ml_tabular_options options = trainer->options.tabular;
	walk		kept = {0};

	ml_arena_reset(ctx, &table->fitted);
	ML_TRY(find_sequences(ctx, table, summary, learn, counting));
	if (!table->announced)
		tell_roles(ctx, table, summary);
	ML_TRY(choose_columns(ctx, table, summary, &kept));
	table->announced = true;
	options.reference = has_references(table);
	options.time_zone = trainer->time_zone;
	return ml_tabular_fit(ctx, &table->fitted, table->kept, table->nkept, kept.summaries,
						  kept.levels, kept.missing, &options, &table->tabular, &table->map);
}

ml_status
ml_table_terms(ml_context *ctx, ml_table_trainer *table, uint32_t nfeatures)
{
	const ml_tabular *t = &table->tabular;
	void	   *memory;

	table->excluded = NULL;
	ML_TRY(ml_arena_alloc_zero(ctx, &table->fitted, ml_size_mul(nfeatures, sizeof(double)), &memory));
	table->origin = memory;
	for (uint32_t i = 0; i < t->ndense; i++)
		table->origin[i] = -t->scaling[i].mean / t->scaling[i].scale;
	if (!has_references(table) || t->ncategories == 0)
		return ML_OK;
	ML_TRY(ml_arena_alloc_zero(ctx, &table->fitted, ml_size_mul(nfeatures, sizeof(bool)), &memory));
	table->excluded = memory;
	for (uint32_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].role == ML_ROLE_CATEGORY && t->columns[i].reference != ML_NO_TERM)
			table->excluded[t->columns[i].reference] = true;
	return ML_OK;
}
