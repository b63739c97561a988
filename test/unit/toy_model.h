/*-------------------------------------------------------------------------
 *
 * toy_model.h
 *	  A stored model made without a trainer: the features of given texts, with
 *	  weights out of a hat.
 *
 * For tests of what serves models, and for bench/predict.c: neither speed nor
 * arithmetic depends on what the weights say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_MODEL_H
#define TOY_MODEL_H

#include "base/hash.h"
#include "feature/encoder.h"
#include "model/stored.h"

/* Document frequencies by bucket, from n rows of texts. */
static inline ml_status
toy_count(ml_context *ctx, const ml_recipe *recipe, const ml_kernel *kernel,
		  const ml_text *texts, size_t n, uint32_t *df)
{
	ml_encoder *encoder;
	ml_status	status = ml_encoder_open(ctx, recipe, NULL, kernel, &encoder);

	for (size_t i = 0; i < n && status == ML_OK; i++)
	{
		ml_features features;

		status = ml_encoder_run(ctx, encoder, &texts[i * recipe->ncolumns], &features);
		for (size_t k = 0; k < features.n && status == ML_OK; k++)
			df[ML_COUNTED_KEY(features.words[k])]++;
	}
	ml_encoder_close(ctx, encoder);
	return status;
}

/* Labels "label0000", ...; few weights are large, many small, as learnt ones. */
static inline ml_status
toy_write(ml_context *ctx, ml_arena *arena, const ml_recipe *recipe,
		  const ml_vocabulary *vocabulary, const uint8_t *codes, uint64_t rows,
		  uint32_t nlabels, uint64_t seed, ml_buffer *file)
{
	uint32_t	nscores = nlabels == 2 ? 1 : nlabels;
	uint16_t	levels[ML_IDF_LEVELS];
	ml_quantized weights;
	ml_quantizer *quantizer = NULL;
	ml_status	status;
	ml_rng		rng;
	ml_text    *labels;
	float	   *numbers;
	float	   *learnt;

	ML_TRY(ml_arena_alloc(ctx, arena, nlabels * sizeof(ml_text), (void **) &labels));
	ML_TRY(ml_arena_alloc(ctx, arena, 3 * nscores * sizeof(float), (void **) &numbers));
	ML_TRY(ml_arena_alloc(ctx, arena, (size_t) vocabulary->nfeatures * nscores * sizeof(float),
						  (void **) &learnt));
	ml_rng_seed(&rng, seed);
	for (int i = 0; i < ML_IDF_LEVELS; i++)
		levels[i] = ml_idf_level(recipe->idf, rows, (uint64_t) i + 1);
	for (size_t i = 0; i < (size_t) vocabulary->nfeatures * nscores; i++)
	{
		double		u = ml_rng_double(&rng) * 2 - 1;

		learnt[i] = (float) (u * u * u * u * u * u * u);
	}
	for (uint32_t i = 0; i < nscores; i++)
	{
		numbers[i] = (float) ml_rng_double(&rng) - 0.5f;
		numbers[nscores + i] = (float) ml_rng_double(&rng) + 1;
		numbers[2 * nscores + i] = (float) ml_rng_double(&rng) - 0.5f;
	}
	for (uint32_t i = 0; i < nlabels; i++)
	{
		char		name[16];
		size_t		size = ml_print(name, sizeof(name), "label%u", 10000 + i);

		ML_TRY(ml_arena_copy(ctx, arena, (ml_text) {name, size}, &labels[i]));
	}
	status = ml_quantizer_open(ctx, NULL, vocabulary->nfeatures, nscores, 0.02, &quantizer);
	if (status == ML_OK)
		status = ml_quantizer_add(ctx, quantizer, learnt, nscores, nscores);
	if (status == ML_OK)
		status = ml_quantizer_finish(ctx, quantizer, &weights);
	if (status == ML_OK)
		status = ml_stored_write_linear(ctx, &(ml_stored_linear)
										{
											.algorithm = ML_TEXT("svm"),
											.recipe = recipe,
											.vocabulary = vocabulary,
											.idf_code = codes,
											.idf_levels = levels,
											.nlabels = nlabels,
											.labels = labels,
											.weights = &weights,
											.bias = numbers,
											.slope = numbers + nscores,
											.offset = numbers + 2 * nscores
										}, file);
	ml_quantizer_close(ctx, quantizer);
	return status;
}

/* The features of at least min_df of the n rows of texts; appends the file. */
static inline ml_status
toy_model(ml_context *ctx, ml_arena *arena, const ml_recipe *recipe, const ml_kernel *kernel,
		  const ml_text *texts, size_t n, uint32_t nlabels, uint64_t seed, ml_buffer *file)
{
	size_t		nbuckets = (size_t) 1 << recipe->hash_bits;
	ml_vocabulary *vocabulary;
	uint32_t   *df;
	uint8_t    *codes;
	uint32_t	id = 0;

	ML_TRY(ml_arena_alloc_zero(ctx, arena, nbuckets * sizeof(uint32_t), (void **) &df));
	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_vocabulary_size(recipe->hash_bits),
							   (void **) &vocabulary));
	ML_TRY(toy_count(ctx, recipe, kernel, texts, n, df));
	vocabulary->hash_bits = (uint32_t) recipe->hash_bits;
	for (size_t b = 0; b < nbuckets; b++)
		if (df[b] >= (uint32_t) recipe->min_df)
			vocabulary->blocks[b >> 6].bits |= UINT64_C(1) << (b & 63);
	ml_vocabulary_rank(vocabulary);
	ML_TRY(ml_arena_alloc(ctx, arena, vocabulary->nfeatures, (void **) &codes));
	for (size_t b = 0; b < nbuckets; b++)
		if (df[b] >= (uint32_t) recipe->min_df)
			codes[id++] = (uint8_t) ML_MIN(df[b] - 1, ML_IDF_LEVELS - 1);
	return toy_write(ctx, arena, recipe, vocabulary, codes, n, nlabels, seed, file);
}

#endif							/* TOY_MODEL_H */
