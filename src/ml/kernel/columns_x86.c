/*-------------------------------------------------------------------------
 *
 * columns_x86.c
 *	  The loops over columns of a table for AVX2 and AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/glm.h"

#if defined(__x86_64__)

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		__attribute__((target("avx2")))
#define LANES_N				4
#include "kernel/columns_lanes.h"

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#define LANES_N				8
#include "kernel/columns_lanes.h"

/* Four rows and columns at a time: most tables have few columns. */
__attribute__((target("avx2"))) static bool
avx2_spread(double *to, size_t stride, const double *rows, size_t width, size_t ncolumns, size_t nrows, double most)
{
	size_t		columns = ncolumns / 4 * 4;
	size_t		n = nrows / 4 * 4;
	ml_doubles4 limit = (ml_doubles4) {0} + most;
	ml_longs4	large = {0};

	for (size_t k = 0; k < columns; k += 4)
		for (size_t r = 0; r < n; r += 4)
		{
			const double *from = rows + r * width + k;
			double	   *out = to + k * stride + r;
			ml_doubles4 a = *(const ml_doubles4 *) from;
			ml_doubles4 b = *(const ml_doubles4 *) (from + width);
			ml_doubles4 c = *(const ml_doubles4 *) (from + 2 * width);
			ml_doubles4 d = *(const ml_doubles4 *) (from + 3 * width);
			__m256d		ab = _mm256_unpacklo_pd((__m256d) a, (__m256d) b);
			__m256d		ba = _mm256_unpackhi_pd((__m256d) a, (__m256d) b);
			__m256d		cd = _mm256_unpacklo_pd((__m256d) c, (__m256d) d);
			__m256d		dc = _mm256_unpackhi_pd((__m256d) c, (__m256d) d);

			large |= (ml_doubles4) ((ml_longs4) a & INT64_MAX) > limit;
			large |= (ml_doubles4) ((ml_longs4) b & INT64_MAX) > limit;
			large |= (ml_doubles4) ((ml_longs4) c & INT64_MAX) > limit;
			large |= (ml_doubles4) ((ml_longs4) d & INT64_MAX) > limit;
			_mm256_storeu_pd(out, _mm256_permute2f128_pd(ab, cd, 0x20));
			_mm256_storeu_pd(out + stride, _mm256_permute2f128_pd(ba, dc, 0x20));
			_mm256_storeu_pd(out + 2 * stride, _mm256_permute2f128_pd(ab, cd, 0x31));
			_mm256_storeu_pd(out + 3 * stride, _mm256_permute2f128_pd(ba, dc, 0x31));
		}
	return ((large[0] | large[1]) | (large[2] | large[3])) == 0 &&
		ml_ref_spread(to + n, stride, rows + n * width, width, columns, nrows - n, most) &&
		ml_ref_spread(to + columns * stride, stride, rows + columns, width, ncolumns - columns, nrows, most);
}

const ml_column_kernel ml_avx2_column = {avx2_summarize, avx2_scale, avx2_spread};
const ml_column_kernel ml_avx512_column = {avx512_summarize, avx512_scale, avx2_spread};

#endif
