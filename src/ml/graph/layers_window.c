/*-------------------------------------------------------------------------
 *
 * layers_window.c
 *	  Layers whose windows move over images and sequences: convolution, pooling.
 *
 * "same" keeps the size, divided by the stride and rounded up, by padding on
 * both sides, the odd pixel behind (TensorFlow's rule); "valid" pads nothing.
 *
 * Sequences that are all of one length are images of one row of pixels, so that
 * what comes out is of one length, too, and may be flattened.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/layer.h"
#include "op/window.h"

#define SAME	1				/* of "padding" */

static ml_status
want_image(ml_lowering *w, const ml_flow *in)
{
	if (!ml_flow_packed(in) && in->ndims == 3)
		return ML_OK;
	ml_layer_fail(w, in, "takes images [height, width, channels]");
	return ml_hint(w->ctx, "A column of numbers becomes an image by aiaas.reshape(height, width, channels).");
}

/* Padding of one axis; false: the window is larger than what there is. */
static bool
pad_axis(ml_lowering *w, int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t *before, int64_t *after)
{
	int64_t		extent = (window - 1) * dilation + 1;

	*before = *after = 0;
	if (ml_layer_integer(w, "padding") == SAME)
		ml_window_same(size, window, stride, dilation, before, after);
	return size + *before + *after >= extent;
}

static int64_t
outputs_of(int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t padding)
{
	return (size + padding - (window - 1) * dilation - 1) / stride + 1;
}

/* Strides, paddings of an image, and the size of what comes out. */
static ml_status
window_2d(ml_lowering *w, const ml_flow *in, const int64_t *window, const int64_t *strides,
		  const int64_t *dilation, ml_attributes *attributes, ml_flow *out)
{
	int64_t    *a = attributes->ints;

	a[ML_CONV2D_STRIDE_H] = strides[0];
	a[ML_CONV2D_STRIDE_W] = strides[1];
	if (!pad_axis(w, in->dims[0], window[0], strides[0], dilation[0], &a[ML_CONV2D_TOP], &a[ML_CONV2D_BOTTOM]) ||
		!pad_axis(w, in->dims[1], window[1], strides[1], dilation[1], &a[ML_CONV2D_LEFT], &a[ML_CONV2D_RIGHT]))
		return ml_layer_fail(w, in, "has a window of %lld x %lld, which is larger than the image",
							 (long long) window[0], (long long) window[1]);
	*out = *in;
	out->dims[0] = outputs_of(in->dims[0], window[0], strides[0], dilation[0], a[ML_CONV2D_TOP] + a[ML_CONV2D_BOTTOM]);
	out->dims[1] = outputs_of(in->dims[1], window[1], strides[1], dilation[1], a[ML_CONV2D_LEFT] + a[ML_CONV2D_RIGHT]);
	return ML_OK;
}

/* filters and groups must divide the channels. */
static ml_status
check_groups(ml_lowering *w, const ml_flow *in, int64_t channels)
{
	int64_t		groups = ml_layer_integer(w, "groups");
	int64_t		filters = ml_layer_integer(w, "filters");

	if (channels % groups == 0 && filters % groups == 0)
		return ML_OK;
	return ml_layer_fail(w, in, "has %lld groups, which don't divide %lld channels and %lld filters",
						 (long long) groups, (long long) channels, (long long) filters);
}

/* Weight and bias of a convolution behind the inputs in[n...]; how many there are then. */
static int
conv_parameters(ml_lowering *w, int ndims, const int64_t *dims, int n, int32_t *in)
{
	in[n++] = ml_layer_parameter(w, "weight", ML_PANELS, ndims, dims, ml_layer_integer(w, "kernel_initializer"), false);
	if (ml_layer_integer(w, "use_bias"))
		in[n++] = ml_layer_parameter(w, "bias", ML_PLAIN, 1, &dims[ndims - 1], ml_layer_integer(w, "bias_initializer"),
									 false);
	return n;
}

/* Of an image [height, width, channels]; window, strides, dilation: [2]. */
static ml_status
convolve(ml_lowering *w, const ml_flow *in, const int64_t *window, const int64_t *strides, const int64_t *dilation,
		 ml_flow *out)
{
	ml_attributes attributes = ml_layer_fused(w);
	int64_t		groups = ml_layer_integer(w, "groups");
	int32_t		inputs[3] = {in->value};
	int			n;

	ML_TRY(check_groups(w, in, in->dims[2]));
	attributes.ints[ML_CONV2D_ACTIVATION] = attributes.ints[0];
	ML_TRY(window_2d(w, in, window, strides, dilation, &attributes, out));
	attributes.ints[ML_CONV2D_DILATION_H] = dilation[0];
	attributes.ints[ML_CONV2D_DILATION_W] = dilation[1];
	attributes.ints[ML_CONV2D_GROUPS] = groups;
	out->dims[2] = ml_layer_integer(w, "filters");
	n = conv_parameters(w, 4, (int64_t[]) {window[0], window[1], in->dims[2] / groups, out->dims[2]}, 1, inputs);
	out->value = ml_layer_finish(w, ml_emit(&w->b.e, &ml_op_conv2d, &attributes, n, inputs));
	return ml_layer_status(w, in);
}

ml_status
ml_lower_conv2d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ML_TRY(want_image(w, in));
	return convolve(w, in, ml_layer_setting(w, "kernel_size")->sizes, ml_layer_setting(w, "strides")->sizes,
					ml_layer_setting(w, "dilation")->sizes, out);
}

static ml_setting_value *
strides_of_pool(ml_lowering *w)
{
	ml_setting_value *strides = ml_layer_setting(w, "strides");

	if (strides->none)
	{
		*strides = *ml_layer_setting(w, "pool_size");
		strides->none = false;
	}
	return strides;
}

/* Of an image; window, strides: [2]. */
static ml_status
pool(ml_lowering *w, const ml_flow *in, const int64_t *window, const int64_t *strides, ml_flow *out, const ml_op *op)
{
	static const int64_t one[2] = {1, 1};
	ml_attributes attributes = {0};
	int32_t		made[2];

	ML_TRY(window_2d(w, in, window, strides, one, &attributes, out));
	attributes.ints[ML_POOL2D_WINDOW_H] = window[0];
	attributes.ints[ML_POOL2D_WINDOW_W] = window[1];
	w->b.e.node(&w->b.e, op, &attributes, 1, &in->value, op->nout, made);
	out->value = w->b.e.status == ML_OK ? made[0] : ML_NO_VALUE;
	return ml_layer_status(w, in);
}

static ml_status
pool_2d(ml_lowering *w, const ml_flow *in, ml_flow *out, const ml_op *op)
{
	ML_TRY(want_image(w, in));
	return pool(w, in, ml_layer_setting(w, "pool_size")->sizes, strides_of_pool(w)->sizes, out, op);
}

ml_status
ml_lower_max_pooling2d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_2d(w, in, out, &ml_op_max_pool2d);
}

ml_status
ml_lower_average_pooling2d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_2d(w, in, out, &ml_op_average_pool2d);
}

/* ---------- sequences ---------- */

/* A sequence of one length as an image [1, length, channels]. */
static ml_status
to_image(ml_lowering *w, const ml_flow *in, ml_flow *image)
{
	*image = (ml_flow){.offsets = ML_NO_VALUE, .first = w->network->rows, .ndims = 3, .dims = {1, in->length, in->dims[0]}};
	image->value = ml_layer_reshape(w, in->value, image->first, 3, image->dims);
	return w->b.e.status;
}

/* And back, in place. */
static ml_status
to_sequence(ml_lowering *w, ml_flow *flow)
{
	int64_t		length = flow->dims[1];
	int64_t		channels = flow->dims[2];

	flow->ndims = 2;
	flow->dims[0] = length;
	flow->dims[1] = channels;
	return ml_layer_to_sequence(w, flow);
}

/* What comes out of windows over sequences: the same words, or other ones with offsets of their own. */
static ml_status
window_1d(ml_lowering *w, const ml_flow *in, int64_t window, int64_t stride, int64_t dilation,
		  ml_attributes *attributes, ml_flow *out)
{
	int64_t    *a = attributes->ints;
	int64_t		extent = (window - 1) * dilation;

	a[ML_CONV1D_STRIDE] = stride;
	a[ML_CONV1D_BEFORE] = a[ML_CONV1D_AFTER] = 0;
	if (ml_layer_integer(w, "padding") == SAME)
	{
		/* by the stride of 1; rows are of many lengths */
		a[ML_CONV1D_BEFORE] = extent / 2;
		a[ML_CONV1D_AFTER] = extent - extent / 2;
	}
	*out = *in;
	if (in->longest > 0)
	{
		int64_t		padding = a[ML_CONV1D_BEFORE] + a[ML_CONV1D_AFTER];

		out->longest = in->longest + padding > extent ? outputs_of(in->longest, window, stride, dilation, padding) : 0;
		if (out->longest == 0)
			return ml_layer_fail(w, in, "has a window of %lld, which is longer than all %s", (long long) window, ml_flow_texts(in));
	}
	return ML_OK;
}

/* Does a window give as many words as it gets? */
static bool
keeps_words(const ml_attributes *attributes, int64_t window, int64_t dilation)
{
	return attributes->ints[ML_CONV1D_STRIDE] == 1 &&
		attributes->ints[ML_CONV1D_BEFORE] + attributes->ints[ML_CONV1D_AFTER] == (window - 1) * dilation;
}

/* Take the outputs y and offsets of a node. */
static void
take_sequence(ml_lowering *w, const int32_t *made, bool keeps, ml_flow *out)
{
	if (w->b.e.status != ML_OK)
		return;
	out->value = made[0];
	if (keeps)
		return;
	out->offsets = made[1];
	out->first = w->b.e.shape(&w->b.e, made[0])->dims[0];
}

ml_status
ml_lower_conv1d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	int64_t		window = ml_layer_setting(w, "kernel_size")->sizes[0];
	int64_t		stride = ml_layer_setting(w, "strides")->sizes[0];
	int64_t		dilation = ml_layer_setting(w, "dilation")->sizes[0];
	int64_t		groups = ml_layer_integer(w, "groups");
	ml_attributes attributes = ml_layer_fused(w);
	int32_t		inputs[4] = {in->value, in->offsets};
	int32_t		made[2];
	ml_flow		image;
	int			n;

	ML_TRY(ml_layer_want_sequence(w, in));
	if (in->length > 0)
	{
		ML_TRY(to_image(w, in, &image));
		ML_TRY(convolve(w, &image, (int64_t[]) {1, window}, (int64_t[]){1, stride}, (int64_t[]){1, dilation}, out));
		return to_sequence(w, out);
	}
	ML_TRY(check_groups(w, in, in->dims[0]));
	attributes.ints[ML_CONV1D_ACTIVATION] = attributes.ints[0];
	ML_TRY(window_1d(w, in, window, stride, dilation, &attributes, out));
	attributes.ints[ML_CONV1D_DILATION] = dilation;
	attributes.ints[ML_CONV1D_GROUPS] = groups;
	out->dims[0] = ml_layer_integer(w, "filters");
	n = conv_parameters(w, 3, (int64_t[]) {window, in->dims[0] / groups, out->dims[0]}, 2, inputs);
	w->b.e.node(&w->b.e, &ml_op_conv1d, &attributes, n, inputs, 2, made);
	take_sequence(w, made, keeps_words(&attributes, window, dilation), out);
	out->value = ml_layer_finish(w, out->value);
	return ml_layer_status(w, in);
}

static ml_status
pool_1d(ml_lowering *w, const ml_flow *in, ml_flow *out, const ml_op *op)
{
	int64_t		window = ml_layer_setting(w, "pool_size")->sizes[0];
	int64_t		stride = strides_of_pool(w)->sizes[0];
	ml_attributes attributes = {0};
	int32_t		made[3];
	ml_flow		image;

	ML_TRY(ml_layer_want_sequence(w, in));
	if (in->length > 0)
	{
		ML_TRY(to_image(w, in, &image));
		ML_TRY(pool(w, &image, (int64_t[]) {1, window}, (int64_t[]){1, stride}, out,
					op == &ml_op_max_pool1d ? &ml_op_max_pool2d : &ml_op_average_pool2d));
		return to_sequence(w, out);
	}
	ML_TRY(window_1d(w, in, window, stride, 1, &attributes, out));
	attributes.ints[ML_POOL1D_WINDOW] = window;
	w->b.e.node(&w->b.e, op, &attributes, 2, (int32_t[]) {in->value, in->offsets}, op->nout, made);
	take_sequence(w, made, keeps_words(&attributes, window, 1), out);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_max_pooling1d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_1d(w, in, out, &ml_op_max_pool1d);
}

ml_status
ml_lower_average_pooling1d(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_1d(w, in, out, &ml_op_average_pool1d);
}

/* ---------- all of an image or a sequence ---------- */

static ml_status
pool_all(ml_lowering *w, const ml_flow *in, ml_flow *out, bool max)
{
	ml_attributes attributes = {.ints = {[ML_POOL2D_STRIDE_H] = 1, [ML_POOL2D_STRIDE_W] = 1}};
	const ml_op *op = max ? &ml_op_max_pool2d : &ml_op_average_pool2d;
	ml_emitter *e = &w->b.e;
	int32_t		made[2];

	*out = *in;
	out->ndims = 1;
	out->dims[0] = in->dims[in->ndims > 0 ? in->ndims - 1 : 0];
	out->offsets = ML_NO_VALUE;
	out->first = w->network->rows;
	out->length = out->longest = 0;
	if (ml_flow_packed(in))
	{
		ML_TRY(ml_layer_want_sequence(w, in));
		op = max ? &ml_op_segment_max : &ml_op_segment_mean;
		e->node(e, op, NULL, 2, (int32_t[]) {in->value, in->offsets}, op->nout, made);
		out->value = made[0];
		return ml_layer_status(w, in);
	}
	ML_TRY(want_image(w, in));
	attributes.ints[ML_POOL2D_WINDOW_H] = in->dims[0];
	attributes.ints[ML_POOL2D_WINDOW_W] = in->dims[1];
	e->node(e, op, &attributes, 1, &in->value, op->nout, made);
	if (e->status == ML_OK)
		out->value = ml_emit1(e, &ml_op_reshape, &(ml_attributes) {.ndims = 2, .dims = {out->first, out->dims[0]}}, made[0]);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_global_max_pooling(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_all(w, in, out, true);
}

ml_status
ml_lower_global_average_pooling(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return pool_all(w, in, out, false);
}
