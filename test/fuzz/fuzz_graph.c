/*-------------------------------------------------------------------------
 *
 * fuzz_graph.c
 *	  Any bytes as a stored graph: refused, or a graph that is written as it was
 *	  read, and that plans and runs of a few rows without touching what isn't its.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <math.h>

#include "base/hash.h"
#include "graph/graph.h"
#include "kernel/kernel.h"

#define BYTES_MAX	((size_t) 1 << 22)	/* of what a run may need here */
#define FLOPS_MAX	1e7

/* Numbers of all kinds: small ones, and such that a kernel must stand. */
static void
fill(void *memory, size_t bytes, ml_dtype dtype, ml_rng *rng)
{
	static const double strange[] = {0, -0.0, 1e30, -1e30, INFINITY, -INFINITY, NAN, 1e-40};

	for (size_t i = 0; i < bytes / ml_dtypes[dtype].block_bytes; i++)
	{
		double		x = ml_rng_below(rng, 40) == 0 ? strange[ml_rng_below(rng, 8)] : ml_rng_double(rng) * 4 - 2;

		if (dtype == ML_F32)
			((float *) memory)[i] = (float) x;
		else if (dtype == ML_F64)
			((double *) memory)[i] = x;
		else if (dtype == ML_I32)
			((int32_t *) memory)[i] = ml_rng_below(rng, 40) == 0 ? (int32_t) ml_rng_next(rng) : (int32_t) ml_rng_below(rng, 6) - 1;
		else
			memset((char *) memory + i * ml_dtypes[dtype].block_bytes, (int) ml_rng_below(rng, 3), ml_dtypes[dtype].block_bytes);
	}
}

/* What may be the offsets of rows: those of the words of some symbol. */
static void
fill_offsets(int32_t *offsets, size_t n, const ml_binding *binding, int32_t nsymbols, ml_rng *rng)
{
	int64_t		words = nsymbols > 0 ? binding->numbers[ml_rng_below(rng, (uint64_t) nsymbols)] : 0;

	offsets[0] = 0;
	for (size_t i = 1; i < n; i++)
		offsets[i] = i == n - 1 ? (int32_t) words :
			offsets[i - 1] + (int32_t) ml_rng_below(rng, (uint64_t) (words - offsets[i - 1]) + 1);
}

/* Sizes, and two packed rows for each. */
static void
bind(ml_binding *binding, int32_t offsets[ML_SYMBOLS_MAX][3], const ml_graph *graph, ml_rng *rng)
{
	memset(binding, 0, sizeof(*binding));
	for (int32_t i = 0; i < graph->symbols.n; i++)
	{
		int64_t		n = (int64_t) ml_rng_below(rng, 6);

		binding->numbers[i] = n;
		binding->rows[i] = 2;
		binding->offsets[i] = offsets[i];
		offsets[i][0] = 0;
		offsets[i][1] = (int32_t) ml_rng_below(rng, (uint64_t) n + 1);
		offsets[i][2] = (int32_t) n;
	}
}

/* Inputs in blocks of their exact size, so that reading beyond them is found. */
static void
run_graph(unit_host *host, ml_runner *runner, ml_rng *rng)
{
	const ml_graph *graph = runner->graph;
	size_t		width = ml_dtypes[graph->dtype].block_bytes;
	void	   *parameters = aligned_alloc(ML_ALIGN, graph->parameters * width + ML_ALIGN);
	void	   *states = aligned_alloc(ML_ALIGN, graph->state_bytes + ML_ALIGN);
	void	  **inputs = calloc((size_t) graph->nvalues + 1, sizeof(void *));

	fill(parameters, graph->parameters * width, graph->dtype, rng);
	fill(states, graph->state_bytes, graph->dtype, rng);
	for (int32_t v = 0; v < graph->nvalues; v++)
		if (graph->values[v].kind == ML_VALUE_INPUT)
		{
			const ml_view *view = ml_runner_view(runner, v);
			size_t		bytes = ml_storage_bytes(view->dtype, view->layout, view->ndims, view->dims);

			if (bytes > BYTES_MAX)
				goto done;
			inputs[v] = malloc(bytes);
			fill(inputs[v], bytes, view->dtype, rng);
			if (view->dtype == ML_I32 && view->ndims == 1 && bytes > 0 && ml_rng_below(rng, 4) > 0)
				fill_offsets(inputs[v], bytes / 4, &runner->plan.binding, graph->symbols.n, rng);
			runner->inputs[v] = inputs[v];
		}
	runner->parameters = parameters;
	runner->states = states;
	(void) ml_runner_run(&host->ctx, runner, false);
done:
	for (int32_t v = 0; v < graph->nvalues; v++)
		free(inputs[v]);
	free(inputs);
	free(parameters);
	free(states);
}

/* graph: finished. */
static void
plan_and_run(unit_host *host, const ml_graph *graph, ml_rng *rng)
{
	ml_runner  *runner;
	ml_binding	binding;
	int32_t		offsets[ML_SYMBOLS_MAX][3];

	host->limit_bytes = BYTES_MAX + host->live_bytes;
	if (graph->parameters < BYTES_MAX / 8 && graph->state_bytes < BYTES_MAX &&
		ml_runner_open(&host->ctx, graph, ml_kernel_select(ML_LEVEL_AUTO), &runner) == ML_OK)
	{
		for (int i = 0; i < 2; i++)
		{
			bind(&binding, offsets, graph, rng);
			if (ml_runner_bind(&host->ctx, runner, &binding, false) == ML_OK && runner->plan.flops < FLOPS_MAX)
				run_graph(host, runner, rng);
		}
		ml_runner_close(&host->ctx, runner);
	}
	host->limit_bytes = 0;
}

static void
check_again(unit_host *host, const ml_graph *graph, ml_buffer *json)
{
	ml_graph   *again;
	ml_buffer	text = {0};

	fuzz_check(ml_graph_write(&host->ctx, graph, json) == ML_OK);
	fuzz_check(ml_graph_read(&host->ctx, (ml_text) {json->data, json->size}, &again) == ML_OK);
	fuzz_check(ml_graph_write(&host->ctx, again, &text) == ML_OK);
	fuzz_check(text.size == json->size && memcmp(text.data, json->data, text.size) == 0);
	ml_graph_close(&host->ctx, again);
	ml_buffer_free(&host->ctx, &text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_host	host;
	ml_graph   *graph;
	ml_buffer	json = {0};
	ml_rng		rng;

	unit_open(&host);
	ml_rng_seed(&rng, ml_hash(data, size, 0));
	if (ml_graph_read(&host.ctx, (ml_text) {(const char *) data, size}, &graph) == ML_OK)
	{
		check_again(&host, graph, &json);
		if (ml_graph_finish(&host.ctx, graph) == ML_OK)
			plan_and_run(&host, graph, &rng);
		else
			fuzz_check(host.ctx.error.status == ML_UNSUPPORTED);
	}
	else
		fuzz_check(host.ctx.error.status == ML_BAD_MODEL || host.ctx.error.status == ML_NEWER_FORMAT ||
				   host.ctx.error.status == ML_BAD_TEXT);
	ml_graph_close(&host.ctx, graph);
	ml_buffer_free(&host.ctx, &json);
	fuzz_check(host.live_blocks == 0);
	return 0;
}
