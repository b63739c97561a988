/*-------------------------------------------------------------------------
 *
 * batch_norm.c
 *	  Batch norm (Ioffe and Szegedy 2015): of each channel, the last dimension,
 *	  over all others.
 *
 * In training by the moments of the batch, which also move running moments
 * (states); at inference by these.  Sequences being packed, padding is not there
 * to enter them.  Gradients flow through the moments of the batch.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

#include <math.h>

static const ml_attribute attributes[] = {
	{"epsilon", true, 0, 1, 1e-5},
	{NULL}
};

/* Inputs first .. last: [channels], or absent. */
static ml_status
check_vectors(ml_context *ctx, const ml_op_shapes *s, const ml_shape *x, int first, int last)
{
	char		text[ML_SHAPE_TEXT];
	char		of[ML_SHAPE_TEXT];

	if (x->ndims < 1)
		return ML_OP_FAIL(ctx, "batch_norm: a scalar has no channels");
	for (int i = first; i <= last && i < s->nin; i++)
		if (s->in[i] != NULL && (s->in[i]->ndims != 1 || s->in[i]->dims[0] != x->dims[x->ndims - 1]))
			return ML_OP_FAIL(ctx, "batch_norm: a vector of channels is %s, for an input %s",
							  ml_shape_print(text, s->in[i]), ml_shape_print(of, x));
	return ML_OK;
}

static ml_shape
channel_shape(const ml_shape *x)
{
	ml_shape	result = {x->dtype, ML_PLAIN, 1, {x->dims[x->ndims - 1]}};

	return result;
}

static size_t
rows_of(const ml_view *x, size_t *channels)
{
	*channels = (size_t) x->dims[x->ndims - 1];
	return *channels == 0 ? 0 : ml_view_elements(x) / *channels;
}

/* A number of a vector of that type, and storing one. */
static double
get(const void *vector, ml_dtype dtype, size_t i)
{
	return dtype == ML_F64 ? ((const double *) vector)[i] : ((const float *) vector)[i];
}

static void
put(void *vector, ml_dtype dtype, size_t i, double value)
{
	if (vector == NULL)
		return;
	if (dtype == ML_F64)
		((double *) vector)[i] = value;
	else
		((float *) vector)[i] = (float) value;
}

/*
 * out[c] = the sum over rows of x, or (shift given) of (x - shift) g, or its
 * square.  Sums of blocks of rows are added up, so that many rows lose nothing.
 */
#define BLOCK_ROWS 256

static ml_status
add_rows(const ml_op_run *run, void *out, void *block, const void *x, const void *shift, const void *g,
		 size_t rows, size_t n)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->in[0].dtype);
	size_t		width = n * map->width;
	size_t		unpolled = 0;

	memset(out, 0, width);
	for (size_t begin = 0; begin < rows; begin += BLOCK_ROWS)
	{
		memset(block, 0, width);
		for (size_t r = begin; r < ML_MIN(begin + BLOCK_ROWS, rows); r++)
		{
			const char *row = (const char *) x + r * width;

			if (shift == NULL)
				map->binary[ML_MAP_ADD] (block, block, 1, row, 1, n);
			else
				map->add_products(block, row, shift, g == NULL ? NULL : (const char *) g + r * width, n);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
		}
		map->binary[ML_MAP_ADD] (out, out, 1, block, 1, n);
	}
	return ML_OK;
}

/* y = (x - shift) factor + term, row by row. */
static ml_status
scale_rows(const ml_op_run *run, const void *shift, const void *factor, const void *term)
{
	const ml_view *x = &run->in[0];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		unpolled = 0;

	if (run->out[0].data == NULL)
		return ML_OK;
	for (size_t r = 0; r < rows; r++)
	{
		size_t		at = r * n * map->width;

		map->affine((char *) run->out[0].data + at, (const char *) x->data + at, shift, factor, term, n);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

static const void *
given(const ml_op_run *run, int i)
{
	return i < run->nin ? run->in[i].data : NULL;
}

/*
 * === batch_norm(x, gain, bias; epsilon) -> y, mean, root, variance ===
 * mean and v of the batch, root = 1 / sqrt(v + epsilon),
 * y = (x - mean) root gain + bias; variance = v rows / (rows - 1), for the running one.
 * Of one row variance is 0, of none the moments are NaN.
 */

static ml_status
shape_batch_norm(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_vectors(ctx, s, s->in[0], 1, 2));
	s->out[0] = *s->in[0];
	s->out[1] = s->out[2] = s->out[3] = channel_shape(s->in[0]);
	return ML_OK;
}

/* mean, variance, factor and a block's sums */
static size_t
workspace_batch_norm(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];

	return 4 * ml_size_align((size_t) x->dims[x->ndims - 1] * ml_dtypes[x->dtype].block_bytes, ML_ALIGN);
}

static ml_status
run_batch_norm(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		part = workspace_batch_norm(run) / 4;
	char	   *mean = run->workspace;
	char	   *variance = mean + part;
	char	   *factor = variance + part;
	char	   *block = factor + part;
	const void *gain = given(run, 1);

	ML_TRY(add_rows(run, mean, block, x->data, NULL, NULL, rows, n));
	for (size_t c = 0; c < n; c++)
		put(mean, x->dtype, c, get(mean, x->dtype, c) / (double) rows);
	ML_TRY(add_rows(run, variance, block, x->data, mean, NULL, rows, n));
	for (size_t c = 0; c < n; c++)
	{
		double		sum = get(variance, x->dtype, c);
		double		root = 1 / sqrt(sum / (double) rows + run->attributes->reals[0]);

		put(factor, x->dtype, c, root * (gain == NULL ? 1 : get(gain, x->dtype, c)));
		put(run->out[1].data, x->dtype, c, get(mean, x->dtype, c));
		put(run->out[2].data, x->dtype, c, root);
		put(run->out[3].data, x->dtype, c, rows == 0 ? NAN : sum / (double) ML_MAX(rows - 1, 1));
	}
	return scale_rows(run, mean, factor, given(run, 2));
}

/* dx, dgain, dbias as of batch_norm_back */
static void
backward_batch_norm(ml_emitter *e, const ml_op_backward *b)
{
	bool		gained = b->nin > 1 && b->in[1] != ML_NO_VALUE;
	int32_t		in[5] = {b->in[0], b->dout[0], b->out[1], b->out[2], gained ? b->in[1] : ML_NO_VALUE};
	int32_t		out[3];

	e->node(e, &ml_op_batch_norm_back, NULL, gained ? 5 : 4, in, 3, out);
	for (int i = 0; i < b->nin; i++)
		if (b->wanted[i])
			b->din[i] = out[i];
}

const ml_op ml_op_batch_norm = {
	.name = "batch_norm", .version = 1, .nin_least = 1, .nin_most = 3, .nout = 4,
	.flags = ML_OP_SKIPS, .overwrites = {1},
	.attributes = attributes, .shape = shape_batch_norm, .backward = backward_batch_norm,
	.kernels = (const ml_op_kernel[]) {
		{"ff~f~>ffff", 0, run_batch_norm, workspace_batch_norm},
		{"dd~d~>dddd", 0, run_batch_norm, workspace_batch_norm}, {0}
	}
};

/*
 * === batch_norm_back(x, g, mean, root, gain) -> dx, dgain, dbias ===
 * With z = (x - mean) root: dgain = sum of g z, dbias = sum of g,
 * dx = gain root (g - dbias / rows - z dgain / rows)
 */

static ml_status
shape_batch_norm_back(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_vectors(ctx, s, s->in[0], 2, 4));
	if (!ml_shape_equal(s->in[0], s->in[1]))
		return ML_OP_FAIL(ctx, "batch_norm: the gradient is not that of its input");
	s->out[0] = *s->in[0];
	s->out[1] = s->out[2] = channel_shape(s->in[0]);
	return ML_OK;
}

static ml_status
run_batch_norm_back(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	const ml_view *g = &run->in[1];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	const void *mean = run->in[2].data;
	const void *gain = given(run, 4);
	ml_dtype	dtype = x->dtype;
	size_t		n;
	size_t		rows = rows_of(x, &n);
	size_t		part = workspace_batch_norm(run) / 4;
	char	   *first = run->workspace;
	char	   *second = first + part;
	char	   *factor = second + part;
	char	   *block = factor + part;
	size_t		unpolled = 0;

	ML_TRY(add_rows(run, first, block, g->data, NULL, NULL, rows, n));
	ML_TRY(add_rows(run, second, block, x->data, mean, g->data, rows, n));
	for (size_t c = 0; c < n; c++)
	{
		double		root = get(run->in[3].data, dtype, c);
		double		bias_sum = get(first, dtype, c);
		double		gain_sum = get(second, dtype, c) * root;

		put(run->out[1].data, dtype, c, rows == 0 ? 0 : gain_sum);
		put(run->out[2].data, dtype, c, bias_sum);
		put(factor, dtype, c, root * (gain == NULL ? 1 : get(gain, dtype, c)));
		put(first, dtype, c, bias_sum / (double) rows);
		put(second, dtype, c, gain_sum * root / (double) rows);
	}
	for (size_t r = 0; r < rows && run->out[0].data != NULL; r++)
	{
		size_t		at = r * n * map->width;

		map->affine_back((char *) run->out[0].data + at, (const char *) g->data + at,
						 (const char *) x->data + at, mean, factor, first, second, n);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

const ml_op ml_op_batch_norm_back = {
	.name = "batch_norm_back", .version = 1, .nin_least = 4, .nin_most = 5, .nout = 3,
	.flags = ML_OP_GRADIENT | ML_OP_SKIPS, .overwrites = {3},
	.shape = shape_batch_norm_back,
	.kernels = (const ml_op_kernel[]) {
		{"fffff~>fff", 0, run_batch_norm_back, workspace_batch_norm},
		{"ddddd~>ddd", 0, run_batch_norm_back, workspace_batch_norm}, {0}
	}
};

/*
 * === batch_norm_running(x, mean, variance, gain, bias; epsilon) -> y ===
 * y = (x - mean) gain / sqrt(variance + epsilon) + bias; no gradient: for inference
 */

static ml_status
shape_batch_norm_running(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(check_vectors(ctx, s, s->in[0], 1, 4));
	s->out[0] = *s->in[0];
	return ML_OK;
}

static ml_status
run_batch_norm_running(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	const void *gain = given(run, 3);

	for (int64_t c = 0; c < x->dims[x->ndims - 1]; c++)
		put(run->workspace, x->dtype, c, (gain == NULL ? 1 : get(gain, x->dtype, c)) /
			sqrt(get(run->in[2].data, x->dtype, c) + run->attributes->reals[0]));
	return scale_rows(run, run->in[1].data, run->workspace, given(run, 4));
}

const ml_op ml_op_batch_norm_running = {
	.name = "batch_norm_running", .version = 1, .nin_least = 3, .nin_most = 5, .nout = 1,
	.overwrites = {1}, .attributes = attributes, .shape = shape_batch_norm_running,
	.kernels = (const ml_op_kernel[]) {
		{"ffff~f~>f", 0, run_batch_norm_running, workspace_batch_norm},
		{"dddd~d~>d", 0, run_batch_norm_running, workspace_batch_norm}, {0}
	}
};

/*
 * === running(state, value; momentum) -> state ===
 * state += momentum (value - state), in place; where value is NaN it stays
 */

static const ml_attribute running_attributes[] = {
	{"momentum", true, 0, 1, 0.1},
	{NULL}
};

static ml_status
run_running(const ml_op_run *run)
{
	double		momentum = run->attributes->reals[0];
	ml_dtype	dtype = run->in[0].dtype;
	size_t		n = ml_view_elements(&run->in[0]);

	for (size_t i = 0; i < n; i++)
	{
		double		state = get(run->in[0].data, dtype, i);
		double		value = get(run->in[1].data, dtype, i);

		if (!isnan(value))
			put(run->out[0].data, dtype, i, state + momentum * (value - state));
	}
	return ML_OK;
}

const ml_op ml_op_running = {
	.name = "running", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .flags = ML_OP_STATE,
	.attributes = running_attributes, .shape = ml_shape_pair,
	.kernels = (const ml_op_kernel[]) {{"ff>f", 0, run_running}, {"dd>d", 0, run_running}, {0}}
};
