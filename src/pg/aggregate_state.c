/*-------------------------------------------------------------------------
 *
 * aggregate_state.c
 *	  States of the metric aggregates: what their types have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "document.h"

aggregate_state *
aggregate_create(size_t size)
{
	aggregate_state *result = palloc0(offsetof(aggregate_state, block) + size);

	SET_VARSIZE(result, offsetof(aggregate_state, block) + size);
	return result;
}

aggregate_state *
aggregate_copy(const aggregate_state *old, size_t size)
{
	aggregate_state *result;

	if (size > MaxAllocSize - offsetof(aggregate_state, block))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of aggregate exceeds 1 GB"),
				 errdetail("It holds every distinct label and pair of labels once.")));
	result = aggregate_create(size);
	memcpy(result->block, old->block, Min(AGGREGATE_BLOCK_SIZE(old), size));
	return result;
}

aggregate_state *
aggregate_to_write(FunctionCallInfo fcinfo)
{
	aggregate_state *s = (aggregate_state *) PG_GETARG_POINTER(0);

	return AggCheckCallContext(fcinfo, NULL) ? s : aggregate_copy(s, AGGREGATE_BLOCK_SIZE(s));
}

void
aggregate_refuse_state(const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("value of type %s is damaged", type)));
}

void
aggregate_refuse_text(const char *type, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input for type %s", type),
			 errdetail("%s", detail)));
}

void
aggregate_refuse_binary(const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid external binary value of type %s", type)));
}

Datum
aggregate_unchanged(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

Datum
aggregate_result(FunctionCallInfo fcinfo, double value)
{
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

JsonbContainer *
aggregate_json(const char *text, const char *type)
{
	Jsonb	   *json = document_parse(text);

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		aggregate_refuse_text(type, "It must be a JSON array.");
	return &json->root;
}

bool
aggregate_json_count(const JsonbContainer *array, int i, int64 *count)
{
	return document_whole(document_element(array, i, jbvNumeric), 0, PG_INT64_MAX, count);
}
