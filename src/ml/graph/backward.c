/*-------------------------------------------------------------------------
 *
 * backward.c
 *	  Gradients: reverse accumulation, by nodes of the same graph.
 *
 * From the loss back to the first node, each node's backward rule turns the
 * gradients of its outputs into those of its inputs.  What several users of a
 * value say is added up.  A parameter's gradient has its place in the gradients'
 * vector: the first node that computes a part of it replaces what is there (or
 * adds to it, if the run adds), those that follow add.  A node whose kernel
 * can't add, or whose result others use as well, is followed by a copy that
 * does.
 *
 * Griewank, Walther: Evaluating Derivatives (2008), chapter 3.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

typedef struct reverse
{
	ml_builder *b;
	ml_graph   *graph;
	bool	   *needed;			/* [values of the forward pass] does a parameter's gradient flow through it? */
	int32_t    *gradients;		/* [values of the forward pass] so far; of a parameter: in its vector */
	int32_t		nvalues;		/* of the forward pass */
	int			nwanted;		/* gradients of these instead of the parameters' */
	const int32_t *wanted;
} reverse;

/* A value is needed if it is a parameter, or one of those wanted, or comes of one by ops that have gradients. */
static void
find_needed(reverse *r)
{
	const ml_graph *graph = r->graph;

	for (int32_t v = 0; v < r->nvalues; v++)
	{
		/* of other types: frozen ones */
		r->needed[v] = r->nwanted == 0 && graph->values[v].kind == ML_VALUE_PARAMETER &&
			graph->values[v].shape.dtype == graph->dtype;
		r->gradients[v] = ML_NO_VALUE;
	}
	for (int i = 0; i < r->nwanted; i++)
		r->needed[r->wanted[i]] = true;
	for (int32_t k = 0; k < graph->nforward; k++)
	{
		const ml_graph_node *node = &graph->nodes[k];
		const int32_t *operands = graph->operands + node->inputs;
		bool		any = false;

		if (ml_ops[node->op]->backward == NULL)
			continue;
		for (int i = 0; i < node->nin; i++)
			any = any || (operands[i] != ML_NO_VALUE && r->needed[operands[i]]);
		for (int i = node->nin; any && i < node->nin + node->nout; i++)
			r->needed[operands[i]] = ml_dtype_is_float(graph->values[operands[i]].shape.dtype);
	}
}

/* Is the value only the result of a node emitted since "first", and of no other use? */
static bool
is_fresh(const reverse *r, int32_t value, int32_t first, const ml_op_backward *back)
{
	const ml_graph *graph = r->graph;
	int			uses = 0;

	if (graph->values[value].kind != ML_VALUE_ACTIVATION || graph->values[value].producer < first)
		return false;
	for (int i = 0; i < back->nin; i++)
		uses += back->wanted[i] && back->din[i] == value;
	for (int32_t k = first; k < graph->nnodes; k++)
		for (int i = 0; i < graph->nodes[k].nin; i++)
			uses += graph->operands[graph->nodes[k].inputs + i] == value;
	return uses == 1;
}

/* Part of a parameter's gradient: have it in the vector. */
static void
add_to_vector(reverse *r, int32_t parameter, int32_t part, int32_t first, const ml_op_backward *back)
{
	ml_graph   *graph = r->graph;
	const ml_graph_value *value = &graph->values[part];
	const ml_graph_node *producer = value->producer < 0 ? NULL : &graph->nodes[value->producer];
	const ml_op *op = producer == NULL ? NULL : ml_ops[producer->op];
	bool		is_first = r->gradients[parameter] == ML_NO_VALUE;

	if (op == NULL || (op->flags & ML_OP_ADDS) == 0 || (op->flags & (ML_OP_VIEW | ML_OP_STATE)) != 0 ||
		graph->operands[producer->inputs + producer->nin] != part || !is_fresh(r, part, first, back))
	{
		part = ml_emit1(&r->b->e, &ml_op_copy, NULL, part);
		if (part == ML_NO_VALUE)
			return;
	}
	op = ml_ops[graph->nodes[graph->values[part].producer].op];
	if ((op->flags & ML_OP_TOUCHES) == 0)
		graph->values[parameter].sparse = false;
	graph->nodes[graph->values[part].producer].write = is_first ? ML_WRITE_GRADIENT : ML_WRITE_SUM;
	graph->values[part].kind = ML_VALUE_GRADIENT;
	graph->values[part].parameter = parameter;
	if (is_first)
		r->gradients[parameter] = part;
	graph->values[part].storage = r->gradients[parameter];
}

/* What a rule said of input i's gradient. */
static ml_status
accumulate(reverse *r, const ml_op *op, const ml_op_backward *back, int i, int32_t first)
{
	ml_graph   *graph = r->graph;
	ml_emitter *e = &r->b->e;
	int32_t		value = back->in[i];
	int32_t		part = back->din[i];

	if (part < 0 || part >= graph->nvalues ||
		!ml_shape_same_dims(&graph->values[part].shape, &graph->values[value].shape) ||
		(graph->values[value].kind == ML_VALUE_PARAMETER ? graph->values[part].shape.dtype != graph->dtype :
		 !ml_dtype_is_float(graph->values[part].shape.dtype)))
		return ml_fail(e->ctx, ML_INTERNAL, "%s: the gradient of input %d has not its shape", op->name, i);
	if (graph->values[value].kind == ML_VALUE_PARAMETER)
		add_to_vector(r, value, part, first, back);
	else if (r->gradients[value] == ML_NO_VALUE)
		r->gradients[value] = part;
	else
		r->gradients[value] = ml_emit2(e, &ml_op_add, NULL, r->gradients[value], part);
	return e->status;
}

static ml_status
reverse_node(reverse *r, int32_t k)
{
	ml_graph   *graph = r->graph;
	ml_graph_node node = graph->nodes[k];
	const ml_op *op = ml_ops[node.op];
	int32_t		operands[ML_NODE_INPUTS_MAX + ML_NODE_OUTPUTS_MAX];
	int32_t		dout[ML_NODE_OUTPUTS_MAX];
	int32_t		din[ML_NODE_INPUTS_MAX];
	bool		wanted[ML_NODE_INPUTS_MAX];
	bool		flows = false;
	bool		any = false;
	int32_t		first = graph->nnodes;
	ml_op_backward back = {
		&node.attributes, node.nin, operands, node.nout, operands + node.nin, dout, wanted, din
	};

	/* the arrays move while nodes are emitted */
	memcpy(operands, graph->operands + node.inputs, (size_t) (node.nin + node.nout) * sizeof(int32_t));
	for (int i = 0; i < node.nout; i++)
	{
		dout[i] = r->gradients[operands[node.nin + i]];
		flows = flows || dout[i] != ML_NO_VALUE;
	}
	for (int i = 0; i < node.nin; i++)
	{
		din[i] = ML_NO_VALUE;
		wanted[i] = operands[i] != ML_NO_VALUE && r->needed[operands[i]];
		any = any || wanted[i];
	}
	if (op->backward == NULL || !flows || !any)
		return ML_OK;
	r->b->layer = node.layer;
	ML_OP_BACKWARD(op, &r->b->e, &back);
	ML_TRY(r->b->e.status);
	for (int i = 0; i < node.nin; i++)
		if (wanted[i] && din[i] != ML_NO_VALUE)
			ML_TRY(accumulate(r, op, &back, i, first));
	return ML_OK;
}

static ml_status
reverse_all(reverse *r, int32_t loss)
{
	ml_graph   *graph = r->graph;
	ml_emitter *e = &r->b->e;
	void	   *memory;
	int32_t    *gradients;

	find_needed(r);
	if (graph->values[loss].shape.ndims != 0)
		return ml_fail(e->ctx, ML_INTERNAL, "a loss that is not a scalar");
	r->gradients[loss] = e->constant(e, graph->values[loss].shape.dtype, 1.0);
	ML_TRY(e->status);
	for (int32_t k = graph->nforward - 1; k >= 0; k--)
		ML_TRY(reverse_node(r, k));
	ML_TRY(ml_arena_alloc(e->ctx, &graph->arena, (size_t) graph->nvalues * sizeof(int32_t), &memory));
	gradients = memory;
	for (int32_t v = 0; v < graph->nvalues; v++)
		gradients[v] = v < r->nvalues && graph->values[v].kind == ML_VALUE_PARAMETER ? r->gradients[v] : ML_NO_VALUE;
	graph->gradients = gradients;
	return ML_OK;
}

/* gradients[nwanted]: of those wanted; NULL: parameters'. */
static ml_status
backward(ml_builder *b, int32_t loss, int nwanted, const int32_t *wanted, int32_t *gradients)
{
	ml_graph   *graph = b->graph;
	reverse		r = {.b = b, .graph = graph, .nwanted = nwanted, .wanted = wanted};
	int32_t		layer = b->layer;
	void	   *memory;

	ML_TRY(b->e.status);
	if (graph->nforward >= 0 || loss < 0 || loss >= graph->nvalues)
		return b->e.status = ml_fail(b->e.ctx, ML_INTERNAL, "gradients of nothing, or twice");
	graph->loss = loss;
	b->e.status = ml_graph_fuse(b->e.ctx, graph, true, nwanted, wanted);
	ML_TRY(b->e.status);
	r.nvalues = graph->nvalues;
	b->e.status = ml_alloc(b->e.ctx, (size_t) graph->nvalues * (sizeof(int32_t) + sizeof(bool)), &memory);
	ML_TRY(b->e.status);
	r.gradients = memory;
	r.needed = (bool *) (r.gradients + graph->nvalues);
	graph->nforward = graph->nnodes;
	b->e.status = reverse_all(&r, loss);
	for (int i = 0; i < nwanted; i++)
		gradients[i] = r.gradients[wanted[i]];
	b->layer = layer;
	ml_release(b->e.ctx, memory);
	return b->e.status;
}

ml_status
ml_graph_backward(ml_builder *b, int32_t loss)
{
	return backward(b, loss, 0, NULL, NULL);
}

ml_status
ml_graph_gradients(ml_builder *b, int32_t loss, int n, const int32_t *values, int32_t *gradients)
{
	return backward(b, loss, n, values, gradients);
}
