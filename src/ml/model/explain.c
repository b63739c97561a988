/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why a session says what it says; and how it splits a text.
 *
 * The logit of a label is a sum over the features of the input, so its parts
 * are exact: slope x scale x tf x weight / |row|, and "(intercept)", what
 * remains without any feature.  With two labels there is one score; it speaks
 * for the second, and negated for the first.
 *
 * Features are named by encoder.h, with "column: " before it when the model
 * has several.  Names that share a bucket in this input cannot be told apart
 * by the model and come as one, joined by " | "; features that the same name
 * stands for (the word "in" and the piece of that word that is all of it) are
 * added up.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "base/print.h"
#include "base/sort.h"
#include "model/session.h"

#define RUN			((size_t) 4096) /* items sorted between two polls */

/* A part with where its name begins in a buffer that still grows. */
typedef struct part
{
	size_t		start;
	size_t		size;
	double		contribution;
} part;

static int
by_feature(const void *a, const void *b)
{
	const ml_origin *x = a;
	const ml_origin *y = b;

	if (x->feature != y->feature)
		return x->feature < y->feature ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return ml_text_compare(x->text, y->text);
}

static int
by_name(const void *a, const void *b)
{
	return ml_text_compare(((const ml_contribution *) a)->feature,
						   ((const ml_contribution *) b)->feature);
}

static int
by_magnitude(const void *a, const void *b)
{
	double		x = fabs(((const ml_contribution *) a)->contribution);
	double		y = fabs(((const ml_contribution *) b)->contribution);

	return x > y ? -1 : x < y ? 1 : by_name(a, b);
}

/*
 * Merge sort with a poll after every run: a long text has hundreds of
 * thousands of features.  spare: as large as items.
 */
static ml_status
sort(ml_context *ctx, void *items, void *spare, size_t n, size_t width,
	 int (*compare) (const void *, const void *))
{
	char	   *from = items;
	char	   *to = spare;

	for (size_t i = 0; i < n; i += RUN)
	{
		ml_sort(from + i * width, ML_MIN(RUN, n - i), width, compare);
		ML_TRY(ml_poll(ctx));
	}
	for (size_t run = RUN; run < n; run *= 2)
	{
		char	   *swap = from;

		for (size_t start = 0; start < n; start += 2 * run)
		{
			size_t		i = start;
			size_t		middle = ML_MIN(start + run, n);
			size_t		j = middle;
			size_t		end = ML_MIN(start + 2 * run, n);

			for (size_t k = start; k < end; k++)
			{
				bool		first = j >= end ||
					(i < middle && compare(from + i * width, from + j * width) <= 0);

				memcpy(to + k * width, from + (first ? i++ : j++) * width, width);
				if (k % RUN == 0)
					ML_TRY(ml_poll(ctx));
			}
		}
		from = to;
		to = swap;
	}
	if (from != items && n > 0)
		memcpy(items, from, n * width);
	return ML_OK;
}

/* A feature's weight for one score, in units of the score's scale. */
static int
weight_of(const ml_image *image, uint32_t id, uint32_t score)
{
	const uint8_t *records = ml_image_at(image, image->records);
	ml_packed	row;
	uint8_t		code;

	if (image->stride > 0)
		return (int8_t) records[(size_t) id * image->stride + 1 + score];
	row = ml_image_record(image, id, &code);
	for (uint32_t k = 0; k < row.count; k++)
		if (ml_packed_score(&row, k) == score)
			return ml_packed_weight(&row, k);
	return 0;
}

/* Append one name of a feature: "column: name", after " | " if not the first. */
static ml_status
append_name(ml_context *ctx, const ml_image *image, const ml_origin *origin, bool first,
			ml_buffer *names)
{
	if (!first)
		ML_TRY(ml_append(ctx, names, " | ", 3));
	if (image->ncolumns > 1)
	{
		ml_text		column = ml_image_column(image, origin->column);

		ML_TRY(ml_append(ctx, names, column.data, column.size));
		ML_TRY(ml_append(ctx, names, ": ", 2));
	}
	return ml_append(ctx, names, origin->text.data, origin->text.size);
}

/*
 * The parts of one label's logit, each with its name; origins are sorted by
 * feature.  What has no weight for the label is left out.
 */
static ml_status
collect(ml_context *ctx, const ml_session *session, const ml_features *features,
		const ml_origin *origins, size_t norigins, uint32_t label, double unit,
		ml_buffer *names, part *parts, size_t *nparts)
{
	const ml_image *image = session->image;
	uint32_t	score = image->nscores == 1 ? 0 : label;
	double		factor = ml_image_slope(image)[score] * ml_image_scale(image)[score] * unit;

	if (image->nscores == 1 && label == 0)
		factor = -factor;
	*nparts = 0;
	for (size_t i = 0; i < norigins;)
	{
		uint32_t	feature = origins[i].feature;
		uint32_t	word = features->words[feature];
		int			weight = weight_of(image, ML_COUNTED_KEY(word), score);
		size_t		start = names->size;
		bool		first = true;

		for (; i < norigins && origins[i].feature == feature; i++, first = false)
			if (weight != 0)
				ML_TRY(append_name(ctx, image, &origins[i], first, names));
		if (weight != 0)
			parts[(*nparts)++] = (part)
		{
				start, names->size - start,
			factor * weight * ml_session_tf(session, ML_COUNTED_COUNT(word))
		};
		if (feature % RUN == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* Add up what has the same name (sorted by name), in place. */
static size_t
add_up(ml_contribution *parts, size_t n)
{
	size_t		kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (kept > 0 && ml_text_equal(parts[kept - 1].feature, parts[i].feature))
			parts[kept - 1].contribution += parts[i].contribution;
		else
			parts[kept++] = parts[i];
	}
	return kept;
}

/* (intercept) first, then the parts, largest first. */
static ml_status
present(ml_context *ctx, ml_session *session, uint32_t label, ml_text names,
		const part *parts, size_t nparts, const ml_contribution **result, size_t *nresult)
{
	const ml_image *image = session->image;
	uint32_t	score = image->nscores == 1 ? 0 : label;
	double		intercept = ml_image_slope(image)[score] * ml_image_bias(image)[score] +
		ml_image_offset(image)[score];
	size_t		bytes = ml_size_mul(nparts + 1, sizeof(ml_contribution));
	ml_contribution *out;
	void	   *spare;
	ml_text		copy;

	ML_TRY(ml_arena_alloc(ctx, &session->arena, bytes, (void **) &out));
	ML_TRY(ml_arena_alloc(ctx, &session->arena, bytes, &spare));
	ML_TRY(ml_arena_copy(ctx, &session->arena, names, &copy));
	out[0].feature = ML_TEXT("(intercept)");
	out[0].contribution = image->nscores == 1 && label == 0 ? -intercept : intercept;
	for (size_t i = 0; i < nparts; i++)
		out[i + 1] = (ml_contribution)
	{
		{
			copy.data + parts[i].start, parts[i].size
		}, parts[i].contribution
	};
	ML_TRY(sort(ctx, out + 1, spare, nparts, sizeof(ml_contribution), by_name));
	nparts = add_up(out + 1, nparts);
	ML_TRY(sort(ctx, out + 1, spare, nparts, sizeof(ml_contribution), by_magnitude));
	*result = out;
	*nresult = nparts + 1;
	return ML_OK;
}

static ml_status
explain(ml_context *ctx, ml_session *session, const ml_value *inputs, int64_t label,
		ml_buffer *names, uint32_t *explained, const ml_contribution **result, size_t *nresult)
{
	ml_features features;
	const ml_origin *origins;
	ml_origin  *sorted;
	void	   *spare;
	part	   *parts;
	size_t		norigins;
	size_t		nparts;
	double		unit;

	ML_TRY(ml_session_score(ctx, session, inputs, &unit));
	ML_TRY(ml_encoder_trace(ctx, session->encoder, &inputs->text, &features, &origins, &norigins));
	*explained = label < 0 ? ml_session_best(session) : (uint32_t) label;
	ML_TRY(ml_arena_alloc(ctx, &session->arena, ml_size_mul(norigins, sizeof(ml_origin)),
						  (void **) &sorted));
	ML_TRY(ml_arena_alloc(ctx, &session->arena, ml_size_mul(norigins, sizeof(ml_origin)), &spare));
	ML_TRY(ml_arena_alloc(ctx, &session->arena, ml_size_mul(features.n, sizeof(part)),
						  (void **) &parts));
	if (norigins > 0)
		memcpy(sorted, origins, norigins * sizeof(ml_origin));
	ML_TRY(sort(ctx, sorted, spare, norigins, sizeof(ml_origin), by_feature));
	ML_TRY(collect(ctx, session, &features, sorted, norigins, *explained, unit,
				   names, parts, &nparts));
	return present(ctx, session, *explained, (ml_text) {names->data, names->size},
				   parts, nparts, result, nresult);
}

ml_status
ml_session_explain(ml_context *ctx, ml_session *session, const ml_value *inputs,
				   int64_t label, uint32_t *explained,
				   const ml_contribution **parts, size_t *nparts)
{
	ml_buffer	names = {0};
	ml_status	status;

	if (label >= session->image->nlabels)
		return ml_fail(ctx, ML_BAD_INPUT, "there is no label %lld", (long long) label);
	ml_arena_reset(ctx, &session->arena);
	status = explain(ctx, session, inputs, label, &names, explained, parts, nparts);
	ml_buffer_free(ctx, &names);
	return status;
}

void
ml_session_tokenize(ml_session *session, ml_text input)
{
	ml_words_begin(ml_encoder_words(session->encoder), input);
}

ml_status
ml_session_tokens(ml_context *ctx, ml_session *session, const ml_text **tokens, size_t *n)
{
	ml_word		words[ML_SESSION_TOKENS];

	ML_TRY(ml_words_next(ctx, ml_encoder_words(session->encoder), words, ML_LENGTH(words), n));
	for (size_t i = 0; i < *n; i++)
		session->tokens[i] = (ml_text) {words[i].folded, words[i].size};
	*tokens = session->tokens;
	return ML_OK;
}
