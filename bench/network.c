/*-------------------------------------------------------------------------
 *
 * network.c
 *	  Speed of the engine alone: whole training steps of a network, from weights
 *	  and batches that another program wrote.
 *
 *	network FILE [SECONDS]
 *
 * FILE is safetensors (11_networks.py writes it) with the metadata "spec" (layers and
 * loss, as JSON), "classes", "words" (of the vocabulary) and "precision", and the tensors x [steps, rows, ...] (F32 numbers or
 * images; I32 words, of equally long rows), y [steps, rows] (I32 classes) and p0, p1
 * ..., the first weights in the order of the network's parameters.
 *
 * Prints the loss of each step with Adam, then "step" and the best milliseconds of a
 * whole step within the given time, then "infer ROWS" and those of a pass forward.
 *
 *-------------------------------------------------------------------------
 */
#define ML_HOST

#include "format/safetensors.h"
#include "graph/network.h"
#include "learn/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A batch is cut into slices as in training (model/train_network_open.c). */
#define SLICE_BYTES ((size_t) 4 << 20)	/* of activations */

static ml_context ctx;

static void *
host_alloc(void *user, size_t size)
{
	return malloc(size);
}

static void *
host_resize(void *user, void *pointer, size_t size)
{
	return realloc(pointer, size);
}

static void
host_release(void *user, void *pointer)
{
	free(pointer);
}

static int
host_poll(void *user)
{
	return 0;
}

static const ml_host host = {
	.alloc = host_alloc,.resize = host_resize,.release = host_release,.poll = host_poll
};

static void
must(ml_status status)
{
	if (status == ML_OK)
		return;
	fprintf(stderr, "%s\n%s\n%s\n", ctx.error.text, ctx.error.detail, ctx.error.hint);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void *
zeros(size_t size)
{
	void	   *result = NULL;

	if (posix_memalign(&result, ML_ALIGN, size + ML_ALIGN) != 0)
		exit(1);
	memset(result, 0, size + ML_ALIGN);
	return result;
}

/* === The problem === */

static ml_safetensors file;
static const ml_tensor *x;
static const ml_tensor *y;
static ml_feed feed;
static size_t steps;
static size_t rows;

/* A number in the metadata. */
static long
number_of(const char *key)
{
	char		text[24] = {0};
	ml_text		value = ml_safetensors_metadata(&file, key);

	if (value.size < sizeof(text))
		memcpy(text, value.data, value.size);
	return strtol(text, NULL, 10);
}

static void
read_problem(const char *path)
{
	static ml_arena arena;
	FILE	   *stream = fopen(path, "rb");
	long		size;
	void	   *bytes;

	if (stream == NULL || fseek(stream, 0, SEEK_END) != 0)
	{
		perror(path);
		exit(1);
	}
	size = ftell(stream);
	rewind(stream);
	bytes = zeros((size_t) size);
	if (fread(bytes, 1, (size_t) size, stream) != (size_t) size)
		exit(1);
	fclose(stream);
	must(ml_safetensors_read(&ctx, &arena, bytes, (size_t) size, &file));
	x = ml_safetensors_tensor(&file, "x");
	y = ml_safetensors_tensor(&file, "y");
	steps = (size_t) x->dims[0];
	rows = (size_t) x->dims[1];
	feed.name = ML_TEXT("x");
	feed.kind = x->dtype == ML_I32 ? ML_FEED_TOKENS : x->ndims == 5 ? ML_FEED_IMAGE : ML_FEED_NUMBERS;
	if (feed.kind == ML_FEED_IMAGE)
	{
		feed.height = (int64_t) x->dims[2];
		feed.width = (int64_t) x->dims[3];
		feed.channels = (int64_t) x->dims[4];
	}
	else
	{
		feed.size = feed.kind == ML_FEED_NUMBERS ? (int64_t) x->dims[2] : number_of("words");
		feed.length = feed.kind == ML_FEED_TOKENS ? (int64_t) x->dims[2] : 0;
		feed.longest = feed.length;
	}
}

static ml_network
build(bool training)
{
	ml_network_task task = {
		.classification = true, .nlabels = (uint32_t) number_of("classes"), .nfeeds = 1, .feeds = &feed,
		.dtype = ML_F32, .training = training,
		.bf16 = ml_text_equal(ml_safetensors_metadata(&file, "precision"), ML_TEXT("bf16"))
	};
	ml_network	network;

	must(ml_network_build(&ctx, ml_safetensors_metadata(&file, "spec"), &task, &network));
	return network;
}

/* The weights p0, p1, ... -> the parameters' vector of so many floats. */
static float *
first_weights(const ml_graph *graph, size_t size)
{
	float	   *result = zeros(size * sizeof(float));
	int			n = 0;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		const ml_graph_value *value = &graph->values[v];
		const ml_tensor *tensor;
		uint64_t	elements = 1;
		char		name[16];

		if (value->kind != ML_VALUE_PARAMETER || value->storage != v)
			continue;
		snprintf(name, sizeof(name), "p%d", n++);
		for (int d = 0; d < value->shape.ndims; d++)
			elements *= (uint64_t) value->shape.dims[d];
		tensor = ml_safetensors_tensor(&file, name);
		if (tensor == NULL || ml_tensor_elements(tensor) != elements)
		{
			ml_text		own = ml_graph_text(graph, value->name);

			fprintf(stderr, "%s is not %.*s of %llu weights\n", name, (int) own.size, own.data,
					(unsigned long long) elements);
			exit(1);
		}
		ml_layout_write(value, ML_F32, result + value->offset, tensor->data);
	}
	return result;
}

/* === Runs === */

typedef struct machine
{
	ml_network	network;
	ml_runner  *runner;
	int32_t    *offsets;
	float	   *weights;
	uint8_t   **touched;
} machine;

/* n rows have these dims. */
static void
bind(machine *m, size_t n)
{
	ml_binding	binding = {0};

	binding.numbers[ML_SYMBOL_OF(m->network.rows)] = (int64_t) n;
	if (feed.kind == ML_FEED_TOKENS)
	{
		int32_t		words = ML_SYMBOL_OF(m->network.feeds[0].words);

		for (size_t r = 0; r <= n; r++)
			m->offsets[r] = (int32_t) (r * (size_t) feed.length);
		binding.numbers[words] = (int64_t) n * feed.length;
		binding.offsets[words] = m->offsets;
		binding.rows[words] = (int64_t) n;
	}
	must(ml_graph_bind(&ctx, m->network.graph, &binding));
	must(ml_runner_bind(&ctx, m->runner, &binding, m->network.graph->gradients != NULL));
}

static machine
open_machine(bool training, float *parameters, float *gradients)
{
	const ml_kernel *kernel = ml_kernel_select(ML_LEVEL_AUTO);
	machine		m = {.network = build(training)};
	const ml_graph *graph = m.network.graph;
	ml_graph   *folded = NULL;

	/* as served from shared memory */
	if (!training)
		must(ml_graph_fold(&ctx, graph, &folded));
	must(ml_runner_open(&ctx, folded ? folded : graph, kernel, &m.runner));
	m.offsets = zeros((rows + 1) * sizeof(int32_t));
	m.weights = zeros(rows * sizeof(float));
	for (size_t r = 0; r < rows; r++)
		m.weights[r] = 1;
	m.runner->parameters = parameters ? parameters : first_weights(graph, folded ? folded->parameters : graph->parameters);
	if (folded)
		must(ml_graph_fold_tables(&ctx, kernel, graph, folded, m.runner->parameters));
	m.runner->gradients = gradients;
	m.runner->states = zeros(graph->state_bytes);
	m.touched = zeros((size_t) graph->nvalues * sizeof(*m.touched));
	for (int32_t v = 0; v < graph->nvalues; v++)
		if (graph->values[v].kind == ML_VALUE_PARAMETER && graph->values[v].sparse)
			m.touched[v] = zeros((size_t) graph->values[v].shape.dims[0]);
	m.runner->touched = m.touched;
	return m;
}

/* Rows "first" .. of a step's batch; the loss of a training. */
static float
run(machine *m, size_t step, size_t first, bool add)
{
	static float scale;
	const ml_network *network = &m->network;
	size_t		row = ml_tensor_bytes(x) / steps / rows;

	scale = 1 / (float) rows;
	m->runner->inputs[network->feeds[0].data] = (const char *) x->data + (step * rows + first) * row;
	if (network->feeds[0].offsets != ML_NO_VALUE)
		m->runner->inputs[network->feeds[0].offsets] = m->offsets;
	if (network->graph->gradients != NULL)
	{
		m->runner->inputs[network->targets] = (const int32_t *) y->data + step * rows + first;
		m->runner->inputs[network->weights] = m->weights;
		m->runner->inputs[network->scale] = &scale;
	}
	must(ml_runner_run(&ctx, m->runner, add));
	if (network->graph->gradients == NULL)
		return 0;
	return *(const float *) ml_runner_view(m->runner, network->loss)->data;
}

static void
train(double seconds)
{
	ml_optimizer_settings settings;
	ml_optimizer_run *optimizer;
	machine		m = open_machine(true, NULL, NULL);
	const ml_graph *graph = m.network.graph;
	size_t		slice = rows;
	double		best = 1e9;
	double		began;

	m.runner->gradients = zeros(graph->parameters * sizeof(float));
	must(ml_optimizer_settings_read(&ctx, ML_TEXT("\"adam\""), &settings));
	must(ml_optimizer_open(&ctx, &settings, graph, 1, steps, &optimizer));
	for (bind(&m, slice); m.runner->plan.bytes > SLICE_BYTES && slice > ml_network_least_slice(&m.network) && !m.network.whole_batches;
		 bind(&m, slice))
		slice = (slice + 1) / 2;
	began = now();
	for (size_t s = 0; s < steps || now() - began < seconds; s++)
	{
		double		start = now();
		float		loss = 0;

		for (size_t first = 0; first < rows; first += slice)
		{
			bind(&m, ML_MIN(slice, rows - first));
			loss += run(&m, s % steps, first, first > 0);
		}
		must(ml_optimizer_step(&ctx, optimizer, m.runner->kernel, m.runner->parameters, m.runner->gradients, m.touched));
		best = ML_MIN(best, now() - start);
		if (s < steps)
			printf("%.7g\n", loss);
	}
	printf("step %.6f\n", best * 1e3);
}

static void
infer(size_t n, double seconds)
{
	machine		m = open_machine(false, NULL, NULL);
	double		best = 1e9;
	double		began = now();

	bind(&m, n);
	for (size_t s = 0; now() - began < seconds; s++)
	{
		double		start = now();

		for (int i = 0; i < 10; i++)
			run(&m, (s + (size_t) i) % steps, 0, false);
		best = ML_MIN(best, (now() - start) / 10);
	}
	printf("infer %zu %.6f\n", n, best * 1e3);
}

int
main(int argc, char **argv)
{
	double		seconds = argc > 2 ? atof(argv[2]) : 2;

	if (argc < 2)
	{
		fprintf(stderr, "usage: network FILE [SECONDS]\n");
		return 1;
	}
	ctx.host = &host;
	read_problem(argv[1]);
	train(seconds);
	infer(1, seconds / 4);
	infer(rows, seconds / 4);
	return 0;
}
