/*-------------------------------------------------------------------------
 *
 * graph_internal.h
 *	  What the files of a graph share among themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_GRAPH_INTERNAL_H
#define ML_GRAPH_INTERNAL_H

#include "graph/graph.h"
#include "op/ops.h"

#define ML_GRAPH_VALUES_MAX	(1 << 16)	/* and nodes; names are looked up one by one */

/*
 * Check everything, run the shape rule, append the node.  outputs: [op->nout].
 */
extern ml_status ml_graph_add_node(ml_context *ctx, ml_graph *graph, const ml_op *op,
								   const ml_attributes *given, int32_t layer, int nin,
								   const int32_t *inputs, int32_t *outputs);

/* The op's kernel for these operands; -1: none. */
extern int	ml_graph_kernel_of(const ml_graph *graph, const ml_op *op, int nin, const int32_t *inputs,
							   int nout, const int32_t *outputs);

/* fuse.c: the forward pass, but for values whose gradients are wanted; and sums of the backward pass. */
extern ml_status ml_graph_fuse(ml_context *ctx, ml_graph *graph, bool training, int nwanted,
							   const int32_t *wanted);
extern ml_status ml_graph_fuse_sums(ml_context *ctx, ml_graph *graph);

/* A parameter without a name, behind all others. */
extern ml_status ml_graph_add_parameter(ml_context *ctx, ml_graph *graph, const ml_shape *shape, int32_t *value);

/* Drop nodes that nobody needs. */
extern ml_status ml_graph_drop_dead(ml_context *ctx, ml_graph *graph);

/* Drop the other nodes: keep[nnodes]. */
extern void ml_graph_keep_nodes(ml_graph *graph, const bool *keep);

/* The k-th node as its kernel sees it: attributes and operands. */
extern void ml_plan_run_of(const ml_graph *graph, const ml_plan *plan, int32_t k, ml_op_run *run);

#endif							/* ML_GRAPH_INTERNAL_H */
