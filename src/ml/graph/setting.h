/*-------------------------------------------------------------------------
 *
 * setting.h
 *	  Attributes of layers, optimisers and schedules: JSON objects read and
 *	  written by tables.
 *
 * A table says what members an object may have: name, kind, range, default.
 * Reading checks all of it and puts a value for each row of the table, in its
 * order, given or not; null stands for the default.  Errors are ML_BAD_OPTION,
 * name the place ("layer 3 (dense)") and say what is right.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SETTING_H
#define ML_SETTING_H

#include "base/json.h"

typedef enum ml_setting_kind
{
	ML_SETTING_INTEGER,
	ML_SETTING_NUMBER,
	ML_SETTING_BOOLEAN,
	ML_SETTING_CHOICE,			/* one of some names */
	ML_SETTING_SIZES			/* integers: an array, or a single one that stands for all */
} ml_setting_kind;

/* What stands where a setting isn't given. */
typedef enum ml_setting_absent
{
	ML_SETTING_STANDARD,
	ML_SETTING_NONE,			/* nothing ("null") */
	ML_SETTING_REQUIRED
} ml_setting_absent;

#define ML_SETTING_SIZES_MAX	3
#define ML_SETTINGS_MAX			24

typedef struct ml_setting
{
	const char *name;			/* NULL ends a table */
	ml_setting_kind kind;
	ml_setting_absent absent;
	double		least;
	double		most;
	double		standard;		/* of a CHOICE: its number */
	int			nsizes;			/* SIZES: how many; 0: 1 to 3 */
	const char *const *choices; /* ended by NULL */
} ml_setting;

#define ML_INTEGER(name, least, most, standard) \
	{name, ML_SETTING_INTEGER, ML_SETTING_STANDARD, least, most, standard}
#define ML_INTEGER_OR_NONE(name, least, most) \
	{name, ML_SETTING_INTEGER, ML_SETTING_NONE, least, most}
#define ML_INTEGER_REQUIRED(name, least, most) \
	{name, ML_SETTING_INTEGER, ML_SETTING_REQUIRED, least, most}
#define ML_NUMBER(name, least, most, standard) \
	{name, ML_SETTING_NUMBER, ML_SETTING_STANDARD, least, most, standard}
#define ML_NUMBER_OR_NONE(name, least, most) \
	{name, ML_SETTING_NUMBER, ML_SETTING_NONE, least, most}
#define ML_BOOLEAN(name, standard) \
	{name, ML_SETTING_BOOLEAN, ML_SETTING_STANDARD, 0, 1, standard}
#define ML_CHOICE(name, choices, standard) \
	{name, ML_SETTING_CHOICE, ML_SETTING_STANDARD, 0, 0, standard, 0, choices}
#define ML_SIZES(name, n, least, most, standard) \
	{name, ML_SETTING_SIZES, ML_SETTING_STANDARD, least, most, standard, n}
#define ML_SIZES_OR_NONE(name, n, least, most) \
	{name, ML_SETTING_SIZES, ML_SETTING_NONE, least, most, 0, n}
#define ML_SIZES_REQUIRED(name, n, least, most) \
	{name, ML_SETTING_SIZES, ML_SETTING_REQUIRED, least, most, 0, n}

typedef struct ml_setting_value
{
	bool		none;
	int64_t		integer;		/* INTEGER, BOOLEAN, CHOICE */
	double		number;			/* NUMBER */
	int			nsizes;
	int64_t		sizes[ML_SETTING_SIZES_MAX];
} ml_setting_value;

/*
 * Read the members of an object, but those in "others" (ended by NULL), which
 * the caller reads itself.  values: one for each row of the table.
 */
extern ml_status ml_settings_read(ml_context *ctx, const char *where, const ml_json *object,
								  const ml_setting *table, const char *const *others,
								  ml_setting_value *values);

/* Append ', "name": value' for each row of the table. */
extern ml_status ml_settings_write(ml_context *ctx, const ml_setting *table,
								   const ml_setting_value *values, ml_buffer *json);

/*
 * The number of a name among choices (ended by NULL); else ML_BAD_OPTION:
 * 'where: unknown what "name"', the choices, and the nearest one.
 */
extern ml_status ml_setting_choose(ml_context *ctx, const char *where, const char *what,
								   const char *const *choices, ml_text name, int *result);

#endif							/* ML_SETTING_H */
