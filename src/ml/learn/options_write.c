/*-------------------------------------------------------------------------
 *
 * options_write.c
 *	  The options of a training as JSON, as ml_options_read takes them.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/options_internal.h"

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
write_columns(ml_context *ctx, const ml_options *options, ml_buffer *json)
{
	if (options->ncolumn_options == 0)
		return ml_appendf(ctx, json, "null");
	for (uint32_t i = 0; i < options->ncolumn_options; i++)
	{
		const ml_column_option *column = &options->column_options[i];

		ML_TRY(ml_appendf(ctx, json, i == 0 ? "{" : ", "));
		ML_TRY(ml_json_quote(ctx, json, column->name));
		ML_TRY(ml_appendf(ctx, json, ": {"));
		if (column->role != ML_ROLE_AUTO)
			ML_TRY(ml_appendf(ctx, json, "\"role\": \"%s\"%s", ml_role_name(column->role),
							  column->has_fill ? ", " : ""));
		if (column->has_fill)
		{
			ML_TRY(ml_appendf(ctx, json, "\"impute\": "));
			ML_TRY(write_number(ctx, json, column->fill));
		}
		ML_TRY(ml_appendf(ctx, json, "}"));
	}
	return ml_appendf(ctx, json, "}");
}

static ml_status
write_impute(ml_context *ctx, const ml_tabular_options *tabular, ml_buffer *json)
{
	if (tabular->impute == ML_IMPUTE_CONSTANT)
		return write_number(ctx, json, tabular->constant);
	return ml_appendf(ctx, json, "\"%s\"",
					  tabular->impute == ML_IMPUTE_MEAN ? "mean" : "most_frequent");
}

static ml_status
write_holdout(ml_context *ctx, const ml_options *options, ml_buffer *json)
{
	switch (options->holdout_by)
	{
		case ML_HOLDOUT_RANDOM:
			return write_number(ctx, json, options->holdout);
		case ML_HOLDOUT_FLAG:
			return ml_json_quote(ctx, json, options->holdout_column);
		case ML_HOLDOUT_TIME:
			ML_TRY(ml_appendf(ctx, json, "{\"column\": "));
			ML_TRY(ml_json_quote(ctx, json, options->holdout_column));
			ML_TRY(ml_appendf(ctx, json, ", \"fraction\": "));
			ML_TRY(write_number(ctx, json, options->holdout));
			return ml_appendf(ctx, json, "}");
	}
	return ML_OK;
}

static ml_status
write_option(ml_context *ctx, const ml_option *o, const ml_options *options, ml_buffer *json)
{
	const void *field = (const char *) options + o->offset;
	const int  *range = field;
	const ml_text *text = field;

	switch (o->kind)
	{
		case ML_OPTION_INTEGER:
			return *range == 0 ? ml_appendf(ctx, json, "null") :
				ml_appendf(ctx, json, "%d", *range);
		case ML_OPTION_SEED:
			return ml_appendf(ctx, json, "%llu",
							  (unsigned long long) *(const uint64_t *) field);
		case ML_OPTION_NUMBER:
			return write_number(ctx, json, *(const double *) field);
		case ML_OPTION_BOOLEAN:
			return ml_appendf(ctx, json, "%s", *(const bool *) field ? "true" : "false");
		case ML_OPTION_NGRAMS:
			return range[0] == 0 ? ml_appendf(ctx, json, "null") :
				ml_appendf(ctx, json, "[%d, %d]", range[0], range[1]);
		case ML_OPTION_TEXT:
		case ML_OPTION_LABEL:
			return text->data == NULL ? ml_appendf(ctx, json, "null") :
				ml_json_quote(ctx, json, *text);
		case ML_OPTION_CHOICE:
			return ml_appendf(ctx, json, "\"%s\"", o->choices[*(const unsigned *) field]);
		case ML_OPTION_COLUMNS:
			return write_columns(ctx, options, json);
		case ML_OPTION_IMPUTE:
			return write_impute(ctx, &options->tabular, json);
		case ML_OPTION_GAMMA:
			return options->gamma == 0 ? ml_appendf(ctx, json, "\"scale\"") :
				write_number(ctx, json, options->gamma);
		case ML_OPTION_HOLDOUT:
			return write_holdout(ctx, options, json);
		case ML_OPTION_CLASS_WEIGHT:
			return write_class_weights(ctx, options, json);
		case ML_OPTION_DEPLOY:
			return ml_appendf(ctx, json, "%s",
							  options->deploy == ML_DEPLOY_YES ? "true" :
							  options->deploy == ML_DEPLOY_NO ? "false" : "\"if_better\"");
		case ML_OPTION_JSON:
			return text->data == NULL ? ml_appendf(ctx, json, "null") :
				ml_append(ctx, json, text->data, text->size);
		case ML_OPTION_MEMORY:
			return *(const uint64_t *) field == 0 ? ml_appendf(ctx, json, "null") :
				ml_appendf(ctx, json, "\"%llukB\"", (unsigned long long) *(const uint64_t *) field >> 10);
		case ML_OPTION_VALIDATION:
			return options->network.validation_source.data == NULL ?
				write_number(ctx, json, options->network.validation) :
				ml_json_quote(ctx, json, options->network.validation_source);
	}
	return ML_OK;
}

ml_status
ml_options_write(ml_context *ctx, const ml_options *options, ml_buffer *json)
{
	const char *separator = "{";

	for (int i = 0; i < ml_option_count; i++)
	{
		const ml_option *o = &ml_option_table[i];
		const char *against;

		if (!ml_option_applies(options, o, &against))
			continue;
		ML_TRY(ml_appendf(ctx, json, "%s\"%s\": ", separator, o->name.data));
		ML_TRY(write_option(ctx, o, options, json));
		separator = ", ";
	}
	return ml_appendf(ctx, json, "}");
}
