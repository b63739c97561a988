/*-------------------------------------------------------------------------
 *
 * smo_lanes.h
 *	  The loops of sequential minimal optimisation over vectors of floats;
 *	  included once for each level by a file that defines
 *
 *	  LANES_NAME(name)	what the level calls a function
 *	  LANES_TARGET		its target attribute
 *	  LANES_N			floats of a vector: 4, 8 or 16
 *	  LANES_FMA(a, b, c) a * b + c of vectors
 *
 * With the vector extensions of GCC and clang one text is as fast as
 * intrinsics at all levels.  Levels differ in the last bits (fused or not):
 * these are for training only.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define lanes		LANES_PASTE(lanes, LANES_N)
#define ilanes		LANES_PASTE(ilanes, LANES_N)
#define splat(value) ((lanes) {0} + (float) (value))
#define choose(mask, a, b) ((lanes) (((mask) & (ilanes) (a)) | (~(mask) & (ilanes) (b))))
#define PER_PANEL	(ML_SMO_LANES / LANES_N)
#define AT(array, i) (*(const lanes *) ((array) + (i)))

/* 0, 1, 2, ... */
#define COUNT_LANES(count) \
	do { \
		for (int i_ = 0; i_ < LANES_N; i_++) \
			(count)[i_] = i_; \
	} while (0)

/* e^x for x <= 0, relative error below 3e-7; 0 below -87. */
#define EXP_LANES(value) \
	do { \
		lanes x_ = (value); \
		ilanes tiny_ = x_ < -87.0f; \
		lanes n_; \
		lanes r_; \
		lanes s_; \
		\
		x_ = (lanes) ((ilanes) x_ & ~tiny_); \
		/* adding 1.5 x 2^23 rounds to whole numbers */ \
		n_ = LANES_FMA(x_, splat(1.44269504f), splat(12582912.0f)); \
		r_ = n_ - 12582912.0f; \
		x_ = LANES_FMA(r_, splat(-0.693359375f), x_); \
		x_ = LANES_FMA(r_, splat(2.12194440e-4f), x_); \
		s_ = LANES_FMA(x_, splat(1.0f / 720), splat(1.0f / 120)); \
		s_ = LANES_FMA(x_, s_, splat(1.0f / 24)); \
		s_ = LANES_FMA(x_, s_, splat(1.0f / 6)); \
		s_ = LANES_FMA(x_, s_, splat(0.5f)); \
		s_ = LANES_FMA(x_, s_, splat(1.0f)); \
		s_ = LANES_FMA(x_, s_, splat(1.0f)); \
		/* the low bits of n are the exponent to add */ \
		s_ = (lanes) ((ilanes) s_ + ((ilanes) n_ << 23)); \
		(value) = (lanes) ((ilanes) s_ & ~tiny_); \
	} while (0)

/* Vector number v of the panels, of the first of their numbers. */
#define PANEL_AT(v) \
	(panels + ((v) / PER_PANEL) * width * ML_SMO_LANES + (v) % PER_PANEL * LANES_N)

/* Four vectors at a time: enough sums to hide the latency of one. */
LANES_TARGET static void
LANES_NAME(rbf_row) (float *out, const float *panels, size_t npanels, size_t width, const float *x,
					 float gamma)
{
	size_t		last = npanels * PER_PANEL - 1;

	for (size_t v = 0; v <= last; v += 4)
	{
		const float *p0 = PANEL_AT(v);
		const float *p1 = PANEL_AT(ML_MIN(v + 1, last));
		const float *p2 = PANEL_AT(ML_MIN(v + 2, last));
		const float *p3 = PANEL_AT(ML_MIN(v + 3, last));
		lanes		s0 = {0};
		lanes		s1 = {0};
		lanes		s2 = {0};
		lanes		s3 = {0};

		for (size_t k = 0; k < width; k++)
		{
			lanes		value = splat(x[k]);
			lanes		d0 = value - AT(p0, k * ML_SMO_LANES);
			lanes		d1 = value - AT(p1, k * ML_SMO_LANES);
			lanes		d2 = value - AT(p2, k * ML_SMO_LANES);
			lanes		d3 = value - AT(p3, k * ML_SMO_LANES);

			s0 = LANES_FMA(d0, d0, s0);
			s1 = LANES_FMA(d1, d1, s1);
			s2 = LANES_FMA(d2, d2, s2);
			s3 = LANES_FMA(d3, d3, s3);
		}
		s0 *= -gamma;
		s1 *= -gamma;
		s2 *= -gamma;
		s3 *= -gamma;
		EXP_LANES(s0);
		EXP_LANES(s1);
		EXP_LANES(s2);
		EXP_LANES(s3);
		/* vectors behind the last are the last one again */
		*(lanes *) (out + ML_MIN(v + 3, last) * LANES_N) = s3;
		*(lanes *) (out + ML_MIN(v + 2, last) * LANES_N) = s2;
		*(lanes *) (out + ML_MIN(v + 1, last) * LANES_N) = s1;
		*(lanes *) (out + v * LANES_N) = s0;
	}
}

LANES_TARGET static void
LANES_NAME(polynomial_row) (float *out, const float *panels, size_t npanels, size_t width,
							const float *x, float gamma, float coef0, int degree)
{
	for (size_t v = 0; v < npanels * PER_PANEL; v++)
	{
		const float *p = PANEL_AT(v);
		lanes		sum = {0};
		lanes		power = splat(1.0f);

		for (size_t k = 0; k < width; k++)
			sum = LANES_FMA(splat(x[k]), AT(p, k * ML_SMO_LANES), sum);
		sum = LANES_FMA(sum, splat(gamma), splat(coef0));
		for (int d = 0; d < degree; d++)
			power *= sum;
		*(lanes *) (out + v * LANES_N) = power;
	}
}

/* The number of the largest lane, the first of equals. */
LANES_TARGET static size_t
LANES_NAME(largest_lane) (const float *best, const int32_t *at, float *largest)
{
	int32_t		number = at[0];

	*largest = best[0];
	for (int i = 1; i < LANES_N; i++)
		if (best[i] > *largest || (best[i] == *largest && at[i] < number))
		{
			*largest = best[i];
			number = at[i];
		}
	return (size_t) number;
}

LANES_TARGET static size_t
LANES_NAME(smo_update) (float *f, const float *ki, const float *kj, float delta, const float *upper,
						size_t n, float *highest)
{
	lanes		best = splat(-INFINITY);
	ilanes		at = {0};
	ilanes		now;

	COUNT_LANES(now);
	for (size_t i = 0; i < n; i += LANES_N, now += LANES_N)
	{
		lanes		value = LANES_FMA(splat(-delta), AT(ki, i) - AT(kj, i), AT(f, i));
		lanes		candidate = value + AT(upper, i);
		ilanes		better = candidate > best;

		*(lanes *) (f + i) = value;
		best = choose(better, candidate, best);
		at = (better & now) | (~better & at);
	}
	return LANES_NAME(largest_lane) ((const float *) &best, (const int32_t *) &at, highest);
}

LANES_TARGET static size_t
LANES_NAME(smo_choose) (const float *f, const float *lower, const float *ki, const float *diagonal,
						float kii, float fi, size_t n, float *lowest)
{
	lanes		least = splat(INFINITY);
	lanes		best = splat(-INFINITY);
	ilanes		at = {0};
	ilanes		now;
	float		gain;

	COUNT_LANES(now);
	for (size_t i = 0; i < n; i += LANES_N, now += LANES_N)
	{
		lanes		value = AT(f, i) + AT(lower, i);
		lanes		gap = fi - value;
		lanes		curve = kii + AT(diagonal, i) - 2.0f * AT(ki, i);
		ilanes		flat = curve < ML_SMO_FLAT;
		ilanes		better;
		lanes		candidate;

		least = choose(value < least, value, least);
		curve = choose(flat, splat(ML_SMO_FLAT), curve);
		candidate = choose(gap > 0.0f, gap * gap / curve, splat(-INFINITY));
		better = candidate > best;
		best = choose(better, candidate, best);
		at = (better & now) | (~better & at);
	}
	*lowest = INFINITY;
	for (int i = 0; i < LANES_N; i++)
		*lowest = least[i] < *lowest ? least[i] : *lowest;
	return LANES_NAME(largest_lane) ((const float *) &best, (const int32_t *) &at, &gain);
}

#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
#undef LANES_FMA
#undef LANES_PASTE_
#undef LANES_PASTE
#undef lanes
#undef ilanes
#undef splat
#undef choose
#undef PER_PANEL
#undef PANEL_AT
#undef AT
#undef COUNT_LANES
#undef EXP_LANES
