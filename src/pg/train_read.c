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
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "catalog.h"
#include "train.h"

static void
learn_batch(void *state, const source_batch *batch)
{
	train_state *t = state;
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
open_trainer(train_state *t)
{
	ml_column  *columns = palloc0_array(ml_column, t->recipe.nfeatures);
	ml_status	status;

	for (int i = 0; i < t->recipe.nfeatures; i++)
	{
		columns[i].name = train_engine_text(t->recipe.features[i]);
		columns[i].type = ML_TYPE_TEXT;
		columns[i].role = ML_ROLE_TEXT;
	}
	status = ml_trainer_open(&t->b->ctx, &(ml_training)
							 {
								 .algorithm = train_engine_text(t->recipe.algorithm),
								 .options = train_engine_text(t->recipe.options),
								 .task = ML_CLASSIFICATION,
								 .ncolumns = t->recipe.nfeatures,
								 .columns = columns,
								 .target = train_engine_text(t->recipe.target),
								 .memory = (size_t) maintenance_work_mem * 1024,
								 .kernel = bridge_kernel()
							 }, &t->trainer);
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
learn(train_state *t, bool as_owner)
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
void
train_learn(train_state *t, bool as_owner)
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


void
train_open_stored(train_state *t, const char *source, const char *target, ArrayType *features)
{
	identity	caller = become_owner(t->model);

	t->source = source_open(source);
	train_choose_columns(t, target, features);
	become_caller(&caller);
}
