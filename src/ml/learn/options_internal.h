/*-------------------------------------------------------------------------
 *
 * options_internal.h
 *	  What the files of the options share: options_table.c (the table),
 *	  options.c (reading, what goes together), options_write.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_OPTIONS_INTERNAL_H
#define ML_OPTIONS_INTERNAL_H

#include "learn/options.h"

typedef enum ml_option_kind
{
	ML_OPTION_INTEGER,			/* int */
	ML_OPTION_SEED,				/* uint64_t */
	ML_OPTION_NUMBER,			/* double */
	ML_OPTION_BOOLEAN,
	ML_OPTION_NGRAMS,			/* int[2] */
	ML_OPTION_TEXT,
	ML_OPTION_LABEL,			/* a text; what is written without quotes is taken as one */
	ML_OPTION_CHOICE,			/* an enum, by the names of its values */
	ML_OPTION_COLUMNS,
	ML_OPTION_IMPUTE,
	ML_OPTION_GAMMA,
	ML_OPTION_HOLDOUT,
	ML_OPTION_CLASS_WEIGHT,
	ML_OPTION_DEPLOY,
	ML_OPTION_JSON,				/* ml_text: an array, an object or a string, as it is */
	ML_OPTION_MEMORY,			/* uint64_t bytes: "256MB" */
	ML_OPTION_VALIDATION
} ml_option_kind;

/* The algorithms, bits of who takes an option. */
#define ML_TAKES_LINEAR		1
#define ML_TAKES_LOGISTIC	2
#define ML_TAKES_SVM		4
#define ML_TAKES_DESCENT	8
#define ML_TAKES_NETWORK	16

/* On what other options it depends whether an option does anything. */
typedef enum ml_option_when
{
	ML_WHEN_ALWAYS,
	ML_WHEN_KERNEL,				/* kernel is not linear */
	ML_WHEN_POLYNOMIAL,
	ML_WHEN_LINEAR,				/* kernel is linear */
	ML_WHEN_PENALTY,			/* penalty is not none */
	ML_WHEN_L1,					/* penalty has an L1 part, or may */
	ML_WHEN_EPSILON,			/* loss has an epsilon */
	ML_WHEN_STEPS,				/* optimizer takes some rows a step */
	ML_WHEN_MOMENTUM,
	ML_WHEN_ADAM,
	ML_WHEN_VALIDATION,			/* rows validate */
	ML_WHEN_UNPADDED			/* texts are as long as they are */
} ml_option_when;

typedef struct ml_option
{
	ml_text		name;
	ml_option_kind kind;
	size_t		offset;			/* in ml_options */
	double		min;
	double		max;
	const char *const *choices; /* of a CHOICE, ended by NULL */
	uint32_t	algorithms;		/* ML_TAKES_... */
	uint32_t	tasks;			/* ML_TASK(...) */
	uint32_t	subjects;		/* bits of ml_subject */
	ml_option_when when;
	ml_text		type;			/* as said to the user */
	ml_text		initial;		/* the default, as JSON */
	ml_text		with;			/* who takes it, as said to the user */
	ml_text		text;
} ml_option;

extern const ml_option ml_option_table[];
extern const int ml_option_count;

/* An algorithm and its defaults for tables (those for texts: ml_loss_row). */
typedef struct ml_algorithm
{
	ml_text		name;
	uint32_t	bit;			/* ML_TAKES_... */
	uint32_t	tasks;
	double		c;
	int			epochs;
	double		tolerance;
} ml_algorithm;

extern const ml_algorithm ml_algorithms[];
extern const int ml_algorithm_count;

static inline bool
ml_option_given(const ml_options *options, int i)
{
	return options->given[i / 64] >> (i % 64) & 1;
}

/* The algorithm of a name that was read; NULL for "auto". */
extern const ml_algorithm *ml_algorithm_find(ml_text name);

/*
 * Does an option do anything with the algorithm, task, subject and the other
 * options?  If not, *against says what stands against it.
 */
extern bool ml_option_applies(const ml_options *options, const ml_option *option,
							  const char **against);

/* Say where an option does something that does nothing here; returns ML_BAD_OPTION. */
extern ml_status ml_option_hint(ml_context *ctx, const ml_option *option, const ml_algorithm *algorithm);

#endif							/* ML_OPTIONS_INTERNAL_H */
