/*-------------------------------------------------------------------------
 *
 * test_serve_table.c
 *	  Models of tables against scikit-learn: predictions, probabilities, scores
 *	  of kernel machines and their integrated gradients
 *	  (test/data/serve_table.py).
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>

#include "toy_table.h"

#include "base/json.h"
#include "model/stored_table.h"

#define RECORDED		80
#define WIDTH			8

/* The recorded table, read and fitted. */
static void
fit_recorded(unit_host *host, table *t, const ml_json *rows, ml_value (*inputs)[4])
{
	static const ml_column columns[4] = {
		{.name = {"a", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"b", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"c", 1}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
		{.name = {"color", 5}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY}
	};
	ml_tabular_options options = defaults;
	int			i = 0;

	options.rare = 1;
	if (open_table(&host->ctx, t, columns, 4) != ML_OK)
		abort();
	for (const ml_json *row = rows->first; row != NULL; row = row->next, i++)
	{
		int			k = 0;

		for (const ml_json *node = row->first; node != NULL; node = node->next, k++)
			if (k < 3)
				inputs[i][k].number = node->kind == ML_JSON_NULL ? NAN : node->number;
			else
				inputs[i][k].text = node->kind == ML_JSON_NULL ? (ml_text) {NULL, 0} : node->string;
		if (add_row(t, inputs[i]) != ML_OK)
			abort();
	}
	if (fit(t, &options) != ML_OK || t->tabular.ndense != 4 || t->tabular.nhot != 4)
		abort();
}

static ml_image *
image_of(ml_context *ctx, const ml_buffer *file)
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

/* Numbers of an array, or of an array of arrays; how many. */
static size_t
numbers_of(const ml_json *node, double *to)
{
	size_t		n = 0;

	if (node->kind != ML_JSON_ARRAY)
	{
		*to = node->number;
		return 1;
	}
	for (const ml_json *item = node->first; item != NULL; item = item->next)
		n += numbers_of(item, to + n);
	return n;
}

static void
fill_recorded(unit_host *host, const ml_json *node, const char *name, ml_solution *solution)
{
	static double numbers[RECORDED * WIDTH];
	ml_machine *machine = &solution->machine;
	size_t		n;

	numbers_of(ml_json_get(node, "bias"), solution->bias);
	if (ml_json_get(node, "weights") != NULL)
	{
		numbers_of(ml_json_get(node, "weights"), solution->weights);
		return;
	}
	n = numbers_of(ml_json_get(node, "coefficients"), numbers);
	*machine = (ml_machine)
	{
		.kind = strcmp(name, "rbf") == 0 ? ML_MACHINE_RBF : ML_MACHINE_POLYNOMIAL, .gamma = 0.2,
		.nvectors = (uint32_t) n, .width = WIDTH
	};
	if (machine->kind == ML_MACHINE_POLYNOMIAL)
	{
		machine->gamma = 0.3;
		machine->coef0 = 1;
		machine->degree = 3;
	}
	if (ml_arena_alloc(&host->ctx, &solution->arena, n * sizeof(float), (void **) &machine->coefficients) != ML_OK ||
		ml_arena_alloc(&host->ctx, &solution->arena, n * WIDTH * sizeof(float), (void **) &machine->vectors) != ML_OK)
		abort();
	for (size_t i = 0; i < n; i++)
		machine->coefficients[i] = (float) numbers[i];
	numbers_of(ml_json_get(node, "vectors"), numbers);
	for (size_t i = 0; i < n * WIDTH; i++)
		machine->vectors[i] = (float) numbers[i];
}

/* Integrated gradients of the first rows. */
static void
compare_parts(unit_host *host, ml_session *session, const char *name, const ml_json *node, ml_value (*inputs)[4])
{
	static const char *const prefixes[4] = {"a ", "b ", "c ", "color "};
	double		base = ml_json_get(node, "base")->number;
	double		worst = 0;
	int			i = 0;

	for (const ml_json *row = ml_json_get(node, "parts")->first; row != NULL; row = row->next, i++)
	{
		const ml_contribution *parts;
		double		expected[4];
		double		largest = 0;
		uint32_t	explained;
		size_t		n;

		numbers_of(row, expected);
		if (ml_session_explain(&host->ctx, session, inputs[i], 1, &explained, &parts, &n) != ML_OK)
			abort();
		worst = fmax(worst, fabs(parts[0].contribution - base));
		for (int k = 0; k < 4; k++)
			largest = fmax(largest, fabs(expected[k]));
		for (size_t p = 1; p < n; p++)
			for (int k = 0; k < 4; k++)
				if (strncmp(parts[p].feature.data, prefixes[k], strlen(prefixes[k])) == 0)
					worst = fmax(worst, fabs(parts[p].contribution - expected[k]) / largest);
		unit_is_int(n, 5, "%s: a part for each column of row %d", name, i);
	}
	unit_ok(worst < 1e-6 && worst == worst, "%s: integrated gradients, off by %g", name, worst);
}

static void
test_recorded(unit_host *host, const char *name, const ml_json *root)
{
	const ml_json *node = ml_json_get(root, name);
	static ml_value inputs[RECORDED][4];
	static double expected[RECORDED * 3];
	static double got[RECORDED * 3];
	bool		machine = ml_json_get(node, "vectors") != NULL;
	uint32_t	nlabels = strcmp(name, "ridge") == 0 ? 0 : strcmp(name, "three") == 0 ? 3 : 2;
	const ml_text labels[3] = {{"0", 1}, {"1", 1}, {"2", 1}};
	size_t		n = numbers_of(ml_json_get(node, "predictions"), expected);
	double		worst = 0;
	table		t;
	ml_solution solution;
	ml_buffer	file = {0};
	ml_image   *image;
	ml_session *session;
	ml_stored_table model;

	fit_recorded(host, &t, ml_json_get(root, "rows"), inputs);
	if (ml_solution_open(&host->ctx, &solution, nlabels == 3 ? 3 : 1, WIDTH) != ML_OK)
		abort();
	fill_recorded(host, node, name, &solution);
	model = (ml_stored_table)
	{
		.task = nlabels == 0 ? ML_REGRESSION : ML_CLASSIFICATION, .algorithm = ML_TEXT("svm"), .tabular = &t.tabular,
		.nlabels = nlabels, .labels = labels, .positive = 1, .slope = 1, .solution = &solution
	};
	if (ml_stored_write_table(&host->ctx, &model, &file) != ML_OK || (image = image_of(&host->ctx, &file)) == NULL ||
		ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK ||
		(nlabels == 0 ? ml_session_regress(&host->ctx, session, RECORDED, inputs[0], got) :
		 ml_session_predict(&host->ctx, session, RECORDED, inputs[0], NULL, got)) != ML_OK)
		abort();
	for (size_t i = 0; i < n; i++)
	{
		/* of machines scores are recorded */
		double		value = !machine ? got[i] : log(got[2 * i + 1] / got[2 * i]);

		worst = fmax(worst, fabs(value - expected[i]));
	}
	unit_ok(worst < (machine ? 1e-5 : 1e-12) && worst == worst, "%s: as scikit-learn, off by %g", name, worst);
	if (machine)
		compare_parts(host, session, name, node, inputs);
	ml_session_close(&host->ctx, session);
	free(image);
	ml_buffer_free(&host->ctx, &file);
	ml_solution_close(&host->ctx, &solution);
	close_table(&t, ML_OK);
}

static void
test_scikit_learn(unit_host *host)
{
	static const char *const names[] = {"ridge", "two", "three", "rbf", "polynomial"};
	ml_arena	arena = {0};
	const ml_json *root;
	size_t		size;
	char	   *text = unit_data("serve_table.json", &size);

	if (text == NULL || ml_json_parse(&host->ctx, &arena, (ml_text) {text, size}, ML_BAD_DATA, &root) != ML_OK)
		abort();
	for (size_t i = 0; i < ML_LENGTH(names); i++)
		test_recorded(host, names[i], root);
	ml_arena_free(&host->ctx, &arena);
	free(text);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_scikit_learn(&host);
	unit_close(&host, "served tables");
	return unit_done();
}
