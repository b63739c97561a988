/*-------------------------------------------------------------------------
 *
 * test_attention.c
 *	  Attention against PyTorch, against itself, and under faults.
 *
 *-------------------------------------------------------------------------
 */
#include "recorded.h"

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	recorded_test(&host, "ops_attention.safetensors");
	unit_close(&host, "attention");
	return unit_done();
}
