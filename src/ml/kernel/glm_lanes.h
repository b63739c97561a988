/*-------------------------------------------------------------------------
 *
 * glm_lanes.h
 *	  The loops of smooth losses over vectors of doubles; included once for
 *	  each level by a file that defines
 *
 *	  LANES_NAME(name)	what the level calls a function
 *	  LANES_TARGET		its target attribute
 *	  LANES_N			doubles of a vector: 4 or 8
 *	  LANES_FMA(a, b, c) a * b + c of vectors, fused
 *
 * Rows are the lanes.  Exponentials and logarithms are those of base/math.h in
 * other clothes, exact to about 2e-16.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define doubles		LANES_PASTE(ml_doubles, LANES_N)
#define longs		LANES_PASTE(ml_longs, LANES_N)
#define splat(value) ((doubles) {0} + (double) (value))
#define choose(mask, a, b) ((doubles) (((mask) & (longs) (a)) | (~(mask) & (longs) (b))))
#define AT(array, i) (*(const doubles *) ((array) + (i)))
#define INTO(array, i) (*(doubles *) ((array) + (i)))

/* Sum of the lanes. */
#define ADD_LANES(to, value) \
	do { \
		doubles v_ = (value); \
		for (int i_ = 0; i_ < LANES_N; i_++) \
			(to) += v_[i_]; \
	} while (0)

/* e^x for x <= 0; 0 below -708. */
#define EXP_LANES(result, value) \
	do { \
		doubles x_ = (value); \
		longs tiny_ = x_ < -708.0; \
		doubles n_; \
		doubles r_; \
		doubles s_; \
		\
		x_ = (doubles) ((longs) x_ & ~tiny_); \
		/* adding 1.5 x 2^52 rounds to whole numbers */ \
		n_ = LANES_FMA(x_, splat(1.44269504088896340736), splat(0x1.8p52)); \
		r_ = n_ - 0x1.8p52; \
		x_ = LANES_FMA(r_, splat(-6.93147180369123816490e-01), x_); \
		x_ = LANES_FMA(r_, splat(-1.90821492927058770002e-10), x_); \
		s_ = LANES_FMA(x_, splat(1.0 / 6227020800.0), splat(1.0 / 479001600.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 39916800.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 3628800.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 362880.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 40320.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 5040.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 720.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 120.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 24.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0 / 6.0)); \
		s_ = LANES_FMA(x_, s_, splat(0.5)); \
		s_ = LANES_FMA(x_, s_, splat(1.0)); \
		s_ = LANES_FMA(x_, s_, splat(1.0)); \
		/* the low bits of n are the exponent to add */ \
		s_ = (doubles) ((longs) s_ + ((longs) n_ << 52)); \
		(result) = (doubles) ((longs) s_ & ~tiny_); \
	} while (0)

/* 2 atanh(s), |s| <= 1/3: its series to s^31. */
#define TWICE_ATANH_LANES(result, value) \
	do { \
		doubles s_ = (value); \
		doubles q_ = s_ * s_; \
		doubles t_ = LANES_FMA(q_, splat(2.0 / 31), splat(2.0 / 29)); \
		\
		t_ = LANES_FMA(q_, t_, splat(2.0 / 27)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 25)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 23)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 21)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 19)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 17)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 15)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 13)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 11)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 9)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 7)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 5)); \
		t_ = LANES_FMA(q_, t_, splat(2.0 / 3)); \
		t_ = LANES_FMA(q_, t_, splat(2.0)); \
		(result) = s_ * t_; \
	} while (0)

/* Four columns at a time: as many streams as the prefetchers follow with ease. */
LANES_TARGET static void
LANES_NAME(columns_dot) (double *sums, const double *columns, size_t stride, size_t ncolumns,
						 const double *weights, size_t n)
{
	size_t		j = 0;

	for (; j + 4 <= ncolumns; j += 4)
	{
		const double *x = columns + j * stride;
		doubles		w0 = splat(weights[j]);
		doubles		w1 = splat(weights[j + 1]);
		doubles		w2 = splat(weights[j + 2]);
		doubles		w3 = splat(weights[j + 3]);

		for (size_t r = 0; r < n; r += LANES_N)
		{
			doubles		s = LANES_FMA(w0, AT(x, r), AT(sums, r));
			doubles		t = w1 * AT(x + stride, r);

			s = LANES_FMA(w2, AT(x + 2 * stride, r), s);
			t = LANES_FMA(w3, AT(x + 3 * stride, r), t);
			INTO(sums, r) = s + t;
		}
	}
	for (; j < ncolumns; j++)
	{
		const double *x = columns + j * stride;
		doubles		w0 = splat(weights[j]);

		for (size_t r = 0; r < n; r += LANES_N)
			INTO(sums, r) = LANES_FMA(w0, AT(x, r), AT(sums, r));
	}
}

LANES_TARGET static void
LANES_NAME(columns_sums) (double *sums, const double *columns, size_t stride, size_t ncolumns,
						  const double *factors, size_t n)
{
	size_t		j = 0;

	for (; j + 4 <= ncolumns; j += 4)
	{
		const double *x = columns + j * stride;
		doubles		s[8];

		for (int k = 0; k < 8; k++)
			s[k] = splat(0);
		for (size_t r = 0; r < n; r += 8)
#pragma GCC unroll 4
			for (int k = 0; k < 4; k++)
			{
				s[k] = LANES_FMA(AT(factors, r), AT(x + k * stride, r), s[k]);
				if (LANES_N == 4)
					s[k + 4] = LANES_FMA(AT(factors, r + 4), AT(x + k * stride, r + 4), s[k + 4]);
			}
		for (int k = 0; k < 4; k++)
			ADD_LANES(sums[j + k], s[k] + s[k + 4]);
	}
	for (; j < ncolumns; j++)
	{
		doubles		s = splat(0);

		for (size_t r = 0; r < n; r += LANES_N)
			s = LANES_FMA(AT(factors, r), AT(columns + j * stride, r), s);
		ADD_LANES(sums[j], s);
	}
}

LANES_TARGET static void
LANES_NAME(panel_scale) (double *to, const double *from, const double *factors, size_t n)
{
	for (size_t r = 0; r < n; r++)
		for (int j = 0; j < 8; j += LANES_N)
			INTO(to, 8 * r + j) = AT(from, 8 * r + j) * factors[r];
}

LANES_TARGET static void
LANES_NAME(levels_add) (double *sums, const size_t *offsets, const uint32_t *levels,
						const double *panels, size_t stride, size_t npanels,
						const double *factors, size_t n)
{
	for (size_t r = 0; r < n; r++)
	{
		const double *from = panels + 8 * r;
		doubles		factor = splat(factors[r]);
		double	   *to;

		if (levels[r] == ML_GLM_NO_LEVEL)
			continue;
		to = sums + offsets[levels[r]];
		for (size_t p = 0; p < npanels; p++)
			for (int j = 0; j < 8; j += LANES_N)
				INTO(to, 8 * p + j) = LANES_FMA(factor, AT(from, p * stride + j), AT(to, 8 * p + j));
	}
}

LANES_TARGET static double
LANES_NAME(logistic) (double *slopes, double *curves, const double *scores, const double *targets,
					  const double *weights, size_t n)
{
	const longs sign = (longs) {0} + INT64_MIN;
	doubles		sums = splat(0);
	double		sum = 0;

	for (size_t r = 0; r < n; r += LANES_N)
	{
		doubles		score = AT(scores, r);
		doubles		weight = AT(weights, r);
		doubles		size = (doubles) ((longs) score & ~sign);
		longs		positive = AT(targets, r) > 0.5;
		longs		wrong = (score >= 0) ^ positive;
		doubles		e;
		doubles		near;		/* probability of the class that the score is for */
		doubles		far;
		doubles		loss;

		EXP_LANES(e, -size);
		near = 1 / (1 + e);
		far = e * near;
		TWICE_ATANH_LANES(loss, e / (2 + e));
		loss += (doubles) ((longs) size & wrong);
		/* minus for positive targets */
		INTO(slopes, r) = weight *
			(doubles) ((longs) choose(wrong, near, far) ^ (positive & sign));
		INTO(curves, r) = weight * (far * near);
		sums = LANES_FMA(weight, loss, sums);
	}
	ADD_LANES(sum, sums);
	return sum;
}

/* Logarithm of x >= 1: that of its mantissa, 1 <= m < 2, and its exponent. */
#define LOG_LANES(result, value) \
	do { \
		longs bits_ = (longs) (value); \
		/* the exponent as the last digits of 2^52 + exponent */ \
		doubles e_ = (doubles) ((bits_ >> 52) | (longs) splat(0x1.0p52)) - (0x1.0p52 + 1023); \
		doubles m_ = (doubles) ((bits_ & INT64_C(0xFFFFFFFFFFFFF)) | (longs) splat(1)); \
		doubles log_; \
		\
		TWICE_ATANH_LANES(log_, (m_ - 1) / (m_ + 1)); \
		log_ = LANES_FMA(e_, splat(1.90821492927058770002e-10), log_); \
		(result) = LANES_FMA(e_, splat(6.93147180369123816490e-01), log_); \
	} while (0)

LANES_TARGET static double
LANES_NAME(softmax) (double *slopes, double *scores, size_t stride, size_t nscores,
					 const double *targets, const double *weights, size_t n)
{
	doubles		sums = splat(0);
	double		sum = 0;

	for (size_t r = 0; r < n; r += LANES_N)
	{
		doubles		target = AT(targets, r);
		doubles		weight = AT(weights, r);
		doubles		highest = AT(scores, r);
		doubles		own = splat(0);
		doubles		total = splat(0);
		doubles		loss;

		for (size_t c = 0; c < nscores; c++)
		{
			doubles		score = AT(scores, c * stride + r);
			longs		higher = score > highest;
			longs		is_own = target == (double) c;

			highest = choose(higher, score, highest);
			own = choose(is_own, score, own);
		}
		for (size_t c = 0; c < nscores; c++)
		{
			doubles		e;

			EXP_LANES(e, AT(scores, c * stride + r) - highest);
			INTO(scores, c * stride + r) = e;
			total += e;
		}
		LOG_LANES(loss, total);
		sums = LANES_FMA(weight, loss + (highest - own), sums);
		total = 1 / total;
		for (size_t c = 0; c < nscores; c++)
		{
			doubles		p = AT(scores, c * stride + r) * total;
			longs		is_own = target == (double) c;

			INTO(scores, c * stride + r) = p;
			INTO(slopes, c * stride + r) = weight * (p - (doubles) (is_own & (longs) splat(1)));
		}
	}
	ADD_LANES(sum, sums);
	return sum;
}

LANES_TARGET static double
LANES_NAME(squared_hinge) (double *slopes, double *curves, const double *scores,
						   const double *targets, double own, const double *weights, size_t n)
{
	doubles		sums = splat(0);
	double		sum = 0;

	for (size_t r = 0; r < n; r += LANES_N)
	{
		longs		is_own = AT(targets, r) == own;
		doubles		weight = AT(weights, r);
		doubles		y = choose(is_own, splat(1), splat(-1));
		doubles		margin = 1 - y * AT(scores, r);
		longs		counts = ~(margin <= 0);
		doubles		pull;

		margin = (doubles) ((longs) margin & counts);
		pull = weight * margin;
		INTO(slopes, r) = -2 * y * pull;
		INTO(curves, r) = (doubles) ((longs) (2 * weight) & counts);
		sums = LANES_FMA(pull, margin, sums);
	}
	ADD_LANES(sum, sums);
	return sum;
}

#undef LANES_PASTE_
#undef LANES_PASTE
#undef doubles
#undef longs
#undef splat
#undef choose
#undef AT
#undef INTO
#undef ADD_LANES
#undef EXP_LANES
#undef TWICE_ATANH_LANES
#undef LOG_LANES
#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
#undef LANES_FMA
