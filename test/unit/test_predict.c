/*-------------------------------------------------------------------------
 *
 * test_predict.c
 *	  Sessions: scores against the formula of stored.h, the same bits in
 *	  whatever way they are asked for; explanations that add up.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>

#include "format/safetensors.h"
#include "model/model.h"
#include "model/packed.h"
#include "toy_model.h"

#define NROWS	40

static const ml_text columns[] = {{"subject", 7}, {"body", 4}};
static char text_bytes[1 << 16];
static ml_text inputs[NROWS * 2];

/* Rows of words out of a small vocabulary, two columns each. */
static void
make_inputs(void)
{
	static const char *const words[] = {
		"free", "money", "meeting", "tomorrow", "lunch", "winner", "Click", "here", "please", "reply",
		"\xc3\x9c" "ber", "stra\xc3\x9f" "e", "\xe5\xbe\x88\xe5\xa5\xbd", "\xe4\xb8\x8d\xe5\xa4\xaa\xe5\xa5\xbd",
		"\xf0\x9f\x98\x80", "3.14", "don't", "a", "the", "unbelievable"
	};
	size_t		used = 0;
	ml_rng		rng;

	ml_rng_seed(&rng, 5);
	for (size_t i = 0; i < ML_LENGTH(inputs); i++)
	{
		uint64_t	n = i % 7 == 0 ? 0 : ml_rng_below(&rng, 30);
		size_t		start = used;

		for (uint64_t k = 0; k < n; k++)
		{
			uint64_t	a = ml_rng_below(&rng, ML_LENGTH(words));
			uint64_t	b = ml_rng_below(&rng, ML_LENGTH(words));

			used += (size_t) sprintf(text_bytes + used, "%s ", words[a * b / ML_LENGTH(words)]);
		}
		inputs[i] = (ml_text) {text_bytes + start, used - start};
	}
	inputs[1] = (ml_text) {NULL, 0};
}

static ml_recipe
recipe_of(uint32_t ncolumns, bool l2_norm, bool sublinear)
{
	ml_recipe	recipe;

	ml_recipe_default(&recipe);
	recipe.columns = (ml_text *) columns;
	recipe.ncolumns = ncolumns;
	recipe.unicode = ML_TEXT("15.0");
	recipe.hash_bits = 18;
	recipe.min_df = 2;
	recipe.char_ngrams[0] = 2;
	recipe.char_ngrams[1] = 4;
	recipe.l2_norm = l2_norm;
	recipe.sublinear_tf = sublinear;
	return recipe;
}

typedef struct model
{
	ml_recipe	recipe;
	uint32_t	nlabels;
	ml_buffer	file;
	void	   *image;
} model;

static void
open_model(unit_host *host, model *m, ml_recipe recipe, uint32_t nlabels)
{
	ml_arena	arena = {0};
	size_t		size;

	*m = (model){.recipe = recipe, .nlabels = nlabels};
	if (toy_model(&host->ctx, &arena, &m->recipe, ml_kernel_select(ML_LEVEL_AUTO), inputs,
				  NROWS, nlabels, nlabels, &m->file) != ML_OK ||
		ml_image_plan(&host->ctx, m->file.data, m->file.size, &size) != ML_OK)
		abort();
	m->image = aligned_alloc(ML_ALIGN, size);
	if (ml_image_build(&host->ctx, m->file.data, m->file.size, m->image, size) != ML_OK)
		abort();
	ml_arena_free(&host->ctx, &arena);
}

static void
close_model(unit_host *host, model *m)
{
	ml_buffer_free(&host->ctx, &m->file);
	free(m->image);
}

static ml_session *
open_session(unit_host *host, const model *m, ml_level level)
{
	ml_session *session;

	if (ml_session_open(&host->ctx, m->image, ml_kernel_select(level), &session) != ML_OK)
		abort();
	return session;
}

/* The probabilities as stored.h defines them, in floating point. */
static void
by_formula(unit_host *host, const model *m, const ml_text *row, double *probabilities)
{
	uint32_t	s = m->nlabels == 2 ? 1 : m->nlabels;
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_stored	stored;
	int			format;
	ml_vocabulary *vocabulary = calloc(1, ml_vocabulary_size(m->recipe.hash_bits));
	ml_packed  *rows;
	ml_packed_reader reader;
	ml_encoder *encoder;
	ml_features features;
	double		length = 0;
	double		sum = 0;
	double	   *logit = calloc(s, sizeof(double));

	if (ml_stored_open(&host->ctx, &arena, m->file.data, m->file.size, &file, &format) != ML_OK ||
		ml_stored_read(&host->ctx, &arena, &file, &stored) != ML_OK ||
		ml_vocabulary_read(&host->ctx, stored.gaps, stored.gaps_size, m->recipe.hash_bits,
						   stored.nfeatures, vocabulary) != ML_OK ||
		ml_encoder_open(&host->ctx, &m->recipe, vocabulary, &ml_kernel_ref, &encoder) != ML_OK ||
		ml_encoder_run(&host->ctx, encoder, row, &features) != ML_OK)
		abort();
	rows = calloc(stored.nfeatures + 1, sizeof(ml_packed));
	reader = (ml_packed_reader) {stored.weights, stored.weights_size, s};
	for (uint32_t i = 0; i < stored.nfeatures; i++)
		if (!ml_packed_read(&reader, &rows[i]))
			abort();
	for (size_t i = 0; i < features.n; i++)
	{
		uint32_t	id = ML_COUNTED_KEY(features.words[i]);
		double		count = ML_COUNTED_COUNT(features.words[i]);
		double		tf = m->recipe.sublinear_tf ? 1 + log(count) : count;
		double		idf = (double) stored.idf_levels[stored.idf_code[id]] / ML_IDF_ONE;
		const ml_packed *p = &rows[id];

		length += tf * tf * idf * idf;
		for (uint32_t k = 0; k < p->count; k++)
			logit[ml_packed_score(p, k)] += tf * ml_packed_weight(p, k);
	}
	length = !m->recipe.l2_norm || length == 0 ? 1 : sqrt(length);
	for (uint32_t c = 0; c < s; c++)
	{
		logit[c] = stored.slope[c] * (stored.bias[c] + stored.scale[c] * logit[c] / length) +
			stored.offset[c];
		sum += exp(logit[c]);
	}
	for (uint32_t c = 0; c < s; c++)
		probabilities[c] = exp(logit[c]) / sum;
	if (m->nlabels == 2)
	{
		probabilities[1] = 1 / (1 + exp(-logit[0]));
		probabilities[0] = 1 / (1 + exp(logit[0]));
	}
	ml_encoder_close(&host->ctx, encoder);
	ml_arena_free(&host->ctx, &arena);
	free(vocabulary);
	free(rows);
	free(logit);
}

static void
test_formula(unit_host *host, const model *m, const char *name)
{
	ml_session *session = open_session(host, m, ML_LEVEL_AUTO);
	double	   *got = malloc(NROWS * m->nlabels * sizeof(double));
	double	   *expected = malloc(m->nlabels * sizeof(double));
	uint32_t	labels[NROWS];
	double		worst = 0;
	double		worst_sum = 0;
	bool		best = true;

	unit_ok(ml_session_predict(&host->ctx, session, NROWS, (const ml_value *) inputs, labels, got) == ML_OK,
			"%s: predicts", name);
	for (size_t i = 0; i < NROWS; i++)
	{
		double	   *p = got + i * m->nlabels;
		double		sum = 0;

		by_formula(host, m, inputs + i * m->recipe.ncolumns, expected);
		for (uint32_t c = 0; c < m->nlabels; c++)
		{
			worst = fmax(worst, fabs(p[c] - expected[c]));
			best &= p[labels[i]] >= p[c];
			sum += p[c];
		}
		worst_sum = fmax(worst_sum, fabs(sum - 1));
	}
	/* tf is rounded to 1/64 */
	unit_ok(worst < (m->recipe.sublinear_tf ? 0.02 : 1e-12), "%s: as the formula has it (%g off)",
			name, worst);
	unit_ok(best, "%s: the label is the most probable one", name);
	unit_ok(worst_sum < 1e-14, "%s: probabilities sum to 1 (%g off)", name, worst_sum);
	ml_session_close(&host->ctx, session);
	free(got);
	free(expected);
}

/* Same bits: at every level, in every batch, in any order, warm or cold. */
static void
test_bits(unit_host *host, const model *m, const char *name)
{
	size_t		bytes = m->nlabels * sizeof(double);
	ml_session *first = open_session(host, m, ML_LEVEL_REF);
	char	   *expected = malloc(NROWS * bytes);
	char	   *got = malloc(NROWS * bytes);

	if (ml_session_predict(&host->ctx, first, NROWS, (const ml_value *) inputs, NULL, (double *) expected) != ML_OK)
		abort();
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		ml_session *session = open_session(host, m, level);
		bool		same = true;

		for (size_t batch = 1; batch <= NROWS; batch += 7)
		{
			for (size_t i = 0; i < NROWS; i += batch)
				if (ml_session_predict(&host->ctx, session, ML_MIN(batch, NROWS - i),
									   (const ml_value *) (inputs + i * m->recipe.ncolumns), NULL,
									   (double *) (got + i * bytes)) != ML_OK)
					abort();
			same &= memcmp(expected, got, NROWS * bytes) == 0;
		}
		for (size_t i = NROWS; i-- > 0;)
		{
			if (ml_session_predict(&host->ctx, session, 1, (const ml_value *) (inputs + i * m->recipe.ncolumns), NULL,
								   (double *) got) != ML_OK)
				abort();
			same &= memcmp(expected + i * bytes, got, bytes) == 0;
		}
		unit_ok(same, "%s: the same bits at %s, in any batch", name, ml_level_name(level));
		ml_session_close(&host->ctx, session);
	}
	ml_session_close(&host->ctx, first);
	free(expected);
	free(got);
}

static void
test_explain(unit_host *host, const model *m, const char *name)
{
	ml_session *session = open_session(host, m, ML_LEVEL_AUTO);
	double	   *p = malloc(m->nlabels * sizeof(double));
	double	   *logits = malloc(m->nlabels * sizeof(double));
	bool		adds_up = true;
	bool		ordered = true;
	bool		distinct = true;

	for (size_t i = 0; i < NROWS; i++)
	{
		const ml_text *row = inputs + i * m->recipe.ncolumns;
		const ml_contribution *parts;
		uint32_t	predicted;
		uint32_t	explained;
		size_t		n;

		if (ml_session_predict(&host->ctx, session, 1, (const ml_value *) row, &predicted, p) != ML_OK)
			abort();
		for (uint32_t c = 0; c < m->nlabels; c++)
		{
			if (ml_session_explain(&host->ctx, session, (const ml_value *) row, c, &explained, &parts, &n) != ML_OK)
				abort();
			logits[c] = 0;
			for (size_t k = 0; k < n; k++)
			{
				logits[c] += parts[k].contribution;
				ordered &= k < 2 || fabs(parts[k].contribution) <= fabs(parts[k - 1].contribution);
				distinct &= parts[k].feature.size > 0 && (k != 0) ==
					!ml_text_equal(parts[k].feature, ML_TEXT("(intercept)"));
				for (size_t j = 0; j < k; j++)
					distinct &= !ml_text_equal(parts[j].feature, parts[k].feature);
			}
			adds_up &= explained == c;
		}
		/* differences of logits are ratios of probabilities */
		for (uint32_t c = 1; c < m->nlabels; c++)
		{
			double		difference = m->nlabels == 2 ? logits[1] : logits[c] - logits[0];

			adds_up &= fabs(difference - log(p[c] / p[0])) <= 1e-9 * fmax(1, fabs(difference));
		}
		adds_up &= m->nlabels > 2 || logits[0] == -logits[1];
		if (ml_session_explain(&host->ctx, session, (const ml_value *) row, -1, &explained, &parts, &n) != ML_OK)
			abort();
		adds_up &= explained == predicted;
	}
	unit_ok(adds_up, "%s: explanations sum to the logit", name);
	unit_ok(ordered, "%s: largest first", name);
	unit_ok(distinct, "%s: the intercept first, every feature once", name);
	ml_session_close(&host->ctx, session);
	free(p);
	free(logits);
}

/* Some label's explanation names the feature (not each: weights can be 0). */
static bool
explains(unit_host *host, const model *m, const ml_text *row, const char *name)
{
	ml_session *session = open_session(host, m, ML_LEVEL_AUTO);
	const ml_contribution *parts;
	bool		found = false;
	uint32_t	explained;
	size_t		n;

	for (uint32_t c = 0; c < m->nlabels; c++)
	{
		if (ml_session_explain(&host->ctx, session, (const ml_value *) row, c, &explained, &parts, &n) != ML_OK)
			abort();
		for (size_t i = 0; i < n; i++)
			found |= ml_text_equal(parts[i].feature, unit_text(name));
	}
	ml_session_close(&host->ctx, session);
	return found;
}

static void
test_names(unit_host *host, const model *two, const model *one)
{
	ml_text		row[2] = {ML_TEXT("the lunch"), ML_TEXT("free A a, \xe4\xb8\x8d\xe5\xa4\xaa\xe5\xa5\xbd")};
	ml_session *session = open_session(host, one, ML_LEVEL_AUTO);
	const ml_contribution *parts;
	const ml_text *tokens;
	uint32_t	label;
	size_t		n;

	unit_ok(explains(host, two, row, "subject: lunch") && explains(host, two, row, "body: a"),
			"names say their column, folded");
	unit_ok(!explains(host, two, row, "subject: a") && !explains(host, two, row, "a"),
			"and only where they are");
	unit_ok(explains(host, one, row + 1, "a") && explains(host, one, row + 1, "\xe4\xb8\x8d\xe5\xa4\xaa"),
			"one column needs no name");
	unit_ok(explains(host, one, row + 1, "fr-") && explains(host, one, row + 1, "-ee"),
			"pieces of words");
	unit_fails(host, ml_session_explain(&host->ctx, session, (const ml_value *) row, one->nlabels, &label, &parts, &n),
			   ML_BAD_INPUT, "no label", "explain a label that is not there");
	ml_session_tokenize(session, row[1]);
	if (ml_session_tokens(&host->ctx, session, &tokens, &n) != ML_OK)
		abort();
	unit_is_int(n, 6, "tokens");
	unit_is_text(tokens[1], "a", "a token is a folded word");
	unit_is_text(tokens[3], "\xe4\xb8\x8d", "or a character");
	unit_ok(ml_session_tokens(&host->ctx, session, &tokens, &n) == ML_OK && n == 0, "and no more");
	ml_session_tokenize(session, ML_TEXT(""));
	unit_ok(ml_session_tokens(&host->ctx, session, &tokens, &n) == ML_OK && n == 0,
			"no tokens in nothing");
	ml_session_close(&host->ctx, session);
}

static void
test_edges(unit_host *host, const model *m)
{
	ml_session *session = open_session(host, m, ML_LEVEL_AUTO);
	double		empty[3];
	double		got[3];
	ml_text		input = ML_TEXT("");
	const ml_text *tokens;
	const ml_contribution *parts;
	size_t		size = 3000000;
	char	   *large = malloc(size);
	uint32_t	label;
	size_t		n;

	unit_ok(ml_session_predict(&host->ctx, session, 0, NULL, NULL, NULL) == ML_OK, "an empty batch");
	unit_ok(ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, &label, empty) == ML_OK, "an empty text");
	input = ML_TEXT("qqqqq zzzzz");
	unit_ok(ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, NULL, got) == ML_OK &&
			memcmp(empty, got, sizeof(got)) == 0, "nothing known: as an empty text");
	unit_ok(ml_session_explain(&host->ctx, session, (const ml_value *) &input, 1, &label, &parts, &n) == ML_OK && n == 1,
			"nothing known: the intercept alone");
	input = (ml_text) {NULL, 0};
	unit_ok(ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, NULL, got) == ML_OK &&
			memcmp(empty, got, sizeof(got)) == 0, "no text: as an empty text");

	input = ML_TEXT("money \xff money");
	unit_fails(host, ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, &label, got), ML_BAD_TEXT, "",
			   "not UTF-8");
	ml_session_tokenize(session, input);
	unit_fails(host, ml_session_tokens(&host->ctx, session, &tokens, &n), ML_BAD_TEXT, "",
			   "not UTF-8: tokens");
	for (size_t i = 0; i < size; i++)
		large[i] = "money free lunch "[i % 17];
	input = (ml_text) {large, size};
	unit_ok(ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, &label, got) == ML_OK &&
			fabs(got[0] + got[1] + got[2] - 1) < 1e-12, "a large text");
	host->cancel_at = host->polls + 3;
	unit_fails(host, ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, &label, got), ML_CANCELLED, "",
			   "cancelled in a large text");
	host->cancel_at = 0;
	input = ML_TEXT("");
	unit_ok(ml_session_predict(&host->ctx, session, 1, (const ml_value *) &input, &label, got) == ML_OK &&
			memcmp(empty, got, sizeof(got)) == 0, "goes on after all this");
	free(large);
	ml_session_close(&host->ctx, session);
}

int
main(void)
{
	static const uint32_t nlabels[] = {2, 3, 4, 5, 58, 300};
	unit_host	host;
	model		m[ML_LENGTH(nlabels)];
	model		plain;
	model		one;
	model		many;

	unit_open(&host);
	make_inputs();
	for (size_t i = 0; i < ML_LENGTH(nlabels); i++)
	{
		char		name[32];

		snprintf(name, sizeof(name), "%u labels", nlabels[i]);
		open_model(&host, &m[i], recipe_of(2, true, i % 2 == 0), nlabels[i]);
		test_formula(&host, &m[i], name);
		test_bits(&host, &m[i], name);
		if (nlabels[i] < 58)
			test_explain(&host, &m[i], name);
	}
	open_model(&host, &plain, recipe_of(2, false, false), 3);
	test_formula(&host, &plain, "no norm");
	test_explain(&host, &plain, "no norm");
	open_model(&host, &one, recipe_of(1, true, true), 3);
	open_model(&host, &many, recipe_of(1, true, true), 58);
	test_names(&host, &m[4], &many);
	test_edges(&host, &one);
	for (size_t i = 0; i < ML_LENGTH(nlabels); i++)
		close_model(&host, &m[i]);
	close_model(&host, &plain);
	close_model(&host, &one);
	close_model(&host, &many);
	unit_close(&host, "predict");
	return unit_done();
}
