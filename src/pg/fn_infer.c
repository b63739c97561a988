/*-------------------------------------------------------------------------
 *
 * fn_infer.c
 *	  SQL functions that use a classifier, or explain a model: classify, score,
 *	  scores, explain, tokenize.
 *
 * Each function has up to three forms, told apart by the number of arguments:
 *	  f(input ...)						aiaas.default_model
 *	  f(model, input ...)				the live version
 *	  f(model, version, input ...)		that version: IMMUTABLE
 * each of them for every kind of input (input.h), and some for an array of
 * texts or images, one batch with an array back.  NULL in, NULL out.
 *
 * What a call keeps from row to row is in callsite.c.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "input.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define CLASSIFIERS ML_TASK(ML_CLASSIFICATION)

/*
 * Run the engine on one example, or on n of an array.
 */
static inline void
predict(callsite_model *model, const ml_value *inputs, uint32 *labels, double *probabilities)
{
	ml_status	status;

	status = ml_session_predict(&model->bridge->ctx, model->session, 1, inputs, labels,
								probabilities);
	callsite_check(model, status);
}

static void
predict_batch(const input_batch *batch, callsite_model *model, int first, int n, uint32 *labels,
			  double *probabilities)
{
	ml_status	status;

	status = ml_session_predict(&model->bridge->ctx, model->session, n, batch->values + first,
								labels, probabilities);
	input_batch_check(batch, model, first, status);
}

/* ---------- classify ---------- */

static inline Datum
classify_example(const input_example *example)
{
	uint32		label;

	predict(example->model, example->values, &label, NULL);
	PG_RETURN_TEXT_P(callsite_label(example->model, label));
}

/*
 * aiaas_classify([model [, version],] input) returns text
 */
static inline Datum
classify(FunctionCallInfo fcinfo, input_reader read)
{
	input_example example;

	if (!input_open(fcinfo, 0, CLASSIFIERS, read, &example))
		PG_RETURN_NULL();
	return classify_example(&example);
}

INPUT_FORMS(aiaas_classify, classify)

/*
 * aiaas.classify_columns(model, names, VARIADIC columns),
 * aiaas.classify_version_columns(model, version, names, VARIADIC columns)
 * returns text
 */
static inline Datum
classify_columns(FunctionCallInfo fcinfo, bool pinned)
{
	input_example example;

	if (!input_open_columns(fcinfo, pinned, pinned ? 2 : 1, CLASSIFIERS, &example))
		PG_RETURN_NULL();
	return classify_example(&example);
}

INPUT_FORM(aiaas_classify_columns, classify_columns, false)
INPUT_FORM(aiaas_classify_version_columns, classify_columns, true)

/*
 * aiaas_classify([model [, version],] input text[] | bytea[]) returns text[]
 */
AIAAS_FUNCTION(aiaas_classify_array);
Datum
aiaas_classify_array(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = input_model(fcinfo, 0, &input);
	input_batch batch;
	uint32	   *labels;
	Datum	   *results;

	if (model == NULL)
		PG_RETURN_NULL();
	input_require_task(model, CLASSIFIERS);
	input_batch_read(&batch, model, PG_GETARG_DATUM(input));
	labels = palloc_extended(Max(batch.n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	results = palloc_extended(Max(batch.n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	predict_batch(&batch, model, 0, batch.n, labels, NULL);
	for (int i = 0; i < batch.n; i++)
		results[i] = PointerGetDatum(callsite_label(model, labels[i]));
	return input_batch_result(&batch, results, TEXTOID);
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

/* argument: the number of the label, if there is one. */
static inline Datum
score_example(FunctionCallInfo fcinfo, const input_example *example, int argument)
{
	callsite_model *model = example->model;
	uint32		predicted;
	uint32		label;
	bool		named = get_label(fcinfo, model, argument, &label);

	predict(model, example->values, &predicted, model->probabilities);
	PG_RETURN_FLOAT8(score_of(model->probabilities, predicted, named, label));
}

/*
 * aiaas_score([model [, version],] input [, label]) returns float8
 */
static inline Datum
score(FunctionCallInfo fcinfo, input_reader read)
{
	input_example example;

	if (!input_open(fcinfo, TRAILING_LABEL(), CLASSIFIERS, read, &example))
		PG_RETURN_NULL();
	return score_example(fcinfo, &example, example.argument + 1);
}

INPUT_FORMS(aiaas_score, score)

/*
 * aiaas.score_columns(model, label, names, VARIADIC columns),
 * aiaas.score_version_columns(model, version, label, names, VARIADIC columns)
 * returns float8
 */
static inline Datum
score_columns(FunctionCallInfo fcinfo, bool pinned)
{
	input_example example;
	int			names = pinned ? 3 : 2;

	if (!input_open_columns(fcinfo, pinned, names, CLASSIFIERS, &example))
		PG_RETURN_NULL();
	return score_example(fcinfo, &example, names - 1);
}

INPUT_FORM(aiaas_score_columns, score_columns, false)
INPUT_FORM(aiaas_score_version_columns, score_columns, true)

/*
 * Elements of one call to the engine: bounds the probabilities of a model with
 * many labels.
 */
#define SCORE_BATCH 256

/*
 * aiaas_score([model [, version],] input text[] | bytea[] [, label]) returns float8[]
 */
AIAAS_FUNCTION(aiaas_score_array);
Datum
aiaas_score_array(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = input_model(fcinfo, TRAILING_LABEL(), &input);
	input_batch batch;
	uint32		predicted[SCORE_BATCH];
	double	   *probabilities;
	Datum	   *results;
	uint32		label;
	bool		named;

	if (model == NULL)
		PG_RETURN_NULL();
	input_require_task(model, CLASSIFIERS);
	input_batch_read(&batch, model, PG_GETARG_DATUM(input));
	named = get_label(fcinfo, model, input + 1, &label);
	probabilities = palloc_extended(SCORE_BATCH * (size_t) model->nlabels * sizeof(double),
									MCXT_ALLOC_HUGE);
	results = palloc_extended(Max(batch.n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	for (int start = 0; start < batch.n; start += SCORE_BATCH)
	{
		int			n = Min(SCORE_BATCH, batch.n - start);

		predict_batch(&batch, model, start, n, predicted, probabilities);
		for (int i = 0; i < n; i++)
			results[start + i] =
				Float8GetDatum(score_of(probabilities + (size_t) i * model->nlabels,
										predicted[i], named, label));
	}
	return input_batch_result(&batch, results, FLOAT8OID);
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
put_scores(ReturnSetInfo *result, callsite_model *model, const ml_value *inputs)
{
	ranked	   *order = palloc(model->nlabels * sizeof(ranked));
	bool		nulls[2] = {false, false};

	predict(model, inputs, NULL, model->probabilities);
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
 * aiaas_scores([model [, version],] input) returns table (label, score)
 */
static inline Datum
scores(FunctionCallInfo fcinfo, input_reader read)
{
	input_example example;

	InitMaterializedSRF(fcinfo, 0);
	if (input_open(fcinfo, 0, CLASSIFIERS, read, &example))
		put_scores((ReturnSetInfo *) fcinfo->resultinfo, example.model, example.values);
	return (Datum) 0;
}

INPUT_FORMS(aiaas_scores, scores)

/* ---------- explain ---------- */

/*
 * The label that an explanation was asked for, or -1: the predicted one, or
 * the number that a regression predicts.
 */
static int64
explained_label(FunctionCallInfo fcinfo, callsite_model *model, int argument)
{
	uint32		label;

	if (argument < PG_NARGS() && !PG_ARGISNULL(argument) && model->task == ML_REGRESSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s has no labels: it predicts a number", model->subject),
				 errhint("Leave the label out.")));
	return get_label(fcinfo, model, argument, &label) ? (int64) label : -1;
}

static void
put_explanation(ReturnSetInfo *result, callsite_model *model, const ml_value *inputs,
				int64 label)
{
	bool		nulls[2] = {false, false};
	const ml_contribution *parts;
	size_t		nparts;
	uint32		explained;
	ml_status	status;

	status = ml_session_explain(&model->bridge->ctx, model->session, inputs, label,
								&explained, &parts, &nparts);
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
 * aiaas_explain([model [, version],] input [, label])
 * returns table (feature, contribution)
 */
static inline Datum
explain(FunctionCallInfo fcinfo, input_reader read)
{
	input_example example;

	InitMaterializedSRF(fcinfo, 0);
	if (input_open(fcinfo, TRAILING_LABEL(), CLASSIFIERS | ML_TASK(ML_REGRESSION), read, &example))
		put_explanation((ReturnSetInfo *) fcinfo->resultinfo, example.model, example.values,
						explained_label(fcinfo, example.model, example.argument + 1));
	return (Datum) 0;
}

INPUT_FORMS(aiaas_explain, explain)

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
	callsite_model *model = input_model(fcinfo, 0, &input);
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
