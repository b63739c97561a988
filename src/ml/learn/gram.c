/*-------------------------------------------------------------------------
 *
 * gram.c
 *	  The block of sums (gram.h).
 *
 * Rows that wait lie in panels of 8 columns, as the kernels take them; there
 * is room for one row more, the distance of the batch's mean from the mean of
 * all.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "learn/gram.h"
#include "learn/triangle.h"

#define MAGIC		UINT32_C(0x4D415247)	/* "GRAM" */
#define ROWS		31			/* that wait at most */
#define CAPACITY	(ROWS + 1)
#define NROWS_MAX	(UINT64_C(1) << 53)

struct ml_gram
{
	uint32_t	magic;
	uint32_t	d;
	uint32_t	nwaiting;
	uint32_t	marks;
	uint64_t	nrows;			/* those that wait are among them */
	double		weight;			/* of those that were added */
	uint32_t	weights;		/* where arrays begin, in numbers: for ml_gram_add */
	uint32_t	panels;
	double		numbers[];
};

/* Where the arrays of a block begin, in numbers. */
typedef struct layout
{
	size_t		npanels;
	size_t		width;			/* 8 npanels */
	size_t		products;
	size_t		weights;
	size_t		panels;
	size_t		size;
} layout;

static inline layout
layout_of(uint32_t d)
{
	layout		l;

	l.npanels = ml_npanels((size_t) d + 1);
	l.width = 8 * l.npanels;
	l.products = 4 * l.width;	/* behind shift, mean, low, high */
	l.weights = l.products + ml_triangle_size(l.width);
	l.panels = l.weights + CAPACITY;
	l.size = l.panels + l.width * CAPACITY;
	return l;
}

static ml_moments
moments_of(ml_gram *gram, const layout *l)
{
	return (ml_moments) {
		.npanels = l->npanels,
		.weight = gram->weight,
		.shift = gram->numbers,
		.mean = gram->numbers + l->width,
		.low = gram->numbers + 2 * l->width,
		.high = gram->numbers + 3 * l->width,
		.products = gram->numbers + l->products,
	};
}

size_t
ml_gram_size(uint32_t d)
{
	return sizeof(ml_gram) + layout_of(d).size * sizeof(double);
}

void
ml_gram_init(void *block, uint32_t d)
{
	ml_gram    *gram = block;
	layout		l = layout_of(d);

	memset(block, 0, sizeof(ml_gram) + l.size * sizeof(double));
	gram->magic = MAGIC;
	gram->d = d;
	gram->weights = (uint32_t) l.weights;
	gram->panels = (uint32_t) l.panels;
	for (uint32_t i = 0; i <= d; i++)
	{
		gram->numbers[2 * l.width + i] = INFINITY;
		gram->numbers[3 * l.width + i] = -INFINITY;
	}
}

uint32_t
ml_gram_width(const ml_gram *gram)
{
	return gram->d;
}

void
ml_gram_mark(ml_gram *gram, uint32_t marks)
{
	gram->marks |= marks;
}

uint32_t
ml_gram_marks(const ml_gram *gram)
{
	return gram->marks;
}

/* Tiles of one row of panels: products with itself and those before it. */
static void
add_products(const ml_kernel *kernel, double *products, const double *panels, size_t panel_size,
			 size_t panel, size_t n)
{
	double	   *to = products + ml_triangle_row(8 * panel);
	const double *a = panels + panel * panel_size;

	for (size_t p = 0; p <= panel; p += 3)
	{
		size_t		nb = ML_MIN(panel + 1 - p, 3);
		double	   *c[3];
		const double *b[3];

		for (size_t i = 0; i < nb; i++)
		{
			c[i] = to + 8 * (p + i);
			b[i] = panels + (p + i) * panel_size;
		}
		kernel->products(c, 8 * (panel + 1), a, b, nb, n);
	}
}

void
ml_moments_add(const ml_kernel *kernel, ml_moments *moments, double *panels, size_t capacity,
			   size_t n, const double *weights, double *factors)
{
	double		weight = 0;
	double		share;
	double		factor;

	for (size_t r = 0; r < n; r++)
	{
		weight += weights[r];
		factors[r] = ML_LIKELY(weights[r] == 1) ? 1 : sqrt(weights[r]);
	}
	if (weight == 0)
		return;
	share = weight / (moments->weight + weight);
	factor = sqrt(moments->weight * share);
	for (size_t p = 0; p < moments->npanels; p++)
	{
		double	   *panel = panels + 8 * p * capacity;
		double	   *mean = moments->mean + 8 * p;
		double		sums[8] = {0};

		kernel->panel_sums(sums, moments->low + 8 * p, moments->high + 8 * p, panel,
						   moments->shift + 8 * p, weights, n);
		for (int j = 0; j < 8; j++)
			sums[j] /= weight;
		kernel->panel_center(panel, moments->shift + 8 * p, sums, factors, n);
		for (int j = 0; j < 8; j++)
		{
			double		distance = sums[j] - mean[j];

			panel[8 * n + j] = distance * factor;
			mean[j] += distance * share;
		}
	}
	for (size_t p = 0; p < moments->npanels; p++)
		add_products(kernel, moments->products, panels, 8 * capacity, p, n + 1);
	moments->weight += weight;
}

void
ml_gram_flush(const ml_kernel *kernel, ml_gram *gram)
{
	layout		l = layout_of(gram->d);
	ml_moments	moments = moments_of(gram, &l);
	double		factors[CAPACITY];

	if (gram->nwaiting == 0)
		return;
	ml_moments_add(kernel, &moments, gram->numbers + l.panels, CAPACITY, gram->nwaiting,
				   gram->numbers + l.weights, factors);
	gram->weight = moments.weight;
	gram->nwaiting = 0;
}

void
ml_gram_add(const ml_kernel *kernel, ml_gram *gram, const double *x, double y, double weight)
{
	uint32_t	d = gram->d;
	double	   *to = gram->numbers + gram->panels + 8 * gram->nwaiting;
	uint32_t	left = d;

	if (weight == 0)
		return;
	if (gram->nrows == 0)
	{
		memcpy(gram->numbers, x, d * sizeof(double));
		gram->numbers[d] = y;
	}
	for (; left >= 8; left -= 8, x += 8, to += 8 * CAPACITY)
		memcpy(to, x, 8 * sizeof(double));
	for (uint32_t i = 0; i < left; i++)
		to[i] = x[i];
	to[left] = y;
	gram->numbers[gram->weights + gram->nwaiting] = weight;
	gram->nrows++;
	if (++gram->nwaiting == ROWS)
		ml_gram_flush(kernel, gram);
}

/* Products of those that were added: "from" has a weight. */
static void
merge_added(ml_gram *into, const ml_gram *from)
{
	layout		l = layout_of(into->d);
	ml_moments	to = moments_of(into, &l);
	const double *shift = from->numbers;
	const double *mean = shift + l.width;
	const double *products = from->numbers + l.products;
	double		share = from->weight / (into->weight + from->weight);
	double		factor = into->weight * share;

	for (uint32_t i = 0; i <= into->d; i++)
	{
		double		distance = (shift[i] - to.shift[i]) + (mean[i] - to.mean[i]);
		double	   *row = to.products + ml_triangle_row(i);
		const double *other = products + ml_triangle_row(i);

		for (uint32_t j = 0; j <= i; j++)
			row[j] += other[j] + factor * distance *
				((shift[j] - to.shift[j]) + (mean[j] - to.mean[j]));
		to.low[i] = ML_MIN(to.low[i], from->numbers[2 * l.width + i]);
		to.high[i] = ML_MAX(to.high[i], from->numbers[3 * l.width + i]);
	}
	for (uint32_t i = 0; i <= into->d; i++)
		to.mean[i] += share * ((shift[i] - to.shift[i]) + (mean[i] - to.mean[i]));
	into->weight += from->weight;
}

void
ml_gram_merge(const ml_kernel *kernel, ml_gram *into, const ml_gram *from)
{
	layout		l = layout_of(from->d);
	uint32_t	marks = into->marks | from->marks;

	if (into->nrows == 0)
		memcpy(into, from, ml_gram_size(from->d));
	else if (from->nrows > 0)
	{
		double	   *panels = into->numbers + l.panels;

		ml_gram_flush(kernel, into);
		if (from->weight > 0)
			merge_added(into, from);
		/* ... and the rows that wait, as they are */
		memcpy(panels, from->numbers + l.panels, l.width * CAPACITY * sizeof(double));
		memcpy(into->numbers + l.weights, from->numbers + l.weights, CAPACITY * sizeof(double));
		into->nwaiting = from->nwaiting;
		into->nrows += from->nrows;
	}
	into->marks = marks;
}

bool
ml_gram_fits(const void *block, size_t size)
{
	const ml_gram *gram = block;
	layout		l;

	if (size < sizeof(ml_gram) || gram->magic != MAGIC || gram->d > ML_GRAM_MAX)
		return false;
	l = layout_of(gram->d);
	return size == sizeof(ml_gram) + l.size * sizeof(double) && gram->nwaiting < ROWS &&
		gram->weights == l.weights && gram->panels == l.panels;
}

/* Are the sums of column i possible, given those before? */
static bool
check_column(const ml_gram *gram, const layout *l, uint32_t i)
{
	const double *row = gram->numbers + l->products + ml_triangle_row(i);
	double		low = gram->numbers[2 * l->width + i];
	double		high = gram->numbers[3 * l->width + i];

	if (!isfinite(gram->numbers[i]) || !isfinite(gram->numbers[l->width + i]))
		return false;
	if (gram->weight > 0 ? !(isfinite(low) && isfinite(high) && low <= high) :
		!(low == INFINITY && high == -INFINITY))
		return false;
	for (uint32_t j = 0; j <= i; j++)
		if (!isfinite(row[j]) || (gram->weight == 0 && row[j] != 0))
			return false;
	return row[i] >= 0;
}

static bool
check_waiting(const ml_gram *gram, const layout *l)
{
	for (uint32_t r = 0; r < gram->nwaiting; r++)
	{
		double		weight = gram->numbers[l->weights + r];

		if (!(weight > 0 && isfinite(weight)))
			return false;
		for (uint32_t i = 0; i < l->width; i++)
		{
			double		x = gram->numbers[l->panels + i / 8 * 8 * CAPACITY + 8 * r + i % 8];

			if (!isfinite(x) || (i > gram->d && x != 0))
				return false;
		}
	}
	return true;
}

bool
ml_gram_check(const void *block, size_t size)
{
	const ml_gram *gram = block;
	layout		l;

	if (!ml_gram_fits(block, size) || gram->marks > (ML_GRAM_MISSING | ML_GRAM_INFINITE) ||
		gram->nrows > NROWS_MAX || gram->nwaiting > gram->nrows ||
		!isfinite(gram->weight) || gram->weight < 0 ||
		(gram->weight > 0) != (gram->nrows > gram->nwaiting))
		return false;
	l = layout_of(gram->d);
	for (uint32_t i = 0; i <= gram->d; i++)
		if (!check_column(gram, &l, i))
			return false;
	/* padding: its sums stay 0 */
	for (uint32_t k = 0; k < 4; k++)
		for (uint32_t i = gram->d + 1; i < l.width; i++)
			if (gram->numbers[k * l.width + i] != 0)
				return false;
	return check_waiting(gram, &l);
}

uint64_t
ml_gram_nrows(const ml_gram *gram)
{
	return gram->nrows;
}

double
ml_gram_weight(const ml_gram *gram)
{
	return gram->weight;
}

double
ml_gram_mean(const ml_gram *gram, uint32_t i)
{
	return gram->numbers[i] + gram->numbers[layout_of(gram->d).width + i];
}

const double *
ml_gram_products(const ml_gram *gram)
{
	return gram->numbers + layout_of(gram->d).products;
}

double
ml_gram_product(const ml_gram *gram, uint32_t i, uint32_t j)
{
	return ml_triangle_get(gram->numbers + layout_of(gram->d).products, i, j);
}

double
ml_gram_min(const ml_gram *gram, uint32_t i)
{
	return gram->numbers[2 * layout_of(gram->d).width + i];
}

double
ml_gram_max(const ml_gram *gram, uint32_t i)
{
	return gram->numbers[3 * layout_of(gram->d).width + i];
}

void
ml_gram_keep(const ml_gram *from, const uint32_t *columns, uint32_t n, void *block)
{
	ml_gram    *into = block;
	layout		l = layout_of(from->d);
	layout		k = layout_of(n);

	ml_gram_init(block, n);
	into->marks = from->marks;
	into->nrows = from->nrows;
	into->weight = from->weight;
	for (uint32_t i = 0; i <= n; i++)
	{
		uint32_t	column = i < n ? columns[i] : from->d;
		double	   *row = into->numbers + k.products + ml_triangle_row(i);

		for (uint32_t part = 0; part < 4; part++)
			into->numbers[part * k.width + i] = from->numbers[part * l.width + column];
		for (uint32_t j = 0; j <= i; j++)
			row[j] = ml_gram_product(from, column, j < n ? columns[j] : from->d);
	}
}

uint64_t
ml_gram_nnumbers(uint32_t d)
{
	return 1 + UINT64_C(4) * (d + 1) + ((uint64_t) d + 1) * (d + 2) / 2;
}

/* Where the k-th number is. */
static double *
number_at(const ml_gram *gram, uint64_t k)
{
	layout		l = layout_of(gram->d);
	double	   *numbers = (double *) gram->numbers;
	uint64_t	i;

	if (k == 0)
		return (double *) &gram->weight;
	k--;
	/* columns before i take 4 i + i (i + 1) / 2 */
	i = (uint64_t) ((sqrt(81.0 + 8.0 * (double) k) - 9.0) / 2.0);
	while (i > 0 && 4 * i + i * (i + 1) / 2 > k)
		i--;
	while (4 * (i + 1) + (i + 1) * (i + 2) / 2 <= k)
		i++;
	k -= 4 * i + i * (i + 1) / 2;
	return k < 4 ? numbers + k * l.width + i :
		numbers + l.products + ml_triangle_row(i) + (k - 4);
}

double
ml_gram_number(const ml_gram *gram, uint64_t k)
{
	return *number_at(gram, k);
}

void
ml_gram_set(ml_gram *gram, uint64_t k, double value)
{
	*number_at(gram, k) = value;
}

void
ml_gram_set_nrows(ml_gram *gram, uint64_t nrows)
{
	gram->nrows = nrows;
}
