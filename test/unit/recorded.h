/*-------------------------------------------------------------------------
 *
 * recorded.h
 *	  Ops against recorded outputs and gradients of PyTorch: the cases of a file
 *	  that test/data/ops_recorded.py wrote, each a graph of one op.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECORDED_H
#define RECORDED_H

#include "unit.h"

#include "base/json.h"
#include "format/safetensors.h"
#include "graph/graph.h"
#include "op/ops.h"

#include <ctype.h>
#include <math.h>

typedef struct recorded
{
	ml_context *ctx;
	ml_safetensors file;
	const char *name;			/* of the case */
	ml_dtype	dtype;
	ml_graph   *graph;
	ml_builder	b;
	ml_runner  *runner;
	void	   *memory[2];		/* parameters, gradients */
	int			nin;
	int32_t		in[ML_NODE_INPUTS_MAX];
	int			nout;
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	char		names[ML_NODE_INPUTS_MAX + ML_NODE_OUTPUTS_MAX][32];
	const int32_t *ints[ML_NODE_INPUTS_MAX];
	bool		bf16;			/* attribute "bf16" is set */
	double		worst;			/* difference, relative to the largest number of its tensor */
} recorded;

static const ml_tensor *
recorded_tensor(const recorded *r, const char *kind, const char *name)
{
	char		path[96];

	snprintf(path, sizeof(path), "%s.%s%s%s", r->name, kind, name[0] ? "." : "", name);
	return ml_safetensors_tensor(&r->file, path);
}

static ml_shape
recorded_shape(const ml_tensor *tensor, ml_dtype dtype)
{
	ml_shape	shape = {dtype, ML_PLAIN, tensor->ndims, {0}};

	for (int i = 0; i < tensor->ndims; i++)
		shape.dims[i] = (ml_dim) tensor->dims[i];
	return shape;
}

/* The numbers of a tensor in the type of the graph; malloc'ed. */
static void *
recorded_numbers(const ml_tensor *tensor, ml_dtype dtype)
{
	size_t		n = ml_tensor_elements(tensor);
	void	   *result = malloc(n * 8 + 8);

	for (size_t i = 0; i < n; i++)
		if (dtype == ML_F64)
			((double *) result)[i] = ((const float *) tensor->data)[i];
		else
			((float *) result)[i] = ((const float *) tensor->data)[i];
	return result;
}

static int32_t
recorded_input(recorded *r, const char *name, int i)
{
	const ml_tensor *tensor;
	ml_shape	shape;

	if (strcmp(name, "-") == 0)
		return ML_NO_VALUE;
	tensor = recorded_tensor(r, "i", name);
	if (tensor != NULL)
	{
		shape = recorded_shape(tensor, ML_I32);
		r->ints[i] = tensor->data;
		return ml_builder_input(&r->b, unit_text(name), &shape);
	}
	shape = recorded_shape(recorded_tensor(r, "p", name), r->dtype);
	if (name[0] == 'w')
		shape.layout = ML_PANELS;
	return ml_builder_parameter(&r->b, unit_text(name), &shape, false);
}

/* loss = the sum of outputs times their factors */
static int32_t
recorded_loss(recorded *r)
{
	int32_t		loss = ML_NO_VALUE;

	for (int i = 0; i < r->nout; i++)
	{
		const ml_tensor *d = recorded_tensor(r, "d", r->names[ML_NODE_INPUTS_MAX + i]);
		ml_shape	shape;
		void	   *numbers;
		int32_t		term;

		if (d == NULL)
			continue;
		shape = recorded_shape(d, r->dtype);
		numbers = recorded_numbers(d, r->dtype);
		term = ml_builder_constant(&r->b, &shape, numbers);
		free(numbers);
		term = ml_emit1(&r->b.e, &ml_op_sum_to, &(ml_attributes) {{0}}, ml_emit2(&r->b.e, &ml_op_mul, NULL, r->out[i], term));
		loss = loss == ML_NO_VALUE ? term : ml_emit2(&r->b.e, &ml_op_add, NULL, loss, term);
	}
	return loss;
}

static ml_status
recorded_build(recorded *r)
{
	char		text[256];
	char	   *next;
	const ml_op *op;
	ml_attributes attributes;
	const ml_tensor *ints = recorded_tensor(r, "ints", "");
	const ml_tensor *reals = recorded_tensor(r, "reals", "");
	ml_text		spec = ml_safetensors_metadata(&r->file, r->name);
	bool		outputs = false;

	ML_TRY(ml_graph_open(r->ctx, r->dtype, &r->graph));
	ml_builder_start(r->ctx, r->graph, &r->b);
	snprintf(text, sizeof(text), "%.*s", (int) spec.size, spec.data);
	next = strchr(text, ':');
	*next++ = '\0';
	op = ml_op_find(unit_text(text));
	for (char *word = strtok(next, " "); word != NULL; word = strtok(NULL, " "))
		if (strcmp(word, "->") == 0)
			outputs = true;
		else if (outputs)
			snprintf(r->names[ML_NODE_INPUTS_MAX + r->nout++], 32, "%s", word);
		else
		{
			snprintf(r->names[r->nin], 32, "%s", word);
			r->in[r->nin] = recorded_input(r, word, r->nin);
			r->nin++;
		}
	attributes = ml_op_standard(op);
	if (ints != NULL)
		for (uint64_t i = 0; i < ints->dims[0]; i++)
			attributes.ints[i] = ((const int64_t *) ints->data)[i];
	if (reals != NULL)
		for (uint64_t i = 0; i < reals->dims[0]; i++)
			attributes.reals[i] = ((const double *) reals->data)[i];
	for (int i = 0, slot = 0; r->bf16 && op->attributes[i].name != NULL; slot += !op->attributes[i++].is_real)
		if (strcmp(op->attributes[i].name, "bf16") == 0)
			attributes.ints[slot] = 1;
	r->b.e.node(&r->b.e, op, &attributes, r->nin, r->in, r->nout, r->out);
	for (int i = 0; i < r->nout && r->b.e.status == ML_OK; i++)
		if (strcmp(r->names[ML_NODE_INPUTS_MAX + i], "-") != 0)
			ml_builder_output(&r->b, unit_text(r->names[ML_NODE_INPUTS_MAX + i]), r->out[i]);
	ML_TRY(r->b.e.status);
	ML_TRY(ml_graph_backward(&r->b, recorded_loss(r)));
	return ml_graph_finish(r->ctx, r->graph);
}

static double
recorded_number(ml_dtype dtype, const void *numbers, size_t i)
{
	return dtype == ML_F64 ? ((const double *) numbers)[i] : (double) ((const float *) numbers)[i];
}

static void
recorded_compare(recorded *r, const char *kind, const char *name, const void *got)
{
	const ml_tensor *tensor = recorded_tensor(r, kind, name);
	size_t		n = tensor == NULL ? 0 : ml_tensor_elements(tensor);
	double		largest = 1e-3;

	for (size_t i = 0; i < n; i++)
		largest = ML_MAX(largest, fabs((double) ((const float *) tensor->data)[i]));
	for (size_t i = 0; i < n; i++)
	{
		double		difference = fabs(recorded_number(r->dtype, got, i) - (double) ((const float *) tensor->data)[i]) / largest;

		if (!(difference <= r->worst))
			r->worst = isnan(difference) ? INFINITY : difference;
		if (difference > 0.001 && getenv("RECORDED_SHOW") != NULL)
			unit_note("%s %s.%s[%zu]: %g, not %g", r->name, kind, name, i, recorded_number(r->dtype, got, i),
					  (double) ((const float *) tensor->data)[i]);
	}
}

static ml_status
recorded_run(recorded *r, const ml_kernel *kernel)
{
	ml_binding	binding = {{0}};
	size_t		bytes = ml_size_align(r->graph->parameters * ml_dtypes[r->dtype].block_bytes, ML_ALIGN);

	ML_TRY(ml_runner_open(r->ctx, r->graph, kernel, &r->runner));
	for (int i = 0; i < 2; i++)
	{
		r->memory[i] = aligned_alloc(ML_ALIGN, bytes + ML_ALIGN);
		memset(r->memory[i], 0, bytes + ML_ALIGN);
	}
	r->runner->parameters = r->memory[0];
	r->runner->gradients = r->memory[1];
	for (int32_t v = 0; v < r->graph->nvalues; v++)
	{
		const ml_graph_value *value = &r->graph->values[v];
		char		name[32];

		if (value->kind != ML_VALUE_PARAMETER)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int) value->name.size, r->graph->strings + value->name.offset);
		if (recorded_tensor(r, "p", name) != NULL)
		{
			void	   *numbers = recorded_numbers(recorded_tensor(r, "p", name), r->dtype);

			ml_layout_write(value, r->dtype, (char *) r->memory[0] + value->offset * ml_dtypes[r->dtype].block_bytes,
							numbers);
			free(numbers);
		}
	}
	ML_TRY(ml_runner_bind(r->ctx, r->runner, &binding, true));
	for (int i = 0; i < r->nin; i++)
		if (r->ints[i] != NULL)
			r->runner->inputs[r->in[i]] = r->ints[i];
	return ml_runner_run(r->ctx, r->runner, false);
}

/* Outputs and gradients of what has run. */
static void
recorded_look(recorded *r)
{
	for (int i = 0; i < r->nout; i++)
		if (strcmp(r->names[ML_NODE_INPUTS_MAX + i], "-") != 0)
			recorded_compare(r, "o", r->names[ML_NODE_INPUTS_MAX + i], ml_runner_view(r->runner, r->out[i])->data);
	for (int i = 0; i < r->nin; i++)
		if (r->in[i] != ML_NO_VALUE && r->ints[i] == NULL)
		{
			const ml_graph_value *value = &r->graph->values[r->in[i]];
			const ml_tensor *tensor = recorded_tensor(r, "p", r->names[i]);
			void	   *plain = malloc(ml_tensor_elements(tensor) * 8 + 8);

			ml_layout_read(value, r->dtype, (char *) r->memory[1] + value->offset * ml_dtypes[r->dtype].block_bytes, plain);
			recorded_compare(r, "g", r->names[i], plain);
			free(plain);
		}
}

static void
recorded_close(recorded *r)
{
	ml_runner_close(r->ctx, r->runner);
	ml_graph_close(r->ctx, r->graph);
	free(r->memory[0]);
	free(r->memory[1]);
}

/* All cases in double, and in float at all levels; or with bf16, then only that, to 3 %. */
static inline void
recorded_test(unit_host *host, const char *path, bool bf16)
{
	static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};
	size_t		size;
	char	   *bytes = unit_data(path, &size);
	ml_arena	arena = {0};
	ml_safetensors file;

	if (!unit_ok(bytes != NULL && ml_safetensors_read(&host->ctx, &arena, bytes, size, &file) == ML_OK, "%s is there", path))
		return;
	for (int pass = bf16; pass < 4; pass++)
	{
		double		tolerance = bf16 ? 0.03 : pass == 0 ? 1e-6 : 1e-4;
		const ml_kernel *kernel = ml_kernel_select(pass == 0 ? ML_LEVEL_AUTO : levels[pass - 1]);
		double		worst = 0;
		int			failed = 0;

		for (uint32_t i = 0; i < file.nmetadata; i++)
		{
			char		name[64];
			recorded	r = {.ctx = &host->ctx, .file = file, .name = name, .dtype = pass == 0 ? ML_F64 : ML_F32, .bf16 = bf16};

			snprintf(name, sizeof(name), "%.*s", (int) file.metadata[i].key.size, file.metadata[i].key.data);
			if (recorded_build(&r) != ML_OK || recorded_run(&r, kernel) != ML_OK)
			{
				unit_note("%s: %s", name, host->ctx.error.text);
				failed++;
			}
			else
				recorded_look(&r);
			if (r.worst > tolerance)
				unit_note("%s: %g", name, r.worst);
			worst = ML_MAX(worst, r.worst);
			recorded_close(&r);
		}
		unit_ok(failed == 0 && worst < tolerance, "%s, %s at %s: %u cases as PyTorch, to %.2g", path,
				bf16 ? "bf16" : pass == 0 ? "double" : "float", kernel->name, file.nmetadata, worst);
	}
	ml_arena_free(&host->ctx, &arena);
	free(bytes);
}

#endif							/* RECORDED_H */
