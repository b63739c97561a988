/*-------------------------------------------------------------------------
 *
 * real_text.h
 *	  The functions of real.h, which includes this once for each type.
 *
 *-------------------------------------------------------------------------
 */

static inline REAL_INT
REAL_NAME(bits)(REAL x)
{
	union
	{
		REAL x;
		REAL_INT bits;
	} both = {.x = x};

	return both.bits;
}

static inline REAL
REAL_NAME(of_bits)(REAL_UINT bits)
{
	union
	{
		REAL_UINT bits;
		REAL x;
	} both = {.bits = bits};

	return both.x;
}

/* 2^k of a normal result. */
static inline REAL
REAL_NAME(power_of_2)(REAL_INT k)
{
	return REAL_NAME(of_bits)((REAL_UINT) (k + REAL_BIAS) << REAL_MANTISSA);
}

/* x = k ln 2 + r, |r| <= ln(2) / 2; the result is e^r - 1. */
static inline REAL
REAL_NAME(exp_part)(REAL x, REAL_INT *k)
{
	static const REAL terms[] = {ML_EXP_TERMS};
	REAL n = x * (REAL) 1.44269504088896340736 + REAL_MAGIC;
	REAL whole = n - REAL_MAGIC;
	REAL r = (x - whole * REAL_LN2_HIGH) - whole * REAL_LN2_LOW;
	REAL sum = terms[REAL_EXP_N - 1];

	for (int i = REAL_EXP_N - 2; i >= 0; i--)
		sum = sum * r + terms[i];
	*k = REAL_NAME(bits)(n) - REAL_NAME(bits)(REAL_MAGIC);
	return r + r * r * sum;
}

/* e^x */
static inline REAL
REAL_NAME(exp)(REAL x)
{
	REAL_INT k;
	REAL_INT half;
	REAL part;

	x = x < REAL_EXP_LEAST ? REAL_EXP_LEAST : x;
	x = x > REAL_EXP_MOST ? REAL_EXP_MOST : x;
	part = REAL_NAME(exp_part)(x, &k);
	half = k / 2;				/* k may be beyond a normal power's range */
	return (part + 1) * REAL_NAME(power_of_2)(half) * REAL_NAME(power_of_2)(k - half);
}

/* e^x of x <= 0; 0 where that is less than the smallest normal number */
static inline REAL
REAL_NAME(exp_below)(REAL x)
{
	REAL_INT k;
	REAL part = REAL_NAME(exp_part)(x < REAL_EXP_NORMAL ? REAL_EXP_NORMAL : x, &k);

	return x < REAL_EXP_NORMAL ? 0 : (part + 1) * REAL_NAME(power_of_2)(k);
}

/* e^x - 1 */
static inline REAL
REAL_NAME(expm1)(REAL x)
{
	REAL_INT k;
	REAL_INT half;
	REAL part;
	REAL power;

	x = x < REAL_EXP_LEAST ? REAL_EXP_LEAST : x;
	x = x > REAL_EXP_MOST ? REAL_EXP_MOST : x;
	part = REAL_NAME(exp_part)(x, &k);
	half = k / 2;
	power = REAL_NAME(power_of_2)(half) * REAL_NAME(power_of_2)(k - half);
	return power * part + (power - 1);
}

static inline REAL
REAL_NAME(sqrt)(REAL x)
{
	return REAL_ROOT(x);
}

/* ln x */
static inline REAL
REAL_NAME(log)(REAL x)
{
	static const REAL terms[] = {ML_LOG_TERMS};
	REAL scaled = x < REAL_TINY ? x * REAL_NAME(power_of_2)(REAL_MANTISSA + 2) : x;
	REAL_INT bits = REAL_NAME(bits)(scaled);
	REAL_INT k = (REAL_INT) ((REAL_UINT) bits - REAL_ROOT_HALF) >> REAL_MANTISSA;
	REAL m = REAL_NAME(of_bits)((REAL_UINT) bits - ((REAL_UINT) k << REAL_MANTISSA));
	REAL s = (m - 1) / (m + 1);
	REAL s2 = s * s;
	REAL sum = terms[REAL_LOG_N - 1];
	REAL whole = (REAL) (x < REAL_TINY ? k - (REAL_MANTISSA + 2) : k);
	REAL result;

	for (int i = REAL_LOG_N - 2; i >= 0; i--)
		sum = sum * s2 + terms[i];
	result = whole * REAL_LN2_HIGH + (2 * s + (s * s2 * sum + whole * REAL_LN2_LOW));
	result = x == 0 ? -(REAL) INFINITY : result;
	result = x > 0 && x - x != 0 ? x : result;	/* infinity */
	return x >= 0 ? result : (REAL) NAN;
}

static inline REAL
REAL_NAME(tanh)(REAL x)
{
	REAL e = REAL_NAME(expm1)(-2 * REAL_ABS(x));

	return REAL_SIGN(e / (e + 2), x);
}

/* 1 / (1 + e^-x) */
static inline REAL
REAL_NAME(sigmoid)(REAL x)
{
	return 1 / (1 + REAL_NAME(exp)(-x));
}

/* erfc(t) of t >= 0, given e^(-t^2). */
static inline REAL
REAL_NAME(erfc_tail)(REAL t, REAL gauss)
{
	static const REAL terms[] = {REAL_TAIL_TERMS};
	REAL s = 1 / (1 + (REAL) 0.4 * t);
	REAL u = 2 * s - 1;
	int			n = (int) (sizeof(terms) / sizeof(REAL));
	REAL sum = terms[n - 1];

	for (int i = n - 2; i >= 0; i--)
		sum = sum * u + terms[i];
	return sum * s * gauss;
}

static inline REAL
REAL_NAME(erf)(REAL x)
{
	static const REAL terms[] = {ML_ERF_TERMS};
	REAL t = REAL_ABS(x);
	REAL far = 1 - REAL_NAME(erfc_tail)(t, REAL_NAME(exp_below)(-t * t));
	REAL x2 = x * x;
	REAL near = terms[REAL_ERF_N - 1];

	for (int i = REAL_ERF_N - 2; i >= 0; i--)
		near = near * x2 + terms[i];
	return t < (REAL) 0.7 ? x * near : REAL_SIGN(far, x);
}

/* Normal distribution: P(X < x); *density: e^(-x^2 / 2) / sqrt(2 pi). */
static inline REAL
REAL_NAME(normal)(REAL x, REAL *density)
{
	REAL gauss = REAL_NAME(exp_below)(x * x * (REAL) -0.5);
	REAL tail = REAL_NAME(erfc_tail)(REAL_ABS(x) * (REAL) 0.70710678118654752440, gauss) / 2;

	*density = gauss * (REAL) 0.39894228040143267794;
	return x < 0 ? tail : 1 - tail;
}

#undef REAL
#undef REAL_INT
#undef REAL_UINT
#undef REAL_NAME
#undef REAL_MANTISSA
#undef REAL_BIAS
#undef REAL_MAGIC
#undef REAL_EXP_LEAST
#undef REAL_EXP_MOST
#undef REAL_EXP_NORMAL
#undef REAL_LN2_HIGH
#undef REAL_LN2_LOW
#undef REAL_ROOT_HALF
#undef REAL_TINY
#undef REAL_ABS
#undef REAL_SIGN
#undef REAL_ROOT
#undef REAL_EXP_N
#undef REAL_LOG_N
#undef REAL_ERF_N
#undef REAL_TAIL_TERMS
