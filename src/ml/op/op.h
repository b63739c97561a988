/*-------------------------------------------------------------------------
 *
 * op.h
 *	  Primitive operations of a graph: what an op is, and their table.
 *
 * An op is a formula, a shape rule, kernels (forward) and a backward rule, on
 * one screen of the file of its family, and one row of ml_ops (op_table.c).
 * Ops know nothing of graphs: a backward rule emits further ops through an
 * ml_emitter, so gradients are nodes like all others and are planned and fused
 * by the same code.
 *
 * Dimensions are numbers or symbols (a batch's rows, the words of its texts),
 * bound when a graph runs.  Sequences are packed: values of the words of all
 * rows one after the other, [words, channels], and int32 row offsets [rows + 1];
 * nothing is computed for padding.  Images are [rows, height, width, channels].
 *
 * Kernels are chosen by (op, dtypes, layouts): each op has a list of
 * signatures, first match wins.  A signature names a letter for each input,
 * '>', and one for each output:
 *
 *	  f F32   d F64   h BF16   i I32   u U8   ? BOOL
 *	  p F32 in panels (ML_PANELS)   P F64 in panels   H BF16 in panels
 *	  q quantised in blocks (ML_Q8), in panels
 *	  - optional input that is absent   * the letter before, any number of times
 *	  ~ the letter before, or absent
 *
 * All ops have kernels for f and d in plain C, one text for both types (the
 * definition of right); what is fast goes through kernel->network.
 *
 * Exactness: at inference, a row of an output has the same bits whatever other
 * rows are in the batch and wherever it stands.  So a kernel may choose its
 * order of summation by what belongs to the op (channels, attributes), never by
 * the number of rows, and a tail of rows must add in the order of full tiles.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OP_H
#define ML_OP_H

#include "base/mem.h"
#include "base/tensor.h"
#include "kernel/network.h"

/* === Dimensions === */

typedef int64_t ml_dim;			/* >= 0: a number; < 0: a symbol */

#define ML_SYMBOL(i)		((ml_dim) -1 - (i))	/* symbol number i as a dimension */
#define ML_SYMBOL_OF(dim)	((int32_t) (-1 - (dim)))

/*
 * How a symbol gets its number: bound by the caller, or from another one.
 * WINDOWS: of packed sequences, whose offsets are bound with the symbol "of":
 * the sum over rows of max(0, (length + padding - dilation * (width - 1) - 1) /
 * stride + 1), 0 for an empty row.
 */
typedef enum ml_symbol_rule
{
	ML_SYMBOL_FREE,
	ML_SYMBOL_PLUS,				/* of + a */
	ML_SYMBOL_TIMES,			/* of * a */
	ML_SYMBOL_WINDOWS			/* width a, stride b, padding c (both sides together), dilation d */
} ml_symbol_rule;

/* A string of a graph: bytes at graph->strings + offset; size 0: absent. */
typedef struct ml_name
{
	uint32_t	offset;
	uint32_t	size;
} ml_name;

typedef struct ml_symbol
{
	ml_name		name;			/* absent: derived */
	ml_symbol_rule rule;
	int32_t		of;
	int64_t		a,
				b,
				c,
				d;
} ml_symbol;

#define ML_SYMBOLS_MAX 64

typedef struct ml_symbols
{
	int32_t		n;
	ml_symbol	symbols[ML_SYMBOLS_MAX];
} ml_symbols;

/* The symbol of a rule, found or added.  ML_UNSUPPORTED: too many. */
extern ml_status ml_symbols_derive(ml_context *ctx, ml_symbols *symbols, ml_symbol_rule rule,
								   ml_dim of, int64_t a, int64_t b, int64_t c, int64_t d,
								   ml_dim *result);

/* === Values as ops see them === */

/*
 * How elements lie.  PANELS: a matrix [K, N] in panels of 32 columns (ML_PANEL), [N/32][K][32],
 * the last one filled up with zeros; how weights of products are kept while
 * a graph is trained or serves.  Of more dimensions, K is the product of all
 * but the last.
 */
typedef enum ml_layout
{
	ML_PLAIN,
	ML_PANELS
} ml_layout;

typedef struct ml_shape
{
	ml_dtype	dtype;
	ml_layout	layout;
	int			ndims;			/* 0: a scalar */
	ml_dim		dims[ML_MAX_DIMS];
} ml_shape;

/* An operand of a run.  Strides in elements (of a plain layout); 0 where broadcast. */
typedef struct ml_view
{
	void	   *data;			/* NULL: an optional input that is absent */
	ml_dtype	dtype;
	ml_layout	layout;
	bool		contiguous;		/* row-major without gaps */
	int			ndims;
	int64_t		dims[ML_MAX_DIMS];
	int64_t		strides[ML_MAX_DIMS];
} ml_view;

/* Elements of a view; fits, as plans are checked. */
static inline size_t
ml_view_elements(const ml_view *view)
{
	size_t		n = 1;

	for (int i = 0; i < view->ndims; i++)
		n *= (size_t) view->dims[i];
	return n;
}

/* Bytes of a storage of that type and layout; SIZE_MAX: too many. */
extern size_t ml_storage_bytes(ml_dtype dtype, ml_layout layout, int ndims, const int64_t *dims);

/*
 * Attributes of a node: numbers whose names and ranges stand in the op's row.
 * dims: of ops that are given a shape (reshape, broadcast_to, ...).
 */
#define ML_OP_INTS		12
#define ML_OP_REALS		4

typedef struct ml_attributes
{
	int64_t		ints[ML_OP_INTS];
	double		reals[ML_OP_REALS];
	int			ndims;
	ml_dim		dims[ML_MAX_DIMS];
} ml_attributes;

typedef struct ml_attribute
{
	const char *name;			/* NULL ends the list */
	bool		is_real;		/* slots are numbered in order, ints and reals each from 0 */
	double		least;
	double		most;
	double		standard;
} ml_attribute;

/* === Emitting: how backward rules and layers add nodes === */

#define ML_NO_VALUE			(-1)
#define ML_NODE_INPUTS_MAX	64
#define ML_NODE_OUTPUTS_MAX	8

typedef struct ml_op ml_op;

/*
 * The graph under construction.  After a failure ("status") all calls do
 * nothing and return ML_NO_VALUE, so that a rule need not check each.
 */
typedef struct ml_emitter ml_emitter;

struct ml_emitter
{
	ml_context *ctx;
	ml_status	status;

	/* Add a node; outputs[nout] are new values.  attributes: NULL for the standard ones. */
	void		(*node) (ml_emitter *e, const ml_op *op, const ml_attributes *attributes,
						 int nin, const int32_t *inputs, int nout, int32_t *outputs);
	const ml_shape *(*shape) (ml_emitter *e, int32_t value);
	/* A scalar constant of that type. */
	int32_t		(*constant) (ml_emitter *e, ml_dtype dtype, double value);
};

/* One output; attributes by value of a compound literal or NULL. */
extern int32_t ml_emit(ml_emitter *e, const ml_op *op, const ml_attributes *attributes,
					   int nin, const int32_t *inputs);
extern int32_t ml_emit1(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a);
extern int32_t ml_emit2(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a,
						int32_t b);
extern int32_t ml_emit3(ml_emitter *e, const ml_op *op, const ml_attributes *attributes, int32_t a,
						int32_t b, int32_t c);

/* The sum of g over what was broadcast, so that it has the shape of "like"; g itself if it has. */
extern int32_t ml_emit_sum_to(ml_emitter *e, int32_t g, int32_t like);

/* === The op === */

/* For the shape rule. */
typedef struct ml_op_shapes
{
	ml_symbols *symbols;
	const ml_attributes *attributes;
	int			nin;
	const ml_shape *const *in;	/* NULL: absent */
	int			nout;
	ml_shape   *out;			/* to fill */
} ml_op_shapes;

/* For the backward rule. */
typedef struct ml_op_backward
{
	const ml_attributes *attributes;
	int			nin;
	const int32_t *in;
	int			nout;
	const int32_t *out;
	const int32_t *dout;		/* [nout] gradients; ML_NO_VALUE: none flows through this output */
	const bool *wanted;			/* [nin] */
	int32_t    *din;			/* [nin] to fill where wanted; ML_NO_VALUE: 0 */
} ml_op_backward;

/* For kernels. */
typedef struct ml_op_run
{
	ml_context *ctx;
	const ml_kernel *kernel;
	const ml_attributes *attributes;
	int			nin;
	int			nout;
	const ml_view *in;			/* [nin] */
	const ml_view *out;			/* [nout] */
	void	   *workspace;		/* of the size the kernel asked for, ML_ALIGN aligned */
	bool		add;			/* add to output 0 instead of replacing it (ML_OP_ADDS only) */
	uint64_t	seed;			/* of this node in this step: ops that draw */
	uint8_t    *touched;		/* scatter_add into a sparse gradient: a flag per row; else NULL */
} ml_op_run;

typedef struct ml_op_kernel
{
	const char *signature;
	uint32_t	strided;		/* bit i: takes input i with any strides; others come contiguous */
	ml_status	(*run) (const ml_op_run *run);
	/* bytes; the views have no data yet.  NULL: none */
	size_t		(*workspace) (const ml_op_run *run);
} ml_op_kernel;

#define ML_OP_VIEW		0x01	/* output 0 shares the storage of input 0: no kernel; "view" says how */
#define ML_OP_ADDS		0x02	/* kernels heed run->add */
/*
 * DRAWS: uses run->seed; has an effect in training only.  Attribute ints[0],
 * "draw", numbers the draws of a graph: where it is 0 the builder sets it, and a
 * backward rule that passes it on draws the same again.
 */
#define ML_OP_DRAWS		0x04
#define ML_OP_STATE		0x08	/* writes into input 0, a state, which is also output 0 */
#define ML_OP_TOUCHES	0x10	/* heeds run->touched; then run->add is true */
#define ML_OP_GRADIENT	0x40	/* emitted by backward rules only, which know its inputs' shapes: refused in stored graphs */
#define ML_OP_FOLDED	0x80	/* put in by graph/fold.c only: refused in stored graphs */
#define ML_OP_SKIPS		0x20	/* outputs that nothing reads have data NULL, and kernels leave them out */

struct ml_op
{
	const char *name;			/* as stored */
	int			version;		/* as stored; a stored graph of a later one is refused */
	int			nin_least;
	int			nin_most;		/* optional inputs are at the end, or ML_NO_VALUE in between */
	int			nout;
	uint32_t	flags;
	/* [nout] bit i: output may lie where input i lies, whose last use this is (same element size and shape) */
	uint32_t	overwrites[ML_NODE_OUTPUTS_MAX];
	const ml_attribute *attributes; /* NULL: none */

	ml_status	(*shape) (ml_context *ctx, const ml_op_shapes *s);
	/* ML_OP_VIEW: strides of out[0] and its offset in elements from in[0]'s; dims are set.  false: must copy */
	bool		(*view) (const ml_attributes *attributes, const ml_view *in, ml_view *out, int64_t *offset);
	/* NULL: no gradient flows */
	void		(*backward) (ml_emitter *e, const ml_op_backward *b);
	const ml_op_kernel *kernels;	/* signature NULL ends the list */
	/* floating-point operations of a run; NULL: one for each element of output 0 */
	double		(*flops) (const ml_op_run *run);
};

/* How backward rules are called: builds that show that tests find wrong ones replace it (test/unit/mutate.c). */
#ifdef ML_MUTATE
extern void ml_mutate_backward(const ml_op *op, ml_emitter *e, const ml_op_backward *b);
#define ML_OP_BACKWARD(op, e, b) ml_mutate_backward(op, e, b)
#else
#define ML_OP_BACKWARD(op, e, b) (op)->backward(e, b)
#endif

/* All ops, ended by NULL; ops are found by name when a graph is read.  ops.h declares them. */
extern const ml_op *const ml_ops[];
extern const ml_op *ml_op_find(ml_text name);
extern int	ml_op_index(const ml_op *op);	/* its row; -1: none */

/* Attributes that are all at their standard. */
extern ml_attributes ml_op_standard(const ml_op *op);

/* Are all attributes in their ranges?  ML_BAD_OPTION names the one that isn't. */
extern ml_status ml_op_check_attributes(ml_context *ctx, const ml_op *op, const ml_attributes *attributes);

/* The first kernel whose signature fits; absent inputs are NULL.  -1: none. */
extern int	ml_op_choose(const ml_op *op, int nin, const ml_shape *const *in, int nout,
						 const ml_shape *const *out);

extern bool ml_dtype_is_float(ml_dtype dtype);

/* Same dims, dtype and layout; or dims and layout only. */
extern bool ml_shape_equal(const ml_shape *a, const ml_shape *b);
extern bool ml_shape_same_dims(const ml_shape *a, const ml_shape *b);

/* Row-major strides for the dims of a view; and whether its strides are those. */
extern void ml_view_strides(ml_view *view);
extern bool ml_view_is_contiguous(const ml_view *view);

/* Copy the elements in row-major order from any strides to a contiguous view (copy.c). */
extern ml_status ml_view_copy(ml_context *ctx, const ml_view *in, const ml_view *out, bool add);

/* Shape errors: "op: what", ML_BAD_OPTION; the layer's name is added by who lowers it. */
#define ML_OP_FAIL(ctx, ...) ml_fail(ctx, ML_BAD_OPTION, __VA_ARGS__)

#endif							/* ML_OP_H */
