/*-------------------------------------------------------------------------
 *
 * toy_problem.h
 *	  Tables of any size for the tests of learners, drawn by the engine's
 *	  generator as test/data/glm.py draws them, and what a fit needs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_PROBLEM_H
#define TOY_PROBLEM_H

#include "unit.h"

#include "base/json.h"
#include "learn/learner.h"

#include <math.h>

#define NUMBERS		6
#define CATEGORIES	2
#define CLASSES		4
#define NLEVELS		(7 + 23)
#define FEATURES	(NUMBERS + NLEVELS)
#define DRAWS		(3 * NUMBERS + CATEGORIES + CLASSES + 1)

static const uint32_t category_levels[CATEGORIES] = {7, 23};

typedef struct toy_row
{
	double		numbers[NUMBERS];
	uint32_t	levels[CATEGORIES];
	uint32_t	binary;
	uint32_t	many;
	double		number;
	float		weight;
	char		text[64];		/* words that the levels are in */
} toy_row;

/* The next row, from the state of splitmix, 0 at first. */
static inline void
draw_row(uint64_t *state, toy_row *row)
{
	double		u[DRAWS];
	double		f;
	double		best = -INFINITY;
	const double *noise = u + 3 * NUMBERS + CATEGORIES;

	for (int i = 0; i < DRAWS; i++)
		u[i] = (double) (ml_splitmix(state) >> 11) * 0x1.0p-53;
	for (int j = 0; j < NUMBERS; j++)
		row->numbers[j] = (u[3 * j] + u[3 * j + 1] + u[3 * j + 2] - 1.5) * (j + 1);
	for (int k = 0; k < CATEGORIES; k++)
	{
		double		draw = u[3 * NUMBERS + k];

		row->levels[k] = (uint32_t) floor(draw * draw * category_levels[k]);
	}
	f = row->numbers[0] - 0.5 * row->numbers[1] + 0.25 * row->numbers[3] + 0.1 * row->levels[0] -
		0.05 * row->levels[1];
	row->binary = f + 4 * (noise[0] - 0.5) > 0.25;
	row->many = 0;
	for (uint32_t c = 0; c < CLASSES; c++)
	{
		double		score = f * (c - 1.5) + 4 * (noise[c] - 0.5) + 0.5 * (row->levels[0] == c);

		if (score > best)
			row->many = c;
		best = ML_MAX(best, score);
	}
	row->number = 3 * f + 4 * (noise[0] - 0.5) + 2 * (noise[1] - 0.5) * (noise[2] - 0.5);
	row->weight = (float) (0.5 + noise[CLASSES]);
	snprintf(row->text, sizeof(row->text), "w%u w%u v%u u%d", row->levels[0], row->levels[1],
			 row->levels[0] * row->levels[1] % 5, row->numbers[0] > 0);
}

typedef struct toy
{
	/* to be set */
	const char *learner;
	const char *options;
	uint32_t	rows;
	char		target;			/* 'b'inary, 'm'any, 'n'umber */
	bool		weighted;
	bool		texts;			/* a column of text besides */
	bool		standardize;
	uint32_t	held;			/* one row of so many is held out; 0: none */
	ml_level	level;
	size_t		memory;			/* of the design; 0: enough */
	size_t		learner_memory; /* 0: enough */
	void		(*change) (toy_row *row, uint32_t i);	/* of each row, or NULL */

	ml_arena	arena;
	ml_options	options_read;
	ml_recipe	recipe;
	ml_column	columns[NUMBERS + CATEGORIES + 1];
	ml_design  *design;
	ml_splitter splitter;
	uint64_t	label_rows[CLASSES];
	ml_tabular	tabular;
	ml_problem	problem;
	ml_solution solution;
	ml_linear_report report;
	const ml_learner *algorithm;
	void	   *state;
	bool	   *excluded;
} toy;

static inline ml_status
add_toy_rows(ml_context *ctx, toy *t)
{
	uint64_t	state = 0;

	for (uint32_t i = 0; i < t->rows; i++)
	{
		ml_value	row[NUMBERS + CATEGORIES + 1];
		char		names[CATEGORIES][12];
		toy_row		r;
		ml_side		side;

		draw_row(&state, &r);
		if (t->change != NULL)
			t->change(&r, i);
		for (int j = 0; j < NUMBERS; j++)
			row[j].number = r.numbers[j];
		for (int k = 0; k < CATEGORIES; k++)
		{
			snprintf(names[k], sizeof(names[k]), "%02u", r.levels[k]);
			row[NUMBERS + k].text = unit_text(names[k]);
		}
		row[NUMBERS + CATEGORIES].text = unit_text(r.text);
		side = (ml_side) {.target = r.number, .weight = t->weighted ? r.weight : 1,
		.split = t->held > 0 && i % t->held == 0,
		.label = t->target == 'b' ? r.binary : t->target == 'm' ? r.many : 0};
		t->label_rows[side.label]++;
		ML_TRY(ml_design_add(ctx, t->design, row, &side));
	}
	return ML_OK;
}

static inline ml_status
prepare_toy(ml_context *ctx, toy *t)
{
	static const uint32_t classes[CLASSES] = {0, 1, 2, 3};
	uint32_t	nclasses = t->target == 'b' ? 2 : t->target == 'm' ? CLASSES : 0;
	ml_tabular_options plain = {.rare = 1, .standardize = t->standardize};
	ml_design_summary summary;
	uint32_t  **map;

	t->splitter = (ml_splitter) {.by = ML_SPLIT_FLAG, .folds = 1, .nlabels = CLASSES,
	.label_rows = t->label_rows};
	ML_TRY(ml_splitter_open(ctx, &t->splitter));
	ML_TRY(ml_design_summarize(ctx, t->design, &t->splitter, ML_PARTS_ALL, false, &summary));
	ML_TRY(ml_tabular_fit(ctx, &t->arena, t->columns, NUMBERS + CATEGORIES + t->texts,
						  summary.summaries, summary.levels, summary.missing, &plain, &t->tabular,
						  &map));
	return ml_design_prepare(ctx, t->design, &t->splitter, &(ml_design_recipe)
							 {
								 .tabular = &t->tabular, .map = map, .nclasses = nclasses,
								 .classes = nclasses > 0 ? classes : NULL, .min_df = 1,
								 .learning = ML_PARTS_ALL
							 });
}

/* Rows are read and prepared, the learner is open.  Close in any case. */
static inline ml_status
open_toy(ml_context *ctx, toy *t)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "k", "l", "t"};
	static ml_text text_name = {"t", 1};
	ml_task		task = t->target == 'n' ? ML_REGRESSION : ML_CLASSIFICATION;
	uint32_t	ncolumns = NUMBERS + CATEGORIES + t->texts;
	uint32_t	nfeatures;

	for (uint32_t i = 0; i < ncolumns; i++)
	{
		t->columns[i] = (ml_column) {.name = unit_text(names[i])};
		t->columns[i].type = i < NUMBERS ? ML_TYPE_NUMBER : ML_TYPE_TEXT;
		t->columns[i].role = i < NUMBERS ? ML_ROLE_NUMBER :
			i < NUMBERS + CATEGORIES ? ML_ROLE_CATEGORY : ML_ROLE_TEXT;
	}
	ml_recipe_default(&t->recipe);
	t->recipe.ncolumns = 1;
	t->recipe.columns = &text_name;
	t->algorithm = ml_learner_find(unit_text(t->learner));
	ML_TRY(ml_options_read(ctx, &t->arena, unit_text(t->learner), unit_text(t->options),
						   &t->options_read));
	ML_TRY(ml_options_settle(ctx, &t->options_read, task, ML_SUBJECT_TABLE));
	ML_TRY(ml_design_open(ctx, t->memory > 0 ? t->memory : 64 << 20, t->columns, ncolumns,
						  t->texts ? &t->recipe : NULL, 1, ml_kernel_select(t->level), &t->design));
	ML_TRY(add_toy_rows(ctx, t));
	ML_TRY(prepare_toy(ctx, t));
	nfeatures = ml_design_nfeatures(t->design);
	ML_TRY(ml_arena_alloc_zero(ctx, &t->arena, nfeatures + 1, (void **) &t->excluded));
	for (uint32_t k = 0; k < CATEGORIES; k++)
	{
		uint32_t	level = ml_tabular_level(&t->tabular, NUMBERS + k, ML_TEXT("00"));

		t->excluded[level == ML_NO_TERM ? nfeatures : level] = true;
	}
	t->problem = (ml_problem) {.kernel = ml_kernel_select(t->level), .options = &t->options_read,
		.design = t->design, .task = task, .nfeatures = nfeatures,
		.nclasses = t->target == 'b' ? 2 : t->target == 'm' ? CLASSES : 0,
		.nscores = t->target == 'm' ? CLASSES : 1,
		.memory = t->learner_memory > 0 ? t->learner_memory : 64 << 20,
	.excluded = t->options_read.penalty == ML_PENALTY_NONE ? t->excluded : NULL};
	ML_TRY(ml_solution_open(ctx, &t->solution, t->problem.nscores, nfeatures));
	return t->algorithm->open(ctx, &t->problem, &t->state);
}

static inline ml_status
fit_toy(ml_context *ctx, toy *t)
{
	return t->algorithm->fit(ctx, &t->problem, t->state, ML_PARTS_ALL, &t->solution, &t->report);
}

static inline void
close_toy(ml_context *ctx, toy *t)
{
	if (t->state != NULL)
		t->algorithm->close(ctx, t->state);
	t->state = NULL;
	ml_solution_close(ctx, &t->solution);
	ml_design_close(ctx, t->design);
	t->design = NULL;
	ml_splitter_close(ctx, &t->splitter);
	ml_arena_free(ctx, &t->arena);
}

/* The solution's weight of feature k as glm.py numbers them. */
static inline double
toy_weight(const toy *t, uint32_t score, uint32_t k)
{
	uint32_t	feature = k;
	char		name[12];

	if (k >= NUMBERS)
	{
		uint32_t	column = k - NUMBERS < category_levels[0] ? 0 : 1;

		snprintf(name, sizeof(name), "%02u", k - NUMBERS - (column == 1 ? category_levels[0] : 0));
		feature = ml_tabular_level(&t->tabular, NUMBERS + column, unit_text(name));
	}
	return feature == ML_NO_TERM ? 0 : t->solution.weights[(size_t) score * t->solution.nfeatures + feature];
}

/* Largest difference between two solutions, relative to the largest weight. */
static inline double
toys_differ(const toy *a, const toy *b)
{
	double		largest = 0;
	double		scale = 1e-3;

	for (size_t i = 0; i < (size_t) a->solution.nscores * a->solution.nfeatures; i++)
	{
		largest = ML_MAX(largest, fabs(a->solution.weights[i] - b->solution.weights[i]));
		scale = ML_MAX(scale, fabs(b->solution.weights[i]));
	}
	/* softmax: only differences between intercepts are determined */
	for (uint32_t c = 0; c < a->solution.nscores; c++)
		largest = ML_MAX(largest, fabs((a->solution.bias[c] - a->solution.bias[0]) -
									   (b->solution.bias[c] - b->solution.bias[0])));
	return largest / scale;
}

static inline uint32_t
read_array(const ml_json *array, double *to)
{
	uint32_t	n = 0;

	for (const ml_json *node = array == NULL ? NULL : array->first; node != NULL; node = node->next)
		to[n++] = node->number;
	return n;
}

/* Distance to a recorded solution, relative to its largest weight. */
static inline double
toy_distance(const toy *t, const ml_json *one)
{
	const ml_json *weights = ml_json_get(one, "weights")->first;
	double		bias[CLASSES];
	double		largest = 0;
	double		scale = 1e-3;
	double		shift[2] = {0, 0};
	uint32_t	n = read_array(ml_json_get(one, "bias"), bias);

	for (uint32_t c = 0; c < t->solution.nscores && weights != NULL; c++, weights = weights->next)
	{
		double		row[FEATURES];

		(void) read_array(weights, row);
		for (uint32_t k = 0; k < FEATURES; k++)
		{
			largest = ML_MAX(largest, fabs(row[k] - toy_weight(t, c, k)));
			scale = ML_MAX(scale, fabs(row[k]));
		}
	}
	if (t->algorithm == &ml_logistic_regression && n > 1)
		for (uint32_t c = 0; c < n; c++)
		{
			shift[0] += t->solution.bias[c] / n;
			shift[1] += bias[c] / n;
		}
	for (uint32_t c = 0; c < n; c++)
		largest = ML_MAX(largest, fabs((t->solution.bias[c] - shift[0]) - (bias[c] - shift[1])));
	return largest / scale;
}

/* Is a recorded case for that learner; then as a toy. */
static inline bool
read_case(const ml_json *one, const char *learner, char *options, size_t size, toy *t)
{
	ml_text		json = ml_json_get(one, "options")->string;

	memset(t, 0, sizeof(*t));
	snprintf(options, size, "%.*s", (int) json.size, json.data);
	t->learner = learner;
	t->options = options;
	t->rows = (uint32_t) ml_json_get(one, "rows")->number;
	t->target = ml_json_get(one, "target")->string.data[0];
	t->weighted = ml_json_get(one, "weighted")->boolean;
	return ml_text_equal(ml_json_get(one, "learner")->string, unit_text(learner));
}

static inline ml_status
run_toy(ml_context *ctx, void *argument)
{
	toy			t = *(const toy *) argument;
	ml_status	status;

	ctx->spilled = ((unit_host *) ctx->host->user)->spilled;
	status = open_toy(ctx, &t);
	if (status == ML_OK)
		status = fit_toy(ctx, &t);
	close_toy(ctx, &t);
	return status;
}

#endif							/* TOY_PROBLEM_H */
