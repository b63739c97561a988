/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  Model tables: the only door to their columns, rows and privileges.
 *
 * A model is a table with the columns (version int, chunk int, manifest jsonb,
 * data bytea), usually OF aiaas.model:
 *	  (0, 0)	head: {"format": 1, "live": 3, "history": [...], "dropped": [2]}
 *	  (v, 0)	manifest of version v, data NULL
 *	  (v, 1..)	the stored model in pieces of at most 4 MB, manifest NULL
 *
 * A regclass that a user passes is untrusted: catalog_open checks relkind,
 * access method, column names and types before anything is read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_CATALOG_H
#define AIAAS_CATALOG_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#define CATALOG_CHUNK_SIZE	(4 * 1024 * 1024)
#define CATALOG_HEAD_FORMAT 1
#define CATALOG_MANIFEST_FORMAT 1
#define CATALOG_DIGEST_SIZE 32

/* Rights on a model, of the current user (DESIGN, decision 1). */
typedef enum catalog_right
{
	CATALOG_USE,				/* SELECT on (version, chunk, manifest) */
	CATALOG_READ,				/* SELECT on data as well: export, weights */
	CATALOG_TRAIN,				/* use + INSERT */
	CATALOG_DEPLOY,				/* use + UPDATE */
	CATALOG_DROP				/* use + UPDATE + DELETE */
} catalog_right;

/* ERROR 42501 that names the model and the GRANT that is missing. */
extern void catalog_require(Oid model, catalog_right right);

/* The same; the hint goes on with another way out. */
extern void catalog_require_or(Oid model, catalog_right right, const char *otherwise);
extern bool catalog_permits(Oid model, catalog_right right);

/* Lock (AccessShare, kept to the end of the transaction) and check. */
extern Relation catalog_open(Oid model);

/* True if the relation has a model's columns; no error, no lock kept. */
extern bool catalog_is_model(Oid relation);

/* False for what does not exist: any number may stand where a regclass does. */
extern bool catalog_is_temporary(Oid relation);

/* Quoted, schema-qualified where needed: for messages. */
extern char *catalog_name(Oid model);

/* Identity of one version's rows: what an image in shared memory is keyed by. */
typedef struct catalog_version
{
	Oid			model;
	Oid			relfilenumber;
	int32		version;
	TransactionId xmin;			/* raw, of the manifest row */
	ItemPointerData ctid;		/* of the manifest row */
	uint8		digest[CATALOG_DIGEST_SIZE];	/* as claimed by the manifest */
	int64		bytes;			/* as claimed */
	int32		chunks;			/* as claimed */
	bool		shareable;		/* permanent or unlogged table, and not written by this transaction */
} catalog_version;

/* 'model spam version 3': the subject of bridge_check's messages. */
extern char *catalog_subject(const catalog_version *version);

/*
 * The version to use under the snapshot: version 0 = the live one (so check
 * a version that a user wrote: > 0).  ERROR when the model has no live
 * version (55000, hint: deploy), or no such version (42704), or its manifest
 * makes no sense (XX001) or is of a later release (0A000).
 */
extern void catalog_locate(Oid model, int32 version, Snapshot snapshot,
						   catalog_version *result);

/* Live version under the snapshot, 0 if none. */
extern int32 catalog_live(Oid model, Snapshot snapshot);

/*
 * Versions that exist (ascending, palloc'd), and a version's manifest: ERROR
 * 42704 if there is no such version; where the manifest is no object, find
 * gives NULL, so that damage can be listed and dropped, the other ERROR XX001.
 */
extern int	catalog_versions(Oid model, Snapshot snapshot, int32 **versions);
extern Jsonb *catalog_find_manifest(Oid model, int32 version, Snapshot snapshot);
extern Jsonb *catalog_manifest(Oid model, int32 version, Snapshot snapshot);
extern Jsonb *catalog_head(Oid model, Snapshot snapshot);	/* NULL if none */

/*
 * The stored bytes of a version: chunks 1..n in order, none missing, joined in
 * one allocation in mcxt.  Interruptible.  ERROR XX001 naming model, version
 * and chunk.  The digest is not checked here: compare what catalog_digest
 * computes (interruptibly) with catalog_check_digest.
 */
extern void *catalog_read(const catalog_version *version, Snapshot snapshot,
						  MemoryContext mcxt, size_t *size);
extern void catalog_digest(const void *bytes, size_t size,
						   uint8 digest[CATALOG_DIGEST_SIZE]);

/* ERROR XX001 unless the digest of the bytes is the one that the manifest states. */
extern void catalog_check_digest(const catalog_version *version, const uint8 *digest);

/*
 * The same, piece by piece and without the join: "each" gets chunk 1..n in
 * order, after it is known that they are complete.
 */
typedef void (*catalog_chunk_callback) (void *arg, int32 chunk,
										const void *data, size_t size);

extern void catalog_each_chunk(const catalog_version *version, Snapshot snapshot,
							   catalog_chunk_callback each, void *arg);

/*
 * CREATE TABLE OF aiaas.model with key, storage and guard, by a name as
 * a user writes it: 'spam', 'schema.spam', 'pg_temp.spam'.
 */
extern Oid	catalog_create(const char *model);

/*
 * The model of that name or, if there is none, a new one.  ERROR 42809 for a
 * relation that is no model.
 */
extern Oid	catalog_resolve(const char *model);

/*
 * The same without creating: InvalidOid if there is none, after making sure
 * that the current user may create it.
 */
extern Oid	catalog_find(const char *model);

/*
 * Insert a new version as the current user; number = highest in rows
 * (uncommitted ones too) and tombstones + 1, retried on conflict.  The
 * manifest is completed with digest, bytes and chunks.
 */
extern int32 catalog_store(Oid model, const void *stored, size_t size, Jsonb *manifest);

/* Rewrite the head under its row lock; action: "deploy", "rollback". */
extern void catalog_deploy(Oid model, int32 version, const char *action);

/*
 * Deploy, under the head's row lock, the version that was live before the
 * present one and still exists; ERROR 55000 if there is none.
 */
extern int32 catalog_rollback(Oid model);

/* Tombstone in the head, then DELETE the rows.  ERROR 55000 for the live one. */
extern void catalog_drop_version(Oid model, int32 version);

/* The same of a checkpoint; nothing, if it is none or gone. */
extern void catalog_drop_checkpoint(Oid model, int32 version);

/* Append "at": now in UTC, "by": the current user. */
extern void catalog_append_stamp(StringInfo json);

extern Oid	catalog_extension_oid(void);

#endif							/* AIAAS_CATALOG_H */
