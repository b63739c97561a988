/*-------------------------------------------------------------------------
 *
 * hash.h
 *	  The engine's 64-bit hash and its seeded random numbers.
 *
 * Both are part of the stored format: features are buckets of ml_hash, and a
 * training is repeatable because its shuffles come from ml_rng.  They never
 * change; a better one gets a new name and a new format version.
 *
 * ml_hash: wyhash-style folded 64x64 -> 128 multiply (public domain design by
 * Wang Yi).  Not for adversaries: whoever can choose the words can make them
 * collide, which costs accuracy of a model of her own, nothing else.
 *
 * ml_rng: splitmix64 seeds xoshiro256** (Blackman and Vigna, 2018).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_HASH_H
#define ML_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ML_HASH_K0 UINT64_C(0x9E3779B97F4A7C15)
#define ML_HASH_K1 UINT64_C(0xA0761D6478BD642F)
#define ML_HASH_K2 UINT64_C(0xE7037ED1A0B428DB)

/* High xor low half of the 128-bit product. */
static inline uint64_t
ml_hash_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t
ml_load64(const void *bytes)
{
	uint64_t	value;

	memcpy(&value, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

/* The last n (0..8) bytes at p as a little-endian number. */
static inline uint64_t
ml_load_tail(const unsigned char *p, size_t n)
{
	uint64_t	value = 0;

	for (size_t i = 0; i < n; i++)
		value |= (uint64_t) p[i] << (8 * i);
	return value;
}

static inline uint64_t
ml_hash(const void *bytes, size_t size, uint64_t seed)
{
	const unsigned char *p = bytes;
	size_t		left = size;
	uint64_t	h = seed ^ ML_HASH_K0;

	for (; left > 8; left -= 8, p += 8)
		h = ml_hash_fold(h ^ ml_load64(p), ML_HASH_K1);
	h = ml_hash_fold(h ^ ml_load_tail(p, left), ML_HASH_K2);
	return ml_hash_fold(h ^ size, ML_HASH_K1);
}

/* Hash of a sequence from the hash of its beginning and of its next part. */
static inline uint64_t
ml_hash_join(uint64_t first, uint64_t next)
{
	return ml_hash_fold(first ^ ML_HASH_K0, next ^ ML_HASH_K2);
}

typedef struct ml_rng
{
	uint64_t	s[4];
} ml_rng;

static inline uint64_t
ml_splitmix(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline void
ml_rng_seed(ml_rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		rng->s[i] = ml_splitmix(&seed);
}

static inline uint64_t
ml_rng_next(ml_rng *rng)
{
	uint64_t   *s = rng->s;
	uint64_t	x = s[1] * 5;
	uint64_t	result = ((x << 7) | (x >> 57)) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* Uniform in [0, bound), bound > 0, without modulo bias worth naming. */
static inline uint64_t
ml_rng_below(ml_rng *rng, uint64_t bound)
{
	__extension__ unsigned __int128 product = (unsigned __int128) ml_rng_next(rng) * bound;

	return (uint64_t) (product >> 64);
}

/* Uniform in [0, 1). */
static inline double
ml_rng_double(ml_rng *rng)
{
	return (double) (ml_rng_next(rng) >> 11) * 0x1.0p-53;
}

/* Fisher-Yates. */
static inline void
ml_rng_shuffle(ml_rng *rng, uint32_t *items, size_t n)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		j = (size_t) ml_rng_below(rng, i);
		uint32_t	swap = items[i - 1];

		items[i - 1] = items[j];
		items[j] = swap;
	}
}

#endif							/* ML_HASH_H */
