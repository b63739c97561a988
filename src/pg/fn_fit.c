/*-------------------------------------------------------------------------
 *
 * fn_fit.c
 *	  CALL aiaas_fit: a training in several transactions.
 *
 * A function runs in one transaction under one snapshot, and what is deleted
 * anywhere in the database after that cannot be vacuumed until it ends.  That
 * is nothing for seconds, but too much for hours.  So aiaas_fit is a procedure:
 *
 *	  1. what can be settled without a row is settled, and the source is read
 *		 into the trainer's memory and temporary file; COMMIT
 *	  2. the rows are learnt from in a transaction that has no id, no snapshot
 *		 and no lock: it keeps nothing from being vacuumed, and nobody waits for it
 *	  3. the version is stored and deployed; COMMIT
 *
 * With the option "checkpoint", 2 and 3 alternate: after some epochs what there
 * is, with all that going on needs, is stored as a version that can't be
 * deployed, in place of the one before, and the last of these goes with success.
 *
 * Between transactions everything may change: the model may be renamed, dropped
 * or made by somebody else, rights may be revoked, other versions deployed.  So
 * names are resolved once; from then on the model is its OID or, while it is to
 * be created, the OID of its schema and a name; and each transaction that goes
 * on from an earlier one checks existence and rights anew.  These transactions
 * are READ COMMITTED, whatever the session's default: each must see what is there.
 *
 * Memory: all that lives longer than a transaction is in one context below the
 * portal's, which SPI_commit leaves alone, and the temporary file belongs to
 * the bridge therein.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "train.h"

typedef struct fit_state
{
	train_state t;
	Oid			user;			/* who called */
	Oid			schema;			/* of a model that is to be created */
	MemoryContext call;			/* of all this */
	MemoryContext step;			/* of one transaction's work */
	char		relname[NAMEDATALEN];	/* the model's name, as last seen */
	int32		kept;			/* version of the last checkpoint that is committed, 0: none */
	char		told[512];		/* about it */
} fit_state;

/* ------------------------------------------------------------------------
 * Transactions
 */

/*
 * A commit is possible in a CALL that stands alone, or in a procedure or DO
 * block that could commit itself.
 */
static void
require_own_transactions(FunctionCallInfo fcinfo)
{
	bool		called = fcinfo->context != NULL && IsA(fcinfo->context, CallContext);

	if (called && !castNode(CallContext, fcinfo->context)->atomic && !IsSubTransaction())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("aiaas_fit cannot run inside a transaction block, a function or an exception block"),
			 errdetail("It commits when it has read the source, and again when it has stored a version."),
			 errhint("CALL it as a statement of its own (drivers: in autocommit mode), or train within the transaction: SELECT * FROM aiaas_train(...).")));
}

/* What others have committed since the transaction began is seen from here on. */
static void
begin_work(const fit_state *f)
{
	XactIsoLevel = XACT_READ_COMMITTED;
	AcceptInvalidationMessages();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(f->step);
}

/* Commit; the next transaction begins, and holds nothing yet. */
static void
end_work(const fit_state *f)
{
	PopActiveSnapshot();
	MemoryContextSwitchTo(f->call);
	MemoryContextReset(f->step);
	SPI_commit();
}

/* ------------------------------------------------------------------------
 * The model, from one transaction to the next
 */

static void
set_name(fit_state *f, const char *relname)
{
	snprintf(f->relname, sizeof(f->relname), "%s", relname);
}

/* Remember where it is, or is to be created. */
static void
locate_model(fit_state *f)
{
	train_state *t = &f->t;
	RangeVar   *name;

	if (OidIsValid(t->model))
	{
		set_name(f, get_rel_name(t->model));
		return;
	}
	name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(t->name)));
	f->schema = RangeVarGetCreationNamespace(name);
	set_name(f, name->relname);
}

/* It may have been dropped meanwhile. */
static const char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name == NULL ? psprintf("%u", role) : quote_identifier(name);
}

/*
 * SET LOCAL ROLE ends with the transaction: what one user has read must not be
 * stored by another one.
 */
static void
check_user(const fit_state *f)
{
	if (GetUserId() != f->user)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("aiaas_fit was called as role %s, but goes on as %s", role_name(f->user), role_name(GetUserId())),
				 errdetail("SET LOCAL ROLE ends when aiaas_fit commits for the first time."),
				 errhint("Use SET ROLE instead.")));
}

/* The model that was there, under the name that it has now. */
static void
check_same(fit_state *f)
{
	char	   *relname = get_rel_name(f->t.model);

	if (relname == NULL)
	{
		f->kept = 0;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("model %s was dropped while it was trained", quote_identifier(f->relname)),
				 errdetail("What was learnt is lost.")));
	}
	set_name(f, relname);
	train_require_rights(&f->t);
}

/* A model that is to be created may have been made by somebody else. */
static void
check_place(fit_state *f)
{
	char	   *schema = get_namespace_name_or_temp(f->schema);

	if (schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("the schema in which model %s was to be created was dropped while it was trained",
						quote_identifier(f->relname)),
				 errdetail("What was learnt is lost.")));
	f->t.name = MemoryContextStrdup(f->call, quote_qualified_identifier(schema, f->relname));
	f->t.model = catalog_find(f->t.name);
	if (OidIsValid(f->t.model))
		train_require_rights(&f->t);
}

static void
check_anew(fit_state *f)
{
	check_user(f);
	if (OidIsValid(f->t.model))
		check_same(f);
	else
		check_place(f);
}

/* In a transaction of its own, which is over, locks and all, before learning goes on. */
static void
check_alone(fit_state *f)
{
	begin_work(f);
	check_anew(f);
	end_work(f);
}

/* ------------------------------------------------------------------------
 * The steps
 */

static char *
checkpoint_text(const fit_state *f, const Jsonb *manifest, int32 version)
{
	int			done;
	int			epochs;

	(void) manifest_checkpoint(manifest, &done, &epochs);
	return psprintf("%d of %d epochs are kept as version %d of model %s", done, epochs, version, catalog_name(f->t.model));
}

/* The one that is continued is there until another one is. */
static void
remember_checkpoint(fit_state *f)
{
	f->kept = f->t.checkpoint;
	if (f->kept > 0)
		snprintf(f->told, sizeof(f->told), "%s",
				 checkpoint_text(f, catalog_manifest(f->t.model, f->kept, GetActiveSnapshot()), f->kept));
}

static void
read_rows(fit_state *f, FunctionCallInfo fcinfo)
{
	train_open(&f->t, fcinfo, true);
	locate_model(f);
	remember_checkpoint(f);
	train_start_progress(&f->t);
	train_read(&f->t, false);
	SPI_commit();
	check_alone(f);
}

/* Store a version, which replaces the checkpoint before. */
static void
store(fit_state *f)
{
	train_state *t = &f->t;

	check_anew(f);
	train_describe(t);
	if (!OidIsValid(t->model))
		t->model = catalog_resolve(t->name);
	t->version = catalog_store(t->model, t->stored.data, t->stored.size, t->manifest);
	train_drop_checkpoint(t);
}

static void
forget_stored(train_state *t)
{
	ml_buffer_free(&t->b->ctx, &t->stored);
	ml_buffer_free(&t->b->ctx, &t->report);
}

/* The checkpoint is committed: tell of it now, and if it ends in an error. */
static void
commit_checkpoint(fit_state *f)
{
	char	   *told = MemoryContextStrdup(f->call, checkpoint_text(f, f->t.manifest, f->t.version));

	end_work(f);
	f->kept = f->t.version;
	snprintf(f->told, sizeof(f->told), "%s", told);
	pfree(told);
	ereport(NOTICE, (errmsg("%s", f->told)));
}

static void
keep_checkpoint(fit_state *f)
{
	train_state *t = &f->t;
	int64	   *progress = bridge_progress_save();

	bridge_check(t->b, ml_trainer_checkpoint(&t->b->ctx, t->trainer, &t->stored, &t->report), NULL);
	begin_work(f);
	store(f);
	t->checkpoint = t->version;
	commit_checkpoint(f);
	forget_stored(t);
	bridge_progress_restore(progress);
	pfree(progress);
	check_alone(f);
}

static void
learn_in_parts(fit_state *f)
{
	train_state *t = &f->t;
	bool		done = false;

	bridge_check(t->b, ml_trainer_begin(&t->b->ctx, t->trainer), NULL);
	while (!done)
	{
		bridge_check(t->b, ml_trainer_epochs(&t->b->ctx, t->trainer, t->options.network.checkpoint, &done), NULL);
		if (!done)
			keep_checkpoint(f);
	}
}

static void
fit(fit_state *f, FunctionCallInfo fcinfo)
{
	read_rows(f, fcinfo);
	if (f->t.options.network.checkpoint > 0)
		learn_in_parts(f);
	train_finish(&f->t);
	begin_work(f);
	store(f);
	train_deploy(&f->t);
	end_work(f);
	f->kept = 0;
}

/* What an error, or a cancel, leaves behind. */
static void
kept_callback(void *state)
{
	const fit_state *f = state;

	if (f->kept == 0 || geterrcode() == ERRCODE_SUCCESSFUL_COMPLETION || geterrcode() == ERRCODE_WARNING)
		return;
	errcontext("%s", f->told);
	if (geterrcode() == ERRCODE_QUERY_CANCELED || geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
		errhint("Go on by options => '{\"continue_from\": %d}'.", f->kept);
}

/* Its temporary file is closed whatever happens. */
static void
end(fit_state *f, MemoryContext caller)
{
	train_close(&f->t);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(f->call);
}

/* The row of output parameters. */
static Datum
fit_result(FunctionCallInfo fcinfo, int32 version)
{
	TupleDesc	columns;
	Datum		values[1] = {Int32GetDatum(version)};
	bool		nulls[1] = {false};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}

/*
 * CALL aiaas_fit(source, target, model, features, algorithm, options, version)
 */
AIAAS_FUNCTION(aiaas_fit);
Datum
aiaas_fit(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext call;
	ErrorContextCallback callback = {.previous = error_context_stack, .callback = kept_callback};
	fit_state  *f;
	int32		version;

	require_own_transactions(fcinfo);
	PreventCommandIfReadOnly("aiaas_fit()");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	EnsurePortalSnapshotExists();
	call = AllocSetContextCreate(PortalContext, "aiaas fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(call);
	f = palloc0_object(fit_state);
	f->call = call;
	f->step = AllocSetContextCreate(call, "aiaas fit step", ALLOCSET_DEFAULT_SIZES);
	f->user = GetUserId();
	f->t.started = GetCurrentTimestamp();
	callback.arg = f;
	error_context_stack = &callback;
	PG_TRY();
	{
		fit(f, fcinfo);
	}
	PG_CATCH();
	{
		end(f, caller);
		PG_RE_THROW();
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	version = f->t.version;
	bridge_progress_end();
	end(f, caller);
	SPI_finish();
	return fit_result(fcinfo, version);
}
