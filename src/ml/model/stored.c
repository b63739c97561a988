/*-------------------------------------------------------------------------
 *
 * stored.c
 *	  Writing and reading the stored layout.
 *
 * The reader takes nothing for granted: a model table can hold any bytes.  A
 * file has exactly the metadata and tensors of its format, so that equal
 * models are equal files.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored.h"

#include "base/hash.h"
#include "model/model.h"
#include "model/packed.h"
#include "model/stored_network.h"
#include "model/stored_table.h"

#define POLL_FEATURES	(1 << 16)

static const char *const metadata_names[] = {"format", "task", "algorithm", "recipe", "labels"};

#define NTENSORS 8

/* Numbers of a file are little-endian whatever the machine. */
static void
put_little(uint8_t *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (uint8_t) (value >> (8 * i));
}

static ml_status
put_floats(ml_context *ctx, ml_arena *arena, const float *values, uint32_t n, const void **result)
{
	void	   *bytes;

	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, 4), &bytes));
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], 4);
		put_little((uint8_t *) bytes + (size_t) i * 4, bits, 4);
	}
	*result = bytes;
	return ML_OK;
}

static ml_status
put_levels(ml_context *ctx, ml_arena *arena, const uint16_t *levels, const void **result)
{
	void	   *bytes;

	ML_TRY(ml_arena_alloc(ctx, arena, ML_IDF_LEVELS * 2, &bytes));
	for (int i = 0; i < ML_IDF_LEVELS; i++)
		put_little((uint8_t *) bytes + (size_t) i * 2, levels[i], 2);
	*result = bytes;
	return ML_OK;
}

static ml_status
write_labels(ml_context *ctx, const ml_stored_linear *model, ml_buffer *json)
{
	ML_TRY(ml_append(ctx, json, "[", 1));
	for (uint32_t i = 0; i < model->nlabels; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(ctx, json, ",", 1));
		ML_TRY(ml_json_quote(ctx, json, model->labels[i]));
	}
	return ml_append(ctx, json, "]", 1);
}

static ml_status
write_file(ml_context *ctx, ml_arena *arena, const ml_stored_linear *model,
		   ml_buffer *recipe, ml_buffer *labels, ml_buffer *gaps, ml_buffer *file)
{
	const ml_quantized *weights = model->weights;
	uint32_t	s = weights->nscores;
	ml_metadata metadata[ML_LENGTH(metadata_names)];
	ml_tensor	tensors[NTENSORS];
	const void *levels;
	const void *numbers[4];

	ML_TRY(ml_recipe_write(ctx, model->recipe, recipe));
	ML_TRY(write_labels(ctx, model, labels));
	ML_TRY(ml_vocabulary_write(ctx, model->vocabulary, gaps));
	ML_TRY(put_levels(ctx, arena, model->idf_levels, &levels));
	ML_TRY(put_floats(ctx, arena, weights->scale, s, &numbers[0]));
	ML_TRY(put_floats(ctx, arena, model->bias, s, &numbers[1]));
	ML_TRY(put_floats(ctx, arena, model->slope, s, &numbers[2]));
	ML_TRY(put_floats(ctx, arena, model->offset, s, &numbers[3]));

	for (size_t i = 0; i < ML_LENGTH(metadata); i++)
		metadata[i].key = (ml_text) {metadata_names[i], strlen(metadata_names[i])};
	metadata[0].value = ML_TEXT("1");
	metadata[1].value = ML_TEXT("classification");
	metadata[2].value = model->algorithm;
	metadata[3].value = (ml_text) {recipe->data, recipe->size};
	metadata[4].value = (ml_text) {labels->data, labels->size};

	tensors[0] = (ml_tensor) {ML_TEXT("features.gaps"), ML_U8, 1, {gaps->size}, gaps->data};
	tensors[1] = (ml_tensor) {ML_TEXT("features.idf"), ML_U8, 1, {weights->nfeatures}, model->idf_code};
	tensors[2] = (ml_tensor) {ML_TEXT("idf_levels"), ML_U16, 1, {ML_IDF_LEVELS}, levels};
	tensors[3] = (ml_tensor) {ML_TEXT("weights"), ML_U8, 1, {weights->size}, weights->rows};
	tensors[4] = (ml_tensor) {ML_TEXT("scale"), ML_F32, 1, {s}, numbers[0]};
	tensors[5] = (ml_tensor) {ML_TEXT("bias"), ML_F32, 1, {s}, numbers[1]};
	tensors[6] = (ml_tensor) {ML_TEXT("slope"), ML_F32, 1, {s}, numbers[2]};
	tensors[7] = (ml_tensor) {ML_TEXT("offset"), ML_F32, 1, {s}, numbers[3]};
	return ml_safetensors_write(ctx, metadata, ML_LENGTH(metadata), tensors, NTENSORS, file);
}

ml_status
ml_stored_write_linear(ml_context *ctx, const ml_stored_linear *model, ml_buffer *file)
{
	ml_arena	arena = {0};
	ml_buffer	recipe = {0};
	ml_buffer	labels = {0};
	ml_buffer	gaps = {0};
	ml_status	status;

	status = write_file(ctx, &arena, model, &recipe, &labels, &gaps, file);
	ml_arena_free(ctx, &arena);
	ml_buffer_free(ctx, &recipe);
	ml_buffer_free(ctx, &labels);
	ml_buffer_free(ctx, &gaps);
	return status;
}

/* "1" to "3" are ours; a larger number is a later release's; anything else is damage. */
static ml_status
read_format(ml_context *ctx, const ml_safetensors *file, int *format)
{
	ml_text		text = ml_safetensors_metadata(file, "format");
	double		number;

	if (text.data == NULL || text.size == 0 ||
		ml_parse_double(text.data, text.size, &number) != text.size)
		return ml_fail(ctx, ML_BAD_MODEL, "the file does not say which format it has");
	if (number > ML_FORMAT_NETWORK)
	{
		ml_fail(ctx, ML_NEWER_FORMAT, "stored in format %.*s, and this release reads up to %d",
				(int) ML_MIN(text.size, (size_t) 32), text.data, ML_FORMAT_NETWORK);
		return ml_hint(ctx, "Install the release of aiaas that stored it, or a later one.");
	}
	if (text.size != 1 || text.data[0] < '1' || text.data[0] > '0' + ML_FORMAT_NETWORK)
		return ml_fail(ctx, ML_BAD_MODEL, "there is no format %.*s",
					   (int) ML_MIN(text.size, (size_t) 32), text.data);
	*format = text.data[0] - '0';
	return ML_OK;
}

ml_status
ml_stored_open(ml_context *ctx, ml_arena *arena, const void *bytes, size_t size,
			   ml_safetensors *file, int *format)
{
	ML_TRY(ml_safetensors_read(ctx, arena, bytes, size, file));
	return read_format(ctx, file, format);
}

static ml_status
read_metadata(ml_context *ctx, ml_arena *arena, const ml_safetensors *file, ml_stored *stored)
{
	for (size_t i = 0; i < ML_LENGTH(metadata_names); i++)
		if (ml_safetensors_metadata(file, metadata_names[i]).data == NULL)
			return ml_fail(ctx, ML_BAD_MODEL, "metadata \"%s\" is missing", metadata_names[i]);
	if (file->nmetadata != ML_LENGTH(metadata_names))
		return ml_fail(ctx, ML_BAD_MODEL, "there are %u metadata entries instead of %zu",
					   file->nmetadata, ML_LENGTH(metadata_names));
	if (!ml_text_equal(ml_safetensors_metadata(file, "task"), ML_TEXT("classification")))
		return ml_fail(ctx, ML_BAD_MODEL, "the task is not \"classification\"");
	stored->algorithm = ml_safetensors_metadata(file, "algorithm");
	if (stored->algorithm.size == 0 || stored->algorithm.size > 63)
		return ml_fail(ctx, ML_BAD_MODEL, "the algorithm's name has %zu bytes",
					   stored->algorithm.size);
	stored->recipe_json = ml_safetensors_metadata(file, "recipe");
	stored->labels_json = ml_safetensors_metadata(file, "labels");
	return ml_recipe_read(ctx, arena, stored->recipe_json, &stored->recipe);
}

ml_status
ml_stored_read_labels(ml_context *ctx, ml_arena *arena, ml_text json, ml_text **labels,
					  uint32_t *nlabels)
{
	const ml_json *root;
	uint32_t	n = 0;

	ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_MODEL, &root));
	if (root->kind != ML_JSON_ARRAY || root->count < 2 || root->count > ML_SCORES_MAX)
		return ml_fail(ctx, ML_BAD_MODEL, "the labels are not an array of 2 to %d strings",
					   ML_SCORES_MAX);
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(root->count, sizeof(ml_text)), (void **) labels));
	for (const ml_json *node = root->first; node != NULL; node = node->next, n++)
	{
		if (node->kind != ML_JSON_STRING)
			return ml_fail(ctx, ML_BAD_MODEL, "label %u is not a string", n);
		if (node->string.size > 0 && memchr(node->string.data, '\0', node->string.size) != NULL)
			return ml_fail(ctx, ML_BAD_MODEL, "label %u has a NUL in it", n);
		if (n > 0 && ml_text_compare((*labels)[n - 1], node->string) >= 0)
			return ml_fail(ctx, ML_BAD_MODEL, "the labels are not in ascending order");
		(*labels)[n] = node->string;
	}
	*nlabels = n;
	return ML_OK;
}

/* A tensor of float32, as doubles; all finite, and at least "least". */
static ml_status
read_floats(ml_context *ctx, ml_arena *arena, const ml_safetensors *file, const char *name,
			uint64_t n, double least, double **result)
{
	const ml_tensor *tensor;

	ML_TRY(ml_safetensors_require(ctx, file, name, ML_F32, 1, &n, &tensor));
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, sizeof(double)), (void **) result));
	for (uint64_t i = 0; i < n; i++)
	{
		uint32_t	bits = (uint32_t) ml_load_tail((const unsigned char *) tensor->data + i * 4, 4);
		float		value;

		memcpy(&value, &bits, 4);
		if (!(value >= least && value - value == 0))
			return ml_fail(ctx, ML_BAD_MODEL, "element %llu of \"%s\" is out of range",
						   (unsigned long long) i, name);
		(*result)[i] = value;
	}
	return ML_OK;
}

static ml_status
read_features(ml_context *ctx, ml_arena *arena, const ml_safetensors *file, ml_stored *stored)
{
	static const uint64_t any = UINT64_MAX;
	static const uint64_t nlevels = ML_IDF_LEVELS;
	const ml_tensor *gaps;
	const ml_tensor *codes;
	const ml_tensor *levels;
	const ml_tensor *weights;

	ML_TRY(ml_safetensors_require(ctx, file, "features.gaps", ML_U8, 1, &any, &gaps));
	ML_TRY(ml_safetensors_require(ctx, file, "features.idf", ML_U8, 1, &any, &codes));
	ML_TRY(ml_safetensors_require(ctx, file, "idf_levels", ML_U16, 1, &nlevels, &levels));
	ML_TRY(ml_safetensors_require(ctx, file, "weights", ML_U8, 1, &any, &weights));
	if (codes->dims[0] > UINT64_C(1) << stored->recipe.hash_bits)
		return ml_fail(ctx, ML_BAD_MODEL, "more features than the %d bits of the recipe's hash tell apart",
					   stored->recipe.hash_bits);
	stored->gaps = gaps->data;
	stored->gaps_size = gaps->dims[0];
	stored->weights = weights->data;
	stored->weights_size = weights->dims[0];
	stored->idf_code = codes->data;
	stored->nfeatures = (uint32_t) codes->dims[0];
	ML_TRY(ml_arena_alloc(ctx, arena, ML_IDF_LEVELS * sizeof(uint16_t),
						  (void **) &stored->idf_levels));
	for (int i = 0; i < ML_IDF_LEVELS; i++)
		stored->idf_levels[i] = (uint16_t) ml_load_tail((const unsigned char *) levels->data + i * 2, 2);
	for (uint32_t i = 0; i < stored->nfeatures; i++)
	{
		if (stored->idf_levels[stored->idf_code[i]] == 0)
			return ml_fail(ctx, ML_BAD_MODEL, "the idf of feature %u is 0", i);
		if (i % POLL_FEATURES == POLL_FEATURES - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_stored_read(ml_context *ctx, ml_arena *arena, const ml_safetensors *file, ml_stored *stored)
{
	uint64_t	n;

	memset(stored, 0, sizeof(*stored));
	ML_TRY(read_metadata(ctx, arena, file, stored));
	ML_TRY(ml_stored_read_labels(ctx, arena, stored->labels_json, &stored->labels, &stored->nlabels));
	stored->nscores = stored->nlabels == 2 ? 1 : stored->nlabels;
	ML_TRY(read_features(ctx, arena, file, stored));
	n = stored->nscores;
	/* a scale is a normal number, the others may have any sign */
	ML_TRY(read_floats(ctx, arena, file, "scale", n, 1.2e-38, &stored->scale));
	ML_TRY(read_floats(ctx, arena, file, "bias", n, -3.5e38, &stored->bias));
	ML_TRY(read_floats(ctx, arena, file, "slope", n, -3.5e38, &stored->slope));
	ML_TRY(read_floats(ctx, arena, file, "offset", n, -3.5e38, &stored->offset));
	if (file->ntensors != NTENSORS)
		return ml_fail(ctx, ML_BAD_MODEL, "there are %u tensors instead of %d",
					   file->ntensors, NTENSORS);
	return ML_OK;
}

static ml_status
describe(ml_context *ctx, ml_arena *arena, const void *bytes, size_t size, ml_buffer *json)
{
	ml_safetensors file;
	ml_stored	stored;
	int			format;

	ML_TRY(ml_stored_open(ctx, arena, bytes, size, &file, &format));
	if (format == ML_FORMAT_TABLE)
		return ml_stored_describe_table(ctx, arena, &file, json);
	if (format == ML_FORMAT_NETWORK)
		return ml_stored_describe_network(ctx, arena, &file, json);
	ML_TRY(ml_stored_read(ctx, arena, &file, &stored));
	ML_TRY(ml_appendf(ctx, json, "{\"format\":%d,\"task\":\"classification\",\"algorithm\":",
					  ML_FORMAT_TEXT));
	ML_TRY(ml_json_quote(ctx, json, stored.algorithm));
	ML_TRY(ml_appendf(ctx, json, ",\"columns\":["));
	for (uint32_t i = 0; i < stored.recipe.ncolumns; i++)
	{
		if (i > 0)
			ML_TRY(ml_append(ctx, json, ",", 1));
		ML_TRY(ml_json_quote(ctx, json, stored.recipe.columns[i]));
	}
	ML_TRY(ml_appendf(ctx, json, "],\"labels\":"));
	ML_TRY(ml_append(ctx, json, stored.labels_json.data, stored.labels_json.size));
	ML_TRY(ml_appendf(ctx, json, ",\"features\":%u,\"unicode\":", stored.nfeatures));
	ML_TRY(ml_json_quote(ctx, json, stored.recipe.unicode));
	ML_TRY(ml_appendf(ctx, json, ",\"recipe\":"));
	ML_TRY(ml_append(ctx, json, stored.recipe_json.data, stored.recipe_json.size));
	return ml_append(ctx, json, "}", 1);
}

ml_status
ml_stored_describe(ml_context *ctx, const void *stored, size_t size, ml_buffer *json)
{
	ml_arena	arena = {0};
	ml_status	status = describe(ctx, &arena, stored, size, json);

	ml_arena_free(ctx, &arena);
	return status;
}
