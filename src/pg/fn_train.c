/*-------------------------------------------------------------------------
 *
 * fn_train.c
 *	  aiaas_train, aiaas_retrain.
 *
 * A training first settles everything that can be wrong without reading a row:
 * the source's columns, rights on the model or its schema, the options.  Then
 * it reads the source once, fits, and only then touches the model: it creates
 * the table if it must, inserts the new version and deploys it.  Until then it
 * holds no lock on the model but AccessShare, so the model serves, is deployed
 * and is trained by others meanwhile.
 *
 * aiaas_train reads the source as the caller, aiaas_retrain the stored one as
 * the owner of the model (train_read.c).  All else (storing, deploying) is done
 * as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "document.h"
#include "train.h"

/*
 * The model's name when none is given: <table>_model beside the table.
 */
static char *
default_name(const source *s)
{
	Oid			namespace;

	if (!OidIsValid(s->relation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a query as source needs a name for the model"),
				 errhint("Give it: model => 'name'.")));
	namespace = get_rel_namespace(s->relation);
	return quote_qualified_identifier(get_namespace_name_or_temp(namespace),
									  makeObjectName(get_rel_name(s->relation), NULL, "model"));
}

/* Columns in the place of the name are a slip, which would make a model. */
static char *
given_name(text *argument)
{
	char	   *name = text_to_cstring(argument);

	if (name[0] == '{')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid name of a model: \"%s\"", name),
				 errdetail("It looks like a list of columns."),
				 errhint("To learn from these columns: features => %s.", quote_literal_cstr(name))));
	return name;
}

/* Shown to others, whose search_path may be another one. */
static void
start_progress(const train_state *t)
{
	char	   *known = OidIsValid(t->model) ? get_rel_name(t->model) : NULL;
	RangeVar   *name;

	if (known != NULL)
	{
		bridge_progress_start(get_rel_namespace(t->model), known);
		return;
	}
	name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(t->name)));
	bridge_progress_start(RangeVarGetCreationNamespace(name), name->relname);
}

/*
 * The new version's bytes and its manifest.
 */
static void
fit(train_state *t, bool as_owner)
{
	ml_buffer	description = {0};
	double		seconds;

	start_progress(t);
	train_learn(t, as_owner);
	bridge_check(t->b, ml_stored_describe(&t->b->ctx, t->stored.data, t->stored.size, &description), NULL);
	seconds = (GetCurrentTimestamp() - t->started) / 1e6;
	t->manifest = manifest_create(&t->recipe, (ml_text) {description.data, description.size},
								  (ml_text) {t->report.data, t->report.size}, seconds);
}

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
	fit(t, as_owner);
	if (!OidIsValid(t->model))
		t->model = catalog_resolve(t->name);
	t->version = catalog_store(t->model, t->stored.data, t->stored.size, t->manifest);
	bridge_destroy(t->b);
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
	if (PG_ARGISNULL(0))
		train_refuse_null("source");
	t.recipe.algorithm = PG_ARGISNULL(4) ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(4));
	t.recipe.options = PG_ARGISNULL(5) ? "{}" : JsonbToCString(NULL, &PG_GETARG_JSONB_P(5)->root, 0);
	t.source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	t.recipe.source = t.source->stored;

	t.name = PG_ARGISNULL(2) ? default_name(t.source) : given_name(PG_GETARG_TEXT_PP(2));
	t.model = catalog_find(t.name);
	if (OidIsValid(t.model))
		catalog_require_or(t.model, CATALOG_TRAIN, !PG_ARGISNULL(2) ? NULL : "Or name a model of your own: model => 'name'.");

	train_read_options(&t);
	train_check_comparable(&t);
	train_choose_columns(&t, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
						 PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
	return train(fcinfo, &t, false);
}

static ArrayType *
text_array(char **strings, int n)
{
	Datum	   *elements = palloc_array(Datum, n);

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(strings[i]);
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
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
					  text_array(t.recipe.features, t.recipe.nfeatures));
	error_context_stack = callback.previous;
	return train(fcinfo, &t, true);
}
