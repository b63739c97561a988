/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  States of the metric aggregates: what their types have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_AGGREGATE_H
#define AIAAS_AGGREGATE_H

#include "compat.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "ml.h"

/* A block of the engine (learn/metric.h) as a varlena. */
typedef struct aggregate_state
{
	int32		vl_len_;
	uint32		reserved;		/* keeps the block 8-byte aligned */
	char		block[FLEXIBLE_ARRAY_MEMBER];
} aggregate_state;

#define AGGREGATE_BLOCK_SIZE(s) (VARSIZE(s) - offsetof(aggregate_state, block))

extern aggregate_state *aggregate_create(size_t size);

/* A larger copy, or one that may be written. */
extern aggregate_state *aggregate_copy(const aggregate_state *old, size_t size);

/* Argument 0, writable: itself within an aggregate, else a copy. */
extern aggregate_state *aggregate_to_write(FunctionCallInfo fcinfo);

/* A transition that changes nothing: argument 0, NULL or not. */
extern Datum aggregate_unchanged(FunctionCallInfo fcinfo);

/* NaN is NULL in SQL. */
extern Datum aggregate_result(FunctionCallInfo fcinfo, double value);

pg_noreturn extern void aggregate_refuse_state(const char *type);
pg_noreturn extern void aggregate_refuse_text(const char *type, const char *detail);
pg_noreturn extern void aggregate_refuse_binary(const char *type);

/* The text form of a state is a JSON array (document.h); a count is >= 0. */
extern JsonbContainer *aggregate_json(const char *text, const char *type);
extern bool aggregate_json_count(const JsonbContainer *array, int i, int64 *count);

/*
 * A value of type aiaas.judgement_state, what aiaas.judgement(model, version,
 * actual, names, columns ...) returns (aggregate_judgement.c).
 */
typedef struct aggregate_judgement aggregate_judgement;

extern aggregate_judgement *aggregate_judgement_of(Datum state);
extern const ml_confusion *aggregate_judgement_confusion(aggregate_judgement *j);
/* of the positive one of two labels; absolute errors of a regression */
extern ml_auc *aggregate_judgement_scores(aggregate_judgement *j);
extern int64 aggregate_judgement_rows(aggregate_judgement *j);
extern int	aggregate_judgement_metrics(aggregate_judgement *j, ml_metric metrics[ML_METRICS_MAX]);

/* Text and binary forms of the states that a judgement has in it. */
#define AGGREGATE_FORMS(name) \
	extern PGDLLEXPORT Datum name##_in(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT Datum name##_out(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT Datum name##_recv(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT Datum name##_send(PG_FUNCTION_ARGS)

AGGREGATE_FORMS(aiaas_confusion);
AGGREGATE_FORMS(aiaas_auc);
AGGREGATE_FORMS(aiaas_log_loss);
AGGREGATE_FORMS(aiaas_mean);
AGGREGATE_FORMS(aiaas_regression);

/* ERROR unless both are finite; unless sums of squares are, too. */
extern void aggregate_require_finite(double actual, double predicted);
extern void aggregate_require_sums(const ml_regression *r);

/*
 * The sums in a value of type aiaas.gram_state, what aiaas.gram(weight, y, x ...)
 * returns: a flushed copy.  ml_gram_marks tells whether rows were left out.
 */
extern ml_gram *aggregate_gram(Datum state);

#endif							/* AIAAS_AGGREGATE_H */
