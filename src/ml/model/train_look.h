/*-------------------------------------------------------------------------
 *
 * train_look.h
 *	  Which columns can be learnt from, as their summaries tell.
 *
 * A column that has no value or only one among the rows that learn can't tell
 * them apart; whole numbers that count the rows (1, 2, 3, ... in any order, a
 * key most often) tell them all apart and mean nothing.  So do those of a key
 * with gaps, which its name tells.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRAIN_LOOK_H
#define ML_TRAIN_LOOK_H

#include "feature/summary.h"

/* Why a column is left out. */
typedef enum ml_reason
{
	ML_REASON_KEPT,
	ML_REASON_NO_VALUE,
	ML_REASON_ONE_VALUE,
	ML_REASON_SEQUENCE,
	ML_REASON_IDENTIFIER
} ml_reason;

extern const char *ml_reason_text(ml_reason reason);

/* Dense values of a column: summaries that it has. */
extern uint32_t ml_column_width(const ml_column *column);

extern ml_reason ml_look_at_category(const ml_levels *levels, uint64_t missing);
extern ml_reason ml_look_at_numbers(const ml_column *column, const ml_tabular_options *options,
									const ml_summary *summaries, uint32_t width);

/* May this be a sequence that counts all "nrows" rows, as far as those summed up tell? */
extern bool ml_may_count(const ml_column *column, const ml_summary *summary, uint64_t nrows);

/* Whole numbers called an id, whose range has room for one of each of the rows? */
extern bool ml_is_identifier(const ml_column *column, double min, double max, uint64_t nrows);

#endif							/* ML_TRAIN_LOOK_H */
