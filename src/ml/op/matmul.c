/*-------------------------------------------------------------------------
 *
 * matmul.c
 *	  matmul: products of matrices, batched.
 *
 * Operands are matrices in their last two dimensions, which the attributes
 * transpose; dimensions before these broadcast as those of arithmetic do.  They
 * are read where they lie, whatever their strides; only a right operand whose
 * columns are not side by side is packed first.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"
#include "op/product.h"
#include "op/walk.h"

/* === matmul: c[.., i, j] = sum over k of a[.., i, k] b[.., k, j] === */

static const ml_attribute matmul_attributes[] = {
	{"transpose_a", false, 0, 1, 0},
	{"transpose_b", false, 0, 1, 0},
	{NULL}
};

static ml_status
shape_matmul(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *a = s->in[0];
	const ml_shape *b = s->in[1];
	const int64_t *transposed = s->attributes->ints;
	ml_shape	batch_a = *a;
	ml_shape	batch_b = *b;
	char		text[2][ML_SHAPE_TEXT];

	if (a->ndims < 2 || b->ndims < 2 || a->layout != ML_PLAIN || b->layout != ML_PLAIN || a->dtype != b->dtype ||
		a->dims[a->ndims - 1 - transposed[0]] != b->dims[b->ndims - 2 + transposed[1]])
		return ML_OP_FAIL(ctx, "matmul: %s%s times %s%s", ml_shape_print(text[0], a), transposed[0] ? " transposed" : "",
						  ml_shape_print(text[1], b), transposed[1] ? " transposed" : "");
	batch_a.ndims -= 2;
	batch_b.ndims -= 2;
	ML_TRY(ml_shape_broadcast(ctx, "matmul", &batch_a, &batch_b, &s->out[0]));
	s->out[0].dims[s->out[0].ndims++] = a->dims[a->ndims - 2 + transposed[0]];
	s->out[0].dims[s->out[0].ndims++] = b->dims[b->ndims - 1 - transposed[1]];
	return ML_OK;
}

/* What a run of matmul goes through. */
typedef struct matrices
{
	size_t		m;
	size_t		n;
	size_t		k;
	int64_t		a_row;
	int64_t		a_column;
	int64_t		b_row;
	int64_t		b_column;
	int			nbatch;			/* dimensions before the last two */
	int64_t		dims[ML_MAX_DIMS];
	int64_t		a_strides[ML_MAX_DIMS];
	int64_t		b_strides[ML_MAX_DIMS];
} matrices;

/* The stride by which operand x follows dimension d of the result's nbatch; 0: it is repeated. */
static int64_t
batch_stride(const ml_view *x, int d, int nbatch)
{
	int			own = d - (nbatch - (x->ndims - 2));

	return own < 0 || x->dims[own] == 1 ? 0 : x->strides[own];
}

static void
look_at(const ml_op_run *run, matrices *x)
{
	const ml_view *a = &run->in[0];
	const ml_view *b = &run->in[1];
	const ml_view *c = &run->out[0];
	const int64_t *transposed = run->attributes->ints;

	x->m = (size_t) c->dims[c->ndims - 2];
	x->n = (size_t) c->dims[c->ndims - 1];
	x->k = (size_t) a->dims[a->ndims - 1 - transposed[0]];
	x->a_row = a->strides[a->ndims - 2 + transposed[0]];
	x->a_column = a->strides[a->ndims - 1 - transposed[0]];
	x->b_row = b->strides[b->ndims - 2 + transposed[1]];
	x->b_column = b->strides[b->ndims - 1 - transposed[1]];
	x->nbatch = c->ndims - 2;
	for (int d = 0; d < x->nbatch; d++)
	{
		x->dims[d] = c->dims[d];
		x->a_strides[d] = batch_stride(a, d, x->nbatch);
		x->b_strides[d] = batch_stride(b, d, x->nbatch);
	}
	/* one b for a whole dimension: more rows of a, if they follow each other */
	while (x->nbatch > 0 && x->b_strides[x->nbatch - 1] == 0 &&
		   (x->a_strides[x->nbatch - 1] == (int64_t) x->m * x->a_row || x->dims[x->nbatch - 1] == 1 ||
			(x->m == 1 && (x->a_row = x->a_strides[x->nbatch - 1], true))))
		x->m *= (size_t) x->dims[--x->nbatch];
}

static bool
must_pack(const matrices *x)
{
	return x->b_column != 1 && x->n > 1;
}

static size_t
workspace_matmul(const ml_op_run *run)
{
	matrices	x;

	look_at(run, &x);
	return must_pack(&x) ? ml_size_mul(ml_panels_elements(x.k, x.n), ml_dtypes[run->out[0].dtype].block_bytes) : 0;
}

static ml_status
run_matmul(const ml_op_run *run)
{
	ml_dtype	dtype = run->out[0].dtype;
	int64_t		width = ml_dtypes[dtype].block_bytes;
	const char *packed = NULL;
	size_t		unpolled = 0;
	int64_t		index[ML_MAX_DIMS] = {0};
	char	   *c = run->out[0].data;
	matrices	x;

	look_at(run, &x);
	if (ml_view_elements(&run->out[0]) == 0)
		return ML_OK;
	for (;;)
	{
		const char *a = run->in[0].data;
		const char *b = run->in[1].data;
		int			d = x.nbatch - 1;
		ml_product	p = {
			.c = (void *) c, .c_row = (int64_t) x.n, .c_panel = ML_PANEL,
			.a_row = x.a_row, .a_inner = x.a_column,
			.rows = x.m, .lanes = x.n, .outer = 1, .inner = x.k, .add = run->add
		};

		for (int i = 0; i < x.nbatch; i++)
		{
			a += index[i] * x.a_strides[i] * width;
			b += index[i] * x.b_strides[i] * width;
		}
		p.a = (const void *) a;
		p.b = (const void *) b;
		p.b_panel = ML_PANEL;
		p.b_inner = x.b_row;
		if (must_pack(&x))
		{
			if (b != packed)
				ml_panels_pack(run, dtype, run->workspace, b, x.b_row, x.b_column, x.k, x.n);
			packed = b;
			p.b = run->workspace;
			p.b_panel = ML_PANEL * (int64_t) x.k;
			p.b_inner = ML_PANEL;
		}
		ML_TRY(ml_product_run(run, dtype, &p));
		ML_TRY(ml_poll_after(run->ctx, &unpolled, x.m * x.n * (x.k / 16 + 1) + x.k * x.n));
		c += x.m * x.n * (size_t) width;
		while (d >= 0 && ++index[d] == x.dims[d])
			index[d--] = 0;
		if (d < 0)
			return ML_OK;
	}
}

/* A product with its transposed operands, summed to the dims of "like". */
static int32_t
emit_matmul(ml_emitter *e, int32_t a, int32_t b, bool transpose_a, bool transpose_b, int32_t like)
{
	return ml_emit_sum_to(e, ml_emit2(e, &ml_op_matmul, &(ml_attributes) {.ints = {transpose_a, transpose_b}}, a, b),
						  like);
}

/* da = g b', db = a' g; transposed where a and b are */
static void
backward_matmul(ml_emitter *e, const ml_op_backward *b)
{
	bool		ta = b->attributes->ints[0];
	bool		tb = b->attributes->ints[1];
	int32_t		g = b->dout[0];

	if (b->wanted[0])
		b->din[0] = ta ? emit_matmul(e, b->in[1], g, tb, true, b->in[0]) : emit_matmul(e, g, b->in[1], false, !tb, b->in[0]);
	if (b->wanted[1])
		b->din[1] = tb ? emit_matmul(e, g, b->in[0], true, ta, b->in[1]) : emit_matmul(e, b->in[0], g, !ta, false, b->in[1]);
}

static double
flops_matmul(const ml_op_run *run)
{
	const ml_view *a = &run->in[0];

	return 2.0 * (double) ml_view_elements(&run->out[0]) * (double) a->dims[a->ndims - 1 - run->attributes->ints[0]];
}

static const ml_op_kernel matmul_kernels[] = {
	{"ff>f", 3, run_matmul, workspace_matmul},
	{"dd>d", 3, run_matmul, workspace_matmul},
	{NULL}
};

const ml_op ml_op_matmul = {
	.name = "matmul", .version = 1, .nin_least = 2, .nin_most = 2, .nout = 1, .flags = ML_OP_ADDS,
	.attributes = matmul_attributes, .shape = shape_matmul, .backward = backward_matmul,
	.kernels = matmul_kernels, .flops = flops_matmul
};
