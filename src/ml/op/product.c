/*-------------------------------------------------------------------------
 *
 * product.c
 *	  Products inside ops, cut so that the host is polled often enough.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/map.h"
#include "op/product.h"

#define PRODUCT_TERMS	((size_t) 8 << 20)	/* of one call; 1 ms at 16 GFLOP/s */
#define PRODUCT_TERMS_F64 ((size_t) 1 << 20)	/* plain C */

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
			const double *a = (const double *) (const void *) p->a + (int64_t) r * p->a_row;
			double		sums[ML_PANEL] = {0};

			if (p->add)
				memcpy(sums, c, lanes * sizeof(double));
			else if (p->bias != NULL)
				memcpy(sums, (const double *) (const void *) p->bias + l, lanes * sizeof(double));
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

/* Cut along lanes, in whole panels: what is left of a piece then is rows x sum. */
ml_status
ml_product_run(const ml_op_run *run, ml_dtype dtype, const ml_product *product)
{
	size_t		most = dtype == ML_F64 ? PRODUCT_TERMS_F64 : PRODUCT_TERMS;
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		panel = ml_size_mul(ml_size_mul(product->rows, product->outer), product->inner * ML_PANEL);
	size_t		panels = panel == 0 ? SIZE_MAX : ML_MAX(most / panel, 1);
	size_t		npanels = (product->lanes + ML_PANEL - 1) / ML_PANEL;

	for (size_t done = 0; done < npanels; done += ML_MIN(panels, npanels - done))
	{
		ml_product	piece = *product;

		if (panels < npanels)
		{
			piece.c = (void *) ((char *) piece.c + (int64_t) done * piece.c_panel * (int64_t) width);
			piece.b = (const void *) ((const char *) piece.b + (int64_t) done * piece.b_panel * (int64_t) width);
			if (piece.bias != NULL)
				piece.bias = (const void *) ((const char *) piece.bias + done * ML_PANEL * width);
			piece.lanes = ML_MIN(piece.lanes - done * ML_PANEL, panels * ML_PANEL);
			ML_TRY(ml_poll(run->ctx));
		}
		if (dtype == ML_F64)
			product_f64(&piece);
		else
			run->kernel->network->product(&piece);
	}
	return ML_OK;
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
