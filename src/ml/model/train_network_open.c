/*-------------------------------------------------------------------------
 *
 * train_network_open.c
 *	  The networks of a training, and their memory.
 *
 * Everything that training will take is counted before the first step: weights,
 * gradients, moments, the best epoch's weights, activations, the batch, and the
 * least that rows need.  What is left over keeps rows in memory.
 *
 * A batch is run in slices where that keeps activations in cache; gradients
 * of slices are added up, which is the same step.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#define SLICE_BYTES		((size_t) 4 << 20)	/* activations of a slice: what a core's caches hold */
#define JUDGE_ROWS		8		/* of a slice without gradients: fewer would leave kernels half empty */
#define WHOLE_ROWS		256		/* full batches are put together so many rows at a time */
#define LARGEST			3		/* layers that a message names */
#define PAGE			4096

/* ---------- the specification ---------- */

ml_status
ml_network_vocabulary(ml_context *ctx, ml_network_trainer *net, uint32_t *most)
{
	ml_network_peek peek;

	net->spec.size = 0;
	ML_TRY(ml_options_write_spec(ctx, net->options, &net->spec));
	ML_TRY(ml_network_look(ctx, (ml_text) {net->spec.data, net->spec.size}, &peek));
	if (net->options->vocabulary == 0 && peek.input_dim > 0)
		*most = (uint32_t) ML_MAX(ML_MIN(peek.input_dim, (int64_t) ML_TOKENS_MAX), (int64_t) ML_TOKEN_FIRST + 1);
	return ML_OK;
}

static ml_network_task
task_of(const ml_network_trainer *net, bool training, bool with_loss)
{
	return (ml_network_task)
	{
		.classification = net->nclasses > 0,
		.nlabels = net->nclasses,
		.nfeeds = net->feeds.nfeeds,
		.feeds = net->feeds.feeds,
		.dtype = ML_F32,
		.training = training,
		.bf16 = net->options->precision == ML_PRECISION_BF16,
		.with_loss = with_loss
	};
}

static ml_status
build(ml_context *ctx, ml_network_trainer *net)
{
	ml_network_task training = task_of(net, true, true);
	ml_network_task validation = task_of(net, false, true);
	ml_network_task inference = task_of(net, false, false);
	ml_buffer	written = {0};
	ml_text		spec;
	ml_status	status;

	for (int i = 0; i < net->feeds.nfeeds; i++)
		net->feeds.feeds[i].longest = ml_network_longest(net, i);
	status = ml_network_normalize(ctx, (ml_text) {net->spec.data, net->spec.size}, &training, &written);
	ml_buffer_free(ctx, &net->spec);
	net->spec = written;
	ML_TRY(status);
	spec = (ml_text) {net->spec.data, net->spec.size};
	ML_TRY(ml_network_build(ctx, spec, &training, &net->network));
	ML_TRY(ml_network_build(ctx, spec, &validation, &net->validation));
	return ml_network_build(ctx, spec, &inference, &net->inference);
}

/* ---------- memory ---------- */

/* Bytes of the activations of a run of n rows, all as long as the longest. */
static ml_status
plan_rows(ml_context *ctx, ml_network_trainer *net, const ml_network *network, bool backward, size_t n,
		  void *memory, int32_t *offsets, size_t *bytes)
{
	const int32_t *ends[ML_FEEDS_MAX] = {NULL};
	ml_binding	binding;
	ml_plan		plan;

	for (int k = 0; k < net->feeds.nfeeds; k++, offsets += n + 1)
	{
		ends[k] = offsets;
		for (size_t i = 0; i <= n; i++)
			offsets[i] = (int32_t) ((int64_t) i * net->feeds.feeds[k].longest);
	}
	ml_network_bind_rows(network, (int64_t) n, ends, &binding);
	ML_TRY(ml_graph_bind(ctx, network->graph, &binding));
	ML_TRY(ml_graph_plan(ctx, network->graph, &binding, backward, memory, &plan));
	*bytes = plan.bytes;
	return ML_OK;
}

/* Words of a batch are counted in int32. */
static ml_status
check_words(ml_context *ctx, const ml_network_trainer *net)
{
	for (int i = 0; i < net->feeds.nfeeds; i++)
	{
		const ml_feed *feed = &net->feeds.feeds[i];

		if (ml_size_mul(net->batch_size, (size_t) feed->longest) <= INT32_MAX)
			continue;
		ml_fail(ctx, ML_BAD_OPTION, "a batch of %zu %s of %lld %s is too large", net->batch_size, feed->kind == ML_FEED_SERIES ? "series" : "texts",
				(long long) feed->longest, feed->kind == ML_FEED_SERIES ? "steps" : "words");
		return ml_hint(ctx, "Make \"batch_size\" smaller, or %s shorter by \"pad\" or \"max_length\".",
					   feed->kind == ML_FEED_SERIES ? "series" : "texts");
	}
	return ML_OK;
}

/* How many rows are run at once, and what their activations take. */
static ml_status
choose_slice(ml_context *ctx, ml_network_trainer *net, size_t batch, size_t *training, size_t *judging)
{
	size_t		size = ML_MAX(ml_plan_size(net->network.graph), ml_plan_size(net->validation.graph));
	size_t		least = ml_network_least_slice(&net->network);
	void	   *memory;
	int32_t    *offsets;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, ml_size_add(ml_size_add(size, ML_ALIGN), ml_size_mul(batch + 1, ML_FEEDS_MAX * sizeof(int32_t))), &memory));
	offsets = (int32_t *) (void *) ((char *) memory + ml_size_align(size, ML_ALIGN));
	net->slice = batch;
	status = plan_rows(ctx, net, &net->network, true, net->slice, memory, offsets, training);
	while (status == ML_OK && *training > SLICE_BYTES && net->slice > least && !net->network.whole_batches)
	{
		net->slice = (net->slice + 1) / 2;
		status = plan_rows(ctx, net, &net->network, true, net->slice, memory, offsets, training);
	}
	net->judge_slice = batch;
	if (status == ML_OK)
		status = plan_rows(ctx, net, &net->validation, false, net->judge_slice, memory, offsets, judging);
	while (status == ML_OK && *judging > SLICE_BYTES && net->judge_slice > JUDGE_ROWS)
	{
		net->judge_slice = (net->judge_slice + 1) / 2;
		status = plan_rows(ctx, net, &net->validation, false, net->judge_slice, memory, offsets, judging);
	}
	ml_release(ctx, memory);
	return status;
}

/* The layers with most weights. */
static ml_status
name_largest(ml_context *ctx, ml_network_trainer *net, ml_list *list)
{
	ml_network_task task = task_of(net, true, true);
	const ml_layer_summary *rows;
	size_t		n;
	bool		named[256] = {false};

	ML_TRY(ml_network_summarize(ctx, &net->fitted, (ml_text) {net->spec.data, net->spec.size}, &task, &rows, &n));
	for (int k = 0; k < LARGEST; k++)
	{
		size_t		best = n;

		for (size_t i = 0; i < ML_MIN(n, ML_LENGTH(named)); i++)
			if (!named[i] && rows[i].parameters > 0 && (best == n || rows[i].parameters > rows[best].parameters))
				best = i;
		if (best == n)
			break;
		named[best] = true;
		ml_list_add(list, "%.*s (%lld weights)", (int) ML_MIN(rows[best].layer.size, (size_t) 64), rows[best].layer.data,
					(long long) rows[best].parameters);
	}
	return ML_OK;
}

typedef struct needs
{
	size_t		vectors;		/* parameters, gradients, states and the best of them */
	size_t		flags;			/* of rows of sparse parameters */
	size_t		all;			/* but rows */
} needs;

static void
count_vectors(const ml_network_trainer *net, needs *n)
{
	const ml_graph *graph = net->network.graph;
	size_t		vector = ml_size_align(ml_size_mul(graph->parameters, sizeof(float)), ML_ALIGN);
	size_t		states = ml_size_align(graph->state_bytes, ML_ALIGN);
	bool		best = net->nvalidation > 0;

	n->vectors = ml_size_add(ml_size_mul(vector, 2 + best), ml_size_mul(states, 1 + best));
	n->flags = 0;
	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == ML_VALUE_PARAMETER && graph->values[i].sparse)
			n->flags = ml_size_add(n->flags, ml_size_align((size_t) graph->values[i].shape.dims[0], ML_ALIGN));
}

/* Numbers of a row's targets; 0: the loss takes classes. */
static size_t
target_numbers(const ml_network_trainer *net)
{
	const ml_network *network = &net->network;

	return network->graph->values[network->targets].shape.dtype == ML_I32 ? 0 : (size_t) network->outputs;
}

/* Of a batch, beside what feeds take: class, weight and target of each row. */
static size_t
target_bytes(const ml_network_trainer *net)
{
	return ml_size_mul(net->batch_size, sizeof(int32_t) + sizeof(float) + target_numbers(net) * sizeof(float));
}

/* A graph, and one run's pointers and plan. */
static size_t
graph_bytes(const ml_graph *graph)
{
	size_t		lists = ml_size_mul((size_t) graph->nvalues, sizeof(ml_graph_value) + 4 * sizeof(void *));

	lists = ml_size_add(lists, ml_size_mul((size_t) graph->nnodes, sizeof(ml_graph_node)));
	lists = ml_size_add(lists, ml_size_add(graph->constant_bytes, graph->string_bytes));
	return ml_size_add(2 * lists, ml_plan_size(graph));
}

/*
 * While it learns it needs moments, activations and a batch; what is stored is
 * put together when these are gone, but for checkpoints.  The version that is
 * continued is held until the end.
 */
static void
count_all(const ml_network_trainer *net, size_t training, size_t judging, needs *n)
{
	const ml_graph *graph = net->network.graph;
	size_t		learn = ml_optimizer_bytes(&net->settings, graph);
	size_t		store = ml_size_add(ml_size_mul(graph->parameters, sizeof(float)), graph->state_bytes);

	count_vectors(net, n);
	learn = ml_size_add(learn, ml_size_add(training, judging));
	learn = ml_size_add(learn, ml_size_add(ml_feed_batch_size(&net->feeds, net->batch_size), target_bytes(net)));
	learn = ml_size_add(learn, ML_MAX(ml_network_initialize_bytes(&net->network), ml_network_checkpoint_size(net)));
	n->all = ml_size_add(n->vectors, ml_size_add(n->flags, ML_MAX(learn, store)));
	n->all = ml_size_add(n->all, ml_size_add(graph_bytes(graph), graph_bytes(net->validation.graph)));
	n->all = ml_size_add(n->all, graph_bytes(net->inference.graph));
	if (net->from != NULL)
		n->all = ml_size_add(n->all, graph_bytes(net->from->network.graph));
	n->all = ml_size_add(n->all, ml_size_add(net->fitted.total, net->trainer->arena.total));
	n->all = ml_size_add(n->all, ml_size_add(ml_levels_memory(&net->words), net->trainer->start.size));
	for (uint32_t i = 0; i < net->ncategories; i++)
		n->all = ml_size_add(n->all, ml_levels_memory(&net->levels[i]));
}

/* The smallest limit in whole pages from the one given on that is enough: the more is allowed, the larger are blocks of rows. */
static size_t
least_limit(const ml_network_trainer *net, const needs *n, size_t limit)
{
	for (;;)
	{
		size_t		need = ml_size_align(ml_size_add(n->all, ml_examples_least(net->examples, limit / 2)), PAGE);

		if (need <= limit || need > SIZE_MAX / 4)
			return need > SIZE_MAX / 4 ? need : limit;
		limit = need;
	}
}

static ml_status
refuse(ml_context *ctx, ml_network_trainer *net, const needs *n, size_t limit)
{
	size_t		need = least_limit(net, n, limit);
	ml_list		list = {.before = "The largest layers are "};

	ML_TRY(name_largest(ctx, net, &list));
	ml_fail(ctx, ML_MEMORY_LIMIT, "training the network needs %zu kB of memory, and %zu kB are allowed", need >> 10, limit >> 10);
	if (list.n > 0)
		ml_detail(ctx, "%s.", list.text);
	return ml_hint(ctx, "SET maintenance_work_mem = '%zukB', give {\"memory\": \"%zukB\"}, or make the network or \"batch_size\" smaller.",
				   need >> 10, need >> 10);
}

static ml_status
take_vectors(ml_context *ctx, ml_network_trainer *net, const needs *n)
{
	const ml_graph *graph = net->network.graph;
	size_t		vector = ml_size_align(graph->parameters * sizeof(float), ML_ALIGN);
	size_t		states = ml_size_align(graph->state_bytes, ML_ALIGN);
	char	   *at;

	ML_TRY(ml_alloc_zero(ctx, ml_size_add(ml_size_add(n->vectors, n->flags), ML_ALIGN), &net->memory));
	at = (char *) (((uintptr_t) net->memory + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1));
	net->parameters = (float *) (void *) at;
	net->gradients = (float *) (void *) (at + vector);
	net->states = at + 2 * vector;
	at += 2 * vector + states;
	if (net->nvalidation > 0)
	{
		net->best = (float *) (void *) at;
		net->best_states = at + vector;
		at += vector + states;
	}
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul((size_t) graph->nvalues, sizeof(uint8_t *)), (void **) &net->touched));
	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == ML_VALUE_PARAMETER && graph->values[i].sparse)
		{
			net->touched[i] = (uint8_t *) at;
			at += ml_size_align((size_t) graph->values[i].shape.dims[0], ML_ALIGN);
		}
	return ML_OK;
}

static ml_status
take_batch(ml_context *ctx, ml_network_trainer *net, size_t batch)
{
	size_t		numbers = target_numbers(net);

	ML_TRY(ml_alloc(ctx, ml_size_mul(batch, sizeof(int32_t)), (void **) &net->target_classes));
	if (numbers > 0)
		ML_TRY(ml_alloc(ctx, ml_size_mul(ml_size_mul(batch, numbers), sizeof(float)), (void **) &net->targets));
	ML_TRY(ml_alloc(ctx, ml_size_mul(batch, sizeof(float)), (void **) &net->weights));
	ML_TRY(ml_alloc(ctx, ml_size_mul(net->nclasses + 1, sizeof(double)), (void **) &net->logits));
	return ml_feed_batch_open(ctx, &net->feeds, batch, &net->batch);
}

static ml_status
open_runners(ml_context *ctx, ml_network_trainer *net)
{
	const ml_kernel *kernel = net->trainer->kernel;

	ML_TRY(ml_runner_open(ctx, net->network.graph, kernel, &net->runner));
	ML_TRY(ml_runner_open(ctx, net->validation.graph, kernel, &net->judge));
	net->runner->parameters = net->judge->parameters = net->parameters;
	net->runner->states = net->judge->states = net->states;
	net->runner->gradients = net->gradients;
	net->runner->touched = net->touched;
	return ML_OK;
}

/* ---------- opening ---------- */

/* The optimiser; from now on the options have it with every default, as they are told. */
static ml_status
read_optimizer(ml_context *ctx, ml_network_trainer *net)
{
	ml_trainer *trainer = net->trainer;
	ml_buffer	json = {0};
	ml_status	status;

	ML_TRY(ml_optimizer_settings_read(ctx, net->options->optimizer, &net->settings));
	status = ml_optimizer_settings_write(ctx, &net->settings, &json);
	if (status == ML_OK)
		status = ml_arena_copy(ctx, &trainer->arena, (ml_text) {json.data, json.size}, &trainer->options.network.optimizer);
	ml_buffer_free(ctx, &json);
	return status;
}

ml_status
ml_network_open(ml_context *ctx, ml_network_trainer *net)
{
	const ml_trainer *trainer = net->trainer;
	uint64_t	learning = ml_examples_count(net->examples, UINT32_C(1) << ML_NETWORK_LEARN);
	size_t		limit = net->options->memory > 0 ? (size_t) net->options->memory : trainer->memory;
	size_t		training;
	size_t		judging;
	uint64_t	steps;
	needs		n;

	ML_TRY(build(ctx, net));
	ML_TRY(ml_network_check_same(ctx, net));
	ML_TRY(read_optimizer(ctx, net));
	net->whole = net->settings.rule == ML_RULE_GRADIENT_DESCENT;
	net->batch_size = !net->whole ? (size_t) trainer->options.batch_size : net->network.whole_batches ? (size_t) learning : WHOLE_ROWS;
	net->batch_size = (size_t) ML_MIN((uint64_t) net->batch_size, ML_MAX(learning, 1));
	ML_TRY(check_words(ctx, net));
	ML_TRY(choose_slice(ctx, net, net->batch_size, &training, &judging));
	count_all(net, training, judging, &n);
	if (ml_size_add(n.all, ml_examples_least(net->examples, limit / 2)) > limit)
		return refuse(ctx, net, &n, limit);
	ML_TRY(ml_examples_shrink(ctx, net->examples, limit - n.all));
	ML_TRY(take_vectors(ctx, net, &n));
	ML_TRY(take_batch(ctx, net, net->batch_size));
	ML_TRY(open_runners(ctx, net));
	steps = net->whole ? 1 : (learning + net->batch_size - 1) / net->batch_size;
	ML_TRY(ml_optimizer_open(ctx, &net->settings, net->network.graph, (uint64_t) trainer->options.epochs, steps,
							 &net->optimizer));
	if (trainer->start.data != NULL)
		return ml_network_restore(ctx, net);
	return ml_network_initialize(ctx, &net->network, trainer->options.seed, net->parameters, net->states);
}

void
ml_network_rest(ml_context *ctx, ml_network_trainer *net)
{
	ml_runner_close(ctx, net->runner);
	ml_runner_close(ctx, net->judge);
	ml_optimizer_close(ctx, net->optimizer);
	ml_feed_batch_close(ctx, &net->batch);
	net->runner = net->judge = NULL;
	net->optimizer = NULL;
}

void
ml_network_forget(ml_context *ctx, ml_network_trainer *net)
{
	ml_network_rest(ctx, net);
	ml_network_close(ctx, &net->network);
	ml_network_close(ctx, &net->validation);
	ml_network_close(ctx, &net->inference);
	if (net->from != NULL)
		ml_network_file_close(ctx, net->from);
	net->from = NULL;
	ml_release(ctx, net->target_classes);
	ml_release(ctx, net->targets);
	ml_release(ctx, net->weights);
	ml_release(ctx, net->logits);
	ml_release(ctx, net->touched);
	ml_release(ctx, net->memory);
}
