/*-------------------------------------------------------------------------
 *
 * layers_dense.c
 *	  Layers of products, activations, norms, shapes and merges; what all
 *	  layers share.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/layer.h"
#include "kernel/map.h"

const char *const ml_layer_activations[] = {
	[ML_LINEAR] = "linear",
	[ML_RELU] = "relu",
	[ML_LEAKY_RELU] = "leaky_relu",
	[ML_ELU] = "elu",
	[ML_GELU] = "gelu",
	[ML_GELU_TANH] = "gelu_tanh",
	[ML_SILU] = "silu",
	[ML_TANH] = "tanh",
	[ML_SIGMOID] = "sigmoid",
	[ML_LAYER_SOFTMAX] = "softmax",
	NULL
};

/* ---------- what layers share ---------- */

/* What Keras and PyTorch agree on: the slope below 0, the limit. */
static double
alpha_of(int64_t activation)
{
	return activation == ML_LEAKY_RELU ? 0.01 : 1;
}

/* The activation of the layer in hand; none where the loss does it. */
static int64_t
activation_of(const ml_lowering *w)
{
	return w->bare ? ML_LINEAR : ml_layer_integer(w, "activation");
}

/* Is it better emitted by itself: in training, those whose gradient needs what goes into them? */
static bool
stands_alone(const ml_lowering *w, int64_t activation)
{
	return activation == ML_LAYER_SOFTMAX ||
		(w->task->training && activation != ML_LINEAR && !ml_activation_of_output((ml_activation) activation));
}

ml_attributes
ml_layer_fused(const ml_lowering *w)
{
	int64_t		activation = activation_of(w);
	ml_attributes attributes = {0};

	attributes.ints[0] = stands_alone(w, activation) ? ML_LINEAR : activation;
	attributes.reals[0] = alpha_of(activation);
	return attributes;
}

/* Activation number "activation" of a value. */
static int32_t
activate(ml_lowering *w, int64_t activation, double alpha, int32_t value)
{
	ml_attributes attributes = {.ints = {activation}, .reals = {alpha}};
	int32_t		out[2];

	if (activation == ML_LINEAR)
		return value;
	if (activation == ML_LAYER_SOFTMAX)
		return ml_emit1(&w->b.e, &ml_op_softmax, NULL, value);
	if (stands_alone(w, activation))
	{
		attributes = (ml_attributes) {.ints = {activation}};
		w->b.e.node(&w->b.e, &ml_op_activation_sloped, &attributes, 1, &value, 2, out);
		return w->b.e.status == ML_OK ? out[0] : ML_NO_VALUE;
	}
	return ml_emit1(&w->b.e, &ml_op_activation, &attributes, value);
}

int32_t
ml_layer_finish(ml_lowering *w, int32_t value)
{
	int64_t		activation = activation_of(w);

	return stands_alone(w, activation) ? activate(w, activation, alpha_of(activation), value) : value;
}

int32_t
ml_layer_linear(ml_lowering *w, const char *suffix, int32_t x, int64_t inputs, int64_t units, bool bias,
				const ml_attributes *attributes)
{
	ml_attributes plain = {.reals = {1}};
	ml_setting_value *kernel = ml_layer_setting(w, "kernel_initializer");
	ml_setting_value *start = ml_layer_setting(w, "bias_initializer");
	char		name[64];
	int32_t		in[3] = {x, ML_NO_VALUE, ML_NO_VALUE};

	ml_print(name, sizeof(name), "%sweight", suffix);
	in[1] = ml_layer_parameter(w, name, ML_PANELS, 2, (int64_t[]) {inputs, units},
							   kernel == NULL ? ML_INIT_GLOROT_UNIFORM : kernel->integer, false);
	ml_print(name, sizeof(name), "%sbias", suffix);
	if (bias)
		in[2] = ml_layer_parameter(w, name, ML_PLAIN, 1, &units, start == NULL ? ML_INIT_ZEROS : start->integer, false);
	if (attributes != NULL)
		plain = *attributes;
	plain.ints[1] = ml_layer_bf16(w);
	return ml_emit(&w->b.e, &ml_op_linear, &plain, bias ? 3 : 2, in);
}

int32_t
ml_layer_dropout(ml_lowering *w, double rate, int32_t value)
{
	ml_attributes attributes = {.reals = {rate}};

	return w->task->training && rate > 0 ? ml_emit1(&w->b.e, &ml_op_dropout, &attributes, value) : value;
}

int32_t
ml_layer_norm(ml_lowering *w, const char *suffix, double epsilon, int32_t value, int64_t channels)
{
	ml_attributes attributes = {.reals = {epsilon}};
	char		name[64];
	int32_t		in[3] = {value};
	int32_t		out[3];

	ml_print(name, sizeof(name), "%sgamma", suffix);
	in[1] = ml_layer_parameter(w, name, ML_PLAIN, 1, &channels, ML_INIT_ONES, false);
	ml_print(name, sizeof(name), "%sbeta", suffix);
	in[2] = ml_layer_parameter(w, name, ML_PLAIN, 1, &channels, ML_INIT_ZEROS, false);
	w->b.e.node(&w->b.e, &ml_op_layer_norm, &attributes, 3, in, 3, out);
	return w->b.e.status == ML_OK ? out[0] : ML_NO_VALUE;
}

/* Ids have no channels to work on. */
static ml_status
want_channels(ml_lowering *w, const ml_flow *in)
{
	if (!in->ids && in->ndims > 0)
		return ML_OK;
	if (!in->ids)
		return ml_layer_fail(w, in, "needs an input with at least one dimension");
	ml_layer_fail(w, in, "takes numbers, and the input is numbers of words");
	return ml_hint(w->ctx, "Put an embedding before it: aiaas.embedding(NULL, 64).");
}

ml_status
ml_layer_want_sequence(ml_lowering *w, const ml_flow *in)
{
	if (ml_flow_packed(in) && in->ndims == 1 && !in->ids)
		return ML_OK;
	ml_layer_fail(w, in, "takes sequences [words, channels]");
	return in->ids ? ml_hint(w->ctx, "Put an embedding before it: aiaas.embedding(NULL, 64).") : ML_BAD_OPTION;
}

/* ---------- dense ---------- */

ml_status
ml_lower_dense(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ml_setting_value *units = ml_layer_setting(w, "units");
	ml_attributes attributes = ml_layer_fused(w);

	ML_TRY(want_channels(w, in));
	if (units->none && !w->last)
	{
		ml_layer_fail(w, in, "needs \"units\"");
		return ml_hint(w->ctx, "NULL stands for the number of labels, in the last layer.");
	}
	if (units->none)
	{
		units->none = false;
		units->integer = w->outputs;
	}
	*out = *in;
	out->dims[in->ndims - 1] = units->integer;
	out->value = ml_layer_linear(w, "", in->value, in->dims[in->ndims - 1], units->integer,
								 ml_layer_integer(w, "use_bias") != 0, &attributes);
	out->value = ml_layer_finish(w, out->value);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_embedding(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ml_setting_value *size = ml_layer_setting(w, "input_dim");
	int64_t		channels = ml_layer_integer(w, "output_dim");
	int32_t		table;

	if (!in->ids)
	{
		ml_layer_fail(w, in, "takes numbers of words, which only a column of text has");
		return ml_hint(w->ctx, "Numbers go into aiaas.dense() as they are.");
	}
	if (size->none)
	{
		size->none = false;
		size->integer = in->vocabulary;
	}
	if (size->integer < in->vocabulary)
	{
		ml_layer_fail(w, NULL, "has %lld rows, and there are %lld numbers of words", (long long) size->integer,
					  (long long) in->vocabulary);
		return ml_hint(w->ctx, "Lower the option \"vocabulary\" to %lld, or give NULL for \"input_dim\".",
					   (long long) size->integer);
	}
	*out = *in;
	out->ids = false;
	out->ndims = 1;
	out->dims[0] = channels;
	table = ml_layer_parameter(w, "weight", ML_PLAIN, 2, (int64_t[]) {size->integer, channels},
							   ml_layer_integer(w, "initializer"), true);
	out->value = ml_emit2(&w->b.e, &ml_op_gather, NULL, table, in->value);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_activation(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	int64_t		activation = activation_of(w);
	ml_setting_value *alpha = ml_layer_setting(w, "alpha");

	ML_TRY(want_channels(w, in));
	*out = *in;
	out->value = activate(w, activation, alpha->none ? alpha_of(activation) : alpha->number, in->value);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_dropout(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ML_TRY(want_channels(w, in));
	*out = *in;
	out->value = ml_layer_dropout(w, ml_layer_setting(w, "rate")->number, in->value);
	return ml_layer_status(w, in);
}

/* ---------- norms ---------- */

ml_status
ml_lower_layer_normalization(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ML_TRY(want_channels(w, in));
	*out = *in;
	out->value = ml_layer_norm(w, "", ml_layer_setting(w, "epsilon")->number, in->value, in->dims[in->ndims - 1]);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_batch_normalization(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	int64_t		channels = in->dims[ML_MAX(in->ndims, 1) - 1];
	ml_attributes attributes = {.reals = {ml_layer_setting(w, "epsilon")->number}};
	ml_attributes momentum = {.reals = {1 - ml_layer_setting(w, "momentum")->number}};
	ml_emitter *e = &w->b.e;
	int32_t		gamma;
	int32_t		beta;
	int32_t		mean;
	int32_t		variance;
	int32_t		made[4];

	ML_TRY(want_channels(w, in));
	*out = *in;
	gamma = ml_layer_parameter(w, "gamma", ML_PLAIN, 1, &channels, ML_INIT_ONES, false);
	beta = ml_layer_parameter(w, "beta", ML_PLAIN, 1, &channels, ML_INIT_ZEROS, false);
	mean = ml_layer_state(w, "running_mean", channels, 0);
	variance = ml_layer_state(w, "running_variance", channels, 1);
	if (!w->task->training)
	{
		out->value = ml_emit(e, &ml_op_batch_norm_running, &attributes, 5,
							 (int32_t[]) {in->value, mean, variance, gamma, beta});
		return ml_layer_status(w, in);
	}
	w->network->whole_batches = true;
	e->node(e, &ml_op_batch_norm, &attributes, 3, (int32_t[]) {in->value, gamma, beta}, 4, made);
	if (e->status == ML_OK)
	{
		out->value = made[0];
		(void) ml_emit2(e, &ml_op_running, &momentum, mean, made[1]);
		(void) ml_emit2(e, &ml_op_running, &momentum, variance, made[3]);
	}
	return ml_layer_status(w, in);
}

/* ---------- shapes ---------- */

int32_t
ml_layer_reshape(ml_lowering *w, int32_t value, ml_dim first, int ndims, const int64_t *dims)
{
	ml_attributes attributes = {.ndims = ndims + 1, .dims = {first}};

	for (int i = 0; i < ndims; i++)
		attributes.dims[i + 1] = dims[i];
	return ml_emit1(&w->b.e, &ml_op_reshape, &attributes, value);
}

ml_status
ml_layer_to_sequence(ml_lowering *w, ml_flow *flow)
{
	ml_attributes attributes = {.ints = {flow->dims[0]}};

	if (w->b.e.status != ML_OK)
		return w->b.e.status;
	flow->length = flow->longest = flow->dims[0];
	flow->offsets = ml_emit1(&w->b.e, &ml_op_even_offsets, &attributes, flow->value);
	ML_TRY(ml_symbols_derive(w->ctx, &w->network->graph->symbols, ML_SYMBOL_TIMES, w->network->rows, flow->length,
							 0, 0, 0, &flow->first));
	flow->ndims = 1;
	flow->dims[0] = flow->dims[1];
	flow->value = ml_layer_reshape(w, flow->value, flow->first, 1, flow->dims);
	return w->b.e.status;
}

/* All numbers of a row in one dimension. */
static ml_status
flatten(ml_lowering *w, const ml_flow *in, ml_flow *out)
{
	int64_t		n = ml_flow_packed(in) ? in->length : 1;

	ML_TRY(want_channels(w, in));
	if (ml_flow_packed(in) && in->length == 0)
	{
		ml_layer_fail(w, in, "can't make one row of a sequence whose length differs from row to row");
		return ml_hint(w->ctx, "Give all %s one length by the option \"pad\", or use aiaas.global_average_pooling().", ml_flow_texts(in));
	}
	for (int i = 0; i < in->ndims; i++)
		n *= in->dims[i];
	*out = (ml_flow){.offsets = ML_NO_VALUE, .first = w->network->rows, .ndims = 1, .dims = {n}};
	out->value = ml_layer_reshape(w, in->value, out->first, 1, out->dims);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_flatten(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return flatten(w, in, out);
}

/* Two dimensions are a sequence [steps, channels], three an image. */
ml_status
ml_lower_reshape(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ml_setting_value *shape = ml_layer_setting(w, "shape");
	int64_t		wanted = 1;
	int			open = -1;
	int64_t		n;

	ML_TRY(flatten(w, in, out));
	n = out->dims[0];
	for (int i = 0; i < shape->nsizes; i++)
	{
		if (shape->sizes[i] == 0 || (shape->sizes[i] < 0 && open >= 0))
			return ml_layer_fail(w, in, "takes sizes from 1 on in \"shape\", and once -1 for what is left");
		if (shape->sizes[i] < 0)
			open = i;
		else if (__builtin_mul_overflow(wanted, shape->sizes[i], &wanted))
			return ml_layer_fail(w, in, "makes too many numbers of %lld", (long long) n);
	}
	if (open >= 0 && n % wanted == 0)
	{
		shape->sizes[open] = n / wanted;
		wanted = n;
	}
	if (n != wanted)
		return ml_layer_fail(w, in, "makes %lld numbers of %lld", (long long) wanted, (long long) n);
	out->ndims = shape->nsizes;
	memcpy(out->dims, shape->sizes, sizeof(shape->sizes));
	if (out->ndims == 2)
		ML_TRY(ml_layer_to_sequence(w, out));
	else if (out->ndims == 3)
		out->value = ml_layer_reshape(w, out->value, out->first, 3, out->dims);
	return ml_layer_status(w, in);
}

/* ---------- merges ---------- */

static ml_status
check_alike(ml_lowering *w, const ml_flow *in, int nin, int but)
{
	for (int i = 1; i < nin; i++)
	{
		bool		alike = in[i].ndims == in[0].ndims && !in[i].ids && !in[0].ids;

		for (int d = 0; alike && d < in[0].ndims; d++)
			alike = d == but || in[i].dims[d] == in[0].dims[d];
		if (alike && in[i].first != in[0].first && in[i].offsets != ML_NO_VALUE && in[0].offsets != ML_NO_VALUE)
		{
			ml_layer_fail(w, in, "takes inputs of one shape, and another one has another number of words");
			return ml_hint(w->ctx, "\"padding\": \"same\" keeps the number of words; aiaas.global_average_pooling() makes one row of all.");
		}
		if (!alike || in[i].first != in[0].first)
		{
			char		text[128];

			ml_flow_print(&in[i], text, sizeof(text));
			return ml_layer_fail(w, in, "takes inputs of one shape%s, and another one is %s",
								 but >= 0 ? " but for the last dimension" : "", text);
		}
	}
	return ML_OK;
}

static ml_status
merge(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out, const ml_op *op)
{
	ML_TRY(check_alike(w, in, nin, -1));
	*out = in[0];
	for (int i = 1; i < nin; i++)
		out->value = ml_emit2(&w->b.e, op, NULL, out->value, in[i].value);
	return ml_layer_status(w, in);
}

ml_status
ml_lower_add(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return merge(w, in, nin, out, &ml_op_add);
}

ml_status
ml_lower_multiply(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	return merge(w, in, nin, out, &ml_op_mul);
}

ml_status
ml_lower_concatenate(ml_lowering *w, const ml_flow *in, int nin, ml_flow *out)
{
	ml_attributes attributes = {.ints = {in[0].ndims}};
	int32_t		values[ML_LAYER_INPUTS_MAX];

	ML_TRY(want_channels(w, in));
	ML_TRY(check_alike(w, in, nin, in[0].ndims - 1));
	*out = in[0];
	out->dims[out->ndims - 1] = 0;
	for (int i = 0; i < nin; i++)
	{
		values[i] = in[i].value;
		out->dims[out->ndims - 1] += in[i].dims[out->ndims - 1];
	}
	out->value = ml_emit(&w->b.e, &ml_op_concat, &attributes, nin, values);
	return ml_layer_status(w, in);
}
