/*-------------------------------------------------------------------------
 *
 * run.c
 *	  Running a graph: one user's memory, and the nodes one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "graph/graph_internal.h"
#include "base/hash.h"

#define PIECE	((size_t) 1 << 18)	/* elements of a layout that are moved between two polls */

ml_status
ml_runner_open(ml_context *ctx, const ml_graph *graph, const ml_kernel *kernel, ml_runner **result)
{
	size_t		nvalues = (size_t) ML_MAX(graph->nvalues, 1);
	size_t		own = ml_size_align(sizeof(ml_runner), ML_ALIGN);
	size_t		inputs = ml_size_align(nvalues * sizeof(void *), ML_ALIGN);
	size_t		size = ml_size_add(own + 2 * inputs, ml_size_add(ml_plan_size(graph), ML_ALIGN));
	void	   *memory;
	ml_runner  *runner;
	char	   *rest;

	*result = NULL;
	ML_TRY(ml_alloc(ctx, size, &memory));
	memset(memory, 0, own + 2 * inputs);
	runner = memory;
	rest = (char *) memory + own;
	runner->inputs = (const void **) rest;
	runner->touched = (uint8_t **) (rest + inputs);
	runner->plan_memory = (void *) (((uintptr_t) rest + 2 * inputs + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1));
	runner->graph = graph;
	runner->kernel = kernel;
	*result = runner;
	return ML_OK;
}

void
ml_runner_close(ml_context *ctx, ml_runner *runner)
{
	if (runner == NULL)
		return;
	ml_release(ctx, runner->block_memory);
	ml_release(ctx, runner);
}

/* A block of at least that size; its old contents are not kept. */
static ml_status
have_block(ml_context *ctx, ml_runner *runner, size_t bytes)
{
	if (runner->block_memory != NULL && bytes <= runner->block_size)
		return ML_OK;
	ml_release(ctx, runner->block_memory);
	runner->block_memory = NULL;
	runner->block_size = 0;
	ML_TRY(ml_alloc(ctx, ml_size_add(bytes, ML_ALIGN), &runner->block_memory));
	runner->block = (void *) (((uintptr_t) runner->block_memory + ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1));
	runner->block_size = bytes;
	return ML_OK;
}

ml_status
ml_runner_bind(ml_context *ctx, ml_runner *runner, const ml_binding *binding, bool backward)
{
	const ml_graph *graph = runner->graph;
	ml_binding	bound = *binding;
	bool		was_planned = runner->planned;

	ML_TRY(ml_graph_bind(ctx, graph, &bound));
	if (was_planned && runner->plan.backward == backward &&
		memcmp(bound.numbers, runner->plan.binding.numbers, (size_t) graph->symbols.n * sizeof(int64_t)) == 0)
		return ML_OK;
	runner->planned = false;
	ML_TRY(ml_graph_plan(ctx, graph, &bound, backward, runner->plan_memory, &runner->plan));
	ML_TRY(have_block(ctx, runner, runner->plan.bytes));
	runner->planned = true;
	return ML_OK;
}

/* Where a storage begins; NULL: the caller hasn't set it. */
static char *
storage_start(const ml_runner *runner, int32_t root)
{
	const ml_graph_value *value = &runner->graph->values[root];
	size_t		width = ml_dtypes[runner->graph->dtype].block_bytes;

	switch (value->kind)
	{
		case ML_VALUE_INPUT:
			return (char *) runner->inputs[root];
		case ML_VALUE_CONSTANT:
			return (char *) runner->graph->constants + value->offset;
		case ML_VALUE_PARAMETER:
			return runner->parameters == NULL ? NULL : (char *) runner->parameters + value->offset * width;
		case ML_VALUE_GRADIENT:
			return runner->gradients == NULL ? NULL :
				(char *) runner->gradients + runner->graph->values[value->parameter].offset * width;
		case ML_VALUE_STATE:
			return runner->states == NULL ? NULL : (char *) runner->states + value->offset;
		default:
			/* what nothing reads has no place (ML_OP_SKIPS) */
			return runner->plan.offsets[root] == SIZE_MAX ? NULL :
				(char *) runner->block + runner->plan.offsets[root];
	}
}

/* Data of all values; NULL where the caller hasn't set it. */
static void
set_data(ml_runner *runner)
{
	ml_plan    *plan = &runner->plan;

	for (int32_t v = 0; v < runner->graph->nvalues; v++)
	{
		ml_view    *view = &plan->views[v];
		char	   *start = storage_start(runner, plan->storage[v]);

		/* nothing is read of an empty one, but NULL means absent */
		view->data = start != NULL ? start + plan->within[v] :
			ml_view_elements(view) == 0 ? runner->block : NULL;
	}
}

static ml_status
no_memory_given(ml_context *ctx, const ml_runner *runner, int32_t v)
{
	const ml_graph *graph = runner->graph;
	ml_text		name = ml_graph_text(graph, graph->values[runner->plan.storage[v]].name);

	return ml_fail(ctx, ML_INTERNAL, "a run without the memory of \"%.*s\"",
				   (int) ML_MIN(name.size, (size_t) 100), name.data);
}

/* Data of the node's operands, with copies made of those that must be contiguous. */
static ml_status
set_operands(ml_context *ctx, ml_runner *runner, const ml_graph_node *node)
{
	ml_plan    *plan = &runner->plan;

	for (int i = 0; i < node->nin + node->nout; i++)
	{
		int32_t		at = node->inputs + i;
		int32_t		v = runner->graph->operands[at];

		if (v == ML_NO_VALUE)
			continue;
		if (plan->views[v].data == NULL && (i < node->nin || plan->offsets[plan->storage[v]] != SIZE_MAX))
			return no_memory_given(ctx, runner, v);
		plan->operands[at].data = plan->views[v].data;
		if (plan->copies[at] != SIZE_MAX)
		{
			plan->operands[at].data = (char *) runner->block + plan->copies[at];
			ML_TRY(ml_view_copy(ctx, &plan->views[v], &plan->operands[at], false));
		}
	}
	return ML_OK;
}

static ml_status
run_node(ml_context *ctx, ml_runner *runner, int32_t k, bool add)
{
	const ml_graph *graph = runner->graph;
	const ml_graph_node *node = &graph->nodes[k];
	const ml_op *op = ml_ops[node->op];
	ml_op_run	run;

	ML_TRY(set_operands(ctx, runner, node));
	ml_plan_run_of(graph, &runner->plan, k, &run);
	if ((op->flags & ML_OP_VIEW) != 0)
	{
		int32_t		out = graph->operands[node->inputs + node->nin];

		/* one that strides couldn't say */
		return runner->plan.storage[out] == out ? ml_view_copy(ctx, &run.in[0], &run.out[0], false) : ML_OK;
	}
	run.ctx = ctx;
	run.kernel = runner->kernel;
	run.workspace = (char *) runner->block + runner->plan.workspace[k];
	run.add = node->write == ML_WRITE_SUM || (node->write == ML_WRITE_GRADIENT && add);
	if ((op->flags & ML_OP_DRAWS) != 0)
		run.seed = ml_hash_join(runner->seed, (uint64_t) node->attributes.ints[0]);
	if ((op->flags & ML_OP_TOUCHES) != 0 && node->write != ML_WRITE_NEW)
	{
		int32_t		gradient = graph->values[graph->operands[node->inputs + node->nin]].storage;
		int32_t		parameter = graph->values[gradient].parameter;

		run.touched = graph->values[parameter].sparse ? runner->touched[parameter] : NULL;
		run.add = run.add || run.touched != NULL;
	}
	return op->kernels[node->kernel].run(&run);
}

ml_status
ml_runner_run(ml_context *ctx, ml_runner *runner, bool add)
{
	if (!runner->planned)
		return ml_fail(ctx, ML_INTERNAL, "a run without a plan");
	set_data(runner);
	for (int32_t k = 0; k < runner->plan.nnodes; k++)
	{
		ML_TRY(ml_poll(ctx));
		ML_TRY(run_node(ctx, runner, k, add));
	}
	return ML_OK;
}

const ml_view *
ml_runner_view(const ml_runner *runner, int32_t value)
{
	return &runner->plan.views[value];
}

/* ---- layouts ---- */

/* Rows K and columns N of a matrix in panels. */
static void
matrix_of(const ml_shape *shape, size_t *rows, size_t *columns)
{
	*rows = 1;
	for (int i = 0; i < shape->ndims - 1; i++)
		*rows *= (size_t) shape->dims[i];
	*columns = (size_t) shape->dims[shape->ndims - 1];
}

/* Rows begin .. end - 1 of the matrix between its layout and row-major order; panels are filled up with zeros. */
static void
move_rows(const ml_graph_value *value, ml_dtype dtype, char *storage, char *plain, bool write, size_t begin,
		  size_t end)
{
	size_t		width = ml_dtypes[dtype].block_bytes;
	size_t		rows;
	size_t		columns;

	matrix_of(&value->shape, &rows, &columns);
	for (size_t first = 0; first < columns; first += ML_PANEL)
	{
		size_t		n = ML_MIN(columns - first, (size_t) ML_PANEL) * width;

		for (size_t row = begin; row < end; row++)
		{
			char	   *panel = storage + (first * rows + row * ML_PANEL) * width;
			char	   *at = plain + (row * columns + first) * width;

			memcpy(write ? panel : at, write ? at : panel, n);
			if (write)
				memset(panel + n, 0, ML_PANEL * width - n);
		}
	}
}

/* ctx NULL: without polls. */
static ml_status
move(ml_context *ctx, const ml_graph_value *value, ml_dtype dtype, void *storage, void *plain, bool write)
{
	const ml_shape *shape = &value->shape;
	size_t		bytes = ml_storage_bytes(dtype, ML_PLAIN, shape->ndims, shape->dims);
	size_t		rows;
	size_t		columns;
	size_t		piece;

	if (shape->layout == ML_PLAIN)
	{
		void	   *to = write ? storage : plain;
		const void *from = write ? plain : storage;

		if (ctx != NULL)
			return ml_copy(ctx, to, from, bytes);
		if (bytes > 0)
			memcpy(to, from, bytes);
		return ML_OK;
	}
	matrix_of(shape, &rows, &columns);
	piece = PIECE / ML_MAX(columns, (size_t) 1) + 1;
	for (size_t row = 0; row < rows; row += piece)
	{
		if (ctx != NULL)
			ML_TRY(ml_poll(ctx));
		move_rows(value, dtype, storage, plain, write, row, ML_MIN(row + piece, rows));
	}
	return ML_OK;
}

void
ml_layout_write(const ml_graph_value *value, ml_dtype dtype, void *storage, const void *plain)
{
	(void) move(NULL, value, dtype, storage, (void *) (uintptr_t) plain, true);
}

void
ml_layout_read(const ml_graph_value *value, ml_dtype dtype, const void *storage, void *plain)
{
	(void) move(NULL, value, dtype, (void *) (uintptr_t) storage, plain, false);
}

ml_status
ml_layout_store(ml_context *ctx, const ml_graph_value *value, ml_dtype dtype, void *storage, const void *plain)
{
	return move(ctx, value, dtype, storage, (void *) (uintptr_t) plain, true);
}

ml_status
ml_layout_load(ml_context *ctx, const ml_graph_value *value, ml_dtype dtype, const void *storage, void *plain)
{
	return move(ctx, value, dtype, (void *) (uintptr_t) storage, plain, false);
}
