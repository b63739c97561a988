/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  Scan a segment: which of its bytes are words.
 *
 * The kernel folds ASCII and says what each ASCII byte is.  Characters beyond
 * ASCII are walked: simple letters, Han, kana and their punctuation are dealt
 * with here; any other one begins a stretch for ICU.  A stretch reaches on
 * both sides as far as a rule of UAX #29 could look: to the next ASCII
 * character that never joins anything, or to a Han character.  (A Han
 * character before the stretch belongs to it: marks may follow.)  Stretches
 * that lie close together become one, as each has a price.
 *
 * Symbols come first, as no stretch may begin or end inside one, and last the
 * characters that join letters or digits.  Folded
 * bytes stand where the raw ones do; all that is folded here keeps its length,
 * but for symbols and apostrophes, which shrink.
 *
 *-------------------------------------------------------------------------
 */
#include "text/words_internal.h"
#include "base/mem.h"

/* Stretches with a smaller gap are joined; a stretch costs as much as this. */
#define STRETCH_GAP 48

typedef enum char_class
{
	CHAR_OTHER,					/* ask ICU; also what is not UTF-8 */
	CHAR_NONE,					/* separates */
	CHAR_LETTER,
	CHAR_CHARACTER,				/* a word of its own */
	CHAR_APOSTROPHE,			/* joins as ' does */
	CHAR_COMMA,					/* joins digits */
	CHAR_MARK					/* ! or ? */
} char_class;

typedef struct char_info
{
	char_class	class;
	uint32_t	length;
	uint32_t	folded;			/* of a letter or mark */
} char_info;

/* Of the three-byte characters those that common texts are full of. */
static inline __attribute__((always_inline)) char_info
classify_three(uint32_t c)
{
	char_info	info = {CHAR_OTHER, 3, c};

	if (c >= 0x4E00 && c <= 0x9FEF)
		info.class = CHAR_CHARACTER;
	else if (c >= 0x3000 && c < 0x3100)
	{
		if ((c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) || c == 0x30FC)
			info.class = CHAR_CHARACTER;
		else if (c <= 0x3003 || (c >= 0x3008 && c <= 0x3011) ||
				 (c >= 0x3014 && c <= 0x301B) || c == 0x30FB)
			info.class = CHAR_NONE;
	}
	else if (c >= 0xFF00)
	{
		if (c == 0xFF0C || c == 0xFF1B)
			info.class = CHAR_COMMA;
		else if (c == 0xFF01 || c == 0xFF1F)
		{
			info.class = CHAR_MARK;
			info.folded = c - 0xFEE0;
		}
		else if (c == 0xFF08 || c == 0xFF09 || c == 0xFF1A)
			info.class = CHAR_NONE;
	}
	else if (c >= 0x2010 && c <= 0x203A)
	{
		if (c == 0x2018 || c == 0x2019)
			info.class = CHAR_APOSTROPHE;
		else if (c < 0x2024 || c == 0x2025 || c == 0x2026 || c >= 0x2030)
			info.class = CHAR_NONE;
	}
	else if (c >= 0x1E00 && c <= 0x1EFF && (c < 0x1E96 || c > 0x1E9F))
	{
		info.class = CHAR_LETTER;
		info.folded = c | 1;
	}
	return info;
}

/* The character (>= 0x80) at s. */
static inline __attribute__((always_inline)) char_info
classify(const uint16_t *letters, const unsigned char *s, size_t left)
{
	char_info	info = {CHAR_OTHER, 1, 0};

	if (left >= 3 && s[0] >= 0xE0 && s[0] < 0xF0 &&
		(s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80)
		return classify_three((s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu));
	if (left >= 2 && s[0] >= 0xC2 && s[0] < 0xE0 && (s[1] & 0xC0) == 0x80)
	{
		uint32_t	c = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);

		info.folded = letters[c - ML_LETTERS_FIRST];
		info.length = 2;
		if (info.folded == ML_LETTER_NONE)
			info.class = CHAR_NONE;
		else if (info.folded != ML_LETTER_OTHER)
			info.class = CHAR_LETTER;
	}
	return info;
}

static const unsigned char *
segment_bytes(const ml_words *words)
{
	return (const unsigned char *) words->text.data + words->begin;
}

static bool
is_letter(unsigned c)
{
	return (c | 32) - 'a' < 26;
}

static bool
is_digit(unsigned c)
{
	return c - '0' < 10;
}

/* ----- bit maps ----- */

static inline bool
is_word(const ml_words *words, size_t p)
{
	return (words->blocks[p / 64].word >> (p % 64)) & 1;
}

static inline bool
is_cut(const ml_words *words, size_t p)
{
	return (words->cuts[p / 64] >> (p % 64)) & 1;
}

static inline void
set_cut(ml_words *words, size_t p)
{
	words->cuts[p / 64] |= UINT64_C(1) << (p % 64);
}

/* The n (1..3) bytes at p are word bytes. */
static inline void
set_word(ml_words *words, size_t p, size_t n)
{
	uint64_t	ones = (UINT64_C(1) << n) - 1;

	words->blocks[p / 64].word |= ones << (p % 64);
	if (p % 64 + n > 64)
		words->blocks[p / 64 + 1].word |= ones >> (64 - p % 64);
}

/* The bits of block b that lie in [begin, end). */
static uint64_t
range_bits(size_t b, size_t begin, size_t end)
{
	uint64_t	bits = ~UINT64_C(0);

	if (begin > b * 64)
		bits <<= begin - b * 64;
	if (end < b * 64 + 64)
		bits &= (UINT64_C(1) << (end - b * 64)) - 1;
	return bits;
}

static void
set_word_range(ml_words *words, size_t begin, size_t end)
{
	for (size_t b = begin / 64; b * 64 < end; b++)
		words->blocks[b].word |= range_bits(b, begin, end);
}

/* No words in [begin, end), but symbols. */
static void
clear_range(ml_words *words, size_t begin, size_t end)
{
	for (size_t b = begin / 64; b * 64 < end; b++)
	{
		uint64_t	bits = range_bits(b, begin, end);
		uint64_t	symbol = words->blocks[b].symbol;
		uint64_t	before = b > 0 ? words->blocks[b - 1].symbol >> 63 : 0;

		words->blocks[b].word &= ~bits | symbol;
		words->cuts[b] &= ~bits | symbol | symbol << 1 | before;
	}
}

/* First byte >= 0x80 at or after p; the segment's size if there is none. */
static size_t
next_high(const ml_words *words, size_t p)
{
	size_t		b = p / 64;
	size_t		end = (words->size + 63) / 64;
	uint64_t	high;

	if (b >= end)
		return words->size;
	high = words->blocks[b].high & ~UINT64_C(0) << (p % 64);
	while (high == 0)
	{
		if (++b == end)
			return words->size;
		high = words->blocks[b].high;
	}
	return b * 64 + (size_t) __builtin_ctzll(high);
}

/* ----- stretches for ICU ----- */

/* Is there a word boundary before this byte, whatever comes before? */
static bool
is_edge(const ml_words *words, size_t p)
{
	unsigned char c = segment_bytes(words)[p];

	if ((words->blocks[p / 64].symbol >> (p % 64)) & 1)
		return true;
	if (c >= 0x80)
		return c >= 0xE5 && c <= 0xE9;	/* Han */
	if (is_letter(c) || is_digit(c))
		return false;
	return c != '_' && c != '\'' && c != '.' && c != ',' && c != ';' && c != '"';
}

static ml_status
finish_stretch(ml_context *ctx, ml_words *words)
{
	size_t		begin = words->pending_begin;
	size_t		end = words->pending_end;

	if (begin == end)
		return ML_OK;
	words->pending_begin = end;
	clear_range(words, begin, end);
	if (words->unicode == NULL)
		ML_TRY(ml_unicode_open(ctx, &words->unicode));
	return ml_unicode_find(ctx, words->unicode, words->text, words->begin + begin,
						   words->begin + end, &words->found);
}

/* The character at *p needs ICU; *p becomes the end of its stretch. */
static ml_status
add_stretch(ml_context *ctx, ml_words *words, size_t *p)
{
	const unsigned char *s = segment_bytes(words);
	size_t		begin = *p;
	size_t		end = *p + 1;

	while (begin > words->pending_end && !is_edge(words, begin - 1))
		begin--;
	if (begin > words->pending_end && s[begin - 1] >= 0x80)
		begin--;
	while (end < words->size && !is_edge(words, end))
		end++;
	if (words->pending_begin == words->pending_end ||
		begin - words->pending_end > STRETCH_GAP)
	{
		ML_TRY(finish_stretch(ctx, words));
		words->pending_begin = begin;
	}
	words->pending_end = end;
	*p = end;
	return ML_OK;
}

/* ----- characters beyond ASCII ----- */

/* Does an apostrophe (of 3 bytes) at p join what is around it? */
static bool
apostrophe_joins(const ml_words *words, size_t p)
{
	const unsigned char *s = segment_bytes(words);
	size_t		next = p + 3;

	if (p == 0 || next >= words->size || !is_word(words, p - 1) || is_cut(words, p))
		return false;
	if (is_digit(s[p - 1]))
		return is_digit(s[next]);
	if (s[p - 1] < 0x80 && !is_letter(s[p - 1]))
		return false;
	if (s[next] < 0x80)
		return is_letter(s[next]);
	return classify(words->letters, s + next, words->size - next).class == CHAR_LETTER;
}

static void
put_letter(ml_words *words, size_t p, char_info info)
{
	unsigned char *folded = (unsigned char *) words->folded + p;

	if (info.folded == 0xDF)
		memset(folded, 's', 2);
	else if (info.length == 2)
	{
		folded[0] = (unsigned char) (0xC0 | info.folded >> 6);
		folded[1] = (unsigned char) (0x80 | (info.folded & 0x3F));
	}
	else
		folded[2] = (unsigned char) (0x80 | (info.folded & 0x3F));	/* differs by 1 */
	set_word(words, p, info.length);
}

/* A run of wide marks; returns its end. */
static size_t
put_marks(ml_words *words, size_t p, char_info info)
{
	const unsigned char *s = segment_bytes(words);
	size_t		end = p + 3;

	while (end + 3 <= words->size && memcmp(s + end, s + p, 3) == 0)
		end += 3;
	memset(words->folded + p, (int) info.folded, 3);
	set_word_range(words, p, end);
	set_cut(words, p);
	set_cut(words, end);
	return end;
}

static ml_status
scan_high(ml_context *ctx, ml_words *words)
{
	const unsigned char *s = segment_bytes(words);
	size_t		p = 0;

	while ((p = next_high(words, p)) < words->size)
	{
		char_info	info = classify(words->letters, s + p, words->size - p);

		switch (info.class)
		{
			case CHAR_LETTER:
				put_letter(words, p, info);
				break;
			case CHAR_CHARACTER:
				set_word(words, p, 3);
				set_cut(words, p);
				set_cut(words, p + 3);
				break;
			case CHAR_APOSTROPHE:
				if (apostrophe_joins(words, p))
				{
					set_word(words, p, 3);
					words->quotes = true;
				}
				break;
			case CHAR_COMMA:
				if (p > 0 && is_digit(s[p - 1]) && p + 3 < words->size && is_digit(s[p + 3]))
					info.class = CHAR_OTHER;
				break;
			case CHAR_MARK:
				p = put_marks(words, p, info);
				continue;
			default:
				break;
		}
		if (info.class == CHAR_OTHER)
			ML_TRY(add_stretch(ctx, words, &p));
		else
			p += info.length;
	}
	return finish_stretch(ctx, words);
}

/* ----- ASCII ----- */

/*
 * The candidates of block b that may begin a symbol, by the byte that follows:
 * colons and equals signs are frequent in text, and few of them are eyes
 * (symbols.c).  Nothing branches on what is found.
 */
static inline uint64_t
likely_symbols(const ml_words *words, size_t b)
{
	enum
	{
		EYES = 1, HEART = 2, MARK = 4
	};
	static const uint8_t kinds[64] = {
		['!'] = MARK, ['?'] = MARK, [':'] = EYES, [';'] = EYES, ['='] = EYES, ['<'] = HEART
	};
	static const uint8_t follow[256] = {
		['\''] = EYES, ['-'] = EYES, ['^'] = EYES, ['o'] = EYES, ['O'] = EYES, [')'] = EYES,
		['('] = EYES, [']'] = EYES, ['['] = EYES, ['}'] = EYES, ['{'] = EYES, ['D'] = EYES,
		['d'] = EYES, ['P'] = EYES, ['p'] = EYES, ['b'] = EYES, ['/'] = EYES, ['\\'] = EYES,
		['|'] = EYES, ['*'] = EYES, ['3'] = EYES | HEART
	};
	const unsigned char *s = segment_bytes(words) + b * 64;
	size_t		left = words->text.size - words->begin - b * 64;
	uint64_t	likely = 0;

	for (uint64_t bits = words->blocks[b].symbol; bits != 0; bits &= bits - 1)
	{
		unsigned	i = (unsigned) __builtin_ctzll(bits);
		unsigned	next = i + 1 < left ? follow[s[i + 1]] : 0;

		likely |= (uint64_t) (((next | MARK) & kinds[s[i] & 63]) != 0) << i;
	}
	return likely;
}

/* From now on block.symbol tells the bytes of symbols, not of candidates. */
static void
scan_symbols(ml_words *words)
{
	ml_symbol	symbol;
	size_t		done = 0;

	for (size_t b = 0; b * 64 < words->size; b++)
	{
		uint64_t	candidates = likely_symbols(words, b);

		words->blocks[b].symbol = done > b * 64 ? range_bits(b, 0, done) : 0;
		for (; candidates != 0; candidates &= candidates - 1)
		{
			size_t		p = b * 64 + (size_t) __builtin_ctzll(candidates);
			size_t		size;

			if (p < done)
				continue;
			size = ml_symbol_at(words->text, words->begin + p, words->begin + words->size,
								&symbol);
			if (size == 0)
				continue;
			done = p + size;
			words->blocks[b].symbol |= range_bits(b, p, done);
			set_word_range(words, p, done);
			set_cut(words, p);
			set_cut(words, done);
			memcpy(words->folded + p, symbol.folded, symbol.size);
		}
	}
}

/* WB6, WB7, WB11, WB12: between two letters ' and . join, between digits all four. */
static void
scan_joints(ml_words *words)
{
	const unsigned char *s = (const unsigned char *) words->folded;
	uint64_t	before = 0;

	for (size_t b = 0; b * 64 < words->size; b++)
	{
		ml_ascii_block *block = &words->blocks[b];
		uint64_t	word = block->word;
		uint64_t	bits = block->joint & (word << 1 | before) &
			(word >> 1 | block[1].word << 63) &
			~(words->cuts[b] | words->cuts[b] >> 1 | words->cuts[b + 1] << 63);

		before = word >> 63;
		for (; bits != 0; bits &= bits - 1)
		{
			unsigned	i = (unsigned) __builtin_ctzll(bits);
			size_t		p = b * 64 + i;
			bool		letters = (is_letter(s[p - 1]) || s[p - 1] >= 0x80) &&
				(is_letter(s[p + 1]) || s[p + 1] >= 0x80) &&
				(s[p] == '\'' || s[p] == '.');

			if (letters || (is_digit(s[p - 1]) && is_digit(s[p + 1])))
				block->word |= UINT64_C(1) << i;
		}
	}
}

ml_status
ml_segment_scan(ml_context *ctx, ml_words *words)
{
	size_t		nblocks = (words->size + 63) / 64;

	memset(&words->blocks[nblocks], 0, sizeof(ml_ascii_block));
	memset(words->cuts, 0, (nblocks + 1) * sizeof(uint64_t));
	words->pending_begin = 0;
	words->pending_end = 0;
	words->quotes = false;
	words->found.n = 0;
	words->found.folded_size = 0;
	words->found_next = 0;
	words->kernel->fold_ascii(words->folded, words->blocks,
							  (const char *) segment_bytes(words), words->size);
	scan_symbols(words);
	if (words->unicode_only)
	{
		words->pending_end = words->size;
		ML_TRY(finish_stretch(ctx, words));
	}
	else
		ML_TRY(scan_high(ctx, words));
	scan_joints(words);
	return ML_OK;
}
