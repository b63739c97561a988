/*-------------------------------------------------------------------------
 *
 * bridge.h
 *	  The boundary between the server and the engine.
 *
 * A bridge is one engine context whose memory comes from a MemoryContext of
 * its own, whose poll looks at InterruptPending, whose log is a NOTICE, and
 * whose spill is a temporary file.  bridge_check is the single place where a failed
 * engine call becomes an ereport; no longjmp crosses the engine.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_BRIDGE_H
#define AIAAS_BRIDGE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "ml.h"

typedef struct bridge
{
	ml_context	ctx;			/* pass &bridge->ctx to the engine */
	ml_host		host;
	MemoryContext mcxt;			/* child of the parent given at creation */
	int			spill;			/* a File, opened by the first write; 0 = none */
	uint64		spill_size;
	struct ErrorData *thrown;	/* caught in a callback, for bridge_check to throw */
} bridge;

/* GUC aiaas.kernel, an ml_level. */
extern int	bridge_kernel_level;

/* Lives in a new child of parent; gone (spill included) with it. */
extern bridge *bridge_create(MemoryContext parent);
extern void bridge_destroy(bridge *b);

/* Before the rows of a training are read: let its memory come cheaply. */
extern void bridge_expect_rows(void);

/*
 * Throw unless status is ML_OK: the error that a callback caught while the
 * engine ran (a cancel, a full disk), or ereport(ERROR) with the status's
 * SQLSTATE; subject, if not NULL, begins the message: 'model spam version 3:
 * ...' (catalog_subject).
 */
extern void bridge_check(bridge *b, ml_status status, const char *subject);

/* The kernel table that the GUC aiaas.kernel chose. */
extern const ml_kernel *bridge_kernel(void);

/*
 * The database's text <-> the engine's UTF-8.  No copy when the encoding is
 * UTF8.  SQL_ASCII: bytes that are not valid UTF-8 are an error with a hint.
 */
extern ml_text bridge_text_in(text *value); /* detoasted by the caller */
extern text *bridge_text_out(ml_text value);

/*
 * The same for words as the engine sees them, to be read by people: folding
 * turns characters into others that the database's encoding may lack (in
 * LATIN1: the micro sign into a Greek letter), which are shown as '?'.
 */
extern text *bridge_text_shown(ml_text value);
extern Jsonb *bridge_json_out(ml_text json);

/*
 * For a message that a session is told once about each model: true the first
 * time, and never in a parallel worker, whose messages come once for each.
 */
extern bool bridge_first_time(List **told, Oid model);

/*
 * Progress of a training, shown by the function aiaas.trainings() while it
 * runs; the engine's callback fills it in.  An error ends it by itself.
 */
extern void bridge_progress(void *user, const ml_progress *progress);
extern void bridge_progress_start(Oid schema, const char *model);
extern void bridge_progress_end(void);

/*
 * The server ends a progress when a subtransaction fails or an index is built:
 * what the first returns, palloc'd, the second puts back.
 */
extern int64 *bridge_progress_save(void);
extern void bridge_progress_restore(const int64 *saved);

#endif							/* AIAAS_BRIDGE_H */
