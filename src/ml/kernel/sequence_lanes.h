/*-------------------------------------------------------------------------
 *
 * sequence_lanes.h
 *	  Sigmoids and hyperbolic tangents of sequence_loops.h over vectors of
 *	  floats; included once for each level by a file that defines
 *
 *	  LANES_N			floats of a vector: 8 or 16
 *	  LANES_SPLAT(x)	a vector of that float
 *	  LANES_MIN(a, b), LANES_MAX(a, b)	of vectors; b where one is NaN
 *	  SEQUENCE_TARGET	target attribute of the level
 *	  SEQUENCE_VECTORS_NAME(name)	what the level calls a function
 *
 * The formulas, and so the bits, are those of sequence_loops.h.  They are long
 * chains of which each step waits for the one before, and a CPU looks no more than
 * some chains ahead; so four vectors go through each step together, which takes
 * three fifths of the time.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define floats		LANES_PASTE(lanes, LANES_N)
#define ilanes		LANES_PASTE(ilanes, LANES_N)
#define splat(value) ((floats) LANES_SPLAT((float) (value)))
#define AT(array, i) (*(const floats *) ((array) + (i)))
#define TO(array, i) (*(floats *) ((array) + (i)))
#define INLINED		SEQUENCE_TARGET static inline __attribute__((always_inline))
#define UNROLLED	_Pragma("GCC unroll 4")
#define MOST		4			/* vectors together */
#define EACH		UNROLLED for (int v = 0; v < count; v++)
#define SIGN		INT32_MIN

/* x becomes p and power: e^x = power (1 + p) */
INLINED void
SEQUENCE_VECTORS_NAME(exp_parts) (floats *x, floats *power, const int count)
{
	floats		t[MOST];
	floats		n[MOST];
	floats		sum[MOST];

	EACH t[v] = x[v] * 1.44269504088896340736f + 0x1.8p23f;
	EACH n[v] = t[v] - 0x1.8p23f;
	EACH x[v] = x[v] - n[v] * 0x1.63p-1f;
	EACH x[v] = x[v] - n[v] * -2.12194440054690583e-4f;
	EACH power[v] = (floats) (((ilanes) t[v] << 23) + (127 << 23));
	EACH sum[v] = x[v] * (float) (1.0 / 5040) + (float) (1.0 / 720);
	EACH sum[v] = sum[v] * x[v] + (float) (1.0 / 120);
	EACH sum[v] = sum[v] * x[v] + (float) (1.0 / 24);
	EACH sum[v] = sum[v] * x[v] + (float) (1.0 / 6);
	EACH sum[v] = sum[v] * x[v] + 0.5f;
	EACH x[v] = sum[v] * x[v] * x[v] + x[v];
}

INLINED void
SEQUENCE_VECTORS_NAME(sigmoid) (float *to, const float *from, const int count)
{
	floats		x[MOST];
	floats		power[MOST];

	EACH x[v] = LANES_MAX(splat(-87), (floats) ((ilanes) AT(from, v * LANES_N) ^ SIGN));
	EACH x[v] = LANES_MIN(splat(87), x[v]);
	SEQUENCE_VECTORS_NAME(exp_parts) (x, power, count);
	EACH TO(to, v * LANES_N) = 1 / (1 + (power[v] + power[v] * x[v]));
}

INLINED void
SEQUENCE_VECTORS_NAME(tanh) (float *to, const float *from, const int count)
{
	floats		x[MOST];
	floats		power[MOST];

	EACH x[v] = (floats) ((ilanes) AT(from, v * LANES_N) & ~SIGN);
	EACH x[v] = LANES_MIN(splat(20), x[v] + x[v]);
	SEQUENCE_VECTORS_NAME(exp_parts) (x, power, count);
	EACH x[v] = power[v] * x[v] + (power[v] - 1);
	EACH x[v] = x[v] / (x[v] + 2);
	EACH TO(to, v * LANES_N) = (floats) (((ilanes) x[v] & ~SIGN) | ((ilanes) AT(from, v * LANES_N) & SIGN));
}

/* Whole vectors of n numbers; how many numbers that are. */
#define VECTORS(name) \
INLINED size_t \
SEQUENCE_VECTORS_NAME(name##s) (float *to, const float *from, size_t n) \
{ \
	size_t		i = 0; \
	\
	for (; i + MOST * LANES_N <= n; i += MOST * LANES_N) \
		SEQUENCE_VECTORS_NAME(name) (to + i, from + i, MOST); \
	for (; i + 2 * LANES_N <= n; i += 2 * LANES_N) \
		SEQUENCE_VECTORS_NAME(name) (to + i, from + i, 2); \
	for (; i + LANES_N <= n; i += LANES_N) \
		SEQUENCE_VECTORS_NAME(name) (to + i, from + i, 1); \
	return i; \
}

VECTORS(sigmoid)
VECTORS(tanh)

#undef LANES_PASTE_
#undef LANES_PASTE
#undef floats
#undef ilanes
#undef splat
#undef AT
#undef TO
#undef INLINED
#undef UNROLLED
#undef MOST
#undef EACH
#undef SIGN
#undef VECTORS
