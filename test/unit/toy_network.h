/*-------------------------------------------------------------------------
 *
 * toy_network.h
 *	  A network of a specification, with what it runs with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOY_NETWORK_H
#define TOY_NETWORK_H

#include "unit.h"

#include <math.h>

#include "graph/network.h"
#include "kernel/kernel.h"

#define TOY_NAME	128

typedef struct toy_network
{
	ml_context *ctx;
	ml_network	network;
	ml_runner  *runner;
	void	   *memory[3];		/* parameters, gradients, states */
	uint8_t   **touched;
} toy_network;

static inline size_t
toy_network_width(const toy_network *t)
{
	return ml_dtypes[t->network.graph->dtype].block_bytes;
}

static inline const ml_graph_value *
toy_network_value(const toy_network *t, int32_t i)
{
	return &t->network.graph->values[i];
}

/* The name of a value; name[TOY_NAME]. */
static inline const char *
toy_network_name(const toy_network *t, int32_t i, char *name)
{
	ml_text		text = ml_graph_text(t->network.graph, toy_network_value(t, i)->name);

	snprintf(name, TOY_NAME, "%.*s", (int) text.size, text.data);
	return name;
}

/* Where a parameter (of: 0), a gradient (1) or a state (2) lies. */
static inline char *
toy_network_at(const toy_network *t, int of, int32_t i)
{
	const ml_graph_value *value = toy_network_value(t, i);

	return (char *) t->memory[of] + (of == 2 ? value->offset : value->offset * toy_network_width(t));
}

static inline ml_status
toy_network_memory(ml_context *ctx, size_t bytes, void **memory)
{
	void	   *block;

	/* the host's blocks are aligned to 16 bytes; the block's address is kept in front */
	ML_TRY(ml_alloc_zero(ctx, bytes + 2 * ML_ALIGN, &block));
	*memory = (void *) (((uintptr_t) block + 2 * ML_ALIGN - 1) & ~(uintptr_t) (ML_ALIGN - 1));
	((void **) *memory)[-1] = block;
	return ML_OK;
}

static inline void
toy_network_close(toy_network *t)
{
	for (int32_t i = 0; t->touched != NULL && i < t->network.graph->nvalues; i++)
		ml_release(t->ctx, t->touched[i]);
	ml_release(t->ctx, t->touched);
	ml_runner_close(t->ctx, t->runner);
	for (int i = 0; i < 3; i++)
		if (t->memory[i] != NULL)
			ml_release(t->ctx, ((void **) t->memory[i])[-1]);
	ml_network_close(t->ctx, &t->network);
}

static inline ml_status
toy_network_prepare(toy_network *t, const ml_kernel *kernel)
{
	ml_graph   *graph = t->network.graph;
	size_t		bytes = graph->parameters * toy_network_width(t);

	ML_TRY(ml_runner_open(t->ctx, graph, kernel, &t->runner));
	ML_TRY(toy_network_memory(t->ctx, bytes, &t->memory[0]));
	ML_TRY(toy_network_memory(t->ctx, bytes, &t->memory[1]));
	ML_TRY(toy_network_memory(t->ctx, graph->state_bytes, &t->memory[2]));
	ML_TRY(ml_alloc_zero(t->ctx, (size_t) graph->nvalues * sizeof(*t->touched), (void **) &t->touched));
	for (int32_t i = 0; i < graph->nvalues; i++)
		if (graph->values[i].kind == ML_VALUE_PARAMETER && graph->values[i].sparse)
			ML_TRY(ml_alloc_zero(t->ctx, (size_t) graph->values[i].shape.dims[0], (void **) &t->touched[i]));
	t->runner->parameters = t->memory[0];
	t->runner->gradients = t->memory[1];
	t->runner->states = t->memory[2];
	t->runner->touched = t->touched;
	return ML_OK;
}

/* Parameters and states are 0 until somebody sets them. */
static inline ml_status
toy_network_open(ml_context *ctx, ml_text spec, const ml_network_task *task, const ml_kernel *kernel,
				 toy_network *t)
{
	ml_status	status;

	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	ML_TRY(ml_network_build(ctx, spec, task, &t->network));
	status = toy_network_prepare(t, kernel);
	if (status != ML_OK)
		toy_network_close(t);
	return status;
}

/* Bind so many rows; offsets[nfeeds] of packed feeds. */
static inline ml_status
toy_network_bind(toy_network *t, int64_t rows, const int32_t *const *offsets, bool backward)
{
	const ml_network *n = &t->network;
	ml_binding	binding = {{0}};

	binding.numbers[ML_SYMBOL_OF(n->rows)] = rows;
	for (int i = 0; i < n->nfeeds; i++)
		if (n->feeds[i].words < 0)
		{
			int32_t		symbol = ML_SYMBOL_OF(n->feeds[i].words);

			binding.numbers[symbol] = offsets[i][rows];
			binding.offsets[symbol] = offsets[i];
			binding.rows[symbol] = rows;
		}
	ML_TRY(ml_runner_bind(t->ctx, t->runner, &binding, backward));
	for (int i = 0; i < n->nfeeds; i++)
		if (n->feeds[i].offsets != ML_NO_VALUE)
			t->runner->inputs[n->feeds[i].offsets] = offsets[i];
	return ML_OK;
}

#endif							/* TOY_NETWORK_H */
