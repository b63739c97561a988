/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Where everything lies in a run: a function of graph and numbers of symbols.
 *
 * Four passes over the nodes:
 *
 *	  1. dims and strides of all values; what a view lies in, or that it must be
 *		 copied for want of strides that would do;
 *	  2. the last node that uses each storage;
 *	  3. each node's operands: strided inputs that its kernel doesn't take get a
 *		 contiguous copy for the time of the node;
 *	  4. places in the block: a node's outputs, copies and workspace take the
 *		 smallest hole that they fit into, and what is used for the last time
 *		 leaves one.  An output takes over the place of an input whose last use
 *		 this is where the op's row allows it.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

#define NOWHERE		SIZE_MAX
#define FOREVER		INT32_MAX
#define THING_MAX	((size_t) 1 << 48)	/* bytes; so sums of a node's things don't overflow */

/* Holes of the block under construction, by offset; the last may reach its end. */
typedef struct hole
{
	size_t		offset;
	size_t		size;
} hole;

typedef struct planner
{
	ml_context *ctx;
	const ml_graph *graph;
	ml_plan    *plan;
	int32_t    *last;			/* [nvalues] last node that uses a storage */
	size_t	   *sizes;			/* [nvalues] bytes of a storage in the block; NOWHERE: it has no place there yet */
	hole	   *holes;
	int32_t		nholes;
	size_t		top;			/* bytes of the block so far */
} planner;

/* ---- symbols ---- */

#define TOO_LONG	((int64_t) INT32_MAX + 1)

/* Length of a row after all windows of the symbol's chain; rows of packed values only. */
static int64_t
row_length(const ml_symbols *symbols, int32_t i, int64_t length)
{
	const ml_symbol *s = &symbols->symbols[i];

	if (s->rule == ML_SYMBOL_FREE)
		return length;
	length = row_length(symbols, s->of, length);
	if (s->rule == ML_SYMBOL_TIMES)
		return __builtin_mul_overflow(length, s->a, &length) || length > TOO_LONG ? TOO_LONG : length;
	if (length <= 0)
		return 0;
	length += s->c - s->d * (s->a - 1) - 1;
	return length < 0 ? 0 : ML_MIN(length / s->b + 1, TOO_LONG);
}

static ml_status
bad_symbol(ml_context *ctx, const char *what)
{
	return ml_fail(ctx, ML_BAD_INPUT, "a size of the network's input is %s", what);
}

/* The sum over packed rows of what the windows of a chain make of them. */
static ml_status
bind_windows(ml_context *ctx, const ml_graph *graph, ml_binding *binding, int32_t i)
{
	const ml_symbols *symbols = &graph->symbols;
	const int32_t *offsets;
	int64_t		sum = 0;
	int32_t		base = i;

	while (symbols->symbols[base].rule == ML_SYMBOL_WINDOWS || symbols->symbols[base].rule == ML_SYMBOL_TIMES)
		base = symbols->symbols[base].of;
	offsets = binding->offsets[base];
	if (symbols->symbols[base].rule != ML_SYMBOL_FREE || offsets == NULL || binding->rows[base] < 0)
		return bad_symbol(ctx, "that of packed rows whose offsets are missing");
	if (offsets[0] != 0 || offsets[binding->rows[base]] != binding->numbers[base])
		return bad_symbol(ctx, "not that of its packed rows");
	for (int64_t row = 0; row < binding->rows[base]; row++)
	{
		if (offsets[row] > offsets[row + 1])
			return bad_symbol(ctx, "that of packed rows whose offsets decrease");
		sum += row_length(symbols, i, offsets[row + 1] - offsets[row]);
		if (sum > INT32_MAX)
			return bad_symbol(ctx, "too large");
	}
	binding->numbers[i] = sum;
	return ML_OK;
}

ml_status
ml_graph_bind(ml_context *ctx, const ml_graph *graph, ml_binding *binding)
{
	for (int32_t i = 0; i < graph->symbols.n; i++)
	{
		const ml_symbol *s = &graph->symbols.symbols[i];
		int64_t    *number = &binding->numbers[i];
		bool		overflow = false;

		if (s->rule == ML_SYMBOL_PLUS)
			overflow = __builtin_add_overflow(binding->numbers[s->of], s->a, number);
		else if (s->rule == ML_SYMBOL_TIMES)
			overflow = __builtin_mul_overflow(binding->numbers[s->of], s->a, number);
		else if (s->rule == ML_SYMBOL_WINDOWS)
			ML_TRY(bind_windows(ctx, graph, binding, i));
		if (overflow || *number > INT32_MAX)
			return bad_symbol(ctx, "too large");
		if (*number < 0)
			return bad_symbol(ctx, "negative");
	}
	return ML_OK;
}

/* ---- views ---- */

static bool
in_block(ml_value_kind kind)
{
	return kind == ML_VALUE_ACTIVATION || kind == ML_VALUE_OUTPUT;
}

static size_t
view_bytes(const ml_view *view)
{
	return ml_storage_bytes(view->dtype, view->layout, view->ndims, view->dims);
}

/* Dims of a value for this binding, contiguous in a storage of its own. */
static ml_status
set_view(planner *p, int32_t v)
{
	const ml_shape *shape = &p->graph->values[v].shape;
	ml_view    *view = &p->plan->views[v];
	ml_view		filled;

	view->data = NULL;
	view->dtype = shape->dtype;
	view->layout = shape->layout;
	view->ndims = shape->ndims;
	for (int i = 0; i < shape->ndims; i++)
		view->dims[i] = shape->dims[i] >= 0 ? shape->dims[i] :
			p->plan->binding.numbers[ML_SYMBOL_OF(shape->dims[i])];
	/* with 1 for 0, so that no product of some dims overflows */
	filled = *view;
	for (int i = 0; i < view->ndims; i++)
		filled.dims[i] = ML_MAX(view->dims[i], 1);
	if (view_bytes(&filled) > THING_MAX)
		return ml_no_memory(p->ctx, SIZE_MAX);
	ml_view_strides(view);
	p->plan->storage[v] = v;
	p->plan->within[v] = 0;
	return ML_OK;
}

/* A view into what input 0 lies in, if strides can say it. */
static void
place_view(planner *p, const ml_op *op, const ml_graph_node *node)
{
	ml_plan    *plan = p->plan;
	int32_t		in = p->graph->operands[node->inputs];
	int32_t		out = p->graph->operands[node->inputs + node->nin];
	ml_view		view = plan->views[out];
	int64_t		offset = 0;

	if (!op->view(&node->attributes, &plan->views[in], &view, &offset))
		return;
	view.contiguous = ml_view_is_contiguous(&view);
	plan->views[out] = view;
	plan->storage[out] = plan->storage[in];
	/* of an empty view, what offset says may lie beyond the storage */
	plan->within[out] = plan->within[in];
	if (view_bytes(&view) > 0)
		plan->within[out] += (size_t) offset * ml_dtypes[view.dtype].block_bytes;
}

static ml_status
place_views(planner *p)
{
	const ml_graph *graph = p->graph;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		int32_t		storage = graph->values[v].storage;

		ML_TRY(set_view(p, v));
		/* written in place or added to; views follow below */
		if (graph->values[storage].kind == ML_VALUE_STATE || graph->values[v].kind == ML_VALUE_GRADIENT ||
			(graph->values[v].producer >= 0 && graph->nodes[graph->values[v].producer].write == ML_WRITE_SUM))
			p->plan->storage[v] = storage;
	}
	for (int32_t k = 0; k < p->plan->nnodes; k++)
	{
		const ml_graph_node *node = &graph->nodes[k];
		const ml_op *op = ml_ops[node->op];

		if ((op->flags & ML_OP_VIEW) != 0)
		{
			p->plan->storage[graph->operands[node->inputs + node->nin]] = graph->operands[node->inputs + node->nin];
			place_view(p, op, node);
		}
	}
	return ML_OK;
}

/* ---- lives ---- */

static void
find_lives(planner *p)
{
	const ml_graph *graph = p->graph;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		p->last[v] = -1;
		p->sizes[v] = NOWHERE;
		p->plan->offsets[v] = 0;
	}
	for (int32_t k = 0; k < p->plan->nnodes; k++)
	{
		const ml_graph_node *node = &graph->nodes[k];

		for (int i = 0; i < node->nin + node->nout; i++)
		{
			int32_t		v = graph->operands[node->inputs + i];

			if (v != ML_NO_VALUE && p->last[p->plan->storage[v]] != FOREVER)
				p->last[p->plan->storage[v]] = graph->values[v].kind == ML_VALUE_OUTPUT ? FOREVER : k;
		}
	}
	/* the loss is looked at after a run */
	if (graph->loss != ML_NO_VALUE)
		p->last[p->plan->storage[graph->loss]] = FOREVER;
}

/* ---- the block ---- */

static void
remove_hole(planner *p, int32_t i)
{
	memmove(&p->holes[i], &p->holes[i + 1], (size_t) (p->nholes - i - 1) * sizeof(hole));
	p->nholes--;
}

/* The smallest hole of at least that size, or the end of the block. */
static size_t
take(planner *p, size_t size)
{
	int32_t		best = -1;
	size_t		offset;

	if (size == 0)
		return 0;
	for (int32_t i = 0; i < p->nholes; i++)
		if (p->holes[i].size >= size && (best < 0 || p->holes[i].size < p->holes[best].size))
			best = i;
	if (best >= 0)
	{
		offset = p->holes[best].offset;
		p->holes[best].offset += size;
		p->holes[best].size -= size;
		if (p->holes[best].size == 0)
			remove_hole(p, best);
		return offset;
	}
	/* a hole at the end grows with the block */
	offset = p->top;
	if (p->nholes > 0 && p->holes[p->nholes - 1].offset + p->holes[p->nholes - 1].size == p->top)
		offset = p->holes[--p->nholes].offset;
	p->top = ml_size_add(offset, size);
	return offset;
}

static void
give(planner *p, size_t offset, size_t size)
{
	int32_t		low = 0;
	int32_t		high = p->nholes;
	hole	   *next;

	if (size == 0)
		return;
	while (low < high)
	{
		int32_t		middle = (low + high) / 2;

		if (p->holes[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	next = &p->holes[low];
	if (low > 0 && next[-1].offset + next[-1].size == offset)
	{
		next[-1].size += size;
		if (low < p->nholes && offset + size == next->offset)
		{
			next[-1].size += next->size;
			remove_hole(p, low);
		}
	}
	else if (low < p->nholes && offset + size == next->offset)
	{
		next->offset = offset;
		next->size += size;
	}
	else
	{
		memmove(next + 1, next, (size_t) (p->nholes - low) * sizeof(hole));
		*next = (hole) {offset, size};
		p->nholes++;
	}
}

/* May "out" of the node lie where its input i lies?  allowed: by the op, a bit for each input. */
static bool
may_overwrite(planner *p, const ml_graph_node *node, int32_t k, int i, int32_t out, uint32_t allowed)
{
	const ml_plan *plan = p->plan;
	const int32_t *operands = p->graph->operands + node->inputs;
	int32_t		in = operands[i];
	const ml_view *from;
	const ml_view *to = &plan->views[out];
	int32_t		root;

	if (in == ML_NO_VALUE)
		return false;
	root = plan->storage[in];
	from = &plan->views[in];
	if (p->last[root] != k || !in_block(p->graph->values[root].kind) || p->sizes[root] == NOWHERE ||
		!from->contiguous || plan->within[in] != 0 || from->layout != to->layout ||
		ml_dtypes[from->dtype].block_bytes != ml_dtypes[to->dtype].block_bytes || from->ndims != to->ndims ||
		memcmp(from->dims, to->dims, (size_t) to->ndims * sizeof(int64_t)) != 0 ||
		p->sizes[root] != ml_size_align(view_bytes(to), ML_ALIGN))
		return false;
	/* nothing else of it is read by this node, in another order */
	for (int j = 0; j < node->nin; j++)
		if (j != i && operands[j] != ML_NO_VALUE && plan->storage[operands[j]] == root &&
			(operands[j] != in || (allowed >> j & 1) == 0))
			return false;
	return true;
}

static void
place_output(planner *p, const ml_graph_node *node, int32_t k, int which)
{
	const ml_op *op = ml_ops[node->op];
	int32_t		out = p->graph->operands[node->inputs + node->nin + which];

	if (p->plan->storage[out] != out || !in_block(p->graph->values[out].kind))
		return;
	if ((op->flags & ML_OP_SKIPS) != 0 && p->last[out] == k)
	{
		p->plan->offsets[out] = NOWHERE;
		return;
	}
	for (int i = 0; i < node->nin && i < 32; i++)
		if ((op->overwrites[which] >> i & 1) != 0 && may_overwrite(p, node, k, i, out, op->overwrites[which]))
		{
			int32_t		root = p->plan->storage[p->graph->operands[node->inputs + i]];

			p->plan->offsets[out] = p->plan->offsets[root];
			p->sizes[out] = p->sizes[root];
			p->sizes[root] = NOWHERE;
			return;
		}
	p->sizes[out] = ml_size_align(view_bytes(&p->plan->views[out]), ML_ALIGN);
	p->plan->offsets[out] = take(p, p->sizes[out]);
}

/* The node's views; those that its kernel can't take become contiguous ones. */
static void
set_operands(planner *p, const ml_graph_node *node)
{
	const ml_op *op = ml_ops[node->op];
	uint32_t	strided = node->kernel >= 0 ? op->kernels[node->kernel].strided : UINT32_MAX;

	for (int i = 0; i < node->nin + node->nout; i++)
	{
		int32_t		at = node->inputs + i;
		int32_t		v = p->graph->operands[at];
		ml_view    *view = &p->plan->operands[at];

		p->plan->copies[at] = NOWHERE;
		if (v == ML_NO_VALUE)
		{
			memset(view, 0, sizeof(*view));
			continue;
		}
		*view = p->plan->views[v];
		if (i < node->nin && !view->contiguous && (i >= 32 || (strided >> i & 1) == 0))
		{
			ml_view_strides(view);
			p->plan->copies[at] = 0;	/* has a place below */
		}
	}
}

void
ml_plan_run_of(const ml_graph *graph, const ml_plan *plan, int32_t k, ml_op_run *run)
{
	const ml_graph_node *node = &graph->nodes[k];

	*run = (ml_op_run)
	{
		.attributes = &node->attributes, .nin = node->nin, .nout = node->nout,
		.in = plan->operands + node->inputs, .out = plan->operands + node->inputs + node->nin
	};
}

double
ml_plan_flops(const ml_graph *graph, const ml_plan *plan, int32_t k)
{
	const ml_op *op = ml_ops[graph->nodes[k].op];
	ml_op_run	run;

	if (graph->nodes[k].kernel < 0)
		return 0;
	ml_plan_run_of(graph, plan, k, &run);
	return op->flops != NULL ? op->flops(&run) : (double) ml_view_elements(&run.out[0]);
}

static size_t
workspace_of(planner *p, const ml_graph_node *node, int32_t k)
{
	const ml_op *op = ml_ops[node->op];
	ml_op_run	run;

	if (node->kernel < 0)
		return 0;
	ml_plan_run_of(p->graph, p->plan, k, &run);
	run.ctx = p->ctx;
	p->plan->flops += op->flops != NULL ? op->flops(&run) : (double) ml_view_elements(&run.out[0]);
	if (op->kernels[node->kernel].workspace == NULL)
		return 0;
	return ml_size_align(ML_MIN(op->kernels[node->kernel].workspace(&run), 2 * THING_MAX), ML_ALIGN);
}

/* Copies and workspace of a node live as long as it runs. */
static void
place_node(planner *p, int32_t k)
{
	const ml_graph_node *node = &p->graph->nodes[k];
	const int32_t *operands = p->graph->operands + node->inputs;
	ml_plan    *plan = p->plan;
	size_t		workspace;

	set_operands(p, node);
	workspace = workspace_of(p, node, k);
	for (int i = 0; i < node->nout; i++)
		place_output(p, node, k, i);
	for (int i = 0; i < node->nin; i++)
		if (plan->copies[node->inputs + i] != NOWHERE)
			plan->copies[node->inputs + i] = take(p, ml_size_align(view_bytes(&plan->operands[node->inputs + i]), ML_ALIGN));
	plan->workspace[k] = take(p, workspace);

	give(p, plan->workspace[k], workspace);
	for (int i = 0; i < node->nin; i++)
		if (plan->copies[node->inputs + i] != NOWHERE)
			give(p, plan->copies[node->inputs + i], ml_size_align(view_bytes(&plan->operands[node->inputs + i]), ML_ALIGN));
	for (int i = 0; i < node->nin + node->nout; i++)
	{
		int32_t		root = operands[i] == ML_NO_VALUE ? ML_NO_VALUE : plan->storage[operands[i]];

		if (root != ML_NO_VALUE && p->last[root] == k && p->sizes[root] != NOWHERE)
		{
			give(p, plan->offsets[root], p->sizes[root]);
			p->sizes[root] = NOWHERE;
		}
	}
}

/* ---- memory of the plan itself ---- */

/* Carve n elements of a width; memory NULL: count only. */
static void *
carve(char *memory, size_t *used, size_t n, size_t width)
{
	void	   *result = memory == NULL ? NULL : memory + *used;

	*used = ml_size_add(*used, ml_size_align(ml_size_mul(ML_MAX(n, (size_t) 1), width), ML_ALIGN));
	return result;
}

static size_t
lay_out(const ml_graph *graph, char *memory, ml_plan *plan, planner *p)
{
	size_t		nvalues = (size_t) graph->nvalues;
	size_t		nnodes = (size_t) graph->nnodes;
	size_t		used = 0;

	plan->views = carve(memory, &used, nvalues, sizeof(ml_view));
	plan->storage = carve(memory, &used, nvalues, sizeof(int32_t));
	plan->within = carve(memory, &used, nvalues, sizeof(size_t));
	plan->offsets = carve(memory, &used, nvalues, sizeof(size_t));
	plan->operands = carve(memory, &used, graph->noperands, sizeof(ml_view));
	plan->copies = carve(memory, &used, graph->noperands, sizeof(size_t));
	plan->workspace = carve(memory, &used, nnodes, sizeof(size_t));
	p->last = carve(memory, &used, nvalues, sizeof(int32_t));
	p->sizes = carve(memory, &used, nvalues, sizeof(size_t));
	/* each thing in the block has at most one hole behind it, and there is one before all */
	p->holes = carve(memory, &used, nvalues + ML_NODE_INPUTS_MAX + 3, sizeof(hole));
	return used;
}

size_t
ml_plan_size(const ml_graph *graph)
{
	ml_plan		plan;
	planner		p;

	return lay_out(graph, NULL, &plan, &p);
}

ml_status
ml_graph_plan(ml_context *ctx, const ml_graph *graph, const ml_binding *binding, bool backward,
			  void *memory, ml_plan *plan)
{
	planner		p = {.ctx = ctx, .graph = graph, .plan = plan};

	lay_out(graph, memory, plan, &p);
	plan->binding = *binding;
	plan->backward = backward;
	plan->nnodes = backward ? graph->nnodes : graph->nforward;
	plan->flops = 0;
	ML_TRY(place_views(&p));
	find_lives(&p);
	for (int32_t k = 0; k < plan->nnodes; k++)
	{
		place_node(&p, k);
		if (p.top > THING_MAX)
			return ml_no_memory(ctx, p.top);
	}
	plan->bytes = p.top;
	return ML_OK;
}
