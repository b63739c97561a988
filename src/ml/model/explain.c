/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why a session says what it says; and how it splits a text.
 *
 * The logit of a label is a sum over the features of the input, so its parts
 * are exact: of texts slope x scale x tf x weight / |row| (of tables:
 * explain_table.c, of networks: explain_network.c), and "(intercept)", what remains without any.  With two labels there is one score; it speaks
 * for the positive one, and negated for the other.
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

ml_status
ml_explain_add(ml_explanation *e, size_t start, double contribution)
{
	void	   *parts = e->parts;

	if (contribution == 0)
	{
		e->names.size = start;
		return ML_OK;
	}
	if (ML_UNLIKELY(!isfinite(contribution)))
		return ml_fail(e->ctx, ML_BAD_INPUT, "the row has values so large that what they contribute is out of range");
	ML_TRY(ml_grow(e->ctx, &parts, &e->capacity, e->nparts + 1, sizeof(ml_part)));
	e->parts = parts;
	e->parts[e->nparts++] = (ml_part) {start, e->names.size - start, e->sign * contribution};
	return ML_OK;
}

/* ---------- n-grams of texts ---------- */

/* Append one name of a feature: "column: name", after " | " if not the first. */
static ml_status
append_name(ml_explanation *e, const ml_text *column, ml_text name, bool first)
{
	if (!first)
		ML_TRY(ml_append(e->ctx, &e->names, " | ", 3));
	if (column != NULL)
	{
		ML_TRY(ml_append(e->ctx, &e->names, column->data, column->size));
		ML_TRY(ml_append(e->ctx, &e->names, ": ", 2));
	}
	return ml_append(e->ctx, &e->names, name.data, name.size);
}

/* The parts of features, each with its names; origins are sorted by feature. */
static ml_status
collect(ml_explanation *e, const ml_features *features, const ml_origin *origins, size_t norigins,
		const ml_text *columns, ml_explain_value value, const void *arg)
{
	for (size_t i = 0; i < norigins;)
	{
		uint32_t	feature = origins[i].feature;
		uint32_t	word = features->words[feature];
		double		part = value(arg, ML_COUNTED_KEY(word), ML_COUNTED_COUNT(word));
		size_t		start = e->names.size;
		bool		first = true;

		for (; i < norigins && origins[i].feature == feature; i++, first = false)
			if (part != 0)
				ML_TRY(append_name(e, columns == NULL ? NULL : &columns[origins[i].column], origins[i].text, first));
		ML_TRY(ml_explain_add(e, start, part));
		if (feature % RUN == 0)
			ML_TRY(ml_poll(e->ctx));
	}
	return ML_OK;
}

ml_status
ml_explain_texts(ml_explanation *e, const ml_text *texts, const ml_text *columns,
				 ml_explain_value value, const void *arg)
{
	ml_context *ctx = e->ctx;
	ml_arena   *arena = &e->session->arena;
	ml_features features;
	const ml_origin *origins;
	ml_origin  *sorted;
	void	   *spare;
	size_t		n;

	ML_TRY(ml_encoder_trace(ctx, e->session->encoder, texts, &features, &origins, &n));
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, sizeof(ml_origin)), (void **) &sorted));
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, sizeof(ml_origin)), &spare));
	if (n > 0)
		memcpy(sorted, origins, n * sizeof(ml_origin));
	ML_TRY(sort(ctx, sorted, spare, n, sizeof(ml_origin), by_feature));
	return collect(e, &features, sorted, n, columns, value, arg);
}

/* ---------- text classifiers ---------- */

typedef struct text_value
{
	const ml_session *session;
	uint32_t	score;
	double		factor;
} text_value;

/* A feature's weight for one score, in units of the score's scale. */
static int
weight_of(const ml_text_image *image, uint32_t id, uint32_t score)
{
	const uint8_t *records = ml_image_at(&image->head, image->records);
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

static double
value_of(const void *arg, uint32_t id, uint32_t count)
{
	const text_value *v = arg;
	int			weight = weight_of((const ml_text_image *) v->session->image, id, v->score);

	return v->factor * weight * ml_session_tf(v->session, count);
}

static ml_status
explain_classifier(ml_explanation *e, const ml_value *inputs, uint32_t score, double *intercept)
{
	ml_session *session = e->session;
	const ml_image *image = session->image;
	text_value	value = {
		session, score, ml_image_slope(image)[score] * ml_image_scale(image)[score] * session->unit
	};
	ml_text    *columns = NULL;

	*intercept = ml_image_slope(image)[score] * ml_image_bias(image)[score] + ml_image_offset(image)[score];
	if (image->ncolumns > 1)
		ML_TRY(ml_arena_alloc(e->ctx, &session->arena, image->ncolumns * sizeof(ml_text), (void **) &columns));
	for (uint32_t i = 0; columns != NULL && i < image->ncolumns; i++)
		columns[i] = ml_image_column(image, i);
	return ml_explain_texts(e, &inputs->text, columns, value_of, &value);
}

/* ---------- all ---------- */

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
present(ml_explanation *e, double intercept, const ml_contribution **result, size_t *nresult)
{
	ml_context *ctx = e->ctx;
	ml_arena   *arena = &e->session->arena;
	size_t		n = e->nparts;
	size_t		bytes = ml_size_mul(n + 1, sizeof(ml_contribution));
	ml_contribution *out;
	void	   *spare;
	ml_text		names;

	ML_TRY(ml_arena_alloc(ctx, arena, bytes, (void **) &out));
	ML_TRY(ml_arena_alloc(ctx, arena, bytes, &spare));
	ML_TRY(ml_arena_copy(ctx, arena, (ml_text) {e->names.data, e->names.size}, &names));
	out[0] = (ml_contribution) {ML_TEXT("(intercept)"), intercept};
	for (size_t i = 0; i < n; i++)
		out[i + 1] = (ml_contribution)
	{
		{
			names.data + e->parts[i].start, e->parts[i].size
		}, e->parts[i].contribution
	};
	ML_TRY(sort(ctx, out + 1, spare, n, sizeof(ml_contribution), by_name));
	n = add_up(out + 1, n);
	ML_TRY(sort(ctx, out + 1, spare, n, sizeof(ml_contribution), by_magnitude));
	*result = out;
	*nresult = n + 1;
	return ML_OK;
}

static ml_status
explain(ml_explanation *e, const ml_value *inputs, int64_t label, uint32_t *explained,
		const ml_contribution **parts, size_t *nparts)
{
	ml_session *session = e->session;
	const ml_image *image = session->image;
	uint32_t	score = 0;
	bool		negated = false;
	double		intercept;
	size_t		done;

	ML_TRY(ml_session_score(e->ctx, session, 1, inputs, &done));
	*explained = 0;
	if (image->task == ML_CLASSIFICATION)
	{
		*explained = label < 0 ? ml_session_best(session, session->logits) : (uint32_t) label;
		score = image->nscores == 1 ? 0 : *explained;
		negated = image->nscores == 1 && *explained != image->positive;
	}
	e->sign = negated ? -1 : 1;
	if (session->table != NULL)
		ML_TRY(ml_explain_table(e, inputs, score, &intercept));
	else if (session->network != NULL)
		ML_TRY(ml_explain_network(e, inputs, score, &intercept));
	else
		ML_TRY(explain_classifier(e, inputs, score, &intercept));
	if (ML_UNLIKELY(!isfinite(intercept)))
		return ml_fail(e->ctx, ML_BAD_INPUT, "the base value is out of range");
	return present(e, e->sign * intercept, parts, nparts);
}

ml_status
ml_session_explain(ml_context *ctx, ml_session *session, const ml_value *inputs,
				   int64_t label, uint32_t *explained,
				   const ml_contribution **parts, size_t *nparts)
{
	ml_explanation e = {.ctx = ctx, .session = session};
	ml_status	status;

	if (label >= session->image->nlabels)
		return ml_fail(ctx, ML_BAD_INPUT, "there is no label %lld", (long long) label);
	ml_arena_reset(ctx, &session->arena);
	status = explain(&e, inputs, label, explained, parts, nparts);
	ml_buffer_free(ctx, &e.names);
	ml_release(ctx, e.parts);
	return status;
}

/* The reader of texts; NULL: there are none. */
static ml_words *
words_of(const ml_session *session)
{
	if (session->network != NULL)
		return session->network->reader;
	return session->encoder == NULL ? NULL : ml_encoder_words(session->encoder);
}

void
ml_session_tokenize(ml_session *session, ml_text input)
{
	ml_words   *words = words_of(session);

	if (words != NULL)
		ml_words_begin(words, input);
}

ml_status
ml_session_tokens(ml_context *ctx, ml_session *session, const ml_text **tokens, size_t *n)
{
	ml_word		words[ML_SESSION_TOKENS];

	if (words_of(session) == NULL)
		return ml_fail(ctx, ML_UNSUPPORTED, "the model has no columns of text");
	ML_TRY(ml_words_next(ctx, words_of(session), words, ML_LENGTH(words), n));
	for (size_t i = 0; i < *n; i++)
		session->tokens[i] = (ml_text) {words[i].folded, words[i].size};
	*tokens = session->tokens;
	return ML_OK;
}
