/*-------------------------------------------------------------------------
 *
 * tabular.h
 *	  The fitted way from a row's values to its features, but for texts
 *	  (recipe.h): what a table's model stores of its columns.
 *
 * Features are numbered: dense ones 0 .. ndense-1, then the levels of
 * categories ndense .. ndense+nhot-1, then those of texts.
 *
 *	  number		(clip(v, low, high) - mean) / scale; a missing v is "fill"
 *	  array			one such feature for each item
 *	  date			parts, each such a number: "day" (days since 2000-01-01, with
 *					their fraction; of a time "seconds" since midnight); then sin
 *					and cos, for times and timestamps of the hour, that is of the
 *					time of the day in days; for dates and timestamps of the day
 *					of the week (Monday 0, in weeks) and of the year (January 1 0,
 *					in years of 365 or 366 days)
 *	  indicator		1 where the value is missing (of an array: it or any item),
 *					else 0; behind the column's other features; kept only where
 *					values were missing in training
 *	  category		one-hot: the feature of the value's level is 1.  Named levels
 *					in C order, then "other", in which those in fewer than "rare"
 *					rows are joined, then "missing" for missing values, where
 *					training had any and "impute" is not most_frequent
 *
 * Unseen values, policy "other": the level "other"; where training had no rare
 * value no level at all, so that they add nothing.  Policy "error": ML_BAD_INPUT.
 * A missing value of a category is an unseen one where there is neither a level
 * for it nor a most frequent one that stands for it.
 *
 * The struct is a view: all arrays are borrowed, from the arena of a training
 * or from an image, where they are read-only and shared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TABULAR_H
#define ML_TABULAR_H

#include "base/mem.h"
#include "base/print.h"
#include "feature/column.h"

#include <math.h>

#define ML_NO_TERM			UINT32_MAX
#define ML_TERMS_MAX		(UINT32_C(1) << 28) /* features, and levels, of a table */
#define ML_DATE_PARTS_MAX	7

typedef enum ml_unseen
{
	ML_UNSEEN_OTHER,
	ML_UNSEEN_ERROR
} ml_unseen;

/* How one value becomes a dense feature; in order of the features. */
typedef struct ml_scaling
{
	double		mean;
	double		scale;			/* > 0; 1 when not standardised or constant */
	double		fill;			/* for missing values, in the column's units */
	double		low;			/* -infinity without winsorising */
	double		high;
} ml_scaling;

/* Fixed width, no pointers: lies in images as it is. */
typedef struct ml_tabular_column
{
	uint32_t	type;			/* ml_type */
	uint32_t	role;			/* ml_role: not AUTO, not IGNORE */
	uint32_t	first;			/* its first feature (TEXT: unused) */
	uint32_t	nterms;			/* features: 1, parts, items or levels; without indicator; of a series its channels */
	uint32_t	indicator;		/* feature, or ML_NO_TERM */
	uint32_t	first_level;	/* category: index of its first level */
	uint32_t	nlevels;		/* named ones, sorted in C order; level i is feature first + i */
	uint32_t	njoined;		/* behind them, sorted as well: those in "other"; only with ML_UNSEEN_ERROR */
	uint32_t	other;			/* feature of rare and unseen values, or ML_NO_TERM */
	uint32_t	missing;		/* feature of missing values, or ML_NO_TERM */
	uint32_t	most_frequent;	/* feature that stands for a missing value, or ML_NO_TERM */
	uint32_t	reference;		/* feature that an unpenalised regression leaves out, or ML_NO_TERM */
	uint32_t	first_slot;		/* into slots: a power of two of them, at least twice the levels */
	uint32_t	nslots;
} ml_tabular_column;

typedef struct ml_tabular
{
	uint32_t	ncolumns;
	uint32_t	ndense;			/* features that are numbers, indicators included */
	uint32_t	nhot;			/* features that are levels */
	uint32_t	nlevels;		/* of all categories, named and joined */
	uint32_t	ncategories;	/* columns with role category */
	uint32_t	ntexts;			/* columns with role text */
	uint32_t	nchannels;		/* of all columns with role series */
	ml_unseen	unseen;
	bool		standardize;
	const ml_text *names;		/* [ncolumns] */
	ml_text		time_zone;		/* that timestamptz were read in */
	const ml_tabular_column *columns;	/* [ncolumns] */
	const ml_scaling *scaling;	/* [ndense]; of indicators {0, 1, 0, -inf, inf} */
	const uint64_t *level_end;	/* [nlevels]: where each level's bytes end in "levels" */
	const char *levels;
	uint32_t	nslots;
	const uint32_t *slots;		/* hash tables of levels: 1 + level within its column, 0 = free */
} ml_tabular;

/*
 * Features of one row: dense[ndense], hot[ncategories]: the feature that is 1,
 * or ML_NO_TERM.  Texts are not looked at.  ML_BAD_INPUT: an infinite number
 * where nothing clips it, an array of another length, an unseen value under
 * the policy "error"; the message names the column.
 */
extern ml_status ml_tabular_encode(ml_context *ctx, const ml_tabular *tabular,
								   const ml_value *inputs, double *dense, uint32_t *hot);

/* True when every input that is not a text is missing. */
extern bool ml_tabular_missing(const ml_tabular *tabular, const ml_value *inputs);

/* The dense feature of a value that may be NaN for missing; NaN if it is out of range. */
static inline double
ml_tabular_scale(const ml_scaling *scaling, double value)
{
	if (isnan(value))
		value = scaling->fill;
	else
	{
		value = value < scaling->low ? scaling->low : value;
		value = value > scaling->high ? scaling->high : value;
	}
	value = (value - scaling->mean) / scaling->scale;
	return isfinite(value) ? value : NAN;
}

/* The level of a value in a category's column: its feature, or ML_NO_TERM. */
extern uint32_t ml_tabular_level(const ml_tabular *tabular, uint32_t column, ml_text value);

extern ml_text ml_tabular_level_name(const ml_tabular *tabular, uint32_t column, uint32_t level);

/* The column that a dense or one-hot feature belongs to. */
extern uint32_t ml_tabular_column_of(const ml_tabular *tabular, uint32_t term);

/*
 * What a feature is called: "distance", "distance is null", "x[3]" (from 1),
 * "day of time_hour", "sin of hour of time_hour", "carrier = UA",
 * "carrier = (other)", "carrier is null".
 */
extern ml_status ml_tabular_term(ml_context *ctx, const ml_tabular *tabular, uint32_t term,
								 ml_buffer *name);

/*
 * The columns with their roles and scalars as JSON, for the stored file and
 * for people: "columns": [{"name", "type", "role", ...}].  Levels, scalings
 * are tensors of the file (stored_table.h).
 */
extern ml_status ml_tabular_write(ml_context *ctx, const ml_tabular *tabular, ml_buffer *json);

/*
 * JSON as written; fills columns, names and scalars in the arena and checks all
 * numbers against each other; the arrays that are tensors (scaling, level_end,
 * levels) are the caller's to set, and then ml_tabular_check to call.  ML_BAD_MODEL.
 */
extern ml_status ml_tabular_read(ml_context *ctx, ml_arena *arena, ml_text json,
								 ml_tabular *tabular);

/*
 * Are scalings finite and positive, and levels (which have "size" bytes in all)
 * UTF-8, in order and distinct?  ML_BAD_MODEL.
 */
extern ml_status ml_tabular_check(ml_context *ctx, const ml_tabular *tabular, size_t size);

/* Fill slots[nslots] from the levels: what an image keeps beside them. */
extern ml_status ml_tabular_hash(ml_context *ctx, const ml_tabular *tabular, uint32_t *slots);

/*
 * Seconds -> the parts of a date (ML_DATE_PARTS_MAX at most); returns how many.
 * All are NaN for NaN, and infinite where the seconds are, or beyond any date.
 */
extern int	ml_date_parts(ml_type type, double seconds, double *parts);
extern int	ml_date_nparts(ml_type type);

/* "day", "sin of hour", ... */
extern const char *ml_date_part_name(ml_type type, int part);

#endif							/* ML_TABULAR_H */
