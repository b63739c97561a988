/*-------------------------------------------------------------------------
 *
 * activation.c
 *	  Activation functions, and their gradients.
 *
 *	  RELU			max(x, 0)
 *	  LEAKY_RELU	x, or alpha x below 0
 *	  ELU			x, or alpha (e^x - 1) below 0
 *	  GELU			x P(X < x), X normal (by erf)
 *	  GELU_TANH		x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
 *	  SILU			x sigmoid(x)
 *	  TANH, SIGMOID
 *
 * Where the slope follows from the result (ml_activation_of_output), the gradient
 * is computed from it, so that the argument need not be kept.  At 0 the slope of
 * RELU is 0, that of LEAKY_RELU alpha (as PyTorch has them).
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* === activation(activation, alpha): y = f(x) === */

static const ml_attribute attributes[] = {
	{"activation", false, ML_LINEAR, ML_ACTIVATIONS - 1, ML_LINEAR},
	{"alpha", true, 0, 1e6, 1},
	{NULL}
};

static ml_status
run_activation(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_activation activation = (ml_activation) run->attributes->ints[0];
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->out[0], &run->in[0]});
	while (ml_walk_next(&walk))
		if (activation != ML_LINEAR)
			map->activation[activation] (walk.at[0], walk.at[1], walk.n, run->attributes->reals[0]);
		else if (walk.at[0] != walk.at[1])
			memcpy(walk.at[0], walk.at[1], walk.n * map->width);
	return walk.status;
}

/* dx = g f'(x) */
static void
backward_activation(ml_emitter *e, const ml_op_backward *b)
{
	ml_activation activation = (ml_activation) b->attributes->ints[0];

	b->din[0] = ml_emit_activation_back(e, activation, b->attributes->reals[0], b->dout[0],
										ml_activation_of_output(activation) ? b->out[0] : b->in[0]);
}

const ml_op ml_op_activation = {
	.name = "activation", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .overwrites = {1},
	.attributes = attributes, .shape = ml_shape_same, .backward = backward_activation,
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_activation}, {"d>d", 0, run_activation}, {0}}
};

/* === activation_back(g, v): g f'(x); v is y or x === */

static ml_status
run_activation_back(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_activation activation = (ml_activation) run->attributes->ints[0];
	ml_walk		walk;

	ml_walk_start(&walk, run, 3, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->in[1]});
	while (ml_walk_next(&walk))
		if (activation != ML_LINEAR)
			map->derivative[activation] (walk.at[0], walk.at[1], walk.at[2], walk.n,
										 run->attributes->reals[0]);
		else if (walk.at[0] != walk.at[1])
			memcpy(walk.at[0], walk.at[1], walk.n * map->width);
	return walk.status;
}

const ml_op ml_op_activation_back = {
	.name = "activation_back", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1,
	.flags = ML_OP_GRADIENT, .overwrites = {3},
	.attributes = attributes, .shape = ml_shape_pair,
	.kernels = (const ml_op_kernel[]) {{"ff>f", 0, run_activation_back}, {"dd>d", 0, run_activation_back}, {0}}
};

/*
 * === activation_sloped(x): y = f(x) and f'(x) ===
 * For training, of functions whose slope doesn't follow from y: both have most of
 * their arithmetic in common, and the slope can lie where x was.
 */

static const ml_attribute sloped_attributes[] = {
	{"activation", false, ML_GELU, ML_SILU, ML_GELU},
	{NULL}
};

static ml_status
shape_activation_sloped(ml_context *ctx, const ml_op_shapes *s)
{
	s->out[0] = s->out[1] = *s->in[0];
	return ML_OK;
}

static ml_status
run_activation_sloped(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_activation activation = (ml_activation) run->attributes->ints[0];
	bool		sloped = run->out[1].data != NULL;
	ml_walk		walk;

	ml_walk_start(&walk, run, 3, (const ml_view *const[]) {&run->out[0], &run->in[0], &run->out[sloped]});
	while (ml_walk_next(&walk))
		if (sloped && activation == ML_GELU && run->out[0].dtype == ML_F32)
			run->kernel->network->gelu((float *) (void *) walk.at[0], (float *) (void *) walk.at[2],
									   (const float *) (const void *) walk.at[1], walk.n);
		else if (sloped)
			map->sloped[activation] (walk.at[0], walk.at[2], walk.at[1], walk.n);
		else
			map->activation[activation] (walk.at[0], walk.at[1], walk.n, 0);
	return walk.status;
}

/* dx = g f'(x); none flows through the slopes */
static void
backward_activation_sloped(ml_emitter *e, const ml_op_backward *b)
{
	if (b->dout[0] != ML_NO_VALUE)
		b->din[0] = ml_emit2(e, &ml_op_mul, NULL, b->dout[0], b->out[1]);
}

const ml_op ml_op_activation_sloped = {
	.name = "activation_sloped", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 2,
	.flags = ML_OP_SKIPS, .overwrites = {0, 1},
	.attributes = sloped_attributes, .shape = shape_activation_sloped, .backward = backward_activation_sloped,
	.kernels = (const ml_op_kernel[]) {{"f>ff", 0, run_activation_sloped}, {"d>dd", 0, run_activation_sloped}, {0}}
};

int32_t
ml_emit_activation_back(ml_emitter *e, ml_activation activation, double alpha, int32_t g, int32_t v)
{
	ml_attributes given = {.ints = {activation}, .reals = {alpha}};

	return activation == ML_LINEAR ? g : ml_emit2(e, &ml_op_activation_back, &given, g, v);
}
