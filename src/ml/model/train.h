/*-------------------------------------------------------------------------
 *
 * train.h
 *	  What the files of the trainer share.
 *
 * train.c takes rows, decides roles and hands them to one of three trainers: of
 * text classifiers (train_text.c, train_text_fit.c), of tables (train_table.c
 * and those named after it) or of networks (train_network.c and so on).  Labels (train_labels.c) and what is said of a
 * model (train_report.c) are the same for both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_H
#define ML_TRAIN_H

#include "base/mem.h"
#include "base/print.h"
#include "learn/calibrate.h"
#include "learn/linear.h"
#include "learn/metric.h"
#include "learn/options.h"
#include "model/model.h"

#define ML_LABEL_MAX	1024	/* bytes of a label */
#define ML_CLASSES_MAX	10000
#define ML_NUMBERS_MAX	100		/* labels that are numbers or times, unless the user asks for them */
#define ML_LABELS_MANY	1000	/* more are named where memory is short */

/* Cross-validation: most folds; parts of each, so that at most a fifth of what learns calibrates. */
#define ML_CROSS_FOLDS_MAX	31

static inline int
ml_cross_parts(int folds)
{
	return folds > 5 ? 1 : (folds + 3) / (folds - 1);
}

/* Labels by number, in order of their first appearance until they are sorted. */
typedef struct ml_labels
{
	ml_arena	arena;
	ml_text    *names;
	uint64_t   *rows;			/* with each label */
	size_t		names_capacity;
	size_t		rows_capacity;
	uint32_t	n;
	uint32_t   *slots;			/* open-addressed table: 1 + label, 0 = free */
	uint32_t	nslots;			/* a power of two */
} ml_labels;

extern ml_status ml_labels_open(ml_context *ctx, ml_labels *labels);
extern void ml_labels_close(ml_context *ctx, ml_labels *labels);

/* The number of a label, a new one if it wasn't seen before; row is for messages. */
extern ml_status ml_labels_find(ml_context *ctx, ml_labels *labels, ml_text label, uint64_t row,
								uint32_t *number);

/* Into C order; place[number as seen] = number from now on, in the arena. */
extern ml_status ml_labels_sort(ml_context *ctx, ml_labels *labels, uint32_t **place);

/* After that: labels that no row has left are none, and place[] follows. */
extern ml_status ml_labels_drop(ml_context *ctx, ml_labels *labels, uint32_t *place);

/* The label of that name; ML_BAD_OPTION if no row has it. */
extern ml_status ml_labels_named(ml_context *ctx, const ml_labels *labels, ml_text name,
								 const char *option, uint32_t *number);

/* Factors of the labels by the option class_weight, in the arena; NULL: all 1. */
extern ml_status ml_labels_weights(ml_context *ctx, ml_labels *labels, const ml_options *options,
								   float **weights);

/* What is known of a model's predictions for rows that it did not learn from. */
typedef struct ml_judgement
{
	uint64_t	rows;
	const ml_labels *labels;	/* NULL: regression */
	ml_confusion *confusion;
	size_t		confusion_size;
	ml_auc	   *auc;
	size_t		auc_size;
	ml_log_loss log_loss;
	ml_mean		brier;
	ml_regression regression;	/* weights are not counted, as labels are not; auc: of absolute errors */
} ml_judgement;

extern void ml_judgement_free(ml_context *ctx, ml_judgement *judgement);

/*
 * label: the true one; best: the predicted one; probability: of the true one;
 * brier: ml_brier_of; positive: for two labels, is it that one, and its score.
 */
extern ml_status ml_judge_label(ml_context *ctx, ml_judgement *judgement, uint32_t label,
								uint32_t best, double probability, double brier, bool positive,
								double score);
extern ml_status ml_judge_number(ml_context *ctx, ml_judgement *judgement, double target,
								 double prediction);
extern int	ml_judgement_metrics(ml_judgement *judgement, ml_metric metrics[ML_METRICS_MAX]);

/* The same by their places in ml_metric_names, NaN where undefined. */
extern void ml_judgement_values(ml_judgement *judgement, double values[ML_METRICS_MAX]);

/* Pieces of the report, each with ", " before it. */
extern ml_status ml_report_number(ml_context *ctx, ml_buffer *json, const char *name,
								  double value, int digits);
extern ml_status ml_report_metrics(ml_context *ctx, ml_buffer *json, ml_judgement *judgement);
extern ml_status ml_report_labels(ml_context *ctx, ml_buffer *json, const ml_labels *labels,
								  const ml_judgement *judgement);
extern ml_status ml_report_confusion(ml_context *ctx, ml_buffer *json, const ml_judgement *judgement);

/*
 * "roc_curve" and "pr_curve" of two labels, each an array of [threshold, x, y]:
 * false and true positive rate; recall and precision.  The infinite threshold
 * is null, others are probabilities: calibration says how to get one from a
 * score, NULL: scores are.
 */
extern ml_status ml_report_curves(ml_context *ctx, ml_buffer *json, ml_judgement *judgement,
								  const ml_calibration *calibration);
extern ml_status ml_report_losses(ml_context *ctx, ml_buffer *json, const ml_linear_report *fit,
								  int refit_epochs, double loss);

/* A row in hand: its inputs are those of the columns that learn. */
typedef struct ml_train_row
{
	const ml_value *inputs;
	uint32_t	label;			/* classification: its number */
	double		target;			/* regression */
	float		weight;
	double		split;
	bool		validates;		/* networks: marked by the option "validation" */
	uint64_t	number;			/* of those that were added, for messages */
} ml_train_row;

typedef struct ml_text_trainer ml_text_trainer;
typedef struct ml_table_trainer ml_table_trainer;
typedef struct ml_network_trainer ml_network_trainer;
typedef struct ml_first_rows ml_first_rows;

/* A label of the batch in hand, known by its place in memory. */
#define ML_RECENT	8

typedef struct ml_recent
{
	ml_text		text;			/* data NULL: none */
	uint32_t	label;
} ml_recent;

struct ml_trainer
{
	const ml_kernel *kernel;
	size_t		memory;			/* bytes for everything */
	ml_arena	arena;
	ml_options	options;
	ml_task		task;
	const ml_image *live;
	ml_text		start;			/* of a network, as in ml_training */
	ml_text		target;
	ml_type		target_type;	/* TEXT: many labels are fine */
	ml_text		time_zone;

	/* all columns that were named, and those that learn */
	uint32_t	ninputs;
	ml_column  *inputs;			/* roles are decided one by one */
	bool	   *decided;		/* [ncolumns]: the role was decided from the rows */
	uint32_t	ncolumns;
	ml_column  *columns;		/* [ncolumns] those not ignored */
	uint32_t   *place;			/* [ncolumns] which input each is */
	ml_value   *values;			/* [ncolumns] of the row in hand, when some are ignored */
	ml_value   *wide;			/* [ninputs] of the row in hand, when it came as numbers */

	uint64_t	seen;			/* rows added, skipped ones too */
	uint64_t	skipped;
	uint64_t	nrows;			/* those that learn or judge */
	ml_labels	labels;
	ml_recent	recent[ML_RECENT];	/* during a batch */

	ml_first_rows *first;		/* rows that wait for the roles; NULL: they are decided */
	ml_text_trainer *text;		/* one of the three, once roles are decided */
	ml_table_trainer *table;
	ml_network_trainer *network;
};

/* "a, b, c, ..." of what there is room for, as a message of one line. */
typedef struct ml_list
{
	const char *before;			/* what the line begins with */
	char		text[ML_TEXT_MAX];
	size_t		used;
	uint32_t	n;				/* items, those without room too */
} ml_list;

extern void ml_list_add(ml_list *list, const char *format,...)
			__attribute__((format(__printf__, 2, 3)));

/* Log to the host, if it listens. */
extern void ml_train_notice(ml_context *ctx, const char *text);
extern void ml_train_warn(ml_context *ctx, const char *text);

/* Say so if the rows that judge are few. */
extern void ml_tell_judges(ml_context *ctx, uint64_t rows);

#endif							/* ML_TRAIN_H */
