/*-------------------------------------------------------------------------
 *
 * product.h
 *	  Products inside ops that are more than products, in float and double.
 *
 * ml_product (kernel/network.h) says where operands lie; of doubles, its
 * pointers are to doubles.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OP_PRODUCT_H
#define ML_OP_PRODUCT_H

#include "kernel/network.h"
#include "op/op.h"

/* Run the product in pieces of some million terms, polling between them. */
extern ml_status ml_product_run(const ml_op_run *run, ml_dtype dtype, const ml_product *product);

/* to: the transposed matrix, [k, n] in panels of n -> [n, k] in panels of k; what fills up panels is left as it is */
extern ml_status ml_panels_transpose(const ml_op_run *run, ml_dtype dtype, void *to, const void *from,
									 size_t k, size_t n);

/*
 * A matrix with any strides -> panels [columns / 32][rows][32], filled up with
 * zeros: the right operand of a product.
 */
extern void ml_panels_pack(const ml_op_run *run, ml_dtype dtype, void *to, const void *from,
						   int64_t from_row, int64_t from_column, size_t rows, size_t columns);

/* sums[c] += the sum over r < rows of x[r * columns + c], in order of r */
extern void ml_product_add_rows(const ml_op_run *run, ml_dtype dtype, void *sums, const void *x, size_t rows,
						size_t columns);

/* Elements of a [k, n] matrix in panels. */
static inline size_t
ml_panels_elements(size_t k, size_t n)
{
	return ml_size_mul(k, ml_size_align(n, ML_PANEL));
}

#endif							/* ML_OP_PRODUCT_H */
