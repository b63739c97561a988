/*-------------------------------------------------------------------------
 *
 * split.h
 *	  Which rows learn, which calibrate and which judge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SPLIT_H
#define ML_SPLIT_H

#include "base/base.h"

#define ML_FOLDS		10		/* parts 1..10 are folds of the training rows */
#define ML_PART_HOLDOUT	0		/* part 0 judges */

/*
 * Give each row a part, stratified by label and seeded: about n x holdout rows
 * are held out, each label keeping at least one row that learns; the others
 * are dealt into the folds.  Same labels, same order, same seed: same parts.
 */
extern ml_status ml_split(ml_context *ctx, const uint32_t *labels, uint32_t n,
						  uint32_t nclasses, double holdout, uint64_t seed, uint8_t *parts);

#endif							/* ML_SPLIT_H */
