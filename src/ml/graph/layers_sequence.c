/*-------------------------------------------------------------------------
 *
 * layers_sequence.c
 *	  Layers over sequences: recurrent cells, attention, the transformer's
 *	  encoder, positions.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/layer.h"

#define BASE	10000			/* of sinusoidal positions */

/* ---------- recurrent cells ---------- */

typedef struct cell
{
	const ml_op *op;
	int			gates;
	bool		two_biases;		/* as a rule */
	bool		relu;			/* attribute of rnn */
} cell;

/* One direction of one layer; *last: its state after the row. */
static int32_t
run_cell(ml_lowering *w, const cell *c, const char *prefix, bool reverse, int32_t x, int32_t offsets,
		 int64_t inputs, int64_t units, int32_t *last)
{
	bool		rnn = c->op == &ml_op_rnn;	/* has an attribute more */
	ml_attributes attributes = {.ints = {reverse, rnn ? c->relu : ml_layer_bf16(w), rnn && ml_layer_bf16(w)}};
	ml_setting_value *second = ml_layer_setting(w, "recurrent_bias");
	int64_t		wide = c->gates * units;
	int64_t		start = ml_layer_integer(w, "bias_initializer");
	int32_t		in[6] = {x, offsets, ML_NO_VALUE, ML_NO_VALUE, ML_NO_VALUE, ML_NO_VALUE};
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	char		name[64];

	ml_print(name, sizeof(name), "%sweight", prefix);
	in[2] = ml_layer_parameter(w, name, ML_PANELS, 2, (int64_t[]) {inputs, wide},
							   ml_layer_integer(w, "kernel_initializer"), false);
	ml_print(name, sizeof(name), "%srecurrent_weight", prefix);
	in[3] = ml_layer_parameter(w, name, ML_PANELS, 2, (int64_t[]) {units, wide},
							   ml_layer_integer(w, "recurrent_initializer"), false);
	if (c->op == &ml_op_lstm && ml_layer_integer(w, "unit_forget_bias"))
		start |= ML_INIT_FORGET;
	if (ml_layer_integer(w, "use_bias"))
	{
		ml_print(name, sizeof(name), "%sbias", prefix);
		in[4] = ml_layer_parameter(w, name, ML_PLAIN, 1, &wide, start, false);
		ml_print(name, sizeof(name), "%srecurrent_bias", prefix);
		if (second->integer)
			in[5] = ml_layer_parameter(w, name, ML_PLAIN, 1, &wide, ML_INIT_ZEROS, false);
	}
	w->b.e.node(&w->b.e, c->op, &attributes, 6, in, c->op->nout, out);
	if (w->b.e.status != ML_OK)
		return ML_NO_VALUE;
	*last = out[1];
	return out[0];
}

static int32_t
join(ml_lowering *w, int32_t a, int32_t b)
{
	return ml_emit2(&w->b.e, &ml_op_concat, &(ml_attributes) {.ints = {1}}, a, b);
}

static ml_status
lower_cell(ml_lowering *w, const ml_flow *in, ml_flow *out, const cell *c)
{
	int64_t		units = ml_layer_integer(w, "units");
	int64_t		nlayers = ml_layer_integer(w, "layers");
	bool		bidirectional = ml_layer_integer(w, "bidirectional") != 0;
	double		rate = ml_layer_setting(w, "dropout")->number;
	int64_t		inputs = in->dims[0];
	int32_t		x = in->value;
	int32_t		last = ML_NO_VALUE;

	ML_TRY(ml_layer_want_sequence(w, in));
	if (rate > 0 && nlayers == 1)
	{
		ml_layer_fail(w, in, "has one layer, and \"dropout\" is what happens between layers");
		return ml_hint(w->ctx, "Put aiaas.dropout(%g) before or behind it, or give it more \"layers\".", rate);
	}
	for (int64_t i = 0; i < nlayers; i++)
	{
		char		prefix[32] = "";
		char		back[40];
		int32_t		y;
		int32_t		backwards;
		int32_t		first = ML_NO_VALUE;

		if (nlayers > 1)
			ml_print(prefix, sizeof(prefix), "%lld.", (long long) i + 1);
		ml_print(back, sizeof(back), "%sreverse_", prefix);
		if (i > 0)
			x = ml_layer_dropout(w, rate, x);
		y = run_cell(w, c, prefix, false, x, in->offsets, inputs, units, &last);
		if (bidirectional)
		{
			backwards = run_cell(w, c, back, true, x, in->offsets, inputs, units, &first);
			y = join(w, y, backwards);
			last = join(w, last, first);
		}
		x = y;
		inputs = units * (bidirectional ? 2 : 1);
	}
	*out = *in;
	out->dims[0] = inputs;
	out->value = x;
	if (!ml_layer_integer(w, "return_sequences"))
	{
		out->value = last;
		out->offsets = ML_NO_VALUE;
		out->first = w->network->rows;
		out->length = out->longest = 0;
	}
	return ml_layer_status(w, in);
}

ml_status
ml_lower_rnn(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	cell		c = {&ml_op_rnn, 1, false, ml_layer_integer(w, "activation") != 0};

	return lower_cell(w, in, out, &c);
}

ml_status
ml_lower_gru(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	cell		c = {&ml_op_gru, 3, true, false};

	return lower_cell(w, in, out, &c);
}

ml_status
ml_lower_lstm(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	cell		c = {&ml_op_lstm, 4, false, false};

	return lower_cell(w, in, out, &c);
}

/* ---------- attention ---------- */

/* Attention of a sequence to itself, with products before and behind it. */
static int32_t
attend(ml_lowering *w, const char *prefix, int32_t x, int32_t offsets, int64_t channels, int64_t heads,
	   int64_t size, bool bias)
{
	ml_attributes attributes = {.ints = {heads, ml_layer_integer(w, "causal"), ml_layer_bf16(w)}};
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	char		name[48];
	int32_t		qkv;

	ml_print(name, sizeof(name), "%sqkv_", prefix);
	qkv = ml_layer_linear(w, name, x, channels, 3 * heads * size, bias, NULL);
	w->b.e.node(&w->b.e, &ml_op_attention, &attributes, 2, (int32_t[]) {qkv, offsets}, ml_op_attention.nout, out);
	ml_print(name, sizeof(name), "%soutput_", prefix);
	if (w->b.e.status != ML_OK)
		return ML_NO_VALUE;
	return ml_layer_linear(w, name, out[0], heads * size, channels, bias, NULL);
}

/* The size of a head: given, or channels / heads. */
static ml_status
head_size(ml_lowering *w, const ml_flow *in, int64_t *size)
{
	ml_setting_value *given = ml_layer_setting(w, "key_dim");
	int64_t		heads = ml_layer_integer(w, "heads");

	ML_TRY(ml_layer_want_sequence(w, in));
	*size = given == NULL || given->none ? in->dims[0] / heads : given->integer;
	if ((given == NULL || given->none) && in->dims[0] % heads != 0)
		return ml_layer_fail(w, in, "has %lld heads, which don't divide %lld channels", (long long) heads,
							 (long long) in->dims[0]);
	return ML_OK;
}

ml_status
ml_lower_multi_head_attention(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	int64_t		size;

	ML_TRY(head_size(w, in, &size));
	*out = *in;
	out->value = attend(w, "", in->value, in->offsets, in->dims[0], ml_layer_integer(w, "heads"), size,
						ml_layer_integer(w, "use_bias") != 0);
	out->value = ml_layer_dropout(w, ml_layer_setting(w, "dropout")->number, out->value);
	return ml_layer_status(w, in);
}

/* x + f(norm(x)), or norm(x + f(x)). */
ml_status
ml_lower_transformer_encoder(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	int64_t		channels = in->dims[0];
	double		epsilon = ml_layer_setting(w, "epsilon")->number;
	double		rate = ml_layer_setting(w, "dropout")->number;
	bool		before = ml_layer_integer(w, "norm_first") != 0;
	ml_attributes fused = ml_layer_fused(w);
	ml_emitter *e = &w->b.e;
	int64_t		size;
	int64_t		units;
	int32_t		x = in->value;
	int32_t		y;

	ML_TRY(head_size(w, in, &size));
	units = ml_layer_integer(w, "units");
	y = before ? ml_layer_norm(w, "attention_norm_", epsilon, x, channels) : x;
	y = attend(w, "attention_", y, in->offsets, channels, ml_layer_integer(w, "heads"), size, true);
	x = ml_emit2(e, &ml_op_add, NULL, x, ml_layer_dropout(w, rate, y));
	if (!before)
		x = ml_layer_norm(w, "attention_norm_", epsilon, x, channels);
	y = before ? ml_layer_norm(w, "norm_", epsilon, x, channels) : x;
	y = ml_layer_finish(w, ml_layer_linear(w, "hidden_", y, channels, units, true, &fused));
	y = ml_layer_dropout(w, rate, y);
	y = ml_layer_linear(w, "output_", y, units, channels, true, NULL);
	x = ml_emit2(e, &ml_op_add, NULL, x, ml_layer_dropout(w, rate, y));
	if (!before)
		x = ml_layer_norm(w, "norm_", epsilon, x, channels);
	*out = *in;
	out->value = x;
	return ml_layer_status(w, in);
}

/* ---------- positions ---------- */

ml_status
ml_lower_positional_encoding(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ml_setting_value *most = ml_layer_setting(w, "max_length");
	ml_attributes attributes = {.reals = {BASE}};
	ml_emitter *e = &w->b.e;
	int32_t		table;
	int32_t		places;

	ML_TRY(ml_layer_want_sequence(w, in));
	*out = *in;
	if (ml_layer_integer(w, "kind") == 0)
	{
		out->value = ml_emit2(e, &ml_op_sinusoidal, &attributes, in->value, in->offsets);
		return ml_layer_status(w, in);
	}
	if (most->none && in->longest == 0)
		return ml_layer_fail(w, in, "needs \"max_length\", as the sequences may be of any length");
	if (most->none)
	{
		most->none = false;
		most->integer = in->longest;
	}
	if (in->longest > most->integer)
	{
		ml_layer_fail(w, in, "has %lld positions, and %s have up to %lld %s", (long long) most->integer,
					  ml_flow_texts(in), (long long) in->longest, ml_flow_words(in));
		return ml_hint(w->ctx, "Leave out its \"max_length\", or look at fewer %s by the option \"max_length\".", ml_flow_words(in));
	}
	table = ml_layer_parameter(w, "weight", ML_PLAIN, 2, (int64_t[]) {most->integer, in->dims[0]},
							   ml_layer_integer(w, "initializer"), false);
	attributes = (ml_attributes) {.ndims = 1, .dims = {in->first}};
	places = ml_emit1(e, &ml_op_positions, &attributes, in->offsets);
	out->value = ml_emit2(e, &ml_op_add, NULL, in->value, ml_emit2(e, &ml_op_gather, NULL, table, places));
	return ml_layer_status(w, in);
}
