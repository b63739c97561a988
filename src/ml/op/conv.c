/*-------------------------------------------------------------------------
 *
 * conv.c
 *	  Convolution of images and packed sequences: conv2d, conv1d, and their
 *	  gradients.
 *
 * y = activation(conv(x, weights) + bias); conv.h has the formula.  Images are
 * [rows, height, width, channels], weights [height, width, channels / groups,
 * outputs] in panels, bias [outputs].  Of sequences, x is [words, channels],
 * weights [width, channels / groups, outputs], and offsets of the rows come in
 * and go out: a row shorter than the window, padding included, has no outputs.
 *
 *	  dx = the convolution of dy, spread by the stride, with the weights turned
 *	  around; dweights = the correlation of x and dy.
 *
 *-------------------------------------------------------------------------
 */
#include "op/conv.h"
#include "op/ops.h"

#define CONV_ATTRIBUTES \
	ML_WINDOW_ATTRIBUTE("groups", 1, 1), \
	{"activation", false, 0, ML_ACTIVATIONS - 1, ML_LINEAR}, \
	{"alpha", true, 0, 1e6, 0.01}, \
	{0}

static const ml_attribute attributes_2d[] = {
	ML_WINDOW2D_ATTRIBUTES,
	ML_WINDOW_ATTRIBUTE("dilation_h", 1, 1),
	ML_WINDOW_ATTRIBUTE("dilation_w", 1, 1),
	CONV_ATTRIBUTES
};

static const ml_attribute attributes_1d[] = {
	ML_WINDOW1D_ATTRIBUTES,
	ML_WINDOW_ATTRIBUTE("dilation", 1, 1),
	CONV_ATTRIBUTES
};

/* === shapes === */

ml_status
ml_conv_check_weights(ml_context *ctx, const char *op, const ml_shape *weights, int ndims)
{
	bool		sound = weights->ndims == ndims;
	char		text[ML_SHAPE_TEXT];

	for (int i = 0; sound && i < ndims; i++)
		sound = weights->dims[i] >= 1 && (i >= ndims - 2 || weights->dims[i] <= ML_WINDOW_MOST);
	if (!sound)
		return ML_OP_FAIL(ctx, "%s: weights of %s", op, ml_shape_print(text, weights));
	return ML_OK;
}

/* Weights for x, and a bias that may be absent. */
static ml_status
check_weights(ml_context *ctx, const char *op, const ml_shape *x, const ml_shape *weights,
			  const ml_shape *bias, int64_t groups)
{
	int			n = weights->ndims;
	char		text[ML_SHAPE_TEXT];
	char		other[ML_SHAPE_TEXT];
	int64_t		channels = x->dims[x->ndims - 1];

	if (channels % groups != 0 || weights->dims[n - 1] % groups != 0)
		return ML_OP_FAIL(ctx, "%s: %lld channels and %lld outputs cannot be cut into %lld groups", op,
						  (long long) channels, (long long) weights->dims[n - 1], (long long) groups);
	if (weights->dims[n - 2] != channels / groups)
		return ML_OP_FAIL(ctx, "%s: weights of %s do not fit %s in %lld groups", op,
						  ml_shape_print(text, weights), ml_shape_print(other, x), (long long) groups);
	if (bias != NULL && (bias->ndims != 1 || bias->dims[0] != weights->dims[n - 1]))
		return ML_OP_FAIL(ctx, "%s: a bias of %s for %lld outputs", op, ml_shape_print(text, bias),
						  (long long) weights->dims[n - 1]);
	return ML_OK;
}

/* y of x [rows, height, width, channels] */
static ml_status
output_2d(ml_context *ctx, const char *op, const ml_attributes *attributes, const ml_shape *x,
		  const ml_shape *weights, const ml_shape *bias, ml_shape *y)
{
	ml_window	window;

	ML_TRY(ml_conv_check_weights(ctx, op, weights, 4));
	window = ml_window_2d(attributes, weights->dims);
	ML_TRY(ml_window_shape_2d(ctx, op, &window, x, y));
	ML_TRY(check_weights(ctx, op, x, weights, bias, attributes->ints[ML_CONV2D_GROUPS]));
	y->dims[3] = weights->dims[3];
	return ML_OK;
}

/* y of packed x [words, channels] */
static ml_status
output_1d(ml_context *ctx, const char *op, const ml_attributes *attributes, ml_symbols *symbols,
		  const ml_shape *x, const ml_shape *offsets, const ml_shape *weights, const ml_shape *bias,
		  ml_shape *y)
{
	ml_window	window;

	ML_TRY(ml_conv_check_weights(ctx, op, weights, 3));
	window = ml_window_1d(attributes, weights->dims);
	ML_TRY(ml_window_shape_1d(ctx, op, &window, symbols, x, offsets, y));
	ML_TRY(check_weights(ctx, op, x, weights, bias, attributes->ints[ML_CONV1D_GROUPS]));
	y->dims[1] = weights->dims[2];
	return ML_OK;
}

/* The shape that stands in attributes.dims. */
static ml_shape
shape_of_dims(const ml_attributes *attributes, ml_dtype dtype, ml_layout layout)
{
	ml_shape	shape = {.dtype = dtype, .layout = layout, .ndims = attributes->ndims};

	memcpy(shape.dims, attributes->dims, sizeof(shape.dims));
	return shape;
}

/* The gradient that comes in has the shape of y. */
static ml_status
check_gradient(ml_context *ctx, const char *op, const ml_shape *dy, const ml_shape *y)
{
	char		text[ML_SHAPE_TEXT];
	char		other[ML_SHAPE_TEXT];

	if (!ml_shape_same_dims(dy, y))
		return ML_OP_FAIL(ctx, "%s: a gradient of %s, not %s", op, ml_shape_print(text, dy),
						  ml_shape_print(other, y));
	return ML_OK;
}

/* === runs === */

/* The largest frame, for workspaces: of sequences one row of all words. */
static ml_frame
largest_frame(const ml_view *x, const ml_view *y)
{
	if (x->ndims == 4)
		return ml_frames_2d(x, y).image;
	return (ml_frame) {.in = {1, x->dims[0]}, .out = {1, y->dims[0]}};
}

/* Frames of 2d: x and y.  Of 1d: those and their offsets. */
static ml_status
frames_of(const ml_conv *c, const ml_view *x, const ml_view *x_offsets, const ml_view *y,
		  const ml_view *y_offsets, ml_frames *frames)
{
	if (x->ndims == 2)
		return ml_frames_1d(c->run->ctx, &c->window, x, x_offsets, y, y_offsets, frames);
	*frames = ml_frames_2d(x, y);
	return ML_OK;
}

static inline char *
pixels_at(const ml_conv *c, void *numbers, size_t pixels, int64_t channels)
{
	return (char *) numbers + pixels * (size_t) channels * c->width;
}

static ml_status
run_forward(ml_conv *c, const ml_frames *frames, const ml_view *x, const ml_view *weights,
			const ml_view *bias, const ml_view *y)
{
	for (int64_t i = 0; i < frames->n; i++)
	{
		ml_frame	frame = ml_frames_at(frames, i);

		ML_TRY(ml_conv_forward(c, &frame, pixels_at(c, x->data, frame.x, c->cin), weights->data,
							   bias == NULL ? NULL : bias->data,
							   pixels_at(c, y->data, frame.y, c->cout), c->run->workspace));
	}
	return ML_OK;
}

/* The workspace holds turned weights, behind them a frame. */
static ml_status
run_input(ml_conv *c, const ml_frames *frames, const ml_view *dy, const ml_view *weights,
		  const ml_view *dx)
{
	char	   *space = (char *) c->run->workspace + ml_size_align(ml_conv_turned_size(c), ML_ALIGN);
	const void *turned = ml_conv_turned_size(c) == 0 ? weights->data : c->run->workspace;

	ML_TRY(ml_conv_turn(c, weights->data, c->run->workspace));
	for (int64_t i = 0; i < frames->n; i++)
	{
		ml_frame	frame = ml_frames_at(frames, i);

		ML_TRY(ml_conv_input(c, &frame, pixels_at(c, dy->data, frame.y, c->cout), turned,
							 pixels_at(c, dx->data, frame.x, c->cin), space));
	}
	return ML_OK;
}

static ml_status
run_weights(ml_conv *c, const ml_frames *frames, const ml_view *x, const ml_view *dy,
			const ml_view *dweights)
{
	if (!c->run->add)
		ML_TRY(ml_zero(c->run->ctx, dweights->data,
					   ml_storage_bytes(dweights->dtype, ML_PANELS, dweights->ndims, dweights->dims)));
	for (int64_t i = 0; i < frames->n; i++)
	{
		ml_frame	frame = ml_frames_at(frames, i);

		ML_TRY(ml_conv_weights(c, &frame, pixels_at(c, x->data, frame.x, c->cin),
							   pixels_at(c, dy->data, frame.y, c->cout), dweights->data,
							   c->run->workspace));
	}
	return ML_OK;
}

/* Multiply-adds count two; dims: of the weights. */
static double
flops_of(const ml_view *y, const int64_t *dims, int ndims)
{
	double		terms = 1;

	for (int i = 0; i < ndims - 1; i++)
		terms *= (double) dims[i];
	return 2 * terms * (double) ml_view_elements(y);
}

/* === backward === */

/* The gradient before the activation: from y, or from what went into it, which is computed anew. */
static int32_t
before_activation(ml_emitter *e, const ml_op *op, const ml_op_backward *b, int activation_slot)
{
	ml_activation activation = (ml_activation) b->attributes->ints[activation_slot];
	ml_attributes linear = *b->attributes;
	int32_t		outputs[2] = {b->out[0], ML_NO_VALUE};

	if (activation == ML_LINEAR)
		return b->dout[0];
	linear.ints[activation_slot] = ML_LINEAR;
	if (!ml_activation_of_output(activation))
		e->node(e, op, &linear, b->nin, b->in, b->nout, outputs);
	return ml_emit_activation_back(e, activation, b->attributes->reals[0], b->dout[0], outputs[0]);
}

/* Emit an op whose result has the shape of "like". */
static int32_t
emit_like(ml_emitter *e, const ml_op *op, const ml_op_backward *b, int activation_slot, int32_t like,
		  int nin, const int32_t *inputs)
{
	ml_attributes attributes = *b->attributes;
	const ml_shape *shape;

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	shape = e->shape(e, like);
	attributes.ints[activation_slot] = ML_LINEAR;
	attributes.ndims = shape->ndims;
	memcpy(attributes.dims, shape->dims, sizeof(attributes.dims));
	return ml_emit(e, op, &attributes, nin, inputs);
}

/* === conv2d(x, weights, [bias]) === */

static ml_status
shape_conv2d(ml_context *ctx, const ml_op_shapes *s)
{
	return output_2d(ctx, "conv2d", s->attributes, s->in[0], s->in[1], s->nin > 2 ? s->in[2] : NULL, &s->out[0]);
}

static ml_status
run_conv2d(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->in[0].dims[3], run->in[1].dims);
	ml_frames	frames = ml_frames_2d(&run->in[0], &run->out[0]);

	return run_forward(&c, &frames, &run->in[0], &run->in[1], run->nin > 2 ? &run->in[2] : NULL, &run->out[0]);
}

static size_t
workspace_conv2d(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->in[0].dims[3], run->in[1].dims);
	ml_frame	frame = largest_frame(&run->in[0], &run->out[0]);

	return ml_conv_padded_size(&c, &frame);
}

static double
flops_conv2d(const ml_op_run *run)
{
	return flops_of(&run->out[0], run->in[1].dims, 4);
}

static void
backward_conv2d(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		g = before_activation(e, &ml_op_conv2d, b, ML_CONV2D_ACTIVATION);

	if (b->wanted[0])
		b->din[0] = emit_like(e, &ml_op_conv2d_input, b, ML_CONV2D_ACTIVATION, b->in[0], 2,
							  (const int32_t[]) {g, b->in[1]});
	if (b->wanted[1])
		b->din[1] = emit_like(e, &ml_op_conv2d_weights, b, ML_CONV2D_ACTIVATION, b->in[1], 2,
							  (const int32_t[]) {b->in[0], g});
	if (b->nin > 2 && b->wanted[2])
		b->din[2] = ml_emit_sum_to(e, g, b->in[2]);
}

const ml_op ml_op_conv2d = {
	.name = "conv2d",
	.version = 1,
	.nin_least = 2,
	.nin_most = 3,
	.nout = 1,
	.attributes = attributes_2d,
	.shape = shape_conv2d,
	.backward = backward_conv2d,
	.kernels = (const ml_op_kernel[]) {
		{"fpf>f", 0, run_conv2d, workspace_conv2d},
		{"fp->f", 0, run_conv2d, workspace_conv2d},
		{"dPd>d", 0, run_conv2d, workspace_conv2d},
		{"dP->d", 0, run_conv2d, workspace_conv2d},
		{0}
	},
	.flops = flops_conv2d
};

/* === conv2d_input(dy, weights): dx, whose dims are the attribute's === */

static ml_status
shape_conv2d_input(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	x = shape_of_dims(s->attributes, s->in[0]->dtype, ML_PLAIN);
	ml_shape	y;

	ML_TRY(output_2d(ctx, "conv2d_input", s->attributes, &x, s->in[1], NULL, &y));
	s->out[0] = x;
	return check_gradient(ctx, "conv2d_input", s->in[0], &y);
}

static ml_status
run_conv2d_input(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->out[0].dims[3], run->in[1].dims);
	ml_frames	frames = ml_frames_2d(&run->out[0], &run->in[0]);

	return run_input(&c, &frames, &run->in[0], &run->in[1], &run->out[0]);
}

static size_t
workspace_conv2d_input(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->out[0].dims[3], run->in[1].dims);
	ml_frame	frame = largest_frame(&run->out[0], &run->in[0]);

	return ml_size_add(ml_size_align(ml_conv_turned_size(&c), ML_ALIGN), ml_conv_input_size(&c, &frame));
}

static double
flops_conv2d_input(const ml_op_run *run)
{
	return flops_of(&run->in[0], run->in[1].dims, 4);
}

const ml_op ml_op_conv2d_input = {
	.name = "conv2d_input",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_2d,
	.shape = shape_conv2d_input,
	.kernels = (const ml_op_kernel[]) {
		{"fp>f", 0, run_conv2d_input, workspace_conv2d_input},
		{"dP>d", 0, run_conv2d_input, workspace_conv2d_input},
		{0}
	},
	.flops = flops_conv2d_input
};

/* === conv2d_weights(x, dy): dweights, whose dims are the attribute's === */

static ml_status
shape_conv2d_weights(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	weights = shape_of_dims(s->attributes, s->in[0]->dtype, ML_PANELS);
	ml_shape	y;

	ML_TRY(output_2d(ctx, "conv2d_weights", s->attributes, s->in[0], &weights, NULL, &y));
	s->out[0] = weights;
	return check_gradient(ctx, "conv2d_weights", s->in[1], &y);
}

static ml_status
run_conv2d_weights(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->in[0].dims[3], run->out[0].dims);
	ml_frames	frames = ml_frames_2d(&run->in[0], &run->in[1]);

	return run_weights(&c, &frames, &run->in[0], &run->in[1], &run->out[0]);
}

static size_t
workspace_conv2d_weights(const ml_op_run *run)
{
	ml_conv		c = ml_conv_2d(run, run->in[0].dims[3], run->out[0].dims);
	ml_frame	frame = largest_frame(&run->in[0], &run->in[1]);

	return ml_conv_padded_size(&c, &frame);
}

static double
flops_conv2d_weights(const ml_op_run *run)
{
	return flops_of(&run->in[1], run->out[0].dims, 4);
}

const ml_op ml_op_conv2d_weights = {
	.name = "conv2d_weights",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.attributes = attributes_2d,
	.shape = shape_conv2d_weights,
	.kernels = (const ml_op_kernel[]) {
		{"ff>p", 0, run_conv2d_weights, workspace_conv2d_weights},
		{"dd>P", 0, run_conv2d_weights, workspace_conv2d_weights},
		{0}
	},
	.flops = flops_conv2d_weights
};

/* === conv1d(x, offsets, weights, [bias]) -> y, offsets === */

static ml_status
shape_conv1d(ml_context *ctx, const ml_op_shapes *s)
{
	s->out[1] = *s->in[1];
	return output_1d(ctx, "conv1d", s->attributes, s->symbols, s->in[0], s->in[1], s->in[2],
					 s->nin > 3 ? s->in[3] : NULL, &s->out[0]);
}

static ml_status
run_conv1d(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->in[0].dims[1], run->in[2].dims);
	ml_frames	frames;

	ML_TRY(ml_window_offsets(run->ctx, &c.window, &run->in[1], &run->out[1]));
	ML_TRY(frames_of(&c, &run->in[0], &run->in[1], &run->out[0], &run->out[1], &frames));
	return run_forward(&c, &frames, &run->in[0], &run->in[2], run->nin > 3 ? &run->in[3] : NULL, &run->out[0]);
}

static size_t
workspace_conv1d(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->in[0].dims[1], run->in[2].dims);
	ml_frame	frame = largest_frame(&run->in[0], &run->out[0]);

	return ml_conv_padded_size(&c, &frame);
}

static double
flops_conv1d(const ml_op_run *run)
{
	return flops_of(&run->out[0], run->in[2].dims, 3);
}

static void
backward_conv1d(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		g = before_activation(e, &ml_op_conv1d, b, ML_CONV1D_ACTIVATION);

	if (b->wanted[0])
		b->din[0] = emit_like(e, &ml_op_conv1d_input, b, ML_CONV1D_ACTIVATION, b->in[0], 4,
							  (const int32_t[]) {g, b->in[1], b->out[1], b->in[2]});
	if (b->wanted[2])
		b->din[2] = emit_like(e, &ml_op_conv1d_weights, b, ML_CONV1D_ACTIVATION, b->in[2], 4,
							  (const int32_t[]) {b->in[0], b->in[1], b->out[1], g});
	if (b->nin > 3 && b->wanted[3])
		b->din[3] = ml_emit_sum_to(e, g, b->in[3]);
}

const ml_op ml_op_conv1d = {
	.name = "conv1d",
	.version = 1,
	.nin_least = 3,
	.nin_most = 4,
	.nout = 2,
	.attributes = attributes_1d,
	.shape = shape_conv1d,
	.backward = backward_conv1d,
	.kernels = (const ml_op_kernel[]) {
		{"fipf>fi", 0, run_conv1d, workspace_conv1d},
		{"fip->fi", 0, run_conv1d, workspace_conv1d},
		{"diPd>di", 0, run_conv1d, workspace_conv1d},
		{"diP->di", 0, run_conv1d, workspace_conv1d},
		{0}
	},
	.flops = flops_conv1d
};

/* === conv1d_input(dy, offsets of x, offsets of y, weights): dx, whose dims are the attribute's === */

static ml_status
shape_conv1d_input(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	x = shape_of_dims(s->attributes, s->in[0]->dtype, ML_PLAIN);
	ml_shape	y;

	ML_TRY(output_1d(ctx, "conv1d_input", s->attributes, s->symbols, &x, s->in[1], s->in[3], NULL, &y));
	s->out[0] = x;
	return check_gradient(ctx, "conv1d_input", s->in[0], &y);
}

static ml_status
run_conv1d_input(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->out[0].dims[1], run->in[3].dims);
	ml_frames	frames;

	ML_TRY(frames_of(&c, &run->out[0], &run->in[1], &run->in[0], &run->in[2], &frames));
	return run_input(&c, &frames, &run->in[0], &run->in[3], &run->out[0]);
}

static size_t
workspace_conv1d_input(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->out[0].dims[1], run->in[3].dims);
	ml_frame	frame = largest_frame(&run->out[0], &run->in[0]);

	return ml_size_add(ml_size_align(ml_conv_turned_size(&c), ML_ALIGN), ml_conv_input_size(&c, &frame));
}

static double
flops_conv1d_input(const ml_op_run *run)
{
	return flops_of(&run->in[0], run->in[3].dims, 3);
}

const ml_op ml_op_conv1d_input = {
	.name = "conv1d_input",
	.version = 1,
	.nin_least = 4,
	.nin_most = 4,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_1d,
	.shape = shape_conv1d_input,
	.kernels = (const ml_op_kernel[]) {
		{"fiip>f", 0, run_conv1d_input, workspace_conv1d_input},
		{"diiP>d", 0, run_conv1d_input, workspace_conv1d_input},
		{0}
	},
	.flops = flops_conv1d_input
};

/* === conv1d_weights(x, offsets of x, offsets of y, dy): dweights, whose dims are the attribute's === */

static ml_status
shape_conv1d_weights(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	weights = shape_of_dims(s->attributes, s->in[0]->dtype, ML_PANELS);
	ml_shape	y;

	ML_TRY(output_1d(ctx, "conv1d_weights", s->attributes, s->symbols, s->in[0], s->in[1], &weights, NULL, &y));
	s->out[0] = weights;
	return check_gradient(ctx, "conv1d_weights", s->in[3], &y);
}

static ml_status
run_conv1d_weights(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->in[0].dims[1], run->out[0].dims);
	ml_frames	frames;

	ML_TRY(frames_of(&c, &run->in[0], &run->in[1], &run->in[3], &run->in[2], &frames));
	return run_weights(&c, &frames, &run->in[0], &run->in[3], &run->out[0]);
}

static size_t
workspace_conv1d_weights(const ml_op_run *run)
{
	ml_conv		c = ml_conv_1d(run, run->in[0].dims[1], run->out[0].dims);
	ml_frame	frame = largest_frame(&run->in[0], &run->in[3]);

	return ml_conv_padded_size(&c, &frame);
}

static double
flops_conv1d_weights(const ml_op_run *run)
{
	return flops_of(&run->in[3], run->out[0].dims, 3);
}

const ml_op ml_op_conv1d_weights = {
	.name = "conv1d_weights",
	.version = 1,
	.nin_least = 4,
	.nin_most = 4,
	.nout = 1,
	.flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.attributes = attributes_1d,
	.shape = shape_conv1d_weights,
	.kernels = (const ml_op_kernel[]) {
		{"fiif>p", 0, run_conv1d_weights, workspace_conv1d_weights},
		{"diid>P", 0, run_conv1d_weights, workspace_conv1d_weights},
		{0}
	},
	.flops = flops_conv1d_weights
};
