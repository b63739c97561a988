/*-------------------------------------------------------------------------
 *
 * callsite.c
 *	  What one function call in a query keeps from row to row.
 *
 * fn_extra of the call holds a call site: up to four models, each with a pin
 * on its image and a session of its own.  The next row asks whether the
 * moment is still the same (transaction, user, snapshot, a handful of
 * comparisons) and goes straight to the engine.  A new moment repeats the
 * check of rights and the look-up of the version; the pin and the session
 * stay unless the version is another one.
 *
 * fn_extra may outlive its statement: PL/pgSQL keeps it for a transaction,
 * also across subtransactions that aborted and through changes of user.  So
 * nothing here is tied to a ResourceOwner, and a model whose opening failed
 * half-way is recognised (no pin) and opened again.
 *
 * Everything of a model hangs beneath its own context, in the order pin,
 * engine; contexts go in the reverse order of their making, so the session is
 * closed before the image is given up.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "callsite.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#define LABELS_SHOWN 20			/* in an error message */

char	   *callsite_default_model = NULL;

typedef struct callsite
{
	callsite_model *last;		/* of the row before; NULL at first */
	int			nmodels;
	uint64		clock;
	callsite_model models[CALLSITE_MODELS];
} callsite;

/* ---------- moments ---------- */

static inline callsite_moment
moment_now(Snapshot snapshot)
{
	return (callsite_moment) {
		.lxid = compat_lxid(),
		.user = GetUserId(),
		.xmin = snapshot->xmin,
		.xmax = snapshot->xmax,
		.xcnt = snapshot->xcnt,
		.subxcnt = snapshot->subxcnt,
		.curcid = snapshot->curcid,
		.suboverflowed = snapshot->suboverflowed
	};
}

static inline bool
moment_lasts(const callsite_moment *moment)
{
	Snapshot	snapshot;

	if (moment->lxid != compat_lxid() || !ActiveSnapshotSet())
		return false;
	snapshot = GetActiveSnapshot();
	return moment->user == GetUserId() &&
		moment->xmin == snapshot->xmin &&
		moment->xmax == snapshot->xmax &&
		moment->xcnt == snapshot->xcnt &&
		moment->subxcnt == snapshot->subxcnt &&
		moment->curcid == snapshot->curcid &&
		moment->suboverflowed == snapshot->suboverflowed;
}

/*
 * A setting may change without a new snapshot, so a call without a model also
 * compares the setting.
 */
static inline bool
model_lasts(const callsite_model *model)
{
	return moment_lasts(&model->moment) &&
		(model->model != CALLSITE_DEFAULT_MODEL ||
		 strcmp(model->setting, callsite_default_model) == 0);
}

/* ---------- opening a model ---------- */

/*
 * The table that aiaas.default_model names; the place remembers the setting.
 */
static Oid
default_model(callsite_model *place)
{
	List	   *names;
	Oid			model = InvalidOid;

	if (place->setting != NULL)
		pfree(place->setting);
	place->setting = NULL;
	place->setting = MemoryContextStrdup(MemoryContextGetParent(place->mcxt),
										 callsite_default_model);
	if (SplitIdentifierString(pstrdup(callsite_default_model), '.', &names) &&
		list_length(names) == 2)
	{
		Oid			namespace = LookupExplicitNamespace(linitial(names), true);

		if (OidIsValid(namespace))
			model = get_relname_relid(lsecond(names), namespace);
	}
	if (!OidIsValid(model))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 callsite_default_model[0] == '\0' ?
				 errmsg("there is no default model") :
				 errmsg("the default model %s does not exist", callsite_default_model),
				 errhint("Set aiaas.default_model to the schema.name of a model, or pass a model as the first argument.")));
	return model;
}

/*
 * Word boundaries and case folding may differ from one version of Unicode to
 * the next, so a model may give other answers than when it was judged.  Said
 * once per backend and model.
 */
static void
warn_unicode(const callsite_model *model)
{
	static List *told = NIL;
	Oid			table = model->pin->version.model;
	ml_text		trained = ml_image_unicode(model->pin->image);
	const char *present = ml_words_unicode_version();

	if (trained.data == NULL)
		return;					/* it takes no text */
	if (trained.size == strlen(present) && memcmp(trained.data, present, trained.size) == 0)
		return;
	if (!bridge_first_time(&told, table))
		return;
	ereport(WARNING,
			(errmsg("%s was trained with Unicode %.*s, this server's ICU has %s",
					model->subject, (int) trained.size, trained.data, present),
			 errdetail("Some words may be divided or folded differently than in training."),
			 errhint("Judge it with aiaas_evaluate on fresh rows, or train a new version with aiaas_retrain.")));
}

static void
close_session(void *arg)
{
	callsite_model *model = arg;

	if (model->session != NULL)
		ml_session_close(&model->bridge->ctx, model->session);
	model->session = NULL;
}

/*
 * The time zone that a model reads timestamps in, never the session's.
 */
static pg_tz *
model_zone(const callsite_model *model, ml_text name)
{
	pg_tz	   *zone;

	if (name.data == NULL)
		return pg_tzset("GMT"); /* it reads none */
	zone = pg_tzset(text_to_cstring(bridge_text_out(name)));
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s reads timestamps in the time zone \"%s\", which this server does not know",
						model->subject, text_to_cstring(bridge_text_out(name)))));
	return zone;
}

/*
 * What the model takes.
 */
static void
describe_columns(callsite_model *model, const ml_image *image)
{
	model->ncolumns = ml_image_ncolumns(image);
	model->columns = palloc0(model->ncolumns * sizeof(literal_column));
	model->inputs = palloc0(model->ncolumns * sizeof(ml_value));
	model->nitems = 0;
	model->all_numbers = true;
	for (uint32 i = 0; i < model->ncolumns; i++)
	{
		literal_column *column = &model->columns[i];

		/* a name that this encoding lacks matches nothing, but the model may still take one text */
		column->name = text_to_cstring(bridge_text_shown(ml_image_column(image, i)));
		column->type = ml_image_column_type(image, i);
		column->role = ml_image_column_role(image, i);
		column->form = ml_column_form(column->type, column->role);
		column->size = ml_image_column_size(image, i);
		if (column->form == ML_FORM_ITEMS && column->role != ML_ROLE_SERIES)
			column->items = palloc0(column->size * sizeof(double));
		model->nitems += column->size;
		model->all_numbers = model->all_numbers && column->form == ML_FORM_NUMBER &&
			(column->type == ML_TYPE_NUMBER || column->type == ML_TYPE_INTEGER);
	}
	model->zone = model_zone(model, ml_image_time_zone(image));
	model->one_image = model->ncolumns == 1 && model->columns[0].type == ML_TYPE_BYTES;
	model->one_series = model->ncolumns == 1 && model->columns[0].role == ML_ROLE_SERIES;
	if (model->one_series)
	{
		(void) value_reader_init(&model->series, FLOAT8ARRAYOID, ML_TYPE_ARRAY, ML_ROLE_SERIES, NULL, CurrentMemoryContext);
		model->series.column = model->columns[0].name;
	}
	model->one_text = model->ncolumns == 1 && model->columns[0].form == ML_FORM_TEXT && !model->one_image;
}

/*
 * Pin the version and make ready what a row needs.
 */
static void
model_open(callsite_model *model, const catalog_version *version, Snapshot snapshot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(model->mcxt);
	MemoryContextCallback *callback;
	residency_pin *pin;
	ml_status	status;

	model->subject = catalog_subject(version);
	pin = residency_acquire(version, snapshot, model->mcxt);
	describe_columns(model, pin->image);
	model->task = ml_image_task(pin->image);
	model->nlabels = ml_image_nlabels(pin->image);
	model->probabilities = palloc0(model->nlabels * sizeof(double));
	model->labels = palloc0(model->nlabels * sizeof(text *));
	model->record = NULL;
	model->actual = NULL;

	model->bridge = bridge_create(model->mcxt);
	model->session = NULL;
	callback = MemoryContextAllocZero(model->bridge->mcxt, sizeof(*callback));
	callback->func = close_session;
	callback->arg = model;
	MemoryContextRegisterResetCallback(model->bridge->mcxt, callback);
	status = ml_session_open(&model->bridge->ctx, pin->image, bridge_kernel(),
							 &model->session);
	callsite_check(model, status);
	ml_session_limit_decoding(model->session, (size_t) residency_private_memory * 1024);
	model->pin = pin;
	MemoryContextSwitchTo(oldcontext);
	warn_unicode(model);
}

static bool
same_version(const catalog_version *a, const catalog_version *b)
{
	return a->model == b->model && a->relfilenumber == b->relfilenumber &&
		a->version == b->version && a->xmin == b->xmin &&
		memcmp(&a->ctid, &b->ctid, sizeof(a->ctid)) == 0 &&
		memcmp(a->digest, b->digest, CATALOG_DIGEST_SIZE) == 0;
}

static void
forget_record(callsite_model *model)
{
	if (model->record != NULL)
		record_map_destroy(model->record);
	model->record = NULL;
}

/*
 * A new moment: check the caller's right, find the version, open it if it is
 * another than the one at hand.
 */
static void
model_refresh(callsite_model *model)
{
	bool		pushed = !ActiveSnapshotSet();
	Oid			table = model->model;
	catalog_version version;
	Snapshot	snapshot;

	model->moment.lxid = InvalidLocalTransactionId;
	if (table == CALLSITE_DEFAULT_MODEL)
		table = default_model(model);
	if (IsParallelWorker() && catalog_is_temporary(table))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("temporary model %s cannot be used in a parallel worker",
						catalog_name(table)),
				 errhint("Run the query with max_parallel_workers_per_gather = 0, or write the model's name in it as a constant.")));

	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	snapshot = GetActiveSnapshot();
	catalog_require(table, CATALOG_USE);
	catalog_locate(table, model->version, snapshot, &version);
	if (model->pin == NULL || !same_version(&model->pin->version, &version))
	{
		model->pin = NULL;
		MemoryContextReset(model->mcxt);
		model_open(model, &version, snapshot);
	}
	else
		forget_record(model);	/* the row type may have been altered since */
	if (pushed)
		PopActiveSnapshot();
	else
		model->moment = moment_now(snapshot);
}

/* ---------- call sites ---------- */

/*
 * The model's place: its own, a free one, or the one used longest ago.
 */
static callsite_model *
callsite_place(callsite *site, MemoryContext mcxt, Oid table, int32 version)
{
	callsite_model *place = NULL;

	for (int i = 0; i < site->nmodels; i++)
	{
		callsite_model *model = &site->models[i];

		if (model->model == table && model->version == version)
			return model;
		if (place == NULL || model->used < place->used)
			place = model;
	}
	if (site->nmodels < CALLSITE_MODELS)
	{
		place = &site->models[site->nmodels];
		place->mcxt = AllocSetContextCreate(mcxt, "aiaas call site", ALLOCSET_SMALL_SIZES);
		site->nmodels++;
	}
	place->model = table;
	place->version = version;
	place->moment.lxid = InvalidLocalTransactionId;
	return place;
}

static pg_noinline callsite_model *
callsite_switch(FunctionCallInfo fcinfo, Oid table, int32 version)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	callsite   *site = flinfo->fn_extra;
	callsite_model *model;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(callsite));
		flinfo->fn_extra = site;
	}
	model = callsite_place(site, flinfo->fn_mcxt, table, version);
	if (!model_lasts(model))
		model_refresh(model);
	model->used = ++site->clock;
	site->last = model;
	return model;
}

callsite_model *
callsite_get(FunctionCallInfo fcinfo, Oid table, int32 version)
{
	callsite   *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL && site->last != NULL))
	{
		callsite_model *model = site->last;

		if (likely(model->model == table && model->version == version &&
				   model_lasts(model)))
			return model;
	}
	return callsite_switch(fcinfo, table, version);
}

int32
callsite_version(int32 version)
{
	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no version %d: versions are numbered from 1", version)));
	return version;
}

/* ---------- labels and inputs ---------- */

text *
callsite_label(callsite_model *model, uint32 label)
{
	if (unlikely(model->labels[label] == NULL))
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(model->mcxt);

		model->labels[label] = bridge_text_out(ml_image_label(model->pin->image, label));
		MemoryContextSwitchTo(oldcontext);
	}
	return model->labels[label];
}

/*
 * ERROR: the user named a label that the model doesn't know.
 */
static void
report_label(callsite_model *model, text *label)
{
	const ml_image *image = model->pin->image;
	ml_text    *labels = palloc(model->nlabels * sizeof(ml_text));
	int			nearest;
	StringInfoData list;

	for (uint32 i = 0; i < model->nlabels; i++)
		labels[i] = ml_image_label(image, i);
	nearest = ml_text_nearest(bridge_text_in(label), labels, model->nlabels);
	initStringInfo(&list);
	for (uint32 i = 0; i < Min(model->nlabels, LABELS_SHOWN); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 text_to_cstring(callsite_label(model, i)));
	if (model->nlabels > LABELS_SHOWN)
		appendStringInfo(&list, ", and %u more", model->nlabels - LABELS_SHOWN);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has no label \"%s\"", model->subject, text_to_cstring(label)),
			 errdetail("Its labels: %s.", list.data),
			 nearest >= 0 ?
			 errhint("Perhaps you meant \"%s\".",
					 text_to_cstring(callsite_label(model, nearest))) : 0));
}

uint32
callsite_find_label(callsite_model *model, text *label)
{
	int64		found = ml_image_find_label(model->pin->image, bridge_text_in(label));

	if (unlikely(found < 0))
		report_label(model, label);
	return (uint32) found;
}

char *
callsite_column_names(const callsite_model *model)
{
	StringInfoData names;

	initStringInfo(&names);
	for (uint32 i = 0; i < model->ncolumns; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(model->columns[i].name));
	return names.data;
}

static record_target
model_target(const callsite_model *model)
{
	return (record_target) {
		.subject = model->subject,
		.ncolumns = model->ncolumns,
		.columns = model->columns,
		.zone = model->zone
	};
}

const ml_value *
callsite_record(callsite_model *model, HeapTupleHeader record)
{
	Oid			type = HeapTupleHeaderGetTypeId(record);
	int32		typmod = HeapTupleHeaderGetTypMod(record);

	if (unlikely(model->record == NULL || !record_map_fits(model->record, type, typmod)))
	{
		record_target target = model_target(model);

		forget_record(model);
		model->record = record_map_create(model->mcxt, &target, type, typmod);
	}
	return record_map_fetch(model->record, record, model->inputs) ? model->inputs : NULL;
}

/*
 * Types and names of the arguments are those of the expression, so that they
 * stay the same as long as this place.  Anybody may call the functions that
 * get here.  The arguments of an aggregate's transition don't show; the names
 * of its first row hold then.
 */
static void
require_constant(FunctionCallInfo fcinfo, int argument)
{
	Node	   *expression = fcinfo->flinfo->fn_expr;

	if (expression == NULL || !IsA(expression, FuncExpr) ||
		get_fn_expr_variadic(fcinfo->flinfo) ||
		!(AggCheckCallContext(fcinfo, NULL) ||
		  IsA(list_nth(((FuncExpr *) expression)->args, argument), Const)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("columns are passed one by one, and their names as a constant")));
}

static void
map_arguments(callsite_model *model, FunctionCallInfo fcinfo, ArrayType *names, int first)
{
	record_target target = model_target(model);
	int			n = PG_NARGS() - first;
	const char **attributes = palloc(n * sizeof(char *));
	Oid		   *types = palloc(n * sizeof(Oid));
	Datum	   *elements;
	bool	   *nulls;
	int			nnames;

	require_constant(fcinfo, first - 1);
	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nnames);
	if (nnames != n || ARR_HASNULL(names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d columns need as many names", n)));
	for (int i = 0; i < n; i++)
	{
		attributes[i] = TextDatumGetCString(elements[i]);
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, first + i);
	}
	model->record = record_map_create_loose(model->mcxt, &target, n, attributes, types);
}

const ml_value *
callsite_columns(callsite_model *model, FunctionCallInfo fcinfo, int first)
{
	if (unlikely(model->record == NULL))
		map_arguments(model, fcinfo, PG_GETARG_ARRAYTYPE_P(first - 1), first);
	return record_map_fetch_loose(model->record, &fcinfo->args[first], model->inputs) ?
		model->inputs : NULL;
}
