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

/* ---- the same sums in any order and division ---- */

#define ROWS	1000
#define D		11

static double rows[ROWS][D + 2];

/* Offsets far beyond the deviations, and a first row that is an outlier. */
static void
fill_rows(void)
{
	for (int i = 0; i < ROWS; i++)
	{
		rows[i][D] = 5;
		for (int j = 0; j < D; j++)
		{
			rows[i][j] = ldexp(ml_rng_double(&rng) - 0.5, j) + (j % 3 == 0 ? 1e7 : 0);
			rows[i][D] += ldexp(rows[i][j], -j) * (j % 4) + ml_rng_double(&rng);
		}
		rows[i][D + 1] = i % 7 == 0 ? 0.5 : 1 + i % 3;
	}
	rows[0][1] = 1e6;
	rows[0][3] = -1e6;
}

static double
sum_of_products(int i, int j)
{
	long double weight = 0;
	long double means[2] = {0};
	long double sum = 0;

	for (int r = 0; r < ROWS; r++)
	{
		weight += rows[r][D + 1];
		means[0] += (long double) rows[r][D + 1] * rows[r][i];
		means[1] += (long double) rows[r][D + 1] * rows[r][j];
	}
	for (int r = 0; r < ROWS; r++)
		sum += rows[r][D + 1] * (rows[r][i] - means[0] / weight) * (rows[r][j] - means[1] / weight);
	return (double) sum;
}

/* Largest error of a product, relative to the deviations of both columns. */
static double
error_of(ml_gram *gram)
{
	double		worst = 0;

	ml_gram_flush(kernel, gram);
	for (int i = 0; i <= D; i++)
		for (int j = 0; j <= i; j++)
			worst = ML_MAX(worst, fabs(ml_gram_product(gram, i, j) - sum_of_products(i, j)) /
						   sqrt(sum_of_products(i, i) * sum_of_products(j, j)));
	return worst;
}

static void
add_rows(ml_gram *gram, int first, int step)
{
	for (int i = first; i < ROWS; i += step)
		ml_gram_add(kernel, gram, rows[i], rows[i][D], rows[i][D + 1]);
}

static void
test_division(void)
{
	ml_gram    *whole = gram_open(D);
	ml_gram    *merged = gram_open(D);
	double		sums[2] = {0};

	add_rows(whole, 0, 1);
	unit_is_int(ml_gram_nrows(whole), ROWS, "rows are counted");
	unit_ok(error_of(whole) < 1e-13, "products to %.1e", error_of(whole));
	unit_ok(ml_gram_check(whole, ml_gram_size(D)), "... and they are sound");
	for (int parts = 2; parts <= 100; parts += 7)
	{
		double		error;

		ml_gram_init(merged, D);
		for (int part = 0; part < parts; part++)
		{
			ml_gram    *some = gram_open(D);

			add_rows(some, part, parts);
			if (part % 2 == 0)
				ml_gram_flush(kernel, some);
			ml_gram_mark(some, part == 3 ? ML_GRAM_MISSING : 0);
			ml_gram_merge(kernel, merged, some);
			free(some);
		}
		sums[0] = ML_MAX(sums[0], fabs((double) ml_gram_nrows(merged) - ROWS));
		error = error_of(merged);
		sums[1] = ML_MAX(sums[1], error);
		sums[0] += fabs(ml_gram_weight(merged) - ml_gram_weight(whole));
		for (int j = 0; j <= D; j++)
			sums[0] += ml_gram_min(merged, j) != ml_gram_min(whole, j) ||
				ml_gram_max(merged, j) != ml_gram_max(whole, j) ||
				fabs(ml_gram_mean(merged, j) - ml_gram_mean(whole, j)) > 1e-14 * ml_gram_max(whole, j);
	}
	unit_ok(sums[0] == 0, "merged: rows, weights, means, extremes");
	unit_ok(sums[1] < 1e-13, "... products to %.1e", sums[1]);
	unit_is_int(ml_gram_marks(merged), ML_GRAM_MISSING, "... and marks");
	ml_gram_init(merged, D);
	ml_gram_merge(kernel, merged, whole);
	ml_gram_flush(kernel, merged);
	unit_ok(memcmp(merged, whole, ml_gram_size(D)) == 0, "what is merged into nothing stays as it is");
	free(whole);
	whole = gram_open(D);
	ml_gram_merge(kernel, merged, whole);
	unit_is_int(ml_gram_nrows(merged), ROWS, "nothing, merged into it, adds nothing");
	free(whole);
	free(merged);
}

static void
test_keep(void)
{
	static const uint32_t columns[] = {0, 2, 5, 8, 10};
	ml_gram    *whole = gram_open(D);
	ml_gram    *kept = gram_open(5);
	ml_gram    *expected = gram_open(5);
	double		wrong = 0;

	for (int i = 0; i < ROWS; i++)
	{
		double		x[5];

		for (int k = 0; k < 5; k++)
			x[k] = rows[i][columns[k]];
		ml_gram_add(kernel, expected, x, rows[i][D], 1);
		ml_gram_add(kernel, whole, rows[i], rows[i][D], 1);
	}
	ml_gram_flush(kernel, whole);
	ml_gram_flush(kernel, expected);
	ml_gram_keep(whole, columns, 5, kept);
	unit_ok(ml_gram_check(kept, ml_gram_size(5)), "a block of some columns is sound");
	for (uint32_t i = 0; i <= 5; i++)
	{
		wrong += ml_gram_min(kept, i) != ml_gram_min(expected, i);
		wrong += ml_gram_max(kept, i) != ml_gram_max(expected, i);
		wrong += relative(ml_gram_mean(kept, i), ml_gram_mean(expected, i)) > 1e-14;
		for (uint32_t j = 0; j <= i; j++)
			wrong += fabs(ml_gram_product(kept, i, j) - ml_gram_product(expected, i, j)) >
				1e-12 * sqrt(ml_gram_product(expected, i, i) * ml_gram_product(expected, j, j));
	}
	unit_ok(wrong == 0 && ml_gram_nrows(kept) == ROWS, "... and has their sums");
	free(whole);
	free(kept);
	free(expected);
}

/* ---- every width, and the numbers of a block ---- */

static void
test_widths(void)
{
	int			wrong = 0;

	for (uint32_t d = 1; d <= D_MAX; d++)
	{
		ml_gram    *gram = gram_open(d);
		ml_gram    *copy = gram_open(d);
		double		x[D_MAX];
		double		y = 0;
		solution	s;

		for (int i = 0; i < 100; i++)
		{
			y = 3;
			for (uint32_t j = 0; j < d; j++)
			{
				x[j] = ml_rng_double(&rng);
				y += x[j] * (j + 1);
			}
			ml_gram_add(kernel, gram, x, y, 1 + i % 2);
		}
		wrong += solve(gram, NULL, NULL, &s) != ML_OK || fabs(s.fit.bias - 3) > 1e-10;
		for (uint32_t j = 0; j < d; j++)
			wrong += fabs(s.weights[j] - (j + 1)) > 1e-10 || s.dropped[j];
		for (uint64_t k = 0; k < ml_gram_nnumbers(d); k++)
			ml_gram_set(copy, k, ml_gram_number(gram, k));
		ml_gram_set_nrows(copy, 100);
		wrong += !ml_gram_check(copy, ml_gram_size(d));
		for (uint32_t i = 0; i <= d; i++)
			for (uint32_t j = 0; j <= i; j++)
				wrong += ml_gram_product(copy, i, j) != ml_gram_product(gram, i, j);
		free(gram);
		free(copy);
	}
	unit_is_int(wrong, 0, "widths from 1 to %d", D_MAX);
}

/* ---- columns that depend on others, few rows, no variance ---- */

static void
test_dependent(void)
{
	ml_gram    *gram = gram_open(6);
	solution	s;
	double		origin[6] = {2, 0, 1, 0, 0, 0};
	double		scale[6] = {10, 1, 0.5, 1, 1, 1};
	double		weights[3];
	ml_penalty_terms scaled = {.scale = scale};
	double		unscaled;

	for (int i = 0; i < 50; i++)
	{
		double		a = ml_rng_double(&rng) * 100 + 1000;
		double		b = ml_rng_double(&rng);
		double		x[6] = {a, 2 * a - 7, b, 0.1, a + b, a * b};

		ml_gram_add(kernel, gram, x, 1 + 2 * a - b + ml_rng_double(&rng), 1);
	}
	unit_is_int(solve(gram, NULL, origin, &s), ML_OK, "dependent columns");
	unit_ok(!s.dropped[0] && s.dropped[1] && !s.dropped[2] && s.dropped[3] && s.dropped[4] &&
			!s.dropped[5], "the later ones and the constant one are dropped");
	unit_ok(s.weights[1] == 0 && isnan(s.std_error[1]) && !isnan(s.std_error[0]), "... with weight 0");
	unit_is_near(s.fit.freedom, 46, 0, "degrees of freedom");
	memcpy(weights, s.weights, sizeof(weights));
	unscaled = s.fit.bias_std_error;
	origin[0] /= 10;
	origin[2] /= 0.5;
	unit_is_int(solve(gram, &scaled, origin, &s), ML_OK, "scaled columns");
	unit_ok(relative(s.weights[0], weights[0] * 10) < 1e-12 && relative(s.weights[2], weights[2] / 2) < 1e-12 &&
			relative(s.fit.bias_std_error, unscaled) < 1e-12, "have scaled weights, and the origin is scaled");
	free(gram);
}

static void
test_few(void)
{
	ml_gram    *gram = gram_open(3);
	double		x[4][3] = {{1, 5, 2}, {2, 3, 7}, {4, 4, 4}, {1, 0, 8}};
	solution	s;

	ml_gram_add(kernel, gram, x[0], 0, 0);
	unit_is_int(ml_gram_nrows(gram), 0, "a row of weight 0 is none");
	for (int i = 0; i < 4; i++)
	{
		int			dropped = 0;

		ml_gram_add(kernel, gram, x[i], 10 - x[i][0] + 2 * x[i][1] - 3 * x[i][2], 1);
		unit_is_int(solve(gram, NULL, NULL, &s), ML_OK, "%d rows", i + 1);
		for (int j = 0; j < 3; j++)
			dropped += s.dropped[j];
		unit_is_int(dropped, 3 - i, "... determine %d weights", i);
		unit_ok(s.fit.freedom == 0 && isnan(s.fit.bias_std_error) && s.fit.residual < 1e-12,
				"... and no errors");
	}
	unit_is_near(s.fit.bias, 10, 1e-12, "four rows give three weights and the intercept");
	free(gram);
	gram = gram_open(3);
	for (int i = 0; i < 4; i++)
		ml_gram_add(kernel, gram, x[i], 7.7, 1);
	unit_is_int(solve(gram, NULL, NULL, &s), ML_OK, "a constant target");
	unit_ok(s.weights[0] == 0 && s.fit.bias == 7.7 && s.fit.total == 0, "... is the intercept");
	free(gram);
}

/* ---- numbers at the ends of double's range; damaged blocks ---- */

static void
test_extremes(void)
{
	static const double sizes[] = {1e-300, 1e-160, 1e-140, 1, 1e140, 1e153, 1e160, 1e300, 1.7e308};
	solution	s;

	for (size_t k = 0; k < ML_LENGTH(sizes); k++)
	{
		ml_gram    *gram = gram_open(2);
		ml_status	status;

		for (int i = 0; i < 100; i++)
		{
			double		x[2] = {sizes[k] * (i % 5 - 2) / 2, sizes[k] * (i % 7 - 3) / 3};

			ml_gram_add(kernel, gram, x, i % 5, 1);
		}
		status = solve(gram, NULL, NULL, &s);
		if (sizes[k] < 1e154)
			unit_ok(status == ML_OK && isfinite(s.fit.bias) && isfinite(s.weights[0]),
					"numbers near %g", sizes[k]);
		else
			unit_fails(&host, status, ML_BAD_DATA, "too large", "numbers near %g", sizes[k]);
		if (sizes[k] >= 1e-140 && status == ML_OK)
			unit_ok(relative(s.weights[0], 2 / sizes[k]) < 1e-12, "... have their weight");
		free(gram);
	}
}

static void
test_damaged(void)
{
	size_t		size = ml_gram_size(D);
	ml_gram    *gram = gram_open(D);
	char	   *copy = malloc(size);
	double		nan = NAN;
	int			found = 0;
	int			wrong = 0;

	add_rows(gram, 0, 3);
	unit_ok(ml_gram_check(gram, size), "a block with rows that wait is sound");
	unit_ok(!ml_gram_check(gram, size - 8) && !ml_gram_check(gram, 0) && !ml_gram_check(gram, 7),
			"... but not of another size");
	/* NaN in the place of any number: found, or in a place that is not looked at */
	for (size_t at = 0; at + 8 <= size; at += 8)
	{
		solution	s;

		memcpy(copy, gram, size);
		memcpy(copy + at, &nan, 8);
		if (!ml_gram_check(copy, size))
			found++;
		else
			wrong += solve((ml_gram *) copy, NULL, NULL, &s) != ML_OK || !isfinite(s.fit.bias) ||
				!isfinite(s.weights[D - 1]);
	}
	unit_ok(found > 100 && wrong == 0, "NaN is found, or harmless (%d found, %d wrong)", found, wrong);
	/* rubbish: whatever check lets through can be solved */
	for (int i = 0; i < 20000; i++)
	{
		solution	s;

		memcpy(copy, gram, size);
		for (int k = 0; k < 1 + i % 3; k++)
			copy[ml_rng_below(&rng, i % 2 ? size : 64)] = (char) ml_rng_next(&rng);
		if (ml_gram_check(copy, size) && ml_gram_nrows((ml_gram *) copy) > 0)
			(void) solve((ml_gram *) copy, NULL, NULL, &s);
	}
	unit_ok(true, "damaged blocks that pass do no harm");
	free(copy);
	free(gram);
}

/* ---- lasso ---- */

/* The conditions of the optimum, on columns that nearly depend on each other. */
static void
test_net(void)
{
	static const double ratios[] = {1, 0.9, 0.3};
	ml_gram    *gram = gram_open(30);
	solution	s;

	for (int i = 0; i < 500; i++)
	{
		double		x[30];
		double		common = ml_rng_double(&rng);

		for (int j = 0; j < 30; j++)
			x[j] = common + (j % 5 + 1) * 0.05 * ml_rng_double(&rng);
		ml_gram_add(kernel, gram, x, x[0] - x[7] + 0.5 * x[12] + 0.1 * ml_rng_double(&rng), 1);
	}
	for (size_t k = 0; k < ML_LENGTH(ratios) * 4; k++)
	{
		ml_penalty_terms penalty = {
			.alpha = pow(10, -1 - (double) (k % 4)), .l1_ratio = ratios[k / 4], .tolerance = 1e-7,
			.max_iterations = 5000
		};
		double		limit = penalty.alpha * penalty.l1_ratio;
		double		worst = 0;

		unit_is_int(solve(gram, &penalty, NULL, &s), ML_OK, "net %g %g", penalty.alpha, penalty.l1_ratio);
		for (uint32_t i = 0; i < 30; i++)
		{
			double		slope = -ml_gram_product(gram, i, 30);

			for (uint32_t j = 0; j < 30; j++)
				slope += ml_gram_product(gram, i, j) * s.weights[j];
			slope = slope / 500 + penalty.alpha * (1 - penalty.l1_ratio) * s.weights[i];
			worst = ML_MAX(worst, s.weights[i] == 0 ? fabs(slope) - limit :
						   fabs(slope + copysign(limit, s.weights[i])));
		}
		unit_ok(s.fit.converged && worst < 1e-9, "... is the optimum (%.1e after %d sweeps)", worst,
				s.fit.iterations);
	}
	free(gram);
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	double		weights[D_MAX];
	bool		dropped[D_MAX];
	ml_least_squares fit = {.weights = weights, .dropped = dropped};
	ml_penalty_terms penalty = {.alpha = 0.01, .l1_ratio = 0.5, .tolerance = 1e-6, .max_iterations = 100};
	const ml_gram *gram = argument;
	double		errors[D_MAX];

	ML_TRY(ml_gram_solve(ctx, kernel, gram, &penalty, NULL, &fit));
	penalty.alpha = 0;
	fit.std_error = errors;
	return ml_gram_solve(ctx, kernel, gram, &penalty, NULL, &fit);
}

int
main(void)
{
	ml_gram    *gram = gram_open(D);

	unit_open(&host);
	ml_rng_seed(&rng, 1);
	fill_rows();
	for (int level = ML_LEVEL_REF; level < ML_LEVEL_COUNT; level++)
	{
		kernel = ml_kernel_select((ml_level) level);
		if ((int) kernel->level != level)
			continue;
		test_recorded();
		test_division();
		test_keep();
		test_widths();
		test_dependent();
		test_few();
		test_extremes();
		test_net();
	}
	test_damaged();
	add_rows(gram, 0, 1);
	ml_gram_flush(kernel, gram);
	unit_every_allocation_fails("solving", scenario, gram);
	unit_every_poll_cancels("solving", scenario, gram);
	free(gram);
	unit_close(&host, "gram");
	return unit_done();
}
