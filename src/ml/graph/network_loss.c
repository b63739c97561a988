/*-------------------------------------------------------------------------
 *
 * network_loss.c
 *	  Losses of a specification.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/network_internal.h"

static const char *const names[] = {
	[ML_NETWORK_MSE] = "mse",
	[ML_NETWORK_MAE] = "mae",
	[ML_NETWORK_HUBER] = "huber",
	[ML_NETWORK_HINGE] = "hinge",
	[ML_NETWORK_BINARY_CROSSENTROPY] = "binary_crossentropy",
	[ML_NETWORK_CATEGORICAL_CROSSENTROPY] = "categorical_crossentropy",
	NULL
};

static const ml_setting nothing[] = {{NULL}};
static const ml_setting huber[] = {ML_NUMBER("delta", 1e-9, 1e9, 1), {NULL}};
static const ml_setting smoothing[] = {ML_NUMBER("label_smoothing", 0, 0.99, 0), {NULL}};

static const ml_setting *
settings_of(ml_network_loss loss)
{
	return loss == ML_NETWORK_HUBER ? huber : loss >= ML_NETWORK_BINARY_CROSSENTROPY ? smoothing : nothing;
}

ml_status
ml_loss_read(ml_context *ctx, const ml_json *node, ml_spec *spec)
{
	static const char *const others[] = {"type", NULL};
	const ml_json *type = node;
	int			loss;

	if (node == NULL)
		return ML_OK;
	if (node->kind == ML_JSON_OBJECT)
		type = ml_json_get(node, "type");
	if (type == NULL || type->kind != ML_JSON_STRING)
	{
		ml_fail(ctx, ML_BAD_OPTION, "option \"loss\" has no name of a loss");
		return ml_hint(ctx, "It takes a name, or an object with \"type\".");
	}
	ML_TRY(ml_setting_choose(ctx, "option \"loss\"", "loss", names, type->string, &loss));
	spec->has_loss = true;
	spec->loss = (ml_network_loss) loss;
	if (node->kind == ML_JSON_OBJECT)
		return ml_settings_read(ctx, "option \"loss\"", node, settings_of(spec->loss), others, spec->loss_values);
	spec->loss_values[0].number = spec->loss == ML_NETWORK_HUBER ? 1 : 0;
	return ML_OK;
}

ml_status
ml_loss_write(ml_context *ctx, const ml_spec *spec, ml_buffer *json)
{
	ML_TRY(ml_appendf(ctx, json, "{\"type\": \"%s\"", names[spec->loss]));
	ML_TRY(ml_settings_write(ctx, settings_of(spec->loss), spec->loss_values, json));
	return ml_appendf(ctx, json, "}");
}

ml_status
ml_loss_settle(ml_context *ctx, ml_spec *spec, const ml_network_task *task, int64_t outputs)
{
	if (!spec->has_loss)
	{
		spec->has_loss = true;
		spec->loss_values[0].number = 0;
		spec->loss = !task->classification ? ML_NETWORK_MSE :
			task->nlabels == 2 && outputs != 2 ? ML_NETWORK_BINARY_CROSSENTROPY : ML_NETWORK_CATEGORICAL_CROSSENTROPY;
	}
	if (!task->classification && spec->loss >= ML_NETWORK_HINGE)
	{
		ml_fail(ctx, ML_BAD_OPTION, "loss %s is one of labels, and the target is a number", names[spec->loss]);
		return ml_hint(ctx, "Use mse, mae or huber, or say {\"task\": \"classification\"}.");
	}
	if (spec->loss == ML_NETWORK_BINARY_CROSSENTROPY && task->nlabels > 2)
	{
		ml_fail(ctx, ML_BAD_OPTION, "loss binary_crossentropy is one of two labels, and there are %u", task->nlabels);
		return ml_hint(ctx, "Use categorical_crossentropy, with aiaas.dense(NULL, 'softmax') as the last layer.");
	}
	return ML_OK;
}

int64_t
ml_loss_outputs(const ml_spec *spec, const ml_network_task *task, int64_t activation)
{
	if (!task->classification)
		return 1;
	if (task->nlabels > 2)
		return task->nlabels;
	if (spec->has_loss && spec->loss != ML_NETWORK_CATEGORICAL_CROSSENTROPY)
		return activation == ML_LAYER_SOFTMAX ? 2 : 1;
	return spec->has_loss || activation == ML_LAYER_SOFTMAX ? 2 : 1;
}

bool
ml_loss_absorbs(const ml_spec *spec, int64_t activation)
{
	return (activation == ML_LAYER_SOFTMAX && spec->loss == ML_NETWORK_CATEGORICAL_CROSSENTROPY) ||
		(activation == ML_SIGMOID && spec->loss == ML_NETWORK_BINARY_CROSSENTROPY);
}

/* ---------- lowering ---------- */

static const ml_op *
op_of(const ml_spec *spec, int64_t outputs)
{
	switch (spec->loss)
	{
		case ML_NETWORK_MSE:
			return &ml_op_mse;
		case ML_NETWORK_MAE:
			return &ml_op_mae;
		case ML_NETWORK_HUBER:
			return &ml_op_huber;
		case ML_NETWORK_HINGE:
			return outputs == 1 ? &ml_op_hinge : &ml_op_multi_hinge;
		case ML_NETWORK_BINARY_CROSSENTROPY:
			return &ml_op_sigmoid_cross_entropy;
		default:
			return &ml_op_softmax_cross_entropy;
	}
}

/* The last activations that go with a loss of labels. */
static ml_status
check_activation(ml_lowering *w, const ml_spec *spec, int64_t activation, int64_t outputs)
{
	const char *name = names[spec->loss];
	bool		sigmoid = activation == ML_SIGMOID;
	bool		softmax = activation == ML_LAYER_SOFTMAX;

	if (spec->loss == ML_NETWORK_HINGE && (sigmoid || softmax))
	{
		ml_layer_fail(w, NULL, "ends with %s, and loss hinge takes scores as they are", ml_layer_activations[activation]);
		return ml_hint(w->ctx, "Leave out the activation.");
	}
	if (spec->loss < ML_NETWORK_HINGE && outputs == 1 && !sigmoid)
	{
		ml_layer_fail(w, NULL, "does not end with sigmoid, and loss %s of labels takes probabilities", name);
		return ml_hint(w->ctx, "Use loss binary_crossentropy, or aiaas.dense(1, 'sigmoid').");
	}
	if (spec->loss < ML_NETWORK_HINGE && outputs > 1 && !softmax)
	{
		ml_layer_fail(w, NULL, "does not end with softmax, and loss %s of labels takes probabilities", name);
		return ml_hint(w->ctx, "Use loss categorical_crossentropy, or aiaas.dense(NULL, 'softmax').");
	}
	if (spec->loss == ML_NETWORK_CATEGORICAL_CROSSENTROPY && sigmoid)
	{
		ml_layer_fail(w, NULL, "ends with sigmoid, and loss categorical_crossentropy takes softmax");
		return ml_hint(w->ctx, "End with aiaas.dense(NULL, 'softmax').");
	}
	return ML_OK;
}

ml_status
ml_loss_check(ml_lowering *w, const ml_spec *spec, int64_t activation, int64_t outputs)
{
	uint32_t	nlabels = w->task->nlabels;

	if (outputs == 1 && activation == ML_LAYER_SOFTMAX)
	{
		ml_layer_fail(w, NULL, "is softmax of 1 output, which is always 1");
		return ml_hint(w->ctx, w->task->classification ? "Use aiaas.dense(1, 'sigmoid') or aiaas.dense(NULL, 'softmax')." :
					   "Leave out the activation.");
	}
	if (!w->task->classification)
		return ML_OK;
	if (spec->loss == ML_NETWORK_CATEGORICAL_CROSSENTROPY && outputs == 1)
	{
		ml_layer_fail(w, NULL, "has 1 output, and loss categorical_crossentropy takes one for each of %u labels", nlabels);
		return ml_hint(w->ctx, nlabels == 2 ? "Use loss binary_crossentropy, or aiaas.dense(NULL, 'softmax')." :
					   "End with aiaas.dense(NULL, 'softmax').");
	}
	if (spec->loss == ML_NETWORK_BINARY_CROSSENTROPY && outputs != 1)
	{
		ml_layer_fail(w, NULL, "has %lld outputs, and loss binary_crossentropy takes 1", (long long) outputs);
		return ml_hint(w->ctx, "Use loss categorical_crossentropy, or aiaas.dense(1, 'sigmoid').");
	}
	return check_activation(w, spec, activation, outputs);
}

ml_status
ml_loss_lower(ml_lowering *w, const ml_spec *spec, const ml_flow *out)
{
	ml_network *network = w->network;
	ml_dtype	dtype = w->task->dtype;
	bool		classes = spec->loss >= ML_NETWORK_HINGE;
	ml_shape	targets = {.dtype = classes ? ML_I32 : dtype, .ndims = classes ? 1 : 2, .dims = {network->rows, out->dims[0]}};
	ml_shape	weights = {.dtype = dtype, .ndims = 1, .dims = {network->rows}};
	ml_shape	scale = {.dtype = dtype};
	ml_attributes attributes = {.ints = {1}, .reals = {spec->loss_values[0].number}};
	const ml_op *op = op_of(spec, out->dims[0]);
	int32_t		made[2];

	if (spec->loss == ML_NETWORK_HINGE)
		attributes.reals[0] = 1;
	else
		attributes.ints[0] = 0;
	network->targets = ml_builder_input(&w->b, ML_TEXT("targets"), &targets);
	network->weights = ml_builder_input(&w->b, ML_TEXT("weights"), &weights);
	network->scale = ml_builder_input(&w->b, ML_TEXT("scale"), &scale);
	w->b.e.node(&w->b.e, op, &attributes, 4,
				(int32_t[]) {out->value, network->targets, network->weights, network->scale}, op->nout, made);
	network->loss = w->b.e.status == ML_OK ? made[0] : ML_NO_VALUE;
	ml_builder_output(&w->b, ML_TEXT("loss"), network->loss);
	return w->b.e.status;
}
