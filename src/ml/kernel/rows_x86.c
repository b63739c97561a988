/*-------------------------------------------------------------------------
 *
 * rows_x86.c
 *	  The kernels over training rows for AVX2 and AVX-512, where a feature has
 *	  a row of weights: sixteen of them are one cache line.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/ref.h"

#if defined(__x86_64__)

#define AVX2	__attribute__((target("avx2,fma,bmi,bmi2,popcnt")))
#define AVX512	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))

#define KEY(word)	((word) & 0xFFFFFF)
#define COUNT(word)	((word) >> 24)

/* Value of a word in an update: tf, times idf squared. */
static inline float
update_value(uint32_t word, const float *tf, const float *idf)
{
	float		value = tf[COUNT(word)];

	return idf == NULL ? value : value * (idf[KEY(word)] * idf[KEY(word)]);
}

AVX2 static void
avx2_dot4(float *sums, const float *u, const uint32_t *words, size_t n, const float *tf)
{
	__m128		sum = _mm_setzero_ps();

	for (size_t i = 0; i < n; i++)
		sum = _mm_fmadd_ps(_mm_set1_ps(tf[COUNT(words[i])]),
						   _mm_loadu_ps(u + (size_t) KEY(words[i]) * 4), sum);
	_mm_storeu_ps(sums, sum);
}

/* Eight columns of rows that are "width" apart. */
AVX2 static void
avx2_dot8(float *sums, const float *u, size_t width, const uint32_t *words, size_t n,
		  const float *tf)
{
	__m256		sum = _mm256_setzero_ps();

	for (size_t i = 0; i < n; i++)
		sum = _mm256_fmadd_ps(_mm256_set1_ps(tf[COUNT(words[i])]),
							  _mm256_loadu_ps(u + (size_t) KEY(words[i]) * width), sum);
	_mm256_storeu_ps(sums, sum);
}

AVX2 static void
avx2_dot16(float *sums, const float *u, size_t width, const uint32_t *words, size_t n,
		   const float *tf)
{
	__m256		low = _mm256_setzero_ps();
	__m256		high = _mm256_setzero_ps();

	for (size_t i = 0; i < n; i++)
	{
		const float *row = u + (size_t) KEY(words[i]) * width;
		__m256		value = _mm256_set1_ps(tf[COUNT(words[i])]);

		low = _mm256_fmadd_ps(value, _mm256_loadu_ps(row), low);
		high = _mm256_fmadd_ps(value, _mm256_loadu_ps(row + 8), high);
	}
	_mm256_storeu_ps(sums, low);
	_mm256_storeu_ps(sums + 8, high);
}

AVX2 void
ml_avx2_row_dot_wide(float *sums, const float *u, size_t width, const uint32_t *words, size_t n,
					 const float *tf)
{
	size_t		c = 0;

	if (width == 4)
	{
		avx2_dot4(sums, u, words, n, tf);
		return;
	}
	for (; c + 16 <= width; c += 16)
		avx2_dot16(sums + c, u + c, width, words, n, tf);
	if (c < width)
		avx2_dot8(sums + c, u + c, width, words, n, tf);
}

AVX2 void
ml_avx2_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n, const float *tf,
					 const float *idf, const float *scales)
{
	for (size_t i = 0; i < n; i++)
	{
		float	   *row = u + (size_t) KEY(words[i]) * width;
		float		value = update_value(words[i], tf, idf);

		if (width == 4)
		{
			_mm_storeu_ps(row, _mm_fmadd_ps(_mm_set1_ps(value), _mm_loadu_ps(scales),
											_mm_loadu_ps(row)));
			continue;
		}
		for (size_t c = 0; c < width; c += 8)
			_mm256_storeu_ps(row + c, _mm256_fmadd_ps(_mm256_set1_ps(value),
													  _mm256_loadu_ps(scales + c),
													  _mm256_loadu_ps(row + c)));
	}
}

/* As the reference, with a popcnt that is one instruction. */
AVX2 size_t
ml_avx2_row_map(uint32_t *words, size_t n, const uint64_t *bits, const uint32_t *ranks,
				uint32_t *df)
{
	size_t		kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bucket = KEY(words[i]);
		uint64_t	word = bits[bucket >> 6];
		uint32_t	id;

		if ((word >> (bucket & 63) & 1) == 0)
			continue;
		id = ranks[bucket >> 6] +
			(uint32_t) _mm_popcnt_u64(_bzhi_u64(word, bucket & 63));
		words[kept++] = (words[i] & ~UINT32_C(0xFFFFFF)) | id;
		df[id]++;
	}
	return kept;
}

/* Two sums, since one addition can't start before the one before it is done. */
AVX512 static void
avx512_dot16(float *sums, const float *u, size_t width, const uint32_t *words, size_t n,
			 const float *tf)
{
	__m512		even = _mm512_setzero_ps();
	__m512		odd = _mm512_setzero_ps();
	size_t		i = 0;

	for (; i + 2 <= n; i += 2)
	{
		even = _mm512_fmadd_ps(_mm512_set1_ps(tf[COUNT(words[i])]),
							   _mm512_loadu_ps(u + (size_t) KEY(words[i]) * width), even);
		odd = _mm512_fmadd_ps(_mm512_set1_ps(tf[COUNT(words[i + 1])]),
							  _mm512_loadu_ps(u + (size_t) KEY(words[i + 1]) * width), odd);
	}
	if (i < n)
		even = _mm512_fmadd_ps(_mm512_set1_ps(tf[COUNT(words[i])]),
							   _mm512_loadu_ps(u + (size_t) KEY(words[i]) * width), even);
	_mm512_storeu_ps(sums, _mm512_add_ps(even, odd));
}

AVX512 void
ml_avx512_row_dot_wide(float *sums, const float *u, size_t width, const uint32_t *words,
					   size_t n, const float *tf)
{
	if (width % 16 != 0)
	{
		ml_avx2_row_dot_wide(sums, u, width, words, n, tf);
		return;
	}
	for (size_t c = 0; c < width; c += 16)
		avx512_dot16(sums + c, u + c, width, words, n, tf);
}

AVX512 void
ml_avx512_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n, const float *tf,
					   const float *idf, const float *scales)
{
	if (width % 16 != 0)
	{
		ml_avx2_row_add_wide(u, width, words, n, tf, idf, scales);
		return;
	}
	for (size_t c = 0; c < width; c += 16)
	{
		__m512		scale = _mm512_loadu_ps(scales + c);

		for (size_t i = 0; i < n; i++)
		{
			float	   *row = u + (size_t) KEY(words[i]) * width + c;
			float		value = update_value(words[i], tf, idf);

			_mm512_storeu_ps(row, _mm512_fmadd_ps(_mm512_set1_ps(value), scale,
												  _mm512_loadu_ps(row)));
		}
	}
}

#endif
