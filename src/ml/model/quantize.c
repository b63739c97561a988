/*-------------------------------------------------------------------------
 *
 * quantize.c
 *	  float weights, block after block -> int8 rows, dense or sparse.
 *
 * On 58 classes of package descriptions, leaving out weights below a
 * hundredth of their class's largest keeps 5 of 58 per feature at the same
 * accuracy; so rows of many scores are stored sparse.
 *
 * Until all scores are known, those of 16 at a time are kept as one string of
 * bytes: for each feature a mask of the weights that are not 0, and these.
 *
 *-------------------------------------------------------------------------
 */
#include "model/quantize.h"

#include "base/math.h"
#include "model/packed.h"

#define POLL_ROWS	1024
#define BINS		4096
#define STRIP		16			/* scores of one string: bits of a mask */

typedef struct strip
{
	uint8_t    *bytes;
	size_t		size;
	size_t		capacity;
	size_t		at;				/* reading, while rows are put together */
	uint32_t	n;				/* scores */
} strip;

struct ml_quantizer
{
	const uint32_t *df;
	uint32_t	nfeatures;
	uint32_t	nscores;
	double		prune;
	uint32_t	done;			/* scores added */
	float	   *scale;			/* [nscores] */
	strip	   *strips;
	uint32_t	nstrips;
	size_t		strips_capacity;
	uint8_t    *rows;
	size_t		capacity;
};

/* largest[c] = largest |u| of score c. */
static ml_status
find_largest(ml_context *ctx, const float *u, uint32_t nfeatures, uint32_t width, uint32_t n,
			 float *largest)
{
	for (uint32_t c = 0; c < n; c++)
		largest[c] = 0;
	for (uint32_t i = 0; i < nfeatures; i++)
	{
		const float *row = u + (size_t) i * width;

		for (uint32_t c = 0; c < n; c++)
		{
			float		size = fabsf(row[c]);

			/* NaN compares false and is found below */
			largest[c] = size <= largest[c] ? largest[c] : size;
		}
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t c = 0; c < n; c++)
		if (!isfinite(largest[c]))
			return ml_fail(ctx, ML_INTERNAL, "a learnt weight is not finite");
	return ML_OK;
}

/* rint of a number below 2^51 in size, which baseline x86-64 has no instruction for. */
static inline double
nearest(double x)
{
	return (x + 0x1.8p52) - 0x1.8p52;
}

/*
 * The scale with the least squared error over the occurrences of weights, of a
 * few between largest / 127 and a sixteenth of it.  A few outsize weights then
 * saturate, and the many small ones are not rounded to nothing.  counts:
 * occurrences of weights by size, BINS of them up to the largest.
 */
static float
best_scale(const double *counts, float largest)
{
	double		least = INFINITY;
	double		best = 0;

	for (int step = 0; step <= 16; step++)
	{
		double		scale = largest / 127 * ml_exp(-step * ML_LN2 / 4);
		double		error = 0;

		for (int i = 0; i < BINS; i++)
		{
			double		size = (i + 0.5) * largest / BINS;
			double		lost;

			/* most bins of a score are empty */
			if (counts[i] == 0)
				continue;
			lost = size - scale * ML_MIN(nearest(size / scale), 127.0);
			error += counts[i] * lost * lost;
		}
		if (error < least)
		{
			least = error;
			best = scale;
		}
	}
	return (float) best;
}

/*
 * How often weights of n <= STRIP scores occur, by size: counts[c][BINS] up to
 * the largest.  All scores at once, since their weights share cache lines.
 */
static ml_status
count_sizes(ml_context *ctx, const float *u, const uint32_t *df, uint32_t nfeatures,
			uint32_t width, uint32_t n, const float *largest, double *counts)
{
	memset(counts, 0, (size_t) n * BINS * sizeof(double));
	for (uint32_t i = 0; i < nfeatures; i++)
	{
		const float *row = u + (size_t) i * width;
		double		weight = df == NULL ? 1 : df[i];

		for (uint32_t c = 0; c < n; c++)
			if (largest[c] > 0)
				counts[c * BINS + ML_MIN((int) (fabsf(row[c]) / largest[c] * BINS), BINS - 1)] += weight;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* The scale of each score; 1 where all weights are 0. */
static ml_status
find_scales(ml_context *ctx, const float *u, const uint32_t *df, uint32_t nfeatures,
			uint32_t width, uint32_t n, const float *largest, float *scale)
{
	double	   *counts;
	void	   *memory;
	ml_status	status = ML_OK;

	ML_TRY(ml_alloc(ctx, ML_MIN(n, (uint32_t) STRIP) * BINS * sizeof(double), &memory));
	counts = memory;
	for (uint32_t first = 0; first < n && status == ML_OK; first += STRIP)
	{
		uint32_t	end = ML_MIN(n, first + STRIP);

		status = count_sizes(ctx, u + first, df, nfeatures, width, end - first, largest + first,
							 counts);
		for (uint32_t c = first; c < end && status == ML_OK; c++)
		{
			/* a scale must be a normal number: no weight is worth less */
			scale[c] = largest[c] / 127 / 16 < 1e-30f ? 1 :
				best_scale(counts + (c - first) * BINS, largest[c]);
			status = ml_poll(ctx);
		}
	}
	ml_release(ctx, counts);
	return status;
}

ml_status
ml_quantize_round(ml_context *ctx, float *u, const uint32_t *df, uint32_t nfeatures,
				  uint32_t width, uint32_t n, uint32_t nscores, double prune, float *scale)
{
	float		share = nscores <= ML_DENSE_SCORES ? 0 : (float) prune;
	void	   *memory;
	float	   *largest;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, n * sizeof(float), &memory));
	largest = memory;
	status = find_largest(ctx, u, nfeatures, width, n, largest);
	if (status == ML_OK)
		status = find_scales(ctx, u, df, nfeatures, width, n, largest, scale);
	for (uint32_t i = 0; i < nfeatures && status == ML_OK; i++)
	{
		float	   *row = u + (size_t) i * width;

		for (uint32_t c = 0; c < n; c++)
		{
			float		q = (float) nearest(row[c] / scale[c]);

			q = ML_MAX(-127.0f, ML_MIN(127.0f, q));
			row[c] = fabsf(row[c]) < share * largest[c] ? 0 : q * scale[c];
		}
		if (i % POLL_ROWS == 0)
			status = ml_poll(ctx);
	}
	ml_release(ctx, largest);
	return status;
}

ml_status
ml_quantizer_open(ml_context *ctx, const uint32_t *df, uint32_t nfeatures, uint32_t nscores,
				  double prune, ml_quantizer **result)
{
	void	   *memory;
	ml_quantizer *quantizer;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_quantizer), &memory));
	quantizer = *result = memory;
	quantizer->df = df;
	quantizer->nfeatures = nfeatures;
	quantizer->nscores = nscores;
	quantizer->prune = prune;
	ML_TRY(ml_alloc(ctx, nscores * sizeof(float), &memory));
	quantizer->scale = memory;
	return ML_OK;
}

void
ml_quantizer_close(ml_context *ctx, ml_quantizer *quantizer)
{
	if (quantizer == NULL)
		return;
	for (uint32_t i = 0; i < quantizer->nstrips; i++)
		ml_release(ctx, quantizer->strips[i].bytes);
	ml_release(ctx, quantizer->strips);
	ml_release(ctx, quantizer->scale);
	ml_release(ctx, quantizer->rows);
	ml_release(ctx, quantizer);
}

/* Keep n <= STRIP rounded scores that begin at u. */
static ml_status
add_strip(ml_context *ctx, ml_quantizer *quantizer, const float *u, uint32_t width, uint32_t n,
		  const float *scale)
{
	void	   *memory = quantizer->strips;
	strip	   *s;

	ML_TRY(ml_grow(ctx, &memory, &quantizer->strips_capacity, quantizer->nstrips + 1,
				   sizeof(strip)));
	quantizer->strips = memory;
	s = &quantizer->strips[quantizer->nstrips++];
	*s = (strip)
	{
		.n = n
	};
	for (uint32_t i = 0; i < quantizer->nfeatures; i++)
	{
		const float *row = u + (size_t) i * width;
		size_t		start = s->size;
		unsigned	mask = 0;

		memory = s->bytes;
		ML_TRY(ml_grow(ctx, &memory, &s->capacity, s->size + 2 + STRIP, 1));
		s->bytes = memory;
		s->size += 2;
		for (uint32_t c = 0; c < n; c++)
		{
			if (row[c] == 0)
				continue;
			mask |= 1u << c;
			s->bytes[s->size++] = (uint8_t) (int8_t) rintf(row[c] / scale[c]);
		}
		s->bytes[start] = (uint8_t) mask;
		s->bytes[start + 1] = (uint8_t) (mask >> 8);
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_quantizer_add(ml_context *ctx, ml_quantizer *quantizer, float *u, uint32_t width, uint32_t n)
{
	float	   *scale = quantizer->scale + quantizer->done;

	ML_TRY(ml_quantize_round(ctx, u, quantizer->df, quantizer->nfeatures, width, n, quantizer->nscores,
							 quantizer->prune, scale));
	for (uint32_t c = 0; c < n; c += STRIP)
		ML_TRY(add_strip(ctx, quantizer, u + c, width, ML_MIN(n - c, (uint32_t) STRIP),
						 scale + c));
	quantizer->done += n;
	return ML_OK;
}

/* The next feature's weights out of all strips. */
static void
read_weights(ml_quantizer *quantizer, int8_t *q)
{
	for (uint32_t i = 0; i < quantizer->nstrips; i++)
	{
		strip	   *s = &quantizer->strips[i];
		unsigned	mask = s->bytes[s->at] | (unsigned) s->bytes[s->at + 1] << 8;

		s->at += 2;
		for (uint32_t c = 0; c < s->n; c++)
			*q++ = mask >> c & 1 ? (int8_t) s->bytes[s->at++] : 0;
	}
}

/* Append one row as stored.h has it; returns its bytes. */
static size_t
write_row(uint8_t *out, const int8_t *q, uint32_t nscores)
{
	uint32_t	count = 0;
	size_t		used;
	bool		wide = nscores > 256;

	if (nscores <= ML_DENSE_SCORES)
	{
		memcpy(out, q, nscores);
		return nscores;
	}
	for (uint32_t c = 0; c < nscores; c++)
		count += q[c] != 0;
	if (count * (2 + wide) >= nscores)
	{
		used = ml_packed_write_count(out, nscores);
		memcpy(out + used, q, nscores);
		return used + nscores;
	}
	used = ml_packed_write_count(out, count);
	for (uint32_t c = 0; c < nscores; c++)
	{
		if (q[c] == 0)
			continue;
		out[used++] = (uint8_t) c;
		if (wide)
			out[used++] = (uint8_t) (c >> 8);
		out[used++] = (uint8_t) q[c];
	}
	return used;
}

ml_status
ml_quantizer_finish(ml_context *ctx, ml_quantizer *quantizer, ml_quantized *result)
{
	uint32_t	nscores = quantizer->nscores;
	size_t		size = 0;
	size_t		work = 0;
	void	   *q;
	ml_status	status = ML_OK;

	ML_TRY(ml_alloc(ctx, nscores, &q));
	for (uint32_t i = 0; i < quantizer->nfeatures && status == ML_OK; i++)
	{
		void	   *rows = quantizer->rows;

		status = ml_grow(ctx, &rows, &quantizer->capacity,
						 size + nscores + ML_PACKED_COUNT_MAX, 1);
		if (status != ML_OK)
			break;
		quantizer->rows = rows;
		read_weights(quantizer, q);
		size += write_row(quantizer->rows + size, q, nscores);
		work += nscores;
		if (work > POLL_ROWS * STRIP)
		{
			work = 0;
			status = ml_poll(ctx);
		}
	}
	ml_release(ctx, q);
	*result = (ml_quantized)
	{
		.nfeatures = quantizer->nfeatures,.nscores = nscores,.scale = quantizer->scale,
		.rows = quantizer->rows,.size = size
	};
	return status;
}
