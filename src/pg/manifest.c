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
#include "compat.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "bridge.h"
#include "catalog.h"
#include "document.h"
#include "manifest.h"

static void
append_member(StringInfo json, const char *key, const char *string)
{
	appendStringInfo(json, "%s\"%s\": ", json->data[json->len - 1] == '{' ? "" : ", ", key);
	if (string != NULL)
		escape_json(json, string);
}

/* The options but those of this one training: what a retraining takes. */
static char *
lasting_options(char *options)
{
	static const char *const passing[] = {"checkpoint", "continue_from"};
	Datum		json = JsonbPGetDatum(document_parse(options));

	for (int i = 0; i < lengthof(passing); i++)
		json = DirectFunctionCall2(jsonb_delete, json, CStringGetTextDatum(passing[i]));
	return JsonbToCString(NULL, &DatumGetJsonbP(json)->root, 0);
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
	appendStringInfoString(&json, lasting_options(recipe->options));
	if (recipe->time_zone != NULL)
		append_member(&json, "time_zone", recipe->time_zone);
	if (recipe->continued_from > 0)
		appendStringInfo(&json, ", \"continued_from\": %d", recipe->continued_from);
	append_member(&json, "seconds", NULL);
	appendStringInfo(&json, "%.3f, ", seconds);
	catalog_append_stamp(&json);
	append_member(&json, "report", NULL);
	appendStringInfoString(&json, text_to_cstring(bridge_text_out(report)));
	appendStringInfoString(&json, "}}");
	return document_merge(described, document_parse(json.data));
}

bool
manifest_checkpoint(const Jsonb *manifest, int *done, int *epochs)
{
	JsonbContainer *checkpoint = document_container(&manifest->root, "checkpoint");
	int64		number;

	if (done != NULL)
		*done = document_integer(checkpoint, "epoch", 0, PG_INT32_MAX, &number) ? number : 0;
	if (epochs != NULL)
		*epochs = document_integer(checkpoint, "epochs", 0, PG_INT32_MAX, &number) ? number : 0;
	return checkpoint != NULL;
}

JsonbContainer *
manifest_trained(const Jsonb *manifest)
{
	return document_container(&manifest->root, "trained");
}

JsonbContainer *
manifest_report(const Jsonb *manifest)
{
	return document_container(manifest_trained(manifest), "report");
}

const char *
manifest_score_name(const Jsonb *manifest)
{
	char	   *task = document_string(&manifest->root, "task");

	if (task == NULL)
		return NULL;
	return strcmp(task, "classification") == 0 ? "accuracy" :
		strcmp(task, "regression") == 0 ? "r2" : NULL;
}

bool
manifest_score(const Jsonb *manifest, double *value)
{
	JsonbContainer *metrics = document_container(manifest_report(manifest), "metrics");
	const char *name = manifest_score_name(manifest);

	return name != NULL && document_number(metrics, name, value);
}

char *
manifest_target(const Jsonb *manifest)
{
	return document_string(manifest_trained(manifest), "target");
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
		char	   *string = document_text(document_element(array, i, jbvString));

		if (string != NULL)
			strings[(*n)++] = string;
	}
	return strings;
}

/*
 * Which roles the features had.  Columns are in the order of the features, but
 * for those that were left out, so that the next one is found at once.
 */
static void
read_roles(const Jsonb *manifest, manifest_recipe *recipe)
{
	JsonbContainer *table = document_container(&manifest->root, "table");
	JsonbContainer *columns = document_container(table, "columns");
	int			n = columns != NULL && JsonContainerIsArray(columns) ? JsonContainerSize(columns) : 0;
	int			next = 0;

	recipe->roles = palloc_array(ml_role, recipe->nfeatures);
	for (int i = 0; i < recipe->nfeatures; i++)
		recipe->roles[i] = table == NULL ? ML_ROLE_TEXT : ML_ROLE_AUTO; /* without one: a text classifier */
	for (int i = 0; i < n; i++)
	{
		JsonbContainer *column = document_inside(document_element(columns, i, jbvBinary));
		char	   *name = document_string(column, "name");
		char	   *role = document_string(column, "role");
		int			tried = 0;

		if (name == NULL || role == NULL)
			continue;
		while (tried < recipe->nfeatures && strcmp(recipe->features[(next + tried) % recipe->nfeatures], name) != 0)
			tried++;
		if (tried == recipe->nfeatures)
			continue;
		next = (next + tried) % recipe->nfeatures;
		recipe->roles[next] = ml_role_find((ml_text) {role, strlen(role)});
		if (recipe->roles[next] == ML_ROLE_COUNT)
			recipe->roles[next] = ML_ROLE_AUTO;
	}
}

bool
manifest_read_recipe(const Jsonb *manifest, const char *subject, manifest_recipe *recipe)
{
	JsonbContainer *trained = manifest_trained(manifest);
	JsonbContainer *options = document_container(trained, "options");
	JsonbContainer *left_out = document_container(manifest_report(manifest), "left_out");

	if (trained == NULL)
		return false;
	recipe->source = document_string(trained, "source");
	recipe->target = document_string(trained, "target");
	recipe->features = strings_of(document_container(trained, "features"), &recipe->nfeatures);
	recipe->algorithm = document_string(trained, "algorithm");
	read_roles(manifest, recipe);
	recipe->left_out = palloc_array(bool, recipe->nfeatures);
	for (int i = 0; i < recipe->nfeatures; i++)
		recipe->left_out[i] = document_string(left_out, recipe->features[i]) != NULL;
	recipe->task = document_string(&manifest->root, "task");
	recipe->time_zone = document_string(trained, "time_zone");
	recipe->options = options == NULL ? "{}" : JsonbToCString(NULL, options, 0);
	if (recipe->source == NULL || recipe->target == NULL || recipe->nfeatures == 0 ||
		recipe->algorithm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s is damaged: its manifest does not tell how it was trained", subject),
				 errhint("Train a version with aiaas_train, which writes a new manifest.")));
	return true;
}
