/*-------------------------------------------------------------------------
 *
 * test_safetensors.c
 *	  The stored format: what is written is read, by the reference
 *	  implementation's rules; what breaks any of them is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "format/safetensors.h"

/* A file of exactly this header and so many bytes of data, in its own block. */
static char *
make_file(const char *header, size_t header_size, size_t data_size, size_t *size)
{
	char	   *bytes;
	uint64_t	length = header_size;

	*size = 8 + header_size + data_size;
	bytes = malloc(*size);
	memcpy(bytes, &length, 8);
	memcpy(bytes + 8, header, header_size);
	memset(bytes + 8 + header_size, 7, data_size);
	return bytes;
}

/* Read a copy of the bytes that ends where they end. */
static ml_status
read_status(const char *bytes, size_t size, ml_error *error)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_safetensors file;
	char	   *copy = malloc(size);
	ml_status	status;
	volatile uint8_t sum = 0;

	unit_open(&host);
	if (size > 0)
		memcpy(copy, bytes, size);
	status = ml_safetensors_read(&host.ctx, &arena, copy, size, &file);
	if (status == ML_OK)		/* what it hands out can be read */
		for (uint32_t i = 0; i < file.ntensors; i++)
			for (size_t k = 0; k < ml_tensor_bytes(&file.tensors[i]); k++)
				sum = (uint8_t) (sum + ((const uint8_t *) file.tensors[i].data)[k]);
	(void) sum;
	if (error != NULL)
		*error = host.ctx.error;
	ml_arena_free(&host.ctx, &arena);
	free(copy);
	if (host.live_blocks != 0)
		abort();
	return status;
}

/* The header, padded with spaces to a multiple of 8. */
static void
refuses(const char *header, size_t data_size, const char *part, const char *name)
{
	char		padded[2000];
	size_t		size;
	size_t		length = (strlen(header) + 7) / 8 * 8;
	char	   *bytes;
	ml_error	error;
	ml_status	status;

	memset(padded, ' ', sizeof(padded));
	memcpy(padded, header, strlen(header));
	bytes = make_file(padded, length, data_size, &size);
	status = read_status(bytes, size, &error);
	if (!unit_ok(status == ML_BAD_MODEL && strstr(error.text, part) != NULL, "%s", name))
		unit_note("  status %d: %s", (int) status, status == ML_OK ? "" : error.text);
	free(bytes);
}

#define T(dtype, shape, from, to) \
	"{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #from "," #to "]}"

static void
test_refused(void)
{
	size_t		size;
	char	   *bytes;
	ml_error	error;

	refuses("{\"a\":" T("F32", "2", 0, 8) "}", 7, "outside", "offsets beyond the data");
	refuses("{\"a\":" T("F32", "2", 0, 8) "}", 9, "1 bytes after", "data that belongs to no tensor");
	refuses("{\"a\":" T("F32", "2", 8, 0) "}", 8, "outside", "offsets that run backwards");
	refuses("{\"a\":" T("F32", "3", 0, 8) "}", 8, "do not fit", "a shape that wants more");
	refuses("{\"a\":" T("F16", "3", 0, 8) "}", 8, "do not fit", "a shape that wants less");
	refuses("{\"a\":" T("F32", "4611686018427387904,4,0", 0, 0) "}", 0, "too large", "a product that overflows");
	refuses("{\"a\":" T("F32", "4611686018427387904", 0, 0) "}", 0, "do not fit", "bytes that overflow");
	refuses("{\"a\":" T("F32", "9223372036854775808", 0, 0) "}", 0, "dimension", "a dimension too large");
	refuses("{\"a\":" T("F32", "-1", 0, 4) "}", 4, "dimension", "a negative dimension");
	refuses("{\"a\":" T("F32", "1.0", 0, 4) "}", 4, "dimension", "a fraction as dimension");
	refuses("{\"a\":" T("F32", "\"1\"", 0, 4) "}", 4, "dimension", "a string as dimension");
	refuses("{\"a\":" T("F32", "1,1,1,1,1,1,1,1,1", 0, 4) "}", 4, "too many", "nine dimensions");
	refuses("{\"a\":" T("F31", "1", 0, 4) "}", 4, "unknown dtype \"F31\"", "an unknown dtype");
	refuses("{\"a\":" T("f32", "1", 0, 4) "}", 4, "unknown dtype", "a dtype in lower case");
	refuses("{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no dtype", "a dtype that is no string");
	refuses("{\"a\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no dtype", "no dtype");
	refuses("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape", "no shape");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "no shape", "a number as shape");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "no data_offsets", "no offsets");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0]}}", 4, "no data_offsets", "one offset");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4,4]}}", 4, "no data_offsets", "three offsets");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[-4,0]}}", 4, "no data_offsets", "a negative offset");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,1e1]}}", 10, "no data_offsets", "an exponent in an offset");
	refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}", 4, "more than", "a field too many");
	refuses("{\"a\":[]}", 0, "not described", "a tensor that is no object");
	refuses("{\"a\":null}", 0, "not described", "a tensor that is null");
	refuses("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "4", 2, 6) "}", 6, "overlaps", "data that overlap");
	refuses("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "4", 0, 4) "}", 4, "overlaps", "the same data twice");
	refuses("{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "2", 5, 7) "}", 7, "hole", "a hole between");
	refuses("{\"a\":" T("U8", "4", 1, 5) "}", 5, "hole", "a hole before");
	refuses("{\"a\":" T("U8", "1", 0, 1) ",\"b\":" T("F32", "1", 1, 5) "}", 5, "not aligned", "unaligned data");
	refuses("{\"a\":" T("U8", "1", 0, 1) ",\"a\":" T("U8", "1", 1, 2) "}", 2, "duplicate", "a name twice");
	refuses("{\"a\\u0000\":" T("U8", "1", 0, 1) "}", 1, "NUL", "a NUL in a name");
	refuses("{\"__metadata__\":[]}", 0, "no object", "metadata that is an array");
	refuses("{\"__metadata__\":{\"a\":1}}", 0, "no text", "a number as metadata");
	refuses("{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "no text", "a NUL in metadata");
	refuses("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "duplicate", "a metadata key twice");
	refuses("[]", 0, "begin", "an array as header");
	refuses("  {}", 0, "begin", "spaces before the header");
	refuses("{}{}", 0, "follows", "something after the header");
	refuses("{\"a\":\"\xff\"}", 0, "UTF-8", "a header that is not UTF-8");
	refuses("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0,
			"too deeply", "a header nested deeply");

	bytes = make_file("{}      ", 8, 0, &size);
	unit_is_int(read_status(bytes, size, NULL), ML_OK, "an empty file is sound");
	for (uint64_t length = 9; length != 0; length = length << 7)
	{
		memcpy(bytes, &length, 8);
		if (read_status(bytes, size, &error) != ML_BAD_MODEL)
			break;
		if (length << 7 == 0)
			unit_ok(true, "lengths of the header beyond the file");
	}
	memset(bytes, 0xFF, 8);
	unit_is_int(read_status(bytes, size, &error), ML_BAD_MODEL, "the greatest length");
	memset(bytes, 0, 8);
	unit_is_int(read_status(bytes, size, &error), ML_BAD_MODEL, "no header");
	free(bytes);
}

static void
test_too_many(void)
{
	unit_host	host;
	ml_buffer	header = {0};
	ml_error	error;
	char	   *bytes;
	size_t		size;

	unit_open(&host);
	for (int i = 0; i <= 100000; i++)
		ml_appendf(&host.ctx, &header, "%s\"%d\":" T("U8", "0", 0, 0), i == 0 ? "{" : ",", i);
	ml_append(&host.ctx, &header, "}", 1);
	bytes = make_file(header.data, header.size, 0, &size);
	unit_ok(read_status(bytes, size, &error) == ML_BAD_MODEL && strstr(error.text, "limit") != NULL,
			"too many tensors");
	free(bytes);
	ml_buffer_free(&host.ctx, &header);

	bytes = make_file("{}", 2, (16 << 20) + 8, &size);
	memset(bytes + 10, ' ', size - 10);
	memcpy(bytes, &(uint64_t) {(16 << 20) + 1}, 8);
	unit_ok(read_status(bytes, size, &error) == ML_BAD_MODEL && strstr(error.text, "limit") != NULL,
			"a header too long, though it is there");
	memcpy(bytes, &(uint64_t) {16 << 20}, 8);
	unit_ok(read_status(bytes, size, &error) == ML_BAD_MODEL && strstr(error.text, "limit") == NULL,
			"the longest that is read");
	free(bytes);
	unit_close(&host, "limits");
}

/* ---- round trip ---- */

static const float weights[6] = {1, -2, 3, 0.5f, 0, -0.0f};
static const uint8_t codes[3] = {1, 2, 255};
static const double scalar = 0.1;

static const ml_tensor tensors[] = {
	{.name = {"codes", 5}, .dtype = ML_U8, .ndims = 1, .dims = {3}, .data = codes},
	{.name = {"empty", 5}, .dtype = ML_F32, .ndims = 2, .dims = {0, 9}, .data = NULL},
	{.name = {"weights \"\xc3\xa9\"\n", 13}, .dtype = ML_F32, .ndims = 2, .dims = {2, 3}, .data = weights},
	{.name = {"scalar", 6}, .dtype = ML_F64, .ndims = 0, .data = &scalar},
};

static const ml_metadata metadata[] = {
	{{"labels", 6}, {"[\"a\",\"b\"]", 9}},
	{{"format", 6}, {"1", 1}},
	{{"", 0}, {"", 0}},
};

static ml_status
write_file(ml_context *ctx, ml_buffer *file)
{
	return ml_safetensors_write(ctx, metadata, ML_LENGTH(metadata), tensors, ML_LENGTH(tensors), file);
}

static void
test_round_trip(void)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_buffer	bytes = {0};
	ml_buffer	again = {0};
	ml_metadata reversed[3] = {metadata[2], metadata[1], metadata[0]};
	ml_safetensors file;
	int			wrong = 0;

	unit_open(&host);
	unit_is_int(write_file(&host.ctx, &bytes), ML_OK, "a file is written");
	if (!unit_ok(ml_safetensors_read(&host.ctx, &arena, bytes.data, bytes.size, &file) == ML_OK, "and read"))
		return;
	unit_ok(file.ntensors == ML_LENGTH(tensors) && file.nmetadata == 3, "all that was in it, padding not");
	for (uint32_t i = 0; i < file.ntensors; i++)
	{
		const ml_tensor *got = &file.tensors[i];

		wrong += !ml_text_equal(got->name, tensors[i].name) || got->dtype != tensors[i].dtype ||
			got->ndims != tensors[i].ndims || memcmp(got->dims, tensors[i].dims, sizeof(got->dims)) != 0 ||
			(ml_tensor_bytes(got) > 0 && memcmp(got->data, tensors[i].data, ml_tensor_bytes(got)) != 0);
		wrong += ((const char *) got->data - bytes.data) % ML_ALIGN != 0;
	}
	unit_is_int(wrong, 0, "as it was, in order, aligned");
	unit_ok(bytes.size == 8 + (size_t) ml_load64(bytes.data) + 128 + 64 + 8 - 64, "without waste");
	unit_is_text(ml_safetensors_metadata(&file, "labels"), "[\"a\",\"b\"]", "metadata by key");
	unit_is_text(ml_safetensors_metadata(&file, ""), "", "even an empty one");
	unit_ok(ml_safetensors_metadata(&file, "x").data == NULL, "or none");
	unit_ok(ml_safetensors_tensor(&file, "scalar") == &file.tensors[3] &&
			ml_safetensors_tensor(&file, "__pad.0") == NULL, "tensors by name");
	unit_ok(ml_safetensors_write(&host.ctx, reversed, 3, tensors, ML_LENGTH(tensors), &again) == ML_OK &&
				ml_text_equal((ml_text) {bytes.data, bytes.size}, (ml_text){again.data, again.size}),
			"same content, same bytes, whatever the order of metadata");
	unit_ok(ml_hash(bytes.data, bytes.size, 0) == UINT64_C(0x832e0b92d569210f), "the same bytes as ever");
	ml_buffer_free(&host.ctx, &bytes);
	ml_buffer_free(&host.ctx, &again);
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "round trip");
}

static void
test_require(void)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_buffer	bytes = {0};
	ml_safetensors file;
	const ml_tensor *tensor;

	unit_open(&host);
	write_file(&host.ctx, &bytes);
	ml_safetensors_read(&host.ctx, &arena, bytes.data, bytes.size, &file);
	unit_ok(ml_safetensors_require(&host.ctx, &file, "codes", ML_U8, 1, (uint64_t[]) {3}, &tensor) == ML_OK &&
			tensor == &file.tensors[0], "a tensor of the right kind");
	unit_ok(ml_safetensors_require(&host.ctx, &file, "empty", ML_F32, 2, (uint64_t[]) {UINT64_MAX, 9}, &tensor) == ML_OK,
			"of any length");
	unit_fails(&host, ml_safetensors_require(&host.ctx, &file, "empty", ML_F16, 2, (uint64_t[]) {UINT64_MAX, 8}, &tensor),
			   ML_BAD_MODEL, "tensor \"empty\" should be F16 [*, 8], but there is F32 [0, 9]", "another dtype");
	unit_fails(&host, ml_safetensors_require(&host.ctx, &file, "codes", ML_U8, 1, (uint64_t[]) {4}, &tensor),
			   ML_BAD_MODEL, "U8 [4], but there is U8 [3]", "another length");
	unit_fails(&host, ml_safetensors_require(&host.ctx, &file, "scalar", ML_F64, 1, (uint64_t[]) {1}, &tensor),
			   ML_BAD_MODEL, "F64 [1], but there is F64 []", "another number of dimensions");
	unit_fails(&host, ml_safetensors_require(&host.ctx, &file, "bias", ML_F32, 0, NULL, &tensor),
			   ML_BAD_MODEL, "F32 [], but there is none", "no such tensor");
	unit_ok(tensor == NULL, "and then no result");
	ml_buffer_free(&host.ctx, &bytes);
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "require");
}

static void
test_writer_refuses(void)
{
	unit_host	host;
	ml_buffer	bytes = {0};
	ml_metadata twice[2] = {metadata[1], metadata[1]};
	ml_metadata latin = {{"a", 1}, {"\xe9", 1}};
	ml_tensor	reserved = {.name = {"__pad.0", 7}, .dtype = ML_U8};
	ml_tensor	huge = {.name = {"a", 1}, .dtype = ML_F32, .ndims = 2, .dims = {UINT64_MAX / 8, 9}};

	unit_open(&host);
	unit_fails(&host, ml_safetensors_write(&host.ctx, twice, 2, NULL, 0, &bytes), ML_INTERNAL, "twice",
			   "a metadata key twice is not written");
	bytes.size = 0;
	unit_fails(&host, ml_safetensors_write(&host.ctx, &latin, 1, NULL, 0, &bytes), ML_BAD_TEXT, "UTF-8",
			   "nor what is not UTF-8");
	bytes.size = 0;
	unit_fails(&host, ml_safetensors_write(&host.ctx, NULL, 0, &reserved, 1, &bytes), ML_INTERNAL, "reserved",
			   "nor a reserved name");
	bytes.size = 0;
	unit_fails(&host, ml_safetensors_write(&host.ctx, NULL, 0, &huge, 1, &bytes), ML_NO_MEMORY, "memory",
			   "nor what overflows");
	bytes.size = 0;
	unit_is_int(ml_safetensors_write(&host.ctx, NULL, 0, NULL, 0, &bytes), ML_OK, "nothing can be written");
	unit_is_int(read_status(bytes.data, bytes.size, NULL), ML_OK, "and read");
	ml_buffer_free(&host.ctx, &bytes);
	unit_close(&host, "writer");
}

/* ---- damage ---- */

static void
test_damage(const char *bytes, size_t size, const char *name)
{
	uint64_t	header = ml_load64(bytes);
	char	   *copy = malloc(size);
	ml_rng		rng;
	int			wrong = 0;
	int			survived = 0;

	for (size_t n = 0; n < size; n++)
		wrong += read_status(bytes, n, NULL) != ML_BAD_MODEL;
	unit_is_int(wrong, 0, "%s: truncated at any byte, it is refused", name);

	/* any byte changed: refused, or another sound file; never a crash */
	ml_rng_seed(&rng, 5);
	wrong = 0;
	for (size_t i = 0; i < 8 + header; i++)
		for (int k = 0; k < 4; k++)
		{
			ml_status	status;

			memcpy(copy, bytes, size);
			copy[i] = k == 0 ? (char) (copy[i] ^ 1) : k == 1 ? '0' : (char) ml_rng_next(&rng);
			status = read_status(copy, size, NULL);
			wrong += status != ML_OK && status != ML_BAD_MODEL;
			survived += status == ML_OK;
		}
	unit_is_int(wrong, 0, "%s: a header changed at any byte is refused or sound (%d are)", name, survived);
	free(copy);
}

static void
test_reference(void)
{
	size_t		size;
	char	   *bytes = unit_data("reference.safetensors", &size);
	unit_host	host;
	ml_arena	arena = {0};
	ml_safetensors file;
	const ml_tensor *tensor;
	const float *values;
	int			wrong = 0;

	unit_open(&host);
	if (!unit_ok(bytes != NULL, "there is a file of the reference implementation"))
		return;
	if (!unit_is_int(ml_safetensors_read(&host.ctx, &arena, bytes, size, &file), ML_OK, "which is read"))
		return;
	unit_ok(file.ntensors == 8 && file.nmetadata == 3, "with all its tensors and metadata");
	unit_is_text(ml_safetensors_metadata(&file, "labels"), "[\"a\", \"b\\n\"]", "and their values");
	wrong += ml_safetensors_require(&host.ctx, &file, "weights", ML_F32, 2, (uint64_t[]) {3, 4}, &tensor) != ML_OK;
	values = tensor->data;
	for (int i = 0; i < 12; i++)
		wrong += values[i] != (float) i / 8;
	wrong += ml_safetensors_require(&host.ctx, &file, "scalar", ML_F64, 0, NULL, &tensor) != ML_OK ||
		*(const double *) tensor->data != -2.5;
	wrong += ml_safetensors_require(&host.ctx, &file, "empty", ML_F32, 2, (uint64_t[]) {0, 7}, &tensor) != ML_OK;
	wrong += ml_safetensors_require(&host.ctx, &file, "half", ML_F16, 1, (uint64_t[]) {3}, &tensor) != ML_OK ||
		((const uint16_t *) tensor->data)[1] != 0xC000;
	wrong += ml_safetensors_require(&host.ctx, &file, "flags", ML_BOOL, 1, (uint64_t[]) {3}, &tensor) != ML_OK ||
		memcmp(tensor->data, "\1\0\1", 3) != 0;
	wrong += ml_safetensors_require(&host.ctx, &file, "ids", ML_I64, 2, (uint64_t[]) {1, 2}, &tensor) != ML_OK ||
		((const int64_t *) tensor->data)[1] != INT64_C(1) << 40;
	wrong += ml_safetensors_require(&host.ctx, &file, "bytes", ML_U8, 1, (uint64_t[]) {5}, &tensor) != ML_OK;
	wrong += ml_safetensors_require(&host.ctx, &file, "na\xc3\xafve name \"quoted\" \xe4\xb8\xad", ML_I8, 1,
									(uint64_t[]) {1}, &tensor) != ML_OK;
	unit_is_int(wrong, 0, "each tensor is what it was");
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "reference");
	test_damage(bytes, size, "reference");
	free(bytes);
}

static ml_status
write_and_read(ml_context *ctx, void *argument)
{
	ml_buffer	bytes = {0};
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_status	status = write_file(ctx, &bytes);

	(void) argument;
	if (status == ML_OK)
		status = ml_safetensors_read(ctx, &arena, bytes.data, bytes.size, &file);
	ml_buffer_free(ctx, &bytes);
	ml_arena_free(ctx, &arena);
	return status;
}

int
main(int argc, char **argv)
{
	unit_host	host;
	ml_buffer	bytes = {0};

	/* with a name, only write a file there, for another program to open */
	unit_open(&host);
	write_file(&host.ctx, &bytes);
	if (argc > 1)
	{
		FILE *file = fopen(argv[1], "wb");

		return file == NULL || fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file) != 0;
	}
	test_refused();
	test_too_many();
	test_round_trip();
	test_require();
	test_writer_refuses();
	test_damage(bytes.data, bytes.size, "ours");
	test_reference();
	unit_every_allocation_fails("safetensors", write_and_read, NULL);
	unit_every_poll_cancels("safetensors", write_and_read, NULL);
	ml_buffer_free(&host.ctx, &bytes);
	unit_close(&host, "safetensors");
	return unit_done();
}
