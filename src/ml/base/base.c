/*-------------------------------------------------------------------------
 *
 * base.c
 *	  Errors, polling and strings.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"
#include "base/mem.h"
#include "base/print.h"

ml_status
ml_fail(ml_context *ctx, ml_status status, const char *format,...)
{
	va_list		args;

	ctx->error.status = status;
	ctx->error.detail[0] = '\0';
	ctx->error.hint[0] = '\0';
	va_start(args, format);
	ml_vprint(ctx->error.text, ML_TEXT_MAX, format, args);
	va_end(args);
	return status;
}

ml_status
ml_detail(ml_context *ctx, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	ml_vprint(ctx->error.detail, ML_TEXT_MAX, format, args);
	va_end(args);
	return ctx->error.status;
}

ml_status
ml_hint(ml_context *ctx, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	ml_vprint(ctx->error.hint, ML_TEXT_MAX, format, args);
	va_end(args);
	return ctx->error.status;
}

ml_status
ml_no_memory(ml_context *ctx, size_t size)
{
	return ml_fail(ctx, ML_NO_MEMORY, "out of memory (%zu bytes requested)", size);
}

ml_status
ml_poll(ml_context *ctx)
{
	if (ctx->host->poll != NULL && ctx->host->poll(ctx->host->user) != 0)
		return ml_fail(ctx, ML_CANCELLED, "cancelled");
	return ML_OK;
}

bool
ml_text_equal(ml_text a, ml_text b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int
ml_text_compare(ml_text a, ml_text b)
{
	size_t		n = ML_MIN(a.size, b.size);
	int			order = n == 0 ? 0 : memcmp(a.data, b.data, n);

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Levenshtein distance with one row, whatever the case of ASCII; texts longer than the row are far. */
static int
edit_distance(ml_text a, ml_text b)
{
	int			row[64];

	if (a.size >= ML_LENGTH(row) || b.size >= ML_LENGTH(row))
		return 1000;
	for (size_t j = 0; j <= b.size; j++)
		row[j] = (int) j;
	for (size_t i = 1; i <= a.size; i++)
	{
		int			diagonal = row[0];

		row[0] = (int) i;
		for (size_t j = 1; j <= b.size; j++)
		{
			int			substitute = diagonal + (lower(a.data[i - 1]) != lower(b.data[j - 1]));

			diagonal = row[j];
			row[j] = ML_MIN(substitute, ML_MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.size];
}

int
ml_text_nearest(ml_text word, const ml_text *candidates, int n)
{
	int			best = -1;
	int			best_distance = 1 + (int) (word.size / 4);

	for (int i = 0; i < n; i++)
	{
		int			distance = edit_distance(word, candidates[i]);

		if (distance < best_distance || (best < 0 && distance == best_distance))
		{
			best = i;
			best_distance = distance;
		}
	}
	return best;
}

/* Bytes of the well-formed character at s (Unicode 15, table 3-7), or 0. */
static size_t
utf8_character(const unsigned char *s, size_t left)
{
	unsigned char c = s[0];

	if (c < 0x80)
		return 1;
	if (c >= 0xC2 && c <= 0xDF)
		return left >= 2 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
	if (c >= 0xE0 && c <= 0xEF)
	{
		unsigned char low = c == 0xE0 ? 0xA0 : 0x80;
		unsigned char high = c == 0xED ? 0x9F : 0xBF;

		return left >= 3 && s[1] >= low && s[1] <= high && (s[2] & 0xC0) == 0x80 ? 3 : 0;
	}
	if (c >= 0xF0 && c <= 0xF4)
	{
		unsigned char low = c == 0xF0 ? 0x90 : 0x80;
		unsigned char high = c == 0xF4 ? 0x8F : 0xBF;

		return left >= 4 && s[1] >= low && s[1] <= high &&
			(s[2] & 0xC0) == 0x80 && (s[3] & 0xC0) == 0x80 ? 4 : 0;
	}
	return 0;
}

size_t
ml_utf8_valid(const char *data, size_t size)
{
	const unsigned char *s = (const unsigned char *) data;
	size_t		i = 0;

	while (i < size)
	{
		size_t		n;

		while (i + 8 <= size)
		{
			uint64_t	word;

			memcpy(&word, s + i, 8);
			if (word & UINT64_C(0x8080808080808080))
				break;
			i += 8;
		}
		if (i >= size)
			break;
		n = utf8_character(s + i, size - i);
		if (n == 0)
			return i;
		i += n;
	}
	return size;
}
