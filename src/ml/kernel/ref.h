/*-------------------------------------------------------------------------
 *
 * ref.h
 *	  Kernels by name, for the tables of levels that have nothing better.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_REF_H
#define ML_REF_H

#include "kernel/kernel.h"
#include "kernel/map.h"
#include "kernel/sequence.h"
#include "kernel/window.h"

/* A step of hinge_step that is not worth an update. */
#define HINGE_TINY	1e-9f

extern void ml_ref_accumulate_i8(int32_t *sums, const int8_t *row, int32_t weight, size_t n);
extern float ml_ref_row_dot(const float *u, const uint32_t *words, size_t n, const float *tf);
extern void ml_ref_row_dot_wide(float *sums, const float *u, size_t width,
								const uint32_t *words, size_t n, const float *tf);
extern void ml_ref_row_add(float *u, const uint32_t *words, size_t n, const float *tf,
						   const float *idf, float scale);
extern void ml_ref_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n,
								const float *tf, const float *idf, const float *scales);
extern uint32_t ml_ref_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width,
								  uint32_t own, float d, float inverse, float weight);
extern size_t ml_ref_row_map(uint32_t *words, size_t n, const uint64_t *bits,
							 const uint32_t *ranks, uint32_t *df);
extern size_t ml_ref_bucket_map(uint32_t *keys, size_t n, const ml_bit_block *blocks);
extern void ml_ref_fold_ascii(char *dst, ml_ascii_block *blocks, const char *src, size_t size);
extern void ml_ref_products(double *const *c, size_t ld, const double *a,
							const double *const *b, size_t nb, size_t n);
extern void ml_ref_panel_sums(double *sums, double *low, double *high, const double *panel,
							  const double *shift, const double *weights, size_t n);
extern void ml_ref_panel_center(double *panel, const double *shift, const double *mean,
								const double *factors, size_t n);
extern void ml_ref_panel_pack(double *panel, const double *columns, size_t stride,
							  size_t ncolumns, const double *shift, size_t n);
extern void ml_ref_panel_add(double *to, const double *panels, size_t stride, size_t npanels,
							 double weight);

#if defined(__x86_64__)
extern void ml_avx2_accumulate_i8(int32_t *sums, const int8_t *row, int32_t weight, size_t n);
extern size_t ml_avx2_bucket_map(uint32_t *keys, size_t n, const ml_bit_block *blocks);
extern void ml_avx2_row_dot_wide(float *sums, const float *u, size_t width,
								 const uint32_t *words, size_t n, const float *tf);
extern void ml_avx2_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n,
								 const float *tf, const float *idf, const float *scales);
extern uint32_t ml_avx2_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width,
								   uint32_t own, float d, float inverse, float weight);
extern uint32_t ml_avx512_hinge_step(ml_hinge_lanes *h, float *alpha, float *scores, size_t width,
									 uint32_t own, float d, float inverse, float weight);
extern size_t ml_avx2_row_map(uint32_t *words, size_t n, const uint64_t *bits,
							  const uint32_t *ranks, uint32_t *df);
extern void ml_avx512_row_dot_wide(float *sums, const float *u, size_t width,
								   const uint32_t *words, size_t n, const float *tf);
extern void ml_avx512_row_add_wide(float *u, size_t width, const uint32_t *words, size_t n,
								   const float *tf, const float *idf, const float *scales);
extern void ml_avx2_products(double *const *c, size_t ld, const double *a,
							const double *const *b, size_t nb, size_t n);
extern void ml_avx2_panel_sums(double *sums, double *low, double *high, const double *panel,
							  const double *shift, const double *weights, size_t n);
extern void ml_avx2_panel_center(double *panel, const double *shift, const double *mean,
								const double *factors, size_t n);
extern void ml_avx2_panel_pack(double *panel, const double *columns, size_t stride,
							  size_t ncolumns, const double *shift, size_t n);
extern void ml_avx2_panel_add(double *to, const double *panels, size_t stride, size_t npanels,
							 double weight);
extern void ml_avx512_products(double *const *c, size_t ld, const double *a,
							const double *const *b, size_t nb, size_t n);
extern void ml_avx512_panel_sums(double *sums, double *low, double *high, const double *panel,
							  const double *shift, const double *weights, size_t n);
extern void ml_avx512_panel_center(double *panel, const double *shift, const double *mean,
								const double *factors, size_t n);
extern void ml_avx512_panel_add(double *to, const double *panels, size_t stride, size_t npanels,
							 double weight);
#endif

/* === smo_ref.c, smo_x86.c === */

extern const ml_smo_kernel ml_ref_smo;
#if defined(__x86_64__)
extern const ml_smo_kernel ml_avx2_smo;
extern const ml_smo_kernel ml_avx512_smo;
#endif

/* === machine_ref.c, machine_x86.c === */

extern const ml_machine_kernel ml_ref_machine;
#if defined(__x86_64__)
extern const ml_machine_kernel ml_avx2_machine;
extern const ml_machine_kernel ml_avx512_machine;
#endif

/* === glm_ref.c, glm_x86.c === */

extern const ml_glm_kernel ml_ref_glm;
extern const ml_column_kernel ml_ref_column;
extern bool ml_ref_spread(double *to, size_t stride, const double *rows, size_t width, size_t ncolumns, size_t nrows,
						  double most);
#if defined(__x86_64__)
extern const ml_glm_kernel ml_avx2_glm;
extern const ml_glm_kernel ml_avx512_glm;
extern const ml_column_kernel ml_avx2_column;
extern const ml_column_kernel ml_avx512_column;
#endif

/* === network_ref.c, network_x86.c === */

extern const ml_network_kernel ml_ref_network;
#if defined(__x86_64__)
extern const ml_network_kernel ml_avx2_network;
extern const ml_network_kernel ml_avx512_network;
extern const ml_network_kernel ml_avx512_bf16_network;
#endif

#endif							/* ML_REF_H */
