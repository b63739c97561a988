/*-------------------------------------------------------------------------
 *
 * linear_hinge.c
 *	  Squared hinge by dual coordinate descent, up to 16 machines at once.
 *
 *	  min_a 1/2 a'(Q + D)a - sum a,  a >= 0,  Q_ij = y_i y_j x_i.x_j,
 *	  D_ii = 1 / (2 C s_i),  w = sum_i a_i y_i x_i
 *
 * (Hsieh, Chang, Lin, Keerthi, Sundararajan: A Dual Coordinate Descent Method
 * for Large-scale Linear SVM, ICML 2008, algorithm 1 with the shrinking of
 * section 3.2.)  The machines of a block visit a row together: one look at the
 * row's features serves all.  A row that lies at its bound 0 in all of them,
 * and further from leaving it than any row was in the pass before, is left
 * out of further passes until the others have converged, or for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/linear.h"

#include "base/mem.h"

#include <math.h>

#define WAKE_PASSES	16			/* even where the others do not converge */
#define FETCH_ROWS	5			/* how far ahead rows are fetched into the caches */
#define FETCH_WORDS	48			/* of a longer row, its first words */

typedef struct hinge
{
	float	   *alpha;			/* [nrows, width] */
	uint8_t    *asleep;			/* [nrows], left out until the next check */
	ml_rng		rng;

	ml_hinge_lanes lanes;		/* of the pass under way */
	double		total;			/* sum of its rows' weights */
	uint64_t	sleepers;
} hinge;

static size_t
hinge_memory(const ml_linear *linear, uint32_t width)
{
	size_t		per_row = width * sizeof(float) + sizeof(uint8_t);

	return ml_size_add(sizeof(hinge),
					   ml_size_mul(ml_rows_get(linear->rows)->nrows, per_row));
}

static ml_status
hinge_open(ml_context *ctx, ml_linear *linear)
{
	uint32_t	nrows = ml_rows_get(linear->rows)->nrows;
	void	   *memory;
	hinge	   *h;

	ML_TRY(ml_alloc_zero(ctx, sizeof(hinge), &memory));
	h = linear->solver = memory;
	ML_TRY(ml_alloc(ctx, ml_size_mul(nrows, linear->width * sizeof(float)), &memory));
	h->alpha = memory;
	ML_TRY(ml_alloc(ctx, nrows, &memory));
	h->asleep = memory;
	return ML_OK;
}

static void
hinge_close(ml_context *ctx, ml_linear *linear)
{
	hinge	   *h = linear->solver;

	ml_release(ctx, h->alpha);
	ml_release(ctx, h->asleep);
	ml_release(ctx, h);
}

static void
hinge_restart(ml_linear *linear)
{
	hinge	   *h = linear->solver;
	uint32_t	nrows = ml_rows_get(linear->rows)->nrows;

	memset(h->alpha, 0, (size_t) nrows * linear->width * sizeof(float));
	ml_rng_seed(&h->rng, linear->options->seed + linear->first);
	h->lanes.valid = (UINT32_C(1) << linear->n) - 1;
}

/* y of each machine for a label. */
static inline void
set_signs(const ml_linear *linear, uint32_t label, float *y)
{
	if (linear->nscores == 1)
	{
		y[0] = label == 1 ? 1 : -1;
		return;
	}
	for (uint32_t c = 0; c < ML_LINEAR_LANES; c++)
		y[c] = -1;
	if (label - linear->first < linear->n)
		y[label - linear->first] = 1;
}

/* u and bias += step[c] x row */
static inline void
add_row(ml_linear *linear, const ml_rows_index *index, const ml_row *row, float scale,
		const float *step)
{
	float		scaled[ML_LINEAR_LANES];

	for (uint32_t c = 0; c < linear->width; c++)
	{
		linear->bias[c] += step[c];
		scaled[c] = step[c] * scale;
	}
	if (linear->width == 1)
		linear->kernel->row_add(linear->u, row->words, row->n, index->tf, index->idf,
								scaled[0]);
	else
		linear->kernel->row_add_wide(linear->u, linear->width, row->words, row->n, index->tf,
									 index->idf, scaled);
}

/* w = sum of alpha y x over all rows, from nothing. */
static ml_status
hinge_reweigh(ml_context *ctx, ml_linear *linear)
{
	hinge	   *h = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	const ml_rows_data *data = ml_rows_get(linear->rows);
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;

	memset(linear->u, 0, (size_t) index->nfeatures * linear->width * sizeof(float));
	memset(linear->bias, 0, linear->width * sizeof(float));
	ML_TRY(ml_rows_begin(ctx, linear->rows, ML_PARTS_ALL, NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, linear->rows, &group, &n));
		if (n == 0)
			return ML_OK;
		for (uint32_t i = 0; i < n; i++)
		{
			const float *alpha = h->alpha + (size_t) group[i].number * linear->width;
			float		step[ML_LINEAR_LANES];
			float		sum = 0;

			set_signs(linear, data->label[group[i].number], step);
			for (uint32_t c = 0; c < linear->width; c++)
			{
				sum += alpha[c];
				step[c] *= alpha[c];
			}
			if (sum > 0)
				add_row(linear, index, &group[i],
						ml_row_scale(index, data->length[group[i].number]), step);
			if (ml_linear_due(linear, &work, group[i].n))
				ML_TRY(ml_poll(ctx));
		}
	}
}

/* hinge_step of one machine: the same, in registers. */
static inline uint32_t
step_one(ml_hinge_lanes *h, float *alpha, float *score, float y, float d, float inverse,
		 float weight)
{
	float		margin = y * *score;
	float		gradient = margin - 1 + *alpha * d;
	float		next = ML_MAX(*alpha - gradient * inverse, 0.0f);
	float		projected = *alpha > 0 || gradient < 0 ? gradient : 0;
	float		slack = margin < 1 ? 1 - margin : 0;
	uint32_t	result = *alpha > 0 || gradient <= h->bound[0] ? ML_HINGE_AWAKE : 0;

	h->highest[0] = ML_MAX(projected, h->highest[0]);
	h->lowest[0] = ML_MIN(projected, h->lowest[0]);
	h->loss[0] += weight * (slack * slack);
	*score = y * (next - *alpha);
	if (next != *alpha)
		result |= ML_HINGE_MOVED;
	*alpha = next;
	return result;
}

static inline void
visit(ml_linear *linear, hinge *h, const ml_rows_index *index, const ml_rows_data *data,
	  const ml_row *row, float weight)
{
	uint32_t	width = linear->width;
	uint32_t	label = data->label[row->number];
	float	   *alpha = h->alpha + (size_t) row->number * width;
	float		length = data->length[row->number];
	float		scale = ml_row_scale(index, length);
	float		d = 0.5f / ((float) linear->options->c * weight);
	float		inverse = 1 / (length * length * scale * scale + 1 + d);
	float		scores[ML_LINEAR_LANES];
	uint32_t	result;

	if (width == 1)
	{
		scores[0] = linear->kernel->row_dot(linear->u, row->words, row->n, index->tf) * scale +
			linear->bias[0];
		result = step_one(&h->lanes, alpha, scores, label == 1 ? 1.0f : -1.0f, d, inverse, weight);
	}
	else
	{
		linear->kernel->row_dot_wide(scores, linear->u, width, row->words, row->n, index->tf);
		for (uint32_t c = 0; c < width; c++)
			scores[c] = scores[c] * scale + linear->bias[c];
		result = linear->kernel->hinge_step(&h->lanes, alpha, scores, width,
											label - linear->first, d, inverse, weight);
	}
	if ((result & ML_HINGE_AWAKE) == 0)
	{
		h->asleep[row->number] = 1;
		h->sleepers++;
	}
	if (result & ML_HINGE_MOVED)
		add_row(linear, index, row, scale, scores);
}

/*
 * Rows come in random order, and their features lie anywhere: ask for what the
 * next ones need while this one is worked on.
 */
static inline void
fetch_ahead(const ml_linear *linear, const hinge *h, const ml_row *group, uint32_t i, uint32_t n)
{
	if (i + 2 * FETCH_ROWS < n)
		__builtin_prefetch(group[i + 2 * FETCH_ROWS].words);
	if (i + FETCH_ROWS < n && !h->asleep[group[i + FETCH_ROWS].number])
	{
		const ml_row *row = &group[i + FETCH_ROWS];
		uint32_t	words = ML_MIN(row->n, (uint32_t) FETCH_WORDS);

		__builtin_prefetch(h->alpha + (size_t) row->number * linear->width);
		for (uint32_t k = 0; k < words; k++)
			__builtin_prefetch(linear->u + (size_t) ML_COUNTED_KEY(row->words[k]) *
							   linear->width);
	}
}

/* Visit all rows once, those asleep left out. */
static ml_status
hinge_pass(ml_context *ctx, ml_linear *linear, uint32_t parts)
{
	hinge	   *h = linear->solver;
	const ml_rows_index *index = ml_rows_indexed(linear->rows);
	const ml_rows_data *data = ml_rows_get(linear->rows);
	const ml_row *group;
	uint32_t	n;
	size_t		work = 0;

	h->total = 0;
	for (uint32_t c = 0; c < ML_LINEAR_LANES; c++)
	{
		h->lanes.highest[c] = -INFINITY;
		h->lanes.lowest[c] = INFINITY;
		h->lanes.loss[c] = 0;
	}
	ML_TRY(ml_rows_begin(ctx, linear->rows, parts,
						 linear->options->shuffle ? &h->rng : NULL));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, linear->rows, &group, &n));
		if (n == 0)
			return ML_OK;
		for (uint32_t i = 0; i < n; i++)
		{
			float		weight = ml_linear_weight(linear, data, group[i].number);

			fetch_ahead(linear, h, group, i, n);
			h->total += weight;
			if (h->asleep[group[i].number] || weight <= 0)
				continue;
			visit(linear, h, index, data, &group[i], weight);
			if (ml_linear_due(linear, &work, group[i].n))
				ML_TRY(ml_poll(ctx));
		}
	}
}

/* Everybody up. */
static void
wake(ml_linear *linear, hinge *h)
{
	memset(h->asleep, 0, ml_rows_get(linear->rows)->nrows);
	h->sleepers = 0;
	for (uint32_t c = 0; c < ML_LINEAR_LANES; c++)
		h->lanes.bound[c] = INFINITY;
}

static ml_status
hinge_fit(ml_context *ctx, ml_linear *linear, uint32_t parts, uint32_t stop_parts, int epochs,
		  ml_linear_report *report)
{
	hinge	   *h = linear->solver;

	wake(linear, h);
	for (int epoch = 1; epoch <= epochs; epoch++)
	{
		bool		complete = h->sleepers == 0;
		float		gap = 0;
		double		loss = 0;
		bool		stop;

		ML_TRY(hinge_pass(ctx, linear, parts));
		for (uint32_t c = 0; c < linear->n; c++)
			loss += h->lanes.loss[c];
		ml_linear_epoch(ctx, linear, epoch, h->total > 0 ? loss / h->total : 0, report);
		ML_TRY(ml_linear_early(ctx, linear, stop_parts, epoch, report, &stop));
		if (stop)
			return ML_OK;
		for (uint32_t c = 0; c < linear->n; c++)
		{
			gap = ML_MAX(gap, h->lanes.highest[c] - h->lanes.lowest[c]);
			h->lanes.bound[c] = h->lanes.highest[c] > 0 ? h->lanes.highest[c] : INFINITY;
		}
		if (gap > linear->options->tolerance && epoch % WAKE_PASSES != 0)
			continue;
		if (complete && gap <= linear->options->tolerance)
		{
			report->converged = true;
			return ML_OK;
		}
		wake(linear, h);
	}
	return ML_OK;
}

static double
hinge_value(const float *scores, uint32_t n, uint32_t first, uint32_t nscores, uint32_t label)
{
	double		sum = 0;

	for (uint32_t c = 0; c < n; c++)
	{
		bool		positive = nscores == 1 ? label == 1 : label == first + c;
		double		margin = positive ? scores[c] : -scores[c];

		sum += margin < 1 ? (1 - margin) * (1 - margin) : 0;
	}
	return sum;
}

const ml_loss_row ml_hinge = {
	.name = "svm",
	.lanes = ML_LINEAR_LANES,
	.c = 1,
	.tolerance = 0.1,
	.epochs = 5,
	.memory = hinge_memory,
	.open = hinge_open,
	.close = hinge_close,
	.restart = hinge_restart,
	.reweigh = hinge_reweigh,
	.fit = hinge_fit,
	.value = hinge_value,
};
