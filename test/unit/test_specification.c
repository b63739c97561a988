/*-------------------------------------------------------------------------
 *
 * test_specification.c
 *	  Specifications of networks: defaults, presets, what is built of them, first
 *	  weights, summaries, messages.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network.h"

#include "graph/layer.h"

/* ---- reading and writing ---- */

static const ml_feed numbers = {.name = {"numbers", 7}, .kind = ML_FEED_NUMBERS, .size = 5};
static const ml_feed text_feed = {.name = {"text", 4}, .kind = ML_FEED_TOKENS, .size = 1000, .longest = 50};
static const ml_feed padded = {.name = {"text", 4}, .kind = ML_FEED_TOKENS, .size = 10000, .length = 100, .longest = 100};
static const ml_feed fashion = {.name = {"image", 5}, .kind = ML_FEED_IMAGE, .height = 28, .width = 28, .channels = 1};
static const ml_feed photo = {.name = {"image", 5}, .kind = ML_FEED_IMAGE, .height = 224, .width = 224, .channels = 3};
static const ml_feed series = {.name = {"series", 6}, .kind = ML_FEED_SERIES, .size = 4, .longest = 30};

static ml_network_task
labels(uint32_t nlabels, int nfeeds, const ml_feed *feeds)
{
	return (ml_network_task) {
		.classification = nlabels > 0, .nlabels = nlabels, .nfeeds = nfeeds, .feeds = feeds, .dtype = ML_F32
	};
}

/* Written with its defaults, it is read as the same; true: and so are the graphs' parameters. */
static bool
same_again(ml_context *ctx, const char *spec, const ml_network_task *task, ml_buffer *written)
{
	ml_buffer	twice = {0};
	bool		same = ml_network_normalize(ctx, unit_text(spec), task, written) == ML_OK &&
		ml_network_normalize(ctx, (ml_text) {written->data, written->size}, task, &twice) == ML_OK &&
		strcmp(written->data, twice.data) == 0;

	ml_buffer_free(ctx, &twice);
	return same;
}

static void
test_defaults(unit_host *host)
{
	ml_network_task task = labels(3, 1, &text_feed);
	ml_buffer	written = {0};

	unit_ok(same_again(&host->ctx, "{\"layers\": [{\"type\": \"embedding\", \"output_dim\": 8}, {\"type\": \"lstm\", \"units\": 4, "
					   "\"name\": \"cell\"}, {\"type\": \"dense\", \"units\": null, \"activation\": \"softmax\"}]}", &task, &written),
			"sizes left open: %s", host->ctx.error.text);
	unit_is_text(unit_text(written.data),
				 "{\"layers\": [{\"type\": \"embedding\", \"name\": \"embedding_1\", \"input_dim\": 1000, \"output_dim\": 8, "
				 "\"initializer\": \"uniform\"}, {\"type\": \"lstm\", \"name\": \"cell\", \"units\": 4, \"layers\": 1, "
				 "\"bidirectional\": false, \"return_sequences\": false, \"dropout\": 0, \"use_bias\": true, "
				 "\"recurrent_bias\": false, \"kernel_initializer\": \"glorot_uniform\", \"recurrent_initializer\": \"orthogonal\", "
				 "\"bias_initializer\": \"zeros\", \"unit_forget_bias\": true}, {\"type\": \"dense\", \"name\": \"dense_1\", "
				 "\"units\": 3, \"activation\": \"softmax\", \"use_bias\": true, \"kernel_initializer\": \"glorot_uniform\", "
				 "\"bias_initializer\": \"zeros\"}], \"loss\": {\"type\": \"categorical_crossentropy\", \"label_smoothing\": 0}}",
				 "  are filled in, with all defaults");
	ml_buffer_free(&host->ctx, &written);
}

/* All presets for all feeds that they are for, and all of these together. */
static void
test_presets(unit_host *host)
{
	static const char *const names[] = {"mlp", "text_average", "lstm", "cnn", "transformer", NULL};
	const ml_feed *feeds[] = {&numbers, &text_feed, &padded, &fashion, &series};
	ml_feed		all[] = {numbers, text_feed, fashion, series};

	for (int n = 0; n < 6; n++)
		for (int f = 0; f < 6; f++)
			for (uint32_t nlabels = 0; nlabels < 4; nlabels += 1 + (nlabels == 0))
			{
				ml_network_task task = labels(nlabels, f < 5 ? 1 : 4, f < 5 ? feeds[f] : all);
				bool		fits = n == 0 || n == 5 || f == 5 || (n == 3 && f != 0) || (n != 3 && f != 0 && f != 3);
				ml_buffer	written = {0};
				char		spec[64];

				if (n == 5)
					snprintf(spec, sizeof(spec), "{}");
				else
					snprintf(spec, sizeof(spec), "{\"network\": \"%s\"}", names[n]);
				if (!fits)
					unit_fails(host, ml_network_normalize(&host->ctx, unit_text(spec), &task, &written), ML_BAD_OPTION,
							   "and there are none", "%s for feed %d", spec, f);
				else
					unit_ok(same_again(&host->ctx, spec, &task, &written), "%s for feed %d and %u labels", spec, f, nlabels);
				ml_buffer_free(&host->ctx, &written);
			}
}

/* Draws of training, none in inference; parameters and states at the same places; bf16 is in the graph. */
static void
test_builds(unit_host *host)
{
	static const char spec[] = "{\"layers\": [{\"type\": \"dense\", \"units\": 6, \"activation\": \"gelu\"}, "
		"{\"type\": \"batch_normalization\"}, {\"type\": \"dropout\"}, {\"type\": \"dense\"}]}";
	ml_network_task task = labels(2, 1, &numbers);
	ml_network	network[3];
	int			draws[3] = {0};
	int			states[3] = {0};

	for (int i = 0; i < 3; i++)
	{
		task.training = i == 0;
		task.with_loss = i == 1;
		unit_ok(ml_network_build(&host->ctx, unit_text(spec), &task, &network[i]) == ML_OK, "graph %d: %s", i,
				host->ctx.error.text);
		for (int32_t n = 0; n < network[i].graph->nnodes; n++)
		{
			draws[i] += (ml_ops[network[i].graph->nodes[n].op]->flags & ML_OP_DRAWS) != 0;
			states[i] += (ml_ops[network[i].graph->nodes[n].op]->flags & ML_OP_STATE) != 0;
		}
		unit_ok(network[i].graph->parameters == network[0].graph->parameters &&
				network[i].graph->state_bytes == network[0].graph->state_bytes, "  its vectors");
		for (int32_t v = 0; v < network[i].graph->nvalues; v++)
		{
			const ml_graph_value *value = &network[i].graph->values[v];
			int32_t		twin = value->kind != ML_VALUE_PARAMETER && value->kind != ML_VALUE_STATE ? ML_NO_VALUE :
				ml_graph_find(network[0].graph, value->kind, ml_graph_text(network[i].graph, value->name));

			if (value->kind == ML_VALUE_PARAMETER || value->kind == ML_VALUE_STATE)
				unit_ok(twin != ML_NO_VALUE && network[0].graph->values[twin].offset == value->offset, "  place of value %d", (int) v);
		}
	}
	unit_ok(draws[0] > 0 && states[0] == 2 && draws[1] == 0 && states[1] == 0 && draws[2] == 0 && states[2] == 0,
			"dropout and statistics are for training");
	unit_ok(network[0].whole_batches && !network[2].whole_batches && network[2].output_kind == ML_OUTPUT_LOGITS &&
			network[2].outputs == 1 && network[1].loss != ML_NO_VALUE && network[2].loss == ML_NO_VALUE, "what they say");
	for (int i = 0; i < 3; i++)
		ml_network_close(&host->ctx, &network[i]);
}

/* In training about "rate" of the numbers are 0 and the others larger; another seed, others. */
static void
test_dropout(unit_host *host)
{
	static const ml_feed wide = {.name = {"numbers", 7}, .kind = ML_FEED_NUMBERS, .size = 1};
	ml_network_task task = labels(0, 1, &wide);
	toy_network t;
	float		x[1000];
	float		y[1000];
	float		scale = 1;
	int			zeros = 0;
	int			differ = 0;

	task.training = true;
	for (int i = 0; i < 1000; i++)
		x[i] = 3;
	unit_ok(toy_network_open(&host->ctx, unit_text("{\"layers\": [{\"type\": \"dropout\", \"rate\": 0.25}]}"), &task,
							 ml_kernel_select(ML_LEVEL_AUTO), &t) == ML_OK, "only dropout: %s", host->ctx.error.text);
	unit_ok(toy_network_bind(&t, 1000, NULL, true) == ML_OK, "  is bound");
	t.runner->inputs[t.network.feeds[0].data] = x;
	t.runner->inputs[t.network.targets] = t.runner->inputs[t.network.weights] = x;
	t.runner->inputs[t.network.scale] = &scale;
	for (int pass = 0; pass < 2; pass++)
	{
		const float *got;

		t.runner->seed = (uint64_t) pass;
		unit_ok(ml_runner_run(&host->ctx, t.runner, false) == ML_OK, "  runs");
		got = ml_runner_view(t.runner, t.network.output)->data;
		for (int i = 0; i < 1000; i++)
		{
			zeros += got[i] == 0;
			unit_ok(got[i] == 0 || fabsf(got[i] - 4) < 1e-6f, "  0, or divided by what stays");
			differ += pass == 1 && y[i] != got[i];
			y[i] = got[i];
		}
	}
	unit_ok(zeros > 400 && zeros < 600, "  a quarter is 0: %d of 2000", zeros);
	unit_ok(differ > 300, "  other ones with another seed: %d", differ);
	toy_network_close(&t);
}

/* ---- first weights ---- */

static void
moments(const float *w, size_t n, double *mean, double *deviation, double *largest)
{
	double		sum = 0;
	double		squares = 0;

	*largest = 0;
	for (size_t i = 0; i < n; i++)
	{
		sum += (double) w[i];
		squares += (double) w[i] * (double) w[i];
		*largest = fmax(*largest, fabs((double) w[i]));
	}
	*mean = sum / (double) n;
	*deviation = sqrt(squares / (double) n - *mean * *mean);
}

static void
test_initializers(unit_host *host)
{
	static const struct
	{
		const char *name;
		double		deviation;
		double		largest;	/* 0: none */
	}			rows[] = {
		{"glorot_uniform", 0.0816497, 0.1414214},	/* sqrt(6 / (100 + 200)) / sqrt(3), sqrt(6 / 300) */
		{"glorot_normal", 0.0816497, 0},
		{"he_uniform", 0.1414214, 0.2449490},
		{"he_normal", 0.1414214, 0},
		{"uniform", 0.0288675, 0.05},
		{"normal", 0.05, 0},
		{"orthogonal", 0.0707107, 0},	/* 100 rows of length 1 in 200 columns */
		{"zeros", 0, 1e-30},
		{"ones", 0, 1},
	};
	static const ml_feed hundred = {.name = {"numbers", 7}, .kind = ML_FEED_NUMBERS, .size = 100};
	ml_network_task task = labels(0, 1, &hundred);

	for (size_t i = 0; i < ML_LENGTH(rows); i++)
	{
		char		spec[256];
		toy_network t;
		float	   *w;
		float	   *again;
		const ml_graph_value *value;
		double		mean;
		double		deviation;
		double		largest;

		snprintf(spec, sizeof(spec), "{\"layers\": [{\"type\": \"dense\", \"units\": 200, \"kernel_initializer\": \"%s\"}, "
				 "{\"type\": \"dense\"}]}", rows[i].name);
		unit_ok(toy_network_open(&host->ctx, unit_text(spec), &task, &ml_kernel_ref, &t) == ML_OK, "%s", rows[i].name);
		value = toy_network_value(&t, ml_graph_find(t.network.graph, ML_VALUE_PARAMETER, ML_TEXT("dense_1.weight")));
		w = malloc(20000 * sizeof(float));
		again = malloc(20000 * sizeof(float));
		unit_ok(ml_network_initialize(&host->ctx, &t.network, 7, t.memory[0], t.memory[2]) == ML_OK, "  is drawn");
		ml_layout_read(value, ML_F32, (float *) t.memory[0] + value->offset, w);
		moments(w, 20000, &mean, &deviation, &largest);
		unit_is_near(mean, strcmp(rows[i].name, "ones") == 0, 0.004, "  its mean");
		unit_is_near(deviation, rows[i].deviation, 0.02 * rows[i].deviation + 1e-9, "  its deviation");
		if (rows[i].largest > 0)
			unit_ok(largest <= rows[i].largest && largest >= 0.99 * rows[i].largest - 1e-29, "  its largest: %g", largest);
		unit_ok(ml_network_initialize(&host->ctx, &t.network, 7, t.memory[0], t.memory[2]) == ML_OK, "  is drawn again");
		ml_layout_read(value, ML_F32, (float *) t.memory[0] + value->offset, again);
		unit_ok(memcmp(w, again, 20000 * sizeof(float)) == 0, "  the same from the same seed");
		unit_ok(ml_network_initialize(&host->ctx, &t.network, 8, t.memory[0], t.memory[2]) == ML_OK, "  and from another seed");
		ml_layout_read(value, ML_F32, (float *) t.memory[0] + value->offset, again);
		unit_ok((memcmp(w, again, 20000 * sizeof(float)) != 0) == (i < 7), "  others, if they are drawn");
		if (strcmp(rows[i].name, "orthogonal") == 0)
		{
			double		worst = 0;

			unit_is_int(ml_network_initialize_bytes(&t.network), 20000 * sizeof(double), "  takes memory");
			for (int a = 0; a < 100; a++)
				for (int b = 0; b <= a; b++)
				{
					double		dot = 0;

					for (int k = 0; k < 200; k++)
						dot += (double) w[a * 200 + k] * (double) w[b * 200 + k];
					worst = fmax(worst, fabs(dot - (a == b)));
				}
			unit_ok(worst < 1e-6, "  rows of length 1 at right angles, to %g", worst);
		}
		free(w);
		free(again);
		toy_network_close(&t);
	}
}

/* Padding of panels stays 0, LSTM does not forget, norms begin with 1. */
static void
test_first_values(unit_host *host)
{
	static const char spec[] = "{\"layers\": [{\"type\": \"embedding\", \"output_dim\": 3}, {\"type\": \"lstm\", \"units\": 2, "
		"\"bias_initializer\": \"normal\"}, {\"type\": \"batch_normalization\"}, {\"type\": \"dense\"}]}";
	ml_network_task task = labels(2, 1, &text_feed);
	toy_network t;
	int32_t		v;
	const float *w;
	double		sum = 0;

	task.training = true;
	unit_ok(toy_network_open(&host->ctx, unit_text(spec), &task, &ml_kernel_ref, &t) == ML_OK, "an LSTM and a norm");
	unit_ok(ml_network_initialize(&host->ctx, &t.network, 1, t.memory[0], t.memory[2]) == ML_OK, "  begin");
	v = ml_graph_find(t.network.graph, ML_VALUE_PARAMETER, ML_TEXT("lstm_1.bias"));
	w = (const float *) (void *) toy_network_at(&t, 0, v);
	unit_ok(w[2] == 1 && w[3] == 1 && w[0] != 0 && w[0] != 1 && w[4] != 1, "  the forget gate with 1, others as asked");
	v = ml_graph_find(t.network.graph, ML_VALUE_PARAMETER, ML_TEXT("lstm_1.weight"));
	w = (const float *) (void *) toy_network_at(&t, 0, v);
	for (int r = 0; r < 3; r++)
		for (int c = 8; c < 32; c++)
			sum += fabs((double) w[r * 32 + c]);
	unit_ok(sum == 0 && w[0] != 0, "  what fills a panel up is 0");
	v = ml_graph_find(t.network.graph, ML_VALUE_STATE, ML_TEXT("batch_normalization_1.running_variance"));
	w = (const float *) (void *) toy_network_at(&t, 2, v);
	unit_ok(w[0] == 1 && w[1] == 1, "  variances with 1");
	v = ml_graph_find(t.network.graph, ML_VALUE_STATE, ML_TEXT("batch_normalization_1.running_mean"));
	w = (const float *) (void *) toy_network_at(&t, 2, v);
	unit_ok(w[0] == 0 && w[1] == 0, "  means with 0");
	toy_network_close(&t);
}

/* ---- summaries ---- */

static void
summary_is(unit_host *host, const char *name, const char *spec, uint32_t nlabels, const ml_feed *feed, const char *expected)
{
	ml_network_task task = labels(nlabels, 1, feed);
	ml_arena	arena = {0};
	const ml_layer_summary *rows;
	char		text[2048] = "";
	size_t		n = 0;

	unit_ok(ml_network_summarize(&host->ctx, &arena, unit_text(spec), &task, &rows, &n) == ML_OK, "%s: %s", name,
			host->ctx.error.text);
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s %lld %.6g\n", rows[i].layer.data, rows[i].shape.data,
				 (long long) rows[i].parameters, rows[i].flops);
	unit_is_text(unit_text(text), expected, "  its summary");
	ml_arena_free(&host->ctx, &arena);
}

#define PROGRAM_A	"{\"layers\": [{\"type\": \"embedding\", \"input_dim\": 10000, \"output_dim\": 64}, {\"type\": \"lstm\", \"units\": 64}, " \
	"{\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}], \"loss\": \"binary_crossentropy\"}"
#define PROGRAM_C	"{\"layers\": [{\"type\": \"conv2d\", \"filters\": 64, \"kernel_size\": 3, \"activation\": \"relu\"}, %s" \
	"{\"type\": \"dense\", \"units\": 1024, \"activation\": \"relu\"}, {\"type\": \"dense\", \"units\": 10, \"activation\": \"softmax\"}]}"

static void
test_summaries(unit_host *host)
{
	char		spec[512];
	ml_network_task task = labels(10, 1, &photo);
	ml_network	network;

	summary_is(host, "(a)", PROGRAM_A, 2, &padded,
			   "embedding_1 [rows, 100, 64] 640000 6400\n"
			   "lstm_1 [rows, 64] 33024 6.5536e+06\n"
			   "dense_1 [rows, 1] 65 128\n");
	summary_is(host, "(a) of any length, by word", PROGRAM_A, 2, &text_feed,
			   "embedding_1 [rows, words, 64] 640000 64\n"
			   "lstm_1 [rows, 64] 33024 65536\n"
			   "dense_1 [rows, 1] 65 128\n");
	snprintf(spec, sizeof(spec), PROGRAM_C, "{\"type\": \"flatten\"}, ");
	summary_is(host, "(c)", spec, 10, &fashion,
			   "conv2d_1 [rows, 26, 26, 64] 640 778752\n"
			   "flatten_1 [rows, 43264] 0 0\n"
			   "dense_1 [rows, 1024] 44303360 8.86047e+07\n"
			   "dense_2 [rows, 10] 10250 20480\n");
	summary_is(host, "(c) at 224 x 224", spec, 10, &photo,
			   "conv2d_1 [rows, 222, 222, 64] 1792 1.70326e+08\n"
			   "flatten_1 [rows, 3154176] 0 0\n"
			   "dense_1 [rows, 1024] 3229877248 6.45975e+09\n"
			   "dense_2 [rows, 10] 10250 20480\n");
	unit_ok(ml_network_build(&host->ctx, unit_text(spec), &task, &network) == ML_OK, "it is built, too");
	ml_network_close(&host->ctx, &network);
	summary_is(host, "pooled at once", "{\"layers\": [{\"type\": \"conv2d\", \"filters\": 32, \"kernel_size\": 3, \"activation\": \"relu\"}, "
			   "{\"type\": \"max_pooling2d\"}, {\"type\": \"flatten\"}, {\"type\": \"dense\"}]}", 10, &fashion,
			   "conv2d_1 [rows, 26, 26, 32] 320 389376\n"
			   "max_pooling2d_1 [rows, 13, 13, 32] 0 0\n"
			   "flatten_1 [rows, 5408] 0 0\n"
			   "dense_1 [rows, 10] 54090 108160\n");
}

/* ---- messages ---- */

typedef struct refusal
{
	const char *layers;			/* or options, when it begins with '{' */
	uint32_t	nlabels;
	const ml_feed *feed;
	const char *text;
	const char *detail;			/* NULL: not looked at */
	const char *hint;
} refusal;

#define EMBED	"{\"type\": \"embedding\", \"output_dim\": 8}, "
#define FLAT	"{\"type\": \"flatten\"}, "
#define LAST	", {\"type\": \"dense\"}"
#define L(type, rest) "{\"type\": \"" type "\"" rest "}"

static const refusal refusals[] = {
	{"{\"layers\": []}", 2, &numbers, "option \"layers\" is no array of layers", NULL, "aiaas.sequential"},
	{"{\"layers\": 7}", 2, &numbers, "option \"layers\" is no array of layers", NULL, NULL},
	{"{\"layers\": [7]}", 2, &numbers, "layer 1 is no object", NULL, NULL},
	{"{\"layers\": [{}]}", 2, &numbers, "layer 1 has no \"type\"", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"network\": \"mlp\"}", 2, &numbers, "say the same twice", NULL, NULL},
	{"{\"network\": \"mlpp\"}", 2, &numbers, "unknown network \"mlpp\"", NULL, "Perhaps you meant \"mlp\"."},
	{"{\"network\": 7}", 2, &numbers, "takes the name of a preset", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": \"msee\"}", 0, &numbers, "unknown loss \"msee\"", NULL, "Perhaps you meant \"mse\"."},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": 7}", 0, &numbers, "option \"loss\" has no name of a loss", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": {\"type\": \"mse\", \"delta\": 1}}", 0, &numbers, "does not take \"delta\"", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": \"hinge\"}", 0, &numbers, "loss hinge is one of labels, and the target is a number", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": \"mse\"}", 2, &numbers, "layer 1 (dense) does not end with sigmoid", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": \"mae\"}", 3, &numbers, "layer 1 (dense) does not end with softmax", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\", \"activation\": \"sigmoid\"}], \"loss\": \"hinge\"}", 2, &numbers, "ends with sigmoid, and loss hinge", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\"}], \"loss\": \"binary_crossentropy\"}", 3, &numbers, "is one of two labels, and there are 3", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\", \"units\": 2}], \"loss\": \"binary_crossentropy\"}", 2, &numbers, "layer 1 (dense) has 2 outputs, and loss binary_crossentropy takes 1", NULL, NULL},
	{"{\"layers\": [{\"type\": \"dense\", \"units\": 1}], \"loss\": \"categorical_crossentropy\"}", 2, &numbers, "layer 1 (dense) has 1 output, and loss", NULL, NULL},
	{L("dense", ", \"activation\": \"sigmoid\""), 3, &numbers, "ends with sigmoid, and loss categorical_crossentropy takes softmax", NULL, NULL},
	{L("dense", ", \"units\": 1, \"activation\": \"softmax\""), 2, &numbers, "softmax of 1 output", NULL, NULL},
	{L("dense", ", \"activation\": \"softmax\""), 0, &numbers, "softmax of 1 output", NULL, NULL},
	{L("dense", ", \"units\": 1, \"activation\": \"sigmoid\"") ", " L("flatten", ""), 2, &numbers, "layer 1 (dense) ends in sigmoid, and other layers follow it", NULL, "Leave them out"},
	{L("dense", ", \"units\": 3, \"activation\": \"softmax\"") ", " L("dropout", ""), 3, &numbers, "layer 1 (dense) ends in softmax, and other layers follow it", NULL, NULL},
	{L("dens", ""), 2, &numbers, "layer 1: unknown type of layer \"dens\"", NULL, "Perhaps you meant \"dense\"."},
	{L("dense", ", \"unit\": 3"), 2, &numbers, "layer 1 (dense) does not take \"unit\"", NULL, "Perhaps you meant \"units\"."},
	{L("dense", ", \"units\": 0"), 2, &numbers, "layer 1 (dense): \"units\" does not take 0", NULL, "an integer from 1"},
	{L("dense", ", \"units\": \"many\""), 2, &numbers, "\"units\" does not take \"many\"", NULL, NULL},
	{L("dense", ", \"units\": 4") LAST, 3, &text_feed, "layer 1 (dense) takes numbers, and the input is numbers of words", "Its input is [rows, words].", "embedding"},
	{L("dense", "") LAST, 3, &numbers, "layer 1 (dense) needs \"units\"", NULL, "in the last layer"},
	{L("dense", ", \"units\": 4"), 3, &numbers, "layer 1 (dense) is the last one and has 4 outputs, and there are 3 labels", NULL, "NULL takes the size"},
	{L("dense", ", \"units\": 4"), 0, &numbers, "has 4 outputs, and a number is predicted", NULL, NULL},
	{L("dense", ", \"name\": \"a.b\""), 2, &numbers, "\"name\" takes a text", NULL, NULL},
	{L("dense", ", \"name\": \"a\", \"units\": 3") ", " L("dense", ", \"name\": \"a\""), 2, &numbers, "layer 2 (dense): the name \"a\" is taken", NULL, NULL},
	{L("dense", ", \"inputs\": [\"nobody\"]"), 2, &numbers, "layer 1 (dense) names the input \"nobody\"", "numbers", "are one input, \"numbers\""},
	{L("dense", ", \"inputs\": [7]"), 2, &numbers, "layer 1 (dense): \"inputs\" takes names", NULL, NULL},
	{L("dense", ", \"inputs\": [\"numbers\", \"numbers\"]"), 2, &numbers, "takes one input, and \"inputs\" names 2", NULL, NULL},
	{L("dense", ", \"units\": 3") ", " L("add", "") LAST, 2, &numbers, "layer 2 (add) takes two inputs or more", NULL, NULL},
	{L("dense", ", \"units\": 3") ", " L("add", ", \"inputs\": [\"dense_1\", \"numbers\"]") LAST, 2, &numbers, "layer 2 (add) takes inputs of one shape, and another one is [rows, 5]", "Its input is [rows, 3].", NULL},
	{L("flatten", "") LAST, 2, &text_feed, "takes numbers, and the input is numbers of words", NULL, NULL},
	{EMBED FLAT L("dense", ""), 2, &text_feed, "layer 2 (flatten) can't make one row of a sequence", "Its input is [rows, words, 8].", "pad"},
	{EMBED L("dense", ""), 2, &text_feed, "layer 2 (dense) is the last one, and its output [rows, words, 1] has a wrong rank", NULL, "global_average_pooling"},
	{EMBED L("lstm", ", \"units\": 3, \"return_sequences\": true"), 2, &text_feed, "has a wrong rank", NULL, "return_sequences"},
	{L("conv2d", ", \"filters\": 64, \"kernel_size\": 3") LAST, 10, &fashion, "layer 2 (dense) is the last one, and its output [rows, 26, 26, 10] has a wrong rank: a prediction is [rows, 10]", NULL, "aiaas.flatten()"},
	{L("conv2d", ", \"filters\": 64, \"kernel_size\": 3") LAST, 10, &numbers, "layer 1 (conv2d) takes images [height, width, channels]", "Its input is [rows, 5].", "aiaas.reshape"},
	{L("conv2d", ", \"filters\": 64, \"kernel_size\": [3, 29]") LAST, 10, &fashion, "layer 1 (conv2d) has a window of 3 x 29, which is larger than the image", NULL, NULL},
	{L("conv2d", ", \"filters\": 64, \"kernel_size\": [3, 3, 3]") LAST, 10, &fashion, "\"kernel_size\" does not take this array", NULL, NULL},
	{L("conv2d", ", \"filters\": 64") LAST, 10, &fashion, "layer 1 (conv2d) needs \"kernel_size\"", NULL, NULL},
	{L("conv2d", ", \"filters\": 64, \"kernel_size\": 3, \"groups\": 3") LAST, 10, &fashion, "3 groups, which don't divide 1 channels and 64 filters", NULL, NULL},
	{L("max_pooling2d", ", \"padding\": \"some\"") LAST, 10, &fashion, "\"padding\" does not take \"some\"", NULL, "\"valid\" or \"same\""},
	{L("lstm", ", \"units\": 3") LAST, 2, &numbers, "layer 1 (lstm) takes sequences [words, channels]", "Its input is [rows, 5].", NULL},
	{L("lstm", ", \"units\": 3") LAST, 2, &text_feed, "layer 1 (lstm) takes sequences", NULL, "embedding"},
	{L("embedding", ", \"output_dim\": 3") LAST, 2, &numbers, "layer 1 (embedding) takes numbers of words", NULL, NULL},
	{L("embedding", ", \"input_dim\": 999, \"output_dim\": 3") ", " L("lstm", ", \"units\": 3") LAST, 2, &text_feed, "layer 1 (embedding) has 999 rows, and there are 1000 numbers of words", NULL, "vocabulary"},
	{EMBED L("multi_head_attention", ", \"heads\": 3") ", " L("global_average_pooling", "") LAST, 2, &text_feed, "layer 2 (multi_head_attention) has 3 heads, which don't divide 8 channels", NULL, NULL},
	{EMBED L("positional_encoding", ", \"kind\": \"learned\", \"max_length\": 49") ", " L("global_average_pooling", "") LAST, 2, &text_feed, "has 49 positions, and texts have up to 50 words", NULL, "max_length"},
	{EMBED L("conv1d", ", \"filters\": 8, \"kernel_size\": 3") ", " L("add", ", \"inputs\": [\"embedding_1\", \"conv1d_1\"]") ", " L("global_average_pooling", "") LAST, 2, &text_feed, "layer 3 (add) takes inputs of one shape, and another one has another number of words", NULL, "\"same\""},
	{EMBED L("lstm", ", \"units\": 3, \"dropout\": 0.25") LAST, 2, &text_feed, "layer 2 (lstm) has one layer, and \"dropout\" is what happens between layers", NULL, "aiaas.dropout(0.25)"},
	{EMBED L("conv1d", ", \"filters\": 3, \"kernel_size\": 51") ", " L("global_average_pooling", "") LAST, 2, &text_feed, "has a window of 51, which is longer than all texts", NULL, NULL},
	{EMBED L("conv1d", ", \"filters\": 3, \"kernel_size\": 101") ", " L("global_average_pooling", "") LAST, 2, &padded, "layer 2 (conv1d) has a window of", NULL, NULL},
	{L("reshape", ", \"shape\": [2, 3]") ", " L("flatten", "") LAST, 2, &numbers, "layer 1 (reshape) makes 6 numbers of 5", "Its input is [rows, 5].", NULL},
	{L("reshape", ", \"shape\": [-1, -1]") ", " L("flatten", "") LAST, 2, &numbers, "once -1 for what is left", NULL, NULL},
	{L("reshape", ", \"shape\": [-1, 2]") ", " L("flatten", "") LAST, 2, &numbers, "layer 1 (reshape) makes 2 numbers of 5", NULL, NULL},
	{L("reshape", ", \"shape\": [1048576, 1048576, 1048576]") ", " L("flatten", "") LAST, 2, &numbers, "makes", NULL, NULL},
};

static void
test_messages(unit_host *host)
{
	ml_feed		two[] = {numbers, text_feed};
	ml_network_task task;
	ml_buffer	written = {0};

	for (size_t i = 0; i < ML_LENGTH(refusals); i++)
	{
		const refusal *r = &refusals[i];
		char		spec[1024];

		task = labels(r->nlabels, 1, r->feed);
		if (strncmp(r->layers, "{\"layers\"", 9) == 0 || strncmp(r->layers, "{\"network\"", 10) == 0)
			snprintf(spec, sizeof(spec), "%s", r->layers);
		else
			snprintf(spec, sizeof(spec), "{\"layers\": [%s]}", r->layers);
		unit_fails(host, ml_network_normalize(&host->ctx, unit_text(spec), &task, &written), ML_BAD_OPTION, r->text, "%s", spec);
		unit_ok(r->detail == NULL || strstr(host->ctx.error.detail, r->detail) != NULL, "  its detail: %s", host->ctx.error.detail);
		unit_ok(r->hint == NULL || strstr(host->ctx.error.hint, r->hint) != NULL, "  its hint: %s", host->ctx.error.hint);
	}
	task = labels(2, 2, two);
	unit_fails(host, ml_network_normalize(&host->ctx, unit_text("{\"layers\": [{\"type\": \"dense\"}]}"), &task, &written),
			   ML_BAD_OPTION, "does not say which of 2 inputs it takes", "two feeds, and none named");
	unit_fails(host, ml_network_normalize(&host->ctx, unit_text("{\"layers\": [{\"type\": \"dense\", \"inputs\": \"numbers\"}]}"), &task,
										  &written), ML_BAD_OPTION, "no layer takes the input \"text\"", "a feed for nothing");
	ml_buffer_free(&host->ctx, &written);
}

static void
test_looks(unit_host *host)
{
	ml_network_peek peek;

	unit_ok(ml_network_look(&host->ctx, unit_text(PROGRAM_A), &peek) == ML_OK && peek.has_task && peek.classification &&
			peek.input_dim == 10000, "the loss says labels, the embedding its rows");
	unit_ok(ml_network_look(&host->ctx, unit_text("{\"network\": \"lstm\", \"loss\": \"mse\"}"), &peek) == ML_OK && peek.has_task &&
			!peek.classification && peek.input_dim == 0, "the loss says numbers");
	unit_ok(ml_network_look(&host->ctx, unit_text("{}"), &peek) == ML_OK && !peek.has_task, "nothing says nothing");
}

/* ---- the README ---- */

/* "`units` null", "`use_bias` true"; those that must be given are bare. */
static void
print_setting(const ml_setting *setting, char *text, size_t size)
{
	char		number[32];

	ml_print_double(number, setting->standard, 15);
	if (setting->absent == ML_SETTING_REQUIRED)
		snprintf(text, size, "`%s`", setting->name);
	else if (setting->absent == ML_SETTING_NONE)
		snprintf(text, size, "`%s` null", setting->name);
	else if (setting->kind == ML_SETTING_BOOLEAN)
		snprintf(text, size, "`%s` %s", setting->name, setting->standard != 0 ? "true" : "false");
	else if (setting->kind == ML_SETTING_CHOICE)
		snprintf(text, size, "`%s` %s", setting->name, setting->choices[(int) setting->standard]);
	else
		snprintf(text, size, "`%s` %s", setting->name, number);
}

/* The README's table of layers begins its rows with what the tables say. */
static void
test_readme(void)
{
	size_t		size;
	char	   *readme = unit_read("README.md", &size);

	for (const ml_layer_type *type = ml_layer_types; type->name != NULL; type++)
	{
		char		row[1024];
		size_t		used = (size_t) snprintf(row, sizeof(row), "\n| `%s` |", type->name);

		for (const ml_setting *s = type->settings; s->name != NULL; s++)
		{
			char		text[80];

			print_setting(s, text, sizeof(text));
			used += (size_t) snprintf(row + used, sizeof(row) - used, "%s %s", s == type->settings ? "" : ",", text);
		}
		snprintf(row + used, sizeof(row) - used, " |");
		unit_ok(readme != NULL && strstr(readme, row) != NULL, "README: %s", row + 1);
	}
	free(readme);
}

/* ---- bf16, faults ---- */

static void
test_bf16(unit_host *host)
{
	ml_network_task task = labels(2, 1, &text_feed);
	ml_network	network;
	int			found[2][2] = {{0}};

	task.training = true;
	for (int on = 0; on < 2; on++)
	{
		task.bf16 = on;
		unit_ok(ml_network_build(&host->ctx, unit_text("{\"layers\": [" EMBED L("lstm", ", \"units\": 3, \"return_sequences\": true") ", "
													   L("gru", ", \"units\": 3, \"return_sequences\": true") ", "
													   L("rnn", ", \"units\": 3") LAST "]}"), &task, &network) == ML_OK, "bf16 %d", on);
		for (int32_t n = 0; n < network.graph->nforward; n++)
		{
			const ml_op *op = ml_ops[network.graph->nodes[n].op];
			int			slot = 0;

			for (int i = 0; op->attributes != NULL && op->attributes[i].name != NULL; i++)
				if (!op->attributes[i].is_real)
				{
					if (strcmp(op->attributes[i].name, "bf16") == 0)
						found[on][network.graph->nodes[n].attributes.ints[slot] != 0]++;
					slot++;
				}
		}
		ml_network_close(&host->ctx, &network);
	}
	unit_ok(found[0][1] == 0 && found[0][0] == 4 && found[1][0] == 0 && found[1][1] == 4, "all products of training, if asked");
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	static const char spec[] = "{\"network\": \"transformer\"}";
	ml_feed		two[] = {numbers, text_feed};
	ml_network_task task = labels(3, 2, two);
	ml_arena	arena = {0};
	ml_buffer	written = {0};
	const ml_layer_summary *rows;
	size_t		n;
	ml_status	status = ml_network_normalize(ctx, unit_text(spec), &task, &written);
	toy_network t;

	task.training = true;
	if (status == ML_OK)
		status = ml_network_summarize(ctx, &arena, (ml_text) {written.data, written.size}, &task, &rows, &n);
	if (status == ML_OK)
	{
		status = toy_network_open(ctx, (ml_text) {written.data, written.size}, &task, &ml_kernel_ref, &t);
		if (status == ML_OK)
		{
			status = ml_network_initialize(ctx, &t.network, 1, t.memory[0], t.memory[2]);
			toy_network_close(&t);
		}
	}
	ml_buffer_free(ctx, &written);
	ml_arena_free(ctx, &arena);
	return status;
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_defaults(&host);
	test_presets(&host);
	test_builds(&host);
	test_dropout(&host);
	test_initializers(&host);
	test_first_values(&host);
	test_summaries(&host);
	test_messages(&host);
	test_looks(&host);
	test_readme();
	test_bf16(&host);
	unit_every_allocation_fails("a preset", scenario, NULL);
	unit_every_poll_cancels("a preset", scenario, NULL);
	unit_close(&host, "specifications");
	return unit_done();
}
