/*-------------------------------------------------------------------------
 *
 * machine_x86.c
 *	  The loops of kernel machines that serve for AVX2 and AVX-512.
 *
 * Targets are without FMA, so that nothing can be fused.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/smo.h"

#if defined(__x86_64__)

#define LANES_NAME(name)	avx2_##name
#define LANES_TARGET		__attribute__((target("avx2,no-fma")))
#define LANES_N				8
#include "kernel/machine_lanes.h"

const ml_machine_kernel ml_avx2_machine = {avx2_machine_rbf, avx2_machine_polynomial, avx2_machine_sums};

#define LANES_NAME(name)	avx512_##name
#define LANES_TARGET		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2")))
#define LANES_N				16
#include "kernel/machine_lanes.h"

const ml_machine_kernel ml_avx512_machine = {avx512_machine_rbf, avx512_machine_polynomial,
											 avx512_machine_sums};

#endif
