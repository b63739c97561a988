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

/* Eight lanes; *flags as ml_ref_hinge_step returns them. */
AVX2 static void
avx2_hinge8(ml_hinge_lanes *h, float *alpha, float *scores, size_t at, uint32_t own, float d,
			float inverse, float weight, uint32_t *flags)
{
	const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const __m256 zero = _mm256_setzero_ps();
	__m256i		bit = _mm256_sllv_epi32(_mm256_set1_epi32(1), number);
	__m256i		valid_bits = _mm256_and_si256(_mm256_set1_epi32((int) (h->valid >> at)), bit);
	__m256		valid = _mm256_castsi256_ps(_mm256_cmpeq_epi32(valid_bits, bit));
	__m256i		is_own = _mm256_cmpeq_epi32(number, _mm256_set1_epi32((int) (own - at)));
	__m256		flip = _mm256_andnot_ps(_mm256_castsi256_ps(is_own), _mm256_set1_ps(-0.0f));
	__m256		a = _mm256_loadu_ps(alpha + at);
	__m256		margin = _mm256_xor_ps(_mm256_loadu_ps(scores + at), flip);
	__m256		slack = _mm256_max_ps(_mm256_sub_ps(_mm256_set1_ps(1), margin), zero);
	__m256		gradient = _mm256_add_ps(_mm256_sub_ps(margin, _mm256_set1_ps(1)),
										 _mm256_mul_ps(a, _mm256_set1_ps(d)));
	__m256		next = _mm256_sub_ps(a, _mm256_mul_ps(gradient, _mm256_set1_ps(inverse)));
	__m256		inside = _mm256_cmp_ps(a, zero, _CMP_GT_OQ);
	__m256		projected = _mm256_and_ps(gradient, _mm256_or_ps(inside,
																 _mm256_cmp_ps(gradient, zero, _CMP_LT_OQ)));
	__m256		awake = _mm256_or_ps(inside, _mm256_cmp_ps(gradient, _mm256_loadu_ps(h->bound + at),
														   _CMP_LE_OQ));
	__m256		step;
	__m256		size;

	next = _mm256_and_ps(_mm256_max_ps(next, zero), valid);
	step = _mm256_sub_ps(next, a);
	size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), step);
	projected = _mm256_and_ps(projected, valid);
	_mm256_storeu_ps(h->highest + at, _mm256_max_ps(projected, _mm256_loadu_ps(h->highest + at)));
	_mm256_storeu_ps(h->lowest + at, _mm256_min_ps(projected, _mm256_loadu_ps(h->lowest + at)));
	_mm256_storeu_ps(h->loss + at, _mm256_fmadd_ps(_mm256_and_ps(_mm256_mul_ps(slack, slack), valid),
												   _mm256_set1_ps(weight),
												   _mm256_loadu_ps(h->loss + at)));
	_mm256_storeu_ps(alpha + at, next);
	_mm256_storeu_ps(scores + at, _mm256_xor_ps(step, flip));
	if (_mm256_movemask_ps(_mm256_and_ps(awake, valid)))
		*flags |= ML_HINGE_AWAKE;
	if (_mm256_movemask_ps(_mm256_cmp_ps(size, _mm256_set1_ps(HINGE_TINY), _CMP_GT_OQ)))
		*flags |= ML_HINGE_MOVED;
}

AVX2 uint32_t
ml_avx2_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width, uint32_t own,
				   float d, float inverse, float weight)
{
	uint32_t	flags = 0;

	if (width < 8)
		return ml_ref_hinge_step(h, alpha, scores, width, own, d, inverse, weight);
	for (size_t at = 0; at < width; at += 8)
		avx2_hinge8(h, alpha, scores, at, own, d, inverse, weight, &flags);
	return flags;
}

AVX512 uint32_t
ml_avx512_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width, uint32_t own,
					 float d, float inverse, float weight)
{
	const __m512 zero = _mm512_setzero_ps();
	__mmask16	valid = (__mmask16) h->valid;
	__mmask16	lanes = (__mmask16) ((1u << width) - 1);
	__mmask16	other = own < ML_HINGE_LANES ? (__mmask16) ~(1u << own) : 0xFFFF;
	__m512		a = _mm512_maskz_loadu_ps(lanes, alpha);
	__m512		score = _mm512_maskz_loadu_ps(lanes, scores);
	__m512		margin = _mm512_mask_sub_ps(score, other, zero, score);
	__m512		slack = _mm512_max_ps(_mm512_sub_ps(_mm512_set1_ps(1), margin), zero);
	__m512		gradient = _mm512_add_ps(_mm512_sub_ps(margin, _mm512_set1_ps(1)),
										 _mm512_mul_ps(a, _mm512_set1_ps(d)));
	__m512		next = _mm512_sub_ps(a, _mm512_mul_ps(gradient, _mm512_set1_ps(inverse)));
	__mmask16	inside = _mm512_cmp_ps_mask(a, zero, _CMP_GT_OQ);
	__mmask16	counts = inside | _mm512_cmp_ps_mask(gradient, zero, _CMP_LT_OQ);
	__mmask16	awake = inside | _mm512_cmp_ps_mask(gradient, _mm512_loadu_ps(h->bound),
													_CMP_LE_OQ);
	__m512		projected = _mm512_maskz_mov_ps(counts & valid, gradient);
	__m512		step;
	__mmask16	moved;

	next = _mm512_maskz_max_ps(valid, next, zero);
	step = _mm512_sub_ps(next, a);
	moved = _mm512_cmp_ps_mask(_mm512_abs_ps(step), _mm512_set1_ps(HINGE_TINY), _CMP_GT_OQ);
	_mm512_storeu_ps(h->highest, _mm512_max_ps(projected, _mm512_loadu_ps(h->highest)));
	_mm512_storeu_ps(h->lowest, _mm512_min_ps(projected, _mm512_loadu_ps(h->lowest)));
	_mm512_storeu_ps(h->loss, _mm512_mask3_fmadd_ps(_mm512_mul_ps(slack, slack),
													_mm512_set1_ps(weight),
													_mm512_loadu_ps(h->loss), valid));
	_mm512_mask_storeu_ps(alpha, lanes, next);
	_mm512_mask_storeu_ps(scores, lanes, _mm512_mask_sub_ps(step, other, zero, step));
	return (moved ? ML_HINGE_MOVED : 0) | (awake & valid ? ML_HINGE_AWAKE : 0);
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
