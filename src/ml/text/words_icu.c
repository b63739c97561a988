/*-------------------------------------------------------------------------
 *
 * words_icu.c
 *	  Words of any script, by ICU; the only file that knows ICU.
 *
 * The break iterator sees the text with some characters replaced by '#',
 * which separates: those of scripts without spaces, so that no dictionary is
 * asked; '@', ':' and their like, on which ICU's releases differ; and symbols
 * of ASCII characters, which segment.c takes.  What a '#' stood for is read
 * back from the text.
 *
 * ICU allocates by itself, from the C library; what it takes is bounded by the
 * stretch, and ml_unicode_close gives it back.
 *
 *-------------------------------------------------------------------------
 */
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/uversion.h>

#include "text/words_internal.h"
#include "base/mem.h"

/* Bytes between polls; normalising a pile of marks is quadratic in it. */
#define POLL_BYTES 4096

struct ml_unicode
{
	UBreakIterator *breaks;
	const UNormalizer2 *fold;
	size_t		capacity;		/* of the two below */
	size_t		offsets_capacity;
	UChar	   *units;			/* what the break iterator sees */
	uint32_t   *offsets;		/* of each unit, and of the end, in the stretch */
	size_t		run_end;		/* of the last symbol */
	int			run_length;		/* how often it has come */
};

/* One call of ml_unicode_find. */
typedef struct search
{
	ml_context *ctx;
	ml_unicode *unicode;
	ml_text		text;
	ml_found_list *list;
	size_t		polled;			/* up to here in the text */
} search;

static ml_status
icu_failed(ml_context *ctx, UErrorCode code, const char *doing)
{
	if (code == U_MEMORY_ALLOCATION_ERROR)
		return ml_fail(ctx, ML_NO_MEMORY, "out of memory (in ICU, %s)", doing);
	if (code == U_FILE_ACCESS_ERROR || code == U_MISSING_RESOURCE_ERROR)
		return ml_fail(ctx, ML_UNSUPPORTED, "ICU lacks its data (%s): %s", doing,
					   u_errorName(code));
	return ml_fail(ctx, ML_INTERNAL, "ICU failed (%s): %s", doing, u_errorName(code));
}

ml_status
ml_unicode_open(ml_context *ctx, ml_unicode **result)
{
	UErrorCode	code = U_ZERO_ERROR;
	ml_unicode *unicode;

	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_unicode), (void **) &unicode));
	unicode->fold = unorm2_getNFKCCasefoldInstance(&code);
	/* "" is the root locale: no language's own rules */
	unicode->breaks = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
	if (U_FAILURE(code))
	{
		ml_unicode_close(ctx, unicode);
		return icu_failed(ctx, code, "opening the word rules");
	}
	*result = unicode;
	return ML_OK;
}

void
ml_unicode_close(ml_context *ctx, ml_unicode *unicode)
{
	if (unicode->breaks != NULL)
		ubrk_close(unicode->breaks);
	ml_release(ctx, unicode->units);
	ml_release(ctx, unicode->offsets);
	ml_release(ctx, unicode);
}

const char *
ml_words_unicode_version(void)
{
	/* the headers' version is the library's: Debian's libicuuc has it in its name */
	return U_UNICODE_VERSION;
}

/* ----- characters ----- */

/* The character at text[*at], which has been checked; moves *at behind it. */
static UChar32
next_character(ml_text text, size_t *at)
{
	const unsigned char *s = (const unsigned char *) text.data + *at;

	if (s[0] < 0x80)
	{
		*at += 1;
		return s[0];
	}
	if (s[0] < 0xE0)
	{
		*at += 2;
		return (s[0] & 0x1F) << 6 | (s[1] & 0x3F);
	}
	if (s[0] < 0xF0)
	{
		*at += 3;
		return (s[0] & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
	}
	*at += 4;
	return (s[0] & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
}

/* Attaches to whatever is before it (WB4). */
static bool
is_extending(UChar32 c)
{
	int			property = u_getIntPropertyValue(c, UCHAR_WORD_BREAK);

	return property == U_WB_EXTEND || property == U_WB_FORMAT || property == U_WB_ZWJ;
}

/* Of a script written without spaces; marks are not. */
static bool
is_character(UChar32 c)
{
	UErrorCode	code = U_ZERO_ERROR;
	UScriptCode script;

	if (c < 0x0E00)
		return false;
	script = uscript_getScript(c, &code);
	return (script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
			u_getIntPropertyValue(c, UCHAR_WORD_BREAK) == U_WB_KATAKANA ||
			u_getIntPropertyValue(c, UCHAR_LINE_BREAK) == U_LB_COMPLEX_CONTEXT) &&
		!is_extending(c);
}

static bool
is_symbol(UChar32 c)
{
	return c >= 0x80 && (u_charType(c) == U_OTHER_SYMBOL ||
						 u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC));
}

/* Separates here, though some release of ICU joins it to letters. */
static bool
is_separator(UChar32 c)
{
	return c == ':' || c == '@' || c == 0xFE13 || c == 0xFE55 || c == 0xFE6B ||
		c == 0xFF1A || c == 0xFF20;
}

static bool
is_wide_mark(UChar32 c)
{
	return c == 0xFF01 || c == 0xFF1F;
}

static bool
is_symbol_byte(UChar32 c)
{
	return c == '!' || c == '?' || c == ':' || c == ';' || c == '=' || c == '<';
}

static ml_status
poll(search *search, size_t at)
{
	if (at - search->polled <= POLL_BYTES)
		return ML_OK;
	search->polled = at;
	return ml_poll(search->ctx);
}

/* ----- folding ----- */

/*
 * Append the folded text[start, end), at most ML_WORD_MAX bytes raw; *fits
 * says whether it is no longer than that when folded.
 */
static ml_status
fold_piece(search *search, size_t start, size_t end, size_t *size, bool *fits)
{
	ml_found_list *list = search->list;
	UErrorCode	code = U_ZERO_ERROR;
	UChar		raw[ML_WORD_MAX];
	UChar		folded[ML_WORD_MAX];
	int32_t		nraw = 0;
	int32_t		nfolded;
	int32_t		bytes = 0;

	ML_TRY(ml_grow(search->ctx, (void **) &list->folded, &list->folded_capacity,
				   list->folded_size + ML_WORD_MAX + 2 * ML_WORD_PADDING, 1));
	if (list->folded_size == 0)
		list->folded_size = ML_WORD_PADDING;
	while (start < end)
	{
		UChar32		c = next_character(search->text, &start);

		U16_APPEND_UNSAFE(raw, nraw, c);
	}
	nfolded = unorm2_normalize(search->unicode->fold, raw, nraw, folded, ML_WORD_MAX, &code);
	if (U_SUCCESS(code))
	{
		for (int32_t i = 0; i < nfolded; i++)
			if (folded[i] == 0x2018 || folded[i] == 0x2019)
				folded[i] = '\'';
		u_strToUTF8(list->folded + list->folded_size, ML_WORD_MAX, &bytes, folded, nfolded,
					&code);
	}
	*fits = code != U_BUFFER_OVERFLOW_ERROR;
	if (*fits && U_FAILURE(code))
		return icu_failed(search->ctx, code, "folding a word");
	*size = (size_t) bytes;
	return ML_OK;
}

/*
 * Add text[start, end) or, when that or its folded form is too long, as much
 * of it as will do; *end says how much.  (Folding makes nothing more than 11
 * times as long, so 93 bytes always fit.)
 */
static ml_status
add_piece(search *search, size_t start, size_t *end, ml_word_kind kind)
{
	ml_found_list *list = search->list;
	size_t		max = ML_WORD_MAX;
	size_t		size;
	bool		fits;

	do
	{
		*end = ml_word_cut(search->text.data, start, *end, max);
		ML_TRY(fold_piece(search, start, *end, &size, &fits));
		max = (*end - start) / 2;
	} while (!fits);
	if (size == 0)
		return ML_OK;
	ML_TRY(ml_grow(search->ctx, (void **) &list->items, &list->capacity, list->n + 1,
				   sizeof(ml_found)));
	list->items[list->n++] = (ml_found)
	{
		.start = start,
		.raw_size = (uint32_t) (*end - start),
		.size = (uint32_t) size,
		.folded = list->folded_size,
		.kind = kind
	};
	list->folded_size += size;
	return ML_OK;
}

/* ----- what a piece between two boundaries is ----- */

/* A word as the break iterator sees it: kind, connectors, length. */
static ml_status
add_word(search *search, size_t start, size_t end)
{
	bool		only_connectors = true;

	for (size_t at = start; at < end && only_connectors;)
	{
		UChar32		c = next_character(search->text, &at);

		only_connectors = u_getIntPropertyValue(c, UCHAR_WORD_BREAK) == U_WB_EXTENDNUMLET ||
			is_extending(c);
	}
	if (only_connectors)
		return ML_OK;
	while (start < end)
	{
		size_t		at = start;
		size_t		piece_end = end;
		bool		digit = u_isdigit(next_character(search->text, &at));

		ML_TRY(add_piece(search, start, &piece_end,
						 digit ? ML_WORD_NUMBER : ML_WORD_ALPHABETIC));
		start = piece_end;
		ML_TRY(poll(search, start));
	}
	return ML_OK;
}

/* Is the last word the same as the one before, if that is a symbol? */
static bool
repeats_symbol(const ml_found_list *list)
{
	const ml_found *last = &list->items[list->n - 1];

	return list->n >= 2 && last[-1].kind == ML_WORD_SYMBOL && last[-1].size == last->size &&
		memcmp(list->folded + last[-1].folded, list->folded + last->folded, last->size) == 0;
}

/* A symbol; of a run of the same only the first few are kept. */
static ml_status
add_symbol(search *search, size_t start, size_t end)
{
	ml_found_list *list = search->list;
	ml_unicode *unicode = search->unicode;
	size_t		before = list->n;
	size_t		piece_end = end;

	ML_TRY(add_piece(search, start, &piece_end, ML_WORD_SYMBOL));
	if (list->n == before)
		return ML_OK;
	unicode->run_length = start == unicode->run_end && repeats_symbol(list) ?
		unicode->run_length + 1 : 1;
	unicode->run_end = end;
	if (unicode->run_length > ML_SYMBOL_REPEATS)
		list->folded_size -= list->items[--list->n].size;
	return ML_OK;
}

/* A wide mark, which may go on the run that is the last word. */
static ml_status
add_wide_mark(search *search, size_t start)
{
	ml_found_list *list = search->list;
	ml_found   *last = list->n > 0 ? &list->items[list->n - 1] : NULL;
	size_t		end = start + 3;

	if (last == NULL || last->kind != ML_WORD_SYMBOL ||
		last->start + last->raw_size != start ||
		memcmp(search->text.data + last->start, search->text.data + start, 3) != 0)
		return add_piece(search, start, &end, ML_WORD_SYMBOL);
	last->raw_size += 3;
	if (last->size < ML_SYMBOL_REPEATS)
	{
		list->folded[list->folded_size++] = list->folded[last->folded];
		last->size++;
	}
	return ML_OK;
}

/* What is no word to the break iterator. */
static ml_status
add_other(search *search, size_t start, size_t end)
{
	size_t		at = start;
	UChar32		c = next_character(search->text, &at);

	if (is_character(c))
		return add_piece(search, start, &end, ML_WORD_CHARACTER);
	if (is_wide_mark(c))
		return add_wide_mark(search, start);
	while (!is_symbol(c))
	{
		if (at == end)
			return ML_OK;
		start = at;
		c = next_character(search->text, &at);
	}
	return add_symbol(search, start, end);
}

/* ----- the stretch ----- */

/* Text to units, with what has to be replaced replaced; checks UTF-8. */
static ml_status
load_units(search *search, size_t begin, size_t end, int32_t *nunits)
{
	ml_unicode *unicode = search->unicode;
	size_t		size = end - begin;
	size_t		valid = ml_utf8_valid(search->text.data + begin, size);
	size_t		at = begin;
	int32_t		n = 0;

	if (valid != size)
		return ml_fail(search->ctx, ML_BAD_TEXT, "text is not valid UTF-8 at byte %zu",
					   begin + valid);
	ML_TRY(ml_grow(search->ctx, (void **) &unicode->units, &unicode->capacity, size + 1,
				   sizeof(UChar)));
	ML_TRY(ml_grow(search->ctx, (void **) &unicode->offsets, &unicode->offsets_capacity,
				   size + 1, sizeof(uint32_t)));
	while (at < end)
	{
		size_t		start = at;
		UChar32		c = next_character(search->text, &at);
		ml_symbol	symbol;
		size_t		symbol_size = 0;

		if (is_symbol_byte(c))
			symbol_size = ml_symbol_at(search->text, start, end, &symbol);
		if (symbol_size > 0)
			at = start + symbol_size;
		if (symbol_size > 0 || is_separator(c) || is_wide_mark(c) || is_character(c))
			c = '#';
		unicode->offsets[n] = (uint32_t) (start - begin);
		U16_APPEND_UNSAFE(unicode->units, n, c);
		unicode->offsets[n - 1] = (uint32_t) (start - begin);
	}
	unicode->offsets[n] = (uint32_t) size;
	*nunits = n;
	return ML_OK;
}

ml_status
ml_unicode_find(ml_context *ctx, ml_unicode *unicode, ml_text text, size_t begin, size_t end,
				ml_found_list *list)
{
	search		search = {ctx, unicode, text, list, begin};
	UErrorCode	code = U_ZERO_ERROR;
	int32_t		nunits;
	int32_t		from = 0;
	int32_t		to;

	ML_TRY(load_units(&search, begin, end, &nunits));
	ubrk_setText(unicode->breaks, unicode->units, nunits, &code);
	if (U_FAILURE(code))
		return icu_failed(ctx, code, "reading a text");
	unicode->run_end = SIZE_MAX;
	while ((to = ubrk_next(unicode->breaks)) != UBRK_DONE)
	{
		size_t		start = begin + unicode->offsets[from];
		size_t		stop = begin + unicode->offsets[to];

		ML_TRY(poll(&search, start));
		if (ubrk_getRuleStatus(unicode->breaks) >= UBRK_WORD_NUMBER)
			ML_TRY(add_word(&search, start, stop));
		else
			ML_TRY(add_other(&search, start, stop));
		from = to;
	}
	return ML_OK;
}
