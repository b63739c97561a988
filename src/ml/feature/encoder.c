/*-------------------------------------------------------------------------
 *
 * encoder.c
 *	  One example -> distinct features and their counts.
 *
 * Words come in batches.  Each word extends the chain of hashes (one per
 * length of n-gram) and leaves buckets behind; with a vocabulary their cache
 * lines are prefetched, and after the batch they are looked up together.
 * What a word has by itself (its unigram and its character n-grams) doesn't
 * depend on its neighbours, so recipes with character n-grams keep it in a
 * cache by word.
 *
 * Tracing takes the same way except that it bypasses the cache and looks
 * every feature up at once, to note where it came from.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/encoder.h"

#include "feature/known.h"
#include "feature/pieces.h"
#include "feature/trace.h"

#define BATCH			64
#define PENDING			(BATCH * ML_NGRAM_MAX)

typedef enum feature_kind
{
	KIND_WORD,
	KIND_SCRIPT,
	KIND_PIECE,
	KIND_COUNT
} feature_kind;

/* Hashes of the n-grams that end with the last word, by length. */
typedef struct chain
{
	const int  *range;
	int			length;			/* parts so far, at most ML_NGRAM_MAX */
	uint64_t	hash[ML_NGRAM_MAX + 1];
} chain;

struct ml_encoder
{
	const ml_recipe *recipe;
	const ml_vocabulary *vocabulary;
	const ml_kernel *kernel;
	ml_words   *words;
	uint64_t   *seeds;			/* [ncolumns][KIND_COUNT] */
	int			shift;			/* hash -> bucket */
	int			density;		/* distinct keys per 16 bytes of text, roughly */
	bool		pieces;
	ml_piece_cache *cache;		/* where pieces */
	ml_framed  *framed;			/* where pieces */
	ml_marks   *marks;			/* or NULL */
	bool		finding;		/* into known, not into seen */
	ml_seen		seen;
	ml_known	known;			/* opened where there is a vocabulary */
	uint32_t	npending;
	uint32_t	pending[PENDING + 1];	/* buckets not yet looked up */
	uint32_t	column;			/* the one under way */
	chain		word_chain;
	chain		script_chain;
	ml_trace   *trace;			/* NULL until the first trace */
	bool		tracing;
	ml_word		batch[BATCH];
};

static int
range_width(const int *range)
{
	return range[1] == 0 ? 0 : range[1] - range[0] + 1;
}

static ml_status
encoder_init(ml_context *ctx, ml_encoder *encoder)
{
	const ml_recipe *recipe = encoder->recipe;
	int			by_words = 3 * range_width(recipe->word_ngrams) +
		16 * range_width(recipe->char_ngrams);

	encoder->word_chain.range = recipe->word_ngrams;
	encoder->script_chain.range = recipe->script_ngrams;
	encoder->shift = 64 - recipe->hash_bits;
	encoder->density = ML_MAX(by_words, 5 * range_width(recipe->script_ngrams));
	encoder->pieces = recipe->char_ngrams[1] > 0;
	ML_TRY(ml_words_open(ctx, encoder->kernel, &encoder->words));
	ML_TRY(ml_alloc(ctx, ml_size_mul(recipe->ncolumns, KIND_COUNT * sizeof(uint64_t)),
					(void **) &encoder->seeds));
	for (uint32_t i = 0; i < recipe->ncolumns * KIND_COUNT; i++)
		encoder->seeds[i] = ml_hash_join(1 + i % KIND_COUNT, i / KIND_COUNT);
	if (encoder->vocabulary != NULL)
		ML_TRY(ml_known_open(ctx, &encoder->known, encoder->vocabulary->nfeatures));
	if (!encoder->pieces)
		return ML_OK;
	ML_TRY(ml_alloc(ctx, sizeof(ml_framed), (void **) &encoder->framed));
	return ml_piece_cache_open(ctx, &encoder->cache);
}

ml_status
ml_encoder_open(ml_context *ctx, const ml_recipe *recipe, const ml_vocabulary *vocabulary,
				const ml_kernel *kernel, ml_encoder **result)
{
	ml_encoder *encoder;
	ml_status	status;

	*result = NULL;
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_encoder), (void **) &encoder));
	encoder->recipe = recipe;
	encoder->vocabulary = vocabulary;
	encoder->kernel = kernel;
	status = encoder_init(ctx, encoder);
	if (status != ML_OK)
		ml_encoder_close(ctx, encoder);
	else
		*result = encoder;
	return status;
}

void
ml_encoder_close(ml_context *ctx, ml_encoder *encoder)
{
	if (encoder == NULL)
		return;
	if (encoder->words != NULL)
		ml_words_close(ctx, encoder->words);
	ml_seen_free(ctx, &encoder->seen);
	ml_known_close(ctx, &encoder->known);
	ml_trace_close(ctx, encoder->trace);
	ml_release(ctx, encoder->cache);
	ml_release(ctx, encoder->framed);
	ml_release(ctx, encoder->seeds);
	ml_release(ctx, encoder);
}

void
ml_encoder_mark(ml_encoder *encoder, ml_marks *marks)
{
	encoder->marks = marks;
}

static inline void
mark_pieces(ml_encoder *encoder, const uint32_t *buckets, size_t n)
{
	if (encoder->marks != NULL && encoder->marks->pieces != NULL)
		for (size_t i = 0; i < n; i++)
			encoder->marks->pieces[buckets[i] >> 6] |= UINT64_C(1) << (buckets[i] & 63);
}

/* Mark the n-grams that end at the script character which came last. */
static void
mark_script(ml_encoder *encoder)
{
	const chain *c = &encoder->script_chain;

	if (encoder->marks->scripts == NULL)
		return;
	encoder->marks->script = true;
	for (int n = ML_MAX(c->range[0], 1); n <= c->length; n++)
	{
		uint32_t	bucket = (uint32_t) (c->hash[n] >> encoder->shift);

		encoder->marks->scripts[bucket >> 6] |= UINT64_C(1) << (bucket & 63);
	}
}

ml_words *
ml_encoder_words(ml_encoder *encoder)
{
	return encoder->words;
}

/*
 * Turn n buckets into keys, in place: with a vocabulary the ids of those that
 * it knows.  Returns how many are left.
 */
static size_t
look_up(const ml_encoder *encoder, uint32_t *keys, size_t n)
{
	if (encoder->vocabulary == NULL)
		return n;
	return encoder->kernel->bucket_map(keys, n, encoder->vocabulary->blocks);
}

static ml_status
count_keys(ml_context *ctx, ml_encoder *encoder, const uint32_t *keys, size_t n)
{
	if (encoder->finding)
		return ml_known_add(ctx, &encoder->known, keys, n);
	ML_TRY(ml_seen_reserve(ctx, &encoder->seen, n));
	ml_seen_add(&encoder->seen, keys, n);
	return ML_OK;
}

static ml_status
flush(ml_context *ctx, ml_encoder *encoder)
{
	size_t		n = look_up(encoder, encoder->pending, encoder->npending);

	encoder->npending = 0;
	return count_keys(ctx, encoder, encoder->pending, n);
}

/* Count one feature at once and note its origin. */
static ml_status
trace_feature(ml_context *ctx, ml_encoder *encoder, uint64_t hash, ml_text name)
{
	uint32_t	key = (uint32_t) (hash >> encoder->shift);

	if (look_up(encoder, &key, 1) == 0)
		return ML_OK;
	ML_TRY(ml_seen_reserve(ctx, &encoder->seen, 1));
	return ml_trace_note(ctx, encoder->trace, ml_seen_add(&encoder->seen, &key, 1),
						 encoder->column, name);
}

/*
 * Extend a chain by one part.  The n-grams that end with it have lengths from
 * range[0] to the result.
 */
static inline int
extend(chain *c, uint64_t hash)
{
	int			length = ML_MIN(c->length + 1, c->range[1]);

	for (int n = length; n > 1; n--)
		c->hash[n] = ml_hash_join(c->hash[n - 1], hash);
	c->hash[1] = hash;
	c->length = length;
	return length;
}

/* Leave the bucket of a feature, if it counts; nothing branches on that. */
static inline void
leave(ml_encoder *encoder, uint64_t hash, bool counts)
{
	uint32_t	bucket = (uint32_t) (hash >> encoder->shift);

	if (encoder->vocabulary != NULL)
		__builtin_prefetch(&encoder->vocabulary->blocks[bucket >> 6]);
	encoder->pending[encoder->npending] = bucket;
	encoder->npending += counts;
}

/* Extend, and leave the buckets of n-grams of "least" parts or more. */
static inline void
extend_and_leave(ml_encoder *encoder, chain *c, uint64_t hash, int least)
{
	int			length;

	if (ML_LIKELY(c->range[1] <= 2))
	{
		leave(encoder, hash, c->range[1] > 0 && ML_MAX(c->range[0], least) == 1);
		if (c->range[1] == 2)
		{
			c->hash[2] = ml_hash_join(c->hash[1], hash);
			leave(encoder, c->hash[2], c->length > 0);
		}
		c->hash[1] = hash;
		c->length = ML_MIN(c->length + 1, c->range[1]);
		return;
	}
	length = extend(c, hash);
	for (int n = ML_MAX(c->range[0], least); n <= length; n++)
		leave(encoder, c->hash[n], true);
}

static ml_status
extend_and_trace(ml_context *ctx, ml_encoder *encoder, chain *c, uint64_t hash,
				 ml_text separator)
{
	int			length = extend(c, hash);

	for (int n = ML_MAX(c->range[0], 1); n <= length; n++)
		ML_TRY(trace_feature(ctx, encoder, c->hash[n],
							 ml_trace_join(encoder->trace, n, separator)));
	return ML_OK;
}

/* Count n buckets now; those that are known are left in keys, *known of them. */
static ml_status
count_buckets(ml_context *ctx, ml_encoder *encoder, uint32_t *keys, size_t n, size_t *known)
{
	if (encoder->vocabulary != NULL)
		for (size_t i = 0; i < n; i++)
			__builtin_prefetch(&encoder->vocabulary->blocks[keys[i] >> 6]);
	*known = look_up(encoder, keys, n);
	return count_keys(ctx, encoder, keys, *known);
}

/* Character n-grams of a long word or one outside ASCII. */
static ml_status
framed_pieces(ml_context *ctx, ml_encoder *encoder, const ml_word *word, uint64_t seed)
{
	const int  *range = encoder->recipe->char_ngrams;
	ml_framed  *framed = encoder->framed;

	ml_pieces_frame(word, framed);
	for (uint32_t i = 0; i < framed->nchars; i++)
	{
		int			last = (int) ML_MIN((uint32_t) range[1], framed->nchars - i);
		uint32_t	keys[ML_NGRAM_MAX];
		size_t		count = 0;

		for (int n = range[0]; n <= last; n++)
		{
			uint64_t	hash = ml_pieces_hash(framed, i, (uint32_t) n, seed);

			if (encoder->tracing)
				ML_TRY(trace_feature(ctx, encoder, hash,
									 ml_trace_piece(encoder->trace, framed, i, (uint32_t) n)));
			else
				keys[count++] = (uint32_t) (hash >> encoder->shift);
		}
		mark_pieces(encoder, keys, count);
		ML_TRY(count_buckets(ctx, encoder, keys, count, &count));
	}
	return ML_OK;
}

/* Count what a word has by itself: its unigram and its character n-grams. */
static ml_status
word_alone(ml_context *ctx, ml_encoder *encoder, const ml_word *word, uint64_t hash)
{
	uint64_t	seed = encoder->seeds[encoder->column * KIND_COUNT + KIND_PIECE];
	bool		unigram = encoder->recipe->word_ngrams[0] == 1;
	uint32_t	keys[1 + ML_PIECES_MAX];
	const uint32_t *cached;
	size_t		n;
	bool		taken;

	cached = ml_piece_cache_find(encoder->cache, hash, encoder->column, word, &n);
	if (cached != NULL)
		return count_keys(ctx, encoder, cached, n);
	keys[0] = (uint32_t) (hash >> encoder->shift);
	n = ml_pieces_short(word, encoder->recipe->char_ngrams, seed, encoder->shift,
						keys + unigram, &taken);
	mark_pieces(encoder, keys + unigram, n);
	ML_TRY(count_buckets(ctx, encoder, keys, n + unigram, &n));
	if (!taken)
		return framed_pieces(ctx, encoder, word, seed);
	ml_piece_cache_store(encoder->cache, hash, encoder->column, word, keys, n);
	return ML_OK;
}

static inline uint64_t
hash_word(const ml_encoder *encoder, const ml_word *word)
{
	feature_kind kind = word->kind == ML_WORD_CHARACTER ? KIND_SCRIPT : KIND_WORD;

	return ml_hash_padded(word->folded, word->size,
						  encoder->seeds[encoder->column * KIND_COUNT + kind]);
}

/* Break what the word does not continue; the chain that it does. */
static inline chain *
choose_chain(ml_encoder *encoder, const ml_word *word)
{
	if (word->kind != ML_WORD_CHARACTER)
	{
		encoder->script_chain.length = 0;
		return &encoder->word_chain;
	}
	if (!word->adjacent)
		encoder->script_chain.length = 0;
	encoder->word_chain.length = 0;
	return &encoder->script_chain;
}

static inline bool
has_pieces(const ml_encoder *encoder, const ml_word *word)
{
	return encoder->pieces &&
		(word->kind == ML_WORD_ALPHABETIC || word->kind == ML_WORD_NUMBER);
}

static inline ml_status
take_word(ml_context *ctx, ml_encoder *encoder, const ml_word *word)
{
	uint64_t	hash = hash_word(encoder, word);
	chain	   *c = choose_chain(encoder, word);
	bool		pieces = has_pieces(encoder, word);

	if (pieces)
		ML_TRY(word_alone(ctx, encoder, word, hash));
	extend_and_leave(encoder, c, hash, pieces ? 2 : 1);
	if (encoder->marks != NULL && word->kind == ML_WORD_CHARACTER)
		mark_script(encoder);
	return ML_OK;
}

static ml_status
trace_word(ml_context *ctx, ml_encoder *encoder, const ml_word *word)
{
	chain	   *c = choose_chain(encoder, word);
	ml_text		separator = word->kind == ML_WORD_CHARACTER ? ML_TEXT("") : ML_TEXT(" ");

	ml_trace_word(encoder->trace, word);
	ML_TRY(extend_and_trace(ctx, encoder, c, hash_word(encoder, word), separator));
	if (!has_pieces(encoder, word))
		return ML_OK;
	return framed_pieces(ctx, encoder, word,
						 encoder->seeds[encoder->column * KIND_COUNT + KIND_PIECE]);
}

static ml_status
encode_column(ml_context *ctx, ml_encoder *encoder, ml_text text)
{
	encoder->word_chain.length = 0;
	encoder->script_chain.length = 0;
	ml_words_begin(encoder->words, text);
	for (;;)
	{
		size_t		n;

		ML_TRY(ml_words_next(ctx, encoder->words, encoder->batch, BATCH, &n));
		if (n == 0)
			return ML_OK;
		for (size_t i = 0; i < n && encoder->tracing; i++)
			ML_TRY(trace_word(ctx, encoder, &encoder->batch[i]));
		for (size_t i = 0; i < n && !encoder->tracing; i++)
			ML_TRY(take_word(ctx, encoder, &encoder->batch[i]));
		ML_TRY(flush(ctx, encoder));
	}
}

static ml_status
encode_columns(ml_context *ctx, ml_encoder *encoder, const ml_text *inputs)
{
	encoder->npending = 0;
	for (uint32_t i = 0; i < encoder->recipe->ncolumns; i++)
	{
		if (inputs[i].data == NULL)
			continue;
		encoder->column = i;
		ML_TRY(encode_column(ctx, encoder, inputs[i]));
	}
	return ML_OK;
}

ml_status
ml_encoder_run(ml_context *ctx, ml_encoder *encoder, const ml_text *inputs,
			   ml_features *result)
{
	size_t		bytes = 0;

	for (uint32_t i = 0; i < encoder->recipe->ncolumns; i++)
		bytes = ml_size_add(bytes, inputs[i].data == NULL ? 0 : inputs[i].size);
	encoder->finding = false;
	if (encoder->marks != NULL)
		encoder->marks->script = false;
	ML_TRY(ml_seen_begin(ctx, &encoder->seen, bytes / 16 * (size_t) encoder->density));
	ML_TRY(encode_columns(ctx, encoder, inputs));
	*result = (ml_features)
	{
		encoder->seen.n, encoder->seen.words
	};
	return ML_OK;
}

ml_status
ml_encoder_find(ml_context *ctx, ml_encoder *encoder, const ml_text *inputs,
				ml_occurrences *result)
{
	const ml_known *known = &encoder->known;

	encoder->finding = true;
	ML_TRY(ml_known_begin(ctx, &encoder->known));
	ML_TRY(encode_columns(ctx, encoder, inputs));
	*result = (ml_occurrences)
	{
		known->n, known->ids, known->again.n, known->again.words
	};
	return ML_OK;
}

ml_status
ml_encoder_trace(ml_context *ctx, ml_encoder *encoder, const ml_text *inputs,
				 ml_features *result, const ml_origin **origins, size_t *norigins)
{
	ml_status	status;

	if (encoder->trace == NULL)
		ML_TRY(ml_trace_open(ctx, &encoder->trace));
	ml_trace_begin(ctx, encoder->trace);
	encoder->tracing = true;
	status = ml_encoder_run(ctx, encoder, inputs, result);
	encoder->tracing = false;
	if (status == ML_OK)
		*origins = ml_trace_origins(encoder->trace, norigins);
	return status;
}
