/*-------------------------------------------------------------------------
 *
 * op_table.c
 *	  All ops.
 *
 *-------------------------------------------------------------------------
 */
#include "op/elementwise.h"
#include "op/reduce.h"
#include "op/reshape.h"

const ml_op *const ml_ops[] = {
	/* elementwise */
	&ml_op_add,
	&ml_op_mul,

	/* reduce */
	&ml_op_sum_to,

	/* reshape */
	&ml_op_broadcast_to,

	NULL
};

const ml_op *
ml_op_find(ml_text name)
{
	for (int i = 0; ml_ops[i] != NULL; i++)
		if (ml_text_equal(name, (ml_text) {ml_ops[i]->name, strlen(ml_ops[i]->name)}))
			return ml_ops[i];
	return NULL;
}
