/*-------------------------------------------------------------------------
 *
 * packed.h
 *	  One feature's int8 weights, as "weights" in stored.h and in an image.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_PACKED_H
#define ML_PACKED_H

#include "base/base.h"
#include "model/quantize.h"

#define ML_PACKED_COUNT_MAX	3	/* bytes of a count: scores < 2^16 */
#define ML_SCORES_MAX		UINT16_MAX

typedef struct ml_packed
{
	uint32_t	count;			/* weights that follow */
	bool		dense;			/* count == nscores, without score numbers */
	bool		wide;			/* score numbers of two bytes */
	const uint8_t *entries;
	size_t		size;			/* bytes of entries */
} ml_packed;

typedef struct ml_packed_reader
{
	const uint8_t *at;
	size_t		left;
	uint32_t	nscores;
} ml_packed_reader;

/* The next row; false when what follows is not one. */
extern bool ml_packed_read(ml_packed_reader *reader, ml_packed *row);

extern size_t ml_packed_write_count(uint8_t *out, uint32_t count);

/* Score number and weight of entry k < count. */
static inline uint32_t
ml_packed_score(const ml_packed *row, uint32_t k)
{
	const uint8_t *entry = row->entries + (size_t) k * (row->wide ? 3 : 2);

	if (row->dense)
		return k;
	return row->wide ? entry[0] | (uint32_t) entry[1] << 8 : entry[0];
}

static inline int8_t
ml_packed_weight(const ml_packed *row, uint32_t k)
{
	if (row->dense)
		return (int8_t) row->entries[k];
	return (int8_t) row->entries[(size_t) k * (row->wide ? 3 : 2) + (row->wide ? 2 : 1)];
}

#endif							/* ML_PACKED_H */
