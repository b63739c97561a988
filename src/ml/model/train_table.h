/*-------------------------------------------------------------------------
 *
 * train_table.h
 *	  The trainer of tables of numbers, categories, dates and texts.
 *
 *	  train_table.c			rows in, model out; cross-validation
 *	  train_table_columns.c	which columns learn, and how they become features
 *	  train_table_fit.c		fit, calibrate, judge, refit
 *	  train_table_leak.c	columns that give the target away
 *	  train_table_start.c	from the weights of the live version
 *	  train_table_gram.c	the same from sums of products
 *	  train_table_report.c	what is told of it
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_TABLE_H
#define ML_TRAIN_TABLE_H

#include "learn/calibrate.h"
#include "learn/learner.h"
#include "model/train.h"
#include "model/train_look.h"

#define ML_CROSS_FIT_ROWS	2000	/* below: five folds calibrate, not one */
#define ML_CROSS_FIT_FOLDS	5	/* by which few rows calibrate */

/* Who does what in one round: masks of parts. */
typedef struct ml_table_plan
{
	uint32_t	learn;
	uint32_t	judge;
	int			ncalibrate;		/* 0: scores are log-odds as they are */
	uint32_t	calibrate[ML_CROSS_FIT_FOLDS];	/* what each fit for it leaves out */
	bool		refit;			/* on all rows, for the stored model */
} ml_table_plan;

struct ml_table_trainer
{
	ml_trainer *trainer;		/* whose rows, options, labels and memory */
	const ml_learner *learner;
	ml_recipe	recipe;			/* of the texts */
	ml_design  *design;
	ml_splitter splitter;
	double		least;			/* regression: extremes of the target */
	double		most;

	/* classification */
	uint64_t   *label_rows;		/* of each label as first seen; regression: [1] all */
	uint32_t	nclasses;		/* 0: regression */
	uint32_t	nscores;
	uint32_t   *classes;		/* class of each label as first seen */
	uint32_t   *class_label;	/* label (in C order) of each class */
	float	   *class_weights;	/* by class, or NULL */

	/* columns, and what is fitted to the rows that learn */
	ml_arena	fitted;
	ml_reason  *counting;		/* [ncolumns] SEQUENCE, IDENTIFIER, or KEPT; NULL: not looked for yet */
	bool	   *left_out;		/* [ncolumns] */
	ml_column  *kept;
	uint32_t	nkept;
	ml_tabular	tabular;
	uint32_t  **map;
	bool	   *excluded;		/* [nfeatures], or NULL */
	double	   *origin;			/* [nfeatures] */
	bool		announced;		/* what columns are was said */
	ml_buffer	told;			/* columns left out and why, as JSON */

	ml_problem	problem;
	void	   *state;			/* of the learner */
	ml_solution start;			/* weights to begin with; fitted: there are some */
	ml_solution solution;
	ml_linear_report first;		/* of the fit that is judged */
	ml_linear_report refit;		/* of the final one */
	ml_calibration calibration;
	uint64_t	nholdout;
	ml_judgement judgement;
};

extern ml_status ml_train_table_open(ml_context *ctx, ml_trainer *trainer);
extern void ml_train_table_close(ml_context *ctx, ml_table_trainer *table);
extern ml_status ml_train_table_add(ml_context *ctx, ml_table_trainer *table, const ml_train_row *row);

/* Rows of nothing but numbers: rows[n][ncolumns]. */
extern ml_status ml_train_table_add_numbers(ml_context *ctx, ml_table_trainer *table, const double *rows,
											const ml_side *sides, size_t n);
extern ml_status ml_train_table_finish(ml_context *ctx, ml_table_trainer *table, ml_buffer *stored,
									   ml_buffer *report);
extern bool ml_train_table_takes_gram(const ml_table_trainer *table);
extern ml_status ml_train_table_finish_gram(ml_context *ctx, ml_table_trainer *table,
											const struct ml_gram *gram,
											ml_buffer *stored, ml_buffer *report);
extern ml_status ml_train_table_cross(ml_context *ctx, ml_table_trainer *table, int folds,
									  double *values, uint64_t *rows);

/* Do scores need a calibration? */
extern bool ml_table_calibrates(const ml_table_trainer *table);

/* Stored bytes of what table holds. */
extern ml_status ml_table_store(ml_context *ctx, ml_table_trainer *table, ml_buffer *stored);

/*
 * train_table_columns.c: leave out what says nothing, fit the recipe to the
 * summary, say what columns are.  learn: the parts that the summary is of.
 */
extern ml_status ml_table_columns(ml_context *ctx, ml_table_trainer *table,
								  ml_design_summary *summary, uint32_t learn, bool counting);

/* Excluded features and origins, of nfeatures in all; in table->fitted. */
extern ml_status ml_table_terms(ml_context *ctx, ml_table_trainer *table, uint32_t nfeatures);

/* train_table_leak.c: warn of features of which one alone tells the target. */
extern ml_status ml_table_leaks(ml_context *ctx, ml_table_trainer *table, uint32_t learn);

/* What counts as a leak in regression, and what is said of it. */
#define ML_LEAK_CORRELATION	0.9999
#define ML_LEAK_ROWS		100 /* fewer are too few to say anything */

extern void ml_table_warn_of_leaks(ml_context *ctx, const ml_table_trainer *table,
								   const ml_list *list);

/* train_table_start.c: fill table->start from the live version, if it can be. */
extern ml_status ml_table_start(ml_context *ctx, ml_table_trainer *table);

/* train_table_fit.c: from a prepared design to the solution. */
extern ml_status ml_table_fit(ml_context *ctx, ml_table_trainer *table, const ml_table_plan *plan);

/* Masks by which the rows of "learn" calibrate, from its parts 1 .. nparts. */
extern void ml_table_plan_calibration(const ml_table_trainer *table, ml_table_plan *plan, int nparts);

/* Give back learner and solution. */
extern void ml_table_forget(ml_context *ctx, ml_table_trainer *table);

/* train_table_report.c */
extern ml_status ml_table_tell(ml_context *ctx, ml_table_trainer *table);
extern ml_status ml_table_report(ml_context *ctx, ml_table_trainer *table, uint64_t nrows,
								 ml_buffer *report);

#endif							/* ML_TRAIN_TABLE_H */
