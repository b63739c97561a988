/*-------------------------------------------------------------------------
 *
 * product.c
 *	  Products inside ops, cut so that the host is polled often enough.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/map.h"
#include "op/product.h"

#define PRODUCT_TERMS	((size_t) 4 << 20)	/* of one call; 2 ms at 4 GFLOP/s */
#define PRODUCT_TILES	64			/* likewise: each row may be a fresh page of c */
#define PRODUCT_TERMS_F64 ((size_t) 1 << 20)	/* plain C */

/* Where row r of a is. */
static int64_t
row_of(const ml_product *p, size_t r)
{
	if (p->a_tile == 0)
		return (int64_t) r * p->a_row;
	return (int64_t) (r / ML_TILE_ROWS) * p->a_tile + (int64_t) (r % ML_TILE_ROWS) * p->a_row;
}

/* The definition, in double. */
static void
product_f64(const ml_product *p)
{
	for (size_t l = 0; l < p->lanes; l += ML_PANEL)
	{
		size_t		lanes = ML_MIN(p->lanes - l, ML_PANEL);
		const double *b = (const double *) (const void *) p->b + (int64_t) (l / ML_PANEL) * p->b_panel;

		for (size_t r = 0; r < p->rows; r++)
		{
			double	   *c = (double *) (void *) p->c + (int64_t) r * p->c_row + (int64_t) (l / ML_PANEL) * p->c_panel;
			const double *a = (const double *) (const void *) p->a + row_of(p, r);
			double		sums[ML_PANEL] = {0};

			if (p->add)
				memcpy(sums, c, lanes * sizeof(double));
			else if (p->bias != NULL)
				memcpy(sums, (const double *) (const void *) p->bias + l, lanes * sizeof(double));
			else if (p->starts != NULL)
				memcpy(sums, (const double *) (const void *) p->starts[r] + p->first_lane + l, lanes * sizeof(double));
			for (size_t o = 0; o < p->outer; o++)
				for (size_t i = 0; i < p->inner; i++)
				{
					double		factor = a[(int64_t) o * p->a_outer + (int64_t) i * p->a_inner];
					const double *from = b + (int64_t) o * p->b_outer + (int64_t) i * p->b_inner;

					for (size_t k = 0; k < lanes; k++)
						sums[k] += factor * from[k];
				}
			memcpy(c, sums, lanes * sizeof(double));
		}
	}
}

/* A pointer to numbers of that width, moved by elements. */
#define MOVED(pointer, elements, width) ((void *) ((char *) (pointer) + (int64_t) (elements) * (int64_t) (width)))

/* Rows from "row" on, panels from "panel" on of a product. */
static ml_product
piece_of(const ml_product *product, size_t width, size_t row, size_t rows, size_t panel, size_t panels)
{
	ml_product	p = *product;

	p.c = MOVED(p.c, (int64_t) row * p.c_row + (int64_t) panel * p.c_panel, width);
	p.a = MOVED(p.a, row_of(product, row), width);
	p.b = MOVED(p.b, (int64_t) panel * p.b_panel, width);
	if (p.bias != NULL)
		p.bias = MOVED(p.bias, panel * ML_PANEL, width);
	if (p.starts != NULL)
		p.starts += row;
	p.first_lane += panel * ML_PANEL;
	p.rows = ML_MIN(p.rows - row, rows);
	p.lanes = ML_MIN(p.lanes - panel * ML_PANEL, panels * ML_PANEL);
	return p;
}

/* Cut along rows, in whole tiles, then along lanes, in whole panels; of at most so many terms. */
static ml_status
run_pieces(const ml_op_run *run, const ml_product *product, size_t width, size_t most,
		   void (*function) (const ml_product *product))
{
	size_t		tile = ML_MAX(ml_size_mul(ml_size_mul(product->outer, product->inner), ML_PANEL * ML_TILE_ROWS), 1);
	size_t		tiles = ML_MAX(most / tile, 1);
	size_t		height = ML_MIN(ML_MIN((product->rows + ML_TILE_ROWS - 1) / ML_TILE_ROWS, tiles), PRODUCT_TILES);
	size_t		panels = ML_MAX(tiles / ML_MAX(height, 1), 1);

	for (size_t row = 0; row < product->rows; row += height * ML_TILE_ROWS)
		for (size_t panel = 0; panel * ML_PANEL < product->lanes; panel += panels)
		{
			ml_product	p = piece_of(product, width, row, height * ML_TILE_ROWS, panel, panels);

			if (row + panel > 0)
				ML_TRY(ml_poll(run->ctx));
			function(&p);
		}
	return ML_OK;
}

ml_status
ml_product_run(const ml_op_run *run, ml_dtype dtype, const ml_product *product)
{
	if (dtype == ML_F64)
		return run_pieces(run, product, sizeof(double), PRODUCT_TERMS_F64, product_f64);
	return run_pieces(run, product, sizeof(float), PRODUCT_TERMS, run->kernel->network->product);
}

ml_status
ml_product_pairs_run(const ml_op_run *run, const ml_product *product)
{
	return run_pieces(run, product, sizeof(float), PRODUCT_TERMS, run->kernel->network->product_pairs);
}

/* Elements of type t with any strides -> panels. */
#define PACK(t) \
	do { \
		const t    *x = from; \
		t		   *y = to; \
		\
		for (size_t p = 0; p < columns; p += ML_PANEL, y += rows * ML_PANEL) \
			for (size_t r = 0; r < rows; r++) \
				for (size_t c = 0; c < ML_PANEL; c++) \
					y[r * ML_PANEL + c] = p + c < columns ? \
						x[(int64_t) r * from_row + (int64_t) (p + c) * from_column] : 0; \
	} while (0)

void
ml_panels_pack(const ml_op_run *run, ml_dtype dtype, void *to, const void *from, int64_t from_row,
			   int64_t from_column, size_t rows, size_t columns)
{
	if (dtype == ML_F64)
		PACK(double);
	else if (from_column == 1)
		run->kernel->network->pack(to, (int64_t) rows * ML_PANEL, from, from_row, rows, columns);
	else if (from_row == 1)
		for (size_t c = 0; c < columns; c += ML_PANEL)
		{
			float	   *panel = (float *) to + c * rows;
			size_t		n = ML_MIN(columns - c, ML_PANEL);

			run->kernel->network->transpose(panel, ML_PANEL, (const float *) from + (int64_t) c * from_column,
											from_column, n, rows);
			for (size_t r = 0; r < rows && n < ML_PANEL; r++)
				memset(panel + r * ML_PANEL + n, 0, (ML_PANEL - n) * sizeof(float));
		}
	else
		PACK(float);
}

ml_status
ml_panels_transpose(const ml_op_run *run, ml_dtype dtype, void *to, const void *from, size_t k, size_t n)
{
	for (size_t j = 0; j < n; j += ML_PANEL)
	{
		for (size_t i = 0; i < k; i += ML_PANEL)
		{
			size_t		rows = ML_MIN(k - i, ML_PANEL);
			size_t		columns = ML_MIN(n - j, ML_PANEL);
			size_t		source = j * k + i * ML_PANEL;
			size_t		target = i * n + j * ML_PANEL;

			if (dtype == ML_F32)
				run->kernel->network->transpose((float *) to + target, ML_PANEL, (const float *) from + source,
												ML_PANEL, rows, columns);
			else
				for (size_t r = 0; r < rows; r++)
					for (size_t c = 0; c < columns; c++)
						((double *) to)[target + c * ML_PANEL + r] = ((const double *) from)[source + r * ML_PANEL + c];
		}
		if (k * ML_PANEL > 1 << 16 || j % 1024 == 992)
			ML_TRY(ml_poll(run->ctx));
	}
	return ML_OK;
}

void
ml_product_add_rows(const ml_op_run *run, ml_dtype dtype, void *sums, const void *x, size_t rows, size_t columns)
{
	if (dtype == ML_F32)
		run->kernel->network->sum_rows(sums, x, (int64_t) columns, rows, columns, true);
	else
		for (size_t r = 0; r < rows; r++)
			ml_map_of(run->kernel, dtype)->binary[ML_MAP_ADD] (sums, sums, 1, (const double *) x + r * columns,
															   1, columns);
}

/* ---- Rows ---- */

void
ml_row_groups_start(ml_row_groups *groups, const ml_view *view)
{
	int			d = view->ndims - 2;

	*groups = (ml_row_groups) {.view = view, .rows = 1, .column = view->strides[view->ndims - 1]};
	/* dimensions of 1 have no stride of their own */
	for (; d >= 0 && (groups->rows == 1 || view->dims[d] == 1 ||
					  view->strides[d] == (int64_t) groups->rows * groups->row); d--)
		if (view->dims[d] != 1)
		{
			if (groups->rows == 1)
				groups->row = view->strides[d];
			groups->rows *= (size_t) view->dims[d];
		}
	groups->ndims = d + 1;
}

const char *
ml_row_groups_next(ml_row_groups *groups)
{
	const ml_view *view = groups->view;
	const char *at = view->data;
	int			d = groups->ndims - 1;

	if (groups->begun)
	{
		while (d >= 0 && ++groups->index[d] == view->dims[d])
			groups->index[d--] = 0;
		if (d < 0)
			return NULL;
	}
	groups->begun = true;
	for (int i = 0; i < groups->ndims; i++)
		at += groups->index[i] * view->strides[i] * (int64_t) ml_dtypes[view->dtype].block_bytes;
	return at;
}

size_t
ml_rows_of(const ml_view *view)
{
	size_t		rows = 1;

	for (int i = 0; i < view->ndims - 1; i++)
		rows *= (size_t) view->dims[i];
	return rows;
}
