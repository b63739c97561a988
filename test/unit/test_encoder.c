/*-------------------------------------------------------------------------
 *
 * test_encoder.c
 *	  Features of examples against a slow encoder that goes by the definition.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "feature/encoder.h"
#include "feature/pieces.h"
#include "feature/seen.h"

#define HASH_BITS	16

typedef struct slow
{
	const ml_recipe *recipe;
	uint32_t	column;
	char		folded[4096][64];
	ml_word		words[4096];
	size_t		nwords;
	uint32_t	buckets[1 << 20];
	size_t		nbuckets;
} slow;

static void
leave(slow *s, uint64_t hash)
{
	s->buckets[s->nbuckets++] = (uint32_t) (hash >> (64 - s->recipe->hash_bits));
}

/* The n words that end with word i, if they are an n-gram of this kind. */
static void
leave_ngram(slow *s, size_t i, int n, bool script)
{
	uint64_t	seed = ml_hash_join(script ? 2 : 1, s->column);
	uint64_t	hash = 0;

	if (i + 1 < (size_t) n)
		return;
	for (size_t k = i + 1 - n; k <= i; k++)
	{
		uint64_t	part = ml_hash(s->folded[k], s->words[k].size, seed);
		bool		first = k == i + 1 - n;

		if ((s->words[k].kind == ML_WORD_CHARACTER) != script ||
			(script && !first && !s->words[k].adjacent))
			return;
		hash = first ? part : ml_hash_join(hash, part);
	}
	leave(s, hash);
}

static void
leave_pieces(slow *s, size_t i)
{
	char		framed[80];
	int			size = snprintf(framed, sizeof(framed), " %.*s ", (int) s->words[i].size, s->folded[i]);
	const int  *range = s->recipe->char_ngrams;

	for (int start = 0; start < size; start++)
	{
		int			end = start;

		if ((framed[start] & 0xC0) == 0x80)
			continue;
		for (int n = 1; n <= range[1] && end < size; n++)
		{
			for (end++; end < size && (framed[end] & 0xC0) == 0x80; end++)
				;
			if (n >= range[0])
				leave(s, ml_hash(framed + start, end - start, ml_hash_join(3, s->column)));
		}
	}
}

static void
slow_encode(unit_host *host, slow *s, ml_words *words, const ml_text *inputs)
{
	s->nbuckets = 0;
	for (s->column = 0; s->column < s->recipe->ncolumns; s->column++)
	{
		size_t		n;

		s->nwords = 0;
		ml_words_begin(words, inputs[s->column]);
		while (ml_words_next(&host->ctx, words, s->words + s->nwords, 16, &n) == ML_OK && n > 0)
			for (; n > 0; n--, s->nwords++)
				memcpy(s->folded[s->nwords], s->words[s->nwords].folded,
					   s->words[s->nwords].size);
		for (size_t i = 0; i < s->nwords; i++)
		{
			ml_word_kind kind = s->words[i].kind;

			for (int n = s->recipe->word_ngrams[0]; n > 0 && n <= s->recipe->word_ngrams[1]; n++)
				leave_ngram(s, i, n, false);
			for (int n = s->recipe->script_ngrams[0]; n > 0 && n <= s->recipe->script_ngrams[1]; n++)
				leave_ngram(s, i, n, true);
			if (s->recipe->char_ngrams[1] > 0 &&
				(kind == ML_WORD_ALPHABETIC || kind == ML_WORD_NUMBER))
				leave_pieces(s, i);
		}
	}
}

static int
ascending(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

/* The same keys, as often; keys come once each. */
static bool
same(slow *s, const ml_vocabulary *vocabulary, const ml_features *features)
{
	static uint32_t expected[1 << 20];
	static uint32_t got[1 << 20];
	size_t		nexpected = 0;
	size_t		ngot = 0;

	for (size_t i = 0; i < s->nbuckets; i++)
	{
		uint32_t	key = vocabulary == NULL ? s->buckets[i] :
			ml_vocabulary_find(vocabulary, s->buckets[i]);

		if (key != ML_NO_FEATURE)
			expected[nexpected++] = key;
	}
	for (size_t i = 0; i < features->n; i++)
		for (uint32_t k = 0; k < ML_COUNTED_COUNT(features->words[i]); k++)
			got[ngot++] = ML_COUNTED_KEY(features->words[i]);
	qsort(expected, nexpected, sizeof(uint32_t), ascending);
	qsort(got, ngot, sizeof(uint32_t), ascending);
	for (size_t i = 0; i < features->n; i++)
		for (size_t k = 0; k < i && features->n < 300; k++)
			if (ML_COUNTED_KEY(features->words[i] ^ features->words[k]) == 0)
				return false;
	return nexpected == ngot && memcmp(expected, got, ngot * sizeof(uint32_t)) == 0;
}

/* What ml_encoder_find gives, as features with all their counts. */
static ml_features
as_features(const ml_occurrences *found)
{
	static uint32_t words[1 << 16];

	for (size_t i = 0; i < found->n; i++)
	{
		uint32_t	count = 1;

		for (size_t k = 0; k < found->nagain; k++)
			if (ML_COUNTED_KEY(found->again[k]) == found->ids[i])
				count += ML_COUNTED_COUNT(found->again[k]);
		words[i] = count << ML_COUNTED_KEY_BITS | found->ids[i];
	}
	return (ml_features) {found->n, words};
}

static const char *const texts[] = {
	"", "a", "A a A", "The quick brown fox, the lazy dog", "don't stop 3.14 times, e-mail me@example.org",
	"Stra\xc3\x9f" "e und \xc3\x9c" "ber-Gr\xc3\xb6\xc3\x9f" "e na\xc3\xafve",
	"\xe8\xbf\x99\xe4\xb8\xaa\xe9\x85\x92\xe5\xba\x97\xe5\xbe\x88\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x8d\xe5\xa4\xaa\xe5\xa5\xbd",
	"iPhone\xe5\xbe\x88\xe5\xa5\xbd nice\xe5\xa5\xbd\xe5\xa5\xbd :-) :) !!! \xf0\x9f\x98\x80 \xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	"\xce\x91\xce\xbb\xcf\x86\xce\xb1 \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 exactlyfourteen exactlyfourtee extraordinarily",
	"the the the the and and and of of to", "x1 2y 33 4.4.4", "zz \xe0\xb8\x81\xe0\xb8\xb2\xe0\xb8\xa3 zz",
};

/* Text i and its reverse order of words, so that columns differ. */
static void
compare_all(unit_host *host, const ml_recipe *recipe, const ml_vocabulary *vocabulary,
			ml_level level, const char *name)
{
	static slow s;
	ml_encoder *encoder;
	ml_words   *words;
	bool		as_run = true;
	bool		as_find = true;
	bool		as_trace = true;
	bool		named = true;
	const ml_kernel *kernel = ml_kernel_select(level);

	s.recipe = recipe;
	if (ml_encoder_open(&host->ctx, recipe, vocabulary, kernel, &encoder) != ML_OK ||
		ml_words_open(&host->ctx, kernel, &words) != ML_OK)
		abort();
	for (int round = 0; round < 2; round++) /* the second one meets a warm cache */
		for (size_t i = 0; i < ML_LENGTH(texts); i++)
		{
			size_t		other = (i * 7 + 3) % ML_LENGTH(texts);
			ml_text		inputs[2] = {unit_text(texts[i]), unit_text(texts[other])};
			ml_features features;
			const ml_origin *origins;
			size_t		norigins;

			if (i == 3)
				inputs[1] = (ml_text) {NULL, 0};
			slow_encode(host, &s, words, inputs);
			as_run &= ml_encoder_run(&host->ctx, encoder, inputs, &features) == ML_OK &&
				same(&s, vocabulary, &features);
			if (vocabulary != NULL)
			{
				ml_occurrences found;

				as_find &= ml_encoder_find(&host->ctx, encoder, inputs, &found) == ML_OK;
				features = as_features(&found);
				as_find &= same(&s, vocabulary, &features);
			}
			as_trace &= ml_encoder_trace(&host->ctx, encoder, inputs, &features,
										 &origins, &norigins) == ML_OK &&
				same(&s, vocabulary, &features);
			named &= norigins >= features.n;
			for (size_t k = 0; k < norigins; k++)
				named &= origins[k].feature < features.n && origins[k].text.size > 0 &&
					origins[k].column < recipe->ncolumns;
		}
	unit_ok(as_run, "%s, %s: as defined", name, ml_level_name(level));
	unit_ok(as_find, "%s, %s: finds what is known", name, ml_level_name(level));
	unit_ok(as_trace, "%s, %s: a trace gives the same", name, ml_level_name(level));
	unit_ok(named, "%s, %s: every feature has a name", name, ml_level_name(level));
	ml_words_close(&host->ctx, words);
	ml_encoder_close(&host->ctx, encoder);
}

static const ml_text columns[] = {{"a", 1}, {"b", 1}};

static ml_recipe
recipe_of(int w0, int w1, int c0, int c1, int s0, int s1, uint32_t ncolumns)
{
	return (ml_recipe)
	{
		.ncolumns = ncolumns,.columns = (ml_text *) columns,
			.word_ngrams = {w0, w1},.char_ngrams = {c0, c1},.script_ngrams = {s0, s1},
			.hash_bits = HASH_BITS,.min_df = 1,.unicode = ML_TEXT("")
	};
}

static void
test_recipes(unit_host *host)
{
	ml_recipe	recipes[] = {
		recipe_of(1, 2, 0, 0, 1, 3, 1), recipe_of(1, 2, 2, 5, 1, 2, 1), recipe_of(0, 0, 1, 8, 0, 0, 1),
		recipe_of(2, 3, 3, 3, 2, 4, 2), recipe_of(1, 8, 8, 8, 1, 8, 2), recipe_of(0, 0, 0, 0, 1, 1, 2),
		recipe_of(1, 1, 1, 1, 0, 0, 2)
	};
	ml_vocabulary *vocabulary = calloc(1, ml_vocabulary_size(HASH_BITS));
	ml_rng		rng;

	ml_rng_seed(&rng, 3);
	vocabulary->hash_bits = HASH_BITS;
	for (uint32_t i = 0; i < (1 << HASH_BITS) / 64; i++)
		vocabulary->blocks[i].bits = ml_rng_next(&rng) | ml_rng_next(&rng);
	ml_vocabulary_rank(vocabulary);
	for (size_t i = 0; i < ML_LENGTH(recipes); i++)
		for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		{
			char		name[64];

			snprintf(name, sizeof(name), "recipe %zu", i);
			compare_all(host, &recipes[i], NULL, level, name);
			snprintf(name, sizeof(name), "recipe %zu with a vocabulary", i);
			compare_all(host, &recipes[i], vocabulary, level, name);
		}
	free(vocabulary);
}

static bool
has_origin(const ml_origin *origins, size_t n, uint32_t column, const char *name)
{
	int			times = 0;

	for (size_t i = 0; i < n; i++)
		times += origins[i].column == column && ml_text_equal(origins[i].text, unit_text(name));
	if (times != 1)
		unit_note("\"%s\" comes %d times", name, times);
	return times == 1;
}

static void
test_names(unit_host *host)
{
	ml_recipe	recipe = recipe_of(1, 2, 2, 4, 1, 2, 2);
	ml_text		inputs[2] = {ML_TEXT("Going, going GONE"), ML_TEXT("gone \xe4\xb8\x8d\xe5\xa5\xbd \xe5\xa4\xaa")};
	const ml_origin *origins;
	ml_features features;
	ml_encoder *encoder;
	size_t		n;

	if (ml_encoder_open(&host->ctx, &recipe, NULL, ml_kernel_select(ML_LEVEL_AUTO), &encoder) != ML_OK ||
		ml_encoder_trace(&host->ctx, encoder, inputs, &features, &origins, &n) != ML_OK)
		abort();
	unit_ok(has_origin(origins, n, 0, "going") && has_origin(origins, n, 0, "gone") &&
			has_origin(origins, n, 1, "gone"), "words, by column");
	unit_ok(has_origin(origins, n, 0, "going going") && has_origin(origins, n, 0, "going gone"),
			"pairs of words, over punctuation");
	unit_ok(has_origin(origins, n, 0, "go-") && has_origin(origins, n, 0, "-ing") &&
			has_origin(origins, n, 0, "-oin-"), "pieces: beginning, end, middle");
	unit_ok(has_origin(origins, n, 1, "\xe4\xb8\x8d\xe5\xa5\xbd") && has_origin(origins, n, 1, "\xe5\xa4\xaa"),
			"script characters");
	ml_encoder_close(&host->ctx, encoder);
}

/* ml_seen against counting by sorting; sizes that make it grow and shrink. */
static void
test_seen(unit_host *host)
{
	static uint32_t keys[1 << 16];
	static uint32_t totals[1 << 15];
	ml_seen		seen = {0};
	ml_rng		rng;
	bool		right = true;

	ml_rng_seed(&rng, 11);
	for (int round = 0; round < 20; round++)
	{
		size_t		n = round % 5 == 4 ? ML_LENGTH(keys) : ml_rng_below(&rng, 500);
		uint32_t	range = 1 + (uint32_t) ml_rng_below(&rng, ML_LENGTH(totals));
		size_t		sum = 0;

		memset(totals, 0, sizeof(totals));
		right &= ml_seen_begin(&host->ctx, &seen, n / 8) == ML_OK;
		for (size_t i = 0; i < n; i++)
		{
			keys[i] = (uint32_t) ml_rng_below(&rng, range);
			totals[keys[i]]++;
		}
		for (size_t i = 0, batch; i < n; i += batch)
		{
			batch = 1 + ml_rng_below(&rng, 500);
			batch = ML_MIN(n - i, batch);
			right &= ml_seen_reserve(&host->ctx, &seen, batch + 1) == ML_OK;
			ml_seen_add(&seen, keys + i, batch);
			totals[keys[i]]++;
			right &= ML_COUNTED_KEY(seen.words[ml_seen_add(&seen, &keys[i], 1)]) == keys[i];
		}
		for (size_t i = 0; i < seen.n; i++)
		{
			uint32_t	total = totals[ML_COUNTED_KEY(seen.words[i])];

			right &= ML_COUNTED_COUNT(seen.words[i]) == ML_MIN(total, ML_COUNTED_MAX);
			sum += total;
		}
		right &= sum >= n;
	}
	unit_ok(right, "distinct keys are counted");
	ml_seen_free(&host->ctx, &seen);
}

/* More words than the cache holds, some of one hash slot: never a wrong hit. */
static void
test_cache(unit_host *host)
{
	ml_piece_cache *cache;
	char		bytes[64] = {0};
	bool		right = true;
	size_t		hits = 0;

	if (ml_piece_cache_open(&host->ctx, &cache) != ML_OK)
		abort();
	for (uint32_t i = 0; i < 40000; i++)
	{
		uint32_t	number = i * 17 % 9000;
		uint32_t	column = number % 3;
		size_t		count = number % 40;
		/* a bad hash: words of the same one must still be told apart */
		uint64_t	hash = ml_hash_join(number / 2, 5);
		ml_word		word = {.folded = bytes + 16};
		uint32_t	expected[40];
		const uint32_t *found;
		size_t		n;

		word.size = (uint32_t) snprintf(bytes + 16, 32, "w%u", number);
		for (size_t k = 0; k < count; k++)
			expected[k] = number * 40 + (uint32_t) k;
		found = ml_piece_cache_find(cache, hash, column, &word, &n);
		hits += found != NULL;
		if (found == NULL)
		{
			ml_piece_cache_store(cache, hash, column, &word, expected, count);
			found = ml_piece_cache_find(cache, hash, column, &word, &n);
		}
		right &= found != NULL && n == count && memcmp(found, expected, n * sizeof(uint32_t)) == 0;
		right &= ml_piece_cache_find(cache, hash, column + 1, &word, &n) == NULL;
	}
	unit_ok(right, "the cache of words gives back what was stored (%zu hits)", hits);
	ml_release(&host->ctx, cache);
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	ml_recipe	recipe = recipe_of(1, 2, 2, 5, 1, 2, 1);
	const ml_text *input = argument;
	const ml_origin *origins;
	ml_features features;
	ml_encoder *encoder;
	size_t		n;
	ml_status	status;

	ML_TRY(ml_encoder_open(ctx, &recipe, NULL, ml_kernel_select(ML_LEVEL_AUTO), &encoder));
	status = ml_encoder_run(ctx, encoder, input, &features);
	if (status == ML_OK)
		status = ml_encoder_trace(ctx, encoder, input, &features, &origins, &n);
	ml_encoder_close(ctx, encoder);
	return status;
}

static void
test_failures(unit_host *host)
{
	static char many[200000];
	ml_text		input = {many, 0};
	ml_rng		rng;

	ml_rng_seed(&rng, 2);
	while (input.size < sizeof(many) - 16)
		input.size += (size_t) sprintf(many + input.size, "%llx ",
									   (unsigned long long) ml_rng_next(&rng) >> 40);
	unit_every_allocation_fails("encode", scenario, &input);
	unit_every_poll_cancels("encode", scenario, &input);
	input = ML_TEXT("fine so far \xff");
	unit_fails(host, scenario(&host->ctx, &input), ML_BAD_TEXT, "", "bytes that are not UTF-8");
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_recipes(&host);
	test_names(&host);
	test_seen(&host);
	test_cache(&host);
	test_failures(&host);
	unit_close(&host, "encoder");
	return unit_done();
}
