/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Loops over windows of images and sequences: pooling, convolution by channel,
 *	  sums of few rows.  (Convolution over channels is network.h's product.)
 *
 * One text (window_loops.h), for float and double, compiled for each CPU level
 * as the loops of map.h are.  Channels lie side by side, so all loops go over
 * channels inside and over the window outside, in order of rows and columns.
 * All is [exact] but combine, which is for gradients: it may fuse multiply and
 * add.
 *
 * A window: "rows" x "columns" positions, that of row r and column i at
 * x + r * x_row + i * x_column, in elements.  Arrays are void *, of the table's
 * type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_WINDOW_H
#define ML_KERNEL_WINDOW_H

#include "base/tensor.h"
#include "kernel/network.h"

/* Where a window lies, in elements. */
typedef struct ml_patch
{
	int64_t		x_row;
	int64_t		x_column;
	int64_t		rows;
	int64_t		columns;
	/* numbers of its positions: first + r * at_row + i */
	int32_t		first;
	int32_t		at_row;
	bool		wide;			/* numbers are stored as int32_t, else as uint8_t */
} ml_patch;

/*
 * Convolution by channel of n pixels in a row, of one panel: pixel p has its
 * window at x + p * x_step and its result at y + p * y_step; weights [rows *
 * columns][32], of which the first "lanes" are used.
 */
typedef struct ml_depthwise
{
	ml_patch	patch;
	int64_t		x_step;
	int64_t		y_step;
	size_t		n;
	size_t		lanes;
} ml_depthwise;

#define ML_COMBINE_ROWS		3
#define ML_COMBINE_COLUMNS	128

/* Sums that take turns in a block of rows and vectors of 16 columns. */
#define ML_COMBINE_WAYS(rows, vectors) ((rows) * (vectors) <= 3 ? 4 : (rows) * (vectors) <= 8 ? 2 : 1)

struct ml_window_kernel
{
	/*
	 * y[c] = the maximum over the window of x[.. + c], c < channels; at[c]: the
	 * number of the first position that has it (at NULL: not asked for).  A NaN is
	 * larger than all numbers.
	 */
	void		(*maximum) (void *y, void *at, const void *x, const ml_patch *patch, size_t channels);
	/* dx at position at[c] += g[c] */
	void		(*maximum_back) (void *dx, const void *g, const void *at, const ml_patch *patch,
								 size_t channels);

	/* y[c] = factor * the sum over the window */
	void		(*sum) (void *y, const void *x, const ml_patch *patch, double factor, size_t channels);
	/* dx everywhere in the window += factor * g[c] */
	void		(*sum_back) (void *dx, const void *g, const ml_patch *patch, double factor, size_t channels);

	/* y[l] = bias[l] (NULL: 0) + the sum over the window of x[l] * weights[position][l] */
	void		(*depthwise) (void *y, const void *x, const void *weights, const void *bias,
							  const ml_depthwise *d);
	/* dx in the windows += g * weights */
	void		(*depthwise_input) (void *dx, const void *g, const void *weights, const ml_depthwise *d);
	/* dweights += the sum over pixels of x * g */
	void		(*depthwise_weights) (void *dweights, const void *x, const void *g, const ml_depthwise *d);

	/*
	 * y[r * y_row + j] += sum over i < n of factors[i] * x[at[i] + r * x_row + j],
	 * r < rows, j < columns.  It is summed up in blocks of 3 rows and 128 columns,
	 * in the order of i, but for narrow blocks, where ML_COMBINE_WAYS sums take
	 * turns and are added up: the same at all levels that fuse.
	 */
	void		(*combine) (void *y, int64_t y_row, const void *x, int64_t x_row, size_t rows,
							size_t columns, const int32_t *at, const void *factors, size_t n);
};

/* The loops for that type: F32 or F64. */
static inline const ml_window_kernel *
ml_window_of(const ml_kernel *kernel, ml_dtype dtype)
{
	return kernel->window[dtype == ML_F64];
}

extern const ml_window_kernel ml_ref_window_f32;
extern const ml_window_kernel ml_ref_window_f64;
#if defined(__x86_64__)
extern const ml_window_kernel ml_avx2_window_f32;
extern const ml_window_kernel ml_avx2_window_f64;
extern const ml_window_kernel ml_avx512_window_f32;
extern const ml_window_kernel ml_avx512_window_f64;
#endif

#endif							/* ML_KERNEL_WINDOW_H */
