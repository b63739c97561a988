/*-------------------------------------------------------------------------
 *
 * session.h
 *	  What is inside a session, for session.c and explain.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SESSION_H
#define ML_SESSION_H

#include "feature/encoder.h"
#include "model/image.h"

/* Words handed out at a time. */
#define ML_SESSION_TOKENS	64

struct ml_session
{
	const ml_image *image;
	const ml_kernel *kernel;
	ml_recipe	recipe;			/* the image's; what the encoder follows */
	ml_encoder *encoder;
	int64_t    *sums;			/* [nscores] of tf x weight */
	int32_t    *partial;		/* [nscores] the same since the last spill */
	double	   *logits;			/* [nscores] */
	uint16_t	tf[ML_TF_COUNTS];
	ml_arena	arena;			/* results of explain */
	ml_text		tokens[ML_SESSION_TOKENS];	/* results of tokens */
};

static inline uint32_t
ml_session_tf(const ml_session *session, uint32_t count)
{
	return session->tf[ML_MIN(count, ML_TF_COUNTS - 1)];
}

/*
 * Calibrated scores of one example -> session->logits; *unit is what turns
 * tf x weight into a part of a score before its scale (0 when nothing is
 * known).
 */
extern ml_status ml_session_score(ml_context *ctx, ml_session *session,
								  const ml_value *inputs, double *unit);

/* The label that the logits speak for: the first of the largest. */
extern uint32_t ml_session_best(const ml_session *session);

#endif							/* ML_SESSION_H */
