/*-------------------------------------------------------------------------
 *
 * catalog_write.c
 *	  Model tables: creating, storing versions, deploying, dropping.
 *
 * Everything is written by SQL through SPI as the current user, so that the
 * server's own checks, triggers, replication and locks apply.  Statements are
 * schema-qualified down to the operators, and touch the table ONLY.
 *
 * Who deploys, rolls back or drops holds the head's row lock until the end of
 * the transaction; the next one waits for it and then sees the new head (READ
 * COMMITTED) or fails with 40001 (REPEATABLE READ and above).
 *
 * Storing takes no such lock.  A version's number is the highest that any
 * transaction has written or dropped, plus one; two trainings that choose the
 * same number in the same instant meet at the primary key, and the second one
 * takes the next number.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog_rows.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "document.h"
#include "manifest.h"

#define HISTORY_LIMIT	256		/* entries kept in a head: a head stays small */
#define STORE_ATTEMPTS	100
#define HEAD_ATTEMPTS	10

/* ------------------------------------------------------------------------
 * SQL
 */

static char *
qualified_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}

/* Run one statement with %s replaced by the model's name. */
static void
run(Oid model, const char *sql, int expected, int nargs, Oid *types, Datum *values,
	const char *nulls, int64 rows)
{
	char	   *statement = psprintf(sql, qualified_name(model));
	int			result = SPI_execute_with_args(statement, nargs, types, values, nulls, false, 0);

	if (result != expected && result != SPI_OK_REWRITTEN)
		elog(ERROR, "could not write model %s: %s", catalog_name(model),
			 SPI_result_code_string(result));
	/* a rule or a trigger of the owner's may have swallowed the row */
	if (result == SPI_OK_REWRITTEN || (rows >= 0 && SPI_processed != rows))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model %s did not take the row that was written", catalog_name(model)),
				 errhint("A trigger or a rule on the table changes what is written to it.")));
}

static void
insert_row(Oid model, int32 version, int32 chunk, Jsonb *manifest, bytea *data)
{
	Oid			types[] = {INT4OID, INT4OID, JSONBOID, BYTEAOID};
	Datum		values[] = {Int32GetDatum(version), Int32GetDatum(chunk),
					  PointerGetDatum(manifest), PointerGetDatum(data)};
	const char	nulls[] = {' ', ' ', manifest == NULL ? 'n' : ' ', data == NULL ? 'n' : ' '};

	run(model, "INSERT INTO %s (version, chunk, manifest, data) VALUES ($1, $2, $3, $4)",
		SPI_OK_INSERT, lengthof(types), types, values, nulls, 1);
}

/*
 * Run a step in a subtransaction: false, and undone, when another transaction
 * has taken the name or number that it wanted.
 */
static bool
attempt(void (*step) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		step(arg);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		/* before throwing on: a caller may catch, and knows only its own */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	/* of a table the row type may be met first */
	if (error != NULL && error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION &&
		error->sqlerrcode != ERRCODE_DUPLICATE_TABLE && error->sqlerrcode != ERRCODE_DUPLICATE_OBJECT)
		ReThrowError(error);
	return error == NULL;
}

typedef struct manifest_row
{
	Oid			model;
	int32		version;
	Jsonb	   *manifest;
} manifest_row;

/*
 * The tombstones that are committed or our own.  Not by a dirty scan: that may
 * miss a head that is updated just then.
 */
static void
read_dropped(Relation rel, const catalog_columns *columns, catalog_head_state *head)
{
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	catalog_scan scan;
	Jsonb	   *json;

	catalog_scan_begin(&scan, rel, columns, latest);
	json = catalog_scan_manifest(&scan, 0);
	catalog_scan_end(&scan);
	UnregisterSnapshot(latest);
	if (json == NULL || !catalog_head_parse(json, head))
		head->ndropped = 0;
}

static bool
is_dropped(Oid model, int32 version)
{
	Relation	rel = catalog_open(model);
	catalog_columns columns;
	catalog_head_state head;

	(void) catalog_find_columns(RelationGetDescr(rel), &columns);
	read_dropped(rel, &columns, &head);
	table_close(rel, NoLock);
	return catalog_head_drops(&head, version);
}

/*
 * While it waited for another transaction's row of that number, that may have
 * been dropped again.  From here on nobody else can write it.
 */
static void
insert_manifest(void *arg)
{
	manifest_row *row = arg;

	insert_row(row->model, row->version, 0, row->manifest, NULL);
	if (row->version > 0 && is_dropped(row->model, row->version))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("version %d of model %s was dropped meanwhile", row->version, catalog_name(row->model))));
}

/* Insert (version, 0): false when another transaction has written that row. */
static bool
insert_unless_taken(Oid model, int32 version, Jsonb *manifest)
{
	return attempt(insert_manifest, &(manifest_row) {model, version, manifest});
}

/* ------------------------------------------------------------------------
 * Heads
 */

void
catalog_append_stamp(StringInfo json)
{
	char		buffer[MAXDATELEN + 1];
	int			utc = 0;

	appendStringInfoString(json, "\"at\": ");
	escape_json(json, JsonEncodeDateTime(buffer, TimestampTzGetDatum(GetCurrentTimestamp()),
										 TIMESTAMPTZOID, &utc));
	appendStringInfoString(json, ", \"by\": ");
	escape_json(json, GetUserNameFromId(GetUserId(), false));
}

/* The history without its oldest entries, and action on version appended. */
static void
append_history(StringInfo json, JsonbContainer *history, int32 version, const char *action)
{
	int			n = history == NULL ? 0 : JsonContainerSize(history);
	int			first = Max(0, n - (HISTORY_LIMIT - 1));

	appendStringInfoChar(json, '[');
	for (int i = action == NULL ? 0 : first; i < n; i++)
	{
		JsonbValue *entry = getIthJsonbValueFromContainer(history, i);

		/* anything but an object was not written by us */
		if (entry->type != jbvBinary)
			continue;
		if (json->data[json->len - 1] != '[')
			appendStringInfoString(json, ", ");
		(void) JsonbToCString(json, entry->val.binary.data, entry->val.binary.len);
	}
	if (action != NULL)
	{
		appendStringInfo(json, "%s{\"version\": %d, \"action\": ",
						 json->data[json->len - 1] != '[' ? ", " : "", version);
		escape_json(json, action);
		appendStringInfoString(json, ", ");
		catalog_append_stamp(json);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/*
 * The head after action ("deploy", "rollback") on version, or, with action
 * NULL, after dropping version (0: after nothing).
 */
static Jsonb *
next_head(const catalog_head_state *state, int32 version, const char *action)
{
	StringInfoData json;
	int32		live = action != NULL ? version : state->live;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"format\": %d, \"live\": ", CATALOG_HEAD_FORMAT);
	if (live > 0)
		appendStringInfo(&json, "%d", live);
	else
		appendStringInfoString(&json, "null");
	appendStringInfoString(&json, ", \"history\": ");
	append_history(&json, state->history, version, action);
	appendStringInfoString(&json, ", \"dropped\": [");
	for (int i = 0; i < state->ndropped; i++)
		appendStringInfo(&json, "%s%d", i > 0 ? ", " : "", state->dropped[i]);
	if (action == NULL && version > 0)
		appendStringInfo(&json, "%s%d", state->ndropped > 0 ? ", " : "", version);
	appendStringInfoString(&json, "]}");
	return document_parse(json.data);
}

/*
 * Take the head's row lock and read the newest head.  A model that was never
 * deployed has none and gets it first, which is an INSERT.  SPI is connected.
 */
static void
lock_head(Oid model, catalog_head_state *state)
{
	char	   *sql = psprintf("SELECT manifest FROM ONLY %s"
							   " WHERE version OPERATOR(pg_catalog.=) 0"
							   " AND chunk OPERATOR(pg_catalog.=) 0 FOR NO KEY UPDATE",
							   qualified_name(model));

	for (int attempt = 0; attempt < HEAD_ATTEMPTS; attempt++)
	{
		catalog_head_state none = {0};
		bool		isnull;
		Datum		value;
		Jsonb	   *head;

		if (SPI_execute(sql, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not lock the head of model %s", catalog_name(model));
		if (SPI_processed == 0)
		{
			catalog_require(model, CATALOG_TRAIN);
			(void) insert_unless_taken(model, 0, next_head(&none, 0, NULL));
			continue;
		}
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		head = isnull ? NULL : DatumGetJsonbPCopy(value);
		if (head == NULL || !catalog_head_parse(head, state))
			catalog_reject_head(model, head);
		return;
	}
	/* another transaction's, which our snapshot does not see */
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update"),
			 errdetail("Another transaction wrote the first head of model %s.",
					   catalog_name(model))));
}

static void
update_head(Oid model, Jsonb *head)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {PointerGetDatum(head)};

	run(model, "UPDATE ONLY %s SET manifest = $1"
			   " WHERE version OPERATOR(pg_catalog.=) 0 AND chunk OPERATOR(pg_catalog.=) 0",
		SPI_OK_UPDATE, lengthof(types), types, values, NULL, 1);
}

/*
 * The model's lock, checks and privilege, and SPI, for one change.
 *
 * As for an UPDATE, the table's lock is taken at its full strength at once: to
 * raise it later, with an index locked meanwhile, is a deadlock with REINDEX.
 */
static void
begin_change(Oid model, catalog_right right)
{
	PreventCommandDuringRecovery("a change of a model");
	LockRelationOid(model, RowExclusiveLock);
	table_close(catalog_open(model), NoLock);
	catalog_require(model, right);
	SPI_connect();
}

/* A checkpoint is to be gone on with, not used. */
static void
refuse_checkpoint(Oid model, int32 version, const Jsonb *manifest)
{
	int			done;
	int			epochs;

	if (!manifest_checkpoint(manifest, &done, &epochs))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model %s is a checkpoint, a training that has not ended", version, catalog_name(model)),
			 errdetail("It has %d of %d epochs.", done, epochs),
			 errhint("Go on with it by options => '{\"continue_from\": %d}', and deploy what comes of it.", version)));
}

/*
 * ERROR unless the version exists, as the statements that follow see it, and,
 * if it is to serve, has a manifest that makes sense and is no checkpoint's.
 */
static void
require_version(Oid model, int32 version, bool to_serve)
{
	catalog_version found;
	Jsonb	   *manifest;

	PushActiveSnapshot(GetTransactionSnapshot());
	manifest = catalog_find_manifest(model, version, GetActiveSnapshot());
	if (to_serve)
	{
		catalog_locate(model, version, GetActiveSnapshot(), &found);
		refuse_checkpoint(model, version, manifest);
	}
	PopActiveSnapshot();
}

/* Is there such a version, and is it a checkpoint or is it none? */
static bool
has_version(Oid model, int32 version, bool checkpoint)
{
	int32	   *versions;
	int			n;
	bool		found = false;
	Jsonb	   *manifest;

	PushActiveSnapshot(GetTransactionSnapshot());
	n = catalog_versions(model, GetActiveSnapshot(), &versions);
	for (int i = 0; i < n && !found; i++)
		found = versions[i] == version;
	manifest = found ? catalog_find_manifest(model, version, GetActiveSnapshot()) : NULL;
	PopActiveSnapshot();
	pfree(versions);
	return found && (manifest != NULL && manifest_checkpoint(manifest, NULL, NULL)) == checkpoint;
}

void
catalog_deploy(Oid model, int32 version, const char *action)
{
	catalog_head_state head;

	begin_change(model, CATALOG_DEPLOY);
	lock_head(model, &head);
	require_version(model, version, true);
	if (head.live != version)
		update_head(model, next_head(&head, version, action));
	SPI_finish();
}

/*
 * What was live before.  The history is replayed as a stack: a deploy pushes,
 * a rollback pops down to the version that it went back to; so two rollbacks
 * go back two steps.  Dropped versions are passed over.
 */
static int32
previous_version(Oid model, const catalog_head_state *head)
{
	int			n = JsonContainerSize(head->history);
	int32	   *stack = palloc((n + 1) * sizeof(int32));
	int			depth = 0;

	for (int i = 0; i < n; i++)
	{
		JsonbValue *entry = getIthJsonbValueFromContainer(head->history, i);
		int64		version;
		char	   *action;

		if (entry->type != jbvBinary ||
			!document_integer(entry->val.binary.data, "version", 1, PG_INT32_MAX, &version))
			continue;
		action = document_string(entry->val.binary.data, "action");
		if (action != NULL && strcmp(action, "rollback") == 0)
			while (depth > 0 && stack[depth - 1] != version)
				depth--;
		if (depth == 0 || stack[depth - 1] != version)
			stack[depth++] = version;
	}
	while (depth > 0)
	{
		int32		version = stack[--depth];

		if (version != head->live && has_version(model, version, false))
			return version;
	}
	return 0;
}

int32
catalog_rollback(Oid model)
{
	catalog_head_state head;
	int32		version;

	begin_change(model, CATALOG_DEPLOY);
	lock_head(model, &head);
	version = previous_version(model, &head);
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model %s has no version to roll back to", catalog_name(model)),
				 head.live > 0 ?
				 errdetail("Version %d is the only one that was ever live and still exists.",
						   head.live) :
				 errdetail("No version was ever live.")));
	update_head(model, next_head(&head, version, "rollback"));
	SPI_finish();
	return version;
}

static void
drop(Oid model, const catalog_head_state *head, int32 version)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(version)};

	update_head(model, next_head(head, version, NULL));
	run(model, "DELETE FROM ONLY %s WHERE version OPERATOR(pg_catalog.=) $1",
		SPI_OK_DELETE, lengthof(types), types, values, NULL, -1);
}

void
catalog_drop_version(Oid model, int32 version)
{
	catalog_head_state head;

	begin_change(model, CATALOG_DROP);
	lock_head(model, &head);
	require_version(model, version, false);
	if (head.live == version)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model %s is live", version, catalog_name(model)),
				 errhint("Deploy another version first, or drop the whole model: DROP TABLE %s;",
						 catalog_name(model))));
	drop(model, &head, version);
	SPI_finish();
}

void
catalog_drop_checkpoint(Oid model, int32 version)
{
	catalog_head_state head;

	begin_change(model, CATALOG_DROP);
	lock_head(model, &head);
	if (head.live != version && has_version(model, version, true))
		drop(model, &head, version);
	SPI_finish();
}

/* ------------------------------------------------------------------------
 * Storing
 */

/* Digest, size and number of chunks join what the caller knows. */
static Jsonb *
complete_manifest(const void *stored, size_t size, Jsonb *manifest)
{
	uint8		digest[CATALOG_DIGEST_SIZE];
	char		hex[2 * CATALOG_DIGEST_SIZE + 1];
	char	   *facts;

	catalog_digest(stored, size, digest);
	hex[hex_encode((const char *) digest, sizeof(digest), hex)] = '\0';
	facts = psprintf("{\"format\": %d, \"digest\": \"%s\", \"bytes\": %zu, \"chunks\": %zu}",
					 CATALOG_MANIFEST_FORMAT, hex, size,
					 (size + CATALOG_CHUNK_SIZE - 1) / CATALOG_CHUNK_SIZE);
	return document_merge(manifest, document_parse(facts));
}

/*
 * The highest number that was ever used, as far as anybody has written it:
 * rows, those of transactions under way included, and tombstones.
 *
 * The head is read last: a version that was dropped before its row was looked
 * at is in it.
 */
static int32
highest_version(Oid model)
{
	Relation	rel = catalog_open(model);
	SnapshotData dirty;
	catalog_scan scan;
	catalog_columns columns;
	catalog_head_state head;
	HeapTuple	tuple;
	int32		highest = 0;

	InitDirtySnapshot(dirty);
	(void) catalog_find_columns(RelationGetDescr(rel), &columns);
	catalog_scan_begin(&scan, rel, &columns, &dirty);
	catalog_scan_seek(&scan, CATALOG_ANY, CATALOG_ANY);
	if (scan.index != NULL)
	{
		tuple = catalog_scan_back(&scan);
		if (tuple != NULL)
			highest = catalog_row_version(&scan, tuple);
	}
	else
	{
		while ((tuple = catalog_scan_next(&scan)) != NULL)
			highest = Max(highest, catalog_row_version(&scan, tuple));
	}
	catalog_scan_end(&scan);
	read_dropped(rel, &columns, &head);
	for (int i = 0; i < head.ndropped; i++)
		highest = Max(highest, head.dropped[i]);
	table_close(rel, NoLock);
	return Max(highest, 0);
}

static int32
claim_version(Oid model, Jsonb *manifest)
{
	for (int attempt = 0; attempt < STORE_ATTEMPTS; attempt++)
	{
		int32		highest = highest_version(model);

		if (highest == PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model %s has no version number left", catalog_name(model))));
		if (insert_unless_taken(model, highest + 1, manifest))
			return highest + 1;
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not find a free version number for model %s", catalog_name(model))));
}

int32
catalog_store(Oid model, const void *stored, size_t size, Jsonb *manifest)
{
	bytea	   *data;
	int32		version;

	begin_change(model, CATALOG_TRAIN);
	version = claim_version(model, complete_manifest(stored, size, manifest));
	data = palloc(VARHDRSZ + Min(size, CATALOG_CHUNK_SIZE));
	for (size_t done = 0, chunk = 1; done < size; done += CATALOG_CHUNK_SIZE, chunk++)
	{
		size_t		part = Min(size - done, CATALOG_CHUNK_SIZE);

		CHECK_FOR_INTERRUPTS();
		SET_VARSIZE(data, VARHDRSZ + part);
		memcpy(VARDATA(data), (const char *) stored + done, part);
		insert_row(model, version, chunk, NULL, data);
	}
	SPI_finish();
	return version;
}

/* ------------------------------------------------------------------------
 * Creating
 */

static void
run_utility(const char *sql)
{
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create a model");
}

/*
 * Without a head: the first deploy makes it, and until then the table is
 * empty, ready to be the other end of a replication or of a data-only restore.
 */
static Oid
create_table(const char *schema, const char *name, bool temporary)
{
	char	   *table = quote_qualified_identifier(schema, name);

	SPI_connect();
	run_utility(psprintf("CREATE %sTABLE %s OF aiaas.model (PRIMARY KEY (version, chunk))",
						 temporary ? "TEMPORARY " : "", table));
	/* weights don't compress, and uncompressed chunks are read faster */
	run_utility(psprintf("ALTER TABLE %s ALTER COLUMN data SET STORAGE EXTERNAL", table));
	run_utility(psprintf("CREATE TRIGGER aiaas_guard BEFORE INSERT OR UPDATE OR DELETE ON %s"
						 " FOR EACH ROW EXECUTE FUNCTION aiaas.guard()", table));
	run_utility(psprintf("CREATE TRIGGER aiaas_guard_truncate BEFORE TRUNCATE ON %s"
						 " FOR EACH STATEMENT EXECUTE FUNCTION aiaas.guard()", table));
	SPI_finish();
	return get_relname_relid(name, LookupExplicitNamespace(schema, false));
}

/*
 * The schema where a model of that name would be created, which the current
 * user may do.
 */
static Oid
creation_namespace(RangeVar *name)
{
	Oid			namespace = RangeVarGetCreationNamespace(name);

	RangeVarAdjustRelationPersistence(name, namespace);
	if (name->relpersistence != RELPERSISTENCE_TEMP && !compat_may_create_in(namespace))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create model %s in schema %s",
						quote_identifier(name->relname),
						quote_identifier(get_namespace_name(namespace))),
				 errhint("Name a schema in which you may create tables (model => 'schema.%s'), or: GRANT CREATE ON SCHEMA %s TO %s;",
						 name->relname, quote_identifier(get_namespace_name(namespace)),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	return namespace;
}

static Oid
create_named(RangeVar *name)
{
	Oid			namespace = creation_namespace(name);

	return create_table(name->relpersistence == RELPERSISTENCE_TEMP ? "pg_temp" :
						get_namespace_name(namespace), name->relname,
						name->relpersistence == RELPERSISTENCE_TEMP);
}

static RangeVar *
model_range_var(const char *model)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(model), '.', &names) || names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid name of a model: \"%s\"", model),
				 errhint("A name with spaces or other signs is written in double quotes.")));
	return makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(model)));
}

Oid
catalog_create(const char *model)
{
	return create_named(model_range_var(model));
}

/* The model of that name, locked and checked, or InvalidOid. */
static Oid
find_named(RangeVar *name)
{
	Oid			found = RangeVarGetRelid(name, AccessShareLock, true);

	if (OidIsValid(found))
		table_close(catalog_open(found), NoLock);
	return found;
}

Oid
catalog_find(const char *model)
{
	RangeVar   *name = model_range_var(model);
	Oid			found = find_named(name);

	if (!OidIsValid(found))
		(void) creation_namespace(name);
	return found;
}

typedef struct new_model
{
	RangeVar   *name;
	Oid			created;
} new_model;

static void
create_new(void *arg)
{
	new_model  *new = arg;

	new->created = create_named(new->name);
}

Oid
catalog_resolve(const char *model)
{
	new_model	new = {.name = model_range_var(model)};
	Oid			found = find_named(new.name);

	if (OidIsValid(found))
		return found;
	if (attempt(create_new, &new))
		return new.created;
	/* of two first trainings of one name, the second adds a version to the first's model */
	found = find_named(new.name);
	/* gone again, or not a table that stands in the way: creating it says what */
	return OidIsValid(found) ? found : create_named(new.name);
}
