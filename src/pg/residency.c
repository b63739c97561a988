/*-------------------------------------------------------------------------
 *
 * residency.c
 *	  Pins on prepared models.
 *
 * A version of a model is used through its image: in the shared arena
 * (residency_shared.c), where one copy serves the whole server, or private to
 * this backend (residency_private.c) when the library is not preloaded, the
 * rows are not everybody's (a temporary table, or written by the running
 * transaction) or the arena has no room.
 *
 * A pin lives in a memory context of its own beneath the owner that the
 * caller gives, and is released by that context's reset callback, whichever
 * way the context goes: deleted by residency_release, reset with the owner at
 * the end of a query, or in the abort of a transaction.  No ResourceOwner:
 * PL/pgSQL keeps one fn_extra across subtransactions that aborted.  At exit
 * the pins that are left are released before shared memory goes.
 *
 * Locks: none here; the map stands in residency_shared.c.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "residency_internal.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/rel.h"

int			residency_shared_memory = 0;
int			residency_private_memory = 0;

typedef struct pin
{
	residency_pin public;		/* must be first */
	MemoryContext mcxt;			/* holds this struct */
	MemoryContextCallback callback;
	dlist_node	node;			/* in pins, while held */
	residency_entry *entry;		/* one of these two, while held */
	residency_private *private;
} pin;

static dlist_head pins = DLIST_STATIC_INIT(pins);

residency_key
residency_make_key(const catalog_version *version)
{
	return (residency_key) {
		.database = MyDatabaseId,
		.model = version->model,
		.relfilenumber = version->relfilenumber,
		.version = version->version,
		.xmin = version->xmin,
		.ctid = version->ctid,
		.layout = ML_PACK_LAYOUT
	};
}

/*
 * Idempotent: at exit the list is emptied first, the contexts go later.
 */
static void
pin_drop(void *arg)
{
	pin		   *p = arg;

	if (p->entry == NULL && p->private == NULL)
		return;
	dlist_delete(&p->node);
	if (p->entry != NULL)
		residency_shared_unpin(p->entry);
	else
		residency_private_unpin(p->private);
	p->entry = NULL;
	p->private = NULL;
}

static void
residency_exit(int code, Datum arg)
{
	while (!dlist_is_empty(&pins))
		pin_drop(dlist_container(pin, node, dlist_head_node(&pins)));
	residency_shared_abort();
	residency_shared_detach();
}

/*
 * Tell once per backend and model why it takes memory of its own.
 */
static void
notice_private(const catalog_version *version, residency_reason reason)
{
	static List *told = NIL;
	const char *detail = NULL;
	const char *hint = NULL;

	if (!bridge_first_time(&told, version->model))
		return;
	switch (reason)
	{
		case RESIDENCY_NOT_PRELOADED:
			detail = "There is no shared arena for models.";
			hint = "Put aiaas into shared_preload_libraries, set aiaas.shared_memory, and restart: then all sessions share one copy.";
			break;
		case RESIDENCY_NOT_SHAREABLE:
			detail = "It is temporary, or was written by this transaction.";
			break;
		case RESIDENCY_TOO_BIG:
			detail = "It is larger than the shared arena.";
			hint = "Raise aiaas.shared_memory.";
			break;
		case RESIDENCY_FULL:
			detail = "The shared arena is full of models in use.";
			hint = "Raise aiaas.shared_memory.";
			break;
		case RESIDENCY_TIMEOUT:
			detail = "Another session has been loading it for longer than deadlock_timeout.";
			break;
		case RESIDENCY_SHARED:
			break;
	}
	ereport(NOTICE,
			(errmsg("model %s is loaded into memory of this session",
					catalog_name(version->model)),
			 errdetail_internal("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * Fill in a pin.
 */
static void
pin_acquire(pin *p, const catalog_version *version, Snapshot snapshot)
{
	residency_reason reason;
	residency_load load;
	bool		loaded;
	bool		first;

	reason = residency_shared_acquire(version, snapshot, &p->entry, &load, &loaded);
	if (reason == RESIDENCY_SHARED)
	{
		residency_key key = residency_make_key(version);

		dlist_push_head(&pins, &p->node);
		p->public.image = residency_shared_image(p->entry);
		p->public.shared = true;
		residency_private_forget(&key);
		return;
	}

	p->private = residency_private_find(version);
	first = p->private == NULL;
	if (first)
	{
		if (!loaded)
		{
			residency_load_lock(version->model);
			residency_load_open(&load, version, snapshot);
			loaded = true;
		}
		p->private = residency_private_add(version, &load);
	}
	dlist_push_head(&pins, &p->node);
	p->public.image = residency_private_image(p->private);
	if (loaded)
		residency_load_close(&load);
	if (first)
		notice_private(version, reason);
}

residency_pin *
residency_acquire(const catalog_version *version, Snapshot snapshot, MemoryContext owner)
{
	static bool registered = false;
	MemoryContext mcxt;
	pin		   *p;

	if (!registered)
		before_shmem_exit(residency_exit, 0);
	registered = true;

	mcxt = AllocSetContextCreate(owner, "aiaas pin", ALLOCSET_SMALL_SIZES);
	p = MemoryContextAllocZero(mcxt, sizeof(pin));
	p->mcxt = mcxt;
	p->public.version = *version;
	p->callback.func = pin_drop;
	p->callback.arg = p;
	MemoryContextRegisterResetCallback(mcxt, &p->callback);

	PG_TRY();
	{
		pin_acquire(p, version, snapshot);
	}
	PG_CATCH();
	{
		MemoryContextDelete(mcxt);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return &p->public;
}

void
residency_release(residency_pin *public)
{
	MemoryContextDelete(((pin *) public)->mcxt);
}
