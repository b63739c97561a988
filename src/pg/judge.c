/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  How good a version is: what training stored of it, or its answers for
 *	  the rows of a source.
 *
 * A source is judged by one query with an aggregate (aggregate_judgement.c),
 * so that parallel workers share the work.  The columns that the model takes
 * are its arguments; where they are more than a function has, the row is.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "judge.h"
#include "document.h"
#include "manifest.h"
#include "source.h"

#define UNKNOWN_SHOWN	5

/* Arguments of aiaas.judgement behind the names; its state is one, too. */
#define COLUMNS_MAX		(FUNC_MAX_ARGS - 5)

/* Labels that a model doesn't know. */
typedef struct unknown
{
	int64		rows;
	int			nlabels;
	StringInfoData names;
} unknown;

static void
add_unknown(unknown *u, ml_text label)
{
	if (u->nlabels++ >= UNKNOWN_SHOWN)
		return;
	/* a label may be a whole page */
	appendStringInfo(&u->names, "%s\"%s\"", u->nlabels == 1 ? "" : ", ",
					 TextDatumGetCString(DirectFunctionCall2(text_left, PointerGetDatum(bridge_text_out(label)),
															 Int32GetDatum(40))));
}

/*
 * Tell which labels the model doesn't know.
 */
static void
announce_unknown(const callsite_model *model, const ml_confusion *confusion)
{
	uint32		n = ml_confusion_nlabels(confusion);
	bool	   *known = palloc_array(bool, n);
	unknown		u = {0};

	initStringInfo(&u.names);
	for (uint32 i = 0; i < n; i++)
	{
		known[i] = ml_image_find_label(model->pin->image, ml_confusion_label(confusion, i)) >= 0;
		if (!known[i])
			add_unknown(&u, ml_confusion_label(confusion, i));
	}
	if (u.nlabels == 0)
		return;
	for (uint32 i = 0; i < ml_confusion_ncells(confusion); i++)
	{
		uint32		actual;
		uint32		predicted;
		int64		count = ml_confusion_cell(confusion, i, &actual, &predicted);

		if (!known[actual])
			u.rows += count;
	}
	ereport(NOTICE,
			(errmsg_plural("%lld row has a label that %s does not know and counts as wrong",
						   "%lld rows have labels that %s does not know and count as wrong",
						   u.rows, (long long) u.rows, model->subject),
			 errdetail("Unknown are %s%s.", u.names.data,
					   u.nlabels > UNKNOWN_SHOWN ? psprintf(" and %d more", u.nlabels - UNKNOWN_SHOWN) : "")));
}

/*
 * The column of the source that holds what the model predicts.
 */
static int
find_target(const callsite_model *model, const source *s, const int *inputs)
{
	char	   *target = manifest_target(catalog_manifest(model->pin->version.model, model->pin->version.version,
														  GetActiveSnapshot()));
	int			column;

	/* an imported version doesn't know what its target was called */
	column = target != NULL ? source_column(s, target) :
		source_infer_target(s, inputs, model->ncolumns, "In a query, call it so: SELECT ... AS label.");
	if (model->task == ML_REGRESSION && source_column_type(s, column) != ML_TYPE_NUMBER &&
		source_column_type(s, column) != ML_TYPE_INTEGER && source_column_type(s, column) != ML_TYPE_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s predicts a number, but column \"%s\" of the source is of type %s", model->subject,
						source_column_name(s, column), source_column_type_name(s, column)),
				 errhint("Cast it in a query: SELECT %s::double precision AS %s, ... FROM my_table.",
						 quote_identifier(source_column_name(s, column)),
						 quote_identifier(source_column_name(s, column)))));
	return column;
}

/*
 * aiaas.judgement(...) over a source: of the columns one by one, or of rows.
 */
static Datum
compute(const callsite_model *model, source *s, const char *target, bool *isnull)
{
	StringInfoData names;
	char	   *arguments = psprintf("'%u'::pg_catalog.regclass, %d, %s", model->pin->version.model,
									 model->pin->version.version, quote_identifier(target));
	char	   *columns = callsite_column_names(model);

	if (model->ncolumns > COLUMNS_MAX)
	{
		s->from = psprintf("(SELECT %s, %s FROM %s) AS judged", quote_identifier(target), columns, s->from);
		return source_compute(s, psprintf("aiaas.judgement(%s, NULL, judged.*)", arguments), isnull);
	}
	initStringInfo(&names);
	for (uint32 i = 0; i < model->ncolumns; i++)
		appendStringInfo(&names, "%s%s::pg_catalog.text", i == 0 ? "" : ", ", quote_literal_cstr(model->columns[i].name));
	return source_compute(s, psprintf("aiaas.judgement(%s, ARRAY[%s], %s)", arguments, names.data, columns), isnull);
}

aggregate_judgement *
judge_source(callsite_model *model, const char *text)
{
	source	   *s = source_open(text);
	int		   *inputs = palloc_array(int, model->ncolumns);
	aggregate_judgement *judgement;
	const char *target;
	Datum		state;
	bool		isnull;

	for (uint32 i = 0; i < model->ncolumns; i++)
		inputs[i] = source_column(s, model->columns[i].name);
	target = source_column_name(s, find_target(model, s, inputs));
	state = compute(model, s, target, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no row to judge %s by", model->subject),
				 errdetail("Rows count in which \"%s\" and a column that the model takes are not NULL.", target)));
	judgement = aggregate_judgement_of(state);
	announce_unknown(model, aggregate_judgement_confusion(judgement));
	return judgement;
}

void
judge_require_labels(callsite_model *model, const char *function)
{
	if (model->task == ML_REGRESSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s predicts numbers, and %s is about labels", model->subject, function),
				 errhint("How large its errors are says aiaas_evaluate.")));
}

void
judge_require_two_labels(callsite_model *model, const char *function)
{
	judge_require_labels(model, function);
	if (model->nlabels != 2)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s has %u labels, and %s is about two", model->subject, model->nlabels, function),
				 errhint("Which label is taken for which says aiaas_confusion_matrix.")));
}

JsonbContainer *
judge_report(Oid model, catalog_version *version)
{
	catalog_require(model, CATALOG_USE);
	catalog_locate(model, 0, GetActiveSnapshot(), version);
	return manifest_report(catalog_manifest(model, version->version, GetActiveSnapshot()));
}

JsonbContainer *
judge_figures(JsonbContainer *report, const catalog_version *version, const char *key,
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
