/*-------------------------------------------------------------------------
 *
 * network_slopes_lanes.h
 *	  GELU with its slope (network.h), over vectors of floats (part of
 *	  network_lanes.h).
 *
 * The formulas are those of base/real.h: Phi(x) from e^(-x^2 / 2), of which most
 * of the slope is made as well.  They are long chains of which each step waits for
 * the one before; so four vectors go through each step together.
 *
 *-------------------------------------------------------------------------
 */

#define GELU_VECTORS	4
#define GELU_FAR		13.0f	/* from there on Phi is 0 or 1 */

/* Each of the vectors; a step of a polynomial of all of them. */
#define EACH_VECTOR	UNROLLED for (int v = 0; v < GELU_VECTORS; v++)
#define TERM(sum, x, constant) EACH_VECTOR sum[v] = LANES_FMA(sum[v], x[v], splat(constant))

/* x becomes x Phi(x), slope[] that of it. */
INLINED void
LANES_NAME(gelu_vectors) (floats *x, floats *slope)
{
	static const float tail_terms[] = {ML_TAIL_TERMS_F32};
	floats		near[GELU_VECTORS];
	floats		n[GELU_VECTORS];
	floats		r[GELU_VECTORS];
	floats		s[GELU_VECTORS];
	floats		u[GELU_VECTORS];
	floats		gauss[GELU_VECTORS];
	floats		tail[GELU_VECTORS];

	EACH_VECTOR
	{
		/* the second operand's NaN stays */
		x[v] = LANES_MAX(splat(-GELU_FAR), x[v]);
		near[v] = LANES_MIN(splat(GELU_FAR), x[v]);
		r[v] = near[v] * near[v] * -0.5f;
		s[v] = splat(1) / LANES_FMA((floats) ((ilanes) near[v] & 0x7FFFFFFF), splat(0.4 * 0.70710678118654752440), splat(1));
	}
	/* as LANES_NAME(exp) */
	EACH_VECTOR
	{
		n[v] = LANES_FMA(r[v], splat(1.44269504f), splat(12582912.0f));
		u[v] = n[v] - 12582912.0f;
		r[v] = LANES_FMA(u[v], splat(-0.693359375f), r[v]);
		r[v] = LANES_FMA(u[v], splat(2.12194440e-4f), r[v]);
		u[v] = LANES_FMA(s[v], splat(2), splat(-1));
		gauss[v] = splat(1.9875691500e-4f);
		tail[v] = splat(tail_terms[10]);
	}
	TERM(gauss, r, 1.3981999507e-3f);
	TERM(tail, u, tail_terms[9]);
	TERM(gauss, r, 8.3334519073e-3f);
	TERM(tail, u, tail_terms[8]);
	TERM(gauss, r, 4.1665795894e-2f);
	TERM(tail, u, tail_terms[7]);
	TERM(gauss, r, 1.6666665459e-1f);
	TERM(tail, u, tail_terms[6]);
	TERM(gauss, r, 5.0000001201e-1f);
	UNROLLED
	for (int i = 5; i >= 0; i--)
		TERM(tail, u, tail_terms[i]);
	EACH_VECTOR
	{
		floats		area;

		gauss[v] = LANES_FMA(r[v] * r[v], gauss[v], r[v]) + 1.0f;
		gauss[v] = (floats) ((ilanes) gauss[v] + ((ilanes) n[v] << 23));
		area = tail[v] * s[v] * (gauss[v] * 0.5f);
		area = choose(near[v] < 0.0f, area, 1.0f - area);
		slope[v] = LANES_FMA(near[v] * 0.39894228040143267794f, gauss[v], area);
		x[v] = x[v] * area;
	}
}

LANES_TARGET static void
LANES_NAME(gelu) (float *y, float *slopes, const float *x, size_t n)
{
	const size_t step = GELU_VECTORS * LANES_N;
	floats		values[GELU_VECTORS];
	floats		slope[GELU_VECTORS];

	for (; n >= step; n -= step, x += step, y += step, slopes += step)
	{
		EACH_VECTOR values[v] = AT(x, v * LANES_N);
		LANES_NAME(gelu_vectors) (values, slope);
		EACH_VECTOR TO(y, v * LANES_N) = values[v];
		EACH_VECTOR TO(slopes, v * LANES_N) = slope[v];
	}
	if (n > 0)
	{
		memset(values, 0, sizeof(values));
		memcpy(values, x, n * sizeof(float));
		LANES_NAME(gelu_vectors) (values, slope);
		memcpy(y, values, n * sizeof(float));
		memcpy(slopes, slope, n * sizeof(float));
	}
}

#undef GELU_VECTORS
#undef GELU_FAR
#undef EACH_VECTOR
#undef TERM
