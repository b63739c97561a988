/*-------------------------------------------------------------------------
 *
 * op_machine.h
 *	  Harness of the tests of ops: a case as a graph that runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OP_MACHINE_H
#define OP_MACHINE_H

#include "op_check.h"

/* op_checks.failed */
enum
{
	OP_FAILED_ERROR,
	OP_FAILED_GRADIENT,
	OP_FAILED_F32,
	OP_FAILED_LEVEL,
	OP_FAILED_ROWS,
	OP_FAILED_ADD,
	OP_FAILED_RECORDED
};

/* A case as a graph: inputs, the op, its outputs; with_gradients: weights of outputs, gradients of inputs. */
typedef struct machine
{
	const op_case *c;
	ml_context *ctx;
	ml_dtype	dtype;
	ml_graph   *graph;
	ml_builder	b;
	ml_runner  *runner;
	int32_t		fed[OP_INPUTS]; /* INPUT values */
	int32_t		in[OP_INPUTS];	/* what the op sees */
	int32_t		out[ML_NODE_OUTPUTS_MAX];
	int32_t		weights[ML_NODE_OUTPUTS_MAX];
	int32_t		din[OP_INPUTS];
	void	   *storage[OP_INPUTS + ML_NODE_OUTPUTS_MAX];
	void	   *parameters;		/* inputs in panels */
	int64_t		rows;
	int32_t		offsets[2][OP_ROWS_MAX + 1];
} machine;

/* Values in doubles, row-major as the op sees them. */
typedef struct values
{
	double	   *in[OP_INPUTS];
	double	   *weights[ML_NODE_OUTPUTS_MAX];
	int64_t		rows;
	int64_t		lengths[2][OP_ROWS_MAX];
} values;

extern int	op_set(op_role role);	/* 0, or 1: the second set of words */
extern int64_t op_first_dim(const values *v, op_role role);
extern size_t op_elements(const op_input *in, const values *v);

/* Open, bind, feed, run (ml_runner_run), read; close in any case. */
extern ml_status op_machine_open(ml_context *ctx, const op_case *c, ml_dtype dtype,
								 const ml_kernel *kernel, bool gradients, machine *m);
extern ml_status op_machine_bind(machine *m, const values *v);
extern void op_feed_all(machine *m, const values *v);
/* One input anew; strided: its dimensions are reversed. */
extern void op_feed(machine *m, int slot, int32_t value, const double *from, bool strided);
/* The elements of an output, row-major, malloc'ed; n of them. */
extern double *op_read_out(const machine *m, int32_t value, size_t *n);
extern void op_machine_close(machine *m);

extern double op_get(const void *from, ml_dtype dtype, size_t i);
/* The dims of a shape as the machine is bound. */
extern void op_numbers(const ml_shape *shape, const machine *m, int64_t *dims);
/* The largest difference, relative to the largest element of b (or 1). */
extern double op_difference(const double *a, const double *b, size_t n);
extern void op_values_free(values *v);

#endif							/* OP_MACHINE_H */
