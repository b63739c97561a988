/*-------------------------------------------------------------------------
 *
 * train_network.h
 *	  The trainer of networks.
 *
 *	  train_network.c			rows in, model out
 *	  train_network_rows.c		a row as a record of bytes, and back
 *	  train_network_series.c	series: their records, lengths and scalings
 *	  train_network_columns.c	which columns learn, and how they become feeds
 *	  train_network_open.c		the networks, their memory
 *	  train_network_fit.c		epochs and steps
 *	  train_network_continue.c	checkpoints, and going on from stored versions
 *	  train_network_judge.c		predictions for rows that did not learn
 *	  train_network_report.c	what is told of it
 *
 * Rows are of three parts: those held out judge and are seen by nothing else,
 * those that validate choose the epoch, the others learn.  Vocabulary, recipe
 * and class weights are those of the rows that learn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_NETWORK_H
#define ML_TRAIN_NETWORK_H

#include "feature/summary.h"
#include "learn/examples.h"
#include "learn/optimizer.h"
#include "learn/split.h"
#include "model/feeds.h"
#include "model/stored_network.h"
#include "model/train.h"

#define ML_NETWORK_LEARN	1
#define ML_NETWORK_VALIDATE	2

#define ML_HISTORY_MAX		10000	/* epochs in the report: the last ones */

/* One epoch as aiaas_history() shows it. */
typedef struct ml_epoch
{
	int32_t		epoch;			/* from 1 */
	int64_t		step;			/* steps made so far */
	double		learning_rate;	/* of its last step */
	double		seconds;		/* NaN: the host has no clock */
	double		loss;			/* mean over its rows, while they were learnt */
	double		metric;			/* accuracy or RMSE, likewise */
	double		validation_loss;	/* NaN without */
	double		validation_metric;
} ml_epoch;

/* A column of series. */
typedef struct ml_network_series
{
	uint32_t	column;
	size_t		room;			/* numbers that a record has room for */
	uint32_t	channels;		/* 0: no row yet had any */
	uint32_t	steps;			/* that are looked at */
	uint32_t	longest;		/* that are there */
	uint64_t	cut;			/* rows that had more */
} ml_network_series;

struct ml_network_trainer
{
	ml_trainer *trainer;
	const ml_network_options *options;

	/* rows */
	bool		begun;			/* the first row is there */
	uint32_t	ncategories;
	ml_levels  *levels;			/* [ncategories] values of categories as they appear */
	uint32_t   *level;			/* [ncategories] of the row in hand */
	uint32_t	nimages;
	ml_picture *pictures;		/* [nimages] by option "images", or the size of the first rows' */
	bool	   *found;			/* [nimages] that is the size of the first, and all have it */
	bool		sized;			/* a row with images is there */
	uint32_t	nseries;
	ml_network_series *series;	/* [nseries] in order of the columns */
	ml_words   *reader;
	ml_levels	words;			/* of texts as they appear */
	uint32_t	longest;		/* words of a text that are there */
	ml_examples *examples;
	ml_value   *values;			/* [ncolumns] of the row in hand */
	ml_value   *inputs;			/* [nkept] likewise */
	uint64_t	bad_images;		/* rows skipped for them */

	/* classes: labels in C order; of two, the positive one is class 1 */
	uint32_t	nclasses;		/* 0: regression */
	uint32_t   *classes;		/* [labels as seen] class of each */
	uint32_t   *class_label;	/* [nclasses] label of each */
	float	   *class_weights;	/* [nclasses], or NULL */
	double		least;			/* targets of a regression */
	double		most;

	/* the recipe */
	ml_arena	fitted;
	bool	   *left_out;		/* [ncolumns] */
	uint32_t   *kept_column;	/* [nkept] */
	uint32_t	nkept;
	ml_feeds	feeds;
	uint32_t   *word_map;		/* [words.n] */
	ml_buffer	told;			/* columns left out, JSON */

	/* the networks */
	ml_buffer	spec;			/* with every default */
	ml_network	network;		/* trains */
	ml_network	validation;		/* the same without dropout, with the loss */
	ml_network	inference;		/* without: what is stored */
	ml_runner  *runner;
	ml_runner  *judge;
	ml_optimizer_settings settings;
	ml_optimizer_run *optimizer;
	void	   *memory;			/* of the vectors */
	float	   *parameters;
	float	   *gradients;
	void	   *states;
	float	   *best;			/* parameters and states of the best epoch; NULL without validation */
	void	   *best_states;
	uint8_t   **touched;		/* [values of the network] */
	ml_feed_batch batch;
	int32_t    *target_classes;	/* [batch] */
	float	   *targets;		/* [batch][outputs], NULL: the loss takes classes */
	float	   *weights;		/* [batch] */
	double	   *logits;			/* [nclasses] of a row */
	size_t		batch_size;
	size_t		slice;			/* rows of a batch that are run at once */
	size_t		judge_slice;
	bool		whole;			/* a step is made of all rows */
	double		learning_weight;	/* of all rows that learn */
	double		rate;			/* of the last step */

	/* of the rows in their order and of the settings that steer steps: whole numbers below 2^53 */
	bool		digested;
	double		rows_digest;
	double		settings_digest;

	/* the stored version that is continued; NULL: none */
	ml_network_file *from;

	/* how it went */
	bool		ready;			/* the network is there */
	double		began;			/* seconds: the first epoch of this run */
	int32_t		first_epoch;	/* done before it */
	double		told_at;		/* seconds: the last progress */
	int32_t		epoch;			/* done */
	int32_t		last_better;	/* epoch that patience counts from */
	double		best_loss;		/* of the validation rows in the best epoch */
	ml_epoch   *history;		/* the last ones, at least ML_HISTORY_MAX of them */
	size_t		nhistory;
	size_t		history_capacity;
	int			best_epoch;		/* 0: the last one */
	int64_t		step;
	ml_judgement judgement;
	uint64_t	nholdout;
	uint64_t	nvalidation;
};

static inline uint32_t
ml_network_nscores(const ml_network_trainer *net)
{
	return net->nclasses == 0 || net->nclasses == 2 ? 1 : net->nclasses;
}

/* The network as it would be stored now; state: NULL, or what makes it a checkpoint. */
extern ml_status ml_train_network_store(ml_context *ctx, ml_network_trainer *net, const ml_checkpoint *state,
										ml_buffer *stored);
extern ml_status ml_train_network_open(ml_context *ctx, ml_trainer *trainer);
extern void ml_train_network_close(ml_context *ctx, ml_network_trainer *net);
extern ml_status ml_train_network_add(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row);
/* As ml_trainer_begin. */
extern ml_status ml_train_network_begin(ml_context *ctx, ml_network_trainer *net);
extern ml_status ml_train_network_finish(ml_context *ctx, ml_network_trainer *net, ml_buffer *stored,
										 ml_buffer *report);

/* === train_network_rows.c === */

/* The first row tells how large records are, and images of which no option says it. */
extern ml_status ml_network_begin_rows(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row);

/* The first row is there: its images' size is that of all.  Or it was skipped: the next is the first. */
extern ml_status ml_network_sizes_found(ml_context *ctx, ml_network_trainer *net);
extern void ml_network_sizes_forget(ml_context *ctx, ml_network_trainer *net);

/* Add a row; *skipped: its image is bad, and such rows are to be skipped. */
extern ml_status ml_network_add_row(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row,
									bool *skipped);

/*
 * A record's values -> net->values: numbers, levels and arrays as they were
 * added; of texts data is uint32_t[size] numbers of words, of images pixels.
 */
extern void ml_network_values(ml_network_trainer *net, const ml_example *example);

/* Put a row into the batch. */
extern ml_status ml_network_feed(ml_context *ctx, ml_network_trainer *net, const ml_example *example);

/* Words of a text that are looked at. */
extern uint32_t ml_network_most_words(const ml_network_trainer *net);

/* === train_network_series.c === */

/* Bytes that a series takes at most; the first row tells how many channels it has. */
extern size_t ml_network_series_room(const ml_network_trainer *net, ml_network_series *series, ml_items items);
/* Bytes that this one takes at most. */
extern size_t ml_network_series_size(const ml_network_series *series, ml_items items);
extern ml_status ml_network_put_series(ml_context *ctx, ml_network_trainer *net, ml_network_series *series,
									   ml_items items, char **to);

/* Sum up the channels of one: summaries[channels]. */
extern ml_status ml_network_sum_series(ml_context *ctx, const ml_network_series *series, ml_items items,
									   ml_summary *summaries);

/* The scalings of the series that are kept, from summaries of the channels of all. */
extern ml_status ml_network_scale_series(ml_context *ctx, ml_network_trainer *net, const ml_summary *summaries);
/* The steps looked at of the series that are kept, in order of the columns. */
extern ml_status ml_network_series_steps(ml_context *ctx, ml_network_trainer *net, const uint32_t **steps);
/* Words or steps of the longest row of a feed; 0: it has neither. */
extern uint32_t ml_network_longest(const ml_network_trainer *net, int feed);
/* All rows are there: tell what was cut. */
extern void ml_network_tell_cut(ml_context *ctx, const ml_network_trainer *net);

/* === train_network_columns.c === */

/* Look at the rows that learn; fit the recipe, choose the vocabulary ("most" numbers), derive the feeds. */
extern ml_status ml_network_columns(ml_context *ctx, ml_network_trainer *net, uint32_t most);

/* === train_network_open.c === */

/* How many numbers of words there are, unless options say: as many as the layers take. */
extern ml_status ml_network_vocabulary(ml_context *ctx, ml_network_trainer *net, uint32_t *most);

/* Build the networks, count their memory, take it, set first weights: those given, or by initialisers. */
extern ml_status ml_network_open(ml_context *ctx, ml_network_trainer *net);
/* Nothing is learnt or judged any more: give back what only that takes. */
extern void ml_network_rest(ml_context *ctx, ml_network_trainer *net);
extern void ml_network_forget(ml_context *ctx, ml_network_trainer *net);

/* === train_network_fit.c === */

/* Before the first epoch. */
extern ml_status ml_network_weigh(ml_context *ctx, ml_network_trainer *net);

/* As ml_trainer_epochs. */
extern ml_status ml_network_epochs(ml_context *ctx, ml_network_trainer *net, int n, bool *done);

/* After the last: the weights that are kept, checked. */
extern ml_status ml_network_settle(ml_context *ctx, ml_network_trainer *net);

/* === train_network_continue.c === */

/* Read the version to go on from, if there is one and it is no file of first values; its labels must be those of the rows. */
extern ml_status ml_network_continue(ml_context *ctx, ml_network_trainer *net);

/* Instead of ml_network_columns: recipe and vocabulary are those of the version. */
extern ml_status ml_network_adopt_columns(ml_context *ctx, ml_network_trainer *net);

/* ML_BAD_OPTION: the network, as specified, is not that of the version. */
extern ml_status ml_network_check_same(ml_context *ctx, const ml_network_trainer *net);

/* First values of parameters and states from training.start; of a checkpoint all that was learnt. */
extern ml_status ml_network_restore(ml_context *ctx, ml_network_trainer *net);

/* Bytes of a checkpoint's file, for plans. */
extern size_t ml_network_checkpoint_size(const ml_network_trainer *net);

/* As ml_trainer_checkpoint. */
extern ml_status ml_network_checkpoint(ml_context *ctx, ml_network_trainer *net, ml_buffer *stored,
									   ml_buffer *report);

/* === train_network_judge.c === */

/* A row's weight times its class's. */
extern double ml_network_weight(const ml_network_trainer *net, const ml_example *example);

/* Target, class and weight of a row of the batch; then those of the rows from first on as inputs of a run. */
extern void ml_network_target(ml_network_trainer *net, const ml_example *example, size_t row);
extern void ml_network_bind_targets(const ml_network_trainer *net, const ml_network *network, ml_runner *runner,
									size_t first, const float *scale);

/* Rows of a run that were predicted right; of a regression the sum of squared errors. */
extern double ml_network_right(const ml_network_trainer *net, const ml_network *network, const ml_runner *runner,
							   size_t first, size_t n);

typedef struct ml_network_score
{
	double		loss;			/* mean; NaN: a prediction is not finite */
	double		metric;			/* accuracy, or root of the mean squared error */
	uint64_t	rows;
} ml_network_score;

/* As ml_network_judge, of one batch of the rows that learn. */
extern ml_status ml_network_sample(ml_context *ctx, ml_network_trainer *net, ml_network_score *score);

/* Predictions for the rows of a part by the inference network; judgement: NULL, or what they are added to. */
extern ml_status ml_network_judge(ml_context *ctx, ml_network_trainer *net, int part, ml_judgement *judgement,
								  ml_network_score *score);

/* === train_network_report.c === */

extern void ml_network_tell_epoch(ml_context *ctx, const ml_network_trainer *net, const ml_epoch *epoch);
extern void ml_network_tell(ml_context *ctx, ml_network_trainer *net);
extern ml_status ml_network_report(ml_context *ctx, ml_network_trainer *net, ml_buffer *json);

#endif							/* ML_TRAIN_NETWORK_H */
