/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Metrics as aggregates, for GROUP BY, FILTER, windows and parallel plans:
 *	  accuracy, balanced accuracy, precision, recall, F1, Matthews' correlation.
 *	  See aggregate_scores.c and aggregate_means.c for those of scores and of
 *	  numbers.
 *
 * A state is a base type of its own, not internal (so that it travels between
 * nodes and can be stored) and not bytea (so that nobody can forge one): its
 * bytes come from the transition functions or from the input functions below,
 * which build it from pieces that they check.  It is one flat block of the
 * engine (learn/metric.h) behind a varlena header.
 *
 * Within an aggregate the state is updated in place.  A state that must grow
 * is returned as a new datum: the executor copies it and frees the old one.
 * Final functions leave it as it is, since windows and other aggregates with
 * the same arguments go on with it.
 *
 * Labels are compared as texts: boolean is true and false, the rest what its
 * type's output function says.  With a label argument, rows are counted as
 * "is it" and "is another one", so that the state stays small.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "aggregate.h"
#include "document.h"

/* What a label counts as when the aggregate has a label argument. */
static const ml_text is_it = ML_TEXT("t");
static const ml_text is_another = ML_TEXT("f");

/*
 * aiaas.confusion_state: [["actual", "predicted", count], ...]
 */
#define CONFUSION "aiaas.confusion_state"

static aggregate_state *
confusion_create(void)
{
	size_t		size = ml_confusion_init(NULL, 0);
	aggregate_state *s = aggregate_create(size);

	ml_confusion_init(s->block, size);
	return s;
}

static aggregate_state *
confusion_add(aggregate_state *s, ml_text actual, ml_text predicted, int64 count)
{
	size_t		need;

	while ((need = ml_confusion_add((ml_confusion *) s->block, AGGREGATE_BLOCK_SIZE(s),
									actual, predicted, count)) != 0)
		s = aggregate_copy(s, need);
	return s;
}

static const ml_confusion *
confusion_argument(FunctionCallInfo fcinfo, int i)
{
	aggregate_state *s = (aggregate_state *) PG_GETARG_POINTER(i);

	if (!ml_confusion_check(s->block, AGGREGATE_BLOCK_SIZE(s)))
		aggregate_refuse_state(CONFUSION);
	return (ml_confusion *) s->block;
}

AIAAS_FUNCTION(aiaas_confusion_in);
Datum
aiaas_confusion_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *cells = aggregate_json(PG_GETARG_CSTRING(0), CONFUSION);
	aggregate_state *s = confusion_create();

	for (int i = 0; i < JsonContainerSize(cells); i++)
	{
		JsonbContainer *cell = document_tuple(cells, i, 3);
		JsonbValue *actual = document_element(cell, 0, jbvString);
		JsonbValue *predicted = document_element(cell, 1, jbvString);
		int64		count;

		CHECK_FOR_INTERRUPTS();
		if (actual == NULL || predicted == NULL || !aggregate_json_count(cell, 2, &count) || count == 0)
			aggregate_refuse_text(CONFUSION, "Each element must be [\"actual\", \"predicted\", count], count a positive integer.");
		s = confusion_add(s, (ml_text) {actual->val.string.val, actual->val.string.len},
						  (ml_text) {predicted->val.string.val, predicted->val.string.len}, count);
	}
	PG_RETURN_POINTER(s);
}

static void
append_json_text(StringInfo out, ml_text text)
{
	char	   *copy = pnstrdup(text.data, text.size);

	escape_json(out, copy);
	pfree(copy);
}

AIAAS_FUNCTION(aiaas_confusion_out);
Datum
aiaas_confusion_out(PG_FUNCTION_ARGS)
{
	const ml_confusion *confusion = confusion_argument(fcinfo, 0);
	StringInfoData out;

	initStringInfo(&out);
	for (uint32 i = 0; i < ml_confusion_ncells(confusion); i++)
	{
		uint32		actual;
		uint32		predicted;
		int64		count = ml_confusion_cell(confusion, i, &actual, &predicted);

		appendStringInfoString(&out, i == 0 ? "[[" : ", [");
		append_json_text(&out, ml_confusion_label(confusion, actual));
		appendStringInfoString(&out, ", ");
		append_json_text(&out, ml_confusion_label(confusion, predicted));
		appendStringInfo(&out, ", " INT64_FORMAT "]", count);
	}
	appendStringInfoString(&out, out.len == 0 ? "[]" : "]");
	PG_RETURN_CSTRING(out.data);
}

static ml_text
receive_label(StringInfo message)
{
	int			size = pq_getmsgint(message, 4);
	int			converted;
	char	   *data;

	if (size < 0 || size > message->len - message->cursor)
		aggregate_refuse_binary(CONFUSION);
	data = pq_getmsgtext(message, size, &converted);
	return (ml_text) {data, converted};
}

AIAAS_FUNCTION(aiaas_confusion_recv);
Datum
aiaas_confusion_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	aggregate_state *s = confusion_create();
	int			cells = pq_getmsgint(message, 4);

	for (int i = 0; i < cells; i++)
	{
		ml_text		actual = receive_label(message);
		ml_text		predicted = receive_label(message);
		int64		count = pq_getmsgint64(message);

		CHECK_FOR_INTERRUPTS();
		if (count <= 0)
			aggregate_refuse_binary(CONFUSION);
		s = confusion_add(s, actual, predicted, count);
	}
	if (cells < 0)
		aggregate_refuse_binary(CONFUSION);
	PG_RETURN_POINTER(s);
}

static void
send_label(StringInfo message, ml_text label)
{
	char	   *converted = pg_server_to_client(label.data, (int) label.size);
	int			size = converted == label.data ? (int) label.size : (int) strlen(converted);

	pq_sendint32(message, size);
	pq_sendbytes(message, converted, size);
}

AIAAS_FUNCTION(aiaas_confusion_send);
Datum
aiaas_confusion_send(PG_FUNCTION_ARGS)
{
	const ml_confusion *confusion = confusion_argument(fcinfo, 0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, ml_confusion_ncells(confusion));
	for (uint32 i = 0; i < ml_confusion_ncells(confusion); i++)
	{
		uint32		actual;
		uint32		predicted;
		int64		count = ml_confusion_cell(confusion, i, &actual, &predicted);

		send_label(&message, ml_confusion_label(confusion, actual));
		send_label(&message, ml_confusion_label(confusion, predicted));
		pq_sendint64(&message, count);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * How the label arguments are read: worked out once per call site.
 */
typedef struct labels
{
	Oid			type[3];		/* of actual, predicted, label */
	FmgrInfo	output[3];
} labels;

typedef char integer_text[24];

static labels *
labels_lookup(FunctionCallInfo fcinfo)
{
	labels	   *l = fcinfo->flinfo->fn_extra;

	if (l != NULL)
		return l;
	l = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(labels));
	for (int i = 0; i < PG_NARGS() - 1; i++)
	{
		Oid			function;
		bool		varlena;

		l->type[i] = get_fn_expr_argtype(fcinfo->flinfo, i + 1);
		if (!OidIsValid(l->type[i]))
			elog(ERROR, "could not determine type of argument %d", i + 2);
		getTypeOutputInfo(l->type[i], &function, &varlena);
		fmgr_info_cxt(function, &l->output[i], fcinfo->flinfo->fn_mcxt);
	}
	fcinfo->flinfo->fn_extra = l;
	return l;
}

static ml_text
label_argument(FunctionCallInfo fcinfo, labels *l, int i, integer_text buffer)
{
	text	   *t;
	char	   *output;

	switch (l->type[i])
	{
		case TEXTOID:
			t = PG_GETARG_TEXT_PP(i + 1);
			return (ml_text) {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
		case BOOLOID:
			return PG_GETARG_BOOL(i + 1) ? ML_TEXT("true") : ML_TEXT("false");
		case INT4OID:
			return (ml_text) {buffer, pg_lltoa(PG_GETARG_INT32(i + 1), buffer)};
		case INT8OID:
			return (ml_text) {buffer, pg_lltoa(PG_GETARG_INT64(i + 1), buffer)};
		default:
			output = OutputFunctionCall(&l->output[i], PG_GETARG_DATUM(i + 1));
			return (ml_text) {output, strlen(output)};
	}
}

/*
 * Transition function of accuracy, precision, recall, F1: (state, actual,
 * predicted [, label]).  Rows with a NULL don't count.
 */
AIAAS_FUNCTION(aiaas_confusion_accum);
Datum
aiaas_confusion_accum(PG_FUNCTION_ARGS)
{
	labels	   *l = labels_lookup(fcinfo);
	integer_text buffers[3];
	ml_text		actual;
	ml_text		predicted;
	aggregate_state *s;

	for (int i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			return aggregate_unchanged(fcinfo);
	actual = label_argument(fcinfo, l, 0, buffers[0]);
	predicted = label_argument(fcinfo, l, 1, buffers[1]);
	if (PG_NARGS() == 4)
	{
		ml_text		label = label_argument(fcinfo, l, 2, buffers[2]);

		actual = ml_text_equal(actual, label) ? is_it : is_another;
		predicted = ml_text_equal(predicted, label) ? is_it : is_another;
	}
	if (PG_ARGISNULL(0))
		s = confusion_create();
	else
	{
		s = aggregate_to_write(fcinfo);
		if (!ml_confusion_check(s->block, AGGREGATE_BLOCK_SIZE(s)))
			aggregate_refuse_state(CONFUSION);
	}
	PG_RETURN_POINTER(confusion_add(s, actual, predicted, 1));
}

AIAAS_FUNCTION(aiaas_confusion_combine);
Datum
aiaas_confusion_combine(PG_FUNCTION_ARGS)
{
	const ml_confusion *from = confusion_argument(fcinfo, 1);
	aggregate_state *s;
	size_t		need;

	(void) confusion_argument(fcinfo, 0);
	s = aggregate_to_write(fcinfo);
	while ((need = ml_confusion_merge((ml_confusion *) s->block, AGGREGATE_BLOCK_SIZE(s), from)) != 0)
		s = aggregate_copy(s, need);
	PG_RETURN_POINTER(s);
}

/*
 * Final functions.  Those of one label look at the rows that are it.
 */
#define CONFUSION_FINAL(name, metric, ...) \
	AIAAS_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return aggregate_result(fcinfo, metric(confusion_argument(fcinfo, 0) __VA_ARGS__)); \
	} \
	extern Datum name(PG_FUNCTION_ARGS)

static const ml_text averaged = {NULL, 0};

CONFUSION_FINAL(aiaas_confusion_accuracy, ml_confusion_accuracy);
CONFUSION_FINAL(aiaas_confusion_balanced_accuracy, ml_confusion_balanced_accuracy);
CONFUSION_FINAL(aiaas_confusion_mcc, ml_confusion_mcc);
CONFUSION_FINAL(aiaas_confusion_precision, ml_confusion_precision,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_recall, ml_confusion_recall,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_f1, ml_confusion_f1,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_precision_label, ml_confusion_precision,, is_it, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_recall_label, ml_confusion_recall,, is_it, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_f1_label, ml_confusion_f1,, is_it, ML_MACRO);
