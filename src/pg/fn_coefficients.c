/*-------------------------------------------------------------------------
 *
 * fn_coefficients.c
 *	  aiaas_coefficients: the terms of a linear model and how sure they are.
 *
 * They are read from the prepared image, as predictions are; since they tell
 * the weights, the caller needs the right to read these.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"

#include "bridge.h"
#include "callsite.h"

/* A text of the engine's, NULL when absent. */
static void
put_text(ml_text value, Datum *datum, bool *isnull)
{
	*isnull = value.data == NULL;
	*datum = *isnull ? (Datum) 0 : PointerGetDatum(bridge_text_shown(value));
}

/* A number, NULL when it has no value. */
static void
put_number(double value, Datum *datum, bool *isnull)
{
	*isnull = isnan(value);
	*datum = Float8GetDatum(value);
}

/* positive: whose terms they are of two labels; absent of more, or none. */
static void
put_coefficient(ReturnSetInfo *result, const ml_coefficient *coefficient, ml_text positive)
{
	Datum		values[8];
	bool		nulls[8];

	put_text(positive.data != NULL ? positive : coefficient->label, &values[0], &nulls[0]);
	put_text(coefficient->term, &values[1], &nulls[1]);
	put_number(coefficient->estimate, &values[2], &nulls[2]);
	put_number(coefficient->std_error, &values[3], &nulls[3]);
	put_number(coefficient->statistic, &values[4], &nulls[4]);
	put_number(coefficient->p_value, &values[5], &nulls[5]);
	put_number(coefficient->low, &values[6], &nulls[6]);
	put_number(coefficient->high, &values[7], &nulls[7]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * aiaas_coefficients(model, version) returns table (label, term, estimate,
 * std_error, statistic, p_value, conf_low, conf_high)
 */
AIAAS_FUNCTION(aiaas_coefficients);
Datum
aiaas_coefficients(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;
	bridge	   *engine;
	ml_arena	arena = {0};
	const ml_coefficient *coefficients;
	size_t		n;
	ml_text		positive = {NULL, 0};
	MemoryContext row;
	MemoryContext caller;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	catalog_require(PG_GETARG_OID(0), CATALOG_READ);
	model = callsite_get(fcinfo, PG_GETARG_OID(0),
						 PG_ARGISNULL(1) ? 0 : callsite_version(PG_GETARG_INT32(1)));
	engine = bridge_create(CurrentMemoryContext);
	bridge_check(engine, ml_image_coefficients(&engine->ctx, &arena, model->pin->image,
											   &coefficients, &n), model->subject);
	if (ml_image_nlabels(model->pin->image) == 2)
		positive = ml_image_label(model->pin->image, ml_image_positive(model->pin->image));

	/* many labels times many levels: the texts of a row go with it */
	row = AllocSetContextCreate(CurrentMemoryContext, "aiaas coefficients", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(row);
	for (size_t i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_coefficient(result, &coefficients[i], positive);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
	bridge_destroy(engine);
	return (Datum) 0;
}
