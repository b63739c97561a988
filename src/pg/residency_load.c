/*-------------------------------------------------------------------------
 *
 * residency_load.c
 *	  The first half of making an image: a version's bytes are read, hashed,
 *	  compared with the digest that its manifest claims, and checked by the
 *	  engine.  Where the image goes is the caller's business.
 *
 * Everything here may take long, may fail and may be cancelled, so nothing
 * here runs under a lock of ours.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "residency_internal.h"

#include "access/table.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/*
 * Lock the indexes of one table.
 */
static void
lock_indexes(Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;

	foreach(cell, indexes)
		LockRelationOid(lfirst_oid(cell), AccessShareLock);
	list_free(indexes);
}

/*
 * Take every lock that reading a model needs.
 *
 * Other backends wait for a load without the lock manager's knowledge.  A
 * loader that then waited for REINDEX, which waits for one of those others,
 * would close a circle that no deadlock check sees; hence all locks first.
 * They are kept to the end of the transaction, like the one on the heap.
 */
void
residency_load_lock(Oid model)
{
	Relation	heap = table_open(model, AccessShareLock);
	Oid			toast_oid = heap->rd_rel->reltoastrelid;

	lock_indexes(heap);
	if (OidIsValid(toast_oid))
	{
		Relation	toast = table_open(toast_oid, AccessShareLock);

		lock_indexes(toast);
		table_close(toast, NoLock);
	}
	table_close(heap, NoLock);
}

/*
 * Read and check; fills sizes and digest.
 */
void
residency_load_open(residency_load *load, const catalog_version *version,
					Snapshot snapshot)
{
	MemoryContext oldcontext;
	ml_status	status;

	load->mcxt = AllocSetContextCreate(CurrentMemoryContext, "aiaas load",
									   ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(load->mcxt);
	load->bridge = bridge_create(load->mcxt);
	load->subject = catalog_subject(version);
	load->stored = catalog_read(version, snapshot, load->mcxt, &load->stored_size);
	catalog_digest(load->stored, load->stored_size, load->digest);
	catalog_check_digest(version, load->digest);

	status = ml_image_plan_sizes(&load->bridge->ctx, load->stored, load->stored_size,
								 &load->full_size, &load->image_size);
	bridge_check(load->bridge, status, load->subject);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Build the image in memory of load->image_size bytes, ML_ALIGN aligned.
 */
void
residency_load_build(residency_load *load, void *image)
{
	ml_status	status;

	status = ml_image_build(&load->bridge->ctx, load->stored, load->stored_size,
							image, load->image_size);
	bridge_check(load->bridge, status, load->subject);
}

/*
 * Free the bytes.  (After an error the memory goes with its parent.)
 */
void
residency_load_close(residency_load *load)
{
	bridge_destroy(load->bridge);
	MemoryContextDelete(load->mcxt);
}
