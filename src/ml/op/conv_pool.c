/*-------------------------------------------------------------------------
 *
 * conv_pool.c
 *	  Convolution of images, bias, ReLU and maximum over windows in one:
 *	  conv_pool2d, and its gradients.
 *
 * y = activation(max_pool(conv(x, weights) + bias)), which for activations that
 * grow is max_pool(activation(..)).  What is between convolution and pooling never
 * leaves the cache: forward keeps a few rows of it, and places that no window
 * reaches are not computed.
 *
 * Backward is sparse.  Of each window one place has the gradient, and where ReLU
 * gave 0 none has.  So each gradient that is not 0, of place p and output n, is
 *
 *	  dx[p's window] += g * weights[.., n]	and  dweights[.., n] += g * x[p's window]
 *
 * which kernel->window's combine sums up in registers: over the outputs that
 * have their maximum at one place, and over the places of one output.  With
 * few channels vectors would be mostly empty: then gradients of weights are those
 * of conv2d, from dy written out in full for a frame.
 *
 *-------------------------------------------------------------------------
 */
#include "op/conv.h"
#include "op/ops.h"
#include "op/product.h"

#define LISTED		16384		/* gradients that are listed by output before they are summed up */
#define FEW_COLUMNS	8			/* of a row of the window x channels: full dy is faster */

/* A convolution and the pooling behind it. */
typedef struct conv_pool
{
	ml_conv		c;
	int64_t		pool[2];
	int64_t		stride[2];
	int64_t		columns;		/* a row of the window: pixels x channels */
	int64_t		terms;
	ml_frame	frame;			/* out: places of the convolution that windows of the pooling reach */
	int64_t		out[2];			/* places of y */
	int64_t		images;
} conv_pool;

static ml_window
window_of(const ml_attributes *attributes, const int64_t *size)
{
	const int64_t *ints = attributes->ints;

	return (ml_window) {
		.size = {size[0], size[1]},
		.stride = {ints[ML_CONV2D_STRIDE_H], ints[ML_CONV2D_STRIDE_W]},
		.before = {ints[ML_CONV2D_TOP], ints[ML_CONV2D_LEFT]},
		.after = {ints[ML_CONV2D_BOTTOM], ints[ML_CONV2D_RIGHT]},
		.dilation = {1, 1}
	};
}

static conv_pool
conv_pool_of(const ml_op_run *run, const ml_view *x, const int64_t *dims, const ml_view *y)
{
	const ml_attributes *a = run->attributes;
	ml_window	window = window_of(a, dims);
	conv_pool	p = {
		.c = ml_conv_of(run, &window, 1, x->dims[3], dims[3]),
		.pool = {a->ints[ML_CONV_POOL_H], a->ints[ML_CONV_POOL_W]},
		.stride = {a->ints[ML_CONV_POOL_STRIDE_H], a->ints[ML_CONV_POOL_STRIDE_W]},
		.columns = dims[1] * dims[2],
		.terms = dims[0] * dims[1] * dims[2],
		.images = x->dims[0]
	};

	for (int i = 0; i < 2; i++)
	{
		p.frame.in[i] = x->dims[1 + i];
		p.out[i] = y->dims[1 + i];
		p.frame.out[i] = (p.out[i] - 1) * p.stride[i] + p.pool[i];
		/* what is padded behind but not reached is not padded */
		p.c.window.after[i] = ML_MIN(p.c.window.after[i], ML_MAX(0, (p.frame.out[i] - 1) * window.stride[i] +
																  window.size[i] - window.before[i] - p.frame.in[i]));
	}
	return p;
}

static inline char *
images_at(const ml_view *view, int64_t i)
{
	size_t		width = ml_dtypes[view->dtype].block_bytes;

	return (char *) view->data + (size_t) (i * view->dims[1] * view->dims[2] * view->dims[3]) * width;
}

/* === shapes === */

static ml_status
output(ml_context *ctx, const char *op, const ml_attributes *attributes, const ml_shape *x,
	   const ml_shape *weights, ml_shape *y)
{
	const int64_t *ints = attributes->ints;
	ml_window	window;
	int64_t		pixels;
	int64_t		terms;

	ML_TRY(ml_conv_check_weights(ctx, op, weights, 4));
	window = window_of(attributes, weights->dims);
	ML_TRY(ml_window_shape_2d(ctx, op, &window, x, y));
	if (weights->dims[2] != x->dims[3])
		return ML_OP_FAIL(ctx, "%s: weights for %lld channels, images of %lld", op,
						  (long long) weights->dims[2], (long long) x->dims[3]);
	/* places are counted in int32 */
	if (__builtin_mul_overflow(x->dims[1] + window.before[0] + window.after[0],
							   x->dims[2] + window.before[1] + window.after[1], &pixels) ||
		__builtin_mul_overflow(pixels, x->dims[3], &pixels) || pixels > INT32_MAX ||
		__builtin_mul_overflow(weights->dims[0] * weights->dims[1], weights->dims[2], &terms) ||
		__builtin_mul_overflow(terms, weights->dims[3], &terms) || terms > INT32_MAX ||
		ints[ML_CONV_POOL_H] * ints[ML_CONV_POOL_W] > 256)
		return ML_OP_FAIL(ctx, "%s: images, weights or windows that are too large", op);
	if (y->dims[1] < ints[ML_CONV_POOL_H] || y->dims[2] < ints[ML_CONV_POOL_W])
		return ML_OP_FAIL(ctx, "%s: a window of %lld x %lld does not fit into %lld x %lld", op,
						  (long long) ints[ML_CONV_POOL_H], (long long) ints[ML_CONV_POOL_W],
						  (long long) y->dims[1], (long long) y->dims[2]);
	for (int i = 0; i < 2; i++)
		y->dims[1 + i] = (y->dims[1 + i] - ints[ML_CONV_POOL_H + i]) / ints[ML_CONV_POOL_STRIDE_H + i] + 1;
	y->dims[3] = weights->dims[3];
	return ML_OK;
}

static ml_status
check_gradient(ml_context *ctx, const char *op, const ml_shape *g, const ml_shape *positions,
			   const ml_shape *y)
{
	if (!ml_shape_same_dims(g, y) || !ml_shape_same_dims(positions, y))
		return ML_OP_FAIL(ctx, "%s: gradients that are not those of its windows", op);
	return ML_OK;
}

static const ml_attribute attributes_conv_pool[] = {
	ML_WINDOW2D_ATTRIBUTES,
	ML_WINDOW_ATTRIBUTE("pool_h", 1, 2),
	ML_WINDOW_ATTRIBUTE("pool_w", 1, 2),
	ML_WINDOW_ATTRIBUTE("pool_stride_h", 1, 2),
	ML_WINDOW_ATTRIBUTE("pool_stride_w", 1, 2),
	{"activation", false, ML_LINEAR, ML_RELU, ML_RELU},
	{0}
};

/* === conv_pool2d(x, weights, [bias]) -> y, positions of the maxima in their windows === */

static ml_status
shape_conv_pool2d(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *bias = s->nin > 2 ? s->in[2] : NULL;

	ML_TRY(output(ctx, "conv_pool2d", s->attributes, s->in[0], s->in[1], &s->out[0]));
	if (bias != NULL && (bias->ndims != 1 || bias->dims[0] != s->in[1]->dims[3]))
		return ML_OP_FAIL(ctx, "conv_pool2d: a bias that does not fit %lld outputs", (long long) s->in[1]->dims[3]);
	s->out[1] = s->out[0];
	s->out[1].dtype = ML_U8;
	return ML_OK;
}

/* Bytes of the rows of the convolution that a row of y needs. */
static size_t
rows_size(const conv_pool *p)
{
	return ml_size_mul(ml_size_mul((size_t) p->pool[0], (size_t) p->frame.out[1]),
					   ml_size_mul((size_t) p->c.cout, p->c.width));
}

/* A row of y from "rows" of the convolution. */
static void
pool_row(const conv_pool *p, const char *rows, char *y, uint8_t *at)
{
	const ml_window_kernel *loops = ml_window_of(p->c.run->kernel, p->c.dtype);
	size_t		pixel = (size_t) p->c.cout * p->c.width;
	ml_patch	patch = {
		.x_row = p->frame.out[1] * p->c.cout, .x_column = p->c.cout, .rows = p->pool[0],
		.columns = p->pool[1], .at_row = (int32_t) p->pool[1]
	};

	for (int64_t i = 0; i < p->out[1]; i++)
		loops->maximum(y + (size_t) i * pixel, at == NULL ? NULL : at + i * p->c.cout,
					   rows + (size_t) (i * p->stride[1]) * pixel, &patch, (size_t) p->c.cout);
}

static ml_status
forward_image(conv_pool *p, const char *x, const void *weights, const void *bias, char *y, uint8_t *at)
{
	const ml_map_kernel *map = ml_map_of(p->c.run->kernel, p->c.dtype);
	size_t		row_bytes = (size_t) (p->frame.out[1] * p->c.cout) * p->c.width;
	char	   *rows = p->c.run->workspace;
	ml_padded	padded = ml_conv_pad(&p->c, &p->frame, x, rows + ml_size_align(rows_size(p), ML_ALIGN));
	int64_t		kept = 0;		/* rows of the convolution that the row before has in common */
	size_t		n = (size_t) (p->out[1] * p->c.cout);
	ml_activation activation = (ml_activation) p->c.run->attributes->ints[ML_CONV_POOL_ACTIVATION];

	for (int64_t row = 0; row < p->out[0]; row++)
	{
		if (kept > 0)
			memmove(rows, rows + (size_t) p->stride[0] * row_bytes, (size_t) kept * row_bytes);
		for (int64_t i = kept; i < p->pool[0]; i++)
		{
			int64_t		first = (row * p->stride[0] + i) * p->c.window.stride[0] * padded.row;

			ML_TRY(ml_conv_row(&p->c, &padded, padded.data + (size_t) first * p->c.width, weights, bias,
							   rows + (size_t) i * row_bytes, p->frame.out[1]));
		}
		kept = ML_MAX(p->pool[0] - p->stride[0], 0);
		pool_row(p, rows, y, at);
		if (activation != ML_LINEAR)
			map->activation[activation] (y, y, n, 0);
		y += n * p->c.width;
		at += at == NULL ? 0 : n;
	}
	return ML_OK;
}

static ml_status
run_conv_pool2d(const ml_op_run *run)
{
	const void *bias = run->nin > 2 ? run->in[2].data : NULL;
	conv_pool	p = conv_pool_of(run, &run->in[0], run->in[1].dims, &run->out[0]);

	for (int64_t i = 0; i < p.images; i++)
		ML_TRY(forward_image(&p, images_at(&run->in[0], i), run->in[1].data, bias,
							 images_at(&run->out[0], i),
							 run->out[1].data == NULL ? NULL : (uint8_t *) images_at(&run->out[1], i)));
	return ML_OK;
}

static size_t
workspace_conv_pool2d(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->in[0], run->in[1].dims, &run->out[0]);

	return ml_size_add(ml_size_align(rows_size(&p), ML_ALIGN), ml_conv_padded_size(&p.c, &p.frame));
}

static double
flops_conv_pool2d(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->in[0], run->in[1].dims, &run->out[0]);

	return 2.0 * (double) (p.images * p.frame.out[0] * p.frame.out[1]) * (double) (p.terms * p.c.cout);
}

/* Emit an op whose result has the shape of "like". */
static int32_t
emit_like(ml_emitter *e, const ml_op *op, const ml_op_backward *b, int32_t like, const int32_t *inputs)
{
	ml_attributes attributes = *b->attributes;
	const ml_shape *shape;

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	shape = e->shape(e, like);
	attributes.ndims = shape->ndims;
	memcpy(attributes.dims, shape->dims, sizeof(attributes.dims));
	return ml_emit(e, op, &attributes, 3, inputs);
}

static void
backward_conv_pool2d(ml_emitter *e, const ml_op_backward *b)
{
	ml_activation activation = (ml_activation) b->attributes->ints[ML_CONV_POOL_ACTIVATION];
	int32_t		g = ml_emit_activation_back(e, activation, 0, b->dout[0], b->out[0]);

	if (b->wanted[0])
		b->din[0] = emit_like(e, &ml_op_conv_pool2d_input, b, b->in[0], (const int32_t[]) {g, b->out[1], b->in[1]});
	if (b->wanted[1])
		b->din[1] = emit_like(e, &ml_op_conv_pool2d_weights, b, b->in[1], (const int32_t[]) {b->in[0], g, b->out[1]});
	if (b->nin > 2 && b->wanted[2])
		b->din[2] = ml_emit_sum_to(e, g, b->in[2]);
}

const ml_op ml_op_conv_pool2d = {
	.name = "conv_pool2d",
	.version = 1,
	.nin_least = 2,
	.nin_most = 3,
	.nout = 2,
	.flags = ML_OP_SKIPS,
	.attributes = attributes_conv_pool,
	.shape = shape_conv_pool2d,
	.backward = backward_conv_pool2d,
	.kernels = (const ml_op_kernel[]) {
		{"fpf>fu", 0, run_conv_pool2d, workspace_conv_pool2d},
		{"fp->fu", 0, run_conv_pool2d, workspace_conv_pool2d},
		{"dPd>du", 0, run_conv_pool2d, workspace_conv_pool2d},
		{"dP->du", 0, run_conv_pool2d, workspace_conv_pool2d},
		{0}
	},
	.flops = flops_conv_pool2d
};

/* === conv_pool2d_input(g, positions, weights): dx, whose dims are the attribute's === */

static ml_status
shape_conv_pool2d_input(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	x = {.dtype = s->in[0]->dtype, .ndims = s->attributes->ndims};
	ml_shape	y;

	memcpy(x.dims, s->attributes->dims, sizeof(x.dims));
	ML_TRY(output(ctx, "conv_pool2d_input", s->attributes, &x, s->in[2], &y));
	s->out[0] = x;
	return check_gradient(ctx, "conv_pool2d_input", s->in[0], s->in[1], &y);
}

/* Of a place of y: outputs that are not 0, those of each position in the window together. */
typedef struct winners
{
	int32_t	   *counts;			/* [pool] */
	int32_t	   *at;				/* [pool][cout] where the output's weights are */
	char	   *factors;		/* the same */
} winners;

static size_t
winners_size(const conv_pool *p)
{
	size_t		pool = (size_t) (p->pool[0] * p->pool[1]);

	return ml_size_add(ml_size_align(pool * sizeof(int32_t), ML_ALIGN),
					   ml_size_mul(ml_size_mul(pool, (size_t) p->c.cout), sizeof(int32_t) + p->c.width));
}

static winners
winners_in(const conv_pool *p, void *space)
{
	size_t		pool = (size_t) (p->pool[0] * p->pool[1]);
	winners		w = {.counts = space};

	w.factors = (char *) space + ml_size_align(pool * sizeof(int32_t), ML_ALIGN);
	w.at = (int32_t *) (void *) (w.factors + pool * (size_t) p->c.cout * p->c.width);
	return w;
}

/*
 * Half of the gradients are 0, in no order that a CPU could foresee: so each is
 * written, and stays if it isn't.
 */
#define FIND_WINNERS(name, real) \
static void \
name(const conv_pool *p, const char *g_, const uint8_t *at, winners *w) \
{ \
	const real *g = (const real *) (const void *) g_; \
	real	   *factors = (real *) (void *) w->factors; \
	int64_t		cout = p->c.cout; \
	int32_t		last = (int32_t) (p->pool[0] * p->pool[1]) - 1; \
	\
	memset(w->counts, 0, (size_t) (last + 1) * sizeof(int32_t)); \
	for (int64_t n = 0; n < cout; n++) \
	{ \
		int32_t		position = ML_MIN(at[n], last); \
		int64_t		to = position * cout + w->counts[position]; \
		\
		w->at[to] = (int32_t) (n * p->terms); \
		factors[to] = g[n]; \
		w->counts[position] += g[n] != 0; \
	} \
}

FIND_WINNERS(find_winners_f32, float)
FIND_WINNERS(find_winners_f64, double)

/* dx of an image, in its padded frame. */
static ml_status
input_image(conv_pool *p, const char *g, const uint8_t *at, const char *weights, char *dx, int64_t dx_row,
			winners *w)
{
	const ml_window_kernel *loops = ml_window_of(p->c.run->kernel, p->c.dtype);
	const ml_window *window = &p->c.window;
	int64_t		cout = p->c.cout;

	for (int64_t place = 0; place < p->out[0] * p->out[1]; place++)
	{
		int64_t		row = place / p->out[1] * p->stride[0];
		int64_t		column = place % p->out[1] * p->stride[1];
		int64_t		listed = 0;

		(p->c.dtype == ML_F32 ? find_winners_f32 : find_winners_f64) (p, g + (size_t) (place * cout) * p->c.width, at + place * cout, w);
		for (int64_t i = 0; i < p->pool[0] * p->pool[1]; i++)
		{
			int64_t		to = (row + i / p->pool[1]) * window->stride[0] * dx_row +
				(column + i % p->pool[1]) * window->stride[1] * p->c.cin;

			if (w->counts[i] > 0)
				loops->combine(dx + (size_t) to * p->c.width, dx_row, weights, p->columns,
							   (size_t) window->size[0], (size_t) p->columns, w->at + i * cout,
							   w->factors + (size_t) (i * cout) * p->c.width, (size_t) w->counts[i]);
			listed += w->counts[i];
		}
		ML_TRY(ml_conv_poll(&p->c, listed * p->terms + cout));
	}
	return ML_OK;
}

/* Weights by output: [cout][terms] from panels. */
static void
by_output(const conv_pool *p, const char *weights, char *to)
{
	for (int64_t n = 0; n < p->c.cout; n += ML_PANEL)
		ml_conv_transpose(&p->c, to + (size_t) (n * p->terms) * p->c.width, p->terms,
						  weights + (size_t) (n * p->terms) * p->c.width, ML_PANEL, p->terms,
						  ML_MIN(p->c.cout - n, ML_PANEL));
}

static size_t
by_output_size(const conv_pool *p)
{
	return ml_size_align(ml_size_mul((size_t) (p->c.cout * p->terms), p->c.width), ML_ALIGN);
}

static ml_status
run_conv_pool2d_input(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->out[0], run->in[2].dims, &run->in[0]);
	char	   *weights = run->workspace;
	char	   *space = weights + by_output_size(&p);
	winners		w = winners_in(&p, space);
	size_t		bytes = ml_conv_frame_size(&p.c, &p.frame);

	space += ml_size_align(winners_size(&p), ML_ALIGN);
	by_output(&p, run->in[2].data, weights);
	for (int64_t i = 0; i < p.images; i++)
	{
		char	   *dx = images_at(&run->out[0], i);
		const char *g = images_at(&run->in[0], i);
		const uint8_t *at = (const uint8_t *) images_at(&run->in[1], i);

		if (ml_conv_is_padded(&p.c))
		{
			memset(space, 0, bytes);
			ML_TRY(input_image(&p, g, at, weights, space, ml_conv_reach(&p.c, &p.frame, 1) * p.c.cin, &w));
			ml_conv_unpad(&p.c, &p.frame, space, dx);
		}
		else
		{
			memset(dx, 0, (size_t) (p.frame.in[0] * p.frame.in[1] * p.c.cin) * p.c.width);
			ML_TRY(input_image(&p, g, at, weights, dx, p.frame.in[1] * p.c.cin, &w));
		}
	}
	return ML_OK;
}

static size_t
workspace_conv_pool2d_input(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->out[0], run->in[2].dims, &run->in[0]);

	return ml_size_add(ml_size_add(by_output_size(&p), ml_size_align(winners_size(&p), ML_ALIGN)),
					   ml_conv_padded_size(&p.c, &p.frame));
}

const ml_op ml_op_conv_pool2d_input = {
	.name = "conv_pool2d_input",
	.version = 1,
	.nin_least = 3,
	.nin_most = 3,
	.nout = 1,
	.flags = ML_OP_GRADIENT,
	.attributes = attributes_conv_pool,
	.shape = shape_conv_pool2d_input,
	.kernels = (const ml_op_kernel[]) {
		{"fup>f", 0, run_conv_pool2d_input, workspace_conv_pool2d_input},
		{"duP>d", 0, run_conv_pool2d_input, workspace_conv_pool2d_input},
		{0}
	}
};

/* === conv_pool2d_weights(x, g, positions): dweights, whose dims are the attribute's === */

static ml_status
shape_conv_pool2d_weights(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	weights = {.dtype = s->in[0]->dtype, .layout = ML_PANELS, .ndims = s->attributes->ndims};
	ml_shape	y;

	memcpy(weights.dims, s->attributes->dims, sizeof(weights.dims));
	ML_TRY(output(ctx, "conv_pool2d_weights", s->attributes, s->in[0], &weights, &y));
	s->out[0] = weights;
	return check_gradient(ctx, "conv_pool2d_weights", s->in[1], s->in[2], &y);
}

/* Places listed together: [cout][places]. */
static int64_t
places_listed(const conv_pool *p)
{
	return ML_MAX(ML_MIN(LISTED / p->c.cout, p->out[0] * p->out[1]), 1);
}

static size_t
lists_size(const conv_pool *p)
{
	size_t		n = ml_size_mul((size_t) places_listed(p), (size_t) p->c.cout);

	return ml_size_add(ml_size_align((size_t) p->c.cout * sizeof(int32_t), ML_ALIGN),
					   ml_size_align(ml_size_mul(n, sizeof(int32_t) + p->c.width), ML_ALIGN));
}

/* By output: where the windows of its gradients are in x, and these; as FIND_WINNERS. */
#define LIST_PLACES(name, real) \
static void \
name(const conv_pool *p, const char *g_, const uint8_t *at, int64_t first, int64_t n, const int32_t *offsets, \
	 int64_t x_row, winners *w) \
{ \
	const real *g = (const real *) (const void *) g_; \
	real	   *factors = (real *) (void *) w->factors; \
	const ml_window *window = &p->c.window; \
	int64_t		cout = p->c.cout; \
	int64_t		most = places_listed(p); \
	int32_t		last = (int32_t) (p->pool[0] * p->pool[1]) - 1; \
	\
	memset(w->counts, 0, (size_t) cout * sizeof(int32_t)); \
	for (int64_t place = first; place < first + n; place++) \
	{ \
		int64_t		start = place / p->out[1] * p->stride[0] * window->stride[0] * x_row + \
			place % p->out[1] * p->stride[1] * window->stride[1] * p->c.cin; \
		\
		for (int64_t k = 0; k < cout; k++) \
		{ \
			real		factor = g[place * cout + k]; \
			int64_t		to = k * most + w->counts[k]; \
			\
			w->at[to] = (int32_t) start + offsets[ML_MIN(at[place * cout + k], last)]; \
			factors[to] = factor; \
			w->counts[k] += factor != 0; \
		} \
	} \
}

LIST_PLACES(list_places_f32, float)
LIST_PLACES(list_places_f64, double)

/* dweights by output += those of an image */
static ml_status
weights_image(conv_pool *p, const ml_padded *x, const char *g, const uint8_t *at, char *dweights, winners *w)
{
	const ml_window_kernel *loops = ml_window_of(p->c.run->kernel, p->c.dtype);
	int64_t		most = places_listed(p);
	int32_t		offsets[256];

	for (int64_t i = 0; i < p->pool[0] * p->pool[1]; i++)
		offsets[i] = (int32_t) (i / p->pool[1] * p->c.window.stride[0] * x->row +
								i % p->pool[1] * p->c.window.stride[1] * p->c.cin);
	for (int64_t first = 0; first < p->out[0] * p->out[1]; first += most)
	{
		int64_t		n = ML_MIN(most, p->out[0] * p->out[1] - first);

		(p->c.dtype == ML_F32 ? list_places_f32 : list_places_f64) (p, g, at, first, n, offsets, x->row, w);
		for (int64_t k = 0; k < p->c.cout; k++)
		{
			loops->combine(dweights + (size_t) (k * p->terms) * p->c.width, p->columns, x->data, x->row,
						   (size_t) p->c.window.size[0], (size_t) p->columns, w->at + k * most,
						   w->factors + (size_t) (k * most) * p->c.width, (size_t) w->counts[k]);
			ML_TRY(ml_conv_poll(&p->c, (w->counts[k] + 1) * p->terms));
		}
	}
	return ML_OK;
}

/* dy of the convolution in full, from gradients of maxima. */
static void
unpool(const conv_pool *p, const char *g, const uint8_t *at, char *dy)
{
	const ml_window_kernel *loops = ml_window_of(p->c.run->kernel, p->c.dtype);
	ml_patch	patch = {
		.x_row = p->frame.out[1] * p->c.cout, .x_column = p->c.cout, .rows = p->pool[0],
		.columns = p->pool[1], .at_row = (int32_t) p->pool[1]
	};

	memset(dy, 0, (size_t) (p->frame.out[0] * p->frame.out[1] * p->c.cout) * p->c.width);
	for (int64_t place = 0; place < p->out[0] * p->out[1]; place++)
	{
		int64_t		to = place / p->out[1] * p->stride[0] * p->frame.out[1] + place % p->out[1] * p->stride[1];

		loops->maximum_back(dy + (size_t) (to * p->c.cout) * p->c.width,
							g + (size_t) (place * p->c.cout) * p->c.width, at + place * p->c.cout, &patch,
							(size_t) p->c.cout);
	}
}

static size_t
full_size(const conv_pool *p)
{
	return ml_size_align(ml_size_mul(ml_size_mul((size_t) p->frame.out[0], (size_t) p->frame.out[1]),
									 ml_size_mul((size_t) p->c.cout, p->c.width)), ML_ALIGN);
}

static ml_status
run_full(conv_pool *p, const ml_op_run *run)
{
	char	   *dy = run->workspace;
	char	   *space = dy + full_size(p);

	for (int64_t i = 0; i < p->images; i++)
	{
		unpool(p, images_at(&run->in[1], i), (const uint8_t *) images_at(&run->in[2], i), dy);
		ML_TRY(ml_conv_weights(&p->c, &p->frame, images_at(&run->in[0], i), dy, run->out[0].data, space));
	}
	return ML_OK;
}

/* dweights (in panels) += sums by output */
static void
add_by_output(const conv_pool *p, const char *sums, char *dweights, char *space)
{
	const ml_map_kernel *map = ml_map_of(p->c.run->kernel, p->c.dtype);

	for (int64_t n = 0; n < p->c.cout; n += ML_PANEL)
	{
		int64_t		outputs = ML_MIN(p->c.cout - n, ML_PANEL);
		char	   *to = dweights + (size_t) (n * p->terms) * p->c.width;

		if (outputs < ML_PANEL)
			memset(space, 0, (size_t) (ML_PANEL * p->terms) * p->c.width);
		ml_conv_transpose(&p->c, space, ML_PANEL, sums + (size_t) (n * p->terms) * p->c.width, p->terms, outputs,
						  p->terms);
		map->binary[ML_MAP_ADD] (to, to, 1, space, 1, (size_t) (ML_PANEL * p->terms));
	}
}

static size_t
panel_size(const conv_pool *p)
{
	return ml_size_align(ml_size_mul((size_t) (ML_PANEL * p->terms), p->c.width), ML_ALIGN);
}

static ml_status
run_conv_pool2d_weights(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->in[0], run->out[0].dims, &run->in[1]);
	char	   *sums = run->workspace;
	char	   *lists = sums + by_output_size(&p);
	char	   *panel = lists + lists_size(&p);
	winners		w = {.counts = (int32_t *) (void *) lists};

	if (!run->add)
		ML_TRY(ml_zero(run->ctx, run->out[0].data, ml_storage_bytes(p.c.dtype, ML_PANELS, 4, run->out[0].dims)));
	if (p.columns < FEW_COLUMNS)
		return run_full(&p, run);
	w.factors = lists + ml_size_align((size_t) p.c.cout * sizeof(int32_t), ML_ALIGN);
	w.at = (int32_t *) (void *) (w.factors + (size_t) (places_listed(&p) * p.c.cout) * p.c.width);
	memset(sums, 0, by_output_size(&p));
	for (int64_t i = 0; i < p.images; i++)
	{
		ml_padded	x = ml_conv_pad(&p.c, &p.frame, images_at(&run->in[0], i), panel + panel_size(&p));

		ML_TRY(weights_image(&p, &x, images_at(&run->in[1], i),
							 (const uint8_t *) images_at(&run->in[2], i), sums, &w));
	}
	add_by_output(&p, sums, run->out[0].data, panel);
	return ML_OK;
}

static size_t
workspace_conv_pool2d_weights(const ml_op_run *run)
{
	conv_pool	p = conv_pool_of(run, &run->in[0], run->out[0].dims, &run->in[1]);
	size_t		padded = ml_conv_padded_size(&p.c, &p.frame);

	if (p.columns < FEW_COLUMNS)
		return ml_size_add(full_size(&p), padded);
	return ml_size_add(ml_size_add(ml_size_add(by_output_size(&p), lists_size(&p)), panel_size(&p)), padded);
}

const ml_op ml_op_conv_pool2d_weights = {
	.name = "conv_pool2d_weights",
	.version = 1,
	.nin_least = 3,
	.nin_most = 3,
	.nout = 1,
	.flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.attributes = attributes_conv_pool,
	.shape = shape_conv_pool2d_weights,
	.kernels = (const ml_op_kernel[]) {
		{"ffu>p", 0, run_conv_pool2d_weights, workspace_conv_pool2d_weights},
		{"ddu>P", 0, run_conv_pool2d_weights, workspace_conv_pool2d_weights},
		{0}
	}
};
