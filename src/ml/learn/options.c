/*-------------------------------------------------------------------------
 *
 * options.c
 *	  Reading the options of a training, and what goes together.
 *
 * Reading takes place before the rows are known.  Defaults and applicability
 * depend on whether texts or a table are learnt from, and for which task;
 * ml_options_settle decides them when that is known.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/options_internal.h"

#include "learn/linear.h"

#define PRESET_VALIDATION	0.1
#define FULL_BATCH_EPOCHS	1000	/* each is one step */

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
bad_value(ml_context *ctx, const ml_option *o, const ml_json *node)
{
	ml_text		got = spelling(node);
	const char *quote = node->kind == ML_JSON_STRING ? "\"" : "";

	ml_fail(ctx, ML_BAD_OPTION, "option \"%s\" does not take %s%.*s%s", o->name.data,
			quote, (int) got.size, got.data, quote);
	return ml_hint(ctx, "It takes: %s.", o->type.data);
}

/* The names of the options that go with the algorithm, as many as there is room for. */
static ml_status
unknown_option(ml_context *ctx, const ml_options *options, ml_text name)
{
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);
	ml_text		names[ML_OPTIONS_MAX];
	char		list[ML_TEXT_MAX - 64];
	size_t		used = 0;
	int			nearest;

	for (int i = 0; i < ml_option_count; i++)
	{
		const ml_option *o = &ml_option_table[i];

		names[i] = o->name;
		if ((o->algorithms & (algorithm == NULL ? (uint32_t) ~ML_TAKES_NETWORK : algorithm->bit)) == 0)
			continue;
		if (used + o->name.size + 8 < sizeof(list))
			used += ml_print(list + used, sizeof(list) - used, "%s%s", used == 0 ? "" : ", ",
							 o->name.data);
		else if (list[used - 1] != '.')
			used += ml_print(list + used, sizeof(list) - used, " ...");
	}
	nearest = ml_text_nearest(name, names, ml_option_count);
	ml_fail(ctx, ML_BAD_OPTION, "unknown option \"%.*s\"",
			(int) ML_MIN(name.size, (size_t) 64), name.data);
	ml_detail(ctx, "The options are %s.", list);
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%s\".", names[nearest].data);
	return ML_BAD_OPTION;
}

/* {"label": weight, ...} */
static ml_status
read_class_weights(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node,
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

/* "role", or {"role": "role", "impute": number} */
static ml_status
read_column(ml_context *ctx, const ml_option *o, const ml_json *node, ml_column_option *column)
{
	const ml_json *role = node->kind == ML_JSON_OBJECT ? ml_json_get(node, "role") : node;
	const ml_json *fill = ml_json_get(node, "impute");
	uint32_t	known = (role != NULL) + (fill != NULL);

	if (node->kind == ML_JSON_OBJECT && node->count != known)
		return bad_value(ctx, o, node);
	if (role != NULL)
	{
		column->role = role->kind == ML_JSON_STRING ? ml_role_find(role->string) : ML_ROLE_COUNT;
		if (column->role == ML_ROLE_AUTO || column->role == ML_ROLE_COUNT)
			return bad_value(ctx, o, role);
	}
	if (fill == NULL)
		return ML_OK;
	if (fill->kind != ML_JSON_NUMBER)
		return bad_value(ctx, o, fill);
	column->has_fill = true;
	column->fill = fill->number;
	return ML_OK;
}

static ml_status
read_columns(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node,
			 ml_options *options)
{
	void	   *memory;
	ml_column_option *column;

	if (node->kind != ML_JSON_OBJECT)
		return bad_value(ctx, o, node);
	ML_TRY(ml_arena_alloc_zero(ctx, arena, ml_size_mul(node->count, sizeof(*column)), &memory));
	options->column_options = column = memory;
	options->ncolumn_options = node->count;
	for (const ml_json *child = node->first; child != NULL; child = child->next, column++)
	{
		ML_TRY(ml_arena_copy(ctx, arena, child->key, &column->name));
		ML_TRY(read_column(ctx, o, child, column));
	}
	return ML_OK;
}

static ml_status
read_ngrams(ml_context *ctx, const ml_option *o, const ml_json *node, int *range)
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
read_number(ml_context *ctx, const ml_option *o, const ml_json *node, double *value)
{
	if (node->kind != ML_JSON_NUMBER || !(node->number >= o->min) || !(node->number <= o->max))
		return bad_value(ctx, o, node);
	*value = node->number;
	return ML_OK;
}

/* A number; "column"; {"column": "name", "fraction": number} */
static ml_status
read_holdout(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node,
			 ml_options *options)
{
	const ml_json *column = node;

	if (node->kind == ML_JSON_NUMBER)
	{
		options->holdout_by = ML_HOLDOUT_RANDOM;
		return read_number(ctx, o, node, &options->holdout);
	}
	options->holdout_by = ML_HOLDOUT_FLAG;
	if (node->kind == ML_JSON_OBJECT)
	{
		const ml_json *fraction = ml_json_get(node, "fraction");

		options->holdout_by = ML_HOLDOUT_TIME;
		column = ml_json_get(node, "column");
		if (column == NULL || node->count != 1 + (uint32_t) (fraction != NULL))
			return bad_value(ctx, o, node);
		if (fraction != NULL)
			ML_TRY(read_number(ctx, o, fraction, &options->holdout));
		if (options->holdout == 0)
			return bad_value(ctx, o, fraction);
	}
	if (column->kind != ML_JSON_STRING || column->string.size == 0)
		return bad_value(ctx, o, column);
	return ml_arena_copy(ctx, arena, column->string, &options->holdout_column);
}

static ml_status
read_impute(ml_context *ctx, const ml_option *o, const ml_json *node, ml_tabular_options *tabular)
{
	if (node->kind == ML_JSON_NUMBER)
	{
		tabular->impute = ML_IMPUTE_CONSTANT;
		tabular->constant = node->number;
	}
	else if (node->kind == ML_JSON_STRING && ml_text_equal(node->string, ML_TEXT("mean")))
		tabular->impute = ML_IMPUTE_MEAN;
	else if (node->kind == ML_JSON_STRING && ml_text_equal(node->string, ML_TEXT("most_frequent")))
		tabular->impute = ML_IMPUTE_MOST_FREQUENT;
	else
		return bad_value(ctx, o, node);
	return ML_OK;
}

static ml_status
read_deploy(ml_context *ctx, const ml_option *o, const ml_json *node, ml_options *options)
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
read_choice(ml_context *ctx, const ml_option *o, const ml_json *node, unsigned *value)
{
	if (node->kind != ML_JSON_STRING)
		return bad_value(ctx, o, node);
	for (unsigned i = 0; o->choices[i] != NULL; i++)
		if (ml_text_equal(node->string, (ml_text) {o->choices[i], strlen(o->choices[i])}))
		{
			*value = i;
			return ML_OK;
		}
	return bad_value(ctx, o, node);
}

static ml_status
read_integer(ml_context *ctx, const ml_option *o, const ml_json *node, void *field)
{
	int64_t		integer;

	if (!ml_json_integer(node, (int64_t) o->min, (int64_t) o->max, &integer))
		return bad_value(ctx, o, node);
	if (o->kind == ML_OPTION_SEED)
		*(uint64_t *) field = (uint64_t) integer;
	else
		*(int *) field = (int) integer;
	return ML_OK;
}

/* A label: of booleans and numbers, as PostgreSQL writes them. */
static ml_status
read_label(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node, ml_text *label)
{
	if (node->kind == ML_JSON_BOOL)
	{
		*label = node->boolean ? ML_TEXT("true") : ML_TEXT("false");
		return ML_OK;
	}
	if ((node->kind != ML_JSON_STRING && node->kind != ML_JSON_NUMBER) || node->string.size == 0)
		return bad_value(ctx, o, node);
	return ml_arena_copy(ctx, arena, node->string, label);
}

/* An array, an object or a string, kept as JSON. */
static ml_status
read_json(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node, ml_text *field)
{
	ml_buffer	json = {0};
	ml_status	status;

	if (node->kind != ML_JSON_ARRAY && node->kind != ML_JSON_OBJECT && node->kind != ML_JSON_STRING)
		return bad_value(ctx, o, node);
	status = ml_json_write(ctx, &json, node);
	if (status == ML_OK)
		status = ml_arena_copy(ctx, arena, (ml_text) {json.data, json.size}, field);
	ml_buffer_free(ctx, &json);
	return status;
}

/* "64MB", as the server's settings are written */
static ml_status
read_memory(ml_context *ctx, const ml_option *o, const ml_json *node, uint64_t *bytes)
{
	static const struct
	{
		ml_text		name;
		int			shift;
	}			units[] = {{{"kB", 2}, 10}, {{"MB", 2}, 20}, {{"GB", 2}, 30}, {{"TB", 2}, 40}};
	ml_text		text = node->string;
	uint64_t	number = 0;
	size_t		digits = 0;

	if (node->kind != ML_JSON_STRING)
		return bad_value(ctx, o, node);
	while (digits < text.size && digits < 12 && text.data[digits] >= '0' && text.data[digits] <= '9')
		number = number * 10 + (uint64_t) (text.data[digits++] - '0');
	for (size_t i = 0; i < ML_LENGTH(units); i++)
		if (digits > 0 && ml_text_equal((ml_text) {text.data + digits, text.size - digits}, units[i].name) &&
			number <= (uint64_t) o->max >> units[i].shift && number << units[i].shift >= (uint64_t) o->min)
		{
			*bytes = number << units[i].shift;
			return ML_OK;
		}
	return bad_value(ctx, o, node);
}

/* A share of the rows, or where they come from. */
static ml_status
read_validation(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node,
				ml_network_options *network)
{
	if (node->kind == ML_JSON_NUMBER)
		return read_number(ctx, o, node, &network->validation);
	if (node->kind != ML_JSON_STRING || node->string.size == 0)
		return bad_value(ctx, o, node);
	return ml_arena_copy(ctx, arena, node->string, &network->validation_source);
}

static ml_status
read_option(ml_context *ctx, ml_arena *arena, const ml_option *o, const ml_json *node,
			ml_options *options)
{
	void	   *field = (char *) options + o->offset;

	switch (o->kind)
	{
		case ML_OPTION_INTEGER:
		case ML_OPTION_SEED:
			return read_integer(ctx, o, node, field);
		case ML_OPTION_NUMBER:
			return read_number(ctx, o, node, field);
		case ML_OPTION_BOOLEAN:
			if (node->kind != ML_JSON_BOOL)
				return bad_value(ctx, o, node);
			*(bool *) field = node->boolean;
			return ML_OK;
		case ML_OPTION_NGRAMS:
			return read_ngrams(ctx, o, node, field);
		case ML_OPTION_TEXT:
			if (node->kind != ML_JSON_STRING || node->string.size == 0)
				return bad_value(ctx, o, node);
			return ml_arena_copy(ctx, arena, node->string, field);
		case ML_OPTION_LABEL:
			return read_label(ctx, arena, o, node, field);
		case ML_OPTION_CHOICE:
			return read_choice(ctx, o, node, field);
		case ML_OPTION_COLUMNS:
			return read_columns(ctx, arena, o, node, options);
		case ML_OPTION_IMPUTE:
			return read_impute(ctx, o, node, &options->tabular);
		case ML_OPTION_GAMMA:
			if (node->kind == ML_JSON_STRING && ml_text_equal(node->string, ML_TEXT("scale")))
				return ML_OK;
			return read_number(ctx, o, node, field);
		case ML_OPTION_HOLDOUT:
			return read_holdout(ctx, arena, o, node, options);
		case ML_OPTION_CLASS_WEIGHT:
			return read_class_weights(ctx, arena, o, node, options);
		case ML_OPTION_DEPLOY:
			return read_deploy(ctx, o, node, options);
		case ML_OPTION_JSON:
			return read_json(ctx, arena, o, node, field);
		case ML_OPTION_MEMORY:
			return read_memory(ctx, o, node, field);
		case ML_OPTION_VALIDATION:
			return read_validation(ctx, arena, o, node, &options->network);
	}
	return ML_OK;
}

static ml_status
read_algorithm(ml_context *ctx, ml_text algorithm, ml_options *options)
{
	static const ml_text automatic = {"auto", 4};
	ml_text		names[8];
	int			nearest;

	names[0] = automatic;
	for (int i = 0; i < ml_algorithm_count; i++)
		names[i + 1] = ml_algorithms[i].name;
	for (int i = 0; i <= ml_algorithm_count; i++)
		if (ml_text_equal(algorithm, names[i]))
		{
			options->algorithm = names[i];
			return ML_OK;
		}
	nearest = ml_text_nearest(algorithm, names, ml_algorithm_count + 1);
	ml_fail(ctx, ML_BAD_OPTION, "unknown algorithm \"%.*s\"",
			(int) ML_MIN(algorithm.size, (size_t) 64), algorithm.data);
	ml_detail(ctx, "The algorithms are auto, linear_regression, logistic_regression, svm, gradient_descent and network.");
	if (nearest >= 0)
		ml_hint(ctx, "Perhaps you meant \"%s\".", names[nearest].data);
	return ML_BAD_OPTION;
}

static bool
given(const ml_options *options, size_t offset)
{
	for (int i = 0; i < ml_option_count; i++)
		if (ml_option_table[i].offset == offset)
			return ml_option_given(options, i);
	return false;
}

#define GIVEN(options, field) given(options, offsetof(ml_options, field))

bool
ml_options_given(const ml_options *options, const char *name)
{
	for (int i = 0; i < ml_option_count; i++)
		if (strcmp(ml_option_table[i].name.data, name) == 0)
			return ml_option_given(options, i);
	return false;
}

static ml_loss
default_loss(const ml_options *options, uint32_t algorithm)
{
	bool		regression = options->task == ML_REGRESSION;

	switch (algorithm)
	{
		case ML_TAKES_LINEAR:
			return ML_LOSS_SQUARED_ERROR;
		case ML_TAKES_LOGISTIC:
			return ML_LOSS_LOGISTIC;
		case ML_TAKES_SVM:
			if (regression)
				return ML_LOSS_EPSILON_INSENSITIVE;
			return options->svm_kernel == ML_SVM_LINEAR ? ML_LOSS_SQUARED_HINGE : ML_LOSS_HINGE;
		default:
			return regression ? ML_LOSS_SQUARED_ERROR : ML_LOSS_LOGISTIC;
	}
}

/* Penalty and l1_ratio say the same twice: make them agree. */
static void
settle_penalty(ml_options *options, uint32_t algorithm)
{
	bool		by_alpha = algorithm == ML_TAKES_LINEAR ||
		(algorithm == ML_TAKES_DESCENT && options->task == ML_REGRESSION);

	if (!GIVEN(options, l1_ratio))
		options->l1_ratio = 0;
	if (!GIVEN(options, penalty))
	{
		options->penalty = options->l1_ratio == 0 ? ML_PENALTY_L2 :
			options->l1_ratio == 1 ? ML_PENALTY_L1 : ML_PENALTY_ELASTIC_NET;
		if (by_alpha && options->alpha == 0)
			options->penalty = ML_PENALTY_NONE;
	}
	else if (!GIVEN(options, l1_ratio))
		options->l1_ratio = options->penalty == ML_PENALTY_L1 ? 1 :
			options->penalty == ML_PENALTY_ELASTIC_NET ? 0.5 : 0;
}

/* The defaults of what was not given. */
static void
set_defaults(ml_options *options)
{
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);
	uint32_t	bit = algorithm == NULL ? ML_TAKES_SVM : algorithm->bit;

	if (!options->has_loss)
		options->loss = default_loss(options, bit);
	settle_penalty(options, bit);
	if (options->subject == ML_SUBJECT_TEXT)
	{
		const ml_loss_row *row = bit == ML_TAKES_LOGISTIC ? &ml_logistic : &ml_hinge;

		options->c = GIVEN(options, c) ? options->c : row->c;
		options->epochs = GIVEN(options, epochs) ? options->epochs : row->epochs;
		options->tolerance = GIVEN(options, tolerance) ? options->tolerance : row->tolerance;
	}
	else if (algorithm != NULL)
	{
		options->c = GIVEN(options, c) ? options->c : algorithm->c;
		if (!GIVEN(options, epochs))
			options->epochs = bit == ML_TAKES_DESCENT && options->optimizer == ML_OPTIMIZER_FULL_BATCH ?
				FULL_BATCH_EPOCHS : algorithm->epochs;
		options->tolerance = GIVEN(options, tolerance) ? options->tolerance : algorithm->tolerance;
	}
	/* who leaves the layers to us leaves it to us as well when they have learnt enough */
	if (bit == ML_TAKES_NETWORK && options->network.layers.data == NULL && !GIVEN(options, network.validation))
		options->network.validation = PRESET_VALIDATION;
}

/* Which losses there are for an algorithm and task, as bits and as words. */
static ml_status
check_loss(ml_context *ctx, const ml_options *options, uint32_t algorithm)
{
	static const uint32_t hinges = 1 << ML_LOSS_HINGE | 1 << ML_LOSS_SQUARED_HINGE;
	static const uint32_t tubes = 1 << ML_LOSS_EPSILON_INSENSITIVE |
		1 << ML_LOSS_SQUARED_EPSILON_INSENSITIVE;
	bool		regression = options->task == ML_REGRESSION;
	const char *take = "hinge or squared_hinge";
	uint32_t	allowed = hinges;

	if (!options->has_loss || algorithm == ML_TAKES_NETWORK)
		return ML_OK;
	if (algorithm == ML_TAKES_DESCENT)
	{
		allowed = regression ? tubes | 1 << ML_LOSS_SQUARED_ERROR : hinges | 1 << ML_LOSS_LOGISTIC;
		take = regression ? "squared_error, epsilon_insensitive or squared_epsilon_insensitive" :
			"log_loss, hinge or squared_hinge";
	}
	else if (options->svm_kernel != ML_SVM_LINEAR)
	{
		allowed = 1 << ML_LOSS_HINGE;
		take = "hinge";
	}
	else if (regression)
	{
		allowed = tubes;
		take = "epsilon_insensitive or squared_epsilon_insensitive";
	}
	if (allowed >> options->loss & 1)
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "that \"loss\" does not go with algorithm %s%s in %s",
			options->algorithm.data,
			algorithm == ML_TAKES_SVM && options->svm_kernel != ML_SVM_LINEAR ? " and that kernel" : "",
			regression ? "regression" : "classification");
	return ml_hint(ctx, "It takes: %s.", take);
}

/* What penalty, alpha and l1_ratio say must not contradict each other. */
static ml_status
check_penalty(ml_context *ctx, const ml_options *options, uint32_t algorithm)
{
	if (options->l1_ratio > 0 && algorithm == ML_TAKES_SVM)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"l1_ratio\" above 0 does not go with algorithm svm");
		return ml_hint(ctx, "Use algorithm => 'logistic_regression'.");
	}
	if (options->subject == ML_SUBJECT_TEXT && options->penalty == ML_PENALTY_NONE)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"penalty\" does not take \"none\" with a text classifier");
		return ml_hint(ctx, "A large \"c\" makes the penalty small.");
	}
	if (GIVEN(options, penalty) && options->penalty == ML_PENALTY_NONE && options->alpha > 0)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"alpha\" above 0 does not go with penalty none");
		return ml_hint(ctx, "Leave out one of them.");
	}
	if ((options->penalty == ML_PENALTY_L2 && options->l1_ratio > 0) ||
		(options->penalty == ML_PENALTY_L1 && options->l1_ratio < 1))
	{
		ml_fail(ctx, ML_BAD_OPTION, "options \"penalty\" and \"l1_ratio\" contradict each other");
		return ml_hint(ctx, "Leave out one of them, or use {\"penalty\": \"elastic_net\"}.");
	}
	if (GIVEN(options, penalty) && options->penalty != ML_PENALTY_NONE && options->alpha == 0 &&
		(algorithm == ML_TAKES_LINEAR ||
		 (algorithm == ML_TAKES_DESCENT && options->task == ML_REGRESSION)))
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"penalty\" needs an \"alpha\" above 0 in regression");
		return ml_hint(ctx, "The penalty is alpha times the sum of squares / 2, or of absolute values.");
	}
	return ML_OK;
}

/* Refuse options that do nothing. */
static ml_status
check_given(ml_context *ctx, const ml_options *options)
{
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);

	for (int i = 0; i < ml_option_count; i++)
	{
		const ml_option *o = &ml_option_table[i];
		const char *against;

		if (!ml_option_given(options, i) || ml_option_applies(options, o, &against))
			continue;
		ml_fail(ctx, ML_BAD_OPTION, "option \"%s\" does nothing %s", o->name.data, against);
		return ml_option_hint(ctx, o, algorithm);
	}
	return ML_OK;
}

static ml_status
check_ngrams(ml_context *ctx, const ml_recipe *recipe)
{
	if (recipe->word_ngrams[0] == 0 && recipe->char_ngrams[0] == 0 &&
		recipe->script_ngrams[0] == 0)
		return ml_fail(ctx, ML_BAD_OPTION, "options \"word_ngrams\", \"char_ngrams\" and "
										   "\"script_ngrams\" must not all be null");
	return ML_OK;
}

/* What was given already contradicts the algorithm, whatever will be learnt. */
static ml_status
check_early(ml_context *ctx, const ml_options *options)
{
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);

	if (algorithm == NULL)
		return ML_OK;
	for (int i = 0; i < ml_option_count; i++)
	{
		const ml_option *o = &ml_option_table[i];

		if (!ml_option_given(options, i) || (o->algorithms & algorithm->bit) != 0)
			continue;
		ml_fail(ctx, ML_BAD_OPTION, "option \"%s\" does nothing with algorithm %s", o->name.data,
				algorithm->name.data);
		return ml_option_hint(ctx, o, algorithm);
	}
	return algorithm->bit == ML_TAKES_SVM ? check_penalty(ctx, options, ML_TAKES_SVM) : ML_OK;
}

/* What depends on nothing. */
static void
set_fixed(ml_options *options)
{
	ml_recipe_default(&options->recipe);
	options->recipe.min_df = 0;
	options->char_weight = 0.5;
	options->tabular.standardize = true;
	options->tabular.indicator = true;
	options->tabular.rare = 10;
	options->degree = 3;
	options->epsilon = 0.1;
	options->learning_rate = 0.01;
	options->momentum = 0.9;
	options->beta1 = 0.9;
	options->beta2 = 0.999;
	options->batch_size = 32;
	options->shuffle = true;
	options->holdout = 0.2;
	options->prune = 0.01;
	options->network.max_length = ML_WORDS_LOOKED_AT;
}

/* The row of a name, of several that of the algorithm; -1: there is none. */
static int
find_option(const ml_options *options, ml_text name)
{
	const ml_algorithm *algorithm = ml_algorithm_find(options->algorithm);
	int			found = -1;

	for (int i = 0; i < ml_option_count; i++)
	{
		if (!ml_text_equal(ml_option_table[i].name, name))
			continue;
		if (algorithm != NULL && (ml_option_table[i].algorithms & algorithm->bit) != 0)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

ml_status
ml_options_read(ml_context *ctx, ml_arena *arena, ml_text algorithm, ml_text json,
				ml_options *options)
{
	const ml_json *root;
	const ml_algorithm *found;

	memset(options, 0, sizeof(*options));
	ML_TRY(read_algorithm(ctx, algorithm, options));
	found = ml_algorithm_find(options->algorithm);
	set_fixed(options);
	ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_OPTION, &root));
	if (root->kind != ML_JSON_OBJECT)
		return ml_fail(ctx, ML_BAD_OPTION, "options must be a JSON object");
	for (const ml_json *node = root->first; node != NULL; node = node->next)
	{
		int			i = find_option(options, node->key);

		if (i < 0)
			return unknown_option(ctx, options, node->key);
		/* null stands for the default, but where it says "none" */
		if (node->kind == ML_JSON_NULL && ml_option_table[i].kind != ML_OPTION_NGRAMS)
			continue;
		options->given[i / 64] |= UINT64_C(1) << i % 64;
		ML_TRY(read_option(ctx, arena, &ml_option_table[i], node, options));
	}
	options->has_task = GIVEN(options, task);
	options->has_loss = GIVEN(options, loss);
	if (!options->has_task)
		options->task = found != NULL && found->bit == ML_TAKES_LINEAR ? ML_REGRESSION : ML_CLASSIFICATION;
	options->subject = found != NULL &&
		(found->bit & (ML_TAKES_LINEAR | ML_TAKES_DESCENT | ML_TAKES_NETWORK)) != 0 ?
		ML_SUBJECT_TABLE : ML_SUBJECT_TEXT;
	set_defaults(options);
	ML_TRY(check_early(ctx, options));
	return check_ngrams(ctx, &options->recipe);
}

ml_status
ml_options_settle(ml_context *ctx, ml_options *options, ml_task task, ml_subject subject)
{
	const ml_algorithm *algorithm;

	options->task = task;
	options->subject = subject;
	if (ml_algorithm_find(options->algorithm) == NULL)
		options->algorithm = subject == ML_SUBJECT_TEXT ? ML_TEXT("svm") :
			task == ML_REGRESSION ? ML_TEXT("linear_regression") : ML_TEXT("logistic_regression");
	algorithm = ml_algorithm_find(options->algorithm);
	if ((algorithm->tasks & ML_TASK(task)) == 0)
	{
		ml_fail(ctx, ML_BAD_OPTION, "algorithm %s does not do %s", algorithm->name.data,
				task == ML_REGRESSION ? "regression" : "classification");
		return ml_hint(ctx, "Use algorithm => '%s', or say what the target is by the option \"task\".",
					   task == ML_REGRESSION ? "linear_regression" : "logistic_regression");
	}
	/* one number can't be right for both */
	if (!GIVEN(options, network.max_length))
		options->network.max_length = (subject & (ML_SUBJECT_SERIES & ~ML_SUBJECT_TABLE)) != 0 ? 0 : ML_WORDS_LOOKED_AT;
	set_defaults(options);
	ML_TRY(check_loss(ctx, options, algorithm->bit));
	ML_TRY(check_penalty(ctx, options, algorithm->bit));
	return check_given(ctx, options);
}

bool
ml_options_text(const ml_options *options, ml_task task, const ml_column *columns,
				uint32_t ncolumns)
{
	uint32_t	texts = 0;

	if (task != ML_CLASSIFICATION || options->subject != ML_SUBJECT_TEXT ||
		options->svm_kernel != ML_SVM_LINEAR ||
		(options->has_loss && options->loss != ML_LOSS_SQUARED_HINGE))
		return false;
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		if (columns[i].role != ML_ROLE_TEXT && columns[i].role != ML_ROLE_IGNORE)
			return false;
		texts += columns[i].role == ML_ROLE_TEXT;
	}
	return texts > 0;
}

ml_status
ml_options_apply_columns(ml_context *ctx, const ml_options *options, ml_column *columns,
						 uint32_t ncolumns)
{
	for (uint32_t i = 0; i < options->ncolumn_options; i++)
	{
		const ml_column_option *o = &options->column_options[i];
		uint32_t	c = 0;

		while (c < ncolumns && !ml_text_equal(columns[c].name, o->name))
			c++;
		if (c == ncolumns)
		{
			ml_fail(ctx, ML_BAD_OPTION, "option \"columns\" names \"%.*s\", which is no column to learn from",
					(int) ML_MIN(o->name.size, (size_t) 64), o->name.data);
			for (uint32_t k = 0, near = 0; k < ncolumns; k++)
				if (ml_text_nearest(o->name, (ml_text[]) {near == 0 ? ML_TEXT("") : columns[near - 1].name, columns[k].name}, 2) == 1)
				{
					near = k + 1;
					ml_hint(ctx, "Perhaps you meant \"%.*s\".", (int) ML_MIN(columns[k].name.size, (size_t) 64), columns[k].name.data);
				}
			return ML_BAD_OPTION;
		}
		if (o->role != ML_ROLE_AUTO && !ml_role_fits(columns[c].type, o->role))
			return ml_fail(ctx, ML_BAD_OPTION, "column \"%.*s\" is of type %s and cannot be a %s",
						   (int) ML_MIN(o->name.size, (size_t) 64), o->name.data,
						   ml_type_name(columns[c].type), ml_role_name(o->role));
		if (o->role == ML_ROLE_SERIES && o->has_fill)
		{
			ml_fail(ctx, ML_BAD_OPTION, "option \"columns\" imputes numbers of \"%.*s\", which is a series",
					(int) ML_MIN(o->name.size, (size_t) 64), o->name.data);
			return ml_hint(ctx, "Fill gaps of series in a query.");
		}
		if (o->role != ML_ROLE_AUTO)
			columns[c].role = o->role;
		columns[c].named = true;
		columns[c].has_fill = o->has_fill;
		columns[c].fill = o->fill;
	}
	return ML_OK;
}
