/*-------------------------------------------------------------------------
 *
 * catalog_rows.h
 *	  Rows of model tables, for catalog.c, catalog_write.c, guard.c and
 *	  fn_model.c only: everybody else asks catalog.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_CATALOG_ROWS_H
#define AIAAS_CATALOG_ROWS_H

#include "catalog.h"

#include "access/genam.h"
#include "access/tableam.h"

typedef struct catalog_columns
{
	AttrNumber	version;
	AttrNumber	chunk;
	AttrNumber	manifest;
	AttrNumber	data;
} catalog_columns;

/* False when the four columns are not all there with their exact types. */
extern bool catalog_find_columns(TupleDesc desc, catalog_columns *columns);

/* What keeps a relation from being read as a model; NULL if nothing does. */
extern const char *catalog_objection(Relation rel, catalog_columns *columns);

/*
 * A scan for rows by key: through an index on exactly (version, chunk) if
 * there is a sound one, else over the heap.  seek may be called repeatedly.
 */
typedef struct catalog_scan
{
	Relation	rel;
	Relation	index;			/* or NULL */
	Snapshot	snapshot;
	catalog_columns columns;
	TupleTableSlot *slot;
	IndexScanDesc index_scan;
	TableScanDesc heap_scan;
	int			nkeys;
} catalog_scan;

#define CATALOG_ANY (-1)		/* of a version or a chunk: no condition */

extern void catalog_scan_begin(catalog_scan *scan, Relation rel,
							   const catalog_columns *columns, Snapshot snapshot);
extern void catalog_scan_seek(catalog_scan *scan, int32 version, int32 chunk);
extern HeapTuple catalog_scan_next(catalog_scan *scan); /* NULL at the end; in index order, if there is one */
extern HeapTuple catalog_scan_back(catalog_scan *scan); /* the other way; with an index only */
extern void catalog_scan_end(catalog_scan *scan);

extern int32 catalog_row_version(const catalog_scan *scan, HeapTuple tuple);
extern int32 catalog_row_chunk(const catalog_scan *scan, HeapTuple tuple);
extern Jsonb *catalog_row_manifest(const catalog_scan *scan, HeapTuple tuple);	/* or NULL */

/* The manifest of (version, 0) that the scan finds, or NULL. */
extern Jsonb *catalog_scan_manifest(catalog_scan *scan, int32 version);

/* A parsed head. */
typedef struct catalog_head_state
{
	int32		live;			/* 0 = none */
	int			ndropped;
	int32	   *dropped;
	JsonbContainer *history;	/* an array */
} catalog_head_state;

/* False when it makes no sense. */
extern bool catalog_head_parse(Jsonb *head, catalog_head_state *state);

/* ERROR: XX001, or 0A000 when a later release wrote it. */
extern void catalog_reject_head(Oid model, const Jsonb *head);

extern bool catalog_head_drops(const catalog_head_state *state, int32 version);

#endif							/* AIAAS_CATALOG_ROWS_H */
