/*-------------------------------------------------------------------------
 *
 * test_tabular.c
 *	  Rows of a table to features: against scikit-learn's recorded ones
 *	  (test/data/tabular.py), options that it lacks, bad rows, names, wide
 *	  categories.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_table.h"

#include "base/json.h"

#define TEXT_MAX	32
#define TOLERANCE	1e-12

static double
number_of(const ml_json *node)
{
	return node->kind == ML_JSON_NUMBER ? node->number : NAN;
}

/* One row of tabular.json. */
static void
read_row(const table *t, const ml_json *row, double items[][ITEMS_MAX], ml_value *inputs)
{
	const ml_json *node = row->first;

	for (uint32_t i = 0; i < t->ncolumns; i++, node = node->next)
		if (t->columns[i].role == ML_ROLE_CATEGORY)
			inputs[i].text = node->kind == ML_JSON_STRING ? node->string : (ml_text) {NULL, 0};
		else if (t->columns[i].type == ML_TYPE_ARRAY)
		{
			uint32_t	k = 0;

			inputs[i].items = (ml_items) {node->kind == ML_JSON_ARRAY ? items[i] : NULL, node->count};
			for (const ml_json *item = node->first; item != NULL; item = item->next)
				items[i][k++] = number_of(item);
		}
		else
			inputs[i].number = number_of(node);
}

static ml_status
open_recorded(ml_context *ctx, table *t, const ml_json *root)
{
	ml_column	columns[COLUMNS_MAX] = {0};
	uint32_t	n = 0;
	double		items[COLUMNS_MAX][ITEMS_MAX];
	ml_value	inputs[COLUMNS_MAX];

	for (const ml_json *c = ml_json_get(root, "columns")->first; c != NULL; c = c->next, n++)
	{
		columns[n].name = ml_json_get(c, "name")->string;
		columns[n].type = ml_type_find(ml_json_get(c, "type")->string);
		columns[n].role = ml_role_find(ml_json_get(c, "role")->string);
		columns[n].size = 3;
	}
	ML_TRY(open_table(ctx, t, columns, n));
	for (const ml_json *row = ml_json_get(root, "train")->first; row != NULL; row = row->next)
	{
		read_row(t, row, items, inputs);
		ML_TRY(add_row(t, inputs));
	}
	return ML_OK;
}

static ml_tabular_options
read_options(const ml_json *node)
{
	ml_tabular_options options = defaults;
	ml_text		impute = ml_json_get(node, "impute")->string;

	options.standardize = ml_json_get(node, "standardize")->boolean;
	options.impute = impute.data[1] == 'e' ? ML_IMPUTE_MEAN : impute.data[1] == 'o' &&
		impute.data[0] == 'm' ? ML_IMPUTE_MOST_FREQUENT : ML_IMPUTE_CONSTANT;
	options.constant = ml_json_get(node, "constant")->number;
	options.indicator = ml_json_get(node, "indicator")->boolean;
	options.rare = (int) ml_json_get(node, "rare")->number;
	options.winsorize = ml_json_get(node, "winsorize")->number;
	return options;
}

static int
compare_names(table *t, const ml_json *names)
{
	int			differ = 0;
	uint32_t	term = 0;

	for (const ml_json *name = names->first; name != NULL; name = name->next)
	{
		ml_buffer	buffer = {0};

		if (ml_tabular_term(t->ctx, &t->tabular, term++, &buffer) != ML_OK ||
			!ml_text_equal((ml_text) {buffer.data, buffer.size}, name->string))
		{
			unit_note("feature %u is \"%s\", not \"%.*s\"", term - 1, buffer.data, (int) name->string.size,
					  name->string.data);
			differ++;
		}
		ml_buffer_free(t->ctx, &buffer);
	}
	return differ;
}

/* Largest relative difference from the features of a row. */
static double
compare_row(table *t, const ml_value *inputs, const ml_json *expected)
{
	double		dense[WIDTH_MAX + COLUMNS_MAX];
	uint32_t	hot[COLUMNS_MAX];
	double		worst = 0;
	uint32_t	term = 0;

	if (ml_tabular_encode(t->ctx, &t->tabular, inputs, dense, hot) != ML_OK)
		return INFINITY;
	for (const ml_json *node = expected->first; node != NULL; node = node->next, term++)
	{
		double		got = term < t->tabular.ndense ? dense[term] : 0;

		for (uint32_t i = 0; i < t->tabular.ncategories; i++)
			got += hot[i] == term;
		worst = fmax(worst, fabs(got - node->number) / fmax(1, fabs(node->number)));
	}
	return worst;
}

static void
test_recorded(unit_host *host, const ml_json *root)
{
	table		t;
	int			number = 0;

	unit_is_int(open_recorded(&host->ctx, &t, root), ML_OK, "the recorded table is read");
	for (const ml_json *one = ml_json_get(root, "cases")->first; one != NULL; one = one->next, number++)
	{
		ml_tabular_options options = read_options(ml_json_get(one, "options"));
		const ml_json *expected = ml_json_get(one, "features")->first;
		double		worst = 0;

		unit_is_int(fit(&t, &options), ML_OK, "case %d is fitted", number);
		unit_is_int(t.tabular.ndense + t.tabular.nhot, ml_json_get(one, "names")->count, "to as many features");
		unit_is_int(compare_names(&t, ml_json_get(one, "names")), 0, "of the same names");
		for (const ml_json *row = ml_json_get(root, "test")->first; row != NULL;
			 row = row->next, expected = expected->next)
		{
			double		items[COLUMNS_MAX][ITEMS_MAX];
			ml_value	inputs[COLUMNS_MAX];

			read_row(&t, row, items, inputs);
			worst = fmax(worst, compare_row(&t, inputs, expected));
		}
		unit_is_near(worst, 0, TOLERANCE, "and rows have scikit-learn's features");
	}
	close_table(&t, ML_OK);
}

static void
test_dates(const ml_json *root)
{
	double		worst = 0;
	int			n = 0;

	for (const ml_json *one = ml_json_get(root, "dates")->first; one != NULL; one = one->next, n++)
	{
		double		parts[ML_DATE_PARTS_MAX];
		int			i = 0;

		ml_date_parts(ML_TYPE_TIMESTAMP, one->first->number, parts);
		for (const ml_json *part = one->first->next; part != NULL; part = part->next, i++)
			worst = fmax(worst, fabs(parts[i] - part->number) / fmax(1, fabs(part->number)));
	}
	unit_ok(n > 80, "%d dates", n);
	unit_is_near(worst, 0, 1e-14, "have the parts that Python's calendar gives them");
}

static void
is_term(table *t, uint32_t term, const char *expected)
{
	ml_buffer	name = {0};

	if (ml_tabular_term(t->ctx, &t->tabular, term, &name) != ML_OK)
		unit_ok(false, "feature %u has a name", term);
	unit_is_text(((ml_text) {name.data, name.size}), expected, "feature %u", term);
	ml_buffer_free(t->ctx, &name);
}

static void
test_small(unit_host *host)
{
	ml_tabular_options options = defaults;
	table		t;
	const ml_tabular_column *c;

	options.reference = true;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a small table is fitted");
	unit_is_int(t.tabular.ndense, 2 + 2 + 7, "its numbers");
	unit_is_int(t.tabular.nhot, 4, "and levels");
	unit_is_int(t.tabular.ntexts, 1, "beside a text");
	is_term(&t, 0, "distance");
	is_term(&t, 1, "distance is null");
	is_term(&t, 3, "x[2]");
	is_term(&t, 4, "day of time_hour");
	is_term(&t, 5, "sin of hour of time_hour");
	is_term(&t, 10, "cos of day of year of time_hour");
	is_term(&t, 11, "carrier = AA");
	is_term(&t, 13, "carrier = (other)");
	is_term(&t, 14, "carrier is null");
	c = &t.tabular.columns[CARRIER];
	unit_is_int(c->reference, 11, "the reference is the first level that is not rare");
	unit_is_int(c->most_frequent, ML_NO_TERM, "nothing stands for a missing value");
	unit_is_int(t.map[0][0], 12, "UA came first");
	unit_is_int(t.map[0][2], 13, "B6 is rare");
	unit_is_int(ml_tabular_level(&t.tabular, CARRIER, unit_text("UA")), 12, "a level is found");
	unit_is_int(ml_tabular_level(&t.tabular, CARRIER, unit_text("B6")), ML_NO_TERM, "a rare one has no name");
	unit_is_int(ml_tabular_level(&t.tabular, CARRIER, unit_text("")), ML_NO_TERM, "an empty one neither");
	close_table(&t, ML_OK);
	options.impute = ML_IMPUTE_MOST_FREQUENT;
	options.rare = 1;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "without joining");
	c = &t.tabular.columns[CARRIER];
	unit_ok(c->nlevels == 4 && c->other == ML_NO_TERM && c->missing == ML_NO_TERM, "all levels have names");
	unit_is_int(c->most_frequent, c->first + 3, "the most frequent value stands for missing ones");
	close_table(&t, ML_OK);
	options.rare = 1000;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "all rare");
	c = &t.tabular.columns[CARRIER];
	unit_ok(c->nlevels == 0 && c->nterms == 1 && c->most_frequent == c->other && c->reference == c->other,
			"all are joined in one");
	close_table(&t, ML_OK);
	options = defaults;
	options.rare = 5;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a single rare level");
	c = &t.tabular.columns[CARRIER];
	unit_ok(c->nlevels == 3 && c->other == c->first + 3, "is \"(other)\" as well");
	close_table(&t, ML_OK);
}

static void
test_unseen(unit_host *host)
{
	ml_tabular_options options = defaults;
	double		items[2];
	ml_value	inputs[NCOLUMNS];
	double		dense[WIDTH_MAX];
	uint32_t	hot[1];
	table		t;

	small_row(1, items, inputs);
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "policy other");
	inputs[CARRIER].text = ML_TEXT("ZZ");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "an unseen value");
	unit_is_int(hot[0], t.tabular.columns[CARRIER].other, "is another");
	close_table(&t, ML_OK);
	options.rare = 1;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "without rare ones");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "an unseen value");
	unit_is_int(hot[0], ML_NO_TERM, "is no level");
	close_table(&t, ML_OK);
	options.unseen = ML_UNSEEN_ERROR;
	options.rare = 10;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "policy error");
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"carrier\" has the value \"ZZ\"", "an unseen value is an error");
	inputs[CARRIER].text = ML_TEXT("DL");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "a rare one is none");
	unit_is_int(hot[0], t.tabular.columns[CARRIER].other, "it was seen");
	inputs[CARRIER].text = (ml_text) {NULL, 0};
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "nor is a missing one");
	unit_is_int(hot[0], t.tabular.columns[CARRIER].missing, "where training had some");
	close_table(&t, ML_OK);
	unit_is_int(open_table(&host->ctx, &t, &small_columns[CARRIER], 1), ML_OK, "a table without missing values");
	unit_is_int(add_row(&t, &(ml_value) {.text = ML_TEXT("UA")}), ML_OK, "of one row");
	options.rare = 1;
	unit_is_int(fit(&t, &options), ML_OK, "is fitted");
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, &inputs[CARRIER], dense, hot), ML_BAD_INPUT,
			   "column \"carrier\" is null", "has none to predict either");
	close_table(&t, ML_OK);
}

static void
test_bad_rows(unit_host *host)
{
	double		items[3];
	ml_value	inputs[NCOLUMNS];
	ml_value	good[NCOLUMNS];
	double		dense[WIDTH_MAX];
	uint32_t	hot[1];
	table		t;
	ml_tabular_options options = defaults;

	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a table");
	small_row(1, items, good);
	memcpy(inputs, good, sizeof(good));
	unit_ok(!ml_tabular_missing(&t.tabular, inputs), "a row has values");
	inputs[NUMBER].number = -INFINITY;
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"distance\" has an infinite value", "infinity");
	memcpy(inputs, good, sizeof(good));
	inputs[WHEN].number = 1e17;
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"time_hour\" has the value 1e+17", "no date");
	inputs[WHEN].number = INFINITY;
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"time_hour\" has an infinite value", "an infinite one");
	memcpy(inputs, good, sizeof(good));
	inputs[ITEMS].items.n = 3;
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"x\" has an array of 3 numbers, and takes 2", "an array of another length");
	inputs[ITEMS].items.n = 2;
	items[1] = INFINITY;
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_BAD_INPUT,
			   "column \"x\" has an infinite value", "infinity in an array");
	for (int i = 0; i < NOTE; i++)
		inputs[i] = i == CARRIER ? (ml_value) {.text = {NULL, 0}} : i == ITEMS ?
			(ml_value) {.items = {NULL, 0}} : (ml_value) {.number = NAN};
	unit_ok(ml_tabular_missing(&t.tabular, inputs), "a row but for its text missing");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "is encoded");
	unit_ok(dense[0] == 0 && dense[1] == 1 && dense[2] == 0 && dense[4] == 0, "as means and an indicator");
	for (uint32_t f = 0; f < t.tabular.ndense; f++)
		if (ml_tabular_scale(&t.tabular.scaling[f], NAN) != (f == 1 ? 0 : dense[f]))
			unit_ok(false, "as ml_tabular_scale says");
	close_table(&t, ML_OK);
	options.winsorize = 0.05;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "clipping");
	small_row(1, items, inputs);
	inputs[NUMBER].number = INFINITY;
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, inputs, dense, hot), ML_OK, "makes infinity finite");
	unit_ok(dense[0] > 1 && dense[0] < 4, "it is the greatest value");
	close_table(&t, ML_OK);
}

/* One number column with those values. */
static ml_status
fit_numbers(ml_context *ctx, table *t, const double *values, int n, const ml_tabular_options *options,
			const double *fill)
{
	ml_column	column = small_columns[NUMBER];

	if (fill != NULL)
	{
		column.has_fill = true;
		column.fill = *fill;
	}
	ML_TRY(open_table(ctx, t, &column, 1));
	for (int i = 0; i < n; i++)
		ML_TRY(add_row(t, &(ml_value) {.number = values[i]}));
	return fit(t, options);
}

static void
test_numbers(unit_host *host)
{
	static const double missing[2] = {NAN, NAN};
	static const double constant[3] = {0.1, 0.1, 0.1};
	static const double large[2] = {1.7e308, -1.7e308};
	static const double tiny[2] = {1e-300, 3e-300};
	static const double some[3] = {1, 3, NAN};
	static const double seven = 7;
	ml_tabular_options options = defaults;
	double		dense[2];
	table		t;

	unit_fails(host, fit_numbers(&host->ctx, &t, missing, 2, &options, NULL), ML_BAD_DATA,
			   "column \"distance\" has no value", "nothing but missing values");
	unit_ok(strstr(host->ctx.error.hint, "{\"distance\": \"ignore\"}") != NULL, "the hint: leave it out");
	close_table(&t, ML_OK);
	unit_is_int(fit_numbers(&host->ctx, &t, missing, 2, &options, &seven), ML_OK, "unless a constant fills it");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, &(ml_value) {.number = 9}, dense, NULL), ML_OK, "a value");
	unit_ok(dense[0] == 2 && dense[1] == 0, "is counted from the constant");
	close_table(&t, ML_OK);
	unit_is_int(fit_numbers(&host->ctx, &t, constant, 3, &options, NULL), ML_OK, "a constant column");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, &(ml_value) {.number = 0.1}, dense, NULL), ML_OK, "its value");
	unit_ok(dense[0] == 0 && t.tabular.scaling[0].scale == 1, "is 0");
	close_table(&t, ML_OK);
	unit_fails(host, fit_numbers(&host->ctx, &t, large, 2, &options, NULL), ML_BAD_DATA, "too large", "too large numbers");
	close_table(&t, ML_OK);
	unit_is_int(fit_numbers(&host->ctx, &t, tiny, 2, &options, NULL), ML_OK, "tiny numbers");
	unit_is_int(ml_tabular_encode(&host->ctx, &t.tabular, &(ml_value) {.number = 3e-300}, dense, NULL), ML_OK, "their value");
	unit_ok(dense[0] > 0.4 && dense[0] < 1.1, "is of the usual size");
	unit_fails(host, ml_tabular_encode(&host->ctx, &t.tabular, &(ml_value) {.number = 1e300}, dense, NULL),
			   ML_BAD_INPUT, "out of range", "another is out of range");
	close_table(&t, ML_OK);
	unit_is_int(fit_numbers(&host->ctx, &t, some, 3, &options, &seven), ML_OK, "a column's own constant");
	unit_ok(t.tabular.scaling[0].fill == 7 && fabs(t.tabular.scaling[0].mean - 11 / 3.0) < 1e-15 &&
				t.tabular.ndense == 2, "fills it before it is standardised");
	close_table(&t, ML_OK);
	unit_is_int(open_table(&host->ctx, &t, &small_columns[CARRIER], 1), ML_OK, "a category");
	unit_is_int(add_row(&t, &(ml_value) {.text = {NULL, 0}}), ML_OK, "without values");
	options.impute = ML_IMPUTE_CONSTANT;
	unit_fails(host, fit(&t, &options), ML_BAD_DATA, "column \"carrier\" has no value", "is refused");
	close_table(&t, ML_OK);
	unit_is_int(open_table(&host->ctx, &t, &(ml_column) {.name = {"x", 1}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER},
						   1), ML_OK, "an array whose length no row says");
	unit_fails(host, fit(&t, &options), ML_BAD_DATA, "column \"x\" has no value", "is refused as well");
	close_table(&t, ML_OK);
	options.impute = ML_IMPUTE_MEAN;
	unit_is_int(open_table(&host->ctx, &t, &(ml_column) {.name = {"x", 1}, .type = ML_TYPE_ARRAY, .role = ML_ROLE_NUMBER,
						   .size = 3}, 1), ML_OK, "arrays");
	unit_is_int(add_row(&t, &(ml_value) {.items = {(double[3]) {1, NAN, 2}, 3}}), ML_OK, "of which one item");
	unit_fails(host, fit(&t, &options), ML_BAD_DATA, "item 2 of the arrays in column \"x\"", "never has a value");
	close_table(&t, ML_OK);
}

/* Levels that no row that learns has are as unseen. */
static void
test_counts(unit_host *host)
{
	ml_tabular_options options = defaults;
	table		t;

	options.rare = 1;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a table");
	t.levels[0].counts[0] = 0;	/* UA */
	unit_is_int(fit(&t, &options), ML_OK, "one level of which does not learn");
	unit_is_int(t.tabular.columns[CARRIER].nlevels, 3, "it has no feature");
	unit_is_int(t.map[0][0], ML_NO_TERM, "and its rows none");
	options.rare = 10;
	unit_is_int(fit(&t, &options), ML_OK, "with rare ones");
	unit_is_int(t.map[0][0], t.tabular.columns[CARRIER].other, "they have the rare ones'");
	options.unseen = ML_UNSEEN_ERROR;
	unit_is_int(fit(&t, &options), ML_OK, "where unseen is an error");
	unit_is_int(t.map[0][0], ML_NO_TERM, "they have none");
	unit_is_int(t.tabular.nlevels, 3, "names of rare levels are kept");
	close_table(&t, ML_OK);
}

#define WIDE 100000

static ml_status
wide_scenario(ml_context *ctx, void *argument)
{
	ml_tabular_options options = defaults;
	table		t;
	ml_status	status = open_table(ctx, &t, &small_columns[CARRIER], 1);
	uint32_t	number;

	options.rare = 2;
	for (uint32_t i = 0; status == ML_OK && i < WIDE + WIDE / 2; i++)
	{
		char		name[TEXT_MAX];

		snprintf(name, sizeof(name), "level %x", (i % WIDE) * 2654435761u);
		status = ml_levels_add(ctx, &t.levels[0], unit_text(name), &number);
	}
	if (status == ML_OK)
		status = fit(&t, &options);
	if (status == ML_OK && argument != NULL)
	{
		const ml_tabular *m = &t.tabular;
		int			wrong = 0;

		unit_is_int(m->nhot, WIDE / 2 + 1, "half of 100,000 levels are rare");
		unit_is_int(ml_tabular_check(ctx, m, m->level_end[m->nlevels - 1]), ML_OK, "the others are in order");
		for (uint32_t i = 0; i < WIDE; i++)
		{
			ml_value	input = {.text = t.levels[0].values[i]};
			uint32_t	hot;

			wrong += ml_tabular_encode(ctx, m, &input, NULL, &hot) != ML_OK || hot != t.map[0][i] ||
				(hot != m->columns[0].other &&
				 !ml_text_equal(ml_tabular_level_name(m, 0, hot), input.text));
		}
		unit_is_int(wrong, 0, "and each is found");
	}
	return close_table(&t, status);
}

int
main(void)
{
	unit_host	host;
	size_t		size;
	char	   *json = unit_data("tabular.json", &size);
	ml_arena	arena = {0};
	const ml_json *root = NULL;

	unit_open(&host);
	if (json == NULL || ml_json_parse(&host.ctx, &arena, (ml_text) {json, size}, ML_BAD_MODEL, &root) != ML_OK)
		unit_ok(false, "tabular.json is read");
	else
	{
		test_recorded(&host, root);
		test_dates(root);
	}
	ml_arena_free(&host.ctx, &arena);
	free(json);
	test_small(&host);
	test_unseen(&host);
	test_bad_rows(&host);
	test_numbers(&host);
	test_counts(&host);
	unit_is_int(wide_scenario(&host.ctx, &host), ML_OK, "a wide category is fitted");
	unit_close(&host, "tables");
	unit_every_poll_cancels("wide category", wide_scenario, NULL);
	return unit_done();
}
