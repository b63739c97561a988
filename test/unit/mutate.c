/*-------------------------------------------------------------------------
 *
 * mutate.c
 *	  Backward rules with one thing wrong, for builds with MUTATE=1.
 *
 * Each node that a rule emits can be wrong in one of its results by 1 %; where that
 * lies in panels, which arithmetic doesn't take, in one of what goes into it.
 * And each gradient that a rule gives can be left out.
 *
 *	  ML_MUTANTS=file	append the names of all mutations that this program meets
 *	  ML_MUTANT=name	do this one: "mul 0 out 0", "lstm 0 in 2", "add drop 1"
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "graph/graph.h"
#include "mutate.h"
#include "op/ops.h"

#define MUTANTS_MAX	4096
#define FACTOR		1.01

static char known[MUTANTS_MAX][64];
static int	nknown;

/* The rule that runs: its op, nodes so far, and the builder's own way to add one. */
static const ml_op *rule;
static int	nnodes;
static void (*builder_node) (ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin,
							 const int32_t *inputs, int nout, int32_t *outputs);

/* Is it this one that is wanted?  Else it is listed, if the list is. */
static bool
is_wanted(const char *what, int i, bool of_node)
{
	const char *wanted = getenv("ML_MUTANT");
	const char *list = getenv("ML_MUTANTS");
	char		name[64];
	FILE	   *file;

	if (of_node)
		snprintf(name, sizeof(name), "%s %d %s %d", rule->name, nnodes, what, i);
	else
		snprintf(name, sizeof(name), "%s %s %d", rule->name, what, i);
	if (wanted != NULL)
		return strcmp(wanted, name) == 0;
	for (int k = 0; k < nknown; k++)
		if (strcmp(known[k], name) == 0)
			return false;
	if (list != NULL && nknown < MUTANTS_MAX && (file = fopen(list, "a")) != NULL)
	{
		strcpy(known[nknown++], name);
		fprintf(file, "%s\n", name);
		fclose(file);
	}
	return false;
}

static bool
is_plain_float(ml_emitter *e, int32_t value)
{
	const ml_shape *shape = value == ML_NO_VALUE ? NULL : e->shape(e, value);

	return shape != NULL && shape->layout == ML_PLAIN && (shape->dtype == ML_F32 || shape->dtype == ML_F64);
}

static int32_t
wrong(ml_emitter *e, int32_t value)
{
	int32_t		inputs[2] = {value, e->constant(e, e->shape(e, value)->dtype, FACTOR)};
	int32_t		output;

	builder_node(e, &ml_op_mul, NULL, 2, inputs, 1, &output);
	return output;
}

static void
mutated_node(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int nin, const int32_t *inputs,
			 int nout, int32_t *outputs)
{
	int32_t		in[ML_NODE_INPUTS_MAX];
	bool		panels = false;

	memcpy(in, inputs, (size_t) nin * sizeof(*in));
	builder_node(e, op, attributes, nin, in, nout, outputs);
	for (int i = 0; i < nout && e->status == ML_OK; i++)
	{
		panels = panels || e->shape(e, outputs[i])->layout == ML_PANELS;
		if (is_plain_float(e, outputs[i]) && is_wanted("out", i, true))
			outputs[i] = wrong(e, outputs[i]);
	}
	for (int i = 0; i < nin && panels && e->status == ML_OK; i++)
		if (is_plain_float(e, in[i]) && is_wanted("in", i, true))
		{
			in[i] = wrong(e, in[i]);
			builder_node(e, op, attributes, nin, in, nout, outputs);
		}
	nnodes++;
}

void
ml_mutate_backward(const ml_op *op, ml_emitter *e, const ml_op_backward *b)
{
	rule = op;
	nnodes = 0;
	builder_node = e->node;
	e->node = mutated_node;
	op->backward(e, b);
	e->node = builder_node;
	for (int i = 0; i < b->nin && e->status == ML_OK; i++)
		if (b->wanted[i] && b->din[i] != ML_NO_VALUE && is_wanted("drop", i, false))
			b->din[i] = ML_NO_VALUE;
}
