/*-------------------------------------------------------------------------
 *
 * finish.c
 *	  What happens to a graph when all its nodes are there: kernels are chosen.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

/* "F32, F32 in panels, none" */
static void
describe(ml_context *ctx, const ml_graph *graph, int n, const int32_t *values, char *text, size_t size)
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

ml_status
ml_graph_choose_kernel(ml_context *ctx, ml_graph *graph, ml_graph_node *node)
{
	const ml_op *op = ml_ops[node->op];
	const int32_t *operands = graph->operands + node->inputs;
	const ml_shape *in[ML_NODE_INPUTS_MAX];
	const ml_shape *out[ML_NODE_OUTPUTS_MAX];
	char		types[200];

	node->kernel = -1;
	if ((op->flags & ML_OP_VIEW) != 0)
		return ML_OK;
	for (int i = 0; i < node->nin; i++)
		in[i] = operands[i] == ML_NO_VALUE ? NULL : &graph->values[operands[i]].shape;
	for (int i = 0; i < node->nout; i++)
		out[i] = &graph->values[operands[node->nin + i]].shape;
	node->kernel = (int16_t) ml_op_choose(op, node->nin, in, node->nout, out);
	if (node->kernel >= 0)
		return ML_OK;
	describe(ctx, graph, node->nin, operands, types, sizeof(types));
	return ml_fail(ctx, ML_UNSUPPORTED, "%s: no kernel for inputs of type %s", op->name, types);
}

ml_status
ml_graph_finish(ml_context *ctx, ml_graph *graph)
{
	if (graph->nforward < 0)
		graph->nforward = graph->nnodes;
	for (int32_t i = 0; i < graph->nnodes; i++)
		ML_TRY(ml_graph_choose_kernel(ctx, graph, &graph->nodes[i]));
	return ML_OK;
}
