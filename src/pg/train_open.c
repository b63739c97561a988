/*-------------------------------------------------------------------------
 *
 * train_open.c
 *	  What a training settles before it reads a row: the source's columns,
 *	  rights on the model or its schema, the options; and what it says of
 *	  itself, while it runs and in the manifest.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/json.h"
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

static char *
quote_json(const char *string)
{
	StringInfoData json;

	initStringInfo(&json);
	escape_json(&json, string);
	return json.data;
}

/*
 * Rows of another source may be held out though the version has learnt from
 * them, and may be learnt from though it is judged by them.
 */
static void
warn_of_other_source(const train_state *t, int32 version, const char *source)
{
	if (strcmp(source, t->recipe.source) != 0)
		ereport(WARNING,
				(errmsg("version %d of model %s learnt from another source: %s", version, catalog_name(t->model), t->recipe.source),
				 errdetail("Rows that are held out now may be among those that it has learnt from.")));
}

/*
 * The options of the version, but for those given.  A manifest is a claim of
 * whoever may add versions to the model: a query that it names is not run as
 * the caller unless the caller names it.
 */
static char *
join_options(const train_state *t, int32 version, const char *given)
{
	Jsonb	   *own = document_parse(given);
	Jsonb	   *joined = document_merge(document_parse(t->recipe.options), own);
	char	   *validation = document_string(&joined->root, "validation");

	if (validation != NULL && document_member(&own->root, "validation", jbvString) == NULL &&
		source_find_column(t->source, validation) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d of model %s was validated by rows of another source, which must be named again", version,
						catalog_name(t->model)),
				 errhint("If you trust it, add to the options: {\"validation\": %s}.", quote_json(validation))));
	return JsonbToCString(NULL, &joined->root, 0);
}

/*
 * The option "continue_from" names a network of the model: what is not given is
 * as it was there.  A checkpoint has done its service when the training ends.
 */
static void
take_recipe(train_state *t, int32 version)
{
	manifest_recipe given = t->recipe;
	Jsonb	   *manifest;

	if (!OidIsValid(t->model))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model %s does not exist: there is no version %d to continue from", t->name, version)));
	manifest = catalog_manifest(t->model, version, GetActiveSnapshot());
	if (document_container(&manifest->root, "layers") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("version %d of model %s is no network: its training cannot be continued", version, catalog_name(t->model)),
				 errhint("Leave out the option \"continue_from\".")));
	if (strcmp(given.algorithm, "auto") != 0 && strcmp(given.algorithm, "network") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d of model %s is a network: algorithm %s cannot continue its training", version,
						catalog_name(t->model), given.algorithm),
				 errhint("Leave out the algorithm, or the option \"continue_from\".")));
	t->recipe.algorithm = "network";
	if (manifest_read_recipe(manifest, psprintf("model %s version %d", catalog_name(t->model), version), &t->recipe))
	{
		warn_of_other_source(t, version, given.source);
		t->recipe.options = join_options(t, version, given.options);
	}
	t->recipe.source = given.source;
	t->recipe.continued_from = version;
	if (manifest_checkpoint(manifest, NULL, NULL))
		t->checkpoint = version;
}

/* The version that options name, whose training is to be continued; 0: none.  Whether they make sense is seen later. */
static int32
continued_version(const Jsonb *options)
{
	int64		version;

	return JB_ROOT_IS_OBJECT(options) && document_integer(&options->root, "continue_from", 1, PG_INT32_MAX, &version) ? version : 0;
}

/* Target and features: those given, or else those of the version that is continued. */
static void
choose_columns(train_state *t, char *target, ArrayType *features)
{
	if (target == NULL)
		target = t->recipe.target;
	else if (t->recipe.target != NULL && strcmp(target, t->recipe.target) != 0)
		ereport(WARNING,
				(errmsg("version %d of model %s learnt \"%s\", and goes on with \"%s\"", t->recipe.continued_from,
						catalog_name(t->model), t->recipe.target, target)));
	if (features != NULL)
	{
		t->recipe.roles = NULL;
		t->recipe.left_out = NULL;
	}
	else if (t->recipe.nfeatures > 0)
		features = train_text_array(t->recipe.features, t->recipe.nfeatures);
	train_choose_columns(t, target, features);
}

void
train_require_rights(const train_state *t)
{
	catalog_require(t->model, CATALOG_TRAIN);
	if (t->options.network.checkpoint > 0)
		catalog_require_or(t->model, CATALOG_DROP,
						   "Without it leave out the option \"checkpoint\": each checkpoint replaces the one before.");
}

void
train_open(train_state *t, FunctionCallInfo fcinfo, bool commits)
{
	Jsonb	   *options = PG_ARGISNULL(5) ? document_parse("{}") : PG_GETARG_JSONB_P(5);
	int32		continued = continued_version(options);

	if (PG_ARGISNULL(0))
		train_refuse_null("source");
	t->recipe.algorithm = PG_ARGISNULL(4) ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(4));
	t->recipe.options = JsonbToCString(NULL, &options->root, 0);
	t->source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	t->recipe.source = t->source->stored;

	t->name = PG_ARGISNULL(2) ? default_name(t->source) : given_name(PG_GETARG_TEXT_PP(2));
	t->model = catalog_find(t->name);
	if (OidIsValid(t->model))
		catalog_require_or(t->model, CATALOG_TRAIN, !PG_ARGISNULL(2) ? NULL : "Or name a model of your own: model => 'name'.");

	if (continued > 0)
		take_recipe(t, continued);
	train_read_options(t);
	if (t->options.network.checkpoint > 0 && !commits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"checkpoint\" needs commits, and aiaas_train is one transaction"),
				 errhint("CALL aiaas_fit(...) with the same arguments.")));
	if (OidIsValid(t->model))
		train_require_rights(t);
	train_check_comparable(t);
	choose_columns(t, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
				   PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
}

ArrayType *
train_text_array(char **strings, int n)
{
	Datum	   *elements = palloc_array(Datum, n);

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(strings[i]);
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Shown to others, whose search_path may be another one. */
void
train_start_progress(const train_state *t)
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
 * The stored file says what was learnt, the recipe and the report how.
 */
void
train_describe(train_state *t)
{
	ml_buffer	description = {0};
	double		seconds;

	bridge_check(t->b, ml_stored_describe(&t->b->ctx, t->stored.data, t->stored.size, &description), NULL);
	seconds = (GetCurrentTimestamp() - t->started) / 1e6;
	t->manifest = manifest_create(&t->recipe, (ml_text) {description.data, description.size},
								  (ml_text) {t->report.data, t->report.size}, seconds);
	ml_buffer_free(&t->b->ctx, &description);
}
