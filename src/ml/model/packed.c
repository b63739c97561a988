/*-------------------------------------------------------------------------
 *
 * packed.c
 *	  Reading stored rows of weights, trusting nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "model/packed.h"

size_t
ml_packed_write_count(uint8_t *out, uint32_t count)
{
	size_t		used = 0;

	for (; count >= 0x80; count >>= 7)
		out[used++] = (uint8_t) (count | 0x80);
	out[used++] = (uint8_t) count;
	return used;
}

static bool
read_count(ml_packed_reader *reader, uint32_t *count)
{
	*count = 0;
	for (int i = 0; i < ML_PACKED_COUNT_MAX && reader->left > 0; i++)
	{
		uint8_t		byte = *reader->at++;

		reader->left--;
		*count |= (uint32_t) (byte & 0x7F) << (7 * i);
		if (byte < 0x80)
			return i == 0 || byte != 0;
	}
	return false;
}

bool
ml_packed_read(ml_packed_reader *reader, ml_packed *row)
{
	uint32_t	nscores = reader->nscores;

	row->wide = nscores > 256;
	row->count = nscores;
	if (nscores > ML_DENSE_SCORES && !read_count(reader, &row->count))
		return false;
	if (row->count > nscores)
		return false;
	row->dense = row->count == nscores;
	row->size = row->dense ? nscores : (size_t) row->count * (row->wide ? 3 : 2);
	row->entries = reader->at;
	if (row->size > reader->left)
		return false;
	reader->at += row->size;
	reader->left -= row->size;
	if (row->dense)
		return true;
	for (uint32_t k = 0; k < row->count; k++)
		if (ml_packed_score(row, k) >= nscores ||
			(k > 0 && ml_packed_score(row, k) <= ml_packed_score(row, k - 1)))
			return false;
	return true;
}
