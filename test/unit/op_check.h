/*-------------------------------------------------------------------------
 *
 * op_check.h
 *	  Harness of the tests of ops.
 *
 * A case is an op, its attributes and its inputs' shapes.  op_check draws values
 * and holds that
 *
 *	  - gradients by each float input (the op's backward rule, as nodes of a graph)
 *		are those of differences of the sum of weighted outputs, in F64, to 1e-6;
 *	  - F32 gives the outputs and gradients of F64 to 1e-4;
 *	  - every CPU level gives what ref gives: the same bits, if the case is exact,
 *		else to 1e-5 (and AVX2 and AVX-512 the same bits);
 *	  - rows have the same bits alone, and in reversed order among others;
 *	  - kernels that add do.
 *
 * Inputs with a role have a symbol as first dimension.  op_checks_close says how
 * many cases there were and states it all as tests.  op_check_recorded holds the
 * op against outputs and gradients of PyTorch (test/data/ops.py).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OP_CHECK_H
#define OP_CHECK_H

#include "unit.h"

#include "base/hash.h"
#include "graph/graph.h"
#include "op/ops.h"

/* What an input's or an output's first dimension is; words and offsets of two sets. */
typedef enum op_role
{
	OP_WHOLE,					/* a number */
	OP_ROWS,
	OP_WORDS,
	OP_OFFSETS,
	OP_WORDS_2,
	OP_OFFSETS_2
} op_role;

typedef enum op_draw
{
	OP_UNIFORM,					/* in [low, high]; whole numbers of I32, BOOL: both ends included */
	OP_APART,					/* floats 0.01 or more from 0 and from each other, of all such inputs */
	OP_GIVEN
} op_draw;

typedef struct op_input
{
	ml_dtype	dtype;			/* F64: a float, of the type of the run; I32, BOOL, U8 */
	ml_layout	layout;
	op_role		role;
	int			ndims;
	int64_t		dims[ML_MAX_DIMS];	/* dims[0] is set from the case if there is a role */
	bool		absent;
	bool		fixed;			/* gradients by it are not checked */
	bool		strided;		/* the op sees a transposed view */
	op_draw		draw;
	double		low;			/* 0 and 0: -1 and 1 */
	double		high;
	const double *values;		/* GIVEN: row-major */
} op_input;

#define OP_INPUTS	16
#define OP_ROWS_MAX	16

typedef struct op_case
{
	const ml_op *op;
	ml_attributes attributes;	/* op_standard gives those of an op */
	int			nin;
	op_input	in[OP_INPUTS];
	op_role		out[ML_NODE_OUTPUTS_MAX];	/* whose rows are compared; WHOLE: none are */
	uint32_t	unread;			/* bit i: no gradient comes through output i, and bits may differ by row */
	uint32_t	hidden;			/* bit i: output i may differ between types (indices, logs) */
	bool		inexact;		/* levels may differ in the last bits */
	double		rounded;		/* F32 rounds operands: it and levels may differ by so much (1e-4); 0: not */
	int			rows;
	int64_t		lengths[2][OP_ROWS_MAX];	/* of the rows' words; OFFSETS are made of them */
	double		step;			/* of differences; 0: 1e-3 */
} op_case;

typedef struct op_checks
{
	unit_host  *host;
	const char *name;
	ml_rng		rng;
	int			cases;
	int			gradients;		/* elements */
	int			row_cases;
	int			add_cases;
	int			recorded;
	int			failed[7];		/* by OP_FAILED_ of op_machine.h */
	double		worst_gradient;
	double		worst_f32;
	double		worst_recorded;
} op_checks;

extern void op_checks_open(op_checks *checks, unit_host *host, const char *name);

/* One case; false: something failed (said in a comment). */
extern bool op_check(op_checks *checks, const op_case *c);

/* All cases of test/data/<file> (safetensors). */
extern void op_check_recorded(op_checks *checks, const char *file);

/* The tests; least: cases of op_check that there must have been. */
extern void op_checks_close(op_checks *checks, int least);

/* Drawing cases: a whole number of [low, high]; a dimension (1, 2, 3, primes, around 16 and 32). */
extern int64_t op_pick(op_checks *checks, int64_t low, int64_t high);
extern int64_t op_dim(op_checks *checks);
/* Rows and their lengths, some empty. */
extern void op_pick_rows(op_checks *checks, op_case *c, int most_rows, int most_words);

/* A float input of these dims. */
extern op_input op_floats(int ndims, const int64_t *dims);

#endif							/* OP_CHECK_H */
