/*-------------------------------------------------------------------------
 *
 * machine_lanes.h
 *	  The loops of kernel machines that serve, over vectors of floats; included
 *	  once for each level by a file that defines
 *
 *	  LANES_NAME(name)	what the level calls a function
 *	  LANES_TARGET		its target attribute
 *	  LANES_N			floats of a vector: 4, 8 or 16
 *
 * Each vector of a panel has a lane of its own, in which the same plain
 * multiplications and additions follow each other at every level, none fused:
 * so the bits are the same whatever LANES_N.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define lanes		LANES_PASTE(lanes, LANES_N)
#define ilanes		LANES_PASTE(ilanes, LANES_N)
#define dlanes		LANES_PASTE(dlanes, LANES_N)
#define splat(value) ((lanes) {0} + (float) (value))
#define PER_PANEL	(ML_MACHINE_LANES / LANES_N)
#define AT(array, i) (*(const lanes *) ((array) + (i)))
#define INLINED		LANES_TARGET static inline __attribute__((always_inline))
#define UNROLLED	_Pragma("GCC unroll 8")

/* Vector number v of the panels. */
#define PANEL_AT(v) \
	(panels + ((v) / PER_PANEL) * width * ML_MACHINE_LANES + (v) % PER_PANEL * LANES_N)

/* e^x for x <= 0, relative error below 3e-7; 0 below -87. */
INLINED void
LANES_NAME(exp) (lanes *value)
{
	lanes		x = *value;
	ilanes		tiny = x < -87.0f;
	lanes		n;
	lanes		s;

	x = (lanes) ((ilanes) x & ~tiny);
	/* adding 1.5 x 2^23 rounds to whole numbers */
	n = x * 1.44269504f + 12582912.0f;
	s = n - 12582912.0f;
	/* ln 2 in two parts; the product with the first is exact */
	x = x - s * 0.693359375f;
	x = x + s * 2.12194440e-4f;
	s = x * (1.0f / 720) + (1.0f / 120);
	s = x * s + (1.0f / 24);
	s = x * s + (1.0f / 6);
	s = x * s + 0.5f;
	s = x * s + 1.0f;
	s = x * s + 1.0f;
	/* the low bits of n are the exponent to add */
	s = (lanes) ((ilanes) s + ((ilanes) n << 23));
	*value = (lanes) ((ilanes) s & ~tiny);
}

/* (gamma product + coef0)^degree */
INLINED void
LANES_NAME(power) (lanes *value, const ml_machine_terms *terms)
{
	lanes		base = *value * terms->gamma + terms->coef0;
	lanes		power = base;

	for (int d = 1; d < terms->degree; d++)
		power = power * base;
	*value = power;
}

/*
 * "rows" rows against "count" vectors from number "first" on; those behind the
 * last are the last one again.  Inlined with constant rows, count and rbf.
 */
INLINED void
LANES_NAME(tile) (float *out, size_t stride, const float *panels, size_t width, size_t first,
				  size_t last, const float *x, const ml_machine_terms *terms, int rows, int count,
				  bool rbf)
{
	const float *p[4];
	lanes		sums[8];

	UNROLLED
	for (int v = 0; v < count; v++)
		p[v] = PANEL_AT(ML_MIN(first + (size_t) v, last));
	UNROLLED
	for (int i = 0; i < rows * count; i++)
		sums[i] = splat(0);
	for (size_t k = 0; k < width; k++)
	{
		lanes		values[4];

		UNROLLED
		for (int v = 0; v < count; v++)
			values[v] = AT(p[v], k * ML_MACHINE_LANES);
		UNROLLED
		for (int i = 0; i < rows * count; i++)
		{
			lanes		own = splat(x[(size_t) (i / count) * width + k]);
			lanes		other = values[i % count];

			if (rbf)
				sums[i] = sums[i] + (own - other) * (own - other);
			else
				sums[i] = sums[i] + own * other;
		}
	}
	UNROLLED
	for (int i = 0; i < rows * count; i++)
	{
		float	   *to = out + (size_t) (i / count) * stride + ML_MIN(first + (size_t) (i % count), last) * LANES_N;

		if (rbf)
		{
			sums[i] = sums[i] * -terms->gamma;
			LANES_NAME(exp) (&sums[i]);
		}
		else
			LANES_NAME(power) (&sums[i], terms);
		*(lanes *) to = sums[i];
	}
}

/* Four rows, two vectors at a time; or one row, four vectors: enough sums to hide the latency of one. */
INLINED void
LANES_NAME(row_tiles) (float *out, size_t stride, const float *panels, size_t npanels, size_t width,
					   const float *x, size_t nrows, const ml_machine_terms *terms, bool rbf)
{
	size_t		last = npanels * PER_PANEL - 1;

	if (nrows == ML_MACHINE_ROWS)
		for (size_t v = 0; v <= last; v += 2)
			LANES_NAME(tile) (out, stride, panels, width, v, last, x, terms, ML_MACHINE_ROWS, 2, rbf);
	else
		for (size_t r = 0; r < nrows; r++)
			for (size_t v = 0; v <= last; v += 4)
				LANES_NAME(tile) (out + r * stride, stride, panels, width, v, last, x + r * width, terms, 1, 4, rbf);
}

LANES_TARGET static void
LANES_NAME(machine_rbf) (float *out, size_t stride, const float *panels, size_t npanels, size_t width,
						 const float *x, size_t nrows, const ml_machine_terms *terms)
{
	LANES_NAME(row_tiles) (out, stride, panels, npanels, width, x, nrows, terms, true);
}

LANES_TARGET static void
LANES_NAME(machine_polynomial) (float *out, size_t stride, const float *panels, size_t npanels,
								size_t width, const float *x, size_t nrows,
								const ml_machine_terms *terms)
{
	LANES_NAME(row_tiles) (out, stride, panels, npanels, width, x, nrows, terms, false);
}

LANES_TARGET static void
LANES_NAME(machine_sums) (double *sums, const float *values, const float *coefficients, size_t npanels)
{
	dlanes		s[PER_PANEL];

	UNROLLED
	for (int v = 0; v < PER_PANEL; v++)
		s[v] = *(const dlanes *) (sums + v * LANES_N);
	for (size_t i = 0; i < npanels * ML_MACHINE_LANES; i += ML_MACHINE_LANES)
	{
		UNROLLED
		for (int v = 0; v < PER_PANEL; v++)
			s[v] = s[v] + __builtin_convertvector(AT(values, i + v * LANES_N), dlanes) *
				__builtin_convertvector(AT(coefficients, i + v * LANES_N), dlanes);
	}
	UNROLLED
	for (int v = 0; v < PER_PANEL; v++)
		*(dlanes *) (sums + v * LANES_N) = s[v];
}

#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
#undef LANES_PASTE_
#undef LANES_PASTE
#undef lanes
#undef ilanes
#undef dlanes
#undef splat
#undef PER_PANEL
#undef AT
#undef INLINED
#undef UNROLLED
#undef PANEL_AT
