/*-------------------------------------------------------------------------
 *
 * toy_network_training.h
 *	  Trainings of networks on small tables, and what came out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_NETWORK_TRAINING_H
#define TOY_NETWORK_TRAINING_H

#include "toy_training.h"

#include "model/stored_network.h"

typedef struct outcome
{
	ml_status	status;
	ml_buffer	stored;
	ml_buffer	report;
	ml_arena	arena;
	const ml_json *json;
} outcome;

/* Train; the report is parsed. */
static inline bool
train_network(unit_host *host, const table *t, const setting *s, outcome *r)
{
	memset(r, 0, sizeof(*r));
	host->logs = host->warnings = 0;
	host->log[0] = host->warning[0] = '\0';
	memset(&host->ctx.error, 0, sizeof(host->ctx.error));
	r->status = train(&host->ctx, t, s, &r->stored, &r->report);
	if (r->status == ML_OK)
		r->status = ml_json_parse(&host->ctx, &r->arena, (ml_text) {r->report.data, r->report.size}, ML_BAD_MODEL,
								  &r->json);
	return r->status == ML_OK;
}

static inline void
end_network(unit_host *host, outcome *r)
{
	ml_buffer_free(&host->ctx, &r->stored);
	ml_buffer_free(&host->ctx, &r->report);
	ml_arena_free(&host->ctx, &r->arena);
	memset(r, 0, sizeof(*r));
}

static inline bool
same_model(const outcome *a, const outcome *b)
{
	return a->stored.size > 0 && a->stored.size == b->stored.size &&
		memcmp(a->stored.data, b->stored.data, a->stored.size) == 0;
}

/* A number of the report; NaN when absent. */
static inline double
told(const outcome *r, const char *name)
{
	const ml_json *node = r->json == NULL ? NULL : ml_json_get(r->json, name);

	return node == NULL ? NAN : node->kind == ML_JSON_NUMBER ? node->number : node->count;
}

static inline double
metric(const outcome *r, const char *name)
{
	const ml_json *node = r->json == NULL ? NULL : ml_json_get(r->json, "metrics");

	node = node == NULL ? NULL : ml_json_get(node, name);
	return node == NULL ? NAN : node->number;
}

/* Columns of the history. */
enum
{
	EPOCH, STEP, RATE, SECONDS, LOSS, METRIC, VALIDATION_LOSS, VALIDATION_METRIC
};

/* NaN: null, or no such epoch. */
static inline double
history(const outcome *r, size_t epoch, int column)
{
	const ml_json *node = r->json == NULL ? NULL : ml_json_get(r->json, "history");

	node = node == NULL ? NULL : node->first;
	while (node != NULL && epoch-- > 0)
		node = node->next;
	node = node == NULL ? NULL : node->first;
	while (node != NULL && column-- > 0)
		node = node->next;
	return node == NULL || node->kind != ML_JSON_NUMBER ? NAN : node->number;
}

/* A parameter or state of a stored network, read as a file of tensors. */
static inline const ml_tensor *
stored_tensor(unit_host *host, outcome *r, const char *name)
{
	ml_safetensors file;

	if (r->stored.size == 0 ||
		ml_safetensors_read(&host->ctx, &r->arena, r->stored.data, r->stored.size, &file) != ML_OK)
		return NULL;
	return ml_safetensors_tensor(&file, name);
}

/*
 * Out of reach of a linear model: y is "in" near the middle, else "out".
 */
static inline void
make_ring(table *t, size_t n, uint64_t seed)
{
	ml_rng		rng;

	ml_rng_seed(&rng, seed);
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	add_column(t, "b", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);

		row[0].number = noise(&rng);
		row[1].number = noise(&rng);
		t->targets[i].text = row[0].number * row[0].number + row[1].number * row[1].number < 0.4 ? ML_TEXT("in") :
			ML_TEXT("out");
	}
}

/* Numbers, a category and a text; y is "yes" or "no". */
static inline void
make_mixed(table *t, size_t n)
{
	static const char *const kinds[] = {"red", "green", "blue"};
	ml_rng		rng;

	ml_rng_seed(&rng, 8);
	add_column(t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	add_column(t, "kind", ML_TYPE_TEXT, ML_ROLE_CATEGORY);
	add_column(t, "note", ML_TYPE_TEXT, ML_ROLE_TEXT);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);
		size_t		kind = (size_t) ml_rng_below(&rng, 3);
		bool		good = ml_rng_below(&rng, 2);
		char		text[64];

		snprintf(text, sizeof(text), "%s %s w%d", good ? "lovely" : "awful", kinds[ml_rng_below(&rng, 3)], (int) ml_rng_below(&rng, 20));
		row[0].number = i % 9 == 4 ? NAN : noise(&rng);
		row[1].text = i % 11 == 3 ? (ml_text) {NULL, 0} : unit_text(kinds[kind]);
		row[2].text = i % 13 == 5 ? (ml_text) {NULL, 0} : keep(t, text);
		t->targets[i].text = good != (kind == 1) ? ML_TEXT("yes") : ML_TEXT("no");
	}
}

#endif							/* TOY_NETWORK_TRAINING_H */
