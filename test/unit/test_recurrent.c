/*-------------------------------------------------------------------------
 *
 * test_recurrent.c
 *	  Recurrent cells against PyTorch, against themselves, and under faults.
 *
 *-------------------------------------------------------------------------
 */
#include "recorded.h"

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	recorded_test(&host, "ops_recurrent.safetensors");
	unit_close(&host, "recurrent");
	return unit_done();
}
