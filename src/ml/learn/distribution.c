/*-------------------------------------------------------------------------
 *
 * distribution.c
 *	  Tails of the normal and of Student's t distribution.
 *
 *	  P(|T| >= t) = I_x(n/2, 1/2),	x = n / (n + t^2),
 *
 * the regularised incomplete beta function, by its continued fraction (Lentz's
 * method; Numerical Recipes 6.4 has the formulas), or with many degrees of
 * freedom by the normal deviate of the same probability (Hill 1970).  Its factor needs
 * Gamma(a + 1/2) / Gamma(a), whose logarithm comes from a series where a is
 * large: a difference of two logarithms would lose the digits.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/distribution.h"

#include <math.h>

#define ITERATIONS	10000
#define TINY		1e-300
#define MANY		20000		/* degrees of freedom */

/* ln(Gamma(a + 1/2) / Gamma(a)) */
static double
log_half_step(double a)
{
	double		b;
	double		square;

	if (a < 30)
		return lgamma(a + 0.5) - lgamma(a);
	/* about a - 1/4 only even powers are left (Tricomi and Erdelyi 1951) */
	b = a - 0.25;
	square = 1 / (b * b);
	return 0.5 * log(b) +
		square * (1.0 / 64 - square * (5.0 / 2048 - square * (61.0 / 49152 - square * (1385.0 / 1048576))));
}

/* The continued fraction of I_x(a, b). */
static double
beta_fraction(double a, double b, double x)
{
	double		c = 1;
	double		d = 1 - (a + b) * x / (a + 1);
	double		h;

	d = 1 / (fabs(d) < TINY ? TINY : d);
	h = d;
	for (int m = 1; m <= ITERATIONS; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		change;

		d = 1 + even * d;
		d = 1 / (fabs(d) < TINY ? TINY : d);
		c = 1 + even / c;
		c = fabs(c) < TINY ? TINY : c;
		h *= d * c;
		d = 1 + odd * d;
		d = 1 / (fabs(d) < TINY ? TINY : d);
		c = 1 + odd / c;
		c = fabs(c) < TINY ? TINY : c;
		change = d * c;
		h *= change;
		if (fabs(change - 1) < 1e-16)
			break;
	}
	return h;
}

/* The z with the normal probability that t has, for many degrees of freedom. */
static double
normal_deviate(double t, double n)
{
	double		a = n - 0.5;
	double		b = 48 * a * a;
	double		y = a * log1p(t * t / n);

	return (((((-0.4 * y - 3.3) * y - 24) * y - 85.5) / (0.8 * y * y + 100 + b) + y + 3) / b + 1) * sqrt(y);
}

/* Student's density at t. */
static double
density(double t, double n)
{
	return exp(log_half_step(n / 2) - 0.5 * log(M_PI * n) - (n + 1) / 2 * log1p(t * t / n));
}

double
ml_two_sided(double t, double n)
{
	double		square = t * t;
	double		a = n / 2;
	double		x;
	double		factor;

	if (isnan(t) || isnan(n) || n < 0)
		return NAN;
	if (n == 0 || isinf(n))
		return erfc(fabs(t) / M_SQRT2);
	if (t == 0)
		return 1;
	if (n > MANY && !isinf(square))
		return erfc(normal_deviate(t, n) / M_SQRT2);
	if (isinf(square))
	{
		/* t^2 is beyond double: n / t^2 is what counts */
		factor = exp(log_half_step(a) - 0.5 * log(M_PI) + a * (log(n) - 2 * log(fabs(t))));
		return factor / a;
	}
	/* x^a (1 - x)^(1/2) / B(a, 1/2) */
	factor = exp(log_half_step(a) - 0.5 * log(M_PI) - a * log1p(square / n)) * sqrt(square / (n + square));
	x = n / (n + square);
	if (x < (a + 1) / (a + 2.5))
		return factor * beta_fraction(a, 0.5, x) / a;
	return 1 - factor * beta_fraction(0.5, a, square / (n + square)) / 0.5;
}

double
ml_two_sided_quantile(double alpha, double n)
{
	double		t = 0;
	double		step;

	/* the tail is convex beyond the mode: from 0 Newton never goes too far */
	for (int i = 0; i < ITERATIONS; i++)
	{
		double		slope = n == 0 || isinf(n) ? sqrt(2 / M_PI) * exp(-t * t / 2) : 2 * density(t, n);

		step = (ml_two_sided(t, n) - alpha) / slope;
		t += step;
		if (!(fabs(step) > 1e-15 * t))
			break;
	}
	return t;
}
