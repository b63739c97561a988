/*-------------------------------------------------------------------------
 *
 * session_network.c
 *	  Image and rows -> outputs of a network -> logits.
 *
 * Some rows are put together and run at once; what comes out for a row depends
 * on no other (graph/graph.h, op/op.h).  How many is limited by words, and where
 * there are images by the memory that these and what becomes of them take.
 * After the first rows nothing is allocated, unless a plan needs more than all
 * before; but decoding an image is.
 *
 *-------------------------------------------------------------------------
 */
#include "model/network_scores.h"
#include "model/session.h"

#define WORDS_AT_ONCE	4096	/* words of a batch after which it is run */
#define BYTES_AT_ONCE	((size_t) 16 << 20)	/* images of a batch, and activations that come of them */

/* Bytes of n rows' inputs and activations, with texts of a middling length; SIZE_MAX: too many. */
static size_t
plan_rows(ml_context *ctx, const ml_network_session *network, int32_t n, void *memory)
{
	const ml_graph *graph = network->runner->graph;
	const ml_feeds *feeds = &network->feeds;
	uint32_t	length = feeds->pad > 0 ? feeds->pad : ML_MIN(feeds->max_length > 0 ? feeds->max_length : UINT32_MAX, (uint32_t) WORDS_AT_ONCE / ML_NETWORK_ROWS);
	int32_t		offsets[ML_NETWORK_ROWS + 1];
	const int32_t *ends[ML_FEEDS_MAX];
	ml_binding	binding;
	ml_plan		plan;

	for (int32_t i = 0; i <= n; i++)
		offsets[i] = i * (int32_t) length;
	for (int i = 0; i < feeds->nfeeds; i++)
		ends[i] = offsets;
	ml_network_bind_rows(&network->network, n, ends, &binding);
	if (ml_graph_bind(ctx, graph, &binding) != ML_OK ||
		ml_graph_plan(ctx, graph, &binding, false, memory, &plan) != ML_OK)
		return SIZE_MAX;
	return ml_size_add(plan.bytes, ml_feed_batch_size(feeds, (size_t) n));
}

/* Rows of a batch. */
static ml_status
choose_rows(ml_context *ctx, const ml_network_session *network, size_t *rows)
{
	bool		images = false;
	void	   *memory;

	*rows = ML_NETWORK_ROWS;
	for (int i = 0; i < network->feeds.nfeeds; i++)
		images = images || network->feeds.feeds[i].kind == ML_FEED_IMAGE;
	if (!images)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, ml_plan_size(network->runner->graph), &memory));
	while (*rows > 1 && plan_rows(ctx, network, (int32_t) *rows, memory) > BYTES_AT_ONCE)
		*rows /= 2;
	ml_release(ctx, memory);
	return ML_OK;
}

static ml_status
open_network(ml_context *ctx, ml_session *session, ml_network_session *n)
{
	const ml_network_image *image = n->image;
	size_t		rows;

	ML_TRY(ml_alloc(ctx, ml_size_mul(image->head.ncolumns, sizeof(ml_text)), (void **) &n->names));
	ml_image_network(image, n->names, &n->feeds, &n->graph, &n->network);
	ML_TRY(ml_runner_open(ctx, ml_image_folded(image, &n->graph, session->kernel, &n->folded) ? &n->folded : &n->graph,
						  session->kernel, &n->runner));
	/* nothing of a stored graph writes into these: such graphs are refused when they are read */
	n->runner->parameters = (void *) (uintptr_t) ml_image_at(&image->head, image->parameters);
	n->runner->states = (void *) (uintptr_t) ml_image_at(&image->head, image->states);
	ML_TRY(choose_rows(ctx, n, &rows));
	ML_TRY(ml_feed_batch_open(ctx, &n->feeds, rows, &n->batch));
	return image->head.ntexts == 0 ? ML_OK : ml_words_open(ctx, session->kernel, &n->reader);
}

ml_status
ml_network_session_open(ml_context *ctx, ml_session *session)
{
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_network_session), (void **) &session->network));
	session->network->image = (const ml_network_image *) session->image;
	return open_network(ctx, session, session->network);
}

void
ml_network_session_close(ml_context *ctx, ml_network_session *network)
{
	if (network == NULL)
		return;
	ml_runner_close(ctx, network->runner);
	ml_feed_batch_close(ctx, &network->batch);
	ml_words_close(ctx, network->reader);
	ml_release(ctx, network->names);
	ml_release(ctx, network);
}

/* Are there enough words for one run? */
static bool
is_full(const ml_feed_batch *batch)
{
	for (int i = 0; i < batch->feeds->nfeeds; i++)
		if (batch->offsets[i] != NULL && batch->offsets[i][batch->n] >= WORDS_AT_ONCE)
			return true;
	return batch->n == batch->capacity;
}

static ml_status
run(ml_context *ctx, ml_network_session *network)
{
	ml_binding	binding;

	ml_feed_bind(&network->batch, &network->network, 0, network->batch.n, &binding);
	ML_TRY(ml_runner_bind(ctx, network->runner, &binding, false));
	ml_feed_inputs(&network->batch, &network->network, 0, network->runner);
	return ml_runner_run(ctx, network->runner, false);
}

ml_status
ml_network_session_score(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs, size_t *done)
{
	ml_network_session *network = session->network;
	const ml_image *image = session->image;
	uint32_t	noutputs = (uint32_t) network->network.outputs;
	const float *outputs;

	ml_feed_batch_clear(&network->batch);
	do
	{
		ML_TRY(ml_feed_row(ctx, &network->batch, network->reader, inputs + network->batch.n * image->ncolumns));
		session->row++;
	}
	while (network->batch.n < n && !is_full(&network->batch));
	session->row -= network->batch.n;
	*done = network->batch.n;
	ML_TRY(run(ctx, network));
	outputs = ml_runner_view(network->runner, network->network.output)->data;
	for (size_t r = 0; r < *done; r++)
	{
		double	   *logits = session->logits + r * image->nscores;

		session->row += r > 0;
		if (!ml_network_logits(network->network.output_kind, outputs + r * noutputs, noutputs, image->nscores, logits))
			return ml_fail(ctx, ML_BAD_INPUT, "the row has values so large that its prediction is out of range");
	}
	return ML_OK;
}
