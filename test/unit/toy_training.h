/*-------------------------------------------------------------------------
 *
 * toy_training.h
 *	  Rows of a table in memory, trainings on them, and what came out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_TRAINING_H
#define TOY_TRAINING_H

#include "unit.h"

#include "base/hash.h"
#include "learn/gram.h"
#include "learn/metric.h"
#include "ml.h"
#include "model/stored.h"
#include "model/stored_table.h"

#include <math.h>

#define WIDTH_MAX	32

/* Rows of a table in memory. */
typedef struct table
{
	uint32_t	ncolumns;
	ml_column	columns[WIDTH_MAX];
	size_t		n;
	size_t		capacity;
	ml_value   *inputs;			/* [n][ncolumns] */
	ml_value   *targets;
	double	   *split;
	float	   *weights;
	bool		weighted;
	bool	   *validates;		/* NULL: none does */
	ml_arena	arena;
	ml_context *ctx;
} table;

static inline void
open_table(unit_host *host, table *t)
{
	memset(t, 0, sizeof(*t));
	t->ctx = &host->ctx;
}

static inline void
add_column(table *t, const char *name, ml_type type, ml_role role)
{
	t->columns[t->ncolumns++] = (ml_column) {.name = unit_text(name), .type = type, .role = role};
}

/* The inputs of one more row. */
static inline ml_value *
add_row(table *t)
{
	if (t->n == t->capacity)
	{
		t->capacity = t->capacity * 2 + 64;
		t->inputs = realloc(t->inputs, t->capacity * t->ncolumns * sizeof(ml_value));
		t->targets = realloc(t->targets, t->capacity * sizeof(ml_value));
		t->split = realloc(t->split, t->capacity * sizeof(double));
		t->weights = realloc(t->weights, t->capacity * sizeof(float));
	}
	t->split[t->n] = 0;
	t->weights[t->n] = 1;
	return t->inputs + t->n++ * t->ncolumns;
}

static inline ml_text
keep(table *t, const char *text)
{
	ml_text		kept = {NULL, 0};

	if (ml_arena_copy(t->ctx, &t->arena, unit_text(text), &kept) != ML_OK)
		abort();
	return kept;
}

static inline void
close_table(table *t)
{
	free(t->inputs);
	free(t->targets);
	free(t->split);
	free(t->weights);
	free(t->validates);
	ml_arena_free(t->ctx, &t->arena);
}

typedef struct setting
{
	const char *algorithm;
	ml_task		task;
	const char *options;
	size_t		memory;
	const ml_image *live;
	ml_type		target_type;
	ml_text		start;
	const ml_kernel *kernel;	/* NULL: what this machine chooses */
} setting;

static inline ml_status
open_trainer(ml_context *ctx, const table *t, const setting *s, ml_trainer **trainer)
{
	return ml_trainer_open(ctx, &(ml_training)
						   {
							   .algorithm = unit_text(s->algorithm), .options = unit_text(s->options), .task = s->task,
							   .ncolumns = t->ncolumns, .columns = t->columns, .target = ML_TEXT("y"),
							   .memory = s->memory > 0 ? s->memory : (size_t) 64 << 20,
							   .kernel = s->kernel != NULL ? s->kernel : ml_kernel_select(ML_LEVEL_AUTO), .live = s->live,
							   .target_type = s->target_type, .start = s->start
						   }, trainer);
}

static inline ml_status
add_rows(ml_context *ctx, const table *t, ml_trainer *trainer)
{
	return ml_trainer_add(ctx, trainer, &(ml_batch)
						  {
							  .n = t->n, .inputs = t->inputs, .targets = t->targets, .split = t->split,
							  .weights = t->weighted ? t->weights : NULL, .validates = t->validates
						  });
}

static inline ml_status
train(ml_context *ctx, const table *t, const setting *s, ml_buffer *stored, ml_buffer *report)
{
	ml_trainer *trainer;
	ml_status	status;

	ML_TRY(open_trainer(ctx, t, s, &trainer));
	status = add_rows(ctx, t, trainer);
	if (status == ML_OK)
		status = ml_trainer_finish(ctx, trainer, stored, report);
	ml_trainer_close(ctx, trainer);
	return status;
}

/* What came out, taken to pieces. */
typedef struct result
{
	ml_status	status;
	ml_buffer	stored;
	ml_buffer	report;
	ml_arena	arena;
	const ml_json *json;
	ml_table_file file;
} result;

static inline ml_status
read_file(unit_host *host, ml_arena *arena, const ml_buffer *stored, ml_table_file *file)
{
	void	   *from;
	int			format;

	/* tensors are found through it as long as the arena is there */
	ML_TRY(ml_arena_alloc(&host->ctx, arena, sizeof(ml_safetensors), &from));
	ML_TRY(ml_stored_open(&host->ctx, arena, stored->data, stored->size, from, &format));
	return ml_stored_read_table(&host->ctx, arena, from, file);
}

static inline bool
run(unit_host *host, const table *t, const setting *s, result *r)
{
	memset(r, 0, sizeof(*r));
	host->logs = host->warnings = 0;
	host->log[0] = host->warning[0] = host->ctx.error.text[0] = '\0';
	r->status = train(&host->ctx, t, s, &r->stored, &r->report);
	if (r->status == ML_OK)
		r->status = ml_json_parse(&host->ctx, &r->arena, (ml_text) {r->report.data, r->report.size}, ML_BAD_MODEL,
								  &r->json);
	if (r->status == ML_OK)
		r->status = read_file(host, &r->arena, &r->stored, &r->file);
	return r->status == ML_OK;
}

static inline void
done(unit_host *host, result *r)
{
	ml_buffer_free(&host->ctx, &r->stored);
	ml_buffer_free(&host->ctx, &r->report);
	ml_arena_free(&host->ctx, &r->arena);
}

/* A number of the report, by a path of two names at most; NaN when absent. */
static inline double
figure(const result *r, const char *name, const char *inner)
{
	const ml_json *node = r->json == NULL ? NULL : ml_json_get(r->json, name);

	if (node != NULL && inner != NULL)
		node = ml_json_get(node, inner);
	if (node == NULL)
		return NAN;
	return node->kind == ML_JSON_NUMBER ? node->number : node->count;
}

static inline double
weight(const result *r, uint32_t score, uint32_t feature)
{
	double		value;

	memcpy(&value, (const char *) r->file.weights->data + ((size_t) score * r->file.width + feature) * sizeof(double),
		   sizeof(value));
	return value;
}

/* The column's weight in its own units. */
static inline double
slope(const result *r, const char *name)
{
	const ml_tabular *tabular = &r->file.head.tabular;

	for (uint32_t i = 0; i < tabular->ncolumns; i++)
		if (ml_text_equal(tabular->names[i], unit_text(name)))
			return weight(r, 0, tabular->columns[i].first) / tabular->scaling[tabular->columns[i].first].scale;
	return NAN;
}

/*
 * A law: y = 3 + 2 a - b / 2 + 4 (c is "red") + 6 (b is missing), with noise.
 */

static const char *const colours[] = {"blue", "green", "red"};

static inline double
noise(ml_rng *rng)
{
	return ml_rng_double(rng) + ml_rng_double(rng) + ml_rng_double(rng) - 1.5;
}

/* id, a, b (some missing), c, one, none; note: text.  labels: of two or three, by y. */
static inline void
make_law(table *t, size_t n, int nlabels, bool texts, double spread)
{
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	add_column(t, "id", ML_TYPE_INTEGER, ML_ROLE_AUTO);
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(t, "b", ML_TYPE_INTEGER, ML_ROLE_AUTO);
	add_column(t, "c", ML_TYPE_TEXT, ML_ROLE_AUTO);
	add_column(t, "one", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	add_column(t, "none", ML_TYPE_NUMBER, ML_ROLE_AUTO);
	if (texts)
		add_column(t, "note", ML_TYPE_TEXT, ML_ROLE_AUTO);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);
		bool		missing = ml_rng_below(&rng, 10) == 0;
		int			colour = (int) ml_rng_below(&rng, 3);
		bool		good = ml_rng_below(&rng, 2);
		double		b = (double) ml_rng_below(&rng, 20);
		double		y;

		row[0].number = 1000 + (double) ((i * 7919) % n);
		row[1].number = noise(&rng);
		row[2].number = missing ? NAN : b;
		row[3].text = unit_text(colours[colour]);
		row[4].number = 1;
		row[5].number = NAN;
		y = 3 + 2 * row[1].number - (missing ? 0 : b) / 2 + (colour == 2 ? 4 : 0) + (missing ? 6 : 0);
		if (texts)
		{
			char		note[64];

			snprintf(note, sizeof(note), "a %s thing number %zu of its kind", good ? "lovely" : "awful", i);
			row[6].text = keep(t, note);
			y += good ? 3 : 0;
		}
		y += spread * noise(&rng);
		if (nlabels == 0)
			t->targets[i].number = y;
		else
			t->targets[i].text = unit_text(nlabels == 2 ? (y > 1 ? "yes" : "no") : y > 3 ? "high" : y > -2 ? "middle" : "low");
		t->split[i] = (double) i;
	}
}

/* n rows of d numbers, as fill says. */
typedef double (*filler) (size_t row, uint32_t column);

static inline void
make_numbers(table *t, size_t n, uint32_t d, filler fill, filler target)
{
	for (uint32_t k = 0; k < d; k++)
	{
		static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

		add_column(t, names[k], ML_TYPE_NUMBER, ML_ROLE_AUTO);
	}
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);

		for (uint32_t k = 0; k < d; k++)
			row[k].number = fill(i, k);
		t->targets[i].number = target(i, 0);
	}
}

static inline double
mixed_up(size_t row, uint32_t column)
{
	return (double) (ml_hash_fold(row * 31 + column + 1, ML_HASH_K1) % 1000) / 100;
}

static inline double
twice(size_t row, uint32_t column)
{
	return column == 2 ? mixed_up(row, 0) : mixed_up(row, column);
}

static inline double
same(size_t row, uint32_t column)
{
	return 4.5;
}

static inline double
copied(size_t row, uint32_t column)
{
	return mixed_up(row, 0) * 3 + 1;
}

static inline double
infinite(size_t row, uint32_t column)
{
	return row == 7 && column == 1 ? INFINITY : mixed_up(row, column);
}

static inline double
other(size_t row, uint32_t column)
{
	return mixed_up(row, 0) - 2 * mixed_up(row, 1) + mixed_up(row, 77);
}

static inline ml_status
cross(ml_context *ctx, const table *t, const setting *s, int folds, double *values, uint64_t *rows)
{
	ml_trainer *trainer;
	ml_status	status;

	ML_TRY(open_trainer(ctx, t, s, &trainer));
	status = add_rows(ctx, t, trainer);
	if (status == ML_OK)
		status = ml_trainer_cross_validate(ctx, trainer, folds, values, rows);
	ml_trainer_close(ctx, trainer);
	return status;
}

#endif							/* TOY_TRAINING_H */
