/*-------------------------------------------------------------------------
 *
 * fn_training_info.c
 *	  aiaas_training_info: the manifest's story, one line for each fact.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "bridge.h"
#include "catalog.h"
#include "document.h"
#include "manifest.h"
#include "train.h"

static void
put_item(ReturnSetInfo *result, const char *item, const char *value)
{
	Datum		values[2] = {CStringGetTextDatum(item), CStringGetTextDatum(value)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static const char *
scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		default:
			return "null";
	}
}

/* 'label ham', or what its list and place are called. */
static char *
object_name(JsonbContainer *object, const char *list, int place)
{
	char	   *label = document_string(object, "label");

	return label != NULL ? psprintf("label %s", label) : psprintf("%s %d", list, place);
}

/* 'f1 0.9, rows 12', of an object's scalars but its label. */
static char *
object_text(JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	StringInfoData text;
	char	   *key = NULL;

	initStringInfo(&text);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type != jbvBinary && strcmp(key, "label") != 0)
			appendStringInfo(&text, "%s%s %s", text.len == 0 ? "" : ", ", key, scalar_text(&value));
	}
	return text.data;
}

/*
 * A list of numbers or names on one line; of losses and of labels a line each.
 * Tables (the confusion matrix) are for others to show.
 */
static void
put_list(ReturnSetInfo *result, const char *item, JsonbContainer *list)
{
	int			n = JsonContainerSize(list);
	bool		losses = strcmp(item, "losses") == 0;
	StringInfoData joined;

	initStringInfo(&joined);
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(list, i);

		if (losses)
			put_item(result, psprintf("loss after epoch %d", i + 1), scalar_text(value));
		else if (value->type != jbvBinary)
			appendStringInfo(&joined, "%s%s", i == 0 ? "" : ", ", scalar_text(value));
		else if (JsonContainerIsObject(value->val.binary.data))
			put_item(result, object_name(value->val.binary.data, item, i + 1),
					 object_text(value->val.binary.data));
	}
	if (joined.len > 0)
		put_item(result, item, joined.data);
}

static void put_object(ReturnSetInfo *result, const char *prefix, JsonbContainer *object,
					   const char *const *order);

static void
put_value(ReturnSetInfo *result, const char *item, const JsonbValue *value)
{
	if (value->type != jbvBinary)
		put_item(result, item, scalar_text(value));
	else if (JsonContainerIsArray(value->val.binary.data))
		put_list(result, item, value->val.binary.data);
	else
		put_object(result, psprintf("%s.", item), value->val.binary.data, ml_metric_names);
}

static bool
is_listed(const char *const *order, const char *key, int length)
{
	for (; *order != NULL; order++)
		if (strlen(*order) == length && strncmp(*order, key, length) == 0)
			return true;
	return false;
}

/*
 * The members of an object, each with the prefix: first those of the list
 * (ended by NULL), then the others.
 */
static void
put_object(ReturnSetInfo *result, const char *prefix, JsonbContainer *object,
		   const char *const *order)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *item = NULL;

	check_stack_depth();
	for (int i = 0; order[i] != NULL; i++)
		if (getKeyJsonValueFromContainer(object, order[i], strlen(order[i]), &value) != NULL)
			put_value(result, psprintf("%s%s", prefix, order[i]), &value);
	iterator = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			item = is_listed(order, value.val.string.val, value.val.string.len) ? NULL :
				psprintf("%s%.*s", prefix, value.val.string.len, value.val.string.val);
		else if (token == WJB_VALUE && item != NULL)
			put_value(result, item, &value);
	}
}

/* Members of "trained"; what was asked for shows in the report's options. */
static const char *const recipe_items[] = {"source", "target", "features", "time_zone", "continued_from", "by", "at", "seconds"};

static const char *const report_order[] = {
	"algorithm", "rows", "skipped", "holdout_rows", "classes", "positive", "vocabulary", "columns",
	"left_out", "terms", "dropped", "baseline", "metrics", "labels", "epochs", "converged", "losses", "loss", "refit_epochs", "calibration", "options", NULL
};

AIAAS_FUNCTION(aiaas_training_info);
Datum
aiaas_training_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			model;
	int32		version;
	Jsonb	   *manifest;
	JsonbContainer *trained;
	JsonbContainer *report;
	JsonbValue	value;
	int			done;
	int			epochs;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_GETARG_OID(0);
	catalog_require(model, CATALOG_USE);
	version = PG_ARGISNULL(1) ? train_recent_version(model, GetActiveSnapshot()) : PG_GETARG_INT32(1);
	manifest = catalog_manifest(model, version, GetActiveSnapshot());
	put_item(result, "version", psprintf("%d", version));
	if (manifest_checkpoint(manifest, &done, &epochs))
		put_item(result, "checkpoint", psprintf("epoch %d of %d", done, epochs));
	trained = manifest_trained(manifest);
	report = manifest_report(manifest);
	for (int i = 0; trained != NULL && i < lengthof(recipe_items); i++)
		if (getKeyJsonValueFromContainer(trained, recipe_items[i], strlen(recipe_items[i]), &value) != NULL)
			put_value(result, recipe_items[i], &value);
	if (report != NULL)
		put_object(result, "", report, report_order);
	return (Datum) 0;
}
