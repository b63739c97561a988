/*-------------------------------------------------------------------------
 *
 * toy_table_model.h
 *	  Stored models of the small table of toy_table.h made without a trainer:
 *	  its recipe is fitted, weights come out of a hat.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_TABLE_MODEL_H
#define TOY_TABLE_MODEL_H

#include "toy_model.h"
#include "toy_table.h"

#include "model/stored_table.h"

#define TOY_VECTORS		37

typedef struct toy_kind
{
	uint32_t	nlabels;		/* 0: regression */
	uint32_t	positive;
	bool		texts;			/* with the column of text */
	bool		errors;
	bool		dropped;
	ml_machine_kind machine;
} toy_kind;

static const char *const toy_labels[] = {"early", "late", "never", "on time"};

static const ml_text toy_notes[] = {
	{"cheap pills, cheap", 18}, {"buy now, buy cheap", 18}, {"meeting at noon", 15}, {"see you at noon, noon", 21},
	{"\xe5\xbe\x88\xe5\xa5\xbd", 6}, {NULL, 0}
};

#define TOY_NOTES	6

typedef struct toy_table_model
{
	table		t;
	ml_arena	arena;
	ml_recipe	recipe;
	ml_text		column;
	ml_rows_index texts;
	ml_solution solution;
	ml_text		labels[4];
	ml_stored_table model;
} toy_table_model;

/* Row i of the small table, whose note is one of toy_notes. */
static inline void
toy_row(int i, double *items, ml_value *inputs)
{
	small_row(i, items, inputs);
	inputs[NOTE].text = toy_notes[i % TOY_NOTES];
}

static inline ml_status
toy_fit_table(ml_context *ctx, table *t, uint32_t ncolumns, const ml_tabular_options *options)
{
	ML_TRY(open_table(ctx, t, small_columns, ncolumns));
	for (int i = 0; i < 60; i++)
	{
		double		items[2];
		ml_value	inputs[NCOLUMNS];

		toy_row(i, items, inputs);
		ML_TRY(add_row(t, inputs));
	}
	return fit(t, options);
}

/* Features of the notes, every one; the third and each fifth after it have idf 0. */
static inline ml_status
toy_index_texts(ml_context *ctx, toy_table_model *m)
{
	size_t		nbuckets = (size_t) 1 << m->recipe.hash_bits;
	ml_rows_index *index = &m->texts;
	uint32_t   *df;
	uint32_t	id = 0;

	ML_TRY(ml_arena_alloc_zero(ctx, &m->arena, nbuckets * sizeof(uint32_t), (void **) &df));
	ML_TRY(ml_arena_alloc_zero(ctx, &m->arena, ml_vocabulary_size(m->recipe.hash_bits), (void **) &index->vocabulary));
	ML_TRY(toy_count(ctx, &m->recipe, &ml_kernel_ref, toy_notes, TOY_NOTES - 1, df));
	index->vocabulary->hash_bits = (uint32_t) m->recipe.hash_bits;
	for (size_t b = 0; b < nbuckets; b++)
		if (df[b] > 0)
			index->vocabulary->blocks[b >> 6].bits |= UINT64_C(1) << (b & 63);
	ml_vocabulary_rank(index->vocabulary);
	index->nfeatures = index->vocabulary->nfeatures;
	ML_TRY(ml_arena_alloc(ctx, &m->arena, index->nfeatures, (void **) &index->idf_code));
	ML_TRY(ml_arena_alloc(ctx, &m->arena, index->nfeatures * sizeof(float), (void **) &index->idf));
	ML_TRY(ml_arena_alloc(ctx, &m->arena, ML_IDF_LEVELS * sizeof(uint16_t), (void **) &index->idf_levels));
	for (int i = 0; i < ML_IDF_LEVELS; i++)
		index->idf_levels[i] = ml_idf_level(true, TOY_NOTES, (uint64_t) i + 1);
	for (size_t b = 0; b < nbuckets; b++)
		if (df[b] > 0)
		{
			index->idf_code[id] = (uint8_t) (df[b] - 1);
			index->idf[id] = id % 5 == 2 ? 0 : (float) index->idf_levels[df[b] - 1] / ML_IDF_ONE;
			id++;
		}
	return ML_OK;
}

static inline ml_status
toy_fill_machine(ml_context *ctx, toy_table_model *m, const toy_kind *kind, ml_rng *rng)
{
	ml_machine *machine = &m->solution.machine;
	uint32_t	width = m->solution.nfeatures;

	*machine = (ml_machine) {kind->machine, 0.07, 0.5, 3, TOY_VECTORS, width};
	ML_TRY(ml_arena_alloc(ctx, &m->arena, TOY_VECTORS * width * sizeof(float), (void **) &machine->vectors));
	ML_TRY(ml_arena_alloc(ctx, &m->arena, TOY_VECTORS * m->solution.nscores * sizeof(float),
						  (void **) &machine->coefficients));
	for (uint32_t i = 0; i < TOY_VECTORS * width; i++)
		machine->vectors[i] = (float) (ml_rng_double(rng) * 4 - 2);
	for (uint32_t i = 0; i < TOY_VECTORS * m->solution.nscores; i++)
		machine->coefficients[i] = (float) (ml_rng_double(rng) * 2 - 1);
	return ML_OK;
}

static inline ml_status
toy_fill_solution(ml_context *ctx, toy_table_model *m, const toy_kind *kind)
{
	ml_solution *solution = &m->solution;
	uint32_t	width = m->t.tabular.ndense + m->t.tabular.nhot;
	ml_rng		rng;

	ml_rng_seed(&rng, 5 + kind->nlabels);
	ML_TRY(ml_solution_open(ctx, solution, kind->nlabels < 3 ? 1 : kind->nlabels, width + m->texts.nfeatures));
	for (uint32_t c = 0; c < solution->nscores; c++)
		solution->bias[c] = ml_rng_double(&rng) - 0.5;
	if (kind->machine != ML_MACHINE_NONE)
		return toy_fill_machine(ctx, m, kind, &rng);
	for (uint32_t i = 0; i < solution->nscores * solution->nfeatures; i++)
		solution->weights[i] = ml_rng_double(&rng) * 2 - 1;
	solution->dropped[1] = kind->dropped;
	solution->has_errors = kind->errors;
	for (uint32_t j = 0; j < solution->nfeatures; j++)
		solution->std_error[j] = j == 2 ? NAN : ml_rng_double(&rng);
	solution->bias_std_error = 0.25;
	solution->freedom = 48;
	return ML_OK;
}

static inline ml_status
toy_table_close(ml_context *ctx, toy_table_model *m, ml_status status)
{
	ml_solution_close(ctx, &m->solution);
	ml_arena_free(ctx, &m->arena);
	return close_table(&m->t, status);
}

/* To be closed, whatever the status. */
static inline ml_status
toy_table_open(ml_context *ctx, toy_table_model *m, const toy_kind *kind)
{
	ml_tabular_options options = defaults;

	memset(m, 0, sizeof(*m));
	options.rare = 5;
	options.reference = kind->errors;
	ML_TRY(toy_fit_table(ctx, &m->t, kind->texts ? NCOLUMNS : NOTE, &options));
	m->column = ML_TEXT("note");
	ml_recipe_default(&m->recipe);
	m->recipe.columns = &m->column;
	m->recipe.ncolumns = 1;
	m->recipe.unicode = ML_TEXT("15.0");
	m->recipe.hash_bits = 12;
	if (kind->texts)
		ML_TRY(toy_index_texts(ctx, m));
	ML_TRY(toy_fill_solution(ctx, m, kind));
	for (uint32_t i = 0; i < kind->nlabels; i++)
		m->labels[i] = unit_text(toy_labels[i]);
	m->model = (ml_stored_table)
	{
		.task = kind->nlabels == 0 ? ML_REGRESSION : ML_CLASSIFICATION,
		.algorithm = ML_TEXT("svm"), .tabular = &m->t.tabular, .recipe = kind->texts ? &m->recipe : NULL,
		.texts = kind->texts ? &m->texts : NULL,
		.nlabels = kind->nlabels, .labels = m->labels, .positive = kind->positive,
		.slope = 1.5, .offset = kind->nlabels == 2 ? -0.25 : 0, .solution = &m->solution
	};
	return ML_OK;
}

/* Stored in "file" alone. */
static inline ml_status
toy_table_store(ml_context *ctx, const toy_kind *kind, ml_buffer *file)
{
	toy_table_model m;
	ml_status	status = toy_table_open(ctx, &m, kind);

	if (status == ML_OK)
		status = ml_stored_write_table(ctx, &m.model, file);
	return toy_table_close(ctx, &m, status);
}

/* The image of a file, or NULL. */
static inline ml_image *
toy_image(ml_context *ctx, const ml_buffer *file)
{
	size_t		size;
	ml_image   *image;

	if (ml_image_plan(ctx, file->data, file->size, &size) != ML_OK)
		return NULL;
	image = aligned_alloc(ML_ALIGN, size);
	if (ml_image_build(ctx, file->data, file->size, image, size) == ML_OK)
		return image;
	free(image);
	return NULL;
}

#endif							/* TOY_TABLE_MODEL_H */
