/*-------------------------------------------------------------------------
 *
 * machine.c
 *	  Scores of kernel machines.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/machine.h"

#define TILE			64		/* most panels whose kernels are computed before they are summed up */
#define ROWS			64		/* of a block gathered at a time */
#define SCORES			16		/* summed up together */
#define POLL_PRODUCTS	((size_t) 1 << 22)

typedef double lane_sums[SCORES][ML_MACHINE_LANES];

size_t
ml_panels_vectors(uint32_t nvectors, uint32_t width)
{
	return ml_size_mul(ml_size_mul(ml_panels_of(nvectors), ML_MACHINE_LANES), width);
}

size_t
ml_panels_coefficients(uint32_t nvectors, uint32_t nscores)
{
	return ml_size_mul(ml_size_mul(ml_panels_of(nvectors), ML_MACHINE_LANES), nscores);
}

ml_status
ml_panels_fill(ml_context *ctx, const void *vectors, const void *coefficients, uint32_t nvectors,
			   uint32_t width, uint32_t nscores, float *panels, float *packed)
{
	const char *from = vectors;
	size_t		work = 0;

	for (uint32_t v = 0; v < nvectors; v++)
	{
		float	   *to = panels + (size_t) (v / ML_MACHINE_LANES) * width * ML_MACHINE_LANES + v % ML_MACHINE_LANES;

		for (uint32_t k = 0; k < width; k++, from += sizeof(float))
			memcpy(to + (size_t) k * ML_MACHINE_LANES, from, sizeof(float));
		if ((work += width) > POLL_PRODUCTS)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	for (uint32_t c = 0; c < nscores; c++)
	{
		if (nvectors > 0)
			memcpy(packed + (size_t) c * ml_panels_of(nvectors) * ML_MACHINE_LANES,
				   (const char *) coefficients + (size_t) c * nvectors * sizeof(float), nvectors * sizeof(float));
		if ((work += nvectors) > POLL_PRODUCTS)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

/* The lanes in one order. */
static double
sum_lanes(double *s)
{
	for (int n = ML_MACHINE_LANES / 2; n > 0; n /= 2)
		for (int i = 0; i < n; i++)
			s[i] += s[i + n];
	return s[0];
}

/*
 * The sums over all vectors for "count" scores from number first on of nrows
 * rows, in tiles small enough to stay in a cache.
 */
static ml_status
add_vectors(ml_context *ctx, const ml_kernel *kernel, const ml_panels *p, uint32_t first,
			uint32_t count, const float *x, size_t nrows, size_t *work, lane_sums *sums)
{
	const ml_machine_terms terms = {p->gamma, p->coef0, p->degree};
	float		values[ML_MACHINE_ROWS * TILE * ML_MACHINE_LANES];
	size_t		products = (size_t) ML_MACHINE_ROWS * ML_MACHINE_LANES * p->width;
	uint32_t	tile = (uint32_t) ML_MAX(ML_MIN(POLL_PRODUCTS / products, (size_t) TILE), (size_t) 1);

	for (uint32_t at = 0; at < p->npanels; at += tile)
	{
		uint32_t	n = ML_MIN(p->npanels - at, tile);
		const float *panels = p->vectors + (size_t) at * p->width * ML_MACHINE_LANES;

		(p->kind == ML_MACHINE_RBF ? kernel->machine->rbf : kernel->machine->polynomial)
			(values, TILE * ML_MACHINE_LANES, panels, n, p->width, x, nrows, &terms);
		for (size_t r = 0; r < nrows; r++)
			for (uint32_t c = 0; c < count; c++)
				kernel->machine->sums(sums[r][c], values + r * TILE * ML_MACHINE_LANES,
									  p->coefficients + ((size_t) (first + c) * p->npanels + at) * ML_MACHINE_LANES,
									  n);
		*work += nrows * n * ML_MACHINE_LANES * (p->width + count + 8);
		if (*work > POLL_PRODUCTS)
		{
			*work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

ml_status
ml_panels_scores(ml_context *ctx, const ml_kernel *kernel, const ml_panels *panels,
				 const double *bias, const float *x, size_t n, double *scores)
{
	size_t		work = 0;

	for (size_t i = 0; i < n;)
	{
		size_t		nrows = n - i < ML_MACHINE_ROWS ? 1 : ML_MACHINE_ROWS;

		for (uint32_t first = 0; first < panels->nscores; first += SCORES)
		{
			uint32_t	count = ML_MIN(panels->nscores - first, (uint32_t) SCORES);
			lane_sums sums[ML_MACHINE_ROWS];

			for (size_t r = 0; r < nrows; r++)
				memset(sums[r], 0, count * sizeof(sums[r][0]));
			ML_TRY(add_vectors(ctx, kernel, panels, first, count, x + i * panels->width, nrows, &work, sums));
			for (size_t r = 0; r < nrows; r++)
				for (uint32_t c = 0; c < count; c++)
					scores[(i + r) * panels->nscores + first + c] = bias[first + c] + sum_lanes(sums[r][c]);
		}
		i += nrows;
	}
	return ML_OK;
}

/* ---------- machines while they are trained ---------- */

ml_status
ml_machine_pack(ml_context *ctx, ml_solution *solution)
{
	ml_machine *machine = &solution->machine;
	size_t		nvectors = ml_panels_vectors(machine->nvectors, machine->width);
	size_t		ncoefficients = ml_panels_coefficients(machine->nvectors, solution->nscores);

	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(nvectors, sizeof(float)),
							   (void **) &machine->panels));
	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(ncoefficients, sizeof(float)),
							   (void **) &machine->packed));
	return ml_panels_fill(ctx, machine->vectors, machine->coefficients, machine->nvectors, machine->width,
						  solution->nscores, machine->panels, machine->packed);
}

/* Rows first .. first + n - 1 of a block, x[n][width]. */
static void
gather_rows(const ml_block *block, uint32_t ncategories, uint32_t ndense, uint32_t first, uint32_t n,
			uint32_t width, float *x)
{
	memset(x, 0, (size_t) n * width * sizeof(float));
	for (uint32_t j = 0; j < ndense; j++)
		for (uint32_t i = 0; i < n; i++)
			x[(size_t) i * width + j] = (float) block->dense[(size_t) j * block->stride + first + i];
	for (uint32_t k = 0; k < ncategories; k++)
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	feature = block->hot[(size_t) k * block->stride + first + i];

			if (feature != ML_NO_TERM)
				x[(size_t) i * width + feature] = 1;
		}
}

ml_status
ml_machine_scores(ml_context *ctx, const ml_kernel *kernel, const ml_solution *solution,
				  const ml_block *block, uint32_t ncategories, uint32_t ndense, double *scores)
{
	const ml_machine *machine = &solution->machine;
	ml_panels	panels = {
		machine->kind, (float) machine->gamma, (float) machine->coef0, machine->degree, machine->nvectors,
		ml_panels_of(machine->nvectors), machine->width, solution->nscores, machine->panels, machine->packed
	};
	ml_status	status = ML_OK;
	float	   *x;

	ML_TRY(ml_alloc(ctx, ml_size_mul(machine->width, ROWS * sizeof(float)), (void **) &x));
	for (uint32_t first = 0; first < block->n && status == ML_OK; first += ROWS)
	{
		uint32_t	n = ML_MIN(block->n - first, (uint32_t) ROWS);

		gather_rows(block, ncategories, ndense, first, n, machine->width, x);
		status = ml_panels_scores(ctx, kernel, &panels, solution->bias, x, n,
								  scores + (size_t) first * solution->nscores);
	}
	ml_release(ctx, x);
	return status;
}
