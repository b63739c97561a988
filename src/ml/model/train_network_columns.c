/*-------------------------------------------------------------------------
 *
 * train_network_columns.c
 *	  Which columns a network learns from, and how they become its feeds.
 *
 * One pass over the rows that learn sums up numbers and counts levels and
 * words; a column of whole numbers that may count the rows is looked at in all
 * rows, since those that learn have gaps.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_look.h"
#include "model/train_network.h"

#include <math.h>

#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data
#define POLL_ROWS		256

/* What a pass sums up. */
typedef struct sums
{
	ml_network_trainer *net;
	uint32_t	nsummaries;
	ml_summary *summaries;		/* in order of the columns, ml_column_width each */
	uint32_t	nchannels;
	ml_summary *channels;		/* of all series */
	uint64_t   *missing;		/* [ncategories] */
	uint64_t   *words;			/* [words.n] */
	bool		only_numbers;	/* no levels, no words */
	uint64_t	rows;
} sums;

static ml_status
sum_up_numbers(ml_context *ctx, const ml_column *column, const ml_value *value, ml_summary *to)
{
	double		parts[ML_DATE_PARTS_MAX];

	if (column->type == ML_TYPE_ARRAY)
	{
		for (uint32_t k = 0; k < column->size; k++)
		{
			double		v = value->items.data == NULL ? NAN : value->items.data[k];

			ML_TRY(ml_summary_add(ctx, &to[k], &v, NULL, 1));
		}
		return ML_OK;
	}
	if (column->role != ML_ROLE_DATE)
		return ml_summary_add(ctx, to, &value->number, NULL, 1);
	(void) ml_date_parts(column->type, value->number, parts);
	for (int k = 0; k < ml_date_nparts(column->type); k++)
		ML_TRY(ml_summary_add(ctx, &to[k], &parts[k], NULL, 1));
	return ML_OK;
}

static ml_status
sum_up(ml_context *ctx, void *arg, const ml_example *example)
{
	sums	   *s = arg;
	ml_network_trainer *net = s->net;
	const ml_trainer *trainer = net->trainer;
	ml_summary *to = s->summaries;
	ml_summary *channel = s->channels;
	const ml_network_series *series = net->series;
	uint32_t	category = 0;

	ml_network_values(net, example);
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		const ml_value *value = &net->values[i];

		if (column->role == ML_ROLE_TEXT)
		{
			const uint32_t *words = (const uint32_t *) (const void *) value->text.data;

			for (size_t k = 0; !s->only_numbers && k < value->text.size; k++)
				s->words[words[k]]++;
		}
		else if (column->role == ML_ROLE_CATEGORY)
		{
			ml_levels  *levels = &net->levels[category];

			if (!s->only_numbers && value->text.data == NULL)
				s->missing[category]++;
			else if (!s->only_numbers)
				levels->counts[net->level[category]]++;
			category++;
		}
		else if (column->role == ML_ROLE_SERIES)
		{
			if (!s->only_numbers)
				ML_TRY(ml_network_sum_series(ctx, series, value->items, channel));
			channel += series->channels;
			series++;
		}
		else if (ml_role_is_tabular(column->role))
		{
			ML_TRY(sum_up_numbers(ctx, column, value, to));
			to += ml_column_width(column);
		}
	}
	return ++s->rows % POLL_ROWS == 0 ? ml_poll(ctx) : ML_OK;
}

static ml_status
open_sums(ml_context *ctx, ml_network_trainer *net, bool counting, sums *s)
{
	const ml_trainer *trainer = net->trainer;
	void	   *memory;

	s->net = net;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (ml_role_is_tabular(trainer->columns[i].role))
			s->nsummaries += ml_column_width(&trainer->columns[i]);
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(s->nsummaries, sizeof(ml_summary)), (void **) &s->summaries));
	for (uint32_t i = 0; i < s->nsummaries; i++)
		ML_TRY(ml_summary_open(ctx, &s->summaries[i], net->trainer->kernel, counting));
	for (uint32_t i = 0; i < net->nseries; i++)
		s->nchannels += net->series[i].channels;
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(s->nchannels, sizeof(ml_summary)), (void **) &s->channels));
	for (uint32_t i = 0; i < s->nchannels; i++)
		ML_TRY(ml_summary_open(ctx, &s->channels[i], net->trainer->kernel, false));
	ML_TRY(ml_arena_alloc_zero(ctx, &net->fitted, ml_size_mul(net->ncategories, sizeof(uint64_t)), &memory));
	s->missing = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &net->fitted, ml_size_mul(net->words.n, sizeof(uint64_t)), &memory));
	s->words = memory;
	for (uint32_t i = 0; i < net->ncategories; i++)
		if (net->levels[i].n > 0)
			memset(net->levels[i].counts, 0, net->levels[i].n * sizeof(uint64_t));
	return ML_OK;
}

static void
close_sums(ml_context *ctx, sums *s)
{
	for (uint32_t i = 0; s->summaries != NULL && i < s->nsummaries; i++)
		ml_summary_close(ctx, &s->summaries[i]);
	for (uint32_t i = 0; s->channels != NULL && i < s->nchannels; i++)
		ml_summary_close(ctx, &s->channels[i]);
	ml_release(ctx, s->summaries);
	ml_release(ctx, s->channels);
}

/* ---------- which columns stay ---------- */

/* The columns that count or name the rows, as the rows that learn make it seem. */
static bool
suspect(const ml_network_trainer *net, const sums *learn, ml_reason *counting)
{
	const ml_trainer *trainer = net->trainer;
	const ml_summary *s = learn->summaries;
	bool		some = false;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];

		if (!ml_role_is_tabular(column->role) || column->role == ML_ROLE_CATEGORY)
			continue;
		if (ml_may_count(column, s, trainer->nrows))
		{
			counting[i] = ML_REASON_SEQUENCE;
			some = true;
		}
		else if (column->role == ML_ROLE_NUMBER && column->type == ML_TYPE_INTEGER &&
				 ml_is_identifier(column, s->min, s->max, s->nvalues))
			counting[i] = ML_REASON_IDENTIFIER;
		s += ml_column_width(column);
	}
	return some;
}

/* Look at all rows: those that learn have gaps. */
static ml_status
confirm(ml_context *ctx, const ml_network_trainer *net, sums *all, ml_reason *counting)
{
	const ml_trainer *trainer = net->trainer;
	const ml_summary *s;

	for (uint32_t i = 0; i < all->nsummaries; i++)
		ML_TRY(ml_summary_open(ctx, &all->summaries[i], trainer->kernel, false));
	ML_TRY(ml_examples_each(ctx, net->examples, UINT32_MAX, sum_up, all));
	s = all->summaries;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];

		if (!ml_role_is_tabular(column->role) || column->role == ML_ROLE_CATEGORY)
			continue;
		if (counting[i] == ML_REASON_SEQUENCE && !ml_summary_sequence(s))
			counting[i] = ML_REASON_KEPT;
		s += ml_column_width(column);
	}
	return ML_OK;
}

static ml_status
find_sequences(ml_context *ctx, ml_network_trainer *net, const sums *learn, ml_reason *counting)
{
	sums		all = {.net = net, .nsummaries = learn->nsummaries, .only_numbers = true};
	ml_status	status;

	if (!suspect(net, learn, counting))
		return ML_OK;
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(all.nsummaries, sizeof(ml_summary)), (void **) &all.summaries));
	status = confirm(ctx, net, &all, counting);
	close_sums(ctx, &all);
	return status;
}

static ml_status
tell_left_out(ml_context *ctx, ml_network_trainer *net, const ml_reason *why)
{
	const ml_trainer *trainer = net->trainer;
	ml_list		list = {.before = "left out: "};

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		if (why[i] == ML_REASON_KEPT)
			continue;
		ml_list_add(&list, "%.*s (%s)", QUOTED(trainer->columns[i].name), ml_reason_text(why[i]));
		ML_TRY(ml_appendf(ctx, &net->told, "%s", net->told.size == 0 ? "{" : ", "));
		ML_TRY(ml_json_quote(ctx, &net->told, trainer->columns[i].name));
		ML_TRY(ml_appendf(ctx, &net->told, ": \"%s\"", ml_reason_text(why[i])));
	}
	if (list.n == 0)
		return ML_OK;
	ml_train_notice(ctx, list.text);
	return ml_appendf(ctx, &net->told, "}");
}

static ml_status
look(ml_context *ctx, ml_network_trainer *net, const sums *s, const ml_reason *counting, ml_reason *why)
{
	const ml_trainer *trainer = net->trainer;
	const ml_summary *summaries = s->summaries;
	const ml_summary *channel = s->channels;
	const ml_network_series *series = net->series;
	uint32_t	category = 0;
	uint32_t	left = 0;
	uint32_t	counted = 0;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];

		why[i] = ML_REASON_KEPT;
		if (column->role == ML_ROLE_CATEGORY)
		{
			why[i] = ml_look_at_category(&net->levels[category], s->missing[category]);
			category++;
		}
		else if (column->role == ML_ROLE_SERIES)
		{
			/* how long they are tells something even where all numbers are the same */
			if (series->channels == 0 || channel->nvalues == 0)
				why[i] = ML_REASON_NO_VALUE;
			channel += series->channels;
			series++;
		}
		else if (ml_role_is_tabular(column->role))
		{
			why[i] = ml_look_at_numbers(column, &trainer->options.tabular, summaries, ml_column_width(column));
			summaries += ml_column_width(column);
		}
		if (why[i] == ML_REASON_KEPT)
			*(counting[i] != ML_REASON_KEPT ? &counted : &left) += 1;
	}
	for (uint32_t i = 0; left > 0 && i < trainer->ncolumns; i++)
		if (why[i] == ML_REASON_KEPT)
			why[i] = counting[i];
	if (left + counted == 0)
		return ml_fail(ctx, ML_BAD_DATA,
					   "no column tells the rows apart: each has the same value, or none, in all of them");
	return tell_left_out(ctx, net, why);
}

/* ---------- the recipe ---------- */

/* What ml_tabular_fit takes, of the columns that stay. */
typedef struct kept
{
	ml_column  *columns;
	ml_summary *summaries;
	const ml_levels **levels;
	uint64_t   *missing;
	ml_picture *pictures;
} kept;

static ml_status
open_kept(ml_context *ctx, ml_network_trainer *net, const sums *s, kept *k)
{
	uint32_t	n = net->trainer->ncolumns;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_column)), &memory));
	k->columns = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(s->nsummaries, sizeof(ml_summary)), &memory));
	k->summaries = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_levels *)), &memory));
	k->levels = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(uint64_t)), &memory));
	k->missing = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_picture)), &memory));
	k->pictures = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(uint32_t)), &memory));
	net->kept_column = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_value)), &memory));
	net->inputs = memory;
	net->nkept = 0;
	return ML_OK;
}

static ml_status
keep(ml_context *ctx, ml_network_trainer *net, const sums *s, const ml_reason *why, kept *k)
{
	const ml_trainer *trainer = net->trainer;
	const ml_summary *from = s->summaries;
	uint32_t	nsummaries = 0;
	uint32_t	nlevels = 0;
	uint32_t	npictures = 0;
	uint32_t	category = 0;
	uint32_t	image = 0;

	ML_TRY(open_kept(ctx, net, s, k));
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		const ml_column *column = &trainer->columns[i];
		uint32_t	width = ml_role_is_tabular(column->role) ? ml_column_width(column) : 0;
		bool		stays = why[i] == ML_REASON_KEPT;

		if (stays)
		{
			k->columns[net->nkept] = *column;
			net->kept_column[net->nkept++] = i;
		}
		if (stays && width > 0)
		{
			memcpy(k->summaries + nsummaries, from, width * sizeof(ml_summary));
			nsummaries += width;
		}
		if (stays && column->role == ML_ROLE_CATEGORY)
		{
			k->levels[nlevels] = &net->levels[category];
			k->missing[nlevels++] = s->missing[category];
		}
		if (column->role == ML_ROLE_IMAGE)
			k->pictures[npictures++] = net->pictures[image++];
		category += column->role == ML_ROLE_CATEGORY;
		from += width;
	}
	return ML_OK;
}

static ml_status
choose_words(ml_context *ctx, ml_network_trainer *net, const sums *s, uint32_t most)
{
	ml_tokens  *tokens = &net->feeds.tokens;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(net->words.n + 1, sizeof(uint32_t)), &memory));
	net->word_map = memory;
	ML_TRY(ml_tokens_choose(ctx, &net->fitted, &net->words, s->words, most, 1, net->word_map, tokens));
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(tokens->nslots, sizeof(uint32_t)), &memory));
	tokens->slots = memory;
	return ml_tokens_hash(ctx, tokens, memory);
}

static ml_status
fit_recipe(ml_context *ctx, ml_network_trainer *net, const sums *s, const ml_reason *why, uint32_t most)
{
	const ml_trainer *trainer = net->trainer;
	ml_feeds   *feeds = &net->feeds;
	ml_tabular_options options = trainer->options.tabular;
	kept		k;
	uint32_t  **map;
	const uint32_t *steps;
	void	   *slots;

	ML_TRY(keep(ctx, net, s, why, &k));
	options.reference = false;
	options.time_zone = trainer->time_zone;
	ML_TRY(ml_tabular_fit(ctx, &net->fitted, k.columns, net->nkept, k.summaries, k.levels, k.missing, &options,
						  &feeds->tabular, &map));
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(feeds->tabular.nslots, sizeof(uint32_t)), &slots));
	feeds->tabular.slots = slots;
	ML_TRY(ml_tabular_hash(ctx, &feeds->tabular, slots));
	feeds->pad = (uint32_t) net->options->pad;
	feeds->max_length = ml_network_most_words(net);
	if (feeds->tabular.ntexts > 0)
		ML_TRY(choose_words(ctx, net, s, most));
	ML_TRY(ml_network_scale_series(ctx, net, s->channels));
	ML_TRY(ml_network_series_steps(ctx, net, &steps));
	return ml_feeds_derive(ctx, feeds, k.pictures, steps);
}

static ml_status
fit_columns(ml_context *ctx, ml_network_trainer *net, uint32_t most, bool counting, sums *s)
{
	uint32_t	n = net->trainer->ncolumns;
	ml_reason  *why;
	void	   *memory;

	ML_TRY(open_sums(ctx, net, counting, s));
	ML_TRY(ml_examples_each(ctx, net->examples, UINT32_C(1) << ML_NETWORK_LEARN, sum_up, s));
	ML_TRY(ml_arena_alloc_zero(ctx, &net->fitted, ml_size_mul(n, 2 * sizeof(ml_reason)), &memory));
	why = memory;
	ML_TRY(find_sequences(ctx, net, s, why + n));
	ML_TRY(look(ctx, net, s, why + n, why));
	return fit_recipe(ctx, net, s, why, most);
}

ml_status
ml_network_columns(ml_context *ctx, ml_network_trainer *net, uint32_t most)
{
	const ml_tabular_options *options = &net->trainer->options.tabular;
	sums		s = {0};
	ml_status	status;

	status = fit_columns(ctx, net, most, options->winsorize > 0 || options->impute == ML_IMPUTE_MOST_FREQUENT, &s);
	close_sums(ctx, &s);
	return status;
}
