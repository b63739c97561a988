/*-------------------------------------------------------------------------
 *
 * test_network_training.c
 *	  The loops of networks that only training uses (kernel/network.h): pairs of
 *	  bf16, activations with their slopes; at every level that this machine has.
 *
 *-------------------------------------------------------------------------
 */
#include "network_levels.h"

/* A number rounded to bf16, ties to even. */
static float
rounded(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, 4);
	if (!isnan(x))
		bits += 0x7FFF + (bits >> 16 & 1);
	bits &= 0xFFFF0000;
	memcpy(&x, &bits, 4);
	return x;
}

/* Halves of a pair. */
static float
half(uint32_t pair, int which)
{
	uint32_t	bits = which ? pair & 0xFFFF0000 : pair << 16;
	float		x;

	memcpy(&x, &bits, 4);
	return x;
}

/* rows x k times k x columns by pairs; operands are packed both ways. */
static void
test_pairs(void)
{
	int			wrong = 0;
	double		worst[ML_LEVEL_COUNT + 1] = {0};

	for (int n = 0; n < 200; n++)
	{
		size_t		rows = 1 + below(40);
		size_t		k = 1 + below(n % 2 ? 20 : 300);
		size_t		columns = 1 + below(100);
		size_t		pairs = (k + 1) / 2;
		size_t		npanels = (columns + ML_PANEL - 1) / ML_PANEL;
		size_t		ntiles = (rows + ML_TILE_ROWS - 1) / ML_TILE_ROWS;
		float	   *a = numbers(rows * k);
		float	   *b = numbers(k * columns);
		float	   *across = numbers(rows * k);

		a[below(rows * k)] = n % 3 ? 0x1.01p0f : -0x1.03p0f; /* ties */
		for (size_t r = 0; r < rows; r++)
			for (size_t i = 0; i < k; i++)
				across[i * rows + r] = a[r * k + i];
		for (int l = 0; l < nlevels; l++)
		{
			const ml_network_kernel *kernel = levels[l]->network;
			uint32_t   *left = (uint32_t *) (void *) numbers(rows * pairs);
			uint32_t   *turned = (uint32_t *) (void *) numbers(rows * pairs);
			uint32_t   *tiles = (uint32_t *) (void *) numbers(ntiles * pairs * ML_TILE_ROWS);
			uint32_t   *right = (uint32_t *) (void *) numbers(npanels * pairs * ML_PANEL);
			float	   *c = numbers(rows * columns);
			float	   *other = numbers(rows * columns);
			ml_product	p = {
				.c = c, .c_row = (int64_t) columns, .c_panel = ML_PANEL,
				.a = (const float *) left, .a_row = (int64_t) pairs, .a_inner = 1,
				.b = (const float *) right, .b_panel = (int64_t) pairs * ML_PANEL, .b_inner = ML_PANEL,
				.rows = rows, .lanes = columns, .outer = 1, .inner = pairs
			};

			kernel->round_rows(left, (int64_t) pairs, a, (int64_t) k, rows, k);
			kernel->turn_pairs(turned, (int64_t) rows, a, (int64_t) k, rows, k);
			for (size_t r = 0; r < rows; r++)
				for (size_t i = 0; i < pairs; i++)
					wrong += turned[i * rows + r] != left[r * pairs + i];
			kernel->pack_pairs(tiles, ML_TILE_ROWS, (int64_t) pairs * ML_TILE_ROWS, across, (int64_t) rows, k, rows);
			kernel->pack_pairs(right, ML_PANEL, (int64_t) pairs * ML_PANEL, b, (int64_t) columns, k, columns);
			for (size_t r = 0; r < rows; r++)
				for (size_t i = 0; i < 2 * pairs; i++)
				{
					float		expected = i < k ? rounded(a[r * k + i]) : 0;

					wrong += half(left[r * pairs + i / 2], i % 2) != expected;
					wrong += half(tiles[(r / ML_TILE_ROWS * pairs + i / 2) * ML_TILE_ROWS + r % ML_TILE_ROWS], i % 2) != expected;
				}
			for (size_t i = 0; i < 2 * pairs; i++)
				for (size_t j = 0; j < npanels * ML_PANEL; j++)
					wrong += half(right[(j / ML_PANEL * pairs + i / 2) * ML_PANEL + j % ML_PANEL], i % 2) !=
						(i < k && j < columns ? rounded(b[i * columns + j]) : 0);
			kernel->product_pairs(&p);
			p.c = other;
			p.a = (const float *) tiles;
			p.a_row = 1;
			p.a_inner = ML_TILE_ROWS;
			p.a_tile = (int64_t) pairs * ML_TILE_ROWS;
			kernel->product_pairs(&p);
			wrong += memcmp(c, other, rows * columns * sizeof(float)) != 0;
			for (size_t r = 0; r < rows; r++)
				for (size_t j = 0; j < columns; j++)
				{
					double		sum = 0;

					for (size_t i = 0; i < k; i++)
						sum += (double) rounded(a[r * k + i]) * rounded(b[i * columns + j]);
					worst[l] = fmax(worst[l], fabs(c[r * columns + j] - sum));
				}
			free(left);
			free(turned);
			free(tiles);
			free(right);
			free(c);
			free(other);
		}
		free(a);
		free(b);
		free(across);
	}
	unit_is_int(wrong, 0, "pairs of bf16 are rounded and packed");
	for (int l = 0; l < nlevels; l++)
	{
		float		x[20] = {1, NAN, INFINITY, -INFINITY};
		uint32_t	pairs[10];

		unit_ok(worst[l] < 5e-5, "%s: products of pairs (error %.1e)", levels[l]->name, worst[l]);
		levels[l]->network->round_rows(pairs, 10, x, 20, 1, 20);
		unit_ok(isnan(half(pairs[0], 1)) && half(pairs[1], 0) == INFINITY && half(pairs[1], 1) == -INFINITY,
				"%s: NaN and infinities of bf16", levels[l]->name);
	}
}

/* GELU and its slope: values of all sizes, any number of them, one result on the argument. */
static void
test_gelu(void)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 1e30f, -1e30f, 1e-40f};
	double		worst[2] = {0};
	int			wrong = 0;

	for (int n = 0; n < 200; n++)
	{
		size_t		size = 1 + below(n % 2 ? 20 : 300);
		float	   *x = numbers(size);
		float	   *first = NULL;

		for (size_t i = 0; i < size; i++)
			x[i] *= n % 3 == 0 ? 0.01f : n % 3 == 1 ? 4.0f : 15.0f;
		for (int l = 0; l < nlevels; l++)
		{
			float	   *out = numbers(2 * size);

			memcpy(out + size, x, size * sizeof(float));
			levels[l]->network->gelu(out, out + size, out + size, size);
			for (size_t i = 0; i < size; i++)
			{
				double		area = 0.5 * erfc(-x[i] * sqrt(0.5));
				double		density = exp(-0.5 * (double) x[i] * x[i]) * 0.3989422804014327;

				worst[0] = fmax(worst[0], fabs(out[i] - x[i] * area) / (1 + fabs(x[i])));
				worst[1] = fmax(worst[1], fabs(out[size + i] - (area + x[i] * density)));
			}
			wrong += first != NULL && l > 1 && memcmp(first, out, 2 * size * sizeof(float)) != 0;
			if (l == 1)
				first = out;
			else
				free(out);
		}
		free(first);
		free(x);
	}
	unit_ok(worst[0] < 3e-7 && worst[1] < 5e-7, "GELU and its slope (errors %.1e, %.1e)", worst[0], worst[1]);
	for (int l = 0; l < nlevels; l++)
	{
		float		y[8];
		float		slopes[8];

		levels[l]->network->gelu(y, slopes, odd, 8);
		wrong += !isnan(y[0]) || !isnan(slopes[0]) || y[1] != INFINITY || slopes[1] != 1 || fabsf(y[2]) > 1e-30f ||
			fabsf(slopes[2]) > 1e-30f || y[3] != 0 || slopes[3] != 0.5f || y[4] != 0 || y[5] != 1e30f || slopes[5] != 1 ||
			fabsf(y[6]) > 1e-30f || fabsf(y[7]) > 1e-40f;
	}
	unit_is_int(wrong, 0, "of NaN, infinities, huge and tiny numbers; the same bits with AVX2 and AVX-512");
}

int
main(void)
{
	ml_rng_seed(&rng, 21);
	find_levels();
	test_pairs();
	test_gelu();
	return unit_done();
}
