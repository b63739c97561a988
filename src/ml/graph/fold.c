/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Tables in the place of nodes, for serving.
 *
 * What a word of an embedding says to a recurrent cell, x wx + bx, depends on
 * nothing but its number.  So where an embedding's rows go into a cell, the folded
 * graph has one op that takes these sums from a table (op/recurrent_words.c); a
 * half of the multiplications goes where cells have as many units as the
 * embedding has columns.  It gives the very bits of the graph that it is made of.
 *
 * The folded graph is a copy whose values have the numbers that they had.  Its
 * tables are parameters behind those that are learnt, and are no part of what is
 * stored: they are computed where an image is made of a stored model.  Tables
 * are larger than embeddings, so there are limits.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"
#include "op/recurrent.h"

#define TABLES_BYTES	((size_t) 32 << 20)	/* of a graph's tables together */
#define TABLE_TIMES		8		/* a table's columns, in those of the embedding */

static const struct
{
	const ml_op *op;
	const ml_op *words;
}			cells[] = {
	[ML_CELL_RNN] = {&ml_op_rnn, &ml_op_rnn_words},
	[ML_CELL_GRU] = {&ml_op_gru, &ml_op_gru_words},
	[ML_CELL_LSTM] = {&ml_op_lstm, &ml_op_lstm_words}
};

/* Which cell the node is, or is one over words of; -1: none. */
static int
cell_of(const ml_graph_node *node, bool words)
{
	for (int i = 0; i < (int) ML_LENGTH(cells); i++)
		if (ml_ops[node->op] == (words ? cells[i].words : cells[i].op))
			return i;
	return -1;
}

static int32_t
input_of(const ml_graph *graph, const ml_graph_node *node, int i)
{
	return i < node->nin ? graph->operands[node->inputs + i] : ML_NO_VALUE;
}

/* The node whose output 0 the value is; NULL: there is none. */
static const ml_graph_node *
producer_of(const ml_graph *graph, int32_t value)
{
	int32_t		k = value == ML_NO_VALUE ? -1 : graph->values[value].producer;

	return k < 0 || graph->operands[graph->nodes[k].inputs + graph->nodes[k].nin] != value ? NULL : &graph->nodes[k];
}

/* Numbers that lie in the parameters' vector as they are? */
static bool
is_parameter(const ml_graph *graph, int32_t value)
{
	return value != ML_NO_VALUE && graph->values[value].kind == ML_VALUE_PARAMETER &&
		graph->values[value].storage == value && graph->values[value].shape.dtype == graph->dtype;
}

/* Rows of an embedding that go into a cell, of which nobody reads what backward needs: *size is that of the table. */
static bool
can_fold(const ml_graph *graph, const bool *is_read, const ml_graph_node *node, int cell, size_t *size)
{
	const ml_graph_node *gather = producer_of(graph, input_of(graph, node, CELL_X));
	const ml_shape *table;
	ml_dim		columns;

	if (gather == NULL || ml_ops[gather->op] != &ml_op_gather || !is_parameter(graph, input_of(graph, gather, 0)) ||
		graph->values[input_of(graph, gather, 1)].shape.ndims != 1 ||
		node->attributes.ints[CELL_BF16(cell)] != 0 || !is_parameter(graph, input_of(graph, node, CELL_WX)))
		return false;
	for (int i = CELL_BX; i <= CELL_BH; i++)
		if (input_of(graph, node, i) != ML_NO_VALUE && !is_parameter(graph, input_of(graph, node, i)))
			return false;
	for (int i = cells[cell].words->nout; i < node->nout; i++)
		if (is_read[graph->operands[node->inputs + node->nin + i]])
			return false;
	table = &graph->values[input_of(graph, gather, 0)].shape;
	columns = graph->values[input_of(graph, node, CELL_WX)].shape.dims[1];
	*size = ml_size_mul(ml_size_mul((size_t) table->dims[0], (size_t) columns),
						ml_dtypes[graph->dtype].block_bytes);
	return columns <= TABLE_TIMES * table->dims[1];
}

/* is_read[nvalues]: by nodes, or as outputs. */
static void
find_read(const ml_graph *graph, bool *is_read)
{
	for (int32_t v = 0; v < graph->nvalues; v++)
		is_read[v] = graph->values[v].kind == ML_VALUE_OUTPUT;
	for (int32_t k = 0; k < graph->nnodes; k++)
		for (int i = 0; i < graph->nodes[k].nin; i++)
			if (input_of(graph, &graph->nodes[k], i) != ML_NO_VALUE)
				is_read[input_of(graph, &graph->nodes[k], i)] = true;
}

/* Put the op over words in the place of node k. */
static ml_status
fold_node(ml_context *ctx, ml_graph *graph, int32_t k, int cell)
{
	ml_graph_node node = graph->nodes[k];
	const ml_graph_node *gather = producer_of(graph, input_of(graph, &node, CELL_X));
	ml_attributes attributes = ml_op_standard(cells[cell].words);
	ml_shape	shape = {
		graph->dtype, ML_PLAIN, 2, {
			graph->values[input_of(graph, gather, 0)].shape.dims[0],
			graph->values[input_of(graph, &node, CELL_WX)].shape.dims[1]
		}
	};
	int32_t		in[CELL_INPUTS];
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	int32_t		outputs = node.inputs + node.nin;
	ml_graph_node *made;

	attributes.ints[CELL_REVERSE] = node.attributes.ints[CELL_REVERSE];
	if (cell == ML_CELL_RNN)
		attributes.ints[CELL_RELU] = node.attributes.ints[CELL_RELU];
	for (int i = 0; i < CELL_INPUTS; i++)
		in[i] = input_of(graph, &node, i);
	in[CELL_NUMBERS] = input_of(graph, gather, 1);
	in[CELL_BX] = ML_NO_VALUE;
	if (cell != ML_CELL_GRU)
		in[CELL_BH] = ML_NO_VALUE;
	ML_TRY(ml_graph_add_parameter(ctx, graph, &shape, &in[CELL_TABLE]));
	ML_TRY(ml_graph_add_node(ctx, graph, cells[cell].words, &attributes, node.layer,
							 cells[cell].words->nin_most, in, out));
	made = &graph->nodes[--graph->nnodes];
	for (int i = 0; i < made->nout; i++)
	{
		graph->values[out[i]].producer = -1;
		graph->operands[made->inputs + made->nin + i] = graph->operands[outputs + i];
	}
	for (int i = made->nout; i < node.nout; i++)
		graph->values[graph->operands[outputs + i]].producer = -1;
	made->kernel = (int16_t) ml_graph_kernel_of(graph, cells[cell].words, made->nin, in, made->nout, out);
	graph->nodes[k] = *made;
	return graph->nodes[k].kernel >= 0 ? ML_OK : ml_fail(ctx, ML_INTERNAL, "no kernel for %s", cells[cell].words->name);
}

/* All nodes that can be folded, as far as the limits allow; *n: how many. */
static ml_status
fold_nodes(ml_context *ctx, ml_graph *graph, const bool *is_read, int *n)
{
	size_t		total = 0;

	*n = 0;
	for (int32_t k = 0; k < graph->nnodes; k++)
	{
		int			cell = cell_of(&graph->nodes[k], false);
		size_t		size;

		if (k % 64 == 0)
			ML_TRY(ml_poll(ctx));
		if (cell < 0 || graph->nvalues + 1 + ML_NODE_OUTPUTS_MAX > ML_GRAPH_VALUES_MAX || graph->nnodes == ML_GRAPH_VALUES_MAX ||
			!can_fold(graph, is_read, &graph->nodes[k], cell, &size) || ml_size_add(total, size) > TABLES_BYTES)
			continue;
		ML_TRY(fold_node(ctx, graph, k, cell));
		total += size;
		(*n)++;
	}
	return *n == 0 ? ML_OK : ml_graph_drop_dead(ctx, graph);
}

/* An array of one's own in the place of a borrowed one. */
static ml_status
own(ml_context *ctx, void *array, size_t *capacity, size_t n, size_t width)
{
	void	   *borrowed;
	void	   *memory = NULL;

	memcpy(&borrowed, array, sizeof(void *));
	if (n == 0)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, width), &memory));
	memcpy(memory, borrowed, n * width);
	memcpy(array, &memory, sizeof(void *));
	*capacity = n;
	return ML_OK;
}

ml_status
ml_graph_fold(ml_context *ctx, const ml_graph *graph, ml_graph **folded)
{
	bool		any = false;
	ml_graph   *copy;
	void	   *is_read;
	ml_status	status;
	int			n = 0;

	*folded = NULL;
	for (int32_t k = 0; k < graph->nnodes; k++)
		any = any || cell_of(&graph->nodes[k], false) >= 0;
	if (!any || graph->gradients != NULL)
		return ML_OK;
	ML_TRY(ml_graph_open(ctx, graph->dtype, &copy));
	*copy = *graph;
	memset(&copy->arena, 0, sizeof(copy->arena));
	copy->values_capacity = copy->nodes_capacity = copy->operands_capacity = 0;
	copy->layers_capacity = copy->constants_capacity = copy->strings_capacity = 0;
	status = ml_alloc(ctx, (size_t) graph->nvalues, &is_read);
	if (status == ML_OK)
	{
		find_read(graph, is_read);
		status = own(ctx, &copy->values, &copy->values_capacity, (size_t) graph->nvalues, sizeof(ml_graph_value));
		if (status == ML_OK)
			status = own(ctx, &copy->nodes, &copy->nodes_capacity, (size_t) graph->nnodes, sizeof(ml_graph_node));
		if (status == ML_OK)
			status = own(ctx, &copy->operands, &copy->operands_capacity, graph->noperands, sizeof(int32_t));
		if (status == ML_OK)
			status = fold_nodes(ctx, copy, is_read, &n);
		ml_release(ctx, is_read);
	}
	if (status == ML_OK && n > 0)
		*folded = copy;
	else
		ml_graph_close(ctx, copy);
	return status;
}

/* ---- tables ---- */

static void *
place_of(const ml_graph *graph, int32_t value, void *parameters)
{
	return (char *) parameters + graph->values[value].offset * ml_dtypes[graph->dtype].block_bytes;
}

/* A parameter as an operand; absent: one without data. */
static ml_view
parameter_view(const ml_graph *graph, int32_t value, void *parameters)
{
	ml_view		view = {0};

	if (value == ML_NO_VALUE)
		return view;
	view.data = place_of(graph, value, parameters);
	view.dtype = graph->dtype;
	view.layout = graph->values[value].shape.layout;
	view.ndims = graph->values[value].shape.ndims;
	memcpy(view.dims, graph->values[value].shape.dims, sizeof(view.dims));
	ml_view_strides(&view);
	return view;
}

static ml_status
fill_table(ml_context *ctx, const ml_kernel *kernel, const ml_graph *graph, const ml_graph_node *node, int cell,
		   void *parameters, void *table)
{
	const ml_graph_node *gather = producer_of(graph, input_of(graph, node, CELL_X));
	ml_view		in[CELL_BH + 1] = {0};
	ml_op_run	run = {.ctx = ctx, .kernel = kernel, .attributes = &node->attributes, .nin = CELL_BH + 1, .in = in};
	ml_status	status;

	in[CELL_X] = parameter_view(graph, input_of(graph, gather, 0), parameters);
	for (int i = CELL_WX; i <= CELL_BH; i++)
		if (i != CELL_WH)
			in[i] = parameter_view(graph, input_of(graph, node, i), parameters);
	ML_TRY(ml_alloc(ctx, ml_size_mul((size_t) in[CELL_WX].dims[1], ml_dtypes[graph->dtype].block_bytes), &run.workspace));
	status = ml_cell_table(&run, (ml_cell) cell, table);
	ml_release(ctx, run.workspace);
	return status;
}

ml_status
ml_graph_fold_tables(ml_context *ctx, const ml_kernel *kernel, const ml_graph *graph, const ml_graph *folded,
					 void *parameters)
{
	for (int32_t k = 0; k < folded->nnodes; k++)
	{
		const ml_graph_node *node = &folded->nodes[k];
		int			cell = cell_of(node, true);

		if (cell < 0)
			continue;
		ML_TRY(ml_poll(ctx));
		ML_TRY(fill_table(ctx, kernel, graph, producer_of(graph, folded->operands[node->inputs + node->nin + CELL_Y]),
						  cell, parameters, place_of(folded, input_of(folded, node, CELL_TABLE), parameters)));
	}
	return ML_OK;
}
