/*-------------------------------------------------------------------------
 *
 * graph_json.c
 *	  The forward graph as JSON, and whether a stored one is sound.
 *
 *	  {"version": 1, "dtype": "F32",
 *	   "symbols": [{"name": "rows"}, {"rule": "plus", "of": 0, "a": 1},
 *		{"rule": "windows", "of": 0, "width": 3, "stride": 1, "padding": 2, "dilation": 1}],
 *	   "layers": ["dense"],
 *	   "values": [{"kind": "input", "dtype": "F32", "shape": [-1, 784], "name": "image"},
 *		{"kind": "parameter", "dtype": "F32", "layout": "panels", "shape": [784, 10], "name": "w"},
 *		{"kind": "constant", "dtype": "F32", "shape": [], "data": "0000803f"},
 *		{"kind": "output", "dtype": "F32", "shape": [-1, 10], "name": "y"}],
 *	   "nodes": [{"op": "linear", "version": 1, "inputs": [0, 1, null], "outputs": [3],
 *		"attributes": {"activation": 1}, "layer": 0}]}
 *
 * A size below 0 is a symbol, -1 the first one.  "sparse" stands at parameters
 * that are, "dims" at nodes that have some, attributes where they aren't at their
 * standard.  Where values lie is not written: it follows from kinds and ops.
 *
 * Reading builds the graph anew, through what all graphs are built through.  A
 * node's inputs come before it, so there are no cycles; what its shape rule says
 * of its outputs must be what is written; and no value is left without a node.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"

#define VERSION		1
#define POLL_ITEMS	63

static const char *const kinds[] = {
	[ML_VALUE_INPUT] = "input", [ML_VALUE_CONSTANT] = "constant", [ML_VALUE_PARAMETER] = "parameter",
	[ML_VALUE_STATE] = "state", [ML_VALUE_ACTIVATION] = "activation", [ML_VALUE_GRADIENT] = NULL,
	[ML_VALUE_OUTPUT] = "output"
};

static const char *const rules[] = {
	[ML_SYMBOL_FREE] = NULL, [ML_SYMBOL_PLUS] = "plus", [ML_SYMBOL_TIMES] = "times",
	[ML_SYMBOL_WINDOWS] = "windows"
};

/* ---- writing ---- */

static ml_status
write_real(ml_context *ctx, double value, ml_buffer *json)
{
	char		text[32];
	double		again;

	if (value - value != 0)
		return ml_appendf(ctx, json, value > 0 ? "\"infinity\"" : "\"-infinity\"");
	for (int digits = 15; digits <= 17; digits++)
	{
		size_t		size = ml_print_double(text, value, digits);

		if (ml_parse_double(text, size, &again) == size && again == value)
			return ml_append(ctx, json, text, size);
	}
	return ml_fail(ctx, ML_INTERNAL, "a number that can't be written");
}

static ml_status
write_symbols(ml_context *ctx, const ml_graph *graph, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "\"symbols\":["));
	for (int32_t i = 0; i < graph->symbols.n; i++)
	{
		const ml_symbol *s = &graph->symbols.symbols[i];
		const char *comma = i == 0 ? "" : ",";

		if (s->rule == ML_SYMBOL_FREE)
		{
			ML_TRY(ml_appendf(ctx, json, "%s{\"name\":", comma));
			ML_TRY(ml_json_quote(ctx, json, ml_graph_text(graph, s->name)));
			ML_TRY(ml_append(ctx, json, "}", 1));
		}
		else if (s->rule == ML_SYMBOL_WINDOWS)
			ML_TRY(ml_appendf(ctx, json, "%s{\"rule\":\"windows\",\"of\":%d,\"width\":%lld,\"stride\":%lld,"
							  "\"padding\":%lld,\"dilation\":%lld}", comma, s->of, (long long) s->a,
							  (long long) s->b, (long long) s->c, (long long) s->d));
		else
			ML_TRY(ml_appendf(ctx, json, "%s{\"rule\":\"%s\",\"of\":%d,\"a\":%lld}", comma, rules[s->rule],
							  s->of, (long long) s->a));
	}
	return ml_append(ctx, json, "]", 1);
}

/* "name":[1,2,3] */
static ml_status
write_numbers(ml_context *ctx, const char *name, int n, const int64_t *numbers, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "\"%s\":[", name));
	for (int i = 0; i < n; i++)
		ML_TRY(ml_appendf(ctx, json, "%s%lld", i == 0 ? "" : ",", (long long) numbers[i]));
	return ml_append(ctx, json, "]", 1);
}

static ml_status
write_bytes(ml_context *ctx, const uint8_t *bytes, size_t size, ml_buffer *json)
{
	static const char digits[] = "0123456789abcdef";
	char		text[128];

	ML_TRY(ml_appendf(ctx, json, ",\"data\":\""));
	for (size_t i = 0; i < size; i += sizeof(text) / 2)
	{
		size_t		part = ML_MIN(size - i, sizeof(text) / 2);

		for (size_t j = 0; j < part; j++)
		{
			text[2 * j] = digits[bytes[i + j] >> 4];
			text[2 * j + 1] = digits[bytes[i + j] & 15];
		}
		ML_TRY(ml_append(ctx, json, text, 2 * part));
		if (i % (1 << 20) == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ml_append(ctx, json, "\"", 1);
}

static ml_status
write_value(ml_context *ctx, const ml_graph *graph, const ml_graph_value *value, ml_buffer *json)
{
	const ml_shape *shape = &value->shape;

	ML_TRY(ml_appendf(ctx, json, "{\"kind\":\"%s\",\"dtype\":\"%s\",", kinds[value->kind],
					  ml_dtypes[shape->dtype].name));
	if (shape->layout == ML_PANELS)
		ML_TRY(ml_appendf(ctx, json, "\"layout\":\"panels\","));
	ML_TRY(write_numbers(ctx, "shape", shape->ndims, shape->dims, json));
	if (value->name.size > 0)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"name\":"));
		ML_TRY(ml_json_quote(ctx, json, ml_graph_text(graph, value->name)));
	}
	if (value->sparse)
		ML_TRY(ml_appendf(ctx, json, ",\"sparse\":true"));
	if (value->kind == ML_VALUE_CONSTANT)
		ML_TRY(write_bytes(ctx, graph->constants + value->offset,
						   ml_storage_bytes(shape->dtype, shape->layout, shape->ndims, shape->dims), json));
	return ml_append(ctx, json, "}", 1);
}

/* Attributes that aren't at their standard. */
static ml_status
write_attributes(ml_context *ctx, const ml_op *op, const ml_attributes *attributes, ml_buffer *json)
{
	ml_attributes standard = ml_op_standard(op);
	int			ints = 0;
	int			reals = 0;
	int			written = 0;

	for (const ml_attribute *a = op->attributes; a != NULL && a->name != NULL; a++)
	{
		int			i = a->is_real ? reals++ : ints++;

		if (a->is_real ? attributes->reals[i] == standard.reals[i] : attributes->ints[i] == standard.ints[i])
			continue;
		ML_TRY(ml_appendf(ctx, json, "%s\"%s\":", written++ == 0 ? ",\"attributes\":{" : ",", a->name));
		if (a->is_real)
			ML_TRY(write_real(ctx, attributes->reals[i], json));
		else
			ML_TRY(ml_appendf(ctx, json, "%lld", (long long) attributes->ints[i]));
	}
	return written > 0 ? ml_append(ctx, json, "}", 1) : ML_OK;
}

/* numbers[nvalues]: what values are called in the JSON. */
static ml_status
write_node(ml_context *ctx, const ml_graph *graph, const ml_graph_node *node, const int32_t *numbers,
		   ml_buffer *json)
{
	const ml_op *op = ml_ops[node->op];
	const int32_t *operands = graph->operands + node->inputs;

	ML_TRY(ml_appendf(ctx, json, "{\"op\":\"%s\",\"version\":%d,\"inputs\":[", op->name, op->version));
	for (int i = 0; i < node->nin; i++)
		if (operands[i] == ML_NO_VALUE)
			ML_TRY(ml_appendf(ctx, json, "%snull", i == 0 ? "" : ","));
		else
			ML_TRY(ml_appendf(ctx, json, "%s%d", i == 0 ? "" : ",", numbers[operands[i]]));
	ML_TRY(ml_appendf(ctx, json, "],\"outputs\":["));
	for (int i = node->nin; i < node->nin + node->nout; i++)
		ML_TRY(ml_appendf(ctx, json, "%s%d", i == node->nin ? "" : ",", numbers[operands[i]]));
	ML_TRY(ml_append(ctx, json, "]", 1));
	ML_TRY(write_attributes(ctx, op, &node->attributes, json));
	if (node->attributes.ndims > 0)
	{
		ML_TRY(ml_append(ctx, json, ",", 1));
		ML_TRY(write_numbers(ctx, "dims", node->attributes.ndims, node->attributes.dims, json));
	}
	if (node->layer >= 0)
		ML_TRY(ml_appendf(ctx, json, ",\"layer\":%d", node->layer));
	return ml_append(ctx, json, "}", 1);
}

/*
 * Give numbers to the values of the forward pass: first to those that no node
 * makes, then to the nodes' in their order.  -1: not among them.
 */
static void
number_values(const ml_graph *graph, int32_t nforward, int32_t *numbers)
{
	int32_t		n = 0;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		ml_value_kind kind = graph->values[v].kind;

		numbers[v] = kind == ML_VALUE_INPUT || kind == ML_VALUE_PARAMETER || kind == ML_VALUE_STATE ? 0 : -1;
	}
	for (int32_t k = 0; k < nforward; k++)
		for (int i = 0; i < graph->nodes[k].nin; i++)
			if (graph->operands[graph->nodes[k].inputs + i] != ML_NO_VALUE)
				numbers[graph->operands[graph->nodes[k].inputs + i]] = 0;
	for (int32_t v = 0; v < graph->nvalues; v++)
		numbers[v] = numbers[v] == 0 && graph->values[v].producer < 0 ? n++ : -1;
	for (int32_t k = 0; k < nforward; k++)
		for (int i = 0; i < graph->nodes[k].nout; i++)
			numbers[graph->operands[graph->nodes[k].inputs + graph->nodes[k].nin + i]] = n++;
}

static ml_status
write_values(ml_context *ctx, const ml_graph *graph, int32_t nforward, const int32_t *numbers, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "\"values\":["));
	for (int32_t v = 0; v < graph->nvalues; v++)
		if (numbers[v] >= 0 && graph->values[v].producer < 0)
		{
			ML_TRY(ml_append(ctx, json, ",", numbers[v] > 0));
			ML_TRY(write_value(ctx, graph, &graph->values[v], json));
		}
	for (int32_t k = 0; k < nforward; k++)
		for (int i = 0; i < graph->nodes[k].nout; i++)
		{
			int32_t		v = graph->operands[graph->nodes[k].inputs + graph->nodes[k].nin + i];

			ML_TRY(ml_append(ctx, json, ",", numbers[v] > 0));
			ML_TRY(write_value(ctx, graph, &graph->values[v], json));
		}
	return ml_append(ctx, json, "]", 1);
}

static ml_status
write_graph(ml_context *ctx, const ml_graph *graph, int32_t *numbers, ml_buffer *json)
{
	int32_t		nforward = graph->nforward >= 0 ? graph->nforward : graph->nnodes;

	number_values(graph, nforward, numbers);
	ML_TRY(ml_appendf(ctx, json, "{\"version\":%d,\"dtype\":\"%s\",", VERSION, ml_dtypes[graph->dtype].name));
	ML_TRY(write_symbols(ctx, graph, json));
	ML_TRY(ml_appendf(ctx, json, ",\"layers\":["));
	for (int32_t i = 0; i < graph->nlayers; i++)
	{
		ML_TRY(ml_append(ctx, json, ",", i > 0));
		ML_TRY(ml_json_quote(ctx, json, ml_graph_text(graph, graph->layers[i])));
	}
	ML_TRY(ml_append(ctx, json, "],", 2));
	ML_TRY(write_values(ctx, graph, nforward, numbers, json));
	ML_TRY(ml_appendf(ctx, json, ",\"nodes\":["));
	for (int32_t k = 0; k < nforward; k++)
	{
		ML_TRY(ml_append(ctx, json, ",", k > 0));
		ML_TRY(write_node(ctx, graph, &graph->nodes[k], numbers, json));
	}
	return ml_appendf(ctx, json, "]}");
}

ml_status
ml_graph_write(ml_context *ctx, const ml_graph *graph, ml_buffer *json)
{
	void	   *numbers;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, (size_t) graph->nvalues * sizeof(int32_t), &numbers));
	status = write_graph(ctx, graph, numbers, json);
	ml_release(ctx, numbers);
	return status;
}

/* ---- reading ---- */

typedef struct reader
{
	ml_context *ctx;
	ml_graph   *graph;
	ml_builder	b;
	const ml_json **values;		/* [nvalues] as written */
	int32_t    *numbers;		/* [nvalues] of the graph; -1: not there yet */
	int64_t		nvalues;
} reader;

static ml_status
bad_graph(reader *r, const char *what)
{
	return ml_fail(r->ctx, ML_BAD_MODEL, "the stored graph: %s", what);
}

/* An object with these members and no others; *count of them are there at most. */
static bool
is_object(const ml_json *node, uint32_t count)
{
	return node != NULL && node->kind == ML_JSON_OBJECT && node->count <= count;
}

static bool
is_array(const ml_json *node)
{
	return node != NULL && node->kind == ML_JSON_ARRAY;
}

/* Number of the name in the list; -1: none of them, or no string. */
static int
find_name(const ml_json *node, const char *const *names, int n)
{
	for (int i = 0; node != NULL && node->kind == ML_JSON_STRING && i < n; i++)
		if (names[i] != NULL && ml_text_equal(node->string, (ml_text) {names[i], strlen(names[i])}))
			return i;
	return -1;
}

static int
find_dtype(const ml_json *node)
{
	const char *names[ML_DTYPE_COUNT];

	for (int i = 0; i < ML_DTYPE_COUNT; i++)
		names[i] = ml_dtypes[i].name;
	return find_name(node, names, ML_DTYPE_COUNT);
}

/* Are there as many members as there are of these names? */
static bool
has_only(const ml_json *object, const char *const *names, int n)
{
	uint32_t	known = 0;

	for (const ml_json *member = object->first; member != NULL; member = member->next)
		for (int i = 0; i < n; i++)
			known += ml_text_equal(member->key, (ml_text) {names[i], strlen(names[i])});
	return known == object->count;
}

static ml_status
read_symbol(reader *r, const ml_json *node, int32_t i)
{
	static const char *const windows[4] = {"width", "stride", "padding", "dilation"};
	ml_symbols *symbols = &r->graph->symbols;
	const ml_json *name = ml_json_get(node, "name");
	int			rule = find_name(ml_json_get(node, "rule"), rules, (int) ML_LENGTH(rules));
	int64_t		numbers[4] = {0};
	int64_t		of;
	ml_dim		dim;

	if (is_object(node, 1) && name != NULL && name->kind == ML_JSON_STRING)
	{
		ML_TRY(ml_graph_symbol(r->ctx, r->graph, name->string, &dim));
		return symbols->n == i + 1 ? ML_OK : bad_graph(r, "two symbols of the same name");
	}
	if (rule < 0 || !is_object(node, rule == ML_SYMBOL_WINDOWS ? 6 : 3) ||
		!ml_json_integer(ml_json_get(node, "of"), 0, i - 1, &of))
		return bad_graph(r, "a symbol that is none");
	if (rule == ML_SYMBOL_WINDOWS)
	{
		/* none so large that lengths overflow */
		for (int j = 0; j < 4; j++)
			if (!ml_json_integer(ml_json_get(node, windows[j]), j == 2 ? 0 : 1, INT32_MAX / 64, &numbers[j]))
				return bad_graph(r, "a symbol that is none");
	}
	else if (!ml_json_integer(ml_json_get(node, "a"), rule == ML_SYMBOL_PLUS ? INT32_MIN : 0, INT32_MAX, &numbers[0]))
		return bad_graph(r, "a symbol that is none");
	ML_TRY(ml_symbols_derive(r->ctx, symbols, (ml_symbol_rule) rule, ML_SYMBOL(of), numbers[0], numbers[1],
							 numbers[2], numbers[3], &dim));
	return symbols->n == i + 1 ? ML_OK : bad_graph(r, "a symbol that is another one");
}

/* Sizes, of which those below 0 are symbols. */
static ml_status
read_dims(reader *r, const ml_json *node, int *ndims, ml_dim *dims)
{
	if (!is_array(node) || node->count > ML_MAX_DIMS)
		return bad_graph(r, "a shape that is none");
	*ndims = 0;
	for (const ml_json *item = node->first; item != NULL; item = item->next)
		if (!ml_json_integer(item, -(int64_t) r->graph->symbols.n, INT32_MAX, &dims[(*ndims)++]))
			return bad_graph(r, "a size out of range");
	return ML_OK;
}

static ml_status
read_shape(reader *r, const ml_json *node, ml_shape *shape)
{
	static const char *const layouts[] = {"plain", "panels"};
	const ml_json *layout = ml_json_get(node, "layout");
	int			dtype = find_dtype(ml_json_get(node, "dtype"));
	int			which = layout == NULL ? ML_PLAIN : find_name(layout, layouts, 2);

	if (dtype < 0 || which < 0)
		return bad_graph(r, "a value of no known type");
	*shape = (ml_shape){.dtype = (ml_dtype) dtype, .layout = (ml_layout) which};
	return read_dims(r, ml_json_get(node, "shape"), &shape->ndims, shape->dims);
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static ml_status
read_constant(reader *r, const ml_json *node, const ml_shape *shape, int32_t *value)
{
	const ml_json *data = ml_json_get(node, "data");
	size_t		size;
	void	   *bytes;

	for (int i = 0; i < shape->ndims; i++)
		if (shape->dims[i] < 0)
			return bad_graph(r, "a constant whose size is not known");
	size = ml_storage_bytes(shape->dtype, shape->layout, shape->ndims, shape->dims);
	if (data == NULL || data->kind != ML_JSON_STRING || data->string.size != ml_size_mul(size, 2))
		return bad_graph(r, "a constant without its bytes");
	ML_TRY(ml_alloc(r->ctx, size, &bytes));
	for (size_t i = 0; i < size; i++)
	{
		int			high = hex_digit(data->string.data[2 * i]);
		int			low = hex_digit(data->string.data[2 * i + 1]);

		if (high < 0 || low < 0)
		{
			ml_release(r->ctx, bytes);
			return bad_graph(r, "a constant without its bytes");
		}
		((uint8_t *) bytes)[i] = (uint8_t) (high << 4 | low);
	}
	*value = ml_builder_constant(&r->b, shape, bytes);
	ml_release(r->ctx, bytes);
	return r->b.e.status;
}

/* A value that no node makes. */
static ml_status
read_value(reader *r, const ml_json *node, int64_t i)
{
	static const char *const members[] = {"kind", "dtype", "layout", "shape", "name", "sparse", "data"};
	const ml_json *name = ml_json_get(node, "name");
	const ml_json *sparse = ml_json_get(node, "sparse");
	int			kind = find_name(ml_json_get(node, "kind"), kinds, (int) ML_LENGTH(kinds));
	ml_text		text = name != NULL && name->kind == ML_JSON_STRING ? name->string : ML_TEXT("");
	ml_shape	shape;

	if (!is_object(node, ML_LENGTH(members)) || kind < 0 || !has_only(node, members, ML_LENGTH(members)) ||
		(text.size > 0) != (kind != ML_VALUE_CONSTANT && kind != ML_VALUE_ACTIVATION) ||
		(text.size > 0) != (name != NULL) || (sparse != NULL && sparse->kind != ML_JSON_BOOL) ||
		(sparse != NULL && kind != ML_VALUE_PARAMETER) ||
		(kind == ML_VALUE_CONSTANT) != (ml_json_get(node, "data") != NULL))
		return bad_graph(r, "a value that is none");
	ML_TRY(read_shape(r, node, &shape));
	if (kind == ML_VALUE_PARAMETER && ml_graph_find(r->graph, ML_VALUE_PARAMETER, text) != ML_NO_VALUE)
		return bad_graph(r, "two parameters of the same name");
	if (kind == ML_VALUE_INPUT)
		r->numbers[i] = ml_builder_input(&r->b, text, &shape);
	else if (kind == ML_VALUE_PARAMETER)
		r->numbers[i] = ml_builder_parameter(&r->b, text, &shape, sparse != NULL && sparse->boolean);
	else if (kind == ML_VALUE_STATE)
		r->numbers[i] = ml_builder_state(&r->b, text, &shape);
	else if (kind == ML_VALUE_CONSTANT)
		return read_constant(r, node, &shape, &r->numbers[i]);
	return r->b.e.status;
}

static ml_status
read_real(reader *r, const ml_json *node, double *value)
{
	if (node->kind == ML_JSON_NUMBER)
		*value = node->number;
	else if (node->kind == ML_JSON_STRING && ml_text_equal(node->string, ML_TEXT("infinity")))
		*value = __builtin_inf();
	else if (node->kind == ML_JSON_STRING && ml_text_equal(node->string, ML_TEXT("-infinity")))
		*value = -__builtin_inf();
	else
		return bad_graph(r, "an attribute that is not a number");
	return ML_OK;
}

static ml_status
read_attributes(reader *r, const ml_op *op, const ml_json *node, ml_attributes *attributes)
{
	int			ints = 0;
	int			reals = 0;
	uint32_t	found = 0;

	if (node != NULL && node->kind != ML_JSON_OBJECT)
		return bad_graph(r, "attributes that are none");
	for (const ml_attribute *a = op->attributes; a != NULL && a->name != NULL; a++)
	{
		const ml_json *member = ml_json_get(node, a->name);
		int			i = a->is_real ? reals++ : ints++;

		found += member != NULL;
		if (member != NULL && a->is_real)
			ML_TRY(read_real(r, member, &attributes->reals[i]));
		else if (member != NULL && !ml_json_integer(member, INT64_MIN, INT64_MAX, &attributes->ints[i]))
			return bad_graph(r, "an attribute that is not an integer");
	}
	return node == NULL || node->count == found ? ML_OK :
		ml_fail(r->ctx, ML_BAD_MODEL, "the stored graph: an attribute that %s does not have", op->name);
}

/* Numbers of values, in the JSON; null where allowed. */
static ml_status
read_operands(reader *r, const ml_json *node, int max, bool optional, int *n, int64_t *numbers)
{
	*n = 0;
	if (!is_array(node) || node->count > (uint32_t) max)
		return bad_graph(r, "a node with too many values, or none");
	for (const ml_json *item = node->first; item != NULL; item = item->next)
	{
		if (optional && item->kind == ML_JSON_NULL)
			numbers[*n] = ML_NO_VALUE;
		else if (!ml_json_integer(item, 0, r->nvalues - 1, &numbers[*n]))
			return bad_graph(r, "a node with a value that does not exist");
		(*n)++;
	}
	return ML_OK;
}

/* What the shape rule said is what is written; then the value is known. */
static ml_status
take_output(reader *r, const ml_op *op, int64_t number, int32_t value)
{
	const ml_json *node = r->values[number];
	int			kind = find_name(ml_json_get(node, "kind"), kinds, (int) ML_LENGTH(kinds));
	ml_shape	shape;

	if (r->numbers[number] != ML_NO_VALUE || (kind != ML_VALUE_ACTIVATION && kind != ML_VALUE_OUTPUT))
		return bad_graph(r, "a value that two nodes make, or none may");
	ML_TRY(read_shape(r, node, &shape));
	if (!ml_shape_equal(&shape, &r->graph->values[value].shape))
		return ml_fail(r->ctx, ML_BAD_MODEL, "the stored graph: the result of %s has another shape than is written",
					   op->name);
	r->numbers[number] = value;
	if (kind == ML_VALUE_OUTPUT)
		ml_builder_output(&r->b, ml_json_get(node, "name")->string, value);
	return r->b.e.status;
}

static ml_status
find_op(reader *r, const ml_json *node, const ml_op **op)
{
	const ml_json *name = ml_json_get(node, "op");
	int64_t		version;

	if (name == NULL || name->kind != ML_JSON_STRING || !ml_json_integer(ml_json_get(node, "version"), 1, INT32_MAX, &version))
		return bad_graph(r, "a node without an op");
	*op = ml_op_find(name->string);
	if (*op == NULL || version > (*op)->version)
		return ml_fail(r->ctx, ML_NEWER_FORMAT, "the stored graph: operation \"%.*s\", version %lld, is not known to this release",
					   (int) ML_MIN(name->string.size, (size_t) 100), name->string.data, (long long) version);
	if (((*op)->flags & ML_OP_GRADIENT) != 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the stored graph: operation \"%s\" is part of training", (*op)->name);
	if (((*op)->flags & ML_OP_FOLDED) != 0)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the stored graph: operation \"%s\" is never stored", (*op)->name);
	return ML_OK;
}

static ml_status
read_node(reader *r, const ml_json *node)
{
	static const char *const members[] = {"op", "version", "inputs", "outputs", "attributes", "dims", "layer"};
	const ml_json *dims = ml_json_get(node, "dims");
	const ml_json *layer = ml_json_get(node, "layer");
	const ml_op *op = NULL;
	int64_t		number = -1;
	int64_t		in[ML_NODE_INPUTS_MAX];
	int64_t		out[ML_NODE_OUTPUTS_MAX];
	int32_t		inputs[ML_NODE_INPUTS_MAX];
	int32_t		outputs[ML_NODE_OUTPUTS_MAX];
	int			nin;
	int			nout;
	ml_attributes attributes;

	if (!is_object(node, ML_LENGTH(members)) || !has_only(node, members, ML_LENGTH(members)) ||
		(layer != NULL && !ml_json_integer(layer, 0, (int64_t) r->graph->nlayers - 1, &number)))
		return bad_graph(r, "a node that is none");
	ML_TRY(find_op(r, node, &op));
	attributes = ml_op_standard(op);
	ML_TRY(read_attributes(r, op, ml_json_get(node, "attributes"), &attributes));
	if (dims != NULL)
		ML_TRY(read_dims(r, dims, &attributes.ndims, attributes.dims));
	ML_TRY(read_operands(r, ml_json_get(node, "inputs"), ML_NODE_INPUTS_MAX, true, &nin, in));
	ML_TRY(read_operands(r, ml_json_get(node, "outputs"), ML_NODE_OUTPUTS_MAX, false, &nout, out));
	for (int i = 0; i < nin; i++)
	{
		inputs[i] = in[i] == ML_NO_VALUE ? ML_NO_VALUE : r->numbers[in[i]];
		if (in[i] != ML_NO_VALUE && inputs[i] == ML_NO_VALUE)
			return bad_graph(r, "a node that uses a value before it is made");
	}
	if (nout != op->nout)
		return bad_graph(r, "a node with too many results, or too few");
	ML_TRY(ml_graph_add_node(r->ctx, r->graph, op, &attributes, (int32_t) number, nin, inputs, outputs));
	for (int i = 0; i < nout; i++)
		ML_TRY(take_output(r, op, out[i], outputs[i]));
	return ML_OK;
}

static ml_status
read_values(reader *r, ml_arena *arena, const ml_json *node)
{
	void	   *memory;
	int64_t		i = 0;

	if (!is_array(node) || node->count > ML_GRAPH_VALUES_MAX)
		return bad_graph(r, "no values, or too many");
	r->nvalues = node->count;
	ML_TRY(ml_arena_alloc(r->ctx, arena, (size_t) r->nvalues * sizeof(void *), &memory));
	r->values = memory;
	ML_TRY(ml_arena_alloc(r->ctx, arena, (size_t) r->nvalues * sizeof(int32_t), &memory));
	r->numbers = memory;
	for (const ml_json *item = node->first; item != NULL; item = item->next, i++)
	{
		if ((i & POLL_ITEMS) == 0)
			ML_TRY(ml_poll(r->ctx));
		r->values[i] = item;
		r->numbers[i] = ML_NO_VALUE;
		ML_TRY(read_value(r, item, i));
	}
	return ML_OK;
}

static ml_status
read_layers(reader *r, const ml_json *node)
{
	int32_t		i = 0;

	if (!is_array(node) || node->count > ML_GRAPH_VALUES_MAX)
		return bad_graph(r, "no layers, or too many");
	for (const ml_json *item = node->first; item != NULL; item = item->next, i++)
	{
		if ((i & POLL_ITEMS) == 0)
			ML_TRY(ml_poll(r->ctx));
		if (item->kind != ML_JSON_STRING)
			return bad_graph(r, "a layer that has no name");
		ml_builder_layer(&r->b, item->string);
		ML_TRY(r->b.e.status);
		if (r->graph->nlayers != i + 1)
			return bad_graph(r, "two layers of the same name");
	}
	return ML_OK;
}

static ml_status
read_graph(reader *r, ml_arena *arena, const ml_json *root)
{
	const ml_json *symbols = ml_json_get(root, "symbols");
	const ml_json *nodes = ml_json_get(root, "nodes");
	int64_t		i = 0;

	if (!is_array(symbols) || symbols->count > ML_SYMBOLS_MAX || !is_array(nodes))
		return bad_graph(r, "no symbols or no nodes");
	for (const ml_json *item = symbols->first; item != NULL; item = item->next)
		ML_TRY(read_symbol(r, item, (int32_t) i++));
	ML_TRY(read_layers(r, ml_json_get(root, "layers")));
	ML_TRY(read_values(r, arena, ml_json_get(root, "values")));
	i = 0;
	for (const ml_json *item = nodes->first; item != NULL; item = item->next)
	{
		if ((i++ & POLL_ITEMS) == 0)
			ML_TRY(ml_poll(r->ctx));
		ML_TRY(read_node(r, item));
	}
	if (r->graph->symbols.n != (int32_t) symbols->count)
		return bad_graph(r, "a symbol that is not written");
	for (i = 0; i < r->nvalues; i++)
		if (r->numbers[i] == ML_NO_VALUE)
			return bad_graph(r, "a value that no node makes");
	return ML_OK;
}

static ml_status
read_root(ml_context *ctx, ml_arena *arena, ml_text json, ml_graph **result)
{
	const ml_json *root;
	reader		r = {.ctx = ctx};
	int			dtype;
	int64_t		version;

	ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_MODEL, &root));
	if (!ml_json_integer(ml_json_get(root, "version"), 1, INT32_MAX, &version))
		return bad_graph(&r, "no version");
	if (version > VERSION)
		return ml_fail(ctx, ML_NEWER_FORMAT, "the stored graph has version %lld, this release reads %d",
					   (long long) version, VERSION);
	dtype = find_dtype(ml_json_get(root, "dtype"));
	if (!is_object(root, 6) || (dtype != ML_F32 && dtype != ML_F64))
		return bad_graph(&r, "not of F32 or F64");
	ML_TRY(ml_graph_open(ctx, (ml_dtype) dtype, result));
	r.graph = *result;
	ml_builder_start(ctx, r.graph, &r.b);
	return read_graph(&r, arena, root);
}

/* What shape rules and builder say of a stored graph is a fault of what is stored. */
static ml_status
blame(ml_context *ctx, ml_status status)
{
	char		text[ML_TEXT_MAX];

	if (status != ML_BAD_OPTION && status != ML_UNSUPPORTED && status != ML_INTERNAL && status != ML_BAD_INPUT)
		return status;
	memcpy(text, ctx->error.text, sizeof(text));
	return ml_fail(ctx, ML_BAD_MODEL, "the stored graph: %s", text);
}

ml_status
ml_graph_read(ml_context *ctx, ml_text json, ml_graph **result)
{
	ml_arena	arena = {0};
	ml_status	status;

	*result = NULL;
	status = blame(ctx, read_root(ctx, &arena, json, result));
	ml_arena_free(ctx, &arena);
	if (status != ML_OK)
	{
		ml_graph_close(ctx, *result);
		*result = NULL;
	}
	return status;
}
