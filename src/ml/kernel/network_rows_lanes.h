/*-------------------------------------------------------------------------
 *
 * network_rows_lanes.h
 *	  Fused loops over rows (network.h), over vectors of floats (part of
 *	  network_lanes.h).
 *
 * Nothing is fused into multiply-adds and sums go over 16 virtual lanes, so all
 * of it is the same bits at every level.
 *
 *-------------------------------------------------------------------------
 */

#define SUMS		(16 / LANES_N)	/* vectors of the virtual lanes */

/*
 * e^x of count vectors, relative error below 2e-7; 0 below -87, for x <= 88
 * (Moshier, Cephes: expf).  Several go through each step together: one alone would
 * wait for its own chain.
 */
#define MOST		4
#define EACH(step)	UNROLLED for (int v = 0; v < count; v++) step

INLINED void
LANES_NAME(exps) (floats *x, const int count)
{
	static const float terms[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
	ilanes		tiny[MOST];
	floats		n[MOST];
	floats		s[MOST];

	EACH({
		tiny[v] = x[v] < -87.0f;
		x[v] = (floats) ((ilanes) x[v] & ~tiny[v]);
		/* adding 1.5 x 2^23 rounds to whole numbers */
		n[v] = x[v] * 1.44269504f + 12582912.0f;
		s[v] = n[v] - 12582912.0f;
		/* ln 2 in two parts; the product with the first is exact */
		x[v] = x[v] - s[v] * 0.693359375f;
		x[v] = x[v] + s[v] * 2.12194440e-4f;
		s[v] = splat(1.9875691500e-4f);
	});
	UNROLLED
	for (int i = 0; i < 5; i++)
		EACH(s[v] = x[v] * s[v] + terms[i];);
	EACH({
		s[v] = x[v] * x[v] * s[v] + x[v] + 1.0f;
		/* the low bits of n are the exponent to add */
		s[v] = (floats) ((ilanes) s[v] + ((ilanes) n[v] << 23));
		x[v] = (floats) ((ilanes) s[v] & ~tiny[v]);
	});
}

INLINED floats
LANES_NAME(exp) (floats x)
{
	LANES_NAME(exps) (&x, 1);
	return x;
}

/* The sum of 16 virtual lanes: halves, quarters, eighths are added. */
INLINED float
LANES_NAME(fold) (const floats *sums)
{
	const float *s = (const float *) sums;
	lanes4		quarter = (*(const lanes4 *) s + *(const lanes4 *) (s + 8)) +
		(*(const lanes4 *) (s + 4) + *(const lanes4 *) (s + 12));

	return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

/*
 * For vectors at i of n numbers: whole ones, then the last one of "rest"
 * numbers, if any.  The body is written twice by the compiler; in it, AT_ROW
 * and TO_ROW read and write vectors, "lane" is the number of the vector in SUMS.
 */
#define FOR_ROW(n, body) \
	do { \
		size_t		i = 0; \
		const size_t rest = (n) % LANES_N; \
		\
		for (; i + LANES_N * SUMS <= (n); i += LANES_N * SUMS) \
		{ \
			UNROLLED \
			for (size_t lane = 0; lane < SUMS; lane++) \
			{ \
				const bool	cut = false; \
				const size_t at = i + lane * LANES_N; \
				\
				body \
			} \
		} \
		for (size_t lane = 0; i + LANES_N <= (n); i += LANES_N, lane++) \
		{ \
			const bool	cut = false; \
			const size_t at = i; \
			\
			body \
		} \
		if (rest) \
		{ \
			const bool	cut = true; \
			const size_t at = i; \
			const size_t lane = i / LANES_N % SUMS; \
			(void) lane; \
			\
			body \
		} \
	} while (0)
#define AT_ROW(x)	(cut ? LANES_NAME(load_part) ((x) + at, rest) : AT(x, at))
#define TO_ROW(y, value) \
	do { \
		if (cut) \
			LANES_NAME(store_part) ((y) + at, (value), rest); \
		else \
			TO(y, at) = (value); \
	} while (0)

/* The vector with other lanes than those that exist set to a value. */
INLINED floats
LANES_NAME(fill) (floats x, bool cut, size_t rest, float value)
{
	if (cut)
		for (size_t i = 0; i < LANES_N; i++)
			x[i] = i < rest ? x[i] : value;
	return x;
}

INLINED lanes4
LANES_NAME(greater) (lanes4 a, lanes4 b)
{
	ilanes4		better = a > b;

	return (lanes4) ((better & (ilanes4) a) | (~better & (ilanes4) b));
}

/* NaN counts as nothing. */
LANES_TARGET static float
LANES_NAME(row_maximum) (const float *x, size_t n)
{
	floats		best[SUMS];
	const float *b = (const float *) best;
	lanes4		quarter = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};

	UNROLLED
	for (int i = 0; i < SUMS; i++)
		best[i] = splat(-INFINITY);
	FOR_ROW(n, {
		floats		value = LANES_NAME(fill) (AT_ROW(x), cut, rest, -INFINITY);

		best[lane] = LANES_MAX(value, best[lane]);
	});
	/* no order of comparisons changes a maximum; branches would be guessed wrong half the time */
	UNROLLED
	for (int i = 0; i < 16; i += 4)
		quarter = LANES_NAME(greater) (*(const lanes4 *) (b + i), quarter);
	quarter = LANES_NAME(greater) ((lanes4) {quarter[2], quarter[3], quarter[0], quarter[1]}, quarter);
	quarter = LANES_NAME(greater) ((lanes4) {quarter[1], quarter[0], quarter[3], quarter[2]}, quarter);
	return quarter[0];
}

/* A row's scores become exp(scale score - most); returns their sum. */
INLINED float
LANES_NAME(weigh) (float *scores, size_t n, float scale, float most)
{
	size_t		i = 0;
	floats		sums[SUMS];

	UNROLLED
	for (int k = 0; k < SUMS; k++)
		sums[k] = splat(0);
	for (; i + MOST * LANES_N <= n; i += MOST * LANES_N)
	{
		const int	count = MOST;
		floats		x[MOST];

		EACH(x[v] = AT(scores, i + (size_t) v * LANES_N) * scale - most;);
		LANES_NAME(exps) (x, count);
		EACH({
			TO(scores, i + (size_t) v * LANES_N) = x[v];
			sums[v % SUMS] += x[v];
		});
	}
	scores += i;
	n -= i;
	if (n > 0)
		FOR_ROW(n, {
			floats		value = LANES_NAME(exp) (AT_ROW(scores) * scale - most);

			TO_ROW(scores, value);
			sums[lane] += LANES_NAME(fill) (value, cut, rest, 0.0f);
		});
	return LANES_NAME(fold) (sums);
}

LANES_TARGET static void
LANES_NAME(attend) (float *scores, int64_t row, const size_t *n, size_t rows, float scale, float *maxima,
					float *sums, float *factors)
{
	for (size_t r = 0; r < rows; r++)
	{
		float		before = maxima[r];

		factors[r] = 1;
		if (n[r] == 0)
			continue;
		maxima[r] = ML_MAX(before, LANES_NAME(row_maximum) (scores + (int64_t) r * row, n[r]) * scale);
		factors[r] = before == -INFINITY ? 0 : LANES_NAME(exp) (splat(before - maxima[r]))[0];
	}
	for (size_t r = 0; r < rows; r++)
		if (n[r] > 0)
			sums[r] = sums[r] * factors[r] + LANES_NAME(weigh) (scores + (int64_t) r * row, n[r], scale, maxima[r]);
}

LANES_TARGET static void
LANES_NAME(attend_back) (float *scores, float *slopes, size_t n, float scale, float logsum, float shift)
{
	LANES_NAME(weigh) (scores, n, scale, logsum);
	FOR_ROW(n, TO_ROW(slopes, AT_ROW(scores) * (AT_ROW(slopes) - shift) * scale););
}

LANES_TARGET static void
LANES_NAME(dots) (float *to, const float *x, int64_t x_row, const float *y, int64_t y_row, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++, x += x_row, y += y_row)
	{
		floats		sums[SUMS];

		UNROLLED
		for (int i = 0; i < SUMS; i++)
			sums[i] = splat(0);
		/* both are 0 behind the end */
		FOR_ROW(n, sums[lane] += AT_ROW(x) * AT_ROW(y););
		to[r] = LANES_NAME(fold) (sums);
	}
}

/* "count" vectors of columns at a time. */
INLINED void
LANES_NAME(sum_columns) (float *sums, const float *x, int64_t x_row, size_t rows, const int count,
						 const size_t part, bool add)
{
	floats		s[8];

	UNROLLED
	for (int v = 0; v < count; v++)
		s[v] = !add ? splat(0) : part ? LANES_NAME(load_part) (sums, part) : AT(sums, v * LANES_N);
	for (size_t r = 0; r < rows; r++, x += x_row)
		UNROLLED
		for (int v = 0; v < count; v++)
			s[v] += part ? LANES_NAME(load_part) (x, part) : AT(x, v * LANES_N);
	UNROLLED
	for (int v = 0; v < count; v++)
		if (part)
			LANES_NAME(store_part) (sums, s[v], part);
		else
			TO(sums, v * LANES_N) = s[v];
}

LANES_TARGET static void
LANES_NAME(sum_rows) (float *sums, const float *x, int64_t x_row, size_t rows, size_t columns, bool add)
{
	size_t		c = 0;

	for (; c + 8 * LANES_N <= columns; c += 8 * LANES_N)
		LANES_NAME(sum_columns) (sums + c, x + c, x_row, rows, 8, 0, add);
	for (; c + LANES_N <= columns; c += LANES_N)
		LANES_NAME(sum_columns) (sums + c, x + c, x_row, rows, 1, 0, add);
	if (c < columns)
		LANES_NAME(sum_columns) (sums + c, x + c, x_row, rows, 1, columns - c, add);
}

LANES_TARGET static void
LANES_NAME(pack) (float *panels, int64_t panel, const float *from, int64_t from_row, size_t rows,
				  size_t columns)
{
	for (size_t c = 0; c < columns; c += ML_PANEL, panels += panel)
	{
		size_t		n = ML_MIN(columns - c, ML_PANEL);

		for (size_t r = 0; r < rows; r++)
		{
			const float *x = from + (int64_t) r * from_row + c;
			float	   *to = panels + r * ML_PANEL;

			if (n == ML_PANEL)
				UNROLLED
				for (int i = 0; i < ML_PANEL; i += LANES_N)
					TO(to, i) = AT(x, i);
			else
				for (size_t i = 0; i < ML_PANEL; i += LANES_N)
					TO(to, i) = i + LANES_N <= n ? AT(x, i) :
						i < n ? LANES_NAME(load_part) (x + i, n - i) : splat(0);
		}
	}
}

LANES_TARGET static void
LANES_NAME(widen_bf16) (float *to, const uint16_t *from, size_t rows)
{
	for (size_t i = 0; i < rows * ML_PANEL; i += LANES_N)
		TO(to, i) = (floats) (__builtin_convertvector(*(const hlanes *) (from + i), ilanes) << 16);
}

LANES_TARGET static void
LANES_NAME(widen_q8) (float *to, const void *from, size_t rows)
{
	const char *group = from;

	for (size_t r = 0; r < rows; r += ML_PANEL, group += ML_Q8_GROUP, to += ML_PANEL * ML_PANEL)
		for (size_t i = 0; i < ML_PANEL * ML_PANEL; i += LANES_N)
		{
			floats		scale = *(const floats *) (group + 4 * (i % ML_PANEL));

			TO(to, i) = scale * __builtin_convertvector(*(const blanes *) (group + 4 * ML_PANEL + i), floats);
		}
}

#undef SUMS
#undef FOR_ROW
#undef AT_ROW
#undef TO_ROW
#undef MOST
#undef EACH
