/*-------------------------------------------------------------------------
 *
 * window.c
 *	  Windows that move over images or packed sequences: geometry, shape rules,
 *	  frames.
 *
 *-------------------------------------------------------------------------
 */
#include "op/window.h"

void
ml_window_same(int64_t pixels, int64_t size, int64_t stride, int64_t dilation, int64_t *before,
			   int64_t *after)
{
	int64_t		places = (pixels + stride - 1) / stride;
	int64_t		total = (places - 1) * stride + dilation * (size - 1) + 1 - pixels;

	total = ML_MAX(total, 0);
	*before = total / 2;
	*after = total - *before;
}

ml_window
ml_window_2d(const ml_attributes *attributes, const int64_t *size)
{
	const int64_t *ints = attributes->ints;
	ml_window	w = {
		.stride = {ints[ML_CONV2D_STRIDE_H], ints[ML_CONV2D_STRIDE_W]},
		.before = {ints[ML_CONV2D_TOP], ints[ML_CONV2D_LEFT]},
		.after = {ints[ML_CONV2D_BOTTOM], ints[ML_CONV2D_RIGHT]},
		.dilation = {1, 1}
	};

	for (int i = 0; i < 2; i++)
	{
		w.size[i] = size != NULL ? size[i] : ints[ML_POOL2D_WINDOW_H + i];
		if (size != NULL)
			w.dilation[i] = ints[ML_CONV2D_DILATION_H + i];
	}
	return w;
}

ml_window
ml_window_1d(const ml_attributes *attributes, const int64_t *size)
{
	const int64_t *ints = attributes->ints;

	return (ml_window) {
		.size = {1, size != NULL ? *size : ints[ML_POOL1D_WINDOW]},
		.stride = {1, ints[ML_CONV1D_STRIDE]},
		.before = {0, ints[ML_CONV1D_BEFORE]},
		.after = {0, ints[ML_CONV1D_AFTER]},
		.dilation = {1, size != NULL ? ints[ML_CONV1D_DILATION] : 1}
	};
}

ml_status
ml_window_shape_2d(ml_context *ctx, const char *op, const ml_window *w, const ml_shape *x,
				   ml_shape *out)
{
	char		text[ML_SHAPE_TEXT];

	if (x->ndims != 4 || x->layout != ML_PLAIN || x->dims[1] < 0 || x->dims[2] < 0 || x->dims[3] < 0)
		return ML_OP_FAIL(ctx, "%s: wants images [rows, height, width, channels], not %s", op,
						  ml_shape_print(text, x));
	*out = *x;
	for (int i = 0; i < 2; i++)
	{
		out->dims[1 + i] = ml_window_places(w, i, x->dims[1 + i]);
		if (out->dims[1 + i] == 0)
			return ML_OP_FAIL(ctx, "%s: a window of %lld x %lld does not fit into images of %lld x %lld",
							  op, (long long) ml_window_extent(w, 0), (long long) ml_window_extent(w, 1),
							  (long long) x->dims[1], (long long) x->dims[2]);
	}
	return ML_OK;
}

ml_status
ml_window_shape_1d(ml_context *ctx, const char *op, const ml_window *w, ml_symbols *symbols,
				   const ml_shape *x, const ml_shape *offsets, ml_shape *out)
{
	int64_t		padding = w->before[1] + w->after[1];
	char		text[ML_SHAPE_TEXT];

	if (x->ndims != 2 || x->layout != ML_PLAIN || x->dims[0] >= 0 || x->dims[1] < 0)
		return ML_OP_FAIL(ctx, "%s: wants packed sequences [words, channels], not %s", op,
						  ml_shape_print(text, x));
	if (offsets->ndims != 1 || offsets->dtype != ML_I32)
		return ML_OP_FAIL(ctx, "%s: wants the offsets of rows, not %s", op, ml_shape_print(text, offsets));
	*out = *x;
	if (w->stride[1] == 1 && padding == ml_window_extent(w, 1) - 1)
		return ML_OK;
	return ml_symbols_derive(ctx, symbols, ML_SYMBOL_WINDOWS, x->dims[0], w->size[1], w->stride[1],
							 padding, w->dilation[1], &out->dims[0]);
}

ml_frames
ml_frames_2d(const ml_view *x, const ml_view *y)
{
	return (ml_frames) {
		.n = x->dims[0],
		.image = {
			.in = {x->dims[1], x->dims[2]}, .out = {y->dims[1], y->dims[2]}
		}
	};
}

/* Do they begin at 0, never fall, and end at the words? */
static bool
offsets_count(const ml_view *offsets, int64_t words)
{
	const int32_t *o = offsets->data;
	int64_t		n = offsets->dims[0];

	if (n < 1 || o[0] != 0 || o[n - 1] != words)
		return false;
	for (int64_t i = 1; i < n; i++)
		if (o[i] < o[i - 1])
			return false;
	return true;
}

ml_status
ml_frames_1d(ml_context *ctx, const ml_window *w, const ml_view *x, const ml_view *x_offsets,
			 const ml_view *y, const ml_view *y_offsets, ml_frames *frames)
{
	bool		sound;

	*frames = (ml_frames) {
		.n = x_offsets->dims[0] - 1, .x_offsets = x_offsets->data, .y_offsets = y_offsets->data
	};
	sound = x_offsets->dims[0] == y_offsets->dims[0] && offsets_count(x_offsets, x->dims[0]) &&
		offsets_count(y_offsets, y->dims[0]);
	for (int64_t i = 0; sound && i < frames->n; i++)
	{
		ml_frame	frame = ml_frames_at(frames, i);

		sound = frame.out[1] == ml_window_places(w, 1, frame.in[1]);
	}
	if (!sound)
		return ml_fail(ctx, ML_BAD_INPUT, "offsets of packed rows that do not count their words");
	return ML_OK;
}

ml_frame
ml_frames_at(const ml_frames *frames, int64_t i)
{
	const int32_t *x = frames->x_offsets;
	const int32_t *y = frames->y_offsets;
	ml_frame	frame = frames->image;

	if (x != NULL)
		return (ml_frame) {
			.in = {1, x[i + 1] - x[i]}, .out = {1, y[i + 1] - y[i]}, .x = x[i], .y = y[i]
		};
	frame.x = (size_t) (i * frame.in[0] * frame.in[1]);
	frame.y = (size_t) (i * frame.out[0] * frame.out[1]);
	return frame;
}

ml_status
ml_window_offsets(ml_context *ctx, const ml_window *w, const ml_view *x_offsets,
				  const ml_view *y_offsets)
{
	const int32_t *x = x_offsets->data;
	int32_t    *y = y_offsets->data;
	int64_t		sum = 0;

	for (int64_t i = 0; i < x_offsets->dims[0]; i++)
	{
		if (i > 0)
			sum += ml_window_places(w, 1, (int64_t) x[i] - x[i - 1]);
		if (sum > INT32_MAX)
			return ml_fail(ctx, ML_BAD_INPUT, "offsets of packed rows that are too large");
		y[i] = (int32_t) sum;
	}
	return ML_OK;
}
