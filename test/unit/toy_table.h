/*-------------------------------------------------------------------------
 *
 * toy_table.h
 *	  A table while it is read and fitted, and a small one, for tests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_TABLE_H
#define TOY_TABLE_H

#include "unit.h"

#include "feature/summary.h"

#include <math.h>

#define COLUMNS_MAX		12
#define WIDTH_MAX		40		/* dense values of a table */
#define ITEMS_MAX		4

static const ml_tabular_options defaults = {
	.standardize = true, .indicator = true, .rare = 10, .time_zone = {"UTC", 3}
};

/* A table while it is read, and what is fitted to it. */
typedef struct table
{
	ml_context *ctx;
	ml_arena	arena;
	ml_column	columns[COLUMNS_MAX];
	uint32_t	ncolumns;
	ml_summary	summaries[WIDTH_MAX];
	uint32_t	width;
	ml_levels	levels[COLUMNS_MAX];
	const ml_levels *level_pointers[COLUMNS_MAX];
	uint64_t	missing[COLUMNS_MAX];
	uint32_t	ncategories;
	ml_tabular	tabular;
	uint32_t  **map;
} table;

static inline uint32_t
width_of(const ml_column *column)
{
	if (column->role == ML_ROLE_CATEGORY || column->role == ML_ROLE_TEXT)
		return 0;
	if (column->role == ML_ROLE_DATE)
		return (uint32_t) ml_date_nparts(column->type);
	return column->type == ML_TYPE_ARRAY ? column->size : 1;
}

static inline ml_status
open_table(ml_context *ctx, table *t, const ml_column *columns, uint32_t ncolumns)
{
	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	t->ncolumns = ncolumns;
	memcpy(t->columns, columns, ncolumns * sizeof(ml_column));
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		uint32_t	width = width_of(&columns[i]);

		for (uint32_t k = 0; k < width; k++)
			ML_TRY(ml_summary_open(ctx, &t->summaries[t->width++], ml_kernel_select(ML_LEVEL_AUTO), true));
		if (columns[i].role == ML_ROLE_CATEGORY)
		{
			t->level_pointers[t->ncategories] = &t->levels[t->ncategories];
			t->ncategories++;
		}
	}
	return ML_OK;
}

static inline ml_status
close_table(table *t, ml_status status)
{
	for (uint32_t i = 0; i < t->width; i++)
		ml_summary_close(t->ctx, &t->summaries[i]);
	for (uint32_t i = 0; i < t->ncategories; i++)
		ml_levels_free(t->ctx, &t->levels[i]);
	ml_arena_free(t->ctx, &t->arena);
	return status;
}

static inline ml_status
add_row(table *t, const ml_value *inputs)
{
	ml_summary *summary = t->summaries;
	uint32_t	category = 0;

	for (uint32_t i = 0; i < t->ncolumns; i++)
	{
		double		values[WIDTH_MAX] = {inputs[i].number};
		uint32_t	width = width_of(&t->columns[i]);

		if (t->columns[i].role == ML_ROLE_CATEGORY)
		{
			uint32_t	number;

			if (inputs[i].text.data == NULL)
				t->missing[category++]++;
			else
				ML_TRY(ml_levels_add(t->ctx, &t->levels[category++], inputs[i].text, &number));
		}
		if (t->columns[i].role == ML_ROLE_DATE)
			ml_date_parts(t->columns[i].type, inputs[i].number, values);
		for (uint32_t k = 0; k < width; k++)
		{
			if (t->columns[i].type == ML_TYPE_ARRAY)
				values[k] = inputs[i].items.data == NULL ? NAN : inputs[i].items.data[k];
			ML_TRY(ml_summary_add(t->ctx, summary++, &values[k], NULL, 1));
		}
	}
	return ML_OK;
}

static inline ml_status
fit(table *t, const ml_tabular_options *options)
{
	return ml_tabular_fit(t->ctx, &t->arena, t->columns, t->ncolumns, t->summaries, t->level_pointers,
						  t->missing, options, &t->tabular, &t->map);
}

enum
{
	NUMBER, ITEMS, WHEN, CARRIER, NOTE, NCOLUMNS
};

static const ml_column small_columns[NCOLUMNS] = {
	{.name = {"distance", 8}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"x", 1}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER, .size = 2},
	{.name = {"time_hour", 9}, .type = ML_TYPE_TIMESTAMPTZ, .role = ML_ROLE_DATE},
	{.name = {"carrier", 7}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	{.name = {"note", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT},
};

/* Row i of 60: UA 24, AA 20, rare B6 8, DL 4, none 4. */
static inline void
small_row(int i, double *items, ml_value *inputs)
{
	static const char *const carriers[15] = {
		"UA", "AA", "UA", "AA", "B6", "UA", "AA", "UA", "DL", "AA", "UA", NULL, "AA", "UA", "B6"
	};
	const char *carrier = carriers[i % 15];

	items[0] = i % 7;
	items[1] = i % 4 == 0 ? 3 : 3 + i;
	inputs[NUMBER].number = i % 10 == 0 ? NAN : i * i;
	inputs[ITEMS].items = (ml_items) {items, 2};
	inputs[WHEN].number = i * 86400.0 * 11 + i * 777;
	inputs[CARRIER].text = carrier == NULL ? (ml_text) {NULL, 0} : unit_text(carrier);
	inputs[NOTE].text = ML_TEXT("whatever");
}

static inline ml_status
open_small(ml_context *ctx, table *t, const ml_tabular_options *options)
{
	ML_TRY(open_table(ctx, t, small_columns, NCOLUMNS));
	for (int i = 0; i < 60; i++)
	{
		double		items[2];
		ml_value	inputs[NCOLUMNS];

		small_row(i, items, inputs);
		ML_TRY(add_row(t, inputs));
	}
	return fit(t, options);
}

#endif							/* TOY_TABLE_H */
