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

/* position.c: positions of words in their rows */
extern const ml_op ml_op_positions;
extern const ml_op ml_op_sinusoidal;

/* recurrent.c, recurrent_back.c */
extern const ml_op ml_op_gru;
extern const ml_op ml_op_gru_grad;
extern const ml_op ml_op_lstm;
extern const ml_op ml_op_lstm_grad;
extern const ml_op ml_op_rnn;
extern const ml_op ml_op_rnn_grad;

/* reduce.c */
extern const ml_op ml_op_sum_to;

/* reshape.c */
extern const ml_op ml_op_broadcast_to;

/* x with the dims of "like", to which it broadcasts; x itself if it has them. */
extern int32_t ml_emit_broadcast(ml_emitter *e, int32_t x, int32_t like);

/* sequence.c: packed words <-> rows */
extern const ml_op ml_op_segment_first;
extern const ml_op ml_op_segment_last;
extern const ml_op ml_op_segment_max;
extern const ml_op ml_op_segment_max_place;
extern const ml_op ml_op_segment_mean;
extern const ml_op ml_op_segment_place;
extern const ml_op ml_op_segment_reverse;
extern const ml_op ml_op_segment_spread;
extern const ml_op ml_op_segment_sum;

#endif							/* ML_OPS_H */
