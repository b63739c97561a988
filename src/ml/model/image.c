/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Stored bytes -> image: what all kinds have in common, and the head.
 *
 * Planning and building read the file in the same way; planning only counts.
 * Neither trusts the other's result: the bytes may differ between the calls.
 *
 *-------------------------------------------------------------------------
 */
#include "model/image.h"

#define CLEARED		((uint64_t) 16 << 20)	/* bytes cleared between two polls */

/* A file that was read, and the header of its image. */
typedef struct content
{
	ml_arena	arena;
	int			format;
	ml_stored	text;
	ml_table_file table;
	ml_network_file network;
	union
	{
		ml_image	head;
		ml_text_image text;
		ml_table_image table;
		ml_network_image network;
	}			header;
} content;

/* least: of a network, the size of its image without tables, unchanged if it has none. */
static ml_status
read_and_plan(ml_context *ctx, const void *bytes, size_t size, content *c, size_t *least)
{
	ml_safetensors file;

	memset(c, 0, sizeof(*c));
	ML_TRY(ml_stored_open(ctx, &c->arena, bytes, size, &file, &c->format));
	if (c->format == ML_FORMAT_TABLE)
	{
		ML_TRY(ml_stored_read_table(ctx, &c->arena, &file, &c->table));
		return ml_image_plan_table(ctx, &c->table, &c->header.table);
	}
	if (c->format == ML_FORMAT_NETWORK)
	{
		ML_TRY(ml_stored_read_network(ctx, &c->arena, &file, &c->network));
		ML_TRY(ml_graph_fold(ctx, c->network.network.graph, &c->network.folded));
		if (c->network.folded != NULL)
		{
			ML_TRY(ml_image_plan_network(ctx, &c->network, NULL, &c->header.network));
			*least = c->header.head.size;
		}
		return ml_image_plan_network(ctx, &c->network, c->network.folded, &c->header.network);
	}
	ML_TRY(ml_stored_read(ctx, &c->arena, &file, &c->text));
	return ml_image_plan_text(ctx, &c->text, &c->header.text);
}

static void
close_content(ml_context *ctx, content *c)
{
	ml_network_file_close(ctx, &c->network);
	ml_arena_free(ctx, &c->arena);
}

ml_status
ml_image_plan_sizes(ml_context *ctx, const void *stored, size_t size, size_t *image_size, size_t *least)
{
	content		c;
	size_t		bare = 0;
	ml_status	status = read_and_plan(ctx, stored, size, &c, &bare);

	close_content(ctx, &c);
	if (status != ML_OK)
		return status;
	*image_size = c.header.head.size;
	*least = bare > 0 ? bare : *image_size;
	return ML_OK;
}

ml_status
ml_image_plan(ml_context *ctx, const void *stored, size_t size, size_t *image_size)
{
	size_t		least;

	return ml_image_plan_sizes(ctx, stored, size, image_size, &least);
}

static ml_status
fill(ml_context *ctx, const content *c, void *image)
{
	if (c->format == ML_FORMAT_TABLE)
		return ml_image_fill_table(ctx, &c->table, &c->header.table, image);
	if (c->format == ML_FORMAT_NETWORK)
		return ml_image_fill_network(ctx, &c->network, &c->header.network, image);
	return ml_image_fill_text(ctx, &c->text, &c->header.text, image);
}

ml_status
ml_image_build(ml_context *ctx, const void *stored, size_t size, void *image, size_t image_size)
{
	content		c;
	size_t		bare = 0;
	ml_status	status = read_and_plan(ctx, stored, size, &c, &bare);

	if (status == ML_OK && image_size == bare)
		status = ml_image_plan_network(ctx, &c.network, NULL, &c.header.network);
	if (status == ML_OK && c.header.head.size != image_size)
		status = ml_fail(ctx, ML_INTERNAL, "an image of %llu bytes was planned with %zu",
						 (unsigned long long) c.header.head.size, image_size);
	if (status == ML_OK)
		status = fill(ctx, &c, image);
	close_content(ctx, &c);
	return status;
}

/* ---------- the head ---------- */

static bool
needs_time_zone(const ml_tabular *tabular)
{
	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		if (tabular->columns[i].type == ML_TYPE_TIMESTAMPTZ)
			return true;
	return false;
}

ml_image_names
ml_image_names_of(const ml_stored_head *head, ml_text unicode)
{
	const ml_tabular *tabular = &head->tabular;
	ml_image_names names = {
		.nlabels = head->nlabels, .labels = head->labels,
		.ncolumns = tabular->ncolumns, .columns = tabular->names, .kinds = tabular->columns
	};

	names.strings[ML_STRING_ALGORITHM] = head->algorithm;
	if (tabular->ntexts > 0)
		names.strings[ML_STRING_UNICODE] = unicode;
	if (needs_time_zone(tabular))
		names.strings[ML_STRING_TIME_ZONE] = tabular->time_zone;
	return names;
}

void
ml_image_plan_head(ml_image *head, int format, const ml_image_names *names, uint64_t *end)
{
	uint64_t	strings = 0;

	for (uint32_t i = 0; i < names->nlabels; i++)
		strings += names->labels[i].size;
	for (uint32_t i = 0; i < names->ncolumns; i++)
		strings += names->columns[i].size;
	for (int i = 0; i < ML_STRINGS; i++)
		strings += names->strings[i].size;
	head->magic = ML_IMAGE_MAGIC;
	head->layout = ML_PACK_LAYOUT;
	head->format = (uint32_t) format;
	head->ncolumns = names->ncolumns;
	head->nlabels = names->nlabels;
	head->kinds = ml_image_section(end, (uint64_t) names->ncolumns * sizeof(ml_image_kind));
	head->spans = ml_image_section(end, ((uint64_t) names->nlabels + names->ncolumns + ML_STRINGS) * sizeof(ml_span));
	head->strings = ml_image_section(end, strings);
	head->numbers = ml_image_section(end, (uint64_t) head->nscores * ML_IMAGE_NUMBERS * sizeof(double));
}

static void
put_string(ml_image *image, uint32_t i, uint32_t *used, ml_text text)
{
	ml_span    *spans = (ml_span *) ((char *) image + image->spans);
	char	   *strings = (char *) image + image->strings;

	spans[i] = (ml_span) {*used, text.data == NULL ? ML_NO_STRING : (uint32_t) text.size};
	if (text.size > 0)
		memcpy(strings + *used, text.data, text.size);
	*used += (uint32_t) text.size;
}

ml_status
ml_image_fill_head(ml_context *ctx, ml_image *image, const ml_image *header, size_t header_size,
				   const ml_image_names *names)
{
	ml_image_kind *kinds;
	uint32_t	used = 0;
	uint32_t	i = 0;

	/* what no section covers is zero, so that equal models are equal images */
	for (uint64_t at = 0; at < header->size; at += CLEARED)
	{
		memset((char *) image + at, 0, ML_MIN(header->size - at, CLEARED));
		ML_TRY(ml_poll(ctx));
	}
	memcpy(image, header, header_size);
	kinds = (ml_image_kind *) ((char *) image + image->kinds);
	for (uint32_t k = 0; k < names->nlabels; k++)
		put_string(image, i++, &used, names->labels[k]);
	for (uint32_t k = 0; k < names->ncolumns; k++)
	{
		const ml_tabular_column *column = names->kinds == NULL ? NULL : &names->kinds[k];

		put_string(image, i++, &used, names->columns[k]);
		kinds[k] = column == NULL ? (ml_image_kind) {ML_TYPE_TEXT, ML_ROLE_TEXT, 1} :
			(ml_image_kind) {column->type, column->role, column->type == ML_TYPE_ARRAY ? column->nterms : 1};
	}
	for (int k = 0; k < ML_STRINGS; k++)
		put_string(image, i++, &used, names->strings[k]);
	return ML_OK;
}

/* ---------- access ---------- */

static ml_text
string(const ml_image *image, uint32_t i)
{
	const ml_span *spans = ml_image_at(image, image->spans);

	if (spans[i].size == ML_NO_STRING)
		return (ml_text) {NULL, 0};
	return (ml_text) {(const char *) ml_image_at(image, image->strings) + spans[i].offset, spans[i].size};
}

ml_text
ml_image_string(const ml_image *image, int which)
{
	return string(image, image->nlabels + image->ncolumns + (uint32_t) which);
}

uint32_t
ml_image_nlabels(const ml_image *image)
{
	return image->nlabels;
}

ml_text
ml_image_label(const ml_image *image, uint32_t i)
{
	return string(image, i);
}

int64_t
ml_image_find_label(const ml_image *image, ml_text label)
{
	uint32_t	low = 0;
	uint32_t	high = image->nlabels;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;
		int			order = ml_text_compare(label, string(image, middle));

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

uint32_t
ml_image_ncolumns(const ml_image *image)
{
	return image->ncolumns;
}

ml_text
ml_image_column(const ml_image *image, uint32_t i)
{
	return string(image, image->nlabels + i);
}

static const ml_image_kind *
kind_of(const ml_image *image, uint32_t i)
{
	return (const ml_image_kind *) ml_image_at(image, image->kinds) + i;
}

ml_type
ml_image_column_type(const ml_image *image, uint32_t i)
{
	return (ml_type) kind_of(image, i)->type;
}

ml_role
ml_image_column_role(const ml_image *image, uint32_t i)
{
	return (ml_role) kind_of(image, i)->role;
}

uint32_t
ml_image_column_size(const ml_image *image, uint32_t i)
{
	return kind_of(image, i)->size;
}

ml_text
ml_image_unicode(const ml_image *image)
{
	return ml_image_string(image, ML_STRING_UNICODE);
}

ml_text
ml_image_time_zone(const ml_image *image)
{
	return ml_image_string(image, ML_STRING_TIME_ZONE);
}

ml_text
ml_image_algorithm(const ml_image *image)
{
	return ml_image_string(image, ML_STRING_ALGORITHM);
}

ml_task
ml_image_task(const ml_image *image)
{
	return (ml_task) image->task;
}

uint32_t
ml_image_positive(const ml_image *image)
{
	return image->positive;
}
