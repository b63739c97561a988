/*-------------------------------------------------------------------------
 *
 * stored_network_read.c
 *	  Reading the stored layout of a network, trusting nothing.
 *
 * The graph is checked by who reads it (graph/graph_json.c), its inputs and
 * output by who binds it (graph/network.c), here the columns, the words and that
 * every parameter is there in its size.
 *
 *-------------------------------------------------------------------------
 */
#include "model/stored.h"
#include "model/stored_network.h"

#include <math.h>

typedef struct reader
{
	ml_context *ctx;
	ml_stored_reader parts;
	ml_network_file *file;
	ml_picture *pictures;
	uint32_t	npictures;
	uint32_t   *steps;
	uint32_t	nseries;
} reader;

static ml_status
bad_member(reader *r, const char *name)
{
	return ml_fail(r->ctx, ML_BAD_MODEL, "the feeds' \"%s\" is missing or out of range", name);
}

static ml_status
read_output(reader *r, const ml_json *root)
{
	const ml_json *node = ml_json_get(root, "output");
	size_t		i = 0;

	while (i < ML_OUTPUT_KINDS && (node == NULL || node->kind != ML_JSON_STRING ||
								   !ml_text_equal(node->string, (ml_text) {ml_output_names[i], strlen(ml_output_names[i])})))
		i++;
	if (i == ML_OUTPUT_KINDS || (i == ML_OUTPUT_NUMBERS) != (r->file->head.task == ML_REGRESSION))
		return bad_member(r, "output");
	r->file->network.output_kind = (ml_output) i;
	return ML_OK;
}

static ml_status
read_lengths(reader *r, const ml_json *root)
{
	const ml_json *unicode = ml_json_get(root, "unicode");
	int64_t		max_length;

	if (!ml_json_integer(ml_json_get(root, "max_length"), 1, ML_TOKENS_LENGTH, &max_length))
		return bad_member(r, "max_length");
	if (unicode == NULL || unicode->kind != ML_JSON_STRING || unicode->string.size > 15)
		return bad_member(r, "unicode");
	r->file->feeds.max_length = (uint32_t) max_length;
	return ml_arena_copy(r->ctx, r->parts.arena, unicode->string, &r->file->unicode);
}

static ml_status
read_pictures(reader *r, const ml_json *root)
{
	const ml_json *node = ml_json_get(root, "images");
	void	   *memory;

	if (node == NULL || node->kind != ML_JSON_ARRAY || node->count != r->npictures)
		return bad_member(r, "images");
	ML_TRY(ml_arena_alloc(r->ctx, r->parts.arena, ml_size_mul(r->npictures, sizeof(ml_picture)), &memory));
	r->pictures = memory;
	r->npictures = 0;
	for (const ml_json *image = node->first; image != NULL; image = image->next)
	{
		int64_t		side[3];

		if (image->kind != ML_JSON_ARRAY || image->count != 3 ||
			!ml_json_integer(image->first, 1, ML_SIDE_MAX, &side[0]) ||
			!ml_json_integer(image->first->next, 1, ML_SIDE_MAX, &side[1]) ||
			!ml_json_integer(image->first->next->next, 1, 3, &side[2]) || side[2] == 2)
			return bad_member(r, "images");
		r->pictures[r->npictures++] = (ml_picture) {(uint32_t) side[0], (uint32_t) side[1], (uint32_t) side[2]};
	}
	return ML_OK;
}

static ml_status
read_pad(reader *r, const ml_json *root)
{
	int64_t		pad;

	if (!ml_json_integer(ml_json_get(root, "pad"), 0, ML_TOKENS_LENGTH, &pad))
		return bad_member(r, "pad");
	r->file->feeds.pad = (uint32_t) pad;
	return ML_OK;
}

static ml_status
read_series(reader *r, const ml_json *root)
{
	const ml_json *node = ml_json_get(root, "series");
	ml_feeds   *feeds = &r->file->feeds;
	uint32_t	nchannels = r->file->head.tabular.nchannels;
	const ml_tensor *scaling;
	void	   *memory;

	if (node == NULL || node->kind != ML_JSON_ARRAY || node->count != r->nseries)
		return bad_member(r, "series");
	ML_TRY(ml_arena_alloc(r->ctx, r->parts.arena, ml_size_mul(r->nseries, sizeof(uint32_t)), &memory));
	r->steps = memory;
	r->nseries = 0;
	for (const ml_json *steps = node->first; steps != NULL; steps = steps->next)
	{
		int64_t		most;

		if (!ml_json_integer(steps, 1, ML_SERIES_STEPS, &most) || (feeds->pad > 0 && most != feeds->pad))
			return bad_member(r, "series");
		r->steps[r->nseries++] = (uint32_t) most;
	}
	ML_TRY(ml_stored_get_matrix(&r->parts, "series_scaling", ML_F64, nchannels, 2, &scaling));
	ML_TRY(ml_stored_finite(&r->parts, scaling));
	for (uint32_t i = 0; i < nchannels; i++)
		if (!(ml_double_at(scaling, 2 * (size_t) i + 1) > 0))
			return ml_stored_out_of_range(&r->parts, scaling, 2 * (size_t) i + 1);
	return ml_stored_copy(&r->parts, scaling, &feeds->channels);
}

static ml_status
read_words(reader *r)
{
	ml_tokens  *tokens = &r->file->feeds.tokens;
	const ml_tensor *ends;
	const ml_tensor *words;

	ML_TRY(ml_stored_get_vector(&r->parts, "word_end", ML_U64, UINT64_MAX, &ends));
	ML_TRY(ml_stored_get_vector(&r->parts, "words", ML_U8, UINT64_MAX, &words));
	if (ends->dims[0] == 0 || ends->dims[0] > ML_TOKENS_MAX)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the vocabulary has %llu words", (unsigned long long) ends->dims[0]);
	tokens->n = (uint32_t) ends->dims[0];
	tokens->nslots = ml_tokens_nslots(tokens->n);
	ML_TRY(ml_stored_copy(&r->parts, ends, &tokens->ends));
	tokens->bytes = words->data;
	r->file->words_size = (size_t) words->dims[0];
	if (r->file->words_size > 0 && memchr(tokens->bytes, '\0', r->file->words_size) != NULL)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a word of the vocabulary has a NUL in it");
	return ml_tokens_check(r->ctx, tokens, r->file->words_size);
}

static ml_status
read_feeds(reader *r)
{
	ml_network_file *file = r->file;
	const ml_tabular *tabular = &file->head.tabular;
	const ml_json *root;
	ml_text		json;
	uint32_t	expected = 1;

	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		r->npictures += tabular->columns[i].role == ML_ROLE_IMAGE;
		r->nseries += tabular->columns[i].role == ML_ROLE_SERIES;
	}
	ML_TRY(ml_stored_get(&r->parts, "feeds", &json));
	ML_TRY(ml_json_parse(r->ctx, r->parts.arena, json, ML_BAD_MODEL, &root));
	ML_TRY(read_output(r, root));
	if (tabular->ntexts > 0)
	{
		expected += 2;
		ML_TRY(read_lengths(r, root));
		ML_TRY(read_words(r));
	}
	if (tabular->ntexts > 0 || r->nseries > 0)
	{
		expected++;
		ML_TRY(read_pad(r, root));
	}
	if (r->npictures > 0)
	{
		expected++;
		ML_TRY(read_pictures(r, root));
	}
	if (r->nseries > 0)
	{
		expected++;
		ML_TRY(read_series(r, root));
	}
	if (root->count != expected)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the feeds have members that do not belong to them");
	file->feeds.tabular = *tabular;
	if (ml_feeds_derive(r->ctx, &file->feeds, r->pictures, r->steps) != ML_OK)
		return ml_fail(r->ctx, ML_BAD_MODEL, "the columns make more numbers or feeds than a network takes");
	return ML_OK;
}

static ml_status
read_value(reader *r, const ml_graph *graph, const ml_graph_value *value, const ml_tensor **tensor)
{
	ml_text		name = ml_graph_text(graph, value->name);
	uint64_t	dims[ML_MAX_DIMS];
	char		text[256];

	if (name.size == 0 || name.size >= sizeof(text) || memchr(name.data, '\0', name.size) != NULL)
		return ml_fail(r->ctx, ML_BAD_MODEL, "a parameter has a name of %zu bytes, or one with a NUL in it", name.size);
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	/* what ml_network_file_load writes into room that the graph counted */
	if (value->shape.dtype != ML_F32)
		return ml_fail(r->ctx, ML_BAD_MODEL, "parameter \"%s\" is not of F32", text);
	for (int i = 0; i < value->shape.ndims; i++)
	{
		if (value->shape.dims[i] < 0)
			return ml_fail(r->ctx, ML_BAD_MODEL, "parameter \"%s\" has a size that is not known", text);
		dims[i] = (uint64_t) value->shape.dims[i];
	}
	r->parts.ntensors++;
	ML_TRY(ml_safetensors_require(r->ctx, r->parts.from, text, ML_F32, value->shape.ndims, dims, tensor));
	return ml_stored_finite(&r->parts, *tensor);
}

static ml_status
read_values(reader *r)
{
	const ml_graph *graph = r->file->network.graph;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(r->ctx, r->parts.arena, ml_size_mul((size_t) graph->nvalues, sizeof(ml_tensor *)), &memory));
	r->file->tensors = memory;
	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];

		if ((value->kind == ML_VALUE_PARAMETER || value->kind == ML_VALUE_STATE) && value->storage == i)
			ML_TRY(read_value(r, graph, value, &r->file->tensors[i]));
	}
	return ML_OK;
}

/* ---------- checkpoints ---------- */

static ml_status
bad_checkpoint(reader *r, const char *what)
{
	return ml_fail(r->ctx, ML_BAD_MODEL, "the checkpoint's %s is missing or out of range", what);
}

/* A vector of finite numbers, n of them. */
static ml_status
read_floats(reader *r, const char *name, size_t n, const void **vector)
{
	const ml_tensor *tensor;

	ML_TRY(ml_stored_get_vector(&r->parts, name, ML_F32, n, &tensor));
	ML_TRY(ml_stored_finite(&r->parts, tensor));
	*vector = tensor->data;
	return ML_OK;
}

static ml_status
read_numbers(reader *r, ml_checkpoint *c)
{
	const ml_tensor *numbers;
	const ml_tensor *history;

	ML_TRY(ml_stored_get_vector(&r->parts, "checkpoint.numbers", ML_F64, ML_CHECKPOINT_NUMBERS, &numbers));
	memcpy(c->numbers, numbers->data, sizeof(c->numbers));
	/* counters are whole; the digests may be any */
	if (c->numbers[0] != floor(c->numbers[0]) || c->numbers[1] != floor(c->numbers[1]) || c->numbers[3] != floor(c->numbers[3]))
		return bad_checkpoint(r, "state");
	if (!(c->numbers[0] >= 0 && c->numbers[0] <= 9007199254740992.0) || !(c->numbers[1] >= 0 && c->numbers[1] <= c->epoch) ||
		isnan(c->numbers[2]) || !(c->numbers[3] >= 0 && c->numbers[3] <= c->epoch) || !isfinite(c->numbers[4]) || !isfinite(c->numbers[5]))
		return bad_checkpoint(r, "state");
	ML_TRY(ml_stored_get_matrix(&r->parts, "checkpoint.history", ML_F64, UINT64_MAX, ML_EPOCH_NUMBERS, &history));
	if (history->dims[0] == 0 || history->dims[0] > (uint64_t) c->epoch)
		return bad_checkpoint(r, "history");
	c->nhistory = (size_t) history->dims[0];
	c->history = history->data;
	for (size_t i = 0; i < c->nhistory; i++)
	{
		double		epoch = ml_double_at(history, i * ML_EPOCH_NUMBERS);
		double		step = ml_double_at(history, i * ML_EPOCH_NUMBERS + 1);

		if (epoch != (double) c->epoch - (double) (c->nhistory - 1 - i) || !(step >= 0 && step <= c->numbers[0]))
			return bad_checkpoint(r, "history");
	}
	return ML_OK;
}

static ml_status
read_checkpoint(reader *r)
{
	ml_checkpoint *c = &r->file->checkpoint;
	const ml_graph *graph = r->file->network.graph;
	const ml_json *root;
	const ml_json *optimizer;
	ml_text		json;
	int64_t		epoch;
	int64_t		epochs;
	int64_t		nmoments;

	if (ml_safetensors_metadata(r->parts.from, "checkpoint").data == NULL)
		return ML_OK;
	ML_TRY(ml_stored_get(&r->parts, "checkpoint", &json));
	ML_TRY(ml_json_parse(r->ctx, r->parts.arena, json, ML_BAD_MODEL, &root));
	optimizer = ml_json_get(root, "optimizer");
	if (root->count != 4 || !ml_json_integer(ml_json_get(root, "epochs"), 1, INT32_MAX, &epochs) ||
		!ml_json_integer(ml_json_get(root, "epoch"), 1, epochs, &epoch))
		return bad_checkpoint(r, "epoch");
	if (optimizer == NULL || optimizer->kind != ML_JSON_STRING || optimizer->string.size > 63 ||
		!ml_json_integer(ml_json_get(root, "moments"), 0, ML_OPTIMIZER_MOMENTS, &nmoments))
		return bad_checkpoint(r, "optimizer");
	c->epoch = (int32_t) epoch;
	c->epochs = (int32_t) epochs;
	c->nmoments = (int) nmoments;
	ML_TRY(ml_arena_copy(r->ctx, r->parts.arena, optimizer->string, &c->optimizer));
	ML_TRY(read_numbers(r, c));
	for (int i = 0; i < c->nmoments; i++)
		ML_TRY(read_floats(r, ml_moment_names[i], graph->parameters, &c->moments[i]));
	if (c->numbers[1] == 0)
		return ML_OK;
	ML_TRY(read_floats(r, "checkpoint.best", graph->parameters, &c->best));
	return read_floats(r, "checkpoint.best_states", graph->state_bytes / sizeof(float), &c->best_states);
}

/* What is an option's fault in a training is here the file's. */
static ml_status
as_model(reader *r, ml_status status)
{
	if (status == ML_BAD_OPTION || status == ML_UNSUPPORTED)
		r->ctx->error.status = status = ML_BAD_MODEL;
	return status;
}

static ml_status
read_graph(reader *r)
{
	ml_network_file *file = r->file;
	ml_output	kind = file->network.output_kind;
	int32_t		outputs = file->head.task == ML_REGRESSION ? 1 : (int32_t) file->head.nlabels;

	ML_TRY(ml_stored_get(&r->parts, "graph", &file->graph_json));
	ML_TRY(ml_graph_read(r->ctx, file->graph_json, &file->network.graph));
	ML_TRY(as_model(r, ml_network_attach(r->ctx, file->network.graph, file->feeds.nfeeds, file->feeds.feeds, &file->network)));
	file->network.output_kind = kind;
	if (file->network.outputs != outputs && !(file->network.outputs == 1 && outputs == 2))
		return ml_fail(r->ctx, ML_BAD_MODEL, "the network has %d outputs for %d labels", file->network.outputs, outputs);
	ML_TRY(read_values(r));
	ML_TRY(read_checkpoint(r));
	return as_model(r, ml_graph_finish(r->ctx, file->network.graph));
}

ml_status
ml_stored_read_network(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_network_file *file)
{
	reader		r = {.ctx = ctx, .parts = {.ctx = ctx, .arena = arena, .from = from}, .file = file};

	memset(file, 0, sizeof(*file));
	ML_TRY(ml_stored_get_task(&r.parts, &file->head));
	ML_TRY(ml_stored_get_tabular(&r.parts, &file->head));
	ML_TRY(ml_stored_get_labels(&r.parts, &file->head));
	ML_TRY(ml_stored_get(&r.parts, "layers", &file->layers_json));
	ML_TRY(read_feeds(&r));
	ML_TRY(read_graph(&r));
	return ml_stored_check_counts(&r.parts);
}

void
ml_network_file_close(ml_context *ctx, ml_network_file *file)
{
	ml_graph_close(ctx, file->folded);
	ml_graph_close(ctx, file->network.graph);
	file->folded = file->network.graph = NULL;
}

ml_status
ml_network_file_load(ml_context *ctx, const ml_network_file *file, void *parameters, void *states)
{
	const ml_graph *graph = file->network.graph;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];

		/* what fusing added has no tensor */
		if ((value->kind != ML_VALUE_PARAMETER && value->kind != ML_VALUE_STATE) || file->tensors[i] == NULL)
			continue;
		if (value->kind == ML_VALUE_PARAMETER)
			ML_TRY(ml_layout_store(ctx, value, ML_F32, (float *) parameters + value->offset, file->tensors[i]->data));
		else
			ML_TRY(ml_layout_store(ctx, value, ML_F32, (char *) states + value->offset, file->tensors[i]->data));
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
describe(ml_context *ctx, const ml_network_file *file, ml_buffer *json)
{
	ML_TRY(ml_stored_describe_head(ctx, ML_FORMAT_NETWORK, &file->head, json));
	ML_TRY(ml_appendf(ctx, json, ",\"parameters\":%lld,\"layers\":", (long long) ml_network_parameters(&file->network)));
	ML_TRY(ml_append(ctx, json, file->layers_json.data, file->layers_json.size));
	ML_TRY(ml_appendf(ctx, json, ",\"table\":"));
	ML_TRY(ml_append(ctx, json, file->head.table_json.data, file->head.table_json.size));
	if (file->unicode.size > 0)
	{
		ML_TRY(ml_appendf(ctx, json, ",\"vocabulary\":%u,\"unicode\":", file->feeds.tokens.n));
		ML_TRY(ml_json_quote(ctx, json, file->unicode));
	}
	if (file->checkpoint.epoch > 0)
		ML_TRY(ml_appendf(ctx, json, ",\"checkpoint\":{\"epoch\":%d,\"epochs\":%d}", file->checkpoint.epoch,
						  file->checkpoint.epochs));
	return ml_append(ctx, json, "}", 1);
}

ml_status
ml_stored_describe_network(ml_context *ctx, ml_arena *arena, const ml_safetensors *from, ml_buffer *json)
{
	ml_network_file file;
	ml_status	status = ml_stored_read_network(ctx, arena, from, &file);

	if (status == ML_OK)
		status = describe(ctx, &file, json);
	ml_network_file_close(ctx, &file);
	return status;
}
