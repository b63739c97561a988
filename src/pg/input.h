/*-------------------------------------------------------------------------
 *
 * input.h
 *	  What a function that uses a model was given -> the model's values of one
 *	  example.
 *
 * An input is a text, an image, a record, an array of numbers, or JSON.  Each
 * SQL function has a form for each of them, which differ in nothing but the
 * reader that is handed to it: INPUT_FORMS defines them all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_INPUT_H
#define AIAAS_INPUT_H

#include "postgres.h"

#include "utils/array.h"

#include "callsite.h"

/*
 * Values of a detoasted or toasted datum, [ncolumns], until the next call of
 * the call site or the end of the current memory context; NULL when there is
 * nothing in it but NULLs.
 */
typedef const ml_value *(*input_reader) (callsite_model *model, Datum input);

extern const ml_value *input_text(callsite_model *model, Datum input);
extern const ml_value *input_bytes(callsite_model *model, Datum input);
extern const ml_value *input_record(callsite_model *model, Datum input);
extern const ml_value *input_items(callsite_model *model, Datum input);
extern const ml_value *input_jsonb(callsite_model *model, Datum input);
extern const ml_value *input_json(callsite_model *model, Datum input);

#define INPUT_FORM(symbol, function, reader) \
AIAAS_FUNCTION(symbol); \
Datum \
symbol(PG_FUNCTION_ARGS) \
{ \
	return function(fcinfo, reader); \
}

/* The functions that SQL calls, one for each kind of input. */
#define INPUT_FORMS(name, function) \
	INPUT_FORM(name, function, input_text) \
	INPUT_FORM(name##_bytes, function, input_bytes) \
	INPUT_FORM(name##_record, function, input_record) \
	INPUT_FORM(name##_items, function, input_items) \
	INPUT_FORM(name##_jsonb, function, input_jsonb) \
	INPUT_FORM(name##_json, function, input_json)

/*
 * The model of a call and the number of its argument "input"; "trailing"
 * arguments stand behind that.  The arguments before are, by their number:
 * none (aiaas.default_model), a model (its live version), a model and a
 * version.  NULL when the call's result is NULL, since one of them, or the
 * input, is.
 */
extern callsite_model *input_model(FunctionCallInfo fcinfo, int trailing, int *input);

/*
 * ERROR 0A000 unless the model's task is among those, ML_TASK each; the hint
 * names the function that serves it.
 */
pg_noreturn extern void input_report_task(const callsite_model *model);

static inline void
input_require_task(const callsite_model *model, uint32 tasks)
{
	if (unlikely((ML_TASK(model->task) & tasks) == 0))
		input_report_task(model);
}

/* All in one, for one example: false when the result is NULL. */
typedef struct input_example
{
	callsite_model *model;
	const ml_value *values;
	int			argument;		/* number of the argument "input" */
} input_example;

static inline bool
input_open(FunctionCallInfo fcinfo, int trailing, uint32 tasks, input_reader read,
		   input_example *example)
{
	example->model = input_model(fcinfo, trailing, &example->argument);
	if (example->model == NULL)
		return false;
	input_require_task(example->model, tasks);
	example->values = read(example->model, PG_GETARG_DATUM(example->argument));
	return example->values != NULL;
}

/*
 * The same of a row whose columns are the arguments behind their "names"
 * (planner_rows.c); before are the model, the version if it is pinned, and
 * what else there is.
 */
extern bool input_open_columns(FunctionCallInfo fcinfo, bool pinned, int names, uint32 tasks,
							   input_example *example);

/* An array of texts or images: those that are not NULL, as one batch of the engine. */
typedef struct input_batch
{
	ArrayType  *array;
	int			nelements;
	bool	   *nulls;			/* [nelements] */
	int			n;				/* not NULL */
	ml_value   *values;			/* [n] */
} input_batch;

extern void input_batch_read(input_batch *batch, callsite_model *model, Datum input);

/* callsite_check of a call with the values from first on; an input that is refused is told by its place in the array. */
extern void input_batch_check(const input_batch *batch, callsite_model *model, int first, ml_status status);

/* Results, one for each that was not NULL, in an array of the input's shape. */
extern Datum input_batch_result(const input_batch *batch, const Datum *results, Oid type);

#endif							/* AIAAS_INPUT_H */
