/*-------------------------------------------------------------------------
 *
 * fuzz_safetensors.c
 *	  Any bytes as a safetensors file: refused, or tensors that lie within it
 *	  and come back when they are written and read again.
 *
 * An input that begins with "{" is a header up to its first NUL and data after
 * it; so a mutation needs not hit the length too.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "format/safetensors.h"

/* The file that the input stands for, in a block of its exact size. */
static char *
file_of(const uint8_t *data, size_t size, size_t *file_size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	uint64_t	header = nul != NULL ? (uint64_t) (nul - data) : size;
	uint64_t	padded = (header + 7) / 8 * 8;
	size_t		rest = nul != NULL ? size - header - 1 : 0;
	char	   *file;

	if (size == 0 || data[0] != '{')
	{
		*file_size = size;
		file = malloc(size);
		if (size > 0)
			memcpy(file, data, size);
		return file;
	}
	*file_size = 8 + padded + rest;
	file = malloc(*file_size);
	memcpy(file, &padded, 8);
	memset(file + 8, ' ', padded);
	memcpy(file + 8, data, header);
	if (rest > 0)
		memcpy(file + 8 + padded, nul + 1, rest);
	return file;
}

static void
check_tensors(const ml_safetensors *file, const char *bytes, size_t size)
{
	for (uint32_t i = 0; i < file->ntensors; i++)
	{
		const ml_tensor *tensor = &file->tensors[i];
		const char *data = tensor->data;

		fuzz_check(data >= bytes && data <= bytes + size);
		fuzz_check(ml_tensor_bytes(tensor) <= (size_t) (bytes + size - data));
		fuzz_check((uintptr_t) data % ml_dtypes[tensor->dtype].block_bytes == 0);
		fuzz_check(ml_utf8_valid(tensor->name.data, tensor->name.size) == tensor->name.size);
	}
}

static void
check_again(ml_context *ctx, ml_arena *arena, const ml_safetensors *file)
{
	ml_buffer	bytes = {0};
	ml_safetensors again;
	ml_status	status = ml_safetensors_write(ctx, file->metadata, file->nmetadata, file->tensors,
											  file->ntensors, &bytes);

	if (status == ML_OK)
	{
		fuzz_check(ml_safetensors_read(ctx, arena, bytes.data, bytes.size, &again) == ML_OK);
		fuzz_check(again.ntensors == file->ntensors && again.nmetadata == file->nmetadata);
		check_tensors(&again, bytes.data, bytes.size);
	}
	else						/* a reserved name that was no padding */
		fuzz_check(status == ML_INTERNAL && strstr(ctx->error.text, "reserved") != NULL);
	ml_buffer_free(ctx, &bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_safetensors file;
	size_t		file_size;
	char	   *bytes = file_of(data, size, &file_size);

	unit_open(&host);
	if (ml_safetensors_read(&host.ctx, &arena, bytes, file_size, &file) == ML_OK)
	{
		check_tensors(&file, bytes, file_size);
		check_again(&host.ctx, &arena, &file);
	}
	else
		fuzz_check(host.ctx.error.status == ML_BAD_MODEL);
	ml_arena_free(&host.ctx, &arena);
	fuzz_check(host.live_blocks == 0);
	free(bytes);
	return 0;
}
