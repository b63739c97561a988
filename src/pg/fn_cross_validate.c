/*-------------------------------------------------------------------------
 *
 * fn_cross_validate.c
 *	  aiaas_cross_validate: how good a recipe is on rows that it did not learn
 *	  from, before a model is made of it.
 *
 * The source is read once, as the caller, and nothing is stored.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "train.h"

#define FOLDS_MAX	31			/* as the engine's; it says more */

/* Of NULL the default, as in aiaas_train. */
static char *
text_argument(FunctionCallInfo fcinfo, int n, char *absent)
{
	return PG_ARGISNULL(n) ? absent : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static void
put_metric(ReturnSetInfo *result, int fold, const char *metric, double value)
{
	Datum		values[3] = {Int32GetDatum(fold), CStringGetTextDatum(metric), Float8GetDatum(value)};
	bool		nulls[3] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * aiaas_cross_validate(source, target, algorithm, folds, options, features)
 */
AIAAS_FUNCTION(aiaas_cross_validate);
Datum
aiaas_cross_validate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	train_state t = {.started = GetCurrentTimestamp()};
	int			folds = PG_ARGISNULL(3) ? 5 : PG_GETARG_INT32(3);
	double	   *values;
	uint64	   *rows;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		train_refuse_null("source");
	if (folds < 2 || folds > FOLDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("folds must be from 2 to %d, not %d", FOLDS_MAX, folds)));
	t.recipe.algorithm = text_argument(fcinfo, 2, "auto");
	t.recipe.options = PG_ARGISNULL(4) ? "{}" : JsonbToCString(NULL, &PG_GETARG_JSONB_P(4)->root, 0);
	t.source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	train_read_options(&t);
	train_choose_columns(&t, text_argument(fcinfo, 1, NULL),
						 PG_ARGISNULL(5) ? NULL : PG_GETARG_ARRAYTYPE_P(5));
	values = palloc(folds * ML_METRICS_MAX * sizeof(double));
	rows = palloc0_array(uint64, folds);
	bridge_progress_start(InvalidOid, "(cross-validation)");
	train_cross_validate(&t, folds, values, rows);
	bridge_destroy(t.b);
	bridge_progress_end();
	for (int fold = 0; fold < folds; fold++)
	{
		for (int i = 0; i < ML_METRICS_MAX && ml_metric_names[i] != NULL; i++)
			if (!isnan(values[fold * ML_METRICS_MAX + i]))
				put_metric(result, fold + 1, ml_metric_names[i], values[fold * ML_METRICS_MAX + i]);
		put_metric(result, fold + 1, "rows", (double) rows[fold]);
	}
	return (Datum) 0;
}
