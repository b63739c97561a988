/*-------------------------------------------------------------------------
 *
 * copy.c
 *	  copy: y = x, contiguous; of any strides, element type and layout.
 *
 * Emitted where a view must become a gradient or an output, and what runs do by
 * themselves before a kernel that doesn't take strided inputs.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"

#define POLL_ELEMENTS	((int64_t) 1 << 18)

/* Innermost loop: n elements at a stride to contiguous ones. */
static void
copy_run(char *to, const char *from, int64_t n, int64_t stride, size_t width)
{
	if (stride == 1)
	{
		memcpy(to, from, (size_t) n * width);
		return;
	}
	switch (width)
	{
#define COPY(type) \
		for (int64_t i = 0; i < n; i++) \
			((type *) to)[i] = ((const type *) from)[i * stride]; \
		break
		case 1:
			COPY(uint8_t);
		case 2:
			COPY(uint16_t);
		case 4:
			COPY(uint32_t);
		case 8:
			COPY(uint64_t);
#undef COPY
		default:
			for (int64_t i = 0; i < n; i++)
				memcpy(to + (size_t) i * width, from + i * stride * (int64_t) width, width);
	}
}

static void
add_run(char *to, const char *from, int64_t n, int64_t stride, ml_dtype dtype)
{
	if (dtype == ML_F64)
		for (int64_t i = 0; i < n; i++)
			((double *) to)[i] += ((const double *) from)[i * stride];
	else
		for (int64_t i = 0; i < n; i++)
			((float *) to)[i] += ((const float *) from)[i * stride];
}

static ml_status
copy_rows(ml_context *ctx, const char *from, char *to, const ml_view *in, bool add, size_t width)
{
	int			last = in->ndims - 1;
	int64_t		n = last >= 0 ? in->dims[last] : 1;
	int64_t		stride = last >= 0 ? in->strides[last] : 1;
	int64_t		index[ML_MAX_DIMS] = {0};
	int64_t		since = 0;

	for (;;)
	{
		int			d = last - 1;
		int64_t		at = 0;

		for (int i = 0; i < last; i++)
			at += index[i] * in->strides[i];
		for (int64_t done = 0; done < n; done += POLL_ELEMENTS)
		{
			int64_t		part = ML_MIN(n - done, POLL_ELEMENTS);
			const char *source = from + (at + done * stride) * (int64_t) width;

			if (add)
				add_run(to, source, part, stride, in->dtype);
			else
				copy_run(to, source, part, stride, width);
			to += (size_t) part * width;
			since += part;
			if (since >= POLL_ELEMENTS)
			{
				ML_TRY(ml_poll(ctx));
				since = 0;
			}
		}
		while (d >= 0 && ++index[d] == in->dims[d])
			index[d--] = 0;
		if (d < 0)
			return ML_OK;
	}
}

ml_status
ml_view_copy(ml_context *ctx, const ml_view *in, const ml_view *out, bool add)
{
	size_t		width = ml_dtypes[in->dtype].block_bytes;
	ml_view		flat = *in;

	for (int i = 0; i < in->ndims; i++)
		if (in->dims[i] == 0)
			return ML_OK;
	/* in other layouts, and where there are no gaps: as one vector */
	if (in->layout != ML_PLAIN || in->contiguous)
	{
		flat.ndims = 1;
		flat.dims[0] = (int64_t) (ml_storage_bytes(in->dtype, in->layout, in->ndims, in->dims) / width);
		flat.strides[0] = 1;
	}
	return copy_rows(ctx, in->data, out->data, &flat, add, width);
}

static ml_status
copy_shape(ml_context *ctx, const ml_op_shapes *s)
{
	s->out[0] = *s->in[0];
	return ML_OK;
}

static void
copy_backward(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = b->dout[0];
}

static ml_status
copy_kernel(const ml_op_run *run)
{
	return ml_view_copy(run->ctx, &run->in[0], &run->out[0], run->add);
}

static const ml_op_kernel copy_kernels[] = {
	{"f>f", 1, copy_kernel},
	{"d>d", 1, copy_kernel},
	{"p>p", 1, copy_kernel},
	{"P>P", 1, copy_kernel},
	{"h>h", 1, copy_kernel},
	{"H>H", 1, copy_kernel},
	{"q>q", 1, copy_kernel},
	{"i>i", 1, copy_kernel},
	{"u>u", 1, copy_kernel},
	{"?>?", 1, copy_kernel},
	{NULL}
};

const ml_op ml_op_copy = {
	.name = "copy", .version = 1, .nin_least = 1, .nin_most = 1, .nout = 1,
	.flags = ML_OP_ADDS, .overwrites = {1},
	.shape = copy_shape, .backward = copy_backward, .kernels = copy_kernels
};
