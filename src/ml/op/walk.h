/*-------------------------------------------------------------------------
 *
 * walk.h
 *	  Going through operands with strides; shape rules that several ops share.
 *
 * A walk cuts the elements of operands of one shape into runs: stretches in
 * which each operand advances by one stride.  Dimensions are joined where
 * strides allow, so operands without gaps are one run, a row added to each
 * row of a matrix is a run for each row.  Long runs are cut, and the host is
 * polled in between.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_WALK_H
#define ML_WALK_H

#include "kernel/map.h"
#include "op/op.h"

#define ML_WALK_OPERANDS	4
#define ML_WALK_RUN			16384	/* elements of a run at most */
#define ML_WALK_POLL		(1 << 17)	/* elements between polls */

typedef struct ml_walk
{
	ml_context *ctx;
	ml_status	status;			/* of polls: what the op returns */
	int			noperands;
	size_t		n;				/* elements of the current run */
	int64_t		step[ML_WALK_OPERANDS]; /* strides within runs, in elements */
	char	   *at[ML_WALK_OPERANDS];	/* where the current run begins */

	/* private: dimensions, outermost first, without those of the run */
	int			ndims;
	int64_t		dims[ML_MAX_DIMS];
	int64_t		strides[ML_WALK_OPERANDS][ML_MAX_DIMS];
	int64_t		index[ML_MAX_DIMS];
	size_t		width[ML_WALK_OPERANDS];
	char	   *base[ML_WALK_OPERANDS];
	int64_t		length;			/* of runs before they are cut */
	int64_t		done;			/* elements of the uncut run behind us */
	bool		first;
	bool		empty;
	size_t		unpolled;
} ml_walk;

/*
 * Start at the first run of operands[noperands].  The first one has the shape;
 * the others have it too, or broadcast to it (fewer dimensions, or 1s).
 */
extern void ml_walk_start(ml_walk *walk, const ml_op_run *run, int noperands,
						  const ml_view *const *operands);

/* The next run, the first one included; false: no more, or a poll said stop (status). */
extern bool ml_walk_next(ml_walk *walk);

/* For loops that walk by themselves: poll when *unpolled, which counts elements, is large. */
static inline ml_status
ml_poll_after(ml_context *ctx, size_t *unpolled, size_t work)
{
	*unpolled += work;
	if (*unpolled < ML_WALK_POLL)
		return ML_OK;
	*unpolled = 0;
	return ml_poll(ctx);
}

/* === Shape rules === */

/* out 0: the shape of input 0. */
extern ml_status ml_shape_same(ml_context *ctx, const ml_op_shapes *s);

/* The same, of two inputs that must have one shape. */
extern ml_status ml_shape_pair(ml_context *ctx, const ml_op_shapes *s);

/*
 * *out: the dims to which those of a and b broadcast, aligned at the last one:
 * equal, or one of them 1.  dtype is a's, the layout plain.
 */
extern ml_status ml_shape_broadcast(ml_context *ctx, const char *op, const ml_shape *a,
									const ml_shape *b, ml_shape *out);

/* "[rows, 3]" for messages; text[ML_SHAPE_TEXT]. */
#define ML_SHAPE_TEXT 160
extern const char *ml_shape_print(char *text, const ml_shape *shape);

#endif							/* ML_WALK_H */
