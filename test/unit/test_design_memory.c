/*-------------------------------------------------------------------------
 *
 * test_design_memory.c
 *	  The design matrix beyond memory: what is spilled holds the same as what
 *	  is not, the memory holds whatever the rows, the file does not grow from
 *	  pass to pass, shuffles are fair; and what only the rows that learn may
 *	  tell, times that part them, arrays that come late.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/design.h"

#include <math.h>

#define KINDS		40

static const ml_column columns[] = {
	{.name = {"n1", 2}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"n2", 2}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"n3", 2}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"n4", 2}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"n5", 2}, .type = ML_TYPE_INTEGER, .role = ML_ROLE_NUMBER},
	{.name = {"at", 2}, .type = ML_TYPE_DATE, .role = ML_ROLE_DATE},
	{.name = {"kind", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	{.name = {"late", 4}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER},
	{.name = {"n6", 2}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"later", 5}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER},
	{.name = {"note", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT},
};

#define NCOLUMNS	ML_LENGTH(columns)

/* What a design is made with, and all that belongs to it. */
typedef struct job
{
	uint64_t	nrows;
	size_t		memory;
	uint32_t	ncolumns;		/* with or without the text */
	int			folds;
	uint64_t	late;			/* the first row with an array */
	uint64_t	held_out;		/* every so manieth row is, and has other values; 0 = none */
	bool		counting;
	bool		again;
	bool		exact;			/* features don't depend on sums in the order of rows */
	ml_split_by by;

	ml_design  *design;
	ml_splitter splitter;
	uint64_t	label_rows[2];
	ml_arena	arena;
	ml_column	known[NCOLUMNS];
	ml_tabular	tabular;
	uint32_t  **map;
	ml_design_summary summary;
	ml_design_recipe recipe;
} job;

typedef struct row
{
	ml_value	inputs[NCOLUMNS];
	double		items[3];
	char		kind[16];
	char		note[96];
	ml_side		side;
} row;

/* Row i, always the same. */
static void
make_row(const job *j, uint64_t i, row *r)
{
	bool		odd = j->held_out > 0 && i % j->held_out == 0;
	ml_rng		rng;

	ml_rng_seed(&rng, i);
	for (size_t c = 0; c < NCOLUMNS; c++)
		r->inputs[c].number = ml_rng_below(&rng, 50) == 0 ? NAN :
			floor(ml_rng_double(&rng) * 1000) * (odd ? 1e6 : 1);
	for (int k = 0; k < 3; k++)
		r->items[k] = ml_rng_double(&rng) + (double) k + (odd ? 1e9 : 0);
	r->inputs[5].number = (double) (i * 86400 % 1000000007);
	snprintf(r->kind, sizeof(r->kind), odd ? "odd %d" : "%d", (int) ml_rng_below(&rng, KINDS));
	r->inputs[6].text = ml_rng_below(&rng, 30) == 0 ? (ml_text) {NULL, 0} : unit_text(r->kind);
	r->inputs[7].items = (ml_items) {i >= j->late && i % 7 != 1 ? r->items : NULL, 3};
	r->inputs[9].items = (ml_items) {i >= 2 * j->late ? r->items : NULL, 2};
	snprintf(r->note, sizeof(r->note), "word%d word%d word%d again word%d", (int) ml_rng_below(&rng, 100),
			 (int) ml_rng_below(&rng, 100), (int) ml_rng_below(&rng, 1000), (int) ml_rng_below(&rng, 100));
	r->inputs[10].text = unit_text(r->note);
	r->side = (ml_side) {.target = (double) i, .label = ml_rng_below(&rng, 3) == 0, .weight = 1 + (float) (i % 3),
	.split = j->by == ML_SPLIT_FLAG ? odd : floor(ml_rng_double(&rng) * 300)};
}

static ml_status
add_rows(ml_context *ctx, job *j)
{
	row			r;

	for (uint64_t i = 0; i < j->nrows; i++)
	{
		make_row(j, i, &r);
		j->label_rows[r.side.label]++;
		ML_TRY(ml_design_add(ctx, j->design, r.inputs, &r.side));
	}
	return ML_OK;
}

static ml_status
open_splitter(ml_context *ctx, job *j)
{
	j->splitter = (ml_splitter) {.by = j->by, .holdout = 0.2, .seed = 3, .folds = j->folds, .nlabels = 2,
	.label_rows = j->label_rows};
	if (j->by == ML_SPLIT_TIME)
		ML_TRY(ml_design_find_time(ctx, j->design, &j->splitter));
	if (j->by == ML_SPLIT_GROUPS)
		ML_TRY(ml_design_find_groups(ctx, j->design, &j->splitter));
	return ml_splitter_open(ctx, &j->splitter);
}

static ml_status
make(ml_context *ctx, job *j, ml_recipe *recipe)
{
	ml_tabular_options options = {.standardize = !j->exact, .indicator = true, .rare = 10,
	.impute = j->exact ? ML_IMPUTE_CONSTANT : ML_IMPUTE_MEAN, .winsorize = j->counting ? 0.01 : 0};

	j->held_out = j->by == ML_SPLIT_FLAG ? 5 : 0;
	ML_TRY(ml_design_open(ctx, j->memory, columns, j->ncolumns, j->ncolumns == NCOLUMNS ? recipe : NULL, 1,
						  ml_kernel_select(ML_LEVEL_AUTO), &j->design));
	ML_TRY(add_rows(ctx, j));
	ML_TRY(open_splitter(ctx, j));
	ML_TRY(ml_design_summarize(ctx, j->design, &j->splitter, ~ML_PART(0), j->counting, &j->summary));
	memcpy(j->known, columns, sizeof(columns));
	for (uint32_t i = 0; i < j->ncolumns; i++)
		j->known[i].size = ml_design_items(j->design, i);
	ML_TRY(ml_tabular_fit(ctx, &j->arena, j->known, j->ncolumns, j->summary.summaries, j->summary.levels,
						  j->summary.missing, &options, &j->tabular, &j->map));
	/* regression on the number of the row, so that it is known in every block */
	j->recipe = (ml_design_recipe) {.tabular = &j->tabular, .map = j->map, .min_df = 1, .learning = ~ML_PART(0),
	.again = j->again};
	return ml_design_prepare(ctx, j->design, &j->splitter, &j->recipe);
}

static void
unmake(ml_context *ctx, job *j)
{
	ml_design_close(ctx, j->design);
	ml_splitter_close(ctx, &j->splitter);
	ml_arena_free(ctx, &j->arena);
	memset(&j->label_rows, 0, sizeof(j->label_rows));
	j->design = NULL;
}

static ml_recipe
text_recipe(void)
{
	static ml_text names[] = {{"note", 4}};
	ml_recipe	recipe;

	ml_recipe_default(&recipe);
	recipe.hash_bits = 12;
	recipe.ncolumns = 1;
	recipe.columns = names;
	return recipe;
}

/* Hash of all that a block tells of a row. */
static uint64_t
hash_row(const job *j, const ml_block *block, uint32_t i)
{
	uint64_t	hash = ml_hash(&block->target[i], 8, block->part);

	for (uint32_t k = 0; k < j->tabular.ndense; k++)
		hash = ml_hash(&block->dense[(size_t) k * block->stride + i], 8, hash);
	for (uint32_t k = 0; k < j->tabular.ncategories; k++)
		hash = ml_hash(&block->hot[(size_t) k * block->stride + i], 4, hash);
	hash = ml_hash(&block->label[i], 4, hash);
	hash = ml_hash(&block->weight[i], 8, hash);
	hash = ml_hash(&block->row_weight[i], 8, hash);
	if (block->at == NULL)
		return hash;
	hash = ml_hash(block->ids + block->at[i], (block->at[i + 1] - block->at[i]) * 4, hash);
	return ml_hash(block->values + block->at[i], (block->at[i + 1] - block->at[i]) * 4, hash);
}

/* Of all rows: in order of the pass (of each part), and whatever their order. */
typedef struct digest
{
	uint64_t	ordered;
	uint64_t	sum;
	uint64_t	rows;
	ml_status	status;
} digest;

static digest
digest_of(ml_context *ctx, const job *j)
{
	const ml_block *block;
	digest		d = {0};

	for (int part = 0; part <= j->folds && d.status == ML_OK; part++)
	{
		d.status = ml_design_begin(ctx, j->design, ML_PART(part), NULL);
		while (d.status == ML_OK)
		{
			d.status = ml_design_next(ctx, j->design, &block);
			if (d.status != ML_OK || block == NULL)
				break;
			for (uint32_t i = 0; i < block->n; i++)
			{
				uint64_t	hash = hash_row(j, block, i);

				d.ordered = ml_hash_join(d.ordered, hash);
				d.sum += hash;
				d.rows++;
			}
		}
	}
	return d;
}

/*
 * Features in blocks of one size are the same to the last bit, and so are
 * shuffles; those of other sizes differ in the last bits, if they are exact not.
 */
static void
test_same(unit_host *host, job j, const char *name)
{
	static const size_t memories[] = {(size_t) 256 << 20, (size_t) 16 << 20, (size_t) 1 << 20, 300000};
	ml_recipe	recipe = text_recipe();
	digest		first = {0};
	uint64_t	order = 0;

	for (size_t m = 0; m < (j.exact ? ML_LENGTH(memories) : 2); m++)
	{
		job			one = j;
		digest		d = {.status = ML_INTERNAL};
		digest		shuffled = {.status = ML_INTERNAL};
		uint32_t	rounds = j.again ? 2 : 1;

		one.memory = memories[m];
		if (make(&host->ctx, &one, &recipe) == ML_OK)
			d = digest_of(&host->ctx, &one);
		if (m == 0)
			first = d;
		unit_ok(d.status == ML_OK && d.rows == j.nrows && d.ordered == first.ordered, "%s in %zu kB: the same%s%s", name,
				memories[m] >> 10, d.status == ML_OK ? "" : ": ", d.status == ML_OK ? "" : host->ctx.error.text);
		unit_ok(ml_design_resident(one.design) == (m == 0), "  resident or spilled");
		for (uint32_t round = 0; round < rounds && d.status == ML_OK; round++)
		{
			if (ml_design_shuffle(&host->ctx, one.design, 1) == ML_OK)
				shuffled = digest_of(&host->ctx, &one);
			unit_ok(shuffled.status == ML_OK && shuffled.sum == first.sum && shuffled.rows == j.nrows &&
					shuffled.ordered != first.ordered, "  shuffled");
			if (m == 1 && round == 0)
				unit_ok(shuffled.ordered == order, "  into the same order");
			order = shuffled.ordered;
			one.recipe.again = false;
			if (j.again && round == 0 &&
				ml_design_prepare(&host->ctx, one.design, &one.splitter, &one.recipe) == ML_OK)
			{
				d = digest_of(&host->ctx, &one);
				unit_ok(d.ordered == first.ordered, "  prepared again");
			}
		}
		unmake(&host->ctx, &one);
	}
}

/* The memory is that which was allowed, and what is said to be held is held. */
static void
test_peak(unit_host *host, uint64_t nrows, uint32_t ncolumns, size_t memory, int folds, const char *name)
{
	job			j = {.nrows = nrows, .memory = memory, .ncolumns = ncolumns, .folds = folds, .by = ML_SPLIT_RANDOM,
	.late = 100};
	ml_recipe	recipe = text_recipe();
	size_t		before = host->live_bytes;
	size_t		spilled[3];
	size_t		said;
	digest		d;

	host->spilled = host->ctx.spilled = 0;
	host->peak_bytes = before;
	unit_ok(make(&host->ctx, &j, &recipe) == ML_OK, "%s: %s", name, host->ctx.error.text);
	said = ml_design_memory(j.design);
	unit_is_near((double) (host->live_bytes - before), (double) said, 0.05 * (double) said + 100000,
				 "  %zu kB are held, as it says", said >> 10);
	unit_ok(ml_design_keep(&host->ctx, j.design, 2) == ML_OK, "  kept");
	d = digest_of(&host->ctx, &j);
	unit_ok(d.status == ML_OK && d.rows == nrows, "  a pass");
	for (int round = 0; round < 3; round++)
	{
		unit_ok(ml_design_shuffle(&host->ctx, j.design, (uint64_t) round) == ML_OK, "  shuffled");
		(void) ml_design_keep(&host->ctx, j.design, 2);
		for (int pass = 0; pass < 3; pass++)
			d = digest_of(&host->ctx, &j);
		unit_ok(d.status == ML_OK && d.rows == nrows, "  and read");
		spilled[round] = host->spilled;
	}
	/* what is known of a block stays in memory, two bytes a row at most */
	unit_ok(host->peak_bytes - before < ML_MAX(memory + memory / 32 + 150000, memory / 2 + 2 * nrows),
			"  in %zu kB of %zu", (host->peak_bytes - before) >> 10, memory >> 10);
	unit_ok(spilled[2] <= spilled[1] + spilled[1] / 50, "  the file grows no more: %zu kB, %zu, %zu", spilled[0] >> 10,
			spilled[1] >> 10, spilled[2] >> 10);
	unmake(&host->ctx, &j);
}

/*
 * What grows with the rows, a list of blocks and levels that are all distinct,
 * takes the place of rows that lie in memory.
 */
static void
test_growth(unit_host *host, bool levels, uint64_t nrows, size_t memory)
{
	static const ml_column both[] = {
		{.name = {"n", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"kind", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	};
	ml_context *ctx = &host->ctx;
	ml_design  *design = NULL;
	ml_status	status = ml_design_open(ctx, memory, both, levels ? 2 : 1, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	size_t		most = 0;

	for (uint64_t i = 0; i < nrows && status == ML_OK; i++)
	{
		char		kind[24];
		ml_value	inputs[2] = {{.number = (double) i}};

		snprintf(kind, sizeof(kind), "%llu", (unsigned long long) i);
		inputs[1].text = unit_text(kind);
		status = ml_design_add(ctx, design, inputs, &(ml_side) {.target = 1, .weight = 1});
		if (i % 1024 == 0)
			most = ML_MAX(most, ml_design_memory(design));
	}
	unit_ok(status == ML_OK && most < memory + memory / 16, "%llu rows%s in %zu kB: %zu kB", (unsigned long long) nrows,
			levels ? " and levels" : "", memory >> 10, most >> 10);
	ml_design_close(ctx, design);
	host->spilled = host->ctx.spilled = 0;
}

/* Rows that are held out are far off, and change nothing of what is fitted. */
static void
test_learning_rows(unit_host *host, bool counting)
{
	job			all = {.nrows = 3000, .memory = 1 << 20, .ncolumns = NCOLUMNS - 1, .folds = 2, .by = ML_SPLIT_FLAG,
	.counting = counting};
	ml_recipe	recipe = text_recipe();
	ml_context *ctx = &host->ctx;
	ml_design  *design;
	ml_design_summary some;
	ml_splitter splitter = {.by = ML_SPLIT_FLAG, .folds = 1, .nlabels = 2, .label_rows = all.label_rows};
	ml_status	status = make(ctx, &all, &recipe);
	int			wrong = 0;
	row			r;

	if (status == ML_OK)
		status = ml_design_summarize(ctx, all.design, &all.splitter, ~ML_PART(0), counting, &all.summary);
	unit_ok(status == ML_INTERNAL, "what is given back is not there any more");
	unmake(ctx, &all);
	all.again = true;
	status = make(ctx, &all, &recipe);
	if (status == ML_OK)
		status = ml_design_summarize(ctx, all.design, &all.splitter, ~ML_PART(0), counting, &all.summary);
	/* the same rows without those */
	if (status == ML_OK)
		status = ml_design_open(ctx, 64 << 20, columns, NCOLUMNS - 1, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	for (uint64_t i = 0; i < all.nrows && status == ML_OK; i++)
	{
		make_row(&all, i, &r);
		if (r.side.split == 0)
			status = ml_design_add(ctx, design, r.inputs, &r.side);
	}
	unit_ok(status == ML_OK && ml_splitter_open(ctx, &splitter) == ML_OK &&
			ml_design_summarize(ctx, design, &splitter, ~ML_PART(0), counting, &some) == ML_OK, "summaries: %s",
			host->ctx.error.text);
	for (int k = 0; k < 16; k++)
	{
		const ml_summary *a = &all.summary.summaries[k];
		const ml_summary *b = &some.summaries[k];

		wrong += a->nvalues != b->nvalues || a->nmissing != b->nmissing || a->min != b->min || a->max != b->max;
		wrong += fabs(ml_summary_mean(a) - ml_summary_mean(b)) > 1e-9 * fabs(ml_summary_mean(b)) + 1e-12;
		wrong += fabs(ml_summary_deviation(a) - ml_summary_deviation(b)) > 1e-9 * ml_summary_deviation(b) + 1e-12;
		if (counting)
			wrong += ml_summary_quantile(a, 0.3) != ml_summary_quantile(b, 0.3);
	}
	unit_ok(wrong == 0 && some.nrows == all.summary.nrows, "  are those of the rows that learn");
	wrong = all.summary.missing[0] != some.missing[0];
	for (uint32_t i = 0; i < all.summary.levels[0]->n; i++)
	{
		ml_text		value = all.summary.levels[0]->values[i];
		uint64_t	count = 0;

		for (uint32_t k = 0; k < some.levels[0]->n; k++)
			if (ml_text_equal(value, some.levels[0]->values[k]))
				count = some.levels[0]->counts[k];
		wrong += count != all.summary.levels[0]->counts[i];
	}
	unit_ok(wrong == 0, "  and counts of levels");
	ml_design_close(ctx, design);
	ml_splitter_close(ctx, &splitter);
	unmake(ctx, &all);
}

static int
by_value(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The threshold is that of sorting. */
static void
test_times(unit_host *host, double holdout, size_t memory, int kind)
{
	static const ml_column one[] = {{.name = {"x", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER}};
	static const uint64_t label_rows[] = {5000};
	static double times[5000];
	static double sorted[5000];
	ml_context *ctx = &host->ctx;
	ml_splitter splitter = {.by = ML_SPLIT_TIME, .holdout = holdout, .folds = 1, .nlabels = 1,
	.label_rows = label_rows};
	ml_design  *design;
	size_t		n = 0;
	size_t		held = 0;
	size_t		wrong = 0;
	size_t		wanted;
	ml_rng		rng;

	ml_rng_seed(&rng, (uint64_t) kind);
	(void) ml_design_open(ctx, memory, one, 1, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	for (int i = 0; i < 5000; i++)
	{
		double		u = ml_rng_double(&rng);
		ml_value	value = {.number = i};

		times[i] = kind == 0 ? u * 1e9 : kind == 1 ? floor(u * 7) - 3 : kind == 2 ? (u < 0.5 ? NAN : -u) :
			u < 0.1 ? INFINITY : u < 0.2 ? -INFINITY : u < 0.3 ? -0.0 : 0;
		if (!isnan(times[i]))
			sorted[n++] = times[i];
		wrong += ml_design_add(ctx, design, &value, &(ml_side) {.weight = 1, .split = times[i]}) != ML_OK;
	}
	qsort(sorted, n, sizeof(double), by_value);
	wanted = (size_t) (holdout * (double) n + 0.5);
	wrong += ml_design_find_time(ctx, design, &splitter) != ML_OK || ml_splitter_open(ctx, &splitter) != ML_OK;
	for (int i = 0; i < 5000; i++)
	{
		bool		late = ml_splitter_next(&splitter, 0, times[i]) == 0;

		held += late;
		if (wanted > 0)
			wrong += late ? !(times[i] >= sorted[n - wanted]) : times[i] > sorted[n - wanted];
	}
	unit_ok(wrong == 0 && held == wanted, "times of kind %d, %g of them: %zu rows are held out, the latest", kind, holdout,
			held);
	ml_design_close(ctx, design);
	ml_splitter_close(ctx, &splitter);
}

/* Order of n rows after a shuffle. */
static ml_status
shuffled_order(ml_context *ctx, uint32_t n, size_t memory, uint64_t seed, double *order)
{
	static const ml_column one[] = {{.name = {"x", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER}};
	uint64_t	label_rows[] = {n};
	job			j = {.splitter = {.by = ML_SPLIT_FLAG, .folds = 1, .nlabels = 1, .label_rows = label_rows}};
	ml_tabular_options options = {.standardize = true, .rare = 1};
	const ml_block *block;
	ml_status	status = ml_design_open(ctx, memory, one, 1, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &j.design);

	for (uint32_t i = 0; i < n && status == ML_OK; i++)
		status = ml_design_add(ctx, j.design, &(ml_value) {.number = i}, &(ml_side){.target = i, .weight = 1});
	if (status == ML_OK)
		status = ml_splitter_open(ctx, &j.splitter);
	if (status == ML_OK)
		status = ml_design_summarize(ctx, j.design, &j.splitter, ML_PARTS_ALL, false, &j.summary);
	if (status == ML_OK)
		status = ml_tabular_fit(ctx, &j.arena, one, 1, j.summary.summaries, j.summary.levels, j.summary.missing,
								&options, &j.tabular, &j.map);
	j.recipe = (ml_design_recipe) {.tabular = &j.tabular, .map = j.map, .learning = ML_PARTS_ALL};
	if (status == ML_OK)
		status = ml_design_prepare(ctx, j.design, &j.splitter, &j.recipe);
	if (status == ML_OK)
		status = ml_design_shuffle(ctx, j.design, seed);
	if (status == ML_OK)
		status = ml_design_begin(ctx, j.design, ML_PARTS_ALL, NULL);
	for (uint32_t at = 0; status == ML_OK;)
	{
		status = ml_design_next(ctx, j.design, &block);
		if (status != ML_OK || block == NULL)
			break;
		for (uint32_t i = 0; i < block->n; i++)
			order[at++] = block->target[i];
	}
	unmake(ctx, &j);
	return status;
}

static void
test_fair(unit_host *host)
{
	int			times[256] = {0};
	double		order[4];
	double		chi = 0;
	int			orders = 0;

	for (uint64_t seed = 0; seed < 4800; seed++)
	{
		if (shuffled_order(&host->ctx, 4, 64 << 20, seed, order) == ML_OK)
			times[(int) (order[0] + 4 * order[1] + 16 * order[2] + 64 * order[3])]++;
	}
	for (int i = 0; i < 256; i++)
	{
		orders += times[i] > 0;
		if (times[i] > 0)
			chi += (times[i] - 200.0) * (times[i] - 200.0) / 200.0;
	}
	/* 23 degrees of freedom: beyond 49.7 once in a thousand */
	unit_ok(orders == 24 && chi < 49.7, "every order is equally likely (%d orders, chi square %g)", orders, chi);
}

/* Row and place are not related: neither over all nor from one to the next. */
static void
test_fair_beyond_memory(unit_host *host, uint32_t n, size_t memory)
{
	double	   *order = malloc(n * sizeof(double));
	double		mean = (n - 1) / 2.0;
	double		variance = ((double) n * n - 1) / 12;
	double		trend = 0;
	double		next = 0;
	ml_status	status = shuffled_order(&host->ctx, n, memory, 1, order);

	for (uint32_t i = 0; i < n && status == ML_OK; i++)
	{
		trend += (order[i] - mean) * (i - mean);
		if (i > 0)
			next += (order[i] - mean) * (order[i - 1] - mean);
	}
	trend *= sqrt(n) / (variance * n);
	next *= sqrt(n) / (variance * n);
	unit_ok(status == ML_OK && fabs(trend) < 3.3 && fabs(next) < 3.3,
			"%u rows in %zu kB: at random (deviations %g, %g)", n, memory >> 10, trend, next);
	free(order);
}

static void
test_refusals(unit_host *host)
{
	static const ml_column some[] = {
		{.name = {"day", 3}, .type = ML_TYPE_DATE, .role = ML_ROLE_DATE},
		{.name = {"kind", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
		{.name = {"v", 1}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER},
	};
	static char long_value[2000];
	double		items[2] = {1, 2};
	ml_value	inputs[3] = {{.number = 0}, {.text = {"a", 1}}, {.items = {NULL, 0}}};
	ml_side		side = {.weight = 1};
	ml_design  *design;
	ml_context *ctx = &host->ctx;

	memset(long_value, 'x', sizeof(long_value));
	(void) ml_design_open(ctx, 1 << 20, some, 3, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	unit_ok(ml_design_add(ctx, design, inputs, &side) == ML_OK && ml_design_items(design, 2) == 0,
			"an array whose length is not known");
	inputs[0].number = 1e18;
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "row 2 has an infinite value in column \"day\"",
			   "a date beyond all dates");
	inputs[0].number = -INFINITY;
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "\"day\"", "an infinite date");
	unit_ok(strstr(ctx->error.hint, "nullif(day, '-infinity')") != NULL, "  %s", ctx->error.hint);
	inputs[0].number = NAN;
	inputs[1].text = (ml_text) {long_value, sizeof(long_value)};
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "2000 bytes", "a long level");
	unit_ok(strstr(ctx->error.detail, "Row 2, column \"kind\"") != NULL, "  %s", ctx->error.detail);
	inputs[1].text = (ml_text) {NULL, 0};
	inputs[2].items = (ml_items) {items, 0};
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "row 2 has an empty array in column \"v\"",
			   "an empty array");
	inputs[2].items.n = 2;
	unit_ok(ml_design_add(ctx, design, inputs, &side) == ML_OK && ml_design_items(design, 2) == 2 &&
			ml_design_nrows(design) == 2, "the first array tells its length");
	inputs[2].items.n = 1;
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "row 3", "an array of another length");
	inputs[2].items.n = UINT32_MAX;
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_BAD_DATA, "row 3", "a huge one");
	ml_design_close(ctx, design);
	(void) ml_design_open(ctx, 1 << 20, some, 3, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_MEMORY_LIMIT, "\"v\"", "a huge one first");
	inputs[2].items.n = (size_t) 1 << 20;
	unit_fails(host, ml_design_add(ctx, design, inputs, &side), ML_MEMORY_LIMIT, "need at least", "one beyond the memory");
	ml_design_close(ctx, design);
}

/* A host without a file. */
static void
test_no_file(unit_host *host)
{
	job			j = {.nrows = 20000, .memory = 1 << 20, .ncolumns = NCOLUMNS - 1, .folds = 1};
	ml_host		bare = host->host;
	ml_recipe	recipe = text_recipe();

	bare.spill_write = NULL;
	bare.spill_read = NULL;
	bare.spill_rewrite = NULL;
	host->ctx.host = &bare;
	unit_fails(host, make(&host->ctx, &j, &recipe), ML_MEMORY_LIMIT, "no file", "no file to spill to");
	unmake(&host->ctx, &j);
	bare.spill_write = host->host.spill_write;
	bare.spill_read = host->host.spill_read;
	unit_ok(make(&host->ctx, &j, &recipe) == ML_OK && ml_design_shuffle(&host->ctx, j.design, 1) == ML_OK &&
			digest_of(&host->ctx, &j).rows == j.nrows, "a file that is only appended to");
	unmake(&host->ctx, &j);
	host->ctx.host = &host->host;
	host->spill_fails = true;
	unit_fails(host, make(&host->ctx, &j, &recipe), ML_IO, "temporary file", "a file that fails");
	unmake(&host->ctx, &j);
	host->spill_fails = false;
}

static ml_status
run(ml_context *ctx, void *argument)
{
	job			j = *(job *) argument;
	ml_recipe	recipe = text_recipe();
	ml_status	status = make(ctx, &j, &recipe);

	if (status == ML_OK && j.again)
	{
		j.recipe.again = false;
		status = ml_design_prepare(ctx, j.design, &j.splitter, &j.recipe);
	}
	if (status == ML_OK)
		status = ml_design_shuffle(ctx, j.design, 1);
	if (status == ML_OK)
		status = ml_design_keep(ctx, j.design, 3);
	for (int pass = 0; pass < 2 && status == ML_OK; pass++)
		status = digest_of(ctx, &j).status;
	unmake(ctx, &j);
	return status;
}

int
main(void)
{
	unit_host	host;
	job			plain = {.nrows = 150000, .ncolumns = NCOLUMNS - 1, .folds = 1, .by = ML_SPLIT_RANDOM};
	job			parts = {.nrows = 150000, .ncolumns = NCOLUMNS - 1, .folds = 10, .by = ML_SPLIT_TIME, .late = 5000,
	.exact = true};
	job			texts = {.nrows = 60000, .ncolumns = NCOLUMNS, .folds = 3, .by = ML_SPLIT_GROUPS, .late = 50,
	.again = true, .exact = true};
	job			small = {.nrows = 1500, .ncolumns = NCOLUMNS, .folds = 3, .by = ML_SPLIT_GROUPS, .late = 50,
	.again = true, .memory = 100000};

	unit_open(&host);
	test_same(&host, plain, "one part");
	test_same(&host, parts, "parts by time");
	test_same(&host, texts, "texts and groups");
	host.spilled = host.ctx.spilled = 0;
	test_peak(&host, 200000, NCOLUMNS - 1, 4 << 20, 1, "200,000 rows in 4 MB");
	test_peak(&host, 200000, NCOLUMNS - 1, 4 << 20, 10, "in ten folds");
	test_peak(&host, 100000, NCOLUMNS - 1, 1 << 20, 5, "100,000 in 1 MB");
	test_peak(&host, 40000, NCOLUMNS, 8 << 20, 5, "40,000 with texts in 8 MB");
	test_peak(&host, 1000000, 3, 1 << 19, 1, "1,000,000 in 0.5 MB");
	test_growth(&host, false, 2000000, 1 << 19);
	test_growth(&host, true, 15000, 1 << 20);
	test_learning_rows(&host, false);
	test_learning_rows(&host, true);
	for (int kind = 0; kind < 4; kind++)
	{
		test_times(&host, 0.2, 1 << 20, kind);
		test_times(&host, 0.95, 50000, kind);
		test_times(&host, 0.00001, 50000, kind);
	}
	test_fair(&host);
	test_fair_beyond_memory(&host, 100000, 64 << 20);
	test_fair_beyond_memory(&host, 100000, 1 << 20);
	test_fair_beyond_memory(&host, 100000, 40000);
	test_refusals(&host);
	test_no_file(&host);
	unit_every_allocation_fails("spilled", run, &small);
	unit_every_poll_cancels("spilled", run, &small);
	unit_close(&host, "design");
	return unit_done();
}
