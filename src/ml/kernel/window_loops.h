/*-------------------------------------------------------------------------
 *
 * window_loops.h
 *	  The loops of window.h; included for each level and type by a file that
 *	  defines
 *
 *	  REAL					float or double
 *	  INDEX					the integer of that size
 *	  WINDOW_NAME(name)		what the level and the type call a function
 *	  WINDOW_TABLE			the table
 *	  WINDOW_TARGET			target attribute of the level
 *	  WINDOW_COMBINE		the level's own combine, if it has one
 *
 * Channels go in blocks of 32, whose results stay in registers: functions of a
 * block are inlined twice, for 32 channels and for fewer.
 *
 *-------------------------------------------------------------------------
 */

#ifndef WINDOW_BLOCK
#define WINDOW_BLOCK	32
#define WINDOW_INLINE	static inline __attribute__((always_inline))
#if defined(__clang__)
#define WINDOW_LOOP		_Pragma("clang loop vectorize(assume_safety)")
#else
#define WINDOW_LOOP		_Pragma("GCC ivdep")
#endif
/* for blocks [from, from + n) of all channels: run(n) with a constant n where it is whole */
#define WINDOW_BLOCKS(channels, run) \
	for (size_t from = 0; from < (channels); from += WINDOW_BLOCK) \
		if ((channels) - from >= WINDOW_BLOCK) \
		{ \
			run(WINDOW_BLOCK); \
		} \
		else \
		{ \
			run((channels) - from); \
		}
#endif

WINDOW_TARGET WINDOW_INLINE void
WINDOW_NAME(maximum_block) (REAL *y, void *at, const REAL *x, const ml_patch *patch, size_t n)
{
	REAL		best[WINDOW_BLOCK];
	INDEX		place[WINDOW_BLOCK];

	WINDOW_LOOP
	for (size_t l = 0; l < n; l++)
	{
		best[l] = x[l];
		place[l] = patch->first;
	}
	for (int64_t r = 0; r < patch->rows; r++)
		for (int64_t i = r == 0; i < patch->columns; i++)
		{
			const REAL *from = x + r * patch->x_row + i * patch->x_column;
			INDEX		here = patch->first + (INDEX) (r * patch->at_row + i);

			WINDOW_LOOP
			for (size_t l = 0; l < n; l++)
			{
				bool		more = !(from[l] <= best[l]) && best[l] == best[l];

				best[l] = more ? from[l] : best[l];
				place[l] = more ? here : place[l];
			}
		}
	memcpy(y, best, n * sizeof(REAL));
	if (at != NULL && patch->wide)
		for (size_t l = 0; l < n; l++)
			((int32_t *) at)[l] = (int32_t) place[l];
	else if (at != NULL)
		for (size_t l = 0; l < n; l++)
			((uint8_t *) at)[l] = (uint8_t) place[l];
}

WINDOW_TARGET static void
WINDOW_NAME(maximum) (void *y, void *at, const void *x, const ml_patch *patch, size_t channels)
{
	size_t		width = patch->wide ? sizeof(int32_t) : 1;

#define RUN(n) \
	WINDOW_NAME(maximum_block) ((REAL *) y + from, at == NULL ? NULL : (char *) at + from * width, \
								(const REAL *) x + from, patch, n)
	WINDOW_BLOCKS(channels, RUN)
#undef RUN
}

WINDOW_TARGET static void
WINDOW_NAME(maximum_back) (void *dx_, const void *g_, const void *at, const ml_patch *patch,
						   size_t channels)
{
	const REAL *g = g_;
	const uint8_t *bytes = at;
	const int32_t *ints = at;

	for (int64_t r = 0; r < patch->rows; r++)
		for (int64_t i = 0; i < patch->columns; i++)
		{
			REAL	   *dx = (REAL *) dx_ + r * patch->x_row + i * patch->x_column;
			int32_t		here = patch->first + (int32_t) (r * patch->at_row + i);

			if (patch->wide)
				WINDOW_LOOP
				for (size_t c = 0; c < channels; c++)
					dx[c] += ints[c] == here ? g[c] : 0;
			else
				WINDOW_LOOP
				for (size_t c = 0; c < channels; c++)
					dx[c] += bytes[c] == here ? g[c] : 0;
		}
}

WINDOW_TARGET WINDOW_INLINE void
WINDOW_NAME(sum_block) (REAL *y, const REAL *x, const ml_patch *patch, REAL factor, size_t n)
{
	REAL		sums[WINDOW_BLOCK];

	memset(sums, 0, sizeof(sums));
	for (int64_t r = 0; r < patch->rows; r++)
		for (int64_t i = 0; i < patch->columns; i++)
		{
			const REAL *from = x + r * patch->x_row + i * patch->x_column;

			WINDOW_LOOP
			for (size_t l = 0; l < n; l++)
				sums[l] += from[l];
		}
	for (size_t l = 0; l < n; l++)
		y[l] = sums[l] * factor;
}

WINDOW_TARGET static void
WINDOW_NAME(sum) (void *y, const void *x, const ml_patch *patch, double factor, size_t channels)
{
#define RUN(n) \
	WINDOW_NAME(sum_block) ((REAL *) y + from, (const REAL *) x + from, patch, (REAL) factor, n)
	WINDOW_BLOCKS(channels, RUN)
#undef RUN
}

WINDOW_TARGET static void
WINDOW_NAME(sum_back) (void *dx_, const void *g_, const ml_patch *patch, double factor_, size_t channels)
{
	const REAL *g = g_;
	REAL		factor = (REAL) factor_;

	for (int64_t r = 0; r < patch->rows; r++)
		for (int64_t i = 0; i < patch->columns; i++)
		{
			REAL	   *dx = (REAL *) dx_ + r * patch->x_row + i * patch->x_column;

			WINDOW_LOOP
			for (size_t c = 0; c < channels; c++)
				dx[c] += g[c] * factor;
		}
}

WINDOW_TARGET WINDOW_INLINE void
WINDOW_NAME(depthwise_block) (REAL *y, const REAL *x, const REAL *weights, const REAL *bias,
							  const ml_depthwise *d, size_t n)
{
	const ml_patch *patch = &d->patch;

	for (size_t p = 0; p < d->n; p++)
	{
		const REAL *w = weights;
		REAL		sums[WINDOW_BLOCK];

		if (bias == NULL)
			memset(sums, 0, sizeof(sums));
		else
			memcpy(sums, bias, n * sizeof(REAL));
		for (int64_t r = 0; r < patch->rows; r++)
			for (int64_t i = 0; i < patch->columns; i++, w += ML_PANEL)
			{
				const REAL *from = x + (int64_t) p * d->x_step + r * patch->x_row + i * patch->x_column;

				WINDOW_LOOP
				for (size_t l = 0; l < n; l++)
					sums[l] += from[l] * w[l];
			}
		memcpy(y + (int64_t) p * d->y_step, sums, n * sizeof(REAL));
	}
}

WINDOW_TARGET static void
WINDOW_NAME(depthwise) (void *y, const void *x, const void *weights, const void *bias,
						const ml_depthwise *d)
{
	if (d->lanes == WINDOW_BLOCK)
		WINDOW_NAME(depthwise_block) (y, x, weights, bias, d, WINDOW_BLOCK);
	else
		WINDOW_NAME(depthwise_block) (y, x, weights, bias, d, d->lanes);
}

WINDOW_TARGET WINDOW_INLINE void
WINDOW_NAME(depthwise_scatter) (REAL *dx_, const REAL *g_, const REAL *weights, const ml_depthwise *d,
								size_t n)
{
	const ml_patch *patch = &d->patch;

	for (size_t p = 0; p < d->n; p++)
	{
		const REAL *g = g_ + (int64_t) p * d->y_step;
		const REAL *w = weights;

		for (int64_t r = 0; r < patch->rows; r++)
			for (int64_t i = 0; i < patch->columns; i++, w += ML_PANEL)
			{
				REAL	   *dx = dx_ + (int64_t) p * d->x_step + r * patch->x_row + i * patch->x_column;

				WINDOW_LOOP
				for (size_t l = 0; l < n; l++)
					dx[l] += g[l] * w[l];
			}
	}
}

WINDOW_TARGET static void
WINDOW_NAME(depthwise_input) (void *dx, const void *g, const void *weights, const ml_depthwise *d)
{
	if (d->lanes == WINDOW_BLOCK)
		WINDOW_NAME(depthwise_scatter) (dx, g, weights, d, WINDOW_BLOCK);
	else
		WINDOW_NAME(depthwise_scatter) (dx, g, weights, d, d->lanes);
}

WINDOW_TARGET WINDOW_INLINE void
WINDOW_NAME(depthwise_sums) (REAL *sums_, const REAL *x, const REAL *g, const ml_depthwise *d, size_t n)
{
	REAL		sums[WINDOW_BLOCK];

	memset(sums, 0, sizeof(sums));
	for (size_t p = 0; p < d->n; p++)
		WINDOW_LOOP
		for (size_t l = 0; l < n; l++)
			sums[l] += x[(int64_t) p * d->x_step + (int64_t) l] * g[(int64_t) p * d->y_step + (int64_t) l];
	for (size_t l = 0; l < n; l++)
		sums_[l] += sums[l];
}

WINDOW_TARGET static void
WINDOW_NAME(depthwise_weights) (void *dweights, const void *x, const void *g, const ml_depthwise *d)
{
	const ml_patch *patch = &d->patch;
	REAL	   *sums = dweights;

	for (int64_t r = 0; r < patch->rows; r++)
		for (int64_t i = 0; i < patch->columns; i++, sums += ML_PANEL)
		{
			const REAL *from = (const REAL *) x + r * patch->x_row + i * patch->x_column;

			if (d->lanes == WINDOW_BLOCK)
				WINDOW_NAME(depthwise_sums) (sums, from, g, d, WINDOW_BLOCK);
			else
				WINDOW_NAME(depthwise_sums) (sums, from, g, d, d->lanes);
		}
}

#ifndef WINDOW_COMBINE
WINDOW_TARGET static void
WINDOW_NAME(combine) (void *y_, int64_t y_row, const void *x_, int64_t x_row, size_t rows,
					  size_t columns, const int32_t *at, const void *factors_, size_t n)
{
	const REAL *factors = factors_;

	for (size_t r = 0; r < rows; r++)
		for (size_t i = 0; i < n; i++)
		{
			REAL	   *y = (REAL *) y_ + (int64_t) r * y_row;
			const REAL *x = (const REAL *) x_ + at[i] + (int64_t) r * x_row;
			REAL		factor = factors[i];

			WINDOW_LOOP
			for (size_t j = 0; j < columns; j++)
				y[j] += factor * x[j];
		}
}
#define WINDOW_COMBINE	WINDOW_NAME(combine)
#endif

const ml_window_kernel WINDOW_TABLE = {
	.maximum = WINDOW_NAME(maximum),
	.maximum_back = WINDOW_NAME(maximum_back),
	.sum = WINDOW_NAME(sum),
	.sum_back = WINDOW_NAME(sum_back),
	.depthwise = WINDOW_NAME(depthwise),
	.depthwise_input = WINDOW_NAME(depthwise_input),
	.depthwise_weights = WINDOW_NAME(depthwise_weights),
	.combine = WINDOW_COMBINE
};

#undef REAL
#undef INDEX
#undef WINDOW_NAME
#undef WINDOW_TABLE
#undef WINDOW_COMBINE
