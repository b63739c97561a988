/*-------------------------------------------------------------------------
 *
 * mutate.h
 *	  Wrong gradients on purpose; test/mutate.sh says what for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MUTATE_H
#define MUTATE_H

#include "op/op.h"

/* Run the op's backward rule, with the mutation that the environment names if it is one of this op. */
extern void ml_mutate_backward(const ml_op *op, ml_emitter *e, const ml_op_backward *b);

#endif							/* MUTATE_H */
