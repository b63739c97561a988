/*
 * test_tokens.c: texts as numbers of words: the vocabulary goes by frequency, and what was
 * collected while reading is what is read later.
 */
#include "unit.h"

#include "feature/tokens.h"

static const char *const texts[] = {
	"The cat sat. The dog sat on the mat!",
	"A dog, a cat and a bird: the end",
	"\xe7\x8c\xab\xe3\x81\xa8\xe7\x8a\xac cat",	/* three characters and a word */
	"",
};

typedef struct scenario
{
	ml_tokens	tokens;
	uint32_t	numbers[ML_LENGTH(texts)][32];
	uint32_t	n[ML_LENGTH(texts)];
	uint32_t	map[64];
	char		words[16][16];
	int32_t		ids[32];
	ml_token_place places[32];
	uint32_t	nids;
	uint32_t	unlike;
	uint32_t	most;
} scenario;

static ml_status
use(ml_context *ctx, scenario *s, ml_words *reader, ml_levels *levels, ml_arena *arena)
{
	uint64_t	counts[64] = {0};
	void	   *slots;

	for (size_t i = 0; i < ML_LENGTH(texts); i++)
	{
		ML_TRY(ml_tokens_collect(ctx, levels, reader, unit_text(texts[i]), 32, s->numbers[i], &s->n[i]));
		for (uint32_t k = 0; k < s->n[i]; k++)
			counts[s->numbers[i][k]]++;
	}
	ML_TRY(ml_tokens_choose(ctx, arena, levels, counts, s->most, 1, s->map, &s->tokens));
	ML_TRY(ml_arena_alloc(ctx, arena, s->tokens.nslots * sizeof(uint32_t), &slots));
	s->tokens.slots = slots;
	ML_TRY(ml_tokens_hash(ctx, &s->tokens, slots));
	ML_TRY(ml_tokens_check(ctx, &s->tokens, (size_t) s->tokens.ends[s->tokens.n - 1]));
	for (uint32_t i = 0; i < s->tokens.n && i < 16; i++)
	{
		ml_text		word = ml_tokens_word(&s->tokens, i + ML_TOKEN_FIRST);

		memcpy(s->words[i], word.data, word.size);
		s->words[i][word.size] = 0;
	}
	s->unlike = 0;
	for (size_t i = ML_LENGTH(texts); i-- > 0;)
	{
		ML_TRY(ml_tokens_read(ctx, &s->tokens, reader, unit_text(texts[i]), 32, s->ids, s->places, &s->nids));
		s->unlike += s->nids != s->n[i];
		for (uint32_t k = 0; k < s->nids; k++)
			s->unlike += s->ids[k] != (int32_t) s->map[s->numbers[i][k]];
	}
	return ML_OK;
}

static ml_status
run(ml_context *ctx, void *argument)
{
	ml_words   *reader;
	ml_levels	levels = {0};
	ml_arena	arena = {0};
	ml_status	status;

	ML_TRY(ml_words_open(ctx, &ml_kernel_ref, &reader));
	status = use(ctx, argument, reader, &levels, &arena);
	ml_words_close(ctx, reader);
	ml_levels_free(ctx, &levels);
	ml_arena_free(ctx, &arena);
	return status;
}

static void
test_damaged(unit_host *host)
{
	uint64_t	ends[2] = {1, 3};
	ml_tokens	tokens = {.n = 2,.nslots = 4,.ends = ends,.bytes = "a\xc3\xa4"};

	unit_ok(ml_tokens_check(&host->ctx, &tokens, 3) == ML_OK, "a sound vocabulary");
	unit_fails(host, ml_tokens_check(&host->ctx, &tokens, 4), ML_BAD_MODEL, "bytes follow", "bytes left");
	unit_fails(host, ml_tokens_check(&host->ctx, &tokens, 2), ML_BAD_MODEL, "outside", "bytes missing");
	ends[0] = 2;
	unit_fails(host, ml_tokens_check(&host->ctx, &tokens, 3), ML_BAD_MODEL, "UTF-8", "cut in a character");
	ends[0] = 0;
	unit_fails(host, ml_tokens_check(&host->ctx, &tokens, 3), ML_BAD_MODEL, "outside", "an empty word");
}

int
main(void)
{
	static scenario s = {.most = 1000};
	unit_host	host;

	unit_open(&host);
	unit_ok(run(&host.ctx, &s) == ML_OK, "vocabulary: %s", host.ctx.error.text);
	unit_is_int(s.unlike, 0, "reading gives what was collected");
	unit_is_text(unit_text(s.words[0]), "the", "the most frequent word first");
	unit_is_text(unit_text(s.words[1]), "a", "of equal ones the first in C order");
	unit_is_text(unit_text(s.words[2]), "cat", "then the next");
	unit_is_int(s.nids, 10, "words and marks of the first text");
	unit_is_int(s.ids[0], ML_TOKEN_FIRST, "the first word's number");
	unit_is_int(s.places[1].start, 4, "where the second stands");
	unit_is_int(s.places[1].size, 3, "and how long it is");
	s.most = 4;
	unit_ok(run(&host.ctx, &s) == ML_OK, "a small vocabulary");
	unit_is_int(s.tokens.n, 2, "has two words and two other numbers");
	unit_is_int(s.ids[2], ML_TOKEN_UNKNOWN, "others are unknown");
	test_damaged(&host);
	unit_every_allocation_fails("tokens", run, &s);
	unit_every_poll_cancels("tokens", run, &s);
	unit_close(&host, "tokens");
	return unit_done();
}
