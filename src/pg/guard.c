/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  The trigger that keeps versions immutable: aiaas.guard().
 *
 * On a model's table it allows
 *	  INSERT of rows of a version that this transaction itself writes, under a
 *			 number that no dropped version had, and of a head;
 *	  UPDATE of the head, to a head that makes sense; a checkpoint is never live;
 *	  DELETE of versions that the head lists as dropped;
 * and refuses everything else.  Rows may come in any order (a restore copies
 * them as they lie), and a restore that loads data before triggers, or with
 * triggers disabled, never gets here.
 *
 * A model that belongs to the extension (aiaas.sentiment) is written by the
 * extension's own scripts only.
 *
 * The guard protects users from mistakes, not the server from owners: an
 * owner can drop it.  What is read is validated again whoever wrote it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog_rows.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "manifest.h"

/* One refusal: what was tried, and the right way. */
static void
refuse_as(int sqlstate, Relation rel, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("model %s: %s", catalog_name(RelationGetRelid(rel)), what),
			 errhint("%s", hint)));
}

static void
refuse(Relation rel, const char *what, const char *hint)
{
	refuse_as(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, rel, what, hint);
}

static void
refuse_checkpoint(Relation rel, int32 version)
{
	refuse(rel, psprintf("version %d is a checkpoint, a training that has not ended", version),
		   psprintf("Go on with it by options => '{\"continue_from\": %d}', and deploy what comes of it.", version));
}

static bool
find_head(Relation rel, const catalog_columns *columns, Snapshot snapshot, catalog_head_state *head)
{
	catalog_scan scan;
	Jsonb	   *json;

	catalog_scan_begin(&scan, rel, columns, snapshot);
	json = catalog_scan_manifest(&scan, 0);
	catalog_scan_end(&scan);
	return json != NULL && catalog_head_parse(json, head);
}

/* The head as it is now, this transaction's changes included. */
static bool
read_head(Relation rel, const catalog_columns *columns, catalog_head_state *head)
{
	return find_head(rel, columns, SnapshotSelf, head);
}

/*
 * Was the version dropped?  Others may be updating the head: what looks at rows
 * as they are now may find none of its row versions then, a snapshot finds one.
 */
static bool
was_dropped(Relation rel, const catalog_columns *columns, int32 version)
{
	catalog_head_state head;
	Snapshot	latest;
	bool		result;

	if (read_head(rel, columns, &head) && catalog_head_drops(&head, version))
		return true;
	latest = RegisterSnapshot(GetLatestSnapshot());
	result = find_head(rel, columns, latest, &head) && catalog_head_drops(&head, version);
	UnregisterSnapshot(latest);
	return result;
}

static int32
key_column(HeapTuple tuple, AttrNumber column, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? CATALOG_ANY : DatumGetInt32(value);
}

/* The manifest column as a JSON object, or NULL. */
static Jsonb *
manifest_column(HeapTuple tuple, const catalog_columns *columns, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, columns->manifest, desc, &isnull);
	Jsonb	   *manifest = isnull ? NULL : DatumGetJsonbP(value);

	return manifest != NULL && JB_ROOT_IS_OBJECT(manifest) ? manifest : NULL;
}

/* True when a row of the version is there that this transaction did not write. */
static bool
written_by_others(Relation rel, const catalog_columns *columns, int32 version)
{
	SnapshotData dirty;
	catalog_scan scan;
	HeapTuple	tuple;
	bool		result;

	InitDirtySnapshot(dirty);
	catalog_scan_begin(&scan, rel, columns, &dirty);
	catalog_scan_seek(&scan, version, CATALOG_ANY);
	tuple = catalog_scan_next(&scan);

	/*
	 * One row tells: rows of a version are never added to by another
	 * transaction than the first.
	 */
	result = tuple != NULL &&
		!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	catalog_scan_end(&scan);
	return result;
}

/* Can the version be live: is it there, and no checkpoint? */
static void
check_live(Relation rel, const catalog_columns *columns, int32 version, bool must_exist)
{
	catalog_scan scan;
	HeapTuple	tuple;
	Jsonb	   *manifest = NULL;
	bool		found;

	catalog_scan_begin(&scan, rel, columns, SnapshotSelf);
	catalog_scan_seek(&scan, version, 0);
	tuple = catalog_scan_next(&scan);
	found = tuple != NULL;
	if (found)
		manifest = catalog_row_manifest(&scan, tuple);
	catalog_scan_end(&scan);
	if (!found && must_exist)
		refuse(rel, psprintf("version %d does not exist", version),
			   "Deploy an existing version: aiaas_versions lists them.");
	if (manifest != NULL && manifest_checkpoint(manifest, NULL, NULL))
		refuse_checkpoint(rel, version);
}

/* ERROR if another transaction has written the version. */
static void
check_unwritten(Relation rel, const catalog_columns *columns, int32 version, int32 chunk)
{
	if (written_by_others(rel, columns, version))
		refuse_as(chunk == 0 ? ERRCODE_UNIQUE_VIOLATION : ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				  rel, psprintf("version %d exists, and versions never change", version),
				  "A new version is written by aiaas_train, aiaas_retrain or aiaas_import.");
}

static void
check_insert(Relation rel, const catalog_columns *columns, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int32		version = key_column(new, columns->version, desc);
	int32		chunk = key_column(new, columns->chunk, desc);
	bool		no_manifest = heap_attisnull(new, columns->manifest, desc);
	bool		no_data = heap_attisnull(new, columns->data, desc);
	Jsonb	   *manifest;
	catalog_head_state head;

	if (version < 0 || chunk < 0 || (version == 0 && chunk != 0) ||
		no_manifest != (chunk != 0) || no_data != (chunk == 0))
		refuse(rel, "this row is no part of a model",
			   "Versions are written by aiaas_train, aiaas_retrain and aiaas_import.");
	if (version == 0)
	{
		Jsonb	   *json = manifest_column(new, columns, desc);

		if (json == NULL || !catalog_head_parse(json, &head))
			refuse(rel, "this head makes no sense",
				   "The head is written by aiaas_deploy, aiaas_rollback and aiaas_drop_version.");
		/* rows come in any order */
		if (head.live != 0)
			check_live(rel, columns, head.live, false);
		return;
	}

	/*
	 * A manifest opens a version: where another transaction was faster, and may
	 * have dropped it already, that is a duplicate key, and catalog_store takes
	 * the next number.
	 */
	check_unwritten(rel, columns, version, chunk);
	if (chunk != 0)
		return;
	if (was_dropped(rel, columns, version))
		refuse_as(ERRCODE_UNIQUE_VIOLATION, rel,
				  psprintf("version %d was dropped, and numbers are never used again", version),
				  "A new version is written by aiaas_train, aiaas_retrain or aiaas_import.");
	manifest = manifest_column(new, columns, desc);
	if (manifest == NULL || !manifest_checkpoint(manifest, NULL, NULL) ||
		!read_head(rel, columns, &head) || head.live != version)
		return;
	/* another transaction may have written and deployed one of that number since we looked */
	check_unwritten(rel, columns, version, chunk);
	refuse_checkpoint(rel, version);
}

static void
check_update(Relation rel, const catalog_columns *columns, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Jsonb	   *json;
	catalog_head_state before;
	catalog_head_state after;

	if (key_column(old, columns->version, desc) != 0 || key_column(old, columns->chunk, desc) != 0 ||
		key_column(new, columns->version, desc) != 0 || key_column(new, columns->chunk, desc) != 0)
		refuse(rel, "versions never change",
			   "A new version is written by aiaas_train, aiaas_retrain or aiaas_import; aiaas_deploy chooses the one that is live.");
	json = manifest_column(new, columns, desc);
	if (json == NULL || !catalog_head_parse(json, &after) ||
		!heap_attisnull(new, columns->data, desc))
		refuse(rel, "this head makes no sense",
			   "The head is written by aiaas_deploy, aiaas_rollback and aiaas_drop_version.");
	if (after.live != 0)
		check_live(rel, columns, after.live, true);
	json = manifest_column(old, columns, desc);
	if (json == NULL || !catalog_head_parse(json, &before))
		return;					/* a repair */
	for (int i = 0; i < before.ndropped; i++)
		if (!catalog_head_drops(&after, before.dropped[i]))
			refuse(rel, psprintf("version %d was dropped, and numbers are never used again",
								 before.dropped[i]),
				   "Keep what the head lists as dropped.");
}

static void
check_delete(Relation rel, const catalog_columns *columns, HeapTuple old)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int32		version = key_column(old, columns->version, desc);
	catalog_head_state head;

	if (version == 0 || !read_head(rel, columns, &head) || !catalog_head_drops(&head, version))
		refuse(rel, "rows of a model are not deleted one by one",
			   "Use aiaas_drop_version, or DROP TABLE for the whole model.");
}

/* The extension's own models change with the extension only. */
static void
check_member(Relation rel)
{
	Oid			extension = getExtensionOfObject(RelationRelationId, RelationGetRelid(rel));

	if (OidIsValid(extension) && extension == catalog_extension_oid() &&
		!(creating_extension && CurrentExtensionObject == extension))
		refuse(rel, "it belongs to the extension aiaas and cannot be changed",
			   "Make a copy of your own: aiaas_import(name, data) of what aiaas_export gives.");
}

AIAAS_FUNCTION(aiaas_guard);
Datum
aiaas_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	catalog_columns columns;
	Relation	rel;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aiaas.guard must be called as a BEFORE trigger")));
	rel = trigger->tg_relation;
	if (!catalog_find_columns(RelationGetDescr(rel), &columns))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aiaas.guard is a trigger for models, and %s is none",
						catalog_name(RelationGetRelid(rel)))));
	check_member(rel);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		refuse(rel, "a model is not truncated",
			   "Use aiaas_drop_version, or DROP TABLE for the whole model.");
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		PG_RETURN_POINTER(NULL);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		check_insert(rel, &columns, trigger->tg_trigtuple);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		check_update(rel, &columns, trigger->tg_trigtuple, trigger->tg_newtuple);
		PG_RETURN_POINTER(trigger->tg_newtuple);
	}
	else
		check_delete(rel, &columns, trigger->tg_trigtuple);
	PG_RETURN_POINTER(trigger->tg_trigtuple);
}
