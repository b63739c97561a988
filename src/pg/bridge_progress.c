/*-------------------------------------------------------------------------
 *
 * bridge_progress.c
 *	  Trainings that run, seen by others: the view aiaas.training_progress.
 *
 * A training shows itself through the server's own command progress, under a
 * code of our own, which the server's views ignore; so it needs no shared
 * memory of ours and works without preload.  The server ends a command's
 * progress when its (sub)transaction aborts.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "bridge.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define PROGRESS_COMMAND ((ProgressCommandType) 100)	/* none of the server's */

/* places in st_progress_param; the model's name fills the rest */
enum
{
	PROGRESS_PHASE,
	PROGRESS_ROWS,
	PROGRESS_EPOCH,
	PROGRESS_LOSS,				/* the bits of a double */
	PROGRESS_STARTED,
	PROGRESS_EPOCHS,
	PROGRESS_BATCH,
	PROGRESS_BATCHES,
	PROGRESS_VALIDATION,		/* bits, as rate and seconds left */
	PROGRESS_RATE,
	PROGRESS_LEFT,
	PROGRESS_SCHEMA,
	PROGRESS_MODEL				/* its name without schema */
};

StaticAssertDecl((PGSTAT_NUM_PROGRESS_PARAM - PROGRESS_MODEL) * sizeof(int64) >= NAMEDATALEN,
				 "a name fits");

#define PROGRESS_MODEL_SIZE \
	((PGSTAT_NUM_PROGRESS_PARAM - PROGRESS_MODEL) * sizeof(int64))

static const char *const phase_names[] = {
	[0] = "starting",
	[ML_PHASE_READ] = "reading",
	[ML_PHASE_COUNT] = "counting",
	[ML_PHASE_FIT] = "fitting",
	[ML_PHASE_CALIBRATE] = "calibrating",
	[ML_PHASE_EVALUATE] = "evaluating",
	[ML_PHASE_STORE] = "storing"
};

static int64
bits_of_double(double value)
{
	int64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void
start_progress(const int64 *values)
{
	int			places[PGSTAT_NUM_PROGRESS_PARAM];

	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		places[i] = i;
	pgstat_progress_start_command(PROGRESS_COMMAND, InvalidOid);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, places, values);
}

/* Another command's progress is not. */
static bool
is_progress_ours(void)
{
	return MyBEEntry != NULL && MyBEEntry->st_progress_command == PROGRESS_COMMAND;
}

void
bridge_progress_start(Oid schema, const char *model)
{
	int64		values[PGSTAT_NUM_PROGRESS_PARAM] = {0};
	int			size = pg_mbcliplen(model, strlen(model), PROGRESS_MODEL_SIZE - 1);

	values[PROGRESS_LOSS] = values[PROGRESS_VALIDATION] = values[PROGRESS_RATE] = values[PROGRESS_LEFT] = bits_of_double(NAN);
	values[PROGRESS_STARTED] = GetCurrentTimestamp();
	values[PROGRESS_SCHEMA] = schema;
	memcpy(&values[PROGRESS_MODEL], model, size);
	start_progress(values);
}

int64 *
bridge_progress_save(void)
{
	int64	   *saved = palloc0_array(int64, PGSTAT_NUM_PROGRESS_PARAM);

	if (is_progress_ours())
		memcpy(saved, MyBEEntry->st_progress_param, PGSTAT_NUM_PROGRESS_PARAM * sizeof(int64));
	return saved;
}

void
bridge_progress_restore(const int64 *saved)
{
	if (!is_progress_ours())
		start_progress(saved);
}

void
bridge_progress_end(void)
{
	pgstat_progress_end_command();
}

void
bridge_progress(void *user, const ml_progress *progress)
{
	static const int places[] = {
		PROGRESS_PHASE, PROGRESS_ROWS, PROGRESS_EPOCH, PROGRESS_LOSS, PROGRESS_EPOCHS, PROGRESS_BATCH,
		PROGRESS_BATCHES, PROGRESS_VALIDATION, PROGRESS_RATE, PROGRESS_LEFT
	};
	int64		values[lengthof(places)];

	if (!is_progress_ours())
		return;
	values[0] = progress->phase;
	values[1] = progress->rows;
	values[2] = progress->epoch;
	values[3] = bits_of_double(progress->loss);
	values[4] = progress->epochs;
	values[5] = progress->batch;
	values[6] = progress->batches;
	values[7] = bits_of_double(progress->validation);
	values[8] = bits_of_double(progress->rate);
	values[9] = bits_of_double(progress->left);
	pgstat_progress_update_multi_param(lengthof(places), places, values);
}

/* As whoever looks would write it: what is in front in her search_path hides others. */
static const char *
model_name(Oid schema, const char *name)
{
	ListCell   *cell;

	if (!OidIsValid(schema))
		return name;
	foreach(cell, fetch_search_path(false))
	{
		if (lfirst_oid(cell) == schema)
			return quote_identifier(name);
		if (OidIsValid(get_relname_relid(name, lfirst_oid(cell))))
			break;
	}
	return quote_qualified_identifier(get_namespace_name_or_temp(schema), name);
}

/* A count, NULL where it is 0. */
static Datum
progress_count(const PgBackendStatus *entry, int place, bool *isnull)
{
	*isnull = entry->st_progress_param[place] == 0;
	return Int64GetDatum(entry->st_progress_param[place]);
}

/* A double, NULL where there is none. */
static Datum
progress_number(const PgBackendStatus *entry, int place, bool *isnull)
{
	double		number;

	memcpy(&number, &entry->st_progress_param[place], sizeof(number));
	*isnull = !isfinite(number);
	return Float8GetDatum(number);
}

#define PROGRESS_COLUMNS 15		/* aiaas.progress() of releases before 1.2 has the first nine */

/* One row of aiaas.trainings(); the columns after userid are NULL if masked. */
static void
progress_row(ReturnSetInfo *result, const PgBackendStatus *entry)
{
	Datum		values[PROGRESS_COLUMNS];
	bool		nulls[PROGRESS_COLUMNS] = {0};
	int64		phase = entry->st_progress_param[PROGRESS_PHASE];
	char		model[PROGRESS_MODEL_SIZE];

	values[0] = Int32GetDatum(entry->st_procpid);
	values[1] = ObjectIdGetDatum(entry->st_databaseid);
	values[2] = ObjectIdGetDatum(entry->st_userid);
	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), entry->st_userid))
	{
		memcpy(model, &entry->st_progress_param[PROGRESS_MODEL], sizeof(model));
		model[sizeof(model) - 1] = '\0';
		/* a name from another database may be in another encoding */
		nulls[3] = entry->st_databaseid != MyDatabaseId;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(model_name((Oid) entry->st_progress_param[PROGRESS_SCHEMA], model));
		values[4] = CStringGetTextDatum(phase >= 0 && phase < lengthof(phase_names) ?
										phase_names[phase] : "unknown");
		values[5] = Int64GetDatum(entry->st_progress_param[PROGRESS_ROWS]);
		values[6] = Int32GetDatum((int32) entry->st_progress_param[PROGRESS_EPOCH]);
		nulls[6] = entry->st_progress_param[PROGRESS_EPOCH] == 0;
		values[7] = progress_number(entry, PROGRESS_LOSS, &nulls[7]);
		values[8] = TimestampTzGetDatum(entry->st_progress_param[PROGRESS_STARTED]);
		values[9] = Int32GetDatum((int32) DatumGetInt64(progress_count(entry, PROGRESS_EPOCHS, &nulls[9])));
		values[10] = progress_count(entry, PROGRESS_BATCH, &nulls[10]);
		values[11] = progress_count(entry, PROGRESS_BATCHES, &nulls[11]);
		values[12] = progress_number(entry, PROGRESS_VALIDATION, &nulls[12]);
		values[13] = progress_number(entry, PROGRESS_RATE, &nulls[13]);
		values[14] = progress_number(entry, PROGRESS_LEFT, &nulls[14]);
	}
	else
		memset(nulls + 3, true, PROGRESS_COLUMNS - 3);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * aiaas.trainings(), in earlier releases aiaas.progress(): the trainings that
 * run now in the server; for the view aiaas.training_progress.
 */
AIAAS_FUNCTION(aiaas_progress);
Datum
aiaas_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nbackends = pgstat_fetch_stat_numbackends();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 1; i <= nbackends; i++)
	{
		LocalPgBackendStatus *local = compat_local_beentry(i);

		if (local != NULL &&
			local->backendStatus.st_progress_command == PROGRESS_COMMAND)
			progress_row(result, &local->backendStatus);
	}
	return (Datum) 0;
}
