/*-------------------------------------------------------------------------
 *
 * session_network.c
 *	  Image and rows -> outputs of a network -> logits.
 *
 * Some rows are put together and run at once; what comes out for a row depends
 * on no other (graph/graph.h, op/op.h).  After the first rows nothing is
 * allocated, unless a plan needs more than all before.
 *
 *-------------------------------------------------------------------------
 */
#include "model/network_scores.h"
#include "model/session.h"

#define WORDS_AT_ONCE	4096	/* words of a batch after which it is run */

static ml_status
open_network(ml_context *ctx, ml_session *session, ml_network_session *n)
{
	const ml_network_image *image = n->image;

	ML_TRY(ml_alloc(ctx, ml_size_mul(image->head.ncolumns, sizeof(ml_text)), (void **) &n->names));
	ml_image_network(image, n->names, &n->feeds, &n->graph, &n->network);
	ML_TRY(ml_runner_open(ctx, &n->graph, session->kernel, &n->runner));
	/* nothing of a stored graph writes into these: such graphs are refused when they are read */
	n->runner->parameters = (void *) (uintptr_t) ml_image_at(&image->head, image->parameters);
	n->runner->states = (void *) (uintptr_t) ml_image_at(&image->head, image->states);
	ML_TRY(ml_feed_batch_open(ctx, &n->feeds, ML_NETWORK_ROWS, &n->batch));
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
