/*-------------------------------------------------------------------------
 *
 * column.c
 *	  Names of types and roles, and which go together.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/column.h"

#include <string.h>

static const char *const type_names[ML_TYPE_COUNT] = {
	[ML_TYPE_TEXT] = "text",
	[ML_TYPE_ENUM] = "enum",
	[ML_TYPE_NUMBER] = "number",
	[ML_TYPE_INTEGER] = "integer",
	[ML_TYPE_BOOLEAN] = "boolean",
	[ML_TYPE_DATE] = "date",
	[ML_TYPE_TIME] = "time",
	[ML_TYPE_TIMESTAMP] = "timestamp",
	[ML_TYPE_TIMESTAMPTZ] = "timestamptz",
	[ML_TYPE_ARRAY] = "array",
	[ML_TYPE_BYTES] = "bytes",
};

static const char *const role_names[ML_ROLE_COUNT] = {
	[ML_ROLE_AUTO] = "auto",
	[ML_ROLE_NUMBER] = "number",
	[ML_ROLE_CATEGORY] = "category",
	[ML_ROLE_TEXT] = "text",
	[ML_ROLE_DATE] = "date",
	[ML_ROLE_IMAGE] = "image",
	[ML_ROLE_SERIES] = "series",
	[ML_ROLE_IGNORE] = "ignore",
};

const char *
ml_type_name(ml_type type)
{
	return type_names[type];
}

const char *
ml_role_name(ml_role role)
{
	return role_names[role];
}

static int
find(const char *const *names, int n, ml_text name)
{
	int			i = 0;

	while (i < n && !ml_text_equal((ml_text) {names[i], strlen(names[i])}, name))
		i++;
	return i;
}

ml_type
ml_type_find(ml_text name)
{
	return (ml_type) find(type_names, ML_TYPE_COUNT, name);
}

ml_role
ml_role_find(ml_text name)
{
	return (ml_role) find(role_names, ML_ROLE_COUNT, name);
}

static bool
is_date(ml_type type)
{
	return type == ML_TYPE_DATE || type == ML_TYPE_TIME || type == ML_TYPE_TIMESTAMP ||
		type == ML_TYPE_TIMESTAMPTZ;
}

bool
ml_role_fits(ml_type type, ml_role role)
{
	switch (role)
	{
		case ML_ROLE_AUTO:
		case ML_ROLE_IGNORE:
			return true;
		case ML_ROLE_NUMBER:
			return type != ML_TYPE_TEXT && type != ML_TYPE_ENUM && type != ML_TYPE_BYTES;
		case ML_ROLE_CATEGORY:
		case ML_ROLE_TEXT:
			return type != ML_TYPE_ARRAY && type != ML_TYPE_BYTES;
		case ML_ROLE_DATE:
			return is_date(type);
		case ML_ROLE_IMAGE:
			return type == ML_TYPE_BYTES;
		case ML_ROLE_SERIES:
			return type == ML_TYPE_ARRAY;
		default:
			return false;
	}
}

ml_role
ml_role_of_type(ml_type type)
{
	if (is_date(type))
		return ML_ROLE_DATE;
	switch (type)
	{
		case ML_TYPE_TEXT:
			return ML_ROLE_AUTO;
		case ML_TYPE_ENUM:
			return ML_ROLE_CATEGORY;
		case ML_TYPE_BYTES:
			return ML_ROLE_IMAGE;
		default:
			return ML_ROLE_NUMBER;
	}
}

ml_form
ml_column_form(ml_type type, ml_role role)
{
	if (type == ML_TYPE_ARRAY)
		return ML_FORM_ITEMS;
	if (role == ML_ROLE_AUTO || role == ML_ROLE_IGNORE)
		role = ml_role_of_type(type);
	return role == ML_ROLE_NUMBER || role == ML_ROLE_DATE ? ML_FORM_NUMBER : ML_FORM_TEXT;
}
