/*-------------------------------------------------------------------------
 *
 * fn_network.c
 *	  What a network is: aiaas_network_spec, aiaas_summary, aiaas_vocabulary,
 *	  aiaas_history.
 *
 * The specification and the history are in the manifest; shapes and words are
 * read from the prepared image, as predictions are.  Words tell of the rows
 * that were learnt from, so they need the right to read the model's data.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "bridge.h"
#include "callsite.h"
#include "catalog.h"
#include "document.h"
#include "manifest.h"
#include "train.h"

pg_noreturn static void
refuse_others(Oid model, int32 version)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("model %s version %d is no network", catalog_name(model), version),
			 errhint("Train one by algorithm => 'network'.")));
}

/* The manifest of a network's version: the given one, or the live one, or the newest. */
static Jsonb *
network_manifest(FunctionCallInfo fcinfo, int32 *version)
{
	Oid			model = PG_GETARG_OID(0);
	Jsonb	   *manifest;

	catalog_require(model, CATALOG_USE);
	*version = PG_ARGISNULL(1) ? train_recent_version(model, GetActiveSnapshot()) : callsite_version(PG_GETARG_INT32(1));
	manifest = catalog_manifest(model, *version, GetActiveSnapshot());
	if (document_container(&manifest->root, "layers") == NULL)
		refuse_others(model, *version);
	return manifest;
}

static Jsonb *
jsonb_of(JsonbContainer *container)
{
	return document_parse(JsonbToCString(NULL, container, 0));
}

/*
 * aiaas_network_spec(model, version) returns jsonb: the options of the
 * training, with layers and loss as they turned out.
 */
AIAAS_FUNCTION(aiaas_network_spec);
Datum
aiaas_network_spec(PG_FUNCTION_ARGS)
{
	int32		version;
	Jsonb	   *manifest;
	JsonbContainer *report;
	JsonbContainer *options;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	manifest = network_manifest(fcinfo, &version);
	report = manifest_report(manifest);
	options = report == NULL ? NULL : document_container(report, "options");
	/* an imported one has no report: its layers only */
	manifest = jsonb_of(document_container(&manifest->root, "layers"));
	if (options != NULL)
		manifest = document_merge(document_merge(jsonb_of(options), document_parse("{\"network\": null}")), manifest);
	PG_RETURN_JSONB_P(manifest);
}

/* A text of the engine's. */
static Datum
text_datum(ml_text value)
{
	return PointerGetDatum(bridge_text_shown(value));
}

AIAAS_FUNCTION(aiaas_summary);
Datum
aiaas_summary(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;
	bridge	   *engine;
	ml_arena	arena = {0};
	const ml_layer_summary *rows;
	size_t		n;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	catalog_require(PG_GETARG_OID(0), CATALOG_USE);
	model = callsite_get(fcinfo, PG_GETARG_OID(0), PG_ARGISNULL(1) ? 0 : callsite_version(PG_GETARG_INT32(1)));
	engine = bridge_create(CurrentMemoryContext);
	bridge_check(engine, ml_image_summarize(&engine->ctx, &arena, model->pin->image, &rows, &n), model->subject);
	for (size_t i = 0; i < n; i++)
	{
		Datum		values[5] = {
			text_datum(rows[i].layer), text_datum(rows[i].type), text_datum(rows[i].shape),
			Int64GetDatum(rows[i].parameters), Float8GetDatum(rows[i].flops)
		};
		bool		nulls[5] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	bridge_destroy(engine);
	return (Datum) 0;
}

AIAAS_FUNCTION(aiaas_vocabulary);
Datum
aiaas_vocabulary(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;
	bridge	   *engine;
	uint32		n;
	MemoryContext row;
	MemoryContext caller;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	catalog_require(PG_GETARG_OID(0), CATALOG_READ);
	model = callsite_get(fcinfo, PG_GETARG_OID(0), PG_ARGISNULL(1) ? 0 : callsite_version(PG_GETARG_INT32(1)));
	engine = bridge_create(CurrentMemoryContext);
	bridge_check(engine, ml_image_words(&engine->ctx, model->pin->image, &n), model->subject);
	row = AllocSetContextCreate(CurrentMemoryContext, "aiaas vocabulary", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(row);
	for (uint32 i = 0; i < n; i++)
	{
		Datum		values[2] = {Int32GetDatum((int32) i), text_datum(ml_image_word(model->pin->image, i))};
		bool		nulls[2] = {false};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
	bridge_destroy(engine);
	return (Datum) 0;
}

/*
 * The history.  A row of the report is [epoch, step, learning_rate, seconds,
 * loss, metric, validation's loss, validation's metric], null where there is none.
 */
enum
{
	EPOCH, STEP, RATE, SECONDS, LOSS, METRIC, VALIDATION_LOSS, VALIDATION_METRIC, HISTORY_NUMBERS
};

static void
put_epoch(ReturnSetInfo *result, JsonbContainer *epoch, const char *metric, int train, int validation)
{
	double		numbers[HISTORY_NUMBERS];
	Datum		values[7];
	bool		nulls[7] = {false};
	static const int places[] = {EPOCH, STEP, RATE, SECONDS};

	for (int i = 0; i < HISTORY_NUMBERS; i++)
	{
		const JsonbValue *value = getIthJsonbValueFromContainer(epoch, i);

		if (value == NULL || !document_float(value, &numbers[i]))
			numbers[i] = get_float8_nan();
	}
	/* a manifest is whatever its owner writes: no count becomes null */
	nulls[0] = !(numbers[EPOCH] >= 0 && numbers[EPOCH] <= PG_INT32_MAX);
	values[0] = Int32GetDatum(nulls[0] ? 0 : (int32) numbers[EPOCH]);
	nulls[1] = !(numbers[STEP] >= 0 && numbers[STEP] < (double) PG_INT64_MAX);
	values[1] = Int64GetDatum(nulls[1] ? 0 : (int64) numbers[STEP]);
	for (int i = 2; i < lengthof(places); i++)
	{
		nulls[i] = isnan(numbers[places[i]]);
		values[i] = Float8GetDatum(numbers[places[i]]);
	}
	values[4] = CStringGetTextDatum(metric);
	nulls[5] = isnan(numbers[train]);
	values[5] = Float8GetDatum(numbers[train]);
	nulls[6] = isnan(numbers[validation]);
	values[6] = Float8GetDatum(numbers[validation]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

AIAAS_FUNCTION(aiaas_history);
Datum
aiaas_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int32		version;
	JsonbContainer *report;
	JsonbContainer *history;
	char	   *metric;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	report = manifest_report(network_manifest(fcinfo, &version));
	history = report == NULL ? NULL : document_container(report, "history");
	if (history == NULL || !JsonContainerIsArray(history))
		return (Datum) 0;
	metric = document_string(report, "metric");
	for (int i = 0; i < JsonContainerSize(history); i++)
	{
		JsonbContainer *epoch = document_tuple(history, i, HISTORY_NUMBERS);

		if (epoch == NULL)
			continue;
		put_epoch(result, epoch, "loss", LOSS, VALIDATION_LOSS);
		put_epoch(result, epoch, metric == NULL ? "metric" : metric, METRIC, VALIDATION_METRIC);
	}
	return (Datum) 0;
}
