/*-------------------------------------------------------------------------
 *
 * residency_private.c
 *	  Images that belong to this backend alone.
 *
 * A short list, most recently used first, bounded by aiaas.private_memory.
 * It outlives statements and transactions, so that a session without the
 * shared arena prepares a model once.  An image is known by its key and by
 * its digest: rows of the running transaction may be replaced in place (by
 * TRUNCATE of a table made in it) without a change of the key.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "residency_internal.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

struct residency_private
{
	dlist_node	node;
	residency_key key;
	uint8		digest[CATALOG_DIGEST_SIZE];
	MemoryContext mcxt;			/* holds this struct and the image */
	void	   *image;
	size_t		size;
	int			pins;
};

static dlist_head images = DLIST_STATIC_INIT(images);
static size_t images_size = 0;

/*
 * Take an image out of the list and free it.
 */
static void
private_drop(residency_private *image)
{
	Assert(image->pins == 0);
	dlist_delete(&image->node);
	images_size -= image->size;
	MemoryContextDelete(image->mcxt);
}

/*
 * Drop unpinned images, least recently used first, until "size" more bytes
 * keep within the limit; false when they can't.
 */
static bool
private_make_room(size_t size)
{
	size_t		limit = (size_t) residency_private_memory * 1024;

	if (size > limit)
		return false;
	while (images_size + size > limit)
	{
		residency_private *victim = NULL;
		dlist_iter	iter;

		dlist_reverse_foreach(iter, &images)
		{
			victim = dlist_container(residency_private, node, iter.cur);
			if (victim->pins == 0)
				break;
			victim = NULL;
		}
		if (victim == NULL)
			return false;
		private_drop(victim);
	}
	return true;
}

/*
 * Found and pinned, or NULL.
 */
residency_private *
residency_private_find(const catalog_version *version)
{
	residency_key key = residency_make_key(version);
	dlist_iter	iter;

	dlist_foreach(iter, &images)
	{
		residency_private *image = dlist_container(residency_private, node, iter.cur);

		if (memcmp(&image->key, &key, sizeof(key)) == 0 &&
			memcmp(image->digest, version->digest, CATALOG_DIGEST_SIZE) == 0)
		{
			dlist_move_head(&images, &image->node);
			image->pins++;
			return image;
		}
	}
	return NULL;
}

/*
 * Build an image out of an opened load; pinned.
 */
residency_private *
residency_private_add(const catalog_version *version, residency_load *load)
{
	residency_private *image;
	MemoryContext mcxt;
	void	   *memory;

	if (!private_make_room(load->image_size))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s does not fit into aiaas.private_memory", load->subject),
				 errdetail("It needs %zu kB; the limit is %d kB, of which %zu kB are in use.",
						   (load->image_size + 1023) / 1024, residency_private_memory,
						   images_size / 1024),
				 errhint("Raise aiaas.private_memory, or put aiaas into shared_preload_libraries and make aiaas.shared_memory large enough.")));

	/* beneath the load until it is complete, so that an error frees it */
	mcxt = AllocSetContextCreate(load->mcxt, "aiaas private image",
								 ALLOCSET_SMALL_SIZES);
	image = MemoryContextAllocZero(mcxt, sizeof(residency_private));
	memory = MemoryContextAllocExtended(mcxt, load->image_size + ML_ALIGN,
										MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (memory == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("%s needs %zu kB.", load->subject,
						   (load->image_size + 1023) / 1024)));
	image->key = residency_make_key(version);
	memcpy(image->digest, load->digest, CATALOG_DIGEST_SIZE);
	image->mcxt = mcxt;
	image->image = (void *) TYPEALIGN(ML_ALIGN, memory);
	image->size = load->image_size;
	image->pins = 1;
	residency_load_build(load, image->image);

	MemoryContextSetParent(mcxt, TopMemoryContext);
	dlist_push_head(&images, &image->node);
	images_size += image->size;
	return image;
}

const ml_image *
residency_private_image(residency_private *image)
{
	return image->image;
}

void
residency_private_unpin(residency_private *image)
{
	Assert(image->pins > 0);
	image->pins--;
}

/*
 * Drop the unpinned images of a key, or else (key NULL) of a model.
 */
static int
private_forget(const residency_key *key, Oid model)
{
	dlist_mutable_iter iter;
	int			dropped = 0;

	dlist_foreach_modify(iter, &images)
	{
		residency_private *image = dlist_container(residency_private, node, iter.cur);

		if (image->pins > 0)
			continue;
		if (key ? memcmp(&image->key, key, sizeof(*key)) != 0 : image->key.model != model)
			continue;
		private_drop(image);
		dropped++;
	}
	return dropped;
}

int
residency_private_forget(const residency_key *key)
{
	return private_forget(key, InvalidOid);
}

int
residency_private_unload(Oid model)
{
	return private_forget(NULL, model);
}
