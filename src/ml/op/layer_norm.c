/*-------------------------------------------------------------------------
 *
 * layer_norm.c
 *	  Layer norm (Ba, Kiros, Hinton 2016).
 *
 * The moments are outputs for the gradient's sake; none flows through them.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

#include <math.h>

/* gain and bias: [channels], the last dimension of x; each may be absent. */
static ml_status
check_vector(ml_context *ctx, const ml_op_shapes *s, int i, const char *what)
{
	const ml_shape *x = s->in[0];
	char		first[ML_SHAPE_TEXT];
	char		second[ML_SHAPE_TEXT];

	if (x->ndims < 1)
		return ML_OP_FAIL(ctx, "layer_norm: a scalar has no channels");
	if (i >= s->nin || s->in[i] == NULL ||
		(s->in[i]->ndims == 1 && s->in[i]->dims[0] == x->dims[x->ndims - 1]))
		return ML_OK;
	return ML_OP_FAIL(ctx, "layer_norm: the %s is %s, for an input %s", what,
					  ml_shape_print(first, s->in[i]), ml_shape_print(second, x));
}

/* The shape without its last dimension: a number for each row. */
static ml_shape
row_shape(const ml_shape *x)
{
	ml_shape	result = *x;

	result.ndims--;
	return result;
}

static const void *
given(const ml_op_run *run, int i)
{
	return i < run->nin ? run->in[i].data : NULL;
}

static double
number_at(const ml_view *view, size_t i)
{
	return view->dtype == ML_F64 ? ((const double *) view->data)[i] : ((const float *) view->data)[i];
}

static void
put_number(const ml_view *view, size_t i, double value)
{
	if (view->data == NULL)
		return;
	if (view->dtype == ML_F64)
		((double *) view->data)[i] = value;
	else
		((float *) view->data)[i] = (float) value;
}

static size_t
rows_of(const ml_view *x, size_t *channels)
{
	*channels = (size_t) x->dims[x->ndims - 1];
	return *channels == 0 ? 0 : ml_view_elements(x) / *channels;
}

/*
 * === layer_norm(x, gain, bias; epsilon) -> y, mean, root ===
 * Of each row over the last dimension: root = 1 / sqrt(variance + epsilon),
 * y = (x - mean) root gain + bias
 */

static const ml_attribute attributes[] = {
	{"epsilon", true, 0, 1, 1e-5},
	{NULL}
};

static ml_status
shape_layer_norm(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_vector(ctx, s, 1, "gain"));
	ML_TRY(check_vector(ctx, s, 2, "bias"));
	s->out[0] = *s->in[0];
	s->out[1] = s->out[2] = row_shape(s->in[0]);
	return ML_OK;
}

static ml_status
run_layer_norm(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		unpolled = 0;

	for (size_t r = 0; r < rows; r++)
	{
		const char *from = (const char *) x->data + r * n * map->width;
		double		mean = map->sum(from, n) / (double) n;
		double		root = 1 / sqrt(map->squares(from, mean, n) / (double) n + run->attributes->reals[0]);

		if (run->out[0].data != NULL)
			map->normalize((char *) run->out[0].data + r * n * map->width, from, mean, root, given(run, 1),
						   given(run, 2), n);
		put_number(&run->out[1], r, mean);
		put_number(&run->out[2], r, root);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

/* dbias = sum of g, dgain = sum of g z over rows; dx as of layer_norm_back */
static void
backward_layer_norm(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		gain = b->nin > 1 ? b->in[1] : ML_NO_VALUE;
	int32_t		in[5] = {b->dout[0], b->in[0], b->out[1], b->out[2], gain};

	if (b->wanted[0])
		b->din[0] = ml_emit(e, &ml_op_layer_norm_back, NULL, gain == ML_NO_VALUE ? 4 : 5, in);
	if (b->nin > 1 && b->wanted[1])
		b->din[1] = ml_emit(e, &ml_op_layer_norm_gain, NULL, 4, in);
	if (b->nin > 2 && b->wanted[2])
		b->din[2] = ml_emit_sum_to(e, b->dout[0], b->in[2]);
}

const ml_op ml_op_layer_norm = {
	.name = "layer_norm", .version = 1, .nin_least = 1, .nin_most = 3, .nout = 3,
	.flags = ML_OP_SKIPS, .overwrites = {1},
	.attributes = attributes, .shape = shape_layer_norm, .backward = backward_layer_norm,
	.kernels = (const ml_op_kernel[]) {
		{"ff~f~>fff", 0, run_layer_norm}, {"dd~d~>ddd", 0, run_layer_norm}, {0}
	}
};

/*
 * === layer_norm_back(g, x, mean, root, gain) -> dx ===
 * With z = (x - mean) root and h = g gain, of each row:
 * dx = root (h - mean of h - z mean of h z)
 * The branch around a block of layers has a gradient, too, so this one can add.
 */

/* g and x of one shape, mean and root a number for each row. */
static ml_status
check_back(ml_context *ctx, const ml_op_shapes *s)
{
	ml_shape	row;

	if (s->in[1]->ndims < 1)
		return ML_OP_FAIL(ctx, "layer_norm: a scalar has no channels");
	row = row_shape(s->in[1]);
	if (!ml_shape_equal(s->in[0], s->in[1]) || !ml_shape_equal(s->in[2], &row) ||
		!ml_shape_equal(s->in[3], &row))
		return ML_OP_FAIL(ctx, "layer_norm: gradient and moments are not those of its input");
	return ML_OK;
}

static ml_status
shape_layer_norm_back(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_back(ctx, s));
	ML_TRY(check_vector(ctx, s, 4, "gain"));
	s->out[0] = *s->in[1];
	return ML_OK;
}

static ml_status
run_layer_norm_back(const ml_op_run *run)
{
	const ml_view *x = &run->in[1];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	const void *gain = given(run, 4);
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		unpolled = 0;

	for (size_t r = 0; r < rows; r++)
	{
		size_t		at = r * n * map->width;
		const char *g = (const char *) run->in[0].data + at;
		char	   *out = (char *) run->out[0].data + at;
		char	   *dx = run->add ? run->workspace : out;
		double		mean = number_at(&run->in[2], r);
		double		root = number_at(&run->in[3], r);
		double		sums[2];

		map->normal_sums(sums, g, (const char *) x->data + at, mean, root, gain, n);
		map->normal_back(dx, g, (const char *) x->data + at, mean, root, gain, sums[0] / (double) n,
						 sums[1] / (double) n, n);
		if (run->add)
			map->binary[ML_MAP_ADD] (out, out, 1, dx, 1, n);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

/* A row. */
static size_t
workspace_layer_norm_back(const ml_op_run *run)
{
	const ml_view *x = &run->in[1];

	return (size_t) x->dims[x->ndims - 1] * ml_dtypes[x->dtype].block_bytes;
}

const ml_op ml_op_layer_norm_back = {
	.name = "layer_norm_back", .version = 1, .nin_least = 4, .nin_most = 5, .nout = 1, .flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.overwrites = {3}, .shape = shape_layer_norm_back,
	.kernels = (const ml_op_kernel[]) {
		{"fffff~>f", 0, run_layer_norm_back, workspace_layer_norm_back},
		{"ddddd~>d", 0, run_layer_norm_back, workspace_layer_norm_back}, {0}
	}
};

/* === layer_norm_gain(g, x, mean, root) -> dgain: the sum of g z over rows === */

static ml_status
shape_layer_norm_gain(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_back(ctx, s));
	s->out[0] = *s->in[1];
	s->out[0].ndims = 1;
	s->out[0].dims[0] = s->in[1]->dims[s->in[1]->ndims - 1];
	return ML_OK;
}

static ml_status
run_layer_norm_gain(const ml_op_run *run)
{
	const ml_view *x = &run->in[1];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		unpolled = 0;

	if (!run->add)
		memset(run->out[0].data, 0, n * map->width);
	for (size_t r = 0; r < rows; r++)
	{
		size_t		at = r * n * map->width;

		map->add_normal(run->out[0].data, (const char *) run->in[0].data + at, (const char *) x->data + at,
						number_at(&run->in[2], r), number_at(&run->in[3], r), n);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

const ml_op ml_op_layer_norm_gain = {
	.name = "layer_norm_gain", .version = 1, .nin_least = 4, .nin_most = 4, .nout = 1, .flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.shape = shape_layer_norm_gain,
	.kernels = (const ml_op_kernel[]) {
		{"ffff>f", 0, run_layer_norm_gain}, {"dddd>d", 0, run_layer_norm_gain}, {0}
	}
};
