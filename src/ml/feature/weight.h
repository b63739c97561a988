/*-------------------------------------------------------------------------
 *
 * weight.h
 *	  The value of a feature in fixed point, the same numbers in training and
 *	  serving, the same bits on every machine.
 *
 * A feature's value is tf x idf.  The tf part is an integer in units of
 * 1 / ML_TF_ONE, clipped at ML_TF_MAX; what comes more than 255 times counts as
 * 255 times, so that a table of 256 answers all.  The idf part is one of 256 levels (a
 * code per feature), each an integer in units of 1 / ML_IDF_ONE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_WEIGHT_H
#define ML_WEIGHT_H

#include "base/base.h"

#define ML_TF_ONE		64
#define ML_TF_MAX		4095	/* what kernel->accumulate_i8 takes */
#define ML_TF_COUNTS	256
#define ML_IDF_ONE		2048	/* idf < 32 */
#define ML_IDF_LEVELS	256

/* ML_TF_ONE x (1 + ln count, or count), rounded and clipped; count >= 1. */
extern uint32_t ml_tf_weight(bool sublinear, uint32_t count);

/* table[i] = ml_tf_weight(i); table[0] = 0. */
extern void ml_tf_table(bool sublinear, uint16_t table[ML_TF_COUNTS]);

/*
 * idf ? 1 + ln((1 + rows) / (1 + df)) : 1, in units of 1 / ML_IDF_ONE.  Who
 * assigns codes keeps the levels of small df exact (there are the most
 * features) and merges neighbours among the large ones.
 */
extern uint16_t ml_idf_level(bool idf, uint64_t rows, uint64_t df);

#endif							/* ML_WEIGHT_H */
