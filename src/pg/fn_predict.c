/*-------------------------------------------------------------------------
 *
 * fn_predict.c
 *	  aiaas_predict: the number that a regression predicts.
 *
 * The forms are those of aiaas_classify (fn_infer.c), but for the default
 * model, which has labels.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "input.h"

#include "catalog/pg_type.h"

#define REGRESSIONS ML_TASK(ML_REGRESSION)

static inline Datum
predict_example(const input_example *example)
{
	callsite_model *model = example->model;
	double		value;

	callsite_check(model, ml_session_regress(&model->bridge->ctx, model->session, 1,
											 example->values, &value));
	PG_RETURN_FLOAT8(value);
}

/*
 * aiaas_predict(model [, version], input) returns float8
 */
static inline Datum
predict(FunctionCallInfo fcinfo, input_reader read)
{
	input_example example;

	if (!input_open(fcinfo, 0, REGRESSIONS, read, &example))
		PG_RETURN_NULL();
	return predict_example(&example);
}

INPUT_FORMS(aiaas_predict, predict)

/*
 * aiaas.predict_columns(model, names, VARIADIC columns),
 * aiaas.predict_version_columns(model, version, names, VARIADIC columns)
 * returns float8
 */
static inline Datum
predict_columns(FunctionCallInfo fcinfo, bool pinned)
{
	input_example example;

	if (!input_open_columns(fcinfo, pinned, pinned ? 2 : 1, REGRESSIONS, &example))
		PG_RETURN_NULL();
	return predict_example(&example);
}

INPUT_FORM(aiaas_predict_columns, predict_columns, false)
INPUT_FORM(aiaas_predict_version_columns, predict_columns, true)

/*
 * aiaas_predict(model [, version], input text[] | bytea[]) returns float8[]
 */
AIAAS_FUNCTION(aiaas_predict_array);
Datum
aiaas_predict_array(PG_FUNCTION_ARGS)
{
	int			input;
	callsite_model *model = input_model(fcinfo, 0, &input);
	input_batch batch;
	double	   *values;
	Datum	   *results;

	if (model == NULL)
		PG_RETURN_NULL();
	input_require_task(model, REGRESSIONS);
	input_batch_read(&batch, model, PG_GETARG_DATUM(input));
	values = palloc_extended(Max(batch.n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	results = palloc_extended(Max(batch.n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	input_batch_check(&batch, model, 0, ml_session_regress(&model->bridge->ctx, model->session, batch.n,
														   batch.values, values));
	for (int i = 0; i < batch.n; i++)
		results[i] = Float8GetDatum(values[i]);
	return input_batch_result(&batch, results, FLOAT8OID);
}
