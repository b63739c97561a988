/*-------------------------------------------------------------------------
 *
 * layer_table.c
 *	  The layers and what they take.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/layer.h"

#define SIZE_MOST	1048576		/* of units, filters ... */
#define WINDOW_MOST	1024

#define ACTIVATION(standard) ML_CHOICE("activation", ml_layer_activations, standard)
#define INITIALIZER(name, standard) ML_CHOICE(name, ml_initializer_names, standard)

static const char *const paddings[] = {"valid", "same", NULL};
static const char *const cell_activations[] = {"tanh", "relu", NULL};
static const char *const position_kinds[] = {"sinusoidal", "learned", NULL};

static const ml_setting nothing[] = {{NULL}};

static const ml_setting dense[] = {
	ML_INTEGER_OR_NONE("units", 1, SIZE_MOST),
	ACTIVATION(ML_LINEAR),
	ML_BOOLEAN("use_bias", 1),
	INITIALIZER("kernel_initializer", ML_INIT_GLOROT_UNIFORM),
	INITIALIZER("bias_initializer", ML_INIT_ZEROS),
	{NULL}
};

static const ml_setting embedding[] = {
	ML_INTEGER_OR_NONE("input_dim", 3, 16777216),
	ML_INTEGER_REQUIRED("output_dim", 1, SIZE_MOST),
	INITIALIZER("initializer", ML_INIT_UNIFORM),
	{NULL}
};

static const ml_setting activation[] = {
	ACTIVATION(ML_RELU),
	ML_NUMBER_OR_NONE("alpha", 0, 1e6),
	{NULL}
};

static const ml_setting dropout[] = {
	ML_NUMBER("rate", 0, 0.99, 0.5),
	{NULL}
};

static const ml_setting layer_normalization[] = {
	ML_NUMBER("epsilon", 1e-12, 1, 1e-5),
	{NULL}
};

static const ml_setting batch_normalization[] = {
	ML_NUMBER("momentum", 0, 0.9999999, 0.99),
	ML_NUMBER("epsilon", 1e-12, 1, 1e-3),
	{NULL}
};

static const ml_setting reshape[] = {
	ML_SIZES_REQUIRED("shape", 0, -1, SIZE_MOST),
	{NULL}
};

#define CONVOLUTION(n) \
	ML_INTEGER_REQUIRED("filters", 1, SIZE_MOST), \
	ML_SIZES_REQUIRED("kernel_size", n, 1, WINDOW_MOST), \
	ML_SIZES("strides", n, 1, WINDOW_MOST, 1), \
	ML_CHOICE("padding", paddings, 0), \
	ML_SIZES("dilation", n, 1, WINDOW_MOST, 1), \
	ML_INTEGER("groups", 1, SIZE_MOST, 1), \
	ACTIVATION(ML_LINEAR), \
	ML_BOOLEAN("use_bias", 1), \
	INITIALIZER("kernel_initializer", ML_INIT_GLOROT_UNIFORM), \
	INITIALIZER("bias_initializer", ML_INIT_ZEROS), \
	{NULL}

static const ml_setting conv1d[] = {CONVOLUTION(1)};
static const ml_setting conv2d[] = {CONVOLUTION(2)};

#define POOLING(n) \
	ML_SIZES("pool_size", n, 1, WINDOW_MOST, 2), \
	ML_SIZES_OR_NONE("strides", n, 1, WINDOW_MOST), \
	ML_CHOICE("padding", paddings, 0), \
	{NULL}

static const ml_setting pooling1d[] = {POOLING(1)};
static const ml_setting pooling2d[] = {POOLING(2)};

#define CELL(second) \
	ML_INTEGER_REQUIRED("units", 1, SIZE_MOST), \
	ML_INTEGER("layers", 1, 64, 1), \
	ML_BOOLEAN("bidirectional", 0), \
	ML_BOOLEAN("return_sequences", 0), \
	ML_NUMBER("dropout", 0, 0.99, 0), \
	ML_BOOLEAN("use_bias", 1), \
	ML_BOOLEAN("recurrent_bias", second), \
	INITIALIZER("kernel_initializer", ML_INIT_GLOROT_UNIFORM), \
	INITIALIZER("recurrent_initializer", ML_INIT_ORTHOGONAL), \
	INITIALIZER("bias_initializer", ML_INIT_ZEROS)

static const ml_setting rnn[] = {CELL(0), ML_CHOICE("activation", cell_activations, 0), {NULL}};
static const ml_setting gru[] = {CELL(1), {NULL}};
static const ml_setting lstm[] = {CELL(0), ML_BOOLEAN("unit_forget_bias", 1), {NULL}};

static const ml_setting multi_head_attention[] = {
	ML_INTEGER_REQUIRED("heads", 1, 1024),
	ML_INTEGER_OR_NONE("key_dim", 1, SIZE_MOST),
	ML_BOOLEAN("causal", 0),
	ML_NUMBER("dropout", 0, 0.99, 0),
	ML_BOOLEAN("use_bias", 1),
	INITIALIZER("kernel_initializer", ML_INIT_GLOROT_UNIFORM),
	INITIALIZER("bias_initializer", ML_INIT_ZEROS),
	{NULL}
};

static const ml_setting transformer_encoder[] = {
	ML_INTEGER_REQUIRED("heads", 1, 1024),
	ML_INTEGER_REQUIRED("units", 1, SIZE_MOST),
	ACTIVATION(ML_GELU),
	ML_NUMBER("dropout", 0, 0.99, 0),
	ML_BOOLEAN("norm_first", 1),
	ML_BOOLEAN("causal", 0),
	ML_NUMBER("epsilon", 1e-12, 1, 1e-5),
	INITIALIZER("kernel_initializer", ML_INIT_GLOROT_UNIFORM),
	INITIALIZER("bias_initializer", ML_INIT_ZEROS),
	{NULL}
};

static const ml_setting positional_encoding[] = {
	ML_CHOICE("kind", position_kinds, 0),
	ML_INTEGER_OR_NONE("max_length", 1, 65536),
	INITIALIZER("initializer", ML_INIT_UNIFORM),
	{NULL}
};

const ml_layer_type ml_layer_types[] = {
	{"activation", activation, 1, ml_lower_activation},
	{"add", nothing, 2, ml_lower_add},
	{"average_pooling1d", pooling1d, 1, ml_lower_average_pooling1d},
	{"average_pooling2d", pooling2d, 1, ml_lower_average_pooling2d},
	{"batch_normalization", batch_normalization, 1, ml_lower_batch_normalization},
	{"concatenate", nothing, 2, ml_lower_concatenate},
	{"conv1d", conv1d, 1, ml_lower_conv1d},
	{"conv2d", conv2d, 1, ml_lower_conv2d},
	{"dense", dense, 1, ml_lower_dense},
	{"dropout", dropout, 1, ml_lower_dropout},
	{"embedding", embedding, 1, ml_lower_embedding},
	{"flatten", nothing, 1, ml_lower_flatten},
	{"global_average_pooling", nothing, 1, ml_lower_global_average_pooling},
	{"global_max_pooling", nothing, 1, ml_lower_global_max_pooling},
	{"gru", gru, 1, ml_lower_gru},
	{"layer_normalization", layer_normalization, 1, ml_lower_layer_normalization},
	{"lstm", lstm, 1, ml_lower_lstm},
	{"max_pooling1d", pooling1d, 1, ml_lower_max_pooling1d},
	{"max_pooling2d", pooling2d, 1, ml_lower_max_pooling2d},
	{"multi_head_attention", multi_head_attention, 1, ml_lower_multi_head_attention},
	{"multiply", nothing, 2, ml_lower_multiply},
	{"positional_encoding", positional_encoding, 1, ml_lower_positional_encoding},
	{"reshape", reshape, 1, ml_lower_reshape},
	{"rnn", rnn, 1, ml_lower_rnn},
	{"transformer_encoder", transformer_encoder, 1, ml_lower_transformer_encoder},
	{NULL}
};

ml_setting_value *
ml_layer_setting(const ml_lowering *w, const char *name)
{
	const ml_setting *table = w->layer->type->settings;

	for (int i = 0; table[i].name != NULL; i++)
		if (strcmp(table[i].name, name) == 0)
			return &w->layer->values[i];
	return NULL;
}
