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

/* The same with operands in pairs of bf16 (kernel->network->product_pairs). */
extern ml_status ml_product_pairs_run(const ml_op_run *run, const ml_product *product);

/* to: the transposed matrix, [k, n] in panels of n -> [n, k] in panels of k; what fills up panels is left as it is */
extern ml_status ml_panels_transpose(const ml_op_run *run, ml_dtype dtype, void *to, const void *from,
									 size_t k, size_t n);

/*
 * A matrix with any strides -> panels [columns / 32][rows][32], filled up with
 * zeros: the right operand of a product.
 */
extern void ml_panels_pack(const ml_op_run *run, ml_dtype dtype, void *to, const void *from,
						   int64_t from_row, int64_t from_column, size_t rows, size_t columns);

/*
 * Weights in panels, [K, N] floats -> BF16 or Q8 of the same layout (of as many
 * bytes as ml_storage_bytes says): rounded; or divided, for each column and 32
 * rows, by the largest of them / 127 and rounded (linear_narrow.c).
 */
extern void ml_panels_narrow(const ml_kernel *kernel, ml_dtype dtype, void *to, const float *from, size_t k,
							 size_t n);

/* sums[c] += the sum over r < rows of x[r * columns + c], in order of r */
extern void ml_product_add_rows(const ml_op_run *run, ml_dtype dtype, void *sums, const void *x, size_t rows,
						size_t columns);

/* Elements of a [k, n] matrix in panels. */
static inline size_t
ml_panels_elements(size_t k, size_t n)
{
	return ml_size_mul(k, ml_size_align(n, ML_PANEL));
}

/*
 * The rows of an operand [.., columns] of any strides: dimensions before the
 * last are joined where they have one stride together; the others are gone
 * through one by one, in order.  Of an operand without elements, look at
 * ml_view_elements first.
 */
typedef struct ml_row_groups
{
	const ml_view *view;
	int			ndims;			/* left to go through */
	size_t		rows;			/* of a group */
	int64_t		row;			/* strides within it, in elements */
	int64_t		column;
	int64_t		index[ML_MAX_DIMS];
	bool		begun;
} ml_row_groups;

extern void ml_row_groups_start(ml_row_groups *groups, const ml_view *view);

/* The first element of the next group, the first one included; NULL: no more. */
extern const char *ml_row_groups_next(ml_row_groups *groups);

/* Rows and columns of an operand [.., columns]. */
extern size_t ml_rows_of(const ml_view *view);

static inline size_t
ml_columns_of(const ml_view *view)
{
	return (size_t) view->dims[view->ndims - 1];
}

#endif							/* ML_OP_PRODUCT_H */
