/*-------------------------------------------------------------------------
 *
 * train_text_split.c
 *	  Which rows of texts learn and which judge.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/split.h"
#include "model/train_text.h"

#include <math.h>

#define POLL_ROWS	((uint32_t) 1 << 18)

/* An order-preserving key of a time; 0: there is none. */
static uint64_t
time_key(double value)
{
	uint64_t	bits;

	if (isnan(value))
		return 0;
	value += 0.0;				/* -0 is 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Rows whose key is at least this. */
static ml_status
count_from(ml_context *ctx, const ml_text_trainer *text, uint64_t key, uint32_t *count)
{
	uint32_t	n = ml_rows_get(text->rows)->nrows;

	*count = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		*count += time_key(text->split[i]) >= key;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/*
 * Hold out the latest k rows, of those at the same time the last ones.  The
 * k-th largest key is found bit by bit.
 */
static ml_status
hold_latest(ml_context *ctx, ml_text_trainer *text, uint32_t k)
{
	ml_rows_data *data = ml_rows_get(text->rows);
	uint64_t	key = 0;
	uint32_t	above;
	uint32_t	left;

	for (int bit = 63; bit >= 0; bit--)
	{
		uint64_t	candidate = key | UINT64_C(1) << bit;

		ML_TRY(count_from(ctx, text, candidate, &above));
		if (above >= k)
			key = candidate;
	}
	ML_TRY(count_from(ctx, text, key + 1, &above));
	left = k - above;
	for (uint32_t i = data->nrows; i > 0; i--)
	{
		uint64_t	own = time_key(text->split[i - 1]);

		if (own > key || (own == key && left > 0))
			data->part[i - 1] = ML_PART_HOLDOUT;
		left -= own == key && left > 0;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
hold_flagged(ml_context *ctx, ml_text_trainer *text)
{
	ml_rows_data *data = ml_rows_get(text->rows);

	for (uint32_t i = 0; i < data->nrows; i++)
	{
		if (text->split[i] != 0 && !isnan(text->split[i]))
			data->part[i] = ML_PART_HOLDOUT;
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Columns of the user's say who is held out: does each label still learn? */
static ml_status
check_learning(ml_context *ctx, ml_text_trainer *text, const char *option)
{
	const ml_rows_data *data = ml_rows_get(text->rows);
	const ml_labels *labels = &text->trainer->labels;
	uint32_t	lost = 0;
	bool	   *learns;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &text->trainer->arena, labels->n, &memory));
	learns = memory;
	for (uint32_t i = 0; i < data->nrows; i++)
		if (data->part[i] != ML_PART_HOLDOUT)
			learns[data->label[i]] = true;
	while (lost < labels->n && learns[lost])
		lost++;
	if (lost == labels->n)
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "all rows with the label \"%.*s\" are held out",
			(int) ML_MIN(labels->names[lost].size, (size_t) 64), labels->names[lost].data);
	return ml_hint(ctx, "Hold out other rows, by the option \"%s\".", option);
}

ml_status
ml_train_text_split(ml_context *ctx, ml_text_trainer *text)
{
	const ml_options *options = &text->trainer->options;
	ml_rows_data *data = ml_rows_get(text->rows);
	bool		by_column = options->holdout_by != ML_HOLDOUT_RANDOM;
	uint32_t	times;

	ML_TRY(ml_split(ctx, data->label, data->nrows, text->trainer->labels.n,
					by_column ? 0 : options->holdout, options->seed, data->part));
	if (!by_column)
		return ML_OK;
	if (options->holdout_by == ML_HOLDOUT_FLAG)
		ML_TRY(hold_flagged(ctx, text));
	else
	{
		ML_TRY(count_from(ctx, text, 1, &times));
		times = (uint32_t) (options->holdout * times + 0.5);
		if (times > 0)
			ML_TRY(hold_latest(ctx, text, times));
	}
	return check_learning(ctx, text, "holdout");
}

static ml_status
deal(ml_context *ctx, ml_text_trainer *text, ml_splitter *splitter)
{
	ml_rows_data *data = ml_rows_get(text->rows);

	for (uint32_t i = 0; splitter->by == ML_SPLIT_GROUPS && i < data->nrows; i++)
	{
		ML_TRY(ml_splitter_count_group(ctx, splitter, text->split[i]));
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	if (splitter->by == ML_SPLIT_GROUPS)
		ML_TRY(ml_splitter_deal_groups(ctx, splitter));
	ML_TRY(ml_splitter_open(ctx, splitter));
	for (uint32_t i = 0; i < data->nrows; i++)
	{
		data->part[i] = ml_splitter_next(splitter, data->label[i],
										 text->split == NULL ? 0 : text->split[i]);
		if (i % POLL_ROWS == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_train_text_deal(ml_context *ctx, ml_text_trainer *text, int nparts)
{
	const ml_trainer *trainer = text->trainer;
	ml_splitter splitter = {
		.by = trainer->options.groups.data != NULL ? ML_SPLIT_GROUPS : ML_SPLIT_FOLDS,
		.seed = trainer->options.seed,
		.folds = nparts,
		.nlabels = trainer->labels.n,
		.label_rows = trainer->labels.rows
	};
	ml_status	status = deal(ctx, text, &splitter);

	ml_splitter_close(ctx, &splitter);
	return status;
}
