/*-------------------------------------------------------------------------
 *
 * x86_avx512.c
 *	  The kernels for AVX-512 F, BW, DQ, VL, VNNI (Ice Lake, Zen 4, and later).
 *
 * Rows of a few int8 weights gain nothing from wider vectors, and masked
 * stores don't forward to the loads of the next call (measured on Zen 5: 4.7
 * ns a row where AVX2 takes 2.1): accumulate_i8 is the AVX2 one.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/ref.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni," \
									 "avx2,bmi,bmi2,lzcnt,popcnt")))

AVX512 static inline __mmask64
between(__m512i x, char first, char last)
{
	return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8(first)),
								  _mm512_set1_epi8((char) (last - first)));
}

AVX512 static inline __mmask64
is(__m512i x, char c)
{
	return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c));
}

/* Lanes behind the end are 0, which is nothing of all that blocks tell. */
AVX512 static void
fold_ascii(char *dst, ml_ascii_block *blocks, const char *src, size_t size)
{
	for (size_t done = 0; done < size; done += 64)
	{
		__mmask64	lanes = _bzhi_u64(~UINT64_C(0), (unsigned) ML_MIN(size - done, 64));
		__m512i		x = _mm512_maskz_loadu_epi8(lanes, src + done);
		__mmask64	upper = between(x, 'A', 'Z');
		__m512i		lower = _mm512_mask_add_epi8(x, upper, x, _mm512_set1_epi8(0x20));
		__mmask64	semicolon = is(x, ';');

		_mm512_storeu_si512(dst + done, lower);
		blocks[done / 64] = (ml_ascii_block) {
			.word = between(lower, 'a', 'z') | between(x, '0', '9') | is(x, '_'),
			.joint = is(x, '\'') | is(x, '.') | is(x, ',') | semicolon,
			.symbol = is(x, '!') | is(x, '?') | between(x, ':', '='),
			.high = _mm512_movepi8_mask(x),
		};
	}
}

#define TABLE(network_) { \
	.level = ML_LEVEL_AVX512, \
	.name = "avx512", \
	.accumulate_i8 = ml_avx2_accumulate_i8, \
	.row_dot = ml_ref_row_dot, \
	.row_dot_wide = ml_avx512_row_dot_wide, \
	.row_add = ml_ref_row_add, \
	.row_add_wide = ml_avx512_row_add_wide, \
	.hinge_step = ml_avx512_hinge_step, \
	.row_map = ml_avx2_row_map, \
	.bucket_map = ml_avx2_bucket_map, \
	.fold_ascii = fold_ascii, \
	.products = ml_avx512_products, \
	.panel_sums = ml_avx512_panel_sums, \
	.panel_center = ml_avx512_panel_center, \
	.panel_pack = ml_avx2_panel_pack, \
	.panel_add = ml_avx512_panel_add, \
	.machine = &ml_avx512_machine, \
	.smo = &ml_avx512_smo, \
	.glm = &ml_avx512_glm, \
	.column = &ml_avx512_column, \
	.map = {&ml_avx512_map_f32, &ml_avx512_map_f64}, \
	.sequence = {&ml_avx512_sequence_f32, &ml_avx512_sequence_f64}, \
	.network = network_, \
	.window = {&ml_avx512_window_f32, &ml_avx512_window_f64} \
}

const ml_kernel ml_kernel_avx512 = TABLE(&ml_avx512_network);

/* For CPUs with a fast instruction for pairs of bf16. */
const ml_kernel ml_kernel_avx512_bf16 = TABLE(&ml_avx512_bf16_network);

#endif
