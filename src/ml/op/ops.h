/*-------------------------------------------------------------------------
 *
 * ops.h
 *	  The ops by name: what layers, backward rules and tests emit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OPS_H
#define ML_OPS_H

#include "op/op.h"

/* copy.c */
extern const ml_op ml_op_copy;

/* elementwise.c: two operands that broadcast */
extern const ml_op ml_op_add;
extern const ml_op ml_op_mul;

/* reduce.c */
extern const ml_op ml_op_sum_to;

/* reshape.c */
extern const ml_op ml_op_broadcast_to;

/* x with the dims of "like", to which it broadcasts; x itself if it has them. */
extern int32_t ml_emit_broadcast(ml_emitter *e, int32_t x, int32_t like);

#endif							/* ML_OPS_H */
