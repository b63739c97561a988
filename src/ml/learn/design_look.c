/*-------------------------------------------------------------------------
 *
 * design_look.c
 *	  Looking at rows as they were read: for splitters, and what the columns
 *	  are like over the rows that learn.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

ml_status
ml_design_each(ml_context *ctx, ml_design *design, ml_design_look look, void *arg)
{
	ml_side		sides[ML_DESIGN_STRIDE_MAX];

	ML_TRY(ml_design_close_raw(ctx, design));
	for (size_t b = 0; b < design->raw.n; b++)
	{
		const ml_stored_block *stored = &design->raw.blocks[b];
		char	   *bytes;
		ml_raw		raw;

		ML_TRY(ml_design_load(ctx, design, stored, &bytes));
		raw = ml_design_raw(design, bytes, stored->size);
		for (uint32_t i = 0; i < stored->n; i++)
			sides[i] = (ml_side) {raw.target[i], raw.label[i], raw.weight[i], raw.split[i]};
		ML_TRY(look(ctx, arg, sides, stored->n));
	}
	return ML_OK;
}

/* ---------- the threshold of a split by time ---------- */

typedef struct time_look
{
	ml_split_values look;
	void	   *arg;
} time_look;

static ml_status
look_at_splits(ml_context *ctx, void *arg, const ml_side *sides, size_t n)
{
	const time_look *t = arg;
	double		values[ML_DESIGN_STRIDE_MAX];

	for (size_t i = 0; i < n; i++)
		values[i] = sides[i].split;
	return t->look(ctx, t->arg, values, n);
}

static ml_status
each_split(ml_context *ctx, void *source, ml_split_values look, void *arg)
{
	time_look	t = {look, arg};

	return ml_design_each(ctx, source, look_at_splits, &t);
}

ml_status
ml_design_find_time(ml_context *ctx, ml_design *design, ml_splitter *splitter)
{
	return ml_splitter_find_time(ctx, splitter, each_split, design);
}

/* ---------- the groups of a cross-validation ---------- */

static ml_status
count_groups(ml_context *ctx, void *arg, const ml_side *sides, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ML_TRY(ml_splitter_count_group(ctx, arg, sides[i].split));
	return ML_OK;
}

ml_status
ml_design_find_groups(ml_context *ctx, ml_design *design, ml_splitter *splitter)
{
	ML_TRY(ml_design_each(ctx, design, count_groups, splitter));
	return ml_splitter_deal_groups(ctx, splitter);
}

/* ---------- summing up ---------- */

static ml_status
sum_up_dates(ml_context *ctx, ml_design *design, uint32_t c, const double *seconds, const double *weights, uint32_t n)
{
	const ml_raw_column *column = &design->raw_columns[c];
	double		parts[ML_DATE_PARTS_MAX][ML_DESIGN_STRIDE_MAX];
	double		one[ML_DATE_PARTS_MAX];

	for (uint32_t i = 0; i < n; i++)
	{
		(void) ml_date_parts(design->columns[c].type, seconds[i], one);
		for (uint32_t k = 0; k < column->nsummaries; k++)
			parts[k][i] = one[k];
	}
	for (uint32_t k = 0; k < column->nsummaries; k++)
		ML_TRY(ml_summary_add(ctx, &design->summaries[column->first_summary + k], parts[k], weights, n));
	return ML_OK;
}

static void
sum_up_levels(ml_design *design, const ml_raw_column *column, const uint32_t *level, const double *weights, uint32_t n)
{
	uint64_t   *counts = design->levels[column->first].counts;

	for (uint32_t i = 0; i < n; i++)
	{
		if (weights != NULL && weights[i] == 0)
			continue;
		if (level[i] == ML_DESIGN_MISSING)
			design->missing[column->first]++;
		else
			counts[level[i]]++;
	}
}

/* weights[i]: 1 for rows that count, else 0; NULL: all do. */
static ml_status
sum_up_block(ml_context *ctx, ml_design *design, const ml_raw *raw, const double *weights, uint32_t n)
{
	for (uint32_t c = 0; c < design->ncolumns; c++)
	{
		const ml_raw_column *column = &design->raw_columns[c];

		if (column->kind == ML_RAW_LEVEL)
			sum_up_levels(design, column, raw->levels + (size_t) column->first * design->stride, weights, n);
		else if (column->kind == ML_RAW_DATE)
			ML_TRY(sum_up_dates(ctx, design, c, ml_raw_numbers(design, raw, column, 0), weights, n));
		else
			for (uint32_t k = 0; k < column->n; k++)
				ML_TRY(ml_summary_add(ctx, &design->summaries[column->first_summary + k],
									  ml_raw_numbers(design, raw, column, k), weights, n));
		if (c % 16 == 15)
			ML_TRY(ml_poll(ctx));
	}
	return ml_poll(ctx);
}

/* One summary for each dense value, in order of the columns; now all arrays are known. */
static ml_status
make_summaries(ml_context *ctx, ml_design *design)
{
	uint32_t	n = 0;

	if (design->summaries != NULL)
		return ML_OK;
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		ml_raw_column *column = &design->raw_columns[i];

		column->first_summary = n;
		column->nsummaries = column->kind == ML_RAW_DATE ? (uint32_t) ml_date_nparts(design->columns[i].type) :
			column->kind == ML_RAW_LEVEL ? 0 : column->n;
		n += column->nsummaries;
	}
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(ml_summary)), (void **) &design->summaries));
	design->nsummaries = n;
	return ML_OK;
}

static ml_status
restart_summaries(ml_context *ctx, ml_design *design, bool counting)
{
	ML_TRY(make_summaries(ctx, design));
	for (uint32_t i = 0; i < design->nsummaries; i++)
	{
		ml_summary_close(ctx, &design->summaries[i]);
		ML_TRY(ml_summary_open(ctx, &design->summaries[i], design->kernel, counting));
		if (i % 1024 == 0)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t i = 0; i < design->ncategories; i++)
	{
		design->level_list[i] = &design->levels[i];
		design->missing[i] = 0;
		if (design->levels[i].n > 0)
			memset(design->levels[i].counts, 0, design->levels[i].n * sizeof(uint64_t));
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/*
 * Counted values need room, which blocks can make, but not without end.  (Who
 * opens a design gives it half of what is allowed.)
 */
static ml_status
check_room(ml_context *ctx, ml_design *design)
{
	ML_TRY(ml_design_make_room(ctx, design, 0, true));
	if (ml_design_memory(design) <= 2 * design->limit + ((size_t) 1 << 20))
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT, "the quantiles of %u numbers need more than %zu MB of memory", design->nsummaries,
			design->limit >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem, or leave out the options \"winsorize\" and \"impute\": "
						"\"most_frequent\".");
}

ml_status
ml_design_summarize(ml_context *ctx, ml_design *design, ml_splitter *splitter, uint32_t parts, bool counting,
					ml_design_summary *summary)
{
	double		weights[ML_DESIGN_STRIDE_MAX];
	bool		all = ml_splitter_takes_all(splitter, parts);

	memset(summary, 0, sizeof(*summary));
	ML_TRY(ml_design_close_raw(ctx, design));
	ML_TRY(restart_summaries(ctx, design, counting));
	ml_splitter_restart(splitter);
	for (size_t b = 0; b < design->raw.n; b++)
	{
		const ml_stored_block *stored = &design->raw.blocks[b];
		uint32_t	n = stored->n;
		uint32_t	counted = all ? n : 0;
		char	   *bytes;
		ml_raw		raw;

		ML_TRY(ml_design_load(ctx, design, stored, &bytes));
		raw = ml_design_raw(design, bytes, stored->size);
		for (uint32_t i = 0; i < n && !all; i++)
		{
			uint8_t		part = ml_splitter_next(splitter, raw.label[i], raw.split[i]);

			weights[i] = parts >> part & 1;
			counted += weights[i] != 0;
		}
		summary->nrows += counted;
		if (counted > 0)
			ML_TRY(sum_up_block(ctx, design, &raw, counted == n ? NULL : weights, n));
		if (counting)
			ML_TRY(check_room(ctx, design));
	}
	summary->summaries = design->summaries;
	summary->levels = design->level_list;
	summary->missing = design->missing;
	return ML_OK;
}
