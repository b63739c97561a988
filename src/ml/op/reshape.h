/*-------------------------------------------------------------------------
 *
 * reshape.h
 *	  Ops that move elements and leave them as they are, by name, for rules and
 *	  layers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_RESHAPE_H
#define ML_RESHAPE_H

#include "op/op.h"

extern const ml_op ml_op_broadcast_to;

/* x with the dims of "like", to which it broadcasts; x itself if it has them. */
extern int32_t ml_emit_broadcast(ml_emitter *e, int32_t x, int32_t like);

#endif							/* ML_RESHAPE_H */
