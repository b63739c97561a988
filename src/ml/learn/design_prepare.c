/*-------------------------------------------------------------------------
 *
 * design_prepare.c
 *	  Raw blocks -> features, each row in a block of its part.
 *
 * One raw block after the other becomes a block of features, and its memory
 * serves a next one.  If all its rows are of one part the block of features is
 * stored as it is; otherwise its rows are dealt, column by column, into the
 * open blocks of their parts.
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
	uint32_t   *rows;			/* [stride]: those of one part */
} preparation;

/* ---------- blocks ---------- */

static size_t
made_size(const ml_design *design)
{
	size_t		stride = design->stride;
	size_t		row = ml_size_add(ml_size_mul(design->ndense, sizeof(double)),
								  3 * sizeof(double) + (design->ncats + 1) * sizeof(uint32_t));

	return ml_size_add(ml_size_mul(row, stride), design->ntexts > 0 ? (stride + 2) * sizeof(uint32_t) : 0);
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

ml_made
ml_design_made_of(const ml_design *design, char *bytes)
{
	ml_made		made = ml_design_made(design, bytes, 0);

	if (made.at != NULL)
		made.values = (float *) (made.ids + made.at[design->stride + 1]);
	return made;
}

/* Memory for a prepared block without texts: that of a raw one if it is at hand and will do. */
static ml_status
new_block(ml_context *ctx, ml_design *design, char **bytes)
{
	char	   *spare = design->spare;

	if (spare == NULL)
		return ml_design_alloc(ctx, design, design->made_size, bytes);
	design->spare = NULL;
	if (design->made_size <= design->spare_size && design->spare_size - design->made_size <= design->made_size / 16)
	{
		design->held -= design->spare_size - design->made_size;
		*bytes = spare;
		return ML_OK;
	}
	ml_design_release(ctx, design, spare, design->spare_size);
	return ml_design_alloc(ctx, design, design->made_size, bytes);
}

/* Rows behind n: weight 0, values 0, no level. */
static void
pad_rows(const ml_design *design, const ml_made *made, uint32_t n, uint32_t nentries)
{
	uint32_t	stride = design->stride;

	if (made->at != NULL)
		for (uint32_t i = n; i < stride + 2; i++)
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

/* A copy of a block together with its texts. */
static ml_status
join_texts(ml_context *ctx, ml_design *design, const ml_open_part *open, size_t size, char **bytes)
{
	size_t		n = open->nentries * sizeof(uint32_t);
	ml_made		made;

	ML_TRY(ml_design_alloc(ctx, design, size, bytes));
	memcpy(*bytes, open->bytes, design->made_size);
	made = ml_design_made(design, *bytes, open->nentries);
	if (n > 0)
	{
		memcpy(made.ids, open->ids, n);
		memcpy(made.values, open->values, n);
	}
	memset(*bytes + design->made_size + 2 * n, 0, size - design->made_size - 2 * n);
	return ML_OK;
}

/* Store a full or last block; its memory is taken over or kept for the next. */
static ml_status
store_part(ml_context *ctx, ml_design *design, ml_open_part *open, uint8_t part, ml_block_list *list)
{
	size_t		entries = open->nentries * (sizeof(uint32_t) + sizeof(float));
	size_t		size = design->ntexts == 0 ? design->made_size : ml_design_round(design->made_size + entries);
	ml_stored_block block = {.size = (uint32_t) size, .n = (uint16_t) open->n, .part = part};
	ml_made		made = ml_design_made(design, open->bytes, 0);
	char	   *bytes = open->bytes;
	bool		kept = false;
	ml_status	status;

	pad_rows(design, &made, open->n, open->nentries);
	if (design->ntexts > 0)
		ML_TRY(join_texts(ctx, design, open, size, &bytes));
	status = ml_design_store(ctx, design, list, &block, bytes, &kept);
	if (!kept && bytes != open->bytes)
		ml_design_release(ctx, design, bytes, size);
	ML_TRY(status);
	if (kept && bytes == open->bytes)
		open->bytes = NULL;
	design->part_rows[part] += open->n;
	open->n = 0;
	open->nentries = 0;
	return ML_OK;
}

static ml_status
reserve_entries(ml_context *ctx, ml_design *design, ml_open_part *open, size_t n)
{
	size_t		capacity = open->capacity;
	void	   *ids = open->ids;
	void	   *values = open->values;

	if (open->nentries + n <= open->capacity)
		return ML_OK;
	if (open->nentries + n > UINT32_MAX / 16)
		return ml_fail(ctx, ML_MEMORY_LIMIT, "texts have too many features");
	ML_TRY(ml_design_grow(ctx, design, &ids, &capacity, open->nentries + n, sizeof(uint32_t)));
	open->ids = ids;
	/* of the smaller capacity until both have grown */
	ML_TRY(ml_resize(ctx, &values, capacity * sizeof(float)));
	open->values = values;
	design->held += (capacity - open->capacity) * sizeof(float);
	open->capacity = capacity;
	return ML_OK;
}

ml_status
ml_design_open_part(ml_context *ctx, ml_design *design, uint8_t part, uint32_t nentries, ml_block_list *list)
{
	ml_open_part *open = &design->parts[part];
	size_t		most = design->block_bytes / sizeof(uint32_t);

	/* blocks of long texts have fewer rows */
	if (open->n == design->stride || (open->n > 0 && (size_t) open->nentries + nentries > most))
		ML_TRY(store_part(ctx, design, open, part, list));
	if (open->bytes == NULL)
		ML_TRY(new_block(ctx, design, &open->bytes));
	return nentries == 0 ? ML_OK : reserve_entries(ctx, design, open, nentries);
}

ml_status
ml_design_close_parts(ml_context *ctx, ml_design *design, ml_block_list *list)
{
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_open_part *open = &design->parts[part];

		if (open->n > 0)
			ML_TRY(store_part(ctx, design, open, (uint8_t) part, list));
		ml_design_release(ctx, design, open->bytes, design->made_size);
		open->bytes = NULL;
	}
	return ML_OK;
}

void
ml_design_free_entries(ml_context *ctx, ml_design *design)
{
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_open_part *open = &design->parts[part];

		ml_release(ctx, open->ids);
		ml_release(ctx, open->values);
		design->held -= open->capacity * (sizeof(uint32_t) + sizeof(float));
		open->ids = NULL;
		open->values = NULL;
		open->capacity = 0;
	}
}

/* ---------- dealing rows ---------- */

/* Rows rows[0..n) of a block behind those of the open block, which has room. */
static void
copy_rows(const ml_design *design, const ml_made *from, const uint32_t *rows, uint32_t n, ml_open_part *open)
{
	size_t		stride = design->stride;
	uint32_t	at = open->n;
	ml_made		to = ml_design_made(design, open->bytes, 0);

	/* target and weights follow the numbers, as columns of the same kind */
	for (uint32_t j = 0; j < design->ndense + 3; j++)
	{
		const double *x = from->dense + j * stride;
		double	   *y = to.dense + j * stride + at;

		for (uint32_t i = 0; i < n; i++)
			y[i] = x[rows[i]];
	}
	/* and the label the levels */
	for (uint32_t k = 0; k < design->ncats + 1; k++)
	{
		const uint32_t *x = from->hot + k * stride;
		uint32_t   *y = to.hot + k * stride + at;

		for (uint32_t i = 0; i < n; i++)
			y[i] = x[rows[i]];
	}
	open->n += n;
}

static void
copy_entries(const ml_made *from, uint32_t row, const ml_made *to, ml_open_part *open)
{
	uint32_t	n = from->at[row + 1] - from->at[row];

	to->at[open->n] = open->nentries;
	if (n > 0)
	{
		memcpy(open->ids + open->nentries, from->ids + from->at[row], n * sizeof(uint32_t));
		memcpy(open->values + open->nentries, from->values + from->at[row], n * sizeof(float));
	}
	open->nentries += n;
}

static ml_status
deal_part(ml_context *ctx, ml_design *design, const ml_made *from, const uint32_t *rows, uint32_t n, uint8_t part)
{
	ml_open_part *open = &design->parts[part];

	for (uint32_t done = 0; done < n;)
	{
		bool		opens = open->bytes == NULL;
		uint32_t	nentries = 0;
		uint32_t	some;

		if (from->at != NULL)
			nentries = from->at[rows[done] + 1] - from->at[rows[done]];
		ML_TRY(ml_design_open_part(ctx, design, part, nentries, &design->made));
		if (opens)
			design->reserved -= design->made_size;
		some = ML_MIN(n - done, from->at != NULL ? 1 : design->stride - open->n);
		if (from->at != NULL)
		{
			ml_made		to = ml_design_made(design, open->bytes, 0);

			copy_entries(from, rows[done], &to, open);
		}
		copy_rows(design, from, rows + done, some, open);
		done += some;
	}
	return ML_OK;
}

/* The block in scratch: stored whole, or dealt. */
static ml_status
deal_rows(ml_context *ctx, ml_design *design, preparation *p, uint32_t n)
{
	ml_open_part *open = &p->scratch;
	bool		whole = n == design->stride || p->row == design->nrows;
	uint32_t	parts = 0;
	ml_made		made = ml_design_made(design, open->bytes, 0);

	for (uint32_t i = 0; i < n; i++)
		parts |= UINT32_C(1) << p->part[i];
	if (whole && parts == UINT32_C(1) << p->part[0] && design->parts[p->part[0]].n == 0)
	{
		open->n = n;
		return store_part(ctx, design, open, p->part[0], &design->made);
	}
	made.ids = open->ids;
	made.values = open->values;
	for (uint8_t part = 0; part < ML_DESIGN_PARTS; part++)
	{
		uint32_t	count = 0;

		if ((parts >> part & 1) == 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
		{
			p->rows[count] = i;
			count += p->part[i] == part;
		}
		ML_TRY(deal_part(ctx, design, &made, p->rows, count, part));
	}
	return ML_OK;
}

/* ---------- features ---------- */

/* ml_tabular_scale of n numbers; false: one of the features is no number. */
static bool
scale_numbers(const ml_kernel *kernel, const ml_scaling *scaling, const double *from, double *to, uint32_t n)
{
	ml_column_scale by = {scaling->mean, scaling->scale, scaling->fill, scaling->low, scaling->high};
	uint32_t	whole = n / 8 * 8;
	bool		sound = kernel->column->scale(to, from, whole, &by);

	for (uint32_t i = whole; i < n; i++)
	{
		to[i] = ml_tabular_scale(scaling, from[i]);
		sound &= !isnan(to[i]);
	}
	return sound;
}

static bool
scale_date(const ml_tabular *tabular, const ml_tabular_column *column, const double *seconds, const ml_made *made,
		   size_t stride, uint32_t n)
{
	bool		sound = true;

	for (uint32_t i = 0; i < n; i++)
	{
		double		parts[ML_DATE_PARTS_MAX];

		(void) ml_date_parts((ml_type) column->type, seconds[i], parts);
		for (uint32_t k = 0; k < column->nterms; k++)
		{
			double		value = ml_tabular_scale(&tabular->scaling[column->first + k], parts[k]);

			sound &= !isnan(value);
			made->dense[(column->first + k) * stride + i] = value;
		}
	}
	return sound;
}

/* 1 where the value, or an item of the array, is missing. */
static void
make_indicator(const ml_design *design, const ml_raw_column *from, const ml_raw *raw, double *to, uint32_t n)
{
	memset(to, 0, n * sizeof(double));
	for (uint32_t k = 0; k < from->n; k++)
	{
		const double *values = ml_raw_numbers(design, raw, from, k);

		for (uint32_t i = 0; i < n; i++)
			to[i] = isnan(values[i]) ? 1 : to[i];
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
refuse_column(ml_context *ctx, ml_text name)
{
	ml_fail(ctx, ML_BAD_DATA, "the values of column \"%.*s\" differ by more than numbers can express",
			(int) name.size, name.data);
	return ml_hint(ctx, "Leave out its extreme values, or set option \"winsorize\".");
}

/* Column c's features; column is how it became them, and map how its levels did. */
static bool
make_column(const ml_design *design, uint32_t c, const ml_tabular_column *column, uint32_t category,
			const ml_raw *raw, const ml_made *made, uint32_t n)
{
	const ml_tabular *tabular = design->recipe.tabular;
	const ml_raw_column *from = &design->raw_columns[c];
	size_t		stride = design->stride;
	bool		sound = true;

	if (from->kind == ML_RAW_LEVEL)
	{
		make_levels(column, design->recipe.map[category], raw->levels + from->first * stride,
					made->hot + category * stride, n);
		return true;
	}
	if (from->kind == ML_RAW_TEXT)
		return true;
	if (from->kind == ML_RAW_DATE)
		sound = scale_date(tabular, column, ml_raw_numbers(design, raw, from, 0), made, stride, n);
	else
		for (uint32_t k = 0; k < column->nterms; k++)
			sound &= scale_numbers(design->kernel, &tabular->scaling[column->first + k], ml_raw_numbers(design, raw, from, k),
								   made->dense + (column->first + k) * stride, n);
	if (column->indicator != ML_NO_TERM)
		make_indicator(design, from, raw, made->dense + column->indicator * stride, n);
	return sound;
}

static ml_status
make_block(ml_context *ctx, const ml_design *design, const ml_raw *raw, const ml_made *made, uint32_t n)
{
	const ml_tabular *tabular = design->recipe.tabular;
	uint32_t	kept = 0;
	uint32_t	category = 0;

	for (uint32_t c = 0; c < design->ncolumns; c++)
	{
		if (design->recipe.left_out != NULL && design->recipe.left_out[c])
			continue;
		if (!make_column(design, c, &tabular->columns[kept], category, raw, made, n))
			return refuse_column(ctx, tabular->names[kept]);
		category += design->raw_columns[c].kind == ML_RAW_LEVEL;
		kept++;
		if (kept % 16 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ml_poll(ctx);
}

static void
make_sides(const ml_design *design, const ml_raw *raw, const ml_made *made, uint32_t n)
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

/* ---------- texts ---------- */

/* The next row of ml_rows' pass. */
static ml_status
next_text(ml_context *ctx, ml_design *design, preparation *p, const ml_row **row)
{
	if (p->next == p->ngroup)
	{
		if (!design->recipe.again)
			ml_rows_consume(ctx, design->rows);
		ML_TRY(ml_rows_next(ctx, design->rows, &p->group, &p->ngroup));
		p->next = 0;
		if (p->ngroup == 0)
			return ml_fail(ctx, ML_INTERNAL, "texts of row %llu are missing", (unsigned long long) p->row);
	}
	*row = &p->group[p->next++];
	if ((*row)->number != p->row++)
		return ml_fail(ctx, ML_INTERNAL, "texts come out of order");
	return ML_OK;
}

/* The texts' features of the block's rows, which come in order. */
static ml_status
make_texts(ml_context *ctx, ml_design *design, preparation *p, const ml_made *made, uint32_t n)
{
	const ml_rows_index *index = ml_rows_indexed(design->rows);
	uint32_t	first = design->ndense + design->nhot;
	ml_open_part *open = &p->scratch;

	open->nentries = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		const ml_row *row = NULL;
		float		scale;

		ML_TRY(next_text(ctx, design, p, &row));
		ML_TRY(reserve_entries(ctx, design, open, row->n));
		scale = ml_row_scale(index, ml_rows_get(design->rows)->length[row->number]);
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
	return ML_OK;
}

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

static ml_status
prepare_block(ml_context *ctx, ml_design *design, preparation *p, ml_stored_block *stored)
{
	uint32_t	n = stored->n;
	uint8_t		last = design->recipe.last_fold;
	char	   *bytes;
	ml_raw		raw;
	ml_made		made;

	ML_TRY(ml_design_load(ctx, design, stored, &bytes));
	raw = ml_design_raw(design, bytes, stored->size);
	if (p->scratch.bytes == NULL)
		ML_TRY(new_block(ctx, design, &p->scratch.bytes));
	made = ml_design_made(design, p->scratch.bytes, 0);
	for (uint32_t i = 0; i < n; i++)
	{
		uint8_t		part = ml_splitter_next(p->splitter, raw.label[i], raw.split[i]);

		p->part[i] = last > 0 ? ML_MIN(part, last) : part;
	}
	ML_TRY(make_block(ctx, design, &raw, &made, n));
	make_sides(design, &raw, &made, n);
	if (design->ntexts > 0)
		ML_TRY(make_texts(ctx, design, p, &made, n));
	else
		p->row += n;
	if (!design->recipe.again && (stored->flags & ML_BLOCK_HERE) && design->spare == NULL)
	{
		design->spare = stored->at.bytes;
		design->spare_size = stored->size;
		stored->flags = 0;
		stored->n = 0;
	}
	else if (!design->recipe.again)
		ml_design_free(ctx, design, stored);
	return deal_rows(ctx, design, p, n);
}

static void
forget_prepared(ml_context *ctx, ml_design *design)
{
	design->prepared = false;
	ml_design_forget_state(ctx, design);
	ml_design_drop(ctx, design, &design->made);
	for (int part = 0; part < ML_DESIGN_PARTS; part++)
	{
		ml_open_part *open = &design->parts[part];

		/* left by a failure */
		ml_design_release(ctx, design, open->bytes, design->made_size);
		open->bytes = NULL;
		open->n = 0;
		open->nentries = 0;
		design->part_rows[part] = 0;
	}
}

static ml_status
prepare_all(ml_context *ctx, ml_design *design, preparation *p)
{
	ml_split_by by = p->splitter->by;
	bool		holds_out = by == ML_SPLIT_FLAG || by == ML_SPLIT_TIME ||
		(by == ML_SPLIT_RANDOM && p->splitter->holdout > 0);
	uint32_t	folds = (uint32_t) p->splitter->folds;
	uint32_t	nparts = (design->recipe.last_fold > 0 ? ML_MIN(folds, (uint32_t) design->recipe.last_fold) : folds) +
		holds_out;

	ML_TRY(ml_alloc(ctx, design->stride + 1, (void **) &p->part));
	ML_TRY(ml_alloc(ctx, (design->stride + 1) * sizeof(uint32_t), (void **) &p->rows));
	/* an open block of each part, besides the one under way and a spilled one */
	design->reserved = nparts * design->made_size;
	ML_TRY(ml_design_make_room(ctx, design, 2 * design->made_size, false));
	for (size_t b = 0; b < design->raw.n; b++)
		ML_TRY(prepare_block(ctx, design, p, &design->raw.blocks[b]));
	if (design->ntexts > 0 && !design->recipe.again)
		ml_rows_consume(ctx, design->rows);
	design->reserved = 0;
	return ml_design_close_parts(ctx, design, &design->made);
}

static void
free_buffers(ml_context *ctx, ml_design *design, preparation *p)
{
	design->reserved = 0;
	ml_release(ctx, p->part);
	ml_release(ctx, p->rows);
	ml_design_release(ctx, design, p->scratch.bytes, design->made_size);
	ml_release(ctx, p->scratch.ids);
	ml_release(ctx, p->scratch.values);
	design->held -= p->scratch.capacity * (sizeof(uint32_t) + sizeof(float));
	ml_design_release(ctx, design, design->spare, design->spare_size);
	design->spare = NULL;
	ml_design_free_entries(ctx, design);
}

ml_status
ml_design_prepare(ml_context *ctx, ml_design *design, ml_splitter *splitter, const ml_design_recipe *recipe)
{
	preparation p = {.splitter = splitter};
	ml_status	status;

	ML_TRY(ml_design_close_raw(ctx, design));
	ml_design_release(ctx, design, design->open, design->open_size);
	design->open = NULL;
	forget_prepared(ctx, design);
	design->recipe = *recipe;
	design->ndense = recipe->tabular->ndense;
	design->nhot = recipe->tabular->nhot;
	design->ncats = recipe->tabular->ncategories;
	design->made_size = made_size(design);
	for (uint32_t i = 0; i < design->nsummaries; i++)
	{
		/* what quantiles came from */
		ml_summary_close(ctx, &design->summaries[i]);
		design->summaries[i].bins = NULL;
	}
	ML_TRY(index_texts(ctx, design, splitter));
	ml_splitter_restart(splitter);
	design->consumed = !recipe->again;
	status = prepare_all(ctx, design, &p);
	free_buffers(ctx, design, &p);
	if (status == ML_OK && !recipe->again)
		ml_design_drop(ctx, design, &design->raw);
	design->prepared = status == ML_OK;
	return status;
}
