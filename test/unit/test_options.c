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

/* A label may be written as the value that it is. */
static void
test_label(unit_host *host, ml_arena *arena)
{
	static const char *const labels[][2] = {{"false", "false"}, {"true", "true"}, {"\"false\"", "false"}, {"0", "0"}, {"-1.50", "-1.50"}};

	for (size_t i = 0; i < ML_LENGTH(labels); i++)
	{
		ml_options	o;
		char		json[64];

		snprintf(json, sizeof(json), "{\"positive\": %s}", labels[i][0]);
		unit_ok(read_options(host, arena, "auto", json, &o) == ML_OK, "%s: %s", json, host->ctx.error.text);
		unit_is_text(o.positive, labels[i][1], "  is that text");
	}
}

/* A step is an epoch: there are more of them. */
static void
test_epochs(unit_host *host, ml_arena *arena)
{
	ml_options	o;

	unit_ok(read_options(host, arena, "gradient_descent", "{}", &o) == ML_OK && o.epochs == 10, "epochs of sgd");
	unit_ok(read_options(host, arena, "gradient_descent", "{\"optimizer\": \"full_batch\"}", &o) == ML_OK && o.epochs == 1000,
			"epochs of full_batch");
	unit_ok(read_options(host, arena, "gradient_descent", "{\"optimizer\": \"full_batch\", \"epochs\": 7}", &o) == ML_OK &&
			o.epochs == 7, "epochs that were given");
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
		{"{\"positive\": [true]}", "\"positive\" does not take this array", "label"},
		{"{\"positive\": \"\"}", "\"positive\" does not take \"\"", "label"},
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
		{"{\"alpha\": 1}", "\"alpha\" does nothing with algorithm svm", "linear_regression"},
		{"{\"penalty\": \"l3\"}", "\"penalty\" does not take \"l3\"", "elastic_net"},
		{"{\"kernel\": 3}", "\"kernel\" does not take 3", "rbf"},
		{"{\"gamma\": \"auto\"}", "\"gamma\" does not take \"auto\"", "scale"},
		{"{\"gamma\": 0}", "\"gamma\" does not take 0", "1e-12"},
		{"{\"impute\": \"median\"}", "\"impute\" does not take \"median\"", "most_frequent"},
		{"{\"columns\": [1]}", "\"columns\" does not take this array", "category"},
		{"{\"columns\": {\"a\": \"auto\"}}", "\"columns\" does not take \"auto\"", "category"},
		{"{\"columns\": {\"a\": {\"rule\": \"text\"}}}", "\"columns\" does not take this object", "category"},
		{"{\"columns\": {\"a\": {\"impute\": \"x\"}}}", "\"columns\" does not take \"x\"", "impute"},
		{"{\"holdout\": \"\"}", "\"holdout\"", "column"},
		{"{\"holdout\": {\"fraction\": 0.2}}", "\"holdout\"", "column"},
		{"{\"holdout\": {\"column\": \"t\", \"fraction\": 0}}", "\"holdout\" does not take 0", "column"},
		{"{\"holdout\": {\"column\": \"t\", \"share\": 0.1}}", "\"holdout\"", "column"},
		{"{\"rare\": 0}", "\"rare\"", "1 to"},
		{"{\"degree\": 1.5}", "\"degree\"", "integer"},
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
	unit_ok(strstr(host->ctx.error.detail, "auto, linear_regression, logistic_regression, svm, gradient_descent and network") != NULL,
			"  and what there is");
	unit_ok(read_options(host, arena, "network", "{}", &options) == ML_OK && options.network.validation == 0.1 &&
			read_options(host, arena, "network", "{\"network\": \"lstm\"}", &options) == ML_OK && options.network.validation == 0.1 &&
			read_options(host, arena, "network", "{\"validation\": 0}", &options) == ML_OK && options.network.validation == 0 &&
			read_options(host, arena, "network", "{\"layers\": []}", &options) == ML_OK && options.network.validation == 0,
			"of a preset a tenth validates");
	unit_fails(host, read_options(host, arena, "network", "{\"learning_rate\": 0.1}", &options), ML_BAD_OPTION,
			   "does nothing with algorithm network", "learning_rate of a network");
	unit_ok(strstr(host->ctx.error.hint, "{\"optimizer\": {\"type\": \"adam\", \"learning_rate\": ...}}") != NULL, "  is the optimizer's");
	unit_fails(host, read_options(host, arena, "network", "{\"tolerance\": 0.1}", &options), ML_BAD_OPTION,
			   "does nothing with algorithm network", "tolerance of a network");
	unit_ok(strstr(host->ctx.error.hint, "all but network") != NULL, "  hint: %s", host->ctx.error.hint);
}

/* What goes with what, once algorithm, task and subject are known. */
static void
test_settle(unit_host *host, ml_arena *arena)
{
	static const struct
	{
		const char *algorithm;
		const char *json;
		ml_task		task;
		ml_subject	subject;
		const char *part;
		const char *hint;
	} bad[] = {
		{"linear_regression", "{}", ML_CLASSIFICATION, ML_SUBJECT_TABLE, "does not do classification",
		 "logistic_regression"},
		{"logistic_regression", "{}", ML_REGRESSION, ML_SUBJECT_TABLE, "does not do regression",
		 "linear_regression"},
		{"auto", "{\"kernel\": \"rbf\"}", ML_REGRESSION, ML_SUBJECT_TABLE,
		 "\"kernel\" does nothing with algorithm linear_regression", "svm"},
		{"auto", "{\"l1_ratio\": 0.5}", ML_CLASSIFICATION, ML_SUBJECT_TEXT, "\"l1_ratio\"",
		 "logistic_regression"},
		{"auto", "{\"standardize\": false}", ML_CLASSIFICATION, ML_SUBJECT_TEXT,
		 "does nothing with a text classifier", "tables"},
		{"auto", "{\"prune\": 0}", ML_CLASSIFICATION, ML_SUBJECT_TABLE, "does nothing with a table",
		 "text classifiers"},
		{"auto", "{\"hash_bits\": 20}", ML_CLASSIFICATION, ML_SUBJECT_TABLE,
		 "does nothing without columns of text", "text columns"},
		{"auto", "{\"class_weight\": \"balanced\"}", ML_REGRESSION, ML_SUBJECT_TABLE,
		 "does nothing in regression", "classification"},
		{"auto", "{\"positive\": \"a\"}", ML_REGRESSION, ML_SUBJECT_TABLE, "does nothing in regression", "two labels"},
		{"svm", "{\"gamma\": 1}", ML_CLASSIFICATION, ML_SUBJECT_TABLE, "\"gamma\" does nothing with kernel linear",
		 "kernel"},
		{"svm", "{\"kernel\": \"rbf\", \"degree\": 2}", ML_CLASSIFICATION, ML_SUBJECT_TABLE,
		 "\"degree\" does nothing", "polynomial"},
		{"svm", "{\"kernel\": \"rbf\", \"loss\": \"squared_hinge\"}", ML_CLASSIFICATION, ML_SUBJECT_TABLE,
		 "\"loss\" does not go with algorithm svm and that kernel", "hinge"},
		{"svm", "{\"kernel\": \"rbf\"}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"kernel\" does nothing in regression",
		 "classification"},
		{"svm", "{\"loss\": \"hinge\"}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"loss\" does not go", "epsilon_insensitive"},
		{"svm", "{\"epsilon\": 1}", ML_CLASSIFICATION, ML_SUBJECT_TABLE, "\"epsilon\" does nothing in classification", ""},
		{"gradient_descent", "{\"epsilon\": 1}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"epsilon\" does nothing with that loss", ""},
		{"gradient_descent", "{\"loss\": \"log_loss\"}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"loss\"", "squared_error"},
		{"gradient_descent", "{\"momentum\": 0.5}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"momentum\" does nothing", "momentum"},
		{"gradient_descent", "{\"beta1\": 0.5}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"beta1\" does nothing", "adam"},
		{"gradient_descent", "{\"optimizer\": \"full_batch\", \"batch_size\": 5}", ML_REGRESSION, ML_SUBJECT_TABLE,
		 "\"batch_size\" does nothing", "full_batch"},
		{"gradient_descent", "{\"c\": 5}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"c\" does nothing in regression",
		 "classification"},
		{"gradient_descent", "{\"alpha\": 5}", ML_CLASSIFICATION, ML_SUBJECT_TABLE,
		 "\"alpha\" does nothing in classification", "regression"},
		{"linear_regression", "{\"penalty\": \"l2\"}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"penalty\" needs an \"alpha\"", "alpha"},
		{"linear_regression", "{\"penalty\": \"none\", \"alpha\": 1}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"alpha\"", "Leave out"},
		{"linear_regression", "{\"l1_ratio\": 1}", ML_REGRESSION, ML_SUBJECT_TABLE, "\"l1_ratio\"", ""},
		{"linear_regression", "{\"penalty\": \"l2\", \"alpha\": 1, \"l1_ratio\": 0.5}", ML_REGRESSION, ML_SUBJECT_TABLE,
		 "contradict", "elastic_net"},
		{"logistic_regression", "{\"penalty\": \"none\", \"c\": 5}", ML_CLASSIFICATION, ML_SUBJECT_TABLE,
		 "\"c\" does nothing without a penalty", ""},
		{"logistic_regression", "{\"penalty\": \"none\"}", ML_CLASSIFICATION, ML_SUBJECT_TEXT, "\"penalty\"", "\"c\""},
		{"auto", "{\"network\": \"lstm\"}", ML_CLASSIFICATION, ML_SUBJECT_TEXT, "\"network\" does nothing with algorithm svm",
		 "algorithm => 'network'"},
		{"logistic_regression", "{\"warm_start\": true}", ML_CLASSIFICATION, ML_SUBJECT_TEXT, "\"warm_start\" does nothing", ""},
	};
	ml_options	o;

	for (size_t i = 0; i < ML_LENGTH(bad); i++)
	{
		ml_status	status = read_options(host, arena, bad[i].algorithm, bad[i].json, &o);

		if (!unit_ok(status == ML_OK, "%s %s is read: %s", bad[i].algorithm, bad[i].json, host->ctx.error.text))
			continue;
		unit_fails(host, ml_options_settle(&host->ctx, &o, bad[i].task, bad[i].subject), ML_BAD_OPTION,
				   bad[i].part, "  but does not go");
		unit_ok(strstr(host->ctx.error.hint, bad[i].hint) != NULL, "  hint: %s",
				host->ctx.error.hint);
	}
	unit_ok(read_options(host, arena, "auto", "{}", &o) == ML_OK &&
			ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_TABLE) == ML_OK, "auto, regression");
	unit_is_text(o.algorithm, "linear_regression", "  is linear_regression");
	unit_ok(o.loss == ML_LOSS_SQUARED_ERROR && o.penalty == ML_PENALTY_NONE && o.alpha == 0, "  without a penalty");
	unit_ok(ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_MIXED) == ML_OK, "  settled twice");
	unit_ok(read_options(host, arena, "auto", "{\"hash_bits\": 18}", &o) == ML_OK &&
			ml_options_settle(&host->ctx, &o, ML_CLASSIFICATION, ML_SUBJECT_MIXED) == ML_OK, "auto, a mixed table");
	unit_is_text(o.algorithm, "logistic_regression", "  is logistic_regression");
	unit_ok(o.loss == ML_LOSS_LOGISTIC && o.penalty == ML_PENALTY_L2 && o.c == 1, "  with c 1");
	unit_ok(read_options(host, arena, "svm", "{\"kernel\": \"polynomial\", \"coef0\": 1}", &o) == ML_OK &&
				ml_options_settle(&host->ctx, &o, ML_CLASSIFICATION, ML_SUBJECT_TABLE) == ML_OK &&
			o.loss == ML_LOSS_HINGE && o.degree == 3 && o.coef0 == 1 && o.gamma == 0, "kernel: hinge, defaults");
	unit_ok(read_options(host, arena, "linear_regression", "{\"alpha\": 0.5, \"penalty\": \"elastic_net\"}", &o) == ML_OK &&
				ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_TABLE) == ML_OK &&
			o.l1_ratio == 0.5 && o.alpha == 0.5, "elastic net");
	unit_ok(read_options(host, arena, "linear_regression", "{\"alpha\": 0.5, \"l1_ratio\": 1}", &o) == ML_OK &&
				ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_TABLE) == ML_OK &&
			o.penalty == ML_PENALTY_L1, "lasso by its l1_ratio");
	unit_ok(read_options(host, arena, "svm", "{\"l1_ratio\": 0, \"shuffle\": false}", &o) == ML_OK &&
				ml_options_settle(&host->ctx, &o, ML_CLASSIFICATION, ML_SUBJECT_TEXT) == ML_OK && o.c == ml_hinge.c,
			"what 1.0 took of a text classifier");
}

static void
test_table_values(unit_host *host, ml_arena *arena)
{
	ml_options	o;
	const char *json = "{\"task\": \"regression\", \"columns\": {\"a\": \"category\", \"b\": {\"impute\": -1.5}, "
					   "\"c d\": {\"role\": \"number\", \"impute\": 0}}, \"standardize\": false, \"impute\": 2.5, "
					   "\"indicator\": false, \"rare\": 1, \"unseen\": \"error\", \"winsorize\": 0.01, "
					   "\"loss\": \"squared_epsilon_insensitive\", \"epsilon\": 0.25, \"optimizer\": \"momentum\", "
					   "\"momentum\": 0.5, \"learning_rate\": 0.1, \"batch_size\": 64, \"alpha\": 0.125, "
					   "\"penalty\": \"elastic_net\", \"l1_ratio\": 0.75, \"warm_start\": true, \"groups\": \"g\", "
					   "\"holdout\": {\"column\": \"t\", \"fraction\": 0.1}}";
	ml_column	columns[3] = {{ML_TEXT("a"), ML_TYPE_INTEGER, ML_ROLE_NUMBER}, {ML_TEXT("b"), ML_TYPE_NUMBER, ML_ROLE_AUTO},
	{ML_TEXT("c d"), ML_TYPE_BOOLEAN, ML_ROLE_AUTO}};
	ml_buffer	written = {0};
	ml_buffer	again = {0};

	unit_ok(read_options(host, arena, "gradient_descent", json, &o) == ML_OK, "options of tables: %s",
			host->ctx.error.text);
	unit_ok(ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_TABLE) == ML_OK, "  settled: %s",
			host->ctx.error.text);
	unit_ok(o.has_task && o.task == ML_REGRESSION && o.ncolumn_options == 3 && !o.tabular.standardize &&
				o.tabular.impute == ML_IMPUTE_CONSTANT && o.tabular.constant == 2.5 && !o.tabular.indicator &&
			o.tabular.rare == 1 && o.tabular.unseen == ML_UNSEEN_ERROR && o.tabular.winsorize == 0.01, "  the recipe's");
	unit_ok(o.loss == ML_LOSS_SQUARED_EPSILON_INSENSITIVE && o.epsilon == 0.25 && o.optimizer == ML_OPTIMIZER_MOMENTUM &&
				o.momentum == 0.5 && o.learning_rate == 0.1 && o.batch_size == 64 && o.alpha == 0.125 && o.l1_ratio == 0.75 &&
			o.warm_start, "  the learner's");
	unit_ok(o.holdout_by == ML_HOLDOUT_TIME && o.holdout == 0.1, "  holdout by time");
	unit_is_text(o.holdout_column, "t", "  its column");
	unit_is_text(o.groups, "g", "  groups");
	unit_ok(ml_options_given(&o, "groups") && !ml_options_given(&o, "c"), "  which were given");
	unit_ok(ml_options_write(&host->ctx, &o, &written) == ML_OK, "  written");
	unit_ok(strstr(written.data, "hash_bits") == NULL && strstr(written.data, "beta1") == NULL, "  only those that apply");
	unit_ok(read_options(host, arena, "gradient_descent", written.data, &o) == ML_OK &&
				ml_options_settle(&host->ctx, &o, ML_REGRESSION, ML_SUBJECT_TABLE) == ML_OK &&
				ml_options_write(&host->ctx, &o, &again) == ML_OK &&
			strcmp(written.data, again.data) == 0, "  and read back, the same: %s", written.data);
	ml_buffer_free(&host->ctx, &written);
	ml_buffer_free(&host->ctx, &again);
	unit_ok(ml_options_apply_columns(&host->ctx, &o, columns, 3) == ML_OK && columns[0].role == ML_ROLE_CATEGORY &&
				columns[0].named && !columns[0].has_fill && columns[1].role == ML_ROLE_AUTO && columns[1].has_fill &&
			columns[1].fill == -1.5 && columns[2].role == ML_ROLE_NUMBER, "  applied to the columns");
	unit_fails(host, ml_options_apply_columns(&host->ctx, &o, columns, 2), ML_BAD_OPTION, "names \"c d\"", "  an unknown column");
	unit_ok(read_options(host, arena, "auto", "{\"columns\": {\"aa\": \"number\"}}", &o) == ML_OK, "  a misspelt one");
	unit_fails(host, ml_options_apply_columns(&host->ctx, &o, columns, 3), ML_BAD_OPTION, "names \"aa\"", "  is an error");
	unit_ok(strstr(host->ctx.error.hint, "\"a\"") != NULL, "  with a hint");
	columns[0].type = ML_TYPE_TEXT;
	unit_ok(read_options(host, arena, "auto", "{\"columns\": {\"a\": \"number\"}}", &o) == ML_OK, "  a text as number");
	unit_fails(host, ml_options_apply_columns(&host->ctx, &o, columns, 3), ML_BAD_OPTION, "cannot be a number", "  is an error");
	unit_ok(read_options(host, arena, "svm", "{\"holdout\": \"test\", \"kernel\": \"rbf\", \"gamma\": \"scale\"}", &o) == ML_OK &&
			o.holdout_by == ML_HOLDOUT_FLAG && o.holdout == 0.2 && o.gamma == 0, "holdout by a flag, gamma scale");
	unit_is_text(o.holdout_column, "test", "  its column");
}

/* Texts and a linear svm or logistic regression: a text classifier. */
static void
test_subject(unit_host *host, ml_arena *arena)
{
	ml_column	columns[2] = {{ML_TEXT("a"), ML_TYPE_TEXT, ML_ROLE_TEXT}, {ML_TEXT("b"), ML_TYPE_NUMBER, ML_ROLE_IGNORE}};
	ml_options	o;

	unit_ok(read_options(host, arena, "auto", "{}", &o) == ML_OK && ml_options_text(&o, ML_CLASSIFICATION, columns, 2) &&
			!ml_options_text(&o, ML_REGRESSION, columns, 2), "texts alone are for a text classifier");
	unit_ok(read_options(host, arena, "svm", "{\"loss\": \"hinge\"}", &o) == ML_OK &&
			!ml_options_text(&o, ML_CLASSIFICATION, columns, 2), "  not with another loss");
	unit_ok(read_options(host, arena, "svm", "{\"kernel\": \"rbf\"}", &o) == ML_OK &&
			!ml_options_text(&o, ML_CLASSIFICATION, columns, 2), "  nor with a kernel");
	unit_ok(read_options(host, arena, "gradient_descent", "{}", &o) == ML_OK &&
			!ml_options_text(&o, ML_CLASSIFICATION, columns, 2), "  nor another algorithm");
	columns[1].role = ML_ROLE_NUMBER;
	unit_ok(read_options(host, arena, "svm", "{\"loss\": \"squared_hinge\"}", &o) == ML_OK &&
			!ml_options_text(&o, ML_CLASSIFICATION, columns, 2), "  nor with a number besides");
}

static void
test_description(void)
{
	ml_option_text o;
	int			n = 0;

	while (ml_options_describe(n, &o))
	{
		if (o.name.size == 0 || o.type.size == 0 || o.initial.size == 0 || o.text.size == 0)
			unit_ok(false, "option %d is described", n);
		n++;
	}
	unit_ok(n >= 20, "%d options are described", n);
}

/* The README's table of options is this description, row by row. */
static void
test_readme(void)
{
	static const char head[] = "| option | takes | default | with | |\n|---|---|---|---|---|\n";
	static char readme[256 * 1024];
	FILE *file = fopen("README.md", "r");
	const char *at;
	ml_option_text o;

	if (file != NULL)
	{
		readme[fread(readme, 1, sizeof(readme) - 1, file)] = '\0';
		fclose(file);
	}
	at = strstr(readme, head);
	if (!unit_ok(at != NULL, "the README has a table of options"))
		return;
	at += strlen(head);
	for (int i = 0; ml_options_describe(i, &o); i++)
	{
		char		row[ML_TEXT_MAX];
		int			size = snprintf(row, sizeof(row), "| `%s` | %s | %s | %s | %s |\n", o.name.data, o.type.data,
									o.initial.data, o.with.data, o.text.data);

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
										 ML_TEXT("{\"class_weight\": {\"a\": 2}, \"weights\": \"w\", "
												 "\"columns\": {\"a\": \"text\"}, \"holdout\": \"h\"}"),
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
	test_label(&host, &arena);
	test_epochs(&host, &arena);
	test_errors(&host, &arena);
	test_settle(&host, &arena);
	test_table_values(&host, &arena);
	test_subject(&host, &arena);
	test_description();
	test_readme();
	ml_arena_free(&host.ctx, &arena);
	unit_every_allocation_fails("options", scenario, NULL);
	unit_close(&host, "options");
	return unit_done();
}
