/*-------------------------------------------------------------------------
 *
 * test_vocabulary.c
 *	  The bit set of known buckets.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "feature/vocabulary.h"

#define BITS 12

static ml_vocabulary *
make(double share, uint64_t seed, bool *set)
{
	ml_vocabulary *vocabulary = calloc(1, ml_vocabulary_size(BITS));
	ml_rng		rng;

	ml_rng_seed(&rng, seed);
	vocabulary->hash_bits = BITS;
	for (uint32_t b = 0; b < 1 << BITS; b++)
	{
		set[b] = ml_rng_double(&rng) < share;
		if (set[b])
			vocabulary->blocks[b >> 6].bits |= UINT64_C(1) << (b & 63);
	}
	ml_vocabulary_rank(vocabulary);
	return vocabulary;
}

static bool
finds(const ml_vocabulary *vocabulary, const bool *set)
{
	uint32_t	id = 0;

	for (uint32_t b = 0; b < 1 << BITS; b++)
		if (ml_vocabulary_find(vocabulary, b) != (set[b] ? id++ : ML_NO_FEATURE))
			return false;
	return id == vocabulary->nfeatures;
}

/* Each level maps buckets as ml_vocabulary_find does. */
static bool
maps(const ml_vocabulary *vocabulary, ml_level level)
{
	static uint32_t keys[1 << BITS];
	uint32_t	known = 0;
	bool		right = true;
	size_t		n;

	for (uint32_t b = 0; b < 1 << BITS; b++)
		keys[b] = (b * 17 + 5) % (1 << BITS);
	n = ml_kernel_select(level)->bucket_map(keys, 1 << BITS, vocabulary->blocks);
	for (uint32_t b = 0; b < 1 << BITS; b++)
	{
		uint32_t	id = ml_vocabulary_find(vocabulary, (b * 17 + 5) % (1 << BITS));

		right &= id == ML_NO_FEATURE || keys[known++] == id;
	}
	return right && known == n;
}

static void
round_trip(unit_host *host, double share)
{
	static bool set[1 << BITS];
	ml_vocabulary *vocabulary = make(share, 7, set);
	ml_vocabulary *again = malloc(ml_vocabulary_size(BITS));
	ml_buffer	gaps = {0};

	unit_ok(finds(vocabulary, set), "share %g: finds what is set, by rank", share);
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		unit_ok(maps(vocabulary, level), "share %g: %s maps buckets", share, ml_level_name(level));
	unit_ok(ml_vocabulary_write(&host->ctx, vocabulary, &gaps) == ML_OK, "share %g: written", share);
	unit_ok(ml_vocabulary_read(&host->ctx, (uint8_t *) gaps.data, gaps.size, BITS,
							   vocabulary->nfeatures, again) == ML_OK &&
			memcmp(vocabulary, again, ml_vocabulary_size(BITS)) == 0, "share %g: read", share);
	unit_ok(ml_vocabulary_read(&host->ctx, (uint8_t *) gaps.data, gaps.size, BITS,
							   vocabulary->nfeatures, NULL) == ML_OK, "share %g: checked", share);
	unit_fails(host, ml_vocabulary_read(&host->ctx, (uint8_t *) gaps.data, gaps.size, BITS,
										vocabulary->nfeatures + 1, NULL), ML_BAD_MODEL,
			   "not in the vocabulary", "share %g: one feature too many", share);
	if (vocabulary->nfeatures > 0)
	{
		unit_fails(host, ml_vocabulary_read(&host->ctx, (uint8_t *) gaps.data, gaps.size, BITS,
											vocabulary->nfeatures - 1, NULL), ML_BAD_MODEL,
				   "bytes follow", "share %g: one feature too few", share);
		unit_fails(host, ml_vocabulary_read(&host->ctx, (uint8_t *) gaps.data, gaps.size - 1, BITS,
											vocabulary->nfeatures, NULL), ML_BAD_MODEL,
				   "not in the vocabulary", "share %g: cut", share);
	}
	ml_buffer_free(&host->ctx, &gaps);
	free(vocabulary);
	free(again);
}

static void
refuse(unit_host *host, const char *name, const char *bytes, size_t size, const char *message)
{
	unit_fails(host, ml_vocabulary_read(&host->ctx, (const uint8_t *) bytes, size, BITS, 1, NULL),
			   ML_BAD_MODEL, message, "%s", name);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	round_trip(&host, 0);
	round_trip(&host, 0.001);
	round_trip(&host, 0.3);
	round_trip(&host, 1);
	unit_ok(ml_vocabulary_read(&host.ctx, (const uint8_t *) "\xff\x1f", 2, BITS, 1, NULL) == ML_OK,
			"the last bucket");
	refuse(&host, "past the last bucket", "\x80\x20", 2, "past the last");
	refuse(&host, "a number that is longer than it needs to be", "\x80\x00", 2, "not in the");
	refuse(&host, "a number without end", "\x80\x80\x80\x80\x80\x80", 6, "not in the");
	refuse(&host, "a number of 35 bits", "\xff\xff\xff\xff\x7f", 5, "not in the");
	unit_close(&host, "vocabulary");
	return unit_done();
}
