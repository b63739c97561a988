/*-------------------------------------------------------------------------
 *
 * train_table_start.c
 *	  Where a fit begins with "warm_start": at the weights of the live version.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_table.h"

ml_status
ml_table_start(ml_context *ctx, ml_table_trainer *table)
{
	if (table->trainer->live == NULL)
		return ML_OK;
	return ml_fail(ctx, ML_UNSUPPORTED, "warm_start is not supported yet");
}
