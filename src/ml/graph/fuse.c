/*-------------------------------------------------------------------------
 *
 * fuse.c
 *	  Nodes that become one.
 *
 * The forward pass is fused before gradients are emitted, so that a fused node's
 * own backward rule counts; or when a graph without gradients is finished.
 * Patterns are rows of a table: the op of a node, and what it becomes if its
 * input comes from an op of a kind and nobody else reads that:
 *
 *	  add			product or convolution without bias, + a vector: its bias
 *	  activation	what has the attribute "activation", still linear
 *	  max_pool2d	conv2d of one group, linear or ReLU: conv_pool2d
 *
 * In training an activation whose slope doesn't follow from its result stays a
 * node: fused, backward would have to compute the product again.
 *
 * Of the backward pass, sums go: where one of the two is computed by a kernel that
 * can add, it adds to the other one's place, if nobody reads that any more.
 *
 * Other chains of elementwise ops are left as they are: they work in the cache
 * as it is, since batches are trained in slices.  Results change by rounding at
 * most.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"
#include "kernel/map.h"
#include "op/window.h"

typedef struct fuser
{
	ml_context *ctx;
	ml_graph   *graph;
	bool		training;
	int32_t    *uses;			/* [values at the start] nodes that read it; of outputs and the loss one more */
	int32_t		nvalues;
	bool	   *keep;			/* [nodes at the start] */
} fuser;

/* A node that is to replace two. */
typedef struct merged
{
	const ml_op *op;
	ml_attributes attributes;
	int			nin;
	int32_t		inputs[ML_NODE_INPUTS_MAX];
	int32_t		outputs[ML_NODE_OUTPUTS_MAX];	/* values that its outputs are; ML_NO_VALUE: new ones */
} merged;

typedef struct pattern
{
	const ml_op *op;
	/* first: the node whose output 0 is operand i of second.  false: they don't become one */
	bool		(*merge) (const fuser *f, const ml_graph_node *first, const ml_graph_node *second, int i, merged *m);
} pattern;

static void
count_uses(fuser *f)
{
	const ml_graph *graph = f->graph;

	for (int32_t v = 0; v < f->nvalues; v++)
		f->uses[v] = graph->values[v].kind != ML_VALUE_ACTIVATION || v == graph->loss;
	for (int32_t k = 0; k < graph->nnodes; k++)
		for (int i = 0; i < graph->nodes[k].nin; i++)
			if (graph->operands[graph->nodes[k].inputs + i] != ML_NO_VALUE)
				f->uses[graph->operands[graph->nodes[k].inputs + i]]++;
}

/* ---- patterns ---- */

/* What "first" is, with "second" as its output 0. */
static void
as_first(const fuser *f, const ml_graph_node *first, const ml_graph_node *second, merged *m)
{
	const int32_t *operands = f->graph->operands + first->inputs;

	m->op = ml_ops[first->op];
	m->attributes = first->attributes;
	m->nin = first->nin;
	memcpy(m->inputs, operands, (size_t) first->nin * sizeof(int32_t));
	memcpy(m->outputs, operands + first->nin, (size_t) first->nout * sizeof(int32_t));
	m->outputs[0] = f->graph->operands[second->inputs + second->nin];
}

/* Slot of the attribute among its kind; -1: the op has none of that name. */
static int
slot_of(const ml_op *op, const char *name, bool is_real)
{
	int			slot = 0;

	for (const ml_attribute *a = op->attributes; a != NULL && a->name != NULL; a++)
	{
		if (a->is_real == is_real && strcmp(a->name, name) == 0)
			return slot;
		slot += a->is_real == is_real;
	}
	return -1;
}

/* Has the node an activation already? */
static bool
is_linear(const ml_graph_node *node)
{
	int			slot = slot_of(ml_ops[node->op], "activation", false);

	return slot >= 0 && node->attributes.ints[slot] == ML_LINEAR;
}

static bool
merge_bias(const fuser *f, const ml_graph_node *first, const ml_graph_node *second, int i, merged *m)
{
	static const struct
	{
		const ml_op *op;
		int			bias;		/* which input */
	}			with_bias[] = {{&ml_op_linear, 2}, {&ml_op_conv2d, 2}, {&ml_op_conv1d, 3}};
	const ml_shape *y = &f->graph->values[f->graph->operands[first->inputs + first->nin]].shape;
	int32_t		bias = f->graph->operands[second->inputs + 1 - i];
	const ml_shape *shape = &f->graph->values[bias].shape;

	if (shape->ndims != 1 || y->ndims < 1 || shape->dims[0] != y->dims[y->ndims - 1] ||
		shape->dtype != y->dtype || !is_linear(first))
		return false;
	for (size_t j = 0; j < ML_LENGTH(with_bias); j++)
		if (ml_ops[first->op] == with_bias[j].op &&
			(first->nin <= with_bias[j].bias || f->graph->operands[first->inputs + with_bias[j].bias] == ML_NO_VALUE))
		{
			as_first(f, first, second, m);
			m->nin = with_bias[j].bias + 1;
			m->inputs[with_bias[j].bias] = bias;
			return true;
		}
	return false;
}

static bool
merge_activation(const fuser *f, const ml_graph_node *first, const ml_graph_node *second, int i, merged *m)
{
	ml_activation activation = (ml_activation) second->attributes.ints[0];
	double		alpha = second->attributes.reals[0];
	int			slot = slot_of(ml_ops[first->op], "activation", false);
	int			alpha_slot = slot_of(ml_ops[first->op], "alpha", true);

	if (!is_linear(first) || ml_ops[first->op] == &ml_op_activation ||
		(f->training && !ml_activation_of_output(activation)))
		return false;
	if (alpha_slot < 0 && (activation == ML_LEAKY_RELU || activation == ML_ELU))
		return false;
	as_first(f, first, second, m);
	m->attributes.ints[slot] = activation;
	if (alpha_slot >= 0)
		m->attributes.reals[alpha_slot] = alpha;
	return true;
}

static bool
merge_max_pool(const fuser *f, const ml_graph_node *first, const ml_graph_node *second, int i, merged *m)
{
	const int64_t *conv = first->attributes.ints;
	const int64_t *pool = second->attributes.ints;
	int64_t    *ints = m->attributes.ints;
	int32_t		positions = f->graph->operands[second->inputs + second->nin + 1];

	if (ml_ops[first->op] != &ml_op_conv2d || conv[ML_CONV2D_GROUPS] != 1 || conv[ML_CONV2D_DILATION_H] != 1 ||
		conv[ML_CONV2D_DILATION_W] != 1 || f->uses[positions] > 0 ||
		(conv[ML_CONV2D_ACTIVATION] != ML_LINEAR && conv[ML_CONV2D_ACTIVATION] != ML_RELU) ||
		pool[ML_POOL2D_TOP] != 0 || pool[ML_POOL2D_BOTTOM] != 0 || pool[ML_POOL2D_LEFT] != 0 ||
		pool[ML_POOL2D_RIGHT] != 0 || pool[ML_POOL2D_WINDOW_H] * pool[ML_POOL2D_WINDOW_W] > 256)
		return false;
	as_first(f, first, second, m);
	m->op = &ml_op_conv_pool2d;
	m->attributes = ml_op_standard(m->op);
	m->outputs[1] = ML_NO_VALUE;
	memcpy(ints, conv, ML_CONV_POOL_H * sizeof(*ints));
	ints[ML_CONV_POOL_H] = pool[ML_POOL2D_WINDOW_H];
	ints[ML_CONV_POOL_W] = pool[ML_POOL2D_WINDOW_W];
	ints[ML_CONV_POOL_STRIDE_H] = pool[ML_POOL2D_STRIDE_H];
	ints[ML_CONV_POOL_STRIDE_W] = pool[ML_POOL2D_STRIDE_W];
	ints[ML_CONV_POOL_ACTIVATION] = conv[ML_CONV2D_ACTIVATION];
	return true;
}

static const pattern patterns[] = {
	{&ml_op_add, merge_bias},
	{&ml_op_activation, merge_activation},
	{&ml_op_max_pool2d, merge_max_pool}
};

/* ---- replacing ---- */

/* May "first" run at node k?  Its outputs 1.. must be read after it, and no state may change in between. */
static bool
may_be_late(const fuser *f, const ml_graph_node *first, int32_t from, int32_t k)
{
	const ml_graph *graph = f->graph;

	for (int32_t j = from + 1; j <= k; j++)
		if ((ml_ops[graph->nodes[j].op]->flags & ML_OP_STATE) != 0)
			return false;
	for (int o = 1; o < first->nout; o++)
		for (int32_t j = from + 1; j <= k; j++)
			for (int i = 0; f->keep[j] && i < graph->nodes[j].nin; i++)
				if (graph->operands[graph->nodes[j].inputs + i] == graph->operands[first->inputs + first->nin + o])
					return false;
	return true;
}

/*
 * Put m in the place of node k, and drop "first".  *done is false if m's shape rule or
 * kernels don't take it, or it would give something else.
 */
static ml_status
replace(fuser *f, const merged *m, int32_t first, int32_t k, bool *done)
{
	ml_graph   *graph = f->graph;
	int32_t		made[ML_NODE_OUTPUTS_MAX];
	ml_graph_node node;
	ml_status	status = ml_graph_add_node(f->ctx, graph, m->op, &m->attributes, graph->nodes[first].layer,
										   m->nin, m->inputs, made);

	*done = false;
	if (status == ML_BAD_OPTION || status == ML_UNSUPPORTED)
		return ML_OK;
	ML_TRY(status);
	node = graph->nodes[--graph->nnodes];
	for (int i = 0; i < node.nout; i++)
		graph->values[made[i]].producer = -1;
	for (int i = 0; i < node.nout; i++)
		if (m->outputs[i] != ML_NO_VALUE &&
			!ml_shape_equal(&graph->values[made[i]].shape, &graph->values[m->outputs[i]].shape))
			return ML_OK;
	if (ml_graph_kernel_of(graph, m->op, node.nin, graph->operands + node.inputs, node.nout, made) < 0)
		return ML_OK;
	for (int i = 0; i < node.nout; i++)
	{
		if (m->outputs[i] != ML_NO_VALUE)
			made[i] = m->outputs[i];
		graph->operands[node.inputs + node.nin + i] = made[i];
		graph->values[made[i]].producer = k;
	}
	graph->nodes[k] = node;
	f->keep[first] = false;
	*done = true;
	return ML_OK;
}

static ml_status
fuse_node(fuser *f, int32_t k)
{
	const ml_graph *graph = f->graph;

	for (size_t p = 0; p < ML_LENGTH(patterns); p++)
		for (int i = 0; ml_ops[graph->nodes[k].op] == patterns[p].op && i < graph->nodes[k].nin; i++)
		{
			int32_t		v = graph->operands[graph->nodes[k].inputs + i];
			int32_t		from = v == ML_NO_VALUE ? -1 : graph->values[v].producer;
			merged		m;
			bool		done;

			if (from < 0 || v >= f->nvalues || f->uses[v] != 1 || graph->operands[graph->nodes[from].inputs + graph->nodes[from].nin] != v ||
				!patterns[p].merge(f, &graph->nodes[from], &graph->nodes[k], i, &m) ||
				!may_be_late(f, &graph->nodes[from], from, k))
				continue;
			ML_TRY(replace(f, &m, from, k, &done));
			if (done)
				return ML_OK;
		}
	return ML_OK;
}

static ml_status
fuse_all(fuser *f)
{
	int32_t		nnodes = f->graph->nnodes;

	for (int32_t k = 0; k < nnodes; k++)
		f->keep[k] = true;
	for (int32_t k = 0; k < nnodes; k++)
	{
		ML_TRY(fuse_node(f, k));
		if (k % 64 == 0)
			ML_TRY(ml_poll(f->ctx));
	}
	ml_graph_keep_nodes(f->graph, f->keep);
	return ML_OK;
}

ml_status
ml_graph_fuse(ml_context *ctx, ml_graph *graph, bool training, int nwanted, const int32_t *wanted)
{
	fuser		f = {.ctx = ctx, .graph = graph, .training = training, .nvalues = graph->nvalues};
	void	   *memory;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, (size_t) graph->nvalues * sizeof(int32_t) + (size_t) graph->nnodes * sizeof(bool), &memory));
	f.uses = memory;
	f.keep = (bool *) (f.uses + graph->nvalues);
	count_uses(&f);
	for (int i = 0; i < nwanted; i++)
		f.uses[wanted[i]]++;
	status = fuse_all(&f);
	ml_release(ctx, memory);
	return status;
}

/* ---- sums ---- */

/* Is the value in a storage of its own that nothing but node "sum" reads from node k on, and no view? */
static bool
is_free(const ml_graph *graph, int32_t value, int32_t k, int32_t sum)
{
	const ml_graph_value *v = &graph->values[value];

	if (v->kind != ML_VALUE_ACTIVATION || v->producer < graph->nforward || v->producer >= k || v->storage != value ||
		(ml_ops[graph->nodes[v->producer].op]->flags & ML_OP_VIEW) != 0)
		return false;
	for (int32_t j = v->producer + 1; j < graph->nnodes; j++)
		for (int i = 0; i < graph->nodes[j].nin; i++)
			if (graph->operands[graph->nodes[j].inputs + i] == value && j != sum &&
				(j >= k || (ml_ops[graph->nodes[j].op]->flags & ML_OP_VIEW) != 0))
				return false;
	return true;
}

/* Have the node that computes "part" add to "to" at once, if that is right; then the sum's node goes. */
static bool
add_in_place(ml_graph *graph, const int32_t *uses, int32_t sum, int32_t to, int32_t part)
{
	int32_t		result = graph->operands[graph->nodes[sum].inputs + 2];
	int32_t		k = graph->values[part].producer;
	ml_graph_node *node = &graph->nodes[ML_MAX(k, 0)];

	if (to == part || k < graph->nforward || uses[part] != 1 || node->write != ML_WRITE_NEW ||
		graph->operands[node->inputs + node->nin] != part || graph->values[result].kind != ML_VALUE_ACTIVATION ||
		(ml_ops[node->op]->flags & (ML_OP_ADDS | ML_OP_VIEW | ML_OP_STATE)) != ML_OP_ADDS ||
		!ml_shape_equal(&graph->values[to].shape, &graph->values[part].shape) ||
		!ml_shape_equal(&graph->values[to].shape, &graph->values[result].shape) ||
		graph->values[to].shape.dtype != graph->dtype || !is_free(graph, to, k, sum))
		return false;
	node->write = ML_WRITE_SUM;
	graph->operands[node->inputs + node->nin] = result;
	graph->values[result].producer = k;
	graph->values[result].storage = to;
	return true;
}

ml_status
ml_graph_fuse_sums(ml_context *ctx, ml_graph *graph)
{
	fuser		f = {.ctx = ctx, .graph = graph, .nvalues = graph->nvalues};
	void	   *memory;

	ML_TRY(ml_alloc(ctx, (size_t) graph->nvalues * sizeof(int32_t) + (size_t) graph->nnodes * sizeof(bool), &memory));
	f.uses = memory;
	f.keep = (bool *) (f.uses + graph->nvalues);
	count_uses(&f);
	for (int32_t k = 0; k < graph->nnodes; k++)
	{
		const int32_t *operands = graph->operands + graph->nodes[k].inputs;

		f.keep[k] = ml_ops[graph->nodes[k].op] != &ml_op_add || k < graph->nforward ||
			!(add_in_place(graph, f.uses, k, operands[0], operands[1]) ||
			  add_in_place(graph, f.uses, k, operands[1], operands[0]));
	}
	ml_graph_keep_nodes(graph, f.keep);
	ml_release(ctx, memory);
	return ML_OK;
}
