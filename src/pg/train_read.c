/*-------------------------------------------------------------------------
 *
 * train_read.c
 *	  Reading the rows of a training, and fitting.
 *
 * aiaas_train reads the source as the caller, like any query of hers.
 * aiaas_retrain reads the source that a manifest names, which whoever may
 * train the model could have written; so it runs as the owner of the model,
 * in a security-restricted operation, with search_path pg_catalog.
 *
 * Where sums of products are all that the fit needs, the server adds them up:
 * an aggregate over the table runs in parallel, and no row is kept.  It skips
 * rows with NULLs and says that there were some; then they are read the
 * ordinary way after all.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "aggregate.h"
#include "catalog.h"
#include "residency.h"
#include "train.h"

#define SUMS_MAX	98			/* columns: a function takes 100 arguments, with weight and target */

void
train_read_options(train_state *t)
{
	ml_status	status;

	t->b = bridge_create(CurrentMemoryContext);
	status = ml_options_read(&t->b->ctx, &t->arena, train_engine_text(t->recipe.algorithm),
							 train_engine_text(t->recipe.options), &t->options);
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

void
train_open_stored(train_state *t, const char *source, const char *target, ArrayType *features)
{
	identity	caller = become_owner(t->model);

	t->source = source_open(source);
	train_choose_columns(t, target, features);
	become_caller(&caller);
}

/*
 * The trainer.
 */

/* The live version, to start from; NULL if there is none. */
static const ml_image *
live_image(const train_state *t)
{
	Snapshot	snapshot = GetActiveSnapshot();
	catalog_version version;

	if (!OidIsValid(t->model) || catalog_live(t->model, snapshot) == 0)
		return NULL;
	catalog_locate(t->model, 0, snapshot, &version);
	return residency_acquire(&version, snapshot, CurrentMemoryContext)->image;
}

/* The stored file of the version that is gone on with, as long as the trainer lives. */
static ml_text
read_start(const train_state *t)
{
	Snapshot	snapshot = GetActiveSnapshot();
	catalog_version version;
	uint8		digest[CATALOG_DIGEST_SIZE];
	ml_text		start;

	catalog_locate(t->model, t->recipe.continued_from, snapshot, &version);
	start.data = catalog_read(&version, snapshot, CurrentMemoryContext, &start.size);
	catalog_digest(start.data, start.size, digest);
	catalog_check_digest(&version, digest);
	return start;
}

static void
open_trainer(train_state *t)
{
	ml_training training = {
		.algorithm = train_engine_text(t->recipe.algorithm),
		.options = train_engine_text(t->recipe.options),
		.task = t->task,
		.ncolumns = t->want.ninputs,
		.columns = t->columns,
		.target = train_engine_text(t->recipe.target),
		.target_type = t->asked ? ML_TYPE_TEXT : source_column_type(t->source, t->want.target),
		.memory = (size_t) maintenance_work_mem * 1024,
		.kernel = bridge_kernel()
	};

	if (t->recipe.time_zone != NULL)
		training.time_zone = train_engine_text(t->recipe.time_zone);
	if (t->options.warm_start)
		training.live = live_image(t);
	if (t->recipe.continued_from > 0)
		training.start = read_start(t);
	bridge_expect_rows();
	bridge_check(t->b, ml_trainer_open(&t->b->ctx, &training, &t->trainer), NULL);
}

/*
 * Sums by an aggregate.
 */

/* Is it known from ANALYZE that the column has NULLs? */
static bool
has_nulls(const source *s, int column)
{
	AttrNumber	attnum = TupleDescAttr(s->columns, column)->attnum;
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(s->relation),
										Int16GetDatum(attnum),
										BoolGetDatum(s->relkind == RELKIND_PARTITIONED_TABLE));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac > 0;
	ReleaseSysCache(tuple);
	return result;
}

/* Can aiaas.gram take the column for what the engine would read? */
static bool
can_sum(const source *s, int column, const ml_column *as)
{
	return (as->type == ML_TYPE_NUMBER || as->type == ML_TYPE_INTEGER || as->type == ML_TYPE_BOOLEAN) &&
		ml_column_form(as->type, as->role) == ML_FORM_NUMBER &&
		getBaseType(TupleDescAttr(s->columns, column)->atttypid) != INTERVALOID && !has_nulls(s, column);
}

/*
 * A table only: a query might give other rows at the second time, or take long.
 */
static bool
sums_suffice(const train_state *t)
{
	const source *s = t->source;
	ml_column	target = {.type = source_column_type(s, t->want.target), .role = ML_ROLE_NUMBER};

	if ((s->relkind != RELKIND_RELATION && s->relkind != RELKIND_PARTITIONED_TABLE &&
		 s->relkind != RELKIND_MATVIEW) ||
		t->want.ninputs > SUMS_MAX || !t->want.is_number || t->want.split >= 0 ||
		!ml_trainer_takes_gram(t->trainer) || !can_sum(s, t->want.target, &target))
		return false;
	for (int i = 0; i < t->want.ninputs; i++)
		if (!can_sum(s, t->want.inputs[i], &t->columns[i]))
			return false;
	return true;
}

/* NULL: there are no rows, or some that must be looked at. */
static ml_gram *
add_up(const train_state *t)
{
	const source *s = t->source;
	StringInfoData call;
	Datum		state;
	bool		isnull;
	ml_gram    *gram;

	initStringInfo(&call);
	appendStringInfo(&call, "aiaas.gram(%s::pg_catalog.float8, %s",
					 t->want.weight >= 0 ? quote_identifier(source_column_name(s, t->want.weight)) : "1",
					 quote_identifier(source_column_name(s, t->want.target)));
	for (int i = 0; i < t->want.ninputs; i++)
		appendStringInfo(&call, ", %s", quote_identifier(source_column_name(s, t->want.inputs[i])));
	appendStringInfoChar(&call, ')');
	state = source_compute(s, call.data, &isnull);
	if (isnull)
		return NULL;
	gram = aggregate_gram(state);
	return ml_gram_marks(gram) == 0 && ml_gram_nrows(gram) > 0 ? gram : NULL;
}

/*
 * Rows.
 */
static void
learn_batch(void *state, const ml_batch *batch)
{
	train_state *t = state;

	bridge_check(t->b, ml_trainer_add(&t->b->ctx, t->trainer, batch), NULL);
}

/* Read the rows, or their sums, which are returned. */
static ml_gram *
read_source(train_state *t, bool as_owner, bool sums)
{
	identity	caller = {0};
	ml_gram    *gram = NULL;

	if (as_owner)
		caller = become_owner(t->model);
	if (sums && sums_suffice(t))
		gram = add_up(t);
	if (gram == NULL)
	{
		(void) source_read(t->source, &t->want, learn_batch, t);
		train_read_validation(t, learn_batch, t);
	}
	if (as_owner)
		become_caller(&caller);
	return gram;
}

/*
 * The steps: read, finish, close.
 */
void
train_read(train_state *t, bool as_owner)
{
	open_trainer(t);
	t->sums = read_source(t, as_owner, true);
}

void
train_finish(train_state *t)
{
	ml_context *ctx = &t->b->ctx;

	bridge_check(t->b, t->sums == NULL ? ml_trainer_finish(ctx, t->trainer, &t->stored, &t->report) :
				 ml_trainer_finish_gram(ctx, t->trainer, t->sums, &t->stored, &t->report), NULL);
}

void
train_close(train_state *t)
{
	if (t->trainer != NULL)
		ml_trainer_close(&t->b->ctx, t->trainer);
	t->trainer = NULL;
}

/*
 * The trainer is closed whatever happens: it may hold more than memory of ours.
 */
void
train_learn(train_state *t, bool as_owner)
{
	PG_TRY();
	{
		train_read(t, as_owner);
		train_finish(t);
	}
	PG_CATCH();
	{
		train_close(t);
		PG_RE_THROW();
	}
	PG_END_TRY();
	train_close(t);
}

void
train_cross_validate(train_state *t, int folds, double *values, uint64 *rows)
{
	PG_TRY();
	{
		open_trainer(t);
		(void) read_source(t, false, false);
		bridge_check(t->b, ml_trainer_cross_validate(&t->b->ctx, t->trainer, folds, values, rows), NULL);
	}
	PG_CATCH();
	{
		train_close(t);
		PG_RE_THROW();
	}
	PG_END_TRY();
	train_close(t);
}
