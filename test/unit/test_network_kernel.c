/*-------------------------------------------------------------------------
 *
 * test_network_kernel.c
 *	  The loops of networks (kernel/network.h) at every level that this machine
 *	  has, against sums in double; bits that must not depend on level or block.
 *
 *-------------------------------------------------------------------------
 */
#include "network_levels.h"

static float *
copy(const float *x, size_t n)
{
	float	   *result = malloc(n * sizeof(float) + (n == 0));

	if (result == NULL)
		abort();
	memcpy(result, x, n * sizeof(float));
	return result;
}

/* === Products === */

typedef struct problem
{
	ml_product	p;
	float	   *a;
	float	   *b;
	float	   *bias;
	float	   *start;			/* what c holds before */
	float	   *table;			/* of rows where sums may begin */
	const float *starts[64];
	size_t		na;
	size_t		nb;
	size_t		nc;
} problem;

/* Sizes and strides at random: rows or columns of a may be contiguous, packed or broadcast. */
static void
make_problem(problem *x)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 11, 12, 13, 24, 26, 37, 64};
	static const size_t lanes[] = {1, 3, 4, 7, 8, 10, 15, 16, 17, 31, 32, 33, 48, 63, 64, 96, 100, 128, 130, 256, 300};
	ml_product *p = &x->p;
	size_t		panels;

	memset(x, 0, sizeof(*x));
	p->rows = sizes[below(ML_LENGTH(sizes))];
	p->lanes = lanes[below(ML_LENGTH(lanes))];
	p->outer = 1 + (below(2) ? below(5) : 0);
	p->inner = below(3) == 0 ? below(9) : below(3) == 0 ? 200 + below(500) : 1 + below(64);
	panels = (p->lanes + ML_PANEL - 1) / ML_PANEL;
	switch (below(4))
	{
		case 0:				/* rows of a matrix */
			p->a_inner = 1;
			p->a_outer = (int64_t) p->inner + (int64_t) below(3);
			p->a_row = p->a_outer * (int64_t) p->outer + (int64_t) below(3);
			break;
		case 1:				/* columns of one */
			p->a_row = 1;
			p->a_inner = (int64_t) (p->rows + below(3));
			p->a_outer = p->a_inner * (int64_t) p->inner;
			break;
		case 2:				/* packed */
			p->a_row = 1;
			p->a_inner = ML_TILE_ROWS;
			p->a_outer = p->a_inner * (int64_t) p->inner;
			p->a_tile = p->a_outer * (int64_t) p->outer;
			break;
		default:				/* windows that overlap, as of a convolution */
			p->a_inner = 1;
			p->a_row = 2;
			p->a_outer = 3;
			break;
	}
	x->na = 1 + p->rows * (size_t) p->a_row + p->outer * (size_t) p->a_outer + p->inner * (size_t) p->a_inner;
	if (p->a_tile)
		x->na = (p->rows + ML_TILE_ROWS - 1) / ML_TILE_ROWS * (size_t) p->a_tile;
	if (below(2))
	{
		/* panels, and a plain c */
		p->b_inner = ML_PANEL;
		p->b_outer = ML_PANEL * (int64_t) p->inner;
		p->b_panel = p->b_outer * (int64_t) p->outer;
		x->nb = panels * (size_t) p->b_panel;
		p->c_panel = ML_PANEL;
		p->c_row = (int64_t) (p->lanes + below(3));
		x->nc = (p->rows - 1) * (size_t) p->c_row + p->lanes;
	}
	else
	{
		/* a plain b, and c in panels */
		p->b_panel = ML_PANEL;
		p->b_inner = (int64_t) p->lanes;
		p->b_outer = p->b_inner * (int64_t) p->inner;
		x->nb = p->outer * (size_t) p->b_outer;
		p->c_row = ML_PANEL;
		p->c_panel = ML_PANEL * (int64_t) p->rows;
		x->nc = panels * (size_t) p->c_panel;
	}
	p->a = x->a = numbers(x->na);
	p->b = x->b = numbers(x->nb);
	x->bias = numbers(p->lanes);
	x->start = numbers(x->nc);
	p->bias = below(2) ? x->bias : NULL;
	p->add = below(3) == 0;
	x->table = numbers(p->rows * (p->lanes + 5));
	p->first_lane = below(5);
	for (size_t r = 0; r < p->rows; r++)
		x->starts[r] = x->table + (p->rows - 1 - r) * (p->lanes + 5);
	p->starts = below(2) ? x->starts : NULL;
}

static void
free_problem(problem *x)
{
	free(x->a);
	free(x->b);
	free(x->bias);
	free(x->start);
	free(x->table);
}

static size_t
c_at(const ml_product *p, size_t r, size_t l)
{
	return r * (size_t) p->c_row + l / ML_PANEL * (size_t) p->c_panel + l % ML_PANEL;
}

/* The largest error in units of the sum of absolute terms; elements outside must be as they were. */
static double
product_error(const problem *x, const float *c)
{
	const ml_product *p = &x->p;
	float	   *left = copy(x->start, x->nc);
	double		worst = 0;

	for (size_t r = 0; r < p->rows; r++)
		for (size_t l = 0; l < p->lanes; l++)
		{
			double		sum = p->add ? x->start[c_at(p, r, l)] : p->bias ? p->bias[l] :
				p->starts ? p->starts[r][p->first_lane + l] : 0;
			double		size = fabs(sum) + 1e-30;
			const float *a = p->a + (p->a_tile ? (int64_t) (r / ML_TILE_ROWS) * p->a_tile +
									 (int64_t) (r % ML_TILE_ROWS) * p->a_row : (int64_t) r * p->a_row);

			for (size_t o = 0; o < p->outer; o++)
				for (size_t i = 0; i < p->inner; i++)
				{
					double		term = (double) a[(int64_t) o * p->a_outer + (int64_t) i * p->a_inner] *
						p->b[(int64_t) o * p->b_outer + (int64_t) i * p->b_inner +
							 (int64_t) (l / ML_PANEL) * p->b_panel + (int64_t) (l % ML_PANEL)];

					sum += term;
					size += fabs(term);
				}
			worst = fmax(worst, fabs(c[c_at(p, r, l)] - sum) / size);
			left[c_at(p, r, l)] = c[c_at(p, r, l)];
		}
	if (memcmp(left, c, x->nc * sizeof(float)) != 0)
		worst = INFINITY;
	free(left);
	return worst;
}

/* The same block, one element at a time. */
static bool
same_by_elements(const problem *x, const ml_kernel *kernel, const float *c)
{
	float	   *other = copy(x->start, x->nc);
	bool		same;

	for (size_t r = 0; r < x->p.rows; r++)
		for (size_t l = 0; l < x->p.lanes; l++)
		{
			ml_product	p = x->p;

			p.c = other + c_at(&x->p, r, l);
			p.a += p.a_tile ? (int64_t) (r / ML_TILE_ROWS) * p.a_tile + (int64_t) (r % ML_TILE_ROWS) * p.a_row :
				(int64_t) r * p.a_row;
			p.b += (int64_t) (l / ML_PANEL) * p.b_panel + (int64_t) (l % ML_PANEL);
			p.bias = p.bias ? p.bias + l : NULL;
			p.starts = p.starts ? p.starts + r : NULL;
			p.first_lane += l;
			p.rows = p.lanes = 1;
			kernel->network->product(&p);
		}
	same = memcmp(other, c, x->nc * sizeof(float)) == 0;
	free(other);
	return same;
}

static void
test_product(void)
{
	double		worst[ML_LEVEL_COUNT + 1] = {0};
	int			cut = 0;
	int			differ = 0;

	for (int n = 0; n < 1500; n++)
	{
		problem		x;
		float	   *first = NULL;

		make_problem(&x);
		for (int l = 0; l < nlevels; l++)
		{
			float	   *c = copy(x.start, x.nc);

			x.p.c = c;
			levels[l]->network->product(&x.p);
			worst[l] = fmax(worst[l], product_error(&x, c));
			if (n % 10 == 0)
				cut += !same_by_elements(&x, levels[l], c);
			if (first)
				differ += memcmp(first, c, x.nc * sizeof(float)) != 0;
			/* ref has no fused multiply-add */
			if (l == 1)
				first = c;
			else
				free(c);
		}
		free(first);
		free_problem(&x);
	}
	for (int l = 0; l < nlevels; l++)
		unit_ok(worst[l] < 1e-6, "%s: products of any shape and stride (error %.1e)", levels[l]->name, worst[l]);
	unit_is_int(cut, 0, "an element has the same bits alone and in a block");
	unit_is_int(differ, 0, "products have the same bits with AVX2 and AVX-512");
}

static void
test_moves(void)
{
	int			wrong = 0;

	for (int n = 0; n < 300; n++)
	{
		size_t		rows = 1 + below(70);
		size_t		columns = 1 + below(70);
		size_t		from_row = columns + below(3);
		size_t		to_row = rows + below(3);
		size_t		npanels = (columns + ML_PANEL - 1) / ML_PANEL;
		float	   *from = numbers((rows - 1) * from_row + columns);
		float	   *to = numbers((columns - 1) * to_row + rows);
		float	   *panels = numbers(npanels * rows * ML_PANEL);

		for (int l = 0; l < nlevels; l++)
		{
			levels[l]->network->transpose(to, (int64_t) to_row, from, (int64_t) from_row, rows, columns);
			levels[l]->network->pack(panels, (int64_t) rows * ML_PANEL, from, (int64_t) from_row, rows, columns);
			for (size_t r = 0; r < rows; r++)
				for (size_t c = 0; c < npanels * ML_PANEL; c++)
				{
					float		value = c < columns ? from[r * from_row + c] : 0;

					wrong += panels[(c / ML_PANEL * rows + r) * ML_PANEL + c % ML_PANEL] != value;
					wrong += c < columns && to[c * to_row + r] != value;
				}
			memset(to, 0, ((columns - 1) * to_row + rows) * sizeof(float));
			memset(panels, 0xFF, npanels * rows * ML_PANEL * sizeof(float));
		}
		free(from);
		free(to);
		free(panels);
	}
	unit_is_int(wrong, 0, "matrices are packed and transposed");
}

/* === Rows === */

/* Two stretches of scores [2][2][size] of two rows, and what became of them, against the definition. */
static double
attend_error(const float *weights, const float *maxima, const float *sums, const float *factors, const float *scores,
			 const size_t (*own)[2], size_t size, float scale)
{
	double		worst = 0;

	for (size_t r = 0; r < 2; r++)
	{
		double		highest = -INFINITY;
		double		sum = 0;

		for (size_t s = 0; s < 2; s++)
		{
			double		before = highest;

			for (size_t i = 0; i < own[s][r]; i++)
				highest = fmax(highest, scores[(2 * s + r) * size + i] * scale);
			if (before != highest)
				sum *= exp(before - highest);
			worst = fmax(worst, fabs(factors[2 * s + r] - (before == highest ? 1 : exp(before - highest))));
			for (size_t i = 0; i < own[s][r]; i++)
			{
				double		expected = exp(scores[(2 * s + r) * size + i] * scale - highest);

				/* relative, but for those that are flushed to 0 */
				worst = fmax(worst, fabs(weights[(2 * s + r) * size + i] - expected) / (expected + 1e-31));
				sum += expected;
			}
		}
		if (maxima[r] != (float) highest)
			worst = INFINITY;
		worst = fmax(worst, fabs(sums[r] - sum) / (sum + 1e-31));
	}
	return worst;
}

/* p and the slopes of scores of one stretch. */
static double
attend_back_error(const float *p, const float *slopes, const float *scores, const float *dp, size_t n, float scale, float logsum,
				  float shift)
{
	double		worst = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		expected = exp(scores[i] * scale - logsum);

		worst = fmax(worst, fabs(p[i] - expected) / (expected + 1e-31));
		worst = fmax(worst, fabs(slopes[i] - expected * (dp[i] - shift) * scale));
	}
	return worst;
}

static double
dots_error(const float *dots, const float *x, const float *y, size_t n)
{
	double		worst = 0;

	for (size_t r = 0; r < 2; r++)
	{
		double		sum = 0;
		double		size = 0;

		for (size_t i = 0; i < n; i++)
		{
			sum += (double) x[r * n + i] * y[r * n + i];
			size += fabs((double) x[r * n + i] * y[r * n + i]);
		}
		worst = fmax(worst, fabs(dots[r] - sum) / (size + 1e-31));
	}
	return worst;
}

static void
test_rows(void)
{
	double		worst = 0;
	double		worst_back = 0;
	double		worst_dots = 0;
	int			differ = 0;

	for (int n = 0; n < 400; n++)
	{
		size_t		size = 1 + below(n % 2 ? 20 : 300);
		size_t		own[2][2] = {{below(size + 1), size}, {below(size + 1), below(size + 1)}};
		float		scale = n % 7 == 0 ? 0 : 0.7f;
		float	   *x = numbers(4 * size);
		float	   *dy = numbers(4 * size);
		float	   *first = NULL;

		for (size_t i = 0; i < 4 * size && n % 3 == 0; i++)
			x[i] *= 60;
		for (int l = 0; l < nlevels; l++)
		{
			const ml_network_kernel *k = levels[l]->network;
			float	   *out = numbers(8 * size + 12);
			float	   *p = out + 4 * size;
			float	   *slopes = p + size;
			float	   *maxima = out + 8 * size;
			float	   *sums = maxima + 2;
			float	   *factors = sums + 2;
			float	   *dots = factors + 4;
			float		logsum;

			memcpy(out, x, 4 * size * sizeof(float));
			memcpy(p, x, size * sizeof(float));
			memcpy(slopes, dy, size * sizeof(float));
			for (int r = 0; r < 2; r++)
			{
				maxima[r] = -INFINITY;
				sums[r] = 0;
				dots[2 + r] = 1;
			}
			for (size_t s = 0; s < 2; s++)
				k->attend(out + 2 * s * size, (int64_t) size, own[s], 2, scale, maxima, sums, factors + 2 * s);
			k->dots(dots, x, (int64_t) size, dy, (int64_t) size, 2, size);
			logsum = sums[0] == 0 ? 0 : maxima[0] + (float) log(sums[0]);
			k->attend_back(p, slopes, own[0][0], scale, logsum, dots[0] / 60);
			for (size_t i = 0; i < 2 * size; i++)
				out[6 * size + i] = 1;
			k->sum_rows(out + 6 * size, dy, 1, size / 2, size - size / 2, true);
			worst = fmax(worst, attend_error(out, maxima, sums, factors, x, (const size_t (*)[2]) own, size, scale));
			worst_back = fmax(worst_back, attend_back_error(p, slopes, x, dy, own[0][0], scale, logsum, dots[0] / 60));
			worst_dots = fmax(worst_dots, dots_error(dots, x, dy, size));
			if (first)
				differ += memcmp(first, out, (8 * size + 12) * sizeof(float)) != 0;
			if (l == 0)
				first = out;
			else
				free(out);
		}
		free(first);
		free(x);
		free(dy);
	}
	/* scores less the maximum are rounded: half a unit of 120 */
	unit_ok(worst < 1e-5, "stretches of attention (error %.1e)", worst);
	unit_ok(worst_back < 1e-5, "  and the way back (error %.1e)", worst_back);
	unit_ok(worst_dots < 1e-6, "dots of rows (error %.1e)", worst_dots);
	unit_is_int(differ, 0, "rows have the same bits at every level");
}

/* What is no number stays none, and hides nothing that is one. */
static void
test_not_numbers(void)
{
	for (int l = 0; l < nlevels; l++)
		for (int n = 33; n < 100; n += 33)
		{
			static const float bad[] = {NAN, INFINITY, -INFINITY};
			float		scores[4][99];
			float		maxima[4];
			float		sums[4] = {0};
			float		factors[4];
			size_t		own[4] = {(size_t) n, (size_t) n, (size_t) n, (size_t) n};

			for (int r = 0; r < 4; r++)
			{
				maxima[r] = -INFINITY;
				for (int i = 0; i < n; i++)
					scores[r][i] = r == 3 ? -INFINITY : (float) -i;
				if (r < 3)
					scores[r][16] = bad[r];
			}
			levels[l]->network->attend(scores[0], 99, own, 4, 1, maxima, sums, factors);
			unit_ok(maxima[0] == 0 && maxima[2] == 0, "%s: the largest of %d numbers", levels[l]->name, n);
			unit_ok(isnan(sums[0]) && isnan(sums[1]) && isnan(sums[3]) && fabs(sums[2] - 1.58197663f) < 1e-5, "  the sum of those that are any");
		}
}

static void
test_sums(void)
{
	double		worst = 0;

	for (int n = 0; n < 200; n++)
	{
		size_t		rows = below(40);
		size_t		columns = 1 + below(300);
		float	   *x = numbers(rows * columns);
		float	   *sums = numbers(columns);

		for (int l = 0; l < nlevels; l++)
		{
			float	   *s = copy(sums, columns);

			levels[l]->network->sum_rows(s, x, (int64_t) columns, rows, columns, n % 2);
			for (size_t c = 0; c < columns; c++)
			{
				double		sum = n % 2 ? sums[c] : 0;

				for (size_t r = 0; r < rows; r++)
					sum += x[r * columns + c];
				worst = fmax(worst, fabs(s[c] - sum));
			}
			free(s);
		}
		free(x);
		free(sums);
	}
	unit_ok(worst < 1e-5, "sums of rows (error %.1e)", worst);
	for (int l = 0; l < nlevels; l++)
	{
		float		huge[40];

		for (int i = 0; i < 40; i++)
			huge[i] = 3e37f;
		unit_is_near(levels[l]->network->norm2(huge, 37), 37 * 9e74, 1e71, "%s: squares beyond a float", levels[l]->name);
	}
}

/* === Optimisers === */

typedef enum method
{
	SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, RMSPROP_MOMENTUM, ADAM, METHODS
} method;

static const char *const method_names[METHODS] = {
	"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop with momentum", "adam"
};

static void
step(const ml_network_kernel *k, method which, const ml_step *s, float *w, const float *g, float *m, float *v,
	 size_t n)
{
	switch (which)
	{
		case SGD:
			k->sgd(s, w, g, n);
			break;
		case MOMENTUM:
			k->momentum(s, w, g, m, n);
			break;
		case NESTEROV:
			k->nesterov(s, w, g, m, n);
			break;
		case ADAGRAD:
			k->adagrad(s, w, g, v, n);
			break;
		case RMSPROP:
			k->rmsprop(s, w, g, v, n);
			break;
		case RMSPROP_MOMENTUM:
			k->rmsprop_momentum(s, w, g, m, v, n);
			break;
		default:
			k->adam(s, w, g, m, v, n);
			break;
	}
}

/* The formulas of torch.optim, one number, in double. */
static void
step_of(method which, const ml_step *s, double *w, double g, double *m, double *v)
{
	*w *= s->shrink;
	g = fmin(fmax(g * s->scale, -s->limit), s->limit) + s->decay * *w;
	switch (which)
	{
		case SGD:
			*w -= s->rate * g;
			break;
		case MOMENTUM:
			*m = s->beta1 * *m + g;
			*w -= s->rate * *m;
			break;
		case NESTEROV:
			*m = s->beta1 * *m + g;
			*w -= s->rate * (g + s->beta1 * *m);
			break;
		case ADAGRAD:
			*v += g * g;
			*w -= s->rate * g / (sqrt(*v) + s->epsilon);
			break;
		case RMSPROP:
			*v = s->beta2 * *v + s->rest2 * g * g;
			*w -= s->rate * g / (sqrt(*v) + s->epsilon);
			break;
		case RMSPROP_MOMENTUM:
			*v = s->beta2 * *v + s->rest2 * g * g;
			*m = s->beta1 * *m + g / (sqrt(*v) + s->epsilon);
			*w -= s->rate * *m;
			break;
		default:
			*m += s->rest1 * (g - *m);
			*v = s->beta2 * *v + s->rest2 * g * g;
			*w -= s->rate * *m / (s->root * sqrt(*v) + s->epsilon);
			break;
	}
}

static void
test_steps(void)
{
	for (int which = 0; which < METHODS; which++)
	{
		double		worst = 0;
		int			differ = 0;

		for (int n = 0; n < 60; n++)
		{
			size_t		size = 1 + below(100);
			size_t		cut = below(size + 1);
			ml_step		s = {
				.rate = 0.01f, .scale = n % 2 ? 1 : 0.5f, .limit = n % 3 ? INFINITY : 0.3f,
				.decay = n % 5 ? 0 : 0.02f, .shrink = n % 7 ? 1 : 0.99f, .beta1 = 0.9f, .beta2 = 0.99f, .rest1 = 0.1f, .rest2 = 0.01f,
				.epsilon = 1e-4f, .root = 1.5f
			};
			float	   *w = numbers(size);
			float	   *g = n % 4 ? numbers(size) : NULL;
			float	   *m = numbers(size);
			float	   *v = numbers(size);
			float	   *first = NULL;

			for (size_t i = 0; i < size; i++)
				v[i] = fabsf(v[i]);
			for (int l = 0; l < nlevels; l++)
			{
				const ml_network_kernel *k = levels[l]->network;
				float	   *out = malloc(3 * size * sizeof(float));
				float	   *pieces = malloc(3 * size * sizeof(float));

				memcpy(out, w, size * sizeof(float));
				memcpy(out + size, m, size * sizeof(float));
				memcpy(out + 2 * size, v, size * sizeof(float));
				memcpy(pieces, out, 3 * size * sizeof(float));
				step(k, which, &s, out, g, out + size, out + 2 * size, size);
				/* a vector may be cut anywhere */
				step(k, which, &s, pieces, g, pieces + size, pieces + 2 * size, cut);
				step(k, which, &s, pieces + cut, g ? g + cut : NULL, pieces + size + cut, pieces + 2 * size + cut,
					 size - cut);
				differ += memcmp(out, pieces, 3 * size * sizeof(float)) != 0;
				free(pieces);
				for (size_t i = 0; i < size; i++)
				{
					double		number[3] = {w[i], m[i], v[i]};

					step_of(which, &s, &number[0], g ? g[i] : 0, &number[1], &number[2]);
					worst = fmax(worst, fabs(out[i] - number[0]));
					worst = fmax(worst, fabs(out[size + i] - number[1]) / (1 + fabs(number[1])));
					worst = fmax(worst, fabs(out[2 * size + i] - number[2]));
				}
				if (first)
					differ += memcmp(first, out, 3 * size * sizeof(float)) != 0;
				if (l == 1)
					first = out;
				else
					free(out);
			}
			free(first);
			free(w);
			free(g);
			free(m);
			free(v);
		}
		unit_ok(worst < 1e-6, "%s: the step (error %.1e)", method_names[which], worst);
		unit_is_int(differ, 0, "%s: the same bits in pieces, and with AVX2 and AVX-512", method_names[which]);
	}
	for (int l = 0; l < nlevels; l++)
	{
		ml_step		s = {.rate = 0.01f, .scale = 1, .limit = 1, .shrink = 1};
		float		w[20] = {0};
		float		g[20] = {[3] = NAN, [18] = NAN, [5] = 5};

		levels[l]->network->sgd(&s, w, g, 20);
		unit_ok(isnan(w[3]) && isnan(w[18]) && w[5] == -0.01f, "%s: clipping hides no NaN", levels[l]->name);
	}
}

int
main(void)
{
	ml_rng_seed(&rng, 20);
	find_levels();
	test_product();
	test_moves();
	test_rows();
	test_not_numbers();
	test_sums();
	test_steps();
	return unit_done();
}
