/*-------------------------------------------------------------------------
 *
 * smo_ref.c
 *	  The loops of sequential minimal optimisation in plain C.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/smo.h"

#define LANES_NAME(name)	ref_##name
#define LANES_TARGET
#define LANES_N				4
#define LANES_FMA(a, b, c)	((a) * (b) + (c))
#include "kernel/smo_lanes.h"

const ml_smo_kernel ml_ref_smo = {ref_rbf_row, ref_polynomial_row, ref_smo_update, ref_smo_choose};
