/*-------------------------------------------------------------------------
 *
 * preset.c
 *	  Layers chosen for the feeds at hand.
 *
 * Each feed has a body that ends in [rows, channels]; of several feeds these are
 * joined, and a last dense layer follows.  The name says what texts, series and
 * images go through; numbers go through a dense layer in any case.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/layer.h"

typedef enum preset
{
	MLP,
	TEXT_AVERAGE,
	LSTM,
	CNN,
	TRANSFORMER
} preset;

static const char *const preset_names[] = {
	[MLP] = "mlp",
	[TEXT_AVERAGE] = "text_average",
	[LSTM] = "lstm",
	[CNN] = "cnn",
	[TRANSFORMER] = "transformer",
	NULL
};

typedef struct writer
{
	ml_context *ctx;
	ml_buffer  *json;
	bool		begun;
	ml_text		feed;			/* that the next layer takes; absent: the layer before */
} writer;

/* Append {"type": ..., members, "inputs": ...}; of a feed's body the first takes the feed. */
static ml_status
layer(writer *w, const char *type, const char *members)
{
	ML_TRY(ml_appendf(w->ctx, w->json, "%s{\"type\": \"%s\"%s%s", w->begun ? ", " : "", type,
					  members[0] == '\0' ? "" : ", ", members));
	if (w->feed.data != NULL)
	{
		ML_TRY(ml_appendf(w->ctx, w->json, ", \"inputs\": ["));
		ML_TRY(ml_json_quote(w->ctx, w->json, w->feed));
		ML_TRY(ml_appendf(w->ctx, w->json, "]"));
	}
	w->feed = (ml_text) {0};
	w->begun = true;
	return ml_appendf(w->ctx, w->json, "}");
}

static ml_status
text_body(writer *w, preset which)
{
	ML_TRY(layer(w, "embedding", "\"output_dim\": 64"));
	switch (which)
	{
		case LSTM:
			ML_TRY(layer(w, "dropout", "\"rate\": 0.5"));
			return layer(w, "lstm", "\"units\": 32, \"bidirectional\": true");
		case CNN:
			ML_TRY(layer(w, "dropout", "\"rate\": 0.2"));
			ML_TRY(layer(w, "conv1d", "\"filters\": 128, \"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"relu\""));
			ML_TRY(layer(w, "global_max_pooling", ""));
			return layer(w, "dropout", "\"rate\": 0.5");
		case TRANSFORMER:
			ML_TRY(layer(w, "dropout", "\"rate\": 0.5"));
			ML_TRY(layer(w, "positional_encoding", ""));
			ML_TRY(layer(w, "transformer_encoder", "\"heads\": 4, \"units\": 128, \"dropout\": 0.1, \"norm_first\": false"));
			return layer(w, "global_average_pooling", "");
		default:
			return layer(w, "global_average_pooling", "");
	}
}

static ml_status
image_body(writer *w, const ml_feed *feed, preset which)
{
	if (which == MLP || feed->height < 8 || feed->width < 8)
	{
		ML_TRY(layer(w, "flatten", ""));
		return layer(w, "dense", "\"units\": 128, \"activation\": \"relu\"");
	}
	ML_TRY(layer(w, "conv2d", "\"filters\": 32, \"kernel_size\": 3, \"activation\": \"relu\""));
	ML_TRY(layer(w, "max_pooling2d", ""));
	if (feed->height >= 14 && feed->width >= 14)
	{
		ML_TRY(layer(w, "conv2d", "\"filters\": 64, \"kernel_size\": 3, \"activation\": \"relu\""));
		ML_TRY(layer(w, "max_pooling2d", ""));
	}
	ML_TRY(layer(w, "flatten", ""));
	return layer(w, "dense", "\"units\": 128, \"activation\": \"relu\"");
}

static ml_status
series_body(writer *w, preset which)
{
	switch (which)
	{
		case LSTM:
			return layer(w, "lstm", "\"units\": 64, \"bidirectional\": true");
		case CNN:
			/* shapes over nine steps: of one layer they would be no more than of five */
			for (int i = 0; i < 2; i++)
				ML_TRY(layer(w, "conv1d", "\"filters\": 64, \"kernel_size\": 5, \"padding\": \"same\", \"activation\": \"relu\""));
			return layer(w, "global_max_pooling", "");
		case TRANSFORMER:
			ML_TRY(layer(w, "dense", "\"units\": 64"));
			ML_TRY(layer(w, "positional_encoding", ""));
			ML_TRY(layer(w, "transformer_encoder", "\"heads\": 4, \"units\": 128, \"dropout\": 0.1"));
			ML_TRY(layer(w, "layer_normalization", ""));
			return layer(w, "global_average_pooling", "");
		default:
			ML_TRY(layer(w, "dense", "\"units\": 64, \"activation\": \"relu\""));
			return layer(w, "global_average_pooling", "");
	}
}

static ml_status
body(writer *w, const ml_feed *feed, preset which)
{
	switch (feed->kind)
	{
		case ML_FEED_TOKENS:
			return text_body(w, which);
		case ML_FEED_IMAGE:
			return image_body(w, feed, which);
		case ML_FEED_SERIES:
			return series_body(w, which);
		default:
			ML_TRY(layer(w, "dense", "\"units\": 64, \"activation\": \"relu\""));
			return layer(w, "dense", "\"units\": 32, \"activation\": \"relu\"");
	}
}

/* What goes with a kind of feed when nobody says. */
static preset
natural(const ml_network_task *task)
{
	preset		which = MLP;

	for (int i = 0; i < task->nfeeds; i++)
		if (task->feeds[i].kind == ML_FEED_IMAGE)
			which = CNN;
		else if (task->feeds[i].kind == ML_FEED_TOKENS && which == MLP)
			which = TEXT_AVERAGE;
		else if (task->feeds[i].kind == ML_FEED_SERIES && which != CNN)
			which = LSTM;
	return which;
}

static ml_status
check_preset(ml_context *ctx, preset which, const ml_network_task *task)
{
	bool		texts = false;
	bool		images = false;

	for (int i = 0; i < task->nfeeds; i++)
	{
		texts |= task->feeds[i].kind == ML_FEED_TOKENS || task->feeds[i].kind == ML_FEED_SERIES;
		images |= task->feeds[i].kind == ML_FEED_IMAGE;
	}
	if (which == MLP || (which == CNN && (texts || images)) || (which != CNN && texts))
		return ML_OK;
	ml_fail(ctx, ML_BAD_OPTION, "network %s is for %s, and there are none", preset_names[which],
			which == CNN ? "images, texts or series" : "texts or series");
	return ml_hint(ctx, "Use {\"network\": \"mlp\"}, or say that a column is text, or a series: {\"columns\": {\"name\": \"text\"}}.");
}

/* What the ends of bodies are called; the columns are not, as there are fewer than there are prefixes. */
static const char *
body_prefix(const ml_network_task *task)
{
	static const char *const prefixes[ML_FEEDS_MAX + 1] = {
		"body", "end", "part", "branch", "piece", "side", "stem", "arm", "limb"
	};
	int			p = 0;

	for (int i = 0; i < task->nfeeds; i++)
	{
		size_t		n = strlen(prefixes[p]);

		if (task->feeds[i].name.size > n && memcmp(task->feeds[i].name.data, prefixes[p], n) == 0)
		{
			p++;
			i = -1;
		}
	}
	return prefixes[p];
}

/* The layers of all feeds; name of the last of each, to be joined. */
static ml_status
bodies(writer *w, const ml_network_task *task, preset which)
{
	ml_buffer	names = {0};
	ml_status	status = ML_OK;
	const char *prefix = body_prefix(task);

	for (int i = 0; status == ML_OK && i < task->nfeeds; i++)
	{
		char		name[64];

		if (task->nfeeds > 1)
			w->feed = task->feeds[i].name;
		status = body(w, &task->feeds[i], which);
		if (status != ML_OK || task->nfeeds == 1)
			continue;
		/* a layer that does nothing but carry a name */
		ml_print(name, sizeof(name), "\"name\": \"%s_%d\", \"activation\": \"linear\"", prefix, i + 1);
		status = layer(w, "activation", name);
		if (status == ML_OK)
			status = ml_appendf(w->ctx, &names, "%s\"%s_%d\"", i == 0 ? "" : ", ", prefix, i + 1);
	}
	if (status == ML_OK && task->nfeeds > 1)
	{
		status = ml_appendf(w->ctx, w->json, ", {\"type\": \"concatenate\", \"inputs\": [");
		if (status == ML_OK)
			status = ml_append(w->ctx, w->json, names.data, names.size);
		if (status == ML_OK)
			status = ml_appendf(w->ctx, w->json, "]}");
	}
	ml_buffer_free(w->ctx, &names);
	return status;
}

ml_status
ml_preset_layers(ml_context *ctx, ml_text name, const ml_network_task *task, const char *last, ml_buffer *json)
{
	writer		w = {.ctx = ctx, .json = json};
	int			which = (int) natural(task);

	if (name.data != NULL)
		ML_TRY(ml_setting_choose(ctx, "option \"network\"", "network", preset_names, name, &which));
	ML_TRY(check_preset(ctx, (preset) which, task));
	ML_TRY(ml_appendf(ctx, json, "["));
	ML_TRY(bodies(&w, task, (preset) which));
	ML_TRY(layer(&w, "dense", last));
	return ml_appendf(ctx, json, "]");
}
