/*-------------------------------------------------------------------------
 *
 * linear.h
 *	  Linear classifiers over sparse rows, behind a loss table.
 *
 *	  squared hinge: min 1/2 |w|^2 + C sum_i s_i max(0, 1 - y_i w.x_i)^2, one
 *	  machine per class against the rest (one for two classes), by dual
 *	  coordinate descent (Hsieh, Chang, Lin, Keerthi, Sundararajan 2008);
 *
 *	  logistic: min penalty(w) + C sum_i s_i log loss(softmax(W x_i)), binary
 *	  or multinomial, L2 or with an L1 part.
 *
 * s_i is the row's weight times its class's.  The bias is a feature that is
 * always 1 and is penalised as LIBLINEAR's is (-B 1) with squared hinge, not
 * penalised with logistic.
 *
 * Rows come from an ml_rows, which may lie in a spill file: the learner goes
 * over it block by block, shuffles the blocks and the rows within each, and
 * holds (features x block of classes) weights, the dual variables and one
 * block.  Many classes are fitted in blocks of 16, so that a feature's
 * weights are one cache line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_LINEAR_H
#define ML_LINEAR_H

#include "kernel/kernel.h"
#include "learn/options.h"
#include "learn/rows.h"

typedef struct ml_linear
{
	uint32_t	nclasses;		/* labels */
	uint32_t	nscores;		/* weight vectors: 1 for two classes, else nclasses */
	uint32_t	nfeatures;
	float	   *weights;		/* [nfeatures, nscores], for unit-length tf-idf rows */
	float	   *bias;			/* [nscores] */
	int			epochs;			/* passes made */
	uint32_t	nlosses;
	double	   *losses;			/* mean objective after each pass */
} ml_linear;

/*
 * Fit on the rows whose part is in the mask "parts" (rows.h).  epochs: at
 * most that many; with a nonzero "stop_parts", passes end when the loss on
 * those rows has not improved (early stopping), and the best is kept.
 * Everything in the result lives in the arena.
 */
extern ml_status ml_linear_fit(ml_context *ctx, const ml_kernel *kernel,
							   const ml_options *options, ml_rows *rows,
							   uint32_t parts, uint32_t stop_parts,
							   ml_arena *arena, ml_linear *result);

#endif							/* ML_LINEAR_H */
