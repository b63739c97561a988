/*-------------------------------------------------------------------------
 *
 * explain_network.c
 *	  What the columns and words of a row add to a network's logit: integrated
 *	  gradients (Sundararajan, Taly and Yan 2017).
 *
 *	  part of x_j = x_j * mean over a in (0, 1) of d logit / d x_j at a x
 *
 * along the straight way from a base: a row of means without any level, whose
 * words are vectors of zeros, whose images are black and whose steps are means.  The mean is over the
 * middles of as many steps as it takes for the parts to add up to the logit
 * less that of the base within 1 %, at most STEPS_MOST.  What is still missing is
 * put into "(intercept)", so that all of it adds up exactly.
 *
 * For this the graph is emitted anew: rows of embeddings become inputs, which
 * have gradients where numbers of words have none.  Parameters stay where they
 * are.  Steps are rows of a batch.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/show.h"
#include "model/session.h"
#include "op/ops.h"

#include <math.h>

#define STEPS			32		/* at first; doubled while it takes more */
#define STEPS_MOST		2048
#define ROWS			16		/* of a run */
#define NEAR			0.01
#define INPUTS_MAX		(2 * ML_FEEDS_MAX)

/* An input that has gradients: a feed as it is, or rows of an embedding. */
typedef struct source
{
	int			feed;
	int32_t		value;			/* of the new graph */
	int32_t		gradient;
	int32_t		table;			/* parameter of the old graph, or ML_NO_VALUE */
	size_t		width;			/* elements of a row, or of a word or step */
	float	   *x;				/* [elements]: at the row itself */
	float	   *scaled;			/* [ROWS][elements] */
	double	   *sums;			/* [elements] of gradients */
	size_t		elements;
} source;

typedef struct attribution
{
	ml_context *ctx;
	ml_session *session;
	ml_network_session *network;
	const ml_graph *from;
	ml_graph   *graph;
	ml_builder	b;
	int32_t    *map;			/* [values of from] */
	ml_runner  *runner;
	ml_dim		rows;
	int32_t		offsets[ML_FEEDS_MAX];	/* inputs of the new graph */
	ml_dim		words[ML_FEEDS_MAX];
	int32_t    *ends[ML_FEEDS_MAX];	/* [ROWS + 1] */
	int			nsources;
	source		sources[INPUTS_MAX];
	bool		bare;			/* the output is one of logits here, though of probabilities there */
	int32_t		score;			/* [rows, 1] */
	double		base;			/* logits at the base and at the row */
	double		full;
} attribution;

/* ---------- the graph ---------- */

static ml_status
copy_symbols(attribution *a)
{
	for (int32_t i = 0; i < a->from->symbols.n; i++)
	{
		const ml_symbol *s = &a->from->symbols.symbols[i];
		ml_dim		dim;

		if (s->rule == ML_SYMBOL_FREE)
			ML_TRY(ml_graph_symbol(a->ctx, a->graph, ml_graph_text(a->from, s->name), &dim));
		else
			ML_TRY(ml_symbols_derive(a->ctx, &a->graph->symbols, s->rule, ML_SYMBOL(s->of), s->a, s->b, s->c, s->d, &dim));
		if (dim != ML_SYMBOL(i))
			return ml_fail(a->ctx, ML_INTERNAL, "a graph's symbols are not told apart");
	}
	return ML_OK;
}

static ml_status
add_source(attribution *a, int feed, int32_t value, int32_t table, size_t width)
{
	if (a->nsources == INPUTS_MAX)
		return ml_fail(a->ctx, ML_UNSUPPORTED, "a network with more than %d inputs and embeddings can't be explained", INPUTS_MAX);
	a->sources[a->nsources++] = (source) {.feed = feed, .value = value, .table = table, .width = width};
	return ML_OK;
}

/* Feeds of floats, and offsets. */
static ml_status
copy_inputs(attribution *a)
{
	const ml_network *network = &a->network->network;

	for (int i = 0; i < network->nfeeds; i++)
	{
		const ml_feed_values *values = &network->feeds[i];
		const ml_graph_value *data = &a->from->values[values->data];
		const ml_feed *feed = &a->network->feeds.feeds[i];

		a->offsets[i] = ML_NO_VALUE;
		a->words[i] = values->words;
		if (values->offsets != ML_NO_VALUE)
			a->offsets[i] = a->map[values->offsets] =
				ml_builder_input(&a->b, ml_graph_text(a->from, a->from->values[values->offsets].name),
								 &a->from->values[values->offsets].shape);
		if (feed->kind == ML_FEED_TOKENS)
			continue;
		a->map[values->data] = ml_builder_input(&a->b, ml_graph_text(a->from, data->name), &data->shape);
		ML_TRY(add_source(a, i, a->map[values->data], ML_NO_VALUE,
						  feed->kind == ML_FEED_IMAGE ? (size_t) (feed->height * feed->width * feed->channels) : (size_t) feed->size));
	}
	return ML_OK;
}

/* Constants, parameters and states, where they are in their vectors. */
static ml_status
copy_values(attribution *a)
{
	const ml_graph *from = a->from;

	for (int32_t v = 0; v < from->nvalues; v++)
	{
		const ml_graph_value *value = &from->values[v];

		if (value->kind == ML_VALUE_CONSTANT)
			a->map[v] = ml_builder_constant(&a->b, &value->shape, from->constants + value->offset);
		else if (value->kind == ML_VALUE_PARAMETER)
			a->map[v] = ml_builder_parameter(&a->b, ml_graph_text(from, value->name), &value->shape, false);
		else if (value->kind == ML_VALUE_STATE)
			a->map[v] = ml_builder_state(&a->b, ml_graph_text(from, value->name), &value->shape);
		else
			continue;
		ML_TRY(a->b.e.status);
		if (value->kind != ML_VALUE_CONSTANT && a->graph->values[a->map[v]].offset != value->offset)
			return ml_fail(a->ctx, ML_UNSUPPORTED, "a network whose parameters are not in order can't be explained");
	}
	return ML_OK;
}

/* The feed whose words a value is the numbers of; -1: none. */
static int
feed_of_ids(const attribution *a, int32_t value)
{
	const ml_network *network = &a->network->network;

	for (int i = 0; i < network->nfeeds; i++)
		if (network->feeds[i].data == value && a->network->feeds.feeds[i].kind == ML_FEED_TOKENS)
			return i;
	return -1;
}

/*
 * Probabilities round to 0 or 1, of which there are no logits: where the last op
 * makes them, it gives logits itself.  Sigmoids may be part of a product.
 */
static const ml_op *
op_of(attribution *a, const ml_graph_node *node, ml_attributes *attributes)
{
	const ml_network *network = &a->network->network;
	const ml_op *op = ml_ops[node->op];

	*attributes = node->attributes;
	if (network->output_kind != ML_OUTPUT_PROBABILITIES || a->from->operands[node->inputs + node->nin] != network->output)
		return op;
	a->bare = op == &ml_op_softmax ||
		(network->outputs == 1 && (op == &ml_op_linear || op == &ml_op_activation) && attributes->ints[0] == ML_SIGMOID);
	if (a->bare && op != &ml_op_softmax)
		attributes->ints[0] = ML_LINEAR;
	return a->bare && op == &ml_op_softmax ? &ml_op_log_softmax : op;
}

static ml_status
copy_node(attribution *a, const ml_graph_node *node)
{
	const int32_t *operands = a->from->operands + node->inputs;
	ml_attributes attributes;
	const ml_op *op = op_of(a, node, &attributes);
	int32_t		in[ML_NODE_INPUTS_MAX];
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	int			feed = op == &ml_op_gather ? feed_of_ids(a, operands[1]) : -1;

	if (feed >= 0)
	{
		const ml_shape *shape = &a->from->values[operands[2]].shape;
		char		name[32];
		size_t		used = ml_print(name, sizeof(name), "embedded.%d", a->nsources);

		a->map[operands[2]] = ml_builder_input(&a->b, (ml_text) {name, used}, shape);
		ML_TRY(add_source(a, feed, a->map[operands[2]], operands[0], (size_t) shape->dims[1]));
		return a->b.e.status;
	}
	for (int i = 0; i < node->nin; i++)
	{
		in[i] = operands[i] == ML_NO_VALUE ? ML_NO_VALUE : a->map[operands[i]];
		if (operands[i] != ML_NO_VALUE && in[i] == ML_NO_VALUE)
			return ml_fail(a->ctx, ML_UNSUPPORTED, "a network that uses numbers of words other than in embeddings can't be explained");
	}
	a->b.e.node(&a->b.e, op, &attributes, node->nin, in, node->nout, out);
	for (int i = 0; i < node->nout && a->b.e.status == ML_OK; i++)
		a->map[operands[node->nin + i]] = out[i];
	return a->b.e.status;
}

static int32_t
column(attribution *a, int32_t output, uint32_t k)
{
	return ml_emit1(&a->b.e, &ml_op_slice, &(ml_attributes) {.ints = {1, k, k + 1, 1}}, output);
}

/* The logit of a score, [rows, 1] (network_scores.h). */
static int32_t
emit_logit(attribution *a, int32_t output, uint32_t score)
{
	const ml_network *network = &a->network->network;
	ml_emitter *e = &a->b.e;
	uint32_t	nscores = a->session->image->nscores;
	bool		pair = nscores == 1 && network->outputs == 2;
	int32_t		x = column(a, output, pair ? 1 : network->outputs == 1 ? 0 : score);
	int32_t		rest;

	if (network->output_kind != ML_OUTPUT_PROBABILITIES || a->bare)
		return pair ? ml_emit2(e, &ml_op_sub, NULL, x, column(a, output, 0)) : x;
	if (nscores > 1)
		return ml_emit1(e, &ml_op_log, NULL, x);
	rest = pair ? column(a, output, 0) : ml_emit2(e, &ml_op_sub, NULL, e->constant(e, ML_F32, 1), x);
	return ml_emit2(e, &ml_op_sub, NULL, ml_emit1(e, &ml_op_log, NULL, x), ml_emit1(e, &ml_op_log, NULL, rest));
}

static ml_status
emit_gradients(attribution *a, uint32_t score)
{
	int32_t		values[INPUTS_MAX];
	int32_t		gradients[INPUTS_MAX];
	int32_t		sum;

	/* what is read must lie without gaps */
	a->score = ml_emit1(&a->b.e, &ml_op_copy, NULL, emit_logit(a, a->map[a->network->network.output], score));
	ml_builder_output(&a->b, ML_TEXT("score"), a->score);
	sum = ml_emit1(&a->b.e, &ml_op_sum, &(ml_attributes) {.ints = {3}}, a->score);
	ML_TRY(a->b.e.status);
	for (int i = 0; i < a->nsources; i++)
		values[i] = a->sources[i].value;
	ML_TRY(ml_graph_gradients(&a->b, sum, a->nsources, values, gradients));
	for (int i = 0; i < a->nsources; i++)
	{
		char		name[32];
		size_t		used = ml_print(name, sizeof(name), "gradient.%d", i);

		a->sources[i].gradient = ML_NO_VALUE;
		if (gradients[i] == ML_NO_VALUE)
			continue;
		a->sources[i].gradient = ml_emit1(&a->b.e, &ml_op_copy, NULL, gradients[i]);
		ml_builder_output(&a->b, (ml_text) {name, used}, a->sources[i].gradient);
	}
	ML_TRY(a->b.e.status);
	return ml_graph_finish(a->ctx, a->graph);
}

static ml_status
build(attribution *a, uint32_t score)
{
	void	   *memory;

	ML_TRY(ml_graph_open(a->ctx, ML_F32, &a->graph));
	ml_builder_start(a->ctx, a->graph, &a->b);
	ML_TRY(ml_arena_alloc(a->ctx, &a->session->arena, ml_size_mul((size_t) a->from->nvalues, sizeof(int32_t)), &memory));
	a->map = memory;
	for (int32_t v = 0; v < a->from->nvalues; v++)
		a->map[v] = ML_NO_VALUE;
	ML_TRY(copy_symbols(a));
	ML_TRY(copy_inputs(a));
	ML_TRY(copy_values(a));
	for (int32_t k = 0; k < a->from->nnodes; k++)
		ML_TRY(copy_node(a, &a->from->nodes[k]));
	a->rows = a->network->network.rows;
	ML_TRY(emit_gradients(a, score));
	ML_TRY(ml_runner_open(a->ctx, a->graph, a->session->kernel, &a->runner));
	a->runner->parameters = a->network->runner->parameters;
	a->runner->states = a->network->runner->states;
	return ML_OK;
}

/* ---------- the way ---------- */

/* The source's elements at the row itself. */
static void
read_source(attribution *a, source *s)
{
	const ml_feed_batch *batch = &a->network->batch;
	const ml_feed *feed = &a->network->feeds.feeds[s->feed];
	const float *table;

	if (s->table == ML_NO_VALUE)
	{
		memcpy(s->x, feed->kind == ML_FEED_IMAGE ? batch->pixels[s->feed] : feed->kind == ML_FEED_SERIES ? batch->series[s->feed] :
			   batch->numbers, s->elements * sizeof(float));
		return;
	}
	table = (const float *) a->runner->parameters + a->from->values[s->table].offset;
	for (size_t i = 0; i < s->elements / s->width; i++)
		memcpy(s->x + i * s->width, table + (size_t) batch->ids[s->feed][i] * s->width, s->width * sizeof(float));
}

static ml_status
take(attribution *a, size_t n, size_t width, void *result)
{
	return ml_arena_alloc_zero(a->ctx, &a->session->arena, ml_size_mul(n, width), result);
}

static ml_status
open_sources(attribution *a)
{
	const ml_feed_batch *batch = &a->network->batch;

	for (int i = 0; i < a->network->feeds.nfeeds; i++)
		if (a->offsets[i] != ML_NO_VALUE)
		{
			ML_TRY(take(a, ROWS + 1, sizeof(int32_t), &a->ends[i]));
			for (int r = 0; r <= ROWS; r++)
				a->ends[i][r] = r * batch->offsets[i][1];
		}
	for (int i = 0; i < a->nsources; i++)
	{
		source	   *s = &a->sources[i];

		s->elements = batch->offsets[s->feed] == NULL ? s->width : s->width * (size_t) batch->offsets[s->feed][1];
		ML_TRY(take(a, s->elements + 1, sizeof(float), &s->x));
		ML_TRY(take(a, ml_size_mul(s->elements + 1, ROWS), sizeof(float), &s->scaled));
		ML_TRY(take(a, s->elements + 1, sizeof(double), &s->sums));
		if (s->table != ML_NO_VALUE)
			for (size_t k = 0; k < s->elements / s->width; k++)
				if (batch->ids[s->feed][k] >= a->from->values[s->table].shape.dims[0])
					return ml_fail(a->ctx, ML_BAD_INPUT, "a number of a word is out of range");
		read_source(a, s);
	}
	return ML_OK;
}

/* Run the rows at alphas[n]; n <= ROWS. */
static ml_status
run(attribution *a, const double *alphas, int n)
{
	ml_binding	binding = {0};

	binding.numbers[ML_SYMBOL_OF(a->rows)] = n;
	for (int i = 0; i < a->network->feeds.nfeeds; i++)
		if (a->offsets[i] != ML_NO_VALUE)
		{
			int32_t		symbol = ML_SYMBOL_OF(a->words[i]);

			binding.numbers[symbol] = a->ends[i][n];
			binding.offsets[symbol] = a->ends[i];
			binding.rows[symbol] = n;
		}
	for (int i = 0; i < a->nsources; i++)
	{
		source	   *s = &a->sources[i];

		for (int r = 0; r < n; r++)
			for (size_t k = 0; k < s->elements; k++)
				s->scaled[(size_t) r * s->elements + k] = (float) (alphas[r] * s->x[k]);
	}
	ML_TRY(ml_runner_bind(a->ctx, a->runner, &binding, true));
	for (int i = 0; i < a->nsources; i++)
		a->runner->inputs[a->sources[i].value] = a->sources[i].scaled;
	for (int i = 0; i < a->network->feeds.nfeeds; i++)
		if (a->offsets[i] != ML_NO_VALUE)
			a->runner->inputs[a->offsets[i]] = a->ends[i];
	return ml_runner_run(a->ctx, a->runner, false);
}

static void
add_gradients(attribution *a, int n)
{
	for (int i = 0; i < a->nsources; i++)
	{
		source	   *s = &a->sources[i];
		const float *gradient;

		if (s->gradient == ML_NO_VALUE)
			continue;
		gradient = ml_runner_view(a->runner, s->gradient)->data;
		for (int r = 0; r < n; r++)
			for (size_t k = 0; k < s->elements; k++)
				s->sums[k] += gradient[(size_t) r * s->elements + k];
	}
}

/* Gradients along the way in so many steps; what the parts add up to. */
static ml_status
walk(attribution *a, int steps, double *total)
{
	for (int i = 0; i < a->nsources; i++)
		memset(a->sources[i].sums, 0, a->sources[i].elements * sizeof(double));
	for (int first = 0; first < steps; first += ROWS)
	{
		double		alphas[ROWS];
		int			n = ML_MIN(ROWS, steps - first);

		for (int r = 0; r < n; r++)
			alphas[r] = (first + r + 0.5) / steps;
		ML_TRY(run(a, alphas, n));
		add_gradients(a, n);
	}
	*total = 0;
	for (int i = 0; i < a->nsources; i++)
		for (size_t k = 0; k < a->sources[i].elements; k++)
		{
			a->sources[i].sums[k] *= a->sources[i].x[k] / (double) steps;
			*total += a->sources[i].sums[k];
		}
	return ML_OK;
}

static ml_status
integrate(attribution *a, double *total)
{
	const float *scores;

	ML_TRY(run(a, (double[2]) {0, 1}, 2));
	scores = ml_runner_view(a->runner, a->score)->data;
	a->base = scores[0];
	a->full = scores[1];
	for (int steps = STEPS; steps <= STEPS_MOST; steps *= 2)
	{
		ML_TRY(walk(a, steps, total));
		if (fabs(*total - (a->full - a->base)) <= NEAR / 2 * fabs(a->full - a->base))
			break;
	}
	return ML_OK;
}

/* ---------- parts ---------- */

/* Parts of a feed's words, each with the columns' name where there are several. */
static ml_status
add_words(ml_explanation *e, attribution *a, const source *s, const ml_value *inputs)
{
	const ml_feeds *feeds = &a->network->feeds;
	ml_text		text = inputs[feeds->column[s->feed]].text;
	uint32_t	most = (uint32_t) (s->elements / s->width);
	ml_token_place *places;
	int32_t    *ids;
	uint32_t	n = 0;

	ML_TRY(take(a, (size_t) most + 1, sizeof(ml_token_place), &places));
	ML_TRY(take(a, (size_t) most + 1, sizeof(int32_t), &ids));
	if (text.data != NULL)
		ML_TRY(ml_tokens_read(e->ctx, &feeds->tokens, a->network->reader, text, most, ids, places, &n));
	for (uint32_t i = 0; i < most; i++)
	{
		size_t		start = e->names.size;
		double		part = 0;

		for (size_t k = 0; k < s->width; k++)
			part += s->sums[i * s->width + k];
		if (feeds->tabular.ncolumns > 1)
			ML_TRY(ml_appendf(e->ctx, &e->names, "%.*s: ", (int) feeds->tabular.names[feeds->column[s->feed]].size,
							  feeds->tabular.names[feeds->column[s->feed]].data));
		if (i < n)
			ML_TRY(ml_append(e->ctx, &e->names, text.data + places[i].start, places[i].size));
		else
			ML_TRY(ml_appendf(e->ctx, &e->names, "(padding)"));
		ML_TRY(ml_explain_add(e, start, part));
	}
	return ML_OK;
}

/* Parts of steps, of all channels together; padding is nothing but means. */
static ml_status
add_steps(ml_explanation *e, const attribution *a, const source *s, const ml_value *inputs)
{
	const ml_feeds *feeds = &a->network->feeds;
	uint32_t	column = feeds->column[s->feed];
	ml_text		name = feeds->tabular.names[column];
	ml_items	items = inputs[column].items;
	size_t		steps = ML_MIN(s->elements, items.data == NULL ? 0 : items.n) / s->width;

	for (size_t i = 0; i < steps; i++)
	{
		size_t		start = e->names.size;
		double		part = 0;

		for (size_t k = 0; k < s->width; k++)
			part += s->sums[i * s->width + k];
		if (part == 0)
			continue;
		ML_TRY(ml_append(e->ctx, &e->names, name.data, name.size));
		ML_TRY(ml_appendf(e->ctx, &e->names, "[%zu]", i + 1));
		if (s->width == 1)
		{
			ML_TRY(ml_appendf(e->ctx, &e->names, " = "));
			ML_TRY(ml_show_number(e->ctx, ML_TYPE_NUMBER, items.data[i], &e->names));
		}
		ML_TRY(ml_explain_add(e, start, part));
	}
	return ML_OK;
}

static ml_status
add_image(ml_explanation *e, const attribution *a, const source *s)
{
	ml_text		name = a->network->feeds.tabular.names[a->network->feeds.column[s->feed]];
	size_t		start = e->names.size;
	double		part = 0;

	for (size_t k = 0; k < s->elements; k++)
		part += s->sums[k];
	ML_TRY(ml_append(e->ctx, &e->names, name.data, name.size));
	return ml_explain_add(e, start, part);
}

static ml_status
add_numbers(ml_explanation *e, attribution *a, const source *s, const ml_value *inputs)
{
	const ml_tabular *tabular = &a->network->feeds.tabular;
	double	   *hot;

	ML_TRY(take(a, tabular->ncategories + 1, sizeof(double), &hot));
	for (uint32_t i = 0; i < tabular->ncategories; i++)
		hot[i] = a->network->batch.hot[i] == ML_NO_TERM ? 0 : s->sums[a->network->batch.hot[i]];
	return ml_explain_columns(e, inputs, s->sums, hot);
}

static ml_status
explain(ml_explanation *e, attribution *a, const ml_value *inputs, uint32_t score, double *intercept)
{
	double		total = 0;

	ML_TRY(build(a, score));
	ML_TRY(open_sources(a));
	ML_TRY(integrate(a, &total));
	for (int i = 0; i < a->nsources; i++)
	{
		const source *s = &a->sources[i];
		ml_feed_kind kind = a->network->feeds.feeds[s->feed].kind;

		if (s->table != ML_NO_VALUE)
			ML_TRY(add_words(e, a, s, inputs));
		else if (kind == ML_FEED_SERIES)
			ML_TRY(add_steps(e, a, s, inputs));
		else if (kind == ML_FEED_IMAGE)
			ML_TRY(add_image(e, a, s));
		else
			ML_TRY(add_numbers(e, a, s, inputs));
	}
	*intercept = a->full - total;
	return ML_OK;
}

ml_status
ml_explain_network(ml_explanation *e, const ml_value *inputs, uint32_t score, double *intercept)
{
	attribution a = {
		.ctx = e->ctx, .session = e->session, .network = e->session->network, .from = &e->session->network->graph
	};
	ml_status	status;

	/* the row is the session's batch: its score was asked for before */
	e->tabular = &a.network->feeds.tabular;
	status = explain(e, &a, inputs, score, intercept);
	ml_runner_close(e->ctx, a.runner);
	ml_graph_close(e->ctx, a.graph);
	return status;
}
