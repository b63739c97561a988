/*-------------------------------------------------------------------------
 *
 * train_table_fit.c
 *	  The procedure of a training on a table, once its rows are prepared.
 *
 *	  1. Where scores are no log-odds: fit without some of the rows that learn,
 *		 score these, calibrate; few rows are cross-fitted, five folds in turn.
 *	  2. With rows held out: fit on the others, judge on those.
 *	  3. Fit on all rows.
 *
 * A fit starts from the solution before it, except that of another fold, which
 * has seen the rows that now calibrate.  The recipe of the features is that of
 * the rows that learn in all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

#include <math.h>

#define ROUGH			1e-3	/* tolerance of a fit whose rows that calibrate are many */
#define CALIBRATE_SHARE	16		/* of the memory, for scores of rows that calibrate ... */
#define CALIBRATE_ROWS	200000	/* ... of which two parameters need no more */

void
ml_table_plan_calibration(const ml_table_trainer *table, ml_table_plan *plan, int nparts)
{
	uint64_t	learning = ml_design_count(table->design, plan->learn);
	int			n = learning < ML_CROSS_FIT_ROWS ? ML_CROSS_FIT_FOLDS : 1;
	int			k = 0;

	plan->ncalibrate = 0;
	if (!ml_table_calibrates(table))
		return;
	for (int part = 1; part <= nparts; part++)
	{
		if ((plan->learn >> part & 1) == 0 || (k == 1 && n == 1))
			continue;
		plan->calibrate[k % n] |= ML_PART(part);
		plan->ncalibrate = ML_MIN(++k, n);
	}
}

/* A memory that is too small for the labels: are they meant? */
static ml_status
doubt_labels(ml_context *ctx, const ml_table_trainer *table, ml_status status)
{
	const ml_trainer *trainer = table->trainer;

	if (status == ML_MEMORY_LIMIT && table->nclasses > ML_LABELS_MANY)
		ml_hint(ctx, "The target \"%.*s\" has %u labels: is it the right column? If so, raise maintenance_work_mem.",
				(int) ML_MIN(trainer->target.size, (size_t) 64), trainer->target.data, table->nclasses);
	return status;
}

/* What a learner is told, and room for its solution. */
static ml_status
open_learner(ml_context *ctx, ml_table_trainer *table, uint32_t learning)
{
	ml_trainer *trainer = table->trainer;
	uint32_t	nfeatures = ml_design_nfeatures(table->design);
	size_t		held = ml_size_add(ml_design_memory(table->design), table->fitted.total);

	ML_TRY(ml_table_terms(ctx, table, nfeatures));
	ML_TRY(ml_solution_open(ctx, &table->solution, table->nscores, nfeatures));
	held = ml_size_add(held, table->solution.arena.total);
	if (ml_table_calibrates(table))
		held = ml_size_add(held, trainer->memory / CALIBRATE_SHARE);
	table->problem = (ml_problem)
	{
		.kernel = trainer->kernel,
		.options = &trainer->options,
		.design = table->design,
		.task = trainer->task,
		.nclasses = table->nclasses,
		.nscores = table->nscores,
		.nfeatures = nfeatures,
		.memory = held < trainer->memory ? trainer->memory - held : 0,
		.excluded = table->excluded,
		.origin = table->origin,
		.learning = learning
	};
	return doubt_labels(ctx, table, table->learner->open(ctx, &table->problem, &table->state));
}

/* Where fits begin that don't go on from another. */
static ml_status
restart(ml_context *ctx, ml_table_trainer *table)
{
	ml_solution *solution = &table->solution;
	uint32_t	nscores = solution->nscores;
	uint32_t	nfeatures = solution->nfeatures;

	if (solution->machine.kind != ML_MACHINE_NONE)
	{
		ml_solution_close(ctx, solution);
		return ml_solution_open(ctx, solution, nscores, nfeatures);
	}
	solution->fitted = table->start.fitted;
	if (!table->start.fitted)
		return ML_OK;
	memcpy(solution->weights, table->start.weights, sizeof(double) * nscores * nfeatures);
	memcpy(solution->bias, table->start.bias, sizeof(double) * nscores);
	return ML_OK;
}

static ml_status
fit(ml_context *ctx, ml_table_trainer *table, uint32_t parts, bool anew, ml_linear_report *report)
{
	if (anew || table->solution.machine.kind != ML_MACHINE_NONE)
		ML_TRY(restart(ctx, table));
	memset(report, 0, sizeof(*report));
	return doubt_labels(ctx, table, table->learner->fit(ctx, &table->problem, table->state, parts, &table->solution,
														report));
}

/*
 * Scores of rows.
 */
typedef ml_status (*score_sink) (ml_context *ctx, ml_table_trainer *table, const ml_block *block,
								 const double *scores, void *arg);

/* Hand the scores of the rows of the parts to sink, block by block. */
static ml_status
score_parts(ml_context *ctx, ml_table_trainer *table, uint32_t parts, score_sink sink, void *arg)
{
	const ml_block *block;
	void	   *scores;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, ml_size_mul(ml_design_stride(table->design),
									 ml_size_mul(table->nscores, sizeof(double))), &scores));
	status = ml_design_begin(ctx, table->design, parts, NULL);
	while (status == ML_OK)
	{
		status = ml_design_next(ctx, table->design, &block);
		if (status != ML_OK || block == NULL)
			break;
		status = ml_solution_scores(ctx, table->trainer->kernel, &table->solution, block,
									ml_design_ncategories(table->design),
									ml_design_ndense(table->design), scores);
		if (status == ML_OK)
			status = sink(ctx, table, block, scores, arg);
	}
	ml_release(ctx, scores);
	return status;
}

/*
 * Calibrating.
 */

/* Scores of rows that a fit has not seen: every step-th of them. */
typedef struct unseen
{
	float	   *scores;			/* [capacity][nscores] */
	uint32_t   *labels;
	float	   *weights;
	uint32_t	n;
	uint32_t	capacity;
	uint64_t	step;
	uint64_t	row;
} unseen;

static ml_status
take_scores(ml_context *ctx, ml_table_trainer *table, const ml_block *block, const double *scores,
			void *arg)
{
	unseen	   *u = arg;

	for (uint32_t i = 0; i < block->n; i++)
	{
		if (u->row++ % u->step != 0 || u->n == u->capacity)
			continue;
		for (uint32_t c = 0; c < table->nscores; c++)
			u->scores[(size_t) u->n * table->nscores + c] =
				(float) scores[(size_t) i * table->nscores + c];
		u->labels[u->n] = block->label[i];
		u->weights[u->n++] = (float) block->row_weight[i];
	}
	return ml_poll(ctx);
}

static ml_status
open_unseen(ml_context *ctx, const ml_table_trainer *table, const ml_table_plan *plan, unseen *u)
{
	size_t		width = (table->nscores + 2) * sizeof(float);
	uint64_t	most = ML_MIN(table->trainer->memory / CALIBRATE_SHARE / width, (size_t) CALIBRATE_ROWS);
	uint64_t	rows = 0;
	void	   *memory;

	memset(u, 0, sizeof(*u));
	for (int k = 0; k < plan->ncalibrate; k++)
		rows += ml_design_count(table->design, plan->calibrate[k]);
	u->step = 1 + rows / ML_MAX(most, 1);
	u->capacity = (uint32_t) (rows / u->step + 1);
	ML_TRY(ml_alloc(ctx, ml_size_mul(u->capacity, width), &memory));
	u->scores = memory;
	u->weights = u->scores + (size_t) u->capacity * table->nscores;
	u->labels = (uint32_t *) (u->weights + u->capacity);
	return ML_OK;
}

static ml_status
calibrate_on(ml_context *ctx, ml_table_trainer *table, const ml_table_plan *plan, unseen *u)
{
	for (int k = 0; k < plan->ncalibrate; k++)
	{
		uint32_t	learn = plan->learn & ~plan->calibrate[k];
		ml_linear_report report;

		if (ml_design_count(table->design, learn) == 0)
			continue;
		/* the scores of many rows spread more than that */
		table->problem.rough = plan->ncalibrate == 1 ? ROUGH : 0;
		ML_TRY(fit(ctx, table, learn, true, &report));
		table->problem.rough = 0;
		ML_TRY(score_parts(ctx, table, plan->calibrate[k], take_scores, u));
	}
	ml_linear_progress(ctx, ML_PHASE_CALIBRATE, u->n, 0, NAN);
	return ml_calibrate(ctx, table->trainer->kernel, u->scores, u->labels, u->weights, u->n, table->nscores,
						&table->calibration);
}

static ml_status
calibrate(ml_context *ctx, ml_table_trainer *table, const ml_table_plan *plan)
{
	unseen		u;
	ml_status	status;

	table->calibration = (ml_calibration)
	{
		.slope = 1
	};
	if (plan->ncalibrate == 0)
		return ML_OK;
	ML_TRY(open_unseen(ctx, table, plan, &u));
	status = calibrate_on(ctx, table, plan, &u);
	ml_release(ctx, u.scores);
	return status;
}

/*
 * Judging.
 */

/* Room for one row: its scores as a calibration takes them, probabilities by class. */
typedef struct judge_row
{
	double	   *probabilities;
	float	   *scores;
} judge_row;

static ml_status
judge_scores(ml_context *ctx, ml_table_trainer *table, const ml_block *block, const double *scores,
			 void *arg)
{
	judge_row  *row = arg;

	for (uint32_t i = 0; i < block->n; i++, scores += table->nscores)
	{
		uint32_t	class = block->label[i];
		uint32_t	best;

		if (table->nclasses == 0)
		{
			ML_TRY(ml_judge_number(ctx, &table->judgement, block->target[i], scores[0]));
			continue;
		}
		for (uint32_t c = 0; c < table->nscores; c++)
			row->scores[c] = (float) scores[c];
		best = ml_calibrated(&table->calibration, row->scores, table->nscores, row->probabilities);
		ML_TRY(ml_judge_label(ctx, &table->judgement, table->class_label[class],
							  table->class_label[best], row->probabilities[class],
							  ml_brier_of(row->probabilities, table->nclasses, class), class == 1,
							  row->probabilities[1]));
	}
	return ml_poll(ctx);
}

static ml_status
judge(ml_context *ctx, ml_table_trainer *table, uint32_t parts)
{
	judge_row	row;
	void	   *memory;
	ml_status	status;

	ml_linear_progress(ctx, ML_PHASE_EVALUATE, (int64_t) ml_design_count(table->design, parts), 0, NAN);
	table->judgement.labels = table->nclasses > 0 ? &table->trainer->labels : NULL;
	ML_TRY(ml_alloc(ctx, ml_size_mul(table->nclasses + 1, sizeof(double) + sizeof(float)), &memory));
	row.probabilities = memory;
	row.scores = (float *) (row.probabilities + table->nclasses + 1);
	status = score_parts(ctx, table, parts, judge_scores, &row);
	ml_release(ctx, memory);
	return status;
}

/*
 * The procedure.
 */

static void
tell_no_holdout(ml_context *ctx, const ml_table_trainer *table)
{
	const ml_options *options = &table->trainer->options;

	if (options->holdout_by == ML_HOLDOUT_FLAG)
		ml_train_notice(ctx, "no row is marked to be held out: the model has no metrics");
	else if (options->holdout > 0)
		ml_train_notice(ctx, table->nclasses > 0 ?
						"too few rows of each label to hold any out: the model has no metrics" :
						"too few rows to hold any out: the model has no metrics");
}

ml_status
ml_table_fit(ml_context *ctx, ml_table_trainer *table, const ml_table_plan *plan)
{
	/* what five folds leave behind has not seen all of the rows that learn */
	bool		anew = plan->ncalibrate != 1;

	ML_TRY(open_learner(ctx, table, plan->learn));
	table->nholdout = ml_design_count(table->design, plan->judge);
	if (plan->refit && table->trainer->options.warm_start)
		ML_TRY(ml_table_start(ctx, table));
	ML_TRY(calibrate(ctx, table, plan));
	if (table->nholdout > 0)
	{
		ML_TRY(fit(ctx, table, plan->learn, anew, &table->first));
		ML_TRY(judge(ctx, table, plan->judge));
		anew = false;
	}
	if (!plan->refit)
		return ML_OK;
	if (table->nholdout == 0)
		tell_no_holdout(ctx, table);
	ML_TRY(fit(ctx, table, ML_PARTS_ALL, anew, &table->refit));
	if (table->nholdout == 0)
		table->first = table->refit;
	return ML_OK;
}
