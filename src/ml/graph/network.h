/*-------------------------------------------------------------------------
 *
 * network.h
 *	  From layers, as the user writes them, to a graph.
 *
 * A specification is JSON: {"layers": [{"type": "dense", "units": 10, ...}, ...],
 * "loss": ...}, which options carry (learn/options.h has what concerns training).
 * Layers are rows of a table (layer.h): a name, attributes, and how the layer
 * lowers to primitive ops.  Layers form a chain, unless one has "name" and
 * others name it in "inputs".
 *
 * The same specification is lowered twice: for training (dropout, statistics of
 * batches, loss, gradients) and for inference; parameters and states have the
 * same names, shapes and places in both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_NETWORK_H
#define ML_NETWORK_H

#include "graph/graph.h"

/* What a network is fed with; one for each group of columns. */
typedef enum ml_feed_kind
{
	ML_FEED_NUMBERS,			/* [rows, size] floats */
	ML_FEED_TOKENS,				/* packed int32 [words] and offsets [rows + 1]; size: of the vocabulary */
	ML_FEED_IMAGE,				/* [rows, height, width, channels] floats */
	ML_FEED_SERIES				/* packed floats [steps, size] and offsets */
} ml_feed_kind;

typedef struct ml_feed
{
	ml_text		name;			/* what layers call it in "inputs" */
	ml_feed_kind kind;
	int64_t		size;
	int64_t height,
		width,
		channels;
	int64_t		length;			/* TOKENS, SERIES: all rows have this length (padded); 0: their own */
	int64_t		longest;		/* no row is longer; 0: not known */
} ml_feed;

#define ML_FEEDS_MAX 8

/* What values of the graph a feed is bound to. */
typedef struct ml_feed_values
{
	int32_t		data;
	int32_t		offsets;		/* ML_NO_VALUE unless packed */
	ml_dim		words;			/* symbol of the packed dimension; 0 unless packed */
} ml_feed_values;

/* What the output of a network is. */
typedef enum ml_output
{
	ML_OUTPUT_LOGITS,
	ML_OUTPUT_PROBABILITIES,	/* its last activation is sigmoid or softmax */
	ML_OUTPUT_NUMBERS			/* regression */
} ml_output;

/* How a parameter or state begins (layer.h). */
typedef struct ml_initial
{
	int32_t		value;
	int32_t		initializer;
	double		constant;
} ml_initial;

typedef struct ml_network
{
	ml_graph   *graph;
	ml_dim		rows;			/* symbol */
	int			nfeeds;
	ml_feed_values feeds[ML_FEEDS_MAX];
	int32_t		output;			/* [rows, outputs]: logits of classification (one of two labels: [rows, 1]), numbers of regression */
	int32_t		outputs;
	ml_output	output_kind;
	bool		whole_batches;	/* statistics of batches: they can't be run in slices */
	ml_initial *initials;
	size_t		ninitials;
	/* training, or with the loss */
	int32_t		targets;		/* int32 [rows] classes, or float [rows, outputs] */
	int32_t		weights;		/* float [rows] */
	int32_t		scale;			/* float scalar: 1 / the sum of weights of the whole batch */
	int32_t		loss;			/* scalar: scale * sum of weight x loss */
} ml_network;

typedef struct ml_network_task
{
	bool		classification;
	uint32_t	nlabels;		/* classification */
	int			nfeeds;
	const ml_feed *feeds;
	ml_dtype	dtype;			/* F32 */
	bool		training;		/* dropout, statistics of batches, loss, gradients */
	bool		bf16;			/* training: factors of products are rounded to bfloat16 */
	bool		with_loss;		/* without training: the loss as well */
} ml_network_task;

/* What a specification says before there are rows. */
typedef struct ml_network_peek
{
	bool		has_task;		/* its loss, or else its last layer, says what is learnt */
	bool		classification; /* mse, mae and huber are losses of numbers, but do for labels as well */
	int64_t		input_dim;		/* least size of an embedding; 0: none says */
} ml_network_peek;

extern ml_status ml_network_look(ml_context *ctx, ml_text spec, ml_network_peek *peek);

/*
 * Parse, fill in defaults, check.  written: the specification with every
 * default in, which parses to itself.  Errors name the layer, the shape it got and
 * what it wanted: ML_BAD_OPTION.
 */
extern ml_status ml_network_normalize(ml_context *ctx, ml_text spec, const ml_network_task *task,
									  ml_buffer *written);

/* Lower a specification to a finished graph, in training with gradients. */
extern ml_status ml_network_build(ml_context *ctx, ml_text spec, const ml_network_task *task,
								  ml_network *network);
extern void ml_network_close(ml_context *ctx, ml_network *network);

/* How many numbers are learnt: elements of all parameters, without what their layouts add. */
extern int64_t ml_network_parameters(const ml_network *network);

/* First values of all parameters, by their layers' initialisers, and of states; what that takes besides. */
extern size_t ml_network_initialize_bytes(const ml_network *network);
extern ml_status ml_network_initialize(ml_context *ctx, const ml_network *network, uint64_t seed,
									   void *parameters, void *states);

/*
 * Find inputs and output of an inference graph that was read from a stored file
 * (graph.h), which is trusted in nothing: ML_BAD_MODEL.  network->graph is it.
 */
extern ml_status ml_network_attach(ml_context *ctx, ml_graph *graph, int nfeeds, const ml_feed *feeds,
								   ml_network *network);

/*
 * Rows of a slice of a batch (model/train_network_open.c), fewer of which would leave
 * kernels half empty: recurrent cells multiply as many rows at a time as there are, all
 * else that takes much room per row has many words or places of each.
 */
extern size_t ml_network_least_slice(const ml_network *network);

/* Bind n rows, to be planned: offsets[nfeeds][n + 1], of packed feeds.  Then ml_graph_bind. */
extern void ml_network_bind_rows(const ml_network *network, int64_t n, const int32_t *const *offsets, ml_binding *binding);

/* One row of aiaas_summary. */
typedef struct ml_layer_summary
{
	ml_text		layer;			/* its name */
	ml_text		type;
	ml_text		shape;			/* "[rows, 26, 26, 32]" */
	int64_t		parameters;
	double		flops;			/* per example; of packed ones per word */
} ml_layer_summary;

extern ml_status ml_network_summarize(ml_context *ctx, ml_arena *arena, ml_text spec,
									  const ml_network_task *task, const ml_layer_summary **rows, size_t *n);

#endif							/* ML_NETWORK_H */
