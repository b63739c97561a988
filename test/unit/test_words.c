/*-------------------------------------------------------------------------
 *
 * test_words.c
 *	  Words of a text: what they are, and that the fast path and ICU agree.
 *
 * The reader is compared with words_icu.c alone, which is given the whole text
 * at once (so segments are tested too), on every character of the basic plane
 * in several neighbourhoods, on random strings of awkward alphabets, and on
 * the corpora.  words_icu.c itself is compared with a plain loop over ICU's
 * break iterator on texts where the two should not differ.
 *
 *-------------------------------------------------------------------------
 */
#include <unicode/ubrk.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "unit.h"

#include "base/hash.h"
#include "base/print.h"
#include "kernel/kernel.h"
#include "text/words_internal.h"

static unit_host host;
static const ml_kernel *kernels[ML_LEVEL_COUNT];
static ml_words *readers[ML_LEVEL_COUNT];
static size_t nreaders;
static ml_unicode *unicode;

/* ----- words as one string: "[hello]A +[world]A" ----- */

static ml_status
spell(ml_words *words, ml_text text, size_t capacity, ml_buffer *spelling)
{
	ml_context *ctx = &host.ctx;
	ml_word		out[64];
	size_t		n;

	spelling->size = 0;
	ML_TRY(ml_append(ctx, spelling, "", 0));
	ml_words_begin(words, text);
	do
	{
		ML_TRY(ml_words_next(ctx, words, out, capacity, &n));
		for (size_t i = 0; i < n; i++)
		{
			ML_TRY(ml_append(ctx, spelling, " +[", out[i].adjacent ? 3 : 1));
			ML_TRY(ml_append(ctx, spelling, "[", out[i].adjacent ? 0 : 1));
			ML_TRY(ml_append(ctx, spelling, out[i].folded, out[i].size));
			ML_TRY(ml_append(ctx, spelling, "]", 1));
			ML_TRY(ml_append(ctx, spelling, &"ANCS"[out[i].kind], 1));
		}
	} while (n > 0);
	return ML_OK;
}

static void
is(const char *text, const char *expected)
{
	ml_buffer	spelling = {0};

	for (size_t i = 0; i < nreaders; i++)
	{
		spell(readers[i], unit_text(text), 16, &spelling);
		unit_is_text(((ml_text) {spelling.data + (spelling.size > 0), spelling.size - (spelling.size > 0)}),
					 expected, "%s: %.*s", kernels[i]->name, (int) strcspn(text, "\t\r\n"), text);
		readers[i]->unicode_only = true;
		spell(readers[i], unit_text(text), 16, &spelling);
		unit_is_text(((ml_text) {spelling.data + (spelling.size > 0), spelling.size - (spelling.size > 0)}),
					 expected, "ICU: %.*s", (int) strcspn(text, "\t\r\n"), text);
		readers[i]->unicode_only = false;
	}
	ml_buffer_free(&host.ctx, &spelling);
}

static void
test_examples(void)
{
	is("", "");
	is("  \t\r\n.,-()", "");
	is("Hello, World! hello", "[hello]A [world]A +[!]S [hello]A");
	is("it's O'Neill's dogs' 'quoted'", "[it's]A [o'neill's]A [dogs]A [quoted]A");
	is("it\u2019s a\u2018b \u2018x\u2019 \u2019s", "[it's]A [a'b]A [x]A [s]A");
	is("3.14 1,000;2 1.a a.1 a,b 12:30 v1.2 .5 5.", "[3.14]N [1,000;2]N [1]N [a]A [a]A [1]N [a]A [b]A "
													"[12]N [30]N [v1.2]A [5]N [5]N");
	is("foo@bar.com http://www.x.com/ a:b c\uFF20d", "[foo]A [bar.com]A [http]A [www.x.com]A [a]A [b]A [c]A [d]A");
	is("_ ___ _a a_ 1_ _1 a_b_.c", "[_a]A [a_]A [1_]N [_1]A [a_b_]A [c]A");
	is("2nd x2 \u0663\u0664", "[2nd]N [x2]A [\u0663\u0664]N");
	is("STRASSE Stra\u00DFe \u00C9T\u00C9 e\u0301 E\u0301t", "[strasse]A [strasse]A [\u00E9t\u00E9]A [\u00E9]A [\u00E9t]A");
	is("\u0130 \uFB01n \uFF21\uFF22 \u212B", "[i\u0307]A [fin]A [ab]A [\u00E5]A");
	is("\u041F\u0440\u0438\u0432\u0435\u0442, \u041C\u0418\u0420 \u03A3\u03AF\u03C3\u03C5\u03C6\u03BF\u03C2", "[\u043F\u0440\u0438\u0432\u0435\u0442]A [\u043C\u0438\u0440]A [\u03C3\u03AF\u03C3\u03C5\u03C6\u03BF\u03C3]A");
	is("so\u00ADft \u00AD z\u200Bz", "[soft]A [z]A [z]A");
	/* scripts without spaces */
	is("\u4ECA\u5929\u3001A\u80A1\u3002", "[\u4ECA]C +[\u5929]C [a]A +[\u80A1]C");
	is("1\uFF0C2 \u597D\uFF0C\u597D\uFF01\uFF01\uFF01\uFF01", "[1,2]N [\u597D]C [\u597D]C +[!!!]S");
	is("\u30AB\u30FC\u304C \uFF76\uFF9E \u304B\u3099", "[\u30AB]C +[\u30FC]C +[\u304C]C [\u30AC]C [\u304C]C");
	is("\u0E44\u0E17\u0E22\u0E17\u0E35\u0E48x", "[\u0E44]C +[\u0E17]C +[\u0E22]C +[\u0E17\u0E35\u0E48]C +[x]A");
	is("\u4E2D.a a.\u4E2D \u4E2D\u2019s \u4E2D_ \u4E2D1", "[\u4E2D]C [a]A [a]A [\u4E2D]C [\u4E2D]C [s]A [\u4E2D]C [\u4E2D]C +[1]N");
	is("\uD55C\uAD6D\uC5B4 \uB9D0", "[\uD55C\uAD6D\uC5B4]A [\uB9D0]A");
	is("\u05D2'\u05D5\u05E8\u05D2' \u05E6\u05D4\"\u05DC", "[\u05D2'\u05D5\u05E8\u05D2']A [\u05E6\u05D4\"\u05DC]A");
	/* symbols */
	is("\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600!", "[\U0001F600]S +[\U0001F600]S +[\U0001F600]S [!]S");
	is("\U0001F44D\U0001F3FD\u2764\uFE0F \U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7", "[\U0001F44D\U0001F3FD]S +[\u2764]S [\U0001F1E9\U0001F1EA]S +[\U0001F1EB\U0001F1F7]S");
	is("\U0001F468\u200D\U0001F469\u200D\U0001F467", "[\U0001F468\U0001F469\U0001F467]S");
	is("25\u00B0C \u20AC5 \u2460 \u00BD", "[25]N +[\u00B0]S +[c]A [5]N");
	is("wow!!!!! what?! ?", "[wow]A +[!!!]S [what]A +[?]S +[!]S [?]S");
	is(":) :-))) =) thanks:) :( :'( ;-D <3 <333 :/", "[:)]S [:)]S [:)]S [thanks]A +[:)]S [:(]S [:'(]S [;d]S [<3]S [<3]S [:/]S");
	is("10:3 a:b re:p a=(b) f(x=) http://x c:\\d note:(x) x:D", "[10]N [3]N [a]A [b]A [re]A [p]A [a]A [b]A [f]A [x]A [http]A [x]A [c]A [d]A [note]A [x]A [x]A [d]A");
	is("\u00A9;;o/m :", "[\u00A9]S [o]A [m]A");
	is(":D\u00E9 :)\U0001F600 !\uFE0F!", "[d\u00E9]A [:)]S +[\U0001F600]S [!]S [!]S");
}

/* ----- the reader against ICU given the whole text ----- */

static ml_found_list whole;
static ml_status whole_status;

static void
find_whole(ml_text text)
{
	whole.n = 0;
	whole.folded_size = 0;
	whole_status = ml_unicode_find(&host.ctx, unicode, text, 0, text.size, &whole);
}

static bool
is_ascii_symbol(ml_text text, const ml_word *word)
{
	return word->kind == ML_WORD_SYMBOL && (unsigned char) text.data[word->start] < 0x80;
}

/*
 * NULL, or where the words differ from those found last.  Words longer than a segment are cut at its end, so
 * texts that have any are not for this.
 */
static const char *
differs_from_icu(ml_words *words, ml_text text)
{
	ml_context *ctx = &host.ctx;
	ml_word		out[48];
	size_t		n;
	size_t		at = 0;
	size_t		end = SIZE_MAX;

	ml_words_begin(words, text);
	do
	{
		ml_status	got = ml_words_next(ctx, words, out, ML_LENGTH(out), &n);

		if (got != ML_OK)
			return got == whole_status ? NULL : "status";
		for (size_t i = 0; i < n; i++)
		{
			const ml_word *word = &out[i];
			const ml_found *found = &whole.items[at];

			if (word->start + word->raw_size > text.size || word->size == 0 ||
				word->size > ML_WORD_MAX || word->adjacent != (word->start == end) ||
				(end != SIZE_MAX && word->start < end))
				return "bounds";
			end = word->start + word->raw_size;
			if (whole_status != ML_OK || is_ascii_symbol(text, word))
				continue;
			if (at == whole.n || word->start != found->start ||
				word->raw_size != found->raw_size || word->kind != found->kind ||
				word->size != found->size ||
				memcmp(word->folded, whole.folded + found->folded, word->size) != 0)
				return "word";
			at++;
		}
	} while (n > 0);
	if (whole_status != ML_OK)
		return "status";
	return at == whole.n ? NULL : "missing words";
}

/* One test for many texts; the first that differs is shown. */
typedef struct agreement
{
	size_t		first;			/* reader; those before it are left out */
	size_t		ntexts;
	size_t		nwrong;
} agreement;

static void
agree(agreement *agreement, ml_text text)
{
	find_whole(text);
	for (size_t i = agreement->first; i < nreaders; i++)
	{
		/* a copy, so that reading past its end is seen */
		char	   *copy = malloc(text.size + (text.size == 0));
		const char *wrong;

		if (text.size > 0)
			memcpy(copy, text.data, text.size);
		wrong = differs_from_icu(readers[i], (ml_text) {copy, text.size});
		if (wrong != NULL && agreement->nwrong++ == 0)
		{
			ml_buffer	hex = {0};

			for (size_t b = 0; b < ML_MIN(text.size, 200); b++)
			{
				static const char digits[] = "0123456789ABCDEF";

				ml_append(&host.ctx, &hex, "\\x", 2);
				ml_append(&host.ctx, &hex, &digits[(unsigned char) text.data[b] >> 4], 1);
				ml_append(&host.ctx, &hex, &digits[text.data[b] & 15], 1);
			}
			unit_note("%s, %s: %s", kernels[i]->name, wrong, hex.data);
			unit_note("%.*s", (int) ML_MIN(text.size, 200), text.data);
			ml_buffer_free(&host.ctx, &hex);
		}
		free(copy);
	}
	agreement->ntexts++;
}

static void
report(const agreement *agreement, const char *name)
{
	unit_ok(agreement->nwrong == 0 && agreement->ntexts > 0, "%s: fast path = ICU on %zu texts",
			name, agreement->ntexts);
}

/* Every character of the basic plane and some beyond, in neighbourhoods. */
static void
test_every_character(void)
{
	static const char *const around[][2] = {
		{"", ""}, {"a", "b"}, {"1", "2"}, {"\u4E2D", "\u4E2D"}, {"\u00E9", "\u00E9"},
		{"x '", "' y"}, {"_", "."}, {"\u3042!", "\uFF01"}, {"a.", ".b"},
	};
	agreement	agreement = {.first = nreaders - 1};

	for (uint32_t c = 1; c < 0x20000; c++)
	{
		if ((c >= 0xD800 && c < 0xE000) || (c >= 0x1000 && c % 7 != 0 && (c < 0x2000 || c > 0x3200) &&
											c < 0xFE00))
			continue;
		for (size_t i = 0; i < ML_LENGTH(around); i++)
		{
			char		text[64];
			size_t		n;
			UChar		units[2];
			int32_t		nunits = 0;
			int32_t		bytes;
			UErrorCode	code = U_ZERO_ERROR;

			if (c > 0x10000 && (i > 2 || c % 5 != 0) && (c < 0x1F000 || c > 0x1FC00))
				continue;
			strcpy(text, around[i][0]);
			n = strlen(text);
			U16_APPEND_UNSAFE(units, nunits, (UChar32) c);
			u_strToUTF8(text + n, 8, &bytes, units, nunits, &code);
			strcpy(text + n + bytes, around[i][1]);
			agree(&agreement, unit_text(text));
		}
	}
	report(&agreement, "every character");
}

static void
test_random(void)
{
	static const char *const alphabets[][20] = {
		{"a", "B", "1", "_", "'", ".", ",", ":", ";", " ", "\"", "@", "!", "-"},
		{"a", "\u00E9", "\u00C9", "\u00DF", "\u0178", "'", "\u2019", ".", "1", " ", "\u0301", "\u00B7", "\u00AD"},
		{"\u05D0", "\u05D1", "'", "\"", "a", "1", ".", " ", "\u2019", "\u05B8", "\u4E2D"},
		{"\u0627", "\u0644", "\u0639", "\u064B", "\u0661", ".", "\u060C", " ", "a", "'"},
		{"\u4E2D", "\u6587", "\uFF0C", "\u3002", "1", "a", ".", "\uFF01", "\uFF1F", "!", "\U00020000", "\u3099", "\uFE00"},
		{"\u304B", "\u30AB", "\u30FC", "\u3099", "\uFF76", "\uFF9E", "_", "a", " ", "\u30FB", "\u3001"},
		{"\u0E01", "\u0E33", "\u0E48", "\u0E34", "a", "1", " ", "'", "\u0EA5", "\u1000"},
		{"\U0001F600", "\U0001F44D", "\U0001F3FD", "\u200D", "\uFE0F", "\u2764", "\U0001F1E9", "a", " ", "\u4E2D", "!"},
		{"\uD55C", "\u1100", "\u1161", "\u11A8", "a", "1", " ", "."},
		{"\uFF21", "\uFF11", "\uFF0E", "\uFF0C", "\uFF1A", "\uFF3F", "a", "1", "\u4E2D", "\uFF07", "\uFB01", "\uFDFA"},
		{":", ")", "(", "-", "'", "=", ";", "D", "o", "3", "<", " ", "a", "/", "\u00E9", "\U0001F600", "!", "\uFE0F"},
		{"\r", "\n", "\x0B", "\xC2\x85", "\u2028", "\u00A0", "\u202F", "\u3000", "a", "1", "\u0301", "\u200D", " "},
		{"a", "\u0915", "\u094D", "\u0937", "\u093F", "\u200C", " ", "1", "\u0967", "'"},
	};
	static const char *const names[] = {
		"ASCII", "Latin", "Hebrew", "Arabic", "Chinese", "Japanese", "Thai", "emoji", "Korean", "wide",
		"emoticons", "spaces", "Hindi"
	};
	ml_rng		rng;

	ml_rng_seed(&rng, 1);
	for (size_t set = 0; set < ML_LENGTH(alphabets); set++)
	{
		agreement	agreement = {0};
		size_t		nletters = 0;

		while (nletters < 20 && alphabets[set][nletters] != NULL)
			nletters++;
		for (int round = 0; round < 3000; round++)
		{
			char		text[600];
			size_t		size = 0;
			size_t		n = round % 50 == 0 ? 140 : ml_rng_below(&rng, 14);

			for (size_t i = 0; i < n; i++)
			{
				const char *letter = alphabets[set][ml_rng_below(&rng, nletters)];

				/* now and then from all the alphabets */
				if (ml_rng_below(&rng, 16) == 0)
				{
					size_t		other = ml_rng_below(&rng, ML_LENGTH(alphabets));

					letter = alphabets[other][ml_rng_below(&rng, 7)];
				}
				memcpy(text + size, letter, strlen(letter));
				size += strlen(letter);
			}
			agree(&agreement, (ml_text) {text, size});
		}
		report(&agreement, names[set]);
	}
}

/* Bytes that are mostly not UTF-8; the position is that of ml_utf8_valid. */
static void
test_bad_text(void)
{
	static const char *const bytes[] = {
		"a", " ", "\xC3", "\xA9", "\xE4", "\xB8", "\xAD", "\xED\xA0\x80", "\xF0\x9F\x98\x80", "\xF5",
		"\xC0\x80", "\xE0\x80\x80", "\xEF\xBC", "\xFF", "\xE2\x80", "1", "\xF4\x90\x80\x80"
	};
	agreement	agreement = {0};
	size_t		nbad = 0;
	size_t		nplaced = 0;
	ml_rng		rng;

	ml_rng_seed(&rng, 2);
	for (int round = 0; round < 20000; round++)
	{
		char		data[64];
		ml_text		text = {data, 0};
		ml_word		out[16];
		size_t		n = ml_rng_below(&rng, 10);
		size_t		nwords;
		ml_status	status;
		char		place[64];

		for (size_t i = 0; i < n; i++)
		{
			const char *piece = bytes[ml_rng_below(&rng, ML_LENGTH(bytes))];

			memcpy(data + text.size, piece, strlen(piece));
			text.size += strlen(piece);
		}
		agree(&agreement, text);
		ml_words_begin(readers[0], text);
		do
			status = ml_words_next(&host.ctx, readers[0], out, 16, &nwords);
		while (status == ML_OK && nwords > 0);
		if ((status == ML_BAD_TEXT) != (ml_utf8_valid(data, text.size) < text.size))
			break;
		if (status == ML_OK)
			continue;
		nbad++;
		ml_print(place, sizeof(place), "at byte %zu", ml_utf8_valid(data, text.size));
		nplaced += strstr(host.ctx.error.text, place) != NULL &&
			host.ctx.error.text[strlen(host.ctx.error.text) - strlen(place)] == 'a';
	}
	report(&agreement, "bad bytes");
	unit_ok(nbad > 5000 && nplaced == nbad, "%zu of %zu bad texts with the byte's position",
			nplaced, nbad);
	unit_ok(readers[0]->found.folded_capacity < 100000, "buffers stay small");
}

/* ----- ICU as is ----- */

/* The words of a plain loop over ICU's break iterator. */
static void
plain_spell(UBreakIterator *breaks, ml_text text, ml_buffer *spelling)
{
	static UChar units[100000];
	UErrorCode	code = U_ZERO_ERROR;
	const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&code);
	int32_t		n;
	int32_t		from = 0;
	int32_t		to;

	u_strFromUTF8(units, ML_LENGTH(units), &n, text.data, (int32_t) text.size, &code);
	ubrk_setText(breaks, units, n, &code);
	spelling->size = 0;
	ml_append(&host.ctx, spelling, "", 0);
	for (; U_SUCCESS(code) && (to = ubrk_next(breaks)) != UBRK_DONE; from = to)
	{
		UChar		folded[4096];
		char		bytes[8192];
		int32_t		nfolded;
		int32_t		nbytes;

		if (ubrk_getRuleStatus(breaks) < UBRK_WORD_NUMBER)
			continue;
		nfolded = unorm2_normalize(fold, units + from, to - from, folded, 4096, &code);
		u_strToUTF8(bytes, sizeof(bytes), &nbytes, folded, nfolded, &code);
		ml_append(&host.ctx, spelling, "[", 1);
		ml_append(&host.ctx, spelling, bytes, (size_t) nbytes);
		ml_append(&host.ctx, spelling, "]", 1);
	}
}

/* Can the reader's words differ from the plain loop's, by what words.h says? */
static bool
is_plain(ml_text text)
{
	for (size_t i = 0; i < text.size; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if (c == '@' || c == ':' || c == '_' || c == '=' || c == ';' || c == '<' ||
			(c >= 0xE0 && c != 0xE2) || (c == 0xE2 && memcmp(text.data + i, "\xE2\x80\x98", 2) == 0 &&
										 ((unsigned char) text.data[i + 2] & 0xFE) == 0x98))
			return false;
	}
	return true;
}

static void
test_plain(const char *name, char *data, size_t size, bool lines)
{
	UErrorCode	code = U_ZERO_ERROR;
	UBreakIterator *breaks = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
	ml_buffer	expected = {0};
	ml_buffer	got = {0};
	size_t		ntexts = 0;
	size_t		nwrong = 0;

	for (char *p = data; p < data + size;)
	{
		char	   *end = lines ? memchr(p, '\n', (size_t) (data + size - p)) : NULL;
		ml_text		text = {p, 0};
		ml_word		out[64];
		size_t		n;

		end = end == NULL ? data + size : end;
		text.size = (size_t) (end - p);
		p = end + 1;
		if (!is_plain(text))
			continue;
		ntexts++;
		plain_spell(breaks, text, &expected);
		got.size = 0;
		ml_append(&host.ctx, &got, "", 0);
		ml_words_begin(readers[nreaders - 1], text);
		while (ml_words_next(&host.ctx, readers[nreaders - 1], out, 64, &n) == ML_OK && n > 0)
			for (size_t i = 0; i < n; i++)
				if (out[i].kind != ML_WORD_SYMBOL)
					ml_appendf(&host.ctx, &got, "[%.*s]", (int) out[i].size, out[i].folded);
		if ((got.size != expected.size || memcmp(got.data, expected.data, got.size) != 0) &&
			nwrong++ == 0)
			unit_note("%.*s: %s: %s", (int) text.size, text.data, got.data, expected.data);
	}
	unit_ok(nwrong == 0 && ntexts > 0, "%s: words of a plain ICU loop on %zu texts", name, ntexts);
	ml_buffer_free(&host.ctx, &expected);
	ml_buffer_free(&host.ctx, &got);
	ubrk_close(breaks);
}

static void
test_corpora(void)
{
	static const char *const names[] = {
		"spam/train.tsv", "spam/test.tsv", "sentiment_en/train.tsv", "sentiment_en/test.tsv",
		"reviews_zh/train.tsv", "reviews_zh/test.tsv"
	};

	for (size_t i = 0; i < ML_LENGTH(names); i++)
	{
		size_t		size;
		char	   *data = unit_shared(names[i], &size);
		agreement	agreement = {0};

		if (data == NULL)
		{
			unit_skip(names[i], UNIT_NO_SHARED);
			continue;
		}
		for (char *p = data; p < data + size;)
		{
			char	   *end = memchr(p, '\n', (size_t) (data + size - p));

			end = end == NULL ? data + size : end;
			agree(&agreement, (ml_text) {p, (size_t) (end - p)});
			p = end + 1;
		}
		report(&agreement, names[i]);
		if (i % 2 == 0 && i < 4)
			test_plain(names[i], data, size, true);
		free(data);
	}
}

/* ----- long texts, long words ----- */

static char *
repeat(const char *piece, size_t times, size_t *size)
{
	size_t		length = strlen(piece);
	char	   *text = malloc(length * times + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * length, piece, length);
	*size = length * times;
	return text;
}

static void
test_long(void)
{
	static const char *const pieces[] = {
		"a", "\u00E9", "\u4E2D", "\u0E01", "\U0001F600", "a\u0301", "\uFDFA", "\u30AB\u3099", "!", ":)", "a ",
		"_", "1;", "\u0939\u093F\u0928\u094D\u0926\u0940 ", "\u0301", "\uFF01", "ab'c.d e-f\u2019g "
	};

	for (size_t i = 0; i < ML_LENGTH(pieces); i++)
	{
		size_t		size;
		size_t		times = 3000000 / strlen(pieces[i]) / (i == 6 ? 20 : 1);
		char	   *data = repeat(pieces[i], times, &size);
		ml_word		out[64];
		size_t		n;
		size_t		covered = 0;
		size_t		longest = 0;
		bool		sound = true;
		ml_status	status;
		ml_words   *words;

		ml_words_open(&host.ctx, kernels[nreaders - 1], &words);
		host.polls = 0;
		host.peak_bytes = host.live_bytes;
		ml_words_begin(words, (ml_text) {data, size});
		do
		{
			status = ml_words_next(&host.ctx, words, out, 64, &n);
			for (size_t k = 0; status == ML_OK && k < n; k++)
			{
				covered += out[k].raw_size;
				longest = ML_MAX(longest, out[k].size);
				sound &= ml_utf8_valid(out[k].folded, out[k].size) == out[k].size;
			}
		} while (status == ML_OK && n > 0);
		unit_ok(status == ML_OK && sound && longest <= ML_WORD_MAX && covered <= size &&
				(i > 2 || covered == size), "%zu times %s", times, pieces[i]);
		unit_ok(host.peak_bytes - host.live_bytes < 4000000 && host.polls >= size / 80000,
				"with %zu bytes, %llu polls", host.peak_bytes, (unsigned long long) host.polls);
		ml_words_close(&host.ctx, words);
		free(data);
	}
}

/* Segments are cut where it can't matter: against the whole text by ICU. */
static void
test_segments(void)
{
	static const char *const pieces[] = {
		"word", " ", "it's", "\n", "\u4E2D\u6587", "\uFF0C", "\u00E9t\u00E9", "3.14", "e\u0301", "\U0001F600", ", ", "!!",
		"\u0939\u093F\u0928\u094D\u0926\u0940", ":)", "\u304B", "\u3099", "\u05D0\"\u05D1"
	};
	agreement	agreement = {0};
	ml_rng		rng;

	ml_rng_seed(&rng, 3);
	for (int round = 0; round < 30; round++)
	{
		static char text[70000];
		size_t		size = 0;

		while (size < sizeof(text) - 40)
		{
			const char *piece = pieces[ml_rng_below(&rng, ML_LENGTH(pieces))];

			memcpy(text + size, piece, strlen(piece));
			size += strlen(piece);
		}
		agree(&agreement, (ml_text) {text, size});
	}
	report(&agreement, "segments");
}

/* ----- failure ----- */

static ml_status
read_everything(ml_context *ctx, void *argument)
{
	ml_text    *text = argument;
	ml_words   *words;
	ml_word		out[16];
	size_t		n;
	ml_status	status;

	ML_TRY(ml_words_open(ctx, kernels[nreaders - 1], &words));
	ml_words_begin(words, *text);
	do
		status = ml_words_next(ctx, words, out, 16, &n);
	while (status == ML_OK && n > 0);
	ml_words_close(ctx, words);
	return status;
}

static void
test_failures(void)
{
	size_t		size;
	char	   *data = repeat("some words, \u0939\u093F\u0928\u094D\u0926\u0940 \u4E2D\u6587 \U0001F600\uFDFA ", 8000, &size);
	ml_text		text = {data, size};
	ml_word		out[16];
	size_t		n;

	unit_every_allocation_fails("words", read_everything, &text);
	unit_every_poll_cancels("words", read_everything, &text);
	free(data);
	/* a reader goes on after a bad text, and after one that was left half read */
	ml_words_begin(readers[0], ML_TEXT("a b \xFF c"));
	unit_fails(&host, ml_words_next(&host.ctx, readers[0], out, 16, &n), ML_BAD_TEXT, "at byte 4",
			   "bad text");
	is("and on", "[and]A [on]A");
	ml_words_begin(readers[0], ML_TEXT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 \u00BD\u0939"));
	unit_ok(ml_words_next(&host.ctx, readers[0], out, 16, &n) == ML_OK && n == 16, "first sixteen");
	is("and on", "[and]A [on]A");
	unit_ok(strchr(ml_words_unicode_version(), '.') != NULL, "Unicode %s",
			ml_words_unicode_version());
}

int
main(void)
{
	unit_open(&host);
	for (int level = ML_LEVEL_REF; level < ML_LEVEL_COUNT; level++)
	{
		const ml_kernel *kernel = ml_kernel_select(level);

		if (nreaders > 0 && kernels[nreaders - 1] == kernel)
			continue;
		kernels[nreaders] = kernel;
		ml_words_open(&host.ctx, kernel, &readers[nreaders++]);
	}
	if (ml_unicode_open(&host.ctx, &unicode) != ML_OK)
		return 1;
	test_examples();
	test_every_character();
	test_random();
	test_bad_text();
	test_segments();
	test_corpora();
	test_long();
	test_failures();
	ml_unicode_close(&host.ctx, unicode);
	ml_release(&host.ctx, whole.items);
	ml_release(&host.ctx, whole.folded);
	for (size_t i = 0; i < nreaders; i++)
		ml_words_close(&host.ctx, readers[i]);
	unit_close(&host, "words");
	return unit_done();
}
