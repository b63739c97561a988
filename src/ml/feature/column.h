/*-------------------------------------------------------------------------
 *
 * column.h
 *	  Columns of a table as the engine sees them: what type they have, what
 *	  part they play, and one value of one.
 *
 *	  type			role by itself			value
 *	  text			category or text		text	(decided from the first rows, roles.h)
 *	  enum			category				text
 *	  number		number					number
 *	  integer		number					number
 *	  boolean		number, 0 or 1			number
 *	  date			date					number: seconds since 2000-01-01 00:00
 *	  time			date					number: seconds since midnight
 *	  timestamp		date					number: seconds since 2000-01-01, wall clock
 *	  timestamptz	date					the same in the time zone that the model names
 *	  array			number					items: a block of numbers of one length; role series: of any (networks only)
 *	  bytes			image					text: bytes, one for each pixel and channel (networks only)
 *
 * With role category or text any scalar's value is text, as the user would see
 * it; with role number or date it is a number.  A missing number is NaN, a
 * missing text or array has no data.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_COLUMN_H
#define ML_COLUMN_H

#include "base/base.h"

typedef enum ml_type
{
	ML_TYPE_TEXT,
	ML_TYPE_ENUM,
	ML_TYPE_NUMBER,				/* floats, numeric, interval (its seconds) */
	ML_TYPE_INTEGER,
	ML_TYPE_BOOLEAN,
	ML_TYPE_DATE,
	ML_TYPE_TIME,
	ML_TYPE_TIMESTAMP,
	ML_TYPE_TIMESTAMPTZ,
	ML_TYPE_ARRAY,
	ML_TYPE_BYTES,
	ML_TYPE_COUNT
} ml_type;

typedef enum ml_role
{
	ML_ROLE_AUTO,				/* only before it is decided */
	ML_ROLE_NUMBER,
	ML_ROLE_CATEGORY,
	ML_ROLE_TEXT,
	ML_ROLE_DATE,
	ML_ROLE_IMAGE,
	ML_ROLE_SERIES,				/* a sequence: steps of one or several channels */
	ML_ROLE_IGNORE,
	ML_ROLE_COUNT
} ml_role;

/* "text", "enum", "number", ...; "auto", "number", "category", ... */
extern const char *ml_type_name(ml_type type);
extern const char *ml_role_name(ml_role role);

/* The value of a name, or the COUNT of its enum. */
extern ml_type ml_type_find(ml_text name);
extern ml_role ml_role_find(ml_text name);

/* What values of a column look like. */
typedef enum ml_form
{
	ML_FORM_NUMBER,
	ML_FORM_TEXT,
	ML_FORM_ITEMS
} ml_form;

/* Does a role make features of a table (tabular.h)?  Texts, images and series are no business of its recipe. */
static inline bool
ml_role_is_tabular(ml_role role)
{
	return role != ML_ROLE_TEXT && role != ML_ROLE_IMAGE && role != ML_ROLE_SERIES;
}

/* May a column of that type have that role (AUTO: by itself)? */
extern bool ml_role_fits(ml_type type, ml_role role);

/* The role that a type has by itself; AUTO for text, which the rows decide. */
extern ml_role ml_role_of_type(ml_type type);

/* AUTO and IGNORE stand for the role by itself; a text's form is TEXT in any case. */
extern ml_form ml_column_form(ml_type type, ml_role role);

#define ML_SERIES_STEPS	65536	/* of a series no more are looked at, whatever options say */

typedef struct ml_items
{
	const double *data;			/* NULL: the array is missing */
	uint32_t	n;
	uint32_t	width;			/* of an array of two dimensions the second one; 0: it has one */
} ml_items;

/* One value of one column; its column's form tells which member. */
typedef union ml_value
{
	ml_text		text;
	double		number;
	ml_items	items;
} ml_value;

typedef struct ml_column
{
	ml_text		name;
	ml_type		type;
	ml_role		role;			/* AUTO: to be decided */
	uint32_t	size;			/* of an array: its length, of series: channels; 0 = that of the first row */
	bool		named;			/* the user named it: not left out for being a sequence */
	/* what the option "columns" says of this column alone */
	bool		has_fill;		/* "impute" for this column */
	double		fill;
} ml_column;

#endif							/* ML_COLUMN_H */
