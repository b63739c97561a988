/*-------------------------------------------------------------------------
 *
 * manifest.h
 *	  What a version's manifest says of how it was trained.
 *
 * A trained version's manifest is what the stored file says of itself
 * (ml_stored_describe) and
 *	  "trained": {"source", "target", "features", "algorithm", "options":
 *				  as given, for the next training; "time_zone" and "continued_from",
 *				  where there are such; "by", "at", "seconds";
 *				  "report": what the engine found (ml_trainer_finish)}
 * An imported version has no "trained".  Of a checkpoint the stored file says
 * "checkpoint": {"epoch": done, "epochs": wanted}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_MANIFEST_H
#define AIAAS_MANIFEST_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "ml.h"

/* All that retrain needs. */
typedef struct manifest_recipe
{
	char	   *source;			/* fully qualified */
	char	   *target;
	int			nfeatures;
	char	  **features;
	ml_role    *roles;			/* [nfeatures] of an earlier version, AUTO where not known; or NULL */
	bool	   *left_out;		/* [nfeatures]: an earlier version found nothing in it to learn; or NULL */
	char	   *algorithm;
	char	   *options;		/* JSON */
	char	   *task;			/* of an earlier version, or NULL: to be found */
	char	   *time_zone;		/* that timestamptz are read in, or NULL */
	int32		continued_from; /* the version whose training was gone on with; 0: none */
} manifest_recipe;

/* stored and report: JSON of the engine. */
extern Jsonb *manifest_create(const manifest_recipe *recipe, ml_text stored,
							  ml_text report, double seconds);

/* False when the version was not trained here; an incomplete one is an error. */
extern bool manifest_read_recipe(const Jsonb *manifest, const char *subject,
								 manifest_recipe *recipe);

/* The target only; NULL when the version was not trained here. */
extern char *manifest_target(const Jsonb *manifest);

/*
 * Is it a checkpoint, a training that has not ended?  Its epochs, or NULL; 0
 * where they make no sense.
 */
extern bool manifest_checkpoint(const Jsonb *manifest, int *done, int *epochs);

/* "trained" or its "report"; NULL when absent. */
extern JsonbContainer *manifest_trained(const Jsonb *manifest);
extern JsonbContainer *manifest_report(const Jsonb *manifest);

/*
 * The figure of the held-out rows by which versions are compared: accuracy, or
 * of regressions r2.  Static; NULL for a task that is not known.
 */
extern const char *manifest_score_name(const Jsonb *manifest);
extern bool manifest_score(const Jsonb *manifest, double *value);

#endif							/* AIAAS_MANIFEST_H */
