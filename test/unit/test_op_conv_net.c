/*-------------------------------------------------------------------------
 *
 * test_op_conv_net.c
 *	  Convolution and pooling as networks have them: shapes that are refused,
 *	  fused and apart the same, faults, polls.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "graph/graph.h"
#include "op/ops.h"
#include "op/window.h"

#include <math.h>

static unit_host host;

/* === Shapes === */

typedef struct shapes
{
	ml_graph   *graph;
	ml_builder	b;
	ml_dim		rows;
	ml_dim		words;
	int32_t		offsets;
	int			names;
} shapes;

static void
shapes_open(shapes *s)
{
	ml_dim		ends;

	*s = (shapes) {0};
	unit_is_int(ml_graph_open(&host.ctx, ML_F32, &s->graph), ML_OK, "a graph");
	ml_builder_start(&host.ctx, s->graph, &s->b);
	(void) ml_graph_symbol(&host.ctx, s->graph, ML_TEXT("rows"), &s->rows);
	(void) ml_graph_symbol(&host.ctx, s->graph, ML_TEXT("words"), &s->words);
	(void) ml_symbols_derive(&host.ctx, &s->graph->symbols, ML_SYMBOL_PLUS, s->rows, 1, 0, 0, 0, &ends);
	s->offsets = ml_builder_input(&s->b, ML_TEXT("offsets"), &(ml_shape) {
		.dtype = ML_I32, .ndims = 1, .dims = {ends}
	});
}

static int32_t
input(shapes *s, int ndims, ml_dim a, ml_dim b, ml_dim c, ml_dim d)
{
	char		name[16];

	s->b.e.status = ML_OK;
	snprintf(name, sizeof(name), "x%d", s->names++);
	return ml_builder_input(&s->b, unit_text(name), &(ml_shape) {
		.dtype = ML_F32, .ndims = ndims, .dims = {a, b, c, d}
	});
}

static int32_t
weights(shapes *s, int ndims, ml_dim a, ml_dim b, ml_dim c, ml_dim d)
{
	char		name[16];

	s->b.e.status = ML_OK;
	snprintf(name, sizeof(name), "w%d", s->names++);
	return ml_builder_parameter(&s->b, unit_text(name), &(ml_shape) {
		.dtype = ML_F32, .layout = ML_PANELS, .ndims = ndims, .dims = {a, b, c, d}
	}, false);
}

/* The op refuses these inputs, saying "part". */
static void
refused(shapes *s, const ml_op *op, int slot, int64_t value, int nin, const int32_t *in, const char *part)
{
	ml_attributes attributes = ml_op_standard(op);
	int32_t		out[ML_NODE_OUTPUTS_MAX];

	if (slot >= 0)
		attributes.ints[slot] = value;
	s->b.e.status = ML_OK;
	s->b.e.node(&s->b.e, op, &attributes, nin, in, op->nout, out);
	unit_fails(&host, s->b.e.status, ML_BAD_OPTION, part, "%s: %s", op->name, part);
}

static void
test_shapes(void)
{
	shapes		s;
	int32_t		images;
	int32_t		words;

	shapes_open(&s);
	images = input(&s, 4, s.rows, 4, 4, 6);
	words = input(&s, 2, s.words, 6, 0, 0);
	refused(&s, &ml_op_conv2d, -1, 0, 2, (const int32_t[]) {images, weights(&s, 4, 5, 5, 6, 3)}, "5 x 5 does not fit into images of 4 x 4");
	refused(&s, &ml_op_conv2d, -1, 0, 2, (const int32_t[]) {images, weights(&s, 4, 3, 3, 5, 3)}, "do not fit");
	refused(&s, &ml_op_conv2d, ML_CONV2D_GROUPS, 4, 2, (const int32_t[]) {images, weights(&s, 4, 3, 3, 6, 4)}, "4 groups");
	refused(&s, &ml_op_conv2d, -1, 0, 2, (const int32_t[]) {words, weights(&s, 4, 3, 3, 6, 4)}, "wants images");
	refused(&s, &ml_op_conv2d, -1, 0, 2, (const int32_t[]) {images, weights(&s, 3, 3, 6, 4, 0)}, "weights of [3, 6, 4]");
	refused(&s, &ml_op_conv2d, -1, 0, 3, (const int32_t[]) {images, weights(&s, 4, 3, 3, 6, 4), input(&s, 1, 5, 0, 0, 0)}, "a bias of [5]");
	refused(&s, &ml_op_conv2d, ML_CONV2D_STRIDE_H, 0, 2, (const int32_t[]) {images, weights(&s, 4, 3, 3, 6, 4)}, "stride_h");
	refused(&s, &ml_op_conv_pool2d, ML_CONV_POOL_W, 4, 2, (const int32_t[]) {images, weights(&s, 4, 3, 3, 6, 4)}, "does not fit into 2 x 2");
	refused(&s, &ml_op_max_pool2d, ML_POOL2D_TOP, 2, 1, (const int32_t[]) {images}, "padding of 2 with a window of 2");
	refused(&s, &ml_op_max_pool2d, ML_POOL2D_WINDOW_H, 5, 1, (const int32_t[]) {images}, "does not fit");
	refused(&s, &ml_op_average_pool2d, -1, 0, 1, (const int32_t[]) {words}, "wants images");
	refused(&s, &ml_op_conv1d, -1, 0, 3, (const int32_t[]) {images, s.offsets, weights(&s, 3, 3, 6, 4, 0)}, "wants packed sequences");
	refused(&s, &ml_op_conv1d, -1, 0, 3, (const int32_t[]) {words, images, weights(&s, 3, 3, 6, 4, 0)}, "wants the offsets");
	refused(&s, &ml_op_max_pool1d, ML_POOL1D_BEFORE, 2, 2, (const int32_t[]) {words, s.offsets}, "padding of 2");
	ml_graph_close(&host.ctx, s.graph);
}

static void
test_same(void)
{
	int			wrong = 0;

	for (int64_t pixels = 1; pixels < 12; pixels++)
		for (int64_t size = 1; size < 6; size++)
			for (int64_t stride = 1; stride < 5; stride++)
				for (int64_t dilation = 1; dilation < 3; dilation++)
				{
					ml_window	w = {.size = {size, size}, .stride = {stride, stride}, .dilation = {dilation, dilation}};

					ml_window_same(pixels, size, stride, dilation, &w.before[0], &w.after[0]);
					wrong += ml_window_places(&w, 0, pixels) != (pixels + stride - 1) / stride ||
						w.after[0] - w.before[0] < 0 || w.after[0] - w.before[0] > 1;
				}
	unit_is_int(wrong, 0, "\"same\" gives ceil(pixels / stride) places, the odd pixel behind");
}

/* === A network: two convolutions with pooling, fused or apart === */

#define ROWS	3
#define SIDE	12

typedef struct net
{
	ml_context *ctx;
	ml_graph   *graph;
	ml_runner  *runner;
	void	   *memory[2];
	int32_t		y;
} net;

static ml_status
net_open(ml_context *ctx, const ml_kernel *kernel, bool fused, net *t)
{
	ml_builder	b;
	ml_dim		rows;
	int32_t		x;
	ml_binding	binding = {{0}};
	static float data[ROWS * SIDE * SIDE];
	size_t		bytes;

	*t = (net) {.ctx = ctx};
	ML_TRY(ml_graph_open(ctx, ML_F32, &t->graph));
	ml_builder_start(ctx, t->graph, &b);
	ML_TRY(ml_graph_symbol(ctx, t->graph, ML_TEXT("rows"), &rows));
	x = t->y = ml_builder_input(&b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F32, .ndims = 4, .dims = {rows, SIDE, SIDE, 1}});
	for (int layer = 0; layer < 2; layer++)
	{
		ml_shape	w = {.dtype = ML_F32, .layout = ML_PANELS, .ndims = 4, .dims = {3, 3, layer == 0 ? 1 : 20, layer == 0 ? 20 : 40}};
		int32_t		in[2] = {t->y, ml_builder_parameter(&b, layer == 0 ? ML_TEXT("first") : ML_TEXT("second"), &w, false)};
		int32_t		out[2];
		ml_attributes conv = ml_op_standard(&ml_op_conv2d);
		ml_attributes pool = ml_op_standard(&ml_op_max_pool2d);
		ml_attributes both = ml_op_standard(&ml_op_conv_pool2d);

		conv.ints[ML_CONV2D_ACTIVATION] = ML_RELU;
		pool.ints[ML_POOL2D_STRIDE_H] = pool.ints[ML_POOL2D_STRIDE_W] = 2;
		b.e.node(&b.e, fused ? &ml_op_conv_pool2d : &ml_op_conv2d, fused ? &both : &conv, 2, in, fused ? 2 : 1, out);
		if (!fused)
			b.e.node(&b.e, &ml_op_max_pool2d, &pool, 1, (const int32_t[]) {out[0]}, 2, out);
		t->y = out[0];
	}
	ml_builder_output(&b, ML_TEXT("y"), t->y);
	ML_TRY(b.e.status);
	ML_TRY(ml_graph_backward(&b, ml_emit1(&b.e, &ml_op_sum_to, &(ml_attributes) {{0}}, ml_emit2(&b.e, &ml_op_mul, NULL, t->y, t->y))));
	ML_TRY(ml_graph_finish(ctx, t->graph));
	ML_TRY(ml_runner_open(ctx, t->graph, kernel, &t->runner));
	bytes = ml_size_align(t->graph->parameters * sizeof(float), ML_ALIGN);
	for (int i = 0; i < 2; i++)
	{
		t->memory[i] = aligned_alloc(ML_ALIGN, bytes);
		memset(t->memory[i], 0, bytes);
	}
	for (int32_t v = 0; v < t->graph->nvalues; v++)
		if (t->graph->values[v].kind == ML_VALUE_PARAMETER)
		{
			static float plain[3 * 3 * 20 * 40];

			for (size_t i = 0; i < ML_LENGTH(plain); i++)
				plain[i] = (float) sin(1.7 * (double) (i + 1));
			ml_layout_write(&t->graph->values[v], ML_F32, (float *) t->memory[0] + t->graph->values[v].offset, plain);
		}
	for (size_t i = 0; i < ML_LENGTH(data); i++)
		data[i] = (float) cos(0.9 * (double) i);
	t->runner->parameters = t->memory[0];
	t->runner->gradients = t->memory[1];
	binding.numbers[ML_SYMBOL_OF(rows)] = ROWS;
	ML_TRY(ml_runner_bind(ctx, t->runner, &binding, true));
	t->runner->inputs[x] = data;
	return ml_runner_run(ctx, t->runner, false);
}

static void
net_close(net *t)
{
	ml_runner_close(t->ctx, t->runner);
	ml_graph_close(t->ctx, t->graph);
	free(t->memory[0]);
	free(t->memory[1]);
}

static void
test_fused(void)
{
	static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};

	for (size_t l = 0; l < ML_LENGTH(levels); l++)
	{
		const ml_kernel *kernel = ml_kernel_select(levels[l]);
		net			apart;
		net			fused;
		double		worst = 0;

		if (!unit_ok(net_open(&host.ctx, kernel, false, &apart) == ML_OK && net_open(&host.ctx, kernel, true, &fused) == ML_OK,
					 "%s: a network apart and fused", kernel->name))
			return;
		unit_ok(memcmp(ml_runner_view(apart.runner, apart.y)->data, ml_runner_view(fused.runner, fused.y)->data,
					   ROWS * 40 * sizeof(float)) == 0, "%s: fused and apart give the same bits", kernel->name);
		for (size_t i = 0; i < apart.graph->parameters; i++)
		{
			double		a = ((const float *) apart.memory[1])[i];

			worst = fmax(worst, fabs(a - ((const float *) fused.memory[1])[i]) / (1 + fabs(a)));
		}
		unit_ok(worst < 1e-4, "%s: and the same gradients, to %g", kernel->name, worst);
		net_close(&apart);
		net_close(&fused);
	}
}

/* === Faults === */

static ml_status
scenario(ml_context *ctx, void *fused)
{
	net			t;
	ml_status	status = net_open(ctx, ml_kernel_select(ML_LEVEL_AUTO), fused != NULL, &t);

	net_close(&t);
	return status;
}

int
main(void)
{
	unit_open(&host);
	test_shapes();
	test_same();
	test_fused();
	unit_every_allocation_fails("apart", scenario, NULL);
	unit_every_allocation_fails("fused", scenario, &host);
	unit_every_poll_cancels("apart", scenario, NULL);
	unit_every_poll_cancels("fused", scenario, &host);
	unit_close(&host, "networks of convolutions");
	return unit_done();
}
