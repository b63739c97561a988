/* Graphs: building, planning, running, gradients. */
#include "unit.h"

#include <math.h>

#include "graph/graph.h"
#include "kernel/kernel.h"
#include "op/ops.h"

/* A graph under construction, and what it runs with. */
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

static ml_status
toy_open(ml_context *ctx, ml_dtype dtype, toy *t)
{
	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	ML_TRY(ml_graph_open(ctx, dtype, &t->graph));
	ml_builder_start(ctx, t->graph, &t->b);
	return ml_graph_symbol(ctx, t->graph, ML_TEXT("rows"), &t->rows);
}

/* Memory for a run, of numbers between -1 and 1. */
static ml_status
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

static ml_status
toy_bind(toy *t, int64_t rows, bool backward)
{
	ml_binding	binding = {{0}};

	binding.numbers[ML_SYMBOL_OF(t->rows)] = rows;
	return ml_runner_bind(t->ctx, t->runner, &binding, backward);
}

static void
toy_close(toy *t)
{
	ml_runner_close(t->ctx, t->runner);
	ml_graph_close(t->ctx, t->graph);
	ml_release(t->ctx, t->parameters);
	ml_release(t->ctx, t->gradients);
	ml_release(t->ctx, t->states);
}

static double
toy_loss(toy *t)
{
	return *(const double *) ml_runner_view(t->runner, t->graph->loss)->data;
}

/* Central differences of an f64 graph's loss against its gradients; the largest error. */
static double
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

static int32_t
toy_sum(toy *t, int32_t value)
{
	return ml_emit1(&t->b.e, &ml_op_sum_to, &(ml_attributes) {.ndims = 0}, value);
}

static void
test_copy(void)
{
	unit_host	host;
	toy			t;
	int32_t		x;
	int32_t		y;
	float		data[12];

	unit_open(&host);
	unit_is_int(toy_open(&host.ctx, ML_F32, &t), ML_OK, "a graph");
	x = ml_builder_input(&t.b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F32, .ndims = 2, .dims = {t.rows, 3}});
	y = ml_emit1(&t.b.e, &ml_op_copy, NULL, x);
	ml_builder_output(&t.b, ML_TEXT("y"), y);
	unit_is_int(toy_finish(&t), ML_OK, "is finished");
	for (int i = 0; i < 12; i++)
		data[i] = (float) i;
	unit_is_int(toy_bind(&t, 4, false), ML_OK, "is bound");
	unit_fails(&host, ml_runner_run(&host.ctx, t.runner, false), ML_INTERNAL, "\"x\"", "an input that isn't set");
	t.runner->inputs[x] = data;
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_OK, "runs");
	unit_is_int(ml_runner_view(t.runner, y)->dims[0], 4, "its rows");
	unit_ok(memcmp(ml_runner_view(t.runner, y)->data, data, sizeof(data)) == 0, "copies");
	toy_close(&t);
	unit_close(&host, "copy");
}

/* loss = sum((w + x) w v + w): w thrice, v broadcast, a gradient that passes through add. */
static ml_status
build_gradients(toy *t)
{
	ml_emitter *e = &t->b.e;
	int32_t		x = ml_builder_input(&t->b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F64, .ndims = 3, .dims = {t->rows, 2, 3}});
	int32_t		w = ml_builder_parameter(&t->b, ML_TEXT("w"), &(ml_shape) {.dtype = ML_F64, .ndims = 2, .dims = {2, 3}}, false);
	int32_t		v = ml_builder_parameter(&t->b, ML_TEXT("v"), &(ml_shape) {.dtype = ML_F64, .ndims = 1, .dims = {3}}, false);
	int32_t		y = ml_emit2(e, &ml_op_add, NULL, w, x);

	y = ml_emit2(e, &ml_op_mul, NULL, y, w);
	y = ml_emit2(e, &ml_op_mul, NULL, y, v);
	y = ml_emit2(e, &ml_op_add, NULL, y, w);
	return ml_graph_backward(&t->b, toy_sum(t, y));
}

static void
test_backward(void)
{
	unit_host	host;
	toy			t;
	double		x[24];
	double		once[32];

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	unit_is_int(build_gradients(&t), ML_OK, "gradients are emitted");
	unit_is_int(toy_finish(&t), ML_OK, "finished");
	for (int i = 0; i < 24; i++)
		x[i] = cos(i);
	t.runner->inputs[ml_graph_find(t.graph, ML_VALUE_INPUT, ML_TEXT("x"))] = x;
	for (int rows = 0; rows <= 4; rows++)
	{
		unit_is_int(toy_bind(&t, rows, true), ML_OK, "%d rows", rows);
		unit_is_near(toy_check(&t), 0, 1e-7, "gradients of %d rows", rows);
	}
	memcpy(once, t.gradients, sizeof(once));
	(void) ml_runner_run(&host.ctx, t.runner, true);
	for (int i = 0; i < 6; i++)
		unit_is_near(((double *) t.gradients)[i], 2 * once[i], 1e-12, "a slice more adds");
	toy_close(&t);
	unit_close(&host, "backward");
}

int
main(void)
{
	test_copy();
	test_backward();
	return unit_done();
}
