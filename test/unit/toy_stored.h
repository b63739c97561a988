/*-------------------------------------------------------------------------
 *
 * toy_stored.h
 *	  Models of the small table (toy_table.h) made without a trainer: weights
 *	  out of a hat, of every kind that format 2 has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_STORED_H
#define TOY_STORED_H

#include "toy_table.h"

#include "base/hash.h"
#include "feature/encoder.h"
#include "model/stored.h"
#include "model/stored_table.h"

typedef enum toy_kind
{
	TOY_REGRESSION,				/* with statistics, a reference level, a dropped feature */
	TOY_BINARY,					/* calibrated; class 1 is the first label */
	TOY_CLASSES,				/* three labels */
	TOY_MIXED,					/* two labels, one column of text */
	TOY_MIXED_CLASSES,			/* three labels, one column of text */
	TOY_RBF,					/* two labels */
	TOY_POLYNOMIAL,				/* three labels */
	TOY_RBF_REGRESSION,
	TOY_KINDS
} toy_kind;

static const char *const toy_names[TOY_KINDS] = {
	"regression", "binary", "classes", "mixed", "mixed classes", "rbf", "polynomial", "rbf regression"
};

#define TOY_HASH_BITS	10
#define TOY_DROPPED		6		/* a part of the date */
#define TOY_VECTORS		37		/* not a multiple of 16 */

static const ml_text toy_labels[] = {{"early", 5}, {"late", 4}, {"on \"time\"", 9}};

static const ml_text toy_texts[] = {
	{"gate changed again", 18}, {"late crew", 9}, {"late, late, late!", 17}, {"weather and crew", 16},
	{"\xe5\xbe\x88\xe5\xa5\xbd gate", 11}, {NULL, 0}
};

typedef struct toy
{
	ml_context *ctx;
	toy_kind	kind;
	ml_arena	arena;
	table		table;
	ml_recipe	recipe;
	ml_rows_index texts;
	ml_solution solution;
	ml_stored_table model;
	ml_buffer	file;
	ml_rng		rng;
} toy;

static inline bool
toy_has_text(toy_kind kind)
{
	return kind == TOY_MIXED || kind == TOY_MIXED_CLASSES;
}

static inline bool
toy_is_machine(toy_kind kind)
{
	return kind >= TOY_RBF;
}

static inline uint32_t
toy_columns(toy_kind kind)
{
	return toy_has_text(kind) ? NCOLUMNS : NCOLUMNS - 1;
}

/* Row i of the small table, with a text that differs from row to row, and some values missing. */
static inline void
toy_row(int i, double *items, ml_value *inputs)
{
	small_row(i, items, inputs);
	inputs[NOTE].text = toy_texts[i % ML_LENGTH(toy_texts)];
	if (i == 1)
		inputs[ITEMS].items = (ml_items) {NULL, 0};
	if (i == 2)
		items[1] = NAN;
	if (i == 5)
		inputs[WHEN].number = NAN;
}

static inline double
toy_random(toy *t)
{
	return ml_rng_double(&t->rng) * 2 - 1;
}

/* What ml_design_texts gives: every second feature is too rare in the rows that learnt. */
static inline ml_status
toy_index(toy *t)
{
	size_t		nbuckets = (size_t) 1 << TOY_HASH_BITS;
	ml_encoder *encoder;
	ml_vocabulary *vocabulary;
	ml_status	status = ML_OK;
	uint32_t	n;

	ML_TRY(ml_arena_alloc_zero(t->ctx, &t->arena, ml_vocabulary_size(TOY_HASH_BITS), (void **) &vocabulary));
	vocabulary->hash_bits = TOY_HASH_BITS;
	ML_TRY(ml_encoder_open(t->ctx, &t->recipe, NULL, ml_kernel_select(ML_LEVEL_AUTO), &encoder));
	for (size_t i = 0; i < ML_LENGTH(toy_texts) && status == ML_OK; i++)
	{
		ml_features features;

		status = ml_encoder_run(t->ctx, encoder, &toy_texts[i], &features);
		for (size_t k = 0; status == ML_OK && k < features.n; k++)
		{
			size_t		bucket = ML_COUNTED_KEY(features.words[k]) % nbuckets;

			vocabulary->blocks[bucket >> 6].bits |= UINT64_C(1) << (bucket & 63);
		}
	}
	ml_encoder_close(t->ctx, encoder);
	ML_TRY(status);
	ml_vocabulary_rank(vocabulary);
	n = vocabulary->nfeatures;
	t->texts = (ml_rows_index) {.vocabulary = vocabulary, .nfeatures = n, .unit = true};
	ML_TRY(ml_arena_alloc(t->ctx, &t->arena, n, (void **) &t->texts.idf_code));
	ML_TRY(ml_arena_alloc(t->ctx, &t->arena, n * sizeof(float), (void **) &t->texts.idf));
	ML_TRY(ml_arena_alloc_zero(t->ctx, &t->arena, ML_IDF_LEVELS * sizeof(uint16_t), (void **) &t->texts.idf_levels));
	for (int i = 0; i < 5; i++)
		t->texts.idf_levels[i] = ml_idf_level(true, 60, (uint64_t) i * 3 + 1);
	for (uint32_t i = 0; i < n; i++)
	{
		t->texts.idf_code[i] = (uint8_t) (i % 5);
		t->texts.idf[i] = i % 2 == 0 ? (float) t->texts.idf_levels[i % 5] / ML_IDF_ONE : 0;
	}
	return ML_OK;
}

static inline ml_status
toy_fill_machine(toy *t, uint32_t width)
{
	ml_machine *machine = &t->solution.machine;
	uint32_t	nscores = t->solution.nscores;
	double		dense[WIDTH_MAX];
	uint32_t	hot[COLUMNS_MAX];

	*machine = (ml_machine)
	{
		.kind = t->kind == TOY_POLYNOMIAL ? ML_MACHINE_POLYNOMIAL : ML_MACHINE_RBF,
		.gamma = 0.07, .coef0 = 0.5, .degree = 3, .nvectors = TOY_VECTORS, .width = width
	};
	ML_TRY(ml_arena_alloc_zero(t->ctx, &t->solution.arena, TOY_VECTORS * width * sizeof(float),
							   (void **) &machine->vectors));
	ML_TRY(ml_arena_alloc(t->ctx, &t->solution.arena, TOY_VECTORS * nscores * sizeof(float),
						  (void **) &machine->coefficients));
	for (int i = 0; i < TOY_VECTORS; i++)
	{
		float	   *vector = machine->vectors + (size_t) i * width;
		double		items[2];
		ml_value	inputs[NCOLUMNS];

		toy_row(i, items, inputs);
		ML_TRY(ml_tabular_encode(t->ctx, &t->table.tabular, inputs, dense, hot));
		for (uint32_t j = 0; j < t->table.tabular.ndense; j++)
			vector[j] = (float) dense[j];
		for (uint32_t k = 0; k < t->table.tabular.ncategories; k++)
			if (hot[k] != ML_NO_TERM)
				vector[hot[k]] = 1;
	}
	for (uint32_t i = 0; i < TOY_VECTORS * nscores; i++)
		machine->coefficients[i] = (float) toy_random(t);
	return ML_OK;
}

static inline ml_status
toy_solve(toy *t)
{
	uint32_t	width = t->table.tabular.ndense + t->table.tabular.nhot;
	uint32_t	nscores = t->model.nlabels > 2 ? t->model.nlabels : 1;
	ml_solution *s = &t->solution;

	ML_TRY(ml_solution_open(t->ctx, s, nscores, width + t->texts.nfeatures));
	for (uint32_t c = 0; c < nscores; c++)
		s->bias[c] = toy_random(t);
	if (toy_is_machine(t->kind))
		return toy_fill_machine(t, width);
	for (size_t i = 0; i < (size_t) nscores * s->nfeatures; i++)
		s->weights[i] = toy_random(t);
	if (t->kind != TOY_REGRESSION)
		return ML_OK;
	s->has_errors = true;
	for (uint32_t j = 0; j < width; j++)
		s->std_error[j] = 0.01 + fabs(toy_random(t));
	s->bias_std_error = 0.25;
	s->freedom = 47;
	s->dropped[TOY_DROPPED] = true;
	s->weights[TOY_DROPPED] = 0;
	s->weights[t->table.tabular.columns[CARRIER].reference] = 0;
	s->std_error[t->table.tabular.columns[CARRIER].reference] = NAN;
	return ML_OK;
}

static inline ml_status
toy_make(toy *t)
{
	ml_tabular_options options = defaults;
	toy_kind	kind = t->kind;

	options.reference = kind == TOY_REGRESSION;
	options.rare = 5;
	ML_TRY(open_table(t->ctx, &t->table, small_columns, toy_columns(kind)));
	for (int i = 0; i < 60; i++)
	{
		double		items[2];
		ml_value	inputs[NCOLUMNS];

		toy_row(i, items, inputs);
		ML_TRY(add_row(&t->table, inputs));
	}
	ML_TRY(fit(&t->table, &options));
	t->model = (ml_stored_table)
	{
		.task = kind == TOY_REGRESSION || kind == TOY_RBF_REGRESSION ? ML_REGRESSION : ML_CLASSIFICATION,
		.algorithm = kind == TOY_REGRESSION ? ML_TEXT("linear_regression") :
			toy_is_machine(kind) ? ML_TEXT("svm") : ML_TEXT("logistic_regression"),
		.tabular = &t->table.tabular, .slope = 1, .labels = toy_labels, .solution = &t->solution
	};
	if (t->model.task == ML_CLASSIFICATION)
		t->model.nlabels = kind == TOY_CLASSES || kind == TOY_MIXED_CLASSES || kind == TOY_POLYNOMIAL ? 3 : 2;
	if (t->model.nlabels == 2)
	{
		t->model.slope = 1.75;
		t->model.offset = -0.125;
		t->model.positive = kind == TOY_BINARY ? 0 : 1;
	}
	if (toy_has_text(kind))
	{
		ml_recipe_default(&t->recipe);
		t->recipe.columns = (ml_text *) &small_columns[NOTE].name;
		t->recipe.ncolumns = 1;
		t->recipe.unicode = ML_TEXT("15.0");
		t->recipe.hash_bits = TOY_HASH_BITS;
		ML_TRY(toy_index(t));
		t->model.recipe = &t->recipe;
		t->model.texts = &t->texts;
	}
	ML_TRY(toy_solve(t));
	return ml_stored_write_table(t->ctx, &t->model, &t->file);
}

static inline void
toy_close(toy *t)
{
	close_table(&t->table, ML_OK);
	ml_solution_close(t->ctx, &t->solution);
	ml_buffer_free(t->ctx, &t->file);
	ml_arena_free(t->ctx, &t->arena);
}

/* Close it in any case. */
static inline ml_status
toy_open(ml_context *ctx, toy *t, toy_kind kind)
{
	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	t->kind = kind;
	ml_rng_seed(&t->rng, kind + 1);
	return toy_make(t);
}

#endif							/* TOY_STORED_H */
