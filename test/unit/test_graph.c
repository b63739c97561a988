/* Graphs: building, planning, running. */
#include "unit.h"
#include "graph/graph.h"
#include "op/ops.h"

static void
test_copy(void)
{
	unit_host	host;
	ml_graph   *graph;
	ml_builder	b;
	ml_runner  *runner;
	ml_dim		rows;
	ml_binding	binding = {{0}};
	int32_t		x;
	int32_t		y;
	float		data[12];

	unit_open(&host);
	unit_is_int(ml_graph_open(&host.ctx, ML_F32, &graph), ML_OK, "a graph");
	unit_is_int(ml_graph_symbol(&host.ctx, graph, ML_TEXT("rows"), &rows), ML_OK, "a symbol");
	ml_builder_start(&host.ctx, graph, &b);
	x = ml_builder_input(&b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F32, .ndims = 2, .dims = {rows, 3}});
	y = ml_emit1(&b.e, &ml_op_copy, NULL, x);
	ml_builder_output(&b, ML_TEXT("y"), y);
	unit_is_int(b.e.status, ML_OK, "a node");
	unit_is_int(ml_graph_finish(&host.ctx, graph), ML_OK, "is finished");
	unit_is_int(ml_runner_open(&host.ctx, graph, NULL, &runner), ML_OK, "a runner");
	for (int i = 0; i < 12; i++)
		data[i] = (float) i;
	binding.numbers[ML_SYMBOL_OF(rows)] = 4;
	unit_is_int(ml_runner_bind(&host.ctx, runner, &binding, false), ML_OK, "is bound");
	runner->inputs[x] = data;
	unit_is_int(ml_runner_run(&host.ctx, runner, false), ML_OK, "runs");
	unit_is_int(ml_runner_view(runner, y)->dims[0], 4, "its rows");
	unit_ok(memcmp(ml_runner_view(runner, y)->data, data, sizeof(data)) == 0, "copies");
	ml_runner_close(&host.ctx, runner);
	ml_graph_close(&host.ctx, graph);
	unit_close(&host, "copy");
}

int
main(void)
{
	test_copy();
	return unit_done();
}
