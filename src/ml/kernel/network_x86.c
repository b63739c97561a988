/*-------------------------------------------------------------------------
 *
 * network_x86.c
 *	  The loops of networks for AVX2 and AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/real.h"
#include "kernel/network.h"
#include "kernel/smo.h"

#include <string.h>

#if defined(__x86_64__)

#define AVX2	__attribute__((target("avx2,fma,bmi,bmi2,lzcnt,popcnt")))
#define AVX512	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,lzcnt,popcnt")))

/* ---- Parts of vectors ---- */

/* -1 in the first n lanes */
AVX2 static inline __m256i
first_lanes(size_t n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int) n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

AVX2 static inline lanes8
avx2_load_part(const float *x, size_t n)
{
	return (lanes8) _mm256_maskload_ps(x, first_lanes(n));
}

AVX2 static inline void
avx2_store_part(float *to, lanes8 x, size_t n)
{
	_mm256_maskstore_ps(to, first_lanes(n), (__m256) x);
}

AVX512 static inline lanes16
avx512_load_part(const float *x, size_t n)
{
	return (lanes16) _mm512_maskz_loadu_ps((__mmask16) _bzhi_u32(0xFFFF, (unsigned) n), x);
}

AVX512 static inline void
avx512_store_part(float *to, lanes16 x, size_t n)
{
	_mm512_mask_storeu_ps(to, (__mmask16) _bzhi_u32(0xFFFF, (unsigned) n), (__m512) x);
}

/* ---- Transposition ---- */

/* Eight rows of eight numbers. */
AVX2 static inline void
transpose8(float *to, int64_t to_row, const float *from, int64_t from_row)
{
	__m256		x[8];
	__m256		t[8];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		x[i] = _mm256_loadu_ps(from + i * from_row);
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		t[2 * i] = _mm256_unpacklo_ps(x[2 * i], x[2 * i + 1]);
		t[2 * i + 1] = _mm256_unpackhi_ps(x[2 * i], x[2 * i + 1]);
	}
#pragma GCC unroll 2
	for (int i = 0; i < 2; i++)
	{
		x[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
		x[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
		x[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
		x[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		_mm256_storeu_ps(to + i * to_row, _mm256_permute2f128_ps(x[i], x[i + 4], 0x20));
		_mm256_storeu_ps(to + (i + 4) * to_row, _mm256_permute2f128_ps(x[i], x[i + 4], 0x31));
	}
}

/*
 * In blocks of 16 x 16, whose cache lines are read and written whole: rows that
 * lie a power of two apart would not stay in the cache until the next block.
 */
AVX2 static void
avx2_transpose(float *to, int64_t to_row, const float *from, int64_t from_row, size_t rows, size_t columns)
{
	size_t		whole_rows = rows & ~(size_t) 15;
	size_t		whole_columns = columns & ~(size_t) 15;

	for (size_t c = 0; c < whole_columns; c += 16)
		for (size_t r = 0; r < whole_rows; r += 16)
			for (int i = 0; i < 4; i++)
			{
				int64_t		at_c = (int64_t) c + i / 2 * 8;
				int64_t		at_r = (int64_t) r + i % 2 * 8;

				transpose8(to + at_c * to_row + at_r, to_row, from + at_r * from_row + at_c, from_row);
			}
	for (size_t r = 0; r < rows; r++)
		for (size_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
			to[(int64_t) c * to_row + (int64_t) r] = from[(int64_t) r * from_row + (int64_t) c];
}

#define avx512_transpose avx2_transpose

/* ---- The rest ---- */

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		AVX2
#define LANES_N				8
#define LANES_SPLAT(x)		_mm256_set1_ps(x)
#define LANES_FMA(a, b, c)	((floats) _mm256_fmadd_ps((__m256) (a), (__m256) (b), (__m256) (c)))
#define LANES_PAIRS(a, b, c) LANES_FMA(LOW(a), LOW(b), LANES_FMA(HIGH(a), HIGH(b), c))
#define LANES_SQRT(a)		((floats) _mm256_sqrt_ps((__m256) (a)))
#define LANES_MIN(a, b)		((floats) _mm256_min_ps((__m256) (a), (__m256) (b)))
#define LANES_MAX(a, b)		((floats) _mm256_max_ps((__m256) (a), (__m256) (b)))
#define TILE_HEIGHT			6
#include "kernel/network_lanes.h"

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		AVX512
#define LANES_N				16
#define LANES_SPLAT(x)		_mm512_set1_ps(x)
#define LANES_FMA(a, b, c)	((floats) _mm512_fmadd_ps((__m512) (a), (__m512) (b), (__m512) (c)))
#define LANES_PAIRS(a, b, c) LANES_FMA(LOW(a), LOW(b), LANES_FMA(HIGH(a), HIGH(b), c))
#define LANES_SQRT(a)		((floats) _mm512_sqrt_ps((__m512) (a)))
#define LANES_MIN(a, b)		((floats) _mm512_min_ps((__m512) (a), (__m512) (b)))
#define LANES_MAX(a, b)		((floats) _mm512_max_ps((__m512) (a), (__m512) (b)))
#define TILE_HEIGHT			12
#include "kernel/network_lanes.h"

/* Pairs again with the instructions for them, where they are fast (cpu.c). */
#define AVX512_BF16	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16," \
										  "avx2,fma,bmi,bmi2,lzcnt,popcnt")))
/* 32 numbers, the first 16 in the low half; and neighbours of both halves side by side */
#define BOTH(x, y)			((__m512i) _mm512_cvtne2ps_pbh((__m512) (y), (__m512) (x)))
#define avx512_bf16_transpose	avx2_transpose
#define avx512_bf16_load_part avx512_load_part
#define avx512_bf16_store_part avx512_store_part

/* Number i of a vector of 32 goes to 2 i, number 16 + i to 2 i + 1. */
AVX512_BF16 static inline __m512i
pair_order(void)
{
	const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(16)), 16));
}

#define LANES_NAME(name)	avx512_bf16_##name
#define LANES_TARGET		AVX512_BF16
#define LANES_N				16
#define LANES_SPLAT(x)		_mm512_set1_ps(x)
#define LANES_PAIRS(a, b, c) ((floats) _mm512_dpbf16_ps((__m512) (c), (__m512bh) (a), (__m512bh) (b)))
#define LANES_PAIR(x, y)	((floats) _mm512_permutexvar_epi16(pair_order(), BOTH(x, y)))
#define LANES_BOTH(x, y)	((floats) BOTH(x, y))
#define LANES_HALVES(x)		((hlanes) _mm512_cvtneps_pbh((__m512) (x)))
#define TILE_HEIGHT			12
#define LANES_DOT
#include "kernel/network_lanes.h"

NETWORK_TABLE(avx2, avx2, avx2);
NETWORK_TABLE(avx512, avx512, avx512);
NETWORK_TABLE(avx512_bf16, avx512, avx512_bf16);

#endif
