/*-------------------------------------------------------------------------
 *
 * residency_internal.h
 *	  What the files of residency share: the directory's structures, and the
 *	  steps of a load.
 *
 *	  residency.c			pins; decides between the shared and a private image
 *	  residency_shared.c	the arena, its directory, waiting, eviction
 *	  residency_private.c	images of this backend
 *	  residency_load.c		stored bytes -> checked -> image
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_RESIDENCY_INTERNAL_H
#define AIAAS_RESIDENCY_INTERNAL_H

#include "bridge.h"
#include "residency.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/itemptr.h"

/* No padding: compared and hashed as bytes. */
typedef struct residency_key
{
	Oid			database;
	Oid			model;
	Oid			relfilenumber;
	int32		version;
	TransactionId xmin;
	ItemPointerData ctid;
	uint16		layout;			/* ML_PACK_LAYOUT */
} residency_key;

StaticAssertDecl(sizeof(residency_key) == 28, "residency_key has padding");

extern residency_key residency_make_key(const catalog_version *version);

/*
 * A load under way: the version's bytes in memory, read, hashed and found
 * equal to the manifest's digest; checked by the engine.
 */
typedef struct residency_load
{
	MemoryContext mcxt;
	bridge	   *bridge;
	char	   *subject;		/* 'model spam version 3' */
	void	   *stored;
	size_t		stored_size;
	size_t		image_size;
	size_t		full_size;		/* of an image with tables that make it faster (ml_image_plan_sizes) */
	uint8		digest[CATALOG_DIGEST_SIZE];	/* computed from the bytes */
} residency_load;

extern void residency_load_open(residency_load *load, const catalog_version *version,
								Snapshot snapshot);
extern void residency_load_build(residency_load *load, void *image);
extern void residency_load_close(residency_load *load);

/* Lock what a load reads besides the heap: indexes, toast and its index. */
extern void residency_load_lock(Oid model);

/* === residency_private.c === */

typedef struct residency_private residency_private;

/* Found and pinned, or NULL. */
extern residency_private *residency_private_find(const catalog_version *version);
extern residency_private *residency_private_add(const catalog_version *version,
												residency_load *load);
extern const ml_image *residency_private_image(residency_private *image);
extern void residency_private_unpin(residency_private *image);

/* Free unpinned images of this key, or of this model; returns how many. */
extern int	residency_private_forget(const residency_key *key);
extern int	residency_private_unload(Oid model);

/* === residency_shared.c === */

typedef struct residency_entry residency_entry;

typedef enum residency_reason
{
	RESIDENCY_SHARED,			/* in the arena */
	RESIDENCY_NOT_PRELOADED,
	RESIDENCY_NOT_SHAREABLE,	/* temporary, or written by this transaction */
	RESIDENCY_TOO_BIG,			/* bigger than the arena */
	RESIDENCY_FULL,				/* the arena, with images in use */
	RESIDENCY_TIMEOUT			/* another backend's load takes too long */
} residency_reason;

/*
 * RESIDENCY_SHARED: *entry is pinned.  Otherwise the caller makes a private
 * image; *loaded tells whether "load" was opened for that already.
 */
extern residency_reason residency_shared_acquire(const catalog_version *version,
												 Snapshot snapshot,
												 residency_entry **entry,
												 residency_load *load, bool *loaded);
extern const ml_image *residency_shared_image(residency_entry *entry);
extern void residency_shared_unpin(residency_entry *entry);

/* Give back what a load under way holds; at backend exit. */
extern void residency_shared_abort(void);
extern void residency_shared_detach(void);

/* Drop the unpinned images of a model of this database; counts those in use. */
extern int	residency_shared_unload(Oid model, int *in_use);

typedef struct residency_stat
{
	residency_key key;
	Oid			owner;			/* of the model, when it was loaded */
	uint8		digest[CATALOG_DIGEST_SIZE];
	size_t		bytes;
	uint32		pins;
	uint64		hits;
	uint64		loads;
	TimestampTz loaded_at;
	TimestampTz last_used;
} residency_stat;

/* The images in the arena, palloc'd; returns how many. */
extern int	residency_shared_stats(residency_stat **stats);

#endif							/* AIAAS_RESIDENCY_INTERNAL_H */
