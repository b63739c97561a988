/*-------------------------------------------------------------------------
 *
 * judge.h
 *	  How good a version is: what training stored of it, or its answers for
 *	  the rows of a source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_JUDGE_H
#define AIAAS_JUDGE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "aggregate.h"
#include "callsite.h"
#include "catalog.h"

/*
 * Let the version of the call site answer for the rows of a source, as the
 * current user; the plan may be parallel.  ERROR when there is no row to judge
 * by.  Labels that the model doesn't know are told.
 */
extern aggregate_judgement *judge_source(callsite_model *model, const char *source);

/* ERROR 0A000 unless it is a classifier; unless it has two labels. */
extern void judge_require_labels(callsite_model *model, const char *function);
extern void judge_require_two_labels(callsite_model *model, const char *function);

/* The report of the live version's training. */
extern JsonbContainer *judge_report(Oid model, catalog_version *version);

/* A part of it, or an error that says how to measure. */
extern JsonbContainer *judge_figures(JsonbContainer *report, const catalog_version *version,
									 const char *key, const char *what, const char *why_not,
									 const char *function);

#endif							/* AIAAS_JUDGE_H */
