/*-------------------------------------------------------------------------
 *
 * layer.h
 *	  Layers: what a specification is made of, and how each lowers to ops.
 *
 *	  network.c				specifications, chains, losses
 *	  layer_table.c			the table of layers with their settings
 *	  layers_dense.c		dense, embedding, activation, dropout, norms, shapes, merges
 *	  layers_window.c		convolution and pooling
 *	  layers_sequence.c		recurrent cells, attention, transformer, positions
 *	  initializer.c			first weights
 *	  preset.c				layers chosen for the feeds at hand
 *
 * What flows between layers is a value [rows, dims...], or, of sequences, packed
 * [words, dims...] with row offsets.  A layer is told what flows in, emits ops, and
 * says what flows out; its shape errors name it ("layer 3 (dense)").
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LAYER_H
#define ML_LAYER_H

#include "graph/network.h"
#include "graph/setting.h"
#include "op/ops.h"

#define ML_LAYERS_MAX		256
#define ML_LAYER_INPUTS_MAX	16

/* What flows between layers. */
typedef struct ml_flow
{
	int32_t		value;
	int32_t		offsets;		/* packed: int32 [rows + 1]; else ML_NO_VALUE */
	ml_dim		first;			/* the first dimension: rows or words */
	bool		series;			/* packed: words are steps of series */
	int64_t		length;			/* packed: all rows have so many words; 0: their own */
	int64_t		longest;		/* packed: no row has more; 0: not known */
	bool		ids;			/* numbers of words, no channels */
	int64_t		vocabulary;		/* ids: how many numbers there are */
	int			ndims;			/* of a row, or of a word */
	int64_t		dims[ML_MAX_DIMS - 1];
} ml_flow;

static inline bool
ml_flow_packed(const ml_flow *flow)
{
	return flow->offsets != ML_NO_VALUE;
}

/* What packed rows, and what they are made of, are called. */
static inline const char *
ml_flow_texts(const ml_flow *flow)
{
	return flow->series ? "series" : "texts";
}

static inline const char *
ml_flow_words(const ml_flow *flow)
{
	return flow->series ? "steps" : "words";
}

typedef struct ml_layer_type ml_layer_type;

typedef struct ml_layer
{
	const ml_layer_type *type;
	ml_text		name;			/* by the user, or "dense_1" */
	int			ninputs;		/* 0: the layer before, or the only feed */
	ml_text		inputs[ML_LAYER_INPUTS_MAX];
	ml_setting_value values[ML_SETTINGS_MAX];
	char		where[96];		/* "layer 3 (dense)" */
} ml_layer;

/* A network under construction. */
typedef struct ml_lowering
{
	ml_context *ctx;
	ml_builder	b;
	const ml_network_task *task;
	ml_network *network;
	ml_layer   *layer;			/* in hand */
	bool		last;			/* nothing behind it changes the number of its outputs */
	bool		bare;			/* its last activation is left to the loss */
	int64_t		outputs;		/* for layers of the last size not said */
	size_t		ninitials;
	size_t		initials_capacity;
} ml_lowering;

struct ml_layer_type
{
	const char *name;
	const ml_setting *settings;
	int			ninputs;		/* 1; 2: any number from 2 on */
	ml_status	(*lower) (ml_lowering *w, const ml_flow *in, int nin, ml_flow *out);
};

/* All types, ended by one without name. */
extern const ml_layer_type ml_layer_types[];

/* The value of a setting of the layer in hand, by its name in the table. */
extern ml_setting_value *ml_layer_setting(const ml_lowering *w, const char *name);

static inline int64_t
ml_layer_integer(const ml_lowering *w, const char *name)
{
	return ml_layer_setting(w, name)->integer;
}

/* 'layer 3 (dense): ...' and then "the input is [26, 26, 32]"; returns ML_BAD_OPTION. */
extern ml_status ml_layer_fail(ml_lowering *w, const ml_flow *in, const char *format,...)
			__attribute__((format(__printf__, 3, 4)));

/* "[rows, 26, 26, 32]", "[rows, words, 64]" */
extern size_t ml_flow_print(const ml_flow *flow, char *text, size_t size);

/* What happened while nodes were emitted, with the layer's name. */
extern ml_status ml_layer_status(ml_lowering *w, const ml_flow *in);

/* === What all layers share (layers_dense.c) === */

/* "activation" of a layer: those of ml_activation, then softmax. */
#define ML_LAYER_SOFTMAX	ML_ACTIVATIONS

extern const char *const ml_layer_activations[];

/* The activation that belongs to an op that takes one; what it can't take is emitted by ml_layer_finish. */
extern ml_attributes ml_layer_fused(const ml_lowering *w);
extern int32_t ml_layer_finish(ml_lowering *w, int32_t value);

/* x [..., K] times a new weight [K, units] plus a new bias: parameters name.weight, name.bias. */
extern int32_t ml_layer_linear(ml_lowering *w, const char *suffix, int32_t x, int64_t inputs, int64_t units,
							   bool bias, const ml_attributes *attributes);

/* [first, dims...] of the same elements. */
extern int32_t ml_layer_reshape(ml_lowering *w, int32_t value, ml_dim first, int ndims, const int64_t *dims);

/* A flow [rows][steps, channels] (or its value with ones in between) becomes packed, in place. */
extern ml_status ml_layer_to_sequence(ml_lowering *w, ml_flow *flow);

/* ML_BAD_OPTION unless the input is a sequence [words, channels]. */
extern ml_status ml_layer_want_sequence(ml_lowering *w, const ml_flow *in);

/* Products round their factors to bf16: in training, if the task says so. */
static inline bool
ml_layer_bf16(const ml_lowering *w)
{
	return w->task->training && w->task->bf16;
}

/* Dropout of a value in training; itself otherwise. */
extern int32_t ml_layer_dropout(ml_lowering *w, double rate, int32_t value);

/* Layer norm with new parameters. */
extern int32_t ml_layer_norm(ml_lowering *w, const char *suffix, double epsilon, int32_t value, int64_t channels);

/* === First weights (initializer.c) === */

typedef enum ml_initializer
{
	ML_INIT_GLOROT_UNIFORM,
	ML_INIT_GLOROT_NORMAL,
	ML_INIT_HE_UNIFORM,
	ML_INIT_HE_NORMAL,
	ML_INIT_UNIFORM,			/* in [-0.05, 0.05] */
	ML_INIT_NORMAL,				/* of deviation 0.05 */
	ML_INIT_ORTHOGONAL,
	ML_INIT_ZEROS,
	ML_INIT_ONES,
	ML_INIT_COUNT
} ml_initializer;

/* A bit more: of biases of LSTM, those of the forget gate are 1 (Jozefowicz et al. 2015). */
#define ML_INIT_FORGET	64

extern const char *const ml_initializer_names[];

/*
 * A parameter "layer.suffix" with its first values.  layout PANELS: a weight
 * of products; fan in: all dimensions but the last.
 */
extern int32_t ml_layer_parameter(ml_lowering *w, const char *suffix, ml_layout layout, int ndims,
								  const int64_t *dims, int64_t initializer, bool sparse);
extern int32_t ml_layer_state(ml_lowering *w, const char *suffix, int64_t n, double value);

/* === The layers (layers_dense.c, layers_window.c, layers_sequence.c) === */

#define ML_LAYER(name) extern ml_status ml_lower_##name(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)

ML_LAYER(activation);
ML_LAYER(add);
ML_LAYER(average_pooling1d);
ML_LAYER(average_pooling2d);
ML_LAYER(batch_normalization);
ML_LAYER(concatenate);
ML_LAYER(conv1d);
ML_LAYER(conv2d);
ML_LAYER(dense);
ML_LAYER(dropout);
ML_LAYER(embedding);
ML_LAYER(flatten);
ML_LAYER(global_average_pooling);
ML_LAYER(global_max_pooling);
ML_LAYER(gru);
ML_LAYER(layer_normalization);
ML_LAYER(lstm);
ML_LAYER(max_pooling1d);
ML_LAYER(max_pooling2d);
ML_LAYER(multi_head_attention);
ML_LAYER(multiply);
ML_LAYER(positional_encoding);
ML_LAYER(reshape);
ML_LAYER(rnn);
ML_LAYER(transformer_encoder);

/* === Presets (preset.c) === */

/* The layers of a preset for the feeds, JSON; name absent: chosen by the feeds; last: members of the last layer, dense.  ML_BAD_OPTION. */
extern ml_status ml_preset_layers(ml_context *ctx, ml_text name, const ml_network_task *task, const char *last,
								  ml_buffer *json);

#endif							/* ML_LAYER_H */
