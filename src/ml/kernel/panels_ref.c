/*-------------------------------------------------------------------------
 *
 * panels_ref.c
 *	  Products of columns in plain C (kernel.h).
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

void
ml_ref_products(double *const *c, size_t ld, const double *a, const double *const *b, size_t nb,
				size_t n)
{
	for (size_t p = 0; p < nb; p++)
	{
		double		sums[8][8] = {{0}};

		for (size_t r = 0; r < n; r++)
			for (int i = 0; i < 8; i++)
				for (int j = 0; j < 8; j++)
					sums[i][j] += a[8 * r + i] * b[p][8 * r + j];
		for (int i = 0; i < 8; i++)
			for (int j = 0; j < 8; j++)
				c[p][i * ld + j] += sums[i][j];
	}
}

void
ml_ref_panel_sums(double *sums, double *low, double *high, const double *panel,
				  const double *shift, const double *weights, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (int j = 0; j < 8; j++)
		{
			double		x = panel[8 * r + j];

			sums[j] += weights[r] * (x - shift[j]);
			low[j] = ML_MIN(low[j], x);
			high[j] = ML_MAX(high[j], x);
		}
}

void
ml_ref_panel_center(double *panel, const double *shift, const double *mean,
					const double *factors, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (int j = 0; j < 8; j++)
			panel[8 * r + j] = ((panel[8 * r + j] - shift[j]) - mean[j]) * factors[r];
}

void
ml_ref_panel_pack(double *panel, const double *columns, size_t stride, size_t ncolumns,
				  const double *shift, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (size_t j = 0; j < 8; j++)
			panel[8 * r + j] = j < ncolumns ? columns[j * stride + r] - shift[j] : 0;
}

void
ml_ref_panel_add(double *to, const double *panels, size_t stride, size_t npanels, double weight)
{
	for (size_t p = 0; p < npanels; p++)
		for (int j = 0; j < 8; j++)
			to[8 * p + j] += weight * panels[p * stride + j];
}
