/*-------------------------------------------------------------------------
 *
 * window_avx512.c
 *	  Loops over windows for AVX-512, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/window.h"

#include <string.h>

#if defined(__clang__)
#define WINDOW_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#else
#define WINDOW_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,prefer-vector-width=512")))
#endif

/* ---- combine in float: the sums of up to 3 rows of 8 vectors stay in registers ---- */

#define COMBINE_VECTORS	(ML_COMBINE_COLUMNS / 16)
#define COMBINE_TARGET	__attribute__((target("avx512f")))
#define COMBINE_UNROLL	_Pragma("GCC unroll 24")

typedef void (*combine_block) (float *y, int64_t y_row, const float *x, int64_t x_row, __mmask16 last,
							   const int32_t *at, const float *factors, size_t n);

/* sums[rows x count] += factor * what is at x; "last": which floats of the last vector exist */
COMBINE_TARGET static inline __attribute__((always_inline)) void
combine_term(__m512 *sums, float factor, const float *x, int64_t x_row, __mmask16 last, const int rows,
			 const int count)
{
	__m512		f = _mm512_set1_ps(factor);

	COMBINE_UNROLL
	for (int r = 0; r < rows; r++)
		COMBINE_UNROLL
		for (int v = 0; v < count; v++)
		{
			const float *from = x + r * x_row + v * 16;
			__m512		value = v == count - 1 ? _mm512_maskz_loadu_ps(last, from) : _mm512_loadu_ps(from);

			sums[r * count + v] = _mm512_fmadd_ps(f, value, sums[r * count + v]);
		}
}

/* Sums of few vectors go "ways" ways, so that they don't wait for each other. */
COMBINE_TARGET static inline __attribute__((always_inline)) void
combine_rows(float *y, int64_t y_row, const float *x, int64_t x_row, __mmask16 last, const int32_t *at,
			 const float *factors, size_t n, const int rows, const int count, const int ways)
{
	__m512		sums[24];
	size_t		i = 0;

	COMBINE_UNROLL
	for (int k = 0; k < rows * count * ways; k++)
		sums[k] = _mm512_setzero_ps();
	for (; i + ways <= n; i += ways)
		COMBINE_UNROLL
		for (int w = 0; w < ways; w++)
			combine_term(sums + w * rows * count, factors[i + w], x + at[i + w], x_row, last, rows, count);
	for (; i < n; i++)
		combine_term(sums, factors[i], x + at[i], x_row, last, rows, count);
	COMBINE_UNROLL
	for (int k = rows * count; k < rows * count * ways; k++)
		sums[k % (rows * count)] = _mm512_add_ps(sums[k % (rows * count)], sums[k]);
	COMBINE_UNROLL
	for (int r = 0; r < rows; r++)
		COMBINE_UNROLL
		for (int v = 0; v < count; v++)
		{
			float	   *to = y + r * y_row + v * 16;
			__mmask16	mask = v == count - 1 ? last : 0xffff;

			_mm512_mask_storeu_ps(to, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), sums[r * count + v]));
		}
}

#define COMBINE_BLOCK(rows, count) \
COMBINE_TARGET static void \
combine_##rows##x##count(float *y, int64_t y_row, const float *x, int64_t x_row, __mmask16 last, \
						 const int32_t *at, const float *factors, size_t n) \
{ \
	combine_rows(y, y_row, x, x_row, last, at, factors, n, rows, count, ML_COMBINE_WAYS(rows, count)); \
}

#define COMBINE_BLOCKS(rows) \
COMBINE_BLOCK(rows, 1) \
COMBINE_BLOCK(rows, 2) \
COMBINE_BLOCK(rows, 3) \
COMBINE_BLOCK(rows, 4) \
COMBINE_BLOCK(rows, 5) \
COMBINE_BLOCK(rows, 6) \
COMBINE_BLOCK(rows, 7) \
COMBINE_BLOCK(rows, 8)

COMBINE_BLOCKS(1)
COMBINE_BLOCKS(2)
COMBINE_BLOCKS(3)

#define COMBINE_NAMES(rows) \
	{combine_##rows##x1, combine_##rows##x2, combine_##rows##x3, combine_##rows##x4, \
	combine_##rows##x5, combine_##rows##x6, combine_##rows##x7, combine_##rows##x8}

static const combine_block combine_blocks[ML_COMBINE_ROWS][COMBINE_VECTORS] = {
	COMBINE_NAMES(1), COMBINE_NAMES(2), COMBINE_NAMES(3)
};

static void
avx512_combine(void *y_, int64_t y_row, const void *x_, int64_t x_row, size_t rows, size_t columns,
			   const int32_t *at, const void *factors, size_t n)
{
	for (size_t r = 0; r < rows; r += ML_COMBINE_ROWS)
		for (size_t j = 0; j < columns; j += ML_COMBINE_COLUMNS)
		{
			size_t		height = ML_MIN(rows - r, ML_COMBINE_ROWS);
			size_t		width = ML_MIN(columns - j, ML_COMBINE_COLUMNS);
			size_t		vectors = (width + 15) / 16;
			__mmask16	last = (__mmask16) (0xffff >> (vectors * 16 - width));

			combine_blocks[height - 1][vectors - 1] ((float *) y_ + (int64_t) r * y_row + j, y_row,
													 (const float *) x_ + (int64_t) r * x_row + j, x_row,
													 last, at, factors, n);
		}
}

/* ---- all the others ---- */

#define REAL				float
#define INDEX				int32_t
#define WINDOW_NAME(name)	f32_##name
#define WINDOW_TABLE		ml_avx512_window_f32
#define WINDOW_COMBINE		avx512_combine
#include "kernel/window_loops.h"

#define REAL				double
#define INDEX				int64_t
#define WINDOW_NAME(name)	f64_##name
#define WINDOW_TABLE		ml_avx512_window_f64
#include "kernel/window_loops.h"

#endif
