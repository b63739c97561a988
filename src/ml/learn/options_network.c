/*-------------------------------------------------------------------------
 *
 * options_network.c
 *	  What the options of a network say of it before there are rows.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/options.h"

#include "graph/network.h"

ml_status
ml_options_write_spec(ml_context *ctx, const ml_network_options *options, ml_buffer *json)
{
	const ml_text *values[] = {&options->layers, &options->loss};
	static const char *const names[] = {"layers", "loss"};
	const char *separator = "";

	ML_TRY(ml_appendf(ctx, json, "{"));
	for (size_t i = 0; i < ML_LENGTH(values); i++)
	{
		if (values[i]->data == NULL)
			continue;
		ML_TRY(ml_appendf(ctx, json, "%s\"%s\": ", separator, names[i]));
		ML_TRY(ml_append(ctx, json, values[i]->data, values[i]->size));
		separator = ", ";
	}
	if (options->preset.data != NULL)
	{
		ML_TRY(ml_appendf(ctx, json, "%s\"network\": ", separator));
		ML_TRY(ml_json_quote(ctx, json, options->preset));
	}
	return ml_appendf(ctx, json, "}");
}

static ml_status
look(ml_context *ctx, const ml_network_options *options, ml_buffer *spec, ml_network_peek *peek)
{
	ML_TRY(ml_options_write_spec(ctx, options, spec));
	return ml_network_look(ctx, (ml_text) {spec->data, spec->size}, peek);
}

ml_status
ml_options_network_task(ml_context *ctx, const ml_options *options, bool *has_task, ml_task *task)
{
	ml_buffer	spec = {0};
	ml_network_peek peek;
	ml_status	status = look(ctx, &options->network, &spec, &peek);

	ml_buffer_free(ctx, &spec);
	ML_TRY(status);
	*has_task = peek.has_task;
	*task = peek.classification ? ML_CLASSIFICATION : ML_REGRESSION;
	if (!peek.has_task || !peek.classification || !options->has_task || options->task == ML_CLASSIFICATION)
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "options \"task\" and \"%s\" contradict each other: regression, and a %s of labels",
			options->network.loss.data != NULL ? "loss" : "layers", options->network.loss.data != NULL ? "loss" : "last layer");
	return ml_hint(ctx, "Leave out one of them. Losses of numbers are mse, mae and huber; their last layer is aiaas.dense(1).");
}
