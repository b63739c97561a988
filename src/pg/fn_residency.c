/*-------------------------------------------------------------------------
 *
 * fn_residency.c
 *	  SQL face of residency: aiaas_unload, and what aiaas.shared_models shows.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "residency_internal.h"

#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * aiaas_unload(model) returns integer: how many prepared versions were freed.
 */
AIAAS_FUNCTION(aiaas_unload);
Datum
aiaas_unload(PG_FUNCTION_ARGS)
{
	Oid			model = PG_GETARG_OID(0);
	int			in_use;
	int			dropped;

	table_close(catalog_open(model), NoLock);
	if (!compat_owns_table(model))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(model));
	dropped = residency_private_unload(model);
	dropped += residency_shared_unload(model, &in_use);
	if (in_use > 0)
		ereport(NOTICE,
				(errmsg_plural("%d version of model %s is in use and stays in memory",
							   "%d versions of model %s are in use and stay in memory",
							   in_use, in_use, catalog_name(model))));
	PG_RETURN_INT32(dropped);
}

#define SHARED_MODELS_COLUMNS 10

/*
 * The model's owner today if it is a table of this database, else the owner
 * when it was loaded.
 */
static Oid
stat_owner(const residency_stat *stat, bool *here)
{
	HeapTuple	tuple;
	Oid			owner = stat->owner;

	*here = false;
	if (stat->key.database != MyDatabaseId)
		return owner;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(stat->key.model));
	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		*here = true;
		ReleaseSysCache(tuple);
	}
	return owner;
}

static void
put_stat(ReturnSetInfo *result, const residency_stat *stat)
{
	Datum		values[SHARED_MODELS_COLUMNS] = {0};
	bool		nulls[SHARED_MODELS_COLUMNS];
	char	   *database = get_database_name(stat->key.database);
	char		digest[2 * CATALOG_DIGEST_SIZE + 1];
	bool		here;
	Oid			owner = stat_owner(stat, &here);

	memset(nulls, true, sizeof(nulls));
	if (database != NULL)
	{
		values[0] = DirectFunctionCall1(namein, CStringGetDatum(database));
		nulls[0] = false;
	}
	values[4] = Int64GetDatum((int64) stat->bytes);
	nulls[4] = false;
	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), owner))
	{
		memset(nulls + 1, false, sizeof(bool) * (SHARED_MODELS_COLUMNS - 1));
		values[1] = ObjectIdGetDatum(stat->key.model);
		nulls[1] = !here;
		values[2] = Int32GetDatum(stat->key.version);
		hex_encode((const char *) stat->digest, CATALOG_DIGEST_SIZE, digest);
		digest[2 * CATALOG_DIGEST_SIZE] = '\0';
		values[3] = CStringGetTextDatum(digest);
		values[5] = Int32GetDatum((int32) stat->pins);
		values[6] = Int64GetDatum((int64) stat->hits);
		values[7] = Int64GetDatum((int64) stat->loads);
		values[8] = TimestampTzGetDatum(stat->loaded_at);
		values[9] = TimestampTzGetDatum(stat->last_used);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * aiaas.shared_images(): one row for each version in the shared arena; for
 * the view aiaas.shared_models.  Rows of other users' models are masked by the
 * rule of pg_stat_activity.
 */
AIAAS_FUNCTION(aiaas_shared_images);
Datum
aiaas_shared_images(PG_FUNCTION_ARGS)
{
	residency_stat *stats = NULL;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	n = residency_shared_stats(&stats);
	for (int i = 0; i < n; i++)
		put_stat((ReturnSetInfo *) fcinfo->resultinfo, &stats[i]);
	return (Datum) 0;
}
