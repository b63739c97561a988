/*-------------------------------------------------------------------------
 *
 * test_machine.c
 *	  Scores of kernel machines: near the formula, the same bits at every
 *	  level, alone and together.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/machine.h"

#include <math.h>

#define ROWS		11

typedef struct machine
{
	ml_panels	panels;
	float	   *vectors;		/* [nvectors][width] */
	float	   *coefficients;	/* [nscores][nvectors] */
	float	   *packed_vectors;
	float	   *packed;
	double	   *bias;
	float	   *x;				/* [ROWS][width] */
} machine;

static float *
random_floats(ml_rng *rng, size_t n)
{
	float	   *result = malloc((n + 1) * sizeof(float));

	for (size_t i = 0; i < n; i++)
		result[i] = (float) (ml_rng_double(rng) * 2 - 1);
	return result;
}

static float *
aligned_floats(size_t n)
{
	size_t		size = ml_size_align(n * sizeof(float) + 1, ML_ALIGN);
	float	   *result = aligned_alloc(ML_ALIGN, size);

	memset(result, 0, size);
	return result;
}

static void
make(ml_context *ctx, machine *m, ml_machine_kind kind, int degree, uint32_t nvectors, uint32_t width,
	 uint32_t nscores)
{
	ml_rng		rng;

	ml_rng_seed(&rng, nvectors * 1000 + width * 10 + nscores);
	m->vectors = random_floats(&rng, (size_t) nvectors * width);
	m->coefficients = random_floats(&rng, (size_t) nvectors * nscores);
	m->x = random_floats(&rng, (size_t) ROWS * width);
	m->packed_vectors = aligned_floats(ml_panels_vectors(nvectors, width));
	m->packed = aligned_floats(ml_panels_coefficients(nvectors, nscores));
	m->bias = malloc(nscores * sizeof(double));
	for (uint32_t c = 0; c < nscores; c++)
		m->bias[c] = ml_rng_double(&rng);
	m->panels = (ml_panels)
	{
		.kind = kind, .gamma = 0.75f / (float) width, .coef0 = 0.5f, .degree = degree, .nvectors = nvectors,
		.npanels = ml_panels_of(nvectors), .width = width, .nscores = nscores,
		.vectors = m->packed_vectors, .coefficients = m->packed
	};
	if (ml_panels_fill(ctx, m->vectors, m->coefficients, nvectors, width, nscores, m->packed_vectors, m->packed) != ML_OK)
		abort();
}

static void
unmake(machine *m)
{
	free(m->vectors);
	free(m->coefficients);
	free(m->x);
	free(m->packed_vectors);
	free(m->packed);
	free(m->bias);
}

/* The score; *size: the sum of the magnitudes of its parts. */
static double
expected_score(const machine *m, const float *x, uint32_t c, double *size)
{
	double		sum = m->bias[c];

	*size = fabs(sum);
	for (uint32_t v = 0; v < m->panels.nvectors; v++)
	{
		double		distance = 0;
		double		product = 0;
		double		part;

		for (uint32_t j = 0; j < m->panels.width; j++)
		{
			double		value = (double) m->vectors[(size_t) v * m->panels.width + j];

			distance += (value - (double) x[j]) * (value - (double) x[j]);
			product += value * (double) x[j];
		}
		part = (double) m->coefficients[(size_t) c * m->panels.nvectors + v] *
			(m->panels.kind == ML_MACHINE_RBF ? exp(-(double) m->panels.gamma * distance) :
			 pow((double) m->panels.gamma * product + (double) m->panels.coef0, m->panels.degree));
		sum += part;
		*size += fabs(part);
	}
	return sum;
}

static void
score(ml_context *ctx, const machine *m, ml_level level, size_t step, double *scores)
{
	for (size_t i = 0; i < ROWS; i += step)
		if (ml_panels_scores(ctx, ml_kernel_select(level), &m->panels, m->bias, m->x + i * m->panels.width,
							 ML_MIN(step, ROWS - i), scores + i * m->panels.nscores) != ML_OK)
			abort();
}

static void
test_shape(unit_host *host, ml_machine_kind kind, int degree, uint32_t nvectors, uint32_t width, uint32_t nscores)
{
	machine		m;
	double	   *all = malloc(ROWS * nscores * sizeof(double));
	double	   *other = malloc(ROWS * nscores * sizeof(double));
	double		worst = 0;
	bool		same = true;

	make(&host->ctx, &m, kind, degree, nvectors, width, nscores);
	score(&host->ctx, &m, ML_LEVEL_REF, ROWS, all);
	for (size_t i = 0; i < ROWS; i++)
		for (uint32_t c = 0; c < nscores; c++)
		{
			double		size;
			double		expected = expected_score(&m, m.x + i * width, c, &size);

			worst = ML_MAX(worst, fabs(all[i * nscores + c] - expected) / size);
		}
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		for (size_t step = 1; step <= ROWS; step += 2)
		{
			memset(other, 0x55, ROWS * nscores * sizeof(double));
			score(&host->ctx, &m, level, step, other);
			same &= memcmp(all, other, ROWS * nscores * sizeof(double)) == 0;
		}
	unit_ok(worst < 2e-6 && same, "%s of degree %d: %u vectors of %u numbers, %u scores (%g)",
			kind == ML_MACHINE_RBF ? "rbf" : "polynomial", degree, nvectors, width, nscores, worst);
	unmake(&m);
	free(all);
	free(other);
}

/* e^-x from one vector, wherever x lies. */
static void
test_exponential(unit_host *host)
{
	machine		m;
	double		worst = 0;
	double		result;
	float		ends[] = {1e10f, 1e30f, INFINITY};
	bool		far = true;

	make(&host->ctx, &m, ML_MACHINE_RBF, 1, 1, 1, 1);
	m.packed_vectors[0] = 0;
	m.packed[0] = 1;
	m.bias[0] = 0;
	m.panels.gamma = 1;
	for (float at = 0; at < 9.3f; at += 0.001f)
	{
		double		square = (double) (at * at);

		if (ml_panels_scores(&host->ctx, ml_kernel_select(ML_LEVEL_AUTO), &m.panels, m.bias, &at, 1, &result) != ML_OK)
			abort();
		worst = ML_MAX(worst, fabs(result / exp(-square) - 1));
	}
	unit_ok(worst < 3e-7, "the exponential function (%g)", worst);
	for (size_t i = 0; i < ML_LENGTH(ends); i++)
	{
		if (ml_panels_scores(&host->ctx, ml_kernel_select(ML_LEVEL_AUTO), &m.panels, m.bias, &ends[i], 1, &result) != ML_OK)
			abort();
		far &= result == 0;
	}
	unit_ok(far, "far away it is 0");
	unmake(&m);
}

static ml_status
score_scenario(ml_context *ctx, void *argument)
{
	const machine *m = argument;
	double		scores[ROWS];

	return ml_panels_scores(ctx, ml_kernel_select(ML_LEVEL_AUTO), &m->panels, m->bias, m->x, ROWS, scores);
}

int
main(void)
{
	static const uint32_t vectors[] = {0, 1, 15, 16, 17, 100, 1100};
	static const uint32_t widths[] = {1, 3, 20, 130};
	static const uint32_t scores[] = {1, 3, 17};
	unit_host	host;
	machine		large;

	unit_open(&host);
	for (size_t v = 0; v < ML_LENGTH(vectors); v++)
		for (size_t w = 0; w < ML_LENGTH(widths); w++)
			for (size_t c = 0; c < ML_LENGTH(scores); c++)
			{
				test_shape(&host, ML_MACHINE_RBF, 0, vectors[v], widths[w], scores[c]);
				test_shape(&host, ML_MACHINE_POLYNOMIAL, 1 + (int) (v + w) % 5, vectors[v], widths[w], scores[c]);
			}
	test_exponential(&host);
	make(&host.ctx, &large, ML_MACHINE_RBF, 0, 20000, 40, 1);
	unit_every_poll_cancels("many vectors", score_scenario, &large);
	unmake(&large);
	unit_close(&host, "machine");
	return unit_done();
}
