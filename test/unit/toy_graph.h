/* Graphs under construction, and what they run with. */
#ifndef TOY_GRAPH_H
#define TOY_GRAPH_H

#include "unit.h"

#include <math.h>

#include "base/hash.h"
#include "graph/graph.h"
#include "kernel/kernel.h"
#include "op/ops.h"

typedef struct toy
{
	ml_context *ctx;
	ml_graph   *graph;
	ml_builder	b;
	ml_runner  *runner;
	ml_dim		rows;
	void	   *parameters;
	void	   *gradients;
	void	   *states;
} toy;

static inline ml_status
toy_open(ml_context *ctx, ml_dtype dtype, toy *t)
{
	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	ML_TRY(ml_graph_open(ctx, dtype, &t->graph));
	ml_builder_start(ctx, t->graph, &t->b);
	return ml_graph_symbol(ctx, t->graph, ML_TEXT("rows"), &t->rows);
}

/* Memory for a run, of numbers between -1 and 1. */
static inline ml_status
toy_finish(toy *t)
{
	size_t		bytes = t->graph->parameters * ml_dtypes[t->graph->dtype].block_bytes;

	ML_TRY(t->b.e.status);
	ML_TRY(ml_graph_finish(t->ctx, t->graph));
	ML_TRY(ml_runner_open(t->ctx, t->graph, ml_kernel_select(ML_LEVEL_REF), &t->runner));
	ML_TRY(ml_alloc_zero(t->ctx, bytes, &t->parameters));
	ML_TRY(ml_alloc_zero(t->ctx, bytes, &t->gradients));
	ML_TRY(ml_alloc_zero(t->ctx, t->graph->state_bytes, &t->states));
	for (size_t i = 0; i < t->graph->parameters; i++)
		if (t->graph->dtype == ML_F64)
			((double *) t->parameters)[i] = sin((double) (7 * i + 1));
		else
			((float *) t->parameters)[i] = (float) sin((double) (7 * i + 1));
	t->runner->parameters = t->parameters;
	t->runner->gradients = t->gradients;
	t->runner->states = t->states;
	return ML_OK;
}

static inline ml_status
toy_bind(toy *t, int64_t rows, bool backward)
{
	ml_binding	binding = {{0}};

	binding.numbers[ML_SYMBOL_OF(t->rows)] = rows;
	return ml_runner_bind(t->ctx, t->runner, &binding, backward);
}

static inline void
toy_close(toy *t)
{
	ml_runner_close(t->ctx, t->runner);
	ml_graph_close(t->ctx, t->graph);
	ml_release(t->ctx, t->parameters);
	ml_release(t->ctx, t->gradients);
	ml_release(t->ctx, t->states);
}

static inline double
toy_loss(toy *t)
{
	return *(const double *) ml_runner_view(t->runner, t->graph->loss)->data;
}

/* Central differences of an f64 graph's loss against its gradients; the largest error. */
static inline double
toy_check(toy *t)
{
	double	   *parameters = t->parameters;
	double		worst = 0;

	memset(t->gradients, 0, t->graph->parameters * sizeof(double));
	if (ml_runner_run(t->ctx, t->runner, false) != ML_OK)
		return INFINITY;
	for (size_t i = 0; i < t->graph->parameters; i++)
	{
		double		kept = parameters[i];
		double		gradient = ((double *) t->gradients)[i];
		double		upper;
		double		lower;
		double		error;
		double	   *copy = malloc(t->graph->parameters * sizeof(double));

		memcpy(copy, t->gradients, t->graph->parameters * sizeof(double));
		parameters[i] = kept + 1e-5;
		(void) ml_runner_run(t->ctx, t->runner, false);
		upper = toy_loss(t);
		parameters[i] = kept - 1e-5;
		(void) ml_runner_run(t->ctx, t->runner, false);
		lower = toy_loss(t);
		parameters[i] = kept;
		memcpy(t->gradients, copy, t->graph->parameters * sizeof(double));
		free(copy);
		error = fabs(gradient - (upper - lower) / 2e-5) / (1 + fabs(gradient));
		worst = fmax(worst, error);
	}
	return worst;
}

static inline int32_t
toy_sum(toy *t, int32_t value)
{
	return ml_emit1(&t->b.e, &ml_op_sum_to, &(ml_attributes) {.ndims = 0}, value);
}

#endif							/* TOY_GRAPH_H */
