/*-------------------------------------------------------------------------
 *
 * input_json.c
 *	  JSON -> the values that a model takes.
 *
 * An object is matched by column name: more keys are ignored, a missing one
 * is an error, as a missing column of a record is.  An array has the columns
 * in their order.  null is NULL, at any place.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "input.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "document.h"
#include "literal.h"
#include "value.h"

#define POLL_NUMBERS	65536

/* Numbers of a JSON array so far. */
typedef struct numbers
{
	double	   *items;
	uint32		n;
	uint32		width;			/* of a series: numbers of a step; 0: steps are numbers */
} numbers;

/* The numbers of an array, NaN where it has a null, behind those that are there. */
static void
add_numbers(const callsite_model *model, const literal_column *column, JsonbContainer *array, numbers *to)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	element;

	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (to->n % POLL_NUMBERS == POLL_NUMBERS - 1)
			CHECK_FOR_INTERRUPTS();
		if (element.type == jbvNull)
			to->items[to->n] = get_float8_nan();
		else if (!document_float(&element, &to->items[to->n]))
			literal_refuse(column, model->subject, "an array of other things");
		to->n++;
	}
}

/* Is it an array whose first element is one? */
static bool
is_nested(JsonbContainer *array)
{
	JsonbValue *first = JsonContainerSize(array) == 0 ? NULL : getIthJsonbValueFromContainer(array, 0);

	return first != NULL && first->type == jbvBinary && JsonContainerIsArray(first->val.binary.data);
}

static JsonbContainer *
step_of(const callsite_model *model, const literal_column *column, JsonbContainer *array, uint32 i)
{
	JsonbValue *step = getIthJsonbValueFromContainer(array, i);

	if (step->type != jbvBinary || !JsonContainerIsArray(step->val.binary.data))
		literal_refuse(column, model->subject, "steps and numbers mixed");
	return step->val.binary.data;
}

/* [[1, 2], [3, 4], ...]: steps of the same channels. */
static ml_value
nested_value(const callsite_model *model, const literal_column *column, JsonbContainer *array)
{
	uint32		n = JsonContainerSize(array);
	numbers		all = {0};

	for (uint32 i = 0; i < n; i++)
	{
		JsonbContainer *step = step_of(model, column, array, i);

		if (i == 0)
			all.width = JsonContainerSize(step);
		if (JsonContainerSize(step) != all.width || all.width == 0)
			literal_refuse(column, model->subject, "steps of different lengths");
	}
	all.items = palloc_extended((size_t) n * all.width * sizeof(double), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < n; i++)
		add_numbers(model, column, step_of(model, column, array, i), &all);
	return (ml_value) {.items = {all.items, all.n, all.width}};
}

static ml_value
array_value(const callsite_model *model, const literal_column *column, JsonbContainer *array)
{
	uint32		n = JsonContainerSize(array);
	numbers		all = {column->items};

	if (column->role == ML_ROLE_SERIES && is_nested(array))
		return nested_value(model, column, array);
	if (n != column->size || all.items == NULL)
		all.items = palloc_extended(Max(n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	add_numbers(model, column, array, &all);
	return (ml_value) {.items = {all.items, all.n}};
}

/*
 * A value of the document as one of a column.
 */
static ml_value
json_value(const callsite_model *model, const literal_column *column, const JsonbValue *value)
{
	if (column->type == ML_TYPE_BYTES && value->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s needs bytes in column \"%s\", which JSON has none of", model->subject, column->name),
				 errhint("Images are values of rows: ROW(...) or a row of a table.")));
	switch (value->type)
	{
		case jbvNull:
			return value_missing(column->form);
		case jbvBool:
			return literal_boolean(column, model->subject, value->val.boolean);
		case jbvNumeric:
			return literal_numeric(column, model->subject, value->val.numeric);
		case jbvString:
			return literal_string(column, model->subject, model->zone, document_text(value));
		default:
			if (column->form != ML_FORM_ITEMS || !JsonContainerIsArray(value->val.binary.data))
				literal_refuse(column, model->subject,
							   JsonContainerIsArray(value->val.binary.data) ?
							   "a JSON array" : "a JSON object");
			return array_value(model, column, value->val.binary.data);
	}
}

/* ERROR: a column of the model is not in the object. */
static void
report_missing(const callsite_model *model, const literal_column *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s needs a key \"%s\", which the JSON object lacks", model->subject,
					column->name),
			 errdetail("The columns of the model are %s.", callsite_column_names(model)),
			 errhint("A JSON object is matched by column name. For a value that is not known write null.")));
}

static const ml_value *
read_object(callsite_model *model, JsonbContainer *object)
{
	bool		any = false;

	for (uint32 i = 0; i < model->ncolumns; i++)
	{
		const literal_column *column = &model->columns[i];
		JsonbValue	space;
		JsonbValue *value = getKeyJsonValueFromContainer(object, column->name,
														 strlen(column->name), &space);

		if (value == NULL)
			report_missing(model, column);
		any = any || value->type != jbvNull;
		model->inputs[i] = json_value(model, column, value);
	}
	return any ? model->inputs : NULL;
}

static const ml_value *
read_array(callsite_model *model, JsonbContainer *array)
{
	bool		any = false;

	if (JsonContainerSize(array) != model->ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes %u values, but the JSON array has %u", model->subject,
						model->ncolumns, JsonContainerSize(array)),
				 errdetail("The columns of the model are %s.", callsite_column_names(model))));
	for (uint32 i = 0; i < model->ncolumns; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		any = any || value->type != jbvNull;
		model->inputs[i] = json_value(model, &model->columns[i], value);
	}
	return any ? model->inputs : NULL;
}

const ml_value *
input_jsonb(callsite_model *model, Datum input)
{
	JsonbContainer *root = &DatumGetJsonbP(input)->root;

	if (JsonContainerIsObject(root))
		return read_object(model, root);
	if (!JsonContainerIsScalar(root))
		return read_array(model, root);
	if (getIthJsonbValueFromContainer(root, 0)->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes a JSON object or array, not a single value", model->subject),
				 errdetail("The columns of the model are %s.", callsite_column_names(model))));
	return NULL;
}

/* A text that begins as JSON may be an array as PostgreSQL writes it. */
static void
text_callback(void *arg)
{
	if (geterrcode() == ERRCODE_INVALID_TEXT_REPRESENTATION)
		errhint("A text is read as JSON: '{\"column\": value, ...}' or '[1, 2, ...]'. Arrays are cast: '{1,2,...}'::float8[].");
}

/*
 * Of keys that come twice the last one counts, as in jsonb.
 */
const ml_value *
input_json(callsite_model *model, Datum input)
{
	ErrorContextCallback callback = {.callback = text_callback, .previous = error_context_stack};
	Jsonb	   *document;

	error_context_stack = &callback;
	document = document_parse(TextDatumGetCString(input));
	error_context_stack = callback.previous;
	return input_jsonb(model, JsonbPGetDatum(document));
}
