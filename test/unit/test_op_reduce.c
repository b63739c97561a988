/*-------------------------------------------------------------------------
 *
 * test_op_reduce.c
 *	  Sums, means, extremes, softmax, norms.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

#include <math.h>

static unit_host host;

#define CASES 220

/* A float input of up to four dimensions, some with rows. */
static void
pick_input(op_checks *checks, op_case *c, int least)
{
	int			ndims = (int) op_pick(checks, least, 4);
	bool		rows = ndims > 1 && op_pick(checks, 0, 1) == 0;
	int64_t		dims[4];

	for (int d = 0; d < ndims; d++)
		dims[d] = op_pick(checks, 0, 24) == 0 ? 0 : op_pick(checks, 1, 3) == 1 ? op_dim(checks) : op_pick(checks, 1, 5);
	c->in[0] = op_floats(ndims, dims);
	c->in[0].role = rows ? OP_ROWS : OP_WHOLE;
	c->in[0].strided = op_pick(checks, 0, 3) == 0;
	c->rows = rows ? (int) op_pick(checks, 1, 5) : 0;
	c->out[0] = c->in[0].role;
}

static void
test_reductions(void)
{
	static const ml_op *const ops[] = {&ml_op_sum, &ml_op_mean, &ml_op_max, &ml_op_min};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i]->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i], .nin = 1};

			pick_input(&checks, &c, 0);
			c.attributes.ints[0] = op_pick(&checks, 0, (1 << c.in[0].ndims) - 1);
			c.attributes.ints[1] = op_pick(&checks, 0, 1);
			if ((c.attributes.ints[0] & 1) != 0)
				c.out[0] = OP_WHOLE;
			c.in[0].draw = i < 2 ? OP_UNIFORM : OP_APART;
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

/* sum_to and spread, whose dims are numbers. */
static void
test_sum_to(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "sum_to and spread");
	for (int k = 0; k < 2 * CASES; k++)
	{
		op_case		c = {.op = k % 2 == 0 ? &ml_op_sum_to : &ml_op_spread, .nin = 1};
		op_input	x;

		pick_input(&checks, &c, 0);
		c.in[0].role = c.out[0] = OP_WHOLE;
		x = c.in[0];
		if (k % 2 == 0)
		{
			int			fewer = (int) op_pick(&checks, 0, x.ndims);

			c.attributes.ndims = x.ndims - fewer;
			for (int d = fewer; d < x.ndims; d++)
				c.attributes.dims[d - fewer] = op_pick(&checks, 0, 2) == 0 ? 1 : x.dims[d];
		}
		else
		{
			c.attributes.ints[0] = op_pick(&checks, 0, (1 << x.ndims) - 1);
			c.attributes.ints[1] = op_pick(&checks, 0, 1);
			c.attributes.ints[2] = op_pick(&checks, 0, 1);
			c.attributes.ndims = x.ndims;
			memcpy(c.attributes.dims, x.dims, sizeof(x.dims));
			c.in[0].ndims = 0;
			for (int d = 0; d < x.ndims; d++)
				if ((c.attributes.ints[0] >> d & 1) == 0)
					c.in[0].dims[c.in[0].ndims++] = x.dims[d];
				else if (c.attributes.ints[1] != 0)
					c.in[0].dims[c.in[0].ndims++] = 1;
		}
		op_check(&checks, &c);
	}
	op_checks_close(&checks, 2 * CASES);
}

static void
test_softmax(void)
{
	static const ml_op *const ops[] = {&ml_op_softmax, &ml_op_log_softmax};

	for (size_t i = 0; i < ML_LENGTH(ops); i++)
	{
		op_checks	checks;

		op_checks_open(&checks, &host, ops[i]->name);
		for (int k = 0; k < CASES; k++)
		{
			op_case		c = {.op = ops[i], .nin = 1};

			pick_input(&checks, &c, 1);
			c.in[0].low = k % 5 == 0 ? 300 : -4;
			c.in[0].high = k % 5 == 0 ? 310 : 4;
			if (k % 9 == 0)
				c.in[0].dims[c.in[0].ndims - 1] = op_pick(&checks, 500, 1100);
			op_check(&checks, &c);
		}
		op_checks_close(&checks, CASES);
	}
}

static void
test_layer_norm(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "layer_norm");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_layer_norm, .nin = (int) op_pick(&checks, 1, 3), .unread = 6};

		pick_input(&checks, &c, 1);
		c.attributes.reals[0] = 0.05 + 0.9 * ml_rng_double(&checks.rng);
		for (int i = 1; i < 3; i++)
		{
			c.in[i] = op_floats(1, &c.in[0].dims[c.in[0].ndims - 1]);
			c.in[i].absent = i < c.nin && op_pick(&checks, 0, 3) == 0;
		}
		c.in[0].low = -3;
		c.in[0].high = 3;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);

	op_checks_open(&checks, &host, "layer_norm_gain");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_layer_norm_gain, .nin = 4};

		pick_input(&checks, &c, 1);
		c.in[0].strided = false;
		c.in[0].role = c.out[0] = OP_WHOLE;
		c.in[1] = c.in[2] = c.in[3] = c.in[0];
		c.in[2].ndims = c.in[3].ndims = c.in[0].ndims - 1;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

static void
test_batch_norm(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "batch_norm");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_batch_norm, .nin = (int) op_pick(&checks, 1, 3), .unread = 14};

		pick_input(&checks, &c, 1);
		c.out[0] = OP_WHOLE;
		c.attributes.reals[0] = 0.05 + 0.9 * ml_rng_double(&checks.rng);
		if (k % 16 == 0)
			c.in[0].dims[0] = op_pick(&checks, 255, 600);
		for (int i = 1; i < 3; i++)
		{
			c.in[i] = op_floats(1, &c.in[0].dims[c.in[0].ndims - 1]);
			c.in[i].absent = i < c.nin && op_pick(&checks, 0, 3) == 0;
		}
		c.in[0].low = -3;
		c.in[0].high = 3;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);

	op_checks_open(&checks, &host, "batch_norm_running");
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_batch_norm_running, .nin = (int) op_pick(&checks, 3, 5)};

		pick_input(&checks, &c, 1);
		for (int i = 1; i < 5; i++)
		{
			c.in[i] = op_floats(1, &c.in[0].dims[c.in[0].ndims - 1]);
			c.in[i].absent = i > 2 && i < c.nin && op_pick(&checks, 0, 3) == 0;
		}
		c.in[2].low = 0.01;
		c.in[2].high = 4;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
}

/* A state that moves towards what comes, and stays where nothing comes. */
static void
test_running(void)
{
	ml_context *ctx = &host.ctx;
	ml_shape	shape = {.dtype = ML_F32, .ndims = 1, .dims = {3}};
	ml_attributes attributes = ml_op_standard(&ml_op_running);
	_Alignas(64) float states[16] = {1, 2, 3};
	_Alignas(64) float value[3] = {2, NAN, -1};
	ml_binding	binding = {{0}};
	ml_graph   *graph;
	ml_builder	b;
	ml_runner  *runner;
	int32_t		x;

	unit_is_int(ml_graph_open(ctx, ML_F32, &graph), ML_OK, "a graph with a state");
	ml_builder_start(ctx, graph, &b);
	attributes.reals[0] = 0.25;
	x = ml_builder_input(&b, ML_TEXT("x"), &shape);
	ml_builder_output(&b, ML_TEXT("moved"), ml_emit2(&b.e, &ml_op_running, &attributes,
													 ml_builder_state(&b, ML_TEXT("mean"), &shape), x));
	unit_is_int(b.e.status == ML_OK ? ml_graph_finish(ctx, graph) : b.e.status, ML_OK, "... is finished");
	unit_is_int(ml_runner_open(ctx, graph, &ml_kernel_ref, &runner), ML_OK, "... is opened");
	runner->states = states;
	unit_is_int(ml_runner_bind(ctx, runner, &binding, false), ML_OK, "... is bound");
	runner->inputs[x] = value;
	unit_is_int(ml_runner_run(ctx, runner, false), ML_OK, "... runs");
	unit_ok(states[0] == 1.25f && states[1] == 2 && states[2] == 2, "a quarter of the way; NaN moves nothing");
	unit_is_int(ml_runner_run(ctx, runner, false), ML_OK, "... runs again");
	unit_ok(states[0] == 1.4375f && states[1] == 2 && states[2] == 1.25f, "and a quarter of what is left");
	ml_runner_close(ctx, runner);
	ml_graph_close(ctx, graph);
}

/* Softmax, norms and a sum over a million numbers. */
static ml_status
long_run(ml_context *ctx, void *argument)
{
	static _Alignas(64) float x[2048 * 512];
	ml_shape	shape = {.dtype = ML_F32, .ndims = 2, .dims = {2048, 512}};
	ml_attributes epsilon = {.reals = {1e-5}};
	ml_binding	binding = {{0}};
	ml_graph   *graph = NULL;
	ml_runner  *runner = NULL;
	ml_builder	b;
	int32_t		in;
	int32_t		layer[3];
	int32_t		batch[4];
	ml_status	status = ml_graph_open(ctx, ML_F32, &graph);

	if (status != ML_OK)
		return status;
	ml_builder_start(ctx, graph, &b);
	in = ml_builder_input(&b, ML_TEXT("x"), &shape);
	b.e.node(&b.e, &ml_op_layer_norm, &epsilon, 1, &in, 3, layer);
	b.e.node(&b.e, &ml_op_batch_norm, &epsilon, 1, layer, 4, batch);
	batch[0] = ml_emit1(&b.e, &ml_op_log_softmax, NULL, ml_emit1(&b.e, &ml_op_softmax, NULL, batch[0]));
	ml_builder_output(&b, ML_TEXT("y"), ml_emit1(&b.e, &ml_op_sum_to, NULL, batch[0]));
	status = b.e.status == ML_OK ? ml_graph_finish(ctx, graph) : b.e.status;
	status = status == ML_OK ? ml_runner_open(ctx, graph, &ml_kernel_ref, &runner) : status;
	status = status == ML_OK ? ml_runner_bind(ctx, runner, &binding, false) : status;
	if (status == ML_OK)
	{
		runner->inputs[in] = x;
		status = ml_runner_run(ctx, runner, false);
	}
	ml_runner_close(ctx, runner);
	ml_graph_close(ctx, graph);
	return status;
}

static void
test_recorded(void)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "recorded");
	op_check_recorded(&checks, "ops_reduce.safetensors");
	op_checks_close(&checks, 0);
}

int
main(void)
{
	unit_open(&host);
	test_reductions();
	test_sum_to();
	test_softmax();
	test_layer_norm();
	test_batch_norm();
	test_running();
	test_recorded();
	unit_every_poll_cancels("a long run", long_run, NULL);
	unit_every_allocation_fails("a long run", long_run, NULL);
	unit_close(&host, "reductions");
	return unit_done();
}
