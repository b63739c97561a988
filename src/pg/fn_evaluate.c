/*-------------------------------------------------------------------------
 *
 * fn_evaluate.c
 *	  aiaas_evaluate, aiaas_confusion_matrix: how good the live version is.
 *
 * Without a source they show what training measured on the rows held out.
 * With one they let the model answer for its rows, as the caller, and compare.
 * Rows whose label or whose texts are all NULL say nothing and don't count, as
 * in training.  A label that the model doesn't know can only be answered
 * wrongly: it counts, and is told.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "bridge.h"
#include "callsite.h"
#include "catalog.h"
#include "document.h"
#include "manifest.h"
#include "source.h"

/* Probabilities of at most that many rows x labels are held at a time. */
#define PROBABILITIES_MAX	(256 * 1024)

#define UNKNOWN_SHOWN	5

typedef struct judgement
{
	callsite_model *model;
	uint32		nlabels;
	size_t		step;			/* rows predicted at a time */
	uint32	   *predicted;		/* [step] */
	double	   *probabilities;	/* [step * nlabels] */

	ml_confusion *confusion;
	size_t		confusion_size;
	ml_auc	   *auc;			/* two labels only; the last is the positive one */
	size_t		auc_size;
	ml_log_loss loss;
	ml_mean		brier;
	int64		unknown;		/* rows whose label the model doesn't know */
} judgement;

static bool
says_nothing(const ml_value *inputs, uint32 ninputs, ml_text label)
{
	if (label.data == NULL)
		return true;
	for (uint32 i = 0; i < ninputs; i++)
		if (inputs[i].text.data != NULL)
			return false;
	return true;
}

static void
judge_row(judgement *j, ml_text actual, uint32 predicted, const double *probabilities)
{
	const ml_image *image = j->model->pin->image;
	ml_context *ctx = &j->model->bridge->ctx;
	int64		number = ml_image_find_label(image, actual);

	callsite_check(j->model, ml_confusion_tally(ctx, &j->confusion, &j->confusion_size, actual,
													   ml_image_label(image, predicted), 1));
	if (number < 0)
		j->unknown++;
	ml_log_loss_add(&j->loss, number < 0 ? 0 : probabilities[number]);
	ml_mean_add(&j->brier, ml_brier_of(probabilities, j->nlabels, number < 0 ? UINT32_MAX : (uint32) number));
	if (number >= 0 && j->nlabels == 2)
		callsite_check(j->model, ml_auc_tally(ctx, &j->auc, &j->auc_size, number == 1,
													 probabilities[1]));
}

static void
judge_batch(void *state, const ml_batch *batch)
{
	judgement  *j = state;
	uint32		ninputs = j->model->ncolumns;

	for (size_t done = 0; done < batch->n; done += j->step)
	{
		size_t		n = Min(j->step, batch->n - done);
		const ml_value *inputs = batch->inputs + done * ninputs;

		callsite_check(j->model, ml_session_predict(&j->model->bridge->ctx, j->model->session, n,
														   inputs, j->predicted, j->probabilities));
		for (size_t i = 0; i < n; i++)
			if (!says_nothing(inputs + i * ninputs, ninputs, batch->targets[done + i].text))
				judge_row(j, batch->targets[done + i].text, j->predicted[i], j->probabilities + i * j->nlabels);
	}
}

/*
 * Tell which labels the model doesn't know.
 */
static void
announce_unknown(const judgement *j)
{
	StringInfoData names;
	int			n = 0;

	if (j->unknown == 0)
		return;
	initStringInfo(&names);
	for (uint32 i = 0; i < ml_confusion_nlabels(j->confusion); i++)
	{
		ml_text		label = ml_confusion_label(j->confusion, i);

		if (ml_image_find_label(j->model->pin->image, label) >= 0 || n++ >= UNKNOWN_SHOWN)
			continue;
		/* a label may be a whole page */
		appendStringInfo(&names, "%s\"%s\"", n == 1 ? "" : ", ",
						 TextDatumGetCString(DirectFunctionCall2(text_left, PointerGetDatum(bridge_text_out(label)),
																 Int32GetDatum(40))));
	}
	ereport(NOTICE,
			(errmsg_plural("%lld row has a label that %s does not know and counts as wrong",
						   "%lld rows have labels that %s does not know and count as wrong",
						   j->unknown, (long long) j->unknown, j->model->subject),
			 errdetail("Unknown are %s%s.", names.data, n > UNKNOWN_SHOWN ? psprintf(" and %d more", n - UNKNOWN_SHOWN) : "")));
}

/*
 * Read the source and judge the model's answers.
 */
static void
judge(FunctionCallInfo fcinfo, judgement *j)
{
	source	   *s = source_open(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	callsite_model *model = j->model;
	int		   *inputs = palloc_array(int, model->ncolumns);
	ml_column  *columns = palloc0_array(ml_column, model->ncolumns);
	source_want want = {.ninputs = model->ncolumns, .inputs = inputs, .columns = columns, .weight = -1, .split = -1};
	char	   *target = manifest_target(catalog_manifest(PG_GETARG_OID(0), model->pin->version.version,
														  GetActiveSnapshot()));

	for (uint32 i = 0; i < model->ncolumns; i++)
	{
		inputs[i] = source_column(s, text_to_cstring(bridge_text_out(ml_image_column(model->pin->image, i))));
		columns[i].type = ML_TYPE_TEXT;
		columns[i].role = ML_ROLE_TEXT;
		if (!source_column_is_text(s, inputs[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s: column \"%s\" of the source is not text", model->subject,
							source_column_name(s, inputs[i]))));
	}
	/* an imported version doesn't know what its target was called */
	want.target = target != NULL ? source_column(s, target) : source_infer_target(s, inputs, model->ncolumns, "In a query, call it so: SELECT ... AS label.");

	j->nlabels = model->nlabels;
	j->step = Max(1, PROBABILITIES_MAX / model->nlabels);
	j->predicted = palloc_array(uint32, j->step);
	j->probabilities = palloc_array(double, j->step * model->nlabels);
	(void) source_read(s, &want, judge_batch, j);
	if (j->confusion == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no row to judge %s by", model->subject),
				 errdetail("Rows count whose label \"%s\" and text are not NULL.", source_column_name(s, want.target))));
	announce_unknown(j);
}

static void
forget(judgement *j)
{
	ml_release(&j->model->bridge->ctx, j->confusion);
	ml_release(&j->model->bridge->ctx, j->auc);
}

/*
 * What training stored.
 */
static JsonbContainer *
live_report(Oid model, catalog_version *version)
{
	catalog_require(model, CATALOG_USE);
	catalog_locate(model, 0, GetActiveSnapshot(), version);
	return manifest_report(catalog_manifest(model, version->version, GetActiveSnapshot()));
}

/* A part of the report, or an error that says how to measure. */
static JsonbContainer *
stored_figures(JsonbContainer *report, const catalog_version *version, const char *key,
			   const char *what, const char *why_not, const char *function)
{
	JsonbContainer *figures = document_container(report, key);

	if (figures == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has no stored %s", catalog_subject(version), what),
				 errdetail("%s", why_not),
				 errhint("Measure on rows of your own: SELECT * FROM %s(%s, 'table');", function,
						 quote_literal_cstr(catalog_name(version->model)))));
	return figures;
}

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
	JsonbContainer *report = live_report(model, &version);
	JsonbContainer *metrics = stored_figures(report, &version, "metrics", "metrics",
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
	judgement	j = {0};
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
	j.model = callsite_get(fcinfo, PG_GETARG_OID(0), 0);
	judge(fcinfo, &j);
	n = ml_metrics(j.confusion, &j.loss, &j.brier, j.auc, metrics);
	for (int i = 0; i < n; i++)
		put_metric(result, metrics[i].name, metrics[i].value);
	put_metric(result, "rows", (double) ml_confusion_total(j.confusion));
	forget(&j);
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
	JsonbContainer *report = live_report(model, &version);
	JsonbContainer *matrix = stored_figures(report, &version, "confusion", "confusion matrix",
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
	judgement	j = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (PG_ARGISNULL(1))
	{
		put_stored_matrix(result, PG_GETARG_OID(0));
		return (Datum) 0;
	}
	j.model = callsite_get(fcinfo, PG_GETARG_OID(0), 0);
	judge(fcinfo, &j);
	put_measured_matrix(result, j.confusion);
	forget(&j);
	return (Datum) 0;
}
