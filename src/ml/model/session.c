/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Image and texts -> labels and probabilities.
 *
 * Everything up to the last step is integer arithmetic (tf and idf in fixed
 * point, int8 weights), so that a score has the same bits at every CPU level
 * and in whatever order features come; the last step is plain C in double,
 * with the exponential of base/math.h.
 *
 *-------------------------------------------------------------------------
 */
#include "model/session.h"

#include "base/math.h"

/* Features between two polls and two spills of 32-bit sums: < 4096 */
#define CHUNK		4000
#define AHEAD		16			/* features between prefetch and use */

__extension__ typedef unsigned __int128 sum128;

static ml_status
session_init(ml_context *ctx, ml_session *session)
{
	const ml_image *image = session->image;
	const ml_vocabulary *vocabulary = ml_image_at(image, image->vocabulary);
	size_t		n = image->nscores;

	ml_tf_table(session->recipe.sublinear_tf, session->tf);
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(int64_t)), (void **) &session->sums));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(int32_t)), (void **) &session->partial));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(double)), (void **) &session->logits));
	return ml_encoder_open(ctx, &session->recipe, vocabulary, session->kernel, &session->encoder);
}

ml_status
ml_session_open(ml_context *ctx, const ml_image *image, const ml_kernel *kernel,
				ml_session **result)
{
	ml_session *session;
	ml_status	status;

	*result = NULL;
	if (image->magic != ML_IMAGE_MAGIC || image->layout != ML_PACK_LAYOUT)
		return ml_fail(ctx, ML_INTERNAL, "this is not an image of this build");
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_session), (void **) &session));
	session->image = image;
	session->kernel = kernel;
	session->recipe = image->recipe;
	status = session_init(ctx, session);
	if (status != ML_OK)
		ml_session_close(ctx, session);
	else
		*result = session;
	return status;
}

void
ml_session_close(ml_context *ctx, ml_session *session)
{
	if (session == NULL)
		return;
	ml_encoder_close(ctx, session->encoder);
	ml_arena_free(ctx, &session->arena);
	ml_release(ctx, session->sums);
	ml_release(ctx, session->partial);
	ml_release(ctx, session->logits);
	ml_release(ctx, session);
}

/*
 * Add n features of a dense image to the sums; returns their squared length.
 * Inlined with a constant number of scores: 1, 3 or 4.
 */
static inline sum128
add_dense(ml_session *session, const uint32_t *keys, const uint32_t *counts, size_t n,
		  uint32_t nscores, uint32_t stride)
{
	const uint8_t *records = ml_image_at(session->image, session->image->records);
	const uint16_t *levels = ml_image_at(session->image, session->image->idf_levels);
	int64_t		sums[ML_DENSE_SCORES] = {0};
	sum128		length = 0;

	for (size_t i = 0; i < n; i++)
	{
		const uint8_t *record = records + (size_t) keys[i] * stride;
		const int8_t *weights = (const int8_t *) record + 1;
		int32_t		tf = (int32_t) ml_session_tf(session, counts[i]);
		uint64_t	value = (uint64_t) tf * levels[record[0]];

		if (i + AHEAD < n)
			__builtin_prefetch(records + (size_t) keys[i + AHEAD] * stride);
		length += value * value;
		sums[0] += tf * weights[0];
		if (nscores > 1)
		{
			sums[1] += tf * weights[1];
			sums[2] += tf * weights[2];
		}
		if (nscores > 3)
			sums[3] += tf * weights[3];
	}
	for (uint32_t c = 0; c < nscores; c++)
		session->sums[c] += sums[c];
	return length;
}

static sum128
add_sparse(ml_session *session, const uint32_t *keys, const uint32_t *counts, size_t n)
{
	const ml_image *image = session->image;
	const uint8_t *records = ml_image_at(image, image->records);
	const uint32_t *record_at = ml_image_at(image, image->record_at);
	const uint16_t *levels = ml_image_at(image, image->idf_levels);
	sum128		length = 0;
	bool		spill = false;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	tf = ml_session_tf(session, counts[i]);
		uint8_t		code;
		ml_packed	row = ml_image_record(image, keys[i], &code);
		uint64_t	value = (uint64_t) tf * levels[code];

		if (i + 2 * AHEAD < n)
			__builtin_prefetch(record_at + keys[i + 2 * AHEAD]);
		if (i + AHEAD < n)
			__builtin_prefetch(records + record_at[keys[i + AHEAD]]);
		length += value * value;
		if (row.dense)
		{
			if (!spill)
				memset(session->partial, 0, image->nscores * sizeof(int32_t));
			spill = true;
			session->kernel->accumulate_i8(session->partial, (const int8_t *) row.entries,
										   (int32_t) tf, image->nscores);
			continue;
		}
		for (uint32_t k = 0; k < row.count; k++)
			session->sums[ml_packed_score(&row, k)] += (int32_t) tf * ml_packed_weight(&row, k);
	}
	for (uint32_t c = 0; spill && c < image->nscores; c++)
		session->sums[c] += session->partial[c];
	return length;
}

static sum128
add_features(ml_session *session, const uint32_t *keys, const uint32_t *counts, size_t n)
{
	switch (session->image->nscores)
	{
		case 1:
			return add_dense(session, keys, counts, n, 1, 2);
		case 3:
			return add_dense(session, keys, counts, n, 3, 4);
		case 4:
			return add_dense(session, keys, counts, n, 4, 8);
		default:
			return add_sparse(session, keys, counts, n);
	}
}

ml_status
ml_session_score(ml_context *ctx, ml_session *session, const ml_features *features,
				 double *unit)
{
	const ml_image *image = session->image;
	const double *scale = ml_image_scale(image);
	const double *bias = ml_image_bias(image);
	const double *slope = ml_image_slope(image);
	const double *offset = ml_image_offset(image);
	sum128		length = 0;

	memset(session->sums, 0, image->nscores * sizeof(int64_t));
	for (size_t i = 0; i < features->n; i += CHUNK)
	{
		if (i > 0)
			ML_TRY(ml_poll(ctx));
		length += add_features(session, features->keys + i, features->counts + i,
							   ML_MIN(features->n - i, (size_t) CHUNK));
	}
	/* sums are in 1 / ML_TF_ONE, the length in 1 / (ML_TF_ONE x ML_IDF_ONE) */
	if (!image->recipe.l2_norm)
		*unit = 1.0 / ML_TF_ONE;
	else
		*unit = length == 0 ? 0.0 : ML_IDF_ONE / sqrt((double) length);
	for (uint32_t c = 0; c < image->nscores; c++)
		session->logits[c] = slope[c] * (bias[c] + scale[c] * ((double) session->sums[c] * *unit)) +
			offset[c];
	return ML_OK;
}

uint32_t
ml_session_best(const ml_session *session)
{
	uint32_t	best = 0;

	if (session->image->nscores == 1)
		return session->logits[0] > 0;
	for (uint32_t c = 1; c < session->image->nscores; c++)
		if (session->logits[c] > session->logits[best])
			best = c;
	return best;
}

static void
to_probabilities(const ml_session *session, double *probabilities)
{
	uint32_t	n = session->image->nscores;
	double		largest;
	double		sum = 0;

	if (n == 1)
	{
		/* not 1 - p: that would lose the digits of a small one */
		probabilities[0] = ml_sigmoid(-session->logits[0]);
		probabilities[1] = ml_sigmoid(session->logits[0]);
		return;
	}
	largest = session->logits[ml_session_best(session)];
	for (uint32_t c = 0; c < n; c++)
	{
		probabilities[c] = ml_exp(session->logits[c] - largest);
		sum += probabilities[c];
	}
	for (uint32_t c = 0; c < n; c++)
		probabilities[c] /= sum;
}

ml_status
ml_session_predict(ml_context *ctx, ml_session *session, size_t n, const ml_text *inputs,
				   uint32_t *labels, double *probabilities)
{
	const ml_image *image = session->image;

	for (size_t i = 0; i < n; i++)
	{
		ml_features features;
		double		unit;

		ML_TRY(ml_encoder_run(ctx, session->encoder, inputs + i * image->ncolumns, &features));
		ML_TRY(ml_session_score(ctx, session, &features, &unit));
		if (labels != NULL)
			labels[i] = ml_session_best(session);
		if (probabilities != NULL)
			to_probabilities(session, probabilities + i * image->nlabels);
	}
	return ML_OK;
}
