/*-------------------------------------------------------------------------
 *
 * op_table.c
 *	  The table of all ops.
 *
 * A node names its op by the row, a stored graph by the name.  So rows may move
 * between releases, names may not.
 *
 *-------------------------------------------------------------------------
 */
#include "op/ops.h"

const ml_op *const ml_ops[] = {
	/* copy.c */
	&ml_op_copy,

	/* elementwise.c */
	&ml_op_add,
	&ml_op_mul,

	/* reduce.c */
	&ml_op_sum_to,

	/* reshape.c */
	&ml_op_broadcast_to,

	NULL
};
