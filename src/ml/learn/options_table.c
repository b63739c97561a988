/*-------------------------------------------------------------------------
 *
 * options_table.c
 *	  The options of a training, and who takes them.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/options_internal.h"

#include "feature/tokens.h"

#define LITERAL(text)	{text, sizeof(text) - 1}

#define OPTION(name, kind, field, min, max, choices, algorithms, tasks, subjects, when, \
			   type, initial, with, text) \
	{LITERAL(name), ML_OPTION_##kind, offsetof(ml_options, field), min, max, choices, \
	 algorithms, tasks, subjects, ML_WHEN_##when, LITERAL(type), LITERAL(initial), \
	 LITERAL(with), LITERAL(text)}

#define ANY				(LINEAR | LOGISTIC | SVM | DESCENT)
#define EVERY			(ANY | NETWORK)
#define LINEAR			ML_TAKES_LINEAR
#define LOGISTIC		ML_TAKES_LOGISTIC
#define SVM				ML_TAKES_SVM
#define DESCENT			ML_TAKES_DESCENT
#define NETWORK			ML_TAKES_NETWORK

#define CLASSES			ML_TASK(ML_CLASSIFICATION)
#define NUMBERS			ML_TASK(ML_REGRESSION)
#define BOTH			(CLASSES | NUMBERS)

/* a text classifier; a table; a table with columns of text */
#define TEXTS			ML_SUBJECT_TEXT
#define TABLES			ML_SUBJECT_TABLE
#define WORDS			(ML_SUBJECT_TEXT | (ML_SUBJECT_MIXED & ~ML_SUBJECT_TABLE))
#define LENGTHS			(WORDS | (ML_SUBJECT_SERIES & ~ML_SUBJECT_TABLE))	/* with columns of text or of series */
#define ALL				(ML_SUBJECT_TEXT | ML_SUBJECT_TABLE)

static const char *const tasks[] = {
	[ML_CLASSIFICATION] = "classification",
	[ML_REGRESSION] = "regression",
	NULL
};

static const char *const unseen[] = {
	[ML_UNSEEN_OTHER] = "other",
	[ML_UNSEEN_ERROR] = "error",
	NULL
};

static const char *const penalties[] = {
	[ML_PENALTY_NONE] = "none",
	[ML_PENALTY_L2] = "l2",
	[ML_PENALTY_L1] = "l1",
	[ML_PENALTY_ELASTIC_NET] = "elastic_net",
	NULL
};

static const char *const losses[] = {
	[ML_LOSS_SQUARED_HINGE] = "squared_hinge",
	[ML_LOSS_LOGISTIC] = "log_loss",
	[ML_LOSS_HINGE] = "hinge",
	[ML_LOSS_SQUARED_ERROR] = "squared_error",
	[ML_LOSS_EPSILON_INSENSITIVE] = "epsilon_insensitive",
	[ML_LOSS_SQUARED_EPSILON_INSENSITIVE] = "squared_epsilon_insensitive",
	NULL
};

static const char *const kernels[] = {
	[ML_SVM_LINEAR] = "linear",
	[ML_SVM_RBF] = "rbf",
	[ML_SVM_POLYNOMIAL] = "polynomial",
	NULL
};

static const char *const precisions[] = {
	[ML_PRECISION_F32] = "f32",
	[ML_PRECISION_BF16] = "bf16",
	NULL
};

static const char *const on_errors[] = {
	[ML_ON_ERROR_FAIL] = "error",
	[ML_ON_ERROR_SKIP] = "skip",
	NULL
};

static const char *const optimizers[] = {
	[ML_OPTIMIZER_SGD] = "sgd",
	[ML_OPTIMIZER_FULL_BATCH] = "full_batch",
	[ML_OPTIMIZER_MOMENTUM] = "momentum",
	[ML_OPTIMIZER_ADAM] = "adam",
	NULL
};

const ml_option ml_option_table[] = {
	OPTION("task", CHOICE, task, 0, 0, tasks, EVERY, BOTH, ALL, ALWAYS,
		   "\"classification\" or \"regression\"", "by a network's loss or softmax, else by the target's type", "",
		   "whether labels or numbers are predicted"),
	OPTION("positive", LABEL, positive, 0, 0, NULL, EVERY, CLASSES, ALL, ALWAYS,
		   "label", "the last in C order", "two labels",
		   "the label that scores, coefficients and curves are about"),
	OPTION("columns", COLUMNS, column_options, 0, 0, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "object of columns and \"number\", \"category\", \"text\", \"date\", \"series\" or \"ignore\", or "
		   "{\"role\": ..., \"impute\": number}", "null", "",
		   "what columns are, where their type and values don't tell"),
	OPTION("word_ngrams", NGRAMS, recipe.word_ngrams, 0, ML_NGRAM_MAX, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "array of two integers from 1 to 8, or null for none", "[1, 2]", "text columns",
		   "shortest and longest run of words that is a feature"),
	OPTION("char_ngrams", NGRAMS, recipe.char_ngrams, 0, ML_NGRAM_MAX, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "array of two integers from 1 to 8, or null for none", "null", "text columns",
		   "shortest and longest run of characters within a word that is a feature"),
	OPTION("char_weight", NUMBER, char_weight, 0.001, 1000, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "number from 0.001 to 1000", "0.5", "text columns",
		   "how much a run of characters counts compared with a word"),
	OPTION("script_ngrams", NGRAMS, recipe.script_ngrams, 0, ML_NGRAM_MAX, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "array of two integers from 1 to 8, or null for none", "[1, 3]", "text columns",
		   "the same in scripts written without spaces (Chinese, Japanese, Thai, ...)"),
	OPTION("hash_bits", INTEGER, recipe.hash_bits, ML_HASH_BITS_MIN, ML_HASH_BITS_MAX, NULL, ANY, BOTH,
		   WORDS, ALWAYS,
		   "integer from 10 to 24", "22", "text columns",
		   "features are hashed into 2 to the power of this many buckets"),
	OPTION("min_df", INTEGER, recipe.min_df, 1, 65535, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "integer from 1 to 65535", "2, or 1 below 1000 rows or 20 features per row", "text columns",
		   "features that occur in fewer rows are left out"),
	OPTION("sublinear_tf", BOOLEAN, recipe.sublinear_tf, 0, 1, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "boolean", "true", "text columns",
		   "a feature that occurs n times in a text counts 1 + ln n instead of n"),
	OPTION("idf", BOOLEAN, recipe.idf, 0, 1, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "boolean", "true", "text columns",
		   "rare features count more: times 1 + ln((1 + rows) / (1 + rows with it))"),
	OPTION("l2_norm", BOOLEAN, recipe.l2_norm, 0, 1, NULL, ANY, BOTH, WORDS, ALWAYS,
		   "boolean", "true", "text columns",
		   "divide each row by its Euclidean length, so that long texts count as short ones"),
	OPTION("standardize", BOOLEAN, tabular.standardize, 0, 1, NULL, EVERY, BOTH, TABLES, ALWAYS,
		   "boolean", "true", "tables",
		   "numbers less their mean, divided by their standard deviation"),
	OPTION("impute", IMPUTE, tabular.impute, 0, 0, NULL, EVERY, BOTH, TABLES, ALWAYS,
		   "\"mean\", \"most_frequent\" or a number", "\"mean\"", "tables",
		   "what stands for a number that is missing"),
	OPTION("indicator", BOOLEAN, tabular.indicator, 0, 1, NULL, EVERY, BOTH, TABLES, ALWAYS,
		   "boolean", "true", "tables",
		   "that a value is missing is a feature, too"),
	OPTION("rare", INTEGER, tabular.rare, 1, 1000000000, NULL, EVERY, BOTH, TABLES, ALWAYS,
		   "integer from 1 to 1000000000", "10", "tables",
		   "values of a category in fewer rows are taken together; 1 = none"),
	OPTION("unseen", CHOICE, tabular.unseen, 0, 0, unseen, EVERY, BOTH, TABLES, ALWAYS,
		   "\"other\" or \"error\"", "\"other\"", "tables",
		   "what a value of a category is that training has not seen"),
	OPTION("winsorize", NUMBER, tabular.winsorize, 0, 0.25, NULL, EVERY, BOTH, TABLES, ALWAYS,
		   "number from 0 to 0.25", "0", "tables",
		   "share of a column's numbers at either end that is clipped to the nearest of the others"),
	OPTION("loss", CHOICE, loss, 0, 0, losses, SVM | DESCENT, BOTH, ALL, ALWAYS,
		   "\"squared_hinge\", \"hinge\", \"log_loss\", \"squared_error\", \"epsilon_insensitive\" or "
		   "\"squared_epsilon_insensitive\"", "by algorithm and task", "svm, gradient_descent",
		   "what a wrong prediction costs"),
	OPTION("penalty", CHOICE, penalty, 0, 0, penalties, LINEAR | LOGISTIC | DESCENT, BOTH, ALL, ALWAYS,
		   "\"none\", \"l2\", \"l1\" or \"elastic_net\"",
		   "\"none\" in regression, else \"l2\"", "all but svm",
		   "what large weights cost"),
	OPTION("alpha", NUMBER, alpha, 0, 1e12, NULL, LINEAR | DESCENT, NUMBERS, TABLES, ALWAYS,
		   "number from 0 to 1e12", "0", "linear_regression, gradient_descent (regression)",
		   "strength of the penalty, as scikit-learn's ElasticNet (Ridge's: divided by the rows)"),
	OPTION("c", NUMBER, c, 1e-6, 1e6, NULL, LOGISTIC | SVM | DESCENT, BOTH, ALL, PENALTY,
		   "number from 1e-6 to 1e6", "1; logistic_regression on texts: 10",
		   "logistic_regression, svm, gradient_descent (classification)",
		   "inverse strength of the penalty on weights, as scikit-learn's C"),
	OPTION("l1_ratio", NUMBER, l1_ratio, 0, 1, NULL, ANY, BOTH, ALL, L1,
		   "number from 0 to 1", "by penalty: 0, 1 or 0.5", "all but svm",
		   "share of the penalty that is L1 (absolute values) rather than L2 (squares)"),
	OPTION("kernel", CHOICE, svm_kernel, 0, 0, kernels, SVM, CLASSES, ALL, ALWAYS,
		   "\"linear\", \"rbf\" or \"polynomial\"", "\"linear\"", "svm (classification)",
		   "likeness of rows: their product, exp(-gamma (distance squared)), (gamma product + coef0)^degree"),
	OPTION("gamma", GAMMA, gamma, 1e-12, 1e12, NULL, SVM, CLASSES, TABLES, KERNEL,
		   "number from 1e-12 to 1e12, or \"scale\"", "\"scale\"", "svm with a kernel",
		   "see kernel; scale: 1 / (features x variance of all their values)"),
	OPTION("degree", INTEGER, degree, 1, 10, NULL, SVM, CLASSES, TABLES, POLYNOMIAL,
		   "integer from 1 to 10", "3", "svm with kernel polynomial",
		   "see kernel"),
	OPTION("coef0", NUMBER, coef0, -1e6, 1e6, NULL, SVM, CLASSES, TABLES, POLYNOMIAL,
		   "number from -1e6 to 1e6", "0", "svm with kernel polynomial",
		   "see kernel"),
	OPTION("epsilon", NUMBER, epsilon, 0, 1e12, NULL, SVM | DESCENT, NUMBERS, TABLES, EPSILON,
		   "number from 0 to 1e12", "0.1", "epsilon-insensitive losses",
		   "errors up to this cost nothing"),
	OPTION("cache", INTEGER, cache, 1, 1048576, NULL, SVM, CLASSES, TABLES, KERNEL,
		   "integer from 1 to 1048576", "by maintenance_work_mem", "svm with a kernel",
		   "MB that keep values of the kernel"),
	OPTION("optimizer", CHOICE, optimizer, 0, 0, optimizers, DESCENT, BOTH, TABLES, ALWAYS,
		   "\"sgd\", \"full_batch\", \"momentum\" or \"adam\"", "\"sgd\"", "gradient_descent",
		   "how steps are made of gradients"),
	OPTION("learning_rate", NUMBER, learning_rate, 1e-12, 1e6, NULL, DESCENT, BOTH, TABLES, ALWAYS,
		   "number from 1e-12 to 1e6", "0.01", "gradient_descent",
		   "length of a step, in gradients"),
	OPTION("momentum", NUMBER, momentum, 0, 0.9999, NULL, DESCENT, BOTH, TABLES, MOMENTUM,
		   "number from 0 to 0.9999", "0.9", "gradient_descent with momentum",
		   "share of the step before that a step keeps"),
	OPTION("beta1", NUMBER, beta1, 0, 0.999999, NULL, DESCENT, BOTH, TABLES, ADAM,
		   "number from 0 to 0.999999", "0.9", "gradient_descent with adam",
		   "share of the mean gradient that a step keeps"),
	OPTION("beta2", NUMBER, beta2, 0, 0.999999999, NULL, DESCENT, BOTH, TABLES, ADAM,
		   "number from 0 to 0.999999999", "0.999", "gradient_descent with adam",
		   "share of the mean square gradient that a step keeps"),
	OPTION("batch_size", INTEGER, batch_size, 1, 1000000, NULL, DESCENT | NETWORK, BOTH, TABLES, STEPS,
		   "integer from 1 to 1000000", "32", "gradient_descent but full_batch, network",
		   "rows of a step"),
	OPTION("warm_start", BOOLEAN, warm_start, 0, 1, NULL, LOGISTIC | SVM | DESCENT, BOTH, TABLES, LINEAR,
		   "boolean", "false", "tables; all but linear_regression and kernels",
		   "begin at the weights of the live version"),
	OPTION("epochs", INTEGER, epochs, 1, 1000000, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "integer from 1 to 1000000", "by algorithm; network: 10", "",
		   "most passes over the rows; there are fewer when the solution stands earlier"),
	OPTION("tolerance", NUMBER, tolerance, 0, 1, NULL, ANY, BOTH, ALL, ALWAYS,
		   "number from 0 to 1", "by algorithm", "all but network",
		   "passes end when no gradient is larger than this"),
	OPTION("early_stopping", BOOLEAN, early_stopping, 0, 1, NULL, LOGISTIC | SVM, CLASSES, TEXTS, ALWAYS,
		   "boolean", "false", "text classifiers",
		   "find the number of passes on rows set aside for it"),
	OPTION("shuffle", BOOLEAN, shuffle, 0, 1, NULL, LOGISTIC | SVM | DESCENT | NETWORK, BOTH, ALL, LINEAR,
		   "boolean", "true", "all but linear_regression and kernels",
		   "visit the rows in a new random order in each pass"),
	OPTION("seed", SEED, seed, 0, 9007199254740992.0, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "integer from 0 to 9007199254740992", "0", "",
		   "seed of all random choices: same rows, order and seed give the same model"),
	OPTION("holdout", HOLDOUT, holdout, 0, 0.9, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "number from 0 to 0.9, name of a boolean column, or {\"column\": name of a date or time, "
		   "\"fraction\": number}", "0.2", "",
		   "rows that only judge the model: a share of them, those marked, or the latest; "
		   "0 = all learn, no metrics"),
	OPTION("groups", TEXT, groups, 0, 0, NULL, ANY, BOTH, ALL, ALWAYS,
		   "name of a column", "null", "cross-validation",
		   "rows that are equal in this column stay in one fold"),
	OPTION("class_weight", CLASS_WEIGHT, class_weights, 0, 1e6, NULL, EVERY, CLASSES, ALL, ALWAYS,
		   "\"balanced\", or an object of labels and numbers from 0 to 1000000", "null", "classification",
		   "how much rows of a label count; balanced: all labels the same in sum"),
	OPTION("weights", TEXT, weights, 0, 0, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "name of a column", "null", "",
		   "column of numbers: how much each row counts"),
	OPTION("prune", NUMBER, prune, 0, 1, NULL, ANY, CLASSES, TEXTS, ALWAYS,
		   "number from 0 to 1", "0.01", "text classifiers",
		   "weights below this share of their label's largest are not stored"),
	OPTION("deploy", DEPLOY, deploy, 0, 0, NULL, EVERY, BOTH, ALL, ALWAYS,
		   "true, false or \"if_better\"", "true", "",
		   "whether the new version goes live"),
	OPTION("layers", JSON, network.layers, 0, 0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "array of layers, as aiaas.sequential() makes it", "by \"network\"", "network",
		   "what the network is made of"),
	OPTION("network", TEXT, network.preset, 0, 0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "\"mlp\", \"text_average\", \"lstm\", \"cnn\" or \"transformer\"", "by the columns", "network",
		   "layers chosen for the data at hand, in place of \"layers\""),
	OPTION("loss", JSON, network.loss, 0, 0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "\"mse\", \"mae\", \"huber\", \"binary_crossentropy\", \"categorical_crossentropy\" or \"hinge\", "
		   "or {\"type\": ..., \"delta\": ..., \"label_smoothing\": ...}", "by the task", "network",
		   "what a wrong prediction costs"),
	OPTION("optimizer", JSON, network.optimizer, 0, 0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "\"gradient_descent\", \"sgd\", \"momentum\", \"nesterov\", \"adagrad\", \"rmsprop\", \"adam\" or \"adamw\", "
		   "or {\"type\": ..., \"learning_rate\": ..., \"schedule\": ..., ...}", "\"adam\"", "network",
		   "how steps are made of gradients"),
	OPTION("validation", VALIDATION, network.validation, 0, 0.9, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "number from 0 to 0.9, or name of a boolean column, or a table, view or query", "0; without \"layers\": 0.1", "network",
		   "rows that choose the epoch and tell of each; the holdout judges what was chosen"),
	OPTION("patience", INTEGER, network.patience, 1, 1000000, NULL, NETWORK, BOTH, TABLES, VALIDATION,
		   "integer from 1 to 1000000", "null", "network with \"validation\"",
		   "training ends after this many epochs without a better one"),
	OPTION("checkpoint", INTEGER, network.checkpoint, 1, 1000000, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "integer from 1 to 1000000", "null", "network with aiaas_fit",
		   "every so many epochs the state of the training is stored as a version, and committed"),
	OPTION("continue_from", INTEGER, network.continue_from, 1, 2147483647, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "integer from 1 to 2147483647", "null", "network",
		   "version to go on from: a checkpoint, to the very bits that a training without a break ends in, or a finished "
		   "network, whose weights are the first ones"),
	OPTION("memory", MEMORY, network.memory, 1048576, 1099511627776.0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "text like \"256MB\" or \"2GB\", at least \"1MB\"", "maintenance_work_mem", "network",
		   "memory that the training may take"),
	OPTION("precision", CHOICE, network.precision, 0, 0, precisions, NETWORK, BOTH, TABLES, ALWAYS,
		   "\"f32\" or \"bf16\"", "\"f32\"", "network",
		   "bf16: in training, factors of products are rounded to bfloat16 where the CPU is faster at it; sums and weights are not"),
	OPTION("verbose", BOOLEAN, network.verbose, 0, 1, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "boolean", "false", "network",
		   "a NOTICE for each epoch"),
	OPTION("vocabulary", INTEGER, network.vocabulary, 3, ML_TOKENS_MAX, NULL, NETWORK, BOTH, WORDS, ALWAYS,
		   "integer from 3 to 16777216", "by the embedding layer, else 20000", "network with texts",
		   "most words that have a number of their own, the two for padding and unknown words included"),
	OPTION("max_length", INTEGER, network.max_length, 1, ML_TOKENS_LENGTH, NULL, NETWORK, BOTH, LENGTHS, UNPADDED,
		   "integer from 1 to 65536", "256; of series, as many steps as make 65536 numbers", "network with texts or series, not \"pad\"",
		   "words of a text, steps of a series that are looked at, the first ones"),
	OPTION("pad", INTEGER, network.pad, 1, ML_TOKENS_LENGTH, NULL, NETWORK, BOTH, LENGTHS, ALWAYS,
		   "integer from 1 to 65536", "null", "network with texts or series",
		   "make all texts and series this long: longer ones are cut, shorter ones end in padding, which counts as a word, or as steps of means"),
	OPTION("images", JSON, network.images, 0, 0, NULL, NETWORK, BOTH, TABLES, ALWAYS,
		   "object of columns and {\"height\": ..., \"width\": ..., \"channels\": 1 or 3}", "null", "network with images",
		   "size that the network takes of the images of a column: PNG and JPEG become it, other bytes are "
		   "height x width x channels pixels, row by row from the top"),
	OPTION("on_error", CHOICE, network.on_error, 0, 0, on_errors, NETWORK, BOTH, TABLES, ALWAYS,
		   "\"error\" or \"skip\"", "\"error\"", "network with images",
		   "what happens to rows whose image can't be read; those skipped are counted"),
};

const int	ml_option_count = (int) ML_LENGTH(ml_option_table);

_Static_assert(ML_LENGTH(ml_option_table) <= ML_OPTIONS_MAX, "ml_options.given has a bit for each");

/* In the order in which they are named to the user. */
const ml_algorithm ml_algorithms[] = {
	{LITERAL("linear_regression"), LINEAR, NUMBERS, 1, 1000, 1e-7},
	{LITERAL("logistic_regression"), LOGISTIC, CLASSES, 1, 1000, 1e-6},
	{LITERAL("svm"), SVM, BOTH, 1, 1000, 1e-4},
	{LITERAL("gradient_descent"), DESCENT, BOTH, 1, 10, 0},
	{LITERAL("network"), NETWORK, BOTH, 1, 10, 0},
};

const int	ml_algorithm_count = (int) ML_LENGTH(ml_algorithms);

const ml_algorithm *
ml_algorithm_find(ml_text name)
{
	for (int i = 0; i < ml_algorithm_count; i++)
		if (ml_text_equal(ml_algorithms[i].name, name))
			return &ml_algorithms[i];
	return NULL;
}

static bool
has_epsilon(ml_loss loss)
{
	return loss == ML_LOSS_EPSILON_INSENSITIVE || loss == ML_LOSS_SQUARED_EPSILON_INSENSITIVE;
}

static bool
holds(const ml_options *options, ml_option_when when, const char **against)
{
	switch (when)
	{
		case ML_WHEN_ALWAYS:
			return true;
		case ML_WHEN_KERNEL:
			*against = "with kernel linear";
			return options->svm_kernel != ML_SVM_LINEAR;
		case ML_WHEN_POLYNOMIAL:
			*against = "with another kernel than polynomial";
			return options->svm_kernel == ML_SVM_POLYNOMIAL;
		case ML_WHEN_LINEAR:
			*against = "with another kernel than linear";
			return options->svm_kernel == ML_SVM_LINEAR;
		case ML_WHEN_PENALTY:
			*against = "without a penalty";
			return options->penalty != ML_PENALTY_NONE;
		case ML_WHEN_L1:
			*against = "with that penalty";
			return options->penalty != ML_PENALTY_NONE;
		case ML_WHEN_EPSILON:
			*against = "with that loss";
			return has_epsilon(options->loss);
		case ML_WHEN_STEPS:
			*against = "with optimizer full_batch";
			return options->optimizer != ML_OPTIMIZER_FULL_BATCH;
		case ML_WHEN_MOMENTUM:
			*against = "with another optimizer than momentum";
			return options->optimizer == ML_OPTIMIZER_MOMENTUM;
		case ML_WHEN_ADAM:
			*against = "with another optimizer than adam";
			return options->optimizer == ML_OPTIMIZER_ADAM;
		case ML_WHEN_VALIDATION:
			*against = "without \"validation\"";
			return options->network.validation > 0 || options->network.validation_source.data != NULL;
		case ML_WHEN_UNPADDED:
			*against = "with \"pad\"";
			return options->network.pad == 0;
	}
	return true;
}

bool
ml_option_applies(const ml_options *options, const ml_option *option, const char **against)
{
	static const char *const by_algorithm[] = {
		[ML_TAKES_LINEAR] = "with algorithm linear_regression",
		[ML_TAKES_LOGISTIC] = "with algorithm logistic_regression",
		[ML_TAKES_SVM] = "with algorithm svm",
		[ML_TAKES_DESCENT] = "with algorithm gradient_descent",
		[ML_TAKES_NETWORK] = "with algorithm network",
	};
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);
	uint32_t	bit = algorithm == NULL ? ML_TAKES_SVM : algorithm->bit;

	*against = by_algorithm[bit];
	if ((option->algorithms & bit) == 0)
		return false;
	*against = options->task == ML_REGRESSION ? "in regression" : "in classification";
	if ((option->tasks & ML_TASK(options->task)) == 0)
		return false;
	/* gradient_descent takes c or alpha, by its task */
	if (option->offset == offsetof(ml_options, c) && bit == ML_TAKES_DESCENT &&
		options->task == ML_REGRESSION)
		return false;
	*against = options->subject == ML_SUBJECT_TEXT ? "with a text classifier" :
		option->subjects == TEXTS ? "with a table" : option->subjects == LENGTHS ? "without columns of text or series" :
		"without columns of text";
	if ((option->subjects & options->subject) == 0)
		return false;
	return holds(options, option->when, against);
}

/* Is it a setting of networks' optimisers as well? */
static bool
is_of_optimizer(ml_text name)
{
	static const ml_text settings[] = {LITERAL("learning_rate"), LITERAL("momentum"), LITERAL("beta1"), LITERAL("beta2")};

	for (size_t i = 0; i < ML_LENGTH(settings); i++)
		if (ml_text_equal(name, settings[i]))
			return true;
	return false;
}

ml_status
ml_option_hint(ml_context *ctx, const ml_option *option, const ml_algorithm *algorithm)
{
	bool		network = algorithm != NULL && algorithm->bit == NETWORK;

	if (network && is_of_optimizer(option->name))
		return ml_hint(ctx, "Networks take it as a setting of the optimizer: {\"optimizer\": {\"type\": \"%s\", \"%s\": ...}}.",
					   ml_text_equal(option->name, ML_TEXT("momentum")) ? "momentum" : "adam", option->name.data);
	if (!network && option->algorithms == NETWORK)
		return ml_hint(ctx, "Use algorithm => 'network'.");
	return ml_hint(ctx, "It goes with: %s.", option->with.data);
}

bool
ml_options_describe(int i, ml_option_text *text)
{
	if (i < 0 || i >= ml_option_count)
		return false;
	*text = (ml_option_text)
	{
		.name = ml_option_table[i].name,
		.type = ml_option_table[i].type,
		.initial = ml_option_table[i].initial,
		.with = ml_option_table[i].with,
		.text = ml_option_table[i].text
	};
	return true;
}
