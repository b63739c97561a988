/*-------------------------------------------------------------------------
 *
 * window_avx2.c
 *	  Loops over windows for AVX2, in float and double.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/window.h"

#include <string.h>

#define WINDOW_TARGET		__attribute__((target("avx2")))

/* ---- combine in float: the sums of a few vectors of a row stay in registers ---- */

#define COMBINE_TARGET	__attribute__((target("avx2,fma")))
#define COMBINE_UNROLL	_Pragma("GCC unroll 16")

/* The first n of 8 floats exist; n may be anything. */
COMBINE_TARGET static inline __m256i
combine_mask(ptrdiff_t n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int) ML_MAX(ML_MIN(n, 8), 0)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* "count" vectors of a row, of which "columns" floats exist; sums[ways x count] */
COMBINE_TARGET static inline __attribute__((always_inline)) void
combine_row(float *y, const float *x, size_t columns, const int32_t *at, const float *factors, size_t n,
			const int count, const int ways)
{
	__m256		sums[16];
	__m256i		last = combine_mask((ptrdiff_t) columns - (count - 1) * 8);
	size_t		i = 0;

	COMBINE_UNROLL
	for (int k = 0; k < count * ways; k++)
		sums[k] = _mm256_setzero_ps();
	while (i < n)
	{
		const int	turns = i + ways <= n ? ways : 1;

		COMBINE_UNROLL
		for (int w = 0; w < ways; w++)
			if (w < turns)
			{
				__m256		factor = _mm256_set1_ps(factors[i + w]);

				COMBINE_UNROLL
				for (int v = 0; v < count; v++)
				{
					const float *from = x + at[i + w] + v * 8;
					__m256		value = v == count - 1 ? _mm256_maskload_ps(from, last) : _mm256_loadu_ps(from);

					sums[w * count + v] = _mm256_fmadd_ps(factor, value, sums[w * count + v]);
				}
			}
		i += turns;
	}
	COMBINE_UNROLL
	for (int k = count; k < count * ways; k++)
		sums[k % count] = _mm256_add_ps(sums[k % count], sums[k]);
	COMBINE_UNROLL
	for (int v = 0; v < count; v++)
	{
		__m256i		mask = v == count - 1 ? last : _mm256_set1_epi32(-1);

		_mm256_maskstore_ps(y + v * 8, mask, _mm256_add_ps(_mm256_maskload_ps(y + v * 8, mask), sums[v]));
	}
}

/* A row of a block, whose sums take "ways" turns, in pieces of up to eight registers. */
COMBINE_TARGET static inline __attribute__((always_inline)) void
combine_ways(float *y, const float *x, size_t columns, const int32_t *at, const float *factors, size_t n,
			 const int ways)
{
	const int	most = 8 / ways;

	while (columns >= (size_t) most * 8)
	{
		combine_row(y, x, (size_t) most * 8, at, factors, n, most, ways);
		y += most * 8;
		x += most * 8;
		columns -= (size_t) most * 8;
	}
	for (; columns > 0; columns -= ML_MIN(columns, 8), y += 8, x += 8)
		combine_row(y, x, ML_MIN(columns, 8), at, factors, n, 1, ways);
}

#define COMBINE_WAYS(ways) \
COMBINE_TARGET static void \
combine_##ways(float *y, const float *x, size_t columns, const int32_t *at, const float *factors, size_t n) \
{ \
	combine_ways(y, x, columns, at, factors, n, ways); \
}

COMBINE_WAYS(1)
COMBINE_WAYS(2)
COMBINE_WAYS(4)

static void
avx2_combine(void *y_, int64_t y_row, const void *x_, int64_t x_row, size_t rows, size_t columns,
			 const int32_t *at, const void *factors, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		for (size_t j = 0; j < columns; j += ML_COMBINE_COLUMNS)
		{
			size_t		height = ML_MIN(rows - r / ML_COMBINE_ROWS * ML_COMBINE_ROWS, ML_COMBINE_ROWS);
			size_t		width = ML_MIN(columns - j, ML_COMBINE_COLUMNS);
			float	   *y = (float *) y_ + (int64_t) r * y_row + j;
			const float *x = (const float *) x_ + (int64_t) r * x_row + j;

			switch (ML_COMBINE_WAYS(height, (width + 15) / 16))
			{
				case 1:
					combine_1(y, x, width, at, factors, n);
					break;
				case 2:
					combine_2(y, x, width, at, factors, n);
					break;
				default:
					combine_4(y, x, width, at, factors, n);
			}
		}
}

/* ---- all the others ---- */

#define REAL				float
#define INDEX				int32_t
#define WINDOW_NAME(name)	f32_##name
#define WINDOW_TABLE		ml_avx2_window_f32
#define WINDOW_COMBINE		avx2_combine
#include "kernel/window_loops.h"

#define REAL				double
#define INDEX				int64_t
#define WINDOW_NAME(name)	f64_##name
#define WINDOW_TABLE		ml_avx2_window_f64
#include "kernel/window_loops.h"

#endif
