/*-------------------------------------------------------------------------
 *
 * callsite.h
 *	  What one function call in a query keeps from row to row, so that a row
 *	  costs neither a look-up nor an allocation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_CALLSITE_H
#define AIAAS_CALLSITE_H

#include "postgres.h"

#include "bridge.h"
#include "fmgr.h"
#include "literal.h"
#include "record.h"
#include "residency.h"
#include "value.h"

/* GUC aiaas.default_model (PGC_USERSET): schema.name, or "" for none. */
extern char *callsite_default_model;

/* In place of a model: the one that aiaas.default_model names. */
#define CALLSITE_DEFAULT_MODEL InvalidOid

/* Models that a call site keeps at hand; the argument may vary by row. */
#define CALLSITE_MODELS 4

/*
 * A moment: while it lasts, rights and the live version can't have changed
 * for us (DESIGN, section 3).
 */
typedef struct callsite_moment
{
	LocalTransactionId lxid;	/* InvalidLocalTransactionId: never equal */
	Oid			user;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	bool		suboverflowed;
} callsite_moment;

typedef struct callsite_model
{
	Oid			model;			/* as asked for */
	int32		version;		/* as asked for; 0: the live one */
	callsite_moment moment;		/* when rights and version were last checked */
	uint64		used;			/* for choosing whom to replace */
	char	   *setting;		/* aiaas.default_model at that moment, if it was asked for */

	MemoryContext mcxt;			/* holds all below; reset when the version changes */
	residency_pin *pin;			/* NULL: nothing below is valid */
	bridge	   *bridge;
	ml_session *session;
	char	   *subject;		/* 'model spam version 3' */
	ml_task		task;
	uint32		ncolumns;
	uint32		nlabels;
	bool		one_text;		/* takes one text and nothing else */
	bool		one_image;		/* takes one image and nothing else */
	bool		one_series;		/* takes one series and nothing else */
	bool		all_numbers;	/* all columns take a number */
	size_t		nitems;			/* numbers in an array of all columns' values */
	pg_tz	   *zone;			/* that timestamptz are read in */
	literal_column *columns;	/* [ncolumns] */
	ml_value   *inputs;			/* [ncolumns] */
	double	   *probabilities;	/* [nlabels] */
	text	  **labels;			/* [nlabels], made when first needed */
	record_map *record;			/* of the last record type seen, or NULL */
	value_reader *actual;		/* of what the model is judged by, or NULL */
	value_reader series;		/* of double precision[], if it takes one series */
} callsite_model;

/*
 * The model of a call, with the caller's right to use it checked and the
 * version to use found, once per moment.
 */
extern callsite_model *callsite_get(FunctionCallInfo fcinfo, Oid model, int32 version);

/* A version that a user wrote: ERROR unless there may be one of that number. */
extern int32 callsite_version(int32 version);

/* A label as text; it lives as long as the call site keeps the model. */
extern text *callsite_label(callsite_model *model, uint32 label);

/* Index of a label that the user names; ERROR with the nearest one as hint. */
extern uint32 callsite_find_label(callsite_model *model, text *label);

/* The columns for messages: 'a, b, "c d"'. */
extern char *callsite_column_names(const callsite_model *model);

/*
 * Inputs of a record (detoasted); NULL when all the model's columns are NULL
 * in it.
 */
extern const ml_value *callsite_record(callsite_model *model, HeapTupleHeader record);

/*
 * The same of a record whose columns are the call's arguments from "first" on;
 * the one before is an array of their names, a constant unless in an aggregate.
 */
extern const ml_value *callsite_columns(callsite_model *model, FunctionCallInfo fcinfo,
										int first);

static inline void
callsite_check(callsite_model *model, ml_status status)
{
	bridge_check(model->bridge, status, model->subject);
}

#endif							/* AIAAS_CALLSITE_H */
