/*-------------------------------------------------------------------------
 *
 * design.c
 *	  The design matrix: opening, rows as they are read.
 *
 * A raw block holds numbers column by column, levels as numbers in order of
 * first appearance, and what comes with a row.  Texts are hashed at once and
 * kept by an inner ml_rows, which indexes and weighs them as those of a text
 * classifier; it keeps some bytes of each row in memory, the design none.
 *
 * The length of an array is that of the first row which has one.  Its numbers
 * come behind all others, so that blocks from before only lack them.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

#include <math.h>

#define BLOCK_BYTES		((size_t) 256 << 10)	/* half a second-level cache, or less */
#define BLOCKS			16		/* that the memory should hold at least: with 4 MB they are all alike */
#define WIDTH_UNKNOWN	16		/* numbers, for the size of blocks: of an array ... */
#define WIDTH_TEXT		64		/* ... and of a text's features */
#define ROW_MAX			((size_t) 4 << 20)	/* bytes of a raw block that are never too many */
/* what comes with a row, and as much unused as a prepared block has more, to fit into the memory of a raw one */
#define SIDE_BYTES		(2 * sizeof(double) + sizeof(uint32_t) + sizeof(float) + sizeof(uint32_t))
#define DATE_MAX		1e15	/* as ml_date_parts */

/* ---------- opening ---------- */

static ml_status
open_texts(ml_context *ctx, ml_design *design, const ml_recipe *recipe, double piece_weight)
{
	if (design->ntexts == 0)
		return ML_OK;
	if (recipe == NULL || recipe->ncolumns != design->ntexts)
		return ml_fail(ctx, ML_INTERNAL, "texts need a recipe of their columns");
	ML_TRY(ml_alloc(ctx, ml_size_mul(design->ntexts, sizeof(ml_text)), (void **) &design->texts));
	/* half for texts: they are most of a mixed row */
	ML_TRY(ml_rows_open(ctx, design->limit / 2, recipe, piece_weight, design->kernel, &design->rows));
	ML_TRY(ml_encoder_open(ctx, recipe, NULL, design->kernel, &design->encoder));
	ml_encoder_mark(design->encoder, ml_rows_marks(design->rows));
	return ML_OK;
}

/* Kinds of columns, and where those begin that are no arrays. */
static ml_status
sort_columns(ml_context *ctx, ml_design *design)
{
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_column *column = &design->columns[i];
		ml_raw_column *raw = &design->raw_columns[i];

		if (column->role == ML_ROLE_CATEGORY)
			*raw = (ml_raw_column){.kind = ML_RAW_LEVEL, .first = design->ncategories++};
		else if (column->role == ML_ROLE_TEXT)
		{
			raw->kind = ML_RAW_TEXT;
			design->ntexts++;
		}
		else if (column->role != ML_ROLE_NUMBER && column->role != ML_ROLE_DATE)
			return ml_fail(ctx, ML_INTERNAL, "the role of column \"%.*s\" is not decided",
						   (int) column->name.size, column->name.data);
		else if (ml_column_form(column->type, column->role) == ML_FORM_ITEMS)
		{
			raw->kind = ML_RAW_ITEMS;
			design->nunknown++;
		}
		else
			*raw = (ml_raw_column){
				.kind = column->role == ML_ROLE_DATE ? ML_RAW_DATE : ML_RAW_NUMBER,
				.first = design->nnumbers++, .n = 1
			};
	}
	return ML_OK;
}

static void
make_runs(ml_design *design)
{
	ml_raw_run *run = design->runs - 1;

	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_raw_column *raw = &design->raw_columns[i];

		if (raw->kind == ML_RAW_TEXT)
			continue;
		if (raw->kind <= ML_RAW_DATE && run >= design->runs && run->kind == raw->kind &&
			run->column + run->n == i && run->first + run->n == raw->first)
			run->n++;
		else
			*++run = (ml_raw_run){raw->kind, i, 1, raw->first};
	}
	design->nruns = (uint32_t) (run + 1 - design->runs);
}

static ml_status
open_design(ml_context *ctx, ml_design *design, const ml_recipe *recipe, double piece_weight)
{
	size_t		n = design->ncolumns;

	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(ml_raw_column)), (void **) &design->raw_columns));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(ml_raw_run)), (void **) &design->runs));
	ML_TRY(sort_columns(ctx, design));
	make_runs(design);
	n = design->ncategories;
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(ml_levels)), (void **) &design->levels));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(void *)), (void **) &design->level_list));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(uint64_t)), (void **) &design->missing));
	return open_texts(ctx, design, recipe, piece_weight);
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
	memset(design->hole_heads, 0xFF, sizeof(design->hole_heads));
	design->unused_hole = ML_NO_HOLE;
	design->block_bytes = ML_MIN(BLOCK_BYTES, memory / BLOCKS);
	design->columns = columns;
	design->ncolumns = ncolumns;
	design->held = sizeof(*design) + ncolumns * (sizeof(ml_raw_column) + sizeof(ml_raw_run));
	status = open_design(ctx, design, recipe, piece_weight);
	if (status != ML_OK)
		ml_design_close(ctx, design);
	else
		*result = design;
	return status;
}

static void
close_blocks(ml_context *ctx, ml_design *design)
{
	ml_release(ctx, design->holes);
	design->holes = NULL;		/* the file is no concern any more */
	ml_design_forget_state(ctx, design);
	ml_design_drop(ctx, design, &design->raw);
	ml_design_drop(ctx, design, &design->made);
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_design_release(ctx, design, design->parts[part].bytes, 0);
		ml_release(ctx, design->parts[part].ids);
		ml_release(ctx, design->parts[part].values);
	}
	ml_design_release(ctx, design, design->open, 0);
	ml_design_release(ctx, design, design->loaded, 0);
	ml_design_release(ctx, design, design->spare, 0);
}

void
ml_design_close(ml_context *ctx, ml_design *design)
{
	if (design == NULL)
		return;
	close_blocks(ctx, design);
	for (uint32_t i = 0; design->levels != NULL && i < design->ncategories; i++)
		ml_levels_free(ctx, &design->levels[i]);
	for (uint32_t i = 0; i < design->nsummaries; i++)
		ml_summary_close(ctx, &design->summaries[i]);
	ml_encoder_close(ctx, design->encoder);
	ml_rows_close(ctx, design->rows);
	ml_release(ctx, design->texts);
	ml_release(ctx, design->raw_columns);
	ml_release(ctx, design->runs);
	ml_release(ctx, design->levels);
	ml_release(ctx, design->level_list);
	ml_release(ctx, design->missing);
	ml_release(ctx, design->summaries);
	ml_release(ctx, design->absent);
	ml_release(ctx, design->order);
	ml_release(ctx, design);
}

/* ---------- raw blocks ---------- */

static size_t
raw_size(const ml_design *design)
{
	size_t		row = ml_size_add(ml_size_mul(design->nnumbers, sizeof(double)),
								  design->ncategories * sizeof(uint32_t) + SIDE_BYTES);

	return ml_size_mul(row, design->stride);
}

ml_raw
ml_design_raw(const ml_design *design, char *bytes, size_t size)
{
	size_t		stride = design->stride;
	size_t		fixed = design->ncategories * sizeof(uint32_t) + SIDE_BYTES;
	ml_raw		raw;

	raw.target = (double *) bytes;
	raw.split = raw.target + stride;
	raw.levels = (uint32_t *) (raw.split + stride);
	raw.label = raw.levels + design->ncategories * stride;
	raw.weight = (float *) (raw.label + stride);
	raw.numbers = (double *) (raw.weight + stride);
	raw.width = (uint32_t) ((size / stride - fixed) / sizeof(double));
	return raw;
}

static ml_status
choose_stride(ml_context *ctx, ml_design *design)
{
	uint32_t	width = design->nnumbers + design->ncategories / 2 + 4;
	size_t		rows;

	width += design->nunknown * WIDTH_UNKNOWN + (design->ntexts > 0 ? WIDTH_TEXT : 0);
	rows = design->block_bytes / sizeof(double) / width;
	rows = rows / 64 - (rows / 64 % 2 == 0);
	design->stride = (uint32_t) ML_MAX(ML_MIN(rows * 64, (size_t) ML_DESIGN_STRIDE_MAX),
									   (size_t) ML_DESIGN_STRIDE_MIN);
	if (rows > SIZE_MAX / 128)
		design->stride = ML_DESIGN_STRIDE_MIN;
	ML_TRY(ml_alloc(ctx, design->stride * sizeof(double), (void **) &design->absent));
	for (uint32_t i = 0; i < design->stride; i++)
		design->absent[i] = NAN;
	design->held += design->stride * sizeof(double);
	return ML_OK;
}

/* Blocks from now on have the array's numbers as well. */
static ml_status
widen(ml_context *ctx, ml_design *design, uint32_t column, size_t n)
{
	ml_text		name = design->columns[column].name;
	ml_raw_column *raw = &design->raw_columns[column];

	if (n == 0)
		return ml_fail(ctx, ML_BAD_DATA, "row %llu has an empty array in column \"%.*s\"",
					   (unsigned long long) design->nrows + 1, (int) name.size, name.data);
	if (n > ML_TERMS_MAX - design->nnumbers)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "the array of row %llu in column \"%.*s\" has %zu items",
					   (unsigned long long) design->nrows + 1, (int) name.size, name.data, n);
	raw->first = design->nnumbers;
	raw->n = (uint32_t) n;
	design->nnumbers += raw->n;
	design->nunknown--;
	make_runs(design);
	return ML_OK;
}

/* Does this row tell the length of an array? */
static ml_status
learn_lengths(ml_context *ctx, ml_design *design, const ml_value *inputs)
{
	for (uint32_t i = 0; i < design->ncolumns; i++)
	{
		const ml_raw_column *raw = &design->raw_columns[i];
		size_t		n = design->columns[i].size;

		if (raw->kind != ML_RAW_ITEMS || raw->n > 0)
			continue;
		if (n == 0 && inputs[i].items.data == NULL)
			continue;
		ML_TRY(ml_design_close_raw(ctx, design));
		ML_TRY(widen(ctx, design, i, n > 0 ? n : inputs[i].items.n));
	}
	return ML_OK;
}

/* A block for this row, and those behind it. */
static ml_status
open_raw(ml_context *ctx, ml_design *design, const ml_value *inputs)
{
	ML_TRY(ml_design_close_raw(ctx, design));
	if (design->nunknown > 0)
		ML_TRY(learn_lengths(ctx, design, inputs));
	if (design->stride == 0)
		ML_TRY(choose_stride(ctx, design));
	if (design->open != NULL && raw_size(design) != design->open_size)
	{
		ml_design_release(ctx, design, design->open, design->open_size);
		design->open = NULL;
	}
	if (design->open != NULL)
		return ML_OK;
	design->open_size = raw_size(design);
	if (design->open_size > ROW_MAX && design->open_size > design->limit / 4)
	{
		ml_fail(ctx, ML_MEMORY_LIMIT, "rows of %u numbers need at least %zu MB of memory", design->nnumbers,
				(ml_size_mul(design->open_size, 4) >> 20) + 1);
		return ml_hint(ctx, "Raise maintenance_work_mem, or leave out columns.");
	}
	ML_TRY(ml_design_alloc(ctx, design, design->open_size, &design->open));
	design->open_raw = ml_design_raw(design, design->open, design->open_size);
	return ML_OK;
}

ml_status
ml_design_close_raw(ml_context *ctx, ml_design *design)
{
	ml_stored_block block = {.size = (uint32_t) design->open_size, .n = (uint16_t) design->open_rows};
	bool		kept;

	if (design->consumed)
		return ml_fail(ctx, ML_INTERNAL, "rows as they were read are not kept any more");
	if (design->open_rows == 0)
		return ML_OK;
	ML_TRY(ml_design_store(ctx, design, &design->raw, &block, design->open, &kept));
	design->open_rows = 0;
	if (kept)
		design->open = NULL;
	return ML_OK;
}

/* ---------- adding rows ---------- */

static ml_status
refuse_value(ml_context *ctx, const ml_design *design, uint32_t column, double value)
{
	ml_text		name = design->columns[column].name;

	ml_fail(ctx, ML_BAD_DATA, "row %llu has an infinite value in column \"%.*s\"",
			(unsigned long long) design->nrows + 1, (int) name.size, name.data);
	if (design->raw_columns[column].kind == ML_RAW_ITEMS)
		return ml_hint(ctx, "Leave such rows out, or make such arrays NULL.");
	return ml_hint(ctx, "Leave such rows out, or make such values NULL: nullif(%.*s, '%s').",
				   (int) name.size, name.data, value < 0 ? "-infinity" : "infinity");
}

/* The largest scalar of a kind that is one. */
static inline double
most_of(ml_raw_kind kind)
{
	return kind == ML_RAW_DATE ? DATE_MAX : __DBL_MAX__;
}

/* Which of a run's values is too large? */
static ml_status
refuse_run(ml_context *ctx, const ml_design *design, const ml_raw_run *run, const ml_value *values)
{
	double		most = most_of(run->kind);
	uint32_t	k = 0;

	while (k + 1 < run->n && !(fabs(values[k].number) > most))
		k++;
	return refuse_value(ctx, design, run->column + k, values[k].number);
}

static inline bool
add_scalars(const ml_raw_run *run, const ml_value *values, double *to, size_t stride)
{
	double		most = most_of(run->kind);
	bool		refused = false;

	for (uint32_t k = 0; k < run->n; k++, to += stride)
	{
		double		value = values[k].number;

		refused |= fabs(value) > most;
		*to = value;
	}
	return !refused;
}

static ml_status
add_items(ml_context *ctx, const ml_design *design, uint32_t column, ml_items items, double *to)
{
	const ml_raw_column *raw = &design->raw_columns[column];
	ml_text		name = design->columns[column].name;

	if (items.data != NULL && items.n != raw->n)
	{
		ml_fail(ctx, ML_BAD_DATA, "the array of row %llu in column \"%.*s\" has %u items, those before have %u",
				(unsigned long long) design->nrows + 1, (int) name.size, name.data, items.n, raw->n);
		return ml_hint(ctx, "Networks learn from series of any length: algorithm => 'network', {\"columns\": {\"%.*s\": \"series\"}}.",
					   (int) ML_MIN(name.size, (size_t) 64), name.data);
	}
	for (uint32_t k = 0; k < raw->n; k++, to += design->stride)
	{
		double		value = items.data == NULL ? NAN : items.data[k];

		if (isinf(value))
			return refuse_value(ctx, design, column, value);
		*to = value;
	}
	return ML_OK;
}

static ml_status
add_level(ml_context *ctx, ml_design *design, const ml_raw_run *run, ml_text value, uint32_t *level)
{
	ml_text		name = design->columns[run->column].name;

	*level = ML_DESIGN_MISSING;
	if (value.data == NULL)
		return ML_OK;
	if (ML_LIKELY(ml_levels_add(ctx, &design->levels[run->first], value, level) == ML_OK))
		return ML_OK;
	if (ctx->error.status == ML_BAD_DATA)
	{
		ml_detail(ctx, "Row %llu, column \"%.*s\".", (unsigned long long) design->nrows + 1, (int) name.size,
				  name.data);
		ml_hint(ctx, "Leave the column out, or let it be text: \"columns\": {\"%.*s\": \"text\"}.", (int) name.size,
				name.data);
	}
	return ctx->error.status;
}

static ml_status
add_texts(ml_context *ctx, ml_design *design, const ml_value *inputs, const ml_side *side)
{
	ml_features features;
	uint32_t	n = 0;

	for (uint32_t i = 0; i < design->ncolumns; i++)
		if (design->raw_columns[i].kind == ML_RAW_TEXT)
			design->texts[n++] = inputs[i].text;
	ML_TRY(ml_encoder_run(ctx, design->encoder, design->texts, &features));
	return ml_rows_add(ctx, design->rows, &features, side->label, side->weight);
}

ml_status
ml_design_add(ml_context *ctx, ml_design *design, const ml_value *inputs, const ml_side *side)
{
	const ml_raw *raw = &design->open_raw;
	size_t		stride;
	size_t		at;

	if (ML_UNLIKELY(design->open == NULL || design->open_rows == design->stride || design->nunknown > 0))
	{
		if (design->open != NULL && design->open_rows < design->stride)
			ML_TRY(learn_lengths(ctx, design, inputs));
		if (design->open_rows == 0 || design->open_rows == design->stride)
			ML_TRY(open_raw(ctx, design, inputs));
	}
	stride = design->stride;
	at = design->open_rows;
	for (uint32_t r = 0; r < design->nruns; r++)
	{
		const ml_raw_run *run = &design->runs[r];
		const ml_value *values = &inputs[run->column];
		double	   *to = raw->numbers + run->first * stride + at;

		if (run->kind == ML_RAW_LEVEL)
			ML_TRY(add_level(ctx, design, run, values->text, &raw->levels[run->first * stride + at]));
		else if (run->kind == ML_RAW_ITEMS)
			ML_TRY(add_items(ctx, design, run->column, values->items, to));
		else if (!add_scalars(run, values, to, stride))
			return refuse_run(ctx, design, run, values);
	}
	if (design->ntexts > 0)
		ML_TRY(add_texts(ctx, design, inputs, side));
	raw->target[at] = side->target;
	raw->split[at] = side->split;
	raw->label[at] = side->label;
	raw->weight[at] = side->weight;
	design->open_rows++;
	design->nrows++;
	return ML_OK;
}

/* The first of the rows' values that is too large for its column. */
static ml_status
refuse_numbers(ml_context *ctx, ml_design *design, const double *rows, size_t n)
{
	for (size_t i = 0; i < n; i++, design->nrows++)
		for (uint32_t k = 0; k < design->ncolumns; k++)
		{
			double		value = rows[i * design->ncolumns + k];

			if (fabs(value) > most_of(design->raw_columns[k].kind))
				return refuse_value(ctx, design, k, value);
		}
	return ml_fail(ctx, ML_INTERNAL, "a value that was too large is gone");
}

/* Rows of numbers, for which the open block has room, column by column. */
static bool
spread_rows(const ml_design *design, const double *rows, size_t n)
{
	bool		sound = true;

	for (uint32_t k = 0; k < design->nruns; k++)
	{
		const ml_raw_run *run = &design->runs[k];

		sound &= design->kernel->column->spread(design->open_raw.numbers + (size_t) run->first * design->stride +
												design->open_rows, design->stride, rows + run->column,
												design->ncolumns, run->n, n, most_of(run->kind));
	}
	return sound;
}

ml_status
ml_design_add_numbers(ml_context *ctx, ml_design *design, const double *rows, const ml_side *sides, size_t n)
{
	const ml_raw *raw = &design->open_raw;
	size_t		some;

	for (; n > 0; n -= some, rows += some * design->ncolumns, sides += some)
	{
		if (design->open == NULL || design->open_rows == design->stride)
			ML_TRY(open_raw(ctx, design, NULL));
		some = ML_MIN(n, (size_t) (design->stride - design->open_rows));
		if (!spread_rows(design, rows, some))
			return refuse_numbers(ctx, design, rows, some);
		for (size_t i = 0; i < some; i++)
		{
			size_t		at = design->open_rows + i;

			raw->target[at] = sides[i].target;
			raw->split[at] = sides[i].split;
			raw->label[at] = sides[i].label;
			raw->weight[at] = sides[i].weight;
		}
		design->open_rows += (uint32_t) some;
		design->nrows += some;
	}
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
