/*-------------------------------------------------------------------------
 *
 * quantize.c
 *	  float weights [features, scores] -> int8 rows, dense or sparse.
 *
 * On 58 classes of package descriptions, leaving out weights below a
 * hundredth of their class's largest keeps 5 of 58 per feature at the same
 * accuracy; so rows of many scores are stored sparse.
 *
 *-------------------------------------------------------------------------
 */
#include "model/quantize.h"

#include "feature/weight.h"
#include "model/packed.h"

#include <math.h>

#define POLL_ROWS	1024

static float
idf_of(const uint8_t *idf_code, const uint16_t *idf_levels, uint32_t feature)
{
	return (float) idf_levels[idf_code[feature]] / ML_IDF_ONE;
}

/* scale[c] = largest |weight x idf| of score c / 127; 1 where all are 0. */
static ml_status
find_scales(ml_context *ctx, const float *weights, const uint8_t *idf_code,
			const uint16_t *idf_levels, ml_quantized *q)
{
	for (uint32_t c = 0; c < q->nscores; c++)
		q->scale[c] = 0;
	for (uint32_t i = 0; i < q->nfeatures; i++)
	{
		const float *row = weights + (size_t) i * q->nscores;
		float		idf = idf_of(idf_code, idf_levels, i);

		for (uint32_t c = 0; c < q->nscores; c++)
		{
			float		size = fabsf(row[c] * idf);

			if (!isfinite(size))
				return ml_fail(ctx, ML_INTERNAL, "a learnt weight is not finite");
			q->scale[c] = ML_MAX(q->scale[c], size);
		}
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	for (uint32_t c = 0; c < q->nscores; c++)
	{
		q->scale[c] /= 127;
		/* a scale must be a normal number: no weight is worth less */
		if (q->scale[c] < 1e-30f)
			q->scale[c] = 1;
	}
	return ML_OK;
}

static int8_t
quantize(float weight, float scale, float least)
{
	float		q = rintf(weight / scale);

	if (fabsf(weight) < least || !(fabsf(q) >= 1))
		return 0;
	return (int8_t) ML_MAX(-127.0f, ML_MIN(127.0f, q));
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

/* Rows go to a buffer of the host that grows, and from there to the arena. */
static ml_status
write_rows(ml_context *ctx, const float *weights, const uint8_t *idf_code,
		   const uint16_t *idf_levels, double prune, int8_t *q, ml_quantized *result,
		   void **rows)
{
	uint32_t	nscores = result->nscores;
	float		share = nscores <= ML_DENSE_SCORES ? 0 : (float) (127 * prune);
	size_t		capacity = 0;

	result->size = 0;
	for (uint32_t i = 0; i < result->nfeatures; i++)
	{
		const float *row = weights + (size_t) i * nscores;
		float		idf = idf_of(idf_code, idf_levels, i);

		for (uint32_t c = 0; c < nscores; c++)
			q[c] = quantize(row[c] * idf, result->scale[c], share * result->scale[c]);
		ML_TRY(ml_grow(ctx, rows, &capacity, result->size + nscores + ML_PACKED_COUNT_MAX, 1));
		result->size += write_row((uint8_t *) *rows + result->size, q, nscores);
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_quantize(ml_context *ctx, ml_arena *arena, const float *weights,
			uint32_t nfeatures, uint32_t nscores,
			const uint8_t *idf_code, const uint16_t *idf_levels,
			double prune, ml_quantized *result)
{
	void	   *rows = NULL;
	void	   *q;
	ml_status	status;

	*result = (ml_quantized)
	{
		.nfeatures = nfeatures,.nscores = nscores
	};
	ML_TRY(ml_arena_alloc(ctx, arena, nscores * sizeof(float), (void **) &result->scale));
	ML_TRY(ml_arena_alloc(ctx, arena, nscores, &q));
	ML_TRY(find_scales(ctx, weights, idf_code, idf_levels, result));
	status = write_rows(ctx, weights, idf_code, idf_levels, prune, q, result, &rows);
	if (status == ML_OK)
		status = ml_arena_alloc(ctx, arena, result->size, (void **) &result->rows);
	if (status == ML_OK && result->size > 0)
		memcpy(result->rows, rows, result->size);
	ml_release(ctx, rows);
	return status;
}

ml_status
ml_dequantize(ml_context *ctx, const ml_quantized *quantized,
			  const uint8_t *idf_code, const uint16_t *idf_levels, float *weights)
{
	uint32_t	nscores = quantized->nscores;
	ml_packed_reader reader = {quantized->rows, quantized->size, nscores};

	for (uint32_t i = 0; i < quantized->nfeatures; i++)
	{
		float	   *out = weights + (size_t) i * nscores;
		float		idf = idf_of(idf_code, idf_levels, i);
		ml_packed		row;

		if (!ml_packed_read(&reader, &row))
			return ml_fail(ctx, ML_INTERNAL, "quantised row %u is not sound", i);
		for (uint32_t c = 0; c < nscores; c++)
			out[c] = 0;
		for (uint32_t k = 0; k < row.count; k++)
		{
			uint32_t	c = ml_packed_score(&row, k);

			out[c] = (float) ml_packed_weight(&row, k) * quantized->scale[c] / idf;
		}
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}
