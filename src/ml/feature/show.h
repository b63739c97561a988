/*-------------------------------------------------------------------------
 *
 * show.h
 *	  A value of a column as its user would write it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SHOW_H
#define ML_SHOW_H

#include "base/print.h"
#include "feature/column.h"

/*
 * Append a number of a column of that type: 12.5, true, 2013-01-01, 10:00:00,
 * 2013-01-01 10:00:00.  Not missing.
 */
extern ml_status ml_show_number(ml_context *ctx, ml_type type, double value, ml_buffer *text);

#endif							/* ML_SHOW_H */
