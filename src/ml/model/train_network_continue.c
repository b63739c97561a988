/*-------------------------------------------------------------------------
 *
 * train_network_continue.c
 *	  Checkpoints of a network's training, and going on from stored versions.
 *
 * What is continued may be a checkpoint: then training goes on to the very bits
 * that it would have ended in without a break, if rows and options are the same;
 * the source is read again.  Or a finished network: its weights are the first
 * ones, and the optimizer begins anew.
 *
 * Recipe, vocabulary and labels are those of the version, since its weights mean
 * nothing with others: a table that got more rows in between can be learnt from.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored.h"
#include "model/train_network.h"

#include <math.h>

#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

#define POLL_BYTES		((size_t) 1 << 20)

/* ml_checkpoint.numbers */
enum
{
	STEP, BEST_EPOCH, BEST_LOSS, LAST_BETTER, ROWS, SETTINGS, OPTIMIZER
};

/* ---------- is it the same network? ---------- */

/* ML_BAD_OPTION, and which option it is about. */
static ml_status
other(ml_context *ctx, const ml_network_trainer *net, const char *what)
{
	return ml_fail(ctx, ML_BAD_OPTION, "training can't go on from version %d: %s", net->options->continue_from, what);
}

static ml_status
check_labels(ml_context *ctx, const ml_network_trainer *net)
{
	const ml_stored_head *head = &net->from->head;
	const ml_labels *labels = &net->trainer->labels;
	uint32_t	i = 0;

	if (head->task != net->trainer->task)
		return other(ctx, net, head->task == ML_REGRESSION ? "it learnt numbers, not labels" : "it learnt labels, not numbers");
	while (i < head->nlabels && i < net->nclasses && ml_text_equal(head->labels[i], labels->names[i]))
		i++;
	if (i < head->nlabels && (i == net->nclasses || ml_text_compare(head->labels[i], labels->names[i]) < 0))
	{
		other(ctx, net, "it has other labels than the rows");
		return ml_detail(ctx, "No row has its label \"%.*s\".", QUOTED(head->labels[i]));
	}
	if (i < net->nclasses)
	{
		other(ctx, net, "it has other labels than the rows");
		return ml_detail(ctx, "It does not know the label \"%.*s\".", QUOTED(labels->names[i]));
	}
	if (net->nclasses == 2 && net->class_label[1] != head->positive)
		return other(ctx, net, "it has another positive label");
	return ML_OK;
}

ml_status
ml_network_continue(ml_context *ctx, ml_network_trainer *net)
{
	ml_text		start = net->trainer->start;
	ml_safetensors file;
	void	   *memory;
	int			format;

	if (start.data == NULL)
		return ML_OK;
	ML_TRY(ml_safetensors_read(ctx, &net->fitted, start.data, start.size, &file));
	if (ml_safetensors_metadata(&file, "format").data == NULL)
		return ML_OK;			/* first values, not a version */
	ML_TRY(ml_stored_open(ctx, &net->fitted, start.data, start.size, &file, &format));
	if (format != ML_FORMAT_NETWORK)
		return other(ctx, net, "it is no network");
	ML_TRY(ml_arena_alloc_zero(ctx, &net->fitted, sizeof(ml_network_file), &memory));
	net->from = memory;
	ML_TRY(ml_stored_read_network(ctx, &net->fitted, &file, net->from));
	return check_labels(ctx, net);
}

ml_status
ml_network_check_same(ml_context *ctx, const ml_network_trainer *net)
{
	if (net->from == NULL || ml_text_equal(net->from->layers_json, (ml_text) {net->spec.data, net->spec.size}))
		return ML_OK;
	other(ctx, net, "it has other layers, or another loss");
	ml_detail(ctx, "Its layers are %.*s", (int) ML_MIN(net->from->layers_json.size, (size_t) 600), net->from->layers_json.data);
	return ml_hint(ctx, "Give the options that it was trained with; aiaas_network_spec() shows them.");
}

/* ---------- its recipe ---------- */

/* The column of the training that a column of the version is; its image's number is counted along. */
static ml_status
find_column(ml_context *ctx, const ml_network_trainer *net, uint32_t i, uint32_t *found, uint32_t *image)
{
	const ml_trainer *trainer = net->trainer;
	const ml_tabular *tabular = &net->from->head.tabular;
	ml_text		name = tabular->names[i];

	*image = 0;
	for (uint32_t k = 0; k < trainer->ncolumns; k++)
	{
		const ml_column *column = &trainer->columns[k];

		if (!ml_text_equal(column->name, name))
		{
			*image += column->role == ML_ROLE_IMAGE;
			continue;
		}
		if ((uint32_t) column->type != tabular->columns[i].type || (uint32_t) column->role != tabular->columns[i].role)
		{
			other(ctx, net, "a column is another one");
			return ml_detail(ctx, "\"%.*s\" was read as %s.", QUOTED(name), ml_role_name((ml_role) tabular->columns[i].role));
		}
		*found = k;
		return ML_OK;
	}
	other(ctx, net, "a column is missing");
	return ml_detail(ctx, "It learnt from \"%.*s\".", QUOTED(name));
}

/* Numbers of words as they appeared -> numbers of the version. */
static ml_status
map_words(ml_context *ctx, ml_network_trainer *net)
{
	ml_tokens  *tokens = &net->feeds.tokens;
	void	   *memory;

	*tokens = net->from->feeds.tokens;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(tokens->nslots, sizeof(uint32_t)), &memory));
	ML_TRY(ml_tokens_hash(ctx, tokens, memory));
	tokens->slots = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul((size_t) net->words.n + 1, sizeof(uint32_t)), &memory));
	net->word_map = memory;
	for (uint32_t i = 0; i < net->words.n; i++)
	{
		net->word_map[i] = ml_tokens_find(tokens, net->words.values[i]);
		if (i % 4096 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
check_feeds(ml_context *ctx, const ml_network_trainer *net)
{
	const ml_feeds *old = &net->from->feeds;

	if (old->tabular.ntexts > 0 && (old->pad != net->feeds.pad || old->max_length != net->feeds.max_length))
	{
		other(ctx, net, "texts have other lengths");
		return ml_detail(ctx, "It has \"max_length\" %u and \"pad\" %u.", old->max_length, old->pad);
	}
	for (int i = 0; i < old->nfeeds; i++)
	{
		const ml_feed *was = &old->feeds[i];
		const ml_feed *is = &net->feeds.feeds[i];

		if (was->kind == ML_FEED_SERIES && (old->steps[i] != net->feeds.steps[i] || old->pad != net->feeds.pad))
		{
			other(ctx, net, "series have other lengths");
			return ml_detail(ctx, "Of \"%.*s\" it looks at %u steps, \"pad\" is %u.", QUOTED(was->name), old->steps[i], old->pad);
		}
		if (was->height == is->height && was->width == is->width && was->channels == is->channels)
			continue;
		other(ctx, net, "images have another size");
		return ml_detail(ctx, "\"%.*s\" has %lld x %lld pixels with %lld channels there.", QUOTED(was->name), (long long) was->width,
						 (long long) was->height, (long long) was->channels);
	}
	return ML_OK;
}

/* Series have the channels that they had. */
static ml_status
check_channels(ml_context *ctx, const ml_network_trainer *net, uint32_t column, uint32_t channels)
{
	for (uint32_t i = 0; i < net->nseries; i++)
		if (net->series[i].column == column && net->series[i].channels > 0 && net->series[i].channels != channels)
		{
			other(ctx, net, "series have other channels");
			return ml_detail(ctx, "\"%.*s\" has %u there.", QUOTED(net->trainer->columns[column].name), channels);
		}
	return ML_OK;
}

ml_status
ml_network_adopt_columns(ml_context *ctx, ml_network_trainer *net)
{
	ml_feeds   *feeds = &net->feeds;
	uint32_t	n = net->from->head.tabular.ncolumns;
	ml_picture *pictures;
	const uint32_t *steps;
	uint32_t	npictures = 0;
	uint32_t	image;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(uint32_t)), &memory));
	net->kept_column = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_value)), &memory));
	net->inputs = memory;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(n, sizeof(ml_picture)), &memory));
	pictures = memory;
	for (uint32_t i = 0; i < n; i++)
	{
		ML_TRY(find_column(ctx, net, i, &net->kept_column[i], &image));
		if (net->trainer->columns[net->kept_column[i]].role == ML_ROLE_IMAGE)
			pictures[npictures++] = net->pictures[image];
		ML_TRY(check_channels(ctx, net, net->kept_column[i], net->from->head.tabular.columns[i].nterms));
	}
	net->nkept = n;
	feeds->tabular = net->from->head.tabular;
	ML_TRY(ml_arena_alloc(ctx, &net->fitted, ml_size_mul(feeds->tabular.nslots, sizeof(uint32_t)), &memory));
	feeds->tabular.slots = memory;
	ML_TRY(ml_tabular_hash(ctx, &feeds->tabular, memory));
	feeds->pad = (uint32_t) net->options->pad;
	feeds->max_length = ml_network_most_words(net);
	feeds->channels = net->from->feeds.channels;
	if (feeds->tabular.ntexts > 0)
		ML_TRY(map_words(ctx, net));
	ML_TRY(ml_network_series_steps(ctx, net, &steps));
	ML_TRY(ml_feeds_derive(ctx, feeds, pictures, steps));
	return check_feeds(ctx, net);
}

/* ---------- its weights ---------- */

static ml_status
set_value(ml_context *ctx, ml_network_trainer *net, const ml_safetensors *file, const ml_graph_value *value)
{
	ml_text		name = ml_graph_text(net->network.graph, value->name);
	const ml_tensor *tensor;
	uint64_t	dims[ML_MAX_DIMS];
	char		text[256];

	ml_print(text, sizeof(text), "%.*s", (int) name.size, name.data);
	for (int i = 0; i < value->shape.ndims; i++)
		dims[i] = (uint64_t) value->shape.dims[i];
	ML_TRY(ml_safetensors_require(ctx, file, text, ML_F32, value->shape.ndims, dims, &tensor));
	if (value->kind == ML_VALUE_PARAMETER)
		return ml_layout_store(ctx, value, ML_F32, net->parameters + value->offset, tensor->data);
	return ml_layout_store(ctx, value, ML_F32, (char *) net->states + value->offset, tensor->data);
}

static ml_status
set_values(ml_context *ctx, ml_network_trainer *net, const ml_safetensors *file)
{
	const ml_graph *graph = net->network.graph;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];

		if ((value->kind == ML_VALUE_PARAMETER || value->kind == ML_VALUE_STATE) && value->storage == i)
			ML_TRY(set_value(ctx, net, file, value));
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* ---------- is it the same course? ---------- */

/* 53 bits: what a double holds. */
static double
digest_of(uint64_t hash)
{
	return (double) (hash >> 11);
}

typedef struct row_digest
{
	uint64_t	hash;
	size_t		bytes;			/* since the last poll */
} row_digest;

static ml_status
add_row(ml_context *ctx, void *arg, const ml_example *example)
{
	row_digest *d = arg;
	const char *record = ml_example_record(example);
	const double numbers[] = {example->label, example->target, (double) example->weight};
	size_t		n;

	d->hash = ml_hash(numbers, sizeof(numbers), d->hash);
	for (size_t done = 0; done < example->size; done += n)
	{
		n = ML_MIN(example->size - done, POLL_BYTES);
		d->hash = ml_hash(record + done, n, d->hash);
		d->bytes += n;
		if (d->bytes < POLL_BYTES)
			continue;
		d->bytes = 0;
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Records have numbers of values as they appear: the values themselves. */
static ml_status
add_levels(ml_context *ctx, const ml_levels *levels, uint64_t *hash)
{
	for (uint32_t i = 0; i < levels->n; i++)
	{
		*hash = ml_hash(levels->values[i].data, levels->values[i].size, *hash);
		if (i % 4096 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
digest_rows(ml_context *ctx, ml_network_trainer *net)
{
	static const uint32_t parts[] = {UINT32_C(1) << ML_NETWORK_LEARN, UINT32_C(1) << ML_NETWORK_VALIDATE};
	row_digest	d = {.hash = net->trainer->ncolumns};

	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		d.hash = ml_hash_join(d.hash, ml_examples_count(net->examples, parts[i]));
		ML_TRY(ml_examples_each(ctx, net->examples, parts[i], add_row, &d));
	}
	ML_TRY(add_levels(ctx, &net->words, &d.hash));
	for (uint32_t i = 0; i < net->ncategories; i++)
		ML_TRY(add_levels(ctx, &net->levels[i], &d.hash));
	net->rows_digest = digest_of(d.hash);
	return ML_OK;
}

/* Once, before the first checkpoint that is written or gone on from. */
static ml_status
digest(ml_context *ctx, ml_network_trainer *net)
{
	const ml_options *options = &net->trainer->options;
	ml_text		optimizer = options->network.optimizer;
	uint64_t	hash = options->seed;

	if (net->digested)
		return ML_OK;
	net->digested = true;
	hash = ml_hash_join(hash, (uint64_t) options->batch_size << 2 | (uint64_t) options->shuffle << 1 |
						(options->network.precision == ML_PRECISION_BF16));
	hash = ml_hash(optimizer.data, optimizer.size, hash);
	if (net->class_weights != NULL)
		hash = ml_hash(net->class_weights, net->nclasses * sizeof(float), hash);
	/* which ends where the training does */
	if (net->settings.schedule.kind == ML_SCHEDULE_COSINE && net->settings.schedule.length == 0)
		hash = ml_hash_join(hash, (uint64_t) options->epochs);
	net->settings_digest = digest_of(hash);
	return digest_rows(ctx, net);
}

/* Neither is an error: a table gets more rows, and a training may be steered anew. */
static ml_status
tell_course(ml_context *ctx, ml_network_trainer *net, const ml_checkpoint *c)
{
	static const char *const names[] = {
		"rows, or their order, are not",
		"options that steer it (\"seed\", \"batch_size\", \"shuffle\", \"precision\", \"class_weight\", \"optimizer\", of a cosine \"epochs\") are not"
	};
	char		text[ML_TEXT_MAX];

	ML_TRY(digest(ctx, net));
	for (int i = 0; i < 2; i++)
	{
		if (c->numbers[ROWS + i] == (i == 0 ? net->rows_digest : net->settings_digest))
			continue;
		ml_print(text, sizeof(text), "%s those of version %d: training goes on, but not to the bits that it would have ended in without a break",
				 names[i], net->options->continue_from);
		ml_train_notice(ctx, text);
	}
	return ML_OK;
}

/* ---------- all that was learnt ---------- */

static ml_status
check_checkpoint(ml_context *ctx, const ml_network_trainer *net)
{
	const ml_checkpoint *c = &net->from->checkpoint;
	const ml_graph *was = net->from->network.graph;
	const ml_graph *is = net->network.graph;
	const char *name = ml_optimizer_name(&net->settings);

	if (c->epoch >= net->trainer->options.epochs)
	{
		other(ctx, net, "no epoch is left");
		ml_detail(ctx, "It has learnt for %d epochs, and \"epochs\" is %d.", c->epoch, net->trainer->options.epochs);
		return ml_hint(ctx, "Give more \"epochs\".");
	}
	if (!ml_text_equal(c->optimizer, (ml_text) {name, strlen(name)}) || c->nmoments != net->optimizer->nmoments)
	{
		other(ctx, net, "it has another optimizer");
		ml_detail(ctx, "It has \"%.*s\", the options \"%s\".", QUOTED(c->optimizer), name);
		return ml_hint(ctx, "Give the options that it was trained with; aiaas_network_spec() shows them.");
	}
	if (was->parameters != is->parameters || was->state_bytes != is->state_bytes)
		return ml_fail(ctx, ML_BAD_MODEL, "the checkpoint's vectors are not those of its layers");
	return ML_OK;
}

static ml_status
restore_history(ml_context *ctx, ml_network_trainer *net, const ml_checkpoint *c)
{
	void	   *memory = net->history;
	const char *from = c->history;

	ML_TRY(ml_grow(ctx, &memory, &net->history_capacity, c->nhistory, sizeof(ml_epoch)));
	net->history = memory;
	for (net->nhistory = 0; net->nhistory < c->nhistory; net->nhistory++)
	{
		double		e[ML_EPOCH_NUMBERS];

		memcpy(e, from + net->nhistory * sizeof(e), sizeof(e));
		net->history[net->nhistory] = (ml_epoch)
		{
			(int32_t) e[0], (int64_t) e[1], e[2], e[3], e[4], e[5], e[6], e[7]
		};
	}
	return ML_OK;
}

/* All that was learnt and counted. */
static ml_status
restore(ml_context *ctx, ml_network_trainer *net, const ml_checkpoint *c)
{
	size_t		size = net->network.graph->parameters * sizeof(float);

	ML_TRY(check_checkpoint(ctx, net));
	ML_TRY(tell_course(ctx, net, c));
	ML_TRY(ml_optimizer_load(ctx, net->optimizer, c->numbers + OPTIMIZER));
	for (int i = 0; i < c->nmoments; i++)
		ML_TRY(ml_copy(ctx, net->optimizer->moments[i], c->moments[i], size));
	ML_TRY(restore_history(ctx, net, c));
	net->epoch = c->epoch;
	net->step = (int64_t) c->numbers[STEP];
	if (net->optimizer->schedule.steps != (uint64_t) net->step || net->optimizer->schedule.epochs != (uint64_t) net->epoch)
		return ml_fail(ctx, ML_BAD_MODEL, "the checkpoint's optimizer made other steps than its network");
	net->last_better = net->epoch;
	/* validation may be new, or no longer asked for */
	if (net->nvalidation > 0 && c->best != NULL)
	{
		net->best_epoch = (int32_t) c->numbers[BEST_EPOCH];
		net->best_loss = c->numbers[BEST_LOSS];
		net->last_better = (int32_t) c->numbers[LAST_BETTER];
		ML_TRY(ml_copy(ctx, net->best, c->best, size));
		ML_TRY(ml_copy(ctx, net->best_states, c->best_states, net->network.graph->state_bytes));
	}
	/* what comes of it is what the options alone would have come to */
	net->trainer->options.network.continue_from = 0;
	return ML_OK;
}

ml_status
ml_network_restore(ml_context *ctx, ml_network_trainer *net)
{
	ml_text		bytes = net->trainer->start;
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_status	status = ml_safetensors_read(ctx, &arena, bytes.data, bytes.size, &file);

	if (status == ML_OK)
		status = set_values(ctx, net, &file);
	ml_arena_free(ctx, &arena);
	if (status == ML_OK && net->from != NULL && net->from->checkpoint.epoch > 0)
		status = restore(ctx, net, &net->from->checkpoint);
	return status;
}

/* ---------- checkpoints ---------- */

size_t
ml_network_checkpoint_size(const ml_network_trainer *net)
{
	const ml_graph *graph = net->network.graph;
	bool		best = net->nvalidation > 0;
	size_t		vectors = ml_size_mul(graph->parameters, (1 + best + ML_OPTIMIZER_MOMENTS) * sizeof(float));

	if (net->options->checkpoint == 0)
		return 0;
	/* states are copied once more, as people see them */
	vectors = ml_size_add(vectors, ml_size_mul(graph->state_bytes, 2 + best));
	return ml_size_add(vectors, ml_size_mul((size_t) ML_MIN(net->trainer->options.epochs, ML_HISTORY_MAX),
											2 * sizeof(ml_epoch)));
}

static ml_status
write_history(ml_context *ctx, const ml_network_trainer *net, ml_buffer *to, ml_checkpoint *c)
{
	size_t		first = net->nhistory > ML_HISTORY_MAX ? net->nhistory - ML_HISTORY_MAX : 0;

	for (size_t i = first; i < net->nhistory; i++)
	{
		const ml_epoch *e = &net->history[i];
		const double numbers[ML_EPOCH_NUMBERS] = {
			e->epoch, (double) e->step, e->learning_rate, e->seconds, e->loss, e->metric, e->validation_loss, e->validation_metric
		};

		ML_TRY(ml_append(ctx, to, (const char *) numbers, sizeof(numbers)));
	}
	c->nhistory = net->nhistory - first;
	c->history = to->data;
	return ML_OK;
}

static ml_status
write_checkpoint(ml_context *ctx, ml_network_trainer *net, ml_buffer *numbers, ml_buffer *stored)
{
	const char *name = ml_optimizer_name(&net->settings);
	ml_checkpoint c = {
		.epoch = net->epoch,
		.epochs = net->trainer->options.epochs,
		.optimizer = {name, strlen(name)},
		.numbers = {(double) net->step, net->best_epoch, net->best_loss, net->last_better, net->rows_digest, net->settings_digest},
		.nmoments = net->optimizer->nmoments
	};
	size_t		size = net->network.graph->parameters * sizeof(float);

	ml_optimizer_save(net->optimizer, c.numbers + OPTIMIZER);
	ML_TRY(write_history(ctx, net, numbers, &c));
	for (int i = 0; i < c.nmoments; i++)
		c.moments[i] = net->optimizer->moments[i];
	if (net->best_epoch > 0)
	{
		c.best = net->best;
		c.best_states = net->best_states;
	}
	ML_TRY(ml_train_network_store(ctx, net, &c, stored));
	/* gradients were room for that, and untouched rows of embeddings have none */
	return ml_zero(ctx, net->gradients, size);
}

ml_status
ml_network_checkpoint(ml_context *ctx, ml_network_trainer *net, ml_buffer *stored, ml_buffer *report)
{
	ml_buffer	numbers = {0};
	ml_status	status;

	if (!net->ready || net->epoch == 0)
		return ml_fail(ctx, ML_INTERNAL, "there is no epoch to store");
	ML_TRY(digest(ctx, net));
	ml_linear_progress(ctx, ML_PHASE_STORE, (int64_t) net->trainer->nrows, net->epoch, NAN);
	status = write_checkpoint(ctx, net, &numbers, stored);
	ml_buffer_free(ctx, &numbers);
	ML_TRY(status);
	return ml_network_report(ctx, net, report);
}
