/*-------------------------------------------------------------------------
 *
 * residency.h
 *	  Prepared models ("images") in memory: one copy per server in the shared
 *	  arena, or a private one in this backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_RESIDENCY_H
#define AIAAS_RESIDENCY_H

#include "catalog.h"
#include "ml.h"

/*
 * GUCs, in kB: size of the shared arena (PGC_POSTMASTER,
 * 0 = none) and of the private images of one backend.
 */
extern int	residency_shared_memory;
extern int	residency_private_memory;

/* Called from _PG_init while shared_preload_libraries are loaded. */
extern void residency_init(void);

/* A pinned image: stays where it is until the pin is released. */
typedef struct residency_pin
{
	const ml_image *image;
	catalog_version version;
	bool		shared;
} residency_pin;

/*
 * Find or load the image of a version that catalog_locate found under the
 * snapshot.  The pin is released when owner is reset or deleted (a reset
 * callback), by residency_release, or at backend exit, whichever is first.
 * Rights have been checked by the caller.
 */
extern residency_pin *residency_acquire(const catalog_version *version,
										Snapshot snapshot, MemoryContext owner);
extern void residency_release(residency_pin *pin);

#endif							/* AIAAS_RESIDENCY_H */
