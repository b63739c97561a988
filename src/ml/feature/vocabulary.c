/*-------------------------------------------------------------------------
 *
 * vocabulary.c
 *	  Building, reading and writing the bit set of known buckets.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/vocabulary.h"

static size_t
nblocks(uint32_t hash_bits)
{
	return ((size_t) 1 << hash_bits) / 64;
}

size_t
ml_vocabulary_size(int hash_bits)
{
	return sizeof(ml_vocabulary) + nblocks((uint32_t) hash_bits) * sizeof(ml_bit_block);
}

void
ml_vocabulary_rank(ml_vocabulary *vocabulary)
{
	size_t		n = nblocks(vocabulary->hash_bits);
	uint32_t	rank = 0;

	for (size_t i = 0; i < n; i++)
	{
		ml_bit_block *block = &vocabulary->blocks[i];

		block->rank = rank;
		rank += (uint32_t) __builtin_popcountll(block->bits);
	}
	vocabulary->nfeatures = rank;
}

/* One LEB128 number of at most 32 bits in its shortest form; 0 bytes if none. */
static size_t
read_leb128(const uint8_t *bytes, size_t size, uint32_t *value)
{
	uint64_t	sum = 0;

	for (size_t i = 0; i < size && i < 5; i++)
	{
		sum |= (uint64_t) (bytes[i] & 0x7F) << (7 * i);
		if (bytes[i] < 0x80)
		{
			if (sum > UINT32_MAX || (i > 0 && bytes[i] == 0))
				return 0;
			*value = (uint32_t) sum;
			return i + 1;
		}
	}
	return 0;
}

ml_status
ml_vocabulary_read(ml_context *ctx, const uint8_t *gaps, size_t size,
				   int hash_bits, uint32_t nfeatures, ml_vocabulary *vocabulary)
{
	uint64_t	nbuckets = UINT64_C(1) << hash_bits;
	uint64_t	bucket = 0;		/* the first that the next feature may have */
	size_t		at = 0;

	if (vocabulary != NULL)
	{
		memset(vocabulary, 0, ml_vocabulary_size(hash_bits));
		vocabulary->hash_bits = (uint32_t) hash_bits;
	}
	for (uint32_t i = 0; i < nfeatures; i++)
	{
		uint32_t	gap;
		size_t		n = read_leb128(gaps + at, size - at, &gap);

		if (n == 0)
			return ml_fail(ctx, ML_BAD_MODEL,
						   "feature %u of %u is not in the vocabulary's %zu bytes",
						   i + 1, nfeatures, size);
		at += n;
		bucket += gap;
		if (bucket >= nbuckets)
			return ml_fail(ctx, ML_BAD_MODEL, "feature %u is past the last of 2^%d buckets",
						   i + 1, hash_bits);
		if (vocabulary != NULL)
			vocabulary->blocks[bucket >> 6].bits |= UINT64_C(1) << (bucket & 63);
		bucket++;
	}
	if (at != size)
		return ml_fail(ctx, ML_BAD_MODEL, "%zu bytes follow the vocabulary's %u features",
					   size - at, nfeatures);
	if (vocabulary != NULL)
		ml_vocabulary_rank(vocabulary);
	return ML_OK;
}

ml_status
ml_vocabulary_write(ml_context *ctx, const ml_vocabulary *vocabulary, ml_buffer *gaps)
{
	size_t		n = nblocks(vocabulary->hash_bits);
	uint64_t	next = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint64_t	bits = vocabulary->blocks[i].bits;
		uint8_t		bytes[64 * 5];
		size_t		used = 0;

		for (; bits != 0; bits &= bits - 1)
		{
			uint64_t	bucket = i * 64 + (uint64_t) __builtin_ctzll(bits);
			uint64_t	gap = bucket - next;

			for (; gap >= 0x80; gap >>= 7)
				bytes[used++] = (uint8_t) (gap | 0x80);
			bytes[used++] = (uint8_t) gap;
			next = bucket + 1;
		}
		if (used > 0)
			ML_TRY(ml_append(ctx, gaps, bytes, used));
	}
	return ML_OK;
}
