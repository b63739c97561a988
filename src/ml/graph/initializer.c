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
 * the window of a convolution.
 *
 *-------------------------------------------------------------------------
 */
#include "base/hash.h"
#include "base/math.h"
#include "graph/layer.h"

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

/*
 * n vectors of "width" numbers, n <= width: each is made to stand at right
 * angles to those before it, twice, as once leaves rounding errors.
 */
static ml_status
orthogonalize(ml_context *ctx, double *vectors, size_t n, size_t width)
{
	for (size_t i = 0; i < n; i++)
	{
		double	   *v = vectors + i * width;
		double		length = 0;

		for (int pass = 0; pass < 2; pass++)
			for (size_t j = 0; j < i; j++)
			{
				const double *u = vectors + j * width;
				double		dot = 0;

				for (size_t k = 0; k < width; k++)
					dot += u[k] * v[k];
				for (size_t k = 0; k < width; k++)
					v[k] -= dot * u[k];
			}
		for (size_t k = 0; k < width; k++)
			length += v[k] * v[k];
		for (size_t k = 0; k < width; k++)
			v[k] /= length > 0 ? sqrt(length) : 1;
		ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* to[rows][columns], a square of gates at a time as Keras does: of the whole matrix. */
static ml_status
orthogonal(ml_context *ctx, ml_rng *rng, double *to, size_t rows, size_t columns)
{
	size_t		n = ML_MIN(rows, columns);
	size_t		width = ML_MAX(rows, columns);
	double	   *vectors;
	ml_status	status;

	ML_TRY(ml_alloc(ctx, ml_size_mul(ml_size_mul(n, width), sizeof(double)), (void **) &vectors));
	for (size_t i = 0; i < n * width; i++)
		vectors[i] = normal(rng);
	status = orthogonalize(ctx, vectors, n, width);
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < columns; c++)
			to[r * columns + c] = rows <= columns ? vectors[r * width + c] : vectors[c * width + r];
	ml_release(ctx, vectors);
	return status;
}

static ml_status
draw(ml_context *ctx, ml_rng *rng, const ml_initial *initial, const ml_shape *shape, double *to, size_t n)
{
	size_t		columns = shape->ndims == 0 ? 1 : (size_t) shape->dims[shape->ndims - 1];
	double		fan_in = (double) n / (double) ML_MAX(columns, 1);
	double		window = 1;
	double		fan_out;

	for (int i = 0; i < shape->ndims - 2; i++)
		window *= (double) shape->dims[i];
	fan_out = window * (double) columns;
	if (initial->initializer == ML_INIT_ORTHOGONAL)
		return orthogonal(ctx, rng, to, n / ML_MAX(columns, 1), columns);
	for (size_t i = 0; i < n; i++)
		switch (initial->initializer)
		{
			case ML_INIT_GLOROT_UNIFORM:
				to[i] = uniform(rng, sqrt(6 / (fan_in + fan_out)));
				break;
			case ML_INIT_GLOROT_NORMAL:
				to[i] = normal(rng) * sqrt(2 / (fan_in + fan_out));
				break;
			case ML_INIT_HE_UNIFORM:
				to[i] = uniform(rng, sqrt(6 / fan_in));
				break;
			case ML_INIT_HE_NORMAL:
				to[i] = normal(rng) * sqrt(2 / fan_in);
				break;
			case ML_INIT_UNIFORM:
				to[i] = uniform(rng, SPREAD);
				break;
			case ML_INIT_NORMAL:
				to[i] = normal(rng) * SPREAD;
				break;
			case ML_INIT_ONES:
				to[i] = 1;
				break;
			case ML_INIT_FORGET:
				to[i] = i >= n / 4 && i < n / 2;
				break;
			default:
				to[i] = initial->constant;
		}
	return ml_poll(ctx);
}

/* ---------- setting ---------- */

static ml_status
set_value(ml_context *ctx, const ml_graph *graph, const ml_initial *initial, uint64_t seed, char *storage)
{
	const ml_graph_value *value = &graph->values[initial->value];
	ml_dtype	dtype = value->shape.dtype;
	size_t		n = 1;
	ml_rng		rng;
	double	   *numbers;
	ml_status	status;

	for (int i = 0; i < value->shape.ndims; i++)
		n = ml_size_mul(n, (size_t) value->shape.dims[i]);
	ml_rng_seed(&rng, seed);
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(double)), (void **) &numbers));
	status = draw(ctx, &rng, initial, &value->shape, numbers, n);
	if (dtype == ML_F32)
		for (size_t i = 0; i < n; i++)
			((float *) numbers)[i] = (float) numbers[i];
	if (status == ML_OK)
		ml_layout_write(value, dtype, storage, numbers);
	ml_release(ctx, numbers);
	return status;
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
