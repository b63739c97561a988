/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Model tables: names, privileges, versions, stored bytes (reading).
 *
 * Rights are the current user's and are checked here, because a direct scan
 * passes by the executor's checks.  Locks: AccessShare on the table and on
 * its index, kept to the end of the transaction, as a query would.
 *
 * The live version is looked up once per statement, so that path is short:
 * one index scan for the head, one for the manifest.  What was parsed from
 * them is kept in a small cache under the identity of the very row (relation,
 * file, raw xmin, ctid): a committed row never changes, and a manifest can be
 * long (10,000 labels), so it is not decompressed and parsed again for every
 * statement.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog_rows.h"

#include "access/detoast.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/cryptohash.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "document.h"
#include "manifest.h"

#define HASH_SLICE			((size_t) 1 << 20)

/* ------------------------------------------------------------------------
 * Names
 */

Oid
catalog_extension_oid(void)
{
	return get_extension_oid("aiaas", false);
}

char *
catalog_name(Oid model)
{
	char	   *name = get_rel_name(model);

	if (name == NULL)
		return psprintf("%u", model);
	if (RelationIsVisible(model))
		return pstrdup(quote_identifier(name));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(model)), name);
}

char *
catalog_subject(const catalog_version *version)
{
	return psprintf("model %s version %d", catalog_name(version->model), version->version);
}

/* ------------------------------------------------------------------------
 * Privileges
 */

typedef struct right_row
{
	bool		read_data;
	AclMode		write;			/* beyond SELECT on (version, chunk, manifest) */
	const char *verb;
	const char *grant;
} right_row;

static const right_row rights[] = {
	[CATALOG_USE] = {false, 0, "use", "SELECT (version, chunk, manifest)"},
	[CATALOG_READ] = {true, 0, "read the weights of", "SELECT"},
	[CATALOG_TRAIN] = {false, ACL_INSERT, "add versions to", "SELECT (version, chunk, manifest), INSERT"},
	[CATALOG_DEPLOY] = {false, ACL_UPDATE, "deploy", "SELECT (version, chunk, manifest), UPDATE"},
	[CATALOG_DROP] = {false, ACL_UPDATE | ACL_DELETE, "drop versions of",
	"SELECT (version, chunk, manifest), UPDATE, DELETE"}
};

static const char *const column_names[] = {"version", "chunk", "manifest", "data"};

#define FIRST_VERSION	0		/* places in column_names */
#define FIRST_MANIFEST	2
#define END_MANIFEST	3
#define END_DATA		4

/* The privilege on the table, or on each of these columns. */
static bool
has_privilege(Oid model, AclMode mode, int first, int end)
{
	if (pg_class_aclcheck(model, GetUserId(), mode) == ACLCHECK_OK)
		return true;
	for (int i = first; i < end; i++)
	{
		AttrNumber	column = get_attnum(model, column_names[i]);

		if (column == InvalidAttrNumber ||
			pg_attribute_aclcheck(model, column, GetUserId(), mode) != ACLCHECK_OK)
			return false;
	}
	return true;
}

bool
catalog_permits(Oid model, catalog_right right)
{
	const right_row *row = &rights[right];

	if (!has_privilege(model, ACL_SELECT, FIRST_VERSION,
					   row->read_data ? END_DATA : END_MANIFEST))
		return false;
	if ((row->write & ACL_INSERT) &&
		!has_privilege(model, ACL_INSERT, FIRST_VERSION, END_DATA))
		return false;
	/* the head's manifest is all that an UPDATE of ours touches */
	if ((row->write & ACL_UPDATE) &&
		!has_privilege(model, ACL_UPDATE, FIRST_MANIFEST, END_MANIFEST))
		return false;
	return !(row->write & ACL_DELETE) ||
		pg_class_aclcheck(model, GetUserId(), ACL_DELETE) == ACLCHECK_OK;
}

void
catalog_require(Oid model, catalog_right right)
{
	catalog_require_or(model, right, NULL);
}

void
catalog_require_or(Oid model, catalog_right right, const char *otherwise)
{
	if (catalog_permits(model, right))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s model %s", rights[right].verb, catalog_name(model)),
			 errhint("The right is given by: GRANT %s ON %s TO %s;%s%s", rights[right].grant,
					 catalog_name(model),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)),
					 otherwise == NULL ? "" : "\n", otherwise == NULL ? "" : otherwise)));
}

/* ------------------------------------------------------------------------
 * Opening
 */

static void
reject(Relation rel, const char *objection)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s is not a model", catalog_name(RelationGetRelid(rel))),
			 errdetail_internal("%s", objection),
			 errhint("aiaas_train makes models from tables; the view aiaas.models lists them.")));
}

Relation
catalog_open(Oid model)
{
	Relation	rel = try_relation_open(model, AccessShareLock);
	catalog_columns columns;
	const char *objection;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("model with OID %u does not exist", model)));
	objection = catalog_objection(rel, &columns);
	if (objection != NULL)
		reject(rel, objection);
	if (rel->rd_rel->relrowsecurity &&
		check_enable_rls(model, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of model %s applies to role %s",
						catalog_name(model),
						quote_identifier(GetUserNameFromId(GetUserId(), false))),
				 errhint("A model is used as a whole: use GRANT and REVOKE on it instead of policies.")));
	return rel;
}

bool
catalog_is_model(Oid relation)
{
	static const Oid types[] = {INT4OID, INT4OID, JSONBOID, BYTEAOID};
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	result = form->relkind == RELKIND_RELATION && form->relam == HEAP_TABLE_AM_OID;
	ReleaseSysCache(tuple);
	for (int i = 0; result && i < lengthof(types); i++)
	{
		HeapTuple	column = SearchSysCacheAttName(relation, column_names[i]);

		if (!HeapTupleIsValid(column))
			return false;
		result = ((Form_pg_attribute) GETSTRUCT(column))->atttypid == types[i] &&
			((Form_pg_attribute) GETSTRUCT(column))->attgenerated == '\0';
		ReleaseSysCache(column);
	}
	return result;
}

bool
catalog_is_temporary(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relpersistence == RELPERSISTENCE_TEMP;
	ReleaseSysCache(tuple);
	return result;
}

/* Open, check and begin to scan. */
static void
begin(catalog_scan *scan, Oid model, Snapshot snapshot)
{
	Relation	rel = catalog_open(model);
	catalog_columns columns;

	(void) catalog_find_columns(RelationGetDescr(rel), &columns);
	catalog_scan_begin(scan, rel, &columns, snapshot);
}

static void
end(catalog_scan *scan)
{
	catalog_scan_end(scan);
	table_close(scan->rel, NoLock);
}

/* ------------------------------------------------------------------------
 * Heads and manifests
 */

/* What a head (version 0: live) or a manifest row says. */
typedef struct parsed_row
{
	Oid			model;
	Oid			relfilenumber;
	TransactionId xmin;
	ItemPointerData ctid;
	int32		version;
	int32		live;
	int32		chunks;
	int64		bytes;
	uint8		digest[CATALOG_DIGEST_SIZE];
} parsed_row;

static parsed_row parsed_rows[64];

static void
reject_format(Oid model, int32 version, const JsonbContainer *root, int64 newest)
{
	int64		format;

	if (root != NULL && document_integer(root, "format", newest + 1, PG_INT64_MAX, &format))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 version == 0 ?
				 errmsg("the head of model %s was written by a later release of aiaas",
						catalog_name(model)) :
				 errmsg("model %s version %d was stored by a later release of aiaas",
									   catalog_name(model), version),
				 errdetail("Its format is %lld, this release reads up to %lld.",
						   (long long) format, (long long) newest),
				 errhint("Install the later release on this server.")));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 version == 0 ?
			 errmsg("model %s is damaged: its head (row 0, 0) makes no sense", catalog_name(model)) :
			 errmsg("model %s version %d is damaged: its manifest makes no sense",
					catalog_name(model), version),
			 errhint("The rows were changed by hand or damaged. Restore the model from a dump.")));
}

void
catalog_reject_head(Oid model, const Jsonb *head)
{
	reject_format(model, 0, head == NULL ? NULL : &head->root, CATALOG_HEAD_FORMAT);
}

static void
parse_head(parsed_row *row, Jsonb *head)
{
	catalog_head_state state;

	if (head == NULL || !catalog_head_parse(head, &state))
		catalog_reject_head(row->model, head);
	row->live = state.live;
}

static bool
parse_manifest_fields(parsed_row *row, const JsonbContainer *root)
{
	int64		format;
	int64		chunks;
	char	   *digest = document_string(root, "digest");

	if (!document_integer(root, "format", 1, CATALOG_MANIFEST_FORMAT, &format) ||
		!document_integer(root, "chunks", 1, PG_INT32_MAX, &chunks) ||
		!document_integer(root, "bytes", 1, MaxAllocHugeSize, &row->bytes) ||
		digest == NULL || strlen(digest) != 2 * CATALOG_DIGEST_SIZE ||
		strspn(digest, "0123456789abcdef") != 2 * CATALOG_DIGEST_SIZE)
		return false;
	row->chunks = chunks;
	hex_decode(digest, 2 * CATALOG_DIGEST_SIZE, (char *) row->digest);
	return true;
}

static void
parse_manifest(parsed_row *row, Jsonb *manifest)
{
	if (manifest == NULL || !parse_manifest_fields(row, &manifest->root))
		reject_format(row->model, row->version, manifest == NULL ? NULL : &manifest->root,
					  CATALOG_MANIFEST_FORMAT);
}

static bool
same_row(const parsed_row *a, const parsed_row *b)
{
	return a->model == b->model && a->relfilenumber == b->relfilenumber &&
		a->version == b->version && a->xmin == b->xmin &&
		ItemPointerEquals(unconstify(ItemPointerData *, &a->ctid),
						  unconstify(ItemPointerData *, &b->ctid));
}

/*
 * The row (version, 0), parsed, from the cache if it is there; false when the
 * scan's snapshot sees none.  *own: written by this transaction.
 */
static bool
find_parsed(catalog_scan *scan, int32 version, parsed_row *row, bool *own)
{
	parsed_row *cached;
	HeapTuple	tuple;
	Jsonb	   *manifest;

	catalog_scan_seek(scan, version, 0);
	tuple = catalog_scan_next(scan);
	if (tuple == NULL)
		return false;
	row->model = RelationGetRelid(scan->rel);
	row->relfilenumber = scan->rel->rd_rel->relfilenode;
	row->version = version;
	row->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	row->ctid = tuple->t_self;
	*own = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	cached = &parsed_rows[(row->model * 31 + version) % lengthof(parsed_rows)];
	if (same_row(cached, row))
	{
		*row = *cached;
		return true;
	}
	manifest = catalog_row_manifest(scan, tuple);
	if (version == 0)
		parse_head(row, manifest);
	else
		parse_manifest(row, manifest);
	if (manifest != NULL)
		pfree(manifest);
	/* own rows may yet be truncated away in place: they are not immutable */
	if (!*own)
		*cached = *row;
	return true;
}

/* "1, 2, 3", and the last of them (0 if there is none). */
static char *
list_versions(Oid model, Snapshot snapshot, int32 *last)
{
	int32	   *versions;
	int			n = catalog_versions(model, snapshot, &versions);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%d", i > 0 ? ", " : "", versions[i]);
	*last = n > 0 ? versions[n - 1] : 0;
	return list.data;
}

static void
reject_version(Oid model, int32 version, Snapshot snapshot)
{
	int32		last;
	char	   *list = list_versions(model, snapshot, &last);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model %s has no version %d", catalog_name(model), version),
			 last > 0 ?
			 errdetail("Its versions: %s.", list) :
			 errdetail("It has no version yet.")));
}

static bool
is_checkpoint(Oid model, int32 version, Snapshot snapshot)
{
	Jsonb	   *manifest = catalog_find_manifest(model, version, snapshot);

	return manifest != NULL && manifest_checkpoint(manifest, NULL, NULL);
}

static void
reject_live(Oid model, Snapshot snapshot)
{
	int32	   *versions;
	int			n = catalog_versions(model, snapshot, &versions);
	int			last = n - 1;	/* the last one that may go live */

	while (last >= 0 && is_checkpoint(model, versions[last], snapshot))
		last--;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model %s has no live version", catalog_name(model)),
			 last >= 0 ?
			 errhint("Deploy one: SELECT aiaas_deploy(%s, %d);",
					 quote_literal_cstr(catalog_name(model)), versions[last]) :
			 n > 0 ?
			 errhint("Version %d is a checkpoint: go on with it by options => '{\"continue_from\": %d}'.",
					 versions[n - 1], versions[n - 1]) :
			 errhint("Train one with aiaas_train, or import one with aiaas_import.")));
}

void
catalog_locate(Oid model, int32 version, Snapshot snapshot, catalog_version *result)
{
	catalog_scan scan;
	parsed_row	row;
	bool		own = false;

	begin(&scan, model, snapshot);
	if (version == 0)
	{
		if (!find_parsed(&scan, 0, &row, &own) || row.live == 0)
			reject_live(model, snapshot);
		version = row.live;
	}
	if (version < 0 || !find_parsed(&scan, version, &row, &own))
		reject_version(model, version, snapshot);
	result->model = model;
	result->relfilenumber = row.relfilenumber;
	result->version = version;
	result->xmin = row.xmin;
	result->ctid = row.ctid;
	memcpy(result->digest, row.digest, CATALOG_DIGEST_SIZE);
	result->bytes = row.bytes;
	result->chunks = row.chunks;
	result->shareable = !own &&
		scan.rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP;
	end(&scan);
}

int32
catalog_live(Oid model, Snapshot snapshot)
{
	catalog_scan scan;
	parsed_row	row;
	bool		own;
	int32		live = 0;

	begin(&scan, model, snapshot);
	if (find_parsed(&scan, 0, &row, &own))
		live = row.live;
	end(&scan);
	return live;
}

static int
compare_versions(const void *a, const void *b)
{
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	return (left > right) - (left < right);
}

int
catalog_versions(Oid model, Snapshot snapshot, int32 **versions)
{
	catalog_scan scan;
	HeapTuple	tuple;
	int			capacity = 16;
	int			n = 0;

	*versions = palloc(capacity * sizeof(int32));
	begin(&scan, model, snapshot);
	catalog_scan_seek(&scan, CATALOG_ANY, 0);
	while ((tuple = catalog_scan_next(&scan)) != NULL)
	{
		int32		version = catalog_row_version(&scan, tuple);

		if (version <= 0)
			continue;
		if (n == capacity)
			*versions = repalloc(*versions, (capacity *= 2) * sizeof(int32));
		(*versions)[n++] = version;
	}
	end(&scan);
	qsort(*versions, n, sizeof(int32), compare_versions);
	return n;
}

Jsonb *
catalog_find_manifest(Oid model, int32 version, Snapshot snapshot)
{
	catalog_scan scan;
	HeapTuple	tuple;
	Jsonb	   *manifest;

	begin(&scan, model, snapshot);
	catalog_scan_seek(&scan, version, 0);
	tuple = version > 0 ? catalog_scan_next(&scan) : NULL;
	if (tuple == NULL)
		reject_version(model, version, snapshot);
	manifest = catalog_row_manifest(&scan, tuple);
	end(&scan);
	return manifest;
}

Jsonb *
catalog_manifest(Oid model, int32 version, Snapshot snapshot)
{
	Jsonb	   *manifest = catalog_find_manifest(model, version, snapshot);

	if (manifest == NULL)
		reject_format(model, version, NULL, CATALOG_MANIFEST_FORMAT);
	return manifest;
}

Jsonb *
catalog_head(Oid model, Snapshot snapshot)
{
	catalog_scan scan;
	Jsonb	   *head;

	begin(&scan, model, snapshot);
	head = catalog_scan_manifest(&scan, 0);
	end(&scan);
	return head;
}

/* ------------------------------------------------------------------------
 * Stored bytes
 */

typedef struct chunk_row
{
	int32		chunk;
	HeapTuple	tuple;			/* a copy; large data stays in the TOAST table */
} chunk_row;

static int
compare_chunks(const void *a, const void *b)
{
	int32		left = ((const chunk_row *) a)->chunk;
	int32		right = ((const chunk_row *) b)->chunk;

	return (left > right) - (left < right);
}

static void
damaged(const catalog_version *version, const char *what, long long a, long long b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("%s is damaged", catalog_subject(version)),
			 errdetail_internal(what, a, b),
			 errhint("The rows were changed by hand or damaged. Restore the model from a dump, or deploy another version.")));
}

void
catalog_check_digest(const catalog_version *version, const uint8 *digest)
{
	if (memcmp(digest, version->digest, CATALOG_DIGEST_SIZE) != 0)
		damaged(version, "Its bytes do not have the digest that its manifest states.", 0, 0);
}

/* All rows of a version but the manifest, by chunk number. */
static int
collect_chunks(catalog_scan *scan, int32 version, chunk_row **rows)
{
	HeapTuple	tuple;
	int			capacity = 16;
	int			n = 0;

	*rows = palloc(capacity * sizeof(chunk_row));
	catalog_scan_seek(scan, version, CATALOG_ANY);
	while ((tuple = catalog_scan_next(scan)) != NULL)
	{
		int32		chunk = catalog_row_chunk(scan, tuple);

		if (chunk == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (n == capacity)
			*rows = repalloc_huge(*rows, (Size) (capacity *= 2) * sizeof(chunk_row));
		(*rows)[n].chunk = chunk;
		(*rows)[n++].tuple = heap_copytuple(tuple);
	}
	qsort(*rows, n, sizeof(chunk_row), compare_chunks);
	return n;
}

/* Chunks 1..n as the manifest says, none missing, none twice, lengths right. */
static void
check_chunks(const catalog_scan *scan, const catalog_version *version,
			 const chunk_row *rows, int n)
{
	int64		bytes = 0;

	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		data = heap_getattr(rows[i].tuple, scan->columns.data,
										RelationGetDescr(scan->rel), &isnull);

		if (rows[i].chunk > i + 1)
			damaged(version, "Chunk %lld is missing.", i + 1, 0);
		if (rows[i].chunk < i + 1)
			damaged(version, "Chunk %lld is there twice, or has no valid number.", rows[i].chunk, 0);
		if (isnull)
			damaged(version, "Chunk %lld has no data.", i + 1, 0);
		bytes += toast_raw_datum_size(data) - VARHDRSZ;
	}
	if (n < version->chunks)
		damaged(version, "Chunk %lld of %lld is missing.", n + 1, version->chunks);
	if (n > version->chunks)
		damaged(version, "It has %lld chunks, its manifest says %lld.", n, version->chunks);
	if (bytes != version->bytes)
		damaged(version, "It has %lld bytes, its manifest says %lld.", bytes, version->bytes);
}

void
catalog_each_chunk(const catalog_version *version, Snapshot snapshot,
				   catalog_chunk_callback each, void *arg)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "aiaas chunks",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	catalog_scan scan;
	chunk_row  *rows;
	int			n;

	begin(&scan, version->model, snapshot);
	n = collect_chunks(&scan, version->version, &rows);
	check_chunks(&scan, version, rows, n);
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		datum = heap_getattr(rows[i].tuple, scan.columns.data,
										 RelationGetDescr(scan.rel), &isnull);
		bytea	   *data;

		CHECK_FOR_INTERRUPTS();
		data = DatumGetByteaPP(datum);
		MemoryContextSwitchTo(caller);
		each(arg, rows[i].chunk, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
		MemoryContextSwitchTo(work);
		if ((Pointer) data != DatumGetPointer(datum))
			pfree(data);
	}
	end(&scan);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

typedef struct join_state
{
	MemoryContext mcxt;
	size_t		size;
	size_t		done;
	char	   *bytes;
} join_state;

static void
join_chunk(void *arg, int32 chunk, const void *data, size_t size)
{
	join_state *join = arg;

	if (join->bytes == NULL)
		join->bytes = MemoryContextAllocHuge(join->mcxt, join->size);
	memcpy(join->bytes + join->done, data, size);
	join->done += size;
}

void *
catalog_read(const catalog_version *version, Snapshot snapshot, MemoryContext mcxt,
			 size_t *size)
{
	join_state	join = {.mcxt = mcxt, .size = version->bytes};

	catalog_each_chunk(version, snapshot, join_chunk, &join);
	*size = join.size;
	return join.bytes;
}

void
catalog_digest(const void *bytes, size_t size, uint8 digest[CATALOG_DIGEST_SIZE])
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	bool		ok = pg_cryptohash_init(hash) >= 0;

	PG_TRY();
	{
		for (size_t done = 0; ok && done < size; done += HASH_SLICE)
		{
			CHECK_FOR_INTERRUPTS();
			ok = pg_cryptohash_update(hash, (const uint8 *) bytes + done,
									  Min(HASH_SLICE, size - done)) >= 0;
		}
		if (!ok || pg_cryptohash_final(hash, digest, CATALOG_DIGEST_SIZE) < 0)
			elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(hash));
	}
	PG_FINALLY();
	{
		pg_cryptohash_free(hash);
	}
	PG_END_TRY();
}
