/*-------------------------------------------------------------------------
 *
 * linear.c
 *	  linear: a dense layer, activation included, and its three gradients.
 *
 * Weights are a matrix [K, N] in panels (op.h), which is how the product wants
 * its right operand.  All gradients are products as well; what they need in
 * another order is packed into a workspace of bounded size, a few panels at a
 * time, while it is in the cache.
 *
 * Chains of sums run over K forward, over N for the gradient of the input, over
 * the rows for those of weights and bias (kernel/network.h).  With the attribute
 * "bf16" both operands are rounded to bf16 first, sums remain single precision
 * (linear_bf16.c): for training only.  Weights that are stored narrower than the
 * activations are for inference (linear_narrow.c).
 *
 *-------------------------------------------------------------------------
 */
#include "op/linear_internal.h"

#define ROWS		192			/* of the input that stay in the second cache while panels go by */

/* Each of the linear ops multiplies rows x K x N. */
static double
flops_product(size_t rows, size_t k, size_t n)
{
	return 2.0 * (double) rows * (double) k * (double) n;
}

/* === linear: y = f(x W + b) === */

static const ml_attribute linear_attributes[] = {
	{"activation", false, 0, ML_ACTIVATIONS - 1, ML_LINEAR},
	{"alpha", true, 0, 1e6, 1},	/* slope of LEAKY_RELU, limit of ELU */
	{"bf16", false, 0, 1, 0},
	{NULL}
};

static const ml_attribute gradient_attributes[] = {
	{"bf16", false, 0, 1, 0},
	{NULL}
};

static ml_status
shape_linear(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *x = s->in[0];
	const ml_shape *weight = s->in[1];
	const ml_shape *bias = s->nin > 2 ? s->in[2] : NULL;
	char		text[2][ML_SHAPE_TEXT];

	if (x->ndims < 1 || x->layout != ML_PLAIN || weight->ndims != 2 || weight->layout != ML_PANELS ||
		weight->dims[0] < 0 || weight->dims[1] < 0 || x->dims[x->ndims - 1] != weight->dims[0])
		return ML_OP_FAIL(ctx, "linear: inputs %s, weights %s", ml_shape_print(text[0], x), ml_shape_print(text[1], weight));
	if (bias != NULL && (bias->ndims != 1 || bias->layout != ML_PLAIN || bias->dims[0] != weight->dims[1]))
		return ML_OP_FAIL(ctx, "linear: weights %s, bias %s", ml_shape_print(text[0], weight), ml_shape_print(text[1], bias));
	s->out[0] = *x;
	s->out[0].dims[x->ndims - 1] = weight->dims[1];
	return ML_OK;
}

static ml_status
run_linear(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	ml_dtype	dtype = x->dtype;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		k = ml_columns_of(x);
	size_t		n = ml_columns_of(&run->out[0]);
	int64_t		activation = run->attributes->ints[0];
	char	   *y = run->out[0].data;
	size_t		unpolled = 0;
	ml_row_groups groups;

	if (ml_view_elements(&run->out[0]) == 0)
		return ML_OK;
	if (run->attributes->ints[1] && ml_bf16_can(run))
		return ml_bf16_linear(run);
	ml_row_groups_start(&groups, x);
	for (const char *from; (from = ml_row_groups_next(&groups)) != NULL;)
		for (size_t r = 0, rows; r < groups.rows; r += rows)
		{
			ml_product	p = {
				.c = (void *) y, .c_row = (int64_t) n, .c_panel = ML_PANEL,
				.a = (const void *) (from + (int64_t) r * groups.row * (int64_t) width),
				.a_row = groups.row, .a_inner = groups.column,
				.b = run->in[1].data, .b_panel = (int64_t) k * ML_PANEL, .b_inner = ML_PANEL,
				.bias = run->nin > 2 ? run->in[2].data : NULL,
				.rows = rows = ML_MIN(groups.rows - r, ROWS), .lanes = n, .outer = 1, .inner = k
			};

			ML_TRY(ml_product_run(run, dtype, &p));
			if (activation != ML_LINEAR)
				ml_map_of(run->kernel, dtype)->activation[activation] (y, y, rows * n, run->attributes->reals[0]);
			y += rows * n * width;
			ML_TRY(ml_linear_poll(run, &unpolled, rows, k, n));
		}
	return ML_OK;
}

/*
 * g = dy f'(x W + b), from y where f allows, else with the product computed again;
 * dx = g W', dW = x' g, db = the sum of g over its rows
 */
static void
backward_linear(ml_emitter *e, const ml_op_backward *b)
{
	ml_activation activation = (ml_activation) b->attributes->ints[0];
	double		alpha = b->attributes->reals[0];
	ml_attributes gradient = {.ints = {b->attributes->ints[1]}};
	int32_t		g = b->dout[0];

	if (activation != ML_LINEAR)
	{
		ml_attributes plain = {.ints = {ML_LINEAR, b->attributes->ints[1]}, .reals = {alpha}};
		int32_t		v = ml_activation_of_output(activation) ? b->out[0] :
			ml_emit(e, &ml_op_linear, &plain, b->nin, b->in);

		g = ml_emit_activation_back(e, activation, alpha, g, v);
	}
	if (b->wanted[0])
		b->din[0] = ml_emit2(e, &ml_op_linear_grad_input, &gradient, g, b->in[1]);
	if (b->wanted[1])
		b->din[1] = ml_emit2(e, &ml_op_linear_grad_weight, &gradient, b->in[0], g);
	if (b->nin > 2 && b->wanted[2])
		b->din[2] = ml_emit1(e, &ml_op_linear_grad_bias, NULL, g);
}

static double
flops_linear(const ml_op_run *run)
{
	return flops_product(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]), ml_columns_of(&run->out[0]));
}

static const ml_op_kernel linear_kernels[] = {
	{"fpf>f", 1, run_linear, ml_bf16_linear_workspace},
	{"fp->f", 1, run_linear, ml_bf16_linear_workspace},
	{"dPd>d", 1, run_linear},
	{"dP->d", 1, run_linear},
	{"fHf>f", 1, ml_narrow_linear, ml_narrow_linear_workspace},
	{"fH->f", 1, ml_narrow_linear, ml_narrow_linear_workspace},
	{"fqf>f", 1, ml_narrow_linear, ml_narrow_linear_workspace},
	{"fq->f", 1, ml_narrow_linear, ml_narrow_linear_workspace},
	{NULL}
};

const ml_op ml_op_linear = {
	.name = "linear", .version = 1, .nin_least = 2, .nin_most = 3, .nout = 1,
	.attributes = linear_attributes, .shape = shape_linear, .backward = backward_linear,
	.kernels = linear_kernels, .flops = flops_linear
};

/* === linear_grad_input: dx = g W' === */

static ml_status
shape_grad_input(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *g = s->in[0];
	const ml_shape *weight = s->in[1];
	char		text[2][ML_SHAPE_TEXT];

	if (g->ndims < 1 || g->layout != ML_PLAIN || weight->ndims != 2 || weight->layout != ML_PANELS ||
		weight->dims[0] < 0 || weight->dims[1] < 0 || g->dims[g->ndims - 1] != weight->dims[1])
		return ML_OP_FAIL(ctx, "linear_grad_input: gradients %s, weights %s", ml_shape_print(text[0], g),
						  ml_shape_print(text[1], weight));
	s->out[0] = *g;
	s->out[0].dims[g->ndims - 1] = weight->dims[0];
	return ML_OK;
}

static size_t
workspace_grad_input(const ml_op_run *run)
{
	size_t		k = ml_columns_of(&run->out[0]);
	size_t		n = ml_columns_of(&run->in[0]);

	if (run->attributes->ints[0] && ml_bf16_can(run))
		return ml_bf16_grad_input_workspace(run);
	return ml_size_mul(ml_panels_elements(n, ML_MIN(k, PANELS * ML_PANEL)), ml_dtypes[run->in[0].dtype].block_bytes);
}

/* Columns "first" .. of the transposed weights, [N, columns] in panels. */
static ml_status
transpose_weights(const ml_op_run *run, size_t first, size_t columns, size_t k, size_t n)
{
	size_t		width = ml_dtypes[run->in[1].dtype].block_bytes;
	size_t		unpolled = 0;

	for (size_t j = 0; j < n; j += ML_PANEL)
		for (size_t i = 0; i < columns; i += ML_PANEL)
		{
			size_t		rows = ML_MIN(columns - i, ML_PANEL);
			size_t		lanes = ML_MIN(n - j, ML_PANEL);
			const char *from = (const char *) run->in[1].data + (j * k + (first + i) * ML_PANEL) * width;
			char	   *to = (char *) run->workspace + (i * n + j * ML_PANEL) * width;

			if (run->in[1].dtype == ML_F32)
				run->kernel->network->transpose((float *) (void *) to, ML_PANEL, (const float *) (const void *) from,
												ML_PANEL, rows, lanes);
			else
				for (size_t r = 0; r < rows; r++)
					for (size_t c = 0; c < lanes; c++)
						((double *) (void *) to)[c * ML_PANEL + r] = ((const double *) (const void *) from)[r * ML_PANEL + c];
			ML_TRY(ml_poll_after(run->ctx, &unpolled, ML_PANEL * ML_PANEL));
		}
	return ML_OK;
}

static ml_status
run_grad_input(const ml_op_run *run)
{
	const ml_view *g = &run->in[0];
	ml_dtype	dtype = g->dtype;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		rows = ml_rows_of(g);
	size_t		n = ml_columns_of(g);
	size_t		k = ml_columns_of(&run->out[0]);
	size_t		unpolled = 0;

	if (run->attributes->ints[0] && ml_bf16_can(run))
		return ml_bf16_grad_input(run);
	for (size_t first = 0, columns; first < k && rows > 0; first += columns)
	{
		ml_product	p = {
			.c = (void *) ((char *) run->out[0].data + first * width), .c_row = (int64_t) k, .c_panel = ML_PANEL,
			.a = g->data, .a_row = (int64_t) n, .a_inner = 1,
			.b = run->workspace, .b_panel = (int64_t) n * ML_PANEL, .b_inner = ML_PANEL,
			.rows = rows, .lanes = columns = ML_MIN(k - first, PANELS * ML_PANEL), .outer = 1, .inner = n,
			.add = run->add
		};

		ML_TRY(transpose_weights(run, first, columns, k, n));
		ML_TRY(ml_product_run(run, dtype, &p));
		ML_TRY(ml_linear_poll(run, &unpolled, rows, columns, n));
	}
	return ML_OK;
}

static double
flops_grad_input(const ml_op_run *run)
{
	return flops_product(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]), ml_columns_of(&run->out[0]));
}

static const ml_op_kernel grad_input_kernels[] = {
	{"fp>f", 0, run_grad_input, workspace_grad_input},
	{"dP>d", 0, run_grad_input, workspace_grad_input},
	{NULL}
};

const ml_op ml_op_linear_grad_input = {
	.name = "linear_grad_input", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.attributes = gradient_attributes, .shape = shape_grad_input, .kernels = grad_input_kernels, .flops = flops_grad_input
};

/* === linear_grad_weight: dW = x' g === */

static ml_status
shape_grad_weight(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *x = s->in[0];
	const ml_shape *g = s->in[1];
	bool		fit = x->ndims >= 1 && x->ndims == g->ndims && x->layout == ML_PLAIN && g->layout == ML_PLAIN;
	char		text[2][ML_SHAPE_TEXT];

	for (int i = 0; fit && i < x->ndims - 1; i++)
		fit = x->dims[i] == g->dims[i];
	if (!fit || x->dims[x->ndims - 1] < 0 || g->dims[g->ndims - 1] < 0)
		return ML_OP_FAIL(ctx, "linear_grad_weight: inputs %s, gradients %s", ml_shape_print(text[0], x),
						  ml_shape_print(text[1], g));
	s->out[0] = (ml_shape) {
		.dtype = x->dtype, .layout = ML_PANELS, .ndims = 2, .dims = {x->dims[x->ndims - 1], g->dims[g->ndims - 1]}
	};
	return ML_OK;
}

/* Gradients in panels, then inputs in tiles of 12. */
size_t
ml_linear_packed_gradients(const ml_op_run *run)
{
	return ml_panels_elements(ML_MIN(ml_rows_of(&run->in[1]), DEPTH), ml_columns_of(&run->in[1]));
}

static size_t
workspace_grad_weight(const ml_op_run *run)
{
	size_t		inputs = ml_size_mul(ML_MIN(ml_rows_of(&run->in[0]), DEPTH) + 1,
									 ML_MIN(ml_columns_of(&run->in[0]), SPREAD) + ML_TILE_ROWS);

	return ml_size_mul(ml_size_add(ml_linear_packed_gradients(run), inputs), ml_dtypes[run->in[0].dtype].block_bytes);
}

/*
 * [rows][columns] of any strides -> [columns / 12][rows][12]; what fills up the
 * last tile is not read.  A row goes into four tiles at a time, which share cache
 * lines of it.
 */
#define PACK_TILES(t) \
	for (size_t r = 0; r < rows; r++) \
		for (size_t c = first; c < last; c += ML_TILE_ROWS) \
		{ \
			size_t		n = ML_MIN(last - c, ML_TILE_ROWS); \
			const t    *at = (const t *) from + (int64_t) r * row + (int64_t) c * column; \
			t		   *y = (t *) to + (c * rows + r * ML_TILE_ROWS); \
			\
			if (column == 1 && n == ML_TILE_ROWS) \
				memcpy(y, at, ML_TILE_ROWS * sizeof(t)); \
			else \
				for (size_t i = 0; i < n; i++) \
					y[i] = at[(int64_t) i * column]; \
		}

static void
pack_tiles(ml_dtype dtype, void *to, const void *from, int64_t row, int64_t column, size_t rows, size_t columns)
{
	for (size_t first = 0; first < columns; first += 4 * ML_TILE_ROWS)
	{
		size_t		last = ML_MIN(columns, first + 4 * ML_TILE_ROWS);

		if (dtype == ML_F32)
			PACK_TILES(float)
		else
			PACK_TILES(double)
	}
}

/* What fills up the last panel is 0, and stays so while gradients are added. */
static void
clear_filling(const ml_op_run *run, size_t k, size_t n)
{
	size_t		width = ml_dtypes[run->out[0].dtype].block_bytes;
	size_t		lanes = n % ML_PANEL;
	char	   *panel = (char *) run->out[0].data + (n - lanes) * k * width;

	for (size_t i = 0; i < k && lanes > 0; i++)
		memset(panel + (i * ML_PANEL + lanes) * width, 0, (ML_PANEL - lanes) * width);
}

/* "rows" rows of a group of inputs, with their gradients. */
static ml_status
add_rows(const ml_op_run *run, const void *x, int64_t row, int64_t column, const void *g, size_t rows, bool add)
{
	ml_dtype	dtype = run->out[0].dtype;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		k = (size_t) run->out[0].dims[0];
	size_t		n = (size_t) run->out[0].dims[1];
	char	   *tiles = (char *) run->workspace + ml_linear_packed_gradients(run) * width;
	size_t		unpolled = 0;

	ml_panels_pack(run, dtype, run->workspace, g, (int64_t) n, 1, rows, n);
	for (size_t first = 0, columns; first < k; first += columns)
	{
		ml_product	p = {
			.c = (void *) ((char *) run->out[0].data + first * ML_PANEL * width),
			.c_row = ML_PANEL, .c_panel = (int64_t) k * ML_PANEL,
			.a = (const void *) tiles, .a_row = 1, .a_tile = (int64_t) rows * ML_TILE_ROWS, .a_inner = ML_TILE_ROWS,
			.b = run->workspace, .b_panel = (int64_t) rows * ML_PANEL, .b_inner = ML_PANEL,
			.rows = columns = ML_MIN(k - first, SPREAD), .lanes = n, .outer = 1, .inner = rows, .add = add
		};

		pack_tiles(dtype, tiles, (const char *) x + (int64_t) first * column * (int64_t) width, row, column, rows, columns);
		ML_TRY(ml_product_run(run, dtype, &p));
		ML_TRY(ml_linear_poll(run, &unpolled, rows, columns, n));
	}
	return ML_OK;
}

static ml_status
run_grad_weight(const ml_op_run *run)
{
	ml_dtype	dtype = run->in[0].dtype;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		k = ml_columns_of(&run->in[0]);
	size_t		n = ml_columns_of(&run->in[1]);
	const char *g = run->in[1].data;
	bool		add = run->add;
	bool		bf16 = run->attributes->ints[0] && ml_bf16_can(run);
	ml_row_groups groups;

	if (!add)
		clear_filling(run, k, n);
	if (ml_rows_of(&run->in[0]) == 0)
	{
		return add ? ML_OK : ml_zero(run->ctx, run->out[0].data, ml_panels_elements(k, n) * width);
	}
	ml_row_groups_start(&groups, &run->in[0]);
	for (const char *x; (x = ml_row_groups_next(&groups)) != NULL;)
		for (size_t r = 0, rows; r < groups.rows; r += rows)
		{
			rows = ML_MIN(groups.rows - r, DEPTH);
			ML_TRY((bf16 ? ml_bf16_add_rows : add_rows) (run, x + (int64_t) r * groups.row * (int64_t) width, groups.row,
														 groups.column, g, rows, add));
			g += rows * n * width;
			add = true;
			ML_TRY(ml_poll(run->ctx));
		}
	return ML_OK;
}

static double
flops_grad_weight(const ml_op_run *run)
{
	return flops_product(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]), ml_columns_of(&run->in[1]));
}

static const ml_op_kernel grad_weight_kernels[] = {
	{"ff>p", 1, run_grad_weight, workspace_grad_weight},
	{"dd>P", 1, run_grad_weight, workspace_grad_weight},
	{NULL}
};

const ml_op ml_op_linear_grad_weight = {
	.name = "linear_grad_weight", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.attributes = gradient_attributes, .shape = shape_grad_weight, .kernels = grad_weight_kernels, .flops = flops_grad_weight
};

/* === linear_grad_bias: db = the sum of g over its rows === */

static ml_status
shape_grad_bias(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *g = s->in[0];

	if (g->ndims < 1 || g->layout != ML_PLAIN)
		return ML_OP_FAIL(ctx, "linear_grad_bias: a scalar");
	s->out[0] = (ml_shape) {.dtype = g->dtype, .ndims = 1, .dims = {g->dims[g->ndims - 1]}};
	return ML_OK;
}

static ml_status
run_grad_bias(const ml_op_run *run)
{
	ml_dtype	dtype = run->in[0].dtype;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		rows = ml_rows_of(&run->in[0]);
	size_t		n = ml_columns_of(&run->in[0]);
	size_t		step = ML_MAX(ML_WALK_POLL / ML_MAX(n, 1), 1);

	if (!run->add)
		memset(run->out[0].data, 0, n * width);
	for (size_t r = 0; r < rows; r += step)
	{
		ml_product_add_rows(run, dtype, run->out[0].data, (const char *) run->in[0].data + r * n * width,
					ML_MIN(rows - r, step), n);
		ML_TRY(ml_poll(run->ctx));
	}
	return ML_OK;
}

static const ml_op_kernel grad_bias_kernels[] = {
	{"f>f", 0, run_grad_bias},
	{"d>d", 0, run_grad_bias},
	{NULL}
};

static double
flops_grad_bias(const ml_op_run *run)
{
	return (double) ml_view_elements(&run->in[0]);
}

const ml_op ml_op_linear_grad_bias = {
	.name = "linear_grad_bias", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .flags = ML_OP_GRADIENT | ML_OP_ADDS,
	.shape = shape_grad_bias, .kernels = grad_bias_kernels, .flops = flops_grad_bias
};
