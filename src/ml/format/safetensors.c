/*-------------------------------------------------------------------------
 *
 * safetensors.c
 *	  Reader and writer of the safetensors format.
 *
 * The reader trusts nothing: each number is checked against the bytes that
 * are there before it is used, and what is handed out points into the given
 * bytes.  Beyond the format's own rules it wants tensors aligned to their
 * element, since kernels read them in place; every known writer keeps to that.
 *
 *-------------------------------------------------------------------------
 */
#include "format/safetensors.h"
#include "base/sort.h"

#define LENGTH_BYTES	8		/* the header's length, before the header */
#define MAX_HEADER		((uint64_t) 16 << 20)
#define MAX_TENSORS		100000
#define METADATA		"__metadata__"
#define PAD				"__pad."
#define SHOWN(text)		(int) ML_MIN((text).size, (size_t) 100), (text).data

_Static_assert(sizeof(ml_tensor) <= ML_SORT_MAX_WIDTH, "tensors can be sorted");

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are stored little-endian and used in place"
#endif

/* ---- reader ---- */

static bool
is_pad(const ml_tensor *tensor)
{
	size_t		prefix = sizeof(PAD) - 1;
	ml_text		name = tensor->name;

	if (tensor->dtype != ML_U8 || name.size <= prefix || memcmp(name.data, PAD, prefix) != 0)
		return false;
	for (size_t i = prefix; i < name.size; i++)
		if (name.data[i] < '0' || name.data[i] > '9')
			return false;
	return true;
}

static ml_status
bad_tensor(ml_context *ctx, ml_text name, const char *what)
{
	return ml_fail(ctx, ML_BAD_MODEL, "safetensors: tensor \"%.*s\": %s", SHOWN(name), what);
}

static ml_status
read_dtype(ml_context *ctx, const ml_json *node, ml_tensor *tensor)
{
	if (node == NULL || node->kind != ML_JSON_STRING)
		return bad_tensor(ctx, tensor->name, "no dtype");
	for (int dtype = 0; dtype < ML_DTYPE_COUNT; dtype++)
	{
		const char *name = ml_dtypes[dtype].name;

		if (ml_text_equal(node->string, (ml_text) {name, strlen(name)}))
		{
			tensor->dtype = (ml_dtype) dtype;
			return ML_OK;
		}
	}
	return ml_fail(ctx, ML_BAD_MODEL, "safetensors: tensor \"%.*s\": unknown dtype \"%.*s\"",
				   SHOWN(tensor->name), SHOWN(node->string));
}

static ml_status
read_shape(ml_context *ctx, const ml_json *node, ml_tensor *tensor)
{
	int64_t		dim;
	size_t		elements = 1;

	if (node == NULL || node->kind != ML_JSON_ARRAY)
		return bad_tensor(ctx, tensor->name, "no shape");
	if (node->count > ML_MAX_DIMS)
		return bad_tensor(ctx, tensor->name, "too many dimensions");
	for (const ml_json *item = node->first; item != NULL; item = item->next)
	{
		if (!ml_json_integer(item, 0, INT64_MAX, &dim))
			return bad_tensor(ctx, tensor->name, "a dimension that is no natural number");
		tensor->dims[tensor->ndims++] = (uint64_t) dim;
		/* also beside a 0, so that no part of the product can overflow later */
		elements = ml_size_mul(elements, (size_t) ML_MAX(dim, 1));
		if (elements == SIZE_MAX)
			return bad_tensor(ctx, tensor->name, "shape too large");
	}
	return ML_OK;
}

/* data_offsets, which must say the same as shape and dtype. */
static ml_status
read_offsets(ml_context *ctx, const ml_json *node, const char *data, size_t data_size,
			 ml_tensor *tensor)
{
	int64_t		begin;
	int64_t		end;
	size_t		bytes = ml_tensor_bytes(tensor);

	if (node == NULL || node->kind != ML_JSON_ARRAY || node->count != 2 ||
		!ml_json_integer(node->first, 0, INT64_MAX, &begin) ||
		!ml_json_integer(node->first->next, 0, INT64_MAX, &end))
		return bad_tensor(ctx, tensor->name, "no data_offsets");
	if (begin > end || (uint64_t) end > data_size)
		return bad_tensor(ctx, tensor->name, "data_offsets outside the data");
	if (bytes == SIZE_MAX || (uint64_t) (end - begin) != bytes)
		return bad_tensor(ctx, tensor->name, "data_offsets do not fit shape and dtype");
	tensor->data = data + begin;
	/* of a block the widest number: its lowest bit */
	if ((uintptr_t) tensor->data % (ml_dtypes[tensor->dtype].block_bytes & -ml_dtypes[tensor->dtype].block_bytes) != 0)
		return bad_tensor(ctx, tensor->name, "data not aligned to the element");
	return ML_OK;
}

static ml_status
read_tensor(ml_context *ctx, const ml_json *node, const char *data, size_t data_size,
			ml_tensor *tensor)
{
	memset(tensor, 0, sizeof(*tensor));
	tensor->name = node->key;
	if (memchr(node->key.data, '\0', node->key.size) != NULL)
		return bad_tensor(ctx, tensor->name, "NUL character in its name");
	if (node->kind != ML_JSON_OBJECT)
		return bad_tensor(ctx, tensor->name, "not described by an object");
	ML_TRY(read_dtype(ctx, ml_json_get(node, "dtype"), tensor));
	ML_TRY(read_shape(ctx, ml_json_get(node, "shape"), tensor));
	ML_TRY(read_offsets(ctx, ml_json_get(node, "data_offsets"), data, data_size, tensor));
	if (node->count != 3)
		return bad_tensor(ctx, tensor->name, "more than dtype, shape and data_offsets");
	return ML_OK;
}

/* By begin, then end (an empty tensor lies before the one that begins there). */
static int
compare_data(const void *a, const void *b)
{
	const ml_tensor *x = a;
	const ml_tensor *y = b;
	size_t		x_bytes = ml_tensor_bytes(x);
	size_t		y_bytes = ml_tensor_bytes(y);

	if (x->data != y->data)
		return x->data < y->data ? -1 : 1;
	if (x_bytes != y_bytes)
		return x_bytes < y_bytes ? -1 : 1;
	return ml_text_compare(x->name, y->name);
}

/* The sorted tensors must follow each other through all of the data. */
static ml_status
check_layout(ml_context *ctx, const ml_tensor *tensors, uint32_t n, const char *data,
			 size_t data_size)
{
	const char *end = data;

	for (uint32_t i = 0; i < n; i++)
	{
		if ((const char *) tensors[i].data != end)
			return bad_tensor(ctx, tensors[i].name,
							  (const char *) tensors[i].data < end ?
							  "data overlaps another tensor's" : "a hole before its data");
		end += ml_tensor_bytes(&tensors[i]);
	}
	if (end != data + data_size)
		return ml_fail(ctx, ML_BAD_MODEL,
					   "safetensors: %zu bytes after the data of the last tensor",
					   (size_t) (data + data_size - end));
	return ML_OK;
}

static ml_status
read_tensors(ml_context *ctx, ml_arena *arena, const ml_json *root, const char *data,
			 size_t data_size, ml_safetensors *result)
{
	uint32_t	n = 0;
	uint32_t	kept = 0;
	size_t		count = root->count - (ml_json_get(root, METADATA) != NULL);
	ml_tensor  *tensors;
	void	   *memory;

	if (count > MAX_TENSORS)
		return ml_fail(ctx, ML_BAD_MODEL, "safetensors: %zu tensors; the limit is %d",
					   count, MAX_TENSORS);
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(count, sizeof(ml_tensor)), &memory));
	tensors = memory;
	for (const ml_json *node = root->first; node != NULL; node = node->next)
	{
		if (n % 1024 == 0)
			ML_TRY(ml_poll(ctx));
		if (!ml_text_equal(node->key, ML_TEXT(METADATA)))
			ML_TRY(read_tensor(ctx, node, data, data_size, &tensors[n++]));
	}
	ml_sort(tensors, n, sizeof(ml_tensor), compare_data);
	ML_TRY(check_layout(ctx, tensors, n, data, data_size));
	for (uint32_t i = 0; i < n; i++)
		if (!is_pad(&tensors[i]))
			tensors[kept++] = tensors[i];
	result->ntensors = kept;
	result->tensors = tensors;
	return ML_OK;
}

static ml_status
read_metadata(ml_context *ctx, ml_arena *arena, const ml_json *node, ml_safetensors *result)
{
	ml_metadata *metadata;
	void	   *memory;

	if (node == NULL)
		return ML_OK;
	if (node->kind != ML_JSON_OBJECT)
		return ml_fail(ctx, ML_BAD_MODEL, "safetensors: " METADATA " is no object");
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(node->count, sizeof(ml_metadata)), &memory));
	metadata = memory;
	for (const ml_json *item = node->first; item != NULL; item = item->next)
	{
		if (item->kind != ML_JSON_STRING ||
			memchr(item->key.data, '\0', item->key.size) != NULL ||
			memchr(item->string.data, '\0', item->string.size) != NULL)
			return ml_fail(ctx, ML_BAD_MODEL, "safetensors: metadata \"%.*s\" is no text",
						   SHOWN(item->key));
		metadata[result->nmetadata].key = item->key;
		metadata[result->nmetadata++].value = item->string;
	}
	result->metadata = metadata;
	return ML_OK;
}

ml_status
ml_safetensors_read(ml_context *ctx, ml_arena *arena, const void *bytes, size_t size,
					ml_safetensors *result)
{
	const char *header = (const char *) bytes + LENGTH_BYTES;
	uint64_t	length;
	const ml_json *root;

	memset(result, 0, sizeof(*result));
	if ((uintptr_t) bytes % 8 != 0)
		return ml_fail(ctx, ML_INTERNAL, "safetensors: bytes are not aligned");
	if (size < LENGTH_BYTES)
		return ml_fail(ctx, ML_BAD_MODEL, "safetensors: %zu bytes are too few", size);
	memcpy(&length, bytes, LENGTH_BYTES);
	if (length > MAX_HEADER)
		return ml_fail(ctx, ML_BAD_MODEL,
					   "safetensors: a header of %llu bytes; the limit is %llu",
					   (unsigned long long) length, (unsigned long long) MAX_HEADER);
	if (length > size - LENGTH_BYTES)
		return ml_fail(ctx, ML_BAD_MODEL,
					   "safetensors: the header should have %llu bytes, but %zu are there",
					   (unsigned long long) length, size - LENGTH_BYTES);
	if (length == 0 || header[0] != '{')
		return ml_fail(ctx, ML_BAD_MODEL, "safetensors: the header does not begin with \"{\"");
	ML_TRY(ml_json_parse(ctx, arena, (ml_text) {header, length}, ML_BAD_MODEL, &root));
	ML_TRY(read_metadata(ctx, arena, ml_json_get(root, METADATA), result));
	return read_tensors(ctx, arena, root, header + length, size - LENGTH_BYTES - length, result);
}

/* ---- access ---- */

const ml_tensor *
ml_safetensors_tensor(const ml_safetensors *file, const char *name)
{
	ml_text		wanted = {name, strlen(name)};

	for (uint32_t i = 0; i < file->ntensors; i++)
		if (ml_text_equal(file->tensors[i].name, wanted))
			return &file->tensors[i];
	return NULL;
}

ml_text
ml_safetensors_metadata(const ml_safetensors *file, const char *key)
{
	ml_text		wanted = {key, strlen(key)};

	for (uint32_t i = 0; i < file->nmetadata; i++)
		if (ml_text_equal(file->metadata[i].key, wanted))
			return file->metadata[i].value;
	return (ml_text) {NULL, 0};
}

/* "F32 [3, *]" */
static void
describe(char *buffer, size_t size, ml_dtype dtype, int ndims, const uint64_t *dims)
{
	size_t		at = ml_print(buffer, size, "%s [", ml_dtypes[dtype].name);

	for (int i = 0; i < ndims; i++)
	{
		const char *comma = i > 0 ? ", " : "";

		if (dims[i] == UINT64_MAX)
			at += ml_print(buffer + at, size - at, "%s*", comma);
		else
			at += ml_print(buffer + at, size - at, "%s%llu", comma,
						   (unsigned long long) dims[i]);
	}
	ml_print(buffer + at, size - at, "]");
}

ml_status
ml_safetensors_require(ml_context *ctx, const ml_safetensors *file, const char *name,
					   ml_dtype dtype, int ndims, const uint64_t *dims,
					   const ml_tensor **result)
{
	const ml_tensor *tensor = ml_safetensors_tensor(file, name);
	bool		fits = tensor != NULL && tensor->dtype == dtype && tensor->ndims == ndims;
	char		wanted[200];
	char		found[200] = "none";

	*result = NULL;
	for (int i = 0; i < ndims && fits; i++)
		fits = dims[i] == UINT64_MAX || dims[i] == tensor->dims[i];
	if (!fits)
	{
		describe(wanted, sizeof(wanted), dtype, ndims, dims);
		if (tensor != NULL)
			describe(found, sizeof(found), tensor->dtype, tensor->ndims, tensor->dims);
		return ml_fail(ctx, ML_BAD_MODEL, "tensor \"%s\" should be %s, but there is %s",
					   name, wanted, found);
	}
	*result = tensor;
	return ML_OK;
}

/* ---- writer ---- */

static size_t
padding(size_t offset)
{
	return ml_size_align(offset, ML_ALIGN) - offset;
}

/*
 * Members in byte order of their keys, found by looking for the next one:
 * metadata are few, and this needs no memory.
 */
static ml_status
write_metadata(ml_context *ctx, ml_buffer *file, const ml_metadata *metadata, uint32_t n)
{
	const ml_metadata *last = NULL;

	for (uint32_t done = 0; done < n; done++)
	{
		const ml_metadata *least = NULL;

		for (const ml_metadata *item = metadata; item < metadata + n; item++)
			if ((last == NULL || ml_text_compare(item->key, last->key) > 0) &&
				(least == NULL || ml_text_compare(item->key, least->key) < 0))
				least = item;
		if (least == NULL)
			return ml_fail(ctx, ML_INTERNAL, "safetensors: a metadata key twice");
		ML_TRY(ml_append(ctx, file, ",", done > 0));
		ML_TRY(ml_json_quote(ctx, file, least->key));
		ML_TRY(ml_append(ctx, file, ":", 1));
		ML_TRY(ml_json_quote(ctx, file, least->value));
		last = least;
	}
	return ML_OK;
}

/* One tensor's member of the header, after a comma. */
static ml_status
write_member(ml_context *ctx, ml_buffer *file, const ml_tensor *tensor, size_t begin)
{
	ML_TRY(ml_append(ctx, file, ",", 1));
	ML_TRY(ml_json_quote(ctx, file, tensor->name));
	ML_TRY(ml_appendf(ctx, file, ":{\"dtype\":\"%s\",\"shape\":[", ml_dtypes[tensor->dtype].name));
	for (int i = 0; i < tensor->ndims; i++)
		ML_TRY(ml_appendf(ctx, file, "%s%llu", i > 0 ? "," : "",
						  (unsigned long long) tensor->dims[i]));
	return ml_appendf(ctx, file, "],\"data_offsets\":[%zu,%zu]}", begin,
					  begin + ml_tensor_bytes(tensor));
}

/* All tensors' members, those of padding included; *end is the data's size. */
static ml_status
write_members(ml_context *ctx, ml_buffer *file, const ml_tensor *tensors, uint32_t n,
			  size_t *end)
{
	uint32_t	npads = 0;

	*end = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		size_t		pad = padding(*end);
		char		name[32];

		if (tensors[i].name.size >= 2 && memcmp(tensors[i].name.data, "__", 2) == 0)
			return ml_fail(ctx, ML_INTERNAL, "safetensors: tensor name \"%.*s\" is reserved",
						   SHOWN(tensors[i].name));
		if (pad > 0)
		{
			size_t		size = ml_print(name, sizeof(name), PAD "%u", npads++);

			ML_TRY(write_member(ctx, file, &(ml_tensor) {.name = {name, size}, .dtype = ML_U8,
								.ndims = 1, .dims = {pad}}, *end));
			*end += pad;
		}
		if (ml_size_add(*end, ml_tensor_bytes(&tensors[i])) > SIZE_MAX / 4)
			return ml_no_memory(ctx, SIZE_MAX);
		ML_TRY(write_member(ctx, file, &tensors[i], *end));
		*end += ml_tensor_bytes(&tensors[i]);
	}
	return ML_OK;
}

/* The header from the length on, padded so that the data starts aligned. */
static ml_status
write_header(ml_context *ctx, ml_buffer *file, const ml_metadata *metadata, uint32_t nmetadata,
			 const ml_tensor *tensors, uint32_t ntensors, size_t *data_size)
{
	static const char spaces[ML_ALIGN + 1] =
		"                                                                ";
	uint64_t	length = 0;

	ML_TRY(ml_append(ctx, file, &length, LENGTH_BYTES));
	ML_TRY(ml_appendf(ctx, file, "{\"" METADATA "\":{"));
	ML_TRY(write_metadata(ctx, file, metadata, nmetadata));
	ML_TRY(ml_append(ctx, file, "}", 1));
	ML_TRY(write_members(ctx, file, tensors, ntensors, data_size));
	ML_TRY(ml_append(ctx, file, "}", 1));
	ML_TRY(ml_append(ctx, file, spaces, padding(file->size)));
	length = file->size - LENGTH_BYTES;
	memcpy(file->data, &length, LENGTH_BYTES);
	if (length > MAX_HEADER || ntensors > MAX_TENSORS / 2)
		return ml_fail(ctx, ML_UNSUPPORTED,
					   "a model of %u tensors with %llu bytes of description is too large to store",
					   ntensors, (unsigned long long) length);
	return ML_OK;
}

ml_status
ml_safetensors_write(ml_context *ctx, const ml_metadata *metadata, uint32_t nmetadata,
					 const ml_tensor *tensors, uint32_t ntensors, ml_buffer *file)
{
	static const char zeros[ML_ALIGN] = {0};
	size_t		data_size;
	void	   *data;

	ML_TRY(write_header(ctx, file, metadata, nmetadata, tensors, ntensors, &data_size));
	/* once to the final size: doubling would copy the data, and waste half */
	data = file->data;
	ML_TRY(ml_grow(ctx, &data, &file->capacity, ml_size_add(file->size, data_size + 1), 1));
	file->data = data;
	for (uint32_t i = 0; i < ntensors; i++)
	{
		ML_TRY(ml_poll(ctx));
		/* the header's end is aligned, so the file's size tells the padding */
		ML_TRY(ml_append(ctx, file, zeros, padding(file->size)));
		ML_TRY(ml_append(ctx, file, tensors[i].data, ml_tensor_bytes(&tensors[i])));
	}
	return ML_OK;
}
