/* Graphs written and read; and such that someone made up. */
#include "toy_graph.h"

/* Something of everything: symbols, a constant, a sparse parameter, a state, attributes, two outputs. */
static ml_status
build(toy *t)
{
	ml_emitter *e = &t->b.e;
	float		numbers[3] = {0.1f, -2, 3e-20f};
	int32_t		x;
	int32_t		w;
	int32_t		y;

	x = ml_builder_input(&t->b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F32, .ndims = 2, .dims = {t->rows, 3}});
	w = ml_builder_parameter(&t->b, ML_TEXT("w \"1\""), &(ml_shape) {.dtype = ML_F32, .ndims = 1, .dims = {3}}, true);
	(void) ml_builder_parameter(&t->b, ML_TEXT("p"), &(ml_shape) {.dtype = ML_F32, .layout = ML_PANELS, .ndims = 2, .dims = {3, 40}}, false);
	(void) ml_builder_state(&t->b, ML_TEXT("s"), &(ml_shape) {.dtype = ML_F32, .ndims = 1, .dims = {5}});
	ml_builder_layer(&t->b, ML_TEXT("first"));
	y = ml_emit2(e, &ml_op_mul, NULL, x, w);
	ml_builder_layer(&t->b, ML_TEXT("second"));
	y = ml_emit2(e, &ml_op_add, NULL, y, ml_builder_constant(&t->b, &(ml_shape) {.dtype = ML_F32, .ndims = 1, .dims = {3}}, numbers));
	ml_builder_output(&t->b, ML_TEXT("y"), y);
	y = ml_emit1(e, &ml_op_sum_to, &(ml_attributes) {.ndims = 2, .dims = {t->rows, 1}}, y);
	y = ml_emit2(e, &ml_op_mul, NULL, y, e->constant(e, ML_F32, 0.5));
	ml_builder_output(&t->b, ML_TEXT("sum"), y);
	return e->status;
}

static void
test_again(void)
{
	unit_host	host;
	toy			t;
	toy			u = {0};
	ml_buffer	json[3] = {{0}};
	ml_dim		dim;
	float		x[6] = {1, 2, 3, 4, 5, 6};

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F32, &t);
	(void) ml_symbols_derive(&host.ctx, &t.graph->symbols, ML_SYMBOL_PLUS, t.rows, 1, 0, 0, 0, &dim);
	(void) ml_symbols_derive(&host.ctx, &t.graph->symbols, ML_SYMBOL_TIMES, t.rows, 7, 0, 0, 0, &dim);
	(void) ml_symbols_derive(&host.ctx, &t.graph->symbols, ML_SYMBOL_WINDOWS, t.rows, 3, 1, 2, 1, &dim);
	unit_is_int(build(&t), ML_OK, "a graph");
	unit_is_int(ml_graph_write(&host.ctx, t.graph, &json[0]), ML_OK, "is written");
	unit_note("%s", json[0].data);
	u.ctx = &host.ctx;
	unit_is_int(ml_graph_read(&host.ctx, (ml_text) {json[0].data, json[0].size}, &u.graph), ML_OK, "is read");
	unit_is_int(ml_graph_write(&host.ctx, u.graph, &json[1]), ML_OK, "is written again");
	unit_is_text(unit_text(json[1].data), json[0].data, "as it was");
	u.rows = t.rows;
	(void) toy_finish(&t);
	unit_is_int(toy_finish(&u), ML_OK, "is finished");
	unit_is_int(ml_graph_write(&host.ctx, t.graph, &json[2]), ML_OK, "is written when finished");
	unit_is_text(unit_text(json[2].data), json[0].data, "as it was");
	for (int i = 0; i < 2; i++)
	{
		toy		   *which = i == 0 ? &t : &u;
		static const int32_t offsets[2] = {0, 2};
		ml_binding	binding = {.numbers = {2}, .rows = {1}, .offsets = {offsets}};

		unit_is_int(ml_runner_bind(&host.ctx, which->runner, &binding, false), ML_OK, "is bound");
		which->runner->inputs[ml_graph_find(which->graph, ML_VALUE_INPUT, ML_TEXT("x"))] = x;
		unit_is_int(ml_runner_run(&host.ctx, which->runner, false), ML_OK, "runs");
	}
	unit_ok(memcmp(ml_runner_view(t.runner, ml_graph_find(t.graph, ML_VALUE_OUTPUT, ML_TEXT("sum")))->data,
				   ml_runner_view(u.runner, ml_graph_find(u.graph, ML_VALUE_OUTPUT, ML_TEXT("sum")))->data, 8) == 0,
			"to the same result");
	toy_close(&t);
	toy_close(&u);
	for (int i = 0; i < 3; i++)
		ml_buffer_free(&host.ctx, &json[i]);
	unit_close(&host, "again");
}

/* A graph of two values and a node, with one thing replaced. */
static const char *const parts[] = {
	"{\"version\":1,\"dtype\":\"F32\",\"symbols\":[{\"name\":\"rows\"}],\"layers\":[\"a\"],\"values\":[",
	"{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"x\"}",
	",{\"kind\":\"output\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"y\"}",
	"],\"nodes\":[",
	"{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[1],\"layer\":0}",
	"]}"
};

static void
test_refused(void)
{
	static const struct
	{
		const char *name;
		int			part;
		const char *text;
		ml_status	status;
		const char *what;
	}			cases[] = {
		{"as it is", 5, "]}", ML_OK, ""},
		{"no object", 0, "[", ML_BAD_MODEL, "JSON"},
		{"a later version", 0, "{\"version\":2,\"dtype\":\"F32\",\"symbols\":[],\"layers\":[],\"values\":[", ML_NEWER_FORMAT, "version 2"},
		{"no version", 0, "{\"dtype\":\"F32\",\"symbols\":[],\"layers\":[],\"values\":[", ML_BAD_MODEL, "no version"},
		{"integers", 0, "{\"version\":1,\"dtype\":\"I32\",\"symbols\":[],\"layers\":[],\"values\":[", ML_BAD_MODEL, "F32"},
		{"no symbol", 0, "{\"version\":1,\"dtype\":\"F32\",\"symbols\":[],\"layers\":[\"a\"],\"values\":[", ML_BAD_MODEL, "size out of range"},
		{"a symbol of itself", 0, "{\"version\":1,\"dtype\":\"F32\",\"symbols\":[{\"rule\":\"plus\",\"of\":0,\"a\":1}],\"layers\":[\"a\"],\"values\":[", ML_BAD_MODEL, "symbol"},
		{"a symbol twice", 0, "{\"version\":1,\"dtype\":\"F32\",\"symbols\":[{\"name\":\"r\"},{\"name\":\"r\"}],\"layers\":[\"a\"],\"values\":[", ML_BAD_MODEL, "same name"},
		{"a symbol that is another", 0, "{\"version\":1,\"dtype\":\"F32\",\"symbols\":[{\"name\":\"r\"},{\"rule\":\"plus\",\"of\":0,\"a\":0}],\"layers\":[\"a\"],\"values\":[", ML_BAD_MODEL, "another one"},
		{"windows without a step", 0, "{\"version\":1,\"dtype\":\"F32\",\"symbols\":[{\"name\":\"r\"},{\"rule\":\"windows\",\"of\":0,\"width\":1,\"stride\":0,\"padding\":0,\"dilation\":1}],\"layers\":[\"a\"],\"values\":[", ML_BAD_MODEL, "symbol"},
		{"a member too many", 5, "],\"x\":1}", ML_BAD_MODEL, "F32"},
		{"a huge size", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[-1,3000000000],\"name\":\"x\"}", ML_BAD_MODEL, "size out of range"},
		{"a huge shape", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[2000000000,2000000000,2000000000],\"name\":\"x\"}", ML_BAD_MODEL, "too large"},
		{"a huge shape with a 0", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[0,2000000000,2000000000,2000000000],\"name\":\"x\"}", ML_BAD_MODEL, "too large"},
		{"nine dims", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"name\":\"x\"}", ML_BAD_MODEL, "shape"},
		{"a parameter without size", 1, "{\"kind\":\"parameter\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "not known"},
		{"a state without size", 1, "{\"kind\":\"state\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "not known"},
		{"an input in panels", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"layout\":\"panels\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "panels"},
		{"a gradient", 1, "{\"kind\":\"gradient\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "value that is none"},
		{"an unknown type", 1, "{\"kind\":\"input\",\"dtype\":\"F33\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "type"},
		{"another type", 1, "{\"kind\":\"input\",\"dtype\":\"F64\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "another shape"},
		{"no name", 1, "{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[-1,3]}", ML_BAD_MODEL, "value that is none"},
		{"an offset", 1, "{\"kind\":\"parameter\",\"dtype\":\"F32\",\"shape\":[2,3],\"name\":\"x\",\"offset\":0}", ML_BAD_MODEL, "value that is none"},
		{"a constant without bytes", 1, "{\"kind\":\"constant\",\"dtype\":\"F32\",\"shape\":[3],\"data\":\"00\"}", ML_BAD_MODEL, "bytes"},
		{"a constant of letters", 1, "{\"kind\":\"constant\",\"dtype\":\"U8\",\"shape\":[1],\"data\":\"0x\"}", ML_BAD_MODEL, "bytes"},
		{"a name twice", 2, ",{\"kind\":\"input\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"x\"}", ML_BAD_MODEL, "two values"},
		{"storage twice", 2, ",{\"kind\":\"parameter\",\"dtype\":\"F32\",\"shape\":[3],\"name\":\"y\"},{\"kind\":\"parameter\",\"dtype\":\"F32\",\"shape\":[3],\"name\":\"y\"}", ML_BAD_MODEL, "two parameters"},
		{"another shape", 2, ",{\"kind\":\"output\",\"dtype\":\"F32\",\"shape\":[-1,4],\"name\":\"y\"}", ML_BAD_MODEL, "another shape"},
		{"another rank", 2, ",{\"kind\":\"output\",\"dtype\":\"F32\",\"shape\":[-1,3,1],\"name\":\"y\"}", ML_BAD_MODEL, "another shape"},
		{"a value that no node makes", 2, ",{\"kind\":\"output\",\"dtype\":\"F32\",\"shape\":[-1,3],\"name\":\"y\"},{\"kind\":\"activation\",\"dtype\":\"F32\",\"shape\":[-1,3]}", ML_BAD_MODEL, "no node makes"},
		{"an unknown op", 4, "{\"op\":\"divine\",\"version\":1,\"inputs\":[0],\"outputs\":[1]}", ML_NEWER_FORMAT, "\"divine\""},
		{"a later op", 4, "{\"op\":\"copy\",\"version\":1000,\"inputs\":[0],\"outputs\":[1]}", ML_NEWER_FORMAT, "version 1000"},
		{"an op of training", 4, "{\"op\":\"softmax_back\",\"version\":1,\"inputs\":[0,0],\"outputs\":[1]}", ML_BAD_MODEL, "training"},
		{"a cycle", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[1],\"outputs\":[1]}", ML_BAD_MODEL, "before it is made"},
		{"an input made", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[0]}", ML_BAD_MODEL, "two nodes make"},
		{"made twice", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[1]},{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[1]}", ML_BAD_MODEL, "two nodes make"},
		{"a dangling input", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[2],\"outputs\":[1]}", ML_BAD_MODEL, "does not exist"},
		{"no input", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[],\"outputs\":[1]}", ML_BAD_MODEL, "0 inputs"},
		{"an absent input", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[null],\"outputs\":[1]}", ML_BAD_MODEL, "missing"},
		{"too many inputs", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0,0],\"outputs\":[1]}", ML_BAD_MODEL, "2 inputs"},
		{"no output", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[]}", ML_BAD_MODEL, "results"},
		{"an attribute it hasn't", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[1],\"attributes\":{\"x\":1}}", ML_BAD_MODEL, "attribute"},
		{"a layer that isn't", 4, "{\"op\":\"copy\",\"version\":1,\"inputs\":[0],\"outputs\":[1],\"layer\":1}", ML_BAD_MODEL, "node that is none"},
		{"shapes that don't fit", 4, "{\"op\":\"broadcast_to\",\"version\":1,\"inputs\":[0],\"outputs\":[1],\"dims\":[4]}", ML_BAD_MODEL, "broadcast"},
		{"a symbol that isn't", 4, "{\"op\":\"broadcast_to\",\"version\":1,\"inputs\":[0],\"outputs\":[1],\"dims\":[-2,3]}", ML_BAD_MODEL, "size out of range"},
	};
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		char		json[4096] = "";
		ml_graph   *graph;

		for (int part = 0; part < (int) ML_LENGTH(parts); part++)
			strcat(json, part == cases[i].part ? cases[i].text : parts[part]);
		if (cases[i].status == ML_OK)
			unit_is_int(ml_graph_read(&host.ctx, unit_text(json), &graph), ML_OK, "%s", cases[i].name);
		else
			unit_fails(&host, ml_graph_read(&host.ctx, unit_text(json), &graph), cases[i].status, cases[i].what, "%s", cases[i].name);
		ml_graph_close(&host.ctx, graph);
	}
	unit_close(&host, "refused");
}

static ml_status
write_and_read(ml_context *ctx, void *argument)
{
	toy			t;
	ml_graph   *graph = NULL;
	ml_buffer	json = {0};
	ml_status	status = toy_open(ctx, ML_F32, &t);

	if (status == ML_OK)
		status = build(&t);
	if (status == ML_OK)
		status = ml_graph_write(ctx, t.graph, &json);
	if (status == ML_OK)
		status = ml_graph_read(ctx, (ml_text) {json.data, json.size}, &graph);
	if (status == ML_OK)
		status = ml_graph_finish(ctx, graph);
	ml_graph_close(ctx, graph);
	ml_buffer_free(ctx, &json);
	toy_close(&t);
	return status;
}

int
main(void)
{
	test_again();
	test_refused();
	unit_every_allocation_fails("writing and reading", write_and_read, NULL);
	unit_every_poll_cancels("writing and reading", write_and_read, NULL);
	return unit_done();
}
