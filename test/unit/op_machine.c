/*-------------------------------------------------------------------------
 *
 * op_machine.c
 *	  Harness of the tests of ops: a case as a graph that runs.
 *
 *-------------------------------------------------------------------------
 */
#include "op_machine.h"

#include <math.h>

int
op_set(op_role role)
{
	return role == OP_WORDS_2 || role == OP_OFFSETS_2;
}

static int64_t
words_of(const values *v, int set)
{
	int64_t		n = 0;

	for (int64_t r = 0; r < v->rows; r++)
		n += v->lengths[set][r];
	return n;
}

/* The first dimension of a role. */
int64_t
op_first_dim(const values *v, op_role role)
{
	switch (role)
	{
		case OP_ROWS:
			return v->rows;
		case OP_OFFSETS:
		case OP_OFFSETS_2:
			return v->rows + 1;
		default:
			return words_of(v, op_set(role));
	}
}

size_t
op_elements(const op_input *in, const values *v)
{
	size_t		n = 1;

	for (int i = 0; i < in->ndims; i++)
		n *= (size_t) (i == 0 && in->role != OP_WHOLE ? op_first_dim(v, in->role) : in->dims[i]);
	return n;
}

static ml_dtype
dtype_of(const machine *m, ml_dtype dtype)
{
	return dtype == ML_F64 ? m->dtype : dtype;
}

/* ---- the graph ---- */

static ml_status
role_dim(machine *m, op_role role, ml_dim *dim)
{
	ml_text		names[] = {ML_TEXT("rows"), ML_TEXT("words"), ML_TEXT("words2")};

	if (role == OP_ROWS)
		return ml_graph_symbol(m->ctx, m->graph, names[0], dim);
	if (role == OP_WORDS || role == OP_WORDS_2)
		return ml_graph_symbol(m->ctx, m->graph, names[1 + op_set(role)], dim);
	ML_TRY(ml_graph_symbol(m->ctx, m->graph, names[0], dim));
	return ml_symbols_derive(m->ctx, &m->graph->symbols, ML_SYMBOL_PLUS, *dim, 1, 0, 0, 0, dim);
}

/* An input; one that is to be strided comes with its dimensions reversed and is turned by a view. */
static ml_status
add_input(machine *m, int i)
{
	const op_input *in = &m->c->in[i];
	ml_shape	shape = {dtype_of(m, in->dtype), in->layout, in->ndims, {0}};
	ml_attributes turn = {0};
	char		name[16];

	snprintf(name, sizeof(name), "in%d", i);
	memcpy(shape.dims, in->dims, sizeof(shape.dims));
	if (in->role != OP_WHOLE)
		ML_TRY(role_dim(m, in->role, &shape.dims[0]));
	if (in->strided)
		for (int d = 0; d < in->ndims; d++)
			turn.ints[d] = in->ndims - 1 - d;
	if (in->strided)
		for (int d = 0; d < in->ndims / 2; d++)
		{
			ml_dim		other = shape.dims[in->ndims - 1 - d];

			shape.dims[in->ndims - 1 - d] = shape.dims[d];
			shape.dims[d] = other;
		}
	/* only parameters may lie in panels */
	m->fed[i] = m->in[i] = in->layout == ML_PANELS ?
		ml_builder_parameter(&m->b, unit_text(name), &shape, false) : ml_builder_input(&m->b, unit_text(name), &shape);
	if (in->strided)
		m->in[i] = ml_emit1(&m->b.e, &ml_op_transpose, &turn, m->fed[i]);
	return m->b.e.status;
}

/* Gradients by the op's backward rule, of weighted outputs. */
static ml_status
add_gradients(machine *m)
{
	const op_case *c = m->c;
	ml_emitter *e = &m->b.e;
	bool		wanted[OP_INPUTS] = {0};
	int32_t		dout[ML_NODE_OUTPUTS_MAX];
	ml_op_backward back;
	char		name[16];

	for (int i = 0; i < c->nin; i++)
		wanted[i] = !c->in[i].absent && !c->in[i].fixed && c->in[i].dtype == ML_F64;
	for (int i = 0; i < c->op->nout; i++)
	{
		ml_shape	shape = *e->shape(e, m->out[i]);

		dout[i] = ML_NO_VALUE;
		snprintf(name, sizeof(name), "weights%d", i);
		if ((c->unread >> i & 1) == 0)
			dout[i] = m->weights[i] = ml_builder_input(&m->b, unit_text(name), &shape);
		ML_TRY(e->status);
	}
	if (c->unread == (1u << c->op->nout) - 1)
		return ML_OK;			/* nothing comes back */
	back = (ml_op_backward) {
		.attributes = &c->attributes, .nin = c->nin, .in = m->in, .nout = c->op->nout, .out = m->out,
		.dout = dout, .wanted = wanted, .din = m->din
	};
	ML_OP_BACKWARD(c->op, e, &back);
	ML_TRY(e->status);
	for (int i = 0; i < c->nin; i++)
	{
		snprintf(name, sizeof(name), "din%d", i);
		if (!wanted[i] || m->din[i] == ML_NO_VALUE)
			continue;
		if (!ml_shape_same_dims(e->shape(e, m->din[i]), e->shape(e, m->in[i])))
			return ml_fail(m->ctx, ML_INTERNAL, "the gradient by input %d has another shape", i);
		m->din[i] = ml_emit1(e, &ml_op_copy, NULL, m->din[i]);
		ml_builder_output(&m->b, unit_text(name), m->din[i]);
	}
	return e->status;
}

ml_status
op_machine_open(ml_context *ctx, const op_case *c, ml_dtype dtype, const ml_kernel *kernel, bool gradients,
			 machine *m)
{
	char		name[16];

	*m = (machine) {.c = c, .ctx = ctx, .dtype = dtype};
	for (int i = 0; i < OP_INPUTS; i++)
		m->fed[i] = m->in[i] = m->din[i] = ML_NO_VALUE;
	for (int i = 0; i < ML_NODE_OUTPUTS_MAX; i++)
		m->weights[i] = ML_NO_VALUE;
	ML_TRY(ml_graph_open(ctx, dtype, &m->graph));
	ml_builder_start(ctx, m->graph, &m->b);
	for (int i = 0; i < c->nin; i++)
		if (!c->in[i].absent)
			ML_TRY(add_input(m, i));
	m->b.e.node(&m->b.e, c->op, &c->attributes, c->nin, m->in, c->op->nout, m->out);
	ML_TRY(m->b.e.status);
	if (gradients && c->op->backward != NULL)
		ML_TRY(add_gradients(m));
	for (int i = 0; i < c->op->nout; i++)
	{
		snprintf(name, sizeof(name), "out%d", i);
		if ((c->op->flags & ML_OP_VIEW) != 0)
			m->out[i] = ml_emit1(&m->b.e, &ml_op_copy, NULL, m->out[i]);
		/* what only backward needs is left unread at inference */
		if (gradients || (c->unread >> i & 1) == 0)
			ml_builder_output(&m->b, unit_text(name), m->out[i]);
	}
	ML_TRY(m->b.e.status);
	ML_TRY(ml_graph_finish(ctx, m->graph));
	ML_TRY(ml_runner_open(ctx, m->graph, kernel, &m->runner));
	m->parameters = aligned_alloc(ML_ALIGN, ml_size_align(m->graph->parameters * ml_dtypes[dtype].block_bytes, ML_ALIGN));
	m->runner->parameters = m->parameters;
	return ML_OK;
}

void
op_machine_close(machine *m)
{
	ml_runner_close(m->ctx, m->runner);
	ml_graph_close(m->ctx, m->graph);
	for (size_t i = 0; i < ML_LENGTH(m->storage); i++)
		free(m->storage[i]);
	free(m->parameters);
}

/* ---- values in and out ---- */

static void
put(void *to, ml_dtype dtype, size_t i, double value)
{
	switch (dtype)
	{
		case ML_F32:
			((float *) to)[i] = (float) value;
			break;
		case ML_F64:
			((double *) to)[i] = value;
			break;
		case ML_I32:
			((int32_t *) to)[i] = (int32_t) value;
			break;
		default:
			((uint8_t *) to)[i] = (uint8_t) value;
	}
}

double
op_get(const void *from, ml_dtype dtype, size_t i)
{
	switch (dtype)
	{
		case ML_F32:
			return ((const float *) from)[i];
		case ML_F64:
			return ((const double *) from)[i];
		case ML_I32:
			return ((const int32_t *) from)[i];
		default:
			return ((const uint8_t *) from)[i];
	}
}

/* Doubles to a storage of exactly its size, so that sanitizers see what is beyond. */
static void *
storage_of(ml_dtype dtype, const ml_shape *shape, const int64_t *dims, const double *from, bool reversed)
{
	size_t		n = 1;
	size_t		bytes = ml_storage_bytes(dtype, shape->layout, shape->ndims, dims);
	void	   *storage = aligned_alloc(64, ml_size_align(ML_MAX(bytes, 1), 64));
	void	   *plain = malloc(ML_MAX(bytes, 1));
	ml_graph_value value = {.shape = *shape};
	int64_t		index[ML_MAX_DIMS] = {0};

	for (int d = 0; d < shape->ndims; d++)
		n *= (size_t) (value.shape.dims[d] = dims[d]);
	for (size_t i = 0; i < n; i++)
	{
		size_t		at = 0;

		/* dims are those of the storage; "from" goes by the reversed ones */
		if (reversed)
			for (int d = shape->ndims - 1; d >= 0; d--)
				at = at * (size_t) dims[d] + (size_t) index[d];
		put(plain, dtype, i, from[reversed ? at : i]);
		for (int d = shape->ndims - 1; d >= 0 && ++index[d] == dims[d]; d--)
			index[d] = 0;
	}
	ml_layout_write(&value, dtype, storage, plain);
	free(plain);
	return storage;
}

void
op_numbers(const ml_shape *shape, const machine *m, int64_t *dims)
{
	for (int d = 0; d < shape->ndims; d++)
		dims[d] = shape->dims[d] >= 0 ? shape->dims[d] :
			m->runner->plan.binding.numbers[ML_SYMBOL_OF(shape->dims[d])];
}

ml_status
op_machine_bind(machine *m, const values *v)
{
	ml_binding	binding = {{0}};
	ml_text		names[] = {ML_TEXT("words"), ML_TEXT("words2")};

	m->rows = v->rows;
	for (int set = 0; set < 2; set++)
	{
		m->offsets[set][0] = 0;
		for (int64_t r = 0; r < v->rows; r++)
			m->offsets[set][r + 1] = m->offsets[set][r] + (int32_t) v->lengths[set][r];
	}
	for (int32_t i = 0; i < m->graph->symbols.n; i++)
	{
		ml_text		name = ml_graph_text(m->graph, m->graph->symbols.symbols[i].name);

		if (m->graph->symbols.symbols[i].rule != ML_SYMBOL_FREE)
			continue;
		binding.numbers[i] = v->rows;
		for (int set = 0; set < 2; set++)
			if (ml_text_equal(name, names[set]))
			{
				binding.numbers[i] = words_of(v, set);
				binding.offsets[i] = m->offsets[set];
				binding.rows[i] = v->rows;
			}
	}
	return ml_runner_bind(m->ctx, m->runner, &binding, false);
}

/* Set one input from doubles, anew. */
void
op_feed(machine *m, int slot, int32_t value, const double *from, bool strided)
{
	const ml_shape *shape = &m->graph->values[value].shape;
	int64_t		dims[ML_MAX_DIMS];

	free(m->storage[slot]);
	op_numbers(shape, m, dims);
	m->storage[slot] = storage_of(shape->dtype, shape, dims, from, strided);
	m->runner->inputs[value] = m->storage[slot];
	if (m->graph->values[value].kind == ML_VALUE_PARAMETER)
		memcpy((char *) m->parameters + m->graph->values[value].offset * ml_dtypes[m->dtype].block_bytes,
			   m->storage[slot], ml_storage_bytes(shape->dtype, shape->layout, shape->ndims, dims));
}

void
op_feed_all(machine *m, const values *v)
{
	for (int i = 0; i < m->c->nin; i++)
		if (m->fed[i] != ML_NO_VALUE)
			op_feed(m, i, m->fed[i], v->in[i], m->c->in[i].strided);
	for (int i = 0; i < m->c->op->nout; i++)
		if (m->weights[i] != ML_NO_VALUE)
			op_feed(m, OP_INPUTS + i, m->weights[i], v->weights[i], false);
}

/* The elements of an output, row-major; n of them. */
double *
op_read_out(const machine *m, int32_t value, size_t *n)
{
	const ml_view *view = ml_runner_view(m->runner, value);
	ml_graph_value plain = {.shape = {view->dtype, view->layout, view->ndims, {0}}};
	void	   *bytes;
	double	   *result;

	*n = ml_view_elements(view);
	bytes = malloc(*n * 8 + 1);
	result = malloc(*n * sizeof(double) + 1);
	memcpy(plain.shape.dims, view->dims, sizeof(plain.shape.dims));
	if (*n > 0)
		ml_layout_read(&plain, view->dtype, view->data, bytes);
	for (size_t i = 0; i < *n; i++)
		result[i] = op_get(bytes, view->dtype, i);
	free(bytes);
	return result;
}

void
op_values_free(values *v)
{
	for (int i = 0; i < OP_INPUTS; i++)
		free(v->in[i]);
	for (int i = 0; i < ML_NODE_OUTPUTS_MAX; i++)
		free(v->weights[i]);
}

/* The largest difference, relative to the largest element (or 1). */
double
op_difference(const double *a, const double *b, size_t n)
{
	double		scale = 1;
	double		worst = 0;

	for (size_t i = 0; i < n; i++)
		scale = isfinite(b[i]) ? fmax(scale, fabs(b[i])) : scale;
	for (size_t i = 0; i < n; i++)
		if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
			worst = fmax(worst, isfinite(a[i]) && isfinite(b[i]) ? fabs(a[i] - b[i]) / scale : INFINITY);
	return worst;
}
