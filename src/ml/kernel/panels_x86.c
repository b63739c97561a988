/*-------------------------------------------------------------------------
 *
 * panels_x86.c
 *	  Products of columns for AVX2 and AVX-512 (kernel.h).
 *
 * The sums of a tile stay in registers along the rows: with AVX-512 8 x 24 of
 * them in 24 registers, which take 24 multiply-adds for 3 loads and 8
 * broadcasts; with AVX2 4 x 8 in 8 registers.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/ref.h"

#define AVX2 __attribute__((target("avx2,fma,bmi,bmi2,lzcnt,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni," \
									 "avx2,fma,bmi,bmi2,lzcnt,popcnt")))

/* ---- AVX2 ---- */

/* Rows first .. first + 3 of a tile. */
AVX2 static void
half_tile(double *c, size_t ld, const double *a, const double *b, size_t n)
{
	__m256d		sums[4][2];

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		sums[i][0] = sums[i][1] = _mm256_setzero_pd();
	for (size_t r = 0; r < n; r++)
	{
		__m256d		x0 = _mm256_loadu_pd(b + 8 * r);
		__m256d		x1 = _mm256_loadu_pd(b + 8 * r + 4);

#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
		{
			__m256d		y = _mm256_broadcast_sd(a + 8 * r + i);

			sums[i][0] = _mm256_fmadd_pd(y, x0, sums[i][0]);
			sums[i][1] = _mm256_fmadd_pd(y, x1, sums[i][1]);
		}
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		double	   *to = c + i * ld;

		_mm256_storeu_pd(to, _mm256_add_pd(_mm256_loadu_pd(to), sums[i][0]));
		_mm256_storeu_pd(to + 4, _mm256_add_pd(_mm256_loadu_pd(to + 4), sums[i][1]));
	}
}

AVX2 void
ml_avx2_products(double *const *c, size_t ld, const double *a, const double *const *b, size_t nb,
				 size_t n)
{
	for (size_t p = 0; p < nb; p++)
	{
		half_tile(c[p], ld, a, b[p], n);
		half_tile(c[p] + 4 * ld, ld, a + 4, b[p], n);
	}
}

AVX2 void
ml_avx2_panel_sums(double *sums, double *low, double *high, const double *panel,
				   const double *shift, const double *weights, size_t n)
{
	for (int half = 0; half < 8; half += 4)
	{
		__m256d		s = _mm256_loadu_pd(sums + half);
		__m256d		l = _mm256_loadu_pd(low + half);
		__m256d		h = _mm256_loadu_pd(high + half);
		__m256d		origin = _mm256_loadu_pd(shift + half);

		for (size_t r = 0; r < n; r++)
		{
			__m256d		x = _mm256_loadu_pd(panel + 8 * r + half);

			s = _mm256_fmadd_pd(_mm256_broadcast_sd(weights + r), _mm256_sub_pd(x, origin), s);
			l = _mm256_min_pd(l, x);
			h = _mm256_max_pd(h, x);
		}
		_mm256_storeu_pd(sums + half, s);
		_mm256_storeu_pd(low + half, l);
		_mm256_storeu_pd(high + half, h);
	}
}

AVX2 void
ml_avx2_panel_center(double *panel, const double *shift, const double *mean,
					 const double *factors, size_t n)
{
	for (int half = 0; half < 8; half += 4)
	{
		__m256d		origin = _mm256_loadu_pd(shift + half);
		__m256d		m = _mm256_loadu_pd(mean + half);

		for (size_t r = 0; r < n; r++)
		{
			double	   *at = panel + 8 * r + half;
			__m256d		x = _mm256_sub_pd(_mm256_sub_pd(_mm256_loadu_pd(at), origin), m);

			_mm256_storeu_pd(at, _mm256_mul_pd(x, _mm256_broadcast_sd(factors + r)));
		}
	}
}

/* Four values of column i, shifted; zero when there is none. */
AVX2 static inline __m256d
column4(const double *from, size_t stride, size_t ncolumns, const double *shift, size_t i)
{
	if (i >= ncolumns)
		return _mm256_setzero_pd();
	return _mm256_sub_pd(_mm256_loadu_pd(from + i * stride), _mm256_broadcast_sd(shift + i));
}

/* Four of the panel's columns, four rows at a time. */
AVX2 static void
pack_half(double *panel, const double *columns, size_t stride, size_t ncolumns,
		  const double *shift, size_t n)
{
	for (size_t r = 0; r < n; r += 4)
	{
		__m256d		x0 = column4(columns + r, stride, ncolumns, shift, 0);
		__m256d		x1 = column4(columns + r, stride, ncolumns, shift, 1);
		__m256d		x2 = column4(columns + r, stride, ncolumns, shift, 2);
		__m256d		x3 = column4(columns + r, stride, ncolumns, shift, 3);
		__m256d		t0 = _mm256_unpacklo_pd(x0, x1);
		__m256d		t1 = _mm256_unpackhi_pd(x0, x1);
		__m256d		t2 = _mm256_unpacklo_pd(x2, x3);
		__m256d		t3 = _mm256_unpackhi_pd(x2, x3);

		_mm256_storeu_pd(panel + 8 * r, _mm256_permute2f128_pd(t0, t2, 0x20));
		_mm256_storeu_pd(panel + 8 * r + 8, _mm256_permute2f128_pd(t1, t3, 0x20));
		_mm256_storeu_pd(panel + 8 * r + 16, _mm256_permute2f128_pd(t0, t2, 0x31));
		_mm256_storeu_pd(panel + 8 * r + 24, _mm256_permute2f128_pd(t1, t3, 0x31));
	}
}

AVX2 void
ml_avx2_panel_pack(double *panel, const double *columns, size_t stride, size_t ncolumns,
				   const double *shift, size_t n)
{
	pack_half(panel, columns, stride, ML_MIN(ncolumns, 4), shift, n);
	if (ncolumns > 4)
		pack_half(panel + 4, columns + 4 * stride, stride, ncolumns - 4, shift + 4, n);
	else
		pack_half(panel + 4, columns, stride, 0, shift, n);
}

AVX2 void
ml_avx2_panel_add(double *to, const double *panels, size_t stride, size_t npanels, double weight)
{
	__m256d		w = _mm256_set1_pd(weight);

	for (size_t p = 0; p < npanels; p++)
		for (int half = 0; half < 8; half += 4)
		{
			double	   *at = to + 8 * p + half;
			__m256d		x = _mm256_loadu_pd(panels + p * stride + half);

			_mm256_storeu_pd(at, _mm256_fmadd_pd(w, x, _mm256_loadu_pd(at)));
		}
}

/* ---- AVX-512 ---- */

/* For a constant nb: the compiler makes registers of the sums. */
AVX512 static inline __attribute__((always_inline)) void
tiles(double *const *c, size_t ld, const double *a, const double *const *b, const int nb, size_t n)
{
	const double *b0 = b[0];
	const double *b1 = b[nb > 1 ? 1 : 0];
	const double *b2 = b[nb > 2 ? 2 : 0];
	__m512d		sums[8][3];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		sums[i][0] = sums[i][1] = sums[i][2] = _mm512_setzero_pd();
	for (size_t r = 0; r < n; r++)
	{
		__m512d		x0 = _mm512_loadu_pd(b0 + 8 * r);
		__m512d		x1 = _mm512_loadu_pd(b1 + 8 * r);
		__m512d		x2 = _mm512_loadu_pd(b2 + 8 * r);

#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
		{
			__m512d		y = _mm512_set1_pd(a[8 * r + i]);

			sums[i][0] = _mm512_fmadd_pd(y, x0, sums[i][0]);
			if (nb > 1)
				sums[i][1] = _mm512_fmadd_pd(y, x1, sums[i][1]);
			if (nb > 2)
				sums[i][2] = _mm512_fmadd_pd(y, x2, sums[i][2]);
		}
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
#pragma GCC unroll 3
		for (int p = 0; p < nb; p++)
		{
			double	   *to = c[p] + i * ld;

			_mm512_storeu_pd(to, _mm512_add_pd(_mm512_loadu_pd(to), sums[i][p]));
		}
}

AVX512 void
ml_avx512_products(double *const *c, size_t ld, const double *a, const double *const *b,
				   size_t nb, size_t n)
{
	if (nb == 3)
		tiles(c, ld, a, b, 3, n);
	else if (nb == 2)
		tiles(c, ld, a, b, 2, n);
	else
		tiles(c, ld, a, b, 1, n);
}

/* Sums in four parts: one would wait for itself. */
AVX512 void
ml_avx512_panel_sums(double *sums, double *low, double *high, const double *panel,
					 const double *shift, const double *weights, size_t n)
{
	__m512d		origin = _mm512_loadu_pd(shift);
	__m512d		s[4];
	__m512d		l[4];
	__m512d		h[4];
	size_t		r = 0;

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		s[i] = _mm512_setzero_pd();
		l[i] = _mm512_loadu_pd(low);
		h[i] = _mm512_loadu_pd(high);
	}
	for (; r + 4 <= n; r += 4)
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
		{
			__m512d		x = _mm512_loadu_pd(panel + 8 * (r + i));

			s[i] = _mm512_fmadd_pd(_mm512_set1_pd(weights[r + i]), _mm512_sub_pd(x, origin), s[i]);
			l[i] = _mm512_min_pd(l[i], x);
			h[i] = _mm512_max_pd(h[i], x);
		}
	for (; r < n; r++)
	{
		__m512d		x = _mm512_loadu_pd(panel + 8 * r);

		s[0] = _mm512_fmadd_pd(_mm512_set1_pd(weights[r]), _mm512_sub_pd(x, origin), s[0]);
		l[0] = _mm512_min_pd(l[0], x);
		h[0] = _mm512_max_pd(h[0], x);
	}
	s[0] = _mm512_add_pd(_mm512_add_pd(s[0], s[1]), _mm512_add_pd(s[2], s[3]));
	l[0] = _mm512_min_pd(_mm512_min_pd(l[0], l[1]), _mm512_min_pd(l[2], l[3]));
	h[0] = _mm512_max_pd(_mm512_max_pd(h[0], h[1]), _mm512_max_pd(h[2], h[3]));
	_mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), s[0]));
	_mm512_storeu_pd(low, l[0]);
	_mm512_storeu_pd(high, h[0]);
}

AVX512 void
ml_avx512_panel_center(double *panel, const double *shift, const double *mean,
					   const double *factors, size_t n)
{
	__m512d		origin = _mm512_loadu_pd(shift);
	__m512d		m = _mm512_loadu_pd(mean);

	for (size_t r = 0; r < n; r++)
	{
		__m512d		x = _mm512_sub_pd(_mm512_loadu_pd(panel + 8 * r), origin);

		x = _mm512_mul_pd(_mm512_sub_pd(x, m), _mm512_set1_pd(factors[r]));
		_mm512_storeu_pd(panel + 8 * r, x);
	}
}

AVX512 void
ml_avx512_panel_add(double *to, const double *panels, size_t stride, size_t npanels, double weight)
{
	__m512d		w = _mm512_set1_pd(weight);

	for (size_t p = 0; p < npanels; p++)
	{
		__m512d		x = _mm512_loadu_pd(panels + p * stride);

		_mm512_storeu_pd(to + 8 * p, _mm512_fmadd_pd(w, x, _mm512_loadu_pd(to + 8 * p)));
	}
}

#endif
