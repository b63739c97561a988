/*-------------------------------------------------------------------------
 *
 * fn_train.c
 *	  aiaas_train, aiaas_retrain, aiaas_training_info.
 *
 * A training first settles everything that can be wrong without reading a row:
 * the source's columns, rights on the model or its schema, the options.  Then
 * it reads the source once, fits, and only then touches the model: it creates
 * the table if it must, inserts the new version and deploys it.  Until then it
 * holds no lock on the model but AccessShare, so the model serves, is deployed
 * and is trained by others meanwhile.
 *
 * aiaas_train reads the source as the caller, like any query of hers.
 * aiaas_retrain reads the source that a manifest names, which whoever may
 * train the model could have written; so it runs as the owner of the model,
 * in a security-restricted operation, with search_path pg_catalog.  All else
 * (storing, deploying) is done as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "bridge.h"
#include "catalog.h"
#include "document.h"
#include "manifest.h"
#include "source.h"

typedef struct training
{
	manifest_recipe recipe;
	source	   *source;
	source_want want;
	Oid			model;			/* InvalidOid: to be created */
	char	   *name;			/* as a user writes it */
	TimestampTz started;

	bridge	   *b;
	ml_arena	arena;			/* of the options */
	ml_options	options;
	ml_trainer *trainer;
	ml_buffer	stored;
	ml_buffer	report;

	Jsonb	   *manifest;
	int32		version;
} training;

static ml_text
engine_text(const char *string)
{
	return bridge_text_in(cstring_to_text(string));
}

static void
refuse_null(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be NULL", argument)));
}

/*
 * Columns.
 */
static bool
is_feature(const training *t, int column)
{
	for (int i = 0; i < t->want.ninputs; i++)
		if (t->want.inputs[i] == column)
			return true;
	return false;
}

static int *
infer_features(const training *t, int *n)
{
	const source *s = t->source;
	int		   *columns = palloc_array(int, s->columns->natts);

	*n = 0;
	for (int i = 0; i < s->columns->natts; i++)
		if (source_column_exists(s, i) && i != t->want.label && i != t->want.weight &&
			source_column_is_text(s, i))
			columns[(*n)++] = i;
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the source has no text column to learn from besides \"%s\"",
						source_column_name(s, t->want.label)),
				 errhint("Only text is learnt from; make one in a query: SELECT %s, column::text FROM ...",
						 quote_identifier(source_column_name(s, t->want.label)))));
	return columns;
}

/*
 * The columns that the caller named.
 */
static int *
named_features(const training *t, ArrayType *names, int *n)
{
	const source *s = t->source;
	int		   *columns;
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features must name at least one column")));
	columns = palloc_array(int, *n);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			refuse_null("an element of features");
		columns[i] = source_column(s, TextDatumGetCString(elements[i]));
		if (!source_column_is_text(s, columns[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" is of type %s", source_column_name(s, columns[i]),
							format_type_be(TupleDescAttr(s->columns, columns[i])->atttypid)),
					 errhint("Only text is learnt from; make one in a query: SELECT %s::text FROM ...",
							 quote_identifier(source_column_name(s, columns[i])))));
		for (int j = 0; j < i; j++)
			if (columns[j] == columns[i])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("feature \"%s\" is named twice", source_column_name(s, columns[i]))));
	}
	return columns;
}

/*
 * Tell what was inferred, and what is left out.
 */
static void
announce_columns(const training *t)
{
	const source *s = t->source;
	bool	   *learnt = palloc0_array(bool, s->columns->natts);
	bool	   *ignored = palloc0_array(bool, s->columns->natts);
	char	   *rest;

	for (int i = 0; i < s->columns->natts; i++)
	{
		learnt[i] = is_feature(t, i);
		ignored[i] = source_column_exists(s, i) && !learnt[i] && i != t->want.label && i != t->want.weight;
	}
	rest = source_list_columns(s, ignored);
	ereport(NOTICE,
			(errmsg("learning \"%s\" from %s", source_column_name(s, t->want.label), source_list_columns(s, learnt)),
			 rest[0] == '\0' ? 0 : errdetail("Not used: %s.", rest)));
}

static void
find_weights(training *t)
{
	char	   *name;
	char		category;
	bool		preferred;

	t->want.weight = -1;
	if (t->options.weights.data == NULL)
		return;
	name = text_to_cstring(bridge_text_out(t->options.weights));
	t->want.weight = source_column(t->source, name);
	get_type_category_preferred(TupleDescAttr(t->source->columns, t->want.weight)->atttypid,
								&category, &preferred);
	if (category != TYPCATEGORY_NUMERIC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of weights is not a number", name)));
}

/*
 * Settle which columns are read; target and features may be NULL.
 */
static void
choose_columns(training *t, const char *target, ArrayType *features)
{
	find_weights(t);
	if (features != NULL)
		t->want.inputs = named_features(t, features, &t->want.ninputs);
	t->want.label = target == NULL ? source_infer_target(t->source, t->want.inputs, t->want.ninputs, "Name it: target => 'column'.") :
		source_column(t->source, target);
	if (features == NULL)
		t->want.inputs = infer_features(t, &t->want.ninputs);
	if (is_feature(t, t->want.label))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be both target and feature",
						source_column_name(t->source, t->want.label))));
	if (target == NULL || features == NULL)
		announce_columns(t);

	t->recipe.target = pstrdup(source_column_name(t->source, t->want.label));
	t->recipe.nfeatures = t->want.ninputs;
	t->recipe.features = palloc_array(char *, t->want.ninputs);
	for (int i = 0; i < t->want.ninputs; i++)
		t->recipe.features[i] = pstrdup(source_column_name(t->source, t->want.inputs[i]));
}

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

/*
 * if_better needs figures to compare, of the live version as of the new one.
 */
static void
check_comparable(const training *t)
{
	int32		live;
	double		score;

	if (t->options.deploy != ML_DEPLOY_IF_BETTER)
		return;
	if (t->options.holdout == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deploy \"if_better\" needs rows that are held out"),
				 errhint("Leave out holdout, or set it above 0.")));
	live = OidIsValid(t->model) ? catalog_live(t->model, GetActiveSnapshot()) : 0;
	if (live != 0 && !manifest_score(catalog_manifest(t->model, live, GetActiveSnapshot()), &score))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("live version %d of model %s has no stored metrics to compare with",
						live, catalog_name(t->model)),
				 errhint("Train with {\"deploy\": false}, compare the two versions, then deploy.")));
}

/*
 * Reading and fitting.
 */
static void
learn_batch(void *state, const source_batch *batch)
{
	training   *t = state;
	ml_status	status = ml_trainer_add(&t->b->ctx, t->trainer, &(ml_batch)
										{
											.n = batch->n,
											.inputs = (const ml_value *) batch->inputs,
											.targets = (const ml_value *) batch->labels,
											.weights = batch->weights
										});

	bridge_check(t->b, status, NULL);
}

static void
open_trainer(training *t)
{
	ml_column  *columns = palloc0_array(ml_column, t->recipe.nfeatures);
	ml_status	status;

	for (int i = 0; i < t->recipe.nfeatures; i++)
	{
		columns[i].name = engine_text(t->recipe.features[i]);
		columns[i].type = ML_TYPE_TEXT;
		columns[i].role = ML_ROLE_TEXT;
	}
	status = ml_trainer_open(&t->b->ctx, &(ml_training)
							 {
								 .algorithm = engine_text(t->recipe.algorithm),
								 .options = engine_text(t->recipe.options),
								 .task = ML_CLASSIFICATION,
								 .ncolumns = t->recipe.nfeatures,
								 .columns = columns,
								 .target = engine_text(t->recipe.target),
								 .memory = (size_t) maintenance_work_mem * 1024,
								 .kernel = bridge_kernel()
							 }, &t->trainer);
	bridge_check(t->b, status, NULL);
}

static void
read_options(training *t)
{
	ml_status	status;

	t->b = bridge_create(CurrentMemoryContext);
	status = ml_options_read(&t->b->ctx, &t->arena, engine_text(t->recipe.algorithm),
							 engine_text(t->recipe.options), &t->options);
	bridge_check(t->b, status, NULL);
}

/*
 * A stored source is described and read as the owner of its model.
 */
typedef struct identity
{
	Oid			user;
	int			context;
	int			nest;
} identity;

static identity
become_owner(Oid model)
{
	Relation	relation = catalog_open(model);
	identity	caller;

	GetUserIdAndSecContext(&caller.user, &caller.context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   caller.context | SECURITY_RESTRICTED_OPERATION);
	table_close(relation, NoLock);
	caller.nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return caller;
}

static void
become_caller(const identity *caller)
{
	AtEOXact_GUC(false, caller->nest);
	SetUserIdAndSecContext(caller->user, caller->context);
}

/*
 * Read the source, as the model's owner if it is a stored one, and fit.
 */
static void
learn(training *t, bool as_owner)
{
	identity	caller = {0};
	ml_status	status;

	open_trainer(t);
	if (as_owner)
		caller = become_owner(t->model);
	(void) source_read(t->source, &t->want, learn_batch, t);
	if (as_owner)
		become_caller(&caller);
	status = ml_trainer_finish(&t->b->ctx, t->trainer, &t->stored, &t->report);
	bridge_check(t->b, status, NULL);
}

/*
 * The trainer is closed whatever happens: it may hold more than memory of ours.
 */
static void
learn_and_close(training *t, bool as_owner)
{
	PG_TRY();
	{
		learn(t, as_owner);
	}
	PG_CATCH();
	{
		ml_trainer_close(&t->b->ctx, t->trainer);
		PG_RE_THROW();
	}
	PG_END_TRY();
	ml_trainer_close(&t->b->ctx, t->trainer);
}

/*
 * The new version's bytes and its manifest.
 */
static void
fit(training *t, bool as_owner)
{
	ml_buffer	description = {0};
	double		seconds;

	bridge_progress_start(t->name);
	learn_and_close(t, as_owner);
	bridge_check(t->b, ml_stored_describe(&t->b->ctx, t->stored.data, t->stored.size, &description), NULL);
	seconds = (GetCurrentTimestamp() - t->started) / 1e6;
	t->manifest = manifest_create(&t->recipe, (ml_text) {description.data, description.size},
								  (ml_text) {t->report.data, t->report.size}, seconds);
}

/*
 * Storing and deploying.
 */
static void
announce_deploy(const training *t, int32 live, bool has_old, double old)
{
	double		score;
	bool		has_score = manifest_score(t->manifest, &score);

	if (live == 0)
		return;
	ereport(NOTICE,
			(errmsg("version %d of model %s is live: %s", t->version, catalog_name(t->model),
					has_score ? psprintf(MANIFEST_SCORE " %.4f on rows held out", score) :
					"not measured, no rows were held out"),
			 has_old ? errdetail("Version %d had " MANIFEST_SCORE " %.4f.", live, old) :
			 errdetail("Version %d has no stored metrics.", live),
			 errhint("To go back: SELECT aiaas_rollback(%s);", quote_literal_cstr(catalog_name(t->model)))));
}

static void
announce_stored(const training *t, const char *reason)
{
	ereport(NOTICE,
			(errmsg("version %d of model %s is stored, but not live: %s",
					t->version, catalog_name(t->model), reason),
			 errhint("To use it: SELECT aiaas_deploy(%s, %d);",
					 quote_literal_cstr(catalog_name(t->model)), t->version)));
}

/*
 * A model that learns something else than before is often a slip of the name.
 */
static void
warn_of_other_target(const training *t, int32 live, const Jsonb *before)
{
	char	   *target = manifest_target(t->manifest);
	char	   *old = manifest_target(before);

	if (target == NULL || old == NULL || strcmp(target, old) == 0)
		return;
	ereport(WARNING,
			(errmsg("version %d of model %s learnt \"%s\", version %d had learnt \"%s\"",
					t->version, catalog_name(t->model), target, live, old),
			 errhint("Name another model for another target: aiaas_train(..., model => ...).")));
}

/*
 * Deploy the new version unless the options or missing rights say otherwise.
 */
static void
deploy(const training *t)
{
	double		old;
	double		score;
	bool		has_old = false;
	bool		comparable = manifest_score(t->manifest, &score);
	int32		live;

	/* compare with what is live now, not when the training began */
	PushActiveSnapshot(GetTransactionSnapshot());
	live = catalog_live(t->model, GetActiveSnapshot());
	if (live != 0)
	{
		Jsonb	   *before = catalog_manifest(t->model, live, GetActiveSnapshot());

		has_old = manifest_score(before, &old);
		warn_of_other_target(t, live, before);
	}
	PopActiveSnapshot();
	comparable = comparable && has_old;

	if (t->options.deploy == ML_DEPLOY_NO)
		announce_stored(t, "\"deploy\" is false");
	else if (t->options.deploy == ML_DEPLOY_IF_BETTER && live != 0 && !(comparable && score > old))
		announce_stored(t, comparable ?
						psprintf("its " MANIFEST_SCORE " %.4f is not better than %.4f of version %d", score, old, live) :
						psprintf("it and version %d have no metrics to compare", live));
	else if (!catalog_permits(t->model, CATALOG_DEPLOY))
		announce_stored(t, "you have no right to deploy");
	else
	{
		catalog_deploy(t->model, t->version, "deploy");
		announce_deploy(t, live, has_old, old);
	}
}

static Datum
training_result(FunctionCallInfo fcinfo, const training *t)
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
train(FunctionCallInfo fcinfo, training *t, bool as_owner)
{
	fit(t, as_owner);
	if (!OidIsValid(t->model))
		t->model = catalog_resolve(t->name);
	t->version = catalog_store(t->model, t->stored.data, t->stored.size, t->manifest);
	bridge_destroy(t->b);
	deploy(t);
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
	training	t = {.started = GetCurrentTimestamp()};

	PreventCommandIfReadOnly("aiaas_train()");	/* now, not after an hour */
	if (PG_ARGISNULL(0))
		refuse_null("source");
	t.recipe.algorithm = PG_ARGISNULL(4) ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(4));
	t.recipe.options = PG_ARGISNULL(5) ? "{}" : JsonbToCString(NULL, &PG_GETARG_JSONB_P(5)->root, 0);
	t.source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	t.recipe.source = t.source->stored;

	t.name = PG_ARGISNULL(2) ? default_name(t.source) : text_to_cstring(PG_GETARG_TEXT_PP(2));
	t.model = catalog_find(t.name);
	if (OidIsValid(t.model))
		catalog_require(t.model, CATALOG_TRAIN);

	read_options(&t);
	check_comparable(&t);
	choose_columns(&t, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
				   PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
	return train(fcinfo, &t, false);
}

/*
 * The version whose recipe is repeated or shown: the live one, or, if none is
 * live, the newest.
 */
static int32
recent_version(Oid model, Snapshot snapshot)
{
	int32	   *versions;
	int32		live = catalog_live(model, snapshot);
	int			n;

	if (live != 0)
		return live;
	n = catalog_versions(model, snapshot, &versions);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model %s has no version", catalog_name(model)),
				 errhint("Train one: SELECT * FROM aiaas_train('source', model => %s);",
						 quote_literal_cstr(catalog_name(model)))));
	return versions[n - 1];
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
}

/*
 * aiaas_retrain(model)
 */
AIAAS_FUNCTION(aiaas_retrain);
Datum
aiaas_retrain(PG_FUNCTION_ARGS)
{
	training	t = {.started = GetCurrentTimestamp(), .model = PG_GETARG_OID(0)};
	ErrorContextCallback callback = {.callback = stored_source_callback};
	identity	caller;
	int32		version;
	char	   *name;

	PreventCommandIfReadOnly("aiaas_retrain()");
	catalog_require(t.model, CATALOG_TRAIN);
	t.name = catalog_name(t.model);
	version = recent_version(t.model, GetActiveSnapshot());
	name = psprintf("model %s version %d", t.name, version);
	if (!manifest_read_recipe(catalog_manifest(t.model, version, GetActiveSnapshot()), name, &t.recipe))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model %s was imported: how to train it is not known", version, t.name),
				 errhint("Train a version: SELECT * FROM aiaas_train('source', model => %s);",
						 quote_literal_cstr(t.name))));
	read_options(&t);
	check_comparable(&t);
	callback.previous = error_context_stack;
	callback.arg = name;
	error_context_stack = &callback;
	caller = become_owner(t.model);
	t.source = source_open(t.recipe.source);
	choose_columns(&t, t.recipe.target, text_array(t.recipe.features, t.recipe.nfeatures));
	error_context_stack = callback.previous;
	become_caller(&caller);
	return train(fcinfo, &t, true);
}

/*
 * aiaas_training_info: the manifest's story, one line for each fact.
 */
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
static const char *const recipe_items[] = {"source", "target", "features", "by", "at", "seconds"};

static const char *const report_order[] = {
	"algorithm", "rows", "skipped", "holdout_rows", "classes", "vocabulary", "baseline", "metrics",
	"labels", "epochs", "converged", "losses", "loss", "refit_epochs", "calibration", "options", NULL
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

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_GETARG_OID(0);
	catalog_require(model, CATALOG_USE);
	version = PG_ARGISNULL(1) ? recent_version(model, GetActiveSnapshot()) : PG_GETARG_INT32(1);
	manifest = catalog_manifest(model, version, GetActiveSnapshot());
	put_item(result, "version", psprintf("%d", version));
	trained = manifest_trained(manifest);
	report = manifest_report(manifest);
	for (int i = 0; trained != NULL && i < lengthof(recipe_items); i++)
		if (getKeyJsonValueFromContainer(trained, recipe_items[i], strlen(recipe_items[i]), &value) != NULL)
			put_value(result, recipe_items[i], &value);
	if (report != NULL)
		put_object(result, "", report, report_order);
	return (Datum) 0;
}
