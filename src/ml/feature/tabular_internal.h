/*-------------------------------------------------------------------------
 *
 * tabular_internal.h
 *	  What the fit and the reader of a table's recipe share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TABULAR_INTERNAL_H
#define ML_TABULAR_INTERNAL_H

#include "feature/tabular.h"

/*
 * Number everything, from what is set in each column: type, role, nterms
 * (number, date), nlevels and njoined; "indicator", "other" and "missing" 0 or
 * ML_NO_TERM, "most_frequent" and "reference" counted from the column's first
 * feature, or ML_NO_TERM.  Sets the rest of them and the counts of the tabular;
 * false when they are too many.
 */
extern bool ml_tabular_layout(ml_tabular *tabular, ml_tabular_column *columns, uint32_t ncolumns);

/* How much of a name is quoted in messages. */
#define ML_QUOTED(text) (int) ML_MIN((text).size, (size_t) 64), (text).data

#endif							/* ML_TABULAR_INTERNAL_H */
