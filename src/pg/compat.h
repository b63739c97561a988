/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between server versions: the only file that tests
 *	  PG_VERSION_NUM.
 *
 * Included after postgres.h and before other server headers' macros are used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_COMPAT_H
#define AIAAS_COMPAT_H

#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM < 150000
#error "aiaas needs PostgreSQL 15 or later"
#endif

/*
 * Everything is compiled with -fvisibility=hidden; before 16 the server's
 * macros don't make a module's entry points visible themselves.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* PG_FUNCTION_INFO_V1 for a function that SQL calls. */
#define AIAAS_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* Other backends' status: with 16 the look-up by position got a new name. */
#if PG_VERSION_NUM >= 160000
#define compat_local_beentry(i) pgstat_get_local_beentry_by_index(i)
#else
#define compat_local_beentry(i) pgstat_fetch_stat_local_beentry(i)
#endif

/* Before a declaration, as from 18 on. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* The running transaction's local number. */
#if PG_VERSION_NUM >= 170000
#define compat_lxid() (MyProc->vxid.lxid)
#else
#define compat_lxid() (MyProc->lxid)
#endif

#if PG_VERSION_NUM >= 180000
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, NULL, nkeys, 0)
#else
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, nkeys, 0)
#endif

/* Takes the fields of ParseDateTime; nonzero when they are no time. */
#if PG_VERSION_NUM >= 160000
#define compat_decode_datetime(field, type, n, kind, tm, fraction, zone) \
	DecodeDateTime(field, type, n, kind, tm, fraction, zone, &(DateTimeErrorExtra) {0})
#else
#define compat_decode_datetime(field, type, n, kind, tm, fraction, zone) \
	DecodeDateTime(field, type, n, kind, tm, fraction, zone)
#endif

/* Intervals can be infinite from 17 on. */
#if PG_VERSION_NUM >= 170000
#define compat_interval_infinite(interval) INTERVAL_NOT_FINITE(interval)
#else
#define compat_interval_infinite(interval) false
#endif

static inline bool
compat_may_create_in(Oid namespace)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, namespace, GetUserId(), ACL_CREATE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(namespace, GetUserId(), ACL_CREATE) == ACLCHECK_OK;
#endif
}

static inline bool
compat_may_execute(Oid function)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

static inline bool
compat_owns_table(Oid table)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, table, GetUserId());
#else
	return pg_class_ownercheck(table, GetUserId());
#endif
}

/*
 * Grow an allocation, NULL when there is no memory (the old one stays).
 * Before 16 the server can only throw; the throw is caught here, so that it
 * does not cross the engine.
 */
static inline void *
compat_repalloc_no_oom(void *pointer, Size size)
{
#if PG_VERSION_NUM >= 160000
	return repalloc_extended(pointer, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
#else
	void	   *volatile result = NULL;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		result = repalloc_huge(pointer, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
#endif
}

#endif							/* AIAAS_COMPAT_H */
