/*-------------------------------------------------------------------------
 *
 * random_graph.h
 *	  Random networks of many kinds of ops, of which every value has a gradient.
 *
 * Values are of rows [rows, c], of words [words, c] or images [rows, h, w, c]; each
 * step takes one and makes another, until all end in a loss.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include "toy_graph.h"

#include "op/window.h"

#define RG_VALUES	24
#define RG_ROWS		3
#define RG_WORDS	5			/* of rows of 2, 0 and 3 */
#define RG_TABLE	4
#define RG_WIDTH	3

typedef struct random_graph
{
	toy			t;
	ml_rng		rng;
	ml_dim		words;
	ml_dim		offsets_dim;
	int32_t		offsets;
	int32_t		table;			/* [RG_TABLE, RG_WIDTH] */
	int32_t		rows[RG_VALUES];
	int			nrows;
	int32_t		packed[RG_VALUES];
	int			npacked;
	int32_t		images[RG_VALUES];
	int			nimages;
	int			nparameters;
	/* what inputs are set to */
	double		numbers[256];
	float		floats[256];
	int32_t		tokens[RG_WORDS];
	int32_t		bounds[RG_ROWS + 1];
	int32_t		classes[RG_ROWS];
} random_graph;

static inline int64_t
rg_pick(random_graph *g, int64_t n)
{
	return (int64_t) ml_rng_below(&g->rng, (uint64_t) n);
}

static inline int64_t
rg_width(random_graph *g, int32_t value)
{
	const ml_shape *shape = g->t.b.e.shape(&g->t.b.e, value);

	return shape->ndims > 0 ? shape->dims[shape->ndims - 1] : 0;
}

static inline int32_t
rg_parameter(random_graph *g, ml_layout layout, int ndims, const ml_dim *dims)
{
	char		name[16];
	ml_shape	shape = {g->t.graph->dtype, layout, ndims, {0}};

	memcpy(shape.dims, dims, (size_t) ndims * sizeof(ml_dim));
	snprintf(name, sizeof(name), "p%d", g->nparameters++);
	return ml_builder_parameter(&g->t.b, unit_text(name), &shape, false);
}

static inline int32_t
rg_vector(random_graph *g, int64_t n)
{
	return rg_parameter(g, ML_PLAIN, 1, &n);
}

/* Output "which" of a node. */
static inline int32_t
rg_node(random_graph *g, const ml_op *op, const ml_attributes *attributes, int nin, const int32_t *in, int which)
{
	int32_t		out[ML_NODE_OUTPUTS_MAX];

	g->t.b.e.node(&g->t.b.e, op, attributes, nin, in, op->nout, out);
	return out[which];
}

static inline int32_t
rg_linear(random_graph *g, int32_t x)
{
	static const int smooth[] = {ML_LINEAR, ML_GELU, ML_GELU_TANH, ML_SILU, ML_TANH, ML_SIGMOID, ML_ELU};
	int64_t		n = RG_WIDTH + rg_pick(g, 2);
	int64_t		k = rg_width(g, x);
	int32_t		in[3] = {x, rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {k, n}), rg_vector(g, n)};
	int64_t		activation = smooth[rg_pick(g, 7)];
	ml_attributes attributes = ml_op_standard(&ml_op_linear);

	/* as one, or as three that may become one */
	if (rg_pick(g, 2) == 0)
	{
		attributes.ints[0] = activation;
		return ml_emit(&g->t.b.e, &ml_op_linear, &attributes, 3, in);
	}
	x = ml_emit(&g->t.b.e, &ml_op_linear, NULL, 2, in);
	x = ml_emit2(&g->t.b.e, &ml_op_add, NULL, x, in[2]);
	return ml_emit1(&g->t.b.e, &ml_op_activation, &(ml_attributes) {.ints = {activation}, .reals = {1}}, x);
}

/* x [n, c] and another of its kind, made as wide. */
static inline int32_t
rg_other(random_graph *g, int32_t x, const int32_t *values, int n)
{
	int32_t		other = values[rg_pick(g, n)];

	if (rg_width(g, other) == rg_width(g, x))
		return other;
	return ml_emit2(&g->t.b.e, &ml_op_linear, NULL, other,
					rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {rg_width(g, other), rg_width(g, x)}));
}

/* Ops of any [n, c]. */
static inline int32_t
rg_matrix(random_graph *g, int32_t x, const int32_t *values, int n)
{
	ml_emitter *e = &g->t.b.e;
	ml_dim		first = e->shape(e, x)->dims[0];
	int64_t		c = rg_width(g, x);
	ml_attributes a;

	switch (rg_pick(g, 14))
	{
		case 0:
			return ml_emit2(e, &ml_op_add, NULL, x, rg_other(g, x, values, n));
		case 1:
			return ml_emit2(e, &ml_op_mul, NULL, x, rg_other(g, x, values, n));
		case 2:
			return ml_emit2(e, &ml_op_sub, NULL, rg_vector(g, c), x);
		case 3:
			return ml_emit1(e, &ml_op_softmax, NULL, x);
		case 4:
			return ml_emit1(e, &ml_op_log_softmax, NULL, x);
		case 5:
			/* not of columns without spread: the table's row makes some */
			return rg_node(g, &ml_op_layer_norm, NULL, 3,
						   (int32_t[]) {ml_emit2(e, &ml_op_add, NULL, x, rg_vector(g, c)), rg_vector(g, c), rg_vector(g, c)}, 0);
		case 6:
			/* turned, sliced, put together again: views and copies */
			x = ml_emit1(e, &ml_op_transpose, &(ml_attributes) {.ints = {1, 0}}, x);
			a = ml_op_standard(&ml_op_slice);
			a.ints[1] = 1;
			x = ml_emit2(e, &ml_op_concat, &(ml_attributes) {.ints = {0}}, x, ml_emit1(e, &ml_op_slice, &a, x));
			return ml_emit1(e, &ml_op_transpose, &(ml_attributes) {.ints = {1, 0}}, x);
		case 7:
			a = ml_op_standard(&ml_op_pad);
			a.ints[0] = 1;
			a.ints[1] = 1;
			return ml_emit1(e, &ml_op_pad, &a, x);
		case 8:
			/* (x x') x, scaled */
			a = (ml_attributes) {.ints = {0, 1}};
			return ml_emit2(e, &ml_op_mul, NULL, ml_emit2(e, &ml_op_matmul, NULL, ml_emit2(e, &ml_op_matmul, &a, x, x), x),
							e->constant(e, g->t.graph->dtype, 0.1));
		case 9:
			/* minus the mean of the row */
			a = (ml_attributes) {.ints = {2, 1}};
			return ml_emit2(e, &ml_op_sub, NULL, x, ml_emit1(e, &ml_op_mean, &a, x));
		case 10:
			return ml_emit1(e, &ml_op_dropout, &(ml_attributes) {.reals = {0.3}}, x);
		case 11:
			/* divided by 1 + x^2 */
			return ml_emit2(e, &ml_op_div, NULL, x, ml_emit2(e, &ml_op_add, NULL, ml_emit1(e, &ml_op_square, NULL, x),
															 e->constant(e, g->t.graph->dtype, 1)));
		case 12:
			/* each number as a column of its own, times a vector, as it was */
			x = ml_emit1(e, &ml_op_reshape, &(ml_attributes) {.ndims = 3, .dims = {first, c, 1}}, x);
			x = ml_emit2(e, &ml_op_mul, NULL, x, rg_vector(g, 2));
			return ml_emit1(e, &ml_op_reshape, &(ml_attributes) {.ndims = 2, .dims = {first, 2 * c}}, x);
		default:
			return rg_linear(g, x);
	}
}

/* Ops of words; those that give rows put them there. */
static inline void
rg_words_step(random_graph *g, int32_t x)
{
	ml_emitter *e = &g->t.b.e;
	static const ml_op *const cells[] = {&ml_op_rnn, &ml_op_gru, &ml_op_lstm};
	static const int gates[] = {1, 3, 4};
	static const ml_op *const ends[] = {&ml_op_segment_sum, &ml_op_segment_mean, &ml_op_segment_first, &ml_op_segment_last};
	int64_t		c = rg_width(g, x);
	int			which;
	ml_attributes a;

	switch (rg_pick(g, 6))
	{
		case 0:
			which = (int) rg_pick(g, 3);
			x = rg_node(g, cells[which], &(ml_attributes) {.ints = {rg_pick(g, 2)}}, 6,
						(int32_t[]) {x, g->offsets, rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {c, 2 * gates[which]}),
									 rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {2, 2 * gates[which]}),
									 rg_vector(g, 2 * gates[which]), rg_vector(g, 2 * gates[which])}, 0);
			break;
		case 1:
			x = ml_emit2(e, &ml_op_linear, NULL, x, rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {c, 12}));
			x = rg_node(g, &ml_op_attention, &(ml_attributes) {.ints = {2, rg_pick(g, 2)}}, 2, (int32_t[]) {x, g->offsets}, 0);
			break;
		case 2:
			a = ml_op_standard(&ml_op_conv1d);
			a.ints[ML_CONV1D_BEFORE] = 1;
			a.ints[ML_CONV1D_ACTIVATION] = rg_pick(g, 2) == 0 ? ML_LINEAR : ML_TANH;
			x = rg_node(g, &ml_op_conv1d, &a, 4,
						(int32_t[]) {x, g->offsets, rg_parameter(g, ML_PANELS, 3, (ml_dim[]) {2, c, 3}), rg_vector(g, 3)}, 0);
			break;
		case 3:
			x = rg_matrix(g, x, g->packed, g->npacked);
			break;
		default:
			g->rows[g->nrows++] = ml_emit2(e, ends[rg_pick(g, 4)], NULL, x, g->offsets);
			return;
	}
	g->packed[g->npacked++] = x;
}

static inline void
rg_image_step(random_graph *g, int32_t x)
{
	ml_emitter *e = &g->t.b.e;
	const ml_shape *shape = e->shape(e, x);
	int64_t		c = rg_width(g, x);
	int64_t		pixels = shape->dims[1] * shape->dims[2];
	ml_attributes a;

	if (shape->dims[1] >= 2 && shape->dims[2] >= 2 && rg_pick(g, 3) > 0)
	{
		a = ml_op_standard(&ml_op_conv2d);
		a.ints[ML_CONV2D_BOTTOM] = a.ints[ML_CONV2D_RIGHT] = 1;
		a.ints[ML_CONV2D_ACTIVATION] = rg_pick(g, 2) == 0 ? ML_LINEAR : ML_SILU;
		x = ml_emit3(e, &ml_op_conv2d, &a, x, rg_parameter(g, ML_PANELS, 4, (ml_dim[]) {2, 2, c, 2}), rg_vector(g, 2));
		if (rg_pick(g, 2) == 0)
		{
			bool		max = rg_pick(g, 2) == 0;
			const ml_op *op = max ? &ml_op_max_pool2d : &ml_op_average_pool2d;

			a = ml_op_standard(op);
			a.ints[ML_POOL2D_STRIDE_H] = a.ints[ML_POOL2D_STRIDE_W] = 2;
			a.ints[ML_POOL2D_WINDOW_H] = a.ints[ML_POOL2D_WINDOW_W] = 2;
			x = rg_node(g, op, &a, 1, &x, 0);
		}
		g->images[g->nimages++] = x;
		return;
	}
	g->rows[g->nrows++] = ml_emit1(e, &ml_op_reshape, &(ml_attributes) {.ndims = 2, .dims = {g->t.rows, pixels * c}}, x);
}

/* All rows' values beside each other, to a loss. */
static inline int32_t
rg_loss(random_graph *g, int32_t classes, int32_t weights)
{
	ml_emitter *e = &g->t.b.e;
	int32_t		x = ml_emit(e, &ml_op_concat, &(ml_attributes) {.ints = {1}}, g->nrows, g->rows);
	int32_t		in[4] = {ml_emit2(e, &ml_op_linear, NULL, x, rg_parameter(g, ML_PANELS, 2, (ml_dim[]) {rg_width(g, x), RG_WIDTH})),
						 classes, weights, e->constant(e, g->t.graph->dtype, 0.25)};

	/* the output's weights are the embedding's */
	in[0] = ml_emit2(e, &ml_op_matmul, &(ml_attributes) {.ints = {0, 1}}, in[0], g->table);
	ml_builder_output(&g->t.b, ML_TEXT("logits"), in[0]);
	return rg_node(g, &ml_op_softmax_cross_entropy, NULL, 4, in, 0);
}

static inline int32_t
rg_input(random_graph *g, const char *name, ml_dtype dtype, int ndims, const ml_dim *dims)
{
	ml_shape	shape = {dtype, ML_PLAIN, ndims, {0}};

	memcpy(shape.dims, dims, (size_t) ndims * sizeof(ml_dim));
	return ml_builder_input(&g->t.b, unit_text(name), &shape);
}

/* Draw a network of "steps" ops or more; not finished. */
static inline ml_status
rg_open(ml_context *ctx, random_graph *g, uint64_t seed, ml_dtype dtype, int steps, bool training)
{
	int32_t		tokens;
	int32_t		classes;
	int32_t		weights;
	int32_t		loss;

	memset(g, 0, sizeof(*g));
	ml_rng_seed(&g->rng, seed);
	ML_TRY(toy_open(ctx, dtype, &g->t));
	ML_TRY(ml_graph_symbol(ctx, g->t.graph, ML_TEXT("words"), &g->words));
	ML_TRY(ml_symbols_derive(ctx, &g->t.graph->symbols, ML_SYMBOL_PLUS, g->t.rows, 1, 0, 0, 0, &g->offsets_dim));
	g->rows[g->nrows++] = rg_input(g, "x", dtype, 2, (ml_dim[]) {g->t.rows, RG_WIDTH});
	g->images[g->nimages++] = rg_input(g, "image", dtype, 4, (ml_dim[]) {g->t.rows, 4, 4, 1});
	tokens = rg_input(g, "tokens", ML_I32, 1, (ml_dim[]) {g->words});
	g->offsets = rg_input(g, "offsets", ML_I32, 1, (ml_dim[]) {g->offsets_dim});
	classes = rg_input(g, "classes", ML_I32, 1, (ml_dim[]) {g->t.rows});
	weights = rg_input(g, "weights", dtype, 1, (ml_dim[]) {g->t.rows});
	g->table = rg_parameter(g, ML_PLAIN, 2, (ml_dim[]) {RG_TABLE, RG_WIDTH});
	g->packed[g->npacked++] = ml_emit2(&g->t.b.e, &ml_op_gather, NULL, g->table, tokens);
	for (int i = 0; i < steps; i++)
		switch (rg_pick(g, 4))
		{
			case 0:
				rg_image_step(g, g->images[rg_pick(g, g->nimages)]);
				break;
			case 1:
				g->rows[g->nrows] = rg_matrix(g, g->rows[rg_pick(g, g->nrows)], g->rows, g->nrows);
				g->nrows++;
				break;
			default:
				rg_words_step(g, g->packed[rg_pick(g, g->npacked)]);
		}
	loss = rg_loss(g, classes, weights);
	ml_builder_output(&g->t.b, ML_TEXT("loss"), training ? ml_emit1(&g->t.b.e, &ml_op_copy, NULL, loss) : loss);
	return training ? ml_graph_backward(&g->t.b, loss) : g->t.b.e.status;
}

/* Finish, bind, set inputs; graph: g's own or one read. */
static inline ml_status
rg_ready(random_graph *g, toy *t, bool training)
{
	static const char *const names[] = {"x", "image", "tokens", "offsets", "classes", "weights"};
	static const int32_t bounds[RG_ROWS + 1] = {0, 2, 2, 5};
	bool		wide = t->graph->dtype == ML_F64;
	ml_binding	binding = {{0}};
	const void *data[6] = {
		wide ? (void *) g->numbers : (void *) g->floats, wide ? (void *) (g->numbers + 16) : (void *) (g->floats + 16),
		g->tokens, g->bounds, g->classes, wide ? (void *) (g->numbers + 128) : (void *) (g->floats + 128)
	};

	ML_TRY(toy_finish(t));
	for (int i = 0; i < 256; i++)
		g->floats[i] = (float) (g->numbers[i] = sin(2.7 * i + 1));
	for (int i = 0; i < RG_ROWS; i++)
	{
		g->classes[i] = (3 * i + 1) % RG_TABLE;
		g->floats[128 + i] = (float) (g->numbers[128 + i] = 0.5 + i);
	}
	for (int i = 0; i < RG_WORDS; i++)
		g->tokens[i] = (i * i) % RG_TABLE;
	memcpy(g->bounds, bounds, sizeof(bounds));
	binding.numbers[ML_SYMBOL_OF(g->t.rows)] = RG_ROWS;
	binding.numbers[ML_SYMBOL_OF(g->words)] = RG_WORDS;
	binding.offsets[ML_SYMBOL_OF(g->words)] = g->bounds;
	binding.rows[ML_SYMBOL_OF(g->words)] = RG_ROWS;
	ML_TRY(ml_runner_bind(t->ctx, t->runner, &binding, training));
	t->runner->seed = 42;
	for (int i = 0; i < 6; i++)
	{
		int32_t		v = ml_graph_find(t->graph, ML_VALUE_INPUT, unit_text(names[i]));

		if (v != ML_NO_VALUE)
			t->runner->inputs[v] = data[i];
	}
	return ML_OK;
}

#endif							/* RANDOM_GRAPH_H */
