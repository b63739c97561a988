/*-------------------------------------------------------------------------
 *
 * test_op_recurrent.c
 *	  Recurrent cells: against PyTorch.
 *
 *-------------------------------------------------------------------------
 */
#include "recorded.h"

static unit_host host;

int
main(void)
{
	unit_open(&host);
	recorded_test(&host, "ops_recurrent.safetensors");
	unit_close(&host, "recurrent");
	return unit_done();
}
