/* What one representation must carry: tied weights, several outputs, states, views, narrow weights. */
#include "toy_graph.h"

#include "kernel/network.h"

static int32_t
input(toy *t, const char *name, ml_dtype dtype, int ndims, const ml_dim *dims)
{
	ml_shape	shape = {dtype, ML_PLAIN, ndims, {0}};

	memcpy(shape.dims, dims, (size_t) ndims * sizeof(ml_dim));
	return ml_builder_input(&t->b, unit_text(name), &shape);
}

static int32_t
parameter(toy *t, const char *name, ml_dtype dtype, ml_layout layout, int64_t rows, int64_t columns, bool sparse)
{
	return ml_builder_parameter(&t->b, unit_text(name), &(ml_shape) {dtype, layout, 2, {rows, columns}}, sparse);
}

#define VOCABULARY	7
#define WIDTH		3

/* A table that is embedding and, transposed, output; tied: false: another one of the same name's shape. */
static ml_status
build_tied(toy *t, bool tied)
{
	ml_emitter *e = &t->b.e;
	int32_t		tokens = input(t, "tokens", ML_I32, 1, (ml_dim[]) {t->rows});
	int32_t		table = parameter(t, "table", ML_F64, ML_PLAIN, VOCABULARY, WIDTH, true);
	int32_t		out = parameter(t, tied ? "table" : "out", ML_F64, ML_PLAIN, VOCABULARY, WIDTH, !tied);
	int32_t		h = ml_emit2(e, &ml_op_gather, NULL, table, tokens);
	int32_t		y;

	h = ml_emit1(e, &ml_op_activation, &(ml_attributes) {.ints = {ML_TANH}}, h);
	y = ml_emit2(e, &ml_op_matmul, NULL, h, ml_emit1(e, &ml_op_transpose, &(ml_attributes) {.ints = {1, 0}}, out));
	y = ml_emit2(e, &ml_op_mul, NULL, y, y);
	ML_TRY(ml_graph_backward(&t->b, toy_sum(t, y)));
	return toy_finish(t);
}

static void
test_tied(void)
{
	static const int32_t tokens[4] = {1, 5, 1, 2};
	unit_host	host;
	toy			t;
	toy			u;
	double	   *apart;
	double		worst = 0;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	(void) toy_open(&host.ctx, ML_F64, &u);
	unit_is_int(build_tied(&t, true), ML_OK, "a table that is embedding and output");
	unit_is_int(build_tied(&u, false), ML_OK, "and one that has a copy");
	for (int i = 0; i < VOCABULARY * WIDTH; i++)
		((double *) u.parameters)[u.graph->values[ml_graph_find(u.graph, ML_VALUE_PARAMETER, ML_TEXT("out"))].offset + i] =
			((double *) u.parameters)[i];
	for (int i = 0; i < 2; i++)
	{
		toy		   *which = i == 0 ? &t : &u;

		which->runner->inputs[ml_graph_find(which->graph, ML_VALUE_INPUT, ML_TEXT("tokens"))] = tokens;
		unit_is_int(toy_bind(which, 4, true), ML_OK, "bound");
		unit_is_near(toy_check(which), 0, 1e-6, "its gradients");
	}
	apart = (double *) u.gradients + u.graph->values[ml_graph_find(u.graph, ML_VALUE_PARAMETER, ML_TEXT("out"))].offset;
	for (int i = 0; i < VOCABULARY * WIDTH; i++)
		worst = fmax(worst, fabs(((double *) t.gradients)[i] - ((double *) u.gradients)[i] - apart[i]));
	unit_is_near(worst, 0, 1e-12, "the tied gradient is the sum of both");
	unit_ok(!t.graph->values[ml_graph_find(t.graph, ML_VALUE_PARAMETER, ML_TEXT("table"))].sparse, "a tied table's gradient is not sparse");
	unit_ok(u.graph->values[ml_graph_find(u.graph, ML_VALUE_PARAMETER, ML_TEXT("table"))].sparse, "an embedding's is");
	unit_ok(!u.graph->values[ml_graph_find(u.graph, ML_VALUE_PARAMETER, ML_TEXT("out"))].sparse, "an output's is not, whatever was said");
	toy_close(&t);
	toy_close(&u);
	unit_close(&host, "tied");
}

/* Rows that no token names are neither written nor flagged. */
static void
test_sparse(void)
{
	static const int32_t tokens[4] = {1, 5, 1, 2};
	unit_host	host;
	toy			t;
	uint8_t		touched[VOCABULARY] = {0};
	int32_t		table;
	bool		kept = true;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	(void) build_tied(&t, false);
	table = ml_graph_find(t.graph, ML_VALUE_PARAMETER, ML_TEXT("table"));
	t.runner->inputs[ml_graph_find(t.graph, ML_VALUE_INPUT, ML_TEXT("tokens"))] = tokens;
	t.runner->touched[table] = touched;
	for (int i = 0; i < VOCABULARY * WIDTH; i++)
		((double *) t.gradients)[i] = i / WIDTH == 0 || i / WIDTH > 5 ? 99 : 0;
	(void) toy_bind(&t, 4, true);
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_OK, "runs");
	for (int i = 0; i < VOCABULARY; i++)
		kept = kept && touched[i] == (i == 1 || i == 2 || i == 5) &&
			(i == 0 || i > 5 ? ((double *) t.gradients)[i * WIDTH] == 99 : true);
	unit_ok(kept, "a sparse gradient is written in the rows that are flagged, and in no others");
	toy_close(&t);
	unit_close(&host, "sparse");
}

/* Two outputs, one of them a view into what the other is made of, one an input's copy. */
static void
test_outputs(void)
{
	unit_host	host;
	toy			t;
	float		x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	ml_attributes slice = ml_op_standard(&ml_op_slice);
	const ml_view *view;
	int32_t		v;
	int32_t		y;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F32, &t);
	v = input(&t, "x", ML_F32, 2, (ml_dim[]) {t.rows, 2});
	y = ml_emit2(&t.b.e, &ml_op_add, NULL, v, v);
	slice.ints[0] = 1;
	slice.ints[1] = 1;
	ml_builder_output(&t.b, ML_TEXT("second"), ml_emit1(&t.b.e, &ml_op_slice, &slice, y));
	ml_builder_output(&t.b, ML_TEXT("square"), ml_emit2(&t.b.e, &ml_op_mul, NULL, y, y));
	ml_builder_output(&t.b, ML_TEXT("itself"), v);
	unit_is_int(toy_finish(&t), ML_OK, "three outputs");
	(void) toy_bind(&t, 4, false);
	t.runner->inputs[v] = x;
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_OK, "run");
	view = ml_runner_view(t.runner, ml_graph_find(t.graph, ML_VALUE_OUTPUT, ML_TEXT("second")));
	unit_ok(!view->contiguous && view->strides[0] == 2 && ((const float *) view->data)[2] == 8, "a view");
	view = ml_runner_view(t.runner, ml_graph_find(t.graph, ML_VALUE_OUTPUT, ML_TEXT("square")));
	unit_ok(((const float *) view->data)[7] == 256, "a result");
	view = ml_runner_view(t.runner, ml_graph_find(t.graph, ML_VALUE_OUTPUT, ML_TEXT("itself")));
	unit_ok(view->data != x && ((const float *) view->data)[7] == 8, "a copy of an input");
	toy_close(&t);
	unit_close(&host, "outputs");
}

/* Heads of a [rows, 3 x heads x d] value by slices and transposes into matmul, without a copy. */
static void
test_views(void)
{
	unit_host	host;
	toy			t;
	double		x[5 * 12];
	ml_attributes slice = ml_op_standard(&ml_op_slice);
	int32_t		parts[3];
	int32_t		y;
	int32_t		v;
	int			copies = 0;
	double		worst = 0;
	const double *got;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	v = input(&t, "x", ML_F64, 2, (ml_dim[]) {t.rows, 12});
	y = ml_emit1(&t.b.e, &ml_op_reshape, &(ml_attributes) {.ndims = 4, .dims = {t.rows, 3, 2, 2}}, v);
	slice.ints[0] = 1;
	for (int i = 0; i < 3; i++)
	{
		slice.ints[1] = i;
		slice.ints[2] = i + 1;
		parts[i] = ml_emit1(&t.b.e, &ml_op_slice, &slice, y);
		parts[i] = ml_emit1(&t.b.e, &ml_op_reshape, &(ml_attributes) {.ndims = 3, .dims = {t.rows, 2, 2}}, parts[i]);
		parts[i] = ml_emit1(&t.b.e, &ml_op_transpose, &(ml_attributes) {.ints = {1, 0, 2}}, parts[i]);
	}
	y = ml_emit2(&t.b.e, &ml_op_matmul, &(ml_attributes) {.ints = {0, 1}}, parts[0], parts[1]);
	y = ml_emit2(&t.b.e, &ml_op_matmul, NULL, y, parts[2]);
	ml_builder_output(&t.b, ML_TEXT("y"), y);
	unit_is_int(toy_finish(&t), ML_OK, "heads");
	unit_is_int(toy_bind(&t, 5, false), ML_OK, "bound");
	for (size_t i = 0; i < t.graph->noperands; i++)
		copies += t.runner->plan.copies[i] != SIZE_MAX;
	for (int32_t k = 0; k < t.graph->nnodes; k++)
		if ((ml_ops[t.graph->nodes[k].op]->flags & ML_OP_VIEW) != 0)
		{
			int32_t		out = t.graph->operands[t.graph->nodes[k].inputs + t.graph->nodes[k].nin];

			copies += t.runner->plan.storage[out] == out;
		}
	unit_is_int(copies, 0, "nothing is copied");
	for (int i = 0; i < 60; i++)
		x[i] = sin(i);
	t.runner->inputs[v] = x;
	(void) ml_runner_run(&host.ctx, t.runner, false);
	got = ml_runner_view(t.runner, y)->data;
	for (int head = 0; head < 2; head++)
		for (int i = 0; i < 5; i++)
			for (int c = 0; c < 2; c++)
			{
				double		sum = 0;

				for (int j = 0; j < 5; j++)
					sum += (x[12 * i + 2 * head] * x[12 * j + 4 + 2 * head] + x[12 * i + 2 * head + 1] * x[12 * j + 5 + 2 * head]) *
						x[12 * j + 8 + 2 * head + c];
				worst = fmax(worst, fabs(sum - got[(head * 5 + i) * 2 + c]));
			}
	unit_is_near(worst, 0, 1e-13, "products of strided views");
	toy_close(&t);
	unit_close(&host, "views");
}

/* A state is written in place and lives on; what reads it afterwards sees what is new. */
static void
test_state(void)
{
	unit_host	host;
	toy			t;
	float		x[2];
	int32_t		v;
	int32_t		s;
	int32_t		y;
	bool		right = true;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F32, &t);
	v = input(&t, "x", ML_F32, 1, (ml_dim[]) {2});
	s = ml_builder_state(&t.b, ML_TEXT("mean"), &(ml_shape) {.dtype = ML_F32, .ndims = 1, .dims = {2}});
	s = ml_emit2(&t.b.e, &ml_op_running, &(ml_attributes) {.reals = {0.5}}, s, v);
	y = ml_emit2(&t.b.e, &ml_op_add, NULL, s, v);
	ml_builder_output(&t.b, ML_TEXT("y"), y);
	unit_is_int(toy_finish(&t), ML_OK, "a state");
	(void) toy_bind(&t, 0, false);
	t.runner->inputs[v] = x;
	for (int i = 1; i <= 3; i++)
	{
		float		before = ((float *) t.states)[1];

		x[0] = x[1] = (float) i;
		(void) ml_runner_run(&host.ctx, t.runner, false);
		right = right && ((float *) t.states)[1] == before + 0.5f * ((float) i - before) &&
			((const float *) ml_runner_view(t.runner, y)->data)[1] == ((float *) t.states)[1] + (float) i;
	}
	unit_ok(right, "it lives on from run to run");
	y = ml_emit2(&t.b.e, &ml_op_running, NULL, v, v);
	unit_ok(y == ML_NO_VALUE && strstr(host.ctx.error.text, "not a state") != NULL, "what is no state can't be written");
	toy_close(&t);
	unit_close(&host, "state");
}

#define K	70
#define N	40

static uint16_t
bf16_of(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, 4);
	return (uint16_t) ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/* The same network with weights in single precision, bf16, and blocks of int8: where they lie is all the graph must know. */
static void
test_narrow(void)
{
	static const ml_dtype dtypes[3] = {ML_F32, ML_BF16, ML_Q8};
	unit_host	host;
	float		x[3 * K];
	float		y[3][3 * N];
	double		worst[3] = {0};
	size_t		bytes[3];

	unit_open(&host);
	for (int i = 0; i < 3 * K; i++)
		x[i] = (float) sin(i);
	for (int i = 0; i < 3; i++)
	{
		toy			t;
		int32_t		v;
		int32_t		w;
		int32_t		out;
		char	   *at;

		(void) toy_open(&host.ctx, ML_F32, &t);
		v = input(&t, "x", ML_F32, 2, (ml_dim[]) {t.rows, K});
		w = parameter(&t, "w", dtypes[i], ML_PANELS, K, N, false);
		out = ml_emit2(&t.b.e, &ml_op_linear, NULL, v, w);
		ml_builder_output(&t.b, ML_TEXT("y"), ml_emit2(&t.b.e, &ml_op_add, NULL, out, parameter(&t, "b", ML_F32, ML_PLAIN, 1, N, false)));
		if (toy_finish(&t) != ML_OK)
			unit_note("%s", host.ctx.error.text);
		bytes[i] = ml_storage_bytes(dtypes[i], ML_PANELS, 2, (int64_t[]) {K, N});
		at = (char *) t.parameters + t.graph->values[w].offset * sizeof(float);
		memset(at, 0, bytes[i]);
		for (int k = 0; k < K; k++)
			for (int n = 0; n < N; n++)
			{
				float		value = (float) cos(k * N + n);
				size_t		place = (size_t) (n / ML_PANEL) * K * ML_PANEL + (size_t) k * ML_PANEL + (size_t) (n % ML_PANEL);

				if (i == 0)
					((float *) (void *) at)[place] = value;
				else if (i == 1)
					((uint16_t *) (void *) at)[place] = bf16_of(value);
				else
				{
					char	   *group = at + (size_t) (n / ML_PANEL * ((K + ML_PANEL - 1) / ML_PANEL) + k / ML_PANEL) * ML_Q8_GROUP;

					((float *) (void *) group)[n % ML_PANEL] = 1 / 127.0f;
					group[ML_PANEL * 4 + k % ML_PANEL * ML_PANEL + n % ML_PANEL] = (char) lrintf(value * 127);
				}
			}
		memcpy((float *) t.parameters + t.graph->values[ml_graph_find(t.graph, ML_VALUE_PARAMETER, ML_TEXT("b"))].offset, x, N * sizeof(float));
		t.runner->inputs[v] = x;
		(void) toy_bind(&t, 3, false);
		if (ml_runner_run(&host.ctx, t.runner, false) != ML_OK)
			unit_note("%s", host.ctx.error.text);
		memcpy(y[i], ml_runner_view(t.runner, ml_graph_find(t.graph, ML_VALUE_OUTPUT, ML_TEXT("y")))->data, sizeof(y[i]));
		for (int j = 0; j < 3 * N; j++)
			worst[i] = fmax(worst[i], fabs(y[i][j] - y[0][j]));
		toy_close(&t);
	}
	unit_ok(worst[1] > 0 && worst[1] < 0.05, "weights in bf16 under activations in single precision (%.1e)", worst[1]);
	unit_ok(worst[2] > 0 && worst[2] < 0.1, "weights in blocks of int8 (%.1e)", worst[2]);
	unit_ok(bytes[1] * 2 == bytes[0] && bytes[2] * 5 < bytes[0] * 2, "they take %zu, %zu, %zu bytes", bytes[0], bytes[1], bytes[2]);
	unit_close(&host, "narrow");
}

int
main(void)
{
	test_tied();
	test_sparse();
	test_outputs();
	test_views();
	test_state();
	test_narrow();
	return unit_done();
}
