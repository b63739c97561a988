/*-------------------------------------------------------------------------
 *
 * summary.h
 *	  What the values of one number column are like: moments, extremes, the
 *	  most frequent value, quantiles; and from these a model's scalings.
 *
 * One pass, constant memory.  Missing values are counted apart.  Moments are
 * kept about the first value (exact for shifted data); quantiles and the most
 * frequent value come from ML_SUMMARY_BINS counted values, exact while there
 * are no more distinct ones; beyond that bins are intervals that follow the
 * values (summary_bins.h), a quantile is interpolated in its bin, and the most
 * frequent value is one that has most of its bin.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SUMMARY_H
#define ML_SUMMARY_H

#include "feature/roles.h"
#include "feature/tabular.h"
#include "kernel/kernel.h"

#define ML_SUMMARY_BINS 4096

typedef struct ml_summary
{
	const ml_kernel *kernel;
	double		n;				/* weights of values present */
	double		missing;		/* weights of values absent */
	uint64_t	nvalues;		/* rows of each */
	uint64_t	nmissing;
	double		shift;			/* the first value */
	double		sum;			/* of weight x (v - shift) */
	double		squares;		/* of weight x (v - shift)^2 */
	bool		weighted;		/* weights were given; then, while integers: */
	double		plain_sum;		/* of v - shift */
	double		plain_squares;	/* of (v - shift)^2 */
	double		min;
	double		max;
	bool		integers;		/* all values are whole numbers; true at first */
	struct ml_summary_bins *bins;	/* NULL unless asked for */
} ml_summary;

/* counting: keep bins, for quantiles and the most frequent value. */
extern ml_status ml_summary_open(ml_context *ctx, ml_summary *summary, const ml_kernel *kernel, bool counting);
extern void ml_summary_close(ml_context *ctx, ml_summary *summary);

/* n values, NaN = missing, with weights (NULL: 1 each; 0 = not there).  ML_BAD_DATA: infinite. */
extern ml_status ml_summary_add(ml_context *ctx, ml_summary *summary, const double *values,
								const double *weights, size_t n);

extern double ml_summary_mean(const ml_summary *summary);
extern double ml_summary_deviation(const ml_summary *summary);	/* root of the mean square */

/*
 * Those of the values after clipping to [low, high]; needs bins.
 */
extern void ml_summary_clipped(const ml_summary *summary, double low, double high,
							   double *mean, double *deviation);

/*
 * Between the two values nearest to the place q (n - 1) of the sorted ones
 * (numpy's "linear"); weighted ones count as if their mean were 1.  NaN without
 * bins or values.
 */
extern double ml_summary_quantile(const ml_summary *summary, double q);

/* The least of the most frequent (heaviest) values; NaN likewise. */
extern double ml_summary_mode(const ml_summary *summary);

/*
 * Are these n whole numbers, none missing, an unbroken run a, a+1, ..., a+n-1
 * in any order?  Said from n, min, max, sum and sum of squares, without
 * weights; for n < 20 never.
 */
extern bool ml_summary_sequence(const ml_summary *summary);

typedef enum ml_impute
{
	ML_IMPUTE_MEAN,
	ML_IMPUTE_MOST_FREQUENT,
	ML_IMPUTE_CONSTANT
} ml_impute;

/* Options of the recipe of a table. */
typedef struct ml_tabular_options
{
	bool		standardize;
	ml_impute	impute;
	double		constant;		/* for ML_IMPUTE_CONSTANT */
	bool		indicator;
	int			rare;			/* levels in fewer rows are joined */
	ml_unseen	unseen;
	double		winsorize;		/* share clipped at either end; 0 = none */
	bool		reference;		/* choose reference levels (unpenalised regression): the first
								 * in C order that is not rare, as R and statsmodels do */
	ml_text		time_zone;
} ml_tabular_options;

/*
 * The fitted recipe.  Numbers are clipped, then imputed, then standardised:
 * mean and scale are those of the column after the first two.  Parts of dates
 * are not clipped, and imputed by their means.  A constant gets scale 1, so that
 * its feature is 0.
 *
 * columns[ncolumns] with roles decided and sizes of arrays set; those
 * to IGNORE must be gone.  summaries: one per dense value in order of the columns (a
 * number 1, an array its length, a date its parts after ml_date_parts);
 * levels: one per category in order of the columns, counted over the rows
 * that learn (a level with count 0 is as unseen), with missing[] the rows where
 * it is absent.  map[category][number
 * of ml_levels] = feature or ML_NO_TERM is allocated in the arena, for who has
 * kept the numbers.  A column without any value: ML_BAD_DATA unless it is to be
 * imputed by a constant.  Everything of the result lives in the arena.
 */
extern ml_status ml_tabular_fit(ml_context *ctx, ml_arena *arena, const ml_column *columns,
								uint32_t ncolumns, const ml_summary *summaries,
								const ml_levels *const *levels,
								const uint64_t *missing,
								const ml_tabular_options *options,
								ml_tabular *tabular, uint32_t ***map);

#endif							/* ML_SUMMARY_H */
