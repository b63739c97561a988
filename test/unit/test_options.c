/*-------------------------------------------------------------------------
 *
 * test_options.c
 *	  Options of a training: defaults, ranges, messages.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/linear.h"
#include "learn/options.h"

static ml_status
read_options(unit_host *host, ml_arena *arena, const char *algorithm, const char *json,
			 ml_options *options)
{
	return ml_options_read(&host->ctx, arena, unit_text(algorithm), unit_text(json), options);
}

static void
test_defaults(unit_host *host, ml_arena *arena)
{
	ml_options	options;

	unit_ok(read_options(host, arena, "auto", "{}", &options) == ML_OK, "no options are fine");
	unit_ok(options.loss == ML_LOSS_SQUARED_HINGE, "auto is svm");
	unit_ok(options.holdout == 0.2 && options.shuffle && !options.early_stopping &&
				options.deploy == ML_DEPLOY_YES && options.c == ml_hinge.c &&
			options.epochs == ml_hinge.epochs, "defaults");
	unit_ok(read_options(host, arena, "logistic_regression", "{\"c\": null}", &options) == ML_OK &&
				options.loss == ML_LOSS_LOGISTIC && options.c == ml_logistic.c,
			"defaults go by the algorithm, null is one");
}

static void
test_values(unit_host *host, ml_arena *arena)
{
	ml_options	o;
	const char *json = "{\"word_ngrams\": [1, 3], \"char_ngrams\": [2, 5], \"script_ngrams\": null, "
					   "\"hash_bits\": 20, \"min_df\": 3, \"sublinear_tf\": false, \"idf\": false, \"l2_norm\": false, "
					   "\"c\": 0.5, \"l1_ratio\": 0.25, \"epochs\": 7, \"tolerance\": 0.001, \"early_stopping\": true, "
					   "\"shuffle\": false, \"seed\": 9007199254740992, \"holdout\": 0, "
					   "\"class_weight\": {\"a\": 1, \"b \\\"\": 2.5}, \"weights\": \"w\", \"prune\": 0, "
					   "\"deploy\": \"if_better\"}";
	ml_buffer	written = {0};
	ml_buffer	again = {0};

	unit_ok(read_options(host, arena, "logistic_regression", json, &o) == ML_OK, "all options: %s",
			host->ctx.error.text);
	unit_ok(o.recipe.word_ngrams[1] == 3 && o.recipe.char_ngrams[0] == 2 &&
				o.recipe.script_ngrams[0] == 0 && o.recipe.hash_bits == 20 && o.recipe.min_df == 3 &&
			!o.recipe.sublinear_tf && !o.recipe.idf && !o.recipe.l2_norm, "the recipe's");
	unit_ok(o.c == 0.5 && o.l1_ratio == 0.25 && o.epochs == 7 && o.tolerance == 0.001 &&
				o.early_stopping && !o.shuffle && o.seed == UINT64_C(1) << 53 && o.holdout == 0 &&
			o.prune == 0 && o.deploy == ML_DEPLOY_IF_BETTER, "the learner's");
	unit_ok(o.nclass_weights == 2 && o.class_weights[1].weight == 2.5, "class weights");
	unit_is_text(o.class_weights[1].label, "b \"", "a label with a quote");
	unit_is_text(o.weights, "w", "column of weights");
	unit_ok(ml_options_write(&host->ctx, &o, &written) == ML_OK, "written");
	unit_ok(read_options(host, arena, "logistic_regression", written.data, &o) == ML_OK &&
				ml_options_write(&host->ctx, &o, &again) == ML_OK &&
			strcmp(written.data, again.data) == 0, "and read back, the same: %s", written.data);
	ml_buffer_free(&host->ctx, &written);
	ml_buffer_free(&host->ctx, &again);
	unit_ok(read_options(host, arena, "svm", "{\"class_weight\": \"balanced\"}", &o) == ML_OK &&
			o.balanced, "balanced");
	unit_ok(read_options(host, arena, "svm", "{\"deploy\": false}", &o) == ML_OK &&
			o.deploy == ML_DEPLOY_NO, "deploy: false");
}

static void
test_errors(unit_host *host, ml_arena *arena)
{
	static const struct
	{
		const char *json;
		const char *part;
		const char *hint;
	} bad[] = {
		{"{\"epoch\": 3}", "unknown option \"epoch\"", "\"epochs\""},
		{"{\"colour\": 3}", "unknown option \"colour\"", ""},
		{"{\"epochs\": 0}", "\"epochs\" does not take 0", "1 to 10000"},
		{"{\"epochs\": 2.5}", "\"epochs\" does not take 2.5", "integer"},
		{"{\"epochs\": \"2\"}", "does not take \"2\"", "integer"},
		{"{\"epochs\": \"many\"}", "does not take \"many\"", "integer"},
		{"{\"seed\": -1}", "\"seed\"", "integer"},
		{"{\"c\": 0}", "\"c\" does not take 0", "1e-6"},
		{"{\"c\": true}", "\"c\" does not take a boolean", "number"},
		{"{\"holdout\": 1}", "\"holdout\"", "0 to 0.9"},
		{"{\"idf\": 1}", "\"idf\"", "boolean"},
		{"{\"word_ngrams\": [2, 1]}", "\"word_ngrams\" does not take this array", "two integers"},
		{"{\"word_ngrams\": [0, 1]}", "\"word_ngrams\"", "1 to 8"},
		{"{\"word_ngrams\": [1, 9]}", "\"word_ngrams\"", "1 to 8"},
		{"{\"char_ngrams\": 3}", "\"char_ngrams\"", "two integers"},
		{"{\"class_weight\": \"even\"}", "\"class_weight\" does not take \"even\"", "balanced"},
		{"{\"class_weight\": {\"a\": -1}}", "\"class_weight\"", "balanced"},
		{"{\"class_weight\": [1]}", "\"class_weight\"", "balanced"},
		{"{\"weights\": \"\"}", "\"weights\"", "column"},
		{"{\"deploy\": \"maybe\"}", "\"deploy\"", "if_better"},
		{"{\"l1_ratio\": 0.5}", "l1_ratio", "logistic_regression"},
		{"{\"word_ngrams\": null, \"script_ngrams\": null}", "must not all be null", ""},
		{"[]", "must be a JSON object", ""},
		{"{", "", ""},
		{"{\"c\": 1, \"c\": 2}", "", ""},
	};
	ml_options	options;

	for (size_t i = 0; i < ML_LENGTH(bad); i++)
	{
		unit_fails(host, read_options(host, arena, "svm", bad[i].json, &options), ML_BAD_OPTION,
				   bad[i].part, "%s", bad[i].json);
		unit_ok(strstr(host->ctx.error.hint, bad[i].hint) != NULL, "  hint: %s",
				host->ctx.error.hint);
	}
	unit_fails(host, read_options(host, arena, "svn", "{}", &options), ML_BAD_OPTION,
			   "unknown algorithm \"svn\"", "misspelt algorithm");
	unit_ok(strstr(host->ctx.error.hint, "\"svm\"") != NULL, "  with a hint");
	unit_fails(host, read_options(host, arena, "perceptron", "{}", &options), ML_BAD_OPTION,
			   "unknown algorithm", "unknown algorithm");
	unit_ok(strstr(host->ctx.error.detail, "logistic_regression") != NULL, "  and what there is");
}

static void
test_description(void)
{
	ml_text		name;
	ml_text		type;
	ml_text		initial;
	ml_text		text;
	int			n = 0;

	while (ml_options_describe(n, &name, &type, &initial, &text))
	{
		if (name.size == 0 || type.size == 0 || initial.size == 0 || text.size == 0)
			unit_ok(false, "option %d is described", n);
		n++;
	}
	unit_ok(n >= 20, "%d options are described", n);
}

/* The README's table of options is this description, row by row. */
static void
test_readme(void)
{
	static const char head[] = "| option | takes | default | |\n|---|---|---|---|\n";
	static char readme[256 * 1024];
	FILE *file = fopen("README.md", "r");
	const char *at;
	ml_text		name;
	ml_text		type;
	ml_text		initial;
	ml_text		text;

	if (file != NULL)
	{
		readme[fread(readme, 1, sizeof(readme) - 1, file)] = '\0';
		fclose(file);
	}
	at = strstr(readme, head);
	if (!unit_ok(at != NULL, "the README has a table of options"))
		return;
	at += strlen(head);
	for (int i = 0; ml_options_describe(i, &name, &type, &initial, &text); i++)
	{
		char		row[ML_TEXT_MAX];
		int			size = snprintf(row, sizeof(row), "| `%.*s` | %.*s | %.*s | %.*s |\n",
									(int) name.size, name.data, (int) type.size, type.data,
									(int) initial.size, initial.data, (int) text.size, text.data);

		if (!unit_ok(strncmp(at, row, size) == 0, "README: %.*s", size - 1, row))
			return;
		at += size;
	}
	unit_ok(*at != '|', "README: no other options");
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	ml_arena	arena = {0};
	ml_buffer	json = {0};
	ml_options	options;
	ml_status	status = ml_options_read(ctx, &arena, ML_TEXT("svm"),
										 ML_TEXT("{\"class_weight\": {\"a\": 2}, \"weights\": \"w\"}"),
										 &options);

	if (status == ML_OK)
		status = ml_options_write(ctx, &options, &json);
	ml_buffer_free(ctx, &json);
	ml_arena_free(ctx, &arena);
	return status;
}

int
main(void)
{
	unit_host	host;
	ml_arena	arena = {0};

	unit_open(&host);
	test_defaults(&host, &arena);
	test_values(&host, &arena);
	test_errors(&host, &arena);
	test_description();
	test_readme();
	ml_arena_free(&host.ctx, &arena);
	unit_every_allocation_fails("options", scenario, NULL);
	unit_close(&host, "options");
	return unit_done();
}
