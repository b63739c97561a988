/* The plan of a run: what lies where, how much, how fast it is made. */
#include "toy_graph.h"

#include <time.h>

/*
 * A random graph of n nodes of sums and products that broadcast, over values of
 * [rows, 4], [rows, 1] and [4]; its loss and gradients.  shared: false gives
 * every value a place of its own.
 */
static ml_status
random_graph(toy *t, uint64_t seed, int n, bool shared)
{
	ml_emitter *e = &t->b.e;
	ml_rng		rng;
	int32_t		values[1024];
	int			nvalues = 0;
	char		name[32];

	ml_rng_seed(&rng, seed);
	values[nvalues++] = ml_builder_input(&t->b, ML_TEXT("x"), &(ml_shape) {.dtype = ML_F64, .ndims = 2, .dims = {t->rows, 4}});
	for (int i = 0; i < 3; i++)
	{
		snprintf(name, sizeof(name), "w%d", i);
		values[nvalues++] = ml_builder_parameter(&t->b, unit_text(name), &(ml_shape) {.dtype = ML_F64, .ndims = 1, .dims = {4}}, false);
	}
	for (int i = 0; i < n; i++)
	{
		/* mostly recent ones, so that lives are of all lengths */
		int			first = ml_rng_below(&rng, 3) == 0 ? 0 : ML_MAX(0, nvalues - 6);
		int32_t		a = values[first + ml_rng_below(&rng, (uint64_t) (nvalues - first))];
		int32_t		b = values[ml_rng_below(&rng, 4) == 0 ? 1 + ml_rng_below(&rng, 3) : first + ml_rng_below(&rng, (uint64_t) (nvalues - first))];

		switch (ml_rng_below(&rng, 5))
		{
			case 0:
				a = ml_emit2(e, &ml_op_mul, NULL, a, b);
				a = ml_emit2(e, &ml_op_mul, NULL, a, e->constant(e, ML_F64, 0.5));
				break;
			case 1:
				if (e->shape(e, a)->ndims == 2)
					a = ml_emit1(e, &ml_op_sum_to, &(ml_attributes) {.ndims = 2, .dims = {t->rows, 1}}, a);
				a = ml_emit2(e, &ml_op_mul, NULL, a, e->constant(e, ML_F64, 0.25));
				break;
			case 2:
				a = ml_emit1(e, &ml_op_broadcast_to, &(ml_attributes) {.ndims = 2, .dims = {t->rows, 4}}, a);
				break;
			default:
				a = ml_emit2(e, &ml_op_add, NULL, a, b);
				a = ml_emit2(e, &ml_op_mul, NULL, a, e->constant(e, ML_F64, 0.7));
		}
		values[nvalues++] = a;
	}
	ML_TRY(ml_graph_backward(&t->b, toy_sum(t, values[nvalues - 1])));
	for (int32_t v = 0; !shared && v < t->graph->nvalues; v++)
		if (t->graph->values[v].kind == ML_VALUE_ACTIVATION)
		{
			snprintf(name, sizeof(name), "value %d", v);
			ml_builder_output(&t->b, unit_text(name), v);
		}
	return toy_finish(t);
}

static bool
nearly_equal(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs(a[i] - b[i]) <= 1e-12 * (1 + fabs(a[i]))))
			return false;
	return true;
}

static void
test_places(void)
{
	unit_host	host;
	int			equal = 0;
	int			right = 0;
	double		shared_bytes = 0;
	double		own_bytes = 0;
	double		x[20];

	unit_open(&host);
	for (int i = 0; i < 20; i++)
		x[i] = cos(i);
	for (uint64_t seed = 1; seed <= 100; seed++)
	{
		toy			t[2];

		for (int i = 0; i < 2; i++)
		{
			(void) toy_open(&host.ctx, ML_F64, &t[i]);
			if (random_graph(&t[i], seed, 5 + (int) seed % 40, i == 0) != ML_OK ||
				toy_bind(&t[i], 5, true) != ML_OK)
				unit_note("%s", host.ctx.error.text);
			t[i].runner->inputs[ml_graph_find(t[i].graph, ML_VALUE_INPUT, ML_TEXT("x"))] = x;
			if (ml_runner_run(&host.ctx, t[i].runner, false) != ML_OK)
				unit_note("%s", host.ctx.error.text);
		}
		/* sums of gradients that are added in place round otherwise */
		equal += toy_loss(&t[0]) == toy_loss(&t[1]) && nearly_equal(t[0].gradients, t[1].gradients, t[0].graph->parameters);
		shared_bytes += (double) t[0].runner->plan.bytes;
		own_bytes += (double) t[1].runner->plan.bytes;
		right += toy_check(&t[0]) < 1e-6;
		toy_close(&t[0]);
		toy_close(&t[1]);
	}
	unit_is_int(equal, 100, "values that share memory give what those give that don't");
	unit_is_int(right, 100, "gradients of random graphs agree with differences");
	unit_ok(shared_bytes < 0.7 * own_bytes, "sharing takes %.0f %% of the memory", 100 * shared_bytes / own_bytes);
	unit_close(&host, "places");
}

/* What a run takes from the host is what the plan says; after the largest one it takes nothing. */
static void
test_memory(void)
{
	unit_host	host;
	toy			t;
	double	   *x = calloc(4000, sizeof(double));
	size_t		before;
	uint64_t	allocations;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	(void) random_graph(&t, 3, 60, true);
	t.runner->inputs[ml_graph_find(t.graph, ML_VALUE_INPUT, ML_TEXT("x"))] = x;
	before = host.live_bytes;
	host.peak_bytes = before;
	unit_is_int(toy_bind(&t, 1000, true), ML_OK, "a plan for 1000 rows");
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_OK, "runs");
	unit_is_int(host.peak_bytes - before, t.runner->plan.bytes + ML_ALIGN, "its peak is what the plan says");
	allocations = host.allocations;
	for (int rows = 1000; rows >= 0; rows -= 100)
	{
		(void) toy_bind(&t, rows, true);
		(void) ml_runner_run(&host.ctx, t.runner, false);
	}
	unit_is_int(host.allocations, allocations, "smaller ones allocate nothing");
	unit_fails(&host, toy_bind(&t, -1, true), ML_BAD_INPUT, "negative", "a negative size");
	unit_fails(&host, toy_bind(&t, (int64_t) INT32_MAX + 1, true), ML_BAD_INPUT, "too large", "a size beyond all");
	host.limit_bytes = host.live_bytes + 1000000;
	unit_is_int(toy_bind(&t, INT32_MAX, true), ML_NO_MEMORY, "a size that memory ends at");
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_INTERNAL, "no run without a plan");
	host.limit_bytes = 0;
	unit_is_int(toy_bind(&t, 1000, true), ML_OK, "another plan");
	unit_is_int(ml_runner_run(&host.ctx, t.runner, false), ML_OK, "runs");
	toy_close(&t);
	unit_close(&host, "memory");
	free(x);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec * 1e-3;
}

static void
test_speed(void)
{
	unit_host	host;
	toy			t;
	double		best = INFINITY;
	double		hundreds;

	unit_open(&host);
	(void) toy_open(&host.ctx, ML_F64, &t);
	(void) random_graph(&t, 8, 120, true);
	for (int i = 0; i < 200; i++)
	{
		double		start = now();

		(void) toy_bind(&t, 10 + i % 2, true);
		best = fmin(best, now() - start);
	}
	hundreds = t.graph->nnodes / 100.0;
	unit_ok(best / hundreds < 500, "planning is fast");
	unit_note("%.1f us per 100 nodes (%d nodes, unoptimised)", best / hundreds, t.graph->nnodes);
	toy_close(&t);
	unit_close(&host, "speed");
}

int
main(void)
{
	test_places();
	test_memory();
	test_speed();
	return unit_done();
}
