/*-------------------------------------------------------------------------
 *
 * design_prepare.c
 *	  Raw blocks -> features, each row in a block of its part.
 *
 * One raw block after the other becomes a block of features.  If all its rows
 * are of one part it is stored as it is (the memory of the raw block serves the
 * next one); otherwise its rows are dealt into the open blocks of their parts.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

#include <math.h>

/* What preparing needs besides the design. */
typedef struct preparation
{
	ml_splitter *splitter;
	const ml_row *group;		/* texts: rows of ml_rows' pass, in their order */
	uint32_t	ngroup;
	uint32_t	next;			/* of them */
	uint64_t	row;			/* number of the next row */
	ml_open_part scratch;		/* the block under way */
	uint8_t    *part;			/* [stride] of its rows */
} preparation;

/* ---------- blocks ---------- */

size_t
ml_design_made_size(const ml_design *design)
{
	size_t		stride = design->stride;
	size_t		size = stride * (design->ndense + 3) * sizeof(double) +
		stride * (design->ncats + 1) * sizeof(uint32_t);

	if (design->ntexts > 0)
		size += (stride + 2) * sizeof(uint32_t);
	return size;
}

ml_made
ml_design_made(const ml_design *design, char *bytes, uint32_t nentries)
{
	size_t		stride = design->stride;
	ml_made		made = {0};

	made.dense = (double *) bytes;
	made.target = made.dense + design->ndense * stride;
	made.weight = made.target + stride;
	made.row_weight = made.weight + stride;
	made.hot = (uint32_t *) (made.row_weight + stride);
	made.label = made.hot + design->ncats * stride;
	if (design->ntexts > 0)
	{
		made.at = made.label + stride;
		made.ids = made.at + stride + 2;
		made.values = (float *) (made.ids + nentries);
	}
	return made;
}

/* Memory for a prepared block: that of a raw one if it is at hand and will do. */
static ml_status
new_block(ml_context *ctx, ml_design *design, char **bytes)
{
	if (design->spare != NULL && design->made_size <= design->raw_size)
	{
		*bytes = design->spare;
		design->spare = NULL;
		return ML_OK;
	}
	return ml_alloc(ctx, design->made_size, (void **) bytes);
}

/* Rows behind n: weight 0, values 0, no level. */
static void
pad_rows(const ml_design *design, const ml_made *made, uint32_t n, uint32_t nentries)
{
	uint32_t	stride = design->stride;

	if (made->at != NULL)
		for (uint32_t i = n; i <= stride; i++)
			made->at[i] = nentries;
	if (n == stride)
		return;
	for (uint32_t j = 0; j < design->ndense; j++)
		memset(made->dense + (size_t) j * stride + n, 0, (stride - n) * sizeof(double));
	for (uint32_t k = 0; k < design->ncats; k++)
		for (uint32_t i = n; i < stride; i++)
			made->hot[(size_t) k * stride + i] = ML_NO_TERM;
	for (uint32_t i = n; i < stride; i++)
	{
		made->target[i] = made->weight[i] = made->row_weight[i] = 0;
		made->label[i] = 0;
	}
}

/* Store a full or last block; its memory is taken over or kept for the next. */
static ml_status
store_part(ml_context *ctx, ml_design *design, ml_open_part *open, uint8_t part, ml_block_list *list)
{
	ml_stored_block block = {.size = design->made_size, .n = open->n, .nentries = open->nentries, .part = part};
	ml_made		made = ml_design_made(design, open->bytes, open->nentries);
	bool		kept;

	pad_rows(design, &made, open->n, open->nentries);
	if (design->ntexts > 0)
	{
		size_t		bytes = open->nentries * sizeof(uint32_t);
		void	   *memory = open->bytes;

		block.size += 2 * bytes;
		ML_TRY(ml_resize(ctx, &memory, block.size));
		open->bytes = memory;
		made = ml_design_made(design, open->bytes, open->nentries);
		if (bytes > 0)
		{
			memcpy(made.ids, open->ids, bytes);
			memcpy(made.values, open->values, bytes);
		}
	}
	ML_TRY(ml_design_store(ctx, design, list, &block, open->bytes, &kept));
	design->part_rows[part] += open->n;
	if (kept)
		open->bytes = NULL;
	open->n = 0;
	open->nentries = 0;
	return ML_OK;
}

static ml_status
reserve_entries(ml_context *ctx, ml_open_part *open, size_t n)
{
	void	   *memory = open->ids;

	ML_TRY(ml_grow(ctx, &memory, &open->ids_capacity, open->nentries + n, sizeof(uint32_t)));
	open->ids = memory;
	memory = open->values;
	ML_TRY(ml_grow(ctx, &memory, &open->values_capacity, open->nentries + n, sizeof(float)));
	open->values = memory;
	return ML_OK;
}

ml_status
ml_design_put(ml_context *ctx, ml_design *design, const ml_made *from, uint32_t i, uint8_t part,
			  ml_block_list *list)
{
	ml_open_part *open = &design->parts[part];
	size_t		stride = design->stride;
	uint32_t	at = open->n;
	ml_made		to;

	if (open->bytes == NULL)
		ML_TRY(new_block(ctx, design, &open->bytes));
	to = ml_design_made(design, open->bytes, 0);
	for (uint32_t j = 0; j < design->ndense; j++)
		to.dense[j * stride + at] = from->dense[j * stride + i];
	for (uint32_t k = 0; k < design->ncats; k++)
		to.hot[k * stride + at] = from->hot[k * stride + i];
	to.target[at] = from->target[i];
	to.weight[at] = from->weight[i];
	to.row_weight[at] = from->row_weight[i];
	to.label[at] = from->label[i];
	if (from->at != NULL)
	{
		uint32_t	n = from->at[i + 1] - from->at[i];

		ML_TRY(reserve_entries(ctx, open, n));
		to.at[at] = open->nentries;
		if (n > 0)
		{
			memcpy(open->ids + open->nentries, from->ids + from->at[i], n * sizeof(uint32_t));
			memcpy(open->values + open->nentries, from->values + from->at[i], n * sizeof(float));
		}
		open->nentries += n;
	}
	if (++open->n < design->stride)
		return ML_OK;
	return store_part(ctx, design, open, part, list);
}

ml_status
ml_design_close_parts(ml_context *ctx, ml_design *design, ml_block_list *list)
{
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_open_part *open = &design->parts[part];

		if (open->n > 0)
			ML_TRY(store_part(ctx, design, open, (uint8_t) part, list));
		ml_release(ctx, open->bytes);
		open->bytes = NULL;
	}
	return ML_OK;
}

/* ---------- features ---------- */

static void
make_numbers(const ml_tabular *tabular, const ml_tabular_column *column, const double *values, size_t pitch,
			 ml_made *made, size_t stride, uint32_t n)
{
	for (uint32_t k = 0; k < column->nterms; k++)
	{
		const ml_scaling *scaling = &tabular->scaling[column->first + k];
		const double *from = values + k * pitch;
		double	   *to = made->dense + (size_t) (column->first + k) * stride;

		for (uint32_t i = 0; i < n; i++)
			to[i] = ml_tabular_scale(scaling, from[i]);
	}
}

static void
make_date(const ml_tabular *tabular, const ml_tabular_column *column, const double *seconds, ml_made *made,
		  size_t stride, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		double		parts[ML_DATE_PARTS_MAX];

		(void) ml_date_parts((ml_type) column->type, seconds[i], parts);
		for (uint32_t k = 0; k < column->nterms; k++)
			made->dense[(size_t) (column->first + k) * stride + i] =
				ml_tabular_scale(&tabular->scaling[column->first + k], parts[k]);
	}
}

/* 1 where the value, or an item of the array, is missing. */
static void
make_indicator(const ml_tabular_column *column, const ml_raw_column *raw, const double *values, size_t pitch,
			   ml_made *made, size_t stride, uint32_t n)
{
	double	   *to = made->dense + (size_t) column->indicator * stride;

	for (uint32_t i = 0; i < n; i++)
	{
		to[i] = 0;
		for (uint32_t k = 0; k < raw->n; k++)
			if (isnan(values[k * pitch + i]))
				to[i] = 1;
	}
}

static void
make_levels(const ml_tabular_column *column, const uint32_t *map, const uint32_t *levels, uint32_t *hot, uint32_t n)
{
	uint32_t	missing = column->missing != ML_NO_TERM ? column->missing :
		column->most_frequent != ML_NO_TERM ? column->most_frequent : column->other;

	for (uint32_t i = 0; i < n; i++)
		hot[i] = levels[i] == ML_DESIGN_MISSING ? missing : map[levels[i]];
}

static ml_status
check_numbers(ml_context *ctx, const ml_design *design, const ml_made *made, uint32_t n)
{
	for (uint32_t j = 0; j < design->ndense; j++)
		for (uint32_t i = 0; i < n; i++)
			if (isnan(made->dense[(size_t) j * design->stride + i]))
			{
				const ml_tabular *tabular = design->recipe.tabular;
				ml_text		name = tabular->names[ml_tabular_column_of(tabular, j)];

				ml_fail(ctx, ML_BAD_DATA, "the values of column \"%.*s\" differ by more than numbers can express",
						(int) name.size, name.data);
				return ml_hint(ctx, "Leave out its extreme values, or set option \"winsorize\".");
			}
	return ML_OK;
}

static ml_status
make_block(ml_context *ctx, ml_design *design, const ml_raw *raw, ml_made *made, uint32_t n)
{
	const ml_tabular *tabular = design->recipe.tabular;
	size_t		pitch = design->stride + ML_DESIGN_PAD;
	size_t		stride = design->stride;
	uint32_t	kept = 0;
	uint32_t	category = 0;

	for (uint32_t c = 0; c < design->ncolumns; c++)
	{
		const ml_raw_column *from = &design->raw_columns[c];
		const ml_tabular_column *column = &tabular->columns[kept];
		const double *numbers = raw->numbers + from->first * pitch;

		if (design->recipe.left_out != NULL && design->recipe.left_out[c])
			continue;
		kept++;
		if (from->date)
			make_date(tabular, column, numbers, made, stride, n);
		else if (from->form != ML_FORM_TEXT)
			make_numbers(tabular, column, numbers, pitch, made, stride, n);
		else if (design->columns[c].role == ML_ROLE_CATEGORY)
		{
			make_levels(column, design->recipe.map[category], raw->levels + from->first * stride,
						made->hot + category * stride, n);
			category++;
		}
		if (from->form != ML_FORM_TEXT && column->indicator != ML_NO_TERM)
			make_indicator(column, from, numbers, pitch, made, stride, n);
		ML_TRY(ml_poll(ctx));
	}
	return check_numbers(ctx, design, made, n);
}

static void
make_sides(const ml_design *design, const ml_raw *raw, ml_made *made, uint32_t n)
{
	const ml_design_recipe *recipe = &design->recipe;

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	class = recipe->classes == NULL ? 0 : recipe->classes[raw->label[i]];

		made->label[i] = class;
		made->target[i] = recipe->classes == NULL ? raw->target[i] : class;
		made->row_weight[i] = raw->weight[i];
		made->weight[i] = (double) raw->weight[i] *
			(recipe->class_weights == NULL ? 1 : recipe->class_weights[class]);
	}
}

/* The texts' features of the block's rows, which come in order. */
static ml_status
make_texts(ml_context *ctx, ml_design *design, preparation *p, ml_made *made, uint32_t n)
{
	const ml_rows_index *index = ml_rows_indexed(design->rows);
	const ml_rows_data *data = ml_rows_get(design->rows);
	uint32_t	first = design->ndense + design->nhot;
	ml_open_part *open = &p->scratch;

	open->nentries = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		const ml_row *row;
		float		scale;

		if (p->next == p->ngroup)
		{
			ML_TRY(ml_rows_next(ctx, design->rows, &p->group, &p->ngroup));
			p->next = 0;
			if (p->ngroup == 0)
				return ml_fail(ctx, ML_INTERNAL, "texts of row %llu are missing", (unsigned long long) p->row);
		}
		row = &p->group[p->next++];
		if (row->number != p->row++)
			return ml_fail(ctx, ML_INTERNAL, "texts come out of order");
		ML_TRY(reserve_entries(ctx, open, row->n));
		scale = ml_row_scale(index, data->length[row->number]);
		made->at[i] = open->nentries;
		for (uint32_t k = 0; k < row->n; k++)
		{
			uint32_t	id = ML_COUNTED_KEY(row->words[k]);
			float		value = index->tf[ML_COUNTED_COUNT(row->words[k])] * index->idf[id] * scale;

			if (value == 0)
				continue;
			open->ids[open->nentries] = first + id;
			open->values[open->nentries++] = value;
		}
	}
	made->at[n] = open->nentries;
	made->ids = open->ids;
	made->values = open->values;
	return ML_OK;
}

/* ---------- the texts' index ---------- */

static ml_status
set_parts(ml_context *ctx, void *arg, const ml_side *sides, size_t n)
{
	void	  **args = arg;
	ml_design  *design = args[0];
	ml_splitter *splitter = args[1];
	uint64_t   *row = args[2];
	ml_rows_data *data = ml_rows_get(design->rows);

	for (size_t i = 0; i < n; i++)
		data->part[(*row)++] = ml_splitter_next(splitter, sides[i].label, sides[i].split);
	return ML_OK;
}

static ml_status
index_texts(ml_context *ctx, ml_design *design, ml_splitter *splitter)
{
	uint64_t	row = 0;
	void	   *args[] = {design, splitter, &row};

	if (design->ntexts == 0)
		return ML_OK;
	ml_encoder_close(ctx, design->encoder);
	design->encoder = NULL;
	if (!design->indexed)
		ML_TRY(ml_rows_make_index(ctx, design->rows, design->recipe.min_df));
	design->indexed = true;
	ml_splitter_restart(splitter);
	ML_TRY(ml_design_each(ctx, design, set_parts, args));
	ML_TRY(ml_rows_weigh(ctx, design->rows, design->recipe.learning));
	return ml_rows_begin(ctx, design->rows, ML_PARTS_ALL, NULL);
}

/* ---------- preparing ---------- */

/* The block in scratch: stored whole, or row by row. */
static ml_status
deal_rows(ml_context *ctx, ml_design *design, preparation *p, uint32_t n)
{
	ml_open_part *open = &p->scratch;
	bool		whole = n == design->stride || p->row == design->nrows;
	ml_made		made = ml_design_made(design, open->bytes, 0);

	for (uint32_t i = 1; i < n && whole; i++)
		whole = p->part[i] == p->part[0];
	if (whole && design->parts[p->part[0]].n == 0)
	{
		open->n = n;
		return store_part(ctx, design, open, p->part[0], &design->made);
	}
	made.ids = open->ids;
	made.values = open->values;
	if (made.at != NULL)
		made.at[n] = open->nentries;
	for (uint32_t i = 0; i < n; i++)
		ML_TRY(ml_design_put(ctx, design, &made, i, p->part[i], &design->made));
	return ML_OK;
}

static ml_status
prepare_block(ml_context *ctx, ml_design *design, preparation *p, ml_stored_block *stored)
{
	uint32_t	n = stored->n;
	char	   *bytes;
	ml_raw		raw;
	ml_made		made;

	ML_TRY(ml_design_load(ctx, design, stored, &bytes));
	raw = ml_design_raw(design, bytes);
	if (p->scratch.bytes == NULL)
		ML_TRY(new_block(ctx, design, &p->scratch.bytes));
	made = ml_design_made(design, p->scratch.bytes, 0);
	for (uint32_t i = 0; i < n; i++)
		p->part[i] = ml_splitter_next(p->splitter, raw.label[i], raw.split[i]);
	ML_TRY(make_block(ctx, design, &raw, &made, n));
	make_sides(design, &raw, &made, n);
	if (design->ntexts > 0)
		ML_TRY(make_texts(ctx, design, p, &made, n));
	else
		p->row += n;
	if (!design->recipe.again && stored->bytes != NULL)
	{
		design->resident -= stored->size;
		ml_release(ctx, design->spare);
		design->spare = stored->bytes;
		stored->bytes = NULL;
	}
	return deal_rows(ctx, design, p, n);
}

static ml_status
prepare_all(ml_context *ctx, ml_design *design, preparation *p)
{
	for (size_t b = 0; b < design->raw.n; b++)
		ML_TRY(prepare_block(ctx, design, p, &design->raw.blocks[b]));
	return ml_design_close_parts(ctx, design, &design->made);
}

static void
forget_prepared(ml_context *ctx, ml_design *design)
{
	ml_design_forget_state(ctx, design);
	ml_design_drop(ctx, design, &design->made);
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		design->parts[part].n = 0;
		design->parts[part].nentries = 0;
		design->part_rows[part] = 0;
	}
}

ml_status
ml_design_prepare(ml_context *ctx, ml_design *design, ml_splitter *splitter, const ml_design_recipe *recipe)
{
	preparation p = {.splitter = splitter};
	ml_status	status;

	ML_TRY(ml_design_close_raw(ctx, design));
	forget_prepared(ctx, design);
	design->recipe = *recipe;
	design->ndense = recipe->tabular->ndense;
	design->nhot = recipe->tabular->nhot;
	design->ncats = recipe->tabular->ncategories;
	design->made_size = ml_design_made_size(design);
	ML_TRY(index_texts(ctx, design, splitter));
	ml_splitter_restart(splitter);
	ML_TRY(ml_alloc(ctx, ML_MAX(design->stride, 1u), (void **) &p.part));
	status = prepare_all(ctx, design, &p);
	ml_release(ctx, p.part);
	ml_release(ctx, p.scratch.bytes);
	ml_release(ctx, p.scratch.ids);
	ml_release(ctx, p.scratch.values);
	ml_release(ctx, design->spare);
	design->spare = NULL;
	if (status == ML_OK && !recipe->again)
		ml_design_drop(ctx, design, &design->raw);
	design->prepared = status == ML_OK;
	return status;
}
