/*-------------------------------------------------------------------------
 *
 * x86_avx2.c
 *	  The kernels for AVX2 and BMI2 (Haswell, Zen, and later).
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "kernel/ref.h"

#define AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))

/* Low halves of the 32-bit lanes times weight: one multiply-add, no mullo. */
AVX2 void
ml_avx2_accumulate_i8(int32_t *sums, const int8_t *row, int32_t weight, size_t n)
{
	__m256i		w = _mm256_set1_epi32(weight);
	size_t		c = 0;

	for (; c + 8 <= n; c += 8)
	{
		__m256i		x = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) (row + c)));
		__m256i    *to = (__m256i *) (sums + c);

		_mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to),
												 _mm256_madd_epi16(x, w)));
	}
	for (; c < n; c++)
		sums[c] += weight * row[c];
}

/* As the reference, with a popcnt that is one instruction. */
AVX2 size_t
ml_avx2_bucket_map(uint32_t *keys, size_t n, const ml_bit_block *blocks)
{
	size_t		known = 0;

	for (size_t i = 0; i < n; i++)
	{
		const ml_bit_block *block = &blocks[keys[i] >> 6];
		unsigned	at = keys[i] & 63;

		keys[known] = block->rank + (uint32_t) _mm_popcnt_u64(_bzhi_u64(block->bits, at));
		known += (block->bits >> at) & 1;
	}
	return known;
}

/* Bytes >= 0x80 are negative in signed comparisons, hence never between. */
AVX2 static inline __m256i
between(__m256i x, char first, char last)
{
	return _mm256_and_si256(_mm256_cmpgt_epi8(x, _mm256_set1_epi8((char) (first - 1))),
							_mm256_cmpgt_epi8(_mm256_set1_epi8((char) (last + 1)), x));
}

AVX2 static inline __m256i
is(__m256i x, char c)
{
	return _mm256_cmpeq_epi8(x, _mm256_set1_epi8(c));
}

AVX2 static inline uint64_t
bits(__m256i x)
{
	return (uint32_t) _mm256_movemask_epi8(x);
}

/* Fold 32 bytes; their bits are or'ed into the block, shifted. */
AVX2 static inline void
fold32(char *dst, ml_ascii_block *block, const char *src, int shift)
{
	__m256i		x = _mm256_loadu_si256((const __m256i *) src);
	__m256i		case_bit = _mm256_and_si256(between(x, 'A', 'Z'), _mm256_set1_epi8(0x20));
	__m256i		lower = _mm256_or_si256(x, case_bit);
	__m256i		semicolon = is(x, ';');
	__m256i		word = _mm256_or_si256(_mm256_or_si256(between(lower, 'a', 'z'),
													   between(x, '0', '9')), is(x, '_'));
	__m256i		joint = _mm256_or_si256(_mm256_or_si256(is(x, '\''), is(x, '.')),
										_mm256_or_si256(is(x, ','), semicolon));
	__m256i		symbol = _mm256_or_si256(_mm256_or_si256(is(x, '!'), is(x, '?')),
										 between(x, ':', '='));

	_mm256_storeu_si256((__m256i *) dst, lower);
	block->word |= bits(word) << shift;
	block->joint |= bits(joint) << shift;
	block->symbol |= bits(symbol) << shift;
	block->high |= bits(x) << shift;
}

AVX2 static void
fold_ascii(char *dst, ml_ascii_block *blocks, const char *src, size_t size)
{
	size_t		done = 0;

	for (; done + 64 <= size; done += 64)
	{
		ml_ascii_block block = {0};

		fold32(dst + done, &block, src + done, 0);
		fold32(dst + done + 32, &block, src + done + 32, 32);
		blocks[done / 64] = block;
	}
	if (done < size)
	{
		char		last[64] = {0};
		ml_ascii_block block = {0};

		memcpy(last, src + done, size - done);
		fold32(dst + done, &block, last, 0);
		fold32(dst + done + 32, &block, last + 32, 32);
		blocks[done / 64] = block;
	}
}

const ml_kernel ml_kernel_avx2 = {
	.level = ML_LEVEL_AVX2,
	.name = "avx2",
	.accumulate_i8 = ml_avx2_accumulate_i8,
	.row_dot = ml_ref_row_dot,
	.row_dot_wide = ml_avx2_row_dot_wide,
	.row_add = ml_ref_row_add,
	.row_add_wide = ml_avx2_row_add_wide,
	.hinge_step = ml_avx2_hinge_step,
	.row_map = ml_avx2_row_map,
	.bucket_map = ml_avx2_bucket_map,
	.fold_ascii = fold_ascii,
	.products = ml_avx2_products,
	.panel_sums = ml_avx2_panel_sums,
	.panel_center = ml_avx2_panel_center,
	.panel_pack = ml_avx2_panel_pack,
	.panel_add = ml_avx2_panel_add,
	.machine = &ml_avx2_machine,
	.smo = &ml_avx2_smo,
	.glm = &ml_avx2_glm,
	.column = &ml_avx2_column,
	.map = {&ml_avx2_map_f32, &ml_avx2_map_f64},
	.network = &ml_avx2_network,
	.sequence = {&ml_avx2_sequence_f32, &ml_avx2_sequence_f64},
	.window = {&ml_avx2_window_f32, &ml_avx2_window_f64}
};

#endif
