/*-------------------------------------------------------------------------
 *
 * test_smo.c
 *	  Sequential minimal optimisation: its kernels at every level, and that
 *	  solutions are optimal whatever the cache and in spite of shrinking.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/smo.h"

#include <math.h>

#define WIDTH		7
#define NROWS		2500

static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};

static void
test_kernels(const ml_kernel *kernel)
{
	float		panels[5 * WIDTH * ML_SMO_LANES];
	float		x[WIDTH];
	float		out[5 * ML_SMO_LANES];
	double		worst = 0;
	ml_rng		rng;

	ml_rng_seed(&rng, 1);
	for (size_t i = 0; i < ML_LENGTH(panels); i++)
		panels[i] = (float) (4 * ml_rng_double(&rng) - 2);
	for (int k = 0; k < WIDTH; k++)
		x[k] = (float) (4 * ml_rng_double(&rng) - 2);
	for (int kind = 0; kind < 3; kind++)
		for (size_t npanels = 1; npanels <= 5; npanels++)
		{
			/* far away: nothing is left, and no rubbish */
			float		gamma = kind == 1 ? 50 : 0.2f;

			if (kind == 2)
				kernel->smo->polynomial_row(out, panels, npanels, WIDTH, x, 0.3f, 0.5f, 3);
			else
				kernel->smo->rbf_row(out, panels, npanels, WIDTH, x, gamma);
			for (size_t v = 0; v < npanels * ML_SMO_LANES; v++)
			{
				double		dot = 0;
				double		square = 0;
				double		expected;

				for (int k = 0; k < WIDTH; k++)
				{
					double		p = (double) panels[(v / ML_SMO_LANES * WIDTH + k) * ML_SMO_LANES + v % ML_SMO_LANES];

					dot += p * (double) x[k];
					square += (p - (double) x[k]) * (p - (double) x[k]);
				}
				expected = kind == 2 ? pow(0.3 * dot + 0.5, 3) : exp(-(double) gamma * square);
				worst = ML_MAX(worst, fabs((double) out[v] - expected) / (fabs(expected) + 1e-6));
			}
		}
	unit_ok(worst < 1e-4, "%s: kernel values (%g)", kernel->name, worst);
}

/* smo_update and smo_choose against their definitions. */
static void
test_loops(const ml_kernel *kernel)
{
	enum {N = 160};
	float		f[N];
	float		g[N];
	float		ki[N];
	float		kj[N];
	float		upper[N];
	float		lower[N];
	float		diagonal[N];
	float		highest;
	float		lowest;
	int			wrong = 0;
	ml_rng		rng;

	ml_rng_seed(&rng, 2);
	for (int round = 0; round < 200; round++)
	{
		size_t		best = 0;
		size_t		found;
		float		least = INFINITY;
		double		gain = -1;

		for (int i = 0; i < N; i++)
		{
			g[i] = f[i] = (float) (ml_rng_double(&rng) * 2 - 1);
			ki[i] = (float) ml_rng_double(&rng);
			kj[i] = (float) ml_rng_double(&rng);
			diagonal[i] = 1;
			upper[i] = ml_rng_below(&rng, 3) == 0 ? -INFINITY : 0;
			lower[i] = ml_rng_below(&rng, 3) == 0 ? INFINITY : 0;
		}
		found = kernel->smo->smo_update(f, ki, kj, 0.25f, upper, N, &highest);
		for (int i = 0; i < N; i++)
		{
			wrong += fabsf(f[i] - (g[i] - 0.25f * (ki[i] - kj[i]))) > 1e-6f;
			wrong += upper[i] == 0 && f[i] > highest;
		}
		wrong += upper[found] != 0 || f[found] != highest;
		found = kernel->smo->smo_choose(f, lower, ki, diagonal, 1, highest, N, &lowest);
		for (int i = 0; i < N; i++)
		{
			double		gap = (double) highest - (double) f[i];
			double		curve = 2 - 2 * (double) ki[i];
			double		mine = lower[i] == 0 && gap > 0 ? gap * gap / (curve < 1e-6 ? 1e-6 : curve) : -1;

			if (lower[i] == 0)
				least = f[i] < least ? f[i] : least;
			if (mine > gain)
			{
				gain = mine;
				best = (size_t) i;
			}
		}
		wrong += lowest != least || found != best;
	}
	unit_ok(wrong == 0, "%s: update and choice (%d wrong)", kernel->name, wrong);
}

typedef struct setting
{
	const ml_kernel *kernel;
	size_t		cache;
	double		c;
} setting;

static ml_status
solve(ml_context *ctx, const setting *s, ml_smo *smo, double *bias, bool *converged)
{
	ml_rng		rng;

	memset(smo, 0, sizeof(*smo));
	smo->kernel = s->kernel;
	smo->kind = ML_MACHINE_RBF;
	smo->gamma = 0.3f;
	ML_TRY(ml_smo_open(ctx, smo, NROWS, WIDTH, s->cache));
	ml_rng_seed(&rng, 3);
	for (uint32_t i = 0; i < NROWS; i++)
	{
		double		sum = 0;
		bool		positive;

		for (uint32_t k = 0; k < WIDTH; k++)
		{
			double		x = ml_rng_double(&rng) * 4 - 2;

			*ml_smo_at(smo, i, k) = (float) x;
			sum += k < 3 ? x * x : 0;
		}
		positive = sum + ml_rng_double(&rng) * 2 > 5;
		smo->target[i] = positive ? 1 : -1;
		smo->low[i] = positive ? 0 : (float) -s->c;
		smo->high[i] = positive ? (float) s->c : 0;
	}
	ML_TRY(ml_smo_prepare(ctx, smo));
	return ml_smo_solve(ctx, smo, 1e-3, 10000000, bias, converged);
}

/* Optimal: no pair may gain more than the tolerance; f from its definition, in doubles. */
static double
violation(const ml_smo *smo)
{
	double		highest = -INFINITY;
	double		lowest = INFINITY;

	for (uint32_t i = 0; i < NROWS; i++)
	{
		double		f = (double) smo->target[i];

		for (uint32_t j = 0; j < NROWS; j++)
		{
			double		square = 0;

			if (smo->beta[j] == 0)
				continue;
			for (uint32_t k = 0; k < WIDTH; k++)
			{
				double		d = (double) *ml_smo_at(smo, i, k) - (double) *ml_smo_at(smo, j, k);

				square += d * d;
			}
			f -= (double) smo->beta[j] * exp(-(double) smo->gamma * square);
		}
		if (smo->beta[i] < smo->high[i])
			highest = ML_MAX(highest, f);
		if (smo->beta[i] > smo->low[i])
			lowest = ML_MIN(lowest, f);
	}
	return highest - lowest;
}

static void
test_solutions(unit_host *host, const setting *s, const char *name)
{
	ml_smo		smo;
	double		bias;
	bool		converged;
	double		sum = 0;
	int			outside = 0;
	bool		seen[NROWS] = {false};
	ml_status	status = solve(&host->ctx, s, &smo, &bias, &converged);

	unit_ok(status == ML_OK && converged, "%s: solved in %llu steps", name, (unsigned long long) smo.iterations);
	for (uint32_t i = 0; i < NROWS; i++)
	{
		sum += (double) smo.beta[i];
		outside += smo.beta[i] < smo.low[i] || smo.beta[i] > smo.high[i] || seen[smo.row[i]];
		seen[smo.row[i]] = true;
	}
	unit_ok(violation(&smo) < 2e-3, "%s: optimal (%g)", name, violation(&smo));
	unit_ok(fabs(sum) < 1e-3 * s->c && outside == 0, "%s: within its bounds, the sum is 0, rows are all there", name);
	ml_smo_close(&host->ctx, &smo);
}

static ml_status
run(ml_context *ctx, void *argument)
{
	ml_smo		smo;
	double		bias;
	bool		converged;
	ml_status	status = solve(ctx, argument, &smo, &bias, &converged);

	ml_smo_close(ctx, &smo);
	return status;
}

int
main(void)
{
	unit_host	host;
	setting		s = {.kernel = ml_kernel_select(ML_LEVEL_AUTO), .cache = 1 << 20, .c = 1};

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(levels); i++)
	{
		test_kernels(ml_kernel_select(levels[i]));
		test_loops(ml_kernel_select(levels[i]));
	}
	test_solutions(&host, &(setting) {s.kernel, 64 << 20, 1}, "all rows cached");
	test_solutions(&host, &(setting) {s.kernel, 1 << 20, 1}, "some rows cached");
	test_solutions(&host, &(setting) {s.kernel, 0, 10}, "two rows cached");
	test_solutions(&host, &(setting) {ml_kernel_select(ML_LEVEL_REF), 1 << 20, 100}, "plain C, many steps");
	unit_every_allocation_fails("a solution", run, &s);
	unit_every_poll_cancels("a solution", run, &s);
	unit_close(&host, "smo");
	return unit_done();
}
