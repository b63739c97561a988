/*-------------------------------------------------------------------------
 *
 * literal.c
 *	  Values that are written down: numbers of arrays, scalars of JSON, quoted
 *	  literals.
 *
 * Dates and times are read by the server's own functions, but only if they are
 * spelled as in ISO 8601: that means the same under any DateStyle, and leaves
 * out 'today', 'now' and names of time zones.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "literal.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "bridge.h"
#include "value.h"

/* ---------- errors ---------- */

static bool
is_date(const literal_column *column)
{
	return column->type == ML_TYPE_DATE || column->type == ML_TYPE_TIME ||
		column->type == ML_TYPE_TIMESTAMP || column->type == ML_TYPE_TIMESTAMPTZ;
}

const char *
literal_wanted(const literal_column *column)
{
	bool		as_text = column->form == ML_FORM_TEXT;

	switch (column->type)
	{
		case ML_TYPE_NUMBER:
			return as_text ? "a number or text" : "a number";
		case ML_TYPE_INTEGER:
			return as_text ? "an integer or text" : "a number";
		case ML_TYPE_BOOLEAN:
			return "a boolean";
		case ML_TYPE_DATE:
			return "a date";
		case ML_TYPE_TIME:
			return "a time";
		case ML_TYPE_TIMESTAMP:
		case ML_TYPE_TIMESTAMPTZ:
			return "a timestamp";
		case ML_TYPE_ARRAY:
			return "an array of numbers";
		case ML_TYPE_BYTES:
			return "bytes";
		default:
			return "text";
	}
}

const char *
literal_type(const literal_column *column)
{
	static const char *const names[ML_TYPE_COUNT] = {
		[ML_TYPE_TEXT] = "text",
		[ML_TYPE_ENUM] = "text",
		[ML_TYPE_NUMBER] = "float8",
		[ML_TYPE_INTEGER] = "integer",
		[ML_TYPE_BOOLEAN] = "boolean",
		[ML_TYPE_DATE] = "date",
		[ML_TYPE_TIME] = "time",
		[ML_TYPE_TIMESTAMP] = "timestamp",
		[ML_TYPE_TIMESTAMPTZ] = "timestamptz",
		[ML_TYPE_ARRAY] = "float8[]",
		[ML_TYPE_BYTES] = "bytea"
	};

	return names[column->type];
}

void
literal_refuse(const literal_column *column, const char *subject, const char *given)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s needs %s in column \"%s\", not %s", subject, literal_wanted(column),
					column->name, given)));
}

/* ERROR: right kind, but it makes no sense. */
pg_noreturn static void
refuse_spelling(const literal_column *column, const char *subject, const char *string)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("%s needs %s in column \"%s\", not \"%s\"", subject, literal_wanted(column),
					column->name, string),
			 is_date(column) ?
			 errhint("Write it as in ISO 8601, for example %s.",
					 column->type == ML_TYPE_DATE ? "2013-01-31" :
					 column->type == ML_TYPE_TIME ? "05:15:00" :
					 column->type == ML_TYPE_TIMESTAMP ? "2013-01-31T05:15:00" :
					 "2013-01-31T05:15:00-05:00; without the offset it is in the model's own time zone") :
			 column->type == ML_TYPE_NUMBER && strpbrk(string, ": ") != NULL ?
			 errhint("An interval is the number of its seconds: extract(epoch FROM ...).") : 0));
}

/* ERROR: a number that is written down, but isn't one of double precision. */
pg_noreturn static void
refuse_range(const literal_column *column, const char *subject)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("%s: column \"%s\" has a number out of the range of double precision",
					subject, column->name)));
}

/* ---------- values ---------- */

static ml_value
text_value(const char *string)
{
	return (ml_value) {.text = bridge_text_in(cstring_to_text(string))};
}

/* Large integers are not written with an exponent. */
static const char *
spell_level(const literal_column *column, double number)
{
	if (column->type == ML_TYPE_INTEGER && FLOAT8_FITS_IN_INT64(number) && number == rint(number))
		return psprintf(INT64_FORMAT, (int64) number);
	return value_spell_number(number);
}

static bool
has_numbers(const literal_column *column)
{
	return column->type == ML_TYPE_NUMBER || column->type == ML_TYPE_INTEGER;
}

ml_value
literal_number(const literal_column *column, const char *subject, double number)
{
	if (column->form == ML_FORM_NUMBER && has_numbers(column))
		return (ml_value) {.number = number};
	if (isnan(number))
		return value_missing(column->form);
	if (column->form == ML_FORM_TEXT && has_numbers(column))
		return text_value(spell_level(column, number));
	if (column->type == ML_TYPE_BOOLEAN && (number == 0 || number == 1))
		return literal_boolean(column, subject, number == 1);
	literal_refuse(column, subject, "a number");
}

ml_value
literal_numeric(const literal_column *column, const char *subject, Numeric number)
{
	Datum		value = NumericGetDatum(number);
	double		result;

	/* an identifier may have more digits than a double */
	if (column->form == ML_FORM_TEXT && has_numbers(column))
	{
		if (column->type == ML_TYPE_INTEGER)
			value = DirectFunctionCall1(numeric_trim_scale, value);
		return text_value(DatumGetCString(DirectFunctionCall1(numeric_out, value)));
	}
	result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	if (isinf(result) && !numeric_is_inf(number))
		refuse_range(column, subject);
	return literal_number(column, subject, result);
}

ml_value
literal_boolean(const literal_column *column, const char *subject, bool value)
{
	if (column->type != ML_TYPE_BOOLEAN)
		literal_refuse(column, subject, "a boolean");
	if (column->form == ML_FORM_TEXT)
		return text_value(value ? "true" : "false");
	return (ml_value) {.number = value};
}

/* ---------- dates and times ---------- */

/* Skip n digits or more; NULL if there are fewer. */
static const char *
skip_digits(const char *s, int n)
{
	while (*s >= '0' && *s <= '9')
	{
		s++;
		n--;
	}
	return n <= 0 ? s : NULL;
}

/* Skip what the pattern shows: 0 a digit, + a sign, else itself; NULL if it isn't there. */
static const char *
skip(const char *s, const char *pattern)
{
	for (; s != NULL && *pattern != '\0'; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' :
			*pattern == '+' ? *s != '+' && *s != '-' : *s != *pattern)
			return NULL;
	return s;
}

static const char *
skip_date(const char *s)
{
	const char *rest = skip_digits(s, 4);

	return rest == NULL ? NULL : skip(rest, "-00-00");
}

/* 05:15, 05:15:00, 05:15:00.25 */
static const char *
skip_time(const char *s)
{
	const char *rest = skip(s, "00:00");
	const char *seconds = skip(rest, ":00");
	const char *fraction = skip(seconds, ".0");

	if (fraction != NULL)
		return skip_digits(fraction, 0);
	return seconds != NULL ? seconds : rest;
}

/* Z, +05, +05:30, +0530, and +00:19:32, as before time zones were agreed upon */
static const char *
skip_offset(const char *s)
{
	const char *hours = skip(s, "+00");
	const char *minutes = hours == NULL ? NULL : skip(*hours == ':' ? hours + 1 : hours, "00");
	const char *seconds = skip(minutes, ":00");

	if (*s == 'Z')
		return s + 1;
	return seconds != NULL ? seconds : minutes != NULL ? minutes : hours;
}

/* JSON of the server writes years before the first one so. */
static const char *
skip_era(const char *s)
{
	const char *rest = skip(s, " BC");

	return rest != NULL ? rest : s;
}

/* Is it spelled as a value of that type?  *offset: with a time zone's offset. */
static bool
is_iso(const char *s, ml_type type, bool *offset)
{
	const char *rest = type == ML_TYPE_TIME ? skip_time(s) : skip_date(s);

	*offset = false;
	if (type != ML_TYPE_TIME && (strcmp(s, "infinity") == 0 || strcmp(s, "-infinity") == 0))
		return true;
	if (rest != NULL && (type == ML_TYPE_TIMESTAMP || type == ML_TYPE_TIMESTAMPTZ) &&
		(*rest == 'T' || (*rest == ' ' && rest[1] != 'B')))
		rest = skip_time(rest + 1);
	if (rest != NULL && *rest != '\0' && *rest != ' ' && type == ML_TYPE_TIMESTAMPTZ)
	{
		rest = skip_offset(rest);
		*offset = true;
	}
	if (type != ML_TYPE_TIME)
		rest = skip_era(rest);
	return rest != NULL && *rest == '\0';
}

/* By way of the server's type, so that a column's values have one spelling. */
static ml_value
date_value(const literal_column *column, const char *subject, pg_tz *zone, const char *string)
{
	value_reader reader;
	Datum		value;
	Oid			type;
	bool		offset;

	if (!is_iso(string, column->type, &offset))
		refuse_spelling(column, subject, string);
	if (column->type == ML_TYPE_DATE)
	{
		type = DATEOID;
		value = DirectFunctionCall1(date_in, CStringGetDatum(string));
	}
	else
	{
		type = column->type == ML_TYPE_TIME ? TIMEOID : offset ? TIMESTAMPTZOID : TIMESTAMPOID;
		value = DirectFunctionCall3(type == TIMEOID ? time_in :
									type == TIMESTAMPOID ? timestamp_in : timestamptz_in,
									CStringGetDatum(string), ObjectIdGetDatum(InvalidOid),
									Int32GetDatum(-1));
	}
	(void) value_reader_init(&reader, type, column->type, column->role, zone, CurrentMemoryContext);
	return value_read(&reader, value, false);
}

static ml_value
number_value(const literal_column *column, const char *subject, const char *string)
{
	char	   *end;
	double		number;

	errno = 0;
	number = strtod(string, &end);
	if (end == string || *end != '\0')
		refuse_spelling(column, subject, string);
	if (errno == ERANGE && isinf(number))
		refuse_range(column, subject);
	return (ml_value) {.number = number};
}

ml_value
literal_string(const literal_column *column, const char *subject, pg_tz *zone, const char *string)
{
	bool		truth;

	if (column->form == ML_FORM_ITEMS)
		literal_refuse(column, subject, "text");
	if (column->type == ML_TYPE_BOOLEAN)
	{
		if (!parse_bool(string, &truth))
			refuse_spelling(column, subject, string);
		return literal_boolean(column, subject, truth);
	}
	if (is_date(column))
		return date_value(column, subject, zone, string);
	if (column->form == ML_FORM_TEXT)
		return text_value(string);
	return number_value(column, subject, string);
}
