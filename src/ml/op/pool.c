/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Maxima and means over windows of images and packed sequences: max_pool2d,
 *	  average_pool2d, max_pool1d, average_pool1d.
 *
 * y[place, c] = max or mean over the pixels p of the window at that place of
 * x[p, c]; pixels of the padding are no pixels, so a mean is over those that
 * exist.  Pooling whole images is a window of their size.
 *
 * Of a maximum also the number of its pixel in the window (row * columns +
 * column) is kept, of the first one if several have it; the gradient goes there.
 * It is a byte, or an int32 for windows of more than 256 pixels.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/window.h"

/* What a kind of pooling does with the window at one place. */
typedef struct pool
{
	const ml_op_run *run;
	const ml_window_kernel *kernel;
	ml_window	window;
	bool		maximum;
	bool		backward;
	bool		wide;			/* positions are int32 */
	size_t		width;			/* bytes of a number */
	int64_t		channels;
	char	   *x;				/* or dx */
	char	   *y;				/* or dy */
	char	   *at;				/* NULL: not asked for */
} pool;

#define WIDE(window) ((window)->size[0] * (window)->size[1] > 256)

/* The part of a window at "place" that lies within "pixels": its first, and how many. */
static int64_t
clip(const ml_window *w, int axis, int64_t place, int64_t pixels, int64_t *first)
{
	int64_t		start = place * w->stride[axis] - w->before[axis];
	int64_t		end = ML_MIN(start + w->size[axis], pixels);

	*first = ML_MAX(start, 0);
	return end - *first;
}

static void
pool_place(const pool *p, const ml_frame *frame, int64_t row, int64_t column)
{
	const ml_window *w = &p->window;
	int64_t		top;
	int64_t		left;
	ml_patch	patch = {
		.x_row = frame->in[1] * p->channels, .x_column = p->channels, .at_row = (int32_t) w->size[1],
		.wide = p->wide
	};
	size_t		place = (frame->y + (size_t) (row * frame->out[1] + column)) * (size_t) p->channels;
	char	   *y = p->y + place * p->width;
	char	   *at = p->at == NULL ? NULL : p->at + place * (p->wide ? sizeof(int32_t) : 1);
	char	   *x;

	patch.rows = clip(w, 0, row, frame->in[0], &top);
	patch.columns = clip(w, 1, column, frame->in[1], &left);
	patch.first = (int32_t) ((top - (row * w->stride[0] - w->before[0])) * w->size[1] +
							 left - (column * w->stride[1] - w->before[1]));
	x = p->x + (frame->x + (size_t) (top * frame->in[1] + left)) * (size_t) p->channels * p->width;
	if (p->maximum && p->backward)
		p->kernel->maximum_back(x, y, at, &patch, p->channels);
	else if (p->maximum)
		p->kernel->maximum(y, at, x, &patch, p->channels);
	else if (p->backward)
		p->kernel->sum_back(x, y, &patch, 1.0 / (double) (patch.rows * patch.columns), p->channels);
	else
		p->kernel->sum(y, x, &patch, 1.0 / (double) (patch.rows * patch.columns), p->channels);
}

static ml_status
pool_frames(const pool *p, const ml_frames *frames)
{
	size_t		work = (size_t) (p->window.size[0] * p->window.size[1] * p->channels);
	size_t		unpolled = 0;

	for (int64_t i = 0; i < frames->n; i++)
	{
		ml_frame	frame = ml_frames_at(frames, i);

		for (int64_t row = 0; row < frame.out[0]; row++)
			for (int64_t column = 0; column < frame.out[1]; column++)
			{
				pool_place(p, &frame, row, column);
				ML_TRY(ml_poll_after(p->run->ctx, &unpolled, work));
			}
	}
	return ML_OK;
}

/* Run with x, y and positions where they are; "frames" has been set. */
static ml_status
run_pool(const ml_op_run *run, const ml_window *window, const ml_view *x, const ml_view *y,
		 const ml_view *at, bool maximum, bool backward, const ml_frames *frames)
{
	pool		p = {
		.run = run, .kernel = ml_window_of(run->kernel, x->dtype), .window = *window,
		.maximum = maximum, .backward = backward, .wide = WIDE(window),
		.width = ml_dtypes[x->dtype].block_bytes, .channels = x->dims[x->ndims - 1],
		.x = x->data, .y = y->data, .at = at == NULL ? NULL : at->data
	};

	if (backward)
		ML_TRY(ml_zero(run->ctx, x->data, ml_view_elements(x) * p.width));
	return p.channels == 0 ? ML_OK : pool_frames(&p, frames);
}

/* === shapes === */

/* A window that may lie in the padding altogether has no maximum. */
static ml_status
check_padding(ml_context *ctx, const char *op, const ml_window *w)
{
	for (int i = 0; i < 2; i++)
		if (w->before[i] >= w->size[i] || w->after[i] >= w->size[i])
			return ML_OP_FAIL(ctx, "%s: padding of %lld with a window of %lld", op,
							  (long long) ML_MAX(w->before[i], w->after[i]), (long long) w->size[i]);
	return ML_OK;
}

static ml_status
shape_2d(ml_context *ctx, const char *op, const ml_op_shapes *s)
{
	ml_window	w = ml_window_2d(s->attributes, NULL);

	ML_TRY(check_padding(ctx, op, &w));
	ML_TRY(ml_window_shape_2d(ctx, op, &w, s->in[0], &s->out[0]));
	if (s->nout > 1)
	{
		s->out[1] = s->out[0];
		s->out[1].dtype = WIDE(&w) ? ML_I32 : ML_U8;
	}
	return ML_OK;
}

static ml_status
shape_1d(ml_context *ctx, const char *op, const ml_op_shapes *s)
{
	ml_window	w = ml_window_1d(s->attributes, NULL);

	ML_TRY(check_padding(ctx, op, &w));
	ML_TRY(ml_window_shape_1d(ctx, op, &w, s->symbols, s->in[0], s->in[1], &s->out[0]));
	s->out[1] = *s->in[1];
	if (s->nout > 2)
	{
		s->out[2] = s->out[0];
		s->out[2].dtype = WIDE(&w) ? ML_I32 : ML_U8;
	}
	return ML_OK;
}

/*
 * Gradients have the shape of x, which stands in attributes.dims; what comes in
 * has the shape that forward gives to such an x.
 */
static ml_status
shape_back(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	x = {.dtype = s->in[0]->dtype, .ndims = s->attributes->ndims};
	ml_shape	y;
	bool		images = s->nin <= 2;
	ml_window	w = images ? ml_window_2d(s->attributes, NULL) : ml_window_1d(s->attributes, NULL);

	memcpy(x.dims, s->attributes->dims, sizeof(x.dims));
	ML_TRY(check_padding(ctx, "pool_back", &w));
	if (images)
		ML_TRY(ml_window_shape_2d(ctx, "pool_back", &w, &x, &y));
	else
		ML_TRY(ml_window_shape_1d(ctx, "pool_back", &w, s->symbols, &x, s->in[1], &y));
	for (int i = 0; i < s->nin; i++)
		if (images || i == 0 || i == 3 ? !ml_shape_same_dims(s->in[i], &y) :
			!ml_shape_same_dims(s->in[i], s->in[1]))
			return ML_OP_FAIL(ctx, "pool_back: gradients that are not those of its window");
	s->out[0] = x;
	return ML_OK;
}

static double
flops_pool(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	ml_window	w = x->ndims == 4 ? ml_window_2d(run->attributes, NULL) : ml_window_1d(run->attributes, NULL);

	return (double) ml_view_elements(&run->out[0]) * (double) (w.size[0] * w.size[1]);
}

/* Emit the gradient of x: inputs, then the attributes of forward and x's dims. */
static void
emit_back(ml_emitter *e, const ml_op *op, const ml_op_backward *b, int nin, const int32_t *inputs)
{
	ml_attributes attributes = *b->attributes;
	const ml_shape *x = e->shape(e, b->in[0]);

	if (x == NULL || !b->wanted[0])
		return;
	attributes.ndims = x->ndims;
	memcpy(attributes.dims, x->dims, sizeof(attributes.dims));
	b->din[0] = ml_emit(e, op, &attributes, nin, inputs);
}

static const ml_attribute attributes_2d[] = {
	ML_WINDOW2D_ATTRIBUTES,
	ML_WINDOW_ATTRIBUTE("window_h", 1, 2),
	ML_WINDOW_ATTRIBUTE("window_w", 1, 2),
	{0}
};

static const ml_attribute attributes_1d[] = {
	ML_WINDOW1D_ATTRIBUTES,
	ML_WINDOW_ATTRIBUTE("window", 1, 2),
	{0}
};

/* === max_pool2d(x) -> y, positions === */

static ml_status
shape_max_pool2d(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_2d(ctx, "max_pool2d", s);
}

static ml_status
run_max_pool2d(const ml_op_run *run)
{
	ml_window	w = ml_window_2d(run->attributes, NULL);
	ml_frames	frames = ml_frames_2d(&run->in[0], &run->out[0]);

	return run_pool(run, &w, &run->in[0], &run->out[0], &run->out[1], true, false, &frames);
}

static void
backward_max_pool2d(ml_emitter *e, const ml_op_backward *b)
{
	emit_back(e, &ml_op_max_pool2d_back, b, 2, (const int32_t[]) {b->dout[0], b->out[1]});
}

const ml_op ml_op_max_pool2d = {
	.name = "max_pool2d",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 2,
	.flags = ML_OP_SKIPS,
	.attributes = attributes_2d,
	.shape = shape_max_pool2d,
	.backward = backward_max_pool2d,
	.kernels = (const ml_op_kernel[]) {
		{"f>fu", 0, run_max_pool2d},
		{"f>fi", 0, run_max_pool2d},
		{"d>du", 0, run_max_pool2d},
		{"d>di", 0, run_max_pool2d},
		{0}
	},
	.flops = flops_pool
};

/* === max_pool2d_back(dy, positions): dx === */

static ml_status
run_max_pool2d_back(const ml_op_run *run)
{
	ml_window	w = ml_window_2d(run->attributes, NULL);
	ml_frames	frames = ml_frames_2d(&run->out[0], &run->in[0]);

	return run_pool(run, &w, &run->out[0], &run->in[0], &run->in[1], true, true, &frames);
}

const ml_op ml_op_max_pool2d_back = {
	.name = "max_pool2d_back",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_2d,
	.shape = shape_back,
	.kernels = (const ml_op_kernel[]) {
		{"fu>f", 0, run_max_pool2d_back},
		{"fi>f", 0, run_max_pool2d_back},
		{"du>d", 0, run_max_pool2d_back},
		{"di>d", 0, run_max_pool2d_back},
		{0}
	}
};

/* === average_pool2d(x) === */

static ml_status
shape_average_pool2d(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_2d(ctx, "average_pool2d", s);
}

static ml_status
run_average_pool2d(const ml_op_run *run)
{
	ml_window	w = ml_window_2d(run->attributes, NULL);
	ml_frames	frames = ml_frames_2d(&run->in[0], &run->out[0]);

	return run_pool(run, &w, &run->in[0], &run->out[0], NULL, false, false, &frames);
}

static void
backward_average_pool2d(ml_emitter *e, const ml_op_backward *b)
{
	emit_back(e, &ml_op_average_pool2d_back, b, 1, b->dout);
}

const ml_op ml_op_average_pool2d = {
	.name = "average_pool2d",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 1,
	.attributes = attributes_2d,
	.shape = shape_average_pool2d,
	.backward = backward_average_pool2d,
	.kernels = (const ml_op_kernel[]) {
		{"f>f", 0, run_average_pool2d},
		{"d>d", 0, run_average_pool2d},
		{0}
	},
	.flops = flops_pool
};

/* === average_pool2d_back(dy): dx === */

static ml_status
run_average_pool2d_back(const ml_op_run *run)
{
	ml_window	w = ml_window_2d(run->attributes, NULL);
	ml_frames	frames = ml_frames_2d(&run->out[0], &run->in[0]);

	return run_pool(run, &w, &run->out[0], &run->in[0], NULL, false, true, &frames);
}

const ml_op ml_op_average_pool2d_back = {
	.name = "average_pool2d_back",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_2d,
	.shape = shape_back,
	.kernels = (const ml_op_kernel[]) {
		{"f>f", 0, run_average_pool2d_back},
		{"d>d", 0, run_average_pool2d_back},
		{0}
	}
};

/* === max_pool1d(x, offsets) -> y, offsets, positions === */

static ml_status
shape_max_pool1d(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_1d(ctx, "max_pool1d", s);
}

/* Forward over packed rows. */
static ml_status
run_1d(const ml_op_run *run, bool maximum)
{
	ml_window	w = ml_window_1d(run->attributes, NULL);
	ml_frames	frames;

	ML_TRY(ml_window_offsets(run->ctx, &w, &run->in[1], &run->out[1]));
	ML_TRY(ml_frames_1d(run->ctx, &w, &run->in[0], &run->in[1], &run->out[0], &run->out[1], &frames));
	return run_pool(run, &w, &run->in[0], &run->out[0], maximum ? &run->out[2] : NULL, maximum,
					false, &frames);
}

/* Backward from (dy, offsets of x, offsets of y, positions). */
static ml_status
run_1d_back(const ml_op_run *run, bool maximum)
{
	ml_window	w = ml_window_1d(run->attributes, NULL);
	ml_frames	frames;

	ML_TRY(ml_frames_1d(run->ctx, &w, &run->out[0], &run->in[1], &run->in[0], &run->in[2], &frames));
	return run_pool(run, &w, &run->out[0], &run->in[0], maximum ? &run->in[3] : NULL, maximum, true,
					&frames);
}

static ml_status
run_max_pool1d(const ml_op_run *run)
{
	return run_1d(run, true);
}

static void
backward_max_pool1d(ml_emitter *e, const ml_op_backward *b)
{
	emit_back(e, &ml_op_max_pool1d_back, b, 4,
			  (const int32_t[]) {b->dout[0], b->in[1], b->out[1], b->out[2]});
}

const ml_op ml_op_max_pool1d = {
	.name = "max_pool1d",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 3,
	.attributes = attributes_1d,
	.shape = shape_max_pool1d,
	.backward = backward_max_pool1d,
	.kernels = (const ml_op_kernel[]) {
		{"fi>fiu", 0, run_max_pool1d},
		{"fi>fii", 0, run_max_pool1d},
		{"di>diu", 0, run_max_pool1d},
		{"di>dii", 0, run_max_pool1d},
		{0}
	},
	.flops = flops_pool
};

/* === max_pool1d_back(dy, offsets of x, offsets of y, positions): dx === */

static ml_status
run_max_pool1d_back(const ml_op_run *run)
{
	return run_1d_back(run, true);
}

const ml_op ml_op_max_pool1d_back = {
	.name = "max_pool1d_back",
	.version = 1,
	.nin_least = 4,
	.nin_most = 4,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_1d,
	.shape = shape_back,
	.kernels = (const ml_op_kernel[]) {
		{"fiiu>f", 0, run_max_pool1d_back},
		{"fiii>f", 0, run_max_pool1d_back},
		{"diiu>d", 0, run_max_pool1d_back},
		{"diii>d", 0, run_max_pool1d_back},
		{0}
	}
};

/* === average_pool1d(x, offsets) -> y, offsets === */

static ml_status
shape_average_pool1d(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_1d(ctx, "average_pool1d", s);
}

static ml_status
run_average_pool1d(const ml_op_run *run)
{
	return run_1d(run, false);
}

static void
backward_average_pool1d(ml_emitter *e, const ml_op_backward *b)
{
	emit_back(e, &ml_op_average_pool1d_back, b, 3, (const int32_t[]) {b->dout[0], b->in[1], b->out[1]});
}

const ml_op ml_op_average_pool1d = {
	.name = "average_pool1d",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 2,
	.attributes = attributes_1d,
	.shape = shape_average_pool1d,
	.backward = backward_average_pool1d,
	.kernels = (const ml_op_kernel[]) {
		{"fi>fi", 0, run_average_pool1d},
		{"di>di", 0, run_average_pool1d},
		{0}
	},
	.flops = flops_pool
};

/* === average_pool1d_back(dy, offsets of x, offsets of y): dx === */

static ml_status
run_average_pool1d_back(const ml_op_run *run)
{
	return run_1d_back(run, false);
}

const ml_op ml_op_average_pool1d_back = {
	.name = "average_pool1d_back",
	.version = 1,
	.nin_least = 3,
	.nin_most = 3,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_1d,
	.shape = shape_back,
	.kernels = (const ml_op_kernel[]) {
		{"fii>f", 0, run_average_pool1d_back},
		{"dii>d", 0, run_average_pool1d_back},
		{0}
	}
};
