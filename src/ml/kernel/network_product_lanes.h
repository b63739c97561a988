/*-------------------------------------------------------------------------
 *
 * network_product_lanes.h
 *	  The product of network.h, over vectors of floats (part of network_lanes.h);
 *	  included once for each kind of numbers, with
 *
 *	  PRODUCT_NAME(name)	what that product calls a function
 *	  PRODUCT_TERM(a, b, c) a * b + c of vectors; a and b may be pairs
 *
 * A tile of c stays in registers while the sum runs: TILE_HEIGHT rows of two
 * vectors, each row's number of a broadcast to both.  A sum of few rows would
 * wait for the latency of its own chains, so there tiles are wider instead: up
 * to eight vectors, which lie in as many panels as it takes.
 *
 * The sum is cut into pieces of a panel of b that stay in the first cache while
 * the rows go by (Goto and van de Geijn, Anatomy of high-performance matrix
 * multiplication, 2008); between pieces c is in memory, which costs little and
 * changes no bit.
 *
 *-------------------------------------------------------------------------
 */

#define PER_PANEL	(ML_PANEL / LANES_N)
#define PIECE		256			/* terms of a sum: 32 kB of a panel */

/* A piece of the sum; where its first term lies. */
typedef struct PRODUCT_NAME(piece)
{
	const ml_product *p;
	const float *a;
	const float *b;
	size_t		outer;
	size_t		inner;
	bool		add;
	const float *bias;			/* where the sums begin, unless they add */
	const float *const *starts;
} PRODUCT_NAME(piece);

/*
 * Where vector v from pointer "first" on lies, which is itself the beginning
 * of a panel if the tile is wider than what is left of it.
 */
#define VECTOR_AT(first, panel, v) ((first) + (v) / PER_PANEL * (panel) + (v) % PER_PANEL * LANES_N)

/* Vector v of a tile, of which "part" says what the last one has. */
#define AT_TILE(at, v) (part && (v) == count - 1 ? LANES_NAME(load_part) ((at), part) : AT(at, 0))

/* One term: registers of sums[rows][count] += a[rows] b[count]. */
INLINED void
PRODUCT_NAME(term) (floats *sums, const float *a, int64_t a_row, const float *b, int64_t b_panel,
				  const int rows, const int count, const size_t part)
{
	floats		values[8];

	UNROLLED
	for (int v = 0; v < count; v++)
	{
		const float *at = VECTOR_AT(b, b_panel, v);

		values[v] = AT_TILE(at, v);
	}
	UNROLLED
	for (int r = 0; r < rows; r++)
	{
		/* three rows from each pointer: what addresses of x86 can add by themselves */
		floats		own = splat((a + r / 3 * (3 * a_row))[r % 3 * a_row]);

		UNROLLED
		for (int v = 0; v < count; v++)
			sums[r * count + v] = PRODUCT_TERM(own, values[v], sums[r * count + v]);
	}
}

/*
 * A tile of constant rows x count vectors; part: floats of the last vector that
 * exist, 0: all of each.  starts: of its rows, at their first lane of all; lane: of
 * the tile there.
 */
INLINED void
PRODUCT_NAME(tile) (const PRODUCT_NAME(piece) *piece, float *c, const float *a, const float *b, const float *bias,
				  const float *const *starts, size_t lane, const int rows, const int count, size_t part)
{
	const ml_product *p = piece->p;
	const int64_t c_row = p->c_row;
	const int64_t c_panel = p->c_panel;
	const int64_t a_row = p->a_row;
	const int64_t a_inner = p->a_inner;
	const int64_t b_panel = p->b_panel;
	const int64_t b_inner = p->b_inner;
	const size_t inner = piece->inner;
	floats		sums[24];

	if (piece->add)
	{
		UNROLLED
		for (int r = 0; r < rows; r++)
			UNROLLED
			for (int v = 0; v < count; v++)
				sums[r * count + v] = AT_TILE(VECTOR_AT(c + r * c_row, c_panel, v), v);
	}
	else if (starts)
	{
		UNROLLED
		for (int r = 0; r < rows; r++)
		{
			const float *at = starts[r] + lane;

			UNROLLED
			for (int v = 0; v < count; v++)
				sums[r * count + v] = AT_TILE(at + v * LANES_N, v);
		}
	}
	else
	{
		UNROLLED
		for (int v = 0; v < count; v++)
		{
			floats		start = splat(0);

			if (bias)
				start = AT_TILE(bias + v * LANES_N, v);
			UNROLLED
			for (int r = 0; r < rows; r++)
				sums[r * count + v] = start;
		}
	}
	for (size_t o = 0; o < piece->outer; o++)
	{
		const float *ai = a + (int64_t) o * p->a_outer;
		const float *bi = b + (int64_t) o * p->b_outer;
		size_t		i = inner;

		/* one row's at a time: CPUs drop what is asked for all at once */
		for (int r = 0; starts && o == 0 && r < rows && i > 0; r++, i--)
		{
			UNROLLED
			for (int v = 0; v < count; v++)
				__builtin_prefetch(starts[r] + lane + (v + count) * LANES_N);
			PRODUCT_NAME(term) (sums, ai, a_row, bi, b_panel, rows, count, part);
			ai += a_inner;
			bi += b_inner;
		}
		for (; i > 0; i--)
		{
			PRODUCT_NAME(term) (sums, ai, a_row, bi, b_panel, rows, count, part);
			ai += a_inner;
			bi += b_inner;
		}
	}
	UNROLLED
	for (int r = 0; r < rows; r++)
		UNROLLED
		for (int v = 0; v < count; v++)
		{
			float	   *to = VECTOR_AT(c + r * c_row, c_panel, v);

			if (part && v == count - 1)
				LANES_NAME(store_part) (to, sums[r * count + v], part);
			else
				TO(to, 0) = sums[r * count + v];
		}
}

typedef void (*PRODUCT_NAME(tile_function)) (const PRODUCT_NAME(piece) *piece, float *c, const float *a,
										   const float *b, const float *bias, const float *const *starts,
										   size_t lane, size_t part);

/* tile_RxC: whole vectors; tile_RxCp: the last one may be cut */
#define TILE(r, n) \
	LANES_TARGET static void \
	PRODUCT_NAME(tile_##r##x##n) (const PRODUCT_NAME(piece) *piece, float *c, const float *a, const float *b, \
								const float *bias, const float *const *starts, size_t lane, size_t part) \
	{ \
		PRODUCT_NAME(tile) (piece, c, a, b, bias, starts, lane, r, n, 0); \
	}
#define TILE_PART(r, n) \
	LANES_TARGET static void \
	PRODUCT_NAME(tile_##r##x##n##p) (const PRODUCT_NAME(piece) *piece, float *c, const float *a, const float *b, \
								   const float *bias, const float *const *starts, size_t lane, size_t part) \
	{ \
		PRODUCT_NAME(tile) (piece, c, a, b, bias, starts, lane, r, n, part ? part : 1); \
	}
#define TILES_OF_ROW(r) TILE_PART(r, 1) TILE(r, 2) TILE_PART(r, 2)
#define EACH_ROW_6(m) m(1) m(2) m(3) m(4) m(5) m(6)
#define EACH_ROW_12(m) EACH_ROW_6(m) m(7) m(8) m(9) m(10) m(11) m(12)
#define EACH_ROW	LANES_PASTE(EACH_ROW_, TILE_HEIGHT)

EACH_ROW(TILES_OF_ROW)
TILE(1, 8)
TILE(2, 4)
TILE(3, 4)

/* [rows - 1]: one vector, two, two of which the second is cut */
#define ROW_OF_TABLE(r) \
	{PRODUCT_NAME(tile_##r##x1p), PRODUCT_NAME(tile_##r##x2), PRODUCT_NAME(tile_##r##x2p)},

static const PRODUCT_NAME(tile_function) PRODUCT_NAME(tiles)[TILE_HEIGHT][3] = {EACH_ROW(ROW_OF_TABLE)};

/* All rows of "count" vectors, wide ones of few rows being a function of their own. */
LANES_TARGET static void
PRODUCT_NAME(stripe) (const PRODUCT_NAME(piece) *piece, size_t vector, const PRODUCT_NAME(tile_function) wide,
					size_t count, size_t part)
{
	const ml_product *p = piece->p;
	size_t		panel = vector / PER_PANEL;
	size_t		lane = vector % PER_PANEL * LANES_N;
	float	   *c = p->c + (int64_t) panel * p->c_panel + lane;
	const float *b = piece->b + (int64_t) panel * p->b_panel + lane;
	const float *bias = piece->bias ? piece->bias + vector * LANES_N : NULL;
	size_t		first = p->first_lane + vector * LANES_N;
	size_t		height = TILE_HEIGHT;
	size_t		taller = 0;		/* tiles that have one row more */

	if (wide)
	{
		wide(piece, c, piece->a, b, bias, piece->starts, first, 0);
		return;
	}
	if (p->a_tile == 0)
	{
		size_t		ntiles = (p->rows + TILE_HEIGHT - 1) / TILE_HEIGHT;

		height = p->rows / ntiles;
		taller = p->rows % ntiles;
	}
	for (size_t r = 0, t = 0, rows; r < p->rows; r += rows, t++)
	{
		const float *a = piece->a + (int64_t) r * p->a_row;

		if (p->a_tile != 0)
			a = piece->a + (int64_t) (r / ML_TILE_ROWS) * p->a_tile + (int64_t) (r % ML_TILE_ROWS) * p->a_row;
		rows = ML_MIN(p->rows - r, height + (t < taller));
		PRODUCT_NAME(tiles)[rows - 1][count == 1 ? 0 : 1 + (part != 0)] (piece, c + (int64_t) r * p->c_row, a, b, bias,
																	 piece->starts ? piece->starts + r : NULL, first, part);
	}
}

/* One piece of the sum for the whole block. */
LANES_TARGET static void
PRODUCT_NAME(add_piece) (const PRODUCT_NAME(piece) *piece)
{
	const ml_product *p = piece->p;
	size_t		whole = p->lanes / LANES_N;
	size_t		part = p->lanes % LANES_N;
	size_t		v = 0;
	PRODUCT_NAME(tile_function) wide = NULL;
	size_t		width = 2;

	if (p->rows == 1)
	{
		wide = PRODUCT_NAME(tile_1x8);
		width = 8;
	}
	else if (p->rows <= 3)
	{
		wide = p->rows == 2 ? PRODUCT_NAME(tile_2x4) : PRODUCT_NAME(tile_3x4);
		width = 4;
	}
	if (wide)
		for (; v + width <= whole; v += width)
			PRODUCT_NAME(stripe) (piece, v, wide, width, 0);
	for (; v + 2 <= whole; v += 2)
		PRODUCT_NAME(stripe) (piece, v, NULL, 2, 0);
	/* a panel has an even number of vectors: what is left lies in one */
	if (v < whole && part == 0)
		PRODUCT_NAME(stripe) (piece, v, NULL, 1, LANES_N);
	else if (part != 0)
		PRODUCT_NAME(stripe) (piece, v, NULL, whole - v + 1, part);
}

LANES_TARGET static void
PRODUCT_NAME(product) (const ml_product *p)
{
	PRODUCT_NAME(piece) piece = {
		p, p->a, p->b, p->outer, p->inner, p->add, p->add ? NULL : p->bias, p->add || p->bias ? NULL : p->starts
	};
	size_t		outer = p->outer;
	size_t		inner = p->inner;

	if (p->rows == 0 || p->lanes == 0)
		return;
	if (outer == 0 || inner == 0)
		outer = inner = 0;
	/* pieces of nearly the same size, whole numbers of "outer" if several of them fit */
	else if (p->rows > TILE_HEIGHT && inner > PIECE)
	{
		size_t		npieces = (inner + PIECE - 1) / PIECE;

		inner = (inner + npieces - 1) / npieces;
		outer = 1;
	}
	else if (p->rows > TILE_HEIGHT && inner * outer > PIECE)
	{
		size_t		npieces = (inner * outer + PIECE - 1) / PIECE;

		outer = (outer + npieces - 1) / npieces;
	}
	for (size_t o = 0, i = 0;;)
	{
		piece.outer = ML_MIN(outer, p->outer - o);
		piece.inner = ML_MIN(inner, p->inner - i);
		piece.a = p->a + (int64_t) o * p->a_outer + (int64_t) i * p->a_inner;
		piece.b = p->b + (int64_t) o * p->b_outer + (int64_t) i * p->b_inner;
		PRODUCT_NAME(add_piece) (&piece);
		piece.add = true;
		piece.starts = NULL;
		i += piece.inner;
		if (i >= p->inner)
		{
			i = 0;
			o += piece.outer;
		}
		if (o >= p->outer || inner == 0)
			break;
	}
}

#undef PRODUCT_NAME
#undef PRODUCT_TERM
#undef PER_PANEL
#undef PIECE
#undef VECTOR_AT
#undef AT_TILE
#undef TILE
#undef TILE_PART
#undef TILES_OF_ROW
#undef EACH_ROW_6
#undef EACH_ROW_12
#undef EACH_ROW
#undef ROW_OF_TABLE
