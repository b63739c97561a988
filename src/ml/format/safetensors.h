/*-------------------------------------------------------------------------
 *
 * safetensors.h
 *	  Reader and writer of the safetensors format, the stored form of every
 *	  model version (https://github.com/huggingface/safetensors, "Format").
 *
 *	  8 bytes: little-endian length N of the header
 *	  N bytes: a JSON object {"__metadata__": {string: string, ...},
 *			   "name": {"dtype": "F32", "shape": [...], "data_offsets": [a, b]}}
 *	  the rest: the data, offsets relative to its beginning, without holes
 *
 * The writer pads the header with spaces so that data starts 64-byte aligned,
 * and each tensor too: a file of ours may therefore hold tensors named
 * "__pad.N" (U8) between others, since the format allows no holes.  It writes
 * the tensors in the order given, metadata keys in byte order: same content,
 * same bytes.
 *
 * The reader validates everything before it allocates anything but the parse
 * of the header: lengths, JSON, dtypes, shape x dtype = offsets, order without
 * overlap or holes, alignment, duplicate names, limits on header size
 * (16 MB) and on the number of tensors (100,000).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SAFETENSORS_H
#define ML_SAFETENSORS_H

#include "base/json.h"
#include "base/tensor.h"

typedef struct ml_metadata
{
	ml_text		key;
	ml_text		value;
} ml_metadata;

typedef struct ml_safetensors
{
	uint32_t	nmetadata;
	const ml_metadata *metadata;
	uint32_t	ntensors;		/* "__pad.N" left out */
	const ml_tensor *tensors;	/* data points into the given bytes */
} ml_safetensors;

/*
 * bytes are 8-byte aligned and outlive the result; ML_BAD_MODEL when anything
 * is wrong.  Tensors come in the order of their data.
 */
extern ml_status ml_safetensors_read(ml_context *ctx, ml_arena *arena,
									 const void *bytes, size_t size,
									 ml_safetensors *result);

/* The tensor or metadata value of that name; NULL (data NULL) when absent. */
extern const ml_tensor *ml_safetensors_tensor(const ml_safetensors *file, const char *name);
extern ml_text ml_safetensors_metadata(const ml_safetensors *file, const char *key);

/*
 * The tensor of that name with exactly this dtype and these dims (ndims of
 * them), or ML_BAD_MODEL naming what was expected.  A dim of UINT64_MAX
 * accepts any.
 */
extern ml_status ml_safetensors_require(ml_context *ctx, const ml_safetensors *file,
										const char *name, ml_dtype dtype,
										int ndims, const uint64_t *dims,
										const ml_tensor **result);

/*
 * Appends the file to an empty buffer.  Names are distinct, and none begins
 * with "__".
 */
extern ml_status ml_safetensors_write(ml_context *ctx, const ml_metadata *metadata,
									  uint32_t nmetadata, const ml_tensor *tensors,
									  uint32_t ntensors, ml_buffer *file);

#endif							/* ML_SAFETENSORS_H */
