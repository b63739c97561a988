/*-------------------------------------------------------------------------
 *
 * tensor.h
 *	  Element types and named tensors.
 *
 * A dtype row has block elements and block bytes, so that block-quantised
 * types fit later; for plain types a block is one element.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TENSOR_H
#define ML_TENSOR_H

#include "base/base.h"

#define ML_MAX_DIMS 8

typedef enum ml_dtype
{
	ML_BOOL,
	ML_U8,
	ML_I8,
	ML_U16,
	ML_I16,
	ML_F16,
	ML_BF16,
	ML_U32,
	ML_I32,
	ML_F32,
	ML_U64,
	ML_I64,
	ML_F64,
	ML_Q8,						/* blocks of 32: a float, and 32 int8 to be multiplied by it */
	ML_DTYPE_COUNT
} ml_dtype;

typedef struct ml_dtype_row
{
	const char *name;			/* as safetensors spells it: "F32" */
	uint32_t	block_elements;
	uint32_t	block_bytes;
} ml_dtype_row;

extern const ml_dtype_row ml_dtypes[ML_DTYPE_COUNT];

/* Row-major, contiguous.  name and data are borrowed. */
typedef struct ml_tensor
{
	ml_text		name;
	ml_dtype	dtype;
	int			ndims;			/* 0 = scalar */
	uint64_t	dims[ML_MAX_DIMS];
	const void *data;
} ml_tensor;

/* Elements, or bytes; SIZE_MAX when the product overflows. */
extern size_t ml_tensor_elements(const ml_tensor *tensor);
extern size_t ml_tensor_bytes(const ml_tensor *tensor);

#endif							/* ML_TENSOR_H */
