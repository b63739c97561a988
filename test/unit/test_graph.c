/* Graphs: building, running, gradients. */
#include "toy_graph.h"

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
