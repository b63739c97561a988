/*-------------------------------------------------------------------------
 *
 * train_text_fit.c
 *	  The procedure of training a text classifier, once the rows are there.
 *
 *	  1. Split: rows held out, and ten folds of the others, by label.
 *	  2. With idf from the rows that are not held out:
 *		 a. fit without a fold, score that fold: for calibration, and for the
 *			number of passes where early stopping asks for it;
 *		 b. refit with all folds, round the weights to what is stored, score
 *			the rows held out.
 *	  3. With idf from all rows: refit on all rows, round, store.
 *
 * One fold calibrates where it is large; few rows are cross-fitted, five folds
 * in turn, so that each of them calibrates.  A refit starts from the solution
 * before it, which costs a few passes; only early stopping begins anew, since
 * the number of passes is then what was found.  All that is done for one block
 * of scores before the next is begun: memory holds the weights of one.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/split.h"
#include "model/train_text.h"

#include <math.h>

#define CROSS_FIT_ROWS	2000	/* below: five folds calibrate, not one */
#define CROSS_FOLDS		5
#define POLL_SCORES		65536

/* The folds (parts 1..10). */
#define LEARN			(ML_PARTS_ALL & ~ML_PART(ML_PART_HOLDOUT))

/* Part masks of calibration k, and of the rows that stop its fit early. */
typedef struct folds
{
	uint32_t	learn;			/* all that learn */
	uint32_t	judge;
	bool		store;			/* refit on all rows, for the stored model */
	int			n;
	uint32_t	calibrate[CROSS_FOLDS];
	uint32_t	stop[CROSS_FOLDS];
} folds;

/* Of a training: ten parts learn. */
static void
choose_folds(const ml_text_trainer *text, uint32_t learning, folds *f)
{
	f->learn = LEARN;
	f->judge = ML_PART(ML_PART_HOLDOUT);
	f->store = true;
	f->n = learning < CROSS_FIT_ROWS ? CROSS_FOLDS : 1;
	for (int k = 0; k < f->n; k++)
	{
		f->calibrate[k] = f->n == 1 ? ML_PART(1) : ML_PART(2 * k + 1) | ML_PART(2 * k + 2);
		/* the fold behind it */
		f->stop[k] = !text->trainer->options.early_stopping ? 0 :
			ML_PART(1 + (f->n == 1 ? 1 : 2 * k + 2) % ML_FOLDS);
	}
}

/* Labels and weights of the rows of a mask, in the order of a pass. */
static ml_status
collect(ml_context *ctx, ml_text_trainer *text, uint32_t parts, uint32_t *labels, float *weights)
{
	const ml_rows_data *data = ml_rows_get(text->rows);
	const ml_row *group;
	uint32_t	n;

	ML_TRY(ml_rows_begin(ctx, text->rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, text->rows, &group, &n));
		if (n == 0)
			return ML_OK;
		for (uint32_t i = 0; i < n; i++)
		{
			*labels++ = data->label[group[i].number];
			if (weights != NULL)
				*weights++ = data->weight[group[i].number];
		}
	}
}

/* Room for the scores of unseen rows: scores, then labels, then weights. */
static ml_status
reserve(ml_context *ctx, uint32_t n, uint32_t nscores, float **scores, uint32_t **labels,
		float **weights)
{
	size_t		each = ml_size_add(ml_size_mul(nscores, sizeof(float)),
								   sizeof(uint32_t) + sizeof(float));
	void	   *memory;

	ML_TRY(ml_alloc(ctx, ml_size_mul(n, each), &memory));
	*scores = memory;
	*labels = (uint32_t *) (*scores + (size_t) n * nscores);
	if (weights != NULL)
		*weights = (float *) (*labels + n);
	return ML_OK;
}

/*
 * Refuse now what would run out of memory later, and say what would do: rows
 * that are spilled now would take up to half of a larger memory.
 */
static ml_status
check_memory(ml_context *ctx, const ml_text_trainer *text)
{
	size_t		nfeatures = ml_rows_indexed(text->rows)->nfeatures;
	size_t		unseen = (size_t) text->nfold + text->nholdout;
	size_t		rows = ml_rows_memory(text->rows);
	size_t		fixed = ml_rows_least(text->rows);
	size_t		fit = ml_linear_memory(&text->trainer->options, text->rows, text->trainer->labels.n);
	size_t		need;

	fit = ml_size_add(fit, ml_size_mul(unseen, (text->nscores + 2) * sizeof(float)));
	/* rounded weights: about a quarter are left, and masks (quantize.c) */
	fit = ml_size_add(fit, ml_size_mul(nfeatures, 4 + text->nscores / 2));
	if (ml_size_add(rows, fit) <= text->trainer->memory)
		return ML_OK;
	fixed = ml_size_add(fixed, fit);
	need = ml_size_add(fixed, ML_MIN(fixed, ml_rows_size(text->rows)));
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"training on %zu features and %u labels needs %zu MB of memory, and %zu MB are allowed",
			nfeatures, text->trainer->labels.n, (need >> 20) + 1, text->trainer->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem to at least %zu MB, "
						"or make fewer features (options \"min_df\", \"hash_bits\").",
				   (need >> 20) + 1);
}

/* Add one fit's report to the sum over blocks. */
static void
sum_reports(ml_linear_report *sum, const ml_linear_report *one, double share)
{
	/* a fit that ended earlier goes on at its last loss */
	for (int i = sum->nlosses; i < one->nlosses; i++)
		sum->losses[i] = sum->nlosses > 0 ? sum->losses[sum->nlosses - 1] : 0;
	sum->nlosses = ML_MAX(sum->nlosses, one->nlosses);
	for (int i = 0; i < sum->nlosses; i++)
		sum->losses[i] += one->nlosses == 0 ? 0 :
			share * one->losses[ML_MIN(i, one->nlosses - 1)];
	sum->epochs = ML_MAX(sum->epochs, one->epochs);
	sum->converged &= one->converged;
}

/* Step 2a for the block selected; *epochs: what the later fits are to make. */
static ml_status
fit_folds(ml_context *ctx, ml_text_trainer *text, const folds *f, int *epochs)
{
	ml_linear  *linear = text->linear;
	float	   *scores = text->fold_scores + linear->first;
	int			sum = 0;

	for (int k = 0; k < f->n; k++)
	{
		ml_linear_report report;
		uint32_t	n = ml_rows_count(text->rows, f->calibrate[k]);

		ml_linear_restart(linear);
		ML_TRY(ml_linear_fit(ctx, linear, f->learn & ~(f->calibrate[k] | f->stop[k]), f->stop[k],
							 text->trainer->options.epochs, &report));
		ML_TRY(ml_linear_scores(ctx, linear, linear->u, linear->bias, f->calibrate[k], scores,
								text->nscores));
		scores += (size_t) n * text->nscores;
		sum_reports(&text->first, &report, 1.0 / f->n);
		sum += report.epochs;
	}
	*epochs = text->trainer->options.epochs;
	if (text->trainer->options.early_stopping)
		*epochs = ML_MAX((sum + f->n / 2) / f->n, 1);
	return ML_OK;
}

/*
 * Fit the block selected on more rows than before: anew, or from the solution
 * for fewer rows, which takes half as many passes to be as good.
 */
static ml_status
refit(ml_context *ctx, ml_text_trainer *text, uint32_t parts, int epochs, bool anew,
	  ml_linear_report *report)
{
	if (anew)
		ml_linear_restart(text->linear);
	else
		epochs = (epochs + 1) / 2;
	return ml_linear_fit(ctx, text->linear, parts, 0, epochs, report);
}

/* Steps 2 and 3 for one block of scores. */
static ml_status
fit_block(ml_context *ctx, ml_text_trainer *text, uint32_t block, const folds *f)
{
	const ml_rows_index *index = ml_rows_indexed(text->rows);
	ml_linear  *linear = text->linear;
	/* the solution of five folds is that of the last */
	bool		anew = text->trainer->options.early_stopping || f->n > 1;
	ml_linear_report report;
	int			epochs;

	if (text->nholdout > 0 && block > 0)
		ML_TRY(ml_rows_weigh(ctx, text->rows, f->learn));
	ml_linear_select(linear, block);
	ML_TRY(fit_folds(ctx, text, f, &epochs));
	if (text->nholdout > 0)
	{
		ML_TRY(refit(ctx, text, f->learn, epochs, anew, NULL));
		/* the slopes are not known yet: their place holds the scales */
		ML_TRY(ml_quantize_round(ctx, linear->u, index->df, index->nfeatures, linear->width,
								 linear->n, text->nscores, text->trainer->options.prune, text->slope));
		ML_TRY(ml_linear_scores(ctx, linear, linear->u, linear->bias, f->judge,
								text->holdout_scores + linear->first, text->nscores));
		if (!f->store)
			return ML_OK;
		ML_TRY(ml_rows_weigh(ctx, text->rows, ML_PARTS_ALL));
		anew = text->trainer->options.early_stopping;
		ML_TRY(ml_linear_reweigh(ctx, linear));
	}
	ML_TRY(refit(ctx, text, ML_PARTS_ALL, epochs, anew, &report));
	text->refit_epochs = ML_MAX(text->refit_epochs, report.epochs);
	if (report.nlosses > 0)
		text->loss += report.losses[report.nlosses - 1];
	memcpy(text->bias + linear->first, linear->bias, linear->n * sizeof(float));
	return ml_quantizer_add(ctx, text->quantizer, linear->u, linear->width, linear->n);
}

/* Arrays for what the blocks yield. */
static ml_status
allocate(ml_context *ctx, ml_text_trainer *text, const folds *f)
{
	const ml_rows_index *index = ml_rows_indexed(text->rows);
	uint32_t	done = 0;
	void	   *memory;

	for (int k = 0; k < f->n; k++)
		text->nfold += ml_rows_count(text->rows, f->calibrate[k]);
	ML_TRY(check_memory(ctx, text));
	ML_TRY(reserve(ctx, text->nfold, text->nscores, &text->fold_scores,
				   &text->fold_labels, &text->fold_weights));
	for (int k = 0; k < f->n; k++)
	{
		ML_TRY(collect(ctx, text, f->calibrate[k], text->fold_labels + done,
					   text->fold_weights + done));
		done += ml_rows_count(text->rows, f->calibrate[k]);
	}
	if (text->nholdout > 0)
	{
		ML_TRY(reserve(ctx, text->nholdout, text->nscores, &text->holdout_scores,
					   &text->holdout_labels, NULL));
		ML_TRY(collect(ctx, text, f->judge, text->holdout_labels, NULL));
	}
	ML_TRY(ml_arena_alloc(ctx, &text->trainer->arena, 3 * text->nscores * sizeof(float), &memory));
	text->bias = memory;
	text->slope = text->bias + text->nscores;
	text->offset = text->slope + text->nscores;
	return !f->store ? ML_OK :
		ml_quantizer_open(ctx, index->df, index->nfeatures, text->nscores,
						  text->trainer->options.prune, &text->quantizer);
}

/* Judge the scores of the rows held out. */
static ml_status
judge(ml_context *ctx, ml_text_trainer *text)
{
	ml_trainer *trainer = text->trainer;
	double	   *probabilities;
	void	   *memory;
	size_t		work = 0;

	if (text->nholdout == 0)
	{
		if (trainer->options.holdout > 0)
			ml_train_notice(ctx, "too few rows of each label to hold any out: the model has no metrics");
		return ML_OK;
	}
	ml_linear_progress(ctx, ML_PHASE_EVALUATE, text->nholdout, 0, NAN);
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, trainer->labels.n * sizeof(double), &memory));
	probabilities = memory;
	text->judgement.labels = &trainer->labels;
	for (uint32_t i = 0; i < text->nholdout; i++)
	{
		const float *scores = text->holdout_scores + (size_t) i * text->nscores;
		uint32_t	label = text->holdout_labels[i];
		uint32_t	best = ml_calibrated(&text->calibration, scores, text->nscores, probabilities);

		ML_TRY(ml_judge_label(ctx, &text->judgement, label, best, probabilities[label],
							  ml_brier_of(probabilities, trainer->labels.n, label), label == 1, scores[0]));
		work += trainer->labels.n;
		if (work > POLL_SCORES)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

/* Fit all blocks, calibrate, judge. */
static ml_status
fit_folds_of_blocks(ml_context *ctx, ml_text_trainer *text, const folds *f)
{
	ml_trainer *trainer = text->trainer;

	ML_TRY(ml_rows_weigh(ctx, text->rows, text->nholdout > 0 ? f->learn : ML_PARTS_ALL));
	ML_TRY(allocate(ctx, text, f));
	ML_TRY(ml_linear_open(ctx, trainer->kernel, &trainer->options, text->rows, trainer->labels.n,
						  text->class_weights, &text->linear));
	text->first.converged = true;
	for (uint32_t block = 0; block < text->linear->nblocks; block++)
		ML_TRY(fit_block(ctx, text, block, f));
	ml_linear_close(ctx, text->linear);
	text->linear = NULL;

	ml_linear_progress(ctx, ML_PHASE_CALIBRATE, text->nfold, 0, NAN);
	ML_TRY(ml_calibrate(ctx, text->trainer->kernel, text->fold_scores, text->fold_labels, text->fold_weights,
						text->nfold, text->nscores, &text->calibration));
	return judge(ctx, text);
}

ml_status
ml_train_text_fit(ml_context *ctx, ml_text_trainer *text)
{
	ml_rows_data *data = ml_rows_get(text->rows);
	folds		f;

	ml_linear_progress(ctx, ML_PHASE_COUNT, data->nrows, 0, NAN);
	ML_TRY(ml_train_text_split(ctx, text));
	text->nholdout = ml_rows_count(text->rows, ML_PART(ML_PART_HOLDOUT));
	choose_folds(text, data->nrows - text->nholdout, &f);
	ML_TRY(ml_rows_make_index(ctx, text->rows, text->trainer->options.recipe.min_df));
	return fit_folds_of_blocks(ctx, text, &f);
}

/* Of a fold of a cross-validation: nparts parts, those of "judge" apart. */
static void
choose_cross_folds(const ml_text_trainer *text, uint32_t judge, int nparts, folds *f)
{
	int			k = 0;

	*f = (folds)
	{
		.learn = LEARN & ~judge,
		.judge = judge
	};
	f->n = ml_rows_count(text->rows, f->learn) < CROSS_FIT_ROWS ? CROSS_FOLDS : 1;
	for (int part = 1; part <= nparts; part++)
		if (f->learn >> part & 1)
		{
			if (f->n > 1 || k == 0)
				f->calibrate[k % f->n] |= ML_PART(part);
			/* the part behind the first of each */
			if (text->trainer->options.early_stopping && k >= 1 && k <= f->n)
				f->stop[k - 1] = ML_PART(part);
			k++;
		}
	if (f->n > 1 && text->trainer->options.early_stopping && f->stop[f->n - 1] == 0)
		f->stop[f->n - 1] = f->calibrate[0];
}

static ml_status
cross_fold(ml_context *ctx, ml_text_trainer *text, const folds *f, double *values)
{
	ML_TRY(fit_folds_of_blocks(ctx, text, f));
	ml_judgement_values(&text->judgement, values);
	ml_judgement_free(ctx, &text->judgement);
	ml_release(ctx, text->fold_scores);
	ml_release(ctx, text->holdout_scores);
	text->fold_scores = text->holdout_scores = NULL;
	text->nfold = 0;
	return ML_OK;
}

ml_status
ml_train_text_cross_fit(ml_context *ctx, ml_text_trainer *text, int nfolds, int nparts,
						double *values, uint64_t *rows)
{
	ML_TRY(ml_rows_make_index(ctx, text->rows, text->trainer->options.recipe.min_df));
	for (int fold = 1; fold <= nfolds; fold++, values += ML_METRICS_MAX, rows++)
	{
		uint32_t	judge = 0;
		folds		f;

		for (int part = fold; part <= nparts; part += nfolds)
			judge |= ML_PART(part);
		*rows = text->nholdout = ml_rows_count(text->rows, judge);
		/* few groups may leave a fold without rows */
		if (*rows == 0)
			continue;
		choose_cross_folds(text, judge, nparts, &f);
		ML_TRY(cross_fold(ctx, text, &f, values));
	}
	return ML_OK;
}
