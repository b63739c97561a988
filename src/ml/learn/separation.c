/*-------------------------------------------------------------------------
 *
 * separation.c
 *	  Features that tell a class from the others by themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/separation.h"

#include <math.h>

/* Per class: extremes of each numeric feature, whether each level occurs. */
typedef struct survey
{
	uint32_t	ndense;
	uint32_t	nhot;
	uint32_t	nclasses;
	double	   *low;			/* [nclasses][ndense] */
	double	   *high;
	bool	   *occurs;			/* [nclasses][nhot] */
	bool	   *present;		/* [nclasses] it has rows */
} survey;

static ml_status
visit_block(ml_context *ctx, survey *s, const ml_block *block, uint32_t ncategories)
{
	for (uint32_t i = 0; i < block->n; i++)
		s->present[block->label[i]] |= block->weight[i] > 0;
	for (uint32_t j = 0; j < s->ndense; j++)
	{
		const double *x = block->dense + (size_t) j * block->stride;

		for (uint32_t i = 0; i < block->n; i++)
		{
			size_t		at = (size_t) block->label[i] * s->ndense + j;

			if (block->weight[i] == 0)
				continue;
			s->low[at] = ML_MIN(s->low[at], x[i]);
			s->high[at] = ML_MAX(s->high[at], x[i]);
		}
		if (j % 64 == 63)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t k = 0; k < ncategories; k++)
	{
		const uint32_t *hot = block->hot + (size_t) k * block->stride;

		for (uint32_t i = 0; i < block->n; i++)
			if (hot[i] != ML_NO_TERM && block->weight[i] > 0)
				s->occurs[(size_t) block->label[i] * s->nhot + hot[i] - s->ndense] = true;
		if (k % 64 == 63)
			ML_TRY(ml_poll(ctx));
	}
	return ml_poll(ctx);
}

/* Are the values of class c on one side of those of the others? */
static bool
is_apart(const survey *s, uint32_t j, uint32_t c)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	double		own_low = s->low[(size_t) c * s->ndense + j];
	double		own_high = s->high[(size_t) c * s->ndense + j];

	for (uint32_t o = 0; o < s->nclasses; o++)
	{
		if (o == c)
			continue;
		low = ML_MIN(low, s->low[(size_t) o * s->ndense + j]);
		high = ML_MAX(high, s->high[(size_t) o * s->ndense + j]);
	}
	/* a constant is not */
	return ML_MAX(high, own_high) > ML_MIN(low, own_low) && (own_low >= high || own_high <= low);
}

static uint32_t
find(const survey *s)
{
	uint32_t	npresent = 0;

	for (uint32_t c = 0; c < s->nclasses; c++)
		npresent += s->present[c];
	for (uint32_t j = 0; j < s->ndense; j++)
		for (uint32_t c = 0; c < s->nclasses; c++)
			if (npresent > 1 && s->present[c] && is_apart(s, j, c))
				return j;
	for (uint32_t j = 0; j < s->nhot; j++)
	{
		uint32_t	n = 0;

		for (uint32_t c = 0; c < s->nclasses; c++)
			n += s->occurs[(size_t) c * s->nhot + j];
		if (n > 0 && n < npresent)
			return s->ndense + j;
	}
	return ML_NO_TERM;
}

static ml_status
run(ml_context *ctx, const ml_problem *problem, uint32_t parts, ml_arena *arena, uint32_t *feature)
{
	survey		s = {ml_design_ndense(problem->design), ml_design_nhot(problem->design),
	problem->nclasses};
	size_t		ndense = ml_size_mul(s.ndense, s.nclasses);
	const ml_block *block;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(ndense, 2 * sizeof(double)), &memory));
	s.low = memory;
	s.high = s.low + ndense;
	for (size_t i = 0; i < ndense; i++)
	{
		s.low[i] = INFINITY;
		s.high[i] = -INFINITY;
	}
	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(s.nhot, s.nclasses), &memory));
	s.occurs = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, arena, s.nclasses, &memory));
	s.present = memory;
	ML_TRY(ml_design_begin(ctx, problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, problem->design, &block));
		if (block == NULL)
			break;
		ML_TRY(visit_block(ctx, &s, block, ml_design_ncategories(problem->design)));
	}
	*feature = find(&s);
	return ML_OK;
}

ml_status
ml_separation_find(ml_context *ctx, const ml_problem *problem, uint32_t parts, uint32_t *feature)
{
	ml_arena	arena = {0};
	ml_status	status = run(ctx, problem, parts, &arena, feature);

	ml_arena_free(ctx, &arena);
	return status;
}
