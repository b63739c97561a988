/*-------------------------------------------------------------------------
 *
 * setting.c
 *	  Attributes of layers, optimisers and schedules: JSON objects read and
 *	  written by tables.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/setting.h"

#define NAMES_MAX	64			/* candidates of a hint */

static ml_text
text_of(const char *string)
{
	return (ml_text) {string, strlen(string)};
}

/* What a setting takes, as said to the user; text[ML_TEXT_MAX - 64]. */
static void
print_takes(const ml_setting *s, char *text, size_t size)
{
	char		range[80];
	char		least[32];
	char		most[32];
	size_t		used = 0;

	ml_print_double(least, s->least, 15);
	ml_print_double(most, s->most, 15);
	ml_print(range, sizeof(range), "from %s to %s", least, most);
	switch (s->kind)
	{
		case ML_SETTING_INTEGER:
			used = ml_print(text, size, "an integer %s", range);
			break;
		case ML_SETTING_NUMBER:
			used = ml_print(text, size, "a number %s", range);
			break;
		case ML_SETTING_BOOLEAN:
			used = ml_print(text, size, "true or false");
			break;
		case ML_SETTING_CHOICE:
			for (int i = 0; s->choices[i] != NULL; i++)
				used += ml_print(text + used, size - used, "%s\"%s\"",
								 i == 0 ? "" : s->choices[i + 1] == NULL ? " or " : ", ", s->choices[i]);
			break;
		case ML_SETTING_SIZES:
			if (s->nsizes == 1)
				used = ml_print(text, size, "an integer %s", range);
			else if (s->nsizes > 0)
				used = ml_print(text, size, "an integer, or an array of %d, %s", s->nsizes, range);
			else
				used = ml_print(text, size, "an array of at most %d integers %s", ML_SETTING_SIZES_MAX, range);
			break;
	}
	if (s->absent == ML_SETTING_NONE)
		ml_print(text + used, size - used, ", or null");
}

/* 'where: "name" does not take (what was given)', with what it takes. */
static ml_status
bad_setting(ml_context *ctx, const char *where, const ml_setting *s, const ml_json *node)
{
	static const char *const kinds[] = {
		[ML_JSON_NULL] = "null",
		[ML_JSON_ARRAY] = "this array",
		[ML_JSON_OBJECT] = "this object",
	};
	char		takes[ML_TEXT_MAX - 64];

	if (node->kind == ML_JSON_BOOL)
		ml_fail(ctx, ML_BAD_OPTION, "%s: \"%s\" does not take %s", where, s->name,
				node->boolean ? "true" : "false");
	else if (node->kind == ML_JSON_NUMBER || node->kind == ML_JSON_STRING)
	{
		const char *quote = node->kind == ML_JSON_STRING ? "\"" : "";

		ml_fail(ctx, ML_BAD_OPTION, "%s: \"%s\" does not take %s%.*s%s", where, s->name, quote,
				(int) ML_MIN(node->string.size, (size_t) 40), node->string.data, quote);
	}
	else
		ml_fail(ctx, ML_BAD_OPTION, "%s: \"%s\" does not take %s", where, s->name, kinds[node->kind]);
	print_takes(s, takes, sizeof(takes));
	return ml_hint(ctx, "It takes: %s.", takes);
}

static ml_status
unknown(ml_context *ctx, const char *where, const ml_setting *table, const char *const *others,
		ml_text name)
{
	ml_text		names[NAMES_MAX];
	char		list[ML_TEXT_MAX - 64];
	size_t		used = 0;
	int			n = 0;
	int			nearest;

	for (const ml_setting *s = table; s->name != NULL && n < NAMES_MAX; s++)
		names[n++] = text_of(s->name);
	for (; *others != NULL && n < NAMES_MAX; others++)
		names[n++] = text_of(*others);
	for (int i = 0; i < n; i++)
		used += ml_print(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ", names[i].data);
	nearest = ml_text_nearest(name, names, n);
	ml_fail(ctx, ML_BAD_OPTION, "%s does not take \"%.*s\"", where,
			(int) ML_MIN(name.size, (size_t) 64), name.data);
	ml_detail(ctx, "It takes %s.", list);
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%s\".", names[nearest].data);
	return ML_BAD_OPTION;
}

ml_status
ml_setting_choose(ml_context *ctx, const char *where, const char *what, const char *const *choices,
				  ml_text name, int *result)
{
	ml_text		names[NAMES_MAX];
	char		list[ML_TEXT_MAX - 64];
	size_t		used = 0;
	int			n = 0;
	int			nearest;

	for (; choices[n] != NULL && n < NAMES_MAX; n++)
	{
		names[n] = text_of(choices[n]);
		if (ml_text_equal(names[n], name))
		{
			*result = n;
			return ML_OK;
		}
		used += ml_print(list + used, sizeof(list) - used, "%s%s", n == 0 ? "" : ", ", choices[n]);
	}
	nearest = ml_text_nearest(name, names, n);
	ml_fail(ctx, ML_BAD_OPTION, "%s: unknown %s \"%.*s\"", where, what,
			(int) ML_MIN(name.size, (size_t) 64), name.data);
	ml_detail(ctx, "There are %s.", list);
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%s\".", names[nearest].data);
	return ML_BAD_OPTION;
}

static bool
read_sizes(const ml_setting *s, const ml_json *node, ml_setting_value *value)
{
	const ml_json *child = node;
	bool		array = node->kind == ML_JSON_ARRAY;

	value->nsizes = s->nsizes > 0 ? s->nsizes : array ? (int) ML_MIN(node->count, 100u) : 1;
	if (value->nsizes < 1 || value->nsizes > ML_SETTING_SIZES_MAX ||
		(array && node->count != (uint32_t) value->nsizes))
		return false;
	if (array)
		child = node->first;
	for (int i = 0; i < value->nsizes; i++, child = array ? child->next : child)
		if (!ml_json_integer(child, (int64_t) s->least, (int64_t) s->most, &value->sizes[i]))
			return false;
	return true;
}

static bool
read_value(const ml_setting *s, const ml_json *node, ml_setting_value *value)
{
	switch (s->kind)
	{
		case ML_SETTING_INTEGER:
			return ml_json_integer(node, (int64_t) s->least, (int64_t) s->most, &value->integer);
		case ML_SETTING_NUMBER:
			value->number = node->number;
			return node->kind == ML_JSON_NUMBER && node->number >= s->least && node->number <= s->most;
		case ML_SETTING_BOOLEAN:
			value->integer = node->boolean;
			return node->kind == ML_JSON_BOOL;
		case ML_SETTING_CHOICE:
			for (int i = 0; node->kind == ML_JSON_STRING && s->choices[i] != NULL; i++)
				if (ml_text_equal(node->string, text_of(s->choices[i])))
				{
					value->integer = i;
					return true;
				}
			return false;
		case ML_SETTING_SIZES:
			return read_sizes(s, node, value);
	}
	return false;
}

static void
set_absent(const ml_setting *s, ml_setting_value *value)
{
	value->none = s->absent == ML_SETTING_NONE;
	if (value->none)
		return;
	value->number = s->standard;
	value->integer = (int64_t) s->standard;
	value->nsizes = s->nsizes;
	for (int i = 0; i < s->nsizes; i++)
		value->sizes[i] = (int64_t) s->standard;
}

ml_status
ml_settings_read(ml_context *ctx, const char *where, const ml_json *object, const ml_setting *table,
				 const char *const *others, ml_setting_value *values)
{
	int			n = 0;

	for (const ml_json *node = object->first; node != NULL; node = node->next)
	{
		bool		known = false;

		for (const ml_setting *s = table; !known && s->name != NULL; s++)
			known = ml_text_equal(node->key, text_of(s->name));
		for (const char *const *other = others; !known && *other != NULL; other++)
			known = ml_text_equal(node->key, text_of(*other));
		if (!known)
			return unknown(ctx, where, table, others, node->key);
	}
	for (const ml_setting *s = table; s->name != NULL; s++, n++)
	{
		const ml_json *node = ml_json_get(object, s->name);

		memset(&values[n], 0, sizeof(values[n]));
		if (node == NULL || node->kind == ML_JSON_NULL)
		{
			if (s->absent != ML_SETTING_REQUIRED)
			{
				set_absent(s, &values[n]);
				continue;
			}
			if (node == NULL)
				return ml_fail(ctx, ML_BAD_OPTION, "%s needs \"%s\"", where, s->name);
		}
		if (!read_value(s, node, &values[n]))
			return bad_setting(ctx, where, s, node);
	}
	return ML_OK;
}

static ml_status
write_sizes(ml_context *ctx, const ml_setting *s, const ml_setting_value *value, ml_buffer *json)
{
	if (s->nsizes == 1)
		return ml_appendf(ctx, json, "%lld", (long long) value->sizes[0]);
	for (int i = 0; i < value->nsizes; i++)
		ML_TRY(ml_appendf(ctx, json, "%s%lld", i == 0 ? "[" : ", ", (long long) value->sizes[i]));
	return ml_appendf(ctx, json, "]");
}

static ml_status
write_value(ml_context *ctx, const ml_setting *s, const ml_setting_value *value, ml_buffer *json)
{
	char		digits[32];

	if (value->none)
		return ml_appendf(ctx, json, "null");
	switch (s->kind)
	{
		case ML_SETTING_INTEGER:
			return ml_appendf(ctx, json, "%lld", (long long) value->integer);
		case ML_SETTING_NUMBER:
			return ml_append(ctx, json, digits, ml_print_double(digits, value->number, 15));
		case ML_SETTING_BOOLEAN:
			return ml_appendf(ctx, json, "%s", value->integer ? "true" : "false");
		case ML_SETTING_CHOICE:
			return ml_appendf(ctx, json, "\"%s\"", s->choices[value->integer]);
		case ML_SETTING_SIZES:
			return write_sizes(ctx, s, value, json);
	}
	return ML_OK;
}

ml_status
ml_settings_write(ml_context *ctx, const ml_setting *table, const ml_setting_value *values,
				  ml_buffer *json)
{
	for (int i = 0; table[i].name != NULL; i++)
	{
		ML_TRY(ml_appendf(ctx, json, ", \"%s\": ", table[i].name));
		ML_TRY(write_value(ctx, &table[i], &values[i], json));
	}
	return ML_OK;
}
