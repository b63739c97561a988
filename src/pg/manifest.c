/*-------------------------------------------------------------------------
 *
 * manifest.c
 *	  What a version's manifest says of how it was trained.
 *
 * A manifest is a claim: whoever may INSERT into a model wrote it.  Whatever
 * is read from it is checked here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "bridge.h"
#include "catalog.h"
#include "manifest.h"

static void
append_member(StringInfo json, const char *key, const char *string)
{
	appendStringInfo(json, "%s\"%s\": ", json->data[json->len - 1] == '{' ? "" : ", ", key);
	if (string != NULL)
		escape_json(json, string);
}

Jsonb *
manifest_create(const manifest_recipe *recipe, ml_text stored, ml_text report, double seconds)
{
	StringInfoData json;
	Jsonb	   *described = bridge_json_out(stored);

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"trained\": {");
	append_member(&json, "source", recipe->source);
	append_member(&json, "target", recipe->target);
	append_member(&json, "features", NULL);
	for (int i = 0; i < recipe->nfeatures; i++)
	{
		appendStringInfoString(&json, i == 0 ? "[" : ", ");
		escape_json(&json, recipe->features[i]);
	}
	appendStringInfoChar(&json, ']');
	append_member(&json, "algorithm", recipe->algorithm);
	append_member(&json, "options", NULL);
	appendStringInfoString(&json, recipe->options);
	append_member(&json, "seconds", NULL);
	appendStringInfo(&json, "%.3f, ", seconds);
	catalog_append_stamp(&json);
	append_member(&json, "report", NULL);
	appendStringInfoString(&json, text_to_cstring(bridge_text_out(report)));
	appendStringInfoString(&json, "}}");
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(described),
											  DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data))));
}

static JsonbValue *
member(const JsonbContainer *object, const char *key, enum jbvType kind)
{
	JsonbValue *value;

	if (object == NULL || !JsonContainerIsObject(object))
		return NULL;
	value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, object), key, strlen(key), NULL);
	return value != NULL && value->type == kind ? value : NULL;
}

static char *
string_of(const JsonbValue *value)
{
	return value == NULL ? NULL : pnstrdup(value->val.string.val, value->val.string.len);
}

JsonbContainer *
manifest_container(JsonbContainer *object, const char *key)
{
	JsonbValue *value = member(object, key, jbvBinary);

	return value == NULL ? NULL : value->val.binary.data;
}

bool
manifest_number(JsonbContainer *object, const char *key, double *value)
{
	JsonbValue *found = member(object, key, jbvNumeric);

	if (found == NULL)
		return false;
	*value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(found->val.numeric)));
	return true;
}

char *
manifest_text(const Jsonb *manifest, const char *key)
{
	return string_of(member(&manifest->root, key, jbvString));
}

JsonbContainer *
manifest_trained(const Jsonb *manifest)
{
	return manifest_container(unconstify(JsonbContainer *, &manifest->root), "trained");
}

JsonbContainer *
manifest_report(const Jsonb *manifest)
{
	return manifest_container(manifest_trained(manifest), "report");
}

bool
manifest_score(const Jsonb *manifest, double *value)
{
	JsonbContainer *metrics = manifest_container(manifest_report(manifest), "metrics");

	return manifest_number(metrics, MANIFEST_SCORE, value);
}

char *
manifest_target(const Jsonb *manifest)
{
	return string_of(member(manifest_trained(manifest), "target", jbvString));
}

/* The names in an array of strings. */
static char **
strings_of(JsonbContainer *array, int *n)
{
	char	  **strings;

	*n = 0;
	if (array == NULL || !JsonContainerIsArray(array))
		return NULL;
	strings = palloc_array(char *, JsonContainerSize(array));
	for (int i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value == NULL || value->type != jbvString)
			continue;
		strings[(*n)++] = string_of(value);
	}
	return strings;
}

bool
manifest_read_recipe(const Jsonb *manifest, manifest_recipe *recipe)
{
	JsonbContainer *trained = manifest_trained(manifest);
	JsonbContainer *options = manifest_container(trained, "options");

	if (trained == NULL)
		return false;
	recipe->source = string_of(member(trained, "source", jbvString));
	recipe->target = string_of(member(trained, "target", jbvString));
	recipe->features = strings_of(manifest_container(trained, "features"), &recipe->nfeatures);
	recipe->algorithm = string_of(member(trained, "algorithm", jbvString));
	recipe->options = options == NULL ? "{}" : JsonbToCString(NULL, options, 0);
	if (recipe->source == NULL || recipe->target == NULL || recipe->nfeatures == 0 ||
		recipe->algorithm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the manifest does not tell how the version was trained")));
	return true;
}
