/*-------------------------------------------------------------------------
 *
 * learner.h
 *	  What learns from a design matrix, behind one table: a learner is one
 *	  file, one row of ml_learners (learner.c) and its tests.
 *
 * A learner is opened for a problem, fits on some parts of its rows, perhaps
 * several times (for calibration, for judging, on all rows), and is closed.
 * Each fit may start from the solution of the one before.
 *
 *	  score_c(x) = bias_c + sum over features of weight_c,j x_j
 *	  regression: the prediction is the score
 *	  two classes: one score, that of class 1
 *	  more: a score for each class
 *
 * or, of a kernel machine, score_c(x) = bias_c + sum_v coefficient_c,v K(v, x).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LEARNER_H
#define ML_LEARNER_H

#include "learn/design.h"
#include "learn/linear.h"
#include "learn/options.h"

typedef struct ml_problem
{
	const ml_kernel *kernel;
	const ml_options *options;
	ml_design  *design;			/* prepared */
	ml_task		task;
	uint32_t	nclasses;		/* 0: regression */
	uint32_t	nscores;		/* 1 for regression and two classes, else nclasses */
	uint32_t	nfeatures;
	size_t		memory;			/* bytes the learner may take besides the design */
	/* [nfeatures] true: weight 0 whatever (reference levels); NULL: none */
	const bool *excluded;
	/*
	 * [nfeatures] value of each feature where the columns' own values are 0,
	 * for the standard error of the intercept in the columns' own units
	 */
	const double *origin;
	double		rough;			/* the fit at hand only calibrates: no finer tolerance than this; 0: as asked for */
	uint32_t	learning;		/* mask of the parts of which some or all are to be fitted on; 0: of any */
} ml_problem;

typedef enum ml_machine_kind
{
	ML_MACHINE_NONE,			/* linear */
	ML_MACHINE_RBF,				/* exp(-gamma |x - v|^2) */
	ML_MACHINE_POLYNOMIAL		/* (gamma x.v + coef0)^degree */
} ml_machine_kind;

typedef struct ml_machine
{
	ml_machine_kind kind;
	double		gamma;
	double		coef0;
	int			degree;
	uint32_t	nvectors;
	uint32_t	width;			/* numbers of a vector: nfeatures of the design */
	float	   *vectors;		/* [nvectors][width] */
	float	   *coefficients;	/* [nscores][nvectors] */
	float	   *panels;			/* both again, for scoring (machine.h) */
	float	   *packed;
} ml_machine;

/*
 * All arrays are allocated in "arena" by ml_solution_open; a learner fills
 * them in.  Of machines, arrays come from the learner's fit (same arena).
 */
typedef struct ml_solution
{
	ml_arena	arena;
	uint32_t	nscores;
	uint32_t	nfeatures;
	bool		fitted;			/* holds a solution to start from */
	double	   *weights;		/* [nscores][nfeatures]; NULL for machines */
	double	   *bias;			/* [nscores] */
	bool	   *dropped;		/* [nfeatures]: linearly dependent on others, weight 0 */

	/* unpenalised linear and binary logistic regression: covariance's roots */
	bool		has_errors;
	double	   *std_error;		/* [nfeatures] of the features' weights; NaN: none */
	double		bias_std_error; /* of the intercept in the columns' own units */
	double		freedom;		/* degrees of freedom of t; 0: normal */

	ml_machine	machine;
} ml_solution;

extern ml_status ml_solution_open(ml_context *ctx, ml_solution *solution, uint32_t nscores,
								  uint32_t nfeatures);
extern void ml_solution_close(ml_context *ctx, ml_solution *solution);

/* scores[n][nscores] of a block's rows. */
extern ml_status ml_solution_scores(ml_context *ctx, const ml_kernel *kernel,
									const ml_solution *solution, const ml_block *block,
									uint32_t ncategories, uint32_t ndense, double *scores);

typedef struct ml_learner
{
	const char *name;			/* algorithm => 'name' */
	uint32_t	tasks;			/* bits of ml_task: 1 << ML_CLASSIFICATION, ... */

	/* true: scores are log-odds as they are, and not calibrated */
	bool		(*is_logistic) (const ml_options *options);

	/* ML_UNSUPPORTED, ML_BAD_OPTION, ML_MEMORY_LIMIT: what can be said before the first pass */
	ml_status	(*open) (ml_context *ctx, const ml_problem *problem, void **state);

	/*
	 * Fit on the rows whose part is in the mask, from the solution if it is
	 * fitted.  report: epochs, losses per epoch (the objective's data term,
	 * mean per row), converged.
	 */
	ml_status	(*fit) (ml_context *ctx, const ml_problem *problem, void *state,
						uint32_t parts, ml_solution *solution, ml_linear_report *report);
	void		(*close) (ml_context *ctx, void *state);
} ml_learner;

extern const ml_learner ml_linear_regression;		/* linear_regression.c */
extern const ml_learner ml_logistic_regression;	/* logistic_regression.c */
extern const ml_learner ml_svm;				/* svm.c; its kernels in svm_kernel.c */
extern const ml_learner ml_gradient_descent;	/* gradient_descent.c */

/* The table, ended by NULL; and the row of a name, NULL if there is none. */
extern const ml_learner *const ml_learners[];
extern const ml_learner *ml_learner_find(ml_text name);

#endif							/* ML_LEARNER_H */
