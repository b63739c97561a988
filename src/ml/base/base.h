/*-------------------------------------------------------------------------
 *
 * base.h
 *	  What every floor of the engine stands on: status, error text, the host's
 *	  callbacks, strings.
 *
 * The engine is plain C11 and knows nothing of the program that hosts it.  All
 * it asks of the outside comes through one struct of callbacks, ml_host.  A
 * call returns an ml_status; anything but ML_OK has also filled ctx->error.
 * Nothing here longjmps, exits, prints or keeps mutable global state, so any
 * number of contexts may live side by side.
 *
 * All text is UTF-8.  All integers in stored bytes are little-endian.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_BASE_H
#define ML_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The hosting server turns each status into one SQLSTATE (one table, in
 * src/pg/bridge.c); a new status needs a row there.
 */
typedef enum ml_status
{
	ML_OK = 0,
	ML_CANCELLED,				/* the host's poll asked to stop */
	ML_NO_MEMORY,				/* the host's alloc returned NULL */
	ML_MEMORY_LIMIT,			/* the plan needs more than the limit allows */
	ML_BAD_OPTION,				/* unknown option, wrong type, out of range */
	ML_BAD_DATA,				/* training rows that nothing can be learnt from */
	ML_BAD_INPUT,				/* an input the model can't take */
	ML_BAD_TEXT,				/* bytes that are not UTF-8 */
	ML_BAD_MODEL,				/* stored bytes that are not a sound model */
	ML_NEWER_FORMAT,			/* stored by a later release */
	ML_UNSUPPORTED,				/* sound, but this model or build can't do it */
	ML_IO,						/* the host's spill failed */
	ML_INTERNAL					/* a bug of ours */
} ml_status;

#define ML_TEXT_MAX		512		/* bytes of each error string, with its NUL */

typedef struct ml_error
{
	ml_status	status;
	char		text[ML_TEXT_MAX];	/* what is wrong; no final full stop */
	char		detail[ML_TEXT_MAX];	/* "" or a sentence more */
	char		hint[ML_TEXT_MAX];	/* "" or what to do about it */
} ml_error;

/* A borrowed string: not NUL-terminated; data == NULL means absent (NULL). */
typedef struct ml_text
{
	const char *data;
	size_t		size;
} ml_text;

#define ML_TEXT(literal) ((ml_text) {(literal), sizeof(literal) - 1})

typedef enum ml_phase
{
	ML_PHASE_READ = 1,			/* reading and encoding the source */
	ML_PHASE_COUNT,				/* vocabulary, document frequencies */
	ML_PHASE_FIT,				/* passes over the encoded rows */
	ML_PHASE_CALIBRATE,
	ML_PHASE_EVALUATE,
	ML_PHASE_STORE
} ml_phase;

typedef struct ml_progress
{
	ml_phase	phase;
	int64_t		rows;			/* rows read, or in the pass under way */
	int32_t		epoch;			/* 1-based; 0 outside ML_PHASE_FIT */
	double		loss;			/* mean loss of the last full epoch, or NaN */
	/* of networks, else 0 and NaN */
	int32_t		epochs;			/* asked for */
	int64_t		batch;			/* of the epoch, so far */
	int64_t		batches;		/* of an epoch */
	double		validation;		/* accuracy or RMSE after the last full epoch */
	double		rate;			/* rows a second in this epoch */
	double		left;			/* seconds, if patience does not end it earlier */
} ml_progress;

/*
 * What the engine asks of its host.  "user" is passed back on every call.
 * DESIGN §3 calls resize and release realloc and free; those identifiers are
 * poisoned in the engine (mem.h), hence the other names.
 */
typedef struct ml_host
{
	void	   *user;

	/* size > 0; at least 16-byte aligned; NULL when out of memory */
	void	   *(*alloc) (void *user, size_t size);
	void	   *(*resize) (void *user, void *pointer, size_t size);
	void		(*release) (void *user, void *pointer);

	/* nonzero: unwind with ML_CANCELLED.  Cheap; called every <= 10 ms. */
	int			(*poll) (void *user);

	/* may be NULL */
	void		(*progress) (void *user, const ml_progress *progress);
	void		(*log) (void *user, const char *text);	/* a NOTICE */
	void		(*warn) (void *user, const char *text); /* a WARNING */

	/* seconds since some moment; may be NULL: there is no clock */
	double		(*seconds) (void *user);

	/* SHA-256 of the bytes; false when it failed */
	bool		(*sha256) (void *user, const void *bytes, size_t size,
						   uint8_t digest[32]);

	/*
	 * One temporary file for the encoded rows, appended to, read by position.
	 * May all be NULL: then nothing can spill.  false: failed (disk full).
	 * rewrite replaces what was written before; NULL: the file only grows.
	 */
	bool		(*spill_write) (void *user, const void *bytes, size_t size);
	bool		(*spill_read) (void *user, uint64_t offset, void *bytes, size_t size);
	bool		(*spill_rewrite) (void *user, uint64_t offset, const void *bytes, size_t size);
} ml_host;

/* One per caller; not shared between threads.  The error is the last one. */
typedef struct ml_context
{
	const ml_host *host;
	ml_error	error;
	uint64_t	spilled;		/* bytes in the host's spill file, which all of the engine shares */
} ml_context;

/*
 * Fill ctx->error from a format and return status.  The formats of print.h:
 * %s %.*s %d %u %lld %llu %zu %g %c %%.  Detail and hint are cleared; set
 * them after with ml_detail and ml_hint (both return ctx->error.status, so
 * "return ml_hint(ctx, ...)" reads well).
 */
extern ml_status ml_fail(ml_context *ctx, ml_status status, const char *format,...)
			__attribute__((format(__printf__, 3, 4)));
extern ml_status ml_detail(ml_context *ctx, const char *format,...)
			__attribute__((format(__printf__, 2, 3)));
extern ml_status ml_hint(ml_context *ctx, const char *format,...)
			__attribute__((format(__printf__, 2, 3)));
extern ml_status ml_no_memory(ml_context *ctx, size_t size);

/* ML_OK or ML_CANCELLED, the error filled. */
extern ml_status ml_poll(ml_context *ctx);

/* Return from the caller unless the expression is ML_OK. */
#define ML_TRY(expression) \
	do { \
		ml_status try_status_ = (expression); \
		if (try_status_ != ML_OK) \
			return try_status_; \
	} while (0)

#define ML_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define ML_MIN(a, b) ((a) < (b) ? (a) : (b))
#define ML_MAX(a, b) ((a) > (b) ? (a) : (b))
#define ML_LIKELY(x) __builtin_expect((x) != 0, 1)
#define ML_UNLIKELY(x) __builtin_expect((x) != 0, 0)

/* Equality and byte order (C order) of two texts. */
extern bool ml_text_equal(ml_text a, ml_text b);
extern int	ml_text_compare(ml_text a, ml_text b);

/*
 * Of the n candidates the one nearest to word by edit distance, whatever the case
 * of ASCII letters, if it is near enough to be a misspelling (distance <=
 * 1 + length / 4); else -1.
 */
extern int	ml_text_nearest(ml_text word, const ml_text *candidates, int n);

/* Length of the longest valid UTF-8 prefix; == size when all is valid. */
extern size_t ml_utf8_valid(const char *data, size_t size);

#endif							/* ML_BASE_H */
