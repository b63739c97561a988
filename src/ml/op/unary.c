/*-------------------------------------------------------------------------
 *
 * unary.c
 *	  Functions of each element by itself: neg, abs, sign, exp, log, sqrt,
 *	  square, erf; cast.
 *
 * Formulas and accuracy: base/real.h.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

#include <math.h>

static ml_status
run_unary(const ml_op_run *run, ml_map_unary op)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	ml_walk		walk;

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->out[0], &run->in[0]});
	while (ml_walk_next(&walk))
		map->unary[op] (walk.at[0], walk.at[1], walk.n);
	return walk.status;
}

#define UNARY(name_, map_op) \
static ml_status \
run_##name_(const ml_op_run *run) \
{ \
	return run_unary(run, map_op); \
} \
\
const ml_op ml_op_##name_ = { \
	.name = #name_, .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .overwrites = {1}, \
	.shape = ml_shape_same, .backward = backward_##name_, \
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_##name_}, {"d>d", 0, run_##name_}, {0}} \
}

/* g times a value, and times a number. */
static int32_t
times(ml_emitter *e, int32_t g, int32_t value)
{
	return ml_emit2(e, &ml_op_mul, NULL, g, value);
}

static int32_t
times_number(ml_emitter *e, int32_t g, double number)
{
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, g)->dtype : ML_F32;

	return times(e, g, e->constant(e, dtype, number));
}

/* === neg: y = -x; dx = -g === */

static void
backward_neg(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit1(e, &ml_op_neg, NULL, b->dout[0]);
}

UNARY(neg, ML_MAP_NEGATIVE);

/* === abs: y = |x|; dx = g sign(x) === */

static void
backward_abs(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = times(e, b->dout[0], ml_emit1(e, &ml_op_sign, NULL, b->in[0]));
}

UNARY(abs, ML_MAP_ABSOLUTE);

/* === sign: y = -1, 0, 1; 0 of NaN; no gradient === */

#define backward_sign NULL
UNARY(sign, ML_MAP_SIGN);

/* === exp: y = e^x; dx = g y === */

static void
backward_exp(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = times(e, b->dout[0], b->out[0]);
}

UNARY(exp, ML_MAP_EXP);

/* === log: y = ln x, NaN below 0; dx = g / x === */

static void
backward_log(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->in[0]);
}

UNARY(log, ML_MAP_LOG);

/* === sqrt: y = x^(1/2), NaN below 0; dx = g / (2 y) === */

static void
backward_sqrt(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = times_number(e, ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->out[0]), 0.5);
}

UNARY(sqrt, ML_MAP_SQRT);

/* === square: y = x^2; dx = 2 g x === */

static void
backward_square(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = times_number(e, times(e, b->dout[0], b->in[0]), 2);
}

UNARY(square, ML_MAP_SQUARE);

/* === erf: y = 2 / sqrt(pi) * integral of e^(-t^2), t from 0 to x; dx = 2 / sqrt(pi) g e^(-x^2) === */

static void
backward_erf(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		x2 = ml_emit1(e, &ml_op_square, NULL, b->in[0]);
	int32_t		gauss = ml_emit1(e, &ml_op_exp, NULL, ml_emit1(e, &ml_op_neg, NULL, x2));

	b->din[0] = times_number(e, times(e, b->dout[0], gauss), 1.12837916709551257390);
}

UNARY(erf, ML_MAP_ERF);

/*
 * === cast(dtype): the same number in another type ===
 * To whole numbers: towards 0, NaN becomes 0, what is out of range the nearest;
 * to BOOL: is it other than 0; to BF16: to nearest, ties to even.
 * dx = g in the type of x, where that is a float
 */

static const ml_attribute cast_attributes[] = {
	{"dtype", false, ML_BOOL, ML_DTYPE_COUNT - 1, ML_F32},
	{NULL}
};

static ml_status
shape_cast(ml_context *ctx, const ml_op_shapes *s)
{
	(void) ctx;
	s->out[0] = *s->in[0];
	s->out[0].dtype = (ml_dtype) s->attributes->ints[0];
	return ML_OK;
}

#define CAST_BLOCK 256

static void
load(double *to, const void *from, ml_dtype dtype, size_t n)
{
	for (size_t i = 0; i < n; i++)
		switch (dtype)
		{
			case ML_F32:
				to[i] = ((const float *) from)[i];
				break;
			case ML_F64:
				to[i] = ((const double *) from)[i];
				break;
			case ML_I32:
				to[i] = ((const int32_t *) from)[i];
				break;
			case ML_BF16:
				{
					uint32_t	bits = (uint32_t) ((const uint16_t *) from)[i] << 16;
					float		x;

					memcpy(&x, &bits, sizeof(x));
					to[i] = x;
					break;
				}
			case ML_BOOL:
				to[i] = ((const uint8_t *) from)[i] != 0;
				break;
			default:			/* U8 */
				to[i] = ((const uint8_t *) from)[i];
		}
}

static uint16_t
to_bf16(double value)
{
	float		x = (float) value;
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	if (isnan(x))
		return (uint16_t) (bits >> 16 | 0x40);
	return (uint16_t) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void
store(void *to, const double *from, ml_dtype dtype, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		x = from[i];
		double		whole = isnan(x) ? 0 : x;

		switch (dtype)
		{
			case ML_F32:
				((float *) to)[i] = (float) x;
				break;
			case ML_F64:
				((double *) to)[i] = x;
				break;
			case ML_I32:
				((int32_t *) to)[i] = (int32_t) ML_MIN(ML_MAX(whole, INT32_MIN), INT32_MAX);
				break;
			case ML_BF16:
				((uint16_t *) to)[i] = to_bf16(x);
				break;
			case ML_BOOL:
				((uint8_t *) to)[i] = x != 0;
				break;
			default:
				((uint8_t *) to)[i] = (uint8_t) ML_MIN(ML_MAX(whole, 0), UINT8_MAX);
		}
	}
}

static ml_status
run_cast(const ml_op_run *run)
{
	ml_walk		walk;
	double		block[CAST_BLOCK];

	ml_walk_start(&walk, run, 2, (const ml_view *const[]) {&run->out[0], &run->in[0]});
	while (ml_walk_next(&walk))
		for (size_t i = 0; i < walk.n; i += CAST_BLOCK)
		{
			size_t		n = ML_MIN(walk.n - i, CAST_BLOCK);

			load(block, walk.at[1] + i * walk.width[1], run->in[0].dtype, n);
			store(walk.at[0] + i * walk.width[0], block, run->out[0].dtype, n);
		}
	return walk.status;
}

static void
backward_cast(ml_emitter *e, const ml_op_backward *b)
{
	ml_attributes attributes = {0};
	ml_dtype	dtype = e->status == ML_OK ? e->shape(e, b->in[0])->dtype : ML_F32;

	attributes.ints[0] = dtype;
	if (ml_dtype_is_float(dtype))
		b->din[0] = ml_emit1(e, &ml_op_cast, &attributes, b->dout[0]);
}

#define CASTS(to) \
	{"f>" to, 0, run_cast}, {"d>" to, 0, run_cast}, {"i>" to, 0, run_cast}, {"h>" to, 0, run_cast}, \
	{"u>" to, 0, run_cast}, {"?>" to, 0, run_cast}

static const ml_op_kernel cast_kernels[] = {
	CASTS("f"), CASTS("d"), CASTS("i"), CASTS("h"), CASTS("u"), CASTS("?"), {0}
};

const ml_op ml_op_cast = {
	.name = "cast", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1,
	.attributes = cast_attributes, .shape = shape_cast, .backward = backward_cast,
	.kernels = cast_kernels
};
