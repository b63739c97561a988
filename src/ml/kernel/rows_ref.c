/*-------------------------------------------------------------------------
 *
 * rows_ref.c
 *	  The kernels over training rows in plain C.
 *
 * With one weight per feature a row's cost is that of loading words at random
 * addresses, and gather and scatter instructions are no faster than these
 * loops (measured on Zen 5); so every level uses them.  Four sums keep the
 * additions from waiting for each other.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

#define KEY(word)	((word) & 0xFFFFFF)
#define COUNT(word)	((word) >> 24)

float
ml_ref_row_dot(const float *u, const uint32_t *words, size_t n, const float *tf)
{
	float		sums[4] = {0, 0, 0, 0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		sums[0] += tf[COUNT(words[i])] * u[KEY(words[i])];
		sums[1] += tf[COUNT(words[i + 1])] * u[KEY(words[i + 1])];
		sums[2] += tf[COUNT(words[i + 2])] * u[KEY(words[i + 2])];
		sums[3] += tf[COUNT(words[i + 3])] * u[KEY(words[i + 3])];
	}
	for (; i < n; i++)
		sums[0] += tf[COUNT(words[i])] * u[KEY(words[i])];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void
ml_ref_row_add(float *u, const uint32_t *words, size_t n, const float *tf, const float *idf,
			   float scale)
{
	if (idf == NULL)
	{
		for (size_t i = 0; i < n; i++)
			u[KEY(words[i])] += scale * tf[COUNT(words[i])];
		return;
	}
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	id = KEY(words[i]);

		u[id] += scale * tf[COUNT(words[i])] * (idf[id] * idf[id]);
	}
}

void
ml_ref_row_dot_wide(float *sums, const float *u, size_t width, const uint32_t *words, size_t n,
					const float *tf)
{
	for (size_t c = 0; c < width; c++)
		sums[c] = 0;
	for (size_t i = 0; i < n; i++)
	{
		const float *row = u + (size_t) KEY(words[i]) * width;
		float		value = tf[COUNT(words[i])];

		for (size_t c = 0; c < width; c++)
			sums[c] += value * row[c];
	}
}

void
ml_ref_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n, const float *tf,
					const float *idf, const float *scales)
{
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	id = KEY(words[i]);
		float	   *row = u + (size_t) id * width;
		float		value = tf[COUNT(words[i])];

		if (idf != NULL)
			value *= idf[id] * idf[id];
		for (size_t c = 0; c < width; c++)
			row[c] += value * scales[c];
	}
}

uint32_t
ml_ref_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width, uint32_t own,
				  float d, float inverse, float weight)
{
	uint32_t	result = 0;

	for (size_t c = 0; c < width; c++)
	{
		float		y = c == own ? 1 : -1;
		float		margin = y * scores[c];
		float		gradient = margin - 1 + alpha[c] * d;
		float		next = alpha[c] - gradient * inverse;
		float		projected = alpha[c] > 0 || gradient < 0 ? gradient : 0;
		float		slack = margin < 1 ? 1 - margin : 0;
		float		step;

		if ((h->valid >> c & 1) == 0)
		{
			scores[c] = 0;
			continue;
		}
		next = next > 0 ? next : 0;
		step = next - alpha[c];
		if (alpha[c] > 0 || gradient <= h->bound[c])
			result |= ML_HINGE_AWAKE;
		if (step > HINGE_TINY || step < -HINGE_TINY)
			result |= ML_HINGE_MOVED;
		h->highest[c] = projected > h->highest[c] ? projected : h->highest[c];
		h->lowest[c] = projected < h->lowest[c] ? projected : h->lowest[c];
		h->loss[c] += weight * (slack * slack);
		alpha[c] = next;
		scores[c] = y * step;
	}
	return result;
}

size_t
ml_ref_row_map(uint32_t *words, size_t n, const uint64_t *bits, const uint32_t *ranks,
			   uint32_t *df)
{
	size_t		kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bucket = KEY(words[i]);
		uint64_t	word = bits[bucket >> 6];
		uint64_t	bit = UINT64_C(1) << (bucket & 63);
		uint32_t	id;

		if ((word & bit) == 0)
			continue;
		id = ranks[bucket >> 6] + (uint32_t) __builtin_popcountll(word & (bit - 1));
		words[kept++] = (words[i] & ~UINT32_C(0xFFFFFF)) | id;
		df[id]++;
	}
	return kept;
}
