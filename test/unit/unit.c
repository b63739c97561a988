/*-------------------------------------------------------------------------
 *
 * unit.c
 *	  Harness of the unit tests; see unit.h.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>
#include <stdarg.h>

static int	tests;
static int	failures;

/* ---- the host ---- */

typedef struct block
{
	size_t		size;
	size_t		magic;
} block;

#define MAGIC ((size_t) 0x756e69745f686f73)

_Static_assert(sizeof(block) == 16, "the header keeps malloc's alignment");

static bool
refuses(unit_host *host, size_t growth)
{
	if (++host->allocations == host->fail_at)
		return true;
	return host->limit_bytes > 0 && host->live_bytes + growth > host->limit_bytes;
}

static void
count_bytes(unit_host *host, size_t added, size_t removed)
{
	host->live_bytes = host->live_bytes + added - removed;
	host->peak_bytes = ML_MAX(host->peak_bytes, host->live_bytes);
}

static void *
host_alloc(void *user, size_t size)
{
	unit_host  *host = user;
	block	   *taken;

	if (size == 0)
		abort();				/* the engine promises size > 0 */
	if (refuses(host, size) || (taken = malloc(sizeof(block) + size)) == NULL)
		return NULL;
	taken->size = size;
	taken->magic = MAGIC;
	memset(taken + 1, 0xA5, size);
	host->live_blocks++;
	count_bytes(host, size, 0);
	return taken + 1;
}

static block *
block_of(void *pointer)
{
	block	   *taken = (block *) pointer - 1;

	if (taken->magic != MAGIC)
		abort();
	return taken;
}

static void
host_release(void *user, void *pointer)
{
	unit_host  *host = user;
	block	   *taken = block_of(pointer);

	host->live_blocks--;
	count_bytes(host, 0, taken->size);
	memset(taken, 0x5A, sizeof(block) + taken->size);
	free(taken);
}

/* Moves always, so that a pointer kept across a resize shows. */
static void *
host_resize(void *user, void *pointer, size_t size)
{
	block	   *old = block_of(pointer);
	void	   *moved;

	if (size > old->size && refuses(user, size - old->size))
		return NULL;
	((unit_host *) user)->allocations--;	/* host_alloc counts it */
	moved = host_alloc(user, size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, pointer, ML_MIN(size, old->size));
	host_release(user, pointer);
	return moved;
}

static int
host_poll(void *user)
{
	unit_host  *host = user;

	host->polls++;
	return host->cancel_at > 0 && host->polls >= host->cancel_at;
}

static void
host_progress(void *user, const ml_progress *progress)
{
	unit_host  *host = user;

	host->progresses++;
	host->progress = *progress;
}

static void
host_log(void *user, const char *text)
{
	unit_host  *host = user;

	host->logs++;
	snprintf(host->log, sizeof(host->log), "%s", text);
}

static void
host_warn(void *user, const char *text)
{
	unit_host  *host = user;

	host->warnings++;
	snprintf(host->warning, sizeof(host->warning), "%s", text);
}

static bool
host_spill_write(void *user, const void *bytes, size_t size)
{
	unit_host  *host = user;

	if (host->spill_fails)
		return false;
	if (host->spilled + size > host->spill_capacity)
	{
		host->spill_capacity = 2 * (host->spilled + size);
		host->spill = realloc(host->spill, host->spill_capacity);
		if (host->spill == NULL)
			abort();
	}
	memcpy(host->spill + host->spilled, bytes, size);
	host->spilled += size;
	return true;
}

static bool
host_spill_rewrite(void *user, uint64_t offset, const void *bytes, size_t size)
{
	unit_host  *host = user;

	if (host->spill_fails || offset > host->spilled || size > host->spilled - offset)
		return false;
	memcpy(host->spill + offset, bytes, size);
	return true;
}

static bool
host_spill_read(void *user, uint64_t offset, void *bytes, size_t size)
{
	unit_host  *host = user;

	if (host->spill_fails || offset > host->spilled || size > host->spilled - offset)
		return false;
	memcpy(bytes, host->spill + offset, size);
	return true;
}

void
unit_open(unit_host *host)
{
	memset(host, 0, sizeof(*host));
	host->host = (ml_host) {
		.user = host,
		.alloc = host_alloc,
		.resize = host_resize,
		.release = host_release,
		.poll = host_poll,
		.progress = host_progress,
		.log = host_log,
		.warn = host_warn,
		.sha256 = unit_sha256,
		.spill_write = host_spill_write,
		.spill_read = host_spill_read,
		.spill_rewrite = host_spill_rewrite,
	};
	host->ctx.host = &host->host;
}

/* Blocks still held; the spill is freed. */
static size_t
shut(unit_host *host)
{
	free(host->spill);
	host->spill = NULL;
	return host->live_blocks;
}

void
unit_close(unit_host *host, const char *name)
{
	unit_is_int(shut(host), 0, "%s: everything is given back", name);
}

/* ---- SHA-256 (FIPS 180-4) ---- */

static uint32_t
rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

/* The first 32 bits of the fractions of roots of the first primes. */
static void
sha256_constants(uint32_t k[64], uint32_t h[8])
{
	int			n = 0;

	for (int candidate = 2; n < 64; candidate++)
	{
		bool		prime = true;

		for (int d = 2; d * d <= candidate; d++)
			prime &= candidate % d != 0;
		if (!prime)
			continue;
		if (n < 8)
			h[n] = (uint32_t) (uint64_t) ldexpl(sqrtl(candidate) - floorl(sqrtl(candidate)), 32);
		k[n++] = (uint32_t) (uint64_t) ldexpl(cbrtl(candidate) - floorl(cbrtl(candidate)), 32);
	}
}

static void
sha256_block(uint32_t h[8], const uint32_t k[64], const uint8_t *bytes)
{
	uint32_t	w[64];
	uint32_t	s[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t) bytes[4 * i] << 24 | (uint32_t) bytes[4 * i + 1] << 16 |
			(uint32_t) bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
			(rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 64; i++)
	{
		uint32_t	t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		uint32_t	t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

bool
unit_sha256(void *user, const void *bytes, size_t size, uint8_t digest[32])
{
	uint32_t	k[64];
	uint32_t	h[8];
	uint8_t		tail[128] = {0};
	size_t		whole = size / 64 * 64;
	size_t		tail_size = size - whole < 56 ? 64 : 128;

	(void) user;
	sha256_constants(k, h);
	for (size_t i = 0; i < whole; i += 64)
		sha256_block(h, k, (const uint8_t *) bytes + i);
	if (size > whole)
		memcpy(tail, (const uint8_t *) bytes + whole, size - whole);
	tail[size - whole] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[tail_size - 1 - i] = (uint8_t) ((uint64_t) size * 8 >> (8 * i));
	for (size_t i = 0; i < tail_size; i += 64)
		sha256_block(h, k, tail + i);
	for (int i = 0; i < 32; i++)
		digest[i] = (uint8_t) (h[i / 4] >> (24 - 8 * (i % 4)));
	return true;
}

/* ---- TAP ---- */

static bool
report(bool passed, const char *file, int line, const char *name, va_list args)
{
	printf("%sok %d - ", passed ? "" : "not ", ++tests);
	vprintf(name, args);
	printf("\n");
	if (!passed)
	{
		failures++;
		printf("#   failed at %s line %d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

#define REPORT(passed) \
	do { \
		va_list args_; \
		va_start(args_, name); \
		result = report((passed), file, line, name, args_); \
		va_end(args_); \
	} while (0)

bool
unit_report(int passed, const char *file, int line, const char *name,...)
{
	bool		result;

	REPORT(passed);
	return result;
}

bool
unit_report_int(long long got, long long expected, const char *file, int line,
				const char *name,...)
{
	bool		result;

	REPORT(got == expected);
	if (!result)
		unit_note("  got %lld, expected %lld", got, expected);
	return result;
}

bool
unit_report_text(ml_text got, const char *expected, const char *file, int line,
				 const char *name,...)
{
	bool		result;

	REPORT(got.data != NULL && ml_text_equal(got, unit_text(expected)));
	if (!result)
		unit_note("  got \"%.*s\", expected \"%s\"", (int) got.size,
				  got.data == NULL ? "" : got.data, expected);
	return result;
}

bool
unit_report_near(double got, double expected, double tolerance, const char *file, int line,
				 const char *name,...)
{
	bool		result;

	REPORT(fabs(got - expected) <= tolerance);
	if (!result)
		unit_note("  got %.17g, expected %.17g within %g", got, expected, tolerance);
	return result;
}

bool
unit_report_failure(unit_host *host, ml_status got, ml_status expected, const char *part,
					const char *file, int line, const char *name,...)
{
	bool		result;

	REPORT(got == expected && host->ctx.error.status == expected &&
		   strstr(host->ctx.error.text, part) != NULL);
	if (!result)
		unit_note("  got status %d \"%s\", expected %d \"%s\"", (int) got,
				  got == ML_OK ? "" : host->ctx.error.text, (int) expected, part);
	return result;
}

void
unit_skip(const char *name, const char *reason)
{
	printf("ok %d - %s # skip %s\n", ++tests, name, reason);
}

void
unit_note(const char *format,...)
{
	va_list		args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

int
unit_done(void)
{
	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}

/* ---- failing on demand ---- */

static void
fail_everywhere(const char *name, unit_scenario scenario, void *argument, bool cancel)
{
	ml_status	expected = cancel ? ML_CANCELLED : ML_NO_MEMORY;
	uint64_t	wrong = 0;		/* n of the first run with another status */
	uint64_t	leaking = 0;
	uint64_t	n = 0;
	bool		through;

	do
	{
		unit_host	host;
		ml_status	status;

		n += cancel ? 1 + n / 16 : 1;
		unit_open(&host);
		*(cancel ? &host.cancel_at : &host.fail_at) = n;
		status = scenario(&host.ctx, argument);
		through = (cancel ? host.polls : host.allocations) < n;
		if (status != (through ? ML_OK : expected) && wrong == 0)
		{
			wrong = n;
			unit_note("  status %d in run %llu: %s", (int) status, (unsigned long long) n,
					  status == ML_OK ? "" : host.ctx.error.text);
		}
		if (shut(&host) != 0 && leaking == 0)
			leaking = n;
	} while (!through);
	unit_is_int(wrong, 0, "%s: %s n fails alone, for each n < %llu", name,
				cancel ? "cancelling at poll" : "allocation", (unsigned long long) n);
	unit_is_int(leaking, 0, "%s: and nothing leaks", name);
}

void
unit_every_allocation_fails(const char *name, unit_scenario scenario, void *argument)
{
	fail_everywhere(name, scenario, argument, false);
}

void
unit_every_poll_cancels(const char *name, unit_scenario scenario, void *argument)
{
	fail_everywhere(name, scenario, argument, true);
}

/* ---- files ---- */

char *
unit_read(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char	   *bytes = NULL;
	size_t		capacity = 0;
	size_t		n;

	*size = 0;
	if (file == NULL)
		return NULL;
	do
	{
		if (capacity < *size + 65536)
			capacity = 2 * capacity + 65537;
		bytes = realloc(bytes, capacity);
		if (bytes == NULL)
			abort();
		n = fread(bytes + *size, 1, capacity - 1 - *size, file);
		*size += n;
	} while (n > 0);
	fclose(file);
	bytes[*size] = '\0';
	return bytes;
}

static char *
read_below(const char *folder, const char *name, size_t *size)
{
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return unit_read(path, size);
}

char *
unit_data(const char *name, size_t *size)
{
	return read_below("test/data", name, size);
}

char *
unit_shared(const char *name, size_t *size)
{
	const char *folder = getenv("AIAAS_TEST_DATA");

	return read_below(folder != NULL ? folder : "../shared/data", name, size);
}
