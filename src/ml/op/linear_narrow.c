/*-------------------------------------------------------------------------
 *
 * linear_narrow.c
 *	  Dense layers whose weights are stored in bf16 or in blocks of int8, under
 *	  activations in single precision: for inference.
 *
 * Weights are made floats a few panels at a time, in a workspace that stays in the
 * cache, and multiplied by the same product as others.  So a result has the bits
 * that the widened weights would give, and what is saved is memory and the
 * way from it.
 *
 * Q8 in panels: for each panel of 32 columns and each 32 rows of K (the last ones
 * filled up with zeros) 32 floats, the columns' scales, and 32 x 32 int8: as
 * many bytes as blocks of 32 numbers of one column, with neighbours side by
 * side.
 *
 *-------------------------------------------------------------------------
 */
#include "op/linear_internal.h"

#include <math.h>

#define PIECE		256			/* rows of weights that are widened at a time: whole groups of Q8 */

/* Bytes of "rows" rows of a panel. */
static size_t
panel_bytes(ml_dtype dtype, size_t rows)
{
	return dtype == ML_BF16 ? rows * ML_PANEL * sizeof(uint16_t) : ml_size_align(rows, ML_PANEL) / ML_PANEL * ML_Q8_GROUP;
}

size_t
ml_narrow_linear_workspace(const ml_op_run *run)
{
	size_t		rows = ML_MIN(ml_size_align(ml_columns_of(&run->in[0]), ML_PANEL), PIECE);

	return rows * PANELS * ML_PANEL * sizeof(float);
}

/* Rows "first" .. of "lanes" columns from column "column" on -> [lanes / 32][rows][32] floats. */
static void
widen(const ml_op_run *run, size_t first, size_t rows, size_t column, size_t lanes)
{
	const ml_network_kernel *kernel = run->kernel->network;
	ml_dtype	dtype = run->in[1].dtype;
	size_t		k = ml_columns_of(&run->in[0]);
	size_t		whole = dtype == ML_BF16 ? rows : ml_size_align(rows, ML_PANEL);

	for (size_t l = 0; l < lanes; l += ML_PANEL)
	{
		const char *from = (const char *) run->in[1].data + (column + l) / ML_PANEL * panel_bytes(dtype, k) +
			panel_bytes(dtype, first);
		float	   *to = (float *) run->workspace + l * whole;

		if (dtype == ML_BF16)
			kernel->widen_bf16(to, (const uint16_t *) (const void *) from, rows);
		else
			kernel->widen_q8(to, from, whole);
	}
}

/* A group of rows against all weights. */
static ml_status
multiply_rows(const ml_op_run *run, float *y, const ml_row_groups *groups, const float *x)
{
	size_t		k = ml_columns_of(&run->in[0]);
	size_t		n = ml_columns_of(&run->out[0]);
	size_t		unpolled = 0;

	for (size_t column = 0, lanes; column < n; column += lanes)
	{
		lanes = ML_MIN(n - column, PANELS * ML_PANEL);
		/* an empty sum is the bias */
		for (size_t first = 0; first == 0 || first < k; first += PIECE)
		{
			size_t		rows = ML_MIN(k - first, PIECE);
			size_t		whole = run->in[1].dtype == ML_BF16 ? rows : ml_size_align(rows, ML_PANEL);
			ml_product	p = {
				.c = y + column, .c_row = (int64_t) n, .c_panel = ML_PANEL,
				.a = x + (int64_t) first * groups->column, .a_row = groups->row, .a_inner = groups->column,
				.b = run->workspace, .b_panel = (int64_t) whole * ML_PANEL, .b_inner = ML_PANEL,
				.bias = run->nin > 2 && run->in[2].data ? (const float *) run->in[2].data + column : NULL,
				.rows = groups->rows, .lanes = lanes, .outer = 1, .inner = rows, .add = first > 0
			};

			widen(run, first, rows, column, lanes);
			ML_TRY(ml_product_run(run, ML_F32, &p));
			ML_TRY(ml_linear_poll(run, &unpolled, groups->rows + 8, rows, lanes));
		}
	}
	return ML_OK;
}

ml_status
ml_narrow_linear(const ml_op_run *run)
{
	int64_t		activation = run->attributes->ints[0];
	float	   *y = run->out[0].data;
	ml_row_groups groups;

	if (ml_view_elements(&run->out[0]) == 0)
		return ML_OK;
	ml_row_groups_start(&groups, &run->in[0]);
	for (const char *x; (x = ml_row_groups_next(&groups)) != NULL;)
	{
		size_t		n = groups.rows * ml_columns_of(&run->out[0]);

		ML_TRY(multiply_rows(run, y, &groups, (const float *) (const void *) x));
		if (activation != ML_LINEAR)
			ml_map_of(run->kernel, ML_F32)->activation[activation] (y, y, n, run->attributes->reals[0]);
		y += n;
	}
	return ML_OK;
}

/* === Making them === */

/* One column of a group: rows numbers that lie 32 apart. */
static void
quantize_column(char *group, size_t column, const float *from, size_t rows)
{
	float		largest = 0;
	float		scale;

	for (size_t i = 0; i < rows; i++)
		largest = ML_MAX(largest, fabsf(from[i * ML_PANEL]));
	scale = largest / 127;
	memcpy(group + 4 * column, &scale, 4);
	for (size_t i = 0; i < ML_PANEL; i++)
	{
		float		value = i < rows && scale > 0 ? rintf(from[i * ML_PANEL] / scale) : 0;

		/* neither NaN nor the infinity of a scale that underflowed */
		if (!(value >= -127 && value <= 127))
			value = value > 0 ? 127 : value < 0 ? -127 : 0;
		group[4 * ML_PANEL + i * ML_PANEL + column] = (char) (int8_t) value;
	}
}

void
ml_panels_narrow(const ml_kernel *kernel, ml_dtype dtype, void *to, const float *from, size_t k, size_t n)
{
	for (size_t column = 0; column < n; column += ML_PANEL, from += k * ML_PANEL)
	{
		char	   *panel = (char *) to + column / ML_PANEL * panel_bytes(dtype, k);

		if (dtype == ML_BF16)
			kernel->network->round_rows((uint32_t *) (void *) panel, ML_PANEL / 2, from, ML_PANEL, k, ML_PANEL);
		else
			for (size_t i = 0; i < k; i += ML_PANEL)
				for (size_t c = 0; c < ML_PANEL; c++)
					quantize_column(panel + i / ML_PANEL * ML_Q8_GROUP, c, from + i * ML_PANEL + c, ML_MIN(k - i, ML_PANEL));
	}
}
