/*-------------------------------------------------------------------------
 *
 * fn_evaluate.c
 *	  aiaas_evaluate, aiaas_confusion_matrix: how good the live version is.
 *
 * Without a source they show what training measured on the rows held out.
 * With one they let the model answer for its rows, as the caller, and compare
 * (judge.c).
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "judge.h"
#include "document.h"

/*
 * aiaas_evaluate(model, source)
 */
static void
put_metric(ReturnSetInfo *result, const char *name, double value)
{
	Datum		values[2] = {CStringGetTextDatum(name), Float8GetDatum(value)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_stored_metrics(ReturnSetInfo *result, Oid model)
{
	catalog_version version;
	JsonbContainer *report = judge_report(model, &version);
	JsonbContainer *metrics = judge_figures(report, &version, "metrics", "metrics",
											 "It was trained without rows held out, or imported.",
											 "aiaas_evaluate");
	double		value;

	for (int i = 0; i < ML_METRICS_MAX; i++)
		if (document_number(metrics, ml_metric_names[i], &value))
			put_metric(result, ml_metric_names[i], value);
	if (document_number(report, "holdout_rows", &value))
		put_metric(result, "rows", value);
}

AIAAS_FUNCTION(aiaas_evaluate);
Datum
aiaas_evaluate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;
	aggregate_judgement *judgement;
	ml_metric	metrics[ML_METRICS_MAX];
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (PG_ARGISNULL(1))
	{
		put_stored_metrics(result, PG_GETARG_OID(0));
		return (Datum) 0;
	}
	model = callsite_get(fcinfo, PG_GETARG_OID(0), 0);
	judgement = judge_source(model, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	n = aggregate_judgement_metrics(judgement, metrics);
	for (int i = 0; i < n; i++)
		put_metric(result, metrics[i].name, metrics[i].value);
	put_metric(result, "rows", (double) aggregate_judgement_rows(judgement));
	return (Datum) 0;
}

/*
 * aiaas_confusion_matrix(model, source): the cells that are not zero, in C
 * order of the labels.
 */
typedef struct matrix_cell
{
	ml_text		actual;
	ml_text		predicted;
	int64		count;
} matrix_cell;

static int
compare_cells(const void *a, const void *b)
{
	const matrix_cell *x = a;
	const matrix_cell *y = b;
	int			order = ml_text_compare(x->actual, y->actual);

	return order != 0 ? order : ml_text_compare(x->predicted, y->predicted);
}

/* The texts are the engine's. */
static void
put_cells(ReturnSetInfo *result, matrix_cell *cells, size_t n)
{
	bool		nulls[3] = {false};

	qsort(cells, n, sizeof(matrix_cell), compare_cells);
	for (size_t i = 0; i < n; i++)
	{
		Datum		values[3] = {
			PointerGetDatum(bridge_text_out(cells[i].actual)),
			PointerGetDatum(bridge_text_out(cells[i].predicted)),
			Int64GetDatum(cells[i].count)
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static void
put_measured_matrix(ReturnSetInfo *result, const ml_confusion *confusion)
{
	uint32		n = ml_confusion_ncells(confusion);
	matrix_cell *cells = palloc_array(matrix_cell, n);

	for (uint32 i = 0; i < n; i++)
	{
		uint32		actual;
		uint32		predicted;

		cells[i].count = ml_confusion_cell(confusion, i, &actual, &predicted);
		cells[i].actual = ml_confusion_label(confusion, actual);
		cells[i].predicted = ml_confusion_label(confusion, predicted);
	}
	put_cells(result, cells, n);
}

/* One cell of the manifest's [["actual", "predicted", count], ...]. */
static bool
stored_cell(JsonbContainer *matrix, int i, matrix_cell *cell)
{
	JsonbContainer *tuple = document_tuple(matrix, i, 3);
	char	   *actual = document_text(document_element(tuple, 0, jbvString));
	char	   *predicted = document_text(document_element(tuple, 1, jbvString));

	if (actual == NULL || predicted == NULL ||
		!document_whole(document_element(tuple, 2, jbvNumeric), 0, PG_INT64_MAX, &cell->count))
		return false;
	cell->actual = bridge_text_in(cstring_to_text(actual));
	cell->predicted = bridge_text_in(cstring_to_text(predicted));
	return true;
}

static void
put_stored_matrix(ReturnSetInfo *result, Oid model)
{
	catalog_version version;
	JsonbContainer *report = judge_report(model, &version);
	JsonbContainer *matrix = judge_figures(report, &version, "confusion", "confusion matrix",
											"It was trained without rows held out, or imported, or the matrix was too large to store.",
											"aiaas_confusion_matrix");
	int			size = JsonContainerIsArray(matrix) ? JsonContainerSize(matrix) : 0;
	matrix_cell *cells = palloc_array(matrix_cell, size);
	size_t		n = 0;

	for (int i = 0; i < size; i++)
		if (stored_cell(matrix, i, &cells[n]))
			n++;
	put_cells(result, cells, n);
}

AIAAS_FUNCTION(aiaas_confusion_matrix);
Datum
aiaas_confusion_matrix(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	callsite_model *model;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = callsite_get(fcinfo, PG_GETARG_OID(0), 0);
	judge_require_labels(model, "aiaas_confusion_matrix");
	if (PG_ARGISNULL(1))
		put_stored_matrix(result, PG_GETARG_OID(0));
	else
		put_measured_matrix(result, aggregate_judgement_confusion(judge_source(model, text_to_cstring(PG_GETARG_TEXT_PP(1)))));
	return (Datum) 0;
}
