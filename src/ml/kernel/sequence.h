/*-------------------------------------------------------------------------
 *
 * sequence.h
 *	  Loops of recurrent cells, apart from their products.
 *
 * One text (sequence_loops.h) for float and double and each CPU level, as with
 * map.h: no fused multiply-adds, so all of it is [exact].  Arrays are void *, of
 * the table's type.
 *
 * "units" is what one cell has; gates of a row lie one after the other, [gates x
 * units], in PyTorch's order: LSTM i f g o, GRU r z n.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_SEQUENCE_H
#define ML_KERNEL_SEQUENCE_H

#include "base/tensor.h"
#include "kernel/kernel.h"

struct ml_sequence_kernel
{
	/* h = tanh(a) or max(a, 0); n numbers */
	void		(*rnn[2]) (void *h, const void *a, size_t n);
	/* da = dh f'(a), from h = f(a); da may be h */
	void		(*rnn_back[2]) (void *da, const void *h, const void *dh, size_t n);

	/*
	 * gates [rows, 4 units]: sums, replaced by what they open; c = f c_before +
	 * i g (c may be c_before), h = o tanh(c); all [rows, units].
	 */
	void		(*lstm) (void *gates, void *h, void *c, const void *c_before, size_t rows, size_t units);
	/* dsums [rows, 4 units]; dc: of c, replaced by that of c_before; dh: of h */
	void		(*lstm_back) (void *dsums, void *dc, const void *dh, const void *gates, const void *c,
							  const void *c_before, size_t rows, size_t units);

	/*
	 * gates: sums of x [rows, 3 units], replaced by what they open; hidden [rows,
	 * 3 units]: sums of h_before.  n = tanh(x_n + r hidden_n), h = n + z (h_before
	 * - n); kept [rows, units] = hidden_n.  h may be h_before.
	 */
	void		(*gru) (void *gates, void *h, void *kept, const void *hidden, const void *h_before,
						size_t rows, size_t units);
	/* dx and dhidden [rows, 3 units]: of both sums; dh: of h, replaced by z dh */
	void		(*gru_back) (void *dx, void *dhidden, void *dh, const void *gates, const void *kept,
							 const void *h_before, size_t rows, size_t units);
};

static inline const ml_sequence_kernel *
ml_sequence_of(const ml_kernel *kernel, ml_dtype dtype)
{
	return kernel->sequence[dtype == ML_F64];
}

extern const ml_sequence_kernel ml_ref_sequence_f32;
extern const ml_sequence_kernel ml_ref_sequence_f64;
#if defined(__x86_64__)
extern const ml_sequence_kernel ml_avx2_sequence_f32;
extern const ml_sequence_kernel ml_avx2_sequence_f64;
extern const ml_sequence_kernel ml_avx512_sequence_f32;
extern const ml_sequence_kernel ml_avx512_sequence_f64;
#endif

#endif							/* ML_KERNEL_SEQUENCE_H */
