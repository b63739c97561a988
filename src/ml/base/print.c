/*-------------------------------------------------------------------------
 *
 * print.c
 *	  Formatting without stdio.
 *
 *-------------------------------------------------------------------------
 */
#include "base/print.h"
#include "base/mem.h"

#include <math.h>

typedef struct sink
{
	char	   *data;
	size_t		size;			/* room, the NUL included */
	size_t		used;
} sink;

static void
put(sink *out, const char *bytes, size_t n)
{
	size_t		room = out->size - 1 - out->used;

	if (n > room)
	{
		n = room;
		while (n > 0 && ((unsigned char) bytes[n] & 0xC0) == 0x80)
			n--;				/* never half a character */
		out->size = out->used + n + 1;	/* and nothing after the cut */
	}
	memcpy(out->data + out->used, bytes, n);
	out->used += n;
}

/* n, less the bytes of a character that the first n bytes hold only a part of. */
static size_t
whole_characters(const char *text, size_t n)
{
	static const unsigned char leads[] = {0xC0, 0xE0, 0xF0};

	for (size_t back = 1; back <= 3 && back <= n; back++)
	{
		unsigned char c = (unsigned char) text[n - back];

		if ((c & 0xC0) != 0x80)
			return c >= leads[back - 1] ? n - back : n;
	}
	return n;
}

static void
put_unsigned(sink *out, unsigned long long value, bool negative)
{
	char		digits[24];
	size_t		at = sizeof(digits);

	do
	{
		digits[--at] = (char) ('0' + value % 10);
		value /= 10;
	} while (value != 0);
	if (negative)
		digits[--at] = '-';
	put(out, digits + at, sizeof(digits) - at);
}

static void
put_signed(sink *out, long long value)
{
	put_unsigned(out, value < 0 ? 0 - (unsigned long long) value : (unsigned long long) value,
				 value < 0);
}

static void
put_double(sink *out, double value, int digits)
{
	char		text[32];

	if (isnan(value))
		put(out, "NaN", 3);
	else if (isinf(value))
		put(out, value < 0 ? "-Infinity" : "Infinity", value < 0 ? 9 : 8);
	else
		put(out, text, ml_print_double(text, value, digits));
}

size_t
ml_vprint(char *buffer, size_t size, const char *format, va_list args)
{
	sink		out = {buffer, size, 0};

	while (*format != '\0')
	{
		size_t		literal = strcspn(format, "%");
		int			precision = -1;
		int			longs = 0;
		bool		is_size = false;

		put(&out, format, literal);
		format += literal;
		if (*format == '\0')
			break;
		format++;
		if (*format == '.')
		{
			format++;
			if (*format == '*')
			{
				precision = va_arg(args, int);
				format++;
			}
			else
				for (precision = 0; *format >= '0' && *format <= '9'; format++)
					precision = precision * 10 + (*format - '0');
		}
		for (; *format == 'l' || *format == 'z'; format++)
		{
			longs += *format == 'l';
			is_size |= *format == 'z';
		}
		switch (*format++)
		{
			case 's':
				{
					const char *text = va_arg(args, const char *);

					put(&out, text, precision < 0 ? strlen(text) :
						whole_characters(text, strnlen(text, (size_t) precision)));
					break;
				}
			case 'c':
				{
					char		c = (char) va_arg(args, int);

					put(&out, &c, 1);
					break;
				}
			case 'd':
				put_signed(&out, longs == 0 ? va_arg(args, int) :
						   longs == 1 ? va_arg(args, long) : va_arg(args, long long));
				break;
			case 'u':
				put_unsigned(&out, is_size ? va_arg(args, size_t) :
							 longs == 0 ? va_arg(args, unsigned) :
							 longs == 1 ? va_arg(args, unsigned long) :
							 va_arg(args, unsigned long long), false);
				break;
			case 'g':
				put_double(&out, va_arg(args, double), precision < 0 ? 6 : precision);
				break;
			case '%':
				put(&out, "%", 1);
				break;
			default:			/* a format of ours that is wrong */
				put(&out, "?", 1);
				break;
		}
	}
	buffer[out.used] = '\0';
	return out.used;
}

size_t
ml_print(char *buffer, size_t size, const char *format,...)
{
	va_list		args;
	size_t		n;

	va_start(args, format);
	n = ml_vprint(buffer, size, format, args);
	va_end(args);
	return n;
}

/* 10^exponent in extended precision, exponent >= 0. */
static long double
power_of_ten(int exponent)
{
	long double result = 1.0L;
	long double factor = 10.0L;

	/* exact to 10^27; the caller divides rather than multiply by tenths */
	for (; exponent > 0; exponent >>= 1)
	{
		if (exponent & 1)
			result *= factor;
		factor *= factor;
	}
	return result;
}

static long double
scale_by_ten(long double value, int exponent)
{
	/* in two steps, so that neither factor overflows or vanishes */
	if (exponent < -300)
		return value / power_of_ten(300) / power_of_ten(-exponent - 300);
	if (exponent < 0)
		return value / power_of_ten(-exponent);
	return value * power_of_ten(exponent);
}

size_t
ml_print_double(char *buffer, double value, int digits)
{
	sink		out = {buffer, 32, 0};
	char		text[24];
	int			exponent;
	int			n;
	uint64_t	mantissa;
	uint64_t	limit = 1;

	if (!isfinite(value))
	{
		put(&out, "null", 4);
		buffer[out.used] = '\0';
		return out.used;
	}
	if (value < 0 || (value == 0 && signbit(value)))
		put(&out, "-", 1);
	value = fabs(value);
	if (value == 0)
	{
		put(&out, "0", 1);
		buffer[out.used] = '\0';
		return out.used;
	}
	digits = ML_MAX(1, ML_MIN(digits, 17));
	for (int i = 0; i < digits; i++)
		limit *= 10;
	exponent = (int) floor(log10(value));
	mantissa = (uint64_t) roundl(scale_by_ten((long double) value, digits - 1 - exponent));
	if (mantissa >= limit || mantissa < limit / 10)
	{
		exponent += mantissa >= limit ? 1 : -1;
		mantissa = (uint64_t) roundl(scale_by_ten((long double) value, digits - 1 - exponent));
	}
	for (n = digits; n > 1 && mantissa % 10 == 0; n--)
		mantissa /= 10;
	for (int i = n - 1; i >= 0; i--)
	{
		text[i] = (char) ('0' + mantissa % 10);
		mantissa /= 10;
	}
	if (exponent >= -5 && exponent < 16)
	{
		static const char zeros[] = "0000000000000000";

		if (exponent < 0)
		{
			put(&out, "0.", 2);
			put(&out, zeros, (size_t) (-exponent - 1));
			put(&out, text, (size_t) n);
		}
		else
		{
			int			whole = ML_MIN(n, exponent + 1);

			put(&out, text, (size_t) whole);
			put(&out, zeros, (size_t) (exponent + 1 - whole));
			if (n > whole)
			{
				put(&out, ".", 1);
				put(&out, text + whole, (size_t) (n - whole));
			}
		}
	}
	else
	{
		put(&out, text, 1);
		if (n > 1)
		{
			put(&out, ".", 1);
			put(&out, text + 1, (size_t) (n - 1));
		}
		put(&out, exponent < 0 ? "e-" : "e+", 2);
		put_unsigned(&out, (unsigned long long) (exponent < 0 ? -exponent : exponent), false);
	}
	buffer[out.used] = '\0';
	return out.used;
}

size_t
ml_parse_double(const char *data, size_t size, double *value)
{
	size_t		at = 0;
	bool		negative = false;
	uint64_t	mantissa = 0;
	int			dropped = 0;	/* power of ten that the mantissa lacks */
	bool		any = false;

	if (at < size && data[at] == '-')
	{
		negative = true;
		at++;
	}
	for (bool fraction = false; at < size; at++)
	{
		char		c = data[at];

		if (c == '.' && !fraction && any && at + 1 < size &&
			data[at + 1] >= '0' && data[at + 1] <= '9')
		{
			fraction = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		any = true;
		if (mantissa < UINT64_C(1000000000000000000))
		{
			mantissa = mantissa * 10 + (uint64_t) (c - '0');
			dropped -= fraction;
		}
		else
			dropped += !fraction;
	}
	if (!any)
		return 0;
	if (at < size && (data[at] == 'e' || data[at] == 'E'))
	{
		size_t		mark = at + 1;
		bool		down = false;
		int			exponent = 0;

		if (mark < size && (data[mark] == '+' || data[mark] == '-'))
			down = data[mark++] == '-';
		if (mark < size && data[mark] >= '0' && data[mark] <= '9')
		{
			for (; mark < size && data[mark] >= '0' && data[mark] <= '9'; mark++)
				exponent = ML_MIN(exponent * 10 + (data[mark] - '0'), 10000);
			dropped += down ? -exponent : exponent;
			at = mark;
		}
	}
	if (mantissa <= UINT64_C(1) << 53 && dropped >= -22 && dropped <= 0)
		*value = (double) mantissa / (double) power_of_ten(-dropped); /* one rounding */
	else if (mantissa == 0 || dropped < -400)
		*value = 0;
	else if (dropped > 400)
		*value = INFINITY;
	else
		*value = (double) scale_by_ten((long double) mantissa, dropped);
	if (negative)
		*value = -*value;
	return at;
}

ml_status
ml_append(ml_context *ctx, ml_buffer *buffer, const void *bytes, size_t size)
{
	void	   *data = buffer->data;

	ML_TRY(ml_grow(ctx, &data, &buffer->capacity,
				   ml_size_add(ml_size_add(buffer->size, size), 1), 1));
	buffer->data = data;
	ML_TRY(ml_copy(ctx, buffer->data + buffer->size, bytes, size));
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
	return ML_OK;
}

ml_status
ml_appendf(ml_context *ctx, ml_buffer *buffer, const char *format,...)
{
	char		text[1024];
	va_list		args;
	size_t		n;

	va_start(args, format);
	n = ml_vprint(text, sizeof(text), format, args);
	va_end(args);
	return ml_append(ctx, buffer, text, n);
}

void
ml_buffer_free(ml_context *ctx, ml_buffer *buffer)
{
	ml_release(ctx, buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
