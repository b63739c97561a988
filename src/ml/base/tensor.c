/*-------------------------------------------------------------------------
 *
 * tensor.c
 *	  The table of element types.
 *
 *-------------------------------------------------------------------------
 */
#include "base/tensor.h"
#include "base/mem.h"

const ml_dtype_row ml_dtypes[ML_DTYPE_COUNT] = {
	[ML_BOOL] = {"BOOL", 1, 1},
	[ML_U8] = {"U8", 1, 1},
	[ML_I8] = {"I8", 1, 1},
	[ML_U16] = {"U16", 1, 2},
	[ML_I16] = {"I16", 1, 2},
	[ML_F16] = {"F16", 1, 2},
	[ML_BF16] = {"BF16", 1, 2},
	[ML_U32] = {"U32", 1, 4},
	[ML_I32] = {"I32", 1, 4},
	[ML_F32] = {"F32", 1, 4},
	[ML_U64] = {"U64", 1, 8},
	[ML_I64] = {"I64", 1, 8},
	[ML_F64] = {"F64", 1, 8},
	[ML_Q8] = {"Q8", 32, 36},
};

size_t
ml_tensor_elements(const ml_tensor *tensor)
{
	size_t		n = 1;

	for (int i = 0; i < tensor->ndims; i++)
		n = ml_size_mul(n, tensor->dims[i]);
	return n;
}

size_t
ml_tensor_bytes(const ml_tensor *tensor)
{
	const ml_dtype_row *row = &ml_dtypes[tensor->dtype];
	size_t		n = ml_tensor_elements(tensor);

	if (n == SIZE_MAX || n % row->block_elements != 0)
		return SIZE_MAX;
	return ml_size_mul(n / row->block_elements, row->block_bytes);
}
