/*-------------------------------------------------------------------------
 *
 * machine.h
 *	  Scores of kernel machines: support vectors in panels, a few rows at a
 *	  time.
 *
 *	  score_c(x) = bias_c + sum_v coefficient_c,v K(v, x)
 *
 * A panel is 16 vectors, feature by feature: [width][16].  The kernel is
 * computed in floats, sums over vectors in 16 doubles, one for each lane of a
 * panel, which are added in one order: the same bits at every CPU level,
 * whatever rows come together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MACHINE_H
#define ML_MACHINE_H

#include "learn/learner.h"

/* Arrays are borrowed. */
typedef struct ml_panels
{
	ml_machine_kind kind;
	float		gamma;
	float		coef0;
	int			degree;
	uint32_t	nvectors;
	uint32_t	npanels;		/* ceil(nvectors / 16) */
	uint32_t	width;
	uint32_t	nscores;
	const float *vectors;		/* [npanels][width][16] */
	const float *coefficients;	/* [nscores][npanels * 16], 0 behind nvectors */
} ml_panels;

static inline uint32_t
ml_panels_of(uint32_t nvectors)
{
	return (nvectors + ML_MACHINE_LANES - 1) / ML_MACHINE_LANES;
}

/* floats of the two arrays; saturates */
extern size_t ml_panels_vectors(uint32_t nvectors, uint32_t width);
extern size_t ml_panels_coefficients(uint32_t nvectors, uint32_t nscores);

/* vectors[nvectors][width] and coefficients[nscores][nvectors], as bytes, into zeroed arrays. */
extern ml_status ml_panels_fill(ml_context *ctx, const void *vectors, const void *coefficients,
								uint32_t nvectors, uint32_t width, uint32_t nscores,
								float *panels, float *packed);

/* scores[n][nscores] of rows x[n][width]; bias[nscores]. */
extern ml_status ml_panels_scores(ml_context *ctx, const ml_kernel *kernel, const ml_panels *panels,
								  const double *bias, const float *x, size_t n, double *scores);

/* Pack solution->machine, whose vectors and coefficients are there, in the solution's arena. */
extern ml_status ml_machine_pack(ml_context *ctx, ml_solution *solution);

/* As ml_solution_scores, of a kernel machine. */
extern ml_status ml_machine_scores(ml_context *ctx, const ml_kernel *kernel, const ml_solution *solution,
								   const ml_block *block, uint32_t ncategories, uint32_t ndense,
								   double *scores);

#endif							/* ML_MACHINE_H */
