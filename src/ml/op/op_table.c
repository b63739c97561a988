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
	/* activation.c */
	&ml_op_activation,
	&ml_op_activation_back,
	&ml_op_activation_sloped,

	/* attention.c, attention_back.c */
	&ml_op_attention,
	&ml_op_attention_grad,
	&ml_op_attention_state,
	&ml_op_state_append,

	/* batch_norm.c */
	&ml_op_batch_norm,
	&ml_op_batch_norm_back,
	&ml_op_batch_norm_running,
	&ml_op_running,

	/* conv.c */
	&ml_op_conv1d,
	&ml_op_conv1d_input,
	&ml_op_conv1d_weights,
	&ml_op_conv2d,
	&ml_op_conv2d_input,
	&ml_op_conv2d_weights,

	/* conv_pool.c */
	&ml_op_conv_pool2d,
	&ml_op_conv_pool2d_input,
	&ml_op_conv_pool2d_weights,

	/* copy.c */
	&ml_op_copy,

	/* dropout.c */
	&ml_op_dropout,

	/* elementwise.c */
	&ml_op_add,
	&ml_op_div,
	&ml_op_equal,
	&ml_op_greater,
	&ml_op_greater_equal,
	&ml_op_less,
	&ml_op_less_equal,
	&ml_op_maximum,
	&ml_op_minimum,
	&ml_op_mul,
	&ml_op_not_equal,
	&ml_op_pow,
	&ml_op_sub,
	&ml_op_where,

	/* gather.c */
	&ml_op_gather,
	&ml_op_scatter_add,

	/* join.c */
	&ml_op_concat,
	&ml_op_pad,
	&ml_op_unpad,

	/* layer_norm.c */
	&ml_op_layer_norm,
	&ml_op_layer_norm_back,
	&ml_op_layer_norm_gain,

	/* linear.c */
	&ml_op_linear,
	&ml_op_linear_grad_bias,
	&ml_op_linear_grad_input,
	&ml_op_linear_grad_weight,

	/* loss.c */
	&ml_op_hinge,
	&ml_op_huber,
	&ml_op_mae,
	&ml_op_mse,
	&ml_op_multi_hinge,
	&ml_op_sigmoid_cross_entropy,
	&ml_op_softmax_cross_entropy,

	/* matmul.c */
	&ml_op_matmul,

	/* pool.c */
	&ml_op_average_pool1d,
	&ml_op_average_pool1d_back,
	&ml_op_average_pool2d,
	&ml_op_average_pool2d_back,
	&ml_op_max_pool1d,
	&ml_op_max_pool1d_back,
	&ml_op_max_pool2d,
	&ml_op_max_pool2d_back,

	/* position.c */
	&ml_op_even_offsets,
	&ml_op_positions,
	&ml_op_sinusoidal,

	/* recurrent.c, recurrent_back.c */
	&ml_op_gru,
	&ml_op_gru_grad,
	&ml_op_gru_words,
	&ml_op_lstm,
	&ml_op_lstm_grad,
	&ml_op_lstm_words,
	&ml_op_rnn,
	&ml_op_rnn_grad,
	&ml_op_rnn_words,

	/* reduce.c */
	&ml_op_max,
	&ml_op_mean,
	&ml_op_min,
	&ml_op_spread,
	&ml_op_sum,
	&ml_op_sum_to,

	/* reshape.c */
	&ml_op_broadcast_to,
	&ml_op_reshape,
	&ml_op_slice,
	&ml_op_transpose,

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

	/* softmax.c */
	&ml_op_log_softmax,
	&ml_op_log_softmax_back,
	&ml_op_softmax,
	&ml_op_softmax_back,

	/* unary.c */
	&ml_op_abs,
	&ml_op_cast,
	&ml_op_erf,
	&ml_op_exp,
	&ml_op_log,
	&ml_op_neg,
	&ml_op_sign,
	&ml_op_sqrt,
	&ml_op_square,

	NULL
};
