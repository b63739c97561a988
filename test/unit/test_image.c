/*-------------------------------------------------------------------------
 *
 * test_image.c
 *	  Stored bytes -> image: round trip, and every way in which bytes can be
 *	  wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>

#include "format/safetensors.h"
#include "model/model.h"
#include "model/packed.h"
#include "toy_model.h"

static const ml_text columns[] = {{"subject", 7}, {"body", 4}};

static const ml_text texts[] = {
	{"cheap pills", 11}, {"buy now, buy cheap", 18}, {"meeting", 7}, {"see you at noon", 15},
	{"\xe5\xbe\x88\xe5\xa5\xbd", 6}, {"\xe4\xb8\x8d\xe5\xa4\xaa\xe5\xa5\xbd", 9}
};

static ml_recipe
toy_recipe(void)
{
	ml_recipe	recipe;

	ml_recipe_default(&recipe);
	recipe.columns = (ml_text *) columns;
	recipe.ncolumns = 2;
	recipe.unicode = ML_TEXT("15.0");
	recipe.hash_bits = 12;
	recipe.char_ngrams[0] = 2;
	recipe.char_ngrams[1] = 3;
	return recipe;
}

static ml_status
store(ml_context *ctx, uint32_t nlabels, ml_buffer *file)
{
	ml_recipe	recipe = toy_recipe();
	ml_arena	arena = {0};
	ml_status	status = toy_model(ctx, &arena, &recipe, ml_kernel_select(ML_LEVEL_AUTO),
								   texts, 3, nlabels, nlabels, file);

	ml_arena_free(ctx, &arena);
	return status;
}

/* plan, build, open, predict, explain, tokenize, describe; frees everything. */
static ml_status
use(ml_context *ctx, const void *stored, size_t size)
{
	ml_session *session = NULL;
	ml_buffer	json = {0};
	const ml_contribution *parts;
	const ml_text *tokens;
	size_t		image_size;
	size_t		n;
	void	   *image;
	uint32_t	label;
	ml_status	status = ml_image_plan(ctx, stored, size, &image_size);

	if (status != ML_OK)
		return status;
	image = aligned_alloc(ML_ALIGN, image_size);
	status = ml_image_build(ctx, stored, size, image, image_size);
	if (status == ML_OK)
		status = ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session);
	if (status == ML_OK)
		status = ml_session_predict(ctx, session, 1, (const ml_value *) texts, &label, NULL);
	if (status == ML_OK)
		status = ml_session_explain(ctx, session, (const ml_value *) texts, -1, &label, &parts, &n);
	if (status == ML_OK)
	{
		ml_session_tokenize(session, texts[1]);
		status = ml_session_tokens(ctx, session, &tokens, &n);
	}
	if (status == ML_OK)
		status = ml_stored_describe(ctx, stored, size, &json);
	ml_buffer_free(ctx, &json);
	ml_session_close(ctx, session);
	free(image);
	return status;
}

static ml_status
use_scenario(ml_context *ctx, void *argument)
{
	const ml_buffer *file = argument;

	return use(ctx, file->data, file->size);
}

static ml_status
store_scenario(ml_context *ctx, void *argument)
{
	ml_buffer	file = {0};
	ml_status	status = store(ctx, *(const uint32_t *) argument, &file);

	ml_buffer_free(ctx, &file);
	return status;
}

static void
test_round_trip(unit_host *host, uint32_t nlabels)
{
	ml_buffer	file = {0};
	ml_buffer	again = {0};
	ml_buffer	json = {0};
	size_t		size = 0;
	ml_image   *image;
	char	   *other;
	char		labels[64];

	unit_ok(store(&host->ctx, nlabels, &file) == ML_OK, "%u labels: stored", nlabels);
	unit_ok(store(&host->ctx, nlabels, &again) == ML_OK && file.size == again.size &&
			memcmp(file.data, again.data, file.size) == 0, "%u labels: the same bytes again", nlabels);
	unit_ok(ml_image_plan(&host->ctx, file.data, file.size, &size) == ML_OK &&
			size % ML_ALIGN == 0, "%u labels: planned", nlabels);
	image = aligned_alloc(ML_ALIGN, size);
	other = aligned_alloc(ML_ALIGN, size);
	memset(image, 0x55, size);
	memset(other, 0xAA, size);
	unit_ok(ml_image_build(&host->ctx, file.data, file.size, image, size) == ML_OK &&
				ml_image_build(&host->ctx, file.data, file.size, other, size) == ML_OK &&
			memcmp(image, other, size) == 0, "%u labels: built, every byte of it", nlabels);
	unit_fails(host, ml_image_build(&host->ctx, file.data, file.size, image, size - ML_ALIGN),
			   ML_INTERNAL, "planned", "%u labels: wrong size", nlabels);
	unit_is_int(ml_image_nlabels(image), nlabels, "%u labels", nlabels);
	unit_is_text(ml_image_label(image, 1), "label10001", "%u labels: label 1", nlabels);
	unit_is_int(ml_image_find_label(image, ML_TEXT("label10001")), 1, "%u labels: found", nlabels);
	unit_is_int(ml_image_find_label(image, ml_image_label(image, nlabels - 1)), nlabels - 1,
				"%u labels: the last is found", nlabels);
	unit_is_int(ml_image_find_label(image, ML_TEXT("label1")), -1, "%u labels: not found", nlabels);
	unit_is_int(ml_image_find_label(image, ML_TEXT("")), -1, "%u labels: nor the empty one", nlabels);
	unit_is_int(ml_image_ncolumns(image), 2, "%u labels: columns", nlabels);
	unit_is_text(ml_image_column(image, 1), "body", "%u labels: column 1", nlabels);
	unit_is_text(ml_image_unicode(image), "15.0", "%u labels: unicode", nlabels);
	unit_ok(ml_stored_describe(&host->ctx, file.data, file.size, &json) == ML_OK, "described");
	snprintf(labels, sizeof(labels), "\"labels\":[\"label10000\",\"label10001\"%s", nlabels > 2 ? "," : "]");
	unit_ok(strstr(json.data, "{\"format\":1,\"task\":\"classification\",\"algorithm\":\"svm\","
							  "\"columns\":[\"subject\",\"body\"],") == json.data &&
				strstr(json.data, labels) != NULL && strstr(json.data, "\"word_ngrams\":[1,2]") != NULL,
			"%u labels: describes itself", nlabels);
	ml_buffer_free(&host->ctx, &json);
	ml_buffer_free(&host->ctx, &file);
	ml_buffer_free(&host->ctx, &again);
	free(image);
	free(other);
}

/*
 * Scores in blocks of "block": rounding keeps weights within half a step of
 * their score's scale, and the rows hold exactly what rounding left.
 */
static void
test_quantize(unit_host *host, uint32_t nscores, uint32_t block, double prune)
{
	enum
	{
		N = 500
	};
	ml_quantizer *quantizer = NULL;
	ml_quantized q;
	ml_packed_reader reader;
	float	   *learnt = malloc(N * nscores * sizeof(float));
	float	   *u = malloc(N * block * sizeof(float));
	float	   *rounded = malloc(N * nscores * sizeof(float));
	bool		near = true;
	bool		kept = true;
	ml_rng		rng;

	ml_rng_seed(&rng, nscores);
	for (size_t i = 0; i < N * nscores; i++)
	{
		double		x = ml_rng_double(&rng) * 2 - 1;

		learnt[i] = i % nscores == 4 ? 0 : (float) (x * x * x * x * x);
	}
	if (ml_quantizer_open(&host->ctx, NULL, N, nscores, prune, &quantizer) != ML_OK)
		abort();
	for (uint32_t done = 0; done < nscores; done += block)
	{
		uint32_t	n = ML_MIN(block, nscores - done);

		for (size_t i = 0; i < N; i++)
			memcpy(u + i * block, learnt + i * nscores + done, n * sizeof(float));
		if (ml_quantizer_add(&host->ctx, quantizer, u, block, n) != ML_OK)
			abort();
		for (size_t i = 0; i < N; i++)
			memcpy(rounded + i * nscores + done, u + i * block, n * sizeof(float));
	}
	if (ml_quantizer_finish(&host->ctx, quantizer, &q) != ML_OK)
		abort();
	reader = (ml_packed_reader) {q.rows, q.size, nscores};
	for (size_t i = 0; i < N; i++)
	{
		double		step = nscores > ML_DENSE_SCORES ? ML_MAX(0.5, 127 * prune) : 0.5;
		uint32_t	k = 0;
		ml_packed	row;

		kept &= ml_packed_read(&reader, &row);
		for (uint32_t c = 0; c < nscores; c++)
		{
			float		got = rounded[i * nscores + c];
			bool		named = k < row.count && ml_packed_score(&row, k) == c;

			near &= fabs((double) learnt[i * nscores + c] - got) <= q.scale[c] * step * 1.0001;
			kept &= got == (named ? (float) ml_packed_weight(&row, k) * q.scale[c] : 0);
			k += named;
		}
	}
	unit_ok(near, "%u scores, prune %g: every weight is near", nscores, prune);
	unit_ok(kept && reader.left == 0, "%u scores, prune %g: rows hold what rounding left", nscores, prune);
	unit_ok(q.size <= (size_t) N * (nscores + 2), "%u scores, prune %g: %zu bytes", nscores, prune, q.size);
	if (nscores > ML_DENSE_SCORES && prune > 0.1)
		unit_ok(q.size < (size_t) N * nscores, "%u scores: sparse rows are smaller", nscores);
	ml_quantizer_close(&host->ctx, quantizer);
	free(learnt);
	free(u);
	free(rounded);
}

/* ---- damage ---- */

/* The model again with one metadata value or tensor replaced, dropped or added. */
typedef struct change
{
	const char *name;
	const char *value;			/* metadata; NULL = drop */
	const void *data;			/* tensor; value is NULL */
	size_t		size;
	bool		tensor;
} change;

static ml_status
rewrite(ml_context *ctx, const ml_buffer *file, const change *c, ml_buffer *changed)
{
	ml_arena	arena = {0};
	ml_safetensors content;
	ml_metadata metadata[8];
	ml_tensor	tensors[16];
	uint32_t	nmetadata = 0;
	uint32_t	ntensors = 0;
	bool		done = false;
	ml_status	status = ml_safetensors_read(ctx, &arena, file->data, file->size, &content);

	for (uint32_t i = 0; i < content.nmetadata; i++)
	{
		metadata[nmetadata] = content.metadata[i];
		if (!c->tensor && ml_text_equal(content.metadata[i].key, unit_text(c->name)))
		{
			done = true;
			if (c->value == NULL)
				continue;
			metadata[nmetadata].value = unit_text(c->value);
		}
		nmetadata++;
	}
	if (!c->tensor && !done)
		metadata[nmetadata++] = (ml_metadata) {unit_text(c->name), unit_text(c->value)};
	for (uint32_t i = 0; i < content.ntensors; i++)
	{
		tensors[ntensors] = content.tensors[i];
		if (c->tensor && ml_text_equal(content.tensors[i].name, unit_text(c->name)))
		{
			done = true;
			if (c->data == NULL)
				continue;
			tensors[ntensors].data = c->data;
			tensors[ntensors].dims[0] = c->size / ml_dtypes[tensors[ntensors].dtype].block_bytes;
		}
		ntensors++;
	}
	if (c->tensor && !done)
		tensors[ntensors++] = (ml_tensor) {unit_text(c->name), ML_U8, 1, {c->size}, c->data};
	if (status == ML_OK)
		status = ml_safetensors_write(ctx, metadata, nmetadata, tensors, ntensors, changed);
	ml_arena_free(ctx, &arena);
	return status;
}

static void
refuse(unit_host *host, const ml_buffer *file, change c, ml_status expected, const char *message)
{
	ml_buffer	changed = {0};

	if (rewrite(&host->ctx, file, &c, &changed) != ML_OK)
		abort();
	unit_fails(host, use(&host->ctx, changed.data, changed.size), expected, message,
			   "\"%s\": %s", c.name, message);
	ml_buffer_free(&host->ctx, &changed);
}

#define META(name, value) (change) {name, value, NULL, 0, false}
#define TENSOR(name, data, size) (change) {name, NULL, data, size, true}

static void
test_metadata(unit_host *host, const ml_buffer *file)
{
	refuse(host, file, META("format", NULL), ML_BAD_MODEL, "which format");
	refuse(host, file, META("format", ""), ML_BAD_MODEL, "which format");
	refuse(host, file, META("format", "one"), ML_BAD_MODEL, "which format");
	refuse(host, file, META("format", "0"), ML_BAD_MODEL, "no format 0");
	refuse(host, file, META("format", "4"), ML_NEWER_FORMAT, "format 4");
	refuse(host, file, META("format", "1.0"), ML_BAD_MODEL, "no format 1.0");
	refuse(host, file, META("task", NULL), ML_BAD_MODEL, "\"task\" is missing");
	refuse(host, file, META("task", "regression"), ML_BAD_MODEL, "task");
	refuse(host, file, META("algorithm", NULL), ML_BAD_MODEL, "\"algorithm\" is missing");
	refuse(host, file, META("algorithm", ""), ML_BAD_MODEL, "algorithm's name");
	refuse(host, file, META("recipe", NULL), ML_BAD_MODEL, "\"recipe\" is missing");
	refuse(host, file, META("recipe", "{}"), ML_BAD_MODEL, "recipe");
	refuse(host, file, META("recipe", "[1,"), ML_BAD_MODEL, "");
	refuse(host, file, META("labels", NULL), ML_BAD_MODEL, "\"labels\" is missing");
	refuse(host, file, META("labels", "[\"a\"]"), ML_BAD_MODEL, "labels");
	refuse(host, file, META("labels", "\"a\""), ML_BAD_MODEL, "labels");
	refuse(host, file, META("labels", "[\"a\",1]"), ML_BAD_MODEL, "not a string");
	refuse(host, file, META("labels", "[\"b\",\"a\"]"), ML_BAD_MODEL, "ascending");
	refuse(host, file, META("labels", "[\"a\",\"a\"]"), ML_BAD_MODEL, "ascending");
	refuse(host, file, META("labels", "[\"a\",\"b\\u0000\"]"), ML_BAD_MODEL, "");
	refuse(host, file, META("labels", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]"), ML_BAD_MODEL, "");
	refuse(host, file, META("more", "of it"), ML_BAD_MODEL, "metadata entries");
}

static void
test_tensors(unit_host *host, const ml_buffer *file)
{
	static const char *const names[] = {
		"features.gaps", "features.idf", "idf_levels", "weights", "scale", "bias", "slope", "offset"
	};
	static const uint8_t zeros[1 << 14];
	static uint8_t ones[1 << 14];
	float		numbers[8] = {1, 1, 1, 1, 1, 1, 1, 1};

	memset(ones, 0xFF, sizeof(ones));
	for (size_t i = 0; i < ML_LENGTH(names); i++)
	{
		refuse(host, file, TENSOR(names[i], NULL, 0), ML_BAD_MODEL, names[i]);
		refuse(host, file, TENSOR(names[i], zeros, 0), ML_BAD_MODEL, "");
		refuse(host, file, TENSOR(names[i], zeros, 8), ML_BAD_MODEL, "");
		refuse(host, file, TENSOR(names[i], zeros, sizeof(zeros)), ML_BAD_MODEL, "");
		refuse(host, file, TENSOR(names[i], ones, sizeof(ones)), ML_BAD_MODEL, "");
	}
	refuse(host, file, TENSOR("idf_levels", zeros, 512), ML_BAD_MODEL, "idf of feature");
	refuse(host, file, TENSOR("scale", numbers, 28), ML_BAD_MODEL, "scale");
	refuse(host, file, TENSOR("more", numbers, 4), ML_BAD_MODEL, "tensors instead");
	for (int i = 4; i < 8; i++)
	{
		numbers[2] = NAN;
		refuse(host, file, TENSOR(names[i], numbers, 20), ML_BAD_MODEL, "out of range");
		numbers[2] = INFINITY;
		refuse(host, file, TENSOR(names[i], numbers, 20), ML_BAD_MODEL, "out of range");
		numbers[2] = -INFINITY;
		refuse(host, file, TENSOR(names[i], numbers, 20), ML_BAD_MODEL, "out of range");
	}
	numbers[2] = 0;
	refuse(host, file, TENSOR("scale", numbers, 20), ML_BAD_MODEL, "out of range");
	numbers[2] = -1;
	refuse(host, file, TENSOR("scale", numbers, 20), ML_BAD_MODEL, "out of range");
}

/* Any bytes: an error or answers, never a crash (the sanitizers watch). */
static void
test_damage(unit_host *host, const ml_buffer *file)
{
	char	   *copy = malloc(file->size);
	size_t		refused = 0;
	size_t		taken = 0;
	bool		sound = true;
	ml_rng		rng;

	for (size_t size = 0; size < file->size; size++)
	{
		char	   *cut = malloc(size); /* exactly, so that reading on is seen */

		memcpy(cut, file->data, size);
		sound &= use(&host->ctx, cut, size) == ML_BAD_MODEL;
		free(cut);
	}
	unit_ok(sound, "cut anywhere: refused");
	ml_rng_seed(&rng, 17);
	for (int i = 0; i < 20000; i++)
	{
		ml_status	status;

		memcpy(copy, file->data, file->size);
		for (uint64_t k = ml_rng_below(&rng, 3); k < 3; k++)
			copy[ml_rng_below(&rng, file->size)] ^= (char) (1 << ml_rng_below(&rng, 8));
		status = use(&host->ctx, copy, file->size);
		refused += status == ML_BAD_MODEL || status == ML_NEWER_FORMAT;
		taken += status == ML_OK;
		sound &= status == ML_OK || status == ML_BAD_MODEL || status == ML_NEWER_FORMAT;
	}
	unit_ok(sound, "bits flipped: %zu refused, %zu taken for another model", refused, taken);
	free(copy);
}

int
main(void)
{
	static const uint32_t nlabels[] = {2, 3, 4, 5, 60, 300};
	unit_host	host;
	ml_buffer	file = {0};

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(nlabels); i++)
		test_round_trip(&host, nlabels[i]);
	test_quantize(&host, 1, 1, 0.5);
	test_quantize(&host, 3, 3, 0);
	test_quantize(&host, 5, 16, 0);
	test_quantize(&host, 58, 16, 0.05);
	test_quantize(&host, 58, 48, 0.3);
	test_quantize(&host, 400, 16, 0.3);
	if (store(&host.ctx, 5, &file) != ML_OK)
		abort();
	test_metadata(&host, &file);
	test_tensors(&host, &file);
	test_damage(&host, &file);
	unit_every_allocation_fails("store, 2 labels", store_scenario, (void *) &nlabels[0]);
	unit_every_allocation_fails("store, 60 labels", store_scenario, (void *) &nlabels[4]);
	unit_every_allocation_fails("serve", use_scenario, &file);
	unit_every_poll_cancels("serve", use_scenario, &file);
	ml_buffer_free(&host.ctx, &file);
	unit_close(&host, "image");
	return unit_done();
}
