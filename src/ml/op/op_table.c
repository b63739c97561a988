/*-------------------------------------------------------------------------
 *
 * op_table.c
 *	  The table of all ops.
 *
 * A node names its op by the row, a stored graph by the name.  So rows may move
 * between releases, names may not.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"

const ml_op *const ml_ops[] = {
	/* copy.c */
	&ml_op_copy,

	/* elementwise.c */
	&ml_op_add,
	&ml_op_mul,

	/* position.c */
	&ml_op_positions,
	&ml_op_sinusoidal,

	/* recurrent.c, recurrent_back.c */
	&ml_op_gru,
	&ml_op_gru_grad,
	&ml_op_lstm,
	&ml_op_lstm_grad,
	&ml_op_rnn,
	&ml_op_rnn_grad,

	/* reduce.c */
	&ml_op_sum_to,

	/* reshape.c */
	&ml_op_broadcast_to,

	/* sequence.c */
	&ml_op_segment_first,
	&ml_op_segment_last,
	&ml_op_segment_max,
	&ml_op_segment_max_place,
	&ml_op_segment_mean,
	&ml_op_segment_place,
	&ml_op_segment_reverse,
	&ml_op_segment_spread,
	&ml_op_segment_sum,

	NULL
};
