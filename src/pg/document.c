/*-------------------------------------------------------------------------
 *
 * document.c
 *	  Reading and making jsonb: heads, manifests, states of aggregates.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "document.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

Jsonb *
document_parse(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

Jsonb *
document_merge(Jsonb *a, Jsonb *b)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

JsonbValue *
document_member(const JsonbContainer *object, const char *key, enum jbvType type)
{
	JsonbValue *value;

	if (object == NULL || !JsonContainerIsObject(object))
		return NULL;
	value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, object), key, strlen(key), NULL);
	return value != NULL && value->type == type ? value : NULL;
}

JsonbValue *
document_element(const JsonbContainer *array, int i, enum jbvType type)
{
	JsonbValue *value;

	if (array == NULL || !JsonContainerIsArray(array))
		return NULL;
	value = getIthJsonbValueFromContainer(unconstify(JsonbContainer *, array), i);
	return value != NULL && value->type == type ? value : NULL;
}

char *
document_text(const JsonbValue *value)
{
	return value == NULL || value->type != jbvString ? NULL :
		pnstrdup(value->val.string.val, value->val.string.len);
}

bool
document_whole(const JsonbValue *value, int64 min, int64 max, int64 *number)
{
	char	   *digits;
	char	   *end;

	if (value == NULL || value->type != jbvNumeric)
		return false;
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	errno = 0;
	*number = strtoi64(digits, &end, 10);
	return *end == '\0' && errno == 0 && *number >= min && *number <= max;
}

bool
document_float(const JsonbValue *value, double *number)
{
	if (value == NULL || value->type != jbvNumeric)
		return false;
	*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												 NumericGetDatum(value->val.numeric)));
	return true;
}

JsonbContainer *
document_inside(const JsonbValue *value)
{
	return value == NULL || value->type != jbvBinary ? NULL : value->val.binary.data;
}

char *
document_string(const JsonbContainer *object, const char *key)
{
	return document_text(document_member(object, key, jbvString));
}

bool
document_integer(const JsonbContainer *object, const char *key, int64 min, int64 max, int64 *number)
{
	return document_whole(document_member(object, key, jbvNumeric), min, max, number);
}

bool
document_number(const JsonbContainer *object, const char *key, double *number)
{
	return document_float(document_member(object, key, jbvNumeric), number);
}

JsonbContainer *
document_container(const JsonbContainer *object, const char *key)
{
	return document_inside(document_member(object, key, jbvBinary));
}

JsonbContainer *
document_tuple(const JsonbContainer *array, int i, int n)
{
	JsonbContainer *tuple = document_inside(document_element(array, i, jbvBinary));

	return tuple != NULL && JsonContainerIsArray(tuple) && JsonContainerSize(tuple) == n ? tuple : NULL;
}
