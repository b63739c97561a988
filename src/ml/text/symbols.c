/*-------------------------------------------------------------------------
 *
 * symbols.c
 *	  Exclamation and question marks, and emoticons of ASCII characters.
 *
 * An emoticon is
 *	  eyes [tear] [nose] mouth	  eyes : ; =   tear '   nose - ^ o
 * with a mouth of the table below, or a heart, "<3".  It does not end within a
 * word, and those that look like something else (10:3, a:b, c:\, http://)
 * don't begin in one.  Mouths of one meaning fold to one character, noses and
 * repetitions go.
 *
 *-------------------------------------------------------------------------
 */
#include "text/words_internal.h"
#include "base/mem.h"

/* A mouth is not repeated more often: what an emoticon is must not depend on far bytes. */
#define RUN_MAX 64

typedef struct mouth
{
	char		folded;			/* 0: no mouth */
	bool		repeats;		/* may come several times: ":)))" */
	bool		doubtful;		/* only where no word comes before */
} mouth;

static const mouth mouths[128] = {
	[')'] = {')', true, false},
	['('] = {'(', true, false},
	[']'] = {')', false, true},
	['['] = {'(', false, true},
	['}'] = {')', false, true},
	['{'] = {'(', false, true},
	['D'] = {'d', true, true},
	['d'] = {'d', false, true},
	['P'] = {'p', false, true},
	['p'] = {'p', false, true},
	['b'] = {'p', false, true},
	['O'] = {'o', false, true},
	['o'] = {'o', false, true},
	['/'] = {'/', false, true},
	['\\'] = {'/', false, true},
	['|'] = {'|', false, true},
	['*'] = {'*', false, true},
	['3'] = {'3', false, true},
};

/* The mouth at text[at], or NULL. */
static const mouth *
mouth_at(ml_text text, size_t at)
{
	unsigned char c;

	if (at >= text.size)
		return NULL;
	c = (unsigned char) text.data[at];
	return c < 0x80 && mouths[c].folded != 0 ? &mouths[c] : NULL;
}

static bool
is_word_byte(char c)
{
	unsigned	u = (unsigned char) c;

	return (u | 32) - 'a' < 26 || u - '0' < 10 || u == '_';
}

/* May a symbol whose last character is c end before text[at]? */
static bool
ends_well(ml_text text, size_t at, char c)
{
	if (at >= text.size)
		return true;
	if (is_word_byte(text.data[at]) || (c == '/' && text.data[at] == '/') ||
		(c == '3' && text.data[at] == '.'))
		return false;
	/* a letter of another script goes on with a letter only */
	return !(is_word_byte(c) && (unsigned char) text.data[at] >= 0x80);
}

static size_t
run_length(ml_text text, size_t at, size_t end)
{
	size_t		next = at + 1;

	while (next < end && text.data[next] == text.data[at])
		next++;
	return next - at;
}

static size_t
emoticon_at(ml_text text, size_t at, ml_symbol *symbol)
{
	const char *data = text.data;
	size_t		next = at + 1;
	const mouth *mouth;
	bool		tear;
	char		last;

	tear = next < text.size && data[next] == '\'';
	next += tear;
	if (mouth_at(text, next + 1) != NULL &&
		(data[next] == '-' || data[next] == '^' || data[next] == 'o'))
		next++;
	mouth = mouth_at(text, next);
	if (mouth == NULL)
		return 0;
	last = data[next];
	if ((mouth->doubtful || data[at] == '=') && at > 0 &&
		(is_word_byte(data[at - 1]) || (unsigned char) data[at - 1] >= 0x80))
		return 0;
	next += mouth->repeats ? run_length(text, next, ML_MIN(next + RUN_MAX, text.size)) : 1;
	if (!ends_well(text, next, last))
		return 0;
	symbol->size = 0;
	symbol->folded[symbol->size++] = data[at] == '=' ? ':' : data[at];
	if (tear)
		symbol->folded[symbol->size++] = '\'';
	symbol->folded[symbol->size++] = mouth->folded;
	return next - at;
}

static size_t
heart_at(ml_text text, size_t at, ml_symbol *symbol)
{
	size_t		size;

	if (at + 1 >= text.size || text.data[at + 1] != '3')
		return 0;
	size = 1 + run_length(text, at + 1, ML_MIN(at + RUN_MAX, text.size));
	if (!ends_well(text, at + size, '3'))
		return 0;
	symbol->size = 2;
	memcpy(symbol->folded, "<3", 2);
	return size;
}

size_t
ml_symbol_at(ml_text text, size_t at, size_t end, ml_symbol *symbol)
{
	char		c = text.data[at];
	size_t		size;

	if (c == '!' || c == '?')
	{
		size = run_length(text, at, end);
		symbol->size = (uint32_t) ML_MIN(size, ML_SYMBOL_REPEATS);
		memset(symbol->folded, c, symbol->size);
		return size;
	}
	size = c == '<' ? heart_at(text, at, symbol) : emoticon_at(text, at, symbol);
	return size <= end - at ? size : 0;
}
