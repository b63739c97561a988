/*-------------------------------------------------------------------------
 *
 * train_deploy.c
 *	  A new version goes live, or is told why it does not; the checkpoint
 *	  that it came from goes.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "train.h"

/*
 * if_better needs figures to compare, of the live version as of the new one.
 */
void
train_check_comparable(const train_state *t)
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


/* 'accuracy 0.9876' */
static char *
score_text(const Jsonb *manifest, double score)
{
	return psprintf("%s %.4f", manifest_score_name(manifest), score);
}

static void
announce_deploy(const train_state *t, int32 live, const Jsonb *before)
{
	double		score;
	double		old;
	bool		has_score = manifest_score(t->manifest, &score);
	bool		has_old = before != NULL && manifest_score(before, &old);

	if (live == 0)
		return;
	ereport(NOTICE,
			(errmsg("version %d of model %s is live: %s", t->version, catalog_name(t->model),
					has_score ? psprintf("%s on rows held out", score_text(t->manifest, score)) :
					"not measured, no rows were held out"),
			 has_old ? errdetail("Version %d had %s.", live, score_text(before, old)) :
			 errdetail("Version %d has no stored metrics.", live),
			 errhint("To go back: SELECT aiaas_rollback(%s);", quote_literal_cstr(catalog_name(t->model)))));
}

static void
announce_stored(const train_state *t, const char *reason)
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
warn_of_other_target(const train_state *t, int32 live, const Jsonb *before)
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

/* Are both measured, and by the same figure? */
static bool
comparable(const Jsonb *manifest, const Jsonb *before, double *score, double *old)
{
	return before != NULL && manifest_score(manifest, score) && manifest_score(before, old) &&
		strcmp(manifest_score_name(manifest), manifest_score_name(before)) == 0;
}

/* Why the new version is not to go live; NULL: it is. */
static char *
objection(const train_state *t, int32 live, const Jsonb *before)
{
	double		score;
	double		old;

	if (t->options.deploy == ML_DEPLOY_NO)
		return "\"deploy\" is false";
	if (t->options.deploy == ML_DEPLOY_IF_BETTER && live != 0)
	{
		if (!comparable(t->manifest, before, &score, &old))
			return psprintf("it and version %d have no metrics to compare", live);
		if (!(score > old))
			return psprintf("its %s is not better than %.4f of version %d",
							score_text(t->manifest, score), old, live);
	}
	return catalog_permits(t->model, CATALOG_DEPLOY) ? NULL : "you have no right to deploy";
}

void
train_deploy(const train_state *t)
{
	Jsonb	   *before = NULL;
	const char *reason;
	int32		live;

	/* compare with what is live now, not when the training began */
	PushActiveSnapshot(GetTransactionSnapshot());
	live = catalog_live(t->model, GetActiveSnapshot());
	if (live != 0)
	{
		before = catalog_manifest(t->model, live, GetActiveSnapshot());
		warn_of_other_target(t, live, before);
	}
	PopActiveSnapshot();
	reason = objection(t, live, before);
	if (reason != NULL)
	{
		announce_stored(t, reason);
		return;
	}
	catalog_deploy(t->model, t->version, "deploy");
	announce_deploy(t, live, before);
}

void
train_drop_checkpoint(train_state *t)
{
	if (t->checkpoint == 0)
		return;
	if (catalog_permits(t->model, CATALOG_DROP))
		catalog_drop_checkpoint(t->model, t->checkpoint);
	else
		ereport(NOTICE,
				(errmsg("checkpoint %d of model %s is not dropped: you have no right to", t->checkpoint, catalog_name(t->model))));
	t->checkpoint = 0;
}

int32
train_recent_version(Oid model, Snapshot snapshot)
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
