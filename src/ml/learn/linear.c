/*-------------------------------------------------------------------------
 *
 * linear.c
 *	  What the linear learners share: their state, blocks of scores, scoring,
 *	  early stopping.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/linear.h"

#include "base/mem.h"

#include <math.h>

#define PATIENCE	2			/* passes without gain before stopping early */

const ml_loss_row *
ml_loss_find(ml_loss loss)
{
	static const ml_loss_row *const table[] = {
		[ML_LOSS_SQUARED_HINGE] = &ml_hinge,
		[ML_LOSS_LOGISTIC] = &ml_logistic,
	};

	return table[loss];
}

/* Floats per feature for n scores. */
static uint32_t
width_for(uint32_t n)
{
	if (n == 1)
		return 1;
	if (n <= 4)
		return 4;
	return n <= 8 ? 8 : (n + 15) / 16 * 16;
}

/* The parts of a state that follow from what is to be learnt. */
static void
describe(ml_linear *linear, const ml_options *options, ml_rows *rows, uint32_t nclasses)
{
	uint32_t	lanes;

	memset(linear, 0, sizeof(*linear));
	linear->options = options;
	linear->rows = rows;
	linear->loss = ml_loss_find(options->loss);
	linear->nclasses = nclasses;
	linear->nscores = nclasses == 2 ? 1 : nclasses;
	lanes = linear->loss->lanes == 0 ? linear->nscores :
		ML_MIN(linear->loss->lanes, linear->nscores);
	linear->nblocks = (linear->nscores + lanes - 1) / lanes;
	linear->width = width_for(lanes);
}

static size_t
weights_size(const ml_linear *linear)
{
	return ml_size_mul(ml_size_mul(ml_rows_indexed(linear->rows)->nfeatures, linear->width),
					   sizeof(float));
}

size_t
ml_linear_memory(const ml_options *options, ml_rows *rows, uint32_t nclasses)
{
	ml_linear	linear;

	describe(&linear, options, rows, nclasses);
	return ml_size_add(weights_size(&linear), linear.loss->memory(&linear, linear.width));
}

ml_status
ml_linear_open(ml_context *ctx, const ml_kernel *kernel, const ml_options *options,
			   ml_rows *rows, uint32_t nclasses, const float *class_weights, ml_linear **result)
{
	void	   *memory;
	ml_linear  *linear;

	*result = NULL;
	ML_TRY(ml_alloc(ctx, sizeof(ml_linear), &memory));
	linear = *result = memory;
	describe(linear, options, rows, nclasses);
	linear->kernel = kernel;
	linear->class_weights = class_weights;
	ML_TRY(ml_alloc(ctx, weights_size(linear), &memory));
	linear->u = memory;
	ML_TRY(ml_alloc_zero(ctx, linear->width * sizeof(float), &memory));
	linear->bias = memory;
	ML_TRY(linear->loss->open(ctx, linear));
	ml_linear_select(linear, 0);
	return ML_OK;
}

void
ml_linear_close(ml_context *ctx, ml_linear *linear)
{
	if (linear == NULL)
		return;
	if (linear->solver != NULL)
		linear->loss->close(ctx, linear);
	ml_release(ctx, linear->u);
	ml_release(ctx, linear->bias);
	ml_release(ctx, linear);
}

void
ml_linear_select(ml_linear *linear, uint32_t i)
{
	uint32_t	lanes = linear->loss->lanes == 0 ? linear->nscores : linear->loss->lanes;

	linear->first = i * lanes;
	linear->n = ML_MIN(lanes, linear->nscores - linear->first);
	ml_linear_restart(linear);
}

void
ml_linear_restart(ml_linear *linear)
{
	memset(linear->u, 0, weights_size(linear));
	memset(linear->bias, 0, linear->width * sizeof(float));
	linear->loss->restart(linear);
}

ml_status
ml_linear_reweigh(ml_context *ctx, ml_linear *linear)
{
	return linear->loss->reweigh(ctx, linear);
}

ml_status
ml_linear_fit(ml_context *ctx, ml_linear *linear, uint32_t parts, uint32_t stop_parts,
			  int epochs, ml_linear_report *report)
{
	ml_linear_report unused;

	if (report == NULL)
		report = &unused;
	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	return linear->loss->fit(ctx, linear, parts, stop_parts, epochs, report);
}

/* Scores of one row; sums has room for width floats. */
static void
score_row(const ml_linear *linear, const float *u, const float *bias, const ml_row *row,
		  float *sums)
{
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	float		scale = ml_row_scale(index, ml_rows_get(linear->rows)->length[row->number]);

	if (linear->width == 1)
		sums[0] = linear->kernel->row_dot(u, row->words, row->n, index->tf);
	else
		linear->kernel->row_dot_wide(sums, u, linear->width, row->words, row->n, index->tf);
	for (uint32_t c = 0; c < linear->n; c++)
		sums[c] = sums[c] * scale + bias[c];
}

ml_status
ml_linear_scores(ml_context *ctx, const ml_linear *linear, const float *u, const float *bias,
				 uint32_t parts, float *scores, size_t stride)
{
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;
	void	   *memory;
	float	   *sums;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, linear->width * sizeof(float), &memory));
	sums = memory;
	status = ml_rows_begin(ctx, linear->rows, parts, NULL);
	while (status == ML_OK)
	{
		status = ml_rows_next(ctx, linear->rows, &group, &n);
		if (status != ML_OK || n == 0)
			break;
		for (uint32_t i = 0; i < n && status == ML_OK; i++)
		{
			score_row(linear, u, bias, &group[i], sums);
			memcpy(scores, sums, linear->n * sizeof(float));
			scores += stride;
			if (ml_linear_due(linear, &work, group[i].n))
				status = ml_poll(ctx);
		}
	}
	ml_release(ctx, memory);
	return status;
}

ml_status
ml_linear_loss(ml_context *ctx, const ml_linear *linear, uint32_t parts, double *loss)
{
	const ml_rows_data *data = ml_rows_get(linear->rows);
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;
	double		sum = 0;
	double		total = 0;
	void	   *memory;
	float	   *sums;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, linear->width * sizeof(float), &memory));
	sums = memory;
	status = ml_rows_begin(ctx, linear->rows, parts, NULL);
	while (status == ML_OK)
	{
		status = ml_rows_next(ctx, linear->rows, &group, &n);
		if (status != ML_OK || n == 0)
			break;
		for (uint32_t i = 0; i < n && status == ML_OK; i++)
		{
			double		weight = ml_linear_weight(linear, data, group[i].number);

			score_row(linear, linear->u, linear->bias, &group[i], sums);
			sum += weight * linear->loss->value(sums, linear->n, linear->first,
												linear->nscores,
												data->label[group[i].number]);
			total += weight;
			if (ml_linear_due(linear, &work, group[i].n))
				status = ml_poll(ctx);
		}
	}
	ml_release(ctx, memory);
	*loss = total > 0 ? sum / total : 0;
	return status;
}

void
ml_linear_progress(ml_context *ctx, ml_phase phase, int64_t rows, int epoch, double loss)
{
	ml_progress progress = {phase, rows, epoch, loss, .validation = NAN, .rate = NAN, .left = NAN};

	if (ctx->host->progress != NULL)
		ctx->host->progress(ctx->host->user, &progress);
}

void
ml_linear_epoch(ml_context *ctx, const ml_linear *linear, int epoch, double loss,
				ml_linear_report *report)
{
	if (report->nlosses < ML_LOSSES_MAX)
		report->losses[report->nlosses++] = loss;
	report->epochs = epoch;
	ml_linear_progress(ctx, ML_PHASE_FIT, ml_rows_get(linear->rows)->nrows, epoch, loss);
}

ml_status
ml_linear_early(ml_context *ctx, const ml_linear *linear, uint32_t stop_parts, int epoch,
				ml_linear_report *report, bool *stop)
{
	double		loss;

	*stop = false;
	if (stop_parts == 0)
		return ML_OK;
	ML_TRY(ml_linear_loss(ctx, linear, stop_parts, &loss));
	if (isnan(report->stop_loss) || loss < report->stop_loss)
	{
		report->stop_loss = loss;
		report->best = epoch;
	}
	report->epochs = report->best;
	*stop = epoch - report->best >= PATIENCE;
	return ML_OK;
}
