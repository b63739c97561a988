/*-------------------------------------------------------------------------
 *
 * real.h
 *	  Elementary functions of floats and doubles that compilers vectorise.
 *
 * For the loops of networks: no branch, no call, plain multiplications and
 * additions, so the bits are the same for one number as for a vector of them, and
 * on every CPU.  One text for both types, with more terms for doubles.  Relative
 * errors: 2.5e-7 and 1e-15 (exp, expm1, log, tanh, sigmoid, erf), of values that are
 * not subnormal.  Infinities and NaN as in C.
 *
 * (For doubles one at a time, math.h is as good and somewhat more exact.)
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_REAL_H
#define ML_REAL_H

#include <math.h>
#include <stdint.h>

/* 1 / k! for k = 2 ...: (e^r - 1 - r) / r^2, |r| <= ln(2) / 2 */
#define ML_EXP_TERMS \
	1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880, \
	1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0

/* 2 / (2 k + 1) for k = 1 ...: (log((1 + s) / (1 - s)) - 2 s) / s^3, |s| < 0.1716 */
#define ML_LOG_TERMS \
	2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21

/* Taylor's of erf(x) / x in x^2, |x| < 0.7 */
#define ML_ERF_TERMS \
	1.1283791670955125739, -0.37612638903183752463, 0.11283791670955125739, \
	-0.026866170645131251759, 0.0052239776254421878421, -0.00085483270234508528325, \
	0.00012055332981789664251, -1.4925650358406250977e-5, 1.6462114365889247402e-6, \
	-1.6365844691234924317e-7, 1.480719281587921724e-8, -1.2290555301717927353e-9, \
	9.4227590646504109706e-11, -6.7113668551641103779e-12

/*
 * e^(t^2) erfc(t) / s with s = 1 / (1 + 0.4 t), in powers of 2 s - 1:
 * interpolation at Chebyshev's nodes, relative errors 8e-9 and 2e-17.
 */
#define ML_TAIL_TERMS_F32 \
	0.421612728122, 0.321860773647, 0.181565699898, 0.0684997674567, 0.0113435468438, \
	-0.00335315528612, -0.00192138204327, 0.000165441519864, 0.000266488318112, \
	-1.07462366455e-5, -2.9168582509e-5
#define ML_TAIL_TERMS_F64 \
	0.4216127281222871628, 0.32186073977565954307, 0.18156564665923843981, \
	0.068500458098419897254, 0.011344620052796568482, -0.0033572177210514939023, \
	-0.001927514209257984276, 0.0001756833078571675569, 0.00028107748911278767104, \
	-0.00002332312605431821038, -0.000045041928545827130596, 7.8128536801514954203e-6, \
	7.2977189792801229172e-6, -2.7013964745876920351e-6, -9.3278730710898523633e-7, \
	7.838777838562044939e-7, -2.7148025420884227245e-9, -1.7674020323696176998e-7, \
	5.5701605319177405673e-8, 2.4803023653079090294e-8, -2.148700795277914189e-8, \
	4.7991795215536587957e-10, 4.5489316768163653217e-9, -1.100351956522667927e-9, \
	-4.5647856407599747927e-10, 1.782421169437936361e-10

#define REAL				float
#define REAL_INT			int32_t
#define REAL_UINT			uint32_t
#define REAL_NAME(name)		ml_##name##_f32
#define REAL_MANTISSA		23
#define REAL_BIAS			127
#define REAL_MAGIC			0x1.8p23f	/* added, it rounds to whole numbers */
#define REAL_EXP_LEAST		-104.0f
#define REAL_EXP_MOST		89.0f
#define REAL_EXP_NORMAL		-87.0f
#define REAL_LN2_HIGH		0.693359375f
#define REAL_LN2_LOW		-2.12194440e-4f
#define REAL_ROOT_HALF		0x3f3504f3	/* bits of sqrt(1/2) */
#define REAL_TINY			0x1p-126f
#define REAL_ABS			fabsf
#define REAL_SIGN			copysignf
#define REAL_ROOT			__builtin_sqrtf
#define REAL_EXP_N			6
#define REAL_LOG_N			4
#define REAL_ERF_N			8
#define REAL_TAIL_TERMS		ML_TAIL_TERMS_F32
#include "base/real_text.h"

#define REAL				double
#define REAL_INT			int64_t
#define REAL_UINT			uint64_t
#define REAL_NAME(name)		ml_##name##_f64
#define REAL_MANTISSA		52
#define REAL_BIAS			1023
#define REAL_MAGIC			0x1.8p52
#define REAL_EXP_LEAST		-746.0
#define REAL_EXP_MOST		710.0
#define REAL_EXP_NORMAL		-708.0
#define REAL_LN2_HIGH		6.93147180369123816490e-01
#define REAL_LN2_LOW		1.90821492927058770002e-10
#define REAL_ROOT_HALF		INT64_C(0x3fe6a09e667f3bcd)
#define REAL_TINY			0x1p-1022
#define REAL_ABS			fabs
#define REAL_SIGN			copysign
#define REAL_ROOT			__builtin_sqrt
#define REAL_EXP_N			12
#define REAL_LOG_N			10
#define REAL_ERF_N			14
#define REAL_TAIL_TERMS		ML_TAIL_TERMS_F64
#include "base/real_text.h"

#endif							/* ML_REAL_H */
