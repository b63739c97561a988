/*-------------------------------------------------------------------------
 *
 * network_levels.h
 *	  Levels of this machine, and random numbers, for tests of the loops of
 *	  networks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef NETWORK_LEVELS_H
#define NETWORK_LEVELS_H

#include "unit.h"

#include "base/hash.h"
#include "kernel/network.h"

#include <math.h>

static ml_rng rng;

static float
number(void)
{
	return (float) ((double) (int32_t) ml_rng_next(&rng) / 2147483648.0);
}

static size_t
below(size_t n)
{
	return (size_t) (ml_rng_next(&rng) % n);
}

/* Exactly n numbers, so that a sanitizer sees each beyond; random ones. */
static float *
numbers(size_t n)
{
	float	   *result = malloc(n * sizeof(float) + (n == 0));

	if (result == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		result[i] = number();
	return result;
}

/* Levels of this machine, ref first. */
static const ml_kernel *levels[ML_LEVEL_COUNT + 1];
static int	nlevels;

static void
find_levels(void)
{
	static const ml_level all[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};

	for (size_t i = 0; i < ML_LENGTH(all); i++)
		if (all[i] <= ml_kernel_best())
			levels[nlevels++] = ml_kernel_select(all[i]);
#if defined(__x86_64__)
	/* where pairs of bf16 are fast, the table for CPUs where they aren't too */
	if (ml_kernel_best() == ML_LEVEL_AVX512 && levels[nlevels - 1] != &ml_kernel_avx512)
		levels[nlevels++] = &ml_kernel_avx512;
#endif
}

#endif							/* NETWORK_LEVELS_H */
