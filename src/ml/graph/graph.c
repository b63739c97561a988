/*-------------------------------------------------------------------------
 *
 * graph.c
 *	  Building a graph: values, nodes, and finishing it.
 *
 * Nodes run in the order in which they were emitted, so a node's inputs always
 * come from nodes before it and there can be no cycle.  Every node goes through
 * one function, add_node, which checks everything that kernels rely on: its
 * callers are layers, backward rules, the fuser and the reader of stored graphs.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

/* ---- the graph ---- */

ml_status
ml_graph_open(ml_context *ctx, ml_dtype dtype, ml_graph **result)
{
	void	   *memory;

	*result = NULL;
	if (dtype != ML_F32 && dtype != ML_F64)
		return ml_fail(ctx, ML_INTERNAL, "a graph computes in F32 or F64");
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_graph), &memory));
	*result = memory;
	(*result)->dtype = dtype;
	(*result)->loss = ML_NO_VALUE;
	(*result)->nforward = -1;
	return ML_OK;
}

/* Arrays without a capacity are somebody else's. */
static void
release(ml_context *ctx, void *array, size_t capacity)
{
	if (capacity > 0)
		ml_release(ctx, array);
}

void
ml_graph_close(ml_context *ctx, ml_graph *graph)
{
	if (graph == NULL)
		return;
	release(ctx, graph->values, graph->values_capacity);
	release(ctx, graph->nodes, graph->nodes_capacity);
	release(ctx, graph->operands, graph->operands_capacity);
	release(ctx, graph->layers, graph->layers_capacity);
	release(ctx, graph->constants, graph->constants_capacity);
	release(ctx, graph->strings, graph->strings_capacity);
	ml_arena_free(ctx, &graph->arena);
	ml_release(ctx, graph);
}

ml_text
ml_graph_text(const ml_graph *graph, ml_name name)
{
	return (ml_text) {name.size > 0 ? graph->strings + name.offset : "", name.size};
}

static ml_status
add_string(ml_context *ctx, ml_graph *graph, ml_text text, ml_name *name)
{
	size_t		need = ml_size_add(graph->string_bytes, text.size);

	*name = (ml_name){0, 0};
	if (text.size == 0)
		return ML_OK;
	if (need > UINT32_MAX)
		return ml_no_memory(ctx, need);
	ML_TRY(ml_grow(ctx, (void **) &graph->strings, &graph->strings_capacity, need, 1));
	memcpy(graph->strings + graph->string_bytes, text.data, text.size);
	*name = (ml_name){(uint32_t) graph->string_bytes, (uint32_t) text.size};
	graph->string_bytes = need;
	return ML_OK;
}

ml_status
ml_graph_symbol(ml_context *ctx, ml_graph *graph, ml_text name, ml_dim *result)
{
	ml_symbols *symbols = &graph->symbols;
	ml_symbol  *symbol;

	for (int i = 0; i < symbols->n; i++)
		if (symbols->symbols[i].rule == ML_SYMBOL_FREE &&
			ml_text_equal(ml_graph_text(graph, symbols->symbols[i].name), name))
		{
			*result = ML_SYMBOL(i);
			return ML_OK;
		}
	if (symbols->n >= ML_SYMBOLS_MAX)
		return ml_fail(ctx, ML_UNSUPPORTED, "a graph with more than %d different sizes", ML_SYMBOLS_MAX);
	symbol = &symbols->symbols[symbols->n];
	*symbol = (ml_symbol){.rule = ML_SYMBOL_FREE, .of = -1};
	ML_TRY(add_string(ctx, graph, name, &symbol->name));
	*result = ML_SYMBOL(symbols->n++);
	return ML_OK;
}

/*
 * Dims in range, and all bytes of a storage countable when they are numbers.
 * "fixed": they must be.
 */
static ml_status
check_shape(ml_context *ctx, const ml_graph *graph, const ml_shape *shape, bool fixed)
{
	int64_t		dims[ML_MAX_DIMS];

	if (shape->ndims < 0 || shape->ndims > ML_MAX_DIMS || shape->dtype < 0 ||
		shape->dtype >= ML_DTYPE_COUNT || (shape->layout != ML_PLAIN && shape->layout != ML_PANELS) ||
		(shape->layout == ML_PANELS && shape->ndims < 1))
		return ml_fail(ctx, ML_BAD_OPTION, "a shape that cannot be");
	for (int i = 0; i < shape->ndims; i++)
	{
		dims[i] = shape->dims[i];
		if (dims[i] < 0 && (fixed || ML_SYMBOL_OF(dims[i]) >= graph->symbols.n))
			return ml_fail(ctx, ML_BAD_OPTION, "a shape with a size that is not known");
		if (dims[i] > INT32_MAX)
			return ml_fail(ctx, ML_BAD_OPTION, "a shape with a size above %d", INT32_MAX);
		dims[i] = ML_MAX(dims[i], 1);
	}
	/* zeros counted as 1, so that no part of the product overflows either */
	if (ml_storage_bytes(ML_F64, shape->layout, shape->ndims, dims) > SIZE_MAX / 4)
		return ml_fail(ctx, ML_BAD_OPTION, "a shape that is too large");
	return ML_OK;
}

static ml_status
add_value(ml_context *ctx, ml_graph *graph, ml_value_kind kind, const ml_shape *shape, int32_t *result)
{
	ml_graph_value *value;

	if (graph->nvalues >= ML_GRAPH_VALUES_MAX)
		return ml_fail(ctx, ML_UNSUPPORTED, "a graph with more than %d values", ML_GRAPH_VALUES_MAX);
	ML_TRY(ml_grow(ctx, (void **) &graph->values, &graph->values_capacity, (size_t) graph->nvalues + 1,
				   sizeof(ml_graph_value)));
	*result = graph->nvalues++;
	value = &graph->values[*result];
	memset(value, 0, sizeof(*value));
	value->kind = kind;
	value->shape = *shape;
	for (int i = shape->ndims; i < ML_MAX_DIMS; i++)
		value->shape.dims[i] = 0;
	value->storage = *result;
	value->producer = -1;
	value->parameter = ML_NO_VALUE;
	return ML_OK;
}

/* ---- nodes ---- */

/* Input 0 of an op that writes into a state: the state, or what such an op made of it. */
static bool
is_state(const ml_graph *graph, int32_t value)
{
	const ml_graph_value *v = &graph->values[value];

	if (v->kind == ML_VALUE_STATE)
		return true;
	return v->producer >= 0 && (ml_ops[graph->nodes[v->producer].op]->flags & ML_OP_STATE) != 0 &&
		graph->values[v->storage].kind == ML_VALUE_STATE;
}

/* Numbers and kinds of a node's inputs. */
static ml_status
check_inputs(ml_context *ctx, const ml_graph *graph, const ml_op *op, int nin, const int32_t *inputs)
{
	if (nin < op->nin_least || nin > op->nin_most || nin > ML_NODE_INPUTS_MAX ||
		op->nout < 1 || op->nout > ML_NODE_OUTPUTS_MAX)
		return ML_OP_FAIL(ctx, "%s: %d inputs, it takes %d to %d", op->name, nin, op->nin_least, op->nin_most);
	for (int i = 0; i < nin; i++)
	{
		if (inputs[i] == ML_NO_VALUE && i >= op->nin_least)
			continue;
		if (inputs[i] < 0 || inputs[i] >= graph->nvalues)
			return ML_OP_FAIL(ctx, "%s: input %d is missing", op->name, i);
	}
	if ((op->flags & ML_OP_STATE) != 0 && !is_state(graph, inputs[0]))
		return ML_OP_FAIL(ctx, "%s: input 0 is not a state", op->name);
	if ((op->flags & ML_OP_VIEW) != 0 && graph->values[inputs[0]].shape.layout != ML_PLAIN)
		return ML_OP_FAIL(ctx, "%s: of weights in panels", op->name);
	return ML_OK;
}

/* Run the shape rule: out[nout]. */
static ml_status
infer_shapes(ml_context *ctx, ml_graph *graph, const ml_op *op, const ml_attributes *attributes, int nin,
			 const int32_t *inputs, ml_shape *out)
{
	const ml_shape *in[ML_NODE_INPUTS_MAX];
	ml_op_shapes s = {&graph->symbols, attributes, nin, in, op->nout, out};

	for (int i = 0; i < nin; i++)
		in[i] = inputs[i] == ML_NO_VALUE ? NULL : &graph->values[inputs[i]].shape;
	for (int i = nin; i < op->nin_most && i < ML_NODE_INPUTS_MAX; i++)
		in[i] = NULL;
	memset(out, 0, (size_t) op->nout * sizeof(*out));
	ML_TRY(op->shape(ctx, &s));
	for (int i = 0; i < op->nout; i++)
		ML_TRY(check_shape(ctx, graph, &out[i], false));
	if ((op->flags & ML_OP_VIEW) != 0 && (out[0].layout != ML_PLAIN || out[0].dtype != in[0]->dtype))
		return ml_fail(ctx, ML_INTERNAL, "%s: a view of another type", op->name);
	if ((op->flags & ML_OP_STATE) != 0 && !ml_shape_equal(&out[0], in[0]))
		return ml_fail(ctx, ML_INTERNAL, "%s: a state changes its shape", op->name);
	return ML_OK;
}

/* Check attributes: those given, or the standard ones; dims beyond ndims are 0. */
static ml_status
complete_attributes(ml_context *ctx, ml_graph *graph, const ml_op *op, const ml_attributes *given,
					ml_attributes *attributes)
{
	*attributes = given != NULL ? *given : ml_op_standard(op);
	ML_TRY(ml_op_check_attributes(ctx, op, attributes));
	for (int i = 0; i < ML_MAX_DIMS; i++)
		if (i >= attributes->ndims)
			attributes->dims[i] = 0;
		else if (attributes->dims[i] < 0 && ML_SYMBOL_OF(attributes->dims[i]) >= graph->symbols.n)
			return ML_OP_FAIL(ctx, "%s: a size that is not known", op->name);
	if ((op->flags & ML_OP_DRAWS) != 0)
	{
		if (attributes->ints[0] == 0)
			attributes->ints[0] = graph->ndraws + 1;
		graph->ndraws = (int32_t) ML_MIN(ML_MAX(graph->ndraws, attributes->ints[0]), INT32_MAX - 1);
	}
	return ML_OK;
}

ml_status
ml_graph_add_node(ml_context *ctx, ml_graph *graph, const ml_op *op, const ml_attributes *given,
				  int32_t layer, int nin, const int32_t *inputs, int32_t *outputs)
{
	ml_attributes attributes;
	ml_shape	shapes[ML_NODE_OUTPUTS_MAX];
	ml_graph_node *node;
	int			row = ml_op_index(op);

	if (row < 0)
		return ml_fail(ctx, ML_INTERNAL, "%s: not in the table of ops", op->name);
	ML_TRY(check_inputs(ctx, graph, op, nin, inputs));
	ML_TRY(complete_attributes(ctx, graph, op, given, &attributes));
	ML_TRY(infer_shapes(ctx, graph, op, &attributes, nin, inputs, shapes));
	if (graph->nnodes >= ML_GRAPH_VALUES_MAX)
		return ml_fail(ctx, ML_UNSUPPORTED, "a graph with more than %d nodes", ML_GRAPH_VALUES_MAX);
	ML_TRY(ml_grow(ctx, (void **) &graph->nodes, &graph->nodes_capacity, (size_t) graph->nnodes + 1,
				   sizeof(ml_graph_node)));
	ML_TRY(ml_grow(ctx, (void **) &graph->operands, &graph->operands_capacity,
				   graph->noperands + (size_t) (nin + op->nout), sizeof(int32_t)));
	for (int i = 0; i < op->nout; i++)
	{
		ML_TRY(add_value(ctx, graph, ML_VALUE_ACTIVATION, &shapes[i], &outputs[i]));
		graph->values[outputs[i]].producer = graph->nnodes;
	}
	if ((op->flags & (ML_OP_VIEW | ML_OP_STATE)) != 0)
		graph->values[outputs[0]].storage = graph->values[inputs[0]].storage;
	node = &graph->nodes[graph->nnodes++];
	*node = (ml_graph_node)
	{
		.op = (int16_t) row, .kernel = -1, .attributes = attributes, .nin = nin, .nout = op->nout,
		.inputs = (int32_t) graph->noperands, .layer = layer
	};
	memcpy(graph->operands + graph->noperands, inputs, (size_t) nin * sizeof(int32_t));
	memcpy(graph->operands + graph->noperands + nin, outputs, (size_t) op->nout * sizeof(int32_t));
	graph->noperands += (size_t) (nin + op->nout);
	return ML_OK;
}

/* ---- the builder ---- */

static void
builder_node(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin,
			 const int32_t *inputs, int nout, int32_t *outputs)
{
	ml_builder *b = (ml_builder *) e;

	for (int i = 0; i < nout; i++)
		outputs[i] = ML_NO_VALUE;
	if (e->status != ML_OK)
		return;
	if (nout != op->nout)
		e->status = ml_fail(e->ctx, ML_INTERNAL, "%s: %d outputs", op->name, nout);
	else
		e->status = ml_graph_add_node(e->ctx, b->graph, op, attributes, b->layer, nin, inputs, outputs);
}

static const ml_shape *
builder_shape(ml_emitter *e, int32_t value)
{
	static const ml_shape none;
	ml_builder *b = (ml_builder *) e;

	return value >= 0 && value < b->graph->nvalues ? &b->graph->values[value].shape : &none;
}

/* A scalar as bytes of its type; false: no such scalars. */
static bool
scalar_bytes(ml_dtype dtype, double value, void *bytes)
{
	if (dtype == ML_F64)
		memcpy(bytes, &value, 8);
	else if (dtype == ML_F32)
		memcpy(bytes, &(float) {(float) value}, 4);
	else if (dtype == ML_I32 && value >= INT32_MIN && value <= INT32_MAX)
		memcpy(bytes, &(int32_t) {(int32_t) value}, 4);
	else
		return false;
	return true;
}

/* Equal scalars are one value. */
static int32_t
builder_scalar(ml_emitter *e, ml_dtype dtype, double value)
{
	ml_builder *b = (ml_builder *) e;
	ml_graph   *graph = b->graph;
	uint8_t		bytes[8];

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	if (!scalar_bytes(dtype, value, bytes))
	{
		e->status = ml_fail(e->ctx, ML_INTERNAL, "no constants of type %s", ml_dtypes[dtype].name);
		return ML_NO_VALUE;
	}
	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == ML_VALUE_CONSTANT && graph->values[i].shape.ndims == 0 &&
			graph->values[i].shape.dtype == dtype &&
			memcmp(graph->constants + graph->values[i].offset, bytes, ml_dtypes[dtype].block_bytes) == 0)
			return i;
	return ml_builder_constant(b, &(ml_shape) {.dtype = dtype}, bytes);
}

void
ml_builder_start(ml_context *ctx, ml_graph *graph, ml_builder *b)
{
	*b = (ml_builder)
	{
		.e = {.ctx = ctx, .node = builder_node, .shape = builder_shape, .constant = builder_scalar},
		.graph = graph, .layer = -1
	};
}

/* Layers of the same name are one. */
void
ml_builder_layer(ml_builder *b, ml_text name)
{
	ml_graph   *graph = b->graph;

	if (b->e.status != ML_OK)
		return;
	for (b->layer = 0; b->layer < graph->nlayers; b->layer++)
		if (ml_text_equal(ml_graph_text(graph, graph->layers[b->layer]), name))
			return;
	b->e.status = ml_grow(b->e.ctx, (void **) &graph->layers, &graph->layers_capacity,
						  (size_t) graph->nlayers + 1, sizeof(ml_name));
	if (b->e.status == ML_OK)
		b->e.status = add_string(b->e.ctx, graph, name, &graph->layers[graph->nlayers]);
	if (b->e.status == ML_OK)
		graph->nlayers++;
}

/* A named value of that kind; it must be new. */
static ml_status
add_named(ml_builder *b, ml_value_kind kind, ml_text name, const ml_shape *shape, int32_t *value)
{
	ml_graph   *graph = b->graph;

	if (name.size == 0)
		return ml_fail(b->e.ctx, ML_BAD_OPTION, "a value without a name");
	if (ml_graph_find(graph, kind, name) != ML_NO_VALUE)
		return ml_fail(b->e.ctx, ML_BAD_OPTION, "two values with the name \"%.*s\"",
					   (int) ML_MIN(name.size, (size_t) 100), name.data);
	ML_TRY(check_shape(b->e.ctx, graph, shape, kind != ML_VALUE_INPUT));
	if (shape->layout != ML_PLAIN && kind != ML_VALUE_PARAMETER)
		return ml_fail(b->e.ctx, ML_BAD_OPTION, "only parameters lie in panels");
	ML_TRY(add_value(b->e.ctx, graph, kind, shape, value));
	return add_string(b->e.ctx, graph, name, &graph->values[*value].name);
}

static int32_t
named(ml_builder *b, ml_value_kind kind, ml_text name, const ml_shape *shape)
{
	int32_t		value = ML_NO_VALUE;

	if (b->e.status == ML_OK)
		b->e.status = add_named(b, kind, name, shape, &value);
	return b->e.status == ML_OK ? value : ML_NO_VALUE;
}

int32_t
ml_builder_input(ml_builder *b, ml_text name, const ml_shape *shape)
{
	return named(b, ML_VALUE_INPUT, name, shape);
}

/* Bytes of a value whose dims are numbers. */
static size_t
fixed_bytes(const ml_shape *shape)
{
	return ml_storage_bytes(shape->dtype, shape->layout, shape->ndims, shape->dims);
}

static ml_status
add_constant(ml_builder *b, const ml_shape *shape, const void *data, int32_t *value)
{
	ml_graph   *graph = b->graph;
	size_t		bytes;
	size_t		at = ml_size_align(graph->constant_bytes, ML_ALIGN);
	size_t		need;

	ML_TRY(check_shape(b->e.ctx, graph, shape, true));
	bytes = fixed_bytes(shape);
	need = ml_size_align(ml_size_add(at, bytes), ML_ALIGN);
	ML_TRY(ml_grow(b->e.ctx, (void **) &graph->constants, &graph->constants_capacity, need, 1));
	ML_TRY(add_value(b->e.ctx, graph, ML_VALUE_CONSTANT, shape, value));
	memset(graph->constants + graph->constant_bytes, 0, need - graph->constant_bytes);
	graph->values[*value].offset = at;
	graph->constant_bytes = need;
	if (shape->layout == ML_PANELS && ml_dtypes[shape->dtype].block_elements == 1)
		ml_layout_write(&graph->values[*value], shape->dtype, graph->constants + at, data);
	else if (bytes > 0)
		memcpy(graph->constants + at, data, bytes);
	return ML_OK;
}

int32_t
ml_builder_constant(ml_builder *b, const ml_shape *shape, const void *data)
{
	int32_t		value = ML_NO_VALUE;

	if (b->e.status == ML_OK)
		b->e.status = add_constant(b, shape, data, &value);
	return b->e.status == ML_OK ? value : ML_NO_VALUE;
}

/* The place of a new parameter in their vector. */
static ml_status
reserve(ml_context *ctx, ml_graph *graph, int32_t value)
{
	size_t		width = ml_dtypes[graph->dtype].block_bytes;
	size_t		elements = ml_size_align(fixed_bytes(&graph->values[value].shape), 16 * width) / width;

	if (ml_size_add(graph->parameters, elements) > SIZE_MAX / 16)
		return ml_fail(ctx, ML_BAD_OPTION, "parameters that are too large");
	graph->values[value].offset = graph->parameters;
	graph->parameters += elements;
	return ML_OK;
}

int32_t
ml_builder_parameter(ml_builder *b, ml_text name, const ml_shape *shape, bool sparse)
{
	ml_graph   *graph = b->graph;
	int32_t		value = b->e.status == ML_OK ? ml_graph_find(graph, ML_VALUE_PARAMETER, name) : ML_NO_VALUE;

	if (value != ML_NO_VALUE && ml_shape_equal(&graph->values[value].shape, shape))
	{
		/* used otherwise too: any row may get a gradient */
		graph->values[value].sparse = graph->values[value].sparse && sparse;
		return value;
	}
	value = named(b, ML_VALUE_PARAMETER, name, shape);
	if (value == ML_NO_VALUE)
		return value;
	b->e.status = reserve(b->e.ctx, graph, value);
	graph->values[value].sparse = sparse;
	return b->e.status == ML_OK ? value : ML_NO_VALUE;
}

ml_status
ml_graph_add_parameter(ml_context *ctx, ml_graph *graph, const ml_shape *shape, int32_t *value)
{
	ML_TRY(check_shape(ctx, graph, shape, true));
	ML_TRY(add_value(ctx, graph, ML_VALUE_PARAMETER, shape, value));
	return reserve(ctx, graph, *value);
}

int32_t
ml_builder_state(ml_builder *b, ml_text name, const ml_shape *shape)
{
	ml_graph   *graph = b->graph;
	int32_t		value = named(b, ML_VALUE_STATE, name, shape);
	size_t		bytes;

	if (value == ML_NO_VALUE)
		return value;
	bytes = ml_size_align(fixed_bytes(shape), ML_ALIGN);
	if (ml_size_add(graph->state_bytes, bytes) > SIZE_MAX / 16)
	{
		b->e.status = ml_fail(b->e.ctx, ML_BAD_OPTION, "states that are too large");
		return ML_NO_VALUE;
	}
	graph->values[value].offset = graph->state_bytes;
	graph->state_bytes += bytes;
	return value;
}

void
ml_builder_output(ml_builder *b, ml_text name, int32_t value)
{
	ml_graph   *graph = b->graph;

	if (b->e.status != ML_OK)
		return;
	if (name.size == 0 || value < 0 || value >= graph->nvalues)
	{
		b->e.status = ml_fail(b->e.ctx, ML_BAD_OPTION, "an output without a name or a value");
		return;
	}
	if (ml_graph_find(graph, ML_VALUE_OUTPUT, name) != ML_NO_VALUE)
	{
		b->e.status = ml_fail(b->e.ctx, ML_BAD_OPTION, "two outputs with the name \"%.*s\"",
							  (int) ML_MIN(name.size, (size_t) 100), name.data);
		return;
	}
	/* a value with two names, or that lies elsewhere: a copy */
	if (graph->values[value].kind != ML_VALUE_ACTIVATION)
		value = ml_emit1(&b->e, &ml_op_copy, NULL, value);
	if (value == ML_NO_VALUE)
		return;
	graph->values[value].kind = ML_VALUE_OUTPUT;
	b->e.status = add_string(b->e.ctx, graph, name, &graph->values[value].name);
}

int32_t
ml_graph_find(const ml_graph *graph, ml_value_kind kind, ml_text name)
{
	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == kind && graph->values[i].name.size > 0 &&
			ml_text_equal(ml_graph_text(graph, graph->values[i].name), name))
			return i;
	return ML_NO_VALUE;
}
