/*-------------------------------------------------------------------------
 *
 * test_design.c
 *	  The design matrix: blocks hold what encoding row by row gives, in memory
 *	  or spilled, in whatever parts; splitters; what solvers keep; shuffling.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/design.h"

#include <math.h>

#define NROWS		5000
#define NCOLUMNS	6
#define NLABELS		3

static const ml_column columns[NCOLUMNS] = {
	{.name = {"a", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"items", 5}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER, .size = 3},
	{.name = {"kind", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	{.name = {"at", 2}, .type = ML_TYPE_TIMESTAMP, .role = ML_ROLE_DATE},
	{.name = {"note", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT},
	{.name = {"flag", 4}, .type = ML_TYPE_BOOLEAN, .role = ML_ROLE_NUMBER},
};

typedef struct toy
{
	ml_value	inputs[NROWS][NCOLUMNS];
	ml_side		sides[NROWS];
	double		items[NROWS][3];
	char		texts[NROWS][48];
	uint64_t	label_rows[NLABELS];
	uint32_t	ncolumns;		/* with or without the text */
} toy;

static const char *const kinds[] = {"red", "green", "blue", "rare one"};
static const char *const words[] = {"alpha", "beta", "gamma", "delta", "epsilon"};

static void
fill(toy *t)
{
	ml_rng		rng;

	memset(t, 0, sizeof(*t));
	t->ncolumns = NCOLUMNS;
	ml_rng_seed(&rng, 7);
	for (int i = 0; i < NROWS; i++)
	{
		ml_value   *row = t->inputs[i];

		row[0].number = i % 11 == 3 ? NAN : ml_rng_double(&rng) * 100 - 20;
		for (int k = 0; k < 3; k++)
			t->items[i][k] = ml_rng_double(&rng);
		row[1].items = (ml_items) {i % 17 == 5 ? NULL : t->items[i], 3};
		row[2].text = i % 13 == 1 ? (ml_text) {NULL, 0} : unit_text(kinds[i % 1000 == 7 ? 3 : ml_rng_below(&rng, 3)]);
		row[3].number = i % 19 == 2 ? NAN : (double) (i * 3600);
		snprintf(t->texts[i], sizeof(t->texts[i]), "%s %s %s", words[ml_rng_below(&rng, 5)],
				 words[ml_rng_below(&rng, 5)], words[ml_rng_below(&rng, 5)]);
		row[4].text = unit_text(t->texts[i]);
		row[5].number = (double) ml_rng_below(&rng, 2);
		t->sides[i] = (ml_side) {.target = i, .label = (uint32_t) (i % NLABELS), .weight = 1 + (float) (i % 2),
		.split = (double) ((i * 7919) % NROWS)};
		t->label_rows[i % NLABELS]++;
	}
}

typedef struct made
{
	ml_arena	arena;
	ml_design  *design;
	ml_splitter splitter;
	ml_tabular	tabular;
	ml_design_recipe recipe;
	uint32_t  **map;
} made;

static const uint32_t classes[NLABELS] = {0, 1, 2};

static ml_status
build(ml_context *ctx, const toy *t, size_t memory, made *m, ml_recipe *recipe)
{
	static const ml_tabular_options options = {.standardize = true, .indicator = true, .rare = 10};
	ml_design_summary summary;

	ML_TRY(ml_design_open(ctx, memory, columns, t->ncolumns, t->ncolumns > 4 ? recipe : NULL, 1,
						  ml_kernel_select(ML_LEVEL_AUTO), &m->design));
	for (int i = 0; i < NROWS; i++)
		ML_TRY(ml_design_add(ctx, m->design, t->inputs[i], &t->sides[i]));
	if (m->splitter.by == ML_SPLIT_TIME)
		ML_TRY(ml_design_find_time(ctx, m->design, &m->splitter));
	ML_TRY(ml_splitter_open(ctx, &m->splitter));
	ML_TRY(ml_design_summarize(ctx, m->design, &m->splitter, ML_PARTS_ALL & ~ML_PART(0), false, &summary));
	ML_TRY(ml_tabular_fit(ctx, &m->arena, columns, t->ncolumns, summary.summaries, summary.levels, summary.missing,
						  &options, &m->tabular, &m->map));
	m->recipe = (ml_design_recipe) {.tabular = &m->tabular, .map = m->map, .classes = classes, .nclasses = NLABELS,
	.min_df = 2, .learning = ML_PARTS_ALL & ~ML_PART(0)};
	return ml_design_prepare(ctx, m->design, &m->splitter, &m->recipe);
}

static void
take_down(ml_context *ctx, made *m)
{
	ml_design_close(ctx, m->design);
	ml_splitter_close(ctx, &m->splitter);
	ml_arena_free(ctx, &m->arena);
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

/* A pass sees the rows of its parts, each block of one, with classes and weights. */
static void
check_rows(ml_context *ctx, made *m, uint32_t parts, const char *name)
{
	const ml_block *block;
	int			wrong = 0;
	uint64_t	rows = 0;

	if (ml_design_begin(ctx, m->design, parts, NULL) != ML_OK)
		wrong++;
	while (ml_design_next(ctx, m->design, &block) == ML_OK && block != NULL)
	{
		wrong += block->first != rows || !(parts >> block->part & 1);
		for (uint32_t i = 0; i < block->stride; i++)
		{
			if (i >= block->n)
			{
				wrong += block->weight[i] != 0 || block->row_weight[i] != 0;
				continue;
			}
			wrong += block->label[i] != (uint32_t) block->target[i];
			rows++;
			wrong += !(block->weight[i] == 1 || block->weight[i] == 2);
		}
	}
	unit_ok(wrong == 0, "%s: sides", name);
	unit_is_int(rows, ml_design_count(m->design, parts), "%s: rows", name);
}

/* Regression target = row number: compare each row with ml_tabular_encode. */
static void
check_features(ml_context *ctx, const toy *t, made *m, const char *name)
{
	static bool seen[NROWS];
	double		dense[64];
	uint32_t	hot[4];
	const ml_block *block;
	int			wrong = 0;
	int			missing = 0;
	double		text = 0;

	memset(seen, 0, sizeof(seen));
	if (ml_design_begin(ctx, m->design, ML_PARTS_ALL, NULL) != ML_OK)
		wrong++;
	while (ml_design_next(ctx, m->design, &block) == ML_OK && block != NULL)
		for (uint32_t i = 0; i < block->n; i++)
		{
			uint32_t	row = (uint32_t) block->target[i];
			double		squares = 0;

			wrong += row >= NROWS || seen[row];
			seen[row] = true;
			if (ml_tabular_encode(ctx, &m->tabular, t->inputs[row], dense, hot) != ML_OK)
				wrong++;
			for (uint32_t j = 0; j < m->tabular.ndense; j++)
				wrong += memcmp(&block->dense[(size_t) j * block->stride + i], &dense[j], sizeof(double)) != 0;
			for (uint32_t k = 0; k < m->tabular.ncategories; k++)
				wrong += block->hot[(size_t) k * block->stride + i] != hot[k];
			if (block->at == NULL)
				continue;
			for (uint32_t k = block->at[i]; k < block->at[i + 1]; k++)
			{
				wrong += block->ids[k] < m->tabular.ndense + m->tabular.nhot ||
					block->ids[k] >= ml_design_nfeatures(m->design);
				squares += (double) block->values[k] * (double) block->values[k];
			}
			text += fabs(squares - 1) > 1e-5;
		}
	for (int i = 0; i < NROWS; i++)
		missing += !seen[i];
	unit_ok(wrong == 0 && missing == 0 && text == 0, "%s: features of every row (%d wrong, %d missing, %g texts)", name,
			wrong, missing, text);
}

static void
test_build(unit_host *host, toy *t, size_t memory, ml_split_by by, int folds, const char *name)
{
	ml_recipe	recipe = text_recipe();
	made		m = {.splitter = {.by = by, .holdout = 0.2, .seed = 3, .folds = folds, .nlabels = NLABELS,
	.label_rows = t->label_rows}};
	ml_status	status = build(&host->ctx, t, memory, &m, &recipe);

	unit_ok(status == ML_OK, "%s: built (%s)", name, host->ctx.error.text);
	if (status == ML_OK)
	{
		check_rows(&host->ctx, &m, ML_PARTS_ALL, name);
		check_rows(&host->ctx, &m, ML_PART(0) | ML_PART(2), name);
		unit_is_int(ml_design_count(m.design, ML_PARTS_ALL), NROWS, "%s: all rows", name);
		if (by == ML_SPLIT_RANDOM || by == ML_SPLIT_TIME)
			unit_is_int(ml_design_count(m.design, ML_PART(0)), NROWS / 5, "%s: held out", name);
	}
	take_down(&host->ctx, &m);
}

/* Regression on the row's number, so that features can be checked. */
static void
test_features(unit_host *host, toy *t, size_t memory, int folds, const char *name)
{
	ml_recipe	recipe = text_recipe();
	made		m = {.splitter = {.by = ML_SPLIT_FOLDS, .seed = 3, .folds = folds, .nlabels = NLABELS,
	.label_rows = t->label_rows}};
	ml_context *ctx = &host->ctx;
	ml_design_summary summary;
	ml_status	status;
	static const ml_tabular_options options = {.standardize = true, .indicator = true, .rare = 10};

	status = ml_design_open(ctx, memory, columns, t->ncolumns, t->ncolumns > 4 ? &recipe : NULL, 1,
							ml_kernel_select(ML_LEVEL_AUTO), &m.design);
	for (int i = 0; i < NROWS && status == ML_OK; i++)
		status = ml_design_add(ctx, m.design, t->inputs[i], &t->sides[i]);
	unit_ok(status == ML_OK && ml_splitter_open(ctx, &m.splitter) == ML_OK &&
			ml_design_summarize(ctx, m.design, &m.splitter, ML_PARTS_ALL, false, &summary) == ML_OK &&
			ml_tabular_fit(ctx, &m.arena, columns, t->ncolumns, summary.summaries, summary.levels, summary.missing,
						   &options, &m.tabular, &m.map) == ML_OK, "%s: fitted", name);
	m.recipe = (ml_design_recipe) {.tabular = &m.tabular, .map = m.map, .min_df = 1, .learning = ML_PARTS_ALL,
	.again = true};
	unit_ok(ml_design_prepare(ctx, m.design, &m.splitter, &m.recipe) == ML_OK, "%s: prepared", name);
	check_features(ctx, t, &m, name);
	unit_ok(ml_design_resident(m.design) == (memory > 64 << 20), "%s: resident or spilled", name);
	m.recipe.again = false;
	unit_ok(ml_design_prepare(ctx, m.design, &m.splitter, &m.recipe) == ML_OK, "%s: prepared again", name);
	check_features(ctx, t, &m, name);
	for (int round = 0; round < 2; round++)
	{
		const ml_block *block;
		double		order = 0;
		double		before = -1;

		unit_ok(ml_design_shuffle(ctx, m.design, 5) == ML_OK, "%s: shuffled", name);
		check_features(ctx, t, &m, "shuffled");
		(void) ml_design_begin(ctx, m.design, ML_PART(1), NULL);
		while (ml_design_next(ctx, m.design, &block) == ML_OK && block != NULL)
			for (uint32_t i = 0; i < block->n; i++)
			{
				order += block->target[i] > before;
				before = block->target[i];
			}
		order /= (double) ml_design_count(m.design, ML_PART(1));
		unit_ok(order > 0.4 && order < 0.6, "%s: in random order (%g ascend)", name, order);
	}
	take_down(ctx, &m);
}

/* What solvers keep stays with its row, spilled or not. */
static void
test_keep(unit_host *host, toy *t, size_t memory, const char *name)
{
	ml_recipe	recipe = text_recipe();
	made		m = {.splitter = {.by = ML_SPLIT_FLAG, .folds = 1, .nlabels = NLABELS, .label_rows = t->label_rows}};
	ml_context *ctx = &host->ctx;
	const ml_block *block;
	int			wrong = build(ctx, t, memory, &m, &recipe) != ML_OK;

	wrong += ml_design_keep(ctx, m.design, 2) != ML_OK;
	for (int pass = 0; pass < 3 && !wrong; pass++)
	{
		ml_rng		rng;

		ml_rng_seed(&rng, (uint64_t) pass);
		(void) ml_design_begin(ctx, m.design, ML_PARTS_ALL, &rng);
		while (ml_design_next(ctx, m.design, &block) == ML_OK && block != NULL)
			for (uint32_t i = 0; i < block->n; i++)
			{
				wrong += block->state[i] != (float) pass * (float) block->dense[i];
				wrong += block->state[block->stride + i] != (float) pass;
				block->state[i] = (float) (pass + 1) * (float) block->dense[i];
				block->state[block->stride + i]++;
			}
	}
	unit_ok(wrong == 0, "%s: kept from pass to pass", name);
	take_down(ctx, &m);
}

static void
test_refusals(unit_host *host)
{
	static const ml_column numbers[] = {
		{.name = {"x", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"v", 1}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER},
	};
	double		items[3] = {1, 2, 3};
	ml_value	row[2] = {{.number = 1}, {.items = {items, 2}}};
	ml_side		side = {.weight = 1};
	ml_design  *design;
	ml_context *ctx = &host->ctx;

	(void) ml_design_open(ctx, 1 << 20, numbers, 2, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	unit_ok(ml_design_add(ctx, design, row, &side) == ML_OK, "an array sets the length");
	row[1].items.n = 3;
	unit_fails(host, ml_design_add(ctx, design, row, &side), ML_BAD_DATA, "row 2", "an array of another length");
	row[1].items.n = 2;
	row[0].number = INFINITY;
	unit_fails(host, ml_design_add(ctx, design, row, &side), ML_BAD_DATA, "\"x\"", "an infinite number");
	row[0].number = 1;
	items[1] = -INFINITY;
	unit_fails(host, ml_design_add(ctx, design, row, &side), ML_BAD_DATA, "\"v\"", "an infinite item");
	ml_design_close(ctx, design);
	row[1].items.n = 0;
	(void) ml_design_open(ctx, 1 << 20, numbers, 2, NULL, 1, ml_kernel_select(ML_LEVEL_AUTO), &design);
	unit_fails(host, ml_design_add(ctx, design, row, &side), ML_BAD_DATA, "empty array", "an empty array");
	ml_design_close(ctx, design);
}

typedef struct scenario
{
	toy		   *t;
	size_t		memory;
} scenario;

static ml_status
run_scenario(ml_context *ctx, void *argument)
{
	scenario   *s = argument;
	ml_recipe	recipe = text_recipe();
	made		m = {.splitter = {.by = ML_SPLIT_RANDOM, .holdout = 0.2, .folds = 2, .nlabels = NLABELS,
	.label_rows = s->t->label_rows}};
	ml_status	status;
	const ml_block *block;

	ctx->spilled = ((unit_host *) ctx->host->user)->spilled;
	status = build(ctx, s->t, s->memory, &m, &recipe);
	if (status == ML_OK)
		status = ml_design_keep(ctx, m.design, 1);
	if (status == ML_OK)
		status = ml_design_begin(ctx, m.design, ML_PARTS_ALL, NULL);
	while (status == ML_OK)
	{
		status = ml_design_next(ctx, m.design, &block);
		if (block == NULL)
			break;
	}
	if (status == ML_OK)
		status = ml_design_shuffle(ctx, m.design, 1);
	take_down(ctx, &m);
	return status;
}

int
main(void)
{
	toy		   *t = malloc(sizeof(toy));
	unit_host	host;
	scenario	plain = {t, 128 << 20};
	scenario	spilled = {t, 1 << 20};

	fill(t);
	unit_open(&host);
	for (t->ncolumns = 4; t->ncolumns <= NCOLUMNS; t->ncolumns += 2)
	{
		const char *name = t->ncolumns == 4 ? "numbers" : "numbers and texts";

		test_build(&host, t, 128 << 20, ML_SPLIT_RANDOM, 10, name);
		test_build(&host, t, 128 << 20, ML_SPLIT_RANDOM, 1, name);
		test_build(&host, t, 128 << 20, ML_SPLIT_TIME, 1, name);
		test_build(&host, t, 128 << 20, ML_SPLIT_GROUPS, 5, name);
		test_build(&host, t, 128 << 20, ML_SPLIT_FLAG, 1, name);
		test_build(&host, t, 100000, ML_SPLIT_RANDOM, 10, name);
		test_build(&host, t, 100000, ML_SPLIT_TIME, 3, name);
		test_features(&host, t, 128 << 20, 1, name);
		test_features(&host, t, 128 << 20, 7, name);
		test_features(&host, t, 100000, 1, name);
		test_features(&host, t, 100000, 7, name);
		test_keep(&host, t, 128 << 20, name);
		test_keep(&host, t, 100000, name);
	}
	test_refusals(&host);
	t->ncolumns = NCOLUMNS;
	unit_every_allocation_fails("resident", run_scenario, &plain);
	unit_every_allocation_fails("spilled", run_scenario, &spilled);
	unit_every_poll_cancels("resident", run_scenario, &plain);
	unit_every_poll_cancels("spilled", run_scenario, &spilled);
	unit_close(&host, "design");
	free(t);
	return unit_done();
}
