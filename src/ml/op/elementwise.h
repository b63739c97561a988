/*-------------------------------------------------------------------------
 *
 * elementwise.h
 *	  Ops on each element by itself, by name, for rules and layers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_ELEMENTWISE_H
#define ML_ELEMENTWISE_H

#include "op/op.h"

/* elementwise.c: two operands that broadcast */
extern const ml_op ml_op_add;
extern const ml_op ml_op_mul;

#endif							/* ML_ELEMENTWISE_H */
