/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  How the learning rate of a network's training goes with time.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/schedule.h"

#include "base/math.h"

#define LONG	1000000000.0	/* epochs or steps */

/* A reduction that changes the rate by less is none (PyTorch's eps). */
#define LEAST_REDUCTION		1e-8

static const char *const kinds[] = {
	[ML_SCHEDULE_CONSTANT] = "constant",
	[ML_SCHEDULE_STEP] = "step",
	[ML_SCHEDULE_EXPONENTIAL] = "exponential",
	[ML_SCHEDULE_COSINE] = "cosine",
	[ML_SCHEDULE_REDUCE_ON_PLATEAU] = "reduce_on_plateau",
	NULL
};

static const char *const units[] = {"epoch", "step", NULL};

/* Settings that all schedules have come first. */
#define COMMON	ML_INTEGER("warmup", 0, LONG, 0), ML_CHOICE("unit", units, 0)

enum
{
	WARMUP, UNIT, FIRST, SECOND, THIRD, FOURTH, FIFTH
};

static const ml_setting constant_settings[] = {COMMON, {NULL}};

static const ml_setting step_settings[] = {
	COMMON,
	ML_INTEGER_REQUIRED("every", 1, LONG),
	ML_NUMBER("factor", 1e-6, 1, 0.1),
	{NULL}
};

static const ml_setting exponential_settings[] = {
	COMMON,
	ML_NUMBER("factor", 1e-6, 1, 0.95),
	{NULL}
};

static const ml_setting cosine_settings[] = {
	COMMON,
	ML_INTEGER_OR_NONE("length", 1, LONG),
	ML_NUMBER("minimum", 0, 1000, 0),
	{NULL}
};

static const ml_setting plateau_settings[] = {
	COMMON,
	ML_NUMBER("factor", 1e-6, 1, 0.1),
	ML_INTEGER("patience", 0, LONG, 10),
	ML_NUMBER("threshold", 0, 1, 1e-4),
	ML_INTEGER("cooldown", 0, LONG, 0),
	ML_NUMBER("minimum", 0, 1000, 0),
	{NULL}
};

static const ml_setting *const settings[] = {
	[ML_SCHEDULE_CONSTANT] = constant_settings,
	[ML_SCHEDULE_STEP] = step_settings,
	[ML_SCHEDULE_EXPONENTIAL] = exponential_settings,
	[ML_SCHEDULE_COSINE] = cosine_settings,
	[ML_SCHEDULE_REDUCE_ON_PLATEAU] = plateau_settings,
};

/* The values of a schedule, in the order of its table. */
static void
take_values(ml_schedule *s, const ml_setting_value *values)
{
	s->warmup = values[WARMUP].integer;
	s->by_steps = values[UNIT].integer == 1;
	switch (s->kind)
	{
		case ML_SCHEDULE_CONSTANT:
			break;
		case ML_SCHEDULE_STEP:
			s->every = values[FIRST].integer;
			s->factor = values[SECOND].number;
			break;
		case ML_SCHEDULE_EXPONENTIAL:
			s->factor = values[FIRST].number;
			break;
		case ML_SCHEDULE_COSINE:
			s->length = values[FIRST].none ? 0 : values[FIRST].integer;
			s->minimum = values[SECOND].number;
			break;
		case ML_SCHEDULE_REDUCE_ON_PLATEAU:
			s->factor = values[FIRST].number;
			s->patience = values[SECOND].integer;
			s->threshold = values[THIRD].number;
			s->cooldown = values[FOURTH].integer;
			s->minimum = values[FIFTH].number;
			break;
	}
}

static void
give_values(const ml_schedule *s, ml_setting_value *values)
{
	memset(values, 0, (FIFTH + 1) * sizeof(*values));
	values[WARMUP].integer = s->warmup;
	values[UNIT].integer = s->by_steps;
	switch (s->kind)
	{
		case ML_SCHEDULE_CONSTANT:
			break;
		case ML_SCHEDULE_STEP:
			values[FIRST].integer = s->every;
			values[SECOND].number = s->factor;
			break;
		case ML_SCHEDULE_EXPONENTIAL:
			values[FIRST].number = s->factor;
			break;
		case ML_SCHEDULE_COSINE:
			values[FIRST].none = s->length == 0;
			values[FIRST].integer = s->length;
			values[SECOND].number = s->minimum;
			break;
		case ML_SCHEDULE_REDUCE_ON_PLATEAU:
			values[FIRST].number = s->factor;
			values[SECOND].integer = s->patience;
			values[THIRD].number = s->threshold;
			values[FOURTH].integer = s->cooldown;
			values[FIFTH].number = s->minimum;
			break;
	}
}

ml_status
ml_schedule_read(ml_context *ctx, const ml_json *node, ml_schedule *schedule)
{
	static const char *const others[] = {"type", NULL};
	static const ml_json empty = {.kind = ML_JSON_OBJECT};
	ml_setting_value values[ML_SETTINGS_MAX];
	char		where[64];
	const ml_json *type = node;
	int			kind = ML_SCHEDULE_CONSTANT;

	memset(schedule, 0, sizeof(*schedule));
	if (node != NULL && node->kind == ML_JSON_OBJECT)
		type = ml_json_get(node, "type");
	else
	{
		if (node != NULL && node->kind != ML_JSON_STRING && node->kind != ML_JSON_NULL)
			return ml_fail(ctx, ML_BAD_OPTION, "\"schedule\" must be a name, or an object with \"type\"");
		node = &empty;
	}
	if (type != NULL && type->kind != ML_JSON_NULL)
	{
		if (type->kind != ML_JSON_STRING)
			return ml_fail(ctx, ML_BAD_OPTION, "\"type\" of a schedule must be a name");
		ML_TRY(ml_setting_choose(ctx, "option \"optimizer\"", "schedule", kinds, type->string, &kind));
	}
	schedule->kind = (ml_schedule_kind) kind;
	ml_print(where, sizeof(where), "schedule %s", kinds[kind]);
	ML_TRY(ml_settings_read(ctx, where, node, settings[kind], others, values));
	take_values(schedule, values);
	return ML_OK;
}

ml_status
ml_schedule_write(ml_context *ctx, const ml_schedule *schedule, ml_buffer *json)
{
	ml_setting_value values[FIFTH + 1];

	give_values(schedule, values);
	ML_TRY(ml_appendf(ctx, json, "{\"type\": \"%s\"", kinds[schedule->kind]));
	ML_TRY(ml_settings_write(ctx, settings[schedule->kind], values, json));
	return ml_appendf(ctx, json, "}");
}

double
ml_schedule_rate(const ml_schedule *s, const ml_schedule_state *state, double rate, uint64_t whole)
{
	uint64_t	t = s->by_steps ? state->steps : state->epochs;
	uint64_t	warmup = (uint64_t) s->warmup;
	uint64_t	length;
	double		sine;
	double		cosine;

	if (s->kind == ML_SCHEDULE_REDUCE_ON_PLATEAU && state->reduced > 0)
		rate = state->reduced;
	if (t < warmup)
		return rate * (double) (t + 1) / (double) warmup;
	t -= warmup;
	switch (s->kind)
	{
		case ML_SCHEDULE_CONSTANT:
		case ML_SCHEDULE_REDUCE_ON_PLATEAU:
			break;
		case ML_SCHEDULE_STEP:
			return rate * ml_power(s->factor, t / (uint64_t) s->every);
		case ML_SCHEDULE_EXPONENTIAL:
			return rate * ml_power(s->factor, t);
		case ML_SCHEDULE_COSINE:
			length = s->length > 0 ? (uint64_t) s->length : whole > warmup ? whole - warmup : 1;
			if (t >= length)
				return s->minimum;
			ml_sincos(0.5 * (double) t / (double) length, &sine, &cosine);
			return s->minimum + (rate - s->minimum) * (1 + cosine) / 2;
	}
	return rate;
}

void
ml_schedule_epoch(const ml_schedule *s, ml_schedule_state *state, double rate, double loss)
{
	double		now = state->reduced > 0 ? state->reduced : rate;
	double		next;

	state->epochs++;
	if (s->kind != ML_SCHEDULE_REDUCE_ON_PLATEAU)
		return;
	if (!isnan(loss) && (!state->judged || loss < state->best * (1 - s->threshold)))
	{
		state->judged = true;
		state->best = loss;
		state->bad = 0;
	}
	else
		state->bad++;
	if (state->cooling > 0)
	{
		state->cooling--;
		state->bad = 0;
	}
	if (state->bad <= (uint64_t) s->patience)
		return;
	next = ML_MAX(now * s->factor, s->minimum);
	if (now - next > LEAST_REDUCTION)
		state->reduced = next;
	state->cooling = (uint64_t) s->cooldown;
	state->bad = 0;
}
