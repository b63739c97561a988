/*-------------------------------------------------------------------------
 *
 * vocabulary.h
 *	  Which buckets are features, and their dense ids: a bit set with ranks.
 *
 * Bucket b is a feature when its bit is set; its id is the number of set bits
 * below it.  One cache line answers both.  In an image it is read-only and
 * position-independent (the struct is followed by its blocks).
 *
 * Stored form (tensor "features.gaps", U8): for each feature in order the gap
 * to the one before it, minus one, as LEB128.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_VOCABULARY_H
#define ML_VOCABULARY_H

#include "base/mem.h"
#include "base/print.h"
#include "kernel/kernel.h"

typedef struct ml_vocabulary
{
	uint32_t	hash_bits;
	uint32_t	nfeatures;
	uint64_t	unused;			/* keeps each block within a cache line */
	ml_bit_block blocks[];		/* 2^hash_bits / 64 of them */
} ml_vocabulary;

#define ML_NO_FEATURE UINT32_MAX

static inline uint32_t
ml_vocabulary_find(const ml_vocabulary *vocabulary, uint32_t bucket)
{
	const ml_bit_block *block = &vocabulary->blocks[bucket >> 6];
	uint64_t	bit = UINT64_C(1) << (bucket & 63);

	if ((block->bits & bit) == 0)
		return ML_NO_FEATURE;
	return block->rank + (uint32_t) __builtin_popcountll(block->bits & (bit - 1));
}

extern size_t ml_vocabulary_size(int hash_bits);

/* Sets ranks and nfeatures from the bits. */
extern void ml_vocabulary_rank(ml_vocabulary *vocabulary);

/*
 * Stored form -> bits and ranks; ML_BAD_MODEL unless the bytes hold exactly
 * nfeatures in range.  vocabulary: room for ml_vocabulary_size, or NULL to
 * check only.
 */
extern ml_status ml_vocabulary_read(ml_context *ctx, const uint8_t *gaps, size_t size,
									int hash_bits, uint32_t nfeatures,
									ml_vocabulary *vocabulary);
extern ml_status ml_vocabulary_write(ml_context *ctx, const ml_vocabulary *vocabulary,
									 ml_buffer *gaps);

#endif							/* ML_VOCABULARY_H */
