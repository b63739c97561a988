/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  Harness of the engine's unit tests: TAP output, and a host that counts,
 *	  fails and cancels on demand.
 *
 * A test is a program: it opens a unit_host, passes &host.ctx to the engine,
 * states what should be true with unit_ok and its sisters, and ends with
 * "return unit_done();", which prints the plan.  Programs run in the root of
 * the source tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#define ML_HOST					/* see base/mem.h */

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct unit_host
{
	ml_host		host;
	ml_context	ctx;

	/* memory: blocks are 16-byte aligned, no more, and filled with rubbish */
	uint64_t	allocations;	/* alloc and resize calls so far */
	uint64_t	fail_at;		/* this one of them fails; 0 = none */
	size_t		live_blocks;
	size_t		live_bytes;
	size_t		peak_bytes;
	size_t		limit_bytes;	/* fail beyond; 0 = no limit */

	uint64_t	polls;
	uint64_t	cancel_at;		/* from this poll on: cancel; 0 = never */

	uint64_t	progresses;
	ml_progress progress;		/* the last one */
	int			logs;
	int			warnings;
	char		log[ML_TEXT_MAX];	/* the last one */
	char		warning[ML_TEXT_MAX];

	char	   *spill;
	size_t		spilled;
	size_t		spill_capacity;
	bool		spill_fails;
} unit_host;

extern void unit_open(unit_host *host);

/* Frees the spill; one test: nothing that the engine took is still held. */
extern void unit_close(unit_host *host, const char *name);

/* One test each; the name is a format. */
#define unit_ok(condition, ...) \
	unit_report((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)
#define unit_is_int(got, expected, ...) \
	unit_report_int((long long) (got), (long long) (expected), __FILE__, __LINE__, __VA_ARGS__)
#define unit_is_text(got, expected, ...) \
	unit_report_text((got), (expected), __FILE__, __LINE__, __VA_ARGS__)
#define unit_is_near(got, expected, tolerance, ...) \
	unit_report_near((got), (expected), (tolerance), __FILE__, __LINE__, __VA_ARGS__)

/* The call fails with this status, and says something that contains "part". */
#define unit_fails(host, call, expected, part, ...) \
	unit_report_failure((host), (call), (expected), (part), __FILE__, __LINE__, __VA_ARGS__)

extern bool unit_report(int passed, const char *file, int line, const char *name,...)
			__attribute__((format(printf, 4, 5)));
extern bool unit_report_int(long long got, long long expected, const char *file, int line,
							const char *name,...) __attribute__((format(printf, 5, 6)));
extern bool unit_report_text(ml_text got, const char *expected, const char *file, int line,
							 const char *name,...) __attribute__((format(printf, 5, 6)));
extern bool unit_report_near(double got, double expected, double tolerance, const char *file,
							 int line, const char *name,...)
			__attribute__((format(printf, 6, 7)));
extern bool unit_report_failure(unit_host *host, ml_status got, ml_status expected,
								const char *part, const char *file, int line,
								const char *name,...) __attribute__((format(printf, 7, 8)));

/* A test that can't run here, with the reason. */
extern void unit_skip(const char *name, const char *reason);

/* A comment in the output. */
extern void unit_note(const char *format,...) __attribute__((format(printf, 1, 2)));

/* Prints the plan; what main returns. */
extern int	unit_done(void);

/*
 * Run the scenario with the 1st, 2nd, ... allocation failing, until it comes
 * through; two tests: each run said ML_NO_MEMORY, none leaked.  The same for
 * polls that cancel (the step grows with n, since polls may be many).
 */
typedef ml_status (*unit_scenario) (ml_context *ctx, void *argument);

extern void unit_every_allocation_fails(const char *name, unit_scenario scenario,
										void *argument);
extern void unit_every_poll_cancels(const char *name, unit_scenario scenario, void *argument);

/*
 * The whole file, malloc'ed, with a NUL after its end; NULL when absent.
 * Data: below test/data.  Shared: below $AIAAS_TEST_DATA or ../shared/data,
 * which only some machines have (skip the test with UNIT_NO_SHARED).
 */
extern char *unit_data(const char *name, size_t *size);
extern char *unit_shared(const char *name, size_t *size);
extern char *unit_read(const char *path, size_t *size);

#define UNIT_NO_SHARED "no ../shared/data here"

extern bool unit_sha256(void *user, const void *bytes, size_t size, uint8_t digest[32]);

static inline ml_text
unit_text(const char *text)
{
	return (ml_text) {text, strlen(text)};
}

#endif							/* UNIT_H */
