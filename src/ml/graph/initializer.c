/*-------------------------------------------------------------------------
 *
 * initializer.c
 *	  First values of parameters and states.
 *
 * Each parameter draws from numbers of its own, which follow from the seed and
 * its number; so another layer changes nothing of those before it.
 *
 *	  glorot_uniform	in +- sqrt(6 / (fan_in + fan_out))		Glorot and Bengio 2010
 *	  glorot_normal		deviation sqrt(2 / (fan_in + fan_out))
 *	  he_uniform		in +- sqrt(6 / fan_in)					He et al. 2015
 *	  he_normal			deviation sqrt(2 / fan_in)
 *	  uniform, normal	in +- 0.05, deviation 0.05
 *	  orthogonal		columns (or rows, where those are fewer) of length 1 and at right
 *						angles, by Gram and Schmidt from normal numbers; Saxe et al. 2014
 *
 * fan_in is the product of all dimensions but the last, fan_out the last one times
 * the window of a convolution.  Storages are 0 to begin with: what fills panels up
 * stays so.
 *
 *-------------------------------------------------------------------------
 */
#include "base/hash.h"
#include "base/math.h"
#include "graph/layer.h"
#include "op/walk.h"

#define SPREAD		0.05

const char *const ml_initializer_names[] = {
	[ML_INIT_GLOROT_UNIFORM] = "glorot_uniform",
	[ML_INIT_GLOROT_NORMAL] = "glorot_normal",
	[ML_INIT_HE_UNIFORM] = "he_uniform",
	[ML_INIT_HE_NORMAL] = "he_normal",
	[ML_INIT_UNIFORM] = "uniform",
	[ML_INIT_NORMAL] = "normal",
	[ML_INIT_ORTHOGONAL] = "orthogonal",
	[ML_INIT_ZEROS] = "zeros",
	[ML_INIT_ONES] = "ones",
	NULL
};

/* ---------- naming what is to be set ---------- */

static void
remember(ml_lowering *w, int32_t value, int64_t initializer, double constant)
{
	ml_network *network = w->network;
	void	   *memory = network->initials;

	if (value == ML_NO_VALUE || w->b.e.status != ML_OK)
		return;
	w->b.e.status = ml_grow(w->ctx, &memory, &w->initials_capacity, w->ninitials + 1, sizeof(ml_initial));
	if (w->b.e.status != ML_OK)
		return;
	network->initials = memory;
	network->initials[w->ninitials++] = (ml_initial) {value, (int32_t) initializer, constant};
	network->ninitials = w->ninitials;
}

/* "layer.suffix"; the text of a parameter's name. */
static ml_text
full_name(const ml_lowering *w, const char *suffix, char *text, size_t size)
{
	size_t		used = ml_print(text, size, "%.*s.%s", (int) ML_MIN(w->layer->name.size, (size_t) 100),
								w->layer->name.data, suffix);

	return (ml_text) {text, used};
}

int32_t
ml_layer_parameter(ml_lowering *w, const char *suffix, ml_layout layout, int ndims, const int64_t *dims,
				   int64_t initializer, bool sparse)
{
	ml_shape	shape = {.dtype = w->task->dtype, .layout = layout, .ndims = ndims};
	char		text[160];
	int32_t		value;

	for (int i = 0; i < ndims; i++)
		shape.dims[i] = dims[i];
	value = ml_builder_parameter(&w->b, full_name(w, suffix, text, sizeof(text)), &shape, sparse);
	remember(w, value, initializer, 0);
	return value;
}

int32_t
ml_layer_state(ml_lowering *w, const char *suffix, int64_t n, double constant)
{
	ml_shape	shape = {.dtype = w->task->dtype, .ndims = 1, .dims = {n}};
	char		text[160];
	int32_t		value = ml_builder_state(&w->b, full_name(w, suffix, text, sizeof(text)), &shape);

	remember(w, value, ML_INIT_ZEROS, constant);
	return value;
}

/* ---------- numbers ---------- */

/* Two normal numbers from two uniform ones (Box and Muller 1958). */
static double
normal(ml_rng *rng)
{
	double		u = 1 - ml_rng_double(rng);
	double		sine;
	double		cosine;

	ml_sincos(ml_rng_double(rng), &sine, &cosine);
	return sqrt(-2 * ml_log(u)) * cosine;
}

static double
uniform(ml_rng *rng, double limit)
{
	return limit * (2 * ml_rng_double(rng) - 1);
}

/* In several sums: one alone would wait for each of its additions. */
static double
dot_of(const double *u, const double *v, size_t n)
{
	double		sums[8] = {0};
	size_t		k = 0;

	for (; k + ML_LENGTH(sums) <= n; k += ML_LENGTH(sums))
		for (size_t i = 0; i < ML_LENGTH(sums); i++)
			sums[i] += u[k + i] * v[k + i];
	for (; k < n; k++)
		sums[0] += u[k] * v[k];
	return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/*
 * n vectors of "width" numbers, n <= width: each is made to stand at right
 * angles to those before it, twice, as once leaves rounding errors.
 */
static ml_status
orthogonalize(ml_context *ctx, double *vectors, size_t n, size_t width)
{
	size_t		unpolled = 0;

	for (size_t i = 0; i < n; i++)
	{
		double	   *v = vectors + i * width;
		double		length;

		for (int pass = 0; pass < 2; pass++)
			for (size_t j = 0; j < i; j++)
			{
				const double *u = vectors + j * width;
				double		dot = dot_of(u, v, width);

				for (size_t k = 0; k < width; k++)
					v[k] -= dot * u[k];
				ML_TRY(ml_poll_after(ctx, &unpolled, width));
			}
		length = dot_of(v, v, width);
		for (size_t k = 0; k < width; k++)
			v[k] /= length > 0 ? sqrt(length) : 1;
	}
	return ml_poll(ctx);
}

/* ---------- setting ---------- */

#define PIECE	16384			/* numbers between two polls */

/* Where the numbers of a value go: in their layout and type. */
typedef struct place
{
	const ml_shape *shape;
	char	   *storage;
	size_t		n;				/* numbers */
	size_t		rows;			/* of the matrix [rows, columns] that it is */
	size_t		columns;
} place;

static place
place_of(const ml_shape *shape, char *storage)
{
	place		p = {.shape = shape, .storage = storage, .n = 1};

	for (int i = 0; i < shape->ndims; i++)
		p.n = ml_size_mul(p.n, (size_t) shape->dims[i]);
	p.columns = shape->ndims == 0 ? 1 : ML_MAX((size_t) shape->dims[shape->ndims - 1], 1);
	p.rows = p.n / p.columns;
	return p;
}

static void
put(const place *p, size_t row, size_t column, double number)
{
	size_t		at = row * p->columns + column;

	if (p->shape->layout == ML_PANELS)
		at = (column / ML_PANEL * p->rows + row) * ML_PANEL + column % ML_PANEL;
	if (p->shape->dtype == ML_F64)
		((double *) (void *) p->storage)[at] = number;
	else
		((float *) (void *) p->storage)[at] = (float) number;
}

/* Of the whole matrix, as Keras does, not gate by gate. */
static ml_status
orthogonal(ml_context *ctx, ml_rng *rng, const place *p)
{
	size_t		n = ML_MIN(p->rows, p->columns);
	size_t		width = ML_MAX(p->rows, p->columns);
	double	   *vectors;
	ml_status	status = ML_OK;

	ML_TRY(ml_alloc(ctx, ml_size_mul(ml_size_mul(n, width), sizeof(double)), (void **) &vectors));
	for (size_t i = 0; i < n * width && status == ML_OK; i++)
	{
		vectors[i] = normal(rng);
		if (i % PIECE == PIECE - 1)
			status = ml_poll(ctx);
	}
	if (status == ML_OK)
		status = orthogonalize(ctx, vectors, n, width);
	for (size_t r = 0; r < p->rows && status == ML_OK; r++)
		for (size_t c = 0; c < p->columns; c++)
			put(p, r, c, p->rows <= p->columns ? vectors[r * width + c] : vectors[c * width + r]);
	ml_release(ctx, vectors);
	return status;
}

/* The next number of a parameter. */
static double
draw(ml_rng *rng, const ml_initial *initial, double fan_in, double fan_out)
{
	switch (initial->initializer & ~ML_INIT_FORGET)
	{
		case ML_INIT_GLOROT_UNIFORM:
			return uniform(rng, sqrt(6 / (fan_in + fan_out)));
		case ML_INIT_GLOROT_NORMAL:
			return normal(rng) * sqrt(2 / (fan_in + fan_out));
		case ML_INIT_HE_UNIFORM:
			return uniform(rng, sqrt(6 / fan_in));
		case ML_INIT_HE_NORMAL:
			return normal(rng) * sqrt(2 / fan_in);
		case ML_INIT_UNIFORM:
			return uniform(rng, SPREAD);
		case ML_INIT_NORMAL:
			return normal(rng) * SPREAD;
		case ML_INIT_ONES:
			return 1;
		default:
			return initial->constant;
	}
}

static ml_status
set_value(ml_context *ctx, const ml_graph *graph, const ml_initial *initial, uint64_t seed, char *storage)
{
	const ml_shape *shape = &graph->values[initial->value].shape;
	place		p = place_of(shape, storage);
	double		fan_out = (double) p.columns;
	size_t		unpolled = 0;
	ml_rng		rng;

	for (int i = 0; i < shape->ndims - 2; i++)
		fan_out *= (double) shape->dims[i];
	ml_rng_seed(&rng, seed);
	if (initial->initializer == ML_INIT_ORTHOGONAL)
		return orthogonal(ctx, &rng, &p);
	for (size_t r = 0; r < p.rows; r++)
		for (size_t c = 0; c < p.columns; c++)
		{
			double		number = draw(&rng, initial, (double) p.rows, fan_out);

			if ((initial->initializer & ML_INIT_FORGET) != 0 && c >= p.columns / 4 && c < p.columns / 2)
				number = 1;
			put(&p, r, c, number);
			if (++unpolled == PIECE)
			{
				unpolled = 0;
				ML_TRY(ml_poll(ctx));
			}
		}
	return ml_poll(ctx);
}

size_t
ml_network_initialize_bytes(const ml_network *network)
{
	size_t		bytes = 0;

	for (size_t i = 0; i < network->ninitials; i++)
		if (network->initials[i].initializer == ML_INIT_ORTHOGONAL)
		{
			place		p = place_of(&network->graph->values[network->initials[i].value].shape, NULL);

			bytes = ML_MAX(bytes, ml_size_mul(p.n, sizeof(double)));
		}
	return bytes;
}

ml_status
ml_network_initialize(ml_context *ctx, const ml_network *network, uint64_t seed, void *parameters, void *states)
{
	const ml_graph *graph = network->graph;
	size_t		width = ml_dtypes[graph->dtype].block_bytes;

	for (size_t i = 0; i < network->ninitials; i++)
	{
		const ml_initial *initial = &network->initials[i];
		const ml_graph_value *value = &graph->values[initial->value];
		char	   *storage = value->kind == ML_VALUE_PARAMETER ? (char *) parameters + value->offset * width :
			(char *) states + value->offset;

		ML_TRY(set_value(ctx, graph, initial, ml_hash_join(seed, i), storage));
	}
	return ML_OK;
}
