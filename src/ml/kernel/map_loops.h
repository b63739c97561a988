/*-------------------------------------------------------------------------
 *
 * map_loops.h
 *	  The loops of map.h; included for each level and type by a file that defines
 *
 *	  REAL				float or double
 *	  MAP_NAME(name)	what the level and the type call a function
 *	  MAP_TABLE			the table
 *	  MAP_TARGET		target attribute of the level
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
#endif

/* out[i] = formula of a and b, for the steps that occur: both move, one stands, any. */
#define BINARY(name, formula) \
MAP_TARGET static void \
MAP_NAME(name) (void *out_, const void *a_, ptrdiff_t a_step, const void *b_, ptrdiff_t b_step, \
				size_t n) \
{ \
	REAL	   *out = out_; \
	const REAL *as = a_; \
	const REAL *bs = b_; \
	\
	if (a_step == 1 && b_step == 1) \
		MAP_LOOP \
		for (size_t i = 0; i < n; i++) \
		{ \
			REAL		a = as[i]; \
			REAL		b = bs[i]; \
			\
			out[i] = (formula); \
		} \
	else if (a_step == 1 && b_step == 0 && n > 0) \
	{ \
		REAL		b = bs[0]; \
		\
		MAP_LOOP \
		for (size_t i = 0; i < n; i++) \
		{ \
			REAL		a = as[i]; \
			\
			out[i] = (formula); \
		} \
	} \
	else \
		MAP_LOOP \
		for (size_t i = 0; i < n; i++) \
		{ \
			REAL		a = as[(ptrdiff_t) i * a_step]; \
			REAL		b = bs[(ptrdiff_t) i * b_step]; \
			\
			out[i] = (formula); \
		} \
}

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, a * b)
BINARY(divide, a / b)
BINARY(minimum, a != a || a < b ? a : b)
BINARY(maximum, a != a || a > b ? a : b)

#undef BINARY

/* The sum of 16 lanes, always in this order. */
MAP_TARGET static inline REAL
MAP_NAME(fold) (REAL *lanes)
{
	for (int half = ML_MAP_LANES / 2; half > 0; half /= 2)
		for (int l = 0; l < half; l++)
			lanes[l] += lanes[l + half];
	return lanes[0];
}

/* Lane l has the elements l, l + 16, ... */
MAP_TARGET static void
MAP_NAME(add_sum) (void *to, const void *a_, ptrdiff_t step, size_t n)
{
	const REAL *a = a_;
	REAL		lanes[ML_MAP_LANES] = {0};
	size_t		i = 0;

	if (step == 1)
		for (; i + ML_MAP_LANES <= n; i += ML_MAP_LANES)
			for (int l = 0; l < ML_MAP_LANES; l++)
				lanes[l] += a[i + l];
	for (; i < n; i++)
		lanes[i % ML_MAP_LANES] += a[(ptrdiff_t) i * step];
	*(REAL *) to += MAP_NAME(fold) (lanes);
}

const ml_map_kernel MAP_TABLE = {
	.width = sizeof(REAL),
	.binary = {
		[ML_MAP_ADD] = MAP_NAME(add),
		[ML_MAP_SUBTRACT] = MAP_NAME(subtract),
		[ML_MAP_MULTIPLY] = MAP_NAME(multiply),
		[ML_MAP_DIVIDE] = MAP_NAME(divide),
		[ML_MAP_MINIMUM] = MAP_NAME(minimum),
		[ML_MAP_MAXIMUM] = MAP_NAME(maximum)
	},
	.add_sum = MAP_NAME(add_sum)
};

#undef REAL
#undef MAP_NAME
#undef MAP_TABLE
