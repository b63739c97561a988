/*-------------------------------------------------------------------------
 *
 * fn_model.c
 *	  SQL: create, deploy, roll back, drop, list, import, export; aiaas.models,
 *	  aiaas_kernels.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog_rows.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "common/cryptohash.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "bridge.h"
#include "document.h"
#include "manifest.h"

#define MOVE_SLICE			((size_t) 1 << 20)

/* ------------------------------------------------------------------------
 * Changes
 */

AIAAS_FUNCTION(aiaas_create_model);
Datum
aiaas_create_model(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(catalog_create(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

AIAAS_FUNCTION(aiaas_deploy);
Datum
aiaas_deploy(PG_FUNCTION_ARGS)
{
	catalog_deploy(PG_GETARG_OID(0), PG_GETARG_INT32(1), "deploy");
	PG_RETURN_INT32(PG_GETARG_INT32(1));
}

AIAAS_FUNCTION(aiaas_rollback);
Datum
aiaas_rollback(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(catalog_rollback(PG_GETARG_OID(0)));
}

AIAAS_FUNCTION(aiaas_drop_version);
Datum
aiaas_drop_version(PG_FUNCTION_ARGS)
{
	catalog_drop_version(PG_GETARG_OID(0), PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * What manifests and heads say, for people
 *
 * Whoever owns a model can write anything there; what makes no sense is shown
 * as NULL.
 */

typedef struct summary
{
	char	   *task;
	char	   *algorithm;
	char	   *digest;
	int64		rows;
	int64		bytes;
	const char *metric;			/* what the score is */
	double		score;
	bool		has_rows;
	bool		has_bytes;
	bool		has_score;
	char	   *at;				/* trained, or else imported */
	char	   *by;
	bool		trained;
} summary;

static void
summarize(const Jsonb *manifest, summary *s)
{
	JsonbContainer *made;
	JsonbContainer *report;

	memset(s, 0, sizeof(*s));
	if (manifest == NULL)
		return;
	s->task = document_string(&manifest->root, "task");
	s->algorithm = document_string(&manifest->root, "algorithm");
	s->digest = document_string(&manifest->root, "digest");
	s->has_bytes = document_integer(&manifest->root, "bytes", 0, PG_INT64_MAX, &s->bytes);
	s->has_score = manifest_score(manifest, &s->score);
	s->metric = manifest_score_name(manifest);
	report = manifest_report(manifest);
	s->has_rows = document_integer(report, "rows", 0, PG_INT64_MAX, &s->rows);
	made = manifest_trained(manifest);
	s->trained = made != NULL;
	if (made == NULL)
		made = document_container(&manifest->root, "imported");
	s->at = document_string(made, "at");
	s->by = document_string(made, "by");
}

static bool
parse_time(const char *text, TimestampTz *result)
{
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			type[MAXDATEFIELDS];
	int			nfields;
	int			kind;
	int			zone;
	struct pg_tm tm;
	fsec_t fraction;

	return text != NULL &&
		ParseDateTime(text, work, sizeof(work), field, type, MAXDATEFIELDS, &nfields) == 0 &&
		compat_decode_datetime(field, type, nfields, &kind, &tm, &fraction, &zone) == 0 &&
		kind == DTK_DATE && tm2timestamp(&tm, fraction, &zone, result) == 0;
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return *isnull ? (Datum) 0 : CStringGetTextDatum(text);
}

static Datum
time_or_null(const char *text, bool *isnull)
{
	TimestampTz time;

	*isnull = !parse_time(text, &time);
	return *isnull ? (Datum) 0 : TimestampTzGetDatum(time);
}

/* The last entry of the history about a version (0: about any), or NULL. */
static JsonbContainer *
last_deployment(const catalog_head_state *head, int32 version)
{
	for (int i = JsonContainerSize(head->history) - 1; i >= 0; i--)
	{
		JsonbValue *entry = getIthJsonbValueFromContainer(head->history, i);
		int64		number;

		if (entry->type == jbvBinary &&
			document_integer(entry->val.binary.data, "version", 1, PG_INT32_MAX, &number) &&
			(version == 0 || number == version))
			return entry->val.binary.data;
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * aiaas_versions
 */

static void
version_row(ReturnSetInfo *result, int32 version, Jsonb *manifest,
			const catalog_head_state *head)
{
	Datum		values[13];
	bool		nulls[13] = {0};
	summary		s;
	JsonbContainer *deployed = head == NULL ? NULL : last_deployment(head, version);

	summarize(manifest, &s);
	values[0] = Int32GetDatum(version);
	values[1] = BoolGetDatum(head != NULL && head->live == version);
	values[2] = text_or_null(s.task, &nulls[2]);
	values[3] = text_or_null(s.algorithm, &nulls[3]);
	values[4] = Int64GetDatum(s.rows);
	nulls[4] = !s.has_rows;
	values[5] = text_or_null(s.has_score ? s.metric : NULL, &nulls[5]);
	values[6] = Float8GetDatum(s.score);
	nulls[6] = !s.has_score;
	values[7] = Int64GetDatum(s.bytes);
	nulls[7] = !s.has_bytes;
	values[8] = text_or_null(s.digest, &nulls[8]);
	values[9] = time_or_null(s.at, &nulls[9]);
	values[10] = text_or_null(s.by, &nulls[10]);
	values[11] = time_or_null(document_string(deployed, "at"),
							  &nulls[11]);
	values[12] = text_or_null(document_string(deployed, "by"),
							  &nulls[12]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

AIAAS_FUNCTION(aiaas_versions);
Datum
aiaas_versions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			model = PG_GETARG_OID(0);
	Snapshot	snapshot = GetActiveSnapshot();
	catalog_head_state head;
	bool		has_head;
	Jsonb	   *json;
	int32	   *versions;
	int			n;

	catalog_require(model, CATALOG_USE);
	json = catalog_head(model, snapshot);
	has_head = json != NULL && catalog_head_parse(json, &head);
	n = catalog_versions(model, snapshot, &versions);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < n; i++)
		version_row(result, versions[i], catalog_find_manifest(model, versions[i], snapshot),
					has_head ? &head : NULL);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * aiaas.models
 */

/* What one row of the view needs to know of a model's table. */
typedef struct model_facts
{
	bool		has_head;
	catalog_head_state head;
	int			nversions;		/* -1: unknown */
	int32		shown;			/* the live version, or else the newest; 0 if none */
	Jsonb	   *manifest;		/* of that version, or NULL */
} model_facts;

static void
collect_facts(Relation rel, const catalog_columns *columns, model_facts *facts)
{
	catalog_scan scan;
	HeapTuple	tuple;
	Jsonb	   *json;

	catalog_scan_begin(&scan, rel, columns, GetActiveSnapshot());
	json = catalog_scan_manifest(&scan, 0);
	facts->has_head = json != NULL && catalog_head_parse(json, &facts->head);
	catalog_scan_seek(&scan, CATALOG_ANY, 0);
	while ((tuple = catalog_scan_next(&scan)) != NULL)
	{
		int32		version = catalog_row_version(&scan, tuple);

		if (version <= 0)
			continue;
		facts->nversions++;
		facts->shown = Max(facts->shown, version);
	}
	if (facts->has_head && facts->head.live > 0)
		facts->shown = facts->head.live;
	if (facts->shown > 0)
		facts->manifest = catalog_scan_manifest(&scan, facts->shown);
	catalog_scan_end(&scan);
}

static void
facts_row(ReturnSetInfo *result, const model_facts *facts)
{
	Datum		values[10];
	bool		nulls[10] = {0};
	summary		s;
	JsonbContainer *deployed = facts->has_head ? last_deployment(&facts->head, 0) : NULL;

	summarize(facts->manifest, &s);
	values[0] = text_or_null(s.task, &nulls[0]);
	values[1] = text_or_null(s.algorithm, &nulls[1]);
	values[2] = Int32GetDatum(facts->head.live);
	nulls[2] = facts->head.live == 0;
	values[3] = Int32GetDatum(facts->nversions);
	nulls[3] = facts->nversions < 0;
	values[4] = Int64GetDatum(s.rows);
	nulls[4] = !s.has_rows;
	values[5] = text_or_null(s.has_score ? s.metric : NULL, &nulls[5]);
	values[6] = Float8GetDatum(s.score);
	nulls[6] = !s.has_score;
	values[7] = Int64GetDatum(s.bytes);
	nulls[7] = !s.has_bytes;
	values[8] = time_or_null(s.trained ? s.at : NULL, &nulls[8]);
	values[9] = time_or_null(document_string(deployed, "at"),
							 &nulls[9]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * aiaas.describe_model(oid): the columns of aiaas.models that stand in the
 * table itself; no row for what is no model or may not be used.  It is called
 * for every model of the database, so nothing about one of them may be an
 * error or make it wait: a table that another session has locked exclusively,
 * or has dropped, has NULLs, or no row.
 */
AIAAS_FUNCTION(aiaas_describe_model);
Datum
aiaas_describe_model(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			model = PG_GETARG_OID(0);
	model_facts facts = {0};
	catalog_columns columns;
	Relation	rel;

	InitMaterializedSRF(fcinfo, 0);
	if (!catalog_is_model(model) || !catalog_permits(model, CATALOG_USE))
		return (Datum) 0;
	if (!ConditionalLockRelationOid(model, AccessShareLock))
	{
		facts.nversions = -1;
		facts_row(result, &facts);
		return (Datum) 0;
	}
	rel = try_relation_open(model, NoLock);
	if (rel == NULL)
		return (Datum) 0;
	if (catalog_objection(rel, &columns) == NULL &&
		check_enable_rls(model, InvalidOid, true) != RLS_ENABLED)
	{
		collect_facts(rel, &columns, &facts);
		facts_row(result, &facts);
	}
	relation_close(rel, NoLock);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * Export and import
 */

typedef struct export_state
{
	ReturnSetInfo *result;
	pg_cryptohash_ctx *hash;
} export_state;

static void
export_chunk(void *arg, int32 chunk, const void *data, size_t size)
{
	export_state *state = arg;
	bytea	   *copy = palloc(VARHDRSZ + size);
	Datum		values[2] = {Int32GetDatum(chunk), PointerGetDatum(copy)};
	bool		nulls[2] = {false, false};

	SET_VARSIZE(copy, VARHDRSZ + size);
	memcpy(VARDATA(copy), data, size);
	if (pg_cryptohash_update(state->hash, data, size) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(state->hash));
	tuplestore_putvalues(state->result->setResult, state->result->setDesc, values, nulls);
	pfree(copy);
}

AIAAS_FUNCTION(aiaas_export);
Datum
aiaas_export(PG_FUNCTION_ARGS)
{
	Snapshot	snapshot = GetActiveSnapshot();
	catalog_version version;
	export_state state = {(ReturnSetInfo *) fcinfo->resultinfo, NULL};
	uint8		digest[CATALOG_DIGEST_SIZE];
	Oid			model;
	bool		ok;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_GETARG_OID(0);
	catalog_require(model, CATALOG_READ);
	/* a version 0 is one that isn't there, not the live one */
	if (!PG_ARGISNULL(1))
		(void) catalog_find_manifest(model, PG_GETARG_INT32(1), snapshot);
	catalog_locate(model, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1), snapshot, &version);
	state.hash = pg_cryptohash_create(PG_SHA256);
	PG_TRY();
	{
		ok = pg_cryptohash_init(state.hash) >= 0;
		catalog_each_chunk(&version, snapshot, export_chunk, &state);
		if (!ok || pg_cryptohash_final(state.hash, digest, sizeof(digest)) < 0)
			elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(state.hash));
	}
	PG_FINALLY();
	{
		pg_cryptohash_free(state.hash);
	}
	PG_END_TRY();
	catalog_check_digest(&version, digest);
	return (Datum) 0;
}

/*
 * The bytes of a private copy of a bytea, moved over its length word: the
 * engine wants them aligned.
 */
static void *
aligned_bytes(bytea *copy, size_t *size)
{
	char	   *bytes = (char *) copy;

	*size = VARSIZE(copy) - VARHDRSZ;
	for (size_t done = 0; done < *size; done += MOVE_SLICE)
	{
		CHECK_FOR_INTERRUPTS();
		memmove(bytes + done, bytes + VARHDRSZ + done, Min(MOVE_SLICE, *size - done));
	}
	return bytes;
}

/* Check the file completely; what it says of itself joins "more". */
static Jsonb *
describe_file(const char *model, const void *data, size_t size, Jsonb *more)
{
	bridge	   *b = bridge_create(CurrentMemoryContext);
	char	   *subject = psprintf("file for model %s", model);
	size_t		image_size;
	ml_buffer	json = {0};
	Jsonb	   *description;

	bridge_check(b, ml_image_plan(&b->ctx, data, size, &image_size), subject);
	bridge_check(b, ml_stored_describe(&b->ctx, data, size, &json), subject);
	description = bridge_json_out((ml_text) {json.data, json.size});
	bridge_destroy(b);
	return document_merge(description, more);
}

/* {"deploy": true | false}; the default is to deploy if that is permitted. */
static bool
import_deploys(Jsonb *options, bool *required)
{
	JsonbIterator *iterator = JsonbIteratorInit(&options->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		deploy = true;

	*required = false;
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY &&
			(value.val.string.len != 6 || strncmp(value.val.string.val, "deploy", 6) != 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"",
							pnstrdup(value.val.string.val, value.val.string.len)),
					 errhint("The only option of aiaas_import is \"deploy\": true or false.")));
		if (token != WJB_VALUE)
			continue;
		if (value.type != jbvBool)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"deploy\" must be true or false")));
		deploy = value.val.boolean;
		*required = deploy;
	}
	return deploy;
}

/* A checkpoint is there to be gone on with: it does not go live, and whoever wants that is told at once. */
static bool
keeps_back(const char *name, const Jsonb *manifest, bool required)
{
	int			done;
	int			epochs;

	if (!manifest_checkpoint(manifest, &done, &epochs))
		return false;
	ereport(required ? ERROR : NOTICE,
			(required ? errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE) : 0,
			 errmsg("file for model %s is a checkpoint, which does not go live", name),
			 errdetail("It has %d of %d epochs.", done, epochs),
			 required ? errhint("Leave out the option \"deploy\", and go on with it by the option \"continue_from\" of aiaas_train or aiaas_fit.") : 0));
	return true;
}

AIAAS_FUNCTION(aiaas_import);
Datum
aiaas_import(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t		size;
	void	   *data = aligned_bytes(PG_GETARG_BYTEA_P_COPY(1), &size);
	bool		required;
	bool		deploy = import_deploys(PG_GETARG_JSONB_P(2), &required);
	Jsonb	   *manifest;
	Oid			model;
	int32		version;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"imported\": {");
	catalog_append_stamp(&json);
	appendStringInfoString(&json, "}}");
	manifest = describe_file(name, data, size, document_parse(json.data));
	deploy = !keeps_back(name, manifest, required) && deploy;
	model = catalog_resolve(name);
	version = catalog_store(model, data, size, manifest);
	deploy = deploy && (required || catalog_permits(model, CATALOG_DEPLOY));
	if (deploy)
		catalog_deploy(model, version, "deploy");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = ObjectIdGetDatum(model);
	values[1] = Int32GetDatum(version);
	values[2] = BoolGetDatum(deploy);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * aiaas.install_version(model, data, manifest): for the extension's own
 * scripts, which bring the default model.
 */
AIAAS_FUNCTION(aiaas_install_version);
Datum
aiaas_install_version(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t		size;
	void	   *data = aligned_bytes(PG_GETARG_BYTEA_P_COPY(1), &size);
	Jsonb	   *manifest;
	Oid			model;
	int32		version;

	if (!creating_extension || CurrentExtensionObject != catalog_extension_oid())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("aiaas.install_version is called by the extension's scripts only"),
				 errhint("Use aiaas_import.")));
	manifest = describe_file(name, data, size, PG_GETARG_JSONB_P(2));
	model = catalog_resolve(name);
	version = catalog_store(model, data, size, manifest);
	catalog_deploy(model, version, "deploy");
	PG_RETURN_INT32(version);
}

/* ------------------------------------------------------------------------
 * aiaas_kernels
 */

AIAAS_FUNCTION(aiaas_kernels);
Datum
aiaas_kernels(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char		cpu[256];

	ml_kernel_cpu(cpu, sizeof(cpu));
	InitMaterializedSRF(fcinfo, 0);
	for (int level = ML_LEVEL_REF; level < ML_LEVEL_COUNT; level++)
	{
		Datum		values[5];
		bool		nulls[5] = {0};

		values[0] = CStringGetTextDatum(ml_level_name(level));
		values[1] = BoolGetDatum(level <= ml_kernel_best());
		values[2] = BoolGetDatum(level == ml_kernel_select(ML_LEVEL_AUTO)->level);
		values[3] = BoolGetDatum(level == bridge_kernel()->level);
		values[4] = CStringGetTextDatum(cpu);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
