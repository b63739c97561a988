/*-------------------------------------------------------------------------
 *
 * value.c
 *	  A value of the server -> a value of a column as the engine takes it.
 *
 * Which types go together is decided once, in value_reader_init; a row then
 * costs one switch.  As a number a date is its seconds (feature/column.h); as
 * text it is what the server writes under DateStyle ISO.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "value.h"

#include <math.h>

#include "access/detoast.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "bridge.h"

/* ---------- types ---------- */

/* Types whose values we know how to read. */
typedef struct known_type
{
	Oid			oid;
	ml_type		type;
	value_kind	kind;
} known_type;

static const known_type known_types[] = {
	{FLOAT8OID, ML_TYPE_NUMBER, VALUE_FLOAT8},
	{FLOAT4OID, ML_TYPE_NUMBER, VALUE_FLOAT4},
	{NUMERICOID, ML_TYPE_NUMBER, VALUE_NUMERIC},
	{INTERVALOID, ML_TYPE_NUMBER, VALUE_INTERVAL},
	{INT4OID, ML_TYPE_INTEGER, VALUE_INT4},
	{INT8OID, ML_TYPE_INTEGER, VALUE_INT8},
	{INT2OID, ML_TYPE_INTEGER, VALUE_INT2},
	{BOOLOID, ML_TYPE_BOOLEAN, VALUE_BOOL},
	{DATEOID, ML_TYPE_DATE, VALUE_DATE},
	{TIMEOID, ML_TYPE_TIME, VALUE_TIME},
	{TIMESTAMPOID, ML_TYPE_TIMESTAMP, VALUE_TIMESTAMP},
	{TIMESTAMPTZOID, ML_TYPE_TIMESTAMPTZ, VALUE_TIMESTAMPTZ},
	{TEXTOID, ML_TYPE_TEXT, VALUE_TEXT},
	{VARCHAROID, ML_TYPE_TEXT, VALUE_TEXT},
	{BPCHAROID, ML_TYPE_TEXT, VALUE_BPCHAR},
	{BYTEAOID, ML_TYPE_BYTES, VALUE_BYTES}
};

static const known_type *
find_known(Oid type)
{
	for (int i = 0; i < lengthof(known_types); i++)
	{
		if (known_types[i].oid == type)
			return &known_types[i];
	}
	return NULL;
}

/* pgvector's type, by its name and its cast: the function of that, or InvalidOid. */
static Oid
vector_cast(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool		is_vector;
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	is_vector = namestrcmp(&((Form_pg_type) GETSTRUCT(tuple))->typname, "vector") == 0;
	ReleaseSysCache(tuple);
	return is_vector &&
		find_coercion_pathway(FLOAT4ARRAYOID, type, COERCION_EXPLICIT, &function) == COERCION_PATH_FUNC ?
		function : InvalidOid;
}

/* What a type that is no domain is to the engine, and how it is read. */
static ml_type
examine(Oid type, value_kind *kind, value_kind *element)
{
	const known_type *known = find_known(type);
	Oid			of = get_element_type(type);
	char		category;
	bool		preferred;

	if (known != NULL)
	{
		*kind = known->kind;
		return known->type;
	}
	known = OidIsValid(of) ? find_known(getBaseType(of)) : NULL;
	if (known != NULL && (known->type == ML_TYPE_NUMBER || known->type == ML_TYPE_INTEGER) &&
		known->kind != VALUE_INTERVAL)
	{
		*kind = VALUE_ARRAY;
		*element = known->kind;
		return ML_TYPE_ARRAY;
	}
	if (OidIsValid(vector_cast(type)))
	{
		*kind = VALUE_VECTOR;
		*element = VALUE_FLOAT4;
		return ML_TYPE_ARRAY;
	}
	*kind = VALUE_SPELLED;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING ? ML_TYPE_TEXT :
		category == TYPCATEGORY_ENUM ? ML_TYPE_ENUM : ML_TYPE_COUNT;
}

ml_type
value_type(Oid type)
{
	value_kind	kind;
	value_kind	element;

	return examine(getBaseType(type), &kind, &element);
}

/*
 * Do values of a type fit a column?
 */
static bool
fits(ml_type given, ml_type type, ml_form form)
{
	if (given == type)
		return true;
	switch (type)
	{
		case ML_TYPE_TEXT:
		case ML_TYPE_ENUM:
			return given == ML_TYPE_TEXT || given == ML_TYPE_ENUM;
		case ML_TYPE_NUMBER:
			return given == ML_TYPE_INTEGER ||
				(form == ML_FORM_TEXT && (given == ML_TYPE_TEXT || given == ML_TYPE_ENUM));
		case ML_TYPE_INTEGER:
			/* 2.0 and 2 are the same number, but not the same level of a category */
			return form == ML_FORM_TEXT ? given == ML_TYPE_TEXT || given == ML_TYPE_ENUM :
				given == ML_TYPE_NUMBER;
		case ML_TYPE_TIMESTAMP:
			return given == ML_TYPE_DATE;
		case ML_TYPE_TIMESTAMPTZ:
			return given == ML_TYPE_DATE || given == ML_TYPE_TIMESTAMP;
		default:
			return false;
	}
}

ml_value
value_missing(ml_form form)
{
	switch (form)
	{
		case ML_FORM_TEXT:
			return (ml_value) {.text = {NULL, 0}};
		case ML_FORM_ITEMS:
			return (ml_value) {.items = {NULL, 0}};
		default:
			return (ml_value) {.number = get_float8_nan()};
	}
}

bool
value_reader_init(value_reader *reader, Oid given, ml_type type, ml_role role, pg_tz *zone,
				  MemoryContext mcxt)
{
	Oid			base = getBaseType(given);
	ml_type		known;
	Oid			function;
	bool		varlena;

	memset(reader, 0, sizeof(*reader));
	known = examine(base, &reader->kind, &reader->element);
	reader->form = ml_column_form(type, role);
	reader->series = role == ML_ROLE_SERIES;
	reader->missing = value_missing(reader->form);
	reader->zone = zone;
	reader->at_midnight = known == ML_TYPE_DATE && type != ML_TYPE_DATE;
	if (known == ML_TYPE_COUNT || !fits(known, type, reader->form))
		return false;
	if (reader->kind == VALUE_SPELLED)
	{
		getTypeOutputInfo(base, &function, &varlena);
		fmgr_info_cxt(function, &reader->function, mcxt);
	}
	if (reader->kind == VALUE_VECTOR)
		fmgr_info_cxt(vector_cast(base), &reader->function, mcxt);
	return true;
}

void
value_reader_init_text(value_reader *reader, Oid given, pg_tz *zone, MemoryContext mcxt)
{
	Oid			base = getBaseType(given);
	ml_type		type = value_type(given);
	Oid			function;
	bool		varlena;

	if (type < ML_TYPE_ARRAY && base != INTERVALOID &&
		value_reader_init(reader, given, type, ML_ROLE_CATEGORY, zone, mcxt))
		return;
	memset(reader, 0, sizeof(*reader));
	reader->kind = VALUE_SPELLED;
	reader->form = ML_FORM_TEXT;
	reader->missing = value_missing(ML_FORM_TEXT);
	getTypeOutputInfo(base, &function, &varlena);
	fmgr_info_cxt(function, &reader->function, mcxt);
}

/* ---------- numbers ---------- */

/* The cast's message would quote all digits. */
static double
double_of_numeric(Datum value)
{
	double		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));

	if (unlikely(isinf(number)) && !numeric_is_inf(DatumGetNumeric(value)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a numeric is out of the range of double precision")));
	return number;
}

/* As extract(epoch ...) counts: a year of 365.25 days, a month of 30. */
static double
seconds_of_interval(const Interval *interval)
{
	double		days = interval->month / MONTHS_PER_YEAR * DAYS_PER_YEAR +
		interval->month % MONTHS_PER_YEAR * (double) DAYS_PER_MONTH + interval->day;

	if (compat_interval_infinite(interval))
		return interval->month < 0 ? -get_float8_infinity() : get_float8_infinity();
	return days * SECS_PER_DAY + interval->time / (double) USECS_PER_SEC;
}

static double
seconds_of_timestamp(Timestamp time)
{
	if (TIMESTAMP_NOT_FINITE(time))
		return TIMESTAMP_IS_NOBEGIN(time) ? -get_float8_infinity() : get_float8_infinity();
	return time / (double) USECS_PER_SEC;
}

static double
seconds_of_date(DateADT date)
{
	if (DATE_NOT_FINITE(date))
		return DATE_IS_NOBEGIN(date) ? -get_float8_infinity() : get_float8_infinity();
	return date * (double) SECS_PER_DAY;
}

/* What clocks in the zone show. */
static Timestamp
wall_clock(TimestampTz time, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t fraction;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	if (timestamp2tm(time, &offset, &tm, &fraction, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return time - offset * USECS_PER_SEC;
}

static double
number_of(value_kind kind, pg_tz *zone, Datum value)
{
	switch (kind)
	{
		case VALUE_FLOAT8:
			return DatumGetFloat8(value);
		case VALUE_FLOAT4:
			return DatumGetFloat4(value);
		case VALUE_INT4:
			return DatumGetInt32(value);
		case VALUE_INT8:
			return (double) DatumGetInt64(value);
		case VALUE_INT2:
			return DatumGetInt16(value);
		case VALUE_BOOL:
			return DatumGetBool(value);
		case VALUE_NUMERIC:
			return double_of_numeric(value);
		case VALUE_INTERVAL:
			return seconds_of_interval(DatumGetIntervalP(value));
		case VALUE_DATE:
			return seconds_of_date(DatumGetDateADT(value));
		case VALUE_TIME:
			return DatumGetTimeADT(value) / (double) USECS_PER_SEC;
		case VALUE_TIMESTAMP:
			return seconds_of_timestamp(DatumGetTimestamp(value));
		case VALUE_TIMESTAMPTZ:
			return seconds_of_timestamp(wall_clock(DatumGetTimestampTz(value), zone));
		default:
			elog(ERROR, "a value of kind %d is no number", kind);
	}
}

/* ---------- texts ---------- */

char *
value_spell_number(double number)
{
	char	   *result = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	double_to_shortest_decimal_buf(number, result);
	return result;
}

static char *
spell_float4(float4 number)
{
	char	   *result = palloc(FLOAT_SHORTEST_DECIMAL_LEN);

	float_to_shortest_decimal_buf(number, result);
	return result;
}

/* Dates and times as under DateStyle ISO. */
static char *
spell_timestamp(Timestamp time, pg_tz *zone)
{
	char		buffer[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t fraction;

	if (TIMESTAMP_NOT_FINITE(time))
		EncodeSpecialTimestamp(time, buffer);
	else if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	else
		EncodeDateTime(&tm, fraction, false, 0, NULL, USE_ISO_DATES, buffer);
	return pstrdup(buffer);
}

static char *
spell_date(DateADT date)
{
	char		buffer[MAXDATELEN + 1];
	struct pg_tm tm;

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, buffer);
	else
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, buffer);
	}
	return pstrdup(buffer);
}

static Timestamp
midnight(DateADT date)
{
	return DatumGetTimestamp(DirectFunctionCall1(date_timestamp, DateADTGetDatum(date)));
}

/*
 * An interval is its seconds, as a number would be.
 */
static char *
spell(value_reader *reader, Datum value)
{
	switch (reader->kind)
	{
		case VALUE_FLOAT4:
			return spell_float4(DatumGetFloat4(value));
		case VALUE_FLOAT8:
		case VALUE_INTERVAL:
			return value_spell_number(number_of(reader->kind, NULL, value));
		case VALUE_INT2:
		case VALUE_INT4:
			return psprintf("%d", reader->kind == VALUE_INT2 ? DatumGetInt16(value) : DatumGetInt32(value));
		case VALUE_INT8:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
		case VALUE_NUMERIC:
			return DatumGetCString(DirectFunctionCall1(numeric_out, value));
		case VALUE_DATE:
			return reader->at_midnight ? spell_timestamp(midnight(DatumGetDateADT(value)), NULL) :
				spell_date(DatumGetDateADT(value));
		case VALUE_TIME:
			return DatumGetCString(DirectFunctionCall1(time_out, value));
		case VALUE_TIMESTAMP:
			return spell_timestamp(DatumGetTimestamp(value), NULL);
		case VALUE_TIMESTAMPTZ:
			return spell_timestamp(wall_clock(DatumGetTimestampTz(value), reader->zone), NULL);
		default:
			return OutputFunctionCall(&reader->function, value);
	}
}

static ml_text
text_of(value_reader *reader, Datum value)
{
	text	   *lies;
	ml_text		result;

	if (reader->kind == VALUE_BOOL)
		return DatumGetBool(value) ? ML_TEXT("true") : ML_TEXT("false");
	if (reader->kind == VALUE_BYTES)
	{
		/* bytes have no encoding */
		lies = reader->copy ? DatumGetTextPCopy(value) : DatumGetTextPP(value);
		return (ml_text) {VARDATA_ANY(lies), VARSIZE_ANY_EXHDR(lies)};
	}
	if (reader->kind != VALUE_TEXT && reader->kind != VALUE_BPCHAR)
		return bridge_text_in(cstring_to_text(spell(reader, value)));
	lies = reader->copy ? DatumGetTextPCopy(value) : DatumGetTextPP(value);
	result = bridge_text_in(lies);
	if (reader->kind == VALUE_BPCHAR)
		result.size = bpchartruelen(unconstify(char *, result.data), result.size);
	return result;
}

/* ---------- arrays ---------- */

#define SERIES_STEPS	(ML_SERIES_STEPS + 1)	/* one more than are looked at, which tells that there are more */
#define POLL_ITEMS		8192
#define LARGE_ARRAY		((Size) 1 << 20)	/* bytes from which on it pays to look at its head first */

pg_noreturn static void
refuse_dimensions(const value_reader *reader, const ArrayType *array)
{
	char	   *column = reader->column == NULL ? "" : psprintf(" in column \"%s\"", reader->column);

	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 reader->series ?
			 errmsg("an array%s has %d dimensions instead of one or two", column, ARR_NDIM(array)) :
			 errmsg("an array%s has %d dimensions instead of one", column, ARR_NDIM(array)),
			 reader->series ?
			 errhint("A series is an array of steps, or of steps and channels.") :
			 errhint("Make it flat in a query: (SELECT array_agg(e) FROM unnest(column) AS e). Networks take arrays of two dimensions as series, by the option \"columns\".")));
}

/* How many numbers of an array are read, and how many make a step. */
static ml_items
shape_of(const value_reader *reader, const ArrayType *array)
{
	int			ndims = ARR_NDIM(array);
	int			n = ArrayGetNItems(ndims, ARR_DIMS(array));
	int			width = ndims == 2 ? ARR_DIMS(array)[1] : 0;

	if (ndims > (reader->series ? 2 : 1))
		refuse_dimensions(reader, array);
	if (reader->series)
		n = (int) Min((int64) n, (int64) SERIES_STEPS * Max(width, 1));
	return (ml_items) {.n = n, .width = width};
}

/* The first n elements, NaN where there is a NULL. */
static void
read_elements(const value_reader *reader, ArrayType *array, uint32 n, double *items)
{
	const bits8 *present = ARR_NULLBITMAP(array);
	char	   *data = ARR_DATA_PTR(array);
	int16		width;
	bool		byval;
	char		align;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &width, &byval, &align);
	for (uint32 i = 0; i < n; i++)
	{
		if (i % POLL_ITEMS == POLL_ITEMS - 1)
			CHECK_FOR_INTERRUPTS();
		if (present != NULL && (present[i / 8] & (1 << (i % 8))) == 0)
		{
			items[i] = get_float8_nan();
			continue;
		}
		items[i] = number_of(reader->element, NULL, fetch_att(data, byval, width));
		data = att_addlength_pointer(data, width, data);
		data = (char *) att_align_nominal(data, align);
	}
}

/* The array; of a large series no more than what is looked at, if that is a part of it that can be told. */
static ArrayType *
detoast_array(const value_reader *reader, Datum value)
{
	struct varlena *lies = (struct varlena *) DatumGetPointer(value);
	ArrayType  *head;
	Size		size;
	int16		width;

	if (!reader->series || !(VARATT_IS_EXTERNAL_ONDISK(lies) || VARATT_IS_COMPRESSED(lies)) ||
		toast_raw_datum_size(value) <= LARGE_ARRAY)
		return DatumGetArrayTypeP(value);
	head = (ArrayType *) PG_DETOAST_DATUM_SLICE(value, 0, ARR_OVERHEAD_NONULLS(MAXDIM) - VARHDRSZ);
	width = get_typlen(ARR_ELEMTYPE(head));
	size = ARR_DATA_OFFSET(head) + (Size) shape_of(reader, head).n * Max(width, 0);
	pfree(head);
	return width > 0 ? (ArrayType *) PG_DETOAST_DATUM_SLICE(value, 0, size - VARHDRSZ) : DatumGetArrayTypeP(value);
}

/* The numbers of an array. */
static ml_items
items_of(value_reader *reader, Datum value)
{
	ArrayType  *array = detoast_array(reader, value);
	ml_items	items = shape_of(reader, array);
	double	   *copy;

	items.data = (double *) ARR_DATA_PTR(array);
	if (reader->element == VALUE_FLOAT8 && !ARR_HASNULL(array) && !reader->copy)
		return items;
	copy = palloc_extended(Max(items.n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	if (reader->element == VALUE_FLOAT8 && !ARR_HASNULL(array))
		memcpy(copy, items.data, items.n * sizeof(double));
	else
		read_elements(reader, array, items.n, copy);
	/* rows of a batch would pile up what was detoasted */
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
	items.data = copy;
	return items;
}

/* A cast's function may also take a type modifier and whether it is explicit. */
static Datum
cast_vector(value_reader *reader, Datum value)
{
	switch (reader->function.fn_nargs)
	{
		case 1:
			return FunctionCall1(&reader->function, value);
		case 2:
			return FunctionCall2(&reader->function, value, Int32GetDatum(-1));
		default:
			return FunctionCall3(&reader->function, value, Int32GetDatum(-1), BoolGetDatum(true));
	}
}

ml_value
value_convert(value_reader *reader, Datum value)
{
	switch (reader->form)
	{
		case ML_FORM_TEXT:
			return (ml_value) {.text = text_of(reader, value)};
		case ML_FORM_ITEMS:
			if (reader->kind == VALUE_VECTOR)
				value = cast_vector(reader, value);
			return (ml_value) {.items = items_of(reader, value)};
		default:
			return (ml_value) {.number = number_of(reader->kind, reader->zone, value)};
	}
}
