/*-------------------------------------------------------------------------
 *
 * test_network_rows.c
 *	  A row's answer has the same bits whatever other rows are run with it and
 *	  wherever it stands, for each layer; and gradients of the slices of a batch
 *	  add up to those of the batch.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network.h"

#include "base/hash.h"

#define ROWS		23
#define LENGTH_MAX	70
#define WIDTH_MAX	(7 * 6 * 3)
#define OUTPUTS		3

typedef struct row_case
{
	const char *feed;			/* "numbers", "text", "padded", "image", "series" */
	const char *layers;			/* the last dense layer is added */
} row_case;

#define D(units) "{\"type\": \"dense\", \"units\": " units ", \"activation\": \"tanh\"}, "
#define E "{\"type\": \"embedding\", \"input_dim\": 13, \"output_dim\": 6}, "
#define A "{\"type\": \"global_average_pooling\"}, "
#define FLAT "{\"type\": \"flatten\"}, "

static const row_case cases[] = {
	{"numbers", D("7") D("33")},
	{"numbers", "{\"type\": \"dense\", \"units\": 65, \"activation\": \"gelu\"}, "},
	{"numbers", "{\"type\": \"dense\", \"units\": 9, \"activation\": \"softmax\"}, "},
	{"numbers", "{\"type\": \"dense\", \"units\": 300, \"activation\": \"relu\"}, {\"type\": \"dense\", \"units\": 40, \"activation\": \"silu\"}, "},
	{"numbers", D("12") "{\"type\": \"activation\", \"activation\": \"elu\"}, "},
	{"numbers", D("12") "{\"type\": \"batch_normalization\"}, "},
	{"numbers", D("37") "{\"type\": \"layer_normalization\"}, "},
	{"numbers", D("12") "{\"type\": \"dropout\"}, "},
	{"numbers", D("12") "{\"type\": \"reshape\", \"shape\": [4, 3]}, {\"type\": \"lstm\", \"units\": 4}, "},
	{"numbers", "{\"type\": \"dense\", \"units\": 6, \"name\": \"a\"}, {\"type\": \"dense\", \"units\": 6, \"activation\": \"relu\", \"name\": \"b\"}, "
	"{\"type\": \"add\", \"inputs\": [\"a\", \"b\"], \"name\": \"c\"}, {\"type\": \"multiply\", \"inputs\": [\"a\", \"c\"], \"name\": \"d\"}, "
	"{\"type\": \"concatenate\", \"inputs\": [\"c\", \"d\"]}, "},
	{"text", E A},
	{"text", E "{\"type\": \"global_max_pooling\"}, "},
	{"text", E D("5") A},
	{"text", E "{\"type\": \"layer_normalization\"}, " A},
	{"text", E "{\"type\": \"batch_normalization\"}, " A},
	{"text", E "{\"type\": \"conv1d\", \"filters\": 5, \"kernel_size\": 3}, " A},
	{"text", E "{\"type\": \"conv1d\", \"filters\": 5, \"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"relu\"}, {\"type\": \"max_pooling1d\"}, " A},
	{"text", E "{\"type\": \"conv1d\", \"filters\": 4, \"kernel_size\": 2, \"strides\": 2, \"groups\": 2}, {\"type\": \"average_pooling1d\"}, " A},
	{"text", E "{\"type\": \"rnn\", \"units\": 5}, "},
	{"text", E "{\"type\": \"gru\", \"units\": 33}, "},
	{"text", E "{\"type\": \"lstm\", \"units\": 7}, "},
	{"text", E "{\"type\": \"lstm\", \"units\": 7, \"layers\": 2, \"bidirectional\": true}, "},
	{"text", E "{\"type\": \"gru\", \"units\": 5, \"bidirectional\": true, \"return_sequences\": true}, " A},
	{"text", E "{\"type\": \"rnn\", \"units\": 5, \"activation\": \"relu\", \"return_sequences\": true}, {\"type\": \"lstm\", \"units\": 64}, "},
	{"text", E "{\"type\": \"multi_head_attention\", \"heads\": 2}, " A},
	{"text", E "{\"type\": \"multi_head_attention\", \"heads\": 3, \"causal\": true}, " A},
	{"text", E "{\"type\": \"transformer_encoder\", \"heads\": 2, \"units\": 40}, " A},
	{"text", E "{\"type\": \"positional_encoding\"}, {\"type\": \"transformer_encoder\", \"heads\": 3, \"units\": 9, \"norm_first\": false}, " A},
	{"text", E "{\"type\": \"positional_encoding\", \"kind\": \"learned\", \"max_length\": 80}, " A},
	{"padded", E FLAT},
	{"padded", E "{\"type\": \"conv1d\", \"filters\": 4, \"kernel_size\": 3}, {\"type\": \"max_pooling1d\"}, " FLAT},
	{"padded", E "{\"type\": \"lstm\", \"units\": 16}, "},
	{"series", D("4") "{\"type\": \"gru\", \"units\": 9}, "},
	{"series", "{\"type\": \"conv1d\", \"filters\": 5, \"kernel_size\": 3, \"dilation\": 2, \"padding\": \"same\"}, " A},
	{"image", FLAT},
	{"image", "{\"type\": \"conv2d\", \"filters\": 8, \"kernel_size\": 3, \"activation\": \"relu\"}, {\"type\": \"max_pooling2d\"}, " FLAT},
	{"image", "{\"type\": \"conv2d\", \"filters\": 33, \"kernel_size\": [3, 2], \"padding\": \"same\", \"strides\": 2}, " A},
	{"image", "{\"type\": \"conv2d\", \"filters\": 6, \"kernel_size\": 2, \"dilation\": 2, \"groups\": 3}, {\"type\": \"average_pooling2d\"}, " FLAT},
	{"image", D("8") "{\"type\": \"conv2d\", \"filters\": 8, \"kernel_size\": 3, \"groups\": 8}, {\"type\": \"batch_normalization\"}, "
	"{\"type\": \"activation\", \"activation\": \"gelu_tanh\"}, {\"type\": \"max_pooling2d\", \"padding\": \"same\", \"pool_size\": 3}, "
	"{\"type\": \"global_max_pooling\"}, "},
};

/* A network with rows to choose from. */
typedef struct pool
{
	ml_context *ctx;
	const row_case *c;
	ml_feed		feed;
	toy_network t;
	ml_rng		rng;
	int			lengths[ROWS];	/* of packed rows */
	size_t		width;			/* numbers of a row, or of a step */
	double		numbers[ROWS][LENGTH_MAX * 6 > WIDTH_MAX ? LENGTH_MAX * 6 : WIDTH_MAX];
	int			classes[ROWS];
	double		weights[ROWS];
	/* of a run */
	int32_t		offsets[ROWS + 1];
	void	   *inputs[4];
} pool;

static bool
is_packed(const pool *p)
{
	return p->feed.kind == ML_FEED_TOKENS || p->feed.kind == ML_FEED_SERIES;
}

static double
random_number(pool *p)
{
	return ml_rng_double(&p->rng) * 2 - 1;
}

static void
make_feed(pool *p)
{
	const char *kind = p->c->feed;

	p->feed = (ml_feed) {.name = ML_TEXT("x")};
	switch (kind[0])
	{
		case 'n':
			p->feed.size = 5;
			break;
		case 'i':
			p->feed.kind = ML_FEED_IMAGE;
			p->feed.height = 7;
			p->feed.width = 6;
			p->feed.channels = 3;
			break;
		case 's':
			p->feed.kind = ML_FEED_SERIES;
			p->feed.size = 3;
			break;
		default:
			p->feed.kind = ML_FEED_TOKENS;
			p->feed.size = 13;
			p->feed.length = kind[0] == 'p' ? 6 : 0;
	}
	p->width = p->feed.kind == ML_FEED_IMAGE ? 7 * 6 * 3 : p->feed.kind == ML_FEED_TOKENS ? 1 : (size_t) p->feed.size;
}

static void
make_rows(pool *p)
{
	for (int i = 0; i < ROWS; i++)
	{
		/* some empty, one long */
		p->lengths[i] = !is_packed(p) ? 1 : p->feed.length > 0 ? (int) p->feed.length : i % 7 == 3 ? 0 : i == 5 ? LENGTH_MAX :
			1 + (int) ml_rng_below(&p->rng, 9);
		for (size_t k = 0; k < (size_t) p->lengths[i] * p->width; k++)
			p->numbers[i][k] = p->feed.kind == ML_FEED_TOKENS ? (double) ml_rng_below(&p->rng, 13) : random_number(p);
		p->classes[i] = (int) ml_rng_below(&p->rng, OUTPUTS);
		p->weights[i] = 0.5 + ml_rng_double(&p->rng);
	}
}

/* All parameters and states out of a hat. */
static void
fill(pool *p)
{
	const ml_graph *graph = p->t.network.graph;
	bool		wide = graph->dtype == ML_F64;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];
		bool		state = value->kind == ML_VALUE_STATE;
		size_t		n = 1;
		void	   *plain;

		if (!state && value->kind != ML_VALUE_PARAMETER)
			continue;
		for (int d = 0; d < value->shape.ndims; d++)
			n *= (size_t) value->shape.dims[d];
		plain = malloc(n * sizeof(double));
		for (size_t k = 0; k < n; k++)
		{
			double		number = state ? 0.5 + ml_rng_double(&p->rng) : random_number(p) * 0.5;

			if (wide)
				((double *) plain)[k] = number;
			else
				((float *) plain)[k] = (float) number;
		}
		ml_layout_write(value, graph->dtype, toy_network_at(&p->t, state ? 2 : 0, i), plain);
		free(plain);
	}
}

static bool
open_pool(pool *p, ml_dtype dtype, const ml_kernel *kernel, bool training)
{
	char		spec[2048];
	ml_network_task task = {
		.classification = true, .nlabels = OUTPUTS, .nfeeds = 1, .feeds = &p->feed, .dtype = dtype, .training = training
	};

	make_feed(p);
	ml_rng_seed(&p->rng, (uint64_t) (p->c - cases) + 1);
	make_rows(p);
	snprintf(spec, sizeof(spec), "{\"layers\": [%s{\"type\": \"dense\", \"units\": %d}]}", p->c->layers, OUTPUTS);
	if (toy_network_open(p->ctx, unit_text(spec), &task, kernel, &p->t) != ML_OK)
	{
		unit_note("%s: %s %s", spec, p->ctx->error.text, p->ctx->error.detail);
		return false;
	}
	fill(p);
	return true;
}

static void
put(void *to, ml_dtype dtype, size_t i, double number)
{
	if (dtype == ML_F64)
		((double *) to)[i] = number;
	else
		((float *) to)[i] = (float) number;
}

/* Lay out rows which[0 .. n - 1] and bind them. */
static ml_status
bind(pool *p, const int *which, int n, bool backward)
{
	const ml_network *network = &p->t.network;
	ml_dtype	dtype = network->graph->dtype;
	const int32_t *offsets = p->offsets;
	size_t		at = 0;

	for (int i = 0; i < 4; i++)
		if (p->inputs[i] == NULL)
			p->inputs[i] = malloc(sizeof(p->numbers));
	for (int i = 0; i < n; i++)
	{
		int			row = which[i];
		size_t		size = (size_t) p->lengths[row] * p->width;

		p->offsets[i + 1] = p->offsets[i] + p->lengths[row];
		for (size_t k = 0; k < size; k++, at++)
			if (p->feed.kind == ML_FEED_TOKENS)
				((int32_t *) p->inputs[0])[at] = (int32_t) p->numbers[row][k];
			else
				put(p->inputs[0], dtype, at, p->numbers[row][k]);
		((int32_t *) p->inputs[1])[i] = p->classes[row];
		put(p->inputs[2], dtype, (size_t) i, p->weights[row]);
	}
	put(p->inputs[3], dtype, 0, 0.125);
	ML_TRY(toy_network_bind(&p->t, n, &offsets, backward));
	p->t.runner->inputs[network->feeds[0].data] = p->inputs[0];
	if (!backward)
		return ML_OK;
	p->t.runner->inputs[network->targets] = p->inputs[1];
	p->t.runner->inputs[network->weights] = p->inputs[2];
	p->t.runner->inputs[network->scale] = p->inputs[3];
	return ML_OK;
}

static void
close_pool(pool *p)
{
	for (int i = 0; i < 4; i++)
	{
		free(p->inputs[i]);
		p->inputs[i] = NULL;
	}
	toy_network_close(&p->t);
}

/* ---- inference ---- */

/* Rows whose bits are not those of "expected". */
static int
count_others(pool *p, const int *which, int n, float (*expected)[OUTPUTS])
{
	int			others = 0;
	const float *outputs;

	if (bind(p, which, n, false) != ML_OK || ml_runner_run(p->ctx, p->t.runner, false) != ML_OK)
		return n;
	outputs = ml_runner_view(p->t.runner, p->t.network.output)->data;
	for (int i = 0; i < n; i++)
		others += memcmp(outputs + i * OUTPUTS, expected[which[i]], sizeof(*expected)) != 0;
	return others;
}

/* The answers of all rows, in one batch; false: they aren't all finite and different. */
static bool
answer_all(pool *p, float (*outputs)[OUTPUTS])
{
	int			all[ROWS];

	for (int i = 0; i < ROWS; i++)
		all[i] = i;
	if (bind(p, all, ROWS, false) != ML_OK || ml_runner_run(p->ctx, p->t.runner, false) != ML_OK)
		return false;
	memcpy(outputs, ml_runner_view(p->t.runner, p->t.network.output)->data, sizeof(float) * OUTPUTS * ROWS);
	for (int i = 0; i < ROWS; i++)
		for (int k = 0; k < OUTPUTS; k++)
			if (!isfinite(outputs[i][k]) || (i > 0 && i != 3 && outputs[i][k] == outputs[0][k]))
				return false;
	return true;
}

static int
compare_batches(pool *p, float (*outputs)[OUTPUTS])
{
	static const int sizes[] = {1, 2, 3, 8, 13, 16, 17};
	int			order[ROWS];
	int			others = 0;

	for (int i = 0; i < ROWS; i++)
		order[i] = ROWS - 1 - i;
	others += count_others(p, order, ROWS, outputs);
	for (size_t s = 0; s < ML_LENGTH(sizes); s++)
	{
		for (int i = ROWS - 1; i > 0; i--)
		{
			int			j = (int) ml_rng_below(&p->rng, (uint64_t) i + 1);
			int			swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		for (int first = 0; first < ROWS; first += sizes[s])
			others += count_others(p, order + first, ML_MIN(sizes[s], ROWS - first), outputs);
	}
	return others;
}

/* Neighbours that are not numbers, or as large as floats are, leave the others as they are. */
static int
compare_neighbours(pool *p, float (*outputs)[OUTPUTS])
{
	int			others = 0;
	int			all[ROWS];
	const float *now;

	for (int i = 0; i < ROWS; i++)
	{
		all[i] = i;
		for (size_t k = 0; i % 2 == 0 && k < (size_t) p->lengths[i] * p->width; k++)
			p->numbers[i][k] = k % 3 == 0 ? NAN : k % 3 == 1 ? INFINITY : 3e38;
	}
	if (bind(p, all, ROWS, false) != ML_OK || ml_runner_run(p->ctx, p->t.runner, false) != ML_OK)
		return ROWS;
	now = ml_runner_view(p->t.runner, p->t.network.output)->data;
	for (int i = 1; i < ROWS; i += 2)
		others += memcmp(now + i * OUTPUTS, outputs[i], sizeof(*outputs)) != 0;
	return others;
}

static void
test_bits(unit_host *host, const row_case *c)
{
	static pool p;
	float		outputs[ROWS][OUTPUTS];
	float		before[ROWS][OUTPUTS];

	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		bool		right;

		memset(&p, 0, sizeof(p));
		p.ctx = &host->ctx;
		p.c = c;
		if (!unit_ok(open_pool(&p, ML_F32, ml_kernel_select(level), false), "%s: %s", c->feed, c->layers))
			continue;
		right = answer_all(&p, outputs);
		unit_ok(right, "  %s: answers", ml_kernel_select(level)->name);
		unit_is_int(compare_batches(&p, outputs), 0, "  the same in any batch");
		if (p.feed.kind != ML_FEED_TOKENS)
			unit_is_int(compare_neighbours(&p, outputs), 0, "  and beside any neighbours");
		if (level > ML_LEVEL_REF + 1)
			unit_ok(memcmp(before, outputs, sizeof(outputs)) == 0, "  and at the level before");
		memcpy(before, outputs, sizeof(outputs));
		close_pool(&p);
	}
}

/* ---- slices ---- */

/* The largest difference of gradients of slices, relative to the largest gradient. */
static double
compare_slices(pool *p)
{
	const ml_graph *graph = p->t.network.graph;
	double	   *whole = malloc(graph->parameters * sizeof(double));
	const double *gradients = p->t.memory[1];
	double		largest = 0;
	double		worst = 0;
	double		losses[2] = {0};
	int			all[ROWS];

	for (int i = 0; i < ROWS; i++)
		all[i] = i;
	if (bind(p, all, ROWS, true) != ML_OK || ml_runner_run(p->ctx, p->t.runner, false) != ML_OK)
		return INFINITY;
	losses[0] = *(const double *) ml_runner_view(p->t.runner, p->t.network.loss)->data;
	memcpy(whole, gradients, graph->parameters * sizeof(double));
	memset(p->t.memory[1], 0, graph->parameters * sizeof(double));
	for (int first = 0; first < ROWS; first += 5)
	{
		if (bind(p, all + first, ML_MIN(5, ROWS - first), true) != ML_OK ||
			ml_runner_run(p->ctx, p->t.runner, first > 0) != ML_OK)
			return INFINITY;
		losses[1] += *(const double *) ml_runner_view(p->t.runner, p->t.network.loss)->data;
	}
	for (size_t i = 0; i < graph->parameters; i++)
		largest = fmax(largest, fabs(whole[i]));
	for (size_t i = 0; i < graph->parameters; i++)
		worst = fabs(whole[i] - gradients[i]) <= worst * largest ? worst : fabs(whole[i] - gradients[i]) / largest;
	free(whole);
	return largest > 0 ? fmax(worst, fabs(losses[0] - losses[1])) : INFINITY;
}

static void
test_slices(unit_host *host, const row_case *c)
{
	static pool p;
	double		worst;

	if (strstr(c->layers, "batch_normalization") != NULL || strstr(c->layers, "dropout") != NULL)
		return;
	memset(&p, 0, sizeof(p));
	p.ctx = &host->ctx;
	p.c = c;
	if (!unit_ok(open_pool(&p, ML_F64, ml_kernel_select(ML_LEVEL_AUTO), true), "%s: %s trains", c->feed, c->layers))
		return;
	worst = compare_slices(&p);
	unit_ok(worst < 1e-12, "  gradients of slices add up, to %.2g", worst);
	close_pool(&p);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
		test_bits(&host, &cases[i]);
	unit_close(&host, "inference");
	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
		test_slices(&host, &cases[i]);
	unit_close(&host, "slices");
	return unit_done();
}
