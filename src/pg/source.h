/*-------------------------------------------------------------------------
 *
 * source.h
 *	  Rows to learn from or to judge by: a table, view or query, read in
 *	  batches of engine texts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_SOURCE_H
#define AIAAS_SOURCE_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "ml.h"

typedef struct source
{
	Oid			relation;		/* or InvalidOid: a query */
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
extern const char *source_column_name(const source *s, int column);
/* text, varchar, char(n), name, citext and domains over them */
extern bool source_column_is_text(const source *s, int column);

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

/* What to read: numbers of columns. */
typedef struct source_want
{
	int			ninputs;
	const int  *inputs;
	int			label;
	int			weight;			/* -1: none */
} source_want;

/* Valid during the call of the sink only; an absent text is NULL in SQL. */
typedef struct source_batch
{
	size_t		n;
	const ml_text *inputs;		/* [n * ninputs], row by row */
	const ml_text *labels;		/* [n] as target::text prints them */
	const float *weights;		/* [n], or NULL */
} source_batch;

typedef void (*source_sink) (void *state, const source_batch *batch);

/*
 * Read all rows once, as the current user and under the active snapshot; the
 * plan may be parallel.  Returns the number of rows.
 */
extern uint64 source_read(const source *s, const source_want *want,
						  source_sink sink, void *state);

#endif							/* AIAAS_SOURCE_H */
