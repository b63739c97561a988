/*-------------------------------------------------------------------------
 *
 * kernel.h
 *	  Inner loops, one const table of functions per CPU level.
 *
 * ref.c is plain C, complete, and the definition of right.  The other tables
 * hold the same functions written for a level with __attribute__((target)),
 * so that one object serves every machine; where a level has nothing better,
 * its table names ref's.
 *
 * Exactness.  Functions marked [exact] give the same bits at every level:
 * integer sums, or floating sums in the order that ref.c fixes.  Everything
 * that the score of a stored linear model passes through is [exact].  The
 * others may differ in the last bits and are for training only.
 *
 * The level comes from CPUID, XGETBV and a table of what is fast on which
 * family; never from timing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_KERNEL_H
#define ML_KERNEL_H

#include "base/base.h"

typedef enum ml_level
{
	ML_LEVEL_AUTO,
	ML_LEVEL_REF,
	ML_LEVEL_AVX2,				/* AVX2, FMA, F16C, BMI2, POPCNT */
	ML_LEVEL_AVX512,			/* F, BW, DQ, VL, VNNI and what AVX2 has */
	ML_LEVEL_COUNT
} ml_level;

/* What 64 bytes of text are, a bit each. */
typedef struct ml_ascii_block
{
	uint64_t	word;			/* ASCII letters, digits, '_' */
	uint64_t	joint;			/* ' . , ; which join between letters or digits */
	uint64_t	symbol;			/* ! ? : ; = < which begin marks and emoticons */
	uint64_t	high;			/* bytes >= 0x80 */
} ml_ascii_block;

/* What the machines of squared hinge share between the rows of a pass. */
#define ML_HINGE_LANES	16
#define ML_HINGE_MOVED	1
#define ML_HINGE_AWAKE	2

typedef struct ml_hinge_lanes
{
	uint32_t	valid;			/* bit c: lane c is a machine, not padding */
	float		highest[ML_HINGE_LANES];	/* projected gradients in this pass */
	float		lowest[ML_HINGE_LANES];
	float		bound[ML_HINGE_LANES];	/* gradients above it: asleep */
	float		loss[ML_HINGE_LANES];	/* sum of weighted losses */
} ml_hinge_lanes;

/* 64 bits of a set, and how many are set in the blocks before it. */
typedef struct ml_bit_block
{
	uint64_t	bits;
	uint32_t	rank;
	uint32_t	unused;
} ml_bit_block;

/*
 * Loops of sequential minimal optimisation (learn/smo.c has the formulas).
 * Vectors lie in panels of 16: panel[width][16], and arrays have a multiple of
 * 16 elements.
 */
#define ML_SMO_LANES	16
#define ML_SMO_FLAT		1e-6f	/* least curvature of a step */

typedef struct ml_smo_kernel
{
	/* out[16 npanels] = exp(-gamma |x - v|^2), or (gamma x.v + coef0)^degree */
	void		(*rbf_row) (float *out, const float *panels, size_t npanels, size_t width,
							const float *x, float gamma);
	void		(*polynomial_row) (float *out, const float *panels, size_t npanels, size_t width,
								   const float *x, float gamma, float coef0, int degree);

	/* f -= delta (ki - kj); the number of the largest f + upper, which is *highest */
	size_t		(*smo_update) (float *f, const float *ki, const float *kj, float delta,
							   const float *upper, size_t n, float *highest);

	/*
	 * The t that gains most, (fi - f_t)^2 / (kii + diagonal_t - 2 ki_t), among
	 * those with f_t + lower_t < fi; *lowest: the least f + lower.
	 */
	size_t		(*smo_choose) (const float *f, const float *lower, const float *ki,
							   const float *diagonal, float kii, float fi, size_t n,
							   float *lowest);
} ml_smo_kernel;

/*
 * Loops of smooth losses over blocks of rows (learn/glm.c).  n is a multiple of
 * 8; columns lie "stride" apart, panels are [n][8].
 */
typedef struct ml_glm_kernel
{
	/* sums[r] += sum over j of weights[j] * columns[j * stride + r] */
	void		(*columns_dot) (double *sums, const double *columns, size_t stride,
								size_t ncolumns, const double *weights, size_t n);

	/* sums[j] += sum over r of factors[r] * columns[j * stride + r] */
	void		(*columns_sums) (double *sums, const double *columns, size_t stride,
								 size_t ncolumns, const double *factors, size_t n);

	/* to[8 r + j] = from[8 r + j] * factors[r] */
	void		(*panel_scale) (double *to, const double *from, const double *factors, size_t n);

	/*
	 * sums[offsets[levels[r]] + 8 p + j] += factors[r] * panels[p * stride +
	 * 8 r + j] for p < npanels and rows whose level is not UINT32_MAX
	 */
	void		(*levels_add) (double *sums, const size_t *offsets, const uint32_t *levels,
							   const double *panels, size_t stride, size_t npanels,
							   const double *factors, size_t n);

	/*
	 * Targets 0 or 1, scores log-odds: slopes and curves are first and second
	 * derivatives of the losses by the scores, times weights; returns the sum of
	 * weighted losses.
	 */
	double		(*logistic) (double *slopes, double *curves, const double *scores,
							 const double *targets, const double *weights, size_t n);

	/*
	 * Targets 0 .. nscores - 1; scores[nscores][stride] become probabilities;
	 * slopes[nscores][stride] and the result as above.
	 */
	double		(*softmax) (double *slopes, double *scores, size_t stride, size_t nscores,
							const double *targets, const double *weights, size_t n);

	/*
	 * max(0, 1 - y f)^2, y = 1 where the target is "own", else -1: slopes, curves
	 * (those of the rows that count) and the result as of logistic
	 */
	double		(*squared_hinge) (double *slopes, double *curves, const double *scores,
								  const double *targets, double own, const double *weights, size_t n);
} ml_glm_kernel;

/*
 * Loops over the values of columns of a table, NaN = missing; n is a multiple
 * of 8.
 */
#define ML_COLUMN_WHOLE		0x1.8p52	/* added and subtracted it rounds to a whole number */

typedef struct ml_column_sums
{
	double		weights;		/* of all values */
	double		n;				/* of those present, as are all below */
	double		sum;			/* of weight x (v - shift) */
	double		squares;		/* of weight x (v - shift)^2 */
	double		min;			/* of those before as well */
	double		max;
	double		fraction;		/* of distances from the nearest whole number, below 2^51 */
	uint64_t	present;
} ml_column_sums;

typedef struct ml_column_scale
{
	double		mean;
	double		scale;
	double		fill;			/* what missing values become */
	double		low;			/* others are clipped to [low, high] */
	double		high;
} ml_column_scale;

typedef struct ml_column_kernel
{
	/* [exact] sums over lanes i mod 8, then of the lanes */
	void		(*summarize) (ml_column_sums *sums, double shift, const double *values,
							  const double *weights, size_t n);

	/* [exact] to[i] = (filled or clipped from[i] - mean) / scale; false: one is not finite */
	bool		(*scale) (double *to, const double *from, size_t n, const ml_column_scale *by);

	/*
	 * [exact] Rows to columns: to[k * stride + r] = rows[r * width + k], k < ncolumns
	 * and r < nrows, of any number; false: one is larger than "most"
	 */
	bool		(*spread) (double *to, size_t stride, const double *rows, size_t width,
						   size_t ncolumns, size_t nrows, double most);
} ml_column_kernel;

/*
 * Kernel machines that serve (learn/machine.h).  Vectors lie in panels of 16:
 * panels[npanels][width][16], npanels > 0; rows x[nrows][width], nrows <=
 * ML_MACHINE_ROWS.
 */
#define ML_MACHINE_LANES	16
#define ML_MACHINE_ROWS		4

typedef struct ml_machine_terms
{
	float		gamma;
	float		coef0;
	int			degree;
} ml_machine_terms;

typedef struct ml_machine_kernel
{
	/*
	 * [exact] out[r * stride + v], v < 16 npanels, of row r and vector v:
	 * exp(-gamma |x - v|^2), or (gamma x.v + coef0)^degree
	 */
	void		(*rbf) (float *out, size_t stride, const float *panels, size_t npanels, size_t width,
						const float *x, size_t nrows, const ml_machine_terms *terms);
	void		(*polynomial) (float *out, size_t stride, const float *panels, size_t npanels,
							   size_t width, const float *x, size_t nrows, const ml_machine_terms *terms);

	/* [exact] sums[i] += sum over p < npanels of values[16 p + i] * coefficients[16 p + i], in order */
	void		(*sums) (double *sums, const float *values, const float *coefficients, size_t npanels);
} ml_machine_kernel;

typedef struct ml_network_kernel ml_network_kernel;
typedef struct ml_map_kernel ml_map_kernel;
typedef struct ml_sequence_kernel ml_sequence_kernel;
typedef struct ml_window_kernel ml_window_kernel;

typedef struct ml_kernel
{
	ml_level	level;
	const char *name;			/* "ref", "avx2", "avx512" */

	/*
	 * [exact] sums[c] += weight * row[c], c < n.  weight in [0, 4095]; the
	 * caller spills int32 sums before 4096 calls.
	 */
	void		(*accumulate_i8) (int32_t *sums, const int8_t *row, int32_t weight, size_t n);

	/*
	 * Training rows: n words of (count << 24 | id), ids distinct; tf[256] is
	 * the value of a count.  u holds "width" floats per id, and width is 4, 8
	 * or a multiple of 16.
	 *
	 * row_dot: the sum of tf[count] * u[id]; wide: sums[c] for each c < width
	 */
	float		(*row_dot) (const float *u, const uint32_t *words, size_t n, const float *tf);
	void		(*row_dot_wide) (float *sums, const float *u, size_t width,
								 const uint32_t *words, size_t n, const float *tf);

	/*
	 * u[id] += scale * tf[count] * idf[id]^2; wide: u[id][c] += scales[c] * ...
	 * idf may be NULL: 1 each.
	 */
	void		(*row_add) (float *u, const uint32_t *words, size_t n, const float *tf,
							const float *idf, float scale);
	void		(*row_add_wide) (float *u, size_t width, const uint32_t *words, size_t n,
								 const float *tf, const float *idf, const float *scales);

	/*
	 * One step of dual coordinate descent on a row, "width" (4, 8 or 16)
	 * machines at once (learn/linear_hinge.c has the formulas).  scores[c]:
	 * the row's score, replaced by y_c times the change of alpha[c]; y_c = 1
	 * for c = own, else -1.  d = D_ii, inverse = 1 / (Q_ii + D_ii).  Returns
	 * ML_HINGE_MOVED if any alpha changed, ML_HINGE_AWAKE if any machine has
	 * the row within its bound.
	 */
	uint32_t	(*hinge_step) (ml_hinge_lanes *h, float *alpha, float *scores, size_t width,
							   uint32_t own, float d, float inverse, float weight);

	/*
	 * [exact] Words of (count << 24 | bucket) -> those of (count << 24 | id)
	 * whose bucket's bit is set, in order, in place; df[id] += 1 for each.
	 * ranks[i] = number of bits set in the words of "bits" before i.  Returns
	 * how many words are left.
	 */
	size_t		(*row_map) (uint32_t *words, size_t n, const uint64_t *bits,
							const uint32_t *ranks, uint32_t *df);

	/*
	 * [exact] Buckets -> ids of those whose bit is set, in order, in place.
	 * Returns how many are left.
	 */
	size_t		(*bucket_map) (uint32_t *keys, size_t n, const ml_bit_block *blocks);

	/*
	 * [exact] dst = src with A-Z made a-z and every other byte as it is; for
	 * each 64 bytes one element of blocks, bit i for byte i, 0 behind size.
	 * Reads no byte of src behind size; dst has room for whole blocks (what is
	 * written behind size is of any value).  dst != src.
	 */
	void		(*fold_ascii) (char *dst, ml_ascii_block *blocks, const char *src, size_t size);

	/*
	 * Products of columns.  A panel is n rows of 8 columns, [n][8].
	 *
	 * products: c[p][i * ld + j] += sum over r < n of a[8 r + i] * b[p][8 r + j],
	 * i and j < 8, p < nb; nb is 1, 2 or 3
	 */
	void		(*products) (double *const *c, size_t ld, const double *a,
							 const double *const *b, size_t nb, size_t n);

	/*
	 * panel_sums: sums[j] += sum over r of weights[r] * (panel[8 r + j] -
	 * shift[j]); low[j] and high[j] become extremes of panel's too
	 *
	 * panel_center: panel[8 r + j] = ((panel[8 r + j] - shift[j]) - mean[j]) *
	 * factors[r]
	 *
	 * panel_pack: panel[8 r + j] = columns[j * stride + r] - shift[j] for j <
	 * ncolumns, 0 for the others of the 8; n is a multiple of 8
	 *
	 * panel_add: to[8 p + j] += weight * panels[p * stride + j], p < npanels
	 */
	void		(*panel_sums) (double *sums, double *low, double *high, const double *panel,
							   const double *shift, const double *weights, size_t n);
	void		(*panel_center) (double *panel, const double *shift, const double *mean,
								 const double *factors, size_t n);
	void		(*panel_pack) (double *panel, const double *columns, size_t stride,
							   size_t ncolumns, const double *shift, size_t n);
	void		(*panel_add) (double *to, const double *panels, size_t stride, size_t npanels,
							  double weight);

	const ml_smo_kernel *smo;
	const ml_machine_kernel *machine;
	const ml_glm_kernel *glm;
	const ml_column_kernel *column;
	const ml_network_kernel *network;	/* network.h */
	const ml_map_kernel *map[2];	/* F32, F64 (map.h) */
	const ml_sequence_kernel *sequence[2];	/* the same (sequence.h) */
	const ml_window_kernel *window[2];	/* the same (window.h) */
} ml_kernel;

/*
 * The table to use.  wanted: ML_LEVEL_AUTO or a level; one that this CPU
 * lacks falls back to the next lower one.
 */
extern const ml_kernel *ml_kernel_select(ml_level wanted);

/* The highest level that this CPU has, whether or not it is the fastest. */
extern ml_level ml_kernel_best(void);
extern const char *ml_level_name(ml_level level);

/* "AMD EPYC", vendor, family, model: what the choice was made from. */
extern size_t ml_kernel_cpu(char *buffer, size_t size);

extern const ml_kernel ml_kernel_ref;
#if defined(__x86_64__)
extern const ml_kernel ml_kernel_avx2;
extern const ml_kernel ml_kernel_avx512;
extern const ml_kernel ml_kernel_avx512_bf16;	/* of the same level */
#endif

#endif							/* ML_KERNEL_H */
