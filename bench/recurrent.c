/*-------------------------------------------------------------------------
 *
 * recurrent.c
 *	  Speed of Embedding(10000, 64) + LSTM + Dense(1) through the graph: inference
 *	  and whole training steps, with Adam on all weights.
 *
 *	recurrent [UNITS [BATCH [LENGTH [BF16]]]]
 *
 * Prints the best of 300 repeats in milliseconds.  Build it with the engine:
 *	gcc -O2 -Isrc/ml -o recurrent bench/recurrent.c src/ml/x/x.o ... -licuuc -lm
 *
 *-------------------------------------------------------------------------
 */
#define ML_HOST

#include "graph/graph.h"
#include "kernel/network.h"
#include "op/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORDS		10000		/* of the vocabulary */
#define WIDTH		64
#define REPEATS		300

typedef struct network
{
	ml_graph   *graph;
	ml_runner  *runner;
	int32_t		table;
	float	   *vectors[4];		/* weights, gradients, moments */
	uint8_t	   *touched;
} network;

static void *
take(void *user, size_t size)
{
	return malloc(size);
}

static void *
resize(void *user, void *pointer, size_t size)
{
	return realloc(pointer, size);
}

static void
release(void *user, void *pointer)
{
	free(pointer);
}

static int
poll_never(void *user)
{
	return 0;
}

static const ml_host host = {.alloc = take, .resize = resize, .release = release, .poll = poll_never};
static ml_context ctx = {.host = &host};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec * 1e-6;
}

static void
check(ml_status status)
{
	if (status == ML_OK)
		return;
	fprintf(stderr, "%s\n", ctx.error.text);
	exit(1);
}

static int32_t
parameter(ml_builder *b, const char *name, ml_layout layout, int64_t rows, int64_t columns, bool sparse)
{
	ml_shape	shape = {ML_F32, layout, rows > 0 ? 2 : 1, {rows, columns}};

	if (rows == 0)
		shape.dims[0] = columns;
	return ml_builder_parameter(b, (ml_text) {name, strlen(name)}, &shape, sparse);
}

/* The graph, its gradients and its memory; inputs "tokens" and "offsets". */
static void
build(network *n, int64_t units, int64_t batch, int64_t length, bool bf16, const int32_t *tokens, const int32_t *offsets)
{
	ml_builder	b;
	ml_shape	words = {ML_I32, ML_PLAIN, 1, {batch * length}};
	ml_shape	ends = {ML_I32, ML_PLAIN, 1, {batch + 1}};
	ml_attributes cell = ml_op_standard(&ml_op_lstm);
	ml_attributes dense = ml_op_standard(&ml_op_linear);
	ml_binding	binding = {{0}};
	int32_t		token_input;
	int32_t		in[5];
	int32_t		out[8];
	int32_t		y;

	check(ml_graph_open(&ctx, ML_F32, &n->graph));
	ml_builder_start(&ctx, n->graph, &b);
	n->table = parameter(&b, "table", ML_PLAIN, WORDS, WIDTH, true);
	token_input = ml_builder_input(&b, ML_TEXT("tokens"), &words);
	in[0] = ml_emit2(&b.e, &ml_op_gather, NULL, n->table, token_input);
	in[1] = ml_builder_input(&b, ML_TEXT("offsets"), &ends);
	in[2] = parameter(&b, "inputs", ML_PANELS, WIDTH, 4 * units, false);
	in[3] = parameter(&b, "recurrent", ML_PANELS, units, 4 * units, false);
	in[4] = parameter(&b, "bias", ML_PLAIN, 0, 4 * units, false);
	cell.ints[1] = bf16;
	b.e.node(&b.e, &ml_op_lstm, &cell, 5, in, ml_op_lstm.nout, out);
	y = ml_emit3(&b.e, &ml_op_linear, &dense, out[1], parameter(&b, "dense", ML_PANELS, units, 1, false),
				 parameter(&b, "dense bias", ML_PLAIN, 0, 1, false));
	ml_builder_output(&b, ML_TEXT("y"), y);
	check(b.e.status);
	check(ml_graph_backward(&b, ml_emit1(&b.e, &ml_op_sum_to, &(ml_attributes) {{0}}, ml_emit2(&b.e, &ml_op_mul, NULL, y, y))));
	check(ml_graph_finish(&ctx, n->graph));
	check(ml_runner_open(&ctx, n->graph, ml_kernel_select(ML_LEVEL_AUTO), &n->runner));
	for (int i = 0; i < 4; i++)
		n->vectors[i] = aligned_alloc(ML_ALIGN, ml_size_align(n->graph->parameters * sizeof(float), ML_ALIGN));
	for (size_t i = 0; i < n->graph->parameters; i++)
	{
		n->vectors[0][i] = (float) (i * 2654435761u / 256 % 2000) / 10000 - 0.1f;
		n->vectors[1][i] = n->vectors[2][i] = n->vectors[3][i] = 0;
	}
	n->touched = calloc(WORDS, 1);
	n->runner->parameters = n->vectors[0];
	n->runner->gradients = n->vectors[1];
	n->runner->touched[n->table] = n->touched;
	check(ml_runner_bind(&ctx, n->runner, &binding, false));
	n->runner->inputs[token_input] = tokens;
	n->runner->inputs[in[1]] = offsets;
}

/* Numbers first .. first + n of all vectors; gradients that are not used stay 0. */
static void
adam(const network *n, size_t first, size_t count, bool used)
{
	ml_step		step = {.rate = 1e-3f, .scale = 1, .limit = INFINITY, .shrink = 1, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .root = 1};

	n->runner->kernel->network->adam(&step, n->vectors[0] + first, used ? n->vectors[1] + first : NULL,
									 n->vectors[2] + first, n->vectors[3] + first, count);
}

/* Rows of the table that no word touched have gradients of 0. */
static void
update(const network *n)
{
	size_t		table = n->graph->values[n->table].offset;
	size_t		end = table + WORDS * WIDTH;

	for (size_t row = 0, next; row < WORDS; row = next)
	{
		for (next = row + 1; next < WORDS && n->touched[next] == n->touched[row]; next++)
			;
		adam(n, table + row * WIDTH, (next - row) * WIDTH, n->touched[row]);
		if (n->touched[row])
			memset(n->vectors[1] + table + row * WIDTH, 0, (next - row) * WIDTH * sizeof(float));
	}
	memset(n->touched, 0, WORDS);
	adam(n, 0, table, true);
	adam(n, end, n->graph->parameters - end, true);
}

int
main(int argc, char **argv)
{
	int			units = argc > 1 ? atoi(argv[1]) : 64;
	int			batch = argc > 2 ? atoi(argv[2]) : 32;
	int			length = argc > 3 ? atoi(argv[3]) : 100;
	int32_t    *tokens = malloc((size_t) batch * length * sizeof(int32_t));
	int32_t    *offsets = malloc(((size_t) batch + 1) * sizeof(int32_t));
	double		best[2] = {INFINITY, INFINITY};
	network		n;

	for (int i = 0; i < batch * length; i++)
		tokens[i] = (int32_t) (i * 2654435761u / 128 % WORDS);
	for (int i = 0; i <= batch; i++)
		offsets[i] = i * length;
	build(&n, units, batch, length, argc > 4 && atoi(argv[4]), tokens, offsets);
	for (int training = 0; training < 2; training++)
	{
		check(ml_runner_bind(&ctx, n.runner, &(ml_binding) {{0}}, training));
		for (int i = 0; i < REPEATS; i++)
		{
			double		start = now();

			check(ml_runner_run(&ctx, n.runner, false));
			if (training)
				update(&n);
			best[training] = fmin(best[training], now() - start);
		}
	}
	printf("LSTM(%d), batch %d, length %d: inference %.3f ms, training step %.3f ms\n", units, batch, length, best[0], best[1]);
	return 0;
}
