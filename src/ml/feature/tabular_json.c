/*-------------------------------------------------------------------------
 *
 * tabular_json.c
 *	  A table's recipe as JSON, and whether a stored one is sound.
 *
 * What can be counted is not written: numbers of features, offsets and slots
 * follow from the columns.  The totals are, for people and as a check.  All
 * members that belong to a column's role must be there, and no other.
 *
 *	  {"columns": [
 *		{"name": "distance", "type": "number", "role": "number", "indicator": false},
 *		{"name": "x", "type": "array", "role": "number", "indicator": false, "items": 3},
 *		{"name": "carrier", "type": "text", "role": "category", "levels": 15, "joined": 0,
 *		 "other": true, "missing": false, "most_frequent": null, "reference": 0},
 *		{"name": "note", "type": "text", "role": "text"},
 *		{"name": "pulse", "type": "array", "role": "series", "channels": 2}],
 *	   "standardize": true, "unseen": "other", "time_zone": "UTC", "dense": 4, "hot": 16}
 *
 * most_frequent and reference count from the column's first feature.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/tabular_internal.h"
#include "base/json.h"
#include "feature/recipe.h"

#define ROOT_MEMBERS	6
#define POLL_LEVELS		UINT32_C(0x3FF)

static const char *
truth(bool value)
{
	return value ? "true" : "false";
}

/* A feature of the column, counted from its first. */
static ml_status
write_feature(ml_context *ctx, const ml_tabular_column *column, const char *name, uint32_t feature,
			  ml_buffer *json)
{
	if (feature == ML_NO_TERM)
		return ml_appendf(ctx, json, ",\"%s\":null", name);
	return ml_appendf(ctx, json, ",\"%s\":%u", name, feature - column->first);
}

/* What the size of an array is called. */
static const char *
items_name(const ml_tabular_column *column)
{
	return column->role == ML_ROLE_SERIES ? "channels" : "items";
}

static ml_status
write_column(ml_context *ctx, const ml_tabular *tabular, uint32_t i, ml_buffer *json)
{
	const ml_tabular_column *column = &tabular->columns[i];

	ML_TRY(ml_appendf(ctx, json, "%s{\"name\":", i == 0 ? "" : ","));
	ML_TRY(ml_json_quote(ctx, json, tabular->names[i]));
	ML_TRY(ml_appendf(ctx, json, ",\"type\":\"%s\",\"role\":\"%s\"", ml_type_name(column->type),
					  ml_role_name(column->role)));
	if (column->role == ML_ROLE_CATEGORY)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"levels\":%u,\"joined\":%u,\"other\":%s,\"missing\":%s",
						  column->nlevels, column->njoined, truth(column->other != ML_NO_TERM),
						  truth(column->missing != ML_NO_TERM)));
		ML_TRY(write_feature(ctx, column, "most_frequent", column->most_frequent, json));
		ML_TRY(write_feature(ctx, column, "reference", column->reference, json));
	}
	else if (ml_role_is_tabular(column->role))
		ML_TRY(ml_appendf(ctx, json, ",\"indicator\":%s", truth(column->indicator != ML_NO_TERM)));
	if (column->type == ML_TYPE_ARRAY)
		ML_TRY(ml_appendf(ctx, json, ",\"%s\":%u", items_name(column), column->nterms));
	return ml_append(ctx, json, "}", 1);
}

ml_status
ml_tabular_write(ml_context *ctx, const ml_tabular *tabular, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "{\"columns\":["));
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		ML_TRY(write_column(ctx, tabular, i, json));
	ML_TRY(ml_appendf(ctx, json, "],\"standardize\":%s,\"unseen\":\"%s\",\"time_zone\":",
					  truth(tabular->standardize),
					  tabular->unseen == ML_UNSEEN_ERROR ? "error" : "other"));
	ML_TRY(ml_json_quote(ctx, json, tabular->time_zone));
	return ml_appendf(ctx, json, ",\"dense\":%u,\"hot\":%u}", tabular->ndense, tabular->nhot);
}

static ml_status
bad_member(ml_context *ctx, const char *name)
{
	return ml_fail(ctx, ML_BAD_MODEL, "the table recipe's \"%s\" is missing or out of range", name);
}

static ml_status
read_bool(ml_context *ctx, const ml_json *object, const char *name, bool *value)
{
	const ml_json *node = ml_json_get(object, name);

	if (node == NULL || node->kind != ML_JSON_BOOL)
		return bad_member(ctx, name);
	*value = node->boolean;
	return ML_OK;
}

/* A boolean that says whether there is such a feature. */
static ml_status
read_flag(ml_context *ctx, const ml_json *object, const char *name, uint32_t *feature)
{
	bool		value = false;

	ML_TRY(read_bool(ctx, object, name, &value));
	*feature = value ? 0 : ML_NO_TERM;
	return ML_OK;
}

static ml_status
read_count(ml_context *ctx, const ml_json *object, const char *name, int64_t min, uint32_t *value)
{
	int64_t		number;

	if (!ml_json_integer(ml_json_get(object, name), min, ML_TERMS_MAX, &number))
		return bad_member(ctx, name);
	*value = (uint32_t) number;
	return ML_OK;
}

/* null, or one of the column's n features. */
static ml_status
read_feature(ml_context *ctx, const ml_json *object, const char *name, uint32_t n, uint32_t *feature)
{
	const ml_json *node = ml_json_get(object, name);
	int64_t		number;

	*feature = ML_NO_TERM;
	if (node != NULL && node->kind == ML_JSON_NULL)
		return ML_OK;
	if (!ml_json_integer(node, 0, (int64_t) n - 1, &number))
		return bad_member(ctx, name);
	*feature = (uint32_t) number;
	return ML_OK;
}

static ml_status
read_category(ml_context *ctx, const ml_json *node, ml_tabular_column *column)
{
	uint32_t	nterms;

	ML_TRY(read_count(ctx, node, "levels", 0, &column->nlevels));
	ML_TRY(read_count(ctx, node, "joined", 0, &column->njoined));
	ML_TRY(read_flag(ctx, node, "other", &column->other));
	ML_TRY(read_flag(ctx, node, "missing", &column->missing));
	if (column->njoined > 0 && column->other == ML_NO_TERM)
		return bad_member(ctx, "joined");
	nterms = column->nlevels + (column->other != ML_NO_TERM) + (column->missing != ML_NO_TERM);
	if (nterms == 0)
		return bad_member(ctx, "levels");
	ML_TRY(read_feature(ctx, node, "most_frequent", nterms, &column->most_frequent));
	return read_feature(ctx, node, "reference", nterms, &column->reference);
}

static ml_status
read_column(ml_context *ctx, ml_arena *arena, const ml_json *node, ml_tabular_column *column,
			ml_text *name)
{
	const ml_json *names[3] = {ml_json_get(node, "name"), ml_json_get(node, "type"), ml_json_get(node, "role")};
	static const char *const members[3] = {"name", "type", "role"};
	uint32_t	expected = 3;

	for (int i = 0; i < 3; i++)
		if (names[i] == NULL || names[i]->kind != ML_JSON_STRING)
			return bad_member(ctx, members[i]);
	*column = (ml_tabular_column)
	{
		.type = ml_type_find(names[1]->string), .role = ml_role_find(names[2]->string),
		.indicator = ML_NO_TERM, .other = ML_NO_TERM, .missing = ML_NO_TERM,
		.most_frequent = ML_NO_TERM, .reference = ML_NO_TERM
	};
	if (column->type >= ML_TYPE_COUNT)
		return bad_member(ctx, "type");
	if (column->role >= ML_ROLE_COUNT || column->role == ML_ROLE_AUTO ||
		column->role == ML_ROLE_IGNORE || !ml_role_fits(column->type, column->role))
		return bad_member(ctx, "role");
	if (column->role == ML_ROLE_CATEGORY)
	{
		expected += 6;
		ML_TRY(read_category(ctx, node, column));
	}
	else if (ml_role_is_tabular(column->role))
	{
		expected += 1;
		ML_TRY(read_flag(ctx, node, "indicator", &column->indicator));
		column->nterms = column->role == ML_ROLE_DATE ? (uint32_t) ml_date_nparts(column->type) : 1;
	}
	if (column->type == ML_TYPE_ARRAY)
	{
		expected += 1;
		ML_TRY(read_count(ctx, node, items_name(column), 1, &column->nterms));
	}
	if (node->count != expected)
		return ml_fail(ctx, ML_BAD_MODEL, "the table recipe's column \"%.*s\" has members that do not belong to it",
					   ML_QUOTED(names[0]->string));
	return ml_arena_copy(ctx, arena, names[0]->string, name);
}

static ml_status
read_columns(ml_context *ctx, ml_arena *arena, const ml_json *root, ml_tabular *tabular)
{
	const ml_json *node = ml_json_get(root, "columns");
	ml_tabular_column *columns;
	ml_text    *names;
	void	   *memory;
	uint32_t	i = 0;

	if (node == NULL || node->kind != ML_JSON_ARRAY || node->count < 1 || node->count > ML_COLUMNS_MAX)
		return bad_member(ctx, "columns");
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(node->count, sizeof(*columns)), &memory));
	columns = memory;
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(node->count, sizeof(*names)), &memory));
	names = memory;
	for (const ml_json *column = node->first; column != NULL; column = column->next, i++)
		ML_TRY(read_column(ctx, arena, column, &columns[i], &names[i]));
	tabular->names = names;
	if (!ml_tabular_layout(tabular, columns, node->count))
		return ml_fail(ctx, ML_BAD_MODEL, "the table recipe has more than %u features", ML_TERMS_MAX);
	return ML_OK;
}

ml_status
ml_tabular_read(ml_context *ctx, ml_arena *arena, ml_text json, ml_tabular *tabular)
{
	const ml_json *root;
	const ml_json *node;
	uint32_t	ndense = 0;
	uint32_t	nhot = 0;

	memset(tabular, 0, sizeof(*tabular));
	ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_MODEL, &root));
	if (root->kind != ML_JSON_OBJECT || root->count != ROOT_MEMBERS)
		return ml_fail(ctx, ML_BAD_MODEL, "the table recipe is not an object of %d members", ROOT_MEMBERS);
	ML_TRY(read_columns(ctx, arena, root, tabular));
	ML_TRY(read_bool(ctx, root, "standardize", &tabular->standardize));
	node = ml_json_get(root, "unseen");
	if (node == NULL || node->kind != ML_JSON_STRING ||
		(!ml_text_equal(node->string, ML_TEXT("other")) && !ml_text_equal(node->string, ML_TEXT("error"))))
		return bad_member(ctx, "unseen");
	tabular->unseen = node->string.data[0] == 'e' ? ML_UNSEEN_ERROR : ML_UNSEEN_OTHER;
	node = ml_json_get(root, "time_zone");
	if (node == NULL || node->kind != ML_JSON_STRING)
		return bad_member(ctx, "time_zone");
	ML_TRY(ml_arena_copy(ctx, arena, node->string, &tabular->time_zone));
	ML_TRY(read_count(ctx, root, "dense", 0, &ndense));
	ML_TRY(read_count(ctx, root, "hot", 0, &nhot));
	if (ndense != tabular->ndense)
		return bad_member(ctx, "dense");
	if (nhot != tabular->nhot)
		return bad_member(ctx, "hot");
	return ML_OK;
}

static ml_status
check_scaling(ml_context *ctx, const ml_tabular *tabular)
{
	for (uint32_t i = 0; i < tabular->ndense; i++)
	{
		const ml_scaling *s = &tabular->scaling[i];

		if (!isfinite(s->mean) || !isfinite(s->scale) || !(s->scale > 0) || !isfinite(s->fill) ||
			!(s->low <= s->high && s->low < INFINITY && s->high > -INFINITY) ||
			!isfinite((s->fill - s->mean) / s->scale))
			return ml_fail(ctx, ML_BAD_MODEL, "the scaling of feature %u is not sound", i);
	}
	return ML_OK;
}

/* Levels first .. last - 1, sound in themselves, are in ascending order. */
static ml_status
check_order(ml_context *ctx, const ml_tabular *tabular, uint32_t first, uint32_t last)
{
	ml_text		before = {NULL, 0};

	for (uint32_t i = first; i < last; i++)
	{
		uint64_t	start = i == 0 ? 0 : tabular->level_end[i - 1];
		ml_text		level = {tabular->levels + start, (size_t) (tabular->level_end[i] - start)};

		if (i > first && ml_text_compare(before, level) >= 0)
			return ml_fail(ctx, ML_BAD_MODEL, "level %u of the categories is out of order", i);
		before = level;
		if ((i & POLL_LEVELS) == POLL_LEVELS)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_tabular_check(ml_context *ctx, const ml_tabular *tabular, size_t size)
{
	uint64_t	start = 0;

	ML_TRY(check_scaling(ctx, tabular));
	for (uint32_t i = 0; i < tabular->nlevels; i++)
	{
		uint64_t	end = tabular->level_end[i];

		if (end < start || end > size)
			return ml_fail(ctx, ML_BAD_MODEL, "level %u of the categories lies outside of its bytes", i);
		if (ml_utf8_valid(tabular->levels + start, (size_t) (end - start)) != end - start)
			return ml_fail(ctx, ML_BAD_MODEL, "level %u of the categories is not UTF-8", i);
		start = end;
		if ((i & POLL_LEVELS) == POLL_LEVELS)
			ML_TRY(ml_poll(ctx));
	}
	if (start != size)
		return ml_fail(ctx, ML_BAD_MODEL, "bytes follow the last level of the categories");
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];
		uint32_t	joined = column->first_level + column->nlevels;

		if (column->role != ML_ROLE_CATEGORY)
			continue;
		ML_TRY(check_order(ctx, tabular, column->first_level, joined));
		ML_TRY(check_order(ctx, tabular, joined, joined + column->njoined));
	}
	return ML_OK;
}
