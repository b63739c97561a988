/*-------------------------------------------------------------------------
 *
 * train_network.c
 *	  The trainer of networks: rows in, a stored model and a report out.
 *
 * Rows are kept as records of bytes (learn/examples.h), with words and levels
 * numbered as they appear.  When all are there they go to their parts, the
 * recipe is fitted to those that learn, the network is built for what the
 * columns turned out to be, and trained.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_network.h"

#include <limits.h>
#include <math.h>

#define VOCABULARY		20000	/* numbers of words, unless options or layers say */
#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

/* ---------- opening ---------- */

static ml_status
take(ml_context *ctx, ml_network_trainer *net, size_t n, size_t width, void *result)
{
	return ml_arena_alloc_zero(ctx, &net->trainer->arena, ml_size_mul(n, width), result);
}

/* "images": {"photo": {"height": 28, "width": 28, "channels": 1}} */
static ml_status
read_picture(ml_context *ctx, const ml_json *node, ml_picture *picture)
{
	int64_t		height;
	int64_t		width;
	int64_t		channels = 3;

	if (!ml_json_integer(ml_json_get(node, "height"), 1, ML_SIDE_MAX, &height) ||
		!ml_json_integer(ml_json_get(node, "width"), 1, ML_SIDE_MAX, &width) ||
		(ml_json_get(node, "channels") != NULL && !ml_json_integer(ml_json_get(node, "channels"), 1, 3, &channels)) ||
		channels == 2 || node->count != 2 + (uint32_t) (ml_json_get(node, "channels") != NULL))
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"images\" does not take what it has for \"%.*s\"", QUOTED(node->key));
		return ml_hint(ctx, "It takes: {\"height\": 1 to %d, \"width\": 1 to %d, \"channels\": 1 or 3}.", ML_SIDE_MAX, ML_SIDE_MAX);
	}
	*picture = (ml_picture) {(uint32_t) height, (uint32_t) width, (uint32_t) channels};
	return ML_OK;
}

static ml_status
read_pictures(ml_context *ctx, ml_network_trainer *net)
{
	const ml_trainer *trainer = net->trainer;
	const ml_json *root;

	if (net->options->images.data == NULL)
		return ML_OK;
	ML_TRY(ml_json_parse(ctx, &net->trainer->arena, net->options->images, ML_BAD_OPTION, &root));
	if (root->kind != ML_JSON_OBJECT || root->count == 0)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"images\" is no object of columns");
		return ml_hint(ctx, "It takes: {\"column\": {\"height\": 28, \"width\": 28, \"channels\": 1}}.");
	}
	for (const ml_json *node = root->first; node != NULL; node = node->next)
	{
		uint32_t	image = 0;
		uint32_t	i = 0;

		for (; i < trainer->ncolumns && !ml_text_equal(trainer->columns[i].name, node->key); i++)
			image += trainer->columns[i].role == ML_ROLE_IMAGE;
		if (i == trainer->ncolumns || trainer->columns[i].role != ML_ROLE_IMAGE)
			return ml_fail(ctx, ML_BAD_OPTION, "option \"images\" names \"%.*s\", which is no column of images",
						   QUOTED(node->key));
		ML_TRY(read_picture(ctx, node, &net->pictures[image]));
	}
	return ML_OK;
}

static ml_status
check_on_error(ml_context *ctx, const ml_network_trainer *net)
{
	if (net->nimages > 0 || net->options->on_error != ML_ON_ERROR_SKIP)
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "option \"on_error\" does nothing without images");
	return ml_hint(ctx, "It goes with: columns of bytea.");
}

static ml_status
check_parties(ml_context *ctx, const ml_options *options)
{
	ml_text		column = options->network.validation_source;

	if (options->holdout_by != ML_HOLDOUT_FLAG || column.data == NULL || !ml_text_equal(column, options->holdout_column))
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "options \"validation\" and \"holdout\" name the same column \"%.*s\"", QUOTED(column));
	return ml_hint(ctx, "Rows that choose the epoch can't judge what they chose: mark others, or give {\"holdout\": 0.2}.");
}

static ml_status
open_network(ml_context *ctx, ml_network_trainer *net)
{
	const ml_trainer *trainer = net->trainer;
	uint32_t	ntexts = 0;

	net->options = &trainer->options.network;
	net->least = INFINITY;
	net->most = -INFINITY;
	net->best_loss = INFINITY;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		net->ncategories += trainer->columns[i].role == ML_ROLE_CATEGORY;
		net->nimages += trainer->columns[i].role == ML_ROLE_IMAGE;
		net->nseries += trainer->columns[i].role == ML_ROLE_SERIES;
		ntexts += trainer->columns[i].role == ML_ROLE_TEXT;
	}
	ML_TRY(take(ctx, net, net->ncategories, sizeof(ml_levels), &net->levels));
	ML_TRY(take(ctx, net, net->ncategories, sizeof(uint32_t), &net->level));
	ML_TRY(take(ctx, net, net->nimages, sizeof(ml_picture), &net->pictures));
	ML_TRY(take(ctx, net, net->nimages, sizeof(bool), &net->found));
	ML_TRY(take(ctx, net, net->nseries, sizeof(ml_network_series), &net->series));
	net->nseries = 0;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].role == ML_ROLE_SERIES)
			net->series[net->nseries++].column = i;
	ML_TRY(take(ctx, net, trainer->ncolumns, sizeof(ml_value), &net->values));
	ML_TRY(read_pictures(ctx, net));
	ML_TRY(check_on_error(ctx, net));
	ML_TRY(check_parties(ctx, &trainer->options));
	return ntexts == 0 ? ML_OK : ml_words_open(ctx, trainer->kernel, &net->reader);
}

ml_status
ml_train_network_open(ml_context *ctx, ml_trainer *trainer)
{
	void	   *memory;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_network_trainer), &memory));
	trainer->network = memory;
	trainer->network->trainer = trainer;
	return open_network(ctx, trainer->network);
}

void
ml_train_network_close(ml_context *ctx, ml_network_trainer *net)
{
	if (net == NULL)
		return;
	for (uint32_t i = 0; net->levels != NULL && i < net->ncategories; i++)
		ml_levels_free(ctx, &net->levels[i]);
	ml_levels_free(ctx, &net->words);
	ml_words_close(ctx, net->reader);
	ml_examples_close(ctx, net->examples);
	ml_network_forget(ctx, net);
	ml_judgement_free(ctx, &net->judgement);
	ml_buffer_free(ctx, &net->told);
	ml_buffer_free(ctx, &net->spec);
	ml_release(ctx, net->history);
	ml_arena_free(ctx, &net->fitted);
	ml_release(ctx, net);
}

/* ---------- rows ---------- */

ml_status
ml_train_network_add(ml_context *ctx, ml_network_trainer *net, const ml_train_row *row)
{
	ml_trainer *trainer = net->trainer;
	bool		skipped = false;
	ml_status	status = ML_OK;

	if (!net->begun)
		status = ml_network_begin_rows(ctx, net, row);
	if (status == ML_OK)
		status = ml_network_add_row(ctx, net, row, &skipped);
	else if (status == ML_BAD_INPUT && net->options->on_error == ML_ON_ERROR_SKIP)
		skipped = true;
	if (!skipped)
	{
		ML_TRY(status);
		ML_TRY(ml_network_sizes_found(ctx, net));
		net->least = ML_MIN(net->least, row->target);
		net->most = ML_MAX(net->most, row->target);
		return ML_OK;
	}
	/* as if it had not been there */
	ml_network_sizes_forget(ctx, net);
	net->bad_images++;
	trainer->skipped++;
	trainer->nrows--;
	if (trainer->task == ML_CLASSIFICATION)
		trainer->labels.rows[row->label]--;
	return ML_OK;
}

/* Classes are labels in C order; of two, the positive one is class 1. */
static ml_status
number_classes(ml_context *ctx, ml_network_trainer *net)
{
	ml_trainer *trainer = net->trainer;
	ml_labels  *labels = &trainer->labels;
	uint32_t	seen = labels->n;
	uint32_t	n;
	uint32_t	positive;
	uint32_t   *place;

	if (trainer->task == ML_REGRESSION)
		return ML_OK;
	ML_TRY(ml_labels_sort(ctx, labels, &place));
	ML_TRY(ml_labels_drop(ctx, labels, place));
	n = labels->n;
	positive = n - 1;
	if (n < 2)
	{
		ml_fail(ctx, ML_BAD_DATA, "all rows that are not skipped have the label \"%.*s\"", QUOTED(labels->names[0]));
		return ml_hint(ctx, "A classifier needs rows of at least two labels.");
	}
	if (trainer->options.positive.data != NULL && n > 2)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"positive\" does nothing with %u labels", n);
		return ml_hint(ctx, "It goes with: two labels.");
	}
	if (trainer->options.positive.data != NULL)
		ML_TRY(ml_labels_named(ctx, labels, trainer->options.positive, "positive", &positive));
	ML_TRY(take(ctx, net, seen, sizeof(uint32_t), &net->classes));
	ML_TRY(take(ctx, net, n, sizeof(uint32_t), &net->class_label));
	for (uint32_t i = 0; i < seen; i++)
	{
		uint32_t	class = n == 2 ? place[i] == positive : place[i];

		net->classes[i] = class;
		net->class_label[class] = place[i];
	}
	net->nclasses = n;
	return ML_OK;
}

/* ---------- parts ---------- */

/* Who holds rows out, and who then makes some of the others validate. */
typedef struct dealer
{
	ml_network_trainer *net;
	ml_splitter holdout;
	ml_splitter validation;
	uint64_t   *rows;			/* [classes] rows that are not held out */
	uint64_t   *learning;		/* [classes] rows that learn */
	bool		counting;
} dealer;

static uint8_t
deal(void *arg, const ml_example *example)
{
	dealer	   *d = arg;
	bool		own = d->net->options->validation_source.data != NULL;
	uint32_t	class = d->net->nclasses > 0 ? d->net->classes[example->label] : 0;
	uint8_t		part = ML_NETWORK_LEARN;

	/* rows that validate come from elsewhere, or are marked: they are nobody else's */
	if (own && example->flags != 0)
		return ML_NETWORK_VALIDATE;
	if (ml_splitter_next(&d->holdout, class, example->split) == ML_PART_HOLDOUT)
		return ML_PART_HOLDOUT;
	if (d->counting)
	{
		d->rows[class]++;
		return part;
	}
	if (d->net->options->validation > 0 && ml_splitter_next(&d->validation, class, 0) == ML_PART_HOLDOUT)
		part = ML_NETWORK_VALIDATE;
	else
		d->learning[class]++;
	return part;
}

/* Split values, one row at a time; rows that validate are nobody else's. */
typedef struct split_look
{
	const ml_network_trainer *net;
	ml_split_values look;
	void	   *arg;
} split_look;

static ml_status
look_at_split(ml_context *ctx, void *arg, const ml_example *example)
{
	const split_look *s = arg;

	if (example->flags != 0 && s->net->options->validation_source.data != NULL)
		return ML_OK;
	return s->look(ctx, s->arg, &example->split, 1);
}

static ml_status
each_split(ml_context *ctx, void *source, ml_split_values look, void *arg)
{
	ml_network_trainer *net = source;
	split_look	s = {net, look, arg};

	return ml_examples_each(ctx, net->examples, UINT32_MAX, look_at_split, &s);
}

/* How many rows of each class the splitters will deal. */
static ml_status
count_row(ml_context *ctx, void *arg, const ml_example *example)
{
	dealer	   *d = arg;
	uint32_t	class = d->net->nclasses > 0 ? d->net->classes[example->label] : 0;

	if (example->flags == 0 || d->net->options->validation_source.data == NULL)
		d->learning[class]++;
	return ML_OK;
}

static ml_status
deal_row(ml_context *ctx, void *arg, const ml_example *example)
{
	(void) deal(arg, example);
	return ML_OK;
}

static ml_status
check_parts(ml_context *ctx, const ml_network_trainer *net, const dealer *d)
{
	uint32_t	n = ML_MAX(net->nclasses, 1);
	uint64_t	all = 0;

	for (uint32_t i = 0; i < n; i++)
		all += d->learning[i];
	if (all == 0)
	{
		ml_fail(ctx, ML_BAD_DATA, "all rows are held out: there are none to learn from");
		return ml_hint(ctx, "Hold out fewer rows, by the options \"holdout\" and \"validation\".");
	}
	for (uint32_t i = 0; i < net->nclasses; i++)
		if (d->learning[i] == 0)
		{
			const ml_text *label = &net->trainer->labels.names[net->class_label[i]];

			if (net->options->validation_source.data != NULL)
			{
				ml_fail(ctx, ML_BAD_DATA, "no row with the label \"%.*s\" is there to learn from: all are held out or validate",
						QUOTED(*label));
				return ml_hint(ctx, "Leave such rows out of those that validate, or hold out others, by the options \"validation\" and \"holdout\".");
			}
			ml_fail(ctx, ML_BAD_DATA, "all rows with the label \"%.*s\" are held out", QUOTED(*label));
			return ml_hint(ctx, "Hold out other rows, by the options \"holdout\" and \"validation\".");
		}
	return ML_OK;
}

static ml_status
split_with(ml_context *ctx, ml_network_trainer *net, dealer *d)
{
	static const ml_split_by by[] = {
		[ML_HOLDOUT_RANDOM] = ML_SPLIT_RANDOM,
		[ML_HOLDOUT_FLAG] = ML_SPLIT_FLAG,
		[ML_HOLDOUT_TIME] = ML_SPLIT_TIME,
	};
	const ml_options *options = &net->trainer->options;
	uint32_t	n = ML_MAX(net->nclasses, 1);

	d->holdout = (ml_splitter)
	{
		.by = by[options->holdout_by],
		.holdout = options->holdout,
		.seed = options->seed,
		.folds = 1,
		.nlabels = n,
		.label_rows = d->learning
	};
	ML_TRY(ml_examples_each(ctx, net->examples, UINT32_MAX, count_row, d));
	if (d->holdout.by == ML_SPLIT_TIME)
		ML_TRY(ml_splitter_find_time(ctx, &d->holdout, each_split, net));
	ML_TRY(ml_splitter_open(ctx, &d->holdout));
	/* the rows left over are dealt once to be counted, and once more */
	d->counting = true;
	ML_TRY(ml_examples_each(ctx, net->examples, UINT32_MAX, deal_row, d));
	ml_splitter_restart(&d->holdout);
	d->validation = (ml_splitter)
	{
		.by = ML_SPLIT_RANDOM,
		.holdout = net->options->validation,
		.seed = options->seed + 1,
		.folds = 1,
		.nlabels = n,
		.label_rows = d->rows
	};
	ML_TRY(ml_splitter_open(ctx, &d->validation));
	d->counting = false;
	memset(d->learning, 0, n * sizeof(uint64_t));
	ML_TRY(ml_examples_split(ctx, net->examples, deal, d));
	return check_parts(ctx, net, d);
}

/* The labels' numbers of rows that learn decide their weights. */
static ml_status
weigh_classes(ml_context *ctx, ml_network_trainer *net, const uint64_t *learning)
{
	ml_labels  *labels = &net->trainer->labels;
	float	   *weights;
	uint64_t   *rows = labels->rows;
	uint64_t   *learn;
	void	   *memory;
	ml_status	status;

	if (net->nclasses == 0)
		return ML_OK;
	ML_TRY(take(ctx, net, net->nclasses, sizeof(uint64_t), &learn));
	for (uint32_t i = 0; i < net->nclasses; i++)
		learn[net->class_label[i]] = learning[i];
	labels->rows = learn;
	status = ml_labels_weights(ctx, labels, &net->trainer->options, &weights);
	labels->rows = rows;
	ML_TRY(status);
	if (weights == NULL)
		return ML_OK;
	ML_TRY(take(ctx, net, net->nclasses, sizeof(float), &memory));
	net->class_weights = memory;
	for (uint32_t i = 0; i < net->nclasses; i++)
		net->class_weights[i] = weights[net->class_label[i]];
	return ML_OK;
}

static ml_status
split(ml_context *ctx, ml_network_trainer *net)
{
	dealer		d = {.net = net};
	size_t		n = ML_MAX(net->nclasses, 1);
	ml_status	status;

	ML_TRY(take(ctx, net, n, sizeof(uint64_t), &d.rows));
	ML_TRY(take(ctx, net, n, sizeof(uint64_t), &d.learning));
	status = split_with(ctx, net, &d);
	ml_splitter_close(ctx, &d.holdout);
	ml_splitter_close(ctx, &d.validation);
	ML_TRY(status);
	net->nholdout = ml_examples_count(net->examples, UINT32_C(1) << ML_PART_HOLDOUT);
	net->nvalidation = ml_examples_count(net->examples, UINT32_C(1) << ML_NETWORK_VALIDATE);
	return weigh_classes(ctx, net, d.learning);
}

/* ---------- finishing ---------- */

ml_status
ml_train_network_store(ml_context *ctx, ml_network_trainer *net, const ml_checkpoint *state, ml_buffer *stored)
{
	const ml_trainer *trainer = net->trainer;

	return ml_stored_write_network(ctx, &(ml_stored_network)
								   {
									   .task = trainer->task,
									   .feeds = &net->feeds,
									   .spec = {net->spec.data, net->spec.size},
									   .network = &net->inference,
									   .parameters = net->parameters,
									   .states = net->states,
									   .room = net->gradients,
									   .nlabels = net->nclasses,
									   .labels = net->nclasses > 0 ? trainer->labels.names : NULL,
									   .positive = net->nclasses == 2 ? net->class_label[1] : 0,
									   .checkpoint = state
								   }, stored);
}

/* The recipe: that of the version that is continued, or fitted to the rows that learn. */
static ml_status
settle_columns(ml_context *ctx, ml_network_trainer *net)
{
	uint32_t	most = net->options->vocabulary > 0 ? (uint32_t) net->options->vocabulary : VOCABULARY;

	ML_TRY(ml_network_vocabulary(ctx, net, &most));
	return net->from != NULL ? ml_network_adopt_columns(ctx, net) : ml_network_columns(ctx, net, most);
}

ml_status
ml_train_network_begin(ml_context *ctx, ml_network_trainer *net)
{
	ML_TRY(number_classes(ctx, net));
	ml_network_tell_cut(ctx, net);
	ML_TRY(ml_network_continue(ctx, net));
	ml_linear_progress(ctx, ML_PHASE_COUNT, (int64_t) net->trainer->nrows, 0, NAN);
	ML_TRY(split(ctx, net));
	ML_TRY(settle_columns(ctx, net));
	ML_TRY(ml_network_open(ctx, net));
	ML_TRY(ml_network_weigh(ctx, net));
	net->ready = true;
	return ML_OK;
}

ml_status
ml_train_network_finish(ml_context *ctx, ml_network_trainer *net, ml_buffer *stored, ml_buffer *report)
{
	ml_network_score score;
	bool		done = false;

	if (!net->ready)
		ML_TRY(ml_train_network_begin(ctx, net));
	while (!done)
		ML_TRY(ml_network_epochs(ctx, net, INT_MAX, &done));
	ML_TRY(ml_network_settle(ctx, net));
	if (net->nholdout > 0)
		ML_TRY(ml_network_judge(ctx, net, ML_PART_HOLDOUT, &net->judgement, &score));
	ml_network_tell(ctx, net);
	ml_linear_progress(ctx, ML_PHASE_STORE, (int64_t) net->trainer->nrows, 0, NAN);
	ml_network_rest(ctx, net);
	ML_TRY(ml_train_network_store(ctx, net, NULL, stored));
	/* neither changes what is learnt: they are not repeated when the model is trained again */
	net->trainer->options.network.checkpoint = 0;
	return ml_network_report(ctx, net, report);
}
