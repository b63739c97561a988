/*-------------------------------------------------------------------------
 *
 * test_op_conv.c
 *	  Convolution and pooling of images and packed rows.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"

#include "op/window.h"

/* A size of windows, strides and the like. */
static int64_t
few(op_checks *checks, int64_t least, int64_t most)
{
	return op_pick(checks, least, most);
}

/* Images [rows, height, width, channels] that a window of that extent fits into. */
static op_input
images(op_checks *checks, int64_t channels, int64_t extent_h, int64_t extent_w)
{
	op_input	in = op_floats(4, (const int64_t[]) {
		0, ML_MAX(extent_h, 1) + few(checks, 0, 4), ML_MAX(extent_w, 1) + few(checks, 0, 4), channels
	});

	in.role = OP_ROWS;
	return in;
}

static op_input
words(int64_t channels)
{
	op_input	in = op_floats(2, (const int64_t[]) {0, channels});

	in.role = OP_WORDS;
	return in;
}

static op_input
offsets(void)
{
	return (op_input) {
		.dtype = ML_I32, .role = OP_OFFSETS, .ndims = 1, .fixed = true
	};
}

/* Channels and outputs in groups: one, several, or one channel in each. */
static void
pick_groups(op_checks *checks, int64_t *groups, int64_t *cin, int64_t *cout)
{
	*groups = few(checks, 0, 2) == 0 ? few(checks, 2, 4) : 1;
	*cin = *groups * (few(checks, 0, 1) == 0 ? 1 : few(checks, 1, 4));
	*cout = *groups * op_dim(checks) % 67;
	*cout = ML_MAX(*cout / *groups, 1) * *groups;
}

static void
conv2d_case(op_checks *checks)
{
	op_case		c = {.op = &ml_op_conv2d, .attributes = ml_op_standard(&ml_op_conv2d), .inexact = true};
	int64_t    *ints = c.attributes.ints;
	int64_t		size[2] = {few(checks, 1, 3), few(checks, 1, 3)};
	int64_t		extent[2];
	int64_t		cin;
	int64_t		cout;

	pick_groups(checks, &ints[ML_CONV2D_GROUPS], &cin, &cout);
	for (int i = 0; i < 2; i++)
	{
		ints[ML_CONV2D_STRIDE_H + i] = few(checks, 1, 3);
		ints[ML_CONV2D_TOP + 2 * i] = few(checks, 0, 2);
		ints[ML_CONV2D_TOP + 2 * i + 1] = few(checks, 0, 2);
		ints[ML_CONV2D_DILATION_H + i] = few(checks, 1, 2);
		extent[i] = ints[ML_CONV2D_DILATION_H + i] * (size[i] - 1) + 1 - ints[ML_CONV2D_TOP + 2 * i] -
			ints[ML_CONV2D_TOP + 2 * i + 1];
	}
	if (few(checks, 0, 1) == 0)
		for (int i = ML_CONV2D_STRIDE_H; i <= ML_CONV2D_DILATION_W; i++)
			ints[i] = i < ML_CONV2D_TOP || i > ML_CONV2D_RIGHT ? 1 : ints[i];
	ints[ML_CONV2D_ACTIVATION] = few(checks, 0, 1) == 0 ? ML_LINEAR :
		(const ml_activation[]) {ML_ELU, ML_GELU, ML_GELU_TANH, ML_SILU, ML_TANH, ML_SIGMOID} [few(checks, 0, 5)];
	c.rows = (int) few(checks, 1, 3);
	c.nin = few(checks, 0, 1) == 0 ? 2 : 3;
	c.in[0] = images(checks, cin, extent[0], extent[1]);
	c.in[1] = op_floats(4, (const int64_t[]) {size[0], size[1], cin / ints[ML_CONV2D_GROUPS], cout});
	c.in[1].layout = ML_PANELS;
	c.in[2] = op_floats(1, &cout);
	c.out[0] = OP_ROWS;
	op_check(checks, &c);
}

static void
conv1d_case(op_checks *checks)
{
	op_case		c = {.op = &ml_op_conv1d, .attributes = ml_op_standard(&ml_op_conv1d), .inexact = true};
	int64_t    *ints = c.attributes.ints;
	int64_t		size = few(checks, 1, 4);
	int64_t		cin;
	int64_t		cout;
	bool		same = few(checks, 0, 1) == 0;

	pick_groups(checks, &ints[ML_CONV1D_GROUPS], &cin, &cout);
	ints[ML_CONV1D_STRIDE] = same ? 1 : few(checks, 1, 3);
	ints[ML_CONV1D_DILATION] = few(checks, 1, 2);
	if (same)
		ml_window_same(1, size, 1, ints[ML_CONV1D_DILATION], &ints[ML_CONV1D_BEFORE], &ints[ML_CONV1D_AFTER]);
	else
	{
		ints[ML_CONV1D_BEFORE] = few(checks, 0, 3);
		ints[ML_CONV1D_AFTER] = few(checks, 0, 3);
	}
	ints[ML_CONV1D_ACTIVATION] = few(checks, 0, 1) == 0 ? ML_LINEAR : ML_TANH;
	op_pick_rows(checks, &c, 4, 9);
	c.nin = few(checks, 0, 1) == 0 ? 3 : 4;
	c.in[0] = words(cin);
	c.in[1] = offsets();
	c.in[2] = op_floats(3, (const int64_t[]) {size, cin / ints[ML_CONV1D_GROUPS], cout});
	c.in[2].layout = ML_PANELS;
	c.in[3] = op_floats(1, &cout);
	c.out[0] = same ? OP_WORDS : OP_WHOLE;
	c.unread = 2;
	op_check(checks, &c);
}

static void
conv_pool_case(op_checks *checks)
{
	op_case		c = {.op = &ml_op_conv_pool2d, .attributes = ml_op_standard(&ml_op_conv_pool2d), .inexact = true};
	int64_t    *ints = c.attributes.ints;
	int64_t		size[2] = {few(checks, 1, 3), few(checks, 1, 3)};
	int64_t		extent[2];
	int64_t		cin = few(checks, 1, 9);
	int64_t		cout = op_dim(checks);

	for (int i = 0; i < 2; i++)
	{
		ints[ML_CONV2D_STRIDE_H + i] = few(checks, 1, 2);
		ints[ML_CONV2D_TOP + 2 * i] = few(checks, 0, 2);
		ints[ML_CONV2D_TOP + 2 * i + 1] = few(checks, 0, 2);
		ints[ML_CONV_POOL_H + i] = few(checks, 1, 3);
		ints[ML_CONV_POOL_STRIDE_H + i] = few(checks, 1, 3);
		extent[i] = ints[ML_CONV2D_STRIDE_H + i] * (ints[ML_CONV_POOL_H + i] - 1) + size[i] -
			ints[ML_CONV2D_TOP + 2 * i] - ints[ML_CONV2D_TOP + 2 * i + 1];
	}
	if (few(checks, 0, 1) == 0)
		memset(&ints[ML_CONV2D_TOP], 0, 4 * sizeof(int64_t));
	for (int i = 0; i < 2; i++)
		extent[i] = ML_MAX(extent[i], ints[ML_CONV2D_STRIDE_H + i] * (ints[ML_CONV_POOL_H + i] - 1) + size[i] -
						   ints[ML_CONV2D_TOP + 2 * i] - ints[ML_CONV2D_TOP + 2 * i + 1]);
	ints[ML_CONV_POOL_ACTIVATION] = few(checks, 0, 3) == 0 ? ML_LINEAR : ML_RELU;
	c.rows = (int) few(checks, 1, 3);
	c.nin = few(checks, 0, 1) == 0 ? 2 : 3;
	c.in[0] = images(checks, cin, extent[0], extent[1]);
	c.in[1] = op_floats(4, (const int64_t[]) {size[0], size[1], cin, cout});
	c.in[1].layout = ML_PANELS;
	c.in[2] = op_floats(1, &cout);
	c.out[0] = OP_ROWS;
	c.unread = 2;
	c.hidden = 2;
	c.step = 1e-6;
	op_check(checks, &c);
}

static void
pool2d_case(op_checks *checks, bool maximum)
{
	const ml_op *op = maximum ? &ml_op_max_pool2d : &ml_op_average_pool2d;
	op_case		c = {.op = op, .attributes = ml_op_standard(op)};
	int64_t    *ints = c.attributes.ints;
	int64_t		extent[2];

	for (int i = 0; i < 2; i++)
	{
		int64_t		size = few(checks, 1, 3);

		ints[ML_POOL2D_STRIDE_H + i] = few(checks, 1, 3);
		ints[ML_POOL2D_TOP + 2 * i] = few(checks, 0, size - 1);
		ints[ML_POOL2D_TOP + 2 * i + 1] = few(checks, 0, size - 1);
		ints[ML_POOL2D_WINDOW_H + i] = size;
		extent[i] = size - ints[ML_POOL2D_TOP + 2 * i] - ints[ML_POOL2D_TOP + 2 * i + 1];
	}
	c.rows = (int) few(checks, 1, 3);
	c.nin = 1;
	c.in[0] = images(checks, few(checks, 0, 2) == 0 ? op_dim(checks) : few(checks, 1, 3), extent[0], extent[1]);
	c.in[0].draw = maximum ? OP_APART : OP_UNIFORM;
	c.out[0] = OP_ROWS;
	c.unread = maximum ? 2 : 0;
	op_check(checks, &c);
}

static void
pool1d_case(op_checks *checks, bool maximum)
{
	const ml_op *op = maximum ? &ml_op_max_pool1d : &ml_op_average_pool1d;
	op_case		c = {.op = op, .attributes = ml_op_standard(op)};
	int64_t    *ints = c.attributes.ints;

	ints[ML_POOL1D_WINDOW] = few(checks, 1, 4);
	ints[ML_POOL1D_STRIDE] = few(checks, 1, 3);
	ints[ML_POOL1D_BEFORE] = few(checks, 0, ints[ML_POOL1D_WINDOW] - 1);
	ints[ML_POOL1D_AFTER] = few(checks, 0, ints[ML_POOL1D_WINDOW] - 1);
	op_pick_rows(checks, &c, 4, 9);
	c.nin = 2;
	c.in[0] = words(op_dim(checks));
	c.in[0].draw = maximum ? OP_APART : OP_UNIFORM;
	c.in[1] = offsets();
	c.unread = maximum ? 6 : 2;
	op_check(checks, &c);
}

/* The gradient of weights by itself, which adds to what is there. */
static void
weights_case(op_checks *checks, bool pooled)
{
	const ml_op *op = pooled ? &ml_op_conv_pool2d_weights : &ml_op_conv2d_weights;
	op_case		c = {.op = op, .attributes = ml_op_standard(op), .inexact = true};
	int64_t		size = few(checks, 1, 3);
	int64_t		places = few(checks, 1, 3);
	int64_t		cin = few(checks, 1, 9);
	int64_t		cout = op_dim(checks);
	int64_t		side = (pooled ? 2 * places : places) + size - 1;
	const int64_t dims[4] = {size, size, cin, cout};
	const int64_t y[4] = {0, places, places, cout};

	c.attributes.ndims = 4;
	memcpy(c.attributes.dims, dims, sizeof(dims));
	c.rows = (int) few(checks, 1, 3);
	c.nin = pooled ? 3 : 2;
	c.in[0] = op_floats(4, (const int64_t[]) {0, side, side, cin});
	c.in[1] = op_floats(4, y);
	c.in[2] = (op_input) {
		.dtype = ML_U8, .ndims = 4, .low = 0, .high = 5
	};
	memcpy(c.in[2].dims, y, sizeof(y));
	for (int i = 0; i < 3; i++)
		c.in[i].role = OP_ROWS;
	op_check(checks, &c);
}

int
main(void)
{
	unit_host	host;
	op_checks	checks;

	unit_open(&host);
	op_checks_open(&checks, &host, "conv2d");
	for (int i = 0; i < 250; i++)
		conv2d_case(&checks);
	op_checks_close(&checks, 250);
	op_checks_open(&checks, &host, "conv1d");
	for (int i = 0; i < 250; i++)
		conv1d_case(&checks);
	op_checks_close(&checks, 250);
	op_checks_open(&checks, &host, "conv_pool2d");
	for (int i = 0; i < 250; i++)
		conv_pool_case(&checks);
	op_checks_close(&checks, 250);
	for (int maximum = 0; maximum < 2; maximum++)
	{
		op_checks_open(&checks, &host, maximum ? "max_pool2d" : "average_pool2d");
		for (int i = 0; i < 200; i++)
			pool2d_case(&checks, maximum);
		op_checks_close(&checks, 200);
		op_checks_open(&checks, &host, maximum ? "max_pool1d" : "average_pool1d");
		for (int i = 0; i < 200; i++)
			pool1d_case(&checks, maximum);
		op_checks_close(&checks, 200);
	}
	for (int pooled = 0; pooled < 2; pooled++)
	{
		op_checks_open(&checks, &host, pooled ? "conv_pool2d_weights" : "conv2d_weights");
		for (int i = 0; i < 50; i++)
			weights_case(&checks, pooled);
		op_checks_close(&checks, 50);
	}
	op_checks_open(&checks, &host, "recorded");
	op_check_recorded(&checks, "ops_conv.safetensors");
	op_checks_close(&checks, 0);
	unit_close(&host, "convolution and pooling");
	return unit_done();
}
