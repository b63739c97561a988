/*-------------------------------------------------------------------------
 *
 * linear.h
 *	  Linear classifiers over sparse rows, behind a loss table.
 *
 *	  squared hinge: min 1/2 |w|^2 + C sum_i s_i max(0, 1 - y_i w.x_i)^2, one
 *	  machine per class against the rest (one for two classes), by dual
 *	  coordinate descent (Hsieh, Chang, Lin, Keerthi, Sundararajan 2008).  The
 *	  bias is the weight of a feature that is always 1, penalised like any.
 *
 *	  logistic: min (1 - r)/2 |W|^2 + r |W|_1 + C sum_i s_i loss_i, with loss
 *	  ln(1 + exp(-y w.x)) for two classes and -ln softmax(W x)[label] for more,
 *	  r = l1_ratio, by L-BFGS and, with r > 0, OWL-QN (Andrew and Gao 2007).
 *	  The bias is not penalised.
 *
 * s_i is the row's weight times its class's, and x_i the row divided by its
 * length.  Weights are kept as u = idf x w: then a row's score needs its
 * counts and u alone.
 *
 * A state fits one block of scores at a time: squared hinge in blocks of at
 * most 16, so that a feature's weights are one cache line; softmax couples its
 * classes and has one block.  Fitting again starts from the solution before:
 * a refit on more rows costs a few passes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LINEAR_H
#define ML_LINEAR_H

#include "kernel/kernel.h"
#include "learn/options.h"
#include "learn/rows.h"

#define ML_LINEAR_LANES	ML_HINGE_LANES	/* scores of a block of squared hinge */
#define ML_LOSSES_MAX	1000	/* losses that a report keeps */

typedef struct ml_linear_report
{
	int			epochs;			/* passes (iterations) made; with stop rows: the best */
	int			best;			/* pass with the lowest loss on the stop rows */
	bool		converged;
	int			nlosses;
	double		losses[ML_LOSSES_MAX];	/* mean loss seen in each; gradient_descent: the last two are those of the last */
	double		stop_loss;		/* on the stop rows, after the best; NaN without */
} ml_linear_report;

typedef struct ml_linear ml_linear;

struct ml_linear
{
	const ml_kernel *kernel;
	const ml_options *options;
	ml_rows    *rows;
	const struct ml_loss_row *loss;
	uint32_t	nclasses;
	uint32_t	nscores;		/* 1 for two classes, else nclasses */
	uint32_t	nblocks;
	const float *class_weights; /* [nclasses], or NULL */
	void	   *solver;			/* what the loss's solver keeps between fits */

	/* the block selected */
	uint32_t	first;			/* class of its first score */
	uint32_t	n;				/* scores in it */
	uint32_t	width;			/* floats per feature: 1, 4, 8 or a multiple of 16 */
	float	   *u;				/* [nfeatures, width], idf x weight */
	float	   *bias;			/* [width] */
};

/* What a loss's file provides (linear_hinge.c, linear_logistic.c). */
typedef struct ml_loss_row
{
	const char *name;
	uint32_t	lanes;			/* most scores in a block; 0 = all in one */
	bool		l1;				/* takes an l1_ratio */
	double		c;				/* default */
	double		tolerance;		/* default */
	int			epochs;			/* default */

	/* bytes that a fit needs, u and bias left out */
	size_t		(*memory) (const ml_linear *linear, uint32_t width);
	ml_status	(*open) (ml_context *ctx, ml_linear *linear);
	void		(*close) (ml_context *ctx, ml_linear *linear);
	void		(*restart) (ml_linear *linear);
	ml_status	(*reweigh) (ml_context *ctx, ml_linear *linear);
	ml_status	(*fit) (ml_context *ctx, ml_linear *linear, uint32_t parts,
						uint32_t stop_parts, int epochs, ml_linear_report *report);

	/* loss of one row from its scores[nscores] */
	double		(*value) (const float *scores, uint32_t n, uint32_t first, uint32_t nscores,
						  uint32_t label);
} ml_loss_row;

extern const ml_loss_row ml_hinge;
extern const ml_loss_row ml_logistic;

/* The row of a loss. */
extern const ml_loss_row *ml_loss_find(ml_loss loss);

/* Bytes that ml_linear_open will take. */
extern size_t ml_linear_memory(const ml_options *options, ml_rows *rows, uint32_t nclasses);

/*
 * rows: indexed and weighed.  class_weights is borrowed.  Close in any case;
 * *result is NULL or valid.
 */
extern ml_status ml_linear_open(ml_context *ctx, const ml_kernel *kernel,
								const ml_options *options, ml_rows *rows,
								uint32_t nclasses, const float *class_weights,
								ml_linear **result);
extern void ml_linear_close(ml_context *ctx, ml_linear *linear);

/* Turn to block i (< nblocks), with weights 0. */
extern void ml_linear_select(ml_linear *linear, uint32_t i);

/* Weights 0 again. */
extern void ml_linear_restart(ml_linear *linear);

/* The rows have been weighed anew: go on from the same solution. */
extern ml_status ml_linear_reweigh(ml_context *ctx, ml_linear *linear);

/*
 * Fit on the rows whose part is in the mask "parts", from the present
 * solution, which must not come from rows outside of it.  epochs: at most that
 * many passes; with "stop_parts", passes end when the loss on those rows has
 * not improved twice running (the weights are then those of the last pass;
 * report->epochs is the best).  report may be NULL.
 */
extern ml_status ml_linear_fit(ml_context *ctx, ml_linear *linear, uint32_t parts,
							   uint32_t stop_parts, int epochs, ml_linear_report *report);

/*
 * Scores of the rows of the parts in the order of an unshuffled pass:
 * scores[i * stride + c], c < n of the block.  u and bias as given, which
 * may be those of "linear" or what is left of them in a stored model.
 */
extern ml_status ml_linear_scores(ml_context *ctx, const ml_linear *linear, const float *u,
								  const float *bias, uint32_t parts, float *scores,
								  size_t stride);

/* Mean loss of the block on the rows of the parts. */
extern ml_status ml_linear_loss(ml_context *ctx, const ml_linear *linear, uint32_t parts,
								double *loss);

/* s_i of a row, C left out. */
static inline float
ml_linear_weight(const ml_linear *linear, const ml_rows_data *data, uint32_t row)
{
	float		weight = data->weight[row];

	return linear->class_weights == NULL ? weight :
		weight * linear->class_weights[data->label[row]];
}

/*
 * What passes share: the words done since the last poll.  Evaluates to true
 * when it is time for one.
 */
static inline bool
ml_linear_due(const ml_linear *linear, size_t *work, uint32_t words)
{
	*work += (size_t) (words + 8) * (1 + linear->width / 16);
	if (*work < (size_t) 1 << 19)
		return false;
	*work = 0;
	return true;
}

/* Tell the host how far it is. */
extern void ml_linear_progress(ml_context *ctx, ml_phase phase, int64_t rows, int epoch,
							   double loss);

/* Counts a pass in the report and tells the host. */
extern void ml_linear_epoch(ml_context *ctx, const ml_linear *linear, int epoch, double loss,
							ml_linear_report *report);

/* Early stopping: measures, notes the best in the report; true = stop. */
extern ml_status ml_linear_early(ml_context *ctx, const ml_linear *linear, uint32_t stop_parts,
								 int epoch, ml_linear_report *report, bool *stop);

#endif							/* ML_LINEAR_H */
