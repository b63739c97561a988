/*-------------------------------------------------------------------------
 *
 * test_calibrate.c
 *	  Calibration finds the likeliest slope, and gives probabilities.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/calibrate.h"

#include <math.h>

#define N	20000

static float scores[N * 5];
static uint32_t labels[N];
static float weights[N];

/* Labels drawn with the probabilities that slope and offset give. */
static void
draw(uint32_t nscores, double slope, double offset)
{
	ml_calibration truth = {slope, offset, 0, 0};
	ml_rng		rng;
	double		p[5];

	ml_rng_seed(&rng, 11);
	for (uint32_t i = 0; i < N; i++)
	{
		double		u = ml_rng_double(&rng);

		for (uint32_t c = 0; c < nscores; c++)
			scores[i * nscores + c] = (float) (ml_rng_double(&rng) * 4 - 2);
		ml_calibrated(&truth, scores + i * nscores, nscores, p);
		labels[i] = 0;
		while (labels[i] + 1 < ML_MAX(nscores, 2u) && u >= p[labels[i]])
			u -= p[labels[i]++];
		weights[i] = 1;
	}
}

int
main(void)
{
	unit_host	host;
	ml_calibration found;
	ml_calibration doubled;
	double		p[5];
	double		sum = 0;

	unit_open(&host);
	draw(1, 2.5, -0.7);
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, N, 1, &found) == ML_OK, "two classes");
	unit_is_near(found.slope, 2.5, 0.1, "slope");
	unit_is_near(found.offset, -0.7, 0.06, "offset");
	for (uint32_t i = 0; i < N; i++)
		weights[i] = 2;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, N, 1, &doubled) == ML_OK, "weights");
	unit_is_near(doubled.slope, found.slope, 3e-3, "weights of 2 change nothing but Platt's targets");
	for (uint32_t i = 0; i < N; i++)
		weights[i] = i < 10000;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, N, 1, &found) == ML_OK &&
			ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 10000, 1, &doubled) == ML_OK, "weights of 0");
	unit_is_near(found.slope, doubled.slope, 1e-6, "rows of weight 0 count for nothing");

	draw(5, 3, 0);
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, N, 5, &found) == ML_OK, "five classes");
	unit_is_near(found.slope, 3, 0.15, "slope");
	ml_calibrated(&found, scores, 5, p);
	for (int c = 0; c < 5; c++)
		sum += p[c];
	unit_is_near(sum, 1, 1e-12, "probabilities sum to 1");

	/* nothing to learn from */
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 0, 1, &found) == ML_OK &&
			found.slope == 1 && found.offset == 0, "no rows");
	for (uint32_t i = 0; i < N; i++)
		labels[i] = 1;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 1, &found) == ML_OK &&
			found.slope == 1, "one class only");
	memset(scores, 0, sizeof(scores));
	for (uint32_t i = 0; i < N; i++)
		labels[i] = i % 2;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 1, &found) == ML_OK &&
			isfinite(found.slope) && found.slope > 0 && isfinite(found.offset), "equal scores");
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 2, &found) == ML_OK &&
			isfinite(found.slope) && found.slope > 0, "equal scores of many classes");
	for (uint32_t i = 0; i < 100; i++)
		scores[i] = i % 2 ? 1 : -1;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 1, &found) == ML_OK &&
			isfinite(found.slope) && found.slope > 1 && found.loss < 0.1, "separable: %.3g", found.slope);
	for (uint32_t i = 0; i < 100; i++)
		scores[i] = i % 2 ? -1 : 1;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 1, &found) == ML_OK &&
			found.slope == 1, "scores that point the wrong way are not turned round");
	for (uint32_t i = 0; i < 300; i++)
		scores[i] = i % 3 == i / 3 % 3 ? 1e4f : -1e4f;
	for (uint32_t i = 0; i < 100; i++)
		labels[i] = i % 3;
	unit_ok(ml_calibrate(&host.ctx, ml_kernel_select(ML_LEVEL_AUTO), scores, labels, weights, 100, 3, &found) == ML_OK &&
			isfinite(found.slope) && found.slope > 0 && isfinite(found.loss), "huge scores");
	unit_close(&host, "calibration");
	return unit_done();
}
