/*-------------------------------------------------------------------------
 *
 * value.h
 *	  A value of the server -> a value of a column as the engine takes it.
 *
 * The engine's types stand for several of the server's each:
 *
 *	  text			text, varchar, char, name, citext: the string category
 *	  enum			enums
 *	  number		real, double precision, numeric, interval (its seconds)
 *	  integer		smallint, integer, bigint
 *	  boolean, date, time, timestamp, timestamptz
 *	  array			arrays of such numbers or integers, pgvector's vector
 *	  bytes			bytea
 *
 * and domains over these.  No setting of the session (DateStyle, TimeZone,
 * IntervalStyle, extra_float_digits) changes a value, so that functions of a
 * pinned version may be immutable: dates and times as text are in ISO 8601,
 * timestamptz in the time zone of the model, floats as short as they can be.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_VALUE_H
#define AIAAS_VALUE_H

#include "postgres.h"

#include "fmgr.h"
#include "pgtime.h"
#include "utils/float.h"

#include "ml.h"

/* The engine's type of a type, or ML_TYPE_COUNT: there is none. */
extern ml_type value_type(Oid type);

/*
 * How values of a type get read; the first ones need no call.
 */
typedef enum value_kind
{
	VALUE_FLOAT8,
	VALUE_FLOAT4,
	VALUE_INT4,
	VALUE_INT8,
	VALUE_INT2,
	VALUE_BOOL,
	VALUE_NUMERIC,
	VALUE_INTERVAL,
	VALUE_DATE,
	VALUE_TIME,
	VALUE_TIMESTAMP,
	VALUE_TIMESTAMPTZ,
	VALUE_TEXT,					/* as text lies in memory */
	VALUE_BPCHAR,				/* the same with spaces behind */
	VALUE_BYTES,
	VALUE_SPELLED,				/* by the type's output function */
	VALUE_ARRAY,
	VALUE_VECTOR				/* an array by a cast */
} value_kind;

typedef struct value_reader
{
	value_kind	kind;			/* of the values */
	value_kind	element;		/* of an array's elements */
	ml_form		form;			/* what they become */
	bool		copy;			/* copy what lies in the value; false at first */
	bool		series;			/* arrays may have two dimensions; what nobody looks at is left out */
	bool		at_midnight;	/* a date where a timestamp is wanted */
	const char *column;			/* its name for messages, or NULL */
	ml_value	missing;		/* what NULL becomes */
	pg_tz *zone;
	FmgrInfo	function;		/* output, or cast to real[] */
} value_reader;

/*
 * Get ready to read values of a type for a column of the engine's.  False when
 * they don't fit.  Beside equal types: any number for a number, a date for a
 * timestamp, a timestamp for a timestamptz (in the model's zone), and where the
 * column is a category or a text, integers and texts for numbers.  zone may be
 * NULL where no column is a timestamptz.
 */
extern bool value_reader_init(value_reader *reader, Oid given, ml_type type, ml_role role,
							  pg_tz *zone, MemoryContext mcxt);

/* To read values of any type as texts, as type::text writes them. */
extern void value_reader_init_text(value_reader *reader, Oid given, pg_tz *zone,
								   MemoryContext mcxt);

/* The rest of value_read. */
extern ml_value value_convert(value_reader *reader, Datum value);

/*
 * The value lies in the current memory context or, unless "copy" is set, in
 * the datum.
 */
static inline ml_value
value_read(value_reader *reader, Datum value, bool isnull)
{
	if (unlikely(isnull))
		return reader->missing;
	if (likely(reader->form == ML_FORM_NUMBER))
	{
		switch (reader->kind)
		{
			case VALUE_FLOAT8:
				return (ml_value) {.number = DatumGetFloat8(value)};
			case VALUE_FLOAT4:
				return (ml_value) {.number = DatumGetFloat4(value)};
			case VALUE_INT4:
				return (ml_value) {.number = DatumGetInt32(value)};
			case VALUE_INT8:
				return (ml_value) {.number = (double) DatumGetInt64(value)};
			case VALUE_INT2:
				return (ml_value) {.number = DatumGetInt16(value)};
			case VALUE_BOOL:
				return (ml_value) {.number = DatumGetBool(value)};
			default:
				break;
		}
	}
	return value_convert(reader, value);
}

/* The missing value of a form. */
extern ml_value value_missing(ml_form form);

/* A number as text, as short as it can be. */
extern char *value_spell_number(double number);

#endif							/* AIAAS_VALUE_H */
