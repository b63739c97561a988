/*-------------------------------------------------------------------------
 *
 * print.h
 *	  Formatting without stdio, independent of the locale; growing buffers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_PRINT_H
#define ML_PRINT_H

#include "base/base.h"

#include <stdarg.h>

/*
 * Like vsnprintf for %s %.*s %c %d %u %lld %llu %zu %g %.Ng %%, always
 * NUL-terminated, cut at a character boundary (so is a %.*s that ends within
 * a character).  %g is ml_print_double with 6
 * digits.  Returns the bytes written without the NUL.
 */
extern size_t ml_vprint(char *buffer, size_t size, const char *format, va_list args);
extern size_t ml_print(char *buffer, size_t size, const char *format,...)
			__attribute__((format(__printf__, 3, 4)));

/*
 * Shortest decimal of at most "digits" (1-17) significant digits, as JSON
 * takes it: 0.1, 1e-07, 12345.  NaN and infinities print as null.  buffer has
 * at least 32 bytes.  Correct to the last digit for digits <= 15.
 */
extern size_t ml_print_double(char *buffer, double value, int digits);

/* Parse a JSON number; returns bytes consumed, 0 if there is none. */
extern size_t ml_parse_double(const char *data, size_t size, double *value);

/* A growing byte buffer; a zeroed one is empty and ready. */
typedef struct ml_buffer
{
	char	   *data;			/* NUL-terminated after every append */
	size_t		size;
	size_t		capacity;
} ml_buffer;

extern ml_status ml_append(ml_context *ctx, ml_buffer *buffer, const void *bytes, size_t size);
extern ml_status ml_appendf(ml_context *ctx, ml_buffer *buffer, const char *format,...)
			__attribute__((format(__printf__, 3, 4)));
extern void ml_buffer_free(ml_context *ctx, ml_buffer *buffer);

#endif							/* ML_PRINT_H */
