/*-------------------------------------------------------------------------
 *
 * gradient_descent.c
 *	  The learner gradient_descent: the textbook program, with the learning
 *	  rate, the epochs and the batch size that the user names.
 *
 * Minimises the mean loss of the rows plus a penalty,
 *	  1/S sum_i s_i loss(y_i, f(x_i)) + lambda ((1 - r)/2 |w|^2 + r |w|_1),
 * where S = sum of s_i, r = l1_ratio and lambda = 1 / (C S) in classification,
 * alpha in regression.  The intercept is not penalised.  One step sees a batch
 * of rows (full_batch: all), for which S is that of the batch:
 *	  g = gradient of the batch's mean loss + of the penalty
 *	  sgd, full_batch:	w -= learning_rate g
 *	  momentum:			v = momentum v + g;  w -= learning_rate v
 *	  adam:				m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *						w -= learning_rate m' / (sqrt(v') + 1e-8),
 *						m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)
 * (Polyak 1964; Kingma and Ba 2015).  Where a loss or |w| has a corner, g is
 * the subgradient that is 0 there.  Batches are consecutive rows of an epoch's
 * order, whatever blocks they lie in; the last one of an epoch may be smaller.
 *
 * Every fit begins at the same weights: 0, or those to be warm-started from.
 * So the fit on all rows is the program that the user wrote, not its
 * continuation from the fit that was judged.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/learner.h"

#include "base/math.h"

#define SEGMENT		64			/* rows of a batch handled at a time */
#define ADAM_EPSILON 1e-8
#define POLL_WORK	((size_t) 1 << 20)	/* products between two polls */

typedef struct descent
{
	const ml_problem *problem;
	uint32_t	nscores;
	uint32_t	nweights;		/* of a score, the intercept (last) included */
	double	   *start;			/* [nscores][nweights]: where every fit begins */
	bool		started;		/* start is set */
	double	   *w;				/* [nscores][nweights] */
	double	   *g;				/* the same: gradient of the batch under way */
	double	   *first;			/* moments of the optimiser, or NULL */
	double	   *second;
	double	   *scores;			/* [nscores][SEGMENT] */
	double		lambda;
	double		beta1_power;	/* beta1^t and beta2^t */
	double		beta2_power;
	size_t		work;

	/* the batch under way */
	uint64_t	rows;
	double		weight;			/* sum of s_i */
} descent;

static size_t
size_of(const descent *d)
{
	return ml_size_mul(ml_size_mul(d->nscores, d->nweights), sizeof(double));
}

static ml_status
allocate(ml_context *ctx, descent *d)
{
	ml_optimizer optimizer = d->problem->options->optimizer;

	ML_TRY(ml_alloc_zero(ctx, size_of(d), (void **) &d->start));
	ML_TRY(ml_alloc(ctx, size_of(d), (void **) &d->w));
	ML_TRY(ml_alloc(ctx, size_of(d), (void **) &d->g));
	if (optimizer == ML_OPTIMIZER_MOMENTUM || optimizer == ML_OPTIMIZER_ADAM)
		ML_TRY(ml_alloc(ctx, size_of(d), (void **) &d->first));
	if (optimizer == ML_OPTIMIZER_ADAM)
		ML_TRY(ml_alloc(ctx, size_of(d), (void **) &d->second));
	return ml_alloc(ctx, ml_size_mul(d->nscores, SEGMENT * sizeof(double)), (void **) &d->scores);
}

static void
descent_close(ml_context *ctx, void *state)
{
	descent    *d = state;

	if (d == NULL)
		return;
	ml_release(ctx, d->start);
	ml_release(ctx, d->w);
	ml_release(ctx, d->g);
	ml_release(ctx, d->first);
	ml_release(ctx, d->second);
	ml_release(ctx, d->scores);
	ml_release(ctx, d);
}

static ml_status
descent_open(ml_context *ctx, const ml_problem *problem, void **state)
{
	descent    *d;
	size_t		need;
	ml_status	status;

	*state = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(*d), (void **) &d));
	d->problem = problem;
	d->nscores = problem->nscores;
	d->nweights = problem->nfeatures + 1;
	need = ml_size_mul(size_of(d), 5);
	if (need > problem->memory)
	{
		status = ml_fail(ctx, ML_MEMORY_LIMIT,
						 "gradient descent on %u features and %u scores needs %zu MB of memory, and %zu MB are allowed",
						 problem->nfeatures, problem->nscores, (need >> 20) + 1, problem->memory >> 20);
		ml_hint(ctx, "Raise maintenance_work_mem, or make fewer features (options \"rare\", \"min_df\").");
	}
	else
		status = allocate(ctx, d);
	if (status != ML_OK)
		descent_close(ctx, d);
	else
		*state = d;
	return status;
}

/* ---------- loss and gradient of a segment ---------- */

static inline double
softplus(double z)
{
	return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/*
 * Loss of one score (margin losses: y is 1 or -1); *slope: its derivative by
 * the score.
 */
static inline double
loss_of(ml_loss loss, double epsilon, double y, double score, double *slope)
{
	double		margin = 1 - y * score;
	double		error = score - y;
	double		beyond = fabs(error) - epsilon;

	switch (loss)
	{
		case ML_LOSS_LOGISTIC:
			*slope = -y / (1 + exp(y * score));
			return softplus(-y * score);
		case ML_LOSS_HINGE:
			*slope = margin > 0 ? -y : 0;
			return margin > 0 ? margin : 0;
		case ML_LOSS_SQUARED_HINGE:
			*slope = margin > 0 ? -2 * y * margin : 0;
			return margin > 0 ? margin * margin : 0;
		case ML_LOSS_SQUARED_ERROR:
			*slope = error;
			return error * error / 2;
		case ML_LOSS_EPSILON_INSENSITIVE:
			*slope = beyond > 0 ? copysign(1, error) : 0;
			return beyond > 0 ? beyond : 0;
		case ML_LOSS_SQUARED_EPSILON_INSENSITIVE:
			*slope = beyond > 0 ? 2 * copysign(beyond, error) : 0;
			return beyond > 0 ? beyond * beyond : 0;
	}
	*slope = 0;
	return 0;
}

/* scores[c][i] of rows first .. first + n - 1 of a block. */
static void
segment_scores(descent *d, const ml_block *block, uint32_t first, uint32_t n)
{
	uint32_t	ndense = ml_design_ndense(d->problem->design);
	uint32_t	ncategories = ml_design_ncategories(d->problem->design);

	for (uint32_t c = 0; c < d->nscores; c++)
	{
		const double *w = d->w + (size_t) c * d->nweights;
		double	   *scores = d->scores + (size_t) c * SEGMENT;

		for (uint32_t i = 0; i < n; i++)
			scores[i] = w[d->nweights - 1];
		for (uint32_t j = 0; j < ndense; j++)
		{
			const double *x = block->dense + (size_t) j * block->stride + first;

			for (uint32_t i = 0; i < n; i++)
				scores[i] += w[j] * x[i];
		}
		for (uint32_t k = 0; k < ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

			for (uint32_t i = 0; i < n; i++)
				if (hot[i] != ML_NO_TERM)
					scores[i] += w[hot[i]];
		}
		for (uint32_t i = 0; block->at != NULL && i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				scores[i] += w[block->ids[k]] * (double) block->values[k];
	}
}

/* Softmax of one row, in place of its scores: s_i times the loss's slopes.  Returns the loss. */
static double
softmax_slopes(descent *d, uint32_t i, uint32_t label, double weight)
{
	double	   *z = d->scores + i;
	double		own = z[(size_t) label * SEGMENT];
	double		largest = own;
	double		sum = 0;

	for (uint32_t c = 0; c < d->nscores; c++)
		largest = ML_MAX(largest, z[(size_t) c * SEGMENT]);
	for (uint32_t c = 0; c < d->nscores; c++)
	{
		z[(size_t) c * SEGMENT] = exp(z[(size_t) c * SEGMENT] - largest);
		sum += z[(size_t) c * SEGMENT];
	}
	for (uint32_t c = 0; c < d->nscores; c++)
		z[(size_t) c * SEGMENT] = weight * (z[(size_t) c * SEGMENT] / sum - (c == label ? 1 : 0));
	return log(sum) + largest - own;
}

/* Scores become s_i times the loss's slopes; returns the sum of s_i loss_i. */
static double
segment_slopes(descent *d, const ml_block *block, uint32_t first, uint32_t n)
{
	const ml_options *options = d->problem->options;
	bool		regression = d->problem->task == ML_REGRESSION;
	double		sum = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		double		weight = block->weight[first + i];
		uint32_t	label = block->label[first + i];

		d->weight += weight;
		if (d->nscores > 1 && options->loss == ML_LOSS_LOGISTIC)
		{
			sum += weight * softmax_slopes(d, i, label, weight);
			continue;
		}
		for (uint32_t c = 0; c < d->nscores; c++)
		{
			double	   *score = d->scores + (size_t) c * SEGMENT + i;
			double		y = regression ? block->target[first + i] :
				label == (d->nscores == 1 ? 1 : c) ? 1 : -1;
			double		slope;

			sum += weight * loss_of(options->loss, options->epsilon, y, *score, &slope);
			*score = weight * slope;
		}
	}
	return sum;
}

/* g += what the segment's rows add. */
static void
segment_gradient(descent *d, const ml_block *block, uint32_t first, uint32_t n)
{
	uint32_t	ndense = ml_design_ndense(d->problem->design);
	uint32_t	ncategories = ml_design_ncategories(d->problem->design);

	for (uint32_t c = 0; c < d->nscores; c++)
	{
		double	   *g = d->g + (size_t) c * d->nweights;
		const double *slopes = d->scores + (size_t) c * SEGMENT;

		for (uint32_t i = 0; i < n; i++)
			g[d->nweights - 1] += slopes[i];
		for (uint32_t j = 0; j < ndense; j++)
		{
			const double *x = block->dense + (size_t) j * block->stride + first;
			double		sum = 0;

			for (uint32_t i = 0; i < n; i++)
				sum += slopes[i] * x[i];
			g[j] += sum;
		}
		for (uint32_t k = 0; k < ncategories; k++)
		{
			const uint32_t *hot = block->hot + (size_t) k * block->stride + first;

			for (uint32_t i = 0; i < n; i++)
				if (hot[i] != ML_NO_TERM)
					g[hot[i]] += slopes[i];
		}
		for (uint32_t i = 0; block->at != NULL && i < n; i++)
			for (uint32_t k = block->at[first + i]; k < block->at[first + i + 1]; k++)
				g[block->ids[k]] += slopes[i] * (double) block->values[k];
	}
}

/* ---------- a step ---------- */

/* The sums of a batch -> the gradient of its mean loss and of the penalty. */
static void
finish_gradient(descent *d)
{
	const ml_problem *problem = d->problem;
	double		l1 = d->lambda * problem->options->l1_ratio;
	double		l2 = d->lambda - l1;

	for (uint32_t c = 0; c < d->nscores; c++)
	{
		double	   *g = d->g + (size_t) c * d->nweights;
		const double *w = d->w + (size_t) c * d->nweights;

		for (uint32_t j = 0; j < d->nweights - 1; j++)
		{
			g[j] = g[j] / d->weight + l2 * w[j] + (w[j] == 0 ? 0 : copysign(l1, w[j]));
			if (problem->excluded != NULL && problem->excluded[j])
				g[j] = 0;
		}
		g[d->nweights - 1] /= d->weight;
	}
}

static void
step_adam(descent *d, size_t n)
{
	const ml_options *options = d->problem->options;

	d->beta1_power *= options->beta1;
	d->beta2_power *= options->beta2;
	for (size_t j = 0; j < n; j++)
	{
		double		g = d->g[j];

		d->first[j] = options->beta1 * d->first[j] + (1 - options->beta1) * g;
		d->second[j] = options->beta2 * d->second[j] + (1 - options->beta2) * g * g;
		d->w[j] -= options->learning_rate * (d->first[j] / (1 - d->beta1_power)) /
			(sqrt(d->second[j] / (1 - d->beta2_power)) + ADAM_EPSILON);
	}
}

/* The batch is complete: move, and begin the next. */
static ml_status
step(ml_context *ctx, descent *d)
{
	const ml_options *options = d->problem->options;
	size_t		n = (size_t) d->nscores * d->nweights;

	if (d->rows > 0 && d->weight > 0)
	{
		finish_gradient(d);
		if (options->optimizer == ML_OPTIMIZER_ADAM)
			step_adam(d, n);
		else
			for (size_t j = 0; j < n; j++)
			{
				double		g = d->g[j];

				if (options->optimizer == ML_OPTIMIZER_MOMENTUM)
					g = d->first[j] = options->momentum * d->first[j] + g;
				d->w[j] -= options->learning_rate * g;
			}
	}
	memset(d->g, 0, n * sizeof(double));
	d->rows = 0;
	d->weight = 0;
	d->work += 4 * n;
	if (d->work < POLL_WORK)
		return ML_OK;
	d->work = 0;
	return ml_poll(ctx);
}

/* ---------- an epoch ---------- */

/* One pass over the rows of the parts; *loss: the mean that it saw. */
static ml_status
run_epoch(ml_context *ctx, descent *d, uint32_t parts, ml_rng *rng, double *loss)
{
	const ml_options *options = d->problem->options;
	ml_design  *design = d->problem->design;
	bool		full = options->optimizer == ML_OPTIMIZER_FULL_BATCH;
	uint64_t	batch = full ? UINT64_MAX : (uint64_t) options->batch_size;
	const ml_block *block;
	double		sum = 0;
	double		total = 0;

	ML_TRY(ml_design_begin(ctx, design, parts, rng));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, design, &block));
		if (block == NULL)
			break;
		for (uint32_t first = 0; first < block->n;)
		{
			uint32_t	n = (uint32_t) ML_MIN((uint64_t) ML_MIN(block->n - first, (uint32_t) SEGMENT),
											  batch - d->rows);
			double		before = d->weight;

			segment_scores(d, block, first, n);
			sum += segment_slopes(d, block, first, n);
			segment_gradient(d, block, first, n);
			total += d->weight - before;
			d->rows += n;
			d->work += (size_t) n * d->nscores * 2 * d->nweights;
			first += n;
			if (d->rows == batch)
				ML_TRY(step(ctx, d));
			else if (d->work > POLL_WORK)
			{
				d->work = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
	}
	ML_TRY(step(ctx, d));
	*loss = total > 0 ? sum / total : 0;
	return ML_OK;
}

/* Sum of the weights of the rows of the parts. */
static ml_status
weigh_rows(ml_context *ctx, const descent *d, uint32_t parts, double *weight)
{
	const ml_block *block;

	*weight = 0;
	ML_TRY(ml_design_begin(ctx, d->problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, d->problem->design, &block));
		if (block == NULL)
			return ML_OK;
		for (uint32_t i = 0; i < block->n; i++)
			*weight += block->weight[i];
		ML_TRY(ml_poll(ctx));
	}
}

static ml_status
check_loss(ml_context *ctx, const descent *d, int epoch, double loss)
{
	bool		finite = isfinite(loss);

	for (size_t j = 0; finite && j < (size_t) d->nscores * d->nweights; j++)
		finite = isfinite(d->w[j]);
	if (finite)
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "gradient descent diverged in epoch %d: weights or loss are no longer finite",
			epoch);
	return ml_hint(ctx, "Lower \"learning_rate\" (it is %g), or leave \"standardize\" on.",
				   d->problem->options->learning_rate);
}

static void
copy_weights(const descent *d, double *to, const ml_solution *from)
{
	for (uint32_t c = 0; c < d->nscores; c++)
	{
		memcpy(to + (size_t) c * d->nweights, from->weights + (size_t) c * from->nfeatures,
			   from->nfeatures * sizeof(double));
		to[(size_t) c * d->nweights + from->nfeatures] = from->bias[c];
	}
}

static ml_status
begin_fit(ml_context *ctx, descent *d, uint32_t parts, const ml_solution *solution)
{
	const ml_options *options = d->problem->options;
	double		weight;

	if (!d->started && solution->fitted)
		copy_weights(d, d->start, solution);
	d->started = true;
	memcpy(d->w, d->start, size_of(d));
	memset(d->g, 0, size_of(d));
	if (d->first != NULL)
		memset(d->first, 0, size_of(d));
	if (d->second != NULL)
		memset(d->second, 0, size_of(d));
	d->beta1_power = d->beta2_power = 1;
	d->rows = 0;
	d->weight = 0;
	d->lambda = 0;
	if (options->penalty == ML_PENALTY_NONE)
		return ML_OK;
	if (d->problem->task == ML_REGRESSION)
	{
		d->lambda = options->alpha;
		return ML_OK;
	}
	ML_TRY(weigh_rows(ctx, d, parts, &weight));
	d->lambda = weight > 0 ? 1 / (options->c * weight) : 0;
	return ML_OK;
}

static ml_status
descent_fit(ml_context *ctx, const ml_problem *problem, void *state, uint32_t parts,
			ml_solution *solution, ml_linear_report *report)
{
	const ml_options *options = problem->options;
	descent    *d = state;
	bool		shuffle = options->shuffle && options->optimizer != ML_OPTIMIZER_FULL_BATCH;
	double		previous = INFINITY;

	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	ML_TRY(begin_fit(ctx, d, parts, solution));
	for (int epoch = 1; epoch <= options->epochs; epoch++)
	{
		ml_rng		rng;
		double		loss;

		ml_rng_seed(&rng, options->seed + (uint64_t) epoch);
		if (shuffle)
			ML_TRY(ml_design_shuffle(ctx, problem->design, options->seed + (uint64_t) epoch));
		ML_TRY(run_epoch(ctx, d, parts, shuffle ? &rng : NULL, &loss));
		ML_TRY(check_loss(ctx, d, epoch, loss));
		report->epochs = report->best = epoch;
		if (report->nlosses < ML_LOSSES_MAX)
			report->losses[report->nlosses++] = loss;
		else
		{
			report->losses[ML_LOSSES_MAX - 2] = previous;
			report->losses[ML_LOSSES_MAX - 1] = loss;
		}
		ml_linear_progress(ctx, ML_PHASE_FIT, (int64_t) ml_design_count(problem->design, parts), epoch, loss);
		report->converged = options->tolerance > 0 && fabs(previous - loss) < options->tolerance;
		if (report->converged)
			break;
		previous = loss;
	}
	for (uint32_t c = 0; c < d->nscores; c++)
	{
		const double *w = d->w + (size_t) c * d->nweights;

		memcpy(solution->weights + (size_t) c * solution->nfeatures, w, solution->nfeatures * sizeof(double));
		solution->bias[c] = w[solution->nfeatures];
	}
	solution->fitted = true;
	solution->has_errors = false;
	return ML_OK;
}

static bool
descent_is_logistic(const ml_options *options)
{
	return options->loss == ML_LOSS_LOGISTIC;
}

const ml_learner ml_gradient_descent = {
	.name = "gradient_descent",
	.tasks = ML_TASK(ML_CLASSIFICATION) | ML_TASK(ML_REGRESSION),
	.is_logistic = descent_is_logistic,
	.open = descent_open,
	.fit = descent_fit,
	.close = descent_close
};
