/*-------------------------------------------------------------------------
 *
 * model.h
 *	  Stored bytes -> image -> session -> answers; and training rows -> stored
 *	  bytes.
 *
 * Stored: one safetensors file, the same bytes on every machine.
 * Image: read-only, position-independent (offsets, no pointers), prepared for
 *	  this machine's kernels; shared by all sessions of a server.
 * Session: the mutable state of one user of an image: words reader, scratch.
 * Trainer: takes rows in, gives stored bytes and a report out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MODEL_H
#define ML_MODEL_H

#include "base/json.h"
#include "feature/column.h"
#include "graph/network.h"
#include "kernel/kernel.h"
#include "learn/options.h"

/*
 * 1: text classifiers (stored.h), which all releases read.
 * 2: models of tables (stored_table.h), from release 1.1 on.
 * 3: networks (stored_network.h), from release 1.2 on.
 */
#define ML_FORMAT_TEXT	1
#define ML_FORMAT_TABLE	2
#define ML_FORMAT_NETWORK	3

/* Part of the image's key: other layouts of the same bytes don't mix. */
#define ML_PACK_LAYOUT 4

/*
 * Stored bytes -> image.  ml_image_plan checks everything (ML_BAD_MODEL,
 * ML_NEWER_FORMAT) and tells the exact size; ml_image_build fills "image",
 * ML_ALIGN aligned and of that size.  The stored bytes are not needed after.
 */
typedef struct ml_image ml_image;

extern ml_status ml_image_plan(ml_context *ctx, const void *stored, size_t size,
							   size_t *image_size);

/*
 * The same; *least is the size without the tables that some networks have to be
 * faster (graph/fold.c), which ml_image_build takes as well.  No answer depends on them.
 */
extern ml_status ml_image_plan_sizes(ml_context *ctx, const void *stored, size_t size,
									 size_t *image_size, size_t *least);
extern ml_status ml_image_build(ml_context *ctx, const void *stored, size_t size,
								void *image, size_t image_size);

/*
 * What a stored file says of itself, as a JSON object, for the manifest:
 * format, task, algorithm, columns, features; of classifiers labels, of two
 * also positive; of tables table (tabular.h); of kernel machines kernel and
 * support_vectors; with columns of text unicode and recipe; of networks layers and
 * parameters, and of checkpoints checkpoint: {"epoch": those done, "epochs": those asked for}.
 */
extern ml_status ml_stored_describe(ml_context *ctx, const void *stored, size_t size,
									ml_buffer *json);

extern uint32_t ml_image_nlabels(const ml_image *image);
extern ml_text ml_image_label(const ml_image *image, uint32_t i);	/* C order */
/* index of a label, -1 when the model doesn't know it */
extern int64_t ml_image_find_label(const ml_image *image, ml_text label);
extern uint32_t ml_image_ncolumns(const ml_image *image);
extern ml_text ml_image_column(const ml_image *image, uint32_t i);
extern ml_type ml_image_column_type(const ml_image *image, uint32_t i);
extern ml_role ml_image_column_role(const ml_image *image, uint32_t i);
extern uint32_t ml_image_column_size(const ml_image *image, uint32_t i);	/* of an array; else 1 */
extern ml_text ml_image_unicode(const ml_image *image); /* compare with ml_words_unicode_version; absent without texts */
extern ml_text ml_image_time_zone(const ml_image *image);	/* absent without timestamptz columns */
extern ml_task ml_image_task(const ml_image *image);
extern ml_text ml_image_algorithm(const ml_image *image);
/* class 1 of two: what roc curves and aiaas_coefficients are about */
extern uint32_t ml_image_positive(const ml_image *image);

/* A session may serve many calls; close it before the image goes. */
typedef struct ml_session ml_session;

extern ml_status ml_session_open(ml_context *ctx, const ml_image *image,
								 const ml_kernel *kernel, ml_session **result);
extern void ml_session_close(ml_context *ctx, ml_session *session);

/* From now on decoding an image may take so many bytes (at first: as many as it wants); beyond is ML_MEMORY_LIMIT. */
extern void ml_session_limit_decoding(ml_session *session, size_t bytes);

/*
 * n examples; inputs[n * ncolumns], row by row.  labels[n] gets the index of
 * the predicted label, probabilities[n * nlabels] those of all labels in label
 * order; either may be NULL.  The bits depend on nothing but model and input.
 * An example without any known feature gets what the bias says.
 */
extern ml_status ml_session_predict(ml_context *ctx, ml_session *session, size_t n,
									const ml_value *inputs, uint32_t *labels,
									double *probabilities);

/* Regression: values[n].  Both are ML_UNSUPPORTED for a model of the other task. */
extern ml_status ml_session_regress(ml_context *ctx, ml_session *session, size_t n,
									const ml_value *inputs, double *values);

/* After either failed with ML_BAD_INPUT: the number, from 0, of the example that it failed on. */
extern size_t ml_session_row(const ml_session *session);

/*
 * The parts of the logit of one label (label < 0: the predicted one, returned
 * in *explained), or of the number of a regression, largest magnitude first
 * after the base value "(intercept)", and those that are 0 left out.
 * Texts: feature is quoted from the input, folded as the model sees it, words
 * joined by a space; features seen several times come once.
 * Columns: "distance = 12.5", "carrier = UA", "carrier is null", "x[3] = 1.5";
 * the base value is that of a row of means without any level.
 * The contributions sum to the logit that the label's score comes from (of
 * kernel machines as exactly as floats are).  Valid until the next call.
 */
typedef struct ml_contribution
{
	ml_text		feature;
	double		contribution;
} ml_contribution;

extern ml_status ml_session_explain(ml_context *ctx, ml_session *session,
									const ml_value *inputs, int64_t label,
									uint32_t *explained,
									const ml_contribution **parts, size_t *nparts);

/*
 * The terms of a linear model, "(intercept)" first, in the columns' own units:
 * estimates and, of unpenalised linear and binary logistic regressions, their
 * statistics (NaN: none).  Two classes: of the log-odds of the positive one;
 * more: a set of terms for each label.  A dropped term has estimate NaN.
 * ML_UNSUPPORTED for kernel machines and for text classifiers.
 */
typedef struct ml_coefficient
{
	ml_text		label;			/* absent for regression and two labels */
	ml_text		term;
	double		estimate;
	double		std_error;
	double		statistic;		/* t, or z */
	double		p_value;
	double		low;			/* 95 % confidence interval */
	double		high;
} ml_coefficient;

/* In "arena". */
extern ml_status ml_image_coefficients(ml_context *ctx, ml_arena *arena, const ml_image *image,
									   const ml_coefficient **coefficients, size_t *n);

/*
 * Of networks: its layers (in the arena); how many numbers of words there are, 0
 * without texts; the word of a number, "(padding)" and "(unknown)" the first two.
 * ML_UNSUPPORTED for others.
 */
extern ml_status ml_image_summarize(ml_context *ctx, ml_arena *arena, const ml_image *image,
									const ml_layer_summary **rows, size_t *n);
extern ml_status ml_image_words(ml_context *ctx, const ml_image *image, uint32_t *n);
extern ml_text ml_image_word(const ml_image *image, uint32_t number);

/*
 * The words of a text as the model sees them, some at a time, so that memory
 * is bounded whatever the text: begin, then ask until *n is 0.  The tokens are
 * valid until the next call.
 */
extern void ml_session_tokenize(ml_session *session, ml_text input);
extern ml_status ml_session_tokens(ml_context *ctx, ml_session *session,
								   const ml_text **tokens, size_t *n);

/*
 * Training.  memory: bytes for everything, rows beyond it go to the host's
 * spill.  The steps: open, add batches, finish; close in any case.
 *
 * A text classifier (all columns have role text; svm with squared hinge or
 * logistic regression) is trained by train_text.c and stored in format 1;
 * networks by train_network.c in format 3; everything else by train_table.c in format 2.  Roles of text columns that
 * are AUTO are decided from the first rows.
 */
typedef struct ml_trainer ml_trainer;

typedef struct ml_training
{
	ml_text		algorithm;
	ml_text		options;		/* JSON */
	ml_task		task;
	uint32_t	ncolumns;
	const ml_column *columns;	/* copied; roles of the option "columns" are in */
	ml_text		target;			/* its column's name, for messages */
	/* of a classification that the option "task" did not ask for; TEXT, 0: many labels are fine */
	ml_type		target_type;
	ml_text		time_zone;		/* that timestamptz are read in */
	size_t		memory;
	const ml_kernel *kernel;
	const ml_image *live;		/* to start from with warm_start, or NULL; borrowed */
	/*
	 * Networks: a stored version to go on from, by the option "continue_from"; or a safetensors file that has the
	 * first values of all parameters and states under their names; or absent.  8-byte aligned, borrowed.
	 */
	ml_text		start;
} ml_training;

extern ml_status ml_trainer_open(ml_context *ctx, const ml_training *training,
								 ml_trainer **result);
extern void ml_trainer_close(ml_context *ctx, ml_trainer *trainer);

/*
 * Rows.  A target is a text (classification, absent = NULL) or a number
 * (regression, NaN = NULL).  split: what the options "holdout" or "groups" ask for, the
 * flag as 0 or 1, the time in seconds, the group as a hash below 2^53; NULL otherwise.
 * Rows without target or without any input are counted and skipped.
 */
typedef struct ml_batch
{
	size_t		n;
	const ml_value *inputs;		/* [n * ncolumns], row by row */
	const double *numbers;		/* the same, instead, where the form of all columns is NUMBER */
	const ml_value *targets;	/* [n] */
	const float *weights;		/* [n], or NULL: 1 each */
	const double *split;		/* [n], or NULL */
	const bool *validates;		/* [n] by the option "validation", or NULL */
} ml_batch;

extern ml_status ml_trainer_add(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch);

/*
 * Fit, judge on the held-out rows, refit on all, calibrate, encode.
 * stored: the file.  report: a JSON object with algorithm, options, rows,
 * skipped, holdout_rows, features, labels, epochs, losses, metrics (absent
 * without holdout), and what the calibration was found on.
 * ML_BAD_DATA: no rows, one class only, too many labels, ...
 */
extern ml_status ml_trainer_finish(ml_context *ctx, ml_trainer *trainer,
								   ml_buffer *stored, ml_buffer *report);

/*
 * Networks: what finish does, in steps, so that a caller can store what was
 * learnt in between.  begin: all rows are there; the network is built, and its
 * training restored if training.start is a checkpoint.  epochs: at most n more;
 * *done: none is left, or patience has ended it.  checkpoint: the state after
 * the last epoch as a stored file that is a network as well, and the report so
 * far; training goes on as if it had not been asked for.  finish then does what
 * is left.  ML_UNSUPPORTED for others.
 */
extern ml_status ml_trainer_begin(ml_context *ctx, ml_trainer *trainer);
extern ml_status ml_trainer_epochs(ml_context *ctx, ml_trainer *trainer, int n, bool *done);
extern ml_status ml_trainer_checkpoint(ml_context *ctx, ml_trainer *trainer, ml_buffer *stored,
									   ml_buffer *report);

/*
 * The same from sums alone (learn/gram.h): linear_regression on numbers
 * without missing values, without a holdout.  The trainer has had no rows.
 */
struct ml_gram;
extern ml_status ml_trainer_finish_gram(ml_context *ctx, ml_trainer *trainer,
										const struct ml_gram *gram,
										ml_buffer *stored, ml_buffer *report);

/* Can finish_gram do what the options and columns of this trainer ask for? */
extern bool ml_trainer_takes_gram(const ml_trainer *trainer);

/*
 * Instead of finish: k-fold cross-validation.  values[fold * ML_METRICS_MAX + i]
 * is metric i of ml_metric_names, NaN where undefined; rows[fold].
 */
extern ml_status ml_trainer_cross_validate(ml_context *ctx, ml_trainer *trainer, int folds,
										   double *values, uint64_t *rows);

#endif							/* ML_MODEL_H */
