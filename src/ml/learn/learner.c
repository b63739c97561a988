/*-------------------------------------------------------------------------
 *
 * learner.c
 *	  The table of learners, and what their solutions have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/learner.h"
#include "learn/machine.h"

#define TILE			64		/* rows scored at a time */
#define POLL_PRODUCTS	((size_t) 1 << 20)

const ml_learner *const ml_learners[] = {
	&ml_linear_regression, &ml_logistic_regression, &ml_svm, &ml_gradient_descent, NULL
};

const ml_learner *
ml_learner_find(ml_text name)
{
	for (int i = 0; ml_learners[i] != NULL; i++)
		if (ml_text_equal((ml_text) {ml_learners[i]->name, strlen(ml_learners[i]->name)}, name))
			return ml_learners[i];
	return NULL;
}

static ml_status
allocate(ml_context *ctx, ml_solution *solution)
{
	size_t		nweights = ml_size_mul(solution->nscores, solution->nfeatures);
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(nweights, sizeof(double)), &memory));
	solution->weights = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(solution->nscores, sizeof(double)),
							   &memory));
	solution->bias = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(solution->nfeatures, sizeof(bool)),
							   &memory));
	solution->dropped = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &solution->arena, ml_size_mul(solution->nfeatures, sizeof(double)),
							   &memory));
	solution->std_error = memory;
	return ML_OK;
}

ml_status
ml_solution_open(ml_context *ctx, ml_solution *solution, uint32_t nscores, uint32_t nfeatures)
{
	ml_status	status;

	memset(solution, 0, sizeof(*solution));
	solution->nscores = nscores;
	solution->nfeatures = nfeatures;
	status = allocate(ctx, solution);
	if (status != ML_OK)
		ml_solution_close(ctx, solution);
	return status;
}

void
ml_solution_close(ml_context *ctx, ml_solution *solution)
{
	ml_arena_free(ctx, &solution->arena);
	memset(solution, 0, sizeof(*solution));
}

/* One score of rows first .. first + n - 1 (n <= TILE) of a block. */
static void
score_tile(const ml_solution *solution, const ml_block *block, uint32_t ncategories,
		   uint32_t ndense, uint32_t score, uint32_t first, uint32_t n, double *sums)
{
	const double *weights = solution->weights + (size_t) score * solution->nfeatures;

	for (uint32_t i = 0; i < TILE; i++)
		sums[i] = solution->bias[score];
	for (uint32_t j = 0; j < ndense; j++)
	{
		/* rows behind n are there: the stride is a multiple of the tile */
		const double *x = block->dense + (size_t) j * block->stride + first;
		double		w = weights[j];

		if (w != 0)
			for (uint32_t i = 0; i < TILE; i++)
				sums[i] += w * x[i];
	}
	for (uint32_t k = 0; k < ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

		for (uint32_t i = 0; i < n; i++)
			if (hot[i] != ML_NO_TERM)
				sums[i] += weights[hot[i]];
	}
	if (block->at != NULL)
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				sums[i] += weights[block->ids[k]] * (double) block->values[k];
}

ml_status
ml_solution_scores(ml_context *ctx, const ml_kernel *kernel, const ml_solution *solution,
				   const ml_block *block, uint32_t ncategories, uint32_t ndense, double *scores)
{
	uint32_t	nscores = solution->nscores;
	size_t		work = 0;

	if (solution->machine.kind != ML_MACHINE_NONE)
		return ml_machine_scores(ctx, kernel, solution, block, ncategories, ndense, scores);
	for (uint32_t first = 0; first < block->n; first += TILE)
	{
		uint32_t	n = ML_MIN(block->n - first, (uint32_t) TILE);

		for (uint32_t c = 0; c < nscores; c++)
		{
			double		sums[TILE];

			score_tile(solution, block, ncategories, ndense, c, first, n, sums);
			for (uint32_t i = 0; i < n; i++)
				scores[(size_t) (first + i) * nscores + c] = sums[i];
			work += (size_t) TILE * (ndense + ncategories + 1);
			if (block->at != NULL)
				work += block->at[first + n] - block->at[first];
			if (work > POLL_PRODUCTS)
			{
				work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
	}
	return ML_OK;
}
