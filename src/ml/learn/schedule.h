/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  How the learning rate of a network's training goes with time.
 *
 * Time is counted in epochs or in steps ("unit"); t is the number of whole ones
 * done.  The first "warmup" of them rise in a line, rate x (t + 1) / warmup; the
 * schedule proper begins after them, with t - warmup for t:
 *
 *	  constant				rate
 *	  step					rate x factor^floor(t / every)
 *	  exponential			rate x factor^t
 *	  cosine				minimum + (rate - minimum) x (1 + cos(pi t / length)) / 2, and
 *							minimum from length on (length null: the whole training;
 *							Loshchilov and Hutter 2017)
 *	  reduce_on_plateau		after each epoch: if the loss has not fallen below (1 - threshold) x
 *							its best for more than "patience" epochs, the rate is multiplied by
 *							factor, to no less than minimum; then "cooldown" epochs don't count
 *
 * The formulas and the counting of epochs are those of PyTorch's StepLR,
 * ExponentialLR, CosineAnnealingLR and ReduceLROnPlateau.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SCHEDULE_H
#define ML_SCHEDULE_H

#include "graph/setting.h"

typedef enum ml_schedule_kind
{
	ML_SCHEDULE_CONSTANT,
	ML_SCHEDULE_STEP,
	ML_SCHEDULE_EXPONENTIAL,
	ML_SCHEDULE_COSINE,
	ML_SCHEDULE_REDUCE_ON_PLATEAU
} ml_schedule_kind;

typedef struct ml_schedule
{
	ml_schedule_kind kind;
	bool		by_steps;
	int64_t		warmup;
	int64_t		every;
	double		factor;
	int64_t		length;			/* 0: the whole training */
	double		minimum;
	int64_t		patience;
	double		threshold;
	int64_t		cooldown;
} ml_schedule;

/* What has been seen so far; a zeroed one is the beginning. */
typedef struct ml_schedule_state
{
	uint64_t	steps;
	uint64_t	epochs;
	bool		judged;			/* best is set */
	double		best;
	uint64_t	bad;			/* epochs since, patience's counter */
	uint64_t	cooling;		/* epochs that still don't count */
	double		reduced;		/* the rate as reduced; 0: not yet */
} ml_schedule_state;

/* JSON: a name, or an object with "type"; NULL: constant. */
extern ml_status ml_schedule_read(ml_context *ctx, const ml_json *node, ml_schedule *schedule);
extern ml_status ml_schedule_write(ml_context *ctx, const ml_schedule *schedule, ml_buffer *json);

/* The rate of the next step.  whole: epochs or steps, whichever is the unit, of the whole training. */
extern double ml_schedule_rate(const ml_schedule *schedule, const ml_schedule_state *state,
							   double rate, uint64_t whole);

/* An epoch is over; loss: what plateaus are judged by (validation's), less is better. */
extern void ml_schedule_epoch(const ml_schedule *schedule, ml_schedule_state *state, double rate,
							  double loss);

#endif							/* ML_SCHEDULE_H */
