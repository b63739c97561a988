/*-------------------------------------------------------------------------
 *
 * bridge.c
 *	  The boundary between the server and the engine (DESIGN, section 3).
 *
 * The engine calls back for memory, interrupts, messages, hashes and a
 * temporary file.  Some of what the server does in these callbacks can throw:
 * a cancel, a full disk, a lost client.  A longjmp must not cross the engine
 * (it may hold an ICU iterator), so call_server catches the error, keeps it in
 * bridge->thrown and reports failure; the engine unwinds by its own return
 * path, and bridge_check throws the kept error.
 *
 * A training by aiaas_fit holds no snapshot while it runs; one that a callback
 * took to look at a catalog must not stay until the next commit.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "bridge.h"

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#endif

#include "access/parallel.h"
#include "commands/tablespace.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "catalog.h"
#include "document.h"

#define ALIGNMENT		16		/* what ml_host promises; palloc gives 8 */
#define SPILL_SLICE		((size_t) 1 << 20)
#define HEAP_ROOM		((size_t) 24 << 20)	/* before the first row */
#define LARGE_PAGE		((size_t) 2 << 20)

/* status -> SQLSTATE: the only place; the README repeats it */
static const int sqlstates[] = {
	[ML_OK] = ERRCODE_SUCCESSFUL_COMPLETION,
	[ML_CANCELLED] = ERRCODE_QUERY_CANCELED,
	[ML_NO_MEMORY] = ERRCODE_OUT_OF_MEMORY,
	[ML_MEMORY_LIMIT] = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	[ML_BAD_OPTION] = ERRCODE_INVALID_PARAMETER_VALUE,
	[ML_BAD_DATA] = ERRCODE_DATA_EXCEPTION,
	[ML_BAD_INPUT] = ERRCODE_INVALID_PARAMETER_VALUE,
	[ML_BAD_TEXT] = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
	[ML_BAD_MODEL] = ERRCODE_DATA_CORRUPTED,
	[ML_NEWER_FORMAT] = ERRCODE_FEATURE_NOT_SUPPORTED,
	[ML_UNSUPPORTED] = ERRCODE_FEATURE_NOT_SUPPORTED,
	[ML_IO] = ERRCODE_IO_ERROR,
	[ML_INTERNAL] = ERRCODE_INTERNAL_ERROR
};

int			bridge_kernel_level = ML_LEVEL_AUTO;

static int
sqlstate_of(ml_status status)
{
	return status < lengthof(sqlstates) ? sqlstates[status] : ERRCODE_INTERNAL_ERROR;
}

/* Something that a callback does in the server, and that may throw. */
typedef struct server_call
{
	void		(*run) (bridge *b, struct server_call *call);
	int			level;			/* of a message */
	const void *source;
	void	   *target;
	size_t		size;
	uint64		offset;
} server_call;

/*
 * Run it; false if it threw, now or earlier: the first error is kept for
 * bridge_check.
 */
static bool
call_server(bridge *b, server_call *call)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		call->run(b, call);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(b->mcxt);
		if (b->thrown == NULL)
			b->thrown = CopyErrorData();
		FlushErrorState();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	InvalidateCatalogSnapshotConditionally();
	return b->thrown == NULL;
}

/* ------------------------------------------------------------------------
 * Memory.  A block given to the engine is preceded by the pointer that
 * palloc gave, since that is only 8-byte aligned.
 */

static inline char *
aligned(char *raw)
{
	return (char *) TYPEALIGN(ALIGNMENT, raw + sizeof(void *));
}

static inline void *
align_block(char *raw)
{
	char	   *block = aligned(raw);

	((void **) block)[-1] = raw;
	return block;
}

static inline char *
raw_block(void *block)
{
	return ((void **) block)[-1];
}

/*
 * A block that has pages of its own, as the vectors of a network's weights: in
 * large ones it is touched, and given back in the end, some hundred times as
 * fast, and its addresses are found faster all the while.
 */
static void
use_large_pages(char *raw, size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
	char	   *first = (char *) TYPEALIGN(LARGE_PAGE, raw);
	char	   *end = (char *) TYPEALIGN_DOWN(LARGE_PAGE, raw + size);

	if (size > HEAP_ROOM + LARGE_PAGE)
		(void) madvise(first, end - first, MADV_HUGEPAGE);
#endif
}

static void *
host_alloc(void *user, size_t size)
{
	bridge	   *b = user;
	char	   *raw;

	if (!AllocHugeSizeIsValid(size + ALIGNMENT + sizeof(void *)))
		return NULL;
	raw = MemoryContextAllocExtended(b->mcxt, size + ALIGNMENT + sizeof(void *),
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (raw == NULL)
		return NULL;
	use_large_pages(raw, size);
	return align_block(raw);
}

static void *
host_resize(void *user, void *pointer, size_t size)
{
	char	   *raw = raw_block(pointer);
	size_t		offset = (char *) pointer - raw;

	if (!AllocHugeSizeIsValid(size + ALIGNMENT + sizeof(void *)))
		return NULL;
	raw = compat_repalloc_no_oom(raw, size + ALIGNMENT + sizeof(void *));
	if (raw == NULL)
		return NULL;

	/*
	 * A moved block may lie differently against the alignment; its bytes go to
	 * their place before the pointer is written, which may be where they were.
	 */
	if (aligned(raw) != raw + offset)
		memmove(aligned(raw), raw + offset, size);
	return align_block(raw);
}

static void
host_release(void *user, void *pointer)
{
	pfree(raw_block(pointer));
}

/* ------------------------------------------------------------------------
 * Interrupts and messages
 */

/* Cancel and terminate throw; the rest is served and the engine goes on. */
static void
serve_interrupts(bridge *b, server_call *call)
{
	CHECK_FOR_INTERRUPTS();
}

static int
host_poll(void *user)
{
	bridge	   *b = user;

	if (likely(!INTERRUPTS_PENDING_CONDITION()))
		return b->thrown != NULL;
	return !call_server(b, &(server_call) {.run = serve_interrupts});
}

/*
 * The engine's UTF-8 in the server's encoding; what that lacks becomes '?'.
 */
static char *
convert_lossy(const char *utf8, int size)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	StringInfoData result;

	initStringInfo(&result);
	while (size > 0)
	{
		int			done = 0;

		enlargeStringInfo(&result, size * MAX_CONVERSION_GROWTH + 1);
		if (OidIsValid(conversion))
			done = pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
												 (unsigned char *) utf8, size,
												 (unsigned char *) result.data + result.len,
												 result.maxlen - result.len, true);
		if (done > 0)
			result.len += strlen(result.data + result.len);
		if (done < size)
		{
			char		next = utf8[done];

			appendStringInfoChar(&result, IS_HIGHBIT_SET(next) || next == '\0' ? '?' : next);
			done += Min(pg_encoding_mblen(PG_UTF8, utf8 + done), size - done);
		}
		utf8 += done;
		size -= done;
	}
	return result.data;
}

static bool
needs_conversion(void)
{
	return GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII;
}

/* For messages: an error about an error helps nobody. */
static char *
message_text(const char *utf8)
{
	return needs_conversion() ? convert_lossy(utf8, strlen(utf8)) : pstrdup(utf8);
}

static void
send_message(bridge *b, server_call *call)
{
	ereport(call->level, (errmsg_internal("%s", message_text(call->source))));
}

static void
host_log(void *user, const char *text)
{
	call_server(user, &(server_call) {.run = send_message, .level = NOTICE, .source = text});
}

static void
host_warn(void *user, const char *text)
{
	call_server(user, &(server_call) {.run = send_message, .level = WARNING, .source = text});
}

bool
bridge_first_time(List **told, Oid model)
{
	MemoryContext caller;

	if (IsParallelWorker() || list_member_oid(*told, model))
		return false;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	*told = lappend_oid(*told, model);
	MemoryContextSwitchTo(caller);
	return true;
}

static void
compute_digest(bridge *b, server_call *call)
{
	catalog_digest(call->source, call->size, call->target);
}

static bool
host_sha256(void *user, const void *bytes, size_t size, uint8_t digest[32])
{
	return call_server(user, &(server_call) {.run = compute_digest, .source = bytes,
					   .size = size, .target = digest});
}

/* ------------------------------------------------------------------------
 * Spill: one temporary file in the session's temp_tablespaces, counted
 * against temp_file_limit and logged by log_temp_files as any other.  The
 * engine writes whole blocks, so nothing is buffered here (closing a BufFile
 * flushes it, which may throw while a transaction aborts).
 */

static void
open_spill(bridge *b)
{
	PrepareTempTablespaces();

	/*
	 * Owned by the memory context rather than by a resource owner: it is
	 * closed by close_spill, which also runs when a transaction aborts.
	 */
	b->spill = OpenTemporaryFile(true);
}

static void
close_spill(void *user)
{
	bridge	   *b = user;

	if (b->spill > 0)
		FileClose(b->spill);
	b->spill = 0;
}

static void
write_spill_at(bridge *b, server_call *call)
{
	for (size_t done = 0; done < call->size;)
	{
		int			part = Min(call->size - done, SPILL_SLICE);

		if (FileWrite(b->spill, unconstify(char *, (const char *) call->source) + done, part,
					  call->offset + done, WAIT_EVENT_BUFFILE_WRITE) != part)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to file \"%s\": %m", FilePathName(b->spill))));
		done += part;
	}
}

static void
write_spill(bridge *b, server_call *call)
{
	if (b->spill == 0)
		open_spill(b);
	call->offset = b->spill_size;
	write_spill_at(b, call);
	b->spill_size += call->size;
}

static void
rewrite_spill(bridge *b, server_call *call)
{
	if (call->offset > b->spill_size || call->size > b->spill_size - call->offset)
		elog(ERROR, "write behind the end of a spill file");
	write_spill_at(b, call);
}

static void
read_spill(bridge *b, server_call *call)
{
	if (call->offset > b->spill_size || call->size > b->spill_size - call->offset)
		elog(ERROR, "read behind the end of a spill file");
	for (size_t done = 0; done < call->size;)
	{
		int			part = FileRead(b->spill, (char *) call->target + done,
									Min(call->size - done, SPILL_SLICE),
									call->offset + done, WAIT_EVENT_BUFFILE_READ);

		if (part <= 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", FilePathName(b->spill))));
		done += part;
	}
}

static double
host_seconds(void *user)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_DOUBLE(now);
}

static bool
host_spill_write(void *user, const void *bytes, size_t size)
{
	return call_server(user, &(server_call) {.run = write_spill, .source = bytes, .size = size});
}

static bool
host_spill_rewrite(void *user, uint64_t offset, const void *bytes, size_t size)
{
	return call_server(user, &(server_call) {.run = rewrite_spill, .offset = offset,
					   .source = bytes, .size = size});
}

static bool
host_spill_read(void *user, uint64_t offset, void *bytes, size_t size)
{
	return call_server(user, &(server_call) {.run = read_spill, .offset = offset,
					   .target = bytes, .size = size});
}

/* ------------------------------------------------------------------------
 * Bridges
 */

bridge *
bridge_create(MemoryContext parent)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "aiaas engine",
											   ALLOCSET_DEFAULT_SIZES);
	bridge	   *b = MemoryContextAllocZero(mcxt, sizeof(bridge));
	MemoryContextCallback *callback = MemoryContextAllocZero(mcxt, sizeof(*callback));

	b->mcxt = mcxt;
	b->ctx.host = &b->host;
	b->host = (ml_host) {
		.user = b,
		.alloc = host_alloc,
		.resize = host_resize,
		.release = host_release,
		.poll = host_poll,
		.progress = bridge_progress,
		.log = host_log,
		.warn = host_warn,
		.seconds = host_seconds,
		.sha256 = host_sha256,
		.spill_write = host_spill_write,
		.spill_read = host_spill_read,
		.spill_rewrite = host_spill_rewrite
	};
	callback->func = close_spill;
	callback->arg = b;
	MemoryContextRegisterResetCallback(mcxt, callback);
	return b;
}

/*
 * The rows of a training are tens of megabytes that are touched once: a third
 * of its time may go into page faults.  So the heap gets room for them in one
 * piece, in large pages where there are such, and does not give it back to the
 * kernel with each block that is freed on the way.
 */
void
bridge_expect_rows(void)
{
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
	char	   *room;

	mallopt(M_MMAP_THRESHOLD, HEAP_ROOM + LARGE_PAGE);
	mallopt(M_TRIM_THRESHOLD, 2 * HEAP_ROOM);
	room = malloc(HEAP_ROOM);
	if (room == NULL)
		return;
	(void) madvise((char *) TYPEALIGN(LARGE_PAGE, room), HEAP_ROOM - LARGE_PAGE, MADV_HUGEPAGE);
	free(room);
#endif
}

void
bridge_destroy(bridge *b)
{
	MemoryContextDelete(b->mcxt);
}

void
bridge_check(bridge *b, ml_status status, const char *subject)
{
	const ml_error *error = &b->ctx.error;

	if (b->thrown != NULL)
	{
		ErrorData  *thrown = b->thrown;

		b->thrown = NULL;
		ReThrowError(thrown);
	}
	if (likely(status == ML_OK))
		return;
	ereport(ERROR,
			(errcode(sqlstate_of(status)),
			 subject != NULL ?
			 errmsg_internal("%s: %s", subject, message_text(error->text)) :
			 errmsg_internal("%s", message_text(error->text)),
			 error->detail[0] != '\0' ?
			 errdetail_internal("%s", message_text(error->detail)) : 0,
			 error->hint[0] != '\0' ?
			 errhint("%s", message_text(error->hint)) : 0));
}

const ml_kernel *
bridge_kernel(void)
{
	static const ml_kernel *kernel = NULL;
	static int	level = -1;

	if (level != bridge_kernel_level)
	{
		kernel = ml_kernel_select((ml_level) bridge_kernel_level);
		level = bridge_kernel_level;
	}
	return kernel;
}

/* ------------------------------------------------------------------------
 * Text
 */

ml_text
bridge_text_in(text *value)
{
	const char *data = VARDATA_ANY(value);
	int			size = VARSIZE_ANY_EXHDR(value);
	char	   *converted;

	if (likely(GetDatabaseEncoding() == PG_UTF8))
		return (ml_text) {data, size};
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		if (ml_utf8_valid(data, size) != (size_t) size)
			ereport(ERROR,
					(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
					 errmsg("text in a database with encoding SQL_ASCII is not valid UTF-8"),
					 errhint("Convert it first, for example from LATIN1: convert_from(convert(convert_to(body, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'SQL_ASCII').")));
		return (ml_text) {data, size};
	}
	converted = pg_server_to_any(data, size, PG_UTF8);
	return (ml_text) {converted, converted == data ? size : strlen(converted)};
}

text *
bridge_text_out(ml_text value)
{
	/* this also refuses a NUL byte, which UTF-8 may hold and text may not */
	char	   *converted = pg_any_to_server(value.data, (int) value.size, PG_UTF8);
	text	   *result;

	result = cstring_to_text_with_len(converted, converted == value.data ?
									  value.size : strlen(converted));
	if (converted != value.data)
		pfree(converted);
	return result;
}

text *
bridge_text_shown(ml_text value)
{
	char	   *converted;
	text	   *result;

	if (!needs_conversion())
		return bridge_text_out(value);
	converted = convert_lossy(value.data, (int) value.size);
	result = cstring_to_text(converted);
	pfree(converted);
	return result;
}

Jsonb *
bridge_json_out(ml_text json)
{
	return document_parse(text_to_cstring(bridge_text_out(json)));
}
