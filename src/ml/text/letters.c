/*-------------------------------------------------------------------------
 *
 * letters.c
 *	  Letters of two bytes in UTF-8 that need no ICU.
 *
 * Case folding and NFKC of assigned characters never change (Unicode's
 * stability policy), so a table of them may live here; a unit test compares
 * every entry with ICU.  Left out is what folds to something longer or shorter
 * than two bytes, Hebrew (whose quotation marks join), digits, marks.
 *
 *-------------------------------------------------------------------------
 */
#include "text/words_internal.h"

#define PAIRS	0x4000			/* first, first + 2 ... fold to their successor */
#define NONE	0x4001

typedef struct letters
{
	uint16_t	first;
	uint16_t	last;
	int16_t		fold;			/* what to add, or PAIRS, or NONE */
} letters;

static const letters rows[] = {
	/* Latin-1 punctuation; not NEL, degree and the like (symbols), soft hyphen */
	{0x0080, 0x0084, NONE},
	{0x0086, 0x00A5, NONE},
	{0x00A7, 0x00A8, NONE},
	{0x00AB, 0x00AC, NONE},
	{0x00AF, 0x00AF, NONE},
	{0x00B1, 0x00B4, NONE},
	{0x00B6, 0x00B6, NONE},
	{0x00B8, 0x00B9, NONE},
	{0x00BB, 0x00BF, NONE},
	/* Latin; not dotted I, ligatures, long s; sharp s means "ss", see put_letter */
	{0x00B5, 0x00B5, 775},
	{0x00C0, 0x00D6, 32},
	{0x00D7, 0x00D7, NONE},
	{0x00D8, 0x00DE, 32},
	{0x00DF, 0x00F6, 0},
	{0x00F7, 0x00F7, NONE},
	{0x00F8, 0x00FF, 0},
	{0x0100, 0x012F, PAIRS},
	{0x0131, 0x0131, 0},
	{0x0134, 0x0137, PAIRS},
	{0x0138, 0x0138, 0},
	{0x0139, 0x013E, PAIRS},
	{0x0141, 0x0148, PAIRS},
	{0x014A, 0x0177, PAIRS},
	{0x0178, 0x0178, -121},
	{0x0179, 0x017E, PAIRS},
	{0x0180, 0x0180, 0},
	{0x0192, 0x0192, 0},
	{0x01A0, 0x01A5, PAIRS},
	{0x01AF, 0x01B0, PAIRS},
	{0x01CD, 0x01DC, PAIRS},
	{0x01DE, 0x01EF, PAIRS},
	{0x01F8, 0x021F, PAIRS},
	{0x0222, 0x0233, PAIRS},
	{0x0250, 0x02AF, 0},
	/* Greek; not the combining iota and the symbols */
	{0x0386, 0x0386, 38},
	{0x0388, 0x038A, 37},
	{0x038C, 0x038C, 64},
	{0x038E, 0x038F, 63},
	{0x0390, 0x0390, 0},
	{0x0391, 0x03A1, 32},
	{0x03A3, 0x03AB, 32},
	{0x03AC, 0x03C1, 0},
	{0x03C2, 0x03C2, 1},
	{0x03C3, 0x03CE, 0},
	/* Cyrillic, Armenian */
	{0x0400, 0x040F, 80},
	{0x0410, 0x042F, 32},
	{0x0430, 0x045F, 0},
	{0x0460, 0x0481, PAIRS},
	{0x048A, 0x04BF, PAIRS},
	{0x04C1, 0x04CE, PAIRS},
	{0x04D0, 0x052F, PAIRS},
	{0x0531, 0x0556, 48},
	{0x0561, 0x0586, 0},
	/* Arabic */
	{0x061F, 0x061F, NONE},
	{0x0620, 0x064A, 0},
	{0x0671, 0x0674, 0},
	{0x0679, 0x06D3, 0},
	{0x06D4, 0x06D4, NONE},
	{0x06D5, 0x06D5, 0},
};

void
ml_letters_fill(uint16_t letters[ML_LETTERS_END - ML_LETTERS_FIRST])
{
	for (int c = ML_LETTERS_FIRST; c < ML_LETTERS_END; c++)
		letters[c - ML_LETTERS_FIRST] = ML_LETTER_OTHER;
	for (size_t i = 0; i < ML_LENGTH(rows); i++)
	{
		for (int c = rows[i].first; c <= rows[i].last; c++)
		{
			int			folded = c;

			if (rows[i].fold == NONE)
				folded = ML_LETTER_NONE;
			else if (rows[i].fold == PAIRS)
				folded += ((c ^ rows[i].first) & 1) == 0;
			else
				folded += rows[i].fold;
			letters[c - ML_LETTERS_FIRST] = (uint16_t) folded;
		}
	}
}
