/*-------------------------------------------------------------------------
 *
 * train_network_judge.c
 *	  Targets of rows, and predictions for rows that do not learn.
 *
 *-------------------------------------------------------------------------
 */
#include "model/network_scores.h"
#include "model/train_network.h"

#include <math.h>

/* ---------- targets ---------- */

double
ml_network_weight(const ml_network_trainer *net, const ml_example *example)
{
	if (net->class_weights == NULL)
		return example->weight;
	return (double) (example->weight * net->class_weights[net->classes[example->label]]);
}

void
ml_network_target(ml_network_trainer *net, const ml_example *example, size_t row)
{
	size_t		outputs = (size_t) net->network.outputs;
	float	   *targets = net->targets == NULL ? NULL : net->targets + row * outputs;

	net->weights[row] = (float) ml_network_weight(net, example);
	if (net->nclasses == 0)
	{
		for (size_t i = 0; i < outputs; i++)
			targets[i] = (float) example->target;
		return;
	}
	net->target_classes[row] = (int32_t) net->classes[example->label];
	for (size_t i = 0; net->targets != NULL && i < outputs; i++)
		targets[i] = (size_t) net->target_classes[row] == (outputs == 1 ? 1 : i);
}

void
ml_network_bind_targets(const ml_network_trainer *net, const ml_network *network, ml_runner *runner,
						size_t first, const float *scale)
{
	if (net->targets == NULL)
		runner->inputs[network->targets] = net->target_classes + first;
	else
		runner->inputs[network->targets] = net->targets + first * (size_t) network->outputs;
	runner->inputs[network->weights] = net->weights + first;
	runner->inputs[network->scale] = scale;
}

double
ml_network_right(const ml_network_trainer *net, const ml_network *network, const ml_runner *runner,
				 size_t first, size_t n)
{
	uint32_t	noutputs = (uint32_t) network->outputs;
	uint32_t	nscores = ml_network_nscores(net);
	const float *outputs = ml_runner_view(runner, network->output)->data;
	double		sum = 0;

	for (size_t i = 0; i < n; i++, outputs += noutputs)
	{
		if (net->nclasses == 0)
		{
			double		error = (double) outputs[0] - net->targets[(first + i) * noutputs];

			sum += error * error;
		}
		else
		{
			(void) ml_network_logits(network->output_kind, outputs, noutputs, nscores, net->logits);
			sum += ml_network_best(net->logits, nscores) == (uint32_t) net->target_classes[first + i];
		}
	}
	return sum;
}

/* ---------- judging ---------- */

typedef struct judge
{
	ml_network_trainer *net;
	ml_judgement *judgement;
	double	   *probabilities;	/* [nclasses] */
	double		loss;
	double		weight;
	double		right;
	uint64_t	rows;
} judge;

static ml_status
judge_outputs(ml_context *ctx, judge *j, size_t first, size_t n)
{
	ml_network_trainer *net = j->net;
	const ml_network *network = &net->validation;
	uint32_t	noutputs = (uint32_t) network->outputs;
	uint32_t	nscores = ml_network_nscores(net);
	const float *outputs = ml_runner_view(net->judge, network->output)->data;

	for (size_t i = 0; i < n; i++, outputs += noutputs)
	{
		uint32_t	class;

		if (net->nclasses == 0)
		{
			ML_TRY(ml_judge_number(ctx, j->judgement, net->targets[(first + i) * noutputs], outputs[0]));
			continue;
		}
		class = (uint32_t) net->target_classes[first + i];
		(void) ml_network_logits(network->output_kind, outputs, noutputs, nscores, net->logits);
		ml_network_probabilities(net->logits, nscores, j->probabilities);
		ML_TRY(ml_judge_label(ctx, j->judgement, net->class_label[class],
							  net->class_label[ml_network_best(net->logits, nscores)],
							  j->probabilities[class], ml_brier_of(j->probabilities, net->nclasses, class), class == 1,
							  j->probabilities[1]));
	}
	return ML_OK;
}

/* Losses say nothing of infinite scores that speak for the right class. */
static bool
are_finite(const ml_network *network, const ml_runner *runner, size_t n)
{
	size_t		noutputs = (size_t) network->outputs;
	const float *outputs = ml_runner_view(runner, network->output)->data;
	bool		finite = true;

	for (size_t i = 0; i < n * noutputs; i++)
		finite = finite && isfinite(outputs[i]);
	return finite;
}

static ml_status
judge_batch(ml_context *ctx, judge *j)
{
	ml_network_trainer *net = j->net;
	const ml_network *network = &net->validation;
	ml_runner  *runner = net->judge;
	const float one = 1;

	for (size_t first = 0; first < net->batch.n; first += net->judge_slice)
	{
		size_t		n = ML_MIN(net->judge_slice, net->batch.n - first);
		ml_binding	binding;

		ml_feed_bind(&net->batch, network, first, n, &binding);
		ML_TRY(ml_runner_bind(ctx, runner, &binding, false));
		ml_feed_inputs(&net->batch, network, first, runner);
		ml_network_bind_targets(net, network, runner, first, &one);
		ML_TRY(ml_runner_run(ctx, runner, false));
		j->loss += *(const float *) ml_runner_view(runner, network->loss)->data;
		if (!are_finite(network, runner, n))
			j->loss = NAN;
		j->right += ml_network_right(net, network, runner, first, n);
		for (size_t i = 0; i < n; i++)
			j->weight += net->weights[first + i];
		if (j->judgement != NULL)
			ML_TRY(judge_outputs(ctx, j, first, n));
	}
	j->rows += net->batch.n;
	ml_feed_batch_clear(&net->batch);
	return ML_OK;
}

static ml_status
judge_rows(ml_context *ctx, judge *j, int part, uint64_t most)
{
	ml_network_trainer *net = j->net;
	const ml_example *const *rows;
	size_t		n;

	ML_TRY(ml_examples_begin(ctx, net->examples, UINT32_C(1) << part, NULL));
	ml_feed_batch_clear(&net->batch);
	for (;;)
	{
		ML_TRY(ml_examples_next(ctx, net->examples, &rows, &n));
		if (n == 0 || j->rows >= most)
			return judge_batch(ctx, j);
		for (size_t i = 0; i < n && j->rows < most; i++)
		{
			ML_TRY(ml_network_feed(ctx, net, rows[i]));
			ml_network_target(net, rows[i], net->batch.n - 1);
			if (net->batch.n == net->batch_size)
				ML_TRY(judge_batch(ctx, j));
		}
	}
}

static ml_network_score
score_of(const judge *j)
{
	return (ml_network_score)
	{
		.loss = j->loss / (j->weight > 0 ? j->weight : 1),
		.metric = j->net->nclasses > 0 ? j->right / (double) j->rows : sqrt(j->right / (double) j->rows),
		.rows = j->rows
	};
}

ml_status
ml_network_sample(ml_context *ctx, ml_network_trainer *net, ml_network_score *score)
{
	judge		j = {.net = net};

	ML_TRY(judge_rows(ctx, &j, ML_NETWORK_LEARN, net->batch_size));
	*score = score_of(&j);
	return ML_OK;
}

ml_status
ml_network_judge(ml_context *ctx, ml_network_trainer *net, int part, ml_judgement *judgement,
				 ml_network_score *score)
{
	judge		j = {.net = net, .judgement = judgement};
	void	   *memory;
	ml_status	status;

	if (judgement != NULL)
	{
		ml_linear_progress(ctx, ML_PHASE_EVALUATE, (int64_t) ml_examples_count(net->examples, UINT32_C(1) << part), 0, NAN);
		judgement->labels = net->nclasses > 0 ? &net->trainer->labels : NULL;
	}
	ML_TRY(ml_alloc(ctx, ml_size_mul(net->nclasses + 2, sizeof(double)), &memory));
	j.probabilities = memory;
	status = judge_rows(ctx, &j, part, UINT64_MAX);
	ml_release(ctx, memory);
	ML_TRY(status);
	*score = score_of(&j);
	return ML_OK;
}
