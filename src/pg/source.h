/*-------------------------------------------------------------------------
 *
 * source.h
 *	  Rows to learn from or to judge by: a table, view or query, read in
 *	  batches of the engine's values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_SOURCE_H
#define AIAAS_SOURCE_H

#include "compat.h"

#include "access/tupdesc.h"
#include "pgtime.h"

#include "ml.h"

typedef struct source
{
	Oid			relation;		/* or InvalidOid: a query */
	char		relkind;		/* of the relation */
	char	   *from;			/* what stands behind FROM */
	char	   *stored;			/* the same under search_path pg_catalog */
	TupleDesc	columns;
} source;

/*
 * Parse and describe; nothing is read yet.  The text is the name of a table,
 * view, materialised view or foreign table, or one SELECT, VALUES, TABLE or
 * WITH that writes nothing.
 */
extern source *source_open(const char *text);

/* Number of a column from 0; ERROR 42703 with the nearest name as a hint. */
extern int	source_column(const source *s, const char *name);
extern int	source_find_column(const source *s, const char *name);	/* -1: there is none, no error */
extern const char *source_column_name(const source *s, int column);

/* The engine's type of its values, or ML_TYPE_COUNT: there is none. */
extern ml_type source_column_type(const source *s, int column);
extern const char *source_column_type_name(const source *s, int column);	/* the server's */

extern bool source_column_exists(const source *s, int column);	/* not dropped */
/* '"a", "b", "c"': the columns for which use is true */
extern char *source_list_columns(const source *s, const bool *use);

/*
 * The one column, not among the inputs, whose name says that it is what is to
 * be predicted: label, target, class, ...  If there is none, or several, the
 * remedy is the error's hint.
 */
extern int	source_infer_target(const source *s, const int *inputs, int ninputs,
								const char *remedy);

/* What a column means that decides which rows judge or stay together. */
typedef enum source_split
{
	SOURCE_SPLIT_FLAG,			/* a boolean: 1 where it is true */
	SOURCE_SPLIT_TIME,			/* a date, time or number, from the least on; NULL is before all */
	SOURCE_SPLIT_GROUP			/* anything: a hash below 2^53 */
} source_split;

/* What to read: numbers of columns. */
typedef struct source_want
{
	int			ninputs;
	const int  *inputs;
	const ml_column *columns;	/* [ninputs]: types and roles, which say how inputs are read */
	int			target;
	bool		is_number;		/* the target is read as a number, otherwise as target::text */
	int			weight;			/* -1: none */
	int			split;			/* -1: none */
	source_split split_by;
	int			validation;		/* a boolean: rows that validate a network; -1: none */
	pg_tz *zone;				/* that timestamptz are read in; NULL where there are none */
} source_want;

/*
 * Weights and split are NULL where they were not wanted.  What it points to is
 * valid during the call only.
 */
typedef void (*source_sink) (void *state, const ml_batch *batch);

/*
 * Read all rows once, as the current user and under the active snapshot; the
 * plan may be parallel.  Returns the number of rows.  ERROR 42804 for a column
 * whose type is not that of the input.
 */
extern uint64 source_read(const source *s, const source_want *want,
						  source_sink sink, void *state);

/* ERROR 42804: the column is not of that type, with a cast as hint. */
pg_noreturn extern void source_refuse_type(const source *s, int column, ml_type type);

/* The errors of source_read that tell of types, before a row is read. */
extern void source_check(const source *s, const source_want *want);

/* How many distinct values, not NULL, a column of integers has; it stops at the limit. */
extern int	source_count_distinct(const source *s, int column, int limit);

/* SELECT expression FROM the source: the value of one row and column, in the current context. */
extern Datum source_compute(const source *s, const char *expression, bool *isnull);

#endif							/* AIAAS_SOURCE_H */
