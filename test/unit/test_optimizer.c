/*-------------------------------------------------------------------------
 *
 * test_optimizer.c
 *	  Optimisers and schedules: trajectories against PyTorch (test/data/
 *	  optimizers.py), rows without gradients, checkpoints, options.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "kernel/kernel.h"
#include "learn/optimizer.h"

#include <math.h>

#define ROWS_MAX	8
#define SIZE_LARGEST	64

typedef struct record
{
	const ml_json *root;
	int64_t		epochs;
	int64_t		steps;			/* of an epoch */
	int64_t		rows;
	int64_t		width;
	size_t		n;
	/* a graph of one parameter [rows, width], and flags of its rows */
	ml_graph	graph;
	ml_graph_value value;
	uint8_t		flags[ROWS_MAX];
	uint8_t    *touched[1];
	_Alignas(64) float w[SIZE_LARGEST];
	_Alignas(64) float g[SIZE_LARGEST];
} record;

static void
read_floats(const ml_json *array, float *to)
{
	for (const ml_json *node = array->first; node != NULL; node = node->next)
		*to++ = (float) node->number;
}

static bool
open_record(unit_host *host, ml_arena *arena, const char *text, size_t size, record *r)
{
	memset(r, 0, sizeof(*r));
	if (ml_json_parse(&host->ctx, arena, (ml_text) {text, size}, ML_BAD_DATA, &r->root) != ML_OK ||
		!ml_json_integer(ml_json_get(r->root, "epochs"), 1, 100, &r->epochs) ||
		!ml_json_integer(ml_json_get(r->root, "steps_per_epoch"), 1, 100, &r->steps) ||
		!ml_json_integer(ml_json_get(r->root, "rows"), 1, ROWS_MAX, &r->rows) ||
		!ml_json_integer(ml_json_get(r->root, "width"), 1, 8, &r->width))
		return false;
	r->n = (size_t) (r->rows * r->width);
	r->graph.dtype = ML_F32;
	r->graph.nvalues = 1;
	r->graph.values = &r->value;
	r->graph.parameters = ml_size_align(r->n, 16);
	r->value.kind = ML_VALUE_PARAMETER;
	r->value.shape = (ml_shape) {.dtype = ML_F32, .ndims = 2, .dims = {r->rows, r->width}};
	r->touched[0] = r->flags;
	return true;
}

/* The t-th gradients; rows that are all 0 are not touched. */
static void
set_gradients(record *r, int64_t t)
{
	const ml_json *node = ml_json_get(r->root, "gradients")->first;

	while (t-- > 0)
		node = node->next;
	read_floats(node, r->g);
	for (int64_t i = 0; i < r->rows; i++)
	{
		r->flags[i] = 0;
		for (int64_t j = 0; j < r->width; j++)
			r->flags[i] |= r->g[i * r->width + j] != 0;
	}
}

static double
loss_of(const record *r, int64_t epoch)
{
	const ml_json *node = ml_json_get(r->root, "losses")->first;

	while (epoch-- > 0)
		node = node->next;
	return node->number;
}

/* The number of element i of an array. */
static double
element(const ml_json *array, int64_t i)
{
	const ml_json *node = array->first;

	while (i-- > 0)
		node = node->next;
	return node->number;
}

/* The largest difference between the weights and those recorded after this step; 0: none recorded. */
static double
compare(const record *r, const ml_json *steps, const ml_json *weights, int64_t step)
{
	const ml_json *at = weights->first;
	double		largest = 0;

	for (const ml_json *node = steps->first; node != NULL; node = node->next, at = at->next)
	{
		if ((int64_t) node->number != step)
			continue;
		for (size_t i = 0; i < r->n; i++)
			largest = fmax(largest, fabs(r->w[i] - element(at, (int64_t) i)));
	}
	return largest;
}

typedef struct outcome
{
	double		weights;		/* largest difference from the recorded ones */
	double		rates;
	bool		clean;			/* gradients and flags of sparse rows were cleared */
} outcome;

/* Go through all steps; cut: save and load the state in the middle. */
static ml_status
go(ml_context *ctx, record *r, const ml_json *one, const ml_kernel *kernel, bool sparse, bool cut,
   outcome *o)
{
	const ml_json *rates = ml_json_get(one, "rates");
	ml_optimizer_settings settings;
	ml_optimizer_run *run = NULL;
	ml_optimizer_run *next = NULL;
	ml_status	status;
	int64_t		step = 0;

	*o = (outcome) {.clean = true};
	r->value.sparse = sparse;
	read_floats(ml_json_get(r->root, "start"), r->w);
	status = ml_optimizer_settings_read(ctx, ml_json_get(one, "optimizer")->string, &settings);
	if (status == ML_OK)
		status = ml_optimizer_open(ctx, &settings, &r->graph, (uint64_t) r->epochs, (uint64_t) r->steps, &run);
	for (int64_t epoch = 0; status == ML_OK && epoch < r->epochs; epoch++)
	{
		for (int64_t i = 0; status == ML_OK && i < r->steps; i++)
		{
			o->rates = fmax(o->rates, fabs(ml_optimizer_rate(run) - element(rates, step)));
			set_gradients(r, step);
			status = ml_optimizer_step(ctx, run, kernel, r->w, r->g, sparse ? r->touched : NULL);
			o->weights = fmax(o->weights, compare(r, ml_json_get(one, "steps"), ml_json_get(one, "weights"), ++step));
			for (size_t j = 0; sparse && j < r->n; j++)
				o->clean &= r->g[j] == 0 && r->flags[j / r->width] == 0;
		}
		if (status == ML_OK)
			ml_optimizer_epoch(run, loss_of(r, epoch));
		if (status == ML_OK && cut && epoch == r->epochs / 2)
		{
			double		numbers[ML_OPTIMIZER_NUMBERS];

			ml_optimizer_save(run, numbers);
			status = ml_optimizer_open(ctx, &settings, &r->graph, (uint64_t) r->epochs, (uint64_t) r->steps, &next);
			if (status == ML_OK)
				status = ml_optimizer_load(ctx, next, numbers);
			for (int k = 0; status == ML_OK && k < run->nmoments; k++)
				memcpy(next->moments[k], run->moments[k], r->graph.parameters * sizeof(float));
			if (status == ML_OK)
			{
				ml_optimizer_close(ctx, run);
				run = next;
				next = NULL;
			}
		}
	}
	ml_optimizer_close(ctx, next);
	ml_optimizer_close(ctx, run);
	return status;
}

static void
test_trajectories(unit_host *host, record *r)
{
	int			ncases = 0;

	for (const ml_json *one = ml_json_get(r->root, "cases")->first; one != NULL; one = one->next, ncases++)
	{
		ml_text		name = ml_json_get(one, "optimizer")->string;
		float		dense[SIZE_LARGEST];
		outcome		o;

		for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		{
			const ml_kernel *kernel = ml_kernel_select(level);

			unit_ok(go(&host->ctx, r, one, kernel, false, false, &o) == ML_OK, "%.*s", (int) name.size, name.data);
			unit_ok(o.weights < 1e-6, "  weights are PyTorch's (%g, %s)", o.weights, ml_level_name(level));
			unit_ok(o.rates < 1e-12, "  and so are the rates (%g)", o.rates);
			memcpy(dense, r->w, sizeof(dense));
			unit_ok(go(&host->ctx, r, one, kernel, true, true, &o) == ML_OK &&
					memcmp(dense, r->w, r->n * sizeof(float)) == 0,
					"  the same bits with rows that have no gradients, cut and continued");
			unit_ok(o.clean, "  and these are cleared");
		}
	}
	unit_note("%d trajectories", ncases);
}

static void
test_norm(unit_host *host, record *r)
{
	ml_optimizer_settings settings;
	ml_optimizer_run *run;
	float		before;

	unit_ok(ml_optimizer_settings_read(&host->ctx, unit_text("{\"type\": \"sgd\", \"clip_norm\": 1, \"learning_rate\": 1}"),
									   &settings) == ML_OK, "clipping by norm");
	r->value.sparse = true;
	unit_ok(ml_optimizer_open(&host->ctx, &settings, &r->graph, 1, 1, &run) == ML_OK, "  opens");
	memset(r->flags, 0, sizeof(r->flags));
	for (size_t i = 0; i < r->n; i++)
		r->g[i] = 0;
	r->g[2 * r->width] = 3e30f;
	r->g[2 * r->width + 1] = -4e30f;
	r->flags[2] = 1;
	before = r->w[2 * r->width];
	unit_ok(ml_optimizer_step(&host->ctx, run, &ml_kernel_ref, r->w, r->g, r->touched) == ML_OK, "  steps");
	unit_is_near(run->norm, 5e30, 1e25, "  its norm, though squares are no floats");
	unit_is_near(before - r->w[2 * r->width], 0.6, 1e-6, "  the gradient has norm 1");
	ml_optimizer_close(&host->ctx, run);
}

static void
test_settings(unit_host *host)
{
	static const char *const good[] = {
		"\"adam\"", "{}", "{\"type\": \"momentum\", \"momentum\": 0.95, \"clip_norm\": 1.5}",
		"{\"type\": \"rmsprop\", \"schedule\": {\"type\": \"reduce_on_plateau\", \"patience\": 3, \"unit\": \"step\"}}",
		"{\"type\": \"adagrad\", \"schedule\": \"cosine\"}",
		"{\"schedule\": {\"type\": \"step\", \"every\": 3, \"warmup\": 7}, \"clip_value\": 0.1, \"epsilon\": 1e-07}",
		"{\"type\": \"nesterov\", \"learning_rate\": null, \"schedule\": null}",
	};
	static const struct
	{
		const char *json;
		const char *part;
	}			bad[] = {
		{"\"adem\"", "unknown optimizer \"adem\""},
		{"7", "must be a name, or an object with \"type\""},
		{"{\"type\": 7}", "must be a name, or an object with \"type\""},
		{"{\"type\": \"sgd\", \"beta1\": 0.9}", "optimizer sgd does not take \"beta1\""},
		{"{\"type\": \"sgd\", \"momentum\": 0.9}", "optimizer sgd does not take \"momentum\""},
		{"{\"type\": \"adam\", \"learning_rat\": 0.9}", "optimizer adam does not take \"learning_rat\""},
		{"{\"learning_rate\": -1}", "optimizer adam: \"learning_rate\" does not take -1"},
		{"{\"learning_rate\": \"fast\"}", "\"learning_rate\" does not take \"fast\""},
		{"{\"learning_rate\": [1]}", "\"learning_rate\" does not take this array"},
		{"{\"epsilon\": 0}", "\"epsilon\" does not take 0"},
		{"{\"type\": \"adagrad\", \"epsilon\": 0}", "\"epsilon\" does not take 0"},
		{"{\"clip_norm\": 0}", "\"clip_norm\" does not take 0"},
		{"{\"schedule\": \"cosin\"}", "unknown schedule \"cosin\""},
		{"{\"schedule\": 1}", "\"schedule\" must be a name, or an object with \"type\""},
		{"{\"schedule\": {\"type\": \"step\"}}", "schedule step needs \"every\""},
		{"{\"schedule\": {\"type\": \"step\", \"every\": null}}", "schedule step: \"every\" does not take null"},
		{"{\"schedule\": {\"type\": \"step\", \"every\": 1.5}}", "schedule step: \"every\" does not take 1.5"},
		{"{\"schedule\": {\"type\": \"cosine\", \"factor\": 1}}", "schedule cosine does not take \"factor\""},
		{"{\"schedule\": {\"unit\": \"day\"}}", "schedule constant: \"unit\" does not take \"day\""},
		{"{", "JSON"},
	};

	for (size_t i = 0; i < ML_LENGTH(good); i++)
	{
		ml_optimizer_settings settings;
		ml_optimizer_settings again;
		ml_buffer	written = {0};
		ml_buffer	twice = {0};

		unit_ok(ml_optimizer_settings_read(&host->ctx, unit_text(good[i]), &settings) == ML_OK, "%s: %s", good[i],
				host->ctx.error.text);
		unit_ok(ml_optimizer_settings_write(&host->ctx, &settings, &written) == ML_OK &&
				ml_optimizer_settings_read(&host->ctx, (ml_text) {written.data, written.size}, &again) == ML_OK &&
				ml_optimizer_settings_write(&host->ctx, &again, &twice) == ML_OK &&
				strcmp(written.data, twice.data) == 0 && memcmp(&settings, &again, sizeof(again)) == 0,
				"  says itself: %s", written.data);
		ml_buffer_free(&host->ctx, &written);
		ml_buffer_free(&host->ctx, &twice);
	}
	for (size_t i = 0; i < ML_LENGTH(bad); i++)
	{
		ml_optimizer_settings settings;

		unit_fails(host, ml_optimizer_settings_read(&host->ctx, unit_text(bad[i].json), &settings), ML_BAD_OPTION,
				   bad[i].part, "%s", bad[i].json);
	}
	unit_fails(host, ml_optimizer_settings_read(&host->ctx, unit_text("\"adem\""), &(ml_optimizer_settings) {0}),
			   ML_BAD_OPTION, "adem", "a name that is nearly right");
	unit_is_text(unit_text(host->ctx.error.hint), "Perhaps you meant \"adam\".", "  has a hint");
	unit_fails(host, ml_optimizer_settings_read(&host->ctx, unit_text("{\"type\": \"sgd\", \"momentum\": 0.9}"), &(ml_optimizer_settings) {0}),
			   ML_BAD_OPTION, "momentum", "SGD with momentum");
	unit_ok(strstr(host->ctx.error.hint, "{\"type\": \"momentum\"") != NULL, "  is another one: %s", host->ctx.error.hint);
}

/* Whatever settings are written with is in the README. */
static void
test_readme(unit_host *host)
{
	static const char *const rules[] = {"gradient_descent", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"};
	static const char *const schedules[] = {"\"constant\"", "{\"type\": \"step\", \"every\": 1}", "\"exponential\"", "\"cosine\"",
	"\"reduce_on_plateau\""};
	size_t		size;
	char	   *readme = unit_read("README.md", &size);

	for (size_t i = 0; readme != NULL && i < ML_LENGTH(rules); i++)
	{
		ml_arena	arena = {0};
		ml_buffer	json = {0};
		ml_optimizer_settings settings;
		const ml_json *root;
		char		text[128];

		snprintf(text, sizeof(text), "{\"type\": \"%s\", \"schedule\": %s}", rules[i], schedules[i % ML_LENGTH(schedules)]);
		unit_ok(ml_optimizer_settings_read(&host->ctx, unit_text(text), &settings) == ML_OK &&
				ml_optimizer_settings_write(&host->ctx, &settings, &json) == ML_OK &&
				ml_json_parse(&host->ctx, &arena, (ml_text) {json.data, json.size}, ML_INTERNAL, &root) == ML_OK, "%s", text);
		snprintf(text, sizeof(text), "| `%s` |", rules[i]);
		unit_ok(strstr(readme, text) != NULL, "  README: %s", text);
		for (int inner = 0; inner < 2; inner++)
			for (const ml_json *node = (inner ? ml_json_get(root, "schedule") : root)->first; node != NULL; node = node->next)
			{
				snprintf(text, sizeof(text), "`%.*s`", (int) node->key.size, node->key.data);
				unit_ok(ml_text_equal(node->key, ML_TEXT("type")) || strstr(readme, text) != NULL, "  README: %s", text);
			}
		ml_buffer_free(&host->ctx, &json);
		ml_arena_free(&host->ctx, &arena);
	}
	free(readme);
}

static void
test_state(unit_host *host, record *r)
{
	static const double bad[][ML_OPTIMIZER_NUMBERS] = {
		{-1}, {0.5}, {NAN}, {1e300}, {1, INFINITY}, {1, 1, 2}, {1, 1, 1, NAN}, {1, 1, 0, 0, -1}, {1, 1, 0, 0, 0, 0.5},
		{1, 1, 0, 0, 0, 0, -1}, {1, 1, 0, 0, 0, 0, NAN},
	};
	ml_optimizer_settings settings;
	ml_optimizer_run *run = NULL;

	unit_ok(ml_optimizer_settings_read(&host->ctx, (ml_text) {0}, &settings) == ML_OK &&
			settings.rule == ML_RULE_ADAM && ml_optimizer_open(&host->ctx, &settings, &r->graph, 1, 1, &run) == ML_OK,
			"no option is adam");
	unit_is_int(ml_optimizer_bytes(&settings, &r->graph) - sizeof(*run) - 3 * sizeof(*run->ranges),
				2 * r->graph.parameters * sizeof(float), "two moments are counted");
	for (size_t i = 0; run != NULL && i < ML_LENGTH(bad); i++)
		unit_fails(host, ml_optimizer_load(&host->ctx, run, bad[i]), ML_BAD_MODEL, "damaged", "state %zu", i);
	ml_optimizer_close(&host->ctx, run);
	r->graph.dtype = ML_F64;
	unit_fails(host, ml_optimizer_open(&host->ctx, &settings, &r->graph, 1, 1, &run), ML_UNSUPPORTED, "single precision",
			   "doubles");
	r->graph.dtype = ML_F32;
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	record	   *r = argument;
	const ml_json *one = ml_json_get(r->root, "cases")->first;
	outcome		o;

	for (int i = 0; i < 17; i++)
		one = one->next;		/* adamw with both clippings */
	return go(ctx, r, one, &ml_kernel_ref, true, true, &o);
}

int
main(void)
{
	static record r;
	unit_host	host;
	ml_arena	arena = {0};
	size_t		size;
	char	   *text = unit_data("optimizers.json", &size);

	unit_open(&host);
	test_settings(&host);
	test_readme(&host);
	unit_ok(text != NULL && open_record(&host, &arena, text, size, &r), "what PyTorch did");
	if (r.n > 0)
	{
		test_trajectories(&host, &r);
		test_norm(&host, &r);
		test_state(&host, &r);
		unit_every_allocation_fails("a run", scenario, &r);
		unit_every_poll_cancels("a run", scenario, &r);
	}
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "optimizer");
	free(text);
	return unit_done();
}
