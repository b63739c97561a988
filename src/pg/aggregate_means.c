/*-------------------------------------------------------------------------
 *
 * aggregate_means.c
 *	  Metrics that are means over rows as aggregates: log loss, Brier score,
 *	  errors of a regression.  See aggregate.c.
 *
 * The states have a fixed length: the engine's structs as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "aggregate.h"
#include "document.h"

/*
 * Argument 0, which may be changed: itself within an aggregate, else a copy;
 * zeros for NULL.
 */
static void *
fixed_to_write(FunctionCallInfo fcinfo, size_t size)
{
	void	   *state;

	if (!PG_ARGISNULL(0) && AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_POINTER(0);
	state = palloc0(size);
	if (!PG_ARGISNULL(0))
		memcpy(state, PG_GETARG_POINTER(0), size);
	return state;
}

/*
 * aiaas.log_loss_state, aiaas.mean_state: [count, sum, correction]
 */
#define LOG_LOSS "aiaas.log_loss_state"
#define MEAN "aiaas.mean_state"

static bool
mean_valid(const ml_mean *mean)
{
	return mean->count >= 0 && isfinite(mean->sum) && isfinite(mean->correction);
}

static Datum
mean_in(FunctionCallInfo fcinfo, const char *type)
{
	JsonbContainer *array = aggregate_json(PG_GETARG_CSTRING(0), type);
	ml_mean    *mean = palloc0_object(ml_mean);

	if (JsonContainerSize(array) != 3 || !aggregate_json_count(array, 0, &mean->count) ||
		!document_float(document_element(array, 1, jbvNumeric), &mean->sum) ||
		!document_float(document_element(array, 2, jbvNumeric), &mean->correction) ||
		!mean_valid(mean))
		aggregate_refuse_text(type, "It must be [count, sum, correction].");
	PG_RETURN_POINTER(mean);
}

static Datum
mean_out(FunctionCallInfo fcinfo)
{
	ml_mean    *mean = (ml_mean *) PG_GETARG_POINTER(0);

	PG_RETURN_CSTRING(psprintf("[" INT64_FORMAT ", %.17g, %.17g]",
							   mean->count, mean->sum, mean->correction));
}

static Datum
mean_recv(FunctionCallInfo fcinfo, const char *type)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	ml_mean    *mean = palloc0_object(ml_mean);

	mean->count = pq_getmsgint64(message);
	mean->sum = pq_getmsgfloat8(message);
	mean->correction = pq_getmsgfloat8(message);
	if (!mean_valid(mean))
		aggregate_refuse_binary(type);
	PG_RETURN_POINTER(mean);
}

static Datum
mean_send(FunctionCallInfo fcinfo)
{
	ml_mean    *mean = (ml_mean *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, mean->count);
	pq_sendfloat8(&message, mean->sum);
	pq_sendfloat8(&message, mean->correction);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

static Datum
mean_combine(FunctionCallInfo fcinfo)
{
	ml_mean    *mean = fixed_to_write(fcinfo, sizeof(ml_mean));

	ml_mean_merge(mean, (ml_mean *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(mean);
}

static Datum
mean_final(FunctionCallInfo fcinfo)
{
	return aggregate_result(fcinfo, ml_mean_value((ml_mean *) PG_GETARG_POINTER(0)));
}

#define STATE_FUNCTION(name, call) \
	AIAAS_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return call; \
	} \
	extern Datum name(PG_FUNCTION_ARGS)

STATE_FUNCTION(aiaas_log_loss_in, mean_in(fcinfo, LOG_LOSS));
STATE_FUNCTION(aiaas_log_loss_out, mean_out(fcinfo));
STATE_FUNCTION(aiaas_log_loss_recv, mean_recv(fcinfo, LOG_LOSS));
STATE_FUNCTION(aiaas_log_loss_send, mean_send(fcinfo));
STATE_FUNCTION(aiaas_log_loss_combine, mean_combine(fcinfo));
STATE_FUNCTION(aiaas_log_loss_final, mean_final(fcinfo));

STATE_FUNCTION(aiaas_mean_in, mean_in(fcinfo, MEAN));
STATE_FUNCTION(aiaas_mean_out, mean_out(fcinfo));
STATE_FUNCTION(aiaas_mean_recv, mean_recv(fcinfo, MEAN));
STATE_FUNCTION(aiaas_mean_send, mean_send(fcinfo));
STATE_FUNCTION(aiaas_mean_combine, mean_combine(fcinfo));
STATE_FUNCTION(aiaas_mean_final, mean_final(fcinfo));

/*
 * Transition functions of log loss and Brier score: (state, actual boolean,
 * probability float8).
 */
static double
probability_argument(FunctionCallInfo fcinfo, const char *function)
{
	double		probability = PG_GETARG_FLOAT8(2);

	if (!(probability >= 0 && probability <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability of %s must be between 0 and 1", function)));
	return probability;
}

AIAAS_FUNCTION(aiaas_log_loss_accum);
Datum
aiaas_log_loss_accum(PG_FUNCTION_ARGS)
{
	ml_log_loss *loss;
	double		probability;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	probability = probability_argument(fcinfo, "aiaas_log_loss");
	loss = fixed_to_write(fcinfo, sizeof(ml_log_loss));
	ml_log_loss_add(loss, PG_GETARG_BOOL(1) ? probability : 1 - probability);
	PG_RETURN_POINTER(loss);
}

AIAAS_FUNCTION(aiaas_mean_brier);
Datum
aiaas_mean_brier(PG_FUNCTION_ARGS)
{
	ml_mean    *brier;
	double		probability;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	probability = probability_argument(fcinfo, "aiaas_brier");
	brier = fixed_to_write(fcinfo, sizeof(ml_mean));
	ml_mean_add(brier, ml_brier_of(&probability, 1, PG_GETARG_BOOL(1) ? 0 : 1));
	PG_RETURN_POINTER(brier);
}

/*
 * aiaas.regression_state: [count, shift, sum, squares, sum and correction of
 * absolute errors, of squared ones, of percentages], the last two null where a
 * percentage is undefined.
 */
#define REGRESSION "aiaas.regression_state"

enum
{
	SHIFT, SUM, SQUARES, ABSOLUTE, ABSOLUTE_CORRECTION, SQUARE, SQUARE_CORRECTION, PERCENTAGE, PERCENTAGE_CORRECTION,
	NUMBERS
};

static void
regression_pack(const ml_regression *r, double numbers[NUMBERS])
{
	numbers[SHIFT] = r->shift;
	numbers[SUM] = r->sum;
	numbers[SQUARES] = r->squares;
	numbers[ABSOLUTE] = r->absolute.sum;
	numbers[ABSOLUTE_CORRECTION] = r->absolute.correction;
	numbers[SQUARE] = r->square.sum;
	numbers[SQUARE_CORRECTION] = r->square.correction;
	numbers[PERCENTAGE] = r->percentage.sum;
	numbers[PERCENTAGE_CORRECTION] = r->percentage.correction;
}

/* NULL when no rows have such sums. */
static ml_regression *
regression_unpack(int64 count, const double numbers[NUMBERS])
{
	ml_regression *r;

	if (count < 0 || numbers[ABSOLUTE] < 0 || numbers[SQUARE] < 0 || numbers[PERCENTAGE] < 0)
		return NULL;
	for (int i = 0; i < PERCENTAGE; i++)
		if (!isfinite(numbers[i]))
			return NULL;
	r = palloc0_object(ml_regression);
	r->count = count;
	r->shift = numbers[SHIFT];
	r->sum = numbers[SUM];
	r->squares = numbers[SQUARES];
	r->absolute = (ml_mean) {numbers[ABSOLUTE], numbers[ABSOLUTE_CORRECTION], count};
	r->square = (ml_mean) {numbers[SQUARE], numbers[SQUARE_CORRECTION], count};
	r->percentage = (ml_mean) {numbers[PERCENTAGE], numbers[PERCENTAGE_CORRECTION], count};
	return r;
}

AIAAS_FUNCTION(aiaas_regression_in);
Datum
aiaas_regression_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *array = aggregate_json(PG_GETARG_CSTRING(0), REGRESSION);
	bool		valid = JsonContainerSize(array) == 1 + NUMBERS;
	double		numbers[NUMBERS];
	int64		count = 0;
	ml_regression *r;

	valid = valid && aggregate_json_count(array, 0, &count);
	for (int i = 0; i < NUMBERS && valid; i++)
	{
		valid = document_float(document_element(array, 1 + i, jbvNumeric), &numbers[i]);
		if (!valid && i >= PERCENTAGE && document_element(array, 1 + i, jbvNull) != NULL)
		{
			numbers[i] = get_float8_nan();
			valid = true;
		}
	}
	r = valid ? regression_unpack(count, numbers) : NULL;
	if (r == NULL)
		aggregate_refuse_text(REGRESSION, "It must be [count, shift, sum, squares, absolute errors, correction, squared errors, correction, percentages, correction].");
	PG_RETURN_POINTER(r);
}

AIAAS_FUNCTION(aiaas_regression_out);
Datum
aiaas_regression_out(PG_FUNCTION_ARGS)
{
	ml_regression *r = (ml_regression *) PG_GETARG_POINTER(0);
	double		numbers[NUMBERS];
	StringInfoData out;

	regression_pack(r, numbers);
	initStringInfo(&out);
	appendStringInfo(&out, "[" INT64_FORMAT, r->count);
	for (int i = 0; i < NUMBERS; i++)
	{
		if (isfinite(numbers[i]))
			appendStringInfo(&out, ", %.17g", numbers[i]);
		else
			appendStringInfoString(&out, ", null");
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_CSTRING(out.data);
}

AIAAS_FUNCTION(aiaas_regression_recv);
Datum
aiaas_regression_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int64		count = pq_getmsgint64(message);
	double		numbers[NUMBERS];
	ml_regression *r;

	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = pq_getmsgfloat8(message);
	r = regression_unpack(count, numbers);
	if (r == NULL)
		aggregate_refuse_binary(REGRESSION);
	PG_RETURN_POINTER(r);
}

AIAAS_FUNCTION(aiaas_regression_send);
Datum
aiaas_regression_send(PG_FUNCTION_ARGS)
{
	ml_regression *r = (ml_regression *) PG_GETARG_POINTER(0);
	double		numbers[NUMBERS];
	StringInfoData message;

	regression_pack(r, numbers);
	pq_begintypsend(&message);
	pq_sendint64(&message, r->count);
	for (int i = 0; i < NUMBERS; i++)
		pq_sendfloat8(&message, numbers[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

void
aggregate_require_finite(double actual, double predicted)
{
	if (unlikely(!isfinite(actual) || !isfinite(predicted)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("actual and predicted values must be finite numbers"),
				 errhint("Leave such rows out with FILTER or WHERE: abs(actual) < 'infinity'.")));
}

void
aggregate_require_sums(const ml_regression *r)
{
	if (unlikely(!isfinite(r->squares) || !isfinite(r->square.sum)))
		float_overflow_error();
}

/*
 * Transition function of the errors of a regression: (state, actual float8,
 * predicted float8).
 */
AIAAS_FUNCTION(aiaas_regression_accum);
Datum
aiaas_regression_accum(PG_FUNCTION_ARGS)
{
	ml_regression *r;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return aggregate_unchanged(fcinfo);
	aggregate_require_finite(PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2));
	r = fixed_to_write(fcinfo, sizeof(ml_regression));
	ml_regression_add(r, PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2));
	aggregate_require_sums(r);
	PG_RETURN_POINTER(r);
}

AIAAS_FUNCTION(aiaas_regression_combine);
Datum
aiaas_regression_combine(PG_FUNCTION_ARGS)
{
	ml_regression *r = fixed_to_write(fcinfo, sizeof(ml_regression));

	ml_regression_merge(r, (ml_regression *) PG_GETARG_POINTER(1));
	aggregate_require_sums(r);
	PG_RETURN_POINTER(r);
}

/*
 * Final functions.  Undefined figures are left out by the engine: NULL.
 */
static Datum
regression_figure(FunctionCallInfo fcinfo, const char *name)
{
	ml_metric	metrics[ML_METRICS_MAX];
	int			n = ml_regression_metrics((ml_regression *) PG_GETARG_POINTER(0), NULL, metrics);

	for (int i = 0; i < n; i++)
		if (strcmp(metrics[i].name, name) == 0)
			PG_RETURN_FLOAT8(metrics[i].value);
	PG_RETURN_NULL();
}

STATE_FUNCTION(aiaas_regression_mse, regression_figure(fcinfo, "mse"));
STATE_FUNCTION(aiaas_regression_rmse, regression_figure(fcinfo, "rmse"));
STATE_FUNCTION(aiaas_regression_mae, regression_figure(fcinfo, "mae"));
STATE_FUNCTION(aiaas_regression_mape, regression_figure(fcinfo, "mape"));
STATE_FUNCTION(aiaas_regression_r2, regression_figure(fcinfo, "r2"));
