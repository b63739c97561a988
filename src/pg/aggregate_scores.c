/*-------------------------------------------------------------------------
 *
 * aggregate_scores.c
 *	  Metrics of ordered scores as aggregates: areas below the ROC and the
 *	  precision-recall curve, median absolute error.  See aggregate.c.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "aggregate.h"
#include "document.h"

/*
 * aiaas.auc_state: [bits lost, ["key in hexadecimal", positives, negatives], ...]
 */
#define AUC "aiaas.auc_state"

static aggregate_state *
auc_create(void)
{
	size_t		size = ml_auc_init(NULL, 0);
	aggregate_state *s = aggregate_create(size);

	ml_auc_init(s->block, size);
	return s;
}

static aggregate_state *
auc_add_bin(aggregate_state *s, unsigned shift, const ml_auc_bin *bin)
{
	size_t		need;

	while ((need = ml_auc_add_bin((ml_auc *) s->block, AGGREGATE_BLOCK_SIZE(s), shift, bin)) != 0)
		s = aggregate_copy(s, need);
	return s;
}

static const ml_auc *
auc_argument(FunctionCallInfo fcinfo, int i)
{
	aggregate_state *s = (aggregate_state *) PG_GETARG_POINTER(i);

	if (!ml_auc_check(s->block, AGGREGATE_BLOCK_SIZE(s)))
		aggregate_refuse_state(AUC);
	return (ml_auc *) s->block;
}

/* A copy of argument 0, which the engine may put in order. */
static ml_auc *
auc_flushed(FunctionCallInfo fcinfo)
{
	aggregate_state *s = (aggregate_state *) PG_GETARG_POINTER(0);

	(void) auc_argument(fcinfo, 0);
	s = aggregate_copy(s, AGGREGATE_BLOCK_SIZE(s));
	ml_auc_flush((ml_auc *) s->block);
	return (ml_auc *) s->block;
}

static bool
json_bin(JsonbContainer *bins, int i, ml_auc_bin *bin)
{
	JsonbContainer *tuple = document_tuple(bins, i, 3);
	JsonbValue *key = document_element(tuple, 0, jbvString);
	char		digits[17];
	char	   *end;

	if (key == NULL || key->val.string.len < 1 || key->val.string.len > 16 ||
		!aggregate_json_count(tuple, 1, &bin->positives) || !aggregate_json_count(tuple, 2, &bin->negatives))
		return false;
	memcpy(digits, key->val.string.val, key->val.string.len);
	digits[key->val.string.len] = '\0';
	if (strspn(digits, "0123456789abcdef") != key->val.string.len)
		return false;
	bin->key = strtou64(digits, &end, 16);
	return true;
}

AIAAS_FUNCTION(aiaas_auc_in);
Datum
aiaas_auc_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *bins = aggregate_json(PG_GETARG_CSTRING(0), AUC);
	aggregate_state *s = auc_create();
	int64		shift;

	if (!aggregate_json_count(bins, 0, &shift) || shift > 63)
		aggregate_refuse_text(AUC, "The first element must be an integer from 0 to 63.");
	for (int i = 1; i < JsonContainerSize(bins); i++)
	{
		ml_auc_bin	bin;

		CHECK_FOR_INTERRUPTS();
		if (!json_bin(bins, i, &bin) || !ml_auc_bin_valid((unsigned) shift, &bin))
			aggregate_refuse_text(AUC, "Each further element must be [\"key in hexadecimal\", positives, negatives].");
		s = auc_add_bin(s, (unsigned) shift, &bin);
	}
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_out);
Datum
aiaas_auc_out(PG_FUNCTION_ARGS)
{
	const ml_auc *auc = auc_flushed(fcinfo);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "[%u", ml_auc_shift(auc));
	for (uint32 i = 0; i < ml_auc_nbins(auc); i++)
	{
		ml_auc_bin	bin = ml_auc_get(auc, i);

		appendStringInfo(&out, ", [\"%016llx\", " INT64_FORMAT ", " INT64_FORMAT "]",
						 (unsigned long long) bin.key, bin.positives, bin.negatives);
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_CSTRING(out.data);
}

AIAAS_FUNCTION(aiaas_auc_recv);
Datum
aiaas_auc_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	aggregate_state *s = auc_create();
	unsigned	shift = pq_getmsgint(message, 4);
	int			bins = pq_getmsgint(message, 4);

	if (bins < 0)
		aggregate_refuse_binary(AUC);
	for (int i = 0; i < bins; i++)
	{
		ml_auc_bin	bin;

		CHECK_FOR_INTERRUPTS();
		bin.key = (uint64) pq_getmsgint64(message);
		bin.positives = pq_getmsgint64(message);
		bin.negatives = pq_getmsgint64(message);
		if (!ml_auc_bin_valid(shift, &bin))
			aggregate_refuse_binary(AUC);
		s = auc_add_bin(s, shift, &bin);
	}
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_send);
Datum
aiaas_auc_send(PG_FUNCTION_ARGS)
{
	const ml_auc *auc = auc_flushed(fcinfo);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, ml_auc_shift(auc));
	pq_sendint32(&message, ml_auc_nbins(auc));
	for (uint32 i = 0; i < ml_auc_nbins(auc); i++)
	{
		ml_auc_bin	bin = ml_auc_get(auc, i);

		pq_sendint64(&message, bin.key);
		pq_sendint64(&message, bin.positives);
		pq_sendint64(&message, bin.negatives);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* The state of argument 0 with one score more. */
static Datum
auc_add(FunctionCallInfo fcinfo, bool actual, double score)
{
	aggregate_state *s;
	size_t		need;

	if (PG_ARGISNULL(0))
		s = auc_create();
	else
	{
		(void) auc_argument(fcinfo, 0);
		s = aggregate_to_write(fcinfo);
	}
	while ((need = ml_auc_add((ml_auc *) s->block, AGGREGATE_BLOCK_SIZE(s), actual, score)) != 0)
		s = aggregate_copy(s, need);
	PG_RETURN_POINTER(s);
}

/*
 * Transition function of the areas: (state, actual boolean, score float8).
 */
AIAAS_FUNCTION(aiaas_auc_accum);
Datum
aiaas_auc_accum(PG_FUNCTION_ARGS)
{
	double		score;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	score = PG_GETARG_FLOAT8(2);
	if (isnan(score))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score of aiaas_roc_auc or aiaas_pr_auc must not be NaN")));
	return auc_add(fcinfo, PG_GETARG_BOOL(1), score);
}

/*
 * Transition function of the median absolute error: (state, actual float8,
 * predicted float8).
 */
AIAAS_FUNCTION(aiaas_auc_error);
Datum
aiaas_auc_error(PG_FUNCTION_ARGS)
{
	double		actual;
	double		predicted;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	actual = PG_GETARG_FLOAT8(1);
	predicted = PG_GETARG_FLOAT8(2);
	aggregate_require_finite(actual, predicted);
	return auc_add(fcinfo, true, fabs(actual - predicted));
}

AIAAS_FUNCTION(aiaas_auc_combine);
Datum
aiaas_auc_combine(PG_FUNCTION_ARGS)
{
	const ml_auc *from = auc_argument(fcinfo, 1);
	aggregate_state *s;
	size_t		need;

	(void) auc_argument(fcinfo, 0);
	s = aggregate_to_write(fcinfo);
	while ((need = ml_auc_merge((ml_auc *) s->block, AGGREGATE_BLOCK_SIZE(s), from)) != 0)
		s = aggregate_copy(s, need);
	PG_RETURN_POINTER(s);
}

/*
 * Final functions
 */
#define AUC_FINAL(name, metric) \
	AIAAS_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return aggregate_result(fcinfo, metric(auc_flushed(fcinfo))); \
	} \
	extern Datum name(PG_FUNCTION_ARGS)

AUC_FINAL(aiaas_auc_final, ml_auc_value);
AUC_FINAL(aiaas_auc_pr, ml_auc_pr_value);
AUC_FINAL(aiaas_auc_median, ml_auc_median);
