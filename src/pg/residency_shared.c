/*-------------------------------------------------------------------------
 *
 * residency_shared.c
 *	  One copy of each model per server: an arena in main shared memory and
 *	  the directory of what is in it.
 *
 * The arena is a DSA area created in place, with a size limit that keeps it
 * from ever growing by DSM segments.  The directory maps a key (database,
 * table, file, version, raw xmin and ctid of the manifest's row, layout) to an
 * entry, and an entry that is READY to a slot, which is one image.  Entries
 * whose bytes had equal digests share a slot; the digest is the one that the
 * loading backend computed, never the one that a manifest claims, so nobody
 * reaches a model by writing its digest into a table of their own.
 *
 * States of an entry:
 *	  ABSENT	no image; kept for its statistics, recycled when space is short
 *	  LOADING	one backend is at it; others sleep on a condition variable
 *	  READY		image in slot; may be evicted while pins == 0
 *	  TOO_BIG	its image is larger than the arena
 *
 * Lock map
 *	  shared->lock protects the directory: the hash table, the states, the
 *	  slots.  Shared: look up, and pin (pins, hits and last_used are atomic).
 *	  Exclusive: everything else.  An unpin takes no lock: it makes an entry
 *	  evictable, and whoever evicts holds the lock exclusively, under which no
 *	  pin can appear.
 *	  A READY entry with pins is neither removed nor moved, and its slot keeps
 *	  its image: that is all a pin's holder relies on.
 *	  The arena's own locks are never taken under shared->lock; a slot taken
 *	  out of the directory is freed after its release.  Under shared->lock
 *	  nothing is palloc'd, no error raised, no file read.
 *	  A LOADING entry belongs to its loader, who remembers it in "loading"
 *	  and gives it back on error (PG_TRY) and at exit (before_shmem_exit).
 *	  Waiters are not seen by the deadlock detector: see residency_load_lock,
 *	  and they give up after deadlock_timeout.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "residency_internal.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/dsa.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/*
 * Larger than DSA's size classes, so that every image is whole pages of the
 * arena and begins at a page.
 */
#define ARENA_MIN_OBJECT 16384
#define ARENA_ALIGN 4096		/* of the arena, and so of its pages */
#define TABLES_SHARE	4			/* an image with tables takes at most such a part of the arena */

#define NWAITS 16

typedef enum entry_state
{
	ENTRY_ABSENT,
	ENTRY_LOADING,
	ENTRY_READY,
	ENTRY_TOO_BIG
} entry_state;

struct residency_entry
{
	residency_key key;			/* hash key: must be first */
	entry_state state;
	int			slot;			/* when READY */
	Oid			owner;
	pg_atomic_uint32 pins;
	pg_atomic_uint64 hits;
	pg_atomic_uint64 last_used; /* TimestampTz */
	uint64		loads;
	TimestampTz loaded_at;
};

typedef struct arena_slot
{
	int			nentries;		/* 0: free */
	uint16		layout;
	uint8		digest[CATALOG_DIGEST_SIZE];
	size_t		size;
	size_t		offset;			/* from the arena's first byte */
	dsa_pointer pointer;
} arena_slot;

typedef struct residency_shared
{
	LWLock	   *lock;
	size_t		largest;		/* the largest image that the arena can hold */
	int			nslots;
	ConditionVariableMinimallyPadded waits[NWAITS]; /* by hash of the key */
	arena_slot	slots[FLEXIBLE_ARRAY_MEMBER];
} residency_shared;

static residency_shared *shared = NULL;
static HTAB *directory = NULL;
static char *arena_start = NULL;

/* Of this backend. */
static dsa_area *arena = NULL;

/* The load under way in this backend: claimed entry, and memory not yet in a slot. */
static struct
{
	residency_entry *entry;
	dsa_pointer pointer;
} loading;

static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
static shmem_request_hook_type prev_shmem_request_hook = NULL;

/* ---------- set-up, in the postmaster ---------- */

static size_t
arena_size(void)
{
	return Max(BUFFERALIGN((size_t) residency_shared_memory * 1024),
			   MAXALIGN(dsa_minimum_size()) + 64 * 1024);
}

/*
 * As many entries as there can be images of 64 kB: small models cost more of
 * the directory than of the arena, large ones the other way round.
 */
static int
directory_size(void)
{
	return (int) Min(Max(arena_size() / (64 * 1024), 64), 65536);
}

static size_t
shared_size(void)
{
	return add_size(offsetof(residency_shared, slots),
					mul_size(directory_size(), sizeof(arena_slot)));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestAddinShmemSpace(hash_estimate_size(directory_size(), sizeof(residency_entry)));
	RequestAddinShmemSpace(add_size(arena_size(), ARENA_ALIGN));
	RequestNamedLWLockTranche("aiaas_directory", 1);
	RequestNamedLWLockTranche("aiaas_arena", 1);
}

/*
 * Make the arena, and find out what the largest image is that fits into it:
 * page tables and DSA's own blocks take a little, which only DSA knows.
 */
static size_t
arena_create(void)
{
	size_t		size = arena_size();
	size_t		largest;
	dsa_pointer probe;
	dsa_area   *area;

	area = dsa_create_in_place(arena_start, size,
							   GetNamedLWLockTranche("aiaas_arena")->lock.tranche, NULL);
	dsa_pin(area);
	dsa_set_size_limit(area, size);
	for (largest = size; largest > ARENA_MIN_OBJECT; largest -= BLCKSZ)
	{
		probe = dsa_allocate_extended(area, largest, DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
		if (DsaPointerIsValid(probe))
		{
			dsa_free(area, probe);
			break;
		}
	}
	dsa_detach(area);
	return largest;
}

static void
shmem_startup(void)
{
	HASHCTL		info = {.keysize = sizeof(residency_key), .entrysize = sizeof(residency_entry)};
	bool		found;
	bool		arena_found;
	int			i;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	/* in EXEC_BACKEND builds every backend comes here: attach only */
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("aiaas directory", shared_size(), &found);
	directory = ShmemInitHash("aiaas entries", directory_size(), directory_size(),
							  &info, HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	arena_start = ShmemInitStruct("aiaas arena", arena_size() + ARENA_ALIGN, &arena_found);
	arena_start = (char *) TYPEALIGN(ARENA_ALIGN, arena_start);
	if (!found)
	{
		memset(shared, 0, shared_size());
		shared->lock = &GetNamedLWLockTranche("aiaas_directory")->lock;
		shared->nslots = directory_size();
		for (i = 0; i < NWAITS; i++)
			ConditionVariableInit(&shared->waits[i].cv);
		shared->largest = arena_create();
	}
	LWLockRelease(AddinShmemInitLock);
}

void
residency_init(void)
{
	if (residency_shared_memory == 0)
		return;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
}

/* ---------- the arena ---------- */

static void
arena_attach(void)
{
	MemoryContext oldcontext;

	if (arena != NULL)
		return;
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	arena = dsa_attach_in_place(arena_start, NULL);
	dsa_pin_mapping(arena);
	MemoryContextSwitchTo(oldcontext);
}

void
residency_shared_detach(void)
{
	if (arena == NULL)
		return;
	dsa_detach(arena);
	arena = NULL;
	dsa_release_in_place(arena_start);
}

/*
 * Take the image away from an entry.  Lock held exclusively; returns what
 * the caller must dsa_free after its release, if anything.
 */
static dsa_pointer
entry_clear(residency_entry *entry)
{
	arena_slot *slot = &shared->slots[entry->slot];

	Assert(entry->state == ENTRY_READY);
	entry->state = ENTRY_ABSENT;
	if (--slot->nentries > 0)
		return InvalidDsaPointer;
	return slot->pointer;
}

/*
 * The evictable entry that was used least recently.  Lock held.
 */
static residency_entry *
entry_victim(void)
{
	residency_entry *victim = NULL;
	uint64		oldest = PG_UINT64_MAX;
	residency_entry *entry;
	HASH_SEQ_STATUS scan;

	hash_seq_init(&scan, directory);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		uint64		last_used = pg_atomic_read_u64(&entry->last_used);

		if (entry->state == ENTRY_READY && last_used < oldest &&
			pg_atomic_read_u32(&entry->pins) == 0)
		{
			victim = entry;
			oldest = last_used;
		}
	}
	return victim;
}

/*
 * Evict one image, or one entry's share of it; false when all are in use.
 */
static bool
arena_evict(void)
{
	residency_entry *victim;
	dsa_pointer pointer = InvalidDsaPointer;

	arena_attach();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	victim = entry_victim();
	if (victim != NULL)
		pointer = entry_clear(victim);
	LWLockRelease(shared->lock);

	if (DsaPointerIsValid(pointer))
		dsa_free(arena, pointer);
	return victim != NULL;
}

/*
 * Memory for an image, evicting until there is a hole that is large enough;
 * InvalidDsaPointer when there can't be one now.
 */
static dsa_pointer
arena_alloc(size_t size)
{
	dsa_pointer pointer;

	if (size > shared->largest)
		return InvalidDsaPointer;
	do
	{
		pointer = dsa_allocate_extended(arena, Max(size, ARENA_MIN_OBJECT),
										DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
	} while (!DsaPointerIsValid(pointer) && arena_evict());
	return pointer;
}

/* ---------- the directory ---------- */

static ConditionVariable *
entry_wait(const residency_key *key)
{
	return &shared->waits[hash_bytes((const unsigned char *) key, sizeof(*key)) % NWAITS].cv;
}

/*
 * Lock held, in any mode.
 */
static void
entry_pin(residency_entry *entry)
{
	pg_atomic_fetch_add_u32(&entry->pins, 1);
	pg_atomic_write_u64(&entry->last_used, (uint64) GetCurrentTimestamp());
}

/*
 * State of a key; pinned when READY.
 */
static entry_state
directory_find(const residency_key *key, residency_entry **result)
{
	entry_state state = ENTRY_ABSENT;
	residency_entry *entry;

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = hash_search(directory, key, HASH_FIND, NULL);
	if (entry != NULL)
	{
		state = entry->state;
		if (state == ENTRY_READY)
		{
			entry_pin(entry);
			pg_atomic_fetch_add_u64(&entry->hits, 1);
			*result = entry;
		}
	}
	LWLockRelease(shared->lock);
	return state;
}

/*
 * Make space for a new key in a full directory: forget the statistics of the
 * key that was used longest ago.  Lock held exclusively.
 */
static bool
directory_forget(void)
{
	residency_entry *oldest = NULL;
	residency_entry *entry;
	HASH_SEQ_STATUS scan;

	hash_seq_init(&scan, directory);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if ((entry->state == ENTRY_ABSENT || entry->state == ENTRY_TOO_BIG) &&
			(oldest == NULL ||
			 pg_atomic_read_u64(&entry->last_used) < pg_atomic_read_u64(&oldest->last_used)))
			oldest = entry;
	}
	if (oldest == NULL)
		return false;
	hash_search(directory, &oldest->key, HASH_REMOVE, NULL);
	return true;
}

/*
 * Claim a key for loading.  False when somebody else has moved meanwhile (look
 * again) or, *full, when the directory has no space.
 */
static bool
directory_claim(const residency_key *key, Oid owner, bool *full)
{
	residency_entry *entry;
	bool		found;
	bool		claimed = false;

	*full = false;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = hash_search(directory, key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		entry = hash_search(directory, key, HASH_ENTER_NULL, &found);
		if (entry == NULL && directory_forget())
			entry = hash_search(directory, key, HASH_ENTER_NULL, &found);
		if (entry == NULL)
			*full = true;
		else
		{
			entry->state = ENTRY_ABSENT;
			pg_atomic_init_u32(&entry->pins, 0);
			pg_atomic_init_u64(&entry->hits, 0);
			pg_atomic_init_u64(&entry->last_used, (uint64) GetCurrentTimestamp());
			entry->loads = 0;
			entry->loaded_at = 0;
		}
	}
	if (entry != NULL && entry->state == ENTRY_ABSENT)
	{
		entry->state = ENTRY_LOADING;
		entry->owner = owner;
		loading.entry = entry;
		loading.pointer = InvalidDsaPointer;
		claimed = true;
	}
	LWLockRelease(shared->lock);
	return claimed;
}

/*
 * End this backend's load: the entry gets its new state and the waiters wake.
 */
static void
directory_settle(entry_state state)
{
	residency_entry *entry = loading.entry;
	residency_key key = entry->key;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	Assert(entry->state == ENTRY_LOADING);
	entry->state = state;
	loading.entry = NULL;
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(entry_wait(&key));
}

void
residency_shared_abort(void)
{
	if (loading.entry == NULL)
		return;
	if (DsaPointerIsValid(loading.pointer))
		dsa_free(arena, loading.pointer);
	loading.pointer = InvalidDsaPointer;
	directory_settle(ENTRY_ABSENT);
}

/*
 * Give the entry being loaded a slot: one whose bytes had the same digest, or
 * else the image at loading.pointer, if there is one.  Pinned when true.
 */
static bool
directory_publish(residency_load *load)
{
	residency_entry *entry = loading.entry;
	residency_key key = entry->key;
	char	   *image = dsa_get_address(arena, loading.pointer);
	int			unused = -1;
	int			i;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < shared->nslots; i++)
	{
		arena_slot *slot = &shared->slots[i];

		if (slot->nentries == 0)
			unused = unused < 0 ? i : unused;
		else if (slot->layout == key.layout &&
				 memcmp(slot->digest, load->digest, CATALOG_DIGEST_SIZE) == 0)
			break;
	}
	if (i == shared->nslots && DsaPointerIsValid(loading.pointer) && unused >= 0)
	{
		arena_slot *slot = &shared->slots[unused];

		slot->layout = key.layout;
		memcpy(slot->digest, load->digest, CATALOG_DIGEST_SIZE);
		slot->size = load->image_size;
		slot->pointer = loading.pointer;
		slot->offset = image - arena_start;
		loading.pointer = InvalidDsaPointer;
		i = unused;
	}
	if (i < shared->nslots)
	{
		shared->slots[i].nentries++;
		entry->slot = i;
		entry->loads++;
		entry->loaded_at = GetCurrentTimestamp();
		entry_pin(entry);
		entry->state = ENTRY_READY;
		loading.entry = NULL;
	}
	LWLockRelease(shared->lock);
	if (loading.entry != NULL)
		return false;

	/* another key with the same bytes was faster: ours is not needed */
	if (DsaPointerIsValid(loading.pointer))
		dsa_free(arena, loading.pointer);
	loading.pointer = InvalidDsaPointer;
	ConditionVariableBroadcast(entry_wait(&key));
	return true;
}

/*
 * Memory at loading.pointer for the image: with its tables where these are a
 * small part of the arena and there is a hole for them, else without.
 */
static void
arena_place(residency_load *load)
{
	size_t		least = load->image_size;

	if (load->full_size > least && load->full_size <= shared->largest / TABLES_SHARE)
	{
		load->image_size = load->full_size;
		loading.pointer = arena_alloc(load->image_size);
		if (DsaPointerIsValid(loading.pointer))
			return;
	}
	load->image_size = least;
	loading.pointer = arena_alloc(least);
}

/*
 * Load what directory_claim claimed.  When the arena can't take it, the open
 * load is left for the caller (*loaded).
 */
static residency_reason
shared_load(const catalog_version *version, Snapshot snapshot, residency_load *load,
			bool *loaded)
{
	residency_reason volatile reason = RESIDENCY_SHARED;

	PG_TRY();
	{
		residency_load_open(load, version, snapshot);
		if (!directory_publish(load))
		{
			arena_attach();
			arena_place(load);
			if (DsaPointerIsValid(loading.pointer))
			{
				residency_load_build(load, dsa_get_address(arena, loading.pointer));
				if (!directory_publish(load))
					elog(ERROR, "no slot for an image of the directory");
			}
			else if (load->image_size > shared->largest)
				reason = RESIDENCY_TOO_BIG;
			else
				reason = RESIDENCY_FULL;
		}
	}
	PG_CATCH();
	{
		residency_shared_abort();
		PG_RE_THROW();
	}
	PG_END_TRY();

	*loaded = reason != RESIDENCY_SHARED;
	if (*loaded)
		directory_settle(reason == RESIDENCY_TOO_BIG ? ENTRY_TOO_BIG : ENTRY_ABSENT);
	else
		residency_load_close(load);
	return reason;
}

/*
 * Sleep until a key is no longer LOADING; false after deadlock_timeout.
 */
static bool
shared_wait(const residency_key *key, TimestampTz deadline)
{
	residency_entry *entry;
	bool		settled;

	ConditionVariablePrepareToSleep(entry_wait(key));
	for (;;)
	{
		long		remaining;

		LWLockAcquire(shared->lock, LW_SHARED);
		entry = hash_search(directory, key, HASH_FIND, NULL);
		settled = entry == NULL || entry->state != ENTRY_LOADING;
		LWLockRelease(shared->lock);
		if (settled)
			break;
		remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (remaining <= 0)
			break;
		ConditionVariableTimedSleep(entry_wait(key), remaining, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return settled;
}

static Oid
model_owner(Oid model)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(model));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

residency_reason
residency_shared_acquire(const catalog_version *version, Snapshot snapshot,
						 residency_entry **entry, residency_load *load, bool *loaded)
{
	residency_key key = residency_make_key(version);
	TimestampTz deadline = 0;
	bool		locked = false;
	bool		full;
	Oid			owner;

	*loaded = false;
	if (shared == NULL)
		return RESIDENCY_NOT_PRELOADED;
	if (!version->shareable || loading.entry != NULL)
		return RESIDENCY_NOT_SHAREABLE;

	for (;;)
	{
		switch (directory_find(&key, entry))
		{
			case ENTRY_READY:
				return RESIDENCY_SHARED;
			case ENTRY_TOO_BIG:
				return RESIDENCY_TOO_BIG;
			case ENTRY_LOADING:
				if (deadline == 0)
					deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														   DeadlockTimeout);
				if (!shared_wait(&key, deadline))
					return RESIDENCY_TIMEOUT;
				break;
			case ENTRY_ABSENT:
				if (!locked)
					residency_load_lock(version->model);
				locked = true;
				owner = model_owner(version->model);
				if (directory_claim(&key, owner, &full))
				{
					residency_entry *claimed = loading.entry;
					residency_reason reason;

					reason = shared_load(version, snapshot, load, loaded);
					if (reason == RESIDENCY_SHARED)
						*entry = claimed;
					return reason;
				}
				if (full && !arena_evict())
					return RESIDENCY_FULL;
				break;
		}
	}
}

const ml_image *
residency_shared_image(residency_entry *entry)
{
	return (const ml_image *) (arena_start + shared->slots[entry->slot].offset);
}

void
residency_shared_unpin(residency_entry *entry)
{
	pg_atomic_fetch_sub_u32(&entry->pins, 1);
}

int
residency_shared_unload(Oid model, int *in_use)
{
	int			dropped = 0;

	*in_use = 0;
	if (shared == NULL)
		return 0;
	arena_attach();
	for (;;)
	{
		dsa_pointer pointer = InvalidDsaPointer;
		residency_entry *victim = NULL;
		residency_entry *entry;
		HASH_SEQ_STATUS scan;

		*in_use = 0;
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		hash_seq_init(&scan, directory);
		while ((entry = hash_seq_search(&scan)) != NULL)
		{
			if (entry->state != ENTRY_READY || entry->key.database != MyDatabaseId ||
				entry->key.model != model)
				continue;
			if (pg_atomic_read_u32(&entry->pins) > 0)
				(*in_use)++;
			else
				victim = entry;
		}
		if (victim != NULL)
			pointer = entry_clear(victim);
		LWLockRelease(shared->lock);

		if (victim == NULL)
			return dropped;
		dropped++;
		if (DsaPointerIsValid(pointer))
			dsa_free(arena, pointer);
	}
}

int
residency_shared_stats(residency_stat **stats)
{
	residency_entry *entry;
	HASH_SEQ_STATUS scan;
	int			n = 0;

	if (shared == NULL)
		return 0;
	*stats = palloc(sizeof(residency_stat) * shared->nslots);

	LWLockAcquire(shared->lock, LW_SHARED);
	hash_seq_init(&scan, directory);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		const arena_slot *slot;
		residency_stat *stat;

		if (entry->state != ENTRY_READY || n == shared->nslots)
			continue;
		slot = &shared->slots[entry->slot];
		stat = &(*stats)[n++];
		stat->key = entry->key;
		stat->owner = entry->owner;
		memcpy(stat->digest, slot->digest, CATALOG_DIGEST_SIZE);
		stat->bytes = slot->size;
		stat->pins = pg_atomic_read_u32(&entry->pins);
		stat->hits = pg_atomic_read_u64(&entry->hits);
		stat->loads = entry->loads;
		stat->loaded_at = entry->loaded_at;
		stat->last_used = (TimestampTz) pg_atomic_read_u64(&entry->last_used);
	}
	LWLockRelease(shared->lock);
	return n;
}
