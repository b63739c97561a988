/*-------------------------------------------------------------------------
 *
 * conv.h
 *	  Convolution of one frame: what conv2d, conv1d and conv_pool share.
 *
 * y[place, n] = bias[n] + the sum over window pixels t and channels c of
 * x[place's pixel t, c] * weights[t, c, n]
 *
 * where output n of group g sees only the channels of group g.  Nothing is
 * unrolled into matrices: the product (kernel/network.h) goes over rows and
 * columns of the window with strides of the image itself.  What lies in the
 * padding is read as zeros from a copy of the frame, which only padded
 * convolutions have.  With one channel in each group (depthwise) lanes are
 * channels, kernel/window.h.
 *
 * An element of y is one chain of additions over row, column, channel; so it
 * depends on nothing but its window.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OP_CONV_H
#define ML_OP_CONV_H

#include "op/window.h"

typedef struct ml_conv
{
	const ml_op_run *run;
	ml_dtype	dtype;
	size_t		width;			/* bytes of a number */
	ml_window	window;
	int64_t		groups;
	int64_t		cin;			/* channels of x */
	int64_t		cout;
	bool		depthwise;
	ml_activation activation;
	double		alpha;
	size_t		unpolled;		/* multiply-adds since the last poll */
} ml_conv;

extern ml_conv ml_conv_of(const ml_op_run *run, const ml_window *window, int64_t groups, int64_t cin,
						  int64_t cout);

/* Weights are [(height,) width, channels of a group, cout], "dims" of "ndims". */
extern ml_conv ml_conv_2d(const ml_op_run *run, int64_t cin, const int64_t *dims);
extern ml_conv ml_conv_1d(const ml_op_run *run, int64_t cin, const int64_t *dims);

/* Are weights numbers in all "ndims" dimensions, and windows of a size that attributes could give? */
extern ml_status ml_conv_check_weights(ml_context *ctx, const char *op, const ml_shape *weights, int ndims);

/* A frame with its padding, and where its rows are: x itself if nothing is padded. */
typedef struct ml_padded
{
	const char *data;
	int64_t		row;			/* elements of a row */
	int64_t		pixel;			/* channels of a pixel: cin, or cout of a depthwise one */
} ml_padded;

/* Bytes that the frame's copy takes; "frame" is the largest one. */
extern size_t ml_conv_padded_size(const ml_conv *c, const ml_frame *frame);
extern ml_padded ml_conv_pad(const ml_conv *c, const ml_frame *frame, const void *x, void *space);

/* Pixels that the windows of a frame reach over along an axis; bytes of these, padded or not. */
extern int64_t ml_conv_reach(const ml_conv *c, const ml_frame *frame, int axis);
extern size_t ml_conv_frame_size(const ml_conv *c, const ml_frame *frame);
extern bool ml_conv_is_padded(const ml_conv *c);

/* The other way: what of a padded frame is x, added up where channels were repeated. */
extern void ml_conv_unpad(const ml_conv *c, const ml_frame *frame, const char *padded, void *x);

/* to[i * to_row + r] = from[r * from_row + i], i < columns, r < rows */
extern void ml_conv_transpose(const ml_conv *c, void *to, int64_t to_row, const void *from, int64_t from_row,
							  int64_t rows, int64_t columns);

/* One row of y: n places, whose first window begins at "from" in the padded frame. */
extern ml_status ml_conv_row(ml_conv *c, const ml_padded *x, const char *from, const void *weights,
							 const void *bias, void *y, int64_t n);

/* y of a frame; space: ml_conv_padded_size */
extern ml_status ml_conv_forward(ml_conv *c, const ml_frame *frame, const void *x, const void *weights,
								 const void *bias, void *y, void *space);

/* dweights += those of a frame; space: ml_conv_padded_size */
extern ml_status ml_conv_weights(ml_conv *c, const ml_frame *frame, const void *x, const void *dy,
								 void *dweights, void *space);

/* dx of a frame, from weights turned around (of size 0: as they are); space: ml_conv_input_size. */
extern size_t ml_conv_turned_size(const ml_conv *c);
extern ml_status ml_conv_turn(ml_conv *c, const void *weights, void *turned);
extern size_t ml_conv_input_size(const ml_conv *c, const ml_frame *frame);
extern ml_status ml_conv_input(ml_conv *c, const ml_frame *frame, const void *dy, const void *turned,
							   void *dx, void *space);

/* Poll after that many multiply-adds. */
static inline ml_status
ml_conv_poll(ml_conv *c, int64_t terms)
{
	return ml_poll_after(c->run->ctx, &c->unpolled, (size_t) terms / 4);
}

#endif							/* ML_OP_CONV_H */
