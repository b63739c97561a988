/*-------------------------------------------------------------------------
 *
 * test_op_linear.c
 *	  Dense layers and products of matrices as ops, with their gradients: by
 *	  differences, against PyTorch, and against sums in double at sizes where
 *	  blocks, panels and tiles begin and end.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"
#include "recorded.h"

#include "op/product.h"

#include <math.h>

static ml_rng rng;
static unit_host host;

static const ml_kernel *levels[ML_LEVEL_COUNT];
static int	nlevels;

static double
number(void)
{
	return 2 * ml_rng_double(&rng) - 1;
}

static size_t
below(size_t n)
{
	return (size_t) (ml_rng_next(&rng) % n);
}

/* An operand in double, and as a view of either type. */
typedef struct operand
{
	size_t		n;				/* elements of the storage */
	double	   *numbers;
	ml_view		view;			/* dims, strides, layout */
	void	   *data;			/* of the view made last */
} operand;

static void
open_operand(operand *x, ml_layout layout, int ndims, const int64_t *dims)
{
	memset(x, 0, sizeof(*x));
	x->view.layout = layout;
	x->view.ndims = ndims;
	memcpy(x->view.dims, dims, (size_t) ndims * sizeof(*dims));
	ml_view_strides(&x->view);
	x->n = ml_storage_bytes(ML_F64, layout, ndims, dims) / sizeof(double);
	x->numbers = malloc(x->n * sizeof(double) + 1);
	for (size_t i = 0; i < x->n; i++)
		x->numbers[i] = (float) number();
}

/* The same dims with gaps and two of them exchanged in memory. */
static void
scatter(operand *x)
{
	int			a = (int) below((size_t) x->view.ndims);
	int64_t		stride = 1 + (int64_t) below(2);
	int			order[ML_MAX_DIMS] = {0};

	for (int i = 0; i < x->view.ndims; i++)
		order[i] = i;
	order[a] = order[x->view.ndims - 1];
	order[x->view.ndims - 1] = a;
	for (int i = x->view.ndims - 1; i >= 0; i--)
	{
		x->view.strides[order[i]] = stride;
		stride *= ML_MAX(x->view.dims[order[i]], 1);
		stride += (int64_t) below(3);
	}
	free(x->numbers);
	x->n = (size_t) stride + 1;
	x->numbers = malloc(x->n * sizeof(double));
	for (size_t i = 0; i < x->n; i++)
		x->numbers[i] = (float) number();
	x->view.contiguous = ml_view_is_contiguous(&x->view);
}

static ml_view
view_of(operand *x, ml_dtype dtype)
{
	ml_view		view = x->view;
	size_t		size = x->n * ml_dtypes[dtype].block_bytes;

	free(x->data);
	x->data = malloc(size + (size == 0));
	for (size_t i = 0; i < x->n; i++)
		if (dtype == ML_F64)
			((double *) x->data)[i] = x->numbers[i];
		else
			((float *) x->data)[i] = (float) x->numbers[i];
	view.data = x->data;
	view.dtype = dtype;
	return view;
}

static void
close_operand(operand *x)
{
	free(x->numbers);
	free(x->data);
}

static double
element(const ml_view *view, size_t i)
{
	return view->dtype == ML_F64 ? ((const double *) view->data)[i] : ((const float *) view->data)[i];
}

/* Where element (r, c) of weights is. */
static size_t
panel_at(size_t k, size_t r, size_t c)
{
	return (c / ML_PANEL * k + r) * ML_PANEL + c % ML_PANEL;
}

/* The value of a plain operand whose leading dimensions are numbered by "row", row-major. */
static double
at_row(const operand *x, size_t row, size_t column)
{
	int64_t		at = (int64_t) column * x->view.strides[x->view.ndims - 1];

	for (int d = x->view.ndims - 2; d >= 0; d--)
	{
		at += (int64_t) (row % (size_t) x->view.dims[d]) * x->view.strides[d];
		row /= (size_t) x->view.dims[d];
	}
	return x->numbers[at];
}

/* Run the op as a graph would. */
static ml_status
run_op(const ml_op *op, const ml_kernel *kernel, const ml_attributes *attributes, int nin, const ml_view *in,
	   const ml_view *out, bool add)
{
	ml_op_run	run = {
		.ctx = &host.ctx, .kernel = kernel, .attributes = attributes, .nin = nin, .nout = 1, .in = in, .out = out,
		.add = add
	};
	const ml_shape *shapes[3];
	ml_shape	shape[4];
	const ml_op_kernel *k;
	int			chosen;
	ml_status	status;

	for (int i = 0; i < nin + 1; i++)
	{
		const ml_view *view = i < nin ? &in[i] : out;

		shape[i] = (ml_shape) {.dtype = view->dtype, .layout = view->layout, .ndims = view->ndims};
		if (i < nin)
			shapes[i] = &shape[i];
	}
	chosen = ml_op_choose(op, nin, shapes, 1, (const ml_shape *const[]) {&shape[nin]});
	if (chosen < 0)
		abort();
	k = &op->kernels[chosen];
	if (k->workspace)
	{
		size_t		size = k->workspace(&run);

		run.workspace = malloc(size + (size == 0));
		memset(run.workspace, 0xFF, size);
	}
	status = k->run(&run);
	free(run.workspace);
	return status;
}

/* === linear === */

static double
activate(ml_activation activation, double x, double alpha)
{
	switch (activation)
	{
		case ML_RELU:
			return fmax(x, 0);
		case ML_LEAKY_RELU:
			return x > 0 ? x : alpha * x;
		case ML_ELU:
			return x > 0 ? x : alpha * expm1(x);
		case ML_GELU:
			return 0.5 * x * erfc(-x / sqrt(2));
		case ML_GELU_TANH:
			return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
		case ML_SILU:
			return x / (1 + exp(-x));
		case ML_TANH:
			return tanh(x);
		case ML_SIGMOID:
			return 1 / (1 + exp(-x));
		default:
			return x;
	}
}

/* Errors of the four linear ops; rows x K x N at random. */
typedef struct errors
{
	double		forward;
	double		input;
	double		weight;
	double		bias;
	int			filling;		/* elements behind the last column that changed */
	int			failures;
} errors;

typedef struct layer
{
	operand		x;
	operand		weight;
	operand		bias;
	operand		g;
	operand		y;				/* results */
	operand		dx;
	operand		dw;
	operand		db;
	size_t		rows;
	size_t		k;
	size_t		n;
	bool		biased;
	ml_attributes attributes;
} layer;

static void
open_layer(layer *l, bool strided)
{
	static const int64_t sizes[] = {1, 2, 3, 5, 8, 12, 16, 17, 31, 32, 33, 40, 64, 65, 100, 130, 400};
	int			ndims = 1 + (int) below(4);
	int64_t		dims[4];
	int64_t		k = sizes[below(ML_LENGTH(sizes))];
	int64_t		n = sizes[below(ML_LENGTH(sizes))];

	memset(l, 0, sizeof(*l));
	l->rows = 1;
	for (int i = 0; i < ndims - 1; i++)
	{
		dims[i] = (int64_t) (below(20) == 0 ? 0 : 1 + below(ndims == 2 ? 300 : 9));
		l->rows *= (size_t) dims[i];
	}
	l->k = (size_t) k;
	l->n = (size_t) n;
	dims[ndims - 1] = k;
	open_operand(&l->x, ML_PLAIN, ndims, dims);
	open_operand(&l->dx, ML_PLAIN, ndims, dims);
	if (strided)
		scatter(&l->x);
	dims[ndims - 1] = n;
	open_operand(&l->g, ML_PLAIN, ndims, dims);
	open_operand(&l->y, ML_PLAIN, ndims, dims);
	open_operand(&l->weight, ML_PANELS, 2, (int64_t[]) {k, n});
	open_operand(&l->dw, ML_PANELS, 2, (int64_t[]) {k, n});
	open_operand(&l->bias, ML_PLAIN, 1, &n);
	open_operand(&l->db, ML_PLAIN, 1, &n);
	/* what fills up panels is 0 */
	for (size_t i = 0; i < l->k; i++)
		for (size_t c = l->n; c < ml_size_align(l->n, ML_PANEL); c++)
			l->weight.numbers[panel_at(l->k, i, c)] = l->dw.numbers[panel_at(l->k, i, c)] = 0;
	l->biased = below(2);
	l->attributes = (ml_attributes) {.ints = {(int64_t) below(ML_ACTIVATIONS)}, .reals = {0.3}};
}

static void
close_layer(layer *l)
{
	close_operand(&l->x);
	close_operand(&l->weight);
	close_operand(&l->bias);
	close_operand(&l->g);
	close_operand(&l->y);
	close_operand(&l->dx);
	close_operand(&l->dw);
	close_operand(&l->db);
}

static void
check_layer(layer *l, const ml_kernel *kernel, ml_dtype dtype, bool add, bool bf16, errors *worst)
{
	ml_attributes gradient = {.ints = {bf16}};
	ml_view		x = view_of(&l->x, dtype);
	ml_view		weight = view_of(&l->weight, dtype);
	ml_view		bias = view_of(&l->bias, dtype);
	ml_view		g = view_of(&l->g, dtype);
	ml_view		y = view_of(&l->y, dtype);
	ml_view		dx = view_of(&l->dx, dtype);
	ml_view		dw = view_of(&l->dw, dtype);
	ml_view		db = view_of(&l->db, dtype);

	l->attributes.ints[1] = bf16;
	worst->failures += run_op(&ml_op_linear, kernel, &l->attributes, 2 + l->biased, (ml_view[]) {x, weight, bias}, &y,
							  false) != ML_OK;
	worst->failures += run_op(&ml_op_linear_grad_input, kernel, &gradient, 2, (ml_view[]) {g, weight}, &dx, add) != ML_OK;
	worst->failures += run_op(&ml_op_linear_grad_weight, kernel, &gradient, 2, (ml_view[]) {x, g}, &dw, add) != ML_OK;
	worst->failures += run_op(&ml_op_linear_grad_bias, kernel, NULL, 1, &g, &db, add) != ML_OK;
	for (size_t r = 0; r < l->rows; r++)
	{
		for (size_t c = 0; c < l->n; c++)
		{
			double		sum = l->biased ? l->bias.numbers[c] : 0;

			for (size_t i = 0; i < l->k; i++)
				sum += at_row(&l->x, r, i) * l->weight.numbers[panel_at(l->k, i, c)];
			sum = activate((ml_activation) l->attributes.ints[0], sum, l->attributes.reals[0]);
			worst->forward = fmax(worst->forward, fabs(element(&y, r * l->n + c) - sum));
		}
		for (size_t i = 0; i < l->k; i++)
		{
			double		sum = add ? l->dx.numbers[r * l->k + i] : 0;

			for (size_t c = 0; c < l->n; c++)
				sum += l->g.numbers[r * l->n + c] * l->weight.numbers[panel_at(l->k, i, c)];
			worst->input = fmax(worst->input, fabs(element(&dx, r * l->k + i) - sum));
		}
	}
	for (size_t c = 0; c < ml_size_align(l->n, ML_PANEL); c++)
	{
		double		total = add && c < l->n ? l->db.numbers[c] : 0;

		for (size_t i = 0; i < l->k; i++)
		{
			double		sum = add ? l->dw.numbers[panel_at(l->k, i, c)] : 0;

			for (size_t r = 0; r < l->rows && c < l->n; r++)
				sum += at_row(&l->x, r, i) * l->g.numbers[r * l->n + c];
			if (c < l->n)
				worst->weight = fmax(worst->weight, fabs(element(&dw, panel_at(l->k, i, c)) - sum));
			else
				worst->filling += element(&dw, panel_at(l->k, i, c)) != 0;
		}
		for (size_t r = 0; r < l->rows && c < l->n; r++)
			total += l->g.numbers[r * l->n + c];
		if (c < l->n)
			worst->bias = fmax(worst->bias, fabs(element(&db, c) - total));
	}
}

static void
report(const char *what, const errors *worst, double tolerance)
{
	unit_is_int(worst->failures, 0, "%s: runs", what);
	unit_ok(worst->forward < tolerance, "%s: linear (error %.1e)", what, worst->forward);
	unit_ok(worst->input < tolerance, "%s: gradients of inputs (error %.1e)", what, worst->input);
	unit_ok(worst->weight < tolerance, "%s: gradients of weights (error %.1e)", what, worst->weight);
	unit_ok(worst->bias < tolerance, "%s: gradients of bias (error %.1e)", what, worst->bias);
	unit_is_int(worst->filling, 0, "%s: what fills up panels is 0", what);
}

static void
test_linear(void)
{
	errors		f32 = {0};
	errors		f64 = {0};
	errors		bf16 = {0};

	for (int n = 0; n < 250; n++)
	{
		layer		l;

		open_layer(&l, n % 2);
		check_layer(&l, levels[nlevels - 1], ML_F64, n % 3 == 0, n % 2, &f64);
		check_layer(&l, levels[n % nlevels], ML_F32, n % 3 == 0, false, &f32);
		check_layer(&l, levels[n % nlevels], ML_F32, n % 3 == 0, true, &bf16);
		close_layer(&l);
	}
	report("double", &f64, 1e-11);
	report("float", &f32, 2e-4);
	/* a relative error of 2^-9 in each factor, of sums of up to 400 or 2000 terms */
	report("bf16", &bf16, 0.2);
	unit_ok(bf16.forward > 1e-3 && bf16.input > 1e-3 && bf16.weight > 1e-3, "bf16: is rounded");
}

/* A row alone, and in a batch: the same bits. */
static void
test_rows(void)
{
	int			differ = 0;

	for (int n = 0; n < 60; n++)
	{
		layer		l;
		ml_view		in[3];
		ml_view		y;
		ml_view		one;
		float		alone[400];
		size_t		r;

		do
		{
			open_layer(&l, false);
			if (l.rows == 0 || l.x.view.ndims < 2)
				close_layer(&l);
		} while (l.rows == 0 || l.x.view.ndims < 2);
		in[0] = view_of(&l.x, ML_F32);
		in[1] = view_of(&l.weight, ML_F32);
		in[2] = view_of(&l.bias, ML_F32);
		y = view_of(&l.y, ML_F32);
		run_op(&ml_op_linear, levels[n % nlevels], &l.attributes, 2 + l.biased, in, &y, false);
		r = below(l.rows);
		one = in[0];
		one.ndims = 1;
		one.dims[0] = (int64_t) l.k;
		one.data = (float *) in[0].data + r * l.k;
		ml_view_strides(&one);
		in[0] = one;
		one.dims[0] = (int64_t) l.n;
		one.data = alone;
		run_op(&ml_op_linear, levels[n % nlevels], &l.attributes, 2 + l.biased, in, &one, false);
		differ += memcmp(alone, (float *) y.data + r * l.n, l.n * sizeof(float)) != 0;
		close_layer(&l);
	}
	unit_is_int(differ, 0, "a row has the same bits alone and in a batch");
}

/* === Narrow weights === */

/* Weights in bf16 and Q8: near the wide ones, and exactly what they are widened to. */
static void
test_narrow(void)
{
	static const ml_dtype dtypes[] = {ML_BF16, ML_Q8};
	int			failures = 0;
	int			differ = 0;
	int			levels_differ = 0;
	double		worst[2] = {0};

	for (int n = 0; n < 120; n++)
	{
		ml_dtype	dtype = dtypes[n % 2];
		const ml_kernel *kernel = levels[n / 2 % nlevels];
		layer		l;
		ml_view		in[3];
		ml_view		y;
		ml_view		narrow;
		float	   *first;
		float	   *wide;
		size_t		bytes;
		size_t		size;

		open_layer(&l, n % 3 == 0);
		in[0] = view_of(&l.x, ML_F32);
		in[1] = view_of(&l.weight, ML_F32);
		in[2] = view_of(&l.bias, ML_F32);
		y = view_of(&l.y, ML_F32);
		size = ml_view_elements(&y) * sizeof(float);
		wide = in[1].data;
		narrow = in[1];
		narrow.dtype = dtype;
		bytes = ml_storage_bytes(dtype, ML_PANELS, 2, narrow.dims);
		narrow.data = malloc(bytes);
		ml_panels_narrow(kernel, dtype, narrow.data, wide, l.k, l.n);
		first = malloc(size + 1);
		in[1] = narrow;
		failures += run_op(&ml_op_linear, kernel, &l.attributes, 2 + l.biased, in, &y, false) != ML_OK;
		memcpy(first, y.data, size);
		failures += run_op(&ml_op_linear, levels[nlevels - 1], &l.attributes, 2 + l.biased, in, &y, false) != ML_OK;
		levels_differ += kernel != levels[0] && memcmp(first, y.data, size) != 0;
		/* the same weights, widened one by one */
		for (size_t i = 0; i < l.k; i++)
			for (size_t c = 0; c < l.n; c++)
			{
				size_t		group = (c / ML_PANEL * ((l.k + ML_PANEL - 1) / ML_PANEL) + i / ML_PANEL) * ML_Q8_GROUP;
				float	   *value = &wide[panel_at(l.k, i, c)];
				float		was = *value;
				float		scale;

				if (dtype == ML_BF16)
				{
					uint32_t	bits = (uint32_t) ((uint16_t *) narrow.data)[panel_at(l.k, i, c)] << 16;

					memcpy(value, &bits, 4);
				}
				else
				{
					memcpy(&scale, (char *) narrow.data + group + c % ML_PANEL * 4, 4);
					*value = scale * (float) ((int8_t *) narrow.data)[group + 4 * ML_PANEL + i % ML_PANEL * ML_PANEL + c % ML_PANEL];
				}
				worst[n % 2] = fmax(worst[n % 2], fabs(*value - was));
			}
		in[1] = l.weight.view;
		in[1].dtype = ML_F32;
		in[1].data = wide;
		failures += run_op(&ml_op_linear, kernel, &l.attributes, 2 + l.biased, in, &y, false) != ML_OK;
		differ += memcmp(first, y.data, size) != 0;
		free(first);
		free(narrow.data);
		close_layer(&l);
	}
	unit_is_int(failures, 0, "narrow weights: runs");
	unit_is_int(differ, 0, "narrow weights: the bits of the widened ones");
	unit_is_int(levels_differ, 0, "narrow weights: the same bits with AVX2 and AVX-512");
	/* numbers of up to 1: half a unit of 8 bits, half a 127th */
	unit_ok(worst[0] > 0 && worst[0] <= 0x1p-9, "narrow weights: bf16 is rounded (%.1e)", worst[0]);
	unit_ok(worst[1] > 0 && worst[1] <= 0.5 / 127 + 1e-6, "narrow weights: Q8 is rounded (%.1e)", worst[1]);
}

/* === matmul === */

/* Element (i, j) of matrix "batch" of an operand that broadcasts to dims, maybe transposed. */
static double
of_batch(const operand *x, int nbatch, const int64_t *dims, size_t batch, size_t i, size_t j, bool transposed)
{
	int			last = x->view.ndims - 1;
	int64_t		at = (int64_t) i * x->view.strides[last - !transposed] + (int64_t) j * x->view.strides[last - transposed];

	for (int d = nbatch - 1; d >= 0; d--)
	{
		int			own = d - (nbatch - (x->view.ndims - 2));

		if (own >= 0 && x->view.dims[own] != 1)
			at += (int64_t) (batch % (size_t) dims[d]) * x->view.strides[own];
		batch /= (size_t) dims[d];
	}
	return x->numbers[at];
}

static void
open_matrix(operand *x, int nbatch, const int64_t *batch, int64_t rows, int64_t columns, bool transposed)
{
	int64_t		dims[ML_MAX_DIMS];
	int			own = (int) below((size_t) nbatch + 1);

	for (int i = 0; i < own; i++)
		dims[i] = below(3) == 0 ? 1 : batch[nbatch - own + i];
	dims[own] = transposed ? columns : rows;
	dims[own + 1] = transposed ? rows : columns;
	open_operand(x, ML_PLAIN, own + 2, dims);
	if (below(2))
		scatter(x);
}

static void
test_matmul(void)
{
	double		worst[2] = {0};
	int			failures = 0;

	for (int n = 0; n < 400; n++)
	{
		static const int64_t sizes[] = {1, 2, 3, 7, 12, 16, 31, 32, 33, 64, 70};
		int			nbatch = (int) below(4);
		int64_t		batch[5];
		int64_t		m = sizes[below(ML_LENGTH(sizes))];
		int64_t		k = below(20) == 0 ? 0 : sizes[below(ML_LENGTH(sizes))];
		int64_t		columns = sizes[below(ML_LENGTH(sizes))];
		bool		ta = below(2);
		bool		tb = below(2);
		bool		add = below(2);
		ml_dtype	dtype = n % 2 ? ML_F64 : ML_F32;
		ml_attributes attributes = {.ints = {ta, tb}};
		operand		a;
		operand		b;
		operand		c;
		ml_view		out;
		ml_shape	shapes[3] = {{0}};
		ml_op_shapes s = {.attributes = &attributes, .nin = 2, .in = (const ml_shape *[]) {&shapes[0], &shapes[1]},
		.nout = 1, .out = &shapes[2]};

		for (int i = 0; i < nbatch; i++)
			batch[i] = (int64_t) (1 + below(4));
		open_matrix(&a, nbatch, batch, m, k, ta);
		open_matrix(&b, nbatch, batch, k, columns, tb);
		for (int i = 0; i < 2; i++)
		{
			const operand *x = i ? &b : &a;

			shapes[i].dtype = dtype;
			shapes[i].ndims = x->view.ndims;
			memcpy(shapes[i].dims, x->view.dims, sizeof(shapes[i].dims));
		}
		failures += ml_op_matmul.shape(&host.ctx, &s) != ML_OK;
		nbatch = shapes[2].ndims - 2;
		open_operand(&c, ML_PLAIN, shapes[2].ndims, shapes[2].dims);
		out = view_of(&c, dtype);
		failures += run_op(&ml_op_matmul, levels[n / 2 % nlevels], &attributes, 2,
						   (ml_view[]) {view_of(&a, dtype), view_of(&b, dtype)}, &out, add) != ML_OK;
		for (size_t at = 0; at < c.n; at++)
		{
			size_t		j = at % (size_t) columns;
			size_t		i = at / (size_t) columns % (size_t) m;
			size_t		which = at / (size_t) (m * columns);
			double		sum = add ? c.numbers[at] : 0;

			for (size_t l = 0; l < (size_t) k; l++)
				sum += of_batch(&a, nbatch, out.dims, which, i, l, ta) * of_batch(&b, nbatch, out.dims, which, l, j, tb);
			worst[n % 2] = fmax(worst[n % 2], fabs(element(&out, at) - sum));
		}
		close_operand(&a);
		close_operand(&b);
		close_operand(&c);
	}
	unit_is_int(failures, 0, "matmul: runs");
	unit_ok(worst[1] < 1e-12, "matmul of doubles (error %.1e)", worst[1]);
	unit_ok(worst[0] < 1e-5, "matmul of floats (error %.1e)", worst[0]);
}

/* === Errors === */

static void
test_errors(void)
{
	ml_shape	x = {.dtype = ML_F32, .ndims = 2, .dims = {4, 7}};
	ml_shape	weight = {.dtype = ML_F32, .layout = ML_PANELS, .ndims = 2, .dims = {8, 3}};
	ml_shape	bias = {.dtype = ML_F32, .ndims = 1, .dims = {4}};
	ml_shape	out;
	ml_attributes attributes = {{0}};
	ml_op_shapes s = {.attributes = &attributes, .nin = 3, .in = (const ml_shape *[]) {&x, &weight, &bias}, .nout = 1,
	.out = &out};

	unit_fails(&host, ml_op_linear.shape(&host.ctx, &s), ML_BAD_OPTION, "[4, 7]", "linear: inputs that don't fit");
	x.dims[1] = 8;
	unit_fails(&host, ml_op_linear.shape(&host.ctx, &s), ML_BAD_OPTION, "bias [4]", "linear: a bias that doesn't fit");
	bias.dims[0] = 3;
	unit_ok(ml_op_linear.shape(&host.ctx, &s) == ML_OK && out.dims[1] == 3, "linear: all fits");
	s.nin = 2;
	weight.layout = ML_PLAIN;
	weight.dims[0] = 7;
	unit_fails(&host, ml_op_matmul.shape(&host.ctx, &s), ML_BAD_OPTION, "times [7, 3]", "matmul: operands that don't fit");
}

/* === The harness === */

/* Activations with a corner are kept away from it: sums of columns are beyond K by their bias. */
static void
check_linear(int cases)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "linear");
	for (int n = 0; n < cases; n++)
	{
		op_case		c = {.op = &ml_op_linear, .nin = 3, .inexact = true, .out = {OP_ROWS}};
		ml_activation activation = (ml_activation) (n % ML_ACTIVATIONS);
		bool		corner = activation == ML_RELU || activation == ML_LEAKY_RELU || activation == ML_ELU;
		int			ndims = (int) op_pick(&checks, 1, 4);
		int64_t		dims[4];
		double		bias[64];

		c.attributes = (ml_attributes) {.ints = {activation}, .reals = {0.3}};
		for (int d = 0; d < ndims; d++)
			dims[d] = op_pick(&checks, 1, 3);
		dims[ndims - 1] = op_dim(&checks);
		c.in[0] = op_floats(ndims, dims);
		c.in[0].strided = op_pick(&checks, 0, 2) == 0;
		if (ndims > 1)
		{
			c.rows = (int) op_pick(&checks, 1, 5);
			c.in[0].role = OP_ROWS;
		}
		else
			c.out[0] = OP_WHOLE;
		c.in[1] = op_floats(2, (int64_t[]) {dims[ndims - 1], op_dim(&checks)});
		c.in[1].layout = ML_PANELS;
		c.in[2] = op_floats(1, &c.in[1].dims[1]);
		if (corner)
		{
			c.in[2].draw = OP_GIVEN;
			c.in[2].values = bias;
			for (int i = 0; i < 64; i++)
				bias[i] = ((i + n) % 2 ? 1 : -1) * (double) (dims[ndims - 1] + 1);
		}
		else if (op_pick(&checks, 0, 1))
			c.nin = 2;
		op_check(&checks, &c);
	}
	op_checks_close(&checks, cases);
}

static void
check_matmul(int cases)
{
	op_checks	checks;

	op_checks_open(&checks, &host, "matmul");
	for (int n = 0; n < cases; n++)
	{
		op_case		c = {.op = &ml_op_matmul, .nin = 2, .inexact = true};
		bool		transposed[2] = {op_pick(&checks, 0, 1), op_pick(&checks, 0, 1)};
		int			nbatch = (int) op_pick(&checks, 0, 2);
		int64_t		batch[2] = {op_pick(&checks, 1, 3), op_pick(&checks, 1, 3)};
		int64_t		inner = op_dim(&checks);

		c.attributes = (ml_attributes) {.ints = {transposed[0], transposed[1]}};
		for (int i = 0; i < 2; i++)
		{
			int			own = (int) op_pick(&checks, 0, nbatch);
			int64_t		outer = op_pick(&checks, 0, 1) ? op_dim(&checks) : op_pick(&checks, 1, 4);
			int64_t		dims[4];

			for (int d = 0; d < own; d++)
				dims[d] = op_pick(&checks, 0, 2) == 0 ? 1 : batch[nbatch - own + d];
			dims[own + (i ^ transposed[i])] = outer;
			dims[own + (1 ^ i ^ transposed[i])] = inner;
			c.in[i] = op_floats(own + 2, dims);
			c.in[i].strided = op_pick(&checks, 0, 2) == 0;
		}
		/* rows of the left operand, if they are the first dimension of the result */
		if (!transposed[0] && c.in[0].ndims == 2 && c.in[1].ndims == 2)
		{
			c.rows = (int) op_pick(&checks, 1, 6);
			c.in[0].role = c.out[0] = OP_ROWS;
		}
		op_check(&checks, &c);
	}
	op_checks_close(&checks, cases);
}

int
main(void)
{
	static const ml_level all[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};

	for (size_t i = 0; i < ML_LENGTH(all); i++)
		if (all[i] <= ml_kernel_best())
			levels[nlevels++] = ml_kernel_select(all[i]);
	unit_open(&host);
	ml_rng_seed(&rng, 5);
	test_linear();
	test_rows();
	test_narrow();
	test_matmul();
	test_errors();
	check_linear(230);
	check_matmul(230);
	recorded_test(&host, "ops_linear.safetensors", false);
	unit_close(&host, "linear ops");
	return unit_done();
}
