/*-------------------------------------------------------------------------
 *
 * sequence_loops.h
 *	  The loops of sequence.h; included for each level and type by a file that
 *	  defines
 *
 *	  REAL				float or double
 *	  BITS				unsigned integer of its size
 *	  SEQUENCE_NAME(name)	what the level and the type call a function
 *	  SEQUENCE_TABLE	the table
 *	  SEQUENCE_TARGET	target attribute of the level
 *	  SEQUENCE_VECTORS	whole vectors go through sequence_lanes.h: its
 *						SEQUENCE_VECTORS_NAME; of float only
 *
 * Written so that compilers vectorise it, as map_loops.h is.
 *
 *-------------------------------------------------------------------------
 */

/* Iterations touch nothing of each other, though results may lie on operands. */
#ifndef SEQUENCE_LOOP
#if defined(__clang__)
#define SEQUENCE_LOOP	_Pragma("clang loop vectorize(assume_safety)")
#else
#define SEQUENCE_LOOP	_Pragma("GCC ivdep")
#endif
#endif

#define INLINE SEQUENCE_TARGET static inline __attribute__((always_inline))
#define IS_FLOAT	(sizeof(REAL) == sizeof(float))
#define MANTISSA	(IS_FLOAT ? 23 : 52)

/* 1.5 x 2^mantissa: adding it rounds to whole numbers, which are then the low bits */
#define ROUNDER		((REAL) (IS_FLOAT ? 0x1.8p23 : 0x1.8p52))

/*
 * e^x - 1 as 2^n and p, e^x = 2^n (1 + p), |x| <= 87 (float), 708 (double):
 * Taylor on |r| <= ln(2) / 2 to r^7 (remainder 2e-8 of r) or r^13 (5e-18).
 */
INLINE REAL
SEQUENCE_NAME(exp_parts) (REAL x, REAL *p)
{
	REAL		t = x * (REAL) 1.44269504088896340736 + ROUNDER;
	REAL		n = t - ROUNDER;
	REAL		r = x - n * (REAL) (IS_FLOAT ? 0x1.63p-1 : 6.93147180369123816490e-01);
	REAL		sum;
	REAL		power;
	BITS		bits;

	r = r - n * (REAL) (IS_FLOAT ? -2.12194440054690583e-4 : 1.90821492927058770002e-10);
	if (IS_FLOAT)
		sum = (REAL) (1.0 / 5040);
	else
	{
		sum = (REAL) (1.0 / 6227020800.0);
		sum = sum * r + (REAL) (1.0 / 479001600);
		sum = sum * r + (REAL) (1.0 / 39916800);
		sum = sum * r + (REAL) (1.0 / 3628800);
		sum = sum * r + (REAL) (1.0 / 362880);
		sum = sum * r + (REAL) (1.0 / 40320);
		sum = sum * r + (REAL) (1.0 / 5040);
	}
	sum = sum * r + (REAL) (1.0 / 720);
	sum = sum * r + (REAL) (1.0 / 120);
	sum = sum * r + (REAL) (1.0 / 24);
	sum = sum * r + (REAL) (1.0 / 6);
	sum = sum * r + (REAL) 0.5;
	*p = sum * r * r + r;

	/* the low bits of t are n, those of 1 an exponent of 0 */
	memcpy(&bits, &t, sizeof(bits));
	bits = (bits << MANTISSA) + ((BITS) (IS_FLOAT ? 127 : 1023) << MANTISSA);
	memcpy(&power, &bits, sizeof(bits));
	return power;
}

/* x within limits; NaN stays. */
INLINE REAL
SEQUENCE_NAME(clamp) (REAL x, REAL low, REAL high)
{
	x = x < low ? low : x;
	return x > high ? high : x;
}

INLINE REAL
SEQUENCE_NAME(sigmoid) (REAL x)
{
	const REAL	limit = (REAL) (IS_FLOAT ? 87 : 708);
	REAL		p;
	REAL		power = SEQUENCE_NAME(exp_parts) (SEQUENCE_NAME(clamp) (-x, -limit, limit), &p);

	return 1 / (1 + (power + power * p));
}

/* tanh x = (e^2x - 1) / (e^2x + 1), of |x|, with the sign of x */
INLINE REAL
SEQUENCE_NAME(tanh) (REAL x)
{
	const REAL	limit = (REAL) (IS_FLOAT ? 20 : 40);
	REAL		size = (REAL) (IS_FLOAT ? __builtin_fabsf((float) x) : __builtin_fabs((double) x));
	REAL		p;
	REAL		power = SEQUENCE_NAME(exp_parts) (size + size > limit ? limit : size + size, &p);
	REAL		less = power * p + (power - 1);
	REAL		value = less / (less + 2);

	return (REAL) (IS_FLOAT ? __builtin_copysignf((float) value, (float) x) : __builtin_copysign((double) value, (double) x));
}

/* to[n] = sigmoid(from), or tanh(from); to may be from */
#define EACH_OF(name) \
SEQUENCE_TARGET static void \
SEQUENCE_NAME(name##s) (REAL *to, const REAL *from, size_t n) \
{ \
	size_t		done = VECTORS_OF(name##s, to, from, n); \
	\
	SEQUENCE_LOOP \
	for (size_t i = done; i < n; i++) \
		to[i] = SEQUENCE_NAME(name) (from[i]); \
}

#ifdef SEQUENCE_VECTORS
#define VECTORS_OF(name, to, from, n) SEQUENCE_VECTORS_NAME(name) (to, from, n)
#else
#define VECTORS_OF(name, to, from, n) 0
#endif
EACH_OF(sigmoid)
EACH_OF(tanh)

/* === Cells === */

SEQUENCE_TARGET static void
SEQUENCE_NAME(rnn_tanh) (void *h_, const void *a_, size_t n)
{
	SEQUENCE_NAME(tanhs) (h_, a_, n);
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(rnn_relu) (void *h_, const void *a_, size_t n)
{
	const REAL *a = a_;
	REAL	   *h = h_;

	SEQUENCE_LOOP
	for (size_t i = 0; i < n; i++)
		h[i] = a[i] < 0 ? 0 : a[i];
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(rnn_tanh_back) (void *da_, const void *h_, const void *dh_, size_t n)
{
	const REAL *h = h_;
	const REAL *dh = dh_;
	REAL	   *da = da_;

	SEQUENCE_LOOP
	for (size_t i = 0; i < n; i++)
		da[i] = dh[i] * (1 - h[i] * h[i]);
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(rnn_relu_back) (void *da_, const void *h_, const void *dh_, size_t n)
{
	const REAL *h = h_;
	const REAL *dh = dh_;
	REAL	   *da = da_;

	SEQUENCE_LOOP
	for (size_t i = 0; i < n; i++)
		da[i] = h[i] > 0 ? dh[i] : 0;
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(lstm) (void *gates_, void *h_, void *c_, const void *c_before_, size_t rows, size_t units)
{
	const REAL *c_before = c_before_;

	for (size_t row = 0; row < rows; row++)
	{
		REAL	   *gates = (REAL *) gates_ + row * 4 * units;
		REAL	   *c = (REAL *) c_ + row * units;

		SEQUENCE_NAME(sigmoids) (gates, gates, 2 * units);
		SEQUENCE_NAME(tanhs) (gates + 2 * units, gates + 2 * units, units);
		SEQUENCE_NAME(sigmoids) (gates + 3 * units, gates + 3 * units, units);
		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
			c[u] = gates[units + u] * c_before[row * units + u] + gates[u] * gates[2 * units + u];
	}
	SEQUENCE_NAME(tanhs) (h_, c_, rows * units);
	for (size_t row = 0; row < rows; row++)
	{
		const REAL *o = (const REAL *) gates_ + (4 * row + 3) * units;
		REAL	   *h = (REAL *) h_ + row * units;

		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
			h[u] = o[u] * h[u];
	}
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(lstm_back) (void *dsums_, void *dc_, const void *dh_, const void *gates_, const void *c_,
						  const void *c_before_, size_t rows, size_t units)
{
	REAL	   *dsums = dsums_;
	REAL	   *dc = dc_;
	const REAL *dh = dh_;
	const REAL *gates = gates_;
	const REAL *c = c_;
	const REAL *c_before = c_before_;

	for (size_t row = 0; row < rows; row++)
	{
		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
		{
			REAL		i = gates[u];
			REAL		f = gates[units + u];
			REAL		g = gates[2 * units + u];
			REAL		o = gates[3 * units + u];
			REAL		t = SEQUENCE_NAME(tanh) (c[u]);
			REAL		dcell = dc[u] + dh[u] * o * (1 - t * t);

			dsums[u] = dcell * g * (i * (1 - i));
			dsums[units + u] = dcell * c_before[u] * (f * (1 - f));
			dsums[2 * units + u] = dcell * i * (1 - g * g);
			dsums[3 * units + u] = dh[u] * t * (o * (1 - o));
			dc[u] = dcell * f;
		}
		dsums += 4 * units;
		gates += 4 * units;
		dc += units;
		dh += units;
		c += units;
		c_before += units;
	}
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(gru) (void *gates_, void *h_, void *kept_, const void *hidden_, const void *h_before_,
					size_t rows, size_t units)
{
	REAL	   *gates = gates_;
	REAL	   *h = h_;
	REAL	   *kept = kept_;
	const REAL *hidden = hidden_;
	const REAL *h_before = h_before_;

	for (size_t row = 0; row < rows; row++)
	{
		REAL	   *z = gates + units;
		REAL	   *n = gates + 2 * units;

		SEQUENCE_LOOP
		for (size_t u = 0; u < 2 * units; u++)
			gates[u] = gates[u] + hidden[u];
		SEQUENCE_NAME(sigmoids) (gates, gates, 2 * units);
		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
		{
			kept[u] = hidden[2 * units + u];
			n[u] = n[u] + gates[u] * hidden[2 * units + u];
		}
		SEQUENCE_NAME(tanhs) (n, n, units);
		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
			h[u] = n[u] + z[u] * (h_before[u] - n[u]);
		gates += 3 * units;
		hidden += 3 * units;
		h += units;
		kept += units;
		h_before += units;
	}
}

SEQUENCE_TARGET static void
SEQUENCE_NAME(gru_back) (void *dx_, void *dhidden_, void *dh_, const void *gates_, const void *kept_,
						 const void *h_before_, size_t rows, size_t units)
{
	REAL	   *dx = dx_;
	REAL	   *dhidden = dhidden_;
	REAL	   *dh = dh_;
	const REAL *gates = gates_;
	const REAL *kept = kept_;
	const REAL *h_before = h_before_;

	for (size_t row = 0; row < rows; row++)
	{
		SEQUENCE_LOOP
		for (size_t u = 0; u < units; u++)
		{
			REAL		r = gates[u];
			REAL		z = gates[units + u];
			REAL		n = gates[2 * units + u];
			REAL		dn = dh[u] * (1 - z) * (1 - n * n);
			REAL		dr = dn * kept[u] * (r * (1 - r));
			REAL		dz = dh[u] * (h_before[u] - n) * (z * (1 - z));

			dx[u] = dr;
			dx[units + u] = dz;
			dx[2 * units + u] = dn;
			dhidden[u] = dr;
			dhidden[units + u] = dz;
			dhidden[2 * units + u] = dn * r;
			dh[u] = dh[u] * z;
		}
		dx += 3 * units;
		dhidden += 3 * units;
		gates += 3 * units;
		dh += units;
		kept += units;
		h_before += units;
	}
}

const ml_sequence_kernel SEQUENCE_TABLE = {
	.rnn = {SEQUENCE_NAME(rnn_tanh), SEQUENCE_NAME(rnn_relu)},
	.rnn_back = {SEQUENCE_NAME(rnn_tanh_back), SEQUENCE_NAME(rnn_relu_back)},
	.lstm = SEQUENCE_NAME(lstm),
	.lstm_back = SEQUENCE_NAME(lstm_back),
	.gru = SEQUENCE_NAME(gru),
	.gru_back = SEQUENCE_NAME(gru_back)
};

#undef INLINE
#undef EACH_OF
#undef VECTORS_OF
#undef SEQUENCE_VECTORS
#undef IS_FLOAT
#undef MANTISSA
#undef ROUNDER
#undef REAL
#undef BITS
#undef SEQUENCE_NAME
#undef SEQUENCE_TABLE
