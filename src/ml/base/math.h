/*-------------------------------------------------------------------------
 *
 * math.h
 *	  exp, log, sine, cosine and whole powers with the same bits on every CPU.
 *
 * libm chooses by CPU and may differ in the last bit between machines; scores
 * that a model hands out go through these instead.  Plain multiplications and
 * additions in double (the engine is compiled with -ffp-contract=off),
 * relative error below 1e-15.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MATH_H
#define ML_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ML_LN2 0.693147180559945309417

/* e^x; 0 below -745, infinity above 709.7, NaN for NaN. */
static inline double
ml_exp(double x)
{
	double		n;
	double		r;
	double		sum;
	uint64_t	bits;
	double		scale;
	int64_t		k;

	if (isnan(x))
		return x;
	if (x > 709.7)
		return INFINITY;
	if (x < -745.0)
		return 0.0;
	n = floor(x * 1.44269504088896340736 + 0.5);
	/* ln 2 in two parts, so that the subtraction loses nothing */
	r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
	/* Taylor to r^13 on |r| <= ln(2) / 2: remainder < 5e-18 */
	sum = 1.0 / 6227020800.0;
	sum = sum * r + 1.0 / 479001600.0;
	sum = sum * r + 1.0 / 39916800.0;
	sum = sum * r + 1.0 / 3628800.0;
	sum = sum * r + 1.0 / 362880.0;
	sum = sum * r + 1.0 / 40320.0;
	sum = sum * r + 1.0 / 5040.0;
	sum = sum * r + 1.0 / 720.0;
	sum = sum * r + 1.0 / 120.0;
	sum = sum * r + 1.0 / 24.0;
	sum = sum * r + 1.0 / 6.0;
	sum = sum * r + 0.5;
	sum = sum * r + 1.0;
	sum = sum * r + 1.0;
	k = (int64_t) n;
	if (k < -1000)
	{
		sum *= 0x1.0p-100;		/* the result may be subnormal */
		k += 100;
	}
	if (k > 1000)
	{
		sum *= 0x1.0p100;
		k -= 100;
	}
	bits = (uint64_t) (k + 1023) << 52;
	memcpy(&scale, &bits, 8);
	return sum * scale;
}

/* Natural logarithm; -infinity at 0, NaN below. */
static inline double
ml_log(double x)
{
	uint64_t	bits;
	int			exponent;
	double		f;
	double		s;
	double		s2;
	double		sum;

	if (isnan(x) || x < 0)
		return NAN;
	if (x == 0)
		return -INFINITY;
	if (isinf(x))
		return x;
	exponent = 0;
	if (x < 2.2250738585072014e-308)
	{
		x *= 0x1.0p54;
		exponent = -54;
	}
	memcpy(&bits, &x, 8);
	exponent += (int) (bits >> 52) - 1023;
	bits = (bits & UINT64_C(0xFFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
	memcpy(&f, &bits, 8);
	if (f > 1.41421356237309504880)
	{
		f *= 0.5;
		exponent++;
	}
	/* log f = 2 atanh(s), s = (f - 1) / (f + 1), |s| < 0.1716 */
	s = (f - 1.0) / (f + 1.0);
	s2 = s * s;
	sum = 1.0 / 21.0;
	for (int i = 19; i >= 1; i -= 2)
		sum = sum * s2 + 1.0 / (double) i;
	return (double) exponent * 6.93147180369123816490e-01 +
		(2.0 * s * sum + (double) exponent * 1.90821492927058770002e-10);
}

/*
 * Sine and cosine of an angle in turns (1 = 2 pi), so that its reduction to an
 * eighth of a turn is exact: sin of 0.5 is 0, of 0.25 is 1.  NaN for infinities.
 */
static inline void
ml_sincos(double turns, double *sine, double *cosine)
{
	double		t = turns - floor(turns);
	double		quadrant = floor(4.0 * t + 0.5);
	double		x = (t - 0.25 * quadrant) * 6.28318530717958647693;
	double		x2 = x * x;
	double		s;
	double		c;

	/* Taylor on |x| <= pi / 4: remainders < 5e-17 and < 3e-18 */
	s = -1.0 / 1307674368000.0;
	s = s * x2 + 1.0 / 6227020800.0;
	s = s * x2 - 1.0 / 39916800.0;
	s = s * x2 + 1.0 / 362880.0;
	s = s * x2 - 1.0 / 5040.0;
	s = s * x2 + 1.0 / 120.0;
	s = s * x2 - 1.0 / 6.0;
	s = x + x * x2 * s;
	c = 1.0 / 20922789888000.0;
	c = c * x2 - 1.0 / 87178291200.0;
	c = c * x2 + 1.0 / 479001600.0;
	c = c * x2 - 1.0 / 3628800.0;
	c = c * x2 + 1.0 / 40320.0;
	c = c * x2 - 1.0 / 720.0;
	c = c * x2 + 1.0 / 24.0;
	c = 1.0 - (0.5 * x2 - x2 * x2 * c);
	if (quadrant == 1.0)
	{
		*sine = c;
		*cosine = -s;
	}
	else if (quadrant == 2.0)
	{
		*sine = -s;
		*cosine = -c;
	}
	else if (quadrant == 3.0)
	{
		*sine = -c;
		*cosine = s;
	}
	else						/* 0 or 4, or NaN */
	{
		*sine = s;
		*cosine = c;
	}
}

/* 1 / (1 + e^-x) */
static inline double
ml_sigmoid(double x)
{
	return x >= 0 ? 1.0 / (1.0 + ml_exp(-x)) : ml_exp(x) / (1.0 + ml_exp(x));
}

/* base^n by squaring. */
static inline double
ml_power(double base, uint64_t n)
{
	double		result = 1;

	for (; n > 0; n >>= 1, base *= base)
		if (n & 1)
			result *= base;
	return result;
}

#endif							/* ML_MATH_H */
