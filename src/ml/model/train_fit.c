/*-------------------------------------------------------------------------
 *
 * train_fit.c
 *	  The procedure of a training, once the rows are there.
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
#include "model/train.h"

#include <math.h>

#define CROSS_FIT_ROWS	2000	/* below: five folds calibrate, not one */
#define CROSS_FOLDS		5

/* The folds (parts 1..10). */
#define LEARN			(ML_PARTS_ALL & ~ML_PART(ML_PART_HOLDOUT))

/* Part masks of calibration k, and of the rows that stop its fit early. */
typedef struct folds
{
	int			n;
	uint32_t	calibrate[CROSS_FOLDS];
	uint32_t	stop[CROSS_FOLDS];
} folds;

static void
choose_folds(const ml_trainer *trainer, uint32_t learning, folds *f)
{
	f->n = learning < CROSS_FIT_ROWS ? CROSS_FOLDS : 1;
	for (int k = 0; k < f->n; k++)
	{
		f->calibrate[k] = f->n == 1 ? ML_PART(1) : ML_PART(2 * k + 1) | ML_PART(2 * k + 2);
		/* the fold behind it */
		f->stop[k] = !trainer->options.early_stopping ? 0 :
			ML_PART(1 + (f->n == 1 ? 1 : 2 * k + 2) % ML_FOLDS);
	}
}

/* Labels and weights of the rows of a mask, in the order of a pass. */
static ml_status
collect(ml_context *ctx, ml_trainer *trainer, uint32_t parts, uint32_t *labels, float *weights)
{
	const ml_rows_data *data = ml_rows_get(trainer->rows);
	const ml_row *group;
	uint32_t	n;

	ML_TRY(ml_rows_begin(ctx, trainer->rows, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, trainer->rows, &group, &n));
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
check_memory(ml_context *ctx, const ml_trainer *trainer)
{
	size_t		nfeatures = ml_rows_indexed(trainer->rows)->nfeatures;
	size_t		unseen = (size_t) trainer->nfold + trainer->nholdout;
	size_t		rows = ml_rows_memory(trainer->rows);
	size_t		fixed = ml_rows_least(trainer->rows);
	size_t		fit = ml_linear_memory(&trainer->options, trainer->rows, trainer->nlabels);
	size_t		need;

	fit = ml_size_add(fit, ml_size_mul(unseen, (trainer->nscores + 2) * sizeof(float)));
	/* rounded weights: about a quarter are left, and masks (quantize.c) */
	fit = ml_size_add(fit, ml_size_mul(nfeatures, 4 + trainer->nscores / 2));
	if (ml_size_add(rows, fit) <= trainer->memory)
		return ML_OK;
	fixed = ml_size_add(fixed, fit);
	need = ml_size_add(fixed, ML_MIN(fixed, ml_rows_size(trainer->rows)));
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"training on %zu features and %u labels needs %zu MB of memory, and %zu MB are allowed",
			nfeatures, trainer->nlabels, (need >> 20) + 1, trainer->memory >> 20);
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
fit_folds(ml_context *ctx, ml_trainer *trainer, const folds *f, int *epochs)
{
	ml_linear  *linear = trainer->linear;
	float	   *scores = trainer->fold_scores + linear->first;
	int			sum = 0;

	for (int k = 0; k < f->n; k++)
	{
		ml_linear_report report;
		uint32_t	n = ml_rows_count(trainer->rows, f->calibrate[k]);

		ml_linear_restart(linear);
		ML_TRY(ml_linear_fit(ctx, linear, LEARN & ~(f->calibrate[k] | f->stop[k]), f->stop[k],
							 trainer->options.epochs, &report));
		ML_TRY(ml_linear_scores(ctx, linear, linear->u, linear->bias, f->calibrate[k], scores,
								trainer->nscores));
		scores += (size_t) n * trainer->nscores;
		sum_reports(&trainer->first, &report, 1.0 / f->n);
		sum += report.epochs;
	}
	*epochs = trainer->options.epochs;
	if (trainer->options.early_stopping)
		*epochs = ML_MAX((sum + f->n / 2) / f->n, 1);
	return ML_OK;
}

/*
 * Fit the block selected on more rows than before: anew, or from the solution
 * for fewer rows, which takes half as many passes to be as good.
 */
static ml_status
refit(ml_context *ctx, ml_trainer *trainer, uint32_t parts, int epochs, bool anew,
	  ml_linear_report *report)
{
	if (anew)
		ml_linear_restart(trainer->linear);
	else
		epochs = (epochs + 1) / 2;
	return ml_linear_fit(ctx, trainer->linear, parts, 0, epochs, report);
}

/* Steps 2 and 3 for one block of scores. */
static ml_status
fit_block(ml_context *ctx, ml_trainer *trainer, uint32_t block, const folds *f)
{
	const ml_rows_index *index = ml_rows_indexed(trainer->rows);
	ml_linear  *linear = trainer->linear;
	/* the solution of five folds is that of the last */
	bool		anew = trainer->options.early_stopping || f->n > 1;
	ml_linear_report report;
	int			epochs;

	if (trainer->nholdout > 0 && block > 0)
		ML_TRY(ml_rows_weigh(ctx, trainer->rows, LEARN));
	ml_linear_select(linear, block);
	ML_TRY(fit_folds(ctx, trainer, f, &epochs));
	if (trainer->nholdout > 0)
	{
		ML_TRY(refit(ctx, trainer, LEARN, epochs, anew, NULL));
		/* the slopes are not known yet: their place holds the scales */
		ML_TRY(ml_quantize_round(ctx, linear->u, index->df, index->nfeatures, linear->width,
								 linear->n, trainer->nscores, trainer->options.prune, trainer->slope));
		ML_TRY(ml_linear_scores(ctx, linear, linear->u, linear->bias, ML_PART(ML_PART_HOLDOUT),
								trainer->holdout_scores + linear->first, trainer->nscores));
		ML_TRY(ml_rows_weigh(ctx, trainer->rows, ML_PARTS_ALL));
		anew = trainer->options.early_stopping;
		ML_TRY(ml_linear_reweigh(ctx, linear));
	}
	ML_TRY(refit(ctx, trainer, ML_PARTS_ALL, epochs, anew, &report));
	trainer->refit_epochs = ML_MAX(trainer->refit_epochs, report.epochs);
	if (report.nlosses > 0)
		trainer->loss += report.losses[report.nlosses - 1];
	memcpy(trainer->bias + linear->first, linear->bias, linear->n * sizeof(float));
	return ml_quantizer_add(ctx, trainer->quantizer, linear->u, linear->width, linear->n);
}

/* Arrays for what the blocks yield. */
static ml_status
allocate(ml_context *ctx, ml_trainer *trainer, const folds *f)
{
	const ml_rows_index *index = ml_rows_indexed(trainer->rows);
	uint32_t	done = 0;
	void	   *memory;

	for (int k = 0; k < f->n; k++)
		trainer->nfold += ml_rows_count(trainer->rows, f->calibrate[k]);
	ML_TRY(check_memory(ctx, trainer));
	ML_TRY(reserve(ctx, trainer->nfold, trainer->nscores, &trainer->fold_scores,
				   &trainer->fold_labels, &trainer->fold_weights));
	for (int k = 0; k < f->n; k++)
	{
		ML_TRY(collect(ctx, trainer, f->calibrate[k], trainer->fold_labels + done,
					   trainer->fold_weights + done));
		done += ml_rows_count(trainer->rows, f->calibrate[k]);
	}
	if (trainer->nholdout > 0)
	{
		ML_TRY(reserve(ctx, trainer->nholdout, trainer->nscores, &trainer->holdout_scores,
					   &trainer->holdout_labels, NULL));
		ML_TRY(collect(ctx, trainer, ML_PART(ML_PART_HOLDOUT), trainer->holdout_labels, NULL));
	}
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, 3 * trainer->nscores * sizeof(float), &memory));
	trainer->bias = memory;
	trainer->slope = trainer->bias + trainer->nscores;
	trainer->offset = trainer->slope + trainer->nscores;
	return ml_quantizer_open(ctx, index->df, index->nfeatures, trainer->nscores,
							 trainer->options.prune, &trainer->quantizer);
}

ml_status
ml_train_fit(ml_context *ctx, ml_trainer *trainer)
{
	const ml_options *options = &trainer->options;
	ml_rows_data *data = ml_rows_get(trainer->rows);
	folds		f;

	ml_linear_progress(ctx, ML_PHASE_COUNT, data->nrows, 0, NAN);
	ML_TRY(ml_split(ctx, data->label, data->nrows, trainer->nlabels, options->holdout,
					options->seed, data->part));
	trainer->nholdout = ml_rows_count(trainer->rows, ML_PART(ML_PART_HOLDOUT));
	choose_folds(trainer, data->nrows - trainer->nholdout, &f);
	ML_TRY(ml_rows_make_index(ctx, trainer->rows, options->recipe.min_df));
	ML_TRY(ml_rows_weigh(ctx, trainer->rows, trainer->nholdout > 0 ? LEARN : ML_PARTS_ALL));
	ML_TRY(allocate(ctx, trainer, &f));
	ML_TRY(ml_linear_open(ctx, trainer->kernel, options, trainer->rows, trainer->nlabels,
						  trainer->class_weights, &trainer->linear));
	trainer->first.converged = true;
	for (uint32_t block = 0; block < trainer->linear->nblocks; block++)
		ML_TRY(fit_block(ctx, trainer, block, &f));
	ml_linear_close(ctx, trainer->linear);
	trainer->linear = NULL;

	ml_linear_progress(ctx, ML_PHASE_CALIBRATE, trainer->nfold, 0, NAN);
	return ml_calibrate(ctx, trainer->fold_scores, trainer->fold_labels, trainer->fold_weights,
						trainer->nfold, trainer->nscores, &trainer->calibration);
}
