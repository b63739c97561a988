/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Windows that move over images or packed sequences: what pooling and
 *	  convolution share.
 *
 * An image is a frame of height x width pixels, a packed row one of 1 x length;
 * a pixel is the channels at one place.  So whatever is done for a frame serves
 * images and sequences.  Padding is always numbers of pixels before and after;
 * what "same" means is up to who builds the graph (ml_window_same).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OP_WINDOW_H
#define ML_OP_WINDOW_H

#include "kernel/window.h"
#include "op/walk.h"

/* Attributes of conv2d, max_pool2d and average_pool2d (pools: window; conv: dilation on). */
enum
{
	ML_CONV2D_STRIDE_H,
	ML_CONV2D_STRIDE_W,
	ML_CONV2D_TOP,
	ML_CONV2D_BOTTOM,
	ML_CONV2D_LEFT,
	ML_CONV2D_RIGHT,
	ML_CONV2D_DILATION_H,
	ML_CONV2D_DILATION_W,
	ML_CONV2D_GROUPS,
	ML_CONV2D_ACTIVATION
};

enum
{
	ML_POOL2D_STRIDE_H,
	ML_POOL2D_STRIDE_W,
	ML_POOL2D_TOP,
	ML_POOL2D_BOTTOM,
	ML_POOL2D_LEFT,
	ML_POOL2D_RIGHT,
	ML_POOL2D_WINDOW_H,
	ML_POOL2D_WINDOW_W
};

/* Of conv_pool2d, behind those of the window. */
enum
{
	ML_CONV_POOL_H = ML_CONV2D_RIGHT + 1,
	ML_CONV_POOL_W,
	ML_CONV_POOL_STRIDE_H,
	ML_CONV_POOL_STRIDE_W,
	ML_CONV_POOL_ACTIVATION		/* ML_LINEAR or ML_RELU */
};

/* Of conv1d, and of max_pool1d and average_pool1d. */
enum
{
	ML_CONV1D_STRIDE,
	ML_CONV1D_BEFORE,
	ML_CONV1D_AFTER,
	ML_CONV1D_DILATION,
	ML_CONV1D_GROUPS,
	ML_CONV1D_ACTIVATION
};

enum
{
	ML_POOL1D_STRIDE,
	ML_POOL1D_BEFORE,
	ML_POOL1D_AFTER,
	ML_POOL1D_WINDOW
};

#define ML_WINDOW_MOST	65535	/* of sizes, strides, dilations and paddings */

/* Index 0: rows of an image; 1: columns, or words of a sequence. */
typedef struct ml_window
{
	int64_t		size[2];
	int64_t		stride[2];
	int64_t		before[2];
	int64_t		after[2];
	int64_t		dilation[2];
} ml_window;

/* Pixels that a window covers from its first to its last. */
static inline int64_t
ml_window_extent(const ml_window *w, int axis)
{
	return w->dilation[axis] * (w->size[axis] - 1) + 1;
}

/* Places of the window along an axis of that many pixels; 0 of none. */
static inline int64_t
ml_window_places(const ml_window *w, int axis, int64_t pixels)
{
	int64_t		room = pixels + w->before[axis] + w->after[axis] - ml_window_extent(w, axis);

	return pixels <= 0 || room < 0 ? 0 : room / w->stride[axis] + 1;
}

/*
 * Padding for ceil(pixels / stride) places, as TensorFlow, Keras and ONNX's SAME_UPPER
 * have it: the odd one behind.  Of sequences, whose lengths differ, give a
 * stride of 1: the total is then dilation * (size - 1).
 */
extern void ml_window_same(int64_t pixels, int64_t size, int64_t stride, int64_t dilation,
						   int64_t *before, int64_t *after);

/* From attributes; size: of the weights, or NULL: it is an attribute. */
extern ml_window ml_window_2d(const ml_attributes *attributes, const int64_t *size);
extern ml_window ml_window_1d(const ml_attributes *attributes, const int64_t *size);

/* The attributes' rows: pools have all, convolutions those but for the window. */
#define ML_WINDOW_ATTRIBUTE(name, least, standard) {name, false, least, ML_WINDOW_MOST, standard}
#define ML_WINDOW2D_ATTRIBUTES \
	ML_WINDOW_ATTRIBUTE("stride_h", 1, 1), ML_WINDOW_ATTRIBUTE("stride_w", 1, 1), \
	ML_WINDOW_ATTRIBUTE("top", 0, 0), ML_WINDOW_ATTRIBUTE("bottom", 0, 0), \
	ML_WINDOW_ATTRIBUTE("left", 0, 0), ML_WINDOW_ATTRIBUTE("right", 0, 0)
#define ML_WINDOW1D_ATTRIBUTES \
	ML_WINDOW_ATTRIBUTE("stride", 1, 1), ML_WINDOW_ATTRIBUTE("before", 0, 0), \
	ML_WINDOW_ATTRIBUTE("after", 0, 0)

/*
 * Shape rules: x is [rows, height, width, channels] with numbers but for rows; out
 * gets its places.  Or x [words, channels] and offsets [rows + 1]: out gets the
 * words after the window, which are those before if no row's length changes.
 */
extern ml_status ml_window_shape_2d(ml_context *ctx, const char *op, const ml_window *w,
									const ml_shape *x, ml_shape *out);
extern ml_status ml_window_shape_1d(ml_context *ctx, const char *op, const ml_window *w,
									ml_symbols *symbols, const ml_shape *x, const ml_shape *offsets,
									ml_shape *out);

typedef struct ml_frame
{
	int64_t		in[2];
	int64_t		out[2];
	size_t		x;				/* pixels of x before this frame */
	size_t		y;
} ml_frame;

/* All frames of a run. */
typedef struct ml_frames
{
	int64_t		n;
	const int32_t *x_offsets;	/* of packed rows; NULL: images */
	const int32_t *y_offsets;
	ml_frame	image;
} ml_frames;

extern ml_frames ml_frames_2d(const ml_view *x, const ml_view *y);
/* ML_BAD_INPUT: offsets that are none, don't count the words, or are not what the window makes of them. */
extern ml_status ml_frames_1d(ml_context *ctx, const ml_window *w, const ml_view *x,
							  const ml_view *x_offsets, const ml_view *y, const ml_view *y_offsets,
							  ml_frames *frames);
extern ml_frame ml_frames_at(const ml_frames *frames, int64_t i);

/* Offsets of what the window makes of packed rows, written to y_offsets. */
extern ml_status ml_window_offsets(ml_context *ctx, const ml_window *w, const ml_view *x_offsets,
								   const ml_view *y_offsets);

#endif							/* ML_OP_WINDOW_H */
