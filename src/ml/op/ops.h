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

/* activation.c */
extern const ml_op ml_op_activation;
extern const ml_op ml_op_activation_back;
extern const ml_op ml_op_activation_sloped;

/* The gradient by x: v is f(x) if ml_activation_of_output (kernel/map.h), else x. */
extern int32_t ml_emit_activation_back(ml_emitter *e, ml_activation activation, double alpha, int32_t g,
									   int32_t v);

/* attention.c, attention_back.c */
extern const ml_op ml_op_attention;
extern const ml_op ml_op_attention_grad;
extern const ml_op ml_op_attention_state;
extern const ml_op ml_op_state_append;

/* batch_norm.c */
extern const ml_op ml_op_batch_norm;
extern const ml_op ml_op_batch_norm_back;
extern const ml_op ml_op_batch_norm_running;
extern const ml_op ml_op_running;

/* conv.c */
extern const ml_op ml_op_conv1d;
extern const ml_op ml_op_conv1d_input;
extern const ml_op ml_op_conv1d_weights;
extern const ml_op ml_op_conv2d;
extern const ml_op ml_op_conv2d_input;
extern const ml_op ml_op_conv2d_weights;

/* conv_pool.c */
extern const ml_op ml_op_conv_pool2d;
extern const ml_op ml_op_conv_pool2d_input;
extern const ml_op ml_op_conv_pool2d_weights;

/* copy.c */
extern const ml_op ml_op_copy;

/* dropout.c */
extern const ml_op ml_op_dropout;

/* elementwise.c */
extern const ml_op ml_op_add;
extern const ml_op ml_op_div;
extern const ml_op ml_op_equal;
extern const ml_op ml_op_greater;
extern const ml_op ml_op_greater_equal;
extern const ml_op ml_op_less;
extern const ml_op ml_op_less_equal;
extern const ml_op ml_op_maximum;
extern const ml_op ml_op_minimum;
extern const ml_op ml_op_mul;
extern const ml_op ml_op_not_equal;
extern const ml_op ml_op_pow;
extern const ml_op ml_op_sub;
extern const ml_op ml_op_where;

/* gather.c */
extern const ml_op ml_op_gather;
extern const ml_op ml_op_scatter_add;

/* ML_BAD_INPUT: a table has no such row. */
extern ml_status ml_gather_check(ml_context *ctx, int32_t index, int64_t rows);

/* join.c */
extern const ml_op ml_op_concat;
extern const ml_op ml_op_pad;
extern const ml_op ml_op_unpad;

/* layer_norm.c */
extern const ml_op ml_op_layer_norm;
extern const ml_op ml_op_layer_norm_back;
extern const ml_op ml_op_layer_norm_gain;

/* linear.c */
extern const ml_op ml_op_linear;
extern const ml_op ml_op_linear_grad_bias;
extern const ml_op ml_op_linear_grad_input;
extern const ml_op ml_op_linear_grad_weight;

/* loss.c */
extern const ml_op ml_op_hinge;
extern const ml_op ml_op_huber;
extern const ml_op ml_op_mae;
extern const ml_op ml_op_mse;
extern const ml_op ml_op_multi_hinge;
extern const ml_op ml_op_sigmoid_cross_entropy;
extern const ml_op ml_op_softmax_cross_entropy;

/* matmul.c */
extern const ml_op ml_op_matmul;

/* pool.c */
extern const ml_op ml_op_average_pool1d;
extern const ml_op ml_op_average_pool1d_back;
extern const ml_op ml_op_average_pool2d;
extern const ml_op ml_op_average_pool2d_back;
extern const ml_op ml_op_max_pool1d;
extern const ml_op ml_op_max_pool1d_back;
extern const ml_op ml_op_max_pool2d;
extern const ml_op ml_op_max_pool2d_back;

/* position.c: positions of words in their rows */
extern const ml_op ml_op_even_offsets;
extern const ml_op ml_op_positions;
extern const ml_op ml_op_sinusoidal;

/* recurrent.c, recurrent_back.c, recurrent_words.c */
extern const ml_op ml_op_gru;
extern const ml_op ml_op_gru_grad;
extern const ml_op ml_op_gru_words;
extern const ml_op ml_op_lstm;
extern const ml_op ml_op_lstm_grad;
extern const ml_op ml_op_lstm_words;
extern const ml_op ml_op_rnn;
extern const ml_op ml_op_rnn_grad;
extern const ml_op ml_op_rnn_words;

/* reduce.c */
extern const ml_op ml_op_max;
extern const ml_op ml_op_mean;
extern const ml_op ml_op_min;
extern const ml_op ml_op_spread;
extern const ml_op ml_op_sum;
extern const ml_op ml_op_sum_to;

/* reshape.c */
extern const ml_op ml_op_broadcast_to;
extern const ml_op ml_op_reshape;
extern const ml_op ml_op_slice;
extern const ml_op ml_op_transpose;

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

/* softmax.c */
extern const ml_op ml_op_log_softmax;
extern const ml_op ml_op_log_softmax_back;
extern const ml_op ml_op_softmax;
extern const ml_op ml_op_softmax_back;

/* unary.c */
extern const ml_op ml_op_abs;
extern const ml_op ml_op_cast;
extern const ml_op ml_op_erf;
extern const ml_op ml_op_exp;
extern const ml_op ml_op_log;
extern const ml_op ml_op_neg;
extern const ml_op ml_op_sign;
extern const ml_op ml_op_sqrt;
extern const ml_op ml_op_square;

#endif							/* ML_OPS_H */
