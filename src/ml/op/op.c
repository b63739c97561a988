/*-------------------------------------------------------------------------
 *
 * op.c
 *	  What all ops share: symbols, shapes, attributes, choosing kernels, emitting.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"

/* ---- symbols ---- */

/* A rule that is no rule, or that is one of another symbol's: simplify.  true: *result is set. */
static bool
simplify(const ml_symbols *symbols, ml_symbol_rule rule, ml_dim *of, int64_t *a, ml_dim *result)
{
	const ml_symbol *base;

	if (rule != ML_SYMBOL_PLUS && rule != ML_SYMBOL_TIMES)
		return false;
	if (*of < 0)
	{
		base = &symbols->symbols[ML_SYMBOL_OF(*of)];
		if (base->rule == rule &&
			!(rule == ML_SYMBOL_PLUS ? __builtin_add_overflow(base->a, *a, a)
			  : __builtin_mul_overflow(base->a, *a, a)))
			*of = ML_SYMBOL(base->of);
		if (*a == (rule == ML_SYMBOL_PLUS ? 0 : 1))
		{
			*result = *of;
			return true;
		}
	}
	if (rule == ML_SYMBOL_TIMES && *a == 0)
	{
		*result = 0;
		return true;
	}
	if (*of < 0)
		return false;
	return !(rule == ML_SYMBOL_PLUS ? __builtin_add_overflow(*of, *a, result)
			 : __builtin_mul_overflow(*of, *a, result)) && *result >= 0;
}

ml_status
ml_symbols_derive(ml_context *ctx, ml_symbols *symbols, ml_symbol_rule rule, ml_dim of, int64_t a,
				  int64_t b, int64_t c, int64_t d, ml_dim *result)
{
	ml_symbol  *symbol;

	if (of < 0 && ML_SYMBOL_OF(of) >= symbols->n)
		return ml_fail(ctx, ML_INTERNAL, "a dimension of a symbol that does not exist");
	if (simplify(symbols, rule, &of, &a, result))
		return ML_OK;
	if (of >= 0)
		return ml_fail(ctx, ML_BAD_OPTION, "a dimension out of range");
	for (int i = 0; i < symbols->n; i++)
	{
		symbol = &symbols->symbols[i];
		if (symbol->rule == rule && symbol->of == ML_SYMBOL_OF(of) && symbol->a == a &&
			symbol->b == b && symbol->c == c && symbol->d == d)
		{
			*result = ML_SYMBOL(i);
			return ML_OK;
		}
	}
	if (symbols->n >= ML_SYMBOLS_MAX)
		return ml_fail(ctx, ML_UNSUPPORTED, "a graph with more than %d different sizes", ML_SYMBOLS_MAX);
	symbol = &symbols->symbols[symbols->n];
	*symbol = (ml_symbol)
	{
		.rule = rule, .of = ML_SYMBOL_OF(of), .a = a, .b = b, .c = c, .d = d
	};
	*result = ML_SYMBOL(symbols->n++);
	return ML_OK;
}

/* ---- shapes and views ---- */

bool
ml_dtype_is_float(ml_dtype dtype)
{
	return dtype == ML_F32 || dtype == ML_F64 || dtype == ML_BF16 || dtype == ML_F16;
}

bool
ml_shape_same_dims(const ml_shape *a, const ml_shape *b)
{
	if (a->ndims != b->ndims || a->layout != b->layout)
		return false;
	for (int i = 0; i < a->ndims; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

bool
ml_shape_equal(const ml_shape *a, const ml_shape *b)
{
	return a->dtype == b->dtype && ml_shape_same_dims(a, b);
}

/*
 * Panels of blocks have their blocks along K, which is filled up to whole ones;
 * of plain layouts the last dimension must be whole blocks.
 */
size_t
ml_storage_bytes(ml_dtype dtype, ml_layout layout, int ndims, const int64_t *dims)
{
	const ml_dtype_row *row = &ml_dtypes[dtype];
	size_t		n = 1;
	size_t		last = ndims > 0 ? (size_t) dims[ndims - 1] : 1;

	for (int i = 0; i < ndims - 1; i++)
		n = ml_size_mul(n, (size_t) dims[i]);
	if (layout == ML_PANELS)
	{
		n = n / row->block_elements + (n % row->block_elements != 0);
		n = ml_size_mul(n, ml_size_align(last, ML_PANEL));
	}
	else
	{
		if (last % row->block_elements != 0)
			return SIZE_MAX;
		n = ml_size_mul(n, last / row->block_elements);
	}
	return ml_size_mul(n, row->block_bytes);
}

void
ml_view_strides(ml_view *view)
{
	int64_t		stride = 1;

	for (int i = view->ndims - 1; i >= 0; i--)
	{
		view->strides[i] = stride;
		stride *= ML_MAX(view->dims[i], 1);
	}
	view->contiguous = true;
}

bool
ml_view_is_contiguous(const ml_view *view)
{
	int64_t		stride = 1;

	for (int i = 0; i < view->ndims; i++)
		if (view->dims[i] == 0)
			return true;
	for (int i = view->ndims - 1; i >= 0; i--)
	{
		if (view->dims[i] != 1 && view->strides[i] != stride)
			return false;
		stride *= view->dims[i];
	}
	return true;
}

/* ---- the table ---- */

const ml_op *
ml_op_find(ml_text name)
{
	for (int i = 0; ml_ops[i] != NULL; i++)
		if (ml_text_equal(name, (ml_text) {ml_ops[i]->name, strlen(ml_ops[i]->name)}))
			return ml_ops[i];
	return NULL;
}

int
ml_op_index(const ml_op *op)
{
	for (int i = 0; ml_ops[i] != NULL; i++)
		if (ml_ops[i] == op)
			return i;
	return -1;
}

ml_attributes
ml_op_standard(const ml_op *op)
{
	ml_attributes attributes = {{0}};
	int			ints = 0;
	int			reals = 0;

	for (const ml_attribute *a = op->attributes; a != NULL && a->name != NULL; a++)
		if (a->is_real)
			attributes.reals[reals++] = a->standard;
		else
			attributes.ints[ints++] = (int64_t) a->standard;
	return attributes;
}

ml_status
ml_op_check_attributes(ml_context *ctx, const ml_op *op, const ml_attributes *attributes)
{
	int			ints = 0;
	int			reals = 0;

	for (const ml_attribute *a = op->attributes; a != NULL && a->name != NULL; a++)
	{
		double		value = a->is_real ? attributes->reals[reals++] : (double) attributes->ints[ints++];

		if (!(value >= a->least && value <= a->most))
			return ML_OP_FAIL(ctx, "%s: \"%s\" must be between %g and %g, not %g", op->name, a->name,
							  a->least, a->most, value);
	}
	/* slots without a name mean nothing, and are equal wherever the node is */
	for (; ints < ML_OP_INTS; ints++)
		if (attributes->ints[ints] != 0)
			return ML_OP_FAIL(ctx, "%s: an attribute that it does not have", op->name);
	for (; reals < ML_OP_REALS; reals++)
		if (attributes->reals[reals] != 0)
			return ML_OP_FAIL(ctx, "%s: an attribute that it does not have", op->name);
	if (attributes->ndims < 0 || attributes->ndims > ML_MAX_DIMS)
		return ML_OP_FAIL(ctx, "%s: more than %d dimensions", op->name, ML_MAX_DIMS);
	return ML_OK;
}

/* ---- kernels ---- */

static char
letter(const ml_shape *shape)
{
	if (shape == NULL)
		return '-';
	if (shape->layout == ML_PANELS)
		return ml_dtypes[shape->dtype].block_elements > 1 ? 'q' : shape->dtype == ML_F32 ? 'p' :
			shape->dtype == ML_F64 ? 'P' : shape->dtype == ML_BF16 ? 'H' : '!';
	switch (shape->dtype)
	{
		case ML_F32:
			return 'f';
		case ML_F64:
			return 'd';
		case ML_BF16:
			return 'h';
		case ML_I32:
			return 'i';
		case ML_U8:
			return 'u';
		case ML_BOOL:
			return '?';
		default:
			return '!';
	}
}

/* Does the signature up to "end" fit these shapes?  *s moves behind what it said. */
static bool
fits(const char **s, char end, int n, const ml_shape *const *shapes)
{
	int			i = 0;

	while (**s != end && **s != '\0')
	{
		char		c = *(*s)++;

		if (**s == '*')
		{
			(*s)++;
			while (i < n && letter(shapes[i]) == c)
				i++;
			continue;
		}
		if (**s == '~')
		{
			(*s)++;
			if (i >= n || shapes[i] == NULL)
			{
				i++;
				continue;
			}
		}
		if (i >= n ? c != '-' : letter(shapes[i]) != c)
			return false;
		i++;
	}
	return i >= n;
}

int
ml_op_choose(const ml_op *op, int nin, const ml_shape *const *in, int nout, const ml_shape *const *out)
{
	while (nin > 0 && in[nin - 1] == NULL)
		nin--;
	for (int k = 0; op->kernels != NULL && op->kernels[k].signature != NULL; k++)
	{
		const char *s = op->kernels[k].signature;

		if (fits(&s, '>', nin, in) && *s == '>' && (s++, fits(&s, '\0', nout, out)))
			return k;
	}
	return -1;
}

/* ---- emitting ---- */

int32_t
ml_emit(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin, const int32_t *inputs)
{
	int32_t		outputs[ML_NODE_OUTPUTS_MAX];

	if (e->status != ML_OK)
		return ML_NO_VALUE;
	e->node(e, op, attributes, nin, inputs, op->nout, outputs);
	return e->status == ML_OK ? outputs[0] : ML_NO_VALUE;
}

int32_t
ml_emit1(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a)
{
	return ml_emit(e, op, attributes, 1, &a);
}

int32_t
ml_emit2(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a, int32_t b)
{
	int32_t		inputs[2] = {a, b};

	return ml_emit(e, op, attributes, 2, inputs);
}

int32_t
ml_emit3(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a, int32_t b, int32_t c)
{
	int32_t		inputs[3] = {a, b, c};

	return ml_emit(e, op, attributes, 3, inputs);
}

int32_t
ml_emit_sum_to(ml_emitter *e, int32_t g, int32_t like)
{
	const ml_shape *from;
	const ml_shape *to;
	ml_attributes attributes = {{0}};

	if (e->status != ML_OK || g == ML_NO_VALUE)
		return ML_NO_VALUE;
	from = e->shape(e, g);
	to = e->shape(e, like);
	if (ml_shape_same_dims(from, to))
		return g;
	attributes.ndims = to->ndims;
	memcpy(attributes.dims, to->dims, sizeof(attributes.dims));
	return ml_emit1(e, &ml_op_sum_to, &attributes, g);
}
