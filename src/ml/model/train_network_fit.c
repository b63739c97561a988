/*-------------------------------------------------------------------------
 *
 * train_network_fit.c
 *	  Epochs and steps of a network's training.
 *
 * The order of an epoch's rows follows from the seed and the epoch's number, what
 * dropout draws from the seed and the step's: training that is cut and goes
 * on is that which was not.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#include "base/hash.h"
#include "model/network_scores.h"

#include <math.h>

#define PROGRESS_SECONDS	0.2
#define ENDLESS			1e9		/* seconds that are no estimate */
#define PROGRESS_STEPS	16		/* without a clock */
#define POLL_WEIGHTS	(1 << 18)

/* What an epoch sums up. */
typedef struct epoch_sums
{
	double		loss;			/* weight x loss */
	double		weight;
	double		right;			/* rows predicted right, or squared errors */
	uint64_t	rows;
	uint64_t	judged;			/* of them those whose batch had a weight: "right" is of these */
	int64_t		batches;
	bool		added;			/* gradients of a full batch so far */
	double		start;			/* seconds */
} epoch_sums;

static double
clock_of(const ml_context *ctx)
{
	return ctx->host->seconds == NULL ? NAN : ctx->host->seconds(ctx->host->user);
}

/* Where the training is: in the epoch, after some batches. */
static void
tell_progress(ml_context *ctx, ml_network_trainer *net, int32_t epoch, const epoch_sums *sums, bool ended)
{
	double		now = clock_of(ctx);
	uint64_t	rows = ml_examples_count(net->examples, UINT32_C(1) << ML_NETWORK_LEARN);
	ml_progress progress = {
		.phase = ML_PHASE_FIT,
		.rows = (int64_t) sums->rows,
		.epoch = epoch,
		.loss = sums->loss / sums->weight,
		.epochs = net->trainer->options.epochs,
		.batch = sums->batches,
		.batches = (int64_t) ((rows + net->batch_size - 1) / net->batch_size),
		.validation = net->nhistory > 0 ? net->history[net->nhistory - 1].validation_metric : NAN,
		.rate = (double) sums->rows / (now - sums->start)
	};
	double		done = epoch - 1 - net->first_epoch + (double) sums->batches / (double) progress.batches;

	if (ctx->host->progress == NULL || (!ended && (isnan(now) ? sums->batches % PROGRESS_STEPS != 0 : now - net->told_at < PROGRESS_SECONDS)))
		return;
	progress.left = (now - net->began) / done * (progress.epochs - net->first_epoch - done);
	if (!(progress.left < ENDLESS))
		progress.left = NAN;
	net->told_at = now;
	ctx->host->progress(ctx->host->user, &progress);
}

/* Target, class and weight of the row that was put into the batch last. */
static void
set_target(ml_network_trainer *net, const ml_example *example)
{
	ml_network_target(net, example, net->batch.n - 1);
}

/* batch 0: when the epoch was validated; -1: by its last step. */
static ml_status
diverged(ml_context *ctx, const ml_network_trainer *net, int32_t epoch, int64_t batch)
{
	if (batch < 0)
		ml_fail(ctx, ML_BAD_DATA, "training diverged: by the last batch of epoch %d weights became so large that predictions are not finite numbers", epoch);
	else if (batch == 0)
		ml_fail(ctx, ML_BAD_DATA, "training diverged: after epoch %d losses or predictions of the validation rows are not finite numbers", epoch);
	else
		ml_fail(ctx, ML_BAD_DATA, "training diverged: the loss is not a finite number in epoch %d, batch %lld",
				epoch, (long long) batch);
	return ml_hint(ctx, "Lower the optimizer's \"learning_rate\", or bound gradients by its \"clip_norm\".");
}

/* Run rows first .. first + n - 1 of the batch; the gradients are of scale times their losses. */
static ml_status
run_slice(ml_context *ctx, ml_network_trainer *net, size_t first, size_t n, float scale, bool add,
		  epoch_sums *sums)
{
	const ml_network *network = &net->network;
	ml_runner  *runner = net->runner;
	ml_binding	binding;
	float		loss;

	ml_feed_bind(&net->batch, network, first, n, &binding);
	ML_TRY(ml_runner_bind(ctx, runner, &binding, true));
	ml_feed_inputs(&net->batch, network, first, runner);
	ml_network_bind_targets(net, network, runner, first, &scale);
	runner->seed = ml_hash_join(ml_hash_join(net->trainer->options.seed, (uint64_t) net->step),
								(uint64_t) sums->batches << 32 | first);
	ML_TRY(ml_runner_run(ctx, runner, add));
	loss = *(const float *) ml_runner_view(runner, network->loss)->data;
	sums->loss += (double) loss / scale;
	sums->right += ml_network_right(net, network, runner, first, n);
	return ML_OK;
}

/* Gradients of all rows of the batch; weight: what losses are divided by. */
static ml_status
run_batch(ml_context *ctx, ml_network_trainer *net, double weight, bool add, epoch_sums *sums)
{
	size_t		n = net->batch.n;

	for (size_t first = 0; first < n; first += net->slice)
		ML_TRY(run_slice(ctx, net, first, ML_MIN(net->slice, n - first), (float) (1 / weight), add || first > 0, sums));
	return ML_OK;
}

static double
batch_weight(const ml_network_trainer *net)
{
	double		weight = 0;

	for (size_t i = 0; i < net->batch.n; i++)
		weight += net->weights[i];
	return weight;
}

/* The batch is full: a step; of a full batch only its gradients. */
static ml_status
end_batch(ml_context *ctx, ml_network_trainer *net, int32_t epoch, epoch_sums *sums)
{
	double		weight = batch_weight(net);
	double		before = sums->loss;

	if (net->batch.n == 0)
		return ML_OK;
	sums->rows += net->batch.n;
	sums->batches++;
	if (weight > 0)
	{
		ML_TRY(run_batch(ctx, net, net->whole ? net->learning_weight : weight, net->whole && sums->added, sums));
		if (!isfinite(sums->loss - before))
			return diverged(ctx, net, epoch, sums->batches);
		sums->weight += weight;
		sums->judged += net->batch.n;
		sums->added = true;
		if (!net->whole)
		{
			net->rate = ml_optimizer_rate(net->optimizer);
			ML_TRY(ml_optimizer_step(ctx, net->optimizer, net->trainer->kernel, net->parameters, net->gradients,
									 net->touched));
			net->step++;
		}
	}
	ml_feed_batch_clear(&net->batch);
	tell_progress(ctx, net, epoch, sums, false);
	return ML_OK;
}

static ml_status
learn(ml_context *ctx, ml_network_trainer *net, int32_t epoch, epoch_sums *sums)
{
	const ml_example *const *rows;
	ml_rng		rng;
	size_t		n;

	ml_rng_seed(&rng, ml_hash_join(net->trainer->options.seed, (uint64_t) epoch));
	ML_TRY(ml_examples_begin(ctx, net->examples, UINT32_C(1) << ML_NETWORK_LEARN,
							 net->trainer->options.shuffle ? &rng : NULL));
	ml_feed_batch_clear(&net->batch);
	for (;;)
	{
		ML_TRY(ml_examples_next(ctx, net->examples, &rows, &n));
		if (n == 0)
			break;
		for (size_t i = 0; i < n; i++)
		{
			ML_TRY(ml_network_feed(ctx, net, rows[i]));
			set_target(net, rows[i]);
			if (net->batch.n == net->batch_size)
				ML_TRY(end_batch(ctx, net, epoch, sums));
		}
	}
	ML_TRY(end_batch(ctx, net, epoch, sums));
	if (!net->whole || !sums->added)
		return ML_OK;
	net->rate = ml_optimizer_rate(net->optimizer);
	net->step++;
	return ml_optimizer_step(ctx, net->optimizer, net->trainer->kernel, net->parameters, net->gradients, net->touched);
}

/* ---------- epochs ---------- */

static ml_status
keep_epoch(ml_context *ctx, ml_network_trainer *net, const ml_epoch *epoch)
{
	void	   *memory = net->history;

	if (net->nhistory == 2 * ML_HISTORY_MAX)
	{
		memmove(net->history, net->history + ML_HISTORY_MAX, ML_HISTORY_MAX * sizeof(ml_epoch));
		net->nhistory = ML_HISTORY_MAX;
	}
	ML_TRY(ml_grow(ctx, &memory, &net->history_capacity, net->nhistory + 1, sizeof(ml_epoch)));
	net->history = memory;
	net->history[net->nhistory++] = *epoch;
	if (net->options->verbose)
		ml_network_tell_epoch(ctx, net, epoch);
	return ML_OK;
}

static ml_status
copy_weights(ml_context *ctx, ml_network_trainer *net, bool keep)
{
	size_t		size = net->network.graph->parameters * sizeof(float);
	size_t		states = net->network.graph->state_bytes;

	ML_TRY(ml_copy(ctx, keep ? net->best : net->parameters, keep ? net->parameters : net->best, size));
	return ml_copy(ctx, keep ? net->best_states : net->states, keep ? net->states : net->best_states, states);
}

static ml_status
run_epoch(ml_context *ctx, ml_network_trainer *net, int32_t number, ml_epoch *epoch)
{
	epoch_sums	sums = {.start = clock_of(ctx)};
	double		rows;

	ML_TRY(learn(ctx, net, number, &sums));
	rows = (double) ML_MAX(sums.judged, 1);
	*epoch = (ml_epoch)
	{
		.epoch = number,
		.step = net->step,
		.learning_rate = net->rate,
		.loss = sums.loss / sums.weight,
		.metric = net->nclasses > 0 ? sums.right / rows : sqrt(sums.right / rows),
		.validation_loss = NAN,
		.validation_metric = NAN
	};
	if (net->nvalidation > 0)
	{
		ml_network_score score;

		ML_TRY(ml_network_judge(ctx, net, ML_NETWORK_VALIDATE, NULL, &score));
		if (!isfinite(score.loss))
			return diverged(ctx, net, number, 0);
		epoch->validation_loss = score.loss;
		epoch->validation_metric = score.metric;
	}
	epoch->seconds = clock_of(ctx) - sums.start;
	ML_TRY(keep_epoch(ctx, net, epoch));
	tell_progress(ctx, net, number, &sums, true);
	return ML_OK;
}

/* The sum of the weights of the rows that learn: what losses of a full batch are divided by. */
static ml_status
add_weight(ml_context *ctx, void *arg, const ml_example *example)
{
	ml_network_trainer *net = arg;

	net->learning_weight += ml_network_weight(net, example);
	return ML_OK;
}

ml_status
ml_network_weigh(ml_context *ctx, ml_network_trainer *net)
{
	ML_TRY(ml_examples_each(ctx, net->examples, UINT32_C(1) << ML_NETWORK_LEARN, add_weight, net));
	if (!(net->learning_weight > 0))
		return ml_fail(ctx, ML_BAD_DATA, "all rows that learn have weight 0");
	net->began = clock_of(ctx);
	net->first_epoch = net->epoch;
	return ML_OK;
}

/* No epoch is left, or patience is at its end. */
static bool
is_done(const ml_network_trainer *net)
{
	return net->epoch >= net->trainer->options.epochs ||
		(net->options->patience > 0 && net->nvalidation > 0 && net->epoch - net->last_better >= net->options->patience);
}

ml_status
ml_network_epochs(ml_context *ctx, ml_network_trainer *net, int n, bool *done)
{
	ml_epoch	epoch;

	for (; n > 0 && !is_done(net); n--)
	{
		ML_TRY(run_epoch(ctx, net, net->epoch + 1, &epoch));
		net->epoch++;
		ml_optimizer_epoch(net->optimizer, net->nvalidation > 0 ? epoch.validation_loss : epoch.loss);
		if (net->nvalidation == 0 || !(epoch.validation_loss < net->best_loss))
			continue;
		net->best_loss = epoch.validation_loss;
		net->best_epoch = net->last_better = net->epoch;
		ML_TRY(copy_weights(ctx, net, true));
	}
	*done = is_done(net);
	return ML_OK;
}

/* The last step's weights were in no loss yet. */
static ml_status
check_weights(ml_context *ctx, const ml_network_trainer *net)
{
	size_t		n = net->network.graph->parameters;

	for (size_t i = 0; i < n; i++)
	{
		if (i % POLL_WEIGHTS == 0)
			ML_TRY(ml_poll(ctx));
		if (!isfinite(net->parameters[i]))
			return diverged(ctx, net, net->epoch, -1);
	}
	return ML_OK;
}

/*
 * Nor were they in a prediction: finite weights may be so large that no row has
 * a finite one, as a batch of those that learn shows.
 */
static ml_status
check_predictions(ml_context *ctx, ml_network_trainer *net)
{
	ml_network_score score;

	if (net->best_epoch > 0)
		return ML_OK;			/* so were its losses and predictions */
	ML_TRY(ml_network_sample(ctx, net, &score));
	return isfinite(score.loss) ? ML_OK : diverged(ctx, net, net->epoch, -1);
}

ml_status
ml_network_settle(ml_context *ctx, ml_network_trainer *net)
{
	if (net->best_epoch > 0)
		ML_TRY(copy_weights(ctx, net, false));
	ML_TRY(check_weights(ctx, net));
	return check_predictions(ctx, net);
}
