/*-------------------------------------------------------------------------
 *
 * linear_bf16.c
 *	  Products of dense layers in bf16: operands are rounded while they are packed
 *	  into pairs (kernel/network.h), sums are single precision.
 *
 * Weights stay in single precision; they are rounded a few panels at a time for
 * as many rows as fit beside them in the second cache.
 *
 *-------------------------------------------------------------------------
 */
#include "op/linear_internal.h"

#define BLOCK		512			/* rows of the left operand that are rounded at a time */

/* Pairs of n numbers. */
static size_t
pairs_of(size_t n)
{
	return n / 2 + n % 2;
}

bool
ml_bf16_can(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];

	return x->dtype == ML_F32 && (x->strides[x->ndims - 1] == 1 || x->dims[x->ndims - 1] == 1);
}

/* Left operand [rows][k], then some panels [k][32] of the right one, in pairs. */
static size_t
left_bytes(size_t rows, size_t k)
{
	return ml_size_align(ml_size_mul(ml_size_mul(ML_MIN(rows, BLOCK), pairs_of(k)), sizeof(uint32_t)), ML_ALIGN);
}

static size_t
both_bytes(size_t rows, size_t k)
{
	return ml_size_add(left_bytes(rows, k), ml_size_mul(ml_size_mul(pairs_of(k), PANELS * ML_PANEL), sizeof(uint32_t)));
}

/* === linear === */

size_t
ml_bf16_linear_workspace(const ml_op_run *run)
{
	if (!run->attributes->ints[1] || !ml_bf16_can(run))
		return 0;
	return both_bytes(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]));
}

/* y = x W + b of "rows" rows. */
static ml_status
forward_rows(const ml_op_run *run, float *y, const float *x, int64_t row, size_t rows, uint32_t *right)
{
	const ml_network_kernel *kernel = run->kernel->network;
	size_t		k = ml_columns_of(&run->in[0]);
	size_t		n = ml_columns_of(&run->out[0]);
	size_t		pairs = pairs_of(k);
	size_t		unpolled = 0;

	kernel->round_rows(run->workspace, (int64_t) pairs, x, row, rows, k);
	for (size_t first = 0, lanes; first < n; first += lanes)
	{
		ml_product	p = {
			.c = y + first, .c_row = (int64_t) n, .c_panel = ML_PANEL,
			.a = run->workspace, .a_row = (int64_t) pairs, .a_inner = 1,
			.b = (const float *) right, .b_panel = (int64_t) pairs * ML_PANEL, .b_inner = ML_PANEL,
			.bias = run->nin > 2 && run->in[2].data ? (const float *) run->in[2].data + first : NULL,
			.rows = rows, .lanes = lanes = ML_MIN(n - first, PANELS * ML_PANEL), .outer = 1, .inner = pairs
		};

		for (size_t l = 0; l < lanes; l += ML_PANEL)
			kernel->pack_pairs(right + l * pairs, ML_PANEL, 0, (const float *) run->in[1].data + (first + l) * k, ML_PANEL,
							   k, ML_PANEL);
		ML_TRY(ml_product_pairs_run(run, &p));
		ML_TRY(ml_linear_poll(run, &unpolled, rows, k, lanes));
	}
	return ML_OK;
}

ml_status
ml_bf16_linear(const ml_op_run *run)
{
	int64_t		activation = run->attributes->ints[0];
	size_t		n = ml_columns_of(&run->out[0]);
	size_t		left = left_bytes(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]));
	float	   *y = run->out[0].data;
	ml_row_groups groups;

	ml_row_groups_start(&groups, &run->in[0]);
	for (const char *x; (x = ml_row_groups_next(&groups)) != NULL;)
		for (size_t r = 0, rows; r < groups.rows; r += rows)
		{
			rows = ML_MIN(groups.rows - r, BLOCK);
			ML_TRY(forward_rows(run, y, (const float *) (const void *) x + (int64_t) r * groups.row, groups.row, rows,
								(uint32_t *) (void *) ((char *) run->workspace + left)));
			if (activation != ML_LINEAR)
				ml_map_of(run->kernel, ML_F32)->activation[activation] (y, y, rows * n, run->attributes->reals[0]);
			y += rows * n;
		}
	return ML_OK;
}

/* === linear_grad_input === */

size_t
ml_bf16_grad_input_workspace(const ml_op_run *run)
{
	return both_bytes(ml_rows_of(&run->in[0]), ml_columns_of(&run->in[0]));
}

/* Columns "first" .. of the transposed weights: [N / 2][lanes] pairs, in panels. */
static ml_status
transpose_pairs(const ml_op_run *run, uint32_t *right, size_t first, size_t lanes, size_t k, size_t n)
{
	const ml_network_kernel *kernel = run->kernel->network;
	size_t		unpolled = 0;

	for (size_t j = 0; j < n; j += ML_PANEL)
		for (size_t i = 0; i < lanes; i += ML_PANEL)
		{
			size_t		rows = ML_MIN(lanes - i, ML_PANEL);
			size_t		columns = ML_MIN(n - j, ML_PANEL);

			kernel->turn_pairs(right + i * pairs_of(n) + j / 2 * ML_PANEL, ML_PANEL,
							   (const float *) run->in[1].data + j * k + (first + i) * ML_PANEL, ML_PANEL, rows, columns);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, ML_PANEL * ML_PANEL));
		}
	return ML_OK;
}

ml_status
ml_bf16_grad_input(const ml_op_run *run)
{
	size_t		rows = ml_rows_of(&run->in[0]);
	size_t		n = ml_columns_of(&run->in[0]);
	size_t		k = ml_columns_of(&run->out[0]);
	uint32_t   *right = (uint32_t *) (void *) ((char *) run->workspace + left_bytes(rows, n));
	size_t		unpolled = 0;

	for (size_t r = 0; r < rows; r += BLOCK)
	{
		size_t		block = ML_MIN(rows - r, BLOCK);

		run->kernel->network->round_rows(run->workspace, (int64_t) pairs_of(n), (const float *) run->in[0].data + r * n,
										 (int64_t) n, block, n);
		for (size_t first = 0, lanes; first < k; first += lanes)
		{
			ml_product	p = {
				.c = (float *) run->out[0].data + r * k + first, .c_row = (int64_t) k, .c_panel = ML_PANEL,
				.a = run->workspace, .a_row = (int64_t) pairs_of(n), .a_inner = 1,
				.b = (const float *) right, .b_panel = (int64_t) pairs_of(n) * ML_PANEL, .b_inner = ML_PANEL,
				.rows = block, .lanes = lanes = ML_MIN(k - first, PANELS * ML_PANEL), .outer = 1, .inner = pairs_of(n),
				.add = run->add
			};

			ML_TRY(transpose_pairs(run, right, first, lanes, k, n));
			ML_TRY(ml_product_pairs_run(run, &p));
			ML_TRY(ml_linear_poll(run, &unpolled, block, lanes, n));
		}
	}
	return ML_OK;
}

/* === linear_grad_weight === */

ml_status
ml_bf16_add_rows(const ml_op_run *run, const void *x, int64_t row, int64_t column, const void *g, size_t rows,
				 bool add)
{
	const ml_network_kernel *kernel = run->kernel->network;
	size_t		k = (size_t) run->out[0].dims[0];
	size_t		n = (size_t) run->out[0].dims[1];
	size_t		pairs = pairs_of(rows);
	uint32_t   *panels = run->workspace;
	uint32_t   *tiles = panels + ml_linear_packed_gradients(run);
	size_t		unpolled = 0;

	kernel->pack_pairs(panels, ML_PANEL, (int64_t) pairs * ML_PANEL, g, (int64_t) n, rows, n);
	for (size_t first = 0, columns; first < k; first += columns)
	{
		ml_product	p = {
			.c = (float *) run->out[0].data + first * ML_PANEL, .c_row = ML_PANEL, .c_panel = (int64_t) k * ML_PANEL,
			.a = (const float *) tiles, .a_row = 1, .a_tile = (int64_t) pairs * ML_TILE_ROWS, .a_inner = ML_TILE_ROWS,
			.b = (const float *) panels, .b_panel = (int64_t) pairs * ML_PANEL, .b_inner = ML_PANEL,
			.rows = columns = ML_MIN(k - first, SPREAD), .lanes = n, .outer = 1, .inner = pairs, .add = add
		};

		kernel->pack_pairs(tiles, ML_TILE_ROWS, (int64_t) pairs * ML_TILE_ROWS, (const float *) x + first, row, rows,
						   columns);
		ML_TRY(ml_product_pairs_run(run, &p));
		ML_TRY(ml_linear_poll(run, &unpolled, rows, columns, n));
	}
	return ML_OK;
}
