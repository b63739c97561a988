/*-------------------------------------------------------------------------
 *
 * finish.c
 *	  What happens to a graph when all its nodes are there: some are fused (fuse.c),
 *	  those that nobody needs go, and kernels are chosen.
 *
 * Values keep their numbers, whatever becomes of the nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

/* "F32, F32 in panels, none" */
static void
describe(const ml_graph *graph, int n, const int32_t *values, char *text, size_t size)
{
	size_t		used = 0;

	text[0] = '\0';
	for (int i = 0; i < n && used < size; i++)
	{
		const ml_shape *shape = values[i] == ML_NO_VALUE ? NULL : &graph->values[values[i]].shape;

		used += ml_print(text + used, size - used, "%s%s%s", i == 0 ? "" : ", ",
						 shape == NULL ? "none" : ml_dtypes[shape->dtype].name,
						 shape != NULL && shape->layout == ML_PANELS ? " in panels" : "");
	}
}

/* The op's kernel for these operands; -1: none. */
int
ml_graph_kernel_of(const ml_graph *graph, const ml_op *op, int nin, const int32_t *inputs, int nout,
				   const int32_t *outputs)
{
	const ml_shape *in[ML_NODE_INPUTS_MAX];
	const ml_shape *out[ML_NODE_OUTPUTS_MAX];

	for (int i = 0; i < nin; i++)
		in[i] = inputs[i] == ML_NO_VALUE ? NULL : &graph->values[inputs[i]].shape;
	for (int i = 0; i < nout; i++)
		out[i] = &graph->values[outputs[i]].shape;
	return ml_op_choose(op, nin, in, nout, out);
}

static ml_status
choose_kernel(ml_context *ctx, const ml_graph *graph, ml_graph_node *node)
{
	const ml_op *op = ml_ops[node->op];
	const int32_t *operands = graph->operands + node->inputs;
	char		types[200];

	node->kernel = -1;
	if ((op->flags & ML_OP_VIEW) != 0)
		return ML_OK;
	node->kernel = (int16_t) ml_graph_kernel_of(graph, op, node->nin, operands, node->nout, operands + node->nin);
	if (node->kernel >= 0)
		return ML_OK;
	describe(graph, node->nin, operands, types, sizeof(types));
	return ml_fail(ctx, ML_UNSUPPORTED, "%s: no kernel for inputs of type %s", op->name, types);
}

/* Mark the nodes that outputs, states, gradients and the loss need: live[nnodes]. */
static void
find_live(const ml_graph *graph, bool *live)
{
	for (int32_t k = graph->nnodes - 1; k >= 0; k--)
	{
		const ml_graph_node *node = &graph->nodes[k];
		const int32_t *operands = graph->operands + node->inputs;

		live[k] = live[k] || (ml_ops[node->op]->flags & ML_OP_STATE) != 0;
		for (int i = node->nin; i < node->nin + node->nout; i++)
			live[k] = live[k] || graph->values[operands[i]].kind != ML_VALUE_ACTIVATION || operands[i] == graph->loss;
		for (int i = 0; live[k] && i < node->nin; i++)
			if (operands[i] != ML_NO_VALUE && graph->values[operands[i]].producer >= 0)
				live[graph->values[operands[i]].producer] = true;
	}
}

void
ml_graph_keep_nodes(ml_graph *graph, const bool *keep)
{
	int32_t		kept = 0;
	int32_t		forward = 0;

	for (int32_t k = 0; k < graph->nnodes; k++)
	{
		const ml_graph_node *node = &graph->nodes[k];

		for (int i = node->nin; i < node->nin + node->nout; i++)
		{
			ml_graph_value *value = &graph->values[graph->operands[node->inputs + i]];

			/* a value may have passed to another node */
			if (value->producer == k)
				value->producer = keep[k] ? kept : -1;
		}
		if (!keep[k])
			continue;
		forward += k < graph->nforward;
		graph->nodes[kept++] = *node;
	}
	graph->nnodes = kept;
	graph->nforward = forward;
}

ml_status
ml_graph_drop_dead(ml_context *ctx, ml_graph *graph)
{
	void	   *live;

	ML_TRY(ml_alloc_zero(ctx, (size_t) graph->nnodes, &live));
	find_live(graph, live);
	ml_graph_keep_nodes(graph, live);
	ml_release(ctx, live);
	return ML_OK;
}

/* Constants move to where they are aligned. */
static ml_status
settle_constants(ml_context *ctx, ml_graph *graph)
{
	void	   *memory;

	if (graph->constants_capacity == 0)
		return ML_OK;
	ML_TRY(ml_arena_alloc(ctx, &graph->arena, graph->constant_bytes, &memory));
	memcpy(memory, graph->constants, graph->constant_bytes);
	ml_release(ctx, graph->constants);
	graph->constants = memory;
	graph->constants_capacity = 0;
	return ML_OK;
}

ml_status
ml_graph_finish(ml_context *ctx, ml_graph *graph)
{
	if (graph->nforward < 0)
	{
		ML_TRY(ml_graph_fuse(ctx, graph, false, 0, NULL));
		graph->nforward = graph->nnodes;
	}
	ML_TRY(ml_graph_drop_dead(ctx, graph));
	if (graph->nforward < graph->nnodes)
		ML_TRY(ml_graph_fuse_sums(ctx, graph));
	for (int32_t k = 0; k < graph->nnodes; k++)
		ML_TRY(choose_kernel(ctx, graph, &graph->nodes[k]));
	return settle_constants(ctx, graph);
}
