/*-------------------------------------------------------------------------
 *
 * map_loops.h
 *	  The loops of map.h; included for each level and type by a file that defines
 *
 *	  REAL				float or double
 *	  R(name)			a function of base/real.h for the type
 *	  MAP_NAME(name)	what the type calls a function
 *	  MAP_TABLE			the table
 *	  MAP_TARGET		target attribute of the level
 *	  MAP_BYTES			bytes of its vectors
 *
 * Written so that compilers vectorise it: no branch depends on data, no
 * function of libm is called, iterations are independent.
 *
 *-------------------------------------------------------------------------
 */

/* Iterations touch nothing of each other, though results may lie on operands. */
#ifndef MAP_LOOP
#if defined(__clang__)
#define MAP_LOOP	_Pragma("clang loop vectorize(assume_safety)")
#else
#define MAP_LOOP	_Pragma("GCC ivdep")
#endif
#define EACH(i)		MAP_LOOP for (size_t i = 0; i < n; i++)
#endif

/* === Two operands; formulas of a and b === */

/* The steps that occur: both move, one stands, any. */
#define TWO_OPERANDS(result) \
	const REAL *as = a_; \
	const REAL *bs = b_; \
	\
	if (a_step == 1 && b_step == 1) \
		EACH(i) \
		{ \
			REAL		a = as[i]; \
			REAL		b = bs[i]; \
			\
			out[i] = (result); \
		} \
	else if (a_step == 1 && b_step == 0 && n > 0) \
	{ \
		REAL		b = bs[0]; \
		\
		EACH(i) \
		{ \
			REAL		a = as[i]; \
			\
			out[i] = (result); \
		} \
	} \
	else \
		EACH(i) \
		{ \
			REAL		a = as[(int64_t) i * a_step]; \
			REAL		b = bs[(int64_t) i * b_step]; \
			\
			out[i] = (result); \
		}

#define BINARY(name, formula) \
MAP_TARGET static void \
MAP_NAME(name) (void *out_, const void *a_, int64_t a_step, const void *b_, int64_t b_step, size_t n) \
{ \
	REAL	   *out = out_; \
	TWO_OPERANDS(formula) \
}

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, a * b)
BINARY(divide, a / b)
BINARY(minimum, a != a || a < b ? a : b)
BINARY(maximum, a != a || a > b ? a : b)

/* a^b by logarithms; of a float in double, whose error so stays that of rounding. */
MAP_TARGET static void
MAP_NAME(power) (void *out_, const void *a_, int64_t a_step, const void *b_, int64_t b_step, size_t n)
{
	REAL	   *out = out_;

	for (size_t i = 0; i < n; i++)
	{
		double		a = ((const REAL *) a_)[(int64_t) i * a_step];
		double		b = ((const REAL *) b_)[(int64_t) i * b_step];
		bool		whole = b == floor(b);
		bool		odd = whole && floor(b / 2) != b / 2;
		double		size = ml_exp_f64(b * ml_log_f64(fabs(a)));

		if (b == 0 || a == 1)
			size = 1;
		else if (b == 2)
			size = a * a;
		if (a < 0)
			size = !whole ? NAN : odd ? -size : size;
		out[i] = (REAL) size;
	}
}

#define COMPARE(name, condition) \
MAP_TARGET static void \
MAP_NAME(name) (uint8_t *out, const void *a_, int64_t a_step, const void *b_, int64_t b_step, size_t n) \
{ \
	TWO_OPERANDS(condition) \
}

COMPARE(equal, a == b)
COMPARE(not_equal, a != b)
COMPARE(less, a < b)
COMPARE(less_equal, a <= b)
COMPARE(greater, a > b)
COMPARE(greater_equal, a >= b)

MAP_TARGET static void
MAP_NAME(choose) (void *out_, const uint8_t *c, int64_t c_step, const void *a_, int64_t a_step,
				  const void *b_, int64_t b_step, size_t n)
{
	REAL	   *out = out_;
	const REAL *a = a_;
	const REAL *b = b_;

	if (c_step == 1 && a_step == 1 && b_step <= 1)
	{
		REAL		zero = 0;
		const REAL *bs = b_step == 0 ? &zero : b;

		if (b_step == 0 && n > 0)
			zero = b[0];
		if (b_step == 0)
			EACH(i) out[i] = c[i] != 0 ? a[i] : *bs;
		else
			EACH(i) out[i] = c[i] != 0 ? a[i] : b[i];
		return;
	}
	EACH(i)
	{
		REAL		x = a[(int64_t) i * a_step];
		REAL		y = b[(int64_t) i * b_step];

		out[i] = c[(int64_t) i * c_step] != 0 ? x : y;
	}
}

/* === One operand; formulas of a === */

#define UNARY(name, formula) \
MAP_TARGET static void \
MAP_NAME(name) (void *out_, const void *a_, size_t n) \
{ \
	REAL	   *out = out_; \
	const REAL *as = a_; \
	\
	EACH(i) \
	{ \
		REAL		a = as[i]; \
		\
		out[i] = (formula); \
	} \
}

UNARY(negative, -a)
UNARY(absolute, a < 0 ? -a : a == 0 ? 0 : a)
UNARY(sign, a > 0 ? 1 : a < 0 ? -1 : 0)
UNARY(exp, R(exp) (a))
UNARY(log, R(log) (a))
UNARY(sqrt, R(sqrt) (a))
UNARY(square, a * a)
UNARY(erf, R(erf) (a))

/* === Activations === */

/* y = f(x); dx = g f'(x), by y where that suffices, else by x */
#define ACTIVATION(name, formula, slope_formula) \
MAP_TARGET static void \
MAP_NAME(name) (void *out_, const void *x_, size_t n, double alpha_) \
{ \
	REAL	   *out = out_; \
	const REAL *xs = x_; \
	REAL		alpha = (REAL) alpha_; \
	\
	(void) alpha; \
	EACH(i) \
	{ \
		REAL		x = xs[i]; \
		\
		out[i] = (formula); \
	} \
} \
\
MAP_TARGET static void \
MAP_NAME(name##_slope) (void *out_, const void *g_, const void *v_, size_t n, double alpha_) \
{ \
	REAL	   *out = out_; \
	const REAL *g = g_; \
	const REAL *vs = v_; \
	REAL		alpha = (REAL) alpha_; \
	\
	(void) alpha; \
	EACH(i) \
	{ \
		REAL		v = vs[i]; \
		\
		out[i] = g[i] * (slope_formula); \
	} \
}

/*
 * Those whose slope follows from x only: f(x) = x s, of a curve s from 0 to 1 and
 * its slope t; f'(x) = s + x t.  Where the curve is flat, x may be infinite.
 */
#define SLOPE_OF(x, s, t)	((s) + ((t) == 0 ? 0 : (x) * (t)))

/* x Phi(x): the normal distribution and its density */
static inline REAL
MAP_NAME(gelu_curve) (REAL x, REAL *t)
{
	return R(normal) (x, t);
}

/* x (1 + tanh u) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline REAL
MAP_NAME(gelu_tanh_curve) (REAL x, REAL *t)
{
	REAL		s = R(sigmoid) ((REAL) 1.59576912160573071176 * (x + (REAL) 0.044715 * x * x * x));
	REAL		inner = s * (1 - s);

	*t = inner == 0 ? 0 : inner * (REAL) 1.59576912160573071176 * (1 + (REAL) 0.134145 * x * x);
	return s;
}

static inline REAL
MAP_NAME(silu_curve) (REAL x, REAL *t)
{
	REAL		s = R(sigmoid) (x);

	*t = s * (1 - s);
	return s;
}

#define CURVED(name) \
static inline REAL \
MAP_NAME(name##_of) (REAL x) \
{ \
	REAL		t; \
	\
	return x * MAP_NAME(name##_curve) (x, &t); \
} \
\
static inline REAL \
MAP_NAME(name##_slope_of) (REAL x) \
{ \
	REAL		t; \
	REAL		s = MAP_NAME(name##_curve) (x, &t); \
	\
	return SLOPE_OF(x, s, t); \
} \
\
MAP_TARGET static void \
MAP_NAME(name##_sloped) (void *out_, void *slopes_, const void *x_, size_t n) \
{ \
	REAL	   *out = out_; \
	REAL	   *slopes = slopes_; \
	const REAL *xs = x_; \
	\
	EACH(i) \
	{ \
		REAL		x = xs[i]; \
		REAL		t; \
		REAL		s = MAP_NAME(name##_curve) (x, &t); \
		\
		out[i] = x * s; \
		slopes[i] = SLOPE_OF(x, s, t); \
	} \
}

CURVED(gelu)
CURVED(gelu_tanh)
CURVED(silu)

ACTIVATION(relu, x != x || x > 0 ? x : 0, v > 0 ? 1 : 0)
ACTIVATION(leaky_relu, x > 0 ? x : alpha * x, v > 0 ? 1 : alpha)
ACTIVATION(elu, x > 0 ? x : alpha * R(expm1) (x), v > 0 ? 1 : v + alpha)
ACTIVATION(gelu, MAP_NAME(gelu_of) (x), MAP_NAME(gelu_slope_of) (v))
ACTIVATION(gelu_tanh, MAP_NAME(gelu_tanh_of) (x), MAP_NAME(gelu_tanh_slope_of) (v))
ACTIVATION(silu, MAP_NAME(silu_of) (x), MAP_NAME(silu_slope_of) (v))
ACTIVATION(tanh, R(tanh) (x), 1 - v * v)
ACTIVATION(sigmoid, R(sigmoid) (x), v * (1 - v))

/* === Sums and extremes === */

/* The virtual lanes are VECTORS vectors of the level's size. */
typedef REAL MAP_NAME(vector) __attribute__((vector_size(MAP_BYTES)));
typedef REAL MAP_NAME(loose) __attribute__((vector_size(MAP_BYTES), aligned(sizeof(REAL)), may_alias));

#define VECTOR_N	(MAP_BYTES / (int) sizeof(REAL))
#define VECTORS		(ML_MAP_LANES / VECTOR_N)
#define LANES_AT(array)	(*(const MAP_NAME(loose) *) ((array) + at_))

/* sum = the fold of 16 lanes, always in this order: 8 apart, 4, 2, 1 */
#define FOLD(sum, slots) \
	do { \
		for (int half_ = ML_MAP_LANES / 2; half_ > 0; half_ /= 2) \
			for (int j_ = 0; j_ < half_; j_++) \
				(slots)[j_] += (slots)[j_ + half_]; \
		(sum) = (slots)[0]; \
	} while (0)

/* Element i goes to lane i % 16: whole vectors by "term" of LANES_AT, the others by "single" of i. */
#define SUM(result, term, single) \
	do { \
		MAP_NAME(vector) v_[VECTORS] = {0}; \
		REAL		slots_[ML_MAP_LANES]; \
		size_t		whole_ = n - n % ML_MAP_LANES; \
		\
		for (size_t i_ = 0; i_ < whole_; i_ += ML_MAP_LANES) \
			for (int k_ = 0; k_ < VECTORS; k_++) \
			{ \
				size_t		at_ = i_ + k_ * VECTOR_N; \
				\
				v_[k_] += (term); \
			} \
		memcpy(slots_, v_, sizeof(slots_)); \
		for (size_t i = whole_; i < n; i++) \
			slots_[i - whole_] += (single); \
		FOLD(result, slots_); \
	} while (0)

MAP_TARGET static void
MAP_NAME(add_sum) (void *to, const void *a_, int64_t step, size_t n)
{
	const REAL *a = a_;
	REAL		sum;

	if (step == 1)
		SUM(sum, LANES_AT(a), a[i]);
	else
	{
		REAL		slots[ML_MAP_LANES] = {0};

		for (size_t i = 0; i < n; i++)
			slots[i % ML_MAP_LANES] += a[(int64_t) i * step];
		FOLD(sum, slots);
	}
	*(REAL *) to += sum;
}

MAP_TARGET static double
MAP_NAME(sum) (const void *a_, size_t n)
{
	const REAL *a = a_;
	REAL		sum;

	SUM(sum, LANES_AT(a), a[i]);
	return sum;
}

MAP_TARGET static double
MAP_NAME(dot) (const void *a_, const void *b_, size_t n)
{
	const REAL *a = a_;
	const REAL *b = b_;
	REAL		sum;

	SUM(sum, LANES_AT(a) * LANES_AT(b), a[i] * b[i]);
	return sum;
}

MAP_TARGET static double
MAP_NAME(squares) (const void *a_, double shift_, size_t n)
{
	const REAL *a = a_;
	REAL		shift = (REAL) shift_;
	REAL		sum;

	SUM(sum, (LANES_AT(a) - shift) * (LANES_AT(a) - shift), (a[i] - shift) * (a[i] - shift));
	return sum;
}

/* Exponentials of a block are there before they are added up, so that both loops are vectors. */
#define EXP_BLOCK	512

MAP_TARGET static double
MAP_NAME(exp_sum) (void *out_, const void *a_, double shift_, size_t count)
{
	REAL		block[EXP_BLOCK];
	REAL		shift = (REAL) shift_;
	REAL		total = 0;

	for (size_t begin = 0; begin < count; begin += EXP_BLOCK)
	{
		const REAL *a = (const REAL *) a_ + begin;
		REAL	   *out = out_ == NULL ? block : (REAL *) out_ + begin;
		size_t		n = count - begin < EXP_BLOCK ? count - begin : EXP_BLOCK;
		REAL		sum;

		EACH(i) out[i] = R(exp) (a[i] - shift);
		SUM(sum, LANES_AT(out), out[i]);
		total += sum;
	}
	return total;
}

/* Extremes don't depend on the order; NaN wins.  "better" is of a and b, numbers or vectors. */
#define EXTREME(name, better) \
MAP_TARGET static void \
MAP_NAME(name) (void *to_, const void *a_, int64_t step, size_t n) \
{ \
	REAL	   *to = to_; \
	const REAL *as = a_; \
	REAL		slots[ML_MAP_LANES]; \
	size_t		whole = step == 1 ? n - n % ML_MAP_LANES : 0; \
	\
	for (int l = 0; l < ML_MAP_LANES; l++) \
		slots[l] = *to; \
	if (whole > 0) \
	{ \
		MAP_NAME(vector) v[VECTORS]; \
		\
		memcpy(v, slots, sizeof(v)); \
		for (size_t i = 0; i < whole; i += ML_MAP_LANES) \
			for (int k = 0; k < VECTORS; k++) \
			{ \
				size_t		at_ = i + k * VECTOR_N; \
				MAP_NAME(vector) a = LANES_AT(as); \
				MAP_NAME(vector) b = v[k]; \
				__typeof__(a > b) taken = (a != a) | (better); \
				\
				v[k] = (MAP_NAME(vector)) ((taken & (__typeof__(taken)) a) | (~taken & (__typeof__(taken)) b)); \
			} \
		memcpy(slots, v, sizeof(v)); \
	} \
	for (size_t i = whole; i < n; i++) \
	{ \
		REAL		a = as[(int64_t) i * step]; \
		REAL		b = slots[i % ML_MAP_LANES]; \
		\
		slots[i % ML_MAP_LANES] = a != a || (better) ? a : b; \
	} \
	for (int half = ML_MAP_LANES / 2; half > 0; half /= 2) \
		for (int l = 0; l < half; l++) \
		{ \
			REAL		a = slots[l + half]; \
			REAL		b = slots[l]; \
			\
			slots[l] = a != a || (better) ? a : b; \
		} \
	*to = slots[0]; \
}

EXTREME(raise, a > b)
EXTREME(lower, a < b)

/* === Norms === */

MAP_TARGET static void
MAP_NAME(scale) (void *out_, const void *a_, double factor_, double term_, size_t n)
{
	REAL	   *out = out_;
	const REAL *a = a_;
	REAL		factor = (REAL) factor_;
	REAL		term = (REAL) term_;

	EACH(i) out[i] = a[i] * factor + term;
}

MAP_TARGET static void
MAP_NAME(normalize) (void *out_, const void *x_, double mean_, double root_, const void *gain_,
					 const void *bias_, size_t n)
{
	REAL	   *out = out_;
	const REAL *x = x_;
	const REAL *gain = gain_;
	const REAL *bias = bias_;
	REAL		mean = (REAL) mean_;
	REAL		root = (REAL) root_;

	if (gain != NULL && bias != NULL)
		EACH(i) out[i] = (x[i] - mean) * root * gain[i] + bias[i];
	else if (gain != NULL)
		EACH(i) out[i] = (x[i] - mean) * root * gain[i];
	else if (bias != NULL)
		EACH(i) out[i] = (x[i] - mean) * root + bias[i];
	else
		EACH(i) out[i] = (x[i] - mean) * root;
}

MAP_TARGET static void
MAP_NAME(normal_sums) (double sums[2], const void *g_, const void *x_, double mean_, double root_,
					   const void *gain_, size_t n)
{
	const REAL *g = g_;
	const REAL *x = x_;
	const REAL *gain = gain_;
	REAL		mean = (REAL) mean_;
	REAL		root = (REAL) root_;
	REAL		first;
	REAL		second;

	if (gain != NULL)
	{
		SUM(first, LANES_AT(g) * LANES_AT(gain), g[i] * gain[i]);
		SUM(second, LANES_AT(g) * LANES_AT(gain) * ((LANES_AT(x) - mean) * root),
			g[i] * gain[i] * ((x[i] - mean) * root));
	}
	else
	{
		SUM(first, LANES_AT(g), g[i]);
		SUM(second, LANES_AT(g) * ((LANES_AT(x) - mean) * root), g[i] * ((x[i] - mean) * root));
	}
	sums[0] = first;
	sums[1] = second;
}

MAP_TARGET static void
MAP_NAME(normal_back) (void *out_, const void *g_, const void *x_, double mean_, double root_,
					   const void *gain_, double first_, double second_, size_t n)
{
	REAL	   *out = out_;
	const REAL *g = g_;
	const REAL *x = x_;
	const REAL *gain = gain_;
	REAL		mean = (REAL) mean_;
	REAL		root = (REAL) root_;
	REAL		first = (REAL) first_;
	REAL		second = (REAL) second_;

	if (gain != NULL)
		EACH(i) out[i] = root * (g[i] * gain[i] - first - (x[i] - mean) * root * second);
	else
		EACH(i) out[i] = root * (g[i] - first - (x[i] - mean) * root * second);
}

MAP_TARGET static void
MAP_NAME(add_normal) (void *to_, const void *g_, const void *x_, double mean_, double root_, size_t n)
{
	REAL	   *to = to_;
	const REAL *g = g_;
	const REAL *x = x_;
	REAL		mean = (REAL) mean_;
	REAL		root = (REAL) root_;

	EACH(i) to[i] += g[i] * ((x[i] - mean) * root);
}

MAP_TARGET static void
MAP_NAME(affine) (void *out_, const void *x_, const void *shift_, const void *factor_,
				  const void *term_, size_t n)
{
	REAL	   *out = out_;
	const REAL *x = x_;
	const REAL *shift = shift_;
	const REAL *factor = factor_;
	const REAL *term = term_;

	if (term != NULL)
		EACH(i) out[i] = (x[i] - shift[i]) * factor[i] + term[i];
	else
		EACH(i) out[i] = (x[i] - shift[i]) * factor[i];
}

MAP_TARGET static void
MAP_NAME(add_products) (void *to_, const void *x_, const void *shift_, const void *g_, size_t n)
{
	REAL	   *to = to_;
	const REAL *x = x_;
	const REAL *shift = shift_;
	const REAL *g = g_;

	if (g != NULL)
		EACH(i) to[i] += (x[i] - shift[i]) * g[i];
	else
		EACH(i) to[i] += (x[i] - shift[i]) * (x[i] - shift[i]);
}

MAP_TARGET static void
MAP_NAME(affine_back) (void *out_, const void *g_, const void *x_, const void *shift_,
					   const void *factor_, const void *first_, const void *second_, size_t n)
{
	REAL	   *out = out_;
	const REAL *g = g_;
	const REAL *x = x_;
	const REAL *shift = shift_;
	const REAL *factor = factor_;
	const REAL *first = first_;
	const REAL *second = second_;

	EACH(i) out[i] = factor[i] * (g[i] - first[i] - (x[i] - shift[i]) * second[i]);
}

/* === Dropout === */

/*
 * Two rounds of MurmurHash3's finaliser (Appleby) on a counter, a half of the
 * key before each; the upper half of the counter changes the key.
 */
MAP_TARGET static void
MAP_NAME(drop) (void *out_, const void *x_, uint64_t key, uint64_t start, uint32_t threshold,
				double factor_, size_t n)
{
	REAL	   *out = out_;
	const REAL *x = x_;
	REAL		factor = (REAL) factor_;

	EACH(i)
	{
		uint64_t	at = start + i;
		uint32_t	h = (uint32_t) at ^ (uint32_t) key;

		h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
		h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
		h = (h ^ h >> 16) + (uint32_t) (key >> 32) + (uint32_t) (at >> 32) * UINT32_C(0x9e3779b9);
		h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
		h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
		h = h ^ h >> 16;
		out[i] = h < threshold ? x[i] * factor : 0;
	}
}

const ml_map_kernel MAP_TABLE = {
	.width = sizeof(REAL),
	.binary = {
		[ML_MAP_ADD] = MAP_NAME(add),
		[ML_MAP_SUBTRACT] = MAP_NAME(subtract),
		[ML_MAP_MULTIPLY] = MAP_NAME(multiply),
		[ML_MAP_DIVIDE] = MAP_NAME(divide),
		[ML_MAP_MINIMUM] = MAP_NAME(minimum),
		[ML_MAP_MAXIMUM] = MAP_NAME(maximum),
		[ML_MAP_POWER] = MAP_NAME(power)
	},
	.unary = {
		[ML_MAP_NEGATIVE] = MAP_NAME(negative),
		[ML_MAP_ABSOLUTE] = MAP_NAME(absolute),
		[ML_MAP_SIGN] = MAP_NAME(sign),
		[ML_MAP_EXP] = MAP_NAME(exp),
		[ML_MAP_LOG] = MAP_NAME(log),
		[ML_MAP_SQRT] = MAP_NAME(sqrt),
		[ML_MAP_SQUARE] = MAP_NAME(square),
		[ML_MAP_ERF] = MAP_NAME(erf)
	},
	.activation = {
		[ML_RELU] = MAP_NAME(relu),
		[ML_LEAKY_RELU] = MAP_NAME(leaky_relu),
		[ML_ELU] = MAP_NAME(elu),
		[ML_GELU] = MAP_NAME(gelu),
		[ML_GELU_TANH] = MAP_NAME(gelu_tanh),
		[ML_SILU] = MAP_NAME(silu),
		[ML_TANH] = MAP_NAME(tanh),
		[ML_SIGMOID] = MAP_NAME(sigmoid)
	},
	.derivative = {
		[ML_RELU] = MAP_NAME(relu_slope),
		[ML_LEAKY_RELU] = MAP_NAME(leaky_relu_slope),
		[ML_ELU] = MAP_NAME(elu_slope),
		[ML_GELU] = MAP_NAME(gelu_slope),
		[ML_GELU_TANH] = MAP_NAME(gelu_tanh_slope),
		[ML_SILU] = MAP_NAME(silu_slope),
		[ML_TANH] = MAP_NAME(tanh_slope),
		[ML_SIGMOID] = MAP_NAME(sigmoid_slope)
	},
	.sloped = {
		[ML_GELU] = MAP_NAME(gelu_sloped),
		[ML_GELU_TANH] = MAP_NAME(gelu_tanh_sloped),
		[ML_SILU] = MAP_NAME(silu_sloped)
	},
	.compare = {
		[ML_MAP_EQUAL] = MAP_NAME(equal),
		[ML_MAP_NOT_EQUAL] = MAP_NAME(not_equal),
		[ML_MAP_LESS] = MAP_NAME(less),
		[ML_MAP_LESS_EQUAL] = MAP_NAME(less_equal),
		[ML_MAP_GREATER] = MAP_NAME(greater),
		[ML_MAP_GREATER_EQUAL] = MAP_NAME(greater_equal)
	},
	.choose = MAP_NAME(choose),
	.add_sum = MAP_NAME(add_sum),
	.raise = MAP_NAME(raise),
	.lower = MAP_NAME(lower),
	.sum = MAP_NAME(sum),
	.dot = MAP_NAME(dot),
	.squares = MAP_NAME(squares),
	.exp_sum = MAP_NAME(exp_sum),
	.scale = MAP_NAME(scale),
	.normalize = MAP_NAME(normalize),
	.normal_sums = MAP_NAME(normal_sums),
	.normal_back = MAP_NAME(normal_back),
	.add_normal = MAP_NAME(add_normal),
	.affine = MAP_NAME(affine),
	.add_products = MAP_NAME(add_products),
	.affine_back = MAP_NAME(affine_back),
	.drop = MAP_NAME(drop)
};

#undef REAL
#undef R
#undef MAP_NAME
#undef MAP_TABLE
#undef BINARY
#undef COMPARE
#undef UNARY
#undef ACTIVATION
#undef SLOPE_OF
#undef CURVED
#undef EXTREME
#undef VECTOR_N
#undef VECTORS
#undef LANES_AT
#undef FOLD
#undef SUM
#undef TWO_OPERANDS
