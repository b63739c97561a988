/*-------------------------------------------------------------------------
 *
 * coefficients.c
 *	  What a linear model has learnt, in the columns' own units.
 *
 * A weight belongs to (v - mean) / scale, so that of v itself is weight /
 * scale, and the intercept is the score where all columns are 0.
 *
 *-------------------------------------------------------------------------
 */
#include "model/coefficients.h"

#include "learn/distribution.h"

#include <math.h>

#define CONFIDENCE	0.95

typedef struct maker
{
	ml_context *ctx;
	ml_arena   *arena;
	const ml_linear_terms *terms;
	ml_buffer	name;
	double		quantile;		/* of the confidence interval */
	ml_coefficient *at;
} maker;

static void
put(maker *m, uint32_t score, ml_text term, double estimate, double std_error)
{
	ml_coefficient *c = m->at++;

	*c = (ml_coefficient)
	{
		.label = m->terms->labels == NULL ? (ml_text) {NULL, 0} : m->terms->labels[score],
		.term = term, .estimate = estimate,
		.std_error = NAN, .statistic = NAN, .p_value = NAN, .low = NAN, .high = NAN
	};
	if (isnan(std_error) || isnan(estimate))
		return;
	c->std_error = std_error;
	c->statistic = estimate / std_error;
	c->p_value = ml_two_sided(c->statistic, m->terms->freedom);
	c->low = estimate - m->quantile * std_error;
	c->high = estimate + m->quantile * std_error;
}

static ml_status
copy_name(maker *m, bool reference, ml_text *name)
{
	if (reference)
		ML_TRY(ml_appendf(m->ctx, &m->name, " (reference)"));
	return ml_arena_copy(m->ctx, m->arena, (ml_text) {m->name.data, m->name.size}, name);
}

static bool
is_reference(const ml_tabular *tabular, uint32_t feature)
{
	uint32_t	column = ml_tabular_column_of(tabular, feature);

	return tabular->columns[column].role == ML_ROLE_CATEGORY && tabular->columns[column].reference == feature;
}

static ml_status
make_score(maker *m, uint32_t score)
{
	const ml_linear_terms *terms = m->terms;
	const ml_tabular *tabular = terms->tabular;
	uint32_t	width = tabular->ndense + tabular->nhot;
	const double *weights = terms->weights + (size_t) score * width;
	double		intercept = terms->bias[score];

	for (uint32_t j = 0; j < tabular->ndense; j++)
		intercept -= weights[j] * (tabular->scaling[j].mean / tabular->scaling[j].scale);
	/* statistics that there are not are NaN, as those of a regression without rows to spare */
	put(m, score, ML_TEXT("(intercept)"), intercept, terms->std_error == NULL ? NAN : terms->bias_std_error);
	for (uint32_t j = 0; j < width; j++)
	{
		bool		reference = is_reference(tabular, j);
		bool		dropped = !reference && terms->dropped != NULL && terms->dropped[j] != 0;
		double		scale = j < tabular->ndense ? tabular->scaling[j].scale : 1;
		double		std_error = terms->std_error == NULL || reference || dropped ? NAN : terms->std_error[j];
		ml_text		name;

		m->name.size = 0;
		ML_TRY(ml_tabular_term(m->ctx, tabular, j, &m->name));
		ML_TRY(copy_name(m, reference, &name));
		put(m, score, name, dropped ? NAN : weights[j] / scale, std_error / scale);
		if (j % 1024 == 1023)
			ML_TRY(ml_poll(m->ctx));
	}
	return ML_OK;
}

ml_status
ml_linear_coefficients(ml_context *ctx, ml_arena *arena, const ml_linear_terms *terms,
					   const ml_coefficient **coefficients, size_t *n)
{
	maker		m = {.ctx = ctx, .arena = arena, .terms = terms};
	size_t		each = (size_t) terms->tabular->ndense + terms->tabular->nhot + 1;
	ml_status	status = ML_OK;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(ml_size_mul(each, terms->nscores), sizeof(ml_coefficient)), &memory));
	*coefficients = m.at = memory;
	*n = each * terms->nscores;
	if (terms->std_error != NULL)
		m.quantile = ml_two_sided_quantile(1 - CONFIDENCE, terms->freedom);
	for (uint32_t score = 0; score < terms->nscores && status == ML_OK; score++)
		status = make_score(&m, score);
	ml_buffer_free(ctx, &m.name);
	return status;
}
