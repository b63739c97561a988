/*-------------------------------------------------------------------------
 *
 * aggregate_gram.c
 *	  Linear regression as an aggregate, for GROUP BY, FILTER, windows and
 *	  parallel plans: aiaas_linear_regression(y, x float8[]); and the sums that
 *	  it and trainings on numbers are made from: aiaas.gram(weight, y, x ...).
 *
 * The state is the engine's block of sums (learn/gram.h) behind a varlena
 * header, see aggregate.c for what all states have in common.  Its text is
 * [columns, rows, marks, numbers ...], the numbers as ml_gram_number gives
 * them, none without rows; its binary form has the same.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "aggregate.h"
#include "bridge.h"
#include "document.h"

#define GRAM		"aiaas.gram_state"
#define COLUMNS_MAX	1600		/* as a table's */

static aggregate_state *
gram_create(uint32 d)
{
	size_t		size = ml_gram_size(d);
	aggregate_state *s = palloc(offsetof(aggregate_state, block) + size);

	SET_VARSIZE(s, offsetof(aggregate_state, block) + size);
	s->reserved = 0;
	ml_gram_init(s->block, d);
	return s;
}

static inline ml_gram *
gram_of(aggregate_state *s)
{
	return (ml_gram *) s->block;
}

/* A value that may come from a table. */
static aggregate_state *
gram_argument(Datum value)
{
	aggregate_state *s = (aggregate_state *) PG_DETOAST_DATUM(value);

	if (VARSIZE(s) < offsetof(aggregate_state, block) ||
		!ml_gram_fits(s->block, AGGREGATE_BLOCK_SIZE(s)))
		aggregate_refuse_state(GRAM);
	return s;
}

/*
 * Argument 0, which may be changed: within an aggregate it is the executor's
 * own copy.  Even there it need not be as we left it, but may be short or
 * toasted: anybody may make an aggregate of these functions and of others that
 * take a state from a table, an inverse transition say.
 */
static aggregate_state *
gram_to_write(FunctionCallInfo fcinfo)
{
	aggregate_state *s = gram_argument(PG_GETARG_DATUM(0));

	return likely(AggCheckCallContext(fcinfo, NULL)) ? s : aggregate_copy(s, AGGREGATE_BLOCK_SIZE(s));
}

ml_gram *
aggregate_gram(Datum state)
{
	aggregate_state *s = gram_argument(state);

	s = aggregate_copy(s, AGGREGATE_BLOCK_SIZE(s));
	ml_gram_flush(bridge_kernel(), gram_of(s));
	return gram_of(s);
}

/*
 * Text and binary forms
 */
AIAAS_FUNCTION(aiaas_gram_in);
Datum
aiaas_gram_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *array = aggregate_json(PG_GETARG_CSTRING(0), GRAM);
	int			n = JsonContainerSize(array) - 3;
	int64		header[3] = {0};
	aggregate_state *s;

	for (int i = 0; i < 3; i++)
		if (n < 0 || !aggregate_json_count(array, i, &header[i]))
			aggregate_refuse_text(GRAM, "It must begin with three whole numbers: columns, rows, marks.");
	if (header[0] < 1 || header[0] > COLUMNS_MAX ||
		n != (header[1] == 0 ? 0 : ml_gram_nnumbers(header[0])))
		aggregate_refuse_text(GRAM, "The number of its elements is not that of its columns.");
	s = gram_create(header[0]);
	ml_gram_set_nrows(gram_of(s), header[1]);
	ml_gram_mark(gram_of(s), Min(header[2], PG_UINT32_MAX));
	for (int i = 0; i < n; i++)
	{
		double		value;

		CHECK_FOR_INTERRUPTS();
		if (!document_float(document_element(array, i + 3, jbvNumeric), &value))
			aggregate_refuse_text(GRAM, "All its elements must be numbers.");
		ml_gram_set(gram_of(s), i, value);
	}
	if (!ml_gram_check(s->block, AGGREGATE_BLOCK_SIZE(s)))
		aggregate_refuse_text(GRAM, "No rows have such sums.");
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_gram_out);
Datum
aiaas_gram_out(PG_FUNCTION_ARGS)
{
	ml_gram    *gram = aggregate_gram(PG_GETARG_DATUM(0));
	uint64		n = ml_gram_nrows(gram) == 0 ? 0 : ml_gram_nnumbers(ml_gram_width(gram));
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "[%u, " UINT64_FORMAT ", %u", ml_gram_width(gram), ml_gram_nrows(gram),
					 ml_gram_marks(gram));
	for (uint64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&out, ", %.17g", ml_gram_number(gram, i));
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_CSTRING(out.data);
}

AIAAS_FUNCTION(aiaas_gram_recv);
Datum
aiaas_gram_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	uint32		columns = pq_getmsgint(message, 4);
	uint32		marks = pq_getmsgint(message, 4);
	int64		rows = pq_getmsgint64(message);
	uint64		n;
	aggregate_state *s;

	if (columns < 1 || columns > COLUMNS_MAX || rows < 0)
		aggregate_refuse_binary(GRAM);
	n = rows == 0 ? 0 : ml_gram_nnumbers(columns);
	if (message->len - message->cursor != n * sizeof(float8))
		aggregate_refuse_binary(GRAM);
	s = gram_create(columns);
	ml_gram_set_nrows(gram_of(s), rows);
	ml_gram_mark(gram_of(s), marks);
	for (uint64 i = 0; i < n; i++)
		ml_gram_set(gram_of(s), i, pq_getmsgfloat8(message));
	if (!ml_gram_check(s->block, AGGREGATE_BLOCK_SIZE(s)))
		aggregate_refuse_binary(GRAM);
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_gram_send);
Datum
aiaas_gram_send(PG_FUNCTION_ARGS)
{
	ml_gram    *gram = aggregate_gram(PG_GETARG_DATUM(0));
	uint64		n = ml_gram_nrows(gram) == 0 ? 0 : ml_gram_nnumbers(ml_gram_width(gram));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, ml_gram_width(gram));
	pq_sendint32(&message, ml_gram_marks(gram));
	pq_sendint64(&message, ml_gram_nrows(gram));
	for (uint64 i = 0; i < n; i++)
		pq_sendfloat8(&message, ml_gram_number(gram, i));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * Transition function of aiaas_linear_regression: (state, y float8, x float8[]).
 * Rows with a NULL or NaN don't count.
 */
pg_noreturn static void
refuse_array(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("%s", message),
			 errhint("%s", hint)));
}

static uint32
array_width(ArrayType *x)
{
	if (ARR_NDIM(x) > 1)
		refuse_array("x of aiaas_linear_regression must be an array of one dimension",
					 "Each row has one array, with a number for each column: ARRAY[a, b].");
	if (ARR_NDIM(x) == 0)
		refuse_array("x of aiaas_linear_regression must not be an empty array",
					 "For the mean and deviation of y alone use avg and stddev.");
	if (ARR_DIMS(x)[0] > COLUMNS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("x of aiaas_linear_regression must not have more than %d items", COLUMNS_MAX),
				 errdetail("It has %d.", ARR_DIMS(x)[0]),
				 errhint("Train a model: aiaas_train(..., algorithm => 'linear_regression').")));
	return ARR_DIMS(x)[0];
}

pg_noreturn static void
refuse_width(uint32 expected, uint32 got)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("arrays x of aiaas_linear_regression must have the same length"),
			 errdetail("One has %u items, one before it has %u.", got, expected),
			 errhint("Leave out rows whose arrays are incomplete, or put NULL in the place of what is missing.")));
}

/*
 * The sign bit of the result is set for infinities and NaN: results are
 * or'ed, which needs neither a branch nor a sum that waits for itself.
 */
static inline uint64
not_finite(double x)
{
	uint64		bits;

	memcpy(&bits, &x, sizeof(bits));
	return (bits & UINT64CONST(0x7FF0000000000000)) + UINT64CONST(0x0010000000000000);
}

static bool
all_finite(const double *x, uint32 n)
{
	uint64		bits = 0;

	for (uint32 i = 0; i < n; i++)
		bits |= not_finite(x[i]);
	return (int64) bits >= 0;
}

/* True: the row counts. */
static bool
check_row(double y, const double *x, uint32 n)
{
	bool		infinite = isinf(y);

	if (likely(all_finite(x, n) && isfinite(y)))
		return true;
	if (isnan(y))
		return false;
	for (uint32 i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			return false;
		infinite = infinite || isinf(x[i]);
	}
	if (infinite)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments of aiaas_linear_regression must not be infinite"),
				 errhint("Leave such rows out: FILTER (WHERE abs(y) < 'infinity').")));
	return true;
}

AIAAS_FUNCTION(aiaas_gram_regress);
Datum
aiaas_gram_regress(PG_FUNCTION_ARGS)
{
	aggregate_state *s = NULL;
	ArrayType  *x;
	uint32		width;
	double		y;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	y = PG_GETARG_FLOAT8(1);
	x = PG_GETARG_ARRAYTYPE_P(2);
	width = array_width(x);
	if (!PG_ARGISNULL(0))
	{
		s = gram_to_write(fcinfo);
		if (ml_gram_width(gram_of(s)) != width)
			refuse_width(ml_gram_width(gram_of(s)), width);
	}
	if ((ARR_HASNULL(x) && array_contains_nulls(x)) ||
		!check_row(y, (double *) ARR_DATA_PTR(x), width))
		return aggregate_unchanged(fcinfo);
	if (s == NULL)
		s = gram_create(width);
	ml_gram_add(bridge_kernel(), gram_of(s), (double *) ARR_DATA_PTR(x), y, 1);
	PG_RETURN_POINTER(s);
}

/*
 * Transition function of aiaas.gram: (state, weight float8, y, x ...), y and x
 * numbers of any type.  A row with a NULL or a number that is not finite, or
 * whose weight is negative, does not count; the state is marked.
 */
typedef struct columns
{
	uint32		d;
	bool		plain;			/* all are float8 */
	Oid			type[FUNC_MAX_ARGS];	/* of y and x */
	double		values[FUNC_MAX_ARGS];	/* of a row, y at the end */
} columns;

static columns *
columns_lookup(FunctionCallInfo fcinfo)
{
	columns    *c = fcinfo->flinfo->fn_extra;

	if (c != NULL)
		return c;
	if (PG_NARGS() < 4)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("aiaas.gram needs a weight, a target and a column")));
	c = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(columns));
	c->d = PG_NARGS() - 3;
	c->plain = FLOAT8PASSBYVAL; /* a NULL by reference can't be looked at */
	for (uint32 i = 0; i <= c->d; i++)
	{
		c->type[i] = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, i + 2));
		switch (c->type[i])
		{
			case FLOAT8OID:
				break;
			case FLOAT4OID:
			case INT2OID:
			case INT4OID:
			case INT8OID:
			case NUMERICOID:
			case BOOLOID:
			case DATEOID:
				c->plain = false;
				break;
			default:
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("aiaas.gram takes no values of type %s",
								format_type_be(get_fn_expr_argtype(fcinfo->flinfo, i + 2)))));
		}
	}
	fcinfo->flinfo->fn_extra = c;
	return c;
}

static double
number_argument(Oid type, Datum value)
{
	DateADT		date;

	switch (type)
	{
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case BOOLOID:
			return DatumGetBool(value);
		case DATEOID:			/* days since 2000-01-01 */
			date = DatumGetDateADT(value);
			return DATE_NOT_FINITE(date) ? get_float8_infinity() : date;
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	}
}

/* The row's numbers; returns marks. */
static uint32
read_row(FunctionCallInfo fcinfo, columns *c)
{
	const NullableDatum *y = &fcinfo->args[2];
	uint32		d = c->d;
	bool		missing = y->isnull;

	if (likely(c->plain))
	{
		uint64		bits = not_finite(DatumGetFloat8(y->value));

		for (uint32 i = 0; i < d; i++)
		{
			double		x = DatumGetFloat8(y[i + 1].value);

			missing |= y[i + 1].isnull;
			bits |= not_finite(x);
			c->values[i] = x;
		}
		c->values[d] = DatumGetFloat8(y->value);
		if (likely((int64) bits >= 0 && !missing))
			return 0;
	}
	else
		for (uint32 i = 0; i < d && !missing; i++)
		{
			missing = y[i + 1].isnull;
			if (!missing)
				c->values[i] = number_argument(c->type[i + 1], y[i + 1].value);
		}
	if (missing)
		return ML_GRAM_MISSING;
	c->values[d] = number_argument(c->type[0], y->value);
	if (likely(all_finite(c->values, d + 1)))
		return 0;
	for (uint32 i = 0; i <= d; i++)
		if (isnan(c->values[i]))
			return ML_GRAM_MISSING;
	return ML_GRAM_INFINITE;
}

AIAAS_FUNCTION(aiaas_gram_accum);
Datum
aiaas_gram_accum(PG_FUNCTION_ARGS)
{
	columns    *c = columns_lookup(fcinfo);
	double		weight = PG_ARGISNULL(1) ? get_float8_nan() : PG_GETARG_FLOAT8(1);
	uint32		marks = read_row(fcinfo, c);
	aggregate_state *s;

	if (unlikely(!(weight >= 0 && weight < get_float8_infinity())))
		marks |= isnan(weight) ? ML_GRAM_MISSING : ML_GRAM_INFINITE;
	s = PG_ARGISNULL(0) ? gram_create(c->d) : gram_to_write(fcinfo);
	if (unlikely(ml_gram_width(gram_of(s)) != c->d))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state of aiaas.gram has another number of columns")));
	if (likely(marks == 0))
		ml_gram_add(bridge_kernel(), gram_of(s), c->values, c->values[c->d], weight);
	else
		ml_gram_mark(gram_of(s), marks);
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_gram_combine);
Datum
aiaas_gram_combine(PG_FUNCTION_ARGS)
{
	aggregate_state *from = gram_argument(PG_GETARG_DATUM(1));
	aggregate_state *s = gram_to_write(fcinfo);

	if (ml_gram_width(gram_of(s)) != ml_gram_width(gram_of(from)))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("states of aiaas.gram must have the same number of columns"),
				 errdetail("One has %u, the other %u.", ml_gram_width(gram_of(s)),
						   ml_gram_width(gram_of(from)))));
	ml_gram_merge(bridge_kernel(), gram_of(s), gram_of(from));
	PG_RETURN_POINTER(s);
}

/*
 * Final function of aiaas_linear_regression: aiaas.linear_regression.
 */
enum
{
	COLUMN_N, COLUMN_INTERCEPT, COLUMN_COEFFICIENTS, COLUMN_INTERCEPT_STD_ERROR, COLUMN_STD_ERRORS,
	COLUMN_R2, COLUMN_ADJUSTED_R2, COLUMN_SIGMA, COLUMN_DEGREES_OF_FREEDOM, COLUMN_DROPPED,
	COLUMNS
};

/* What a call site keeps from group to group. */
typedef struct regression
{
	bridge	   *bridge;
	TupleDesc	desc;
} regression;

static regression *
regression_lookup(FunctionCallInfo fcinfo)
{
	regression *r = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (r != NULL)
		return r;
	r = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(regression));
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &r->desc) != TYPEFUNC_COMPOSITE || r->desc->natts != COLUMNS)
		elog(ERROR, "unexpected result type of aiaas.gram_regression");
	r->desc = BlessTupleDesc(CreateTupleDescCopy(r->desc));
	MemoryContextSwitchTo(caller);
	r->bridge = bridge_create(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = r;
	return r;
}

/* An array of numbers, NULL in the place of NaN. */
static Datum
number_array(const double *values, uint32 n)
{
	Datum	   *items = palloc_array(Datum, n);
	bool	   *nulls = palloc_array(bool, n);
	int			dims[1] = {n};
	int			lower[1] = {1};

	for (uint32 i = 0; i < n; i++)
	{
		items[i] = Float8GetDatum(values[i]);
		nulls[i] = isnan(values[i]);
	}
	return PointerGetDatum(construct_md_array(items, nulls, 1, dims, lower, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Numbers of the columns dropped, from 1. */
static Datum
dropped_array(const bool *dropped, uint32 n)
{
	Datum	   *items = palloc_array(Datum, n);
	int			ndropped = 0;

	for (uint32 i = 0; i < n; i++)
		if (dropped[i])
			items[ndropped++] = Int32GetDatum(i + 1);
	return PointerGetDatum(construct_array(items, ndropped, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
set_number(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = Float8GetDatum(value);
}

AIAAS_FUNCTION(aiaas_gram_regression);
Datum
aiaas_gram_regression(PG_FUNCTION_ARGS)
{
	static const ml_penalty_terms none = {0};
	regression *r = regression_lookup(fcinfo);
	ml_gram    *gram = aggregate_gram(PG_GETARG_DATUM(0));
	uint32		d = ml_gram_width(gram);
	double		n = ml_gram_nrows(gram);
	ml_least_squares fit = {0};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	double		unexplained;

	if (n == 0)
		PG_RETURN_NULL();
	fit.weights = palloc_array(double, d);
	fit.std_error = palloc_array(double, d);
	fit.dropped = palloc_array(bool, d);
	bridge_check(r->bridge,
				 ml_gram_solve(&r->bridge->ctx, bridge_kernel(), gram, &none, NULL, &fit),
				 "aiaas_linear_regression");
	unexplained = fit.total > 0 ? fit.residual / fit.total : get_float8_nan();
	values[COLUMN_N] = Int64GetDatum((int64) n);
	set_number(values, nulls, COLUMN_INTERCEPT, fit.bias);
	values[COLUMN_COEFFICIENTS] = number_array(fit.weights, d);
	set_number(values, nulls, COLUMN_INTERCEPT_STD_ERROR, fit.bias_std_error);
	values[COLUMN_STD_ERRORS] = number_array(fit.std_error, d);
	set_number(values, nulls, COLUMN_R2, 1 - unexplained);
	set_number(values, nulls, COLUMN_ADJUSTED_R2,
			   fit.freedom > 0 ? 1 - unexplained * (n - 1) / fit.freedom : get_float8_nan());
	set_number(values, nulls, COLUMN_SIGMA,
			   fit.freedom > 0 ? sqrt(fit.residual / fit.freedom) : get_float8_nan());
	values[COLUMN_DEGREES_OF_FREEDOM] = Int64GetDatum((int64) fit.freedom);
	values[COLUMN_DROPPED] = dropped_array(fit.dropped, d);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(r->desc, values, nulls)));
}
