/*-------------------------------------------------------------------------
 *
 * graph.h
 *	  Values and nodes: building a graph, its gradients, its memory plan, its
 *	  runs, and how it is written down.
 *
 * Built by adding values and nodes (each node's shape rule runs at once), then
 * perhaps ml_graph_backward, then ml_graph_finish, which fuses, orders and
 * chooses kernels; from then on the graph is read-only and may be shared by
 * any number of runs.
 *
 * Where values live:
 *
 *	  INPUT			the caller's memory
 *	  CONSTANT		the graph's own bytes
 *	  PARAMETER		one contiguous vector, and gradients in another one of the same layout
 *	  STATE			one contiguous vector that outlives a run and is written in place
 *	  ACTIVATION	one block, planned: two values may share bytes if their lives don't overlap
 *	  GRADIENT		of a parameter: at its place in the gradients' vector
 *	  OUTPUT		an activation that lives to the end of the run
 *
 * A view (reshape, slice, transpose ...) and a tied weight have the storage of
 * another value.
 *
 * The arrays hold no pointers, so that an image can have them as they are and a
 * session's ml_graph merely points into it.
 *
 * The plan is a pure function of the graph and the symbols' numbers.  A run
 * allocates nothing as long as no plan needs more than the largest one before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_GRAPH_H
#define ML_GRAPH_H

#include "base/json.h"
#include "op/op.h"

typedef enum ml_value_kind
{
	ML_VALUE_INPUT,
	ML_VALUE_CONSTANT,
	ML_VALUE_PARAMETER,
	ML_VALUE_STATE,
	ML_VALUE_ACTIVATION,
	ML_VALUE_GRADIENT,
	ML_VALUE_OUTPUT
} ml_value_kind;

typedef struct ml_graph_value
{
	ml_value_kind kind;
	ml_shape	shape;
	ml_name		name;			/* of inputs, parameters, states, outputs; else absent */
	int32_t		storage;		/* the value whose storage this one is in; itself if its own */
	int32_t		producer;		/* node, or -1 */
	bool		sparse;			/* PARAMETER: gradients touch few rows (embeddings) */
	int32_t		parameter;		/* GRADIENT: of which */
	/*
	 * PARAMETER: where in the parameters' vector, in elements of graph->dtype (of whatever
	 * dtype it is itself); STATE: in the states, CONSTANT: in graph->constants, in bytes
	 */
	size_t		offset;
} ml_graph_value;

/* How a node writes its output 0. */
typedef enum ml_write
{
	ML_WRITE_NEW,
	ML_WRITE_GRADIENT,			/* the first to write this gradient in a run: adds if the run adds */
	ML_WRITE_SUM				/* adds to what is there */
} ml_write;

typedef struct ml_graph_node
{
	int16_t		op;				/* its row in ml_ops */
	int16_t		kernel;			/* its row in the op's kernels; -1 for views */
	ml_attributes attributes;
	int32_t		nin;
	int32_t		nout;
	int32_t		inputs;			/* first of nin in graph->operands, then nout outputs */
	int32_t		layer;			/* which layer emitted it (ml_graph_layer), -1: none */
	ml_write	write;
} ml_graph_node;

typedef struct ml_graph ml_graph;

struct ml_graph
{
	ml_arena	arena;
	ml_dtype	dtype;			/* F32; F64 for checking gradients */
	ml_symbols	symbols;
	ml_graph_value *values;
	int32_t		nvalues;
	ml_graph_node *nodes;		/* finished: in the order of the run */
	int32_t		nnodes;
	int32_t		nforward;		/* nodes of the forward pass come first */
	int32_t    *operands;
	ml_name    *layers;			/* of layers, for messages and summaries */
	int32_t		nlayers;
	int32_t    *gradients;		/* [nvalues] of a PARAMETER: its gradient's value; else ML_NO_VALUE; NULL: forward only */
	int32_t		ndraws;
	int32_t		loss;			/* after ml_graph_backward */
	size_t		parameters;		/* elements of the parameters' vector, a multiple of 16 */
	size_t		state_bytes;
	uint8_t    *constants;
	size_t		constant_bytes;
	char	   *strings;		/* what names point into */
	size_t		string_bytes;
	/* capacities */
	size_t		values_capacity;
	size_t		nodes_capacity;
	size_t		operands_capacity;
	size_t		noperands;
	size_t		layers_capacity;
	size_t		constants_capacity;
	size_t		strings_capacity;
};

/* === graph.c: building === */

extern ml_status ml_graph_open(ml_context *ctx, ml_dtype dtype, ml_graph **result);
extern void ml_graph_close(ml_context *ctx, ml_graph *graph);

/* A free symbol, found or added by its name. */
extern ml_status ml_graph_symbol(ml_context *ctx, ml_graph *graph, ml_text name, ml_dim *result);

/* What a graph is built through; everything emitted belongs to the layer set last. */
typedef struct ml_builder
{
	ml_emitter	e;				/* first: backward rules and layers take &b.e */
	ml_graph   *graph;
	int32_t		layer;
} ml_builder;

extern void ml_builder_start(ml_context *ctx, ml_graph *graph, ml_builder *b);
extern void ml_builder_layer(ml_builder *b, ml_text name);
extern int32_t ml_builder_input(ml_builder *b, ml_text name, const ml_shape *shape);
/* data: plain, row-major, copied */
extern int32_t ml_builder_constant(ml_builder *b, const ml_shape *shape, const void *data);
/* The name is unique; one that exists with the same shape is the same value (tied weights). */
extern int32_t ml_builder_parameter(ml_builder *b, ml_text name, const ml_shape *shape, bool sparse);
extern int32_t ml_builder_state(ml_builder *b, ml_text name, const ml_shape *shape);
extern void ml_builder_output(ml_builder *b, ml_text name, int32_t value);

/*
 * Fuse the forward pass (fuse.c), then emit the nodes that compute the gradient of the scalar
 * "loss" by every parameter that it depends on (reverse accumulation; Griewank and Walther,
 * Evaluating Derivatives, 2008).  Gradients go to the gradients' vector; of a
 * value used several times they are added up.
 */
extern ml_status ml_graph_backward(ml_builder *b, int32_t loss);

/*
 * The same by some values of the forward pass instead of the parameters: values
 * of the graph, which the caller makes outputs; ML_NO_VALUE: 0.
 */
extern ml_status ml_graph_gradients(ml_builder *b, int32_t loss, int n, const int32_t *values,
									int32_t *gradients);

/* Fuse (fuse.c) a forward pass, drop what nobody needs, choose kernels; ML_UNSUPPORTED: no kernel for the dtypes. */
extern ml_status ml_graph_finish(ml_context *ctx, ml_graph *graph);

/*
 * The same graph, finished and forward only, for serving: with tables in the place of nodes (fold.c),
 * which are parameters behind those of the graph.  Values keep their numbers; strings and constants are
 * borrowed.  NULL: there is nothing to fold.
 */
extern ml_status ml_graph_fold(ml_context *ctx, const ml_graph *graph, ml_graph **folded);

/* Fill in the tables of a folded graph; the other parameters are there.  "kernel" serves with its own kind alone (fold.c). */
extern ml_status ml_graph_fold_tables(ml_context *ctx, const ml_kernel *kernel, const ml_graph *graph,
									  const ml_graph *folded, void *parameters);

/* A name's text, borrowed from the graph. */
extern ml_text ml_graph_text(const ml_graph *graph, ml_name name);

/* By name; ML_NO_VALUE: none. */
extern int32_t ml_graph_find(const ml_graph *graph, ml_value_kind kind, ml_text name);

/* === plan.c === */

/* Numbers of the symbols for one run. */
typedef struct ml_binding
{
	int64_t		numbers[ML_SYMBOLS_MAX];	/* of FREE ones set by the caller; the others by ml_graph_bind */
	/* of symbols that count the words of packed sequences: row offsets [rows + 1] */
	const int32_t *offsets[ML_SYMBOLS_MAX];
	int64_t		rows[ML_SYMBOLS_MAX];
} ml_binding;

/* Fill in derived symbols.  ML_BAD_INPUT: negative or beyond INT32_MAX. */
extern ml_status ml_graph_bind(ml_context *ctx, const ml_graph *graph, ml_binding *binding);

typedef struct ml_plan
{
	ml_binding	binding;
	bool		backward;
	int32_t		nnodes;			/* planned: all, or those of the forward pass */
	ml_view    *views;			/* [nvalues] dims and strides; data set by a run */
	int32_t    *storage;		/* [nvalues] whose storage a value is in */
	size_t	   *within;			/* [nvalues] where in it, in bytes */
	size_t	   *offsets;		/* [nvalues] of activations' storages in the block */
	ml_view    *operands;		/* [noperands] the nodes' views of them, one after the other */
	size_t	   *copies;			/* [noperands] contiguous copies of strided inputs in the block; SIZE_MAX: none */
	size_t	   *workspace;		/* [nnodes] offsets of workspaces in the block */
	size_t		bytes;			/* of the block */
	double		flops;
} ml_plan;

/* Bytes that ml_graph_plan needs in *plan, whatever the binding. */
extern size_t ml_plan_size(const ml_graph *graph);

/*
 * Plan a run of the forward pass, or of all nodes.  memory: ml_plan_size bytes,
 * ML_ALIGN aligned.  Deterministic; ML_NO_MEMORY when sizes overflow.
 */
extern ml_status ml_graph_plan(ml_context *ctx, const ml_graph *graph, const ml_binding *binding,
							   bool backward, void *memory, ml_plan *plan);

/* Floating-point operations of one node of a plan. */
extern double ml_plan_flops(const ml_graph *graph, const ml_plan *plan, int32_t node);

/* === run.c === */

/* The mutable state of one user of a graph. */
typedef struct ml_runner
{
	const ml_graph *graph;
	const ml_kernel *kernel;
	ml_plan		plan;
	bool		planned;
	void	   *plan_memory;
	void	   *block;			/* activations and workspaces */
	size_t		block_size;
	void	   *block_memory;	/* block before it was aligned */
	/* of the caller, ML_ALIGN aligned: */
	void	   *parameters;		/* graph->dtype[graph->parameters] */
	void	   *gradients;		/* the same; NULL: forward only */
	void	   *states;			/* graph->state_bytes */
	uint8_t   **touched;		/* [nvalues] of sparse parameters: a flag per row, or NULL */
	const void **inputs;		/* [nvalues] of INPUT values: set before a run */
	uint64_t	seed;			/* of this step */
} ml_runner;

extern ml_status ml_runner_open(ml_context *ctx, const ml_graph *graph, const ml_kernel *kernel,
								ml_runner **result);
extern void ml_runner_close(ml_context *ctx, ml_runner *runner);

/*
 * Plan for these symbols unless the plan in hand is for them, and have the
 * block ready.  Then set inputs, and run.
 */
extern ml_status ml_runner_bind(ml_context *ctx, ml_runner *runner, const ml_binding *binding,
								bool backward);

/*
 * Run forward, and backward if so bound.  add: gradients are added to those
 * that are there (slices of one batch); else they replace them.  Polls between
 * nodes; kernels poll themselves at least every 5 ms.
 */
extern ml_status ml_runner_run(ml_context *ctx, ml_runner *runner, bool add);

/* The view of a value after a run (outputs; while nothing is bound anew). */
extern const ml_view *ml_runner_view(const ml_runner *runner, int32_t value);

/* Plain rows <-> a storage in its layout (weights in and out); elements are of graph->dtype. */
extern void ml_layout_write(const ml_graph_value *value, ml_dtype dtype, void *storage, const void *plain);
extern void ml_layout_read(const ml_graph_value *value, ml_dtype dtype, const void *storage, void *plain);
/* The same of values that may be large: they poll. */
extern ml_status ml_layout_store(ml_context *ctx, const ml_graph_value *value, ml_dtype dtype, void *storage,
								 const void *plain);
extern ml_status ml_layout_load(ml_context *ctx, const ml_graph_value *value, ml_dtype dtype, const void *storage,
								void *plain);

/* === graph_json.c === */

/*
 * The forward graph as JSON: {"version": 1, "symbols": [...], "values": [...],
 * "nodes": [...]}; what a stored model of a network holds.  Reading trusts
 * nothing: names, dtypes, cycles, sizes, attributes and overlaps are checked,
 * shape rules run again, and what they say must equal what is written.  The
 * graph that was read isn't finished yet.
 * ML_BAD_MODEL, ML_NEWER_FORMAT (an op or a version that this release lacks).
 */
extern ml_status ml_graph_write(ml_context *ctx, const ml_graph *graph, ml_buffer *json);
extern ml_status ml_graph_read(ml_context *ctx, ml_text json, ml_graph **result);

#endif							/* ML_GRAPH_H */
