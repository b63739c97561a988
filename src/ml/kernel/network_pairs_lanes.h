/*-------------------------------------------------------------------------
 *
 * network_pairs_lanes.h
 *	  Packing of pairs of bf16 for products (network.h), over vectors of floats
 *	  (part of network_lanes.h).
 *
 * Where the CPU converts by itself, LANES_PAIR(x, y) makes lanes of pairs, and
 * LANES_HALVES(x) a vector of 16-bit numbers.
 *
 *-------------------------------------------------------------------------
 */

/* To bf16, ties to even, in the high halves of lanes; NaN stays NaN. */
INLINED ilanes
LANES_NAME(round) (floats x)
{
	ilanes		bits = (ilanes) x;
	ilanes		nan = (bits & 0x7FFFFFFF) > 0x7F800000;
	ilanes		rounded = bits + 0x7FFF + ((bits >> 16) & 1);

	return ((nan & (bits | 0x00400000)) | (~nan & rounded)) & (int32_t) 0xFFFF0000;
}

#ifndef LANES_PAIR
#define LANES_PAIR(x, y) ((floats) (LANES_NAME(round) (y) | ((LANES_NAME(round) (x) >> 16) & 0xFFFF)))
#define LANES_HALVES(x) __builtin_convertvector(LANES_NAME(round) (x) >> 16, hlanes)
#endif

/* n <= LANES_N pairs. */
INLINED void
LANES_NAME(pairs) (uint32_t *to, const float *even, const float *odd, size_t n)
{
	floats		x = n == LANES_N ? AT(even, 0) : LANES_NAME(load_part) (even, n);
	floats		y = odd == NULL ? splat(0) : n == LANES_N ? AT(odd, 0) : LANES_NAME(load_part) (odd, n);

	if (n == LANES_N)
		TO((float *) to, 0) = LANES_PAIR(x, y);
	else
		LANES_NAME(store_part) ((float *) to, LANES_PAIR(x, y), n);
}

/*
 * A pair of rows goes into four panels at a time: narrow ones share cache lines
 * of it.  Where a panel's width is no multiple of a vector's, whole vectors are
 * stored all the same, into the room of the next pair of rows, which comes later:
 * stores of parts of vectors take several times as long.
 */
LANES_TARGET static void
LANES_NAME(pack_pairs) (uint32_t *panels, size_t width, int64_t panel, const float *from, int64_t from_row,
						size_t rows, size_t columns)
{
	for (size_t first = 0; first < columns; first += 4 * width, panels += 4 * panel)
		for (size_t r = 0; r < rows; r += 2)
			for (size_t c = first; c < ML_MIN(columns, first + 4 * width); c += width)
			{
				size_t		n = ML_MIN(columns - c, width);
				uint32_t   *to = panels + (int64_t) ((c - first) / width) * panel + r / 2 * width;
				const float *even = from + (int64_t) r * from_row + c;
				const float *odd = r + 1 < rows ? even + from_row : NULL;
				bool		whole = n == width && r + 2 < rows;

				for (size_t i = 0; i < n; i += LANES_N)
					LANES_NAME(pairs) (to + i, even + i, odd ? odd + i : NULL,
									   whole && columns - c - i >= LANES_N ? LANES_N : ML_MIN(n - i, LANES_N));
				if (n < width)
					memset(to + n, 0, (width - n) * sizeof(*to));
			}
}

/* Neighbours side by side: 16 bits of each lane, in order. */
LANES_TARGET static void
LANES_NAME(round_rows) (uint32_t *to, int64_t to_row, const float *from, int64_t from_row, size_t rows,
						size_t columns)
{
	for (size_t r = 0; r < rows; r++)
	{
		const float *x = from + (int64_t) r * from_row;
		uint16_t   *y = (uint16_t *) (to + (int64_t) r * to_row);
		size_t		c = 0;

#ifdef LANES_BOTH
		for (; c + 2 * LANES_N <= columns; c += 2 * LANES_N)
			TO((float *) (y + c), 0) = LANES_BOTH(AT(x, c), AT(x, c + LANES_N));
#endif
		for (; c + LANES_N <= columns; c += LANES_N)
			*(hlanes *) (y + c) = LANES_HALVES(AT(x, c));
		if (c < columns)
		{
			hlanes		last = LANES_HALVES(LANES_NAME(load_part) (x + c, columns - c));

			for (size_t i = 0; i < columns - c; i++)
				y[c + i] = last[i];
		}
		if (columns % 2)
			y[columns] = 0;
	}
}

/* Some rows and columns at a time are rounded, then turned while they are in the first cache. */
#define TURNED		16

LANES_TARGET static void
LANES_NAME(turn_pairs) (uint32_t *to, int64_t to_row, const float *from, int64_t from_row, size_t rows,
						size_t columns)
{
	uint32_t	pairs[TURNED * TURNED];

	for (size_t r = 0; r < rows; r += TURNED)
		for (size_t c = 0; c < columns; c += 2 * TURNED)
		{
			size_t		height = ML_MIN(rows - r, TURNED);
			size_t		width = ML_MIN(columns - c, 2 * TURNED);

			LANES_NAME(round_rows) (pairs, TURNED, from + (int64_t) r * from_row + c, from_row, height, width);
			LANES_NAME(transpose) ((float *) to + (int64_t) (c / 2) * to_row + r, to_row, (const float *) pairs, TURNED,
								   height, width / 2 + width % 2);
		}
}

#undef TURNED
#undef LANES_PAIR
#undef LANES_BOTH
#undef LANES_HALVES
