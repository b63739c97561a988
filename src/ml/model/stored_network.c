/*-------------------------------------------------------------------------
 *
 * stored_network.c
 *	  Writing the stored layout of a network (stored_network.h).
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored_network.h"

#define TENSORS			(8 + 1 + 4 + ML_OPTIMIZER_MOMENTS)	/* besides parameters and states */

typedef struct writer
{
	ml_context *ctx;
	ml_stored_writer parts;
	const ml_stored_network *model;
	ml_buffer	graph;
	ml_buffer	feeds;
	ml_buffer	checkpoint;
} writer;

const char *const ml_output_names[ML_OUTPUT_KINDS] = {
	[ML_OUTPUT_LOGITS] = "logits",
	[ML_OUTPUT_PROBABILITIES] = "probabilities",
	[ML_OUTPUT_NUMBERS] = "numbers",
};

const char *const ml_moment_names[ML_OPTIMIZER_MOMENTS] = {"checkpoint.moments.0", "checkpoint.moments.1"};

/* "series": steps that are looked at of each. */
static ml_status
put_series(writer *w)
{
	const ml_feeds *feeds = w->model->feeds;
	const char *separator = "";

	if (feeds->tabular.nchannels == 0)
		return ML_OK;
	if (feeds->tabular.ntexts == 0)
		ML_TRY(ml_appendf(w->ctx, &w->feeds, ", \"pad\": %u", feeds->pad));
	ML_TRY(ml_appendf(w->ctx, &w->feeds, ", \"series\": ["));
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		if (feeds->feeds[i].kind != ML_FEED_SERIES)
			continue;
		ML_TRY(ml_appendf(w->ctx, &w->feeds, "%s%u", separator, feeds->steps[i]));
		separator = ", ";
	}
	ml_stored_put_matrix(&w->parts, "series_scaling", ML_F64, feeds->tabular.nchannels, 2, feeds->channels);
	return ml_appendf(w->ctx, &w->feeds, "]");
}

static ml_status
put_feeds(writer *w)
{
	const ml_feeds *feeds = w->model->feeds;
	const char *separator = ", \"images\": [";
	bool		images = false;

	ML_TRY(ml_appendf(w->ctx, &w->feeds, "{\"output\": \"%s\"", ml_output_names[w->model->network->output_kind]));
	if (feeds->tabular.ntexts > 0)
	{
		ML_TRY(ml_appendf(w->ctx, &w->feeds, ", \"max_length\": %u, \"pad\": %u, \"unicode\": ", feeds->max_length,
						  feeds->pad));
		ML_TRY(ml_json_quote(w->ctx, &w->feeds,
							 (ml_text) {ml_words_unicode_version(), strlen(ml_words_unicode_version())}));
	}
	for (int i = 0; i < feeds->nfeeds; i++)
	{
		const ml_feed *feed = &feeds->feeds[i];

		if (feed->kind != ML_FEED_IMAGE)
			continue;
		ML_TRY(ml_appendf(w->ctx, &w->feeds, "%s[%lld, %lld, %lld]", separator, (long long) feed->height,
						  (long long) feed->width, (long long) feed->channels));
		separator = ", ";
		images = true;
	}
	if (images)
		ML_TRY(ml_appendf(w->ctx, &w->feeds, "]"));
	ML_TRY(put_series(w));
	ML_TRY(ml_appendf(w->ctx, &w->feeds, "}"));
	ml_stored_put(&w->parts, "feeds", (ml_text) {w->feeds.data, w->feeds.size});
	return ML_OK;
}

static void
put_words(writer *w)
{
	const ml_tokens *tokens = &w->model->feeds->tokens;

	if (w->model->feeds->tabular.ntexts == 0)
		return;
	ml_stored_put_vector(&w->parts, "word_end", ML_U64, tokens->n, tokens->ends);
	ml_stored_put_vector(&w->parts, "words", ML_U8, tokens->ends[tokens->n - 1], tokens->bytes);
}

/* One parameter or state, as people see it: plain[]. */
static ml_status
put_value(writer *w, const ml_graph *graph, const ml_graph_value *value, const void *storage, float *plain)
{
	uint64_t	dims[ML_MAX_DIMS];
	size_t		n = 1;

	for (int i = 0; i < value->shape.ndims; i++)
	{
		dims[i] = (uint64_t) value->shape.dims[i];
		n = ml_size_mul(n, (size_t) dims[i]);
	}
	ML_TRY(ml_layout_load(w->ctx, value, ML_F32, storage, plain));
	ML_TRY(ml_stored_check_floats(w->ctx, plain, n, "weights"));
	ml_stored_put_tensor(&w->parts, ml_graph_text(graph, value->name), ML_F32, value->shape.ndims, dims, plain);
	return ML_OK;
}

static ml_status
put_vectors(writer *w)
{
	const ml_graph *graph = w->model->network->graph;
	void	   *states;

	ML_TRY(ml_arena_alloc(w->ctx, &w->parts.arena, graph->state_bytes, &states));
	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];

		if (value->kind == ML_VALUE_PARAMETER && value->storage == i)
			ML_TRY(put_value(w, graph, value, w->model->parameters + value->offset, w->model->room + value->offset));
		else if (value->kind == ML_VALUE_STATE && value->storage == i)
			ML_TRY(put_value(w, graph, value, (const char *) w->model->states + value->offset,
							 (float *) (void *) ((char *) states + value->offset)));
	}
	return ML_OK;
}

/* A vector of a checkpoint. */
static ml_status
put_floats(writer *w, const char *name, const void *vector, size_t n)
{
	ML_TRY(ml_stored_check_floats(w->ctx, vector, n, "the optimizer's moments"));
	ml_stored_put_vector(&w->parts, name, ML_F32, n, vector);
	return ML_OK;
}

static ml_status
put_checkpoint(writer *w)
{
	const ml_checkpoint *c = w->model->checkpoint;
	const ml_graph *graph = w->model->network->graph;

	if (c == NULL)
		return ML_OK;
	ML_TRY(ml_appendf(w->ctx, &w->checkpoint, "{\"epoch\": %d, \"epochs\": %d, \"optimizer\": ", c->epoch, c->epochs));
	ML_TRY(ml_json_quote(w->ctx, &w->checkpoint, c->optimizer));
	ML_TRY(ml_appendf(w->ctx, &w->checkpoint, ", \"moments\": %d}", c->nmoments));
	ml_stored_put(&w->parts, "checkpoint", (ml_text) {w->checkpoint.data, w->checkpoint.size});
	ml_stored_put_vector(&w->parts, "checkpoint.numbers", ML_F64, ML_CHECKPOINT_NUMBERS, c->numbers);
	ml_stored_put_matrix(&w->parts, "checkpoint.history", ML_F64, c->nhistory, ML_EPOCH_NUMBERS, c->history);
	for (int i = 0; i < c->nmoments; i++)
		ML_TRY(put_floats(w, ml_moment_names[i], c->moments[i], graph->parameters));
	if (c->best == NULL)
		return ML_OK;
	ML_TRY(put_floats(w, "checkpoint.best", c->best, graph->parameters));
	return put_floats(w, "checkpoint.best_states", c->best_states, graph->state_bytes / sizeof(float));
}

static uint32_t
count_tensors(const ml_graph *graph)
{
	uint32_t	n = TENSORS;

	for (int32_t i = 0; i < graph->nvalues; i++)
		n += graph->values[i].kind == ML_VALUE_PARAMETER || graph->values[i].kind == ML_VALUE_STATE;
	return n;
}

static ml_status
write_file(writer *w, ml_buffer *file)
{
	const ml_stored_network *model = w->model;

	ML_TRY(ml_stored_put_task(&w->parts, "3", model->task, ML_TEXT("network")));
	ML_TRY(ml_stored_put_tabular(&w->parts, &model->feeds->tabular));
	if (model->task == ML_CLASSIFICATION)
		ML_TRY(ml_stored_put_labels(&w->parts, model->nlabels, model->labels, model->positive));
	ML_TRY(ml_graph_write(w->ctx, model->network->graph, &w->graph));
	ml_stored_put(&w->parts, "graph", (ml_text) {w->graph.data, w->graph.size});
	ml_stored_put(&w->parts, "layers", model->spec);
	ML_TRY(put_feeds(w));
	put_words(w);
	ML_TRY(put_vectors(w));
	ML_TRY(put_checkpoint(w));
	return ml_stored_write(&w->parts, file);
}

ml_status
ml_stored_write_network(ml_context *ctx, const ml_stored_network *model, ml_buffer *file)
{
	writer		w = {.ctx = ctx, .model = model};
	ml_status	status = ml_stored_writer_open(ctx, count_tensors(model->network->graph), &w.parts);

	if (status == ML_OK)
		status = write_file(&w, file);
	ml_stored_writer_close(&w.parts);
	ml_buffer_free(ctx, &w.graph);
	ml_buffer_free(ctx, &w.feeds);
	ml_buffer_free(ctx, &w.checkpoint);
	return status;
}
