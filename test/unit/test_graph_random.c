/* Random whole networks: gradients, single against double precision, written and read, faults. */
#include "random_graph.h"

#define GRAPHS	150
#define OPS_MAX	256

static double
output_of(toy *t, const char *name, int i)
{
	const ml_view *view = ml_runner_view(t->runner, ml_graph_find(t->graph, ML_VALUE_OUTPUT, unit_text(name)));

	return view->dtype == ML_F64 ? ((const double *) view->data)[i] : ((const float *) view->data)[i];
}

static void
test_gradients(void)
{
	unit_host	host;
	int			right = 0;
	int			close = 0;
	int			nodes = 0;
	int			kinds = 0;
	double		worst = 0;
	bool		seen[OPS_MAX] = {false};

	unit_open(&host);
	for (uint64_t seed = 1; seed <= GRAPHS; seed++)
	{
		random_graph *g = calloc(2, sizeof(*g));
		double		error;

		for (int i = 0; i < 2; i++)
			if (rg_open(&host.ctx, &g[i], seed, i == 0 ? ML_F64 : ML_F32, 3 + (int) seed % 9, true) != ML_OK ||
				rg_ready(&g[i], &g[i].t, true) != ML_OK || ml_runner_run(&host.ctx, g[i].t.runner, false) != ML_OK)
				unit_note("network %d: %s", (int) seed, host.ctx.error.text);
		for (int32_t k = 0; k < g->t.graph->nnodes; k++)
			seen[g->t.graph->nodes[k].op] = true;
		nodes += g->t.graph->nnodes;
		close += fabs(output_of(&g[0].t, "loss", 0) - output_of(&g[1].t, "loss", 0)) <
			1e-4 * (1 + fabs(output_of(&g[0].t, "loss", 0)));
		error = toy_check(&g[0].t);
		worst = fmax(worst, error);
		right += error < 1e-6;
		if (!(error < 1e-6))
			unit_note("network %d: %g", (int) seed, error);
		toy_close(&g[0].t);
		toy_close(&g[1].t);
		free(g);
	}
	for (int i = 0; i < OPS_MAX; i++)
		kinds += seen[i];
	unit_is_int(right, GRAPHS, "gradients of random networks are those of differences");
	unit_is_int(close, GRAPHS, "single precision says what double does");
	unit_note("%d networks, %d nodes of %d ops, worst error %.1e", GRAPHS, nodes, kinds, worst);
	unit_close(&host, "gradients");
}

/* A forward graph written and read gives the same bits. */
static void
test_stored(void)
{
	unit_host	host;
	int			equal = 0;

	unit_open(&host);
	for (uint64_t seed = 1; seed <= GRAPHS; seed++)
	{
		random_graph *g = calloc(1, sizeof(*g));
		ml_buffer	json = {0};
		toy			u = {.ctx = &host.ctx};

		(void) rg_open(&host.ctx, g, seed, ML_F32, 3 + (int) seed % 9, false);
		if (ml_graph_write(&host.ctx, g->t.graph, &json) != ML_OK ||
			ml_graph_read(&host.ctx, (ml_text) {json.data, json.size}, &u.graph) != ML_OK)
			unit_note("network %d: %s", (int) seed, host.ctx.error.text);
		if (rg_ready(g, &g->t, false) != ML_OK || rg_ready(g, &u, false) != ML_OK ||
			ml_runner_run(&host.ctx, g->t.runner, false) != ML_OK || ml_runner_run(&host.ctx, u.runner, false) != ML_OK)
			unit_note("network %d: %s", (int) seed, host.ctx.error.text);
		equal += output_of(&g->t, "loss", 0) == output_of(&u, "loss", 0);
		toy_close(&g->t);
		toy_close(&u);
		ml_buffer_free(&host.ctx, &json);
		free(g);
	}
	unit_is_int(equal, GRAPHS, "a network that was written and read gives the same bits");
	unit_close(&host, "stored");
}

/* A whole life: built, fused, planned, run, written, read. */
static ml_status
life(ml_context *ctx, void *argument)
{
	random_graph *g = calloc(1, sizeof(*g));
	ml_buffer	json = {0};
	ml_graph   *again = NULL;
	ml_status	status = rg_open(ctx, g, *(const uint64_t *) argument, ML_F32, 8, true);

	if (status == ML_OK)
		status = rg_ready(g, &g->t, true);
	if (status == ML_OK)
		status = ml_runner_run(ctx, g->t.runner, false);
	if (status == ML_OK)
		status = ml_graph_write(ctx, g->t.graph, &json);
	if (status == ML_OK)
		status = ml_graph_read(ctx, (ml_text) {json.data, json.size}, &again);
	if (status == ML_OK)
		status = ml_graph_finish(ctx, again);
	ml_graph_close(ctx, again);
	ml_buffer_free(ctx, &json);
	toy_close(&g->t);
	free(g);
	return status;
}

int
main(void)
{
	test_gradients();
	test_stored();
	for (uint64_t seed = 1; seed <= 5; seed++)
	{
		unit_every_allocation_fails("a network's life", life, &seed);
		unit_every_poll_cancels("a network's life", life, &seed);
	}
	return unit_done();
}
