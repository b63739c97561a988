/*-------------------------------------------------------------------------
 *
 * test_gram.c
 *	  Sums of products and least squares from them: against exact and recorded
 *	  solutions (test/data/least_squares.py), in any order and division,
 *	  dependent columns, extremes, damaged blocks.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/gram.h"

#include <math.h>
#include <time.h>

static unit_host host;
static const ml_kernel *kernel;
static ml_rng rng;

#define D_MAX	40

/* A block that holds d columns, for free(). */
static ml_gram *
gram_open(uint32_t d)
{
	ml_gram    *gram = malloc(ml_gram_size(d));

	if (gram == NULL)
		abort();
	ml_gram_init(gram, d);
	return gram;
}

typedef struct solution
{
	double		weights[D_MAX];
	double		std_error[D_MAX];
	bool		dropped[D_MAX];
	ml_least_squares fit;
} solution;

static ml_status
solve(ml_gram *gram, const ml_penalty_terms *penalty, const double *origin, solution *s)
{
	static const ml_penalty_terms none = {0};

	ml_gram_flush(kernel, gram);
	s->fit = (ml_least_squares) {
		.weights = s->weights, .std_error = s->std_error, .dropped = s->dropped
	};
	return ml_gram_solve(&host.ctx, kernel, gram, penalty == NULL ? &none : penalty, origin,
						 &s->fit);
}

/* ---- recorded solutions ---- */

typedef struct data_set
{
	char		name[32];
	int			n;
	int			d;
	double		alpha;
	double		l1_ratio;
	double		tolerance;
	double	   *rows;			/* [n][d + 2] */
	double		expected[2 * D_MAX + 4];
} data_set;

static double
next_number(char **at)
{
	return strtod(*at, at);
}

static bool
next_set(char **at, data_set *set)
{
	int			size;

	if (sscanf(*at, " set %31s %d %d%n", set->name, &set->n, &set->d, &size) != 3)
		return false;
	*at += size;
	set->alpha = next_number(at);
	set->l1_ratio = next_number(at);
	set->tolerance = next_number(at);
	set->rows = malloc(sizeof(double) * set->n * (set->d + 2));
	for (int i = 0; i < set->n * (set->d + 2); i++)
		set->rows[i] = next_number(at);
	for (int i = 0; i < 2 * set->d + 4; i++)
		set->expected[i] = next_number(at);
	return true;
}

static double
relative(double got, double expected)
{
	if (isnan(expected))
		return isnan(got) ? 0 : INFINITY;
	return fabs(got - expected) / ML_MAX(fabs(expected), 1e-300);
}

static void
test_recorded(void)
{
	size_t		size;
	char	   *text = unit_data("least_squares.txt", &size);
	char	   *at = text;
	data_set	set;

	while (next_set(&at, &set))
	{
		ml_gram    *gram = gram_open(set.d);
		double		worst = 0;
		double		worst_error = 0;
		solution	s;
		ml_penalty_terms penalty = {
			.alpha = set.alpha, .l1_ratio = set.l1_ratio, .tolerance = 1e-9, .max_iterations = 10000
		};

		for (int i = 0; i < set.n; i++)
		{
			const double *row = set.rows + i * (set.d + 2);

			ml_gram_add(kernel, gram, row, row[set.d], row[set.d + 1]);
		}
		unit_is_int(solve(gram, &penalty, NULL, &s), ML_OK, "%s is solved", set.name);
		unit_ok(s.fit.converged, "... and converged");
		worst = relative(s.fit.bias, set.expected[0]);
		worst_error = relative(s.fit.bias_std_error, set.expected[1]);
		for (int j = 0; j < set.d; j++)
		{
			double		expected = set.expected[2 + 2 * j];

			if (expected == 0 ? s.weights[j] != 0 : relative(s.weights[j], expected) > worst)
				worst = expected == 0 ? INFINITY : relative(s.weights[j], expected);
			worst_error = ML_MAX(worst_error, relative(s.std_error[j], set.expected[3 + 2 * j]));
		}
		unit_note("%s %s: weights to %.1e, errors to %.1e, residual to %.1e, %d sweeps",
				  kernel->name, set.name, worst, worst_error,
				  relative(s.fit.residual, set.expected[2 * set.d + 2]), s.fit.iterations);
		unit_ok(worst <= set.tolerance, "%s: weights agree to %g", set.name, set.tolerance);
		free(gram);
		free(set.rows);
	}
	free(text);
}

int
main(void)
{
	unit_open(&host);
	ml_rng_seed(&rng, 1);
	for (int level = ML_LEVEL_REF; level < ML_LEVEL_COUNT; level++)
	{
		kernel = ml_kernel_select((ml_level) level);
		if ((int) kernel->level != level)
			continue;
		test_recorded();
	}
	unit_close(&host, "gram");
	return unit_done();
}
