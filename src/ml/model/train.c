/*-------------------------------------------------------------------------
 *
 * train.c
 *	  The trainer: rows in, a stored model and a report out.
 *
 * What role a text column plays is seen from its values: the first rows wait
 * until it is decided, then all rows go to the trainer of text classifiers or
 * to that of tables.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train.h"

#include "feature/roles.h"
#include "learn/gram.h"
#include "model/train_network.h"
#include "model/train_table.h"
#include "model/train_text.h"

#include <math.h>

#define PROGRESS_ROWS	1024
#define NUMBERS_ROWS	128		/* that go to a table at once */

/* Rows that wait for the roles. */
struct ml_first_rows
{
	ml_arena	arena;			/* bytes of texts, items of arrays */
	ml_value   *values;			/* [n][ncolumns] */
	size_t		values_capacity;
	ml_train_row *rows;
	size_t		rows_capacity;
	size_t		n;
};

static ml_status
copy_columns(ml_context *ctx, ml_trainer *trainer, const ml_training *training)
{
	size_t		n = training->ncolumns;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(ml_column)), &memory));
	trainer->inputs = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(ml_column)), &memory));
	trainer->columns = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(uint32_t)), &memory));
	trainer->place = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(ml_value)), &memory));
	trainer->values = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(ml_value)), &memory));
	trainer->wide = memory;
	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(n, sizeof(bool)), &memory));
	trainer->decided = memory;
	trainer->ninputs = training->ncolumns;
	for (uint32_t i = 0; i < n; i++)
	{
		ml_column  *column = &trainer->inputs[i];

		*column = training->columns[i];
		ML_TRY(ml_arena_copy(ctx, &trainer->arena, column->name, &column->name));
		if (column->role == ML_ROLE_AUTO)
			column->role = ml_role_of_type(column->type);
		if (column->role == ML_ROLE_IGNORE)
			continue;
		trainer->place[trainer->ncolumns] = i;
		trainer->columns[trainer->ncolumns++] = *column;
	}
	if (trainer->ncolumns == 0)
		return ml_fail(ctx, ML_BAD_DATA, "there are no columns to learn from");
	return ML_OK;
}

/* Images and series have no place among numbers. */
static ml_status
refuse_column(ml_context *ctx, const ml_trainer *trainer, uint32_t i, const char *what, const char *hint)
{
	ml_text		name = trainer->columns[i].name;

	ml_fail(ctx, ML_BAD_OPTION, "algorithm %s does not learn from column \"%.*s\", which %s",
			trainer->options.algorithm.data, (int) ML_MIN(name.size, (size_t) 64), name.data, what);
	return ml_hint(ctx, "%s", hint);
}

/* Roles are decided: open the trainer that they ask for. */
static ml_status
open_path(ml_context *ctx, ml_trainer *trainer)
{
	ml_subject	subject = ML_SUBJECT_TABLE;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].role == ML_ROLE_TEXT)
			subject |= ML_SUBJECT_MIXED;
		else if (trainer->columns[i].role == ML_ROLE_SERIES)
			subject |= ML_SUBJECT_SERIES;
	if (ml_text_equal(trainer->options.algorithm, ML_TEXT("network")))
	{
		ML_TRY(ml_options_settle(ctx, &trainer->options, trainer->task, subject));
		return ml_train_network_open(ctx, trainer);
	}
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].role == ML_ROLE_IMAGE)
			return refuse_column(ctx, trainer, i, "holds bytes",
								 "Use algorithm => 'network' for images, or leave the column out.");
		else if (trainer->columns[i].role == ML_ROLE_SERIES)
			return refuse_column(ctx, trainer, i, "is a series",
								 "Use algorithm => 'network' for series; arrays of one length are numbers without that role.");
	if (ml_options_text(&trainer->options, trainer->task, trainer->columns, trainer->ncolumns))
	{
		ML_TRY(ml_options_settle(ctx, &trainer->options, trainer->task, ML_SUBJECT_TEXT));
		return ml_train_text_open(ctx, trainer);
	}
	ML_TRY(ml_options_settle(ctx, &trainer->options, trainer->task, subject));
	return ml_train_table_open(ctx, trainer);
}

static ml_status
open_trainer(ml_context *ctx, const ml_training *training, ml_trainer *trainer)
{
	bool		waiting = false;
	void	   *memory;

	ML_TRY(ml_options_read(ctx, &trainer->arena, training->algorithm, training->options,
						   &trainer->options));
	ML_TRY(ml_arena_copy(ctx, &trainer->arena, training->target, &trainer->target));
	if (training->time_zone.data != NULL)
		ML_TRY(ml_arena_copy(ctx, &trainer->arena, training->time_zone, &trainer->time_zone));
	ML_TRY(ml_labels_open(ctx, &trainer->labels));
	ML_TRY(copy_columns(ctx, trainer, training));
	if (trainer->ncolumns == 1 && trainer->columns[0].role == ML_ROLE_AUTO)
		trainer->columns[0].role = ML_ROLE_TEXT;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		waiting |= trainer->columns[i].role == ML_ROLE_AUTO;
	if (!waiting)
		return open_path(ctx, trainer);
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_first_rows), &memory));
	trainer->first = memory;
	return ML_OK;
}

ml_status
ml_trainer_open(ml_context *ctx, const ml_training *training, ml_trainer **result)
{
	void	   *block;
	ml_status	status;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_trainer), &block));
	*result = block;
	(*result)->kernel = training->kernel;
	(*result)->memory = training->memory;
	(*result)->task = training->task;
	(*result)->target_type = training->target_type;
	(*result)->live = training->live;
	(*result)->start = training->start;
	status = open_trainer(ctx, training, *result);
	if (status != ML_OK)
	{
		ml_trainer_close(ctx, *result);
		*result = NULL;
	}
	return status;
}

static void
close_first(ml_context *ctx, ml_trainer *trainer)
{
	ml_first_rows *first = trainer->first;

	if (first == NULL)
		return;
	ml_arena_free(ctx, &first->arena);
	ml_release(ctx, first->values);
	ml_release(ctx, first->rows);
	ml_release(ctx, first);
	trainer->first = NULL;
}

void
ml_trainer_close(ml_context *ctx, ml_trainer *trainer)
{
	if (trainer == NULL)
		return;
	close_first(ctx, trainer);
	ml_train_text_close(ctx, trainer->text);
	ml_train_table_close(ctx, trainer->table);
	ml_train_network_close(ctx, trainer->network);
	ml_labels_close(ctx, &trainer->labels);
	ml_arena_free(ctx, &trainer->arena);
	ml_release(ctx, trainer);
}

static ml_status
pass_row(ml_context *ctx, ml_trainer *trainer, const ml_train_row *row)
{
	if (trainer->network != NULL)
		return ml_train_network_add(ctx, trainer->network, row);
	return trainer->text != NULL ? ml_train_text_add(ctx, trainer->text, row) :
		ml_train_table_add(ctx, trainer->table, row);
}

/*
 * Roles from the first rows.
 */

/* Which columns are text, when all are; a table tells of its columns later. */
static void
announce_texts(ml_context *ctx, const ml_trainer *trainer)
{
	ml_list		list = {.before = ""};

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->decided[i])
			ml_list_add(&list, "%.*s is text",
						(int) ML_MIN(trainer->columns[i].name.size, (size_t) 64),
						trainer->columns[i].name.data);
	if (list.n > 0)
		ml_train_notice(ctx, list.text);
}

/* Decide the roles that are open, then hand on the rows that waited. */
static ml_status
decide(ml_context *ctx, ml_trainer *trainer)
{
	ml_first_rows *first = trainer->first;
	uint64_t	seen = trainer->seen;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		if (trainer->columns[i].role != ML_ROLE_AUTO)
			continue;
		trainer->decided[i] = true;
		ML_TRY(ml_role_decide(ctx, first->n == 0 ? NULL : &first->values[i].text, first->n,
							  trainer->ncolumns, &trainer->columns[i].role));
	}
	ML_TRY(open_path(ctx, trainer));
	if (trainer->text != NULL)
		announce_texts(ctx, trainer);
	for (size_t i = 0; i < first->n; i++)
	{
		first->rows[i].inputs = first->values + i * trainer->ncolumns;
		trainer->seen = first->rows[i].number;
		ML_TRY(pass_row(ctx, trainer, &first->rows[i]));
		ML_TRY(ml_poll(ctx));
	}
	trainer->seen = seen;
	close_first(ctx, trainer);
	return ML_OK;
}

static ml_status
copy_value(ml_context *ctx, ml_arena *arena, ml_form form, ml_value *value)
{
	ml_text		bytes;

	if (form == ML_FORM_TEXT && value->text.data != NULL)
		return ml_arena_copy(ctx, arena, value->text, &value->text);
	if (form != ML_FORM_ITEMS || value->items.data == NULL)
		return ML_OK;
	bytes = (ml_text) {(const char *) value->items.data, ml_size_mul(value->items.n, sizeof(double))};
	ML_TRY(ml_arena_copy(ctx, arena, bytes, &bytes));
	value->items.data = (const double *) (const void *) bytes.data;
	return ML_OK;
}

static ml_status
wait_row(ml_context *ctx, ml_trainer *trainer, const ml_train_row *row)
{
	ml_first_rows *first = trainer->first;
	uint32_t	ncolumns = trainer->ncolumns;
	void	   *memory = first->values;
	ml_value   *values;
	size_t		held;

	ML_TRY(ml_grow(ctx, &memory, &first->values_capacity, (first->n + 1) * ncolumns, sizeof(ml_value)));
	first->values = memory;
	memory = first->rows;
	ML_TRY(ml_grow(ctx, &memory, &first->rows_capacity, first->n + 1, sizeof(ml_train_row)));
	first->rows = memory;
	first->rows[first->n] = *row;
	values = first->values + first->n * ncolumns;
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		values[i] = row->inputs[i];
		ML_TRY(copy_value(ctx, &first->arena,
						  ml_column_form(trainer->columns[i].type, trainer->columns[i].role), &values[i]));
	}
	first->n++;
	held = first->arena.total + first->values_capacity * sizeof(ml_value);
	return first->n < ML_ROLE_ROWS && held < trainer->memory / 4 ? ML_OK : decide(ctx, trainer);
}

/*
 * Rows.
 */

static bool
is_missing(const ml_column *column, const ml_value *value)
{
	switch (ml_column_form(column->type, column->role))
	{
		case ML_FORM_NUMBER:
			return isnan(value->number);
		case ML_FORM_TEXT:
			return value->text.data == NULL;
		default:
			return value->items.data == NULL;
	}
}

/* Is none of the values there? */
static bool
all_missing(const ml_trainer *trainer, const ml_value *values)
{
	uint32_t	i = 0;

	while (i < trainer->ncolumns && is_missing(&trainer->columns[i], &values[i]))
		i++;
	return i == trainer->ncolumns;
}

/* The values of the columns that learn. */
static const ml_value *
select_values(const ml_trainer *trainer, const ml_value *inputs)
{
	if (trainer->ncolumns == trainer->ninputs)
		return inputs;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		trainer->values[i] = inputs[trainer->place[i]];
	return trainer->values;
}

/* The target of a row; absent: it has none. */
static ml_status
read_target(ml_context *ctx, const ml_trainer *trainer, const ml_value *target, bool *absent)
{
	*absent = trainer->task == ML_REGRESSION ? isnan(target->number) : target->text.data == NULL;
	if (trainer->task != ML_REGRESSION || !isinf(target->number))
		return ML_OK;
	ml_fail(ctx, ML_BAD_DATA, "the target \"%.*s\" of row %llu is infinite",
			(int) ML_MIN(trainer->target.size, (size_t) 64), trainer->target.data,
			(unsigned long long) trainer->seen);
	return ml_hint(ctx, "Leave such rows out of the source, or make the target NULL there.");
}

/* Are the labels numbers or times, as nobody said that they should be? */
static bool
are_numbers(const ml_trainer *trainer)
{
	return trainer->task == ML_CLASSIFICATION && trainer->target_type >= ML_TYPE_NUMBER &&
		trainer->target_type <= ML_TYPE_TIMESTAMPTZ && trainer->target_type != ML_TYPE_BOOLEAN;
}

static ml_status
refuse_numbers(ml_context *ctx, const ml_trainer *trainer, const char *than)
{
	bool		number = trainer->target_type == ML_TYPE_NUMBER || trainer->target_type == ML_TYPE_INTEGER;

	ml_fail(ctx, ML_BAD_DATA, "the target \"%.*s\" has %s%u different values, which are too many labels to be meant",
			(int) ML_MIN(trainer->target.size, (size_t) 64), trainer->target.data,
			than, trainer->labels.n);
	ml_detail(ctx, "It is a column of %s, of which classification makes each a label.",
			  number ? "numbers" : "dates or times");
	if (number)
		return ml_hint(ctx, "To predict numbers: algorithm => 'linear_regression', or another with {\"task\": \"regression\"}. "
							"If labels are meant: {\"task\": \"classification\"}.");
	return ml_hint(ctx, "To predict a time make it a number in a query, as by extract(epoch from ...). "
						"If labels are meant: {\"task\": \"classification\"}.");
}

/* The label's number; a text that this batch has had is not read again. */
static ml_status
find_label(ml_context *ctx, ml_trainer *trainer, ml_text text, uint32_t *label)
{
	ml_recent  *recent = &trainer->recent[((uintptr_t) text.data >> 3 ^ text.size) % ML_RECENT];
	ml_status	status;

	if (recent->text.data == text.data && recent->text.size == text.size)
	{
		*label = recent->label;
		return ML_OK;
	}
	status = ml_labels_find(ctx, &trainer->labels, text, trainer->seen, label);
	if (status == ML_BAD_DATA && are_numbers(trainer) && trainer->labels.n == ML_CLASSES_MAX)
		return refuse_numbers(ctx, trainer, "more than ");
	*recent = (ml_recent) {text, *label};
	return status;
}

/* What comes with row i; missing: it has no inputs.  skip: it is not to be learnt from. */
static ml_status
read_side(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch, size_t i, bool missing, ml_side *side,
		  bool *skip)
{
	const ml_value *target = &batch->targets[i];
	float		weight = batch->weights == NULL ? 1 : batch->weights[i];
	bool		absent;

	trainer->seen++;
	if (!(weight >= 0) || isinf(weight))
		return ml_fail(ctx, ML_BAD_DATA,
					   "the weight of row %llu is not a finite number of at least 0",
					   (unsigned long long) trainer->seen);
	ML_TRY(read_target(ctx, trainer, target, &absent));
	*skip = absent || weight == 0 || missing;
	trainer->skipped += *skip;
	if (*skip)
		return ML_OK;
	*side = (ml_side) {.weight = weight, .split = batch->split == NULL ? 0 : batch->split[i]};
	if (trainer->task == ML_REGRESSION)
		side->target = target->number;
	else
	{
		ML_TRY(find_label(ctx, trainer, target->text, &side->label));
		trainer->labels.rows[side->label]++;
	}
	trainer->nrows++;
	return ML_OK;
}

static ml_status
add_row(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch, size_t i)
{
	const ml_value *inputs = batch->inputs + i * trainer->ninputs;
	ml_train_row row;
	ml_side		side;
	bool		skip;

	ML_TRY(ml_poll(ctx));
	if (batch->numbers != NULL)
	{
		for (uint32_t k = 0; k < trainer->ninputs; k++)
			trainer->wide[k].number = batch->numbers[i * trainer->ninputs + k];
		inputs = trainer->wide;
	}
	row.inputs = select_values(trainer, inputs);
	ML_TRY(read_side(ctx, trainer, batch, i, all_missing(trainer, row.inputs), &side, &skip));
	if (skip)
		return ML_OK;
	row = (ml_train_row)
	{
		row.inputs, side.label, side.target, side.weight, side.split, batch->validates != NULL && batch->validates[i],
		trainer->seen
	};
	return trainer->first != NULL ? wait_row(ctx, trainer, &row) : pass_row(ctx, trainer, &row);
}

static bool
all_nan(const double *numbers, uint32_t n)
{
	uint32_t	i = 0;

	while (i < n && isnan(numbers[i]))
		i++;
	return i == n;
}

/* Rows of nothing but numbers, those that lie together at once. */
static ml_status
add_numbers(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch)
{
	uint32_t	width = trainer->ninputs;
	ml_side		sides[NUMBERS_ROWS];
	size_t		n = 0;

	for (size_t i = 0; i < batch->n; i++)
	{
		const double *row = batch->numbers + i * width;
		bool		skip;

		ML_TRY(read_side(ctx, trainer, batch, i, all_nan(row, width), &sides[n], &skip));
		n += !skip;
		if (n == 0 || (!skip && n < NUMBERS_ROWS && i + 1 < batch->n))
			continue;
		ML_TRY(ml_poll(ctx));
		ML_TRY(ml_train_table_add_numbers(ctx, trainer->table, row - (n - !skip) * width, sides, n));
		n = 0;
	}
	return ML_OK;
}

ml_status
ml_trainer_add(ml_context *ctx, ml_trainer *trainer, const ml_batch *batch)
{
	uint64_t	before = trainer->seen;

	memset(trainer->recent, 0, sizeof(trainer->recent));
	if (batch->numbers != NULL && trainer->table != NULL && trainer->ncolumns == trainer->ninputs)
		ML_TRY(add_numbers(ctx, trainer, batch));
	else
		for (size_t i = 0; i < batch->n; i++)
			ML_TRY(add_row(ctx, trainer, batch, i));
	if (trainer->seen / PROGRESS_ROWS != before / PROGRESS_ROWS)
		ml_linear_progress(ctx, ML_PHASE_READ, (int64_t) trainer->seen, 0, NAN);
	return ML_OK;
}

/* Refuse what nothing can be learnt from. */
static ml_status
check_rows(ml_context *ctx, const ml_trainer *trainer)
{
	if (trainer->nrows == 0)
	{
		ml_fail(ctx, ML_BAD_DATA, "there are no rows to learn from");
		if (trainer->skipped > 0)
			ml_detail(ctx, trainer->text != NULL ?
					  "In each of the %llu rows the label or the text is missing." :
					  "In each of the %llu rows the target or all features are missing.",
					  (unsigned long long) trainer->skipped);
		return ML_BAD_DATA;
	}
	if (trainer->task == ML_CLASSIFICATION && trainer->labels.n < 2)
	{
		ml_fail(ctx, ML_BAD_DATA, "all %llu rows have the label \"%.*s\"",
				(unsigned long long) trainer->nrows,
				(int) ML_MIN(trainer->labels.names[0].size, (size_t) 64), trainer->labels.names[0].data);
		return ml_hint(ctx, "A classifier needs rows of at least two labels.");
	}
	if (are_numbers(trainer) && trainer->labels.n > ML_NUMBERS_MAX)
		return refuse_numbers(ctx, trainer, "");
	return ML_OK;
}

/* All rows were added. */
static ml_status
end_rows(ml_context *ctx, ml_trainer *trainer)
{
	if (trainer->first != NULL)
		ML_TRY(decide(ctx, trainer));
	return check_rows(ctx, trainer);
}

/* All rows were added, to learn from them once. */
static ml_status
begin(ml_context *ctx, ml_trainer *trainer)
{
	if (trainer->options.groups.data != NULL)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"groups\" does nothing in a training");
		return ml_hint(ctx, "It goes with: cross-validation.");
	}
	return end_rows(ctx, trainer);
}

static ml_status
check_network(ml_context *ctx, const ml_trainer *trainer)
{
	return trainer->network != NULL ? ML_OK : ml_fail(ctx, ML_UNSUPPORTED, "only networks are trained in steps");
}

ml_status
ml_trainer_begin(ml_context *ctx, ml_trainer *trainer)
{
	ML_TRY(begin(ctx, trainer));
	ML_TRY(check_network(ctx, trainer));
	return ml_train_network_begin(ctx, trainer->network);
}

ml_status
ml_trainer_epochs(ml_context *ctx, ml_trainer *trainer, int n, bool *done)
{
	ML_TRY(check_network(ctx, trainer));
	return ml_network_epochs(ctx, trainer->network, n, done);
}

ml_status
ml_trainer_checkpoint(ml_context *ctx, ml_trainer *trainer, ml_buffer *stored, ml_buffer *report)
{
	ML_TRY(check_network(ctx, trainer));
	return ml_network_checkpoint(ctx, trainer->network, stored, report);
}

ml_status
ml_trainer_finish(ml_context *ctx, ml_trainer *trainer, ml_buffer *stored, ml_buffer *report)
{
	if (trainer->network == NULL || !trainer->network->ready)
		ML_TRY(begin(ctx, trainer));
	if (trainer->network != NULL)
		return ml_train_network_finish(ctx, trainer->network, stored, report);
	return trainer->text != NULL ? ml_train_text_finish(ctx, trainer->text, stored, report) :
		ml_train_table_finish(ctx, trainer->table, stored, report);
}

bool
ml_trainer_takes_gram(const ml_trainer *trainer)
{
	return trainer->table != NULL && ml_train_table_takes_gram(trainer->table);
}

ml_status
ml_trainer_finish_gram(ml_context *ctx, ml_trainer *trainer, const ml_gram *gram,
					   ml_buffer *stored, ml_buffer *report)
{
	if (!ml_trainer_takes_gram(trainer) || ml_gram_width(gram) != trainer->ncolumns)
		return ml_fail(ctx, ML_INTERNAL, "this training needs rows, not their sums");
	trainer->nrows = ml_gram_nrows(gram);
	ML_TRY(check_rows(ctx, trainer));
	return ml_train_table_finish_gram(ctx, trainer->table, gram, stored, report);
}

/* What a cross-validation has no use for. */
static ml_status
check_folds(ml_context *ctx, const ml_trainer *trainer, int folds)
{
	static const char *const useless[] = {"holdout", "warm_start", "deploy"};

	if (folds < 2 || folds > ML_CROSS_FOLDS_MAX)
	{
		ml_fail(ctx, ML_BAD_OPTION, "%d folds are out of range", folds);
		return ml_hint(ctx, "There can be 2 to %d.", ML_CROSS_FOLDS_MAX);
	}
	for (size_t i = 0; i < ML_LENGTH(useless); i++)
		if (ml_options_given(&trainer->options, useless[i]))
		{
			ml_fail(ctx, ML_BAD_OPTION, "option \"%s\" does nothing in a cross-validation", useless[i]);
			return ml_hint(ctx, "It goes with: aiaas_train. Here each of the folds judges once.");
		}
	if (trainer->nrows < (uint64_t) folds)
		return ml_fail(ctx, ML_BAD_DATA, "%llu rows are too few for %d folds",
					   (unsigned long long) trainer->nrows, folds);
	return ML_OK;
}

ml_status
ml_trainer_cross_validate(ml_context *ctx, ml_trainer *trainer, int folds, double *values,
						  uint64_t *rows)
{
	if (ml_text_equal(trainer->options.algorithm, ML_TEXT("network")))
		return ml_fail(ctx, ML_UNSUPPORTED, "networks are not cross-validated");
	ML_TRY(end_rows(ctx, trainer));
	ML_TRY(check_folds(ctx, trainer, folds));
	for (int i = 0; i < folds * ML_METRICS_MAX; i++)
		values[i] = NAN;
	memset(rows, 0, (size_t) folds * sizeof(uint64_t));
	return trainer->text != NULL ? ml_train_text_cross(ctx, trainer->text, folds, values, rows) :
		ml_train_table_cross(ctx, trainer->table, folds, values, rows);
}
