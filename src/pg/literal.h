/*-------------------------------------------------------------------------
 *
 * literal.h
 *	  A value that is written down (a number of an array, a scalar of JSON, a
 *	  quoted literal without a type) -> the value of a model's column.
 *
 * What is written must fit the column: nothing is turned into something else
 * but what a cast would do without loss.  A wrong kind is ERROR 42804, a
 * spelling that makes no sense 22P02; subject begins the message.  Nothing
 * depends on settings of the session, so that functions of a pinned version
 * may be immutable.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_LITERAL_H
#define AIAAS_LITERAL_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/numeric.h"

#include "ml.h"

/* A column that a model takes. */
typedef struct literal_column
{
	char	   *name;			/* in the database's encoding */
	ml_type		type;
	ml_role		role;
	ml_form		form;			/* which member of its ml_value */
	uint32		size;			/* values of an array, channels of a series; else 1 */
	double	   *items;			/* [size]: room for the values of an array; NULL: it is a series */
} literal_column;

/* What it takes, for messages ("a number"), and a type to cast to ("float8"). */
extern const char *literal_wanted(const literal_column *column);
extern const char *literal_type(const literal_column *column);

extern ml_value literal_boolean(const literal_column *column, const char *subject, bool value);
extern ml_value literal_number(const literal_column *column, const char *subject, double number);
extern ml_value literal_numeric(const literal_column *column, const char *subject, Numeric number);

/* zone: of the model; what has no offset is in it. */
extern ml_value literal_string(const literal_column *column, const char *subject,
							   pg_tz *zone, const char *string);

/* ERROR: 'model m version 1 needs a number in column "x", not' what is given. */
pg_noreturn extern void literal_refuse(const literal_column *column, const char *subject,
									   const char *given);

#endif							/* AIAAS_LITERAL_H */
