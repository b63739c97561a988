/*-------------------------------------------------------------------------
 *
 * catalog_rows.c
 *	  Finding and decoding the rows of a model table.
 *
 * The relation is untrusted: anybody can make a table with these four columns,
 * with other columns between them, with a wrong index or with none (a restore
 * reads models before it builds their keys).  So columns are found by name and
 * exact type, and an index is used only if it is a valid, complete btree on
 * exactly (version, chunk); otherwise the heap is scanned, which finds the
 * same rows.
 *
 * A head is a claim of whoever wrote the row, too: what makes no sense is no
 * head.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog_rows.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "document.h"

#define NKEYS 2

/* ------------------------------------------------------------------------
 * Columns
 */

static AttrNumber
find_column(TupleDesc desc, int expected, const char *name, Oid type)
{
	for (int i = 0; i < desc->natts; i++)
	{
		/* in a table OF aiaas.model the first look hits */
		Form_pg_attribute attribute = TupleDescAttr(desc, (expected + i) % desc->natts);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->atttypid == type && attribute->attgenerated == '\0' ?
				attribute->attnum : InvalidAttrNumber;
	}
	return InvalidAttrNumber;
}

bool
catalog_find_columns(TupleDesc desc, catalog_columns *columns)
{
	columns->version = find_column(desc, 0, "version", INT4OID);
	columns->chunk = find_column(desc, 1, "chunk", INT4OID);
	columns->manifest = find_column(desc, 2, "manifest", JSONBOID);
	columns->data = find_column(desc, 3, "data", BYTEAOID);
	return columns->version != InvalidAttrNumber && columns->chunk != InvalidAttrNumber &&
		columns->manifest != InvalidAttrNumber && columns->data != InvalidAttrNumber;
}

const char *
catalog_objection(Relation rel, catalog_columns *columns)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		return "It is not an ordinary table.";
	if (!catalog_find_columns(RelationGetDescr(rel), columns))
		return "A model is a table with the columns version integer, chunk integer, manifest jsonb and data bytea.";
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return "Its access method is not heap.";
	if (RELATION_IS_OTHER_TEMP(rel))
		return "It is a temporary table of another session.";
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && RecoveryInProgress())
		return "Unlogged tables cannot be read during recovery.";
	return NULL;
}

/* ------------------------------------------------------------------------
 * Scans
 */

static bool
index_fits(Relation index, const catalog_columns *columns)
{
	Form_pg_index form = index->rd_index;

	return index->rd_rel->relam == BTREE_AM_OID &&
		form->indisvalid && form->indnkeyatts == NKEYS &&
		form->indkey.values[0] == columns->version &&
		form->indkey.values[1] == columns->chunk &&
		index->rd_opfamily[0] == INTEGER_BTREE_FAM_OID &&
		index->rd_opfamily[1] == INTEGER_BTREE_FAM_OID &&
		/* ascending: the last entry is the highest version */
		index->rd_indoption[0] == 0 && index->rd_indoption[1] == 0 &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&

		/* as the planner does: broken HOT chains that our snapshot may see */
		(!form->indcheckxmin ||
		 TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   TransactionXmin));
}

static Relation
open_fitting_index(Oid oid, const catalog_columns *columns)
{
	Relation	index = index_open(oid, AccessShareLock);

	if (index_fits(index, columns))
		return index;
	index_close(index, AccessShareLock);
	return NULL;
}

static Relation
open_key_index(Relation rel, const catalog_columns *columns)
{
	Relation	index = NULL;
	List	   *candidates = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, candidates)
	{
		index = open_fitting_index(lfirst_oid(cell), columns);
		if (index != NULL)
			break;
	}
	list_free(candidates);
	return index;
}

void
catalog_scan_begin(catalog_scan *scan, Relation rel, const catalog_columns *columns,
				   Snapshot snapshot)
{
	scan->rel = rel;
	scan->columns = *columns;
	scan->snapshot = snapshot;
	scan->index = open_key_index(rel, columns);
	scan->slot = table_slot_create(rel, NULL);
	scan->index_scan = NULL;
	scan->heap_scan = NULL;
	scan->nkeys = 0;
}

static void
stop_scan(catalog_scan *scan)
{
	ExecClearTuple(scan->slot);
	if (scan->index_scan != NULL)
		index_endscan(scan->index_scan);
	if (scan->heap_scan != NULL)
		table_endscan(scan->heap_scan);
	scan->index_scan = NULL;
	scan->heap_scan = NULL;
}

void
catalog_scan_seek(catalog_scan *scan, int32 version, int32 chunk)
{
	ScanKeyData keys[NKEYS];
	AttrNumber	version_column = scan->index != NULL ? 1 : scan->columns.version;
	AttrNumber	chunk_column = scan->index != NULL ? 2 : scan->columns.chunk;
	int			nkeys = 0;

	if (version != CATALOG_ANY)
		ScanKeyInit(&keys[nkeys++], version_column, BTEqualStrategyNumber,
					F_INT4EQ, Int32GetDatum(version));
	if (chunk != CATALOG_ANY)
		ScanKeyInit(&keys[nkeys++], chunk_column, BTEqualStrategyNumber,
					F_INT4EQ, Int32GetDatum(chunk));
	if (scan->index == NULL)
	{
		stop_scan(scan);
		scan->heap_scan = table_beginscan_strat(scan->rel, scan->snapshot, nkeys, keys,
												true, false);
		return;
	}
	if (scan->index_scan == NULL || scan->nkeys != nkeys)
	{
		stop_scan(scan);
		scan->index_scan = compat_index_beginscan(scan->rel, scan->index, scan->snapshot, nkeys);
		scan->nkeys = nkeys;
	}
	index_rescan(scan->index_scan, keys, nkeys, NULL, 0);
}

static HeapTuple
step(catalog_scan *scan, ScanDirection direction)
{
	bool		found;

	if (scan->index_scan != NULL)
		found = index_getnext_slot(scan->index_scan, direction, scan->slot);
	else
		found = table_scan_getnextslot(scan->heap_scan, direction, scan->slot);
	/* a buffer slot's tuple, with t_self and header, valid until the next step */
	return found ? ExecFetchSlotHeapTuple(scan->slot, false, NULL) : NULL;
}

HeapTuple
catalog_scan_next(catalog_scan *scan)
{
	return step(scan, ForwardScanDirection);
}

HeapTuple
catalog_scan_back(catalog_scan *scan)
{
	return step(scan, BackwardScanDirection);
}

void
catalog_scan_end(catalog_scan *scan)
{
	stop_scan(scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->index != NULL)
		index_close(scan->index, AccessShareLock);
}

/* ------------------------------------------------------------------------
 * Rows
 */

static int32
row_integer(const catalog_scan *scan, HeapTuple tuple, AttrNumber column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, RelationGetDescr(scan->rel), &isnull);

	return isnull ? CATALOG_ANY : DatumGetInt32(value);
}

int32
catalog_row_version(const catalog_scan *scan, HeapTuple tuple)
{
	return row_integer(scan, tuple, scan->columns.version);
}

int32
catalog_row_chunk(const catalog_scan *scan, HeapTuple tuple)
{
	return row_integer(scan, tuple, scan->columns.chunk);
}

Jsonb *
catalog_row_manifest(const catalog_scan *scan, HeapTuple tuple)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, scan->columns.manifest,
									 RelationGetDescr(scan->rel), &isnull);
	Jsonb	   *manifest = isnull ? NULL : DatumGetJsonbPCopy(value);

	return manifest != NULL && JB_ROOT_IS_OBJECT(manifest) ? manifest : NULL;
}

Jsonb *
catalog_scan_manifest(catalog_scan *scan, int32 version)
{
	HeapTuple	tuple;

	catalog_scan_seek(scan, version, 0);
	tuple = catalog_scan_next(scan);
	return tuple == NULL ? NULL : catalog_row_manifest(scan, tuple);
}

/* ------------------------------------------------------------------------
 * Heads
 */

/* {"format": 1, "live": 3 or null, "history": [...], "dropped": [1, 2]} */
bool
catalog_head_parse(Jsonb *head, catalog_head_state *state)
{
	JsonbContainer *root = &head->root;
	JsonbContainer *dropped;
	int64		number;

	memset(state, 0, sizeof(*state));
	if (!JB_ROOT_IS_OBJECT(head) ||
		!document_integer(root, "format", CATALOG_HEAD_FORMAT, CATALOG_HEAD_FORMAT, &number))
		return false;
	if (document_integer(root, "live", 1, PG_INT32_MAX, &number))
		state->live = number;
	else if (document_member(root, "live", jbvNull) == NULL)
		return false;
	state->history = document_container(root, "history");
	dropped = document_container(root, "dropped");
	if (state->history == NULL || !JsonContainerIsArray(state->history) ||
		dropped == NULL || !JsonContainerIsArray(dropped))
		return false;
	state->ndropped = JsonContainerSize(dropped);
	state->dropped = palloc(sizeof(int32) * Max(state->ndropped, 1));
	for (int i = 0; i < state->ndropped; i++)
	{
		if (!document_whole(document_element(dropped, i, jbvNumeric), 1, PG_INT32_MAX, &number))
			return false;
		state->dropped[i] = number;
	}
	return state->live == 0 || !catalog_head_drops(state, state->live);
}

bool
catalog_head_drops(const catalog_head_state *state, int32 version)
{
	for (int i = 0; i < state->ndropped; i++)
		if (state->dropped[i] == version)
			return true;
	return false;
}
