/*-------------------------------------------------------------------------
 *
 * test_summary.c
 *	  Moments, quantiles, the most frequent value: against numpy's and
 *	  scikit-learn's recorded figures (test/data/tabular.py), exactly where few
 *	  values are distinct, closely beyond; sequences; weights.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "base/json.h"
#include "feature/summary.h"

#include <math.h>

static double *
numbers_of(const ml_json *array, size_t *n)
{
	double	   *values = malloc((array->count + 1) * sizeof(double));

	*n = 0;
	for (const ml_json *node = array->first; node != NULL; node = node->next)
		values[(*n)++] = node->number;
	return values;
}

/* Counting, from those values. */
static ml_summary
summary_of(unit_host *host, const double *values, const double *weights, size_t n)
{
	ml_summary	summary;

	if (ml_summary_open(&host->ctx, &summary, ml_kernel_select(ML_LEVEL_AUTO), true) != ML_OK ||
		ml_summary_add(&host->ctx, &summary, values, weights, n) != ML_OK)
		unit_ok(false, "%zu values are added: %s", n, host->ctx.error.text);
	return summary;
}

static void
test_recorded(unit_host *host)
{
	size_t		size;
	char	   *json = unit_data("tabular.json", &size);
	ml_arena	arena = {0};
	const ml_json *root;

	if (json == NULL || ml_json_parse(&host->ctx, &arena, (ml_text) {json, size}, ML_BAD_MODEL, &root) != ML_OK)
	{
		unit_ok(false, "tabular.json is read");
		return;
	}
	for (const ml_json *one = ml_json_get(root, "summaries")->first; one != NULL; one = one->next)
	{
		ml_text		name = ml_json_get(one, "name")->string;
		size_t		n;
		size_t		nq;
		double	   *values = numbers_of(ml_json_get(one, "values"), &n);
		double	   *q = numbers_of(ml_json_get(one, "q"), &nq);
		double	   *quantiles = numbers_of(ml_json_get(one, "quantiles"), &nq);
		ml_summary	s = summary_of(host, values, NULL, n);
		double		worst = 0;

		for (size_t i = 0; i < nq; i++)
			worst = fmax(worst, fabs(ml_summary_quantile(&s, q[i]) - quantiles[i]));
		unit_is_near(worst, 0, 1e-14, "%.*s: quantiles are numpy's", (int) name.size, name.data);
		unit_is_near(ml_summary_mean(&s), ml_json_get(one, "mean")->number, 1e-14, "and so is the mean");
		unit_is_near(ml_summary_deviation(&s), ml_json_get(one, "deviation")->number, 1e-14, "and the deviation");
		unit_is_near(ml_summary_mode(&s), ml_json_get(one, "mode")->number, 0, "the mode is SimpleImputer's");
		ml_summary_close(&host->ctx, &s);
		free(values);
		free(q);
		free(quantiles);
	}
	ml_arena_free(&host->ctx, &arena);
	free(json);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

#define MANY 300000

/* Distributions of more distinct values than there are bins. */
static double
draw(ml_rng *rng, int kind)
{
	double		sum = -6;

	for (int i = 0; i < 12; i++)
		sum += ml_rng_double(rng);
	switch (kind)
	{
		case 0:
			return sum;
		case 1:
			return exp(3 * sum);
		case 2:
			return 1e9 + sum;
		case 3:
			return ml_rng_double(rng) < 0.3 ? 99 : 100 + 10 * sum;
		case 4:
			return ml_rng_double(rng) < 0.5 ? sum * 1e-200 : sum * 1e100;
		default:
			return ml_rng_double(rng) < 0.98 ? 1e9 + sum * 1e-3 : exp(100 * sum);
	}
}

static void
test_many(unit_host *host)
{
	double	   *values = malloc(MANY * sizeof(double));
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	for (int kind = 0; kind < 6; kind++)
	{
		static const double shares[7] = {0.001, 0.01, 0.05, 0.5, 0.9, 0.99, 0.9999};
		ml_summary	s;
		double		worst = 0;
		double		low;
		double		high;
		double		sum = 0;
		double		squares = 0;
		double		mean;
		double		deviation;

		for (int i = 0; i < MANY; i++)
			values[i] = draw(&rng, kind);
		s = summary_of(host, values, NULL, MANY);
		if (kind == 3)
			unit_is_near(ml_summary_mode(&s), 99, 0, "a value that a third of the rows have is the mode");
		qsort(values, MANY, sizeof(double), compare_doubles);
		for (int i = 0; i < 7; i++)
		{
			/* in terms of ranks: what share lies below the quantile said? */
			double		quantile = ml_summary_quantile(&s, shares[i]);
			size_t		below = 0;
			size_t		equal = 0;

			while (below < MANY && values[below] < quantile)
				below++;
			while (below + equal < MANY && values[below + equal] == quantile)
				equal++;
			if (shares[i] * MANY < below || shares[i] * MANY > below + equal)
				worst = fmax(worst, fabs((double) below / MANY - shares[i]));
		}
		unit_is_near(worst, 0, 0.0005, "distribution %d: quantiles are right by their ranks", kind);
		low = ml_summary_quantile(&s, 0.05);
		high = ml_summary_quantile(&s, 0.95);
		for (int i = 0; i < MANY; i++)
			sum += fmin(fmax(values[i], low), high) - low;
		for (int i = 0; i < MANY; i++)
			squares += pow(fmin(fmax(values[i], low), high) - low - sum / MANY, 2);
		ml_summary_clipped(&s, low, high, &mean, &deviation);
		unit_is_near((mean - low - sum / MANY) / sqrt(squares / MANY), 0, 1e-4, "the mean after clipping");
		unit_is_near(deviation / sqrt(squares / MANY), 1, 1e-4, "and the deviation");
		ml_summary_close(&host->ctx, &s);
	}
	free(values);
}

/* The ranks of quantiles of numbers 0 .. MANY - 1 in an order of their own. */
static void
test_order(unit_host *host)
{
	double	   *values = malloc(MANY * sizeof(double));
	ml_rng		rng;

	ml_rng_seed(&rng, 8);
	for (int order = 0; order < 4; order++)
	{
		static const char *const names[4] = {"ascending", "descending", "from the ends inwards", "by residues"};
		double		worst = 0;
		ml_summary	s;

		for (int i = 0; i < MANY; i++)
			values[i] = order == 0 ? i : order == 1 ? MANY - 1 - i :
				order == 2 ? (i % 2 ? i / 2 : MANY - 1 - i / 2) : i * 7919LL % MANY;
		s = summary_of(host, values, NULL, MANY);
		for (double q = 0; q <= 1; q += 0.001)
			worst = fmax(worst, fabs(ml_summary_quantile(&s, q) / (MANY - 1) - q));
		unit_is_near(worst, 0, 0.0005, "quantiles of values that come %s", names[order]);
		ml_summary_close(&host->ctx, &s);
	}
	free(values);
}

static void
test_moments(unit_host *host)
{
	double		shifted[1000];
	double		weights[1000];
	double		twice[2000];
	ml_summary	s;
	ml_summary	t;
	double		mean = 0;
	double		square = 0;

	for (int i = 0; i < 1000; i++)
	{
		shifted[i] = 1e12 + (i * 37 % 1000) / 4.0;
		weights[i] = i % 3;
		mean += (i * 37 % 1000) / 4.0 / 1000;
	}
	for (int i = 0; i < 1000; i++)
		square += pow((i * 37 % 1000) / 4.0 - mean, 2) / 1000;
	s = summary_of(host, shifted, NULL, 1000);
	unit_is_near(ml_summary_mean(&s), 1e12 + mean, 0, "the mean of numbers far from 0");
	unit_is_near(ml_summary_deviation(&s) / sqrt(square), 1, 1e-13, "and their deviation");
	ml_summary_close(&host->ctx, &s);

	for (int i = 0; i < 1000; i++)
		shifted[i] = i % 5 == 0 ? NAN : i * 0.5;
	s = summary_of(host, shifted, weights, 1000);
	unit_is_int(s.nvalues, 533, "rows with a weight and a value");
	unit_is_int(s.nmissing, 133, "rows with a weight and none");
	unit_is_near(s.n + s.missing, 999, 0, "weights add up");
	unit_ok(s.min == 0.5 && s.max == 499 && !s.integers, "from where to where");
	for (size_t i = 0, n = 0; i < 1000; i++)
		for (int k = 0; k < i % 3; k++)
			twice[n++] = shifted[i];
	t = summary_of(host, twice, NULL, 999);
	unit_is_near(ml_summary_mean(&s), ml_summary_mean(&t), 1e-12, "a weight of 2 is two rows");
	unit_is_near(ml_summary_deviation(&s), ml_summary_deviation(&t), 1e-12, "for the deviation as well");
	ml_summary_close(&host->ctx, &s);
	for (int i = 0; i < 1000; i++)
		weights[i] *= 0.37;
	s = summary_of(host, shifted, weights, 1000);
	unit_is_near(ml_summary_quantile(&s, 0.3), ml_summary_quantile(&t, 0.3), 0.5, "and roughly for quantiles");
	ml_summary_close(&host->ctx, &s);
	ml_summary_close(&host->ctx, &t);
}

static void
test_ends(unit_host *host)
{
	double		nothing[3] = {NAN, NAN, NAN};
	double		infinite[3] = {1, -INFINITY, 2};
	double		large[3] = {1e308, -1e308, 1};
	double		zeros[2] = {-0.0, 0.0};
	double		negative[4] = {-5e-324, -1.7976931348623157e308, 1.7976931348623157e308, 5e-324};
	ml_summary	s = summary_of(host, nothing, NULL, 3);

	unit_ok(isnan(ml_summary_mean(&s)) && isnan(ml_summary_deviation(&s)) && isnan(ml_summary_mode(&s)) &&
				isnan(ml_summary_quantile(&s, 0.5)) && s.nmissing == 3, "nothing is like nothing");
	unit_fails(host, ml_summary_add(&host->ctx, &s, infinite, NULL, 3), ML_BAD_DATA, "infinite", "infinity is refused");
	ml_summary_close(&host->ctx, &s);
	s = summary_of(host, large, NULL, 3);
	unit_ok(isinf(ml_summary_deviation(&s)) || isnan(ml_summary_deviation(&s)), "what is too large is not finite");
	unit_is_near(ml_summary_quantile(&s, 0.5), 1, 0, "but has quantiles");
	ml_summary_close(&host->ctx, &s);
	s = summary_of(host, zeros, NULL, 2);
	unit_ok(ml_summary_mode(&s) == 0 && ml_summary_deviation(&s) == 0 && s.integers, "both zeros are one");
	ml_summary_close(&host->ctx, &s);
	s = summary_of(host, negative, NULL, 4);
	unit_ok(ml_summary_quantile(&s, 0) == negative[1] && ml_summary_quantile(&s, 1) == negative[2] &&
				ml_summary_quantile(&s, 1.0 / 3) == -5e-324, "the ends of the numbers are in order");
	ml_summary_close(&host->ctx, &s);
	for (int i = 0; i < 4; i++)
	{
		static const double numbers[4] = {1e-200, -0.25, 0x1p52 + 1, -3};

		s = summary_of(host, &numbers[i], NULL, 1);
		unit_ok(s.integers == (i >= 2), "%g is %s", numbers[i], i < 2 ? "no whole number" : "whole");
		ml_summary_close(&host->ctx, &s);
	}
	unit_is_int(ml_summary_open(&host->ctx, &s, ml_kernel_select(ML_LEVEL_AUTO), false), ML_OK, "without counting");
	unit_is_int(ml_summary_add(&host->ctx, &s, zeros, NULL, 2), ML_OK, "there are moments");
	unit_ok(isnan(ml_summary_quantile(&s, 0.5)) && isnan(ml_summary_mode(&s)), "and no quantiles");
	ml_summary_close(&host->ctx, &s);
}

static bool
is_sequence(unit_host *host, const double *values, const double *weights, size_t n)
{
	ml_summary	s;
	bool		result;

	if (ml_summary_open(&host->ctx, &s, ml_kernel_select(ML_LEVEL_AUTO), false) != ML_OK ||
		ml_summary_add(&host->ctx, &s, values, weights, n) != ML_OK)
		unit_ok(false, "values are added");
	result = ml_summary_sequence(&s);
	ml_summary_close(&host->ctx, &s);
	return result;
}

#define LONG 1000000

static void
test_sequences(unit_host *host)
{
	double	   *values = malloc(LONG * sizeof(double));
	double	   *weights = malloc(LONG * sizeof(double));
	ml_rng		rng;
	int			found = 0;

	ml_rng_seed(&rng, 3);
	for (size_t i = 0; i < LONG; i++)
	{
		values[i] = (double) i - 17;
		weights[i] = 0.1 + ml_rng_double(&rng);
	}
	unit_ok(!is_sequence(host, values, NULL, 19), "19 numbers are too few");
	unit_ok(is_sequence(host, values, NULL, 20), "20 are a sequence");
	unit_ok(is_sequence(host, values, weights, 20), "with weights too");
	unit_ok(is_sequence(host, values, NULL, LONG), "so are a million");
	for (size_t i = LONG; i > 1; i--)
	{
		size_t		j = ml_rng_below(&rng, i);
		double		swap = values[i - 1];

		values[i - 1] = values[j];
		values[j] = swap;
	}
	unit_ok(is_sequence(host, values, NULL, LONG), "in any order");
	unit_ok(is_sequence(host, values, weights, LONG), "with any weights");
	values[77] = NAN;
	unit_ok(!is_sequence(host, values, NULL, LONG), "but not with a gap");
	for (size_t i = 0; i < 1000; i++)
		values[i] = (double) (i * 7 % 1000) + 1e6;
	unit_ok(is_sequence(host, values, NULL, 1000), "a thousand");
	values[10] += 1;
	unit_ok(!is_sequence(host, values, NULL, 1000), "one of which is another's copy");
	values[20] -= 1;
	unit_ok(!is_sequence(host, values, NULL, 1000), "two of which are");
	values[20] += 1;
	values[10] -= 0.5;
	unit_ok(!is_sequence(host, values, NULL, 1000), "or one that is no whole number");
	for (size_t i = 0; i < 1000; i++)
		values[i] = 0x1p52 + (double) i;
	unit_ok(is_sequence(host, values, NULL, 1000), "large numbers");
	for (int k = 0; k < 2000; k++)
	{
		for (size_t i = 0; i < 20; i++)
			values[i] = i < 2 ? 19.0 * i : (double) ml_rng_below(&rng, 20);
		found += is_sequence(host, values, NULL, 20);
	}
	unit_is_int(found, 0, "numbers at random from 0 to 19 are none");
	free(values);
	free(weights);
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	static double values[40000];
	ml_summary	s;
	ml_status	status = ml_summary_open(ctx, &s, ml_kernel_select(ML_LEVEL_AUTO), true);
	ml_rng		rng;

	ml_rng_seed(&rng, 1);
	for (int i = 0; i < 40000; i++)
		values[i] = draw(&rng, 0);
	if (status == ML_OK)
		status = ml_summary_add(ctx, &s, values, NULL, argument == NULL ? 1000 : 40000);
	ml_summary_close(ctx, &s);
	return status;
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_recorded(&host);
	test_many(&host);
	test_order(&host);
	test_moments(&host);
	test_ends(&host);
	test_sequences(&host);
	unit_close(&host, "summaries");
	unit_every_allocation_fails("summary", scenario, NULL);
	unit_every_poll_cancels("summary", scenario, &host);
	return unit_done();
}
