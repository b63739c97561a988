/*-------------------------------------------------------------------------
 *
 * train_table_gram.c
 *	  A linear regression from sums of products alone.
 *
 * The rows were summed up where they are (in workers, by an aggregate), and
 * everything that a training needs of them is in the sums: what columns are
 * like, their scalings, the least squares.  Not so the figures of rows held
 * out, values that are imputed and clipped, and levels; such a training reads
 * the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

#include "learn/gram.h"

#include <math.h>

#define SEQUENCE_ROWS	20		/* fewer may count by chance (summary.h) */
#define CLOSE			1e-9	/* of sums that were rounded */

bool
ml_train_table_takes_gram(const ml_table_trainer *table)
{
	const ml_trainer *trainer = table->trainer;
	const ml_options *options = &trainer->options;

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (trainer->columns[i].role != ML_ROLE_NUMBER || trainer->columns[i].type == ML_TYPE_ARRAY)
			return false;
	return table->learner == &ml_linear_regression && options->holdout == 0 &&
		options->holdout_by == ML_HOLDOUT_RANDOM && options->groups.data == NULL &&
		options->tabular.winsorize == 0 && options->tabular.impute != ML_IMPUTE_MOST_FREQUENT &&
		trainer->ncolumns <= ML_GRAM_MAX && trainer->seen == 0;
}

/* What a summary of the columns would have said. */
static ml_status
summarize(ml_context *ctx, const ml_table_trainer *table, const ml_gram *gram,
		  ml_design_summary *summary)
{
	ml_trainer *trainer = table->trainer;
	ml_summary *summaries;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena,
							   ml_size_mul(trainer->ncolumns, sizeof(ml_summary)), &memory));
	summaries = memory;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		summaries[i] = (ml_summary)
		{
			.n = ml_gram_weight(gram),
			.nvalues = ml_gram_nrows(gram),
			.shift = ml_gram_mean(gram, i),
			.squares = ml_gram_product(gram, i, i),
			.min = ml_gram_min(gram, i),
			.max = ml_gram_max(gram, i)
		};
	*summary = (ml_design_summary)
	{
		.summaries = summaries,
		.nrows = ml_gram_nrows(gram)
	};
	return ML_OK;
}

/*
 * Whole numbers a, a+1, ..., a+n-1 have a mean of a + (n-1)/2 and a variance of
 * (n^2 - 1)/12.  With weights that can't be told.
 */
static bool
is_sequence(const ml_column *column, const ml_gram *gram, uint32_t i)
{
	double		n = (double) ml_gram_nrows(gram);
	double		low = ml_gram_min(gram, i);
	double		variance = (n * n - 1) / 12;

	return column->type == ML_TYPE_INTEGER && !column->named && n >= SEQUENCE_ROWS &&
		ml_gram_weight(gram) == n && ml_gram_max(gram, i) - low + 1 == n &&
		fabs(ml_gram_mean(gram, i) - low - (n - 1) / 2) <= CLOSE * (n + fabs(low)) &&
		fabs(ml_gram_product(gram, i, i) / n - variance) <= CLOSE * variance;
}

static ml_status
find_sequences(ml_context *ctx, ml_table_trainer *table, const ml_gram *gram)
{
	ml_trainer *trainer = table->trainer;
	void	   *memory;

	ML_TRY(ml_arena_alloc_zero(ctx, &trainer->arena, ml_size_mul(trainer->ncolumns, sizeof(ml_reason)),
							   &memory));
	table->counting = memory;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (is_sequence(&trainer->columns[i], gram, i))
			table->counting[i] = ML_REASON_SEQUENCE;
		else if (ml_is_identifier(&trainer->columns[i], ml_gram_min(gram, i), ml_gram_max(gram, i), ml_gram_nrows(gram)))
			table->counting[i] = ML_REASON_IDENTIFIER;
	return ML_OK;
}

/* A column that copies the target, as train_table_leak.c finds it in rows. */
static void
warn_of_copies(ml_context *ctx, const ml_table_trainer *table, const ml_gram *gram)
{
	const ml_trainer *trainer = table->trainer;
	uint32_t	y = trainer->ncolumns;
	ml_list		list = {.before = ""};

	for (uint32_t i = 0; i < trainer->ncolumns; i++)
	{
		double		xy = ml_gram_product(gram, i, y);

		if (!table->left_out[i] && xy * xy > ML_LEAK_CORRELATION * ML_LEAK_CORRELATION *
			ml_gram_product(gram, i, i) * ml_gram_product(gram, y, y))
			ml_list_add(&list, "%.*s", (int) ML_MIN(trainer->columns[i].name.size, (size_t) 64),
						trainer->columns[i].name.data);
	}
	if (list.n > 0 && ml_gram_nrows(gram) >= ML_LEAK_ROWS)
		ml_table_warn_of_leaks(ctx, table, &list);
}

static ml_status
solve(ml_context *ctx, ml_table_trainer *table, const ml_gram *gram)
{
	const ml_options *options = &table->trainer->options;
	const ml_scaling *scaling = table->tabular.scaling;
	ml_solution *solution = &table->solution;
	uint32_t	d = table->tabular.ndense;
	ml_penalty_terms penalty = {
		.alpha = options->penalty == ML_PENALTY_NONE ? 0 : options->alpha,
		.l1_ratio = options->l1_ratio,
		.tolerance = options->tolerance,
		.max_iterations = options->epochs
	};
	ml_least_squares result = {
		.weights = solution->weights,
		.dropped = solution->dropped,
		.std_error = solution->std_error
	};
	double	   *scale;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(d, sizeof(double)), &memory));
	penalty.scale = scale = memory;
	for (uint32_t j = 0; j < d; j++)
		scale[j] = scaling[j].scale;
	ML_TRY(ml_gram_solve(ctx, table->trainer->kernel, gram, &penalty, NULL, &result));
	/* features are about their means; the intercept of the sums is where columns are 0 */
	solution->bias[0] = result.bias;
	for (uint32_t j = 0; j < d; j++)
		solution->bias[0] += solution->weights[j] * scaling[j].mean / scaling[j].scale;
	solution->has_errors = penalty.alpha == 0;
	solution->bias_std_error = result.bias_std_error;
	solution->freedom = result.freedom;
	solution->fitted = true;
	table->first = (ml_linear_report)
	{
		.epochs = ML_MAX(result.iterations, 1),
		.converged = result.converged,
		.nlosses = 1,
		.losses = {result.residual / ml_gram_weight(gram) / 2}
	};
	table->refit = table->first;
	return ML_OK;
}

/* The sums of the columns that are kept. */
static ml_status
keep(ml_context *ctx, ml_table_trainer *table, const ml_gram *gram, void **kept)
{
	const ml_trainer *trainer = table->trainer;
	uint32_t   *columns;
	uint32_t	n = 0;
	void	   *memory;

	ML_TRY(ml_arena_alloc(ctx, &table->fitted, ml_size_mul(trainer->ncolumns, sizeof(uint32_t)),
						  &memory));
	columns = memory;
	for (uint32_t i = 0; i < trainer->ncolumns; i++)
		if (!table->left_out[i])
			columns[n++] = i;
	ML_TRY(ml_alloc(ctx, ml_gram_size(n), kept));
	ml_gram_keep(gram, columns, n, *kept);
	return ml_solution_open(ctx, &table->solution, 1, n);
}

static ml_status
learn(ml_context *ctx, ml_table_trainer *table, const ml_gram *gram, void **kept)
{
	ml_trainer *trainer = table->trainer;
	uint32_t	y = trainer->ncolumns;
	ml_design_summary summary;

	trainer->nrows = ml_gram_nrows(gram);
	table->nscores = 1;
	table->calibration.slope = 1;
	table->least = ml_gram_min(gram, y);
	table->most = ml_gram_max(gram, y);
	ML_TRY(summarize(ctx, table, gram, &summary));
	ML_TRY(find_sequences(ctx, table, gram));
	ML_TRY(ml_table_columns(ctx, table, &summary, ML_PARTS_ALL, false));
	warn_of_copies(ctx, table, gram);
	ML_TRY(keep(ctx, table, gram, kept));
	return solve(ctx, table, *kept);
}

ml_status
ml_train_table_finish_gram(ml_context *ctx, ml_table_trainer *table, const ml_gram *gram,
						   ml_buffer *stored, ml_buffer *report)
{
	void	   *kept = NULL;
	ml_status	status = learn(ctx, table, gram, &kept);

	ml_release(ctx, kept);
	ML_TRY(status);
	ML_TRY(ml_table_tell(ctx, table));
	ML_TRY(ml_table_store(ctx, table, stored));
	return ml_table_report(ctx, table, ml_gram_nrows(gram), report);
}
