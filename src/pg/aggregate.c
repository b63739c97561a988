/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Metrics as aggregates: accuracy, precision, recall, F1, ROC AUC, log
 *	  loss; for GROUP BY, FILTER, windows and parallel plans.
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
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat.h"
#include "ml.h"

typedef struct state
{
	int32		vl_len_;
	uint32		reserved;		/* keeps the block 8-byte aligned */
	char		block[FLEXIBLE_ARRAY_MEMBER];
} state;

#define STATE_BLOCK_SIZE(s) (VARSIZE(s) - offsetof(state, block))

/* What a label counts as when the aggregate has a label argument. */
static const ml_text is_it = ML_TEXT("t");
static const ml_text is_another = ML_TEXT("f");

static state *
state_create(size_t size)
{
	state	   *result = palloc0(offsetof(state, block) + size);

	SET_VARSIZE(result, offsetof(state, block) + size);
	return result;
}

/* A larger copy, or one that may be written. */
static state *
state_copy(const state *old, size_t size)
{
	state	   *result;

	if (size > MaxAllocSize - offsetof(state, block))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of aggregate exceeds 1 GB"),
				 errdetail("It holds every distinct label and pair of labels once.")));
	result = state_create(size);
	memcpy(result->block, old->block, Min(STATE_BLOCK_SIZE(old), size));
	return result;
}

/* The state argument, writable: itself within an aggregate, else a copy. */
static state *
state_to_write(FunctionCallInfo fcinfo)
{
	state	   *s = (state *) PG_GETARG_POINTER(0);

	return AggCheckCallContext(fcinfo, NULL) ? s : state_copy(s, STATE_BLOCK_SIZE(s));
}

pg_attribute_noreturn() static void
refuse_state(const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("value of type %s is damaged", type)));
}

pg_attribute_noreturn() static void
refuse_syntax(const char *type, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input for type %s", type),
			 errdetail("%s", detail)));
}

pg_attribute_noreturn() static void
refuse_binary(const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid external binary value of type %s", type)));
}

static Datum
float8_or_null(FunctionCallInfo fcinfo, double value)
{
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

/*
 * JSON, the text form of all states: an array.
 */
static JsonbContainer *
json_array(const char *text, const char *type)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		refuse_syntax(type, "It must be a JSON array.");
	return &json->root;
}

/* Element i of an array, if it is of that type. */
static JsonbValue *
json_element(JsonbContainer *array, int i, enum jbvType kind)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);

	return value != NULL && value->type == kind ? value : NULL;
}

/* An element that is an array of n; NULL if it isn't. */
static JsonbContainer *
json_tuple(JsonbContainer *array, int i, int n)
{
	JsonbValue *value = json_element(array, i, jbvBinary);

	if (value == NULL || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) != n)
		return NULL;
	return value->val.binary.data;
}

static bool
json_count(JsonbContainer *array, int i, int64 *count)
{
	JsonbValue *value = json_element(array, i, jbvNumeric);
	char	   *digits;
	char	   *end;

	if (value == NULL)
		return false;
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	errno = 0;
	*count = strtoi64(digits, &end, 10);
	return errno == 0 && *end == '\0' && *count >= 0;
}

/*
 * aiaas.confusion_state: [["actual", "predicted", count], ...]
 */
#define CONFUSION "aiaas.confusion_state"

static state *
confusion_create(void)
{
	size_t		size = ml_confusion_init(NULL, 0);
	state	   *s = state_create(size);

	ml_confusion_init(s->block, size);
	return s;
}

static state *
confusion_add(state *s, ml_text actual, ml_text predicted, int64 count)
{
	size_t		need;

	while ((need = ml_confusion_add((ml_confusion *) s->block, STATE_BLOCK_SIZE(s),
									actual, predicted, count)) != 0)
		s = state_copy(s, need);
	return s;
}

static const ml_confusion *
confusion_argument(FunctionCallInfo fcinfo, int i)
{
	state	   *s = (state *) PG_GETARG_POINTER(i);

	if (!ml_confusion_check(s->block, STATE_BLOCK_SIZE(s)))
		refuse_state(CONFUSION);
	return (ml_confusion *) s->block;
}

AIAAS_FUNCTION(aiaas_confusion_in);
Datum
aiaas_confusion_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *cells = json_array(PG_GETARG_CSTRING(0), CONFUSION);
	state	   *s = confusion_create();

	for (int i = 0; i < JsonContainerSize(cells); i++)
	{
		JsonbContainer *cell = json_tuple(cells, i, 3);
		JsonbValue *actual = cell ? json_element(cell, 0, jbvString) : NULL;
		JsonbValue *predicted = cell ? json_element(cell, 1, jbvString) : NULL;
		int64		count;

		CHECK_FOR_INTERRUPTS();
		if (actual == NULL || predicted == NULL || !json_count(cell, 2, &count) || count == 0)
			refuse_syntax(CONFUSION, "Each element must be [\"actual\", \"predicted\", count], count a positive integer.");
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
		refuse_binary(CONFUSION);
	data = pq_getmsgtext(message, size, &converted);
	return (ml_text) {data, converted};
}

AIAAS_FUNCTION(aiaas_confusion_recv);
Datum
aiaas_confusion_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	state	   *s = confusion_create();
	int			cells = pq_getmsgint(message, 4);

	for (int i = 0; i < cells; i++)
	{
		ml_text		actual = receive_label(message);
		ml_text		predicted = receive_label(message);
		int64		count = pq_getmsgint64(message);

		CHECK_FOR_INTERRUPTS();
		if (count <= 0)
			refuse_binary(CONFUSION);
		s = confusion_add(s, actual, predicted, count);
	}
	if (cells < 0)
		refuse_binary(CONFUSION);
	PG_RETURN_POINTER(s);
}

static void
send_label(StringInfo message, ml_text label)
{
	pq_sendcountedtext(message, label.data, (int) label.size, false);
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
	state	   *s;

	for (int i = 1; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i) && PG_ARGISNULL(0))
			PG_RETURN_NULL();
		if (PG_ARGISNULL(i))
			PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
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
		s = state_to_write(fcinfo);
		if (!ml_confusion_check(s->block, STATE_BLOCK_SIZE(s)))
			refuse_state(CONFUSION);
	}
	PG_RETURN_POINTER(confusion_add(s, actual, predicted, 1));
}

AIAAS_FUNCTION(aiaas_confusion_combine);
Datum
aiaas_confusion_combine(PG_FUNCTION_ARGS)
{
	const ml_confusion *from = confusion_argument(fcinfo, 1);
	state	   *s;
	size_t		need;

	(void) confusion_argument(fcinfo, 0);
	s = state_to_write(fcinfo);
	while ((need = ml_confusion_merge((ml_confusion *) s->block, STATE_BLOCK_SIZE(s), from)) != 0)
		s = state_copy(s, need);
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
		return float8_or_null(fcinfo, metric(confusion_argument(fcinfo, 0) __VA_ARGS__)); \
	} \
	extern Datum name(PG_FUNCTION_ARGS)

static const ml_text averaged = {NULL, 0};

CONFUSION_FINAL(aiaas_confusion_accuracy, ml_confusion_accuracy);
CONFUSION_FINAL(aiaas_confusion_precision, ml_confusion_precision,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_recall, ml_confusion_recall,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_f1, ml_confusion_f1,, averaged, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_precision_label, ml_confusion_precision,, is_it, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_recall_label, ml_confusion_recall,, is_it, ML_MACRO);
CONFUSION_FINAL(aiaas_confusion_f1_label, ml_confusion_f1,, is_it, ML_MACRO);

/*
 * aiaas.auc_state: [bits lost, ["key in hexadecimal", positives, negatives], ...]
 */
#define AUC "aiaas.auc_state"

static state *
auc_create(void)
{
	size_t		size = ml_auc_init(NULL, 0);
	state	   *s = state_create(size);

	ml_auc_init(s->block, size);
	return s;
}

static state *
auc_add_bin(state *s, unsigned shift, const ml_auc_bin *bin)
{
	size_t		need;

	while ((need = ml_auc_add_bin((ml_auc *) s->block, STATE_BLOCK_SIZE(s), shift, bin)) != 0)
		s = state_copy(s, need);
	return s;
}

static const ml_auc *
auc_argument(FunctionCallInfo fcinfo, int i)
{
	state	   *s = (state *) PG_GETARG_POINTER(i);

	if (!ml_auc_check(s->block, STATE_BLOCK_SIZE(s)))
		refuse_state(AUC);
	return (ml_auc *) s->block;
}

static bool
json_bin(JsonbContainer *bins, int i, ml_auc_bin *bin)
{
	JsonbContainer *tuple = json_tuple(bins, i, 3);
	JsonbValue *key = tuple ? json_element(tuple, 0, jbvString) : NULL;
	char		digits[17];
	char	   *end;

	if (key == NULL || key->val.string.len < 1 || key->val.string.len > 16 ||
		!json_count(tuple, 1, &bin->positives) || !json_count(tuple, 2, &bin->negatives))
		return false;
	memcpy(digits, key->val.string.val, key->val.string.len);
	digits[key->val.string.len] = '\0';
	if (strspn(digits, "0123456789abcdef") != key->val.string.len)
		return false;
	bin->key = strtou64(digits, &end, 16);
	return true;
}

AIAAS_FUNCTION(aiaas_auc_in);
Datum
aiaas_auc_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *bins = json_array(PG_GETARG_CSTRING(0), AUC);
	state	   *s = auc_create();
	int64		shift;

	if (!json_count(bins, 0, &shift) || shift > 63)
		refuse_syntax(AUC, "The first element must be an integer from 0 to 63.");
	for (int i = 1; i < JsonContainerSize(bins); i++)
	{
		ml_auc_bin	bin;

		CHECK_FOR_INTERRUPTS();
		if (!json_bin(bins, i, &bin) || !ml_auc_bin_valid((unsigned) shift, &bin))
			refuse_syntax(AUC, "Each further element must be [\"key in hexadecimal\", positives, negatives].");
		s = auc_add_bin(s, (unsigned) shift, &bin);
	}
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_out);
Datum
aiaas_auc_out(PG_FUNCTION_ARGS)
{
	const ml_auc *auc = auc_argument(fcinfo, 0);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "[%u", ml_auc_shift(auc));
	for (uint32 i = 0; i < ml_auc_nbins(auc); i++)
	{
		ml_auc_bin	bin = ml_auc_get(auc, i);

		appendStringInfo(&out, ", [\"%016" INT64_MODIFIER "x\", " INT64_FORMAT ", " INT64_FORMAT "]",
						 bin.key, bin.positives, bin.negatives);
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_CSTRING(out.data);
}

AIAAS_FUNCTION(aiaas_auc_recv);
Datum
aiaas_auc_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	state	   *s = auc_create();
	unsigned	shift = pq_getmsgint(message, 4);
	int			bins = pq_getmsgint(message, 4);

	if (bins < 0)
		refuse_binary(AUC);
	for (int i = 0; i < bins; i++)
	{
		ml_auc_bin	bin;

		CHECK_FOR_INTERRUPTS();
		bin.key = (uint64) pq_getmsgint64(message);
		bin.positives = pq_getmsgint64(message);
		bin.negatives = pq_getmsgint64(message);
		if (!ml_auc_bin_valid(shift, &bin))
			refuse_binary(AUC);
		s = auc_add_bin(s, shift, &bin);
	}
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_send);
Datum
aiaas_auc_send(PG_FUNCTION_ARGS)
{
	const ml_auc *auc = auc_argument(fcinfo, 0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, ml_auc_shift(auc));
	pq_sendint32(&message, ml_auc_nbins(auc));
	for (uint32 i = 0; i < ml_auc_nbins(auc); i++)
	{
		ml_auc_bin	bin = ml_auc_get(auc, i);

		pq_sendint64(&message, bin.key);
		pq_sendint64(&message, bin.positives);
		pq_sendint64(&message, bin.negatives);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * Transition function of ROC AUC: (state, actual boolean, score float8).
 */
AIAAS_FUNCTION(aiaas_auc_accum);
Datum
aiaas_auc_accum(PG_FUNCTION_ARGS)
{
	state	   *s;
	bool		actual;
	double		score;
	size_t		need;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	actual = PG_GETARG_BOOL(1);
	score = PG_GETARG_FLOAT8(2);
	if (isnan(score))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score of aiaas_roc_auc must not be NaN")));
	if (PG_ARGISNULL(0))
		s = auc_create();
	else
	{
		(void) auc_argument(fcinfo, 0);
		s = state_to_write(fcinfo);
	}
	while ((need = ml_auc_add((ml_auc *) s->block, STATE_BLOCK_SIZE(s), actual, score)) != 0)
		s = state_copy(s, need);
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_combine);
Datum
aiaas_auc_combine(PG_FUNCTION_ARGS)
{
	const ml_auc *from = auc_argument(fcinfo, 1);
	state	   *s;
	size_t		need;

	(void) auc_argument(fcinfo, 0);
	s = state_to_write(fcinfo);
	while ((need = ml_auc_merge((ml_auc *) s->block, STATE_BLOCK_SIZE(s), from)) != 0)
		s = state_copy(s, need);
	PG_RETURN_POINTER(s);
}

AIAAS_FUNCTION(aiaas_auc_final);
Datum
aiaas_auc_final(PG_FUNCTION_ARGS)
{
	state	   *s = (state *) PG_GETARG_POINTER(0);

	/* the value is worked out on sorted bins: of a copy */
	(void) auc_argument(fcinfo, 0);
	s = state_copy(s, STATE_BLOCK_SIZE(s));
	return float8_or_null(fcinfo, ml_auc_value((ml_auc *) s->block));
}

/*
 * aiaas.log_loss_state, of fixed length: [count, sum, correction]
 */
#define LOG_LOSS "aiaas.log_loss_state"

static ml_log_loss *
log_loss_checked(ml_log_loss loss)
{
	ml_log_loss *result;

	if (loss.count < 0 || !isfinite(loss.sum) || !isfinite(loss.correction))
		return NULL;
	result = palloc_object(ml_log_loss);
	*result = loss;
	return result;
}

static bool
json_float(JsonbContainer *array, int i, double *value)
{
	JsonbValue *found = json_element(array, i, jbvNumeric);

	if (found == NULL)
		return false;
	/* what is out of range becomes an infinity */
	*value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(found->val.numeric)));
	return true;
}

AIAAS_FUNCTION(aiaas_log_loss_in);
Datum
aiaas_log_loss_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *array = json_array(PG_GETARG_CSTRING(0), LOG_LOSS);
	ml_log_loss loss;
	ml_log_loss *result = NULL;

	if (JsonContainerSize(array) == 3 && json_count(array, 0, &loss.count) &&
		json_float(array, 1, &loss.sum) && json_float(array, 2, &loss.correction))
		result = log_loss_checked(loss);
	if (result == NULL)
		refuse_syntax(LOG_LOSS, "It must be [count, sum, correction].");
	PG_RETURN_POINTER(result);
}

AIAAS_FUNCTION(aiaas_log_loss_out);
Datum
aiaas_log_loss_out(PG_FUNCTION_ARGS)
{
	ml_log_loss *loss = (ml_log_loss *) PG_GETARG_POINTER(0);

	PG_RETURN_CSTRING(psprintf("[" INT64_FORMAT ", %.17g, %.17g]",
							   loss->count, loss->sum, loss->correction));
}

AIAAS_FUNCTION(aiaas_log_loss_recv);
Datum
aiaas_log_loss_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	ml_log_loss loss;
	ml_log_loss *result;

	loss.count = pq_getmsgint64(message);
	loss.sum = pq_getmsgfloat8(message);
	loss.correction = pq_getmsgfloat8(message);
	result = log_loss_checked(loss);
	if (result == NULL)
		refuse_binary(LOG_LOSS);
	PG_RETURN_POINTER(result);
}

AIAAS_FUNCTION(aiaas_log_loss_send);
Datum
aiaas_log_loss_send(PG_FUNCTION_ARGS)
{
	ml_log_loss *loss = (ml_log_loss *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, loss->count);
	pq_sendfloat8(&message, loss->sum);
	pq_sendfloat8(&message, loss->correction);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

static ml_log_loss *
log_loss_to_write(FunctionCallInfo fcinfo)
{
	ml_log_loss *loss;

	if (!PG_ARGISNULL(0) && AggCheckCallContext(fcinfo, NULL))
		return (ml_log_loss *) PG_GETARG_POINTER(0);
	loss = palloc0_object(ml_log_loss);
	if (!PG_ARGISNULL(0))
		*loss = *(ml_log_loss *) PG_GETARG_POINTER(0);
	return loss;
}

/*
 * Transition function of log loss: (state, actual boolean, probability float8).
 */
AIAAS_FUNCTION(aiaas_log_loss_accum);
Datum
aiaas_log_loss_accum(PG_FUNCTION_ARGS)
{
	ml_log_loss *loss;
	double		probability;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	probability = PG_GETARG_FLOAT8(2);
	if (!(probability >= 0 && probability <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability of aiaas_log_loss must be between 0 and 1")));
	loss = log_loss_to_write(fcinfo);
	ml_log_loss_add(loss, PG_GETARG_BOOL(1) ? probability : 1 - probability);
	PG_RETURN_POINTER(loss);
}

AIAAS_FUNCTION(aiaas_log_loss_combine);
Datum
aiaas_log_loss_combine(PG_FUNCTION_ARGS)
{
	ml_log_loss *loss = log_loss_to_write(fcinfo);

	ml_log_loss_merge(loss, (ml_log_loss *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(loss);
}

AIAAS_FUNCTION(aiaas_log_loss_final);
Datum
aiaas_log_loss_final(PG_FUNCTION_ARGS)
{
	return float8_or_null(fcinfo, ml_log_loss_value((ml_log_loss *) PG_GETARG_POINTER(0)));
}
