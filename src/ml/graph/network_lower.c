/*-------------------------------------------------------------------------
 *
 * network_lower.c
 *	  From the layers of a specification to ops.
 *
 * Feeds are inputs of the graph: "feed.name", and of packed ones "offsets.name" with
 * symbol "words.name".  The output is called "output".
 *
 *-------------------------------------------------------------------------
 */
#include "graph/network_internal.h"

/* Flows by name: those of the feeds, then those of the layers lowered so far. */
typedef struct flows
{
	ml_flow		feeds[ML_FEEDS_MAX];
	bool		used[ML_FEEDS_MAX];
	ml_flow    *layers;
	int			nlayers;
} flows;

/* ---------- feeds ---------- */

static ml_text
joined(const char *prefix, ml_text name, char *text, size_t size)
{
	size_t		used = ml_print(text, size, "%s%.*s", prefix, (int) ML_MIN(name.size, (size_t) 100), name.data);

	return (ml_text) {text, used};
}

/* How many words the rows of a feed have together. */
static ml_status
words_of(ml_context *ctx, ml_graph *graph, const ml_feed *feed, ml_dim rows, ml_dim *words)
{
	char		text[128];

	if (feed->length > 0)
		return ml_symbols_derive(ctx, &graph->symbols, ML_SYMBOL_TIMES, rows, feed->length, 0, 0, 0, words);
	return ml_graph_symbol(ctx, graph, joined("words.", feed->name, text, sizeof(text)), words);
}

static ml_status
lower_feed(ml_lowering *w, const ml_feed *feed, ml_feed_values *values, ml_flow *flow)
{
	ml_dtype	dtype = w->task->dtype;
	ml_graph   *graph = w->network->graph;
	ml_shape	shape = {.dtype = dtype, .ndims = 2, .dims = {w->network->rows, feed->size}};
	ml_dim		ends;
	char		text[128];

	*values = (ml_feed_values) {.offsets = ML_NO_VALUE};
	*flow = (ml_flow) {.offsets = ML_NO_VALUE, .first = w->network->rows, .ndims = 1, .dims = {feed->size}};
	if (feed->kind == ML_FEED_IMAGE)
	{
		shape.ndims = 4;
		flow->ndims = 3;
		shape.dims[1] = flow->dims[0] = feed->height;
		shape.dims[2] = flow->dims[1] = feed->width;
		shape.dims[3] = flow->dims[2] = feed->channels;
	}
	else if (feed->kind != ML_FEED_NUMBERS)
	{
		ML_TRY(words_of(w->ctx, graph, feed, w->network->rows, &values->words));
		ML_TRY(ml_symbols_derive(w->ctx, &graph->symbols, ML_SYMBOL_PLUS, w->network->rows, 1, 0, 0, 0, &ends));
		values->offsets = ml_builder_input(&w->b, joined("offsets.", feed->name, text, sizeof(text)),
										   &(ml_shape) {.dtype = ML_I32, .ndims = 1, .dims = {ends}});
		flow->offsets = values->offsets;
		flow->first = shape.dims[0] = values->words;
		flow->length = feed->length;
		flow->longest = ML_MAX(feed->length, feed->longest);
		flow->series = feed->kind == ML_FEED_SERIES;
	}
	if (feed->kind == ML_FEED_TOKENS)
	{
		shape.dtype = ML_I32;
		shape.ndims = 1;
		flow->ids = true;
		flow->vocabulary = feed->size;
		flow->ndims = 0;
	}
	values->data = ml_builder_input(&w->b, joined("feed.", feed->name, text, sizeof(text)), &shape);
	flow->value = values->data;
	return w->b.e.status;
}

static ml_status
lower_feeds(ml_lowering *w, flows *f)
{
	w->network->nfeeds = w->task->nfeeds;
	ML_TRY(ml_graph_symbol(w->ctx, w->network->graph, ML_TEXT("rows"), &w->network->rows));
	for (int i = 0; i < w->task->nfeeds; i++)
		ML_TRY(lower_feed(w, &w->task->feeds[i], &w->network->feeds[i], &f->feeds[i]));
	return ML_OK;
}

/* ---------- what flows into a layer ---------- */

static ml_status
find_flow(ml_lowering *w, const ml_spec *spec, flows *f, ml_text name, ml_flow *flow)
{
	ml_list_text list = {0};

	for (int i = f->nlayers - 1; i >= 0; i--)
		if (ml_text_equal(spec->layers[i].name, name))
		{
			*flow = f->layers[i];
			return ML_OK;
		}
	for (int i = 0; i < w->task->nfeeds; i++)
		if (ml_text_equal(w->task->feeds[i].name, name))
		{
			f->used[i] = true;
			*flow = f->feeds[i];
			return ML_OK;
		}
	for (int i = 0; i < w->task->nfeeds; i++)
		ml_list_text_add(&list, w->task->feeds[i].name);
	for (int i = 0; i < f->nlayers; i++)
		ml_list_text_add(&list, spec->layers[i].name);
	ml_layer_fail(w, NULL, "names the input \"%.*s\", which is neither a feed nor a layer before it",
				  (int) ML_MIN(name.size, (size_t) 64), name.data);
	ml_detail(w->ctx, "There are %s.", list.text);
	for (int i = 0; i < w->task->nfeeds; i++)
		if (w->task->feeds[i].kind == ML_FEED_NUMBERS)
			return ml_hint(w->ctx, "All columns of numbers and categories are one input, \"%.*s\".",
						   (int) ML_MIN(w->task->feeds[i].name.size, (size_t) 64), w->task->feeds[i].name.data);
	return ML_BAD_OPTION;
}

/* The first layer of a chain takes the only feed. */
static ml_status
first_flow(ml_lowering *w, flows *f, ml_flow *flow)
{
	ml_list_text list = {0};

	if (w->task->nfeeds == 1)
	{
		f->used[0] = true;
		*flow = f->feeds[0];
		return ML_OK;
	}
	for (int i = 0; i < w->task->nfeeds; i++)
		ml_list_text_add(&list, w->task->feeds[i].name);
	ml_layer_fail(w, NULL, "does not say which of %d inputs it takes: \"inputs\" is missing", w->task->nfeeds);
	ml_detail(w->ctx, "There are %s.", list.text);
	return ml_hint(w->ctx, "Give layers a \"name\" and \"inputs\", as aiaas.dense(32, inputs => '{%.*s}', name => 'a'), "
						   "and join them by aiaas.concatenate('a', 'b').",
				   (int) ML_MIN(w->task->feeds[0].name.size, (size_t) 40), w->task->feeds[0].name.data);
}

static ml_status
gather_inputs(ml_lowering *w, const ml_spec *spec, flows *f, ml_flow *in, int *nin)
{
	const ml_layer *layer = w->layer;

	*nin = ML_MAX(layer->ninputs, 1);
	if (layer->ninputs == 0)
	{
		if (f->nlayers == 0)
			ML_TRY(first_flow(w, f, in));
		else
			*in = f->layers[f->nlayers - 1];
	}
	for (int i = 0; i < layer->ninputs; i++)
		ML_TRY(find_flow(w, spec, f, layer->inputs[i], &in[i]));
	if (layer->type->ninputs == 1 && *nin > 1)
		return ml_layer_fail(w, NULL, "takes one input, and \"inputs\" names %d", *nin);
	if (layer->type->ninputs == 2 && *nin < 2)
	{
		ml_layer_fail(w, NULL, "takes two inputs or more");
		return ml_hint(w->ctx, "Name them: \"inputs\": [\"a\", \"b\"].");
	}
	return ML_OK;
}

/* ---------- the last layer ---------- */

static int64_t
activation_of(const ml_layer *layer)
{
	for (int i = 0; layer->type->settings[i].name != NULL; i++)
		if (strcmp(layer->type->settings[i].name, "activation") == 0 &&
			layer->type->settings[i].choices == ml_layer_activations)
			return layer->values[i].integer;
	return ML_LINEAR;
}

static int64_t
last_activation(const ml_spec *spec)
{
	return activation_of(&spec->layers[spec->nlayers - 1]);
}

/* Losses of labels look for sigmoid or softmax in the last layer: behind others it would be taken for scores. */
static ml_status
check_tail(ml_lowering *w, const ml_spec *spec)
{
	int			i = spec->nlayers - 1;

	while (i > 0 && spec->layers[i].ninputs == 0 &&
		   (strcmp(spec->layers[i].type->name, "dropout") == 0 || strcmp(spec->layers[i].type->name, "flatten") == 0 ||
			strcmp(spec->layers[i].type->name, "reshape") == 0))
		i--;
	if (i == spec->nlayers - 1 || !w->task->classification ||
		(activation_of(&spec->layers[i]) != ML_SIGMOID && activation_of(&spec->layers[i]) != ML_LAYER_SOFTMAX))
		return ML_OK;
	w->layer = &spec->layers[i];
	ml_layer_fail(w, NULL, "ends in %s, and other layers follow it", ml_layer_activations[activation_of(w->layer)]);
	return ml_hint(w->ctx, "Leave them out, or put aiaas.activation('%s') behind them instead.",
				   ml_layer_activations[activation_of(w->layer)]);
}

/* The outputs that the last layer says it has; 0: it doesn't. */
static int64_t
last_units(const ml_spec *spec)
{
	const ml_layer *last = &spec->layers[spec->nlayers - 1];

	return strcmp(last->type->name, "dense") == 0 && !last->values[0].none ? last->values[0].integer : 0;
}

/* Is what flows out what the task asks for? */
static ml_status
check_last(ml_lowering *w, const ml_flow *out)
{
	const ml_network_task *task = w->task;
	char		shape[128];

	ml_flow_print(out, shape, sizeof(shape));
	if (ml_flow_packed(out) || out->ndims != 1)
	{
		bool		image = !ml_flow_packed(out) && out->ndims == 3;

		ml_fail(w->ctx, ML_BAD_OPTION, "%s is the last one, and its output %s has a wrong rank: a prediction is [rows, %lld]",
				w->layer->where, shape, (long long) w->outputs);
		return ml_hint(w->ctx, image ? "Put aiaas.flatten() before the first dense layer." :
					   "Put aiaas.global_average_pooling() before it, or leave out \"return_sequences\" of the recurrent layer.");
	}
	if (out->dims[0] == w->outputs || (task->classification && task->nlabels == 2 && out->dims[0] <= 2))
		return ML_OK;
	if (!task->classification)
		return ml_fail(w->ctx, ML_BAD_OPTION, "%s is the last one and has %lld outputs, and a number is predicted: it takes 1",
					   w->layer->where, (long long) out->dims[0]);
	ml_fail(w->ctx, ML_BAD_OPTION, "%s is the last one and has %lld outputs, and there are %u labels", w->layer->where,
			(long long) out->dims[0], task->nlabels);
	return ml_hint(w->ctx, "NULL takes the size from the labels: aiaas.dense(NULL, 'softmax').");
}

static void
set_output(ml_lowering *w, const ml_spec *spec, const ml_flow *out)
{
	ml_network *network = w->network;
	int64_t		activation = last_activation(spec);

	network->output = out->value;
	network->outputs = (int32_t) out->dims[0];
	network->output_kind = !w->task->classification ? ML_OUTPUT_NUMBERS :
		!w->bare && (activation == ML_SIGMOID || activation == ML_LAYER_SOFTMAX) ? ML_OUTPUT_PROBABILITIES :
		ML_OUTPUT_LOGITS;
	ml_builder_output(&w->b, ML_TEXT("output"), network->output);
}

/* ---------- layers ---------- */

/* Elements of the parameters from value first on. */
static int64_t
count_parameters(const ml_graph *graph, int32_t first)
{
	int64_t		n = 0;

	for (int32_t i = first; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];
		int64_t		elements = 1;

		if (value->kind != ML_VALUE_PARAMETER || value->storage != i)
			continue;
		for (int d = 0; d < value->shape.ndims; d++)
			elements *= value->shape.dims[d];
		n += elements;
	}
	return n;
}

int64_t
ml_network_parameters(const ml_network *network)
{
	return count_parameters(network->graph, 0);
}

/* Is layer i, by name, an input of any but the next one? */
static bool
read_elsewhere(const ml_spec *spec, int i)
{
	for (int k = i + 1; k < spec->nlayers; k++)
		for (int n = 0; n < spec->layers[k].ninputs; n++)
			if (ml_text_equal(spec->layers[k].inputs[n], spec->layers[i].name))
				return true;
	return false;
}

/* Does the next layer, and no other, take what layer i gives, and is it of that type? */
static bool
feeds_only(const ml_spec *spec, int i, const char *type, const char *or_type)
{
	const ml_layer *next = i + 1 < spec->nlayers ? &spec->layers[i + 1] : NULL;

	return next != NULL && next->ninputs == 0 && !read_elsewhere(spec, i) &&
		(strcmp(next->type->name, type) == 0 || strcmp(next->type->name, or_type) == 0);
}

/* Does nothing behind layer i change how many outputs there are? */
static bool
is_last(const ml_spec *spec, int i)
{
	while (i + 1 < spec->nlayers && feeds_only(spec, i, "activation", "dropout"))
		i++;
	return i + 1 == spec->nlayers;
}

/* Everything that is read for the network must go into it. */
static ml_status
check_feeds(ml_lowering *w, const flows *f)
{
	for (int i = 0; i < w->task->nfeeds; i++)
		if (!f->used[i])
		{
			ml_fail(w->ctx, ML_BAD_OPTION, "no layer takes the input \"%.*s\"",
					(int) ML_MIN(w->task->feeds[i].name.size, (size_t) 64), w->task->feeds[i].name.data);
			return ml_hint(w->ctx, "Name it in the \"inputs\" of a layer, or leave its columns out of the features.");
		}
	return ML_OK;
}

static ml_status
lower_layers(ml_lowering *w, ml_spec *spec, flows *f, ml_spec_look look, void *arg)
{
	ml_flow		in[ML_LAYER_INPUTS_MAX];
	int			nin;

	for (int i = 0; i < spec->nlayers; i++)
	{
		int32_t		before = w->network->graph->nvalues;

		w->layer = &spec->layers[i];
		w->bare = i == spec->nlayers - 1 && ml_loss_absorbs(spec, last_activation(spec));
		w->last = is_last(spec, i);
		ml_builder_layer(&w->b, w->layer->name);
		ML_TRY(gather_inputs(w, spec, f, in, &nin));
		ML_TRY(w->layer->type->lower(w, in, nin, &f->layers[i]));
		ML_TRY(w->b.e.status);
		f->nlayers = i + 1;
		if (look != NULL)
			ML_TRY(look(w->ctx, arg, w->layer, in, &f->layers[i], count_parameters(w->network->graph, before)));
	}
	return ML_OK;
}

static ml_status
lower(ml_lowering *w, ml_spec *spec, ml_spec_look look, void *arg)
{
	flows		f = {0};
	ml_flow    *out;

	ML_TRY(ml_graph_open(w->ctx, w->task->dtype, &w->network->graph));
	ml_builder_start(w->ctx, w->network->graph, &w->b);
	ML_TRY(ml_arena_alloc_zero(w->ctx, &spec->arena, (size_t) spec->nlayers * sizeof(ml_flow), (void **) &f.layers));
	ML_TRY(lower_feeds(w, &f));
	w->outputs = ml_loss_outputs(spec, w->task, last_activation(spec));
	ML_TRY(ml_loss_settle(w->ctx, spec, w->task, last_units(spec) > 0 ? last_units(spec) : w->outputs));
	ML_TRY(lower_layers(w, spec, &f, look, arg));
	out = &f.layers[spec->nlayers - 1];
	ML_TRY(check_feeds(w, &f));
	ML_TRY(check_last(w, out));
	ML_TRY(check_tail(w, spec));
	ML_TRY(ml_loss_check(w, spec, last_activation(spec), out->dims[0]));
	set_output(w, spec, out);
	if (w->task->training || w->task->with_loss)
		ML_TRY(ml_loss_lower(w, spec, out));
	ML_TRY(w->b.e.status);
	return w->task->training ? ml_graph_backward(&w->b, w->network->loss) : ML_OK;
}

ml_status
ml_spec_lower(ml_context *ctx, ml_spec *spec, const ml_network_task *task, ml_network *network,
			  ml_spec_look look, void *arg)
{
	ml_lowering w = {.ctx = ctx, .task = task, .network = network};

	network->targets = network->weights = network->scale = network->loss = ML_NO_VALUE;
	return lower(&w, spec, look, arg);
}

/* ---------- binding a graph that was read ---------- */

static ml_status
bad_input(ml_context *ctx, ml_text name)
{
	return ml_fail(ctx, ML_BAD_MODEL, "the graph's input \"%.*s\" is missing or has another shape",
				   (int) ML_MIN(name.size, (size_t) 64), name.data);
}

static bool
has_shape(const ml_graph *graph, int32_t value, ml_dtype dtype, int ndims, const ml_dim *dims)
{
	const ml_shape *shape = &graph->values[value].shape;

	if (shape->dtype != dtype || shape->ndims != ndims)
		return false;
	for (int i = 0; i < ndims; i++)
		if (shape->dims[i] != dims[i])
			return false;
	return true;
}

static bool
find_symbol(const ml_graph *graph, ml_text name, ml_dim *dim)
{
	for (int32_t i = 0; i < graph->symbols.n; i++)
		if (graph->symbols.symbols[i].rule == ML_SYMBOL_FREE &&
			ml_text_equal(ml_graph_text(graph, graph->symbols.symbols[i].name), name))
		{
			*dim = ML_SYMBOL(i);
			return true;
		}
	return false;
}

static ml_status
attach_feed(ml_context *ctx, ml_graph *graph, const ml_feed *feed, const ml_network *network,
			ml_feed_values *values)
{
	ml_dim		dims[4] = {network->rows, feed->size};
	ml_dim		ends;
	char		text[128];
	bool		sound;

	*values = (ml_feed_values) {.offsets = ML_NO_VALUE};
	values->data = ml_graph_find(graph, ML_VALUE_INPUT, joined("feed.", feed->name, text, sizeof(text)));
	if (values->data == ML_NO_VALUE)
		return bad_input(ctx, feed->name);
	if (feed->kind == ML_FEED_NUMBERS)
		sound = has_shape(graph, values->data, ML_F32, 2, dims);
	else if (feed->kind == ML_FEED_IMAGE)
		sound = has_shape(graph, values->data, ML_F32, 4,
						  (ml_dim[]) {network->rows, feed->height, feed->width, feed->channels});
	else
	{
		values->offsets = ml_graph_find(graph, ML_VALUE_INPUT, joined("offsets.", feed->name, text, sizeof(text)));
		ML_TRY(ml_symbols_derive(ctx, &graph->symbols, ML_SYMBOL_PLUS, network->rows, 1, 0, 0, 0, &ends));
		sound = values->offsets != ML_NO_VALUE && has_shape(graph, values->offsets, ML_I32, 1, &ends) &&
			(feed->length > 0 || find_symbol(graph, joined("words.", feed->name, text, sizeof(text)), &values->words));
		if (sound && feed->length > 0)
			ML_TRY(words_of(ctx, graph, feed, network->rows, &values->words));
		dims[0] = values->words;
		sound = sound && (feed->kind == ML_FEED_TOKENS ? has_shape(graph, values->data, ML_I32, 1, dims) :
						  has_shape(graph, values->data, ML_F32, 2, dims));
	}
	return sound ? ML_OK : bad_input(ctx, feed->name);
}

/* Nothing but what was found is an input, and no run changes what others see. */
static ml_status
check_rest(ml_context *ctx, const ml_graph *graph, const ml_network *network)
{
	int			inputs = 0;
	int			expected = 0;
	int			unbound = 0;

	for (int32_t i = 0; i < graph->nvalues; i++)
		inputs += graph->values[i].kind == ML_VALUE_INPUT;
	for (int i = 0; i < network->nfeeds; i++)
		expected += 1 + (network->feeds[i].offsets != ML_NO_VALUE);
	if (inputs != expected)
		return ml_fail(ctx, ML_BAD_MODEL, "the graph has %d inputs instead of %d", inputs, expected);
	for (int32_t i = 0; i < graph->nnodes; i++)
		if ((ml_ops[graph->nodes[i].op]->flags & (ML_OP_STATE | ML_OP_DRAWS)) != 0)
			return ml_fail(ctx, ML_BAD_MODEL, "the graph writes into a state or draws random numbers");
	/* a size that nobody binds */
	for (int32_t i = 0; i < graph->symbols.n; i++)
		unbound += graph->symbols.symbols[i].rule == ML_SYMBOL_FREE;
	for (int i = 0; i < network->nfeeds; i++)
		unbound -= network->feeds[i].words < 0 &&
			graph->symbols.symbols[ML_SYMBOL_OF(network->feeds[i].words)].rule == ML_SYMBOL_FREE &&
			network->feeds[i].words != network->rows;
	if (unbound != 1)
		return ml_fail(ctx, ML_BAD_MODEL, "the graph has sizes that are none of its inputs'");
	return ML_OK;
}

ml_status
ml_network_attach(ml_context *ctx, ml_graph *graph, int nfeeds, const ml_feed *feeds, ml_network *network)
{
	const ml_shape *shape;

	network->graph = graph;
	network->nfeeds = nfeeds;
	network->targets = network->weights = network->scale = network->loss = ML_NO_VALUE;
	if (graph->dtype != ML_F32 || !find_symbol(graph, ML_TEXT("rows"), &network->rows))
		return ml_fail(ctx, ML_BAD_MODEL, "the graph is not of F32, or has no symbol \"rows\"");
	for (int i = 0; i < nfeeds; i++)
		ML_TRY(attach_feed(ctx, graph, &feeds[i], network, &network->feeds[i]));
	ML_TRY(check_rest(ctx, graph, network));
	network->output = ml_graph_find(graph, ML_VALUE_OUTPUT, ML_TEXT("output"));
	if (network->output == ML_NO_VALUE)
		return ml_fail(ctx, ML_BAD_MODEL, "the graph has no output");
	shape = &graph->values[network->output].shape;
	if (shape->dtype != ML_F32 || shape->ndims != 2 || shape->dims[0] != network->rows || shape->dims[1] < 1 ||
		shape->dims[1] > INT32_MAX)
		return ml_fail(ctx, ML_BAD_MODEL, "the graph's output is no matrix [rows, outputs]");
	network->outputs = (int32_t) shape->dims[1];
	return ML_OK;
}
