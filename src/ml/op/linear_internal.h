/*-------------------------------------------------------------------------
 *
 * linear_internal.h
 *	  Dense layers: what linear.c and linear_bf16.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LINEAR_INTERNAL_H
#define ML_LINEAR_INTERNAL_H

#include "kernel/map.h"
#include "op/ops.h"
#include "op/product.h"
#include "op/walk.h"

#define DEPTH		256			/* rows that a gradient of weights takes at a time */
#define SPREAD		384			/* inputs that a gradient of weights takes at a time */
#define PANELS		4			/* of weights that are packed at a time */

/* Poll now and then, rows x k x n multiply-adds having been done. */
static inline ml_status
ml_linear_poll(const ml_op_run *run, size_t *unpolled, size_t rows, size_t k, size_t n)
{
	return ml_poll_after(run->ctx, unpolled, ml_size_mul(ml_size_mul(rows, k), n) / 16);
}

/* Elements of a workspace before the packed inputs: the packed gradients. */
extern size_t ml_linear_packed_gradients(const ml_op_run *run);

/* === linear_bf16.c === */

/* Are the operands such as pairs can be made of?  (Else they are multiplied as they are.) */
extern bool ml_bf16_can(const ml_op_run *run);

/* The runs of linear and linear_grad_input, and their workspaces in bytes. */
extern ml_status ml_bf16_linear(const ml_op_run *run);
extern size_t ml_bf16_linear_workspace(const ml_op_run *run);
extern ml_status ml_bf16_grad_input(const ml_op_run *run);
extern size_t ml_bf16_grad_input_workspace(const ml_op_run *run);

/* "rows" rows of linear_grad_weight. */
extern ml_status ml_bf16_add_rows(const ml_op_run *run, const void *x, int64_t row, int64_t column,
								  const void *g, size_t rows, bool add);

/* === linear_narrow.c === */

/* The run of linear with weights in bf16 or Q8, and its workspace. */
extern ml_status ml_narrow_linear(const ml_op_run *run);
extern size_t ml_narrow_linear_workspace(const ml_op_run *run);

#endif							/* ML_LINEAR_INTERNAL_H */
