/*-------------------------------------------------------------------------
 *
 * tabular.c
 *	  One row of a table to its features; what features are called.
 *
 * Encoding a row neither allocates nor looks anything up by name: columns are
 * visited in order, numbers go through plain IEEE arithmetic in one order (the
 * same bits on every machine), levels are found by their hash.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/tabular_internal.h"
#include "base/hash.h"

#define POLL_PROBES		((size_t) 1 << 14)
#define QUOTED_VALUE	64		/* bytes of a value in a message */

/* Slots for that many levels. */
static uint32_t
slots_for(uint32_t nlevels)
{
	uint32_t	nslots = 2;

	while (nslots / 2 < nlevels)
		nslots *= 2;
	return nslots;
}

static void
layout_dense(ml_tabular *tabular, ml_tabular_column *column)
{
	column->first = tabular->ndense;
	tabular->ndense += column->nterms;
	if (column->indicator != ML_NO_TERM)
		column->indicator = tabular->ndense++;
}

static void
layout_hot(ml_tabular *tabular, ml_tabular_column *column)
{
	uint32_t	next;

	column->first = tabular->ndense + tabular->nhot;
	next = column->first + column->nlevels;
	if (column->other != ML_NO_TERM)
		column->other = next++;
	if (column->missing != ML_NO_TERM)
		column->missing = next++;
	if (column->most_frequent != ML_NO_TERM)
		column->most_frequent += column->first;
	if (column->reference != ML_NO_TERM)
		column->reference += column->first;
	column->nterms = next - column->first;
	tabular->nhot += column->nterms;
	column->first_level = tabular->nlevels;
	tabular->nlevels += column->nlevels + column->njoined;
	column->nslots = slots_for(column->nlevels + column->njoined);
	column->first_slot = tabular->nslots;
	tabular->nslots += column->nslots;
	tabular->ncategories++;
}

bool
ml_tabular_layout(ml_tabular *tabular, ml_tabular_column *columns, uint32_t ncolumns)
{
	uint64_t	terms = 0;

	for (uint32_t i = 0; i < ncolumns; i++)
	{
		bool		hot = columns[i].role == ML_ROLE_CATEGORY;

		/* columns are few, so that the sum can't overflow; 3: other, missing, indicator */
		terms += 3 + (hot ? (uint64_t) columns[i].nlevels + columns[i].njoined :
					  columns[i].nterms);
	}
	if (terms > ML_TERMS_MAX)
		return false;
	tabular->ncolumns = ncolumns;
	tabular->columns = columns;
	tabular->ndense = tabular->nhot = tabular->nlevels = tabular->nslots = 0;
	tabular->ncategories = tabular->ntexts = tabular->nchannels = 0;
	for (uint32_t i = 0; i < ncolumns; i++)
		if (columns[i].role == ML_ROLE_TEXT)
			tabular->ntexts++;
		else if (columns[i].role == ML_ROLE_SERIES)
			tabular->nchannels += columns[i].nterms;
		else if (columns[i].role == ML_ROLE_IMAGE)
			continue;
		else if (columns[i].role != ML_ROLE_CATEGORY)
			layout_dense(tabular, &columns[i]);
	for (uint32_t i = 0; i < ncolumns; i++)
		if (columns[i].role == ML_ROLE_CATEGORY)
			layout_hot(tabular, &columns[i]);
	return true;
}

static ml_text
level_bytes(const ml_tabular *tabular, uint32_t level)
{
	uint64_t	start = level == 0 ? 0 : tabular->level_end[level - 1];

	return (ml_text) {tabular->levels + start, (size_t) (tabular->level_end[level] - start)};
}

/* The level of a value within its column, or ML_NO_TERM. */
static inline uint32_t
find_level(const ml_tabular *tabular, const ml_tabular_column *column, ml_text value)
{
	const uint32_t *slots = tabular->slots + column->first_slot;
	uint32_t	mask = column->nslots - 1;
	uint32_t	at = (uint32_t) ml_hash(value.data, value.size, 0) & mask;

	for (; slots[at] != 0; at = (at + 1) & mask)
		if (ml_text_equal(level_bytes(tabular, column->first_level + slots[at] - 1), value))
			return slots[at] - 1;
	return ML_NO_TERM;
}

static inline uint32_t
feature_of(const ml_tabular_column *column, uint32_t level)
{
	if (level < column->nlevels)
		return column->first + level;
	return level == ML_NO_TERM ? ML_NO_TERM : column->other;
}

uint32_t
ml_tabular_level(const ml_tabular *tabular, uint32_t column, ml_text value)
{
	const ml_tabular_column *c = &tabular->columns[column];

	return feature_of(c, find_level(tabular, c, value));
}

ml_text
ml_tabular_level_name(const ml_tabular *tabular, uint32_t column, uint32_t level)
{
	return level_bytes(tabular, tabular->columns[column].first_level + level);
}

ml_status
ml_tabular_hash(ml_context *ctx, const ml_tabular *tabular, uint32_t *slots)
{
	size_t		probes = 0;

	for (uint32_t at = 0; at < tabular->nslots; at++)
	{
		slots[at] = 0;
		if (at % POLL_PROBES == POLL_PROBES - 1)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];
		uint32_t	nlevels = column->role == ML_ROLE_CATEGORY ? column->nlevels + column->njoined : 0;

		for (uint32_t level = 0; level < nlevels; level++)
		{
			ml_text		value = level_bytes(tabular, column->first_level + level);
			uint32_t	mask = column->nslots - 1;
			uint32_t	at = (uint32_t) ml_hash(value.data, value.size, 0) & mask;

			for (; slots[column->first_slot + at] != 0; at = (at + 1) & mask)
				if (++probes % POLL_PROBES == 0)
					ML_TRY(ml_poll(ctx));
			if (++probes % POLL_PROBES == 0)
				ML_TRY(ml_poll(ctx));
			slots[column->first_slot + at] = level + 1;
		}
	}
	return ML_OK;
}

/* What a number is that has no feature. */
static ml_status
bad_number(ml_context *ctx, const ml_tabular *tabular, uint32_t i, double value)
{
	ml_text		name = tabular->names[i];

	if (isinf(value))
		return ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has an infinite value", ML_QUOTED(name));
	return ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has the value %g, which is out of range",
				   ML_QUOTED(name), value);
}

static ml_status
encode_array(ml_context *ctx, const ml_tabular *tabular, uint32_t i, ml_items items, double *dense)
{
	const ml_tabular_column *column = &tabular->columns[i];
	const ml_scaling *scaling = tabular->scaling + column->first;
	double	   *to = dense + column->first;
	bool		missing = items.data == NULL;

	if (!missing && items.n != column->nterms)
		return ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has an array of %u numbers, and takes %u",
					   ML_QUOTED(tabular->names[i]), items.n, column->nterms);
	for (uint32_t k = 0; k < column->nterms; k++)
	{
		double		value = items.data == NULL ? NAN : items.data[k];

		missing |= isnan(value);
		to[k] = ml_tabular_scale(&scaling[k], value);
		if (ML_UNLIKELY(isnan(to[k])))
			return bad_number(ctx, tabular, i, value);
	}
	if (column->indicator != ML_NO_TERM)
		dense[column->indicator] = missing ? 1 : 0;
	return ML_OK;
}

static ml_status
encode_number(ml_context *ctx, const ml_tabular *tabular, uint32_t i, double value, double *dense)
{
	const ml_tabular_column *column = &tabular->columns[i];
	double		parts[ML_DATE_PARTS_MAX];

	if (column->role == ML_ROLE_NUMBER)
		parts[0] = value;
	else
		ml_date_parts(column->type, value, parts);
	for (uint32_t k = 0; k < column->nterms; k++)
	{
		double		feature = ml_tabular_scale(&tabular->scaling[column->first + k], parts[k]);

		if (ML_UNLIKELY(isnan(feature)))
			return bad_number(ctx, tabular, i, value);
		dense[column->first + k] = feature;
	}
	if (column->indicator != ML_NO_TERM)
		dense[column->indicator] = isnan(value) ? 1 : 0;
	return ML_OK;
}

/* A value that is no level, or a missing one that nothing stands for. */
static ml_status
encode_unseen(ml_context *ctx, const ml_tabular *tabular, uint32_t i, ml_text value, uint32_t *hot)
{
	ml_text		name = tabular->names[i];

	*hot = tabular->columns[i].other;
	if (tabular->unseen == ML_UNSEEN_OTHER)
		return ML_OK;
	if (value.data == NULL)
		ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" is null, which no row of the training had",
				ML_QUOTED(name));
	else
		ml_fail(ctx, ML_BAD_INPUT, "column \"%.*s\" has the value \"%.*s\", which no row of the training had",
				ML_QUOTED(name), (int) ML_MIN(value.size, (size_t) QUOTED_VALUE), value.data);
	return ml_hint(ctx, "Train with the option \"unseen\": \"other\" to allow such values.");
}

static ml_status
encode_category(ml_context *ctx, const ml_tabular *tabular, uint32_t i, ml_text value, uint32_t *hot)
{
	const ml_tabular_column *column = &tabular->columns[i];

	if (value.data != NULL)
		*hot = feature_of(column, find_level(tabular, column, value));
	else
		*hot = column->missing != ML_NO_TERM ? column->missing : column->most_frequent;
	return ML_LIKELY(*hot != ML_NO_TERM) ? ML_OK : encode_unseen(ctx, tabular, i, value, hot);
}

ml_status
ml_tabular_encode(ml_context *ctx, const ml_tabular *tabular, const ml_value *inputs,
				  double *dense, uint32_t *hot)
{
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];

		switch (column->role)
		{
			case ML_ROLE_TEXT:
			case ML_ROLE_IMAGE:
			case ML_ROLE_SERIES:
				break;
			case ML_ROLE_CATEGORY:
				ML_TRY(encode_category(ctx, tabular, i, inputs[i].text, hot++));
				break;
			default:
				if (column->type == ML_TYPE_ARRAY)
					ML_TRY(encode_array(ctx, tabular, i, inputs[i].items, dense));
				else
					ML_TRY(encode_number(ctx, tabular, i, inputs[i].number, dense));
		}
	}
	return ML_OK;
}

bool
ml_tabular_missing(const ml_tabular *tabular, const ml_value *inputs)
{
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];

		if (!ml_role_is_tabular(column->role))
			continue;
		if (column->role == ML_ROLE_CATEGORY ? inputs[i].text.data != NULL :
			column->type == ML_TYPE_ARRAY ? inputs[i].items.data != NULL :
			!isnan(inputs[i].number))
			return false;
	}
	return true;
}

uint32_t
ml_tabular_column_of(const ml_tabular *tabular, uint32_t term)
{
	uint32_t	i = 0;

	for (; i + 1 < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];

		if (ml_role_is_tabular(column->role) &&
			((term >= column->first && term - column->first < column->nterms) ||
			 term == column->indicator))
			break;
	}
	return i;
}

ml_status
ml_tabular_term(ml_context *ctx, const ml_tabular *tabular, uint32_t term, ml_buffer *name)
{
	uint32_t	i = ml_tabular_column_of(tabular, term);
	const ml_tabular_column *column = &tabular->columns[i];
	ml_text		of = tabular->names[i];
	ml_text		level;

	if (column->role == ML_ROLE_DATE && term != column->indicator)
		ML_TRY(ml_appendf(ctx, name, "%s of ", ml_date_part_name(column->type, (int) (term - column->first))));
	ML_TRY(ml_append(ctx, name, of.data, of.size));
	if (term == column->indicator || term == column->missing)
		return ml_appendf(ctx, name, " is null");
	if (column->role == ML_ROLE_NUMBER && column->type == ML_TYPE_ARRAY)
		return ml_appendf(ctx, name, "[%u]", term - column->first + 1);
	if (column->role != ML_ROLE_CATEGORY)
		return ML_OK;
	if (term == column->other)
		return ml_appendf(ctx, name, " = (other)");
	level = ml_tabular_level_name(tabular, i, term - column->first);
	ML_TRY(ml_append(ctx, name, " = ", 3));
	return ml_append(ctx, name, level.data, level.size);
}
