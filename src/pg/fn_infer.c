/*-------------------------------------------------------------------------
 *
 * fn_infer.c
 *	  SQL functions that use a model: classify, score, scores, explain,
 *	  tokenize.
 *
 * Each function has up to three forms, told apart by the number of arguments:
 *	  f(input ...)						aiaas.default_model
 *	  f(model, input ...)				the live version
 *	  f(model, version, input ...)		that version: IMMUTABLE
 * and an input may be a text, an array of texts (one batch, an array back) or
 * a record (matched by column name).  NULL in, NULL out.
 *
 * What a call keeps from row to row is in callsite.c.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "callsite.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * The leading arguments of any form.  "trailing" arguments stand behind the
 * input.  NULL when the call's result is NULL, since one of them, or the
 * input, is.
 */
static inline callsite_model *
get_model(FunctionCallInfo fcinfo, int trailing, int *input)
{
	int32		version = 0;

	*input = PG_NARGS() - trailing - 1;
	for (int i = 0; i <= *input; i++)
	{
		if (PG_ARGISNULL(i))
			return NULL;
	}
	if (*input == 0)
		return callsite_get(fcinfo, CALLSITE_DEFAULT_MODEL, 0);
	if (*input == 2)
	{
		version = PG_GETARG_INT32(1);
		if (version < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no version %d: versions are numbered from 1", version)));
	}
	return callsite_get(fcinfo, PG_GETARG_OID(0), version);
}

/*
 * Run the engine on n examples.
 */
static inline void
predict(callsite_model *model, size_t n, const ml_text *inputs, uint32 *labels,
		double *probabilities)
{
	ml_status	status;

	status = ml_session_predict(&model->bridge->ctx, model->session, n,
								(const ml_value *) inputs, labels, probabilities);
	callsite_check(model, status);
}

/* ---------- classify ---------- */

/*
 * aiaas_classify([model [, version],] input text) returns text
 */
AIAAS_FUNCTION(aiaas_classify);
Datum
aiaas_classify(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);
	text	   *value;
	uint32		label;

	if (model == NULL)
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(input);
	predict(model, 1, callsite_text(model, value), &label, NULL);
	PG_FREE_IF_COPY(value, input);
	PG_RETURN_TEXT_P(callsite_label(model, label));
}

/*
 * aiaas_classify([model [, version],] input record) returns text
 */
AIAAS_FUNCTION(aiaas_classify_record);
Datum
aiaas_classify_record(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);
	const ml_text *inputs;
	uint32		label;

	if (model == NULL)
		PG_RETURN_NULL();
	inputs = callsite_record(model, PG_GETARG_HEAPTUPLEHEADER(input));
	if (inputs == NULL)
		PG_RETURN_NULL();
	predict(model, 1, inputs, &label, NULL);
	PG_RETURN_TEXT_P(callsite_label(model, label));
}

/*
 * An array of texts: those that are not NULL, as one batch of the engine.
 */
typedef struct batch
{
	ArrayType  *array;
	int			nelements;
	bool	   *nulls;			/* [nelements] */
	int			n;				/* not NULL */
	ml_text    *inputs;			/* [n] */
} batch;

static void
batch_read(batch *b, callsite_model *model, ArrayType *array)
{
	Datum	   *elements;

	callsite_require_text(model);
	b->array = array;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &b->nulls,
					  &b->nelements);
	b->inputs = palloc_extended(Max(b->nelements, 1) * sizeof(ml_text), MCXT_ALLOC_HUGE);
	b->n = 0;
	for (int i = 0; i < b->nelements; i++)
	{
		if (!b->nulls[i])
			b->inputs[b->n++] = bridge_text_in(DatumGetTextPP(elements[i]));
	}
}

/*
 * Results, one for each input, in an array of the input's shape.
 */
static Datum
batch_result(const batch *b, const Datum *results, Oid type, int16 width, bool byval,
			 char align)
{
	Datum	   *elements = palloc_extended(Max(b->nelements, 1) * sizeof(Datum),
										   MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < b->nelements; i++)
		elements[i] = b->nulls[i] ? (Datum) 0 : results[n++];
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, b->nulls, ARR_NDIM(b->array),
											 ARR_DIMS(b->array), ARR_LBOUND(b->array),
											 type, width, byval, align));
}

/*
 * aiaas_classify([model [, version],] input text[]) returns text[]
 */
AIAAS_FUNCTION(aiaas_classify_array);
Datum
aiaas_classify_array(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);
	batch		b;
	uint32	   *labels;
	Datum	   *results;

	if (model == NULL)
		PG_RETURN_NULL();
	batch_read(&b, model, PG_GETARG_ARRAYTYPE_P(input));
	labels = palloc_extended(Max(b.n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	results = palloc_extended(Max(b.n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	predict(model, b.n, b.inputs, labels, NULL);
	for (int i = 0; i < b.n; i++)
		results[i] = PointerGetDatum(callsite_label(model, labels[i]));
	return batch_result(&b, results, TEXTOID, -1, false, TYPALIGN_INT);
}

/* ---------- score: the probability of one label ---------- */

/*
 * The label that a score was asked for, the argument after the input:
 * absent or NULL means the predicted one.
 */
static inline double
score_of(const double *probabilities, uint32 predicted, bool named, uint32 label)
{
	return probabilities[named ? label : predicted];
}

static inline bool
get_label(FunctionCallInfo fcinfo, callsite_model *model, int argument, uint32 *label)
{
	*label = 0;
	if (argument >= PG_NARGS() || PG_ARGISNULL(argument))
		return false;
	*label = callsite_find_label(model, PG_GETARG_TEXT_PP(argument));
	return true;
}

/* The forms without a model take no label (see the install script). */
#define TRAILING_LABEL() (PG_NARGS() > 1 ? 1 : 0)

static Datum
score_one(FunctionCallInfo fcinfo, callsite_model *model, int input, const ml_text *inputs)
{
	uint32		predicted;
	uint32		label;
	bool		named = get_label(fcinfo, model, input + 1, &label);

	predict(model, 1, inputs, &predicted, model->probabilities);
	PG_RETURN_FLOAT8(score_of(model->probabilities, predicted, named, label));
}

/*
 * aiaas_score([model [, version],] input text [, label]) returns float8
 */
AIAAS_FUNCTION(aiaas_score);
Datum
aiaas_score(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, TRAILING_LABEL(), &input);
	text	   *value;
	Datum		result;

	if (model == NULL)
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(input);
	result = score_one(fcinfo, model, input, callsite_text(model, value));
	PG_FREE_IF_COPY(value, input);
	return result;
}

/*
 * aiaas_score(model [, version], input record [, label]) returns float8
 */
AIAAS_FUNCTION(aiaas_score_record);
Datum
aiaas_score_record(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, TRAILING_LABEL(), &input);
	const ml_text *inputs;

	if (model == NULL)
		PG_RETURN_NULL();
	inputs = callsite_record(model, PG_GETARG_HEAPTUPLEHEADER(input));
	if (inputs == NULL)
		PG_RETURN_NULL();
	return score_one(fcinfo, model, input, inputs);
}

/*
 * Texts of one call to the engine: bounds the probabilities of a model with
 * many labels.
 */
#define SCORE_BATCH 256

/*
 * aiaas_score([model [, version],] input text[] [, label]) returns float8[]
 */
AIAAS_FUNCTION(aiaas_score_array);
Datum
aiaas_score_array(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, TRAILING_LABEL(), &input);
	batch		b;
	uint32		predicted[SCORE_BATCH];
	double	   *probabilities;
	Datum	   *results;
	uint32		label;
	bool		named;

	if (model == NULL)
		PG_RETURN_NULL();
	batch_read(&b, model, PG_GETARG_ARRAYTYPE_P(input));
	named = get_label(fcinfo, model, input + 1, &label);
	probabilities = palloc_extended(SCORE_BATCH * (size_t) model->nlabels * sizeof(double),
									MCXT_ALLOC_HUGE);
	results = palloc_extended(Max(b.n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	for (int start = 0; start < b.n; start += SCORE_BATCH)
	{
		int			n = Min(SCORE_BATCH, b.n - start);

		predict(model, n, b.inputs + start, predicted, probabilities);
		for (int i = 0; i < n; i++)
			results[start + i] =
				Float8GetDatum(score_of(probabilities + (size_t) i * model->nlabels,
										predicted[i], named, label));
	}
	return batch_result(&b, results, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
						TYPALIGN_DOUBLE);
}

/* ---------- scores: all labels with their probabilities ---------- */

typedef struct ranked
{
	double		score;
	uint32		label;
} ranked;

/*
 * Highest score first, equal ones in label order.
 */
static int
compare_ranked(const void *left, const void *right)
{
	const ranked *a = left;
	const ranked *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->label < b->label ? -1 : 1;
}

static void
put_scores(ReturnSetInfo *result, callsite_model *model, const ml_text *inputs)
{
	ranked	   *order = palloc(model->nlabels * sizeof(ranked));
	bool		nulls[2] = {false, false};

	predict(model, 1, inputs, NULL, model->probabilities);
	for (uint32 i = 0; i < model->nlabels; i++)
		order[i] = (ranked) {model->probabilities[i], i};
	qsort(order, model->nlabels, sizeof(ranked), compare_ranked);
	for (uint32 i = 0; i < model->nlabels; i++)
	{
		Datum		values[2];

		values[0] = PointerGetDatum(callsite_label(model, order[i].label));
		values[1] = Float8GetDatum(order[i].score);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	pfree(order);
}

/*
 * aiaas_scores([model [, version],] input text) returns table (label, score)
 */
AIAAS_FUNCTION(aiaas_scores);
Datum
aiaas_scores(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);

	InitMaterializedSRF(fcinfo, 0);
	if (model != NULL)
		put_scores((ReturnSetInfo *) fcinfo->resultinfo, model,
				   callsite_text(model, PG_GETARG_TEXT_PP(input)));
	return (Datum) 0;
}

/*
 * aiaas_scores(model [, version], input record) returns table (label, score)
 */
AIAAS_FUNCTION(aiaas_scores_record);
Datum
aiaas_scores_record(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);
	const ml_text *inputs = NULL;

	InitMaterializedSRF(fcinfo, 0);
	if (model != NULL)
		inputs = callsite_record(model, PG_GETARG_HEAPTUPLEHEADER(input));
	if (inputs != NULL)
		put_scores((ReturnSetInfo *) fcinfo->resultinfo, model, inputs);
	return (Datum) 0;
}

/* ---------- explain ---------- */

static void
put_explanation(FunctionCallInfo fcinfo, callsite_model *model, int input,
				const ml_text *inputs)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		nulls[2] = {false, false};
	const ml_contribution *parts;
	size_t		nparts;
	uint32		label;
	uint32		explained;
	bool		named = get_label(fcinfo, model, input + 1, &label);
	ml_status	status;

	status = ml_session_explain(&model->bridge->ctx, model->session,
								(const ml_value *) inputs, named ? (int64) label : -1, &explained,
								&parts, &nparts);
	callsite_check(model, status);
	for (size_t i = 0; i < nparts; i++)
	{
		text	   *feature = bridge_text_shown(parts[i].feature);
		Datum		values[2];

		values[0] = PointerGetDatum(feature);
		values[1] = Float8GetDatum(parts[i].contribution);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(feature);
	}
}

/*
 * aiaas_explain([model [, version],] input text [, label])
 * returns table (feature, contribution)
 */
AIAAS_FUNCTION(aiaas_explain);
Datum
aiaas_explain(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, TRAILING_LABEL(), &input);

	InitMaterializedSRF(fcinfo, 0);
	if (model != NULL)
		put_explanation(fcinfo, model, input,
						callsite_text(model, PG_GETARG_TEXT_PP(input)));
	return (Datum) 0;
}

/*
 * aiaas_explain(model [, version], input record [, label])
 * returns table (feature, contribution)
 */
AIAAS_FUNCTION(aiaas_explain_record);
Datum
aiaas_explain_record(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, TRAILING_LABEL(), &input);
	const ml_text *inputs = NULL;

	InitMaterializedSRF(fcinfo, 0);
	if (model != NULL)
		inputs = callsite_record(model, PG_GETARG_HEAPTUPLEHEADER(input));
	if (inputs != NULL)
		put_explanation(fcinfo, model, input, inputs);
	return (Datum) 0;
}

/* ---------- tokenize ---------- */

/*
 * An array of texts is written down as it lies in memory.  The server's own
 * builder needs several times the space, and can't be cancelled: a text of
 * 100 MB has 15 million words.
 */
static void
begin_array(StringInfo array)
{
	initStringInfo(array);
	appendStringInfoSpaces(array, ARR_OVERHEAD_NONULLS(1));
}

static void
append_element(StringInfo array, const text *element)
{
	static const char padding[ALIGNOF_INT] = {0};

	appendBinaryStringInfo(array, (const char *) element, VARSIZE(element));
	appendBinaryStringInfo(array, padding, INTALIGN(array->len) - array->len);
}

static ArrayType *
finish_array(StringInfo array, int n)
{
	ArrayType  *result = (ArrayType *) array->data;

	if (n == 0)
		return construct_empty_array(TEXTOID);
	SET_VARSIZE(result, array->len);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = TEXTOID;
	ARR_DIMS(result)[0] = n;
	ARR_LBOUND(result)[0] = 1;
	return result;
}

/*
 * aiaas_tokenize(model, input text) returns text[]: the words that the model
 * sees.
 */
AIAAS_FUNCTION(aiaas_tokenize);
Datum
aiaas_tokenize(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = get_model(fcinfo, 0, &input);
	StringInfoData array;
	const ml_text *tokens;
	size_t		ntokens;
	int			n = 0;

	if (model == NULL)
		PG_RETURN_NULL();
	begin_array(&array);
	ml_session_tokenize(model->session, bridge_text_in(PG_GETARG_TEXT_PP(input)));
	for (;;)
	{
		callsite_check(model, ml_session_tokens(&model->bridge->ctx, model->session,
												&tokens, &ntokens));
		if (ntokens == 0)
			break;
		n += ntokens;
		for (size_t i = 0; i < ntokens; i++)
		{
			text	   *word = bridge_text_shown(tokens[i]);

			append_element(&array, word);
			pfree(word);
		}
	}
	PG_RETURN_ARRAYTYPE_P(finish_array(&array, n));
}
