/*-------------------------------------------------------------------------
 *
 * columns_lanes.h
 *	  The loops over columns of a table over vectors of doubles; included once
 *	  for each level by a file that defines
 *
 *	  LANES_NAME(name)	what the level calls a function
 *	  LANES_TARGET		its target attribute
 *	  LANES_N			doubles of a vector: 4 or 8
 *
 * Eight values are the lanes, in one vector or two, so that each sum has eight
 * parts at every level.
 *
 *-------------------------------------------------------------------------
 */

#define LANES_PASTE_(a, b)	a##b
#define LANES_PASTE(a, b)	LANES_PASTE_(a, b)
#define doubles		LANES_PASTE(ml_doubles, LANES_N)
#define longs		LANES_PASTE(ml_longs, LANES_N)
#define PARTS		(8 / LANES_N)
#define splat(value) ((doubles) {0} + (double) (value))
#define choose(mask, a, b) ((doubles) (((mask) & (longs) (a)) | (~(mask) & (longs) (b))))
#define only(mask, a) ((doubles) ((mask) & (longs) (a)))
#define AT(array, i) (*(const doubles *) ((array) + (i)))
#define INTO(array, i) (*(doubles *) ((array) + (i)))

/* What the lanes of a vector have summed up. */
typedef struct LANES_NAME(lanes)
{
	doubles		weights;
	doubles		n;
	doubles		sum;
	doubles		squares;
	doubles		min;
	doubles		max;
	doubles		fraction;
	longs		present;		/* how many, negative */
} LANES_NAME(lanes);

/* The sum of eight lanes, in the order of ref.c. */
LANES_TARGET static double
LANES_NAME(total) (const double *parts)
{
	return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

#define TOTAL(result, field) \
	do { \
		double parts_[8]; \
		for (int p_ = 0; p_ < PARTS; p_++) \
			INTO(parts_, p_ * LANES_N) = h[p_].field; \
		(result) = LANES_NAME(total) (parts_); \
	} while (0)

LANES_TARGET static void
LANES_NAME(summarize) (ml_column_sums *sums, double shift, const double *values, const double *weights, size_t n)
{
	LANES_NAME(lanes) h[PARTS];

	for (int p = 0; p < PARTS; p++)
		h[p] = (LANES_NAME(lanes)) {.min = splat(sums->min), .max = splat(sums->max)};
	for (size_t i = 0; i < n; i += 8)
#pragma GCC unroll 2
		for (int p = 0; p < PARTS; p++)
		{
			doubles		v = AT(values, i + p * LANES_N);
			doubles		w = AT(weights, i + p * LANES_N);
			longs		here = v == v;
			doubles		weight = only(here, w);
			doubles		d = only(here, v - shift);
			doubles		fraction = v - ((v + ML_COLUMN_WHOLE) - ML_COLUMN_WHOLE);
			doubles		weighted = weight * d;

			h[p].weights += w;
			h[p].n += weight;
			h[p].sum += weighted;
			h[p].squares += weighted * d;
			h[p].min = choose(v < h[p].min, v, h[p].min);
			h[p].max = choose(v > h[p].max, v, h[p].max);
			h[p].fraction += only(here & INT64_MAX, fraction);
			h[p].present += here;
		}
	TOTAL(sums->weights, weights);
	TOTAL(sums->n, n);
	TOTAL(sums->sum, sum);
	TOTAL(sums->squares, squares);
	TOTAL(sums->fraction, fraction);
	sums->present = 0;
	for (int i = 0; i < 8; i++)
	{
		double		min = h[i / LANES_N].min[i % LANES_N];
		double		max = h[i / LANES_N].max[i % LANES_N];

		sums->min = min < sums->min ? min : sums->min;
		sums->max = max > sums->max ? max : sums->max;
		sums->present -= (uint64_t) h[i / LANES_N].present[i % LANES_N];
	}
}

LANES_TARGET static bool
LANES_NAME(scale) (double *to, const double *from, size_t n, const ml_column_scale *by)
{
	doubles		mean = splat(by->mean);
	doubles		scale = splat(by->scale);
	doubles		fill = splat(by->fill);
	doubles		low = splat(by->low);
	doubles		high = splat(by->high);
	longs		sound = (longs) {0} - 1;
	bool		all = true;

	for (size_t i = 0; i < n; i += LANES_N)
	{
		doubles		given = AT(from, i);
		doubles		value = choose(given < low, low, given);

		value = choose(value > high, high, value);
		/* what is filled in is not clipped */
		value = choose(given == given, value, fill);
		value = (value - mean) / scale;
		sound &= value - value == value - value;
		INTO(to, i) = value;
	}
	for (int i = 0; i < LANES_N; i++)
		all &= sound[i] != 0;
	return all;
}

#undef LANES_PASTE_
#undef LANES_PASTE
#undef doubles
#undef longs
#undef PARTS
#undef splat
#undef choose
#undef only
#undef AT
#undef INTO
#undef TOTAL
#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_N
