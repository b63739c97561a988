/*-------------------------------------------------------------------------
 *
 * network.h
 *	  Inner loops of neural networks in single precision: products of all kinds,
 *	  their packing, fused rows, steps of optimisers.  (Arithmetic and functions
 *	  over contiguous numbers are map.h's.)
 *
 * One primitive, "product", is behind linear layers, convolutions and their
 * gradients: a block of c [rows, lanes] with free strides of all operands and a
 * sum over two nested indices.  Its caller says where things lie; how it is cut
 * into tiles of registers and caches is the level's own affair.
 *
 * Exactness: an element of c is one chain of fused multiply-adds in the order of
 * the indices, however the block is cut, so its bits depend neither on the
 * number of rows and lanes, nor on the position in the block, and are the same
 * with AVX2 and AVX-512.  ref, for CPUs without fused multiply-add, rounds
 * twice where the others round once.  The fused rows are [exact] at all levels:
 * sums go over 16 virtual lanes (element i into lane i % 16), folded in a fixed
 * tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_NETWORK_H
#define ML_KERNEL_NETWORK_H

#include "kernel/kernel.h"

/* Activations: attribute "activation" of ops that end with one. */
typedef enum ml_activation
{
	ML_LINEAR,
	ML_RELU,
	ML_LEAKY_RELU,
	ML_ELU,
	ML_GELU,					/* by erf */
	ML_GELU_TANH,
	ML_SILU,
	ML_TANH,
	ML_SIGMOID,
	ML_ACTIVATIONS
} ml_activation;

/* Columns of a panel: the lanes of c, and of b, that lie side by side. */
#define ML_PANEL		32

/*
 * c[r, l] = start + sum over o < outer, i < inner (i the faster one) of
 *			 a[r, o, i] * b[o, i, l]
 *
 * start is 0; with "add" what c holds; else with "bias" bias[l]; else with "starts"
 * starts[r][first_lane + l], from memory that is seldom in the cache: what lies
 * behind the lanes of a tile is asked for ahead, be it there or not.  Strides are in
 * elements and may be 0 or negative; lanes are contiguous in panels of 32: lane l of
 * b is at l / 32 * b_panel + l % 32, and of c likewise (the stride of a plain matrix
 * is 32).  No byte behind the last lane is touched.
 *
 * a: row r is at r * a_row; or, with a_tile != 0, where rows are packed in groups
 * of 12, at r / 12 * a_tile + r % 12 * a_row.
 *
 * A call should be no more than some 10^8 multiply-adds: its caller polls.
 */
#define ML_TILE_ROWS	12

typedef struct ml_product
{
	float	   *c;
	int64_t		c_row;
	int64_t		c_panel;
	const float *a;
	int64_t		a_row;
	int64_t		a_tile;
	int64_t		a_outer;
	int64_t		a_inner;
	const float *b;
	int64_t		b_panel;
	int64_t		b_outer;
	int64_t		b_inner;
	const float *bias;			/* [lanes] or NULL */
	const float *const *starts; /* [rows] or NULL */
	size_t		first_lane;		/* of starts */
	size_t		rows;
	size_t		lanes;
	size_t		outer;
	size_t		inner;
	bool		add;
} ml_product;

/*
 * A step of an optimiser over n numbers: weights w, gradients g, moments m and
 * v.  All arrays are of the same n; g NULL: gradients of 0 (rows of an embedding
 * that no row of the batch touched).  Elementwise, so a vector may be cut
 * anywhere.
 *
 * Of each gradient first g = min(max(g * scale, -limit), limit), then
 * g += decay * w, where w has been multiplied by "shrink".
 *
 * The formulas are PyTorch's (torch.optim of 2.x; Kingma and Ba 2015; Loshchilov
 * and Hutter 2019; Duchi, Hazan, Singer 2011).
 */
typedef struct ml_step
{
	float		rate;			/* learning rate; of Adam divided by 1 - beta1^t */
	float		scale;			/* clipping by norm; 1: none */
	float		limit;			/* clipping by value; INFINITY: none */
	float		decay;			/* weight decay into the gradient; 0: none */
	float		shrink;			/* decoupled weight decay: 1 - learning rate * decay; 1: none */
	float		beta1;			/* momentum; of Adam: of the first moment */
	float		beta2;			/* RMSProp and Adam: of the second moment */
	float		rest1;			/* 1 - beta1 and 1 - beta2, rounded once: of 0.999f 1 - beta2 is 1e-5 off */
	float		rest2;
	float		epsilon;
	float		root;			/* Adam: 1 / sqrt(1 - beta2^t) */
} ml_step;

/* Bytes of a group of 32 blocks of Q8: of one panel, 32 rows. */
#define ML_Q8_GROUP		(ML_PANEL * (4 + ML_PANEL))

struct ml_network_kernel
{
	void		(*product) (const ml_product *product);

	/*
	 * The same, where numbers of a and b are pairs of bf16 (the first in the low
	 * half): a pair's two products are added to c.  For training: their order
	 * and rounding differ between CPUs.
	 */
	void		(*product_pairs) (const ml_product *product);

	/*
	 * panels[p * panel + r * 32 + l] = from[r * from_row + 32 p + l], r < rows;
	 * 0 for columns of the last panel that don't exist
	 */
	void		(*pack) (float *panels, int64_t panel, const float *from, int64_t from_row, size_t rows,
						 size_t columns);

	/*
	 * Pairs of rows, rounded to bf16: panels[p * panel + i * width + l] = from[2 i *
	 * from_row + width p + l] and from[(2 i + 1) * from_row + ..]; 0 for rows and
	 * columns that don't exist
	 */
	void		(*pack_pairs) (uint32_t *panels, size_t width, int64_t panel, const float *from,
							   int64_t from_row, size_t rows, size_t columns);

	/* Pairs of columns: to[r * to_row + i] = from[r * from_row + 2 i] and the next one, 0 behind the last */
	void		(*round_rows) (uint32_t *to, int64_t to_row, const float *from, int64_t from_row, size_t rows,
							   size_t columns);

	/* The same, turned: to[i * to_row + r] = from[r * from_row + 2 i] and the next one */
	void		(*turn_pairs) (uint32_t *to, int64_t to_row, const float *from, int64_t from_row, size_t rows,
							   size_t columns);

	/*
	 * [exact] Narrow weights of a panel to floats, [rows][32]: of bf16; of blocks of
	 * Q8, which lie in groups of 32 rows: 32 scales, one for each column, then 32 x
	 * 32 int8.  rows: of Q8 a multiple of 32.
	 */
	void		(*widen_bf16) (float *to, const uint16_t *from, size_t rows);
	void		(*widen_q8) (float *to, const void *from, size_t rows);

	/* to[c * to_row + r] = from[r * from_row + c] */
	void		(*transpose) (float *to, int64_t to_row, const float *from, int64_t from_row, size_t rows,
							  size_t columns);

	/* [exact] sums[c] (add: +)= the sum over r < rows of x[r * x_row + c], in order of r */
	void		(*sum_rows) (float *sums, const float *x, int64_t x_row, size_t rows, size_t columns, bool add);

	/*
	 * [exact] Attention.  A stretch of some rows of softmax: the n[r] scores from r * row
	 * on become exp(scale score - maximum), with maxima and sums (of these) over all
	 * stretches so far; scale >= 0.  factors[r]: by what sums over earlier ones are to be
	 * multiplied.
	 */
	void		(*attend) (float *scores, int64_t row, const size_t *n, size_t rows, float scale, float *maxima,
						   float *sums, float *factors);
	/*
	 * [exact] scores[n] become p = exp(scale score - logsum), slopes[n] (of p) those of
	 * scores: scale p (slope - shift)
	 */
	void		(*attend_back) (float *scores, float *slopes, size_t n, float scale, float logsum, float shift);
	/* [exact] to[r] = the sum over i < n of x[r * x_row + i] * y[r * y_row + i], r < rows */
	void		(*dots) (float *to, const float *x, int64_t x_row, const float *y, int64_t y_row, size_t rows,
						 size_t n);

	/*
	 * y[i] = GELU(x[i]) (by erf), slopes[i] = its slope; both may lie on x.  For
	 * training: rounding differs between CPUs.
	 */
	void		(*gelu) (float *y, float *slopes, const float *x, size_t n);

	/* The sum of squares, for clipping by norm; of norms too large for a float as well. */
	double		(*norm2) (const float *g, size_t n);

	/* w = shrink w - rate g */
	void		(*sgd) (const ml_step *s, float *w, const float *g, size_t n);
	/* m = beta1 m + g; w = shrink w - rate m */
	void		(*momentum) (const ml_step *s, float *w, const float *g, float *m, size_t n);
	/* m = beta1 m + g; w = shrink w - rate (g + beta1 m) */
	void		(*nesterov) (const ml_step *s, float *w, const float *g, float *m, size_t n);
	/* v += g^2; w = shrink w - rate g / (sqrt(v) + epsilon) */
	void		(*adagrad) (const ml_step *s, float *w, const float *g, float *v, size_t n);
	/* v = beta2 v + rest2 g^2; w = shrink w - rate g / (sqrt(v) + epsilon) */
	void		(*rmsprop) (const ml_step *s, float *w, const float *g, float *v, size_t n);
	/* the same, but m = beta1 m + g / (sqrt(v) + epsilon); w = shrink w - rate m */
	void		(*rmsprop_momentum) (const ml_step *s, float *w, const float *g, float *m, float *v, size_t n);
	/*
	 * m = m + rest1 (g - m); v = beta2 v + rest2 g^2;
	 * w = shrink w - rate m / (root sqrt(v) + epsilon)
	 */
	void		(*adam) (const ml_step *s, float *w, const float *g, float *m, float *v, size_t n);
};

#endif							/* ML_KERNEL_NETWORK_H */
