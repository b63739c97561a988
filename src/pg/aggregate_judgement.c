/*-------------------------------------------------------------------------
 *
 * aggregate_judgement.c
 *	  aiaas.judgement(model, version, actual, names, columns ...): what is known
 *	  of a version's answers for rows; aiaas_evaluate and its kin are made from
 *	  it, by a query that may run in parallel.
 *
 * The state holds those of the metric aggregates: the means of log loss and
 * Brier score and the sums of a regression's errors as they are, behind them
 * the states of confusion and of scores, each with its varlena header.  Its
 * text is [log loss, Brier score, regression, confusion, scores], each as its
 * own type writes it; its binary form has theirs, one after the other.
 *
 * Scores are, for two labels, the probabilities of the positive one, and for
 * regressions absolute errors.  A label that the model doesn't know can only be
 * answered wrongly: it counts in all but the scores.
 *
 * Rows whose actual value is NULL or that have nothing but NULLs for the model
 * say nothing and don't count, as in training.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "aggregate.h"
#include "callsite.h"
#include "document.h"

#define JUDGEMENT "aiaas.judgement_state"

struct aggregate_judgement
{
	int32		vl_len_;
	uint32		reserved;
	ml_log_loss log_loss;
	ml_mean		brier;
	ml_regression regression;
	char		parts[FLEXIBLE_ARRAY_MEMBER];	/* two states, each 8-byte aligned */
};

#define PARTS offsetof(aggregate_judgement, parts)
#define PART_MIN offsetof(aggregate_state, block)

static aggregate_state *
confusion_of(aggregate_judgement *j)
{
	return (aggregate_state *) j->parts;
}

static aggregate_state *
scores_of(aggregate_judgement *j)
{
	return (aggregate_state *) (j->parts + MAXALIGN(VARSIZE(confusion_of(j))));
}

/*
 * A state with the fixed part of another and these two.
 */
static aggregate_judgement *
assemble(const aggregate_judgement *fixed, const aggregate_state *confusion, const aggregate_state *scores)
{
	Size		size = PARTS + MAXALIGN(VARSIZE(confusion)) + VARSIZE(scores);
	aggregate_judgement *result;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of aggregate exceeds 1 GB"),
				 errdetail("It holds every distinct label and pair of labels once.")));
	result = palloc0(size);
	memcpy(result, fixed, PARTS);
	SET_VARSIZE(result, size);
	memcpy(result->parts, confusion, VARSIZE(confusion));
	memcpy(scores_of(result), scores, VARSIZE(scores));
	return result;
}

static aggregate_judgement *
judgement_create(void)
{
	size_t		confusion_size = ml_confusion_init(NULL, 0);
	size_t		scores_size = ml_auc_init(NULL, 0);
	aggregate_state *confusion = aggregate_create(confusion_size);
	aggregate_state *scores = aggregate_create(scores_size);
	aggregate_judgement fixed = {0};

	ml_confusion_init(confusion->block, confusion_size);
	ml_auc_init(scores->block, scores_size);
	return assemble(&fixed, confusion, scores);
}

static aggregate_judgement *
judgement_checked(Datum value)
{
	aggregate_judgement *j = (aggregate_judgement *) DatumGetPointer(value);
	Size		size = VARSIZE(j);
	aggregate_state *scores;

	if (size < PARTS + 2 * PART_MIN ||
		VARSIZE(confusion_of(j)) < PART_MIN || VARSIZE(confusion_of(j)) > size - PARTS - PART_MIN)
		aggregate_refuse_state(JUDGEMENT);
	scores = scores_of(j);
	if ((char *) scores + PART_MIN > (char *) j + size || VARSIZE(scores) < PART_MIN ||
		(char *) scores + VARSIZE(scores) > (char *) j + size ||
		!ml_confusion_check(confusion_of(j)->block, AGGREGATE_BLOCK_SIZE(confusion_of(j))) ||
		!ml_auc_check(scores->block, AGGREGATE_BLOCK_SIZE(scores)))
		aggregate_refuse_state(JUDGEMENT);
	return j;
}

/* Argument 0, which may be changed. */
static aggregate_judgement *
judgement_to_write(FunctionCallInfo fcinfo)
{
	aggregate_judgement *j = judgement_checked(PG_GETARG_DATUM(0));

	return AggCheckCallContext(fcinfo, NULL) ? j : assemble(j, confusion_of(j), scores_of(j));
}

static aggregate_judgement *
grow_confusion(aggregate_judgement *j, size_t size)
{
	return assemble(j, aggregate_copy(confusion_of(j), size), scores_of(j));
}

/* The scores lie at the end; of megabytes every further copy would tell. */
static aggregate_judgement *
grow_scores(aggregate_judgement *j, size_t size)
{
	Size		before = (char *) scores_of(j)->block - (char *) j;
	aggregate_judgement *result = palloc(before + size);

	memcpy(result, j, VARSIZE(j));
	memset((char *) result + VARSIZE(j), 0, before + size - VARSIZE(j));
	SET_VARSIZE(result, before + size);
	SET_VARSIZE(scores_of(result), offsetof(aggregate_state, block) + size);
	return result;
}

aggregate_judgement *
aggregate_judgement_of(Datum state)
{
	return judgement_checked(state);
}

const ml_confusion *
aggregate_judgement_confusion(aggregate_judgement *j)
{
	return (ml_confusion *) confusion_of(j)->block;
}

ml_auc *
aggregate_judgement_scores(aggregate_judgement *j)
{
	return (ml_auc *) scores_of(j)->block;
}

int64
aggregate_judgement_rows(aggregate_judgement *j)
{
	int64		labels = ml_confusion_total(aggregate_judgement_confusion(j));

	return labels > 0 ? labels : j->regression.count;
}

int
aggregate_judgement_metrics(aggregate_judgement *j, ml_metric metrics[ML_METRICS_MAX])
{
	if (j->regression.count > 0)
		return ml_regression_metrics(&j->regression, aggregate_judgement_scores(j), metrics);
	return ml_metrics(aggregate_judgement_confusion(j), &j->log_loss, &j->brier,
					  aggregate_judgement_scores(j), metrics);
}

/*
 * Text and binary forms
 */
typedef struct part
{
	PGFunction	in;
	PGFunction	out;
	PGFunction	recv;
	PGFunction	send;
} part;

enum
{
	LOG_LOSS, BRIER, REGRESSION, CONFUSION, SCORES,
	NPARTS
};

static const part parts[NPARTS] = {
	{aiaas_log_loss_in, aiaas_log_loss_out, aiaas_log_loss_recv, aiaas_log_loss_send},
	{aiaas_mean_in, aiaas_mean_out, aiaas_mean_recv, aiaas_mean_send},
	{aiaas_regression_in, aiaas_regression_out, aiaas_regression_recv, aiaas_regression_send},
	{aiaas_confusion_in, aiaas_confusion_out, aiaas_confusion_recv, aiaas_confusion_send},
	{aiaas_auc_in, aiaas_auc_out, aiaas_auc_recv, aiaas_auc_send}
};

static aggregate_judgement *
put_together(Datum values[NPARTS])
{
	aggregate_judgement fixed = {0};

	fixed.log_loss = *(ml_log_loss *) DatumGetPointer(values[LOG_LOSS]);
	fixed.brier = *(ml_mean *) DatumGetPointer(values[BRIER]);
	fixed.regression = *(ml_regression *) DatumGetPointer(values[REGRESSION]);
	return assemble(&fixed, (aggregate_state *) DatumGetPointer(values[CONFUSION]),
					(aggregate_state *) DatumGetPointer(values[SCORES]));
}

static void
take_apart(aggregate_judgement *j, Datum values[NPARTS])
{
	values[LOG_LOSS] = PointerGetDatum(&j->log_loss);
	values[BRIER] = PointerGetDatum(&j->brier);
	values[REGRESSION] = PointerGetDatum(&j->regression);
	values[CONFUSION] = PointerGetDatum(confusion_of(j));
	values[SCORES] = PointerGetDatum(scores_of(j));
}

AIAAS_FUNCTION(aiaas_judgement_in);
Datum
aiaas_judgement_in(PG_FUNCTION_ARGS)
{
	JsonbContainer *array = aggregate_json(PG_GETARG_CSTRING(0), JUDGEMENT);
	Datum		values[NPARTS];

	for (int i = 0; i < NPARTS; i++)
	{
		JsonbContainer *inside = document_inside(document_element(array, i, jbvBinary));

		if (inside == NULL || JsonContainerSize(array) != NPARTS)
			aggregate_refuse_text(JUDGEMENT, "It must be [log loss, Brier score, regression, confusion, scores], each of them an array.");
		values[i] = DirectFunctionCall1(parts[i].in, CStringGetDatum(JsonbToCString(NULL, inside, 0)));
	}
	PG_RETURN_POINTER(put_together(values));
}

AIAAS_FUNCTION(aiaas_judgement_out);
Datum
aiaas_judgement_out(PG_FUNCTION_ARGS)
{
	Datum		values[NPARTS];
	StringInfoData out;

	take_apart(judgement_checked(PG_GETARG_DATUM(0)), values);
	initStringInfo(&out);
	for (int i = 0; i < NPARTS; i++)
	{
		appendStringInfoString(&out, i == 0 ? "[" : ", ");
		appendStringInfoString(&out, DatumGetCString(DirectFunctionCall1(parts[i].out, values[i])));
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_CSTRING(out.data);
}

AIAAS_FUNCTION(aiaas_judgement_recv);
Datum
aiaas_judgement_recv(PG_FUNCTION_ARGS)
{
	Datum		values[NPARTS];

	for (int i = 0; i < NPARTS; i++)
		values[i] = DirectFunctionCall1(parts[i].recv, PG_GETARG_DATUM(0));
	PG_RETURN_POINTER(put_together(values));
}

AIAAS_FUNCTION(aiaas_judgement_send);
Datum
aiaas_judgement_send(PG_FUNCTION_ARGS)
{
	Datum		values[NPARTS];
	StringInfoData message;

	take_apart(judgement_checked(PG_GETARG_DATUM(0)), values);
	pq_begintypsend(&message);
	for (int i = 0; i < NPARTS; i++)
	{
		bytea	   *sent = DatumGetByteaP(DirectFunctionCall1(parts[i].send, values[i]));

		pq_sendbytes(&message, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * Transition function: (state, model regclass, version int, actual, names
 * text[], columns ...).  Without names the one column is a record.
 */
#define ARGUMENT_MODEL		1
#define ARGUMENT_VERSION	2
#define ARGUMENT_ACTUAL		3
#define ARGUMENT_NAMES		4
#define ARGUMENT_COLUMNS	5

static aggregate_judgement *
add_score(aggregate_judgement *j, bool positive, double score)
{
	size_t		need;

	while ((need = ml_auc_add((ml_auc *) scores_of(j)->block, AGGREGATE_BLOCK_SIZE(scores_of(j)),
							  positive, score)) != 0)
		j = grow_scores(j, need);
	return j;
}

static aggregate_judgement *
judge_label(aggregate_judgement *j, callsite_model *model, const ml_value *inputs, ml_text actual)
{
	const ml_image *image = model->pin->image;
	const double *probabilities = model->probabilities;
	int64		number = ml_image_find_label(image, actual);
	uint32		predicted;
	size_t		need;

	callsite_check(model, ml_session_predict(&model->bridge->ctx, model->session, 1, inputs, &predicted,
											 model->probabilities));
	ml_log_loss_add(&j->log_loss, number < 0 ? 0 : probabilities[number]);
	ml_mean_add(&j->brier, ml_brier_of(probabilities, model->nlabels,
									   number < 0 ? model->nlabels : (uint32) number));
	while ((need = ml_confusion_add((ml_confusion *) confusion_of(j)->block, AGGREGATE_BLOCK_SIZE(confusion_of(j)),
									actual, ml_image_label(image, predicted), 1)) != 0)
		j = grow_confusion(j, need);
	if (number >= 0 && model->nlabels == 2)
	{
		uint32		positive = ml_image_positive(image);

		j = add_score(j, number == positive, probabilities[positive]);
	}
	return j;
}

static aggregate_judgement *
judge_number(aggregate_judgement *j, callsite_model *model, const ml_value *inputs, double actual)
{
	double		predicted;

	callsite_check(model, ml_session_regress(&model->bridge->ctx, model->session, 1, inputs, &predicted));
	aggregate_require_finite(actual, predicted);
	ml_regression_add(&j->regression, actual, predicted);
	aggregate_require_sums(&j->regression);
	return add_score(j, true, fabs(actual - predicted));
}

/* How the actual value is read, worked out once. */
static value_reader *
actual_reader(callsite_model *model, FunctionCallInfo fcinfo)
{
	value_reader *reader;
	Oid			type;

	if (likely(model->actual != NULL))
		return model->actual;
	type = get_fn_expr_argtype(fcinfo->flinfo, ARGUMENT_ACTUAL);
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the actual value");
	reader = MemoryContextAllocZero(model->mcxt, sizeof(value_reader));
	if (model->task != ML_REGRESSION)
		value_reader_init_text(reader, type, model->zone, model->mcxt);
	else if (!value_reader_init(reader, type, ML_TYPE_NUMBER, ML_ROLE_NUMBER, NULL, model->mcxt) &&
			 !value_reader_init(reader, type, ML_TYPE_BOOLEAN, ML_ROLE_NUMBER, NULL, model->mcxt))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s predicts a number, but what it is judged by is of type %s", model->subject,
						format_type_be(type)),
				 errhint("Cast it in a query: SELECT arrival::double precision AS arrival, ... FROM my_table.")));
	model->actual = reader;
	return reader;
}

static const ml_value *
inputs_of_row(callsite_model *model, FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(ARGUMENT_NAMES))
		return callsite_columns(model, fcinfo, ARGUMENT_COLUMNS);
	if (PG_NARGS() != ARGUMENT_COLUMNS + 1 ||
		!type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, ARGUMENT_COLUMNS)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aiaas.judgement takes columns with their names, or one record without names")));
	return PG_ARGISNULL(ARGUMENT_COLUMNS) ? NULL :
		callsite_record(model, PG_GETARG_HEAPTUPLEHEADER(ARGUMENT_COLUMNS));
}

AIAAS_FUNCTION(aiaas_judgement_accum);
Datum
aiaas_judgement_accum(PG_FUNCTION_ARGS)
{
	callsite_model *model;
	const ml_value *inputs;
	ml_value	actual;
	aggregate_judgement *j;

	if (PG_ARGISNULL(ARGUMENT_MODEL) || PG_ARGISNULL(ARGUMENT_VERSION) || PG_ARGISNULL(ARGUMENT_ACTUAL))
		return aggregate_unchanged(fcinfo);
	model = callsite_get(fcinfo, PG_GETARG_OID(ARGUMENT_MODEL), callsite_version(PG_GETARG_INT32(ARGUMENT_VERSION)));
	actual = value_read(actual_reader(model, fcinfo), PG_GETARG_DATUM(ARGUMENT_ACTUAL), false);
	inputs = inputs_of_row(model, fcinfo);
	if (inputs == NULL || (model->task == ML_REGRESSION && isnan(actual.number)))
		return aggregate_unchanged(fcinfo);
	j = PG_ARGISNULL(0) ? judgement_create() : judgement_to_write(fcinfo);
	if (model->task == ML_REGRESSION)
		j = judge_number(j, model, inputs, actual.number);
	else
		j = judge_label(j, model, inputs, actual.text);
	PG_RETURN_POINTER(j);
}

AIAAS_FUNCTION(aiaas_judgement_combine);
Datum
aiaas_judgement_combine(PG_FUNCTION_ARGS)
{
	aggregate_judgement *from = judgement_checked(PG_GETARG_DATUM(1));
	aggregate_judgement *j = judgement_to_write(fcinfo);
	size_t		need;

	ml_log_loss_merge(&j->log_loss, &from->log_loss);
	ml_mean_merge(&j->brier, &from->brier);
	ml_regression_merge(&j->regression, &from->regression);
	aggregate_require_sums(&j->regression);
	while ((need = ml_confusion_merge((ml_confusion *) confusion_of(j)->block, AGGREGATE_BLOCK_SIZE(confusion_of(j)),
									  aggregate_judgement_confusion(from))) != 0)
		j = grow_confusion(j, need);
	while ((need = ml_auc_merge((ml_auc *) scores_of(j)->block, AGGREGATE_BLOCK_SIZE(scores_of(j)),
								aggregate_judgement_scores(from))) != 0)
		j = grow_scores(j, need);
	PG_RETURN_POINTER(j);
}
