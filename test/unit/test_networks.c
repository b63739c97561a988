/*-------------------------------------------------------------------------
 *
 * test_networks.c
 *	  Whole networks: the textbook programs (a) to (e) and those of the benchmark
 *	  trained as PyTorch trains them (test/data/networks.py).
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network.h"

#include "base/hash.h"
#include "base/json.h"
#include "learn/optimizer.h"

#define ROWS_MAX	32

/* ---- numbers that networks.py computes as well ---- */

static uint64_t
seed_of(const char *text)
{
	uint64_t	h = UINT64_C(0xCBF29CE484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t) *text) * UINT64_C(0x100000001B3);
	return h;
}

static uint64_t
bits(uint64_t seed, size_t i)
{
	uint64_t	state = seed + i * UINT64_C(0x9E3779B97F4A7C15);

	return ml_splitmix(&state);
}

static double
uniform(uint64_t seed, size_t i)
{
	return (double) (bits(seed, i) >> 40) * 0x1p-24;
}

static void
set_weights(toy_network *t)
{
	const ml_graph *graph = t->network.graph;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		const ml_shape *shape = &graph->values[v].shape;
		char		name[TOY_NAME];
		size_t		n = 1;
		size_t		fan = 1;
		int			k = 0;
		uint64_t	seed;
		float	   *plain;
		bool		norm;

		if (graph->values[v].kind != ML_VALUE_PARAMETER)
			continue;
		for (int i = 0; i < shape->ndims; i++)
		{
			n *= (size_t) shape->dims[i];
			fan *= i < shape->ndims - 1 ? (size_t) shape->dims[i] : 1;
		}
		while (fan >> k > 0)
			k++;
		k = shape->ndims > 1 ? k / 2 : 4;
		seed = seed_of(toy_network_name(t, v, name));
		norm = strlen(name) > 5 && strcmp(name + strlen(name) - 5, "gamma") == 0;
		plain = malloc(n * sizeof(float));
		for (size_t i = 0; i < n; i++)
			plain[i] = (float) ((2 * uniform(seed, i) - 1) / (double) (1 << k) + norm);
		ml_layout_write(&graph->values[v], ML_F32, toy_network_at(t, 0, v), plain);
		free(plain);
	}
}

/* ---- programs ---- */

typedef struct program
{
	const ml_json *json;
	ml_text		spec;
	int			rows;
	ml_feed		feed;
	int32_t		ends[ROWS_MAX + 1];
	const int32_t *offsets;
	size_t		n;				/* numbers of a batch's feed */
	void	   *input;
	union
	{
		int32_t		classes[ROWS_MAX];
		float		numbers[ROWS_MAX];
	}			targets;
	float		weights[ROWS_MAX];
	float		scale;
} program;

static int64_t
integer(const ml_json *object, const char *name)
{
	int64_t		value = 0;

	(void) ml_json_integer(ml_json_get(object, name), 0, 1 << 24, &value);
	return value;
}

static ml_network_task
task_of(const program *p, bool training, bool with_loss)
{
	uint32_t	nlabels = (uint32_t) integer(p->json, "nlabels");

	return (ml_network_task) {
		.classification = nlabels > 0, .nlabels = nlabels, .nfeeds = 1, .feeds = &p->feed, .dtype = ML_F32,
		.training = training, .with_loss = with_loss
	};
}

static void
read_program(program *p, const ml_json *json)
{
	const ml_json *feed = ml_json_get(json, "feeds")->first;
	ml_text		kind = ml_json_get(feed, "kind")->string;

	memset(p, 0, sizeof(*p));
	p->json = json;
	p->spec = ml_json_get(json, "spec")->string;
	p->rows = (int) integer(json, "rows");
	p->feed = (ml_feed) {
		.name = ml_json_get(feed, "name")->string, .size = integer(feed, "size"), .height = integer(feed, "height"),
		.width = integer(feed, "width"), .channels = integer(feed, "channels"), .length = integer(feed, "length"),
		.kind = ml_text_equal(kind, ML_TEXT("tokens")) ? ML_FEED_TOKENS :
		ml_text_equal(kind, ML_TEXT("image")) ? ML_FEED_IMAGE : ML_FEED_NUMBERS
	};
	for (int i = 0; i < p->rows; i++)
		p->ends[i + 1] = p->ends[i] + (int32_t) p->feed.length;
	p->offsets = p->ends;
	p->n = (size_t) (p->feed.kind == ML_FEED_TOKENS ? p->ends[p->rows] : p->feed.kind == ML_FEED_IMAGE ?
					 p->rows * p->feed.height * p->feed.width * p->feed.channels : p->rows * p->feed.size);
	p->input = malloc(p->n * 4);
	for (int i = 0; i < p->rows; i++)
		p->weights[i] = 1;
	p->scale = 1.0f / (float) p->rows;
}

/* The rows of batch b. */
static void
make_batch(program *p, toy_network *t, int64_t b)
{
	const ml_network *n = &t->network;
	int64_t		nlabels = integer(p->json, "nlabels");
	char		name[TOY_NAME];
	uint64_t	seed;

	snprintf(name, sizeof(name), "%.*s.%lld", (int) p->feed.name.size, p->feed.name.data, (long long) b);
	seed = seed_of(name);
	for (size_t i = 0; i < p->n; i++)
		if (p->feed.kind == ML_FEED_TOKENS)
			((int32_t *) p->input)[i] = (int32_t) (bits(seed, i) % (uint64_t) p->feed.size);
		else
			((float *) p->input)[i] = (float) uniform(seed, i);
	snprintf(name, sizeof(name), "targets.%lld", (long long) b);
	seed = seed_of(name);
	for (int i = 0; i < p->rows; i++)
		if (nlabels > 0)
			p->targets.classes[i] = (int32_t) (bits(seed, (size_t) i) % (uint64_t) nlabels);
		else
			p->targets.numbers[i] = (float) (2 * (double) ((float *) p->input)[i] + 1 + (uniform(seed, (size_t) i) - 0.5) / 4);
	t->runner->inputs[n->feeds[0].data] = p->input;
	t->runner->inputs[n->targets] = &p->targets;
	t->runner->inputs[n->weights] = p->weights;
	t->runner->inputs[n->scale] = &p->scale;
}

static double
number_at(const ml_json *array, int64_t i)
{
	const ml_json *node = array->first;

	while (i-- > 0)
		node = node->next;
	return node->number;
}

static double
loss_of(const toy_network *t)
{
	return (double) *(const float *) ml_runner_view(t->runner, t->network.loss)->data;
}

/* All steps, each loss compared. */
static ml_status
train(program *p, toy_network *t, const ml_kernel *kernel, double *worst)
{
	const ml_json *losses = ml_json_get(p->json, "losses");
	ml_optimizer_settings settings;
	ml_optimizer_run *run;
	ml_status	status;

	ML_TRY(ml_optimizer_settings_read(t->ctx, ml_json_get(p->json, "optimizer")->string, &settings));
	ML_TRY(ml_optimizer_open(t->ctx, &settings, t->network.graph, 1, 1, &run));
	status = toy_network_bind(t, p->rows, &p->offsets, true);
	for (int64_t step = 0; status == ML_OK && step < integer(p->json, "steps"); step++)
	{
		make_batch(p, t, step % integer(p->json, "batches"));
		status = ml_runner_run(t->ctx, t->runner, false);
		if (status == ML_OK)
		{
			*worst = fmax(*worst, fabs(loss_of(t) - number_at(losses, step)));
			status = ml_optimizer_step(t->ctx, run, kernel, t->memory[0], t->memory[1], t->touched);
		}
	}
	ml_optimizer_close(t->ctx, run);
	return status;
}

/* The loss of the first batch with the weights that training made, as validation computes it. */
static ml_status
judge(program *p, const toy_network *trained, const ml_kernel *kernel, double *loss)
{
	ml_network_task task = task_of(p, false, true);
	toy_network t;
	ml_status	status = toy_network_open(trained->ctx, p->spec, &task, kernel, &t);

	if (status != ML_OK)
		return status;
	t.runner->parameters = trained->memory[0];
	status = toy_network_bind(&t, p->rows, &p->offsets, false);
	if (status == ML_OK)
	{
		make_batch(p, &t, 0);
		status = ml_runner_run(t.ctx, t.runner, false);
	}
	if (status == ML_OK)
		*loss = loss_of(&t);
	toy_network_close(&t);
	return status;
}

static int64_t
count_parameters(const ml_graph *graph)
{
	int64_t		total = 0;

	for (int32_t v = 0; v < graph->nvalues; v++)
	{
		int64_t		n = graph->values[v].kind == ML_VALUE_PARAMETER;

		for (int i = 0; i < graph->values[v].shape.ndims; i++)
			n *= graph->values[v].shape.dims[i];
		total += n;
	}
	return total;
}

/* tolerance: of losses; those in bf16 are a bit off. */
static void
test_program(unit_host *host, const ml_json *json, const ml_kernel *kernel, bool bf16)
{
	double		tolerance = bf16 ? 1e-2 : 1e-3;
	ml_text		name = ml_json_get(json, "name")->string;
	program		p;
	ml_network_task task;
	toy_network t;
	double		worst = 0;
	double		last = NAN;
	ml_status	status;

	read_program(&p, json);
	task = task_of(&p, true, true);
	task.bf16 = bf16;
	status = toy_network_open(&host->ctx, p.spec, &task, kernel, &t);
	if (unit_ok(status == ML_OK, "%.*s: %s", (int) name.size, name.data, status == ML_OK ? "" : host->ctx.error.text))
	{
		set_weights(&t);
		unit_is_int(count_parameters(t.network.graph), integer(json, "parameters"), "  its parameters");
		status = train(&p, &t, kernel, &worst);
		unit_ok(status == ML_OK && worst < tolerance, "  %d steps with PyTorch's losses, to %.2g (%s%s)",
				(int) integer(json, "steps"), worst, kernel->name, bf16 ? ", bf16" : "");
		status = judge(&p, &t, kernel, &last);
		last = fabs(last - ml_json_get(json, "last")->number);
		unit_ok(status == ML_OK && last < tolerance, "  and in inference, to %.2g", last);
		if (ml_text_equal(name, ML_TEXT("d")))
		{
			const float *w = t.memory[0];
			double		slope = w[toy_network_value(&t, ml_graph_find(t.network.graph, ML_VALUE_PARAMETER, ML_TEXT("dense_1.weight")))->offset];
			double		start = w[toy_network_value(&t, ml_graph_find(t.network.graph, ML_VALUE_PARAMETER, ML_TEXT("dense_1.bias")))->offset];

			unit_is_near(slope * 0.5 + start, 2, 0.1, "  x = 0.5 gives 2");
		}
		toy_network_close(&t);
	}
	free(p.input);
}

static void
test_programs(unit_host *host)
{
	ml_arena	arena = {0};
	size_t		size;
	char	   *text = unit_data("networks.json", &size);
	const ml_json *root = NULL;

	if (unit_ok(text != NULL && ml_json_parse(&host->ctx, &arena, (ml_text) {text, size}, ML_BAD_DATA, &root) == ML_OK,
				"what PyTorch did"))
		for (const ml_json *json = ml_json_get(root, "cases")->first; json != NULL; json = json->next)
		{
			/* ref takes its time with large ones */
			if (integer(json, "parameters") < 50000)
				test_program(host, json, &ml_kernel_ref, false);
			test_program(host, json, ml_kernel_select(ML_LEVEL_AUTO), false);
			test_program(host, json, ml_kernel_select(ML_LEVEL_AUTO), true);
		}
	ml_arena_free(&host->ctx, &arena);
	free(text);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_programs(&host);
	unit_close(&host, "networks");
	return unit_done();
}
