/*-------------------------------------------------------------------------
 *
 * train.h
 *	  One training of a model, as the files of aiaas_train share it.
 *
 * train_open.c settles what can be settled without a row, train_columns.c which
 * columns are read and train_task.c what is learnt, train_read.c reads and
 * fits, train_deploy.c deploys; fn_fit.c does the same in several transactions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_TRAIN_H
#define AIAAS_TRAIN_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

#include "bridge.h"
#include "manifest.h"
#include "source.h"

typedef struct train_state
{
	manifest_recipe recipe;
	bool		repeated;		/* the recipe is that of an earlier version */
	source	   *source;
	source_want want;
	source	   *validation;		/* rows that choose a network's epoch, where they are not the source's; or NULL */
	source_want validation_want;
	ml_column  *columns;		/* [want.ninputs]; want.columns */
	ml_task		task;
	bool		asked;			/* for the task, by the option or by an earlier version */
	Oid			model;			/* InvalidOid: to be created */
	char	   *name;			/* as a user writes it */
	TimestampTz started;

	bridge	   *b;
	ml_arena	arena;			/* of the options */
	ml_options	options;
	ml_trainer *trainer;
	ml_gram    *sums;			/* in place of rows, or NULL */
	int32		checkpoint;		/* a version that the new one replaces; 0: none */
	ml_buffer	stored;
	ml_buffer	report;

	Jsonb	   *manifest;
	int32		version;
} train_state;

pg_noreturn extern void train_refuse_null(const char *argument);
extern ml_text train_engine_text(const char *string);

/*
 * From the arguments (source, target, model, features, algorithm, options) what
 * can be settled without a row: source, rights, options, columns, task.
 * commits: checkpoints are possible.
 */
extern void train_open(train_state *t, FunctionCallInfo fcinfo, bool commits);

/* ERROR unless the model may be trained so: with checkpoints each replaces the one before. */
extern void train_require_rights(const train_state *t);

/* The bridge, and the options of the recipe. */
extern void train_read_options(train_state *t);

/* Settle which columns are read, and the task; target and features may be NULL. */
extern void train_choose_columns(train_state *t, const char *target, ArrayType *features);

/* The option "validation": a column, or another source, which is opened; its columns, once those of the first are known. */
extern void train_find_validation(train_state *t);
extern void train_match_validation(train_state *t);

/* Read the other source, if there is one; all its rows are marked as validating. */
extern void train_read_validation(train_state *t, source_sink sink, void *state);

/*
 * What is learnt of the target: labels or numbers.  Why, as a sentence, where
 * that is not obvious; else NULL.
 */
extern char *train_choose_task(train_state *t);

/*
 * Read the source and fit; as_owner: as the model's owner, because the source
 * is a stored one.  Fills in what is stored and the report.
 */
extern void train_learn(train_state *t, bool as_owner);

/*
 * The same in steps, which may lie in different transactions: all that stays
 * is in the memory context of the first and in the bridge's temporary file.
 * Close in any case.
 */
extern void train_read(train_state *t, bool as_owner);
extern void train_finish(train_state *t);
extern void train_close(train_state *t);

/* text[] of the strings. */
extern ArrayType *train_text_array(char **strings, int n);

/* Show it in aiaas.training_progress. */
extern void train_start_progress(const train_state *t);

/* The manifest of what is stored. */
extern void train_describe(train_state *t);

/*
 * The same to judge: values[fold * ML_METRICS_MAX + i] is metric i of
 * ml_metric_names, rows[fold].
 */
extern void train_cross_validate(train_state *t, int folds, double *values, uint64 *rows);

/* Describe the source as the model's owner. */
extern void train_open_stored(train_state *t, const char *source, const char *target,
							  ArrayType *features);

/* Drop the checkpoint that the new version replaces, if that is permitted. */
extern void train_drop_checkpoint(train_state *t);

/* Deploy the new version unless the options or missing rights say otherwise. */
extern void train_deploy(const train_state *t);

/* ERROR unless versions can be compared, where "deploy" is "if_better". */
extern void train_check_comparable(const train_state *t);

/*
 * The version whose recipe is repeated or shown: the live one, or, if none is
 * live, the newest.
 */
extern int32 train_recent_version(Oid model, Snapshot snapshot);

#endif							/* AIAAS_TRAIN_H */
