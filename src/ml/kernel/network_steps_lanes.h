/*-------------------------------------------------------------------------
 *
 * network_steps_lanes.h
 *	  Steps of optimisers (network.h), over vectors of floats (part of
 *	  network_lanes.h).
 *
 * One pass over weights, gradients and moments: these loops wait for memory,
 * so all that is done to a number is done while it is there.
 *
 *-------------------------------------------------------------------------
 */

/* As of network_rows_lanes.h: the vectors of n numbers, the last one cut. */
#define FOR_STEP(n, body) \
	do { \
		size_t		at = 0; \
		const size_t rest = (n) % LANES_N; \
		\
		for (; at + LANES_N <= (n); at += LANES_N) \
		{ \
			const bool	cut = false; \
			\
			body \
		} \
		if (rest) \
		{ \
			const bool	cut = true; \
			\
			body \
		} \
	} while (0)
#define AT_STEP(x)	(cut ? LANES_NAME(load_part) ((x) + at, rest) : AT(x, at))
#define TO_STEP(y, value) \
	do { \
		if (cut) \
			LANES_NAME(store_part) ((y) + at, (value), rest); \
		else \
			TO(y, at) = (value); \
	} while (0)

/* The weight, shrunk, and its gradient, clipped and decayed. */
#define WEIGHT_AND_GRADIENT \
	floats		weight = AT_STEP(w) * s->shrink; \
	floats		gradient = LANES_NAME(gradient) (s, weight, g ? AT_STEP(g) : splat(0));

INLINED floats
LANES_NAME(gradient) (const ml_step *s, floats weight, floats g)
{
	g = g * s->scale;
	/* the second operand's NaN stays */
	g = LANES_MAX(splat(-s->limit), g);
	g = LANES_MIN(splat(s->limit), g);
	return LANES_FMA(splat(s->decay), weight, g);
}

LANES_TARGET static double
LANES_NAME(norm2) (const float *g, size_t n)
{
	dlanes		sums[4];
	double		total = 0;
	size_t		i = 0;

	UNROLLED
	for (int k = 0; k < 4; k++)
		sums[k] = (dlanes) {0};
	for (; i + 4 * LANES_N <= n; i += 4 * LANES_N)
		UNROLLED
		for (int k = 0; k < 4; k++)
		{
			dlanes		x = __builtin_convertvector(AT(g, i + (size_t) k * LANES_N), dlanes);

			sums[k] += x * x;
		}
	for (; i < n; i++)
		total += (double) g[i] * g[i];
	sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
	for (int k = 0; k < LANES_N; k++)
		total += sums[0][k];
	return total;
}

LANES_TARGET static void
LANES_NAME(sgd) (const ml_step *s, float *w, const float *g, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		TO_STEP(w, LANES_FMA(splat(-s->rate), gradient, weight));
	});
}

LANES_TARGET static void
LANES_NAME(momentum) (const ml_step *s, float *w, const float *g, float *m, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		moment = LANES_FMA(splat(s->beta1), AT_STEP(m), gradient);

		TO_STEP(m, moment);
		TO_STEP(w, LANES_FMA(splat(-s->rate), moment, weight));
	});
}

LANES_TARGET static void
LANES_NAME(nesterov) (const ml_step *s, float *w, const float *g, float *m, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		moment = LANES_FMA(splat(s->beta1), AT_STEP(m), gradient);

		TO_STEP(m, moment);
		gradient = LANES_FMA(splat(s->beta1), moment, gradient);
		TO_STEP(w, LANES_FMA(splat(-s->rate), gradient, weight));
	});
}

LANES_TARGET static void
LANES_NAME(adagrad) (const ml_step *s, float *w, const float *g, float *v, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		square = LANES_FMA(gradient, gradient, AT_STEP(v));

		TO_STEP(v, square);
		gradient = gradient / (LANES_SQRT(square) + s->epsilon);
		TO_STEP(w, LANES_FMA(splat(-s->rate), gradient, weight));
	});
}

LANES_TARGET static void
LANES_NAME(rmsprop) (const ml_step *s, float *w, const float *g, float *v, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		square = LANES_FMA(gradient * s->rest2, gradient, AT_STEP(v) * s->beta2);

		TO_STEP(v, square);
		gradient = gradient / (LANES_SQRT(square) + s->epsilon);
		TO_STEP(w, LANES_FMA(splat(-s->rate), gradient, weight));
	});
}

LANES_TARGET static void
LANES_NAME(rmsprop_momentum) (const ml_step *s, float *w, const float *g, float *m, float *v, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		square = LANES_FMA(gradient * s->rest2, gradient, AT_STEP(v) * s->beta2);
		floats		moment = LANES_FMA(splat(s->beta1), AT_STEP(m),
									   gradient / (LANES_SQRT(square) + s->epsilon));

		TO_STEP(v, square);
		TO_STEP(m, moment);
		TO_STEP(w, LANES_FMA(splat(-s->rate), moment, weight));
	});
}

LANES_TARGET static void
LANES_NAME(adam) (const ml_step *s, float *w, const float *g, float *m, float *v, size_t n)
{
	FOR_STEP(n, {
		WEIGHT_AND_GRADIENT
		floats		moment = AT_STEP(m);
		floats		square = LANES_FMA(gradient * s->rest2, gradient, AT_STEP(v) * s->beta2);
		floats		root = LANES_FMA(LANES_SQRT(square), splat(s->root), splat(s->epsilon));

		moment = LANES_FMA(gradient - moment, splat(s->rest1), moment);
		TO_STEP(m, moment);
		TO_STEP(v, square);
		TO_STEP(w, LANES_FMA(splat(-s->rate), moment / root, weight));
	});
}

#undef FOR_STEP
#undef AT_STEP
#undef TO_STEP
#undef WEIGHT_AND_GRADIENT
