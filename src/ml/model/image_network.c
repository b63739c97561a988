/*-------------------------------------------------------------------------
 *
 * image_network.c
 *	  Images of networks: the graph, its parameters in the layouts of this
 *	  machine's kernels, the recipe of the feeds.
 *
 *-------------------------------------------------------------------------
 */
#include "model/image.h"

/* Of its products: where they are not, tables made with the other kind have other last bits. */
static bool
is_fused(const ml_kernel *kernel)
{
	return kernel->level != ML_LEVEL_REF;
}

/* A graph without its arrays. */
static void
plan_graph(const ml_graph *from, ml_graph *graph)
{
	memcpy(graph, from, sizeof(ml_graph));
	memset(&graph->arena, 0, sizeof(graph->arena));
	graph->values = NULL;
	graph->nodes = NULL;
	graph->operands = NULL;
	graph->layers = NULL;
	graph->nlayers = 0;
	graph->gradients = NULL;
	graph->constants = NULL;
	graph->strings = NULL;
	graph->values_capacity = graph->nodes_capacity = graph->operands_capacity = 0;
	graph->layers_capacity = graph->constants_capacity = graph->strings_capacity = 0;
}

/* What is left of feeds and network without their arrays. */
static void
plan_numbers(const ml_network_file *file, ml_network_image *image)
{
	ml_feeds   *feeds = &image->feeds;

	memcpy(feeds, &file->feeds, sizeof(ml_feeds));
	feeds->tabular.names = NULL;
	feeds->tabular.time_zone = (ml_text) {NULL, 0};
	feeds->tabular.columns = NULL;
	feeds->tabular.scaling = NULL;
	feeds->tabular.level_end = NULL;
	feeds->tabular.levels = NULL;
	feeds->tabular.slots = NULL;
	feeds->channels = NULL;
	feeds->tokens.ends = NULL;
	feeds->tokens.bytes = NULL;
	feeds->tokens.slots = NULL;
	for (int i = 0; i < feeds->nfeeds; i++)
		feeds->feeds[i].name = (ml_text) {NULL, 0};
	memcpy(&image->network, &file->network, sizeof(ml_network));
	image->network.graph = NULL;
	plan_graph(file->network.graph, &image->graph);
}

ml_status
ml_image_plan_network(ml_context *ctx, const ml_network_file *file, const ml_graph *folded, ml_network_image *image)
{
	const ml_tabular *tabular = &file->head.tabular;
	const ml_tokens *tokens = &file->feeds.tokens;
	const ml_graph *graph = file->network.graph;
	ml_image_names names = ml_image_names_of(&file->head, file->unicode);
	ml_image   *head = &image->head;
	uint64_t	end = sizeof(ml_network_image);

	/* the padding between members must have the same bytes in every image */
	memset(image, 0, sizeof(*image));
	head->task = file->head.task;
	head->nscores = file->head.nscores;
	head->positive = file->head.positive;
	head->ntexts = tabular->ntexts;
	plan_numbers(file, image);
	ml_image_plan_head(head, ML_FORMAT_NETWORK, &names, &end);
	image->columns = ml_image_section_of(&end, tabular->ncolumns, sizeof(ml_tabular_column));
	image->scaling = ml_image_section_of(&end, tabular->ndense, sizeof(ml_scaling));
	image->level_end = ml_image_section_of(&end, tabular->nlevels, sizeof(uint64_t));
	image->levels = ml_image_section_of(&end, file->head.levels_size, 1);
	image->slots = ml_image_section_of(&end, tabular->nslots, sizeof(uint32_t));
	image->channels = ml_image_section_of(&end, tabular->nchannels, sizeof(ml_channel));
	image->word_ends = ml_image_section_of(&end, tokens->n, sizeof(uint64_t));
	image->words = ml_image_section_of(&end, file->words_size, 1);
	image->word_slots = ml_image_section_of(&end, tokens->nslots, sizeof(uint32_t));
	image->values = ml_image_section_of(&end, (uint64_t) graph->nvalues, sizeof(ml_graph_value));
	image->nodes = ml_image_section_of(&end, (uint64_t) graph->nnodes, sizeof(ml_graph_node));
	image->operands = ml_image_section_of(&end, graph->noperands, sizeof(int32_t));
	image->constants = ml_image_section_of(&end, graph->constant_bytes, 1);
	image->graph_strings = ml_image_section_of(&end, graph->string_bytes, 1);
	image->parameters = ml_image_section_of(&end, folded != NULL ? folded->parameters : graph->parameters, sizeof(float));
	if (folded != NULL)
	{
		plan_graph(folded, &image->folded);
		image->folded_values = ml_image_section_of(&end, (uint64_t) folded->nvalues, sizeof(ml_graph_value));
		image->folded_nodes = ml_image_section_of(&end, (uint64_t) folded->nnodes, sizeof(ml_graph_node));
		image->folded_operands = ml_image_section_of(&end, folded->noperands, sizeof(int32_t));
		image->folded_fused = is_fused(ml_kernel_select(ML_LEVEL_AUTO));
	}
	image->states = ml_image_section_of(&end, graph->state_bytes, 1);
	image->layers = ml_image_section_of(&end, file->layers_json.size, 1);
	image->layers_size = file->layers_json.size;
	head->size = ml_size_align(end, ML_ALIGN);
	return head->size == SIZE_MAX ? ml_no_memory(ctx, SIZE_MAX) : ML_OK;
}

static void *
place(ml_network_image *image, uint64_t offset)
{
	return (char *) image + offset;
}

static void
copy(ml_network_image *image, uint64_t offset, const void *from, size_t n, size_t width)
{
	if (n > 0)
		memcpy(place(image, offset), from, n * width);
}

static ml_status
fill_feeds(ml_context *ctx, const ml_network_file *file, ml_network_image *image)
{
	const ml_tabular *tabular = &file->head.tabular;
	const ml_tokens *tokens = &file->feeds.tokens;

	copy(image, image->columns, tabular->columns, tabular->ncolumns, sizeof(ml_tabular_column));
	copy(image, image->scaling, tabular->scaling, tabular->ndense, sizeof(ml_scaling));
	copy(image, image->level_end, tabular->level_end, tabular->nlevels, sizeof(uint64_t));
	copy(image, image->levels, tabular->levels, file->head.levels_size, 1);
	ML_TRY(ml_tabular_hash(ctx, tabular, place(image, image->slots)));
	copy(image, image->channels, file->feeds.channels, tabular->nchannels, sizeof(ml_channel));
	if (tokens->n == 0)
		return ML_OK;
	copy(image, image->word_ends, tokens->ends, tokens->n, sizeof(uint64_t));
	copy(image, image->words, tokens->bytes, file->words_size, 1);
	return ml_tokens_hash(ctx, tokens, place(image, image->word_slots));
}

/* The folded graph and its tables. */
static ml_status
fill_folded(ml_context *ctx, const ml_network_file *file, ml_network_image *image)
{
	const ml_graph *folded = file->folded;

	copy(image, image->folded_values, folded->values, (size_t) folded->nvalues, sizeof(ml_graph_value));
	copy(image, image->folded_nodes, folded->nodes, (size_t) folded->nnodes, sizeof(ml_graph_node));
	copy(image, image->folded_operands, folded->operands, folded->noperands, sizeof(int32_t));
	return ml_graph_fold_tables(ctx, ml_kernel_select(ML_LEVEL_AUTO), file->network.graph, folded,
								place(image, image->parameters));
}

ml_status
ml_image_fill_network(ml_context *ctx, const ml_network_file *file, const ml_network_image *header,
					  ml_network_image *image)
{
	const ml_graph *graph = file->network.graph;
	ml_image_names names = ml_image_names_of(&file->head, file->unicode);

	ML_TRY(ml_image_fill_head(ctx, &image->head, &header->head, sizeof(*header), &names));
	ML_TRY(fill_feeds(ctx, file, image));
	copy(image, image->values, graph->values, (size_t) graph->nvalues, sizeof(ml_graph_value));
	copy(image, image->nodes, graph->nodes, (size_t) graph->nnodes, sizeof(ml_graph_node));
	copy(image, image->operands, graph->operands, graph->noperands, sizeof(int32_t));
	copy(image, image->constants, graph->constants, graph->constant_bytes, 1);
	copy(image, image->graph_strings, graph->strings, graph->string_bytes, 1);
	copy(image, image->layers, file->layers_json.data, file->layers_json.size, 1);
	ML_TRY(ml_network_file_load(ctx, file, place(image, image->parameters), place(image, image->states)));
	return image->folded.nvalues == 0 ? ML_OK : fill_folded(ctx, file, image);
}

/* ---------- views ---------- */

void
ml_image_network(const ml_network_image *image, ml_text *names, ml_feeds *feeds, ml_graph *graph,
				 ml_network *network)
{
	const ml_image *head = &image->head;

	for (uint32_t i = 0; i < head->ncolumns; i++)
		names[i] = ml_image_column(head, i);
	*feeds = image->feeds;
	feeds->tabular.names = names;
	feeds->tabular.time_zone = ml_image_time_zone(head);
	feeds->tabular.columns = ml_image_at(head, image->columns);
	feeds->tabular.scaling = ml_image_at(head, image->scaling);
	feeds->tabular.level_end = ml_image_at(head, image->level_end);
	feeds->tabular.levels = ml_image_at(head, image->levels);
	feeds->tabular.slots = ml_image_at(head, image->slots);
	feeds->channels = ml_image_at(head, image->channels);
	feeds->tokens.ends = ml_image_at(head, image->word_ends);
	feeds->tokens.bytes = ml_image_at(head, image->words);
	feeds->tokens.slots = ml_image_at(head, image->word_slots);
	for (int i = 0; i < feeds->nfeeds; i++)
		if (feeds->feeds[i].kind == ML_FEED_NUMBERS)
			feeds->feeds[i].name = ML_TEXT("numbers");
		else
			feeds->feeds[i].name = names[feeds->column[i]];
	*graph = image->graph;
	graph->values = (ml_graph_value *) (uintptr_t) ml_image_at(head, image->values);
	graph->nodes = (ml_graph_node *) (uintptr_t) ml_image_at(head, image->nodes);
	graph->operands = (int32_t *) (uintptr_t) ml_image_at(head, image->operands);
	graph->constants = (uint8_t *) (uintptr_t) ml_image_at(head, image->constants);
	graph->strings = (char *) (uintptr_t) ml_image_at(head, image->graph_strings);
	*network = image->network;
	network->graph = graph;
}

bool
ml_image_folded(const ml_network_image *image, const ml_graph *graph, const ml_kernel *kernel, ml_graph *folded)
{
	const ml_image *head = &image->head;

	if (image->folded.nvalues == 0 || is_fused(kernel) != (image->folded_fused != 0))
		return false;
	*folded = image->folded;
	folded->values = (ml_graph_value *) (uintptr_t) ml_image_at(head, image->folded_values);
	folded->nodes = (ml_graph_node *) (uintptr_t) ml_image_at(head, image->folded_nodes);
	folded->operands = (int32_t *) (uintptr_t) ml_image_at(head, image->folded_operands);
	folded->constants = graph->constants;
	folded->strings = graph->strings;
	return true;
}

/* ---------- what it is ---------- */

static ml_status
want_network(ml_context *ctx, const ml_image *head)
{
	if (head->format == ML_FORMAT_NETWORK)
		return ML_OK;
	ml_fail(ctx, ML_UNSUPPORTED, "the model is no network");
	return ml_hint(ctx, "Train one by algorithm => 'network'.");
}

ml_status
ml_image_summarize(ml_context *ctx, ml_arena *arena, const ml_image *head, const ml_layer_summary **rows, size_t *n)
{
	const ml_network_image *image = (const ml_network_image *) head;
	ml_network_task task;
	ml_network	network;
	ml_graph	graph;
	ml_feeds	feeds;
	void	   *names;

	ML_TRY(want_network(ctx, head));
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(head->ncolumns, sizeof(ml_text)), &names));
	ml_image_network(image, names, &feeds, &graph, &network);
	task = (ml_network_task)
	{
		.classification = head->task == ML_CLASSIFICATION, .nlabels = head->nlabels, .nfeeds = feeds.nfeeds,
		.feeds = feeds.feeds, .dtype = ML_F32
	};
	return ml_network_summarize(ctx, arena, (ml_text) {ml_image_at(head, image->layers), (size_t) image->layers_size},
								&task, rows, n);
}

ml_status
ml_image_words(ml_context *ctx, const ml_image *head, uint32_t *n)
{
	const ml_network_image *image = (const ml_network_image *) head;

	ML_TRY(want_network(ctx, head));
	*n = image->feeds.tokens.n == 0 ? 0 : image->feeds.tokens.n + ML_TOKEN_FIRST;
	return ML_OK;
}

ml_text
ml_image_word(const ml_image *head, uint32_t number)
{
	const ml_network_image *image = (const ml_network_image *) head;
	ml_tokens	tokens = image->feeds.tokens;

	if (number < ML_TOKEN_FIRST)
		return number == ML_TOKEN_PADDING ? ML_TEXT("(padding)") : ML_TEXT("(unknown)");
	tokens.ends = ml_image_at(head, image->word_ends);
	tokens.bytes = ml_image_at(head, image->words);
	return ml_tokens_word(&tokens, number);
}
