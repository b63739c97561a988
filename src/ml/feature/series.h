/*-------------------------------------------------------------------------
 *
 * series.h
 *	  Arrays as sequences, for networks: what is looked at of one, what is wrong
 *	  with one, and how its numbers are scaled.
 *
 * A series is [steps][channels]; an array of one dimension has one channel.  Each
 * channel is scaled by itself: less its mean, divided by its standard deviation,
 * both over all steps of the rows that learn.  Steps beyond the most that are
 * looked at are not there, as words of texts that are too long.  No array, and
 * an empty one, are a series without steps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SERIES_H
#define ML_SERIES_H

#include "feature/column.h"

#define ML_SERIES_NUMBERS	65536	/* of a series that nobody has said more of; and most channels */

typedef struct ml_channel
{
	double		mean;
	double		scale;			/* > 0; 1 when not standardised or constant */
} ml_channel;

/* What is wrong with a series. */
typedef enum ml_series_fault
{
	ML_SERIES_SOUND,
	ML_SERIES_CHANNELS,			/* it has others */
	ML_SERIES_MISSING,			/* a step has a null or NaN */
	ML_SERIES_INFINITE,
	ML_SERIES_RANGE				/* a number is too large for a float */
} ml_series_fault;

/* Steps that are looked at when nobody says: as many as make ML_SERIES_NUMBERS numbers. */
static inline uint32_t
ml_series_most(uint32_t channels)
{
	return channels == 0 ? ML_SERIES_NUMBERS : ML_MAX(ML_SERIES_NUMBERS / channels, UINT32_C(1));
}

static inline uint32_t
ml_series_channels(ml_items items)
{
	return items.width > 0 ? items.width : 1;
}

typedef struct ml_series_view
{
	uint32_t	steps;			/* that are looked at */
	ml_series_fault fault;
	size_t		at;				/* number, from 0, that isn't sound */
} ml_series_view;

/* How many of its steps are looked at, at most "most", and what is wrong with them. */
extern ml_status ml_series_look(ml_context *ctx, ml_items items, uint32_t channels, uint32_t most,
								ml_series_view *view);

/* n numbers, channel by channel within steps, scaled -> to[n]; SOUND or RANGE. */
extern ml_series_fault ml_series_scale(const double *numbers, size_t n, const ml_channel *channels,
									   uint32_t nchannels, float *to, size_t *at);

/* Fail with what is wrong: 'who' has a null or NaN ... */
extern ml_status ml_series_refuse(ml_context *ctx, ml_status status, const ml_series_view *view, const char *who,
								  ml_items items, uint32_t channels);

#endif							/* ML_SERIES_H */
