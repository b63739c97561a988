/*-------------------------------------------------------------------------
 *
 * options.c
 *	  Reading, writing and describing the options of a training.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/options.h"

#include "learn/linear.h"

typedef enum kind
{
	INTEGER,					/* int */
	SEED,						/* uint64_t */
	NUMBER,						/* double */
	BOOLEAN,
	NGRAMS,						/* int[2] */
	TEXT,
	CLASS_WEIGHT,
	DEPLOY
} kind;

typedef struct option
{
	ml_text		name;
	kind		kind;
	size_t		offset;			/* in ml_options */
	double		min;
	double		max;
	ml_text		type;			/* as said to the user */
	ml_text		initial;		/* the default, as JSON */
	ml_text		text;
} option;

#define OPTION(name, kind, field, min, max, type, initial, text) \
	{{name, sizeof(name) - 1}, kind, offsetof(ml_options, field), min, max, \
	 {type, sizeof(type) - 1}, {initial, sizeof(initial) - 1}, {text, sizeof(text) - 1}}

static const option options_table[] = {
	OPTION("word_ngrams", NGRAMS, recipe.word_ngrams, 0, ML_NGRAM_MAX,
		   "array of two integers from 1 to 8, or null for none", "[1, 2]",
		   "shortest and longest run of words that is a feature"),
	OPTION("char_ngrams", NGRAMS, recipe.char_ngrams, 0, ML_NGRAM_MAX,
		   "array of two integers from 1 to 8, or null for none", "null",
		   "shortest and longest run of characters within a word that is a feature"),
	OPTION("char_weight", NUMBER, char_weight, 0.001, 1000,
		   "number from 0.001 to 1000", "0.5",
		   "how much a run of characters counts compared with a word"),
	OPTION("script_ngrams", NGRAMS, recipe.script_ngrams, 0, ML_NGRAM_MAX,
		   "array of two integers from 1 to 8, or null for none", "[1, 3]",
		   "the same in scripts written without spaces (Chinese, Japanese, Thai, ...)"),
	OPTION("hash_bits", INTEGER, recipe.hash_bits, ML_HASH_BITS_MIN, ML_HASH_BITS_MAX,
		   "integer from 10 to 24", "22",
		   "features are hashed into 2 to the power of this many buckets"),
	OPTION("min_df", INTEGER, recipe.min_df, 1, 65535,
		   "integer from 1 to 65535", "2, or 1 below 1000 rows or 20 features per row",
		   "features that occur in fewer rows are left out"),
	OPTION("sublinear_tf", BOOLEAN, recipe.sublinear_tf, 0, 1,
		   "boolean", "true",
		   "a feature that occurs n times in a text counts 1 + ln n instead of n"),
	OPTION("idf", BOOLEAN, recipe.idf, 0, 1,
		   "boolean", "true",
		   "rare features count more: times 1 + ln((1 + rows) / (1 + rows with it))"),
	OPTION("l2_norm", BOOLEAN, recipe.l2_norm, 0, 1,
		   "boolean", "true",
		   "divide each row by its Euclidean length, so that long texts count as short ones"),
	OPTION("c", NUMBER, c, 1e-6, 1e6,
		   "number from 1e-6 to 1e6", "by algorithm",
		   "inverse strength of the penalty on weights, as scikit-learn's C"),
	OPTION("l1_ratio", NUMBER, l1_ratio, 0, 1,
		   "number from 0 to 1, above 0 with logistic_regression only", "0",
		   "share of the penalty that is L1 (absolute values) rather than L2 (squares)"),
	OPTION("epochs", INTEGER, epochs, 1, 10000,
		   "integer from 1 to 10000", "by algorithm",
		   "most passes over the rows; there are fewer when the solution stands earlier"),
	OPTION("tolerance", NUMBER, tolerance, 1e-12, 1,
		   "number from 1e-12 to 1", "by algorithm",
		   "passes end when no gradient is larger than this"),
	OPTION("early_stopping", BOOLEAN, early_stopping, 0, 1,
		   "boolean", "false",
		   "find the number of passes on rows set aside for it"),
	OPTION("shuffle", BOOLEAN, shuffle, 0, 1,
		   "boolean", "true",
		   "visit the rows in a new random order in each pass"),
	OPTION("seed", SEED, seed, 0, 9007199254740992.0,
		   "integer from 0 to 9007199254740992", "0",
		   "seed of all random choices: same rows, order and seed give the same model"),
	OPTION("holdout", NUMBER, holdout, 0, 0.9,
		   "number from 0 to 0.9", "0.2",
		   "share of the rows that only judges the model; 0 = all learn, no metrics"),
	OPTION("class_weight", CLASS_WEIGHT, class_weights, 0, 1e6,
		   "\"balanced\", or an object of labels and numbers from 0 to 1000000", "null",
		   "how much rows of a label count; balanced: all labels the same in sum"),
	OPTION("weights", TEXT, weights, 0, 0,
		   "name of a column", "null",
		   "column of numbers: how much each row counts"),
	OPTION("prune", NUMBER, prune, 0, 1,
		   "number from 0 to 1", "0.01",
		   "weights below this share of their label's largest are not stored"),
	OPTION("deploy", DEPLOY, deploy, 0, 0,
		   "true, false or \"if_better\"", "true",
		   "whether the new version goes live"),
};

#define NOPTIONS ((int) ML_LENGTH(options_table))

static const ml_text algorithms[] = {
	{"auto", 4}, {"svm", 3}, {"logistic_regression", 19}
};

const char *
ml_algorithm_name(ml_loss loss)
{
	return ml_loss_find(loss)->name;
}

/* A value as the user wrote it, short enough for a message. */
static ml_text
spelling(const ml_json *node)
{
	static const ml_text kinds[] = {
		[ML_JSON_NULL] = {"null", 4},
		[ML_JSON_BOOL] = {"a boolean", 9},
		[ML_JSON_ARRAY] = {"this array", 10},
		[ML_JSON_OBJECT] = {"this object", 11},
	};

	if (node->kind == ML_JSON_NUMBER || node->kind == ML_JSON_STRING)
		return (ml_text) {node->string.data, ML_MIN(node->string.size, (size_t) 40)};
	return kinds[node->kind];
}

static ml_status
bad_value(ml_context *ctx, const option *o, const ml_json *node)
{
	ml_text		got = spelling(node);
	const char *quote = node->kind == ML_JSON_STRING ? "\"" : "";

	ml_fail(ctx, ML_BAD_OPTION, "option \"%s\" does not take %s%.*s%s", o->name.data,
			quote, (int) got.size, got.data, quote);
	return ml_hint(ctx, "It takes: %s.", o->type.data);
}

static ml_status
unknown_option(ml_context *ctx, ml_text name)
{
	ml_text		names[ML_LENGTH(options_table)];
	char		list[ML_TEXT_MAX];
	size_t		used = 0;
	int			nearest;

	for (int i = 0; i < NOPTIONS; i++)
	{
		names[i] = options_table[i].name;
		used += ml_print(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ",
						 names[i].data);
	}
	nearest = ml_text_nearest(name, names, NOPTIONS);
	ml_fail(ctx, ML_BAD_OPTION, "unknown option \"%.*s\"",
			(int) ML_MIN(name.size, (size_t) 64), name.data);
	ml_detail(ctx, "The options are %s.", list);
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%s\".", names[nearest].data);
	return ML_BAD_OPTION;
}

/* {"label": weight, ...} */
static ml_status
read_class_weights(ml_context *ctx, ml_arena *arena, const option *o, const ml_json *node,
				   ml_options *options)
{
	void	   *memory;
	ml_class_weight *weight;

	if (node->kind == ML_JSON_STRING)
	{
		options->balanced = ml_text_equal(node->string, ML_TEXT("balanced"));
		return options->balanced ? ML_OK : bad_value(ctx, o, node);
	}
	if (node->kind != ML_JSON_OBJECT)
		return bad_value(ctx, o, node);
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(node->count, sizeof(*weight)), &memory));
	options->class_weights = weight = memory;
	options->nclass_weights = node->count;
	for (const ml_json *child = node->first; child != NULL; child = child->next, weight++)
	{
		if (child->kind != ML_JSON_NUMBER || !(child->number >= o->min) ||
			!(child->number <= o->max))
			return bad_value(ctx, o, child);
		ML_TRY(ml_arena_copy(ctx, arena, child->key, &weight->label));
		weight->weight = child->number;
	}
	return ML_OK;
}

static ml_status
read_ngrams(ml_context *ctx, const option *o, const ml_json *node, int *range)
{
	int64_t		first;
	int64_t		last;

	if (node->kind == ML_JSON_NULL)
	{
		range[0] = range[1] = 0;
		return ML_OK;
	}
	if (node->kind != ML_JSON_ARRAY || node->count != 2 ||
		!ml_json_integer(node->first, 1, (int64_t) o->max, &first) ||
		!ml_json_integer(node->first->next, first, (int64_t) o->max, &last))
		return bad_value(ctx, o, node);
	range[0] = (int) first;
	range[1] = (int) last;
	return ML_OK;
}

static ml_status
read_deploy(ml_context *ctx, const option *o, const ml_json *node, ml_options *options)
{
	if (node->kind == ML_JSON_BOOL)
		options->deploy = node->boolean ? ML_DEPLOY_YES : ML_DEPLOY_NO;
	else if (node->kind == ML_JSON_STRING &&
			 ml_text_equal(node->string, ML_TEXT("if_better")))
		options->deploy = ML_DEPLOY_IF_BETTER;
	else
		return bad_value(ctx, o, node);
	return ML_OK;
}

static ml_status
read_option(ml_context *ctx, ml_arena *arena, const option *o, const ml_json *node,
			ml_options *options)
{
	void	   *field = (char *) options + o->offset;
	int64_t		integer;

	/* null stands for the default, but where it says "none" */
	if (node->kind == ML_JSON_NULL && o->kind != NGRAMS)
		return ML_OK;
	switch (o->kind)
	{
		case INTEGER:
		case SEED:
			if (!ml_json_integer(node, (int64_t) o->min, (int64_t) o->max, &integer))
				return bad_value(ctx, o, node);
			if (o->kind == SEED)
				*(uint64_t *) field = (uint64_t) integer;
			else
				*(int *) field = (int) integer;
			return ML_OK;
		case NUMBER:
			if (node->kind != ML_JSON_NUMBER || !(node->number >= o->min) ||
				!(node->number <= o->max))
				return bad_value(ctx, o, node);
			*(double *) field = node->number;
			return ML_OK;
		case BOOLEAN:
			if (node->kind != ML_JSON_BOOL)
				return bad_value(ctx, o, node);
			*(bool *) field = node->boolean;
			return ML_OK;
		case NGRAMS:
			return read_ngrams(ctx, o, node, field);
		case TEXT:
			if (node->kind != ML_JSON_STRING || node->string.size == 0)
				return bad_value(ctx, o, node);
			return ml_arena_copy(ctx, arena, node->string, field);
		case CLASS_WEIGHT:
			return read_class_weights(ctx, arena, o, node, options);
		case DEPLOY:
			return read_deploy(ctx, o, node, options);
	}
	return ML_OK;
}

static ml_status
read_algorithm(ml_context *ctx, ml_text algorithm, ml_loss *loss)
{
	int			nearest;

	if (ml_text_equal(algorithm, algorithms[0]) || ml_text_equal(algorithm, algorithms[1]))
		*loss = ML_LOSS_SQUARED_HINGE;
	else if (ml_text_equal(algorithm, algorithms[2]))
		*loss = ML_LOSS_LOGISTIC;
	else
	{
		nearest = ml_text_nearest(algorithm, algorithms, (int) ML_LENGTH(algorithms));
		ml_fail(ctx, ML_BAD_OPTION, "unknown algorithm \"%.*s\"",
				(int) ML_MIN(algorithm.size, (size_t) 64), algorithm.data);
		ml_detail(ctx, "The algorithms are auto, svm and logistic_regression.");
		if (nearest >= 0)
			ml_hint(ctx, "Perhaps you meant \"%s\".", algorithms[nearest].data);
		return ML_BAD_OPTION;
	}
	return ML_OK;
}

/* What can only be judged with all options known. */
static ml_status
check_together(ml_context *ctx, const ml_options *options)
{
	const ml_recipe *recipe = &options->recipe;

	if (options->l1_ratio > 0 && !ml_loss_find(options->loss)->l1)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"l1_ratio\" above 0 does not go with algorithm %s",
				ml_algorithm_name(options->loss));
		return ml_hint(ctx, "Use algorithm => 'logistic_regression'.");
	}
	if (recipe->word_ngrams[0] == 0 && recipe->char_ngrams[0] == 0 &&
		recipe->script_ngrams[0] == 0)
		return ml_fail(ctx, ML_BAD_OPTION, "options \"word_ngrams\", \"char_ngrams\" and "
										   "\"script_ngrams\" must not all be null");
	return ML_OK;
}

ml_status
ml_options_read(ml_context *ctx, ml_arena *arena, ml_text algorithm, ml_text json,
				ml_options *options)
{
	const ml_json *root;
	const ml_loss_row *loss;

	memset(options, 0, sizeof(*options));
	ML_TRY(read_algorithm(ctx, algorithm, &options->loss));
	loss = ml_loss_find(options->loss);
	ml_recipe_default(&options->recipe);
	options->recipe.min_df = 0;
	options->char_weight = 0.5;
	options->c = loss->c;
	options->epochs = loss->epochs;
	options->tolerance = loss->tolerance;
	options->shuffle = true;
	options->holdout = 0.2;
	options->prune = 0.01;

	ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_OPTION, &root));
	if (root->kind != ML_JSON_OBJECT)
		return ml_fail(ctx, ML_BAD_OPTION, "options must be a JSON object");
	for (const ml_json *node = root->first; node != NULL; node = node->next)
	{
		int			i = 0;

		while (i < NOPTIONS && !ml_text_equal(options_table[i].name, node->key))
			i++;
		if (i == NOPTIONS)
			return unknown_option(ctx, node->key);
		ML_TRY(read_option(ctx, arena, &options_table[i], node, options));
	}
	return check_together(ctx, options);
}

static ml_status
write_number(ml_context *ctx, ml_buffer *json, double value)
{
	char		digits[32];
	size_t		size = ml_print_double(digits, value, 15);

	return ml_append(ctx, json, digits, size);
}

static ml_status
write_class_weights(ml_context *ctx, const ml_options *options, ml_buffer *json)
{
	if (options->balanced)
		return ml_appendf(ctx, json, "\"balanced\"");
	if (options->nclass_weights == 0)
		return ml_appendf(ctx, json, "null");
	ML_TRY(ml_appendf(ctx, json, "{"));
	for (uint32_t i = 0; i < options->nclass_weights; i++)
	{
		if (i > 0)
			ML_TRY(ml_appendf(ctx, json, ", "));
		ML_TRY(ml_json_quote(ctx, json, options->class_weights[i].label));
		ML_TRY(ml_appendf(ctx, json, ": "));
		ML_TRY(write_number(ctx, json, options->class_weights[i].weight));
	}
	return ml_appendf(ctx, json, "}");
}

static ml_status
write_option(ml_context *ctx, const option *o, const ml_options *options, ml_buffer *json)
{
	const void *field = (const char *) options + o->offset;
	const int  *range = field;
	const ml_text *text = field;

	switch (o->kind)
	{
		case INTEGER:
			return *range == 0 ? ml_appendf(ctx, json, "null") :
				ml_appendf(ctx, json, "%d", *range);
		case SEED:
			return ml_appendf(ctx, json, "%llu",
							  (unsigned long long) *(const uint64_t *) field);
		case NUMBER:
			return write_number(ctx, json, *(const double *) field);
		case BOOLEAN:
			return ml_appendf(ctx, json, "%s", *(const bool *) field ? "true" : "false");
		case NGRAMS:
			return range[0] == 0 ? ml_appendf(ctx, json, "null") :
				ml_appendf(ctx, json, "[%d, %d]", range[0], range[1]);
		case TEXT:
			return text->data == NULL ? ml_appendf(ctx, json, "null") :
				ml_json_quote(ctx, json, *text);
		case CLASS_WEIGHT:
			return write_class_weights(ctx, options, json);
		case DEPLOY:
			return ml_appendf(ctx, json, "%s",
							  options->deploy == ML_DEPLOY_YES ? "true" :
							  options->deploy == ML_DEPLOY_NO ? "false" : "\"if_better\"");
	}
	return ML_OK;
}

ml_status
ml_options_write(ml_context *ctx, const ml_options *options, ml_buffer *json)
{
	for (int i = 0; i < NOPTIONS; i++)
	{
		ML_TRY(ml_appendf(ctx, json, "%s\"%s\": ", i == 0 ? "{" : ", ",
						  options_table[i].name.data));
		ML_TRY(write_option(ctx, &options_table[i], options, json));
	}
	return ml_appendf(ctx, json, "}");
}

bool
ml_options_describe(int i, ml_text *name, ml_text *type, ml_text *initial, ml_text *text)
{
	if (i < 0 || i >= NOPTIONS)
		return false;
	*name = options_table[i].name;
	*type = options_table[i].type;
	*initial = options_table[i].initial;
	*text = options_table[i].text;
	return true;
}
