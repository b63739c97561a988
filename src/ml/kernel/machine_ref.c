/*-------------------------------------------------------------------------
 *
 * machine_ref.c
 *	  The loops of kernel machines that serve in plain C.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/smo.h"

#define LANES_NAME(name)	ref_##name
#define LANES_TARGET
#define LANES_N				4
#include "kernel/machine_lanes.h"

const ml_machine_kernel ml_ref_machine = {ref_machine_rbf, ref_machine_polynomial, ref_machine_sums};
