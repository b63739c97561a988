/*-------------------------------------------------------------------------
 *
 * reduce.h
 *	  Sums and their kin, by name, for rules and layers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_REDUCE_H
#define ML_REDUCE_H

#include "op/op.h"

extern const ml_op ml_op_sum_to;

#endif							/* ML_REDUCE_H */
