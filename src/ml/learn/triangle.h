/*-------------------------------------------------------------------------
 *
 * triangle.h
 *	  Lower triangles of symmetric matrices, in rows of tiles of 8 x 8.
 *
 * Eight rows lie together, row-major, as wide as the triangle is at them: row
 * i begins at ml_triangle_row(i) and has 8 (i / 8 + 1) numbers, those behind
 * the diagonal being of no account.  A smaller triangle is the beginning of a
 * larger one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRIANGLE_H
#define ML_TRIANGLE_H

#include "base/mem.h"
#include "kernel/kernel.h"

/* Panels of 8 columns that n columns take. */
static inline size_t
ml_npanels(size_t n)
{
	return (n + 7) / 8;
}

/* Numbers of a triangle of n rows. */
static inline size_t
ml_triangle_size(size_t n)
{
	return 32 * ml_npanels(n) * (ml_npanels(n) + 1);
}

static inline size_t
ml_triangle_row(size_t i)
{
	size_t		panel = i / 8;

	return 32 * panel * (panel + 1) + i % 8 * 8 * (panel + 1);
}

static inline double
ml_triangle_get(const double *triangle, size_t i, size_t j)
{
	return i >= j ? triangle[ml_triangle_row(i) + j] : triangle[ml_triangle_row(j) + i];
}

/*
 * Means and products about them, while rows are added.  All arrays have
 * 8 npanels numbers, products those of the triangle.
 */
typedef struct ml_moments
{
	size_t		npanels;
	double		weight;			/* sum of the rows' weights */
	double	   *shift;			/* the means are relative to it */
	double	   *mean;
	double	   *low;
	double	   *high;
	double	   *products;
} ml_moments;

/*
 * Add n rows, n < capacity: panel p of them is at panels + 8 p capacity, and
 * has room for one row more, which is used; the panels are overwritten.
 * weights[n] > 0, factors[n + 1] is for scratch.
 */
extern void ml_moments_add(const ml_kernel *kernel, ml_moments *moments, double *panels,
						   size_t capacity, size_t n, const double *weights, double *factors);

#endif							/* ML_TRIANGLE_H */
