/*-------------------------------------------------------------------------
 *
 * optimizer.c
 *	  Optimisers of networks: a step over all parameters at once.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/optimizer.h"

#include "base/math.h"

#define PIECE	((size_t) 1 << 16)	/* numbers between two polls */

static const char *const rules[] = {
	[ML_RULE_GRADIENT_DESCENT] = "gradient_descent",
	[ML_RULE_SGD] = "sgd",
	[ML_RULE_MOMENTUM] = "momentum",
	[ML_RULE_NESTEROV] = "nesterov",
	[ML_RULE_ADAGRAD] = "adagrad",
	[ML_RULE_RMSPROP] = "rmsprop",
	[ML_RULE_ADAM] = "adam",
	[ML_RULE_ADAMW] = "adamw",
	NULL
};

/* === Settings === */

/* Settings that all rules have come first. */
#define COMMON(rate, decay) \
	ML_NUMBER("learning_rate", 0, 1000, rate), \
	ML_NUMBER("weight_decay", 0, 1000, decay), \
	ML_NUMBER_OR_NONE("clip_norm", 1e-12, 1e12), \
	ML_NUMBER_OR_NONE("clip_value", 1e-12, 1e12)

#define MOMENTUM(standard)	ML_NUMBER("momentum", 0, 0.999999, standard)
/* Not 0: where no gradient ever was, as in what fills panels up, it divides 0. */
#define EPSILON(standard)	ML_NUMBER("epsilon", 1e-30, 1, standard)

enum
{
	RATE, DECAY, CLIP_NORM, CLIP_VALUE, FIRST, SECOND, THIRD
};

static const ml_setting plain_settings[] = {COMMON(0.01, 0), {NULL}};

static const ml_setting momentum_settings[] = {COMMON(0.01, 0), MOMENTUM(0.9), {NULL}};

static const ml_setting adagrad_settings[] = {
	COMMON(0.01, 0),
	ML_NUMBER("initial_accumulator_value", 0, 1e6, 0),
	EPSILON(1e-10),
	{NULL}
};

static const ml_setting rmsprop_settings[] = {
	COMMON(0.001, 0),
	ML_NUMBER("rho", 0, 0.999999, 0.9),
	MOMENTUM(0),
	EPSILON(1e-8),
	{NULL}
};

#define BETAS	ML_NUMBER("beta1", 0, 0.999999, 0.9), ML_NUMBER("beta2", 0, 0.999999999, 0.999), EPSILON(1e-8)

static const ml_setting adam_settings[] = {COMMON(0.001, 0), BETAS, {NULL}};

static const ml_setting adamw_settings[] = {COMMON(0.001, 0.01), BETAS, {NULL}};

static const ml_setting *const tables[] = {
	[ML_RULE_GRADIENT_DESCENT] = plain_settings,
	[ML_RULE_SGD] = plain_settings,
	[ML_RULE_MOMENTUM] = momentum_settings,
	[ML_RULE_NESTEROV] = momentum_settings,
	[ML_RULE_ADAGRAD] = adagrad_settings,
	[ML_RULE_RMSPROP] = rmsprop_settings,
	[ML_RULE_ADAM] = adam_settings,
	[ML_RULE_ADAMW] = adamw_settings,
};

/* Where the n-th setting behind the common ones is kept. */
static double *
field_of(ml_optimizer_settings *s, int n)
{
	switch (s->rule)
	{
		case ML_RULE_GRADIENT_DESCENT:
		case ML_RULE_SGD:
			break;
		case ML_RULE_MOMENTUM:
		case ML_RULE_NESTEROV:
			return &s->beta1;
		case ML_RULE_ADAGRAD:
			return n == FIRST ? &s->start : &s->epsilon;
		case ML_RULE_RMSPROP:
			return n == FIRST ? &s->beta2 : n == SECOND ? &s->beta1 : &s->epsilon;
		case ML_RULE_ADAM:
		case ML_RULE_ADAMW:
			return n == FIRST ? &s->beta1 : n == SECOND ? &s->beta2 : &s->epsilon;
	}
	return NULL;
}

static ml_status
read_object(ml_context *ctx, const ml_json *node, ml_optimizer_settings *s)
{
	static const char *const others[] = {"type", "schedule", NULL};
	ml_setting_value values[ML_SETTINGS_MAX];
	char		where[64];

	ml_print(where, sizeof(where), "optimizer %s", rules[s->rule]);
	if (s->rule == ML_RULE_SGD && ml_json_get(node, "momentum") != NULL)
	{
		ml_fail(ctx, ML_BAD_OPTION, "%s does not take \"momentum\"", where);
		return ml_hint(ctx, "Use {\"type\": \"momentum\", \"momentum\": 0.9}, or \"nesterov\".");
	}
	ML_TRY(ml_settings_read(ctx, where, node, tables[s->rule], others, values));
	s->learning_rate = values[RATE].number;
	s->weight_decay = values[DECAY].number;
	s->clip_norm = values[CLIP_NORM].none ? INFINITY : values[CLIP_NORM].number;
	s->clip_value = values[CLIP_VALUE].none ? INFINITY : values[CLIP_VALUE].number;
	for (int i = FIRST; tables[s->rule][i].name != NULL; i++)
		*field_of(s, i) = values[i].number;
	return ml_schedule_read(ctx, ml_json_get(node, "schedule"), &s->schedule);
}

static ml_status
read_settings(ml_context *ctx, ml_arena *arena, ml_text json, ml_optimizer_settings *s)
{
	static const ml_json empty = {.kind = ML_JSON_OBJECT};
	const ml_json *node = &empty;
	const ml_json *type;
	int			rule = ML_RULE_ADAM;

	if (json.data != NULL)
		ML_TRY(ml_json_parse(ctx, arena, json, ML_BAD_OPTION, &node));
	type = node;
	if (node->kind == ML_JSON_OBJECT)
		type = ml_json_get(node, "type");
	else
		node = &empty;
	if (type != NULL && type->kind != ML_JSON_STRING)
		return ml_fail(ctx, ML_BAD_OPTION,
					   "option \"optimizer\" must be a name, or an object with \"type\"");
	if (type != NULL)
		ML_TRY(ml_setting_choose(ctx, "option \"optimizer\"", "optimizer", rules, type->string, &rule));
	s->rule = (ml_optimizer_rule) rule;
	return read_object(ctx, node, s);
}

ml_status
ml_optimizer_settings_read(ml_context *ctx, ml_text json, ml_optimizer_settings *settings)
{
	ml_arena	arena = {0};
	ml_status	status;

	memset(settings, 0, sizeof(*settings));
	status = read_settings(ctx, &arena, json, settings);
	ml_arena_free(ctx, &arena);
	return status;
}

ml_status
ml_optimizer_settings_write(ml_context *ctx, const ml_optimizer_settings *settings, ml_buffer *json)
{
	ml_optimizer_settings s = *settings;
	ml_setting_value values[THIRD + 1] = {0};

	values[RATE].number = s.learning_rate;
	values[DECAY].number = s.weight_decay;
	values[CLIP_NORM].none = isinf(s.clip_norm);
	values[CLIP_NORM].number = s.clip_norm;
	values[CLIP_VALUE].none = isinf(s.clip_value);
	values[CLIP_VALUE].number = s.clip_value;
	for (int i = FIRST; tables[s.rule][i].name != NULL; i++)
		values[i].number = *field_of(&s, i);
	ML_TRY(ml_appendf(ctx, json, "{\"type\": \"%s\"", rules[s.rule]));
	ML_TRY(ml_settings_write(ctx, tables[s.rule], values, json));
	ML_TRY(ml_appendf(ctx, json, ", \"schedule\": "));
	ML_TRY(ml_schedule_write(ctx, &s.schedule, json));
	return ml_appendf(ctx, json, "}");
}

const char *
ml_optimizer_name(const ml_optimizer_settings *settings)
{
	return rules[settings->rule];
}

/* === A run === */

static int
moments_of(const ml_optimizer_settings *s)
{
	switch (s->rule)
	{
		case ML_RULE_GRADIENT_DESCENT:
		case ML_RULE_SGD:
			return 0;
		case ML_RULE_MOMENTUM:
		case ML_RULE_NESTEROV:
		case ML_RULE_ADAGRAD:
			return 1;
		case ML_RULE_RMSPROP:
			return s->beta1 > 0 ? 2 : 1;
		case ML_RULE_ADAM:
		case ML_RULE_ADAMW:
			return 2;
	}
	return 0;
}

/* Sparse parameters, and what lies around them: at most 2 n + 1 ranges. */
static size_t
ranges_of(const ml_graph *graph)
{
	size_t		n = 1;

	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == ML_VALUE_PARAMETER && graph->values[i].sparse)
			n += 2;
	return n;
}

size_t
ml_optimizer_bytes(const ml_optimizer_settings *settings, const ml_graph *graph)
{
	size_t		vector = ml_size_mul(graph->parameters, sizeof(float));

	return ml_size_add(ml_size_mul(vector, (size_t) moments_of(settings)),
					   ml_size_add(sizeof(ml_optimizer_run),
								   ml_size_mul(ranges_of(graph), sizeof(ml_optimizer_range))));
}

/* The sparse parameter with the least offset >= "from" that is its own storage, or NULL. */
static const ml_graph_value *
next_sparse(const ml_graph *graph, size_t from)
{
	const ml_graph_value *next = NULL;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];

		if (value->kind == ML_VALUE_PARAMETER && value->sparse && value->storage == i &&
			value->offset >= from && (next == NULL || value->offset < next->offset))
			next = value;
	}
	return next;
}

static void
cut_ranges(ml_optimizer_run *run)
{
	const ml_graph *graph = run->graph;
	size_t		at = 0;

	while (at < graph->parameters)
	{
		const ml_graph_value *sparse = next_sparse(graph, at);
		size_t		end = sparse == NULL ? graph->parameters : sparse->offset;

		if (end > at)
			run->ranges[run->nranges++] = (ml_optimizer_range) {.first = at, .n = end - at};
		at = end;
		if (sparse == NULL)
			break;
		run->ranges[run->nranges] = (ml_optimizer_range) {
			.first = at, .n = 1, .width = 1, .value = (int32_t) (sparse - graph->values)
		};
		for (int i = 0; i < sparse->shape.ndims; i++)
		{
			run->ranges[run->nranges].n *= (size_t) sparse->shape.dims[i];
			if (i > 0)
				run->ranges[run->nranges].width *= (size_t) sparse->shape.dims[i];
		}
		at += run->ranges[run->nranges++].n;
	}
}

static ml_status
open_run(ml_context *ctx, ml_optimizer_run *run)
{
	size_t		bytes = ml_size_mul(run->graph->parameters, sizeof(float));

	ML_TRY(ml_alloc(ctx, ml_size_mul(ranges_of(run->graph), sizeof(*run->ranges)), (void **) &run->ranges));
	cut_ranges(run);
	for (int i = 0; i < run->nmoments; i++)
		ML_TRY(ml_alloc_zero(ctx, bytes, (void **) &run->moments[i]));
	for (size_t i = 0; run->settings.start > 0 && i < run->graph->parameters; i++)
	{
		run->moments[0][i] = (float) run->settings.start;
		if (i % PIECE == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

ml_status
ml_optimizer_open(ml_context *ctx, const ml_optimizer_settings *settings, const ml_graph *graph,
				  uint64_t epochs, uint64_t steps_per_epoch, ml_optimizer_run **result)
{
	ml_optimizer_run *run;
	ml_status	status;

	*result = NULL;
	if (graph->dtype != ML_F32)
		return ml_fail(ctx, ML_UNSUPPORTED, "optimisers are for graphs in single precision");
	ML_TRY(ml_alloc_zero(ctx, sizeof(*run), (void **) &run));
	run->settings = *settings;
	run->graph = graph;
	run->whole = settings->schedule.by_steps ? epochs * steps_per_epoch : epochs;
	run->nmoments = moments_of(settings);
	status = open_run(ctx, run);
	if (status != ML_OK)
		ml_optimizer_close(ctx, run);
	else
		*result = run;
	return status;
}

void
ml_optimizer_close(ml_context *ctx, ml_optimizer_run *run)
{
	if (run == NULL)
		return;
	ml_release(ctx, run->ranges);
	for (int i = 0; i < ML_OPTIMIZER_MOMENTS; i++)
		ml_release(ctx, run->moments[i]);
	ml_release(ctx, run);
}

double
ml_optimizer_rate(const ml_optimizer_run *run)
{
	return ml_schedule_rate(&run->settings.schedule, &run->schedule, run->settings.learning_rate, run->whole);
}

/* === A step === */

/* What the kernels are told in this step; gradients are multiplied by scale first. */
static ml_step
step_of(const ml_optimizer_run *run, double scale)
{
	const ml_optimizer_settings *s = &run->settings;
	double		rate = ml_optimizer_rate(run);
	bool		adam = s->rule == ML_RULE_ADAM || s->rule == ML_RULE_ADAMW;
	bool		decoupled = s->rule == ML_RULE_ADAMW;
	uint64_t	t = run->schedule.steps + 1;

	return (ml_step) {
		.rate = (float) (adam ? rate / (1 - ml_power(s->beta1, t)) : rate),
		.scale = (float) scale,
		.limit = (float) s->clip_value,
		.decay = decoupled ? 0 : (float) s->weight_decay,
		.shrink = decoupled ? (float) (1 - rate * s->weight_decay) : 1,
		.beta1 = (float) s->beta1,
		.beta2 = (float) s->beta2,
		.rest1 = (float) (1 - s->beta1),
		.rest2 = (float) (1 - s->beta2),
		.epsilon = (float) s->epsilon,
		.root = adam ? (float) (1 / sqrt(1 - ml_power(s->beta2, t))) : 1
	};
}

/* n numbers from "first"; g NULL: gradients of 0 */
static void
step_piece(const ml_optimizer_run *run, const ml_network_kernel *kernel, const ml_step *step,
		   float *parameters, const float *g, size_t first, size_t n)
{
	float	   *w = parameters + first;
	float	   *m = run->nmoments > 0 ? run->moments[0] + first : NULL;
	float	   *v = run->nmoments > 1 ? run->moments[1] + first : NULL;

	switch (run->settings.rule)
	{
		case ML_RULE_GRADIENT_DESCENT:
		case ML_RULE_SGD:
			kernel->sgd(step, w, g, n);
			break;
		case ML_RULE_MOMENTUM:
			kernel->momentum(step, w, g, m, n);
			break;
		case ML_RULE_NESTEROV:
			kernel->nesterov(step, w, g, m, n);
			break;
		case ML_RULE_ADAGRAD:
			kernel->adagrad(step, w, g, m, n);
			break;
		case ML_RULE_RMSPROP:
			if (v == NULL)
				kernel->rmsprop(step, w, g, m, n);
			else
				kernel->rmsprop_momentum(step, w, g, m, v, n);
			break;
		case ML_RULE_ADAM:
		case ML_RULE_ADAMW:
			kernel->adam(step, w, g, m, v, n);
			break;
	}
}

static ml_status
step_dense(ml_context *ctx, const ml_optimizer_run *run, const ml_network_kernel *kernel,
		   const ml_step *step, float *parameters, const float *gradients, size_t first, size_t n)
{
	for (size_t done = 0; done < n; done += PIECE)
	{
		size_t		piece = ML_MIN(n - done, PIECE);
		const float *g = gradients == NULL ? NULL : gradients + first + done;

		step_piece(run, kernel, step, parameters, g, first + done, piece);
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Rows up to "end" that are touched or not as the first one is. */
static size_t
run_length(const uint8_t *touched, size_t row, size_t rows)
{
	size_t		end = row + 1;

	while (end < rows && (touched[end] != 0) == (touched[row] != 0))
		end++;
	return end - row;
}

/* Rows of gradient 0 that change nothing: no moments and no decay. */
static bool
rests(const ml_optimizer_run *run, const ml_step *step)
{
	return run->nmoments == 0 && step->decay == 0 && step->shrink == 1;
}

static ml_status
step_sparse(ml_context *ctx, const ml_optimizer_run *run, const ml_network_kernel *kernel,
			const ml_step *step, float *parameters, float *gradients, uint8_t *touched,
			const ml_optimizer_range *range)
{
	size_t		rows = range->n / range->width;
	size_t		n;

	for (size_t row = 0; row < rows; row += n)
	{
		size_t		first = range->first + row * range->width;

		n = run_length(touched, row, rows);
		if (touched[row])
		{
			ML_TRY(step_dense(ctx, run, kernel, step, parameters, gradients, first, n * range->width));
			memset(gradients + first, 0, n * range->width * sizeof(float));
			memset(touched + row, 0, n);
		}
		else if (!rests(run, step))
			ML_TRY(step_dense(ctx, run, kernel, step, parameters, NULL, first, n * range->width));
	}
	return ML_OK;
}

static ml_status
add_squares(ml_context *ctx, const ml_network_kernel *kernel, const float *g, size_t n, double *sum)
{
	for (size_t done = 0; done < n; done += PIECE)
	{
		*sum += kernel->norm2(g + done, ML_MIN(n - done, PIECE));
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Flags of the rows that have gradients; NULL: all have. */
static uint8_t *
flags_of(const ml_optimizer_range *range, uint8_t *const *touched)
{
	return range->width > 0 && touched != NULL ? touched[range->value] : NULL;
}

/* The norm of all gradients. */
static ml_status
measure(ml_context *ctx, const ml_optimizer_run *run, const ml_network_kernel *kernel,
		const float *gradients, uint8_t *const *touched, double *norm)
{
	double		sum = 0;

	for (size_t i = 0; i < run->nranges; i++)
	{
		const ml_optimizer_range *range = &run->ranges[i];
		const uint8_t *flags = flags_of(range, touched);
		size_t		rows = flags == NULL ? 0 : range->n / range->width;
		size_t		n;

		if (flags == NULL)
			ML_TRY(add_squares(ctx, kernel, gradients + range->first, range->n, &sum));
		for (size_t row = 0; row < rows; row += n)
		{
			n = run_length(flags, row, rows);
			if (flags[row])
				ML_TRY(add_squares(ctx, kernel, gradients + range->first + row * range->width,
								   n * range->width, &sum));
		}
	}
	*norm = sqrt(sum);
	return ML_OK;
}

ml_status
ml_optimizer_step(ml_context *ctx, ml_optimizer_run *run, const ml_kernel *kernel, float *parameters,
				  float *gradients, uint8_t **touched)
{
	const ml_network_kernel *loops = kernel->network;
	double		scale = 1;
	ml_step		step;

	run->norm = 0;
	if (!isinf(run->settings.clip_norm))
	{
		ML_TRY(measure(ctx, run, loops, gradients, touched, &run->norm));
		scale = ML_MIN(1.0, run->settings.clip_norm / (run->norm + 1e-6));
	}
	step = step_of(run, scale);
	for (size_t i = 0; i < run->nranges; i++)
	{
		const ml_optimizer_range *range = &run->ranges[i];
		uint8_t    *flags = flags_of(range, touched);

		if (flags != NULL)
			ML_TRY(step_sparse(ctx, run, loops, &step, parameters, gradients, flags, range));
		else
			ML_TRY(step_dense(ctx, run, loops, &step, parameters, gradients, range->first, range->n));
	}
	run->schedule.steps++;
	return ML_OK;
}

void
ml_optimizer_epoch(ml_optimizer_run *run, double loss)
{
	ml_schedule_epoch(&run->settings.schedule, &run->schedule, run->settings.learning_rate, loss);
}

/* === Checkpoints === */

enum
{
	STEPS, EPOCHS, JUDGED, BEST, BAD, COOLING, REDUCED, UNUSED
};

void
ml_optimizer_save(const ml_optimizer_run *run, double *numbers)
{
	const ml_schedule_state *s = &run->schedule;

	numbers[STEPS] = (double) s->steps;
	numbers[EPOCHS] = (double) s->epochs;
	numbers[JUDGED] = s->judged;
	numbers[BEST] = s->best;
	numbers[BAD] = (double) s->bad;
	numbers[COOLING] = (double) s->cooling;
	numbers[REDUCED] = s->reduced;
	numbers[UNUSED] = 0;
}

/* A counter: a whole number up to 2^53. */
static bool
counts(double number)
{
	return number >= 0 && number <= 9007199254740992.0 && number == floor(number);
}

ml_status
ml_optimizer_load(ml_context *ctx, ml_optimizer_run *run, const double *numbers)
{
	ml_schedule_state *s = &run->schedule;

	if (!counts(numbers[STEPS]) || !counts(numbers[EPOCHS]) || !counts(numbers[BAD]) ||
		!counts(numbers[COOLING]) || !(numbers[JUDGED] == 0 || numbers[JUDGED] == 1) ||
		isnan(numbers[BEST]) || !(numbers[REDUCED] >= 0 && numbers[REDUCED] <= 1000))
		return ml_fail(ctx, ML_BAD_MODEL, "the state of the optimiser is damaged");
	s->steps = (uint64_t) numbers[STEPS];
	s->epochs = (uint64_t) numbers[EPOCHS];
	s->judged = numbers[JUDGED] == 1;
	s->best = numbers[BEST];
	s->bad = (uint64_t) numbers[BAD];
	s->cooling = (uint64_t) numbers[COOLING];
	s->reduced = numbers[REDUCED];
	return ML_OK;
}
