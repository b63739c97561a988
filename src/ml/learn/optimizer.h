/*-------------------------------------------------------------------------
 *
 * optimizer.h
 *	  Optimisers of networks: a step over all parameters at once.
 *
 * Parameters, gradients and each moment are contiguous vectors of one layout,
 * so a step is a few passes over memory by the CPU level's kernels
 * (kernel/network.h has the formulas, which are PyTorch's).
 *
 *	  gradient_descent	w -= rate g, all rows a step (the trainer's affair)
 *	  sgd				the same, batch_size rows a step
 *	  momentum			m = momentum m + g; w -= rate m (Polyak 1964)
 *	  nesterov			m = momentum m + g; w -= rate (g + momentum m)
 *						(Sutskever et al. 2013)
 *	  adagrad			Duchi, Hazan, Singer 2011
 *	  rmsprop			Tieleman and Hinton 2012
 *	  adam				Kingma and Ba 2015; weight_decay is added to the gradient
 *	  adamw				Loshchilov and Hutter 2019; weight_decay shrinks weights
 *
 * Before that, gradients are scaled so that the norm of all of them together is
 * at most clip_norm, and each one is cut to [-clip_value, clip_value].
 *
 * Of parameters with sparse gradients (embeddings) only the rows that a batch
 * touched have gradients; the others have gradient 0, which moments and decay
 * notice all the same: the step is the dense one, exactly.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OPTIMIZER_H
#define ML_OPTIMIZER_H

#include "graph/graph.h"
#include "learn/schedule.h"

typedef enum ml_optimizer_rule
{
	ML_RULE_GRADIENT_DESCENT,
	ML_RULE_SGD,
	ML_RULE_MOMENTUM,
	ML_RULE_NESTEROV,
	ML_RULE_ADAGRAD,
	ML_RULE_RMSPROP,
	ML_RULE_ADAM,
	ML_RULE_ADAMW
} ml_optimizer_rule;

/* Option "optimizer". */
typedef struct ml_optimizer_settings
{
	ml_optimizer_rule rule;
	double		learning_rate;
	double		weight_decay;
	double		clip_norm;		/* INFINITY: not */
	double		clip_value;		/* INFINITY: not */
	double		beta1;			/* or momentum */
	double		beta2;			/* or rho */
	double		epsilon;
	double		start;			/* adagrad: initial_accumulator_value */
	ml_schedule schedule;
} ml_optimizer_settings;

/* A name, or {"type": name, "learning_rate": ..., "schedule": ...}; absent JSON: adam. */
extern ml_status ml_optimizer_settings_read(ml_context *ctx, ml_text json, ml_optimizer_settings *settings);
/* With every default. */
extern ml_status ml_optimizer_settings_write(ml_context *ctx, const ml_optimizer_settings *settings,
											 ml_buffer *json);

extern const char *ml_optimizer_name(const ml_optimizer_settings *settings);

#define ML_OPTIMIZER_MOMENTS	2
#define ML_OPTIMIZER_NUMBERS	8	/* what a checkpoint keeps besides the moments */

/* Parameters [first, first + n) that are stepped alike. */
typedef struct ml_optimizer_range
{
	size_t		first;
	size_t		n;
	size_t		width;			/* sparse: elements of a row; 0: dense */
	int32_t		value;			/* sparse: of the graph, for "touched" */
} ml_optimizer_range;

typedef struct ml_optimizer_run
{
	ml_optimizer_settings settings;
	const ml_graph *graph;
	ml_schedule_state schedule;
	uint64_t	whole;			/* epochs or steps of the whole training */
	double		norm;			/* of the gradients in the last step, before clipping; 0 unless clipped by norm */
	int			nmoments;
	float	   *moments[ML_OPTIMIZER_MOMENTS];	/* [graph->parameters] */
	size_t		nranges;
	ml_optimizer_range *ranges;
} ml_optimizer_run;

/* Bytes that a run takes from the host, for plans. */
extern size_t ml_optimizer_bytes(const ml_optimizer_settings *settings, const ml_graph *graph);

/* Begin: moments at their start.  ML_UNSUPPORTED: the graph is not F32. */
extern ml_status ml_optimizer_open(ml_context *ctx, const ml_optimizer_settings *settings,
								   const ml_graph *graph, uint64_t epochs, uint64_t steps_per_epoch,
								   ml_optimizer_run **result);
extern void ml_optimizer_close(ml_context *ctx, ml_optimizer_run *run);

/* The learning rate of the next step. */
extern double ml_optimizer_rate(const ml_optimizer_run *run);

/*
 * A step: parameters and gradients [graph->parameters], touched as in
 * ml_runner.  Afterwards the gradients of touched rows are 0 and their flags
 * clear; the others are as they were.
 */
extern ml_status ml_optimizer_step(ml_context *ctx, ml_optimizer_run *run, const ml_kernel *kernel,
								   float *parameters, float *gradients, uint8_t **touched);

/* An epoch is over; loss: as for ml_schedule_epoch. */
extern void ml_optimizer_epoch(ml_optimizer_run *run, double loss);

/* What must be kept besides the moments to go on later, bit for bit. */
extern void ml_optimizer_save(const ml_optimizer_run *run, double *numbers);
/* ML_BAD_MODEL: numbers that no run has. */
extern ml_status ml_optimizer_load(ml_context *ctx, ml_optimizer_run *run, const double *numbers);

#endif							/* ML_OPTIMIZER_H */
