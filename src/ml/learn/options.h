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
#include "feature/summary.h"

typedef enum ml_task
{
	ML_CLASSIFICATION,
	ML_REGRESSION
} ml_task;

#define ML_TASK(task) (UINT32_C(1) << (task))

typedef enum ml_loss
{
	ML_LOSS_SQUARED_HINGE,
	ML_LOSS_LOGISTIC,
	ML_LOSS_HINGE,
	ML_LOSS_SQUARED_ERROR,
	ML_LOSS_EPSILON_INSENSITIVE,
	ML_LOSS_SQUARED_EPSILON_INSENSITIVE
} ml_loss;

typedef enum ml_penalty
{
	ML_PENALTY_NONE,
	ML_PENALTY_L2,
	ML_PENALTY_L1,
	ML_PENALTY_ELASTIC_NET
} ml_penalty;

typedef enum ml_svm_kernel
{
	ML_SVM_LINEAR,
	ML_SVM_RBF,
	ML_SVM_POLYNOMIAL
} ml_svm_kernel;

typedef enum ml_optimizer
{
	ML_OPTIMIZER_SGD,			/* batch_size rows a step */
	ML_OPTIMIZER_FULL_BATCH,	/* all rows a step */
	ML_OPTIMIZER_MOMENTUM,
	ML_OPTIMIZER_ADAM
} ml_optimizer;

typedef enum ml_holdout
{
	ML_HOLDOUT_RANDOM,			/* "holdout": 0.2 */
	ML_HOLDOUT_FLAG,			/* "holdout": "column": a boolean */
	ML_HOLDOUT_TIME				/* "holdout": {"column": "c", "fraction": 0.2} */
} ml_holdout;

/* "columns": {"carrier": "category", "delay": {"role": "number", "impute": 0}} */
typedef struct ml_column_option
{
	ml_text		name;
	ml_role		role;			/* AUTO: not said */
	bool		has_fill;
	double		fill;
} ml_column_option;

/* What is learnt from: a text classifier, a table, one with columns of text, of series, or both; a network's is none of the first. */
typedef enum ml_subject
{
	ML_SUBJECT_TEXT = 1,
	ML_SUBJECT_TABLE = 2,
	ML_SUBJECT_MIXED = ML_SUBJECT_TABLE | 4,
	ML_SUBJECT_SERIES = ML_SUBJECT_TABLE | 8,
	ML_SUBJECT_BOTH = ML_SUBJECT_MIXED | ML_SUBJECT_SERIES
} ml_subject;

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

/* "precision" of a network's training. */
typedef enum ml_precision
{
	ML_PRECISION_F32,
	ML_PRECISION_BF16			/* factors of products are rounded to bfloat16; sums and weights are not */
} ml_precision;

typedef enum ml_on_error
{
	ML_ON_ERROR_FAIL,
	ML_ON_ERROR_SKIP
} ml_on_error;

/* What only networks take.  JSON values are as the user wrote them; absent: by itself. */
typedef struct ml_network_options
{
	ml_text		layers;			/* JSON (graph/network.h) */
	ml_text		preset;			/* option "network" */
	ml_text		loss;			/* JSON: a name, or an object with "type" */
	ml_text		optimizer;		/* JSON (learn/optimizer.h) */
	double		validation;		/* share of the rows that learn which choose the epoch; 0 = none */
	ml_text		validation_source;	/* or the name of a boolean column, or another source */
	int			patience;		/* epochs without improvement after which training ends; 0 = none */
	ml_precision precision;
	uint64_t	memory;			/* bytes; 0: the trainer's caller's */
	int			checkpoint;		/* epochs between commits; 0 = none */
	int			continue_from;	/* version; 0 = none */
	bool		verbose;		/* a NOTICE for each epoch */
	int			vocabulary;		/* numbers of words, padding and unknown included; 0 = by the layers */
	int			max_length;		/* words of a text, steps of a series that are looked at; 0 = not said, and there are series */
	int			pad;			/* all texts and series are made this long; 0 = none */
	ml_text		images;			/* JSON: {"column": {"height": ..., "width": ..., "channels": ...}} */
	ml_on_error on_error;
} ml_network_options;

#define ML_WORDS_LOOKED_AT	256	/* of a text, when "max_length" is not given */

#define ML_OPTIONS_MAX	128		/* rows of the table */

typedef struct ml_options
{
	ml_text		algorithm;		/* a learner's name; "auto" until settled */
	uint64_t	given[ML_OPTIONS_MAX / 64]; /* bit i: option i of the table was given */
	ml_subject	subject;		/* by the algorithm until settled, as the task */
	bool		has_task;		/* option "task" */
	ml_task		task;
	ml_text		positive;		/* label of class 1 of two, or absent */
	ml_loss		loss;
	bool		has_loss;		/* option "loss" */
	ml_recipe	recipe;			/* columns are filled in by the trainer; min_df
								 * 0 = by the number of rows */
	double		char_weight;	/* factor on the idf of character n-grams */
	/* tables: what columns are, and how their values become features */
	uint32_t	ncolumn_options;
	const ml_column_option *column_options;
	ml_tabular_options tabular; /* time_zone is the trainer's caller's */

	ml_penalty	penalty;
	double		alpha;			/* linear_regression: strength of the penalty, as scikit-learn's ElasticNet */
	double		c;				/* inverse strength of the penalty, as scikit-learn's C */
	double		l1_ratio;		/* 0 = L2; > 0 with logistic only */
	ml_svm_kernel svm_kernel;
	double		gamma;			/* 0 = 1 / (features x variance), as scikit-learn's scale */
	int			degree;
	double		coef0;
	double		epsilon;		/* width of the tube of epsilon-insensitive losses */
	int			cache;			/* MB of the kernel's cache; 0 = by itself */
	ml_optimizer optimizer;		/* gradient_descent */
	double		learning_rate;
	double		momentum;
	double		beta1;
	double		beta2;
	int			batch_size;
	bool		warm_start;		/* begin at the live version's weights */
	int			epochs;			/* most passes; fewer when converged or stopped early */
	double		tolerance;		/* see the solvers: largest gradient left */
	bool		early_stopping;
	bool		shuffle;
	uint64_t	seed;
	double		holdout;		/* fraction; 0 = none */
	ml_holdout	holdout_by;
	ml_text		holdout_column; /* FLAG and TIME */
	ml_text		groups;			/* cross-validation: rows equal in this column stay together, or absent */
	bool		balanced;		/* class_weight: "balanced" */
	uint32_t	nclass_weights;
	const ml_class_weight *class_weights;
	ml_text		weights;		/* name of a column of row weights, or absent */
	double		prune;			/* weights below this share of the largest go */
	ml_deploy	deploy;			/* for the caller; the engine ignores it */
	ml_network_options network;
} ml_options;

/*
 * algorithm: "auto" or a learner's name.  json: an object.  Strings of the
 * result live in the arena.  What depends on task and subject is as if svm and
 * logistic_regression (and auto: svm) were to learn from texts, the others
 * from a table.
 */
extern ml_status ml_options_read(ml_context *ctx, ml_arena *arena, ml_text algorithm,
								 ml_text json, ml_options *options);

/* {"layers": ..., "network": ..., "loss": ...} of what was given: a specification (graph/network.h). */
extern ml_status ml_options_write_spec(ml_context *ctx, const ml_network_options *options, ml_buffer *json);

/*
 * Of algorithm network: what loss and layers say of the task, if they say
 * anything; they are read for that, so their mistakes are told.  ML_BAD_OPTION
 * also: option "task" says otherwise.
 */
extern ml_status ml_options_network_task(ml_context *ctx, const ml_options *options, bool *has_task,
										 ml_task *task);

/*
 * Task and subject are known: decide what auto is, set the defaults that
 * depend on them, and refuse options that do nothing.  May be called again.
 */
extern ml_status ml_options_settle(ml_context *ctx, ml_options *options, ml_task task,
								   ml_subject subject);

/*
 * True when options and roles ask for a text classifier; false: for a model
 * of a table.  Roles are decided, to be ignored or not.
 */
extern bool ml_options_text(const ml_options *options, ml_task task, const ml_column *columns,
							uint32_t ncolumns);

/*
 * Put what the option "columns" says into roles and fills.  ML_BAD_OPTION: no
 * column has that name, its type can't have that role.
 */
extern ml_status ml_options_apply_columns(ml_context *ctx, const ml_options *options,
										  ml_column *columns, uint32_t ncolumns);

/* Was the option of that name given? */
extern bool ml_options_given(const ml_options *options, const char *name);

/* Those that apply, with their values, as JSON: stored as how a version was made. */
extern ml_status ml_options_write(ml_context *ctx, const ml_options *options, ml_buffer *json);

/* For documentation: row i of the table, false past the end. */
typedef struct ml_option_text
{
	ml_text		name;
	ml_text		type;
	ml_text		initial;
	ml_text		with;			/* who takes it; "": all */
	ml_text		text;
} ml_option_text;

extern bool ml_options_describe(int i, ml_option_text *text);

#endif							/* ML_OPTIONS_H */
