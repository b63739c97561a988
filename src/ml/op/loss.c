/*-------------------------------------------------------------------------
 *
 * loss.c
 *	  Losses, and their gradients in the same pass.
 *
 * Of rows r of outputs x [rows, k], with targets t, weights w [rows] and a scale:
 *
 *	  loss = scale * sum over r of w[r] l(x[r], t[r])
 *
 * and, as second output, dx = scale * w[r] l'(x[r], t[r]).  With scale = 1 / sum of the
 * whole batch's weights it is the weighted mean, however the batch is sliced.
 *
 *	  mse, mae		mean over k of (x - t)^2, |x - t|
 *	  huber			mean over k of d^2 / 2 where d = |x - t| <= delta, else
 *					delta (d - delta / 2)		[as PyTorch's HuberLoss]
 *	  sigmoid_cross_entropy
 *					mean over k of ln(1 + e^x) - t x, t in [0, 1]; t smoothed to
 *					t (1 - s) + s / 2
 *	  hinge			of a class: squared or not, mean over k of max(0, margin - y x),
 *					y = 1 where t > 0, else -1; of several:
 *					sum over j other than t of max(0, margin - x[t] + x[j])^power / k
 *												[as PyTorch's MultiMarginLoss]
 *	  softmax_cross_entropy
 *					-(1 - s) ln p[t] - s / k * sum over j of ln p[j], p = softmax(x)
 *
 * Targets are floats [rows, k] or, as classes, I32 [rows]; a class that is none
 * is ML_BAD_INPUT.  Arithmetic is in double, element by element, but for the
 * exponentials of softmax_cross_entropy.
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "op/ops.h"
#include "op/walk.h"

/* === What all have in common === */

/* x [rows, k], targets, weights [rows], scale [] -> loss [], dx [rows, k] */
static ml_status
shape_loss(ml_context *ctx, const ml_op_shapes *s, bool floats, bool classes)
{
	const ml_shape *x = s->in[0];
	const ml_shape *t = s->in[1];
	char		first[ML_SHAPE_TEXT];
	char		second[ML_SHAPE_TEXT];

	if (x->ndims != 2)
		return ML_OP_FAIL(ctx, "loss: outputs are %s, not [rows, outputs]", ml_shape_print(first, x));
	if (!(floats && ml_shape_equal(t, x)) &&
		!(classes && t->dtype == ML_I32 && t->ndims == 1 && t->dims[0] == x->dims[0]))
		return ML_OP_FAIL(ctx, "loss: targets are %s %s, for outputs %s", ml_dtypes[t->dtype].name,
						  ml_shape_print(first, t), ml_shape_print(second, x));
	if (s->in[2]->ndims != 1 || s->in[2]->dims[0] != x->dims[0] || s->in[3]->ndims != 0)
		return ML_OP_FAIL(ctx, "loss: weights are %s, the scale is %s, for outputs %s",
						  ml_shape_print(first, s->in[2]), s->in[3]->ndims == 0 ? "a number" : "no number",
						  ml_shape_print(second, x));
	s->out[0] = (ml_shape) {.dtype = x->dtype, .layout = ML_PLAIN};
	s->out[1] = *x;
	return ML_OK;
}

static ml_status
shape_of_floats(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_loss(ctx, s, true, false);
}

static ml_status
shape_of_classes(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_loss(ctx, s, false, true);
}

static ml_status
shape_of_both(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_loss(ctx, s, true, true);
}

static double
get(const ml_view *view, size_t i)
{
	return view->dtype == ML_F64 ? ((const double *) view->data)[i] : ((const float *) view->data)[i];
}

static void
put(const ml_view *view, size_t i, double value)
{
	if (view->data == NULL)		/* the loss alone is wanted */
		return;
	if (view->dtype == ML_F64)
		((double *) view->data)[i] = value;
	else
		((float *) view->data)[i] = (float) value;
}

static ml_status
check_class(ml_context *ctx, int32_t target, int64_t k)
{
	if (target >= 0 && target < k)
		return ML_OK;
	return ml_fail(ctx, ML_BAD_INPUT, "class %d is none of %lld", (int) target, (long long) k);
}

/* dx is there already: din = dx times the gradient of the loss */
static void
backward_loss(ml_emitter *e, const ml_op_backward *b)
{
	if (b->wanted[0] && b->dout[0] != ML_NO_VALUE)
		b->din[0] = ml_emit2(e, &ml_op_mul, NULL, b->out[1], b->dout[0]);
}

#define LOSS(name_, attributes_, shape_, kernels_) \
const ml_op ml_op_##name_ = { \
	.name = #name_, .version = 1, .nin_least = 4, .nin_most = 4, .nout = 2, .flags = ML_OP_SKIPS, \
	.attributes = attributes_, \
	.shape = shape_, .backward = backward_loss, .kernels = kernels_ \
}

/* === Losses that are a mean over elements === */

/* The loss of one element; *slope: by x. */
typedef double (*element_loss) (const ml_attributes *a, double x, double t, double *slope);

/* targets: floats, or classes 0 and 1 of one output each */
static ml_status
run_elements(const ml_op_run *run, element_loss loss)
{
	const ml_view *x = &run->in[0];
	const ml_view *targets = &run->in[1];
	int64_t		rows = x->dims[0];
	int64_t		k = x->dims[1];
	double		scale = get(&run->in[3], 0);
	double		total = 0;
	size_t		unpolled = 0;

	if (targets->dtype == ML_I32 && k != 1)
		return ml_fail(run->ctx, ML_BAD_INPUT, "two classes need one output, not %lld", (long long) k);
	for (int64_t r = 0; r < rows; r++)
	{
		double		weight = scale * get(&run->in[2], (size_t) r) / (double) k;
		double		sum = 0;

		if (targets->dtype == ML_I32)
			ML_TRY(check_class(run->ctx, ((const int32_t *) targets->data)[r], 2));
		for (size_t i = (size_t) (r * k); i < (size_t) ((r + 1) * k); i++)
		{
			double		t = targets->dtype == ML_I32 ? ((const int32_t *) targets->data)[r] : get(targets, i);
			double		slope;

			sum += loss(run->attributes, get(x, i), t, &slope);
			put(&run->out[1], i, weight * slope);
		}
		total += weight * sum;
		ML_TRY(ml_poll_after(run->ctx, &unpolled, 4 * (size_t) k));
	}
	put(&run->out[0], 0, total);
	return ML_OK;
}

#define ELEMENT_KERNELS(name) \
static ml_status \
run_##name(const ml_op_run *run) \
{ \
	return run_elements(run, name##_of); \
} \
static const ml_op_kernel name##_kernels[] = { \
	{"ffff>ff", 0, run_##name}, {"dddd>dd", 0, run_##name}, {"fiff>ff", 0, run_##name}, \
	{"didd>dd", 0, run_##name}, {0} \
}

static double
mse_of(const ml_attributes *a, double x, double t, double *slope)
{
	(void) a;
	*slope = 2 * (x - t);
	return (x - t) * (x - t);
}

static double
mae_of(const ml_attributes *a, double x, double t, double *slope)
{
	(void) a;
	*slope = x > t ? 1 : x < t ? -1 : x - t;
	return fabs(x - t);
}

/* reals[0]: delta */
static double
huber_of(const ml_attributes *a, double x, double t, double *slope)
{
	double		delta = a->reals[0];
	double		d = x - t;

	*slope = d > delta ? delta : d < -delta ? -delta : d;
	return fabs(d) <= delta ? 0.5 * d * d : delta * (fabs(d) - 0.5 * delta);
}

/* reals[0]: smoothing */
static double
sigmoid_cross_entropy_of(const ml_attributes *a, double x, double t, double *slope)
{
	t = t * (1 - a->reals[0]) + 0.5 * a->reals[0];
	*slope = ml_sigmoid(x) - t;
	/* ln(1 + e^x) without overflow */
	return ml_log(1 + ml_exp(-fabs(x))) + (x > 0 ? x : 0) - t * x;
}

/* ints[0]: power, reals[0]: margin */
static double
hinge_of(const ml_attributes *a, double x, double t, double *slope)
{
	double		y = t > 0 ? 1 : -1;
	double		short_of = a->reals[0] - y * x;

	*slope = short_of <= 0 ? 0 : a->ints[0] == 2 ? -2 * y * short_of : -y;
	return short_of <= 0 ? 0 : a->ints[0] == 2 ? short_of * short_of : short_of;
}

static const ml_attribute huber_attributes[] = {
	{"delta", true, 1e-12, 1e12, 1},
	{NULL}
};

static const ml_attribute smoothing_attributes[] = {
	{"label_smoothing", true, 0, 1, 0},
	{NULL}
};

static const ml_attribute hinge_attributes[] = {
	{"power", false, 1, 2, 1},
	{"margin", true, 0, 1e12, 1},
	{NULL}
};

ELEMENT_KERNELS(mse);
ELEMENT_KERNELS(mae);
ELEMENT_KERNELS(huber);
ELEMENT_KERNELS(sigmoid_cross_entropy);
ELEMENT_KERNELS(hinge);

LOSS(mse, NULL, shape_of_floats, mse_kernels);
LOSS(mae, NULL, shape_of_floats, mae_kernels);
LOSS(huber, huber_attributes, shape_of_floats, huber_kernels);
LOSS(sigmoid_cross_entropy, smoothing_attributes, shape_of_both, sigmoid_cross_entropy_kernels);
LOSS(hinge, hinge_attributes, shape_of_both, hinge_kernels);

/* === multi_hinge(power, margin): of one class among k === */

static ml_status
run_multi_hinge(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	const int32_t *targets = run->in[1].data;
	int64_t		k = x->dims[1];
	double		scale = get(&run->in[3], 0);
	double		total = 0;
	size_t		unpolled = 0;

	for (int64_t r = 0; r < x->dims[0]; r++)
	{
		double		weight = scale * get(&run->in[2], (size_t) r) / (double) k;
		size_t		first = (size_t) (r * k);
		double		sum = 0;
		double		slopes = 0;
		double		own;

		ML_TRY(check_class(run->ctx, targets[r], k));
		own = get(x, first + (size_t) targets[r]);
		for (int64_t j = 0; j < k; j++)
		{
			double		slope;

			if (j == targets[r])
				continue;
			/* as if -1 were the class of a x that is moved by the margin */
			sum += hinge_of(run->attributes, get(x, first + (size_t) j) - own, 0, &slope);
			slopes += slope;
			put(&run->out[1], first + (size_t) j, weight * slope);
		}
		put(&run->out[1], first + (size_t) targets[r], -weight * slopes);
		total += weight * sum;
		ML_TRY(ml_poll_after(run->ctx, &unpolled, 4 * (size_t) k));
	}
	put(&run->out[0], 0, total);
	return ML_OK;
}

static const ml_op_kernel multi_hinge_kernels[] = {
	{"fiff>ff", 0, run_multi_hinge}, {"didd>dd", 0, run_multi_hinge}, {0}
};

LOSS(multi_hinge, hinge_attributes, shape_of_classes, multi_hinge_kernels);

/* === softmax_cross_entropy(label_smoothing) === */

/*
 * With m the maximum and z the sum of e^(x - m): -ln p[j] = ln z + m - x[j];
 * slope[j] = p[j] - s / k - (1 - s where j is t).
 */
static ml_status
run_softmax_cross_entropy(const ml_op_run *run)
{
	const ml_view *x = &run->in[0];
	const ml_map_kernel *map = ml_map_of(run->kernel, x->dtype);
	const int32_t *targets = run->in[1].data;
	size_t		k = (size_t) x->dims[1];
	double		smoothing = run->attributes->reals[0];
	double		scale = get(&run->in[3], 0);
	double		total = 0;
	size_t		unpolled = 0;

	for (int64_t r = 0; r < x->dims[0]; r++)
	{
		const char *row = (const char *) x->data + (size_t) r * k * map->width;
		char	   *dx = run->out[1].data == NULL ? NULL : (char *) run->out[1].data + (size_t) r * k * map->width;
		double		weight = scale * get(&run->in[2], (size_t) r);
		size_t		own = (size_t) r * k + (size_t) targets[r];
		double		largest;
		double		z;
		double		sum = 0;

		ML_TRY(check_class(run->ctx, targets[r], (int64_t) k));
		largest = ml_map_largest(map, row, k);
		z = map->exp_sum(dx, row, largest, k);
		if (smoothing > 0)
			sum = (double) k * (ml_log(z) + largest) - map->sum(row, k);
		total += weight * ((1 - smoothing) * (ml_log(z) + (largest - get(x, own))) + smoothing / (double) k * sum);
		if (dx != NULL)
		{
			map->scale(dx, dx, weight / z, -weight * smoothing / (double) k, k);
			put(&run->out[1], own, get(&run->out[1], own) - weight * (1 - smoothing));
		}
		ML_TRY(ml_poll_after(run->ctx, &unpolled, 2 * k));
	}
	put(&run->out[0], 0, total);
	return ML_OK;
}

static const ml_op_kernel softmax_cross_entropy_kernels[] = {
	{"fiff>ff", 0, run_softmax_cross_entropy}, {"didd>dd", 0, run_softmax_cross_entropy}, {0}
};

LOSS(softmax_cross_entropy, smoothing_attributes, shape_of_classes, softmax_cross_entropy_kernels);
