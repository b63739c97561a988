/*-------------------------------------------------------------------------
 *
 * input.c
 *	  Texts, images, arrays of numbers and records -> the values that a model takes.
 *
 * Which argument of a call is the input follows from the number of arguments.
 * JSON is read in input_json.c; a text is JSON where the model takes anything
 * but one text, since a quoted literal arrives as text.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "input.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"

/* ---------- arguments ---------- */

callsite_model *
input_model(FunctionCallInfo fcinfo, int trailing, int *input)
{
	*input = PG_NARGS() - trailing - 1;
	for (int i = 0; i <= *input; i++)
	{
		if (PG_ARGISNULL(i))
			return NULL;
	}
	switch (*input)
	{
		case 0:
			return callsite_get(fcinfo, CALLSITE_DEFAULT_MODEL, 0);
		case 1:
			return callsite_get(fcinfo, PG_GETARG_OID(0), 0);
		default:
			return callsite_get(fcinfo, PG_GETARG_OID(0), callsite_version(PG_GETARG_INT32(1)));
	}
}

void
input_report_task(const callsite_model *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 model->task == ML_REGRESSION ?
			 errmsg("%s predicts a number, not labels", model->subject) :
			 errmsg("%s predicts labels, not a number", model->subject),
			 model->task == ML_REGRESSION ?
			 errhint("Use aiaas_predict.") :
			 errhint("Use aiaas_classify for the label, aiaas_score for its probability.")));
}

/* ---------- one text, one image ---------- */

/*
 * The model takes other things than one text or one image, whichever was
 * given: what it takes, and how that is passed.
 */
pg_noreturn static void
report_single(const callsite_model *model, const char *given)
{
	const char *function = model->task == ML_REGRESSION ? "aiaas_predict" : "aiaas_classify";
	const char *name = quote_literal_cstr(catalog_name(model->pin->version.model));
	char	   *names = callsite_column_names(model);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 model->one_text ? errmsg("%s takes one text, not %s", model->subject, given) :
			 model->one_image ? errmsg("%s takes one image, not %s", model->subject, given) :
			 model->ncolumns == 1 ?
			 errmsg("%s takes the column %s, not %s", model->subject, names, given) :
			 errmsg("%s takes the columns %s, not %s", model->subject, names, given),
			 model->one_text ? errhint("Bytes become text by convert_from(..., 'UTF8').") :
			 model->one_image ? errhint("Pass bytea, as in: SELECT %s(%s, %s) FROM my_table; a literal needs its type: '...'::bytea.",
										function, name, names) :
			 model->one_series ? errhint("Pass the array, as in: SELECT %s(%s, %s) FROM my_table; a literal needs its type: '{1,2,3}'::float8[].",
										 function, name, names) :
			 errhint("Pass a row, as in: SELECT %s(%s, t) FROM (SELECT %s FROM my_table) AS t",
					 function, name, names)));
}

static inline void
require_text(const callsite_model *model)
{
	if (unlikely(!model->one_text))
		report_single(model, "one text");
}

static inline void
require_image(const callsite_model *model)
{
	if (unlikely(!model->one_image))
		report_single(model, model->one_text ? "bytes" : "one image");
}

/* Is it an object or an array in JSON? */
static bool
looks_like_json(const text *value)
{
	const char *data = VARDATA_ANY(value);
	size_t		size = VARSIZE_ANY_EXHDR(value);
	size_t		i = 0;

	while (i < size && strchr(" \t\r\n", data[i]) != NULL && data[i] != '\0')
		i++;
	return i < size && (data[i] == '{' || data[i] == '[');
}

const ml_value *
input_text(callsite_model *model, Datum input)
{
	text	   *value = DatumGetTextPP(input);

	if (unlikely(!model->one_text))
	{
		if (looks_like_json(value))
			return input_json(model, PointerGetDatum(value));
		require_text(model);
	}
	model->inputs[0].text = bridge_text_in(value);
	return model->inputs;
}

static inline ml_text
bytes_in(bytea *value)
{
	return (ml_text) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

const ml_value *
input_bytes(callsite_model *model, Datum input)
{
	require_image(model);
	model->inputs[0].text = bytes_in(DatumGetByteaPP(input));
	return model->inputs;
}

/*
 * Texts and bytes lie in an array alike.
 */
void
input_batch_read(input_batch *batch, callsite_model *model, Datum input)
{
	Datum	   *elements;
	bool		images;

	batch->array = DatumGetArrayTypeP(input);
	images = ARR_ELEMTYPE(batch->array) == BYTEAOID;
	if (images)
		require_image(model);
	else
		require_text(model);
	deconstruct_array(batch->array, ARR_ELEMTYPE(batch->array), -1, false, TYPALIGN_INT, &elements,
					  &batch->nulls, &batch->nelements);
	batch->values = palloc_extended(Max(batch->nelements, 1) * sizeof(ml_value),
									MCXT_ALLOC_HUGE);
	batch->n = 0;
	for (int i = 0; i < batch->nelements; i++)
	{
		if (!batch->nulls[i])
			batch->values[batch->n++].text = images ? bytes_in(DatumGetByteaPP(elements[i])) :
				bridge_text_in(DatumGetTextPP(elements[i]));
	}
}

/*
 * The place in the array, from 1, of the value of that number.
 */
static int
element_of(const input_batch *batch, size_t number)
{
	int			i = 0;

	for (; i < batch->nelements; i++)
		if (!batch->nulls[i] && number-- == 0)
			break;
	return i + 1;
}

void
input_batch_check(const input_batch *batch, callsite_model *model, int first, ml_status status)
{
	if (unlikely(status == ML_BAD_INPUT && model->bridge->ctx.error.detail[0] == '\0'))
		ml_detail(&model->bridge->ctx, "It is element %d of the array.",
				  element_of(batch, first + ml_session_row(model->session)));
	callsite_check(model, status);
}

Datum
input_batch_result(const input_batch *batch, const Datum *results, Oid type)
{
	Datum	   *elements = palloc_extended(Max(batch->nelements, 1) * sizeof(Datum),
										   MCXT_ALLOC_HUGE);
	int16		width;
	bool		byval;
	char		align;
	int			n = 0;

	get_typlenbyvalalign(type, &width, &byval, &align);
	for (int i = 0; i < batch->nelements; i++)
		elements[i] = batch->nulls[i] ? (Datum) 0 : results[n++];
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, batch->nulls, ARR_NDIM(batch->array),
											 ARR_DIMS(batch->array), ARR_LBOUND(batch->array),
											 type, width, byval, align));
}

/* ---------- a record ---------- */

const ml_value *
input_record(callsite_model *model, Datum input)
{
	return callsite_record(model, DatumGetHeapTupleHeader(input));
}

bool
input_open_columns(FunctionCallInfo fcinfo, bool pinned, int names, uint32 tasks,
				   input_example *example)
{
	if (PG_ARGISNULL(0) || (pinned && PG_ARGISNULL(1)) || PG_ARGISNULL(names))
		return false;
	example->model = callsite_get(fcinfo, PG_GETARG_OID(0),
								  pinned ? callsite_version(PG_GETARG_INT32(1)) : 0);
	example->argument = names;
	input_require_task(example->model, tasks);
	example->values = callsite_columns(example->model, fcinfo, names + 1);
	return example->values != NULL;
}

/* ---------- an array: of numbers in the order of the model's columns, or a series ---------- */

/*
 * ERROR unless there is a number for each column.
 */
static void
check_items(callsite_model *model, const ArrayType *array)
{
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	for (uint32 i = 0; i < model->ncolumns; i++)
		if (model->columns[i].role == ML_ROLE_SERIES)
			report_single(model, "one array");
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s takes a row of numbers, not an array of %d dimensions",
						model->subject, ARR_NDIM(array)),
				 errhint("Pass one row at a time.")));
	if (n != model->nitems)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("%s takes %zu number, but the array has %d",
							   "%s takes %zu numbers, but the array has %d",
							   model->nitems, model->subject, model->nitems, n),
				 errdetail("The columns of the model are %s.", callsite_column_names(model))));
}

/*
 * The array's numbers, "stride" bytes apart; NaN where it has a NULL.  False if
 * it has nothing else.
 */
static inline bool
read_items(const ArrayType *array, double *items, size_t stride, size_t n)
{
	const float8 *data = (const float8 *) ARR_DATA_PTR(array);
	const bits8 *present = ARR_NULLBITMAP(array);
	bool		any = false;

	for (size_t i = 0; i < n; i++)
	{
		bool		isnull = present != NULL && (present[i / 8] & (1 << (i % 8))) == 0;

		*items = isnull ? get_float8_nan() : *data++;
		items = (double *) ((char *) items + stride);
		any = any || !isnull;
	}
	return any;
}

/* The array is the series. */
static const ml_value *
input_series(callsite_model *model, Datum input)
{
	model->inputs[0] = value_read(&model->series, input, false);
	return model->inputs;
}

const ml_value *
input_items(callsite_model *model, Datum input)
{
	ArrayType  *array;
	double	   *items;
	size_t		next = 0;

	if (model->one_series)
		return input_series(model, input);
	array = DatumGetArrayTypeP(input);
	check_items(model, array);
	if (model->all_numbers)
		return read_items(array, &model->inputs->number, sizeof(ml_value), model->nitems) ?
			model->inputs : NULL;
	items = palloc(Max(model->nitems, 1) * sizeof(double));
	if (!read_items(array, items, sizeof(double), model->nitems))
		return NULL;
	for (uint32 i = 0; i < model->ncolumns; i++)
	{
		const literal_column *column = &model->columns[i];

		if (column->form == ML_FORM_ITEMS)
			model->inputs[i].items = (ml_items) {items + next, column->size};
		else
			model->inputs[i] = literal_number(column, model->subject, items[next]);
		next += column->size;
	}
	return model->inputs;
}
