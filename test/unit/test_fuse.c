/* Fused graphs: fewer nodes, the same results. */
#include "toy_graph.h"

#include "op/window.h"

typedef struct fuse_case
{
	const char *name;
	int			activation;		/* -1: none */
	bool		bias;
	bool		pool;
	int32_t		(*first) (toy *t, int32_t x);
	int			ndims;			/* of x behind rows */
	int64_t		dims[3];
} fuse_case;

static ml_shape
shape_of(const toy *t, ml_layout layout, int ndims, const ml_dim *dims)
{
	ml_shape	shape = {t->graph->dtype, layout, ndims, {0}};

	memcpy(shape.dims, dims, (size_t) ndims * sizeof(ml_dim));
	return shape;
}

static int32_t
parameter(toy *t, const char *name, ml_layout layout, int ndims, const ml_dim *dims)
{
	ml_shape	shape = shape_of(t, layout, ndims, dims);

	return ml_builder_parameter(&t->b, unit_text(name), &shape, false);
}

static int32_t
linear(toy *t, int32_t x)
{
	return ml_emit2(&t->b.e, &ml_op_linear, NULL, x, parameter(t, "w", ML_PANELS, 2, (ml_dim[]) {6, 5}));
}

static int32_t
conv2d(toy *t, int32_t x)
{
	return ml_emit2(&t->b.e, &ml_op_conv2d, NULL, x, parameter(t, "w", ML_PANELS, 4, (ml_dim[]) {3, 3, 3, 5}));
}

/* Over one row of all words. */
static int32_t
conv1d(toy *t, int32_t x)
{
	static const int32_t offsets[2] = {0, 4};
	ml_shape	shape = {ML_I32, ML_PLAIN, 1, {2}};
	ml_attributes attributes = ml_op_standard(&ml_op_conv1d);
	int32_t		in[3];
	int32_t		out[2];

	attributes.ints[ML_CONV1D_BEFORE] = attributes.ints[ML_CONV1D_AFTER] = 1;
	in[0] = x;
	in[1] = ml_builder_constant(&t->b, &shape, offsets);
	in[2] = parameter(t, "w", ML_PANELS, 3, (ml_dim[]) {3, 6, 5});
	t->b.e.node(&t->b.e, &ml_op_conv1d, &attributes, 3, in, 2, out);
	return out[0];
}

/* apart: what is between two nodes is an output, so that they can't become one. */
static ml_status
build(toy *t, const fuse_case *c, bool training, bool apart)
{
	ml_emitter *e = &t->b.e;
	ml_dim		dims[4] = {t->rows, c->dims[0], c->dims[1], c->dims[2]};
	ml_shape	shape = shape_of(t, ML_PLAIN, c->ndims + 1, dims);
	int32_t		x;
	int32_t		y;
	int32_t		made[2];

	x = ml_builder_input(&t->b, ML_TEXT("x"), &shape);
	y = c->first(t, x);
	if (c->bias)
	{
		if (apart)
			ml_builder_output(&t->b, ML_TEXT("product"), y);
		y = ml_emit2(e, &ml_op_add, NULL, parameter(t, "b", ML_PLAIN, 1, (ml_dim[]) {5}), y);
	}
	if (c->activation >= 0)
	{
		if (apart)
			ml_builder_output(&t->b, ML_TEXT("sum"), y);
		y = ml_emit1(e, &ml_op_activation, &(ml_attributes) {.ints = {c->activation}, .reals = {0.3}}, y);
	}
	if (c->pool)
	{
		ml_attributes attributes = ml_op_standard(&ml_op_max_pool2d);

		if (apart)
			ml_builder_output(&t->b, ML_TEXT("activation"), y);
		attributes.ints[ML_POOL2D_STRIDE_H] = attributes.ints[ML_POOL2D_STRIDE_W] = 2;
		attributes.ints[ML_POOL2D_WINDOW_H] = attributes.ints[ML_POOL2D_WINDOW_W] = 2;
		e->node(e, &ml_op_max_pool2d, &attributes, 1, &y, 2, made);
		y = made[0];
	}
	ml_builder_output(&t->b, ML_TEXT("y"), y);
	if (training)
	{
		y = ml_emit2(e, &ml_op_mul, NULL, y, y);
		ML_TRY(ml_graph_backward(&t->b, toy_sum(t, y)));
	}
	return toy_finish(t);
}

static double
largest_difference(ml_dtype dtype, const void *a, const void *b, size_t n)
{
	double		worst = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		x = dtype == ML_F64 ? ((const double *) a)[i] : ((const float *) a)[i];
		double		y = dtype == ML_F64 ? ((const double *) b)[i] : ((const float *) b)[i];

		worst = fmax(worst, fabs(x - y) / (1 + fabs(y)));
	}
	return worst;
}

/* Nodes saved by fusing; results must be those of nodes apart. */
static int
check(unit_host *host, const fuse_case *c, ml_dtype dtype, bool training)
{
	toy			t[2];
	double		numbers[1200];
	float		floats[1200];
	const ml_view *view;
	double		worst;
	int			saved;

	for (int i = 0; i < 1200; i++)
		floats[i] = (float) (numbers[i] = sin(3.0 * i));
	for (int i = 0; i < 2; i++)
	{
		(void) toy_open(&host->ctx, dtype, &t[i]);
		if (build(&t[i], c, training, i == 1) != ML_OK || toy_bind(&t[i], 4, training) != ML_OK)
			unit_note("%s: %s", c->name, host->ctx.error.text);
		t[i].runner->inputs[ml_graph_find(t[i].graph, ML_VALUE_INPUT, ML_TEXT("x"))] = dtype == ML_F64 ? (void *) numbers : (void *) floats;
		if (ml_runner_run(&host->ctx, t[i].runner, false) != ML_OK)
			unit_note("%s: %s", c->name, host->ctx.error.text);
	}
	view = ml_runner_view(t[0].runner, ml_graph_find(t[0].graph, ML_VALUE_OUTPUT, ML_TEXT("y")));
	worst = largest_difference(dtype, view->data, ml_runner_view(t[1].runner, ml_graph_find(t[1].graph, ML_VALUE_OUTPUT, ML_TEXT("y")))->data,
							   ml_view_elements(view));
	if (training)
		worst = fmax(worst, largest_difference(dtype, t[0].gradients, t[1].gradients, t[0].graph->parameters));
	unit_ok(worst < (dtype == ML_F64 ? 1e-13 : 1e-5), "%s%s: equal but for rounding (%.1e)", c->name, training ? ", training" : "", worst);
	if (training && dtype == ML_F64)
		unit_is_near(toy_check(&t[0]), 0, 1e-6, "%s: its gradients", c->name);
	saved = t[1].graph->nforward - t[0].graph->nforward;
	toy_close(&t[0]);
	toy_close(&t[1]);
	return saved;
}

static void
test_patterns(void)
{
	static const fuse_case cases[] = {
		{"linear + bias", -1, true, false, linear, 1, {6}},
		{"linear + bias + relu", ML_RELU, true, false, linear, 1, {6}},
		{"linear + elu", ML_ELU, false, false, linear, 1, {6}},
		{"linear + bias + gelu", ML_GELU, true, false, linear, 1, {6}},
		{"linear + sigmoid over 3 dimensions", ML_SIGMOID, true, false, linear, 3, {2, 3, 6}},
		{"conv2d + bias + leaky relu", ML_LEAKY_RELU, true, false, conv2d, 3, {8, 8, 3}},
		{"conv2d + bias + relu + pool", ML_RELU, true, true, conv2d, 3, {8, 8, 3}},
		{"conv2d + pool", -1, false, true, conv2d, 3, {8, 8, 3}},
		{"conv2d + tanh + pool", ML_TANH, false, true, conv2d, 3, {8, 8, 3}},
		{"conv1d + bias + tanh", ML_TANH, true, false, conv1d, 1, {6}},
	};
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
		for (int training = 0; training < 2; training++)
		{
			const fuse_case *c = &cases[i];
			bool		late = training && (c->activation == ML_GELU);
			bool		pools = c->pool && (c->activation < 0 || c->activation == ML_RELU);
			int			saved = check(&host, c, ML_F64, training);

			unit_is_int(saved, c->bias + (c->activation >= 0 && !late) + pools, "%s: nodes that are gone", c->name);
			(void) check(&host, c, ML_F32, training);
		}
	unit_close(&host, "patterns");
}

/* What must stay apart: something else reads what is between. */
static void
test_apart(void)
{
	unit_host	host;
	toy			t;
	int32_t		x;
	int32_t		y;
	int32_t		z;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	x = ml_builder_input(&t.b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F64, .ndims = 2, .dims = {t.rows, 6}});
	y = linear(&t, x);
	z = ml_emit1(&t.b.e, &ml_op_activation, &(ml_attributes) {.ints = {ML_RELU}}, y);
	ml_builder_output(&t.b, ML_TEXT("z"), ml_emit2(&t.b.e, &ml_op_add, NULL, y, z));
	y = linear(&t, x);
	ml_builder_output(&t.b, ML_TEXT("matrix"), ml_emit2(&t.b.e, &ml_op_add, NULL, y, parameter(&t, "m", ML_PLAIN, 2, (ml_dim[]) {1, 5})));
	unit_is_int(toy_finish(&t), ML_OK, "finished");
	unit_is_int(t.graph->nnodes, 5, "no node is gone");
	toy_close(&t);
	unit_close(&host, "apart");
}

/* Three linears of one value, one of its norm, and a branch around them: gradients are added where they are. */
static ml_status
build_branches(toy *t)
{
	ml_emitter *e = &t->b.e;
	int32_t		x = ml_builder_input(&t->b, ML_TEXT("x"), &(ml_shape) {.dtype = t->graph->dtype, .ndims = 2, .dims = {t->rows, 6}});
	int32_t		h = ml_emit1(e, &ml_op_activation, &(ml_attributes) {.ints = {ML_TANH}},
							 ml_emit2(e, &ml_op_linear, NULL, x, parameter(t, "w0", ML_PANELS, 2, (ml_dim[]) {6, 5})));
	int32_t		sum = h;
	int32_t		norm[3];

	for (int i = 0; i < 3; i++)
	{
		char		name[8] = {'v', (char) ('0' + i), 0};
		int32_t		y = ml_emit2(e, &ml_op_linear, NULL, h, parameter(t, name, ML_PANELS, 2, (ml_dim[]) {5, 5}));

		sum = ml_emit2(e, &ml_op_add, NULL, sum, ml_emit2(e, &ml_op_mul, NULL, y, y));
	}
	e->node(e, &ml_op_layer_norm, NULL, 3,
			(int32_t[]) {sum, parameter(t, "gain", ML_PLAIN, 1, (ml_dim[]) {5}), parameter(t, "bias", ML_PLAIN, 1, (ml_dim[]) {5})}, 3, norm);
	sum = ml_emit2(e, &ml_op_add, NULL, sum, ml_emit2(e, &ml_op_linear, NULL, norm[0], parameter(t, "w1", ML_PANELS, 2, (ml_dim[]) {5, 5})));
	ML_TRY(ml_graph_backward(&t->b, toy_sum(t, ml_emit2(e, &ml_op_mul, NULL, sum, sum))));
	return toy_finish(t);
}

static void
test_sums(void)
{
	unit_host	host;
	toy			t;
	double		x[24];
	int			added = 0;
	int			norms = 0;

	unit_open(&host);
	for (int i = 0; i < 24; i++)
		x[i] = cos(i);
	(void) toy_open(&host.ctx, ML_F64, &t);
	unit_is_int(build_branches(&t), ML_OK, "branches");
	for (int32_t k = 0; k < t.graph->nnodes; k++)
		if (t.graph->nodes[k].write == ML_WRITE_SUM)
		{
			added++;
			norms += ml_ops[t.graph->nodes[k].op] == &ml_op_layer_norm_back;
		}
	unit_is_int(norms, 1, "a norm's gradient is added to that of the branch around it");
	unit_ok(added >= 2, "%d nodes add to what another one computed", added);
	t.runner->inputs[ml_graph_find(t.graph, ML_VALUE_INPUT, ML_TEXT("x"))] = x;
	for (int rows = 0; rows <= 4; rows += 2)
	{
		unit_is_int(toy_bind(&t, rows, true), ML_OK, "%d rows", rows);
		unit_is_near(toy_check(&t), 0, 1e-6, "their gradients");
	}
	toy_close(&t);
	unit_close(&host, "sums");
}

int
main(void)
{
	test_patterns();
	test_apart();
	test_sums();
	return unit_done();
}
