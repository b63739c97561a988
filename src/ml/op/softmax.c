/*-------------------------------------------------------------------------
 *
 * softmax.c
 *	  softmax and log_softmax over the last dimension.
 *
 * The maximum is subtracted first, so that nothing overflows.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/walk.h"

/* Rows and columns of a view, its last dimension being the columns. */
static size_t
rows_of(const ml_view *view, size_t *columns)
{
	size_t		elements = ml_view_elements(view);

	*columns = view->ndims == 0 ? 1 : (size_t) view->dims[view->ndims - 1];
	return *columns == 0 ? 0 : elements / *columns;
}

/* A number of the type of a view. */
typedef union number
{
	float		f;
	double		d;
} number;

static number
number_of(ml_dtype dtype, double value)
{
	number		result;

	if (dtype == ML_F64)
		result.d = value;
	else
		result.f = (float) value;
	return result;
}

static ml_status
each_row(const ml_op_run *run,
		 void (*row) (const ml_map_kernel *map, ml_dtype dtype, void *out, const void *a, const void *b,
					  size_t n))
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	size_t		n;
	size_t		rows = rows_of(&run->out[0], &n);
	size_t		unpolled = 0;

	for (size_t r = 0; r < rows; r++)
	{
		size_t		at = r * n * map->width;

		row(map, run->out[0].dtype, (char *) run->out[0].data + at, (char *) run->in[0].data + at,
			run->nin > 1 ? (char *) run->in[1].data + at : NULL, n);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, n));
	}
	return ML_OK;
}

/* === softmax: y = e^x / sum of e^x === */

static void
softmax_row(const ml_map_kernel *map, ml_dtype dtype, void *out, const void *x, const void *unused,
			size_t n)
{
	number		factor;

	(void) unused;
	factor = number_of(dtype, 1 / map->exp_sum(out, x, ml_map_largest(map, x, n), n));
	map->binary[ML_MAP_MULTIPLY] (out, out, 1, &factor, 0, n);
}

static ml_status
run_softmax(const ml_op_run *run)
{
	return each_row(run, softmax_row);
}

static void
backward_softmax(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, &ml_op_softmax_back, NULL, b->dout[0], b->out[0]);
}

const ml_op ml_op_softmax = {
	.name = "softmax", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .overwrites = {1},
	.shape = ml_shape_same, .backward = backward_softmax,
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_softmax}, {"d>d", 0, run_softmax}, {0}}
};

/* === softmax_back(g, y): y (g - sum of g y) === */

static void
softmax_back_row(const ml_map_kernel *map, ml_dtype dtype, void *out, const void *g, const void *y,
				 size_t n)
{
	number		mean = number_of(dtype, map->dot(g, y, n));

	map->binary[ML_MAP_SUBTRACT] (out, g, 1, &mean, 0, n);
	map->binary[ML_MAP_MULTIPLY] (out, out, 1, y, 1, n);
}

static ml_status
run_softmax_back(const ml_op_run *run)
{
	return each_row(run, softmax_back_row);
}

const ml_op ml_op_softmax_back = {
	.name = "softmax_back", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1,
	.flags = ML_OP_GRADIENT, .overwrites = {1},
	.shape = ml_shape_pair,
	.kernels = (const ml_op_kernel[]) {{"ff>f", 0, run_softmax_back}, {"dd>d", 0, run_softmax_back}, {0}}
};

/* === log_softmax: y = x - ln(sum of e^x) === */

static void
log_softmax_row(const ml_map_kernel *map, ml_dtype dtype, void *out, const void *x, const void *unused,
				size_t n)
{
	double		largest = ml_map_largest(map, x, n);
	number		shift = number_of(dtype, largest);
	number		rest = number_of(dtype, map->exp_sum(NULL, x, largest, n));

	(void) unused;
	map->unary[ML_MAP_LOG] (&rest, &rest, 1);
	/* one after the other: their sum would be rounded to what a large maximum allows */
	map->binary[ML_MAP_SUBTRACT] (out, x, 1, &shift, 0, n);
	map->binary[ML_MAP_SUBTRACT] (out, out, 1, &rest, 0, n);
}

static ml_status
run_log_softmax(const ml_op_run *run)
{
	return each_row(run, log_softmax_row);
}

static void
backward_log_softmax(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, &ml_op_log_softmax_back, NULL, b->dout[0], b->out[0]);
}

const ml_op ml_op_log_softmax = {
	.name = "log_softmax", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1, .overwrites = {1},
	.shape = ml_shape_same, .backward = backward_log_softmax,
	.kernels = (const ml_op_kernel[]) {{"f>f", 0, run_log_softmax}, {"d>d", 0, run_log_softmax}, {0}}
};

/* === log_softmax_back(g, y): g - e^y sum of g === */

static void
log_softmax_back_row(const ml_map_kernel *map, ml_dtype dtype, void *out, const void *g, const void *y,
					 size_t n)
{
	number		factor = number_of(dtype, -map->sum(g, n));

	map->unary[ML_MAP_EXP] (out, y, n);
	map->binary[ML_MAP_MULTIPLY] (out, out, 1, &factor, 0, n);
	map->binary[ML_MAP_ADD] (out, out, 1, g, 1, n);
}

static ml_status
run_log_softmax_back(const ml_op_run *run)
{
	return each_row(run, log_softmax_back_row);
}

const ml_op ml_op_log_softmax_back = {
	.name = "log_softmax_back", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1,
	.flags = ML_OP_GRADIENT, .overwrites = {2},
	.shape = ml_shape_pair,
	.kernels = (const ml_op_kernel[]) {
		{"ff>f", 0, run_log_softmax_back}, {"dd>d", 0, run_log_softmax_back}, {0}
	}
};
