/*-------------------------------------------------------------------------
 *
 * test_kernel.c
 *	  Every table of kernels that this machine can run against ref: the
 *	  [exact] ones bit for bit, the others within the error of their sums.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "kernel/kernel.h"

#include <ctype.h>
#include <math.h>

static ml_rng rng;

/* Lengths around every vector width, and some beyond. */
static const size_t lengths[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 58, 63, 64, 65, 127, 128, 129, 1000, 10007
};

/*
 * Blocks of exactly the size needed, so that a sanitizer sees each byte
 * beyond; "skew" makes them unaligned.
 */
static void *
block(size_t size, size_t skew, void **base)
{
	*base = malloc(size + skew);
	if (*base == NULL)
		abort();
	return (char *) *base + skew;
}

static void
test_accumulate(const ml_kernel *kernel)
{
	static const int32_t weights[] = {0, 1, 2, 64, 1000, 4095};
	int			wrong = 0;

	for (size_t l = 0; l < ML_LENGTH(lengths); l++)
		for (size_t k = 0; k < ML_LENGTH(weights) * 4; k++)
		{
			size_t		n = lengths[l];
			void	   *bases[3];
			int8_t	   *row = block(n, k % 4, &bases[0]);
			int32_t    *sums = block(4 * n, k % 4 * 4, &bases[1]);
			int32_t    *expected = block(4 * n, 0, &bases[2]);

			for (size_t i = 0; i < n; i++)
			{
				row[i] = (int8_t) ml_rng_next(&rng);
				if (i % 5 == 0)
					row[i] = i % 2 ? 127 : -128;
				/* as far out as one more call may start from */
				sums[i] = (int32_t) ml_rng_next(&rng) / 4;
				if (i % 7 == 0)
					sums[i] = (i % 2 ? 1 : -1) * 4095 * 128 * 4094;
				expected[i] = sums[i];
			}
			kernel->accumulate_i8(sums, row, weights[k / 4], n);
			ml_kernel_ref.accumulate_i8(expected, row, weights[k / 4], n);
			if (n > 0 && memcmp(sums, expected, 4 * n) != 0)
				wrong++;
			for (int i = 0; i < 3; i++)
				free(bases[i]);
		}
	unit_is_int(wrong, 0, "%s: accumulate_i8 has ref's bits", kernel->name);
}

static int
fold_differs(const ml_kernel *kernel, const char *text, size_t n, size_t skew)
{
	size_t		nblocks = (n + 63) / 64;
	void	   *bases[4];
	char	   *src = block(n, skew, &bases[0]);
	char	   *dst = block(nblocks * 64 + skew, skew, &bases[1]);
	ml_ascii_block *blocks = block(nblocks * sizeof(ml_ascii_block), 0, &bases[2]);
	ml_ascii_block *expected = block(nblocks * sizeof(ml_ascii_block), 0, &bases[3]);
	char	   *folded = malloc(nblocks * 64 + 1);
	int			differs;

	if (n > 0)
		memcpy(src, text, n);
	kernel->fold_ascii(dst, blocks, src, n);
	ml_kernel_ref.fold_ascii(folded, expected, src, n);
	differs = n > 0 && (memcmp(dst, folded, n) != 0 ||
						memcmp(blocks, expected, nblocks * sizeof(ml_ascii_block)) != 0);
	for (int i = 0; i < 4; i++)
		free(bases[i]);
	free(folded);
	return differs;
}

static void
test_fold(const ml_kernel *kernel)
{
	char		text[400];
	int			wrong = 0;

	for (size_t n = 0; n <= sizeof(text); n++)
		for (size_t k = 0; k < 6; k++)
		{
			for (size_t i = 0; i < n; i++)
				text[i] = (char) (k < 3 ? ml_rng_next(&rng) : ml_rng_next(&rng) % 128);
			wrong += fold_differs(kernel, text, n, k % 3);
		}
	unit_is_int(wrong, 0, "%s: fold_ascii has ref's bits", kernel->name);
}

/* The reference itself, by the letter of its contract. */
static void
test_fold_ref(void)
{
	char		all[256];
	char		folded[256];
	ml_ascii_block blocks[4];
	int			wrong = 0;

	for (int c = 0; c < 256; c++)
		all[c] = (char) c;
	ml_kernel_ref.fold_ascii(folded, blocks, all, 256);
	for (int c = 0; c < 256; c++)
	{
		const ml_ascii_block *at = &blocks[c / 64];
		int			bit = c % 64;

		wrong += folded[c] != (char) (c < 128 ? tolower(c) : c);
		wrong += (at->word >> bit & 1) != (c < 128 && (isalnum(c) || c == '_'));
		wrong += (at->joint >> bit & 1) != (c > 0 && strchr("'.,;", c) != NULL);
		wrong += (at->symbol >> bit & 1) != (c > 0 && strchr("!?:;=<", c) != NULL);
		wrong += (at->high >> bit & 1) != (c >= 128);
	}
	unit_is_int(wrong, 0, "ref: fold_ascii does as it says for every byte");
}

/* ---- training rows ---- */

#define IDS		1000
#define WIDTH	48

typedef struct row_data
{
	float		u[IDS * WIDTH];
	float		expected[IDS * WIDTH];
	float		idf[IDS];
	float		tf[256];
	float		scales[WIDTH];
	uint32_t	ids[IDS];
	uint32_t	words[IDS];
} row_data;

/* kind: 0 ordinary, 1 denormal, 2 huge, 3 with infinities, 4 with NaN */
static void
fill_row(row_data *data, size_t n, int kind)
{
	static const float magnitudes[] = {1, 1e-39f, 1e35f, 1, 1};

	for (int i = 0; i < 256; i++)
		data->tf[i] = i == 0 ? 0 : 1 + logf((float) i);
	for (int i = 0; i < WIDTH; i++)
		data->scales[i] = (float) ml_rng_double(&rng) - 0.5f;
	for (int i = 0; i < IDS; i++)
	{
		data->idf[i] = 1 + 2 * (float) ml_rng_double(&rng);
		data->ids[i] = (uint32_t) i;
	}
	for (int i = 0; i < IDS * WIDTH; i++)
	{
		data->u[i] = magnitudes[kind] * ((float) ml_rng_double(&rng) - 0.5f);
		if (kind >= 3 && ml_rng_below(&rng, 50) == 0)
			data->u[i] = kind == 4 ? NAN : ml_rng_below(&rng, 2) ? INFINITY : -INFINITY;
	}
	memcpy(data->expected, data->u, sizeof(data->u));
	ml_rng_shuffle(&rng, data->ids, IDS);
	for (size_t i = 0; i < n; i++)
		data->words[i] = (uint32_t) ml_rng_below(&rng, 256) << 24 | data->ids[i];
}

/* size: the sum of the magnitudes that went into both */
static bool
near(float a, float b, float size)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	if (isinf(a) || isinf(b))
		return a == b;
	return fabsf(a - b) <= 2e-6f * size + 1e-44f;
}

static int
dots_differ(const ml_kernel *kernel, const row_data *data, size_t n, size_t width)
{
	float		sums[WIDTH];
	float		expected[WIDTH];
	int			wrong = 0;

	if (width == 1)
	{
		sums[0] = kernel->row_dot(data->u, data->words, n, data->tf);
		expected[0] = ml_kernel_ref.row_dot(data->u, data->words, n, data->tf);
	}
	else
	{
		kernel->row_dot_wide(sums, data->u, width, data->words, n, data->tf);
		ml_kernel_ref.row_dot_wide(expected, data->u, width, data->words, n, data->tf);
	}
	for (size_t c = 0; c < width; c++)
	{
		float		size = 0;

		for (size_t i = 0; i < n; i++)
		{
			float		u = data->u[(data->words[i] & 0xFFFFFF) * width + c];

			if (isfinite(u))
				size += fabsf(data->tf[data->words[i] >> 24] * u);
		}
		wrong += !near(sums[c], expected[c], size);
	}
	return wrong;
}

static int
adds_differ(const ml_kernel *kernel, row_data *data, size_t n, size_t width, bool with_idf)
{
	const float *idf = with_idf ? data->idf : NULL;
	int			wrong = 0;

	if (width == 1)
	{
		kernel->row_add(data->u, data->words, n, data->tf, idf, data->scales[0]);
		ml_kernel_ref.row_add(data->expected, data->words, n, data->tf, idf, data->scales[0]);
	}
	else
	{
		kernel->row_add_wide(data->u, width, data->words, n, data->tf, idf, data->scales);
		ml_kernel_ref.row_add_wide(data->expected, width, data->words, n, data->tf, idf,
								   data->scales);
	}
	for (size_t i = 0; i < IDS * WIDTH; i++)
		wrong += !near(data->u[i], data->expected[i], fabsf(data->expected[i]) + 64);
	return wrong;
}

static void
test_rows(const ml_kernel *kernel)
{
	static const char *const kinds[] = {"ordinary", "denormal", "huge", "infinite", "NaN"};
	static const size_t widths[] = {1, 4, 8, 16, 32, 48};
	static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 17, 300, IDS};
	row_data   *data = malloc(sizeof(row_data));

	for (int kind = 0; kind < 5; kind++)
	{
		int			wrong_dots = 0;
		int			wrong_adds = 0;

		for (size_t w = 0; w < ML_LENGTH(widths); w++)
			for (size_t s = 0; s < ML_LENGTH(sizes); s++)
			{
				fill_row(data, sizes[s], kind);
				wrong_dots += dots_differ(kernel, data, sizes[s], widths[w]);
				wrong_adds += adds_differ(kernel, data, sizes[s], widths[w], s % 2 == 0);
			}
		unit_is_int(wrong_dots, 0, "%s: row_dot, row_dot_wide on %s weights", kernel->name,
					kinds[kind]);
		unit_is_int(wrong_adds, 0, "%s: row_add, row_add_wide on %s weights", kernel->name,
					kinds[kind]);
	}
	free(data);
}

static void
test_map(const ml_kernel *kernel)
{
	enum
	{
		BUCKETS = 4096, N = 1000
	};
	uint64_t	bits[BUCKETS / 64];
	uint32_t	ranks[BUCKETS / 64];
	uint32_t	words[2][N];
	uint32_t	df[2][BUCKETS];
	int			wrong = 0;

	for (int round = 0; round < 20; round++)
	{
		size_t		n = round == 0 ? 0 : (size_t) ml_rng_below(&rng, N);
		uint32_t	total = 0;
		size_t		kept;

		for (int i = 0; i < BUCKETS / 64; i++)
		{
			bits[i] = round == 1 ? 0 : round == 2 ? UINT64_MAX : ml_rng_next(&rng);
			ranks[i] = total;
			total += (uint32_t) __builtin_popcountll(bits[i]);
		}
		for (size_t i = 0; i < n; i++)
			words[0][i] = (uint32_t) (ml_rng_below(&rng, 256) << 24 | ml_rng_below(&rng, BUCKETS));
		memcpy(words[1], words[0], sizeof(words[0]));
		memset(df, 0, sizeof(df));
		kept = kernel->row_map(words[0], n, bits, ranks, df[0]);
		wrong += kept != ml_kernel_ref.row_map(words[1], n, bits, ranks, df[1]);
		wrong += memcmp(words[0], words[1], kept * sizeof(uint32_t)) != 0;
		wrong += memcmp(df[0], df[1], sizeof(df[0])) != 0;
	}
	unit_is_int(wrong, 0, "%s: row_map has ref's bits", kernel->name);
}

static void
test_selection(void)
{
	ml_level	best = ml_kernel_best();
	char		text[200];

	unit_ok(best >= ML_LEVEL_REF && best < ML_LEVEL_COUNT, "there is a best level");
	unit_ok(ml_kernel_select(ML_LEVEL_AUTO)->level <= best, "the automatic level can run");
	for (int level = ML_LEVEL_REF; level < ML_LEVEL_COUNT; level++)
	{
		const ml_kernel *kernel = ml_kernel_select((ml_level) level);

		unit_ok((int) kernel->level == ML_MIN(level, (int) best),
				"level %s, or the best one below", ml_level_name((ml_level) level));
		unit_ok(strcmp(kernel->name, ml_level_name(kernel->level)) == 0, "and it knows its name");
	}
	unit_ok(ml_kernel_cpu(text, sizeof(text)) > 0, "the CPU has a name");
	unit_note("%s; best %s, automatic %s", text, ml_level_name(best),
			  ml_kernel_select(ML_LEVEL_AUTO)->name);
	unit_ok(ml_kernel_cpu(text, 8) == 7, "which is cut where there is no room");
}

/* Steps of squared hinge on random state, some of it at its bounds. */
static void
test_hinge(const ml_kernel *kernel)
{
	static const size_t widths[] = {4, 8, 16};
	int			wrong = 0;

	for (int k = 0; k < 3000; k++)
	{
		size_t		width = widths[k % 3];
		uint32_t	own = (uint32_t) ml_rng_below(&rng, 2 * width);
		float		d = (float) ml_rng_double(&rng);
		float		inverse = 1 / (2 + d);
		ml_hinge_lanes h[2];
		float		alpha[2][ML_HINGE_LANES];
		float		scores[2][ML_HINGE_LANES];
		uint32_t	flags[2];

		memset(h, 0, sizeof(h));
		memset(alpha, 0, sizeof(alpha));
		memset(scores, 0, sizeof(scores));
		h[0].valid = (UINT32_C(1) << (1 + ml_rng_below(&rng, width))) - 1;
		for (size_t c = 0; c < width; c++)
		{
			h[0].bound[c] = k % 2 ? INFINITY : (float) ml_rng_double(&rng);
			alpha[0][c] = k % 5 && c % 3 ? (float) ml_rng_double(&rng) : 0;
			scores[0][c] = (float) (ml_rng_double(&rng) * 6 - 3);
			if (k % 7 == 0)
				scores[0][c] = c == own ? 4 : -4;
			if (!(h[0].valid >> c & 1))
				alpha[0][c] = 0;
		}
		h[1] = h[0];
		memcpy(alpha[1], alpha[0], sizeof(alpha[0]));
		memcpy(scores[1], scores[0], sizeof(scores[0]));
		flags[0] = kernel->hinge_step(&h[0], alpha[0], scores[0], width, own, d, inverse, 0.5f);
		flags[1] = ml_kernel_ref.hinge_step(&h[1], alpha[1], scores[1], width, own, d, inverse, 0.5f);
		wrong += flags[0] != flags[1];
		for (size_t c = 0; c < width; c++)
		{
			wrong += fabsf(alpha[0][c] - alpha[1][c]) > 1e-5f;
			wrong += fabsf(scores[0][c] - scores[1][c]) > 1e-5f;
			if (!(h[0].valid >> c & 1))
				continue;
			wrong += fabsf(h[0].highest[c] - h[1].highest[c]) > 1e-5f;
			wrong += fabsf(h[0].lowest[c] - h[1].lowest[c]) > 1e-5f;
			wrong += fabsf(h[0].loss[c] - h[1].loss[c]) > 1e-4f;
		}
	}
	unit_is_int(wrong, 0, "%s: hinge_step", kernel->name);
}

/* ---- products of columns ---- */

static double *
random_numbers(size_t n)
{
	double	   *x = malloc((n + 1) * sizeof(double));

	for (size_t i = 0; i < n; i++)
		x[i] = ml_rng_double(&rng) * 4 - 1;
	return x;
}

/* Of n values of that size, sums of which were taken. */
static int
sums_differ(const double *a, const double *b, size_t n, double size)
{
	int			wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += !(fabs(a[i] - b[i]) <= 1e-15 * size);
	return wrong;
}

static void
test_products(const ml_kernel *kernel)
{
	static const size_t rows[] = {0, 1, 2, 3, 4, 5, 8, 31, 32, 33, 64, 500};
	int			wrong = 0;

	for (size_t k = 0; k < ML_LENGTH(rows); k++)
		for (size_t nb = 1; nb <= 3; nb++)
		{
			size_t		n = rows[k];
			size_t		ld = 24 + k;
			double	   *a = random_numbers(8 * n);
			double	   *b = random_numbers(24 * n);
			double	   *c = random_numbers(8 * ld);
			double	   *expected = malloc(8 * ld * sizeof(double));
			double	   *tiles[3] = {c, c + 8, c + 16};
			double	   *expected_tiles[3] = {expected, expected + 8, expected + 16};
			const double *panels[3] = {b, b + 8 * n, b + 16 * n};

			memcpy(expected, c, 8 * ld * sizeof(double));
			kernel->products(tiles, ld, a, panels, nb, n);
			ml_kernel_ref.products(expected_tiles, ld, a, panels, nb, n);
			wrong += sums_differ(c, expected, 8 * ld, 9.0 * n + 3);
			for (size_t i = 0; i < 8; i++)
				wrong += memcmp(c + i * ld + 8 * nb, expected + i * ld + 8 * nb,
								(ld - 8 * nb) * sizeof(double)) != 0;
			free(a);
			free(b);
			free(c);
			free(expected);
		}
	unit_is_int(wrong, 0, "%s: products", kernel->name);
}

static void
test_panels(const ml_kernel *kernel)
{
	static const size_t rows[] = {0, 8, 16, 24, 64, 3, 31};
	int			wrong[4] = {0};

	for (size_t k = 0; k < ML_LENGTH(rows); k++)
		for (size_t columns = 0; columns <= 8; columns++)
		{
			size_t		n = rows[k];
			double	   *x = random_numbers(8 * (n + 5));
			double	   *shift = random_numbers(8);
			double	   *mean = random_numbers(8);
			double	   *weights = random_numbers(n);
			double	   *panels[2] = {random_numbers(16 * n + 32), random_numbers(16 * n + 32)};
			double		sums[2][24];

			if (n % 8 == 0)
			{
				kernel->panel_pack(panels[0], x, n + 5, columns, shift, n);
				ml_kernel_ref.panel_pack(panels[1], x, n + 5, columns, shift, n);
				wrong[0] += memcmp(panels[0], panels[1], 8 * n * sizeof(double)) != 0;
			}
			else
				memcpy(panels[0], panels[1], 8 * n * sizeof(double));
			for (int i = 0; i < 24; i++)
				sums[0][i] = sums[1][i] = i < 8 ? 1 : i < 16 ? 2 : -2;
			kernel->panel_sums(sums[0], sums[0] + 8, sums[0] + 16, panels[0], shift, weights, n);
			ml_kernel_ref.panel_sums(sums[1], sums[1] + 8, sums[1] + 16, panels[0], shift, weights, n);
			wrong[1] += sums_differ(sums[0], sums[1], 8, 12.0 * n + 1);
			wrong[1] += memcmp(sums[0] + 8, sums[1] + 8, 16 * sizeof(double)) != 0;
			kernel->panel_add(sums[0], panels[0], 8 * n, 1 + (n > 0), -0.7);
			memcpy(sums[1], sums[0], sizeof(sums[0]));
			kernel->panel_add(sums[0], panels[0], 5, 3, 0.3);
			ml_kernel_ref.panel_add(sums[1], panels[0], 5, 3, 0.3);
			wrong[2] += sums_differ(sums[0], sums[1], 24, 1e4);
			memcpy(panels[1], panels[0], 8 * n * sizeof(double));
			kernel->panel_center(panels[0], shift, mean, weights, n);
			ml_kernel_ref.panel_center(panels[1], shift, mean, weights, n);
			wrong[3] += memcmp(panels[0], panels[1], 8 * n * sizeof(double)) != 0;
			free(x);
			free(shift);
			free(mean);
			free(weights);
			free(panels[0]);
			free(panels[1]);
		}
	unit_is_int(wrong[0], 0, "%s: panel_pack", kernel->name);
	unit_is_int(wrong[1], 0, "%s: panel_sums", kernel->name);
	unit_is_int(wrong[2], 0, "%s: panel_add", kernel->name);
	unit_is_int(wrong[3], 0, "%s: panel_center", kernel->name);
}

/* ---- smooth losses ---- */

#define GLM_ROWS	72
#define GLM_STRIDE	80
#define GLM_COLUMNS	9

typedef struct glm_data
{
	double		columns[GLM_COLUMNS * GLM_STRIDE];
	double		weights[GLM_ROWS];
	double		targets[GLM_ROWS];
	double		scores[2][GLM_COLUMNS * GLM_STRIDE];
	double		slopes[2][GLM_COLUMNS * GLM_STRIDE];
	double		curves[2][GLM_STRIDE];
} glm_data;

/* Scores up to "size", some 0 and some equal; every fifth row has no weight. */
static void
fill_glm(glm_data *data, double size, int nclasses)
{
	memset(data, 0, sizeof(*data));
	for (size_t i = 0; i < GLM_COLUMNS * GLM_STRIDE; i++)
	{
		data->columns[i] = ml_rng_double(&rng) * 4 - 1;
		data->scores[0][i] = data->scores[1][i] = i % 7 == 0 ? 0 : (ml_rng_double(&rng) * 2 - 1) * size;
	}
	for (size_t r = 0; r < GLM_ROWS; r++)
	{
		data->weights[r] = r % 5 == 0 ? 0 : ml_rng_double(&rng) * 3;
		data->targets[r] = (double) ml_rng_below(&rng, (uint64_t) nclasses);
	}
}

static void
test_columns(const ml_glm_kernel *kernel, const char *name)
{
	static glm_data data;
	int			wrong[2] = {0};

	for (size_t n = 0; n <= GLM_ROWS; n += 8)
		for (size_t columns = 0; columns <= GLM_COLUMNS; columns++)
		{
			fill_glm(&data, 1, 2);
			kernel->columns_dot(data.scores[0], data.columns, GLM_STRIDE, columns, data.weights, n);
			ml_kernel_ref.glm->columns_dot(data.scores[1], data.columns, GLM_STRIDE, columns,
										   data.weights, n);
			wrong[0] += sums_differ(data.scores[0], data.scores[1], GLM_STRIDE, 100);
			kernel->columns_sums(data.slopes[0], data.columns, GLM_STRIDE, columns, data.weights, n);
			ml_kernel_ref.glm->columns_sums(data.slopes[1], data.columns, GLM_STRIDE, columns,
											data.weights, n);
			wrong[1] += sums_differ(data.slopes[0], data.slopes[1], GLM_COLUMNS, 500);
		}
	unit_is_int(wrong[0], 0, "%s: columns_dot", name);
	unit_is_int(wrong[1], 0, "%s: columns_sums", name);
}

static void
test_levels(const ml_glm_kernel *kernel, const char *name)
{
	static const size_t offsets[] = {100, 3, 40, 72};
	static glm_data data;
	uint32_t	levels[GLM_ROWS];
	int			wrong[2] = {0};

	for (size_t n = 0; n <= GLM_ROWS; n++)
	{
		double		sums[2][140];
		double		scaled[2][8 * GLM_ROWS] = {{0}};

		fill_glm(&data, 1, 2);
		for (size_t r = 0; r < GLM_ROWS; r++)
			levels[r] = r % 6 == 0 ? UINT32_MAX : (uint32_t) ml_rng_below(&rng, 4);
		for (size_t i = 0; i < 140; i++)
			sums[0][i] = sums[1][i] = ml_rng_double(&rng);
		kernel->levels_add(sums[0], offsets, levels, data.columns, n, n < 20 ? 4 : 1, data.weights, n);
		ml_kernel_ref.glm->levels_add(sums[1], offsets, levels, data.columns, n, n < 20 ? 4 : 1,
									  data.weights, n);
		wrong[0] += sums_differ(sums[0], sums[1], 140, 1000);
		kernel->panel_scale(scaled[0], data.columns, data.weights, n);
		ml_kernel_ref.glm->panel_scale(scaled[1], data.columns, data.weights, n);
		wrong[1] += memcmp(scaled[0], scaled[1], sizeof(scaled[0])) != 0;
	}
	unit_is_int(wrong[0], 0, "%s: levels_add", name);
	unit_is_int(wrong[1], 0, "%s: panel_scale", name);
}

/* Scores of ordinary size, and beyond what exponentials take. */
static void
test_losses(const ml_glm_kernel *kernel, const char *name)
{
	static const double sizes[] = {1, 30, 2000, 1e300};
	static glm_data data;
	int			wrong[3] = {0};

	for (size_t k = 0; k < 4 * 25; k++)
	{
		double		size = sizes[k % 4];
		size_t		nscores = 2 + k / 4 % 8;
		double		sum;
		double		expected;

		fill_glm(&data, size, 2);
		sum = kernel->logistic(data.slopes[0], data.curves[0], data.scores[0], data.targets,
							   data.weights, GLM_ROWS);
		expected = ml_kernel_ref.glm->logistic(data.slopes[1], data.curves[1], data.scores[1],
											   data.targets, data.weights, GLM_ROWS);
		wrong[0] += !(fabs(sum - expected) <= 1e-14 * fabs(expected));
		wrong[0] += sums_differ(data.slopes[0], data.slopes[1], GLM_ROWS, 3);
		wrong[0] += sums_differ(data.curves[0], data.curves[1], GLM_ROWS, 3);
		if (size <= 2000)
		{
			sum = kernel->squared_hinge(data.slopes[0], data.curves[0], data.scores[0], data.targets,
										(double) (k % 2), data.weights, GLM_ROWS);
			expected = ml_kernel_ref.glm->squared_hinge(data.slopes[1], data.curves[1], data.scores[1],
														data.targets, (double) (k % 2), data.weights, GLM_ROWS);
			wrong[2] += !(fabs(sum - expected) <= 1e-14 * fabs(expected));
			wrong[2] += sums_differ(data.slopes[0], data.slopes[1], GLM_ROWS, 10 * size);
			wrong[2] += memcmp(data.curves[0], data.curves[1], sizeof(data.curves[0])) != 0;
		}
		fill_glm(&data, size, (int) nscores);
		sum = kernel->softmax(data.slopes[0], data.scores[0], GLM_STRIDE, nscores, data.targets,
							  data.weights, GLM_ROWS);
		expected = ml_kernel_ref.glm->softmax(data.slopes[1], data.scores[1], GLM_STRIDE, nscores,
											  data.targets, data.weights, GLM_ROWS);
		wrong[1] += !(fabs(sum - expected) <= 1e-14 * fabs(expected));
		wrong[1] += sums_differ(data.slopes[0], data.slopes[1], nscores * GLM_STRIDE, 10);
		wrong[1] += sums_differ(data.scores[0], data.scores[1], nscores * GLM_STRIDE, size > 100 ? size : 10);
	}
	unit_is_int(wrong[0], 0, "%s: logistic", name);
	unit_is_int(wrong[1], 0, "%s: softmax", name);
	unit_is_int(wrong[2], 0, "%s: squared_hinge", name);
}

/* The reference itself, against the formulas in long double. */
static void
test_losses_ref(void)
{
	static glm_data data;
	int			wrong[3] = {0};
	long double sum = 0;
	double		got;

	fill_glm(&data, 40, 2);
	got = ml_kernel_ref.glm->logistic(data.slopes[0], data.curves[0], data.scores[0], data.targets,
									  data.weights, GLM_ROWS);
	for (size_t r = 0; r < GLM_ROWS; r++)
	{
		long double p = 1 / (1 + expl(-(long double) data.scores[0][r]));
		long double own = data.targets[r] > 0 ? -data.scores[0][r] : data.scores[0][r];
		double		weight = data.weights[r];

		sum += weight * log1pl(expl(own));
		wrong[0] += !(fabsl(data.slopes[0][r] - weight * (p - data.targets[r])) <= 1e-15L * weight);
		wrong[0] += !(fabsl(data.curves[0][r] - weight * p * (1 - p)) <= 1e-15L * weight);
	}
	wrong[0] += !(fabsl(got - sum) <= 1e-15L * sum);
	fill_glm(&data, 40, 3);
	got = ml_kernel_ref.glm->softmax(data.slopes[0], data.scores[0], GLM_STRIDE, 3, data.targets,
									 data.weights, GLM_ROWS);
	sum = 0;
	for (size_t r = 0; r < GLM_ROWS; r++)
	{
		const double *z = data.scores[1] + r;
		long double total = expl(z[0]) + expl(z[GLM_STRIDE]) + expl(z[2 * GLM_STRIDE]);

		sum += data.weights[r] * (logl(total) - z[(size_t) data.targets[r] * GLM_STRIDE]);
		for (size_t c = 0; c < 3; c++)
			wrong[1] += !(fabsl(data.slopes[0][c * GLM_STRIDE + r] - data.weights[r] *
								(expl(z[c * GLM_STRIDE]) / total - (data.targets[r] == (double) c))) <= 1e-14L);
	}
	wrong[1] += !(fabsl(got - sum) <= 1e-14L * sum);
	fill_glm(&data, 3, 3);
	got = ml_kernel_ref.glm->squared_hinge(data.slopes[0], data.curves[0], data.scores[0], data.targets, 2,
										   data.weights, GLM_ROWS);
	sum = 0;
	for (size_t r = 0; r < GLM_ROWS; r++)
	{
		long double y = data.targets[r] == 2 ? 1 : -1;
		long double margin = fmaxl(0, 1 - y * data.scores[0][r]);
		double		weight = data.weights[r];

		sum += weight * margin * margin;
		wrong[2] += !(fabsl(data.slopes[0][r] + 2 * weight * y * margin) <= 1e-15L * weight * (1 + margin));
		wrong[2] += data.curves[0][r] != (margin > 0 ? 2 * weight : 0);
	}
	wrong[2] += !(fabsl(got - sum) <= 1e-15L * sum);
	unit_is_int(wrong[2], 0, "ref: squared_hinge does as it says");
	unit_is_int(wrong[0], 0, "ref: logistic does as it says");
	unit_is_int(wrong[1], 0, "ref: softmax does as it says");
}

/* Values of all kinds, a few missing: the same bits. */
static void
test_values(const ml_kernel *kernel)
{
	static const double some[] = {0, -0.0, 1, -7, 0.5, 1e300, -1e-300, NAN, 0x1p53, 3};
	int			wrong[3] = {0};

	for (size_t n = 0; n <= 264; n += 8)
	{
		double		values[264];
		double		weights[264];
		double		scaled[2][264] = {{0}};
		ml_column_sums sums[2];
		ml_column_scale by = {0.25, n % 3 == 0 ? 1 : 0.3, -2.5, n % 2 ? -INFINITY : -0.5, n % 2 ? INFINITY : 0.75};

		for (size_t i = 0; i < n; i++)
		{
			values[i] = i % 3 == 0 ? some[ml_rng_below(&rng, n < 100 ? 10 : 5)] : ml_rng_double(&rng) * 3 - 1;
			weights[i] = i % 5 == 0 ? 1 : ml_rng_double(&rng);
		}
		memset(sums, 0, sizeof(sums));
		for (int k = 0; k < 2; k++)
		{
			sums[k].min = n % 16 == 0 ? INFINITY : -0.5;
			sums[k].max = n % 16 == 0 ? -INFINITY : 0.25;
		}
		kernel->column->summarize(&sums[0], 0.1, values, weights, n);
		ml_kernel_ref.column->summarize(&sums[1], 0.1, values, weights, n);
		wrong[0] += memcmp(&sums[0], &sums[1], sizeof(sums[0])) != 0;
		wrong[1] += kernel->column->scale(scaled[0], values, n, &by) !=
			ml_kernel_ref.column->scale(scaled[1], values, n, &by);
		wrong[1] += memcmp(scaled[0], scaled[1], sizeof(scaled[0])) != 0;
		for (size_t i = 0; i < n; i++)
			wrong[1] += scaled[0][i] != ((isnan(values[i]) ? by.fill : fmin(fmax(values[i], by.low), by.high)) -
										 by.mean) / by.scale;
	}
	for (size_t rows = 0; rows < 14; rows++)
		for (size_t columns = 0; columns < 14; columns++)
		{
			double		from[13 * 17];
			double		to[2][13 * 20] = {{0}};
			double		most = rows % 3 == 0 ? 1 : rows % 3 == 1 ? __DBL_MAX__ : 0.999;

			for (size_t i = 0; i < 13 * 17; i++)
				from[i] = i % 11 == 3 ? NAN : ml_rng_double(&rng) * 2 - 1;
			/* one that is too large, here and there */
			if (rows > 0 && columns > 0 && columns % 2 == 0)
				from[ml_rng_below(&rng, rows) * 17 + ml_rng_below(&rng, columns)] = columns % 4 == 0 ? INFINITY : -2;
			wrong[2] += kernel->column->spread(to[0], 20, from, 17, columns, rows, most) !=
				ml_kernel_ref.column->spread(to[1], 20, from, 17, columns, rows, most);
			/* what was refused is not used */
			if (ml_kernel_ref.column->spread(to[1], 20, from, 17, columns, rows, most))
				wrong[2] += memcmp(to[0], to[1], sizeof(to[0])) != 0;
			for (size_t i = 0; i < rows * columns; i++)
				wrong[2] += memcmp(&to[1][i % columns * 20 + i / columns], &from[i / columns * 17 + i % columns], 8) != 0;
		}
	unit_is_int(wrong[2], 0, "%s: spread", kernel->name);
	unit_is_int(wrong[0], 0, "%s: summarize", kernel->name);
	unit_is_int(wrong[1], 0, "%s: scale", kernel->name);
}

int
main(void)
{
	ml_rng_seed(&rng, 1);
	test_selection();
	test_fold_ref();
	test_losses_ref();
	for (int level = ML_LEVEL_AVX2; level < ML_LEVEL_COUNT; level++)
	{
		const ml_kernel *kernel = ml_kernel_select((ml_level) level);

		if ((int) kernel->level != level)
		{
			unit_skip(ml_level_name((ml_level) level), "this CPU lacks it");
			continue;
		}
		test_accumulate(kernel);
		test_fold(kernel);
		test_rows(kernel);
		test_map(kernel);
		test_hinge(kernel);
		test_products(kernel);
		test_panels(kernel);
		test_columns(kernel->glm, kernel->name);
		test_levels(kernel->glm, kernel->name);
		test_losses(kernel->glm, kernel->name);
		test_values(kernel);
	}
	return unit_done();
}
