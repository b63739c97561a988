/*-------------------------------------------------------------------------
 *
 * fn_curve.c
 *	  aiaas_roc_curve, aiaas_pr_curve: what a classifier of two labels trades
 *	  for what when its threshold moves.
 *
 * Without a source they show the curve of the rows that training held out.
 * With one they let the model answer for its rows.  Thresholds fall from
 * infinity: a row is taken for positive whose score is at or above.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "judge.h"
#include "document.h"

#define POINTS_MAX 1000

typedef struct curve
{
	const char *function;
	const char *key;			/* of the report */
	const char *name;
} curve;

static const curve roc = {"aiaas_roc_curve", "roc_curve", "ROC curve"};
static const curve pr = {"aiaas_pr_curve", "pr_curve", "precision-recall curve"};

static void
put_point(ReturnSetInfo *result, double threshold, double x, double y)
{
	Datum		values[3] = {Float8GetDatum(threshold), Float8GetDatum(x), Float8GetDatum(y)};
	bool		nulls[3] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The report's [[threshold or null, x, y], ...]. */
static void
put_stored(ReturnSetInfo *result, callsite_model *model, const curve *c)
{
	catalog_version version;
	JsonbContainer *report = judge_report(model->pin->version.model, &version);
	JsonbContainer *points = judge_figures(report, &version, c->key, c->name,
										   "It was trained without rows held out, by an earlier release, or imported.", c->function);
	int			n = JsonContainerIsArray(points) ? JsonContainerSize(points) : 0;

	for (int i = 0; i < n; i++)
	{
		JsonbContainer *point = document_tuple(points, i, 3);
		double		threshold = get_float8_infinity();
		double		x;
		double		y;

		if (document_float(document_element(point, 1, jbvNumeric), &x) &&
			document_float(document_element(point, 2, jbvNumeric), &y) &&
			(document_float(document_element(point, 0, jbvNumeric), &threshold) ||
			 document_element(point, 0, jbvNull) != NULL))
			put_point(result, threshold, x, y);
	}
}

static void
put_measured(ReturnSetInfo *result, callsite_model *model, const char *source, const curve *c)
{
	ml_auc	   *auc = aggregate_judgement_scores(judge_source(model, source));
	ml_curve_point *points = palloc_array(ml_curve_point, POINTS_MAX);
	uint32		n;

	if (ml_auc_positives(auc) == 0 || ml_auc_negatives(auc) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no rows of one of the two labels of %s", model->subject),
				 errdetail("A curve needs both.")));
	n = ml_auc_curve(auc, points, POINTS_MAX);
	for (uint32 i = 0; i < n; i++)
	{
		ml_curve_rates rates = ml_auc_rates(auc, &points[i]);

		if (c == &roc)
			put_point(result, points[i].threshold, rates.false_positive_rate, rates.true_positive_rate);
		else
			put_point(result, points[i].threshold, rates.true_positive_rate, rates.precision);
	}
}

static Datum
put_curve(FunctionCallInfo fcinfo, const curve *c)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = callsite_get(fcinfo, PG_GETARG_OID(0), 0);
	judge_require_two_labels(model, c->function);
	if (PG_ARGISNULL(1))
		put_stored(result, model, c);
	else
		put_measured(result, model, text_to_cstring(PG_GETARG_TEXT_PP(1)), c);
	return (Datum) 0;
}

AIAAS_FUNCTION(aiaas_roc_curve);
Datum
aiaas_roc_curve(PG_FUNCTION_ARGS)
{
	return put_curve(fcinfo, &roc);
}

AIAAS_FUNCTION(aiaas_pr_curve);
Datum
aiaas_pr_curve(PG_FUNCTION_ARGS)
{
	return put_curve(fcinfo, &pr);
}
