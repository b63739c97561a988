/*-------------------------------------------------------------------------
 *
 * fn_train.c
 *	  aiaas_train, aiaas_retrain.
 *
 * A training first settles everything that can be wrong without reading a row
 * (train_open.c).  Then it reads the source once, fits, and only then touches
 * the model: it creates the table if it must, inserts the new version and
 * deploys it.  Until then it holds no lock on the model but AccessShare, so the
 * model serves, is deployed and is trained by others meanwhile.
 *
 * aiaas_train reads the source as the caller, aiaas_retrain the stored one as
 * the owner of the model (train_read.c).  All else (storing, deploying) is done
 * as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "document.h"
#include "train.h"

static Datum
training_result(FunctionCallInfo fcinfo, const train_state *t)
{
	JsonbContainer *report = manifest_report(t->manifest);
	JsonbContainer *metrics = document_container(report, "metrics");
	TupleDesc	columns;
	Datum		values[7];
	bool		nulls[7] = {false};
	Interval *duration = palloc0_object(Interval);
	double		rows = 0;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	(void) document_number(report, "rows", &rows);
	duration->time = GetCurrentTimestamp() - t->started;
	values[0] = ObjectIdGetDatum(t->model);
	values[1] = Int32GetDatum(t->version);
	values[2] = CStringGetTextDatum(document_string(&t->manifest->root, "task"));
	values[3] = CStringGetTextDatum(document_string(&t->manifest->root, "algorithm"));
	values[4] = Int64GetDatum((int64) rows);
	nulls[5] = metrics == NULL;
	if (metrics != NULL)
		values[5] = JsonbPGetDatum(document_parse(JsonbToCString(NULL, metrics, 0)));
	values[6] = PointerGetDatum(duration);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}

static Datum
train(FunctionCallInfo fcinfo, train_state *t, bool as_owner)
{
	train_start_progress(t);
	train_learn(t, as_owner);
	train_describe(t);
	if (!OidIsValid(t->model))
		t->model = catalog_resolve(t->name);
	t->version = catalog_store(t->model, t->stored.data, t->stored.size, t->manifest);
	bridge_destroy(t->b);
	train_drop_checkpoint(t);
	train_deploy(t);
	bridge_progress_end();
	return training_result(fcinfo, t);
}

/*
 * aiaas_train(source, target, model, features, algorithm, options)
 */
AIAAS_FUNCTION(aiaas_train);
Datum
aiaas_train(PG_FUNCTION_ARGS)
{
	train_state t = {.started = GetCurrentTimestamp()};

	PreventCommandIfReadOnly("aiaas_train()");	/* now, not after an hour */
	train_open(&t, fcinfo, false);
	return train(fcinfo, &t, false);
}

/* What is wrong with a stored source was not written by whoever retrains. */
static void
stored_source_callback(void *name)
{
	errcontext("source that %s was trained on", (const char *) name);
	if (geterrcode() == ERRCODE_UNDEFINED_COLUMN || geterrcode() == ERRCODE_UNDEFINED_TABLE)
		errhint("If it was renamed, train with the new name: SELECT * FROM aiaas_train('source', model => ...);");
}

/*
 * aiaas_retrain(model)
 */
AIAAS_FUNCTION(aiaas_retrain);
Datum
aiaas_retrain(PG_FUNCTION_ARGS)
{
	train_state t = {.started = GetCurrentTimestamp(), .model = PG_GETARG_OID(0), .repeated = true};
	ErrorContextCallback callback = {.callback = stored_source_callback};
	int32		version;
	char	   *name;

	PreventCommandIfReadOnly("aiaas_retrain()");
	catalog_require(t.model, CATALOG_TRAIN);
	t.name = catalog_name(t.model);
	version = train_recent_version(t.model, GetActiveSnapshot());
	name = psprintf("model %s version %d", t.name, version);
	if (!manifest_read_recipe(catalog_manifest(t.model, version, GetActiveSnapshot()), name, &t.recipe))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model %s was imported: how to train it is not known", version, t.name),
				 errhint("Train a version: SELECT * FROM aiaas_train('source', model => %s);",
						 quote_literal_cstr(t.name))));
	train_read_options(&t);
	train_check_comparable(&t);
	callback.previous = error_context_stack;
	callback.arg = name;
	error_context_stack = &callback;
	train_open_stored(&t, t.recipe.source, t.recipe.target,
					  train_text_array(t.recipe.features, t.recipe.nfeatures));
	error_context_stack = callback.previous;
	return train(fcinfo, &t, true);
}
