/*-------------------------------------------------------------------------
 *
 * train_network_series.c
 *	  Series in a network's training: their records, lengths and scalings.
 *
 * A record has the numbers of the steps that are looked at, as they are: the
 * scalings follow from the rows that learn, when all are there.  How many channels
 * a column has the first array that is not empty tells.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#include <float.h>
#include <math.h>

#define SUMMED		256			/* numbers of a channel that are summed up at once */
#define POLL_NUMBERS	((size_t) 1 << 20)
#define UNKNOWN		16			/* channels that there is room for when the first row doesn't tell */
#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

/* Steps that are looked at of a series of so many channels. */
static uint32_t
most_steps(const ml_network_trainer *net, uint32_t channels)
{
	const ml_network_options *options = net->options;

	return options->pad > 0 ? (uint32_t) options->pad : options->max_length > 0 ? (uint32_t) options->max_length :
		ml_series_most(channels);
}

/* ---------- records ---------- */

size_t
ml_network_series_room(const ml_network_trainer *net, ml_network_series *series, ml_items items)
{
	bool		known = items.data != NULL && items.n > 0;
	uint32_t	channels = known ? ml_series_channels(items) : 1;

	series->room = ml_size_mul(most_steps(net, channels), channels);
	if (!known)
		series->room = ML_MAX(series->room, ML_MIN(series->room * UNKNOWN, (size_t) ML_SERIES_NUMBERS));
	return ml_size_add(8, ml_size_mul(series->room, sizeof(double)));
}

size_t
ml_network_series_size(const ml_network_series *series, ml_items items)
{
	return 8 + ML_MIN(series->room, items.data == NULL ? 0 : (size_t) items.n) * sizeof(double);
}

/* The first array that is not empty. */
static ml_status
find_channels(ml_context *ctx, ml_network_trainer *net, ml_network_series *series, ml_items items)
{
	ml_column  *column = &net->trainer->columns[series->column];
	uint32_t	channels = ml_series_channels(items);

	if (channels > ML_SERIES_NUMBERS)
		return ml_fail(ctx, ML_BAD_DATA, "the series of row %llu in column \"%.*s\" has %u channels, more than %d",
					   (unsigned long long) net->trainer->seen, QUOTED(column->name), channels, ML_SERIES_NUMBERS);
	series->channels = column->size = channels;
	series->steps = most_steps(net, channels);
	return ML_OK;
}

/* Numbers that are not scaled must be floats as they are. */
static ml_status
check_range(ml_context *ctx, const double *numbers, size_t n, ml_series_view *view)
{
	for (view->at = 0; view->at < n && fabs(numbers[view->at]) <= FLT_MAX; view->at++)
		if (view->at % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(ctx));
	view->fault = view->at < n ? ML_SERIES_RANGE : ML_SERIES_SOUND;
	return ML_OK;
}

/* What a series has that is looked at; refused with its row. */
static ml_status
look_at(ml_context *ctx, const ml_network_trainer *net, const ml_network_series *series, ml_items items, ml_series_view *view)
{
	char		who[160];

	ML_TRY(ml_series_look(ctx, items, series->channels, series->steps, view));
	if (view->fault == ML_SERIES_SOUND && !net->trainer->options.tabular.standardize)
		ML_TRY(check_range(ctx, items.data, (size_t) view->steps * series->channels, view));
	if (view->fault == ML_SERIES_SOUND)
		return ML_OK;
	ml_print(who, sizeof(who), "the series of row %llu in column \"%.*s\"", (unsigned long long) net->trainer->seen,
			 QUOTED(net->trainer->columns[series->column].name));
	return ml_series_refuse(ctx, ML_BAD_DATA, view, who, items, series->channels);
}

ml_status
ml_network_put_series(ml_context *ctx, ml_network_trainer *net, ml_network_series *series, ml_items items, char **to)
{
	const ml_column *column = &net->trainer->columns[series->column];
	ml_series_view view;
	uint64_t	n;

	if (series->channels == 0 && items.data != NULL && items.n > 0)
		ML_TRY(find_channels(ctx, net, series, items));
	ML_TRY(look_at(ctx, net, series, items, &view));
	n = (uint64_t) view.steps * series->channels;
	if (n > series->room)
	{
		ml_fail(ctx, ML_BAD_DATA, "the series of row %llu in column \"%.*s\" has too many numbers", (unsigned long long) net->trainer->seen,
				QUOTED(column->name));
		return ml_hint(ctx, "Up to %zu may follow a first row without any; let a row that has a series come first.", series->room);
	}
	memcpy(*to, &n, 8);
	if (n > 0)
		ML_TRY(ml_copy(ctx, *to + 8, items.data, (size_t) n * sizeof(double)));
	*to += 8 + n * sizeof(double);
	series->longest = ML_MAX(series->longest, view.steps);
	series->cut += n > 0 && items.n / series->channels > view.steps;
	return ML_OK;
}

void
ml_network_tell_cut(ml_context *ctx, const ml_network_trainer *net)
{
	ml_list		list = {.before = "series are cut: "};

	for (uint32_t i = 0; i < net->nseries; i++)
	{
		const ml_network_series *s = &net->series[i];

		if (s->cut > 0)
			ml_list_add(&list, "%llu of \"%.*s\" have more than %u steps", (unsigned long long) s->cut,
						QUOTED(net->trainer->columns[s->column].name), s->steps);
	}
	if (list.n > 0)
		ml_train_notice(ctx, list.text);
}

/* ---------- scalings ---------- */

ml_status
ml_network_sum_series(ml_context *ctx, const ml_network_series *series, ml_items items, ml_summary *summaries)
{
	double		numbers[SUMMED];
	size_t		channels = series->channels;
	size_t		steps = items.data == NULL ? 0 : items.n / channels;

	if (channels == 1 && steps > 0)
		return ml_summary_add(ctx, summaries, items.data, NULL, steps);
	for (size_t first = 0; first < steps; first += SUMMED)
	{
		size_t		n = ML_MIN(steps - first, (size_t) SUMMED);

		for (size_t c = 0; c < channels; c++)
		{
			for (size_t i = 0; i < n; i++)
				numbers[i] = items.data[(first + i) * channels + c];
			ML_TRY(ml_summary_add(ctx, &summaries[c], numbers, NULL, n));
		}
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* As those of numbers (feature/tabular_fit.c). */
static ml_status
scale_channel(ml_context *ctx, const ml_network_trainer *net, const ml_network_series *series, const ml_summary *summary,
			  ml_channel *channel)
{
	double		mean = ml_summary_mean(summary);
	double		deviation = ml_summary_deviation(summary);

	*channel = (ml_channel) {.scale = 1};
	if (!net->trainer->options.tabular.standardize || !(summary->n > 0))
		return ML_OK;
	/* squares of tiny differences vanish */
	if (deviation == 0 && summary->min < summary->max)
		deviation = summary->max - summary->min;
	channel->mean = mean;
	channel->scale = deviation > 0 ? deviation : 1;
	if (isfinite(mean) && isfinite(deviation))
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "the numbers of column \"%.*s\" are too large to be standardised",
			QUOTED(net->trainer->columns[series->column].name));
	ml_detail(ctx, "They reach from %g to %g.", summary->min, summary->max);
	return ml_hint(ctx, "Divide them by a constant, or leave the column out.");
}

ml_status
ml_network_scale_series(ml_context *ctx, ml_network_trainer *net, const ml_summary *summaries)
{
	const ml_tabular *tabular = &net->feeds.tabular;
	ml_channel *channel;
	void	   *memory;
	uint32_t	k = 0;

	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(tabular->nchannels, sizeof(ml_channel)), &memory));
	net->feeds.channels = channel = memory;
	for (uint32_t i = 0; i < net->nseries; i++)
	{
		const ml_network_series *series = &net->series[i];

		while (k < net->nkept && net->kept_column[k] < series->column)
			k++;
		for (uint32_t c = 0; c < series->channels; c++, summaries++)
			if (k < net->nkept && net->kept_column[k] == series->column)
				ML_TRY(scale_channel(ctx, net, series, summaries, channel++));
	}
	return ML_OK;
}

ml_status
ml_network_series_steps(ml_context *ctx, ml_network_trainer *net, const uint32_t **steps)
{
	const ml_tabular *tabular = &net->feeds.tabular;
	uint32_t   *next;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(tabular->ncolumns, sizeof(uint32_t)), &memory));
	*steps = next = memory;
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		if (tabular->columns[i].role == ML_ROLE_SERIES)
			*next++ = most_steps(net, tabular->columns[i].nterms);
	return ML_OK;
}

uint32_t
ml_network_longest(const ml_network_trainer *net, int feed)
{
	const ml_feeds *feeds = &net->feeds;

	if (feeds->pad > 0)
		return feeds->pad;
	for (uint32_t i = 0; i < net->nseries; i++)
		if (feeds->feeds[feed].kind == ML_FEED_SERIES && net->series[i].column == net->kept_column[feeds->column[feed]])
			return net->series[i].longest;
	return feeds->feeds[feed].kind == ML_FEED_TOKENS ? net->longest : 0;
}
