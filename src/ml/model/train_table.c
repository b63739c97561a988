/*-------------------------------------------------------------------------
 *
 * train_table.c
 *	  The trainer of tables: rows into a design matrix, a stored model out.
 *
 * Half of the memory is for rows, the other half for what is learnt; rows
 * beyond theirs go to the host's spill file, whole.
 *
 * A cross-validation deals the rows into parts, several for each fold where a
 * score must be calibrated: part p is of fold (p - 1) mod folds + 1.  Each fold
 * has a recipe, a fit and a calibration that know nothing of its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

#include "model/stored_table.h"

#include <math.h>

#define FEW_ROWS		1000	/* below: words seen once count as well */
#define CHECK_ROWS		1024
#define QUOTED(text)	(int) ML_MIN((text).size, (size_t) 64), (text).data

#define LEARN			(ML_PARTS_ALL & ~ML_PART(ML_PART_HOLDOUT))

static ml_status
open_texts(ml_context *ctx, ml_table_trainer *table)
{
	ml_trainer *trainer = table->trainer;
	ml_text		unicode = {ml_words_unicode_version(), strlen(ml_words_unicode_version())};
	void	   *memory;

	table->recipe = trainer->options.recipe;
	table->recipe.ncolumns = 0;
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena, ml_size_mul(trainer->ncolumns, sizeof(ml_text)),
						  &memory));
	table->recipe.columns = memory;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].role == ML_ROLE_TEXT)
			table->recipe.columns[table->recipe.ncolumns++] = trainer->columns[i].name;
	return ml_arena_copy(ctx, &trainer->arena, unicode, &table->recipe.unicode);
}

static ml_status
open_table(ml_context *ctx, ml_table_trainer *table)
{
	ml_trainer *trainer = table->trainer;
	void	   *memory;

	table->learner = ml_learner_find(trainer->options.algorithm);
	if (table->learner == NULL)
		return ml_fail(ctx, ML_INTERNAL, "there is no learner %s", trainer->options.algorithm.data);
	table->least = INFINITY;
	table->most = -INFINITY;
	ML_TRY(open_texts(ctx, table));
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(trainer->ncolumns, sizeof(bool)),
							   &memory));
	table->left_out = memory;
	return ml_design_open(ctx, trainer->memory / 2, trainer->columns, trainer->ncolumns,
						  table->recipe.ncolumns > 0 ? &table->recipe : NULL,
						  trainer->options.char_weight, trainer->kernel, &table->design);
}

ml_status
ml_train_table_open(ml_context *ctx, ml_trainer *trainer)
{
	void	   *memory;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_table_trainer), &memory));
	trainer->table = memory;
	trainer->table->trainer = trainer;
	return open_table(ctx, trainer->table);
}

void
ml_table_forget(ml_context *ctx, ml_table_trainer *table)
{
	if (table->state != NULL)
		table->learner->close(ctx, table->state);
	table->state = NULL;
	ml_solution_close(ctx, &table->solution);
	ml_solution_close(ctx, &table->start);
}

void
ml_train_table_close(ml_context *ctx, ml_table_trainer *table)
{
	if (table == NULL)
		return;
	ml_table_forget(ctx, table);
	ml_judgement_free(ctx, &table->judgement);
	ml_design_close(ctx, table->design);
	ml_splitter_close(ctx, &table->splitter);
	ml_buffer_free(ctx, &table->told);
	ml_arena_free(ctx, &table->fitted);
	ml_release(ctx, table);
}

bool
ml_table_calibrates(const ml_table_trainer *table)
{
	return table->trainer->task == ML_CLASSIFICATION &&
		!table->learner->is_logistic(&table->trainer->options);
}

static ml_status
check_memory(ml_context *ctx, const ml_table_trainer *table)
{
	const ml_trainer *trainer = table->trainer;

	if (ml_design_memory(table->design) <= trainer->memory)
		return ML_OK;
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"%llu rows need %zu MB of memory, and %zu MB are allowed", (unsigned long long) ml_design_nrows(table->design),
			(ml_design_memory(table->design) >> 20) + 1, trainer->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem to at least %zu MB: rows go to a temporary file, but the values "
						"of categories stay in memory.",
				   (ml_design_memory(table->design) >> 19) + 1);
}

ml_status
ml_train_table_add(ml_context *ctx, ml_table_trainer *table, const ml_train_row *row)
{
	ML_TRY(ml_design_add(ctx, table->design, row->inputs, &(ml_side)
						 {
							 .target = row->target,
							 .label = row->label,
							 .weight = row->weight,
							 .split = row->split
						 }));
	table->least = ML_MIN(table->least, row->target);
	table->most = ML_MAX(table->most, row->target);
	return ml_design_nrows(table->design) % CHECK_ROWS == 0 ? check_memory(ctx, table) : ML_OK;
}

ml_status
ml_train_table_add_numbers(ml_context *ctx, ml_table_trainer *table, const double *rows, const ml_side *sides, size_t n)
{
	uint64_t	before = ml_design_nrows(table->design);

	ML_TRY(ml_design_add_numbers(ctx, table->design, rows, sides, n));
	for (size_t i = 0; i < n && table->trainer->task == ML_REGRESSION; i++)
	{
		table->least = ML_MIN(table->least, sides[i].target);
		table->most = ML_MAX(table->most, sides[i].target);
	}
	return before / CHECK_ROWS != (before + n) / CHECK_ROWS ? check_memory(ctx, table) : ML_OK;
}

/* Classes are labels in C order; of two, the positive one is class 1. */
static ml_status
number_classes(ml_context *ctx, ml_table_trainer *table)
{
	ml_trainer *trainer = table->trainer;
	ml_labels  *labels = &trainer->labels;
	uint32_t	n = labels->n;
	uint32_t	positive = n - 1;
	uint32_t   *place;
	float	   *weights;
	void	   *memory;

	ML_TRY(ml_labels_sort(ctx, labels, &place));
	if (trainer->options.positive.data != NULL && n > 2)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"positive\" does nothing with %u labels", n);
		return ml_hint(ctx, "It goes with: two labels.");
	}
	if (trainer->options.positive.data != NULL)
		ML_TRY(ml_labels_named(ctx, labels, trainer->options.positive, "positive", &positive));
	ML_TRY(ml_labels_weights(ctx, labels, &trainer->options, &weights));
	ML_TRY(ml_arena_alloc(ctx, &trainer->arena,
						  ml_size_mul(n, 2 * sizeof(uint32_t) + sizeof(float)), &memory));
	table->classes = memory;
	table->class_label = table->classes + n;
	table->class_weights = weights == NULL ? NULL : (float *) (table->class_label + n);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	label = place[i];
		uint32_t	class = n == 2 ? label == positive : label;

		table->classes[i] = class;
		table->class_label[class] = label;
		table->label_rows[i] = labels->rows[label];
		if (weights != NULL)
			table->class_weights[class] = weights[label];
	}
	table->nclasses = n;
	table->nscores = n == 2 ? 1 : n;
	return ML_OK;
}

/* All rows are there. */
static ml_status
begin(ml_context *ctx, ml_table_trainer *table)
{
	ml_trainer *trainer = table->trainer;
	uint32_t	n = trainer->task == ML_REGRESSION ? 1 : trainer->labels.n;
	void	   *memory;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].type == ML_TYPE_ARRAY)
			trainer->columns[i].size = ml_design_items(table->design, i);
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, n * sizeof(uint64_t), &memory));
	table->label_rows = memory;
	table->label_rows[0] = trainer->nrows;
	table->nscores = 1;
	return trainer->task == ML_REGRESSION ? ML_OK : number_classes(ctx, table);
}

static ml_status
open_splitter(ml_context *ctx, ml_table_trainer *table, ml_split_by by, int folds)
{
	const ml_options *options = &table->trainer->options;

	ml_splitter_close(ctx, &table->splitter);
	table->splitter = (ml_splitter)
	{
		.by = by,
		.holdout = options->holdout,
		.seed = options->seed,
		.folds = folds,
		.nlabels = ML_MAX(table->nclasses, (uint32_t) 1),
		.label_rows = table->label_rows
	};
	if (by == ML_SPLIT_TIME)
		ML_TRY(ml_design_find_time(ctx, table->design, &table->splitter));
	if (by == ML_SPLIT_GROUPS)
		ML_TRY(ml_design_find_groups(ctx, table->design, &table->splitter));
	return ml_splitter_open(ctx, &table->splitter);
}

/* Rows of each label among those that learn. */
typedef struct census
{
	ml_splitter *splitter;
	uint32_t	learn;
	uint64_t   *rows;
	uint64_t	all;
} census;

static ml_status
count_sides(ml_context *ctx, void *arg, const ml_side *sides, size_t n)
{
	census	   *c = arg;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	part = ml_splitter_next(c->splitter, sides[i].label, sides[i].split);

		if ((c->learn >> part & 1) == 0)
			continue;
		c->rows[sides[i].label]++;
		c->all++;
	}
	return ml_poll(ctx);
}

/* Columns of the user's say who is held out: is something left to learn from? */
static ml_status
check_learning(ml_context *ctx, ml_table_trainer *table, uint32_t learn)
{
	ml_trainer *trainer = table->trainer;
	bool		groups = table->splitter.by == ML_SPLIT_GROUPS;
	census		c = {.splitter = &table->splitter, .learn = learn};
	uint32_t	n = ML_MAX(table->nclasses, (uint32_t) 1);
	uint32_t	lost = 0;
	void	   *memory;

	if (table->splitter.by == ML_SPLIT_RANDOM || table->splitter.by == ML_SPLIT_FOLDS)
		return ML_OK;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, n * sizeof(uint64_t), &memory));
	c.rows = memory;
	ml_splitter_restart(&table->splitter);
	ML_TRY(ml_design_each(ctx, table->design, count_sides, &c));
	if (c.all == 0)
	{
		ml_fail(ctx, ML_BAD_DATA, "all rows are held out: there are none to learn from");
		return ml_hint(ctx, "Hold out fewer rows, by the option \"%s\".", groups ? "groups" : "holdout");
	}
	while (lost < table->nclasses && c.rows[lost] > 0)
		lost++;
	if (lost == table->nclasses)
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "all rows with the label \"%.*s\" are held out",
			QUOTED(trainer->labels.names[table->class_label[table->classes[lost]]]));
	return ml_hint(ctx, "Hold out other rows, by the option \"%s\".", groups ? "groups" : "holdout");
}

/* Fit the recipe to the rows of "learn", and make features of all rows. */
static ml_status
prepare(ml_context *ctx, ml_table_trainer *table, uint32_t learn, bool again)
{
	ml_trainer *trainer = table->trainer;
	const ml_options *options = &trainer->options;
	bool		counting = options->tabular.winsorize > 0 ||
		options->tabular.impute == ML_IMPUTE_MOST_FREQUENT;
	int			min_df = options->recipe.min_df;
	ml_design_summary summary;

	ml_linear_progress(ctx, ML_PHASE_COUNT, (int64_t) trainer->nrows, 0, NAN);
	ML_TRY(check_learning(ctx, table, learn));
	ML_TRY(ml_design_summarize(ctx, table->design, &table->splitter, learn, counting, &summary));
	ML_TRY(ml_table_columns(ctx, table, &summary, learn, counting));
	if (min_df == 0)
		min_df = trainer->nrows < FEW_ROWS ? 1 : 2;
	table->recipe.min_df = min_df;	/* as it is stored */
	return ml_design_prepare(ctx, table->design, &table->splitter, &(ml_design_recipe)
							 {
								 .tabular = &table->tabular,
								 .left_out = table->left_out,
								 .again = again,
								 .map = table->map,
								 .classes = table->classes,
								 .class_weights = table->class_weights,
								 .nclasses = table->nclasses,
								 .min_df = min_df,
								 .learning = learn,
								 /* one fold calibrates: the others need not lie apart */
								 .last_fold = !again && summary.nrows >= ML_CROSS_FIT_ROWS ? 2 : 0
							 });
}

ml_status
ml_table_store(ml_context *ctx, ml_table_trainer *table, ml_buffer *stored)
{
	ml_trainer *trainer = table->trainer;
	bool		texts = table->recipe.ncolumns > 0;

	ml_linear_progress(ctx, ML_PHASE_STORE, (int64_t) trainer->nrows, 0, NAN);
	return ml_stored_write_table(ctx, &(ml_stored_table)
								 {
									 .task = trainer->task,
									 .algorithm = trainer->options.algorithm,
									 .tabular = &table->tabular,
									 .recipe = texts ? &table->recipe : NULL,
									 .texts = texts ? ml_design_texts(table->design) : NULL,
									 .nlabels = table->nclasses,
									 .labels = table->nclasses > 0 ? trainer->labels.names : NULL,
									 .positive = table->nclasses == 2 ? table->class_label[1] : 0,
									 .slope = table->calibration.slope,
									 .offset = table->calibration.offset,
									 .solution = &table->solution
								 }, stored);
}

ml_status
ml_train_table_finish(ml_context *ctx, ml_table_trainer *table, ml_buffer *stored,
					  ml_buffer *report)
{
	static const ml_split_by by[] = {
		[ML_HOLDOUT_RANDOM] = ML_SPLIT_RANDOM,
		[ML_HOLDOUT_FLAG] = ML_SPLIT_FLAG,
		[ML_HOLDOUT_TIME] = ML_SPLIT_TIME,
	};
	ml_trainer *trainer = table->trainer;
	int			folds = ml_table_calibrates(table) ? ML_FOLDS : 1;
	ml_table_plan plan = {.learn = LEARN, .judge = ML_PART(ML_PART_HOLDOUT), .refit = true};

	ML_TRY(begin(ctx, table));
	ML_TRY(open_splitter(ctx, table, by[trainer->options.holdout_by], folds));
	ML_TRY(prepare(ctx, table, LEARN, false));
	ML_TRY(ml_table_leaks(ctx, table, LEARN));
	ml_table_plan_calibration(table, &plan, folds);
	ML_TRY(ml_table_fit(ctx, table, &plan));
	ML_TRY(ml_table_tell(ctx, table));
	ML_TRY(ml_table_store(ctx, table, stored));
	return ml_table_report(ctx, table, trainer->nrows, report);
}

static ml_status
cross_fold(ml_context *ctx, ml_table_trainer *table, int fold, int folds, int nparts, double *values,
		   uint64_t *rows)
{
	ml_table_plan plan = {0};

	for (int part = fold; part <= nparts; part += folds)
		plan.judge |= ML_PART(part);
	plan.learn = LEARN & ~plan.judge;
	ML_TRY(prepare(ctx, table, plan.learn, true));
	*rows = ml_design_count(table->design, plan.judge);
	/* few groups may leave a fold without rows */
	if (*rows == 0)
		return ML_OK;
	ml_table_plan_calibration(table, &plan, nparts);
	ML_TRY(ml_table_fit(ctx, table, &plan));
	ml_judgement_values(&table->judgement, values);
	ml_judgement_free(ctx, &table->judgement);
	ml_table_forget(ctx, table);
	return ML_OK;
}

ml_status
ml_train_table_cross(ml_context *ctx, ml_table_trainer *table, int folds, double *values,
					 uint64_t *rows)
{
	ml_split_by by = table->trainer->options.groups.data != NULL ? ML_SPLIT_GROUPS : ML_SPLIT_FOLDS;
	ml_status	status;
	int			nparts = folds * (ml_table_calibrates(table) ? ml_cross_parts(folds) : 1);

	ML_TRY(begin(ctx, table));
	status = open_splitter(ctx, table, by, nparts);
	/* groups fewer than parts may still be enough for the folds */
	if (status == ML_BAD_DATA && nparts > folds)
	{
		nparts = folds;
		status = open_splitter(ctx, table, by, nparts);
	}
	ML_TRY(status);
	for (int fold = 1; fold <= folds; fold++)
		ML_TRY(cross_fold(ctx, table, fold, folds, nparts,
						  values + (size_t) (fold - 1) * ML_METRICS_MAX, &rows[fold - 1]));
	return ML_OK;
}
