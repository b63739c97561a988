/*-------------------------------------------------------------------------
 *
 * network.c
 *	  Specifications: read, lowered to a graph, written with every default.
 *
 * Sizes that a specification leaves open (units of the last layer, rows of an
 * embedding) are filled in while it is lowered, so writing follows lowering.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/network_internal.h"

#include <stdarg.h>

/* ---------- messages ---------- */

size_t
ml_flow_print(const ml_flow *flow, char *text, size_t size)
{
	size_t		used = ml_print(text, size, "[rows");

	if (ml_flow_packed(flow) && flow->length > 0)
		used += ml_print(text + used, size - used, ", %lld", (long long) flow->length);
	else if (ml_flow_packed(flow))
		used += ml_print(text + used, size - used, ", %s", ml_flow_words(flow));

	for (int i = 0; i < flow->ndims && used + 24 < size; i++)
		used += ml_print(text + used, size - used, ", %lld", (long long) flow->dims[i]);
	return used + ml_print(text + used, size - used, "]");
}

ml_status
ml_layer_fail(ml_lowering *w, const ml_flow *in, const char *format,...)
{
	char		what[300];
	char		shape[128];
	va_list		args;

	va_start(args, format);
	ml_vprint(what, sizeof(what), format, args);
	va_end(args);
	ml_fail(w->ctx, ML_BAD_OPTION, "%s %s", w->layer->where, what);
	if (in != NULL)
	{
		ml_flow_print(in, shape, sizeof(shape));
		ml_detail(w->ctx, "Its input is %s.", shape);
	}
	return ML_BAD_OPTION;
}

ml_status
ml_layer_status(ml_lowering *w, const ml_flow *in)
{
	ml_error	cause = w->ctx->error;

	if (w->b.e.status != ML_BAD_OPTION)
		return w->b.e.status;
	return ml_layer_fail(w, in, "does not fit: %s", cause.text);
}

/* ---------- reading ---------- */

static ml_status
bad_spec(ml_context *ctx, const char *where, const char *what)
{
	ml_fail(ctx, ML_BAD_OPTION, "%s %s", where, what);
	return ml_hint(ctx, "Layers are an array of objects with \"type\", as aiaas.sequential(aiaas.dense(10)) makes it.");
}

static int
type_count(void)
{
	int			n = 0;

	while (ml_layer_types[n].name != NULL)
		n++;
	return n;
}

static ml_status
find_type(ml_context *ctx, const char *where, const ml_json *node, const ml_layer_type **type)
{
	const ml_json *name = ml_json_get(node, "type");
	const char *names[64];
	int			n = type_count();
	int			found;

	if (name == NULL || name->kind != ML_JSON_STRING)
		return bad_spec(ctx, where, "has no \"type\"");
	for (int i = 0; i < n; i++)
		names[i] = ml_layer_types[i].name;
	names[n] = NULL;
	ML_TRY(ml_setting_choose(ctx, where, "type of layer", names, name->string, &found));
	*type = &ml_layer_types[found];
	return ML_OK;
}

/* "inputs": ["a", "b"] or "a" */
static ml_status
read_inputs(ml_context *ctx, const ml_json *node, ml_layer *layer)
{
	const ml_json *child = node;

	if (node == NULL || node->kind == ML_JSON_NULL)
		return ML_OK;
	if (node->kind == ML_JSON_ARRAY)
		child = node->first;
	for (; child != NULL; child = node->kind == ML_JSON_ARRAY ? child->next : NULL)
	{
		if (child->kind != ML_JSON_STRING || layer->ninputs == ML_LAYER_INPUTS_MAX)
			return ml_fail(ctx, ML_BAD_OPTION, "%s: \"inputs\" takes names of layers or of columns, %d at most",
						   layer->where, ML_LAYER_INPUTS_MAX);
		layer->inputs[layer->ninputs++] = child->string;
	}
	return ML_OK;
}

/* Is it the name of one of the i layers before, or of a feed? */
static bool
is_taken(const ml_spec *spec, int i, ml_text name)
{
	for (int k = 0; k < i; k++)
		if (ml_text_equal(spec->layers[k].name, name))
			return true;
	for (int k = 0; spec->task != NULL && k < spec->task->nfeeds; k++)
		if (ml_text_equal(spec->task->feeds[k].name, name))
			return true;
	return false;
}

/* A part of the names of parameters, which are names of tensors of a stored file. */
static bool
is_name(const ml_json *node)
{
	if (node->kind != ML_JSON_STRING || node->string.size == 0 || node->string.size > 63)
		return false;
	for (size_t k = 0; k < node->string.size; k++)
		if (node->string.data[k] == '.' || (unsigned char) node->string.data[k] < ' ')
			return false;
	return node->string.size < 2 || memcmp(node->string.data, "__", 2) != 0;
}

/* "dense_2", the second of its type, unless the user says. */
static ml_status
name_layer(ml_context *ctx, ml_spec *spec, const ml_json *node, int i)
{
	ml_layer   *layer = &spec->layers[i];
	const ml_json *name = ml_json_get(node, "name");
	int			nth = 1;
	char		text[64];

	if (name != NULL && name->kind != ML_JSON_NULL)
	{
		if (!is_name(name))
			return ml_fail(ctx, ML_BAD_OPTION, "%s: \"name\" takes a text of 1 to 63 bytes without a point, not beginning with \"__\"",
						   layer->where);
		layer->name = name->string;
		if (!is_taken(spec, i, layer->name))
			return ML_OK;
		ml_fail(ctx, ML_BAD_OPTION, "%s: the name \"%.*s\" is taken", layer->where, (int) layer->name.size, layer->name.data);
		return ml_hint(ctx, "No two layers have the same name, and none that of a column of text or images, or \"numbers\" beside numbers.");
	}
	for (int k = 0; k < i; k++)
		nth += spec->layers[k].type == layer->type;
	do
		ml_print(text, sizeof(text), "%s_%d", layer->type->name, nth++);
	while (is_taken(spec, i, (ml_text) {text, strlen(text)}));
	return ml_arena_copy(ctx, &spec->arena, (ml_text) {text, strlen(text)}, &layer->name);
}

static ml_status
read_layer(ml_context *ctx, ml_spec *spec, const ml_json *node, int i)
{
	static const char *const others[] = {"type", "name", "inputs", NULL};
	ml_layer   *layer = &spec->layers[i];

	ml_print(layer->where, sizeof(layer->where), "layer %d", i + 1);
	if (node->kind != ML_JSON_OBJECT)
		return bad_spec(ctx, layer->where, "is no object");
	ML_TRY(find_type(ctx, layer->where, node, &layer->type));
	ml_print(layer->where, sizeof(layer->where), "layer %d (%s)", i + 1, layer->type->name);
	ML_TRY(ml_settings_read(ctx, layer->where, node, layer->type->settings, others, layer->values));
	ML_TRY(read_inputs(ctx, ml_json_get(node, "inputs"), layer));
	return name_layer(ctx, spec, node, i);
}

static ml_status
read_layers(ml_context *ctx, ml_spec *spec, const ml_json *node)
{
	int			i = 0;

	if (node->kind != ML_JSON_ARRAY || node->count == 0)
		return bad_spec(ctx, "option \"layers\"", "is no array of layers");
	if (node->count > ML_LAYERS_MAX)
		return ml_fail(ctx, ML_BAD_OPTION, "there are more than %d layers", ML_LAYERS_MAX);
	ML_TRY(ml_arena_alloc_zero(ctx, &spec->arena, node->count * sizeof(ml_layer), (void **) &spec->layers));
	spec->nlayers = (int) node->count;
	for (const ml_json *child = node->first; child != NULL; child = child->next)
		ML_TRY(read_layer(ctx, spec, child, i++));
	return ML_OK;
}

/* What the last dense layer of a preset has, for the loss that was given. */
static const char *
last_of_preset(const ml_spec *spec, const ml_network_task *task)
{
	bool		two = task->nlabels == 2;

	if (!task->classification)
		return "\"units\": 1";
	if (spec->has_loss && spec->loss == ML_NETWORK_HINGE)
		return two ? "\"units\": 1" : "";
	if (two && !(spec->has_loss && spec->loss == ML_NETWORK_CATEGORICAL_CROSSENTROPY))
		return "\"units\": 1, \"activation\": \"sigmoid\"";
	return "\"activation\": \"softmax\"";
}

/* The layers of a preset, as if the user had written them. */
static ml_status
read_preset(ml_context *ctx, ml_spec *spec, const ml_json *name, const ml_network_task *task)
{
	const ml_json *root;
	ml_buffer	json = {0};
	ml_text		copy;
	ml_status	status;

	if (name != NULL && name->kind != ML_JSON_STRING)
		return ml_fail(ctx, ML_BAD_OPTION, "option \"network\" takes the name of a preset");
	status = ml_preset_layers(ctx, name == NULL ? (ml_text) {0} : name->string, task, last_of_preset(spec, task), &json);
	if (status == ML_OK)
		status = ml_arena_copy(ctx, &spec->arena, (ml_text) {json.data, json.size}, &copy);
	ml_buffer_free(ctx, &json);
	ML_TRY(status);
	ML_TRY(ml_json_parse(ctx, &spec->arena, copy, ML_INTERNAL, &root));
	return read_layers(ctx, spec, root);
}

static const ml_json *
given(const ml_json *root, const char *name)
{
	const ml_json *node = ml_json_get(root, name);

	return node == NULL || node->kind == ML_JSON_NULL ? NULL : node;
}

ml_status
ml_spec_read(ml_context *ctx, ml_text text, const ml_network_task *task, ml_spec *spec)
{
	const ml_json *root;
	const ml_json *layers;
	const ml_json *preset;

	memset(spec, 0, sizeof(*spec));
	spec->task = task;
	ML_TRY(ml_json_parse(ctx, &spec->arena, text, ML_BAD_OPTION, &root));
	layers = given(root, "layers");
	preset = given(root, "network");
	if (layers != NULL && preset != NULL)
	{
		ml_fail(ctx, ML_BAD_OPTION, "options \"layers\" and \"network\" say the same twice");
		return ml_hint(ctx, "Leave out one of them.");
	}
	ML_TRY(ml_loss_read(ctx, given(root, "loss"), spec));
	if (layers != NULL)
		return read_layers(ctx, spec, layers);
	/* a look before there are feeds has no use for a preset */
	return task == NULL ? ML_OK : read_preset(ctx, spec, preset, task);
}

void
ml_spec_close(ml_context *ctx, ml_spec *spec)
{
	ml_arena_free(ctx, &spec->arena);
}

/* The last layer is one of labels: probabilities that add up to 1. */
static bool
ends_in_labels(const ml_spec *spec)
{
	const ml_layer *last = spec->nlayers > 0 ? &spec->layers[spec->nlayers - 1] : NULL;
	const ml_setting *settings = last == NULL ? NULL : last->type->settings;

	for (int i = 0; settings != NULL && settings[i].name != NULL; i++)
	{
		if (strcmp(settings[i].name, "activation") == 0 && last->values[i].integer == ML_LAYER_SOFTMAX)
			return true;
	}
	return false;
}

static ml_status
look(const ml_spec *spec, ml_network_peek *peek)
{
	memset(peek, 0, sizeof(*peek));
	peek->has_task = spec->has_loss || ends_in_labels(spec);
	peek->classification = spec->has_loss ? spec->loss >= ML_NETWORK_HINGE : peek->has_task;
	for (int i = 0; i < spec->nlayers; i++)
	{
		const ml_layer *layer = &spec->layers[i];

		if (strcmp(layer->type->name, "embedding") == 0 && !layer->values[0].none &&
			(peek->input_dim == 0 || layer->values[0].integer < peek->input_dim))
			peek->input_dim = layer->values[0].integer;
	}
	return ML_OK;
}

ml_status
ml_network_look(ml_context *ctx, ml_text text, ml_network_peek *peek)
{
	ml_spec		spec;
	ml_status	status = ml_spec_read(ctx, text, NULL, &spec);

	if (status == ML_OK)
		status = look(&spec, peek);
	ml_spec_close(ctx, &spec);
	return status;
}

/* ---------- writing ---------- */

static ml_status
write_layer(ml_context *ctx, const ml_layer *layer, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "{\"type\": \"%s\", \"name\": ", layer->type->name));
	ML_TRY(ml_json_quote(ctx, json, layer->name));
	for (int i = 0; i < layer->ninputs; i++)
	{
		ML_TRY(ml_appendf(ctx, json, "%s", i == 0 ? ", \"inputs\": [" : ", "));
		ML_TRY(ml_json_quote(ctx, json, layer->inputs[i]));
	}
	if (layer->ninputs > 0)
		ML_TRY(ml_appendf(ctx, json, "]"));
	ML_TRY(ml_settings_write(ctx, layer->type->settings, layer->values, json));
	return ml_appendf(ctx, json, "}");
}

static ml_status
write_spec(ml_context *ctx, const ml_spec *spec, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "{\"layers\": ["));
	for (int i = 0; i < spec->nlayers; i++)
	{
		if (i > 0)
			ML_TRY(ml_appendf(ctx, json, ", "));
		ML_TRY(write_layer(ctx, &spec->layers[i], json));
	}
	ML_TRY(ml_appendf(ctx, json, "], \"loss\": "));
	ML_TRY(ml_loss_write(ctx, spec, json));
	return ml_appendf(ctx, json, "}");
}

ml_status
ml_network_normalize(ml_context *ctx, ml_text text, const ml_network_task *task, ml_buffer *written)
{
	ml_network_task plain = *task;
	ml_network	network;
	ml_spec		spec;
	ml_status	status = ml_spec_read(ctx, text, task, &spec);

	memset(&network, 0, sizeof(network));
	plain.training = false;
	plain.with_loss = true;
	if (status == ML_OK)
		status = ml_spec_lower(ctx, &spec, &plain, &network, NULL, NULL);
	if (status == ML_OK)
		status = write_spec(ctx, &spec, written);
	ml_network_close(ctx, &network);
	ml_spec_close(ctx, &spec);
	return status;
}

/* ---------- building ---------- */

ml_status
ml_network_build(ml_context *ctx, ml_text text, const ml_network_task *task, ml_network *network)
{
	ml_spec		spec;
	ml_status	status = ml_spec_read(ctx, text, task, &spec);

	memset(network, 0, sizeof(*network));
	if (status == ML_OK)
		status = ml_spec_lower(ctx, &spec, task, network, NULL, NULL);
	if (status == ML_OK)
		status = ml_graph_finish(ctx, network->graph);
	if (status != ML_OK)
		ml_network_close(ctx, network);
	ml_spec_close(ctx, &spec);
	return status;
}

void
ml_network_close(ml_context *ctx, ml_network *network)
{
	ml_graph_close(ctx, network->graph);
	ml_release(ctx, network->initials);
	memset(network, 0, sizeof(*network));
}

size_t
ml_network_least_slice(const ml_network *network)
{
	const ml_graph *graph = network->graph;

	for (int32_t k = 0; k < graph->nnodes; k++)
	{
		const ml_op *op = ml_ops[graph->nodes[k].op];

		if (op == &ml_op_rnn || op == &ml_op_gru || op == &ml_op_lstm)
			return 8;
	}
	return 4;
}

void
ml_network_bind_rows(const ml_network *network, int64_t n, const int32_t *const *offsets, ml_binding *binding)
{
	memset(binding, 0, sizeof(*binding));
	binding->numbers[ML_SYMBOL_OF(network->rows)] = n;
	for (int i = 0; i < network->nfeeds; i++)
	{
		int32_t		symbol = ML_SYMBOL_OF(network->feeds[i].words);

		/* where all texts have one length, the number of words follows from that of rows */
		if (network->feeds[i].words >= 0 || network->graph->symbols.symbols[symbol].rule != ML_SYMBOL_FREE)
			continue;
		binding->numbers[symbol] = offsets[i][n];
		binding->offsets[symbol] = offsets[i];
		binding->rows[symbol] = n;
	}
}

/* ---------- summaries ---------- */

typedef struct summary
{
	ml_arena   *arena;
	ml_layer_summary *rows;
	bool	   *by_words;		/* [n]: sequences of no certain length go in */
	size_t		n;
} summary;

static ml_status
summarize_layer(ml_context *ctx, void *arg, const ml_layer *layer, const ml_flow *in, const ml_flow *out,
				int64_t parameters)
{
	summary    *s = arg;
	ml_layer_summary *row = &s->rows[s->n++];
	ml_text		type = {layer->type->name, strlen(layer->type->name)};
	char		shape[128];

	ML_TRY(ml_arena_copy(ctx, s->arena, layer->name, &row->layer));
	ML_TRY(ml_arena_copy(ctx, s->arena, type, &row->type));
	ml_flow_print(out, shape, sizeof(shape));
	ML_TRY(ml_arena_copy(ctx, s->arena, (ml_text) {shape, strlen(shape)}, &row->shape));
	row->parameters = parameters;
	s->by_words[row - s->rows] = ml_flow_packed(in) && in->length == 0;
	return ML_OK;
}

/* What a summary counts the operations of: one row, of so many words in each feed of no certain length. */
#define SUMMARY_WORDS	1024

/* Floating-point operations of each layer for one row; of layers over words of no certain number, for one word. */
static ml_status
count_flops(ml_context *ctx, const ml_network *network, summary *s)
{
	const ml_graph *graph = network->graph;
	static const int32_t offsets[2] = {0, SUMMARY_WORDS};
	const int32_t *ends[ML_FEEDS_MAX];
	ml_binding	binding;
	void	   *memory;
	ml_plan		plan;
	ml_status	status;

	for (int i = 0; i < network->nfeeds; i++)
		ends[i] = offsets;
	ml_network_bind_rows(network, 1, ends, &binding);
	ML_TRY(ml_graph_bind(ctx, graph, &binding));
	ML_TRY(ml_alloc(ctx, ml_size_add(ml_plan_size(graph), ML_ALIGN), &memory));
	status = ml_graph_plan(ctx, graph, &binding, false,
						   (void *) (((uintptr_t) memory + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1)), &plan);
	for (int32_t i = 0; status == ML_OK && i < graph->nnodes; i++)
	{
		int32_t		layer = graph->nodes[i].layer;

		if (layer >= 0 && (size_t) layer < s->n)
			s->rows[layer].flops += ml_plan_flops(graph, &plan, i) / (s->by_words[layer] ? SUMMARY_WORDS : 1);
	}
	ml_release(ctx, memory);
	return status;
}

static ml_status
summarize(ml_context *ctx, ml_spec *spec, const ml_network_task *task, summary *s)
{
	ml_network_task plain = *task;
	ml_network	network;
	ml_status	status;

	memset(&network, 0, sizeof(network));
	plain.training = plain.with_loss = false;
	ML_TRY(ml_arena_alloc_zero(ctx, s->arena, (size_t) spec->nlayers * sizeof(ml_layer_summary), (void **) &s->rows));
	ML_TRY(ml_arena_alloc_zero(ctx, s->arena, (size_t) spec->nlayers * sizeof(bool), (void **) &s->by_words));
	status = ml_spec_lower(ctx, spec, &plain, &network, summarize_layer, s);
	if (status == ML_OK)
		status = ml_graph_finish(ctx, network.graph);
	if (status == ML_OK)
		status = count_flops(ctx, &network, s);
	ml_network_close(ctx, &network);
	return status;
}

ml_status
ml_network_summarize(ml_context *ctx, ml_arena *arena, ml_text text, const ml_network_task *task,
					 const ml_layer_summary **rows, size_t *n)
{
	summary		s = {.arena = arena};
	ml_spec		spec;
	ml_status	status = ml_spec_read(ctx, text, task, &spec);

	if (status == ML_OK)
		status = summarize(ctx, &spec, task, &s);
	ml_spec_close(ctx, &spec);
	*rows = s.rows;
	*n = s.n;
	return status;
}
