/*-------------------------------------------------------------------------
 *
 * design.c
 *	  Rows as they are read: stored in raw blocks, looked at, summed up.
 *
 * A raw block holds numbers column by column, levels as numbers in order of
 * first appearance, and what comes with a row.  Texts are hashed at once and
 * kept by an inner ml_rows, which indexes and weighs them as those of a text
 * classifier; it keeps some bytes of each row in memory, the design none.
 *
 * Blocks beyond the limit are appended to the spill file and read back one at
 * a time.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

#include <math.h>

#define BLOCK_BYTES		((size_t) 256 << 10)
#define STRIDE_MIN		64
#define STRIDE_MAX		1024

/* ---------- opening ---------- */

static ml_status
open_texts(ml_context *ctx, ml_design *design, const ml_recipe *recipe, double piece_weight, size_t memory)
{
	if (design->ntexts == 0)
		return ML_OK;
	if (recipe == NULL || recipe->ncolumns != design->ntexts)
		return ml_fail(ctx, ML_INTERNAL, "texts need a recipe of their columns");
	ML_TRY(ml_alloc(ctx, ml_size_mul(design->ntexts, sizeof(ml_text)), (void **) &design->texts));
	ML_TRY(ml_rows_open(ctx, memory, recipe, piece_weight, design->kernel, &design->rows));
	ML_TRY(ml_encoder_open(ctx, recipe, NULL, design->kernel, &design->encoder));
	ml_encoder_mark(design->encoder, ml_rows_marks(design->rows));
	return ML_OK;
}

static ml_status
open_design(ml_context *ctx, ml_design *design, const ml_recipe *recipe, double piece_weight)
{
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(design->ncolumns, sizeof(ml_raw_column)),
						 (void **) &design->raw_columns));
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_column *column = &design->columns[i];

		if (column->role == ML_ROLE_CATEGORY)
			design->ncategories++;
		else if (column->role == ML_ROLE_TEXT)
			design->ntexts++;
		else if (column->role != ML_ROLE_NUMBER && column->role != ML_ROLE_DATE)
			return ml_fail(ctx, ML_INTERNAL, "the role of column \"%.*s\" is not decided",
						   (int) column->name.size, column->name.data);
	}
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(design->ncategories, sizeof(ml_levels)), (void **) &design->levels));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(design->ncategories, sizeof(void *)), (void **) &design->level_list));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(design->ncategories, sizeof(uint64_t)), (void **) &design->missing));
	/* half for texts where there are any: they are most of a mixed row */
	ML_TRY(open_texts(ctx, design, recipe, piece_weight, design->limit / 2));
	if (design->ntexts > 0)
		design->limit -= design->limit / 2;
	return ML_OK;
}

ml_status
ml_design_open(ml_context *ctx, size_t memory, const ml_column *columns, uint32_t ncolumns,
			   const ml_recipe *recipe, double piece_weight, const ml_kernel *kernel, ml_design **result)
{
	ml_design  *design;
	ml_status	status;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(*design), (void **) &design));
	design->kernel = kernel;
	design->limit = memory;
	design->columns = columns;
	design->ncolumns = ncolumns;
	status = open_design(ctx, design, recipe, piece_weight);
	if (status != ML_OK)
		ml_design_close(ctx, design);
	else
		*result = design;
	return status;
}

void
ml_design_drop(ml_context *ctx, ml_design *design, ml_block_list *list)
{
	for (size_t i = 0; i < list->n; i++)
	{
		if (list->blocks[i].bytes != NULL)
			design->resident -= list->blocks[i].size;
		ml_release(ctx, list->blocks[i].bytes);
		ml_release(ctx, list->blocks[i].state);
	}
	ml_release(ctx, list->blocks);
	memset(list, 0, sizeof(*list));
}

void
ml_design_close(ml_context *ctx, ml_design *design)
{
	if (design == NULL)
		return;
	ml_design_drop(ctx, design, &design->raw);
	ml_design_drop(ctx, design, &design->made);
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_release(ctx, design->parts[part].bytes);
		ml_release(ctx, design->parts[part].ids);
		ml_release(ctx, design->parts[part].values);
	}
	for (uint32_t i = 0; design->levels != NULL && i < design->ncategories; i++)
		ml_levels_free(ctx, &design->levels[i]);
	for (uint32_t i = 0; design->summaries != NULL && i < design->nsummaries; i++)
		ml_summary_close(ctx, &design->summaries[i]);
	ml_encoder_close(ctx, design->encoder);
	ml_rows_close(ctx, design->rows);
	ml_release(ctx, design->texts);
	ml_release(ctx, design->raw_columns);
	ml_release(ctx, design->levels);
	ml_release(ctx, design->level_list);
	ml_release(ctx, design->missing);
	ml_release(ctx, design->summaries);
	ml_release(ctx, design->open);
	ml_release(ctx, design->loaded);
	ml_release(ctx, design->spare);
	ml_release(ctx, design->state);
	ml_release(ctx, design->order);
	ml_release(ctx, design);
}

/* ---------- blocks, in memory and in the file ---------- */

ml_status
ml_design_spill(ml_context *ctx, const void *bytes, size_t size, uint64_t *offset)
{
	if (ctx->host->spill_write == NULL)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "the training rows need more memory than is allowed, and there is no file for them");
	*offset = ctx->spilled;
	if (!ctx->host->spill_write(ctx->host->user, bytes, size))
		return ml_fail(ctx, ML_IO, "could not write the training rows to a temporary file");
	ctx->spilled += size;
	return ml_poll(ctx);
}

ml_status
ml_design_unspill(ml_context *ctx, uint64_t offset, void *bytes, size_t size)
{
	if (!ctx->host->spill_read(ctx->host->user, offset, bytes, size))
		return ml_fail(ctx, ML_IO, "could not read the training rows from a temporary file");
	return ml_poll(ctx);
}

ml_status
ml_design_load(ml_context *ctx, ml_design *design, const ml_stored_block *stored, char **bytes)
{
	void	   *memory = design->loaded;

	*bytes = stored->bytes;
	if (*bytes != NULL)
		return ml_poll(ctx);
	ML_TRY(ml_grow(ctx, &memory, &design->loaded_capacity, stored->size, 1));
	*bytes = design->loaded = memory;
	return ml_design_unspill(ctx, stored->offset, *bytes, stored->size);
}

ml_status
ml_design_store(ml_context *ctx, ml_design *design, ml_block_list *list, const ml_stored_block *block,
				char *bytes, bool *kept)
{
	void	   *memory = list->blocks;
	ml_stored_block *stored;

	*kept = false;
	ML_TRY(ml_poll(ctx));
	ML_TRY(ml_grow(ctx, &memory, &list->capacity, list->n + 1, sizeof(ml_stored_block)));
	list->blocks = memory;
	stored = &list->blocks[list->n];
	*stored = *block;
	stored->bytes = NULL;
	if (design->resident + block->size <= design->limit)
	{
		stored->bytes = bytes;
		design->resident += block->size;
		*kept = true;
	}
	else
	{
		ML_TRY(ml_design_spill(ctx, bytes, block->size, &stored->offset));
		design->spilled = true;
	}
	list->n++;
	return ML_OK;
}

/* ---------- adding rows ---------- */

ml_raw
ml_design_raw(const ml_design *design, char *bytes)
{
	size_t		stride = design->stride;
	size_t		pitch = stride + ML_DESIGN_PAD;
	ml_raw		raw;

	raw.numbers = (double *) bytes;
	raw.target = raw.numbers + design->nnumbers * pitch;
	raw.split = raw.target + stride;
	raw.levels = (uint32_t *) (raw.split + stride);
	raw.label = raw.levels + design->ncategories * stride;
	raw.weight = (float *) (raw.label + stride);
	return raw;
}

/* Which numbers and summaries a column has; sizes of arrays are known. */
static void
lay_out(ml_design *design, uint32_t *width)
{
	uint32_t	category = 0;

	*width = 0;
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_column *column = &design->columns[i];
		ml_raw_column *raw = &design->raw_columns[i];

		raw->form = ml_column_form(column->type, column->role);
		raw->date = column->role == ML_ROLE_DATE;
		if (column->role == ML_ROLE_CATEGORY)
			raw->first = category++;
		if (raw->form == ML_FORM_TEXT)
			continue;
		raw->first = design->nnumbers;
		if (raw->form == ML_FORM_NUMBER)
			raw->n = 1;
		raw->first_summary = design->nsummaries;
		raw->nsummaries = raw->date ? (uint32_t) ml_date_nparts(column->type) : raw->n;
		design->nnumbers += raw->n;
		design->nsummaries += raw->nsummaries;
		*width += ML_MAX(raw->nsummaries, raw->n);
	}
}

static ml_status
begin_blocks(ml_context *ctx, ml_design *design, const ml_value *inputs)
{
	uint32_t	width;
	size_t		stride;

	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_column *column = &design->columns[i];

		if (ml_column_form(column->type, column->role) != ML_FORM_ITEMS)
			continue;
		design->raw_columns[i].n = column->size > 0 ? column->size : (uint32_t) inputs[i].items.n;
		if (design->raw_columns[i].n == 0)
			return ml_fail(ctx, ML_BAD_DATA, "the first row has %s array in column \"%.*s\"",
						   inputs[i].items.data == NULL ? "no" : "an empty", (int) column->name.size, column->name.data);
	}
	lay_out(design, &width);
	width += design->ncategories / 2 + 5;
	stride = BLOCK_BYTES / sizeof(double) / width / STRIDE_MIN * STRIDE_MIN;
	design->stride = (uint32_t) ML_MAX(ML_MIN(stride, (size_t) STRIDE_MAX), (size_t) STRIDE_MIN);
	/* five numbers' room instead of three: a prepared block fits into a raw one's memory */
	design->raw_size = (size_t) (design->nnumbers + 5) * (design->stride + ML_DESIGN_PAD) * sizeof(double) +
		(size_t) design->ncategories * design->stride * sizeof(uint32_t);
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(design->nsummaries, sizeof(ml_summary)), (void **) &design->summaries));
	return ml_alloc(ctx, design->raw_size, (void **) &design->open);
}

ml_status
ml_design_close_raw(ml_context *ctx, ml_design *design)
{
	ml_stored_block block = {.size = design->raw_size, .n = design->open_rows};
	bool		kept;

	if (design->open_rows == 0)
		return ML_OK;
	ML_TRY(ml_design_store(ctx, design, &design->raw, &block, design->open, &kept));
	design->open_rows = 0;
	if (kept)
	{
		design->open = NULL;
		return ml_alloc(ctx, design->raw_size, (void **) &design->open);
	}
	return ML_OK;
}

static ml_status
refuse_value(ml_context *ctx, const ml_design *design, uint32_t column)
{
	ml_text		name = design->columns[column].name;

	ml_fail(ctx, ML_BAD_DATA, "row %llu has an infinite value in column \"%.*s\"",
			(unsigned long long) design->nrows + 1, (int) name.size, name.data);
	return ml_hint(ctx, "Leave such rows out, or make the value NULL: nullif(%.*s, 'infinity').",
				   (int) name.size, name.data);
}

static ml_status
add_items(ml_context *ctx, ml_design *design, uint32_t column, ml_items items, double *to, size_t pitch)
{
	const ml_raw_column *raw = &design->raw_columns[column];
	ml_text		name = design->columns[column].name;

	if (items.data != NULL && items.n != raw->n)
		return ml_fail(ctx, ML_BAD_DATA, "the array of row %llu in column \"%.*s\" has %zu items, those before have %u",
					   (unsigned long long) design->nrows + 1, (int) name.size, name.data, items.n, raw->n);
	for (uint32_t k = 0; k < raw->n; k++)
	{
		double		value = items.data == NULL ? NAN : items.data[k];

		if (isinf(value))
			return refuse_value(ctx, design, column);
		to[k * pitch] = value;
	}
	return ML_OK;
}

static ml_status
add_texts(ml_context *ctx, ml_design *design, const ml_value *inputs, const ml_side *side)
{
	ml_features features;
	uint32_t	n = 0;

	if (design->ntexts == 0)
		return ML_OK;
	for (uint32_t i = 0; i < design->ncolumns; i++)
		if (design->columns[i].role == ML_ROLE_TEXT)
			design->texts[n++] = inputs[i].text;
	ML_TRY(ml_encoder_run(ctx, design->encoder, design->texts, &features));
	return ml_rows_add(ctx, design->rows, &features, side->label, side->weight);
}

ml_status
ml_design_add(ml_context *ctx, ml_design *design, const ml_value *inputs, const ml_side *side)
{
	size_t		pitch;
	uint32_t	at;
	ml_raw		raw;

	if (ML_UNLIKELY(design->stride == 0))
		ML_TRY(begin_blocks(ctx, design, inputs));
	if (design->open_rows == design->stride)
		ML_TRY(ml_design_close_raw(ctx, design));
	raw = ml_design_raw(design, design->open);
	pitch = design->stride + ML_DESIGN_PAD;
	at = design->open_rows;
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_raw_column *column = &design->raw_columns[i];

		if (ML_LIKELY(column->form == ML_FORM_NUMBER))
		{
			double		value = inputs[i].number;

			if (ML_UNLIKELY(isinf(value)))
				return refuse_value(ctx, design, i);
			raw.numbers[column->first * pitch + at] = value;
		}
		else if (column->form == ML_FORM_ITEMS)
			ML_TRY(add_items(ctx, design, i, inputs[i].items, raw.numbers + column->first * pitch + at, pitch));
		else if (design->columns[i].role == ML_ROLE_CATEGORY)
		{
			uint32_t   *level = &raw.levels[(size_t) column->first * design->stride + at];

			*level = ML_DESIGN_MISSING;
			if (inputs[i].text.data != NULL)
				ML_TRY(ml_levels_add(ctx, &design->levels[column->first], inputs[i].text, level));
		}
	}
	ML_TRY(add_texts(ctx, design, inputs, side));
	raw.target[at] = side->target;
	raw.split[at] = side->split;
	raw.label[at] = side->label;
	raw.weight[at] = side->weight;
	design->open_rows++;
	design->nrows++;
	return ML_OK;
}

uint64_t
ml_design_nrows(const ml_design *design)
{
	return design->nrows;
}

uint32_t
ml_design_items(const ml_design *design, uint32_t column)
{
	return design->raw_columns[column].n;
}

/* ---------- looking at rows ---------- */

ml_status
ml_design_each(ml_context *ctx, ml_design *design, ml_design_look look, void *arg)
{
	ml_side		sides[STRIDE_MAX];

	ML_TRY(ml_design_close_raw(ctx, design));
	for (size_t b = 0; b < design->raw.n; b++)
	{
		char	   *bytes;
		ml_raw		raw;
		uint32_t	n = design->raw.blocks[b].n;

		ML_TRY(ml_design_load(ctx, design, &design->raw.blocks[b], &bytes));
		raw = ml_design_raw(design, bytes);
		for (uint32_t i = 0; i < n; i++)
			sides[i] = (ml_side) {raw.target[i], raw.label[i], raw.weight[i], raw.split[i]};
		ML_TRY(look(ctx, arg, sides, n));
	}
	return ML_OK;
}

/* The largest split value that at least "wanted" rows reach, digit by digit of its order. */
typedef struct time_search
{
	uint64_t	prefix;			/* leading bits found so far */
	int			shift;			/* of the digit that is counted */
	uint64_t   *counts;			/* [65536] */
	uint64_t	n;				/* rows with a time */
} time_search;

static uint64_t
order_of(double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static ml_status
count_digits(ml_context *ctx, void *arg, const ml_side *sides, size_t n)
{
	time_search *search = arg;

	for (size_t i = 0; i < n; i++)
	{
		uint64_t	key;

		if (isnan(sides[i].split))
			continue;
		key = order_of(sides[i].split + 0.0);
		if (search->shift < 48 && key >> (search->shift + 16) != search->prefix)
			continue;
		search->counts[(key >> search->shift) & 0xFFFF]++;
		search->n++;
	}
	return ML_OK;
}

static ml_status
search_time(ml_context *ctx, ml_design *design, ml_splitter *splitter, time_search *search)
{
	uint64_t	wanted = 0;
	double		value;

	for (search->shift = 48; search->shift >= 0; search->shift -= 16)
	{
		uint32_t	digit = 0xFFFF;

		memset(search->counts, 0, 65536 * sizeof(uint64_t));
		search->n = 0;
		ML_TRY(ml_design_each(ctx, design, count_digits, search));
		if (search->shift == 48)
			wanted = (uint64_t) (splitter->holdout * (double) search->n + 0.5);
		if (wanted == 0)
		{
			splitter->threshold = INFINITY;
			return ML_OK;
		}
		while (digit > 0 && search->counts[digit] < wanted)
			wanted -= search->counts[digit--];
		search->prefix = search->prefix << 16 | digit;
		splitter->nties = search->counts[digit];
	}
	search->prefix = search->prefix >> 63 ? search->prefix & ~(UINT64_C(1) << 63) : ~search->prefix;
	memcpy(&value, &search->prefix, sizeof(value));
	splitter->threshold = value;
	splitter->ties = wanted;
	return ML_OK;
}

ml_status
ml_design_find_time(ml_context *ctx, ml_design *design, ml_splitter *splitter)
{
	time_search search = {0};
	ml_status	status;

	splitter->ties = splitter->nties = 0;
	ML_TRY(ml_alloc(ctx, 65536 * sizeof(uint64_t), (void **) &search.counts));
	status = search_time(ctx, design, splitter, &search);
	ml_release(ctx, search.counts);
	return status;
}

/* ---------- summing up ---------- */

static ml_status
sum_up_dates(ml_context *ctx, ml_design *design, uint32_t column, const double *seconds, const double *weights,
			 uint32_t n)
{
	const ml_raw_column *raw = &design->raw_columns[column];
	double		parts[ML_DATE_PARTS_MAX][STRIDE_MAX];
	double		one[ML_DATE_PARTS_MAX];

	for (uint32_t i = 0; i < n; i++)
	{
		(void) ml_date_parts(design->columns[column].type, seconds[i], one);
		for (uint32_t k = 0; k < raw->nsummaries; k++)
			parts[k][i] = one[k];
	}
	for (uint32_t k = 0; k < raw->nsummaries; k++)
		ML_TRY(ml_summary_add(ctx, &design->summaries[raw->first_summary + k], parts[k], weights, n));
	return ML_OK;
}

/* weights[i]: 1 for rows that count, else 0; NULL: all do. */
static ml_status
sum_up_block(ml_context *ctx, ml_design *design, const ml_raw *raw, const double *weights, uint32_t n)
{
	size_t		pitch = design->stride + ML_DESIGN_PAD;

	for (uint32_t c = 0; c < design->ncolumns; c++)
	{
		const ml_raw_column *column = &design->raw_columns[c];

		if (column->date)
			ML_TRY(sum_up_dates(ctx, design, c, raw->numbers + column->first * pitch, weights, n));
		else if (column->form != ML_FORM_TEXT)
			for (uint32_t k = 0; k < column->n; k++)
				ML_TRY(ml_summary_add(ctx, &design->summaries[column->first_summary + k],
									  raw->numbers + (column->first + k) * pitch, weights, n));
		else if (design->columns[c].role == ML_ROLE_CATEGORY)
			for (uint32_t i = 0; i < n; i++)
			{
				uint32_t	level = raw->levels[(size_t) column->first * design->stride + i];

				if (weights != NULL && weights[i] == 0)
					continue;
				if (level == ML_DESIGN_MISSING)
					design->missing[column->first]++;
				else
					design->levels[column->first].counts[level]++;
			}
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
restart_summaries(ml_context *ctx, ml_design *design, bool counting)
{
	for (uint32_t i = 0; i < design->nsummaries; i++)
	{
		ml_summary_close(ctx, &design->summaries[i]);
		ML_TRY(ml_summary_open(ctx, &design->summaries[i], counting));
	}
	for (uint32_t i = 0; i < design->ncategories; i++)
	{
		design->level_list[i] = &design->levels[i];
		design->missing[i] = 0;
		if (design->levels[i].n > 0)
			memset(design->levels[i].counts, 0, design->levels[i].n * sizeof(uint64_t));
	}
	return ML_OK;
}

ml_status
ml_design_summarize(ml_context *ctx, ml_design *design, ml_splitter *splitter, uint32_t parts, bool counting,
					ml_design_summary *summary)
{
	double		weights[STRIDE_MAX];

	memset(summary, 0, sizeof(*summary));
	ML_TRY(ml_design_close_raw(ctx, design));
	ML_TRY(restart_summaries(ctx, design, counting));
	ml_splitter_restart(splitter);
	for (size_t b = 0; b < design->raw.n; b++)
	{
		uint32_t	n = design->raw.blocks[b].n;
		uint32_t	counted = 0;
		char	   *bytes;
		ml_raw		raw;

		ML_TRY(ml_design_load(ctx, design, &design->raw.blocks[b], &bytes));
		raw = ml_design_raw(design, bytes);
		for (uint32_t i = 0; i < n; i++)
		{
			uint8_t		part = ml_splitter_next(splitter, raw.label[i], raw.split[i]);

			weights[i] = parts >> part & 1;
			counted += weights[i] != 0;
		}
		summary->nrows += counted;
		if (counted > 0)
			ML_TRY(sum_up_block(ctx, design, &raw, counted == n ? NULL : weights, n));
	}
	summary->summaries = design->summaries;
	summary->levels = design->level_list;
	summary->missing = design->missing;
	return ML_OK;
}
