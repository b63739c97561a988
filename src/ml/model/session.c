/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Image and examples -> labels and probabilities, or numbers; scores of
 *	  text classifiers (those of tables: session_table.c, of networks: session_network.c).
 *
 * Of texts, everything up to the last step is integer arithmetic (tf and idf in fixed
 * point, int8 weights), so that a score has the same bits at every CPU level
 * and in whatever order features come; the last step is plain C in double,
 * with the exponential of base/math.h.
 *
 * It also lets us take each feature as if it occurred once, without looking at
 * counts, and then add what those that occur again weigh more.
 *
 *-------------------------------------------------------------------------
 */
#include "model/session.h"

#include "base/math.h"

/* Features between two polls and two spills of 32-bit sums: < 4096 */
#define CHUNK		4000
#define AHEAD		16			/* features between prefetch and use */

static ml_status
session_init(ml_context *ctx, ml_session *session)
{
	const ml_image *image = session->image;
	size_t		n = image->nscores;

	ml_tf_table(session->recipe.sublinear_tf, session->tf);
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, (image->format == ML_FORMAT_NETWORK ? ML_NETWORK_ROWS : ML_MACHINE_ROWS) * sizeof(double)), (void **) &session->logits));
	if (image->format == ML_FORMAT_NETWORK)
		return ml_network_session_open(ctx, session);
	if (image->format == ML_FORMAT_TABLE)
		ML_TRY(ml_table_session_open(ctx, session));
	else
	{
		ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(int64_t)), (void **) &session->sums));
		ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(int32_t)), (void **) &session->partial));
	}
	if (image->ntexts == 0)
		return ML_OK;
	return ml_encoder_open(ctx, &session->recipe, ml_image_at(image, image->vocabulary), session->kernel,
						   &session->encoder);
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
	if (session->encoder != NULL)
		ml_encoder_close(ctx, session->encoder);
	ml_table_session_close(ctx, session->table);
	ml_network_session_close(ctx, session->network);
	ml_arena_free(ctx, &session->arena);
	ml_release(ctx, session->sums);
	ml_release(ctx, session->partial);
	ml_release(ctx, session->logits);
	ml_release(ctx, session);
}

/* The tf of a feature that is counted from the second time on. */
static inline int32_t
again_tf(const ml_session *session, uint32_t feature)
{
	return (int32_t) ml_session_tf(session, 1 + ML_COUNTED_COUNT(feature));
}

static inline uint32_t
id_of(uint32_t feature, bool again)
{
	return again ? ML_COUNTED_KEY(feature) : feature;
}

/*
 * Add tf x weights of n <= CHUNK features of a dense image to the sums.
 * Returns the sum of idf^2, or of those that occur again, where tf is what that
 * adds to one occurrence, of what it adds to (tf x idf)^2.  Inlined with a
 * constant number of scores: 1, 3 or 4.
 */
static inline ml_sum128
add_dense(ml_session *session, const uint32_t *features, bool again, size_t n,
		  uint32_t nscores, uint32_t stride)
{
	const ml_text_image *image = (const ml_text_image *) session->image;
	const uint8_t *records = ml_image_at(&image->head, image->records);
	const uint16_t *levels = ml_image_at(&image->head, image->idf_levels);
	int32_t		once = session->tf[1];
	int32_t		sums[ML_DENSE_SCORES] = {0};
	uint64_t	squares = 0;
	ml_sum128	added = 0;

	for (size_t i = 0; i < n; i++)
	{
		const uint8_t *record = records + (size_t) id_of(features[i], again) * stride;
		const int8_t *weights = (const int8_t *) record + 1;
		uint32_t	level = levels[record[0]];
		int32_t		more = again ? again_tf(session, features[i]) - once : 1;

		if (i + AHEAD < n)
			__builtin_prefetch(records + (size_t) id_of(features[i + AHEAD], again) * stride);
		if (!again)
			squares += level * level;
		else
			added += (uint64_t) (level * level) * (uint64_t) (more * (more + 2 * once));
		sums[0] += more * weights[0];
		if (nscores > 1)
		{
			sums[1] += more * weights[1];
			sums[2] += more * weights[2];
		}
		if (nscores > 3)
			sums[3] += more * weights[3];
	}
	for (uint32_t c = 0; c < nscores; c++)
		session->sums[c] += (int64_t) sums[c] * (again ? 1 : once);
	return again ? added : squares;
}

/* The same of a sparse one. */
static inline ml_sum128
add_sparse(ml_session *session, const uint32_t *features, bool again, size_t n)
{
	const ml_text_image *image = (const ml_text_image *) session->image;
	const uint8_t *records = ml_image_at(&image->head, image->records);
	const uint32_t *record_at = ml_image_at(&image->head, image->record_at);
	const uint16_t *levels = ml_image_at(&image->head, image->idf_levels);
	uint32_t	nscores = image->head.nscores;
	int32_t		once = session->tf[1];
	ml_sum128	squares = 0;
	bool		spill = false;

	for (size_t i = 0; i < n; i++)
	{
		uint8_t		code;
		ml_packed	row = ml_image_record(image, id_of(features[i], again), &code);
		uint32_t	level = levels[code];
		int32_t		tf = again ? again_tf(session, features[i]) - once : once;

		if (i + 2 * AHEAD < n)
			__builtin_prefetch(record_at + id_of(features[i + 2 * AHEAD], again));
		if (i + AHEAD < n)
			__builtin_prefetch(records + record_at[id_of(features[i + AHEAD], again)]);
		squares += (uint64_t) (level * level) *
			(uint64_t) (again ? tf * (tf + 2 * once) : 1);
		if (row.dense)
		{
			if (!spill)
				memset(session->partial, 0, nscores * sizeof(int32_t));
			spill = true;
			session->kernel->accumulate_i8(session->partial, (const int8_t *) row.entries,
										   tf, nscores);
			continue;
		}
		for (uint32_t k = 0; k < row.count; k++)
			session->sums[ml_packed_score(&row, k)] += tf * ml_packed_weight(&row, k);
	}
	for (uint32_t c = 0; spill && c < nscores; c++)
		session->sums[c] += session->partial[c];
	return squares;
}

static inline ml_sum128
add_features(ml_session *session, const uint32_t *features, bool again, size_t n)
{
	switch (session->image->nscores)
	{
		case 1:
			return add_dense(session, features, again, n, 1, 2);
		case 3:
			return add_dense(session, features, again, n, 3, 4);
		case 4:
			return add_dense(session, features, again, n, 4, 8);
		default:
			return add_sparse(session, features, again, n);
	}
}

/* All features of an example -> session->sums; *length: sum of (tf x idf)^2. */
static ml_status
add_example(ml_context *ctx, ml_session *session, const ml_occurrences *found, ml_sum128 *length)
{
	uint64_t	once = session->tf[1];
	ml_sum128	squares = 0;

	memset(session->sums, 0, session->image->nscores * sizeof(int64_t));
	for (size_t i = 0; i < found->n; i += CHUNK)
	{
		squares += add_features(session, found->ids + i, false,
								ML_MIN(found->n - i, (size_t) CHUNK));
		if (i > 0)
			ML_TRY(ml_poll(ctx));
	}
	*length = squares * (once * once);
	for (size_t i = 0; i < found->nagain; i += CHUNK)
	{
		*length += add_features(session, found->again + i, true,
								ML_MIN(found->nagain - i, (size_t) CHUNK));
		if (i > 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
score_texts(ml_context *ctx, ml_session *session, const ml_value *inputs)
{
	const ml_image *image = session->image;
	const double *scale = ml_image_scale(image);
	const double *bias = ml_image_bias(image);
	const double *slope = ml_image_slope(image);
	const double *offset = ml_image_offset(image);
	ml_occurrences found;
	ml_sum128	length;
	double		unit;

	ML_TRY(ml_encoder_find(ctx, session->encoder, &inputs->text, &found));
	ML_TRY(add_example(ctx, session, &found, &length));
	/* sums are in 1 / ML_TF_ONE, the length in 1 / (ML_TF_ONE x ML_IDF_ONE) */
	if (!image->recipe.l2_norm)
		unit = 1.0 / ML_TF_ONE;
	else
		unit = length == 0 ? 0.0 : ML_IDF_ONE / sqrt((double) length);
	for (uint32_t c = 0; c < image->nscores; c++)
		session->logits[c] = slope[c] * (bias[c] + scale[c] * ((double) session->sums[c] * unit)) +
			offset[c];
	session->unit = unit;
	return ML_OK;
}

ml_status
ml_session_score(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs, size_t *done)
{
	if (session->table != NULL)
		return ml_table_session_score(ctx, session, n, inputs, done);
	if (session->network != NULL)
		return ml_network_session_score(ctx, session, n, inputs, done);
	*done = 1;
	return score_texts(ctx, session, inputs);
}

uint32_t
ml_session_best(const ml_session *session, const double *logits)
{
	const ml_image *image = session->image;
	uint32_t	best = 0;

	if (image->nscores == 1)
		return logits[0] > 0 ? image->positive : 1 - image->positive;
	for (uint32_t c = 1; c < image->nscores; c++)
		if (logits[c] > logits[best])
			best = c;
	return best;
}

static void
to_probabilities(const ml_session *session, const double *logits, double *probabilities)
{
	uint32_t	n = session->image->nscores;
	uint32_t	positive = session->image->positive;
	double		largest;
	double		sum = 0;

	if (n == 1)
	{
		/* not 1 - p: that would lose the digits of a small one */
		probabilities[1 - positive] = ml_sigmoid(-logits[0]);
		probabilities[positive] = ml_sigmoid(logits[0]);
		return;
	}
	largest = logits[ml_session_best(session, logits)];
	for (uint32_t c = 0; c < n; c++)
	{
		probabilities[c] = ml_exp(logits[c] - largest);
		sum += probabilities[c];
	}
	for (uint32_t c = 0; c < n; c++)
		probabilities[c] /= sum;
}

ml_status
ml_session_predict(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs,
				   uint32_t *labels, double *probabilities)
{
	const ml_image *image = session->image;
	size_t		done;

	if (image->task != ML_CLASSIFICATION)
		return ml_fail(ctx, ML_UNSUPPORTED, "the model predicts numbers, not labels");
	for (size_t i = 0; i < n; i += done)
	{
		session->row = i;
		ML_TRY(ml_session_score(ctx, session, n - i, inputs + i * image->ncolumns, &done));
		for (size_t r = 0; r < done; r++)
		{
			const double *logits = session->logits + r * image->nscores;

			if (labels != NULL)
				labels[i + r] = ml_session_best(session, logits);
			if (probabilities != NULL)
				to_probabilities(session, logits, probabilities + (i + r) * image->nlabels);
		}
	}
	return ML_OK;
}

ml_status
ml_session_regress(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs,
				   double *values)
{
	const ml_image *image = session->image;
	size_t		done;

	if (image->task != ML_REGRESSION)
		return ml_fail(ctx, ML_UNSUPPORTED, "the model predicts labels, not numbers");
	for (size_t i = 0; i < n; i += done)
	{
		session->row = i;
		ML_TRY(ml_session_score(ctx, session, n - i, inputs + i * image->ncolumns, &done));
		memcpy(values + i, session->logits, done * sizeof(double));
	}
	return ML_OK;
}

size_t
ml_session_row(const ml_session *session)
{
	return session->row;
}

void
ml_session_limit_decoding(ml_session *session, size_t bytes)
{
	if (session->network != NULL)
		session->network->batch.decoding = bytes;
}
