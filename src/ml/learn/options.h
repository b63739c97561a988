/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The options of aiaas_train, one table: name, type, range, default, who
 *	  takes it, one line of documentation.
 *
 * The table is the only place that knows an option; the README's reference is
 * held to it (test_options).  Errors are ML_BAD_OPTION
 * and say what is right; a near miss gets a hint.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OPTIONS_H
#define ML_OPTIONS_H

#include "base/json.h"
#include "feature/recipe.h"

typedef enum ml_loss
{
	ML_LOSS_SQUARED_HINGE,
	ML_LOSS_LOGISTIC
} ml_loss;

typedef enum ml_deploy
{
	ML_DEPLOY_YES,
	ML_DEPLOY_NO,
	ML_DEPLOY_IF_BETTER
} ml_deploy;

typedef struct ml_class_weight
{
	ml_text		label;
	double		weight;
} ml_class_weight;

typedef struct ml_options
{
	ml_loss		loss;			/* from algorithm: svm, logistic_regression */
	ml_recipe	recipe;			/* columns are filled in by the trainer; min_df
								 * 0 = by the number of rows */
	double		char_weight;	/* factor on the idf of character n-grams */
	double		c;				/* inverse strength of the penalty, as scikit-learn's C */
	double		l1_ratio;		/* 0 = L2; > 0 with logistic only */
	int			epochs;			/* most passes; fewer when converged or stopped early */
	double		tolerance;		/* see the solvers: largest gradient left */
	bool		early_stopping;
	bool		shuffle;
	uint64_t	seed;
	double		holdout;		/* fraction; 0 = none */
	bool		balanced;		/* class_weight: "balanced" */
	uint32_t	nclass_weights;
	const ml_class_weight *class_weights;
	ml_text		weights;		/* name of a column of row weights, or absent */
	double		prune;			/* weights below this share of the largest go */
	ml_deploy	deploy;			/* for the caller; the engine ignores it */
} ml_options;

/* The name of the algorithm that learns with a loss. */
extern const char *ml_algorithm_name(ml_loss loss);

/*
 * algorithm: "auto", "svm", "logistic_regression".  json: an object.
 * Strings of the result live in the arena.
 */
extern ml_status ml_options_read(ml_context *ctx, ml_arena *arena, ml_text algorithm,
								 ml_text json, ml_options *options);

/* All of them with their values, as JSON: stored as how a version was made. */
extern ml_status ml_options_write(ml_context *ctx, const ml_options *options, ml_buffer *json);

/* For documentation: row i of the table, false past the end. */
extern bool ml_options_describe(int i, ml_text *name, ml_text *type,
								ml_text *initial, ml_text *text);

#endif							/* ML_OPTIONS_H */
